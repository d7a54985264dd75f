/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `sliced`: the method of arith/sliced_cl.h on vectors of 512 bits, depth first so that blocks stay in cache. It has the field and the maps of the
 * kernels; its ways through memory are its own. */
#include <stdlib.h>
#include <string.h>
#include "arith/sliced.h"
#include "c_ntt.h"
#include "loops.h"

typedef uint32_t uint;
typedef uint32_t uint16 __attribute__((vector_size(64)));
#define WIDTH 16
#ifdef __clang__
#define EACH(i, n) _Pragma("unroll") for (uint i = 0; i < (n); i++)
#else
#define EACH(i, n) _Pragma("GCC unroll 32") for (uint i = 0; i < (n); i++)
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "../kernels/gf32.clh"
#undef INLINE
#define INLINE static inline __attribute__((always_inline))
#include "../kernels/gf32_maps.clh"
#pragma GCC diagnostic pop

enum { KEY, WINDOW, BACK };
enum { L = 9, STEP = 33 /* vectors from a group to the next: an odd number of lines */ };

/* ---- Change of basis ---------------------------------------------------------------------------------------------------------- */

static void add(uint16_t *restrict d, const uint16_t *restrict s, size_t n) {
    for (size_t i = 0; i < n; i++) d[i] ^= s[i];
}

/* The lowest four bits of the index, on 32 chunks: what KEY adds at a distance, the others add the other way. */
typedef uint16_t chunks32 __attribute__((vector_size(64)));
#define AT(p, block, low, high, delta) (((p) & ((block)-1)) >= (low) && ((p) & ((block)-1)) < (high) ? (p) + (delta) : 32 + (p))
#define AT4(p, ...) AT(p, __VA_ARGS__), AT(p + 1, __VA_ARGS__), AT(p + 2, __VA_ARGS__), AT(p + 3, __VA_ARGS__)
#define AT16(p, ...) AT4(p, __VA_ARGS__), AT4(p + 4, __VA_ARGS__), AT4(p + 8, __VA_ARGS__), AT4(p + 12, __VA_ARGS__)
#define MOVE(...) v ^= __builtin_shufflevector(v, zero, AT16(0, __VA_ARGS__), AT16(16, __VA_ARGS__))
#define EITHER(block, low, high, delta)                                   \
    do {                                                                  \
        if (which == KEY) MOVE(block, low, high, delta);                  \
        else MOVE(block, (low) + (delta), (high) + (delta), -(delta));    \
    } while (0)
static void change_lowest(uint16_t *x, size_t n, const int which) {
    const chunks32 zero = {0};
    for (size_t at = 0; at < n; at += 32) {
        chunks32 v;
        memcpy(&v, x + at, 64);
        if (which != BACK) {
            EITHER(16, 8, 10, 6); EITHER(16, 2, 8, 6); EITHER(8, 4, 5, 3); EITHER(8, 1, 4, 3);
            EITHER(4, 2, 3, 1); EITHER(4, 1, 2, 1); EITHER(16, 8, 12, 4); EITHER(16, 4, 8, 4);
        } else {
            EITHER(16, 4, 8, 4); EITHER(16, 8, 12, 4); EITHER(4, 1, 2, 1); EITHER(4, 2, 3, 1);
            EITHER(8, 1, 4, 3); EITHER(8, 4, 5, 3); EITHER(16, 2, 8, 6); EITHER(16, 8, 10, 6);
        }
        memcpy(x + at, &v, 64);
    }
}

static void level(uint16_t *x, size_t half, size_t shift, int which) {
    uint16_t *upper = x + half, *last = upper + half - shift;
    if (which == BACK) add(upper, x + shift, half - shift);
    if (which != KEY) add(last, upper, shift);
    if (which == KEY) add(upper, last, shift), add(x + shift, upper, half - shift);
    if (which == WINDOW) add(upper, x + shift, half - shift);
}

