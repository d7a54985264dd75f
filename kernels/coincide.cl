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
                const uint at = s->n_of - low > step ? low + step - 1 : s->n_of - 1; \
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
                const uint at = high > step ? high - step : 0;                    \
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

/* Lanes of a that have any lane of b within the reach: all bits set. */
__attribute__((always_inline)) inline int8 any_near(int8 a, int8 b, int reach) {
    const uint8 width = (uint8)(2 * (uint)reach);
    const int8 low = a + reach;
    int8 hit = as_uint8(low - b) <= width;
    hit |= as_uint8(low - b.s12345670) <= width;
    hit |= as_uint8(low - b.s23456701) <= width;
    hit |= as_uint8(low - b.s34567012) <= width;
    hit |= as_uint8(low - b.s45670123) <= width;
    hit |= as_uint8(low - b.s56701234) <= width;
    hit |= as_uint8(low - b.s67012345) <= width;
    hit |= as_uint8(low - b.s70123456) <= width;
    return hit;
}

inline uint distance_of(int a, int b) { return a > b ? (uint)a - (uint)b : (uint)b - (uint)a; }

/* Lanes l of A with any B near. Where the nearest B of the block differs in time from both its neighbours, and the same holds for A,
 * four distances decide; all else is left to the exact rule. x and y hold the blocks with one neighbour on either side. */
__attribute__((noinline)) uint take_lanes(const sides *s, const frame *f, int8 hit, int8 block_a, int8 block_b, uint i, uint j, uint end,
                                          uint *done, __global uint2 *out, uint n) {
    int h[8], x[10], y[10];
    vstore8(hit, 0, h);
    vstore8(block_a, 0, x + 1);
    vstore8(block_b, 0, y + 1);
    x[0] = i > 0 ? place_a(s, f, i - 1) : -FAR;
    x[9] = place_a(s, f, i + 8);
    y[0] = j > 0 ? place_b(s, f, j - 1) : -FAR;
    y[9] = place_b(s, f, j + 8);
    uint m = 1;
    for (uint l = 1; l <= 8; l++) {
        if (!h[l - 1] || (*done >> l & 1) || i + l - 1 >= end) continue;
        *done |= 1u << l;
        const int t = x[l];
        while (m < 8 && y[m] < t && distance_of(y[m + 1], t) <= distance_of(y[m], t)) m++;
        const int u = y[m];
        const uint d = distance_of(t, u);
        const bool plain = y[m - 1] < u && u < y[m + 1] && x[l - 1] < t && t < x[l + 1];
        uint k;
        if (plain && d <= (uint)s->reach && distance_of(y[m + 1], t) >= d && distance_of(y[m - 1], t) > d) /* u is the nearest of t */
            k = distance_of(x[l + 1], u) >= d && distance_of(x[l - 1], u) > d ? j + m - 1 : NONE;
        else
            k = partner(s, i + l - 1, j);
        if (k != NONE) out[n++] = (uint2)(i + l - 1, k);
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

__kernel void coincide_lanes(__global const long *a, __global const long *b, uint na, uint nb, uint from, uint to, long base, long offset,
                             long freq, long reach, uint chunk, __global uint2 *restrict out, __global uint *restrict count) {
    const uint c = get_global_id(0);
    if (c >= (to - from + chunk - 1) / chunk) return;
    const sides s = {a, b, na, nb, base, offset, freq, reach};
    const long speed = (int)freq; /* so that the compiler sees a product of 32-bit numbers */
    uint i = from + c * chunk, n = 0, done = 0;
    const uint end = min(i + chunk, to);
    out += (size_t)c * chunk;
    uint j = first_b(&s, a[i] - reach, 0);
    frame f = {a[i], 0, 0, 0, 0};
    if (j < nb) set_b_origin(&s, &f, j);
    while (i < end && j < nb) {
        if (i + 8 > na || a[i + 7] - f.origin >= FRAME) {
            f.origin = a[i];
            set_b_origin(&s, &f, j);
            if (i + 8 > na || a[i + 7] - f.origin >= FRAME) {
                n = take_all(&s, i, end, j, out, n);
                i += 8;
                done = 0;
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
        const int8 hit = any_near(block_a, block_b, (int)reach);
        if (any(hit)) n = take_lanes(&s, &f, hit, block_a, block_b, i, j, end, &done, out, n);
        const uint step = block_a.s7 <= block_b.s7 ? 8 : 0;
        i += step;
        j += 8 - step;
        done = step ? 0 : done;
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
