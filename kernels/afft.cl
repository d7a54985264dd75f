/* SPDX-License-Identifier: Apache-2.0 */
/* Additive transforms over GF(2^64) and their transposes; the method, and what key, window and back are, is told in host/arith/afft_cl.h.
 *
 * Words lie as blocks of at most 2^16, blocks as rows of 256. `columns` works down a block, on tiles of 2^ROWS_LOG2 rows and 8 columns;
 * `rows` along, on tiles of LANES rows that are turned so that a vector has one column of each: the spectrum stays in that order.
 * All tiles are private to a work-item: nothing here needs local memory or a barrier.
 *
 * Two programs: with -DTOP_LOG2=1..7 what goes between bits and 2^TOP_LOG2 blocks; without it the rest, the same for all lengths. Besides, what
 * gf64.clh wants. */
#include "gf64.clh"

enum { KEY, WINDOW, BACK };
enum { COLUMNS = 8, EACH = COLUMNS / LANES, ROW = 256, ROW_LOG2 = 8 };

/* Eight words at any address, of global and of private memory. (PoCL makes scalars of vload8.) */
typedef uint8 loose32 __attribute__((aligned(4)));
typedef ulong8 loose64 __attribute__((aligned(8)));
#define G32(p) (*(__global loose32 *)(p))
#define G64(p) (*(__global loose64 *)(p))
#define P32(p) (*(loose32 *)(p))
#define P64(p) (*(loose64 *)(p))

/* The element that stands for 64 bits of the window, of which these are the halves: see afft_cl.h. Bit 0 is free, since no product of two chunks has
 * degree 63. */
INLINE ulong8 window_word(uint8 upper, uint8 lower) {
    const ulong8 y = convert_ulong8(upper) << 32 | convert_ulong8(lower), t = y >> 60;
    return y ^ t ^ t >> 1;
}
/* ---- Change of basis: from powers of the variable to products of the polynomials s_i that vanish on the subspaces --------- */

#define ADD(d, s, n) \
    for (uint e_ = 0; e_ < (n); e_++) (d)[e_] ^= (s)[e_];

/* One level: with y = z^(2^h) + z in units, z^(2^(h+j)) = y^(2^j) + z^(2^j) on the upper half of a block of 2 half = 2^(h+j+1).
 * WINDOW adds the other way (the inverse transpose), BACK that in the opposite order (the transpose). */
INLINE void level(V *x, const uint half_block, const uint shift, const int which) {
    V *first = x + half_block, *last = x + 2 * half_block - shift;
    if (which == KEY) {
        ADD(first, last, shift)
        ADD(x + shift, first, half_block - shift)
    } else if (which == WINDOW) {
        ADD(last, first, shift)
        ADD(first, x + shift, half_block - shift)
    } else {
        ADD(first, x + shift, half_block - shift)
        ADD(last, first, shift)
    }
}

/* Two coefficients: what KEY adds to d, the others add to s. */
#define TWO(d, s)                 \
    if (which == KEY) a[d] ^= a[s]; \
    else a[s] ^= a[d];

INLINE void change_fours(V *a, const uint n, const int which) {
#pragma unroll
    for (uint i = 0; i < n; i += 4) {
        if (which != BACK) { TWO(i + 2, i + 3) TWO(i + 1, i + 2) }
        else { TWO(i + 1, i + 2) TWO(i + 2, i + 3) }
    }
}
INLINE void change_eights(V *a, const uint n, const int which) {
#pragma unroll
    for (uint i = 0; i < n; i += 8) {
        if (which != BACK) TWO(i + 4, i + 7)
        TWO(i + 1, i + 4) TWO(i + 2, i + 5) TWO(i + 3, i + 6)
        if (which == BACK) TWO(i + 4, i + 7)
    }
}

