/* SPDX-License-Identifier: Apache-2.0 */
/** @file sliced_cl.h  Middle products of polynomials over GF(2) by a bit-sliced additive transform, on a device's buffers. Not installed.
 *
 *  The same middle product as arith/afft_cl.h, by AND and XOR alone: for devices that have no carry-less multiply.
 *
 *  Strings are cut into N = n/16 chunks of 16 bits, which are elements of GF(2^32): bit t of a chunk stands for z^t, z of degree 32, so that the product of two
 *  chunks is not reduced (Kronecker). Polynomials over GF(2^32) of degree below N = 2^k are evaluated on the subspace that v_0 .. v_(k-1) span, v_0 = 1,
 *  v_i^2 + v_i = v_(i-1) (Cantor, J. Comb. Theory A 50, 285, 1989), in the basis of products of s_i(y), s_0 = y, s_(i+1) = s_i^2 + s_i (Lin, Chung, Han, FOCS
 *  2014, arXiv:1404.3458). Changing to that basis is additions of chunks, done before bits become elements. The butterfly of block q of any layer has as twiddle
 *  the sum of v_(i+1) over the bits i of q. Since v_0 .. v_(m-1) span GF(2^m) for m a power of two, twiddles of the widest 4, 8, 16 layers lie in GF(2^4), GF(2^8),
 *  GF(2^16), and in a tower of fields such a product is 8, 4, 2 products of the subfield (bit-sliced additive transforms: Chen et al., arXiv:1708.09746).
 *
 *  With E the evaluation the middle product is y = E^T (E x . E^-T s) (Hanrot, Quercia, Zimmermann, AAECC 14, 415, 2004): N points where the product itself
 *  needs 2N. Transposes are by the form <a, b> = top coordinate of c a b, c fixed: E^T leaves with chunk a of the product the form of z^t and its word in bit t,
 *  and an element of the window is the one by whose form z^t is bit t of the 31 bits from chunk a on; strings backwards, both. The maps from bits to
 *  coordinates and back are kernels/gf32_maps.clh, where z and c were drawn for few additions (tools/design/sliced_maps.c).
 *
 *  Spectra may be added up (bit by bit, without limit) before one goes back. Their layout is private to a plan. No branch or address depends on the bits.
 *
 *  Use:  qd_sliced_open -> qd_cl_alloc(qd_sliced_spectrum_bytes each) -> qd_sliced_key, qd_sliced_window -> qd_sliced_multiply (sums) ->
 *        qd_sliced_back; of one product qd_sliced_back_of. */
#ifndef QD_ARITH_SLICED_CL_H
#define QD_ARITH_SLICED_CL_H

#include "compute/cl.h"

/** How many elements a vector slices, and where the transforms work. Results are equal; only speed differs. */
typedef enum qd_sliced_variant {
    QD_SLICED_AUTO = 0,  /**< by device: local memory on GPUs, else the widest that its vectors hold */
    QD_SLICED_LOCAL = 1, /**< 32 lanes in a word, seven layers a launch on tiles in local memory that a work-group shares: GPUs. A device with less than 16512
                              bytes of it or less than 128 work-items a group goes as a CPU does */
    QD_SLICED_128 = 2,   /**< 128 lanes, four layers a launch, tiles that the nearest cache holds: CPUs; so the others */
    QD_SLICED_256 = 3,
    QD_SLICED_512 = 4,
    QD_SLICED_VARIANTS = 5
} qd_sliced_variant;

typedef struct qd_sliced qd_sliced;

enum { QD_SLICED_MIN_LOG2 = 14, QD_SLICED_MAX_LOG2 = 28 };

/** Make a plan for strings of n = 2^log2n bits, from QD_SLICED_MIN_LOG2 to QD_SLICED_MAX_LOG2. Strings too short for a width of choice (it wants N >= lanes
 *  squared): the widest that fits, down to 32 lanes. QD_E_USAGE: length; QD_E_BUILD: the kernels do not build; QD_E_DEVICE: no memory there. */
qd_status qd_sliced_open(qd_device *dev, unsigned log2n, qd_sliced_variant variant, qd_sliced **out, qd_error *err);
/** What the plan kept of strings is wiped. */
void qd_sliced_close(qd_sliced *plan);
/** Elements that a vector of the plan slices: 32, 128, 256 or 512. */
unsigned qd_sliced_lanes(const qd_sliced *plan);
/** Where a spectrum has the value at point p (the sum of v_i over the bits i of p): word *word + 32-bit words of a vector (lanes/32) times i has coordinate i,
 *  in bit *bit. For tests. */
void qd_sliced_place(const qd_sliced *plan, uint64_t p, size_t *word, unsigned *bit);

/** Bytes of a spectrum: N elements of 32 bits, and an eighth more, by which groups that lie a power of two apart stay out of each other's cache lines. */
static inline size_t qd_sliced_spectrum_bytes(unsigned log2n) { return ((size_t)1 << (log2n - 5)) * 9; }

/** Spectrum of a key: @p bits has n bits (bit i%8 of byte i/8), x_j at j, zeros from cols on. @p x is written only. */
qd_status qd_sliced_key(qd_sliced *plan, const qd_buf *bits, qd_buf *x, qd_error *err);
/** Spectrum of a window: @p bits has n bits, the last bit of s at n-1; what lies before its first counts for nothing. */
qd_status qd_sliced_window(qd_sliced *plan, const qd_buf *bits, qd_buf *x, qd_error *err);
/** acc = x y (add 0) or acc += x y (add 1), of spectra. @p acc may be @p x or @p y when add is 0. */
qd_status qd_sliced_multiply(qd_sliced *plan, qd_buf *acc, const qd_buf *x, const qd_buf *y, int add, qd_error *err);
/** The middle product from its spectrum, which is destroyed: n bits, y_i at n - rows + i; the bits before are of no meaning. */
qd_status qd_sliced_back(qd_sliced *plan, qd_buf *x, qd_buf *bits, qd_error *err);
/** The same from two spectra whose product it is; @p x is destroyed. Multiplying on the way saves a pass. */
qd_status qd_sliced_back_of(qd_sliced *plan, qd_buf *x, const qd_buf *y, qd_buf *bits, qd_error *err);

#endif
