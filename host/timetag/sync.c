/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls of clock recovery: search, sharpen, confirm on data kept back, fit; or refuse with the numbers. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "compute/parts.h"
#include "timetag/sync.h"

static const double default_offset_s = 0.01, default_ppm = 10;
static const double most_offset_s = 1e6, most_ppm = QD_SYNC_MOST_PPM; /* 2^-12 is where a clock's frequency ends */
enum { KEEP_BACK = 4 };                                  /* one part in so many, at the end, is for confirmation */

enum { PARTS = 8 };
typedef struct ordering {
    const qd_tags *tags;
    uint64_t early[PARTS]; /* first event of each part that is earlier than the one before; 0: none */
} ordering;

static void find_early(void *self, uint32_t k) {
    ordering *o = self;
    const int64_t *t = o->tags->t;
    uint64_t i = o->tags->n * k / PARTS, end = o->tags->n * (k + 1) / PARTS;
    for (i += i == 0; i < end && t[i] >= t[i - 1];) i++;
    o->early[k] = i < end ? i : 0;
}

static qd_status in_order(const qd_tags *tags, char station, qd_error *err) {
    ordering o = {.tags = tags};
    qd_in_parts(PARTS, find_early, &o);
    for (int k = 0; k < PARTS; k++)
        if (o.early[k])
            return qd_fail(err, QD_E_INPUT,
                           "event %" PRIu64 " of station %c is earlier than the one before|times must be in order|they were put together otherwise than by a reader|sort them", o.early[k],
                           station);
    return QD_OK;
}

