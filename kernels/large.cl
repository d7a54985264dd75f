/* SPDX-License-Identifier: Apache-2.0 */
/* Syndromes and layered decoding of large-block codes; the arithmetic is defined in host/include/qdistill/reconcile/large.h.
 *
 * -DLANES=32|64   the form for CPU devices: work-items take frames in turn, lanes of that many bytes run along the lifted rows.
 * -DPERMUTE       with 64 lanes: the processor permutes bytes across a vector (AVX-512 VBMI)
 * without LANES   the portable form: a work-group decodes a frame, a work-item takes a lifted row at a time.
 *
 * Tables, made by the host:
 *   rows   uint [rows + 1]: first edge of each block row
 *   edges  ushort [edges][2]: block column, shift
 *   places uint, for each block row [z / LANES][edges of the row]: where LANES lifted rows begin in the APPs; AHEAD more behind the end
 *   tables uchar [2][512], of the rule before and after steps double: low bytes of phi, high bytes, inverse[3][128] */

enum { LOOK = 8, LESS = 16, CLASSES = 64, KNOWN = 512, SUMS = 128, TABLES = 2 * CLASSES + 3 * SUMS };

#define FAILED 0x80000000u /* flag in the iterations of a frame */
#define WORD(b, n) ((uint)((b)[(n) / 64] >> ((n) % 64)) & 1u)

/* A compiler that does not know the wide vectors gives the portable form under the same options. */
#if defined(LANES) && defined(__clang__) && defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_add_sat) && __has_builtin(__builtin_elementwise_min) && \
    __has_builtin(__builtin_elementwise_abs) && __has_builtin(__builtin_convertvector)
#define WIDE
#endif
#endif

#ifdef WIDE

#include "large.clh"

/* A frame at work: APPs and messages stand BIAS above what they are, so that a message is widened by zeros. */
typedef struct {
    __global short *app;   /* [cols][z + LANES]: the beginning of a column is repeated behind its end */
    __global uchar *msg;   /* [rows][z / LANES][edges of the row][LANES] */
    __global char *syn;    /* [rows][z], narrowed; the sign is the syndrome bit */
    __global ulong *twice; /* [cols][2 words + 1]: decisions of a column, twice in a row */
    __global uvec *row;    /* [degree]: classes of the v of a row, signs above them */
    int z, n_rows, n_cols, known, unknown; /* known: columns of key; unknown: private bits behind them, the rest of which was told */
} state;

static inline pair app_at(__global const short *p) {
    return (pair){((__global const loose *)p)->v, ((__global const loose *)(p + HALF))->v};
}

static inline pair less(__global const short *app, uvec message) {
    pair x = app_at(app), m = widen(message, (uvec)0);
    return (pair){x.a - m.a, x.b - m.b};
}

static inline void soon(__global const void *p) { __builtin_prefetch((const void *)(size_t)p); }

/* The three magnitudes that leave a row. */
static inline void sizes(const lookup *t, int degree, pair sum, const uvec *k, uvec *out) {
    const ushort mean = 65536 / degree; /* of one edge there is no rest */
    const uvec cap = k[0] + k[0];
    pair one = phi_of(t, k[0]), two = phi_of(t, k[1]), rest; /* of no second class anything: then no edge asks */
    one = (pair){sum.a - one.a, sum.b - one.b};
    rest = (pair){share(sub_s(one.a, two.a), mean), share(sub_s(one.b, two.b), mean)};
    out[0] = __builtin_elementwise_min(k[2] + k[2], inverse(t, one));
    out[1] = __builtin_elementwise_min(cap, inverse(t, (pair){sum.a - two.a, sum.b - two.b}));
    out[2] = __builtin_elementwise_min(cap, inverse(t, (pair){sum.a - rest.a, sum.b - rest.b}));
}

