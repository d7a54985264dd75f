/* SPDX-License-Identifier: Apache-2.0 */
/** @file cascade_search.h  The search of a frame: what a frame has in every order (cascade.c), and the two ways to keep its blocks:
 *  as a tree, which FROM_TOP goes down (cascade_tree.c), and as its leaves, which are all that sub-block reuse looks at
 *  (cascade_leaves.c, with PASS in cascade_pass.c; the first pass of frames in a batch in cascade_first.c). Also what the searches of a batch share. */
#ifndef QD_RECONCILE_CASCADE_SEARCH_H
#define QD_RECONCILE_CASCADE_SEARCH_H

#include "qdistill/reconcile/cascade.h"

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
    uint64_t start, /**< a leaf begins here */
        odd,        /**< by its first position: a leaf has an odd number of errors left */
        found;      /**< an error was corrected here */
} qd_cascade_cell;

/** Odd leaves of a pass, longer than a bit, as they became odd. */
typedef struct qd_cascade_odds {
    qd_cascade_parts leaf;
    uint32_t shortest; /**< its length, if there is any */
} qd_cascade_odds;

enum { QD_CASCADE_LEVELS = 4 /* 64^4 cells are more than a frame has */, QD_CASCADE_PENDING = 12 };

/** The permutations of a plan's passes, and scratch: the searches that share it are those of one thread. */
typedef struct qd_cascade_tables {
    qd_cascade_plan plan;
    uint64_t seed, frame;
    uint32_t *order, *place;        /**< [passes][n]: the permutations, as qd_cascade_permutation, and their inverses */
    uint64_t *first;                /**< [passes][words], words = ceil(n/64): bits of the first block of passes of two; or NULL */
    uint8_t *taken, stamp;          /**< [n]: the round, of any search, in which a bit was taken last */
    size_t up[QD_CASCADE_LEVELS];   /**< where the levels over a pass's cells begin, in words from the first cell */
    size_t cell_words;              /**< cells and levels of a pass */
    size_t pool_bytes;              /**< cells are cut from pieces of memory as large as that, or each pass has its own */
    uint64_t *pool;                 /**< the newest piece; its first word says where the one before is */
    size_t pool_at;                 /**< words taken of it */
} qd_cascade_tables;

/** QD_E_USAGE: not a plan, or a frame number out of range. */
qd_status qd_cascade_tables_make(const qd_cascade_plan *plan, uint64_t seed, uint64_t frame, qd_cascade_tables **out,
                                 qd_error *err);
/** What is worth its while for many frames: `first`, and a pool of cells. */
qd_status qd_cascade_tables_share(qd_cascade_tables *t, uint64_t frames, qd_error *err);
/** Cells and levels of a pass, all zero, that stay as long as the tables; NULL: no memory. */
uint64_t *qd_cascade_tables_cells(qd_cascade_tables *t);
/** NULL is accepted. */
void qd_cascade_tables_free(qd_cascade_tables *t);

typedef struct qd_cascade_pass {
    const uint32_t *order, *place; /**< the permutation and its inverse */
    uint32_t number, k, blocks;    /**< whole block i: [i k, (i+1) k), the last one to n */
    uint32_t first;                /**< tree: its whole blocks are first..first+blocks-1 */
} qd_cascade_pass;