/* Bits unit .. unit+n-1 of the index, of 2^(unit+n) chunks: by the greatest power of two h below n, then above and below it. The lowest four are left out. */
static void change(uint16_t *x, unsigned unit, unsigned n, int which) {
    if (n < 2 || (!unit && n <= 4)) return;
    unsigned h = 1;
    while (2 * h < n) h *= 2;
    for (int part = 0; part < 3; part++) {
        const int now = which == BACK ? 2 - part : part;
        for (unsigned i = 0; now == 0 && i < n - h; i++) {
            const unsigned j = which == BACK ? i : n - h - 1 - i;
            const size_t half = (size_t)1 << (unit + h + j);
            for (size_t at = 0; at < (size_t)1 << (unit + n); at += 2 * half) level(x + at, half, (size_t)1 << (unit + j), which);
        }
        if (now == 1) change(x, unit + h, n - h, which);
        for (size_t i = 0; now == 2 && i < (size_t)1 << (n - h); i++) change(x + (i << (unit + h)), unit, h, which);
    }
}

/* ---- Plans: where each bit of the index is, and what that makes of the twiddles -------------------------------------------------- */

/* The layer of an index bit that is bit b of the group's number. Twiddle of the groups whose number above b is q: table[q], and `lanes` besides. */
typedef struct layer {
    unsigned b, m;
    uint32_t *table;
    V lanes[32];
} layer;
/* Bits of the group's number and of the lanes that change places, before a layer. */
typedef struct turn {
    unsigned layer, n, group[L], lane[L];
} turn;

enum { TURNS = 10 };
typedef struct plan {
    unsigned k, g; /* bits of the index and of the group's number */
    turn turns[TURNS];
    unsigned n_turns;
    layer *layers;
    uint16_t *chunks[2][2];
    V *x[2], *row[2]; /* spectra; a coordinate of all groups */
    const uint64_t *window, *key;
    uint64_t n, key_bits;
    unsigned threads;
} plan;

/* The lanes whose number has bit `bit`. */
static void lanes_with(V *v, unsigned bit) {
    static const uint32_t in_word[5] = {0xaaaaaaaau, 0xccccccccu, 0xf0f0f0f0u, 0xff00ff00u, 0xffff0000u};
    for (unsigned w = 0; w < 16; w++) (*v)[w] = bit < 5 ? in_word[bit] : (uint32_t)-(w >> (bit - 5) & 1);
}

static void describe(plan *p, unsigned i, const int *group_of, const int *lane_of) {
    layer *y = &p->layers[p->k - 1 - i];
    const unsigned bits = p->k - 1 - i;
    y->b = (unsigned)group_of[i];
    y->m = bits < 4 ? 4 : bits < 8 ? 8 : bits < 16 ? 16 : 32;
    memset(y->lanes, 0, sizeof y->lanes);
    y->table[0] = 0;
    for (unsigned j = i + 1; j < p->k; j++) {
        if (lane_of[j] < 0) continue;
        V with;
        lanes_with(&with, (unsigned)lane_of[j]);
        for (unsigned c = 0; c < 32; c++)
            if (qd_gf32_basis(j - i) >> c & 1) y->lanes[c] ^= with;
    }
    for (unsigned b = y->b + 1; b < p->g; b++) { /* what bit b of the number is an index bit of */
        uint32_t v = 0;
        for (unsigned j = i + 1; j < p->k; j++)
            if (group_of[j] == (int)b) v = qd_gf32_basis(j - i);
        const size_t q = (size_t)1 << (b - y->b - 1);
        for (size_t at = 0; at < q; at++) y->table[q + at] = y->table[at] ^ v;
    }
}

