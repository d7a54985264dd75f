/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `correlate`: slices shared out to threads, each correlated by the tuned transform of c_ntt.h; then the sums
 * along the slopes, shared out by lags. */
#include <stdlib.h>
#include <string.h>
#include "c_ntt.h"
#include "loops.h"
#include "timetag/correlate.h"

typedef struct job {
    const qd_correlate_case *c;
    qd_c_ntt t; /* of one thread: slices are independent */
    unsigned shares;
    uint32_t *xy, *lags, *out; /* two sequences a share */
} job;

static uint64_t lower_bound(const int64_t *t, uint64_t n, int64_t x) {
    uint64_t lo = 0, hi = n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (t[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Events into bins; the bin's border moves along with the events, so that no event costs a division. */
static void count(const int64_t *t, uint64_t n, int64_t start, int64_t bin, uint32_t bins, uint32_t *h) {
    uint64_t e = lower_bound(t, n, start), end = lower_bound(t, n, start + (int64_t)bins * bin);
    int64_t border = start + bin;
    uint32_t x = 0;
    for (; e < end; e++) {
        if (t[e] >= border) {
            int64_t skip = (t[e] - border) / bin + 1;
            x += (uint32_t)skip;
            border += skip * bin;
        }
        h[x]++;
    }
}

static void slice(const job *s, uint32_t *x, uint32_t *y, uint32_t k) {
    const qd_correlate_case *c = s->c;
    uint32_t n = (uint32_t)1 << s->t.log2n, span = qd_correlate_span(c), row = qd_correlate_row(c);
    int64_t first = (int64_t)k * c->slice_bins, first_b = first - (int64_t)(row / 2);
    memset(x, 0, n * sizeof *x);
    memset(y, 0, n * sizeof *y);
    count(c->a, c->na, c->start + first * c->bin, c->bin, c->slice_bins, x);
    for (uint32_t i = 1, j = n - 1; i < j; i++, j--) { /* backwards */
        uint32_t v = x[i];
        x[i] = x[j];
        x[j] = v;
    }
    count(c->b, c->nb, c->start + first_b * c->bin, c->bin, span, y);
    for (uint32_t i = 0; i < span; i++) {
        if (first_b + i < c->data_from || first_b + i >= c->data_to)
            y[i] = (uint32_t)(((uint64_t)i + 1) * c->fill_num / c->fill_den - (uint64_t)i * c->fill_num / c->fill_den);
        else if (y[i] > QD_CORRELATE_BIN_MAX)
            y[i] = QD_CORRELATE_BIN_MAX;
    }
    qd_c_ntt_convolve(&s->t, x, y);
    memcpy(s->lags + (size_t)k * row, x, row * sizeof *x);
}

/* Blocks of lags that stay in the first cache, all slopes over each. */
static void lines(const job *s, uint32_t from, uint32_t to) {
    enum { BLOCK = 512 };
    const qd_correlate_case *c = s->c;
    uint32_t n = qd_correlate_n(c), row = qd_correlate_row(c), margin = qd_correlate_margin(c);
    for (uint32_t at = from; at < to; at += BLOCK) {
        uint32_t m = to - at < BLOCK ? to - at : BLOCK, line[BLOCK + 1], *o[5];
        for (int i = 0; i < 5; i++) {
            o[i] = s->out + (size_t)i * n + at;
            memset(o[i], 0, m * sizeof *o[i]);
        }
        for (uint32_t i = 0; i < 2 * c->slopes + 1; i++) {
            int32_t j = qd_correlate_slope(i);
            memset(line, 0, sizeof line);
            for (uint32_t k = 0; k < c->slices; k++) {
                const uint32_t *p =
                    s->lags + (size_t)k * row + (uint32_t)((int32_t)(at + margin) + qd_correlate_shift(j, k, c->slices));
                for (uint32_t l = 0; l <= m; l++) line[l] += p[l];
            }
            if (at + m == n) line[m] = 0; /* the last lag has no neighbour */
            if (i == 0) memcpy(o[0], line, m * sizeof *line);
            for (uint32_t l = 0; l < m; l++) {
                uint32_t one = line[l], two = one + line[l + 1];
                o[2][l] = one > o[1][l] ? (uint32_t)j : o[2][l];
                o[1][l] = one > o[1][l] ? one : o[1][l];
                o[4][l] = two > o[3][l] ? (uint32_t)j : o[4][l];
                o[3][l] = two > o[3][l] ? two : o[3][l];
            }
        }
    }
}

static void some_slices(void *context, unsigned share) {
    const job *s = context;
    size_t n = (size_t)1 << s->t.log2n;
    uint32_t *x = s->xy + 2 * share * n;
    for (uint32_t k = share; k < s->c->slices; k += s->shares) slice(s, x, x + n, k);
}

static void some_lags(void *context, unsigned share) {
    const job *s = context;
    uint64_t n = qd_correlate_n(s->c);
    lines(s, (uint32_t)(n * share / s->shares), (uint32_t)(n * (share + 1) / s->shares));
}

static void best_of(const qd_correlate_case *c, uint32_t *out) {
    uint32_t n = qd_correlate_n(c), *best = out + 5 * (size_t)n;
    memset(best, 0, 4 * sizeof *best);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t l = (uint32_t)((int32_t)c->half + qd_correlate_slope(i));
        if (i && out[n + l] <= best[0]) continue;
        best[0] = out[n + l];
        best[1] = l - c->half;
        best[2] = out[2 * (size_t)n + l];
    }
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_correlate_case *c = &((qd_correlate_state *)state)->c;
    unsigned log2n = 5;
    while (((uint64_t)1 << log2n) < qd_correlate_span(c)) log2n++;
    job s = {.c = c, .shares = threads ? threads : 1, .out = out, .lags = (uint32_t *)out + qd_correlate_words(c, false)};
    s.xy = aligned_alloc(64, ((size_t)8 << log2n) * s.shares);
    if (!s.xy) return qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of correlate");
    qd_status st = qd_c_ntt_make(&s.t, log2n, 1, err);
    if (st == QD_OK) {
        qd_c_parallel(s.shares, some_slices, &s);
        qd_c_parallel(s.shares, some_lags, &s);
        best_of(c, out);
        qd_c_ntt_free(&s.t);
    }
    free(s.xy);
    return st;
}

const qd_loop qd_loop_correlate = {"correlate", run};
