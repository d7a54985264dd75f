/* SPDX-License-Identifier: Apache-2.0 */
/** @file cascade_cells.h  What is known of a pass, a bit for each position (qd_cascade_cell). Leaves, known parts that are not halved, cut a
 *  pass without gaps, so a leaf is a bit where it begins, and the leaf of a position begins at the last such bit before it. */
#ifndef QD_RECONCILE_CASCADE_CELLS_H
#define QD_RECONCILE_CASCADE_CELLS_H

#include "reconcile/cascade_search.h"

/** A pass: its cells, and the words of a level over them. */
typedef struct qd_cascade_cells {
    const qd_cascade_tables *t;
    qd_cascade_cell *cell;
} qd_cascade_cells;

static inline qd_cascade_cells qd_cascade_cells_of(const qd_cascade *s, uint32_t of) {
    return (qd_cascade_cells){s->tables, s->leaves.cell[of]};
}

static inline const uint32_t *qd_cascade_order_of(const qd_cascade *s, uint32_t of) {
    return s->tables->order + of * (size_t)s->tables->plan.n;
}

static inline const uint32_t *qd_cascade_place_of(const qd_cascade *s, uint32_t of) {
    return s->tables->place + of * (size_t)s->tables->plan.n;
}

static inline uint64_t qd_cascade_bit(uint32_t at) {
    return (uint64_t)1 << (at % 64);
}

static inline uint32_t qd_cascade_highest(uint64_t w) {
    return 63 - (uint32_t)__builtin_clzll(w);
}

static inline uint32_t qd_cascade_lowest(uint64_t w) {
    return (uint32_t)__builtin_ctzll(w);
}

static inline uint64_t *qd_cascade_level(qd_cascade_cells p, unsigned l) {
    return (uint64_t *)p.cell + p.t->up[l];
}

static inline void qd_cascade_start_at(qd_cascade_cells p, uint32_t at) {
    uint64_t *w = &p.cell[at / 64].start;
    bool first = *w == 0;
    *w |= qd_cascade_bit(at);
    for (unsigned l = 0; first && l < QD_CASCADE_LEVELS; l++) {
        at /= 64;
        w = qd_cascade_level(p, l) + at / 64;
        first = *w == 0;
        *w |= qd_cascade_bit(at);
    }
}

/** The cell before or after cell @p i that has a start; there is one: 0 and n are starts. @{ */
static inline uint32_t qd_cascade_cell_before(qd_cascade_cells p, uint32_t i) {
    unsigned l = 0;
    uint64_t w;
    while (!(w = qd_cascade_level(p, l)[i / 64] & (qd_cascade_bit(i) - 1))) i /= 64, l++;
    for (i = i / 64 * 64 + qd_cascade_highest(w); l > 0; i = i * 64 + qd_cascade_highest(w)) w = qd_cascade_level(p, --l)[i];
    return i;
}

static inline uint32_t qd_cascade_cell_after(qd_cascade_cells p, uint32_t i) {
    unsigned l = 0;
    uint64_t w;
    while (!(w = qd_cascade_level(p, l)[i / 64] & ~(qd_cascade_bit(i) | (qd_cascade_bit(i) - 1)))) i /= 64, l++;
    for (i = i / 64 * 64 + qd_cascade_lowest(w); l > 0; i = i * 64 + qd_cascade_lowest(w)) w = qd_cascade_level(p, --l)[i];
    return i;
}
/** @} */

/** Where the leaf of position @p at begins, and where it ends. @{ */
static inline uint32_t qd_cascade_from_of(qd_cascade_cells p, uint32_t at) {
    uint32_t i = at / 64;
    uint64_t w = p.cell[i].start & (qd_cascade_bit(at) | (qd_cascade_bit(at) - 1));
    if (w == 0) w = p.cell[i = qd_cascade_cell_before(p, i)].start;
    return i * 64 + qd_cascade_highest(w);
}

static inline uint32_t qd_cascade_to_of(qd_cascade_cells p, uint32_t at) {
    uint32_t i = at / 64;
    uint64_t w = p.cell[i].start & ~(qd_cascade_bit(at) | (qd_cascade_bit(at) - 1));
    if (w == 0) w = p.cell[i = qd_cascade_cell_after(p, i)].start;
    return i * 64 + qd_cascade_lowest(w);
}
/** @} */

/** Parity of the errors found in [from, to), which is not empty. */
static inline bool qd_cascade_found_in(const qd_cascade_cell *c, uint32_t from, uint32_t to) {
    uint32_t first = from / 64, last = (to - 1) / 64;
    uint64_t head = ~(uint64_t)0 << (from % 64), tail = ~(uint64_t)0 >> (63 - (to - 1) % 64), x;
    if (first == last) return __builtin_parityll(c[first].found & head & tail);
    x = (c[first].found & head) ^ (c[last].found & tail);
    for (uint32_t i = first + 1; i < last; i++) x ^= c[i].found;
    return __builtin_parityll(x);
}

/** Prefixes of a pass, in a batch. */
static inline const uint64_t *qd_cascade_prefix_of(const qd_cascade *s, uint32_t of) {
    return s->prefix + of * (size_t)(s->plan.n / 64 + 1);
}

/** The left half of a leaf that is not of one position, to be asked: what is known there will be wanted. */
static inline qd_cascade_part qd_cascade_left_half(const qd_cascade *s, qd_cascade_part x) {
    const qd_cascade_cell *c = s->leaves.cell[x.pass];
    x.more = x.length % 2;
    x.length /= 2;
    __builtin_prefetch(c + x.from / 64);
    __builtin_prefetch(c + (x.from + x.length) / 64);
    if (s->prefix) __builtin_prefetch(qd_cascade_prefix_of(s, x.pass) + x.from / 64);
    return x;
}

/** Of a list, leaves that are odd, once each: those that are taken count as even until they are marked again, in all lists that may have them. @{ */
static inline void qd_cascade_take_odd(qd_cascade *s, qd_cascade_parts *l) {
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const qd_cascade_part x = l->v[i];
        uint64_t *odd = &s->leaves.cell[x.pass][x.from / 64].odd;
        l->v[n] = x;
        n += *odd >> (x.from % 64) & 1;
        *odd &= ~qd_cascade_bit(x.from);
    }
    l->n = n;
}

static inline void qd_cascade_mark_odd(qd_cascade *s, const qd_cascade_parts *l) {
    for (size_t i = 0; i < l->n; i++) s->leaves.cell[l->v[i].pass][l->v[i].from / 64].odd |= qd_cascade_bit(l->v[i].from);
}
/** @} */

/** Halve the leaf whose left half @p x is: its odd half. One half is odd, as the leaf was. Both ways are taken at once: which one is a matter of chance.
 *  @param told parity of all errors of the left half */
static inline qd_cascade_part qd_cascade_halve(qd_cascade_cells p, qd_cascade_part x, bool told) {
    const uint32_t mid = x.from + x.length;
    const bool left = told ^ qd_cascade_found_in(p.cell, x.from, mid);
    qd_cascade_start_at(p, mid);
    p.cell[x.from / 64].odd &= ~((uint64_t)!left << (x.from % 64));
    p.cell[mid / 64].odd |= (uint64_t)!left << (mid % 64);
    return (qd_cascade_part){.from = left ? x.from : mid, .length = x.length + (x.more & !left), .pass = x.pass};
}

#endif
