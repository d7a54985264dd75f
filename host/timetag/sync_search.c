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

/* Bins with fewer events stay counts. */
static const double least_mean = 0.1;

/* Counts of a mean are scaled by this. */
static double scale_of(double mean) {
    return mean < least_mean ? 1 : mean < 0.3 ? 4 : mean < 1.5 ? 2 : 1.25 / sqrt(mean);
}

/* Events in a bin. */
static double mean_of(const qd_tags *t, double bin) {
    double span = t->n > 1 ? (double)(t->t[t->n - 1] - t->t[0]) : 0;
    return span > 0 ? (double)t->n / span * bin : 0;
}

/* Variance of a bin as centre() leaves it, rounding included. */
static double variance(const qd_tags *t, double bin) {
    double mean = mean_of(t, bin);
    return scale_of(mean) * scale_of(mean) * mean + (mean < least_mean ? 0 : 0.25);
}

/* A leaf's sum is known modulo the prime: four of its standard deviations must fit in either way beside @p sum, or sums wrap, and
 * peaks with them. */
static bool wraps(const qd_strip *used, double bin, uint32_t group, double sum) {
    return sum + 4 * sqrt(variance(used->a, bin) * variance(used->b, bin) * group * QD_LINES_SLICE) > QD_LINES_PRIME / 2.0;
}

bool qd_stage_holds(const qd_stage *st, double pairs) {
    double bin = (double)st->bin, scale = scale_of(mean_of(st->strip.a, bin)) * scale_of(mean_of(st->strip.b, bin));
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
           least = 4e3 * per_ps; /* 4 ns: finer bins split a peak by its jitter */
    *st = (qd_stage){
        .strip = *used, .prior = search->prior, .leaves = leaves, .group = group_of(search->max_rate, leaves, most_group)};
    double span = (double)(used->to - used->from), bins = (double)leaves * st->group * QD_LINES_SLICE;
    while (st->group > 1 && (span / bins < least || wraps(used, span / bins, st->group, 0))) {
        st->group /= 2;
        bins /= 2;
    }
    if (span / bins < least) return false;
    st->bin = (int64_t)(span / bins); /* rounded down: nothing that is kept back is looked at */
    st->half = (int64_t)(search->max_offset / st->bin) + 3;
    st->lags = 2 * st->half + 1;
    st->work = (double)leaves * ((double)st->lags + QD_LINES_SLICE) * (1 + st->group / 16.0); /* a product costs a sixteenth */
    return true;
}

/* ---- Bins -------------------------------------------------------------------------------------------------------- */

enum { NO_DATA = -1 }; /* in place of a count */

/* Counts to small numbers about zero: a mean left in would make steps at B's edges and leave too few bits for the peak. Few
 * events (below one in ten bins) stay counts; more are scaled to a standard deviation of 1.1 to 2.4, their mean taken off, and
 * rounded at random. A rounding that carries the rest from bin to bin is a pattern in itself: where both sides have the same
 * mean, two such patterns are one peak after the other. `first` is the first bin's place among those with data. */
