/* SPDX-License-Identifier: Apache-2.0 */
/** @file gf128_lanes.h  Horner's rule over GF(2^128) without carry-less multiply: products of 32-bit integers in vectors. No branch or address depends
 *  on operands. Included by one source file a width, which says before:
 *  LANES   64-bit lanes of a vector, 2 or 4
 *  TARGET  the attribute of functions that use such vectors
 *  MUL32   (a, b): products of the lower halves of lanes, 64 bits each */
#ifndef QD_ARITH_GF128_LANES_H
#define QD_ARITH_GF128_LANES_H

#include <string.h>
#include "arith/gf128.h"
#include "qdistill/core.h"

typedef uint64_t V __attribute__((vector_size(8 * LANES)));

enum {
    GROUP = 16, /* vectors a reduction, even */
    BLOCKS = LANES / 2,
    STEP = GROUP * BLOCKS,
    FEW = STEP + STEP / 4, /* blocks from which on the powers of the key are worth their time */
    LEAVES = 9,            /* products for one of 32 bits */
    EACH = 3 * LEAVES      /* for one of 64 bits */
};

#define INLINE TARGET __attribute__((always_inline)) static inline

/* Lower and upper word added, of the blocks of a at even places and of those of b at odd ones. */
#if LANES == 4
#define FOLDED(a, b) (__builtin_shufflevector(a, b, 0, 4, 2, 6) ^ __builtin_shufflevector(a, b, 1, 5, 3, 7))
#else
#define FOLDED(a, b) (__builtin_shufflevector(a, b, 0, 2) ^ __builtin_shufflevector(a, b, 1, 3))
#endif

/* A word is split into four parts of every fourth bit, moved to columns 0, 4, ... 60, and these into halves of 32 bits. Nine products of sums of parts
 * (Karatsuba twice), the leaves, make a product of halves. In a column of a product of integers eight ones meet at most, which is below 16: the next
 * column is not reached, and the lowest bit is the sum without carry, also of products added so. The three bits above it are dropped at the end. */
#define COLUMNS 0x1111111111111111u

INLINE void spread(V u, V *x) {
    x[0] = u & COLUMNS;
    x[1] = u >> 1 & COLUMNS;
    x[3] = u >> 2 & COLUMNS;
    x[4] = u >> 3 & COLUMNS;
    x[2] = x[0] ^ x[1];
    x[5] = x[3] ^ x[4];
    x[6] = x[0] ^ x[3];
    x[7] = x[1] ^ x[4];
    x[8] = x[2] ^ x[5];
}

/* Of each leaf the lower half, the upper one, and both added (Karatsuba again). x: scratch. */
INLINE void prepare_word(V u, V *x, V *q) {
    spread(u, x);
    for (unsigned i = 0; i < LEAVES; i++, q += 3) {
        q[0] = x[i];
        q[1] = x[i] >> 32;
        q[2] = q[0] ^ q[1];
    }
}

/* The product of halves from its leaves. */
INLINE V joined(const V *s) {
    const V l = s[2] ^ s[0] ^ s[1], h = s[5] ^ s[3] ^ s[4], m = s[8] ^ s[6] ^ s[7], inner = s[1] ^ s[3];
    const V part[7] = {s[0], l, inner ^ s[6] ^ s[0], m ^ l ^ h, inner ^ s[7] ^ s[4], h, s[4]};
    V sum = part[0] & COLUMNS;
    for (unsigned e = 1; e < 7; e++) sum ^= (part[e] & COLUMNS) << e;
    return sum;
}

/* The sum over i of the products of words, spread in x[i] and prepared in q[i], lane by lane: lower and upper words. Three leaves at a time, whose nine
 * sums stay in registers. s: scratch. */
INLINE void words_dot(const V (*x)[LEAVES], const V (*q)[EACH], unsigned n, V (*s)[LEAVES], V *low, V *high) {
    for (unsigned leaf = 0; leaf < LEAVES; leaf += 3) {
        V t[9] = {{0}};
        for (unsigned i = 0; i < n; i++) {
            const V *w = q[i] + 3 * leaf;
#pragma GCC unroll 3
            for (unsigned k = 0; k < 3; k++, w += 3) {
                const V lower = x[i][leaf + k], upper = lower >> 32;
                t[k] ^= MUL32(lower, w[0]);
                t[3 + k] ^= MUL32(upper, w[1]);
                t[6 + k] ^= MUL32(lower ^ upper, w[2]);
            }
        }
        for (unsigned k = 0; k < 9; k++) s[k / 3][leaf + k % 3] = t[k];
    }
    const V l = joined(s[0]), h = joined(s[1]), middle = joined(s[2]) ^ l ^ h;
    *low = l ^ middle << 32;
    *high = h ^ middle >> 32;
}

/* w0 + w1 z^64 + w2 z^128 + w3 z^192 by z^128 = z^7 + z^2 + z + 1; seven bits of w3 come to z^128 once more. */
static inline qd_gf128 reduced(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3) {
    w2 ^= w3 >> 57 ^ w3 >> 62 ^ w3 >> 63;
    w1 ^= w3 ^ w3 << 1 ^ w3 << 2 ^ w3 << 7;
    w1 ^= w2 >> 57 ^ w2 >> 62 ^ w2 >> 63;
    w0 ^= w2 ^ w2 << 1 ^ w2 << 2 ^ w2 << 7;
    return (qd_gf128){{w0, w1}};
}

/* Blocks as products want them: n vectors of them; and where all is that must be wiped with them: messages of verification are key, and a sum without its
 * pad gives the hash key away. */
