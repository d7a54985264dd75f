/* SPDX-License-Identifier: Apache-2.0 */
/* 2,000 recordings of noise alone: not one lock. The accepted probability is 1e-9 a run, so that one lock in 2,000 would be a
 * defect; and the last of the clocks that drift. Every fiftieth searches with the usual effort, the others with less, which looks at fewer lines. */
#include <check.h>
#include <stdio.h>
#include "drifts_suite.h"
#include "run_all.h"
#include "tag_source.h"

START_TEST(noise_never_locks) {
    qd_device *dev = NULL;
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) dev = NULL;
    double most = 0;
    for (uint64_t k = 0; k < 2000; k++) {
        double rate = k % 3 == 0 ? 3e4 : k % 3 == 1 ? 1e5 : 4e5;
        bool parts = k % 50 == 5; /* 20 s: long enough to be searched for a clock that drifts, in a part as well */
        if (parts) rate = 1500;
        double events = parts ? 3e4 : k % 2 ? 3e3 : 1e4;
        tag_source s = {events / rate, 0, rate, rate, 300, 0, 0, 5000 + k};
        qd_sync_params p = {.max_offset_s = 0.0005, .max_ppm = 50, .effort = k % 50 ? QD_EFFORT_LOW : QD_EFFORT_NORMAL, .follows = true};
        qd_tags a = {.tick = {125, 32}}, b = {.tick = {125, 32}};
        qd_clock c;
        qd_sync_report r;
        qd_error err = {0};
        tag_source_run(&s, &a, &b);
        ck_assert_int_eq(qd_correlate(dev, &a, &b, &p, &c, &r, &err), QD_E_POLICY);
        if (r.significance > most) most = r.significance;
        /* P_false is honest: 2,000 draws of a probability p show p < 1e-5 with a chance of 2 % at most. */
        ck_assert_double_gt(r.p_false, 1e-5);
        qd_tags_destroy(&a);
        qd_tags_destroy(&b);
    }
    printf("largest significance in 2,000 runs of noise: %.2f\n", most);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("correlate full");
    TCase *tc = tcase_create("noise");
    tcase_set_timeout(tc, 3000);
    tcase_add_test(tc, noise_never_locks);
    tcase_add_loop_test(tc, drifts, BENT - 1, BENT);
    suite_add_tcase(s, tc);
    return run_all(s);
}
