/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls of clock recovery: search, sharpen, confirm on data kept back, fit; or refuse with the numbers. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "timetag/sync.h"

static const double default_offset_s = 0.01, default_ppm = 10, default_p = 1e-9;
static const double most_offset_s = 1e6, most_ppm = 240; /* 2^-12 is where a clock's frequency ends */
enum { KEEP_BACK = 4 };                                  /* one part in so many, at the end, is for confirmation */

static qd_status check(const qd_tags *a, const qd_tags *b, qd_sync_params *p, qd_error *err) {
    if (p->max_offset_s == 0) p->max_offset_s = default_offset_s;
    if (p->max_ppm == 0) p->max_ppm = default_ppm;
    if (p->p_false == 0) p->p_false = default_p;
    if (!(fabs(p->offset_s) <= most_offset_s) || !(fabs(p->ppm) + p->max_ppm <= most_ppm))
        return qd_fail(
            err, QD_E_USAGE,
            "clock search around %g s and %g ppm, within %g ppm||limits are %g s, and %g ppm for both together|stay within them",
            p->offset_s, p->ppm, p->max_ppm, most_offset_s, most_ppm);
    if (!(p->max_offset_s > 0 && p->max_offset_s <= 10) || !(p->max_ppm > 0 && p->max_ppm <= 200) ||
        !(p->p_false > 0 && p->p_false <= 0.01) || (unsigned)p->effort >= QD_EFFORTS ||
        !(p->max_drift_ppm_s >= 0 && p->max_drift_ppm_s <= 1))
        return qd_fail(err, QD_E_USAGE,
                       "clock search within %g s and %g ppm, false lock %g, effort %d, drift %g ppm a second||limits are 10 s, "
                       "200 ppm, 0.01, %d and 1|stay within them",
                       p->max_offset_s, p->max_ppm, p->p_false, (int)p->effort, p->max_drift_ppm_s, QD_EFFORTS - 1);
    if (a->tick.num != b->tick.num || a->tick.den != b->tick.den || a->tick.num == 0 || a->tick.den == 0)
        return qd_fail(err, QD_E_USAGE,
                       "clock search on tags with ticks of %" PRIu64 "/%" PRIu64 " and %" PRIu64 "/%" PRIu64
                       " ps||"
                       "both sides must count in the same unit|convert one with `qdistill tags convert`",
                       a->tick.num, a->tick.den, b->tick.num, b->tick.den);
    const qd_tags *side[2] = {a, b};
    for (int s = 0; s < 2; s++)
        for (uint64_t i = 1; i < side[s]->n; i++)
            if (side[s]->t[i] < side[s]->t[i - 1])
                return qd_fail(err, QD_E_INPUT,
                               "event %" PRIu64 " of station %c is earlier than the one before||times must be in order", i,
                               s ? 'B' : 'A');
    return QD_OK;
}

__attribute__((format(printf, 5, 6))) static qd_status refuse(qd_sync_report *r, qd_no_lock cause, const char *next, qd_error *err,
                                                              const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->reason, sizeof r->reason, fmt, ap);
    va_end(ap);
    r->locked = false;
    r->cause = cause;
    return qd_fail(err, QD_E_POLICY,
                   "no lock: %s|S found %.2f, needed %.2f; background %.4g events a bin of %.4g ns; rates %.4g and %.4g a "
                   "second; %.3g s correlated"
                   "|a clock is never guessed|%s",
                   r->reason, r->significance, r->needed, r->lambda, r->bin_ps * 1e-3, r->rate_a, r->rate_b, r->search_s, next);
}

