/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/reconcile/truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "reconcile/rate.h"
#include "reconcile/syndrome.h"
#include "reconcile/truth_time.h"

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

static void first_code(const qd_frames_ask *ask, qd_code *code);

/* The core's bits alone. */
static uint32_t core_bits(const qd_code *c) {
    return (c->graph->kb + QD_CORE_ROWS - c->graph->punctured) * c->z;
}

/* Key bits of a frame in an attempt with code @p c. */
static uint32_t frame_bits(const qd_frames_ask *ask, const qd_code *c) {
    qd_code first = *c;
    if (ask->more == QD_MORE_ADD) first_code(ask, &first);
    return ask->more == QD_MORE_DROP ? core_bits(c) : first.n;
}

static qd_status check(const qd_frames_ask *ask, qd_error *err) {
    const qd_graph *g = qd_graph_of(ask->code);
    double least, most;
    qd_code c;
    if (!g) return qd_fail(err, QD_E_USAGE, "code %u is unknown", ask->code);
    if (qd_code_make(&c, ask->code, ask->z, QD_CORE_ROWS * ask->z, NULL) != QD_OK)
        return qd_fail(
            err, QD_E_USAGE,
            "%u is not a lifting size of %s||they are a 2^j up to %u, a one of 2, 3, 5, 7, 9, 11, 13, 15|take one of them",
            ask->z, g->name, g->z_most);
    qd_code_leaks(ask->code, &least, &most);
    if (ask->more == QD_MORE_DROP) most = 1;
    if (ask->leak != 0 && !(ask->leak >= least && ask->leak <= most))
        return qd_fail(err, QD_E_USAGE,
                       "a leak of %.4f is out of range||frames of %s disclose %.4f to %.4f|take another rate or code", ask->leak,
                       g->name, ceil(1e4 * least) / 1e4, floor(1e4 * most) / 1e4);
    if (ask->more == QD_MORE_GROW && ask->exact_errors)
        return qd_fail(err, QD_E_USAGE,
                       "frames that grow have no exact number of errors||their length is not known before|leave it out");
    return QD_OK;
}

/* The code of the first attempt. */
static void first_code(const qd_frames_ask *ask, qd_code *code) {
    qd_rate_code(code, ask->code, ask->z, ask->more == QD_MORE_DROP ? 0 : ask->leak, ask->qber);
    if (ask->more != QD_MORE_DROP) return;
    double leak = ask->leak > 0 ? ask->leak : (double)code->leak / code->n, most = code->graph->rows * ask->z;
    double m = code->graph->punctured * ask->z + round(leak * core_bits(code));
    (void)qd_code_make(code, ask->code, ask->z, (uint32_t)fmin(most, m), NULL); /* the leak is in range */
}

/* Constants of the decoder for it. Where extension columns are dropped, rows are added at an unchanged error rate: so do the
 * constants stay; and where messages do, for they are in units of c. */
static void rule_of(const qd_frames_ask *ask, const qd_code *c, qd_ldpc_rule *rule) {
    qd_code first;
    first_code(ask, &first);
    *rule = (qd_ldpc_rule){.max_iterations = ask->max_iterations,
                           .known = ask->more == QD_MORE_DROP  ? QD_CORE_ROWS * ask->z
                                    : ask->more == QD_MORE_ADD ? first.m
                                                               : 0};
    if (ask->more == QD_MORE_NONE || (ask->more == QD_MORE_GROW && !ask->go_on)) first = *c;
    qd_rate_constants((double)first.leak / frame_bits(ask, &first), rule);
    if (ask->c) rule->c = ask->c;
    if (ask->a) rule->a = ask->a;
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
    QD_TRY(check(ask, err));
    first_code(ask, &c);
    rule_of(ask, &c, &rule);
    *code = (qd_frames_code){c.m, frame_bits(ask, &c), c.leak, rule.c, rule.a, edges_of(&c)};
    return QD_OK;
}

/* ---- Batches --------------------------------------------------------------------------------------------------------------- */

typedef struct batch {
    const qd_frames_ask *ask;
    qd_code c; /* of the attempt */
    qd_ldpc_rule rule;
    qd_device *dev;
    qd_bits *key[2];                        /* Alice's and Bob's, of all frames, as long as they can get */
    qd_bits corrected;                      /* one frame's */
    uint64_t *alice, *bob, *got, *syndrome; /* of the frames still open */
    uint64_t *open, n_open, *spent;         /* their numbers in the batch; iterations of all frames */
    uint32_t *iterations, *place, attempts; /* place: open, as the decoder takes it */
    qd_ldpc_state *state;                   /* NULL: attempts start anew */
    qd_frame_tally t;
} batch;

