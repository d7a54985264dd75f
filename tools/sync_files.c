/* SPDX-License-Identifier: Apache-2.0 */
#include "sync_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "stop.h"

enum { CHUNK = 1 << 16 };

/* One side while it is read. */
typedef struct side {
    qd_tag_reader *reader;
    qd_tags *held;
    bool ended, full, dropped;
    int64_t start, last; /* earlier events than start cannot have a partner; the last of those */
} side;

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

static qd_status read_some(side *s, qd_error *err) {
    qd_tags fresh = {0};
    uint64_t room = QD_SYNC_EVENTS - s->held->n;
    qd_status st = qd_tag_reader_read(s->reader, room < CHUNK ? room : CHUNK, &fresh, &s->ended, err);
    if (st == QD_OK && fresh.n) {
        uint64_t from = qd_tags_lower_bound(&fresh, s->start);
        if (from) s->dropped = true, s->last = fresh.t[from - 1];
        st = hold(s->held, &fresh, from, err);
    }
    if (s->held->n == QD_SYNC_EVENTS) s->full = true;
    qd_tags_destroy(&fresh);
    return st;
}

static int64_t last_of(const side *s) {
    return s->held->n ? s->held->t[s->held->n - 1] : INT64_MIN;
}

/* The times of B at which A's time is @p t, give or take the offset: to B's clock it is @p sign = -1. */
static int64_t other(int64_t t, double offset, double room, int sign) {
    double x = (double)t + sign * offset + room;
    return x < -0x1p61 ? -((int64_t)1 << 61) : x > 0x1p61 ? (int64_t)1 << 61 : (int64_t)x;
}

/* Drop what cannot have a partner at the other side, where that begins much later; the first events of both are known. */
static void common_start(side s[2], double offset, double room) {
    int64_t first[2] = {s[0].held->t[0], s[1].held->t[0]};
    for (int k = 0; k < 2; k++) {
        s[k].start = other(first[!k], offset, -room, k ? -1 : 1);
        uint64_t from = qd_tags_lower_bound(s[k].held, s[k].start);
        if (from) s[k].dropped = true, s[k].last = s[k].held->t[from - 1];
        memmove(s[k].held->t, s[k].held->t + from, (s[k].held->n - from) * sizeof *s[k].held->t);
        s[k].held->n -= from;
    }
}

static qd_status read_both(qd_sync_files *f, side s[2], qd_error *err) {
    for (int k = 0; k < 2; k++)
        while (!s[k].held->n && !s[k].ended) QD_TRY(read_some(&s[k], err));
    if (!s[0].held->n || !s[1].held->n) return QD_OK;
    double per_s = 1e12 * (double)s[0].held->tick.den / (double)s[0].held->tick.num, offset = f->offset_s * per_s,
           room = f->max_offset_s * per_s;
    common_start(s, offset, room);
    int64_t a0 = s[0].held->n ? s[0].held->t[0] : s[0].start,
            b0 = s[1].held->n ? other(s[1].held->t[0], offset, 0, 1) : INT64_MIN;
    int64_t end = f->span_s > 0 ? other(a0 > b0 ? a0 : b0, 0, f->span_s * per_s, 1) : INT64_MAX; /* on A's clock */
    int64_t limit[2] = {end, end == INT64_MAX ? end : other(end, offset, room, -1)};
    for (;;) {
        int64_t at[2] = {last_of(&s[0]), last_of(&s[1])};
        bool more[2];
        for (int k = 0; k < 2; k++) more[k] = !s[k].ended && !s[k].full && at[k] < limit[k];
        /* beyond the end of the other side, and what the offset may be, nothing has a partner */
        if (!more[0] && at[1] > INT64_MIN / 4 && at[0] > INT64_MIN / 4)
            more[1] = more[1] && at[1] < other(at[0], offset, room, -1);
        if (!more[1] && at[0] > INT64_MIN / 4 && at[1] > INT64_MIN / 4)
            more[0] = more[0] && at[0] < other(at[1], offset, room, 1);
        if (!more[0] && !more[1]) break;
        int next = !more[0] || (more[1] && at[1] < other(at[0], offset, 0, -1));
        QD_TRY(read_some(&s[next], err));
        QD_TRY(qd_stop_check(err));
    }
    for (int k = 0; k < 2; k++) { /* all too early: the search says that they do not meet */
        int64_t early[2] = {s[k].last - 1, s[k].last};
        const qd_tags all = {.n = 2, .t = early, .tick = s[k].held->tick};
        if (!s[k].held->n && s[k].dropped) QD_TRY(hold(s[k].held, &all, 0, err));
    }
    for (int k = 0; k < 2; k++)
        if (f->span_s > 0 && limit[k] != INT64_MAX) s[k].held->n = qd_tags_lower_bound(s[k].held, limit[k] + 1);
    return QD_OK;
}

qd_status qd_sync_load(qd_sync_files *f, qd_error *err) {
    side s[2] = {{.held = &f->tags[0], .start = INT64_MIN}, {.held = &f->tags[1], .start = INT64_MIN}};
    qd_status st = QD_OK;
    for (int k = 0; k < 2 && st == QD_OK; k++) st = qd_tag_reader_open(f->path[k], f->format, &s[k].reader, err);
    if (st == QD_OK) st = read_both(f, s, err);
    for (int k = 0; k < 2; k++) {
        const qd_tags *t = &f->tags[k];
        if (s[k].reader && !t->tick.num) f->tags[k].tick = qd_tag_reader_tick(s[k].reader);
        f->whole[k] = s[k].ended;
        f->loaded_s[k] = t->n ? (double)(t->t[t->n - 1] - t->t[0]) * (double)t->tick.num / (double)t->tick.den * 1e-12 : 0;
        qd_tag_reader_close(s[k].reader);
    }
    return st;
}

bool qd_sync_same(const qd_sync_files *f) {
    struct stat a, b;
    return stat(f->path[0], &a) == 0 && stat(f->path[1], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}
