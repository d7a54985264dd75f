/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/large_cycles.h"

#include <stdbool.h>
#include <stdlib.h>

/* One end of a column at a row: (row, x) and (other, x + step mod z) share a bit, for every lifted row x. */
typedef struct arc {
    uint32_t other, step, col, next; /* next: 1 + index of the row's next arc, 0: none */
} arc;

struct qd_cycles {
    const qd_base *b;
    arc *arcs;
    uint32_t n, *head;     /* head[row]: 1 + index */
    uint32_t *mark, stamp; /* [rows z] which search reached a lifted row */
    uint32_t *queue[3];    /* one from each end of the column */
    uint8_t *depth[3];     /* [rows z] 1 + columns walked from each end of a column of three, 0: not reached */
    arc *threes;           /* of columns of degree 3: col, and step the number of the edge */
    uint32_t n3, *head3;
};

enum { WALKS = 8192 /* checks in a search from an end, beyond which it goes no deeper */ };

qd_cycles *qd_cycles_create(const qd_base *b) {
    qd_cycles *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    size_t lifted = (size_t)b->rows * b->z;
    w->b = b;
    w->arcs = calloc(2 * (size_t)b->cols + 2, sizeof *w->arcs);
    w->head = calloc(b->rows, sizeof *w->head);
    w->mark = calloc(lifted, sizeof *w->mark);
    w->threes = calloc(3 * (size_t)b->cols + 3, sizeof *w->threes);
    w->head3 = calloc(b->rows, sizeof *w->head3);
    bool all = w->arcs && w->head && w->mark && w->threes && w->head3;
    for (int i = 0; i < 3; i++) {
        w->queue[i] = calloc(lifted, sizeof *w->queue[i]);
        w->depth[i] = calloc(lifted, 1);
        all = all && w->queue[i] && w->depth[i];
    }
    if (all) return w;
    qd_cycles_destroy(w);
    return NULL;
}

void qd_cycles_destroy(qd_cycles *w) {
    if (!w) return;
    free(w->arcs);
    free(w->head);
    free(w->mark);
    free(w->threes);
    free(w->head3);
    for (int i = 0; i < 3; i++) free(w->queue[i]), free(w->depth[i]);
    free(w);
}

static void add_arc(qd_cycles *w, uint32_t from, uint32_t to, uint32_t step, uint32_t c) {
    w->arcs[w->n++] = (arc){to, step, c, w->head[from]};
    w->head[from] = w->n;
}

/* Bit p of a column lies in row a at p - shift_a and in row b at p - shift_b. */
void qd_cycles_add(qd_cycles *w, uint32_t c) {
    uint32_t e = w->b->col_start[c], z = w->b->z, a = w->b->row_of[e], b = w->b->row_of[e + 1];
    if (w->b->col_start[c + 1] - e == 3) {
        for (uint32_t i = 0; i < 3; i++) {
            w->threes[w->n3++] = (arc){0, i, c, w->head3[w->b->row_of[e + i]]};
            w->head3[w->b->row_of[e + i]] = w->n3;
        }
        return;
    }
    uint32_t step = (w->b->shift[e] + z - w->b->shift[e + 1]) % z;
    add_arc(w, a, b, step, c);
    add_arc(w, b, a, (z - step) % z, c);
}

static void remove_last(qd_cycles *w) {
    const arc *ab = &w->arcs[w->n - 2], *ba = &w->arcs[w->n - 1];
    w->head[ab->other] = ba->next;
    w->head[ba->other] = ab->next;
    w->n -= 2;
}

/* The lifted column that is looked at: it is not walked itself. */
typedef struct gap {
    uint32_t col, end[2]; /* lifted rows, row z + place */
} gap;

/* All lifted rows that a walk of at most `depth` columns reaches from one end; 1 when one of them was reached from the other end.
 */
static int reach(qd_cycles *w, const gap *g, int side, uint32_t depth) {
    uint32_t z = w->b->z, *queue = w->queue[side], from = 0, to = 1;
    uint32_t mine = w->stamp + (uint32_t)side;
    queue[0] = g->end[side];
    if (side && w->mark[queue[0]] == w->stamp) return 1;
    w->mark[queue[0]] = mine;
    for (uint32_t level = 0; level < depth; level++) {
        uint32_t end = to;
        for (; from < end; from++)
            for (uint32_t i = w->head[queue[from] / z]; i; i = w->arcs[i - 1].next) {
                const arc *s = &w->arcs[i - 1];
                uint32_t v = s->other * z + (queue[from] % z + s->step) % z;
                if (s->col == g->col &&
                    ((queue[from] == g->end[0] && v == g->end[1]) || (queue[from] == g->end[1] && v == g->end[0])))
                    continue;
                if (side && w->mark[v] == w->stamp) return 1;
                if (w->mark[v] == mine) continue;
                w->mark[v] = mine;
                queue[to++] = v;
            }
    }
    return 0;
}

