/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the bit-sliced transform (host/arith/sliced_cl.h) that works on strings of 16-bit chunks: their order, and the change of basis, which
 * is additions only and so is done on bits, before there are elements. */
#define INLINE inline __attribute__((always_inline))

enum { KEY, WINDOW, BACK };

/* ---- Order of chunks -------------------------------------------------------------------------------------------------------- */

/* Words of two chunks, n of them, 8 a work-item. KEY: as they are. WINDOW: chunks backwards, and the same from the second on, behind the n. BACK:
 * backwards again. */
__kernel void sliced_order(__global const uint *in, __global uint *out, uint which, uint n) {
    const uint i = get_global_id(0) * 8;
    if (i >= n) return;
    if (which == KEY) {
        *(__global uint8 *)(out + i) = *(__global const uint8 *)(in + i);
        return;
    }
    const uint8 w = rotate(*(__global const uint8 *)(in + n - 8 - i), (uint8)(16)).s76543210;
    const uint after = i + 8 < n ? in[n - 9 - i] >> 16 : 0;
    *(__global uint8 *)(out + i) = w;
    if (which == WINDOW) *(__global uint8 *)(out + n + i) = w >> 16 | (uint8)(w.s1, w.s2, w.s3, w.s4, w.s5, w.s6, w.s7, after) << 16;
}

/* ---- Change of basis: from powers of the variable to products of the polynomials s_i that vanish on the subspaces --------- */

/* d[i] ^= s[i] for i < n; any addresses, no overlap. */
typedef ushort16 loose16 __attribute__((aligned(2)));
typedef ushort8 loose8 __attribute__((aligned(2)));
typedef ushort4 loose4 __attribute__((aligned(2)));
#define ADD(type, size)                                                      \
    {                                                                        \
        *(__global type *)(d + i) ^= *(__global const type *)(s + i);        \
        i += size;                                                           \
    }
INLINE void add(__global ushort *d, __global const ushort *s, uint n) {
    uint i = 0;
    while (i + 16 <= n) ADD(loose16, 16)
    if (n & 8) ADD(loose8, 8)
    if (n & 4) ADD(loose4, 4)
    for (; i < n; i++) d[i] ^= s[i];
}

/* One half of a level, everywhere: `count` chunks from `from` on are added to those from `to` on, in every block of 2^log2 chunks; RUN of them a
 * work-item. */
__kernel void sliced_level(__global ushort *x, uint log2, uint to, uint from, uint count, uint run, uint items) {
    const uint id = get_global_id(0), per_block = (count + run - 1) / run, i = id % per_block * run;
    if (id >= items) return;
    __global ushort *block = x + ((size_t)(id / per_block) << log2);
    add(block + to + i, block + from + i, min(run, count - i));
}

/* With y = z^(2^h) + z in units, z^(2^(h+j)) = y^(2^j) + z^(2^j) on the upper half of a block of 2^(h+j+1) units. WINDOW adds the other way (the
 * inverse transpose), BACK that in the opposite order (the transpose). */
INLINE void level(__global ushort *x, uint half_block, uint shift, uint which) {
    __global ushort *upper = x + half_block, *last = upper + half_block - shift;
    if (which == KEY) {
        add(upper, last, shift);
        add(x + shift, upper, half_block - shift);
    } else if (which == WINDOW) {
        add(last, upper, shift);
        add(upper, x + shift, half_block - shift);
    } else {
        add(upper, x + shift, half_block - shift);
        add(last, upper, shift);
    }
}

/* The levels j = from .. to-1 of one h, on 2^log2 chunks. */
INLINE void levels(__global ushort *x, uint log2, uint unit, uint h, uint from, uint to, uint which) {
    for (uint i = 0; i < to - from; i++) {
        const uint j = which == BACK ? from + i : to - 1 - i, half_block = 1u << (unit + h + j);
        for (uint at = 0; at < 1u << log2; at += 2 * half_block) level(x + at, half_block, 1u << (unit + j), which);
    }
}

/* ---- The same on rows that a work-item holds, a vector of each ------------------------------------------------------------------- */

#define EACH(i, n) _Pragma("unroll") for (uint i = 0; i < (n); i++)
typedef ushort16 R;

/* What KEY adds to d, the others add to s. */
#define TWO(d, s)                   \
    if (which == KEY) a[d] ^= a[s]; \
    else a[s] ^= a[d];
INLINE void change16(R *a, const uint which) {
    if (which != BACK) {
        EACH(i, 2) { TWO(8 + i, 14 + i) }
        EACH(i, 6) { TWO(2 + i, 8 + i) }
        EACH(i, 2) { TWO(8 * i + 4, 8 * i + 7) TWO(8 * i + 1, 8 * i + 4) TWO(8 * i + 2, 8 * i + 5) TWO(8 * i + 3, 8 * i + 6) }
        EACH(i, 4) { TWO(4 * i + 2, 4 * i + 3) TWO(4 * i + 1, 4 * i + 2) }
        EACH(i, 4) { TWO(8 + i, 12 + i) }
        EACH(i, 4) { TWO(4 + i, 8 + i) }
    } else {
        EACH(i, 4) { TWO(4 + i, 8 + i) }
        EACH(i, 4) { TWO(8 + i, 12 + i) }
        EACH(i, 4) { TWO(4 * i + 1, 4 * i + 2) TWO(4 * i + 2, 4 * i + 3) }
        EACH(i, 2) { TWO(8 * i + 1, 8 * i + 4) TWO(8 * i + 2, 8 * i + 5) TWO(8 * i + 3, 8 * i + 6) TWO(8 * i + 4, 8 * i + 7) }
        EACH(i, 6) { TWO(2 + i, 8 + i) }
        EACH(i, 2) { TWO(8 + i, 14 + i) }
    }
}
INLINE void sixteen(R *t, const uint step, const uint which) {
    R a[16];
    EACH(i, 16) a[i] = t[i * step];
    if (which == KEY) change16(a, KEY);
    else if (which == WINDOW) change16(a, WINDOW);
    else change16(a, BACK);
    EACH(i, 16) t[i * step] = a[i];
}

