/* SPDX-License-Identifier: Apache-2.0 */
/* Many frames in lock-step: a search for each over the same permutations, parities from prefixes. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "reconcile/cascade_cells.h"
#include "reconcile/cascade_prefix.h"
#include "reconcile/spread.h"

enum { FRAMES_MAX = 1 << 20, NEAR = 16 /* frames that go through a round together */, TURNED = 1024 /* frames whose prefixes are made together */ };

struct qd_cascade_batch {
    qd_cascade_tables *tables;
    qd_cascade **search;
    uint64_t frames, questions;
    uint32_t *live; /* frames that are not done, in their order */
    uint64_t lives;
    uint64_t *prefix;      /* [frames], each as the searches have it */
    uint64_t *told, words; /* the parities asked in this round, made while the search of each frame is at hand */
    uint64_t rounds, bytes;
};

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for a batch of frames|||take fewer frames at a time");
}

/* ---- This side's next message ---------------------------------------------------------------------------------------------- */

static qd_status room(qd_cascade_batch *b, uint64_t more, qd_error *err) {
    const uint64_t words = qd_bits_words(b->questions + more) + 2; /* see qd_cascade_first_tell */
    if (words <= b->words) return QD_OK;
    uint64_t *w = qd_secret_alloc(2 * words * sizeof *w);
    if (!w) return no_memory(err);
    if (b->questions) memcpy(w, b->told, qd_bits_words(b->questions) * sizeof *w);
    qd_secret_free(b->told);
    b->told = w;
    b->words = 2 * words;
    return QD_OK;
}

static uint64_t prefix_words(const qd_cascade_plan *plan) {
    return plan->passes * (uint64_t)(plan->n / 64 + 1);
}

/* Own parity of a part. */
static uint64_t parity(const qd_cascade *s, qd_cascade_part x) {
    const uint32_t to = x.from + x.length;
    const uint64_t *own = qd_cascade_prefix_of(s, x.pass);
    return (own[x.from / 64] >> (x.from % 64) ^ own[to / 64] >> (to % 64)) & 1;
}

/* The parities that frame @p f asks for come behind those of the frames before it. */
static qd_status tell(qd_cascade_batch *b, uint64_t f, qd_error *err) {
    const qd_cascade *s = b->search[f];
    QD_TRY(room(b, s->asked.n, err));
    const size_t parts = s->dense ? s->end : s->asked.n;
    uint64_t at = b->questions;
    b->questions += s->asked.n;
    if (s->dense) at += qd_cascade_first_tell(s, b->told, at);
    uint64_t w = at % 64 ? b->told[at / 64] : 0;
    for (size_t i = 0; i < parts; i++) {
        w |= parity(s, s->asked.v[i]) << (at % 64);
        b->told[at / 64] = w;
        if (++at % 64 == 0) w = 0;
    }
    return QD_OK;
}

/* ---- A batch --------------------------------------------------------------------------------------------------------------- */

/* Prefixes come 64 frames a word: they are turned so that a word holds 64 positions of a frame. */
static void turn(qd_cascade_batch *b, uint64_t begin, uint64_t end, const uint64_t *rows) {
    const qd_cascade_plan *plan = &b->tables->plan;
    const uint64_t length = plan->n + (uint64_t)1, words = prefix_words(plan);
    uint64_t w[64], by[64];
    for (uint64_t first = begin; first < end; first += 64)
        for (uint64_t pass = 0; pass < plan->passes; pass++, rows += length)
            for (uint64_t at = 0; at < length; at += 64) {
                const uint64_t here = length - at < 64 ? length - at : 64, frames = end - first < 64 ? end - first : 64;
                memset(w, 0, sizeof w);
                memcpy(w, rows + at, here * sizeof *w);
                qd_transpose(w, by);
                uint64_t *to = b->prefix + first * words + pass * (plan->n / 64 + 1) + at / 64;
                for (uint64_t f = 0; f < frames; f++) to[f * words] = w[f];
            }
    qd_wipe(w, sizeof w);
    qd_wipe(by, sizeof by);
}

