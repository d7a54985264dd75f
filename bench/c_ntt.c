/* SPDX-License-Identifier: Apache-2.0 */
#include "c_ntt.h"
#include <pthread.h>
#include <stdlib.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define P 2013265921u
enum { TAIL_LOG2 = 3, TAIL = 1 << TAIL_LOG2, THREADS_MAX = 64, SHORT_LOG2 = 12 };

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

typedef struct job {
    void (*work)(void *, unsigned);
    void *context;
    unsigned share;
} job;

static void *start(void *p) {
    job *j = p;
    j->work(j->context, j->share);
    return NULL;
}

void qd_c_parallel(unsigned shares, void (*work)(void *context, unsigned share), void *context) {
    pthread_t id[THREADS_MAX];
    job jobs[THREADS_MAX];
    unsigned started = 1;
    for (; started < shares && started < THREADS_MAX; started++) {
        jobs[started] = (job){work, context, started};
        if (pthread_create(&id[started], NULL, start, &jobs[started]) != 0) break;
    }
    work(context, 0);
    for (unsigned s = started; s < shares; s++) work(context, s);
    for (unsigned s = 1; s < started; s++) (void)pthread_join(id[s], NULL);
}

/* ---- Arithmetic -------------------------------------------------------------------------------------------------- */

static inline uint32_t reduce(uint32_t x) { return x < x - P ? x : x - P; }
static uint32_t slow_mul(uint32_t a, uint32_t b) { return (uint32_t)((uint64_t)a * b % P); }
static uint32_t slow_pow(uint32_t a, uint64_t e) {
    uint32_t r = 1;
    for (; e; e >>= 1, a = slow_mul(a, a))
        if (e & 1) r = slow_mul(r, a);
    return r;
}

/* Eight residues. Without AVX the compiler makes do with narrower registers; functions that take vectors are all of this file. */
#pragma GCC diagnostic ignored "-Wpsabi"
typedef uint32_t v8 __attribute__((vector_size(32)));
typedef uint64_t v4 __attribute__((vector_size(32)));