/* Index bits i and below, in lanes, come to the lowest places of the group's number: above stay greater ones, so that a block of groups has its twiddle in common. */
static void add_turn(plan *p, unsigned i, int *group_of, int *lane_of) {
    turn *t = &p->turns[p->n_turns++];
    t->layer = p->k - 1 - i;
    t->n = i + 1 < p->g ? i + 1 : p->g;
    if (t->n > L) t->n = L;
    for (unsigned n = 0; n < t->n; n++) {
        const unsigned in = i - n, b = t->n - 1 - n;
        for (unsigned j = 0; j < p->k; j++)
            if (group_of[j] == (int)b) group_of[j] = -1, lane_of[j] = lane_of[in];
        t->group[n] = b;
        t->lane[n] = (unsigned)lane_of[in];
        group_of[in] = (int)b, lane_of[in] = -1;
    }
}

/* Index bits 5 .. 8 are lane bits 0 .. 3 at first, 0 .. 4 the next. */
static bool make_layers(plan *p) {
    int group_of[32], lane_of[32];
    for (int j = 0; j < (int)p->k; j++) group_of[j] = j >= L ? j - L : -1, lane_of[j] = j >= L ? -1 : j < 5 ? 4 + j : j - 5;
    for (unsigned i = p->k; i-- > 0;) {
        layer *y = &p->layers[p->k - 1 - i];
        if (group_of[i] < 0) add_turn(p, i, group_of, lane_of);
        y->table = malloc(sizeof *y->table << p->g);
        if (!y->table) return false;
        describe(p, i, group_of, lane_of);
    }
    return true;
}

/* ---- Turns -------------------------------------------------------------------------------------------------------------------------- */

#define IN_WORDS(bit, mask)                                \
    case bit: {                                            \
        const V s = ((*x >> (1 << bit)) ^ *y) & (mask);    \
        *y ^= s, *x ^= s << (1 << bit);                    \
        break;                                             \
    }
#define UP(p, w) ((p) >> (w) & 1 ? 16 + ((p) ^ 1 << (w)) : (p))
#define DOWN(p, w) ((p) >> (w) & 1 ? 16 + (p) : (p) ^ 1 << (w))
#define ALL4(f, p, w) f(p, w), f(p + 1, w), f(p + 2, w), f(p + 3, w)
#define ALL(f, w) ALL4(f, 0, w), ALL4(f, 4, w), ALL4(f, 8, w), ALL4(f, 12, w)
#define OF_WORDS(w)                                                     \
    case 5 + w: {                                                       \
        const V s = *x, t = *y;                                         \
        *x = __builtin_shufflevector(s, t, ALL(UP, w));                 \
        *y = __builtin_shufflevector(s, t, ALL(DOWN, w));               \
        break;                                                          \
    }
/* Bit `bit` of the lane and which of the two a vector is change places. */
INLINE void exchange(V *x, V *y, unsigned bit) {
    switch (bit) {
        IN_WORDS(0, 0x55555555u) IN_WORDS(1, 0x33333333u) IN_WORDS(2, 0x0f0f0f0fu) IN_WORDS(3, 0x00ff00ffu) IN_WORDS(4, 0x0000ffffu)
        OF_WORDS(0) OF_WORDS(1) OF_WORDS(2) OF_WORDS(3)
    }
}
#define ROUND(bit)                                                                              \
    case bit:                                                                                   \
        for (size_t e = 0; e < groups; e++)                                                     \
            if (!(e >> b & 1)) exchange(row + e, row + (e | (size_t)1 << b), bit);              \
        break;
static void exchange_rows(V *row, size_t groups, unsigned b, unsigned lane) {
    switch (lane) { ROUND(0) ROUND(1) ROUND(2) ROUND(3) ROUND(4) ROUND(5) ROUND(6) ROUND(7) ROUND(8) }
}
static void make_turn(const plan *p, const turn *t, V *x, V *row) {
    const size_t groups = (size_t)1 << p->g;
    for (unsigned i = 0; i < 32; i++) {
        for (size_t e = 0; e < groups; e++) row[e] = x[e * STEP + i];
        for (unsigned n = 0; n < t->n; n++) exchange_rows(row, groups, t->group[n], t->lane[n]);
        for (size_t e = 0; e < groups; e++) x[e * STEP + i] = row[e];
    }
}
INLINE void turn16(V *v) {
    EACH(i, 16) if (!(i & 1)) exchange(v + i, v + i + 1, 0);
    EACH(i, 16) if (!(i & 2)) exchange(v + i, v + i + 2, 1);
    EACH(i, 16) if (!(i & 4)) exchange(v + i, v + i + 4, 2);
    EACH(i, 16) if (!(i & 8)) exchange(v + i, v + i + 8, 3);
}

