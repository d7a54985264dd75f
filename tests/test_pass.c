/* SPDX-License-Identifier: Apache-2.0 */
/* From tags to pairs under a clock that no line follows: ten seconds about a satellite's culmination, 0.36 ppm a second, and clocks that
 * drift by 0.1 ppm a second either way. Less than 1 % of what the true clock finds is lost. The whole pass: test_pass_full. */
#include "pass_truth.h"
#include "run_all.h"

/* Pairs a second that arrive: pair_rate 0.25 10^(-loss/10) 0.25; Alice clicks at a quarter of pair_rate. */
static const pass_case cases[] = {
    {"zenith", 1e6, 18, 2000, 0, {500, 90, -5}, 10},
    {"zenith, few pairs", 1e6, 23, 2000, 0, {500, 90, -5}, 10},
    {"drift", 1e6, 18, 2000, 0.1, {0, 0, 0}, 10},
    {"drift back", 1e6, 18, 2000, -0.1, {0, 0, 0}, 10},
};

START_TEST(nearly_all_pairs_of_the_true_clock) { check_pass(&cases[_i]); }
END_TEST

int main(void) {
    Suite *s = suite_create("pass");
    TCase *t = tcase_create("pass");
    tcase_add_loop_test(t, nearly_all_pairs_of_the_true_clock, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(s, t);
    return run_all(s);
}
