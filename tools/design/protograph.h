/* SPDX-License-Identifier: Apache-2.0 */
/** @file protograph.h  Base graphs in the making: cells of block rows and columns, and how well the decoder does with them. */
#ifndef QD_DESIGN_PROTOGRAPH_H
#define QD_DESIGN_PROTOGRAPH_H

#include <stdio.h>
#include "reconcile/code.h"

enum { PROTO_Z = QD_Z_STANDARD, PROTO_SET = 1 /* the lifting set of Z = 384 */ };

/** A cell (row, column) is on or off, and has a shift in each lifting set. Shape: as code.h says, QD_CORE_ROWS rows without a column of their own. */
typedef struct proto {
    uint32_t kb, rows;
    uint8_t on[QD_GRAPH_ROWS_MAX][QD_GRAPH_COLS_MAX];
    uint16_t shift[QD_GRAPH_ROWS_MAX][QD_GRAPH_COLS_MAX][QD_SETS];
} proto;

/** Block columns that cells may be in: all but the extension columns. */
static inline uint32_t proto_core(const proto *g) {
    return g->kb + QD_CORE_ROWS;
}
/** Cells that are on in the first @p rows block rows. */
uint32_t proto_edges(const proto *g, uint32_t rows);

/** splitmix64: which cells are tried, and the trials' keys and errors. */
uint64_t proto_random(uint64_t *state);
static inline uint32_t proto_below(uint64_t *state, uint32_t n) {
    return (uint32_t)(proto_random(state) % n);
}

/** Do cells (i, j) and its shift close a cycle of four edges at lifting size @p z of set @p set? */
bool proto_four_cycle(const proto *g, uint32_t i, uint32_t j, uint32_t set, uint32_t z);

/** Words that are too light: of fewer than `weight` bits (punctured ones not counted), within the first `rows` block rows, at lifting size z of a set. */
typedef struct proto_word_limits {
    uint32_t rows, weight, set, z;
} proto_word_limits;

/** A word: its weight, and the block columns of its bits outside extension columns; bits = 0: none. */
typedef struct proto_word {
    uint32_t weight, bits;
    uint16_t column[8];
} proto_word;

/** Sum over light words of five bits at most outside extension columns, each as often as it has such bits, of what they lack of limits->weight. *lightest: one of the lightest. */
uint32_t proto_light(const proto *g, const proto_word_limits *limits, proto_word *lightest);

/** Other shifts, one at a time, for cells on the lightest words within any of @p n limits of one set, the first of its largest size, where the sum over all becomes
 *  smaller. Returns that sum. */
uint32_t proto_lighten(proto *g, const proto_word_limits *limits, uint32_t n, uint32_t tries, uint64_t *random);

/** Largest lifting size of a set. */
uint32_t proto_largest(uint32_t set);

/** Shifts of all sets but PROTO_SET, of the best of a few draws: with cycles of four edges at as few lifting sizes as may be. */
void proto_lift(proto *g, uint64_t *random);

/** The source file of a graph called @p name ("qd-k22"), as it stands in host/reconcile. */
void proto_print(const proto *g, const char *name, FILE *to);

/** A place on the graph's way: its first `rows` block rows disclose a share of a frame; errors are as many as make that share f entropies. */
typedef struct proto_spot {
    uint32_t rows, iterations;
    double f;
} proto_spot;

/** Keys and errors of frames: uint64 [batches][PROTO_BATCH][kb + rows][PROTO_Z / 64] each. {0} is none. */
typedef struct proto_frames {
    uint32_t batches;
    uint64_t *alice, *bob;
} proto_frames;

enum { PROTO_BATCH = 128 };

/** Frames of @p g at @p spot, at Z = 384: uniform keys, independent errors, both by @p seed. Whatever @p f held is freed. QD_E_INTERNAL: no memory, then it holds none. */
qd_status proto_draw(proto_frames *f, const proto *g, const proto_spot *spot, uint64_t seed, uint32_t batches, qd_error *err);
void proto_frames_free(proto_frames *f);

/** A CPU device and what a batch of frames needs on it. Opened and closed by its owner, closed also where opening failed. */
typedef struct proto_trial {
    qd_device *dev;
    uint64_t *got, *syndrome;
    uint32_t *iterations;
} proto_trial;

qd_status proto_trial_open(proto_trial *t, qd_error *err);
void proto_trial_close(proto_trial *t);

/** How many of the frames fail with @p g at @p spot, wrong words that match counted several times, and a small share of the iterations. Leaves after a batch with which it is
 *  above @p most. */
qd_status proto_cost(proto_trial *t, const proto *g, const proto_spot *spot, const proto_frames *frames, double most, double *cost, qd_error *err);

#endif
