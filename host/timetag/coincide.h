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
    qd_coincide_variant variant;
} qd_coincide_case;

enum { QD_COINCIDE_REACH_MAX = 1 << 29 };

qd_status qd_coincide_ref(const qd_coincide_case *c, qd_pairs *pairs, qd_error *err);
/** na and nb below 2^32. */
qd_status qd_coincide_cl(const qd_coincide_case *c, qd_device *dev, qd_pairs *pairs, qd_error *err);

/** Inputs of a problem of the registry: what create() makes and the tuned C loop reads. */
typedef struct qd_coincide_state {
    qd_coincide_case c;
    int64_t *a, *b;
} qd_coincide_state;
/** The row's output, u64: number of pairs n, then room for every event of A: a[n] and zeros, b[n] and zeros. */
static inline size_t qd_coincide_bytes(const qd_coincide_case *c) {
    return 8 + 16 * (size_t)(c->to - c->from);
}

extern const qd_op qd_coincide_op;

#endif
