/* SPDX-License-Identifier: Apache-2.0 */
/** @file spread.h  The order in which a string fills frames.
 *
 *  The error rate of a string moves (a satellite's pass, a shutter, fibre that turns), and a syndrome serves one rate: a frame cut from the string
 *  as it came has the rate of its part, and its columns of few edges, which stand together, that of a part of this. So the string is read in many
 *  places at once, a bit of each in turn. The order is public and fixed by the sizes; it changes nothing of what is disclosed. */
#ifndef QD_RECONCILE_SPREAD_H
#define QD_RECONCILE_SPREAD_H

#include <stdint.h>

/** @p in cut in @p runs parts of n / runs bits, read a bit of each part in turn; the last n mod runs bits stay. So bit r (n/runs) + c of @p in becomes
 * bit c runs + r of @p out. @p runs is a multiple of 64; @p n any. Both are words of n bits, bit i%64 of word i/64, ceil(n/64) of them, and do not
 * overlap. It cannot fail. */
void qd_spread(const uint64_t *in, uint64_t n, uint64_t runs, uint64_t *out);
/** Back: of qd_spread's output its input. */
void qd_gather(const uint64_t *in, uint64_t n, uint64_t runs, uint64_t *out);

/** Bit c of word r becomes bit r of word c, in place. What was there is left in @p by. */
void qd_transpose(uint64_t w[64], uint64_t by[64]);

#endif
