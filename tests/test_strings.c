/* SPDX-License-Identifier: Apache-2.0 */
/* Key strings of simulated frames: which of them get a tag, that it is the machines', what it finds, and that strings do not depend on
 * how frames are cut into calls. */
#include <math.h>
#include "qdistill/arith.h"
#include "qdistill/reconcile/truth.h"
#include "reconcile_pair.h"
#include "run_all.h"

/* ---- Frames by hand ---- */

enum { BITS = 100, WORDS = 2 };

typedef struct hand {
    uint64_t alice[WORDS], bob[WORDS];
} hand;

/* A random key; Bob's has its first @p turned bits turned. What stands past the end differs always. */
static hand hand_make(uint64_t number, uint64_t turned) {
    hand h;
    qd_random r = {.rehearsal = 1, .seed = 5, .stream = QD_STREAM_TEST, .entity = number};
    qd_random_bytes(&r, h.alice, sizeof h.alice);
    memcpy(h.bob, h.alice, sizeof h.bob);
    for (uint64_t i = 0; i < turned; i++) h.bob[i / 64] ^= 1ull << i % 64;
    h.bob[1] ^= 1ull << (BITS - 64);
    return h;
}

static qd_strings *strings_of(uint64_t each, double eps_cor, uint64_t frames) {
    qd_strings *s;
    ck_ok(qd_strings_create(&(qd_strings_ask){.each = each, .eps_cor = eps_cor, .seed = 3, .frames = frames}, &s, &err));
    return s;
}

static qd_verified verify(qd_strings *s) {
    qd_verified v = {0};
    ck_ok(qd_strings_verify_truth(s, &v, &err));
    qd_strings_destroy(s);
    return v;
}

static uint64_t sum(const uint64_t k[QD_PLANTED_KINDS]) {
    return k[0] + k[1] + k[2];
}

static void same_verified(const qd_verified *a, const qd_verified *b) {
    ck_assert_mem_eq(a, b, sizeof *a);
}

/* The length of a tag by its definition: 2^t eps >= 4 S. */
static uint64_t tag_of(uint64_t bits, double eps) {
    const double s = ceil((double)bits / 128) + 1;
    uint64_t t = 0;
    while (ldexp(eps, (int)t) < 4 * s) t++;
    return t;
}

/* Of 25 frames in strings of ten: an error in frame 4 and one in 24, the last of a shorter string. */
START_TEST(wrong_strings_are_caught_and_right_ones_are_not_refused) {
    qd_strings *s = strings_of(10, 1e-15, 25);
    for (uint64_t f = 25; f-- > 0;) {
        hand h = hand_make(f, f == 4 || f == 24);
        qd_strings_take_truth(s, f, BITS, h.alice, h.bob);
    }
    qd_verified v = verify(s);
    ck_assert(v.strings == 3 && v.wrong == 2 && v.caught == 2 && v.refused == 0);
    ck_assert(sum(v.planted) == 1 && sum(v.planted_caught) == 1);
    ck_assert_uint_eq(v.tag_bits, tag_of(10 * BITS, 1e-15));
}
END_TEST

/* A frame that failed is revealed: both have it, whatever the decoder left. A string of such frames alone gets no tag. */
START_TEST(revealed_frames_are_right_and_alone_get_no_tag) {
    qd_strings *s = strings_of(4, 1e-15, 12);
    for (uint64_t f = 0; f < 12; f++) {
        hand h = hand_make(f, f == 9);
        qd_strings_take_truth(s, f, BITS, h.alice, f == 9 || f / 4 == 1 ? NULL : h.bob);
    }
    qd_verified v = verify(s);
    ck_assert(v.strings == 2 && v.wrong == 0 && v.caught == 0 && v.refused == 0 && sum(v.planted) == 2 && sum(v.planted_caught) == 2);
}
END_TEST

/* A string of one frame has S = 2: at eps .9 its tag has 4 bits, and of uniform keys one in 16 gives two strings the same. Counts are
 * within 4 standard deviations of binomial ones: what is missed is as real as what is caught. */
