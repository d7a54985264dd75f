/* SPDX-License-Identifier: Apache-2.0 */
/** @file amplify.h  Privacy amplification: Toeplitz hashing of verified bits to secret key.
 *
 *  Sums are modulo 2. Input x of n bits, output y of r bits, m = n - r, seed s.
 *  Modified Toeplitz [T|I]:  y_i = sum over j < m of s[i-j+m-1] x_j, plus x_(m+i);  seed of n-1 bits, whatever r is.
 *  Plain Toeplitz:           y_i = sum over j < n of s[i-j+n-1] x_j;                seed of n+r-1 bits.
 *  Both families are universal2: two different inputs collide for a fraction 2^-r of the seeds (Hayashi, Tsurumaru,
 *  arXiv:1311.5322). Other tools count the seed from its other end: s[k] = s'[(k-m+1) mod L], plain s'[(k-n+1) mod L]. */
#ifndef QDISTILL_AMPLIFY_H
#define QDISTILL_AMPLIFY_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qd_hash { QD_HASH_MODIFIED_TOEPLITZ = 0, QD_HASH_TOEPLITZ = 1 } qd_hash;

#define QD_AMPLIFY_MAX_BITS ((uint64_t)1 << 32)

/** Seed bits that hashing @p n bits to @p r needs: n-1 or n+r-1 (0 when r = 0 in the plain form; modified needs none for n <= 1,
 *  and none is read for r = 0 or r = n, but n-1 is what both sides draw: it is fixed before r is known). */
uint64_t qd_toeplitz_seed_bits(qd_hash kind, uint64_t n, uint64_t r);

/** Hash @p x to @p r bits.
 *  @param dev  device, or NULL for the reference (O(n r/64) word operations)
 *  @param x    input, 1 to 2^32 bits; every bit counts, nothing is padded or dropped
 *  @param r    output length, 0 to n
 *  @param seed exactly qd_toeplitz_seed_bits(kind, n, r) public uniform bits
 *  @param y    made by the callee (overwritten, not destroyed first), the caller destroys it; {0, NULL} on error
 *  @return QD_E_USAGE: n, r or the seed's length out of range; QD_E_INTERNAL: no memory; QD_E_DEVICE, QD_E_BUILD: the device failed. */
qd_status qd_toeplitz(qd_device *dev, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y, qd_error *err);

/** What one hash took on a device; zeros on the reference. */
typedef struct qd_toeplitz_stats {
    uint64_t keys, windows, back; /**< transforms: of pieces of the key, of the seed, and back to output */
    uint64_t products;            /**< of two spectra */
    uint64_t transform_bits;      /**< length of each transform, in bits */
    uint64_t rows, columns;       /**< output and key bits of a chunk */
    uint64_t spectra_bytes;       /**< of all spectra on the device */
} qd_toeplitz_stats;

/** What a hash of strings reads and writes that need not lie in memory. */
typedef struct qd_toeplitz_job {
    qd_hash kind;
    uint64_t r;
    qd_bit_source x, seed; /**< lengths as for qd_toeplitz; pieces may be asked for more than once */
    qd_bit_sink y;
    /** May be NULL: told from time to time the share of the work that is done, 0 to 1. Another status than QD_OK ends the hash with it. */
    qd_status (*progress)(void *self, double done, qd_error *err);
    void *self;
} qd_toeplitz_job;

/** The same hash, in pieces: what must lie in memory are spectra, at most 1 byte a bit of x (NTT 10), less where the device has less, and a few pieces of
 *  2^27 bits. @p dev NULL: the reference, which takes all of x, seed and y into memory. @p stats may be NULL.
 *  Errors as qd_toeplitz, and those of source, sink and progress, as they are; y may have been written in part then. */
qd_status qd_toeplitz_stream(qd_device *dev, const qd_toeplitz_job *job, qd_toeplitz_stats *stats, qd_error *err);

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_amplify_ops[];

#ifdef __cplusplus
}
#endif
#endif
