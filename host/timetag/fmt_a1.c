/* SPDX-License-Identifier: Apache-2.0 */
/* Raw events of qcrypto, as 8-byte records and as lines of hexadecimal digits: unwraps the counter. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/a1.h"
#include "timetag/ticks.h"
#include "timetag/writer.h"

typedef struct counter {
    bool any;
    int64_t raw, time; /* of the last event that is not late, as counted and unwrapped */
} counter;

typedef struct a1 {
    counter counter;
    qd_a1_orders orders; /* of a stream */
} a1;

bool qd_a1_dropped(qd_tag_reader *r, uint64_t w) {
    qd_tag_info *i = &r->info;
    bool card7 = r->format.card == QD_CARD_TIMESTAMP7;
    i->records++;
    if (w == 0) {
        i->padding++;
    } else if (card7 && (w & 16)) {
        i->dummies++;
        i->stray += (w & 15) != 0;
    } else if (card7 && (w & 32)) {
        i->selftests++;
    } else if ((w & 15) == 0) {
        i->empty++;
    } else {
        return false;
    }
    return true;
}

void qd_a1_look(qd_tag_reader *r, uint64_t w) {
    if (r->format.card == QD_CARD_TIMESTAMP3 && (w & 0x6000)) r->info.stray++;
}

/* Time of the counter reading @p raw, which follows c->raw in the file. A step back by more than half the range is a wrap. The
 * opposite step, forward by nearly the whole range, is an event from before the wrap that comes late by up to a second: what
 * follows it is measured from the event before it, else the wrap would be counted again. */
static int64_t unwrap(qd_tag_reader *r, counter *c, int64_t raw) {
    int64_t range = (int64_t)1 << r->format.bits, step = raw - c->raw;
    int64_t second = (int64_t)(r->format.bits == 54 ? 256 : 8) * 1000000000;
    bool late = c->any && step > range - second;
    if (!c->any) {
        step = raw - c->time;
    } else if (step < -range / 2) {
        step += range;
        r->info.wraps++;
    } else if (late) {
        step -= range;
    }
    int64_t t = c->time + step;
    if (!late) *c = (counter){true, raw, t};
    return t;
}

static qd_status take(qd_tag_reader *r, uint64_t w, qd_error *err) {
    if (qd_a1_dropped(r, w)) return QD_OK;
    int64_t t = unwrap(r, &((a1 *)r->state)->counter, (int64_t)(w >> qd_a1_low_bits(&r->format)));
    QD_TRY(qd_reader_take(r, t, w & 15, err));
    qd_a1_look(r, w);
    return QD_OK;
}

static qd_status no_memory(const qd_tag_reader *r, qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory to read %s", r->path);
}

static qd_status a1_open(qd_tag_reader *r, qd_error *err) {
    r->state = calloc(1, sizeof(a1));
    if (!r->state) return no_memory(r, err);
    QD_TRY(qd_reader_open_file(r, 0, QD_A1_BYTES, err));
    return r->stream ? QD_OK : qd_a1_fit_file(r, err);
}

/* Records of the block to times as counted, and masks. The bits of all of them, and the bits of (mask - 1): negative where a mask is 0. */
static inline __attribute__((always_inline)) void split(const uint8_t *block, size_t n, unsigned low, bool high_first, int64_t *t,
                                                        uint8_t *mask, uint64_t *bits, int64_t *empty) {
    uint64_t any = 0;
    int64_t none = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t w = qd_a1_load(block + i * QD_A1_BYTES, high_first);
        any |= w;
        none |= (int64_t)(w & 15) - 1;
        t[i] = (int64_t)(w >> low);
        mask[i] = w & 15;
    }
    *bits = any;
    *empty = none;
}

/* The same where some records are no events, which it counts. Returns the number of events. */
static size_t split_and_drop(qd_tag_reader *r, const uint8_t *block, size_t n, int64_t *t, uint8_t *mask) {
    bool high_first = qd_a1_high_first(&r->format);
    unsigned low = qd_a1_low_bits(&r->format);
    size_t events = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t w = qd_a1_load(block + i * QD_A1_BYTES, high_first);
        if (qd_a1_dropped(r, w)) continue;
        qd_a1_look(r, w);
        t[events] = (int64_t)(w >> low);
        mask[events++] = w & 15;
    }
    return events;
}

/* What take() does record by record, for a whole block: false, and nothing done, where the counter may have wrapped or a record is bad. */
static bool take_block(qd_tag_reader *r, const uint8_t *block, size_t n) {
    counter *c = &((a1 *)r->state)->counter;
    int64_t *t, empty, least, most;
    uint8_t *mask;
    uint64_t bits;
    qd_reader_room(r, &t, &mask);
    if (qd_a1_high_first(&r->format))
        split(block, n, qd_a1_low_bits(&r->format), true, t, mask, &bits, &empty);
    else
        split(block, n, qd_a1_low_bits(&r->format), false, t, mask, &bits, &empty);
    const qd_tag_info before = r->info;
    size_t events = n;
    bool flagged = bits & (r->format.card == QD_CARD_TIMESTAMP7 ? 16 | 32 : 0x6000);
    if (bits == 0) { /* a hole in the file, or what is left of a preallocated one */
        r->info.records += n;
        r->info.padding += n;
        return true;
    }
    if (flagged || empty < 0)
        events = split_and_drop(r, block, n, t, mask);
    else
        r->info.records += n;
    if (events == 0) return true;
    int64_t from = c->any ? c->raw : t[0], shift = c->any ? c->time - c->raw : 0, last = t[events - 1];
    (void)qd_reader_span(t, events, &least, &most);
    if (from < least) least = from;
    if (from > most) most = from;
    bool taken = most - least < (int64_t)1 << (r->format.bits - 1); /* no step of half the range */
    if (taken && shift)
        for (size_t i = 0; i < events; i++) t[i] += shift;
    taken = taken && qd_reader_take_block(r, events);
    if (taken)
        *c = (counter){true, last, last + shift};
    if (!taken) r->info = before;
    return taken;
}

