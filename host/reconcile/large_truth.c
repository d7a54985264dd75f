/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of large-block codes: frames drawn, decoded, and compared with what was sent. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/truth.h"
#include "reconcile/large_run.h"
#include "reconcile/truth_time.h"

typedef struct batch {
    const qd_large_ask *ask;
    qd_device *dev;
    qd_bits key[2];                                  /* Alice's and Bob's, of one frame */
    uint64_t *alice, *bob, *got, *syndrome, *errors; /* of all */
    uint32_t *iterations;
    qd_frame_tally t;
} batch;

static qd_status begin(batch *b, qd_error *err) {
    const qd_large_code *c = b->ask->code;
    const size_t n = b->ask->frames, words = qd_large_frame_words(c);
    b->alice = malloc(n * words * 8);
    b->bob = malloc(n * words * 8);
    b->got = malloc(n * words * 8);
    b->syndrome = malloc(n * qd_large_syndrome_words(c) * 8);
    b->errors = malloc(n * sizeof *b->errors);
    b->iterations = malloc(n * sizeof *b->iterations);
    if (!b->alice || !b->bob || !b->got || !b->syndrome || !b->errors || !b->iterations)
        return qd_fail(err, QD_E_INTERNAL, "no memory for the frames|||take fewer at once");
    for (int i = 0; i < 2; i++) QD_TRY(qd_bits_create(&b->key[i], words * 64, err));
    for (uint64_t f = 0; f < n; f++) {
        b->errors[f] =
            qd_frame_draw_truth(b->ask->seed, b->ask->first + f, b->ask->qber, b->ask->exact_errors, &b->key[0], &b->key[1]);
        memcpy(b->alice + f * words, b->key[0].w, words * 8);
        memcpy(b->bob + f * words, b->key[1].w, words * 8);
    }
    return QD_OK;
}

static void end(batch *b) {
    for (int i = 0; i < 2; i++) qd_bits_destroy(&b->key[i]);
    free(b->alice);
    free(b->bob);
    free(b->got);
    free(b->syndrome);
    free(b->errors);
    free(b->iterations);
}

static qd_status syndromes(void *args, qd_error *err) {
    batch *b = args;
    return qd_large_syndrome_run(b->ask->code, b->ask->frames, b->alice, b->syndrome, QD_LARGE_AUTO, b->dev, err);
}

static qd_status decode(void *args, qd_error *err) {
    batch *b = args;
    return qd_large_run(b->ask->code, &b->ask->rule, b->ask->frames, b->bob, b->syndrome, b->got, b->iterations, QD_LARGE_AUTO, b->dev,
                        err);
}

static void count(batch *b) {
    const qd_large_code *c = b->ask->code;
    const size_t words = qd_large_frame_words(c);
    const uint64_t bits = words * 64, leak = (uint64_t)c->rows * c->z;
    for (uint64_t f = 0; f < b->ask->frames; f++) {
        const bool solved = b->iterations[f] > 0, right = memcmp(b->alice + f * words, b->got + f * words, words * 8) == 0;
        const uint32_t used = solved ? b->iterations[f] : b->ask->rule.max_iterations;
        b->t.updates += (double)used * c->edges * c->z;
        if (b->ask->strings)
            qd_strings_take_truth(b->ask->strings, b->ask->first + f, bits, b->alice + f * words, solved ? b->got + f * words : NULL);
        qd_frame_tally_add(&b->t, &(qd_frame_outcome){.solved = solved,
                                                      .right = right,
                                                      .bits = bits,
                                                      .errors = b->errors[f],
                                                      .code_bits = leak,
                                                      .charged = qd_truth_charge(solved && right, leak, bits, 1),
                                                      .rounds = 1,
                                                      .iterations = used});
    }
}

qd_status qd_large_truth(const qd_large_ask *ask, qd_device *dev, qd_frame_tally *t, qd_error *err) {
    batch b = {.ask = ask, .dev = dev};
    qd_status st = begin(&b, err);
    if (st == QD_OK) st = qd_truth_timed(dev, true, syndromes, decode, &b, &b.t, err);
    if (st == QD_OK) {
        count(&b);
        qd_frame_tally_join(t, &b.t);
    }
    end(&b);
    return st;
}
