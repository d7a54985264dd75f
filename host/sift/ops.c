/* SPDX-License-Identifier: Apache-2.0 */
/* Registry row of the room. */
#include <stdlib.h>
#include <string.h>
#include "sift/sift.h"

enum { N, KIND, SIDE, SAME, CHUNK, SLICE, WORDS, PORTABLE, SEED };

static const qd_key keys[] = {
    {"n", 1 << 20, 1, (uint64_t)1 << 32, "events"},
    {"kind", 0, 0, 5,
     "0: a link's events, 1: any mask, 2: all detectors always, 3: bases equal, all z, 4: bases never equal, 5: all x"},
    {"side", 0, 0, 1, "0: Alice, 1: Bob"},
    {"same", 0, 0, 1, "1: the source sends equal polarisations"},
    {"chunk", 0, 0, (uint64_t)1 << 28, "events on the device at once, 0: chosen for the device"},
    {"slice", 0, 0, (uint64_t)1 << 28, "events copied to the device at once, 0: chosen for the device"},
    {"words", 0, 0, 4096, "words of 64 events a work-item, 0: chosen for the device"},
    {"portable", 0, 0, 1, "1: without optional instructions"},
    {"seed", 1, 0, UINT64_MAX, "of the inputs"},
};

static void sift_destroy(void *state) {
    qd_sift_case *c = state;
    if (!c) return;
    free(c->event);
    qd_bits_destroy(&c->theirs);
    free(c);
}

/* One event of a kind; two random words decide. */
static uint8_t make_event(uint64_t kind, const uint32_t r[2]) {
    static const uint8_t single[4] = {QD_DET_V, QD_DET_MINUS, QD_DET_H, QD_DET_PLUS};
    uint8_t coins = (uint8_t)(r[1] & (QD_EVENT_COIN_VALUE | QD_EVENT_COIN_BASIS));
    switch (kind) {
        case 0:
            return (r[0] >> 8) % 1024 == 0 ? (uint8_t)(1 + r[1] % 15) | coins
                                           : single[r[0] & 3]; /* a multi-click in a thousand */
        case 1:
            return (uint8_t)((r[0] & 0xff) | coins); /* mask 0 and idle bits too */
        case 2:
            return QD_DET_ALL | coins;
        case 5:
            return single[1 | (r[0] & 2)];
        default:
            return single[r[0] & 2];
    }
}

static qd_status sift_create(const qd_problem *p, void **state, qd_error *err) {
    *state = NULL;
    qd_sift_case *c = calloc(1, sizeof *c);
    uint64_t n = p->v[N], kind = p->v[KIND];
    if (!c || !(c->event = malloc(n)) || qd_bits_create(&c->theirs, n, NULL) != QD_OK) {
        sift_destroy(c);
        return qd_fail(err, QD_E_INTERNAL, "no memory for %llu events", (unsigned long long)n);
    }
    c->side = p->v[SIDE] ? QD_BOB : QD_ALICE;
    c->correlation = p->v[SAME] ? QD_SAME : QD_ANTI;
    c->plan = (qd_sift_plan){p->v[CHUNK], p->v[SLICE], (uint32_t)p->v[WORDS], p->v[PORTABLE] != 0};
    c->n = n;
    for (uint64_t i = 0; i < n; i += 2) { /* a draw makes two events */
        uint32_t r[4];
        qd_philox(p->v[SEED], QD_STREAM_TEST, i / 2, 0, r);
        for (uint64_t j = i; j < n && j < i + 2; j++) {
            const uint32_t *word = r + 2 * (j - i);
            c->event[j] = make_event(kind, word);
            qd_bits_set(&c->theirs, j, kind == 3 ? 0 : kind == 4 || kind == 5 ? 1 : word[1] >> 31);
        }
    }
    *state = c;
    return QD_OK;
}

static size_t sift_output_bytes(const void *state) {
    const qd_sift_case *c = state;
    return 8 * (QD_SIFT_OUT_HEAD + 2 * qd_bits_words(c->n));
}

/* The output from counts and strings; takes the strings. */
static void deliver(const qd_sift_case *c, const qd_sift_counts *counts, qd_bits s[2], void *out) {
    uint64_t *w = out, words = qd_bits_words(c->n);
    memcpy(w, counts, sizeof *counts);
    w[32] = s[QD_Z].n;
    w[33] = s[QD_X].n;
    w += QD_SIFT_OUT_HEAD;
    for (int b = 0; b < 2; b++, w += words) {
        uint64_t used = qd_bits_words(s[b].n);
        memcpy(w, s[b].w, 8 * used);
        memset(w + used, 0, 8 * (words - used));
        qd_bits_destroy(&s[b]);
    }
}

