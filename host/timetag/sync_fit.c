/* SPDX-License-Identifier: Apache-2.0 */
/* From a candidate to the jitter: finer and finer histograms over longer and longer times, then least squares. */
#include <math.h>
#include <string.h>
#include "timetag/sync.h"

enum {
    SLICES = QD_GRID_SLICES,
    BINS = QD_GRID_BINS,
    PLACES = 30,               /* a line's middle lies within this many bins */
    SLOPES = 32,               /* and moves by at most so many from end to end: 30 + 16 + 1 < 48 */
    APART = 4,                 /* bins between two different peaks */
    GROWTH = 4,                /* of the time, round by round; also of the resolution */
    MOST_DIFFERENCES = 1 << 24 /* of a round, where it takes a longer time */
};

/* Events in the two bins around place c (in bins, the border between bins c-1 and c) of a line that moves by j bins. */
static uint64_t line_count(const qd_grid *g, int32_t c, int32_t j) {
    uint64_t n = 0;
    for (uint32_t k = 0; k < SLICES; k++) {
        const uint32_t *at = &g->count[k][BINS / 2 + c + qd_line_shift(j, k, SLICES)];
        n += at[-1] + at[0];
    }
    return n;
}

static bool apart(int32_t c, int32_t j, int32_t c2, int32_t j2) {
    for (uint32_t k = 0; k < SLICES; k++) {
        int32_t d = c2 + qd_line_shift(j2, k, SLICES) - c - qd_line_shift(j, k, SLICES);
        if (d > -APART && d < APART) return false;
    }
    return true;
}

/* Largest count over all lines, or over those apart from (c, j). Ties: smallest |slope|, then smallest |place|. */
static uint64_t best_line(const qd_grid *g, const int32_t *other, int32_t *c, int32_t *j) {
    uint64_t most = 0;
    *c = *j = 0;
    for (uint32_t s = 0; s < 2 * SLOPES + 1; s++)
        for (uint32_t p = 0; p < 2 * PLACES + 1; p++) {
            int32_t js = qd_lines_slope(s), cp = qd_lines_slope(p);
            uint64_t n = line_count(g, cp, js);
            if (n <= most || (other && !apart(other[0], other[1], cp, js))) continue;
            most = n;
            *c = cp;
            *j = js;
        }
    return most;
}

/* e grows by j bins over the span: turn the line by that much about the middle of the strip, then move it by c bins. */
static void move_line(const qd_strip *s, qd_clock *line, int64_t h, int32_t c, int32_t j) {
    int64_t middle = s->from + (s->to - s->from) / 2;
    qd_line_rebase(
        line, middle - line->offset); /* B's time there, to within the drift: 1e-4 of the offset is far below a bin's effect */
    line->offset -= c * h;
    line->freq -= (int64_t)qd_floor_div((__int128)j * h * ((__int128)1 << QD_CLOCK_SHIFT), s->to - s->from);
}

qd_status qd_sharpen_round(const qd_strip *s, qd_clock *line, qd_round *r, qd_error *err) {
    qd_grid g;
    QD_TRY(qd_strip_grid(s, line, r->h, &g, err));
    int32_t at[2], c2, j2;
    r->peak = best_line(&g, NULL, &at[0], &at[1]);
    uint64_t next = best_line(&g, at, &c2, &j2);
    const double tests = (2 * PLACES + 1) * (2 * SLOPES + 1);
    double background = (double)(g.total - r->peak) * 2 / (BINS - 2);
    r->lambda = background + 5 * sqrt(background * 2 / (BINS - 2));
    r->excess = (double)r->peak - background;
    r->log_false = qd_false_log(tests, r->lambda, 1, (double)r->peak);
    r->second = qd_false_log(tests, r->lambda, 1, (double)next) < log(1e-9) ? ((double)next - background) / r->excess : 0;
    move_line(s, line, r->h, at[0], at[1]);
    return QD_OK;
}

/* Time of the next round: longer, but with a bounded number of differences while the bins are wide. */
static int64_t next_end(const qd_strip *s, int64_t limit, int64_t h, bool resolved) {
    int64_t span = s->to - s->from, all = limit - s->from, longer = span > all / GROWTH ? all : span * GROWTH;
    if (resolved) return s->from + longer;
    double per_tick =
        (double)qd_events_between(s->a, s->from, s->to) / (double)span *
        ((double)qd_events_between(s->b, s->b->t[0], s->b->t[s->b->n - 1]) / (double)(s->b->t[s->b->n - 1] - s->b->t[0] + 1));
    double most = MOST_DIFFERENCES / (per_tick * BINS * (double)h + 1e-300);
    if ((double)longer > most) longer = most > (double)span ? (int64_t)most : span;
    return s->from + longer;
}

