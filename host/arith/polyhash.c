/* SPDX-License-Identifier: Apache-2.0 */
/* The registry row of the verification hash, and who computes it. */
#include "arith/polyhash.h"
#include <stdlib.h>
#include <string.h>
#include "arith/gf128.h"
#include "qdistill/core.h"

/* Messages below so many bits are done on the host by the time that a launch takes: 90 us, at 11 and 1.4 GB/s. */
enum { HOST_LOG2 = 23, HOST_LOG2_PORTABLE = 20 };

qd_status qd_polyhash(qd_device *dev, const qd_bits *m, const uint8_t key[16], unsigned t, uint8_t tag[16], qd_error *err) {
    const unsigned fewest = qd_gf128_horner_clmul() ? HOST_LOG2 : HOST_LOG2_PORTABLE;
    if (!dev || m->n >> fewest == 0) return qd_gf128_hash(m, key, t, tag, err);
    return qd_polyhash_cl(dev, (qd_polyhash_way){0}, m, key, t, tag, err);
}

/* ---- Row --------------------------------------------------------------------------------------------------------- */

enum { KEY_N, KEY_SEED, KEY_CONTENT, KEY_POINT, KEY_VARIANT, KEY_ITEMS, KEY_PIECE, KEYS };
enum { RANDOM, ZEROS, ONES, LAST_ONE, FIRST_ONE, CONTENTS };
enum { POINT_ZERO = 1, POINT_ONE, POINT_Z, POINT_FULL, POINTS };

static const qd_key keys[KEYS] = {
    [KEY_N] = {"n", 100000, 0, (uint64_t)1 << 36, "bits of the message"},
    [KEY_SEED] = {"seed", 1, 0, UINT64_MAX, "of the inputs"},
    [KEY_CONTENT] = {"content", RANDOM, 0, CONTENTS - 1, "0 random, 1 zeros, 2 ones, 3 a one at the end, 4 at the start"},
    [KEY_POINT] = {"point", 0, 0, POINTS - 1, "where the polynomial is taken: 0 random, 1 zero, 2 one, 3 z, 4 all ones"},
    [KEY_VARIANT] = {"variant", QD_POLYHASH_AUTO, 0, QD_POLYHASH_VARIANTS - 1, "0 by device, 1 portable, 2 to 4 carry-less multiply of 128, 256, 512 bits"},
    [KEY_ITEMS] = {"items", 0, 0, 256, "work-items of a chunk: 0 by device; above 1 they multiply as variant 1 does, and the message is copied"},
    [KEY_PIECE] = {"piece", 0, 0, 40, "log2 of the blocks of 128 bits that are on the device at once; 0 by device"},
};

static void fill(qd_bits *b, uint64_t content, uint64_t seed) {
    for (uint64_t i = 0; i < qd_bits_words(b->n); i++) {
        uint32_t d[4];
        qd_philox(seed, QD_STREAM_TEST, i, 0, d);
        b->w[i] = content == RANDOM ? (uint64_t)d[1] << 32 | d[0] : content == ONES ? UINT64_MAX : 0;
    }
    if (b->n % 64) b->w[b->n / 64] &= ((uint64_t)1 << b->n % 64) - 1;
    if (content == LAST_ONE && b->n) qd_bits_set(b, b->n - 1, 1);
    if (content == FIRST_ONE && b->n) qd_bits_set(b, 0, 1);
}

static void set_point(uint8_t key[16], uint64_t point, uint64_t seed) {
    uint32_t d[4];
    qd_philox(seed ^ 0x8000000000000000u, QD_STREAM_TEST, 0, 0, d);
    memset(key, point == POINT_FULL ? 0xff : 0, 16);
    if (point == 0) memcpy(key, d, 16);
    if (point == POINT_ONE) key[0] = 1;
    if (point == POINT_Z) key[0] = 2;
}

static void destroy(void *state) {
    qd_polyhash_case *c = state;
    if (!c) return;
    qd_bits_destroy(&c->message);
    free(c);
}

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    qd_polyhash_case *c = calloc(1, sizeof *c);
    if (!c) return qd_fail(err, QD_E_INTERNAL, "inputs of a verification hash|no memory");
    qd_status st = qd_bits_create(&c->message, p->v[KEY_N], err);
    if (st != QD_OK) {
        destroy(c);
        return st;
    }
    c->way = (qd_polyhash_way){(qd_polyhash_variant)p->v[KEY_VARIANT], (unsigned)p->v[KEY_ITEMS], (unsigned)p->v[KEY_PIECE]};
    fill(&c->message, p->v[KEY_CONTENT], p->v[KEY_SEED]);
    set_point(c->key, p->v[KEY_POINT], p->v[KEY_SEED]);
    *state = c;
    return QD_OK;
}

