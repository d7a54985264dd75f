/* SPDX-License-Identifier: Apache-2.0 */
/* Cascade between the two machines: what both agree on, what it discloses by the messages' own sum in both directions, what is
 * refused. */
#include <math.h>
#include "qdistill/security.h"
#include "reconcile/parities.h"
#include "replayed.h"
#include "run_all.h"

START_TEST(all_frames_are_corrected_and_both_directions_charged) {
    static const struct {
        uint64_t bits;
        double q;
    } at[] = {{300, 0.02}, {5000, 0.01}, {16383, 0.03}, {16384, 0.05}, {40000, 0}, {100000, 0.01}, {100003, 0.05}, {60000, 0.11}};
    pair t = pair_of(QD_CODE_CASCADE, at[_i].bits, at[_i].q);
    wire w = {0};
    run(&t, &w, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t);
    replay sum = replayed(&w, r);
    ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    ck_assert_uint_eq(r->n, r->frames * r->frame_bits);
    ck_assert_uint_lt(r->dropped, r->frames);
    ck_assert_uint_eq(sum.told[0], sum.told[1]);
    ck_assert_uint_eq(r->bob_bits, sum.told[1]);
    ck_assert_uint_eq(w.count[QD_MSG_SYNDROME] + w.count[QD_MSG_ANSWER] + w.count[QD_MSG_REVEAL], 0);
    /* f is 1.04 to 1.07 (test_cascade's our_blocks), of a short frame up to 1.2; a first block is a parity at least */
    if (at[_i].bits > 50000) ck_assert_double_lt((double)r->code_bits, 1.1 * qd_binary_entropy(at[_i].q) * (double)r->n);
    /* two rounds a round trip: Bob's turns are half the rounds, and those for the tag */
    ck_assert_uint_le(r->rounds, (uint64_t)w.count[QD_MSG_PARITIES] / 4 + 4);
    replay_free(&sum);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* ---- Errors that no parity showed, and tags that lie ---- */

static void spoil_tag(void *with, qd_msg *m, int nth) {
    if (m->type == QD_MSG_TAG && nth < *(int *)with) m->body[16] ^= 1;
}

START_TEST(a_tag_that_differs_has_every_frame_tagged) {
    int spoiled = 1 + _i;
    pair t = pair_of(QD_CODE_CASCADE, 50000, 0.02);
    wire w = {0};
    run(&t, &w, spoil_tag, &spoiled);
    const qd_reconcile_result *r = agreed(&t);
    replay sum = replayed(&w, r);
    ck_assert_uint_eq(r->reject, _i ? QD_REJECT_UNVERIFIED : QD_REJECT_NONE);
    ck_assert_uint_eq(r->frame_tags, r->frames);
    ck_assert_uint_eq(r->frames_failed, _i ? r->frames : 0);
    ck_assert_uint_eq(sum.ledger.bits[1][QD_BOB_TO_ALICE][QD_LEAK_SYNDROME], r->bob_bits); /* of revealed frames too */
    replay_free(&sum);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* As if an error were left: the string's tag and that of the last frame differ. */
static void leave_an_error(void *with, qd_msg *m, int nth) {
    (void)with;
    if (m->type == QD_MSG_TAG && nth == 0) m->body[16] ^= 1;
    if (m->type == QD_MSG_FRAME_TAGS) m->body[m->bytes - 1] ^= 1;
}

START_TEST(an_error_that_is_left_is_located_and_its_frame_charged_whole) {
    pair t = pair_of(QD_CODE_CASCADE, 50000, 0.02);
    wire w = {0};
    run(&t, &w, leave_an_error, NULL);
    const qd_reconcile_result *r = agreed(&t);
    replay sum = replayed(&w, r);
    ck_assert(sum.mixed);
    ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    ck_assert_uint_eq(r->located, 1);
    ck_assert_uint_eq(r->frames_failed, 1);
    ck_assert_uint_eq(sum.ledger.bits[1][QD_ALICE_TO_BOB][QD_LEAK_FAILED], r->frame_bits);
    replay_free(&sum);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* ---- A channel that changes messages ---- */

typedef struct tamper {
    int nth;
    uint64_t at;
} tamper;

static void flip_a_parity(void *with, qd_msg *m, int nth) {
    const tamper *p = with;
    if (m->type == QD_MSG_PARITIES && nth == p->nth) m->body[12 + p->at % (m->bytes - 12)] ^= 1;
}

/* A parity that one side never told: the searches part, which the other one's number of questions shows, or the tag does. The
 * search is bad input as soon as the questions differ in number; how often that is depends on the errors, but never is none
 * of 24. */
START_TEST(a_changed_parity_gives_no_key_that_differs) {
    int refused = 0;
    for (int nth = 0; nth < 24; nth++) {
        pair t = pair_of(QD_CODE_CASCADE, 20000, 0.02);
        tamper p = {nth, (uint64_t)nth * 7};
        pair_start(&t);
        qd_status st = pump(&t, NULL, flip_a_parity, &p);
        ck_assert(st == QD_OK || st == QD_E_INPUT);
        refused += st == QD_E_INPUT;
        if (st == QD_OK) (void)agreed(&t);
        pair_free(&t);
    }
    ck_assert_int_gt(refused, 0);
}
END_TEST

typedef struct change {
    uint32_t type;
    int nth, how;
    uint64_t at;
    uint8_t bits;
} change;

static void spoil(void *with, qd_msg *m, int nth) {
    const change *c = with;
    if (m->type != c->type || nth != c->nth) return;
    switch (c->how) {
        case 0:
            m->bytes -= m->bytes > 0;
            break;
        case 1:
            m->body = realloc(m->body, m->bytes + 1);
            m->body[m->bytes++] = 0;
            break;
        case 2:
            m->bytes = 0;
            break;
        case 3:
            m->type = QD_MSG_DONE;
            break;
        case 4:
            m->block ^= 1;
            break;
        case 5:
            m->from = !m->from;
            break;
        case 6:
            m->last = !m->last;
            break;
        default:
            m->body[c->at] ^= c->bits;
    }
}

static void count_parities(void *with, qd_msg *m, int nth) {
    if (m->type == QD_MSG_PARITIES) *(int *)with = nth;
}

static void refuses(const change *c) {
    pair t = pair_of(QD_CODE_CASCADE, 3001, 0.03);
    pair_start(&t);
    qd_status st = pump(&t, NULL, spoil, (void *)(uintptr_t)c);
    ck_assert_msg(st == QD_E_INPUT, "message %u no. %d, change %d at %llu: status %d", c->type, c->nth, c->how,
                  (unsigned long long)c->at, (int)st);
    ck_assert(err.what[0] != 0);
    pair_free(&t);
}

START_TEST(malformed_messages_are_bad_input) {
    static const int early[] = {0, 1, 2, 3, 9};
    int nth[sizeof early / sizeof *early + 1], last = 0; /* and the message that ends the search */
    pair t = pair_of(QD_CODE_CASCADE, 3001, 0.03);
    pair_start(&t);
    ck_ok(pump(&t, NULL, count_parities, &last));
    pair_free(&t);
    memcpy(nth, early, sizeof early);
    nth[sizeof early / sizeof *early] = last;
    ck_assert_int_gt(last, 9);
    for (int how = 0; how < 7; how++) {
        refuses(&(change){.type = QD_MSG_CASCADE, .how = how});
        for (size_t i = 0; i < sizeof nth / sizeof *nth; i++)
            refuses(&(change){.type = QD_MSG_PARITIES, .nth = nth[i], .how = how});
    }
}
END_TEST

/* CASCADE: version, basis, bits of a frame, passes, a block of 0 or beyond the frame, order, tag, infer, string, frames;
 * PARITIES: round, count, a bit past the last. */
START_TEST(impossible_numbers_are_bad_input) {
    const uint64_t order = 2 + 8 + 4 * 15; /* blocks of the passes of QD_CASCADE_QD */
    const change pokes[] = {
        {QD_MSG_CASCADE, 0, 7, 0, 2},         {QD_MSG_CASCADE, 0, 7, 1, 1},          {QD_MSG_CASCADE, 0, 7, 2, 1},
        {QD_MSG_CASCADE, 0, 7, 6, 1},         {QD_MSG_CASCADE, 0, 7, 7, 0x40},       {QD_MSG_CASCADE, 0, 7, 13, 0x80},
        {QD_MSG_CASCADE, 0, 7, order, 8},     {QD_MSG_CASCADE, 0, 7, order + 4, 32}, {QD_MSG_CASCADE, 0, 7, order + 7, 1},
        {QD_MSG_CASCADE, 0, 7, order + 8, 2}, {QD_MSG_CASCADE, 0, 7, order + 17, 1}, {QD_MSG_CASCADE, 0, 7, order + 25, 2},
        {QD_MSG_PARITIES, 0, 7, 0, 1},        {QD_MSG_PARITIES, 3, 7, 3, 0x80},      {QD_MSG_PARITIES, 0, 7, 4, 1},
        {QD_MSG_PARITIES, 1, 7, 11, 0x80}};
    for (size_t i = 0; i < sizeof pokes / sizeof *pokes; i++) refuses(&pokes[i]);
}
END_TEST

static void stray(void *with, qd_msg *m, int nth) {
    bool *found = with;
    (void)nth;
    if (m->type != QD_MSG_PARITIES || *found) return;
    *found = m->body[4] % 8 != 0;
    if (*found) m->body[m->bytes - 1] |= 0x80;
}

START_TEST(bits_past_the_last_parity_are_bad_input) {
    bool found = false;
    pair t = pair_of(QD_CODE_CASCADE, 3001, 0.03);
    pair_start(&t);
    qd_status st = pump(&t, NULL, stray, &found);
    ck_assert(found);
    ck_status(st, QD_E_INPUT);
    ck_says(err.what, "past the last parity");
    pair_free(&t);
}
END_TEST

START_TEST(plans_out_of_range_are_refused) {
    qd_reconcile_params p = {.code = QD_CODE_CASCADE, .errors = 20, .sample = 1000, .eps_cor = 1e-15};
    qd_reconcile_plan plan;
    ck_ok(qd_reconcile_plan_make(&p, 1000000, &plan, &err));
    ck_assert_uint_eq(plan.frames, 61);
    ck_ok(qd_reconcile_plan_make(&p, 255, &plan, &err));
    ck_assert_uint_eq(plan.reject, QD_REJECT_SHORT);
    ck_status(qd_reconcile_plan_make(&p, (uint64_t)1 << 29, &plan, &err), QD_E_USAGE);
    p.leak = 0.2;
    ck_status(qd_reconcile_plan_make(&p, 1000000, &plan, &err), QD_E_USAGE);
    p.leak = 0;
    p.errors = 200;
    ck_ok(qd_reconcile_plan_make(&p, 1000000, &plan, &err));
    ck_assert_uint_eq(plan.reject, QD_REJECT_QBER);
    p.errors = p.sample = 0;
    p.rounds = 8;
    ck_status(qd_reconcile_plan_make(&p, 1000000, &plan, &err), QD_E_USAGE);
}
END_TEST

int main(void) {
    Suite *s = suite_create("parities");
    TCase *t = tcase_create("parities");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, all_frames_are_corrected_and_both_directions_charged, 0, 8);
    tcase_add_loop_test(t, a_tag_that_differs_has_every_frame_tagged, 0, 2);
    tcase_add_test(t, an_error_that_is_left_is_located_and_its_frame_charged_whole);
    tcase_add_test(t, a_changed_parity_gives_no_key_that_differs);
    tcase_add_test(t, malformed_messages_are_bad_input);
    tcase_add_test(t, impossible_numbers_are_bad_input);
    tcase_add_test(t, bits_past_the_last_parity_are_bad_input);
    tcase_add_test(t, plans_out_of_range_are_refused);
    suite_add_tcase(s, t);
    return run_all(s);
}
