/* SPDX-License-Identifier: Apache-2.0 */
/* Large-block codes drawn from their designs, in integers. */
#include "qdistill/reconcile/large.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "reconcile/large_cycles.h"

enum {
    SWITCHES = 32, /* proposed an edge */
    DRAWS = 4,
    TRIES = 128, /* for the shifts of a column of degree 2, before its rows change, and of degree 3 */
    ROWS = 64,   /* for its rows */
    EVENS = 4096 /* proposed an edge of degree 2 */
};

/* ---- Checks -------------------------------------------------------------------------------------------------------------- */

static qd_status check(const qd_large_design *d, qd_error *err) {
    const char *bad = NULL;
    uint64_t sum = 0;
    uint32_t last = 1, n = 0;
    for (; n < QD_LARGE_SHARES && d->share[n].degree; n++) {
        if (d->share[n].degree <= last || d->share[n].degree > d->rows || d->share[n].degree > QD_LARGE_DEGREE_MAX)
            bad = "degrees must ascend from 2 to the number of rows, at most 250";
        last = d->share[n].degree;
        sum += d->share[n].edges;
    }
    if (!n || sum < QD_LARGE_WHOLE - 100 || sum > QD_LARGE_WHOLE + 100) bad = "the shares do not sum to the whole";
    if (d->rows < 2 || d->rows > QD_LARGE_ROWS_MAX || d->cols <= d->rows || d->cols > QD_LARGE_COLS_MAX)
        bad = "rows or columns out of range";
    if (d->z < 64 || d->z % 64 || d->z > QD_LARGE_Z_MAX) bad = "the lifting size is no multiple of 64, or too large";
    if (d->cycle > 64 || d->word > 64) bad = "the cycle or the word is too long";
    if (bad) return qd_fail(err, QD_E_USAGE, "large code '%s': %s|||see qdistill/reconcile/large.h", d->name, bad);
    return QD_OK;
}

/* ---- Degrees ------------------------------------------------------------------------------------------------------------- */

/* Columns of each degree: proportional to edges / degree, rounded by largest remainders, the lower degree first among equals. */
static void count_columns(const qd_large_design *d, uint32_t count[QD_LARGE_SHARES]) {
    uint64_t weight[QD_LARGE_SHARES] = {0}, rest[QD_LARGE_SHARES] = {0}, total = 0;
    uint32_t given = 0, n = 0;
    for (; n < QD_LARGE_SHARES && d->share[n].degree; n++)
        total += weight[n] = ((uint64_t)d->share[n].edges << 32) / d->share[n].degree;
    for (uint32_t i = 0; i < n; i++) {
        count[i] = (uint32_t)(d->cols * weight[i] / total); /* below 2^12 2^49 */
        rest[i] = d->cols * weight[i] % total;
        given += count[i];
    }
    while (given < d->cols) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < n; i++)
            if (rest[i] > rest[best]) best = i;
        count[best]++;
        rest[best] = 0;
        given++;
    }
}

static qd_status no_memory(const qd_large_design *d, qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL,
                   "no memory to draw the large code '%s'|the system refused it|the machine is short of memory|close other programs, or "
                   "take a base graph",
                   d->name);
}

static qd_status spread(const qd_large_design *d, qd_base *b, qd_error *err) {
    uint32_t count[QD_LARGE_SHARES] = {0}, edges = 0, c = 0;
    count_columns(d, count);
    for (uint32_t i = 0; i < QD_LARGE_SHARES; i++) edges += count[i] * d->share[i].degree;
    *b = (qd_base){.rows = d->rows, .cols = d->cols, .z = d->z, .edges = edges};
    b->col_start = calloc(d->cols + 1, sizeof *b->col_start);
    b->row_of = calloc(edges, sizeof *b->row_of);
    b->shift = calloc(edges, sizeof *b->shift);
    b->has = calloc((size_t)d->rows * d->cols, 1);
    if (!b->col_start || !b->row_of || !b->shift || !b->has) return no_memory(d, err);
    for (uint32_t i = 0; i < QD_LARGE_SHARES; i++)
        for (uint32_t k = 0; k < count[i]; k++, c++) b->col_start[c + 1] = b->col_start[c] + d->share[i].degree;
    return QD_OK;
}

static void base_free(qd_base *b) {
    free(b->col_start);
    free(b->row_of);
    free(b->shift);
    free(b->has);
}

/* ---- Sockets ------------------------------------------------------------------------------------------------------------- */

/* Some matrix with these degrees: the widest column first, always into the rows with the most sockets left (Gale and Ryser: this
 * succeeds whenever any matrix without double edges exists, as it does for rows of degrees one apart). */
