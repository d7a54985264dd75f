/* SPDX-License-Identifier: Apache-2.0 */
/** @file reader.h  What every format's decoder shares: a file, a place in it, and the window in which order is restored. Private
 *  to the room. */
#ifndef QD_TIMETAG_READER_H
#define QD_TIMETAG_READER_H

#include <stdio.h>
#include "qdistill/timetag.h"

/* QD_READ_ROOM: three times what has to wait, so that the waiting events move to the front once in a few blocks. */
enum { QD_READ_BLOCK = 4096, QD_READ_ROOM = 3 * (QD_TAG_REORDER + QD_READ_BLOCK), QD_WHERE = 512 };

/** A decoder of one format. */
typedef struct qd_decoder {
    /** Make r->state and set r->tick; r->path is known, nothing is open. NULL state is allowed. */
    qd_status (*open)(qd_tag_reader *r, qd_error *err);
    /** Take at most QD_READ_BLOCK events; sets r->ended when nothing follows. */
    qd_status (*more)(qd_tag_reader *r, qd_error *err);
    void (*close)(qd_tag_reader *r); /**< frees r->state; called also after a failed open; may be NULL */
} qd_decoder;

struct qd_tag_reader {
    char *path;
    struct qd_growing *stream; /**< not NULL: bytes come from what still grows, and f is its header or NULL */
    struct qd_live *live;      /**< not NULL: files come into a directory, and f is the one in hand or NULL */
    qd_tag_format format;
    qd_tick tick;
    qd_tag_info info;
    const qd_decoder *decoder;
    void *state;
    FILE *f;           /**< closed by the reader, if not NULL */
    uint64_t size;     /**< of the file */
    const char *part;  /**< name of the file inside a directory; NULL: path is the file */
    uint64_t at, line; /**< where the record in hand begins: byte; line, counted from 1 (0: not a text) */
    uint64_t record;   /**< its number, counted from 0 */
    bool header;       /**< what is read is the header, not records */
    bool ended, any;
    int64_t time;     /**< of the last event read */
    int64_t long_gap; /**< what counts as a gap, ticks; 0: not known yet */
    uint64_t head, n; /**< events waiting, in time order: n from place head on */
    bool delivered;
    int64_t newest; /**< last event delivered */
    uint8_t newest_mask;
    int64_t t[QD_READ_ROOM];
    uint8_t mask[QD_READ_ROOM];
};

/** Times stay below this in magnitude. */
static const int64_t qd_time_limit = (int64_t)1 << 61;

extern const qd_decoder qd_decode_a1, qd_decode_a1_text, qd_decode_t1, qd_decode_t2, qd_decode_ptu, qd_decode_qutag,
    qd_decode_swabian, qd_decode_chronoxea, qd_decode_csv;

/** stream.c: what the functions below do where bytes come from a stream. @{ */
qd_status qd_growing_header(qd_tag_reader *r, qd_error *err);
size_t qd_growing_records(qd_tag_reader *r, void *block, unsigned bytes, size_t max);
/** False: there is no whole line yet, of less than @p cap characters. */
bool qd_growing_has_line(qd_tag_reader *r, size_t cap);
int qd_growing_byte(qd_tag_reader *r);
/** The decoder's turn; *dry: it found no whole record. */
qd_status qd_growing_more(qd_tag_reader *r, bool *dry, qd_error *err);
void qd_growing_close(qd_tag_reader *r);
/** @} */
/** A reader of that format, nothing opened. QD_E_USAGE, QD_E_INTERNAL. */
qd_status qd_reader_create(const char *path, qd_tag_format format, qd_tag_reader **reader, qd_error *err);
/** "PATH: byte N (record M)", "PATH: line N". */
const char *qd_where(const qd_tag_reader *r, char out[QD_WHERE]);
/** Bad input at the place in hand: "WHERE: WHAT|cause|likely|next". */
#define qd_reader_fail(r, err, fmt, ...) qd_fail(err, QD_E_INPUT, "%s: " fmt, qd_where(r, (char[QD_WHERE]){0}), ##__VA_ARGS__)
/** Open r->path as a regular file of whole records: @p header bytes, then records of @p bytes each; QD_E_INPUT otherwise. */
qd_status qd_reader_open_file(qd_tag_reader *r, uint64_t header, unsigned bytes, qd_error *err);
/** Read the next records of @p bytes each, at most @p max, into @p block; r->at must be the place. Fewer only at the end of the
 *  file, which sets r->ended. QD_E_INPUT: read error, or the file became shorter. */
qd_status qd_reader_records(qd_tag_reader *r, void *block, unsigned bytes, size_t max, size_t *got, qd_error *err);
/** Read a line without its end, at most @p cap - 1 bytes; *got = false at the end of the file. QD_E_INPUT: too long, a NUL in it.
 */
qd_status qd_reader_line(qd_tag_reader *r, char *line, size_t cap, bool *got, qd_error *err);
/** Take an event, at its place among those that wait. QD_E_INPUT: out of order beyond repair, or out of range. */
qd_status qd_reader_take(qd_tag_reader *r, int64_t t, uint8_t mask, qd_error *err);
/** Where a block of up to QD_READ_BLOCK events goes, times and masks in the order of the file, for qd_reader_take_block. */
void qd_reader_room(qd_tag_reader *r, int64_t **t, uint8_t **mask);
/** Take the @p n events that lie in that room, as qd_reader_take would one by one. False, and nothing is taken, when one of them
 * would be an error: then take them one by one, for its place. */
bool qd_reader_take_block(qd_tag_reader *r, size_t n);
/** Least and greatest of @p n >= 1 times; true when they ascend. */
bool qd_reader_span(const int64_t *t, size_t n, int64_t *least, int64_t *most);
/** Take a click of a numbered channel: its detector's event, or counted as unmapped. QD_E_INPUT: no map, and not one of 1..4. */
qd_status qd_reader_click(qd_tag_reader *r, int64_t t, int64_t channel, qd_error *err);
/** Detector mask of a channel, 0 when it has none. */
uint8_t qd_channel_mask(const qd_tag_channels *c, int64_t channel);
/** The number that @p detector (0..3) has in files. */
int32_t qd_channel_number(const qd_tag_channels *c, int detector);

static inline uint32_t qd_le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t qd_le64(const uint8_t *p) {
    return (uint64_t)qd_le32(p + 4) << 32 | qd_le32(p);
}
static inline void qd_put_le(uint8_t *p, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> (8 * i));
}

#endif
