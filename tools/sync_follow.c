/* SPDX-License-Identifier: Apache-2.0 */
/* sync --follow: read two streams, search until there is a lock, then follow the clock and tell where it is, until they end. */
#include "sync_follow.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/report.h"
#include "recordings.h"
#include "stop.h"
#include "sync_search.h"

enum { WAIT_MS = 100, SEARCH_MS = 5 };
static const double silence_s = 5; /* until somebody is told that a side brings nothing */

typedef struct session {
    qd_cli *cli;
    const qd_sync_args *a;
    qd_device *dev;
    FILE *text;
    bool json;
    qd_sync_streams io;
    qd_sync_search search;
    bool told[2]; /* that this side is silent */
    unsigned told_found[2]; /* what its recording shows, as a set */
    uint64_t passed[2]; /* files of epochs */

    qd_follow *follow; /* NULL: searching */
    qd_times on_a;
    qd_follow_need need;
    int64_t counted, line_from, line_at; /* A's time: events counted so far; of the line under way, and when it is due */
    qd_follow_now before;                /* as of the last line */
    uint64_t events[2];                  /* since then */

    bool over;
    const char *end; /* why */
    uint64_t locks, lost, lines;
    double followed_s;
    qd_clock clock; /* of the latest lock */
    qd_sync_report report;
    qd_sync_loaded loaded;
    json_t *latest; /* the last line */
} session;

static double per_s(const session *s) {
    qd_tick tick = s->io.s[0].held.tick;
    return 1e12 * (double)tick.den / (double)tick.num;
}

/* ---- What is said ---------------------------------------------------------------------------------------------------- */

static qd_status cannot_write(qd_error *err) {
    return qd_fail(err, QD_E_INPUT,
                   "cannot write to standard output||it is closed or its disk is full|make room, or read on from a pipe");
}

/* A line of JSON, as it happens. Takes ownership of @p j. */
static qd_status emit(const session *s, json_t *j, qd_error *err) {
    char *line = s->json ? json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    bool ok = !s->json || (line && puts(line) >= 0 && fflush(stdout) == 0);
    free(line);
    json_decref(j);
    return ok ? QD_OK : cannot_write(err);
}

static qd_status flush(const session *s, qd_error *err) {
    return !s->text || (fflush(s->text) == 0 && !ferror(s->text)) ? QD_OK : cannot_write(err);
}

static qd_status tell_lock(session *s, qd_error *err) {
    const qd_sync_report *r = &s->report;
    if (s->text) {
        fprintf(s->text, "lock after %.6g s of tags, search %" PRIu64 "\n", s->loaded.seconds[0], s->search.attempts);
        qd_sync_print(s->text, s->a, r);
    }
    QD_TRY(flush(s, err));
    return emit(s,
                json_pack("{s:s,s:I,s:f,s:f,s:f,s:f,s:f}", "event", "lock", "attempt", (json_int_t)s->search.attempts,
                          "offset_ps", r->offset_ps, "frequency_ppm", r->frequency_ppm, "base_ps", r->base_ps, "sigma_ps",
                          r->sigma_ps, "p_false", r->p_false),
                err);
}

