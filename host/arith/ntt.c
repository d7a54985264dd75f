/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls (a device or the reference), and the registry row. */
#include <stdlib.h>
#include <string.h>
#include "arith/ntt.h"

static qd_status check(const uint32_t *a, const uint32_t *b, unsigned log2n, qd_error *err) {
    if (log2n > QD_NTT_MAX_LOG2)
        return qd_fail(err, QD_E_USAGE, "transform of 2^%u words|the prime 15*2^27+1 has lengths up to 2^%d||split the sequence", log2n,
                       QD_NTT_MAX_LOG2);
    for (size_t i = 0; i < (size_t)1 << log2n; i++)
        if (a[i] >= QD_NTT_PRIME || b[i] >= QD_NTT_PRIME)
            return qd_fail(err, QD_E_USAGE, "transform of 2^%u words|word %zu is not below 15*2^27+1||reduce the words first", log2n, i);
    return QD_OK;
}

static qd_status convolve(qd_device *dev, qd_ntt_variant variant, const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out,
                          qd_error *err) {
    if (!dev) return qd_ntt_ref_convolve(a, b, log2n, out, err);
    if (log2n >= QD_NTT_MIN_LOG2) return qd_ntt_cl_convolve(dev, variant, a, b, log2n, out, err);
    /* Shorter than the shortest transform: the product of length 32 does not wrap; wrap it here. */
    enum { N = 1 << QD_NTT_MIN_LOG2 };
    uint32_t x[N] = {0}, y[N] = {0}, n = (uint32_t)1 << log2n;
    for (uint32_t i = 0; i < n; i++) x[i] = a[i], y[i] = b[i];
    QD_TRY(qd_ntt_cl_convolve(dev, variant, x, y, QD_NTT_MIN_LOG2, x, err));
    for (uint32_t i = 0; i < n; i++) out[i] = 0;
    for (uint32_t i = 0; i < N; i++) out[i % n] = (uint32_t)(((uint64_t)out[i % n] + x[i]) % QD_NTT_PRIME);
    return QD_OK;
}

qd_status qd_ntt_convolve(qd_device *dev, const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out, qd_error *err) {
    QD_TRY(check(a, b, log2n, err));
    return convolve(dev, QD_NTT_AUTO, a, b, log2n, out, err);
}

/* Correlation is the convolution of b with a read backwards. */
static qd_status correlate(qd_device *dev, qd_ntt_variant variant, const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out,
                           qd_error *err) {
    size_t n = (size_t)1 << log2n;
    uint32_t *back = qd_secret_alloc(n * sizeof *back);
    if (!back) return qd_fail(err, QD_E_INTERNAL, "correlation of 2^%u words|no memory||use a shorter length", log2n);
    for (size_t i = 0; i < n; i++) back[(n - i) & (n - 1)] = a[i];
    qd_status st = convolve(dev, variant, back, b, log2n, out, err);
    qd_secret_free(back);
    return st;
}

qd_status qd_ntt_correlate(qd_device *dev, const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out, qd_error *err) {
    QD_TRY(check(a, b, log2n, err));
    return correlate(dev, QD_NTT_AUTO, a, b, log2n, out, err);
}

/* ---- Registry row ------------------------------------------------------------------------------------------------ */

enum { KEY_LOG2N, KEY_SEED, KEY_CONTENT, KEY_CORRELATE, KEY_VARIANT, KEYS };
enum { RANDOM, BITS, ZERO, LARGEST, LAST_ONE, CONTENTS };

static const qd_key keys[KEYS] = {
    [KEY_LOG2N] = {"log2n", 12, 0, QD_NTT_MAX_LOG2, "length 2^log2n"},
    [KEY_SEED] = {"seed", 1, 0, UINT64_MAX, "of the inputs"},
    [KEY_CONTENT] = {"content", RANDOM, 0, CONTENTS - 1, "0 residues, 1 bits, 2 zeros, 3 all p-1, 4 a one at the end"},
    [KEY_CORRELATE] = {"correlate", 0, 0, 1, "1: cross-correlation"},
    [KEY_VARIANT] = {"variant", QD_NTT_AUTO, 0, QD_NTT_VARIANTS - 1, "0 by device, 1 lanes of 8, 2 lanes of 16, 3 work-groups"},
};

static uint32_t content_word(uint64_t content, uint64_t seed, uint64_t i, uint64_t n) {
    uint32_t d[4];
    switch (content) {
        case ZERO: return 0;
        case LARGEST: return QD_NTT_PRIME - 1;
        case LAST_ONE: return i == n - 1;
        default:
            qd_philox(seed, QD_STREAM_TEST, i / 4, 0, d);
            return content == BITS ? d[i % 4] & 1u : (uint32_t)((uint64_t)d[i % 4] * QD_NTT_PRIME >> 32);
    }
}

