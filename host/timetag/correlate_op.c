/* SPDX-License-Identifier: Apache-2.0 */
/* The registry row `correlate`. */
#include <math.h>
#include <stdlib.h>
#include "timetag/correlate.h"

enum { KEY_SLICES, KEY_BINS, KEY_HALF, KEY_SLOPES, KEY_BIN, KEY_MEAN, KEY_CONTENT, KEY_SEED, KEYS };
enum { POISSON, ALL_IN_ONE, EMPTY_A, NO_EDGES, EQUAL, CONTENTS };

static const qd_key keys[KEYS] = {
    [KEY_SLICES] = {"slices", 4, 1, 4096, "of A"},
    [KEY_BINS] = {"bins", 1000, 1, 1 << 22, "of a slice"},
    [KEY_HALF] = {"lags", 300, 0, 1 << 24, "on either side of 0"},
    [KEY_SLOPES] = {"slopes", 3, 0, 4096, "on either side of 0"},
    [KEY_BIN] = {"bin", 80000, 1, (uint64_t)1 << 32, "ticks of a bin"},
    [KEY_MEAN] = {"permille", 300, 0, 100000, "mean events of a bin, in a thousand"},
    [KEY_CONTENT] = {"content", POISSON, 0, CONTENTS - 1,
                     "0 random with a peak, 1 all of B in one bin, 2 A empty, 3 B ends inside, 4 one event a bin"},
    [KEY_SEED] = {"seed", 1, 0, UINT64_MAX, "of the inputs"},
};

static void destroy(void *state) {
    qd_correlate_state *s = state;
    if (!s) return;
    free(s->a);
    free(s->b);
    free(s);
}

static int order(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

/* A: uniform over its slices. B: every second event follows one of A by a third of the lags and a slope, the others are uniform
 * over its span. */
static void fill(const qd_problem *p, qd_correlate_state *s) {
    qd_correlate_case *c = &s->c;
    int64_t span = (int64_t)c->slices * c->slice_bins * c->bin, edge = (int64_t)(qd_correlate_row(c) / 2) * c->bin;
    uint64_t content = p->v[KEY_CONTENT];
    for (uint64_t i = 0; i < c->na; i++) {
        uint32_t w[4];
        qd_philox(p->v[KEY_SEED], QD_STREAM_TEST, i, 1, w);
        uint64_t r = (uint64_t)w[0] << 32 | w[1];
        s->a[i] = c->start + (content == EQUAL ? (int64_t)i * c->bin : (int64_t)(((unsigned __int128)r * (uint64_t)span) >> 64));
    }
    qsort(s->a, c->na, sizeof *s->a, order);
    for (uint64_t i = 0; i < c->nb; i++) {
        uint32_t w[4];
        qd_philox(p->v[KEY_SEED], QD_STREAM_TEST, i, 2, w);
        uint64_t r = (uint64_t)w[0] << 32 | w[1];
        int64_t from = content == NO_EDGES ? c->start + span / 5 : c->start - edge,
                length = content == NO_EDGES ? span / 2 : span + 2 * edge;
        s->b[i] = from + (int64_t)(((unsigned __int128)r * (uint64_t)(length > 0 ? length : 1)) >> 64);
        if (content == ALL_IN_ONE) s->b[i] = c->start + span / 2;
        if (content == EQUAL) s->b[i] = c->start - edge + (int64_t)i * c->bin;
        if (content == POISSON && w[2] % 2 && i < c->na)
            s->b[i] = s->a[i] + (int64_t)(c->half / 3) * c->bin + (s->a[i] - c->start) / c->slice_bins;
    }
    qsort(s->b, c->nb, sizeof *s->b, order);
}

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    qd_correlate_state *s = calloc(1, sizeof *s);
    if (!s) return qd_fail(err, QD_E_INTERNAL, "no memory for a problem of correlate");
    qd_correlate_case *c = &s->c;
    *c = (qd_correlate_case){.start = 123456789,
                             .bin = (int64_t)p->v[KEY_BIN],
                             .slices = (uint32_t)p->v[KEY_SLICES],
                             .slice_bins = (uint32_t)p->v[KEY_BINS],
                             .half = (uint32_t)p->v[KEY_HALF],
                             .slopes = (uint32_t)p->v[KEY_SLOPES],
                             .fill_num = (uint32_t)p->v[KEY_MEAN],
                             .fill_den = 1000};
    double bins = (double)c->slices * c->slice_bins, span = (double)qd_correlate_span(c),
           words = (double)c->slices * qd_correlate_row(c);
    uint64_t content = p->v[KEY_CONTENT], mean = p->v[KEY_MEAN];
    double events = bins * (double)mean / 1000, of_b = (bins + qd_correlate_row(c)) * (double)mean / 1000;
    bool bad = events >= QD_CORRELATE_EVENTS || events / c->slices * 1.1 + 1000 >= QD_CORRELATE_SLICE_EVENTS || of_b > 1 << 26 ||
               span > 1 << 27 || words > 1 << 27 || bins * (double)c->bin > 0x1p60;
    if (bad) {
        destroy(s);
        return qd_fail(err, QD_E_USAGE,
                       "correlate: %.3g events of A, %.3g bins of B a slice, %.3g words of lags||limits are 2^24 (2^22 a slice), "
                       "2^27 and 2^27",
                       events, span, words);
    }
    c->na = content == EMPTY_A ? 0 : content == EQUAL ? (uint64_t)bins : (uint64_t)events;
    c->nb = content == EQUAL ? (uint64_t)(bins + qd_correlate_row(c)) : (uint64_t)of_b;
    c->data_from = content == NO_EDGES ? (int64_t)bins / 5 : -(int64_t)(qd_correlate_row(c) / 2);
    c->data_to = content == NO_EDGES ? (int64_t)bins * 7 / 10 : (int64_t)bins + qd_correlate_row(c) / 2;
    s->a = malloc((c->na + 1) * sizeof *s->a);
    s->b = malloc((c->nb + 1) * sizeof *s->b);
    if (!s->a || !s->b) {
        destroy(s);
        return qd_fail(err, QD_E_INTERNAL, "no memory for a problem of correlate");
    }
    fill(p, s);
    c->a = s->a;
    c->b = s->b;
    *state = s;
    return QD_OK;
}

