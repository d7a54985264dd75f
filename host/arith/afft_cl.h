/* SPDX-License-Identifier: Apache-2.0 */
/** @file afft_cl.h  Middle products of polynomials over GF(2) by an additive transform, on a device's buffers. Not installed.
 *
 *  The middle product of a window s of bits and a key x of `cols` bits is the correlation that a Toeplitz matrix does,
 *      y_i = sum over j < cols of s[i + cols - 1 - j] x_j,   i < rows,   s of rows + cols - 1 <= n bits, n = 2^log2n.
 *
 *  Strings are cut into N = n/32 chunks of 32 bits, which are elements of GF(2^64) = GF(2)[z]/(z^64 + z^4 + z^3 + z + 1), so that the
 *  product of two chunks is not reduced (Kronecker). Polynomials over GF(2^64) of degree below N = 2^l are evaluated on the subspace V_l
 *  that v_0 .. v_(l-1) span, where v_0 = 1, v_i^2 + v_i = v_(i-1) (Cantor, J. Comb. Theory A 50, 285, 1989). In the basis of products of
 *  s_i(y), s_0 = y, s_(i+1) = s_i^2 + s_i, that takes l layers of N/2 butterflies, and changing to that basis only additions (Lin, Chung, Han,
 *  FOCS 2014, arXiv:1404.3458; Li, Chen, Kuo, Cheng, Yang, arXiv:1803.11301). The butterfly of block q of any layer has as twiddle
 *  the sum of v_(i+1) over the bits i of q.
 *
 *  With E the evaluation, the product w -> E^-1 (E x . E w) of chunks is linear in w, and the middle product is its transpose (Hanrot,
 *  Quercia, Zimmermann, AAECC 14, 415, 2004): y = E^T (E x . E^-T s), which needs N points where the product itself needs 2N. Transposes
 *  are taken by the form <a, b> = coefficient of z^63 of a b, for which multiplication is its own transpose. So the transform of the key is E,
 *  that of the window E^-T, and back goes E^T. By that form the chunk of y is the upper half of its word, bits and chunks backwards, and an
 *  element that stands for 64 bits of s is those 64 bits, backwards too, with a correction of the lowest; backwards twice, no bit is turned:
 *  the last bit of s and of y lies at the end of its string.
 *
 *  Spectra may be added up (bit by bit, without limit) before one goes back. Their layout is private to a plan. No branch or
 *  address depends on the bits.
 *
 *  Use:  qd_afft_open -> qd_cl_alloc(qd_afft_spectrum_bytes each) -> qd_afft_key, qd_afft_window -> qd_afft_multiply (sums) ->
 *        qd_afft_back; of one product qd_afft_back_of. */
#ifndef QD_ARITH_AFFT_CL_H
#define QD_ARITH_AFFT_CL_H

#include "compute/cl.h"

/** Ways to multiply. Results are equal; only speed differs. */
typedef enum qd_afft_variant {
    QD_AFFT_AUTO = 0,     /**< by device: the widest that builds */
    QD_AFFT_PORTABLE = 1, /**< shifts and masks: any device, slow */
    QD_AFFT_CLMUL128 = 2, /**< the compiler's carry-less multiply */
    QD_AFFT_CLMUL256 = 3, /**< VPCLMULQDQ on 256 bits */
    QD_AFFT_CLMUL512 = 4, /**< VPCLMULQDQ on 512 bits */
    QD_AFFT_VARIANTS = 5
} qd_afft_variant;

typedef struct qd_afft qd_afft;

enum { QD_AFFT_MIN_LOG2 = 16, QD_AFFT_MAX_LOG2 = 28 };

/** Make a plan for strings of n = 2^log2n bits, from QD_AFFT_MIN_LOG2 to QD_AFFT_MAX_LOG2. A variant of choice that the device has
 *  not: the next narrower one. QD_E_USAGE: length; QD_E_BUILD: not even the portable variant builds. */
qd_status qd_afft_open(qd_device *dev, unsigned log2n, qd_afft_variant variant, qd_afft **out, qd_error *err);
void qd_afft_close(qd_afft *plan);
/** The variant in use; never QD_AFFT_AUTO. */
qd_afft_variant qd_afft_chosen(const qd_afft *plan);
/** True when QD_AFFT_AUTO would be one of the carry-less multiply instructions on @p dev. */
bool qd_afft_is_fast(const qd_device *dev);

/** n/4 bytes: N words of 64 bits. */
static inline size_t qd_afft_spectrum_bytes(unsigned log2n) { return (size_t)1 << (log2n - 2); }

/** Spectrum of a key: @p bits has n bits (bit i%8 of byte i/8), x_j at j, zeros from cols on. @p x is written only. */
qd_status qd_afft_key(qd_afft *plan, const qd_buf *bits, qd_buf *x, qd_error *err);
/** Spectrum of a window: @p bits has n bits, the last bit of s at n-1; what lies before its first counts for nothing. */
qd_status qd_afft_window(qd_afft *plan, const qd_buf *bits, qd_buf *x, qd_error *err);
/** Both at once, side by side in each launch: a short transform alone does not keep all cores busy. */
qd_status qd_afft_both(qd_afft *plan, const qd_buf *key_bits, qd_buf *key, const qd_buf *window_bits, qd_buf *window, qd_error *err);
/** acc = x y (add 0) or acc += x y (add 1), of spectra. @p acc may be @p x or @p y when add is 0. */
qd_status qd_afft_multiply(qd_afft *plan, qd_buf *acc, const qd_buf *x, const qd_buf *y, int add, qd_error *err);
/** Many sums of products of spectra that lie in three buffers, @p stride bytes apart:
 *      acc_a = sum over k < n_keys of window_(a-k) key_k, added to what is there when @p add is 1,   a < n_acc.
 *  Windows are a ring: window_i lies at (slot + i) mod ring, i from -(n_keys-1) to n_acc-1. Memory is met once for all of them. */
enum { QD_AFFT_KEYS = 8 };
typedef struct qd_afft_sum {
    size_t stride;           /**< a multiple of 64, at least qd_afft_spectrum_bytes; one off a power of two by some lines keeps them apart in caches */
    uint32_t n_acc, n_keys;  /**< n_keys up to QD_AFFT_KEYS */
    uint32_t ring, slot;     /**< ring >= n_acc + n_keys - 1 */
    uint32_t add;            /**< 0 or 1 */
} qd_afft_sum;
/** QD_E_INTERNAL: the spectra leave their buffers. */
qd_status qd_afft_sums(qd_afft *plan, qd_buf *acc, const qd_buf *windows, const qd_buf *keys, const qd_afft_sum *sum, qd_error *err);
/** The middle product from its spectrum, which is destroyed: n bits, y_i at n - rows + i; the bits before are of no meaning. */
qd_status qd_afft_back(qd_afft *plan, qd_buf *x, qd_buf *bits, qd_error *err);
/** The same from two spectra whose product it is; @p x is destroyed. Multiplying on the way saves a pass. */
qd_status qd_afft_back_of(qd_afft *plan, qd_buf *x, const qd_buf *y, qd_buf *bits, qd_error *err);

#endif