int qd_cycles_short(qd_cycles *w, uint32_t c, uint32_t longest) {
    if (!longest) return 0;
    qd_cycles_add(w, c);
    const arc *ab = &w->arcs[w->n - 2], *ba = ab + 1;
    gap g = {c, {ba->other * w->b->z, ab->other * w->b->z + ab->step}};
    w->stamp += 2;
    uint32_t rest = longest - 1; /* columns of a cycle besides this one */
    int found = reach(w, &g, 0, rest - rest / 2) || reach(w, &g, 1, rest / 2);
    remove_last(w);
    return found;
}

/* ---- Columns of degree 3 --------------------------------------------------------------------------------------------------- */

/* Walks of at most @p longest columns from lifted row @p from; the number of lifted rows reached. */
static uint32_t walk(qd_cycles *w, int side, uint32_t from, uint32_t longest) {
    uint32_t z = w->b->z, *queue = w->queue[side], at = 0, n = 1;
    uint8_t *depth = w->depth[side];
    queue[0] = from;
    depth[from] = 1;
    for (uint32_t level = 1; level <= longest && n <= WALKS; level++)
        for (uint32_t end = n; at < end; at++)
            for (uint32_t i = w->head[queue[at] / z]; i; i = w->arcs[i - 1].next) {
                const arc *s = &w->arcs[i - 1];
                uint32_t v = s->other * z + (queue[at] % z + s->step) % z;
                if (depth[v]) continue;
                depth[v] = (uint8_t)(level + 1);
                queue[n++] = v;
            }
    return n;
}

static uint32_t lifted_row(const qd_base *b, uint32_t e, uint32_t place) {
    return b->row_of[e] * b->z + (place + b->z - b->shift[e]) % b->z;
}

/* Whether edge @p i of column @p c at @p place, whose lifted row walks from @p side reach over @p steps columns, has its other two rows reached from
 * the other sides. */
static bool joined(const qd_cycles *w, uint32_t c, uint32_t i, uint32_t place, int side, uint32_t steps, uint32_t longest) {
    const uint32_t e = w->b->col_start[c], u = lifted_row(w->b, e + (i + 1) % 3, place), v = lifted_row(w->b, e + (i + 2) % 3, place);
    const uint8_t *next = w->depth[(side + 1) % 3], *last = w->depth[(side + 2) % 3];
    for (int swap = 0; swap < 2; swap++) {
        const uint32_t one = next[swap ? v : u], two = last[swap ? u : v];
        if (one && two && 2 + steps + (one - 1) + (two - 1) <= longest) return true;
    }
    return false;
}

/* The shortest of the three walks is a third of what they may have, at most: looked at from its side. */
static bool word_from(const qd_cycles *w, uint32_t c, int side, uint32_t n, uint32_t longest) {
    const qd_base *b = w->b;
    for (uint32_t q = 0; q < n; q++) {
        const uint32_t first = w->queue[side][q], steps = w->depth[side][first] - 1u;
        if (3 * steps > longest - 2) return false;
        for (uint32_t i = w->head3[first / b->z]; i; i = w->threes[i - 1].next) {
            const arc *t = &w->threes[i - 1];
            const uint32_t place = (first % b->z + b->shift[b->col_start[t->col] + t->step]) % b->z;
            if ((t->col != c || place) && joined(w, t->col, t->step, place, side, steps, longest)) return true;
        }
    }
    return false;
}

int qd_cycles_word(qd_cycles *w, uint32_t c, uint32_t longest) {
    if (longest < 2) return 0;
    const qd_base *b = w->b;
    const uint32_t e = b->col_start[c], n3 = w->n3;
    uint32_t n[3];
    bool found = false;
    for (int k = 0; k < 3; k++) n[k] = walk(w, k, lifted_row(b, e + (uint32_t)k, 0), longest - 2);
    for (uint32_t k = 0; k < 3; k++) { /* its own rows joined */
        const uint32_t steps = w->depth[k][lifted_row(b, e + (k + 1) % 3, 0)];
        found = found || (steps && steps - 1 < longest / 2);
    }
    qd_cycles_add(w, c); /* copies of itself are others */
    for (int k = 0; k < 3 && !found; k++) found = word_from(w, c, k, n[k], longest);
    for (uint32_t i = 3; i-- > 0;) w->head3[b->row_of[e + i]] = w->threes[n3 + i].next;
    w->n3 = n3;
    for (int k = 0; k < 3; k++)
        for (uint32_t q = 0; q < n[k]; q++) w->depth[k][w->queue[k][q]] = 0;
    return found;
}
