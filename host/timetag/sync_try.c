/* SPDX-License-Identifier: Apache-2.0 */
/* One peak of the search: sharpened, looked at for another beside it, confirmed on data kept back, fitted; or what speaks against
 * it. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "timetag/sync.h"

qd_status qd_refuse(qd_sync_report *r, qd_no_lock cause, const char *next, qd_error *err, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->reason, sizeof r->reason, fmt, ap);
    va_end(ap);
    r->locked = false;
    r->cause = cause;
    if (r->bin_ps <= 0)
        return qd_fail(err, QD_E_POLICY, "no lock: %s|nothing was correlated|a clock is never guessed|%s", r->reason, next);
    return qd_fail(err, QD_E_POLICY,
                   "no lock: %s|S found %.2f, needed %.2f; background %.4g events a bin of %.4g ns; rates %.4g and %.4g a "
                   "second; %.3g s correlated"
                   "|a clock is never guessed|%s",
                   r->reason, r->significance, r->needed, r->lambda, r->bin_ps * 1e-3, r->rate_a, r->rate_b, r->search_s, next);
}

/* The fit's figures, not rounded, at mid-time and at B's time @p base; and the same line as a clock in whole ticks. */
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

void qd_beside(const qd_strip *s, const qd_clock *line, int64_t reach, uint64_t count[32]) {
    uint64_t more[32]; /* cells of 2 reach, the middle of cells 15 and 16 is the line: the cells start at -32 reach */
    qd_clock shifted = *line;
    shifted.offset += reach; /* now one whole cell lies on the line */
    qd_strip_histogram(s, &shifted, 2 * reach, 16, more);
    for (int q = 0; q < 32; q++) count[q] += more[q];
}

double qd_beside_mean(const uint64_t count[32]) {
    double background = 0;
    for (int q = 0; q < 32; q++)
        if (q < 13 || q > 19) background += (double)count[q];
    return background / QD_BESIDE;
}

/* Whether so many events can be chance, where so many are expected. */
static bool confirmed_by(uint64_t events, double background, double log_limit, qd_sync_report *r) {
    r->confirmed = events;
    r->confirm_lambda = background + 5 * sqrt((background + 1) / QD_BESIDE);
    double log_p = qd_false_log(1, r->confirm_lambda, 1, (double)events);
    r->confirm_p = exp(log_p);
    return log_p <= log_limit;
}

/* Count along the line in data that nothing used so far, within 3 sigma and what the fit leaves open there. */
static bool confirm(const qd_strip *kept, const qd_strip *used, const qd_clock *line, const qd_fit *fit, double log_limit,
                    double drift, qd_sync_report *r) {
    double ahead = (double)(kept->to - used->from - (used->to - used->from) / 2);
    int64_t reach = (int64_t)ceil(3 * fit->sigma + 4 * (fit->offset_sd + fit->freq_sd * ahead) + drift * ahead * ahead / 2) + 2;
    uint64_t count[32] = {0};
    qd_beside(kept, line, reach, count);
    return confirmed_by(count[16], qd_beside_mean(count), log_limit, r);
}

