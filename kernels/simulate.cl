/* SPDX-License-Identifier: Apache-2.0 */
/* Simulation of a link, one work-item a cell; what is drawn for what is told in host/link/simulate.h.
 *
 *   pairs, singles   emit the events of a cell, eight at a time: gaps, prefix sum, outcomes, jitter; sorted by insertion
 *   settle           merge a station's two lists of a cell with what comes late from the cell before, pass the dead time
 *   pack             sorted keys to times, masks and ids, all cells back to back
 *
 * A click is one 64-bit key, ordered as the clicks are:
 *   time in the cell << 35 | detector << 33 | own cell << 32 | flag << 31 | pair number in the cell + 1, or 0
 * A list has a 0 before its first key and ~0 after its last one.
 */
#include "rng.clh"

#define STREAM_BOTH 2u
#define CELL_BITS 28
#define GUARD_BITS 24
#define FRACTION 3
#define TIME_SHIFT 35
#define DETECTOR_SHIFT 33
#define OWN (1ul << 32)
#define FLAG (1ul << 31)
#define LATE (1ul << (CELL_BITS + TIME_SHIFT)) /* keys from here on belong to the next cell */
#define END (~0ul)

#define FAULT_OVERFLOW 1u
#define FAULT_NO_PAUSE 2u

#define LOAD8(table, i) ((ulong8)(table[(i).s0], table[(i).s1], table[(i).s2], table[(i).s3], table[(i).s4], table[(i).s5], table[(i).s6], table[(i).s7]))

/* Built-ins take 256 bits at a time: wider arguments draw a warning where the processor has no 512-bit registers. */
#define LOAD(p) ((ulong8)(vload4(0, p), vload4(1, p)))
#define STORE(v, p) (vstore4((v).lo, 0, p), vstore4((v).hi, 1, p))
#define ANY(m) any((m).lo | (m).hi)
#define ALL(m) all((m).lo & (m).hi)

static inline ulong gap_of(__global const uint *a, __global const uint *s, ulong zoom, uint shift, uint u) {
    ulong sum = 0;
    for (int level = 1;; level++) {
        uint i = u >> 22;
        if (i >= 16 || level == 3) return sum + ((ulong)(a[i] - (uint)(((ulong)s[i] * (u & 0x3fffff) + (1 << 21)) >> 22)) << shift);
        sum += zoom;
        u <<= 6;
    }
}

/* Eight gaps to eight times: *at is the sum before the first lane; u in, times in 1/8 ticks out. */
static inline void times8(__global const uint *a, __global const uint *s, ulong zoom, uint shift, const ulong8 *u, ulong at, ulong8 *times) {
    ulong8 i = *u >> 22;
    ulong8 g = (LOAD8(a, i) - ((LOAD8(s, i) * (*u & 0x3ffffful) + (1 << 21)) >> 22)) << (ulong8)(shift);
    long8 deep = i < 16;
    if (ANY(deep)) {
        union { ulong8 v; ulong e[8]; } w, x;
        w.v = *u;
        x.v = g;
        for (int j = 0; j < 8; j++)
            if (w.e[j] >> 22 < 16) x.e[j] = gap_of(a, s, zoom, shift, (uint)w.e[j]);
        g = x.v;
    }
    g += (ulong8)(0, g.s0, g.s1, g.s2, g.s3, g.s4, g.s5, g.s6);
    g += (ulong8)(0, 0, g.s0, g.s1, g.s2, g.s3, g.s4, g.s5);
    g += (ulong8)(0, 0, 0, 0, g.s0, g.s1, g.s2, g.s3);
    *times = g + at;
}

static inline uint lanes_set(const long8 *ok) {
    long4 h = ok->lo + ok->hi;
    long2 q = h.lo + h.hi;
    return (uint)-(q.x + q.y);
}

