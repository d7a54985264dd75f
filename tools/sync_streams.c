/* SPDX-License-Identifier: Apache-2.0 */
#include "sync_streams.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "qdistill/core/report.h"

enum { CHUNK = 1 << 16, LAG_MS = 20 };
static const double stall_s = 1;

static qd_status not_one_fifo(const qd_sync_args *a, qd_error *err) {
    struct stat s, t;
    if (stat(a->file[0], &s) != 0 || stat(a->file[1], &t) != 0 || !S_ISFIFO(s.st_mode) || s.st_dev != t.st_dev ||
        s.st_ino != t.st_ino)
        return QD_OK;
    return qd_fail(err, QD_E_USAGE,
                   "A and B are the same FIFO: what one reads of it the other does not|||give one FIFO of each station");
}

qd_status qd_sync_streams_open(qd_sync_streams *io, const qd_sync_args *a, qd_error *err) {
    *io = (qd_sync_streams){.hold = a->hold_events, .idle_s = a->idle_s};
    QD_TRY(not_one_fifo(a, err));
    for (int k = 0; k < 2; k++) {
        qd_sync_stream *s = &io->s[k];
        QD_TRY(qd_tag_stream_open(a->file[k], a->tags[k], &s->reader, err));
        s->fifo = qd_tag_stream_is_fifo(s->reader);
        s->held.tick = qd_tag_reader_tick(s->reader);
        s->moved = qd_now();
    }
    return QD_OK;
}

void qd_sync_streams_close(qd_sync_streams *io) {
    for (int k = 0; k < 2; k++) {
        qd_tag_reader_close(io->s[k].reader);
        qd_tags_destroy(&io->s[k].held);
        qd_tags_destroy(&io->s[k].fresh);
    }
}

/* Times alone: masks are the raw key and are of no use here. */
static qd_status hold(qd_sync_stream *s, uint64_t most, qd_error *err) {
    qd_tags *t = &s->held;
    const qd_tags *fresh = &s->fresh;
    if (!fresh->n) return QD_OK;
    if (t->n + fresh->n > t->cap) {
        uint64_t cap = t->cap ? 2 * t->cap : CHUNK;
        while (cap < t->n + fresh->n) cap *= 2;
        if (cap > most) cap = most;
        int64_t *more = realloc(t->t, cap * sizeof *more);
        if (!more) return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu64 " tags", cap);
        t->t = more;
        t->cap = cap;
    }
    memcpy(t->t + t->n, fresh->t, fresh->n * sizeof *t->t);
    t->n += fresh->n;
    t->tick = fresh->tick;
    if (!s->events) s->first = fresh->t[0];
    s->last = fresh->t[fresh->n - 1];
    s->events += fresh->n;
    return QD_OK;
}

/* Events of what was fetched, as far as there is room. */
static qd_status decode(qd_sync_stream *s, uint64_t most, qd_error *err) {
    while (!s->ended && s->held.n < most) {
        uint64_t room = most - s->held.n, want = room < CHUNK ? room : CHUNK;
        s->fresh.n = 0;
        QD_TRY(qd_tag_reader_read(s->reader, want, &s->fresh, &s->ended, err));
        QD_TRY(hold(s, most, err));
        if (s->fresh.n < want) break;
    }
    return QD_OK;
}

/* @p alone: the other has ended. */
static qd_status take(qd_sync_stream *s, const qd_sync_streams *io, bool alone, bool *some, qd_error *err) {
    uint64_t bytes = 0, before = s->held.n;
    if (s->ended) return QD_OK;
    double now = qd_now();
    if (s->held.n >= io->hold) {
        s->moved = now;
        return QD_OK;
    }
    QD_TRY(qd_tag_stream_fill(s->reader, &bytes, err));
    if (bytes)
        s->moved = now;
    else if ((!s->fifo || (alone && s->events)) && now - s->moved >= io->idle_s)
        qd_tag_stream_finish(s->reader);
    QD_TRY(decode(s, io->hold, err));
    *some = *some || bytes || s->held.n > before || s->ended;
    return QD_OK;
}

/* As soon as both are known: some formats have the tick in a header. */
static qd_status same_ticks(const qd_sync_streams *io, qd_error *err) {
    qd_tick a = io->s[0].held.tick, b = io->s[1].held.tick;
    if (!a.num || !b.num || (a.num == b.num && a.den == b.den)) return QD_OK;
    return qd_fail(err, QD_E_USAGE,
                   "A counts in ticks of %" PRIu64 "/%" PRIu64 " ps, B in ticks of %" PRIu64 "/%" PRIu64
                   " ps|both sides must count in the same unit|the stations have different cards, or a format is another|convert one with `qdistill tags convert`",
                   (uint64_t)a.num, (uint64_t)a.den, (uint64_t)b.num, (uint64_t)b.den);
}

qd_status qd_sync_streams_pump(qd_sync_streams *io, int wait_ms, qd_error *err) {
    struct pollfd p[2];
    nfds_t n = 0;
    bool some = false, files = false;
    for (int k = 0; k < 2; k++) {
        qd_sync_stream *s = &io->s[k];
        QD_TRY(take(s, io, io->s[!k].ended, &some, err));
        if (s->ended || s->held.n >= io->hold) continue;
        if (s->fifo)
            p[n++] = (struct pollfd){.fd = qd_tag_stream_fd(s->reader), .events = POLLIN};
        else
            files = true;
    }
    QD_TRY(same_ticks(io, err));
    /* a file does not tell when it has grown: look again soon */
    if (!some) (void)poll(p, n, files && wait_ms > LAG_MS ? LAG_MS : wait_ms);
    return QD_OK;
}

bool qd_sync_full(const qd_sync_streams *io, int side) {
    return !io->s[side].ended && io->s[side].held.n >= io->hold;
}

int qd_sync_stalled(const qd_sync_streams *io) {
    double now = qd_now();
    for (int k = 0; k < 2; k++)
        if (io->s[k].fifo && qd_sync_full(io, k) && !io->s[!k].ended && !qd_sync_full(io, !k) && now - io->s[!k].moved > stall_s)
            return k;
    return -1;
}

void qd_sync_drop(qd_sync_stream *s, uint64_t k) {
    if (k > s->held.n) k = s->held.n;
    if (k) memmove(s->held.t, s->held.t + k, (s->held.n - k) * sizeof *s->held.t);
    s->held.n -= k;
}

bool qd_sync_has(const qd_sync_stream *s, int64_t t) {
    return s->ended || (s->held.n && s->held.t[s->held.n - 1] >= t);
}
