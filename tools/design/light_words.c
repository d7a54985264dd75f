/* SPDX-License-Identifier: Apache-2.0 */
/* light_words NAME Q: words of few bits of a large-block code, which are what its frames fail by once there is no doubt about their errors:
 * cycles of degree-2 columns, and two columns of degree 3 whose checks such columns join. For each weight how many there are, how many cycles a
 * code with such rows has without care, and the share of frames of error rate Q that they leave unsolved or wrong (Q^(w/2): half of the word's
 * bits, and of exactly half every second). Exit status 1: there are words that the code was drawn without.
 * Walks that no column takes back at once are counted from the definition, with as many of one end as there are; the drawing of codes
 * (host/reconcile/large_cycles.c) searches otherwise, so this is a check on it, but for words of two columns whose own rows are joined each: they are not
 * counted. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/large.h"

enum { WEIGHTS = 40, NODES = 1 << 18, NODES3 = 1 << 15 /* a tree goes as deep as so many walks */ };

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "light_words: %s\n", what);
    exit(2);
}

static void *many(size_t n, size_t size) {
    void *p = calloc(n + 1, size);
    if (!p) fail("no memory");
    return p;
}

/* Columns of degree 2 and 3 by their rows, and per row the columns in it. */
typedef struct columns {
    const qd_large_code *c;
    uint32_t *degree, (*row)[3], (*shift)[3];
    uint32_t *start[4], *in[4]; /* of degree 2 and 3: [rows + 1], 3 column + edge */
} columns;

static columns columns_of(const qd_large_code *c) {
    columns s = {.c = c, .degree = many(c->cols, 4), .row = many(c->cols, sizeof *s.row), .shift = many(c->cols, sizeof *s.shift)};
    for (uint32_t r = 0; r < c->rows; r++)
        for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) {
            const uint32_t j = c->edge[e].col, k = s.degree[j]++;
            if (k < 3) s.row[j][k] = r, s.shift[j][k] = c->edge[e].shift;
        }
    for (uint32_t d = 2; d <= 3; d++) {
        uint32_t n = 0;
        s.start[d] = many(c->rows + 1, 4);
        s.in[d] = many(3 * (size_t)c->cols, 4);
        for (uint32_t r = 0; r < c->rows; r++) {
            for (uint32_t j = 0; j < c->cols; j++)
                for (uint32_t k = 0; k < d && s.degree[j] == d; k++)
                    if (s.row[j][k] == r) s.in[d][n++] = 3 * j + k;
            s.start[d][r + 1] = n;
        }
    }
    return s;
}

static void columns_free(columns *s) {
    free(s->degree), free(s->row), free(s->shift);
    for (int d = 2; d <= 3; d++) free(s->start[d]), free(s->in[d]);
}

/* Check of edge @p k of bit @p p of a column: row r has it at place p - shift. */
static uint32_t check_of(const columns *s, uint32_t col, uint32_t k, uint32_t p) {
    return s->row[col][k] * s->c->z + (p + s->c->z - s->shift[col][k]) % s->c->z;
}

/* ---- Walks --------------------------------------------------------------------------------------------------------------- */

typedef struct walk {
    uint32_t check, first, last, steps; /* bits of degree-2 columns it begins and ends with */
} walk;

typedef struct tree {
    walk *w;
    size_t n;
    uint32_t depth;
} tree;

static int by_check(const void *a, const void *b) {
    const walk *x = a, *y = b;
    return (x->check > y->check) - (x->check < y->check);
}

static size_t level(const columns *s, tree *t, size_t from, size_t most) {
    const uint32_t z = s->c->z;
    const size_t end = t->n;
    for (; from < end; from++) {
        const walk w = t->w[from];
        for (uint32_t i = s->start[2][w.check / z]; i < s->start[2][w.check / z + 1]; i++) {
            const uint32_t col = s->in[2][i] / 3, k = s->in[2][i] % 3, p = (w.check % z + s->shift[col][k]) % z, bit = col * z + p;
            if (w.steps && bit == w.last) continue;
            if (t->n == most) return 0;
            t->w[t->n++] = (walk){check_of(s, col, 1 - k, p), w.steps ? w.first : bit, bit, w.steps + 1};
        }
    }
    return end;
}

/* All walks from a check, up to the depth at which there are too many, or @p longest. */
static void grow(const columns *s, tree *t, uint32_t check, uint32_t longest, size_t most) {
    size_t from = 0;
    t->w[0] = (walk){.check = check};
    t->n = 1;
    for (t->depth = 0; t->depth < longest; t->depth++) {
        const size_t before = t->n, next = level(s, t, from, most);
        if (!next) {
            t->n = before;
            break;
        }
        from = next;
    }
    qsort(t->w, t->n, sizeof *t->w, by_check);
}

static size_t first_at(const tree *t, uint32_t check) {
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        const size_t mid = (lo + hi) / 2;
        *(t->w[mid].check < check ? &lo : &hi) = t->w[mid].check < check ? mid + 1 : mid;
    }
    return lo;
}

/* ---- Words --------------------------------------------------------------------------------------------------------------- */

/* Two walks from one check that meet, of equal length or the first one longer by one: each cycle so from each of its checks, both ways round.
 * Up to twice the least depth all are found. */
