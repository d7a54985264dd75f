/* SPDX-License-Identifier: Apache-2.0 */
/* Events of both sides as bins of small numbers about zero. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "compute/parts.h"
#include "timetag/sync.h"

double qd_bins_scale(double mean) {
    return mean < qd_bins_counts ? 1 : mean < 0.3 ? 4 : mean < 1.5 ? 2 : 1.25 / sqrt(mean);
}

double qd_bins_mean(const qd_tags *t, double bin) {
    double span = t->n > 1 ? (double)(t->t[t->n - 1] - t->t[0]) : 0;
    return span > 0 ? (double)t->n / span * bin : 0;
}

double qd_bins_variance(const qd_tags *t, double bin) {
    double mean = qd_bins_mean(t, bin);
    return qd_bins_scale(mean) * qd_bins_scale(mean) * mean + (mean < qd_bins_counts ? 0 : 0.25);
}

enum { NO_DATA = -1 }; /* in place of a count */

/* Counts to small numbers about zero: a mean left in would make steps at B's edges and leave too few bits for the peak. Few
 * events (below one in ten bins) stay counts; more are scaled to a standard deviation of 1.1 to 2.4, their mean taken off, and
 * rounded at random. A rounding that carries the rest from bin to bin is a pattern in itself: where both sides have the same
 * mean, two such patterns are one peak after the other. `first` is the first bin's place among those with data;
 * `local`: the mean of each bin where it is not the same for all, or NULL. */
static void centre(const uint32_t *count, size_t n, double mean, const double *local, size_t first, uint32_t side, int8_t *x) {
    enum { DRAWS = 8 };
    const double scale = qd_bins_scale(mean);
    const int64_t one = (int64_t)1 << 24, times = (int64_t)llround(scale * (double)one),
                  flat = (int64_t)llround(mean * scale * (double)one);
    for (size_t i = 0; i < n; i += DRAWS) {
        uint32_t w[DRAWS / 2];
        if (mean >= qd_bins_counts) qd_philox(0, QD_STREAM_ROUND, first + i, side, w);
        for (size_t k = 0; k < DRAWS && i + k < n; k++) {
            const bool gap = count[i + k] == (uint32_t)NO_DATA;
            int64_t whole = gap ? 0 : count[i + k];
            if (mean >= qd_bins_counts && !gap) {
                int64_t up =
                    (int64_t)(w[k / 2] >> 16 * (k % 2) & 0xffff) << 8 | 0x80; /* uniform in [0, one), its mean one half */
                int64_t off = local ? (int64_t)llround(local[i + k] * scale * (double)one) : flat;
                whole = (whole * times - off + up) >> 24;
            }
            x[i + k] = (int8_t)(whole > QD_LINES_BIN_MAX    ? QD_LINES_BIN_MAX /* a burst */
                                : whole < -QD_LINES_BIN_MAX ? -QD_LINES_BIN_MAX
                                                            : whole);
        }
    }
}

/* Longer than so many mean distances no two events are apart by chance: the recording has a gap. */
static const double gap_means = 50;

typedef struct filling {
    const qd_tags *t;
    const qd_clock *prior;
    int64_t start, bin, gap; /* ticks */
    uint64_t at, end;        /* events left */
    int64_t before;          /* time of the event before those */
    uint32_t *count;         /* of bins [first, first + n) */
    size_t first, n;
} filling;

/* Bins that lie whole between two events that a gap parts hold no data. */
static void mark_gap(filling *f, int64_t from, int64_t to) {
    if (to - from <= f->gap) return;
    int64_t low = (from - f->start) / f->bin + 1, high = (to - f->start) / f->bin;
    if (low < (int64_t)f->first) low = (int64_t)f->first;
    if (high > (int64_t)(f->first + f->n)) high = (int64_t)(f->first + f->n);
    for (int64_t k = low; k < high; k++) f->count[k - (int64_t)f->first] = (uint32_t)NO_DATA;
}

/* Count the events of the next bins. */
static void fill_bins(filling *f, size_t first, size_t n) {
    const int64_t start = f->start + (int64_t)first * f->bin, stop = start + (int64_t)n * f->bin, bin = f->bin;
    const double per_bin = 1 / (double)bin;
    f->first = first;
    f->n = n;
    memset(f->count, 0, n * sizeof *f->count);
    for (; f->at < f->end; f->at++) {
        int64_t time = qd_clock_apply(f->prior, f->t->t[f->at]);
        mark_gap(f, f->before, time);
        if (time >= stop) return;
        f->count[qd_bins_in(time - start, bin, per_bin)]++;
        f->before = time;
    }
}

