/* SPDX-License-Identifier: Apache-2.0 */
/* The registry row of bit-sliced middle products. */
#include <stdlib.h>
#include <string.h>
#include "arith/sliced.h"

enum { KEY_LOG2N, KEY_COLS, KEY_ROWS, KEY_SEED, KEY_CONTENT, KEY_VARIANT, KEYS };
enum { RANDOM, ZEROS, ONES, LAST_ONE, FIRST_ONE, CONTENTS };

static const qd_key keys[KEYS] = {
    [KEY_LOG2N] = {"log2n", QD_SLICED_MIN_LOG2, QD_SLICED_MIN_LOG2, QD_SLICED_MAX_LOG2, "length 2^log2n of the transforms, in bits"},
    [KEY_COLS] = {"cols", 1000, 1, (uint64_t)1 << QD_SLICED_MAX_LOG2, "bits of the key"},
    [KEY_ROWS] = {"rows", 0, 0, (uint64_t)1 << QD_SLICED_MAX_LOG2, "bits of the product; 0: as many as the length allows"},
    [KEY_SEED] = {"seed", 1, 0, UINT64_MAX, "of the inputs"},
    [KEY_CONTENT] = {"content", RANDOM, 0, CONTENTS - 1, "0 random, 1 zeros, 2 ones, 3 a one at the end of both, 4 at their start"},
    [KEY_VARIANT] = {"variant", QD_SLICED_AUTO, 0, QD_SLICED_VARIANTS - 1, "0 by device, 1 a layer a launch (GPUs), 2 to 4 tiles of 128, 256, 512 lanes"},
};

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

static void destroy(void *state) {
    qd_sliced_case *c = state;
    if (!c) return;
    qd_bits_destroy(&c->window);
    qd_bits_destroy(&c->key);
    free(c);
}

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    uint64_t n = (uint64_t)1 << p->v[KEY_LOG2N], cols = p->v[KEY_COLS], rows = p->v[KEY_ROWS];
    if (!rows) rows = cols <= n ? n + 1 - cols : 0;
    if (cols > n || rows > n || rows + cols - 1 > n)
        return qd_fail(err, QD_E_USAGE, "sliced: cols=%llu, rows=%llu|rows + cols - 1 is above 2^%u||fewer of them, or a greater log2n", (unsigned long long)cols,
                       (unsigned long long)rows, (unsigned)p->v[KEY_LOG2N]);
    qd_sliced_case *c = calloc(1, sizeof *c);
    if (!c) return qd_fail(err, QD_E_INTERNAL, "inputs of a middle product|no memory");
    c->log2n = (unsigned)p->v[KEY_LOG2N];
    c->variant = (qd_sliced_variant)p->v[KEY_VARIANT];
    qd_status st;
    QD_TRY_OUT(st, qd_bits_create(&c->window, rows + cols - 1, err));
    QD_TRY_OUT(st, qd_bits_create(&c->key, cols, err));
    fill(&c->window, p->v[KEY_CONTENT], p->v[KEY_SEED]);
    fill(&c->key, p->v[KEY_CONTENT], p->v[KEY_SEED] ^ 0x8000000000000000u);
    *state = c;
    return QD_OK;
out:
    destroy(c);
    return st;
}

static uint64_t rows_of(const qd_sliced_case *c) { return c->window.n + 1 - c->key.n; }
static size_t output_bytes(const void *state) { return (size_t)qd_bits_words(rows_of(state)) * 8; }

static qd_status run(const qd_sliced_case *c, qd_device *dev, void *out, qd_error *err) {
    qd_bits y;
    QD_TRY(qd_bits_create(&y, rows_of(c), err));
    qd_status st = QD_OK;
    if (dev) st = qd_sliced_cl(dev, c->variant, c->log2n, &c->window, &c->key, &y, err);
    else qd_sliced_ref(&c->window, &c->key, &y);
    if (st == QD_OK) memcpy(out, y.w, output_bytes(c));
    qd_bits_destroy(&y);
    return st;
}
static qd_status reference(void *state, void *out, qd_error *err) { return run(state, NULL, out, err); }
static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) { return run(state, dev, out, err); }

static void cost(const void *state, qd_cost *cost) {
    const qd_sliced_case *c = state;
    double points = (double)((uint64_t)1 << (c->log2n - 4));
    *cost = (qd_cost){
        .bytes = (double)(c->window.n + c->key.n + rows_of(c)) / 8,
        .ops = 3 * (points / 2) * (c->log2n - 4) * 15, /* three transforms; a butterfly: some 480 operations on a bit of a 32-bit word */
        .units = (double)c->window.n,
        .unit = "bit",
    };
}

/* Widths begin at log2n = 14, 18, 20, 22; passes change their number at 14 to 17, 18, 20, 22 and every fourth from there; the change of basis goes beyond a
 * block from 21 on. */
static const char *const quick[] = {
    "sliced:cols=1", "sliced:cols=16384", "sliced:cols=16,rows=1", "sliced:cols=17,rows=16", "sliced:cols=32,rows=16353", "sliced:cols=2,rows=2",
    "sliced:cols=6145,variant=1", "sliced:cols=6145,content=1", "sliced:cols=6145,content=2", "sliced:cols=6145,content=3", "sliced:cols=6145,content=4",
    "sliced:log2n=15,cols=9999", "sliced:log2n=16,cols=24577,variant=1", "sliced:log2n=17,cols=65537,rows=65536", "sliced:log2n=18,cols=77777,rows=90",
    "sliced:log2n=18,cols=77,variant=2", "sliced:log2n=19,cols=1000", "sliced:log2n=20,cols=100,seed=3", "sliced:log2n=20,cols=1048000,rows=100",
    "sliced:log2n=21,cols=100,seed=4", "sliced:log2n=21,cols=2000001,rows=33,variant=1", "sliced:log2n=22,cols=4194301,rows=3",
    "sliced:log2n=22,cols=40,rows=4194000,variant=4", "sliced:log2n=23,cols=30", NULL};
static const char *const full[] = {
    "sliced:log2n=17,cols=65537,content=2", "sliced:log2n=18,cols=100001,variant=1", "sliced:log2n=19,cols=262144,variant=2", "sliced:log2n=20,cols=500000",
    "sliced:log2n=21,cols=30001,variant=1", "sliced:log2n=22,cols=20000,variant=2", "sliced:log2n=23,cols=8000,variant=4", "sliced:log2n=24,cols=4000",
    "sliced:log2n=24,cols=4000,variant=1", "sliced:log2n=25,cols=1000", "sliced:log2n=26,cols=500", "sliced:log2n=27,cols=200", "sliced:log2n=28,cols=100",
    "sliced:log2n=28,cols=100,variant=4", NULL};
static const char *const profile[] = {"sliced:log2n=16,cols=40960", "sliced:log2n=20,cols=655360,rows=393216", NULL};

const qd_op qd_sliced_op = {
    .name = "sliced",
    .summary = "middle product of polynomials over GF(2), bit-sliced",
    .keys = keys,
    .n_keys = KEYS,
    .selftest = "sliced:log2n=18,cols=3001,rows=60001,seed=7",
    .cases_quick = quick,
    .cases_full = full,
    .cases_profile = profile,
    .create = create,
    .destroy = destroy,
    .output_bytes = output_bytes,
    .reference = reference,
    .device = device,
    .cost = cost,
};
