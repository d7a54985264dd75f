/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `ldpc`: a frame a thread at a time, the lifted rows of a block row side by side in byte vectors, columns
 * rotated instead of
 * wrapped, degrees known to the compiler. AVX2 or AVX-512 where the compiler may use them, else 16 lanes that it vectorises
 * itself. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "loops.h"
#include "reconcile/cases.h"
#if defined(__AVX2__) || defined(__AVX512BW__)
#include <immintrin.h>
#endif

#if defined(__AVX512BW__)
enum { L = 64 };
typedef __m512i vec;
static inline vec set1(int x) {
    return _mm512_set1_epi8((char)x);
}
static inline vec load(const void *p) {
    return _mm512_loadu_si512(p);
}
static inline void store(void *p, vec v) {
    _mm512_storeu_si512(p, v);
}
static inline vec add_s(vec a, vec b) {
    return _mm512_adds_epi8(a, b);
}
static inline vec sub_s(vec a, vec b) {
    return _mm512_subs_epi8(a, b);
}
static inline vec sub_u(vec a, vec b) {
    return _mm512_subs_epu8(a, b);
}
static inline vec least(vec a, vec b) {
    return _mm512_min_epu8(a, b);
}
static inline vec most(vec a, vec b) {
    return _mm512_max_epu8(a, b);
}
static inline vec size_of(vec a) {
    return _mm512_abs_epi8(a);
}
static inline vec exor(vec a, vec b) {
    return _mm512_xor_si512(a, b);
}
static inline vec both(vec a, vec b) {
    return _mm512_and_si512(a, b);
}
static inline vec equal_or(vec a, vec b, vec yes, vec no) {
    return _mm512_mask_blend_epi8(_mm512_cmpeq_epi8_mask(a, b), no, yes);
}
static inline vec with_sign(vec x, vec sign) {
    return _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(sign), _mm512_setzero_si512(), x);
}
static inline int any_sign(vec a) {
    return _mm512_movepi8_mask(a) != 0;
}
static inline vec minus(vec a, vec b) {
    return _mm512_sub_epi8(a, b);
}
static inline vec look_up(vec table, vec at) {
    return _mm512_shuffle_epi8(table, at);
}
#elif defined(__AVX2__)
enum { L = 32 };
typedef __m256i vec;
static inline vec set1(int x) {
    return _mm256_set1_epi8((char)x);
}
static inline vec load(const void *p) {
    return _mm256_loadu_si256(p);
}
static inline void store(void *p, vec v) {
    _mm256_storeu_si256(p, v);
}
static inline vec add_s(vec a, vec b) {
    return _mm256_adds_epi8(a, b);
}
static inline vec sub_s(vec a, vec b) {
    return _mm256_subs_epi8(a, b);
}
static inline vec sub_u(vec a, vec b) {
    return _mm256_subs_epu8(a, b);
}
static inline vec least(vec a, vec b) {
    return _mm256_min_epu8(a, b);
}
static inline vec most(vec a, vec b) {
    return _mm256_max_epu8(a, b);
}
static inline vec size_of(vec a) {
    return _mm256_abs_epi8(a);
}
static inline vec exor(vec a, vec b) {
    return _mm256_xor_si256(a, b);
}
static inline vec both(vec a, vec b) {
    return _mm256_and_si256(a, b);
}
static inline vec equal_or(vec a, vec b, vec yes, vec no) {
    return _mm256_blendv_epi8(no, yes, _mm256_cmpeq_epi8(a, b));
}
static inline vec with_sign(vec x, vec sign) {
    return _mm256_sign_epi8(x, _mm256_or_si256(sign, _mm256_set1_epi8(1)));
}
static inline int any_sign(vec a) {
    return _mm256_movemask_epi8(a) != 0;
}
static inline vec minus(vec a, vec b) {
    return _mm256_sub_epi8(a, b);
}
static inline vec look_up(vec table, vec at) {
    return _mm256_shuffle_epi8(table, at);
}
#else
enum { L = 16 };
typedef struct {
    int8_t b[L];
} vec;
#define LANES(expression)                                      \
    vec r;                                                     \
    for (int i = 0; i < L; i++) r.b[i] = (int8_t)(expression); \
    return r
