/* SPDX-License-Identifier: Apache-2.0 */
/* Cascade: frames worked out by hand, the two sides, permutations, and the published figures. */
#include "cascade_suite.h"

/* A frame whose only blocks are these. */
static qd_cascade_plan small_plan(uint32_t n, uint32_t k1, uint32_t k2, uint32_t order) {
    return (qd_cascade_plan){.n = n, .passes = 2, .block = {k1, k2}, .order = order, .infer = order != QD_CASCADE_FROM_TOP};
}

static qd_cascade_counts run_frame(const qd_cascade_plan *plan, const uint32_t *wrong, int errors, uint64_t *left) {
    cascade_pair p = pair_make(5, 0, plan->n, 0);
    for (int i = 0; i < errors; i++) qd_bits_set(&p.bob, wrong[i], !qd_bits_get(&p.bob, wrong[i]));
    qd_cascade_counts c;
    ck_assert_int_eq(qd_cascade_frame_truth(plan, 9, 3, &p.alice, &p.bob, &c, &err), QD_OK);
    *left = qd_bits_distance(&p.alice, &p.bob);
    pair_free(&p);
    return c;
}

static void check_counts(qd_cascade_counts c, uint64_t bits, uint64_t bytes, uint64_t rounds, uint64_t inferred,
                         uint64_t corrected) {
    ck_assert_uint_eq(c.alice_bits, bits);
    ck_assert_uint_eq(c.bob_bits, bits);
    ck_assert_uint_eq(c.alice_bytes, bytes);
    ck_assert_uint_eq(c.bob_bytes, bytes);
    ck_assert_uint_eq(c.rounds, rounds);
    ck_assert_uint_eq(c.inferred, inferred);
    ck_assert_uint_eq(c.corrected, corrected);
}

START_TEST(no_error_costs_the_whole_blocks) {
    uint64_t left;
    for (uint32_t order = 0; order < QD_CASCADE_ORDERS; order++) {
        /* 75 = 7 x 10 + 5: 8 blocks, then 2 of 37 and one of 1, of which the last follows from the sum under sub-block reuse. */
        qd_cascade_plan plan = small_plan(75, 10, 37, order);
        check_counts(run_frame(&plan, NULL, 0, &left), plan.infer ? 10 : 11, 2, 2, plan.infer, 0);
        ck_assert_uint_eq(left, 0);
    }
    /* Both halves, 10 rounds of 2 parities. */
    qd_cascade_plan plan = {.n = 75, .passes = 1, .block = {75}, .quiet = 10};
    check_counts(run_frame(&plan, NULL, 0, &left), 1 + 20, 11, 11, 0, 0);
}
END_TEST

START_TEST(one_error_costs_its_halvings) {
    uint32_t order[8];
    uint64_t left;
    qd_cascade_permutation(9, 3, 0, 8, order);
    for (uint32_t at = 0; at < 8; at++)
        for (uint32_t o = 0; o < QD_CASCADE_ORDERS; o++) {
            /* Pass 1: 2 blocks, a round; 4 to 2 to 1, 2 bits in 2 rounds. Pass 2: 2 blocks of 4, one of them inferred. */
            qd_cascade_plan plan = small_plan(8, 4, 4, o);
            check_counts(run_frame(&plan, &order[at], 1, &left), plan.infer ? 5 : 6, 4, 4, 2 + plan.infer, 1);
            ck_assert_uint_eq(left, 0);
        }
    /* 5 halves to 2 and 3, 3 to 1 and 2: the last position takes three halvings, the third of them (3 = 1 + 2) two, the first
     * two. */
    const uint64_t halvings[5] = {2, 2, 2, 3, 3};
    qd_cascade_permutation(9, 3, 0, 5, order);
    for (uint32_t at = 0; at < 5; at++) {
        qd_cascade_plan plan = {.n = 5, .passes = 1, .block = {5}, .order = QD_CASCADE_ONE};
        check_counts(run_frame(&plan, &order[at], 1, &left), 1 + halvings[at], 1 + halvings[at], 1 + halvings[at], halvings[at],
                     1);
        ck_assert_uint_eq(left, 0);
    }
}
END_TEST

