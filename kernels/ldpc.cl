/* SPDX-License-Identifier: Apache-2.0 */
/* Layered syndrome decoding with the A-min* rule; the arithmetic is defined in host/reconcile/ldpc.h.
 *
 * -DCLIP=n          largest message
 * -DLANES=16|32|64  the form for CPU devices: a work-item decodes a frame, lanes of that many bytes run along the lifted rows.
 * -DDEGREES=n       with LANES: bit d is set where a block row has d edges, 3 to 30; code is made for these degrees alone
 * without LANES     the portable form: a work-group decodes a frame, a work-item takes a lifted row at a time.
 * -DFAR             with it: columns in global memory, for devices whose local memory is too small for them
 *
 * Tables, made by the host for the rows in use, all shifts already modulo z:
 *   rows  ushort [rows + 1]: first edge of each block row
 *   edges ushort [edges][2]: block column; shift (lanes: relative to the column's last row in the schedule)
 * and for the lanes
 *   cols   ushort [cols]: shift of the column's last row
 *   places uint [2], of odd and of even iterations, for each block row [chunks + 1][degree]: where a chunk of LANES lifted rows begins in
 *          each column as its former row left it; last, where the column goes that this row writes. Both count from the first APP
 *
 * State kept between calls, NULL where none is: char, for each place [kept_cols + kept_edges][64 words], APPs of columns and messages
 * of edges (by the lifted row) in their own order; seen uint, for each place the lifted rows that the state knows; slots uint
 * [frames]: the place of each frame. Beyond the rows in use messages are 0. */

/* The steps that the constant a names: BOX takes 2 off the smaller below a difference of TWO, 1 below ONE. */
#define TWO(a) ((a) < 8 ? 1 : 2)
#define ONE(a) ((a) < 8 ? (a) : (a) - 3)

#define WORD(b, n) ((uint)((b)[(n) / 64] >> ((n) % 64)) & 1u)

/* A compiler that does not know the wide vectors gives the portable form under the same options. */
#if defined(LANES) && defined(__clang__) && defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_sub_sat) && __has_builtin(__builtin_elementwise_min) && \
    __has_builtin(__builtin_elementwise_abs)
#define WIDE
#endif
#endif

#ifdef WIDE

enum { ZMAX = 768, STRIDE = ZMAX + 64, CORE = 37, COLS = 68, EDGES = 360, ROWS = 46 };

typedef char vec __attribute__((ext_vector_type(LANES)));
typedef uchar uvec __attribute__((ext_vector_type(LANES)));
typedef ulong wide __attribute__((ext_vector_type(LANES / 8)));
typedef struct __attribute__((packed)) {
    vec v;
} loose; /* a vector at any address */

/* A column's APPs stand rotated: index r holds position (r + shift of the row that wrote it last) mod z. So a row writes at its own
 * lane index, aligned, into the other half of the column's two buffers, and the next row reads at the relative shift; LANES bytes
 * behind the z repeat the beginning. A column of an odd number of rows changes its buffer from iteration to iteration. Extension columns
 * have one row, which never rotates them: one buffer. */
typedef struct {
    char app[2 * CORE * STRIDE + (COLS - CORE) * STRIDE] __attribute__((aligned(64)));
    vec msg[EDGES * (ZMAX / LANES)];
    char syn[ROWS * ZMAX] __attribute__((aligned(64))); /* sign bit of each byte: the syndrome bit */
    uchar odd[COLS]; /* number of rows, modulo 2 */
    int z, core, t;  /* t: iterations done */
} state;

static inline int home(const state *s, int col) {
    return col < s->core ? (2 * col + (s->t & s->odd[col])) * STRIDE : (s->core + col) * STRIDE;
}

static inline uvec less(uvec x, uvec by) { return __builtin_elementwise_sub_sat(x, by); }

