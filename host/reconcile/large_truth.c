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
    qd_large_code *code;                             /* of the attempt */
    qd_bits key[2];                                  /* Alice's and Bob's, of one frame */
    uint64_t *alice, *bob, *got, *syndrome, *errors; /* of the frames that are open; of a frame as many words as that code takes */
    uint64_t *number, *spent;                        /* in the batch; iterations in the attempts before */
    uint32_t *iterations;
    uint64_t open, attempts;
    qd_frame_tally t;
} batch;

static size_t key_words(const batch *b) {
    return qd_large_frame_words(b->ask->code);
}

/* A frame's bits, then the private ones of pairs that are joined still. */
static size_t words_of(const batch *b) {
    return qd_large_frame_words(b->code);
}

static qd_status draw(batch *b, qd_error *err) {
    const size_t words = words_of(b), key = key_words(b);
    for (int i = 0; i < 2; i++) QD_TRY(qd_bits_create(&b->key[i], key * 64, err));
    for (uint64_t f = 0; f < b->open; f++) {
        const uint64_t number = b->ask->first + f;
        qd_random hidden = {.rehearsal = 1, .seed = b->ask->seed, .stream = QD_STREAM_PRIVATE, .entity = number};
        b->number[f] = f;
        b->errors[f] = qd_frame_draw_truth(b->ask->seed, number, b->ask->qber, b->ask->exact_errors, &b->key[0], &b->key[1]);
        memcpy(b->alice + f * words, b->key[0].w, key * 8);
        memcpy(b->bob + f * words, b->key[1].w, key * 8);
        qd_random_bytes(&hidden, b->alice + f * words + key, (words - key) * 8);
        qd_large_clear_told(b->code, b->alice + f * words);
        memset(b->bob + f * words + key, 0, (words - key) * 8);
    }
    return QD_OK;
}

static qd_status begin(batch *b, qd_error *err) {
    const size_t n = b->ask->frames;
    QD_TRY(qd_large_joined(b->ask->code, b->ask->joined, &b->code, err));
    const size_t words = words_of(b);
    b->open = n;
    b->alice = malloc(n * words * 8);
    b->bob = malloc(n * words * 8);
    b->got = malloc(n * words * 8);
    b->syndrome = malloc(n * qd_large_syndrome_words(b->code) * 8);
    b->errors = malloc(n * sizeof *b->errors);
    b->number = malloc(n * sizeof *b->number);
    b->spent = calloc(n, sizeof *b->spent);
    b->iterations = malloc(n * sizeof *b->iterations);
    if (!b->alice || !b->bob || !b->got || !b->syndrome || !b->errors || !b->number || !b->spent || !b->iterations)
        return qd_fail(err, QD_E_INTERNAL, "no memory for the frames|||take fewer at once");
    return draw(b, err);
}

static void end(batch *b) {
    for (int i = 0; i < 2; i++) qd_bits_destroy(&b->key[i]);
    qd_large_free(b->code);
    free(b->alice);
    free(b->bob);
    free(b->got);
    free(b->syndrome);
    free(b->errors);
    free(b->number);
    free(b->spent);
    free(b->iterations);
}

static qd_status syndromes(void *args, qd_error *err) {
    batch *b = args;
    return qd_large_syndrome_run(b->code, b->open, b->alice, b->syndrome, QD_LARGE_AUTO, b->dev, err);
}

static qd_status decode(void *args, qd_error *err) {
    batch *b = args;
    qd_large_rule rule = b->ask->rule;
    if (!b->code->unknown) rule.patience = 0; /* nothing follows */
    return qd_large_run(b->code, &rule, b->open, b->bob, b->syndrome, b->got, b->iterations, QD_LARGE_AUTO, b->dev, err);
}

/* Frames that are done, or have nothing left to be told, are counted; the others move up. */
static void close_done(batch *b) {
    const qd_large_code *c = b->code;
    const size_t words = words_of(b), key = key_words(b);
    const uint64_t leak = (uint64_t)c->rows * c->z - c->unknown;
    uint64_t left = 0;
    for (uint64_t f = 0; f < b->open; f++) {
        uint64_t *alice = b->alice + f * words, *bob = b->bob + f * words;
        const bool solved = qd_large_solved(b->iterations[f]), right = memcmp(alice, b->got + f * words, words * 8) == 0;
        const uint32_t used = qd_large_spent(b->iterations[f]);
        b->t.updates += (double)used * c->edges * c->z;
        b->spent[f] += used;
        if (!solved && c->unknown) {
            memmove(b->alice + left * words, alice, words * 8);
            memmove(b->bob + left * words, bob, words * 8);
            b->errors[left] = b->errors[f];
            b->number[left] = b->number[f];
            b->spent[left++] = b->spent[f];
            continue;
        }
        if (b->ask->strings)
            qd_strings_take_truth(b->ask->strings, b->ask->first + b->number[f], key * 64, alice, solved ? b->got + f * words : NULL);
        qd_frame_tally_add(&b->t, &(qd_frame_outcome){.solved = solved,
                                                      .right = right,
                                                      .bits = key * 64,
                                                      .errors = b->errors[f],
                                                      .code_bits = leak,
                                                      .charged = qd_truth_charge(solved && right, leak, key * 64, b->attempts),
                                                      .rounds = b->attempts,
                                                      .iterations = b->spent[f]});
    }
    b->open = left;
}

/* The code of fewer pairs; what is told is zero from then on. */
static qd_status tell(batch *b, qd_error *err) {
    const size_t before = words_of(b);
    const uint32_t joined = b->code->unknown > b->ask->tell ? b->code->unknown - b->ask->tell : 0;
    qd_large_free(b->code);
    b->code = NULL;
    QD_TRY(qd_large_joined(b->ask->code, joined, &b->code, err));
    const size_t words = words_of(b);
    for (uint64_t f = 0; f < b->open; f++) {
        memmove(b->alice + f * words, b->alice + f * before, words * 8);
        memmove(b->bob + f * words, b->bob + f * before, words * 8);
        qd_large_clear_told(b->code, b->alice + f * words);
    }
    return QD_OK;
}

static qd_status attempts(batch *b, qd_error *err) {
    for (;;) {
        QD_TRY(qd_truth_timed(b->dev, true, syndromes, decode, b, &b->t, err));
        b->attempts++;
        close_done(b);
        if (!b->open) return QD_OK;
        if (b->ask->stop && *b->ask->stop) return qd_fail(err, QD_STOPPED, "stopped on request|a signal came between two attempts||run it again");
        QD_TRY(tell(b, err));
    }
}

qd_status qd_large_truth(const qd_large_ask *ask, qd_device *dev, qd_frame_tally *t, qd_error *err) {
    batch b = {.ask = ask, .dev = dev};
    if (ask->joined && !ask->tell) return qd_fail(err, QD_E_USAGE, "pairs of rows are told apart none at a time");
    qd_status st = begin(&b, err);
    if (st == QD_OK) st = attempts(&b, err);
    if (st == QD_OK) qd_frame_tally_join(t, &b.t);
    end(&b);
    return st;
}