/* Append the keys whose lane in ok is set (all bits) and keep the list sorted. list[0] = 0; *n keys stand at list[1..]. */
static inline void append8(__global ulong *list, uint *n, const ulong8 *keys, const long8 *ok) {
    uint from = *n + 1, end = from;
    if (ALL(*ok)) {
        STORE(*keys, list + from);
        end = from + 8;
        *n += 8;
        long8 wrong = LOAD(list + from - 1) > *keys;
        if (!ANY(wrong)) return;
    } else {
        union { ulong8 v; ulong e[8]; } k;
        union { long8 v; long e[8]; } o;
        k.v = *keys;
        o.v = *ok;
        for (int j = 0; j < 8; j++)
            if (o.e[j]) list[end++] = k.e[j];
        *n = end - 1;
    }
    for (uint i = from; i < end; i++) {
        ulong k = list[i];
        uint j = i;
        for (; list[j - 1] > k; j--) list[j] = list[j - 1];
        list[j] = k;
    }
}

/* v[2 outcome + basis] by lane: four values by detector. */
#define BY_DETECTOR(v, d) (((d) & 2ul) != 0 ? (((d) & 1ul) != 0 ? (ulong8)((v)[3]) : (ulong8)((v)[2])) : (((d) & 1ul) != 0 ? (ulong8)((v)[1]) : (ulong8)((v)[0])))
/* m[i][j] of a 2 x 2 table. */
#define BY_TWO(m, i, j) ((i) != 0 ? ((j) != 0 ? (ulong8)((m)[3]) : (ulong8)((m)[2])) : ((j) != 0 ? (ulong8)((m)[1]) : (ulong8)((m)[0])))
/* 1 where word w is below threshold t, else 0; both at most 2^32. (A comparison's lanes & 1 would say the same, but Oclgrind widens a
 * vector of truth values wrongly.) */
#define BELOW(w, t) (((w) - (t)) >> 63)

#define KEY8(times, jitter, delay, detector, low) \
    (((((times) >> FRACTION) + (jitter) + (delay)) << TIME_SHIFT) | ((detector) << DETECTOR_SHIFT) | OWN | (low))

/* Parameters of the pairs, ulongs in this order. */
enum { P_ZOOM, P_SHIFT, P_SPLIT_A, P_SPLIT_B, P_EQUAL, P_EVE = P_EQUAL + 4, P_EVE_EQUAL, P_EVE_FLIP = P_EVE_EQUAL + 4, P_ACCEPT_A = P_EVE_FLIP + 4,
       P_ACCEPT_B = P_ACCEPT_A + 4, P_DELAY_A = P_ACCEPT_B + 4, P_DELAY_B = P_DELAY_A + 4 };

