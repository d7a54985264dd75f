/* SPDX-License-Identifier: Apache-2.0 */
/* 40 seeds of each kind of link: the clocks found lie about the true ones as their standard deviations say, in mean and in width;
 * seeds are fixed. */
#include "clock_truth.h"
#include "run_all.h"

START_TEST(found_clocks_lie_about_the_true_ones) {
    qd_device *dev = NULL;
    z_sums sums = {0};
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) dev = NULL;
    for (uint64_t seed = 1; seed <= 40; seed++) check_clock(&truth_cases[_i], 100 * (uint64_t)(_i + 1) + seed, dev, &sums);
    check_distribution(truth_cases[_i].name, &sums, 3.5);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("clock and truth full");
    TCase *tc = tcase_create("sd");
    tcase_set_timeout(tc, 1100);
    tcase_add_loop_test(tc, found_clocks_lie_about_the_true_ones, 0, TRUTH_CASES);
    suite_add_tcase(s, tc);
    return run_all(s);
}