static qd_status check(const qd_tags *a, const qd_tags *b, qd_sync_params *p, qd_error *err) {
    if (p->max_offset_s == 0) p->max_offset_s = default_offset_s;
    if (p->max_ppm == 0) p->max_ppm = default_ppm;
    if (p->p_false == 0) p->p_false = qd_default_p;
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
    QD_TRY(in_order(a, 'A', err));
    return in_order(b, 'B', err);
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

static void report_rates(const qd_strip *s, const qd_clock *clock, qd_sync_report *r) {
    double span = qd_seconds(s->to - s->from, s->a->tick);
    r->rate_a = (double)qd_events_between(s->a, s->from, s->to) / span;
    r->rate_b = (double)qd_events_of_b(s, clock) / span;
}

/* Why a search ended without a lock: what the strongest peak that was no chance failed at; or nothing stood out. */
typedef struct outcome {
    bool significant, ambiguous;
    bool twins; /* two candidates, whether or not one of them was confirmed */
    double score;
    qd_sync_report report;
    qd_error err;
    qd_tries tries; /* of all stages */
} outcome;

/* Nothing stands out: what the search would have seen, and with what it would see less. */
static qd_status not_found(const qd_strip *all, const qd_strip *used, const qd_search *search, const qd_sync_params *p,
                           qd_sync_report *r, qd_error *err) {
    char list[320], next[620];
    qd_search_remedies(used, search, p, r);
    r->s_max = r->weakest / sqrt(p->max_ppm * 1e-6);
    qd_remedies_text(r, p, qd_seconds(all->to - all->from, all->a->tick), list, sizeof list);
    snprintf(
        next, sizeof next,
        "check that the files belong together; this search sees links of which %.2g %% of the events have a partner, S_max %.3g "
        "within %.4g ppm%s%.300s",
        100 * r->weakest, r->s_max, p->max_ppm,
        *list ? ", weaker ones with what is known of the clocks (around --ppm, --offset-s): " : "", list);
    return qd_refuse(r, QD_LOCK_NO_PEAK, next, err,
                     "no peak stands out: a false one as high has probability %.2g, accepted is %.2g", r->p_false, p->p_false);
}

/* No higher line meets this one: as a candidate it is one of its own, not another tangent of a clock that drifts. */
static bool alone(const qd_stage *st, uint32_t i) {
    for (uint32_t k = 0; k < i; k++)
        if (qd_peaks_meet(&st->peak[k], &st->peak[i])) return false;
    return true;
}

/* The peaks of a stage that are worth a look, one by one: those that stand out, and others as long as looks cost less than the
 * next stage, which lifts a true one, or less than this one, if it is the last. QD_E_POLICY: none was it. */
static qd_status try_peaks(const qd_stage *st, bool last, const qd_strip *all, const qd_strip *kept, const qd_search *search,
                           const qd_sync_params *p, outcome *o, qd_clock *clock, qd_sync_report *r, qd_error *err) {
    enum { FEW = 16, FEW_LAST = 64 };
    double cost = 0;
    for (uint32_t i = 0; i < st->n_peaks; i++) {
        const qd_peak *peak = &st->peak[i];
        double log_false = qd_peak_log(st, peak);
        QD_TRY(qd_search_stopped(p->stop, err));
        cost += qd_look_cost(st, peak);
        if (cost > st->budget && i >= (last ? FEW_LAST : log_false < 0 ? FEW : 0)) break;
        report_peak(st, peak, p, r);
        qd_status s = qd_try_peak(st, peak, all, kept, search, p, &o->tries, clock, r, err);
        if (s == QD_OK) {
            double twin = 0; /* share of a second clock: light that both sides see stands out as high, but is none */
            QD_TRY(qd_other_clock(st, i, 0, all, kept, search, p, &o->tries, r, &twin, err));
            if (twin > qd_satellite) s = qd_two_candidates(twin, r, err);
            o->ambiguous = s != QD_OK;
        }
        o->ambiguous = o->ambiguous || o->tries.twins;
        if (s != QD_E_POLICY) return s;
        o->twins = o->twins || (log_false <= search->log_limit && r->second > qd_satellite && alone(st, i));
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

/* The strip without its last part, which is for confirmation. */
static qd_strip without_kept(const qd_strip *all, qd_strip *kept) {
    qd_strip used = *all;
    *kept = *all;
    used.to = kept->from = all->to - (all->to - all->from) / KEEP_BACK;
    return used;
}

/* One stage and its peaks. QD_E_POLICY: none was it, the report is of the stage. */
static qd_status search_stage(qd_device *dev, qd_stage *st, const qd_stage *after, const qd_strip *all, const qd_strip *kept,
                              const qd_search *search, const qd_sync_params *p, outcome *o, qd_clock *clock, qd_sync_report *r,
                              qd_error *err) {
    st->budget = after ? after->work / 4 : st->work / 2;
    st->most = qd_looks_within(st);
    qd_status s = qd_search_stage(dev, st, err);
    if (s == QD_OK) {
        report_peak(st, st->n_peaks ? &st->peak[0] : NULL, p, r);
        qd_sync_report now = *r;
        s = try_peaks(st, !after, all, kept, search, p, o, clock, r, err);
        if (s == QD_E_POLICY) *r = now;
    }
    qd_stage_free(st);
    return s;
}

/* Bins over which a frequency that drifts by so much a second, a satellite's pass, leaves a line in two of them. */
static double most_bins(const qd_strip *used) {
    const double drift_s = 0.5e-6;
    return 2 * 8 / (drift_s * qd_seconds(used->to - used->from, used->a->tick));
}

/* A clock that drifts may leave all lines through a long recording, and be on one through its beginning: the shorter that is, the
 * finer are the bins that hold it. The longest with as many slices as were tried on all is searched, then shorter ones with four
 * times as many. */
static qd_status search_parts(qd_device *dev, const qd_strip *all, const qd_search *search, const qd_sync_params *p,
                              const qd_stage *last, outcome *o, qd_clock *clock, qd_sync_report *r, qd_error *err) {
    enum { LEAST_EVENTS = 256 };
    qd_strip part = *all, kept;
    const qd_sync_report whole = *r;
    qd_status s = QD_E_POLICY;
    qd_stage st;
    uint32_t slices = last->leaves;
    /* what has two candidates is not asked again in a part */
    double bins = (double)last->leaves * last->group * QD_LINES_SLICE;
    for (bool more = bins > most_bins(&last->strip); more && s == QD_E_POLICY && !o->ambiguous && !o->twins;) {
        part.to = part.from + (part.to - part.from) / 2;
        qd_strip used = without_kept(&part, &kept);
        if (qd_events_between(used.a, used.from, used.to) < LEAST_EVENTS || qd_events_of_b(&used, &search->prior) < LEAST_EVENTS)
            break;
        if (!qd_stage_most(&used, search, p->effort, most_bins(&used), &st, &more)) continue;
        if (more && st.leaves * st.group < slices) continue;
        slices = 4 * st.leaves * st.group;
        s = search_stage(dev, &st, NULL, &part, &kept, search, p, o, clock, r, err);
    }
    if (s == QD_E_POLICY) *r = whole;
    return s;
}

/* More and more slices until a peak is confirmed, or the effort is spent. */
static qd_status lock(qd_device *dev, const qd_strip *all, const qd_search *search, const qd_sync_params *p, qd_clock *clock,
                      qd_sync_report *r, qd_error *err) {
    qd_strip kept, used = without_kept(all, &kept);
    outcome o = {.significant = false};
    qd_stage st[2];
    qd_status s = QD_E_POLICY;
    bool more = qd_stage_rung(&used, search, p->effort, 0, &st[0]);
    if (!more)
        return qd_refuse(r, QD_LOCK_TOO_SHORT, "give a longer recording", err,
                         "no peak stands out: %.3g s are too short for a search", qd_seconds(used.to - used.from, all->a->tick));
    for (uint32_t i = 0; s == QD_E_POLICY && more && !o.ambiguous; i++) {
        more = qd_stage_rung(&used, search, p->effort, i + 1, &st[1]);
        s = search_stage(dev, &st[0], more ? &st[1] : NULL, all, &kept, search, p, &o, clock, r, err);
        if (s == QD_E_POLICY && more && !o.ambiguous) st[0] = st[1];
    }
    const qd_stage *last = &st[0];
    if (s == QD_E_POLICY && p->follows) s = search_parts(dev, all, search, p, last, &o, clock, r, err);
    if (s == QD_OK && r->followed_s == 0) {
        s = qd_look_for_copies(dev, all, &kept, search, p, clock, &o.tries, r, err);
        if (s != QD_OK) return s;
    }
    if (s == QD_OK) {
        clock->significance = r->significance;
        clock->p_false = r->p_false;
        clock->locked = r->locked = true;
        r->cause = QD_LOCKED;
        r->reason[0] = 0; /* of a peak before this one */
        r->s_max = sqrt((double)r->pairs * (double)r->pairs / (r->rate_a * r->rate_b)) / r->span_s / sqrt(p->max_ppm * 1e-6);
    }
    if (s != QD_E_POLICY) return s;
    if (!o.significant) return not_found(all, &used, search, p, r, err);
    *r = o.report;
    if (err) *err = o.err;
    return QD_E_POLICY;
}

/* The events of a clock's output, not of a detector: all intervals of the first ones equal to a hundredth, where chance makes
 * them vary as much as they are long, and a detector that is dead after each event most of the time by more than this. */
static bool regular(const qd_tags *t, double *interval) {
    enum { LEAST = 256, MOST = 1 << 16 };
    const double least = 0.01;
    uint64_t n = t->n < MOST ? t->n : MOST;
    double sum = 0, mean = n > 1 ? (double)(t->t[n - 1] - t->t[0]) / (double)(n - 1) : 0;
    for (uint64_t i = 1; i < n; i++) {
        double off = (double)(t->t[i] - t->t[i - 1]) - mean;
        sum += off * off;
    }
    *interval = mean;
    return n >= LEAST && sqrt(sum / (double)(n - 1)) < least * mean;
}

/* What needs no search to see that there is nothing to find. */
static qd_status any_events(const qd_tags *a, const qd_tags *b, qd_sync_report *r, qd_error *err) {
    for (int s = 0; s < 2; s++) {
        const qd_tags *x = s ? b : a;
        double interval;
        if (x->n < 2 || x->t[0] == x->t[x->n - 1])
            return qd_refuse(r, QD_LOCK_NO_EVENTS, "check the recording of that station", err, "station %c has %s", s ? 'B' : 'A',
                             x->n == 0   ? "no events"
                             : x->n == 1 ? "one event"
                                         : "all events at one time");
        if (regular(x, &interval))
            return qd_refuse(r, QD_LOCK_NO_EVENTS,
                             "see which channel was recorded: this is a clock's output, no detector's (tags convert --channels)",
                             err, "station %c has an event every %.6g us, constantly", s ? 'B' : 'A',
                             qd_seconds((int64_t)interval, x->tick) * 1e6);
    }
    return QD_OK;
}

static qd_status not_together(const qd_tags *a, const qd_tags *b, const qd_sync_params *p, qd_sync_report *r, qd_error *err) {
    const double a0 = qd_seconds(a->t[0], a->tick), b0 = qd_seconds(b->t[0], b->tick);
    char next[240];
    if (fabs(a0 - b0) <= most_offset_s)
        snprintf(next, sizeof next,
                 "check that both files are of the same run; if they began together, --offset-s %.4f brings B's beginning to A's "
                 "(--max-offset-s, 10 at most, around it)",
                 a0 - b0);
    else
        snprintf(next, sizeof next,
                 "check that both files are of the same run; where one counts from another epoch, take the same start off both "
                 "(csv:start=T), for an offset goes to %g s",
                 most_offset_s);
    return qd_refuse(r, QD_LOCK_NO_OVERLAP, next, err,
                     "the recordings do not overlap in time: A has events from %.4f to %.4f s, B from %.4f to %.4f s, moved by "
                     "%.9g s",
                     a0, qd_seconds(a->t[a->n - 1], a->tick), b0, qd_seconds(b->t[b->n - 1], b->tick), p->offset_s);
}

/* What is so near the common time that a clock can say of it when it was: an event may be years from the others, where a counter
 * was set. A view. QD_E_POLICY: less than two events. */
static qd_status near_events(const qd_tags *t, const qd_strip *all, int side, qd_tags *near, qd_sync_report *r, qd_error *err) {
    const int64_t beyond = qd_longest / 2 - 1; /* twice, and the common time: no clock's times are 2^54 apart */
    uint64_t first = qd_tags_lower_bound(t, all->from - beyond), end = qd_tags_lower_bound(t, all->to + beyond);
    *near = *t;
    near->t += first;
    near->n = end - first;
    if (near->n > 1) return QD_OK;
    return qd_refuse(r, QD_LOCK_NO_EVENTS, "see where its events are: qdistill tags info", err,
                     "station %c has no two events within %.3g s of where both have some", side ? 'B' : 'A',
                     qd_seconds(beyond, t->tick));
}

qd_status qd_correlate(qd_device *dev, const qd_tags *a, const qd_tags *b, const qd_sync_params *params, qd_clock *clock,
                       qd_sync_report *report, qd_error *err) {
    qd_sync_params p = params ? *params : (qd_sync_params){0};
    qd_sync_report own, *r = report ? report : &own;
    *r = (qd_sync_report){.p_false = 1, .confirm_p = 1};
    QD_TRY(check(a, b, &p, err));
    QD_TRY(any_events(a, b, r, err));
    qd_strip all;
    double per_s = 1e12 * (double)a->tick.den / (double)a->tick.num;
    qd_search search = {
        .max_offset = (int64_t)ceil(p.max_offset_s * per_s), .max_rate = p.max_ppm * 1e-6, .log_limit = log(p.p_false), .stop = p.stop};
    QD_TRY(qd_clock_from_figures(a->tick, b->t[0], p.offset_s * 1e12, p.ppm, &search.prior, err));
    if (!overlap(a, b, &search.prior, &all)) return not_together(a, b, &p, r, err);
    qd_tags near[2];
    QD_TRY(near_events(a, &all, 0, &near[0], r, err));
    QD_TRY(near_events(b, &all, 1, &near[1], r, err));
    all.a = &near[0];
    all.b = &near[1];
    search.prior.base = near[1].t[0]; /* the first that counts */
    for (int k = 0; k < 2; k++) search.smooth[k] = qd_bins_smooth(&near[k]);
    report_rates(&all, &search.prior, r);
    qd_clock found;
    qd_status s = lock(dev, &all, &search, &p, &found, r, err);
    if (s == QD_OK || s == QD_E_POLICY) { /* the last look may have been long: what was asked for meanwhile counts */
        qd_status stopped = qd_search_stopped(p.stop, err);
        if (stopped != QD_OK) {
            *r = (qd_sync_report){.p_false = 1, .confirm_p = 1};
            return stopped;
        }
    }
    if (s == QD_OK) *clock = found;
    return s;
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
        return qd_refuse(r, QD_LOCK_NO_OVERLAP, "give more events", err, "the tags do not overlap in time");
    report_rates(&all, clock, r);
    if (!qd_fit_line(&all, &line, reach / 8 + 1, &fit))
        return qd_refuse(r, QD_LOCK_NO_PEAK, "search again with qd_correlate", err,
                         "no pairs stand out within %" PRId64 " ticks of the old clock", reach);
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