/* 2^k coefficients, k at most 4. */
INLINE void change(V *a, const uint k, const int which) {
    if (which != BACK) {
        if (k == 4) {
            TWO(8, 14) TWO(9, 15)
            TWO(2, 8) TWO(3, 9) TWO(4, 10) TWO(5, 11) TWO(6, 12) TWO(7, 13)
        }
        if (k >= 3) change_eights(a, 1u << k, which);
        if (k >= 2) change_fours(a, 1u << k, which);
        if (k == 4) {
            TWO(8, 12) TWO(9, 13) TWO(10, 14) TWO(11, 15)
            TWO(4, 8) TWO(5, 9) TWO(6, 10) TWO(7, 11)
        }
    } else {
        if (k == 4) {
            TWO(4, 8) TWO(5, 9) TWO(6, 10) TWO(7, 11)
            TWO(8, 12) TWO(9, 13) TWO(10, 14) TWO(11, 15)
        }
        if (k >= 2) change_fours(a, 1u << k, which);
        if (k >= 3) change_eights(a, 1u << k, which);
        if (k == 4) {
            TWO(2, 8) TWO(3, 9) TWO(4, 10) TWO(5, 11) TWO(6, 12) TWO(7, 13)
            TWO(8, 14) TWO(9, 15)
        }
    }
}

/* ---- Butterflies ----------------------------------------------------------------------------------------------------- */

/* KEY: values at w and w + 1 of a + s b with s = w, w + 1. WINDOW: the inverse transpose of that, which is the same with a and b
 * in each other's place. BACK: the transpose. */
INLINE void split(V *a, V *b, V w) { *a ^= mul(*b, w), *b ^= *a; }
INLINE void merge(V *a, V *b, V w) { *a ^= *b, *b ^= mul(*a, w); }

/* Twiddle of block q of any layer: the sum of v_(i+1) over the bits i of q. */
INLINE ulong twiddle(__global const ulong *tw, uint q) { return tw[q & 255] ^ tw[256 + (q >> 8 & 255)] ^ tw[512 + (q >> 16)]; }

/* Two layers on four coefficients; w2 of the layer of wider stride, w0 of the first block of the other. ZERO: w2 = w0 = 0. */
INLINE void butterfly4(V *a, const uint step, const V w2, const V w0, const V v1, const bool zero, const int which) {
    V *b = a + step, *c = a + 2 * step, *d = a + 3 * step;
    const V w1 = w0 ^ v1;
    if (which == KEY) {
        if (zero) *c ^= *a, *d ^= *b, *b ^= *a, split(c, d, v1);
        else split(a, c, w2), split(b, d, w2), split(a, b, w0), split(c, d, w1);
    } else if (which == WINDOW) {
        if (zero) *a ^= *c, *b ^= *d, *a ^= *b, split(d, c, v1);
        else split(c, a, w2), split(d, b, w2), split(b, a, w0), split(d, c, w1);
    } else {
        if (zero) *a ^= *b, merge(c, d, v1), *a ^= *c, *b ^= *d;
        else merge(a, b, w0), merge(c, d, w1), merge(a, c, w2), merge(b, d, w2);
    }
}

INLINE void butterfly2(V *a, const uint step, const V w, const bool zero, const int which) {
    V *b = a + step;
    if (zero && which == KEY) *b ^= *a;
    else if (zero) *a ^= *b;
    else if (which == KEY) split(a, b, w);
    else if (which == WINDOW) split(b, a, w);
    else merge(a, b, w);
}

/* What the layers of a tile take their twiddles from: base[s] is the twiddle of the tile's first block in the layer that has 2^s of its. */
typedef struct twiddles {
    V base[8], v1;
    __global const ulong *tw;
} twiddles;
#define TWIDDLE(s, p) (w->base[s] ^ (V)(w->tw[p]))

