/* SPDX-License-Identifier: Apache-2.0 */
/** @file ntt_cl.h  The number-theoretic transform on a device's buffers, for the device paths of the rooms. Not installed.
 *
 *  A transform of length n = 2^log2n takes the sequence x as the polynomial x(z) modulo z^n - 1 and splits it, layer by layer,
 *  z^(2h) - s^2 = (z^h - s)(z^h + s), down to blocks z^tail - R of 8 or 16 coefficients (an incomplete transform: multiplying
 *  such blocks as polynomials costs less than splitting them further). Natural order in, blocks in bit-reversed order out; the
 *  inverse takes that order back: no permutation is ever made. The spectrum's layout is private to a plan: combine only spectra
 *  of one plan.
 *
 *  Use:  qd_ntt_open -> qd_cl_alloc(4 n bytes each) -> qd_cl_write -> qd_ntt_forward (both) -> qd_ntt_multiply -> qd_ntt_inverse
 *        -> qd_cl_read. */
#ifndef QD_ARITH_NTT_CL_H
#define QD_ARITH_NTT_CL_H

#include "compute/cl.h"
#include "qdistill/arith.h"

/** Ways to run a pass. Results are equal; only speed differs. */
typedef enum qd_ntt_variant {
    QD_NTT_AUTO = 0,    /**< by device */
    QD_NTT_LANES8 = 1,  /**< one work-item a tile of columns, explicit vectors, blocks of 8: CPU devices */
    QD_NTT_LANES16 = 2, /**< the same with blocks of 16: 512-bit vectors */
    QD_NTT_GROUP = 3,   /**< one work-group a tile, in local memory: GPUs */
    QD_NTT_VARIANTS = 4
} qd_ntt_variant;

typedef struct qd_ntt qd_ntt;

/** Make a plan: twiddle tables (n bytes on the device) and kernels. @p log2n from QD_NTT_MIN_LOG2 to QD_NTT_MAX_LOG2. */
enum { QD_NTT_MIN_LOG2 = 5 };
qd_status qd_ntt_open(qd_device *dev, unsigned log2n, qd_ntt_variant variant, qd_ntt **out, qd_error *err);
void qd_ntt_close(qd_ntt *plan);

/** Replace n residues below p at the start of @p x by their spectrum. */
qd_status qd_ntt_forward(qd_ntt *plan, qd_buf *x, qd_error *err);
/** The same from a bit string: @p bits holds n bits (bit i%8 of byte i/8), coefficient i of the sequence; n/8 bytes. @p x is written only. */
qd_status qd_ntt_forward_bits(qd_ntt *plan, const qd_buf *bits, qd_buf *x, qd_error *err);
/** acc = x y (add 0) or acc += x y (add 1), of spectra. @p acc may be @p x or @p y when add is 0. */
qd_status qd_ntt_multiply(qd_ntt *plan, qd_buf *acc, const qd_buf *x, const qd_buf *y, int add, qd_error *err);
/** Replace the spectrum of a product, or of a sum of products, by its n coefficients in [0, p). (The scaling is part of
 *  qd_ntt_multiply: inverse(forward(x)) is not x.) */
qd_status qd_ntt_inverse(qd_ntt *plan, qd_buf *x, qd_error *err);
/** The same, keeping only parities: bit i of @p bits = coefficient i mod 2, n/8 bytes. @p x is destroyed. */
qd_status qd_ntt_inverse_parity(qd_ntt *plan, qd_buf *x, qd_buf *bits, qd_error *err);

#endif
