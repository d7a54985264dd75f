/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal names suffices for the links of 10 s and 1 Mcount/s a side that a search without priors does not see; and a
 * frequency that is known to 0.1 ppm is enough where one window has the significance. */
#include "prior_suite.h"

static const double ppm = 0x1p-13 * 1e6;
enum { SEEDS = 8 };

START_TEST(three_in_a_thousand) {
    qd_device *dev = open_cpu();
    const weak_link w = {1e6, 0.003, 10, 1, ppm, QD_EFFORT_NORMAL};
    ck_assert_int_ge(remedies_suffice(&w, SEEDS, false, dev), 1);
    qd_device_close(dev);
}
END_TEST

START_TEST(one_in_a_thousand) {
    qd_device *dev = open_cpu();
    const weak_link w = {1e6, 0.001, 10, 1, ppm, QD_EFFORT_NORMAL};
    ck_assert_int_ge(remedies_suffice(&w, SEEDS, false, dev), 1);
    qd_device_close(dev);
}
END_TEST

/* S_max = eta / sqrt(0.1e-6) = 10, of which straddled bins and slopes leave 0.4 at least: above the noise of all hypotheses only
 * as one of some, so that looks must find it. */
START_TEST(tenth_of_a_ppm) {
    qd_device *dev = open_cpu();
    const weak_link w = {1e6, 0.00316, 10, 1, ppm, QD_EFFORT_NORMAL};
    const qd_remedy x = {.max_ppm = 0.1, .effort = QD_EFFORT_NORMAL};
    qd_sync_report r;
    int locks = 0;
    for (uint64_t k = 0; k < SEEDS; k++) locks += search_once(&w, &x, 200 + k, dev, &r) == QD_OK;
    printf("0.1 ppm, S_max 10: %d of %d lock\n", locks, SEEDS);
    ck_assert_int_ge(locks, SEEDS - 2);
    qd_device_close(dev);
}
END_TEST

/* A faint recording of few seconds: a longer one, and a longer search. */
START_TEST(longer_and_high) {
    qd_device *dev = open_cpu();
    const weak_link w = {1e5, 0.01, 2, 1, ppm, QD_EFFORT_NORMAL};
    ck_assert_int_ge(remedies_suffice(&w, SEEDS, true, dev), 2);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {three_in_a_thousand, one_in_a_thousand, tenth_of_a_ppm, longer_and_high};
    return run_tests("prior, long", tests, sizeof tests / sizeof *tests, 3600);
}
