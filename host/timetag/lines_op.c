/* SPDX-License-Identifier: Apache-2.0 */
/* The registry row `lines`. */
#include <math.h>
#include <stdlib.h>
#include "timetag/lines.h"

enum { KEY_LEAVES, KEY_GROUP, KEY_BLOCKS, KEY_MEAN, KEY_RANGE, KEY_CONTENT, KEY_SEED, KEYS };
enum { RANDOM, CONSTANT, LARGEST, SPARSE, EMPTY_A, CONTENTS };

static const qd_key keys[KEYS] = {
    [KEY_LEAVES] = {"leaves", 8, 1, QD_LINES_LEAVES_MAX, "of A, a power of two"},
    [KEY_GROUP] = {"group", 1, 1, 1024, "slices of 2048 bins in a leaf, a power of two"},
    [KEY_BLOCKS] = {"blocks", 2, 1, 1 << 16, "of 2048 lags"},
    [KEY_MEAN] = {"mean", 0, 0, QD_LINES_PRIME / 2, "subtracted from each leaf"},
    [KEY_RANGE] = {"range", 2, 0, QD_LINES_BIN_MAX, "bins of contents 0 and 3 lie between -range and range"},
    [KEY_CONTENT] = {"content", RANDOM, 0, CONTENTS - 1,
                     "0 random with a line, 1 all one, 2 all +-127, 3 one bin in 64, 4 A empty"},
    [KEY_SEED] = {"seed", 1, 0, UINT64_MAX, "of the inputs"},
};

static void destroy(void *state) {
    qd_lines_state *s = state;
    if (!s) return;
    free(s->a);
    free(s->b);
    free(s);
}

static int8_t bin(const qd_problem *p, uint64_t i, uint64_t side) {
    uint32_t w[4];
    int32_t range = (int32_t)p->v[KEY_RANGE];
    qd_philox(p->v[KEY_SEED], QD_STREAM_TEST, i, side, w);
    int32_t v = (int32_t)(w[0] % (2 * (uint32_t)range + 1)) - range;
    switch (p->v[KEY_CONTENT]) {
        case CONSTANT:
            return 1;
        case LARGEST:
            return w[1] & 1 ? QD_LINES_BIN_MAX : -QD_LINES_BIN_MAX;
        case SPARSE:
            return w[1] % 64 ? 0 : (int8_t)v;
        case EMPTY_A:
            return side == 1 ? 0 : (int8_t)v;
        default:
            return (int8_t)v;
    }
}

/* Random contents: every fourth bin of B is one of A's, later by a third of the lags, and by one bin more every second leaf. */
static void fill(const qd_problem *p, qd_lines_state *s) {
    const qd_lines_case *c = &s->c;
    size_t na = qd_lines_a(c), nb = qd_lines_b(c), leaf = (size_t)c->group * QD_LINES_SLICE;
    for (size_t i = 0; i < na; i++) s->a[i] = bin(p, i, 1);
    for (size_t i = 0; i < nb; i++) s->b[i] = bin(p, i, 2);
    if (p->v[KEY_CONTENT] != RANDOM) return;
    for (size_t i = 0; i < na; i += 4) {
        size_t to = i + QD_LINES_MARGIN + qd_lines_lags(c) / 3 + i / (2 * leaf);
        if (to < nb) s->b[to] = s->a[i];
    }
}

static bool power_of_two(uint64_t x) {
    return (x & (x - 1)) == 0;
}

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    const uint64_t *v = p->v;
    if (!power_of_two(v[KEY_LEAVES]) || !power_of_two(v[KEY_GROUP]) || v[KEY_LEAVES] * v[KEY_GROUP] > 1 << 14)
        return qd_fail(err, QD_E_USAGE,
                       "lines: %llu leaves of %llu slices||both are powers of two, their product at most 2^14|choose others",
                       (unsigned long long)v[KEY_LEAVES], (unsigned long long)v[KEY_GROUP]);
    qd_lines_state *s = calloc(1, sizeof *s);
    if (!s) return qd_fail(err, QD_E_INTERNAL, "no memory for a problem of lines");
    s->c = (qd_lines_case){.leaves = (uint32_t)v[KEY_LEAVES],
                           .group = (uint32_t)v[KEY_GROUP],
                           .blocks = (uint32_t)v[KEY_BLOCKS],
                           .mean = (int32_t)v[KEY_MEAN]};
    s->a = malloc(qd_lines_a(&s->c) * sizeof *s->a);
    s->b = malloc(qd_lines_b(&s->c) * sizeof *s->b);
    if (!s->a || !s->b) {
        destroy(s);
        return qd_fail(err, QD_E_INTERNAL, "no memory for a problem of lines");
    }
    fill(p, s);
    s->c.a = s->a;
    s->c.b = s->b;
    *state = s;
    return QD_OK;
}

static size_t output_bytes(const void *state) {
    return qd_lines_words(&((const qd_lines_state *)state)->c) * sizeof(int32_t);
}
static qd_status reference(void *state, void *out, qd_error *err) {
    return qd_lines_ref(&((qd_lines_state *)state)->c, out, err);
}
static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) {
    return qd_lines_cl(&((qd_lines_state *)state)->c, dev, out, err);
}

/* A leaf's lag: a butterfly of 8 operations for each of 12 layers over two coefficients, group products of 8; one addition for
 * each of the slopes' passes. Bins in, five words a lag out. */
static void cost(const void *state, qd_cost *cost) {
    const qd_lines_case *c = &((const qd_lines_state *)state)->c;
    double lags = (double)c->leaves * (double)qd_lines_lags(c);
    *cost = (qd_cost){.bytes = (double)(qd_lines_a(c) + qd_lines_b(c)) + 20.0 * (double)qd_lines_lags(c),
                      .ops = lags * (12 * 8 + 2 * 8.0 * c->group + log2(c->leaves + 1.0)),
                      .units = lags,
                      .unit = "lag"};
}

static const char *const quick[] = {"lines",
                                    "lines:leaves=1,blocks=1",
                                    "lines:leaves=2,blocks=1,content=1",
                                    "lines:leaves=4,blocks=3,group=2",
                                    "lines:leaves=8,blocks=5,mean=100",
                                    "lines:leaves=16,blocks=1,range=1",
                                    "lines:leaves=32,blocks=1,range=7,mean=6144",
                                    "lines:content=2,blocks=1",
                                    "lines:content=3,range=100,blocks=1",
                                    "lines:content=4,blocks=1",
                                    "lines:leaves=1,group=8,blocks=1,content=2",
                                    "lines:range=0,blocks=1",
                                    NULL};
static const char *const full[] = {"lines:leaves=64,blocks=2", "lines:leaves=128,blocks=1,range=1",
                                   "lines:leaves=16,group=4,blocks=9", NULL};
static const char *const profile[] = {"lines:leaves=32,group=2,blocks=8", "lines:leaves=128,blocks=4", NULL};

const qd_op qd_lines_op = {
    .name = "lines",
    .summary = "slices of two stations' bins correlated, summed along every slope",
    .keys = keys,
    .n_keys = KEYS,
    .selftest = "lines:leaves=2,blocks=1,seed=5",
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
