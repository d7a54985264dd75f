/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic in GF(2^128), and the verification hash. */
#include <string.h>
#include "arith/gf128.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_CLMUL 1
#else
#define HAVE_CLMUL 0
#endif

/* ---- Without carry-less multiply --------------------------------------------------------------------------------- */

qd_gf128 qd_gf128_horner_portable(qd_gf128 h, const uint64_t *words, uint64_t blocks, qd_gf128 x) {
    qd_gf128_horner *form = qd_gf128_horner_avx2();
    if (!form) form = qd_gf128_horner_sse2();
    return (form ? form : qd_gf128_horner_plain)(h, words, blocks, x);
}

/* ---- Carry-less multiply instructions ---------------------------------------------------------------------------- */

#if HAVE_CLMUL
#define TAIL 0x87u /* z^128 = z^7 + z^2 + z + 1 */
#define CLMUL __attribute__((target("pclmul,sse4.1"))) static inline

/* low + middle z^64 + high z^128, not reduced. */
typedef struct product {
    __m128i low, middle, high;
} product;

CLMUL void accumulate(product *p, __m128i a, __m128i b) {
    p->low = _mm_xor_si128(p->low, _mm_clmulepi64_si128(a, b, 0x00));
    p->high = _mm_xor_si128(p->high, _mm_clmulepi64_si128(a, b, 0x11));
    p->middle = _mm_xor_si128(p->middle, _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10)));
}

CLMUL __m128i reduce_clmul(const product *p) {
    __m128i tail = _mm_set_epi64x(0, TAIL);
    __m128i low = _mm_xor_si128(p->low, _mm_slli_si128(p->middle, 8)), high = _mm_xor_si128(p->high, _mm_srli_si128(p->middle, 8));
    __m128i top = _mm_clmulepi64_si128(high, tail, 0x01); /* upper word of high: lands at z^64 and, with 7 bits, at z^128 */
    low = _mm_xor_si128(low, _mm_slli_si128(top, 8));
    high = _mm_xor_si128(high, _mm_srli_si128(top, 8));
    return _mm_xor_si128(low, _mm_clmulepi64_si128(high, tail, 0x00));
}

CLMUL __m128i mul_clmul(__m128i a, __m128i b) {
    product p = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    accumulate(&p, a, b);
    return reduce_clmul(&p);
}

/* Four blocks a reduction: (h + b3) x^4 + b2 x^3 + b1 x^2 + b0 x. */
__attribute__((target("pclmul,sse4.1"))) static qd_gf128 horner_clmul(qd_gf128 start, const uint64_t *words, uint64_t blocks, qd_gf128 x) {
    __m128i h = _mm_loadu_si128((const __m128i *)start.w), power[4];
    power[0] = _mm_loadu_si128((const __m128i *)x.w);
    for (int i = 1; i < 4; i++) power[i] = mul_clmul(power[i - 1], power[0]);
    for (; blocks % 4; blocks--)
        h = mul_clmul(_mm_xor_si128(h, _mm_loadu_si128((const __m128i *)(words + 2 * (blocks - 1)))), power[0]);
    for (; blocks; blocks -= 4) {
        const __m128i *b = (const __m128i *)(words + 2 * (blocks - 4));
        product p = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
        accumulate(&p, _mm_xor_si128(h, _mm_loadu_si128(b + 3)), power[3]);
        for (int i = 0; i < 3; i++) accumulate(&p, _mm_loadu_si128(b + i), power[i]);
        h = reduce_clmul(&p);
    }
    qd_gf128 out;
    _mm_storeu_si128((__m128i *)out.w, h);
    return out;
}

enum { GROUP = 16 /* blocks a reduction, where vectors hold two */, FEW = 4 * GROUP /* for which powers are not worth their time */ };
#define WIDE __attribute__((target("vpclmulqdq,avx2,pclmul,sse4.1"))) static

WIDE inline __m256i folded(__m256i a) { return _mm256_xor_si256(a, _mm256_shuffle_epi32(a, 0x4e)); }
WIDE inline __m128i lanes_sum(__m256i a) { return _mm_xor_si128(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1)); }

/* Powers of the key, two a vector, and the sum of their words. Filled and read by functions of their own, or gcc keeps copies that nobody wipes. */
typedef struct powers {
    __m256i p[GROUP / 2], f[GROUP / 2];
} powers;

__attribute__((noinline)) WIDE void make_powers(powers *t, qd_gf128 x) {
    __m128i power = _mm_loadu_si128((const __m128i *)x.w), first = power;
    for (int i = 0; i < GROUP; i++, power = mul_clmul(power, first)) _mm_store_si128((__m128i *)t->p + i, power);
    for (int i = 0; i < GROUP / 2; i++) t->f[i] = folded(t->p[i]);
}

