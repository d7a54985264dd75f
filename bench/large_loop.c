/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes of a vector are 32 successive rows of a block row; the bits that they touch are successive too, but for the wrap at
 * z, so a column is followed by a copy of its first 32. Pass one of a block row leaves the v in a buffer that stays in the
 * nearest cache. */
#include "large_loop.h"

#include <stdlib.h>
#include <string.h>
#ifdef __AVX512BW__
#include <immintrin.h>
#endif

enum { LANES = 32 };

struct qd_large_loop {
    const qd_large_code *c;
    int16_t *app, *v; /* [cols][z + LANES], [degree_max][LANES] */
    int8_t *msg;      /* [edges][z] */
    uint64_t *twice;  /* [cols][2 words + 1]: bits of a column, twice in a row */
    uint64_t *sum;    /* [rows][words] */
};

qd_large_loop *qd_large_loop_create(const qd_large_code *c) {
    qd_large_loop *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->c = c;
    l->app = qd_secret_alloc((size_t)c->cols * (c->z + LANES) * sizeof *l->app);
    l->v = qd_secret_alloc((size_t)c->degree_max * LANES * sizeof *l->v);
    l->msg = qd_secret_alloc((size_t)c->edges * c->z);
    l->twice = qd_secret_alloc((size_t)c->cols * (2 * c->words + 1) * sizeof *l->twice);
    l->sum = qd_secret_alloc((size_t)c->rows * c->words * sizeof *l->sum);
    if (l->app && l->v && l->msg && l->twice && l->sum) return l;
    qd_large_loop_destroy(l);
    return NULL;
}

void qd_large_loop_destroy(qd_large_loop *l) {
    if (!l) return;
    qd_secret_free(l->app);
    qd_secret_free(l->v);
    qd_secret_free(l->msg);
    qd_secret_free(l->twice);
    qd_secret_free(l->sum);
    free(l);
}

static void syndrome_of_twice(const qd_large_loop *l, uint64_t *syndrome) {
    const qd_large_code *c = l->c;
    memset(syndrome, 0, (size_t)c->rows * c->words * sizeof *syndrome);
    for (uint32_t i = 0; i < c->rows; i++)
        for (uint32_t e = c->row_start[i]; e < c->row_start[i + 1]; e++) {
            const uint64_t *from = l->twice + (size_t)c->edge[e].col * (2 * c->words + 1) + c->edge[e].shift / 64;
            uint64_t *to = syndrome + (size_t)i * c->words;
            unsigned by = c->edge[e].shift % 64;
            for (uint32_t w = 0; w < c->words; w++) to[w] ^= from[w] >> by | from[w + 1] << 1 << (63 - by);
        }
}

void qd_large_loop_syndrome(qd_large_loop *l, const uint64_t *frame, uint64_t *syndrome) {
    uint32_t words = l->c->words;
    for (uint32_t j = 0; j < l->c->cols; j++)
        for (int half = 0; half < 2; half++)
            memcpy(l->twice + (size_t)j * (2 * words + 1) + (size_t)half * words, frame + (size_t)j * words,
                   words * sizeof *frame);
    syndrome_of_twice(l, syndrome);
}

#ifdef __AVX512BW__

bool qd_large_loop_fast(void) {
    return true;
}

typedef struct tables {
    __m512i phi[2], least[4];
} tables;

static __m512i look_up(const __m512i table[2], __m512i index) {
    return _mm512_permutex2var_epi16(table[0], index, table[1]);
}

static __m512i inverse(const tables *t, __m512i sum) {
    const __m512i half = _mm512_set1_epi16(64);
    __mmask32 upper = _mm512_cmple_epu16_mask(sum, look_up(t->least + 2, half)); /* the lookup takes an index modulo 64 */
    __m512i k = _mm512_maskz_mov_epi16(upper, half);
    for (int step = 32; step; step /= 2) {
        __m512i next = _mm512_add_epi16(k, _mm512_set1_epi16((short)step));
        __m512i least = _mm512_mask_mov_epi16(look_up(t->least, next), upper, look_up(t->least + 2, next));
        k = _mm512_mask_mov_epi16(k, _mm512_cmple_epu16_mask(sum, least), next);
    }
    return k;
}

