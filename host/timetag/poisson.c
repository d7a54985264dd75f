/* SPDX-License-Identifier: Apache-2.0 */
#include "timetag/poisson.h"

#include <math.h>

double qd_poisson_log_tail(double lambda, double x) {
    x = floor(x); /* fewer counts: a larger tail */
    if (x <= 0 || x <= lambda) return 0;
    if (lambda <= 0) lambda = 1e-300;
    int sign;
    double first = -lambda + x * log(lambda) - lgamma_r(x + 1, &sign);
    double error = 1e-15 * (lambda + fabs(x * log(lambda)) + fabs(x * log(x + 1)) + 1);
    double bound = first - log1p(-lambda / (x + 1)) + error;
    return bound < 0 ? bound : 0;
}

double qd_false_log(double tests, double lambda, double dispersion, double peak) {
    double bound = log(tests) + qd_poisson_log_tail(lambda / dispersion, peak / dispersion);
    return bound < 0 ? bound : 0;
}

double qd_false_least(double tests, double lambda, double dispersion, double log_limit) {
    double low = lambda, high = lambda + dispersion;
    while (qd_false_log(tests, lambda, dispersion, high) > log_limit) high = lambda + 2 * (high - lambda);
    while (high - low > 0.5 + 1e-12 * high) {
        double mid = (low + high) / 2;
        if (qd_false_log(tests, lambda, dispersion, mid) > log_limit)
            low = mid;
        else
            high = mid;
    }
    return ceil(high);
}
