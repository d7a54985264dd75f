/* SPDX-License-Identifier: Apache-2.0 */
/** @file afft.h  Middle products of polynomials over GF(2): the operation `afft`. */
#ifndef QD_ARITH_AFFT_H
#define QD_ARITH_AFFT_H

#include "arith/afft_cl.h"
#include "arith/middle.h"

/** Elements of GF(2)[z]/(z^64 + z^4 + z^3 + z + 1), the coefficient of z^i in bit i: product bit by bit. */
uint64_t qd_gf64_mul_ref(uint64_t a, uint64_t b);

/** v_i of the basis that afft_cl.h describes: v_0 = 1, v_i^2 + v_i = v_(i-1). @p i below QD_GF64_BASIS. */
enum { QD_GF64_BASIS = 25 };
uint64_t qd_gf64_basis(unsigned i);

/** The device path, a qd_middle_path; @p variant a qd_afft_variant; @p dev not NULL. */
qd_status qd_afft_cl(qd_device *dev, unsigned variant, unsigned log2n, const qd_bits *window, const qd_bits *key, qd_bits *y, qd_error *err);

extern const qd_op qd_afft_op;

#endif
