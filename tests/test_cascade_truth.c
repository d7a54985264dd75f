/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of Cascade: frames that go together are those that go alone, with the permutations that they share, however they are cut. */
#include "cascade_suite.h"
#include "qdistill/reconcile/truth.h"

static qd_cascade_ask some(uint64_t together) {
    qd_cascade_ask ask = {.together = together, .qber = 0.05, .seed = 12, .first = 5, .frames = 60};
    ck_ok(qd_cascade_plan_make(QD_CASCADE_OPT7, 0.05, 300, &ask.plan, &err));
    return ask;
}

static bool same(const qd_frame_sum *a, const qd_frame_sum *b) {
    return a->sum == b->sum && a->squares == b->squares && a->by_errors == b->by_errors;
}

static void same_counts(const qd_frame_tally *a, const qd_frame_tally *b) {
    ck_assert(a->frames == b->frames && a->bits == b->bits && a->failed == b->failed && a->undetected == b->undetected);
    ck_assert(same(&a->errors, &b->errors) && same(&a->code_bits, &b->code_bits) && same(&a->charged, &b->charged));
    ck_assert(same(&a->rounds, &b->rounds) && same(&a->iterations, &b->iterations));
}

/* Each frame by itself, with the permutations of number @p frame / @p together. */
static qd_frame_tally by_hand(const qd_cascade_ask *a) {
    qd_frame_tally t = {0};
    qd_bits key[2];
    for (int i = 0; i < 2; i++) ck_ok(qd_bits_create(&key[i], a->plan.n, &err));
    for (uint64_t f = a->first; f < a->first + a->frames; f++) {
        qd_cascade_counts c;
        const uint64_t errors = qd_frame_draw_truth(a->seed, f, a->qber, a->exact_errors, &key[0], &key[1]);
        ck_ok(qd_cascade_frame_truth(&a->plan, a->seed, f / a->together, &key[0], &key[1], &c, &err));
        const bool right = qd_bits_equal(&key[0], &key[1]);
        qd_frame_tally_add(&t, &(qd_frame_outcome){true, right, a->plan.n, errors, c.alice_bits,
                                                   right ? c.alice_bits + c.bob_bits : a->plan.n, c.rounds, 0});
    }
    for (int i = 0; i < 2; i++) qd_bits_destroy(&key[i]);
    return t;
}

/* One alone, a few of a group, groups that the frames begin and end within; with halves rounds each alone. */
START_TEST(frames_together_are_frames_alone) {
    static const uint64_t together[] = {1, 2, 16, 64, 1 << 20};
    for (size_t i = 0; i < sizeof together / sizeof *together; i++)
        for (int exact = 0; exact < 2; exact++) {
            qd_cascade_ask ask = some(together[i]);
            qd_frame_tally t = {0}, want;
            ask.exact_errors = exact;
            want = by_hand(&ask);
            ck_ok(qd_cascade_truth(&ask, NULL, &t, &err));
            same_counts(&t, &want);
            ck_assert(t.frames == 60 && t.errors.sum > 0 && t.seconds > 0 && t.decode_seconds == t.seconds);
            if (exact) ck_assert(t.errors.sum == 60 * 15);
        }
    qd_cascade_ask ask = some(1);
    qd_frame_tally t = {0}, want;
    ck_ok(qd_cascade_plan_make(QD_CASCADE_BICONF, 0.05, 300, &ask.plan, &err));
    want = by_hand(&ask);
    ck_ok(qd_cascade_truth(&ask, NULL, &t, &err));
    same_counts(&t, &want);
}
END_TEST

/* Two errors within the only blocks that there are: left, and known to nobody. */
START_TEST(errors_that_are_left_are_undetected) {
    qd_cascade_ask ask = some(8);
    qd_frame_tally t = {0};
    ask.plan = (qd_cascade_plan){.n = 300, .passes = 1, .block = {300}, .order = QD_CASCADE_FROM_TOP};
    ask.qber = 2.0 / 300;
    ask.exact_errors = true;
    ck_ok(qd_cascade_truth(&ask, NULL, &t, &err));
    ck_assert(t.failed == 60 && t.undetected == 60 && t.charged.sum == 60 * 300 && t.code_bits.sum == 60 && t.rounds.sum == 60);
}
END_TEST

START_TEST(what_is_counted_depends_on_neither_cut_nor_device) {
    qd_cascade_ask ask = some(16);
    qd_frame_tally whole = {0}, parts = {0}, there = {0};
    qd_device *dev = NULL;
    ck_ok(qd_cascade_truth(&ask, NULL, &whole, &err));
    if (qd_device_open("cpu", &dev, NULL) == QD_OK) {
        ck_ok(qd_cascade_truth(&ask, dev, &there, &err));
        same_counts(&whole, &there);
    }
    for (uint64_t end = ask.first + ask.frames; ask.first < end; ask.first += ask.frames) {
        ask.frames = end - ask.first < 7 ? end - ask.first : 7;
        ck_ok(qd_cascade_truth(&ask, NULL, &parts, &err));
    }
    same_counts(&whole, &parts);
    qd_device_close(dev);
}
END_TEST

START_TEST(bad_asks_are_refused) {
    qd_frame_tally t = {0};
    for (int i = 0; i < 4; i++) {
        qd_cascade_ask ask = some(i == 0 ? 0 : i == 1 ? (1 << 20) + 1 : 2);
        if (i == 2) ck_ok(qd_cascade_plan_make(QD_CASCADE_BICONF, 0.05, 300, &ask.plan, &err));
        if (i == 3) ask.plan.block[1] = 0;
        ck_status(qd_cascade_truth(&ask, NULL, &t, &err), QD_E_USAGE);
        ck_assert_uint_eq(t.frames, 0);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {frames_together_are_frames_alone, errors_that_are_left_are_undetected,
                                  what_is_counted_depends_on_neither_cut_nor_device, bad_asks_are_refused};
    return run_tests("cascade_truth", tests, sizeof tests / sizeof *tests, 600);
}