/* Cells of the look for another peak within the reach of neighbouring lines, where the search could not tell them apart. */
static int64_t look_width(const qd_stage *c) {
    return (int64_t)(c->leaves / 2 + 8) * c->bin / QD_LOOK_HALF + 1;
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

qd_status qd_two_candidates(double second, qd_sync_report *r, qd_error *err) {
    static const char next[] = "see whether one recording holds a copy of itself, or the source is pulsed; narrow the search with "
                               "--max-offset-s";
    r->second = second;
    if (second > 2)
        return qd_refuse(r, QD_LOCK_TWO_CANDIDATES, next, err, "two candidates: a second peak is %.3g times as high as the first",
                         second);
    return qd_refuse(r, QD_LOCK_TWO_CANDIDATES, next, err, "two candidates: a second peak has %.0f %% of the first", 100 * second);
}

/* The same; @p sure: both were seen sharp, and no later stage will see less. */
static qd_status two_candidates(double second, bool sure, qd_tries *tries, qd_sync_report *r, qd_error *err) {
    tries->twins = tries->twins || sure;
    return qd_two_candidates(second, r, err);
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

/* Where more than so many times those of steady rates meet, both sides' events come in bursts at the same times. */
static const double burst = 4;

/* The pairs near the line, for fits without end: where they are too many, near by the jitter that a part of them shows. More than can be
 * kept are strangers of high rates or true pairs, and fits see all events; or they come of bursts, as light that both sides see gives
 * them. QD_E_POLICY: that is no peak of pairs. */
static qd_status collect(qd_strip *all, const qd_strip *sharp, const qd_clock *line, int64_t *h, qd_near *near, qd_sync_report *r,
                         qd_error *err) {
    enum { ROOM = 24, MANY = 1 << 22, PART = 1 << 20 };
    double na = (double)qd_events_between(all->a, all->from, all->to), nb = (double)qd_events_of_b(all, line),
           met = na * nb / (double)(all->to - all->from) * 2 * ROOM;
    if (met * (double)*h > MANY) {
        qd_strip part = *sharp;
        qd_clock own = *line;
        qd_fit fit;
        double n = (double)qd_events_between(sharp->a, sharp->from, sharp->to);
        if (n > PART) part.to = part.from + (int64_t)((double)(sharp->to - sharp->from) / n * PART);
        if (qd_fit_line(&part, &own, *h, &fit) && fit.sigma < (double)*h) *h = (int64_t)ceil(fit.sigma);
    }
    bool fits;
    QD_TRY(qd_strip_collect(all, line, ROOM * *h, near, &fits, err));
    if (fits) all->near = near;
    if (fits || burst * (met * (double)*h + fmin(na, nb)) > QD_NEAR_MOST) return QD_OK;
    return qd_refuse(r, QD_LOCK_NOT_SHARP, "shut out light that both stations see, or leave those times out (--span-s)", err,
                     "both sides' events come in bursts together: more than %d pairs within %.3g ns of the line, %.3g at steady rates",
                     QD_NEAR_MOST, ROOM * qd_seconds(*h, all->a->tick) * 1e9, met * (double)*h);
}

static qd_status within(const qd_clock *line, const qd_search *search, const qd_sync_params *p, qd_sync_report *r,
                        qd_error *err) {
    if (llabs(line->offset - search->prior.offset) > search->max_offset || fabs(r->frequency_ppm - p->ppm) > p->max_ppm)
        return qd_refuse(r, QD_LOCK_OUTSIDE,
                         "widen --max-offset-s or --max-ppm and search again, or search around these figures (--offset-s, --ppm)",
                         err, "offset %.9g s, frequency %.6g ppm: outside the search", r->offset_ps * 1e-12, r->frequency_ppm);
    return QD_OK;
}

/* The k-th line may lock by chance with probability p / (k (k+1)): over all k that adds up to p, however many there are. */
static double share_of_next(qd_tries *t) {
    t->tried++;
    return t->tried * (t->tried + 1);
}

/* A line that is sharp: the only one near, confirmed on data kept back, fitted to all. QD_E_POLICY: it is not. */
static qd_status try_line(qd_strip *all, const qd_strip *sharp, const qd_strip *kept, const qd_search *search,
                          const qd_sync_params *p, qd_tries *tries, qd_clock *line, int64_t h, int64_t widest, qd_near *near,
                          qd_sync_report *r, qd_error *err) {
    qd_tick tick = all->a->tick;
    double per_s = 1e12 * (double)tick.den / (double)tick.num;
    qd_fit fit;
    qd_strip used = *sharp;
    QD_TRY(collect(all, sharp, line, &h, near, r, err));
    used.near = all->near;
    if (!qd_fit_line(&used, line, h, &fit))
        return qd_refuse(r, QD_LOCK_NO_WIDTH, "use a steadier part of the recording", err,
                         "the peak has no stable width near %.3g ns", (double)h / per_s * 1e9);
    double share = share_of_next(tries);
    bool straight = p->max_drift_ppm_s > 0,
         confirmed = confirm(kept, &used, line, &fit, search->log_limit - log(share), p->max_drift_ppm_s * 1e-6 / per_s, r);
    const qd_strip *bent = confirmed ? all : &used;
    if (confirmed && !qd_fit_line(all, line, h, &fit))
        straight = false;
    else if (!straight)
        straight = !wanders(bent, line, &fit);
    if (!straight)
        return qd_refuse(r, QD_LOCK_DRIFTS, "use a shorter or a steadier part of the recording (--span-s)", err,
                         "the frequency drifts: one line over %.3g s leaves %.3g ps, over a quarter much less",
                         qd_seconds(bent->to - bent->from, tick), fit.sigma / per_s * 1e12);
    if (!confirmed)
        return qd_refuse(r, QD_LOCK_NOT_CONFIRMED, "use a longer or a steadier recording", err,
                         "not confirmed: %" PRIu64 " events where the last quarter must have the peak, %.3g by chance",
                         r->confirmed, r->confirm_lambda);
    double second;
    QD_TRY(qd_beside_fit(all, kept->from, line, &fit, widest, &second, err));
    r->second = second;
    if (second > qd_satellite) return two_candidates(second, true, tries, r, err);
    *line = qd_report_clock(&fit, all->b->t[0], all, r);
    r->p_false = fmin(1, share * r->confirm_p);
    return within(line, search, p, r, err);
}

/* A line that does not hold for all, but a clock that drifts and is followed from there: the only one near, confirmed on data
 * kept back. QD_E_POLICY: what was refused before stands, or two candidates are why. */
static qd_status try_bent(const qd_stage *st, const qd_strip *met, const qd_sharp *sharp, const qd_strip *all,
                          const qd_strip *kept, const qd_search *search, const qd_sync_params *p, qd_tries *tries,
                          qd_clock *clock, qd_sync_report *r, qd_error *err) {
    qd_clock line = sharp->line;
    qd_round round = {.h = sharp->h};
    qd_strip first = *met, used = *all;
    first.to = sharp->to;
    QD_TRY(qd_sharpen_round(&first, &line, &round, err));
    if (round.log_false > log(1e-6)) return QD_E_POLICY; /* what stands out by chance is not worth the way */
    used.to = kept->from;
    qd_bent bent;
    QD_TRY(qd_bent_follow(&used, kept, &sharp->line, sharp->h, look_width(st), &bent, err));
    if (!bent.followed) return QD_E_POLICY;
    double share = share_of_next(tries);
    qd_sync_report now = *r;
    now.second = fmax(sharp->second, bent.second);
    if (!confirmed_by(bent.events, bent.background, search->log_limit - log(share), &now)) return QD_E_POLICY;
    *r = now;
    if (r->second > qd_satellite) return two_candidates(r->second, true, tries, r, err);
    /* at its middle, where it lies on the curve and not before */
    line = qd_report_clock(&bent.fit, bent.fit.line.clock.base, &bent.start, r);
    double per_s = 1e12 * (double)line.tick.den / (double)line.tick.num;
    r->drift_ppm_s = bent.drift * per_s * 1e6;
    r->followed_s = (double)(bent.end - bent.start.from) / per_s;
    r->p_false = fmin(1, share * r->confirm_p);
    QD_TRY(within(&line, search, p, r, err));
    *clock = line;
    return QD_OK;
}

/* A second peak that sharpening met, where the peak is sharp: judged beside a fit of that beginning. *sure false: there is none,
 * and the second stays as it was. */
static qd_status second_at_first(const qd_stage *st, const qd_strip *met, const qd_sharp *sharp, double *second, bool *sure,
                                 qd_error *err) {
    qd_strip part = *met;
    qd_clock line = sharp->line;
    qd_fit fit;
    part.to = sharp->to;
    *sure = qd_fit_line(&part, &line, sharp->h, &fit);
    return *sure ? qd_beside_fit(&part, part.to, &line, &fit, look_width(st), second, err) : QD_OK;
}

/* No detectors' jitter, nor the delays between several, make a peak as wide; and fits over all pairs in it would take minutes. */
static bool wide(const qd_strip *s, int64_t h) {
    const double widest_s = 100e-9;
    return h > 1 && qd_seconds(h, s->a->tick) > widest_s; /* a tick may be as long */
}

/* Sharpen a peak, confirm it on data kept back, fit. QD_E_POLICY: it was none, or not the only one. */
static qd_status try_straight(const qd_stage *st, const qd_peak *peak, const qd_strip *met, const qd_strip *all,
                              const qd_strip *kept, const qd_search *search, const qd_sync_params *p, qd_tries *tries,
                              qd_sharp *sharp, qd_clock *clock, qd_sync_report *r, qd_error *err) {
    qd_tick tick = all->a->tick;
    double per_s = 1e12 * (double)tick.den / (double)tick.num, second;
    qd_clock line = qd_peak_line(st, peak);
    qd_strip strip = *met, whole = *all;
    qd_round round;
    int64_t h = st->bin / LOOK_BINS + 1, limit = strip.to, look = first_look(st, peak, h);
    if (look < strip.to - strip.from) strip.to = strip.from + look;
    QD_TRY(qd_sharpen(&strip, limit, &line, &h, &second, &round, sharp, err));
    r->second = sharp->second = second;
    if (!sharp->all && second <= qd_satellite)
        return qd_refuse(
            r, QD_LOCK_NOT_SHARP, "widen --max-ppm, or use a shorter or a steadier part of the recording (--span-s)", err,
            "the peak does not sharpen at bins of %.3g ns over %.3g s: its frequency is outside the search or drifts, "
            "or it is no peak of pairs",
            (double)round.h / per_s * 1e9, qd_seconds(strip.to - strip.from, tick));
    bool sure = false;
    if (sharp->all && second > qd_satellite) QD_TRY(second_at_first(st, met, sharp, &second, &sure, err));
    r->second = sharp->second = second;
    if (second > qd_satellite) return two_candidates(second, sure, tries, r, err);
    if (wide(&whole, h))
        return qd_refuse(r, QD_LOCK_NOT_SHARP,
                         "shut out light that both stations see, or use a shorter or a steadier part of the recording (--span-s)", err,
                         "the peak is %.3g ns wide at its sharpest: noise of both sides that moves together, or a frequency that "
                         "drifts, and no detectors' jitter",
                         (double)h / per_s * 1e9);
    qd_near near = {0};
    qd_status s = try_line(&whole, &strip, kept, search, p, tries, &line, h, look_width(st), &near, r, err);
    qd_near_free(&near);
    if (s == QD_OK) *clock = line;
    return s;
}

/* What of a strip has events of both sides where the line has them: which of B's are A's partners is not known before. */
static qd_strip met_by(const qd_strip *s, const qd_clock *line) {
    qd_strip met = *s;
    int64_t first = qd_clock_apply_near(line, s->b->t[0]), last = qd_clock_apply_near(line, s->b->t[s->b->n - 1]);
    if (met.from < first) met.from = first;
    if (met.to > last) met.to = last;
    return met.to > met.from ? met : *s;
}

/* A peak as a straight line; where it is none, and the caller follows the clock, as one that drifts. What looks like another peak
 * beside a line may be the clock itself, where it leaves the line: along the curve that is looked at again. */
qd_status qd_try_peak(const qd_stage *st, const qd_peak *peak, const qd_strip *all, const qd_strip *kept, const qd_search *search,
                      const qd_sync_params *p, qd_tries *tries, qd_clock *clock, qd_sync_report *r, qd_error *err) {
    const qd_clock line = qd_peak_line(st, peak);
    const qd_strip met = met_by(&st->strip, &line), both = met_by(all, &line), back = met_by(kept, &line);
    qd_sharp sharp;
    r->second = r->followed_s = r->drift_ppm_s = 0;
    qd_status s = try_straight(st, peak, &met, &both, &back, search, p, tries, &sharp, clock, r, err);
    if (s != QD_E_POLICY || !p->follows || !sharp.first || sharp.second > qd_satellite || wide(all, sharp.h)) return s;
    return try_bent(st, &met, &sharp, &both, &back, search, p, tries, clock, r, err);
}

/* Cost of a look at so much of the strip, at every event there. */
static double cost_over(const qd_stage *st, int64_t span) {
    const double an_event = 2, all = (double)qd_events_between(st->strip.a, st->strip.from, st->strip.to);
    return an_event * all * (double)span / (double)(st->strip.to - st->strip.from);
}

double qd_look_cost(const qd_stage *st, const qd_peak *peak) {
    return cost_over(st, first_look(st, peak, st->bin / LOOK_BINS + 1));
}

uint32_t qd_looks_within(const qd_stage *st) {
    /* Where peaks are many and alike, a look takes an eighth of the data and more; a bright link's takes less, and is among the first. */
    const double least = 128, looks = st->budget / (cost_over(st, (st->strip.to - st->strip.from) / 16) + 1);
    return (uint32_t)fmin(QD_PEAKS, fmax(least, looks));
}