static qd_status a1_more(qd_tag_reader *r, qd_error *err) {
    uint8_t block[QD_READ_BLOCK * QD_A1_BYTES];
    size_t got;
    bool high_first = qd_a1_high_first(&r->format);
    QD_TRY(qd_reader_records(r, block, QD_A1_BYTES, QD_READ_BLOCK, &got, err));
    if (r->stream) QD_TRY(qd_a1_fit(r, &((a1 *)r->state)->orders, block, got, r->ended, err));
    if (take_block(r, block, got)) {
        r->record += got;
        r->at += got * QD_A1_BYTES;
        return QD_OK;
    }
    for (size_t i = 0; i < got; i++, r->record++, r->at += QD_A1_BYTES)
        QD_TRY(take(r, qd_a1_load(block + i * QD_A1_BYTES, high_first), err));
    return QD_OK;
}

static void a1_close(qd_tag_reader *r) {
    free(r->state);
}

const qd_decoder qd_decode_a1 = {a1_open, a1_more, a1_close};

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static qd_status text_open(qd_tag_reader *r, qd_error *err) {
    r->state = calloc(1, sizeof(a1));
    if (!r->state) return no_memory(r, err);
    return qd_reader_open_file(r, 0, 1, err);
}

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static qd_status text_more(qd_tag_reader *r, qd_error *err) {
    char line[32];
    for (int i = 0; i < QD_READ_BLOCK; i++) {
        bool got;
        uint64_t w = 0;
        QD_TRY(qd_reader_line(r, line, sizeof line, &got, err));
        if (!got) {
            r->ended = true;
            return QD_OK;
        }
        for (int k = 0; k < 16; k++) {
            int d = digit(line[k]);
            if (d < 0 || (k == 15 && line[16]))
                return qd_reader_fail(r, err,
                                      "not 16 hexadecimal digits||another text format, or the line was cut off"
                                      "|name its format, or remove the line");
            w = w << 4 | (uint64_t)d;
        }
        QD_TRY(take(r, w, err));
        r->record++;
    }
    return QD_OK;
}

const qd_decoder qd_decode_a1_text = {text_open, text_more, a1_close};

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* How times become records. */
typedef struct packing {
    qd_tick from, to;
    int shift; /* the ratio of the ticks is this power of two; -1: another one */
    unsigned low;
    uint64_t range_mask;
} packing;

static packing packing_of(const qd_tag_writer *w, const qd_tags *tags) {
    packing p = {tags->tick, qd_tag_format_tick(&w->format), -1, qd_a1_low_bits(&w->format), ((uint64_t)1 << w->format.bits) - 1};
    uint64_t num = p.from.num * p.to.den, den = p.from.den * p.to.num;
    for (int shift = 0; num && num <= den; shift++, num *= 2)
        if (num == den) p.shift = shift;
    return p;
}

static inline uint64_t record_of(const packing *p, const qd_tags *tags, uint64_t i) {
    int64_t t = p->shift >= 0 ? tags->t[i] >> p->shift : qd_ticks_floor(tags->t[i], p->from, p->to);
    return ((uint64_t)t & p->range_mask) << p->low | tags->mask[i];
}

static qd_status a1_write(qd_tag_writer *w, const qd_tags *tags, qd_error *err) {
    uint8_t block[QD_READ_BLOCK * QD_A1_BYTES];
    bool high_first = qd_a1_high_first(&w->format);
    const packing p = packing_of(w, tags);
    for (uint64_t at = 0; at < tags->n;) {
        uint64_t n = tags->n - at < QD_READ_BLOCK ? tags->n - at : QD_READ_BLOCK;
        for (uint64_t i = 0; i < n; i++) qd_a1_store(block + i * QD_A1_BYTES, record_of(&p, tags, at + i), high_first);
        if (fwrite(block, QD_A1_BYTES, n, w->out.f) != n) return qd_out_settle(&w->out, err);
        at += n;
        w->info.records += n;
    }
    return QD_OK;
}

static qd_status text_write(qd_tag_writer *w, const qd_tags *tags, qd_error *err) {
    const packing p = packing_of(w, tags);
    for (uint64_t i = 0; i < tags->n; i++)
        if (fprintf(w->out.f, "%016" PRIx64 "\n", record_of(&p, tags, i)) < 0) return qd_out_settle(&w->out, err);
    w->info.records += tags->n;
    return QD_OK;
}

const qd_encoder qd_encode_a1 = {qd_writer_file_open, a1_write, qd_writer_file_commit, qd_writer_file_abandon};
const qd_encoder qd_encode_a1_text = {qd_writer_file_open, text_write, qd_writer_file_commit, qd_writer_file_abandon};
