/* SPDX-License-Identifier: Apache-2.0 */
/* Prefix parities of groups of 64 frames in the order of each pass (host/reconcile/cascade_prefix.h): turn 64 frames so that a word holds one
 * bit of each, then xor the words up in the order of the pass.
 *
 *   keys   ulong [frames][words]
 *   sliced ulong [groups][64 words]        bit f of word i: bit i of frame f
 *   order  uint  [passes][n]
 *   prefix ulong [groups][passes][n + 1] */

#define LOCAL 256

/* 64 x 64 bits: bit b of word f becomes bit f of word b, by halves. */
static void transpose(ulong *t) {
    ulong mask = 0xfffffffful;
    for (int j = 32; j; j >>= 1, mask ^= mask << j)
        for (int k = 0; k < 64; k = ((k | j) + 1) & ~j) {
            ulong x = (t[k] >> j ^ t[k | j]) & mask;
            t[k | j] ^= x;
            t[k] ^= x << j;
        }
}

__kernel void slice(__global const ulong *keys, __global ulong *sliced, ulong n_frames, uint words, uint groups) {
    const ulong id = get_global_id(0), group = id / words, word = id % words;
    if (group >= groups) return;
    ulong t[64];
    for (int f = 0; f < 64; f++) t[f] = 64 * group + f < n_frames ? keys[(64 * group + f) * words + word] : 0;
    transpose(t);
    __global ulong *out = sliced + (group * words + word) * 64;
    for (int b = 0; b < 64; b++) out[b] = t[b];
}

/* Eight words at any address, of global and of private memory. (PoCL makes scalars of vload8.) */
typedef ulong8 loose64 __attribute__((aligned(8)));

/* The same by eight words, a lane each. */
__kernel void slice_eight(__global const ulong *keys, __global ulong *sliced, ulong n_frames, uint words, uint groups) {
    const ulong eights = (words + 7) / 8, group = get_global_id(0) / eights, word = get_global_id(0) % eights * 8;
    if (group >= groups) return;
    const uint lanes = words - word < 8 ? (uint)(words - word) : 8;
    ulong t[64 * 8];
    for (int f = 0; f < 64; f++) {
        __global const ulong *key = keys + (64 * group + f) * words + word;
        const bool there = 64 * group + f < n_frames;
        if (there && lanes == 8)
            *(loose64 *)(t + 8 * f) = *(__global const loose64 *)key;
        else
            for (uint l = 0; l < 8; l++) t[8 * f + l] = there && l < lanes ? key[l] : 0;
    }
    ulong mask = 0xfffffffful;
    for (int j = 32; j; j >>= 1, mask ^= mask << j)
        for (int k = 0; k < 64; k = ((k | j) + 1) & ~j) {
            const ulong8 a = *(loose64 *)(t + 8 * k), b = *(loose64 *)(t + 8 * (k | j)), x = (a >> (ulong)j ^ b) & mask;
            *(loose64 *)(t + 8 * (k | j)) = b ^ x;
            *(loose64 *)(t + 8 * k) = a ^ x << (ulong)j;
        }
    __global ulong *out = sliced + (group * words + word) * 64;
    for (uint l = 0; l < lanes; l++)
        for (int b = 0; b < 64; b++) out[64 * l + b] = t[8 * b + l];
}

/* Four passes at a time: each is a chain of dependent xors, and four of them overlap. */
__kernel void prefix_item(__global const ulong *sliced, __global const uint *orders, __global ulong *prefix, uint n, uint words,
                          uint passes, uint groups) {
    const uint fours = (passes + 3) / 4, first = 4 * (uint)(get_global_id(0) % fours);
    const ulong group = get_global_id(0) / fours;
    if (group >= groups) return;
    __global const ulong *bits = sliced + group * words * 64;
    __global const uint *order = orders + first * (ulong)n;
    __global ulong *out = prefix + (group * passes + first) * ((ulong)n + 1);
    if (first + 4 <= passes) {
        const ulong in = n, row = (ulong)n + 1;
        ulong a = 0, b = 0, c = 0, d = 0;
        out[0] = out[row] = out[2 * row] = out[3 * row] = 0;
        for (uint j = 0; j < n; j++) {
            out[j + 1] = a ^= bits[order[j]];
            out[row + j + 1] = b ^= bits[order[in + j]];
            out[2 * row + j + 1] = c ^= bits[order[2 * in + j]];
            out[3 * row + j + 1] = d ^= bits[order[3 * in + j]];
        }
        return;
    }
    for (uint p = first; p < passes; p++, order += n, out += (ulong)n + 1) {
        ulong parity = 0;
        out[0] = 0;
        for (uint j = 0; j < n; j++) out[j + 1] = parity ^= bits[order[j]];
    }
}

/* A tile of LOCAL positions at a time; each step of the scan adds what stands `by` places before (Hillis, Steele, CACM 29:1170 (1986)). */
__kernel void prefix_group(__global const ulong *sliced, __global const uint *orders, __global ulong *prefix, uint n, uint words,
                           uint passes, uint groups) {
    __local ulong sum[2][LOCAL];
    const ulong id = get_group_id(0), group = id / passes;
    const uint me = get_local_id(0);
    if (group >= groups) return; /* the whole work-group */
    __global const ulong *bits = sliced + group * words * 64;
    __global const uint *order = orders + (id % passes) * (ulong)n;
    __global ulong *out = prefix + id * ((ulong)n + 1);
    ulong carry = 0;
    if (me == 0) out[0] = 0;
    for (uint tile = 0; tile < n; tile += LOCAL) {
        const uint j = tile + me;
        int now = 0;
        sum[0][me] = j < n ? bits[order[j]] : 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint by = 1; by < LOCAL; by <<= 1, now ^= 1) {
            sum[now ^ 1][me] = sum[now][me] ^ (me >= by ? sum[now][me - by] : 0);
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (j < n) out[j + 1] = carry ^ sum[now][me];
        carry ^= sum[now][LOCAL - 1];
        barrier(CLK_LOCAL_MEM_FENCE); /* the tile has been read */
    }
}