static void destroy(void *state) {
    qd_ntt_case *c = state;
    if (!c) return;
    free(c->a);
    free(c->b);
    free(c);
}

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    qd_ntt_case *c = calloc(1, sizeof *c);
    size_t n = (size_t)1 << p->v[KEY_LOG2N];
    if (c) {
        *c = (qd_ntt_case){.log2n = (unsigned)p->v[KEY_LOG2N],
                           .correlate = (int)p->v[KEY_CORRELATE],
                           .variant = (qd_ntt_variant)p->v[KEY_VARIANT],
                           .a = malloc(n * sizeof *c->a),
                           .b = malloc(n * sizeof *c->b)};
    }
    if (!c || !c->a || !c->b) {
        destroy(c);
        return qd_fail(err, QD_E_INTERNAL, "inputs of a transform of 2^%u words|no memory||use a shorter length",
                       (unsigned)p->v[KEY_LOG2N]);
    }
    for (size_t i = 0; i < n; i++) {
        c->a[i] = content_word(p->v[KEY_CONTENT], p->v[KEY_SEED], i, n);
        c->b[i] = content_word(p->v[KEY_CONTENT], p->v[KEY_SEED] ^ 0x8000000000000000u, i, n);
    }
    *state = c;
    return QD_OK;
}

static size_t output_bytes(const void *state) { return sizeof(uint32_t) << ((const qd_ntt_case *)state)->log2n; }

static qd_status run(const qd_ntt_case *c, qd_device *dev, void *out, qd_error *err) {
    return (c->correlate ? correlate : convolve)(dev, c->variant, c->a, c->b, c->log2n, out, err);
}
static qd_status reference(void *state, void *out, qd_error *err) { return run(state, NULL, out, err); }
static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) { return run(state, dev, out, err); }

static void cost(const void *state, qd_cost *cost) {
    const qd_ntt_case *c = state;
    double n = (double)((size_t)1 << c->log2n);
    *cost = (qd_cost){
        .bytes = 12 * n,                       /* two inputs read, one output written */
        .ops = 3 * (n / 2) * c->log2n * 8 + n, /* a butterfly: three products, five additions and minima */
        .units = n,
        .unit = "word",
    };
}

/* Layers are log2n - 3 (blocks of 8) or - 4 (blocks of 16), passes at most 8 layers: the number of passes changes between
 * log2n = 11 and 12, 12 and 13, 19 and 20, 20 and 21. */
static const char *const quick[] = {
    "ntt:log2n=0", "ntt:log2n=1", "ntt:log2n=2", "ntt:log2n=3", "ntt:log2n=3,correlate=1", "ntt:log2n=4,variant=1", "ntt:log2n=4,variant=2",
    "ntt:log2n=4,variant=3", "ntt:log2n=5,variant=1", "ntt:log2n=5,variant=2", "ntt:log2n=5,variant=3", "ntt:log2n=6,variant=1",
    "ntt:log2n=7,variant=2", "ntt:log2n=8,variant=3,correlate=1", "ntt:log2n=9,variant=1,content=3", "ntt:log2n=10,variant=2,content=3",
    "ntt:log2n=11,variant=1", "ntt:log2n=11,variant=3", "ntt:log2n=12,variant=1", "ntt:log2n=12,variant=2", "ntt:log2n=12,variant=3",
    "ntt:log2n=13,variant=2", "ntt:log2n=13,variant=1,content=1,correlate=1", "ntt:log2n=14,content=2", "ntt:log2n=14,content=3",
    "ntt:log2n=14,content=4", "ntt:log2n=14,content=3,variant=3", "ntt:log2n=17,seed=7", NULL};
static const char *const full[] = {"ntt:log2n=15,variant=1", "ntt:log2n=15,variant=2", "ntt:log2n=16,variant=3,correlate=1", "ntt:log2n=18,variant=1",
                                   "ntt:log2n=19,variant=1", "ntt:log2n=19,variant=3", "ntt:log2n=20,variant=1", "ntt:log2n=20,variant=2",
                                   "ntt:log2n=20,variant=3", "ntt:log2n=21,variant=1,content=3", "ntt:log2n=21,variant=2", "ntt:log2n=22,seed=3",
                                   NULL};
static const char *const profile[] = {"ntt:log2n=16", "ntt:log2n=20", "ntt:log2n=22", NULL};

const qd_op qd_ntt_op = {
    .name = "ntt",
    .summary = "cyclic product of two sequences modulo 15*2^27+1",
    .keys = keys,
    .n_keys = KEYS,
    .selftest = "ntt:log2n=14,seed=5",
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
