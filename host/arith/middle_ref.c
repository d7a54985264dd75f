/* SPDX-License-Identifier: Apache-2.0 */
/* The middle product as the sum of the windows that the key's ones select. */
#include "arith/middle.h"

/* Bits from .. from+63 of b, zeros beyond its end. */
static uint64_t word_from(const qd_bits *b, uint64_t from) {
    uint64_t words = qd_bits_words(b->n), i = from / 64, shift = from % 64;
    uint64_t w = i < words ? b->w[i] >> shift : 0;
    if (shift && i + 1 < words) w |= b->w[i + 1] << (64 - shift);
    return w;
}

void qd_middle_ref(const qd_bits *window, const qd_bits *key, qd_bits *y) {
    uint64_t words = qd_bits_words(y->n);
    for (uint64_t i = 0; i < words; i++) y->w[i] = 0;
    for (uint64_t j = 0; j < key->n; j++) {
        uint64_t mask = 0 - (uint64_t)qd_bits_get(key, j), from = key->n - 1 - j;
        for (uint64_t i = 0; i < words; i++) y->w[i] ^= word_from(window, from + 64 * i) & mask;
    }
    if (y->n % 64) y->w[words - 1] &= ((uint64_t)1 << y->n % 64) - 1;
}
