/* SPDX-License-Identifier: Apache-2.0 */
/* How many errors the key may hide, given those of the test: the tail of the hypergeometric distribution.
 *
 * Every rounding goes to the unfavourable side. A logarithm of the tail is built from nine log-gamma values; each is good to some
 * units in its last place (glibc states at most 4, 16 are allowed for here) and each sum rounds by half a unit of a number no
 * larger than the sum of all magnitudes. So the true logarithm lies below  computed + 64 u (sum of magnitudes), u = 2^-53, and
 * that is what is returned: at n + k = 2^32 the tail is overstated by less than a percent, at 10^6 by 10^-6. */
#include <float.h>
#include <math.h>
#include "qdistill/security.h"

static const double U = DBL_EPSILON / 2;

/* Sum of log-gamma values with the magnitude that its rounding error scales with. */
typedef struct log_sum {
    double value, magnitude;
} log_sum;

static void add_log_factorial(log_sum *s, uint64_t x, double sign) {
    int unused;
    double v = lgamma_r((double)x + 1, &unused);
    s->value += sign * v;
    s->magnitude += fabs(v);
}

static void add_log_binomial(log_sum *s, uint64_t n, uint64_t k, double sign) {
    add_log_factorial(s, n, sign);
    add_log_factorial(s, k, -sign);
    add_log_factorial(s, n - k, -sign);
}

/* ln of sum_{j<=m} Pr[j] / Pr[m]: from m downwards, Pr[m-i-1]/Pr[m-i] = (m-i)(n-e-i) / ((e+i+1)(k-m+i+1)), which falls with i, so
 * that what is not summed any more is below a geometric series. Infinite when the tail is not a tail (the ratio is 1 or more at
 * once). */
static double log_tail_over_last(uint64_t n, uint64_t k, uint64_t m, uint64_t e) {
    double dm = (double)m, good = (double)(n - e), bad = (double)e + 1, free_tests = (double)(k - m) + 1;
    double term = 1, sum = 1, i = 0;
    for (;; i++) {
        double ratio = (dm - i) * (good - i) / ((bad + i) * (free_tests + i));
        if (ratio <= 0) break;
        if (ratio >= 1) return INFINITY;
        term *= ratio;
        sum += term;
        double rest = term * ratio / (1 - ratio);
        if (rest < sum * 0x1p-60) {
            sum += rest;
            break;
        }
    }
    /* a term carries at most 6 roundings for each step before it, the sum one for each */
    return log(sum) + 8 * (i + 2) * U;
}

static double hypergeometric(uint64_t n, uint64_t k, uint64_t m, uint64_t e) {
    double over = log_tail_over_last(n, k, m, e);
    if (isinf(over)) return 0;
    log_sum s = {0, 0};
    add_log_binomial(&s, m + e, m, 1);
    add_log_binomial(&s, n + k - m - e, k - m, 1);
    add_log_binomial(&s, n + k, k, -1);
    return fmin(0, s.value + 64 * U * s.magnitude + over);
}

/* -k D(p || q), p = m/k, q = (m+e)/(n+k). With d = q - p, whose numerator is an exact integer, k D = m log1p(-d/q) + (k-m)
 * log1p(d/(1-q)): no difference of nearly equal numbers but that of the two sums, each good to a few units in its last place. */
static double chvatal(uint64_t n, uint64_t k, uint64_t m, uint64_t e) {
    uint64_t all = n + k, wrong = m + e;
    unsigned __int128 left = (unsigned __int128)wrong * k, right = (unsigned __int128)m * all;
    if (left <= right) return 0;                   /* no more errors than the test shows */
    double d = (double)(left - right) / (double)k; /* d times all */
    double t1 = m ? (double)m * log1p(-d / (double)wrong) : 0;
    double t2 = all > wrong ? (double)(k - m) * log1p(d / (double)(all - wrong)) : INFINITY;
    return fmin(0, -(t1 + t2) + 32 * U * (fabs(t1) + fabs(t2)));
}

double qd_random_sampling_log_tail(uint64_t n, uint64_t k, uint64_t m, uint64_t e) {
    if (n + k <= QD_RANDOM_SAMPLING_EXACT_MAX) return hypergeometric(n, k, m, e);
    double v = chvatal(n, k, m, e);
    return isnan(v) ? -INFINITY : v; /* infinite less infinite: everything wrong, yet a right test bit: impossible */
}

uint64_t qd_random_sampling_errors(uint64_t n, uint64_t k, uint64_t m, double eps_s) {
    double target = 2 * log(eps_s);
    target -= 4 * U * fabs(target);
    uint64_t fails = 0, holds = n + 1; /* e = 0 never holds: its tail is 1. More errors than key bits: impossible */
    while (holds - fails > 1) {
        uint64_t e = fails + (holds - fails) / 2;
        if (qd_random_sampling_log_tail(n, k, m, e) <= target)
            holds = e;
        else
            fails = e;
    }
    return holds;
}
