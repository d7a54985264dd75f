/* SPDX-License-Identifier: Apache-2.0 */
/* From a candidate to the jitter: finer and finer histograms over longer and longer times, then least squares. */
#include <math.h>
#include <string.h>
#include "compute/parts.h"
#include "timetag/sync.h"

enum {
    SLICES = QD_GRID_SLICES,
    BINS = QD_GRID_BINS,
    PLACES = 30, /* a line's middle lies within this many bins */
    SLOPES = 32, /* and moves by at most so many from end to end: 30 + 16 + 1 < 48 */
    APART = 4,   /* bins between two different peaks */
    GROWTH = 4,  /* of the resolution, round by round */
    LONGER = 16  /* growth of the time, once the jitter is reached */
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

/* A peak that fell apart in bins of h: by jitter, and then it does so again in finer ones; or it stood on a wide pedestal, as light
 * that both stations see makes one, or beside another peak, and what is sharp of it stays whole in some finer bins: *whole, with line
 * and round there. Jitter below a few nanoseconds is not asked. */
static qd_status sharp_part(const qd_strip *s, qd_clock *line, qd_round *r, bool *whole, qd_error *err) {
    const double widest_jitter_s = 2e-9, kept = 0.8;
    qd_clock at = *line;
    qd_round last = *r;
    *whole = false;
    while (qd_seconds(last.h, s->a->tick) > widest_jitter_s && last.h > 1 && last.excess > 0) {
        qd_round finer = {.h = last.h > GROWTH ? last.h / GROWTH : 1};
        QD_TRY(qd_sharpen_round(s, &at, &finer, err));
        if (finer.log_false > log(1e-9)) return QD_OK;
        *whole = finer.excess > kept * last.excess;
        last = finer;
        if (!*whole) continue;
        *line = at;
        *r = finer;
        return QD_OK;
    }
    return QD_OK;
}

/* The first round needs not be sure: the next one, in finer bins, doubles the significance. Of chance one in ten is unclear. */
static const double first_chance = 1e-3, unclear_chance = 0.1;

/* The first round; as long as it is unclear whether a peak is there, over twice the time. */
static qd_status first_round(qd_strip *s, int64_t limit, qd_clock *line, qd_round *r, qd_error *err) {
    const qd_clock start = *line;
    for (;;) {
        QD_TRY(qd_sharpen_round(s, line, r, err));
        if (r->log_false <= log(first_chance) || r->log_false > log(unclear_chance) || s->to >= limit) return QD_OK;
        int64_t span = s->to - s->from;
        s->to = limit - s->to > span ? s->to + span : limit;
        *line = start;
    }
}

/* Finer and finer bins until the peak no longer fits into two of them: that is the jitter. Goes back to the bins that held it;
 * *rate is what they held, a tick. *found false: the peak was none. */
static qd_status to_jitter(qd_strip *s, int64_t limit, qd_clock *line, int64_t *h, double *second, qd_round *r, double *rate,
                           bool *found, qd_error *err) {
    for (unsigned round = 0;; round++) {
        qd_clock before = *line;
        r->h = *h;
        QD_TRY(round ? qd_sharpen_round(s, line, r, err) : first_round(s, limit, line, r, err));
        double span = (double)(s->to - s->from);
        if (round > 0 && r->excess / span < 0.6 * *rate) {
            bool whole;
            QD_TRY(sharp_part(s, line, r, &whole, err));
            if (!whole) {
                *line = before;
                *h *= GROWTH;
                *found = true;
                return QD_OK;
            }
            *h = r->h;
        }
        *found = r->log_false <= log(round ? 1e-6 : first_chance);
        if (*found && r->second > *second) *second = r->second;
        *rate = r->excess / span;
        if (!*found || *h == 1) return QD_OK;
        *h = *h > GROWTH ? *h / GROWTH : 1;
    }
}

qd_status qd_sharpen(qd_strip *s, int64_t limit, qd_clock *line, int64_t *h, double *second, qd_round *r, qd_sharp *sharp,
                     qd_error *err) {
    double rate = 0;
    bool on;
    *second = 0;
    QD_TRY(to_jitter(s, limit, line, h, second, r, &rate, &on, err));
    *sharp = (qd_sharp){.first = on, .line = *line, .h = *h, .to = s->to};
    r->h = *h;
    /* Longer by so much that the slope, known to a bin over the time before, stays within SLOPES; of few pairs it may be known
     * worse. */
    for (int64_t longer = LONGER; on && s->to != limit;) {
        qd_clock before = *line;
        int64_t span = s->to - s->from, all = limit - s->from, to = span > all / longer ? limit : s->from + span * longer;
        qd_strip more = *s;
        more.to = to;
        QD_TRY(qd_sharpen_round(&more, line, r, err));
        if (r->excess < 0.5 * rate * (double)(to - s->from) && longer > 2) {
            *line = before;
            longer /= 2;
            continue;
        }
        s->to = to;
        on = r->log_false <= log(1e-6);
    }
    sharp->all = on;
    return QD_OK;
}

enum { FINE = 512, FINE_PER_BIN = 16 };

/* Narrowest run of bins that holds 68.3 % of the peak, background subtracted. Returns its length, 0 without a peak; *first its
 * first bin; *part: of its last bin, what was needed.
 * @p background: per bin, from the outer half of the histogram. */
static uint32_t peak_width(const uint64_t *count, double *background, double *pairs, uint32_t *first, double *part) {
    double outer = 0, inner = 0, before = 0;
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
        const double held = most - *background * width, need = 0.683 * *pairs;
        if (held >= need) {
            *part = held > before ? (need - before) / (held - before) : 1;
            return width;
        }
        before = held;
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

typedef struct adding {
    const qd_strip *strip;
    const qd_clock *line;
    int64_t reach;
    uint32_t parts;
    sums of[QD_STRIP_PARTS];
} adding;

static void add_part(void *self, uint32_t k) {
    adding *x = self;
    qd_strip part = qd_strip_part(x->strip, k, x->parts);
    qd_strip_walk(&part, x->line, x->reach, sum_one, &x->of[k]);
}

/* Sums over all pairs within reach of the line, whose base comes to the middle of the strip; a symmetric window, to 1/256 tick.
 */
static void add_up(const qd_strip *s, qd_fine *line, int64_t reach, sums *x) {
    int64_t span = s->to - s->from;
    *x = (sums){.line = line, .origin = s->from + span / 2, .reach = reach * (1 << QD_FINE_BITS)};
    while (span >> x->shift >> 26) x->shift++;
    qd_fine_rebase(line, x->origin - line->clock.offset);
    qd_clock whole = qd_strip_clock(s, line);
    adding all = {.strip = s, .line = &whole, .reach = reach + 2, .parts = qd_strip_parts(s)};
    for (uint32_t k = 0; k < all.parts; k++) all.of[k] = *x;
    qd_in_parts(all.parts, add_part, &all);
    for (uint32_t k = 0; k < all.parts; k++) {
        const sums *y = &all.of[k];
        x->n += y->n;
        x->t += y->t;
        x->tt += y->tt;
        x->e += y->e;
        x->te += y->te;
        x->ee += y->ee;
    }
}

/* The window cuts the peak, and accidentals in it do not move with the line: of a displacement its mean shows only this part. */
static double shown(const sums *x, const qd_fit *fit) {
    const double cut = 1 - 2 * 3 * 0.004432 / 0.9973; /* +-3 sigma of a Gaussian: phi(3), and its content */
    return cut * fit->pairs / (double)x->n;
}

/* One least-squares step, made longer by what the window hides, @p more in 1/16; returns true, and leaves the line alone, when it
 * would move by no more than rounding. */
static bool fit_step(const sums *x, int64_t span, int64_t more, qd_fine *line) {
    if (x->n < 2) return true;
    __int128 den = x->n * x->tt - x->t * x->t;
    if (den <= 0) return true;
    int64_t turn = qd_shifted_quotient(x->n * x->te - x->t * x->e, QD_CLOCK_SHIFT - QD_FINE_BITS - x->shift, den),
            at_origin = qd_shifted_quotient(x->e * x->tt - x->t * x->te, 0, den), ends = qd_fine_drift(span, turn);
    if (at_origin >= -1 && at_origin <= 1 && (turn == 0 || (ends >= -2 && ends <= 2))) return true;
    qd_fine_shift(line, -(int64_t)qd_floor_div(at_origin * more, 16));
    line->clock.freq -= (int64_t)qd_floor_div(turn * more, 16);
    return false;
}

enum { MOST_STEPS = 40 };

/* Width and place of the peak within 16 h, then least squares within 3 sigma. *background: strangers a tick. */
static bool fit_once(const qd_strip *s, qd_fine *line, int64_t h, qd_fit *fit, sums *x, double *background) {
    uint64_t count[FINE];
    int64_t fine = h > FINE_PER_BIN ? h / FINE_PER_BIN : 1;
    uint32_t first = 0;
    qd_clock whole = qd_strip_clock(s, line);
    qd_strip_histogram(s, &whole, fine, FINE / 2, count);
    double part = 1;
    uint32_t width = peak_width(count, background, &fit->pairs, &first, &part);
    if (width == 0) return false;
    line->clock.offset -= ((int64_t)first - FINE / 2) * fine + (int64_t)width * fine / 2;
    fit->sigma = fmax((width - 1 + part) * (double)fine, 1) / 2; /* ticks hide what is narrower */
    fit->reach = (int64_t)ceil(3 * fit->sigma) + 1;
    *background /= (double)fine;
    fit->lambda = *background * (double)(2 * fit->reach);
    for (int i = 0;; i++) {
        add_up(s, line, fit->reach, x);
        double shows = shown(x, fit);
        /* the peak's share is an estimate: where it is small, or after many steps, steps stay short */
        int64_t more = i < MOST_STEPS / 2 && shows > 0.125 ? (int64_t)(16 / fmin(shows, 1)) : 16;
        if (i == MOST_STEPS || fit_step(x, s->to - s->from, more, line)) break;
    }
    return true;
}

/* Figures and their standard deviations from the sums at the last line; mean and its deviation are divided by what the window
 * shows. */
static bool figures(const sums *x, qd_fit *fit) {
    double n = (double)x->n, unit = ldexp(1, (int)x->shift), shows = shown(x, fit);
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
    double before, background;
    *fit = (qd_fit){0};
    qd_fine fine = qd_fine_of(line);
    if (!fit_once(s, &fine, h, fit, &x, &background)) return false;
    do { /* a slope that was off has widened the peak: look again along the better line */
        before = fit->sigma;
        if (!fit_once(s, &fine, (int64_t)ceil(before), fit, &x, &background)) return false;
    } while (fit->sigma < 0.7 * before);
    fit->inside = (uint64_t)x.n;
    fit->pairs = (double)x.n - fit->lambda;
    if (fit->pairs < 6 * sqrt((double)x.n) || !figures(&x, fit)) return false;
    qd_fit_weigh(s, &fine, background, fit);
    fit->line = fine;
    *line = qd_strip_clock(s, &fine);
    return true;
}
