/* SPDX-License-Identifier: Apache-2.0 */
/* Number-theoretic transform modulo 15*2^27+1; the method is described in host/arith/ntt_cl.h.
 *
 * A pass does LAYERS layers on tiles of 2^LAYERS rows and TILE columns: element (row, column) of a tile of block b lies at
 * b 2^(LAYERS + log_stride) + row 2^log_stride + column. All columns of a tile share their twiddles, tw[b] for block b of any layer
 * (block indices in bit-reversed order, so that one table serves all layers).
 *
 * -DLAYERS=1..10 -DTILE=8|16 -DTAIL=3|4 and, for one work-item a tile with explicit vectors, -DW=TILE; without W a work-group
 * shares a tile in local memory. */
#include "ntt.clh"

#define ROWS (1u << LAYERS)

inline uint tile_base(uint tile, uint log_stride) {
    const uint per_block = (1u << log_stride) / TILE;
    return (tile / per_block << (LAYERS + log_stride)) + tile % per_block * TILE;
}
inline uint tile_block(uint tile, uint log_stride) { return tile / ((1u << log_stride) / TILE); }

#if W > 1
/* ---- One work-item a tile -------------------------------------------------------------------------------------------- */

/* A row is EACH vectors; vector i of the tile, and where it lies from the tile's start. */
#define EACH (TILE / W)
#define VECTORS (ROWS * EACH)
#define AT(i) (((i) / EACH << log_stride) + (i) % EACH * W)

