/* SPDX-License-Identifier: Apache-2.0 */
/** @file epoch.h  Epoch files of qcrypto: arithmetic of epochs, packing, and the files that carry bits (T3), replies (T4), keys (T7).
 *
 *  An epoch is 2^29 ns = 0.536870912 s: 2^32 units of 1/8 ns. All integers of a file are 32-bit, little-endian. Packed fields follow
 *  each other, most significant bit first, in a string of bits that is cut into 32-bit words; the last word is zero padded. */
#ifndef QDISTILL_CORE_EPOCH_H
#define QDISTILL_CORE_EPOCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "qdistill/core/bits.h"
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { QD_EPOCH_NAME = 9, QD_EPOCH_HEAD_MAX = 24 };

/** Header of an epoch file. Which fields are used depends on the type. */
typedef struct qd_epoch_head {
    unsigned type;  /**< 1, 2, 3, 4 or 7 */
    bool anchored;  /**< epochs are anchored to Unix time: the file's tag is type + 0x100 */
    uint32_t epoch;
    uint32_t length;   /**< entries, without the terminator; T7: bits of key */
    uint32_t order;    /**< T2, T4: width of a difference */
    uint32_t bits;     /**< T1: width of a time (49); T3: of an entry; T2, T4: of a pattern */
    uint32_t base;     /**< T1: width of a detector mask (4) */
    uint32_t protocol; /**< T2 */
    uint32_t epochs;   /**< T7: epochs that the key is from */
} qd_epoch_head;

/** Bytes of a header: T1 20, T2 24, T3 16, T4 20, T7 16; 0 for another type. */
size_t qd_epoch_head_bytes(unsigned type);
/** Read the header of a file of @p type from @p n bytes. QD_E_INPUT: too short, another tag, widths that no file has. */
qd_status qd_epoch_head_read(const uint8_t *bytes, size_t n, unsigned type, qd_epoch_head *head, qd_error *err);
/** Write the qd_epoch_head_bytes(head->type) bytes of a header. */
void qd_epoch_head_write(const qd_epoch_head *head, uint8_t *bytes);
/** Bytes of a whole file by its header: T1, T3, T7; 0 where only the packed data tell. */
uint64_t qd_epoch_file_bytes(const qd_epoch_head *head);

/** Epoch of a Unix time. */
uint32_t qd_epoch_of_unix_ns(uint64_t unix_ns);
/** Epoch of a tag: the card counts 17 bits of it, @p te; the host's epoch @p now has the rest. Right while the tag is less than a
 *  quarter of the card's range ahead of the host's clock and less than three quarters behind it. */
uint32_t qd_epoch_complete(uint32_t te, uint32_t now);
/** Name of an epoch's file: 8 lower-case hexadecimal digits. */
void qd_epoch_name(uint32_t epoch, char name[QD_EPOCH_NAME]);
/** The other way round; false: no such name. */
bool qd_epoch_from_name(const char *name, uint32_t *epoch);

/* ---- Packing ----------------------------------------------------------------------------------------------------- */

typedef struct qd_packer {
    uint64_t acc;  /**< bits that fill no word yet, at the low end */
    unsigned have; /**< how many: below 32 */
} qd_packer;

/** Append the low @p bits (0..32) of @p v. True when a word is complete: its 4 bytes are in @p word. */
bool qd_pack(qd_packer *p, uint32_t v, unsigned bits, uint8_t word[4]);
/** Pad with zeros. True when there was a rest: its 4 bytes are in @p word. */
bool qd_pack_end(qd_packer *p, uint8_t word[4]);

/** The other way round: feed words while have < the bits to take. */
typedef struct qd_unpacker {
    uint64_t acc;
    unsigned have;
} qd_unpacker;
void qd_unpack_feed(qd_unpacker *u, const uint8_t word[4]);
/** Take @p bits (0..32) bits, which must be there. */
uint32_t qd_unpack(qd_unpacker *u, unsigned bits);

/** Fields from whole words in memory: [p, end) is what no word was taken of yet. */
typedef struct qd_packed {
    const uint8_t *p, *end;
    qd_unpacker u;
} qd_packed;
/** The next field of @p bits (0..32). False: it is not all there; *v unchanged. */
bool qd_packed_take(qd_packed *s, unsigned bits, uint32_t *v);

/* ---- Files that carry bits --------------------------------------------------------------------------------------- */

/** T3: head->length entries of head->bits (1..8) bits, one in each byte of @p entries. @p bytes: qd_epoch_file_bytes(head). */
void qd_t3_encode(const qd_epoch_head *head, const uint8_t *entries, uint8_t *bytes);
/** @param entries out: key material, freed with qd_secret_free
 *  @return QD_E_INPUT: header, length that does not fit the size (a stated length of 0 with entries behind it too), padding that is
 *  not zero. */
qd_status qd_t3_decode(const uint8_t *bytes, size_t n, qd_epoch_head *head, uint8_t **entries, qd_error *err);

/** T4: positions in a T2 file, ascending, each with a pattern (NULL: all zero).
 *  @param bytes, n out: the file, freed with free()
 *  @return QD_E_USAGE: not ascending, a pattern or width out of range. */
qd_status qd_t4_encode(const qd_epoch_head *head, const uint32_t *index, const uint8_t *pattern, uint8_t **bytes, size_t *n,
                       qd_error *err);
/** @param index, pattern out: head->length of each, freed with free()
 *  @return QD_E_INPUT: header, no terminator, a length that is not the number of entries, not ascending, trailing data. */
qd_status qd_t4_decode(const uint8_t *bytes, size_t n, qd_epoch_head *head, uint32_t **index, uint8_t **pattern, qd_error *err);

/** T7: a key of head->length bits. @p bytes: qd_epoch_file_bytes(head). */
void qd_t7_encode(const qd_epoch_head *head, const qd_bits *key, uint8_t *bytes);
/** @param key out, destroyed by the caller. The tags 7 and 0x107 are both accepted whatever the input was. QD_E_INPUT as T3. */
qd_status qd_t7_decode(const uint8_t *bytes, size_t n, qd_epoch_head *head, qd_bits *key, qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
