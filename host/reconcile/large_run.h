/* SPDX-License-Identifier: Apache-2.0 */
/** @file large_run.h  Syndromes and decoding of large-block codes on a device, and the cases of their registry row. */
#ifndef QD_RECONCILE_LARGE_RUN_H
#define QD_RECONCILE_LARGE_RUN_H

#include "qdistill/compute.h"
#include "qdistill/reconcile/large.h"

/** How a device decodes; never changes results. AUTO: LANES on CPU devices, else GROUP. A device that is no CPU, or whose
 * compiler does not know the vectors, decodes in the form GROUP whatever is asked. */
typedef enum qd_large_form {
    QD_LARGE_AUTO = 0,
    QD_LARGE_LANES = 1, /**< a work-item a frame, the byte lanes of the processor's vectors inside (clang extensions) */
    QD_LARGE_GROUP = 2, /**< a work-group a frame, a work-item a lifted row (plain OpenCL C 1.2) */
    QD_LARGE_LANES_32 = 32,
    QD_LARGE_LANES_64 = 64 /**< without a permutation of bytes across the vector, even where the processor has it */
} qd_large_form;

static inline size_t qd_large_frame_words(const qd_large_code *c) {
    return (size_t)c->cols * c->words;
}
static inline size_t qd_large_syndrome_words(const qd_large_code *c) {
    return (size_t)c->rows * c->words;
}

/** What was told of a frame's private bits is zeros from then on (qd_large_joined). */
static inline void qd_large_clear_told(const qd_large_code *c, uint64_t *frame) {
    for (size_t i = (size_t)(c->cols - c->hidden) * c->z + c->unknown; i < (size_t)c->cols * c->z; i++)
        frame[i / 64] &= ~((uint64_t)1 << i % 64);
}

/** qd_large_syndrome of @p n frames, one behind the other, on a device (kernels/large.cl); @p dev NULL: the reference. Device
 *  copies are wiped. QD_E_BUILD, QD_E_DEVICE: output undefined. */
qd_status qd_large_syndrome_run(const qd_large_code *c, uint64_t n, const uint64_t *frames, uint64_t *syndromes,
                                qd_large_form form, qd_device *dev, qd_error *err);
/** qd_large_decode of @p n frames, likewise. */
qd_status qd_large_run(const qd_large_code *c, const qd_large_rule *rule, uint64_t n, const uint64_t *frames,
                       const uint64_t *syndromes, uint64_t *bits, uint32_t *iterations, qd_large_form form, qd_device *dev,
                       qd_error *err);

/** Inputs of a problem of the registry; the tuned C loop of the bench takes the same state. */
typedef struct qd_large_case {
    qd_large_code *code;
    qd_large_rule rule;
    qd_large_form form;
    uint64_t n;
    bool alien;               /**< the decoder gets syndromes of no relation to the frames */
    uint64_t *truth, *frames; /**< Alice's frames, and Bob's */
    uint64_t *other;          /**< alien: xor with the syndromes */
    uint64_t spent;           /**< iterations of the last run, over all frames; 0: not run */
} qd_large_case;

/** Output of a case: syndromes of Alice's frames, uint64 [n][rows][words]; bits, uint64 [n][cols][words]; iterations, uint32 [n].
 */
static inline uint64_t *qd_large_case_bits(const qd_large_case *s, void *out) {
    return (uint64_t *)out + s->n * qd_large_syndrome_words(s->code);
}
static inline uint32_t *qd_large_case_iterations(const qd_large_case *s, void *out) {
    return (uint32_t *)(void *)(qd_large_case_bits(s, out) + s->n * qd_large_frame_words(s->code));
}

extern const qd_op qd_large_op;

#endif