/* Work-item e emits cell first - 1 + e: the first one is the cell before the range. extra: draw 2 is needed (unequal efficiencies or Eve). */
static inline void pairs_of_cell(const int extra, ulong seed, ulong first, uint cells, uint cap, uint stride, __global const ulong *p,
                                 __global const uint *gap, __global const ushort *jitter_a, __global const ushort *jitter_b,
                                 __global ulong *list_a, __global ulong *list_b, __global uint *count_a, __global uint *count_b,
                                 __global uint *fault) {
    uint e = get_global_id(0);
    if (e >= cells) return;
    __global ulong *la = list_a + (size_t)e * stride, *lb = list_b + (size_t)e * stride;
    uint na = 0, nb = 0;
    ulong at = first + e == 0 ? END >> 1 : 0; /* there is no cell before cell 0 */
    ulong cell = first + e - 1;
    la[0] = lb[0] = 0;
    for (uint k = 0; at >> FRACTION < 1ul << CELL_BITS; k += 8) {
        ulong8 index = (ulong8)(0, 1, 2, 3, 4, 5, 6, 7) + k, times;
        ulong8 w[4], v[4];
        QD_PHILOX_X8_COUNTER(w, STREAM_BOTH, (ulong8)(cell << 32) | index, (ulong8)(0));
        QD_PHILOX_X8_COUNTER(v, STREAM_BOTH, (ulong8)(cell << 32) | index, (ulong8)(1));
        qd_philox_2x8(w, v, seed);
        times8(gap, gap + 1024, p[P_ZOOM], (uint)p[P_SHIFT], &w[0], at, &times);
        at = times.s7;
        long8 inside = times >> FRACTION < (ulong8)(1ul << CELL_BITS), ok_a = inside, ok_b = inside;
        ulong8 basis_a = 1 - BELOW(w[1], p[P_SPLIT_A]), basis_b = 1 - BELOW(w[2], p[P_SPLIT_B]);
        ulong8 out_a = v[3] >> 31, out_b = out_a ^ 1ul ^ BELOW(w[3], BY_TWO(p + P_EQUAL, basis_a, basis_b));
        ulong8 low = index + 1;
        ulong8 x[4] = {0, 0, 0, 0};
        if (extra) {
            QD_PHILOX_X8_COUNTER(x, STREAM_BOTH, (ulong8)(cell << 32) | index, (ulong8)(2));
            qd_philox_x8(x, seed);
            ulong8 basis_e = (v[3] >> 30) & 1ul;
            ulong8 out_e = out_a ^ 1ul ^ BELOW(w[3], BY_TWO(p + P_EVE_EQUAL, basis_a, basis_e));
            long8 eve = v[2] < p[P_EVE];
            out_b = eve ? out_e ^ BELOW(x[2], BY_TWO(p + P_EVE_FLIP, basis_e, basis_b)) : out_b;
            low |= as_ulong8(eve) & FLAG;
        }
        ulong8 det_a = basis_a | out_a << 1, det_b = basis_b | out_b << 1;
        if (extra) {
            ok_a &= x[0] < BY_DETECTOR(p + P_ACCEPT_A, det_a);
            ok_b &= x[1] < BY_DETECTOR(p + P_ACCEPT_B, det_b);
        }
        ulong8 ja = v[0] >> 20, jb = v[1] >> 20;
        ja = LOAD8(jitter_a, ja);
        jb = LOAD8(jitter_b, jb);
        ulong8 da = BY_DETECTOR(p + P_DELAY_A, det_a), db = BY_DETECTOR(p + P_DELAY_B, det_b);
        ulong8 ka = KEY8(times, ja, da, det_a, low), kb = KEY8(times, jb, db, det_b, low);
        append8(la, &na, &ka, &ok_a);
        append8(lb, &nb, &kb, &ok_b);
        if (k + lanes_set(&inside) > cap) {
            atomic_or(fault, FAULT_OVERFLOW);
            break;
        }
    }
    la[na + 1] = lb[nb + 1] = END;
    count_a[e] = na;
    count_b[e] = nb;
}

#define PAIRS_KERNEL(name, extra)                                                                                                        \
    __kernel void name(ulong seed, ulong first, uint cells, uint cap, uint stride, __global const ulong *p, __global const uint *gap,    \
                       __global const ushort *jitter_a, __global const ushort *jitter_b, __global ulong *list_a, __global ulong *list_b, \
                       __global uint *count_a, __global uint *count_b, __global uint *fault) {                                           \
        pairs_of_cell(extra, seed, first, cells, cap, stride, p, gap, jitter_a, jitter_b, list_a, list_b, count_a, count_b, fault);      \
    }
PAIRS_KERNEL(pairs, 0)
PAIRS_KERNEL(pairs_extra, 1)

enum { S_ZOOM, S_SHIFT, S_DARK, S_PHOTON_CUT, S_DARK_CUT = S_PHOTON_CUT + 4, S_DELAY = S_DARK_CUT + 4 };

