/* SPDX-License-Identifier: Apache-2.0 */
/* Frames for statistics: what is drawn, and that what is counted depends on nothing but the seed and the frames' numbers. */
#include <math.h>
#include "core_suite.h"
#include "qdistill/reconcile/truth.h"
#include "run_all.h"

static qd_error err;

static uint64_t distance(const qd_bits *a, const qd_bits *b) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < a->n; i++) n += qd_bits_get(a, i) != qd_bits_get(b, i);
    return n;
}

START_TEST(errors_are_as_many_as_said_and_keys_are_uniform) {
    enum { N = 1003, FRAMES = 200 };
    qd_bits a, b;
    ck_ok(qd_bits_create(&a, N, &err));
    ck_ok(qd_bits_create(&b, N, &err));
    for (int exact = 0; exact < 2; exact++) {
        double errors = 0, ones = 0, n = N * FRAMES, squares = 0;
        for (uint64_t f = 0; f < FRAMES; f++) {
            uint64_t k = qd_frame_draw_truth(7, f, 0.11, exact, &a, &b);
            ck_assert_uint_eq(k, distance(&a, &b));
            if (exact) ck_assert_uint_eq(k, 110); /* round(110.33) */
            ck_assert_uint_eq(a.w[N / 64] >> N % 64, 0);
            ck_assert_uint_eq(b.w[N / 64] >> N % 64, 0);
            errors += (double)k;
            squares += (double)k * (double)k;
            for (uint64_t i = 0; i < N; i++) ones += qd_bits_get(&a, i);
        }
        ck_assert(fabs(ones - n / 2) < 4 * sqrt(n / 4)); /* 4 standard deviations of a binomial count */
        if (exact) continue;
        ck_assert(fabs(errors - 0.11 * n) < 4 * sqrt(n * 0.11 * 0.89));
        /* independent bits: the variance of a frame's count is that of a binomial; of 200 its estimate has deviation sqrt(2/199)
         */
        double var = (squares - errors * errors / FRAMES) / (FRAMES - 1);
        ck_assert(fabs(var / (N * 0.11 * 0.89) - 1) < 4 * sqrt(2.0 / (FRAMES - 1)));
    }
    ck_assert_uint_eq(qd_frame_draw_truth(7, 0, 0, false, &a, &b), 0);
    ck_assert_uint_eq(qd_frame_draw_truth(7, 0, 0.5, true, &a, &b), 502); /* round half away from zero: 501.5 */
    qd_bits_destroy(&a);
    qd_bits_destroy(&b);
}
END_TEST

static qd_frames_ask some(void) {
    return (qd_frames_ask){
        .code = QD_CODE_NR_BG1, .z = 36, .leak = 0.35, .max_iterations = 20, .qber = 0.045, .seed = 3, .frames = 30};
}

static bool same(const qd_frame_sum *a, const qd_frame_sum *b) {
    return a->sum == b->sum && a->squares == b->squares && a->by_errors == b->by_errors;
}

static void same_counts(const qd_frame_tally *a, const qd_frame_tally *b) {
    ck_assert_uint_eq(a->frames, b->frames);
    ck_assert_uint_eq(a->bits, b->bits);
    ck_assert_uint_eq(a->failed, b->failed);
    ck_assert_uint_eq(a->undetected, b->undetected);
    ck_assert(same(&a->errors, &b->errors) && same(&a->code_bits, &b->code_bits) && same(&a->charged, &b->charged));
    ck_assert(same(&a->rounds, &b->rounds) && same(&a->iterations, &b->iterations) && a->updates == b->updates);
}

/* One syndrome a frame, and more rows of any kind: 0 to 3; 4 to 6: and attempts go on. */
static qd_frames_ask some_more(int more) {
    qd_frames_ask ask = some();
    ask.more = (qd_frames_more)(more > 3 ? more - 3 : more);
    ask.go_on = more > 3 ? 5 : 0;
    ask.anew = more > 3 ? 4 : 0;
    ask.step = 7;
    if (more) ask.leak = 0.3; /* below the entropy of 4.5 %, .265, times what the code takes: most need more than one attempt */
    return ask;
}

START_TEST(what_is_counted_does_not_depend_on_the_cut) {
    qd_frames_ask ask = some_more(_i);
    qd_frame_tally whole = {0}, parts = {0};
    ck_ok(qd_frames_truth(&ask, NULL, &whole, &err));
    ask.frames = 11;
    ck_ok(qd_frames_truth(&ask, NULL, &parts, &err));
    ask.first = 11;
    ask.frames = 19;
    ck_ok(qd_frames_truth(&ask, NULL, &parts, &err));
    same_counts(&whole, &parts);
    ck_assert_uint_lt(whole.failed, 30);
    if (!_i) ck_assert_uint_gt(whole.failed, 0); /* near the waterfall: both happen */
}
END_TEST

