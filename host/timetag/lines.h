/* SPDX-License-Identifier: Apache-2.0 */
/** @file lines.h  The operation `lines`: slices of A correlated with B, summed along every slope. Private to the room.
 *
 *  Time is cut into bins, A's bins into leaves of group x 2048. Leaf k meets B at lag x:
 *      leaf[k][x] = C(sum over i of a[k group 2048 + i] b[k group 2048 + i + x]) - mean,   0 <= x < (blocks + 2) 2048,
 *  C(s) the residue of s modulo 12289 from -6144 to 6144: bins are small and centred, so that it is the sum itself but for
 *  events rarer than the noise that is looked for; on every device it is the same.
 *  A frequency error moves the peak from leaf to leaf. Line (l, j) moves by j bins from the first leaf to the last, as a tree
 *  adds them up (Taylor, A&AS 15:367 (1974)): over 2s leaves the second half begins ceil(|j|/2) further in j's direction, and both
 *  halves move by j/2 (towards zero). At mid-time it is at lag l: its sum is sum over k of leaf[k][l + 2048 + shift(j, k) - j/2],
 *  0 <= l < blocks 2048, |j| <= leaves/2 (of 8192 leaves less 2), where the sums of the (up to 8) uppermost branches are taken modulo 2^16, their sum in
 *  32 bits.
 */
#ifndef QD_TIMETAG_LINES_H
#define QD_TIMETAG_LINES_H

#include <signal.h>
#include "qdistill/timetag.h"

enum {
    QD_LINES_BIN_MAX = 127,
    QD_LINES_SLICE = 2048,
    QD_LINES_MARGIN = 2048, /**< lags that a leaf has before the first and behind the last */
    QD_LINES_PRIME = 12289, /**< 3 2^12 + 1: products of 4096 coefficients, sums of residues far below 2^16 */
    QD_LINES_LEAVES_MAX = 8192,
    QD_LINES_TOP = 8
};

typedef struct qd_lines_case {
    const int8_t *a;        /**< [leaves group 2048] bins, |a| <= 127 */
    const int8_t *b;        /**< [(leaves group + blocks + 2) 2048], the same range */
    uint32_t leaves, group; /**< powers of two, leaves <= 8192 */
    uint32_t blocks;        /**< of 2048 lags, at least 1 */
    int32_t mean;           /**< |mean| <= 6144 */
    const volatile sig_atomic_t *stop; /**< NULL, or non-zero: end with QD_STOPPED */
} qd_lines_case;

static inline size_t qd_lines_lags(const qd_lines_case *c) {
    return (size_t)c->blocks * QD_LINES_SLICE;
}
static inline size_t qd_lines_a(const qd_lines_case *c) {
    return (size_t)c->leaves * c->group * QD_LINES_SLICE;
}
static inline size_t qd_lines_b(const qd_lines_case *c) {
    return ((size_t)c->leaves * c->group + c->blocks + 2) * QD_LINES_SLICE;
}
/** Columns of a leaf. */
static inline size_t qd_lines_row(const qd_lines_case *c) {
    return qd_lines_lags(c) + 2 * QD_LINES_MARGIN;
}
/** Slopes on either side of 0: of 8192 leaves two fewer, so that lines and their neighbours stay within the margin. */
static inline int32_t qd_lines_slopes(uint32_t leaves) {
    return leaves < QD_LINES_LEAVES_MAX ? (int32_t)(leaves / 2) : (int32_t)(leaves / 2) - 2;
}
/** Branches added up last. */
static inline uint32_t qd_lines_top(const qd_lines_case *c) {
    return c->leaves < QD_LINES_TOP ? c->leaves : QD_LINES_TOP;
}
/** Where branch @p i of @p parts (a power of two) lies in a line of slope *j over all of them; *j becomes the branch's own slope.
 */
static inline int32_t qd_lines_branch(int32_t *j, uint32_t i, uint32_t parts) {
    int32_t shift = 0;
    for (uint32_t half = parts / 2; half; half /= 2) {
        if (i & half) shift += (*j + (*j > 0 ? 1 : *j < 0 ? -1 : 0)) / 2;
        *j /= 2;
    }
    return shift;
}
/** Lags of line (l, j) before l where it begins. */
static inline int32_t qd_lines_ahead(int32_t j) {
    return j / 2;
}
/** Order in which slopes are tried: 0, -1, 1, -2, 2, ... */
static inline int32_t qd_lines_slope(uint32_t i) {
    return i % 2 ? -(int32_t)(i / 2) - 1 : (int32_t)(i / 2);
}

/** Output, n = lags each, int32: flat (slope 0); best sum of a lag over the slopes and its slope; the same for the sum of lags l
 * and l + 1 (the last lag: alone). Of equal sums the first in the order of qd_lines_slope. */
enum { QD_LINES_FLAT, QD_LINES_ONE, QD_LINES_ONE_SLOPE, QD_LINES_TWO, QD_LINES_TWO_SLOPE, QD_LINES_ARRAYS };
static inline size_t qd_lines_words(const qd_lines_case *c) {
    return QD_LINES_ARRAYS * qd_lines_lags(c);
}

/** QD_STOPPED once the flag is set. */
static inline qd_status qd_search_stopped(const volatile sig_atomic_t *stop, qd_error *err) {
    if (!stop || !*stop) return QD_OK;
    return qd_fail(err, QD_STOPPED, "the clock search was stopped on request|a signal came|nothing was written|run it again");
}

/** From the definition. */
qd_status qd_lines_ref(const qd_lines_case *c, int32_t *out, qd_error *err);
/** By exact transforms and a tree on the device; the same words. */
qd_status qd_lines_cl(const qd_lines_case *c, qd_device *dev, int32_t *out, qd_error *err);

/** The same, some blocks of lags at a time, for a search over more lags than memory has words for. A stretch is what qd_lines_ref
 *  writes for the part of B that begins at its first block. */
typedef struct qd_lines_run qd_lines_run;
/** What a search keeps: with its other buffers, bins and 2^24 events a side it stays below 1 GB, but with 8192 leaves: 1.1. */
static const size_t qd_lines_spectra = (size_t)384 << 20;
/** @param c stays where it is until the run is closed, its bins as well if qd_lines_reads_on  @param most blocks of a stretch
 *  @param spectra bytes of them that are kept; of more all are made again for every stretch
 *  @param run NULL after an error. QD_E_INTERNAL: no memory. QD_E_DEVICE, QD_E_BUILD. */
qd_status qd_lines_open(const qd_lines_case *c, qd_device *dev, uint32_t most, size_t spectra, qd_lines_run **run, qd_error *err);
/** Blocks [first, first + blocks), blocks <= most, within the case's; QD_LINES_ARRAYS arrays of blocks 2048 words. Costs less
 * where a stretch goes on where the one before ended. */
qd_status qd_lines_some(qd_lines_run *run, uint32_t first, uint32_t blocks, int32_t *out, qd_error *err);
void qd_lines_close(qd_lines_run *run);
/** Whether the run reads the case's bins again; else they may be freed. */
bool qd_lines_reads_on(const qd_lines_run *run);

/** Inputs of a problem of the registry. */
typedef struct qd_lines_state {
    qd_lines_case c;
    int8_t *a, *b;
} qd_lines_state;

extern const qd_op qd_lines_op;

#endif