/* A peak that fell apart between bins of 4 h and h: by jitter, and it does so again at finer bins; or it was two sharp ones, and
 * one of them stays whole. @p whole: the excess before. */
static qd_status two_peaks(const qd_strip *s, qd_clock line, const qd_round *r, double whole, double *second, qd_error *err) {
    qd_round finer = {.h = r->h > GROWTH ? r->h / GROWTH : 1};
    if (r->h == 1 || r->excess <= 0) return QD_OK;
    QD_TRY(qd_sharpen_round(s, &line, &finer, err));
    double other = (whole - r->excess) / r->excess;
    if (finer.log_false < log(1e-9) && finer.excess > 0.8 * r->excess && other > *second) *second = other;
    return QD_OK;
}

qd_status qd_sharpen(qd_strip *s, int64_t limit, qd_clock *line, int64_t *h, double *second, qd_round *r, bool *sharp,
                     qd_error *err) {
    bool resolved = false;
    double rate = 0;
    *second = 0;
    *sharp = false;
    for (unsigned round = 0;; round++) {
        qd_clock before = *line;
        r->h = *h;
        QD_TRY(qd_sharpen_round(s, line, r, err));
        double now = r->excess / (double)(s->to - s->from);
        if (!resolved && round > 0 && now < 0.6 * rate) {
            /* The peak no longer fits into two bins: that is the jitter. Go back to the bins that held it. */
            QD_TRY(two_peaks(s, *line, r, rate * (double)(s->to - s->from), second, err));
            *line = before;
            *h *= GROWTH;
            resolved = true;
        } else {
            if (r->log_false > log(1e-6)) return QD_OK;
            if (!resolved && r->second > *second) *second = r->second;
            if (*h == 1) resolved = true;
            if (resolved && s->to == limit) {
                *sharp = true;
                return QD_OK;
            }
            if (!resolved) *h = *h > GROWTH ? *h / GROWTH : 1;
            rate = now;
        }
        s->to = next_end(s, limit, *h, resolved);
    }
}

enum { FINE = 512, FINE_PER_BIN = 16 };

/* Narrowest run of bins that holds 68.3 % of the peak, background subtracted. Returns its length, 0 without a peak; *first its
 * first bin.
 * @p background: per bin, from the outer half of the histogram. */
static uint32_t peak_width(const uint64_t *count, double *background, double *pairs, uint32_t *first) {
    double outer = 0, inner = 0;
    for (uint32_t q = 0; q < FINE; q++) *(q < FINE / 4 || q >= FINE * 3 / 4 ? &outer : &inner) += (double)count[q];
    *background = outer / (FINE / 2);
    *pairs = inner - outer;
    if (*pairs < 6 * sqrt(inner + outer + 1)) return 0;
    for (uint32_t width = 1; width < FINE / 2; width++) {
        double run = 0, most = 0;
        for (uint32_t q = FINE / 4; q < FINE * 3 / 4; q++) {
            run += (double)count[q];
            if (q >= FINE / 4 + width) run -= (double)count[q - width];
            if (q + 1 < FINE / 4 + width || run <= most) continue;
            most = run;
            *first = q + 1 - width;
        }
        if (most - *background * width >= 0.683 * *pairs) return width;
    }
    return 0;
}

/* Sums for a straight line: times relative to the origin in units of 2^shift ticks, differences in 1/256 ticks. */
typedef struct sums {
    const qd_fine *line;
    int64_t origin, reach; /* reach in 1/256 */
    unsigned shift;
    int64_t n;
    __int128 t, tt, e, te, ee;
} sums;

static void sum_one(void *self, int64_t ta, int64_t tb, int64_t e) {
    sums *s = self;
    int64_t t = (ta - s->origin) >> s->shift;
    e = qd_fine_difference(s->line, ta, tb);
    if (e < -s->reach || e > s->reach) return;
    s->n++;
    s->t += t;
    s->tt += (__int128)t * t;
    s->e += e;
    s->te += (__int128)t * e;
    s->ee += (__int128)e * e;
}

static qd_clock whole_ticks(const qd_strip *s, const qd_fine *line) {
    int64_t half = (s->to - s->from) / 2;
    return qd_fine_clock(line, line->clock.base - half, line->clock.base + half);
}

/* Sums over all pairs within reach of the line, whose base comes to the middle of the strip; a symmetric window, to 1/256 tick.
 */