START_TEST(the_device_counts_the_same) {
    qd_device *dev = NULL;
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) {
        fprintf(stderr, "no CPU device\n");
        return;
    }
    qd_frames_ask ask = some_more(_i);
    qd_frame_tally a = {0}, b = {0};
    ck_ok(qd_frames_truth(&ask, NULL, &a, &err));
    ck_ok(qd_frames_truth(&ask, dev, &b, &err));
    same_counts(&a, &b);
    qd_device_close(dev);
}
END_TEST

START_TEST(sums_are_those_of_the_frames) {
    qd_frames_ask ask = some();
    qd_frames_code c;
    qd_frame_tally t = {0};
    ask.max_iterations = 1; /* no frame is done after one */
    ck_ok(qd_frames_code_of(&ask, &c, &err));
    ck_ok(qd_frames_truth(&ask, NULL, &t, &err));
    /* shape: m = 2 z + leak 22 z / (1 - leak) */
    ck_assert_uint_eq(c.frame_leak, (uint32_t)round(0.35 * 22 * 36 / 0.65));
    ck_assert_uint_eq(c.m, c.frame_leak + 2 * 36);
    ck_assert_uint_eq(c.frame_bits, 22 * 36 + c.frame_leak);
    ck_assert_uint_eq(t.frames, 30);
    ck_assert_uint_eq(t.failed, 30);
    ck_assert_uint_eq(t.undetected, 0);
    ck_assert_uint_eq(t.bits, 30 * c.frame_bits);
    ck_assert(t.code_bits.sum == 30.0 * c.frame_leak && t.charged.sum == 30.0 * (c.frame_bits + 1));
    ck_assert(t.iterations.sum == 30 && t.rounds.sum == 30 && t.updates == 30.0 * (double)c.edges);
    ck_assert(t.code_bits.by_errors == c.frame_leak * t.errors.sum);
    /* an easy rate: all are kept */
    t = (qd_frame_tally){0};
    ask.max_iterations = 50;
    ask.qber = 0.01;
    ck_ok(qd_frames_truth(&ask, NULL, &t, &err));
    ck_assert_uint_eq(t.failed, 0);
    ck_assert(t.charged.sum == 30.0 * (c.frame_leak + 1));
}
END_TEST

/* Rows are added until each frame is done. What was sent before stays valid: code bits are those of the last attempt. */
START_TEST(added_rows_solve_every_frame) {
    for (int more = QD_MORE_DROP; more <= QD_MORE_ADD; more++) {
        qd_frames_ask ask = some_more(more);
        qd_frames_code c;
        qd_frame_tally t = {0};
        ask.max_iterations = 50;
        ck_ok(qd_frames_code_of(&ask, &c, &err));
        ck_ok(qd_frames_truth(&ask, NULL, &t, &err));
        ck_assert_uint_eq(t.failed, 0);
        ck_assert(t.rounds.sum > 40); /* of 30 frames */
        ck_assert(t.code_bits.sum == 30.0 * c.frame_leak + 7 * (t.rounds.sum - 30));
        ck_assert(t.charged.sum == t.code_bits.sum + t.rounds.sum);
        if (more == QD_MORE_DROP) { /* K_b + 4 - 2 columns, and the leak is over those */
            ck_assert_uint_eq(c.frame_bits, 24 * 36);
            ck_assert_uint_eq(c.frame_leak, (uint32_t)round(0.3 * 24 * 36));
            ck_assert_uint_eq(t.bits, 30 * 24 * 36);
            ck_assert(!t.grows);
        } else if (more == QD_MORE_ADD) { /* as long as the first attempt's */
            ck_assert_uint_eq(t.bits, 30 * c.frame_bits);
            ck_assert_uint_eq(c.frame_bits, 22 * 36 + c.frame_leak);
            ck_assert(!t.grows);
        } else {
            ck_assert_uint_eq(t.bits, 30 * c.frame_bits + 7 * (uint64_t)(t.rounds.sum - 30));
            ck_assert(t.grows);
        }
    }
}
END_TEST

/* Where attempts go on, a frame has had the iterations of its first attempt, as where there is no other, and five in each further one,
 * but for the last, which ends when it matches, after one to five. All that is far less than starting anew; and five of those do more
 * than five from the beginning would. */
