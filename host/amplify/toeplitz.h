/* SPDX-License-Identifier: Apache-2.0 */
/** @file toeplitz.h  Toeplitz hashing: the operation `toeplitz`. Definitions and bit order as qdistill/amplify.h.
 *
 *  With m columns (n - r in the modified form, n in the plain one) the matrix part is y_i = sum over j < m of s[i-j+m-1] x_j. The device path
 *  cuts it into chunks: output rows in chunks of `rows`, key columns in chunks of `cols`, by transforms of length L >= rows + cols - 1. Output
 *  chunk a and key chunk b meet the seed bits from a rows - b cols + m - cols on, its window, which with rows = cols is that of a - b alone. Products are
 *  summed over b in the transform domain, and one inverse transform an output chunk gives the sums, never one a pair: R output and C key chunks
 *  take C transforms of keys, R + C - 1 of windows and R back, when the spectra of all outputs fit the memory; in several groups of outputs each
 *  group takes the keys anew, and its own windows. There are three routes, which agree bit for bit:
 *
 *  NTT: y_i is the parity of coefficient i+m-1 of the product of the integer polynomials s(z) x(z), exact modulo p = 15*2^27+1 (arith/ntt_cl.h) while
 *  sums count at most p - 1 ones. A sum over more key bits than that is closed: it goes back, its parities are added to the output, and another
 *  begins. Key bits are counted, never their ones: time does not depend on the key. What wraps round in a product of length L only reaches
 *  coefficients below cols - 1; the output is read from cols - 1 on.
 *
 *  Additive: the middle product over GF(2) that is the matrix part itself (arith/afft_cl.h), with a sixteenth of the memory; sums are
 *  exclusive ors, of any length, and several keys are met by all outputs in one sweep. The seed's bits and the output lie at the end of the
 *  string of L bits.
 *
 *  Sliced: the same middle product by AND and XOR alone (arith/sliced_cl.h), with a fourteenth of the memory. */
#ifndef QD_AMPLIFY_TOEPLITZ_H
#define QD_AMPLIFY_TOEPLITZ_H

#include "arith/afft_cl.h"
#include "arith/ntt_cl.h"
#include "arith/sliced_cl.h"
#include "qdistill/amplify.h"

typedef enum qd_toeplitz_route {
    QD_TOEPLITZ_AUTO = 0,     /**< by device and length: qd_toeplitz_route_of */
    QD_TOEPLITZ_NTT = 1,
    QD_TOEPLITZ_ADDITIVE = 2,
    QD_TOEPLITZ_SLICED = 3,
    QD_TOEPLITZ_ROUTES = 4
} qd_toeplitz_route;

/** What a caller may leave open, by zeros. Speed and memory only; the result is the same. */
typedef struct qd_toeplitz_choice {
    qd_toeplitz_route route;
    unsigned variant; /**< of the route's transform: qd_ntt_variant, qd_afft_variant or qd_sliced_variant */
    uint64_t chunk;   /**< rows = cols = chunk, a power of two from 16 on, L = 2 chunk or the route's shortest */
    uint64_t group;   /**< output chunks at a time; 0: as many as fit and serve */
    uint64_t sum;     /**< NTT: key chunks in a sum before it is closed, at most as many as are exact, which 0 stands for */
} qd_toeplitz_choice;

/** How the product is cut. Speed and memory only; the result is the same. */
typedef struct qd_toeplitz_shape {
    qd_toeplitz_route route; /**< never QD_TOEPLITZ_AUTO */
    unsigned log2l;          /**< transform length */
    uint64_t rows, cols;     /**< equal, or one of them covers everything: then windows depend on a - b alone */
    uint64_t n_rows, n_cols; /**< chunks */
    uint64_t group;          /**< output chunks in work at a time, 1..n_rows */
    uint64_t keys;           /**< key chunks in work at a time */
    uint64_t sum;            /**< key chunks in a sum before it is closed, a multiple of keys; UINT64_MAX: no limit */
} qd_toeplitz_shape;

/** What a plan may use, in bytes. */
typedef struct qd_toeplitz_room {
    uint64_t max_alloc; /**< of one buffer */
    uint64_t memory;    /**< of all */
} qd_toeplitz_room;
/** Half of the device's memory. */
qd_toeplitz_room qd_toeplitz_room_of(const qd_device *dev);

/** The shape of least work for @p m columns and @p r rows (both at least 1) by @p choice (its route is not QD_TOEPLITZ_AUTO) in @p room, with the fewest
 *  spectra that cost no more than a hundredth of it. QD_E_USAGE: a chunk that no transform has; QD_E_DEVICE: nothing fits. */
qd_status qd_toeplitz_plan(const qd_toeplitz_choice *choice, uint64_t m, uint64_t r, const qd_toeplitz_room *room, qd_toeplitz_shape *shape, qd_error *err);

/** Bytes of a spectrum, and from one to the next where several lie in a buffer: some lines more, so that equal places are not equal in caches. */
uint64_t qd_toeplitz_spectrum_bytes(const qd_toeplitz_shape *s);
uint64_t qd_toeplitz_stride(const qd_toeplitz_shape *s);
/** With one key chunk a product replaces its window's spectrum. */
static inline bool qd_toeplitz_in_place(const qd_toeplitz_shape *s) { return s->n_cols == 1; }
/** Windows at a time: their slots are a ring. */
static inline uint64_t qd_toeplitz_ring(const qd_toeplitz_shape *s) { return s->group + s->keys - 1; }
/** Spectra in memory. */
static inline uint64_t qd_toeplitz_spectra(const qd_toeplitz_shape *s) {
    return qd_toeplitz_ring(s) + s->keys + (qd_toeplitz_in_place(s) ? 0 : s->group);
}
/** Transforms (of keys, of windows, back) that the shape takes. */
void qd_toeplitz_count(const qd_toeplitz_shape *s, uint64_t *keys, uint64_t *windows, uint64_t *back);

/** What QD_TOEPLITZ_AUTO is on @p dev for @p m columns and @p r rows: additive where kernels have carry-less multiply instructions; on other CPU devices sliced, from
 *  the shortest length on that fills one of its transforms (where the two routes take equal time: bench/NOTES.md, sliced); else NTT. GPUs take the NTT until
 *  both have been measured on one. */
qd_toeplitz_route qd_toeplitz_route_of(const qd_device *dev, uint64_t m, uint64_t r);

/** Columns of the matrix part. */
static inline uint64_t qd_toeplitz_columns(qd_hash kind, uint64_t n, uint64_t r) {
    return kind == QD_HASH_MODIFIED_TOEPLITZ ? n - r : n;
}

/** y ^= T x for the matrix part: x of at least @p m bits (its first m are used), y of r bits. */
qd_status qd_toeplitz_ref(const qd_bits *x, uint64_t m, const qd_bits *seed, qd_bits *y, qd_error *err);
/** The job on a device, r and m at least 1; @p stats is added to. */
qd_status qd_toeplitz_cl(qd_device *dev, unsigned variant, const qd_toeplitz_shape *shape, const qd_toeplitz_job *job, qd_toeplitz_stats *stats, qd_error *err);

/** The public calls with their hidden choices; @p stats may be NULL. */
qd_status qd_toeplitz_stream_with(qd_device *dev, const qd_toeplitz_choice *choice, const qd_toeplitz_job *job, qd_toeplitz_stats *stats, qd_error *err);
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
