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
    qd_toeplitz_job job = {.kind = kind, .r = r, .x = {x->n, NULL, piece_of, (void *)x}, .seed = {seed->n, NULL, piece_of, (void *)seed}, .y = {collect, &c}, .progress = on_the_way, .self = &c};
    ck_assert_int_eq(qd_bits_create(&c.y, r, NULL), QD_OK);
    qd_status st = qd_toeplitz_stream_with(dev, choice, &job, stats, err);
    if (st == QD_OK) ck_assert_uint_eq(c.words, qd_bits_words(r));
    *y = c.y;
    return st;
}

#endif