__kernel void singles(ulong seed, uint stream, ulong first, uint cells, uint cap, uint stride, __global const ulong *p,
                      __global const uint *gap, __global const ushort *jitter, __global ulong *list, __global uint *count,
                      __global uint *fault) {
    uint e = get_global_id(0);
    if (e >= cells) return;
    __global ulong *l = list + (size_t)e * stride;
    uint n = 0;
    ulong at = first + e == 0 ? END >> 1 : 0;
    ulong cell = first + e - 1;
    l[0] = 0;
    for (uint k = 0; at >> FRACTION < 1ul << CELL_BITS; k += 8) {
        ulong8 index = (ulong8)(0, 1, 2, 3, 4, 5, 6, 7) + k, times;
        ulong8 w[4];
        QD_PHILOX_X8_COUNTER(w, stream, (ulong8)(cell << 32) | index, (ulong8)(0));
        qd_philox_x8(w, seed);
        times8(gap, gap + 1024, p[S_ZOOM], (uint)p[S_SHIFT], &w[0], at, &times);
        at = times.s7;
        long8 inside = times >> FRACTION < (ulong8)(1ul << CELL_BITS);
        long8 dark = w[1] < p[S_DARK];
        ulong8 det = 3;
        for (int d = 0; d < 3; d++) det -= BELOW(w[2], dark ? (ulong8)(p[S_DARK_CUT + d]) : (ulong8)(p[S_PHOTON_CUT + d]));
        long8 ok = inside & (w[2] < (dark ? (ulong8)(p[S_DARK_CUT + 3]) : (ulong8)(p[S_PHOTON_CUT + 3])));
        ulong8 j = w[3] >> 20, delay = BY_DETECTOR(p + S_DELAY, det), low = as_ulong8(dark) & FLAG;
        j = LOAD8(jitter, j);
        ulong8 keys = KEY8(times, j, delay, det, low);
        append8(l, &n, &keys, &ok);
        if (k + lanes_set(&inside) > cap) {
            atomic_or(fault, FAULT_OVERFLOW);
            break;
        }
    }
    l[n + 1] = END;
    count[e] = n;
}

/* A click of key k, its time counted from the start of the cell before: pass the dead time. */
#define PASS(k, time)                                        \
    do {                                                     \
        uint d_ = (uint)((k) >> DETECTOR_SHIFT) & 3;         \
        ulong t_ = (time);                                   \
        ulong f_ = free_at[d_];                              \
        kept = t_ >= f_;                                     \
        free_at[d_] = kept ? t_ + dead : f_;                 \
    } while (0)