static size_t output_bytes(const void *state) {
    return qd_correlate_words(&((const qd_correlate_state *)state)->c, true) * sizeof(uint32_t);
}
static qd_status reference(void *state, void *out, qd_error *err) {
    return qd_correlate_ref(&((qd_correlate_state *)state)->c, true, out, err);
}
static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) {
    return qd_correlate_cl(&((qd_correlate_state *)state)->c, true, dev, out, err);
}

static void cost(const void *state, qd_cost *cost) {
    const qd_correlate_case *c = &((const qd_correlate_state *)state)->c;
    double n = 1, lags = (double)c->slices * qd_correlate_row(c);
    while (n < qd_correlate_span(c)) n *= 2;
    *cost = (qd_cost){
        .bytes = 8 * (double)(c->na + c->nb) + 4 * lags,
        .ops = c->slices * (3 * (n / 2) * log2(n) * 8 + n) +
               2 * lags * (2 * c->slopes + 1), /* transforms as in the row ntt; sums of lines */
        .units = lags,
        .unit = "lag",
    };
}

static const char *const quick[] = {"correlate",
                                    "correlate:slices=1,bins=1,lags=0,slopes=0",
                                    "correlate:slices=1,bins=1,lags=1,slopes=1,permille=2000",
                                    "correlate:slices=3,bins=7,lags=3,slopes=5,permille=900",
                                    "correlate:slices=2,bins=64,lags=4,slopes=0",
                                    "correlate:slices=1,bins=1000,lags=11,slopes=0",
                                    "correlate:slices=5,bins=1013,lags=503,slopes=4",
                                    "correlate:slices=8,bins=400,lags=1000,slopes=9",
                                    "correlate:content=1",
                                    "correlate:content=1,permille=2000",
                                    "correlate:content=2",
                                    "correlate:content=3",
                                    "correlate:content=3,permille=3000,slices=7",
                                    "correlate:content=4",
                                    "correlate:permille=20000,slices=2,bins=500",
                                    "correlate:bin=1,bins=512,lags=100",
                                    "correlate:permille=0",
                                    NULL};
static const char *const full[] = {"correlate:slices=8,bins=20000,lags=12000,slopes=5,permille=100",
                                   "correlate:slices=16,bins=5000,lags=30000,slopes=9,permille=30", NULL};
static const char *const profile[] = {"correlate:slices=8,bins=50000,lags=32000,slopes=5,permille=200",
                                      "correlate:slices=8,bins=50000,lags=100000,slopes=5,permille=1000", NULL};

const qd_op qd_correlate_op = {
    .name = "correlate",
    .summary = "lags of two stations' tags, and their sums along slopes",
    .keys = keys,
    .n_keys = KEYS,
    .selftest = "correlate:slices=3,bins=300,lags=100,seed=5",
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
