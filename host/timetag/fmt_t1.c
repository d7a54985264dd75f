/* SPDX-License-Identifier: Apache-2.0 */
/* T1: raw events by epoch, high word first, closed by an event of zeros that the length does not count. */
#include <inttypes.h>
#include "timetag/a1.h"
#include "timetag/epochs.h"

enum { T1 = 1, EPOCH_LOW = 0x7fff, TE_HIGH = 0x18000 };

static qd_status t1_open(qd_tag_reader *r, qd_error *err) {
    return qd_epochs_open(r, T1, err);
}

/* Absolute time: the upper 17 bits of the epoch are the header's, the lower 15 the card's. */
static int64_t time_of(const qd_tag_reader *r, qd_epochs *e, uint64_t w) {
    if (!e->first_known) {
        uint32_t te = (uint32_t)(w >> 47);
        e->shift = e->from_base - (int64_t)(e->head.epoch & EPOCH_LOW) - (int64_t)(te & TE_HIGH);
        e->first_known = true;
    }
    unsigned finer = r->format.bits - 49;
    return e->shift * ((int64_t)1 << (32 + finer)) + (int64_t)(w >> qd_a1_low_bits(&r->format));
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
        int64_t t = time_of(r, e, w);
        if (qd_a1_dropped(r, w)) continue;
        QD_TRY(qd_reader_take(r, t, w & 15, err));
        qd_a1_look(r, w);
    }
    return QD_OK;
}

const qd_decoder qd_decode_t1 = {t1_open, t1_more, qd_epochs_close};