INLINE void add_rows(R *d, const R *s, uint n) {
    for (uint i = 0; i < n; i++) d[i] ^= s[i];
}
INLINE void level_of_rows(R *t, uint rows, uint half_block, uint shift, uint which) {
    for (R *x = t; x < t + rows; x += 2 * half_block) {
        R *upper = x + half_block, *last = upper + half_block - shift;
        if (which == KEY) add_rows(upper, last, shift), add_rows(x + shift, upper, half_block - shift);
        else if (which == WINDOW) add_rows(last, upper, shift), add_rows(upper, x + shift, half_block - shift);
        else add_rows(upper, x + shift, half_block - shift), add_rows(last, upper, shift);
    }
}
/* n = 2 or 3 bits from `unit` on, of 2^log2 rows. */
INLINE void few(R *t, uint log2, uint unit, uint n, uint which) {
    if (n == 2) level_of_rows(t, 1u << log2, 2u << unit, 1u << unit, which);
    if (n != 3) return;
    if (which == BACK) level_of_rows(t, 1u << log2, 2u << unit, 1u << unit, which);
    level_of_rows(t, 1u << log2, 4u << unit, 1u << unit, which);
    if (which != BACK) level_of_rows(t, 1u << log2, 2u << unit, 1u << unit, which);
}

/* 2^n rows, n from 1 to 8. */
INLINE void change_rows(R *t, uint n, uint which) {
    if (n < 4) few(t, n, 0, n, which);
    if (n < 4) return;
    const uint more = n - 4;
    for (uint stage = 0; stage < 3; stage++) {
        const uint s = which == BACK ? 2 - stage : stage;
        if (s == 0)
            for (uint i = 0; i < more; i++) {
                const uint j = which == BACK ? i : more - 1 - i;
                level_of_rows(t, 1u << n, 16u << j, 1u << j, which);
            }
        else if (s == 1 && more == 4)
            for (uint i = 0; i < 16; i++) sixteen(t + i, 16, which);
        else if (s == 1) few(t, n, 4, more, which);
        else
            for (uint i = 0; i < 1u << n; i += 16) sixteen(t + i, 1, which);
    }
}

/* STRIP chunks of all 2^n rows of 2^unit chunks, from x on. */
#define STRIP 32
INLINE void strip(__global ushort *x, uint unit, uint n, uint which) {
    R t[2 * 256];
    for (uint i = 0; i < 1u << n; i++) {
        t[i] = *(__global R *)(x + (i << unit));
        t[(1u << n) + i] = *(__global R *)(x + (i << unit) + 16);
    }
    change_rows(t, n, which);
    change_rows(t + (1u << n), n, which);
    for (uint i = 0; i < 1u << n; i++) {
        *(__global R *)(x + (i << unit)) = t[i];
        *(__global R *)(x + (i << unit) + 16) = t[(1u << n) + i];
    }
}

/* Index bits `unit` to unit+n-1, n at most 8. */
__kernel void sliced_rows(__global ushort *strings, uint unit, uint n, uint which, uint items) {
    const uint id = get_global_id(0), per_block = (1u << unit) / STRIP;
    if (id >= items) return;
    strip(strings + ((size_t)(id / per_block) << (unit + n)) + id % per_block * STRIP, unit, n, which);
}

/* Bits 4 .. 7 of 256 chunks. */
INLINE void middle(__global ushort *x, uint which) {
    R t[16];
    EACH(i, 16) t[i] = *(__global R *)(x + 16 * i);
    sixteen(t, 1, which);
    EACH(i, 16) *(__global R *)(x + 16 * i) = t[i];
}

/* Index bits 4 and up of blocks of 2^log2 chunks, log2 from 9 to 16; those below are left to sliced.cl. Piece by piece where what is done stays in the
 * nearest cache. */
#define PIECE 12
__kernel void sliced_change(__global ushort *strings, uint log2, uint which, uint blocks) {
    const uint id = get_global_id(0), piece = min(log2, (uint)PIECE);
    if (id >= blocks) return;
    __global ushort *x = strings + ((size_t)id << log2);
    if (which != BACK) {
        levels(x, log2, 0, 8, 0, log2 - 8, which);
        for (uint i = 0; i < 256; i += STRIP) strip(x + i, 8, log2 - 8, which);
    }
    for (uint at = 0; at < 1u << log2; at += 1u << piece) {
        if (which != BACK) levels(x + at, piece, 0, 4, 0, 4, which);
        for (uint i = 0; i < 1u << piece; i += 256) middle(x + at + i, which);
        if (which == BACK) levels(x + at, piece, 0, 4, 0, 4, which);
    }
    if (which == BACK) {
        for (uint i = 0; i < 256; i += STRIP) strip(x + i, 8, log2 - 8, which);
        levels(x, log2, 0, 8, 0, log2 - 8, which);
    }
}
