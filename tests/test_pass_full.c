/* SPDX-License-Identifier: Apache-2.0 */
/* A satellite from horizon to horizon, 500 km up: overhead, and 40 degrees high. */
#include "pass_truth.h"
#include "run_all.h"

static const pass_case cases[] = {
    {"overhead", 1.2e5, 18, 2000, 0, {500, 90, -340}, 680},
    {"40 degrees", 1.2e5, 18, 2000, 0.02, {500, 40, -310}, 620},
};

START_TEST(nearly_all_pairs_of_the_true_clock) { check_pass(&cases[_i]); }
END_TEST

int main(void) {
    Suite *s = suite_create("pass_full");
    TCase *t = tcase_create("pass");
    tcase_add_loop_test(t, nearly_all_pairs_of_the_true_clock, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(s, t);
    return run_all(s);
}
