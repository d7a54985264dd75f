/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal names suffices, at low effort and on short recordings; and a prior never makes a search see less. */
#include "prior_suite.h"

#include "timetag/sync.h"

START_TEST(low_effort) {
    qd_device *dev = open_cpu();
    const weak_link w = {4e5, 0.01, 1, 0.1, 0x1p-13 * 1e6, QD_EFFORT_LOW};
    ck_assert_int_ge(remedies_suffice(&w, 20, false, dev), 1);
    qd_device_close(dev);
}
END_TEST

/* Limits hold at B's first event: of a microsecond nothing is left 2 s later, where a frequency within 50 ppm has moved the line by
 * 100. Where lags go no farther than the offset's limit none of five locks. */
START_TEST(a_microsecond_at_the_beginning) {
    enum { SEEDS = 5 };
    qd_device *dev = open_cpu();
    const weak_link w = {1e6, 0.004, 4, 1e-6, 50, QD_EFFORT_NORMAL};
    const qd_remedy none = {.effort = QD_EFFORT_NORMAL};
    qd_sync_report r;
    int locks = 0;
    for (uint64_t k = 0; k < SEEDS; k++) locks += search_once(&w, &none, 300 + k, dev, &r) == QD_OK;
    ck_assert_int_ge(locks, SEEDS - 1);
    qd_device_close(dev);
}
END_TEST

/* Of limits half as wide, of one kind or of both, no search may see a stronger link alone: it would have been the better advice
 * to know less. */
START_TEST(less_is_not_more) {
    qd_tags a = {.tick = {125, 32}, .n = 1}, b = a;
    qd_error err = {0};
    for (int e = 0; e < QD_EFFORTS; e++)
        for (double seconds = 0.1; seconds < 20; seconds *= 4)
            for (double off = 1; off > 1e-8; off /= 2)
                for (double ppm = 128; ppm > 0.01; ppm /= 2) {
                    qd_strip used = {.a = &a, .b = &b, .from = 0, .to = (int64_t)(seconds * 256e9)};
                    double sees[3];
                    for (int k = 0; k < 3; k++) {
                        qd_search s = {.max_offset = (int64_t)(off * (k == 1 ? 0.5 : 1) * 256e9),
                                       .max_rate = ppm * (k == 2 ? 0.5e-6 : 1e-6),
                                       .log_limit = log(1e-9)};
                        ck_assert_int_eq(qd_clock_from_figures(a.tick, 0, 0, 0, &s.prior, &err), QD_OK);
                        sees[k] = qd_search_weakest(&used, &s, (qd_effort)e);
                    }
                    ck_assert_msg(
                        sees[1] <= sees[0] * 1.001 && sees[2] <= sees[0] * 1.001,
                        "effort %d, %g s, +-%g s, +-%g ppm: sees %g, with half of the offsets %g, of the frequencies %g", e,
                        seconds, off, ppm, sees[0], sees[1], sees[2]);
                }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {low_effort, a_microsecond_at_the_beginning, less_is_not_more};
    return run_tests("prior", tests, sizeof tests / sizeof *tests, 3600);
}
