/* SPDX-License-Identifier: Apache-2.0 */
/** @file a1.h  Records of qcrypto's raw events: from and to 64-bit values. Private to the room. */
#ifndef QD_TIMETAG_A1_H
#define QD_TIMETAG_A1_H

#include <inttypes.h>
#include "timetag/reader.h"

enum { QD_A1_BYTES = 8 };

/** Bits below the time: 15 or 10. */
static inline unsigned qd_a1_low_bits(const qd_tag_format *f) {
    return 64 - f->bits;
}

/** True when the high 32-bit word comes first in the file; each word is little-endian. */
static inline bool qd_a1_high_first(const qd_tag_format *f) {
    return (f->bits == 49) != f->swapped;
}

static inline uint64_t qd_a1_load(const uint8_t *p, bool high_first) {
    uint64_t first = qd_le32(p), second = qd_le32(p + 4);
    return high_first ? first << 32 | second : second << 32 | first;
}
static inline void qd_a1_store(uint8_t *p, uint64_t w, bool high_first) {
    qd_put_le(p, high_first ? w << 32 | w >> 32 : w, 8);
}

/** T1: epochs from that of the header to that of an event, of whose count @p te are the upper 17 bits, @p first those of the file's first event. The
 *  two uppermost of that one need not be the header's; what is more than 2^14 epochs ahead of it, or 2^16 of the first event, counts as behind. */
static inline int32_t qd_t1_away(uint32_t epoch, uint32_t first, uint32_t te) {
    const uint32_t head = (first - epoch) & 0x7fff, on = (te - first) & 0x1ffff;
    return (int32_t)head - (head & 0x4000 ? 0x8000 : 0) + (int32_t)on - (on & 0x10000 ? 0x20000 : 0);
}

/** A T1 or T2 file whose event lies in another epoch: one beside may be a writer's rounding or the disorder of neighbours at the border, and is
 *  told; a farther one is refused, by these words: "%s%" PRId64 " %.6g". */
#define QD_EPOCH_AWAY                                                                                                                        \
    "%sthe event lies %" PRId64 " epochs (%.6g s) from epoch %08" PRIx32                                                                      \
    " of the header|header and events disagree|the file has a header or name that is not its own, or was made wrongly"                        \
    "|make it again from the recording"
/** Seconds of an epoch: 2^32 units of 1/8 ns. */
static const double qd_epoch_s = 0.536870912;

/** What the steps between records come to in one order of their words, in units of 125 ps, round the range of 2^49 of them. */
typedef struct qd_a1_steps {
    bool any;
    int64_t time;
    uint64_t n, far;       /**< records but those of zeros; steps of 1/4 s or more */
    uint64_t fine, coarse; /**< records with a bit of 10..12, of 13..14 */
} qd_a1_steps;

/** The first records in both orders, as they come. {0} is the start. */
typedef struct qd_a1_orders {
    qd_a1_steps order[2]; /**< low word first, high word first */
    uint64_t records;     /**< those of zeros too */
    bool settled;         /**< no more are looked at */
} qd_a1_orders;

/** Records at which the order is looked at: events and the like, and records of any kind; a file or stream that has fewer, at its end. */
enum { QD_A1_LOOK_EARLY = 64, QD_A1_LOOK_LATE = 1 << 16 };

/** True, and counted, when a record is no event; by card. Counts the record. */
bool qd_a1_dropped(qd_tag_reader *r, uint64_t w);
/** Look at the next @p n records in both orders of words; @p last: none follow. QD_E_INPUT where they make sense in the other order only, and
 *  where one looks into a file (any_channel) r->info.fit instead. The same however the records come. */
qd_status qd_a1_fit(qd_tag_reader *r, qd_a1_orders *o, const uint8_t *block, size_t n, bool last, qd_error *err);
/** The same of the first records of the file r->f, whose place stays as it is. */
qd_status qd_a1_fit_file(qd_tag_reader *r, qd_error *err);
/** Note what is suspicious in an event's low bits. */
void qd_a1_look(qd_tag_reader *r, uint64_t w);

#endif
