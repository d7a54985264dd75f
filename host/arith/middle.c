/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs of the registry rows of middle products. */
#include "arith/middle.h"

#include <stdlib.h>
#include <string.h>

enum { RANDOM, ZEROS, ONES, LAST_ONE, FIRST_ONE };

static void fill(qd_bits *b, uint64_t content, uint64_t seed) {
    for (uint64_t i = 0; i < qd_bits_words(b->n); i++) {
        uint32_t d[4];
        qd_philox(seed, QD_STREAM_TEST, i, 0, d);
        b->w[i] = content == RANDOM ? (uint64_t)d[1] << 32 | d[0] : content == ONES ? UINT64_MAX : 0;
    }
    if (b->n % 64) b->w[b->n / 64] &= ((uint64_t)1 << b->n % 64) - 1;
    if (content == LAST_ONE) qd_bits_set(b, b->n - 1, 1);
    if (content == FIRST_ONE) qd_bits_set(b, 0, 1);
}

void qd_middle_destroy(void *state) {
    qd_middle_case *c = state;
    if (!c) return;
    qd_bits_destroy(&c->window);
    qd_bits_destroy(&c->key);
    free(c);
}

qd_status qd_middle_create(const qd_problem *p, void **state, qd_error *err) {
    const uint64_t *v = p->v, n = (uint64_t)1 << v[QD_MIDDLE_LOG2N], cols = v[QD_MIDDLE_COLS], fit = cols <= n ? n + 1 - cols : 0,
                   rows = v[QD_MIDDLE_ROWS] ? v[QD_MIDDLE_ROWS] : fit;
    if (!rows || rows > fit)
        return qd_fail(err, QD_E_USAGE, "%s: cols=%llu, rows=%llu|rows + cols - 1 is above 2^%u||fewer of them, or a greater log2n", p->op->name,
                       (unsigned long long)cols, (unsigned long long)rows, (unsigned)v[QD_MIDDLE_LOG2N]);
    qd_middle_case *c = calloc(1, sizeof *c);
    if (!c) return qd_fail(err, QD_E_INTERNAL, "inputs of a middle product|no memory");
    c->log2n = (unsigned)v[QD_MIDDLE_LOG2N];
    c->variant = (unsigned)v[QD_MIDDLE_VARIANT];
    qd_status st;
    QD_TRY_OUT(st, qd_bits_create(&c->window, rows + cols - 1, err));
    QD_TRY_OUT(st, qd_bits_create(&c->key, cols, err));
    fill(&c->window, v[QD_MIDDLE_CONTENT], v[QD_MIDDLE_SEED]);
    fill(&c->key, v[QD_MIDDLE_CONTENT], v[QD_MIDDLE_SEED] ^ 0x8000000000000000u);
    *state = c;
    return QD_OK;
out:
    qd_middle_destroy(c);
    return st;
}

static uint64_t rows_of(const qd_middle_case *c) {
    return c->window.n + 1 - c->key.n;
}

size_t qd_middle_output_bytes(const void *state) {
    return (size_t)qd_bits_words(rows_of(state)) * 8;
}

/* @p path NULL: the reference. */
static qd_status run(qd_middle_path *path, const qd_middle_case *c, qd_device *dev, void *out, qd_error *err) {
    qd_bits y;
    qd_status st = QD_OK;
    QD_TRY(qd_bits_create(&y, rows_of(c), err));
    if (path) st = path(dev, c->variant, c->log2n, &c->window, &c->key, &y, err);
    else qd_middle_ref(&c->window, &c->key, &y);
    if (st == QD_OK) memcpy(out, y.w, qd_middle_output_bytes(c));
    qd_bits_destroy(&y);
    return st;
}

qd_status qd_middle_reference(void *state, void *out, qd_error *err) {
    return run(NULL, state, NULL, out, err);
}

qd_status qd_middle_device(qd_middle_path *path, const void *state, qd_device *dev, void *out, qd_error *err) {
    return run(path, state, dev, out, err);
}

void qd_middle_put(qd_bits *dst, uint64_t to, const qd_bits *src) {
    const uint64_t shift = to % 64, at = to / 64, words = qd_bits_words(src->n), all = qd_bits_words(dst->n);
    uint64_t before = 0;
    memset(dst->w, 0, (size_t)at * 8);
    for (uint64_t i = 0; i < words; i++) {
        dst->w[at + i] = src->w[i] << shift | before;
        before = shift ? src->w[i] >> (64 - shift) : 0;
    }
    if (at + words < all) dst->w[at + words] = before;
    if (at + words + 1 < all) memset(dst->w + at + words + 1, 0, (size_t)(all - at - words - 1) * 8);
}

void qd_middle_take(qd_bits *dst, const qd_bits *src, uint64_t from) {
    const uint64_t shift = from % 64, at = from / 64, words = qd_bits_words(src->n);
    for (uint64_t i = 0; i < qd_bits_words(dst->n); i++) {
        const uint64_t above = shift && at + i + 1 < words ? src->w[at + i + 1] << (64 - shift) : 0;
        dst->w[i] = src->w[at + i] >> shift | above;
    }
}

void qd_middle_cost(const void *state, double ops, qd_cost *cost) {
    const qd_middle_case *c = state;
    *cost = (qd_cost){
        .bytes = (double)(c->window.n + c->key.n + rows_of(c)) / 8,
        .ops = ops,
        .units = (double)c->window.n,
        .unit = "bit",
    };
}
