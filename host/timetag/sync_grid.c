/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of both sides' times along a line, by slice and bin. Few are counted one by one; many as sums of B's bins around
 * each event of A, which costs the same however many they are. */
#include <stdlib.h>
#include <string.h>
#include "compute/parts.h"
#include "timetag/sync.h"

enum { BINS = QD_GRID_BINS, SLICES = QD_GRID_SLICES, ONE_BY_ONE = 1 << 23 };

typedef struct counting {
    int64_t from, span, h;
    qd_grid *grid;
} counting;

static void count_one(void *self, int64_t ta, int64_t tb, int64_t e) {
    const counting *c = self;
    (void)tb;
    int64_t q = (e + BINS / 2 * c->h) / c->h, slice = (int64_t)((__int128)(ta - c->from) * SLICES / c->span);
    if (q < BINS) c->grid->count[slice][q]++;
}

/* B's events on A's clock in bins of h from `start`; 255 at most. */
static void bins_of(const qd_strip *s, const qd_clock *line, int64_t start, int64_t h, uint8_t *bin, size_t n) {
    int64_t end = start + (int64_t)n * h;
    memset(bin, 0, n);
    for (uint64_t lo = qd_tags_from(s->b, line, start); lo < s->b->n; lo++) {
        int64_t t = qd_clock_apply(line, s->b->t[lo]);
        if (t >= end) break;
        uint8_t *at = bin + (t - start) / h;
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
    uint64_t end = qd_tags_lower_bound(s->a, to);
    unsigned since = 0;
    bins_of(s, line, from - BINS / 2 * h + h / 2, h, bin, n);
    for (uint64_t i = qd_tags_lower_bound(s->a, from); i < end; i++) {
        const uint8_t *at = bin + (s->a->t[i] - from) / h;
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

/* Parts end where slices do: no two write to the same. */
_Static_assert(SLICES % QD_STRIP_PARTS == 0, "whole slices");
static void slices_one_by_one(void *self, uint32_t k) {
    const gridding *c = self;
    counting count = {c->strip->from, c->strip->to - c->strip->from, c->h, c->grid};
    qd_strip part = qd_strip_part(c->strip, k, qd_strip_parts(c->strip));
    qd_strip_walk(&part, c->line, BINS / 2 * c->h, count_one, &count);
}

qd_status qd_strip_grid(const qd_strip *s, const qd_clock *line, int64_t h, qd_grid *g, qd_error *err) {
    double density = (double)(s->b->n) / (double)(s->b->t[s->b->n - 1] - s->b->t[0] + 1);
    gridding c = {.strip = s, .line = line, .h = h, .grid = g};
    *g = (qd_grid){.total = 0};
    if ((double)qd_events_between(s->a, s->from, s->to) * density * BINS * (double)h < ONE_BY_ONE) {
        qd_in_parts(qd_strip_parts(s), slices_one_by_one, &c);
    } else {
        qd_in_parts(SLICES, slice_by_bins, &c);
        for (int k = 0; k < SLICES; k++)
            if (!c.ok[k]) return qd_fail(err, QD_E_INTERNAL, "no memory for %d bins of a slice", PIECE);
    }
    for (int k = 0; k < SLICES; k++)
        for (int q = 0; q < BINS; q++) g->total += g->count[k][q];
    return QD_OK;
}
