/* SPDX-License-Identifier: Apache-2.0 */
#include "sync_search.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SLIDES = 8 };
static const double first_span_s = 0.5, most_offset_s = 10;
static const double deep_s =
    8; /* little is not searched in depth: a deep search is cheaper, and sees more, in what comes meanwhile */

/* One attempt: its own copy of the tags. */
typedef struct qd_sync_job {
    pthread_t thread;
    atomic_bool done;
    qd_device *dev;
    qd_tags tags[2];
    qd_sync_params p;
    qd_clock clock;
    qd_sync_report report;
    qd_status st;
    qd_error err;
} job;

void qd_sync_search_start(qd_sync_search *s, const qd_sync_args *a, qd_sync_streams *io, qd_device *dev, const volatile sig_atomic_t *stop) {
    *s = (qd_sync_search){.a = a, .io = io, .dev = dev, .stop = stop, .span_s = first_span_s, .report = {.p_false = 1, .confirm_p = 1}};
    s->prior = (qd_sync_prior){.offset_s = a->offset_s, .ppm = a->ppm, .max_offset_s = a->max_offset_s};
}

static double per_s(const qd_sync_search *s) {
    qd_tick tick = s->io->s[0].held.tick;
    return 1e12 * (double)tick.den / (double)tick.num;
}

void qd_sync_search_again(qd_sync_search *s, const qd_clock *last) {
    double offset = qd_clock_offset_ps(last) * 1e-12;
    s->prior = (qd_sync_prior){.base = last->base,
                               .offset_s = offset,
                               .ppm = qd_clock_ppm(last),
                               .max_offset_s = s->a->max_offset_s + fabs(offset - s->a->offset_s)};
    s->has_prior = s->again = true;
    s->begun = s->half = false;
    s->slides = 0;
    s->span_s = 2 * (double)(s->to - s->from) / per_s(s); /* twice what was enough for a lock */
}

/* ---- What is searched ------------------------------------------------------------------------------------------------ */

/* Offset, and how far it may be from that, at B's time; both grow from where they were known. */
static void expected(const qd_sync_search *s, int64_t tb, double *offset_s, double *room_s) {
    double since = (double)(tb - s->prior.base) / per_s(s);
    *offset_s = s->prior.offset_s + s->prior.ppm * 1e-6 * since;
    *room_s = fmin(most_offset_s, s->prior.max_offset_s + s->a->max_ppm * 1e-6 * fabs(since));
}

/* B's time @p t on A's clock, or A's on B's with sign -1, give or take. */
static int64_t other(int64_t t, double by, int sign) {
    double x = (double)t + sign * by;
    return x < -0x1p61 ? -((int64_t)1 << 61) : x > 0x1p61 ? (int64_t)1 << 61 : (int64_t)x;
}

static int64_t last_of(const qd_sync_stream *s) {
    return s->held.t[s->held.n - 1];
}

typedef struct view {
    int64_t from, start; /* A's time from which both have events, and from which they are searched */
    int64_t to[2];       /* where each ends, on its own clock */
    double offset, room; /* ticks */
} view;

/* Drop what cannot have a partner at the other side, where that begins much later. false: one has nothing then. */
static bool common_start(qd_sync_search *s, view *v) {
    qd_sync_stream *a = &s->io->s[0], *b = &s->io->s[1];
    if (!a->held.n || !b->held.n) return false;
    if (!s->has_prior) s->prior.base = b->first, s->has_prior = true;
    double offset_s, room_s;
    expected(s, b->held.t[0], &offset_s, &room_s);
    v->offset = offset_s * per_s(s);
    v->room = room_s * per_s(s);
    int64_t a0 = a->held.t[0], b0 = b->held.t[0];
    qd_sync_drop(a, qd_tags_lower_bound(&a->held, other(b0, v->offset - v->room, 1)));
    qd_sync_drop(b, qd_tags_lower_bound(&b->held, other(a0, v->offset + v->room, -1)));
    if (!a->held.n || !b->held.n) return false;
    int64_t on_a = other(b->held.t[0], v->offset, 1);
    v->from = a->held.t[0] > on_a ? a->held.t[0] : on_a;
    if (!s->begun) s->begun = true, s->began = v->from;
    return true;
}

