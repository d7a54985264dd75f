/* SPDX-License-Identifier: Apache-2.0 */
/* One stage of the search: bins of both sides, all lines over all slices, the ones that stand out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/sync.h"

enum {
    NEIGHBOURS = 512, /* lags on either side that make the local background, beyond what a line may cover */
    FEW = 128,        /* of fewer its own noise would be seen: where lines cover nearly all lags, all are taken */
    SLICES_MAX = 1 << 16,
    GROUP_MAX = 64,
    STRETCH = 64 /* blocks of lags at a time */
};

/* ---- Geometry ---------------------------------------------------------------------------------------------------- */

/* A leaf's sum is known modulo the prime: four of its standard deviations must fit in either way beside @p sum, or sums wrap, and
 * peaks with them. */
static bool wraps(const qd_strip *used, double bin, uint32_t group, double sum) {
    return sum + 4 * sqrt(qd_bins_variance(used->a, bin) * qd_bins_variance(used->b, bin) * group * QD_LINES_SLICE) >
           QD_LINES_PRIME / 2.0;
}

bool qd_stage_holds(const qd_stage *st, double pairs) {
    double bin = (double)st->bin,
           scale = qd_bins_scale(qd_bins_mean(st->strip.a, bin)) * qd_bins_scale(qd_bins_mean(st->strip.b, bin));
    return !wraps(&st->strip, bin, st->group, pairs / st->leaves * scale);
}

/* A leaf may smear by half a bin at most; where the frequency is known better it holds more slices. */
static uint32_t group_of(double max_rate, uint32_t leaves, uint32_t most) {
    uint32_t group = 1;
    if (most > GROUP_MAX) most = GROUP_MAX;
    while (2 * group <= most && 2 * group * leaves <= SLICES_MAX && 2.0 * group * QD_LINES_SLICE * max_rate <= 0.5) group *= 2;
    return group;
}

bool qd_stage_plan(const qd_strip *used, const qd_search *search, uint32_t leaves, uint32_t most_group, qd_stage *st) {
    double per_ps = (double)used->a->tick.den / (double)used->a->tick.num,
           least = fmax(4e3 * per_ps, 1); /* 4 ns: finer bins split a peak by its jitter; a tick */
    *st = (qd_stage){.strip = *used,
                     .prior = search->prior,
                     .smooth = {search->smooth[0], search->smooth[1]},
                     .leaves = leaves,
                     .most = QD_PEAKS_USUAL,
                     .stop = search->stop,
                     .group = group_of(search->max_rate, leaves, most_group)};
    double span = (double)(used->to - used->from), bins = (double)leaves * st->group * QD_LINES_SLICE;
    while (st->group > 1 && (span / bins < least || wraps(used, span / bins, st->group, 0))) {
        st->group /= 2;
        bins /= 2;
    }
    if (span / bins < least) return false;
    st->bin = (int64_t)(span / bins); /* rounded down: nothing that is kept back is looked at */
    /* Limits hold at B's first event, which may lie long before what both have; lags are those of mid-time. */
    double ahead = (double)(used->from - qd_clock_apply_near(&search->prior, search->prior.base)) + span / 2;
    st->half = (int64_t)(search->max_offset / st->bin) + (int64_t)ceil(search->max_rate * fmax(ahead, 0) / (double)st->bin) + 3;
    st->lags = 2 * st->half + 1;
    st->work = (double)leaves * ((double)st->lags + QD_LINES_SLICE) * (1 + st->group / 16.0); /* a product costs a sixteenth */
    return true;
}

/* What correlates two sides of bins, on the device or, without one, by the reference. */
typedef struct correlator {
    qd_lines_case c;
    qd_lines_run *run; /* NULL: the reference */
    int8_t *a, *b;
    size_t data[2][2]; /* bins of A and of B that have data: [from, to) */
} correlator;

static void correlator_close(correlator *x) {
    qd_lines_close(x->run);
    free(x->a);
    free(x->b);
}