START_TEST(short_tags_miss_as_many_as_chance_says) {
    enum { FRAMES = 8000 };
    qd_strings *s = strings_of(1, 0.9, FRAMES);
    for (uint64_t f = 0; f < FRAMES; f++) {
        hand h = hand_make(f, f % 2); /* the same error: what tells them apart is the keys */
        qd_strings_take_truth(s, f, BITS, h.alice, h.bob);
    }
    qd_verified v = verify(s);
    const double wrong = FRAMES / 2, p = 1.0 / 16, sd = sqrt(wrong * p * (1 - p));
    ck_assert_uint_eq(v.tag_bits, 4);
    ck_assert(v.strings == FRAMES && v.wrong == wrong && v.refused == 0);
    ck_assert(fabs((double)(v.wrong - v.caught) - wrong * p) < 4 * sd);
    ck_assert(fabs((double)(sum(v.planted) - sum(v.planted_caught)) - wrong * p) < 4 * sd);
    /* one bit or more than one, evenly; a single frame has none to change places with */
    ck_assert(sum(v.planted) == wrong && v.planted[QD_PLANTED_FRAMES] == 0);
    ck_assert(fabs((double)v.planted[QD_PLANTED_BIT] - wrong / 2) < 4 * sqrt(wrong / 4));
}
END_TEST

/* All three kinds are drawn evenly; frames that are the same can change places without an error. */
START_TEST(what_is_planted_is_an_error) {
    enum { STRINGS = 900 };
    for (int same = 0; same < 2; same++) {
        qd_strings *s = strings_of(2, 1e-15, 2 * STRINGS);
        for (uint64_t f = 0; f < 2 * STRINGS; f++) {
            hand h = hand_make(same ? 0 : f, 0);
            qd_strings_take_truth(s, f, BITS, h.alice, h.bob);
        }
        qd_verified v = verify(s);
        for (int k = 0; k < QD_PLANTED_KINDS; k++) {
            ck_assert_uint_eq(v.planted[k], v.planted_caught[k]);
            if (same && k == QD_PLANTED_FRAMES) ck_assert_uint_eq(v.planted[k], 0);
            else ck_assert(fabs((double)v.planted[k] - STRINGS / 3.0) < 4 * sqrt(STRINGS * 2.0 / 9));
        }
        ck_assert(same || sum(v.planted) == STRINGS);
        ck_assert(v.strings == STRINGS && v.wrong == 0 && v.refused == 0);
    }
}
END_TEST

