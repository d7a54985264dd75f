/* SPDX-License-Identifier: Apache-2.0 */
/** @file spread.h  The order in which a string fills long frames.
 *
 *  The error rate of a string moves (a satellite's pass, a shutter, fibre that turns), and a code of one syndrome serves one rate: a frame cut from
 *  the string as it came has the rate of its part, and its columns of degree 2, which come first, that of its beginning. So neighbours are dealt to the
 *  columns of all frames in turn. The order is public and fixed by the sizes; it changes nothing of what is disclosed. */
#ifndef QD_RECONCILE_SPREAD_H
#define QD_RECONCILE_SPREAD_H

#include <stdint.h>

/** The transpose of a matrix of bits: bit r columns + c of @p in, rows of columns, becomes bit c rows + r of @p out. @p rows is a multiple of
 * 64; @p columns any. Both are rows columns bits in words, bit i%64 of word i/64, and do not overlap; words past them are not read. It cannot fail. */
void qd_spread(const uint64_t *in, uint64_t rows, uint64_t columns, uint64_t *out);
/** Back: of qd_spread's output its input. */
void qd_gather(const uint64_t *in, uint64_t rows, uint64_t columns, uint64_t *out);

#endif
