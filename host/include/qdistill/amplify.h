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

#define QD_AMPLIFY_MAX_BITS ((uint64_t)1 << 27)

/** Seed bits that hashing @p n bits to @p r needs: n-1 or n+r-1 (0 when r = 0 in the plain form; modified needs none for n <= 1,
 *  and none is read for r = 0 or r = n, but n-1 is what both sides draw: it is fixed before r is known). */
uint64_t qd_toeplitz_seed_bits(qd_hash kind, uint64_t n, uint64_t r);

/** Hash @p x to @p r bits.
 *  @param dev  device, or NULL for the reference (O(n r/64) word operations)
 *  @param x    input, 1 to 2^27 bits; every bit counts, nothing is padded or dropped
 *  @param r    output length, 0 to n
 *  @param seed exactly qd_toeplitz_seed_bits(kind, n, r) public uniform bits
 *  @param y    made by the callee (overwritten, not destroyed first), the caller destroys it; {0, NULL} on error
 *  @return QD_E_USAGE: n, r or the seed's length out of range; QD_E_INTERNAL: no memory; QD_E_DEVICE, QD_E_BUILD: the device failed. */
qd_status qd_toeplitz(qd_device *dev, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y, qd_error *err);

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_amplify_ops[];

#ifdef __cplusplus
}
#endif
#endif