#if LANES == 64 && defined(__AVX512BW__) && __has_builtin(__builtin_ia32_pshufb512)
#define LOOK_UP __builtin_ia32_pshufb512
#elif LANES == 32 && defined(__AVX2__) && __has_builtin(__builtin_ia32_pshufb256)
#define LOOK_UP __builtin_ia32_pshufb256
#endif

/* A byte permutation looks up the low four bits, and gives 0 where the highest bit is set, as it is in d + 112 from 16 on. No magnitude is above 128. */
#ifdef LOOK_UP
typedef char raw __attribute__((__vector_size__(LANES)));
typedef raw box_table;
static inline box_table make_box(uchar a) {
    char t[LANES] __attribute__((aligned(LANES)));
    for (int i = 0; i < LANES; i++) t[i] = i % 16 < TWO(a) ? 2 : i % 16 < ONE(a);
    return *(raw *)t;
}
static inline uvec box(uvec x, uvec y, box_table t) {
    uvec lo = __builtin_elementwise_min(x, y), d = __builtin_elementwise_max(x, y) - lo;
    return less(lo, __builtin_astype(LOOK_UP(t, __builtin_astype(d + (uvec)112, raw)), uvec));
}
#else
typedef struct {
    uvec two, one;
} box_table;
static inline box_table make_box(uchar a) { return (box_table){(uvec)(uchar)(TWO(a) + 1), (uvec)(uchar)ONE(a)}; }
static inline uvec box(uvec x, uvec y, box_table t) {
    uvec lo = __builtin_elementwise_min(x, y), hi = __builtin_elementwise_max(x, y);
    return __builtin_elementwise_min(__builtin_elementwise_min(lo, __builtin_elementwise_max(less(lo, (uvec)2), less(hi, t.two))),
                                     __builtin_elementwise_max(less(lo, (uvec)1), less(hi, t.one)));
}
#endif

static inline uvec size_of(vec v) { return __builtin_astype(__builtin_elementwise_abs(v), uvec); }

/* x, negated where the sign bit of s is set. */
static inline vec with_sign(vec x, vec s) {
#if LANES == 32 && defined(__AVX2__) && __has_builtin(__builtin_ia32_psignb256)
    typedef char v32 __attribute__((__vector_size__(32)));
    return __builtin_astype(__builtin_ia32_psignb256(__builtin_astype(x, v32), __builtin_astype(s | (vec)1, v32)), vec);
#elif LANES == 64
    return s < (vec)0 ? -x : x; /* one masked instruction with AVX-512 */
#else
    vec minus = s < (vec)0;
    return (x ^ minus) - minus;
#endif
}

/* The lanes of chunk k that are below n. */
static inline vec lanes_below(int k, int n) {
    uvec lane;
    _Pragma("unroll") for (int i = 0; i < LANES; i++) lane[i] = i; /* folds to a constant */
    return lane < (uvec)(uchar)clamp(n - k, 0, LANES);
}

/* Repeat the beginning of a column behind its end. */
static inline void wrap(char *column, int z) {
    if (z >= LANES) ((loose *)(column + z))->v = *(vec *)column;
    else
        for (int i = 0; i < LANES; i++) column[z + i] = column[i];
}

/* One block row of degree D, its lifted rows below n. Messages lie as they are used: [chunks][degree] vectors. The first two boxes of a chain
 * are its larger magnitude, since all before them is large. Of each result there are two to choose from, with the parity's sign. */