/* k of the layers, 1 to 4, on 2^k coefficients: those of block p of the layer of the tile that has 2^s. */
INLINE void layers(V *a, const uint k, const uint s, const uint p, const twiddles *w, const bool first, const int which) {
    if (which != BACK) {
        if (k & 1)
#pragma unroll
            for (uint i = 0; i < 1u << (k - 1); i++) butterfly2(a + i, 1u << (k - 1), TWIDDLE(s, p), first, which);
        if (k == 4)
#pragma unroll
            for (uint i = 0; i < 4; i++) butterfly4(a + i, 4, TWIDDLE(s, p), TWIDDLE(s + 1, 2 * p), w->v1, first, which);
    }
    if (k >= 2)
#pragma unroll
        for (uint i = 0; i < 1u << (k - 2); i++)
            butterfly4(a + 4 * i, 1, TWIDDLE(s + k - 2, (p << (k - 2)) + i), TWIDDLE(s + k - 1, (p << (k - 1)) + 2 * i), w->v1, first && i == 0, which);
    if (which == BACK) {
        if (k == 4)
#pragma unroll
            for (uint i = 0; i < 4; i++) butterfly4(a + i, 4, TWIDDLE(s, p), TWIDDLE(s + 1, 2 * p), w->v1, first, which);
        if (k & 1)
#pragma unroll
            for (uint i = 0; i < 1u << (k - 1); i++) butterfly2(a + i, 1u << (k - 1), TWIDDLE(s, p), first, which);
    }
}

/* ---- Tiles ----------------------------------------------------------------------------------------------------------- */

/* k layers, 1 to 4, with their change of basis on the 2^k coefficients t, t + step, ... : those of block p of the layer that has 2^s. */
INLINE void change_and_layers(V *t, const uint step, const uint k, const uint s, const uint p, const twiddles *w, const bool first, const int which) {
    V a[16];
#pragma unroll
    for (uint i = 0; i < 1u << k; i++) a[i] = t[i * step];
    if (which != BACK) change(a, k, which);
    layers(a, k, s, p, w, first, which);
    if (which == BACK) change(a, k, which);
#pragma unroll
    for (uint i = 0; i < 1u << k; i++) t[i * step] = a[i];
}

/* Two functions a direction, not inlined, so that they are compiled once: four layers; and 1 to 4 whose first block has the twiddle zero. */
#define NOT_INLINED __attribute__((noinline))
#define OF_DIRECTION(name, which)                                                                                                  \
    NOT_INLINED void sixteen_##name(V *t, uint step, uint s, uint p, const twiddles *w) {                                            \
        change_and_layers(t, step, 4, s, p, w, false, which);                                                                        \
    }                                                                                                                                \
    NOT_INLINED void first_##name(V *t, uint step, uint k, const twiddles *w) {                                                      \
        if (k == 1) change_and_layers(t, step, 1, 0, 0, w, true, which);                                                             \
        else if (k == 2) change_and_layers(t, step, 2, 0, 0, w, true, which);                                                        \
        else if (k == 3) change_and_layers(t, step, 3, 0, 0, w, true, which);                                                        \
        else change_and_layers(t, step, 4, 0, 0, w, true, which);                                                                    \
    }
OF_DIRECTION(key, KEY)
OF_DIRECTION(window, WINDOW)
OF_DIRECTION(back, BACK)

INLINE void sixteen(V *t, uint step, uint s, uint p, const twiddles *w, const int which) {
    if (which == KEY) sixteen_key(t, step, s, p, w);
    else if (which == WINDOW) sixteen_window(t, step, s, p, w);
    else sixteen_back(t, step, s, p, w);
}
INLINE void first_layers(V *t, uint step, uint k, const twiddles *w, const int which) {
    if (which == KEY) first_key(t, step, k, w);
    else if (which == WINDOW) first_window(t, step, k, w);
    else first_back(t, step, k, w);
}

/* 2^k coefficients of `unit` vectors each are changed and transformed: the first k - 4 layers on coefficients 16 apart, the last four on
 * neighbours. First: the tile's own twiddle is zero; else k is 8. */
