/* SPDX-License-Identifier: Apache-2.0 */
/** @file machine.h  What both machines share: parameters, the code in use, the string as it stands, and the bodies of messages.
 *
 *  Bodies (little-endian; bit strings: bit i is bit i%8 of byte i/8, bits past the end zero):
 *      CODE          u8 version 3, u8 basis, u32 code, z, m, c, a, max_iterations, tag_bits, batch, u64 bits of the
 *                    string, u64 frames, u32 rounds of added rows at most
 *      LARGE         u8 version 3, u8 basis, u32 rows, columns, z, c, max_iterations, tag_bits, batch, u64 bits of the string, u64 frames, u32 pairs of
 *                    lifted rows joined (qd_large_joined), u32 rounds in which they are told apart at most, 64 bytes: SHA-256 of the code with them,
 *                    in hexadecimal
 *      SYNDROME      u64 first frame, u32 frames, then qd_syndrome_bytes each
 *      ANSWER, FRAME_ANSWER   u64 count, then one bit each
 *      ROWS          u32 round, from 1, u32 rows, u32 c, a, u64 count, then ceil(rows/8) bytes each, of the frames that failed so far, in order: the
 *                    bits of the syndrome behind those that were sent; of a large-block code the last of the private bits
 *                    that are not told yet, in order, and a = 0
 *      REVEAL        u64 count, then ceil(n/8) bytes each, of the frames that both sides know to be asked for, in order
 *      READY         nothing
 *      TAG           16 bytes hash key, 16 bytes tag (low tag_bits bits)
 *      TAG_ANSWER    u8, 1 = equal
 *      FRAME_TAGS    16 bytes hash key, u64 count, u64 tag each, of the kept frames in order
 *      ERRORS        u64
 *      REJECT        u32 reason */
#ifndef QD_RECONCILE_MACHINE_H
#define QD_RECONCILE_MACHINE_H

#include "reconcile/ldpc.h"
#include "reconcile/verify.h"

enum { QD_CODE_VERSION = 3, QD_FRAME_TAG_BITS = 64, QD_BATCH_MAX = 1 << 16 };

typedef struct qd_machine {
    qd_reconcile_params p;
    const qd_bits *key; /**< own string as it came, borrowed; once the code is known, and is not Cascade, &spread */
    qd_device *dev;
    qd_direction me;
    qd_code code;
    qd_ldpc_rule rule;
    uint32_t batch;
    qd_bits spread; /**< the first n bits of the own string in the frames' order (spread.h), as `string` is too until the result stands */
    qd_bits string; /**< the first n bits: Alice's own; Bob's as corrected so far */
    uint8_t *kept;  /**< [frames] 1: recovered, not revealed */
    uint32_t round, rounds, add[QD_ADD_ROUNDS]; /**< of added rows: taken so far, at most, rows of each so far */
    uint8_t *level; /**< [frames] rounds whose rows the frame was sent */
    /** Large-block code (large_frames.h): with the pairs of rows that are joined still, and without; code has then no graph and only the sizes of the
     *  latter. @{ */
    struct qd_large_code *large, *apart;
    uint32_t joined; /**< pairs of lifted rows, at first */
    /** @} */
    struct qd_cascade_batch *search; /**< Cascade (parities.h); code has then no graph and only n. @{ */
    uint64_t *mine;        /**< own parities of this round, once told */
    uint32_t parity_round;
    uint64_t *told;        /**< [frames] parities of each side */
    /** @} */
    qd_reconcile_result r;
    bool done, broken;
} qd_machine;

/** Check parameters and set up. QD_E_USAGE: out of range. */
qd_status qd_machine_init(qd_machine *m, const qd_reconcile_params *p, const qd_bits *key, qd_device *dev, qd_direction me,
                          qd_error *err);
void qd_machine_clear(qd_machine *m);

/** Once the code is known: the string's bits, the frame states, the fixed part of the result. */
qd_status qd_machine_frames(qd_machine *m, uint64_t frames, uint32_t tag_bits, qd_error *err);
/** The string ends with @p reject before any syndrome. */
void qd_machine_reject(qd_machine *m, uint32_t reject);
/** Result and key stand. */
void qd_machine_finish(qd_machine *m, uint32_t reject);

uint64_t qd_machine_kept(const qd_machine *m);

/** Words of a frame's private bits: punctured columns, or those of joined rows. */
static inline size_t qd_hidden_words(const qd_machine *m) {
    return (size_t)(m->code.graph ? m->code.graph->punctured : (m->joined + m->code.z - 1) / m->code.z) * m->code.words;
}
/** Of a frame's syndrome bits those that tell private bits alone. */
static inline uint32_t qd_private_bits(const qd_reconcile_result *r) {
    return r->m - r->frame_leak;
}

/** The code with the rows of @p round rounds of added ones. Their extension bits are zeros, so frames stay as long as they are. */
qd_code qd_machine_code(const qd_machine *m, uint32_t round);
/** A round of @p add added rows begins, for @p open frames. */
void qd_machine_round(qd_machine *m, uint32_t add, uint64_t open);
/** Copy @p n bits from bit @p from of @p src to bit @p to of @p dst, where zeros are; bit i is bit i%8 of byte i/8. */
void qd_rows_copy(uint8_t *dst, size_t to, const uint8_t *src, size_t from, size_t n);
/** Load frames @p id[0..n) of @p key into @p frames, laid out for @p c (a code of this string, first or later round). */
void qd_rows_load(const qd_machine *m, const qd_code *c, const qd_bits *key, const uint64_t *id, uint64_t n, uint64_t *frames);

/** QD_E_INPUT unless @p in is of @p type, of this block, from the other side, with this `last`. */
qd_status qd_machine_expect(const qd_machine *m, const qd_msg *in, uint32_t type, bool last, qd_error *err);
/** QD_E_INPUT: a well-formed message that says something impossible. */
qd_status qd_machine_bad(const qd_msg *in, const char *what, qd_error *err);

/** Send and free a body; QD_E_INTERNAL when the body ran out of memory. */
qd_status qd_machine_send(qd_machine *m, qd_outbox *out, uint32_t type, bool last, qd_body *body, qd_error *err);

/** A list of bits as ANSWER carries it: @p bit[i] is 0 or 1. Reading wants exactly @p count of them. */
void qd_answer_write(qd_body *b, const uint8_t *bit, uint64_t count);
qd_status qd_answer_read(const qd_msg *in, uint8_t *bit, uint64_t count, qd_error *err);

/** 64-bit tag of frame @p f of the string under @p key. */
qd_status qd_frame_tag(const qd_machine *m, uint64_t f, const uint8_t key[16], uint64_t *tag, qd_error *err);

#endif