typedef struct factors {
    V word[GROUP][EACH], sum[GROUP / 2][EACH]; /* of words; of lower and upper word added, two vectors at a time */
    V a[GROUP], x[GROUP][LEAVES], y[GROUP / 2][LEAVES], s[3][LEAVES];
} factors;

/* The sum of the products of all blocks of p->a, n vectors, with those of p: by words (Karatsuba once more), reduced once. a[n] is zero where n is odd. */
INLINE qd_gf128 dot(unsigned n, factors *p) {
    V l, h, fl, fh;
    for (unsigned i = 0; i < n; i++) spread(p->a[i], p->x[i]);
    for (unsigned i = 0; i < n; i += 2) spread(FOLDED(p->a[i], p->a[i + 1]), p->y[i / 2]);
    words_dot(p->x, p->word, n, p->s, &l, &h);
    words_dot(p->y, p->sum, (n + 1) / 2, p->s, &fl, &fh);
    uint64_t w0 = 0, w1 = 0, w2 = 0, w3 = 0, m0 = 0, m1 = 0;
    for (unsigned i = 0; i < LANES; i += 2) {
        w0 ^= l[i], w1 ^= h[i], w2 ^= l[i + 1], w3 ^= h[i + 1];
        m0 ^= fl[i] ^ fl[i + 1], m1 ^= fh[i] ^ fh[i + 1];
    }
    return reduced(w0, w1 ^ m0 ^ w0 ^ w2, w2 ^ m1 ^ w1 ^ w3, w3);
}

/* The factors of p->a. */
TARGET static void prepare(unsigned n, factors *p) {
    for (unsigned i = 0; i < n; i++) prepare_word(p->a[i], p->x[i], p->word[i]);
    for (unsigned i = 0; i < n; i += 2) prepare_word(FOLDED(p->a[i], p->a[i + 1]), p->y[i / 2], p->sum[i / 2]);
}

/* A block and zeros, and zeros before it. */
INLINE V first(qd_gf128 b) { return (V){b.w[0], b.w[1]}; }
INLINE V last(qd_gf128 b) {
    V a = {0};
    a[LANES - 2] = b.w[0], a[LANES - 1] = b.w[1];
    return a;
}

/* The first block of p times b. */
TARGET static qd_gf128 times(qd_gf128 b, factors *p) {
    p->a[0] = first(b), p->a[1] = (V){0};
    return dot(1, p);
}

/* Horner's rule on fewer than STEP blocks by their powers. */
TARGET static qd_gf128 some(qd_gf128 h, const uint64_t *words, unsigned blocks, factors *p) {
    if (!blocks) return h;
    memset(p->a, 0, sizeof p->a);
    memcpy(p->a, words, blocks * sizeof h);
    p->a[(blocks - 1) / BLOCKS] ^= blocks % BLOCKS ? first(h) : last(h);
    return dot((blocks + BLOCKS - 1) / BLOCKS, p);
}

/* Horner's rule on whole groups. */
TARGET static qd_gf128 groups(qd_gf128 h, const uint64_t *words, uint64_t blocks, factors *p) {
    for (; blocks; blocks -= STEP) {
        const uint64_t *at = words + 2 * (blocks - STEP);
        /* one by one: as a whole, gcc copies them by a string instruction, which is slow where words are not aligned */
        for (unsigned i = 0; i < GROUP; i++) memcpy(&p->a[i], at + LANES * i, sizeof p->a[i]);
        if (blocks > 2 * STEP) /* what comes after the next group: processors foresee forward reads better */
            for (unsigned i = 0; i < 2 * STEP; i += 8) __builtin_prefetch(at - 4 * STEP + i);
        p->a[GROUP - 1] ^= last(h);
        h = dot(GROUP, p);
    }
    return h;
}

/* x^1 to x^STEP as products want them; p has x before. */
TARGET static void prepare_powers(qd_gf128 x, factors *p) {
    qd_gf128 power[STEP];
    power[0] = x;
    for (unsigned i = 1; i < STEP; i++) power[i] = times(power[i - 1], p);
    memcpy(p->a, power, sizeof p->a);
    prepare(GROUP, p);
    qd_wipe(power, sizeof power);
}

/* What products with one block leave. */
TARGET static void wipe_one(factors *p) {
    qd_wipe(p->word[0], sizeof p->word[0]);
    qd_wipe(p->sum[0], sizeof p->sum[0]);
    qd_wipe(p->a, 2 * sizeof p->a[0]);
    qd_wipe(p->x[0], sizeof p->x[0]);
    qd_wipe(p->y[0], sizeof p->y[0]);
    qd_wipe(p->s, sizeof p->s);
}

/* As qd_gf128_horner. */
TARGET static qd_gf128 horner(qd_gf128 h, const uint64_t *words, uint64_t blocks, qd_gf128 x) {
    factors p;
    p.a[0] = first(x), p.a[1] = (V){0};
    prepare(1, &p);
    if (blocks < FEW) {
        for (uint64_t i = blocks; i-- > 0;) h = times((qd_gf128){{h.w[0] ^ words[2 * i], h.w[1] ^ words[2 * i + 1]}}, &p);
        wipe_one(&p);
        return h;
    }
    prepare_powers(x, &p);
    const uint64_t rest = blocks % STEP;
    h = some(h, words + 2 * (blocks - rest), (unsigned)rest, &p);
    h = groups(h, words, blocks - rest, &p);
    qd_wipe(&p, sizeof p);
    return h;
}

#endif