/* ---- Layers ------------------------------------------------------------------------------------------------------------------------- */

#define SPACE
#define FUNCTION static
#include "../kernels/gf32_butterflies.clh"
#define LAYER(m)                                                                          \
    static void layer_##m(const layer *y, V *x, size_t first, int which) {                \
        V w[m], l[243];                                                                   \
        const uint32_t s = y->table[first >> (y->b + 1)];                                 \
        for (uint i = 0; i < m; i++) w[i] = y->lanes[i] ^ (uint32_t)-(s >> i & 1);        \
        leaves_##m(l, w);                                                                 \
        for (size_t r = 0; r < (size_t)1 << y->b; r++) {                                  \
            V *a = x + (first + r) * STEP, *b = a + ((size_t)STEP << y->b);               \
            if (which == BACK) merge_##m(a, b, l);                                        \
            else if (which == KEY) split_##m(a, b, l);                                    \
            else split_##m(b, a, l);                                                      \
        }                                                                                 \
    }
LAYER(4)
LAYER(8)
LAYER(16)
LAYER(32)

/* Layers from .. to-1, of groups first .. first + 2^(b+1) - 1 with b that of the first of them. */
static void layers(const plan *p, V *x, unsigned from, unsigned to, size_t first, int which) {
    if (from == to) return;
    const layer *y = &p->layers[from];
    const size_t half = (size_t)1 << y->b;
    for (int part = 0; part < 2; part++)
        if ((part == 0) == (which == BACK)) {
            layers(p, x, from + 1, to, first, which);
            layers(p, x, from + 1, to, first + half, which);
        } else if (y->m == 4) layer_4(y, x, first, which);
        else if (y->m == 8) layer_8(y, x, first, which);
        else if (y->m == 16) layer_16(y, x, first, which);
        else layer_32(y, x, first, which);
}

static void all_layers(const plan *p, V *x, unsigned from, unsigned to, int which) {
    for (size_t first = 0; first < (size_t)1 << p->g; first += (size_t)2 << p->layers[from].b) layers(p, x, from, to, first, which);
}

/* ---- Products ----------------------------------------------------------------------------------------------------------------------- */

static void elements(const plan *p, V *x, int which) {
    const size_t bytes = (size_t)2 << p->k;
    for (int i = 0; i <= (which == WINDOW); i++) {
        uint16_t *c = p->chunks[which][i];
        change(c, 0, p->k, which);
        change_lowest(c, bytes / 2, which);
    }
    for (size_t e = 0; e < (size_t)1 << p->g; e++) {
        V a[32], *to = x + e * STEP, y[32];
        memcpy(a, p->chunks[which][0] + e * 512, 1024);
        turn16(a);
        if (which == KEY) key_element(y, a);
        else {
            memcpy(a + 16, p->chunks[which][1] + e * 512, 1024);
            turn16(a + 16);
            window_element(y, a);
        }
        memcpy(to, y, sizeof y);
    }
}

static void forward(const plan *p, int which) {
    V *x = p->x[which];
    elements(p, x, which);
    unsigned at = 0;
    for (unsigned i = 0; i <= p->n_turns; i++) {
        const unsigned to = i < p->n_turns ? p->turns[i].layer : p->k;
        all_layers(p, x, at, to, which);
        if (i < p->n_turns) make_turn(p, &p->turns[i], x, p->row[which]);
        at = to;
    }
}
static void forward_share(void *context, unsigned share) {
    const plan *p = context;
    for (int which = KEY; which <= WINDOW; which++)
        if (p->threads == 1 || (unsigned)which == share) forward(p, which);
}

