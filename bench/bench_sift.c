/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `sift`: 64 events a step (byte masks gathered by movemask, values packed by pext, where the compiler has them),
 * the events cut into one share a thread. Each thread sifts into strings of its own; the strings are then shifted to where they
 * belong. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "loops.h"
#include "sift/sift.h"
#ifdef __AVX2__
#include <immintrin.h>
#endif

enum { THREADS_MAX = 64 };

typedef struct planes {
    uint64_t v, m, h, p, value, basis;
} planes;

#ifdef __AVX2__
#define PLANE(bit)                                                               \
    ((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_slli_epi64(a, 7 - (bit))) | \
     (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_slli_epi64(b, 7 - (bit))) << 32)
static planes load_planes(const uint8_t *e) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)e),
            b = _mm256_loadu_si256((const __m256i *)(const void *)(e + 32));
    return (planes){PLANE(0), PLANE(1), PLANE(2), PLANE(3), PLANE(4), PLANE(5)};
}
#else
/* Bit BIT of eight events, gathered by a multiplication. */
static uint64_t eight(uint64_t e, int bit) {
    return ((e >> bit) & 0x0101010101010101) * 0x0102040810204080 >> 56;
}
static planes load_planes(const uint8_t *e) {
    uint64_t s[6] = {0};
    for (int i = 0; i < 8; i++) {
        uint64_t w;
        memcpy(&w, e + 8 * i, 8);
        for (int b = 0; b < 6; b++) s[b] |= eight(w, b) << 8 * i;
    }
    return (planes){s[0], s[1], s[2], s[3], s[4], s[5]};
}
#endif

static uint64_t pack(uint64_t x, uint64_t mask) {
#ifdef __BMI2__
    return _pext_u64(x, mask);
#else
    uint64_t out = 0;
    for (int i = 0; mask; mask &= mask - 1, i++) out |= (x >> __builtin_ctzll(mask) & 1) << i;
    return out;
#endif
}

/* A string being appended to. */
typedef struct string {
    uint64_t *w, n;
} string;

static void append(string *s, uint64_t bits, unsigned n) {
    uint64_t *w = s->w + s->n / 64;
    unsigned at = s->n % 64;
    *w |= bits << at;
    if (at + n > 64)
        w[1] = bits >> (64 - at);
    else if (at + n == 64)
        w[1] = 0;
    s->n += n;
}

/* What one thread does, in two rounds. */
typedef struct share {
    const qd_sift_case *c;
    uint64_t first, end; /* words of 64 events */
    uint64_t counts[32];
    string own[2];
    uint64_t *out[2], offset[2];
    int round;
} share;

static void count_classes(uint64_t counts[32], const planes *e, uint64_t basis, uint64_t several, uint64_t live) {
    if (!several) {
        counts[1] += (uint64_t)__builtin_popcountll(e->v);
        counts[4] += (uint64_t)__builtin_popcountll(e->h);
        counts[18] += (uint64_t)__builtin_popcountll(e->m);
        counts[24] += (uint64_t)__builtin_popcountll(e->p);
        counts[0] += (uint64_t)__builtin_popcountll(live & ~(e->v | e->h | e->m | e->p));
        return;
    }
    for (unsigned k = 0; k < 16; k++) {
        uint64_t in = live & (k & 1 ? e->v : ~e->v) & (k & 2 ? e->m : ~e->m) & (k & 4 ? e->h : ~e->h) & (k & 8 ? e->p : ~e->p);
        counts[k] += (uint64_t)__builtin_popcountll(in & ~basis);
        counts[16 + k] += (uint64_t)__builtin_popcountll(in & basis);
    }
}

