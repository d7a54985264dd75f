/* SPDX-License-Identifier: Apache-2.0 */
/** @file tags.h  Time tags, clock model, pairs, and counts: what crosses from room to room before there are bits. */
#ifndef QDISTILL_CORE_TAGS_H
#define QDISTILL_CORE_TAGS_H

#include <stdbool.h>
#include <stdint.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Detector masks of one event, least significant bit first; z = HV basis, x = +- basis. */
enum { QD_DET_V = 1, QD_DET_MINUS = 2, QD_DET_H = 4, QD_DET_PLUS = 8, QD_DET_Z = 5, QD_DET_X = 10, QD_DET_ALL = 15 };

/** Length of one tick, in picoseconds: num/den, in lowest terms, both positive. a1-54: 125/32; a1-49: 125/1. */
typedef struct qd_tick {
    uint64_t num, den;
} qd_tick;

/** Detector events of one station in time order (equal times allowed). Owns t and mask. */
typedef struct qd_tags {
    uint64_t n;    /**< events */
    uint64_t cap;  /**< room in t and mask */
    int64_t *t;    /**< [n] ticks */
    uint8_t *mask; /**< [n] detector mask, 1..15 */
    qd_tick tick;
} qd_tags;

/** Make room for @p cap events, keeping those there. QD_E_INTERNAL: no memory, the tags unchanged. */
qd_status qd_tags_reserve(qd_tags *tags, uint64_t cap, qd_error *err);
/** Free; leaves {0}. NULL accepted. */
void qd_tags_destroy(qd_tags *tags);
/** First index whose time is >= @p t (n if none); tags are sorted. */
uint64_t qd_tags_lower_bound(const qd_tags *tags, int64_t t);

/** Binary fraction of the frequency in qd_clock. */
enum { QD_CLOCK_SHIFT = 44 };

/** Model of B's clock on A's, both in the same tick:  tA = tB + offset + floor((tB - base) * freq / 2^44).
 *  The offset holds at tB = base. |freq| < 2^32 (244 ppm); |tB - base| < 2^54. Exact integers. */
typedef struct qd_clock {
    int64_t base;   /**< ticks of B's clock */
    int64_t offset; /**< ticks */
    int64_t freq;   /**< 2^-44 */
    qd_tick tick;
    double significance; /**< standard deviations of the peak above the background; report only */
    double p_false;      /**< probability of a false lock over the whole search; report only */
    bool locked;
} qd_clock;

/** floor(x * freq / 2^44) exactly, for |x| < 2^54 and |freq| < 2^32 (two partial products; arithmetic shift). */
static inline int64_t qd_clock_drift(int64_t x, int64_t freq) {
    int64_t xh = x >> 24, xl = x & 0xffffff;
    return (xh * freq + ((xl * freq) >> 24)) >> (QD_CLOCK_SHIFT - 24);
}
/** Time on A's clock of an event at @p tb on B's. */
static inline int64_t qd_clock_apply(const qd_clock *c, int64_t tb) {
    return tb + c->offset + qd_clock_drift(tb - c->base, c->freq);
}

/** Coincidences as pairs of event indices, ascending in both. Owns a and b. */
typedef struct qd_pairs {
    uint64_t n, cap;
    uint64_t *a; /**< [n] index into A's tags */
    uint64_t *b; /**< [n] index into B's tags */
} qd_pairs;

qd_status qd_pairs_reserve(qd_pairs *pairs, uint64_t cap, qd_error *err);
void qd_pairs_destroy(qd_pairs *pairs);

/** Index of a basis in arrays of two. */
enum { QD_Z = 0, QD_X = 1 };

/** Everything the BBM92 bound needs of one key block; index [basis]. All zero is a valid empty count. */
typedef struct qd_counts {
    uint64_t n[2];           /**< bits that entered reconciliation */
    uint64_t errors[2];      /**< errors among them, exact once verified (failed frames are revealed) */
    uint64_t charged[2];     /**< bits the ledger subtracts under the bound in use */
    uint64_t coincidences;   /**< pairs in the block, matched bases or not */
    uint64_t basis_mismatch; /**< pairs dropped because bases differ */
    uint64_t accidentals;    /**< pairs in the displaced windows, scaled to one window: sum over windows / windows, rounded */
    uint64_t multi[2][2];    /**< [station A,B][0: one basis, 1: both bases] events with several clicks in pairs of the block */
    uint64_t clicks[2][4];   /**< [station][V,-,H,+] single-detector events in pairs of the block */
    uint64_t dead_dropped[2];/**< [station] events removed by the dead-time rule before pairing */
} qd_counts;

#ifdef __cplusplus
}
#endif
#endif