const char *qd_no_lock_name(qd_no_lock cause) {
    static const char *const names[] = {[QD_LOCKED] = "locked",
                                        [QD_LOCK_NO_EVENTS] = "no-events",
                                        [QD_LOCK_NO_OVERLAP] = "no-overlap",
                                        [QD_LOCK_TOO_SHORT] = "too-short",
                                        [QD_LOCK_NO_PEAK] = "no-peak",
                                        [QD_LOCK_NOT_SHARP] = "not-sharp",
                                        [QD_LOCK_NO_WIDTH] = "no-width",
                                        [QD_LOCK_DRIFTS] = "drifts",
                                        [QD_LOCK_NOT_CONFIRMED] = "not-confirmed",
                                        [QD_LOCK_TWO_CANDIDATES] = "two-candidates",
                                        [QD_LOCK_OUTSIDE] = "outside"};
    _Static_assert(sizeof names / sizeof *names == QD_NO_LOCKS, "a name each");
    return (unsigned)cause < QD_NO_LOCKS ? names[cause] : "unknown";
}

/* The part of A's time axis where both sides have events, B's by the clock that is known or expected. */
static bool overlap(const qd_tags *a, const qd_tags *b, const qd_clock *clock, qd_strip *s) {
    int64_t b0 = qd_clock_apply_near(clock, b->t[0]), b1 = qd_clock_apply_near(clock, b->t[b->n - 1]);
    *s = (qd_strip){.a = a, .b = b, .from = a->t[0] > b0 ? a->t[0] : b0, .to = a->t[a->n - 1] < b1 ? a->t[a->n - 1] : b1};
    if (s->to - s->from > qd_longest) s->to = s->from + qd_longest;
    return s->to > s->from;
}

static void report_peak(const qd_stage *st, const qd_peak *p, const qd_sync_params *params, qd_sync_report *r) {
    double ps = (double)st->strip.a->tick.num / (double)st->strip.a->tick.den;
    r->search_s = qd_seconds((int64_t)st->leaves * st->group * QD_LINES_SLICE * st->bin, st->strip.a->tick);
    r->bin_ps = (double)st->bin * ps;
    r->hypotheses = (uint64_t)st->tests;
    r->significance = p ? p->score : 0;
    r->needed = qd_score_least(st->tests, log(params->p_false));
    r->p_false = p ? exp(qd_peak_log(st, p)) : 1;
    r->lambda = r->rate_a * r->rate_b * r->search_s * r->bin_ps * 1e-12 * (p && p->two ? 2 : 1);
    double peak = r->lambda + r->significance * sqrt(r->lambda);
    r->peak =
        st->counts && p ? (uint64_t)llround(r->lambda + p->excess > 0 ? r->lambda + p->excess : 0) : (uint64_t)llround(peak);
}

qd_clock qd_report_clock(const qd_fit *f, int64_t base, const qd_strip *s, qd_sync_report *r) {
    qd_fine line = f->line;
    double ps = (double)line.clock.tick.num / (double)line.clock.tick.den, part = 1.0 / (1 << QD_FINE_BITS);
    double ahead = (double)(base - line.clock.base);
    r->mid_ps = (double)line.clock.base * ps;
    r->mid_offset_ps = ((double)line.clock.offset + ((double)line.sub * part + f->offset)) * ps;
    r->mid_offset_sd_ps = f->offset_sd * ps;
    double turned =
        (f->freq - ldexp((double)line.clock.freq, -QD_CLOCK_SHIFT)) * ahead; /* what the rounded frequency leaves out */
    qd_fine_rebase(&line, base);
    r->offset_ps = ((double)line.clock.offset + ((double)line.sub * part + f->offset + turned)) * ps;
    r->offset_sd_ps = hypot(f->offset_sd, f->freq_sd * ahead) * ps;
    r->base_ps = (double)base * ps;
    r->frequency_ppm = f->freq * 1e6;
    r->frequency_sd_ppm = f->freq_sd * 1e6;
    r->sigma_ps = f->sigma * ps;
    r->pairs = f->pairs > 0 ? (uint64_t)f->pairs : 0;
    r->span_s = qd_seconds(s->to - s->from, line.clock.tick);
    return qd_fine_clock(&line, s->from - line.clock.offset, s->to - line.clock.offset); /* the strip on B's clock, nearly */
}

