/* SPDX-License-Identifier: Apache-2.0 */
/** @file coincide.h  Contract of the operation `coincide` (the public header says what a pair is). Private to the room. */
#ifndef QD_TIMETAG_COINCIDE_H
#define QD_TIMETAG_COINCIDE_H

#include "qdistill/timetag.h"

/** Events of A that one work-item (lanes) handles: long enough to pay for the search of its place in B, short enough to spread.
 */
enum { QD_COINCIDE_CHUNK = 4096 };

/** Ways to run on a device. Results are equal; only speed differs. */
typedef enum qd_coincide_variant {
    QD_COINCIDE_AUTO = 0,     /**< by device */
    QD_COINCIDE_LANES = 1,    /**< one work-item a chunk, blocks of 8 x 8 in 32-bit lanes: CPU devices */
    QD_COINCIDE_EVENTS = 2,   /**< one work-item an event of A: GPUs */
    QD_COINCIDE_PORTABLE = 3, /**< lanes without optional instructions */
    QD_COINCIDE_VARIANTS = 4
} qd_coincide_variant;

/** One call: borrowed arrays, checked by the public function. */
typedef struct qd_coincide_case {
    const int64_t *a, *b;
    uint64_t na, nb;
    qd_clock clock;
    int64_t reach; /**< >= 0 */
    uint64_t from, to;
    unsigned each; /**< displaced windows on each side */
    int64_t step;  /**< of their displacement; > 0 where there are any */
    qd_coincide_variant variant;
    uint64_t room; /**< 0, or the room in pairs: more on a device is QD_E_DEVICE */
} qd_coincide_case;

/** Lanes hold reach + each step up to LANES_MAX. */
enum { QD_COINCIDE_REACH_MAX = 1 << 29, QD_COINCIDE_EACH_MAX = 1024, QD_COINCIDE_LANES_MAX = 1 << 27 };

/** What window @p w = 1 ... 2 each adds to the clock's offset: -step, +step, -2 step, ... */
static inline int64_t qd_coincide_displacement(const qd_coincide_case *c, unsigned w) {
    int64_t k = (int64_t)(w + 1) / 2;
    return (w % 2 ? -k : k) * c->step;
}

/** Pairs of the real window are appended to @p pairs, numbers of pairs in the displaced ones added to in_window[2 each]. On error
 *  @p pairs is as before. */
qd_status qd_coincide_ref(const qd_coincide_case *c, qd_pairs *pairs, uint64_t *in_window, qd_error *err);
/** na and nb below 2^32. */
qd_status qd_coincide_cl(const qd_coincide_case *c, qd_device *dev, qd_pairs *pairs, uint64_t *in_window, qd_error *err);

/** Inputs of a problem of the registry: what create() makes and the tuned C loop reads; c.room: events of A with any of B within the reach. */
typedef struct qd_coincide_state {
    qd_coincide_case c;
    int64_t *a, *b;
} qd_coincide_state;
/** The row's output, u64: number of pairs n; pairs in each displaced window; room for the pairs: a[n] and zeros, b[n] and zeros. */
static inline size_t qd_coincide_bytes(const qd_coincide_state *s) {
    return 8 * (1 + 2 * (size_t)s->c.each + 2 * (size_t)s->c.room);
}

extern const qd_op qd_coincide_op;

#endif
