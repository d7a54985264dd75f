/* SPDX-License-Identifier: Apache-2.0 */
/** @file rate.h  The rate policy: frame error rates of a code as fitted curves, and the decoder constants that belong to a leak.
 *  */
#ifndef QD_RECONCILE_RATE_H
#define QD_RECONCILE_RATE_H

#include "reconcile/ldpc.h"

/** Smallest lifting size that is used: below it codewords of low weight make undetected errors common. */
enum { QD_Z_LEAST = 32 };

/** Largest estimated QBER that the code serves. */
#define QD_QBER_SERVED 0.13

/** Share of frames that fail at error rate @p q (0 <= q < 1/2) under code @p c with the constants of qd_rate_rule, i.i.d. errors,
 *  50
 *  iterations: Phi((h(q) - leak/f50) / (s sqrt(V(q)/n))), V = q(1-q) log2^2((1-q)/q) the dispersion (normal approximation,
 *  Polyanskiy, Poor,
 *  Verdu 2010), f50 and s interpolated in leak and log2 Z between fits to measured frames. tests/test_rate_full.c measures them
 *  again. */
double qd_rate_fer(const qd_code *c, double q);

/** Channel LLR and check-node constant that decode best at this leak (m - 2 z)/n; they belong to the code, not to the error rate:
 *  with a
 *  constant made for lower rates the long rows of a high-rate code round every message to nothing. */
void qd_rate_rule(const qd_code *c, qd_ldpc_rule *rule);

#endif
