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
 *   tables uchar [2][512], of the rule before and after steps double: low bytes of phi, high bytes, inverse[3][128] */

enum { CLASSES = 64, SUMS = 128, TABLES = 2 * CLASSES + 3 * SUMS };

#define WORD(b, n) ((uint)((b)[(n) / 64] >> ((n) % 64)) & 1u)

/* A compiler that does not know the wide vectors gives the portable form under the same options. */
#if defined(LANES) && defined(__clang__) && defined(__has_builtin)
#if __has_builtin(__builtin_elementwise_add_sat) && __has_builtin(__builtin_elementwise_min) && \
    __has_builtin(__builtin_elementwise_abs) && __has_builtin(__builtin_convertvector)
#define WIDE
#endif
#endif

#ifdef WIDE

enum { HALF = LANES / 2, BIAS = 128 };

typedef char vec __attribute__((ext_vector_type(LANES)));
typedef uchar uvec __attribute__((ext_vector_type(LANES)));
typedef short svec __attribute__((ext_vector_type(HALF)));
typedef ushort wide __attribute__((ext_vector_type(HALF)));
typedef uint dwide __attribute__((ext_vector_type(HALF)));
typedef char hvec __attribute__((ext_vector_type(HALF)));
typedef uchar huvec __attribute__((ext_vector_type(HALF)));
typedef struct __attribute__((packed)) {
    svec v;
} loose; /* at any address */
typedef struct __attribute__((packed)) {
    ulong8 v;
} loose_words;
typedef struct {
    svec a, b; /* of HALF rows each */
} pair;

/* Two vectors of 16 bits to one of bytes and back, in the order in which the processor does it; any order will do, as long as it is
 * the same everywhere. */
#define U(x) (x), LANES + (x)
#define U8(x) U(x), U(x + 1), U(x + 2), U(x + 3), U(x + 4), U(x + 5), U(x + 6), U(x + 7)
#if LANES == 64 && defined(__AVX512BW__) && __has_builtin(__builtin_ia32_packsswb512)
#define UNPACK_A U8(0), U8(16), U8(32), U8(48)
#define UNPACK_B U8(8), U8(24), U8(40), U8(56)
typedef short packed_in __attribute__((__vector_size__(64)));
typedef char packed_out __attribute__((__vector_size__(64)));
#define PACK(a, b) __builtin_ia32_packsswb512(a, b)
#define PACK_U(a, b) __builtin_ia32_packuswb512(a, b)
#define AVERAGE(x, y) __builtin_ia32_pavgb512(x, y)
#define SHUFFLE(t, x) __builtin_ia32_pshufb512(t, x)
#elif LANES == 32 && defined(__AVX2__) && __has_builtin(__builtin_ia32_packsswb256)
#define UNPACK_A U8(0), U8(16)
#define UNPACK_B U8(8), U8(24)
typedef short packed_in __attribute__((__vector_size__(32)));
typedef char packed_out __attribute__((__vector_size__(32)));
#define PACK(a, b) __builtin_ia32_packsswb256(a, b)
#define PACK_U(a, b) __builtin_ia32_packuswb256(a, b)
#define AVERAGE(x, y) __builtin_ia32_pavgb256(x, y)
#define SHUFFLE(t, x) __builtin_ia32_pshufb256(t, x)
#endif

#ifdef PACK

static inline vec narrow(pair x) {
    return __builtin_astype(PACK(__builtin_astype(x.a, packed_in), __builtin_astype(x.b, packed_in)), vec);
}

static inline uvec narrow_sums(pair x) {
    return __builtin_astype(PACK_U(__builtin_astype(x.a, packed_in), __builtin_astype(x.b, packed_in)), uvec);
}

static inline pair widen(uvec low, uvec high) {
    return (pair){__builtin_astype(__builtin_shufflevector(low, high, UNPACK_A), svec),
                  __builtin_astype(__builtin_shufflevector(low, high, UNPACK_B), svec)};
}

static inline uvec half_up(uvec x) {
    return __builtin_astype(AVERAGE(__builtin_astype(x, packed_out), __builtin_astype((uvec)0, packed_out)), uvec);
}

#else

static inline vec narrow(pair x) {
    const svec least = (svec)-128, most = (svec)127;
    vec r;
    r.lo = __builtin_convertvector(__builtin_elementwise_max(__builtin_elementwise_min(x.a, most), least), hvec);
    r.hi = __builtin_convertvector(__builtin_elementwise_max(__builtin_elementwise_min(x.b, most), least), hvec);
    return r;
}

