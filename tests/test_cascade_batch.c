/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of Cascade: two stations that exchange one message a round for all frames, against searches of single frames. */
#include "cascade_suite.h"

#ifndef SUITE
#define SUITE "cascade_batch"
#endif

enum { FRAMES = 130, BITS = 1003, LONGEST = 1024, WORDS = LONGEST / 64, MOST = 4096 };

/* Two sides and their keys. Frame f has f % 60 errors: some are done long before others. */
typedef struct stations {
    qd_cascade_batch *side[2];
    cascade_pair pair[FRAMES];
} stations;

static void stations_make(stations *s, const qd_cascade_plan *plan) {
    static uint64_t keys[2][FRAMES * WORDS];
    const size_t words = qd_bits_words(plan->n);
    for (uint64_t f = 0; f < FRAMES; f++) {
        s->pair[f] = pair_make(31, f, plan->n, f % 60 * plan->n / BITS);
        memcpy(keys[0] + f * words, s->pair[f].alice.w, words * 8);
        memcpy(keys[1] + f * words, s->pair[f].bob.w, words * 8);
    }
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(qd_cascade_batch_create(plan, 32, 7, keys[i], FRAMES, NULL, &s->side[i], &err), QD_OK);
    memset(keys, 0, sizeof keys); /* they are not read again */
}

/* Passes end frame by frame, so the batch takes as many rounds as its slowest frame. */
static void sums_are(stations *s, qd_cascade_counts sum) {
    for (int i = 0; i < 2; i++) {
        const qd_cascade_counts c = qd_cascade_batch_counts_of(s->side[i]);
        ck_assert_mem_eq(&c, &sum, sizeof c);
        qd_cascade_batch_destroy(s->side[i]);
    }
}

/* All questions of a batch, and what comes of them: the same as of each frame alone. */
static void same_as_alone(const qd_cascade_plan *plan) {
    static uint64_t told[2][MOST];
    static stations s;
    qd_cascade_counts sum = {0}, c;
    stations_make(&s, plan);
    for (uint64_t n; (n = qd_cascade_batch_questions(s.side[0])) > 0; sum.alice_bytes += (n + 7) / 8) {
        ck_assert_uint_le(n, MOST * 64);
        ck_assert_uint_eq(qd_cascade_batch_questions(s.side[1]), n);
        for (int i = 0; i < 2; i++) qd_cascade_batch_message(s.side[i], told[i]);
        for (int i = 0; i < 2; i++) ck_ok(qd_cascade_batch_answer(s.side[i], told[0], told[1], &err));
    }
    for (uint64_t f = 0; f < FRAMES; f++) {
        const qd_cascade *alice = qd_cascade_batch_frame(s.side[0], f), *bob = qd_cascade_batch_frame(s.side[1], f);
        cascade_pair *p = &s.pair[f];
        qd_bits found;
        ck_ok(qd_bits_slice(&found, &p->bob, 0, plan->n, &err));
        for (size_t w = 0; w < qd_bits_words(plan->n); w++) found.w[w] ^= qd_cascade_errors(bob)->w[w];
        ck_assert(qd_bits_equal(qd_cascade_errors(alice), qd_cascade_errors(bob)));
        ck_ok(qd_cascade_frame_truth(plan, 32, 7, &p->alice, &p->bob, &c, &err));
        ck_assert(qd_bits_equal(&found, &p->bob)); /* corrected as if alone */
        const qd_cascade_counts here = qd_cascade_counts_of(bob);
        ck_assert_mem_eq(&here, &c, sizeof c);
        sum.alice_bits += c.alice_bits, sum.bob_bits += c.bob_bits, sum.corrected += c.corrected;
        sum.inferred += c.inferred, sum.passes += c.passes;
        sum.rounds = c.rounds > sum.rounds ? c.rounds : sum.rounds;
        qd_bits_destroy(&found);
        pair_free(p);
    }
    sum.bob_bytes = sum.alice_bytes;
    sums_are(&s, sum);
}

START_TEST(a_batch_is_its_frames) {
    for (uint32_t v = QD_CASCADE_ORIGINAL; v < QD_CASCADE_VARIANTS; v++) {
        if (v == QD_CASCADE_BICONF) continue;
        const qd_cascade_plan plan = plan_of((qd_cascade_variant)v, .04, BITS);
        same_as_alone(&plan);
    }
}
END_TEST

/* The order changes nothing of that. */
START_TEST(a_batch_is_its_frames_in_any_order) {
    qd_cascade_plan plan = plan_of(QD_CASCADE_OPT7, .04, BITS);
    for (plan.order = QD_CASCADE_SMALLEST; plan.order < QD_CASCADE_ORDERS; plan.order++) same_as_alone(&plan);
}
END_TEST

