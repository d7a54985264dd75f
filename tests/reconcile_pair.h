/* SPDX-License-Identifier: Apache-2.0 */
/** @file reconcile_pair.h  Both machines of reconciliation over one pair of strings, and the messages between them. */
#ifndef QD_TESTS_RECONCILE_PAIR_H
#define QD_TESTS_RECONCILE_PAIR_H

#include "core_suite.h"
#include "reconcile/machine.h"
#include "reconcile/rate.h"

static qd_error err;

typedef struct pair {
    qd_bits key[2];
    qd_reconcile_params p;
    qd_device *dev;
    qd_reconcile_alice *alice;
    qd_reconcile_bob *bob;
    uint64_t flips;
} pair;

static inline qd_random random_of(qd_stream stream) {
    return (qd_random){.rehearsal = 1, .seed = 42, .stream = (uint32_t)stream};
}

/* Two strings of @p n bits that differ with probability @p q a bit; the parameters know q well. */
static inline pair pair_make(uint64_t n, double q) {
    pair t = {.p = {.block = 7, .basis = 1, .errors = (uint64_t)(q * 1e8), .sample = 100000000, .eps_cor = 1e-15}};
    qd_random r = random_of(QD_STREAM_TEST), flip = random_of(QD_STREAM_FLIP);
    for (int i = 0; i < 2; i++) ck_ok(qd_bits_create(&t.key[i], n, &err));
    for (uint64_t i = 0; i < n; i++) {
        uint32_t bit, draw;
        qd_random_bytes(&r, &bit, sizeof bit);
        qd_random_bytes(&flip, &draw, sizeof draw);
        unsigned error = draw < (uint32_t)(q * 4294967296.0);
        qd_bits_set(&t.key[0], i, bit & 1);
        qd_bits_set(&t.key[1], i, (bit & 1) ^ error);
        t.flips += error;
    }
    return t;
}

/* The same for one code. */
static inline pair pair_of(uint32_t code, uint64_t n, double q) {
    pair t = pair_make(n, q);
    t.p.code = code;
    return t;
}

static inline void pair_start(pair *t) {
    ck_ok(qd_reconcile_alice_create(&t->p, &t->key[0], random_of(QD_STREAM_PRIVATE), random_of(QD_STREAM_VERIFY), t->dev,
                                    &t->alice, &err));
    ck_ok(qd_reconcile_bob_create(&t->p, &t->key[1], t->dev, &t->bob, &err));
}

static inline void pair_stop(pair *t) {
    qd_reconcile_alice_destroy(t->alice);
    qd_reconcile_bob_destroy(t->bob);
    t->alice = NULL;
    t->bob = NULL;
}

static inline void pair_free(pair *t) {
    pair_stop(t);
    for (int i = 0; i < 2; i++) qd_bits_destroy(&t->key[i]);
}

/* Bytes of all messages in order, headers too. */
typedef struct wire {
    uint8_t *p;
    size_t n;
    int count[64]; /* messages by type */
} wire;

static inline void wire_add(wire *w, const qd_msg *m) {
    w->p = realloc(w->p, w->n + QD_MSG_HEADER + m->bytes);
    qd_msg_header(m, w->p + w->n);
    if (m->bytes) memcpy(w->p + w->n + QD_MSG_HEADER, m->body, m->bytes);
    w->n += QD_MSG_HEADER + m->bytes;
    w->count[m->type]++;
}

typedef void tamper_fn(void *with, qd_msg *m, int nth_of_its_type);

/* Carry the messages; @p tamper may change each before it arrives. Checks the rule of turns on the way. The status is that of the
 * step
 * that ended it. */
static inline qd_status pump(pair *t, wire *w, tamper_fn *tamper, void *with) {
    qd_outbox box[2] = {{0}};
    bool done[2] = {false, false};
    int turn = 0, seen[64] = {0};
    qd_msg m;
    qd_status st = qd_reconcile_alice_step(t->alice, NULL, &box[0], &done[0], &err);
    while (st == QD_OK && !(done[0] && done[1])) {
        ck_assert_msg(qd_outbox_take(&box[turn], &m), "who has the turn sends nothing");
        ck_assert_uint_eq(m.from, turn);
        ck_assert_uint_eq(m.block, t->p.block);
        if (w) wire_add(w, &m);
        int last = m.last;
        if (tamper) tamper(with, &m, seen[m.type & 63]++);
        st = turn == 0 ? qd_reconcile_bob_step(t->bob, &m, &box[1], &done[1], &err)
                       : qd_reconcile_alice_step(t->alice, &m, &box[0], &done[0], &err);
        free(m.body);
        if (st == QD_OK && last) turn = !turn;
    }
    if (st == QD_OK) {
        ck_assert_int_eq(turn, 0);
        for (int i = 0; i < 2; i++) ck_assert(!qd_outbox_take(&box[i], &m));
    }
    for (int i = 0; i < 2; i++) qd_outbox_destroy(&box[i]);
    return st;
}

/* The first bits of a string in the order in which frames have them, as the definition says (reconcile/spread.h); the caller's. */
static inline qd_bits in_frames(const qd_bits *key, const qd_reconcile_result *r) {
    const uint64_t runs = r->code == QD_CODE_LARGE ? r->z : 64, length = r->n / runs;
    qd_bits out;
    ck_ok(qd_bits_create(&out, r->n, &err));
    for (uint64_t i = 0; i < r->n; i++)
        qd_bits_set(&out, r->code == QD_CODE_CASCADE || i >= length * runs ? i : i % length * runs + i / length, qd_bits_get(key, i));
    return out;
}

static inline void run(pair *t, wire *w, tamper_fn *tamper, void *with) {
    pair_start(t);
    ck_ok(pump(t, w, tamper, with));
}

/* Both sides know the same, and the strings are Alice's. */
static inline const qd_reconcile_result *agreed(const pair *t) {
    const qd_reconcile_result *a = qd_reconcile_alice_result(t->alice), *b = qd_reconcile_bob_result(t->bob);
    qd_reconcile_result x = *a, y = *b;
    ck_assert(x.iterations == 0);
    y.iterations = 0;
    x.key = y.key = NULL;
    ck_assert_uint_eq(x.reject, y.reject);
    ck_assert_uint_eq(x.errors, y.errors);
    ck_assert_uint_eq(x.rounds, y.rounds);
    ck_assert_uint_eq(x.located, y.located);
    ck_assert_uint_eq(x.frames_failed, y.frames_failed);
    ck_assert_mem_eq(&x, &y, sizeof x); /* both were copied from zeroed structures */
    ck_assert_uint_eq(x.n + x.dropped, t->key[0].n);
    ck_assert((a->key != NULL) == (b->key != NULL));
    if (!a->key) return b;
    ck_assert_uint_eq(a->key->n, x.n);
    ck_assert(qd_bits_equal(a->key, b->key));
    for (uint64_t i = 0; i < x.n; i++) ck_assert_uint_eq(qd_bits_get(a->key, i), qd_bits_get(&t->key[0], i));
    return b;
}

static inline uint64_t differing(const pair *t, uint64_t n) {
    uint64_t d = 0;
    for (uint64_t i = 0; i < n; i++) d += qd_bits_get(&t->key[0], i) != qd_bits_get(&t->key[1], i);
    return d;
}

#endif
