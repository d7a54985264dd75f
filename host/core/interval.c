/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/interval.h"

#include <math.h>

/* The continued fraction 1/(1 + d1/(1 + d2/(1 + ...))) of the incomplete beta function (DLMF 8.17.22), from above to below as
 * Lentz does it (DLMF 3.10). Converges fast where x < (a + 1)/(a + b + 2). */
static double fraction(double x, double a, double b) {
    const double tiny = 1e-300;
    double c = 1, d = 0, f = 1;
    for (int i = 1; i < 4000000; i++) {
        double m = i / 2;
        double term = i % 2 ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                            : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 + term * d;
        c = 1 + term / c;
        if (fabs(d) < tiny) d = tiny;
        if (fabs(c) < tiny) c = tiny;
        d = 1 / d;
        f *= c * d;
        if (fabs(c * d - 1) < 1e-15) break;
    }
    return 1 / f;
}

static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

/* Regularized incomplete beta function I_x(a, b): the chance of a or more of a + b - 1 trials of probability x (DLMF 8.17.5). */
static double beta(double x, double a, double b) {
    if (x <= 0 || x >= 1) return x >= 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a);
    double log_front = log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x);
    return exp(log_front) / a * fraction(x, a, b);
}

/* The x where I_x(a, b) = p, halving until doubles are used up or 2^-100 is reached. */
static double quantile(double p, double a, double b) {
    double low = 0, high = 1;
    for (int i = 0; i < 100; i++) {
        double mid = (low + high) / 2;
        if (mid <= low || mid >= high) break;
        if (beta(mid, a, b) < p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}

qd_interval qd_interval95(uint64_t k, uint64_t n) {
    const double tail = 0.025;
    if (n == 0) return (qd_interval){NAN, 0, 1};
    if (k > n) k = n;
    double x = (double)k, rest = (double)(n - k);
    qd_interval r = {x / (double)n, 0, 1};
    if (k > 0) r.low = quantile(tail, x, rest + 1);
    if (k < n) r.high = 1 - quantile(tail, rest, x + 1); /* mirrored: near 1 doubles are wide apart, near 0 they are not */
    if (k < n && r.high < 0.5) r.high = quantile(1 - tail, x + 1, rest);
    return r;
}

qd_interval qd_count95(uint64_t k, uint64_t n) {
    qd_interval p = qd_interval95(k, n);
    return (qd_interval){(double)(k > n ? n : k), p.low * (double)n, p.high * (double)n};
}
