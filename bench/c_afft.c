/* SPDX-License-Identifier: Apache-2.0 */
#include "c_afft.h"
#include <stdlib.h>
#include <string.h>
#include "arith/afft.h"
#include "c_ntt.h"
#if defined(__PCLMUL__) && defined(__AVX2__)
#include <immintrin.h>
#define FAST 1
#else
#define FAST 0
#endif

bool qd_c_afft_is_fast(void) { return FAST; }

enum { KEY, WINDOW, BACK, LEAF_LOG2 = 4 };

/* ---- Arithmetic -------------------------------------------------------------------------------------------------- */

#pragma GCC diagnostic ignored "-Wpsabi"
typedef uint64_t V __attribute__((vector_size(32), aligned(8), may_alias));

#if FAST
static inline void products(__m256i a, __m256i b, __m256i *even, __m256i *odd) {
#if defined(__VPCLMULQDQ__)
    *even = _mm256_clmulepi64_epi128(a, b, 0x00);
    *odd = _mm256_clmulepi64_epi128(a, b, 0x11);
#else
    __m128i al = _mm256_castsi256_si128(a), ah = _mm256_extracti128_si256(a, 1), bl = _mm256_castsi256_si128(b), bh = _mm256_extracti128_si256(b, 1);
    *even = _mm256_set_m128i(_mm_clmulepi64_si128(ah, bh, 0x00), _mm_clmulepi64_si128(al, bl, 0x00));
    *odd = _mm256_set_m128i(_mm_clmulepi64_si128(ah, bh, 0x11), _mm_clmulepi64_si128(al, bl, 0x11));
#endif
}
static inline V mul(V a, V b) {
    __m256i even, odd;
    products((__m256i)a, (__m256i)b, &even, &odd);
    V h = (V)_mm256_unpackhi_epi64(even, odd);
    h ^= h >> 60 ^ h >> 61;
    h ^= h << 1;
    return (V)_mm256_unpacklo_epi64(even, odd) ^ h ^ h << 3;
}
#else
static V mul(V a, V b) {
    V p = {0};
    for (int i = 63; i >= 0; i--) p = p << 1 ^ (-(p >> 63) & 0x1b) ^ (-(b >> i & 1) & a);
    return p;
}
#endif

static inline V all(uint64_t w) { return (V){w, w, w, w}; }

/* ---- Change of basis --------------------------------------------------------------------------------------------- */

/* d[i] += s[i], in the direction of the transform of a key; else s[i] += d[i]. */
static void add(uint64_t *d, uint64_t *s, size_t n, int which) {
    if (which != KEY) {
        uint64_t *t = d;
        d = s;
        s = t;
    }
    size_t i = 0;
    for (; i + 4 <= n; i += 4) *(V *)(d + i) ^= *(V *)(s + i);
    for (; i < n; i++) d[i] ^= s[i];
}

static void level(uint64_t *x, size_t half, size_t shift, int which) {
    if (which != BACK) add(x + half, x + 2 * half - shift, shift, which);
    add(x + shift, x + half, half - shift, which);
    if (which == BACK) add(x + half, x + 2 * half - shift, shift, which);
}

static void levels(uint64_t *x, unsigned k, unsigned unit, unsigned h, unsigned j, int which) {
    const size_t half = (size_t)1 << (h + j + unit);
    for (size_t at = 0; at < (size_t)1 << (k + unit); at += 2 * half) level(x + at, half, (size_t)1 << (j + unit), which);
}

/* All levels of sixteen coefficients. */
#define TWO(d, s) \
    if (which == KEY) a[d] ^= a[s]; \
    else a[s] ^= a[d];
#define FOUR(d, s) TWO(d, s) TWO(d + 1, s + 1) TWO(d + 2, s + 2) TWO(d + 3, s + 3)
#define CHANGE16(name, type)                                                                                                         \
    static inline void name(type *a, int which) {                                                                                    \
        if (which != BACK) { TWO(8, 14) TWO(9, 15) FOUR(2, 8) TWO(6, 12) TWO(7, 13) }                                                \
        else { FOUR(4, 8) FOUR(8, 12) }                                                                                              \
        for (int i = 0; i < 16; i += 8) {                                                                                            \
            if (which != BACK) { TWO(i + 4, i + 7) TWO(i + 1, i + 4) TWO(i + 2, i + 5) TWO(i + 3, i + 6) }                           \
            for (int j = i; j < i + 8; j += 4) {                                                                                     \
                if (which != BACK) { TWO(j + 2, j + 3) TWO(j + 1, j + 2) }                                                           \
                else { TWO(j + 1, j + 2) TWO(j + 2, j + 3) }                                                                         \
            }                                                                                                                        \
            if (which == BACK) { TWO(i + 1, i + 4) TWO(i + 2, i + 5) TWO(i + 3, i + 6) TWO(i + 4, i + 7) }                           \
        }                                                                                                                            \
        if (which != BACK) { FOUR(8, 12) FOUR(4, 8) }                                                                                \
        else { FOUR(2, 8) TWO(6, 12) TWO(7, 13) TWO(8, 14) TWO(9, 15) }                                                              \
    }
