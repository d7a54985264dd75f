/* SPDX-License-Identifier: Apache-2.0 */
/* The candidate: lines in (lag, time), more and more slices until one stands out. */
#include <math.h>
#include <stdlib.h>
#include "timetag/sync.h"

enum {
    FIRST_SLICES = 8,
    TARGET_SLICES = 64, /* the bin is chosen so that so many slices hold TARGET_EVENTS of the rarer side */
    TARGET_EVENTS = 1 << 20,
    LEAST_LAGS = 512, /* on either side, whatever the limits: the background must be seen */
    MOST_LAGS = 1 << 20,
    MOST_SLICE_BINS = 1 << 19,
    MOST_LAG_WORDS = 1 << 26, /* slices x lags: 256 MiB */
    NEIGHBOURS = 512          /* lags on either side that make the local background */
};

/* Geometry: bin and slice length. false: too little time for one slice. */
static bool plan(const qd_strip *all, int64_t limit, const qd_search *p, qd_correlate_case *c, uint32_t *most_slices) {
    double span = (double)(limit - all->from), na = (double)qd_events_between(all->a, all->from, limit),
           nb = (double)qd_events_between(all->b, all->from, limit), rarer = na < nb ? na : nb;
    double per_ps = (double)all->a->tick.den / (double)all->a->tick.num; /* ticks */
    double t = rarer > TARGET_EVENTS ? span * TARGET_EVENTS / rarer : span, rate = p->max_rate > 1e-9 ? p->max_rate : 1e-9;
    double bin = 2 * rate * t / TARGET_SLICES, least = 100e3 * per_ps, widest = 2.0 * (double)p->max_offset / MOST_LAGS;
    if (bin < least) bin = least;
    if (bin < widest) bin = widest;
    double bins = 0.5 / rate; /* a slice smears at most half a bin */
    if (bins > MOST_SLICE_BINS) bins = MOST_SLICE_BINS;
    if (bins * bin > span) bins = floor(span / bin);
    if (bins < 64) return false;
    c->bin = (int64_t)ceil(bin);
    c->slice_bins = (uint32_t)bins;
    c->start = all->from;
    int64_t half = p->max_offset / c->bin + 2;
    c->half = half < LEAST_LAGS ? LEAST_LAGS : (uint32_t)half;
    double slices = floor(span / ((double)c->slice_bins * (double)c->bin)), memory = floor(MOST_LAG_WORDS / (2.0 * c->half));
    if (slices > memory) slices = memory;
    if (slices > 256) slices = 256;
    *most_slices = slices < 1 ? 1 : (uint32_t)slices;
    return true;
}

/* Events, fill and slopes for a number of slices. */
static void set_slices(const qd_strip *all, const qd_search *p, uint32_t slices, qd_correlate_case *c) {
    double drift = 2 * p->max_rate * slices * c->slice_bins; /* bins between the extreme slopes, end to end */
    c->slices = slices;
    c->slopes = (uint32_t)ceil(drift / 2) + 1;
    int64_t span = (int64_t)c->slices * c->slice_bins * c->bin, edge = (int64_t)(c->half + qd_correlate_margin(c) + 1) * c->bin;
    uint64_t a0 = qd_tags_lower_bound(all->a, c->start), a1 = qd_tags_lower_bound(all->a, c->start + span);
    uint64_t b0 = qd_tags_lower_bound(all->b, c->start - edge), b1 = qd_tags_lower_bound(all->b, c->start + span + edge);
    c->a = all->a->t + a0;
    c->na = a1 - a0;
    c->b = all->b->t + b0;
    c->nb = b1 - b0;
    /* Whole bins between the first and last event of B. Where B began or ended inside the range, its mean goes on. */
    int64_t first = all->b->t[0] - c->start, last = all->b->t[all->b->n - 1] - c->start;
    c->data_from = (int64_t)qd_floor_div(first, c->bin) + 1;
    c->data_to = (int64_t)qd_floor_div(last, c->bin);
    double bins = (double)(c->data_to < (int64_t)slices * c->slice_bins ? c->data_to : (int64_t)slices * c->slice_bins) -
                  (double)(c->data_from > 0 ? c->data_from : 0);
    double mean = bins > 0 ? (double)qd_events_between(all->b, c->start, c->start + span) / bins : 0;
    if (mean > QD_CORRELATE_BIN_MAX) mean = QD_CORRELATE_BIN_MAX;
    c->fill_den = 1 << 16;
    c->fill_num = (uint32_t)(mean * (1 << 16));
}

