/* SPDX-License-Identifier: Apache-2.0 */
/** @file a1.h  Records of qcrypto's raw events: from and to 64-bit values. Private to the room. */
#ifndef QD_TIMETAG_A1_H
#define QD_TIMETAG_A1_H

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

/** True, and counted, when a record is no event; by card. Counts the record. */
bool qd_a1_dropped(qd_tag_reader *r, uint64_t w);
/** Look at the first records of r->f in both orders of words. QD_E_INPUT where they make sense in the other order only, and where one
 *  looks into a file (any_channel) r->info.fit instead. */
qd_status qd_a1_fit(qd_tag_reader *r, qd_error *err);
/** Note what is suspicious in an event's low bits. */
void qd_a1_look(qd_tag_reader *r, uint64_t w);

#endif
