/* SPDX-License-Identifier: Apache-2.0 */
/* How many rows a first syndrome should have, and how many are added in each round for the frames that it leaves unsolved. */
#include <math.h>
#include "reconcile/rate.h"

enum {
    LEVELS = QD_GRID_LEVELS, /* of rows in all, from the first syndrome's to where hardly a frame is left */
    FIRSTS = 8               /* first syndromes tried */
};

/* Beyond this share of unsolved frames more rows are not worth looking at: at most 1e-7 of the bits are in it. */
static const double hardly = 1e-7;

/* What one more attempt at a frame is thought to cost, as a share of its bits: time, for it runs to the cap of iterations mostly.
 * A thousandth saves a quarter of the attempts for .002 to .004 of f at 1 and 2 %, .001 above. */
static const double attempt = 1e-3;

/* Fewest rows, in [lo, hi], that leave at most the share @p unsolved; hi where none do. The share falls with the rows. */
static uint32_t rows_for(const qd_code *first, uint32_t lo, uint32_t hi, double unsolved, const qd_posterior *p) {
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (qd_rate_unsolved(first, mid, p) <= unsolved)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

static qd_grid grid_of(const qd_code *first, uint32_t lo, const qd_posterior *p) {
    qd_grid g = {0};
    const uint32_t hidden = first->graph->punctured * first->z, all = first->graph->rows * first->z,
                   whole = first->n + hidden; /* then all of the frame is told */
    const uint32_t hi = rows_for(first, lo, all < whole ? all : whole, hardly, p);
    for (uint32_t i = 0; i < LEVELS; i++) {
        uint32_t rows = lo + (uint32_t)((uint64_t)(hi - lo) * i / (LEVELS - 1));
        if (g.n && rows - hidden == g.bits[g.n - 1]) continue;
        g.bits[g.n] = rows - hidden;
        g.unsolved[g.n++] = qd_rate_unsolved(first, rows, p);
    }
    return g;
}

/* Cost from level i on, with at most r rounds left: cost[r][i] = min(give up, one more round to some level j). What is unsolved
 * at a level pays the next rows and an answer; what is given up is charged whole. Bellman, by rounds. */
qd_rounds qd_rounds_on(const qd_grid *g, uint32_t frame_bits, uint32_t most) {
    double cost[QD_ADD_ROUNDS + 1][LEVELS];
    uint32_t to[QD_ADD_ROUNDS + 1][LEVELS];
    for (uint32_t r = 0; r <= most; r++)
        for (uint32_t i = 0; i < g->n; i++) {
            to[r][i] = i;
            cost[r][i] = g->unsolved[i] * ((double)frame_bits - (double)g->bits[i]);
            for (uint32_t j = i + 1; r && j < g->n; j++) {
                double x = g->unsolved[i] * (g->bits[j] - g->bits[i] + 1 + attempt * frame_bits) + cost[r - 1][j];
                if (x < cost[r][i]) {
                    cost[r][i] = x;
                    to[r][i] = j;
                }
            }
        }
    qd_rounds best = {.charged = g->bits[0] + 1};
    uint32_t at = 0;
    for (uint32_t r = most; to[r][at] != at; r--) {
        const uint32_t next = to[r][at];
        best.charged += g->unsolved[at] * (g->bits[next] - g->bits[at] + 1);
        best.add[best.n++] = g->bits[next] - g->bits[at];
        at = next;
    }
    best.fer = g->unsolved[at];
    best.charged += best.fer * ((double)frame_bits - (double)g->bits[at]);
    return best;
}

qd_rounds qd_rounds_best(const qd_code *first, uint32_t sent, uint32_t most, const qd_posterior *p) {
    const qd_grid g = grid_of(first, sent, p);
    return qd_rounds_on(&g, first->n, most);
}

/* First syndromes from four fifths of the best single one's rows, with which hardly a frame is content, to all of them; or from
 * the shortest on, where all rates are possible. */
void qd_rounds_code(qd_code *first, uint32_t id, uint32_t z, uint32_t most, bool blind, const qd_posterior *p,
                    qd_rounds *rounds) {
    qd_code single;
    qd_rate_best(&single, id, z, p);
    const uint32_t hi = single.m, lo = 0.8 * hi > QD_CORE_ROWS * z && !blind ? (uint32_t)(0.8 * hi) : QD_CORE_ROWS * z;
    double least = INFINITY;
    for (uint32_t i = 0; i < FIRSTS; i++) {
        qd_code c;
        (void)qd_code_make(&c, id, z, lo + (uint32_t)((uint64_t)(hi - lo) * i / (FIRSTS - 1)), NULL); /* in range */
        qd_rounds r = qd_rounds_best(&c, c.m, most, p);
        if (r.charged / c.n >= least) continue;
        least = r.charged / c.n;
        *first = c;
        *rounds = r;
    }
}