static void centre(const uint32_t *count, size_t n, double mean, size_t first, uint32_t side, int8_t *x) {
    enum { DRAWS = 8 };
    const double scale = scale_of(mean);
    const int64_t one = (int64_t)1 << 24, times = (int64_t)llround(scale * (double)one),
                  off = (int64_t)llround(mean * scale * (double)one);
    for (size_t i = 0; i < n; i += DRAWS) {
        uint32_t w[DRAWS / 2];
        if (mean >= least_mean) qd_philox(0, QD_STREAM_ROUND, first + i, side, w);
        for (size_t k = 0; k < DRAWS && i + k < n; k++) {
            const bool gap = count[i + k] == (uint32_t)NO_DATA;
            int64_t whole = gap ? 0 : count[i + k];
            if (mean >= least_mean && !gap) {
                int64_t up =
                    (int64_t)(w[k / 2] >> 16 * (k % 2) & 0xffff) << 8 | 0x80; /* uniform in [0, one), its mean one half */
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
    size_t k = 0;
    f->first = first;
    f->n = n;
    memset(f->count, 0, n * sizeof *f->count);
    int64_t border = f->start + (int64_t)(first + 1) * f->bin, stop = f->start + (int64_t)(first + n) * f->bin;
    for (; f->at < f->end; f->at++) {
        int64_t time = qd_clock_apply(f->prior, f->t->t[f->at]);
        mark_gap(f, f->before, time);
        if (time >= stop) return;
        if (time >= border) {
            int64_t skip = (time - border) / f->bin + 1;
            k += (size_t)skip;
            border += skip * f->bin;
        }
        f->count[k]++;
        f->before = time;
    }
}

/* Ticks between neighbouring events that are no gap. */
static double without_gaps(const filling *f, double span) {
    for (uint64_t i = f->at + 1; i < f->end; i++) {
        int64_t apart = f->t->t[i] - f->t->t[i - 1];
        if (apart > f->gap) span -= (double)apart;
    }
    return span;
}

/* Events of t, on the clock that is expected of them, in bins of `bin` ticks from `start`; bins without data on either side, and
 * in gaps, hold zero. */
static int8_t *bins_of(const qd_tags *t, const qd_clock *prior, int64_t start, int64_t bin, size_t n, uint32_t side, double *mean,
                       size_t data[2]) {
    enum { PIECE = 1 << 14 };
    uint32_t *count = malloc(PIECE * sizeof *count);
    int8_t *x = calloc(n, sizeof *x);
    if (!x || !count) {
        free(count);
        free(x);
        return NULL;
    }
    int64_t first = qd_clock_apply_near(prior, t->t[0]) - start, last = qd_clock_apply_near(prior, t->t[t->n - 1]) - start;
    size_t from = first <= 0 ? 0 : (size_t)(first / bin) + 1, to = last < 0 ? 0 : (size_t)(last / bin);
    data[0] = from = from < n ? from : n;
    data[1] = to = to < from ? from : to < n ? to : n;
    filling f = {.t = t, .prior = prior, .start = start, .bin = bin, .count = count, .gap = INT64_MAX};
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
    for (size_t at = from; at < to; at += PIECE) {
        size_t many = to - at < PIECE ? to - at : PIECE;
        fill_bins(&f, at, many);
        centre(count, many, *mean, at - from, side, x + at);
    }
    free(count);
    return x;
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
    *x = (correlator){.c = {.leaves = st->leaves, .group = st->group, .blocks = blocks}};
    double mean[2] = {0, 0};
    x->c.a = x->a = bins_of(st->strip.a, &same, st->strip.from, st->bin, qd_lines_a(&x->c), 0, &mean[0], x->data[0]);
    x->c.b = x->b = bins_of(st->strip.b, &st->prior, st->strip.from - (st->half + QD_LINES_MARGIN) * st->bin, st->bin,
                            qd_lines_b(&x->c), 1, &mean[1], x->data[1]);
    if (!x->a || !x->b)
        return qd_fail(err, QD_E_INTERNAL,
                       "no memory for %u blocks of lags||the search is wide|give smaller limits of offset and frequency", blocks);
    st->counts = mean[0] < least_mean && mean[1] < least_mean;
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
    if (at == QD_PEAKS && p->score <= st->peak[at - 1].score) return;
    for (uint32_t i = 0; i < st->n_peaks; i++) {
        if (!shadow(&st->peak[i], p)) continue;
        if (st->peak[i].score >= p->score) return;
        for (uint32_t k = i; k + 1 < st->n_peaks; k++) st->peak[k] = st->peak[k + 1];
        st->n_peaks--;
        i--;
    }
    at = st->n_peaks < QD_PEAKS ? st->n_peaks++ : QD_PEAKS - 1;
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
            qd_peak p = {
                .lag = (int64_t)(g->first + l) - st->half, .slope = slope, .two = w == 1, .excess = sum - (w + 1) * mean};
            p.score = p.excess / (g->sd[w] * root);
            if (st->n_peaks < QD_PEAKS || p.score > st->peak[st->n_peaks - 1].score) keep(st, &p);
        }
    }
}

/* Stretch after stretch, each with its own background: memory does not grow with the range of lags. */
qd_status qd_search_stage(qd_device *dev, qd_stage *st, qd_error *err) {
    correlator x;
    const size_t most = (size_t)STRETCH * QD_LINES_SLICE;
    int32_t *out = malloc(QD_LINES_ARRAYS * most * sizeof *out);
    background g = {.prefix = malloc((most + 1) * sizeof *g.prefix), .near = st->leaves / 2 + 3, .of = &x};
    qd_status s = correlator_open(dev, st, &x, err);
    if (s == QD_OK && (!out || !g.prefix)) s = qd_fail(err, QD_E_INTERNAL, "no memory for %zu lags", most);
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
