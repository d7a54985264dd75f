/* SPDX-License-Identifier: Apache-2.0 */
/** @file toeplitz.h  Toeplitz hashing: the operation `toeplitz`. Definitions and bit order as qdistill/amplify.h.
 *
 *  With m columns (n - r in the modified form, n in the plain one) the matrix part is y_i = sum over j < m of s[i-j+m-1] x_j. The device path
 *  cuts it into chunks: output rows in chunks of `rows`, key columns in chunks of `cols`, by transforms of length L >= rows + cols - 1. Output
 *  chunk a and key chunk b meet the seed bits from a rows - b cols + m - cols on; products are summed over b in the transform domain, and
 *  one inverse transform an output chunk gives the sums. There are three routes, which agree bit for bit:
 *
 *  NTT: y_i is the parity of coefficient i+m-1 of the product of the integer polynomials s(z) x(z), exact modulo 15*2^27+1 (arith/ntt_cl.h): a
 *  sum counts at most m <= 2^27 < 2^31 - 2^27 ones, so it never reaches the prime. What wraps round in a product of length L only reaches
 *  coefficients below cols - 1; the output is read from cols - 1 on.
 *
 *  Additive: the middle product over GF(2) that is the matrix part itself (arith/afft_cl.h), with a sixteenth of the memory; sums are
 *  exclusive ors. The seed's bits and the output lie at the end of the string of L bits.
 *
 *  Sliced: the same middle product by AND and XOR alone (arith/sliced_cl.h), with a fourteenth of the memory. */
#ifndef QD_AMPLIFY_TOEPLITZ_H
#define QD_AMPLIFY_TOEPLITZ_H

#include "arith/afft_cl.h"
#include "arith/ntt_cl.h"
#include "arith/sliced_cl.h"
#include "qdistill/amplify.h"

typedef enum qd_toeplitz_route {
    QD_TOEPLITZ_AUTO = 0,     /**< by device: additive where kernels have carry-less multiply instructions */
    QD_TOEPLITZ_NTT = 1,
    QD_TOEPLITZ_ADDITIVE = 2,
    QD_TOEPLITZ_SLICED = 3,
    QD_TOEPLITZ_ROUTES = 4
} qd_toeplitz_route;

/** What a caller may leave open, by zeros. Speed and memory only; the result is the same. */
typedef struct qd_toeplitz_choice {
    qd_toeplitz_route route;
    unsigned variant; /**< of the route's transform: qd_ntt_variant, qd_afft_variant or qd_sliced_variant */
    uint64_t chunk, group; /**< as in qd_toeplitz_plan */
} qd_toeplitz_choice;

/** How the product is cut. Speed and memory only; the result is the same. */
typedef struct qd_toeplitz_shape {
    qd_toeplitz_route route;  /**< never QD_TOEPLITZ_AUTO */
    unsigned log2l;           /**< transform length */
    uint64_t rows, cols;      /**< equal, or one of them covers everything: then seed segments depend on a - b alone */
    uint64_t n_rows, n_cols;  /**< chunks */
    uint64_t group;           /**< output chunks in work at a time, 1..n_rows: 2 group + 1 spectra in memory */
} qd_toeplitz_shape;

/** The shape of least work for @p m columns and @p r rows (both at least 1) by @p route (not QD_TOEPLITZ_AUTO) that fits spectra of @p max_alloc
 *  bytes and @p memory bytes in all. @p chunk not 0: rows = cols = chunk (a power of two from 16 on), L = 2 chunk or the route's shortest.
 *  @p group 0: as many as fit. QD_E_DEVICE: nothing fits. */
qd_status qd_toeplitz_plan(qd_toeplitz_route route, uint64_t m, uint64_t r, uint64_t chunk, uint64_t group, uint64_t max_alloc, uint64_t memory,
                           qd_toeplitz_shape *shape, qd_error *err);

/** What QD_TOEPLITZ_AUTO is on @p dev. */
qd_toeplitz_route qd_toeplitz_route_of(const qd_device *dev);

/** Columns of the matrix part. */
static inline uint64_t qd_toeplitz_columns(qd_hash kind, uint64_t n, uint64_t r) {
    return kind == QD_HASH_MODIFIED_TOEPLITZ ? n - r : n;
}

/** y ^= T x for the matrix part: x of at least @p m bits (its first m are used), y of r bits. */
qd_status qd_toeplitz_ref(const qd_bits *x, uint64_t m, const qd_bits *seed, qd_bits *y, qd_error *err);
qd_status qd_toeplitz_cl(qd_device *dev, unsigned variant, const qd_toeplitz_shape *shape, const qd_bits *x, uint64_t m,
                         const qd_bits *seed, qd_bits *y, qd_error *err);

/** The public call with its hidden choices. */
qd_status qd_toeplitz_with(qd_device *dev, qd_hash kind, const qd_toeplitz_choice *choice, const qd_bits *x, uint64_t r, const qd_bits *seed,
                           qd_bits *y, qd_error *err);

/** Inputs of the registry row; also what the tuned C loop takes. */
typedef struct qd_toeplitz_case {
    qd_hash kind;
    qd_toeplitz_choice choice;
    uint64_t r;
    qd_bits x, seed;
} qd_toeplitz_case;

extern const qd_op qd_toeplitz_op;

#endif
