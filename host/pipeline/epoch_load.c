/* SPDX-License-Identifier: Apache-2.0 */
/* Some epochs of one side as tags, for a search of the clock. */
#include <inttypes.h>
#include "pipeline/epoch_files.h"

/* Entries of one file onto the tags; a rollover's dummy (no detector) would correlate with the other card's. */
static qd_status append(const qd_epoch_events *e, unsigned type, uint32_t first, qd_tags *tags, qd_error *err) {
    int64_t base = (int64_t)(int32_t)(e->head.epoch - first) * ((int64_t)1 << 32);
    QD_TRY(qd_tags_reserve(tags, tags->n + e->n, err));
    for (uint64_t i = 0; i < e->n; i++) {
        int64_t t = base + e->t[i];
        bool bases = type == 2 && e->head.bits < 4; /* then every pattern is an event */
        if ((!bases && e->pattern[i] == 0) || (tags->n && t < tags->t[tags->n - 1])) continue;
        tags->t[tags->n] = t;
        tags->mask[tags->n++] = bases ? (e->pattern[i] & 1 ? QD_DET_X : QD_DET_Z) : e->pattern[i];
    }
    return QD_OK;
}

static qd_status load_file(const qd_epoch_source *s, uint32_t first, const qd_epoch_wait *wait, qd_tags *tags, qd_error *err) {
    qd_epoch_file f;
    bool missing;
    QD_TRY(qd_epoch_file_read(s->path, s->type, &f, &missing, err));
    qd_epoch_tell_outside(wait, s->path, &f);
    qd_status st = append(&f.events, s->type, first, tags, err);
    qd_epoch_file_free(&f);
    return st;
}

qd_status qd_epoch_of_file(const char *path, unsigned type, uint32_t *epoch, qd_error *err) {
    uint8_t bytes[QD_EPOCH_HEAD_MAX];
    qd_epoch_head h;
    qd_error why = {0};
    FILE *f;
    QD_TRY(qd_file_open(path, false, &f, NULL, err));
    size_t got = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    if (qd_epoch_head_read(bytes, got, type, &h, &why) != QD_OK)
        return qd_fail(err, QD_E_INPUT, "%s: %s|%s|%s", path, why.what, why.cause, why.likely);
    *epoch = h.epoch;
    return QD_OK;
}

qd_status qd_epoch_load(const qd_epoch_source *s, uint32_t first, uint32_t epochs, const qd_epoch_wait *wait, qd_tags *tags,
                        uint32_t *read, qd_error *err) {
    *read = 0;
    if (s->type != 1 && s->type != 2) return qd_fail(err, QD_E_USAGE, "no events are in T%u files", s->type);
    tags->tick = (qd_tick){125, 1};
    if (s->single) {
        *read = 1;
        return load_file(s, first, wait, tags, err);
    }
    for (uint32_t i = 0; i < epochs; i++) {
        qd_epoch_file f = {.entries = NULL};
        qd_epoch_found found = QD_EPOCH_NONE;
        QD_TRY(qd_epoch_await(s->path, s->type, first + i, wait, &f, &found, err));
        if (found != QD_EPOCH_HERE) {
            qd_epoch_say(wait, "%s: no %sT%u file of epoch %08" PRIx32, s->path, found == QD_EPOCH_DAMAGED ? "readable " : "",
                         s->type, first + i);
            continue;
        }
        qd_status st = append(&f.events, s->type, first, tags, err);
        qd_epoch_file_free(&f);
        QD_TRY(st);
        ++*read;
    }
    if (*read == 0)
        return qd_fail(err, QD_E_INPUT,
                       "%s has none of the T%u files of epochs %08" PRIx32 " to %08" PRIx32 "|||check -e and the directories",
                       s->path, s->type, first, first + (epochs ? epochs - 1 : 0));
    return QD_OK;
}
