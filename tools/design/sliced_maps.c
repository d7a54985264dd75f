/* SPDX-License-Identifier: Apache-2.0 */
/* Writes kernels/gf32_maps.clh: the linear maps between bits of a string and the coordinates of GF(2^32) that the bit-sliced transform uses
 * (host/arith/sliced_cl.h), as sums in straight line.
 *
 * A map is free in two things: in z, of which a chunk's bits are the powers, and in c, by which the form <a, b> = top coordinate of c a b may be scaled.
 * Drawn are many pairs; the few whose matrices have the fewest ones are reduced by taking the most common pair of terms as a new term until none is
 * common (Paar, ISIT 1997), and the cheapest is written. The draw is fixed, so the file is the same each time.
 *
 *   sliced_maps > kernels/gf32_maps.clh     (seconds; the test sliced_maps compares) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 16, FIELD = 32, TERMS = 640, DRAWS = 60000, FINALISTS = 24 };

/* Product in the field of @p bits bits: X^2 + X + the top element of the field below. */
static uint32_t mul(uint32_t a, uint32_t b, unsigned bits) {
    if (bits == 1) return a & b;
    if (!a || !b) return 0;
    unsigned half = bits / 2;
    uint32_t mask = ((uint32_t)1 << half) - 1, a0 = a & mask, a1 = a >> half, b0 = b & mask, b1 = b >> half;
    uint32_t low = mul(a0, b0, half), high = mul(a1, b1, half), both = mul(a0 ^ a1, b0 ^ b1, half);
    return (low ^ mul(high, (uint32_t)1 << (half - 1), half)) | (both ^ low) << half;
}
static uint32_t times(uint32_t a, uint32_t b) { return mul(a, b, FIELD); }

/* Multiplication by an element as a matrix: its columns. */
static void columns(uint32_t a, uint32_t *m) {
    for (unsigned i = 0; i < FIELD; i++) m[i] = times(a, (uint32_t)1 << i);
}
static uint32_t apply(const uint32_t *m, uint32_t a) {
    uint32_t sum = 0;
    for (; a; a &= a - 1) sum ^= m[__builtin_ctz(a)];
    return sum;
}

/* A matrix by its rows: output i is the sum of the inputs whose bit is set. */
typedef struct map {
    unsigned in, out;
    uint32_t row[FIELD];
} map;

/* Rows of @p m times a = 1: solves by Gauss; false when singular. */
static int invert(const uint32_t *m, uint32_t *inverse) {
    uint64_t w[FIELD];
    for (unsigned i = 0; i < FIELD; i++) w[i] = (uint64_t)1 << (FIELD + i) | m[i];
    for (unsigned c = 0; c < FIELD; c++) {
        unsigned p = c;
        while (p < FIELD && !(w[p] >> c & 1)) p++;
        if (p == FIELD) return 0;
        uint64_t t = w[p];
        w[p] = w[c], w[c] = t;
        for (unsigned i = 0; i < FIELD; i++)
            if (i != c && w[i] >> c & 1) w[i] ^= w[c];
    }
    for (unsigned i = 0; i < FIELD; i++) inverse[i] = (uint32_t)(w[i] >> FIELD);
    return 1;
}

typedef struct design {
    uint32_t z, c;
    map key, window, back;
    unsigned ones, sums;
} design;

static unsigned ones(const map *m) {
    unsigned n = 0;
    for (unsigned i = 0; i < m->out; i++) n += (unsigned)__builtin_popcount(m->row[i]);
    return n;
}

/* The maps for z and c; false when the powers of z are no basis. @p top: row i has the top coordinates of the products of element 2^i. */
static int maps(uint32_t z, uint32_t c, const uint32_t *top, design *d) {
    uint32_t form[FIELD], inverse[FIELD], by_z[FIELD], power = 1, scaled = c; /* z^t and c z^t */
    columns(z, by_z);
    *d = (design){.z = z, .c = c, .key = {CHUNK, FIELD, {0}}, .window = {FIELD, FIELD, {0}}, .back = {FIELD, CHUNK, {0}}};
    for (unsigned t = 0; t < FIELD; t++, power = apply(by_z, power), scaled = apply(by_z, scaled)) {
        form[t] = 0; /* of the coordinates of an element: the top one of c z^t times it */
        for (unsigned i = 0; i < FIELD; i++) form[t] |= (uint32_t)__builtin_parity(top[i] & scaled) << i;
        for (unsigned i = 0; t < CHUNK && i < FIELD; i++) d->key.row[i] |= (power >> i & 1) << t;
        if (t < CHUNK) d->back.row[CHUNK - 1 - t] = form[t]; /* bits of strings backwards */
    }
    if (!invert(form, inverse)) return 0;
    for (unsigned i = 0; i < FIELD; i++) /* input b < 16: bit b of the chunk; 16 + b: of the next; what z^31 sees is free: zero */
        for (unsigned t = 0; t < FIELD - 1; t++) d->window.row[i] |= (inverse[i] >> t & 1) << (t < CHUNK ? CHUNK - 1 - t : FIELD + CHUNK - 1 - t);
    d->ones = ones(&d->key) + ones(&d->window) + ones(&d->back);
    return 1;
}

