/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/spread.h"

#include "reconcile/code.h"

/* Bit c of word r becomes bit r of word c: halves of ever smaller squares change places. */
static void transpose(uint64_t w[64]) {
    uint64_t mask = 0xffffffffu;
    for (uint32_t side = 32; side; side /= 2, mask ^= mask << side)
        for (uint32_t r = 0; r < 64; r = ((r | side) + 1) & ~side) {
            const uint64_t swap = (w[r] >> side ^ w[r | side]) & mask;
            w[r] ^= swap << side;
            w[r | side] ^= swap;
        }
}

static uint32_t most(uint64_t left) {
    return left < 64 ? (uint32_t)left : 64;
}

static void copy_rest(const uint64_t *in, uint64_t n, uint64_t from, uint64_t *out) {
    for (uint64_t i = from; i < n; i += 64) qd_words_put(out, i, qd_words_get(in, (n + 63) / 64, i), most(n - i));
}

void qd_spread(const uint64_t *in, uint64_t n, uint64_t runs, uint64_t *out) {
    const uint64_t length = n / runs, words = (n + 63) / 64;
    uint64_t w[64];
    for (uint64_t r = 0; r < runs; r += 64)
        for (uint64_t c = 0; c < length; c += 64) {
            for (uint32_t i = 0; i < 64; i++) w[i] = qd_words_get(in, words, (r + i) * length + c);
            transpose(w);
            for (uint32_t i = 0; i < most(length - c); i++) out[((c + i) * runs + r) / 64] = w[i];
        }
    copy_rest(in, n, length * runs, out);
}

void qd_gather(const uint64_t *in, uint64_t n, uint64_t runs, uint64_t *out) {
    const uint64_t length = n / runs;
    uint64_t w[64];
    for (uint64_t r = 0; r < runs; r += 64)
        for (uint64_t c = 0; c < length; c += 64) {
            const uint32_t bits = most(length - c);
            for (uint32_t i = 0; i < 64; i++) w[i] = i < bits ? in[((c + i) * runs + r) / 64] : 0;
            transpose(w);
            for (uint32_t i = 0; i < 64; i++) qd_words_put(out, (r + i) * length + c, w[i], bits);
        }
    copy_rest(in, n, length * runs, out);
}