static uint32_t cycles(const columns *s, double count[WEIGHTS]) {
    const uint32_t z = s->c->z;
    tree t = {.w = many(NODES, sizeof(walk))};
    uint32_t depth = WEIGHTS / 2 - 1;
    for (uint32_t r = 0; r < s->c->rows; r++) {
        grow(s, &t, r * z, depth, NODES);
        depth = t.depth < depth ? t.depth : depth;
        for (size_t i = 0, k; i < t.n; i = k) {
            for (k = i; k < t.n && t.w[k].check == t.w[i].check; k++) continue;
            for (size_t a = i; a < k; a++)
                for (size_t b = i; b < k; b++) {
                    const walk *x = &t.w[a], *y = &t.w[b];
                    if (a != b && y->steps && (x->steps == y->steps || x->steps == y->steps + 1) && x->first != y->first && x->last != y->last)
                        count[x->steps + y->steps] += (double)z / (2 * (x->steps + y->steps));
                }
        }
    }
    free(t.w);
    return 2 * depth;
}

/* Words of the column that trees start from and bit @p p of @p col, whose edge @p k lies in the check of @p w, a walk of the first tree. */
static void join(const columns *s, const tree t[3], const walk *w, uint32_t col, uint32_t k, uint32_t p, double count[WEIGHTS]) {
    for (uint32_t swap = 0; swap < 2; swap++) {
        const uint32_t u = check_of(s, col, (k + 1 + swap) % 3, p), v = check_of(s, col, (k + 2 - swap) % 3, p);
        for (size_t a = first_at(&t[1], u); a < t[1].n && t[1].w[a].check == u; a++)
            for (size_t b = first_at(&t[2], v); b < t[2].n && t[2].w[b].check == v; b++) {
                const uint32_t weight = 2 + w->steps + t[1].w[a].steps + t[2].w[b].steps;
                if (weight < WEIGHTS) count[weight] += s->c->z / 2.0; /* once from each of its two columns */
            }
    }
}

/* Up to two more than the least depth all are found. */
static uint32_t thetas(const columns *s, uint32_t longest, double count[WEIGHTS]) {
    const uint32_t z = s->c->z;
    uint32_t depth = longest;
    tree t[3];
    for (int k = 0; k < 3; k++) t[k] = (tree){.w = many(NODES3, sizeof(walk))};
    for (uint32_t j = 0; j < s->c->cols; j++) {
        if (s->degree[j] != 3) continue;
        for (uint32_t k = 0; k < 3; k++) {
            grow(s, &t[k], check_of(s, j, k, 0), depth, NODES3);
            depth = t[k].depth < depth ? t[k].depth : depth;
        }
        for (size_t i = 0; i < t[0].n; i++) {
            const walk *w = &t[0].w[i];
            for (uint32_t e = s->start[3][w->check / z]; e < s->start[3][w->check / z + 1]; e++) {
                const uint32_t col = s->in[3][e] / 3, k = s->in[3][e] % 3, p = (w->check % z + s->shift[col][k]) % z;
                if (col != j || p) join(s, t, w, col, k, p, count);
            }
        }
    }
    for (int k = 0; k < 3; k++) free(t[k].w);
    return depth + 2;
}

/* More than half of a word's bits wrong, or half of them and no luck. */
static double fails(uint32_t weight, double q) {
    double sum = 0;
    for (uint32_t k = (weight + 1) / 2; k <= weight; k++)
        sum += (2 * k == weight ? 0.5 : 1) * exp(lgamma(weight + 1) - lgamma(k + 1) - lgamma(weight - k + 1) + k * log(q) + (weight - k) * log1p(-q));
    return sum;
}

/* Mean number of columns by which a walk goes on. */
static double branching(const columns *s) {
    double ends = 0, on = 0;
    for (uint32_t r = 0; r < s->c->rows; r++) {
        const double n = s->start[2][r + 1] - s->start[2][r];
        ends += n;
        on += n * (n - 1);
    }
    return on / ends;
}

int main(int argc, char **argv) {
    qd_error err = {0};
    qd_large_design d;
    const double q = argc == 3 ? strtod(argv[2], NULL) : 0;
    if (!(q > 0 && q < 0.5)) fail("light_words NAME Q: a code as of `qdistill study reconcile`, an error rate between 0 and 1/2");
    qd_large_code *c;
    if (qd_large_named(argv[1], &d, &err) != QD_OK || qd_large_drawn(&d, &c, &err) != QD_OK) fail(err.what);
    columns s = columns_of(c);
    const double more = branching(&s);
    double of2[WEIGHTS] = {0}, of3[WEIGHTS] = {0}, sum = 0;
    const uint32_t all2 = cycles(&s, of2), all3 = thetas(&s, WEIGHTS - 3, of3);
    uint32_t avoided = 0;
    printf("%s, drawn without words of %" PRIu32 " bits: a walk goes on by %.2f columns, %.2f times 2 sqrt(pq); words are counted to %" PRIu32
           " bits, with columns of degree 3 to %" PRIu32 ", beyond in part\n",
           d.name, d.cycle, more, more * 2 * sqrt(q * (1 - q)), all2, all3);
    for (uint32_t w = 2; w < WEIGHTS && w <= all2; w++) {
        const double share = (of2[w] + of3[w]) * fails(w, q);
        sum += share;
        if ((w <= d.cycle && of2[w] > 0) || (w <= d.word && w <= all3 && of3[w] > 0)) avoided = avoided ? avoided : w;
        printf("%2" PRIu32 " bits: %.4g cycles (by chance %.4g), %.4g with two columns of degree 3; %.2g of the frames\n", w, of2[w], pow(more, w) / (2 * w), of3[w], share);
    }
    printf("together %.2g of the frames\n", sum);
    if (avoided) fprintf(stderr, "light_words: %s has words of %" PRIu32 " bits, and was drawn without\n", d.name, avoided);
    columns_free(&s);
    qd_large_free(c);
    return avoided ? 1 : 0;
}