/** What a round needs of a frame comes first. */
struct qd_cascade {
    qd_cascade_parts asked; /**< what is asked in this round: whole blocks of the newest pass, or left halves */
    bool begins;            /**< it is whole blocks */
    uint8_t dense;          /**< above 0: the first pass is gone through in words (cascade_first.c), and parts of so many positions are asked.
                                 asked.n is their number; of the parts themselves there is that of a shorter block at the end alone, first */
    bool end;               /**< with `dense`: that is asked too, as the last question */
    bool frame_odd;         /**< parity of all errors that are left, known from the first pass on */
    uint16_t pending;       /**< so many corrections are not in `errors` yet */
    uint32_t passes;
    uint64_t odds; /**< with `dense`: odd leaves, the end apart */
    qd_cascade_counts counts;
    qd_cascade_tables *tables;
    uint32_t corrected[QD_CASCADE_PENDING]; /**< the bits of those */
    const uint64_t *prefix; /**< in a batch [passes][n/64 + 1]: bit j of a pass: parity of the own key's bits before its position j; else NULL */
    struct {
        qd_cascade_parts ones, /**< leaves of one position that became odd, in this order, until they are corrected */
            odd,               /**< odd leaves, shortest first */
            fresh;             /**< those that became odd since, in this order; neither with QD_CASCADE_PASS, which has `of` */
        uint32_t stale;       /**< by passes: some leaf in a list is even again, or in it twice */
        bool odd_before;      /**< parity of the errors found before the newest pass in its first block, if it has no cells */
        qd_cascade_cell *cell[QD_CASCADE_PASSES]; /**< n/64 + 1, and a start at n; NULL while all whole blocks are even. Over them
                                     levels: bit i of the first: cell i has a start; of each next one: word i of the one below has a bit */
        qd_cascade_odds of[QD_CASCADE_PASSES];
    } leaves;
    qd_bits errors;
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

/** A search over tables, which stay until it is destroyed, as does @p prefix of its frame; NULL: none. */
qd_status qd_cascade_create_over(qd_cascade_tables *t, const uint64_t *prefix, qd_cascade **out, qd_error *err);

/** qd_cascade_answer in two parts: what messages say that begin at bit @p at; and what follows, until questions stand or the frame is done. @{ */
qd_status qd_cascade_hear(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err);
qd_status qd_cascade_go_on(qd_cascade *self, qd_error *err);
/** @} */

/* ---- For the tree and the leaves ------------------------------------------------------------------------------------------- */

/** QD_E_INTERNAL, as an error. */
qd_status qd_cascade_no_memory(qd_error *err);
/** Room for @p more parts. */
qd_status qd_cascade_parts_room(qd_cascade_parts *l, size_t more, qd_error *err);
/** Count a correction; the bit is turned when there are some, or by qd_cascade_turn. QD_E_INPUT: there are more than bits. */
qd_status qd_cascade_correct(qd_cascade *self, uint32_t bit, qd_error *err);
/** Turn the bits that wait for it: at once, since each is far from the others in memory. */
void qd_cascade_turn(qd_cascade *self);

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

/** Give a pass cells: whole blocks, all of them even, and the errors found so far. */
qd_status qd_cascade_leaves_open(qd_cascade *self, uint32_t of, qd_error *err);
/** The first pass in words. fits: whether it can be; begin: ask for whole blocks; tell: own parities of what is asked, but of a part at the end, from bit
 *  @p at of @p told on, which has room for two words more than they fill, and how many these are; hear: the answers; go_on: ask for halves, or correct. @{ */
bool qd_cascade_first_fits(const qd_cascade *self);
qd_status qd_cascade_first_begin(qd_cascade *self, qd_error *err);
uint64_t qd_cascade_first_tell(const qd_cascade *self, uint64_t *told, uint64_t at);
qd_status qd_cascade_first_hear(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err);
qd_status qd_cascade_first_go_on(qd_cascade *self, qd_error *err);
/** @} */
/** A leaf became odd: into the list for such. */
qd_status qd_cascade_leaves_list(qd_cascade *self, qd_cascade_part x, qd_error *err);
/** Correct all odd leaves of one bit; `ones` is empty then. */
qd_status qd_cascade_leaves_correct(qd_cascade *self, qd_error *err);
/** Fetch what that will look at: first the places of those bits in other passes, then the cells there. */
void qd_cascade_leaves_reach(const qd_cascade *self);
void qd_cascade_leaves_touch(const qd_cascade *self);
/** What halves, go_on and end are of QD_CASCADE_PASS; list: a leaf that became odd, longer than a bit. @{ */
qd_status qd_cascade_pass_list(qd_cascade *self, qd_cascade_part x, qd_error *err);
qd_status qd_cascade_pass_halves(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err);
qd_status qd_cascade_pass_go_on(qd_cascade *self, qd_error *err);
void qd_cascade_pass_trim(qd_cascade *self); /**< free long lists, which are empty */
void qd_cascade_pass_end(qd_cascade *self);
/** @} */

#endif
