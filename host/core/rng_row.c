/* SPDX-License-Identifier: Apache-2.0 */
/* Draws one after another: four of them in the lanes of a vector, and two vectors at once, since a round waits for its products. */
#include "qdistill/core/rng.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum { LANES = 4, VECTORS = 2, STEP = LANES * VECTORS, ROUNDS = 10 };
typedef uint64_t V __attribute__((vector_size(8 * LANES)));

#define MUL32(a, b) ((V)_mm256_mul_epu32((__m256i)(a), (__m256i)((V){0} + (b)))) /* of lower halves: what is above them does not count */

/* STEP draws. Words c[0] to c[3] of the counter are the lower halves of lanes. */
__attribute__((target("avx2"))) static void step(uint64_t seed, uint32_t stream, uint64_t entity, uint32_t draw, uint32_t *out) {
    V c[VECTORS][4];
    for (uint32_t v = 0; v < VECTORS; v++) {
        c[v][0] = (V){0} + entity;
        c[v][1] = (V){0} + (entity >> 32);
        for (uint32_t l = 0; l < LANES; l++) c[v][2][l] = draw + v * LANES + l;
        c[v][3] = (V){0} + stream;
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint64_t k0 = (uint32_t)seed + round * (uint64_t)0x9E3779B9, k1 = (seed >> 32) + round * (uint64_t)0xBB67AE85;
        for (uint32_t v = 0; v < VECTORS; v++) {
            const V x = MUL32(c[v][0], (uint64_t)0xD2511F53), y = MUL32(c[v][2], (uint64_t)0xCD9E8D57);
            c[v][0] = (y >> 32) ^ c[v][1] ^ k0;
            c[v][1] = y;
            c[v][2] = (x >> 32) ^ c[v][3] ^ k1;
            c[v][3] = x;
        }
    }
    for (uint32_t v = 0; v < VECTORS; v++)
        for (uint32_t l = 0; l < LANES; l++)
            for (uint32_t w = 0; w < 4; w++) out[4 * (v * LANES + l) + w] = (uint32_t)c[v][w][l];
}

static int wide(void) { return __builtin_cpu_supports("avx2"); }
#else
enum { STEP = 1 };
static void step(uint64_t seed, uint32_t stream, uint64_t entity, uint32_t draw, uint32_t *out) { qd_philox(seed, stream, entity, draw, out); }
static int wide(void) { return 0; }
#endif

void qd_philox_row(uint64_t seed, uint32_t stream, uint64_t entity, uint32_t draw, size_t count, uint32_t *out) {
    size_t i = 0;
    if (wide())
        for (; count - i >= STEP; i += STEP) step(seed, stream, entity, draw + (uint32_t)i, out + 4 * i);
    for (; i < count; i++) qd_philox(seed, stream, entity, draw + (uint32_t)i, out + 4 * i);
}