/* The clock and what the time since the last line showed. */
static qd_status tell_clock(session *s, const qd_follow_now *now, qd_error *err) {
    double seconds = (double)(now->at - s->line_from) / per_s(s), pairs = now->pairs - s->before.pairs;
    bool fitted = pairs > 0;
    double residual = fitted ? (now->residual_sum_ps - s->before.residual_sum_ps) / pairs : 0,
           sigma = fitted ? sqrt(fmax(0, (now->square_sum_ps2 - s->before.square_sum_ps2) / pairs)) : 0,
           at_s = (double)now->at / per_s(s), rate[2];
    int64_t last = s->io.s[0].last; /* the last stretch may go on behind A's last event */
    double counted_s = s->over && last < now->at && last > s->line_from ? (double)(last - s->line_from) / per_s(s) : seconds;
    for (int k = 0; k < 2; k++) rate[k] = (double)s->events[k] / counted_s;
    char sure[48];
    if (now->coasted_s > 0)
        snprintf(sure, sizeof sure, "%.2g s without pairs", now->coasted_s);
    else
        snprintf(sure, sizeof sure, "sd %.2g", now->offset_sd_ps);
    if (s->text && fitted)
        fprintf(s->text,
                "%.3f s: offset %.1f ps (%s), frequency %.6f ppm, drift %.2g ppm/s, %.0f pairs, residual %.2g ps, jitter %.4g "
                "ps, rates %.6g and %.6g\n",
                at_s, now->offset_ps, sure, now->frequency_ppm, now->drift_ppm_s, pairs, residual, sigma, rate[0], rate[1]);
    else if (s->text)
        fprintf(s->text, "%.3f s: no pairs; by the clock so far offset %.1f ps, frequency %.6f ppm; rates %.6g and %.6g\n", at_s,
                now->offset_ps, now->frequency_ppm, rate[0], rate[1]);
    json_t *j = json_pack("{s:s,s:f,s:f,s:b,s:f,s:f,s:o,s:f,s:f,s:f}", "event", "clock", "time_s", at_s, "seconds", seconds,
                          "fitted", (int)fitted, "coasted_s", now->coasted_s, "offset_ps", now->offset_ps, "offset_sd_ps",
                          now->coasted_s > 0 ? json_null() : json_real(now->offset_sd_ps), "frequency_ppm", now->frequency_ppm,
                          "drift_ppm_s", now->drift_ppm_s, "pairs", fitted ? pairs : 0);
    json_object_set_new(j, "residual_ps", fitted ? json_real(residual) : json_null());
    json_object_set_new(j, "sigma_ps", fitted ? json_real(sigma) : json_null());
    json_object_set_new(j, "rates", json_pack("[f,f]", rate[0], rate[1]));
    json_object_set_new(j, "clock", qd_clock_json(&now->clock));
    json_decref(s->latest);
    s->latest = json_copy(j);
    json_object_del(s->latest, "event");
    s->lines++;
    s->followed_s += seconds;
    s->before = *now;
    s->events[0] = s->events[1] = 0;
    s->line_from = now->at;
    QD_TRY(flush(s, err));
    return emit(s, j, err);
}

static qd_status tell_lost(session *s, const qd_follow_now *now, const char *why, qd_error *err) {
    double at_s = (double)now->at / per_s(s);
    if (s->text) fprintf(s->text, "%.3f s: lock lost: %s; searching again\n", at_s, why);
    QD_TRY(flush(s, err));
    return emit(s, json_pack("{s:s,s:f,s:s}", "event", "lost", "time_s", at_s, "reason", why), err);
}

/* Once, when a side that is waited for has brought nothing for some seconds. */
static qd_status tell_silence(session *s, qd_error *err) {
    double now = qd_now();
    for (int k = 0; k < 2; k++) {
        bool silent = !s->io.s[k].ended && s->io.s[k].fifo && now - s->io.s[k].moved > silence_s;
        bool first = silent && !s->told[k];
        s->told[k] = silent;
        if (!first) continue;
        if (!s->cli->quiet) fprintf(stderr, "qdistill sync: %s has brought nothing for %.0f s\n", s->a->file[k], silence_s);
        QD_TRY(emit(s, json_pack("{s:s,s:s}", "event", "silent", "station", k ? "B" : "A"), err));
    }
    return QD_OK;
}

