/* SPDX-License-Identifier: Apache-2.0 */
/* quTAG: 10-byte records behind a header of 40 bytes, or without one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/reader.h"
#include "timetag/ticks.h"
#include "timetag/writer.h"

enum { HEADER = 40, BYTES = 10, CHANNEL_MAX = 255 };

static qd_status qutag_open(qd_tag_reader *r, qd_error *err) {
    static const uint8_t magic[4] = {0x87, 0xb3, 0x91, 0xfa};
    uint8_t head[HEADER];
    uint64_t header = r->format.kind == QD_TAG_QUTAG ? HEADER : 0;
    QD_TRY(qd_reader_open_file(r, header, BYTES, err));
    size_t got = fread(head, 1, HEADER, r->f);
    bool marked = got >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
    if (header && (got < HEADER || !marked))
        return qd_reader_fail(r, err, "no header of a quTAG file||a raw file has none|use --format qutag-raw");
    if (!header && marked)
        return qd_reader_fail(
            r, err, "the header of a quTAG file, where a raw file has its first time||a file with header|use --format qutag");
    r->at = header;
    return fseeko(r->f, (off_t)header, SEEK_SET) == 0 ? QD_OK : qd_reader_fail(r, err, "cannot go to the first record");
}

static qd_status qutag_more(qd_tag_reader *r, qd_error *err) {
    uint8_t block[QD_READ_BLOCK * BYTES];
    size_t got;
    QD_TRY(qd_reader_records(r, block, BYTES, QD_READ_BLOCK, &got, err));
    for (size_t i = 0; i < got; i++, r->record++, r->at += BYTES) {
        const uint8_t *p = block + i * BYTES;
        uint64_t time = qd_le64(p);
        unsigned channel = p[8] | (unsigned)p[9] << 8;
        if (channel > CHANNEL_MAX || time >= (uint64_t)qd_time_limit)
            return qd_reader_fail(
                r, err,
                "channel %u at time %" PRIu64
                "|no device has such a channel or time|the file is of the compressed kind, which is not read, or "
                "%s header|export it uncompressed, or try --format qutag and qutag-raw",
                channel, time, r->format.kind == QD_TAG_QUTAG ? "has another" : "has a");
        r->info.records++;
        QD_TRY(qd_reader_click(r, (int64_t)time, channel, err));
    }
    return QD_OK;
}

const qd_decoder qd_decode_qutag = {qutag_open, qutag_more, NULL};

static qd_status qutag_write(qd_tag_writer *w, const qd_tags *tags, qd_error *err) {
    qd_tick tick = qd_tag_format_tick(&w->format);
    for (uint64_t i = 0; i < tags->n; i++)
        for (int d = 0; d < 4; d++) {
            uint8_t record[BYTES];
            if (!(tags->mask[i] >> d & 1)) continue;
            int32_t channel = qd_channel_number(&w->format.channels, d);
            if (channel < 0 || channel > CHANNEL_MAX)
                return qd_fail(err, QD_E_USAGE, "quTAG files have channels 0 to %d, not %" PRId32, CHANNEL_MAX, channel);
            qd_put_le(record, (uint64_t)qd_ticks_floor(tags->t[i], tags->tick, tick), 8);
            qd_put_le(record + 8, (uint64_t)channel, 2);
            if (fwrite(record, BYTES, 1, w->out.f) != 1) return qd_out_settle(&w->out, err);
            w->info.records++;
        }
    return QD_OK;
}

const qd_encoder qd_encode_qutag = {qd_writer_file_open, qutag_write, qd_writer_file_commit, qd_writer_file_abandon};
