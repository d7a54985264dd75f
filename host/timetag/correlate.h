/* SPDX-License-Identifier: Apache-2.0 */
/** @file correlate.h  The operation `correlate`: lags between slices of A and B, and their sums along slopes. Private to the
 * room.
 *
 *  Time is cut into bins. Slice k of A is bins [k slice_bins, (k+1) slice_bins); its correlation with B is
 *      lags[k][l] = sum over bins i of slice k of A[i] B[i + l - half - margin],  l = 0 .. 2 (half + margin).
 *  A frequency error moves the peak from slice to slice. Hypothesis (l, j) is the line that moves by j bins over all slices,
 *  through lag l at mid-time: its count is the sum over k of lags[k][l + shift(j, k)]. */
#ifndef QD_TIMETAG_CORRELATE_H
#define QD_TIMETAG_CORRELATE_H

#include "qdistill/timetag.h"

/** Most counts kept of one bin of B: with fewer than 2^22 events of A in a slice its sums stay below the transform's modulus,
 * with fewer than 2^24 in all slices those of lines within 32 bits. */
enum { QD_CORRELATE_BIN_MAX = 255, QD_CORRELATE_SLICE_EVENTS = 1 << 22, QD_CORRELATE_EVENTS = 1 << 24 };

typedef struct qd_correlate_case {
    const int64_t *a, *b; /**< times, sorted, borrowed */
    uint64_t na, nb;
    int64_t start; /**< A's time at the first bin, ticks; bin x holds start + x bin <= t < start + (x+1) bin, also of B */
    int64_t bin;   /**< ticks */
    uint32_t slices, slice_bins;
    uint32_t half;   /**< lags -half .. half are tested: 2 half + 1 = n of them */
    uint32_t slopes; /**< j = -slopes .. slopes */
    /** B has data in bins [data_from, data_to); every other bin x gets floor((x'+1) fill) - floor(x' fill) counts,
     *  fill = fill_num / fill_den (at most 255), x' = x - the first bin of the slice's range: an empty edge would make a giant
     * pedestal. */
    int64_t data_from, data_to;
    uint32_t fill_num, fill_den;
} qd_correlate_case;

/** Bins that a line may leave the middle lag by, at either end. */
static inline uint32_t qd_correlate_margin(const qd_correlate_case *c) {
    return c->slopes / 2 + 1;
}
static inline uint32_t qd_correlate_n(const qd_correlate_case *c) {
    return 2 * c->half + 1;
}
static inline uint32_t qd_correlate_row(const qd_correlate_case *c) {
    return 2 * (c->half + qd_correlate_margin(c)) + 1;
}
/** Bins of B that a slice meets. */
static inline uint32_t qd_correlate_span(const qd_correlate_case *c) {
    return c->slice_bins + qd_correlate_row(c) - 1;
}

/** Output, all of uint32 (slopes as two's complement), in this order:
 *    flat[n]        sum over slices at slope 0
 *    count[n], slope[n]    best single lag over the slopes: largest sum; of equal ones the least |j|, negative j first
 *    count2[n], slope2[n]  the same for the sum of lags l and l+1 (a peak on the border of two bins)
 *    best[4]        of the single lags: largest count, its lag - half, its slope, 0; of equal ones the least |lag|, then negative
 * lag lags[slices][row]  (only where asked) */
static inline size_t qd_correlate_words(const qd_correlate_case *c, bool lags) {
    return 5 * (size_t)qd_correlate_n(c) + 4 + (lags ? (size_t)c->slices * qd_correlate_row(c) : 0);
}

/** Where line j is in slice k, relative to mid-time: round(j (2k + 1 - slices) / (2 slices)), halves up. */
static inline int32_t qd_correlate_shift(int32_t j, uint32_t k, uint32_t slices) {
    int64_t x = (int64_t)j * (2 * (int64_t)k + 1 - (int64_t)slices) + (int64_t)slices, m = 2 * (int64_t)slices;
    return (int32_t)((x - ((x % m) + m) % m) / m);
}
/** Order in which slopes are tried: 0, -1, 1, -2, 2, ... */
static inline int32_t qd_correlate_slope(uint32_t i) {
    return i % 2 ? -(int32_t)(i / 2) - 1 : (int32_t)(i / 2);
}

/** From the definition. */
qd_status qd_correlate_ref(const qd_correlate_case *c, bool lags, uint32_t *out, qd_error *err);
/** By exact transforms on the device; the same words. */
qd_status qd_correlate_cl(const qd_correlate_case *c, bool lags, qd_device *dev, uint32_t *out, qd_error *err);

/** Inputs of a problem of the registry. */
typedef struct qd_correlate_state {
    qd_correlate_case c;
    int64_t *a, *b;
} qd_correlate_state;

extern const qd_op qd_correlate_op;

#endif