/* Once for each thing that is wrong with a recording, when it shows. */
static qd_status tell_found(session *s, qd_error *err) {
    for (int k = 0; k < 2; k++) {
        qd_tag_seen seen;
        qd_tag_see(s->io.s[k].reader, &seen);
        unsigned fresh = qd_tag_findings(&seen) & ~s->told_found[k] & ~(1U << QD_FOUND_EPOCHS); /* each of those is told */
        s->told_found[k] |= fresh;
        if (!fresh) continue;
        json_t *found = qd_tag_found_json(&seen, fresh);
        qd_recordings_tell(s->cli, s->a->file[k], qd_sync_format(s->a, k), found);
        QD_TRY(emit(s, json_pack("{s:s,s:s,s:o}", "event", "found", "station", k ? "B" : "A", "found", found), err));
    }
    return QD_OK;
}

/* Epochs without files, and files that were passed over. */
static qd_status tell_epochs(session *s, qd_error *err) {
    qd_stream_note note;
    for (int k = 0; k < 2; k++)
        while (qd_tag_stream_note(s->io.s[k].reader, &note)) {
            char first[QD_EPOCH_NAME], last[QD_EPOCH_NAME];
            const char *station = k ? "B" : "A", *dir = s->a->file[k];
            const bool gap = note.kind == QD_STREAM_GAP, loud = !s->cli->quiet;
            qd_epoch_name(note.epoch, first);
            qd_epoch_name(note.epoch + note.epochs - 1, last);
            if (gap && loud && note.epochs > 1)
                fprintf(stderr, "qdistill sync: %s has no files of the epochs %s to %s\n", dir, first, last);
            else if (gap && loud)
                fprintf(stderr, "qdistill sync: %s has no file of epoch %s\n", dir, first);
            else if (loud)
                fprintf(stderr, "qdistill sync: %s/%s was passed over: %s\n", dir, first, note.why);
            s->passed[k] += !gap;
            json_t *j = json_pack("{s:s,s:s,s:s,s:I}", "event", gap ? "gap" : "damaged", "station", station, "epoch", first,
                                  "epochs", (json_int_t)note.epochs);
            if (!gap) json_object_set_new(j, "reason", json_string(note.why));
            QD_TRY(emit(s, j, err));
        }
    return QD_OK;
}

/* ---- Following ------------------------------------------------------------------------------------------------------- */

static void forget_clock(session *s) {
    qd_follow_destroy(s->follow);
    s->follow = NULL;
    s->on_a.n = 0;
}

/* Half the window in which pairs are counted: three standard deviations of the jitter. */
static int64_t reach_of(const session *s) {
    double ticks = 3 * s->report.sigma_ps * 1e-12 * per_s(s);
    return (int64_t)fmin(fmax(ceil(ticks), 1), 0x1p28);
}

static qd_status locked(session *s, qd_error *err) {
    s->clock = s->search.clock;
    s->report = s->search.report;
    s->loaded = s->search.loaded;
    s->locks++;
    QD_TRY(qd_follow_create(&s->clock, reach_of(s), false, &s->follow, err));
    s->need = (qd_follow_need){INT64_MIN, INT64_MIN, INT64_MIN};
    s->before = (qd_follow_now){.at = INT64_MIN};
    s->counted = s->line_from = INT64_MIN;
    s->events[0] = s->events[1] = 0;
    QD_TRY(tell_lock(s, err));
    qd_follow_now now;
    qd_follow_state(s->follow, &now);
    if (!now.held) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "the clock cannot be followed: times are in ticks of %.6g ns||ticks must be shorter than 256 ns|export finer "
                   "times, or leave --follow out",
                   1e9 / per_s(s));
}

static qd_status lose(session *s, const qd_follow_now *now, const char *why, qd_error *err) {
    s->lost++;
    QD_TRY(tell_lost(s, now, why, err));
    qd_sync_search_again(&s->search, &now->clock);
    qd_sync_drop(&s->io.s[0], qd_tags_lower_bound(&s->io.s[0].held, now->at));
    qd_sync_drop(&s->io.s[1], qd_times_lower_bound(&s->on_a, now->at));
    forget_clock(s);
    return QD_OK;
}

/* The events up to and with the first that is not before @p t: more would let the clock run ahead of the next line. false: not
 * there yet. */