/* No sum may leave 32 bits, nor a slice's the transform's modulus. */
static bool countable(const qd_correlate_case *c) {
    qd_tags a = {.n = c->na, .t = (int64_t *)c->a};
    for (uint32_t k = 0; k < c->slices; k++) {
        int64_t from = c->start + (int64_t)k * c->slice_bins * c->bin;
        if (qd_events_between(&a, from, from + (int64_t)c->slice_bins * c->bin) >= QD_CORRELATE_SLICE_EVENTS) return false;
    }
    return c->na < QD_CORRELATE_EVENTS;
}

/* Local background of lag l: sum over the lags within NEIGHBOURS but not within `near` of it, and how many these are; never below
 * the mean of all lags. */
typedef struct background {
    const uint64_t *prefix; /* [n + 1] */
    uint32_t n, near;
} background;

static void around(const background *g, uint32_t l, uint64_t *sum, uint64_t *lags) {
    uint32_t left = l > NEIGHBOURS ? l - NEIGHBOURS : 0, right = l + NEIGHBOURS < g->n ? l + NEIGHBOURS + 1 : g->n;
    uint32_t cut0 = l > g->near ? l - g->near : 0, cut1 = l + g->near < g->n ? l + g->near + 1 : g->n;
    if (cut0 < left) cut0 = left;
    if (cut1 > right) cut1 = right;
    *lags = (right - left) - (cut1 - cut0);
    *sum = g->prefix[right] - g->prefix[left] - (g->prefix[cut1] - g->prefix[cut0]);
    uint64_t global = (uint64_t)((unsigned __int128)g->prefix[g->n] * *lags / g->n);
    if (*sum < global) *sum = global;
    if (*sum == 0) *sum = 1;
}

/* A line in two widths (0: one lag, 1: two) with its rank: (count - background)^2 / background, in 2^-20, integer. */
typedef struct ranked {
    uint32_t lag, width;
    uint64_t score, count;
} ranked;

static uint64_t score_of(const background *g, uint32_t l, uint32_t width, uint64_t count) {
    uint64_t sum, lags;
    around(g, l, &sum, &lags);
    sum *= width + 1;
    uint64_t scaled = count * lags;
    if (lags == 0 || scaled <= sum) return 0;
    unsigned __int128 excess = scaled - sum, den = (unsigned __int128)sum * lags, square = excess * excess;
    unsigned __int128 q = square / den;
    return q >> 43 ? UINT64_MAX : (uint64_t)((q << 20) + ((square % den) << 20) / den);
}

/* Best line among the lags within @p limit of the middle and, if @p not is given, more than @p distance from it. */
static ranked best_ranked(const qd_correlate_case *c, const uint32_t *out, const background *g, uint32_t limit,
                          const ranked * not, uint32_t distance) {
    ranked best = {0};
    uint32_t n = qd_correlate_n(c);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t l = (uint32_t)((int32_t)c->half + qd_correlate_slope(i)), off = l > c->half ? l - c->half : c->half - l;
        if (off > limit || l + 1 >= n) continue;
        if (not &&(l > not ->lag ? l - not ->lag : not ->lag - l) <= distance) continue;
        for (uint32_t w = 0; w < 2; w++) {
            uint64_t count = out[(1 + 2 * w) * (size_t)n + l], score = score_of(g, l, w, count);
            if (score > best.score) best = (ranked){l, w, score, count};
        }
    }
    return best;
}

/* Variance over mean of the flat sums about their local mean, the winner's surroundings left out; at least 1, with 4 sd to spare.
 */
static double dispersion(const qd_correlate_case *c, const uint32_t *flat, const background *g, const ranked *best) {
    double sum = 0, count = 0;
    uint32_t n = qd_correlate_n(c), stay = c->slopes + 3;
    for (uint32_t l = 0; l < n; l++) {
        if ((l > best->lag ? l - best->lag : best->lag - l) <= stay) continue;
        uint64_t s, lags;
        around(g, l, &s, &lags);
        if (lags == 0) continue;
        double mean = (double)s / (double)lags, d = (double)flat[l] - mean;
        sum += d * d / mean;
        count++;
    }
    if (count < 2) return 1;
    double phi = sum / count + 4 * sqrt(2 / count);
    return phi > 1 ? phi : 1;
}

