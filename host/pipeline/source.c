/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <stdlib.h>
#include <string.h>
#include "qdistill/timetag.h"

/* A slice of link time: 2^29 ns, long enough to keep a device busy, short enough for memory at 10 Mcount/s. */
enum { SLICE_CELLS = 512, PIECE_EVENTS = 4096 };

static qd_status no_memory(qd_error *err) { return qd_fail(err, QD_E_INTERNAL, "no memory for detector events"); }

static qd_status append_tags(qd_tags *to, const qd_tags *from, qd_error *err) {
    QD_TRY(qd_tags_reserve(to, to->n + from->n, err));
    if (from->n) {
        memcpy(to->t + to->n, from->t, from->n * sizeof *to->t);
        memcpy(to->mask + to->n, from->mask, from->n);
    }
    to->n += from->n;
    return QD_OK;
}

/* ---- rehearsal --------------------------------------------------------------------------------------------------- */

typedef struct slice {
    qd_tags tags;
    struct slice *next;
} slice;

typedef struct rehearsal_side {
    qd_rehearsal *r;
    int side;
    uint64_t taken; /* cells handed out */
    slice *first, *last;
} rehearsal_side;

struct qd_rehearsal {
    const qd_link *link;
    qd_device *dev;
    uint64_t next, total; /* cells */
    rehearsal_side side[2];
};

static qd_status simulate_slice(qd_rehearsal *r, qd_error *err) {
    uint64_t cells = r->total - r->next < SLICE_CELLS ? r->total - r->next : SLICE_CELLS;
    slice *s[2] = {calloc(1, sizeof(slice)), calloc(1, sizeof(slice))};
    qd_status st = s[0] && s[1] ? QD_OK : no_memory(err);
    if (st == QD_OK) st = qd_simulate(r->link, r->dev, r->next, cells, &s[0]->tags, &s[1]->tags, NULL, err);
    for (int i = 0; i < 2; i++) {
        if (st != QD_OK) {
            if (s[i]) qd_tags_destroy(&s[i]->tags);
            free(s[i]);
            continue;
        }
        rehearsal_side *side = &r->side[i];
        if (side->last) side->last->next = s[i];
        else side->first = s[i];
        side->last = s[i];
    }
    if (st == QD_OK) r->next += cells;
    return st;
}

static qd_status rehearsal_read(void *self, qd_tags *append, bool *end, qd_error *err) {
    rehearsal_side *side = self;
    qd_rehearsal *r = side->r;
    if (!side->first && r->next < r->total) QD_TRY(simulate_slice(r, err));
    slice *s = side->first;
    if (s) {
        QD_TRY(append_tags(append, &s->tags, err));
        side->first = s->next;
        if (!side->first) side->last = NULL;
        qd_tags_destroy(&s->tags);
        free(s);
    }
    *end = !side->first && r->next == r->total;
    return QD_OK;
}

qd_status qd_rehearsal_create(const qd_link *link, double seconds, qd_device *dev, qd_rehearsal **out, qd_error *err) {
    *out = NULL;
    QD_TRY(qd_link_covers(link, qd_link_cells(seconds), err));
    qd_rehearsal *r = calloc(1, sizeof *r);
    if (!r) return no_memory(err);
    r->link = link;
    r->dev = dev;
    r->total = qd_link_cells(seconds);
    for (int i = 0; i < 2; i++) r->side[i] = (rehearsal_side){.r = r, .side = i};
    *out = r;
    return QD_OK;
}

void qd_rehearsal_destroy(qd_rehearsal *r) {
    if (!r) return;
    for (int i = 0; i < 2; i++)
        for (slice *s = r->side[i].first, *next; s; s = next) {
            next = s->next;
            qd_tags_destroy(&s->tags);
            free(s);
        }
    free(r);
}

qd_source qd_rehearsal_source(qd_rehearsal *r, qd_direction role) { return (qd_source){&r->side[role], rehearsal_read}; }

void qd_rehearsal_progress(const qd_rehearsal *r, uint64_t *done, uint64_t *total) {
    *done = r->next;
    *total = r->total;
}

/* ---- recordings -------------------------------------------------------------------------------------------------- */

struct qd_recording {
    qd_tag_reader *reader;
    qd_tick tick;
};

static qd_status recording_read(void *self, qd_tags *append, bool *end, qd_error *err) {
    qd_recording *r = self;
    uint64_t start = append->n;
    /* one slice of time: 2^29 ns in ticks */
    const int64_t span = (int64_t)(((uint64_t)1 << 29) * 1000 / r->tick.num * r->tick.den);
    *end = false;
    while (!*end && (append->n == start || append->t[append->n - 1] - append->t[start] < span))
        QD_TRY(qd_tag_reader_read(r->reader, PIECE_EVENTS, append, end, err));
    return QD_OK;
}

qd_status qd_recording_open(const char *path, const char *format, qd_recording **out, qd_error *err) {
    qd_tag_format f;
    *out = NULL;
    QD_TRY(qd_tag_format_parse(format, &f, err));
    qd_recording *r = calloc(1, sizeof *r);
    if (!r) return no_memory(err);
    qd_status st = qd_tag_reader_open(path, f, &r->reader, err);
    if (st == QD_OK) st = qd_tag_reader_need_outcomes(r->reader, err);
    if (st != QD_OK) {
        qd_tag_reader_close(r->reader);
        free(r);
        return st;
    }
    r->tick = qd_tag_reader_tick(r->reader);
    *out = r;
    return QD_OK;
}

void qd_recording_close(qd_recording *r) {
    if (!r) return;
    qd_tag_reader_close(r->reader);
    free(r);
}

qd_source qd_recording_source(qd_recording *r) { return (qd_source){r, recording_read}; }
qd_tick qd_recording_tick(const qd_recording *r) { return r->tick; }
void qd_recording_see(const qd_recording *r, qd_tag_seen *seen) { qd_tag_see(r->reader, seen); }
