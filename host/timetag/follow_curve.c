/* SPDX-License-Identifier: Apache-2.0 */
/* The curve of a followed clock: cells, parabola, straight lines, and what the pairs of a cell say about them. */
#include <stdlib.h>
#include "timetag/follow.h"

static const int64_t cell_ps = ((int64_t)1 << QD_CELL_BITS) * 1000;

int64_t qd_cell_start(qd_tick tick, int64_t k) {
    return (int64_t)-qd_floor_div(-(__int128)k * cell_ps * (__int128)tick.den, (__int128)tick.num);
}

int64_t qd_cell_of(qd_tick tick, int64_t t) {
    return (int64_t)qd_floor_div((__int128)t * (__int128)tick.num, (__int128)cell_ps * (__int128)tick.den);
}

static int64_t rounded(__int128 x, __int128 y) { return (int64_t)qd_floor_div(2 * x + y, 2 * y); }

/* Slopes: 2^-44 of A's ticks, and the curve's units a cell. */
static int64_t slope_of_part(qd_tick tick, int64_t part) { return rounded((__int128)part * 4096000 * (__int128)tick.den, (__int128)tick.num); }
static int64_t part_of_slope(qd_tick tick, int64_t slope) { return rounded((__int128)slope * (__int128)tick.num, (__int128)tick.den * 4096000); }

/* tA - tB grows by part / 2^44 with tA, so by part / (1 - part) with tB; within what a clock holds. */
static const __int128 one = (__int128)1 << QD_CLOCK_SHIFT;
static int64_t freq_of_part(int64_t part) {
    const int64_t most = ((int64_t)1 << 32) - 1;
    int64_t freq = rounded(one * part, one - part);
    return freq > most ? most : freq < -most ? -most : freq;
}
static int64_t part_of_freq(int64_t freq) { return rounded(one * freq, one + freq); }

void qd_curve_move(qd_curve *c, int64_t k0) {
    int64_t d = k0 - c->k0;
    c->c0 = qd_curve_value(c, k0);
    c->c1 += 2 * c->c2 * d;
    c->k0 = k0;
}

__int128 qd_curve_value(const qd_curve *c, int64_t k) {
    __int128 u = k - c->k0;
    return c->c0 + (c->c1 + c->c2 * u) * u;
}

int64_t qd_curve_slope(const qd_curve *c, int64_t k) { return c->c1 + 2 * c->c2 * (k - c->k0); }

int64_t qd_curve_units(const qd_curve *c, int64_t k) { return (int64_t)(qd_curve_value(c, k) >> QD_CURVE_BITS); }

static int64_t middle(qd_tick tick, int64_t k) {
    int64_t from = qd_cell_start(tick, k), to = qd_cell_start(tick, k + 1);
    return from + (to - from) / 2;
}

void qd_follow_line(qd_follow *f, int64_t k) {
    qd_fine line = qd_fine_of(&f->given);
    int64_t ta = middle(f->tick, k);
    for (int i = 0; i < 5; i++) qd_fine_rebase(&line, ta - line.clock.offset); /* each round leaves 2.4e-4 of the error */
    f->reference = line.clock.offset;
    f->curve = (qd_curve){.k0 = k, .c0 = (__int128)line.sub << QD_CURVE_BITS, .c1 = slope_of_part(f->tick, part_of_freq(line.clock.freq))};
}

qd_fine qd_follow_cell(const qd_follow *f, int64_t k) {
    int64_t x = qd_curve_units(&f->curve, k), offset = f->reference + (x >> QD_FINE_BITS);
    return (qd_fine){.clock = {.base = middle(f->tick, k) - offset,
                               .offset = offset,
                               .freq = freq_of_part(part_of_slope(f->tick, qd_curve_slope(&f->curve, k))),
                               .tick = f->tick,
                               .significance = f->given.significance,
                               .p_false = f->given.p_false,
                               .locked = true},
                     .sub = x & ((1 << QD_FINE_BITS) - 1)};
}

