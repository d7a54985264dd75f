/* SPDX-License-Identifier: Apache-2.0 */
/* Prefix parities: against the searches' own parities, and frames whose prefixes are known. */
#include "cascade_suite.h"
#include "reconcile/cascade_prefix.h"

/* Every parity that searches of 70 frames ask for, from prefixes: blocks, halves, and rounds of both ends. */
START_TEST(blocks_are_two_bits_of_a_prefix) {
    enum { FRAMES = 70, BITS = 1003, ERRORS = 40 };
    qd_cascade_plan plan = plan_of(QD_CASCADE_OPT7, .04, BITS);
    size_t words = qd_bits_words(BITS);
    uint32_t *order = malloc((size_t)plan.passes * BITS * sizeof *order);
    uint64_t *keys = malloc(FRAMES * words * 8);
    qd_prefix_ask ask = {BITS, plan.passes, FRAMES, order, keys};
    uint64_t *prefix = malloc(qd_prefix_words(&ask) * 8), questions = 0;
    cascade_pair pair[FRAMES];
    for (uint64_t f = 0; f < FRAMES; f++) {
        pair[f] = pair_make(21, f, BITS, ERRORS);
        memcpy(keys + f * words, pair[f].alice.w, words * 8);
    }
    for (uint32_t p = 0; p < plan.passes; p++) qd_cascade_permutation(22, 5, p, BITS, order + p * BITS);
    qd_cascade_prefix_ref(&ask, prefix);
    for (uint64_t f = 0; f < FRAMES; f++) {
        qd_cascade *s;
        ck_assert_int_eq(qd_cascade_create(&plan, 22, 5, &s, &err), QD_OK);
        for (uint64_t n; (n = qd_cascade_questions(s)) > 0; questions += n) {
            uint64_t a[16], b[16];
            ck_assert_uint_le(n, 64 * 16);
            qd_cascade_parities(s, &pair[f].alice, a);
            qd_cascade_parities(s, &pair[f].bob, b);
            for (uint64_t i = 0; i < n; i++) {
                qd_cascade_question q = qd_cascade_question_at(s, i);
                const uint64_t *row = prefix + (f / 64 * plan.passes + q.pass) * (BITS + 1);
                ck_assert_uint_eq((row[q.from] ^ row[q.to]) >> (f % 64) & 1, a[i / 64] >> (i % 64) & 1);
            }
            ck_assert_int_eq(qd_cascade_answer(s, a, b, &err), QD_OK);
        }
        qd_cascade_destroy(s);
        pair_free(&pair[f]);
    }
    ck_assert_uint_gt(questions, FRAMES * ERRORS);
    for (uint64_t j = 0; j <= BITS; j++) /* frames 70 to 127 do not exist */
        ck_assert_uint_eq(prefix[(uint64_t)plan.passes * (BITS + 1) + j] >> (FRAMES - 64), 0);
    free(order);
    free(keys);
    free(prefix);
}
END_TEST

START_TEST(known_frames) {
    uint32_t order[2 * 100];
    uint64_t keys[3 * 2] = {UINT64_MAX, UINT64_MAX /* all ones, and past the end */, 1 /* bit 0 */, 0, 0,
                            1ull << 35 /* bit 99 */},
                      prefix[2 * 101];
    for (uint32_t i = 0; i < 100; i++) order[i] = i, order[100 + i] = 99 - i;
    qd_prefix_ask ask = {100, 2, 3, order, keys};
    ck_assert_uint_eq(qd_prefix_words(&ask), 202);
    qd_cascade_prefix_ref(&ask, prefix);
    for (uint64_t j = 0; j <= 100; j++) {
        ck_assert_uint_eq(prefix[j], (j & 1) | (uint64_t)(j > 0) << 1 | (uint64_t)(j > 99) << 2);
        ck_assert_uint_eq(prefix[101 + j], (j & 1) | (uint64_t)(j > 99) << 1 | (uint64_t)(j > 0) << 2);
    }
}
END_TEST

int main(void) {
    const TTest *tests[] = {blocks_are_two_bits_of_a_prefix, known_frames};
    return run_tests("cascade_prefix", tests, sizeof tests / sizeof *tests, 0);
}
