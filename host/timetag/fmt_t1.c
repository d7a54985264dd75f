/* SPDX-License-Identifier: Apache-2.0 */
/* T1: raw events by epoch, high word first, closed by an event of zeros that the length does not count. */
#include <inttypes.h>
#include "timetag/a1.h"
#include "timetag/epochs.h"

enum { T1 = 1 };

static qd_status t1_open(qd_tag_reader *r, qd_error *err) {
    return qd_epochs_open(r, T1, err);
}

/* An event of an epoch that is new in this file: the upper 17 bits of the time are the header's, the lower 15 the card's. */
static qd_status enter(qd_tag_reader *r, qd_epochs *e, uint32_t te, qd_error *err) {
    if (!e->first_known) e->first = te;
    e->first_known = true;
    e->te = te;
    e->away = qd_t1_away(e->head.epoch, e->first, te);
    if (e->away < -1 || e->away > 1)
        return qd_reader_fail(r, err, QD_EPOCH_AWAY, "", (int64_t)e->away, e->away * qd_epoch_s, e->head.epoch);
    return QD_OK;
}

/* Time of a record that is an event's. */
static inline int64_t time_of(const qd_tag_reader *r, const qd_epochs *e, uint64_t w) {
    const unsigned bits = 32 + r->format.bits - 49;
    const uint64_t within = (w >> qd_a1_low_bits(&r->format)) & (((uint64_t)1 << bits) - 1);
    return (e->from_base + e->away) * ((int64_t)1 << bits) + (int64_t)within;
}

static qd_status disagree(const qd_tag_reader *r, const qd_epochs *e, const char *what, qd_error *err) {
    return qd_reader_fail(r, err,
                          "%s, but the header says %" PRIu32
                          " events|length and terminator disagree|the file is inconsistent|make it "
                          "again from the recording",
                          what, e->head.length);
}

static qd_status t1_more(qd_tag_reader *r, qd_error *err) {
    qd_epochs *e = r->state;
    uint8_t block[QD_READ_BLOCK * QD_A1_BYTES];
    size_t got;
    QD_TRY(qd_reader_records(r, block, QD_A1_BYTES, QD_READ_BLOCK, &got, err));
    r->ended = false;
    for (size_t i = 0; i < got; i++, r->record++, r->at += QD_A1_BYTES) {
        uint64_t w = qd_a1_load(block + i * QD_A1_BYTES, true);
        if (e->done == e->head.length) return w ? disagree(r, e, "no terminator", err) : qd_epochs_next(r, T1, err);
        if (w == 0) return disagree(r, e, "a terminator", err);
        e->done++;
        const uint32_t te = (uint32_t)(w >> 47);
        if ((w & 15) && (!e->first_known || te != e->te)) QD_TRY(enter(r, e, te, err));
        if (qd_a1_dropped(r, w)) continue;
        if (e->away) qd_epochs_outside(r);
        QD_TRY(qd_reader_take(r, time_of(r, e, w), w & 15, err));
        qd_a1_look(r, w);
    }
    return QD_OK;
}

const qd_decoder qd_decode_t1 = {t1_open, t1_more, qd_epochs_close};
