/* SPDX-License-Identifier: Apache-2.0 */
/** @file large_cycles.h  A base matrix while it is drawn, and the closed walks of its columns of degree 2.
 *
 *  Columns of degree 2 are edges of a graph on the checks; a cycle of it is a word that all checks accept, of as many bits as it
 * has edges. So are two columns of degree 3 whose rows walks of such columns join, one to one, or those of each among themselves. */
#ifndef QD_RECONCILE_LARGE_CYCLES_H
#define QD_RECONCILE_LARGE_CYCLES_H

#include <stdint.h>

/** By columns; columns ascend in degree. */
typedef struct qd_base {
    uint32_t rows, cols, z, edges;
    uint32_t *col_start; /* [cols + 1] into row_of and shift */
    uint16_t *row_of, *shift;
    uint8_t *has; /* [rows][cols]: an edge is there */
} qd_base;

typedef struct qd_cycles qd_cycles;

/** For @p b, borrowed, whose columns of degree 2 and 3 are added one by one. NULL: no memory. */
qd_cycles *qd_cycles_create(const qd_base *b);
/** Whether column @p c, not added yet, with the rows and shifts that it has now closes a cycle of at most @p longest lifted
 * columns. */
int qd_cycles_short(qd_cycles *w, uint32_t c, uint32_t longest);
/** Whether column @p c of three edges, not added yet, with the rows and shifts that it has now closes a word of at most @p longest lifted columns
 * with another one, or with a copy of itself: such walks from each of its rows as stay in a few thousand checks are looked at. Two of its own rows
 * must not be joined by fewer than half as many, so that no two columns whose rows are make a word of so few. */
int qd_cycles_word(qd_cycles *w, uint32_t c, uint32_t longest);
/** Column @p c, of degree 2 or 3, stands. */
void qd_cycles_add(qd_cycles *w, uint32_t c);
void qd_cycles_destroy(qd_cycles *w);

#endif
