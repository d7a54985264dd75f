/* SPDX-License-Identifier: Apache-2.0 */
/** @file cascade_prefix.h  Prefix parities of many frames in the order of each pass: then the parity of any block of Cascade, at
 * any time, is the xor of two bits. They do not change: a search (qdistill/reconcile/cascade.h) asks for parities of the key as
 * it was.
 *
 *  Frames stand in groups of 64 that share their permutations; bit f of a word is frame f of its group. */
#ifndef QD_RECONCILE_CASCADE_PREFIX_H
#define QD_RECONCILE_CASCADE_PREFIX_H

#include "qdistill/compute.h"
#include "qdistill/reconcile/cascade.h"

typedef enum qd_prefix_form { QD_PREFIX_AUTO, QD_PREFIX_ITEM, QD_PREFIX_GROUP, QD_PREFIX_FORMS } qd_prefix_form;

/** What to make prefixes of. */
typedef struct qd_prefix_ask {
    uint32_t n, passes;    /**< bits of a frame (2 to QD_CASCADE_BITS), passes (1 to QD_CASCADE_PASSES) */
    uint64_t frames;       /**< at least 1 */
    const uint32_t *order; /**< [passes][n]: position i of pass p is bit order[p n + i] */
    const uint64_t *keys;  /**< [frames][words], words = ceil(n/64), as qd_bits; bits past n are not looked at */
} qd_prefix_ask;

/** Words of the output: [groups][passes][n + 1], groups = ceil(frames/64). */
static inline uint64_t qd_prefix_words(const qd_prefix_ask *a) {
    return (a->frames + 63) / 64 * a->passes * (a->n + (uint64_t)1);
}

/** @param prefix  out: bit f of prefix[g][p][j] is the parity of bits order[p][0..j) of frame 64 g + f, 0 where there is no such
 * frame. The reference cannot fail. */
void qd_cascade_prefix_ref(const qd_prefix_ask *a, uint64_t *prefix);

/** The same on a device (kernels/cascade_prefix.cl), bit for bit; @p dev NULL: the reference. GROUP scans with a work-group for
 * each pass of a group of frames, ITEM with a work-item (CPUs). Device copies are wiped. QD_E_BUILD, QD_E_DEVICE: output
 * undefined. */
qd_status qd_cascade_prefix_run(const qd_prefix_ask *a, qd_prefix_form form, uint64_t *prefix, qd_device *dev, qd_error *err);

/** State of a case of the registry's row; the tuned C loop takes it too. */
typedef struct qd_prefix_case {
    qd_prefix_ask ask;
    qd_prefix_form form;
    uint32_t *order;
    uint64_t *keys;
} qd_prefix_case;

/** The row (cascade_op.c). */
extern const qd_op qd_cascade_prefix_op;

#endif
