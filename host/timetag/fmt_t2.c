/* SPDX-License-Identifier: Apache-2.0 */
/* T2: packed differences of times, each with a pattern: a detector mask (protocol 0) or a basis (protocol 1). */
#include <inttypes.h>
#include "timetag/a1.h"
#include "timetag/epochs.h"

enum { T2 = 2, END = 1 };

/* What a pattern means; QD_E_INPUT for protocols that this program does not speak. */
static qd_status check_protocol(qd_tag_reader *r, qd_error *err) {
    qd_epochs *e = r->state;
    const qd_epoch_head *h = &e->head;
    e->fresh = false;
    bool known = (h->protocol == 0 && h->bits == 4) || (h->protocol == 1 && h->bits == 1);
    if (!known)
        return qd_reader_fail(r, err,
                              "protocol %" PRIu32 " with patterns of %" PRIu32
                              " bits|protocols read are 0 (4 bits, masks) and 1 (1 bit, "
                              "bases)|another protocol of the recording program|record with protocol 0 or 1",
                              h->protocol, h->bits);
    if (r->info.epochs > 1 && r->format.protocol != h->protocol)
        return qd_reader_fail(r, err,
                              "protocol %" PRIu32 ", but the files before have %u||two recordings in one folder|separate them",
                              h->protocol, r->format.protocol);
    r->format.protocol = h->protocol;
    r->format.order_bits = h->order;
    r->info.bases_only = h->protocol == 1;
    if ((r->size - r->at) % 4)
        return qd_reader_fail(r, err, "the file's %" PRIu64 " bytes are no whole number of words||it was truncated|copy it again",
                              r->size);
    return QD_OK;
}

static qd_status t2_open(qd_tag_reader *r, qd_error *err) {
    QD_TRY(qd_epochs_open(r, T2, err));
    return check_protocol(r, err);
}

static qd_status take_bits(qd_tag_reader *r, qd_epochs *e, unsigned bits, uint32_t *v, qd_error *err) {
    uint8_t word[4];
    if (e->bits.have < bits) {
        if (fread(word, 1, 4, r->f) != 4)
            return qd_reader_fail(r, err,
                                  "%" PRIu64
                                  " entries, then the end without terminator||the file was truncated, or is still being written"
                                  "|copy it again, or let the other program finish",
                                  e->done);
        qd_unpack_feed(&e->bits, word);
        r->at += 4;
    }
    *v = qd_unpack(&e->bits, bits);
    return QD_OK;
}

static qd_status finish(qd_tag_reader *r, qd_epochs *e, qd_error *err) {
    if (e->done != e->head.length)
        return qd_reader_fail(r, err,
                              "a terminator after %" PRIu64 " entries, but the header says %" PRIu32
                              "|length and terminator disagree|the file is inconsistent|make it again from the recording",
                              e->done, e->head.length);
    if (e->bits.acc || r->at != r->size)
        return qd_reader_fail(r, err,
                              "data behind the terminator|length and terminator disagree|the file is damaged|copy it again");
    return qd_epochs_next(r, T2, err);
}

static qd_status t2_more(qd_tag_reader *r, qd_error *err) {
    qd_epochs *e = r->state;
    for (int i = 0; i < QD_READ_BLOCK && r->f; i++) {
        uint32_t d = 0, pattern = 0;
        if (e->fresh) QD_TRY(check_protocol(r, err));
        QD_TRY(take_bits(r, e, e->head.order, &d, err));
        bool wide = d == 0;
        if (wide) QD_TRY(take_bits(r, e, 32, &d, err));
        QD_TRY(take_bits(r, e, e->head.bits, &pattern, err));
        if (d == END && pattern == 0 && !wide) {
            QD_TRY(finish(r, e, err));
            continue;
        }
        if (d <= END)
            return qd_reader_fail(r, err,
                                  "entry %" PRIu64 " has the difference %" PRIu32
                                  "|times are two units apart or more|the file is damaged|copy "
                                  "it again",
                                  e->done, d);
        if (e->done == e->head.length)
            return qd_reader_fail(r, err,
                                  "more entries than the %" PRIu32
                                  " of the header|length and terminator disagree|the file is inconsistent"
                                  "|make it again from the recording",
                                  e->head.length);
        e->done++;
        e->time += d;
        const uint64_t away = e->time >> 32;
        if (away > 1) return qd_reader_fail(r, err, QD_EPOCH_AWAY, "", (int64_t)away, (double)away * qd_epoch_s, e->head.epoch);
        if (away) qd_epochs_outside(r);
        r->record = e->done;
        r->info.records++;
        uint8_t mask = e->head.protocol == 0 ? (uint8_t)pattern : pattern ? QD_DET_X : QD_DET_Z;
        if (mask)
            QD_TRY(qd_reader_take(r, e->from_base * ((int64_t)1 << 32) + (int64_t)e->time, mask, err));
        else
            r->info.empty++;
    }
    return QD_OK;
}

const qd_decoder qd_decode_t2 = {t2_open, t2_more, qd_epochs_close};
