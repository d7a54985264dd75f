/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites of hashing share: strings, the definition, and strings that are read and written in pieces. */
#ifndef QD_TESTS_TOEPLITZ_SUITE_H
#define QD_TESTS_TOEPLITZ_SUITE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "amplify/toeplitz.h"
#include "run_all.h"

static inline void random_bits(qd_bits *b, uint64_t n, uint64_t seed) {
    ck_assert_int_eq(qd_bits_create(b, n, NULL), QD_OK);
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    qd_random_bytes(&r, b->w, (size_t)qd_bits_words(n) * 8);
    if (n % 64) b->w[n / 64] &= ((uint64_t)1 << n % 64) - 1;
}

/* The definition, one bit at a time. */
static inline unsigned definition(qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, uint64_t i) {
    uint64_t m = qd_toeplitz_columns(kind, x->n, r);
    unsigned y = kind == QD_HASH_MODIFIED_TOEPLITZ ? qd_bits_get(x, m + i) : 0;
    for (uint64_t j = 0; j < m; j++) y ^= qd_bits_get(seed, i + m - 1 - j) & qd_bits_get(x, j);
    return y;
}

/* ---- What is judged -------------------------------------------------------------------------------------------------- */

/* A hash: what the tests judge. */
typedef qd_status hash_fn(void *self, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y);

/* A way to hash that the library has: NULL is the reference. */
typedef struct way {
    qd_device *dev;
    qd_toeplitz_choice choice;
} way;

static inline qd_status library(void *self, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y) {
    const way *w = self;
    if (!w) return qd_toeplitz(NULL, kind, x, r, seed, y, NULL);
    return qd_toeplitz_with(w->dev, kind, &w->choice, x, r, seed, y, NULL);
}

static inline void hash(hash_fn *f, void *self, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y) {
    ck_assert_int_eq(f(self, kind, x, r, seed, y), QD_OK);
    ck_assert_uint_eq(y->n, r);
    ck_assert(qd_bits_clean(y));
}

/* Every function of the family for n <= longest and up to so many seed bits: a difference d with a one among the first m bits is hashed to zero by exactly a
 * fraction 2^-r of the seeds, any other by none (the triangle argument: row i holds a seed bit that no row before it holds). */
static inline void count_collisions_of(way *w, qd_hash kind, uint64_t n, uint64_t r) {
    uint64_t seed_bits = qd_toeplitz_seed_bits(kind, n, r), m = qd_toeplitz_columns(kind, n, r);
    for (uint64_t d = 1; d < (uint64_t)1 << n; d++) {
        uint64_t collisions = 0;
        for (uint64_t k = 0; k < (uint64_t)1 << seed_bits; k++) {
            qd_bits x, s, y;
            ck_assert_int_eq(qd_bits_create(&x, n, NULL), QD_OK);
            ck_assert_int_eq(qd_bits_create(&s, seed_bits, NULL), QD_OK);
            x.w[0] = d;
            if (seed_bits) s.w[0] = k;
            hash(library, w, kind, &x, r, &s, &y);
            for (uint64_t i = 0; i < r; i++) ck_assert_uint_eq(qd_bits_get(&y, i), definition(kind, &x, r, &s, i));
            collisions += qd_bits_weight(&y) == 0;
            qd_bits_destroy(&x);
            qd_bits_destroy(&s);
            qd_bits_destroy(&y);
        }
        bool seeded = (d & (((uint64_t)1 << m) - 1)) != 0;
        ck_assert_uint_eq(collisions, seeded ? (uint64_t)1 << (seed_bits - r) : 0);
    }
}

static inline void count_collisions(way *w, uint64_t longest, uint64_t most_seed_bits) {
    for (int kind = 0; kind <= 1; kind++)
        for (uint64_t n = 1; n <= longest; n++)
            for (uint64_t r = 1; r <= n; r++)
                if (qd_toeplitz_seed_bits((qd_hash)kind, n, r) <= most_seed_bits) count_collisions_of(w, (qd_hash)kind, n, r);
}