/* LANES rows; how many were odd. */
static inline uint lifted_rows(const state *s, const lookup *t, __global const uint *at, int degree, __global uchar *msg, vec sign) {
    const uvec none = (uvec)CLASSES;
    uvec k[3] = {none, none, none}, size[3];
    pair sum = {(svec)0, (svec)0};
    for (int e = 0; e < degree; e++) {
        soon(s->app + at[e + AHEAD]);
        soon(s->app + at[e + AHEAD] + 32);
        soon(msg + (e + AHEAD) * LANES);
        const vec x = narrow(less(s->app + at[e], *(__global const uvec *)(msg + e * LANES)));
        const uvec class = class_of(x), lo = __builtin_elementwise_min(k[0], class), hi = __builtin_elementwise_max(k[0], class);
        const pair phi = phi_of(t, class);
        s->row[e] = (__builtin_astype(x, uvec) & (uvec)128) | class;
        sum = (pair){add_s(sum.a, phi.a), add_s(sum.b, phi.b)};
        sign ^= x;
        k[1] = hi > lo ? __builtin_elementwise_min(k[1], hi) : k[1];
        k[2] = __builtin_elementwise_min(k[2], hi);
        k[0] = lo;
    }
    sizes(t, degree, sum, k, size);
    for (int i = 0; i < 3; i++) size[i] += (uvec)BIAS;
    _Pragma("clang loop unroll_count(2)") for (int e = 0; e < degree; e++) {
        __global short *app = s->app + at[e];
        const uvec x = s->row[e], class = x & (uvec)127, old = *(__global const uvec *)(msg + e * LANES);
        uvec m = class == k[0] ? size[0] : class == k[1] ? size[1] : size[2];
        m = (sign ^ __builtin_astype(x, vec)) < (vec)0 ? (uvec)0 - m : m; /* 256 - (128 + m) is 128 - m */
        const pair more = minus(m, old), was = app_at(app);
        *(__global uvec *)(msg + e * LANES) = m;
        ((__global loose *)app)->v = was.a + more.a;
        ((__global loose *)(app + HALF))->v = was.b + more.b;
    }
    return popcount(signs_of(sign));
}

/* After a block row the first shift % LANES of a column stand behind its end, the others of the first LANES at its beginning. */
static inline void wrap(const state *s, __global const ushort *edge) {
    __global short *begin = s->app + (size_t)edge[0] * (s->z + LANES), *end = begin + s->z;
    const short n = edge[1] % LANES;
    svec lane;
    _Pragma("unroll") for (int i = 0; i < HALF; i++) lane[i] = i;
    pair x = app_at(begin), y = app_at(end);
    x = (pair){lane < (svec)n ? y.a : x.a, lane + (svec)HALF < (svec)n ? y.b : x.b};
    ((__global loose *)begin)->v = x.a;
    ((__global loose *)(begin + HALF))->v = x.b;
    ((__global loose *)end)->v = x.a;
    ((__global loose *)(end + HALF))->v = x.b;
}

/* How many rows were odd. */
static uint iterate(const state *s, const lookup *tables, __global const uint *rows, __global const ushort *edges,
                    __global const uint *at) {
    const lookup t = *tables;
    __global uchar *msg = s->msg;
    uint odd = 0;
    for (int i = 0; i < s->n_rows; i++) {
        const int degree = rows[i + 1] - rows[i];
        for (int r = 0; r < s->z; r += LANES, at += degree, msg += degree * LANES)
            odd += lifted_rows(s, &t, at, degree, msg, *(__global const vec *)(s->syn + (size_t)i * s->z + r));
        for (int e = rows[i]; e < (int)rows[i + 1]; e++) wrap(s, edges + 2 * e);
    }
    return odd;
}

/* Bits of a word to the sign bits of 64 bytes. */
static inline void spread(ulong w, char *out) {
    for (int i = 0; i < 8; i++) {
        ulong b = ((w >> (8 * i) & 0xff) * 0x0101010101010101ul) & 0x8040201008040201ul;
        ((ulong *)out)[i] = (b + 0x7f7f7f7f7f7f7f7ful) & 0x8080808080808080ul;
    }
}

static void load_key(const state *s, __global const ulong *frame, int llr) {
    char bytes[64] __attribute__((aligned(64)));
    for (int j = 0; j < s->known; j++) {
        __global short *column = s->app + (size_t)j * (s->z + LANES);
        for (int p = 0; p < s->z; p += 64) {
            spread(frame[((size_t)j * s->z + p) / 64], bytes);
            for (int h = 0; h < 64; h += HALF) {
                svec bit = __builtin_convertvector(*(const hvec *)(bytes + h), svec);
                ((__global loose *)(column + p + h))->v = bit < (svec)0 ? (svec)(short)(BIAS - llr) : (svec)(short)(BIAS + llr);
            }
        }
        for (int h = 0; h < LANES; h += HALF) ((__global loose *)(column + s->z + h))->v = ((__global const loose *)(column + h))->v;
    }
}

