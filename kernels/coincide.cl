/* SPDX-License-Identifier: Apache-2.0 */
/* Coincidences: mutual nearest neighbours within the reach; the rule is in qdistill/timetag.h.
 *
 * Window 0 is the real one, windows 2 k - 1 and 2 k are displaced by -k and +k steps: B's clock is moved by as much.
 * Pairs of chunk c in window 0 go to out[c * chunk ...], in order, their number to count[c]; pack closes the gaps. Numbers of pairs in
 * displaced windows are added to in_window[window - 1].
 *
 * -DCOINCIDE_LANES: with the kernel for CPU devices; -DCOINCIDE_PORTABLE: that without optional instructions. */

typedef struct sides {
    __global const long *a, *b;
    uint na, nb;
    long base, offset, freq;
    long reach;
} sides;

/* So that a GPU keeps the sides in registers. */
#define INLINE __attribute__((always_inline)) inline

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
    INLINE uint first(const sides *s, long t, uint hint) {                        \
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
    INLINE uint nearest(const sides *s, long t, uint hint) {                      \
        const uint after = first(s, t, hint);                                     \
        if (after == 0) return 0;                                                 \
        const long before = time(s, after - 1);                                   \
        if (after < s->n_of && time(s, after) - t < t - before) return after;     \
        return first(s, before, after - 1);                                       \
    }
SEARCH(first_a, nearest_a, time_a, na)
SEARCH(first_b, nearest_b, time_b, nb)

inline long displacement(uint window, long step) {
    const long k = (window + 1) / 2;
    return window % 2 ? -k * step : k * step;
}

#define NONE 0xffffffffu

/* B's partner of event i of A, or NONE; hint: a place in B near it. */
INLINE uint partner(const sides *s, uint i, uint hint) {
    const long t = s->a[i];
    const uint j = nearest_b(s, t, hint);
    const long tb = time_b(s, j), d = t - tb;
    if (d > s->reach || d < -s->reach) return NONE;
    return nearest_a(s, tb, i) == i ? j : NONE;
}

/* ---- One work-item a chunk, blocks of 8 x 8 --------------------------------------------------------------------------- */

#ifdef COINCIDE_LANES

/* A frame is a stretch of A with the part of B that can meet it, as 32-bit places on A's clock from the frame's first event: what all
 * windows share. In a frame blocks of eight meet along the merge of both sides: a block is left once it ends no later than the other
 * side's. No pair is lost: whatever a block left behind did not meet had its place taken by a nearer event of its own side. Steps with
 * any event of A near any of B go to a queue without a branch, for which there is a rule of few instructions; only equal distances, and
 * crowds, need the exact one. */
#define FRAME_A 512
#define FRAME_B 1024
#define SPAN (1 << 29) /* of A's events in a frame, ticks */
#define FAR (1 << 30)  /* no event: out of reach of any; events farther than this are here */
#define BEFORE 8       /* room for the event before the first */
#define STEPS ((FRAME_A + FRAME_B) / 8 + 2)

/* Events [i0, i0 + na) of A and [j0, j0 + nb) of B, at places BEFORE...; with A's events before and after them, which may be rivals. */
typedef struct frame {
    uint i0, na, j0, nb;
    int a[BEFORE + FRAME_A + 8], b[BEFORE + FRAME_B + 8];
    ulong queue[2][STEPS]; /* near lanes of A << 32 | block of B << 16 | block of A */
    uint one[8 * STEPS]; /* block of B << 16 | event of A */
} frame;

inline int clamped(long place) { return (int)clamp(place, (long)-FAR, (long)FAR); }

/* What the next frame begins with is on its way while this one is worked on: one line for each block. */
#if defined(__x86_64__) && !defined(COINCIDE_PORTABLE)
#define AHEAD(p) __builtin_prefetch((__private const void *)((ulong)(p) + 8 * FRAME_A))
#else
#define AHEAD(p)
#endif

/* From event f->i0 on: as many as fit, within the span. */
inline void load_a(const sides *s, frame *f, uint end) {
    const long origin = s->a[f->i0];
    const uint room = min(end - f->i0, (uint)FRAME_A);
    uint x = 0;
    for (; x + 8 <= room && s->a[f->i0 + x + 7] - origin < SPAN; x += 8) {
        AHEAD(s->a + f->i0 + x);
        vstore8(convert_int8(vload8(0, s->a + f->i0 + x) - origin), 0, f->a + BEFORE + x);
    }
    for (; x < room && s->a[f->i0 + x] - origin < SPAN; x++) f->a[BEFORE + x] = (int)(s->a[f->i0 + x] - origin);
    f->na = x;
    f->a[BEFORE - 1] = f->i0 ? clamped(s->a[f->i0 - 1] - origin) : -FAR;
}

/* From event f->j0 on, the first that can meet any of A: until one is after @p most, or there is no room. B's clock is applied by one product a
 * lane: floor((x0 + dx) freq / 2^44) = q0 + floor((r + dx freq) / 2^44), r the remainder of x0 freq. |dx| < 2^30, |freq| < 2^31. */
inline void load_b(const sides *s, frame *f, int most) {
    const long origin = s->a[f->i0], first = s->b[f->j0], rest = (long)((ulong)(first - s->base) * (ulong)s->freq & ((1UL << 44) - 1));
    const long speed = (int)s->freq; /* so that the compiler sees a product of 32-bit numbers */
    const int place = clamped(on_a(s, first) - origin);
    uint y = 0;
    if (place <= most) {
        for (; y < FRAME_B && f->j0 + y + 8 <= s->nb && s->b[f->j0 + y + 7] - first < FAR;) {
            AHEAD(s->b + f->j0 + y);
            const int8 dx = convert_int8(vload8(0, s->b + f->j0 + y) - first);
            const long8 moved = convert_long8(dx) * speed + rest;
            vstore8(dx + place + (convert_int8(moved >> 32) >> 12), 0, f->b + BEFORE + y);
            y += 8;
            if (f->b[BEFORE + y - 1] > most) break;
        }
        if (y == 0 || f->b[BEFORE + y - 1] <= most)
            for (; y < FRAME_B && f->j0 + y < s->nb && time_b(s, f->j0 + y) - origin <= most; y++)
                f->b[BEFORE + y] = (int)(time_b(s, f->j0 + y) - origin);
    }
    f->nb = y;
    f->b[BEFORE - 1] = -FAR; /* what else there is of B is out of reach */
}

/* Bit LANE l: lane l of v is at most @p most. */
#if defined(__AVX512VL__) && !defined(COINCIDE_PORTABLE)
#define LANE 1
#elif defined(__AVX2__) && !defined(COINCIDE_PORTABLE)
#define LANE 4
#else
#define LANE 1
#endif
inline uint at_most(uint8 v, uint most) {
#if defined(__AVX512VL__) && !defined(COINCIDE_PORTABLE)
    typedef int i8 __attribute__((ext_vector_type(8)));
    return __builtin_ia32_ucmpd256_mask(__builtin_astype(v, i8), __builtin_astype((uint8)(most), i8), 2, 0xff);
#elif defined(__AVX2__) && !defined(COINCIDE_PORTABLE)
    typedef char c32 __attribute__((ext_vector_type(32)));
    return (uint)__builtin_ia32_pmovmskb256(__builtin_astype(v <= (uint8)(most), c32)) & 0x11111111u;
#else
    const int8 bits = (v <= (uint8)(most)) & (int8)(1, 2, 4, 8, 16, 32, 64, 128);
    const int4 four = bits.lo | bits.hi;
    const int2 two = four.lo | four.hi;
    return (uint)(two.x | two.y);
#endif
}
inline uint lowest(uint mask) { return (31 - clz(mask & -mask)) / LANE; }
inline uint number_of(uint mask) {
#ifdef COINCIDE_PORTABLE
    uint n = 0; /* Oclgrind knows no popcount */
    for (uint l = 0; l < 8; l++) n += mask >> l & 1;
    return n;
#else
    return popcount(mask);
#endif
}

/* The merge of both sides in a window that displaces B's clock by shift, and its steps with any of A near any of B. */
typedef struct merge {
    uint x, y, n;
    int shift;
    ulong *queue;
} merge;

/* Least values, not an or of comparisons: one comparison then does. */
#define UNFINISHED(m) (m.x < f->na && m.y < f->nb)
inline void meet_blocks(const frame *f, merge *m, int reach) {
    const int *a = f->a + BEFORE + m->x, *b = f->b + BEFORE + m->y;
    const int8 from = vload8(0, a) + (reach - m->shift);
    uint8 least = as_uint8(from - b[0]);
#define BETWEEN(k) least = min(least, as_uint8(from - b[k]));
    BETWEEN(1) BETWEEN(2) BETWEEN(3) BETWEEN(4) BETWEEN(5) BETWEEN(6) BETWEEN(7)
    const uint near = at_most(least, 2 * (uint)reach);
    m->queue[m->n] = (ulong)near << 32 | m->y << 16 | m->x;
    m->n += near != 0;
    const bool leave_a = a[7] <= b[7] + m->shift;
    m->x += leave_a ? 8 : 0;
    m->y += leave_a ? 0 : 8;
}

/* The queue's lanes one by one. Four are written whether they are there or not. */
inline uint unfold(frame *f, const merge *m) {
    uint n = 0;
    for (uint q = 0; q < m->n; q++) {
        const uint at = (uint)m->queue[q], x = at & 0xffff;
        uint near = (uint)(m->queue[q] >> 32);
        if (x + 8 > f->na) near &= (1u << LANE * (f->na - x)) - 1; /* A's next event is not of this frame */
        const uint total = number_of(near);
        for (uint k = 0; k < 4; k++) {
            f->one[n + k] = at + lowest(near | 1u << 31);
            near &= near - 1;
        }
        for (uint k = 4; k < total; k++) {
            f->one[n + k] = at + lowest(near);
            near &= near - 1;
        }
        n += total;
    }
    return n;
}

/* Event x of A and event y of B: distance, and that of the nearest rival on either side. */
inline uint distances(const frame *f, uint x, uint y, int shift, uint *rival) {
    const int *a = f->a + BEFORE + x, *b = f->b + BEFORE + y;
    const int t = a[0] - shift, u = b[0];
    *rival = min(min(abs(b[-1] - t), abs(b[1] - t)), min(abs(a[-1] - shift - u), abs(a[1] - shift - u)));
    return abs(t - u);
}

/* B's partner of event x of A if it is in the block y, by the exact rule where distances are equal. */
__attribute__((noinline)) uint partner_in_block(const sides *s, const frame *f, uint x, uint y, uint hits, long shift) {
    for (; hits; hits &= hits - 1) {
        const uint m = y + lowest(hits);
        uint rival;
        const uint d = distances(f, x, m, (int)shift, &rival);
        if (rival > d) return f->j0 + m;
        if (rival < d) continue;
        sides moved = *s;
        moved.offset += shift;
        const uint j = partner(&moved, f->i0 + x, f->j0 + m);
        return j - (f->j0 + y) < 8 ? j : NONE;
    }
    return NONE;
}

/* Pairs of a frame in one window; to out unless it is 0. Returns their number. */
inline uint take_queue(const sides *s, frame *f, const merge *w, __global uint2 *out) {
    const int reach = (int)s->reach;
    const uint candidates = unfold(f, w);
    uint n = 0;
    for (uint c = 0; c < candidates; c++) {
        const uint x = f->one[c] & 0xffff, y = f->one[c] >> 16;
        const int8 from = (int8)(f->a[BEFORE + x] - w->shift + reach) - vload8(0, f->b + BEFORE + y);
        const uint hits = at_most(as_uint8(from), 2 * (uint)reach), m = y + lowest(hits);
        uint rival, j = f->j0 + m;
        const uint d = distances(f, x, m, w->shift, &rival);
        if (rival <= d) {
            if (rival < d && number_of(hits) == 1) continue;
            j = partner_in_block(s, f, x, y, hits, w->shift);
            if (j == NONE) continue;
        }
        if (out) out[n] = (uint2)(f->i0 + x, j);
        n++;
    }
    return n;
}

inline uint take(const sides *s, frame *f, int shift, __global uint2 *out) {
    merge m = {0, 0, 0, shift, f->queue[0]};
    while (UNFINISHED(m)) meet_blocks(f, &m, (int)s->reach);
    return take_queue(s, f, &m, out);
}

/* Pairs in the windows of both signs, .x and .y. Side by side, as neither waits for the other. */
inline uint2 take_two(const sides *s, frame *f, int shift) {
    const int reach = (int)s->reach;
    merge m = {0, 0, 0, -shift, f->queue[0]}, p = {0, 0, 0, shift, f->queue[1]};
    while (UNFINISHED(m) && UNFINISHED(p)) {
        meet_blocks(f, &m, reach);
        meet_blocks(f, &p, reach);
    }
    while (UNFINISHED(m)) meet_blocks(f, &m, reach);
    while (UNFINISHED(p)) meet_blocks(f, &p, reach);
    const uint minus = take_queue(s, f, &m, 0);
    return (uint2)(minus, take_queue(s, f, &p, 0));
}

/* Where one block of A meets more of B than a frame holds. */
__attribute__((noinline)) uint take_all(const sides *s, const frame *f, long shift, __global uint2 *out) {
    sides moved = *s;
    moved.offset += shift;
    uint n = 0;
    for (uint i = f->i0; i < f->i0 + f->na; i++) {
        const uint j = partner(&moved, i, f->j0);
        if (j == NONE) continue;
        if (out) out[n] = (uint2)(i, j);
        n++;
    }
    return n;
}

/* First of the @p n ascending places that is >= t. */
inline uint first_place(const int *place, uint n, long t) {
    uint low = 0;
    while (low < n) {
        const uint mid = low + (n - low) / 2;
        if (place[mid] < t)
            low = mid + 1;
        else
            n = mid;
    }
    return low;
}

/* The frame from f->i0 on, after one that began at @p before; false when it is too crowded. */
inline bool set_frame(const sides *s, frame *f, long before, uint end, int wide) {
    const long origin = s->a[f->i0];
    const uint behind = first_place(f->b + BEFORE, f->nb, origin - wide - before); /* the last frame knows most of B */
    f->j0 = behind < f->nb ? f->j0 + behind : first_b(s, origin - wide, f->j0 + f->nb);
    load_a(s, f, end);
    f->nb = 0;
    if (f->j0 == s->nb) return true;
    load_b(s, f, f->a[BEFORE + f->na - 1] + wide);
    if (f->nb == FRAME_B) {
        /* Of A only what cannot meet what is not here; times equal to B's last may go on. */
        const uint na = first_place(f->a + BEFORE, f->na, (long)f->b[BEFORE + FRAME_B - 1] - wide);
        if (na == 0) {
            f->na = min(f->na, 8u);
            return false;
        }
        f->na = na;
    }
    for (uint k = 0; k < 8; k++) f->a[BEFORE + f->na + k] = FAR;
    if (f->i0 + f->na < s->na) f->a[BEFORE + f->na] = clamped(s->a[f->i0 + f->na] - origin);
    for (uint k = 0; k < 8; k++) f->b[BEFORE + f->nb + k] = FAR;
    return true;
}

__kernel void coincide_lanes(__global const long *a, __global const long *b, uint na, uint nb, uint from, uint to, long base, long offset,
                             long freq, long reach, long step, uint each, uint chunk, __global uint2 *restrict out,
                             __global uint *restrict count, __global uint *restrict in_window) {
    const uint c = get_global_id(0);
    if (c >= (to - from + chunk - 1) / chunk) return;
    const sides s = {a, b, na, nb, base, offset, freq, reach};
    const uint end = min(from + (c + 1) * chunk, to);
    uint n = 0;
    frame f;
    f.j0 = (uint)((ulong)nb * (from + c * chunk) / na); /* about there */
    f.nb = 0;
    out += (size_t)c * chunk;
    long before = a[from + c * chunk];
    for (f.i0 = from + c * chunk; f.i0 < end; f.i0 += f.na) {
        const bool fits = set_frame(&s, &f, before, end, (int)(reach + each * step));
        before = a[f.i0];
        if (f.nb == 0) continue;
        n += fits ? take(&s, &f, 0, out + n) : take_all(&s, &f, 0, out + n);
        for (uint k = 1; k <= each; k++) {
            uint2 pairs;
            if (fits)
                pairs = take_two(&s, &f, (int)(k * step));
            else
                pairs = (uint2)(take_all(&s, &f, -(long)k * step, 0), take_all(&s, &f, k * step, 0));
            if (pairs.x) atomic_add(in_window + 2 * k - 2, pairs.x);
            if (pairs.y) atomic_add(in_window + 2 * k - 1, pairs.y);
        }
    }
    count[c] = n;
}

#endif /* COINCIDE_LANES */

/* ---- One work-item an event of A -------------------------------------------------------------------------------------- */

/* First of B in [low, high) whose time is >= t; high if none. */
inline uint between_b(const sides *s, long t, uint low, uint high) {
    while (low < high) {
        const uint mid = low + (high - low) / 2;
        if (time_b(s, mid) < t)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* A work-group is a chunk, and finds its part of B first; partners are put in order by a prefix sum in local memory. */
__kernel void coincide_events(__global const long *a, __global const long *b, uint na, uint nb, uint from, uint to, long base, long offset,
                              long freq, long reach, long step, uint each, uint chunk, __global uint2 *restrict out,
                              __global uint *restrict count, __global uint *restrict in_window, __local uint *sum) {
    sides s = {a, b, na, nb, base, offset, freq, reach};
    const uint l = get_local_id(0), i = from + get_global_id(0), first = i - l, last = min(first + chunk, to) - 1;
    const long wide = reach + each * step;
    if (l == 0) sum[0] = between_b(&s, a[first] - wide, 0, nb);
    if (l == 1) sum[1] = between_b(&s, a[last] + wide + 1, 0, nb);
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint low = sum[0], high = sum[1];
    barrier(CLK_LOCAL_MEM_FENCE);
    uint j = NONE;
    if (i < to) {
        j = partner(&s, i, between_b(&s, a[i], low, high));
        for (uint w = 1; w <= 2 * each; w++) {
            s.offset = offset + displacement(w, step);
            if (partner(&s, i, between_b(&s, a[i], low, high)) != NONE) atomic_inc(in_window + w - 1);
        }
    }
    sum[l] = j != NONE;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint stride = 1; stride < chunk; stride *= 2) {
        const uint add = l >= stride ? sum[l - stride] : 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        sum[l] += add;
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (j != NONE) out[(size_t)get_group_id(0) * chunk + sum[l] - 1] = (uint2)(i, j);
    if (l == chunk - 1) count[get_group_id(0)] = sum[l];
}

/* Close the gaps: chunk c's pairs go to pa[offset[c] ...] and pb, as indices among all events. */
__kernel void coincide_pack(__global const uint2 *restrict out, __global const uint *restrict count, __global const uint *restrict offset,
                            uint chunks, uint chunk, ulong a0, ulong b0, __global ulong *restrict pa, __global ulong *restrict pb) {
    const uint c = get_global_id(0);
    if (c >= chunks) return;
    out += (size_t)c * chunk;
    pa += offset[c];
    pb += offset[c];
    const uint n = count[c];
    for (uint k = 0; k < n; k++) {
        pa[k] = a0 + out[k].x;
        pb[k] = b0 + out[k].y;
    }
}
