/* SPDX-License-Identifier: Apache-2.0 */
/** @file poisson.h  Tails of the Poisson distribution, rounded to the safe side. Private to the room. */
#ifndef QD_TIMETAG_POISSON_H
#define QD_TIMETAG_POISSON_H

#include <stdint.h>

/** Upper bound of ln Pr[Poisson(lambda) >= x]. For x > lambda the tail is at most its first term times the geometric series with
 *  ratio lambda/(x+1); the terms' rounding (about 1e-16 of sums of magnitude x ln x) is added. 0 for x <= lambda. */
double qd_poisson_log_tail(double lambda, double x);

/** Upper bound of ln( tests Pr[peak or more] ), for a background of mean @p lambda whose variance is @p dispersion (>= 1) times
 * the mean: counts in units of the dispersion are taken as Poisson. */
double qd_false_log(double tests, double lambda, double dispersion, double peak);

/** Least count that passes: qd_false_log(...) <= log_limit. */
double qd_false_least(double tests, double lambda, double dispersion, double log_limit);

#endif