static inline int sat(int x) {
    return x > 127 ? 127 : x < -128 ? -128 : x;
}
static inline int u(int8_t x) {
    return (uint8_t)x;
}
static inline vec set1(int x) {
    LANES(x);
}
static inline vec load(const void *p) {
    vec r;
    memcpy(&r, p, sizeof r);
    return r;
}
static inline void store(void *p, vec v) {
    memcpy(p, &v, sizeof v);
}
static inline vec add_s(vec a, vec b) {
    LANES(sat(a.b[i] + b.b[i]));
}
static inline vec sub_s(vec a, vec b) {
    LANES(sat(a.b[i] - b.b[i]));
}
static inline vec sub_u(vec a, vec b) {
    LANES(u(a.b[i]) > u(b.b[i]) ? u(a.b[i]) - u(b.b[i]) : 0);
}
static inline vec least(vec a, vec b) {
    LANES(u(a.b[i]) < u(b.b[i]) ? a.b[i] : b.b[i]);
}
static inline vec most(vec a, vec b) {
    LANES(u(a.b[i]) > u(b.b[i]) ? a.b[i] : b.b[i]);
}
static inline vec size_of(vec a) {
    LANES(a.b[i] < 0 ? -a.b[i] : a.b[i]);
}
static inline vec exor(vec a, vec b) {
    LANES(a.b[i] ^ b.b[i]);
}
static inline vec both(vec a, vec b) {
    LANES(a.b[i] & b.b[i]);
}
static inline vec equal_or(vec a, vec b, vec yes, vec no) {
    LANES(a.b[i] == b.b[i] ? yes.b[i] : no.b[i]);
}
static inline vec with_sign(vec x, vec sign) {
    LANES(sign.b[i] < 0 ? -x.b[i] : x.b[i]);
}
static inline int any_sign(vec a) {
    int any = 0;
    for (int i = 0; i < L; i++) any |= a.b[i] < 0;
    return any;
}
static inline vec minus(vec a, vec b) {
    LANES(a.b[i] - b.b[i]);
}
static inline vec look_up(vec table, vec at) {
    LANES(at.b[i] < 0 ? 0 : table.b[at.b[i] & 15]);
}
#endif

enum { STRIDE = QD_Z_MAX + 64, CORE = QD_GRAPH_CORE_MAX, THREADS_MAX = 256 };

typedef struct edge {
    uint16_t col, relative, final; /* shifts relative to the column's former row, and to its last */
} edge;

typedef struct work {
    const qd_ldpc_case *s;
    edge edges[QD_GRAPH_EDGES_MAX];
    uint16_t last[QD_GRAPH_COLS_MAX]; /* shift of each column's last row */
    int core;
    uint64_t *bits;
    uint32_t *iterations;
    uint64_t next; /* frame, taken atomically */
} work;

typedef struct frame {
    int8_t app[(2 * CORE + QD_GRAPH_COLS_MAX - CORE) * STRIDE], msg[QD_GRAPH_EDGES_MAX * QD_Z_MAX],
        syn[QD_GRAPH_ROWS_MAX * QD_Z_MAX];
    uint8_t side[QD_GRAPH_COLS_MAX];
    const work *w;
    int z, pitch; /* pitch: bytes from an edge's messages to the next's */
} frame;

static void make_tables(work *w) {
    const qd_code *c = &w->s->code;
    uint16_t former[QD_GRAPH_COLS_MAX];
    for (uint32_t e = 0; e < c->edges; e++) w->last[c->graph->edges[e].col] = (uint16_t)qd_code_shift(c, &c->graph->edges[e]);
    memcpy(former, w->last, sizeof former);
    for (uint32_t e = 0; e < c->edges; e++) {
        uint32_t j = c->graph->edges[e].col, shift = qd_code_shift(c, &c->graph->edges[e]);
        w->edges[e] =
            (edge){(uint16_t)j, (uint16_t)((shift + c->z - former[j]) % c->z), (uint16_t)((shift + c->z - w->last[j]) % c->z)};
        former[j] = (uint16_t)shift;
    }
    w->core = (int)c->graph->kb + QD_CORE_ROWS;
}

static int8_t *home(frame *f, int col) {
    return f->app + (col < f->w->core ? 2 * col + f->side[col] : f->w->core + col) * STRIDE;
}

static void wrap(int8_t *column, int z) {
    if (z >= L)
        store(column + z, load(column));
    else
        for (int i = 0; i < L; i++) column[z + i] = column[i];
}

static vec lanes_below(int k, int n) {
    int8_t b[L];
    for (int i = 0; i < L; i++) b[i] = k + i < n ? -1 : 0;
    return load(b);
}

/* What BOX takes off, by the difference: as in host/reconcile/ldpc.h. */
static vec make_box(unsigned a) {
    int8_t t[L];
    const int two = a < 8 ? 1 : 2, one = a < 8 ? (int)a : (int)a - 3;
    for (int i = 0; i < L; i++) t[i] = (int8_t)(i % 16 < two ? 2 : i % 16 < one);
    return load(t);
}

