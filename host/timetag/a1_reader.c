/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming reader of raw event files: unwraps the counter and restores the order of neighbours. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/a1.h"

enum { BLOCK = 4096, PENDING = QD_TAG_REORDER + BLOCK };

/* Times stay below this in magnitude, far from the end of int64 (104 days in the finest tick). */
static const int64_t time_limit = (int64_t)1 << 61;

struct qd_tag_reader {
    FILE *f;
    char *path;
    qd_tag_format format;
    qd_tag_info info;
    uint64_t size, record; /* of the file; next one to read */
    bool end_of_file, any;
    int64_t raw, time; /* of the last event read, as counted and unwrapped */
    uint64_t n;        /* events waiting, in time order */
    bool delivered;
    int64_t newest; /* last event delivered */
    uint8_t newest_mask;
    int64_t t[PENDING];
    uint8_t mask[PENDING];
};

static qd_status bad_size(const char *path, uint64_t size, qd_error *err) {
    if (size == 0)
        return qd_fail(err, QD_E_INPUT, "%s is empty||the recording did not start, or its copy failed|record or copy it again",
                       path);
    return qd_fail(
        err, QD_E_INPUT,
        "%s: the record at byte %" PRIu64 " is cut off after %" PRIu64
        " of 8 bytes||the file was truncated, or is no file of raw events|copy it again, or cut it to a multiple of 8 bytes",
        path, size / QD_A1_BYTES * QD_A1_BYTES, size % QD_A1_BYTES);
}

qd_status qd_tag_reader_open(const char *path, qd_tag_format format, qd_tag_reader **reader, qd_error *err) {
    *reader = NULL;
    FILE *f = NULL;
    uint64_t size = 0;
    QD_TRY(qd_file_open(path, false, &f, &size, err));
    qd_status st = size == 0 || size % QD_A1_BYTES ? bad_size(path, size, err) : QD_OK;
    qd_tag_reader *r = st == QD_OK ? calloc(1, sizeof *r) : NULL;
    if (r) r->path = strdup(path);
    if (!r || !r->path) {
        free(r);
        fclose(f);
        return st != QD_OK ? st : qd_fail(err, QD_E_INTERNAL, "no memory to read %s", path);
    }
    r->f = f;
    r->format = format;
    r->size = size;
    *reader = r;
    return QD_OK;
}

void qd_tag_reader_close(qd_tag_reader *r) {
    if (!r) return;
    fclose(r->f);
    free(r->path);
    qd_wipe(r->mask, sizeof r->mask); /* which detector clicked is the raw key */
    free(r);
}

const qd_tag_info *qd_tag_reader_info(const qd_tag_reader *r) {
    return &r->info;
}

/* Records that are no events, by card. */
static bool dropped(qd_tag_reader *r, uint64_t w) {
    qd_tag_info *i = &r->info;
    bool card7 = r->format.card == QD_CARD_TIMESTAMP7;
    if (w == 0) {
        i->padding++;
    } else if (card7 && (w & 16)) {
        i->dummies++;
    } else if (card7 && (w & 32)) {
        i->selftests++;
    } else if ((w & 15) == 0) {
        i->empty++;
    } else {
        return false;
    }
    return true;
}

/* Time of the counter reading @p raw, which follows r->raw in the file. A step back by more than half the range is a wrap. The
 * opposite step, forward by nearly the whole range, is an event from before the wrap that comes late by up to a second: what
 * follows it is measured from the event before it, else the wrap would be counted again. */
static int64_t unwrap(qd_tag_reader *r, int64_t raw, bool *late) {
    int64_t range = (int64_t)1 << r->format.bits, step = raw - r->raw;
    int64_t second = (int64_t)(r->format.bits == 54 ? 256 : 8) * 1000000000;
    *late = r->any && step > range - second;
    if (!r->any) return raw;
    if (step < -range / 2) {
        step += range;
        r->info.wraps++;
    } else if (*late) {
        step -= range;
    }
    return r->time + step;
}

static qd_status beyond_repair(const qd_tag_reader *r, int64_t back, qd_error *err) {
    return qd_fail(
        err, QD_E_INPUT,
        "%s: the event at byte %" PRIu64 " (record %" PRIu64 ") is %" PRId64
        " ticks before events more than %d records back|out of order beyond repair"
        "|another format or word order than %s, or two recordings in one file|try the other formats with `qdistill tags info`",
        r->path, r->record * QD_A1_BYTES, r->record, back, QD_TAG_REORDER, qd_tag_format_name(&r->format));
}