static bool view_to(const qd_sync_stream *x, int64_t t, qd_tags *view, bool *end) {
    uint64_t n = qd_tags_lower_bound(&x->held, t);
    if (n == x->held.n && !x->ended) return false;
    *view = x->held;
    view->n = n < x->held.n ? n + 1 : n;
    *end = x->ended && view->n == x->held.n;
    return true;
}

/* Events of both up to where the clock is now known. */
static void count(session *s, const qd_follow_now *now) {
    if (now->at == INT64_MIN) return;
    if (s->counted == INT64_MIN) {
        s->counted = s->line_from = now->at;
        s->line_at = now->at + (int64_t)(s->a->every_s * per_s(s));
        return;
    }
    s->events[0] += qd_tags_lower_bound(&s->io.s[0].held, now->at) - qd_tags_lower_bound(&s->io.s[0].held, s->counted);
    s->events[1] += qd_times_lower_bound(&s->on_a, now->at) - qd_times_lower_bound(&s->on_a, s->counted);
    s->counted = now->at;
}

static qd_status line_when_due(session *s, const qd_follow_now *now, bool last, qd_error *err) {
    if (now->at == INT64_MIN || now->at <= s->line_from || (now->at < s->line_at && !last)) return QD_OK;
    int64_t every = (int64_t)(s->a->every_s * per_s(s)) + 1;
    if (now->at >= s->line_at) s->line_at += ((now->at - s->line_at) / every + 1) * every;
    return tell_clock(s, now, err);
}

/* Forget what the clock needs no more, when that is much. */
static void forget(session *s) {
    qd_sync_stream *a = &s->io.s[0], *b = &s->io.s[1];
    if (s->need.until == INT64_MIN || s->need.until == INT64_MAX) return;
    int64_t before = (s->need.until < s->counted ? s->need.until : s->counted) - qd_follow_margin(s->follow);
    uint64_t old_a = qd_tags_lower_bound(&a->held, before), old_b = qd_times_lower_bound(&s->on_a, before);
    if (2 * old_a >= a->held.n || a->held.n >= s->io.hold) qd_sync_drop(a, old_a);
    if (2 * old_b >= b->held.n || b->held.n >= s->io.hold) {
        qd_sync_drop(b, old_b);
        qd_times_drop(&s->on_a, old_b);
    }
}

/* Nothing that may still come can be paired. */
static bool finished(const session *s, const qd_follow_now *now) {
    const qd_sync_stream *b = &s->io.s[1];
    if (now->over || s->need.until == INT64_MAX) return true;
    return b->ended && (!b->events || (now->at > INT64_MIN && qd_clock_apply(&now->clock, b->last) < now->at));
}

/* As far as the tags go that are there. */
static qd_status follow_on(session *s, const volatile sig_atomic_t *stop, qd_error *err) {
    while (s->follow && !s->over && !*stop) {
        qd_tags a, b;
        bool a_end, b_end;
        qd_follow_now now;
        qd_follow_state(s->follow, &now);
        s->over = finished(s, &now);
        if (s->over) return line_when_due(s, &now, true, err);
        if (!view_to(&s->io.s[0], s->need.a, &a, &a_end) || !view_to(&s->io.s[1], s->need.b, &b, &b_end)) break;
        QD_TRY(qd_follow_advance(s->follow, &a, a_end, &b, b_end, &s->on_a, &s->need, err));
        qd_follow_state(s->follow, &now);
        /* where A was dark the clock is beyond what B has brought so far: a line has both sides' events of its time */
        if (now.at > s->need.until && !now.over) continue;
        count(s, &now);
        QD_TRY(line_when_due(s, &now, false, err));
        forget(s);
        if (now.coasted_s > s->a->lost_s) QD_TRY(lose(s, &now, "no pairs", err));
    }
    return QD_OK;
}

/* ---- Memory ---------------------------------------------------------------------------------------------------------- */