/* Mean of the 2 half + 1 numbers around each, of those that there are. @p sum: room for n + 1. */
static void moving_mean(const double *x, size_t n, size_t half, double *sum, double *mean) {
    sum[0] = 0;
    for (size_t k = 0; k < n; k++) sum[k + 1] = sum[k] + x[k];
    for (size_t k = 0; k < n; k++) {
        size_t low = k > half ? k - half : 0, high = k + half + 1 < n ? k + half + 1 : n;
        mean[k] = (sum[high] - sum[low]) / (double)(high - low);
    }
}

enum { PARTS = 8, PIECE = 1 << 14 };

/* Bins [from, to) of all, about their mean. */
typedef struct centring {
    filling f; /* of the first bin on */
    size_t from, to, half;
    double mean;
    uint32_t side;
    int8_t *x;
    bool ok[PARTS];
} centring;

/* To where part k begins. */
static size_t part_from(const centring *c, uint32_t k) {
    size_t pieces = (c->to - c->from + PIECE - 1) / PIECE, at = pieces * k / PARTS * PIECE;
    return at < c->to - c->from ? c->from + at : c->to;
}

/* So that the next bin is the one at @p low. */
static void fill_from(filling *f, size_t low) {
    int64_t start = f->start + (int64_t)low * f->bin;
    f->at = qd_tags_from(f->t, f->prior, start);
    f->before = f->at > 0 ? qd_clock_apply(f->prior, f->t->t[f->at - 1]) : start;
}

/* Rates that are not steady: counts about a mean that moves with them. What one moving mean m leaves, 1 - m of the counts, is
 * taken another moving mean from: of a wave of W bins so smoothed over K, (1 - sin(pi K/W) / (pi K/W))^2 is left. */
static void centre_moving(void *self, uint32_t part) {
    centring *c = self;
    const size_t margin = 2 * c->half, from = part_from(c, part), to = part_from(c, part + 1);
    size_t piece = PIECE;
    if (piece < 4 * margin) piece = 4 * margin;
    size_t room = piece + 2 * margin;
    double *work = malloc((4 * room + 1) * sizeof *work);
    uint32_t *count = malloc(room * sizeof *count);
    filling f = c->f;
    f.count = count;
    c->ok[part] = work && count;
    for (size_t at = from; c->ok[part] && at < to; at += piece) {
        size_t low = at - c->from > margin ? at - margin : c->from, end = to - at > piece ? at + piece : to,
               high = c->to - end > margin ? end + margin : c->to, n = high - low;
        double *number = work, *once = work + room, *twice = work + 2 * room, *sum = work + 3 * room;
        fill_from(&f, low);
        fill_bins(&f, low, n);
        for (size_t k = 0; k < n; k++) number[k] = count[k] == (uint32_t)NO_DATA ? c->mean : count[k];
        moving_mean(number, n, c->half, sum, once);
        moving_mean(once, n, c->half, sum, twice);
        for (size_t k = 0; k < n; k++) once[k] = 2 * once[k] - twice[k];
        centre(count + (at - low), end - at, c->mean, once + (at - low), at - c->from, c->side, c->x + at);
    }
    free(work);
    free(count);
}

static void centre_flat(void *self, uint32_t part) {
    centring *c = self;
    const size_t from = part_from(c, part), to = part_from(c, part + 1);
    uint32_t *count = malloc(PIECE * sizeof *count);
    filling f = c->f;
    f.count = count;
    c->ok[part] = count;
    if (part > 0) fill_from(&f, from);
    for (size_t at = from; count && at < to; at += PIECE) {
        size_t many = to - at < PIECE ? to - at : PIECE;
        fill_bins(&f, at, many);
        centre(count, many, c->mean, NULL, at - c->from, c->side, c->x + at);
    }
    free(count);
}

/* Ticks between neighbouring events that are gaps. */
typedef struct gaps {
    const int64_t *t;
    uint64_t n;
    int64_t gap, sum[PARTS];
} gaps;

static void sum_gaps(void *self, uint32_t k) {
    gaps *g = self;
    int64_t sum = 0;
    for (uint64_t i = g->n * k / PARTS, end = g->n * (k + 1) / PARTS; i < end; i++)
        if (i > 0 && g->t[i] - g->t[i - 1] > g->gap) sum += g->t[i] - g->t[i - 1];
    g->sum[k] = sum;
}

static double without_gaps(const filling *f, double span) {
    gaps g = {.t = f->t->t + f->at, .n = f->end - f->at, .gap = f->gap};
    qd_in_parts(PARTS, sum_gaps, &g);
    for (int k = 0; k < PARTS; k++) span -= (double)g.sum[k];
    return span;
}

