/* SPDX-License-Identifier: Apache-2.0 */
/* The registry row. */
#include <stdlib.h>
#include <string.h>
#include "amplify/toeplitz.h"

enum { KEY_N, KEY_R, KEY_SEED, KEY_KIND, KEY_CONTENT, KEY_CHUNK, KEY_GROUP, KEY_VARIANT, KEY_ROUTE, KEY_SUM, KEYS };
enum { RANDOM, ZEROS, ONES, PERIOD2, PERIOD3, LAST, CONTENTS };

static const qd_key keys[KEYS] = {
    [KEY_N] = {"n", 8192, 1, QD_AMPLIFY_MAX_BITS, "input bits"},
    [KEY_R] = {"r", 0, 0, QD_AMPLIFY_MAX_BITS, "output bits, at most n"},
    [KEY_SEED] = {"seed", 1, 0, UINT64_MAX, "of the inputs"},
    [KEY_KIND] = {"kind", QD_HASH_MODIFIED_TOEPLITZ, 0, 1, "0 modified Toeplitz, 1 plain"},
    [KEY_CONTENT] = {"content", RANDOM, 0, CONTENTS - 1, "0 random, 1 zeros, 2 ones, 3 period 2, 4 period 3, 5 a one at the end of key and seed"},
    [KEY_CHUNK] = {"chunk", 0, 0, (uint64_t)1 << 27, "rows and columns of a chunk, a power of two from 16; 0: by device"},
    [KEY_GROUP] = {"group", 0, 0, 1024, "output chunks at a time; 0: as many as fit"},
    [KEY_VARIANT] = {"variant", 0, 0, QD_AFFT_VARIANTS - 1, "of the route's transform"},
    [KEY_ROUTE] = {"route", QD_TOEPLITZ_AUTO, 0, QD_TOEPLITZ_ROUTES - 1, "0 by device, 1 number-theoretic transform, 2 carry-less (additive transform), 3 bit-sliced (AND and XOR)"},
    [KEY_SUM] = {"sum", 0, 0, 1024, "route=1: key chunks in a sum before it is closed; 0: as many as are exact"},
};

static void fill(qd_bits *b, uint64_t content, uint64_t seed) {
    for (uint64_t i = 0; i < qd_bits_words(b->n); i++) {
        uint32_t d[4];
        qd_philox(seed, QD_STREAM_TEST, i, 0, d);
        uint64_t period3 = 0x9249249249249249u; /* bits 0, 3, 6, ...: 64 = 1 mod 3, so each word starts one place on */
        switch (content) {
            case ONES: b->w[i] = UINT64_MAX; break;
            case PERIOD2: b->w[i] = 0x5555555555555555u; break;
            case PERIOD3: b->w[i] = period3 << (2 * i % 3); break;
            case ZEROS:
            case LAST: b->w[i] = 0; break;
            default: b->w[i] = (uint64_t)d[1] << 32 | d[0];
        }
    }
    if (b->n % 64) b->w[b->n / 64] &= ((uint64_t)1 << (b->n % 64)) - 1;
    if (content == LAST && b->n) qd_bits_set(b, b->n - 1, 1);
}

