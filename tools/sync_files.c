/* SPDX-License-Identifier: Apache-2.0 */
#include "sync_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "qdistill/timetag/extend.h"
#include "stop.h"

enum { CHUNK = 1 << 16, MORE = 1 << 18 };

typedef qd_sync_side side;

/* Append times; masks are the raw key and are of no use here. */
static qd_status hold(qd_tags *t, const qd_tags *fresh, uint64_t from, qd_error *err) {
    uint64_t n = fresh->n - from;
    t->tick = fresh->tick;
    if (t->n + n > t->cap) {
        uint64_t cap = t->cap ? 2 * t->cap : 1 << 20;
        while (cap < t->n + n) cap *= 2;
        int64_t *more = realloc(t->t, cap * sizeof *more);
        if (!more) return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu64 " tags", cap);
        t->t = more;
        t->cap = cap;
    }
    memcpy(t->t + t->n, fresh->t + from, n * sizeof *t->t);
    t->n += n;
    return QD_OK;
}

static qd_status read_some(side *s, qd_tags *held, uint64_t n, qd_error *err) {
    qd_tags fresh = {0};
    qd_status st = qd_tag_reader_read(s->reader, n, &fresh, &s->ended, err);
    if (st == QD_OK && fresh.n) {
        uint64_t from = qd_tags_lower_bound(&fresh, s->start);
        if (from) s->dropped = true, s->last = fresh.t[from - 1];
        st = hold(held, &fresh, from, err);
    }
    qd_tags_destroy(&fresh);
    return st;
}

/* Up to QD_SYNC_EVENTS. */
static qd_status hold_some(qd_sync_files *f, int k, qd_error *err) {
    uint64_t room = QD_SYNC_EVENTS - f->tags[k].n;
    QD_TRY(read_some(&f->side[k], &f->tags[k], room < CHUNK ? room : CHUNK, err));
    f->side[k].full = f->tags[k].n == QD_SYNC_EVENTS;
    return QD_OK;
}

static int64_t last_of(const qd_tags *held) {
    return held->n ? held->t[held->n - 1] : INT64_MIN;
}

static void drop_first(qd_tags *held, uint64_t n) {
    memmove(held->t, held->t + n, (held->n - n) * sizeof *held->t);
    held->n -= n;
}

/* The times of B at which A's time is @p t, give or take the offset: to B's clock it is @p sign = -1. */
static int64_t other(int64_t t, double offset, double room, int sign) {
    double x = (double)t + sign * offset + room;
    return x < -0x1p61 ? -((int64_t)1 << 61) : x > 0x1p61 ? (int64_t)1 << 61 : (int64_t)x;
}

/* Drop what cannot have a partner at the other side, where that begins much later; the first events of both are known. */
static void common_start(qd_sync_files *f, double offset, double room) {
    side *s = f->side;
    int64_t first[2] = {f->tags[0].t[0], f->tags[1].t[0]};
    for (int k = 0; k < 2; k++) {
        s[k].first = first[k];
        s[k].start = other(first[!k], offset, -room, k ? -1 : 1);
        uint64_t from = qd_tags_lower_bound(&f->tags[k], s[k].start);
        if (from) s[k].dropped = true, s[k].last = f->tags[k].t[from - 1];
        drop_first(&f->tags[k], from);
    }
}

static qd_status read_both(qd_sync_files *f, qd_error *err) {
    side *s = f->side;
    qd_tags *held = f->tags;
    for (int k = 0; k < 2; k++)
        while (!held[k].n && !s[k].ended) QD_TRY(hold_some(f, k, err));
    if (!held[0].n || !held[1].n) return QD_OK;
    double per_s = 1e12 * (double)held[0].tick.den / (double)held[0].tick.num, offset = f->offset_s * per_s,
           room = f->max_offset_s * per_s;
    common_start(f, offset, room);
    int64_t a0 = held[0].n ? held[0].t[0] : s[0].start, b0 = held[1].n ? other(held[1].t[0], offset, 0, 1) : INT64_MIN;
    if (f->span_s > 0) { /* on A's clock */
        s[0].limit = other(a0 > b0 ? a0 : b0, 0, f->span_s * per_s, 1);
        s[1].limit = other(s[0].limit, offset, room, -1);
    }
    for (;;) {
        int64_t at[2] = {last_of(&held[0]), last_of(&held[1])};
        bool more[2];
        for (int k = 0; k < 2; k++) more[k] = !s[k].ended && !s[k].full && at[k] < s[k].limit;
        /* beyond the end of the other side, and what the offset may be, nothing has a partner */
        if (!more[0] && at[1] > INT64_MIN / 4 && at[0] > INT64_MIN / 4)
            more[1] = more[1] && at[1] < other(at[0], offset, room, -1);
        if (!more[1] && at[0] > INT64_MIN / 4 && at[1] > INT64_MIN / 4)
            more[0] = more[0] && at[0] < other(at[1], offset, room, 1);
        if (!more[0] && !more[1]) break;
        int next = !more[0] || (more[1] && at[1] < other(at[0], offset, 0, -1));
        QD_TRY(hold_some(f, next, err));
        QD_TRY(qd_stop_check(err));
    }
    for (int k = 0; k < 2; k++) { /* all too early: the search says that they do not meet */
        int64_t early[2] = {s[k].first < s[k].last ? s[k].first : s[k].last - 1, s[k].last};
        const qd_tags all = {.n = 2, .t = early, .tick = held[k].tick};
        if (!held[k].n && s[k].dropped) QD_TRY(hold(&held[k], &all, 0, err));
    }
    return QD_OK;
}

