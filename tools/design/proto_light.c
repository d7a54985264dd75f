/* SPDX-License-Identifier: Apache-2.0 */
/* Light words of a lifted graph: what a decoder takes for another without noticing. A word is a set of lifted bits that touches every core row an even number of
 * times; the extension column of each other row follows from it. */
#include "protograph.h"

enum { BITS = 5 /* outside extension columns, at most */, ODD = 4 * BITS, OTHERS = BITS * QD_GRAPH_ROWS_MAX };

typedef struct place {
    uint16_t unit, at; /* block row or column, position in it */
} place;

typedef struct walk {
    const proto *g;
    const proto_word_limits *limits;
    uint32_t n, odd, others; /* bits; core rows, and other rows, that are touched an odd number of times */
    place bit[BITS], core[ODD], other[OTHERS];
    uint32_t degree[QD_CORE_ROWS], found;
    proto_word *first; /* the lightest so far */
} walk;

/* Touch a row once more: it joins the list, or leaves it. */
static void toggle(place *list, uint32_t *n, place p) {
    for (uint32_t k = 0; k < *n; k++)
        if (list[k].unit == p.unit && list[k].at == p.at) {
            list[k] = list[--*n];
            return;
        }
    list[(*n)++] = p;
}

/* Put bit b in, or take it out. */
static void flip(walk *w, place b) {
    const uint32_t z = w->limits->z;
    for (uint32_t i = 0; i < w->limits->rows; i++) {
        if (!w->g->on[i][b.unit]) continue;
        const place row = {(uint16_t)i, (uint16_t)((b.at + z - w->g->shift[i][b.unit][w->limits->set] % z) % z)};
        if (i < QD_CORE_ROWS) toggle(w->core, &w->odd, row);
        else toggle(w->other, &w->others, row);
    }
}

static void found(walk *w) {
    uint32_t weight = w->others;
    for (uint32_t k = 0; k < w->n; k++) weight += w->bit[k].unit >= 2;
    if (weight >= w->limits->weight) return;
    w->found += w->limits->weight - weight;
    if (w->first->bits && weight >= w->first->weight) return;
    *w->first = (proto_word){.weight = weight, .bits = w->n};
    for (uint32_t k = 0; k < w->n; k++) w->first->column[k] = w->bit[k].unit;
}

/* Would b, as the last bit, make all core rows even? */
static bool ends(const walk *w, place b) {
    const uint32_t z = w->limits->z;
    uint32_t met = 0;
    for (uint32_t i = 0; i < QD_CORE_ROWS; i++) {
        if (!w->g->on[i][b.unit]) continue;
        const uint32_t at = (b.at + z - w->g->shift[i][b.unit][w->limits->set] % z) % z;
        uint32_t k = 0;
        while (k < w->odd && (w->core[k].unit != i || w->core[k].at != at)) k++;
        if (k == w->odd) return false;
        met++;
    }
    return met == w->odd;
}

/* One of the core rows that are odd needs another bit: that of the fewest columns is tried. A bit mends four rows at most. */
static void extend(walk *w) {
    if (w->odd == 0) {
        found(w);
        return;
    }
    if (w->n + (w->odd + 3) / 4 > BITS) return;
    place row = w->core[0];
    for (uint32_t k = 1; k < w->odd; k++)
        if (w->degree[w->core[k].unit] < w->degree[row.unit]) row = w->core[k];
    for (uint32_t j = 0; j < proto_core(w->g); j++) {
        if (!w->g->on[row.unit][j]) continue;
        const place b = {(uint16_t)j, (uint16_t)((row.at + w->g->shift[row.unit][j][w->limits->set]) % w->limits->z)};
        if (w->n + 1 == BITS && !ends(w, b)) continue;
        bool there = false;
        for (uint32_t k = 0; k < w->n && !there; k++) there = w->bit[k].unit == b.unit && w->bit[k].at == b.at;
        if (there) continue;
        w->bit[w->n++] = b;
        flip(w, b);
        extend(w);
        flip(w, b);
        w->n--;
    }
}

uint32_t proto_light(const proto *g, const proto_word_limits *limits, proto_word *lightest) {
    walk w = {.g = g, .limits = limits, .first = lightest};
    *lightest = (proto_word){0};
    for (uint32_t j = 0; j < proto_core(g); j++)
        for (uint32_t i = 0; i < QD_CORE_ROWS; i++) w.degree[i] += g->on[i][j];
    for (uint32_t j = 0; j < proto_core(g); j++) {
        const place b = {(uint16_t)j, 0};
        w.n = 1;
        w.bit[0] = b;
        w.odd = w.others = 0;
        flip(&w, b);
        extend(&w);
    }
    return w.found;
}

/* Of all limits of a set; *worst: one of the lightest words. */
static uint32_t light_of_all(const proto *g, const proto_word_limits *limits, uint32_t n, proto_word *worst) {
    uint32_t sum = 0;
    *worst = (proto_word){0};
    for (uint32_t k = 0; k < n; k++) {
        proto_word w;
        sum += proto_light(g, &limits[k], &w);
        if (w.bits && (!worst->bits || w.weight < worst->weight)) *worst = w;
    }
    return sum;
}

/* A cell in a column of the word gets another shift, which closes no cycle of four at the largest size. */
static bool other_shift(proto *g, const proto_word *w, uint32_t set, uint32_t z, uint64_t *random) {
    const uint32_t j = w->column[proto_below(random, w->bits)], i = proto_below(random, g->rows);
    if (!g->on[i][j]) return false;
    g->shift[i][j][set] = (uint16_t)proto_below(random, z);
    return !proto_four_cycle(g, i, j, set, z);
}

uint32_t proto_lighten(proto *g, const proto_word_limits *limits, uint32_t n, uint32_t tries, uint64_t *random) {
    proto_word word, next;
    uint32_t sum = light_of_all(g, limits, n, &word);
    for (uint32_t k = 0; k < tries && word.bits;) {
        const proto old = *g;
        if (other_shift(g, &word, limits->set, limits->z, random)) {
            const uint32_t now = light_of_all(g, limits, n, &next);
            k++;
            if (now < sum) {
                sum = now;
                word = next;
                continue;
            }
        }
        *g = old;
    }
    return sum;
}
