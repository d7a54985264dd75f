/* SPDX-License-Identifier: Apache-2.0 */
/* Bit-sliced additive transforms over GF(2^32) and their transposes; the method, and what key, window and back are, is told in
 * host/arith/sliced_cl.h, the field and -DWIDTH in gf32.clh.
 *
 * 2^L = LANES elements are a group: 32 vectors, one a coordinate. A group lies at 32 place(g) vectors. Of the K bits of an element's index, before the turn,
 * the lowest L are lanes and the others the group's; layers work on index bits that are the group's, from the highest down. Once index bits L and up are
 * done, bits L + j and j change places (the turn), and the lowest layers follow. A pass is a range of the group's bits: its layers, and in the turn the
 * exchange of these bits before. (BACK goes all the way backwards.)
 *
 * Lanes: bit j below 4 of a lane is index bit L-4+j, bit 4+j is index bit j (as chunks fall when 16 vectors of them are turned). After the turn the same of
 * index bits L .. 2L-1.
 *
 * -DCHANGE   the change of basis in place of all that (sliced_change.clh)
 * -DLOCAL    the form for GPUs (sliced_local.clh) */
#ifdef CHANGE
#include "sliced_change.clh"
#else
#ifdef LOCAL
#define TURN INLINE
#else
#define TURN NOT_INLINED
#endif
#include "sliced.clh"

/* Coordinates of the smallest field that has the sums of v_1 .. v_n. */
INLINE uint field(uint n) { return n < 4 ? 4 : n < 8 ? 8 : n < 16 ? 16 : 32; }

/* Sum of v_(i+1) over the bits i of q, by tables of a byte each. */
INLINE uint twiddle(__global const uint *tw, uint q) { return tw[q & 255] ^ tw[256 + (q >> 8 & 255)] ^ tw[512 + (q >> 16)]; }

#ifdef LOCAL
#include "sliced_local.clh"
#else

/* ---- Butterflies -------------------------------------------------------------------------------------------------------- */

#define SPACE __global
#define FUNCTION NOT_INLINED
#include "gf32_butterflies.clh"
#define LEAVES(m) NOT_INLINED void make_leaves_##m(V *l, const V *w) { leaves_##m(l, w); }
LEAVES(4)
LEAVES(8)
LEAVES(16)
LEAVES(32)

typedef struct layer {
    __global V *x;
    __global const uint *tw;
    __global const V *of_lanes; /* what the lanes add to the twiddle, or NULL */
    uint which, k;
    uint bit, low, turned; /* of the group's index; the lowest bit of the pass; whether it is after the turn */
} layer;

INLINE void butterfly(const layer *y, uint g, const V *l, const uint m) {
    __global V *a = y->x + place(g), *b = y->x + place(g | 1u << y->bit), *c = y->which == WINDOW ? b : a, *d = y->which == WINDOW ? a : b;
    if (!l) {
        __global V *to = y->which == KEY ? b : a;
        __global const V *from = y->which == KEY ? a : b;
        for (uint i = 0; i < 32; i++) to[i] ^= from[i];
    } else if (m == 4) y->which == BACK ? merge_4(a, b, l) : split_4(c, d, l);
    else if (m == 8) y->which == BACK ? merge_8(a, b, l) : split_8(c, d, l);
    else if (m == 16) y->which == BACK ? merge_16(a, b, l) : split_16(c, d, l);
    else y->which == BACK ? merge_32(a, b, l) : split_32(c, d, l);
}

/* The butterflies of groups g | r << low for r < count, which have their twiddle in common. */
INLINE void block_of_groups(const layer *y, uint g, uint low, uint count) {
    uint q = g >> (y->bit + 1), m;
    if (y->turned) {
        q = (g >> L) << (2 * L - 1 - y->bit) | (g & ((1u << L) - 1)) >> (y->bit + 1);
        q |= (g & ((1u << y->low) - 1)) << (L - 1 - y->bit); /* bits that have not changed places yet */
        m = field(y->k - 1 - y->bit);
    } else m = field(32 - clz(q));
    V w[32], l[243];
    const uint sum = twiddle(y->tw, q);
    if (q || y->turned) {
        for (uint i = 0; i < m; i++) w[i] = (V)(-(sum >> i & 1));
        if (y->turned)
            for (uint i = 0; i < m; i++) w[i] ^= y->of_lanes[i];
        if (m == 4) make_leaves_4(l, w);
        else if (m == 8) make_leaves_8(l, w);
        else if (m == 16) make_leaves_16(l, w);
        else make_leaves_32(l, w);
    }
    for (uint r = 0; r < count; r++) butterfly(y, g | r << low, q || y->turned ? l : 0, m);
}

