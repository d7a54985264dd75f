/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming reader of tag files: chooses the decoder, restores the order of neighbours, counts. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/live.h"

static const qd_decoder *const decoders[] = {
    [QD_TAG_A1] = &qd_decode_a1,           [QD_TAG_A1_TEXT] = &qd_decode_a1_text, [QD_TAG_T1] = &qd_decode_t1,
    [QD_TAG_T2] = &qd_decode_t2,           [QD_TAG_PTU] = &qd_decode_ptu,         [QD_TAG_QUTAG] = &qd_decode_qutag,
    [QD_TAG_QUTAG_RAW] = &qd_decode_qutag, [QD_TAG_SWABIAN] = &qd_decode_swabian, [QD_TAG_CHRONOXEA] = &qd_decode_chronoxea,
    [QD_TAG_CSV] = &qd_decode_csv,
};

/* Only what its first bytes name beyond doubt. */
static qd_status detect(const char *path, qd_tag_format *format, qd_error *err) {
    static const uint8_t ptu[8] = {'P', 'Q', 'T', 'T', 'T', 'R', 0, 0}, qutag[4] = {0x87, 0xb3, 0x91, 0xfa};
    FILE *f = NULL;
    uint8_t first[8] = {0};
    QD_TRY(qd_file_open(path, false, &f, NULL, err));
    size_t got = fread(first, 1, sizeof first, f);
    fclose(f);
    if (got == 8 && memcmp(first, ptu, 8) == 0) {
        format->kind = QD_TAG_PTU;
    } else if (got == 8 && memcmp(first, qutag, 4) == 0) {
        format->kind = QD_TAG_QUTAG;
    } else {
        return qd_fail(err, QD_E_INPUT,
                       "%s: byte 0 begins no file that names its own format||only PTU and quTAG files do; every other looks well "
                       "in the wrong format|say which it is: a1-49, a1-54, a1-49-swapped, a1-54-swapped, a1-49-text, a1-54-text, "
                       "t1, t2, qutag-raw, swabian, chronoxea or csv",
                       path);
    }
    return QD_OK;
}

qd_status qd_reader_create(const char *path, qd_tag_format format, qd_tag_reader **reader, qd_error *err) {
    *reader = NULL;
    if (format.kind == QD_TAG_T3)
        return qd_fail(err, QD_E_USAGE, "%s: T3 files carry bits without times: no tags can be read of them|||give the T2 or T1 files of that station",
                       path);
    if ((unsigned)format.kind >= sizeof decoders / sizeof *decoders)
        return qd_fail(err, QD_E_USAGE, "no such format of time tags");
    qd_tag_reader *r = calloc(1, sizeof *r);
    if (r) r->path = strdup(path);
    if (!r || !r->path) {
        free(r);
        return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", path);
    }
    r->format = format;
    r->tick = qd_tag_format_tick(&format);
    r->decoder = decoders[format.kind];
    *reader = r;
    return QD_OK;
}

qd_status qd_tag_reader_open(const char *path, qd_tag_format format, qd_tag_reader **reader, qd_error *err) {
    qd_tag_reader *r;
    *reader = NULL;
    if (format.kind == QD_TAG_AUTO) QD_TRY(detect(path, &format, err));
    QD_TRY(qd_reader_create(path, format, &r, err));
    r->header = true;
    qd_status st = r->decoder->open(r, err);
    r->header = false;
    if (st != QD_OK) {
        qd_tag_reader_close(r);
        return st;
    }
    *reader = r;
    return QD_OK;
}

void qd_tag_reader_close(qd_tag_reader *r) {
    if (!r) return;
    if (r->decoder->close) r->decoder->close(r);
    if (r->f) fclose(r->f);
    qd_growing_close(r);
    qd_live_close(r);
    free(r->path);
    qd_wipe(r->mask, sizeof r->mask); /* which detector clicked is the raw key */
    free(r);
}