static void load(const state *s, __global const ulong *frame, int llr) {
    load_key(s, frame, llr);
    for (int j = s->known, i = 0; j < s->n_cols; j++) {
        __global short *column = s->app + (size_t)j * (s->z + LANES);
        for (int p = 0; p < s->z; p++, i++) column[p] = i < s->unknown ? BIAS : BIAS + KNOWN;
        for (int p = 0; p < LANES; p++) column[s->z + p] = column[p];
    }
}

static void load_syndrome(const state *s, __global const ulong *syndrome) {
    char bytes[64] __attribute__((aligned(64)));
    for (size_t r = 0; r < (size_t)s->n_rows * s->z; r += 64) {
        spread(syndrome[r / 64], bytes);
        for (int h = 0; h < 64; h += LANES)
            *(__global vec *)(s->syn + r + h) = narrow((pair){__builtin_convertvector(*(const hvec *)(bytes + h), svec),
                                                               __builtin_convertvector(*(const hvec *)(bytes + h + HALF), svec)});
    }
}

/* Toward 0. */
static inline svec half_of(svec m) {
    m -= (svec)BIAS;
    return (m + shift_right(m, 15)) >> (svec)1;
}

static void halve(const state *s, __global const uint *rows, __global const ushort *edges, __global const uint *at,
                  __global const ulong *frame, int llr) {
    load(s, frame, llr);
    __global uchar *msg = s->msg;
    for (int i = 0; i < s->n_rows; i++) {
        for (int r = 0; r < s->z; r += LANES)
            for (int e = rows[i]; e < rows[i + 1]; e++, msg += LANES) {
                __global short *app = s->app + *at++;
                pair m = widen(*(__global const uvec *)msg, (uvec)0), x = app_at(app);
                m = (pair){half_of(m.a), half_of(m.b)};
                *(__global uvec *)msg = __builtin_astype(narrow(m), uvec) + (uvec)BIAS;
                ((__global loose *)app)->v = x.a + m.a;
                ((__global loose *)(app + HALF))->v = x.b + m.b;
            }
        for (int e = rows[i]; e < rows[i + 1]; e++) wrap(s, edges + 2 * e);
    }
}

/* Signs of 64 APPs from p on. */
static inline ulong decide(__global const short *p) {
    ulong w = 0;
#if LANES == 64 && defined(PACK) && __has_builtin(__builtin_ia32_cvtw2mask512)
    pair x = app_at(p);
    w = (ulong)(uint)__builtin_ia32_cvtw2mask512(__builtin_astype(x.a - (svec)BIAS, packed_in)) |
        (ulong)(uint)__builtin_ia32_cvtw2mask512(__builtin_astype(x.b - (svec)BIAS, packed_in)) << 32;
#elif LANES == 32 && defined(PACK)
    for (int h = 0; h < 2; h++) { /* narrowing leaves the two middle eights exchanged */
        pair x = app_at(p + 32 * h);
        uint m = __builtin_ia32_pmovmskb256(__builtin_astype(narrow((pair){x.a - (svec)BIAS, x.b - (svec)BIAS}), packed_out));
        w |= (ulong)((m & 0xff0000ffu) | (m >> 8 & 0xff00u) | (m & 0xff00u) << 8) << 32 * h;
    }
#else
    for (int i = 0; i < 64; i++) w |= (ulong)(p[i] < BIAS) << i;
#endif
    return w;
}

/* Decisions of all columns; each is kept twice, so that a row reads on past its end. */
static void keep_twice(const state *s, __global const ulong *bits) {
    const int words = s->z / 64;
    for (int j = 0; j < s->n_cols; j++) {
        __global ulong *to = s->twice + (size_t)j * (2 * words + 1);
        for (int w = 0; w < words; w++) to[w] = to[words + w] = bits[(size_t)j * words + w];
    }
}

static void decide_all(const state *s, __global ulong *bits) {
    for (int j = 0; j < s->n_cols; j++)
        for (int p = 0; p < s->z; p += 64)
            bits[((size_t)j * s->z + p) / 64] = decide(s->app + (size_t)j * (s->z + LANES) + p);
    keep_twice(s, bits);
}

