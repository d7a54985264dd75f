/* SPDX-License-Identifier: Apache-2.0 */
/** @file afft.h  Middle products of polynomials over GF(2): the operation `afft`. */
#ifndef QD_ARITH_AFFT_H
#define QD_ARITH_AFFT_H

#include "arith/afft_cl.h"
#include "qdistill/core.h"

/** Elements of GF(2)[z]/(z^64 + z^4 + z^3 + z + 1), the coefficient of z^i in bit i: product bit by bit. */
uint64_t qd_gf64_mul_ref(uint64_t a, uint64_t b);

/** v_i of the basis that afft_cl.h describes: v_0 = 1, v_i^2 + v_i = v_(i-1). @p i below QD_GF64_BASIS. */
enum { QD_GF64_BASIS = 25 };
uint64_t qd_gf64_basis(unsigned i);

/** The middle product from its definition: y_i = sum over j < key->n of window[i + key->n - 1 - j] key[j] for i < y->n, window->n =
 *  y->n + key->n - 1. @p y is the caller's and is overwritten. */
void qd_afft_ref(const qd_bits *window, const qd_bits *key, qd_bits *y);

/** The device path, by transforms of 2^log2n >= window->n bits; @p dev not NULL. */
qd_status qd_afft_cl(qd_device *dev, qd_afft_variant variant, unsigned log2n, const qd_bits *window, const qd_bits *key, qd_bits *y, qd_error *err);

/** Inputs of the registry row. */
typedef struct qd_afft_case {
    unsigned log2n;
    qd_afft_variant variant;
    qd_bits window, key;
} qd_afft_case;

extern const qd_op qd_afft_op;

#endif
