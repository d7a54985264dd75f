/* SPDX-License-Identifier: Apache-2.0 */
/* Writer of tag files: chooses the encoder, checks what it is given. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/writer.h"

static const qd_encoder *encoder_of(qd_tag_kind kind) {
    switch (kind) {
        case QD_TAG_A1:
            return &qd_encode_a1;
        case QD_TAG_A1_TEXT:
            return &qd_encode_a1_text;
        case QD_TAG_T1:
        case QD_TAG_T2:
        case QD_TAG_T3:
            return &qd_encode_epochs;
        case QD_TAG_QUTAG_RAW:
            return &qd_encode_qutag;
        case QD_TAG_SWABIAN:
            return &qd_encode_swabian;
        case QD_TAG_CSV:
            return &qd_encode_csv;
        default:
            return NULL;
    }
}

bool qd_tag_format_writable(const qd_tag_format *format) {
    return encoder_of(format->kind) != NULL;
}

qd_status qd_writer_file_open(qd_tag_writer *w, qd_error *err) {
    return strcmp(w->path, "-") == 0 ? qd_out_stdout(&w->out, err) : qd_out_open(&w->out, w->path, 0666, err);
}
qd_status qd_writer_file_commit(qd_tag_writer *w, qd_error *err) {
    return qd_out_commit(&w->out, err);
}
void qd_writer_file_abandon(qd_tag_writer *w) {
    qd_out_abandon(&w->out);
}

static void release(qd_tag_writer *w) {
    free(w->path);
    free(w);
}

qd_status qd_tag_writer_open(const char *path, qd_tag_format format, qd_tag_writer **writer, qd_error *err) {
    *writer = NULL;
    const qd_encoder *encoder = encoder_of(format.kind);
    if (!encoder)
        return qd_fail(err, QD_E_USAGE,
                       "files of format %s are read, not written|||write a1-49, a1-54, t1, t2, t3, qutag-raw, "
                       "swabian or csv",
                       qd_tag_format_name(&format));
    qd_tag_writer *w = calloc(1, sizeof *w);
    if (w) w->path = strdup(path);
    if (!w || !w->path) {
        free(w);
        return qd_fail(err, QD_E_INTERNAL, "no memory to write %s", path);
    }
    w->format = format;
    w->encoder = encoder;
    qd_status st = encoder->open(w, err);
    if (st != QD_OK) {
        release(w);
        return st;
    }
    *writer = w;
    return QD_OK;
}

static qd_status check(const qd_tag_writer *w, const qd_tags *tags, uint64_t i, qd_error *err) {
    uint64_t event = w->info.events + i;
    if (tags->mask[i] == 0 || tags->mask[i] > QD_DET_ALL)
        return qd_fail(err, QD_E_INPUT, "%s: event %" PRIu64 " has detector mask %u||masks are 1 to 15", w->path, event,
                       tags->mask[i]);
    bool back = i ? tags->t[i] < tags->t[i - 1] : w->any && tags->t[0] < w->last;
    if (back)
        return qd_fail(err, QD_E_INPUT, "%s: event %" PRIu64 " is earlier than the one before||times must be in order", w->path,
                       event);
    bool modular = w->format.kind == QD_TAG_A1 || w->format.kind == QD_TAG_A1_TEXT;
    if (tags->t[i] < 0 && !modular)
        return qd_fail(err, QD_E_INPUT,
                       "%s: event %" PRIu64
                       " has a time before 0|times of %s begin at 0|the recording, or a start that was taken off, begins later than its first "
                       "event|take an earlier start off (csv:start=T), or convert to an a1 format, which counts round its range",
                       w->path, event, qd_tag_format_name(&w->format));
    return QD_OK;
}

qd_status qd_tag_writer_write(qd_tag_writer *w, const qd_tags *tags, qd_error *err) {
    for (uint64_t i = 0; i < tags->n; i++) QD_TRY(check(w, tags, i, err));
    QD_TRY(w->encoder->write(w, tags, err));
    if (tags->n) {
        w->any = true;
        w->last = tags->t[tags->n - 1];
        w->info.events += tags->n;
    }
    return QD_OK;
}

const qd_tag_written *qd_tag_writer_info(const qd_tag_writer *w) {
    return &w->info;
}

qd_status qd_tag_writer_commit(qd_tag_writer *w, qd_error *err) {
    qd_status st = w->encoder->commit(w, err);
    release(w);
    return st;
}

void qd_tag_writer_abandon(qd_tag_writer *w) {
    if (!w) return;
    w->encoder->abandon(w);
    release(w);
}
