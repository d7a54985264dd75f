/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs near a curve that may be off: differences by slice and bin, all parabolas near the curve, then least squares. */
#include <math.h>
#include <string.h>
#include "timetag/follow.h"

enum {
    SLICES = 16,
    BINS = 192,
    PLACES = 40, /* the middle lies within so many bins */
    SLOPES = 64, /* and moves by at most so many from end to end */
    BENDS = 16,  /* a bend of c bins leaves the ends 3 c / 2 from the middle: 40 + 32 + 14 + 1 < 96 */
    WIDER = 4,   /* from one width of bins to the next */
    WIDTHS = 4,
    LEAST_PAIRS = 96, /* more than a fit needs later, so that what was found stays found */
    MOST_DIFFERENCES = 1 << 26
};
static const double log_false = -27.6; /* ln 1e-12: of one search, of which an hour without pairs has thousands */

/* Where a parabola of bend c is in slice k, halves up: c (3 x^2 - 1) / 2 for x from -1 to 1. */
static int32_t bend(int32_t c, int32_t k) {
    int64_t x = 2 * k + 1 - SLICES;
    return (int32_t)qd_floor_div(2 * c * (3 * x * x - SLICES * SLICES) + 2 * SLICES * SLICES, 4 * SLICES * SLICES);
}

typedef struct grid {
    uint32_t count[SLICES][BINS];
    uint64_t total;
} grid;

typedef struct counting {
    int64_t h;
    uint32_t *count;
} counting;

static void count_one(void *self, int64_t ta, int64_t tb, int64_t e) {
    const counting *c = self;
    (void)ta;
    (void)tb;
    int64_t q = (e + BINS / 2 * c->h) / c->h;
    if (q < BINS) c->count[q]++;
}

static void count_all(const qd_follow *f, const qd_tags *a, const qd_tags *b, int64_t lo, int n, int64_t h, grid *g) {
    memset(g, 0, sizeof *g);
    for (int i = 0; i < n; i++) {
        const qd_strip strip = {.a = a, .b = b, .from = qd_cell_start(f->tick, lo + i), .to = qd_cell_start(f->tick, lo + i + 1)};
        qd_clock line = qd_follow_clock(f, lo + i);
        counting c = {h, g->count[i * SLICES / n]};
        qd_strip_walk(&strip, &line, BINS / 2 * h, count_one, &c);
    }
    for (int k = 0; k < SLICES; k++)
        for (int q = 0; q < BINS; q++) g->total += g->count[k][q];
}

typedef struct place {
    int32_t at, slope, bend;
} place;

/* Events in the two bins around the best parabola; of equal ones the nearest to the curve. */
static uint32_t best(const grid *g, place *most_at) {
    uint32_t two[SLICES][BINS] = {{0}}, most = 0;
    int32_t bends[2 * BENDS + 1][SLICES], turns[2 * SLOPES + 1][SLICES];
    for (int k = 0; k < SLICES; k++) {
        for (int q = 1; q < BINS; q++) two[k][q] = g->count[k][q - 1] + g->count[k][q];
        for (uint32_t s = 0; s < 2 * BENDS + 1; s++) bends[s][k] = bend(qd_lines_slope(s), k);
        for (uint32_t j = 0; j < 2 * SLOPES + 1; j++) turns[j][k] = qd_line_shift(qd_lines_slope(j), (uint32_t)k, SLICES);
    }
    for (uint32_t s = 0; s < 2 * BENDS + 1; s++)
        for (uint32_t j = 0; j < 2 * SLOPES + 1; j++) {
            place p = {.bend = qd_lines_slope(s), .slope = qd_lines_slope(j)};
            uint32_t sum[2 * PLACES + 1] = {0}, top = 0;
            for (int k = 0; k < SLICES; k++) {
                const uint32_t *at = &two[k][BINS / 2 - PLACES + turns[j][k] + bends[s][k]];
                for (int i = 0; i < 2 * PLACES + 1; i++) sum[i] += at[i];
            }
            for (int i = 0; i < 2 * PLACES + 1; i++) top = sum[i] > top ? sum[i] : top;
            if (top <= most) continue;
            most = top;
            for (uint32_t i = 0; i < 2 * PLACES + 1; i++) {
                p.at = qd_lines_slope(i);
                if (sum[p.at + PLACES] == most) break;
            }
            *most_at = p;
        }
    return most;
}

