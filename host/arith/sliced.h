/* SPDX-License-Identifier: Apache-2.0 */
/** @file sliced.h  Middle products of polynomials over GF(2), bit-sliced: the operation `sliced`. */
#ifndef QD_ARITH_SLICED_H
#define QD_ARITH_SLICED_H

#include "arith/middle.h"
#include "arith/sliced_cl.h"

/** Elements of GF(2^32) as a tower: GF(2^2m) = GF(2^m)[X] / (X^2 + X + b), b the product of all earlier X (1 for m = 1); bit i is the coefficient of
 *  the product of the X that bits of i name. The product, from that definition. */
uint32_t qd_gf32_mul_ref(uint32_t a, uint32_t b);

/** v_i of the basis that sliced_cl.h describes. @p i below QD_GF32_BASIS. */
enum { QD_GF32_BASIS = 24 };
uint32_t qd_gf32_basis(unsigned i);
/** z, of which bit t of a chunk is the coefficient of z^t, and c of the form, as in kernels/gf32_maps.clh. */
#define QD_GF32_Z 0x00179ca1u
#define QD_GF32_C 0x83fb6960u

/** The device path, a qd_middle_path; @p variant a qd_sliced_variant; @p dev not NULL. */
qd_status qd_sliced_cl(qd_device *dev, unsigned variant, unsigned log2n, const qd_bits *window, const qd_bits *key, qd_bits *y, qd_error *err);

extern const qd_op qd_sliced_op;

#endif
