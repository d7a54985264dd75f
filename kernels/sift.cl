/* SPDX-License-Identifier: Apache-2.0 */
/* Sifting: events to basis and value, then the values of matching bases packed into one string a basis. 64 events are one word.
 * -DSIFT_PORTABLE: without optional instructions. An event is a byte: bits 0..3 detectors V,-,H,+; bit 4 value coin; bit 5 basis coin. */

#if defined(__AVX2__) && !defined(SIFT_PORTABLE)
#define SIFT_MOVEMASK 1
typedef char sift_c32 __attribute__((ext_vector_type(32)));
#endif

/* pext is slow (microcode) on the first two generations of Zen. */
#if defined(__BMI2__) && !defined(__znver1__) && !defined(__znver2__) && !defined(SIFT_PORTABLE)
#define SIFT_PEXT 1
#endif

typedef struct planes {
    ulong v, m, h, p, value, basis; /* bit i: event i */
} planes;

#ifdef SIFT_MOVEMASK
static inline sift_c32 as_c32(ulong4 x) { return __builtin_astype(x, sift_c32); }

/* Bit BIT of 32 events: moved to the top of each byte, whose top bits one instruction gathers. The shift is of 64-bit lanes; what it
 * carries across bytes does not reach a top bit. */
#define TOP_BITS(x, bit) ((ulong)(uint)__builtin_ia32_pmovmskb256(as_c32((x) << (7 - (bit)))))
#define PLANE(bit) (TOP_BITS(a, bit) | TOP_BITS(b, bit) << 32)

static inline planes load_planes(__global const uchar *e) {
    const ulong4 a = vload4(0, (__global const ulong *)e), b = vload4(1, (__global const ulong *)e);
    const planes r = {PLANE(0), PLANE(1), PLANE(2), PLANE(3), PLANE(4), PLANE(5)};
    return r;
}
#else
/* Swap, in every lane, the bits that MASK marks with those SHIFT above them. */
static inline ulong8 swap_bits(ulong8 x, ulong shift, ulong mask) {
    const ulong8 t = (x ^ (x >> shift)) & mask;
    return x ^ t ^ (t << shift);
}

/* Byte BYTE of the eight lanes, lane 0 lowest. */
#define LANE(s, byte, i) (((x.s >> 8 * (byte)) & 255UL) << 8 * (i))
#define PLANE(byte)                                                                                             \
    (LANE(s0, byte, 0) | LANE(s1, byte, 1) | LANE(s2, byte, 2) | LANE(s3, byte, 3) | LANE(s4, byte, 4) |        \
     LANE(s5, byte, 5) | LANE(s6, byte, 6) | LANE(s7, byte, 7))

/* Eight events a lane: transposed as an 8 x 8 bit matrix (Warren, Hacker's Delight, 7-3), byte b of a lane holds bit b of its events. */
static inline planes load_planes(__global const uchar *e) {
    ulong8 x = vload8(0, (__global const ulong *)e);
    x = swap_bits(x, 7, 0x00aa00aa00aa00aaUL);
    x = swap_bits(x, 14, 0x0000cccc0000ccccUL);
    x = swap_bits(x, 28, 0x00000000f0f0f0f0UL);
    const planes r = {PLANE(0), PLANE(1), PLANE(2), PLANE(3), PLANE(4), PLANE(5)};
    return r;
}
#endif

/* The events of word @p w that exist, of @p n in all. */
static inline ulong live_bits(ulong n, ulong w) { return n - 64 * w >= 64 ? ~0UL : (1UL << (n - 64 * w)) - 1; }

#define BIT(x, i) ((i) ? (x) : ~(x))

/* Add the classes of 64 events to count[basis][mask]. Several clicks are rare, so words without any take the short way. */
static inline void count_classes(const planes *e, ulong basis, ulong several, ulong live, uint count[32]) {
    if (several == 0) {
        count[1] += (uint)popcount(e->v);
        count[4] += (uint)popcount(e->h);
        count[16 + 2] += (uint)popcount(e->m);
        count[16 + 8] += (uint)popcount(e->p);
        count[0] += (uint)popcount(live & ~(e->v | e->m | e->h | e->p));
        return;
    }
#pragma unroll
    for (int mask = 0; mask < 16; mask++) {
        const ulong in = BIT(e->v, mask & 1) & BIT(e->m, mask & 2) & BIT(e->h, mask & 4) & BIT(e->p, mask & 8) & live;
        count[mask] += (uint)popcount(in & ~basis);
        count[16 + mask] += (uint)popcount(in & basis);
    }
}

/* @p n events; their buffer is zero up to a multiple of 64. @p per_item: words a work-item takes. @p invert: Bob's values where the source
 * is anti-correlated: V and - are 1. @p at: word of the results where those of this launch begin. count: 32 counters, added to. */
__kernel void sift_measure(__global const uchar *event, const ulong n, const uint per_item, const uint invert, const ulong at,
                           __global ulong *basis_out, __global ulong *value_out, __global uint *count_out) {
    __local uint sum[32];
    const uint lid = get_local_id(0), lanes = get_local_size(0);
    for (uint i = lid; i < 32; i += lanes) sum[i] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    const ulong words = (n + 63) / 64, first = (ulong)get_group_id(0) * lanes * per_item + lid;
    uint count[32];
    for (int i = 0; i < 32; i++) count[i] = 0;
    for (uint j = 0; j < per_item; j++) {
        const ulong w = first + (ulong)j * lanes;
        if (w >= words) break;
        const planes e = load_planes(event + 64 * w);
        const ulong live = live_bits(n, w);
        const ulong in_z = e.v | e.h, in_x = e.m | e.p, both = in_z & in_x;
        const ulong several = (e.v & e.h) | (e.m & e.p) | both;
        const ulong basis = (in_x & ~in_z) | (both & e.basis);
        const ulong single = invert ? e.v | e.m : e.h | e.p;
        const ulong coin = several | ~(in_z | in_x); /* no click at all takes the coin too, as in the definition */
        basis_out[at + w] = basis;
        value_out[at + w] = ((coin & e.value) | (~coin & single)) & live;
        count_classes(&e, basis, several, live, count);
    }
    for (int i = 0; i < 32; i++)
        if (count[i]) atomic_add(&sum[i], count[i]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = lid; i < 32; i += lanes)
        if (sum[i]) atomic_add(&count_out[i], sum[i]);
}

