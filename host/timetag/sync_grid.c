/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of both sides' times along a line, by slice and bin. Few are counted one by one; many as sums of B's bins around
 * each event of A, which costs the same however many they are. */
#include <stdlib.h>
#include <string.h>
#include "compute/parts.h"
#include "timetag/sync.h"

enum { BINS = QD_GRID_BINS, SLICES = QD_GRID_SLICES };

typedef struct counting {
    int64_t h;
    double per_h;
    uint32_t *count;
} counting;

static void count_one(void *self, int64_t ta, int64_t tb, int64_t e) {
    const counting *c = self;
    (void)ta;
    (void)tb;
    int64_t q = qd_bins_in(e + BINS / 2 * c->h, c->h, c->per_h);
    if (q < BINS) c->count[q]++;
}

/* B's events on A's clock in bins of h from `start`; 255 at most. */
static void bins_of(const qd_strip *s, const qd_clock *line, int64_t start, int64_t h, uint8_t *bin, size_t n) {
    const double per_h = 1 / (double)h;
    int64_t end = start + (int64_t)n * h;
    memset(bin, 0, n);
    for (uint64_t lo = qd_tags_from(s->b, line, start); lo < s->b->n; lo++) {
        int64_t t = qd_clock_apply(line, s->b->t[lo]);
        if (t >= end) break;
        uint8_t *at = bin + qd_bins_in(t - start, h, per_h);
        *at = (uint8_t)(*at + (*at < 255));
    }
}

static void flush(uint16_t *sum, uint32_t *count) {
    for (int q = 0; q < BINS; q++) count[q] += sum[q];
    memset(sum, 0, BINS * sizeof *sum);
}

/* Events of A in [from, to) with B's near them. Differences of bins are a triangle two bins wide about e; half a bin less puts its
 * middle on the border, where the counting of single differences has it. */
static void count_by_bins(const qd_strip *s, const qd_clock *line, int64_t from, int64_t to, int64_t h, uint8_t *bin, size_t n,
                          uint32_t *count) {
    uint16_t sum[BINS] = {0};
    const double per_h = 1 / (double)h;
    uint64_t end = qd_tags_lower_bound(s->a, to);
    unsigned since = 0;
    bins_of(s, line, from - BINS / 2 * h + h / 2, h, bin, n);
    for (uint64_t i = qd_tags_lower_bound(s->a, from); i < end; i++) {
        const uint8_t *at = bin + qd_bins_in(s->a->t[i] - from, h, per_h);
        for (int q = 0; q < BINS; q++) sum[q] = (uint16_t)(sum[q] + at[q]);
        if (++since < 257) continue; /* 257 x 255 is the last that fits */
        flush(sum, count);
        since = 0;
    }
    flush(sum, count);
}

enum { PIECE = 1 << 18 }; /* bins of B that stay in the cache */

typedef struct gridding {
    const qd_strip *strip;
    const qd_clock *line;
    int64_t h;
    qd_grid *grid;
    bool ok[SLICES];
} gridding;

static void slice_by_bins(void *self, uint32_t k) {
    gridding *c = self;
    qd_strip slice = qd_strip_part(c->strip, k, SLICES);
    int64_t bins = (slice.to - slice.from) / c->h + 1, piece = bins < PIECE ? bins : PIECE;
    size_t n = (size_t)piece + BINS + 3;
    uint8_t *bin = malloc(n);
    c->ok[k] = bin;
    for (int64_t from = slice.from; bin && from < slice.to; from += piece * c->h) {
        int64_t to = slice.to - from > piece * c->h ? from + piece * c->h : slice.to;
        count_by_bins(c->strip, c->line, from, to, c->h, bin, n, c->grid->count[k]);
    }
    free(bin);
}

static void slice_one_by_one(void *self, uint32_t k) {
    const gridding *c = self;
    counting count = {c->h, 1 / (double)c->h, c->grid->count[k]};
    qd_strip slice = qd_strip_part(c->strip, k, SLICES);
    qd_strip_walk(&slice, c->line, BINS / 2 * c->h, count_one, &count);
}

/* Whether sums of bins take less time: nanoseconds as measured. */
static bool by_bins(const qd_strip *s, int64_t h) {
    if (s->near) return false;
    const double span = (double)(s->to - s->from), a = (double)qd_events_between(s->a, s->from, s->to),
                 b = (double)s->b->n / (double)(s->b->t[s->b->n - 1] - s->b->t[0] + 1) * span, pairs = a * b / span * BINS * (double)h;
    return 12 * a + 4 * b + 0.05 * span / (double)h < 16 * a + 4 * pairs;
}

qd_status qd_strip_grid(const qd_strip *s, const qd_clock *line, int64_t h, qd_grid *g, qd_error *err) {
    gridding c = {.strip = s, .line = line, .h = h, .grid = g};
    *g = (qd_grid){.total = 0};
    if (by_bins(s, h)) {
        qd_in_parts(SLICES, slice_by_bins, &c);
        for (int k = 0; k < SLICES; k++)
            if (!c.ok[k]) return qd_fail(err, QD_E_INTERNAL, "no memory for %d bins of a slice", PIECE);
    } else if (qd_strip_parts(s) > 1) {
        qd_in_parts(SLICES, slice_one_by_one, &c);
    } else {
        for (uint32_t k = 0; k < SLICES; k++) slice_one_by_one(&c, k);
    }
    for (int k = 0; k < SLICES; k++)
        for (int q = 0; q < BINS; q++) g->total += g->count[k][q];
    return QD_OK;
}