static void destroy(void *state) {
    qd_toeplitz_case *c = state;
    if (!c) return;
    qd_bits_destroy(&c->x);
    qd_bits_destroy(&c->seed);
    free(c);
}

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    const uint64_t *v = p->v;
    if (v[KEY_R] > v[KEY_N])
        return qd_fail(err, QD_E_USAGE, "toeplitz: r=%llu is above n=%llu||hashing cannot make key|r from 0 to n",
                       (unsigned long long)v[KEY_R], (unsigned long long)v[KEY_N]);
    if (v[KEY_ROUTE] == QD_TOEPLITZ_NTT && v[KEY_VARIANT] >= QD_NTT_VARIANTS)
        return qd_fail(err, QD_E_USAGE, "toeplitz: variant=%llu with route=1||the number-theoretic transform has variants 0 to %d", (unsigned long long)v[KEY_VARIANT],
                       QD_NTT_VARIANTS - 1);
    qd_toeplitz_case *c = calloc(1, sizeof *c);
    if (!c) return qd_fail(err, QD_E_INTERNAL, "inputs of a hash|no memory");
    c->kind = (qd_hash)v[KEY_KIND];
    c->choice = (qd_toeplitz_choice){(qd_toeplitz_route)v[KEY_ROUTE], (unsigned)v[KEY_VARIANT], v[KEY_CHUNK], v[KEY_GROUP], v[KEY_SUM]};
    c->r = v[KEY_R];
    qd_status st;
    QD_TRY_OUT(st, qd_bits_create(&c->x, v[KEY_N], err));
    QD_TRY_OUT(st, qd_bits_create(&c->seed, qd_toeplitz_seed_bits(c->kind, c->x.n, c->r), err));
    fill(&c->x, v[KEY_CONTENT], v[KEY_SEED]);
    fill(&c->seed, v[KEY_CONTENT], v[KEY_SEED] ^ 0x8000000000000000u);
    *state = c;
    return QD_OK;
out:
    destroy(c);
    return st;
}

/* Whole words; one for r = 0. */
static size_t output_bytes(const void *state) {
    uint64_t words = qd_bits_words(((const qd_toeplitz_case *)state)->r);
    return (size_t)(words ? words : 1) * 8;
}

static qd_status run(qd_toeplitz_case *c, qd_device *dev, void *out, qd_error *err) {
    qd_bits y;
    QD_TRY(qd_toeplitz_with(dev, c->kind, &c->choice, &c->x, c->r, &c->seed, &y, err));
    memset(out, 0, output_bytes(c));
    memcpy(out, y.w, (size_t)qd_bits_words(y.n) * 8);
    qd_bits_destroy(&y);
    return QD_OK;
}
static qd_status reference(void *state, void *out, qd_error *err) { return run(state, NULL, out, err); }
static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) { return run(state, dev, out, err); }

static void cost(const void *state, qd_cost *cost) {
    const qd_toeplitz_case *c = state;
    double n = (double)c->x.n, points = n / 32, layers = 1;
    while ((double)((uint64_t)1 << (unsigned)layers) < points) layers++;
    *cost = (qd_cost){
        .bytes = (n + (double)c->seed.n + (double)c->r) / 8,
        .ops = 3 * (points / 2) * layers * 28, /* three additive transforms; a butterfly: 14 operations on 64 bits */
        .units = n,
        .unit = "bit",
    };
}

#define EACH(p) p ",route=1", p ",route=2", p ",route=3"