/* Matching bases in z and in x of the @p per_item words of each work-item. */
__kernel void sift_count(__global const ulong *mine, __global const ulong *theirs, const ulong n, const uint per_item,
                         const uint blocks, __global uint *count) {
    const uint b = get_global_id(0);
    if (b >= blocks) return;
    const ulong words = (n + 63) / 64, first = (ulong)b * per_item, end = min(first + per_item, words);
    uint z = 0, x = 0;
    for (ulong w = first; w < end; w++) {
        z += (uint)popcount(~(mine[w] | theirs[w]) & live_bits(n, w));
        x += (uint)popcount(mine[w] & theirs[w]);
    }
    count[b] = z;
    count[blocks + b] = x;
}

/* Counts to offsets, in place, by one work-group of SCAN work-items; total[0], total[1] get the sums. */
#define SCAN 64
__kernel __attribute__((reqd_work_group_size(SCAN, 1, 1))) void sift_scan(__global uint *count, const uint blocks, __global uint *total) {
    __local uint sum[SCAN];
    const uint lid = get_local_id(0), share = (blocks + SCAN - 1) / SCAN;
    const uint first = min(lid * share, blocks), end = min(first + share, blocks);
    for (uint s = 0; s < 2; s++) {
        __global uint *c = count + s * blocks;
        uint mine = 0;
        for (uint i = first; i < end; i++) mine += c[i];
        sum[lid] = mine;
        barrier(CLK_LOCAL_MEM_FENCE);
        uint at = 0;
        for (uint i = 0; i < lid; i++) at += sum[i];
        for (uint i = first; i < end; i++) {
            const uint v = c[i];
            c[i] = at;
            at += v;
        }
        if (lid == SCAN - 1) total[s] = at;
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* The bits of @p x that @p mask marks, packed to the low end. */
static inline ulong compress(ulong x, ulong mask) {
#ifdef SIFT_PEXT
    return __builtin_ia32_pext_di(x, mask);
#else
    /* Every bit moves right by the number of unmarked bits below it, one binary digit of that number a round (parallel suffix:
     * Steele; see Warren, Hacker's Delight, 7-4). */
    x &= mask;
    ulong below = ~mask << 1;
#pragma unroll
    for (int i = 0; i < 6; i++) {
        ulong parity = below ^ (below << 1);
        parity ^= parity << 2;
        parity ^= parity << 4;
        parity ^= parity << 8;
        parity ^= parity << 16;
        parity ^= parity << 32;
        const ulong move = parity & mask, t = x & move;
        mask = (mask ^ move) | (move >> (1 << i));
        x = (x ^ t) | (t >> (1 << i));
        below &= ~parity;
    }
    return x;
#endif
}

/* A string being written from a bit offset on. Its first and last word are shared with the neighbours: those are or-ed in. */
typedef struct writer {
    ulong acc, word; /* bits at hand; index of the word that they become */
    uint fill;       /* how many, below 64 */
    uint first;
} writer;

static inline writer writer_at(uint offset) {
    const writer s = {0, offset / 64, offset % 64, 1};
    return s;
}

static inline void or_word(__global uint *out, ulong word, ulong v) {
    if ((uint)v) atomic_or(&out[2 * word], (uint)v);
    if ((uint)(v >> 32)) atomic_or(&out[2 * word + 1], (uint)(v >> 32));
}

static inline void put(writer *s, __global uint *out, ulong bits, uint n) {
    const uint room = 64 - s->fill;
    s->acc |= bits << s->fill;
    if (n < room) {
        s->fill += n;
        return;
    }
    if (s->first) or_word(out, s->word, s->acc);
    else ((__global ulong *)out)[s->word] = s->acc;
    s->first = 0;
    s->word++;
    s->fill = n - room;
    s->acc = s->fill ? bits >> room : 0;
}

/* Values of matching bases to their string; @p offset as sift_scan left it; the strings are zero before. */
__kernel void sift_pack(__global const ulong *mine, __global const ulong *theirs, __global const ulong *value, const ulong n,
                        const uint per_item, const uint blocks, __global const uint *offset, __global uint *z_out, __global uint *x_out) {
    const uint b = get_global_id(0);
    if (b >= blocks) return;
    const ulong words = (n + 63) / 64, first = (ulong)b * per_item, end = min(first + per_item, words);
    writer z = writer_at(offset[b]), x = writer_at(offset[blocks + b]);
    for (ulong w = first; w < end; w++) {
        const ulong in_z = ~(mine[w] | theirs[w]) & live_bits(n, w), in_x = mine[w] & theirs[w], v = value[w];
        put(&z, z_out, compress(v, in_z), (uint)popcount(in_z));
        put(&x, x_out, compress(v, in_x), (uint)popcount(in_x));
    }
    or_word(z_out, z.word, z.acc);
    or_word(x_out, x.word, x.acc);
}
