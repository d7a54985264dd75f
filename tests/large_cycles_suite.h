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

/* Columns of degree 3, three rows and shifts each. */
typedef struct triples {
    uint32_t n, *row, *shift;
} triples;

static inline triples triples_of(const qd_large_code *c) {
    uint32_t *degree = calloc(c->cols, sizeof *degree), *to = calloc(c->cols, sizeof *to);
    triples t = {0, calloc((size_t)c->cols * 3, sizeof *t.row), calloc((size_t)c->cols * 3, sizeof *t.shift)};
    for (uint32_t e = 0; e < c->edges; e++) degree[c->edge[e].col]++;
    for (uint32_t j = 0; j < c->cols; j++)
        if (degree[j] == 3) to[j] = 3 * t.n++;
    for (uint32_t r = 0; r < c->rows; r++)
        for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) {
            const uint32_t j = c->edge[e].col;
            if (degree[j] != 3) continue;
            t.row[to[j]] = r;
            t.shift[to[j]++] = c->edge[e].shift;
        }
    free(degree);
    free(to);
    return t;
}

/* Lifted row of edge @p k of bit @p p. */
static inline uint32_t triple_check(const qd_large_code *c, const triples *t, uint32_t column, uint32_t k, uint32_t p) {
    return t->row[3 * column + k] * c->z + (p + c->z - t->shift[3 * column + k]) % c->z;
}

/* Distances from @p root up to @p most columns of degree 2, UINT32_MAX beyond. */
static inline void distances(const graph *g, uint32_t root, uint32_t most, uint32_t *distance, uint32_t *queue) {
    uint32_t from = 0, to = 1;
    memset(distance, 0xff, g->n * sizeof *distance);
    queue[0] = root;
    distance[root] = 0;
    for (; from < to && distance[queue[from]] < most; from++)
        for (uint32_t i = g->start[queue[from]]; i < g->start[queue[from] + 1]; i++)
            if (distance[g->to[i]] == UINT32_MAX) {
                distance[g->to[i]] = distance[queue[from]] + 1;
                queue[to++] = g->to[i];
            }
}

/* Bits of the lightest word of bit @p p of @p column and the one that distances are from; UINT32_MAX: none that is near. */
static inline uint32_t word_of(const qd_large_code *c, const triples *t, uint32_t column, uint32_t p, uint32_t *const distance[3]) {
    static const uint8_t order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    uint32_t least = UINT32_MAX;
    for (int o = 0; o < 6; o++) {
        uint32_t sum = 2;
        for (uint32_t k = 0; k < 3 && sum < UINT32_MAX; k++) {
            const uint32_t one = distance[k][triple_check(c, t, column, order[o][k], p)];
            sum = one == UINT32_MAX ? one : sum + one;
        }
        least = sum < least ? sum : least;
    }
    return least;
}

#endif
