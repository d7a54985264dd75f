/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/reconcile/truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "reconcile/rate.h"
#include "reconcile/syndrome.h"

static void add(qd_frame_sum *s, uint64_t x, uint64_t errors) {
    double v = (double)x;
    s->sum += v;
    s->squares += v * v;
    s->by_errors += v * (double)errors;
}

void qd_frame_tally_add(qd_frame_tally *t, const qd_frame_outcome *f) {
    t->frames++;
    t->bits += f->bits;
    t->failed += !f->solved || !f->right;
    t->undetected += f->solved && !f->right;
    add(&t->errors, f->errors, f->errors);
    add(&t->code_bits, f->code_bits, f->errors);
    add(&t->charged, f->charged, f->errors);
    add(&t->rounds, f->rounds, f->errors);
    add(&t->iterations, f->iterations, f->errors);
}

/* ---- Frames --------------------------------------------------------------------------------------------------------------- */

static uint64_t flip_each(qd_random *r, double q, qd_bits *b) {
    const uint64_t below = (uint64_t)llround(ldexp(q, 32));
    uint64_t flipped = 0;
    for (uint64_t i = 0; i < b->n; i += 64) {
        uint32_t draw[64];
        uint64_t turn = 0, n = b->n - i < 64 ? b->n - i : 64;
        qd_random_bytes(r, draw, n * sizeof *draw);
        for (uint64_t k = 0; k < n; k++) turn |= (uint64_t)(draw[k] < below) << k;
        b->w[i / 64] ^= turn;
        flipped += (uint64_t)__builtin_popcountll(turn);
    }
    return flipped;
}

static uint64_t flip_some(qd_random *r, double q, const qd_bits *alice, qd_bits *b) {
    const uint64_t k = (uint64_t)llround(q * (double)b->n);
    for (uint64_t i = 0; i < k;) {
        uint64_t at = qd_random_below(r, b->n);
        bool now = !qd_bits_get(alice, at);
        i += qd_bits_get(b, at) != now; /* else it is flipped already */
        qd_bits_set(b, at, now);
    }
    return k;
}

uint64_t qd_frame_draw_truth(uint64_t seed, uint64_t frame, double q, bool exact, qd_bits *alice, qd_bits *bob) {
    qd_random key = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST, .entity = frame},
              flip = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_FLIP, .entity = frame};
    size_t words = qd_bits_words(alice->n);
    qd_random_bytes(&key, alice->w, words * 8);
    if (alice->n % 64) alice->w[words - 1] &= ((uint64_t)1 << alice->n % 64) - 1;
    memcpy(bob->w, alice->w, words * 8);
    return exact ? flip_some(&flip, q, alice, bob) : flip_each(&flip, q, bob);
}

/* ---- A lifted code -------------------------------------------------------------------------------------------------------- */

static qd_status resolve(const qd_frames_ask *ask, qd_code *code, qd_ldpc_rule *rule, qd_error *err) {
    const qd_graph *g = qd_graph_of(ask->code);
    double least, most, leak = ask->leak;
    if (!g) return qd_fail(err, QD_E_USAGE, "code %u is unknown", ask->code);
    qd_code_leaks(ask->code, &least, &most);
    qd_status st = qd_code_make(code, ask->code, ask->z, QD_CORE_ROWS * ask->z, NULL);
    if (st != QD_OK)
        return qd_fail(
            err, QD_E_USAGE,
            "%u is not a lifting size of %s||they are a 2^j up to 384, a one of 2, 3, 5, 7, 9, 11, 13, 15|take one of them",
            ask->z, g->name);
    if (leak > 0 && !(leak >= least && leak <= most))
        return qd_fail(err, QD_E_USAGE,
                       "a leak of %.4f is out of range||frames of %s disclose %.4f to %.4f|take another rate or code", ask->leak,
                       g->name, ceil(1e4 * least) / 1e4, floor(1e4 * most) / 1e4);
    qd_rate_code(code, ask->code, ask->z, leak, ask->qber);
    qd_rate_rule(code, rule);
    if (ask->c) rule->c = ask->c;
    if (ask->a) rule->a = ask->a;
    rule->max_iterations = ask->max_iterations;
    return QD_OK;
}

static uint64_t edges_of(const qd_code *c) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < c->rows; i++)
        n += (uint64_t)(c->graph->row_start[i + 1] - c->graph->row_start[i]) * qd_code_row_bits(c, i);
    return n;
}

qd_status qd_frames_code_of(const qd_frames_ask *ask, qd_frames_code *code, qd_error *err) {
    qd_code c;
    qd_ldpc_rule rule;
    QD_TRY(resolve(ask, &c, &rule, err));
    *code = (qd_frames_code){c.m, c.n, c.leak, rule.c, rule.a, edges_of(&c)};
    return QD_OK;
}

typedef struct batch {
    const qd_frames_ask *ask;
    qd_code c;
    qd_ldpc_rule rule;
    qd_device *dev;
    uint64_t *alice, *bob, *got, *syndrome, *errors;
    uint32_t *iterations;
} batch;

