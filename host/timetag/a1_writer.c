/* SPDX-License-Identifier: Apache-2.0 */
/* Writer of raw event files. */
#include <inttypes.h>
#include <stdlib.h>
#include "timetag/a1.h"
#include "timetag/ticks.h"

enum { BLOCK = 4096 };

struct qd_tag_writer {
    qd_out out;
    qd_tag_format format;
    uint64_t written;
    bool any;
    int64_t last;
};

qd_status qd_tag_writer_open(const char *path, qd_tag_format format, qd_tag_writer **writer, qd_error *err) {
    *writer = NULL;
    qd_tag_writer *w = calloc(1, sizeof *w);
    if (!w) return qd_fail(err, QD_E_INTERNAL, "no memory to write %s", path);
    w->format = format;
    qd_status st = qd_out_open(&w->out, path, 0666, err);
    if (st != QD_OK) {
        free(w);
        return st;
    }
    *writer = w;
    return QD_OK;
}

static qd_status check(const qd_tag_writer *w, const qd_tags *tags, uint64_t i, qd_error *err) {
    if (tags->mask[i] == 0 || tags->mask[i] > QD_DET_ALL)
        return qd_fail(err, QD_E_INPUT, "%s: event %" PRIu64 " has detector mask %u||masks are 1 to 15", w->out.path,
                       w->written + i, tags->mask[i]);
    bool back = i ? tags->t[i] < tags->t[i - 1] : w->any && tags->t[0] < w->last;
    if (back)
        return qd_fail(err, QD_E_INPUT, "%s: event %" PRIu64 " is earlier than the one before||times must be in order",
                       w->out.path, w->written + i);
    return QD_OK;
}

qd_status qd_tag_writer_write(qd_tag_writer *w, const qd_tags *tags, qd_error *err) {
    uint8_t block[BLOCK * QD_A1_BYTES];
    qd_tick unit = qd_tag_format_tick(&w->format);
    uint64_t range_mask = ((uint64_t)1 << w->format.bits) - 1;
    bool high_first = qd_a1_high_first(&w->format);
    for (uint64_t at = 0; at < tags->n;) {
        uint64_t n = tags->n - at < BLOCK ? tags->n - at : BLOCK;
        for (uint64_t i = 0; i < n; i++) {
            QD_TRY(check(w, tags, at + i, err));
            uint64_t time = (uint64_t)qd_ticks_floor(tags->t[at + i], tags->tick, unit) & range_mask;
            qd_a1_store(block + i * QD_A1_BYTES, time << qd_a1_low_bits(&w->format) | tags->mask[at + i], high_first);
        }
        if (fwrite(block, QD_A1_BYTES, n, w->out.f) != n) return qd_out_settle(&w->out, err);
        at += n;
    }
    if (tags->n) {
        w->any = true;
        w->last = tags->t[tags->n - 1];
        w->written += tags->n;
    }
    return QD_OK;
}

qd_status qd_tag_writer_commit(qd_tag_writer *w, qd_error *err) {
    qd_status st = qd_out_commit(&w->out, err);
    free(w);
    return st;
}

void qd_tag_writer_abandon(qd_tag_writer *w) {
    if (!w) return;
    qd_out_abandon(&w->out);
    free(w);
}