qd_clock qd_follow_clock(const qd_follow *f, int64_t k) {
    qd_fine line = qd_follow_cell(f, k);
    int64_t half = (qd_cell_start(f->tick, k + 1) - qd_cell_start(f->tick, k)) / 2;
    return qd_fine_clock(&line, line.clock.base - half, line.clock.base + half);
}

uint64_t qd_first_by(const qd_clock *line, const qd_tags *b, int64_t t) {
    uint64_t low = 0, high = b->n;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (qd_clock_apply(line, b->t[mid]) < t) low = mid + 1;
        else high = mid;
    }
    return low;
}

/* ---- Pairs of a cell --------------------------------------------------------------------------------------------- */

enum { PLACE_BITS = 20 };

typedef struct taking {
    qd_follow *f;
    const qd_fine *line;
    int64_t middle, length, reach;
    bool full;
} taking;

static void take(void *self, int64_t ta, int64_t tb, int64_t whole) {
    taking *t = self;
    qd_follow *f = t->f;
    int64_t e = qd_fine_difference(t->line, ta, tb);
    (void)whole;
    if (e < -t->reach || e > t->reach || t->full) return;
    if (f->n_samples == f->cap_samples) {
        size_t cap = f->cap_samples ? 2 * f->cap_samples : 4096;
        qd_sample *p = realloc(f->sample, cap * sizeof *p);
        t->full = !p;
        if (!p) return;
        f->sample = p;
        f->cap_samples = cap;
    }
    f->sample[f->n_samples++] = (qd_sample){(int32_t)e, (int32_t)((__int128)(ta - t->middle) * (1 << PLACE_BITS) / t->length)};
}

qd_status qd_follow_collect(qd_follow *f, const qd_tags *a, const qd_tags *b, int64_t lo, int n, int64_t reach, qd_error *err) {
    f->n_samples = 0;
    for (int i = 0; i < n; i++) {
        int64_t from = qd_cell_start(f->tick, lo + i), to = qd_cell_start(f->tick, lo + i + 1);
        const qd_strip strip = {.a = a, .b = b, .from = from, .to = to};
        qd_clock whole = qd_follow_clock(f, lo + i);
        f->line[i] = qd_follow_cell(f, lo + i);
        f->first[i] = f->n_samples;
        taking t = {f, &f->line[i], from + (to - from) / 2, to - from, reach, false};
        qd_strip_walk(&strip, &whole, (reach >> QD_FINE_BITS) + 3, take, &t);
        if (t.full) return qd_fail(err, QD_E_INTERNAL, "no memory to follow a clock");
    }
    f->first[n] = f->n_samples;
    return QD_OK;
}

void qd_follow_measure(qd_follow *f, int64_t lo, int n) {
    for (int i = 0; i < n; i++) {
        int64_t k = lo + i, y = qd_curve_units(&f->curve, k);
        qd_cell *c = &f->memory[k & (QD_MEMORY - 1)];
        *c = (qd_cell){.k = k, .used = true, .y = y};
        /* The curve against the line that the samples were taken with: in the middle, and from end to end. */
        const qd_fine *line = &f->line[i];
        int64_t up = y - (((line->clock.offset - f->reference) * (1 << QD_FINE_BITS)) + line->sub);
        int64_t was = slope_of_part(f->tick, part_of_freq(line->clock.freq)), turn = (qd_curve_slope(&f->curve, k) - was) >> QD_CURVE_BITS;
        for (size_t j = f->first[i]; j < f->first[i + 1]; j++) {
            int64_t e = f->sample[j].e + up + ((turn * f->sample[j].v) >> PLACE_BITS);
            if (e >= -f->window && e <= f->window) {
                c->n++;
                c->e += e;
                c->ee += (__int128)e * e;
            } else if (e >= -3 * f->window && e <= 3 * f->window) {
                c->side++;
            }
        }
    }
}
