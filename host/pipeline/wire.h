/* SPDX-License-Identifier: Apache-2.0 */
/** @file wire.h  Bodies of the messages that the stations exchange outside reconciliation. Readers trust nothing: what does not
 *  parse to the last byte, or names what cannot be, is QD_E_INPUT. */
#ifndef QD_PIPELINE_WIRE_H
#define QD_PIPELINE_WIRE_H

#include "qdistill/amplify/auth.h"
#include "qdistill/core.h"
#include "qdistill/pipeline.h"

/** Unsigned LEB128: seven bits a byte, low first, at most ten bytes; a reader refuses longer ones. */
void qd_wire_put_varint(qd_body *b, uint64_t v);
uint64_t qd_wire_get_varint(qd_body *b);

/** QD_MSG_TIMES: 16 bytes drawn when it is sent (what answers it was not sent before it), u64 index of the first event, u64 count, u8 end of data, i64 first time (absent when count is 0), then count-1
 *  differences as varints. Times are in announcement steps of Alice's clock. */
typedef struct qd_wire_times {
    uint8_t nonce[QD_AUTH_NONCE];
    uint64_t first, count;
    bool end;
    int64_t *t; /**< [count]; owned by the reader's caller */
} qd_wire_times;
qd_status qd_wire_times_put(qd_body *b, const qd_wire_times *w, qd_error *err);
/** @p next: the index that must come first; @p last: no time may be below it. */
qd_status qd_wire_times_get(const qd_msg *m, uint64_t next, int64_t last, qd_wire_times *w, qd_error *err);

/** QD_MSG_PAIRS: u64 index up to which Alice's events are settled, u64 count, then the settled events that have a partner as
 *  ascending indices: differences to the one before (the first: to the previous bound) as varints. */
typedef struct qd_wire_pairs {
    uint64_t settled, count;
    uint64_t *index; /**< [count]; owned by the reader's caller */
} qd_wire_pairs;
qd_status qd_wire_pairs_put(qd_body *b, uint64_t from, const qd_wire_pairs *w, qd_error *err);
/** @p from: the previous bound; @p announced: how many events Alice has announced. */
qd_status qd_wire_pairs_get(const qd_msg *m, uint64_t from, uint64_t announced, qd_wire_pairs *w, qd_error *err);

/** A bit string: u64 length, then ceil(length/8) bytes. The reader demands @p n bits. */
void qd_wire_bits_put(qd_body *b, const qd_bits *bits);
qd_status qd_wire_bits_get(qd_body *b, const qd_msg *m, uint64_t n, qd_bits *bits, qd_error *err);

/** Ascending positions: u64 count, then differences (the first: the position) as varints. The reader refuses positions >= n and repeated ones. */
void qd_wire_positions_put(qd_body *b, const uint64_t *pos, uint64_t count);
qd_status qd_wire_positions_get(qd_body *b, const qd_msg *m, uint64_t n, uint64_t **pos, uint64_t *count, qd_error *err);

/** QD_MSG_PARAMETERS: what both stations must have agreed on, a u64 each in the order of wire.c's table; epsilons as the bits of a double.
 *  What only one station acts on (limits of the clock search, code) is not in it. */
void qd_wire_agreed_put(qd_body *b, const qd_station_params *p);
/** The same without what differs between the sessions of one run: what the tags of authentication cover as their context. */
void qd_wire_context_put(qd_body *b, const qd_station_params *p);
/** QD_E_INPUT names the first parameter that differs, and both values. */
qd_status qd_wire_agreed_check(const qd_msg *m, const qd_station_params *own, qd_error *err);

/** "malformed message" for block and type of @p m. */
qd_status qd_wire_bad(const qd_msg *m, const char *why, qd_error *err);

#endif
