/* SPDX-License-Identifier: Apache-2.0 */
/* The two machines: what they agree on, what they charge, what they refuse. On the reference, with small strings. */
#include <math.h>
#include "reconcile/syndrome.h"
#include "reconcile_pair.h"
#include "run_all.h"

/* ceil(log2(n+1)) by counting up. */
static uint64_t log_of(uint64_t n) {
    uint64_t w = 0, reach = 1;
    while (reach < n + 1) {
        reach *= 2;
        w++;
    }
    return w;
}

/* The design's rules, applied by hand to what was seen on the wire. */
static void check_ledger(const qd_reconcile_result *r, const wire *w, uint64_t kept_at_end, uint64_t frame_tags) {
    qd_ledger l = {0};
    ck_ok(qd_reconcile_charge(r, 1, &l, &err));
    const uint64_t *a = l.bits[1][QD_ALICE_TO_BOB], *b = l.bits[1][QD_BOB_TO_ALICE];
    uint64_t tags = (uint64_t)w->count[QD_MSG_TAG];
    ck_assert_uint_eq(a[QD_LEAK_SYNDROME], kept_at_end * r->m);
    ck_assert_uint_eq(a[QD_LEAK_PRIVATE], kept_at_end * 2 * r->z);
    ck_assert_uint_eq(a[QD_LEAK_FAILED], (r->frames - kept_at_end) * r->frame_bits);
    ck_assert_uint_eq(a[QD_LEAK_TAG], tags * r->tag_bits + 64 * frame_tags);
    ck_assert_uint_eq(b[QD_LEAK_ANSWER], r->frames + tags + frame_tags);
    ck_assert_uint_eq(b[QD_LEAK_ERROR_COUNT], log_of(r->n));
    uint64_t charged = kept_at_end * (r->m - 2 * r->z) + (r->frames - kept_at_end) * r->frame_bits + tags * (r->tag_bits + 1) +
                       65 * frame_tags + r->frames + log_of(r->n);
    ck_assert_uint_eq(qd_ledger_charged(&l, 1, 0), charged);
    ck_assert_uint_eq(qd_ledger_charged(&l, 0, 0), 0);
    qd_reconcile_figures f = qd_reconcile_figures_of(r);
    ck_assert_double_eq_tol(f.net_yield, 1 - (double)charged / (double)r->n, 1e-12);
    double q = (double)r->errors / (double)r->n, h = -(q * log2(q) + (1 - q) * log2(1 - q));
    if (r->errors) {
        ck_assert_double_eq_tol(f.efficiency, (double)r->frames * (r->m - 2.0 * r->z) / ((double)r->n * h), 1e-9);
        ck_assert_double_eq_tol(f.efficiency_charged, (double)charged / ((double)r->n * h), 1e-9);
    } else {
        ck_assert(isnan(f.efficiency) && isnan(f.efficiency_charged));
    }
}

