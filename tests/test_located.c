/* SPDX-License-Identifier: Apache-2.0 */
/* After a tag that differs: tags of frames find those that are wrong, these alone are lost, and all of it is charged. */
#include "left_errors.h"
#include "qdistill/arith.h"
#include "replayed.h"
#include "run_all.h"

enum { SMALL = 2000 /* one frame */ };
static const uint64_t bits_of[METHODS] = {50000, 120000, 65536}; /* four frames or more */

/* Message no. @p nth of a type; its body is the caller's. */
static qd_msg message(const wire *w, uint32_t type, int nth) {
    FILE *f = fmemopen(w->p, w->n, "rb");
    qd_msg m = {0};
    for (bool end = false;;) {
        ck_ok(qd_msg_read(f, w->n, &m, &end, &err));
        ck_assert_msg(!end, "no message %u no. %d", type, nth);
        if (m.type == type && nth-- == 0) break;
        free(m.body);
    }
    fclose(f);
    return m;
}

static uint64_t ceil_log2_of_next(uint64_t n) {
    uint64_t w = 0;
    while (((uint64_t)1 << w) < n + 1) w++;
    return w;
}

/* What is charged, by hand: @p lost frames that were found wrong, of @p kept; the rest had failed already. */
static void check_charges(const qd_reconcile_result *r, uint64_t kept, uint64_t lost) {
    qd_ledger l = {0};
    ck_ok(qd_reconcile_charge(r, 1, &l, &err));
    const uint64_t *a = l.bits[1][QD_ALICE_TO_BOB], *b = l.bits[1][QD_BOB_TO_ALICE];
    const uint64_t tags = kept > lost || r->reject == QD_REJECT_UNVERIFIED ? 2 : 1; /* no second one of no frame */
    const uint64_t failed = r->reject == QD_REJECT_UNVERIFIED ? r->frames : r->frames - kept + lost;
    ck_assert_uint_eq(a[QD_LEAK_TAG], tags * r->tag_bits + 64 * kept);
    ck_assert_uint_eq(a[QD_LEAK_FAILED], failed * r->frame_bits);
    ck_assert_uint_eq(b[QD_LEAK_ANSWER], (r->code == QD_CODE_CASCADE ? 0 : r->frames + r->added_answers) + tags + kept);
    ck_assert_uint_eq(b[QD_LEAK_ERROR_COUNT], ceil_log2_of_next(r->n));
    if (!r->added_rounds && r->code != QD_CODE_CASCADE) {
        ck_assert_uint_eq(a[QD_LEAK_SYNDROME], (r->frames - failed) * r->m);
        ck_assert_uint_eq(a[QD_LEAK_PRIVATE], (r->frames - failed) * 2 * r->z);
        ck_assert_uint_eq(qd_ledger_charged(&l, 1, 0), (r->frames - failed) * (r->m - 2 * r->z) + failed * r->frame_bits + tags * (r->tag_bits + 1) + 65 * kept +
                                                          r->frames + ceil_log2_of_next(r->n));
    }
}

/* REVEAL no. @p nth carries the frames that were hit, as Alice has them, and nothing else. */
static void check_reveal(const wire *w, int nth, const left_errors *e, const qd_reconcile_result *r) {
    qd_msg m = message(w, QD_MSG_REVEAL, nth);
    const uint64_t bytes = (r->frame_bits + 7) / 8;
    uint64_t at = 8, count = 0;
    qd_bits hers = in_frames(&e->t->key[0], r);
    for (uint64_t f = 0; f < r->frames; f++) {
        if (!e->hit[f]) continue;
        count++;
        for (uint64_t i = 0; i < 8 * bytes; i++)
            ck_assert_uint_eq(m.body[at + i / 8] >> i % 8 & 1, i < r->frame_bits ? qd_bits_get(&hers, f * r->frame_bits + i) : 0);
        at += bytes;
    }
    ck_assert_uint_eq(m.bytes, at);
    ck_assert_uint_eq(m.body[0], count);
    qd_bits_destroy(&hers);
    free(m.body);
}