static inline vec box(vec x, vec y, vec table) {
    vec lo = least(x, y);
    return sub_u(lo, look_up(table, minus(most(x, y), minus(lo, set1(112)))));
}

static inline __attribute__((always_inline)) void row(frame *f, int degree, const edge *edges, int8_t *msg, const int8_t *syn,
                                                      int n) {
    const int z = f->z, pitch = f->pitch;
    const int8_t *from[QD_DEGREE_MAX];
    int8_t *to[QD_DEGREE_MAX];
    const vec table = make_box(f->w->s->rule.a);
    for (int e = 0; e < degree; e++) {
        from[e] = home(f, edges[e].col);
        f->side[edges[e].col] ^= 1;
        to[e] = home(f, edges[e].col);
    }
    for (int k = 0; k < z; k += L) {
        vec v[QD_DEGREE_MAX], x[QD_DEGREE_MAX], sign = load(syn + k), m[2], l[2], clip = set1(QD_LDPC_CLIP);
        if (k + L > n) clip = both(clip, lanes_below(k, n));
#pragma GCC unroll 30
        for (int e = 0; e < degree; e++) {
            int at = k + edges[e].relative;
            at -= at >= z ? z : 0;
            v[e] = sub_s(load(from[e] + at), load(msg + e * pitch + k));
            x[e] = size_of(v[e]);
            sign = exor(sign, v[e]);
            if (e < 2) {
                m[e] = x[e];
                continue;
            }
            vec larger = most(m[e % 2], x[e]);
            l[e % 2] = e < 4 ? larger : box(l[e % 2], larger, table);
            m[e % 2] = least(m[e % 2], x[e]);
        }
        vec smallest = least(m[0], m[1]), others = box(degree < 4 ? l[0] : box(l[0], l[1], table), most(m[0], m[1]), table), all;
        others = least(others, clip);
        all = with_sign(box(others, smallest, table), sign);
        others = with_sign(others, sign);
#pragma GCC unroll 30
        for (int e = 0; e < degree; e++) {
            vec y = with_sign(equal_or(x[e], smallest, others, all), v[e]);
            store(msg + e * pitch + k, y);
            store(to[e] + k, add_s(v[e], y));
        }
    }
    for (int e = 0; e < degree; e++) wrap(to[e], z);
}

#ifdef __SANITIZE_ADDRESS__
/* Not unrolled: with sanitizers, 28 unrolled loops take the compiler four minutes. */
static void block_row(frame *f, int degree, const edge *edges, int8_t *msg, const int8_t *syn, int n) {
    row(f, degree, edges, msg, syn, n);
}
#else
#define ROW(D)                         \
    case D:                            \
        row(f, D, edges, msg, syn, n); \
        return
static void block_row(frame *f, int degree, const edge *edges, int8_t *msg, const int8_t *syn, int n) {
    switch (degree) {
        ROW(3);
        ROW(4);
        ROW(5);
        ROW(6);
        ROW(7);
        ROW(8);
        ROW(9);
        ROW(10);
        ROW(11);
        ROW(12);
        ROW(13);
        ROW(14);
        ROW(15);
        ROW(16);
        ROW(17);
        ROW(18);
        ROW(19);
        ROW(20);
        ROW(21);
        ROW(22);
        ROW(23);
        ROW(24);
        ROW(25);
        ROW(26);
        ROW(27);
        ROW(28);
        ROW(29);
        ROW(30);
        default:
            break; /* no other degree in the graph */
    }
}
#endif

static int matches(frame *f, const qd_code *c) {
    for (uint32_t i = 0; i < c->rows; i++) {
        int n = (int)qd_code_row_bits(c, i);
        for (int k = 0; k < n; k += L) {
            vec sum = load(f->syn + i * QD_Z_MAX + k);
            for (uint32_t e = c->graph->row_start[i]; e < c->graph->row_start[i + 1]; e++) {
                int at = k + f->w->edges[e].final;
                sum = exor(sum, load(home(f, f->w->edges[e].col) + (at >= f->z ? at - f->z : at)));
            }
            if (k + L > n) sum = both(sum, lanes_below(k, n));
            if (any_sign(sum)) return 0;
        }
    }
    return 1;
}

static void spread(uint64_t w, int8_t *out) {
    for (int i = 0; i < 8; i++) {
        uint64_t b = ((w >> (8 * i) & 0xff) * 0x0101010101010101) & 0x8040201008040201;
        b = (b + 0x7f7f7f7f7f7f7f7f) & 0x8080808080808080;
        memcpy(out + 8 * i, &b, 8);
    }
}