const qd_tag_info *qd_tag_reader_info(const qd_tag_reader *r) {
    return &r->info;
}
const qd_tag_format *qd_tag_reader_format(const qd_tag_reader *r) {
    return &r->format;
}
qd_tick qd_tag_reader_tick(const qd_tag_reader *r) {
    return r->tick;
}

qd_status qd_tag_reader_need_outcomes(const qd_tag_reader *r, qd_error *err) {
    if (!r->info.bases_only) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "%s carries times and bases, but not which detector clicked||it is what a station announces, or the T3 files "
                   "with the values lie elsewhere|use the station's own recording; for a clock alone this file will do",
                   r->path);
}

/* ---- Places ------------------------------------------------------------------------------------------------------ */

const char *qd_where(const qd_tag_reader *r, char out[QD_WHERE]) {
    const char *slash = r->part ? "/" : "", *part = r->part ? r->part : "";
    if (r->line)
        (void)snprintf(out, QD_WHERE, "%s%s%s: line %" PRIu64, r->path, slash, part, r->line);
    else if (r->header)
        (void)snprintf(out, QD_WHERE, "%s%s%s: byte %" PRIu64, r->path, slash, part, r->at);
    else
        (void)snprintf(out, QD_WHERE, "%s%s%s: byte %" PRIu64 " (record %" PRIu64 ")", r->path, slash, part, r->at, r->record);
    return out;
}

qd_status qd_reader_open_file(qd_tag_reader *r, uint64_t header, unsigned bytes, qd_error *err) {
    if (r->stream) return qd_growing_header(r, err);
    QD_TRY(qd_file_open(r->path, false, &r->f, &r->size, err));
    if (r->size == 0)
        return qd_fail(err, QD_E_INPUT, "%s is empty||the recording did not start, or its copy failed|record or copy it again",
                       r->path);
    if (r->size < header)
        return qd_fail(err, QD_E_INPUT,
                       "%s: the header is cut off at byte %" PRIu64 " of %" PRIu64
                       "||the file was truncated, or is no %s file|copy "
                       "it again, or name its format",
                       r->path, r->size, header, qd_tag_format_name(&r->format));
    uint64_t rest = (r->size - header) % bytes;
    if (rest)
        return qd_fail(
            err, QD_E_INPUT,
            "%s: the record at byte %" PRIu64 " is cut off after %" PRIu64
            " of %u bytes||the file was truncated, or is not of format %s|copy it again, name another format, or cut it "
            "to a whole number of records",
            r->path, r->size - rest, rest, bytes, qd_tag_format_name(&r->format));
    return QD_OK;
}

qd_status qd_reader_records(qd_tag_reader *r, void *block, unsigned bytes, size_t max, size_t *got, qd_error *err) {
    if (r->stream) {
        *got = qd_growing_records(r, block, bytes, max);
        return QD_OK;
    }
    uint64_t left = r->at < r->size ? (r->size - r->at) / bytes : 0;
    size_t want = left < max ? (size_t)left : max;
    *got = fread(block, bytes, want, r->f);
    if (*got < want) {
        if (ferror(r->f)) return qd_reader_fail(r, err, "reading fails|%s", strerror(errno));
        return qd_fail(err, QD_E_INPUT,
                       "%s%s%s ends at byte %" PRIu64 " of %" PRIu64
                       "||it became shorter while it was read|let the other program finish",
                       r->path, r->part ? "/" : "", r->part ? r->part : "", r->at + *got * (uint64_t)bytes, r->size);
    }
    r->ended = left == want;
    return QD_OK;
}

/* A carriage return that stands before other characters: of a table this is no character of a line, but its end. */
static bool has_cr(const char *line, size_t n) {
    while (n && line[n - 1] == '\r') n--;
    return memchr(line, '\r', n) != NULL;
}

static qd_status ends_with_cr(const qd_tag_reader *r, qd_error *err) {
    return qd_reader_fail(r, err,
                          "the line has no end|lines end with CR alone|of files of format %s they end with LF or CRLF"
                          "|convert it, as with tr '\\r' '\\n' <FILE >NEW",
                          qd_tag_format_name(&r->format));
}