/* e = H (at + slope D / (2 n) + bend (3 D^2 / n^2 - 1) / 2) with D = 2 (k - lo) - (n - 1), H the bin: off the curve it comes. */
static void move(qd_follow *f, int64_t lo, int64_t n, int64_t h, const place *p) {
    __int128 H = (__int128)h << (QD_FINE_BITS + QD_CURVE_BITS), m = n - 1, nn = n * n;
    qd_curve_move(&f->curve, lo);
    f->curve.c0 -= qd_floor_div(H * (2 * nn * p->at - nn * p->bend - n * p->slope * m + 3 * p->bend * m * m), 2 * nn);
    f->curve.c1 -= (int64_t)qd_floor_div(H * (n * p->slope - 6 * p->bend * m), nn);
    f->curve.c2 -= (int64_t)qd_floor_div(H * 6 * p->bend, nn);
}

/* One width. true: something stands out, and the curve lies on it. */
static bool search(qd_follow *f, const qd_tags *a, const qd_tags *b, int64_t lo, int n, int64_t h) {
    grid g;
    place p = {0, 0, 0};
    count_all(f, a, b, lo, n, h, &g);
    uint32_t peak = best(&g, &p);
    const double tests = (2 * PLACES + 1) * (2 * SLOPES + 1) * (2 * BENDS + 1);
    double background = (double)(g.total - peak) * 2 / (BINS - 2), lambda = background + 5 * sqrt(background * 2 / (BINS - 2));
    if (qd_false_log(tests, lambda, 1, (double)peak) > log_false) return false;
    move(f, lo, n, h, &p);
    return true;
}

/* By what lies in the range alone: what else is in memory must not decide. */
static bool too_many(const qd_follow *f, const qd_tags *a, const qd_tags *b, int64_t lo, int n, int64_t h) {
    int64_t from = qd_cell_start(f->tick, lo), to = qd_cell_start(f->tick, lo + n);
    qd_clock first = qd_follow_clock(f, lo), last = qd_follow_clock(f, lo + n - 1);
    double of_a = (double)qd_events_between(a, from, to), of_b = (double)(qd_first_by(&last, b, to) - qd_first_by(&first, b, from));
    return of_a * of_b / (double)(to - from) * BINS * (double)h > MOST_DIFFERENCES;
}

/* Least squares from a window of @p width ticks down to 3 sigma. Here memory is the search's range and nothing else. */
static qd_status settle(qd_follow *f, const qd_tags *a, const qd_tags *b, int64_t lo, int n, int64_t width, bool *found, qd_error *err) {
    enum { ROUNDS = 12, STEPS = 20 };
    int level = 0;
    int64_t ends[2] = {qd_cell_of(f->tick, a->t[0]), qd_cell_of(f->tick, a->t[a->n - 1])};
    int64_t lead = f->dir > 0 ? (ends[1] < lo + n - 1 ? ends[1] : lo + n - 1) : ends[0] > lo ? ends[0] : lo;
    while (1 << level < n) level++;
    f->window = width * (1 << QD_FINE_BITS);
    *found = false;
    for (int round = 0; round < ROUNDS; round++) {
        qd_follow_fit fit;
        QD_TRY(qd_follow_collect(f, a, b, lo, n, 4 * f->window, err));
        for (int step = 0; step < STEPS; step++) {
            qd_follow_measure(f, lo, n);
            if (!qd_follow_fit_level(f, lead, level, &fit) || !fit.stands) return QD_OK;
            if (!qd_follow_correct(f, lead, &fit)) return QD_OK;
            if (fabs(fit.at_end) < fmax(4, fit.sd_end / 16)) break;
        }
        int64_t next = (int64_t)(3 * sqrt(fmax(fit.variance, 0)));
        if (next < f->window / 2) next = f->window / 2;
        if (next < 2 << QD_FINE_BITS) next = 2 << QD_FINE_BITS;
        if (next > f->window - f->window / 8) {
            *found = fit.enough && fit.pairs >= LEAST_PAIRS;
            break;
        }
        f->window = next;
    }
    qd_follow_measure(f, lo, n);
    return QD_OK;
}

qd_status qd_follow_find(qd_follow *f, const qd_tags *a, const qd_tags *b, int64_t lo, int n, bool *found, qd_error *err) {
    const qd_curve curve = f->curve;
    const int64_t window = f->window;
    *found = false;
    if (a->n < 2 || b->n < 2) return QD_OK;
    int64_t width = f->reach + 1;
    for (int w = 0; w < WIDTHS && !*found; w++, width *= WIDER) {
        if (too_many(f, a, b, lo, n, width)) break;
        if (!search(f, a, b, lo, n, width)) continue;
        int64_t h = width;
        while (h > f->reach + 1 && search(f, a, b, lo, n, h / WIDER)) h /= WIDER;
        for (size_t i = 0; i < QD_MEMORY; i++) f->memory[i].used = false;
        QD_TRY(settle(f, a, b, lo, n, 2 * h, found, err));
        if (*found) break;
        f->curve = curve;
        f->window = window;
        for (size_t i = 0; i < QD_MEMORY; i++) f->memory[i].used = false;
    }
    return QD_OK;
}