#define ROW(D)                                                                                                                                        \
    static void row_##D(state *s, __global const uint *place, vec *msg, const char *syn, int n, box_table table) {                                    \
        const int z = s->z;                                                                                                                           \
        __global const uint *to = place + (z + LANES - 1) / LANES * D;                                                                                \
        for (int k = 0; k < z; k += LANES) {                                                                                                          \
            uvec clip = (uvec)CLIP;                                                                                                                   \
            if (k + LANES > n) clip &= __builtin_astype(lanes_below(k, n), uvec);                                                                     \
            vec v[D], sign = *(const vec *)(syn + k);                                                                                                 \
            uvec x[D], m[2], l[2];                                                                                                                    \
            _Pragma("unroll") for (int e = 0; e < D; e++) {                                                                                           \
                v[e] = __builtin_elementwise_sub_sat(((const loose *)(s->app + place[e]))->v, msg[e]);                                                \
                x[e] = size_of(v[e]);                                                                                                                 \
                sign ^= v[e];                                                                                                                         \
                if (e < 2) m[e] = x[e];                                                                                                               \
                else {                                                                                                                                \
                    const uvec larger = __builtin_elementwise_max(m[e % 2], x[e]);                                                                    \
                    l[e % 2] = e < 4 ? larger : box(l[e % 2], larger, table);                                                                         \
                    m[e % 2] = __builtin_elementwise_min(m[e % 2], x[e]);                                                                             \
                }                                                                                                                                     \
            }                                                                                                                                         \
            const uvec least = __builtin_elementwise_min(m[0], m[1]), joined = D < 4 ? l[0] : box(l[0], l[1], table);                                 \
            const uvec others = __builtin_elementwise_min(box(joined, __builtin_elementwise_max(m[0], m[1]), table), clip);                           \
            const vec of_least = with_sign(__builtin_astype(others, vec), sign);                                                                      \
            const vec of_others = with_sign(__builtin_astype(box(others, least, table), vec), sign);                                                  \
            _Pragma("unroll") for (int e = 0; e < D; e++) {                                                                                           \
                const vec y = with_sign(x[e] == least ? of_least : of_others, v[e]);                                                                  \
                msg[e] = y;                                                                                                                           \
                *(vec *)(s->app + to[e] + k) = __builtin_elementwise_add_sat(v[e], y);                                                                \
            }                                                                                                                                         \
            place += D;                                                                                                                               \
            msg += D;                                                                                                                                 \
        }                                                                                                                                             \
        _Pragma("unroll") for (int e = 0; e < D; e++) wrap(s->app + to[e], z);                                                                        \
    }

ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) ROW(9) ROW(10) ROW(11) ROW(12) ROW(13) ROW(14) ROW(15) ROW(16)
ROW(17) ROW(18) ROW(19) ROW(20) ROW(21) ROW(22) ROW(23) ROW(24) ROW(25) ROW(26) ROW(27) ROW(28) ROW(29) ROW(30)

/* A row function that no case calls is not made: each costs build time. */
#define CASE(D) \
    case D: \
        if (DEGREES >> D & 1) row_##D(s, place, msg, syn, n, table); \
        break;

static void block_row(state *s, int degree, __global const uint *place, vec *msg, const char *syn, int n, box_table table) {
    switch (degree) {
        CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14) CASE(15) CASE(16)
        CASE(17) CASE(18) CASE(19) CASE(20) CASE(21) CASE(22) CASE(23) CASE(24) CASE(25) CASE(26) CASE(27) CASE(28) CASE(29) CASE(30)
    }
}

static inline ulong any_sign(vec x) {
    wide w = __builtin_astype(x, wide);
    ulong all = 0;
    for (int i = 0; i < LANES / 8; i++) all |= w[i];
    return all & 0x8080808080808080ul;
}

/* Do all rows match the syndrome? Leaves at the first chunk that does not. */
static int matches(const state *s, __global const ushort *rows, __global const ushort *edges, int n_rows, int last) {
    for (int i = 0; i < n_rows; i++) {
        int n = i + 1 < n_rows ? s->z : last;
        for (int k = 0; k < n; k += LANES) {
            vec sum = *(const vec *)(s->syn + i * ZMAX + k);
            for (int e = rows[i]; e < rows[i + 1]; e++) {
                int at = k + edges[2 * e + 1];
                if (at >= s->z) at -= s->z;
                sum ^= ((const loose *)(s->app + home(s, edges[2 * e]) + at))->v;
            }
            if (k + LANES > n) sum &= lanes_below(k, n);
            if (any_sign(sum)) return 0;
        }
    }
    return 1;
}

