/* SPDX-License-Identifier: Apache-2.0 */
/** @file cascade_search.h  What the searches of a batch share. */
#ifndef QD_RECONCILE_CASCADE_SEARCH_H
#define QD_RECONCILE_CASCADE_SEARCH_H

#include "qdistill/reconcile/cascade.h"

/** The permutations of a plan's passes, and scratch: the searches that share it are those of one thread. */
typedef struct qd_cascade_tables {
    qd_cascade_plan plan;
    uint64_t seed, frame;
    uint32_t *order, *place; /**< [passes][n]: the permutations, as qd_cascade_permutation, and their inverses */
    uint32_t *taken, stamp;  /**< [n]: the round, of any search, in which a bit was taken last */
} qd_cascade_tables;

/** QD_E_USAGE: not a plan, or a frame number out of range. */
qd_status qd_cascade_tables_make(const qd_cascade_plan *plan, uint64_t seed, uint64_t frame, qd_cascade_tables **out,
                                 qd_error *err);
/** NULL is accepted. */
void qd_cascade_tables_free(qd_cascade_tables *t);

/** A search over tables, which stay until it is destroyed. */
qd_status qd_cascade_create_over(qd_cascade_tables *t, qd_cascade **out, qd_error *err);

/** qd_cascade_answer with messages that begin at bit @p at. */
qd_status qd_cascade_answer_at(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err);

#endif
