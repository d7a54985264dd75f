/* SPDX-License-Identifier: Apache-2.0 */
/* The registry row `coincide`. */
#include <stdlib.h>
#include <string.h>
#include "timetag/coincide.h"

enum { KEY_N, KEY_GAP, KEY_PAIRS, KEY_REACH, KEY_CONTENT, KEY_FREQ, KEY_FROM, KEY_SEED, KEY_VARIANT, KEY_EACH, KEY_STEP, KEYS };
enum { POISSON, EQUAL_TIMES, TIES, GAPS, DENSE, ONE_SIDE, CONTENTS };

static const qd_key keys[KEYS] = {
    [KEY_N] = {"n", 4096, 0, (uint64_t)1 << 28, "events of each side"},
    [KEY_GAP] = {"gap", 256000, 1, (uint64_t)1 << 40, "mean ticks between events of a side"},
    [KEY_PAIRS] = {"permille", 100, 0, 1000, "events of A that have a partner, in a thousand"},
    [KEY_REACH] = {"reach", 127, 0, QD_COINCIDE_REACH_MAX, "greatest distance of a pair, ticks"},
    [KEY_CONTENT] = {"content", POISSON, 0, CONTENTS - 1,
                     "0 random, 1 equal times, 2 ties, 3 gaps of 2^31 ticks, 4 windows overlap, 5 B empty"},
    [KEY_FREQ] = {"freq", 0, 0, (uint64_t)1 << 33, "clock's frequency + 2^32, in 2^-44; 0: 10 ppm"},
    [KEY_FROM] = {"from", 0, 0, (uint64_t)1 << 28, "first event of A whose pairs are wanted"},
    [KEY_SEED] = {"seed", 1, 0, UINT64_MAX, "of the inputs"},
    [KEY_VARIANT] = {"variant", QD_COINCIDE_AUTO, 0, QD_COINCIDE_VARIANTS - 1,
                     "0 by device, 1 lanes, 2 one work-item an event, 3 lanes in portable form"},
    [KEY_EACH] = {"each", 0, 0, QD_COINCIDE_EACH_MAX, "displaced windows on each side"},
    [KEY_STEP] = {"step", 20000, 1, (uint64_t)1 << 40, "of their displacement, ticks"},
};

/* Gap before event i of a stream: uniform in 0 .. 2 mean, or what the content asks for. */
static int64_t gap_of(const qd_problem *p, uint32_t stream, uint64_t i) {
    uint32_t w[4];
    qd_philox(p->v[KEY_SEED], QD_STREAM_TEST, i, stream, w);
    uint64_t mean = p->v[KEY_GAP], r = (uint64_t)w[0] << 32 | w[1];
    switch (p->v[KEY_CONTENT]) {
        case EQUAL_TIMES:
            return w[0] % 16 ? 0 : (int64_t)(r % (2 * mean + 1));
        case TIES:
            return (int64_t)(w[0] % 4) * ((int64_t)p->v[KEY_REACH] / 2 + 1);
        case GAPS:
            return w[0] % 64 ? (int64_t)(r % (2 * mean + 1)) : ((int64_t)1 << 31) + (int64_t)(r % (2 * mean + 1));
        case DENSE:
            return (int64_t)(w[0] % ((uint32_t)p->v[KEY_REACH] + 2));
        default:
            return (int64_t)(r % (2 * mean + 1));
    }
}

static void destroy(void *state) {
    qd_coincide_state *s = state;
    if (!s) return;
    free(s->a);
    free(s->b);
    free(s);
}