START_TEST(attempts_that_go_on_take_fewer_iterations) {
    qd_frames_ask ask = some_more(QD_MORE_GROW);
    qd_frame_tally anew = {0}, on = {0}, first = {0}, five = {0}, all = {0}, fifty = {0};
    ck_ok(qd_frames_truth(&ask, NULL, &anew, &err));
    ask.go_on = 5;
    ck_ok(qd_frames_truth(&ask, NULL, &on, &err));
    ask.step = 46 * 36; /* more rows than there are */
    ck_ok(qd_frames_truth(&ask, NULL, &first, &err));
    ask.step = 7;
    ask.anew = 1; /* none goes on */
    ask.max_iterations = 50;
    ck_ok(qd_frames_truth(&ask, NULL, &all, &err));
    ask.go_on = ask.anew = 0;
    ck_ok(qd_frames_truth(&ask, NULL, &fifty, &err));
    same_counts(&all, &fifty);
    ask.max_iterations = 5;
    ck_ok(qd_frames_truth(&ask, NULL, &five, &err));
    ck_assert_uint_eq(on.failed, 0);
    const double further = on.rounds.sum - 30, unsolved = (double)first.failed; /* unsolved: as many last attempts go on */
    ck_assert(first.rounds.sum == 30 && unsolved > 0 && further >= unsolved);
    ck_assert(on.iterations.sum <= first.iterations.sum + 5 * further);
    ck_assert(on.iterations.sum >= first.iterations.sum + 5 * (further - unsolved) + unsolved);
    ck_assert(on.iterations.sum < anew.iterations.sum);
    ck_assert(on.code_bits.sum < five.code_bits.sum);
}
END_TEST

/* Frames that could grow, but not within the graph, are those that could not: the same keys, errors and private bits. */
START_TEST(a_frame_that_grows_begins_as_one_that_does_not) {
    qd_frames_ask ask = some();
    qd_frame_tally a = {0}, b = {0};
    ck_ok(qd_frames_truth(&ask, NULL, &a, &err));
    ask.more = QD_MORE_GROW;
    ask.step = 46 * 36;
    ck_ok(qd_frames_truth(&ask, NULL, &b, &err));
    same_counts(&a, &b);
}
END_TEST

/* The smallest code has light codewords: some frames match with wrong bits, and are failed ones. */
START_TEST(wrong_frames_that_match_are_undetected) {
    qd_frames_ask ask = {
        .code = QD_CODE_NR_BG1, .z = 2, .leak = 0.2, .max_iterations = 50, .qber = 0.03, .seed = 1, .frames = 500};
    qd_frame_tally t = {0};
    ck_ok(qd_frames_truth(&ask, NULL, &t, &err));
    ck_assert_uint_gt(t.undetected, 0);
    ck_assert_uint_ge(t.failed, t.undetected);
    ck_assert_uint_lt(t.failed, 500);
}
END_TEST

START_TEST(the_rule_s_rate_grows_with_the_errors) {
    qd_frames_ask ask = some();
    uint32_t before = 0;
    ask.leak = 0;
    for (ask.qber = 0.02; ask.qber < 0.1; ask.qber += 0.02) {
        qd_frames_code c;
        ck_ok(qd_frames_code_of(&ask, &c, &err));
        ck_assert_uint_gt(c.m, before);
        before = c.m;
    }
}
END_TEST

START_TEST(asks_out_of_range_are_refused) {
    qd_frames_ask ask = some();
    qd_frames_code c;
    qd_frame_tally t = {0};
    ask.leak = 0.07;
    ck_assert_int_eq(qd_frames_truth(&ask, NULL, &t, &err), QD_E_USAGE);
    ask = some();
    ask.z = 17;
    ck_assert_int_eq(qd_frames_code_of(&ask, &c, &err), QD_E_USAGE);
    ask = some();
    ask.code = 99;
    ck_assert_int_eq(qd_frames_code_of(&ask, &c, &err), QD_E_USAGE);
    ask = some_more(QD_MORE_GROW);
    ask.exact_errors = true;
    ck_assert_int_eq(qd_frames_truth(&ask, NULL, &t, &err), QD_E_USAGE);
    ck_assert_uint_eq(t.frames, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("truth");
    TCase *t = tcase_create("truth");
    tcase_set_timeout(t, 600); /* the first launch on a device compiles */
    tcase_add_test(t, errors_are_as_many_as_said_and_keys_are_uniform);
    tcase_add_loop_test(t, what_is_counted_does_not_depend_on_the_cut, 0, 7);
    tcase_add_loop_test(t, the_device_counts_the_same, 0, 7);
    tcase_add_test(t, sums_are_those_of_the_frames);
    tcase_add_test(t, added_rows_solve_every_frame);
    tcase_add_test(t, attempts_that_go_on_take_fewer_iterations);
    tcase_add_test(t, a_frame_that_grows_begins_as_one_that_does_not);
    tcase_add_test(t, wrong_frames_that_match_are_undetected);
    tcase_add_test(t, the_rule_s_rate_grows_with_the_errors);
    tcase_add_test(t, asks_out_of_range_are_refused);
    suite_add_tcase(s, t);
    return run_all(s);
}
