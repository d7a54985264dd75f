/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `polyhash`: sixteen vectors a reduction, three products of words a block (Karatsuba), a share of the message a thread. */
#include <string.h>
#include "arith/polyhash.h"
#include "c_ntt.h"
#include "loops.h"
#if defined(__VPCLMULQDQ__) && defined(__AVX2__)
#include <immintrin.h>
#define FAST 1
#else
#define FAST 0
#endif

#if FAST
#if defined(__AVX512BW__)
typedef __m512i V;
#define OF(intrinsic) _mm512_##intrinsic
#define ALL(a) _mm512_broadcast_i32x4(_mm_set_epi64x((long long)(a).w[1], (long long)(a).w[0]))
#define LOAD(p) _mm512_loadu_si512(p)
#define STORE(p, v) _mm512_storeu_si512(p, v)
#define XOR _mm512_xor_si512
#define ZERO _mm512_setzero_si512()
#define EACH _mm512_set1_epi64
#define UP(v) _mm512_bslli_epi128(v, 8)
#define DOWN(v) _mm512_bsrli_epi128(v, 8)
#else
typedef __m256i V;
#define OF(intrinsic) _mm256_##intrinsic
#define ALL(a) _mm256_broadcastsi128_si256(_mm_set_epi64x((long long)(a).w[1], (long long)(a).w[0]))
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define XOR _mm256_xor_si256
#define ZERO _mm256_setzero_si256()
#define EACH _mm256_set1_epi64x
#define UP(v) _mm256_bslli_epi128(v, 8)
#define DOWN(v) _mm256_bsrli_epi128(v, 8)
#endif
#define PRODUCTS(a, b, which) OF(clmulepi64_epi128)(a, b, which)

enum { LANES = sizeof(V) / 16, GROUP = 16, STEP = GROUP * LANES, THREADS = 64 };

/* Low halves of both, and high ones, added: what the middle product takes. */
static inline V folded(V a, V b) { return XOR(OF(unpacklo_epi64)(a, b), OF(unpackhi_epi64)(a, b)); }

static inline V reduced(V low, V middle, V high) {
    const V tail = EACH(0x87);
    low = XOR(low, UP(middle));
    high = XOR(high, DOWN(middle));
    const V top = PRODUCTS(high, tail, 0x01); /* the upper word, at z^64 and with seven bits at z^128 */
    return XOR(XOR(low, UP(top)), PRODUCTS(XOR(high, DOWN(top)), tail, 0x00));
}

/* Sum of M_j k^j, j from 1, of n blocks from m on, a multiple of STEP. */
static qd_gf128 sum_of(const uint64_t *m, uint64_t n, const V *p, const V *q, qd_gf128 k) {
    V sum = ZERO;
    for (const uint64_t *at = m + 2 * n; at != m;) {
        at -= 2 * STEP;
        V low = ZERO, high = ZERO, middle = ZERO;
#pragma GCC unroll 8
        for (int i = 1; i <= GROUP; i += 2) {
            const V a = LOAD(at + 2 * LANES * i), b = i + 1 < GROUP ? LOAD(at + 2 * LANES * (i + 1)) : sum, f = folded(a, b);
            low = XOR(low, XOR(PRODUCTS(a, p[i - 1], 0x00), PRODUCTS(b, p[i], 0x00)));
            high = XOR(high, XOR(PRODUCTS(a, p[i - 1], 0x11), PRODUCTS(b, p[i], 0x11)));
            middle = XOR(middle, XOR(PRODUCTS(f, q[i / 2], 0x00), PRODUCTS(f, q[i / 2], 0x11)));
        }
        sum = XOR(reduced(low, XOR(middle, XOR(low, high)), high), LOAD(at));
    }
    qd_gf128 lane[LANES];
    STORE(lane, sum);
    return qd_gf128_poly(lane, LANES, k);
}

typedef struct job {
    const uint64_t *m;
    uint64_t steps; /* of a thread */
    V p[GROUP], q[GROUP / 2];
    qd_gf128 k, sum[THREADS];
} job;

static void share(void *with, unsigned i) {
    job *j = with;
    j->sum[i] = sum_of(j->m + 2 * i * j->steps * STEP, j->steps * STEP, j->p, j->q, j->k);
}

static qd_gf128 power(qd_gf128 k, uint64_t e) {
    qd_gf128 p = {{1, 0}};
    for (; e; e >>= 1, k = qd_gf128_mul(k, k))
        if (e & 1) p = qd_gf128_mul(p, k);
    return p;
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    (void)err;
    const qd_polyhash_case *c = state;
    const qd_gf128 k = qd_gf128_load(c->key), lanes = power(k, LANES);
    if (threads > THREADS) threads = THREADS;
    job j = {.m = c->message.w, .k = k, .steps = c->message.n / 128 / STEP / threads};
    qd_gf128 next = lanes, h = {{0, 0}};
    for (int i = 0; i < GROUP; i++, next = qd_gf128_mul(next, lanes)) j.p[i] = ALL(next);
    for (int i = 0; i < GROUP; i += 2) j.q[i / 2] = folded(j.p[i], j.p[i + 1]);
    qd_c_parallel(threads, share, &j);
    /* The rest, its length last, one by one. */
    const uint64_t done = j.steps * STEP * threads, words = (c->message.n + 63) / 64;
    h.w[0] = c->message.n;
    h = qd_gf128_mul(h, k);
    for (uint64_t i = (words + 1) / 2; i-- > done;) {
        h.w[0] ^= c->message.w[2 * i];
        if (2 * i + 1 < words) h.w[1] ^= c->message.w[2 * i + 1];
        h = qd_gf128_mul(h, k);
    }
    const qd_gf128 leap = power(k, j.steps * STEP);
    for (unsigned i = threads; i-- > 0;) {
        h = qd_gf128_mul(h, leap);
        h.w[0] ^= j.sum[i].w[0];
        h.w[1] ^= j.sum[i].w[1];
    }
    qd_gf128_store(h, out);
    return QD_OK;
}
#else
static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    (void)threads;
    const qd_polyhash_case *c = state;
    return qd_gf128_hash(&c->message, c->key, 128, out, err);
}
#endif

const qd_loop qd_loop_polyhash = {"polyhash", run};