/* FRAME_TAGS is the definition, for each frame that was kept, under a key of its own. */
static void check_frame_tags(const wire *w, const left_errors *e, const qd_reconcile_result *r, const uint8_t *kept) {
    qd_msg m = message(w, QD_MSG_FRAME_TAGS, 0), tag[2] = {message(w, QD_MSG_TAG, 0), message(w, QD_MSG_TAG, 1)};
    uint64_t at = 24;
    qd_random draws = random_of(QD_STREAM_VERIFY); /* public: a seed of Cascade's, then three hash keys */
    uint8_t drawn[16];
    if (r->code == QD_CODE_CASCADE) qd_random_bytes(&draws, drawn, 8);
    const uint8_t *keys[] = {tag[0].body, m.body, tag[1].body};
    for (int i = 0; i < 3; i++) {
        qd_random_bytes(&draws, drawn, sizeof drawn);
        ck_assert_mem_eq(keys[i], drawn, sizeof drawn);
    }
    qd_bits hers = in_frames(&e->t->key[0], r), stands = in_frames(r->key, r);
    for (uint64_t f = 0; f < r->frames; f++) {
        qd_bits frame;
        uint8_t want[16];
        if (!kept[f]) continue;
        ck_ok(qd_bits_slice(&frame, &hers, f * r->frame_bits, r->frame_bits, &err));
        ck_ok(qd_gf128_hash_ref(&frame, m.body, 64, want, &err));
        ck_assert_mem_eq(m.body + at, want, 8);
        at += 8;
        qd_bits_destroy(&frame);
    }
    ck_assert_uint_eq(m.bytes, at);
    /* and the second tag is of the string as it stands then, which is hers */
    uint8_t want[16];
    ck_ok(qd_gf128_hash_ref(&stands, tag[1].body, r->tag_bits, want, &err));
    ck_assert_mem_eq(tag[1].body + 16, want, 16);
    qd_bits_destroy(&hers);
    qd_bits_destroy(&stands);
    free(m.body);
    for (int i = 0; i < 2; i++) free(tag[i].body);
}

static const left_errors cases[] = {
    {.frames = {1}, .count = 1, .bits = 1},          {.frames = {0}, .count = 1, .bits = 9},  {.frames = {-1}, .count = 1, .bits = 2},
    {.frames = {0, -1}, .count = 2, .bits = 1},      {.frames = {1, 2}, .count = 2, .bits = 400}, {.frames = {0, 1, 2}, .count = 3, .bits = 1},
};
enum { CASES = sizeof cases / sizeof *cases };

START_TEST(wrong_frames_alone_are_lost) {
    for (int c = 0; c < CASES; c++) {
        pair t = pair_by_method(_i, bits_of[_i], 0.03);
        if (_i == 0) t.p.leak = 0.28; /* some frames fail before */
        left_errors e = cases[c];
        e.t = &t;
        wire w = {0};
        run(&t, &w, leave_errors, &e);
        const qd_reconcile_result *r = agreed(&t);
        const uint64_t lost = (uint64_t)e.count;
        replay sum = replayed(&w, r);
        ck_assert_uint_ge(e.kept, 4);
        ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
        ck_assert_uint_eq(r->located, lost);
        ck_assert_uint_eq(r->frames_failed, r->frames - e.kept + lost);
        ck_assert_uint_eq(r->frame_tags, e.kept);
        ck_assert_uint_eq(r->tags, 2);
        ck_assert_uint_eq(r->errors, differing(&t, r->n));
        check_reveal(&w, _i == 2 ? 0 : 1, &e, r);
        uint8_t kept[1024];
        for (uint64_t f = 0; f < r->frames; f++) kept[f] = machine_of_bob(&t)->kept[f] || e.hit[f];
        check_frame_tags(&w, &e, r, kept);
        check_charges(r, e.kept, lost);
        replay_free(&sum);
        free(w.p);
        pair_free(&t);
    }
}
END_TEST