static qd_status correlator_open(qd_device *dev, qd_stage *st, correlator *x, qd_error *err) {
    static const qd_clock same = {0};
    uint32_t blocks = (uint32_t)((st->lags + QD_LINES_SLICE - 1) / QD_LINES_SLICE);
    *x = (correlator){.c = {.leaves = st->leaves, .group = st->group, .blocks = blocks, .stop = st->stop}};
    double mean[2] = {0, 0};
    x->c.a = x->a =
        qd_bins_of(st->strip.a, &same, st->strip.from, st->bin, qd_lines_a(&x->c), 0, st->smooth[0], &mean[0], x->data[0]);
    x->c.b = x->b = qd_bins_of(st->strip.b, &st->prior, st->strip.from - (st->half + QD_LINES_MARGIN) * st->bin, st->bin,
                               qd_lines_b(&x->c), 1, st->smooth[1], &mean[1], x->data[1]);
    if (!x->a || !x->b)
        return qd_fail(err, QD_E_INTERNAL,
                       "no memory for %u blocks of lags||the search is wide|give smaller limits of offset and frequency", blocks);
    st->counts = mean[0] < qd_bins_counts && mean[1] < qd_bins_counts;
    st->lambda = mean[0] * mean[1] * (double)qd_lines_a(&x->c);
    if (!dev) return QD_OK;
    QD_TRY(qd_lines_open(&x->c, dev, blocks < STRETCH ? blocks : STRETCH, qd_lines_spectra, &x->run, err));
    if (qd_lines_reads_on(x->run)) return QD_OK;
    free(x->a); /* the device has them */
    free(x->b);
    x->a = x->b = NULL;
    return QD_OK;
}

/* Share of A's bins with data that meet such of B at a lag. */
static double covered(const correlator *x, size_t lag) {
    size_t at = lag + QD_LINES_MARGIN, from = x->data[0][0] + at, to = x->data[0][1] + at, all = to - from;
    if (from < x->data[1][0]) from = x->data[1][0];
    if (to > x->data[1][1]) to = x->data[1][1];
    return to > from && all ? (double)(to - from) / (double)all : 0;
}

static qd_status correlate_some(const correlator *x, uint32_t first, uint32_t blocks, int32_t *out, qd_error *err) {
    if (x->run) return qd_lines_some(x->run, first, blocks, out, err);
    qd_lines_case part = x->c;
    part.b += (size_t)first * QD_LINES_SLICE;
    part.blocks = blocks;
    return qd_lines_ref(&part, out, err);
}

/* ---- What stands out --------------------------------------------------------------------------------------------- */

/* Sums of lags, to take means of any stretch of them. */
typedef struct background {
    int64_t *prefix; /* [n + 1] */
    size_t n, near;
    const correlator *of;
    size_t first; /* lag of the stretch's first */
    double sd[2]; /* of one lag, of two neighbours, where all of A meets data of B */
} background;

/* Lags where less of A meets data of B tell nothing. */
static const double least_cover = 1.0 / 16;

/* Mean of the flat sums around lag l, what a line through it covers left out. */
static double around(const background *g, size_t l) {
    size_t far = g->near + NEIGHBOURS, left = l > far ? l - far : 0, right = l + far + 1 < g->n ? l + far + 1 : g->n;
    size_t cut0 = l > g->near ? l - g->near : 0, cut1 = l + g->near + 1 < g->n ? l + g->near + 1 : g->n;
    if (cut0 < left) cut0 = left;
    if (cut1 > right) cut1 = right;
    size_t lags = (right - left) - (cut1 - cut0);
    if (lags < FEW) return (double)g->prefix[g->n] / (double)g->n;
    return (double)(g->prefix[right] - g->prefix[left] - g->prefix[cut1] + g->prefix[cut0]) / (double)lags;
}

/* Standard deviations about the local mean, their squares in proportion to the data that meet; once more without what lies beyond
 * five of them: a peak is no noise. */
