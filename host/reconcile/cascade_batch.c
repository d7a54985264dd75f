/* SPDX-License-Identifier: Apache-2.0 */
/* Many frames in lock-step: a search for each over the same permutations, parities from prefixes. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "reconcile/cascade_prefix.h"
#include "reconcile/cascade_search.h"

enum { FRAMES_MAX = 1 << 20, NONE = UINT32_MAX, LINE = 64 /* bytes that are fetched at once */ };

struct qd_cascade_batch {
    qd_cascade_tables *tables;
    qd_cascade **search;
    uint64_t frames, questions;
    uint32_t *live; /* frames that are not done, in their order */
    uint64_t lives;
    uint64_t *prefix;      /* as qd_cascade_prefix_run */
    uint64_t *told, words; /* the parities asked in this round, made while the search of each frame is at hand */
    uint64_t rounds, bytes;
};

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for a batch of frames|||take fewer frames at a time");
}

/* ---- This side's next message ---------------------------------------------------------------------------------------------- */

static qd_status room(qd_cascade_batch *b, uint64_t more, qd_error *err) {
    const uint64_t words = qd_bits_words(b->questions + more);
    if (words <= b->words) return QD_OK;
    uint64_t *w = qd_secret_alloc(2 * words * sizeof *w);
    if (!w) return no_memory(err);
    if (b->questions) memcpy(w, b->told, qd_bits_words(b->questions) * sizeof *w);
    qd_secret_free(b->told);
    b->told = w;
    b->words = 2 * words;
    return QD_OK;
}

static const uint64_t *rows_of(const qd_cascade_batch *b, uint64_t f) {
    const qd_cascade_plan *plan = &b->tables->plan;
    return b->prefix + f / 64 * plan->passes * (plan->n + (uint64_t)1);
}

/* The parities that frame @p f asks for come behind those of the frames before it. */
static qd_status tell(qd_cascade_batch *b, uint64_t f, qd_error *err) {
    const qd_cascade *s = b->search[f];
    const uint64_t row_words = b->tables->plan.n + (uint64_t)1, *rows = rows_of(b, f);
    QD_TRY(room(b, s->asked.n, err));
    uint64_t at = b->questions, w = at % 64 ? b->told[at / 64] : 0;
    for (size_t i = 0; i < s->asked.n; i++) {
        const qd_cascade_part a = s->asked.v[i];
        const uint64_t *row = rows + a.pass * row_words + a.from;
        w |= ((row[0] ^ row[a.length]) >> (f % 64) & 1) << (at % 64);
        b->told[at / 64] = w;
        if (++at % 64 == 0) w = 0;
    }
    b->questions = at;
    return QD_OK;
}

/* ---- A batch --------------------------------------------------------------------------------------------------------------- */

static qd_status begin(qd_cascade_batch *b, const uint64_t *keys, qd_device *dev, qd_error *err) {
    const qd_cascade_plan *plan = &b->tables->plan;
    qd_prefix_ask ask = {plan->n, plan->passes, b->frames, b->tables->order, keys};
    b->prefix = qd_secret_alloc(qd_prefix_words(&ask) * sizeof *b->prefix);
    b->search = calloc(b->frames, sizeof *b->search);
    b->live = malloc(b->frames * sizeof *b->live);
    if (!b->prefix || !b->search || !b->live) return no_memory(err);
    QD_TRY(qd_cascade_prefix_run(&ask, QD_PREFIX_AUTO, b->prefix, dev, err));
    QD_TRY(qd_cascade_tables_share(b->tables, b->frames, err));
    for (uint64_t f = 0; f < b->frames; f++) {
        QD_TRY(qd_cascade_create_over(b->tables, &b->search[f], err));
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

/* Frames are far from each other in memory: what the next ones need is fetched while one is worked on. */
static void fetch_search(const qd_cascade_batch *b, uint64_t i) {
    if (i + 2 < b->lives)
        for (size_t at = 0; at < offsetof(qd_cascade, tree); at += LINE)
            __builtin_prefetch((const char *)b->search[b->live[i + 2]] + at);
    if (i + 1 < b->lives) qd_cascade_leaves_fetch(b->search[b->live[i + 1]]);
}

static void fetch_prefixes(const qd_cascade_batch *b, uint64_t f) {
    const qd_cascade_parts *asked = &b->search[f]->asked;
    const uint64_t row_words = b->tables->plan.n + (uint64_t)1, *rows = rows_of(b, f);
    for (size_t i = 0; i < asked->n && i < QD_CASCADE_FETCHED; i++) {
        const qd_cascade_part a = asked->v[i];
        __builtin_prefetch(rows + a.pass * row_words + a.from);
        __builtin_prefetch(rows + a.pass * row_words + a.from + a.length);
    }
}

qd_status qd_cascade_batch_answer(qd_cascade_batch *b, const uint64_t *alice, const uint64_t *bob, qd_error *err) {
    if (b->questions == 0) return QD_OK;
    uint64_t at = 0, lives = 0;
    uint32_t waits = NONE; /* the frame whose prefixes are being fetched */
    b->rounds++;
    b->bytes += qd_bits_bytes(b->questions);
    b->questions = 0;
    for (uint64_t i = 0; i < b->lives; i++) {
        const uint32_t f = b->live[i];
        const uint64_t n = b->search[f]->asked.n;
        fetch_search(b, i);
        QD_TRY(qd_cascade_answer_at(b->search[f], alice, bob, at, err));
        at += n;
        fetch_prefixes(b, f);
        if (waits != NONE) QD_TRY(tell(b, waits, err));
        waits = b->search[f]->asked.n > 0 ? f : NONE;
        if (waits != NONE) b->live[lives++] = f;
    }
    b->lives = lives;
    return waits != NONE ? tell(b, waits, err) : QD_OK;
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
