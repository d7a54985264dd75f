/* SPDX-License-Identifier: Apache-2.0 */
/** @file middle.h  What operations that compute middle products of polynomials over GF(2) have in common: the definition, and the inputs of their
 *  registry rows. */
#ifndef QD_ARITH_MIDDLE_H
#define QD_ARITH_MIDDLE_H

#include "compute/cl.h"
#include "qdistill/core.h"

/** The middle product from its definition: y_i = sum over j < key->n of window[i + key->n - 1 - j] key[j] for i < y->n, window->n =
 *  y->n + key->n - 1. @p y is the caller's and is overwritten. No branch or address depends on the bits. */
void qd_middle_ref(const qd_bits *window, const qd_bits *key, qd_bits *y);

/** Inputs of a problem. */
typedef struct qd_middle_case {
    unsigned log2n, variant; /**< length of the transforms; of the operation's ways */
    qd_bits window, key;
} qd_middle_case;

/** Keys of the rows, in this order. */
enum { QD_MIDDLE_LOG2N, QD_MIDDLE_COLS, QD_MIDDLE_ROWS, QD_MIDDLE_SEED, QD_MIDDLE_CONTENT, QD_MIDDLE_VARIANT, QD_MIDDLE_KEYS };
#define QD_MIDDLE_KEYS_OF(shortest, longest, variants, of_variant)                                                                                  \
    {"log2n", shortest, shortest, longest, "length 2^log2n of the transforms, in bits"}, {"cols", 1000, 1, (uint64_t)1 << (longest), "bits of the key"}, \
        {"rows", 0, 0, (uint64_t)1 << (longest), "bits of the product; 0: as many as the length allows"}, {"seed", 1, 0, UINT64_MAX, "of the inputs"},   \
        {"content", 0, 0, 4, "0 random, 1 zeros, 2 ones, 3 a one at the end of both, 4 at their start"}, {"variant", 0, 0, (variants)-1, of_variant}

/** As a row's functions of these names. */
qd_status qd_middle_create(const qd_problem *p, void **state, qd_error *err);
void qd_middle_destroy(void *state);
size_t qd_middle_output_bytes(const void *state);
qd_status qd_middle_reference(void *state, void *out, qd_error *err);

/** A device path, by transforms of 2^log2n >= window->n bits; the rest as qd_middle_ref. */
typedef qd_status qd_middle_path(qd_device *dev, unsigned variant, unsigned log2n, const qd_bits *window, const qd_bits *key, qd_bits *y, qd_error *err);
/** A row's device function by it. */
qd_status qd_middle_device(qd_middle_path *path, const void *state, qd_device *dev, void *out, qd_error *err);

/** dst[to ..] = src, with zeros before and after it; @p dst has to + src->n bits or more. */
void qd_middle_put(qd_bits *dst, uint64_t to, const qd_bits *src);
/** dst = src[from ..], up to the end of @p src, which is at a whole word. */
void qd_middle_take(qd_bits *dst, const qd_bits *src, uint64_t from);

/** Of a row's cost: bytes, units and their name; @p ops as they are. */
void qd_middle_cost(const void *state, double ops, qd_cost *cost);

#endif
