/* SPDX-License-Identifier: Apache-2.0 */
/* Coincidences: mutual nearest neighbours within the reach; the rule is in qdistill/timetag.h.
 *
 * A cheap pass finds the events of A that have any event of B within the reach; only those get the exact rule. No pair is lost if a
 * block of eight is left once it ends no later than the other side's block: an event that is skipped had its partner's place taken by a
 * nearer event of its own side.
 *
 * Pairs of chunk c go to out[c * chunk ...], in order, their number to count[c]; pack closes the gaps. */

typedef struct sides {
    __global const long *a, *b;
    uint na, nb;
    long base, offset, freq;
    long reach;
} sides;

/* Time on A's clock: t + offset + floor((t - base) freq / 2^44), |t - base| < 2^54 (two partial products). */
inline long on_a(const sides *s, long t) {
    const long x = t - s->base, high = x >> 24, low = x & 0xffffff;
    return t + s->offset + ((high * s->freq + ((low * s->freq) >> 24)) >> 20);
}
inline long time_a(const sides *s, uint i) { return s->a[i]; }
inline long time_b(const sides *s, uint j) { return on_a(s, s->b[j]); }

/* First index whose time is >= t, sought from a hint in growing steps; n if none. And the index of the nearest event: of equal
 * distances the earlier, of equal times the first. */
#define SEARCH(first, nearest, time, n_of)                                        \
    inline uint first(const sides *s, long t, uint hint) {                        \
        uint low = 0, high = s->n_of, step = 1;                                   \
        if (hint < high && time(s, hint) < t) {                                   \
            low = hint + 1;                                                       \
            while (low < s->n_of) {                                               \
                const uint at = low + min(s->n_of - low, step) - 1;               \
                if (time(s, at) >= t) {                                           \
                    high = at;                                                    \
                    break;                                                        \
                }                                                                 \
                low = at + 1;                                                     \
                step *= 2;                                                        \
            }                                                                     \
        } else {                                                                  \
            high = min(hint, high);                                               \
            while (high > 0) {                                                    \
                const uint at = high - min(high, step);                           \
                if (time(s, at) < t) {                                            \
                    low = at + 1;                                                 \
                    break;                                                        \
                }                                                                 \
                high = at;                                                        \
                step *= 2;                                                        \
            }                                                                     \
        }                                                                         \
        while (low < high) {                                                      \
            const uint mid = low + (high - low) / 2;                              \
            if (time(s, mid) < t)                                                 \
                low = mid + 1;                                                    \
            else                                                                  \
                high = mid;                                                       \
        }                                                                         \
        return low;                                                               \
    }                                                                             \
    inline uint nearest(const sides *s, long t, uint hint) {                      \
        const uint after = first(s, t, hint);                                     \
        if (after == 0) return 0;                                                 \
        const long before = time(s, after - 1);                                   \
        if (after < s->n_of && time(s, after) - t < t - before) return after;     \
        return first(s, before, after - 1);                                       \
    }
SEARCH(first_a, nearest_a, time_a, na)
SEARCH(first_b, nearest_b, time_b, nb)

#define NONE 0xffffffffu

/* B's partner of event i of A, or NONE; hint: a place in B near it. */
inline uint partner(const sides *s, uint i, uint hint) {
    const long t = s->a[i];
    const uint j = nearest_b(s, t, hint);
    const long tb = time_b(s, j), d = t - tb;
    if (d > s->reach || d < -s->reach) return NONE;
    return nearest_a(s, tb, i) == i ? j : NONE;
}

/* ---- One work-item a chunk, blocks of 8 x 8 --------------------------------------------------------------------------- */

/* Times in 32-bit lanes count from an origin on A's clock that moves along; B's clock is applied by one product a lane, because within
 * the frame floor((x0 + dx) freq / 2^44) = q0 + floor((r + dx freq) / 2^44), r the remainder of x0 freq. |freq| < 2^31. */
#define FRAME (1 << 29)
#define FAR (1 << 30)

typedef struct frame {
    long origin;   /* A's clock */
    long b_origin; /* B's clock */
    int b_place;   /* of b_origin on A's clock, from the origin */
    long rest;     /* (b_origin - base) freq modulo 2^44 */
    int near;      /* b_place is within the frame */
} frame;

inline void set_b_origin(const sides *s, frame *f, uint j) {
    f->b_origin = s->b[j];
    const long place = on_a(s, f->b_origin) - f->origin;
    f->near = place > -FRAME && place < FRAME;
    f->b_place = (int)place;
    f->rest = (long)((ulong)(f->b_origin - s->base) * (ulong)s->freq & ((1UL << 44) - 1));
}

