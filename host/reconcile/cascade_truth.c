/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of Cascade: frames drawn, searched, and compared with what was sent. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/report.h"
#include "qdistill/reconcile/truth.h"

enum { TOGETHER_MOST = 1 << 20 };

/* Frames that are searched at once. */
typedef struct group {
    const qd_cascade_ask *ask;
    uint64_t first, frames, words;
    qd_bits key[2];           /* Alice's and Bob's, of one frame */
    uint64_t *alice, *errors; /* of all; Bob's are their sum */
    uint64_t *flips;          /* how many errors each has */
    uint64_t *told, told_words;
    qd_cascade_batch *search;
    double seconds;
} group;

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for the frames|||take fewer at once");
}

static void add(const qd_cascade_ask *a, uint64_t frame, uint64_t errors, const qd_cascade_counts *c, const uint64_t *alice,
                const uint64_t *bob, qd_frame_tally *t) {
    const bool right = memcmp(alice, bob, qd_bits_words(a->plan.n) * 8) == 0;
    if (a->strings) qd_strings_take_truth(a->strings, frame, a->plan.n, alice, bob);
    qd_frame_tally_add(t, &(qd_frame_outcome){.solved = true,
                                              .right = right,
                                              .bits = a->plan.n,
                                              .errors = errors,
                                              .code_bits = c->alice_bits,
                                              .charged = right ? c->alice_bits + c->bob_bits : a->plan.n,
                                              .rounds = c->rounds});
}

/* ---- A frame by itself ----------------------------------------------------------------------------------------------------- */

static qd_status alone(group *g, uint64_t frame, qd_frame_tally *t, qd_error *err) {
    const qd_cascade_ask *a = g->ask;
    qd_cascade_counts c;
    const uint64_t errors = qd_frame_draw_truth(a->seed, frame, a->qber, a->exact_errors, &g->key[0], &g->key[1]);
    const double start = qd_now();
    QD_TRY(qd_cascade_frame_truth(&a->plan, a->seed, frame, &g->key[0], &g->key[1], &c, err));
    g->seconds += qd_now() - start;
    add(a, frame, errors, &c, g->key[0].w, g->key[1].w, t);
    return QD_OK;
}

/* ---- Frames together --------------------------------------------------------------------------------------------------------- */

static void draw(group *g) {
    const qd_cascade_ask *a = g->ask;
    for (uint64_t f = 0; f < g->frames; f++) {
        uint64_t *alice = g->alice + f * g->words, *errors = g->errors + f * g->words;
        g->flips[f] = qd_frame_draw_truth(a->seed, g->first + f, a->qber, a->exact_errors, &g->key[0], &g->key[1]);
        for (uint64_t w = 0; w < g->words; w++) {
            alice[w] = g->key[0].w[w];
            errors[w] = g->key[0].w[w] ^ g->key[1].w[w];
        }
    }
}

/* Room for a message of @p n questions, and one of zeros. */
static qd_status messages(group *g, uint64_t n, qd_error *err) {
    if (qd_bits_words(n) <= g->told_words) return QD_OK;
    free(g->told);
    g->told_words = qd_bits_words(n);
    g->told = calloc(2 * g->told_words, sizeof *g->told);
    return g->told ? QD_OK : no_memory(err);
}

/* A search follows from the sums of both sides' parities alone: those of the errors against zeros are the same sums, for half the
 * work. */
static qd_status search(group *g, qd_device *dev, qd_error *err) {
    const qd_cascade_ask *a = g->ask;
    const double start = qd_now();
    QD_TRY(qd_cascade_batch_create(&a->plan, a->seed, g->first / a->together, g->errors, g->frames, dev, &g->search, err));
    for (uint64_t n; (n = qd_cascade_batch_questions(g->search)) > 0;) {
        QD_TRY(messages(g, n, err));
        qd_cascade_batch_message(g->search, g->told);
        QD_TRY(qd_cascade_batch_answer(g->search, g->told, g->told + g->told_words, err));
    }
    g->seconds += qd_now() - start;
    return QD_OK;
}

static void count(group *g, qd_frame_tally *t) {
    uint64_t *bob = g->key[1].w;
    for (uint64_t f = 0; f < g->frames; f++) {
        const qd_cascade *s = qd_cascade_batch_frame(g->search, f);
        const qd_cascade_counts c = qd_cascade_counts_of(s);
        const uint64_t *alice = g->alice + f * g->words, *errors = g->errors + f * g->words;
        for (uint64_t w = 0; w < g->words; w++) bob[w] = alice[w] ^ errors[w] ^ qd_cascade_errors(s)->w[w];
        add(g->ask, g->first + f, g->flips[f], &c, alice, bob, t);
    }
}

static qd_status together(group *g, qd_device *dev, qd_frame_tally *t, qd_error *err) {
    draw(g);
    qd_status st = search(g, dev, err);
    if (st == QD_OK) count(g, t);
    qd_cascade_batch_destroy(g->search);
    g->search = NULL;
    return st;
}

/* Groups begin where the frames' numbers say so, however the frames are cut into calls. */
static qd_status groups(group *g, qd_device *dev, qd_frame_tally *t, qd_error *err) {
    const qd_cascade_ask *a = g->ask;
    const uint64_t most = a->together < a->frames ? a->together : a->frames, end = a->first + a->frames;
    g->alice = malloc((most * g->words + 1) * 8);
    g->errors = malloc((most * g->words + 1) * 8);
    g->flips = malloc((most + 1) * sizeof *g->flips);
    if (!g->alice || !g->errors || !g->flips) return no_memory(err);
    for (g->first = a->first; g->first < end; g->first += g->frames) {
        const uint64_t next = (g->first / a->together + 1) * a->together;
        g->frames = (next < end ? next : end) - g->first;
        QD_TRY(together(g, dev, t, err));
    }
    return QD_OK;
}

static void group_free(group *g) {
    for (int i = 0; i < 2; i++) qd_bits_destroy(&g->key[i]);
    free(g->alice);
    free(g->errors);
    free(g->flips);
    free(g->told);
}

qd_status qd_cascade_truth(const qd_cascade_ask *ask, qd_device *dev, qd_frame_tally *t, qd_error *err) {
    group g = {.ask = ask, .words = qd_bits_words(ask->plan.n)};
    qd_frame_tally mine = {0};
    if (ask->together < 1 || ask->together > TOGETHER_MOST || (ask->together > 1 && ask->plan.quiet > 0))
        return qd_fail(err, QD_E_USAGE,
                       "frames cannot go together so||1 to %d of them share their permutations; with rounds of both halves, as biconf has "
                       "them, each has its own|leave it out",
                       TOGETHER_MOST);
    qd_status st = QD_OK;
    for (int i = 0; i < 2 && st == QD_OK; i++) st = qd_bits_create(&g.key[i], ask->plan.n, err);
    if (st == QD_OK && ask->together > 1) st = groups(&g, dev, &mine, err);
    for (uint64_t f = 0; f < ask->frames && ask->together == 1 && st == QD_OK; f++) st = alone(&g, ask->first + f, &mine, err);
    mine.seconds = mine.decode_seconds = g.seconds;
    if (st == QD_OK) qd_frame_tally_join(t, &mine);
    group_free(&g);
    return st;
}