/* First blocks that are gone through in words, with and without a shorter one at the end, and some that are not. */
START_TEST(the_first_pass_is_any_pass) {
    static const uint32_t lengths[] = {66, 128, 1000, BITS, LONGEST}, block[] = {1, 2, 4, 5, 8, 16, 32, 64, 65};
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (size_t k = 0; k < sizeof block / sizeof *block; k++) {
            qd_cascade_plan plan = plan_of(QD_CASCADE_QD, .04, lengths[l]);
            plan.block[0] = block[k];
            same_as_alone(&plan);
        }
}
END_TEST

/* ---- Any plan, any answers ------------------------------------------------------------------------------------------------- */

typedef struct trial {
    qd_random r;
    qd_cascade_plan plan;
    uint64_t frames, noise; /* noise: wrong answers, of 1024 */
    qd_cascade_batch *batch;
    qd_cascade *alone[FRAMES];
    qd_bits key[FRAMES]; /* errors against zeros: the same sums as of two keys */
} trial;

static uint32_t any_block(trial *t) {
    const uint32_t n = t->plan.n, k = qd_random_below(&t->r, 3) ? 1u << qd_random_below(&t->r, 8) : 1 + (uint32_t)qd_random_below(&t->r, n);
    return k > n || qd_random_below(&t->r, 10) == 0 ? n : k;
}

static trial trial_make(uint64_t i) {
    static const uint64_t rates[] = {0, 1, 5, 20, 50}, noises[] = {0, 0, 1, 3, 50, 512};
    static uint64_t keys[FRAMES * 2048 / 64];
    trial t = {.r = {.rehearsal = 1, .seed = 77, .stream = QD_STREAM_TEST, .entity = i}};
    const uint64_t most = qd_random_below(&t.r, 4) ? 200 : 2040;
    t.plan = (qd_cascade_plan){.n = 2 + (uint32_t)qd_random_below(&t.r, most), .passes = 1 + (uint32_t)qd_random_below(&t.r, 6), .order = QD_CASCADE_PASS};
    if (qd_random_below(&t.r, 8) == 0) t.plan.order = (uint32_t)(1 + qd_random_below(&t.r, QD_CASCADE_ORDERS - 1));
    t.plan.infer = qd_random_below(&t.r, 2);
    for (uint32_t p = 0; p < t.plan.passes; p++) t.plan.block[p] = any_block(&t);
    t.frames = 1 + qd_random_below(&t.r, 40);
    t.noise = noises[qd_random_below(&t.r, 6)];
    const uint64_t rate = rates[qd_random_below(&t.r, 5)], words = qd_bits_words(t.plan.n);
    for (uint64_t f = 0; f < t.frames; f++) {
        ck_ok(qd_bits_create(&t.key[f], t.plan.n, &err));
        for (uint32_t b = 0; b < t.plan.n; b++) qd_bits_set(&t.key[f], b, qd_random_below(&t.r, 100) < rate);
        memcpy(keys + f * words, t.key[f].w, words * 8);
        ck_ok(qd_cascade_create(&t.plan, 78, i, &t.alone[f], &err));
    }
    ck_ok(qd_cascade_batch_create(&t.plan, 78, i, keys, t.frames, NULL, &t.batch, &err));
    return t;
}

static uint64_t bits_at(const uint64_t *w, uint64_t at) {
    return w[at / 64] >> (at % 64) & 1;
}

/* The message is those of the frames alone, one behind the other; then it is told with noise, to the frames too. Whether one of them refused. */
static bool round_alone(trial *t, uint64_t *told, uint64_t questions) {
    static uint64_t mine[MOST], theirs[MOST], zero[MOST];
    uint64_t at = 0;
    bool bad = false;
    for (uint64_t f = 0; f < t->frames && !bad; f++) {
        const uint64_t n = qd_cascade_questions(t->alone[f]);
        if (n == 0) continue;
        ck_assert_uint_le(at + n, questions);
        qd_cascade_parities(t->alone[f], &t->key[f], mine);
        memset(theirs, 0, qd_bits_words(n) * 8);
        for (uint64_t i = 0; i < n; i++, at++) {
            ck_assert_uint_eq(bits_at(mine, i), bits_at(told, at));
            const uint64_t noise = qd_random_below(&t->r, 1024) < t->noise;
            told[at / 64] ^= noise << (at % 64);
            theirs[i / 64] |= (bits_at(told, at)) << (i % 64);
        }
        const qd_status st = qd_cascade_answer(t->alone[f], theirs, zero, &err);
        ck_assert(st == QD_OK || st == QD_E_INPUT);
        bad = st != QD_OK;
    }
    if (!bad) ck_assert_uint_eq(at, questions);
    return bad;
}

static void ends_are_equal(const trial *t) {
    for (uint64_t f = 0; f < t->frames; f++) {
        const qd_cascade *x = qd_cascade_batch_frame(t->batch, f);
        const qd_cascade_counts a = qd_cascade_counts_of(x), b = qd_cascade_counts_of(t->alone[f]);
        ck_assert_mem_eq(&a, &b, sizeof a);
        ck_assert(qd_bits_equal(qd_cascade_errors(x), qd_cascade_errors(t->alone[f])));
        ck_assert_uint_eq(qd_cascade_questions(t->alone[f]), 0);
    }
}