/* Clamped; no event: far. */
inline int place_a(const sides *s, const frame *f, uint i) {
    return i < s->na ? (int)clamp(s->a[i] - f->origin, (long)-FAR, (long)FAR) : FAR;
}
inline int place_b(const sides *s, const frame *f, uint j) {
    if (j >= s->nb) return FAR;
    const long dx = s->b[j] - f->b_origin;
    if (f->near && dx > -FRAME && dx < FRAME) return (int)dx + f->b_place + (int)((dx * s->freq + f->rest) >> 44);
    return (int)clamp(time_b(s, j) - f->origin, (long)-FAR, (long)FAR);
}
__attribute__((noinline)) int8 load_b_far(const sides *s, const frame *f, uint j) {
    int v[8];
    for (uint l = 0; l < 8; l++) v[l] = place_b(s, f, j + l);
    return vload8(0, v);
}

/* F(r): lane l of A meets lane l + r of B, modulo 8; TO_Ar(v): what B's lane l + r has, in lane l. */
#define EACH(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7)
#define TO_A0(v) v
#define TO_A1(v) v.s12345670
#define TO_A2(v) v.s23456701
#define TO_A3(v) v.s34567012
#define TO_A4(v) v.s45670123
#define TO_A5(v) v.s56701234
#define TO_A6(v) v.s67012345
#define TO_A7(v) v.s70123456

/* Bit 4 l: lane l, of lanes that are all ones or all zeros. */
#define LANES 0x11111111u
inline uint mask_of(int8 v) {
#if defined(__AVX2__) && !defined(COINCIDE_PORTABLE)
    typedef char c32 __attribute__((ext_vector_type(32)));
    return (uint)__builtin_ia32_pmovmskb256(__builtin_astype(v, c32)) & LANES;
#else
    const int8 bits = v & (int8)(1, 1 << 4, 1 << 8, 1 << 12, 1 << 16, 1 << 20, 1 << 24, 1 << 28);
    const int4 four = bits.lo | bits.hi;
    const int2 two = four.lo | four.hi;
    return (uint)(two.x | two.y);
#endif
}

/* Lanes of a that have any lane of b within the reach. Least values, not an or of comparisons: one comparison then does. */
__attribute__((always_inline)) inline uint near_lanes(int8 a, int8 b, int reach) {
    const int8 from = a + reach;
    uint8 least = (uint8)(UINT_MAX);
#define BETWEEN(r) least = min(least, as_uint8(from - TO_A##r(b)));
    EACH(BETWEEN)
    return mask_of(least <= (uint8)(2 * (uint)reach));
}

/* Pairs of the lanes of A that are near (bit 4 l). The nearest event u of B in the block comes from all 64 distances. Where u is nearer than
 * both its neighbours, and the event of A nearer to u than both of its own, they are a pair; where a neighbour is nearer to u, they are none.
 * Equal distances, and a nearer event outside the block, are left to the exact rule. */
__attribute__((noinline)) uint take_lanes(const sides *s, const frame *f, int8 a, int8 b, uint i, uint j, uint near, __global uint2 *out,
                                          uint n) {
    int x[10], y[10], nearest[8]; /* the blocks with one neighbour on either side */
    uint8 least = (uint8)(UINT_MAX);
    const uint8 most = (uint8)(1u << 28);
#define LEAST(r) least = min(least, (min(abs(a - TO_A##r(b)), most) << 3) | r);
    EACH(LEAST)
    vstore8(convert_int8(least & 7u), 0, nearest);
    vstore8(a, 0, x + 1);
    vstore8(b, 0, y + 1);
    x[0] = place_a(s, f, i - 1); /* i - 1 wraps to "none" */
    x[9] = place_a(s, f, i + 8);
    y[0] = place_b(s, f, j - 1);
    y[9] = place_b(s, f, j + 8);
    while (near) {
        const uint l = (31 - clz(near & -near)) / 4, m = (l + (uint)nearest[l]) & 7;
        near &= near - 1;
        const int t = x[l + 1], u = y[m + 1];
        const uint d = abs(t - u), b_rival = min(abs(y[m] - t), abs(y[m + 2] - t)), a_rival = min(abs(x[l] - u), abs(x[l + 2] - u));
        uint k = j + m;
        if (b_rival <= d || a_rival <= d) {
            if (b_rival > d && a_rival < d) continue;
            k = partner(s, i + l, j);
            if (k == NONE) continue;
        }
        out[n++] = (uint2)(i + l, k);
    }
    return n;
}

/* A block at the end of A, or so sparse that the frame does not hold it. */
__attribute__((noinline)) uint take_all(const sides *s, uint i, uint end, uint hint, __global uint2 *out, uint n) {
    for (uint l = 0; l < 8 && i + l < end; l++) {
        const uint j = partner(s, i + l, hint);
        if (j != NONE) out[n++] = (uint2)(i + l, j);
    }
    return n;
}

