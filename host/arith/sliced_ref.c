/* SPDX-License-Identifier: Apache-2.0 */
/* The references: a field product down the tower, and the middle product one bit of the key at a time. */
#include "arith/sliced.h"

/* In the field of @p bits bits: (a0 + a1 X)(b0 + b1 X) with X^2 = X + b. */
static uint32_t product(uint32_t a, uint32_t b, unsigned bits) {
    if (bits == 1) return a & b;
    unsigned half = bits / 2;
    uint32_t mask = ((uint32_t)1 << half) - 1, all_x = (uint32_t)1 << (half - 1); /* the product of all earlier X has the last bit */
    uint32_t a0 = a & mask, a1 = a >> half, b0 = b & mask, b1 = b >> half;
    uint32_t x2 = product(a1, b1, half);
    uint32_t low = product(a0, b0, half) ^ product(x2, all_x, half);
    uint32_t high = product(a0, b1, half) ^ product(a1, b0, half) ^ x2;
    return low | high << half;
}
uint32_t qd_gf32_mul_ref(uint32_t a, uint32_t b) { return product(a, b, 32); }

void qd_sliced_ref(const qd_bits *window, const qd_bits *key, qd_bits *y) {
    uint64_t words = qd_bits_words(y->n), last = qd_bits_words(window->n);
    for (uint64_t i = 0; i < words; i++) y->w[i] = 0;
    for (uint64_t j = 0; j < key->n; j++) {
        if (!qd_bits_get(key, j)) continue;
        uint64_t from = key->n - 1 - j, at = from / 64, shift = from % 64; /* y_i += window[i + from] */
        for (uint64_t i = 0; i < words; i++) {
            uint64_t low = at + i < last ? window->w[at + i] >> shift : 0, high = shift && at + i + 1 < last ? window->w[at + i + 1] << (64 - shift) : 0;
            y->w[i] ^= low | high;
        }
    }
    if (y->n % 64) y->w[words - 1] &= ((uint64_t)1 << y->n % 64) - 1;
}
