/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of Cascade: two stations that exchange one message a round for all frames, against searches of single frames. */
#include "cascade_suite.h"

enum { FRAMES = 130, BITS = 1003, WORDS = (BITS + 63) / 64, MOST = 4096 };

/* Two sides and their keys. Frame f has f % 60 errors: some are done long before others. */
typedef struct stations {
    qd_cascade_batch *side[2];
    cascade_pair pair[FRAMES];
} stations;

static void stations_make(stations *s, const qd_cascade_plan *plan) {
    static uint64_t keys[2][FRAMES * WORDS];
    for (uint64_t f = 0; f < FRAMES; f++) {
        s->pair[f] = pair_make(31, f, BITS, f % 60);
        memcpy(keys[0] + f * WORDS, s->pair[f].alice.w, WORDS * 8);
        memcpy(keys[1] + f * WORDS, s->pair[f].bob.w, WORDS * 8);
    }
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(qd_cascade_batch_create(plan, 32, 7, keys[i], FRAMES, NULL, &s->side[i], &err), QD_OK);
    memset(keys, 0, sizeof keys); /* they are not read again */
}

START_TEST(a_batch_is_its_frames) {
    for (uint32_t v = QD_CASCADE_ORIGINAL; v < QD_CASCADE_VARIANTS; v++) {
        if (v == QD_CASCADE_BICONF) continue;
        static uint64_t told[2][MOST];
        stations s;
        qd_cascade_plan plan = plan_of((qd_cascade_variant)v, .04, BITS);
        qd_cascade_counts sum = {0}, c;
        uint64_t bytes = 0, rounds = 0, most = 0;
        stations_make(&s, &plan);
        for (uint64_t n; (n = qd_cascade_batch_questions(s.side[0])) > 0; rounds++, bytes += (n + 7) / 8) {
            ck_assert_uint_le(n, MOST * 64);
            ck_assert_uint_eq(qd_cascade_batch_questions(s.side[1]), n);
            for (int i = 0; i < 2; i++) qd_cascade_batch_message(s.side[i], told[i]);
            for (int i = 0; i < 2; i++) ck_assert_int_eq(qd_cascade_batch_answer(s.side[i], told[0], told[1], &err), QD_OK);
        }
        for (uint64_t f = 0; f < FRAMES; f++) {
            const qd_cascade *alice = qd_cascade_batch_frame(s.side[0], f), *bob = qd_cascade_batch_frame(s.side[1], f);
            cascade_pair *p = &s.pair[f];
            qd_bits found;
            ck_assert_int_eq(qd_bits_slice(&found, &p->bob, 0, BITS, &err), QD_OK);
            for (int w = 0; w < WORDS; w++) found.w[w] ^= qd_cascade_errors(bob)->w[w];
            ck_assert(qd_bits_equal(qd_cascade_errors(alice), qd_cascade_errors(bob)));
            ck_assert_int_eq(qd_cascade_frame_truth(&plan, 32, 7, &p->alice, &p->bob, &c, &err), QD_OK);
            ck_assert(qd_bits_equal(&found, &p->bob)); /* corrected as if alone */
            qd_cascade_counts here = qd_cascade_counts_of(bob);
            ck_assert_mem_eq(&here, &c, sizeof c);
            sum.alice_bits += c.alice_bits, sum.bob_bits += c.bob_bits, sum.corrected += c.corrected;
            sum.inferred += c.inferred, sum.passes += c.passes;
            most = c.rounds > most ? c.rounds : most;
            qd_bits_destroy(&found);
            pair_free(p);
        }
        /* Passes end frame by frame, so the batch takes as many rounds as its slowest frame. */
        sum.rounds = most, sum.alice_bytes = sum.bob_bytes = bytes;
        ck_assert_uint_eq(rounds, most);
        for (int i = 0; i < 2; i++) {
            c = qd_cascade_batch_counts_of(s.side[i]);
            ck_assert_mem_eq(&c, &sum, sizeof c);
            qd_cascade_batch_destroy(s.side[i]);
        }
    }
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
    plan = plan_of(QD_CASCADE_OPT7, .04, BITS);
    ck_assert_int_eq(qd_cascade_batch_create(&plan, 1, 1, keys, 1, NULL, &b, &err), QD_OK);
    qd_random r = {.rehearsal = 1, .seed = 1, .stream = QD_STREAM_TEST};
    static uint64_t a[MOST], zero[MOST];
    qd_status st = QD_OK;
    while (st == QD_OK && qd_cascade_batch_questions(b)) {
        qd_random_bytes(&r, a, sizeof a);
        st = qd_cascade_batch_answer(b, a, zero, &err);
    }
    ck_assert(st == QD_OK || st == QD_E_INPUT);
    qd_cascade_batch_destroy(b);
}
END_TEST

int main(void) {
    const TTest *tests[] = {a_batch_is_its_frames, bad_batches_are_refused};
    return run_tests("cascade_batch", tests, sizeof tests / sizeof *tests, 0);
}