static bool missing(const session *s, int k) {
    int64_t t = k ? s->need.b : s->need.a;
    const qd_sync_stream *x = &s->io.s[k];
    return !x->ended && qd_tags_lower_bound(&x->held, t) == x->held.n;
}

/* A side that is full: its events go, where the other side has stopped or the clock asks for more than can be held. */
static qd_status make_room(session *s, qd_error *err) {
    int k = qd_sync_stalled(&s->io);
    if (k >= 0 && !s->search.job) {
        uint64_t half = s->io.s[k].held.n / 2;
        s->io.s[k].dropped += half;
        qd_sync_drop(&s->io.s[k], half);
        if (k) qd_times_drop(&s->on_a, half);
    }
    for (k = 0; s->follow && k < 2; k++) {
        if (!qd_sync_full(&s->io, k) || !missing(s, k)) continue;
        qd_follow_now now;
        qd_follow_state(s->follow, &now);
        qd_sync_drop(&s->io.s[k], s->io.s[k].held.n / 2);
        return lose(s, &now, "more tags are needed than --hold-events allows", err);
    }
    return QD_OK;
}

/* ---- From the beginning to the end ------------------------------------------------------------------------------------ */

/* A last line for what came after the last one. */
static qd_status last_line(session *s, qd_error *err) {
    qd_follow_now now;
    if (!s->follow) return QD_OK;
    qd_follow_state(s->follow, &now);
    return line_when_due(s, &now, true, err);
}

static qd_status end_of(session *s, const char *end, qd_status st, qd_error *err) {
    s->end = end;
    qd_status told = tell_epochs(s, st == QD_OK ? err : NULL);
    if (told != QD_OK && st == QD_OK) return told;
    if (st == QD_E_POLICY && s->locks) st = QD_OK; /* searching again found nothing more: there was a lock */
    if (st == QD_OK) st = last_line(s, err);
    if (st == QD_OK && !s->locks)
        return qd_fail(err, QD_E_POLICY, "no lock: %s after %.6g s of tags|a signal came|too little had come to find a clock|let it search for longer", s->report.reason,
                       s->loaded.seconds[0]);
    return st;
}

static const char *end_of_tags(const session *s) {
    bool a = s->io.s[0].ended, b = s->io.s[1].ended;
    return a && b ? "both ended" : a ? "A ended" : b ? "B ended" : "gave up";
}

static qd_status stopped(session *s, qd_error *err) {
    bool lock = false;
    qd_status st = qd_sync_search_end(&s->search, &lock, err);
    if (st == QD_STOPPED) st = QD_OK;
    if (st == QD_OK && lock) st = locked(s, err);
    if (st == QD_OK && !s->locks) {
        s->report = s->search.report;
        s->loaded = s->search.loaded;
        if (s->report.cause == QD_LOCKED) s->report.cause = QD_LOCK_TOO_SHORT;
        snprintf(s->report.reason, sizeof s->report.reason, "stopped on request");
    }
    return end_of(s, "stopped", st, err);
}

static qd_status go_on(session *s, const volatile sig_atomic_t *stop, qd_error *err) {
    for (;;) {
        bool lock = false;
        if (*stop) return stopped(s, err);
        if (!s->follow) {
            qd_status st = qd_sync_search_step(&s->search, &lock, err);
            if (st == QD_STOPPED) return stopped(s, err);
            if (st != QD_OK && !s->locks) {
                s->report = s->search.report;
                s->loaded = s->search.loaded;
            }
            if (st != QD_OK) return end_of(s, end_of_tags(s), st, err);
            if (lock) QD_TRY(locked(s, err));
        }
        QD_TRY(follow_on(s, stop, err));
        if (s->over) return end_of(s, end_of_tags(s), QD_OK, err);
        QD_TRY(make_room(s, err));
        QD_TRY(tell_silence(s, err));
        QD_TRY(tell_epochs(s, err));
        QD_TRY(qd_sync_streams_pump(&s->io, s->search.job ? SEARCH_MS : WAIT_MS, err));
        QD_TRY(tell_found(s, err));
    }
}