static void batch_free(batch *b) {
    for (int i = 0; i < 2; i++) {
        for (uint64_t f = 0; b->key[i] && f < b->ask->frames; f++) qd_bits_destroy(&b->key[i][f]);
        free(b->key[i]);
    }
    qd_bits_destroy(&b->corrected);
    free(b->alice);
    free(b->bob);
    free(b->got);
    free(b->syndrome);
    free(b->open);
    free(b->spent);
    free(b->iterations);
    free(b->place);
    qd_ldpc_close(b->state);
}

/* The longest code that a frame can come to. */
static qd_code last_code(const batch *b) {
    qd_code c = b->c;
    if (b->ask->more != QD_MORE_NONE) (void)qd_code_make(&c, b->ask->code, b->ask->z, c.graph->rows * c.z, NULL);
    return c;
}

/* Strings as long as the longest code takes; where extension columns are dropped, zeros behind the frame. */
static qd_status draw_keys(batch *b, const qd_code *longest, qd_error *err) {
    qd_bits drawn[2] = {{0}, {0}};
    qd_status st;
    for (int i = 0; i < 2; i++) QD_TRY_OUT(st, qd_bits_create(&drawn[i], frame_bits(b->ask, longest), err));
    for (uint64_t f = 0; f < b->ask->frames; f++) {
        (void)qd_frame_draw_truth(b->ask->seed, b->ask->first + f, b->ask->qber, b->ask->exact_errors, &drawn[0], &drawn[1]);
        for (int i = 0; i < 2; i++) {
            QD_TRY_OUT(st, qd_bits_create(&b->key[i][f], longest->n, err));
            memcpy(b->key[i][f].w, drawn[i].w, qd_bits_words(drawn[i].n) * 8);
        }
    }
out:
    for (int i = 0; i < 2; i++) qd_bits_destroy(&drawn[i]);
    return st;
}

static qd_status begin(batch *b, qd_error *err) {
    const uint64_t n = b->ask->frames;
    first_code(b->ask, &b->c);
    const qd_code longest = last_code(b);
    b->key[0] = calloc(n, sizeof(qd_bits));
    b->key[1] = calloc(n, sizeof(qd_bits));
    b->alice = malloc(n * qd_frame_words(&longest) * 8);
    b->bob = malloc(n * qd_frame_words(&longest) * 8);
    b->got = malloc(n * qd_frame_words(&longest) * 8);
    b->syndrome = malloc(n * qd_syndrome_words(&longest) * 8);
    b->open = malloc(n * sizeof *b->open);
    b->spent = calloc(n, sizeof *b->spent);
    b->iterations = malloc(n * sizeof *b->iterations);
    b->place = malloc(n * sizeof *b->place);
    if (!b->key[0] || !b->key[1] || !b->alice || !b->bob || !b->got || !b->syndrome || !b->open || !b->spent || !b->iterations ||
        !b->place)
        return qd_fail(err, QD_E_INTERNAL, "no memory for the frames|||take fewer at once");
    for (b->n_open = 0; b->n_open < n; b->n_open++) b->open[b->n_open] = b->n_open;
    b->t.grows = b->ask->more == QD_MORE_GROW;
    QD_TRY(qd_bits_create(&b->corrected, longest.n, err));
    if (b->ask->go_on) QD_TRY(qd_ldpc_open(&b->state, &longest, n, b->dev, err));
    return draw_keys(b, &longest, err);
}

/* The open frames, as far as the attempt's code takes of them; private bits are the same in every attempt. */
static void load(batch *b) {
    const uint64_t words = qd_frame_words(&b->c);
    memset(b->alice, 0, b->n_open * words * 8);
    memset(b->bob, 0, b->n_open * words * 8);
    for (uint64_t k = 0; k < b->n_open; k++) {
        qd_random r = {.rehearsal = 1, .seed = b->ask->seed, .stream = QD_STREAM_PRIVATE, .entity = b->ask->first + b->open[k]};
        qd_frame_load(&b->c, &b->key[0][b->open[k]], 0, b->alice + k * words);
        qd_frame_load(&b->c, &b->key[1][b->open[k]], 0, b->bob + k * words);
        qd_frame_private(&b->c, &r, b->alice + k * words);
    }
}

static bool goes_on(const batch *b) {
    return b->state && b->attempts > 0 && (!b->ask->anew || b->attempts % b->ask->anew);
}

static qd_status syndromes(void *args, qd_error *err) {
    batch *b = args;
    return qd_syndrome_run(&b->c, QD_SYNDROME_AUTO, b->n_open, b->alice, b->syndrome, b->dev, err);
}

