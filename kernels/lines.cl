/* SPDX-License-Identifier: Apache-2.0 */
/* Slices of A correlated with B, summed along every slope; definitions are in host/timetag/lines.h.
 *
 * The transform is modulo p = 12289 in 16-bit lanes: natural order in, blocks in bit-reversed order out, as kernels/ntt.clh does it
 * with 32 bits. Two forms: -DGROUP=n, a work-group of n items in local memory (GPUs); without, one work-item with vectors of 16 lanes. */
#define P ((ushort)12289)
#define PINV ((ushort)53249)/* p^-1 modulo 2^16 */
#define LOG2N 12
#define N (1u << LOG2N)
#define SLICE (N / 2)
#define PAD 8192u /* words before and behind the rows: what is read there is never used */

#ifdef GROUP
typedef ushort V;
typedef short SV;
typedef int IV;
#define LANES 1
#define LOADV(p) (*(p))
#define STOREV(v, p) (*(p) = (v))
#define TO_IV(x) ((int)(x))
#define AS_SV(x) ((short)(x))
#else
typedef ushort16 V;
typedef short16 SV;
typedef int16 IV;
#define LANES 16
#define LOADV(p) vload16(0, p)
#define STOREV(v, p) vstore16(v, 0, p)
#define TO_IV(x) convert_int16(x)
#define AS_SV(x) as_short16(x)
#endif

/* High halves of 16 x 16 bits. Compilers know the widened form as one instruction; the built-in mul_hi they take for a call. */
#ifdef GROUP
inline V mul_high(V a, V b) { return (ushort)(((uint)a * b) >> 16); }
#else
inline V mul_high(V a, V b) { return convert_ushort16((convert_uint16(a) * convert_uint16(b)) >> 16); }
#endif

inline V reduce_once(V x) { return min(x, (V)(x - P)); }

/* a w mod p in [0, p) for any a; wq = floor(w 2^16 / p) (Shoup). */
inline V mul_by(V a, V w, V wq) { return reduce_once((V)(a * w - mul_high(a, wq) * P)); }

/* x y / 2^16 mod p in [0, p) (Montgomery). */
inline V mul_mod(V x, V y) {
    const V m = (V)(x * y * PINV);
    return reduce_once((V)(mul_high(x, y) + P - mul_high(m, (V)(P))));
}

/* z^(2h) - s^2 = (z^h - s)(z^h + s). Residues in [0, 2p) in and out. */
inline void split(V *u, V *v, V s, V sq) {
    const V a = reduce_once(*u), t = mul_by(*v, s, sq);
    *u = (V)(a + t);
    *v = (V)(a - t + P);
}

/* Back, times two. Residues in [0, p) in and out. */
inline void merge(V *u, V *v, V s, V sq) {
    const V a = *u, b = *v;
    *u = reduce_once((V)(a + b));
    *v = mul_by((V)(a - b + P), s, sq);
}

inline V residue(SV x) {
#ifdef GROUP
    return x < 0 ? (ushort)(x + (short)P) : (ushort)x;
#else
    return as_ushort16(x + ((x >> (short)15) & (short)P));
#endif
}

/* Sums below p to what a leaf holds. */
inline V leaf_of(V r, short mean) {
#ifdef GROUP
    return (ushort)((r > P / 2 ? (short)(r - P) : (short)r) - mean);
#else
    const SV s = as_short16(r), above = s > (short)(P / 2);
    return as_ushort16(s - (above & (short)P) - mean);
#endif
}

#ifdef GROUP