/* ---- Sums in straight line ----------------------------------------------------------------------------------------------- */

typedef struct program {
    unsigned n, left[TERMS], right[TERMS]; /* term t >= in is left + right */
    uint8_t used[FIELD][TERMS];            /* terms of each output */
} program;

static unsigned in_common(const program *p, unsigned out, unsigned a, unsigned b) {
    unsigned n = 0;
    for (unsigned i = 0; i < out; i++) n += p->used[i][a] & p->used[i][b];
    return n;
}

static unsigned reduce(const map *m, program *p) {
    memset(p, 0, sizeof *p);
    p->n = m->in;
    for (unsigned i = 0; i < m->out; i++)
        for (unsigned t = 0; t < m->in; t++) p->used[i][t] = m->row[i] >> t & 1;
    for (;;) {
        unsigned best = 1, a = 0, b = 0;
        for (unsigned s = 0; s < p->n; s++)
            for (unsigned t = s + 1; t < p->n; t++) {
                unsigned n = in_common(p, m->out, s, t);
                if (n > best) best = n, a = s, b = t;
            }
        if (best < 2 || p->n == TERMS) break;
        p->left[p->n] = a, p->right[p->n] = b;
        for (unsigned i = 0; i < m->out; i++)
            if (p->used[i][a] & p->used[i][b]) p->used[i][a] = p->used[i][b] = 0, p->used[i][p->n] = 1;
        p->n++;
    }
    unsigned sums = p->n - m->in;
    for (unsigned i = 0; i < m->out; i++) {
        unsigned n = 0;
        for (unsigned t = 0; t < p->n; t++) n += p->used[i][t];
        sums += n ? n - 1 : 0;
    }
    return sums;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------------- */

static unsigned column;
static void put(const char *text) {
    unsigned length = (unsigned)strlen(text);
    if (column + length + 1 > 150) printf("\n"), column = 0;
    column += (unsigned)printf(column ? " %s" : "    %s", text);
}

static void term(char *text, unsigned in, unsigned t) { sprintf(text, t < in ? "a[%u]" : "t%u", t < in ? t : t - in); }

static void write_map(const char *name, const char *says, const map *m) {
    program p;
    char text[512], a[16], b[16];
    unsigned sums = reduce(m, &p);
    printf("/* %s: %u sums. */\nINLINE void %s(V *y, const V *a) {\n", says, sums, name);
    column = 0;
    for (unsigned t = m->in; t < p.n; t++) {
        term(a, m->in, p.left[t]), term(b, m->in, p.right[t]);
        sprintf(text, "const V t%u = %s ^ %s;", t - m->in, a, b);
        put(text);
    }
    for (unsigned i = 0; i < m->out; i++) {
        int at = sprintf(text, "y[%u] =", i), n = 0;
        for (unsigned t = 0; t < p.n; t++)
            if (p.used[i][t]) term(a, m->in, t), at += sprintf(text + at, n++ ? " ^ %s" : " %s", a);
        sprintf(text + at, n ? ";" : " (V)(0);");
        put(text);
    }
    printf("\n}\n");
}

static uint32_t state = 1;
static uint32_t draw(void) { /* xorshift32, Marsaglia 2003 */
    state ^= state << 13, state ^= state >> 17;
    return state ^= state << 5;
}

int main(void) {
    static design best[FINALISTS];
    static program p;
    uint32_t top[FIELD] = {0};
    for (unsigned i = 0; i < FIELD; i++)
        for (unsigned j = 0; j < FIELD; j++) top[i] |= (times((uint32_t)1 << i, (uint32_t)1 << j) >> (FIELD - 1)) << j;
    unsigned have = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        design d;
        uint32_t z = draw(), c = draw();
        if (!maps(z, c, top, &d)) continue;
        unsigned at = have < FINALISTS ? have++ : FINALISTS - 1;
        if (at == FINALISTS - 1 && best[at].ones && best[at].ones <= d.ones) continue;
        while (at && best[at - 1].ones > d.ones) best[at] = best[at - 1], at--;
        best[at] = d;
    }
    unsigned least = 0;
    for (unsigned i = 0; i < have; i++) {
        best[i].sums = reduce(&best[i].key, &p) + reduce(&best[i].window, &p) + reduce(&best[i].back, &p);
        if (best[i].sums < best[least].sums) least = i;
    }
    const design *d = &best[least];
    printf("/* SPDX-License-Identifier: Apache-2.0 */\n/* Written by tools/design/sliced_maps.c, which says what this is; host/arith/sliced_cl.h says what for.\n"
           " * z = 0x%08" PRIx32 ", form <a, b> = top coordinate of 0x%08" PRIx32 " a b. Coordinates as in gf32.clh. */\n\n", d->z, d->c);
    write_map("key_element", "16 bits of a key to the element that is the sum of the z^t of its ones", &d->key);
    printf("\n");
    write_map("window_element", "Two chunks of a window, the latter first, to the element that they stand for", &d->window);
    printf("\n");
    write_map("product_bits", "A word of the product to its 16 bits", &d->back);
    return 0;
}