static int order(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

/* B's event i: a partner of A's event i within about the reach (so that some lie just outside), or an event of its own. */
static void fill(const qd_problem *p, qd_coincide_state *s) {
    uint64_t n = p->v[KEY_N], reach = p->v[KEY_REACH];
    int64_t own = 0;
    for (uint64_t i = 0; i < n; i++) s->a[i] = (i ? s->a[i - 1] : 1000) + gap_of(p, 1, i);
    for (uint64_t i = 0; i < s->c.nb; i++) {
        uint32_t w[4];
        qd_philox(p->v[KEY_SEED], QD_STREAM_TEST, i, 3, w);
        own += gap_of(p, 2, i);
        bool partner = w[0] % 1000 < p->v[KEY_PAIRS];
        int64_t at = partner ? s->a[i] + (int64_t)(w[1] % (2 * reach + 3)) - (int64_t)reach - 1 : own;
        /* Back on B's clock, to within a tick. */
        s->b[i] = at - s->c.clock.offset - qd_clock_drift(at - s->c.clock.base, s->c.clock.freq);
    }
    qsort(s->b, s->c.nb, sizeof *s->b, order);
}

/* Events of A, of those that are asked for, with any event of B within the reach: no more can have a partner. */
static uint64_t room_of(const qd_coincide_case *c) {
    uint64_t room = 0, j = 0;
    for (uint64_t i = c->from; i < c->to; i++) {
        while (j < c->nb && qd_clock_apply(&c->clock, c->b[j]) < c->a[i] - c->reach) j++;
        room += j < c->nb && qd_clock_apply(&c->clock, c->b[j]) <= c->a[i] + c->reach;
    }
    return room;
}

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    qd_coincide_state *s = calloc(1, sizeof *s);
    uint64_t n = p->v[KEY_N];
    if (p->v[KEY_FROM] > n) {
        free(s);
        return qd_fail(err, QD_E_USAGE, "coincide: from=%llu is beyond n=%llu", (unsigned long long)p->v[KEY_FROM],
                       (unsigned long long)n);
    }
    if (s) {
        s->a = malloc((n + 1) * sizeof *s->a);
        s->b = malloc((n + 1) * sizeof *s->b);
    }
    if (!s || !s->a || !s->b) {
        destroy(s);
        return qd_fail(err, QD_E_INTERNAL, "inputs of coincide:n=%llu|no memory||use fewer events", (unsigned long long)n);
    }
    s->c = (qd_coincide_case){.a = s->a,
                              .b = s->b,
                              .na = n,
                              .nb = p->v[KEY_CONTENT] == ONE_SIDE ? 0 : n,
                              .reach = (int64_t)p->v[KEY_REACH],
                              .from = p->v[KEY_FROM],
                              .to = n,
                              .each = (unsigned)p->v[KEY_EACH],
                              .step = (int64_t)p->v[KEY_STEP],
                              .variant = (qd_coincide_variant)p->v[KEY_VARIANT]};
    s->c.clock = (qd_clock){.base = 12345, .offset = 777777, .tick = {125, 32}};
    s->c.clock.freq = p->v[KEY_FREQ] ? (int64_t)p->v[KEY_FREQ] - ((int64_t)1 << 32) : 175921860; /* 10 ppm of 2^44 */
    fill(p, s);
    s->c.room = room_of(&s->c) + 1; /* 0 would be no limit */
    *state = s;
    return QD_OK;
}

static size_t output_bytes(const void *state) {
    return qd_coincide_bytes(state);
}

static qd_status run(const qd_coincide_state *s, qd_device *dev, void *out, qd_error *err) {
    const qd_coincide_case *c = &s->c;
    uint64_t *o = out, *in_window = o + 1;
    qd_pairs pairs = {.cap = c->room, .a = in_window + 2 * c->each, .b = in_window + 2 * c->each + c->room}; /* never grows */
    memset(o, 0, qd_coincide_bytes(s));
    if (c->from < c->to && c->nb) QD_TRY(dev ? qd_coincide_cl(c, dev, &pairs, in_window, err) : qd_coincide_ref(c, &pairs, in_window, err));
    o[0] = pairs.n;
    return QD_OK;
}
static qd_status reference(void *state, void *out, qd_error *err) {
    return run(state, NULL, out, err);
}
static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) {
    return run(state, dev, out, err);
}

static void cost(const void *state, qd_cost *cost) {
    const qd_coincide_case *c = &((const qd_coincide_state *)state)->c;
    double tags = (double)(c->to - c->from) + (double)c->nb;
    *cost = (qd_cost){
        .bytes = 8 * tags,
        .ops = 16 * tags * (1 + 2 * c->each), /* 8 x 8: subtract and minimum for 8 pairs of lanes, each 8 tags */
        .units = tags,
        .unit = "tag",
    };
}

/* Around the block of 8, the frame of 512 and 1024, the chunk of 4096 and the group of 256; every content and variant; clocks at their
 * limits; displaced windows near, far, overlapping, and beyond the lanes. */