/* Two errors in one block of pass 1 and in two of pass 2. */
START_TEST(two_errors_that_hide_from_the_first_pass) {
    uint32_t order[2][8], place[8], wrong[2] = {0};
    uint64_t left;
    bool found = false;
    for (uint32_t p = 0; p < 2; p++) qd_cascade_permutation(9, 3, p, 8, order[p]);
    for (uint32_t i = 0; i < 8; i++) place[order[1][i]] = i;
    for (uint32_t i = 1; i < 4 && !found; i++) {
        wrong[0] = order[0][0], wrong[1] = order[0][i];
        found = place[wrong[0]] / 4 != place[wrong[1]] / 4;
    }
    ck_assert(found);
    for (uint32_t o = 0; o < QD_CASCADE_ORDERS; o++) {
        qd_cascade_plan plan = small_plan(8, 4, 4, o);
        qd_cascade_counts c = run_frame(&plan, wrong, 2, &left);
        ck_assert_uint_eq(left, 0);
        /* Whole blocks 2 + 2, or 2 + 1; both blocks of pass 2 halved twice: at once in 2 rounds, one after the other in 4. Then,
         * one at a time, the block of pass 1 is odd as well when the first error is corrected; it is not smaller and came later.
         */
        check_counts(c, plan.infer ? 7 : 8, o == QD_CASCADE_ONE ? 6 : 4, o == QD_CASCADE_ONE ? 6 : 4, 4 + plan.infer, 2);
    }
}
END_TEST

/* Halves that are known are used again: three errors in one block of pass 1, the others of which come to light in pass 2. */
START_TEST(known_halves_are_not_asked_again) {
    for (uint64_t frame = 0; frame < 50; frame++) {
        uint64_t bits[QD_CASCADE_ORDERS];
        for (uint32_t o = 0; o < QD_CASCADE_ORDERS; o++) {
            qd_cascade_plan plan = small_plan(1024, 64, 256, o);
            qd_cascade *s;
            cascade_pair p = pair_make(6, frame, plan.n, 12);
            uint64_t a[16], b[16];
            uint8_t *asked = calloc((size_t)2 * 1025 * 1025, 1);
            ck_assert_int_eq(qd_cascade_create(&plan, 2, frame, &s, &err), QD_OK);
            while (qd_cascade_questions(s)) {
                for (uint64_t i = 0; o != QD_CASCADE_FROM_TOP && i < qd_cascade_questions(s); i++) {
                    qd_cascade_question q = qd_cascade_question_at(s, i);
                    uint8_t *seen = &asked[((size_t)q.pass * 1025 + q.from) * 1025 + q.to];
                    ck_assert_uint_eq(*seen, 0);
                    *seen = 1;
                }
                qd_cascade_parities(s, &p.alice, a);
                qd_cascade_parities(s, &p.bob, b);
                ck_assert_int_eq(qd_cascade_answer(s, a, b, &err), QD_OK);
            }
            bits[o] = qd_cascade_counts_of(s).alice_bits;
            qd_cascade_destroy(s);
            free(asked);
            pair_free(&p);
        }
        ck_assert_uint_lt(bits[QD_CASCADE_ONE], 16 + 4 + 13 * 8); /* 12 errors, of 8 halvings at most, and the whole blocks */
    }
}
END_TEST

