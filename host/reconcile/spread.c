/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/spread.h"

#include "qdistill/core/secret.h"
#include "reconcile/code.h"

/* Of rows that are @p rows apart, halves of squares change places: the low one of the second and the high one of the first. */
static inline void stage(uint64_t w[64], uint32_t rows, uint32_t side, uint64_t mask) {
    for (uint32_t begin = 0; begin < 64; begin += 2 * rows)
        for (uint32_t r = begin; r < begin + rows; r++) {
            const uint64_t swap = (w[r] >> side ^ w[r + rows]) & mask;
            w[r] ^= swap << side;
            w[r + rows] ^= swap;
        }
}

static void columns(const uint64_t in[64], uint64_t out[64]) {
    for (uint32_t r = 0; r < 8; r++)
        for (uint32_t c = 0; c < 8; c++) out[8 * c + r] = in[8 * r + c];
}

/* Ever smaller squares. Rows that change places with near ones stand eight apart meanwhile: compilers put loops of eight rows into vectors. */
void qd_transpose(uint64_t w[64], uint64_t by[64]) {
    stage(w, 32, 32, 0x00000000ffffffff);
    stage(w, 16, 16, 0x0000ffff0000ffff);
    stage(w, 8, 8, 0x00ff00ff00ff00ff);
    columns(w, by);
    stage(by, 32, 4, 0x0f0f0f0f0f0f0f0f);
    stage(by, 16, 2, 0x3333333333333333);
    stage(by, 8, 1, 0x5555555555555555);
    columns(by, w);
}

static uint32_t most(uint64_t left) {
    return left < 64 ? (uint32_t)left : 64;
}

static void copy_rest(const uint64_t *in, uint64_t n, uint64_t from, uint64_t *out) {
    for (uint64_t i = from; i < n; i += 64) qd_words_put(out, i, qd_words_get(in, (n + 63) / 64, i), most(n - i));
}

void qd_spread(const uint64_t *in, uint64_t n, uint64_t runs, uint64_t *out) {
    const uint64_t length = n / runs, words = (n + 63) / 64;
    uint64_t w[64], by[64];
    for (uint64_t r = 0; r < runs; r += 64)
        for (uint64_t c = 0; c < length; c += 64) {
            for (uint32_t i = 0; i < 64; i++) w[i] = qd_words_get(in, words, (r + i) * length + c);
            qd_transpose(w, by);
            for (uint32_t i = 0; i < most(length - c); i++) out[((c + i) * runs + r) / 64] = w[i];
        }
    qd_wipe(w, sizeof w);
    qd_wipe(by, sizeof by);
    copy_rest(in, n, length * runs, out);
}

void qd_gather(const uint64_t *in, uint64_t n, uint64_t runs, uint64_t *out) {
    const uint64_t length = n / runs;
    uint64_t w[64], by[64];
    for (uint64_t r = 0; r < runs; r += 64)
        for (uint64_t c = 0; c < length; c += 64) {
            const uint32_t bits = most(length - c);
            for (uint32_t i = 0; i < 64; i++) w[i] = i < bits ? in[((c + i) * runs + r) / 64] : 0;
            qd_transpose(w, by);
            for (uint32_t i = 0; i < 64; i++) qd_words_put(out, (r + i) * length + c, w[i], bits);
        }
    qd_wipe(w, sizeof w);
    qd_wipe(by, sizeof by);
    copy_rest(in, n, length * runs, out);
}