static void report_rates(const qd_strip *s, qd_sync_report *r) {
    double span = qd_seconds(s->to - s->from, s->a->tick);
    r->rate_a = (double)qd_events_between(s->a, s->from, s->to) / span;
    r->rate_b = (double)qd_events_between(s->b, s->from, s->to) / span;
}

/* Count along the line in data that nothing used so far, within 3 sigma and what the fit leaves open there. */
static bool confirm(const qd_strip *kept, const qd_strip *used, const qd_clock *line, const qd_fit *fit, double log_limit,
                    double drift, qd_sync_report *r) {
    double ahead = (double)(kept->to - used->from - (used->to - used->from) / 2);
    int64_t reach = (int64_t)ceil(3 * fit->sigma + 4 * (fit->offset_sd + fit->freq_sd * ahead) + drift * ahead * ahead / 2) + 2;
    uint64_t count[32]; /* cells of 2 reach, the middle of cells 15 and 16 is the line: the cells start at -32 reach */
    qd_clock shifted = *line;
    shifted.offset += reach; /* now one whole cell lies on the line */
    qd_strip_histogram(kept, &shifted, 2 * reach, 16, count);
    double background = 0;
    for (int q = 0; q < 32; q++)
        if (q < 13 || q > 19) background += (double)count[q];
    background /= 25;
    r->confirmed = count[16];
    r->confirm_lambda = background + 5 * sqrt((background + 1) / 25);
    double log_p = qd_false_log(1, r->confirm_lambda, 1, (double)count[16]);
    r->confirm_p = exp(log_p);
    return log_p <= log_limit;
}

/* Another peak at the same frequency, within the reach of neighbouring lines and where the search could not tell them apart. */
static double runner_up(const qd_stage *c, const qd_clock *line) {
    enum { HALF = 1024, MOST = 1 << 22 };
    uint64_t count[2 * HALF], best = 0, next = 0, total = 0;
    uint32_t place = HALF;
    int64_t width = (int64_t)(c->leaves / 2 + 8) * c->bin / HALF + 1;
    qd_clock shifted = *line;
    shifted.offset += width / 2;
    qd_strip part =
        c->strip; /* of dense events a part shows a second peak as well, and a wide look at all of them takes minutes */
    double many = (double)qd_events_between(part.a, part.from, part.to) * (double)qd_events_between(part.b, part.from, part.to) /
                  (double)(part.to - part.from) * 2 * HALF * (double)width;
    if (many > MOST) { /* in the middle: at the ends one side's events may be missing */
        int64_t span = part.to - part.from, less = (int64_t)((double)span * MOST / many);
        part.from += (span - less) / 2;
        part.to = part.from + less;
    }
    qd_strip_histogram(&part, &shifted, width, HALF, count);
    for (uint32_t q = 0; q < 2 * HALF; q++) total += count[q];
    for (uint32_t q = HALF - 2; q <= HALF + 2; q++)
        if (count[q] > best) best = count[q], place = q;
    for (uint32_t q = 0; q < 2 * HALF; q++)
        if ((q + 2 < place || q > place + 2) && count[q] > next) next = count[q];
    double mean = (double)(total - best) / (2 * HALF - 1), lambda = mean + 5 * sqrt((mean + 1) / (2 * HALF));
    if (qd_false_log(2 * HALF, lambda, 1, (double)next) > log(default_p)) return 0;
    return ((double)next - mean) / ((double)best - mean);
}

/* True when the jitter of most quarters of the recording, each with a line of its own, is far below that of the whole: one line
 * does not hold for all of it. */