/* Syndrome of 64 rows, or of 512. */
static inline ulong row_word(const state *s, __global const ushort *edges, int from, int to, int w) {
    ulong sum = 0;
    for (int e = from; e < to; e++) {
        __global const ulong *x = s->twice + (size_t)edges[2 * e] * (2 * (s->z / 64) + 1) + edges[2 * e + 1] / 64 + w;
        const int by = edges[2 * e + 1] % 64;
        sum ^= x[0] >> by | x[1] << 1 << (63 - by);
    }
    return sum;
}

static inline ulong8 row_words(const state *s, __global const ushort *edges, int from, int to, int w) {
    ulong8 sum = 0;
    for (int e = from; e < to; e++) {
        __global const ulong *x = s->twice + (size_t)edges[2 * e] * (2 * (s->z / 64) + 1) + edges[2 * e + 1] / 64 + w;
        const ulong by = edges[2 * e + 1] % 64;
        sum ^= ((__global const loose_words *)x)->v >> (ulong8)by | ((__global const loose_words *)(x + 1))->v << (ulong8)1 << (ulong8)(63 - by);
    }
    return sum;
}

static int matches(const state *s, __global const uint *rows, __global const ushort *edges, __global const ulong *syndrome) {
    const int words = s->z / 64;
    for (int i = 0; i < s->n_rows; i++, syndrome += words) {
        ulong8 wide_difference = 0;
        ulong difference = 0;
        int w = 0;
        for (; w + 8 <= words; w += 8)
            wide_difference |= row_words(s, edges, rows[i], rows[i + 1], w) ^ ((__global const loose_words *)(syndrome + w))->v;
        for (; w < words; w++) difference |= row_word(s, edges, rows[i], rows[i + 1], w) ^ syndrome[w];
        if (difference || any(wide_difference != (ulong8)0)) return 0;
    }
    return 1;
}