/* The same sum of GROUP products, by three multiplications for two blocks (Karatsuba). */
__attribute__((noinline)) WIDE qd_gf128 groups(qd_gf128 start, const uint64_t *words, uint64_t blocks, const powers *t) {
    __m128i h = _mm_loadu_si128((const __m128i *)start.w);
    for (; blocks; blocks -= GROUP) {
        const __m256i *b = (const __m256i *)(words + 2 * (blocks - GROUP));
        __m256i low = _mm256_setzero_si256(), high = low, middle = low;
        for (int i = 0; i < GROUP / 2; i++) {
            __m256i a = _mm256_loadu_si256(b + i);
            if (i == GROUP / 2 - 1) a = _mm256_xor_si256(a, _mm256_set_m128i(h, _mm_setzero_si128()));
            low = _mm256_xor_si256(low, _mm256_clmulepi64_epi128(a, t->p[i], 0x00));
            high = _mm256_xor_si256(high, _mm256_clmulepi64_epi128(a, t->p[i], 0x11));
            middle = _mm256_xor_si256(middle, _mm256_clmulepi64_epi128(folded(a), t->f[i], 0x00));
        }
        product sum = {lanes_sum(low), lanes_sum(_mm256_xor_si256(middle, _mm256_xor_si256(low, high))), lanes_sum(high)};
        h = reduce_clmul(&sum);
    }
    qd_gf128 out;
    _mm_storeu_si128((__m128i *)out.w, h);
    return out;
}

WIDE qd_gf128 horner_wide(qd_gf128 start, const uint64_t *words, uint64_t blocks, qd_gf128 x) {
    if (blocks < FEW) return horner_clmul(start, words, blocks, x);
    const uint64_t rest = blocks % GROUP;
    powers t;
    make_powers(&t, x);
    const qd_gf128 out = groups(horner_clmul(start, words + 2 * (blocks - rest), rest, x), words, blocks - rest, &t);
    qd_wipe(&t, sizeof t);
    return out;
}
#endif

qd_gf128_horner *qd_gf128_horner_clmul(void) {
#if HAVE_CLMUL
    if (__builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2")) return horner_wide;
    if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) return horner_clmul;
#endif
    return NULL;
}

/* ---- Public ------------------------------------------------------------------------------------------------------ */

qd_gf128 qd_gf128_horner_best(qd_gf128 h, const uint64_t *words, uint64_t blocks, qd_gf128 x) {
    qd_gf128_horner *fast = qd_gf128_horner_clmul();
    return fast ? fast(h, words, blocks, x) : qd_gf128_horner_portable(h, words, blocks, x);
}

qd_gf128 qd_gf128_load(const uint8_t bytes[16]) {
    qd_gf128 a = {{0, 0}};
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(a.w, bytes, sizeof a.w);
#else
    for (int i = 0; i < 16; i++) a.w[i / 8] |= (uint64_t)bytes[i] << (i % 8 * 8);
#endif
    return a;
}

void qd_gf128_store(qd_gf128 a, uint8_t bytes[16]) {
    for (int i = 0; i < 16; i++) bytes[i] = (uint8_t)(a.w[i / 8] >> (i % 8 * 8));
}

qd_gf128 qd_gf128_mul(qd_gf128 a, qd_gf128 b) { return qd_gf128_horner_best((qd_gf128){{0, 0}}, a.w, 1, b); }

qd_gf128 qd_gf128_poly(const qd_gf128 *block, uint64_t count, qd_gf128 x) {
    return qd_gf128_horner_best((qd_gf128){{0, 0}}, count ? block[0].w : NULL, count, x);
}

qd_status qd_gf128_tag(qd_gf128 h, unsigned t, uint8_t tag[16], qd_error *err) {
    memset(tag, 0, 16);
    if (t < 1 || t > 128) return qd_fail(err, QD_E_USAGE, "verification hash|a tag of %u bits||tags have 1 to 128 bits", t);
    if (t <= 64) h.w[1] = 0;
    if (t % 64) h.w[(t - 1) / 64] &= ((uint64_t)1 << (t % 64)) - 1;
    qd_gf128_store(h, tag);
    return QD_OK;
}

qd_gf128 qd_gf128_hash_end(const qd_bits *m, uint64_t block, qd_gf128 k) {
    const uint64_t length[2] = {m->n, 0}, words = qd_bits_words(m->n), whole = words / 2;
    qd_gf128 h = qd_gf128_horner_best((qd_gf128){{0, 0}}, length, 1, k);
    if (words % 2) {
        const uint64_t last[2] = {m->w[words - 1], 0};
        h = qd_gf128_horner_best(h, last, 1, k);
    }
    return whole > block ? qd_gf128_horner_best(h, m->w + 2 * block, whole - block, k) : h;
}

qd_status qd_gf128_hash(const qd_bits *m, const uint8_t key[16], unsigned t, uint8_t tag[16], qd_error *err) {
    return qd_gf128_tag(qd_gf128_hash_end(m, 0, qd_gf128_load(key)), t, tag, err);
}
