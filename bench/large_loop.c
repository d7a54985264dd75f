/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes of a vector are 64 successive rows of a block row, in bytes where they are messages and in two vectors of 16 bits
 * where they are APPs; bytes lie in the order in which the processor narrows two such vectors to one. The bits that the rows
 * touch are successive too, but for the wrap at z, so a column is followed by a copy of its first 64, which is put right once a
 * block row. Messages and APPs stand 128 above what they are: then a message is widened by zeros. */
#include "large_loop.h"

#include <stdlib.h>
#include <string.h>
#ifdef __AVX512VBMI__
#include <immintrin.h>
#endif

enum { LANES = 64, BIAS = 128, AHEAD = 40 /* edges, that memory is asked for meanwhile */ };

struct qd_large_loop {
    const qd_large_code *c;
    int16_t *app;    /* [cols][z + LANES] */
    uint8_t *msg;    /* [rows][z / LANES][edges of the row][LANES] */
    uint64_t *twice; /* [cols][2 words + 1]: bits of a column, twice in a row */
    uint64_t *sum;   /* [rows][words] */
    uint64_t *sign;  /* [rows][words]: the syndrome in the order of the bytes */
    uint8_t *row;    /* [degree_max][LANES]: classes of the v of a row, signs above them */
    uint32_t *place; /* as msg, without the lanes: where they begin in app; AHEAD more behind the end */
};