static __m512i class_of(__m512i v) {
    __m512i k = _mm512_srli_epi16(_mm512_add_epi16(_mm512_abs_epi16(v), _mm512_set1_epi16(1)), 1);
    return _mm512_min_epi16(k, _mm512_set1_epi16(QD_LARGE_CLASSES - 1));
}

/* LANES entries of a column from p on, and the copy of its beginning behind its end. */
static void put(int16_t *column, uint32_t z, uint32_t p, __m512i x) {
    _mm512_storeu_si512(column + p, x);
    if (p + LANES > z) memcpy(column, column + z, (p + LANES - z) * sizeof *column);
    if (p < LANES) memcpy(column + z + p, column + p, (LANES - p) * sizeof *column);
}

static void rows(qd_large_loop *l, const tables *t, uint32_t i, uint32_t r, __mmask32 parity) {
    const qd_large_code *c = l->c;
    uint32_t first = c->row_start[i], end = c->row_start[i + 1];
    const __m512i zero = _mm512_setzero_si512(), none = _mm512_set1_epi16(QD_LARGE_CLASSES);
    __m512i sum = zero, k1 = none, k2 = none, second = none;
    for (uint32_t e = first; e < end; e++) {
        uint32_t p = r + c->edge[e].shift;
        if (p >= c->z) p -= c->z;
        __m512i m = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)(l->msg + (size_t)e * c->z + r)));
        __m512i v = _mm512_sub_epi16(_mm512_loadu_si512(l->app + (size_t)c->edge[e].col * (c->z + LANES) + p), m);
        __m512i k = class_of(v), lo = _mm512_min_epi16(k1, k), hi = _mm512_max_epi16(k1, k);
        _mm512_storeu_si512(l->v + (size_t)(e - first) * LANES, v);
        parity ^= _mm512_movepi16_mask(v);
        sum = _mm512_adds_epu16(sum, look_up(t->phi, k));
        k2 = _mm512_mask_min_epi16(k2, _mm512_cmpneq_epi16_mask(lo, hi), k2, hi);
        second = _mm512_min_epi16(second, hi);
        k1 = lo;
    }
    __m512i phi1 = look_up(t->phi, k1), phi2 = look_up(t->phi, k2), cap = _mm512_slli_epi16(k1, 1); /* k2 none: of no edge */
    __m512i rest = _mm512_subs_epu16(_mm512_subs_epu16(sum, phi1), phi2);
    __m512i mean = _mm512_mulhi_epu16(rest, _mm512_set1_epi16((short)(65536 / (end - first))));
    __m512i others = _mm512_min_epi16(cap, inverse(t, _mm512_sub_epi16(sum, mean))),
            two = _mm512_min_epi16(cap, inverse(t, _mm512_sub_epi16(sum, phi2))),
            one = _mm512_min_epi16(_mm512_slli_epi16(second, 1), inverse(t, _mm512_sub_epi16(sum, phi1)));
    for (uint32_t e = first; e < end; e++) {
        uint32_t p = r + c->edge[e].shift;
        if (p >= c->z) p -= c->z;
        __m512i v = _mm512_loadu_si512(l->v + (size_t)(e - first) * LANES), k = class_of(v);
        __m512i m = _mm512_mask_mov_epi16(others, _mm512_cmpeq_epi16_mask(k, k2), two);
        m = _mm512_mask_mov_epi16(m, _mm512_cmpeq_epi16_mask(k, k1), one);
        m = _mm512_mask_sub_epi16(m, parity ^ _mm512_movepi16_mask(v), zero, m);
        _mm256_storeu_si256((void *)(l->msg + (size_t)e * c->z + r), _mm512_cvtepi16_epi8(m));
        put(l->app + (size_t)c->edge[e].col * (c->z + LANES), c->z, p, _mm512_add_epi16(v, m));
    }
}

