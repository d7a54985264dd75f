/* SPDX-License-Identifier: Apache-2.0 */
/* Polynomials over GF(2^128) = GF(2)[z] / (z^128 + z^7 + z^2 + z + 1) at a point k: of each chunk of blocks M_1 .. M_C its sum of M_j k^j.
 *
 * A vector holds BLOCKS = LANES/2 blocks. A work-item adds up every (LOCAL BLOCKS)-th vector: by T = LOCAL BLOCKS, a = M + a' k^T, of which GROUP
 * steps are one sum of GROUP products with powers of k^T, reduced once. In the end lane b is multiplied by k^(b+1), and work-item l by k^(l BLOCKS).
 * No branch or address depends on message or key.
 *
 * Besides what clmul.clh wants:
 * -DGROUP=...      products a reduction, even
 * -DLOCAL=1|...    work-items of a chunk, a power of two; above 1: LANES=2 */
#include "clmul.clh"

enum { BLOCKS = LANES / 2, STEP = GROUP * BLOCKS * LOCAL };

typedef ulong2 block;
typedef V loose __attribute__((aligned(8)));

#if LANES == 8
#define ALL(b) (V)(b, b, b, b)
#define SWAPPED(a) __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6)
#elif LANES == 4
#define ALL(b) (V)(b, b)
#define SWAPPED(a) (V)((a).s1, (a).s0, (a).s3, (a).s2)
#else
#define ALL(b) (V)(b)
#define SWAPPED(a) (V)((a).s1, (a).s0)
#endif
#define LOWER ALL((block)(~0ul, 0))
/* Lower and upper word added, of the blocks of a at even places and of those of b at odd ones. */
#define FOLDED(a, b) (EVENS(a, b) ^ ODDS(a, b))

/* low + middle z^64 + high z^128, reduced: z^128 = z^7 + z^2 + z + 1. */
INLINE V reduced(V low, V middle, V high) {
    const V m = SWAPPED(middle);
    low ^= m & ~LOWER;
    high ^= m & LOWER;
    const V over = SWAPPED(high >> 57 ^ high >> 62 ^ high >> 63); /* of the upper word, seven bits at z^128, and these again below z^64 */
    low ^= high ^ high << 1 ^ high << 2 ^ high << 7;
    return low ^ over ^ ((over << 1 ^ over << 2 ^ over << 7) & LOWER);
}

/* prepare: what dot wants of the n factors p, n even, in q. dot: the sum of a[i] p[i], lane by lane; three products of words each (Karatsuba). */
#if CLMUL
enum { EACH = 1 };
INLINE void prepare(const V *p, const uint n, V *q) {
#pragma unroll
    for (uint i = 0; i < n; i++) q[i] = p[i];
#pragma unroll
    for (uint i = 0; i < n; i += 2) q[n + i / 2] = FOLDED(p[i], p[i + 1]);
}

INLINE V dot(const V *a, const V *q, const uint n) {
    V low = 0, high = 0, middle = 0;
#pragma unroll
    for (uint i = 0; i < n; i += 2) {
        const V f = FOLDED(a[i], a[i + 1]), g = q[n + i / 2];
        low ^= clmul_even(a[i], q[i]) ^ clmul_even(a[i + 1], q[i + 1]);
        high ^= clmul_odd(a[i], q[i]) ^ clmul_odd(a[i + 1], q[i + 1]);
        middle ^= clmul_even(f, g) ^ clmul_odd(f, g);
    }
    return reduced(low, middle ^ low ^ high, high);
}
#else
/* Products of words by integer multiplication of 32 bits: of lower halves, upper halves, and both added (Karatsuba again). Each factor is split into
 * four parts whose bits stand four apart, so that a column of a product counts at most eight ones and the next one that matters is not reached. Its lowest
 * bit is right, also of sums without carry; the three above it are dropped at the end. */
enum { EACH = 12 };
#define PART(a, e) ((a) & (0x11111111ul << (e)))
#define HALF(a, j) ((j) == 0 ? (a) : (j) == 1 ? (a) >> 32 : (a) ^ (a) >> 32)
#define LOW(w) ((w) & 0xffffffff) /* tells the compiler that a product needs no more */
#if LOCAL == 1
#define LOOP _Pragma("nounroll") /* unrolled, more is spilled than kept */
#else
#define LOOP _Pragma("unroll") /* else private arrays are memory */
#endif

