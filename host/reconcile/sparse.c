/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices of imported codes: lifted, rows added up, as alist, and their syndrome. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "reconcile/sparse.h"

/* ---- Lifting -------------------------------------------------------------------------------------------------------------- */

bool qd_sparse_base_alloc(qd_sparse_base *b, uint32_t cols, uint32_t entries) {
    b->cols = cols;
    b->entries = entries;
    b->start = calloc((size_t)cols + 1, sizeof *b->start);
    b->row = calloc((size_t)entries + 1, sizeof *b->row);
    b->shift = calloc((size_t)entries + 1, sizeof *b->shift);
    return b->start && b->row && b->shift;
}

void qd_sparse_base_free(qd_sparse_base *b) {
    free(b->start);
    free(b->row);
    free(b->shift);
    *b = (qd_sparse_base){0};
}

static qd_sparse_code *code_alloc(uint32_t n, uint32_t m, uint32_t edges) {
    qd_sparse_code *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    *c = (qd_sparse_code){.n = n, .m = m, .edges = edges};
    c->row_start = calloc((size_t)m + 1, sizeof *c->row_start);
    c->col = calloc((size_t)edges + 1, sizeof *c->col);
    if (c->row_start && c->col) return c;
    qd_sparse_free(c);
    return NULL;
}

void qd_sparse_free(qd_sparse_code *c) {
    if (!c) return;
    free(c->row_start);
    free(c->col);
    free(c);
}

/* Columns come in order, so each row's are in order; the same twice stands side by side, if it stands there at all. */
static qd_status fill(const char *name, const qd_sparse_base *b, qd_sparse_code *c, qd_error *err) {
    const uint32_t none = UINT32_MAX;
    uint32_t *used = calloc(b->rows, sizeof *used), *last = malloc(b->rows * sizeof *last);
    qd_status st = used && last ? QD_OK : qd_fail(err, QD_E_INTERNAL, "%s: no memory for the code", name);
    for (uint32_t i = 0; i < b->rows && st == QD_OK; i++) last[i] = none;
    for (uint32_t j = 0; j < b->cols && st == QD_OK; j++)
        for (uint32_t e = b->start[j]; e < b->start[j + 1] && st == QD_OK; e++) {
            const uint32_t i = b->row[e];
            if (last[i] == j)
                st = qd_fail(err, QD_E_INPUT,
                             "%s: row %u of column %u (counted from 0) stands there twice||two entries at one place are none, or "
                             "another one|mend the file",
                             name, i, j);
            last[i] = j;
            for (uint32_t r = 0; r < b->z && st == QD_OK; r++)
                c->col[c->row_start[i * b->z + r] + used[i]] = j * b->z + (r + b->shift[e]) % b->z;
            used[i]++;
        }
    free(used);
    free(last);
    return st;
}

qd_status qd_sparse_lift(const char *name, const qd_sparse_base *b, qd_sparse_code **out, qd_error *err) {
    *out = NULL;
    if (b->rows >= b->cols)
        return qd_fail(err, QD_E_INPUT,
                       "%s: %u rows and %u columns||a syndrome as long as the frame leaves no key; are rows and columns "
                       "exchanged?|give a code with fewer rows than columns",
                       name, b->rows, b->cols);
    qd_sparse_code *c = code_alloc(b->cols * b->z, b->rows * b->z, b->entries * b->z);
    if (!c) return qd_fail(err, QD_E_INTERNAL, "%s: no memory for a code of %u edges", name, b->entries * b->z);
    c->rows = b->rows, c->cols = b->cols, c->z = b->z;
    for (uint32_t e = 0; e < b->entries; e++) c->row_start[(size_t)b->row[e] * b->z + 1]++;
    for (uint32_t i = 0; i < b->rows; i++)
        for (uint32_t r = 1; r < b->z; r++) c->row_start[(size_t)i * b->z + r + 1] = c->row_start[(size_t)i * b->z + 1];
    for (uint32_t r = 0; r < c->m; r++) c->row_start[r + 1] += c->row_start[r];
    qd_status st = fill(name, b, c, err);
    if (st == QD_OK)
        *out = c;
    else
        qd_sparse_free(c);
    return st;
}

/* ---- Rows added up -------------------------------------------------------------------------------------------------------- */

void qd_sparse_pairs_free(qd_sparse_pairs *p) {
    free(p->row);
    *p = (qd_sparse_pairs){0};
}

