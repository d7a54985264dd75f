/* SPDX-License-Identifier: Apache-2.0 */
/** @file cases.h  Fixed-seed inputs of the registry rows; the tuned C loops of the bench take the same states. */
#ifndef QD_RECONCILE_CASES_H
#define QD_RECONCILE_CASES_H

#include "reconcile/ldpc.h"
#include "reconcile/syndrome.h"

/** What a frame of a case holds. */
typedef enum qd_case_content {
    QD_CASE_RANDOM = 0, /**< uniform bits */
    QD_CASE_ZERO = 1,   /**< all zeros */
    QD_CASE_ONES = 2,   /**< all ones */
    QD_CASE_ALIEN = 3   /**< ldpc: a uniform syndrome of no relation to the frame: never converges */
} qd_case_content;

typedef struct qd_syndrome_case {
    qd_code code;
    uint64_t n;
    uint64_t *frames;
    qd_syndrome_form form;
} qd_syndrome_case;

typedef struct qd_ldpc_case {
    qd_code code;
    qd_ldpc_rule rule;
    qd_ldpc_form form;
    uint64_t n;
    uint64_t *truth, *frames, *syndromes; /**< Alice's frames, Bob's, and her syndromes */
    uint32_t begin;                       /**< rows of a first attempt that the run goes on from; 0: none */
    uint64_t spent;                       /**< iterations of the last run, over all frames; 0: not run */
} qd_ldpc_case;

/** Output of an ldpc case: uint64 bits [n][cols][words], then uint32 iterations [n]. */
static inline size_t qd_ldpc_case_bits_bytes(const qd_ldpc_case *s) {
    return s->n * qd_frame_words(&s->code) * 8;
}

#endif
