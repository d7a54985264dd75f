/* SPDX-License-Identifier: Apache-2.0 */
/** @file code.h  Base graphs, lifted codes, and how a frame lies in memory.
 *
 *  Where a new code belongs: a lifted base graph is one file like bg2.c (a qd_graph with its largest lifting size; bg1.c has two, of one table's rows in two
 *  orders; `protograph` in tools/design searches for one and prints it) and one line in the list of code.c; its FER curves are
 *  rows in rate.c. Syndrome, decoder, machines and messages then work as they stand, as long as the graph is within the bounds below and has the raptor-like shape: `punctured` columns first,
 *  block row i >= 4 owning column kb + i with degree 1 and shift 0. */
#ifndef QD_RECONCILE_CODE_H
#define QD_RECONCILE_CODE_H

#include <stdint.h>
#include "qdistill/reconcile.h"

enum {
    QD_SETS = 8,            /* lifting sets: Z = a 2^j with a = 2, 3, 5, 7, 9, 11, 13, 15 */
    QD_Z_STANDARD = 384,    /* largest lifting size of 5G NR */
    QD_Z_MAX = 768,         /* and of any graph here */
    QD_CORE_ROWS = 4,       /* block rows that every frame has */
    QD_GRAPH_ROWS_MAX = 46, /* bounds over all graphs: memory of the device kernels */
    QD_GRAPH_COLS_MAX = 68,
    QD_GRAPH_CORE_MAX = 37, /* columns with more than one row: kb + QD_CORE_ROWS */
    QD_GRAPH_EDGES_MAX = 360,
    QD_DEGREE_MIN = 3,
    QD_DEGREE_MAX = 30
};

/** One edge of a base graph: its block column, and the shift V in each lifting set. At sizes up to the standard's largest of a set, L = 256, 384, 320, 224, 288, 352,
 *  208, 240, the cyclic shift is V mod Z. At 2 L, where graphs of our own go on, it is V, and L more where the V of the next set (after the last the first) is odd: a
 *  double cover of the code of L with as many block rows, by bits that the table has, so that where the last row is whole no word gets lighter, and no cycle shorter. */
typedef struct qd_edge {
    uint16_t col;
    uint16_t shift[QD_SETS];
} qd_edge;

typedef struct qd_graph {
    const char *name;
    uint32_t id; /**< qd_code_id */
    uint32_t rows, cols, kb, punctured;
    uint32_t z_most;           /**< largest lifting size */
    const uint16_t *row_start; /**< [rows + 1] into edges */
    const qd_edge *edges;      /**< by row, then column */
} qd_graph;

extern const qd_graph qd_graph_nr_bg1, qd_graph_nr_bg2, qd_graph_qd_bg1, qd_graph_qd_k22, qd_graph_qd_k33;

/** A lifted code cut to M syndrome bits. Row r of block row i touches position (r + shift) mod Z of block column j. */
typedef struct qd_code {
    const qd_graph *graph;
    uint32_t z, set, m;
    bool cover;     /**< of twice the standard's largest lifting size of the set */
    uint32_t rows;  /**< block rows, the last one perhaps partial */
    uint32_t last;  /**< lifted rows of the last block row, and bits of its extension column: 1..z */
    uint32_t cols;  /**< block columns: kb + rows */
    uint32_t words; /**< ceil(z/64): 64-bit words of a block column in memory */
    uint32_t edges; /**< edges of the rows in use */
    uint32_t n;     /**< key bits of a frame: (cols - punctured - 1) z + last */
    uint32_t leak;  /**< m - punctured z */
} qd_code;

/** Graph of a code id; NULL: unknown. */
const qd_graph *qd_graph_of(uint32_t id);

/** The lifting sizes of @p g, ascending: the standard's 51, of graphs that go on 59; *n gets their number. Static storage. */
const uint16_t *qd_lifting_sizes(const qd_graph *g, uint32_t *n);

/** Lifted code of @p id, @p z, @p m. QD_E_INPUT (the numbers may come from a message): unknown id, not a lifting size, m outside
 *  4 z..rows z. */
qd_status qd_code_make(qd_code *code, uint32_t id, uint32_t z, uint32_t m, qd_error *err);

static inline uint32_t qd_code_shift(const qd_code *c, const qd_edge *e) {
    const uint32_t v = e->shift[c->set], cover = c->cover && e->shift[(c->set + 1) % QD_SETS] % 2 ? c->z / 2 : 0;
    return (v + cover) % c->z;
}
/** Lifted rows of block row @p i, and bits of block column @p j. */
static inline uint32_t qd_code_row_bits(const qd_code *c, uint32_t i) {
    return i + 1 == c->rows ? c->last : c->z;
}
static inline uint32_t qd_code_col_bits(const qd_code *c, uint32_t j) {
    return j + 1 == c->cols ? c->last : c->z;
}

/* ---- Memory layout: a frame is uint64 [cols][words], a syndrome uint64 [rows][words]; bit p of a column or row is bit p%64 of
 * word
 * p/64, bits past its length are zero. ------------------------------------------------------------------------------------------
 * */

static inline size_t qd_frame_words(const qd_code *c) {
    return (size_t)c->cols * c->words;
}
static inline size_t qd_syndrome_words(const qd_code *c) {
    return (size_t)c->rows * c->words;
}

/** Copy key bits [from, from + c->n) into the key columns of @p frame; the punctured columns are left alone. */
void qd_frame_load(const qd_code *c, const qd_bits *key, uint64_t from, uint64_t *frame);
/** The other way: key columns of @p frame to bits [from, from + c->n) of @p key. */
void qd_frame_store(const qd_code *c, const uint64_t *frame, qd_bits *key, uint64_t from);
/** Fill the punctured columns with private bits from @p r: ceil(punctured z / 8) bytes a frame, bit i of them is bit i%8 of byte
 *  i/8. */
void qd_frame_private(const qd_code *c, qd_random *r, uint64_t *frame);

/** Bytes of a syndrome in a message: its m bits by block row, then lifted row; bit i is bit i%8 of byte i/8. */
static inline size_t qd_syndrome_bytes(const qd_code *c) {
    return (c->m + 7) / 8;
}
void qd_syndrome_pack(const qd_code *c, const uint64_t *syndrome, uint8_t *bytes);
/** QD_E_INPUT: a bit past the m-th is set. */
qd_status qd_syndrome_unpack(const qd_code *c, const uint8_t *bytes, uint64_t *syndrome, qd_error *err);

/** Bits [at, at + 64) of @p w, zeros past word @p words; and the lowest @p n (0..64) bits of @p v to bits [at, at + n). */
uint64_t qd_words_get(const uint64_t *w, uint64_t words, uint64_t at);
void qd_words_put(uint64_t *w, uint64_t at, uint64_t v, uint32_t n);

#endif