static bool wanders(const qd_strip *all, const qd_clock *line, const qd_fit *whole) {
    enum { PARTS = 4 };
    int sharper = 0, fits = 0;
    for (int i = 0; i < PARTS; i++) {
        int64_t span = all->to - all->from;
        qd_strip part = *all;
        part.from = all->from + span / PARTS * i;
        part.to = part.from + span / PARTS;
        qd_clock own = *line;
        qd_fit fit;
        if (!qd_fit_line(&part, &own, (int64_t)ceil(whole->sigma), &fit)) continue;
        fits++;
        sharper += fit.sigma < 0.6 * whole->sigma;
    }
    return fits >= 3 && 2 * sharper > fits; /* of fewer parts, chance would judge */
}

static const double satellite =
    0.25; /* a second peak above this share of the first is a second candidate; afterpulses and reflections stay below */

static qd_status two_candidates(double second, qd_sync_report *r, qd_error *err) {
    r->second = second;
    return refuse(
        r, QD_LOCK_TWO_CANDIDATES, "see whether one recording holds a copy of itself, or the source is pulsed; narrow the search with --max-offset-s",
        err, "two candidates: a second peak has %.0f %% of the first", 100 * second);
}

/* Why a search ended without a lock: what the strongest peak that was no chance failed at; or nothing stood out. */
typedef struct outcome {
    bool significant, ambiguous;
    double score;
    qd_sync_report report;
    qd_error err;
    double tried; /* peaks that were taken to data kept back, of all stages */
} outcome;

static qd_status not_found(const qd_stage *st, bool longer, const qd_sync_params *p, qd_sync_report *r, qd_error *err) {
    char next[320];
    /* S = eta sqrt(T/d), eta the share of events with a partner; half of it is lost between bins and slopes */
    double root = sqrt((double)st->leaves * st->group * QD_LINES_SLICE);
    snprintf(next, sizeof next,
             "%s; or narrow the search by what you know (--max-offset-s from GPS or NTP, --max-ppm); with these limits and %.3g "
             "s about %.2g %% of the events must have a partner",
             longer ? "give a longer recording" : "check that the files belong together", r->search_s, 200 * r->needed / root);
    return refuse(r, QD_LOCK_NO_PEAK, next, err, "no peak stands out: a false one as high has probability %.2g, accepted is %.2g", r->p_false,
                  p->p_false);
}

/* Bins of a stage's bin in the first look, which has 30 of them either way: the line is known to a bin of the stage. */
enum { LOOK_BINS = 20 };

/* Enough of the beginning of a stage's strip to see a peak of pairs again in bins of h, where it stands out more than it did in
 * the stage's wide bins. */
static int64_t first_look(const qd_stage *st, const qd_peak *peak, int64_t h) {
    int64_t span = st->strip.to - st->strip.from;
    double background = st->lambda * 2 * (double)h / (double)st->bin,
           pairs = st->counts ? peak->excess : peak->score * sqrt(st->lambda * (peak->two ? 2 : 1));
    for (int i = 8; i > 0; i--) {
        double part = ldexp(1, -i), lambda = background * part;
        /* as sharpening judges: background known to 5 standard deviations, 4,000 lines; and enough pairs to tell their width */
        if (pairs * part > 100 && pairs * part > qd_false_least(4000, lambda + 0.73 * sqrt(lambda), 1, log(1e-4)) - lambda)
            return span >> i;
    }
    return span;
}

/* The pairs near the line, for fits without end: where they are too many, near by the jitter that a part of them shows. */
static qd_status collect(qd_strip *all, const qd_strip *sharp, const qd_clock *line, int64_t *h, qd_near *near, qd_error *err) {
    enum { ROOM = 24, MANY = 1 << 22, PART = 1 << 20 };
    double span = (double)(sharp->to - sharp->from), na = (double)qd_events_between(sharp->a, sharp->from, sharp->to),
           nb = (double)qd_events_between(sharp->b, sharp->from, sharp->to);
    if (na * nb / span * 2 * ROOM * (double)*h > MANY) {
        qd_strip part = *sharp;
        qd_clock own = *line;
        qd_fit fit;
        if (na > PART) part.to = part.from + (int64_t)(span / na * PART);
        if (qd_fit_line(&part, &own, *h, &fit) && fit.sigma < (double)*h) *h = (int64_t)ceil(fit.sigma);
    }
    QD_TRY(qd_strip_collect(all, line, ROOM * *h, near, err));
    all->near = near;
    return QD_OK;
}

