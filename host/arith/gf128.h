/* SPDX-License-Identifier: Apache-2.0 */
/** @file gf128.h  Arithmetic in GF(2^128) on the host, and the parts of the verification hash. No branch or address depends on operands here. */
#ifndef QD_ARITH_GF128_H
#define QD_ARITH_GF128_H

#include "qdistill/arith.h"

/** h <- (h + block) x for the blocks from the last to the first; block i is words 2i and 2i+1. */
typedef qd_gf128 qd_gf128_horner(qd_gf128 h, const uint64_t *words, uint64_t blocks, qd_gf128 x);

/** Without carry-less multiply: products of 32-bit integers, in the widest of the vectors below that there are. */
qd_gf128_horner qd_gf128_horner_portable;
/** By vectors of 128 bits in plain C: any processor. */
qd_gf128_horner qd_gf128_horner_plain;
/** By vectors of 128 bits; NULL where the processor has none. */
qd_gf128_horner *qd_gf128_horner_sse2(void);
/** By vectors of 256 bits; NULL where the processor has none. */
qd_gf128_horner *qd_gf128_horner_avx2(void);
/** By carry-less multiply instructions; NULL where the processor has none. */
qd_gf128_horner *qd_gf128_horner_clmul(void);
/** By the faster of _clmul and _portable that there is. */
qd_gf128_horner qd_gf128_horner_best;

/** What the blocks of @p m from @p block on, and its length, add to the hash, over k^block. @p block is at most the number of whole blocks. */
qd_gf128 qd_gf128_hash_end(const qd_bits *m, uint64_t block, qd_gf128 k);
/** The @p t lowest coefficients as bytes, the rest zero. QD_E_USAGE: t is not 1 to 128; @p tag is zero then. */
qd_status qd_gf128_tag(qd_gf128 h, unsigned t, uint8_t tag[16], qd_error *err);

#endif
