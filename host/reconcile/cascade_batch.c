/* SPDX-License-Identifier: Apache-2.0 */
/* Many frames in lock-step: a search for each over the same permutations, parities from prefixes. */
#include <stdlib.h>
#include <string.h>
#include "reconcile/cascade_prefix.h"
#include "reconcile/cascade_search.h"

enum { FRAMES_MAX = 1 << 20 };

struct qd_cascade_batch {
    qd_cascade_tables *tables;
    qd_cascade **search;
    uint64_t frames, questions;
    uint64_t *prefix; /* as qd_cascade_prefix_run */
    uint64_t rounds, bytes;
};

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for a batch of frames|||take fewer frames at a time");
}

static void count_questions(qd_cascade_batch *b) {
    b->questions = 0;
    for (uint64_t f = 0; f < b->frames; f++) b->questions += qd_cascade_questions(b->search[f]);
}

static qd_status begin(qd_cascade_batch *b, const uint64_t *keys, qd_device *dev, qd_error *err) {
    const qd_cascade_plan *plan = &b->tables->plan;
    qd_prefix_ask ask = {plan->n, plan->passes, b->frames, b->tables->order, keys};
    b->prefix = qd_secret_alloc(qd_prefix_words(&ask) * sizeof *b->prefix);
    b->search = calloc(b->frames, sizeof *b->search);
    if (!b->prefix || !b->search) return no_memory(err);
    QD_TRY(qd_cascade_prefix_run(&ask, QD_PREFIX_AUTO, b->prefix, dev, err));
    for (uint64_t f = 0; f < b->frames; f++) QD_TRY(qd_cascade_create_over(b->tables, &b->search[f], err));
    count_questions(b);
    return QD_OK;
}

qd_status qd_cascade_batch_create(const qd_cascade_plan *plan, uint64_t seed, uint64_t batch, const uint64_t *keys,
                                  uint64_t frames, qd_device *dev, qd_cascade_batch **out, qd_error *err) {
    *out = NULL;
    if (frames < 1 || frames > FRAMES_MAX || plan->quiet > 0)
        return qd_fail(err, QD_E_USAGE, "no batch for this||1 to %d frames, no rounds of both halves|", FRAMES_MAX);
    qd_cascade_batch *b = calloc(1, sizeof *b);
    if (!b) return no_memory(err);
    b->frames = frames;
    qd_status st = qd_cascade_tables_make(plan, seed, batch, &b->tables, err);
    if (st == QD_OK) st = begin(b, keys, dev, err);
    if (st == QD_OK)
        *out = b;
    else
        qd_cascade_batch_destroy(b);
    return st;
}

void qd_cascade_batch_destroy(qd_cascade_batch *b) {
    if (!b) return;
    for (uint64_t f = 0; b->search && f < b->frames; f++) qd_cascade_destroy(b->search[f]);
    free(b->search);
    qd_cascade_tables_free(b->tables);
    qd_secret_free(b->prefix);
    free(b);
}

uint64_t qd_cascade_batch_questions(const qd_cascade_batch *b) {
    return b->questions;
}

void qd_cascade_batch_message(const qd_cascade_batch *b, uint64_t *parity) {
    const qd_cascade_plan *plan = &b->tables->plan;
    uint64_t at = 0, row_words = plan->n + (uint64_t)1;
    memset(parity, 0, qd_bits_words(b->questions) * sizeof *parity);
    for (uint64_t f = 0; f < b->frames; f++) {
        uint64_t n = qd_cascade_questions(b->search[f]);
        for (uint64_t i = 0; i < n; i++, at++) {
            qd_cascade_question q = qd_cascade_question_at(b->search[f], i);
            const uint64_t *row = b->prefix + (f / 64 * plan->passes + q.pass) * row_words;
            parity[at / 64] |= ((row[q.from] ^ row[q.to]) >> (f % 64) & 1) << (at % 64);
        }
    }
}

qd_status qd_cascade_batch_answer(qd_cascade_batch *b, const uint64_t *alice, const uint64_t *bob, qd_error *err) {
    if (b->questions == 0) return QD_OK;
    uint64_t at = 0;
    b->rounds++;
    b->bytes += qd_bits_bytes(b->questions);
    for (uint64_t f = 0; f < b->frames; f++) {
        uint64_t n = qd_cascade_questions(b->search[f]);
        if (n) QD_TRY(qd_cascade_answer_at(b->search[f], alice, bob, at, err));
        at += n;
    }
    count_questions(b);
    return QD_OK;
}

const qd_cascade *qd_cascade_batch_frame(const qd_cascade_batch *b, uint64_t frame) {
    return b->search[frame];
}

qd_cascade_counts qd_cascade_batch_counts_of(const qd_cascade_batch *b) {
    qd_cascade_counts sum = {.rounds = b->rounds, .alice_bytes = b->bytes, .bob_bytes = b->bytes};
    for (uint64_t f = 0; f < b->frames; f++) {
        qd_cascade_counts c = qd_cascade_counts_of(b->search[f]);
        sum.alice_bits += c.alice_bits;
        sum.bob_bits += c.bob_bits;
        sum.inferred += c.inferred;
        sum.corrected += c.corrected;
        sum.passes += c.passes;
    }
    return sum;
}