/* Work-item i makes cell first + i of a station from the lists of emitted cells i (the one before) and i + 1. */
__kernel void settle(ulong dead, uint cells, __global const ulong *both, uint both_stride, __global const uint *both_n,
                     __global const ulong *own, uint own_stride, __global const uint *own_n, __global ulong *out, uint out_stride,
                     __global uint *out_n, __global uint *out_dropped, __global uint *fault) {
    uint i = get_global_id(0);
    if (i >= cells) return;
    __global const ulong *pb = both + (size_t)i * both_stride, *po = own + (size_t)i * own_stride;
    uint sb = both_n[i], so = own_n[i], nb = sb, no = so;
    while (pb[sb] >= LATE) sb--;
    while (po[so] >= LATE) so--;
    out += (size_t)i * out_stride;
    out_n[i] = out_dropped[i] = 0;
    if (both_n[i + 1] + own_n[i + 1] + (nb - sb) + (no - so) > out_stride) {
        atomic_or(fault, FAULT_OVERFLOW);
        return;
    }

    /* Back through the cell before until, for every detector, a click at least the dead time after its predecessor (it is kept
     * whatever came earlier) or a pause that reaches into this cell has been passed. */
    ulong next[4] = {1ul << CELL_BITS, 1ul << CELL_BITS, 1ul << CELL_BITS, 1ul << CELL_BITS}, free_at[4] = {0, 0, 0, 0};
    uint ib = sb, io = so, open = 15;
    while (open) {
        ulong k = max(pb[ib], po[io]), t = max(k >> TIME_SHIFT, 1ul << GUARD_BITS);
        for (int d = 0; d < 4; d++)
            if (next[d] - t >= dead) open &= ~(1u << d);
        if (!open) break;
        if (k >> TIME_SHIFT < 1ul << GUARD_BITS) {
            atomic_or(fault, FAULT_NO_PAUSE);
            return;
        }
        next[(k >> DETECTOR_SHIFT) & 3] = t;
        if (pb[ib] == k) ib--;
        else io--;
    }
    bool kept;
    while (ib < sb || io < so) { /* and forward again to this cell's start */
        ulong kb = ib < sb ? pb[ib + 1] : END, ko = io < so ? po[io + 1] : END, k = min(kb, ko);
        PASS(k, k >> TIME_SHIFT);
        if (kb < ko) ib++;
        else io++;
    }

    uint n = 0, total = 0;
    __global const ulong *qb = pb + both_stride + 1, *qo = po + own_stride + 1;
    while (sb < nb || so < no) { /* as long as late clicks of the cell before are left: the least of four lists */
        ulong kb = sb < nb ? pb[sb + 1] : END, ko = so < no ? po[so + 1] : END, k = min(kb, ko);
        ulong late = k - LATE - OWN, mine = min(*qb, *qo);
        if (late < mine) {
            k = late;
            if (kb < ko) sb++;
            else so++;
        } else {
            k = mine;
            if (*qb < *qo) qb++;
            else qo++;
        }
        PASS(k, (k >> TIME_SHIFT) + (1ul << CELL_BITS));
        out[n] = k;
        n += kept;
        total++;
    }
    ulong kb = *qb, ko = *qo;
    for (;;) {
        ulong k = min(kb, ko);
        if (k >= LATE) break;
        bool b = kb < ko;
        qb += b;
        qo += !b;
        kb = *qb;
        ko = *qo;
        PASS(k, (k >> TIME_SHIFT) + (1ul << CELL_BITS));
        out[n] = k;
        n += kept;
        total++;
    }
    out_n[i] = n;
    out_dropped[i] = total - n;
}

/* CLOCK figures of a cell: time of its start on the station's clock, remainder of the drift there (2^-44 ticks), ticks by which the start
 * lies late, frequency and its inverse (2^-44), time where the next cell begins. The station's time is the largest one that the clock model maps to or before the event's. */
enum { CLOCK = 6 };
static inline long station_time(long dt, long start, long rest, long late, long freq, long inverse) {
    long y = dt + late;
    long g = y - ((y * inverse + (1l << 43)) >> 44); /* off by one at most */
    long m = g * freq + rest;
    return g + start - (g + (m >> 44) > y) + (g + 1 + ((m + freq) >> 44) <= y);
}

/* A plain loop over the tags of a cell, with nothing shared between rounds: compilers for CPUs vectorise it. */
__kernel void pack(ulong first, uint cells, __global const ulong *restrict keys, uint stride, __global const uint *restrict counts,
                   __global const uint *restrict offsets, __global const long *restrict clock,
                   __global long *restrict times, __global uchar *restrict masks, uint with_ids, __global ulong *restrict ids) {
    uint i = get_global_id(0);
    if (i >= cells) return;
    keys += (size_t)i * stride;
    times += offsets[i];
    masks += offsets[i];
    const uint n = counts[i];
    clock += CLOCK * i;
    const long start = clock[0], rest = clock[1], late = clock[2], freq = clock[3], inverse = clock[4], end = clock[5];
    for (uint j = 0; j < n; j++) {
        times[j] = min(end, station_time((long)(keys[j] >> TIME_SHIFT), start, rest, late, freq, inverse));
        masks[j] = (uchar)(1 << ((keys[j] >> DETECTOR_SHIFT) & 3));
    }
    if (!with_ids) return;
    ids += offsets[i];
    const ulong before = (first + i - 1) << 32; /* wraps for cell 0, which has nothing from before */
    for (uint j = 0; j < n; j++) {
        ulong k = keys[j], number = k & (FLAG - 1), flag = (k >> 31) & 1;
        ids[j] = number != 0 ? ((k & OWN) + before + number) | flag << 63 : flag << 62;
    }
}