/* Bits of a word to the sign bits of 64 bytes, and back. */
static inline void spread(ulong w, char *out) {
    for (int i = 0; i < 8; i++) {
        ulong b = ((w >> (8 * i) & 0xff) * 0x0101010101010101ul) & 0x8040201008040201ul;
        ((ulong *)out)[i] = (b + 0x7f7f7f7f7f7f7f7ful) & 0x8080808080808080ul;
    }
}

static inline ulong gather(const char *in) {
    ulong w = 0;
    for (int i = 0; i < 8; i++)
        w |= ((((const ulong *)in)[i] >> 7 & 0x0101010101010101ul) * 0x0102040810204080ul) >> 56 << (8 * i);
    return w;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void ldpc_lanes(
    __global const ulong *frames, __global const ulong *syndromes, __global ulong *bits, __global uint *iterations,
    __global const ushort *rows, __global const ushort *edges, __global const ushort *cols, __global const uint *places,
    __global char *kept, __global uint *seen, __global const uint *slots, int kept_cols, int kept_edges, int n_frames, int z,
    int n_rows, int n_cols, int punctured, int core, int last, int c, int known, int a, int max_iterations) {
    const int f = get_global_id(0), words = (z + 63) / 64, chunks = (z + LANES - 1) / LANES, pitch = 64 * words;
    if (f >= n_frames) return;
    int old = 0; /* lifted rows that the state knows */
    if (kept) {
        kept += (size_t)slots[f] * (kept_cols + kept_edges) * pitch;
        seen += slots[f];
        old = *seen;
    }
    state s;
    char tmp[ZMAX + 64 + 64] __attribute__((aligned(64)));
    s.z = z;
    s.core = core;
    s.t = 0;
    const box_table table = make_box(a);
    for (int j = 0; j < COLS; j++) s.odd[j] = 0;
    for (int e = 0; e < rows[n_rows]; e++) s.odd[edges[2 * e]] ^= 1;
    frames += (size_t)f * n_cols * words;
    bits += (size_t)f * n_cols * words;
    syndromes += (size_t)f * n_rows * words;
    for (int j = 0; j < n_cols; j++) {
        char *app = s.app + home(&s, j);
        const int n = j < punctured ? 0 : j + 1 < n_cols ? z : last, noisy = j < core ? z : known - (j - core + 4) * z;
        const int from_state = j < core ? (old ? z : 0) : clamp(old - (j - core + 4) * z, 0, z);
        if (from_state < z)
            for (int w = 0; w < words; w++) spread(frames[j * words + w], tmp + 64 * w);
        for (int k = 0; k < z; k += LANES) {
            vec llr = k + LANES <= noisy ? (vec)(char)c : (lanes_below(k, noisy) & (vec)(char)c) | (~lanes_below(k, noisy) & (vec)(char)127);
            vec x = *(vec *)(tmp + k) < (vec)0 ? -llr : llr;
            if (k + LANES > n) x &= lanes_below(k, n);
            if (k < from_state) {
                const vec stays = lanes_below(k, from_state);
                x = (stays & *(__global const vec *)(kept + j * pitch + k)) | (~stays & x);
            }
            *(vec *)(tmp + k) = x;
        }
        wrap(tmp, z);
        for (int k = 0; k < z; k += LANES) {
            int at = k + cols[j];
            if (at >= z) at -= z;
            *(vec *)(app + k) = ((loose *)(tmp + at))->v;
        }
        wrap(app, z);
    }
    for (int i = 0; i < n_rows; i++)
        for (int w = 0; w < words; w++) spread(syndromes[i * words + w], s.syn + i * ZMAX + 64 * w);
    for (int i = 0; i < n_rows; i++)
        for (int e = 0, degree = rows[i + 1] - rows[i]; e < degree; e++)
            for (int k = 0; k < chunks; k++)
                s.msg[rows[i] * chunks + k * degree + e] =
                    i * z + k * LANES < old ? *(__global const vec *)(kept + (kept_cols + rows[i] + e) * pitch + k * LANES) : (vec)0;
    int used = 0;
    while (s.t < max_iterations && !used) {
        __global const uint *place = places + (s.t & 1) * (chunks + 1) * rows[n_rows];
        for (int i = 0; i < n_rows; i++)
            block_row(&s, rows[i + 1] - rows[i], place + rows[i] * (chunks + 1), s.msg + rows[i] * chunks, s.syn + i * ZMAX,
                      i + 1 < n_rows ? z : last, table);
        s.t++;
        if (matches(&s, rows, edges, n_rows, last)) used = s.t;
    }
    for (int j = 0; j < n_cols; j++) {
        const char *app = s.app + home(&s, j);
        const int n = j + 1 < n_cols ? z : last;
        for (int k = 0; k < z; k += LANES) {
            int at = k + z - cols[j];
            if (at >= z) at -= z;
            vec x = ((const loose *)(app + at))->v;
            if (k + LANES > n) x &= lanes_below(k, n);
            *(vec *)(tmp + k) = x;
            if (kept && !used) *(__global vec *)(kept + j * pitch + k) = x;
        }
        for (int w = 0; w < words; w++) {
            ulong got = gather(tmp + 64 * w);
            if (64 * (w + 1) > z) got &= (1ul << (z - 64 * w)) - 1;
            bits[j * words + w] = got;
        }
    }
    iterations[f] = used;
    if (!kept) return;
    *seen = used ? 0 : (n_rows - 1) * z + last;
    if (used) return;
    for (int i = 0; i < n_rows; i++)
        for (int e = 0, degree = rows[i + 1] - rows[i]; e < degree; e++)
            for (int k = 0; k < chunks; k++)
                *(__global vec *)(kept + (kept_cols + rows[i] + e) * pitch + k * LANES) = s.msg[rows[i] * chunks + k * degree + e];
}

#else

static int sat(int x) { return clamp(x, -128, 127); }
static int less(int x, int by) { return max(x - by, 0); }
static int box(int x, int y, int a) {
    int lo = min(x, y), hi = max(x, y);
    return min(min(lo, max(less(lo, 2), less(hi, TWO(a) + 1))), max(less(lo, 1), less(hi, ONE(a))));
}

#ifdef FAR
#define APP __global
#else
#define APP __local
#endif

/* app: [cols][z], FAR [frames][cols][z], positions as they are; msg: scratch, [frames][edges][64 words], not read where there is a state: then its
 * messages are updated where they lie. Every position of a column belongs to one work-item within a block row. */
__kernel void ldpc_group(__global const ulong *frames, __global const ulong *syndromes, __global ulong *bits,
                         __global uint *iterations, __global const ushort *rows, __global const ushort *edges, __global char *msg,
                         __global char *kept, __global uint *seen, __global const uint *slots, int kept_cols, int kept_edges,
                         int n_frames, int z, int n_rows, int n_cols, int punctured, int core, int last, int c, int known, int a,
                         int max_iterations, APP char *app, __local int *open) {
    const int f = get_group_id(0), me = get_local_id(0), size = get_local_size(0), words = (z + 63) / 64, pitch = 64 * words;
    if (f >= n_frames) return; /* a whole group at once */
#ifdef FAR
    app += (size_t)f * n_cols * z;
#endif
    frames += (size_t)f * n_cols * words;
    bits += (size_t)f * n_cols * words;
    syndromes += (size_t)f * n_rows * words;
    int old = 0; /* lifted rows that the state knows */
    if (kept) {
        kept += (size_t)slots[f] * (kept_cols + kept_edges) * pitch;
        seen += slots[f];
        old = *seen;
        msg = kept + kept_cols * pitch;
    } else {
        msg += (size_t)f * rows[n_rows] * pitch;
    }
    for (int p = me; p < n_cols * z; p += size) {
        int j = p / z, r = p % z, n = j < punctured ? 0 : j + 1 < n_cols ? z : last;
        int row = j < core ? 0 : (j - core + 4) * z + r; /* the core has 4 block rows, the first of the others its column */
        int llr = j < core || row < known ? c : 127;
        app[p] = row < old ? kept[j * pitch + r] : r >= n ? 0 : WORD(frames + j * words, r) ? -llr : llr;
    }
    for (int i = 0; i < n_rows; i++)
        for (int p = me; p < (rows[i + 1] - rows[i]) * z; p += size)
            if (i * z + p % z >= old) msg[(rows[i] + p / z) * pitch + p % z] = 0;
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    int used = 0;
    for (int t = 1; t <= max_iterations && !used; t++) {
        for (int i = 0; i < n_rows; i++) {
            const int n = i + 1 < n_rows ? z : last;
            for (int r = me; r < n; r += size) {
                int m0 = 255, m1 = 255, l0 = 255, l1 = 255, minus = WORD(syndromes + i * words, r);
                for (int e = rows[i]; e < rows[i + 1]; e++) {
                    int at = r + edges[2 * e + 1];
                    int v = sat(app[edges[2 * e] * z + (at >= z ? at - z : at)] - msg[e * pitch + r]), x = abs(v);
                    minus ^= v < 0;
                    if ((e - rows[i]) % 2 == 0) {
                        l0 = box(l0, max(m0, x), a);
                        m0 = min(m0, x);
                    } else {
                        l1 = box(l1, max(m1, x), a);
                        m1 = min(m1, x);
                    }
                }
                int least = min(m0, m1), others = min(CLIP, box(box(l0, l1, a), max(m0, m1), a)), all = box(others, least, a);
                for (int e = rows[i]; e < rows[i + 1]; e++) {
                    int at = r + edges[2 * e + 1];
                    at = edges[2 * e] * z + (at >= z ? at - z : at);
                    int v = sat(app[at] - msg[e * pitch + r]), x = (int)abs(v) == least ? others : all;
                    if (minus ^ (v < 0)) x = -x;
                    msg[e * pitch + r] = x;
                    app[at] = sat(v + x);
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
        }
        if (me == 0) *open = 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        int wrong = 0;
        for (int i = 0; i < n_rows && !wrong; i++)
            for (int r = me; r < (i + 1 < n_rows ? z : last) && !wrong; r += size) {
                wrong = WORD(syndromes + i * words, r);
                for (int e = rows[i]; e < rows[i + 1]; e++) {
                    int at = r + edges[2 * e + 1];
                    wrong ^= app[edges[2 * e] * z + (at >= z ? at - z : at)] < 0;
                }
            }
        if (wrong) *open = 1; /* several may write the same value */
        barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE); /* the next iteration writes what was read here */
        if (!*open) used = t;
        barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    }
    for (int p = me; p < n_cols * words; p += size) {
        int j = p / words, w = p % words, n = j + 1 < n_cols ? z : last;
        ulong got = 0;
        for (int r = 64 * w; r < min(n, 64 * (w + 1)); r++) got |= (ulong)(app[j * z + r] < 0) << (r % 64);
        bits[p] = got;
    }
    if (me == 0) iterations[f] = used;
    if (kept_cols == 0) return; /* a whole group at once; PoCL 3.1 lets work-items of small groups into a branch on it */
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int p = me; p < n_cols * z && !used; p += size) kept[p / z * pitch + p % z] = app[p];
    if (me == 0) *seen = used ? 0 : (n_rows - 1) * z + last;
}

#endif
