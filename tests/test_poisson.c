/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of chance that a lock is measured against: tails of Poisson counts, and the peaks that they demand. */
#include <check.h>
#include <math.h>
#include "run_all.h"
#include "timetag/poisson.h"

/* The tail against sums of its terms in long double; never below, and within a factor. */
START_TEST(poisson_tail) {
    static const double lambda[] = {0.01, 0.5, 1, 10, 100, 1000};
    for (size_t k = 0; k < 6; k++)
        for (double x = ceil(lambda[k]) + 1; x < lambda[k] + 12 * sqrt(lambda[k]) + 12; x++) {
            long double term = expl(-(long double)lambda[k]), sum = 0;
            for (int i = 1; i <= (int)x; i++) term *= (long double)lambda[k] / i;
            for (int i = (int)x; i < (int)x + 2000 && term > 0; i++) {
                sum += term;
                term *= (long double)lambda[k] / (i + 1);
            }
            double got = qd_poisson_log_tail(lambda[k], x), want = (double)logl(sum);
            ck_assert_double_ge(got, want);
            /* The geometric bound exceeds the tail by at most 1 / (1 - lambda/(x+1)). */
            ck_assert_double_le(got, want - log1p(-lambda[k] / (x + 1)) + 1e-9);
        }
    ck_assert_double_eq(qd_poisson_log_tail(5, 5), 0);
    /* Least peaks for P_false <= 1e-6 at N M = 2^26 and 2^20 (a published-table style check, computed there by another program).
     */
    static const struct {
        double lambda, at26, at20;
    } least[] = {{0.01, 6, 5}, {0.1, 9, 8}, {1, 17, 15}, {10, 43, 40}, {100, 186, 179}, {1000, 1251, 1232}};
    for (size_t k = 0; k < 6; k++) {
        ck_assert_double_le(fabs(qd_false_least(0x1p26, least[k].lambda, 1, log(1e-6)) - least[k].at26), 1);
        ck_assert_double_le(fabs(qd_false_least(0x1p20, least[k].lambda, 1, log(1e-6)) - least[k].at20), 1);
    }
}
END_TEST

int main(void) {
    return run_tests("poisson", (const TTest *const[]){poisson_tail}, 1, 0);
}
