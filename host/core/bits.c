/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/bits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/secret.h"

/* Mask of the bits of the last word that belong to a string of n bits. */
static uint64_t last_mask(uint64_t n) {
    return n % 64 ? ((uint64_t)1 << (n % 64)) - 1 : ~(uint64_t)0;
}

qd_status qd_bits_create(qd_bits *b, uint64_t n, qd_error *err) {
    *b = (qd_bits){0};
    uint64_t words = qd_bits_words(n);
    if (words < SIZE_MAX / 16) b->w = qd_secret_alloc((words ? words : 1) * sizeof *b->w);
    if (!b->w)
        return qd_fail(err, QD_E_INTERNAL,
                       "no memory for a string of %llu bits|||use shorter blocks, or a machine with more memory",
                       (unsigned long long)n);
    b->n = n;
    return QD_OK;
}

void qd_bits_destroy(qd_bits *b) {
    if (!b) return;
    qd_secret_free(b->w);
    *b = (qd_bits){0};
}

/* 64 bits of b from bit position i on; zeros past the last word. */
static uint64_t word_at(const qd_bits *b, uint64_t i) {
    uint64_t words = qd_bits_words(b->n), k = i / 64;
    unsigned shift = i % 64;
    uint64_t v = k < words ? b->w[k] >> shift : 0;
    if (shift && k + 1 < words) v |= b->w[k + 1] << (64 - shift);
    return v;
}

qd_status qd_bits_slice(qd_bits *dst, const qd_bits *src, uint64_t from, uint64_t n, qd_error *err) {
    *dst = (qd_bits){0};
    if (from > src->n || n > src->n - from)
        return qd_fail(err, QD_E_USAGE, "bits %llu to %llu of a string of %llu", (unsigned long long)from,
                       (unsigned long long)(from + n), (unsigned long long)src->n);
    QD_TRY(qd_bits_create(dst, n, err));
    uint64_t words = qd_bits_words(n);
    for (uint64_t k = 0; k < words; k++) dst->w[k] = word_at(src, from + 64 * k);
    if (words) dst->w[words - 1] &= last_mask(n);
    return QD_OK;
}

qd_status qd_bits_append(qd_bits *dst, const qd_bits *src, qd_error *err) {
    if (src->n > UINT64_MAX - dst->n) return qd_fail(err, QD_E_USAGE, "bit string too long");
    uint64_t n = dst->n + src->n, first = qd_bits_words(dst->n), words = qd_bits_words(src->n), at = dst->n / 64, all = qd_bits_words(n);
    unsigned shift = dst->n % 64;
    if (!dst->w || all > qd_secret_size(dst->w) / sizeof *dst->w) {
        qd_bits more = {0};
        uint64_t grown = first + first / 2; /* a string that grows bit by bit is copied a few times, not each time */
        QD_TRY(qd_bits_create(&more, 64 * (all > grown ? all : grown), err));
        if (first) memcpy(more.w, dst->w, first * sizeof *more.w);
        more.n = dst->n;
        qd_bits_destroy(dst);
        *dst = more;
    }
    memset(dst->w + first, 0, (all - first) * sizeof *dst->w);
    for (uint64_t k = 0; k < words; k++) {
        dst->w[at + k] |= src->w[k] << shift;
        if (shift && at + k + 1 < all) dst->w[at + k + 1] |= src->w[k] >> (64 - shift);
    }
    dst->n = n;
    return QD_OK;
}

uint64_t qd_bits_weight(const qd_bits *b) {
    uint64_t sum = 0, words = qd_bits_words(b->n);
    for (uint64_t k = 0; k < words; k++) sum += (uint64_t)__builtin_popcountll(b->w[k]);
    return sum;
}

uint64_t qd_bits_distance_truth(const qd_bits *a, const qd_bits *b) {
    return qd_bits_distance(a, b);
}

uint64_t qd_bits_distance(const qd_bits *a, const qd_bits *b) {
    uint64_t sum = 0, words = qd_bits_words(a->n);
    for (uint64_t k = 0; k < words; k++) sum += (uint64_t)__builtin_popcountll(a->w[k] ^ b->w[k]);
    return sum;
}

unsigned qd_bits_parity(const qd_bits *b, uint64_t from, uint64_t to) {
    uint64_t fold = 0;
    for (uint64_t i = from; i < to; i += 64) {
        uint64_t left = to - i;
        fold ^= word_at(b, i) & last_mask(left < 64 ? left : 64);
    }
    return (unsigned)__builtin_parityll(fold);
}

bool qd_bits_equal(const qd_bits *a, const qd_bits *b) {
    if (a->n != b->n) return false;
    uint64_t differ = 0, words = qd_bits_words(a->n);
    for (uint64_t k = 0; k < words; k++) differ |= a->w[k] ^ b->w[k]; /* no early exit: its time would depend on key bits */
    return differ == 0;
}

bool qd_bits_clean(const qd_bits *b) {
    return b->n % 64 == 0 || (b->w[b->n / 64] & ~last_mask(b->n)) == 0;
}

static uint8_t reversed(uint8_t v) {
    v = (uint8_t)((v & 0x55) << 1 | (v >> 1 & 0x55));
    v = (uint8_t)((v & 0x33) << 2 | (v >> 2 & 0x33));
    return (uint8_t)(v << 4 | v >> 4);
}

uint64_t qd_bits_mirrored(uint64_t w) {
    w = (w & 0x5555555555555555u) << 1 | (w >> 1 & 0x5555555555555555u);
    w = (w & 0x3333333333333333u) << 2 | (w >> 2 & 0x3333333333333333u);
    return (w & 0x0f0f0f0f0f0f0f0fu) << 4 | (w >> 4 & 0x0f0f0f0f0f0f0f0fu);
}

void qd_bits_to_bytes(const qd_bits *b, qd_bit_order order, uint8_t *bytes) {
    uint64_t n = qd_bits_bytes(b->n);
    for (uint64_t i = 0; i < n; i++) {
        uint8_t v = (uint8_t)(b->w[i / 8] >> (8 * (i % 8)));
        bytes[i] = order == QD_MSB_FIRST ? reversed(v) : v;
    }
}

qd_status qd_bits_from_bytes(qd_bits *b, const uint8_t *bytes, uint64_t n, qd_bit_order order, qd_error *err) {
    QD_TRY(qd_bits_create(b, n, err));
    uint64_t count = qd_bits_bytes(n);
    for (uint64_t i = 0; i < count; i++) {
        uint8_t v = order == QD_MSB_FIRST ? reversed(bytes[i]) : bytes[i];
        b->w[i / 8] |= (uint64_t)v << (8 * (i % 8));
    }
    if (qd_bits_clean(b)) return QD_OK;
    qd_bits_destroy(b);
    return qd_fail(err, QD_E_INPUT,
                   "byte %llu: a bit past the length of %llu bits is set||wrong length or wrong bit order|"
                   "check the number of bits, or try the other bit order",
                   (unsigned long long)(count - 1), (unsigned long long)n);
}