/* Scratch of a work-item, in bytes (the host has the same formula): APPs, messages, syndrome, a row, decisions. */
static state state_at(__global uchar *scratch, size_t bytes, int z, int n_rows, int n_cols, int n_edges, int degree_max) {
    state s = {.z = z, .n_rows = n_rows, .n_cols = n_cols};
    scratch += get_global_id(0) * bytes;
    s.app = (__global short *)scratch;
    scratch += (size_t)n_cols * (z + LANES) * 2;
    s.msg = scratch;
    scratch += (size_t)n_edges * z;
    s.syn = (__global char *)scratch;
    scratch += (size_t)n_rows * z;
    s.row = (__global uvec *)scratch;
    scratch += degree_max * LANES;
    s.twice = (__global ulong *)scratch;
    return s;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void large_lanes(
    __global const ulong *frames, __global const ulong *syndromes, __global ulong *bits, __global uint *iterations,
    __global const uint *rows, __global const ushort *edges, __global const uint *places, __global const uchar *tables,
    __global uchar *scratch, __global int *taken, ulong scratch_bytes, int n_frames, int z, int n_rows, int n_cols, int degree_max,
    int known, int unknown, int c, uint few, int patience, int max_iterations) {
    state s = state_at(scratch, scratch_bytes, z, n_rows, n_cols, rows[n_rows], degree_max);
    const size_t words = (size_t)n_cols * (z / 64), row_count = (size_t)n_rows * (z / 64);
    lookup t;
    s.known = known;
    s.unknown = unknown;
    for (int f; (f = atomic_inc(taken)) < n_frames;) {
        __global const ulong *frame = frames + f * words, *syndrome = syndromes + f * row_count;
        int used = 0, halved = 0, spent = 0, since = 0, last = 0;
        uint mark = UINT_MAX;
        load_tables(tables, &t);
        load(&s, frame, c);
        load_syndrome(&s, syndrome);
        for (size_t i = 0; i < (size_t)rows[n_rows] * z; i += LANES) *(__global uvec *)(s.msg + i) = (uvec)BIAS;
        for (int k = 1; !last && !used; k++) {
            const uint odd = iterate(&s, &t, rows, edges, places);
            const int low = odd <= few;
            if (odd < mark - mark / LESS) mark = odd, since = k;
            last = k == max_iterations || (patience && k - since == patience);
            spent = k;
            if (!low && !last && k % LOOK) continue;
            decide_all(&s, bits + f * words);
            if (matches(&s, rows, edges, syndrome)) {
                used = k;
            } else if (low && !halved && !last) {
                halved = 1;
                halve(&s, rows, edges, places, frame, c / 2);
                load_tables(tables + TABLES, &t);
            }
        }
        iterations[f] = used ? used : FAILED | spent;
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void large_syndrome_lanes(
    __global const ulong *frames, __global ulong *syndromes, __global const uint *rows, __global const ushort *edges,
    __global uchar *scratch, __global int *taken, ulong scratch_bytes, int n_frames, int z, int n_rows, int n_cols, int degree_max) {
    const state s = state_at(scratch, scratch_bytes, z, n_rows, n_cols, rows[n_rows], degree_max);
    const int words = z / 64;
    for (int f; (f = atomic_inc(taken)) < n_frames;) {
        keep_twice(&s, frames + (size_t)f * n_cols * words);
        for (int i = 0; i < n_rows; i++)
            for (int w = 0; w < words; w++)
                syndromes[((size_t)f * n_rows + i) * words + w] = row_word(&s, edges, rows[i], rows[i + 1], w);
    }
}

#else

/* Where row r of the edge's block row falls in its column. */
static inline size_t place(__global const ushort *edge, int z, int r) {
    const int p = r + edge[1];
    return (size_t)edge[0] * z + (p >= z ? p - z : p);
}

static inline int class_of(int v) { return min((int)(abs(v) + 1) / 2, CLASSES - 1); }
static inline uint phi_of(__local const uchar *t, int k) { return t[k] | (uint)t[CLASSES + k] << 8; }
static inline int inverse(__local const uchar *t, uint sum) {
    t += 2 * CLASSES;
    return sum < SUMS ? t[sum] : sum < 16 * SUMS ? t[SUMS + sum / 16] : t[2 * SUMS + min(sum, 32767u) / 256];
}

/* One lifted row; 1 when it was odd. */
static int lifted_row(__local const uchar *t, __global const ushort *edge, int degree, int z, int r, __global short *app,
                       __global char *msg, int minus) {
    int k1 = CLASSES, k2 = CLASSES, second = CLASSES;
    uint sum = 0;
    for (int e = 0; e < degree; e++) {
        const int v = app[place(edge + 2 * e, z, r)] - msg[(size_t)e * z + r], k = class_of(v);
        minus ^= v < 0;
        sum = min(sum + phi_of(t, k), 65535u);
        second = min(second, max(k, k1));
        if (k < k1) {
            k2 = k1;
            k1 = k;
        } else if (k > k1) {
            k2 = min(k2, k);
        }
    }
    const uint one = sum - phi_of(t, k1), phi2 = k2 < CLASSES ? phi_of(t, k2) : 0, rest = max((int)one - (int)phi2, 0);
    const int size1 = min(2 * second, inverse(t, one)), size2 = min(2 * k1, inverse(t, sum - phi2)),
              size = min(2 * k1, inverse(t, sum - (rest * (65536 / degree) >> 16)));
    for (int e = 0; e < degree; e++) {
        const size_t at = place(edge + 2 * e, z, r);
        const int v = app[at] - msg[(size_t)e * z + r], k = class_of(v);
        int m = k == k1 ? size1 : k == k2 ? size2 : size;
        if (minus ^ (v < 0)) m = -m;
        msg[(size_t)e * z + r] = m;
        app[at] = v + m;
    }
    return minus;
}

/* Of n bits the first `key` are Bob's, the next `unknown` nobody's. */
static void load(__global const ulong *frame, __global short *app, int n, int key, int unknown, int llr) {
    for (int p = get_local_id(0); p < n; p += get_local_size(0))
        app[p] = p < key ? WORD(frame, p) ? -llr : llr : p < key + unknown ? 0 : KNOWN;
    barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE); /* the tables too */
}

/* Of the whole group; *left is local and free. */
static uint sum_of(uint mine, __local uint *left) {
    if (get_local_id(0) == 0) *left = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (mine) atomic_add(left, mine);
    barrier(CLK_LOCAL_MEM_FENCE);
    const uint all = *left;
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    return all;
}

/* scratch: APPs, short [frames][cols][z], then messages, char [frames][edges][z]. Every position of a column belongs to one
 * work-item within a block row. */
__kernel void large_group(__global const ulong *frames, __global const ulong *syndromes, __global ulong *bits,
                          __global uint *iterations, __global const uint *rows, __global const ushort *edges,
                          __global const uchar *tables, __global short *apps, __global char *messages, int n_frames, int z,
                          int n_rows, int n_cols, int known, int unknown, int c, uint few, int patience, int max_iterations,
                          __local uchar *t, __local uint *left) {
    const int f = get_group_id(0), me = get_local_id(0), size = get_local_size(0), words = z / 64, n = n_cols * z;
    if (f >= n_frames) return; /* a whole group at once */
    frames += (size_t)f * n_cols * words;
    bits += (size_t)f * n_cols * words;
    syndromes += (size_t)f * n_rows * words;
    __global short *app = apps + (size_t)f * n;
    __global char *msg = messages + (size_t)f * rows[n_rows] * z;
    for (int i = me; i < TABLES; i += size) t[i] = tables[i];
    for (size_t i = me; i < (size_t)rows[n_rows] * z; i += size) msg[i] = 0;
    load(frames, app, n, known * z, unknown, c);
    int used = 0, halved = 0, spent = 0, since = 0, last = 0;
    uint mark = UINT_MAX;
    for (int k = 1; !last && !used; k++) {
        uint odd = 0, wrong = 0;
        for (int i = 0; i < n_rows; i++) {
            for (int r = me; r < z; r += size)
                odd += lifted_row(t, edges + 2 * rows[i], rows[i + 1] - rows[i], z, r, app, msg + (size_t)rows[i] * z,
                                  WORD(syndromes + i * words, r));
            barrier(CLK_GLOBAL_MEM_FENCE);
        }
        odd = sum_of(odd, left);
        const int low = odd <= few;
        if (odd < mark - mark / LESS) mark = odd, since = k;
        last = k == max_iterations || (patience && k - since == patience);
        spent = k;
        if (!low && !last && k % LOOK) continue; /* the whole group */
        for (int i = 0; i < n_rows && !wrong; i++)
            for (int r = me; r < z && !wrong; r += size) {
                wrong = WORD(syndromes + i * words, r);
                for (uint e = rows[i]; e < rows[i + 1]; e++) wrong ^= app[place(edges + 2 * e, z, r)] < 0;
            }
        if (sum_of(wrong, left) == 0) {
            used = k;
        } else if (low && !halved && !last) {
            halved = 1;
            for (int i = me; i < TABLES; i += size) t[i] = tables[TABLES + i];
            load(frames, app, n, known * z, unknown, c / 2);
            for (int i = 0; i < n_rows; i++) {
                for (int r = me; r < z; r += size)
                    for (uint e = rows[i]; e < rows[i + 1]; e++) {
                        const char m = msg[(size_t)e * z + r] / 2;
                        msg[(size_t)e * z + r] = m;
                        app[place(edges + 2 * e, z, r)] += m;
                    }
                barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE);
            }
        }
    }
    for (int w = me; w < n / 64; w += size) {
        ulong got = 0;
        for (int p = 0; p < 64; p++) got |= (ulong)(app[64 * w + p] < 0) << p;
        bits[w] = got;
    }
    if (me == 0) iterations[f] = used ? used : FAILED | spent;
}

/* A work-item a word. */
__kernel void large_syndrome_group(__global const ulong *frames, __global ulong *syndromes, __global const uint *rows,
                                   __global const ushort *edges, int n_frames, int z, int n_rows, int n_cols) {
    const int words = z / 64;
    const size_t at = get_global_id(0), row = at / words, f = row / n_rows;
    if (f >= (size_t)n_frames) return;
    ulong sum = 0;
    for (uint e = rows[row % n_rows]; e < rows[row % n_rows + 1]; e++) {
        __global const ulong *x = frames + (f * n_cols + edges[2 * e]) * words;
        const int w = at % words + edges[2 * e + 1] / 64, by = edges[2 * e + 1] % 64;
        sum ^= x[w >= words ? w - words : w] >> by | x[w + 1 >= words ? w + 1 - words : w + 1] << 1 << (63 - by);
    }
    syndromes[at] = sum;
}

#endif