#ifdef __AVX2__
static inline v8 vreduce(v8 x) { return (v8)_mm256_min_epu32((__m256i)x, (__m256i)(x - P)); }
/* Low halves of the 64-bit lanes, multiplied. */
static inline v4 vwide(v4 a, v4 b) { return (v4)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
/* The high words of products of even and of odd lanes. */
static inline v8 vhigh(v4 even, v4 odd) { return (v8)_mm256_blend_epi32((__m256i)(even >> 32), (__m256i)odd, 0xaa); }
#else
static inline v8 vreduce(v8 x) {
    v8 y = x - P, less = (v8)(x < y);
    return (x & less) | (y & ~less);
}
static inline v4 vwide(v4 a, v4 b) { return (a & 0xffffffffu) * (b & 0xffffffffu); }
static inline v8 vhigh(v4 even, v4 odd) { return (v8)(even >> 32 | (odd & 0xffffffff00000000u)); }
#endif

static inline v8 vmul(v8 a, uint32_t w, uint32_t companion) {
    v4 q = (v4){0} + companion;
    return vreduce(a * w - vhigh(vwide((v4)a, q), vwide((v4)a >> 32, q)) * P);
}

/* Two layers on four rows of h columns, eight at a time. */
static inline void forward4(v8 *a, v8 *b, v8 *c, v8 *d, size_t h, const uint32_t *w, const uint32_t *q, size_t block) {
    uint32_t s = w[block], sq = q[block], s0 = w[2 * block], s0q = q[2 * block], s1 = w[2 * block + 1], s1q = q[2 * block + 1];
    for (size_t i = 0; i < h / 8; i++) {
        v8 tc = vmul(c[i], s, sq), td = vmul(d[i], s, sq), xa = vreduce(a[i]), xb = vreduce(b[i]);
        v8 ya = vreduce(xa + tc), yc = vreduce(xa - tc + P), yb = vmul(xb + td, s0, s0q), yd = vmul(xb - td + P, s1, s1q);
        a[i] = ya + yb, b[i] = ya - yb + P, c[i] = yc + yd, d[i] = yc - yd + P;
    }
}
static inline void inverse4(v8 *a, v8 *b, v8 *c, v8 *d, size_t h, const uint32_t *w, const uint32_t *q, size_t block) {
    uint32_t s = w[block], sq = q[block], s0 = w[2 * block], s0q = q[2 * block], s1 = w[2 * block + 1], s1q = q[2 * block + 1];
    for (size_t i = 0; i < h / 8; i++) {
        v8 ya = vreduce(a[i] + b[i]), yb = vmul(a[i] - b[i] + P, s0, s0q);
        v8 yc = vreduce(c[i] + d[i]), yd = vmul(c[i] - d[i] + P, s1, s1q);
        a[i] = vreduce(ya + yc), b[i] = vreduce(yb + yd);
        c[i] = vmul(ya - yc + P, s, sq), d[i] = vmul(yb - yd + P, s, sq);
    }
}
static void forward2(v8 *a, v8 *b, size_t h, uint32_t w, uint32_t q) {
    for (size_t i = 0; i < h / 8; i++) {
        v8 x = vreduce(a[i]), t = vmul(b[i], w, q);
        a[i] = x + t, b[i] = x - t + P;
    }
}
static void inverse2(v8 *a, v8 *b, size_t h, uint32_t w, uint32_t q) {
    for (size_t i = 0; i < h / 8; i++) {
        v8 x = a[i], y = b[i];
        a[i] = vreduce(x + y), b[i] = vmul(x - y + P, w, q);
    }
}

/* ---- Blocks, depth first ----------------------------------------------------------------------------------------- */

static void sweep(const qd_c_ntt *t, int inverse, uint32_t *x, unsigned log2len, size_t block) {
    size_t h = ((size_t)1 << log2len) / 4;
    const uint32_t *w = t->tw[inverse], *q = t->companion[inverse];
    v8 *a = (v8 *)x, *b = (v8 *)(x + h), *c = (v8 *)(x + 2 * h), *d = (v8 *)(x + 3 * h);
    if (inverse) inverse4(a, b, c, d, h, w, q, block);
    else forward4(a, b, c, d, h, w, q, block);
}

/* All blocks of 32 in x: a constant count lets the compiler drop the loop. */
static void sweep32(const qd_c_ntt *t, int inverse, uint32_t *x, size_t count, size_t block) {
    const uint32_t *w = t->tw[inverse], *q = t->companion[inverse];
    v8 *v = (v8 *)x;
    for (size_t k = 0; k < count; k++, v += 4) {
        if (inverse) inverse4(v, v + 1, v + 2, v + 3, 8, w, q, block + k);
        else forward4(v, v + 1, v + 2, v + 3, 8, w, q, block + k);
    }
}

/* Layers down to the tail of one block of 2^log2len <= 2^SHORT_LOG2 words. */
static void forward_short(const qd_c_ntt *t, uint32_t *x, unsigned log2len, size_t block) {
    unsigned len = log2len;
    if ((log2len - TAIL_LOG2) % 2) {
        size_t h = ((size_t)1 << log2len) / 2;
        forward2((v8 *)x, (v8 *)(x + h), h, t->tw[0][block], t->companion[0][block]);
        len--, block *= 2;
    }
    for (; len > TAIL_LOG2; len -= 2, block *= 4) {
        size_t count = (size_t)1 << (log2len - len);
        if (len == TAIL_LOG2 + 2) sweep32(t, 0, x, count, block);
        else
            for (size_t k = 0; k < count; k++) sweep(t, 0, x + (k << len), len, block + k);
    }
}
static void inverse_short(const qd_c_ntt *t, uint32_t *x, unsigned log2len, size_t block) {
    unsigned len = TAIL_LOG2 + 2;
    for (; len <= log2len; len += 2) {
        size_t count = (size_t)1 << (log2len - len), first = block << (log2len - len);
        if (len == TAIL_LOG2 + 2) sweep32(t, 1, x, count, first);
        else
            for (size_t k = 0; k < count; k++) sweep(t, 1, x + (k << len), len, first + k);
    }
    if (len == log2len + 1) {
        size_t h = ((size_t)1 << log2len) / 2;
        inverse2((v8 *)x, (v8 *)(x + h), h, t->tw[1][block], t->companion[1][block]);
    }
}

static void forward_block(const qd_c_ntt *t, uint32_t *x, unsigned log2len, size_t block) {
    if (log2len <= SHORT_LOG2) {
        forward_short(t, x, log2len, block);
        return;
    }
    sweep(t, 0, x, log2len, block);
    for (size_t k = 0; k < 4; k++) forward_block(t, x + (k << (log2len - 2)), log2len - 2, 4 * block + k);
}
static void inverse_block(const qd_c_ntt *t, uint32_t *x, unsigned log2len, size_t block) {
    if (log2len <= SHORT_LOG2) {
        inverse_short(t, x, log2len, block);
        return;
    }
    for (size_t k = 0; k < 4; k++) inverse_block(t, x + (k << (log2len - 2)), log2len - 2, 4 * block + k);
    sweep(t, 1, x, log2len, block);
}

/* 2^32 = 2p + 2^28 - 2. */
static inline v4 vfold(v4 x) { return (x & 0xffffffffu) + vwide(x >> 32, (v4){0} + ((1u << 28) - 2)); }
/* x 2^-32 mod p, in the upper word. */
static inline v4 vmontgomery(v4 x) { return x + vwide(vwide(x, (v4){0} + (P - 2)), (v4){0} + P); }

/* Products of tails modulo z^8 - R: R is s for even blocks and -s for odd ones, s = tw[block / 2]. Column k collects a_i b_(k-i);
 * even and odd columns in vectors of their own. */
static void multiply_tails(const qd_c_ntt *t, uint32_t *x, const uint32_t *y, size_t from, size_t to) {
    for (size_t block = from; block < to; block++) {
        uint32_t s = t->tw[0][block / 2], sq = t->companion[0][block / 2], *a = x + block * TAIL;
        if (block % 2) s = P - s, sq = ~sq;
        v8 b = vmul(*(const v8 *)(y + block * TAIL), t->scale, t->scale_companion), wrapped = vmul(b, s, sq);
        v4 now = (v4)b & 0xffffffffu, before = (v4)b >> 32, first[2] = {{0}}, second[2] = {{0}};
        for (int i = 0; i < TAIL; i++) {
            v4 ai = (v4){0} + reduce(a[i]), *sum = i < 4 ? first : second;
            sum[0] += vwide(now, ai), sum[1] += vwide(before, ai);
            v4 next = __builtin_shufflevector(before, (v4){0} + wrapped[TAIL - 1 - i], 4, 0, 1, 2);
            before = now, now = next;
        }
        v4 even = vmontgomery(vfold(first[0]) + vfold(second[0])), odd = vmontgomery(vfold(first[1]) + vfold(second[1]));
        *(v8 *)a = vreduce(vhigh(even, odd));
    }
}

/* ---- Whole transforms -------------------------------------------------------------------------------------------- */

typedef struct call {
    const qd_c_ntt *t;
    uint32_t *x;
    const uint32_t *y;
    int inverse;
} call;

/* The first two layers, a share of the columns. */
static void top_share(void *p, unsigned share) {
    const call *c = p;
    size_t h = ((size_t)1 << c->t->log2n) / 32; /* in vectors */
    size_t from = h * share / c->t->threads, count = 8 * (h * (share + 1) / c->t->threads - from);
    v8 *x = (v8 *)c->x + from;
    if (c->inverse) inverse4(x, x + h, x + 2 * h, x + 3 * h, count, c->t->tw[1], c->t->companion[1], 0);
    else forward4(x, x + h, x + 2 * h, x + 3 * h, count, c->t->tw[0], c->t->companion[0], 0);
}
static void quarters_share(void *p, unsigned share) {
    const call *c = p;
    for (size_t k = share; k < 4; k += c->t->threads) {
        uint32_t *x = c->x + (k << (c->t->log2n - 2));
        if (c->inverse) inverse_block(c->t, x, c->t->log2n - 2, k);
        else forward_block(c->t, x, c->t->log2n - 2, k);
    }
}
static void multiply_share(void *p, unsigned share) {
    const call *c = p;
    size_t blocks = (size_t)1 << (c->t->log2n - TAIL_LOG2);
    multiply_tails(c->t, c->x, c->y, blocks * share / c->t->threads, blocks * (share + 1) / c->t->threads);
}

static void forward(const qd_c_ntt *t, uint32_t *x) {
    if (t->threads == 1) {
        forward_block(t, x, t->log2n, 0);
        return;
    }
    call c = {t, x, NULL, 0};
    qd_c_parallel(t->threads, top_share, &c);
    qd_c_parallel(t->threads, quarters_share, &c);
}

void qd_c_ntt_convolve(const qd_c_ntt *t, uint32_t *x, uint32_t *y) {
    forward(t, x);
    forward(t, y);
    call c = {t, x, y, 1};
    qd_c_parallel(t->threads, multiply_share, &c);
    if (t->threads == 1) {
        inverse_block(t, x, t->log2n, 0);
        return;
    }
    qd_c_parallel(t->threads, quarters_share, &c);
    qd_c_parallel(t->threads, top_share, &c);
}

qd_status qd_c_ntt_make(qd_c_ntt *t, unsigned log2n, unsigned threads, qd_error *err) {
    unsigned layers = log2n - TAIL_LOG2;
    size_t count = (size_t)1 << (layers - 1);
    *t = (qd_c_ntt){.log2n = log2n, .threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads};
    if (log2n < 14) t->threads = 1; /* shorter than starting a thread */
    for (int inverse = 0; inverse < 2; inverse++) {
        uint32_t *w = t->tw[inverse] = malloc(count * sizeof *w), *q = t->companion[inverse] = malloc(count * sizeof *q);
        if (!w || !q) {
            qd_c_ntt_free(t);
            return qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of ntt");
        }
        uint32_t root = slow_pow(31, inverse ? (uint64_t)P - 1 - 15 : 15);
        w[0] = 1;
        for (unsigned j = 0; j + 1 < layers; j++) {
            uint32_t step = slow_pow(root, (uint64_t)1 << (25 - j));
            for (size_t i = 0; i < (size_t)1 << j; i++) w[((size_t)1 << j) + i] = slow_mul(w[i], step);
        }
        for (size_t i = 0; i < count; i++) q[i] = (uint32_t)(((uint64_t)w[i] << 32) / P);
    }
    t->scale = slow_mul(slow_pow(2, 32), slow_pow(slow_pow(2, layers), P - 2));
    t->scale_companion = (uint32_t)(((uint64_t)t->scale << 32) / P);
    return QD_OK;
}

void qd_c_ntt_free(qd_c_ntt *t) {
    for (int inverse = 0; inverse < 2; inverse++) {
        free(t->tw[inverse]);
        free(t->companion[inverse]);
    }
    *t = (qd_c_ntt){0};
}
