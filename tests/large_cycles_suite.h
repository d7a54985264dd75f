/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles of the columns of two edges, looked for by walking from row to row. */
#ifndef QD_TESTS_LARGE_CYCLES_SUITE_H
#define QD_TESTS_LARGE_CYCLES_SUITE_H

#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/large.h"

/* Lifted rows joined by the columns of degree 2, row after row as lists of (row, column). */
typedef struct graph {
    uint32_t n, *start, *to, *col;
} graph;

static inline graph pairs_of(const qd_large_code *c) {
    uint32_t lifted = c->rows * c->z, *ends = calloc((size_t)c->cols * 2, sizeof *ends),
             *shifts = calloc((size_t)c->cols * 2, sizeof *shifts), *degree = calloc(c->cols, sizeof *degree);
    for (uint32_t r = 0; r < c->rows; r++)
        for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) {
            uint32_t j = c->edge[e].col, k = degree[j]++;
            if (k < 2) ends[2 * j + k] = r, shifts[2 * j + k] = c->edge[e].shift;
        }
    graph g = {lifted, calloc(lifted + 1, sizeof *g.start), NULL, NULL};
    for (int fill = 0; fill < 2; fill++) {
        for (uint32_t j = 0; j < c->cols; j++)
            for (uint32_t p = 0; p < c->z && degree[j] == 2; p++) {
                uint32_t at[2];
                for (uint32_t k = 0; k < 2; k++) at[k] = ends[2 * j + k] * c->z + (p + c->z - shifts[2 * j + k]) % c->z;
                for (int k = 0; k < 2; k++) {
                    if (fill) g.to[g.start[at[k]]] = at[1 - k], g.col[g.start[at[k]]] = j * c->z + p;
                    g.start[at[k] + (fill ? 0 : 1)]++;
                }
            }
        for (uint32_t i = 0; i < lifted && !fill; i++) g.start[i + 1] += g.start[i];
        if (!fill) g.to = calloc(g.start[lifted] + 1, sizeof *g.to), g.col = calloc(g.start[lifted] + 1, sizeof *g.col);
    }
    for (uint32_t i = lifted; i > 0; i--) g.start[i] = g.start[i - 1];
    g.start[0] = 0;
    free(ends);
    free(shifts);
    free(degree);
    return g;
}

/* Length of the shortest cycle that a search from @p root sees, up to @p most. */
static inline uint32_t shortest(const graph *g, uint32_t root, uint32_t most, uint32_t *depth, uint32_t *by, uint32_t *queue) {
    uint32_t from = 0, to = 1, best = most + 1;
    memset(depth, 0, g->n * sizeof *depth);
    queue[0] = root;
    depth[root] = 1;
    by[root] = UINT32_MAX;
    for (; from < to && 2 * (depth[queue[from]] - 1) < most; from++)
        for (uint32_t i = g->start[queue[from]]; i < g->start[queue[from] + 1]; i++) {
            uint32_t u = queue[from], v = g->to[i];
            if (g->col[i] == by[u]) continue;
            if (depth[v]) {
                uint32_t cycle = depth[u] + depth[v] - 1;
                best = cycle < best ? cycle : best;
            } else {
                depth[v] = depth[u] + 1;
                by[v] = g->col[i];
                queue[to++] = v;
            }
        }
    return best;
}

#endif