static void batch_free(batch *b) {
    free(b->alice);
    free(b->bob);
    free(b->got);
    free(b->syndrome);
    free(b->errors);
    free(b->iterations);
}

static qd_status draw(batch *b, qd_error *err) {
    const uint64_t n = b->ask->frames, words = qd_frame_words(&b->c);
    qd_bits key[2] = {{0}, {0}};
    qd_status st;
    b->alice = calloc(n * words, 8);
    b->bob = calloc(n * words, 8);
    b->got = malloc(n * words * 8);
    b->syndrome = malloc(n * qd_syndrome_words(&b->c) * 8);
    b->errors = malloc(n * sizeof *b->errors);
    b->iterations = malloc(n * sizeof *b->iterations);
    if (!b->alice || !b->bob || !b->got || !b->syndrome || !b->errors || !b->iterations)
        return qd_fail(err, QD_E_INTERNAL, "no memory for the frames|||take fewer at once");
    for (int i = 0; i < 2; i++) QD_TRY_OUT(st, qd_bits_create(&key[i], b->c.n, err));
    for (uint64_t f = 0; f < n; f++) {
        const uint64_t frame = b->ask->first + f;
        qd_random r = {.rehearsal = 1, .seed = b->ask->seed, .stream = QD_STREAM_PRIVATE, .entity = frame};
        b->errors[f] = qd_frame_draw_truth(b->ask->seed, frame, b->ask->qber, b->ask->exact_errors, &key[0], &key[1]);
        qd_frame_load(&b->c, &key[0], 0, b->alice + f * words);
        qd_frame_private(&b->c, &r, b->alice + f * words);
        qd_frame_load(&b->c, &key[1], 0, b->bob + f * words);
    }
out:
    for (int i = 0; i < 2; i++) qd_bits_destroy(&key[i]);
    return st;
}

/* Kernels' seconds on a device, by the wall on the reference. */
static double device_seconds(const batch *b) {
    return b->dev ? qd_device_time_read(b->dev).kernel_seconds : qd_now();
}

static double built(const batch *b) {
    return b->dev ? qd_device_time_read(b->dev).build_seconds : 0;
}

/* Drivers may compile on until a kernel first runs: what built one is timed once more. */
static qd_status correct(batch *b, qd_frame_tally *t, qd_error *err) {
    const uint64_t n = b->ask->frames;
    double before = 0;
    for (int i = 0; i == 0 || (i == 1 && built(b) > before); i++) {
        double start = qd_now(), decode;
        before = built(b);
        QD_TRY(qd_syndrome_run(&b->c, n, b->alice, b->syndrome, b->dev, err));
        decode = device_seconds(b);
        QD_TRY(qd_ldpc_run(&b->c, &b->rule, n, b->bob, b->syndrome, b->got, b->iterations, QD_LDPC_AUTO, b->dev, err));
        t->decode_seconds = device_seconds(b) - decode;
        t->seconds = qd_now() - start;
    }
    return QD_OK;
}

static void count(const batch *b, qd_frame_tally *t) {
    const uint64_t words = qd_frame_words(&b->c), edges = edges_of(&b->c);
    for (uint64_t f = 0; f < b->ask->frames; f++) {
        bool solved = b->iterations[f] > 0, right = memcmp(b->alice + f * words, b->got + f * words, words * 8) == 0;
        uint32_t used = solved ? b->iterations[f] : b->rule.max_iterations;
        /* A kept frame costs its code bits, one that tags or decoder found wrong all of it; and Bob's yes or no. */
        qd_frame_tally_add(t, &(qd_frame_outcome){.solved = solved,
                                                  .right = right,
                                                  .bits = b->c.n,
                                                  .errors = b->errors[f],
                                                  .code_bits = b->c.leak,
                                                  .charged = (solved && right ? b->c.leak : b->c.n) + 1,
                                                  .rounds = 1,
                                                  .iterations = used});
        t->updates += (double)used * (double)edges;
    }
}

static void join(qd_frame_sum *s, const qd_frame_sum *more) {
    s->sum += more->sum;
    s->squares += more->squares;
    s->by_errors += more->by_errors;
}

void qd_frame_tally_join(qd_frame_tally *t, const qd_frame_tally *more) {
    t->frames += more->frames;
    t->bits += more->bits;
    t->failed += more->failed;
    t->undetected += more->undetected;
    join(&t->errors, &more->errors);
    join(&t->code_bits, &more->code_bits);
    join(&t->charged, &more->charged);
    join(&t->rounds, &more->rounds);
    join(&t->iterations, &more->iterations);
    t->updates += more->updates;
    t->decode_seconds += more->decode_seconds;
    t->seconds += more->seconds;
}

qd_status qd_frames_truth(const qd_frames_ask *ask, qd_device *dev, qd_frame_tally *t, qd_error *err) {
    batch b = {.ask = ask, .dev = dev};
    qd_frame_tally here = {0};
    QD_TRY(resolve(ask, &b.c, &b.rule, err));
    qd_status st = draw(&b, err);
    if (st == QD_OK) st = correct(&b, &here, err);
    if (st == QD_OK) {
        count(&b, &here);
        qd_frame_tally_join(t, &here);
    }
    batch_free(&b);
    return st;
}
