/* SPDX-License-Identifier: Apache-2.0 */
/* The T1 side of costream's place: files to a stream of events. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "pipeline/costream.h"

enum { FAR_EPOCHS = 1 << 28 };

qd_status qd_costream_base(const qd_costream *c, uint32_t epoch, int64_t *base, qd_error *err) {
    if (epoch - c->first > FAR_EPOCHS)
        return qd_fail(err, QD_E_INPUT,
                       "epoch %08" PRIx32 " is more than four years from the first (%08" PRIx32
                       ")||two recordings in one folder|separate them",
                       epoch, c->first);
    *base = (int64_t)(epoch - c->first) * ((int64_t)1 << 32);
    return QD_OK;
}

static qd_status room(qd_t1_stream *s, uint64_t events, qd_error *err) {
    if (s->next) { /* forget what was used */
        memmove(s->t, s->t + s->next, (s->n - s->next) * sizeof *s->t);
        memmove(s->mask, s->mask + s->next, s->n - s->next);
        s->forgotten += s->next;
        s->n -= s->next;
        s->next = 0;
    }
    if (s->n_files == s->cap_files) {
        size_t cap = s->cap_files ? 2 * s->cap_files : 16;
        void *more = realloc(s->file, cap * sizeof *s->file);
        if (!more) return qd_fail(err, QD_E_INTERNAL, "no memory for a list of epochs");
        s->file = more;
        s->cap_files = cap;
    }
    if (s->n + events <= s->cap) return QD_OK;
    uint64_t cap = 2 * (s->n + events);
    int64_t *t = realloc(s->t, cap * sizeof *t);
    if (t) s->t = t;
    uint8_t *mask = t ? realloc(s->mask, cap) : NULL;
    if (!mask) return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu64 " events", cap);
    s->mask = mask;
    s->cap = cap;
    return QD_OK;
}

static int64_t skew_of(const qd_costream *c, uint8_t mask) {
    for (int i = 0; i < 4; i++)
        if (mask == 1 << i) return c->skew[i];
    return 0;
}

static qd_status append(qd_costream_work *w, const qd_epoch_events *e, qd_error *err) {
    qd_t1_stream *s = &w->t1;
    int64_t base = 0;
    QD_TRY(qd_costream_base(w->c, e->head.epoch, &base, err));
    QD_TRY(room(s, e->n, err));
    for (uint64_t i = 0; i < e->n; i++) {
        s->t[s->n] = base + e->t[i] + skew_of(w->c, e->pattern[i]);
        s->mask[s->n++] = e->pattern[i];
    }
    s->file_events = e->n;
    s->file[s->n_files].epoch = e->head.epoch;
    s->file[s->n_files++].end = s->forgotten + s->n;
    return QD_OK;
}

qd_status qd_t1_more(qd_costream_work *w, qd_error *err) {
    qd_t1_stream *s = &w->t1;
    for (;;) {
        qd_epoch_file f = {.entries = NULL};
        qd_epoch_found found = QD_EPOCH_NONE;
        QD_TRY(qd_epoch_await(w->c->t1, 1, s->epoch, w->wait, &f, &found, err));
        if (found == QD_EPOCH_HERE) {
            qd_status st = append(w, &f.events, err);
            qd_epoch_file_free(&f);
            s->epoch++;
            return st;
        }
        if (found == QD_EPOCH_NONE) {
            s->ended = true;
            return QD_OK;
        }
        uint32_t next = s->epoch + 1;
        bool any = true;
        w->result->damaged += found == QD_EPOCH_DAMAGED;
        if (found == QD_EPOCH_GAP) {
            QD_TRY(qd_epoch_next(w->c->t1, s->epoch, &next, &any, err));
            if (!any) continue; /* gone again */
            w->result->missing1 += next - s->epoch;
            qd_epoch_say(w->wait, "%s: no T1 files from %08" PRIx32 " to %08" PRIx32 ": passed over", w->c->t1, s->epoch,
                         next - 1);
        }
        s->epoch = next;
    }
}

qd_status qd_t1_tidy(qd_costream_work *w, qd_error *err) {
    qd_t1_stream *s = &w->t1;
    size_t done = 0;
    while (done < s->n_files && s->file[done].end <= s->forgotten + s->next) {
        if (w->c->remove1) QD_TRY(qd_epoch_remove(w->c->t1, s->file[done].epoch, err));
        done++;
    }
    memmove(s->file, s->file + done, (s->n_files - done) * sizeof *s->file);
    s->n_files -= done;
    return QD_OK;
}

void qd_t1_free(qd_t1_stream *s) {
    free(s->t);
    free(s->mask);
    free(s->file);
    *s = (qd_t1_stream){.n = 0};
}