INLINE void any_tile(V *t, const uint k, const uint unit, const twiddles *w, const bool first, const int which) {
    if (k <= 4) {
        for (uint u = 0; u < unit; u++) first_layers(t + u, unit, k, w, which);
        return;
    }
    const uint high = k - 4;
    if (which == BACK)
        for (uint p = 0; p < 1u << high; p++)
            for (uint u = 0; u < unit; u++) sixteen(t + 16 * p * unit + u, unit, high, p, w, which);
    for (uint i = 0; i <= high; i++) {
        if (i == (which == BACK ? 0 : high))
            for (uint u = 0; u < 16 * unit; u++) {
                if (first) first_layers(t + u, 16 * unit, high, w, which);
                else sixteen(t + u, 16 * unit, 0, 0, w, which);
            }
        if (i == high) break;
        const uint j = which == BACK ? i : high - 1 - i;
        for (uint at = 0; at < unit << k; at += unit << (5 + j)) level(t + at, unit << (4 + j), unit << j, which);
    }
    if (which == BACK) return;
    for (uint p = 0; p < 1u << high; p++)
        for (uint u = 0; u < unit; u++) sixteen(t + 16 * p * unit + u, unit, high, p, w, which);
}

NOT_INLINED void tile_key(V *t, uint k, uint unit, const twiddles *w, bool first) { any_tile(t, k, unit, w, first, KEY); }
NOT_INLINED void tile_window(V *t, uint k, uint unit, const twiddles *w, bool first) { any_tile(t, k, unit, w, first, WINDOW); }
NOT_INLINED void tile_back(V *t, uint k, uint unit, const twiddles *w, bool first) { any_tile(t, k, unit, w, first, BACK); }

INLINE void tile(V *t, uint k, uint unit, const twiddles *w, bool first, uint which) {
    if (which == KEY) tile_key(t, k, unit, w, first);
    else if (which == WINDOW) tile_window(t, k, unit, w, first);
    else tile_back(t, k, unit, w, first);
}

#if !defined(TOP_LOG2)
/* Down the columns of a block of 2^rows_log2 rows. First: there is one block only. */
INLINE void columns(__global ulong *x, __global const ulong *tw, uint which, uint rows_log2, uint id, bool first) {
    const uint per_block = ROW / COLUMNS, block = id / per_block, count = 1u << rows_log2;
    __global ulong *at = x + (block << rows_log2) * ROW + id % per_block * COLUMNS;
    V t[256 * EACH];
    twiddles w;
    w.tw = tw;
    w.v1 = (V)(tw[1]);
    for (uint s = 0; s < 8; s++) w.base[s] = (V)(twiddle(tw, block << s));
    for (uint i = 0; i < count; i++)
        for (uint u = 0; u < EACH; u++) t[i * EACH + u] = *(__global const V *)(at + i * ROW + u * LANES);
    tile(t, rows_log2, EACH, &w, first, which);
    for (uint i = 0; i < count; i++)
        for (uint u = 0; u < EACH; u++) *(__global V *)(at + i * ROW + u * LANES) = t[i * EACH + u];
}

