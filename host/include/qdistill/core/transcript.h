/* SPDX-License-Identifier: Apache-2.0 */
/** @file transcript.h  Messages between the two stations, and the machines that exchange them.
 *
 *  A station sends only while it has the turn, and hands the turn over with the `last` message of a batch. So the order of
 *  messages is the same whether one process carries them or two. Alice has the first turn. */
#ifndef QDISTILL_CORE_TRANSCRIPT_H
#define QDISTILL_CORE_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "qdistill/core/ledger.h"
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Types of messages. Numbers are part of the file format: append only. */
typedef enum qd_msg_type {
    QD_MSG_TIMES = 1,         /**< Alice: announced times of a slice of detections */
    QD_MSG_PAIRS = 2,         /**< Bob: which of them have a partner, or that more are needed */
    QD_MSG_BASES_BOB = 3,     /**< Bob: his bases of the paired events of a finished block */
    QD_MSG_BASES_ALICE = 4,   /**< Alice: hers */
    QD_MSG_SAMPLE = 5,        /**< Alice: sample positions and her bits there (first block) */
    QD_MSG_SAMPLE_BITS = 6,   /**< Bob: his bits there */
    QD_MSG_PARAMETERS = 7,    /**< Alice, once: the parameters that both stations must have */
    QD_MSG_CODE = 16,         /**< Alice: code, frames and rate of a string */
    QD_MSG_SYNDROME = 17,     /**< Alice: syndromes of a batch of frames */
    QD_MSG_ANSWER = 18,       /**< Bob: one bit a frame, 1 = recovered */
    QD_MSG_REVEAL = 19,       /**< Alice: the failed frames, whole */
    QD_MSG_READY = 20,        /**< Bob: correction complete */
    QD_MSG_TAG = 21,          /**< Alice: hash key and tag of the string */
    QD_MSG_TAG_ANSWER = 22,   /**< Bob: equal or not, one bit */
    QD_MSG_FRAME_TAGS = 23,   /**< Alice: fresh hash key and a tag per frame, after a mismatch */
    QD_MSG_FRAME_ANSWER = 24, /**< Bob: one bit a frame, 1 = equal */
    QD_MSG_ERRORS = 25,       /**< Bob: number of errors corrected in the string */
    QD_MSG_REJECT = 26,       /**< either: the block yields no key, and why */
    QD_MSG_ROWS = 27,         /**< Alice: further syndrome bits of the frames that failed */
    QD_MSG_CASCADE = 28,      /**< Alice: the plan of Cascade of a string */
    QD_MSG_PARITIES = 29,     /**< either: parities of a round of it */
    QD_MSG_LARGE = 30,        /**< Alice: code, frames and rate of a string, of a large-block code */
    QD_MSG_LENGTH = 32,       /**< Alice: key lengths of the block's strings, as integers */
    QD_MSG_HASH_SEED = 33,    /**< Alice: seed of privacy amplification of a string */
    QD_MSG_DONE = 34,         /**< either: end of block or of job */
    QD_MSG_AUTH = 35          /**< either: tag of authentication over the block's messages */
} qd_msg_type;

/** One message. The body is owned by whoever holds the message. Integers in bodies are little-endian. */
typedef struct qd_msg {
    uint32_t type;
    uint32_t block; /**< key block, from 0 */
    uint8_t from;   /**< qd_direction: 0 Alice sent it, 1 Bob */
    uint8_t last;   /**< 1: the sender hands the turn over */
    uint64_t bytes;
    uint8_t *body;
} qd_msg;

/** Messages waiting to be carried, in order. {0} is empty. */
typedef struct qd_outbox {
    qd_msg *m;
    size_t n, cap, head;
} qd_outbox;

/** Copy a message into the outbox. QD_E_INTERNAL: no memory, the outbox unchanged. */
qd_status qd_outbox_send(qd_outbox *o, uint32_t type, uint32_t block, qd_direction from, bool last, const void *body,
                         uint64_t bytes, qd_error *err);
/** Take the first message; the caller frees its body with free(). false: empty. */
bool qd_outbox_take(qd_outbox *o, qd_msg *m);
/** Hand the turn over with the last message that stands in the box (sets its `last`); QD_E_INTERNAL when the box is empty. */
qd_status qd_outbox_turn(qd_outbox *o, qd_error *err);
void qd_outbox_destroy(qd_outbox *o);