/* A line that is sharp: the only one near, confirmed on data kept back, fitted to all. QD_E_POLICY: it is not. */
static qd_status try_line(qd_strip *all, const qd_strip *sharp, const qd_strip *kept, const qd_search *search,
                          const qd_sync_params *p, double *tried, qd_clock *line, int64_t h, qd_near *near, qd_sync_report *r,
                          qd_error *err) {
    qd_tick tick = all->a->tick;
    double per_s = 1e12 * (double)tick.den / (double)tick.num;
    qd_fit fit;
    qd_strip used = *sharp;
    QD_TRY(collect(all, sharp, line, &h, near, err));
    used.near = all->near;
    if (!qd_fit_line(&used, line, h, &fit))
        return refuse(r, QD_LOCK_NO_WIDTH, "use a steadier part of the recording", err, "the peak has no stable width near %.3g ns",
                      (double)h / per_s * 1e9);
    /* The k-th line may lock by chance with probability p / (k (k+1)): over all k that adds up to p, however many there are. */
    ++*tried;
    double share = *tried * (*tried + 1);
    bool straight = p->max_drift_ppm_s > 0,
         confirmed = confirm(kept, &used, line, &fit, search->log_limit - log(share), p->max_drift_ppm_s * 1e-6 / per_s, r);
    const qd_strip *bent = confirmed ? all : &used;
    if (confirmed && !qd_fit_line(all, line, h, &fit))
        straight = false;
    else if (!straight)
        straight = !wanders(bent, line, &fit);
    if (!straight)
        return refuse(r, QD_LOCK_DRIFTS, "use a shorter or a steadier part of the recording (--span-s)", err,
                      "the frequency drifts: one line over %.3g s leaves %.3g ps, over a quarter much less",
                      qd_seconds(bent->to - bent->from, tick), fit.sigma / per_s * 1e12);
    if (!confirmed)
        return refuse(r, QD_LOCK_NOT_CONFIRMED, "use a longer or a steadier recording", err,
                      "not confirmed: %" PRIu64 " events where the last quarter must have the peak, %.3g by chance", r->confirmed,
                      r->confirm_lambda);
    *line = qd_report_clock(&fit, all->b->t[0], all, r);
    if (llabs(line->offset - search->prior.offset) > search->max_offset || fabs(r->frequency_ppm - p->ppm) > p->max_ppm)
        return refuse(r, QD_LOCK_OUTSIDE, "widen --max-offset-s or --max-ppm and search again, or search around these figures (--offset-s, --ppm)",
                      err, "offset %.9g s, frequency %.6g ppm: outside the search", r->offset_ps * 1e-12, r->frequency_ppm);
    r->p_false = fmin(1, share * r->confirm_p);
    return QD_OK;
}