INLINE void split(V a, V *q) {
#pragma unroll
    for (uint e = 0; e < EACH; e++) q[e] = PART(HALF(a, e / 4), e % 4);
}
INLINE void prepare(const V *p, const uint n, V *q) {
#pragma unroll
    for (uint i = 0; i < n; i++) split(p[i], q + EACH * i);
#pragma unroll
    for (uint i = 0; i < n; i += 2) split(FOLDED(p[i], p[i + 1]), q + EACH * (n + i / 2));
}

/* The sum of the products of words: lower and upper halves. */
INLINE void words_dot(const V *a, const V *q, const uint n, V *low, V *high) {
    V x[3];
#pragma unroll
    for (uint j = 0; j < 3; j++) {
        V s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        LOOP
        for (uint i = 0; i < n; i++) {
            const V u = HALF(a[i], j), u0 = PART(u, 0), u1 = PART(u, 1), u2 = PART(u, 2), u3 = PART(u, 3);
            const V *w = q + EACH * i + 4 * j, w0 = LOW(w[0]), w1 = LOW(w[1]), w2 = LOW(w[2]), w3 = LOW(w[3]);
            s0 ^= u0 * w0 ^ u1 * w3 ^ u2 * w2 ^ u3 * w1;
            s1 ^= u0 * w1 ^ u1 * w0 ^ u2 * w3 ^ u3 * w2;
            s2 ^= u0 * w2 ^ u1 * w1 ^ u2 * w0 ^ u3 * w3;
            s3 ^= u0 * w3 ^ u1 * w2 ^ u2 * w1 ^ u3 * w0;
        }
        const ulong column = 0x1111111111111111;
        x[j] = (s0 & column) | (s1 & column << 1) | (s2 & column << 2) | (s3 & column << 3);
    }
    const V middle = x[0] ^ x[1] ^ x[2];
    *low = x[0] ^ middle << 32;
    *high = x[1] ^ middle >> 32;
}

INLINE V dot(const V *a, const V *q, const uint n) {
    V f[GROUP / 2], l, h, fl, fh;
#pragma unroll
    for (uint i = 0; i < n; i += 2) f[i / 2] = FOLDED(a[i], a[i + 1]);
    words_dot(a, q, n, &l, &h);
    words_dot(f, q + EACH * n, n / 2, &fl, &fh);
    const V low = EVENS(l, h), high = ODDS(l, h);
    return reduced(low, FOLDED(fl, fh) ^ low ^ high, high);
}
#endif

/* a p, lane by lane. */
INLINE V times(V a, V p) {
    const V x[2] = {a, 0}, y[2] = {p, 0};
    V q[3 * EACH];
    prepare(y, 2, q);
    return dot(x, q, 2);
}

/* A work-group takes a chunk of `steps` times STEP blocks. powers: k^(T i) for i = 1..GROUP, then k^1..k^BLOCKS, then, of more than one
 * work-item, k^(LOCAL/2), k^(LOCAL/4), ... k^1. */
__kernel void polyhash(__global const ulong *m, __global const block *powers, __global block *sums, const uint steps) {
    const uint chunk = get_group_id(0), l = get_local_id(0);
    V p[GROUP], q[3 * GROUP / 2 * EACH], a[GROUP], sum = 0;
#pragma unroll
    for (uint i = 0; i < GROUP; i++) p[i] = ALL(powers[i]);
    prepare(p, GROUP, q);
    __global const ulong *at = m + 2 * ((ulong)(chunk + 1) * steps * STEP + l * BLOCKS);
    for (uint s = 0; s < steps; s++) {
        at -= 2 * STEP;
        a[GROUP - 1] = sum;
#pragma unroll
        for (uint i = 1; i < GROUP; i++) a[i - 1] = *(__global const loose *)(at + i * LOCAL * LANES);
        sum = dot(a, q, GROUP) ^ *(__global const loose *)at;
    }
    const V y = times(sum, *(__global const loose *)(powers + GROUP));
    block h = y.s01;
#if LANES >= 4
    h ^= y.s23;
#endif
#if LANES == 8
    h ^= y.s45 ^ y.s67;
#endif
#if LOCAL > 1
    __local block all[LOCAL];
    all[l] = h;
    for (uint width = LOCAL / 2, i = GROUP + BLOCKS; width; width /= 2, i++) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l < width) all[l] = h ^= times(all[l + width], powers[i]);
    }
#endif
    if (l == 0) sums[chunk] = h;
}