static void judge(const qd_correlate_case *c, const uint32_t *out, const qd_search *p, double tests_before, qd_candidate *r,
                  uint64_t *prefix) {
    uint32_t n = qd_correlate_n(c);
    prefix[0] = 0;
    for (uint32_t l = 0; l < n; l++) prefix[l + 1] = prefix[l] + out[l];
    background g = {prefix, n, c->slopes / 2 + 3};
    uint32_t limit = (uint32_t)(p->max_offset / c->bin) + 2;
    ranked best = best_ranked(c, out, &g, limit, NULL, 0), next = best_ranked(c, out, &g, limit, &best, c->slopes + 3);
    uint64_t sum, lags;
    around(&g, best.lag, &sum, &lags);
    double mean = (double)sum / (double)(lags ? lags : 1) * (best.width + 1), phi = dispersion(c, out, &g, &best);
    r->tests = tests_before + 2.0 * (2.0 * limit + 1) * (2.0 * c->slopes + 1);
    r->dispersion = phi;
    r->lambda = mean + 5 * sqrt(phi * mean * (best.width + 1) / (double)(lags ? lags : 1));
    r->peak = best.count;
    r->log_false = qd_false_log(r->tests, r->lambda, phi, (double)best.count);
    r->significance = ((double)best.count - mean) / sqrt(phi * mean);
    r->needed = (qd_false_least(r->tests, r->lambda, phi, p->log_limit) - mean) / sqrt(phi * mean);
    r->found = r->log_false <= p->log_limit;
    double excess = (double)best.count - mean, mean2;
    around(&g, next.lag, &sum, &lags);
    mean2 = (double)sum / (double)(lags ? lags : 1) * (next.width + 1);
    r->second =
        qd_false_log(r->tests, mean2, phi, (double)next.count) <= p->log_limit ? ((double)next.count - mean2) / excess : 0;

    int64_t span = (int64_t)c->slices * c->slice_bins * c->bin, lag = (int64_t)best.lag - c->half;
    int32_t j = (int32_t)out[(2 + 2 * (size_t)best.width) * n + best.lag];
    r->strip.from = c->start;
    r->strip.to = c->start + span;
    r->bin = c->bin;
    r->slopes = c->slopes;
    r->slices = c->slices;
    r->line = (qd_clock){
        .offset = -(lag * c->bin + (best.width ? c->bin / 2 : 0)),
        .freq = -(int64_t)qd_floor_div((__int128)j * ((__int128)1 << QD_CLOCK_SHIFT), (__int128)c->slices * c->slice_bins)};
    r->line.base = c->start + span / 2 - r->line.offset;
}

qd_status qd_search_candidate(qd_device *dev, const qd_strip *all, const qd_search *p, qd_candidate *r, qd_error *err) {
    qd_correlate_case c = {0};
    uint32_t most = 0;
    *r = (qd_candidate){.strip = *all, .limited = true};
    if (!plan(all, all->to, p, &c, &most)) return QD_OK; /* too short to hold a slice: nothing found */
    double tests = 0;
    uint32_t *out = NULL;
    uint64_t *prefix = malloc(((size_t)qd_correlate_n(&c) + 1) * sizeof *prefix);
    qd_status st = prefix ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for %u lags", qd_correlate_n(&c));
    for (uint32_t k = FIRST_SLICES < most ? FIRST_SLICES : most; st == QD_OK; k = 2 * k < most ? 2 * k : most) {
        set_slices(all, p, k, &c);
        if (!countable(&c)) break;
        free(out);
        out = malloc(qd_correlate_words(&c, false) * sizeof *out);
        if (!out) st = qd_fail(err, QD_E_INTERNAL, "no memory for %u lags", qd_correlate_n(&c));
        if (st == QD_OK) st = dev ? qd_correlate_cl(&c, false, dev, out, err) : qd_correlate_ref(&c, false, out, err);
        if (st != QD_OK) break;
        judge(&c, out, p, tests, r, prefix);
        tests = r->tests;
        r->limited = k == most && (int64_t)(k + 1) * c.slice_bins * c.bin > all->to - all->from;
        if (r->found || k == most) break;
    }
    free(out);
    free(prefix);
    return st;
}