static void add_up(const qd_strip *s, qd_fine *line, int64_t reach, sums *x) {
    int64_t span = s->to - s->from;
    *x = (sums){.line = line, .origin = s->from + span / 2, .reach = reach * (1 << QD_FINE_BITS)};
    while (span >> x->shift >> 26) x->shift++;
    qd_fine_rebase(line, x->origin - line->clock.offset);
    qd_clock whole = whole_ticks(s, line);
    qd_strip_walk(s, &whole, reach + 2, sum_one, x);
}

/* One least-squares step; returns true, and leaves the line alone, when it would move by no more than rounding. */
static bool fit_step(const sums *x, int64_t span, qd_fine *line) {
    if (x->n < 2) return true;
    __int128 den = x->n * x->tt - x->t * x->t;
    if (den <= 0) return true;
    int64_t turn = qd_shifted_quotient(x->n * x->te - x->t * x->e, QD_CLOCK_SHIFT - QD_FINE_BITS - x->shift, den),
            at_origin = qd_shifted_quotient(x->e * x->tt - x->t * x->te, 0, den), ends = qd_fine_drift(span, turn);
    if (at_origin >= -1 && at_origin <= 1 && (turn == 0 || (ends >= -2 && ends <= 2))) return true;
    qd_fine_shift(line, -at_origin);
    line->clock.freq -= turn;
    return false;
}

enum { MOST_STEPS = 40 }; /* each leaves the share of accidentals of the error */

/* Width and place of the peak within 16 h, then least squares within 3 sigma. */
static bool fit_once(const qd_strip *s, qd_fine *line, int64_t h, qd_fit *fit, sums *x) {
    uint64_t count[FINE];
    int64_t fine = h > FINE_PER_BIN ? h / FINE_PER_BIN : 1;
    double background;
    uint32_t first = 0;
    qd_clock whole = whole_ticks(s, line);
    qd_strip_histogram(s, &whole, fine, FINE / 2, count);
    uint32_t width = peak_width(count, &background, &fit->pairs, &first);
    if (width == 0) return false;
    line->clock.offset -= ((int64_t)first - FINE / 2) * fine + (int64_t)width * fine / 2;
    fit->sigma = (double)(width * fine) / 2;
    fit->reach = (int64_t)ceil(3 * fit->sigma) + 1;
    fit->lambda = background / (double)fine * (double)(2 * fit->reach);
    for (int i = 0;; i++) {
        add_up(s, line, fit->reach, x);
        if (i == MOST_STEPS || fit_step(x, s->to - s->from, line)) break;
    }
    return true;
}

/* Figures and their standard deviations from the sums at the last line. The window cuts the peak, and accidentals in it do not
 * move with the line: of a displacement its mean shows only the slope `shows`, so mean and its deviation are taken by it. */
static bool figures(const sums *x, qd_fit *fit) {
    const double cut = 1 - 2 * 3 * 0.004432 / 0.9973; /* +-3 sigma of a Gaussian: phi(3), and its content */
    double n = (double)x->n, unit = ldexp(1, (int)x->shift), shows = cut * fit->pairs / n;
    double t = (double)x->t / n, tt = (double)x->tt / n - t * t, e = (double)x->e / n, ee = (double)x->ee / n - e * e;
    if (!(tt > 0)) return false;
    double slope = ((double)x->te / n - t * e) / tt, per = ldexp(1, -QD_FINE_BITS);
    fit->offset = -(e - slope * t) * per / shows;
    fit->freq = ldexp((double)x->line->clock.freq, -QD_CLOCK_SHIFT) - slope * per / unit / shows;
    fit->offset_sd = sqrt(ee / n * (1 + t * t / tt)) * per / shows;
    fit->freq_sd = sqrt(ee / n / tt) * per / unit / shows;
    return true;
}

bool qd_fit_line(const qd_strip *s, qd_clock *line, int64_t h, qd_fit *fit) {
    sums x;
    double before;
    *fit = (qd_fit){0};
    qd_fine fine = qd_fine_of(line);
    if (!fit_once(s, &fine, h, fit, &x)) return false;
    do { /* a slope that was off has widened the peak: look again along the better line */
        before = fit->sigma;
        if (!fit_once(s, &fine, (int64_t)ceil(before), fit, &x)) return false;
    } while (fit->sigma < 0.7 * before);
    fit->inside = (uint64_t)x.n;
    fit->pairs = (double)x.n - fit->lambda;
    if (fit->pairs < 6 * sqrt((double)x.n) || !figures(&x, fit)) return false;
    fit->line = fine;
    *line = whole_ticks(s, &fine);
    return true;
}