/** Bytes of a serialised header: "QM" u16 version 1, u32 type, u32 block, u8 from, u8 last, u16 zero, u64 bytes; little-endian. */
enum { QD_MSG_HEADER = 24 };
void qd_msg_header(const qd_msg *m, uint8_t out[QD_MSG_HEADER]);
/** Parse a header; body stays NULL. QD_E_INPUT: bad magic, version, flag, or a body above @p max_bytes. */
qd_status qd_msg_parse(const uint8_t in[QD_MSG_HEADER], uint64_t max_bytes, qd_msg *m, qd_error *err);

/** Read the next message of a stream: header and body, which the caller frees. *end: the stream ended before the header, no
 *  message. QD_E_INPUT: malformed, longer than @p max_bytes, or cut short; @p m is {0} then. */
qd_status qd_msg_read(FILE *f, uint64_t max_bytes, qd_msg *m, bool *end, qd_error *err);

/** Name of a type: "times", "syndrome", ... ; "unknown" otherwise. Static storage. */
const char *qd_msg_name(uint32_t type);

/** Sums by type and direction: what Eve saw. */
typedef struct qd_eve {
    uint64_t messages[2][40], bytes[2][40];
} qd_eve;

/** A transcript being written: a file of header + body per message, and its sums. */
typedef struct qd_transcript qd_transcript;
/** As @p at of qd_transcript_open: keep every whole message, cut off a broken last one. */
#define QD_TRANSCRIPT_ALL UINT64_MAX
/** Start a transcript at @p path (NULL: sums and digest only). @p append: go on at the end of an existing file cut to @p at bytes,
 *  with the sums and the digest of the messages that stay. QD_E_INPUT: exists already (without append), cannot be written, or no
 *  message ends at byte @p at; the file is unchanged then and *t NULL. Not atomic: a transcript grows, and resumes, in place. */
qd_status qd_transcript_open(const char *path, bool append, uint64_t at, qd_transcript **t, qd_error *err);
/** Append a message. QD_E_INPUT: the disk is full; the file then may end in a part of it, which append cuts off. */
qd_status qd_transcript_add(qd_transcript *t, const qd_msg *m, qd_error *err);
/** Bytes so far, after a flush to disk: where a resumed run goes on. */
qd_status qd_transcript_sync(qd_transcript *t, uint64_t *bytes, qd_error *err);
const qd_eve *qd_transcript_eve(const qd_transcript *t);
/** SHA-256 of all bytes so far, whether or not they are written to a file; 64 lower-case hexadecimal digits and a zero. */
void qd_transcript_sha256(const qd_transcript *t, char hex[65]);
/** Sync, close and free, also on error. NULL is accepted. */
qd_status qd_transcript_close(qd_transcript *t, qd_error *err);

/** Growable little-endian body writer ({0} is empty; qd_body_free when done), and a bounds-checked reader: what machines use to make and read bodies. */
typedef struct qd_body {
    uint8_t *p;
    uint64_t n, cap, at;
    bool bad; /**< set by a read past the end or a failed allocation; later calls do nothing and return 0 */
} qd_body;
void qd_body_put(qd_body *b, const void *p, uint64_t bytes);
void qd_body_u8(qd_body *b, uint8_t v);
void qd_body_u32(qd_body *b, uint32_t v);
void qd_body_u64(qd_body *b, uint64_t v);
/** Reader over a message; borrows its body. */
qd_body qd_body_of(const qd_msg *m);
uint8_t qd_body_get_u8(qd_body *b);
uint32_t qd_body_get_u32(qd_body *b);
uint64_t qd_body_get_u64(qd_body *b);
/** Copy @p bytes to @p out; sets bad and writes zeros when there are fewer. */
void qd_body_get(qd_body *b, void *out, uint64_t bytes);
/** QD_OK when everything was read and nothing went wrong; QD_E_INPUT "malformed message" naming type and block otherwise. */
qd_status qd_body_end(const qd_body *b, const qd_msg *m, qd_error *err);
void qd_body_free(qd_body *b);

#ifdef __cplusplus
}
#endif
#endif