static void any_matrix(qd_base *b) {
    uint32_t left[QD_LARGE_ROWS_MAX];
    for (uint32_t r = 0; r < b->rows; r++) left[r] = b->edges / b->rows + (r < b->edges % b->rows);
    memset(b->has, 0, (size_t)b->rows * b->cols);
    for (uint32_t c = b->cols; c-- > 0;)
        for (uint32_t e = b->col_start[c]; e < b->col_start[c + 1]; e++) {
            uint32_t best = b->rows;
            for (uint32_t r = 0; r < b->rows; r++)
                if (!b->has[r * b->cols + c] && (best == b->rows || left[r] > left[best])) best = r;
            left[best]--;
            b->has[best * b->cols + c] = 1;
            b->row_of[e] = (uint16_t)best;
        }
}

static uint32_t column_of(const qd_base *b, uint32_t e) {
    uint32_t lo = 0, hi = b->cols; /* col_start[lo] <= e < col_start[hi] */
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (b->col_start[mid] <= e)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* Two edges change rows, unless that would make a double edge. Degrees stay. */
static int change_rows(qd_base *b, uint32_t e, uint32_t f) {
    uint32_t re = b->row_of[e], rf = b->row_of[f], ce = column_of(b, e), cf = column_of(b, f);
    if (re == rf || ce == cf || b->has[rf * b->cols + ce] || b->has[re * b->cols + cf]) return 0;
    b->has[re * b->cols + ce] = b->has[rf * b->cols + cf] = 0;
    b->has[rf * b->cols + ce] = b->has[re * b->cols + cf] = 1;
    b->row_of[e] = (uint16_t)rf;
    b->row_of[f] = (uint16_t)re;
    return 1;
}

/* Columns of degree 2 come first: the column behind the last one. */
static uint32_t pairs_end(const qd_base *b) {
    uint32_t c = 0;
    while (c < b->cols && b->col_start[c + 1] - b->col_start[c] == 2) c++;
    return c;
}

/* Edges of degree-2 columns are dealt to rows evenly: theirs change rows with others' where a row has two more of them. */
static void even_pairs(qd_base *b, qd_random *r) {
    const uint32_t n = b->col_start[pairs_end(b)];
    uint32_t of[QD_LARGE_ROWS_MAX] = {0};
    for (uint32_t e = 0; e < n; e++) of[b->row_of[e]]++;
    for (uint64_t i = 0; i < (uint64_t)EVENS * n && n < b->edges; i++) {
        const uint32_t e = (uint32_t)qd_random_below(r, n), f = n + (uint32_t)qd_random_below(r, b->edges - n), from = b->row_of[e],
                       to = b->row_of[f];
        if (of[from] > of[to] + 1 && change_rows(b, e, f)) of[from]--, of[to]++;
    }
}

/* ---- Shifts -------------------------------------------------------------------------------------------------------------- */

/* Bit of: two edges of one column in rows r < s differ by `difference`. Two columns with the same difference in the same rows are
 * a cycle of four edges. */
typedef struct seen {
    uint64_t *w;
    uint32_t z;
} seen;

static uint64_t *place(const qd_base *b, const seen *s, uint32_t e, uint32_t f, uint32_t shift_e, uint64_t *bit) {
    uint32_t r = b->row_of[e], t = b->row_of[f], d = (shift_e + s->z - b->shift[f]) % s->z;
    if (r > t) {
        uint32_t swap = r;
        r = t, t = swap, d = (s->z - d) % s->z;
    }
    *bit = 1ull << (d % 64);
    return s->w + ((size_t)t * (t - 1) / 2 + r) * (s->z / 64) + d / 64;
}

static int fits(const qd_base *b, const seen *s, uint32_t first, uint32_t e, uint32_t shift) {
    uint64_t bit;
    for (uint32_t f = first; f < e; f++)
        if (*place(b, s, e, f, shift, &bit) & bit) return 0;
    return 1;
}

static int draw_shifts(qd_base *b, const seen *s, uint32_t c, qd_random *r) {
    uint32_t first = b->col_start[c];
    for (uint32_t e = first; e < b->col_start[c + 1]; e++) {
        uint32_t tries = 0;
        uint32_t shift = (uint32_t)qd_random_below(r, b->z);
        for (; !fits(b, s, first, e, shift) && tries < 16 * b->z; tries++) shift = (uint32_t)qd_random_below(r, b->z);
        if (tries == 16 * b->z) return 0;
        b->shift[e] = (uint16_t)shift;
    }
    return 1;
}

static void keep_shifts(const qd_base *b, const seen *s, uint32_t c) {
    uint64_t bit;
    for (uint32_t e = b->col_start[c]; e < b->col_start[c + 1]; e++)
        for (uint32_t f = b->col_start[c]; f < e; f++) {
            uint64_t *w = place(b, s, e, f, b->shift[e], &bit);
            *w |= bit;
        }
}

/* Of a degree-2 column: some rows admit no shifts (two short walks that meet are a closed walk with any shifts); they are then
 * changed with those of an edge before @p end whose column has no shifts yet. */
static int shift_pair(qd_base *b, const seen *s, qd_cycles *walks, uint32_t c, uint32_t longest, uint32_t end, qd_random *r) {
    for (uint32_t rows = 0; rows < ROWS; rows++) {
        for (uint32_t t = 0; t < TRIES; t++)
            if (draw_shifts(b, s, c, r) && !qd_cycles_short(walks, c, longest)) return 1;
        uint32_t from = b->col_start[c + 1], e = b->col_start[c] + (uint32_t)qd_random_below(r, 2);
        if (from == end) return 0;
        for (uint32_t t = 0; t < SWITCHES * end && !change_rows(b, e, from + (uint32_t)qd_random_below(r, end - from)); t++) {
        }
    }
    return 0;
}

static int shift_three(qd_base *b, const seen *s, qd_cycles *walks, uint32_t c, uint32_t longest, qd_random *r) {
    for (uint32_t t = 0; t < TRIES; t++)
        if (draw_shifts(b, s, c, r) && !qd_cycles_word(walks, c, longest)) return 1;
    return 0;
}

static int draw_all(const qd_large_design *d, qd_base *b, const seen *s, qd_cycles *walks, qd_random *r) {
    any_matrix(b);
    for (uint64_t i = 0; i < (uint64_t)SWITCHES * b->edges; i++) {
        uint32_t e = (uint32_t)qd_random_below(r, b->edges), f = (uint32_t)qd_random_below(r, b->edges);
        change_rows(b, e, f);
    }
    if (d->even) even_pairs(b, r);
    const uint32_t end = d->even ? b->col_start[pairs_end(b)] : b->edges; /* rows change among even ones only */
    for (uint32_t c = 0; c < b->cols; c++) {
        const uint32_t degree = b->col_start[c + 1] - b->col_start[c];
        const bool three = degree == 3 && d->word, fit = degree == 2 ? shift_pair(b, s, walks, c, d->cycle, end, r)
                                                         : three     ? shift_three(b, s, walks, c, d->word, r)
                                                                     : draw_shifts(b, s, c, r);
        if (!fit) return 0;
        keep_shifts(b, s, c);
        if (degree == 2 || three) qd_cycles_add(walks, c);
    }
    return 1;
}

/* ---- By rows ------------------------------------------------------------------------------------------------------------- */

static qd_large_code *code_alloc(uint32_t rows, uint32_t cols, uint32_t z, uint32_t edges) {
    qd_large_code *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    *c = (qd_large_code){.rows = rows, .cols = cols, .z = z, .edges = edges, .words = z / 64};
    c->row_start = calloc(rows + 1, sizeof *c->row_start);
    c->edge = calloc(edges, sizeof *c->edge);
    if (c->row_start && c->edge) return c;
    qd_large_free(c);
    return NULL;
}

void qd_large_free(qd_large_code *c) {
    if (!c) return;
    free(c->row_start);
    free(c->edge);
    free(c);
}

static void degree_max(qd_large_code *c) {
    for (uint32_t r = 0; r < c->rows; r++)
        if (c->row_start[r + 1] - c->row_start[r] > c->degree_max) c->degree_max = c->row_start[r + 1] - c->row_start[r];
}

static qd_large_code *by_rows(const qd_base *b) {
    qd_large_code *c = code_alloc(b->rows, b->cols, b->z, b->edges);
    if (!c) return NULL;
    for (uint32_t e = 0; e < b->edges; e++) c->row_start[b->row_of[e] + 1]++;
    for (uint32_t r = 0; r < b->rows; r++) c->row_start[r + 1] += c->row_start[r];
    uint32_t at[QD_LARGE_ROWS_MAX];
    memcpy(at, c->row_start, b->rows * sizeof *at);
    for (uint32_t j = 0; j < b->cols; j++) /* ascending columns, so ascending in each row */
        for (uint32_t e = b->col_start[j]; e < b->col_start[j + 1]; e++)
            c->edge[at[b->row_of[e]]++] = (qd_large_edge){(uint16_t)j, b->shift[e]};
    degree_max(c);
    return c;
}

/* ---- For callers --------------------------------------------------------------------------------------------------------- */

/* *none: each draw ended without a code; memory there was. */
static qd_status draw(const qd_large_design *d, qd_base *b, qd_large_code **out, bool *none, qd_error *err) {
    qd_status st = spread(d, b, err);
    seen s = {NULL, d->z};
    if (st != QD_OK) return st;
    size_t words = (size_t)d->rows * (d->rows - 1) / 2 * (d->z / 64);
    s.w = malloc(words * sizeof *s.w);
    bool lack = !s.w;
    for (uint32_t attempt = 0; attempt < DRAWS && !lack && !*out; attempt++) {
        qd_random r = {.rehearsal = 1, .seed = d->seed, .stream = QD_STREAM_CODE, .entity = attempt};
        qd_cycles *walks = qd_cycles_create(b);
        lack = !walks;
        if (lack) break;
        memset(s.w, 0, words * sizeof *s.w);
        if (draw_all(d, b, &s, walks, &r)) {
            *out = by_rows(b);
            lack = !*out;
        }
        qd_cycles_destroy(walks);
    }
    free(s.w);
    if (*out) return QD_OK;
    if (lack) return no_memory(d, err);
    *none = true;
    return qd_fail(err, QD_E_INTERNAL,
                   "large code '%s': no code in %d draws|columns of degree 2 or 3 closed lighter words each time|there are too few rows for "
                   "cycles that long|ask for shorter ones",
                   d->name, DRAWS);
}

static qd_status make(const qd_large_design *design, qd_large_code **out, bool *none, qd_error *err) {
    qd_base b = {0};
    *out = NULL;
    *none = false;
    QD_TRY(check(design, err));
    qd_status st = draw(design, &b, out, none, err);
    base_free(&b);
    return st;
}

qd_status qd_large_make(const qd_large_design *design, qd_large_code **out, qd_error *err) {
    bool none;
    return make(design, out, &none, err);
}

qd_status qd_large_drawn(qd_large_design *design, qd_large_code **out, qd_error *err) {
    enum { SHORTEST = 4 };
    qd_error last; /* of an attempt after which there is another one nothing is told */
    bool none;
    qd_status st = make(design, out, &none, &last);
    while (none && design->cycle > SHORTEST) {
        design->cycle--;
        design->word = design->word < design->cycle ? design->word : design->cycle;
        st = make(design, out, &none, &last);
    }
    if (st != QD_OK && err) *err = last;
    return st;
}

qd_status qd_large_from(uint32_t rows, uint32_t cols, uint32_t z, const uint32_t *row_start, const qd_large_edge *edge,
                        qd_large_code **out, qd_error *err) {
    *out = NULL;
    uint16_t degree[QD_LARGE_COLS_MAX] = {0};
    int bad =
        rows < 1 || rows > QD_LARGE_ROWS_MAX || cols < 1 || cols > QD_LARGE_COLS_MAX || z < 64 || z % 64 || z > QD_LARGE_Z_MAX;
    bad = bad || row_start[0];
    for (uint32_t r = 0; r < rows && !bad; r++) {
        bad = row_start[r + 1] <= row_start[r];
        for (uint32_t e = row_start[r]; e < row_start[r + 1] && !bad; e++)
            bad = edge[e].col >= cols || edge[e].shift >= z || (e > row_start[r] && edge[e].col <= edge[e - 1].col) ||
                  ++degree[edge[e].col] > QD_LARGE_DEGREE_MAX;
    }
    if (bad)
        return qd_fail(
            err, QD_E_USAGE,
            "a matrix is no large code||sizes out of range, an empty row, or edges not in order|see qdistill/reconcile/large.h");
    qd_large_code *c = code_alloc(rows, cols, z, row_start[rows]);
    if (!c) return qd_fail(err, QD_E_INTERNAL, "no memory");
    memcpy(c->row_start, row_start, (rows + 1) * sizeof *row_start);
    memcpy(c->edge, edge, c->edges * sizeof *edge);
    degree_max(c);
    *out = c;
    return QD_OK;
}

void qd_large_sha256(const qd_large_code *c, char hex[65]) {
    enum { LINE = 36 };
    char *text = malloc(((size_t)c->edges + 1) * LINE);
    hex[0] = 0;
    if (!text) return;
    size_t at = (size_t)snprintf(text, LINE, "%u %u %u\n", c->rows, c->cols, c->z);
    for (uint32_t r = 0; r < c->rows; r++)
        for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++)
            at += (size_t)snprintf(text + at, LINE, "%u %u %u\n", r, c->edge[e].col, c->edge[e].shift);
    qd_sha256_hex(text, at, hex);
    free(text);
}