static size_t output_bytes(const void *state) {
    (void)state;
    return 16;
}
static qd_status reference(void *state, void *out, qd_error *err) {
    const qd_polyhash_case *c = state;
    return qd_gf128_hash_ref(&c->message, c->key, 128, out, err);
}
static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) {
    const qd_polyhash_case *c = state;
    return qd_polyhash_cl(dev, c->way, &c->message, c->key, 128, out, err);
}

static void cost(const void *state, qd_cost *cost) {
    const double bits = (double)((const qd_polyhash_case *)state)->message.n, blocks = bits / 128;
    *cost = (qd_cost){
        .bytes = bits / 8,
        .ops = blocks * 9, /* three products of words, counted as one vector instruction a lane */
        .units = bits,
        .unit = "bit",
    };
}

/* Steps have 16 or 32 blocks on CPU devices (portable: 8 products of 2 or 4; else 16 of 2), 64 with 512 bits, on others 512 (2 products of 256). A chunk
 * has two of them from 128 steps on (of a processor with no more than 32 cores), on others from 512: 2^18, 2^19, 2^20 and 2^25 bits. */
#define AROUND(n, before, after) "polyhash:n=" #before, "polyhash:n=" #n, "polyhash:n=" #after, "polyhash:variant=1,n=" #before, "polyhash:variant=1,n=" #n, "polyhash:variant=1,n=" #after
#define ITEMS(n, before, after) "polyhash:items=256,n=" #before, "polyhash:items=256,n=" #n, "polyhash:items=256,n=" #after
static const char *const quick[] = {
    "polyhash:n=0", "polyhash:n=1", AROUND(64, 63, 65), AROUND(128, 127, 129), AROUND(256, 255, 257), AROUND(2048, 2047, 2049), AROUND(4096, 4095, 4097),
    AROUND(8192, 8191, 8193), ITEMS(65536, 65535, 65537), AROUND(262144, 262143, 262145), AROUND(524288, 524287, 524289), "polyhash:n=1500000,items=256",
    AROUND(1048576, 1048575, 1048577), "polyhash:n=40000,items=2,content=2", "polyhash:n=1000001,items=256,piece=10",
    "polyhash:n=1000001,items=1,piece=6", "polyhash:n=131072,piece=8", "polyhash:n=3000000",
    "polyhash:n=40000,variant=2", "polyhash:n=2100000,variant=2", "polyhash:n=40000,variant=3",
    "polyhash:n=40000,content=1", "polyhash:n=40000,content=2", "polyhash:n=40000,content=3", "polyhash:n=40000,content=4", "polyhash:n=40000,point=1",
    "polyhash:n=40000,point=2", "polyhash:n=40000,point=3", "polyhash:n=40000,point=4,content=2", "polyhash:n=40000,content=1,variant=1",
    "polyhash:n=40000,point=4,content=2,variant=1", "polyhash:n=40000,point=3,content=3,variant=1", NULL};
static const char *const tiny[] = {"polyhash:n=5000,variant=1", "polyhash:n=2000,items=2", NULL};
static const char *const full[] = {"polyhash:n=40000,variant=4", "polyhash:n=8400000,variant=4", AROUND(4194304, 4194303, 4194305), AROUND(8388608, 8388607, 8388609), ITEMS(33554432, 33554431, 33554433),
                                   "polyhash:n=134217728,variant=2", "polyhash:n=300000001", "polyhash:n=300000001,variant=1", "polyhash:n=300000001,items=256",
                                   "polyhash:n=1100000000,content=2", NULL};
static const char *const profile[] = {"polyhash:n=8388608", "polyhash:n=134217728", "polyhash:n=134217728,variant=1", NULL};

const qd_op qd_polyhash_op = {
    .name = "polyhash",
    .summary = "verification hash: a polynomial over GF(2^128)",
    .keys = keys,
    .n_keys = KEYS,
    .selftest = "polyhash:n=70001,seed=7",
    .cases_quick = quick,
    .cases_full = full,
    .cases_profile = profile,
    .cases_tiny = tiny,
    .create = create,
    .destroy = destroy,
    .output_bytes = output_bytes,
    .reference = reference,
    .device = device,
    .cost = cost,
};