static uint64_t gather(const int8_t *in) {
    uint64_t w = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t b;
        memcpy(&b, in + 8 * i, 8);
        w |= (b >> 7 & 0x0101010101010101) * 0x0102040810204080 >> 56 << (8 * i);
    }
    return w;
}

static void begin(frame *f, const qd_code *c, const uint64_t *bits, const uint64_t *syndrome) {
    int8_t tmp[QD_Z_MAX + 128], llr[QD_Z_MAX + 128];
    memset(f->side, 0, sizeof f->side);
    memset(f->msg, 0, c->edges * (size_t)f->pitch);
    for (uint32_t j = 0; j < c->cols; j++) {
        int8_t *app = home(f, (int)j);
        const int known = (int)f->w->s->rule.known;
        const int row = ((int)j - f->w->core + 4) * f->z; /* the lifted row whose bit is the column's first */
        for (int p = 0; p < f->z + L; p++) llr[p] = (int8_t)(known && (int)j >= f->w->core && row + p >= known ? 127 : f->w->s->rule.c);
        int n = j < c->graph->punctured ? 0 : (int)qd_code_col_bits(c, j);
        for (uint32_t w = 0; w < c->words; w++) spread(bits[j * c->words + w], tmp + 64 * w);
        wrap(tmp, f->z);
        for (int k = 0; k < f->z; k += L) {
            int at = k + f->w->last[j];
            vec x = with_sign(load(llr + k), load(tmp + (at >= f->z ? at - f->z : at)));
            if (k + L > n) x = both(x, lanes_below(k, n));
            store(app + k, x);
        }
        wrap(app, f->z);
    }
    for (uint32_t i = 0; i < c->rows; i++)
        for (uint32_t w = 0; w < c->words; w++) spread(syndrome[i * c->words + w], f->syn + i * QD_Z_MAX + 64 * w);
}

static void finish(frame *f, const qd_code *c, uint64_t *bits) {
    int8_t tmp[QD_Z_MAX + 128];
    for (uint32_t j = 0; j < c->cols; j++) {
        int n = (int)qd_code_col_bits(c, j);
        for (int k = 0; k < f->z; k += L) {
            int at = k + f->z - f->w->last[j];
            vec x = load(home(f, (int)j) + (at >= f->z ? at - f->z : at));
            store(tmp + k, k + L > n ? both(x, lanes_below(k, n)) : x);
        }
        for (uint32_t w = 0; w < c->words; w++) {
            int left = f->z - 64 * (int)w;
            bits[j * c->words + w] = gather(tmp + 64 * w) & (left < 64 ? ((uint64_t)1 << left) - 1 : UINT64_MAX);
        }
    }
}

static void *thread(void *arg) {
    work *w = arg;
    const qd_code *c = &w->s->code;
    frame *f = aligned_alloc(64, (sizeof *f + 63) / 64 * 64);
    if (!f) return NULL;
    f->w = w;
    f->z = (int)c->z;
    f->pitch = 64 * (int)c->words;
    for (uint64_t i; (i = __atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED)) < w->s->n;) {
        begin(f, c, w->s->frames + i * qd_frame_words(c), w->s->syndromes + i * qd_syndrome_words(c));
        uint32_t used = 0;
        for (uint32_t t = 1; t <= w->s->rule.max_iterations && !used; t++) {
            for (uint32_t r = 0; r < c->rows; r++) {
                uint32_t first = c->graph->row_start[r];
                block_row(f, c->graph->row_start[r + 1] - (int)first, w->edges + first, f->msg + first * (unsigned)f->pitch,
                          f->syn + r * QD_Z_MAX, (int)qd_code_row_bits(c, r));
            }
            if (matches(f, c)) used = t;
        }
        finish(f, c, w->bits + i * qd_frame_words(c));
        w->iterations[i] = used;
    }
    free(f);
    return w;
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_ldpc_case *s = state;
    work w = {.s = s, .bits = out, .iterations = (uint32_t *)(void *)((char *)out + qd_ldpc_case_bits_bytes(s))};
    pthread_t id[THREADS_MAX];
    unsigned n = 0, ok = 0;
    make_tables(&w);
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    while (n + 1 < threads && pthread_create(&id[n], NULL, thread, &w) == 0) n++;
    ok += thread(&w) != NULL;
    for (unsigned i = 0; i < n; i++) {
        void *done;
        (void)pthread_join(id[i], &done);
        ok += done != NULL;
    }
    return ok ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the tuned loop of ldpc");
}

const qd_loop qd_loop_ldpc = {"ldpc", run};