/* Times of the last events of blocks; beyond the end nothing is earlier. */
#define LAST_A(at) ((at) + 7 < na ? a[(at) + 7] : LONG_MAX)
#define LAST_B(at) ((at) + 7 < nb ? on_a(&s, b[(at) + 7]) : LONG_MAX)

#define LIVE(at) ((at) + 8 <= end ? LANES : LANES & ((1u << 4 * (end - (at))) - 1))

__kernel void coincide_lanes(__global const long *a, __global const long *b, uint na, uint nb, uint from, uint to, long base, long offset,
                             long freq, long reach, uint chunk, __global uint2 *restrict out, __global uint *restrict count) {
    const uint c = get_global_id(0);
    if (c >= (to - from + chunk - 1) / chunk) return;
    const sides s = {a, b, na, nb, base, offset, freq, reach};
    const long speed = (int)freq; /* so that the compiler sees a product of 32-bit numbers */
    uint i = from + c * chunk, n = 0;
    const uint end = min(i + chunk, to);
    out += (size_t)c * chunk;
    uint j = first_b(&s, a[i] - reach, 0);
    frame f = {a[i], 0, 0, 0, 0};
    if (j < nb) set_b_origin(&s, &f, j);
    /* Which block to leave is known a step ahead, so that the loads of one step need not wait for the comparisons of the last. */
    long last_a = LAST_A(i), last_b = LAST_B(j), next_a = LAST_A(i + 8), next_b = LAST_B(j + 8);
    uint live = LIVE(i); /* lanes of A's block that are wanted and not done yet */
    while (i < end && j < nb) {
        const bool leave_a = last_a <= last_b;
        if (i + 8 > na || a[i + 7] - f.origin >= FRAME) {
            f.origin = a[i];
            set_b_origin(&s, &f, j);
            if (i + 8 > na || a[i + 7] - f.origin >= FRAME) {
                n = take_all(&s, i, end, j, out, n);
                i += 8;
                live = LIVE(i);
                last_a = next_a;
                next_a = LAST_A(i + 8);
                continue;
            }
        }
        /* Both blocks are loaded anew in each step: cheaper than a branch on which of them moved, which is a coin's toss. */
        const int8 block_a = convert_int8(vload8(0, a + i) - f.origin);
        bool far = j + 8 > nb;
        if (!far && (!f.near || b[j + 7] - f.b_origin >= FRAME)) {
            set_b_origin(&s, &f, j);
            far = !f.near || b[j + 7] - f.b_origin >= FRAME;
        }
        int8 block_b;
        if (far) {
            block_b = load_b_far(&s, &f, j);
        } else {
            const int8 dx = convert_int8(vload8(0, b + j) - f.b_origin);
            const long8 moved = convert_long8(dx) * speed + f.rest;
            block_b = dx + f.b_place + (convert_int8(moved >> 32) >> 12);
        }
        const uint near = near_lanes(block_a, block_b, (int)reach) & live;
        if (near) n = take_lanes(&s, &f, block_a, block_b, i, j, near, out, n);
        live ^= near;
        i += leave_a ? 8 : 0;
        j += leave_a ? 0 : 8;
        live = leave_a ? LIVE(i) : live;
        last_a = leave_a ? next_a : last_a;
        last_b = leave_a ? last_b : next_b;
        next_a = LAST_A(i + 8);
        next_b = LAST_B(j + 8);
    }
    count[c] = n;
}

/* ---- One work-item an event of A -------------------------------------------------------------------------------------- */

/* A work-group is a chunk; partners are put in order by a prefix sum in local memory. */
__kernel void coincide_events(__global const long *a, __global const long *b, uint na, uint nb, uint from, uint to, long base, long offset,
                              long freq, long reach, uint chunk, __global uint2 *restrict out, __global uint *restrict count,
                              __local uint *sum) {
    const sides s = {a, b, na, nb, base, offset, freq, reach};
    const uint l = get_local_id(0), i = from + get_global_id(0);
    uint j = NONE;
    if (i < to) j = partner(&s, i, first_b(&s, a[i], 0));
    sum[l] = j != NONE;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint step = 1; step < chunk; step *= 2) {
        const uint add = l >= step ? sum[l - step] : 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        sum[l] += add;
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (j != NONE) out[(size_t)get_group_id(0) * chunk + sum[l] - 1] = (uint2)(i, j);
    if (l == chunk - 1) count[get_group_id(0)] = sum[l];
}

/* Close the gaps: chunk c's pairs go to packed[offset[c] ...]. */
__kernel void coincide_pack(__global const uint2 *restrict out, __global const uint *restrict count, __global const uint *restrict offset,
                            uint chunks, uint chunk, __global uint2 *restrict packed) {
    const uint c = get_global_id(0);
    if (c >= chunks) return;
    __global const uint2 *from = out + (size_t)c * chunk;
    __global uint2 *to = packed + offset[c];
    const uint n = count[c];
    for (uint k = 0; k < n; k++) to[k] = from[k];
}