/* Where the next attempt ends. false: more has to come first. */
static bool enough(qd_sync_search *s, view *v) {
    const qd_sync_streams *io = s->io;
    double rest = s->again ? HUGE_VAL : s->a->wait_s - (double)(v->from - s->began) / per_s(s);
    int64_t end = v->from + (int64_t)(fmin(s->span_s, fmax(rest, 0)) * per_s(s)), want = end;
    s->all = false;
    for (int k = 0; k < 2; k++) {
        const qd_sync_stream *x = &io->s[k];
        if (!x->ended && !qd_sync_full(io, k)) continue;
        int64_t most = k ? other(last_of(x), v->offset + v->room, 1) : last_of(x);
        if (most < end) end = most;
        s->all = s->all || (x->ended && most <= want);
    }
    s->cut = end < want;
    v->start = s->half ? v->from + (end - v->from) / 2 : v->from;
    v->to[0] = end;
    v->to[1] = other(end, v->offset - v->room, -1);
    for (int k = 0; k < 2; k++)
        if (!qd_sync_has(&io->s[k], v->to[k]) && !qd_sync_full(io, k)) return false;
    return true;
}

/* ---- Attempts -------------------------------------------------------------------------------------------------------- */

static void *search(void *self) {
    job *j = self;
    j->st = qd_correlate(j->dev, &j->tags[0], &j->tags[1], &j->p, &j->clock, &j->report, &j->err);
    atomic_store(&j->done, true);
    return NULL;
}

static void job_free(job *j) {
    for (int k = 0; j && k < 2; k++) free(j->tags[k].t);
    free(j);
}

static qd_status copy_tags(const qd_sync_search *s, const view *v, job *j, qd_error *err) {
    for (int k = 0; k < 2; k++) {
        const qd_tags *x = &s->io->s[k].held;
        uint64_t from = s->half ? qd_tags_lower_bound(x, k ? other(v->start, v->offset + v->room, -1) : v->start) : 0,
                 n = qd_tags_lower_bound(x, v->to[k] + 1) - from;
        j->tags[k] = (qd_tags){.n = n, .cap = n, .tick = x->tick, .t = malloc((n + 1) * sizeof *x->t)};
        if (!j->tags[k].t) return qd_fail(err, QD_E_INTERNAL, "no memory to search in %.3g tags", (double)n);
        memcpy(j->tags[k].t, x->t + from, n * sizeof *x->t);
    }
    return QD_OK;
}

static double span_of(const qd_sync_search *s) {
    return (double)(s->to - s->from) / per_s(s);
}

/* Nothing longer will be searched. */
static bool final_one(const qd_sync_search *s) {
    return s->all || (!s->again && (double)(s->to - s->began) >= s->a->wait_s * per_s(s) - 2);
}

static qd_status launch(qd_sync_search *s, const view *v, qd_error *err) {
    job *j = calloc(1, sizeof *j);
    if (!j) return qd_fail(err, QD_E_INTERNAL, "no memory to search");
    qd_status st = copy_tags(s, v, j, err);
    double k = (double)++s->attempts;
    j->dev = s->dev;
    s->from = v->start;
    s->to = v->to[0];
    bool deep = !s->half && (span_of(s) >= deep_s || final_one(s));
    j->p = (qd_sync_params){.max_ppm = s->a->max_ppm,
                            .ppm = s->a->ppm,
                            .effort = deep ? s->a->level : QD_EFFORT_LOW,
                            .follows = true,
                            .stop = s->stop,
                            .p_false = s->a->p_false / (k * (k + 1))};
    expected(s, j->tags[1].n ? j->tags[1].t[0] : s->io->s[1].held.t[0], &j->p.offset_s, &j->p.max_offset_s);
    for (int i = 0; i < 2; i++) {
        const qd_tags *t = &j->tags[i];
        s->loaded.events[i] = t->n;
        s->loaded.seconds[i] = t->n ? (double)(t->t[t->n - 1] - t->t[0]) / per_s(s) : 0;
    }
    if (st == QD_OK && pthread_create(&j->thread, NULL, search, j) != 0)
        st = qd_fail(err, QD_E_INTERNAL, "no thread to search in");
    if (st == QD_OK)
        s->job = j;
    else
        job_free(j);
    return st;
}

