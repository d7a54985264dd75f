/* SPDX-License-Identifier: Apache-2.0 */
/* Intervals of probabilities: closed forms at the ends, the definition by binomial sums, published figures, large numbers. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "qdistill/core.h"
#include "qdistill/core/interval.h"
#include "run_all.h"

START_TEST(ends) {
    static const uint64_t of[] = {1, 2, 3, 10, 20, 100, 1000, 1000000, 1000000000};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        double n = (double)of[i], none = -expm1(log(0.025) / n); /* 1 - 0.025^(1/n) */
        qd_interval zero = qd_interval95(0, of[i]), all = qd_interval95(of[i], of[i]);
        ck_assert(zero.value == 0 && zero.low == 0 && all.value == 1 && all.high == 1);
        /* as exact as the header says, and at 1 to the doubles there */
        double rel = of[i] <= 1000000 ? 1e-9 : 1e-5;
        ck_assert_double_eq_tol(zero.high / none, 1, rel);
        ck_assert_double_eq_tol(all.low, 1 - none, rel * none + 1e-15);
    }
    qd_interval nothing = qd_interval95(0, 0);
    ck_assert(isnan(nothing.value) && nothing.low == 0 && nothing.high == 1);
}
END_TEST

/* Pr[at least k of n]: the sum, term by term. */
static double at_least(uint64_t k, uint64_t n, double p) {
    double sum = 0;
    for (uint64_t i = k; i <= n; i++) {
        double c = 1;
        for (uint64_t j = 0; j < i; j++) c = c * (double)(n - j) / (double)(j + 1);
        sum += c * pow(p, (double)i) * pow(1 - p, (double)(n - i));
    }
    return sum;
}

START_TEST(definition) {
    for (uint64_t n = 1; n <= 40; n++)
        for (uint64_t k = 0; k <= n; k++) {
            qd_interval r = qd_interval95(k, n), other = qd_interval95(n - k, n);
            ck_assert_double_eq_tol(r.value, (double)k / (double)n, 1e-15);
            ck_assert(r.low <= r.value && r.value <= r.high);
            /* sums of 40 terms of coefficients up to 1e11, each to 1e-16 times some tens: far below 1e-9 of 0.025 */
            if (k > 0) ck_assert_double_eq_tol(at_least(k, n, r.low), 0.025, 2.5e-11);
            if (k < n) ck_assert_double_eq_tol(1 - at_least(k + 1, n, r.high), 0.025, 2.5e-11);
            ck_assert_double_eq_tol(r.low, 1 - other.high, 1e-12);
        }
}
END_TEST

/* Conover, Practical nonparametric statistics (1971), p. 97: 682 of 925 plants; R's manual of binom.test has the interval to
 * seven digits. */
START_TEST(published) {
    qd_interval r = qd_interval95(682, 925);
    ck_assert_double_eq_tol(r.low, 0.7076683, 5e-8);
    ck_assert_double_eq_tol(r.high, 0.7654066, 5e-8);
}
END_TEST

/* Of many trials the binomial is Gaussian: p +- 1.96 sd, moved by (z^2/2 + 1/2)/n = 2.5/n at most for small p (Wilson, and half a
 * count). */
START_TEST(many) {
    const uint64_t n = 10000000, k = 100000;
    double p = 0.01, half = 1.959964 * sqrt(p * (1 - p) / (double)n), room = 4 / (double)n;
    qd_interval r = qd_interval95(k, n), c = qd_count95(k, n);
    ck_assert_double_eq_tol(r.low, p - half, room);
    ck_assert_double_eq_tol(r.high, p + half, room);
    ck_assert(c.value == 100000 && c.low == r.low * 1e7 && c.high == r.high * 1e7);
    for (uint64_t i = 1; i < 200; i++) { /* more hits: more probable */
        qd_interval less = qd_interval95(i - 1, 200), more = qd_interval95(i, 200);
        ck_assert(less.low < more.low && less.high < more.high);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("interval");
    TCase *t = tcase_create("Clopper-Pearson");
    tcase_add_test(t, ends);
    tcase_add_test(t, definition);
    tcase_add_test(t, published);
    tcase_add_test(t, many);
    suite_add_tcase(s, t);
    return run_all(s);
}