START_TEST(bad_strings_are_refused) {
    qd_strings *s;
    const qd_strings_ask bad[] = {{.each = 0, .eps_cor = .1},
                                  {.each = QD_STRINGS_FRAMES + 1, .eps_cor = .1},
                                  {.each = 4, .first = 6, .eps_cor = .1},
                                  {.each = 4, .eps_cor = 0},
                                  {.each = 4, .eps_cor = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_status(qd_strings_create(&bad[i], &s, &err), QD_E_USAGE);
        ck_assert_ptr_null(s);
    }
    ck_status(qd_strings_create(&(qd_strings_ask){.each = 1, .eps_cor = .1, .frames = UINT64_MAX}, &s, &err), QD_E_INTERNAL);
    /* a frame that never came; a tag longer than there are */
    qd_verified v = {.strings = 7}, before = v;
    hand h = hand_make(0, 0);
    s = strings_of(2, .1, 2);
    qd_strings_take_truth(s, 0, BITS, h.alice, h.bob);
    ck_status(qd_strings_verify_truth(s, &v, &err), QD_E_INTERNAL);
    same_verified(&v, &before);
    qd_strings_destroy(s);
    s = strings_of(1, 1e-40, 1);
    qd_strings_take_truth(s, 0, BITS, h.alice, h.bob);
    ck_status(qd_strings_verify_truth(s, &v, &err), QD_E_USAGE);
    same_verified(&v, &before);
    qd_strings_destroy(s);
}
END_TEST

/* ---- The machines' tag ---- */

typedef struct seen {
    uint8_t body[32];
    size_t bytes;
} seen;

static void see(void *with, qd_msg *m, int nth) {
    seen *s = with;
    if (m->type != QD_MSG_TAG || nth > 0) return;
    s->bytes = m->bytes;
    memcpy(s->body, m->body, m->bytes < 32 ? m->bytes : 32);
}

/* What Alice's machine sends is what studies make of her string: the key from the same draws, and the hash by its definition. */
START_TEST(it_is_the_tag_that_the_machines_send) {
    pair t = pair_make(60000, 0.02);
    seen s = {.bytes = 0};
    wire w = {0};
    run(&t, &w, see, &s);
    const qd_reconcile_result *r = agreed(&t);
    qd_random draws = random_of(QD_STREAM_VERIFY);
    qd_verify_tag tag;
    uint8_t hash[16];
    bool same;
    qd_bits sent = in_frames(r->key, r);
    ck_assert_uint_eq(r->tag_bits, qd_tag_bits(r->n, 1e-15));
    ck_ok(qd_verify_tell(NULL, &draws, &sent, r->tag_bits, &tag, &err));
    ck_assert_uint_eq(s.bytes, 32);
    ck_assert_mem_eq(s.body, tag.key, 16);
    ck_assert_mem_eq(s.body + 16, tag.tag, 16);
    ck_ok(qd_gf128_hash_ref(&sent, tag.key, r->tag_bits, hash, &err));
    ck_assert_mem_eq(hash, tag.tag, 16);
    ck_ok(qd_verify_same(NULL, &tag, &sent, r->tag_bits, &same, &err));
    ck_assert(same);
    tag.tag[0] ^= 1;
    ck_ok(qd_verify_same(NULL, &tag, &sent, r->tag_bits, &same, &err));
    ck_assert(!same);
    free(w.p);
    qd_bits_destroy(&sent);
    pair_free(&t);
}
END_TEST

/* ---- Frames of the codes ---- */

typedef qd_status study_fn(int code, uint64_t first, uint64_t frames, qd_device *dev, qd_strings *s, qd_frame_tally *t);

/* Lifted codes, one syndrome, further rows of three kinds, decoders that go on; the smallest, so that wrong frames match. */
static qd_status lifted(int more, uint64_t first, uint64_t frames, qd_device *dev, qd_strings *s, qd_frame_tally *t) {
    qd_frames_ask ask = {.code = QD_CODE_NR_BG1,
                         .z = 4,
                         .leak = 0.25,
                         .max_iterations = 30,
                         .qber = 0.03,
                         .more = (qd_frames_more)(more > 3 ? more - 3 : more),
                         .step = 3,
                         .go_on = more > 3 ? 5 : 0,
                         .anew = more > 3 ? 4 : 0,
                         .seed = 3,
                         .first = first,
                         .frames = frames,
                         .strings = s};
    return qd_frames_truth(&ask, dev, t, &err);
}

/* Cascade with blocks of the whole frame alone: an even number of errors is never seen. Each by itself, and together. */
static qd_status cascade(int both, uint64_t first, uint64_t frames, qd_device *dev, qd_strings *s, qd_frame_tally *t) {
    qd_cascade_ask ask = {.plan = {.n = 100, .passes = 2, .block = {50, 100}, .order = QD_CASCADE_APART, .infer = true},
                          .together = both ? 8 : 1,
                          .qber = 0.02,
                          .seed = 3,
                          .first = first,
                          .frames = frames,
                          .strings = s};
    return qd_cascade_truth(&ask, dev, t, &err);
}

/* Hamming's (7,4) finds one error, and takes two for another one; one iteration is not always enough. */
static qd_status hamming(int once, uint64_t first, uint64_t frames, qd_device *dev, qd_strings *s, qd_frame_tally *t) {
    static const char text[] = "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 3\n1 3 5 7\n2 3 6 7\n4 5 6 7\n";
    qd_sparse_code *c;
    (void)dev;
    QD_TRY(qd_sparse_parse("code", text, sizeof text - 1, &c, &err));
    qd_sparse_ask ask = {.code = c,
                         .schedule = once ? QD_LAYERED : QD_FLOODING,
                         .max_iterations = once ? 1 : 20,
                         .qber = 0.05,
                         .seed = 3,
                         .first = first,
                         .frames = frames,
                         .strings = s};
    qd_status st = qd_sparse_truth(&ask, t, &err);
    qd_sparse_free(c);
    return st;
}

/* A large code that is none for so many errors: nothing is solved; for few all is. */
static qd_status large(int few, uint64_t first, uint64_t frames, qd_device *dev, qd_strings *s, qd_frame_tally *t) {
    qd_large_design d;
    qd_large_code *c;
    QD_TRY(qd_large_named("large-520-1000-256", &d, &err));
    QD_TRY(qd_large_make(&d, &c, &err));
    const double q = few ? 0.02 : 0.2;
    qd_large_ask ask = {
        .code = c, .rule = qd_large_rule_of(c, q), .qber = q, .seed = 3, .first = first, .frames = frames, .strings = s};
    ask.rule.max_iterations = few ? 50 : 2;
    qd_status st = qd_large_truth(&ask, dev, t, &err);
    qd_large_free(c);
    return st;
}

static const struct {
    study_fn *run;
    int which;
    uint64_t frames;
    bool leaves, fails; /* undetected errors; frames that are not solved */
} codes[] = {{lifted, 0, 330, true, true},   {lifted, 1, 330, true, false},  {lifted, 2, 330, true, false},  {lifted, 3, 330, true, false},
             {lifted, 4, 330, true, false},  {lifted, 5, 330, true, false},  {lifted, 6, 330, true, false},  {cascade, 0, 330, true, false},
             {cascade, 1, 330, true, false}, {hamming, 0, 330, true, false}, {hamming, 1, 330, true, true},  {large, 0, 3, false, true},
             {large, 1, 3, false, false}};
enum { CODES = sizeof codes / sizeof *codes };

/* Frames in strings of @p each, in calls of @p at_once. */
static qd_verified study(int i, uint64_t each, uint64_t at_once, qd_device *dev, qd_frame_tally *t) {
    qd_verified v = {0};
    const uint64_t n = codes[i].frames, run = at_once > each ? at_once / each * each : each;
    for (uint64_t first = 0; first < n; first += run) {
        qd_strings *s;
        const uint64_t end = first + run < n ? first + run : n;
        ck_ok(qd_strings_create(
            &(qd_strings_ask){.each = each, .eps_cor = 1e-15, .seed = 3, .first = first, .frames = end - first}, &s, &err));
        for (uint64_t f = first; f < end; f += at_once)
            ck_ok(codes[i].run(codes[i].which, f, end - f < at_once ? end - f : at_once, dev, s, t));
        ck_ok(qd_strings_verify_truth(s, &v, &err));
        qd_strings_destroy(s);
    }
    return v;
}

/* In strings of one frame every undetected frame is a wrong string, and every one that was not taken for corrected has no tag. */
START_TEST(the_tag_finds_every_undetected_frame) {
    qd_frame_tally t = {0};
    qd_verified v = study(_i, 1, 64, NULL, &t);
    ck_assert_uint_eq(t.frames, codes[_i].frames);
    ck_assert_uint_eq(v.strings, t.frames - (t.failed - t.undetected));
    ck_assert_uint_eq(v.wrong, t.undetected);
    ck_assert_uint_eq(v.caught, v.wrong);
    ck_assert_uint_eq(v.refused, 0);
    ck_assert_uint_eq(sum(v.planted), v.strings - v.wrong);
    ck_assert_uint_eq(sum(v.planted_caught), sum(v.planted));
    ck_assert(codes[_i].leaves == (t.undetected > 0));
    ck_assert(codes[_i].fails == (t.failed > t.undetected));
}
END_TEST

START_TEST(strings_do_not_depend_on_the_cut) {
    qd_frame_tally t = {0};
    const uint64_t each = codes[_i].frames > 20 ? 20 : 2;
    qd_verified whole = study(_i, each, 1000, NULL, &t), parts = study(_i, each, each + each / 2, NULL, &t),
                pieces = study(_i, each, each / 2 + 1, NULL, &t);
    ck_assert(whole.strings <= (codes[_i].frames + each - 1) / each && whole.caught == whole.wrong);
    if (codes[_i].leaves) ck_assert_uint_gt(whole.wrong, 0);
    same_verified(&whole, &parts);
    same_verified(&whole, &pieces);
}
END_TEST

START_TEST(strings_do_not_depend_on_the_device) {
    qd_device *dev = NULL;
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) {
        fprintf(stderr, "no CPU device\n");
        return;
    }
    qd_frame_tally t = {0};
    qd_verified ref = study(_i, 2, 64, NULL, &t), got = study(_i, 2, 64, dev, &t);
    same_verified(&ref, &got);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("strings");
    TCase *t = tcase_create("strings");
    tcase_set_timeout(t, 600); /* the first launch on a device compiles */
    tcase_add_test(t, wrong_strings_are_caught_and_right_ones_are_not_refused);
    tcase_add_test(t, revealed_frames_are_right_and_alone_get_no_tag);
    tcase_add_test(t, short_tags_miss_as_many_as_chance_says);
    tcase_add_test(t, what_is_planted_is_an_error);
    tcase_add_test(t, bad_strings_are_refused);
    tcase_add_test(t, it_is_the_tag_that_the_machines_send);
    tcase_add_loop_test(t, the_tag_finds_every_undetected_frame, 0, CODES);
    tcase_add_loop_test(t, strings_do_not_depend_on_the_cut, 0, CODES);
    tcase_add_loop_test(t, strings_do_not_depend_on_the_device, 0, CODES);
    suite_add_tcase(s, t);
    return run_all(s);
}