/* Of some frames at a time, so that few are there twice. */
static qd_status prefixes(qd_cascade_batch *b, const uint64_t *keys, qd_device *dev, qd_error *err) {
    const qd_cascade_plan *plan = &b->tables->plan;
    qd_prefix_ask ask = {plan->n, plan->passes, b->frames < TURNED ? b->frames : TURNED, b->tables->order, keys};
    uint64_t *rows = qd_secret_alloc(qd_prefix_words(&ask) * sizeof *rows);
    b->prefix = qd_secret_alloc(b->frames * prefix_words(plan) * sizeof *b->prefix);
    qd_status st = rows && b->prefix ? QD_OK : no_memory(err);
    for (uint64_t first = 0; first < b->frames && st == QD_OK; first += TURNED) {
        const uint64_t end = b->frames - first < TURNED ? b->frames : first + TURNED;
        ask.frames = end - first;
        ask.keys = keys + first * qd_bits_words(plan->n);
        st = qd_cascade_prefix_run(&ask, QD_PREFIX_AUTO, rows, dev, err);
        if (st == QD_OK) turn(b, first, end, rows);
    }
    qd_secret_free(rows);
    return st;
}

static qd_status begin(qd_cascade_batch *b, const uint64_t *keys, qd_device *dev, qd_error *err) {
    b->search = calloc(b->frames, sizeof *b->search);
    b->live = malloc(b->frames * sizeof *b->live);
    if (!b->search || !b->live) return no_memory(err);
    QD_TRY(prefixes(b, keys, dev, err));
    QD_TRY(qd_cascade_tables_share(b->tables, b->frames, err));
    for (uint64_t f = 0; f < b->frames; f++) {
        QD_TRY(qd_cascade_create_over(b->tables, b->prefix + f * prefix_words(&b->tables->plan), &b->search[f], err));
        QD_TRY(tell(b, f, err));
        b->live[b->lives++] = (uint32_t)f;
    }
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
    free(b->live);
    qd_cascade_tables_free(b->tables);
    qd_secret_free(b->prefix);
    qd_secret_free(b->told);
    free(b);
}

uint64_t qd_cascade_batch_questions(const qd_cascade_batch *b) {
    return b->questions;
}

void qd_cascade_batch_message(const qd_cascade_batch *b, uint64_t *parity) {
    if (b->questions) memcpy(parity, b->told, qd_bits_words(b->questions) * sizeof *parity);
}

/* What frames look at is far from each other in memory, and each look says where the next one is: all of some frames are on their way at once. */
static qd_status answer(qd_cascade_batch *b, const uint32_t *live, uint64_t n, const uint64_t *alice, const uint64_t *bob, uint64_t *at, qd_error *err) {
    for (uint64_t i = 0; i < n; i++) {
        qd_cascade *s = b->search[live[i]];
        const uint64_t asked = s->asked.n;
        QD_TRY(qd_cascade_hear(s, alice, bob, *at, err));
        *at += asked;
    }
    for (uint64_t i = 0; i < n; i++) qd_cascade_leaves_reach(b->search[live[i]]);
    for (uint64_t i = 0; i < n; i++) qd_cascade_leaves_touch(b->search[live[i]]);
    for (uint64_t i = 0; i < n; i++) QD_TRY(qd_cascade_go_on(b->search[live[i]], err));
    return QD_OK;
}

qd_status qd_cascade_batch_answer(qd_cascade_batch *b, const uint64_t *alice, const uint64_t *bob, qd_error *err) {
    if (b->questions == 0) return QD_OK;
    uint64_t at = 0, lives = 0;
    b->rounds++;
    b->bytes += qd_bits_bytes(b->questions);
    b->questions = 0;
    for (uint64_t i = 0; i < b->lives; i += NEAR) {
        uint32_t near[NEAR];
        const uint64_t n = b->lives - i < NEAR ? b->lives - i : NEAR;
        memcpy(near, b->live + i, n * sizeof *near); /* the list grows shorter from its beginning on */
        QD_TRY(answer(b, near, n, alice, bob, &at, err));
        for (uint64_t f = 0; f < n; f++) {
            if (b->search[near[f]]->asked.n == 0) continue;
            QD_TRY(tell(b, near[f], err));
            b->live[lives++] = near[f];
        }
    }
    b->lives = lives;
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