CHANGE16(change16_words, uint64_t)
CHANGE16(change16_vectors, V)

static void change16(uint64_t *x, unsigned unit, int which) {
    if (unit == 0) change16_words(x, which);
    for (size_t u = 0; u < (size_t)1 << unit && unit >= 2; u += 4) {
        V a[16];
        for (size_t i = 0; i < 16; i++) a[i] = *(V *)(x + (i << unit) + u);
        change16_vectors(a, which);
        for (size_t i = 0; i < 16; i++) *(V *)(x + (i << unit) + u) = a[i];
    }
}

/* All levels of 2^k words, coefficients of 2^unit words each. */
static void change(uint64_t *x, unsigned k, unsigned unit, int which) {
    if (k < 2) return;
    if (k == 4 && unit != 1) {
        change16(x, unit, which);
        return;
    }
    unsigned h = 1;
    while (2 * h < k) h *= 2;
    if (which != BACK)
        for (unsigned j = k - h; j-- > 0;) levels(x, k, unit, h, j, which);
    for (size_t at = 0; at < (size_t)1 << (k + unit); at += (size_t)1 << (h + unit)) change(x + at, h, unit, which);
    change(x, k - h, h + unit, which);
    if (which == BACK)
        for (unsigned j = 0; j < k - h; j++) levels(x, k, unit, h, j, which);
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */

static inline void butterfly(V *a, V *b, V w, int which) {
    if (which == KEY) *a ^= mul(*b, w), *b ^= *a;
    else if (which == WINDOW) *b ^= mul(*a, w), *a ^= *b;
    else *a ^= *b, *b ^= mul(*a, w);
}

static inline void butterfly4(V a[4], V w2, V w0, V w1, int which) {
    if (which == BACK) butterfly(&a[0], &a[1], w0, which), butterfly(&a[2], &a[3], w1, which);
    butterfly(&a[0], &a[2], w2, which), butterfly(&a[1], &a[3], w2, which);
    if (which != BACK) butterfly(&a[0], &a[1], w0, which), butterfly(&a[2], &a[3], w1, which);
}

/* Four vectors as rows of a matrix, turned. */
static inline void turn(V a[4]) {
    V b[4];
    for (int i = 0; i < 4; i += 2) {
        b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 4, 2, 6);
        b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 1, 5, 3, 7);
    }
    for (int i = 0; i < 2; i++) {
        a[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 4, 5);
        a[i + 2] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 6, 7);
    }
}

/* tw[q]: the twiddle of block q of any layer. Sixteen words, block q of the layer of stride 8. */
static inline void leaf(uint64_t *x, const uint64_t *tw, size_t q, int which) {
    V a[4];
    const V v1 = all(tw[1]), pairs = {tw[4 * q], tw[4 * q + 1], tw[4 * q + 2], tw[4 * q + 3]};
    const V doubles = {tw[8 * q], tw[8 * q + 2], tw[8 * q + 4], tw[8 * q + 6]};
    for (int i = 0; i < 4; i++) a[i] = *(V *)(x + 4 * i);
    if (which != BACK) butterfly4(a, all(tw[q]), all(tw[2 * q]), all(tw[2 * q]) ^ v1, which);
    turn(a);
    butterfly4(a, pairs, doubles, doubles ^ v1, which);
    turn(a);
    if (which == BACK) butterfly4(a, all(tw[q]), all(tw[2 * q]), all(tw[2 * q]) ^ v1, which);
    for (int i = 0; i < 4; i++) *(V *)(x + 4 * i) = a[i];
}

static void sweep4(uint64_t *x, unsigned k, const uint64_t *tw, size_t q, int which) {
    const size_t step = (size_t)1 << (k - 2);
    const V w2 = all(tw[q]), w0 = all(tw[2 * q]), w1 = w0 ^ all(tw[1]);
    for (size_t i = 0; i < step; i += 4) {
        V a[4];
        for (size_t j = 0; j < 4; j++) a[j] = *(V *)(x + j * step + i);
        butterfly4(a, w2, w0, w1, which);
        for (size_t j = 0; j < 4; j++) *(V *)(x + j * step + i) = a[j];
    }
}

static void sweep2(uint64_t *x, unsigned k, const uint64_t *tw, size_t q, int which) {
    const size_t half = (size_t)1 << (k - 1);
    for (size_t i = 0; i < half; i += 4) butterfly((V *)(x + i), (V *)(x + half + i), all(tw[q]), which);
}