/* All of them: no tag is left to send, no key, and the errors are still counted. */
START_TEST(when_every_frame_is_wrong_there_is_no_key) {
    pair t = pair_by_method(_i, bits_of[_i], 0.02);
    left_errors e = {.t = &t, .bits = 3};
    pair_start(&t);
    ck_ok(pump(&t, NULL, leave_errors, &e));
    const int frames = (int)e.kept;
    ck_assert_int_le(frames, LEFT_FRAMES);
    pair_stop(&t);
    e = (left_errors){.t = &t, .bits = 3, .count = frames};
    for (int i = 0; i < frames; i++) e.frames[i] = i;
    wire w = {0};
    run(&t, &w, leave_errors, &e);
    const qd_reconcile_result *r = agreed(&t);
    replay sum = replayed(&w, r);
    ck_assert_uint_eq(r->reject, QD_REJECT_NO_FRAME);
    ck_assert_uint_eq(r->located, (uint64_t)frames);
    ck_assert_uint_eq(r->frames_failed, r->frames);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    check_charges(r, e.kept, e.kept);
    replay_free(&sum);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* The second tag differs too, with and without frames that were located. */
START_TEST(a_second_tag_that_differs_reveals_the_rest) {
    for (int located = 0; located < 3; located++) {
        pair t = pair_by_method(_i, bits_of[_i], 0.02);
        left_errors e = {.t = &t, .frames = {0, 2}, .count = located, .bits = 1, .other_tag = {!located, true}};
        wire w = {0};
        run(&t, &w, leave_errors, &e);
        const qd_reconcile_result *r = agreed(&t);
        replay sum = replayed(&w, r);
        ck_assert_uint_eq(r->reject, QD_REJECT_UNVERIFIED);
        ck_assert_ptr_null(r->key);
        ck_assert_uint_eq(r->located, (uint64_t)located);
        ck_assert_uint_eq(r->frames_failed, r->frames);
        ck_assert_uint_eq(r->errors, differing(&t, r->n));
        ck_assert(qd_bits_equal(&machine_of_bob(&t)->string, &((qd_machine *)(void *)t.alice)->string));
        check_charges(r, e.kept, (uint64_t)located);
        replay_free(&sum);
        free(w.p);
        pair_free(&t);
    }
}
END_TEST

/* A first tag that is equal costs nothing more. */
START_TEST(nothing_of_it_where_the_first_tag_is_equal) {
    pair t = pair_by_method(_i, bits_of[_i], 0.02);
    wire w = {0};
    run(&t, &w, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t);
    ck_assert_uint_eq(r->tags, 1);
    ck_assert_uint_eq(r->frame_tags + r->located, 0);
    ck_assert_int_eq(w.count[QD_MSG_TAG], 1);
    ck_assert_int_eq(w.count[QD_MSG_FRAME_TAGS] + w.count[QD_MSG_FRAME_ANSWER], 0);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* ---- Messages that cannot be --------------------------------------------------------------------------------------- */

enum { SHORTER, LONGER, EMPTY, OTHER_TYPE, OTHER_BLOCK, REFLECTED, TURN, POKE };

typedef struct change {
    uint32_t type;
    int nth, how; /* message of its type */
    uint64_t at;  /* POKE: this byte, or from the end where it is above LAST */
    uint8_t bits;
    left_errors left;
} change;
#define LAST ((uint64_t)1 << 32)

static void spoil(void *with, qd_msg *m, int nth) {
    change *c = with;
    leave_errors(&c->left, m, nth);
    if (m->type != c->type || nth != c->nth) return;
    switch (c->how) {
        case SHORTER: m->bytes -= m->bytes > 0; break;
        case LONGER:
            m->body = realloc(m->body, m->bytes + 1);
            m->body[m->bytes++] = 0;
            break;
        case EMPTY: m->bytes = 0; break;
        case OTHER_TYPE: m->type = QD_MSG_DONE; break;
        case OTHER_BLOCK: m->block ^= 1; break;
        case REFLECTED: m->from = !m->from; break;
        case TURN: m->last = !m->last; break;
        default: m->body[c->at >= LAST ? m->bytes - 1 - (c->at - LAST) : c->at] ^= c->bits;
    }
}

/* Of a string of one frame whose first tag arrives changed, or of one with wrong frames. */
static qd_status spoiled(int method, uint64_t bits, change c, pair *t) {
    *t = pair_by_method(method, bits, 0.02);
    c.left = (left_errors){.t = t, .frames = {0, 2}, .count = bits == SMALL ? 0 : 2, .bits = 1, .other_tag = {bits == SMALL}};
    pair_start(t);
    return pump(t, NULL, spoil, &c);
}

START_TEST(malformed_messages_are_bad_input) {
    static const struct {
        uint32_t type;
        int nth;
    } of[] = {{QD_MSG_FRAME_TAGS, 0}, {QD_MSG_FRAME_ANSWER, 0}, {QD_MSG_REVEAL, 1}, {QD_MSG_READY, 1}, {QD_MSG_TAG, 1}, {QD_MSG_TAG_ANSWER, 1}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (int how = SHORTER; how < POKE; how++) {
            pair t;
            if (of[i].type == QD_MSG_READY && (how == SHORTER || how == EMPTY)) continue; /* it is empty already */
            const change c = {.type = of[i].type, .nth = _i == 2 && of[i].type == QD_MSG_REVEAL ? 0 : of[i].nth, .how = how};
            ck_assert_msg(spoiled(_i, SMALL, c, &t) == QD_E_INPUT, "method %d, message %u, change %d", _i, of[i].type, how);
            pair_free(&t);
        }
}
END_TEST

/* Counts, an answer that is neither yes nor no, more errors than bits. */
START_TEST(impossible_numbers_are_bad_input) {
    static const change pokes[] = {
        {QD_MSG_FRAME_TAGS, 0, POKE, 16, 1, {0}},   {QD_MSG_FRAME_TAGS, 0, POKE, 23, 0x80, {0}}, {QD_MSG_FRAME_ANSWER, 0, POKE, 0, 1, {0}},
        {QD_MSG_FRAME_ANSWER, 0, POKE, 7, 0x80, {0}}, {QD_MSG_TAG_ANSWER, 0, POKE, 0, 2, {0}},     {QD_MSG_TAG_ANSWER, 1, POKE, 0, 0x80, {0}},
        {QD_MSG_ERRORS, 0, POKE, 7, 0x80, {0}},
    };
    for (size_t i = 0; i < sizeof pokes / sizeof *pokes; i++) {
        pair t;
        ck_assert_msg(spoiled(_i, SMALL, pokes[i], &t) == QD_E_INPUT, "method %d, change %d", _i, (int)i);
        pair_free(&t);
    }
    /* the answer of a number of frames that is no multiple of 8 has room for a stray bit */
    pair t;
    ck_status(spoiled(2, SMALL, (change){QD_MSG_FRAME_ANSWER, 0, POKE, LAST, 0x80, {0}}, &t), QD_E_INPUT);
    ck_says(err.what, "past the last answer");
    pair_free(&t);
}
END_TEST

/* Tags, answers and frames that are changed but well-formed cost frames, or the string,
 * and never give two keys. */
START_TEST(changed_values_give_no_key_that_differs) {
    static const change pokes[] = {
        {QD_MSG_FRAME_TAGS, 0, POKE, 0, 1, {0}},   {QD_MSG_FRAME_TAGS, 0, POKE, LAST, 1, {0}}, {QD_MSG_FRAME_ANSWER, 0, POKE, 8, 2, {0}},
        {QD_MSG_FRAME_ANSWER, 0, POKE, 8, 1, {0}}, {QD_MSG_TAG, 1, POKE, 0, 1, {0}}, {QD_MSG_REVEAL, 1, POKE, 100, 1, {0}},
    };
    for (size_t i = 0; i < sizeof pokes / sizeof *pokes; i++) {
        pair t;
        change c = pokes[i];
        if (_i == 2 && c.type == QD_MSG_REVEAL) c.nth = 0;
        const qd_status st = spoiled(_i, bits_of[_i], c, &t);
        ck_assert(st == QD_OK || st == QD_E_INPUT);
        const qd_reconcile_result *a = qd_reconcile_alice_result(t.alice), *b = qd_reconcile_bob_result(t.bob);
        ck_assert_msg(st != QD_OK || !a->key || !b->key || qd_bits_equal(a->key, b->key), "method %d, change %d: two keys", _i, (int)i);
        pair_free(&t);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("located");
    TCase *t = tcase_create("located");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, wrong_frames_alone_are_lost, 0, METHODS);
    tcase_add_loop_test(t, when_every_frame_is_wrong_there_is_no_key, 0, METHODS);
    tcase_add_loop_test(t, a_second_tag_that_differs_reveals_the_rest, 0, METHODS);
    tcase_add_loop_test(t, nothing_of_it_where_the_first_tag_is_equal, 0, METHODS);
    tcase_add_loop_test(t, malformed_messages_are_bad_input, 0, METHODS);
    tcase_add_loop_test(t, impossible_numbers_are_bad_input, 0, METHODS);
    tcase_add_loop_test(t, changed_values_give_no_key_that_differs, 0, METHODS);
    suite_add_tcase(s, t);
    return run_all(s);
}
