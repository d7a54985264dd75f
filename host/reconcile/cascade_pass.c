/* SPDX-License-Identifier: Apache-2.0 */
/* QD_CASCADE_PASS: a list of odd leaves for each pass, all of which a round asks. Leaves of one pass share no position. */
#include <stdlib.h>
#include "reconcile/cascade_cells.h"

enum { MANY = 1024 /* leaves that a list has room for while it is empty */ };

typedef qd_cascade_part part;
typedef qd_cascade_odds odds;

static uint32_t shorter(uint32_t x, uint32_t y) {
    return x < y ? x : y;
}

qd_status qd_cascade_pass_list(qd_cascade *s, part x, qd_error *err) {
    odds *l = &s->leaves.of[x.pass];
    QD_TRY(qd_cascade_parts_room(&l->leaf, 1, err));
    l->shortest = shorter(l->leaf.n ? l->shortest : UINT32_MAX, x.length);
    l->leaf.v[l->leaf.n++] = x;
    return QD_OK;
}

/* All are of one pass, which has no other odd leaves. */
qd_status qd_cascade_pass_halves(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    const uint32_t of = s->asked.v[0].pass, *order = qd_cascade_order_of(s, of);
    const qd_cascade_cells p = qd_cascade_cells_of(s, of);
    qd_cascade_parts *leaf = &s->leaves.of[of].leaf, *ones = &s->leaves.ones;
    uint32_t shortest = UINT32_MAX;
    QD_TRY(qd_cascade_parts_room(leaf, s->asked.n, err));
    QD_TRY(qd_cascade_parts_room(ones, s->asked.n, err));
    for (size_t i = 0; i < s->asked.n; i++) {
        const part h = qd_cascade_halve(p, s->asked.v[i], qd_cascade_told(alice, bob, at + i));
        __builtin_prefetch(order + h.from);
        leaf->v[leaf->n] = ones->v[ones->n] = h;
        leaf->n += h.length > 1;
        shortest = shorter(shortest, h.length > 1 ? h.length : UINT32_MAX);
        ones->n += h.length == 1;
    }
    s->leaves.of[of].shortest = shortest;
    return QD_OK;
}

static void keep_odd(qd_cascade *s, odds *l) {
    qd_cascade_take_odd(s, &l->leaf);
    qd_cascade_mark_odd(s, &l->leaf);
    l->shortest = UINT32_MAX;
    for (size_t i = 0; i < l->leaf.n; i++) l->shortest = shorter(l->shortest, l->leaf.v[i].length);
}

/* The pass with the shortest odd leaf, the first of several; UINT32_MAX: none has any. */
static uint32_t next(const qd_cascade *s) {
    uint32_t best = UINT32_MAX, shortest = UINT32_MAX;
    for (uint32_t of = 0; of < s->passes; of++) {
        const odds *l = &s->leaves.of[of];
        if (l->leaf.n == 0 || l->shortest >= shortest) continue;
        shortest = l->shortest;
        best = of;
    }
    return best;
}

/* All that are in a list. */
static void ask(qd_cascade *s, qd_cascade_parts *leaf) {
    const qd_cascade_parts empty = {s->asked.v, 0, s->asked.cap};
    for (size_t i = 0; i < leaf->n; i++) leaf->v[i] = qd_cascade_left_half(s, leaf->v[i]);
    s->asked = *leaf;
    *leaf = empty;
}

qd_status qd_cascade_pass_go_on(qd_cascade *s, qd_error *err) {
    QD_TRY(qd_cascade_leaves_correct(s, err));
    for (; s->leaves.stale; s->leaves.stale &= s->leaves.stale - 1) keep_odd(s, &s->leaves.of[qd_cascade_lowest(s->leaves.stale)]);
    const uint32_t of = next(s);
    if (of != UINT32_MAX) ask(s, &s->leaves.of[of].leaf);
    return QD_OK;
}

/* A station that is not honest can make them long, pass after pass; honest ones make them of hundreds. */
void qd_cascade_pass_trim(qd_cascade *s) {
    for (uint32_t of = 0; of < QD_CASCADE_PASSES; of++) {
        qd_cascade_parts *l = &s->leaves.of[of].leaf;
        if (l->cap <= MANY) continue;
        free(l->v);
        *l = (qd_cascade_parts){0};
    }
}

void qd_cascade_pass_end(qd_cascade *s) {
    for (uint32_t of = 0; of < QD_CASCADE_PASSES; of++) free(s->leaves.of[of].leaf.v);
}