/* Sharpen a peak, confirm it on data kept back, fit. QD_E_POLICY: it was none, or not the only one. */
static qd_status try_peak(const qd_stage *st, const qd_peak *peak, const qd_strip *all, const qd_strip *kept,
                          const qd_search *search, const qd_sync_params *p, double *tried, qd_clock *clock, qd_sync_report *r,
                          qd_error *err) {
    qd_tick tick = all->a->tick;
    double per_s = 1e12 * (double)tick.den / (double)tick.num, second;
    qd_clock line = qd_peak_line(st, peak);
    qd_strip strip = st->strip, whole = *all;
    qd_round round;
    bool sharp;
    int64_t h = st->bin / LOOK_BINS + 1, limit = strip.to;
    strip.to = strip.from + first_look(st, peak, h);
    QD_TRY(qd_sharpen(&strip, limit, &line, &h, &second, &round, &sharp, err));
    if (!sharp && second > satellite) return two_candidates(second, r, err);
    if (!sharp)
        return refuse(r, QD_LOCK_NOT_SHARP, "widen --max-ppm, or use a shorter or a steadier part of the recording (--span-s)", err,
                      "the peak does not sharpen at bins of %.3g ns over %.3g s: its frequency is outside the search or drifts, "
                      "or it is no peak of pairs",
                      (double)round.h / per_s * 1e9, qd_seconds(strip.to - strip.from, tick));
    double also = runner_up(st, &line);
    r->second = also > second ? also : second;
    if (r->second > satellite) return two_candidates(r->second, r, err);
    qd_near near = {0};
    qd_status s = try_line(&whole, &strip, kept, search, p, tried, &line, h, &near, r, err);
    qd_near_free(&near);
    if (s == QD_OK) *clock = line;
    return s;
}

/* Whether one of the next highest lines, too low to stand out by itself, is a clock as well, and another one than the line found.
 */
static qd_status another(const qd_stage *st, uint32_t found, const qd_strip *all, const qd_strip *kept, const qd_search *search,
                         const qd_sync_params *p, double *tried, const qd_sync_report *r, double *twin) {
    enum { LOOKS = 4 };
    for (uint32_t i = 0, looks = 0; i < st->n_peaks && looks < LOOKS; i++) {
        if (i == found || st->peak[i].excess < satellite * st->peak[found].excess) continue;
        looks++;
        qd_sync_report other = *r;
        qd_clock clock;
        qd_error err = {0};
        qd_status s = try_peak(st, &st->peak[i], all, kept, search, p, tried, &clock, &other, &err);
        if (s == QD_OK && fabs(other.mid_offset_ps - r->mid_offset_ps) > 10 * (other.sigma_ps + r->sigma_ps))
            *twin = (double)other.pairs / (double)r->pairs;
        if (s != QD_OK && s != QD_E_POLICY) return s;
    }
    return QD_OK;
}

/* Cost of the first look at a peak, in sums of a leaf and a lag. */
static double look_cost(const qd_stage *st, const qd_peak *peak, double rate) {
    return 4 * rate * (double)first_look(st, peak, st->bin / LOOK_BINS + 1);
}

/* The peaks of a stage that are worth a look, one by one: those that stand out, and others as long as looks cost less than the
 * next stage, which lifts a true one, or less than this one, if it is the last. QD_E_POLICY: none was it. */
static qd_status try_peaks(const qd_stage *st, const qd_stage *after, const qd_strip *all, const qd_strip *kept,
                           const qd_search *search, const qd_sync_params *p, outcome *o, qd_clock *clock, qd_sync_report *r,
                           qd_error *err) {
    const qd_peak *first = &st->peak[0], *next = &st->peak[1];
    enum { FEW = 16, FEW_LAST = 64 };
    double rate = (double)qd_events_between(all->a, all->from, all->to) / (double)(all->to - all->from), cost = 0,
           budget = after ? after->work / 4 : st->work / 2;
    double twin = 0; /* share of a second peak that stands out as well */
    if (st->n_peaks > 1 && qd_peak_log(st, next) <= search->log_limit && next->excess / first->excess > satellite &&
        qd_peak_log(st, first) <= search->log_limit)
        twin = next->excess / first->excess;
    for (uint32_t i = 0; i < st->n_peaks; i++) {
        const qd_peak *peak = &st->peak[i];
        double log_false = qd_peak_log(st, peak);
        cost += look_cost(st, peak, rate);
        if (cost > budget && i >= (!after ? FEW_LAST : log_false < 0 ? FEW : 0)) break;
        report_peak(st, peak, p, r);
        qd_status s = try_peak(st, peak, all, kept, search, p, &o->tried, clock, r, err);
        if (s == QD_OK) {
            if (twin <= satellite) QD_TRY(another(st, i, all, kept, search, p, &o->tried, r, &twin));
            if (twin > satellite) s = two_candidates(twin, r, err);
            o->ambiguous = s != QD_OK;
        }
        if (s != QD_E_POLICY) return s;
        if (o->ambiguous || (log_false <= search->log_limit && peak->score > o->score)) {
            o->significant = true;
            o->score = peak->score;
            o->report = *r;
            if (err) o->err = *err;
        }
        if (o->ambiguous) break;
    }
    return QD_E_POLICY;
}