/* Insert an event among the waiting ones, behind those of its own time. */
static qd_status take(qd_tag_reader *r, uint64_t w, qd_error *err) {
    bool late;
    int64_t raw = (int64_t)(w >> qd_a1_low_bits(&r->format)), t = unwrap(r, raw, &late);
    uint8_t mask = w & 15;
    if (t >= time_limit || t <= -time_limit)
        return qd_fail(err, QD_E_INPUT,
                       "%s: the counter began anew %" PRIu64 " times before byte %" PRIu64
                       "||another format or word order than %s|try the other formats with `qdistill tags info`",
                       r->path, r->info.wraps, r->record * QD_A1_BYTES, qd_tag_format_name(&r->format));
    if (r->delivered && t < r->newest) return beyond_repair(r, r->newest - t, err);
    if (r->any && t < r->time) {
        r->info.backward++;
        if (r->time - t > r->info.largest_backward) r->info.largest_backward = r->time - t;
    }
    r->any = true;
    if (!late) {
        r->raw = raw;
        r->time = t;
    }
    r->info.events++;
    r->info.mask[mask]++;
    if (r->format.card == QD_CARD_TIMESTAMP3 && (w & 0x6000)) r->info.stray++;
    uint64_t at = r->n++;
    for (; at > 0 && r->t[at - 1] > t; at--) {
        r->t[at] = r->t[at - 1];
        r->mask[at] = r->mask[at - 1];
    }
    r->t[at] = t;
    r->mask[at] = mask;
    return QD_OK;
}

static qd_status read_block(qd_tag_reader *r, qd_error *err) {
    uint8_t block[BLOCK * QD_A1_BYTES];
    size_t got = fread(block, QD_A1_BYTES, BLOCK, r->f);
    bool high_first = qd_a1_high_first(&r->format);
    if (got < BLOCK) {
        if (ferror(r->f))
            return qd_fail(err, QD_E_INPUT, "%s: reading fails at byte %" PRIu64 "|%s", r->path, r->record * QD_A1_BYTES,
                           strerror(errno));
        if (r->record + got < r->size / QD_A1_BYTES)
            return qd_fail(err, QD_E_INPUT,
                           "%s ends at byte %" PRIu64 " of %" PRIu64
                           "||it became shorter while it was read|"
                           "let the other program finish",
                           r->path, (r->record + got) * QD_A1_BYTES, r->size);
        r->end_of_file = true;
    }
    for (size_t i = 0; i < got; i++, r->record++) {
        uint64_t w = qd_a1_load(block + i * QD_A1_BYTES, high_first);
        r->info.records++;
        if (!dropped(r, w)) QD_TRY(take(r, w, err));
    }
    return QD_OK;
}

/* Move the @p n earliest events out. */
static void deliver(qd_tag_reader *r, uint64_t n, qd_tags *out) {
    for (uint64_t i = 0; i < n; i++) {
        if (!r->delivered) {
            r->info.first = r->t[i];
        } else if (r->t[i] == r->newest) {
            r->info.equal_times++;
            r->info.duplicates += r->mask[i] == r->newest_mask;
        }
        r->delivered = true;
        r->newest = r->t[i];
        r->newest_mask = r->mask[i];
    }
    r->info.last = r->newest;
    memcpy(out->t + out->n, r->t, n * sizeof *r->t);
    memcpy(out->mask + out->n, r->mask, n);
    out->n += n;
    r->n -= n;
    memmove(r->t, r->t + n, r->n * sizeof *r->t);
    memmove(r->mask, r->mask + n, r->n);
}

qd_status qd_tag_reader_read(qd_tag_reader *r, uint64_t max_events, qd_tags *append_to, bool *end, qd_error *err) {
    uint64_t left = max_events ? max_events : 1;
    append_to->tick = qd_tag_format_tick(&r->format);
    *end = false;
    while (left > 0) {
        uint64_t keep = r->end_of_file ? 0 : QD_TAG_REORDER, ready = r->n > keep ? r->n - keep : 0;
        if (ready == 0) {
            if (r->end_of_file) break;
            QD_TRY(read_block(r, err));
            continue;
        }
        if (ready > left) ready = left;
        QD_TRY(qd_tags_reserve(append_to, append_to->n + ready, err));
        deliver(r, ready, append_to);
        left -= ready;
    }
    *end = r->end_of_file && r->n == 0;
    return QD_OK;
}