START_TEST(kept_frames_verify_and_are_charged) {
    static const double q[] = {0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.11};
    pair t = pair_make(60000, q[_i]);
    wire w = {0};
    run(&t, &w, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t);
    ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    ck_assert_uint_gt(r->frames, r->frames_failed);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    ck_assert_uint_eq(r->n, r->frames * r->frame_bits);
    ck_assert_uint_eq(r->tags, 1);
    ck_assert_uint_eq(r->rounds, 3); /* ANSWER, READY, TAG_ANSWER with ERRORS */
    ck_assert_uint_eq(w.count[QD_MSG_REVEAL], 1);
    check_ledger(r, &w, r->frames - r->frames_failed, 0);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* A code made for 1 % meets 3 %: frames fail, are revealed, charged in full, and stand in the string. */
START_TEST(failed_frames_are_revealed_and_charged_in_full) {
    pair t = pair_make(60000, 0.03);
    t.p.leak = _i ? 0.0834 : 0.22;
    wire w = {0};
    run(&t, &w, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t);
    ck_assert_uint_gt(r->frames_failed, 0);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    if (_i) { /* none left: no tag, and no key */
        ck_assert_uint_eq(r->frames_failed, r->frames);
        ck_assert_uint_eq(r->reject, QD_REJECT_NO_FRAME);
        ck_assert_uint_eq(w.count[QD_MSG_TAG], 0);
        ck_assert(qd_reconcile_figures_of(r).net_yield <= 0);
    } else {
        ck_assert_uint_lt(r->frames_failed, r->frames);
        ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    }
    check_ledger(r, &w, r->frames - r->frames_failed, 0);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* ---- Undetected errors ---- */

typedef struct planted {
    qd_code c;
    uint64_t frame;   /* whose syndrome is changed; UINT64_MAX: none */
    int spoil_tag[2]; /* first and second tag */
} planted;

/* Turn the syndrome of a frame into that of the frame with one key bit turned: the decoder converges, to the wrong string. */
static void plant(void *with, qd_msg *m, int nth) {
    planted *p = with;
    if (m->type == QD_MSG_TAG && nth < 2 && p->spoil_tag[nth]) m->body[16] ^= 1;
    if (m->type != QD_MSG_SYNDROME || p->frame == UINT64_MAX) return;
    uint64_t *e = calloc(qd_frame_words(&p->c), 8), *s = calloc(qd_syndrome_words(&p->c), 8);
    uint8_t bytes[QD_GRAPH_ROWS_MAX * QD_Z_MAX / 8];
    e[3 * p->c.words] = 2;
    qd_syndrome_ref(&p->c, 1, e, s);
    qd_syndrome_pack(&p->c, s, bytes);
    for (size_t i = 0; i < qd_syndrome_bytes(&p->c); i++) m->body[12 + p->frame * qd_syndrome_bytes(&p->c) + i] ^= bytes[i];
    free(e);
    free(s);
}

static planted planted_make(const pair *t, uint64_t frame) {
    planted p = {.frame = frame};
    qd_reconcile_plan plan;
    ck_ok(qd_reconcile_plan_make(&t->p, t->key[0].n, &plan, &err));
    ck_ok(qd_code_make(&p.c, plan.code, plan.z, plan.m, &err));
    ck_assert(frame == UINT64_MAX || frame < plan.frames);
    return p;
}

START_TEST(an_undetected_error_is_caught_located_and_charged) {
    pair t = pair_make(60000, 0.02);
    planted p = planted_make(&t, 2);
    wire w = {0};
    run(&t, &w, plant, &p);
    const qd_reconcile_result *r = agreed(&t);
    ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    ck_assert_uint_eq(r->located, 1);
    ck_assert_uint_eq(r->tags, 2);
    ck_assert_uint_eq(r->rounds, 6);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    uint64_t kept_first = r->frames - (r->frames_failed - r->located);
    ck_assert_uint_eq(r->frame_tags, kept_first);
    check_ledger(r, &w, r->frames - r->frames_failed, kept_first);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* Tags that never match: everything is revealed, no key, and the error count is still exact. */
START_TEST(a_string_whose_second_tag_fails_is_revealed_whole) {
    pair t = pair_make(60000, 0.02);
    planted p = planted_make(&t, _i ? 1 : UINT64_MAX);
    p.spoil_tag[0] = !_i;
    p.spoil_tag[1] = 1;
    wire w = {0};
    run(&t, &w, plant, &p);
    const qd_reconcile_result *r = agreed(&t);
    ck_assert_uint_eq(r->reject, QD_REJECT_UNVERIFIED);
    ck_assert_ptr_null(r->key);
    ck_assert_uint_eq(r->frames_failed, r->frames);
    ck_assert_uint_eq(r->located, (uint64_t)_i);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    check_ledger(r, &w, 0, r->frame_tags);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* ---- Rate policy ---- */

static qd_reconcile_plan plan_of(uint64_t errors, uint64_t sample, uint64_t bits) {
    qd_reconcile_params p = {.errors = errors, .sample = sample, .eps_cor = 1e-15};
    qd_reconcile_plan plan;
    ck_ok(qd_reconcile_plan_make(&p, bits, &plan, &err));
    return plan;
}

START_TEST(rejections) {
    ck_assert_uint_eq(plan_of(25, 100, 1000000).reject, QD_REJECT_QBER);
    ck_assert_uint_eq(plan_of(131, 1000, 1000000).reject, QD_REJECT_QBER);
    ck_assert_uint_eq(plan_of(110, 1000, 1000000).reject, QD_REJECT_NONE);
    ck_assert_uint_eq(plan_of(0, 1000, 100).reject, QD_REJECT_SHORT);
    ck_assert_uint_eq(plan_of(0, 1000, 12 * 32 - 1).reject, QD_REJECT_SHORT);
    ck_assert_uint_eq(plan_of(0, 1000, 12 * 32).reject, QD_REJECT_NONE); /* the smallest frame, of base graph 2: (10 + 4 - 2) Z, Z = 32 */
    qd_reconcile_params p = {.errors = 50, .sample = 1000, .eps_cor = 1e-15, .max_qber = 0.04};
    qd_reconcile_plan plan;
    ck_ok(qd_reconcile_plan_make(&p, 1000000, &plan, &err));
    ck_assert_uint_eq(plan.reject, QD_REJECT_QBER);
    /* and the machines end there, without a syndrome */
    pair t = pair_make(30000, 0.25);
    wire w = {0};
    run(&t, &w, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t);
    ck_assert_uint_eq(r->reject, QD_REJECT_QBER);
    ck_assert_uint_eq(r->n, 0);
    ck_assert_ptr_null(r->key);
    ck_assert_int_eq(w.count[QD_MSG_REJECT], 1);
    ck_assert_int_eq(w.count[QD_MSG_SYNDROME] + w.count[QD_MSG_CODE], 0);
    qd_ledger l = {0};
    ck_ok(qd_reconcile_charge(r, 0, &l, &err));
    ck_assert_uint_eq(qd_ledger_charged(&l, 0, 0), 0);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* Of strings too short for a large-block code: the leak of a plan grows with the error rate, and with doubt about it; it covers the entropy;
 * nearly all of a string is
 * used. */
START_TEST(the_rate_follows_the_estimate_and_its_doubt) {
    double former = 0;
    for (uint64_t k = 0; k <= 120; k += 10) {
        qd_reconcile_plan sure = plan_of(k * 100000, 100000000, 229000), doubtful = plan_of(k, 1000, 229000);
        qd_code c, d;
        ck_ok(qd_code_make(&c, sure.code, sure.z, sure.m, &err));
        ck_ok(qd_code_make(&d, doubtful.code, doubtful.z, doubtful.m, &err));
        double leak = (double)c.leak / c.n, q = (double)k / 1000, h = k ? -(q * log2(q) + (1 - q) * log2(1 - q)) : 0;
        ck_assert(leak >= former - 0.002); /* lifting sizes differ: a leak may fall by less than a step between them */
        ck_assert(leak > h);
        ck_assert(leak < 1.6 * h + 0.0835);
        ck_assert(sure.fer < 0.05);
        ck_assert(sure.frames * c.n > 0.96 * 229000); /* six long frames may leave more than thirteen short ones that fill the string */
        if (k >= 10) ck_assert((double)d.leak / d.n > leak);
        former = leak;
    }
}
END_TEST

START_TEST(the_tag_is_as_long_as_the_design_says) {
    ck_assert_uint_eq(qd_tag_bits(1552, 1e-15), 56);
    ck_assert_uint_eq(qd_tag_bits(1 << 20, 1e-15), 65);
    ck_assert_uint_eq(qd_tag_bits(1 << 27, 1e-15), 72);
    /* 4 S/eps_cor a power of two, S = 2 to 2^20, and one block more: exactly at the step */
    for (uint32_t k = 1; k <= 20; k++) {
        const uint64_t blocks = ((uint64_t)1 << k) - 1;
        ck_assert_uint_eq(qd_tag_bits(128 * blocks, 0x1p-50), 52 + k);
        ck_assert_uint_eq(qd_tag_bits(128 * blocks + 1, 0x1p-50), 53 + k);
        ck_assert_uint_eq(qd_tag_bits(128 * blocks, nextafter(0x1p-50, 0)), 53 + k);
        ck_assert_uint_eq(qd_tag_bits(128 * blocks, nextafter(0x1p-50, 1)), 52 + k);
    }
    ck_assert_uint_gt(qd_tag_bits(1000, NAN), 128); /* impossible: refused */
    ck_assert_uint_gt(qd_tag_bits(1000, 0), 128);
    ck_assert_uint_gt(qd_tag_bits(1000, -1), 128);
    qd_reconcile_params p = {.errors = 1, .sample = 100, .eps_cor = 1e-37};
    qd_reconcile_plan plan;
    ck_status(qd_reconcile_plan_make(&p, 1000000, &plan, &err), QD_E_USAGE);
}
END_TEST

START_TEST(parameters_out_of_range_are_refused) {
    pair t = pair_make(2000, 0.01);
    const qd_reconcile_params good = t.p;
    qd_reconcile_params bad[8] = {good, good, good, good, good, good, good, good};
    bad[0].eps_cor = 0;
    bad[1].eps_cor = NAN;
    bad[2].sample = 0;
    bad[3].errors = good.sample + 1;
    bad[4].basis = 2;
    bad[5].max_iterations = 1001;
    bad[6].batch = QD_BATCH_MAX + 1;
    bad[7].basis = -1;
    for (int i = 0; i < 8; i++)
        ck_status(qd_reconcile_alice_create(&bad[i], &t.key[0], random_of(QD_STREAM_PRIVATE), random_of(QD_STREAM_VERIFY), NULL,
                                            &t.alice, &err),
                  QD_E_USAGE);
    ck_assert_ptr_null(t.alice);
    t.p.leak = 1;
    pair_start(&t);
    qd_outbox out = {0};
    bool done;
    ck_status(qd_reconcile_alice_step(t.alice, NULL, &out, &done, &err), QD_E_USAGE);
    qd_outbox_destroy(&out);
    uint32_t code;
    ck_ok(qd_code_named("auto", &code, &err));
    ck_assert_uint_eq(code, QD_CODE_AUTO);
    ck_ok(qd_code_named("nr-bg1", &code, &err));
    ck_assert_uint_eq(code, QD_CODE_NR_BG1);
    ck_ok(qd_code_named("qd-bg1", &code, &err));
    ck_assert_uint_eq(code, QD_CODE_QD_BG1);
    ck_assert_str_eq(qd_code_name(code), "qd-bg1");
    ck_ok(qd_code_named("qd-k22", &code, &err));
    ck_assert_uint_eq(code, QD_CODE_QD_K22);
    ck_assert_str_eq(qd_code_name(code), "qd-k22");
    ck_ok(qd_code_named("qd-k33", &code, &err));
    ck_assert_uint_eq(code, QD_CODE_QD_K33);
    ck_assert_str_eq(qd_code_name(code), "qd-k33");
    ck_ok(qd_code_named("cascade", &code, &err));
    ck_assert_uint_eq(code, QD_CODE_CASCADE);
    ck_status(qd_code_named("turbo", &code, &err), QD_E_USAGE);
    pair_free(&t);
}
END_TEST

/* ---- Messages ---- */

typedef struct change {
    uint32_t type; /* of the message to change */
    int how;
} change;

enum { SHORTER, LONGER, EMPTY, OTHER_TYPE, OTHER_BLOCK, REFLECTED, TURN, HOWS };

static void spoil(void *with, qd_msg *m, int nth) {
    const change *c = with;
    if (m->type != c->type || nth) return;
    switch (c->how) {
        case SHORTER:
            m->bytes -= m->bytes > 0;
            break;
        case LONGER:
            m->body = realloc(m->body, m->bytes + 1);
            m->body[m->bytes++] = 0;
            break;
        case EMPTY:
            m->bytes = 0;
            break;
        case OTHER_TYPE:
            m->type = QD_MSG_DONE;
            break;
        case OTHER_BLOCK:
            m->block ^= 1;
            break;
        case REFLECTED:
            m->from = !m->from;
            break;
        case TURN:
            m->last = !m->last;
            break;
    }
}

/* Every message of a run with a located frame, spoiled in every way: bad input, never a wrong key, and the machine stays refused.
 * */
START_TEST(malformed_messages_are_bad_input) {
    static const uint32_t types[] = {QD_MSG_CODE,  QD_MSG_SYNDROME, QD_MSG_ANSWER,     QD_MSG_REVEAL,
                                     QD_MSG_READY, QD_MSG_TAG,      QD_MSG_TAG_ANSWER, QD_MSG_ERRORS};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (int how = 0; how < HOWS; how++) {
            pair t = pair_make(2000, 0.01);
            change c = {types[i], how};
            if (types[i] == QD_MSG_READY && (how == SHORTER || how == EMPTY)) { /* it is empty already */
                pair_free(&t);
                continue;
            }
            pair_start(&t);
            ck_status(pump(&t, NULL, spoil, &c), QD_E_INPUT);
            ck_assert(err.what[0] != 0);
            pair_free(&t);
        }
}
END_TEST

typedef struct poke {
    uint32_t type;
    uint64_t at;
    uint8_t bits;
} poke;

static void poke_in(void *with, qd_msg *m, int nth) {
    const poke *p = with;
    if (m->type == p->type && !nth) m->body[p->at] ^= p->bits;
}

/* Numbers that cannot be. */
START_TEST(impossible_numbers_are_bad_input) {
    static const poke pokes[] = {
        {QD_MSG_CODE, 0, 1},     {QD_MSG_CODE, 1, 1},       {QD_MSG_CODE, 2, 2},     {QD_MSG_CODE, 6, 1},
        {QD_MSG_CODE, 13, 0x80}, {QD_MSG_CODE, 14, 0x40},   {QD_MSG_CODE, 18, 0x80}, {QD_MSG_CODE, 23, 0xff},
        {QD_MSG_CODE, 26, 0x80}, {QD_MSG_CODE, 26, 0x20}, /* a tag of 24 bits */ {QD_MSG_CODE, 33, 0xff},   {QD_MSG_CODE, 34, 1},    {QD_MSG_CODE, 42, 1},
        {QD_MSG_SYNDROME, 0, 1}, {QD_MSG_SYNDROME, 8, 1},   {QD_MSG_ANSWER, 0, 1},   {QD_MSG_ANSWER, 8, 0x80},
        {QD_MSG_REVEAL, 0, 1},   {QD_MSG_TAG_ANSWER, 0, 2}, {QD_MSG_ERRORS, 7, 0x80}};
    for (size_t i = 0; i < sizeof pokes / sizeof *pokes; i++) {
        pair t = pair_make(2000, 0.01);
        pair_start(&t);
        qd_status st = pump(&t, NULL, poke_in, (void *)(uintptr_t)&pokes[i]);
        ck_assert_msg(st == QD_E_INPUT, "type %u byte %llu: status %d", pokes[i].type, (unsigned long long)pokes[i].at, (int)st);
        pair_free(&t);
    }
}
END_TEST

/* A revealed frame with bits past its end, and a rejection for a reason that there is not. */
START_TEST(stray_bits_and_unknown_reasons_are_bad_input) {
    pair t = pair_make(2000, 0.05);
    qd_reconcile_plan plan;
    qd_code c;
    t.p.leak = 0.09;
    do { /* until frames are no whole number of bytes */
        t.p.leak += 0.001;
        ck_ok(qd_reconcile_plan_make(&t.p, 2000, &plan, &err));
        ck_ok(qd_code_make(&c, plan.code, plan.z, plan.m, &err));
    } while (c.n % 8 == 0);
    poke stray = {QD_MSG_REVEAL, 8 + c.n / 8, 0x80};
    pair_start(&t);
    ck_status(pump(&t, NULL, poke_in, &stray), QD_E_INPUT);
    ck_says(err.what, "past a frame");
    pair_free(&t);
    t = pair_make(2000, 0.3);
    poke reason = {QD_MSG_REJECT, 0, 0x40};
    pair_start(&t);
    ck_status(pump(&t, NULL, poke_in, &reason), QD_E_INPUT);
    pair_free(&t);
}
END_TEST

START_TEST(steps_out_of_order_are_refused) {
    pair t = pair_make(2000, 0.01);
    pair_start(&t);
    qd_outbox out = {0};
    bool done;
    qd_msg m = {.type = QD_MSG_ANSWER, .block = 7, .from = 1, .last = 1};
    ck_status(qd_reconcile_bob_step(t.bob, NULL, &out, &done, &err), QD_E_USAGE);
    ck_status(qd_reconcile_alice_step(t.alice, &m, &out, &done, &err), QD_E_USAGE);
    ck_status(qd_reconcile_alice_step(t.alice, NULL, &out, &done, &err), QD_E_USAGE); /* unusable after an error */
    qd_outbox_destroy(&out);
    pair_free(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("reconcile");
    TCase *t = tcase_create("reconcile");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, kept_frames_verify_and_are_charged, 0, 8);
    tcase_add_loop_test(t, failed_frames_are_revealed_and_charged_in_full, 0, 2);
    tcase_add_test(t, an_undetected_error_is_caught_located_and_charged);
    tcase_add_loop_test(t, a_string_whose_second_tag_fails_is_revealed_whole, 0, 2);
    tcase_add_test(t, rejections);
    tcase_add_test(t, the_rate_follows_the_estimate_and_its_doubt);
    tcase_add_test(t, the_tag_is_as_long_as_the_design_says);
    tcase_add_test(t, parameters_out_of_range_are_refused);
    tcase_add_test(t, malformed_messages_are_bad_input);
    tcase_add_test(t, impossible_numbers_are_bad_input);
    tcase_add_test(t, stray_bits_and_unknown_reasons_are_bad_input);
    tcase_add_test(t, steps_out_of_order_are_refused);
    suite_add_tcase(s, t);
    return run_all(s);
}