static json_t *record(const session *s) {
    json_t *j = qd_cli_record(s->cli, s->dev);
    const qd_sync_stream *x = s->io.s;
    const char *said[2] = {"A lagged behind: events of B were dropped, see dropped_events",
                           "B lagged behind: events of A were dropped, see dropped_events"};
    const char *warning[2];
    size_t n = 0;
    for (int k = 0; k < 2; k++)
        if (x[!k].dropped) warning[n++] = said[k];
    qd_sync_json(j, s->a, &s->loaded, &s->clock, &s->report, warning, n);
    qd_tag_seen seen[2];
    for (int k = 0; k < 2; k++) qd_tag_see(x[k].reader, &seen[k]);
    qd_sync_recordings(j, s->a, seen);
    json_t *f = json_pack("{s:s,s:I,s:I,s:I,s:I,s:f}", "end", s->end ? s->end : "failed", "attempts",
                          (json_int_t)s->search.attempts, "locks", (json_int_t)s->locks, "lost", (json_int_t)s->lost, "lines",
                          (json_int_t)s->lines, "followed_s", s->followed_s);
    json_object_set_new(f, "events", json_pack("[I,I]", (json_int_t)x[0].events, (json_int_t)x[1].events));
    json_object_set_new(f, "dropped_events", json_pack("[I,I]", (json_int_t)x[0].dropped, (json_int_t)x[1].dropped));
    json_object_set_new(f, "cut_bytes",
                        json_pack("[I,I]", (json_int_t)(x[0].ended ? qd_tag_stream_left(x[0].reader) : 0),
                                  (json_int_t)(x[1].ended ? qd_tag_stream_left(x[1].reader) : 0)));
    const qd_tag_info *of[2] = {qd_tag_reader_info(x[0].reader), qd_tag_reader_info(x[1].reader)};
    json_object_set_new(f, "epochs", json_pack("[I,I]", (json_int_t)of[0]->epochs, (json_int_t)of[1]->epochs));
    json_object_set_new(f, "epochs_damaged", json_pack("[I,I]", (json_int_t)s->passed[0], (json_int_t)s->passed[1]));
    json_object_set_new(f, "latest", s->latest ? json_incref(s->latest) : json_null());
    json_object_set_new(j, "follow", f);
    return j;
}

int qd_sync_follow(qd_cli *cli, const qd_sync_args *a) {
    qd_error err = {0};
    session s = {.cli = cli, .a = a, .text = qd_cli_text(cli), .json = cli->progress && strcmp(cli->progress, "json") == 0};
    bool none;
    qd_status st = qd_cli_device(cli, &s.dev, &err);
    if (st == QD_OK) st = qd_sync_streams_open(&s.io, a, &err);
    bool opened = st == QD_OK;
    if (opened) {
        const volatile sig_atomic_t *stop = qd_stop_watch();
        qd_sync_search_start(&s.search, a, &s.io, s.dev, stop);
        st = go_on(&s, stop, &err);
        (void)qd_sync_search_end(&s.search, &none, NULL);
    }
    for (int k = 0; opened && k < 2 && !cli->quiet; k++)
        if (s.io.s[k].ended && qd_tag_stream_left(s.io.s[k].reader))
            fprintf(stderr, "qdistill sync: warning: %s ends within a record, %" PRIu64 " bytes of which were left\n", a->file[k],
                    qd_tag_stream_left(s.io.s[k].reader));
    int status = !opened       ? qd_cli_fail(cli, &err)
                 : st == QD_OK ? qd_cli_done(cli, record(&s))
                               : qd_cli_refuse(cli, record(&s), &err);
    forget_clock(&s);
    free(s.on_a.t);
    json_decref(s.latest);
    qd_sync_streams_close(&s.io);
    qd_device_close(s.dev);
    return status;
}