static inline uvec narrow_sums(pair x) {
    uvec r;
    r.lo = __builtin_convertvector(__builtin_elementwise_min(x.a, (svec)255), huvec);
    r.hi = __builtin_convertvector(__builtin_elementwise_min(x.b, (svec)255), huvec);
    return r;
}

static inline pair widen(uvec low, uvec high) {
    wide a = __builtin_convertvector(low.lo, wide) | __builtin_convertvector(high.lo, wide) << (wide)8;
    wide b = __builtin_convertvector(low.hi, wide) | __builtin_convertvector(high.hi, wide) << (wide)8;
    return (pair){__builtin_astype(a, svec), __builtin_astype(b, svec)};
}

static inline uvec half_up(uvec x) { return (x + (uvec)1) >> (uvec)1; }

#endif

/* A table of 64 bytes as vectors, entries for the bytes of x; with 128 entries. Of a larger x anything. */
#if LANES == 64 && defined(PERMUTE) && defined(PACK)
enum { SPAN = 1 };
static inline void spread_table(__global const uchar *bytes, uvec *t) { t[0] = *(__global const uvec *)bytes; }
static inline uvec look64(const uvec *t, uvec x) {
    uvec r;
    __asm__("vpermb %1, %2, %0" : "=v"(r) : "v"(t[0]), "v"(x));
    return r;
}
static inline uvec look128(const uvec *t, uvec x) {
    __asm__("vpermi2b %2, %1, %0" : "+v"(x) : "v"(t[0]), "v"(t[1]));
    return x;
}
#else
#ifdef PACK
enum { SPAN = 4 };
static inline void spread_table(__global const uchar *bytes, uvec *t) {
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < LANES; k++) t[i][k] = bytes[16 * i + k % 16];
}
static inline uvec look16(uvec t, uvec x) {
    return __builtin_astype(SHUFFLE(__builtin_astype(t, packed_out), __builtin_astype(x, packed_out)), uvec);
}
static inline uvec look64(const uvec *t, uvec x) {
    uvec low = (x & (uvec)16) == (uvec)0 ? look16(t[0], x) : look16(t[1], x);
    uvec high = (x & (uvec)16) == (uvec)0 ? look16(t[2], x) : look16(t[3], x);
    return (x & (uvec)32) == (uvec)0 ? low : high;
}
#else
enum { SPAN = CLASSES / LANES };
static inline void spread_table(__global const uchar *bytes, uvec *t) {
    for (int i = 0; i < CLASSES; i++) t[i / LANES][i % LANES] = bytes[i];
}
static inline uvec look64(const uvec *t, uvec x) {
    const uchar *bytes = (const uchar *)t;
    for (int k = 0; k < LANES; k++) x[k] = bytes[x[k] % CLASSES];
    return x;
}
#endif
static inline uvec look128(const uvec *t, uvec x) {
    return x < (uvec)CLASSES ? look64(t, x) : look64(t + SPAN, x & (uvec)(CLASSES - 1));
}
#endif

typedef struct {
    uvec phi[2][SPAN], inverse[3][2 * SPAN];
} lookup;

static void load_tables(__global const uchar *bytes, lookup *t) {
    for (int i = 0; i < 2; i++) spread_table(bytes + i * CLASSES, t->phi[i]);
    for (int i = 0; i < 6; i++) spread_table(bytes + (2 + i) * CLASSES, &t->inverse[i / 2][i % 2 * SPAN]);
}

static inline pair phi_of(const lookup *t, uvec class) { return widen(look64(t->phi[0], class), look64(t->phi[1], class)); }

static inline svec add_s(svec x, svec y) {
    return __builtin_astype(__builtin_elementwise_add_sat(__builtin_astype(x, wide), __builtin_astype(y, wide)), svec);
}
static inline svec sub_s(svec x, svec y) {
    return __builtin_astype(__builtin_elementwise_sub_sat(__builtin_astype(x, wide), __builtin_astype(y, wide)), svec);
}
static inline svec shift_right(svec x, int by) { return __builtin_astype(__builtin_astype(x, wide) >> (wide)(ushort)by, svec); }
static inline svec share(svec x, uint by) {
    dwide product = __builtin_convertvector(__builtin_astype(x, wide), dwide) * (dwide)by;
    return __builtin_astype(__builtin_convertvector(product >> (dwide)16, wide), svec);
}