static void spread(const int32_t *flat, background *g) {
    double limit[2] = {INFINITY, INFINITY};
    for (int round = 0; round < 2; round++) {
        double sum[2] = {0}, count[2] = {0};
        for (size_t l = 0; l + 1 < g->n; l++) {
            double cover = covered(g->of, g->first + l), root = sqrt(cover);
            if (cover < least_cover) continue;
            double mean = around(g, l),
                   d[2] = {((double)flat[l] - mean) / root, ((double)flat[l] + flat[l + 1] - 2 * mean) / root};
            for (int w = 0; w < 2; w++) {
                if (fabs(d[w]) > limit[w]) continue;
                sum[w] += d[w] * d[w];
                count[w]++;
            }
        }
        for (int w = 0; w < 2; w++) {
            g->sd[w] = sqrt(sum[w] / (count[w] > 0 ? count[w] : 1));
            if (g->sd[w] <= 0) g->sd[w] = 1;
            limit[w] = 5 * g->sd[w];
        }
    }
}

bool qd_peaks_meet(const qd_peak *p, const qd_peak *q) {
    int64_t first = p->lag - q->lag, last = first + p->slope - q->slope;
    return llabs(first) <= 2 || llabs(last) <= 2 || (first < 0) != (last < 0);
}

/* Two lines that meet share pairs. Of slopes that differ by j bins they do so 5/j of the time at most: a sum that is no higher
 * than this share of the better one's, and twice its deviation, is the other's shadow. A higher one is kept: where few lags are
 * searched all lines meet, and noise must not hide a peak. */
static bool shadow(const qd_peak *p, const qd_peak *q) {
    if (!qd_peaks_meet(p, q)) return false;
    int64_t apart = llabs((int64_t)p->slope - q->slope);
    double high = p->score > q->score ? p->score : q->score, low = p->score > q->score ? q->score : p->score;
    return low <= high * (apart > 5 ? 5.0 / (double)apart : 1) + 2;
}

/* Insert by falling score; shadows of better ones are dropped, and drop worse ones. */
static void keep(qd_stage *st, const qd_peak *p) {
    uint32_t at = st->n_peaks;
    if (at == st->most && p->score <= st->peak[at - 1].score) return;
    for (uint32_t i = 0; i < st->n_peaks; i++) {
        if (!shadow(&st->peak[i], p)) continue;
        if (st->peak[i].score >= p->score) return;
        for (uint32_t k = i; k + 1 < st->n_peaks; k++) st->peak[k] = st->peak[k + 1];
        st->n_peaks--;
        i--;
    }
    at = st->n_peaks < st->most ? st->n_peaks++ : st->most - 1;
    while (at > 0 && st->peak[at - 1].score < p->score) {
        st->peak[at] = st->peak[at - 1];
        at--;
    }
    st->peak[at] = *p;
}

static void find_peaks(qd_stage *st, const int32_t *out, const background *g) {
    size_t n = g->n;
    for (size_t l = 0; l < n && g->first + l < (size_t)st->lags; l++) {
        double mean = around(g, l), cover = covered(g->of, g->first + l), root = sqrt(cover);
        if (cover < least_cover) continue;
        for (int w = 0; w < 2; w++) {
            int32_t sum = out[(w ? QD_LINES_TWO : QD_LINES_ONE) * n + l],
                    slope = out[(w ? QD_LINES_TWO_SLOPE : QD_LINES_ONE_SLOPE) * n + l];
            qd_peak p = {.lag = (int64_t)(g->first + l) - st->half - qd_lines_ahead(slope),
                         .slope = slope,
                         .two = w == 1,
                         .excess = sum - (w + 1) * mean};
            p.score = p.excess / (g->sd[w] * root);
            if (st->n_peaks < st->most || p.score > st->peak[st->n_peaks - 1].score) keep(st, &p);
        }
    }
}