static const char *const quick[] = {"coincide:n=0",
                                    "coincide:n=1",
                                    "coincide:n=1,variant=2",
                                    "coincide:n=1,content=5,each=1",
                                    "coincide:n=7,permille=1000",
                                    "coincide:n=8,permille=1000,each=3,step=256000",
                                    "coincide:n=9,permille=1000",
                                    "coincide:n=9,permille=1000,variant=2",
                                    "coincide:n=255,variant=2,permille=500",
                                    "coincide:n=256,variant=2,permille=500,each=3,step=256000",
                                    "coincide:n=257,variant=2,permille=500",
                                    "coincide:n=511,permille=900",
                                    "coincide:n=512,permille=900",
                                    "coincide:n=513,permille=900,each=1",
                                    "coincide:n=4095,permille=300",
                                    "coincide:n=4096,permille=300",
                                    "coincide:n=4097,permille=300",
                                    "coincide:n=4097,permille=300,from=4096",
                                    "coincide:n=20000,permille=10",
                                    "coincide:n=20000,permille=10,variant=2",
                                    "coincide:n=20000,permille=300,from=4097,each=4",
                                    "coincide:n=20000,reach=0,permille=500",
                                    "coincide:n=20000,content=1",
                                    "coincide:n=20000,content=1,variant=3,each=2",
                                    "coincide:n=20000,content=1,reach=0",
                                    "coincide:n=20000,content=1,gap=25600000",
                                    "coincide:n=20000,content=2,each=2,step=64",
                                    "coincide:n=20000,content=2,variant=2,each=2,step=64",
                                    "coincide:n=20000,content=2,variant=3",
                                    "coincide:n=20000,permille=300,variant=3,each=4",
                                    "coincide:n=9,permille=1000,variant=3",
                                    "coincide:n=20000,content=3,permille=500,each=2,step=1000000",
                                    "coincide:n=20000,content=3,gap=1,permille=500",
                                    "coincide:n=20000,content=4,each=2",
                                    "coincide:n=20000,content=4,variant=2,each=2",
                                    "coincide:n=20000,gap=4,reach=2,permille=300,each=4,step=5",
                                    "coincide:n=20000,gap=100000000,permille=300",
                                    "coincide:n=2000,gap=1099511627,permille=300",
                                    "coincide:n=2000,gap=1000,reach=134217728,permille=300",
                                    "coincide:n=2000,gap=1000,reach=134217729,permille=300",
                                    "coincide:n=2000,gap=1000,reach=536870912,permille=300",
                                    "coincide:n=2000,gap=1000000000,reach=536870912,permille=300",
                                    "coincide:n=2000,gap=10000,reach=100000,permille=300,each=2,step=67058864",
                                    "coincide:n=2000,gap=10000,reach=100000,permille=300,each=2,step=67058865",
                                    "coincide:n=2000,gap=100000000,permille=300,reach=100000,each=3,step=1000000000",
                                    "coincide:n=20000,freq=1,permille=300",
                                    "coincide:n=20000,freq=1,permille=300,each=1,variant=2",
                                    "coincide:n=20000,freq=8589934591,permille=300,gap=10000000",
                                    "coincide:n=20000,freq=2147483650,permille=300,gap=10000000,each=2",
                                    "coincide:n=20000,freq=6442450942,permille=300,gap=10000000",
                                    NULL};
static const char *const full[] = {"coincide:n=1000000,permille=10",
                                   "coincide:n=1000000,permille=300,gap=25600,each=4",
                                   "coincide:n=1000003,content=2",
                                   "coincide:n=1000000,content=1,each=4,step=500",
                                   "coincide:n=5000000,permille=100",
                                   "coincide:n=1000000,permille=300,variant=2,each=2",
                                   NULL};
static const char *const profile[] = {"coincide:n=4194304,permille=10,gap=256000", "coincide:n=4194304,permille=300,gap=256000",
                                      "coincide:n=4194304,permille=10,gap=25600", "coincide:n=4194304,permille=100,gap=111000,each=4", NULL};

static const char *const tiny[] = {"coincide:n=600,permille=300,each=1", "coincide:n=600,permille=300,each=1,variant=2",
                                   "coincide:n=600,content=2,each=1,variant=3", NULL};

const qd_op qd_coincide_op = {
    .name = "coincide",
    .summary = "one-to-one coincidences of two stations' tags",
    .keys = keys,
    .n_keys = KEYS,
    .selftest = "coincide:n=6000,permille=300,seed=5",
    .cases_quick = quick,
    .cases_full = full,
    .cases_profile = profile,
    .create = create,
    .destroy = destroy,
    .output_bytes = output_bytes,
    .reference = reference,
    .device = device,
    .cost = cost,
    .cases_tiny = tiny,
};
