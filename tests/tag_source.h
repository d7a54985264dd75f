/* SPDX-License-Identifier: Apache-2.0 */
/** @file tag_source.h  A small Poisson source of two stations' tags, for tests of the time-tag room alone. */
#ifndef QD_TESTS_TAG_SOURCE_H
#define QD_TESTS_TAG_SOURCE_H

#include <math.h>
#include <stdlib.h>
#include "qdistill/timetag.h"

typedef struct tag_source {
    double seconds, pairs, single_a, single_b; /**< both seen, only A, only B: per second */
    double sigma_ps;                           /**< of a pair's time difference */
    double offset_s, ppm;                      /**< tA - tB at tB = 0, and its growth */
    uint64_t seed;
} tag_source;

static inline double tag_uniform(uint64_t seed, uint32_t draw, uint64_t i) {
    uint32_t w[4];
    qd_philox(seed, QD_STREAM_TEST, i, draw, w);
    return ((double)w[0] + 0.5) * 0x1p-32;
}

static inline double tag_gauss(uint64_t seed, uint32_t draw, uint64_t i) {
    return sqrt(-2 * log(tag_uniform(seed, draw, i))) * cos(2 * M_PI * tag_uniform(seed, draw + 1, i));
}

static inline int tag_order(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

/* Add Poisson events at `rate`; `shift` moves pairs by jitter. */
static inline void tag_add(qd_tags *t, double rate, const tag_source *s, uint32_t draw, double sigma_ps, bool is_b) {
    double at = 0, per_s = 1e12 * (double)t->tick.den / (double)t->tick.num;
    if (rate <= 0) return;
    for (uint64_t i = 0;; i++) {
        at -= log(tag_uniform(s->seed, draw, i)) / rate;
        if (at >= s->seconds) return;
        double x = at + (sigma_ps > 0 ? sigma_ps * 1e-12 * tag_gauss(s->seed, draw + 10, i) : 0);
        if (is_b) x = (x - s->offset_s) / (1 + s->ppm * 1e-6);
        if (qd_tags_reserve(t, t->n + 1, NULL) != QD_OK) abort();
        t->mask[t->n] = 1;
        t->t[t->n++] = (int64_t)floor(x * per_s);
    }
}

/** Fill a and b (ticks set by the caller), sorted, all masks 1. Pair times are the same draws on both sides. */
static inline void tag_source_run(const tag_source *s, qd_tags *a, qd_tags *b) {
    tag_add(a, s->pairs, s, 0, 0, false);
    tag_add(b, s->pairs, s, 0, s->sigma_ps, true);
    tag_add(a, s->single_a, s, 1, 0, false);
    tag_add(b, s->single_b, s, 2, 0, true);
    if (a->n) qsort(a->t, a->n, sizeof *a->t, tag_order);
    if (b->n) qsort(b->t, b->n, sizeof *b->t, tag_order);
}

#endif