static inline uvec inverse(const lookup *t, pair s) {
    const wide top = (wide)32767;
    s.a = __builtin_astype(__builtin_elementwise_min(__builtin_astype(s.a, wide), top), svec);
    s.b = __builtin_astype(__builtin_elementwise_min(__builtin_astype(s.b, wide), top), svec);
    uvec by1 = narrow_sums(s), by16 = narrow_sums((pair){shift_right(s.a, 4), shift_right(s.b, 4)}),
         by256 = narrow_sums((pair){shift_right(s.a, 8), shift_right(s.b, 8)});
    uvec x = by16 < (uvec)SUMS ? look128(t->inverse[1], by16) : look128(t->inverse[2], by256);
    return by1 < (uvec)SUMS ? look128(t->inverse[0], by1) : x;
}

static inline uvec class_of(vec v) {
    return __builtin_elementwise_min(half_up(__builtin_astype(__builtin_elementwise_abs(v), uvec)), (uvec)(CLASSES - 1));
}

/* A frame at work: APPs and messages stand BIAS above what they are, so that a message is widened by zeros. */
typedef struct {
    __global short *app;   /* [cols][z + LANES]: the beginning of a column is repeated behind its end */
    __global uchar *msg;   /* [rows][z / LANES][edges of the row][LANES] */
    __global char *syn;    /* [rows][z], narrowed; the sign is the syndrome bit */
    __global ulong *twice; /* [cols][2 words + 1]: decisions of a column, twice in a row */
    int z, n_rows, n_cols;
} state;

static inline __global short *place(const state *s, __global const ushort *edge, int r) {
    int p = r + edge[1];
    if (p >= s->z) p -= s->z;
    return s->app + (size_t)edge[0] * (s->z + LANES) + p;
}

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
    const uint mean = 65536 / degree;
    const uvec cap = k[0] + k[0];
    pair one = phi_of(t, k[0]), two = phi_of(t, k[1]), rest; /* of no second class anything: then no edge asks */
    one = (pair){sum.a - one.a, sum.b - one.b};
    rest = (pair){share(sub_s(one.a, two.a), mean), share(sub_s(one.b, two.b), mean)};
    out[0] = __builtin_elementwise_min(k[2] + k[2], inverse(t, one));
    out[1] = __builtin_elementwise_min(cap, inverse(t, (pair){sum.a - two.a, sum.b - two.b}));
    out[2] = __builtin_elementwise_min(cap, inverse(t, (pair){sum.a - rest.a, sum.b - rest.b}));
}