/* Two searches, one with each key, that exchange nothing but parities; frames of any length. */
START_TEST(both_sides_end_with_alices_key) {
    const uint64_t lengths[] = {2, 3, 63, 64, 65, 1000, 10007};
    for (int v = 0; v < QD_CASCADE_VARIANTS; v++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            uint64_t n = lengths[l];
            qd_cascade_plan plan = plan_of((qd_cascade_variant)v, .04, n);
            cascade_pair p = pair_make(7, l, n, (n + 12) / 25); /* none in the shortest */
            qd_cascade *side[2];
            uint64_t told[2][160];
            for (int i = 0; i < 2; i++) ck_assert_int_eq(qd_cascade_create(&plan, 8, l, &side[i], &err), QD_OK);
            while (qd_cascade_questions(side[0])) {
                ck_assert_uint_eq(qd_cascade_questions(side[0]), qd_cascade_questions(side[1]));
                ck_assert_uint_le(qd_bits_words(qd_cascade_questions(side[0])), 160);
                qd_cascade_parities(side[0], &p.alice, told[0]);
                qd_cascade_parities(side[1], &p.bob, told[1]);
                for (int i = 0; i < 2; i++) ck_assert_int_eq(qd_cascade_answer(side[i], told[0], told[1], &err), QD_OK);
            }
            ck_assert_uint_eq(qd_cascade_questions(side[1]), 0);
            ck_assert(qd_bits_equal(qd_cascade_errors(side[0]), qd_cascade_errors(side[1])));
            for (uint64_t i = 0; i < qd_bits_words(n); i++) p.bob.w[i] ^= qd_cascade_errors(side[1])->w[i];
            ck_assert_msg(qd_bits_equal(&p.alice, &p.bob), "%s, %lu bits", qd_cascade_name(v), (unsigned long)n);
            for (int i = 0; i < 2; i++) qd_cascade_destroy(side[i]);
            pair_free(&p);
        }
}
END_TEST

/* Rounds of both halves alone, of a frame of odd length: the second half is the longer one. */
START_TEST(halves_of_an_odd_frame) {
    qd_cascade_plan plan = {.n = 33, .passes = 1, .block = {33}, .quiet = 20};
    for (uint64_t f = 0; f < 200; f++) {
        qd_cascade_counts c;
        cascade_pair p = pair_make(9, f, plan.n, 7);
        ck_assert_int_eq(qd_cascade_frame_truth(&plan, 10, f, &p.alice, &p.bob, &c, &err), QD_OK);
        ck_assert(qd_bits_equal(&p.alice, &p.bob));
        ck_assert_uint_eq(c.corrected, 7);
        pair_free(&p);
    }
}
END_TEST

START_TEST(every_bit_wrong) {
    uint64_t left;
    uint32_t wrong[1005];
    for (uint32_t i = 0; i < 1005; i++) wrong[i] = i;
    /* Every block is even: nothing shows. */
    qd_cascade_plan plan = plan_of(QD_CASCADE_OPTION3, .05, 1000);
    check_counts(run_frame(&plan, wrong, 1000, &left), 50 + 25 + 14 * 2, 7 + 4 + 14, 16, 0, 0);
    ck_assert_uint_eq(left, 1000);
    /* Every block of pass 1 is odd, 67 of 15. What is found is right. */
    for (int v = 0; v < QD_CASCADE_VARIANTS; v++) {
        plan = plan_of((qd_cascade_variant)v, .05, 1005);
        plan.block[0] = 15;
        qd_cascade_counts c = run_frame(&plan, wrong, 1005, &left);
        ck_assert_uint_ge(c.corrected, 67);
        ck_assert_uint_eq(c.corrected + left, 1005);
    }
}
END_TEST

START_TEST(answers_of_no_key_are_refused) {
    int refused = 0;
    for (int v = 0; v < QD_CASCADE_VARIANTS; v++)
        for (uint64_t t = 0; t < 20; t++) {
            qd_cascade_plan plan = plan_of((qd_cascade_variant)v, .05, 300);
            qd_cascade *s;
            qd_random r = {.rehearsal = 1, .seed = t, .stream = QD_STREAM_TEST};
            uint64_t a[64], b[64] = {0};
            ck_assert_int_eq(qd_cascade_create(&plan, 1, 0, &s, &err), QD_OK);
            qd_status st = QD_OK;
            while (st == QD_OK && qd_cascade_questions(s)) {
                ck_assert_uint_le(qd_cascade_questions(s), 64 * 64);
                qd_random_bytes(&r, a, sizeof a);
                st = qd_cascade_answer(s, a, b, &err);
            }
            ck_assert(st == QD_OK || st == QD_E_INPUT);
            refused += st == QD_E_INPUT;
            qd_cascade_destroy(s);
        }
    ck_assert_int_gt(refused, 0);
}
END_TEST