static qd_status decode(void *args, qd_error *err) {
    batch *b = args;
    if (!b->state)
        return qd_ldpc_run(&b->c, &b->rule, b->n_open, b->bob, b->syndrome, b->got, b->iterations, QD_LDPC_AUTO, b->dev, err);
    if (!goes_on(b)) QD_TRY(qd_ldpc_forget(b->state, err));
    for (uint64_t k = 0; k < b->n_open; k++) b->place[k] = (uint32_t)b->open[k];
    return qd_ldpc_go_on(b->state, &b->c, &b->rule, b->n_open, b->place, b->bob, b->syndrome, b->got, b->iterations, QD_LDPC_AUTO, err);
}

/* Flipped bits: those of the key columns in which Alice and Bob differ. */
static uint64_t errors_of(const qd_code *c, const uint64_t *alice, const uint64_t *bob) {
    uint64_t n = 0;
    for (size_t i = (size_t)c->graph->punctured * c->words; i < qd_frame_words(c); i++)
        n += (uint64_t)__builtin_popcountll(alice[i] ^ bob[i]);
    return n;
}

/* What the decoder made of the k-th open frame goes into its string. */
static void hand_on(batch *b, uint64_t k, bool solved, uint64_t bits) {
    const uint64_t f = b->open[k];
    if (!b->ask->strings) return;
    qd_frame_store(&b->c, b->got + k * qd_frame_words(&b->c), &b->corrected, 0);
    qd_strings_take_truth(b->ask->strings, b->ask->first + f, bits, b->key[0][f].w, solved ? b->corrected.w : NULL);
}

/* Those that are done, or have nothing left to try, are counted; the others stay open. */
static void close_done(batch *b, bool last) {
    const uint64_t words = qd_frame_words(&b->c), edges = edges_of(&b->c), bits = frame_bits(b->ask, &b->c);
    uint64_t left = 0;
    for (uint64_t k = 0; k < b->n_open; k++) {
        const uint64_t f = b->open[k], *alice = b->alice + k * words;
        const bool solved = b->iterations[k] > 0, right = memcmp(alice, b->got + k * words, words * 8) == 0;
        const uint32_t used = solved ? b->iterations[k] : b->rule.max_iterations;
        b->spent[f] += used;
        b->t.updates += (double)used * (double)edges;
        if (!solved && !last) {
            b->open[left++] = f;
            continue;
        }
        hand_on(b, k, solved, bits);
        qd_frame_tally_add(&b->t, &(qd_frame_outcome){.solved = solved,
                                                      .right = right,
                                                      .bits = bits,
                                                      .errors = errors_of(&b->c, alice, b->bob + k * words),
                                                      .code_bits = b->c.leak,
                                                      .charged = qd_truth_charge(solved && right, b->c.leak, bits, b->attempts),
                                                      .rounds = b->attempts,
                                                      .iterations = b->spent[f]});
    }
    b->n_open = left;
}

static qd_status attempts(batch *b, qd_error *err) {
    for (;;) {
        const uint32_t m = b->c.m + (b->ask->more == QD_MORE_NONE ? 0 : b->ask->step);
        const bool last = m == b->c.m || m > b->c.graph->rows * b->c.z;
        rule_of(b->ask, &b->c, &b->rule);
        if (goes_on(b)) b->rule.max_iterations = b->ask->go_on;
        else if (b->state && b->attempts && b->rule.max_iterations < QD_ANEW_ITERATIONS) b->rule.max_iterations = QD_ANEW_ITERATIONS;
        load(b);
        /* what went on would go on once more */
        QD_TRY(qd_truth_timed(b->dev, !goes_on(b), syndromes, decode, b, &b->t, err));
        b->attempts++;
        close_done(b, last);
        if (b->n_open == 0) return QD_OK;
        QD_TRY(qd_code_make(&b->c, b->ask->code, b->ask->z, m, err));
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
    t->grows |= more->grows;
    t->updates += more->updates;
    t->decode_seconds += more->decode_seconds;
    t->seconds += more->seconds;
}

qd_status qd_frames_truth(const qd_frames_ask *ask, qd_device *dev, qd_frame_tally *t, qd_error *err) {
    batch b = {.ask = ask, .dev = dev};
    QD_TRY(check(ask, err));
    qd_status st = begin(&b, err);
    if (st == QD_OK) st = attempts(&b, err);
    if (st == QD_OK) qd_frame_tally_join(t, &b.t);
    batch_free(&b);
    return st;
}