/* One layer in local memory: every item does its share of the N/2 pairs. */
inline void forward_group(__local ushort *x, __global const ushort2 *tw) {
    for (uint layer = 0; layer < LOG2N; layer++) {
        const uint gap = N >> (layer + 1);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint i = get_local_id(0); i < N / 2; i += GROUP) {
            const uint block = i / gap, at = block * 2 * gap + i % gap;
            const ushort2 w = tw[block];
            ushort u = x[at], v = x[at + gap];
            split(&u, &v, w.x, w.y);
            x[at] = u;
            x[at + gap] = v;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

inline void inverse_group(__local ushort *x, __global const ushort2 *tw) {
    for (uint layer = LOG2N; layer-- > 0;) {
        const uint gap = N >> (layer + 1);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint i = get_local_id(0); i < N / 2; i += GROUP) {
            const uint block = i / gap, at = block * 2 * gap + i % gap;
            const ushort2 w = tw[block];
            ushort u = x[at], v = x[at + gap];
            merge(&u, &v, w.x, w.y);
            x[at] = u;
            x[at + gap] = v;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

/* Spectrum of segment s: N values from in + s stride, times scale, to place first + s. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void lines_forward(__global const char *restrict in, uint stride, uint segments, uint first, ushort scale, ushort scale_q, __global const ushort2 *restrict tw,
                   __global const ushort *restrict lane_tw, __global ushort *restrict out) {
    __local ushort x[N];
    const uint s = get_group_id(0);
    (void)lane_tw;
    if (s >= segments) return;
    for (uint i = get_local_id(0); i < N; i += GROUP) x[i] = residue((short)in[(size_t)s * stride + i]);
    forward_group(x, tw);
    for (uint i = get_local_id(0); i < N; i += GROUP) out[(size_t)(first + s) * N + i] = mul_by(reduce_once(x[i]), scale, scale_q);
}

/* Leaf k at block m: item k blocks + m of the group index; its slices' spectra from a_from on, B's from b_from on; lags go to
 * rows + k width + (column + m) 2048. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void lines_lags(__global const ushort *restrict a, __global const ushort *restrict b, uint leaves, uint group, uint a_from, uint b_from, uint blocks, short mean,
                __global const ushort2 *restrict tw, __global const ushort *restrict lane_tw, __global ushort *restrict rows, uint width,
                uint column) {
    __local ushort x[N];
    const uint k = get_group_id(0) / blocks, m = get_group_id(0) % blocks;
    (void)lane_tw;
    if (k >= leaves) return;
    for (uint i = get_local_id(0); i < N; i += GROUP) {
        ushort sum = 0;
        for (uint g = 0; g < group; g++) {
            const size_t s = (size_t)k * group + g;
            sum = reduce_once(sum + mul_mod(a[(s + a_from) * N + i], b[(s + b_from + m) * N + i]));
        }
        x[i] = sum;
    }
    inverse_group(x, tw);
    __global ushort *to = rows + PAD + (size_t)k * width + (column + m) * SLICE;
    for (uint i = get_local_id(0); i < SLICE; i += GROUP) to[i] = leaf_of(x[i], mean);
}

#else

#define VECTORS (N / 16)
#define TALL 8 /* layers between vectors; the other 4 are within */

/* 16 x 16 transposition, four rounds of interleaving. */
inline V low_half(V a, V b) {
    return (V)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7);
}
inline V high_half(V a, V b) {
    return (V)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf);
}
inline void transpose(V *t) {
    V u[16];
    for (uint round = 0; round < 2; round++) {
#pragma unroll
        for (uint i = 0; i < 8; i++) {
            u[2 * i] = low_half(t[i], t[i + 8]);
            u[2 * i + 1] = high_half(t[i], t[i + 8]);
        }
#pragma unroll
        for (uint i = 0; i < 8; i++) {
            t[2 * i] = low_half(u[i], u[i + 8]);
            t[2 * i + 1] = high_half(u[i], u[i + 8]);
        }
    }
}

/* Layers between vectors, two at a time. */
inline void forward_tall(V *t, __global const ushort2 *tw) {
    for (uint layer = 0; layer < TALL; layer += 2) {
        const uint step = VECTORS >> (layer + 2);
        for (uint j = 0; j < (1u << layer); j++) {
            const ushort2 w = tw[j], even = tw[2 * j], odd = tw[2 * j + 1];
            for (uint i = 0; i < step; i++) {
                V *q = t + j * 4 * step + i;
                V a = q[0], b = q[step], c = q[2 * step], d = q[3 * step];
                split(&a, &c, w.x, w.y);
                split(&b, &d, w.x, w.y);
                split(&a, &b, even.x, even.y);
                split(&c, &d, odd.x, odd.y);
                q[0] = a, q[step] = b, q[2 * step] = c, q[3 * step] = d;
            }
        }
    }
}

inline void inverse_tall(V *t, __global const ushort2 *tw) {
    for (uint done = 0; done < TALL; done += 2) {
        const uint layer = TALL - 2 - done, step = VECTORS >> (layer + 2);
        for (uint j = 0; j < (1u << layer); j++) {
            const ushort2 w = tw[j], even = tw[2 * j], odd = tw[2 * j + 1];
            for (uint i = 0; i < step; i++) {
                V *q = t + j * 4 * step + i;
                V a = q[0], b = q[step], c = q[2 * step], d = q[3 * step];
                merge(&a, &b, even.x, even.y);
                merge(&c, &d, odd.x, odd.y);
                merge(&a, &c, w.x, w.y);
                merge(&b, &d, w.x, w.y);
                q[0] = a, q[step] = b, q[2 * step] = c, q[3 * step] = d;
            }
        }
    }
}

/* The layers within 16 blocks of 16 coefficients, lane = block: twiddles by lane, 15 pairs of vectors a group. */
inline void forward_wide(V *t, __global const ushort *lane_tw) {
    transpose(t);
    uint at = 0;
#pragma unroll
    for (uint gap = 8; gap >= 1; gap /= 2)
#pragma unroll
        for (uint j = 0; j < 8 / gap; j++, at++) {
            const V s = vload16(2 * at, lane_tw), sq = vload16(2 * at + 1, lane_tw);
#pragma unroll
            for (uint i = 0; i < gap; i++) split(&t[j * 2 * gap + i], &t[j * 2 * gap + gap + i], s, sq);
        }
}

inline void inverse_wide(V *t, __global const ushort *lane_tw) {
    uint at = 15;
#pragma unroll
    for (uint gap = 1; gap <= 8; gap *= 2)
#pragma unroll
        for (uint j = 8 / gap; j-- > 0;) {
            at--;
            const V s = vload16(2 * at, lane_tw), sq = vload16(2 * at + 1, lane_tw);
#pragma unroll
            for (uint i = 0; i < gap; i++) merge(&t[j * 2 * gap + i], &t[j * 2 * gap + gap + i], s, sq);
        }
    transpose(t);
}

__kernel void lines_forward(__global const char *restrict in, uint stride, uint segments, uint first, ushort scale, ushort scale_q, __global const ushort2 *restrict tw,
                            __global const ushort *restrict lane_tw, __global ushort *restrict out) {
    const uint s = get_global_id(0);
    if (s >= segments) return;
    V t[VECTORS];
    for (uint i = 0; i < VECTORS; i++) t[i] = residue(convert_short16(vload16(i, in + (size_t)s * stride)));
    forward_tall(t, tw);
    for (uint g = 0; g < VECTORS / 16; g++) {
        forward_wide(t + 16 * g, lane_tw + (size_t)g * 480);
        for (uint i = 0; i < 16; i++) vstore16(mul_by(reduce_once(t[16 * g + i]), (V)(scale), (V)(scale_q)), 16 * g + i, out + (size_t)(first + s) * N);
    }
}

/* Products of up to four slices at once: all of a slice is read before the next, as caches like it. Four residues and what there is fit
 * into 16 bits. */
inline void products(V *t, __global const ushort *a, __global const ushort *b, const uint slices, const bool first) {
    for (uint i = 0; i < VECTORS; i++) {
        V sum = first ? (V)(0) : t[i];
#pragma unroll
        for (uint g = 0; g < slices; g++) sum += mul_mod(vload16(i, a + g * N), vload16(i, b + g * N));
        if (slices > 2) sum = min(sum, (V)(sum - (ushort)(4 * P)));
        if (slices > 1) sum = min(sum, (V)(sum - (ushort)(2 * P)));
        t[i] = reduce_once(sum);
    }
}

__kernel void lines_lags(__global const ushort *restrict a, __global const ushort *restrict b, uint leaves, uint group, uint a_from, uint b_from, uint blocks, short mean,
                         __global const ushort2 *restrict tw, __global const ushort *restrict lane_tw, __global ushort *restrict rows,
                         uint width, uint column) {
    const uint k = get_global_id(0) / blocks, m = get_global_id(0) % blocks;
    if (k >= leaves) return;
    V t[VECTORS];
    __global const ushort *pa = a + ((size_t)a_from + k * group) * N, *pb = b + ((size_t)b_from + k * group + m) * N;
    if (group == 1) products(t, pa, pb, 1, true);
    else if (group == 2) products(t, pa, pb, 2, true);
    else
        for (uint g = 0; g < group; g += 4) products(t, pa + (size_t)g * N, pb + (size_t)g * N, 4, g == 0);
    for (uint g = 0; g < VECTORS / 16; g++) inverse_wide(t + 16 * g, lane_tw + (size_t)g * 480);
    inverse_tall(t, tw);
    __global ushort *to = rows + PAD + (size_t)k * width + (column + m) * SLICE;
    for (uint i = 0; i < VECTORS / 2; i++) vstore16(leaf_of(t[i], mean), i, to);
}

#endif

/* Two blocks of every row to where rows have another width. */
__kernel void lines_move(__global const ushort *restrict from, uint at, uint width, uint leaves, __global ushort *restrict to, uint place, uint wide) {
    const uint chunks = 2 * SLICE / LANES, k = get_global_id(0) / chunks, x = get_global_id(0) % chunks * LANES;
    if (k >= leaves) return;
    const V v = LOADV(from + at + (size_t)k * width + x);
    STOREV(v, to + place + (size_t)k * wide + x);
}

/* One pass of the tree: `parts` neighbouring branches become one. `in` has `old` rows a branch, `out` `slopes` rows. at[jj parts + i] is
 * where branch i of slope jj lies from the first row of its branch. Columns [from, to) of the rows; out's from `row` on. */
__kernel void lines_sum(__global const ushort *restrict in, uint branches, uint parts, uint old, uint slopes, __global const int *restrict at, uint width,
                        uint from, uint to, uint row, __global ushort *restrict out) {
    const uint chunks = (to - from + CHUNK * LANES - 1) / (CHUNK * LANES);
    const uint branch = get_global_id(0) / chunks, x = from + get_global_id(0) % chunks * CHUNK * LANES;
    if (branch >= branches) return;
    for (uint jj = 0; jj < slopes; jj++) {
        V sum[CHUNK];
        for (uint c = 0; c < CHUNK; c++) sum[c] = 0;
        for (uint i = 0; i < parts; i++) {
            __global const ushort *p = in + PAD + (size_t)(branch * parts + i) * old * width + x + at[jj * parts + i];
            for (uint c = 0; c < CHUNK; c++) sum[c] += LOADV(p + c * LANES);
        }
        __global ushort *q = out + PAD + ((size_t)row + (size_t)branch * slopes + jj) * width + x;
        for (uint c = 0; c < CHUNK; c++) STOREV(sum[c], q + c * LANES);
    }
}

/* The last pass, with the best slope of every lag: slopes in the order in which ties are decided. Lag l stands in column from + l. */
__kernel void lines_best(__global const ushort *restrict in, uint parts, uint old, uint slopes, __global const int *restrict slope, __global const int *restrict at,
                         uint width, uint from, uint n, uint place, uint total, __global int *restrict out) {
    const uint l = get_global_id(0) * CHUNK * LANES;
    if (l >= n) return;
    IV flat[CHUNK], most[CHUNK], most2[CHUNK], best[CHUNK], best2[CHUNK];
    for (uint jj = 0; jj < slopes; jj++) {
        int line[(CHUNK + 1) * LANES];
        for (uint c = 0; c < CHUNK + 1; c++) {
            IV sum = 0;
            for (uint i = 0; i < parts; i++)
                sum += TO_IV(AS_SV(LOADV(in + PAD + (size_t)i * old * width + from + l + c * LANES + at[jj * parts + i])));
            STOREV(sum, line + c * LANES);
        }
        if (place + l + CHUNK * LANES >= total) line[CHUNK * LANES] = 0; /* the last lag has no neighbour */
        const int j = slope[jj];
        for (uint c = 0; c < CHUNK; c++) {
            const IV one = LOADV(line + c * LANES), two = one + LOADV(line + c * LANES + 1);
            if (jj == 0) {
                flat[c] = most[c] = one;
                most2[c] = two;
                best[c] = best2[c] = 0;
            } else {
#ifdef GROUP
                if (one > most[c]) most[c] = one, best[c] = j;
                if (two > most2[c]) most2[c] = two, best2[c] = j;
#else
                const IV up = one > most[c], up2 = two > most2[c];
                most[c] = max(most[c], one);
                most2[c] = max(most2[c], two);
                best[c] = (best[c] & ~up) | (up & j);
                best2[c] = (best2[c] & ~up2) | (up2 & j);
#endif
            }
        }
    }
    __global int *q = out + place + l;
    for (uint c = 0; c < CHUNK; c++) {
        STOREV(flat[c], q + c * LANES);
        STOREV(most[c], q + total + c * LANES);
        STOREV(best[c], q + 2 * (size_t)total + c * LANES);
        STOREV(most2[c], q + 3 * (size_t)total + c * LANES);
        STOREV(best2[c], q + 4 * (size_t)total + c * LANES);
    }
}