/* LANES vectors as the rows of a matrix, turned. */
INLINE void turn(V *a) {
#if LANES == 8
    V b[8];
#pragma unroll
    for (uint i = 0; i < 8; i += 2) {
        b[i] = EVENS(a[i], a[i + 1]);
        b[i + 1] = ODDS(a[i], a[i + 1]);
    }
#pragma unroll
    for (uint i = 0; i < 2; i++) {
        a[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        a[i + 2] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        a[i + 4] = __builtin_shufflevector(b[i + 4], b[i + 6], 0, 1, 8, 9, 4, 5, 12, 13);
        a[i + 6] = __builtin_shufflevector(b[i + 4], b[i + 6], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma unroll
    for (uint i = 0; i < 4; i++) {
        b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
#pragma unroll
    for (uint i = 0; i < 8; i++) a[i] = b[i];
#else
    const V b0 = EVENS(a[0], a[1]), b1 = ODDS(a[0], a[1]), b2 = EVENS(a[2], a[3]), b3 = ODDS(a[2], a[3]);
    a[0] = (V)(b0.lo, b2.lo), a[1] = (V)(b1.lo, b3.lo), a[2] = (V)(b0.hi, b2.hi), a[3] = (V)(b1.hi, b3.hi);
#endif
}

/* Along LANES rows, a lane each. BACK may begin with the product with y. */
INLINE void rows(__global ulong *x, __global const ulong *y, __global const ulong *tw, uint which, uint id, bool times) {
    __global ulong *at = x + id * LANES * ROW;
    V t[ROW], a[LANES];
    twiddles w;
    w.tw = tw;
    w.v1 = (V)(tw[1]);
    for (uint s = 0; s < ROW_LOG2; s++) w.base[s] = (V)(twiddle(tw, id * LANES << s)) ^ *(__global const V *)(tw + 768 + 8 * s);
    if (which != BACK)
        for (uint c = 0; c < ROW; c += LANES) {
#pragma unroll
            for (uint i = 0; i < LANES; i++) a[i] = *(__global const V *)(at + i * ROW + c);
            turn(a);
#pragma unroll
            for (uint i = 0; i < LANES; i++) t[c + i] = a[i];
        }
    else
        for (uint i = 0; i < ROW; i++) {
            t[i] = *(__global const V *)(at + i * LANES);
            if (times) t[i] = mul(t[i], *(__global const V *)(y + (id * ROW + i) * LANES));
        }
    tile(t, ROW_LOG2, 1, &w, false, which);
    if (which != BACK)
        for (uint i = 0; i < ROW; i++) *(__global V *)(at + i * LANES) = t[i];
    else
        for (uint c = 0; c < ROW; c += LANES) {
#pragma unroll
            for (uint i = 0; i < LANES; i++) a[i] = t[c + i];
            turn(a);
#pragma unroll
            for (uint i = 0; i < LANES; i++) *(__global V *)(at + i * ROW + c) = a[i];
        }
}

/* Both in one kernel, so that what they share is compiled once: down the columns, or along the rows when rows_log2 is 0. A launch may have
 * two transforms, side by side: the second's tiles come after the first's. */
__kernel void afft_layers(__global ulong *x1, __global const ulong *y, __global const ulong *tw, uint which1, uint rows_log2, uint tiles, uint first,
                          uint times, __global ulong *x2, uint which2) {
    const uint id = get_global_id(0);
    if (id >= 2 * tiles) return;
    const bool second = id >= tiles;
    __global ulong *x = second ? x2 : x1;
    const uint which = second ? which2 : which1, tile_id = second ? id - tiles : id;
    if (rows_log2) columns(x, tw, which, rows_log2, tile_id, first);
    else rows(x, y, tw, which, tile_id, times);
}

/* Sums of products: acc_a = sum over k of window_(a-k) key_k, and acc_a itself with `add`, for a below n_acc. Spectra lie `stride` vectors apart; windows are
 * a ring of `ring`, window_0 at `slot`. A work-item has a column of SUMS vectors of all, which stays in the nearest cache. */
#define SUMS 16u /* the host counts on it, and on KEYS */
enum { KEYS = 8 };
__kernel void afft_sums(__global V *acc, __global const V *windows, __global const V *keys, ulong stride, uint columns, uint n_acc, uint n_keys, uint ring,
                        uint slot, uint add) {
    const ulong at = get_global_id(0) * (ulong)SUMS;
    if (get_global_id(0) >= columns) return;
    for (uint a = 0; a < n_acc; a++) {
        __global const V *x[KEYS];
        __global V *to = acc + a * stride + at;
        for (uint k = 0; k < n_keys; k++) x[k] = windows + (slot + a + ring - k) % ring * stride + at;
        for (uint v = 0; v < SUMS; v++) {
            product sum = {0, 0};
            for (uint k = 0; k < n_keys; k++) {
                const product p = clmul(x[k][v], keys[k * stride + at + v]);
                sum.first ^= p.first, sum.second ^= p.second;
            }
            const V s = reduce(sum);
            to[v] = add ? to[v] ^ s : s;
        }
    }
}

/* ---- The level between rows, in blocks of 2^rows_log2 rows; of a block alone, the way from and to bits besides -------------- */

NOT_INLINED void add_words(__global ulong *d, __global const ulong *s, uint n) {
    uint i = 0;
    for (; i + 8 <= n; i += 8) G64(d + i) = G64(d + i) ^ G64(s + i);
    for (; i < n; i++) d[i] ^= s[i];
}

/* As level(), over all of 2^rows_log2 rows. */
INLINE void level_of_rows(__global ulong *x, uint rows_log2, uint j, uint which) {
    const uint half_block = ROW << j, shift = 1u << j;
    for (__global ulong *at = x; at < x + (ROW << rows_log2); at += 2 * half_block) {
        __global ulong *upper = at + half_block, *last = upper + half_block - shift;
        if (which == KEY) {
            add_words(upper, last, shift);
            add_words(at + shift, upper, half_block - shift);
        } else if (which == WINDOW) {
            add_words(last, upper, shift);
            add_words(upper, at + shift, half_block - shift);
        } else {
            add_words(upper, at + shift, half_block - shift);
            add_words(last, upper, shift);
        }
    }
}

/* The lowest levels 8 rows at a time, which the nearest cache holds. */
INLINE void between_rows(__global ulong *x, uint rows_log2, uint which) {
    const uint low = min(rows_log2, 3u);
    if (which != BACK)
        for (uint j = rows_log2; j-- > low;) level_of_rows(x, rows_log2, j, which);
    for (uint r = 0; r < 1u << rows_log2; r += 1u << low)
        for (uint l = 0; l < low; l++) level_of_rows(x + r * ROW, low, which == BACK ? l : low - 1 - l, which);
    if (which == BACK)
        for (uint j = low; j < rows_log2; j++) level_of_rows(x, rows_log2, j, which);
}

/* One block, or one of several: without bits then. */
INLINE void between(__global ulong *x, __global uint *bits, uint which, uint rows_log2, bool alone) {
    const uint words = ROW << rows_log2;
    if (alone && which == KEY)
        for (uint i = 0; i < words; i += 8) G64(x + i) = convert_ulong8(G32(bits + i));
    if (alone && which == WINDOW)
        for (uint i = 0; i < words; i += 8) { /* word i is the window of 64 bits that ends 32 i bits before the end */
            const uint8 upper = G32(bits + words - 8 - i).s76543210;
            const uint next = i + 8 < words ? bits[words - 9 - i] : 0;
            G64(x + i) = window_word(upper, (uint8)(upper.s1, upper.s2, upper.s3, upper.s4, upper.s5, upper.s6, upper.s7, next));
        }
    between_rows(x, rows_log2, which);
    if (alone && which == BACK)
        for (uint i = 0; i < words; i += 8) G32(bits + words - 8 - i) = convert_uint8(G64(x + i) >> 32).s76543210;
}

/* Of one transform or two. */
__kernel void afft_between(__global ulong *x1, __global uint *bits1, uint which1, uint rows_log2, uint blocks, __global ulong *x2, __global uint *bits2, uint which2) {
    const uint id = get_global_id(0), at = id % blocks * (ROW << rows_log2);
    if (id >= 2 * blocks) return;
    const bool second = id >= blocks;
    between((second ? x2 : x1) + at, second ? bits2 : bits1, second ? which2 : which1, rows_log2, blocks == 1);
}

#else
/* ---- Between bits and words, TOP blocks ------------------------------------------------------------------------------ */

/* The change of basis between blocks, and their layers. With H = 2^16 and y = z^H + z, a polynomial over blocks f_q z^(Hq) becomes one in y. By
 * Lucas, z^(Hq) = (y + z)^q = sum over p within q (as sets of bits) of y^p z^(q-p): no block is shifted by more than TOP words, and it is done
 * bit by bit of p on tiles of CHUNKS columns of all blocks with what is shifted into them. What is shifted past the end of a block, z^(H+i), is
 * y z^i + z^(i+1) again. The inverse transpose needs none of that: what is shifted past the end of a block comes from the next. */
#define TOP (1u << TOP_LOG2)
enum { H = 65536, PAD = TOP < 8 ? 8 : TOP, CHUNKS = TOP < 64 ? 64 : TOP, WIDTH = CHUNKS + PAD, SPAN = 16 };

/* Bits of columns are transformed 8 at a time. */
INLINE void top_layers(V *t, __global const ulong *tw, const int which) {
    twiddles w;
    w.tw = tw;
    w.v1 = (V)(tw[1]);
    for (uint s = 0; s < 8; s++) w.base[s] = 0;
    tile(t, TOP_LOG2, EACH, &w, true, which);
}

/* The next set that holds p, and the next that p holds. */
#define ABOVE(q, p) (((q) + 1) | (p))
#define BELOW(q, p) (((q) - 1) & (p))

/* Coefficient H + k of the part at y^p before it is carried. */
INLINE uint beyond(__global const uint *bits, uint p, uint k) {
    uint sum = 0;
    for (uint q = ABOVE(p, p); q < TOP; q = ABOVE(q, p))
        if (q - p > k) sum ^= bits[q * H + H + k - (q - p)];
    return sum;
}

__kernel void afft_top_key(__global const uint *bits, __global ulong *x, __global const ulong *tw) {
    const uint first = get_global_id(0) * CHUNKS;
    if (first >= H) return;
    uint z[TOP * WIDTH];
    V out[TOP * CHUNKS / LANES]; /* memory is met a row at a time */
    for (uint p = 0; p < TOP; p++)
        for (uint i = 0; i < WIDTH; i += 8)
            P32(z + p * WIDTH + i) = first + i >= PAD ? G32(bits + p * H + first + i - PAD) : (uint8)(0);
    for (uint shift = TOP / 2; shift; shift /= 2)
        for (uint p = 0; p < TOP; p++)
            if (!(p & shift))
                for (uint i = 0; i < WIDTH; i += 8) {
                    uint *d = z + p * WIDTH + i;
                    P32(d) = P32(d) ^ P32(d + shift * WIDTH - shift);
                }
    if (first == 0)
        for (uint p = 0; p < TOP; p++)
            for (uint i = 0; i < TOP; i++) z[p * WIDTH + PAD + i] ^= (p ? beyond(bits, p - 1, i) : 0) ^ (i ? beyond(bits, p, i - 1) : 0);
    for (uint c = 0; c < CHUNKS; c += 8) {
        V t[TOP * EACH];
        for (uint p = 0; p < TOP; p++) P64(t + p * EACH) = convert_ulong8(P32(z + p * WIDTH + PAD + c));
        top_layers(t, tw, KEY);
        for (uint p = 0; p < TOP; p++)
            for (uint u = 0; u < EACH; u++) out[(p * CHUNKS + c) / LANES + u] = t[p * EACH + u];
    }
    for (uint p = 0; p < TOP; p++)
        for (uint i = 0; i < CHUNKS; i += LANES) *(__global V *)(x + p * H + first + i) = out[(p * CHUNKS + i) / LANES];
}

__kernel void afft_top_window(__global const uint *bits, __global ulong *x, __global const ulong *tw) {
    const uint first = get_global_id(0) * CHUNKS;
    if (first >= H) return;
    uint z[TOP * WIDTH];
    V out[TOP * CHUNKS / LANES];
    for (uint p = 0; p < TOP; p++)
        for (uint i = 0; i < WIDTH; i += 8) {
            const uint at = p * H + first + i;
            P32(z + p * WIDTH + i) = at < TOP * H ? G32(bits + TOP * H - 8 - at).s76543210 : (uint8)(0);
        }
    for (uint shift = TOP / 2; shift; shift /= 2)
        for (uint p = 0; p < TOP; p++)
            if (p & shift)
                for (uint i = 0; i < WIDTH; i += 8) {
                    uint *d = z + p * WIDTH + i;
                    P32(d) = P32(d) ^ P32(d + shift - shift * WIDTH);
                }
    for (uint c = 0; c < CHUNKS; c += 8) {
        V t[TOP * EACH];
        for (uint p = 0; p < TOP; p++) {
            const uint *v = z + p * WIDTH + c;
            P64(t + p * EACH) = window_word(P32(v), P32(v + 1));
        }
        top_layers(t, tw, WINDOW);
        for (uint p = 0; p < TOP; p++)
            for (uint u = 0; u < EACH; u++) out[(p * CHUNKS + c) / LANES + u] = t[p * EACH + u];
    }
    for (uint p = 0; p < TOP; p++)
        for (uint i = 0; i < CHUNKS; i += LANES) *(__global V *)(x + p * H + first + i) = out[(p * CHUNKS + i) / LANES];
}

/* Chunks of n columns of all blocks, from column `from` on, before the change of basis between blocks. */
INLINE void top_chunks(__global const ulong *x, __global const ulong *tw, uint from, uint n, uint *z) {
    V t[TOP * EACH], in[TOP * (CHUNKS > PAD ? CHUNKS : PAD) / LANES];
    for (uint p = 0; p < TOP; p++)
        for (uint i = 0; i < n; i += LANES) in[(p * n + i) / LANES] = *(__global const V *)(x + p * H + from + i);
    for (uint c = 0; c < n; c += 8) {
        for (uint p = 0; p < TOP; p++)
            for (uint u = 0; u < EACH; u++) t[p * EACH + u] = in[(p * n + c) / LANES + u];
        top_layers(t, tw, BACK);
        for (uint p = 0; p < TOP; p++) P32(z + p * WIDTH + c) = convert_uint8(P64(t + p * EACH) >> 32);
    }
}

/* SPAN tiles from right to left, so that what is shifted in is there; of the last tile it is the next block's first columns. */
__kernel void afft_top_back(__global const ulong *x, __global uint *bits, __global const ulong *tw) {
    const uint begin = get_global_id(0) * SPAN * CHUNKS, end = min(begin + SPAN * CHUNKS, (uint)H);
    if (begin >= H) return;
    uint z[TOP * WIDTH], y[TOP * WIDTH], next[TOP * WIDTH];
    top_chunks(x, tw, end % H, PAD, next);
    for (uint first = end; first > begin;) {
        first -= CHUNKS;
        for (uint p = 0; p < TOP; p++)
            for (uint i = 0; i < PAD; i += 8) {
                const uint from = first + CHUNKS < H ? p : p + 1;
                P32(z + p * WIDTH + CHUNKS + i) = from < TOP ? P32(next + from * WIDTH + i) : (uint8)(0);
            }
        top_chunks(x, tw, first, CHUNKS, z);
        for (uint i = 0; i < TOP * WIDTH; i += 8) P32(y + i) = P32(z + i);
        for (uint shift = TOP / 2; shift; shift /= 2)
            for (uint p = 0; p < TOP; p++)
                if (p & shift)
                    for (uint i = 0; i < WIDTH; i += 8) {
                        uint *d = y + p * WIDTH + i;
                        P32(d) = P32(d) ^ P32(d + shift - shift * WIDTH);
                    }
        /* What was carried into z^H = y + z went to z besides. */
        if (first + CHUNKS == H)
            for (uint p = 1; p < TOP; p++)
                for (uint i = CHUNKS - TOP; i < CHUNKS; i++)
                    for (uint q = BELOW(p, p);; q = BELOW(q, p)) {
                        if (i + p - q >= CHUNKS) y[p * WIDTH + i] ^= next[q * WIDTH + i + p - q - CHUNKS + 1];
                        if (!q) break;
                    }
        for (uint p = 0; p < TOP; p++)
            for (uint i = 0; i < CHUNKS; i += 8) G32(bits + TOP * H - 8 - (p * H + first + i)) = P32(y + p * WIDTH + i).s76543210;
        for (uint p = 0; p < TOP; p++)
            for (uint i = 0; i < PAD; i += 8) P32(next + p * WIDTH + i) = P32(z + p * WIDTH + i);
    }
}
#endif
