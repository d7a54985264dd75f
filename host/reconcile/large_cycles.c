/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/large_cycles.h"

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
    uint32_t *queue[2];    /* one from each end of the column */
};

qd_cycles *qd_cycles_create(const qd_base *b) {
    qd_cycles *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    size_t lifted = (size_t)b->rows * b->z;
    w->b = b;
    w->arcs = calloc(2 * (size_t)b->cols + 2, sizeof *w->arcs);
    w->head = calloc(b->rows, sizeof *w->head);
    w->mark = calloc(lifted, sizeof *w->mark);
    for (int i = 0; i < 2; i++) w->queue[i] = calloc(lifted, sizeof *w->queue[i]);
    if (w->arcs && w->head && w->mark && w->queue[0] && w->queue[1]) return w;
    qd_cycles_destroy(w);
    return NULL;
}

void qd_cycles_destroy(qd_cycles *w) {
    if (!w) return;
    free(w->arcs);
    free(w->head);
    free(w->mark);
    for (int i = 0; i < 2; i++) free(w->queue[i]);
    free(w);
}

static void add_arc(qd_cycles *w, uint32_t from, uint32_t to, uint32_t step, uint32_t c) {
    w->arcs[w->n++] = (arc){to, step, c, w->head[from]};
    w->head[from] = w->n;
}

/* Bit p of a column lies in row a at p - shift_a and in row b at p - shift_b. */
void qd_cycles_add(qd_cycles *w, uint32_t c) {
    uint32_t e = w->b->col_start[c], z = w->b->z, a = w->b->row_of[e], b = w->b->row_of[e + 1];
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