#if W == 16
inline V bits_to_lanes(__global const uchar *bits, uint at) {
    const uint b = ((__global const ushort *)bits)[at / 16];
    return ((uint16)(b) >> (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)) & 1u;
}
inline void lanes_to_bits(V v, __global uchar *bits, uint at) {
    const uint16 b = (v & 1u) << (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const uint8 c = b.lo | b.hi;
    const uint4 d = c.lo | c.hi;
    ((__global ushort *)bits)[at / 16] = (ushort)(d.x | d.y | d.z | d.w);
}
#else
inline V bits_to_lanes(__global const uchar *bits, uint at) {
    return ((uint8)(bits[at / 8]) >> (uint8)(0, 1, 2, 3, 4, 5, 6, 7)) & 1u;
}
inline void lanes_to_bits(V v, __global uchar *bits, uint at) {
    const uint8 b = (v & 1u) << (uint8)(0, 1, 2, 3, 4, 5, 6, 7);
    const uint4 c = b.lo | b.hi;
    bits[at / 8] = (uchar)(c.x | c.y | c.z | c.w);
}
#endif

inline void forward_tile(V *t, __global const uint2 *tw, uint block) {
    uint l = 0;
#if LAYERS % 2
    {
        const uint2 s = tw[block];
        for (uint i = 0; i < VECTORS / 2; i++) split(&t[i], &t[i + VECTORS / 2], s);
        l = 1;
    }
#endif
    for (; l < LAYERS; l += 2) {
        const uint step = VECTORS >> (l + 2);
        for (uint j = 0; j < (1u << l); j++) {
            const twiddles w = load_twiddles(tw, (block << l) + j); /* outside the loop: the compiler fears that t overlaps tw */
            for (uint i = 0; i < step; i++) {
                V *q = t + j * 4 * step + i;
                V a[4] = {q[0], q[step], q[2 * step], q[3 * step]};
                split4(a, &w);
                q[0] = a[0], q[step] = a[1], q[2 * step] = a[2], q[3 * step] = a[3];
            }
        }
    }
}

inline void inverse_tile(V *t, __global const uint2 *tw, uint block) {
    for (uint done = 0; done + 1 < LAYERS; done += 2) {
        const uint l = LAYERS - 2 - done, step = (1u << done) * EACH;
        for (uint j = 0; j < (1u << l); j++) {
            const twiddles w = load_twiddles(tw, (block << l) + j); /* outside the loop: the compiler fears that t overlaps tw */
            for (uint i = 0; i < step; i++) {
                V *q = t + j * 4 * step + i;
                V a[4] = {q[0], q[step], q[2 * step], q[3 * step]};
                merge4(a, &w);
                q[0] = a[0], q[step] = a[1], q[2 * step] = a[2], q[3 * step] = a[3];
            }
        }
    }
#if LAYERS % 2
    const uint2 s = tw[block];
    for (uint i = 0; i < VECTORS / 2; i++) merge(&t[i], &t[i + VECTORS / 2], s);
#endif
}

__kernel void ntt_forward(__global uint *x, __global const uint2 *tw, uint log_stride, uint tiles) {
    const uint tile = get_global_id(0);
    if (tile >= tiles) return;
    __global uint *at = x + tile_base(tile, log_stride);
    V t[VECTORS];
    for (uint i = 0; i < VECTORS; i++) t[i] = LOADV(at + AT(i));
    forward_tile(t, tw, tile_block(tile, log_stride));
    for (uint i = 0; i < VECTORS; i++) STOREV(reduce_once(t[i]), at + AT(i));
}

__kernel void ntt_forward_bits(__global const uchar *bits, __global uint *x, __global const uint2 *tw, uint log_stride, uint tiles) {
    const uint tile = get_global_id(0);
    if (tile >= tiles) return;
    const uint base = tile_base(tile, log_stride);
    V t[VECTORS];
    for (uint i = 0; i < VECTORS; i++) t[i] = bits_to_lanes(bits, base + AT(i));
    forward_tile(t, tw, 0);
    for (uint i = 0; i < VECTORS; i++) STOREV(reduce_once(t[i]), x + base + AT(i));
}

__kernel void ntt_inverse(__global uint *x, __global const uint2 *tw, uint log_stride, uint tiles) {
    const uint tile = get_global_id(0);
    if (tile >= tiles) return;
    __global uint *at = x + tile_base(tile, log_stride);
    V t[VECTORS];
    for (uint i = 0; i < VECTORS; i++) t[i] = LOADV(at + AT(i));
    inverse_tile(t, tw, tile_block(tile, log_stride));
    for (uint i = 0; i < VECTORS; i++) STOREV(t[i], at + AT(i));
}

__kernel void ntt_inverse_parity(__global const uint *x, __global uchar *bits, __global const uint2 *tw, uint log_stride,
                                 uint tiles) {
    const uint tile = get_global_id(0);
    if (tile >= tiles) return;
    const uint base = tile_base(tile, log_stride);
    V t[VECTORS];
    for (uint i = 0; i < VECTORS; i++) t[i] = LOADV(x + base + AT(i));
    inverse_tile(t, tw, 0);
    for (uint i = 0; i < VECTORS; i++) lanes_to_bits(t[i], bits, base + AT(i));
}

#else
/* ---- One work-group a tile ------------------------------------------------------------------------------------------- */

#define TILE_WORDS (ROWS * TILE)

/* Row and column of word e of the tile. */
#define GLOBAL_AT(base, e) ((base) + (((e) / TILE) << log_stride) + (e) % TILE)

inline void forward_tile(__local uint *t, __global const uint2 *tw, uint block) {
    const uint id = get_local_id(0), size = get_local_size(0);
    uint l = 0;
#if LAYERS % 2
    for (uint u = id; u < TILE_WORDS / 2; u += size) {
        uint a = t[u], b = t[u + TILE_WORDS / 2];
        split(&a, &b, tw[block]);
        t[u] = a, t[u + TILE_WORDS / 2] = b;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    l = 1;
#endif
    for (; l < LAYERS; l += 2) {
        const uint step = ROWS >> (l + 2);
        for (uint u = id; u < TILE_WORDS / 4; u += size) {
            const uint k = u / TILE, j = k / step;
            __local uint *q = t + (j * 4 * step + k % step) * TILE + u % TILE;
            uint a[4] = {q[0], q[step * TILE], q[2 * step * TILE], q[3 * step * TILE]};
            const twiddles w = load_twiddles(tw, (block << l) + j);
            split4(a, &w);
            q[0] = a[0], q[step * TILE] = a[1], q[2 * step * TILE] = a[2], q[3 * step * TILE] = a[3];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

inline void inverse_tile(__local uint *t, __global const uint2 *tw, uint block) {
    const uint id = get_local_id(0), size = get_local_size(0);
    for (uint done = 0; done + 1 < LAYERS; done += 2) {
        const uint l = LAYERS - 2 - done, step = 1u << done;
        for (uint u = id; u < TILE_WORDS / 4; u += size) {
            const uint k = u / TILE, j = k / step;
            __local uint *q = t + (j * 4 * step + k % step) * TILE + u % TILE;
            uint a[4] = {q[0], q[step * TILE], q[2 * step * TILE], q[3 * step * TILE]};
            const twiddles w = load_twiddles(tw, (block << l) + j);
            merge4(a, &w);
            q[0] = a[0], q[step * TILE] = a[1], q[2 * step * TILE] = a[2], q[3 * step * TILE] = a[3];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#if LAYERS % 2
    for (uint u = id; u < TILE_WORDS / 2; u += size) {
        uint a = t[u], b = t[u + TILE_WORDS / 2];
        merge(&a, &b, tw[block]);
        t[u] = a, t[u + TILE_WORDS / 2] = b;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
}

/* A work-group stays whole to its end, because of the barriers: the host launches exactly one a tile. */
__kernel void ntt_forward(__global uint *x, __global const uint2 *tw, uint log_stride, uint tiles) {
    __local uint t[TILE_WORDS];
    const uint tile = get_group_id(0), base = tile_base(tile, log_stride);
    for (uint e = get_local_id(0); e < TILE_WORDS; e += get_local_size(0)) t[e] = x[GLOBAL_AT(base, e)];
    barrier(CLK_LOCAL_MEM_FENCE);
    forward_tile(t, tw, tile_block(tile, log_stride));
    for (uint e = get_local_id(0); e < TILE_WORDS; e += get_local_size(0)) x[GLOBAL_AT(base, e)] = reduce_once(t[e]);
}

__kernel void ntt_forward_bits(__global const uchar *bits, __global uint *x, __global const uint2 *tw, uint log_stride, uint tiles) {
    __local uint t[TILE_WORDS];
    const uint base = tile_base(get_group_id(0), log_stride);
    for (uint e = get_local_id(0); e < TILE_WORDS; e += get_local_size(0)) {
        const uint i = GLOBAL_AT(base, e);
        t[e] = (bits[i / 8] >> (i % 8)) & 1u;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    forward_tile(t, tw, 0);
    for (uint e = get_local_id(0); e < TILE_WORDS; e += get_local_size(0)) x[GLOBAL_AT(base, e)] = reduce_once(t[e]);
}

__kernel void ntt_inverse(__global uint *x, __global const uint2 *tw, uint log_stride, uint tiles) {
    __local uint t[TILE_WORDS];
    const uint tile = get_group_id(0), base = tile_base(tile, log_stride);
    for (uint e = get_local_id(0); e < TILE_WORDS; e += get_local_size(0)) t[e] = x[GLOBAL_AT(base, e)];
    barrier(CLK_LOCAL_MEM_FENCE);
    inverse_tile(t, tw, tile_block(tile, log_stride));
    for (uint e = get_local_id(0); e < TILE_WORDS; e += get_local_size(0)) x[GLOBAL_AT(base, e)] = t[e];
}

__kernel void ntt_inverse_parity(__global const uint *x, __global uchar *bits, __global const uint2 *tw, uint log_stride,
                                 uint tiles) {
    __local uint t[TILE_WORDS];
    const uint base = tile_base(get_group_id(0), log_stride);
    for (uint e = get_local_id(0); e < TILE_WORDS; e += get_local_size(0)) t[e] = x[GLOBAL_AT(base, e)];
    barrier(CLK_LOCAL_MEM_FENCE);
    inverse_tile(t, tw, 0);
    for (uint g = get_local_id(0); g < TILE_WORDS / 8; g += get_local_size(0)) {
        uint b = 0;
        for (uint k = 0; k < 8; k++) b |= (t[8 * g + k] & 1u) << k;
        bits[GLOBAL_AT(base, 8 * g) / 8] = (uchar)b;
    }
}
#endif

/* ---- Products of blocks ---------------------------------------------------------------------------------------------- */

#define TAIL_WORDS (1u << TAIL)
#define BLOCKS_EACH 64u /* to a work-item with vectors; the host counts on it */
/* 2^32 = 2p + FOLD: a sum of four products of residues fits 64 bits, and folding its upper half leaves less than 2^60 + 2^32. */
#define FOLD ((1u << 28) - 2u)

/* R of block b, z^TAIL_WORDS - R, with its companion: the two halves of the split by s have R = s and R = -s. */
inline uint2 block_root(__global const uint2 *tw, uint b) {
    const uint2 s = tw[b / 2];
    return b % 2 ? (uint2)(P - s.x, ~s.y) : s;
}

#if W == 16
typedef ulong8 Q;
#define TO_Q as_ulong8
#define FROM_Q as_uint16
#define SHIFT_IN(x, first) (ulong8)((first), (x).s0, (x).s1, (x).s2, (x).s3, (x).s4, (x).s5, (x).s6)
#elif W == 8
typedef ulong4 Q;
#define TO_Q as_ulong4
#define FROM_Q as_uint8
#define SHIFT_IN(x, first) (ulong4)((first), (x).s0, (x).s1, (x).s2)
#else
typedef ulong Q;
#endif

inline Q fold(Q x) { return (x & (ulong)0xffffffffu) + (x >> 32) * (ulong)FOLD; }
/* x 2^-32 mod p, below 2p, for x below 2^63: -1/p mod 2^32 is p-2. */
inline Q montgomery(Q x) {
    const Q m = ((x & (ulong)0xffffffffu) * (ulong)(P - 2u)) & (ulong)0xffffffffu;
    return (x + m * (ulong)P) >> 32;
}

/* The product of two blocks modulo z^TAIL_WORDS - R: column k collects a_i b_(k-i), wrapped ones times R. scale makes up for the
 * factor 2 of each layer of the inverse and for 2^-32. */
#if W > 1
#define LOW(x) (TO_Q(x) & (ulong)0xffffffffu)
#define HIGH(x) (TO_Q(x) >> 32)

/* One step: a_i meets `now` in the even columns and, in the odd ones, what a_(i-1) met in the even ones. The next is two columns
 * up from `before`, so an element of `wrapped` comes in below. */
#define STEP(i, wrapped)                                   \
    {                                                      \
        const Q u = LOW((V)(a[i])), next = SHIFT_IN(before, wrapped); \
        even += now * u, odd += before * u;                \
        before = now, now = next;                          \
    }
#define FOUR_STEPS(i, high, low)                           \
    even = 0, odd = 0;                                     \
    STEP(i, wrapped_odd.high)                              \
    STEP(i + 1, wrapped_even.high)                         \
    STEP(i + 2, wrapped_odd.low)                           \
    STEP(i + 3, wrapped_even.low)                          \
    sum_even += fold(even), sum_odd += fold(odd);

inline V multiply_block(__global const uint *a, __global const uint *y, uint2 root, uint2 scale) {
    const V b = mul_const(LOADV(y), scale), wrapped = mul_const(b, root);
    const Q wrapped_even = LOW(wrapped), wrapped_odd = HIGH(wrapped);
    Q now = LOW(b), before = HIGH(b), even, odd, sum_even = 0, sum_odd = 0;
#if W == 16
    FOUR_STEPS(0, s7, s6)
    FOUR_STEPS(4, s5, s4)
    FOUR_STEPS(8, s3, s2)
    FOUR_STEPS(12, s1, s0)
#else
    FOUR_STEPS(0, s3, s2)
    FOUR_STEPS(4, s1, s0)
#endif
    return reduce_once(FROM_Q(montgomery(sum_even) | montgomery(sum_odd) << 32));
}

__kernel void ntt_multiply(__global uint *acc, __global const uint *x, __global const uint *y, __global const uint2 *tw, uint2 scale,
                           uint blocks, uint add) {
    const uint first = get_global_id(0) * BLOCKS_EACH;
    for (uint block = first; block < min(first + BLOCKS_EACH, blocks); block++) {
        const uint at = block * TAIL_WORDS;
        V c = multiply_block(x + at, y + at, block_root(tw, block), scale);
        if (add) c = reduce_once(c + LOADV(acc + at));
        STOREV(c, acc + at);
    }
}
#else
__kernel void ntt_multiply(__global uint *acc, __global const uint *x, __global const uint *y, __global const uint2 *tw, uint2 scale,
                           uint blocks, uint add) {
    const uint block = get_global_id(0), at = block * TAIL_WORDS;
    if (block >= blocks) return;
    const uint2 root = block_root(tw, block);
    uint a[TAIL_WORDS], b[2 * TAIL_WORDS];
    for (uint i = 0; i < TAIL_WORDS; i++) {
        a[i] = x[at + i];
        b[TAIL_WORDS + i] = mul_const(y[at + i], scale);
        b[i] = mul_const(b[TAIL_WORDS + i], root);
    }
    for (uint k = 0; k < TAIL_WORDS; k++) {
        Q sum = 0;
        for (uint i = 0; i < TAIL_WORDS; i += 4) {
            Q four = 0;
            for (uint h = i; h < i + 4; h++) four += (Q)a[h] * b[TAIL_WORDS + k - h];
            sum += fold(four);
        }
        uint c = reduce_once((uint)montgomery(sum));
        if (add) c = reduce_once(c + acc[at + k]);
        acc[at + k] = c;
    }
}
#endif