qd_status qd_reader_line(qd_tag_reader *r, char *line, size_t cap, bool *got, qd_error *err) {
    size_t n = 0;
    int c;
    *got = false;
    if (!r->f && !qd_growing_has_line(r, cap)) return QD_OK;
    r->line++;
    while ((c = r->f ? getc_unlocked(r->f) : qd_growing_byte(r)) != EOF && c != '\n') {
        *got = true;
        if (c == 0)
            return qd_reader_fail(r, err, "a zero byte after %zu characters||no text file|name its format, or copy it again", n);
        if (n + 1 >= cap && has_cr(line, n)) return ends_with_cr(r, err);
        if (n + 1 >= cap)
            return qd_reader_fail(r, err, "longer than %zu characters||no text file of format %s|name its format", cap - 1,
                                  qd_tag_format_name(&r->format));
        line[n++] = (char)c;
    }
    if (c == '\n') *got = true;
    if (c == EOF && r->f && ferror(r->f)) return qd_reader_fail(r, err, "reading fails|%s", strerror(errno));
    if (c == EOF && r->line == 1 && has_cr(line, n)) return ends_with_cr(r, err);
    if (n && line[n - 1] == '\r') n--;
    line[n] = 0;
    return QD_OK;
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static qd_status beyond_repair(const qd_tag_reader *r, int64_t back, qd_error *err) {
    return qd_reader_fail(r, err,
                          "the event is %" PRId64
                          " ticks before events more than %d events back|out of order beyond repair"
                          "|another format or word order than %s, two recordings in one file, or a device that was reset"
                          "|%s%s%s%s",
                          back, QD_TAG_REORDER, qd_tag_format_name(&r->format),
                          r->info.fits ? "the first records are in order as " : "try the other formats with `qdistill tags info`, or cut the file there",
                          r->info.fits ? r->info.fit[0] : "", r->info.fits > 1 ? " and " : "", r->info.fits > 1 ? r->info.fit[1] : "");
}

/* A step back from the event before in the file; @p event: its number in the file. */
static void note_backward(qd_tag_reader *r, int64_t back, uint64_t event) {
    qd_tag_info *i = &r->info;
    i->backward++;
    if (back > i->largest_backward) i->largest_backward = back;
    bool jump = (__int128)back * (__int128)r->tick.num >= (__int128)1000000000 * (__int128)r->tick.den; /* 1 ms */
    if (jump && i->jumps++ == 0) i->jump_event = event;
}

/* Room for a block behind the waiting events. */
static void to_front(qd_tag_reader *r) {
    if (r->head + r->n + QD_READ_BLOCK <= QD_READ_ROOM) return;
    memmove(r->t, r->t + r->head, r->n * sizeof *r->t);
    memmove(r->mask, r->mask + r->head, r->n);
    r->head = 0;
}

static inline void insert(qd_tag_reader *r, int64_t t, uint8_t mask) {
    uint64_t at = r->head + r->n++;
    for (; at > r->head && r->t[at - 1] > t; at--) {
        r->t[at] = r->t[at - 1];
        r->mask[at] = r->mask[at - 1];
    }
    r->t[at] = t;
    r->mask[at] = mask;
}

qd_status qd_reader_take(qd_tag_reader *r, int64_t t, uint8_t mask, qd_error *err) {
    if (t >= qd_time_limit || t <= -qd_time_limit)
        return qd_reader_fail(r, err,
                              "the time is beyond 2^61 ticks||another format or word order than %s"
                              "|try the other formats with `qdistill tags info`",
                              qd_tag_format_name(&r->format));
    if (r->delivered && t < r->newest) return beyond_repair(r, r->newest - t, err);
    if (r->any && t < r->time) note_backward(r, r->time - t, r->info.events);
    r->any = true;
    r->time = t;
    r->info.events++;
    r->info.mask[mask & 15]++;
    to_front(r);
    insert(r, t, mask);
    return QD_OK;
}

void qd_reader_room(qd_tag_reader *r, int64_t **t, uint8_t **mask) {
    to_front(r);
    *t = r->t + r->head + r->n;
    *mask = r->mask + r->head + r->n;
}

bool qd_reader_span(const int64_t *t, size_t n, int64_t *least, int64_t *most) {
    int64_t back = 0;
    for (size_t i = 1; i < n; i++) back |= t[i] - t[i - 1]; /* negative once any is: no comparison of 64 bits needed */
    *least = t[0];
    *most = t[n - 1];
    if (back >= 0) return true;
    for (size_t i = 0; i < n; i++) {
        *least = t[i] < *least ? t[i] : *least;
        *most = t[i] > *most ? t[i] : *most;
    }
    return false;
}

/* Four tables, so that equal masks in a row need not wait for each other. */
static void count_masks(qd_tag_info *info, const uint8_t *mask, size_t n) {
    uint32_t count[4][16] = {{0}};
    for (size_t i = 0; i < n; i++) count[i & 3][mask[i] & 15]++;
    for (int m = 0; m < 16; m++) info->mask[m] += (uint64_t)count[0][m] + count[1][m] + count[2][m] + count[3][m];
}

bool qd_reader_take_block(qd_tag_reader *r, size_t n) {
    if (n == 0) return true;
    const int64_t *t = r->t + r->head + r->n;
    const uint8_t *mask = r->mask + r->head + r->n;
    int64_t least, most;
    bool sorted = qd_reader_span(t, n, &least, &most);
    if (most >= qd_time_limit || least <= -qd_time_limit || (r->delivered && least < r->newest)) return false;
    count_masks(&r->info, mask, n);
    r->info.events += n;
    if (sorted && (r->n == 0 || least >= t[-1])) {
        r->n += n;
        r->time = most;
    } else {
        for (size_t i = 0; i < n; i++) { /* place by place: an event moves towards the front only */
            const int64_t x = t[i];
            if ((r->any || i) && x < r->time) note_backward(r, r->time - x, r->info.events - n + i);
            r->time = x;
            insert(r, x, mask[i]);
        }
    }
    r->any = true;
    return true;
}

uint8_t qd_channel_mask(const qd_tag_channels *c, int64_t channel) {
    if (c->n == 0) return channel >= 1 && channel <= 4 ? (uint8_t)(1 << (channel - 1)) : 0;
    for (unsigned i = 0; i < c->n; i++)
        if (c->number[i] == channel) return c->mask[i];
    return 0;
}

int32_t qd_channel_number(const qd_tag_channels *c, int detector) {
    for (unsigned i = 0; i < c->n; i++)
        if (c->mask[i] == 1 << detector) return c->number[i];
    return detector + 1;
}

static void count_channel(qd_tag_info *info, int64_t t, int64_t channel) {
    unsigned listed = info->channels < QD_TAG_CHANNELS ? info->channels : QD_TAG_CHANNELS, i = 0;
    if (info->channels == 0 || t < info->seen_first) info->seen_first = t;
    if (info->channels == 0 || t > info->seen_last) info->seen_last = t;
    while (i < listed && info->channel[i] != channel) i++;
    if (i == listed) {
        if (i == QD_TAG_CHANNELS) {
            info->channels = QD_TAG_CHANNELS + 1;
            return;
        }
        info->channels++;
        info->channel[i] = (int32_t)channel;
    }
    info->clicks[i]++;
}

qd_status qd_reader_click(qd_tag_reader *r, int64_t t, int64_t channel, qd_error *err) {
    uint8_t mask = qd_channel_mask(&r->format.channels, channel);
    count_channel(&r->info, t, channel);
    if (mask) return qd_reader_take(r, t, mask, err);
    if (r->format.channels.n == 0 && !r->format.any_channel)
        return qd_reader_fail(r, err,
                              "an event of channel %" PRId64
                              "|without a map only the channels 1, 2, 3, 4 are known: V, -, H, +"
                              "|the detectors are on other inputs|name them: --channels V=1,-=2,H=3,+=4 with your numbers, or "
                              "FORMAT:channels=V=1,-=2,H=3,+=4 where a verb takes only a format",
                              channel);
    r->info.unmapped++;
    return QD_OK;
}

/* The longest first, the earlier of two alike. */
static void note_gap(qd_tag_info *info, int64_t from, int64_t gap) {
    uint64_t at = info->gaps < QD_TAG_GAPS ? info->gaps : QD_TAG_GAPS;
    info->gaps++;
    if (at == QD_TAG_GAPS && info->gap[--at] >= gap) return;
    for (; at > 0 && info->gap[at - 1] < gap; at--) {
        info->gap[at] = info->gap[at - 1];
        info->gap_at[at] = info->gap_at[at - 1];
    }
    info->gap[at] = gap;
    info->gap_at[at] = from;
}

/* Events at the time of the one before, and long after it. Sorted: a difference less one is negative only where it was zero. */
static void count_steps(qd_tag_reader *r, const int64_t *t, const uint8_t *mask, uint64_t n) {
    const int64_t limit = r->long_gap - 1;
    uint64_t equal = 0;
    int64_t far = 0;
    for (uint64_t i = 1; i < n; i++) {
        equal += (uint64_t)(t[i] - t[i - 1] - 1) >> 63;
        far |= limit - (t[i] - t[i - 1]);
    }
    r->info.equal_times += equal;
    for (uint64_t i = 1; equal && i < n; i++) r->info.duplicates += t[i] == t[i - 1] && mask[i] == mask[i - 1];
    for (uint64_t i = 1; far < 0 && i < n; i++)
        if (t[i] - t[i - 1] > limit) note_gap(&r->info, t[i - 1], t[i] - t[i - 1]);
}

/* 0.1 s in ticks, rounded up. */
static int64_t long_gap(qd_tick tick) {
    unsigned __int128 ticks = ((unsigned __int128)100000000000 * tick.den + tick.num - 1) / tick.num;
    return ticks < (unsigned __int128)qd_time_limit ? (int64_t)ticks : qd_time_limit;
}

/* Move the @p n >= 1 earliest events out. */
static void deliver(qd_tag_reader *r, uint64_t n, qd_tags *out) {
    const int64_t *t = r->t + r->head;
    const uint8_t *mask = r->mask + r->head;
    if (!r->long_gap) r->long_gap = long_gap(r->tick);
    if (!r->delivered) {
        r->info.first = t[0];
    } else if (t[0] == r->newest) {
        r->info.equal_times++;
        r->info.duplicates += mask[0] == r->newest_mask;
    } else if (t[0] - r->newest >= r->long_gap) {
        note_gap(&r->info, r->newest, t[0] - r->newest);
    }
    count_steps(r, t, mask, n);
    memcpy(out->t + out->n, t, n * sizeof *t);
    memcpy(out->mask + out->n, mask, n);
    r->delivered = true;
    r->info.last = r->newest = t[n - 1];
    r->newest_mask = mask[n - 1];
    out->n += n;
    r->n -= n;
    r->head = r->n ? r->head + n : 0;
}

qd_status qd_tag_reader_read(qd_tag_reader *r, uint64_t max_events, qd_tags *append_to, bool *end, qd_error *err) {
    uint64_t left = max_events ? max_events : 1;
    append_to->tick = r->tick;
    *end = false;
    while (left > 0) {
        uint64_t keep = r->ended ? 0 : QD_TAG_REORDER, ready = r->n > keep ? r->n - keep : 0;
        if (ready == 0) {
            bool dry = false;
            if (r->ended) break;
            QD_TRY(r->stream ? qd_growing_more(r, &dry, err) : r->live ? qd_live_more(r, &dry, err) : r->decoder->more(r, err));
            if (dry && r->n <= QD_TAG_REORDER) break;
            continue;
        }
        if (ready > left) ready = left;
        QD_TRY(qd_tags_reserve(append_to, append_to->n + ready, err));
        deliver(r, ready, append_to);
        left -= ready;
    }
    *end = r->ended && r->n == 0;
    return QD_OK;
}
