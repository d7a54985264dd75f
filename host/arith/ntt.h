/* SPDX-License-Identifier: Apache-2.0 */
/** @file ntt.h  Cyclic products by number-theoretic transform: the operation `ntt`. */
#ifndef QD_ARITH_NTT_H
#define QD_ARITH_NTT_H

#include "arith/ntt_cl.h"
#include "qdistill/arith.h"

/** The reference of qd_ntt_convolve: textbook radix-2 transforms, scalar. Arguments as there, already checked. */
qd_status qd_ntt_ref_convolve(const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out, qd_error *err);

/** The device path of qd_ntt_convolve with a variant of choice; @p dev not NULL. */
qd_status qd_ntt_cl_convolve(qd_device *dev, qd_ntt_variant variant, const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out,
                             qd_error *err);

/** a b mod p, a^e mod p. */
static inline uint32_t qd_ntt_mul(uint32_t a, uint32_t b) { return (uint32_t)((uint64_t)a * b % QD_NTT_PRIME); }
static inline uint32_t qd_ntt_pow(uint32_t a, uint64_t e) {
    uint32_t r = 1;
    for (; e; e >>= 1, a = qd_ntt_mul(a, a))
        if (e & 1) r = qd_ntt_mul(r, a);
    return r;
}

/** Inputs of the registry row; also what the tuned C loop takes. */
typedef struct qd_ntt_case {
    unsigned log2n;
    int correlate; /**< 1: cross-correlation */
    qd_ntt_variant variant;
    uint32_t *a, *b; /**< 2^log2n words each */
} qd_ntt_case;

extern const qd_op qd_ntt_op;

#endif