static qd_status sift_reference(void *state, void *out, qd_error *err) {
    qd_sift_case *c = state;
    qd_bits basis = {0}, value = {0}, s[2] = {{0}, {0}};
    qd_sift_counts counts;
    QD_TRY(qd_sift_measure_ref(c->side, c->correlation, c->event, c->n, &basis, &value, &counts, err));
    qd_status st = qd_sift_select_ref(&basis, &c->theirs, &value, &s[QD_Z], &s[QD_X], err);
    if (st == QD_OK) deliver(c, &counts, s, out);
    qd_bits_destroy(&basis);
    qd_bits_destroy(&value);
    return st;
}

static qd_status sift_device(void *state, qd_device *dev, void *out, qd_error *err) {
    qd_sift_case *c = state;
    qd_bits basis = {0}, value = {0}, s[2] = {{0}, {0}};
    qd_sift_counts counts;
    QD_TRY(qd_sift_measure_cl(dev, &c->plan, c->side, c->correlation, c->event, c->n, &basis, &value, &counts, err));
    qd_status st = qd_sift_select_cl(dev, &c->plan, &basis, &c->theirs, &value, &s[QD_Z], &s[QD_X], err);
    if (st == QD_OK) deliver(c, &counts, s, out);
    qd_bits_destroy(&basis);
    qd_bits_destroy(&value);
    return st;
}

/* A byte an event is read; basis and value are written and read again with the other's basis; half of the values come out. About
 * one 32-bit operation an event for the planes, half a one for classes, and as much for packing. */
static void sift_cost(const void *state, qd_cost *cost) {
    double n = (double)((const qd_sift_case *)state)->n;
    *cost = (qd_cost){.bytes = n * (1 + 2.0 / 8 + 5.0 / 8 + 0.5 / 8), .ops = 2 * n, .units = n, .unit = "event"};
}

static const char *const cases_quick[] = {
    "sift:n=1",
    "sift:n=1,side=1",
    "sift:n=63,kind=1",
    "sift:n=64,kind=1,side=1",
    "sift:n=65,kind=1,side=1,same=1",
    "sift:n=511,kind=2,words=8",
    "sift:n=513,kind=2,words=8",
    "sift:n=4095,kind=1,words=64",
    "sift:n=4097,kind=1,words=1,side=1",
    "sift:n=131071,kind=0,side=1",
    "sift:n=131071,kind=1,words=256",
    "sift:n=131071,kind=3",
    "sift:n=131071,kind=4",
    "sift:n=131071,kind=5",
    "sift:n=1000,kind=1,chunk=64",
    "sift:n=1000,kind=1,slice=64,side=1",
    "sift:n=4097,kind=1,chunk=4096,slice=1024",
    "sift:n=4096,kind=1,chunk=4096",
    "sift:n=4097,kind=0,chunk=4096",
    "sift:n=20001,kind=3,chunk=4160,words=3",
    "sift:n=262145,kind=1,words=1024",
    "sift:n=2097151",
    "sift:n=65,kind=1,side=1,portable=1",
    "sift:n=131071,kind=0,portable=1",
    "sift:n=131071,kind=1,side=1,portable=1",
    "sift:n=131071,kind=3,portable=1",
    "sift:n=2097217,kind=1,side=1",
    NULL,
};
static const char *const cases_full[] = {"sift:n=67108863", "sift:n=67108865,kind=1,side=1",
                                         "sift:n=33554433,kind=1,chunk=16777216", "sift:n=100000007,side=1", NULL};
static const char *const cases_profile[] = {"sift:n=16777216", "sift:n=16777216,kind=1", NULL};

static const qd_op sift = {
    .name = "sift",
    .summary = "detector masks to basis and value, values of matching bases to a string a basis",
    .keys = keys,
    .n_keys = sizeof keys / sizeof *keys,
    .selftest = "sift:n=10007,kind=1,side=1",
    .cases_quick = cases_quick,
    .cases_full = cases_full,
    .cases_profile = cases_profile,
    .create = sift_create,
    .destroy = sift_destroy,
    .output_bytes = sift_output_bytes,
    .reference = sift_reference,
    .device = sift_device,
    .cost = sift_cost,
};

const qd_op *const qd_sift_ops[] = {&sift, NULL};
