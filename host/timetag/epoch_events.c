/* SPDX-License-Identifier: Apache-2.0 */
/* One T1 or T2 file in memory to its entries. */
#include <inttypes.h>
#include <stdlib.h>
#include "timetag/a1.h"

enum { EVENT = 8, END = 1 };

void qd_epoch_events_free(qd_epoch_events *e) {
    if (!e) return;
    if (e->pattern) qd_wipe(e->pattern, (size_t)e->head.length + 1); /* the raw key, also of a file that is not whole */
    free(e->t);
    free(e->pattern);
    *e = (qd_epoch_events){.n = 0};
}

static qd_status room(qd_epoch_events *e, qd_error *err) {
    e->t = malloc(((size_t)e->head.length + 1) * sizeof *e->t);
    e->pattern = calloc((size_t)e->head.length + 1, 1);
    if (e->t && e->pattern) return QD_OK;
    return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu32 " events of an epoch", e->head.length);
}

static qd_status disagree(size_t at, const char *what, const qd_epoch_head *h, qd_error *err) {
    return qd_fail(err, QD_E_INPUT,
                   "byte %zu: %s, but the header says %" PRIu32
                   " entries|length and terminator disagree|the file is inconsistent|make it again from the recording",
                   at, what, h->length);
}

/* An event so many epochs from that of its file. */
static qd_status away(int64_t epochs, size_t at, qd_epoch_events *e, qd_error *err) {
    char where[32];
    if (epochs == 0) return QD_OK;
    e->outside++;
    if (epochs == 1 || epochs == -1) return QD_OK;
    (void)snprintf(where, sizeof where, "byte %zu: ", at);
    return qd_fail(err, QD_E_INPUT, QD_EPOCH_AWAY, where, epochs, (double)epochs * qd_epoch_s, e->head.epoch);
}

/* ---- T1 ---------------------------------------------------------------------------------------------------------- */

static qd_status t1_entries(const uint8_t *bytes, qd_epoch_events *e, qd_error *err) {
    uint32_t first = 0, te;
    bool known = false; /* of the first event; what has no detector need not have a time */
    for (uint64_t i = 0; i <= e->head.length; i++) {
        size_t at = qd_epoch_head_bytes(1) + EVENT * (size_t)i;
        uint64_t w = qd_a1_load(bytes + at, true);
        if (i == e->head.length) return w ? disagree(at, "no terminator", &e->head, err) : QD_OK;
        if (w == 0) return disagree(at, "a terminator", &e->head, err);
        te = (uint32_t)(w >> 47);
        if (!known) first = te;
        known = known || (w & 15);
        const int32_t epochs = qd_t1_away(e->head.epoch, first, te);
        if (w & 15) QD_TRY(away(epochs, at, e, err));
        e->t[i] = epochs * ((int64_t)1 << 32) + (int64_t)(w >> 15 & UINT32_MAX);
        e->pattern[i] = w & 15;
        e->n = i + 1;
    }
    return QD_OK;
}

qd_status qd_t1_decode(const uint8_t *bytes, size_t n, qd_epoch_events *e, qd_error *err) {
    *e = (qd_epoch_events){.n = 0};
    QD_TRY(qd_epoch_head_read(bytes, n, 1, &e->head, err));
    uint64_t want = qd_epoch_file_bytes(&e->head);
    if (want != n)
        return qd_fail(err, QD_E_INPUT,
                       "byte 8: length %" PRIu32 " makes a file of %" PRIu64
                       " bytes, but there are %zu|length and size disagree|%s",
                       e->head.length, want, n,
                       n < want ? "the file was truncated, or is still being written"
                                : "the length is not stated, or the header is damaged");
    qd_status st = room(e, err);
    if (st == QD_OK) st = t1_entries(bytes, e, err);
    if (st != QD_OK) qd_epoch_events_free(e);
    return st;
}

/* ---- T2 ---------------------------------------------------------------------------------------------------------- */

static qd_status t2_entries(qd_packed *s, const uint8_t *bytes, qd_epoch_events *e, qd_error *err) {
    const qd_epoch_head *h = &e->head;
    uint64_t time = 0;
    for (;;) {
        uint32_t d = 0, pattern = 0;
        size_t at = (size_t)(s->p - bytes);
        bool ok = qd_packed_take(s, h->order, &d), wide = ok && d == 0;
        if (!ok || (wide && !qd_packed_take(s, 32, &d)) || !qd_packed_take(s, h->bits, &pattern))
            return qd_fail(err, QD_E_INPUT,
                           "byte %zu: the entries end without terminator||the file was truncated, or is still being written", at);
        if (d == END && pattern == 0 && !wide) return e->n == h->length ? QD_OK : disagree(at, "a terminator", h, err);
        if (d <= END)
            return qd_fail(err, QD_E_INPUT,
                           "byte %zu: entry %" PRIu64 " has the difference %" PRIu32
                           "|times are two units apart or more|the file is damaged|copy it again",
                           at, e->n, d);
        if (e->n == h->length) return disagree(at, "more entries", h, err);
        time += d;
        QD_TRY(away((int64_t)(time >> 32), at, e, err));
        e->t[e->n] = (int64_t)time;
        e->pattern[e->n++] = (uint8_t)pattern;
    }
}

qd_status qd_t2_decode(const uint8_t *bytes, size_t n, qd_epoch_events *e, qd_error *err) {
    *e = (qd_epoch_events){.n = 0};
    QD_TRY(qd_epoch_head_read(bytes, n, 2, &e->head, err));
    const qd_epoch_head *h = &e->head;
    size_t head = qd_epoch_head_bytes(2);
    /* before memory is asked for: so many entries cannot be in so few bytes */
    if ((n - head) % 4 || ((uint64_t)h->length + 1) * (h->order + h->bits) > 8 * (uint64_t)(n - head))
        return qd_fail(err, QD_E_INPUT,
                       "byte 8: %" PRIu32 " entries do not fit in %zu bytes||the file was truncated, or is still being written",
                       h->length, n);
    qd_packed s = {bytes + head, bytes + n, {0, 0}};
    qd_status st = room(e, err);
    if (st == QD_OK) st = t2_entries(&s, bytes, e, err);
    if (st == QD_OK && (s.p != s.end || s.u.acc))
        st = qd_fail(err, QD_E_INPUT,
                     "byte %zu: data behind the terminator|length and terminator disagree|the file is damaged|copy it again",
                     (size_t)(s.p - bytes));
    if (st != QD_OK) qd_epoch_events_free(e);
    return st;
}
