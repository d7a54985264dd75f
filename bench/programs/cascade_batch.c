/* SPDX-License-Identifier: Apache-2.0 */
/* How fast one core searches a batch of Cascade frames in lock-step, and what it discloses: cascade_batch [Q [FRAMES [VARIANT
 * [N]]]]. Random keys, round(q N) errors a frame; both sides run, the processor time of Bob's is told. Permutations, which all
 * frames of a batch share, and prefix parities (the operation cascade_prefix, by the reference here) are made before. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "qdistill/reconcile/cascade.h"

static qd_error err;

static void must(qd_status st) {
    if (st == QD_OK) return;
    fprintf(stderr, "cascade_batch: %s\n", err.what);
    exit(1);
}

static double cpu(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

typedef struct keys {
    uint64_t n, words, frames, *side[2];
} keys;

static uint64_t *zeros(uint64_t words) {
    uint64_t *w = calloc(words, sizeof *w);
    if (!w) must(qd_fail(&err, QD_E_INTERNAL, "no memory"));
    return w;
}

static keys draw(uint64_t n, uint64_t frames, double q) {
    keys k = {n, qd_bits_words(n), frames, {NULL, NULL}};
    for (int i = 0; i < 2; i++) k.side[i] = zeros(k.words * frames);
    for (uint64_t f = 0; f < frames; f++) {
        uint64_t *a = k.side[0] + f * k.words, *b = k.side[1] + f * k.words;
        qd_random r = {.rehearsal = 1, .seed = 1, .stream = QD_STREAM_FLIP, .entity = f};
        qd_random_bytes(&r, a, k.words * 8);
        if (n % 64) a[k.words - 1] &= ((uint64_t)1 << (n % 64)) - 1;
        memcpy(b, a, k.words * 8);
        for (uint64_t left = (uint64_t)(q * (double)n + 0.5); left;) {
            uint64_t i = qd_random_below(&r, n);
            if ((a[i / 64] ^ b[i / 64]) >> (i % 64) & 1) continue;
            b[i / 64] ^= (uint64_t)1 << (i % 64);
            left--;
        }
    }
    return k;
}

/* Seconds of Bob's side. */
static double search(qd_cascade_batch *const side[2], uint64_t *told[2]) {
    double bob = 0;
    while (qd_cascade_batch_questions(side[0])) {
        qd_cascade_batch_message(side[0], told[0]);
        double start = cpu();
        qd_cascade_batch_message(side[1], told[1]);
        must(qd_cascade_batch_answer(side[1], told[0], told[1], &err));
        bob += cpu() - start;
        must(qd_cascade_batch_answer(side[0], told[0], told[1], &err));
    }
    return bob;
}

static uint64_t wrong(const keys *k, const qd_cascade_batch *bob) {
    uint64_t bad = 0;
    for (uint64_t f = 0; f < k->frames; f++) {
        const qd_bits *e = qd_cascade_errors(qd_cascade_batch_frame(bob, f));
        bool right = true;
        for (uint64_t i = f * k->words, w = 0; w < k->words; w++, i++)
            right = right && (k->side[0][i] ^ k->side[1][i]) == e->w[w];
        bad += !right;
    }
    return bad;
}

static void one(qd_cascade_variant v, const char *name, double q, const keys *k, uint32_t order) {
    static const char *const orders[QD_CASCADE_ORDERS] = {"top", "smallest", "apart", "one", "pass"};
    qd_cascade_plan plan;
    qd_cascade_batch *side[2];
    uint64_t *told[2];
    must(qd_cascade_plan_make(v, q, k->n, &plan, &err));
    plan.order = order;
    double start = cpu();
    for (int i = 0; i < 2; i++) {
        must(qd_cascade_batch_create(&plan, 2, 0, k->side[i], k->frames, NULL, &side[i], &err));
        told[i] = zeros(qd_bits_words(k->n * k->frames));
    }
    double before = (cpu() - start) / 2, seconds = search(side, told), bits = (double)(k->n * k->frames);
    qd_cascade_counts c = qd_cascade_batch_counts_of(side[1]);
    double h = -(q * log2(q) + (1 - q) * log2(1 - q));
    printf("%s q %g n %" PRIu64 " order %-8s f %.4f, %" PRIu64 " rounds, %" PRIu64 " bytes a way, %" PRIu64 " of %" PRIu64
           " frames wrong; before %.0f ms, search %.0f ms, %.1f Mb/s\n",
           name, q, k->n, orders[order], (double)c.alice_bits / (bits * h), c.rounds, c.alice_bytes, wrong(k, side[1]), k->frames,
           before * 1e3, seconds * 1e3, bits / seconds * 1e-6);
    for (int i = 0; i < 2; i++) {
        qd_cascade_batch_destroy(side[i]);
        free(told[i]);
    }
}

int main(int argc, char **argv) {
    double q = argc > 1 ? atof(argv[1]) : 0.05;
    uint64_t frames = argc > 2 ? strtoull(argv[2], NULL, 10) : 256, n = argc > 4 ? strtoull(argv[4], NULL, 10) : 16384;
    const char *name = argc > 3 ? argv[3] : "opt8";
    qd_cascade_variant v;
    qd_cascade_plan plan;
    must(qd_cascade_named(name, &v, &err));
    must(qd_cascade_plan_make(v, q, n, &plan, &err));
    keys k = draw(n, frames, q);
    if (plan.order == QD_CASCADE_FROM_TOP)
        one(v, name, q, &k, plan.order);
    else
        for (uint32_t o = QD_CASCADE_SMALLEST; o < QD_CASCADE_ORDERS; o++) one(v, name, q, &k, o);
    for (int i = 0; i < 2; i++) free(k.side[i]);
    return 0;
}
