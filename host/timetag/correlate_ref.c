/* SPDX-License-Identifier: Apache-2.0 */
/* The reference: every lag from its definition as a sum of products, every line as a sum of lags. */
#include <stdlib.h>
#include <string.h>
#include "timetag/correlate.h"

/* Bin of time @p t, rounding down. */
static int64_t bin_of(const qd_correlate_case *c, int64_t t) {
    int64_t x = t - c->start, q = x / c->bin;
    return q - (x % c->bin < 0);
}

/* Counts of B in the bins that slice k meets. */
static void fill_b(const qd_correlate_case *c, uint32_t k, uint32_t *b) {
    int64_t first = (int64_t)k * c->slice_bins - (int64_t)(qd_correlate_row(c) / 2);
    uint32_t n = qd_correlate_span(c);
    memset(b, 0, n * sizeof *b);
    for (uint64_t e = 0; e < c->nb; e++) {
        int64_t x = bin_of(c, c->b[e]) - first;
        if (x >= 0 && x < (int64_t)n && b[x] < QD_CORRELATE_BIN_MAX) b[x]++;
    }
    for (uint32_t x = 0; x < n; x++)
        if (first + x < c->data_from || first + x >= c->data_to)
            b[x] = (uint32_t)(((uint64_t)x + 1) * c->fill_num / c->fill_den - (uint64_t)x * c->fill_num / c->fill_den);
}

static void slice_lags(const qd_correlate_case *c, uint32_t k, uint32_t *a, uint32_t *b, uint32_t *lags) {
    int64_t first = (int64_t)k * c->slice_bins;
    uint32_t row = qd_correlate_row(c);
    memset(a, 0, c->slice_bins * sizeof *a);
    for (uint64_t e = 0; e < c->na; e++) {
        int64_t x = bin_of(c, c->a[e]) - first;
        if (x >= 0 && x < (int64_t)c->slice_bins) a[x]++;
    }
    fill_b(c, k, b);
    memset(lags, 0, row * sizeof *lags);
    for (uint32_t i = 0; i < c->slice_bins; i++)
        if (a[i])
            for (uint32_t l = 0; l < row; l++) lags[l] += a[i] * b[i + l];
}

static uint32_t line(const qd_correlate_case *c, const uint32_t *lags, uint32_t l, int32_t j) {
    uint32_t sum = 0, row = qd_correlate_row(c), margin = qd_correlate_margin(c);
    for (uint32_t k = 0; k < c->slices; k++)
        sum += lags[(size_t)k * row + (uint32_t)((int32_t)(l + margin) + qd_correlate_shift(j, k, c->slices))];
    return sum;
}

static void best_lines(const qd_correlate_case *c, const uint32_t *lags, uint32_t *out) {
    uint32_t n = qd_correlate_n(c), *best = out + 5 * (size_t)n;
    memset(best, 0, 4 * sizeof *best);
    for (uint32_t l = 0; l < n; l++) {
        uint32_t most[2] = {0, 0};
        int32_t slope[2] = {0, 0};
        for (uint32_t i = 0; i < 2 * c->slopes + 1; i++) {
            int32_t j = qd_correlate_slope(i);
            uint32_t one = line(c, lags, l, j), two = one + (l + 1 < n ? line(c, lags, l + 1, j) : 0);
            if (i == 0) out[l] = one;
            if (one > most[0]) most[0] = one, slope[0] = j;
            if (two > most[1]) most[1] = two, slope[1] = j;
        }
        for (uint32_t w = 0; w < 2; w++) {
            out[(1 + 2 * w) * (size_t)n + l] = most[w];
            out[(2 + 2 * w) * (size_t)n + l] = (uint32_t)slope[w];
        }
    }
    for (uint32_t i = 0; i < n; i++) { /* lags 0, -1, 1, -2, 2, ... */
        uint32_t l = (uint32_t)((int32_t)c->half + qd_correlate_slope(i));
        if (i && out[n + l] <= best[0]) continue;
        best[0] = out[n + l];
        best[1] = l - c->half;
        best[2] = out[2 * (size_t)n + l];
    }
}

qd_status qd_correlate_ref(const qd_correlate_case *c, bool want_lags, uint32_t *out, qd_error *err) {
    size_t row = qd_correlate_row(c);
    uint32_t *a = malloc(c->slice_bins * sizeof *a), *b = malloc(qd_correlate_span(c) * sizeof *b);
    uint32_t *own = want_lags ? NULL : malloc(c->slices * row * sizeof *own),
             *lags = want_lags ? out + qd_correlate_words(c, false) : own;
    qd_status st = QD_OK;
    if (!a || !b || !lags) {
        st = qd_fail(err, QD_E_INTERNAL,
                     "no memory for %u slices of %zu lags||the search is wide|give smaller limits of offset and frequency",
                     c->slices, row);
        goto out;
    }
    for (uint32_t k = 0; k < c->slices; k++) slice_lags(c, k, a, b, lags + k * row);
    best_lines(c, lags, out);
out:
    free(a);
    free(b);
    free(own);
    return st;
}
