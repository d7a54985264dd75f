/* SPDX-License-Identifier: Apache-2.0 */
/* The reference: column j of T is the seed from bit m-1-j on; the columns that the key selects are summed, word by word. */
#include <stdlib.h>
#include "amplify/toeplitz.h"

qd_status qd_toeplitz_ref(const qd_bits *x, uint64_t m, const qd_bits *seed, qd_bits *y, qd_error *err) {
    uint64_t words = qd_bits_words(y->n), seed_words = qd_bits_words(seed->n);
    /* The seed shifted down by 0..63 bits in turn, so that every column starts at a word; zeros beyond, for the last column's tail. */
    uint64_t *shifted = calloc(seed_words + words + 1, sizeof *shifted);
    if (!shifted) return qd_fail(err, QD_E_INTERNAL, "hashing of %llu bits|no memory", (unsigned long long)x->n);
    for (uint64_t shift = 0; shift < 64; shift++) {
        for (uint64_t i = 0; i < seed_words; i++) {
            uint64_t above = i + 1 < seed_words && shift ? seed->w[i + 1] << (64 - shift) : 0;
            shifted[i] = seed->w[i] >> shift | above;
        }
        for (uint64_t from = shift; from < m; from += 64) {
            uint64_t mask = 0 - (uint64_t)qd_bits_get(x, m - 1 - from); /* no branch on key */
            const uint64_t *column = shifted + from / 64;
            for (uint64_t i = 0; i < words; i++) y->w[i] ^= column[i] & mask;
        }
    }
    if (y->n % 64) y->w[words - 1] &= ((uint64_t)1 << (y->n % 64)) - 1;
    free(shifted);
    return QD_OK;
}
