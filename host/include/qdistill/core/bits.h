/* SPDX-License-Identifier: Apache-2.0 */
/** @file bits.h  Packed bit strings. Bit i is bit i%64 of word i/64; bits past the length are zero, always. */
#ifndef QDISTILL_CORE_BITS_H
#define QDISTILL_CORE_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A bit string that owns its words (qd_secret_alloc: wiped when destroyed). {0, NULL} is the empty string. */
typedef struct qd_bits {
    uint64_t n;  /**< length in bits */
    uint64_t *w; /**< ceil(n/64) words, at least one allocated */
} qd_bits;

/** Bit order inside the bytes of a file. */
typedef enum qd_bit_order { QD_LSB_FIRST = 0, QD_MSB_FIRST = 1 } qd_bit_order;

static inline uint64_t qd_bits_words(uint64_t n) { return n / 64 + (n % 64 != 0); }
static inline uint64_t qd_bits_bytes(uint64_t n) { return n / 8 + (n % 8 != 0); }
static inline unsigned qd_bits_get(const qd_bits *b, uint64_t i) { return (unsigned)(b->w[i / 64] >> (i % 64)) & 1u; }
/** Set bit @p i (below n) to @p v (0 or 1). */
static inline void qd_bits_set(qd_bits *b, uint64_t i, unsigned v) {
    uint64_t m = (uint64_t)1 << (i % 64);
    b->w[i / 64] = v ? b->w[i / 64] | m : b->w[i / 64] & ~m;
}

/** Make @p b a string of @p n zeros. @p b is overwritten (not destroyed first). QD_E_INTERNAL: no memory, b = {0, NULL}. */
qd_status qd_bits_create(qd_bits *b, uint64_t n, qd_error *err);
/** Wipe, free, and make the empty string. NULL and the empty string are accepted. */
void qd_bits_destroy(qd_bits *b);
/** @p dst = a copy of bits [from, from+n) of @p src; the caller keeps both. QD_E_USAGE when the range leaves src. */
qd_status qd_bits_slice(qd_bits *dst, const qd_bits *src, uint64_t from, uint64_t n, qd_error *err);
/** Append @p src at the end of @p dst (reallocates; the old words are wiped). */
qd_status qd_bits_append(qd_bits *dst, const qd_bits *src, qd_error *err);
/** Number of ones. */
uint64_t qd_bits_weight(const qd_bits *b);
/** Number of positions where two strings of equal length differ, both of which one station may know. */
uint64_t qd_bits_distance(const qd_bits *a, const qd_bits *b);
/** The same of the two stations' secrets; its name says that it sees both sides' secrets. */
uint64_t qd_bits_distance_truth(const qd_bits *a, const qd_bits *b);
/** Parity (0 or 1) of bits [from, to). Requires from <= to <= n. */
unsigned qd_bits_parity(const qd_bits *b, uint64_t from, uint64_t to);
bool qd_bits_equal(const qd_bits *a, const qd_bits *b);
/** True when bits past the length are zero. */
bool qd_bits_clean(const qd_bits *b);

/** Pack into qd_bits_bytes(n) bytes at @p bytes in @p order; unused bits of the last byte zero. */
void qd_bits_to_bytes(const qd_bits *b, qd_bit_order order, uint8_t *bytes);
/** Unpack @p n bits. QD_E_INPUT when a bit past the length is set (names the byte); @p b then is {0, NULL}. */
qd_status qd_bits_from_bytes(qd_bits *b, const uint8_t *bytes, uint64_t n, qd_bit_order order, qd_error *err);

/** The bits of each byte of @p w backwards. */
uint64_t qd_bits_mirrored(uint64_t w);

/** A bit string that lies in memory, or is read from anywhere, piece by piece in any order. */
typedef struct qd_bit_source {
    uint64_t n;        /**< length in bits */
    const uint64_t *w; /**< its words, as in qd_bits; NULL: read() fetches them */
    /** Words at .. at+words-1 of the string to @p w; all lie within it, and bits past its length are zero. */
    qd_status (*read)(void *self, uint64_t at, uint64_t words, uint64_t *w, qd_error *err);
    void *self;
} qd_bit_source;
/** @p b as a source; it must outlive that. */
static inline qd_bit_source qd_bits_as_source(const qd_bits *b) { return (qd_bit_source){b->n, b->w, 0, 0}; }

/** Where a bit string goes: to memory, or from its first word to its last; bits past its length are zero. */
typedef struct qd_bit_sink {
    uint64_t *w; /**< all its words, zeros before; NULL: write() takes them */
    qd_status (*write)(void *self, const uint64_t *w, uint64_t words, qd_error *err);
    void *self;
} qd_bit_sink;

/** Read a bit file. Length: @p in_bits if not UINT64_MAX; else {"bits":N} of `PATH.json` beside it if present; else
 *  8 x size. QD_E_INPUT: not a regular file, unreadable, shorter or longer than the length says, bits past it set. */
qd_status qd_bits_read_file(qd_bits *b, const char *path, uint64_t in_bits, qd_bit_order order, qd_error *err);
/** Write `PATH` and `PATH.json` atomically with mode @p mode (0600 for key). QD_E_INPUT when it cannot be written: neither appears. */
qd_status qd_bits_write_file(const qd_bits *b, const char *path, qd_bit_order order, unsigned mode, qd_error *err);

/** A bit file that is read piece by piece. */
typedef struct qd_bits_reader qd_bits_reader;
/** Open @p path; its length and the errors are those of qd_bits_read_file, found here but for what happens to the file later: then a read of the
 *  source gives QD_E_INPUT. */
qd_status qd_bits_reader_open(qd_bits_reader **r, const char *path, uint64_t in_bits, qd_bit_order order, qd_error *err);
/** Its bits; until it is closed. */
qd_bit_source qd_bits_reader_source(qd_bits_reader *r);
/** NULL is accepted. */
void qd_bits_reader_close(qd_bits_reader *r);

/** A bit file that is written piece by piece, atomically with its `PATH.json`. */
typedef struct qd_bits_writer qd_bits_writer;
/** Start `PATH` of @p bits bits. QD_E_INPUT when it cannot be created. */
qd_status qd_bits_writer_open(qd_bits_writer **w, const char *path, uint64_t bits, qd_bit_order order, unsigned mode, qd_error *err);
/** Takes all words of the string, in order. */
qd_bit_sink qd_bits_writer_sink(qd_bits_writer *w);
/** Both files are on the disk, under names that are not theirs yet. QD_E_INTERNAL: bits are missing; QD_E_INPUT: the disk failed. */
qd_status qd_bits_writer_settle(qd_bits_writer *w, qd_error *err);
/** Where the settled bits lie until commit, to be read back; NULL: written to a device or pipe. */
const char *qd_bits_writer_where(const qd_bits_writer *w);
/** Both get their names, after settling where that was not done. On error neither has. */
qd_status qd_bits_writer_commit(qd_bits_writer *w, qd_error *err);
/** Close; what was not committed disappears. NULL is accepted. */
void qd_bits_writer_close(qd_bits_writer *w);

#ifdef __cplusplus
}
#endif
#endif