int8_t *qd_bins_of(const qd_tags *t, const qd_clock *prior, int64_t start, int64_t bin, size_t n, uint32_t side, int64_t smooth,
                   double *mean, size_t data[2]) {
    int8_t *x = calloc(n, sizeof *x);
    if (!x) return NULL;
    int64_t first = qd_clock_apply_near(prior, t->t[0]) - start, last = qd_clock_apply_near(prior, t->t[t->n - 1]) - start;
    size_t from = first <= 0 ? 0 : (size_t)(first / bin) + 1, to = last < 0 ? 0 : (size_t)(last / bin);
    data[0] = from = from < n ? from : n;
    data[1] = to = to < from ? from : to < n ? to : n;
    filling f = {.t = t, .prior = prior, .start = start, .bin = bin, .gap = INT64_MAX};
    f.before = start + (int64_t)from * bin;
    f.at = qd_tags_from(t, prior, f.before);
    f.end = qd_tags_from(t, prior, start + (int64_t)to * bin);
    double events = (double)(f.end - f.at), span = (double)(to - from) * (double)bin;
    if (events > 0) {
        double gap = gap_means * span / events;
        f.gap = gap < 0x1p62 ? (int64_t)gap : INT64_MAX;
        span = without_gaps(&f, span);
    }
    *mean = span > 0 ? events / span * (double)bin : 0;
    /* fewer than nine bins would hold too much of a pair itself */
    size_t half = smooth > 8 * bin ? (size_t)(smooth / bin / 2) : smooth > 0 ? 4 : 0;
    bool moves = half > 0 && *mean >= qd_bins_counts && to - from > 4 * half, ok = true;
    centring c = {.f = f, .from = from, .to = to, .half = half, .mean = *mean, .side = side, .x = x};
    qd_in_parts(PARTS, moves ? centre_moving : centre_flat, &c);
    for (int k = 0; k < PARTS; k++) ok = ok && c.ok[k];
    if (ok) return x;
    free(x);
    return NULL;
}

/* Variance over mean, less 1, of the counts in cells of so many ticks, of those that are recorded from end to end: the last is not,
 * nor is one that a pause longer than a cell and gap_means mean distances reaches into; a cell cut short in 500 would make a
 * steady rate look like one that moves. Event by event: how many cells there are does not matter. */
static double dispersion(const qd_tags *t, uint64_t n, int64_t cell, double *cells) {
    double sum = 0, squares = 0;
    const double span = (double)(t->t[n - 1] - t->t[0]), gap = fmax(2 * (double)cell, gap_means * span / (double)n);
    const int64_t last = (t->t[n - 1] - t->t[0]) / cell;
    *cells = 0;
    for (uint64_t i = 0, first = 0, k = 0; i < n; first = i) {
        const uint64_t before = k;
        bool whole = true; /* no gap before, in or behind it */
        k = (uint64_t)((t->t[i] - t->t[0]) / cell);
        for (; i < n && (uint64_t)((t->t[i] - t->t[0]) / cell) == k; i++)
            whole = whole && (i == 0 || (double)(t->t[i] - t->t[i - 1]) <= gap);
        if (first > 0 && (double)(t->t[first] - t->t[first - 1]) <= gap) *cells += (double)(k - before - 1); /* empty ones */
        if (!whole || k == (uint64_t)last || (double)(t->t[i] - t->t[i - 1]) > gap) continue;
        ++*cells;
        sum += (double)(i - first);
        squares += (double)(i - first) * (double)(i - first);
    }
    double mean = *cells > 0 ? sum / *cells : 0;
    return mean > 0 ? (squares / *cells - mean * mean) / mean - 1 : 0;
}

int64_t qd_bins_smooth(const qd_tags *t) {
    enum { EVENTS = 1 << 19, CELLS_LEAST = 256 };
    const double ms = 1e9 * (double)t->tick.den / (double)t->tick.num;
    uint64_t n = t->n < EVENTS ? t->n : EVENTS;
    double cells, fine_cells;
    if (n < 2 || !(ms >= 64 && ms < 0x1p60)) return 0;
    double coarse = dispersion(t, n, (int64_t)ms, &cells), fine = dispersion(t, n, (int64_t)ms / 8, &fine_cells);
    /* 5 deviations of a Poisson count's; and growing with the cell as a rate's that is not steady, not as afterpulses' */
    return cells >= CELLS_LEAST && coarse > 5 * sqrt(2 / cells) && coarse > 3 * fine ? (int64_t)ms : 0;
}