/* Columns that are in exactly one of two rows. Returns how many. */
static uint32_t add_rows(const qd_sparse_code *c, uint32_t a, uint32_t b, uint32_t *to) {
    uint32_t i = c->row_start[a], j = c->row_start[b], n = 0;
    while (i < c->row_start[a + 1] || j < c->row_start[b + 1]) {
        const uint32_t x = i < c->row_start[a + 1] ? c->col[i] : UINT32_MAX, y = j < c->row_start[b + 1] ? c->col[j] : UINT32_MAX;
        if (x != y) to[n++] = x < y ? x : y;
        i += x <= y;
        j += y <= x;
    }
    return n;
}

qd_status qd_sparse_combine(const qd_sparse_code *c, const qd_sparse_pairs *p, uint32_t n, qd_sparse_code **out, qd_error *err) {
    *out = NULL;
    if (n > p->n) return qd_fail(err, QD_E_USAGE, "%u pairs of rows cannot be added up||there are %u|take fewer", n, p->n);
    qd_sparse_code *d = code_alloc(c->n, c->m - n, c->edges);
    uint8_t *taken = calloc(c->m, 1);
    if (!d || !taken) {
        qd_sparse_free(d);
        free(taken);
        return qd_fail(err, QD_E_INTERNAL, "no memory for a code of %u edges", c->edges);
    }
    d->rows = c->rows, d->cols = c->cols, d->z = c->z, d->combined = c->combined + n;
    for (uint32_t k = 0; k < 2 * n; k++) taken[p->row[k]] = 1;
    uint32_t r = 0, e = 0;
    for (uint32_t i = 0; i < c->m; i++) {
        if (taken[i]) continue;
        const uint32_t degree = c->row_start[i + 1] - c->row_start[i];
        memcpy(d->col + e, c->col + c->row_start[i], degree * sizeof *d->col);
        d->row_start[++r] = e += degree;
    }
    for (uint32_t k = 0; k < n; k++) d->row_start[++r] = e += add_rows(c, p->row[2 * k], p->row[2 * k + 1], d->col + e);
    d->edges = e;
    free(taken);
    *out = d;
    return QD_OK;
}

/* ---- As text -------------------------------------------------------------------------------------------------------------- */

static char *put(char *at, uint32_t v, char behind) {
    char digits[10];
    int n = 0;
    do digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n) *at++ = digits[--n];
    *at++ = behind;
    return at;
}

/* The numbers of [from, to) in a line. */
static char *put_line(char *at, const uint32_t *from, const uint32_t *to, uint32_t more) {
    if (from == to) *at++ = '\n';
    for (; from < to; from++) at = put(at, *from + more, from + 1 < to ? ' ' : '\n');
    return at;
}

static uint32_t largest(const uint32_t *x, uint32_t n) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++) most = x[i] > most ? x[i] : most;
    return most;
}

char *qd_sparse_alist(const qd_sparse_code *c, size_t *bytes) {
    enum { DIGITS = 11 };
    uint32_t *row_degree = calloc(c->m, sizeof *row_degree), *degree = calloc(c->n, sizeof *degree),
             *start = calloc((size_t)c->n + 2, sizeof *start), *row = calloc((size_t)c->edges + 1, sizeof *row);
    char *text = malloc(((size_t)c->n + c->m + c->edges + 4) * 2 * DIGITS), *at = text;
    if (row_degree && degree && start && row && text) {
        for (uint32_t e = 0; e < c->edges; e++) degree[c->col[e]]++;
        for (uint32_t j = 0; j < c->n; j++) start[j + 2] = start[j + 1] + degree[j]; /* [j + 1] walks to the end of column j */
        for (uint32_t r = 0; r < c->m; r++) {
            row_degree[r] = c->row_start[r + 1] - c->row_start[r];
            for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) row[start[c->col[e] + 1]++] = r;
        }
        at = put(put(at, c->n, ' '), c->m, '\n');
        at = put(put(at, largest(degree, c->n), ' '), largest(row_degree, c->m), '\n');
        at = put_line(at, degree, degree + c->n, 0);
        at = put_line(at, row_degree, row_degree + c->m, 0);
        for (uint32_t j = 0; j < c->n; j++) at = put_line(at, row + start[j], row + start[j + 1], 1);
        for (uint32_t r = 0; r < c->m; r++) at = put_line(at, c->col + c->row_start[r], c->col + c->row_start[r + 1], 1);
        *bytes = (size_t)(at - text);
    } else {
        free(text);
        text = NULL;
    }
    free(row_degree);
    free(degree);
    free(start);
    free(row);
    return text;
}

void qd_sparse_syndrome(const qd_sparse_code *c, const qd_bits *frame, qd_bits *syndrome) {
    for (uint32_t r = 0; r < c->m; r++) {
        unsigned parity = 0;
        for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) parity ^= qd_bits_get(frame, c->col[e]);
        qd_bits_set(syndrome, r, parity);
    }
}