static const char *const quick[] = {
    "toeplitz:n=1", "toeplitz:n=1,r=1", "toeplitz:n=1,r=1,kind=1", "toeplitz:n=2,r=1", EACH("toeplitz:n=7,r=3"), EACH("toeplitz:n=8,r=3,kind=1"),
    "toeplitz:n=31,r=16", "toeplitz:n=33,r=13", EACH("toeplitz:n=65,r=64"), EACH("toeplitz:n=129,r=1,kind=1"), "toeplitz:n=1000,r=0",
    EACH("toeplitz:n=1000,r=999"), "toeplitz:n=1000,r=1000", EACH("toeplitz:n=1000,r=1000,kind=1"), "toeplitz:n=1024,r=384", "toeplitz:n=1025,r=385",
    EACH("toeplitz:n=4097,r=1537,content=1"), EACH("toeplitz:n=4097,r=1537,content=2"), EACH("toeplitz:n=4097,r=1537,content=2,kind=1"),
    EACH("toeplitz:n=4096,r=1536,content=3"), EACH("toeplitz:n=4095,r=1535,content=4"), EACH("toeplitz:n=4095,r=1535,content=5"),
    EACH("toeplitz:n=4095,r=1535,content=5,kind=1"),
    /* around chunk seams: chunks of 16 and 64, one output chunk at a time, some, all */
    EACH("toeplitz:n=32,r=16,chunk=16"), EACH("toeplitz:n=33,r=16,chunk=16"), EACH("toeplitz:n=33,r=17,chunk=16"), EACH("toeplitz:n=97,r=49,chunk=16,group=1"),
    EACH("toeplitz:n=96,r=48,chunk=16,group=2"), EACH("toeplitz:n=95,r=47,chunk=16,group=3"), EACH("toeplitz:n=255,r=127,chunk=16,group=3,kind=1"),
    EACH("toeplitz:n=513,r=257,chunk=64,group=2"), "toeplitz:n=97,r=49,chunk=16,route=1,sum=1", "toeplitz:n=999,r=500,chunk=64,route=1,sum=3,kind=1", EACH("toeplitz:n=512,r=192,chunk=64,content=2"), EACH("toeplitz:n=5000,r=1876,chunk=512,group=3"),
    EACH("toeplitz:n=9999,r=3333,chunk=1024,kind=1"), EACH("toeplitz:n=9999,r=3333,variant=1"), EACH("toeplitz:n=9999,r=3333,variant=2"),
    EACH("toeplitz:n=9999,r=3333,variant=3"), EACH("toeplitz:n=60000,r=20001,seed=3"),
    /* at the ends of the shortest additive transform */
    "toeplitz:n=65536,r=10,route=2", "toeplitz:n=65537,r=65536,route=2", "toeplitz:n=16384,r=10,route=3", "toeplitz:n=16385,r=16384,route=3", EACH("toeplitz:n=65537,r=64"), EACH("toeplitz:n=65537,r=65500,kind=1"),
    "toeplitz:n=100000,r=50000,route=2,chunk=32768,group=1,content=2", NULL};
static const char *const full[] = {
    /* on both sides of each length at which transforms get another pass, and sums that are closed */
    EACH("toeplitz:n=131072,r=64"), EACH("toeplitz:n=131073,r=64"), EACH("toeplitz:n=524288,r=65"), EACH("toeplitz:n=524289,r=65"), EACH("toeplitz:n=1048577,r=63"),
    EACH("toeplitz:n=2097152,r=64"), EACH("toeplitz:n=2097153,r=64"), EACH("toeplitz:n=4194304,r=64"), EACH("toeplitz:n=4194305,r=64"),
    EACH("toeplitz:n=16777216,r=33"), EACH("toeplitz:n=16777217,r=33"), EACH("toeplitz:n=134217728,r=5"), EACH("toeplitz:n=134217729,r=5"),
    "toeplitz:n=300007,r=100003,chunk=16384,route=1,sum=3", "toeplitz:n=300007,r=300007,kind=1,chunk=16384,route=2",
    EACH("toeplitz:n=131071,r=49151,chunk=4096,group=5"), EACH("toeplitz:n=262144,r=98304"), EACH("toeplitz:n=262145,r=98305,variant=3"),
    EACH("toeplitz:n=300007,r=100003,chunk=32768,variant=1"), EACH("toeplitz:n=524287,r=196607,content=2"), EACH("toeplitz:n=524287,r=500000,content=4"),
    EACH("toeplitz:n=1048575,r=393215,variant=1"), EACH("toeplitz:n=1048576,r=393216,variant=2"), EACH("toeplitz:n=1048576,r=393216,kind=1"), NULL};
static const char *const profile[] = {"toeplitz:n=65536,r=24576", "toeplitz:n=1048576,r=393216", NULL};

const qd_op qd_toeplitz_op = {
    .name = "toeplitz",
    .summary = "Toeplitz hashing of verified bits to secret key",
    .keys = keys,
    .n_keys = KEYS,
    .selftest = "toeplitz:n=14001,r=2333,seed=9",
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