static void *lines_of(size_t bytes) {
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void fill_places(const qd_large_code *c, uint32_t *p) {
    for (uint32_t i = 0; i < c->rows; i++)
        for (uint32_t r = 0; r < c->z; r += LANES)
            for (uint32_t e = c->row_start[i]; e < c->row_start[i + 1]; e++)
                *p++ = c->edge[e].col * (c->z + LANES) + (r + c->edge[e].shift) % c->z;
}

qd_large_loop *qd_large_loop_create(const qd_large_code *c) {
    qd_large_loop *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->c = c;
    l->app = lines_of((size_t)c->cols * (c->z + LANES) * sizeof *l->app);
    l->msg = lines_of((size_t)c->edges * c->z);
    l->twice = calloc((size_t)c->cols * (2 * c->words + 1), sizeof *l->twice);
    l->sum = lines_of((size_t)c->rows * c->words * sizeof *l->sum);
    l->sign = lines_of((size_t)c->rows * c->words * sizeof *l->sign);
    l->row = lines_of((size_t)c->degree_max * LANES);
    l->place = calloc((size_t)c->edges * c->words + AHEAD, sizeof *l->place);
    if (l->app && l->msg && l->twice && l->sum && l->sign && l->row && l->place) {
        fill_places(c, l->place);
        return l;
    }
    qd_large_loop_destroy(l);
    return NULL;
}

void qd_large_loop_destroy(qd_large_loop *l) {
    if (!l) return;
    free(l->app);
    free(l->msg);
    free(l->twice);
    free(l->sum);
    free(l->sign);
    free(l->row);
    free(l->place);
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

#ifdef __AVX512VBMI__

bool qd_large_loop_fast(void) {
    return true;
}

typedef struct pair {
    __m512i a, b; /* of 32 rows each */
} pair;

typedef struct tables {
    __m512i phi[2], inverse[3][2]; /* phi: low and high bytes */
} tables;

static inline pair widen(__m512i low, __m512i high) {
    return (pair){_mm512_unpacklo_epi8(low, high), _mm512_unpackhi_epi8(low, high)};
}

static inline pair phi_of(const tables *t, __m512i class) {
    return widen(_mm512_permutexvar_epi8(class, t->phi[0]), _mm512_permutexvar_epi8(class, t->phi[1]));
}

static inline __m512i inverse(const tables *t, pair s) {
    const __m512i top = _mm512_set1_epi16(32767), end = _mm512_set1_epi8((char)QD_LARGE_SUMS);
    s = (pair){_mm512_min_epu16(s.a, top), _mm512_min_epu16(s.b, top)};
    __m512i by1 = _mm512_packus_epi16(s.a, s.b), by16 = _mm512_packus_epi16(_mm512_srli_epi16(s.a, 4), _mm512_srli_epi16(s.b, 4)),
            by256 = _mm512_packus_epi16(_mm512_srli_epi16(s.a, 8), _mm512_srli_epi16(s.b, 8));
    __m512i x = _mm512_permutex2var_epi8(t->inverse[2][0], by256, t->inverse[2][1]);
    x = _mm512_mask_mov_epi8(x, _mm512_cmplt_epu8_mask(by16, end),
                             _mm512_permutex2var_epi8(t->inverse[1][0], by16, t->inverse[1][1]));
    return _mm512_mask_mov_epi8(x, _mm512_cmplt_epu8_mask(by1, end),
                                _mm512_permutex2var_epi8(t->inverse[0][0], by1, t->inverse[0][1]));
}

static inline __m512i class_of(__m512i v) {
    __m512i half = _mm512_avg_epu8(_mm512_abs_epi8(v), _mm512_setzero_si512()); /* rounded up */
    return _mm512_min_epu8(half, _mm512_set1_epi8(QD_LARGE_CLASSES - 1));
}

/* The v of one edge, before they are narrowed. */
static inline pair less(const int16_t *app, __m512i message) {
    pair m = widen(message, _mm512_setzero_si512());
    return (pair){_mm512_sub_epi16(_mm512_loadu_si512(app), m.a), _mm512_sub_epi16(_mm512_loadu_si512(app + LANES / 2), m.b)};
}

/* The three magnitudes that leave a row. */
static inline void sizes(const tables *t, uint32_t degree, pair sum, const __m512i k[3], __m512i out[3]) {
    const __m512i mean = _mm512_set1_epi16((short)(65536 / degree)); /* of no second class two is anything: then no edge asks */
    pair one = phi_of(t, k[0]), two = phi_of(t, k[1]),
         less_one = {_mm512_sub_epi16(sum.a, one.a), _mm512_sub_epi16(sum.b, one.b)};
    pair rest = {_mm512_subs_epu16(less_one.a, two.a), _mm512_subs_epu16(less_one.b, two.b)},
         others = {_mm512_sub_epi16(sum.a, _mm512_mulhi_epu16(rest.a, mean)),
                   _mm512_sub_epi16(sum.b, _mm512_mulhi_epu16(rest.b, mean))},
         less_two = {_mm512_sub_epi16(sum.a, two.a), _mm512_sub_epi16(sum.b, two.b)};
    __m512i cap = _mm512_add_epi8(k[0], k[0]);
    out[0] = _mm512_min_epu8(_mm512_add_epi8(k[2], k[2]), inverse(t, less_one));
    out[1] = _mm512_min_epu8(cap, inverse(t, less_two));
    out[2] = _mm512_min_epu8(cap, inverse(t, others));
}

/* 64 rows of block row i from r on; how many were odd. */
static uint32_t rows(qd_large_loop *l, const tables *t, uint32_t i, uint32_t r) {
    const qd_large_code *c = l->c;
    const uint32_t first = c->row_start[i], degree = c->row_start[i + 1] - first;
    const uint32_t *at = l->place + (size_t)first * c->words + (size_t)(r / LANES) * degree;
    uint8_t *msg = l->msg + (size_t)first * c->z + (size_t)r * degree;
    const __m512i zero = _mm512_setzero_si512(), none = _mm512_set1_epi8(QD_LARGE_CLASSES), bias = _mm512_set1_epi8((char)BIAS);
    const __m512i signs = _mm512_set1_epi16((short)0xff01); /* 1 and -1 in turn */
    __m512i k[3] = {none, none, none}, sign = _mm512_movm_epi8(l->sign[(size_t)i * c->words + r / 64]), size[3];
    pair sum = {zero, zero};
#pragma GCC unroll 2
    for (uint32_t e = 0; e < degree; e++) {
        const int16_t *soon = l->app + at[e + AHEAD];
        _mm_prefetch((const char *)soon, _MM_HINT_T0);
        _mm_prefetch((const char *)(soon + LANES / 2), _MM_HINT_T0);
        _mm_prefetch((const char *)(msg + (size_t)(e + AHEAD) * LANES), _MM_HINT_T0);
        pair v = less(l->app + at[e], _mm512_load_si512(msg + (size_t)e * LANES));
        __m512i narrow = _mm512_packs_epi16(v.a, v.b), class = class_of(narrow);
        __m512i lo = _mm512_min_epu8(k[0], class), hi = _mm512_max_epu8(k[0], class);
        pair phi = phi_of(t, class);
        _mm512_store_si512(l->row + (size_t)e * LANES, _mm512_or_si512(_mm512_and_si512(narrow, bias), class));
        sum = (pair){_mm512_adds_epu16(sum.a, phi.a), _mm512_adds_epu16(sum.b, phi.b)};
        sign = _mm512_xor_si512(sign, narrow);
        k[1] = _mm512_mask_min_epu8(k[1], _mm512_cmpneq_epi8_mask(lo, hi), k[1], hi);
        k[2] = _mm512_min_epu8(k[2], hi);
        k[0] = lo;
    }
    sizes(t, degree, sum, k, size);
    for (int x = 0; x < 3; x++) size[x] = _mm512_add_epi8(size[x], bias);
#pragma GCC unroll 2
    for (uint32_t e = 0; e < degree; e++) {
        int16_t *app = l->app + at[e];
        __m512i old = _mm512_load_si512(msg + (size_t)e * LANES), x = _mm512_load_si512(l->row + (size_t)e * LANES),
                class = _mm512_and_si512(x, _mm512_set1_epi8(127));
        __m512i m = _mm512_mask_mov_epi8(size[2], _mm512_cmpeq_epi8_mask(class, k[1]), size[1]);
        m = _mm512_mask_mov_epi8(m, _mm512_cmpeq_epi8_mask(class, k[0]), size[0]);
        m = _mm512_mask_sub_epi8(m, _mm512_movepi8_mask(_mm512_xor_si512(x, sign)), zero, m); /* 256 - (128 + m) is 128 - m */
        pair both = widen(m, old);
        _mm512_store_si512(msg + (size_t)e * LANES, m);
        _mm512_storeu_si512(app, _mm512_add_epi16(_mm512_loadu_si512(app), _mm512_maddubs_epi16(both.a, signs)));
        app += LANES / 2;
        _mm512_storeu_si512(app, _mm512_add_epi16(_mm512_loadu_si512(app), _mm512_maddubs_epi16(both.b, signs)));
    }
    return (uint32_t)__builtin_popcountll(_mm512_movepi8_mask(sign));
}

/* After a block row the first shift % LANES of a column stand behind its end, the others of the first LANES at its beginning. */
static void wrap(qd_large_loop *l, const qd_large_edge *edge) {
    int16_t *begin = l->app + (size_t)edge->col * (l->c->z + LANES), *end = begin + l->c->z;
    uint64_t behind = (1ull << edge->shift % LANES) - 1;
    for (int half = 0; half < LANES; half += LANES / 2) {
        __m512i x =
            _mm512_mask_mov_epi16(_mm512_loadu_si512(begin + half), (__mmask32)(behind >> half), _mm512_loadu_si512(end + half));
        _mm512_storeu_si512(begin + half, x);
        _mm512_storeu_si512(end + half, x);
    }
}

static uint32_t block_row(qd_large_loop *l, const tables *t, uint32_t i) {
    const qd_large_code *c = l->c;
    uint32_t odd = 0;
    for (uint32_t r = 0; r < c->z; r += LANES) odd += rows(l, t, i, r);
    for (uint32_t e = c->row_start[i]; e < c->row_start[i + 1]; e++) wrap(l, &c->edge[e]);
    return odd;
}

static void load(qd_large_loop *l, const uint64_t *frame, int llr) {
    const qd_large_code *c = l->c;
    const __m512i plus = _mm512_set1_epi16((short)(BIAS + llr)), minus = _mm512_set1_epi16((short)(BIAS - llr));
    for (uint32_t j = 0; j < c->cols - c->hidden; j++) {
        int16_t *column = l->app + (size_t)j * (c->z + LANES);
        for (uint32_t p = 0; p < c->z; p += LANES / 2) {
            __mmask32 bits = (__mmask32)(frame[(size_t)j * c->words + p / 64] >> (p % 64));
            _mm512_storeu_si512(column + p, _mm512_mask_blend_epi16(bits, plus, minus));
        }
        memcpy(column + c->z, column, LANES * sizeof *column);
    }
    for (uint32_t j = c->cols - c->hidden, i = 0; j < c->cols; j++) {
        int16_t *column = l->app + (size_t)j * (c->z + LANES);
        for (uint32_t p = 0; p < c->z; p++, i++) column[p] = (int16_t)(i < c->unknown ? BIAS : BIAS + QD_LARGE_KNOWN);
        memcpy(column + c->z, column, LANES * sizeof *column);
    }
}

/* Toward 0. */
static inline __m512i half_of(__m512i m) {
    m = _mm512_sub_epi16(m, _mm512_set1_epi16(BIAS));
    return _mm512_srai_epi16(_mm512_add_epi16(m, _mm512_srli_epi16(m, 15)), 1);
}

static void halve(qd_large_loop *l, const uint64_t *frame, int llr) {
    const qd_large_code *c = l->c;
    load(l, frame, llr);
    const uint32_t *at = l->place;
    for (uint32_t i = 0; i < c->rows; i++) {
        uint32_t first = c->row_start[i], degree = c->row_start[i + 1] - first;
        uint8_t *msg = l->msg + (size_t)first * c->z;
        for (uint32_t r = 0; r < c->z; r += LANES)
            for (uint32_t e = 0; e < degree; e++, msg += LANES) {
                int16_t *app = l->app + *at++;
                pair m = widen(_mm512_load_si512(msg), _mm512_setzero_si512());
                m = (pair){half_of(m.a), half_of(m.b)};
                _mm512_store_si512(msg, _mm512_add_epi8(_mm512_packs_epi16(m.a, m.b), _mm512_set1_epi8((char)BIAS)));
                _mm512_storeu_si512(app, _mm512_add_epi16(m.a, _mm512_loadu_si512(app)));
                _mm512_storeu_si512(app + LANES / 2, _mm512_add_epi16(m.b, _mm512_loadu_si512(app + LANES / 2)));
            }
        for (uint32_t e = 0; e < degree; e++) wrap(l, &c->edge[first + e]);
    }
}

static void decide(qd_large_loop *l, uint64_t *bits) {
    const qd_large_code *c = l->c;
    const __m512i zero = _mm512_set1_epi16(BIAS);
    for (uint32_t j = 0; j < c->cols; j++)
        for (uint32_t p = 0; p < c->z; p += 64) {
            const int16_t *a = l->app + (size_t)j * (c->z + LANES) + p;
            bits[(size_t)j * c->words + p / 64] = (uint64_t)_mm512_cmplt_epi16_mask(_mm512_loadu_si512(a), zero) |
                                                  (uint64_t)_mm512_cmplt_epi16_mask(_mm512_loadu_si512(a + 32), zero) << 32;
        }
}

static tables tables_of(const qd_large_rule *rule, int halved) {
    tables t;
    uint8_t byte[2][QD_LARGE_CLASSES];
    for (int k = 0; k < QD_LARGE_CLASSES; k++) {
        byte[0][k] = (uint8_t)rule->phi[halved][k];
        byte[1][k] = (uint8_t)(rule->phi[halved][k] >> 8);
    }
    for (int i = 0; i < 2; i++) t.phi[i] = _mm512_loadu_si512(byte[i]);
    for (int w = 0; w < 3; w++)
        for (int i = 0; i < 2; i++) t.inverse[w][i] = _mm512_loadu_si512(rule->inverse[halved][w] + (ptrdiff_t)i * 64);
    return t;
}

/* Bytes of a pair when narrowed: eight of a, eight of b, and so on. */
static uint64_t narrowed(uint64_t w) {
    uint64_t out = 0;
    for (int i = 0; i < 4; i++) out |= (w >> 8 * i & 0xff) << 16 * i | (w >> (32 + 8 * i) & 0xff) << (16 * i + 8);
    return out;
}

qd_status qd_large_loop_decode(qd_large_loop *l, const qd_large_rule *rule, const uint64_t *frame, const uint64_t *syndrome,
                               uint64_t *bits, uint32_t *iterations, qd_error *err) {
    const qd_large_code *c = l->c;
    tables t = tables_of(rule, 0);
    int halved = 0;
    (void)err;
    load(l, frame, (int)rule->c);
    memset(l->msg, BIAS, (size_t)c->edges * c->z);
    for (size_t w = 0; w < (size_t)c->rows * c->words; w++) l->sign[w] = narrowed(syndrome[w]);
    uint32_t mark = UINT32_MAX, since = 0, last = 0;
    *iterations = QD_LARGE_FAILED;
    for (uint32_t n = 1; !last && !qd_large_solved(*iterations); n++) {
        uint32_t odd = 0;
        for (uint32_t i = 0; i < c->rows; i++) odd += block_row(l, &t, i);
        if (odd < mark - mark / QD_LARGE_LESS) mark = odd, since = n;
        const int few = odd <= rule->halve;
        last = n == rule->max_iterations || (rule->patience && n - since == rule->patience);
        *iterations = QD_LARGE_FAILED | n;
        if (!few && !last && n % QD_LARGE_LOOK) continue;
        decide(l, bits);
        qd_large_loop_syndrome(l, bits, l->sum);
        if (memcmp(l->sum, syndrome, (size_t)c->rows * c->words * sizeof *syndrome) == 0) {
            *iterations = n;
        } else if (few && !halved && !last) {
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