/* Stretch after stretch, each with its own background: memory does not grow with the range of lags. */
qd_status qd_search_stage(qd_device *dev, qd_stage *st, qd_error *err) {
    correlator x;
    const size_t most = (size_t)STRETCH * QD_LINES_SLICE;
    int32_t *out = malloc(QD_LINES_ARRAYS * most * sizeof *out);
    background g = {.prefix = malloc((most + 1) * sizeof *g.prefix), .near = st->leaves / 2 + 3, .of = &x};
    st->peak = malloc(st->most * sizeof *st->peak);
    qd_status s = correlator_open(dev, st, &x, err);
    if (s == QD_OK && (!out || !g.prefix || !st->peak)) s = qd_fail(err, QD_E_INTERNAL, "no memory for %zu lags", most);
    for (uint32_t first = 0; s == QD_OK && first < x.c.blocks; first += STRETCH) {
        uint32_t n = x.c.blocks - first < STRETCH ? x.c.blocks - first : STRETCH;
        QD_TRY_OUT(s, correlate_some(&x, first, n, out, err));
        g.n = (size_t)n * QD_LINES_SLICE;
        g.first = (size_t)first * QD_LINES_SLICE;
        g.prefix[0] = 0;
        for (size_t l = 0; l < g.n; l++) g.prefix[l + 1] = g.prefix[l] + out[l];
        spread(out, &g);
        find_peaks(st, out, &g);
    }
    st->tests = 2.0 * (double)st->lags * (2.0 * qd_lines_slopes(st->leaves) + 1);
out:
    correlator_close(&x);
    free(out);
    free(g.prefix);
    return s;
}

void qd_stage_free(qd_stage *st) {
    free(st->peak);
    st->peak = NULL;
    st->n_peaks = 0;
}

/* A pair's lag is the middle of its bin of the triangle that two bins make; the line is stated at the middle of the strip. It
 * lies on the clock that was expected: offsets add up, and (1 + f)(1 + g) = 1 + f + g + f g. */
qd_clock qd_peak_line(const qd_stage *st, const qd_peak *p) {
    int64_t leaf = (int64_t)st->group * QD_LINES_SLICE * st->bin, span = leaf * st->leaves,
            twice = 2 * p->lag + p->slope + p->two, offset = -(int64_t)qd_floor_div((__int128)twice * st->bin, 2), freq = 0;
    if (st->leaves > 1)
        freq = -(int64_t)qd_floor_div(((__int128)p->slope * st->bin) * ((__int128)1 << QD_CLOCK_SHIFT),
                                      (__int128)leaf * (st->leaves - 1));
    int64_t middle = st->strip.from + span / 2, expected = middle - offset; /* A's time there; where the prior has it */
    qd_clock line = {.tick = st->strip.a->tick, .base = qd_clock_invert(&st->prior, expected)};
    line.offset = qd_clock_apply(&st->prior, line.base) + offset - line.base;
    line.freq = st->prior.freq + freq + (int64_t)qd_floor_div((__int128)st->prior.freq * freq, (__int128)1 << QD_CLOCK_SHIFT);
    return line;
}

double qd_score_log(double tests, double score) {
    if (score <= 0) return 0;
    /* beyond 30 standard deviations erfc leaves double: its first term */
    double tail = score < 30 ? log(erfc(score / sqrt(2)) / 2) : -score * score / 2 - log(score * sqrt(2 * acos(-1.0)));
    return tail + log(tests) < 0 ? tail + log(tests) : 0;
}

double qd_peak_log(const qd_stage *st, const qd_peak *p) {
    double gauss = qd_score_log(st->tests, p->score), lambda = st->lambda * (p->two ? 2 : 1);
    /* Of few events a Gaussian is no measure. */
    double poisson = st->counts ? qd_false_log(st->tests, lambda, 1, p->excess + lambda) : -INFINITY;
    return poisson > gauss ? poisson : gauss;
}

double qd_score_least(double tests, double log_p) {
    double low = 0, high = 100;
    for (int i = 0; i < 60; i++) {
        double mid = (low + high) / 2;
        if (qd_score_log(tests, mid) > log_p)
            low = mid;
        else
            high = mid;
    }
    return high;
}
