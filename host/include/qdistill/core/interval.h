/* SPDX-License-Identifier: Apache-2.0 */
/** @file interval.h  What so many of so many trials say about a probability. */
#ifndef QDISTILL_CORE_INTERVAL_H
#define QDISTILL_CORE_INTERVAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A figure with its interval. */
typedef struct qd_interval {
    double value, low, high;
} qd_interval;

/** The probability of an event that happened in @p k of @p n independent trials, 95 %, two-sided, as Clopper and Pearson have it
 * (Biometrika 26:404 (1934)): low is the p at which k or more have probability 1/40, high the p at which k or fewer have. It
 * holds the truth at least 95 times in 100, whatever that is; none of n gives high = 1 - 40^(-1/n). value = k/n; of no trials
 * NaN, with low 0 and high 1.
 *  @p k <= @p n <= 2^53; greater k are taken for n. Relative accuracy 1e-9 up to n = 10^6, 1e-5 up to 10^10. */
qd_interval qd_interval95(uint64_t k, uint64_t n);

/** The same as counts: how often the event is expected in @p n trials. value is k. */
qd_interval qd_count95(uint64_t k, uint64_t n);

#ifdef __cplusplus
}
#endif
#endif