START_TEST(bad_plans_are_refused) {
    qd_cascade_plan good = plan_of(QD_CASCADE_OPT7, .05, 1000), plan;
    qd_cascade *s;
    const struct {
        double q;
        uint64_t n;
    } bad[] = {{0, 1000}, {.5, 1000}, {NAN, 1000}, {-.1, 1000}, {.05, 1}, {.05, QD_CASCADE_BITS + 1ul}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(qd_cascade_plan_make(QD_CASCADE_OPT7, bad[i].q, bad[i].n, &plan, &err), QD_E_USAGE);
    for (int i = 0; i < 6; i++) {
        plan = good;
        *(uint32_t *[]){&plan.n, &plan.passes, &plan.block[3], &plan.block[0], &plan.order, &plan.quiet}[i] =
            (uint32_t[]){1, 17, 0, 1001, QD_CASCADE_ORDERS, 10}[i];
        ck_assert_int_eq(qd_cascade_create(&plan, 1, 0, &s, &err), QD_E_USAGE);
        ck_assert_ptr_null(s);
    }
    ck_assert_int_eq(qd_cascade_create(&good, 1, 1ull << 32, &s, &err), QD_E_USAGE);
    qd_cascade_variant v;
    for (int i = 0; i < QD_CASCADE_VARIANTS; i++) {
        ck_assert_int_eq(qd_cascade_named(qd_cascade_name((qd_cascade_variant)i), &v, &err), QD_OK);
        ck_assert_int_eq(v, i);
    }
    ck_assert_int_eq(qd_cascade_named("opt5", &v, &err), QD_E_USAGE);
}
END_TEST

/* Table 1 of arXiv:1407.3257 by hand. */
START_TEST(block_sizes) {
    static const struct {
        qd_cascade_variant v;
        double q;
        uint32_t n, passes, k[5];
    } rows[] = {
        {QD_CASCADE_ORIGINAL, .05, 10000, 4, {15, 30, 60, 120}},       {QD_CASCADE_BICONF, .05, 10000, 2, {19, 57}},
        {QD_CASCADE_YANETAL, .05, 10000, 10, {16, 80, 5000, 5000}},    {QD_CASCADE_OPTION3, .03, 10001, 16, {34, 68, 5000, 5000}},
        {QD_CASCADE_OPT4, .03, 10000, 16, {34, 68, 5000, 5000}},       {QD_CASCADE_OPT7, .03, 10000, 14, {64, 256, 5000, 5000}},
        {QD_CASCADE_OPT8, .01, 16384, 14, {128, 1024, 4096, 8192}},    {QD_CASCADE_OPT8, .11, 16384, 14, {8, 256, 4096, 8192}},
        {QD_CASCADE_ORIGINAL, .001, 2000, 4, {730, 1460, 2000, 2000}}, {QD_CASCADE_OPT7, .25, 16, 14, {4, 16, 8}},
        {QD_CASCADE_QD, .01, 16384, 15, {128, 512, 8192, 8192}}, {QD_CASCADE_QD, .03, 16384, 15, {32, 256, 8192}},
        {QD_CASCADE_QD, .05, 16385, 15, {16, 128, 8193}},        {QD_CASCADE_QD, .08, 16384, 15, {16, 128, 8192}},
        {QD_CASCADE_QD, .11, 10000, 15, {8, 128, 5000}},         {QD_CASCADE_QD, 1e-5, 1000, 15, {1000, 1000, 500}},
        {QD_CASCADE_QD, .4, 300, 15, {2, 64, 150}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qd_cascade_plan p = plan_of(rows[i].v, rows[i].q, rows[i].n);
        ck_assert_uint_eq(p.passes, rows[i].passes);
        for (int k = 0; k < 5 && rows[i].k[k]; k++) ck_assert_uint_eq(p.block[k], rows[i].k[k]);
    }
}
END_TEST

/* Exchanges from above, each by its own draw; lengths about those that are drawn for at once. */
START_TEST(permutations_are_those_of_the_definition) {
    static const uint32_t lengths[] = {1, 2, 3, 255, 256, 257, 1000};
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const uint32_t n = lengths[l];
        uint32_t want[1000], got[1000];
        for (uint32_t i = 0; i < n; i++) want[i] = i;
        for (uint32_t i = n; i-- > 1;) {
            uint32_t w[4];
            qd_philox(5, QD_STREAM_CASCADE, (uint64_t)9 << 32 | 3, i / 2, w);
            const uint64_t draw = (uint64_t)w[2 * (i % 2) + 1] << 32 | w[2 * (i % 2)];
            const uint32_t j = (uint32_t)((unsigned __int128)draw * (i + 1) >> 64), t = want[i];
            want[i] = want[j];
            want[j] = t;
        }
        qd_cascade_permutation(5, 9, 3, n, got);
        ck_assert_mem_eq(got, want, n * sizeof *got);
    }
}
END_TEST

/* Each of the 24 orders of four positions is as likely as any other, in each pass and frame by frame. */
START_TEST(permutations_are_uniform) {
    enum { DRAWS = 24000 };
    static uint32_t count[256];
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint32_t o[4];
        qd_cascade_permutation(4, i / 3, i % 3, 4, o);
        ck_assert_uint_eq(1u << o[0] | 1u << o[1] | 1u << o[2] | 1u << o[3], 15);
        count[o[0] << 6 | o[1] << 4 | o[2] << 2 | o[3]]++;
    }
    double chi2 = 0, expected = DRAWS / 24.;
    for (int i = 0; i < 256; i++) chi2 += count[i] ? pow(count[i] - expected, 2) / expected : 0;
    ck_assert_double_le(chi2,
                        23 + 4 * sqrt(46)); /* 23 degrees of freedom: mean 23, variance 46; the same seed, so the same result */
    ck_assert_double_gt(chi2, 1);
}
END_TEST