static void sift_share(share *s) {
    const qd_sift_case *c = s->c;
    int invert = c->side == QD_BOB && c->correlation == QD_ANTI;
    for (uint64_t w = s->first; w < s->end; w++) {
        uint64_t left = c->n - 64 * w, live = left >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << left) - 1;
        uint8_t last[64] = {0};
        const uint8_t *p = c->event + 64 * w;
        if (left < 64) p = memcpy(last, p, left);
        planes e = load_planes(p);
        uint64_t in_z = e.v | e.h, in_x = e.m | e.p, both = in_z & in_x, several = (e.v & e.h) | (e.m & e.p) | both;
        uint64_t basis = (in_x & ~in_z) | (both & e.basis), coin = several | ~(in_z | in_x);
        uint64_t value = (coin & e.value) | (~coin & (invert ? e.v | e.m : e.h | e.p));
        uint64_t theirs = c->theirs.w[w], z = ~(basis | theirs) & live, x = basis & theirs;
        append(&s->own[0], pack(value, z), (unsigned)__builtin_popcountll(z));
        append(&s->own[1], pack(value, x), (unsigned)__builtin_popcountll(x));
        count_classes(s->counts, &e, basis, several, live);
    }
}

/* The inner words of a share's strings, shifted into place; the first and the last belong to two shares and are or-ed atomically.
 */
static void place_share(const share *s) {
    for (int b = 0; b < 2; b++) {
        uint64_t words = qd_bits_words(s->own[b].n), *out = s->out[b] + s->offset[b] / 64;
        unsigned at = s->offset[b] % 64;
        uint64_t carry = 0;
        for (uint64_t i = 0; i < words; i++) {
            uint64_t v = s->own[b].w[i], now = v << at | carry;
            carry = at ? v >> (64 - at) : 0;
            if (i == 0 || i + 1 == words)
                __atomic_fetch_or(&out[i], now, __ATOMIC_RELAXED);
            else
                out[i] = now;
        }
        if (carry) __atomic_fetch_or(&out[words], carry, __ATOMIC_RELAXED);
    }
}

static void *work(void *p) {
    share *s = p;
    if (s->round == 0)
        sift_share(s);
    else
        place_share(s);
    return NULL;
}

static qd_status run_round(share *s, unsigned threads, int round, qd_error *err) {
    pthread_t id[THREADS_MAX];
    unsigned started = 1;
    for (unsigned t = 0; t < threads; t++) s[t].round = round;
    while (started < threads && pthread_create(&id[started], NULL, work, &s[started]) == 0) started++;
    work(&s[0]);
    for (unsigned t = 1; t < started; t++) (void)pthread_join(id[t], NULL);
    return started == threads ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no thread for the C loop of sift");
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_sift_case *c = state;
    uint64_t words = qd_bits_words(c->n), *o = out;
    if (threads < 1) threads = 1;
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    share *s = calloc(threads, sizeof *s);
    qd_status st = s ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of sift");
    for (unsigned t = 0; st == QD_OK && t < threads; t++) {
        s[t].c = c;
        s[t].first = words * t / threads;
        s[t].end = words * (t + 1) / threads;
        for (int b = 0; b < 2; b++) {
            s[t].own[b].w = calloc(s[t].end - s[t].first + 2, 8);
            if (!s[t].own[b].w) st = qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of sift");
        }
    }
    if (st == QD_OK) st = run_round(s, threads, 0, err);
    if (st == QD_OK) {
        memset(o, 0, 8 * (QD_SIFT_OUT_HEAD + 2 * words));
        for (unsigned t = 0; t < threads; t++) {
            for (int i = 0; i < 32; i++) o[i] += s[t].counts[i];
            for (int b = 0; b < 2; b++) {
                s[t].out[b] = o + QD_SIFT_OUT_HEAD + (uint64_t)b * words;
                s[t].offset[b] = o[32 + b];
                o[32 + b] += s[t].own[b].n;
            }
        }
        st = run_round(s, threads, 1, err);
    }
    for (unsigned t = 0; s && t < threads; t++)
        for (int b = 0; b < 2; b++) free(s[t].own[b].w);
    free(s);
    return st;
}

const qd_loop qd_loop_sift = {"sift", run};
