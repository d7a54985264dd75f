/* SPDX-License-Identifier: Apache-2.0 */
/* Four frames at once through the accurate decoder, and the base matrix that readers hand on. */
#ifndef QD_RECONCILE_SPARSE_H
#define QD_RECONCILE_SPARSE_H

#include <stdbool.h>
#include "qdistill/reconcile/sparse.h"

/* A base matrix by columns, as files have it: entries start[j]..start[j + 1] - 1 of column j. */
typedef struct qd_sparse_base {
    uint32_t rows, cols, z, entries;
    uint32_t *start, *row, *shift;
} qd_sparse_base;

bool qd_sparse_base_alloc(qd_sparse_base *b, uint32_t cols, uint32_t entries);
void qd_sparse_base_free(qd_sparse_base *b);
/* Lift it. Sizes and indices are in range. QD_E_INPUT: an entry stands there twice, or there are not fewer rows than columns. */
qd_status qd_sparse_lift(const char *name, const qd_sparse_base *b, qd_sparse_code **out, qd_error *err);
qd_status qd_sparse_parse_json(const char *name, const char *text, size_t bytes, qd_sparse_base *b, qd_error *err);
qd_status qd_sparse_parse_alist(const char *name, const char *text, size_t bytes, qd_sparse_base *b, qd_error *err);

enum { QD_LANES = 4 };
typedef struct qd_lanes qd_lanes;

/* NULL: no memory. */
qd_lanes *qd_lanes_create(const qd_sparse_code *code, qd_sparse_schedule schedule);
void qd_lanes_destroy(qd_lanes *l);
/* Bytes that one of them takes. */
uint64_t qd_lanes_bytes(const qd_sparse_code *code);
/* Channel of bit i in a lane; the syndrome; then a start. */
void qd_lanes_channel(qd_lanes *l, uint32_t lane, uint32_t i, float llr);
void qd_lanes_start(qd_lanes *l, uint32_t lane, const qd_bits *syndrome);
/* An iteration of all lanes; bit k of what it returns: the decisions of lane k match its syndrome. */
unsigned qd_lanes_step(qd_lanes *l);
float qd_lanes_app(const qd_lanes *l, uint32_t lane, uint32_t i);

#endif