/* Sums of a leaf and a lag, and leaves: some milliseconds; a few seconds; minutes on two cores. */
static const struct {
    double work;
    uint32_t leaves;
} efforts[] = {[QD_EFFORT_NORMAL] = {0x1p34, 1024}, [QD_EFFORT_HIGH] = {0x1p37, 8192}, [QD_EFFORT_LOW] = {0x1p24, 8192}};

/* More and more slices until a peak is confirmed, or the effort is spent. */
static qd_status lock(qd_device *dev, const qd_strip *all, const qd_search *search, const qd_sync_params *p, qd_clock *clock,
                      qd_sync_report *r, qd_error *err) {
    /* The first rung is coarse: it costs next to nothing and is enough for a bright link. */
    static const uint32_t ladder[] = {8, 8, 32, 128, 512, 1024, 2048, 4096, 8192};
    enum { STEPS = sizeof ladder / sizeof *ladder };
    qd_strip used = *all, kept = *all;
    used.to = kept.from = all->to - (all->to - all->from) / KEEP_BACK;
    outcome o = {.tried = 0};
    qd_stage st[2];
    bool more = qd_stage_plan(&used, search, ladder[0], 1, &st[0]), longer = true;
    if (!more)
        return refuse(r, QD_LOCK_TOO_SHORT, "give a longer recording", err, "no peak stands out: %.3g s are too short for a search",
                      qd_seconds(used.to - used.from, all->a->tick));
    for (int i = 0; more; i++) {
        more = i + 1 < STEPS && ladder[i + 1] <= efforts[p->effort].leaves &&
               qd_stage_plan(&used, search, ladder[i + 1], UINT32_MAX, &st[1]);
        longer = !more;
        more = more && st[1].work <= efforts[p->effort].work;
        QD_TRY(qd_search_stage(dev, &st[0], err));
        report_peak(&st[0], st[0].n_peaks ? &st[0].peak[0] : NULL, p, r);
        qd_sync_report now = *r;
        qd_status s = try_peaks(&st[0], more ? &st[1] : NULL, all, &kept, search, p, &o, clock, r, err);
        if (s == QD_OK) {
            clock->significance = r->significance;
            clock->p_false = r->p_false;
            clock->locked = r->locked = true;
            r->cause = QD_LOCKED;
            r->reason[0] = 0; /* of a peak before this one */
            r->s_max = sqrt((double)r->pairs * (double)r->pairs / (r->rate_a * r->rate_b)) / r->span_s / sqrt(p->max_ppm * 1e-6);
            return QD_OK;
        }
        if (s != QD_E_POLICY) return s;
        *r = now;
        if (o.ambiguous) break;
        if (more) st[0] = st[1];
    }
    if (!o.significant) return not_found(&st[0], longer, p, r, err);
    *r = o.report;
    if (err) *err = o.err;
    return QD_E_POLICY;
}