static void multiply(V *x, const V *y) {
    V a[32], w[32], r[32];
    memcpy(a, x, sizeof a);
    memcpy(w, y, sizeof w);
    times_32(r, a, w);
    memcpy(x, r, sizeof r);
}

static void back(const plan *p) {
    V *x = p->x[WINDOW];
    for (size_t e = 0; e < (size_t)1 << p->g; e++) multiply(x + e * STEP, p->x[KEY] + e * STEP);
    for (unsigned i = p->n_turns + 1; i-- > 0;) {
        const unsigned from = i ? p->turns[i - 1].layer : 0, to = i < p->n_turns ? p->turns[i].layer : p->k;
        all_layers(p, x, from, to, BACK);
        if (i) make_turn(p, &p->turns[i - 1], x, p->row[WINDOW]);
    }
    for (size_t e = 0; e < (size_t)1 << p->g; e++) {
        V a[32], y[16];
        memcpy(a, x + e * STEP, sizeof a);
        product_bits(y, a);
        turn16(y);
        memcpy(p->chunks[KEY][0] + e * 512, y, 1024);
    }
    change_lowest(p->chunks[KEY][0], (size_t)1 << p->k, BACK);
    change(p->chunks[KEY][0], 0, p->k, BACK);
}

/* ---- The loop ------------------------------------------------------------------------------------------------------------------------- */

static void backwards(uint16_t *to, const uint16_t *from, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] = from[n - 1 - i];
}

static bool allocate(plan *p) {
    const size_t n = (size_t)1 << p->k, groups = (size_t)1 << p->g;
    bool ok = true;
    for (int i = 0; i < 2; i++) {
        ok = ok && (p->x[i] = aligned_alloc(64, groups * STEP * sizeof(V)));
        ok = ok && (p->row[i] = aligned_alloc(64, groups * sizeof(V)));
        for (int j = 0; j < 2; j++) ok = ok && (p->chunks[i][j] = aligned_alloc(64, 2 * n));
    }
    return ok && (p->layers = aligned_alloc(64, p->k * sizeof(layer))) && (memset(p->layers, 0, p->k * sizeof(layer)), true);
}
static void release(plan *p) {
    for (unsigned i = 0; p->layers && i < p->k; i++) free(p->layers[i].table);
    free(p->layers);
    for (int i = 0; i < 2; i++) {
        free(p->x[i]), free(p->row[i]);
        for (int j = 0; j < 2; j++) free(p->chunks[i][j]);
    }
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_middle_case *c = state;
    plan p = {.k = c->log2n - 4, .g = c->log2n - 4 - L, .threads = threads > 1 ? 2 : 1};
    const size_t n = (size_t)1 << p.k;
    qd_bits all = {0, NULL}, y = {c->window.n + 1 - c->key.n, out};
    qd_status st = qd_bits_create(&all, 16 * (uint64_t)n, err);
    if (st == QD_OK && !(allocate(&p) && make_layers(&p))) st = qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of sliced");
    if (st == QD_OK) {
        qd_middle_put(&all, all.n - c->window.n, &c->window);
        backwards(p.chunks[WINDOW][0], (const uint16_t *)all.w, n);
        memcpy(p.chunks[WINDOW][1], p.chunks[WINDOW][0] + 1, 2 * (n - 1));
        p.chunks[WINDOW][1][n - 1] = 0;
        qd_middle_put(&all, 0, &c->key);
        memcpy(p.chunks[KEY][0], all.w, 2 * n);
        qd_c_parallel(p.threads, forward_share, &p);
        back(&p);
        backwards((uint16_t *)all.w, p.chunks[KEY][0], n);
        qd_middle_take(&y, &all, all.n - y.n);
    }
    release(&p);
    qd_bits_destroy(&all);
    return st;
}

const qd_loop qd_loop_sliced = {"sliced", run};
