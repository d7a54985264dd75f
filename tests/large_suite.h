/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of large-block codes and of their device path share: frames with independent errors. */
#ifndef QD_TESTS_LARGE_SUITE_H
#define QD_TESTS_LARGE_SUITE_H

#include <math.h>
#include "core_suite.h"
#include "qdistill/reconcile/large.h"

static qd_error err;

typedef struct trial {
    qd_large_code *c;
    qd_large_rule rule;
    uint64_t n, *key, *bob, *syndrome, *got; /* of n frames */
    uint32_t *iterations;
    size_t words; /* of a frame */
} trial;

static inline double entropy(double q) {
    return -q * log2(q) - (1 - q) * log2(1 - q);
}

/* @p n random keys, each bit flipped with the probability at which the leak is @p f times the entropy; no syndromes yet. @p c is the
 * trial's from then on. */
static inline trial trial_make(qd_large_code *c, double f, uint64_t seed, uint64_t n) {
    trial t = {.c = c, .n = n, .words = (size_t)c->cols * c->words};
    double lo = 1e-6, hi = 0.5, leak = (double)c->rows / c->cols;
    for (int i = 0; i < 60; i++) *(leak / entropy((lo + hi) / 2) > f ? &lo : &hi) = (lo + hi) / 2;
    t.rule = qd_large_rule_of(c, lo);
    size_t words = n * t.words;
    t.key = calloc(words, 8), t.bob = calloc(words, 8), t.got = calloc(words, 8);
    t.syndrome = calloc(n * c->rows * c->words, 8);
    t.iterations = calloc(n, sizeof *t.iterations);
    qd_random key = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST},
              flip = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_FLIP};
    qd_random_bytes(&key, t.key, words * 8);
    for (size_t i = 0; i < words; i++) {
        uint32_t w[64];
        qd_random_bytes(&flip, w, sizeof w);
        t.bob[i] = t.key[i];
        for (int b = 0; b < 64; b++) t.bob[i] ^= (uint64_t)(w[b] < (uint32_t)(lo * 4294967296.0)) << b;
    }
    return t;
}

static inline void trial_free(trial *t) {
    qd_large_free(t->c);
    free(t->key), free(t->bob), free(t->got), free(t->syndrome), free(t->iterations);
}

#endif