/* Plans of no variant, as another station could send them, and answers of no key: a batch goes the way of its frames, and ends where they do. */
START_TEST(any_plan_and_any_answers) {
    static uint64_t told[MOST], zero[MOST];
    uint64_t refused = 0, done = 0;
    for (uint64_t i = 0; i < 400; i++) {
        trial t = trial_make(i);
        bool bad = false;
        for (uint64_t n; !bad && (n = qd_cascade_batch_questions(t.batch)) > 0;) {
            ck_assert_uint_le(n, MOST * 64);
            qd_cascade_batch_message(t.batch, told);
            if (n % 64) ck_assert_uint_eq(told[n / 64] >> (n % 64), 0);
            bad = round_alone(&t, told, n);
            ck_status(qd_cascade_batch_answer(t.batch, told, zero, &err), bad ? QD_E_INPUT : QD_OK);
        }
        if (!bad) ends_are_equal(&t);
        refused += bad;
        done += !bad;
        for (uint64_t f = 0; f < t.frames; f++) qd_cascade_destroy(t.alone[f]), qd_bits_destroy(&t.key[f]);
        qd_cascade_batch_destroy(t.batch);
    }
    ck_assert_uint_gt(refused, 10);
    ck_assert_uint_gt(done, 100);
}
END_TEST

/* Words of no question behind the last one of a message: three frames, two of which are done with the first pass while the third asks in its first word. */
START_TEST(a_message_that_fills_its_words) {
    enum { N = 16384 };
    const qd_cascade_plan plan = {.n = N, .passes = 2, .block = {64, 1}, .order = QD_CASCADE_PASS};
    static uint64_t told[3 * N / 64], zero[3 * N / 64];
    static uint32_t order[N];
    qd_cascade_batch *b;
    uint64_t *keys = calloc(3, N / 8), most = 0;
    qd_cascade_permutation(80, 81, 0, N, order);
    for (uint32_t block = 0; block < 64; block++) keys[2 * N / 64 + order[64 * block] / 64] |= (uint64_t)1 << (order[64 * block] % 64);
    ck_ok(qd_cascade_batch_create(&plan, 80, 81, keys, 3, NULL, &b, &err));
    for (uint64_t n; (n = qd_cascade_batch_questions(b)) > 0;) {
        qd_cascade_batch_message(b, told);
        ck_ok(qd_cascade_batch_answer(b, told, zero, &err));
        most = n > most ? n : most;
    }
    ck_assert_uint_eq(most, 2 * N + 64); /* two frames ask for each bit, and the third for half of each odd block */
    ck_assert_uint_eq(memcmp(qd_cascade_errors(qd_cascade_batch_frame(b, 2))->w, keys + 2 * N / 64, N / 8), 0);
    qd_cascade_batch_destroy(b);
    free(keys);
}
END_TEST

START_TEST(bad_batches_are_refused) {
    qd_cascade_batch *b;
    static uint64_t keys[WORDS];
    qd_cascade_plan plan = plan_of(QD_CASCADE_BICONF, .04, BITS);
    ck_assert_int_eq(qd_cascade_batch_create(&plan, 1, 1, keys, 1, NULL, &b, &err), QD_E_USAGE);
    ck_assert_ptr_null(b);
    plan = plan_of(QD_CASCADE_OPT7, .04, BITS);
    ck_assert_int_eq(qd_cascade_batch_create(&plan, 1, 1, keys, 0, NULL, &b, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_cascade_batch_create(&plan, 1, 1ull << 32, keys, 1, NULL, &b, &err), QD_E_USAGE);
    plan.block[2] = 0;
    ck_assert_int_eq(qd_cascade_batch_create(&plan, 1, 1, keys, 1, NULL, &b, &err), QD_E_USAGE);
    /* Answers of no key end with QD_E_INPUT or in peace, not in a loop. */
    for (uint64_t v = 0; v < 2; v++) {
        plan = plan_of(v ? QD_CASCADE_QD : QD_CASCADE_OPT7, .04, BITS);
        ck_assert_int_eq(qd_cascade_batch_create(&plan, 1, 1, keys, 1, NULL, &b, &err), QD_OK);
        qd_random r = {.rehearsal = 1, .seed = 1 + v, .stream = QD_STREAM_TEST};
        static uint64_t a[MOST], zero[MOST];
        qd_status st = QD_OK;
        while (st == QD_OK && qd_cascade_batch_questions(b)) {
            qd_random_bytes(&r, a, sizeof a);
            st = qd_cascade_batch_answer(b, a, zero, &err);
        }
        ck_assert(st == QD_OK || st == QD_E_INPUT);
        qd_cascade_batch_destroy(b);
    }
}
END_TEST

int main(void) {
    const TTest *tests[] = {a_batch_is_its_frames, a_batch_is_its_frames_in_any_order, the_first_pass_is_any_pass, any_plan_and_any_answers, a_message_that_fills_its_words,
                            bad_batches_are_refused};
    return run_tests(SUITE, tests, sizeof tests / sizeof *tests, 120);
}
