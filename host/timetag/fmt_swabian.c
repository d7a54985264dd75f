/* SPDX-License-Identifier: Apache-2.0 */
/* Swabian's dump: 16 bytes a record: kind (0: a tag; else tags were lost), channel, time in ps; all little-endian. */
#include <inttypes.h>
#include "timetag/reader.h"
#include "timetag/ticks.h"
#include "timetag/writer.h"

enum { BYTES = 16, KIND_MAX = 255 };

static qd_status swabian_open(qd_tag_reader *r, qd_error *err) {
    return qd_reader_open_file(r, 0, BYTES, err);
}

static qd_status swabian_more(qd_tag_reader *r, qd_error *err) {
    uint8_t block[QD_READ_BLOCK * BYTES];
    size_t got;
    QD_TRY(qd_reader_records(r, block, BYTES, QD_READ_BLOCK, &got, err));
    for (size_t i = 0; i < got; i++, r->record++, r->at += BYTES) {
        const uint8_t *p = block + i * BYTES;
        int32_t kind = (int32_t)qd_le32(p), channel = (int32_t)qd_le32(p + 4);
        uint64_t time = qd_le64(p + 8);
        if (kind < 0 || kind > KIND_MAX || time >= (uint64_t)qd_time_limit)
            return qd_reader_fail(r, err,
                                  "kind %" PRId32 " at time %" PRIu64
                                  " ps||no dump of 16-byte records|name its format, or export the tags again",
                                  kind, time);
        r->info.records++;
        if (kind)
            r->info.lost++;
        else
            QD_TRY(qd_reader_click(r, (int64_t)time, channel, err));
    }
    return QD_OK;
}

const qd_decoder qd_decode_swabian = {swabian_open, swabian_more, NULL};

static qd_status swabian_write(qd_tag_writer *w, const qd_tags *tags, qd_error *err) {
    for (uint64_t i = 0; i < tags->n; i++)
        for (int d = 0; d < 4; d++) {
            uint8_t record[BYTES];
            if (!(tags->mask[i] >> d & 1)) continue;
            qd_put_le(record, 0, 4);
            qd_put_le(record + 4, (uint32_t)qd_channel_number(&w->format.channels, d), 4);
            qd_put_le(record + 8, (uint64_t)qd_ticks_floor(tags->t[i], tags->tick, (qd_tick){1, 1}), 8);
            if (fwrite(record, BYTES, 1, w->out.f) != 1) return qd_out_settle(&w->out, err);
            w->info.records++;
        }
    return QD_OK;
}

const qd_encoder qd_encode_swabian = {qd_writer_file_open, swabian_write, qd_writer_file_commit, qd_writer_file_abandon};
