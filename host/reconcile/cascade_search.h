/* SPDX-License-Identifier: Apache-2.0 */
/** @file cascade_search.h  The search of a frame: what a frame has in every order (cascade.c), and the two ways to keep its blocks:
 *  as a tree, which FROM_TOP goes down (cascade_tree.c), and as its leaves, which are all that sub-block reuse looks at
 *  (cascade_leaves.c). Also what the searches of a batch share. */
#ifndef QD_RECONCILE_CASCADE_SEARCH_H
#define QD_RECONCILE_CASCADE_SEARCH_H

#include "qdistill/reconcile/cascade.h"

/** The permutations of a plan's passes, and scratch: the searches that share it are those of one thread. */
typedef struct qd_cascade_tables {
    qd_cascade_plan plan;
    uint64_t seed, frame;
    uint32_t *order, *place; /**< [passes][n]: the permutations, as qd_cascade_permutation, and their inverses */
    uint64_t *first;         /**< [passes][words], words = ceil(n/64): bits of the first block of passes of two; or NULL */
    uint8_t *taken, stamp;   /**< [n]: the round, of any search, in which a bit was taken last */
} qd_cascade_tables;

/** QD_E_USAGE: not a plan, or a frame number out of range. */
qd_status qd_cascade_tables_make(const qd_cascade_plan *plan, uint64_t seed, uint64_t frame, qd_cascade_tables **out,
                                 qd_error *err);
/** Make `first`: worth it for more than some ten frames. */
qd_status qd_cascade_tables_first(qd_cascade_tables *t, qd_error *err);
/** NULL is accepted. */
void qd_cascade_tables_free(qd_cascade_tables *t);

/** Positions [from, from + length) of a pass. */
typedef struct qd_cascade_part {
    uint32_t from;
    uint32_t length : 26, pass : 5,
        more : 1; /**< of a left half that is asked: whether the right one is longer, by a position; else 0 */
} qd_cascade_part;

typedef struct qd_cascade_parts {
    qd_cascade_part *v;
    size_t n, cap;
} qd_cascade_parts;

typedef struct qd_cascade_ids {
    uint32_t *v;
    size_t n, cap;
} qd_cascade_ids;

/** 64 positions of a pass, a bit each. */
typedef struct qd_cascade_cell {
    uint64_t start,  /**< a leaf begins here */
        odd, listed, /**< by its first position: a leaf has an odd number of errors left; it is in a list */
        found;       /**< an error was corrected here */
} qd_cascade_cell;

enum { QD_CASCADE_LEVELS = 4 }; /* 64^4 cells are more than a frame has */

typedef struct qd_cascade_pass {
    const uint32_t *order, *place; /**< the permutation and its inverse */
    uint32_t number, k, blocks;    /**< whole block i: [i k, (i+1) k), the last one to n */
    uint32_t first;                /**< tree: its whole blocks are first..first+blocks-1 */
    bool odd_before;               /**< leaves: parity of the errors that were found before it in its first block, if it has no cells */
    qd_cascade_cell *cell;         /**< leaves: n/64 + 1, and a start at n; NULL while all whole blocks are even */
    uint64_t *up[QD_CASCADE_LEVELS]; /**< bit i of level 0: cell i has a start; of each next one: word i of the one below has a bit */
} qd_cascade_pass;

struct qd_cascade {
    qd_cascade_parts asked; /**< what is asked in this round: whole blocks of the newest pass, or left halves */
    bool begins;            /**< it is whole blocks */
    bool frame_odd;         /**< parity of all errors that are left, known from the first pass on */
    uint32_t passes;
    qd_cascade_counts counts;
    qd_bits errors;
    qd_cascade_tables *tables;
    struct {
        qd_cascade_parts odd, /**< odd leaves, shortest first */
            fresh,            /**< leaves that were odd when they came here, in this order */
            ones;             /**< the same of one position */
        bool stale;           /**< some leaf is even again */
    } leaves;
    struct {
        struct qd_cascade_block *block;
        size_t blocks, cap;
        qd_cascade_ids asked, /**< the blocks asked */
            split,            /**< the same in number: the block whose left half that is; NONE: a whole block */
            ready,            /**< blocks to search from, first come first served */
            found;            /**< the bits that were corrected */
    } tree;
    qd_cascade_pass pass[QD_CASCADE_PASSES + 1]; /**< the last: the present round of both halves */
    uint32_t *halves;                            /**< order and place of that */
    uint32_t quiet;                              /**< rounds of both halves without correction so far */
    uint64_t before;                             /**< corrected before this round of both halves */
    qd_cascade_plan plan;
    qd_cascade_tables *own; /**< not shared with other frames, NULL where it is */
};

/** A search over tables, which stay until it is destroyed. */
qd_status qd_cascade_create_over(qd_cascade_tables *t, qd_cascade **out, qd_error *err);

/** qd_cascade_answer with messages that begin at bit @p at. */
qd_status qd_cascade_answer_at(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err);

/* ---- For the tree and the leaves ------------------------------------------------------------------------------------------- */

/** QD_E_INTERNAL, as an error. */
qd_status qd_cascade_no_memory(qd_error *err);
/** Room for @p more parts. */
qd_status qd_cascade_parts_room(qd_cascade_parts *l, size_t more, qd_error *err);
/** Count a correction and turn the bit. QD_E_INPUT: there are more than bits. */
qd_status qd_cascade_count_error(qd_cascade *self, uint32_t bit, qd_error *err);

/** Length of whole block @p i of a pass. */
static inline uint32_t qd_cascade_block_length(const qd_cascade *s, const qd_cascade_pass *p, uint32_t i) {
    return i + 1 < p->blocks ? p->k : s->plan.n - i * p->k;
}

/** Sum of both sides' bit @p i. */
static inline bool qd_cascade_told(const uint64_t *alice, const uint64_t *bob, uint64_t i) {
    return (alice[i / 64] ^ bob[i / 64]) >> (i % 64) & 1;
}

/** Each of these once for the tree and once for the leaves:
 *  begin: the newest pass, `asked` holds its whole blocks that are asked; whole: their answers, and what follows for the last one;
 *  halves: the answers of left halves; go_on: correct what can be, and ask for halves if any is to be asked; end: free. */
qd_status qd_cascade_tree_begin(qd_cascade *self, qd_error *err);
qd_status qd_cascade_tree_whole(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err);
qd_status qd_cascade_tree_halves(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err);
qd_status qd_cascade_tree_go_on(qd_cascade *self, qd_error *err);
void qd_cascade_tree_end(qd_cascade *self);

qd_status qd_cascade_leaves_begin(qd_cascade *self, qd_error *err);
qd_status qd_cascade_leaves_whole(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err);
qd_status qd_cascade_leaves_halves(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err);
qd_status qd_cascade_leaves_go_on(qd_cascade *self, qd_error *err);
void qd_cascade_leaves_end(qd_cascade *self);
/** Fetch what the answers of this round will look at. */
void qd_cascade_leaves_fetch(const qd_cascade *self);

#endif