/* Twice as much; before all of it its later half alone, since where pairs begin late, what is before them hides them. After a
 * loss, windows of one length slide on, and become longer now and then. Where memory ends, a later part is next. */
static void next_attempt(qd_sync_search *s) {
    qd_sync_stream *a = &s->io->s[0];
    if (s->again || (!s->half && s->cut)) { /* B follows by common_start */
        qd_sync_drop(a, qd_tags_lower_bound(&a->held, s->from + (s->to - s->from) / 2));
        if (s->again && ++s->slides % SLIDES == 0 && !s->cut) s->span_s *= 2;
        return;
    }
    if (!s->half) s->span_s *= 2;
    s->half = !s->half;
}

static qd_status result(qd_sync_search *s, bool *locked, qd_error *err) {
    job *j = s->job;
    pthread_join(j->thread, NULL);
    s->job = NULL;
    qd_status st = j->st;
    double k = (double)s->attempts;
    s->report = j->report;
    *locked = st == QD_OK;
    if (st == QD_OK) {
        qd_sync_stream *a = &s->io->s[0]; /* what is before has no pairs, or was searched in vain; a clock that drifts is near its
                                             line at its base alone */
        int64_t from = j->clock.base + j->clock.offset;
        qd_sync_drop(a, qd_tags_lower_bound(&a->held, from > s->from ? from : s->from));
        s->clock = j->clock;
        s->clock.p_false = s->report.p_false = fmin(1, s->report.p_false * k * (k + 1));
    } else if (st == QD_E_POLICY && (s->half || !final_one(s))) {
        next_attempt(s);
        st = QD_OK;
    } else if (err) {
        *err = j->err;
    }
    job_free(j);
    return st;
}

/* ---- Nothing to search ----------------------------------------------------------------------------------------------- */

static qd_status refuse(qd_sync_search *s, qd_no_lock cause, const char *reason, const char *next, qd_error *err) {
    s->report = (qd_sync_report){.cause = cause, .p_false = 1, .confirm_p = 1};
    (void)snprintf(s->report.reason, sizeof s->report.reason, "%s", reason);
    return qd_fail(err, QD_E_POLICY, "no lock: %s||a clock is never guessed|%s", reason, next);
}

/* One side has nothing that could have a partner. */
static qd_status apart(qd_sync_search *s, qd_error *err) {
    const qd_sync_stream *x = s->io->s;
    char reason[128];
    for (int k = 0; k < 2; k++)
        if (x[k].ended && !x[k].events) {
            (void)snprintf(reason, sizeof reason, "station %c has no events", k ? 'B' : 'A');
            return refuse(s, QD_LOCK_NO_EVENTS, reason, "check the recording of that station", err);
        }
    bool over = (x[0].ended && !x[0].held.n) || (x[1].ended && !x[1].held.n);
    double least = HUGE_VAL;
    for (int k = 0; k < 2; k++) least = fmin(least, x[k].events ? (double)(x[k].last - x[k].first) / per_s(s) : 0);
    if (!s->again && least > s->a->wait_s + 2 * s->a->max_offset_s) over = true;
    if (!over) return QD_OK;
    (void)snprintf(reason, sizeof reason, "the recordings do not overlap in time: A has come to %.6g s, B to %.6g s",
                   (double)x[0].last / per_s(s), (double)x[1].last / per_s(s));
    return refuse(s, QD_LOCK_NO_OVERLAP, reason,
                  "check that both are of the same run; say what is known of the offset: --offset-s", err);
}

qd_status qd_sync_search_step(qd_sync_search *s, bool *locked, qd_error *err) {
    view v;
    *locked = false;
    if (s->job) return atomic_load(&s->job->done) ? result(s, locked, err) : QD_OK;
    if (!common_start(s, &v)) return apart(s, err);
    return enough(s, &v) ? launch(s, &v, err) : QD_OK;
}

qd_status qd_sync_search_end(qd_sync_search *s, bool *locked, qd_error *err) {
    *locked = false;
    return s->job ? result(s, locked, err) : QD_OK;
}
