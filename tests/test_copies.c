/* SPDX-License-Identifier: Apache-2.0 */
/* A recording that holds its pairs twice, at two offsets, has no one clock: refused, however bright it is and however far apart
 * they are. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "qdistill/compute.h"
#include "qdistill/link.h"
#include "qdistill/timetag.h"
#include "run_all.h"

static int by_time(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return a < b ? -1 : a > b;
}

/* Share of B's events that is later, in sixteenths, and by how much; share of the events with a partner. */
static const struct {
    double eta, later_s;
    unsigned of16;
} cases[] = {{0.08, 0.05, 8},
             {0.08, 0.2, 10},
             {0.08, -0.5, 8},
             {0.2, 0.9, 6},
             {0.03, 0.05, 8},
             {0.08, 3.3e-3, 8},
             /* below every bin of the search; nearer than 20 ns they are delays of detectors */
             {0.08, 200e-9, 8},
             {0.08, 37e-9, 5},
             {0.08, 37e-9, 8},
             {0.08, 5e-9, 8},
             {0.08, 0, 0}};
enum { CASES = sizeof cases / sizeof *cases };

START_TEST(no_one_clock) {
    qd_device *dev = NULL;
    (void)qd_device_open("cpu", &dev, NULL);
    const qd_two_stations s = {.rate_a = 2e5,
                               .rate_b = 2e5,
                               .pairs = cases[_i].eta * 2e5,
                               .seconds = 5,
                               .sigma_ps = 200,
                               .ppm = 12,
                               .offset_s = 0.05,
                               .seed = 60 + (uint64_t)_i};
    qd_tags a = {.tick = {125, 32}}, b = a;
    qd_error err = {0};
    qd_clock clock;
    qd_sync_report r;
    const qd_sync_params p = {.max_offset_s = 1, .max_ppm = 0x1p-13 * 1e6};
    ck_assert_int_eq(qd_two_stations_run(&s, &a, &b, &err), QD_OK);
    for (uint64_t i = 0; i < b.n; i++) {
        uint32_t w[4];
        qd_philox(s.seed, QD_STREAM_TEST, i, 0, w);
        if (w[0] % 16 < cases[_i].of16) b.t[i] += (int64_t)(cases[_i].later_s * 256e9);
    }
    qsort(b.t, b.n, sizeof *b.t, by_time);
    qd_status st = qd_correlate(dev, &a, &b, &p, &clock, &r, &err);
    const bool one = cases[_i].of16 == 0 || fabs(cases[_i].later_s) < 20e-9;
    ck_assert_msg(st == (one ? QD_OK : QD_E_POLICY), "copy %g s later: %s (%s), %g s", cases[_i].later_s, err.what, err.cause,
                  r.offset_ps * 1e-12);
    if (st != QD_OK) ck_assert_int_eq(r.cause, QD_LOCK_TWO_CANDIDATES);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("copies");
    TCase *c = tcase_create("copies");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, no_one_clock, 0, CASES);
    suite_add_tcase(s, c);
    return run_all(s);
}