START_TEST(published_figures) {
    for (size_t i = 0; i < PUBLISHED; i++) check_published(i, 60); /* 10000 in the full suite */
}
END_TEST

START_TEST(published_curves) {
    for (size_t i = 0; i < CURVES; i++)
        for (int k = 1; k < READ; k += 2) { /* 2, 5 and 11 % */
            qd_cascade_plan plan = plan_of(curves[i].v, read_at[k], curves[i].n);
            cascade_point x = cascade_measure(&plan, read_at[k], 50);
            /* Read to .003, and 4 standard deviations of our mean. */
            ck_assert_double_le(fabs(x.f - curves[i].f[k]), .003 + 4 * x.f_sd / sqrt(50));
            ck_assert_uint_eq(x.wrong, 0);
        }
}
END_TEST

/* Our blocks and order disclose no more than opt. (8) as published, and take fewer rounds than its own order does. */
START_TEST(our_blocks) {
    for (int k = 0; k < READ; k += 2) { /* 1, 3 and 8 % */
        const qd_cascade_plan ours = plan_of(QD_CASCADE_QD, read_at[k], 16384), opt8 = plan_of(QD_CASCADE_OPT8, read_at[k], 16384);
        const cascade_point x = cascade_measure(&ours, read_at[k], 50), y = cascade_measure(&opt8, read_at[k], 50);
        ck_assert_double_le(x.f, curves[CURVES - 1].f[k] + .003 + 4 * x.f_sd / sqrt(50));
        ck_assert_double_le(x.rounds, y.rounds / 2);
        ck_assert_uint_eq(x.wrong, 0);
    }
}
END_TEST

int main(void) {
    const TTest *tests[] = {no_error_costs_the_whole_blocks,
                            one_error_costs_its_halvings,
                            two_errors_that_hide_from_the_first_pass,
                            known_halves_are_not_asked_again,
                            both_sides_end_with_alices_key,
                            every_bit_wrong,
                            halves_of_an_odd_frame,
                            answers_of_no_key_are_refused,
                            bad_plans_are_refused,
                            block_sizes,
                            permutations_are_those_of_the_definition,
                            permutations_are_uniform,
                            published_figures,
                            published_curves,
                            our_blocks};
    return run_tests("cascade", tests, sizeof tests / sizeof *tests, 0);
}
