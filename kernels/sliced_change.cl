/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the bit-sliced transform (host/arith/sliced_cl.h) that works on strings of 16-bit chunks: their order, and the change of basis, which
 * is additions only and so is done on bits, before there are elements.
 *
 * -DLOWEST=0|4   the change of that many lowest index bits is left to sliced.cl */
#define INLINE inline __attribute__((always_inline))

enum { KEY, WINDOW, BACK };

/* ---- Order of chunks -------------------------------------------------------------------------------------------------------- */

/* Words of two chunks, n of them. KEY: as they are. WINDOW: chunks backwards, and the same from the second on, behind the n. BACK: backwards again. */
__kernel void sliced_order(__global const uint *in, __global uint *out, uint which, uint n) {
    const uint i = get_global_id(0);
    if (i >= n) return;
    const uint w = which == KEY ? in[i] : rotate(in[n - 1 - i], 16u);
    out[i] = w;
    if (which == WINDOW) out[n + i] = w >> 16 | (i + 1 < n ? in[n - 2 - i] & 0xffff0000u : 0);
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

/* All levels of bits unit .. unit+n-1 of the index by one h, on 2^log2 chunks. */
INLINE void levels(__global ushort *x, uint log2, uint unit, uint h, uint n, uint which) {
    for (uint i = 0; i < n - h; i++) {
        const uint j = which == BACK ? i : n - h - 1 - i, half_block = 1u << (unit + h + j);
        for (uint at = 0; at < 1u << log2; at += 2 * half_block) level(x + at, half_block, 1u << (unit + j), which);
    }
}

/* Four bits of the index from `unit` on. */
INLINE void four(__global ushort *x, uint log2, uint unit, uint n, uint which) {
    const uint h[3] = {2, 1, 1}, at[3] = {0, 2, 0}, bits[3] = {n, n > 2 ? n - 2 : 0, n < 2 ? n : 2};
    for (uint s = 0; s < 3; s++) {
        const uint i = which == BACK ? 2 - s : s;
        if (bits[i] > h[i]) levels(x, log2, unit + at[i], h[i], bits[i], which);
    }
}

/* Up to eight. */
INLINE void eight(__global ushort *x, uint log2, uint unit, uint n, uint which, uint lowest) {
    if (which != BACK && n > 4) levels(x, log2, unit, 4, n, which);
    if (which != BACK && n > 4) four(x, log2, unit + 4, n - 4, which);
    if (unit >= lowest) four(x, log2, unit, min(n, 4u), which);
    if (which == BACK && n > 4) four(x, log2, unit + 4, n - 4, which);
    if (which == BACK && n > 4) levels(x, log2, unit, 4, n, which);
}

/* The index bits of blocks of 2^log2 chunks, log2 from 9 to 16. */
__kernel void sliced_change(__global ushort *strings, uint log2, uint which, uint blocks) {
    const uint id = get_global_id(0);
    if (id >= blocks) return;
    __global ushort *x = strings + ((size_t)id << log2);
    if (which != BACK) {
        levels(x, log2, 0, 8, log2, which);
        eight(x, log2, 8, log2 - 8, which, LOWEST);
    }
    for (uint at = 0; at < 1u << log2; at += 256) eight(x + at, 8, 0, 8, which, LOWEST);
    if (which == BACK) {
        eight(x, log2, 8, log2 - 8, which, LOWEST);
        levels(x, log2, 0, 8, log2, which);
    }
}