/* All k layers, at least 4, of block q. */
static void layers(uint64_t *x, unsigned k, const uint64_t *tw, size_t q, int which) {
    if (k == LEAF_LOG2) {
        leaf(x, tw, q, which);
        return;
    }
    const unsigned some = k == LEAF_LOG2 + 1 ? 1 : 2;
    if (which != BACK) (some == 1 ? sweep2 : sweep4)(x, k, tw, q, which);
    for (size_t i = 0; i < (size_t)1 << some; i++) layers(x + (i << (k - some)), k - some, tw, (q << some) + i, which);
    if (which == BACK) (some == 1 ? sweep2 : sweep4)(x, k, tw, q, which);
}

/* ---- The product ------------------------------------------------------------------------------------------------- */

typedef struct job {
    unsigned k; /* 2^k words */
    uint64_t *tw, *x[2];
    unsigned threads;
} job;

static void forward_share(void *p, unsigned share) {
    const job *j = p;
    for (int which = KEY; which <= WINDOW; which++)
        if (j->threads == 1 || (unsigned)which == share) {
            change(j->x[which], j->k, 0, which);
            layers(j->x[which], j->k, j->tw, 0, which);
        }
}

/* A quarter of the points: their products and all layers below the first two. */
static void quarters_share(void *p, unsigned share) {
    const job *j = p;
    for (unsigned i = share; i < 4; i += j->threads) {
        uint64_t *x = j->x[0] + ((size_t)i << (j->k - 2)), *y = j->x[1] + ((size_t)i << (j->k - 2));
        for (size_t n = 0; n < (size_t)1 << (j->k - 2); n += 4) *(V *)(x + n) = mul(*(V *)(x + n), *(V *)(y + n));
        layers(x, j->k - 2, j->tw, i, BACK);
    }
}

/* 64 bits from bit `at` on, which may lie before the first. */
static uint64_t bits_from(const uint64_t *b, uint64_t n, int64_t at) {
    if (at <= -64 || at >= (int64_t)n) return 0;
    if (at < 0) return b[0] << -at;
    uint64_t i = (uint64_t)at / 64, shift = (uint64_t)at % 64, w = b[i] >> shift;
    if (shift && 64 * (i + 1) < n) w |= b[i + 1] << (64 - shift);
    return w;
}

static void product(job *j, const uint64_t *window, const uint64_t *key, uint64_t key_bits, uint64_t *y, uint64_t rows) {
    const uint64_t words = (uint64_t)1 << j->k, n = rows + key_bits - 1;
    for (uint64_t i = 0; i < words; i++) {
        uint64_t w = bits_from(window, n, (int64_t)n - 64 - 32 * (int64_t)i), left = key_bits > 32 * i ? key_bits - 32 * i : 0;
        j->x[WINDOW][i] = w ^ w >> 60 ^ w >> 61;
        j->x[KEY][i] = left ? key[i / 2] >> 32 * (i % 2) & (left < 32 ? ((uint64_t)1 << left) - 1 : 0xffffffff) : 0;
    }
    qd_c_parallel(j->threads, forward_share, j);
    qd_c_parallel(j->threads, quarters_share, j);
    sweep4(j->x[0], j->k, j->tw, 0, BACK);
    change(j->x[0], j->k, 0, BACK);
    memset(y, 0, (rows + 63) / 64 * 8);
    for (uint64_t i = 0; 32 * i < rows; i++) {
        int64_t at = (int64_t)rows - 32 - 32 * (int64_t)i; /* of the chunk's first bit */
        uint64_t w = j->x[0][i] >> 32;
        if (at < 0) w >>= -at, at = 0;
        y[at / 64] |= w << at % 64;
        if (at % 64 > 32) y[at / 64 + 1] |= w >> (64 - at % 64);
    }
}

qd_status qd_c_afft_middle(const uint64_t *window, const uint64_t *key, uint64_t key_bits, uint64_t *y, uint64_t rows, unsigned threads, qd_error *err) {
    job j = {.k = LEAF_LOG2 + 2, .threads = threads > 1 ? 2 : 1};
    while (((uint64_t)32 << j.k) < rows + key_bits - 1) j.k++;
    size_t bytes = (size_t)8 << j.k;
    j.tw = aligned_alloc(64, bytes / 2);
    j.x[0] = aligned_alloc(64, bytes);
    j.x[1] = aligned_alloc(64, bytes);
    qd_status st = QD_OK;
    if (j.tw && j.x[0] && j.x[1]) {
        j.tw[0] = 0;
        for (unsigned i = 0; i + 1 < j.k; i++)
            for (size_t q = 0; q < (size_t)1 << i; q++) j.tw[((size_t)1 << i) + q] = j.tw[q] ^ qd_gf64_basis(i + 1);
        product(&j, window, key, key_bits, y, rows);
    } else {
        st = qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of afft");
    }
    free(j.tw);
    free(j.x[0]);
    free(j.x[1]);
    return st;
}