/* Random shapes of fewer than 2^log2n bits, cut at random, by routes and variants at random: device equals reference. */
static inline void random_shapes(qd_device *device, int shapes, unsigned log2n) {
    qd_random draw = {.rehearsal = 1, .seed = 11, .stream = QD_STREAM_TEST};
    for (int k = 0; k < shapes; k++) {
        qd_hash kind = (qd_hash)qd_random_below(&draw, 2);
        uint64_t n = 1 + qd_random_below(&draw, (uint64_t)1 << (3 + qd_random_below(&draw, log2n - 2))), r = qd_random_below(&draw, n + 1);
        uint64_t chunk = qd_random_below(&draw, 2) ? (uint64_t)1 << (4 + qd_random_below(&draw, log2n - 5)) : 0;
        uint64_t group = qd_random_below(&draw, 5);
        qd_toeplitz_choice c = {.route = (qd_toeplitz_route)qd_random_below(&draw, QD_TOEPLITZ_ROUTES), .chunk = chunk, .group = group, .sum = qd_random_below(&draw, 4)};
        if (c.route != QD_TOEPLITZ_AUTO) c.variant = (unsigned)qd_random_below(&draw, c.route == QD_TOEPLITZ_NTT ? (unsigned)QD_NTT_VARIANTS : (unsigned)QD_AFFT_VARIANTS);
        if (c.variant == QD_AFFT_PORTABLE && c.route == QD_TOEPLITZ_ADDITIVE && k % 8) c.variant = QD_AFFT_AUTO; /* keep it quick */
        if (chunk && chunk * 64 < n) c.chunk = 0;
        qd_bits x, s, want, got;
        random_bits(&x, n, 100 + (uint64_t)k);
        random_bits(&s, qd_toeplitz_seed_bits(kind, n, r), 10000 + (uint64_t)k);
        ck_assert_int_eq(qd_toeplitz(NULL, kind, &x, r, &s, &want, NULL), QD_OK);
        ck_assert_int_eq(qd_toeplitz_with(device, kind, &c, &x, r, &s, &got, NULL), QD_OK);
        ck_assert_msg(qd_bits_equal(&want, &got), "toeplitz:kind=%d,n=%d,r=%d,chunk=%d,group=%d,route=%d,variant=%d,sum=%d", (int)kind, (int)n,
                      (int)r, (int)c.chunk, (int)group, (int)c.route, (int)c.variant, (int)c.sum);
        qd_bits_destroy(&x);
        qd_bits_destroy(&s);
        qd_bits_destroy(&want);
        qd_bits_destroy(&got);
    }
}

/* ---- Single output bits of long strings ----------------------------------------------------------------------------- */

/* Bits of the seed backwards, so that an output bit is the parity of x and a window of it. */
static inline void backwards(qd_bits *b, const qd_bits *seed) {
    ck_assert_int_eq(qd_bits_create(b, seed->n, NULL), QD_OK);
    for (uint64_t i = 0; i < seed->n; i++)
        if (qd_bits_get(seed, i)) qd_bits_set(b, seed->n - 1 - i, 1);
}

/* y_i from the definition: sum over j < m of s[i-j+m-1] x_j = back[last-i-m+1+j] x_j, last = seed->n - 1. */
static inline unsigned output_bit(qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *back, uint64_t i) {
    uint64_t m = qd_toeplitz_columns(kind, x->n, r), from = back->n - i - m, word = from / 64, shift = from % 64, sum = 0;
    for (uint64_t k = 0; k < m / 64; k++) {
        uint64_t w = back->w[word + k] >> shift;
        if (shift) w |= back->w[word + k + 1] << (64 - shift);
        sum ^= w & x->w[k];
    }
    unsigned bit = (unsigned)__builtin_parityll(sum);
    for (uint64_t j = m / 64 * 64; j < m; j++) bit ^= qd_bits_get(back, from + j) & qd_bits_get(x, j);
    return kind == QD_HASH_MODIFIED_TOEPLITZ ? bit ^ qd_bits_get(x, m + i) : bit;
}

/* ---- Strings in pieces ------------------------------------------------------------------------------------------------ */

static inline qd_status piece_of(void *self, uint64_t at, uint64_t words, uint64_t *w, qd_error *err) {
    const qd_bits *b = self;
    (void)err;
    ck_assert(at <= qd_bits_words(b->n) && words <= qd_bits_words(b->n) - at);
    memcpy(w, b->w + at, (size_t)words * 8);
    return QD_OK;
}

typedef struct collected {
    qd_bits y;
    uint64_t words;
    double done;
} collected;

static inline qd_status collect(void *self, const uint64_t *w, uint64_t words, qd_error *err) {
    collected *c = self;
    (void)err;
    ck_assert_uint_le(c->words + words, qd_bits_words(c->y.n));
    memcpy(c->y.w + c->words, w, (size_t)words * 8);
    c->words += words;
    return QD_OK;
}

static inline qd_status on_the_way(void *self, double done, qd_error *err) {
    collected *c = self;
    (void)err;
    ck_assert(done > c->done && done <= 1);
    c->done = done;
    return QD_OK;
}

/* The hash of strings that are only to be had in pieces. */
static inline qd_status hash_pieces(qd_device *dev, qd_hash kind, const qd_toeplitz_choice *choice, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y,
                                    qd_toeplitz_stats *stats, qd_error *err) {
    collected c = {0};
    qd_toeplitz_job job = {.kind = kind, .r = r, .x = {x->n, NULL, piece_of, (void *)x}, .seed = {seed->n, NULL, piece_of, (void *)seed}, .y = {NULL, collect, &c}, .progress = on_the_way, .self = &c};
    ck_assert_int_eq(qd_bits_create(&c.y, r, NULL), QD_OK);
    qd_status st = qd_toeplitz_stream_with(dev, choice, &job, stats, err);
    if (st == QD_OK) ck_assert_uint_eq(c.words, qd_bits_words(r));
    *y = c.y;
    return st;
}

#endif