static void load(qd_large_loop *l, const uint64_t *frame, int llr) {
    const qd_large_code *c = l->c;
    for (uint32_t j = 0; j < c->cols; j++) {
        int16_t *column = l->app + (size_t)j * (c->z + LANES);
        for (uint32_t p = 0; p < c->z; p += LANES) {
            __mmask32 bits = (__mmask32)(frame[(size_t)j * c->words + p / 64] >> (p % 64));
            _mm512_storeu_si512(column + p,
                                _mm512_mask_blend_epi16(bits, _mm512_set1_epi16((short)llr), _mm512_set1_epi16((short)-llr)));
        }
        memcpy(column + c->z, column, LANES * sizeof *column);
    }
}

static void halve(qd_large_loop *l, const uint64_t *frame, int llr) {
    const qd_large_code *c = l->c;
    load(l, frame, llr);
    for (uint32_t e = 0; e < c->edges; e++) {
        int16_t *column = l->app + (size_t)c->edge[e].col * (c->z + LANES);
        for (uint32_t r = 0, p = c->edge[e].shift; r < c->z; r++, p = p + 1 == c->z ? 0 : p + 1) {
            int8_t *m = l->msg + (size_t)e * c->z + r;
            *m = (int8_t)(*m / 2);
            column[p] = (int16_t)(column[p] + *m);
        }
    }
    for (uint32_t j = 0; j < c->cols; j++) {
        int16_t *column = l->app + (size_t)j * (c->z + LANES);
        memcpy(column + c->z, column, LANES * sizeof *column);
    }
}

static void decide(qd_large_loop *l, uint64_t *bits) {
    const qd_large_code *c = l->c;
    for (uint32_t j = 0; j < c->cols; j++)
        for (uint32_t p = 0; p < c->z; p += 64) {
            const int16_t *a = l->app + (size_t)j * (c->z + LANES) + p;
            bits[(size_t)j * c->words + p / 64] = (uint64_t)_mm512_movepi16_mask(_mm512_loadu_si512(a)) |
                                                  (uint64_t)_mm512_movepi16_mask(_mm512_loadu_si512(a + LANES)) << 32;
        }
}

static uint32_t differing(const uint64_t *a, const uint64_t *b, size_t words) {
    uint64_t n = 0;
    for (size_t i = 0; i < words; i++) n += (uint64_t)__builtin_popcountll(a[i] ^ b[i]);
    return (uint32_t)n;
}

static tables tables_of(const qd_large_rule *rule, int halved) {
    tables t;
    for (int k = 0; k < 2; k++) t.phi[k] = _mm512_loadu_si512(rule->phi[halved] + (ptrdiff_t)k * LANES);
    for (int k = 0; k < 4; k++) t.least[k] = _mm512_loadu_si512(rule->least[halved] + (ptrdiff_t)k * LANES);
    return t;
}

qd_status qd_large_loop_decode(qd_large_loop *l, const qd_large_rule *rule, const uint64_t *frame, const uint64_t *syndrome,
                               uint64_t *bits, uint32_t *iterations, qd_error *err) {
    const qd_large_code *c = l->c;
    tables t = tables_of(rule, 0);
    int halved = 0;
    (void)err;
    load(l, frame, (int)rule->c);
    memset(l->msg, 0, (size_t)c->edges * c->z);
    *iterations = 0;
    for (uint32_t n = 1; n <= rule->max_iterations && !*iterations; n++) {
        for (uint32_t i = 0; i < c->rows; i++)
            for (uint32_t r = 0; r < c->z; r += LANES)
                rows(l, &t, i, r, (__mmask32)(syndrome[(size_t)i * c->words + r / 64] >> (r % 64)));
        decide(l, bits);
        qd_large_loop_syndrome(l, bits, l->sum);
        uint32_t unmatched = differing(l->sum, syndrome, (size_t)c->rows * c->words);
        if (!unmatched) {
            *iterations = n;
        } else if (unmatched <= rule->halve && !halved) {
            halve(l, frame, (int)rule->c / 2);
            t = tables_of(rule, halved = 1);
        }
    }
    return QD_OK;
}

#else

bool qd_large_loop_fast(void) {
    return false;
}

qd_status qd_large_loop_decode(qd_large_loop *l, const qd_large_rule *rule, const uint64_t *frame, const uint64_t *syndrome,
                               uint64_t *bits, uint32_t *iterations, qd_error *err) {
    return qd_large_decode(l->c, rule, frame, syndrome, bits, iterations, err);
}

#endif