/* Nothing behind a side's limit: it ends there. */
static void end_at_limit(qd_sync_files *f, int k) {
    side *s = &f->side[k];
    if (s->limit == INT64_MAX || last_of(&f->tags[k]) <= s->limit) return;
    f->tags[k].n = qd_tags_lower_bound(&f->tags[k], s->limit + 1);
    s->ended = true;
}

qd_status qd_sync_load(qd_sync_files *f, qd_error *err) {
    for (int k = 0; k < 2; k++) f->side[k] = (side){.start = INT64_MIN, .limit = INT64_MAX};
    for (int k = 0; k < 2; k++) QD_TRY(qd_tag_reader_open(f->path[k], f->format[k], &f->side[k].reader, err));
    QD_TRY(read_both(f, err));
    for (int k = 0; k < 2; k++) {
        qd_tags *t = &f->tags[k];
        if (!t->tick.num) t->tick = qd_tag_reader_tick(f->side[k].reader);
        end_at_limit(f, k);
        f->held[k] = t->n;
        f->loaded_s[k] = t->n ? (double)(t->t[t->n - 1] - t->t[0]) * (double)t->tick.num / (double)t->tick.den * 1e-12 : 0;
    }
    return QD_OK;
}

static qd_status go_on(qd_sync_files *f, qd_extend *x, const qd_clock *clock, qd_error *err) {
    uint64_t gone[2] = {0, 0};
    for (bool done = false;;) {
        qd_tags rest[2] = {f->tags[0], f->tags[1]};
        int64_t from[2];
        for (int k = 0; k < 2; k++) rest[k].t += gone[k], rest[k].n -= gone[k];
        QD_TRY(qd_extend_add(x, &rest[0], f->side[0].ended, &rest[1], f->side[1].ended, from, &done, err));
        if (done) return QD_OK;
        for (int k = 0; k < 2; k++) {
            gone[k] += qd_tags_lower_bound(&rest[k], from[k]);
            if (2 * gone[k] < f->tags[k].n) continue; /* moving is for when there is less to move than was used */
            drop_first(&f->tags[k], gone[k]);
            gone[k] = 0;
        }
        bool b_behind = f->tags[1].n == 0 || (f->tags[0].n && qd_clock_apply(clock, last_of(&f->tags[1])) < last_of(&f->tags[0]));
        int next = f->side[0].ended || (b_behind && !f->side[1].ended);
        QD_TRY(read_some(&f->side[next], &f->tags[next], MORE, err));
        end_at_limit(f, next);
        QD_TRY(qd_stop_check(err));
    }
}

qd_status qd_sync_extend(qd_sync_files *f, qd_clock *clock, qd_sync_report *report, qd_error *err) {
    if (f->side[0].ended && f->side[1].ended) return QD_OK; /* the search had it all */
    qd_extend *x;
    QD_TRY(qd_extend_create(clock, report, &x, err));
    qd_status st = go_on(f, x, clock, err);
    if (st == QD_OK) qd_extend_end(x, clock, report);
    qd_extend_destroy(x);
    return st;
}

void qd_sync_close(qd_sync_files *f) {
    for (int k = 0; k < 2; k++) {
        qd_tag_reader_close(f->side[k].reader);
        qd_tags_destroy(&f->tags[k]);
    }
}

bool qd_sync_same(const qd_sync_files *f) {
    struct stat a, b;
    return stat(f->path[0], &a) == 0 && stat(f->path[1], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