/* ---- Passes ---------------------------------------------------------------------------------------------------------------- */

/* The lowest four bits' part of the change of basis (sliced_change.clh), on 16 groups. */
#define TWO(d, s)                       \
    if (which == KEY) a[d] ^= a[s];     \
    else a[s] ^= a[d];
INLINE void change_fours(V *a, const uint which) {
    EACH(i, 4) {
        if (which != BACK) { TWO(4 * i + 2, 4 * i + 3) TWO(4 * i + 1, 4 * i + 2) }
        else { TWO(4 * i + 1, 4 * i + 2) TWO(4 * i + 2, 4 * i + 3) }
    }
}
INLINE void change_high(V *a, const uint which) {
    if (which != BACK) { EACH(i, 4) { TWO(8 + i, 12 + i) } }
    EACH(i, 4) { TWO(4 + i, 8 + i) }
    if (which == BACK) { EACH(i, 4) { TWO(8 + i, 12 + i) } }
}
INLINE void change_eights(V *a, const uint which) {
    EACH(i, 2) {
        if (which != BACK) { TWO(8 * i + 4, 8 * i + 7) }
        EACH(e, 3) { TWO(8 * i + 1 + e, 8 * i + 4 + e) }
        if (which == BACK) { TWO(8 * i + 4, 8 * i + 7) }
    }
}
INLINE void change_all(V *a, const uint which) {
    if (which != BACK) { EACH(i, 2) { TWO(8 + i, 14 + i) } }
    EACH(i, 6) { TWO(2 + i, 8 + i) }
    if (which == BACK) { EACH(i, 2) { TWO(8 + i, 14 + i) } }
}
INLINE void change(V *a, const uint which) {
    if (which != BACK) { change_all(a, which); change_eights(a, which); }
    change_fours(a, which);
    change_high(a, which);
    if (which == BACK) { change_eights(a, which); change_all(a, which); }
}
NOT_INLINED void change_groups(__global V *x, uint which) {
    for (uint i = 0; i < 32; i++) {
        V a[16];
        EACH(e, 16) a[e] = x[32 * e + i];
        if (which == KEY) change(a, KEY);
        else if (which == WINDOW) change(a, WINDOW);
        else change(a, BACK);
        EACH(e, 16) x[32 * e + i] = a[e];
    }
}

NOT_INLINED void exchange_groups(__global V *x, __global V *y, uint bit) {
#define CASE(b)                                                        \
    case b:                                                            \
        for (uint i = 0; i < 32; i++) {                                \
            V s = x[i], t = y[i];                                      \
            exchange(&s, &t, b);                                       \
            x[i] = s, y[i] = t;                                        \
        }                                                              \
        break;
    switch (bit) {
        CASE(0) CASE(1) CASE(2) CASE(3) CASE(4)
#if WIDTH >= 4
        CASE(5) CASE(6)
#endif
#if WIDTH >= 8
        CASE(7)
#endif
#if WIDTH >= 16
        CASE(8)
#endif
    }
}

/* Bits low .. low+log2-1 of the group's index change places with their lanes. */
INLINE void exchange_tile(__global V *x, uint first, uint low, uint log2) {
    for (uint j = 0; j < log2; j++) {
        const uint bit = low + j, lane = bit + 4 < L ? bit + 4 : bit + 4 - L;
        for (uint e = 0; e < 1u << log2; e++)
            if (!(e >> j & 1)) exchange_groups(x + place(first | e << low), x + place(first | (e | 1u << j) << low), lane);
    }
}

