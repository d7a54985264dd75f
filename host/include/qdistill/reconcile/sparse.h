/* SPDX-License-Identifier: Apache-2.0 */
/** @file sparse.h  LDPC codes of others, read from files, and an accurate decoder for them: how good is a code, with nothing lost
 *  to short integers? No key is made here. What makes key computes in integers on devices; this decoder computes in floating
 *  point and serves statistics alone. */
#ifndef QDISTILL_RECONCILE_SPARSE_H
#define QDISTILL_RECONCILE_SPARSE_H

#include <stddef.h>
#include <stdint.h>
#include "qdistill/core.h"
#include "qdistill/core/bits.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    QD_SPARSE_BITS_MAX = 1 << 24, /* columns, and rows, of the lifted matrix */
    QD_SPARSE_EDGES_MAX = 1 << 26
};

/** A parity-check matrix by rows. A frame is n key bits, its syndrome m bits, s = H x over GF(2). */
typedef struct qd_sparse_code {
    uint32_t n, m, edges;
    uint32_t rows, cols, z; /**< of the base matrix; lifting size, 1 where the file holds the matrix itself */
    uint32_t combined;      /**< pairs of rows that were added up (qd_sparse_combine) */
    uint32_t *row_start;    /**< [m + 1] into col */
    uint32_t *col;          /**< [edges], ascending in each row */
} qd_sparse_code;

/** Read a code. The format is told by the content:
 *  - an object of JSON is `qccsc.json`: a base matrix in compressed sparse columns, `n_rows`, `n_columns`, `colptr`, `rowval`
 *    (all zero-based), `nzval` and `n_stored_entries` (both may be absent with `format` BINCSCJSON: the matrix itself),
 *    `qc_expansion_factor` z (absent: 1). An entry s of 1..z in row i and column j stands for a z by z permutation: row i z + r
 *    of the matrix touches column j z + (r + s) mod z. That is the orientation under which the SHA-256 of alist files that such
 *    files state are reproduced.
 *  - all else is `alist` (MacKay): numbers of columns and rows, largest column and row degree, degrees of the columns, of the
 *    rows, the rows of each column, the columns of each row, counted from 1; padded with zeros to the largest degree or not; `#`
 *    begins a comment.
 *
 *  The matrix has fewer rows than columns, and no entry twice. QD_E_INPUT: unreadable, not a code, too large (above), with the
 *  position; QD_E_INTERNAL: no memory. *out is NULL then, else the caller's, qd_sparse_free. */
qd_status qd_sparse_read(const char *path, qd_sparse_code **out, qd_error *err);
/** The same from memory; @p name stands for the path in errors. @p text needs no terminating zero. */
qd_status qd_sparse_parse(const char *name, const char *text, size_t bytes, qd_sparse_code **out, qd_error *err);
void qd_sparse_free(qd_sparse_code *code);

/** Pairs of rows to be added up, in order: the way in which codes come with a rate adaption file (LDPC4QKD). */
typedef struct qd_sparse_pairs {
    uint32_t n;
    uint32_t *row; /**< [2 n], zero-based rows of the lifted matrix */
} qd_sparse_pairs;

/** Read such a file: a line `a,b` for each pair. QD_E_INPUT: unreadable, another line, a row that the code has not or that stands
 *  there twice; with the line. @p out is {0} then, else qd_sparse_pairs_free. */
qd_status qd_sparse_pairs_read(const char *path, const qd_sparse_code *code, qd_sparse_pairs *out, qd_error *err);
/** The same from memory. */
qd_status qd_sparse_pairs_parse(const char *name, const char *text, size_t bytes, const qd_sparse_code *code,
                                qd_sparse_pairs *out, qd_error *err);
void qd_sparse_pairs_free(qd_sparse_pairs *p);

/** The code with the first @p n of the pairs added up over GF(2): m - n rows, first those that no pair took, in order, then the
 *  sums. QD_E_USAGE: n is more than there are; QD_E_INTERNAL: no memory. *out is NULL then, else the caller's. */
qd_status qd_sparse_combine(const qd_sparse_code *code, const qd_sparse_pairs *pairs, uint32_t n, qd_sparse_code **out,
                            qd_error *err);

/** The code as alist: no padding, single spaces, a final LF; the caller frees. NULL: no memory. Its SHA-256 is how published
 *  tables of frame error rates name a code. */
char *qd_sparse_alist(const qd_sparse_code *code, size_t *bytes);

/** @p syndrome = H @p frame: n bits in, m bits out; both were created so. Obvious and scalar; it cannot fail. */
void qd_sparse_syndrome(const qd_sparse_code *code, const qd_bits *frame, qd_bits *syndrome);

typedef enum qd_sparse_schedule {
    QD_FLOODING = 0, /**< all rows see the sums of the iteration before */
    QD_LAYERED = 1   /**< rows in order, each sees what those before it came to: about half the iterations */
} qd_sparse_schedule;

/** Largest |message|, in LLR: exp(-40) is far below any frame error rate that can be seen. */
#define QD_SPARSE_CLIP 40.0f

/** Sum-product decoding of one frame toward a syndrome. In single precision on u = exp(-|LLR|), where a check adds as
 *  (a + b) / (1 + a b) without any cancellation: messages are right to some 1e-5 + 1e-6 |LLR|.
 *
 *  @param llr        in  [n] ln(P(0)/P(1)) of each bit of Bob's; 0 where nothing is known (punctured); |llr| <= 1e6
 *  @param syndrome   in  m bits, Alice's
 *  @param app        out [n] LLR after the last iteration; a bit is 1 where it is below 0. NULL: not wanted
 *  @param iterations out those used until the decisions matched the syndrome; 0: never, within max_iterations
 *  QD_E_INTERNAL: no memory. */
qd_status qd_sparse_decode(const qd_sparse_code *code, qd_sparse_schedule schedule, uint32_t max_iterations, const float *llr,
                           const qd_bits *syndrome, float *app, uint32_t *iterations, qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
