/* SPDX-License-Identifier: Apache-2.0 */
/** @file arith.h  Exact arithmetic that several rooms use: the number-theoretic transform, and GF(2^128).
 *
 *  Cyclic products of integer sequences are computed modulo the prime p = 15*2^27+1, so that they are exact on every device: a
 *  coefficient that is a count below p comes out as that count. Privacy amplification keeps its parity, correlation its value. */
#ifndef QDISTILL_ARITH_H
#define QDISTILL_ARITH_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Number-theoretic transform ---------------------------------------------------------------------------------- */

/** p = 15*2^27+1, prime; 31 generates its multiplicative group, so 31^15 = 440564289 has order 2^27. */
#define QD_NTT_PRIME 2013265921u
enum { QD_NTT_MAX_LOG2 = 27 };

/** Cyclic convolution: out[k] = sum of a[i] b[j] over (i+j) mod 2^log2n = k, reduced modulo QD_NTT_PRIME to [0, p).
 *  A sum that is below p comes out as itself.
 *  @param dev   device, or NULL for the scalar reference
 *  @param a, b  2^log2n words each, any value below p; may be the same array
 *  @param log2n 0 to QD_NTT_MAX_LOG2
 *  @param out   2^log2n words, the caller's; may be a or b
 *  @return QD_E_USAGE: log2n out of range or a word not below p; QD_E_INTERNAL: no memory; QD_E_DEVICE, QD_E_BUILD: the device
 *  failed. On error the contents of out are undefined. */
qd_status qd_ntt_convolve(qd_device *dev, const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out, qd_error *err);

/** Cyclic cross-correlation: out[d] = sum over i of a[i] b[(i+d) mod 2^log2n], modulo p. If b is a delayed by d0, the peak is at d0.
 *  Everything else as qd_ntt_convolve. */
qd_status qd_ntt_correlate(qd_device *dev, const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out, qd_error *err);

/* ---- GF(2^128) --------------------------------------------------------------------------------------------------- */

/** Element of GF(2)[z] / (z^128 + z^7 + z^2 + z + 1): the coefficient of z^i is bit i%64 of w[i/64]. (GHASH reverses all 128 bits.) */
typedef struct qd_gf128 {
    uint64_t w[2];
} qd_gf128;

/** From and to 16 bytes: the coefficient of z^i is bit i%8 of byte i/8. */
qd_gf128 qd_gf128_load(const uint8_t bytes[16]);
void qd_gf128_store(qd_gf128 a, uint8_t bytes[16]);

/** Product. Carry-less multiply instructions where the processor has them, else shifts and masks; the same result, and no
 *  memory access or branch depends on the operands. */
qd_gf128 qd_gf128_mul(qd_gf128 a, qd_gf128 b);

/** Polynomial without constant term: sum over i = 1..count of block[i-1] x^i. count = 0 gives 0. */
qd_gf128 qd_gf128_poly(const qd_gf128 *block, uint64_t count, qd_gf128 x);

/** Verification hash h_k(M) = sum over i = 1..S of M_i k^i, S = ceil(n/128) + 1: M_1 .. M_(S-1) are the 128-bit blocks of @p m from
 *  its first bit on (the last padded with zeros), M_S is the length n in bits. Two different strings, of any lengths up to n,
 *  share a tag of @p t bits for at most a fraction S/2^t of the keys. On the host, by qd_gf128_mul: no memory access or branch depends on
 *  message or key, so the key may be secret (authentication).
 *  @param m   message; only read
 *  @param key k, 16 bytes as qd_gf128_load reads them
 *  @param t   tag length in bits, 1 to 128
 *  @param tag 16 bytes: the @p t lowest coefficients, the rest zero
 *  @return QD_E_USAGE: t out of range; tag is zero then. */
qd_status qd_gf128_hash(const qd_bits *m, const uint8_t key[16], unsigned t, uint8_t tag[16], qd_error *err);

/** qd_gf128_hash, long messages on a device: for public keys (verification). Carry-less multiply instructions or integer multiplications there; no memory access or branch
 *  depends on message or key. What is copied to the device is wiped there, but the key may lie in its caches and queues: a secret one belongs to
 *  qd_gf128_hash.
 *  @param dev NULL, or @p m too short for it to pay (2^23 bits; 2^20 without carry-less multiply on the host): on the host, by qd_gf128_hash
 *  Everything else as qd_gf128_hash; also QD_E_DEVICE, QD_E_BUILD, QD_E_INTERNAL: the device failed. On every error the tag is zero. */
qd_status qd_polyhash(qd_device *dev, const qd_bits *m, const uint8_t key[16], unsigned t, uint8_t tag[16], qd_error *err);

/** The same from the definition, bit by bit: what tests compare with. */
qd_gf128 qd_gf128_mul_ref(qd_gf128 a, qd_gf128 b);
qd_status qd_gf128_hash_ref(const qd_bits *m, const uint8_t key[16], unsigned t, uint8_t tag[16], qd_error *err);

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_arith_ops[];

#ifdef __cplusplus
}
#endif
#endif