/* What a transform works on. */
typedef struct job {
    __global V *x, *chunks;
    __global const V *y, *of_lanes;
    __global const uint *tw;
    uint which, k, behind;
} job;

/* What a pass does besides layers: chunks come in before it or go out after it; the spectrum is multiplied with y before it. */
enum { CHUNKS = 1, MULTIPLY = 2 };

NOT_INLINED void bring_in_group(const job *j, uint g) { bring_in(j->x, j->chunks, g, j->behind, j->which); }
NOT_INLINED void take_out_group(const job *j, uint g) { take_out(j->chunks, j->x, g); }
NOT_INLINED void multiply_one(__global V *acc, __global const V *x, __global const V *y, uint g, uint add) { multiply_group(acc, x, y, g, add); }

/* Tile `id` of the pass over bits low .. low+log2-1 of the group's index. */
NOT_INLINED void tile(const job *j, uint id, uint low, uint log2, uint turned, uint besides) {
    const uint first = (id >> low) << (low + log2) | (id & ((1u << low) - 1)), which = j->which, changes = turned && low == 0 && log2 == 4;
    for (uint e = 0; besides && e < 1u << log2; e++) {
        const uint g = first | e << low;
        if (besides & MULTIPLY) multiply_one(j->x, j->x, j->y, g, 0);
        if (besides & CHUNKS && which != BACK) bring_in_group(j, g);
    }
    if (which != BACK && turned) exchange_tile(j->x, first, low, log2);
    if (which != BACK && changes) change_groups(j->x + place(first), which);
    for (uint i = 0; i < log2; i++) {
        const uint s = which == BACK ? i : log2 - 1 - i;
        const layer y = {j->x, j->tw, turned ? j->of_lanes + 32 * (low + s) : 0, which, j->k, low + s, low, turned};
        for (uint p = 0; p < 1u << (log2 - 1 - s); p++) block_of_groups(&y, first | p << (low + s + 1), low, 1u << s);
    }
    if (which == BACK && changes) change_groups(j->x + place(first), which);
    if (which == BACK && turned) exchange_tile(j->x, first, low, log2);
    for (uint e = 0; besides & CHUNKS && which == BACK && e < 1u << log2; e++) take_out_group(j, first | e << low);
}

/* One pass, a tile a work-item. */
__kernel void sliced_pass(__global V *x, __global const V *y, __global V *chunks, __global const uint *tw, __global const V *of_lanes, uint which, uint k,
                          uint behind, uint low, uint log2, uint turned, uint besides, uint tiles) {
    const job j = {x, chunks, y, of_lanes, tw, which, k, behind};
    if (get_global_id(0) < tiles) tile(&j, get_global_id(0), low, log2, turned, besides);
}

/* All passes over bits 0 .. L-1 of the group's index, a block of 2^2L elements a work-item: as long as the second-level cache holds it, memory is met once.
 * `besides`: of the first (BACK: the last) of them; multiplied is before all. */
__kernel void sliced_block(__global V *x, __global const V *y, __global V *chunks, __global const uint *tw, __global const V *of_lanes, uint which, uint k,
                           uint behind, uint besides, uint blocks) {
    const uint parts = (L + 3) / 4, block = get_global_id(0);
    const job j = {x, chunks, y, of_lanes, tw, which, k, behind};
    if (block >= blocks) return;
    for (uint i = 0; i < 2 * parts; i++) {
        const uint at = which == BACK ? 2 * parts - 1 - i : i, part = parts - 1 - at % parts, low = 4 * part, log2 = min(4u, L - low);
        const uint also = (at == 0 ? besides & CHUNKS : 0) | (i == 0 ? besides & MULTIPLY : 0);
        for (uint t = 0; t < 1u << (L - log2); t++) tile(&j, (block << (L - log2)) + t, low, log2, at >= parts, also);
    }
}

/* acc = x y, or added to what is there; a group a work-item. */
__kernel void sliced_multiply(__global V *acc, __global const V *x, __global const V *y, uint groups, uint add) {
    if (get_global_id(0) < groups) multiply_one(acc, x, y, get_global_id(0), add);
}
#endif
#endif