qd_status qd_correlate(qd_device *dev, const qd_tags *a, const qd_tags *b, const qd_sync_params *params, qd_clock *clock,
                       qd_sync_report *report, qd_error *err) {
    qd_sync_params p = params ? *params : (qd_sync_params){0};
    qd_sync_report own, *r = report ? report : &own;
    *r = (qd_sync_report){.p_false = 1, .confirm_p = 1};
    QD_TRY(check(a, b, &p, err));
    const char *other = "check that both files are of the same run";
    for (int s = 0; s < 2; s++) {
        const qd_tags *x = s ? b : a;
        if (x->n < 2 || x->t[0] == x->t[x->n - 1])
            return refuse(r, QD_LOCK_NO_EVENTS, "check the recording of that station", err, "station %c has %s", s ? 'B' : 'A',
                          x->n == 0   ? "no events"
                          : x->n == 1 ? "one event"
                                      : "all events at one time");
    }
    qd_strip all;
    double per_s = 1e12 * (double)a->tick.den / (double)a->tick.num;
    qd_search search = {
        .max_offset = (int64_t)ceil(p.max_offset_s * per_s), .max_rate = p.max_ppm * 1e-6, .log_limit = log(p.p_false)};
    QD_TRY(qd_clock_from_figures(a->tick, b->t[0], p.offset_s * 1e12, p.ppm, &search.prior, err));
    if (!overlap(a, b, &search.prior, &all)) return refuse(r, QD_LOCK_NO_OVERLAP, other, err, "the recordings do not overlap in time");
    report_rates(&all, r);
    return lock(dev, &all, &search, &p, clock, r, err);
}

qd_status qd_clock_refine(const qd_tags *a, const qd_tags *b, int64_t reach, qd_clock *clock, qd_sync_report *report,
                          qd_error *err) {
    qd_sync_report own, *r = report ? report : &own;
    *r = (qd_sync_report){.significance = clock->significance, .p_false = clock->p_false, .confirm_p = 1};
    if (reach < 1 || reach >> 40)
        return qd_fail(err, QD_E_USAGE, "fit of a clock within +-%" PRId64 " ticks||give 1 to 2^40 ticks", reach);
    qd_strip all;
    qd_fit fit;
    qd_clock line = *clock;
    if (a->n < 2 || b->n < 2 || !overlap(a, b, clock, &all))
        return refuse(r, QD_LOCK_NO_OVERLAP, "give more events", err, "the tags do not overlap in time");
    report_rates(&all, r);
    if (!qd_fit_line(&all, &line, reach / 8 + 1, &fit))
        return refuse(r, QD_LOCK_NO_PEAK, "search again with qd_correlate", err, "no pairs stand out within %" PRId64 " ticks of the old clock",
                      reach);
    *clock = qd_report_clock(&fit, clock->base, &all, r);
    r->locked = true;
    return QD_OK;
}

/* Rounding drift down takes half a tick in the mean over many ticks of drift. */
static double floor_loss(int64_t freq) {
    return freq ? 0.5 : 0;
}

double qd_clock_offset_ps(const qd_clock *c) {
    return ((double)c->offset - floor_loss(c->freq)) * (double)c->tick.num / (double)c->tick.den;
}
double qd_clock_ppm(const qd_clock *c) {
    return ldexp((double)c->freq, -QD_CLOCK_SHIFT) * 1e6;
}

qd_status qd_clock_from_figures(qd_tick tick, int64_t base, double offset_ps, double ppm, qd_clock *clock, qd_error *err) {
    double freq = round(ldexp(ppm * 1e-6, QD_CLOCK_SHIFT)),
           offset = tick.num ? round(offset_ps * (double)tick.den / (double)tick.num + floor_loss(freq != 0)) : 0;
    if (tick.num == 0 || tick.den == 0 || !(fabs(offset) < 0x1p61) || !(fabs(freq) < 0x1p32))
        return qd_fail(err, QD_E_USAGE, "clock with offset %g ps and frequency %g ppm||limits are 244 ppm and 2^61 ticks",
                       offset_ps, ppm);
    *clock =
        (qd_clock){.base = base, .offset = (int64_t)offset, .freq = (int64_t)freq, .tick = tick, .p_false = 1, .locked = true};
    return QD_OK;
}