/* LANES rows from r on; those of the next block row are fetched meanwhile. */
static inline void lifted_rows(const state *s, const lookup *t, __global const ushort *edge, int degree, int degree_next,
                               __global uchar *msg, vec sign, int r) {
    const uvec none = (uvec)CLASSES;
    uvec k[3] = {none, none, none}, size[3];
    pair sum = {(svec)0, (svec)0};
    for (int e = 0; e < degree; e++) {
        __global const short *next = place(s, edge + 2 * (degree_next ? degree + min(e, degree_next - 1) : e), r);
        soon(next);
        soon(next + 32);
        if (LANES == 64) soon(msg + (degree + e) * LANES);
        pair v = less(place(s, edge + 2 * e, r), *(__global const uvec *)(msg + e * LANES));
        vec x = narrow(v);
        uvec class = class_of(x), lo = __builtin_elementwise_min(k[0], class), hi = __builtin_elementwise_max(k[0], class);
        pair phi = phi_of(t, class);
        sum = (pair){add_s(sum.a, phi.a), add_s(sum.b, phi.b)};
        sign ^= x;
        k[1] = lo != hi ? __builtin_elementwise_min(k[1], hi) : k[1];
        k[2] = __builtin_elementwise_min(k[2], hi);
        k[0] = lo;
    }
    sizes(t, degree, sum, k, size);
    for (int e = 0; e < degree; e++) {
        __global short *app = place(s, edge + 2 * e, r);
        pair v = less(app, *(__global const uvec *)(msg + e * LANES));
        vec x = narrow(v);
        uvec class = class_of(x), m = class == k[0] ? size[0] : class == k[1] ? size[1] : size[2];
        m = (sign ^ x) < (vec)0 ? (uvec)BIAS - m : (uvec)BIAS + m;
        pair wide_m = widen(m, (uvec)0);
        *(__global uvec *)(msg + e * LANES) = m;
        ((__global loose *)app)->v = v.a + wide_m.a;
        ((__global loose *)(app + HALF))->v = v.b + wide_m.b;
    }
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

static void iterate(const state *s, const lookup *tables, __global const uint *rows, __global const ushort *edges) {
    const lookup t = *tables;
    for (int i = 0; i < s->n_rows; i++) {
        const int first = rows[i], degree = rows[i + 1] - first, degree_next = i + 1 < s->n_rows ? rows[i + 2] - rows[i + 1] : 0;
        __global const ushort *edge = edges + 2 * first;
        __global uchar *msg = s->msg + (size_t)first * s->z;
        for (int r = 0; r < s->z; r += LANES, msg += degree * LANES)
            lifted_rows(s, &t, edge, degree, degree_next, msg, *(__global const vec *)(s->syn + (size_t)i * s->z + r), r);
        for (int e = 0; e < degree; e++) wrap(s, edge + 2 * e);
    }
}

/* Bits of a word to the sign bits of 64 bytes. */
static inline void spread(ulong w, char *out) {
    for (int i = 0; i < 8; i++) {
        ulong b = ((w >> (8 * i) & 0xff) * 0x0101010101010101ul) & 0x8040201008040201ul;
        ((ulong *)out)[i] = (b + 0x7f7f7f7f7f7f7f7ful) & 0x8080808080808080ul;
    }
}

static void load(const state *s, __global const ulong *frame, int llr) {
    char bytes[64] __attribute__((aligned(64)));
    for (int j = 0; j < s->n_cols; j++) {
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

static void halve(const state *s, __global const uint *rows, __global const ushort *edges, __global const ulong *frame, int llr) {
    load(s, frame, llr);
    __global uchar *msg = s->msg;
    for (int i = 0; i < s->n_rows; i++) {
        for (int r = 0; r < s->z; r += LANES)
            for (int e = rows[i]; e < rows[i + 1]; e++, msg += LANES) {
                __global short *app = place(s, edges + 2 * e, r);
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

static uint unmatched(const state *s, __global const uint *rows, __global const ushort *edges, __global const ulong *syndrome) {
    const int words = s->z / 64;
    ulong n = 0;
    for (int i = 0; i < s->n_rows; i++, syndrome += words) {
        int w = 0;
        for (; w + 8 <= words; w += 8) {
            ulong8 x = popcount(row_words(s, edges, rows[i], rows[i + 1], w) ^ ((__global const loose_words *)(syndrome + w))->v);
            n += x.s0 + x.s1 + x.s2 + x.s3 + x.s4 + x.s5 + x.s6 + x.s7;
        }
        for (; w < words; w++) n += popcount(row_word(s, edges, rows[i], rows[i + 1], w) ^ syndrome[w]);
    }
    return n;
}

/* Scratch of a work-item, in bytes (the host has the same formula): APPs, messages, syndrome, decisions. */
static state state_at(__global uchar *scratch, size_t bytes, int z, int n_rows, int n_cols, int n_edges) {
    state s = {.z = z, .n_rows = n_rows, .n_cols = n_cols};
    scratch += get_global_id(0) * bytes;
    s.app = (__global short *)scratch;
    scratch += (size_t)n_cols * (z + LANES) * 2;
    s.msg = scratch;
    scratch += (size_t)n_edges * z;
    s.syn = (__global char *)scratch;
    scratch += (size_t)n_rows * z;
    s.twice = (__global ulong *)scratch;
    return s;
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void large_lanes(
    __global const ulong *frames, __global const ulong *syndromes, __global ulong *bits, __global uint *iterations,
    __global const uint *rows, __global const ushort *edges, __global const uchar *tables, __global uchar *scratch,
    __global int *taken, ulong scratch_bytes, int n_frames, int z, int n_rows, int n_cols, int c, uint few, int max_iterations) {
    const state s = state_at(scratch, scratch_bytes, z, n_rows, n_cols, rows[n_rows]);
    const size_t words = (size_t)n_cols * (z / 64), row_count = (size_t)n_rows * (z / 64);
    lookup t;
    for (int f; (f = atomic_inc(taken)) < n_frames;) {
        __global const ulong *frame = frames + f * words, *syndrome = syndromes + f * row_count;
        int used = 0, halved = 0;
        load_tables(tables, &t);
        load(&s, frame, c);
        load_syndrome(&s, syndrome);
        for (size_t i = 0; i < (size_t)rows[n_rows] * z; i += LANES) *(__global uvec *)(s.msg + i) = (uvec)BIAS;
        for (int k = 1; k <= max_iterations && !used; k++) {
            iterate(&s, &t, rows, edges);
            decide_all(&s, bits + f * words);
            const uint left = unmatched(&s, rows, edges, syndrome);
            if (left == 0) {
                used = k;
            } else if (left <= few && !halved && k < max_iterations) {
                halved = 1;
                halve(&s, rows, edges, frame, c / 2);
                load_tables(tables + TABLES, &t);
            }
        }
        iterations[f] = used;
    }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void large_syndrome_lanes(
    __global const ulong *frames, __global ulong *syndromes, __global const uint *rows, __global const ushort *edges,
    __global uchar *scratch, __global int *taken, ulong scratch_bytes, int n_frames, int z, int n_rows, int n_cols) {
    const state s = state_at(scratch, scratch_bytes, z, n_rows, n_cols, rows[n_rows]);
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

/* One lifted row. */
static void lifted_row(__local const uchar *t, __global const ushort *edge, int degree, int z, int r, __global short *app,
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
}

static void load(__global const ulong *frame, __global short *app, int n, int llr) {
    for (int p = get_local_id(0); p < n; p += get_local_size(0)) app[p] = WORD(frame, p) ? -llr : llr;
    barrier(CLK_GLOBAL_MEM_FENCE | CLK_LOCAL_MEM_FENCE); /* the tables too */
}

/* scratch: APPs, short [frames][cols][z], then messages, char [frames][edges][z]. Every position of a column belongs to one
 * work-item within a block row. */
__kernel void large_group(__global const ulong *frames, __global const ulong *syndromes, __global ulong *bits,
                          __global uint *iterations, __global const uint *rows, __global const ushort *edges,
                          __global const uchar *tables, __global short *apps, __global char *messages, int n_frames, int z,
                          int n_rows, int n_cols, int c, uint few, int max_iterations, __local uchar *t, __local uint *left) {
    const int f = get_group_id(0), me = get_local_id(0), size = get_local_size(0), words = z / 64, n = n_cols * z;
    if (f >= n_frames) return; /* a whole group at once */
    frames += (size_t)f * n_cols * words;
    bits += (size_t)f * n_cols * words;
    syndromes += (size_t)f * n_rows * words;
    __global short *app = apps + (size_t)f * n;
    __global char *msg = messages + (size_t)f * rows[n_rows] * z;
    for (int i = me; i < TABLES; i += size) t[i] = tables[i];
    for (size_t i = me; i < (size_t)rows[n_rows] * z; i += size) msg[i] = 0;
    load(frames, app, n, c);
    int used = 0, halved = 0;
    for (int k = 1; k <= max_iterations && !used; k++) {
        for (int i = 0; i < n_rows; i++) {
            for (int r = me; r < z; r += size)
                lifted_row(t, edges + 2 * rows[i], rows[i + 1] - rows[i], z, r, app, msg + (size_t)rows[i] * z,
                           WORD(syndromes + i * words, r));
            barrier(CLK_GLOBAL_MEM_FENCE);
        }
        if (me == 0) *left = 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        uint wrong = 0;
        for (int i = 0; i < n_rows; i++)
            for (int r = me; r < z; r += size) {
                uint parity = WORD(syndromes + i * words, r);
                for (uint e = rows[i]; e < rows[i + 1]; e++) parity ^= app[place(edges + 2 * e, z, r)] < 0;
                wrong += parity;
            }
        atomic_add(left, wrong);
        barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
        const uint all = *left;
        barrier(CLK_LOCAL_MEM_FENCE);
        if (all == 0) {
            used = k;
        } else if (all <= few && !halved && k < max_iterations) {
            halved = 1;
            for (int i = me; i < TABLES; i += size) t[i] = tables[TABLES + i];
            load(frames, app, n, c / 2);
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
    if (me == 0) iterations[f] = used;
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
