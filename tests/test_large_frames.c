/* SPDX-License-Identifier: Apache-2.0 */
/* Large-block codes between the two machines: what both agree on, what it discloses by the messages' own sum, what is refused,
 * and when they are chosen. */
#include <math.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "qdistill/reconcile/large.h"
#include "qdistill/security.h"
#include "replayed.h"
#include "run_all.h"

enum { SHORTEST = 230400 };

/* One frame that fills nearly all; f is at most 1.1 for so good an estimate: half the frames fail at 1.04, the width is 1 % at
 * these lengths. */
START_TEST(a_frame_is_corrected_and_its_syndrome_charged) {
    static const struct {
        uint64_t bits;
        double q;
    } at[] = {{SHORTEST, 0.05}, {250007, 0.1}, {300000, 0.03}};
    pair t = pair_of(QD_CODE_LARGE, at[_i].bits, at[_i].q);
    wire w = {0};
    run(&t, &w, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t);
    replay sum = replayed(&w, r);
    ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    ck_assert_uint_eq(r->code, QD_CODE_LARGE);
    ck_assert_uint_eq(r->frames, 1);
    ck_assert_uint_lt(r->dropped, at[_i].bits / 50);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    ck_assert_uint_eq(sum.ledger.bits[1][QD_ALICE_TO_BOB][QD_LEAK_SYNDROME], r->m);
    ck_assert_uint_eq(sum.ledger.bits[1][QD_ALICE_TO_BOB][QD_LEAK_PRIVATE], 0);
    ck_assert_double_lt(r->m, 1.1 * qd_binary_entropy(at[_i].q) * (double)r->n);
    ck_assert_int_eq(w.count[QD_MSG_LARGE], 1);
    ck_assert_int_eq(w.count[QD_MSG_SYNDROME], 1);
    ck_assert_int_eq(w.count[QD_MSG_CODE] + w.count[QD_MSG_ROWS], 0);
    replay_free(&sum);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* A rate above what the leak can correct: the frame is revealed and charged whole. */
START_TEST(a_frame_that_fails_is_charged_whole) {
    pair t = pair_of(QD_CODE_LARGE, SHORTEST, 0.06);
    t.p.errors = (uint64_t)(0.04 * (double)t.p.sample);
    t.p.max_iterations = 10;
    wire w = {0};
    run(&t, &w, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t);
    replay sum = replayed(&w, r);
    ck_assert_uint_eq(r->reject, QD_REJECT_NO_FRAME);
    ck_assert_uint_eq(r->frames_failed, 1);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    ck_assert_uint_eq(sum.ledger.bits[1][QD_ALICE_TO_BOB][QD_LEAK_FAILED], r->n);
    ck_assert_uint_eq(sum.ledger.bits[1][QD_ALICE_TO_BOB][QD_LEAK_SYNDROME], 0);
    ck_assert_uint_eq(r->code_bits, r->m);
    ck_assert_int_eq(w.count[QD_MSG_ROWS], 0);
    replay_free(&sum);
    free(w.p);
    pair_free(&t);
}
END_TEST

/* A rate above the estimate, and rounds: rows are joined at first, and told apart until the frame is solved, for less than the frame. */
START_TEST(a_frame_that_fails_is_told_more) {
    pair t = pair_of(QD_CODE_LARGE, SHORTEST, 0.052);
    t.p.sample = 1 << 14;
    t.p.errors = (uint64_t)(0.0495 * (double)t.p.sample);
    t.p.rounds = 8;
    wire w = {0};
    run(&t, &w, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t);
    replay sum = replayed(&w, r);
    ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    ck_assert_uint_eq(r->frames_failed, 0);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    ck_assert_int_ge(w.count[QD_MSG_ROWS], 1);
    ck_assert_uint_eq(r->added_rounds, (uint64_t)w.count[QD_MSG_ROWS]);
    const uint64_t *a = sum.ledger.bits[1][QD_ALICE_TO_BOB], told = a[QD_LEAK_SYNDROME] - a[QD_LEAK_PRIVATE];
    ck_assert_uint_gt(a[QD_LEAK_PRIVATE], 0);
    ck_assert_uint_eq(r->code_bits, told);
    ck_assert_uint_eq(told, r->frame_leak + r->added_bits);
    const double f = (double)told / (qd_binary_entropy(0.052) * (double)r->n);
    ck_assert_double_gt(f, 1);
    ck_assert_double_lt(f, 1.1); /* at these lengths 1.04 for half the frames; rounds of a few percent */
    replay_free(&sum);
    free(w.p);
    pair_free(&t);
}
END_TEST

static void spoil_a_syndrome(void *with, qd_msg *m, int nth) {
    if (m->type == QD_MSG_SYNDROME && nth == *(int *)with) m->body[12] ^= 1;
}

static void spoil_a_tag(void *with, qd_msg *m, int nth) {
    (void)with;
    if (m->type == QD_MSG_TAG && nth == 0) m->body[16] ^= 1;
    if (m->type == QD_MSG_FRAME_TAGS) m->body[m->bytes - 1] ^= 1; /* of the last frame */
}

/* Two frames in messages of their own: one fails, or is found wrong by its tag, and the other stays. */
START_TEST(of_two_frames_one_is_lost) {
    int nth = 1;
    pair t = pair_of(QD_CODE_LARGE, 2 * 1040000, 0.1); /* of 2048000 bits is the longest frame */
    t.p.batch = 1;
    if (qd_device_open("cpu", &t.dev, &err) != QD_OK) {
        fprintf(stderr, "test_large_frames: no OpenCL CPU device (%s): two frames of which one is lost skipped, the reference takes long\n",
                err.what);
        pair_free(&t);
        return;
    }
    wire w = {0};
    run(&t, &w, _i ? spoil_a_tag : spoil_a_syndrome, &nth);
    const qd_reconcile_result *r = agreed(&t);
    replay sum = replayed(&w, r);
    ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    ck_assert_uint_eq(r->frames, 2);
    ck_assert_uint_eq(r->frames_failed, 1);
    ck_assert_uint_eq(r->located, (uint64_t)_i);
    ck_assert_int_eq(w.count[QD_MSG_SYNDROME], 2);
    ck_assert_uint_eq(sum.ledger.bits[1][QD_ALICE_TO_BOB][QD_LEAK_SYNDROME], r->m);
    ck_assert_uint_eq(sum.ledger.bits[1][QD_ALICE_TO_BOB][QD_LEAK_FAILED], r->frame_bits);
    replay_free(&sum);
    free(w.p);
    qd_device *dev = t.dev;
    pair_free(&t);
    qd_device_close(dev);
}
END_TEST

/* ---- Two processes ------------------------------------------------------------------------------------------------------- */

static bool carry(int fd, void *p, size_t n, bool out) {
    for (char *c = p; n;) {
        ssize_t k = out ? write(fd, c, n) : read(fd, c, n);
        if (k <= 0) return false;
        c += k;
        n -= (size_t)k;
    }
    return true;
}

static bool send_all(qd_outbox *box, int fd, wire *w) {
    qd_msg m;
    uint8_t head[QD_MSG_HEADER];
    bool ok = true;
    while (qd_outbox_take(box, &m)) {
        wire_add(w, &m);
        qd_msg_header(&m, head);
        ok = ok && carry(fd, head, sizeof head, true) && carry(fd, m.body, m.bytes, true);
        free(m.body);
    }
    return ok;
}

static bool receive(int fd, qd_msg *m, wire *w) {
    uint8_t head[QD_MSG_HEADER];
    if (!carry(fd, head, sizeof head, false) || qd_msg_parse(head, 1 << 24, m, NULL) != QD_OK) return false;
    m->body = malloc(m->bytes + 1);
    if (!m->body || !carry(fd, m->body, m->bytes, false)) return false;
    wire_add(w, m);
    return true;
}

/* One machine as a process would run it: nothing but its own string and the socket. */
static bool alone(pair *t, int me, int fd, wire *w) {
    qd_outbox box = {0};
    qd_msg m = {0};
    bool done = false, ok = me == 1 || qd_reconcile_alice_step(t->alice, NULL, &box, &done, &err) == QD_OK;
    while (ok && !done) {
        ok = send_all(&box, fd, w) && receive(fd, &m, w);
        ok = ok && (me ? qd_reconcile_bob_step(t->bob, &m, &box, &done, &err)
                       : qd_reconcile_alice_step(t->alice, &m, &box, &done, &err)) == QD_OK;
        free(m.body);
        m.body = NULL;
    }
    ok = ok && send_all(&box, fd, w);
    qd_outbox_destroy(&box);
    return ok;
}

START_TEST(two_processes_give_the_bytes_of_one) {
    int fd[2], status = 0;
    pair one = pair_of(QD_CODE_LARGE, SHORTEST, 0.05), two = pair_of(QD_CODE_LARGE, SHORTEST, 0.05);
    wire w[2] = {{0}, {0}};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    pair_start(&two);
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0) {
        close(fd[0]);
        memset(two.key[0].w, 0, qd_bits_words(SHORTEST) * 8); /* hers is not in this process */
        const bool ok = alone(&two, 1, fd[1], &w[1]);
        const qd_reconcile_result *r = qd_reconcile_bob_result(two.bob);
        _exit(ok && r->key && qd_bits_distance(r->key, &one.key[0]) == 0 ? 0 : 9);
    }
    close(fd[1]);
    memset(two.key[1].w, 0, qd_bits_words(SHORTEST) * 8);
    ck_assert(alone(&two, 0, fd[0], &w[0]));
    waitpid(child, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    run(&one, &w[1], NULL, NULL);
    ck_assert_uint_eq(w[0].n, w[1].n);
    ck_assert_mem_eq(w[0].p, w[1].p, w[0].n);
    close(fd[0]);
    for (int i = 0; i < 2; i++) free(w[i].p);
    pair_free(&one);
    pair_free(&two);
}
END_TEST

/* ---- Messages that lie --------------------------------------------------------------------------------------------------- */

typedef struct lie {
    uint32_t type;
    uint64_t at; /* byte; past the end: the message is cut to `value` bytes less, or is that much longer where it is above 1000 */
    uint32_t bytes, value;
} lie;

static void tell(void *with, qd_msg *m, int nth) {
    const lie *l = with;
    if (m->type != l->type || nth != 0) return;
    for (uint32_t i = 0; i < l->bytes; i++) m->body[l->at + i] = (uint8_t)(l->value >> (8 * i));
    if (l->bytes) return;
    if (l->value > 1000) m->body = realloc(m->body, m->bytes + l->value);
    if (l->value > 1000) memset(m->body + m->bytes, 0, l->value);
    m->bytes = l->value > 1000 ? m->bytes + l->value : m->bytes - l->value;
}

/* Fields of LARGE stand at 0 version, 1 basis, 2 rows, 6 columns, 10 z, 14 c, 18 iterations, 22 tag bits, 26 batch, 30 bits, 38
 * frames, 46 joined rows, 50 rounds, 54 SHA. */
START_TEST(messages_that_lie_are_refused) {
    static const lie lies[] = {
        {QD_MSG_LARGE, 0, 1, 1},         {QD_MSG_LARGE, 1, 1, 0},
        {QD_MSG_LARGE, 2, 4, 0},         {QD_MSG_LARGE, 2, 4, 0xffffffff},
        {QD_MSG_LARGE, 2, 4, 290},       {QD_MSG_LARGE, 6, 4, 0},
        {QD_MSG_LARGE, 6, 4, 1001},      {QD_MSG_LARGE, 6, 4, 0x80000000},
        {QD_MSG_LARGE, 10, 4, 0},        {QD_MSG_LARGE, 10, 4, 255},
        {QD_MSG_LARGE, 10, 4, 320},      {QD_MSG_LARGE, 10, 4, 0xffffffc0},
        {QD_MSG_LARGE, 14, 4, 0},        {QD_MSG_LARGE, 14, 4, 128},
        {QD_MSG_LARGE, 18, 4, 0},        {QD_MSG_LARGE, 18, 4, 1001},
        {QD_MSG_LARGE, 22, 4, 32},       {QD_MSG_LARGE, 22, 4, 129},
        {QD_MSG_LARGE, 26, 4, 0},        {QD_MSG_LARGE, 26, 4, 0x10001},
        {QD_MSG_LARGE, 30, 4, SHORTEST}, {QD_MSG_LARGE, 38, 4, 0},
        {QD_MSG_LARGE, 38, 4, 2},        {QD_MSG_LARGE, 45, 1, 128},
        {QD_MSG_LARGE, 46, 4, 100000},   {QD_MSG_LARGE, 46, 4, 0xffffffff},
        {QD_MSG_LARGE, 50, 4, 1},        {QD_MSG_LARGE, 50, 4, 1000},
        {QD_MSG_LARGE, 46, 4, 77},               {QD_MSG_LARGE, 54, 1, '-'},      {QD_MSG_LARGE, 0, 0, 1},
        {QD_MSG_LARGE, 0, 0, 100},       {QD_MSG_LARGE, 0, 0, 1001},
        {QD_MSG_SYNDROME, 0, 4, 1},      {QD_MSG_SYNDROME, 8, 4, 0},
        {QD_MSG_SYNDROME, 8, 4, 2},      {QD_MSG_SYNDROME, 8, 4, 0xffffffff},
        {QD_MSG_SYNDROME, 0, 0, 1},      {QD_MSG_SYNDROME, 0, 0, 8},
        {QD_MSG_SYNDROME, 0, 0, 1008},
    };
    pair t = pair_of(QD_CODE_LARGE, SHORTEST + 5, 0.05);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        pair_start(&t);
        qd_status st = pump(&t, NULL, tell, (void *)(uintptr_t)&lies[i]);
        ck_assert_msg(st == QD_E_INPUT, "lie %zu: status %d", i, (int)st);
        pair_stop(&t);
    }
    pair_free(&t);
}
END_TEST

/* Fields of ROWS stand at 0 round, 4 rows, 8 c, 12 a, 16 frames, 24 bits. */
START_TEST(tellings_that_lie_are_refused) {
    static const lie lies[] = {{QD_MSG_ROWS, 0, 4, 0}, {QD_MSG_ROWS, 0, 4, 2},  {QD_MSG_ROWS, 4, 4, 0}, {QD_MSG_ROWS, 4, 4, 0xffffffff}, {QD_MSG_ROWS, 4, 4, 64},
                               {QD_MSG_ROWS, 8, 4, 0}, {QD_MSG_ROWS, 12, 4, 4}, {QD_MSG_ROWS, 16, 4, 0}, {QD_MSG_ROWS, 16, 4, 2},          {QD_MSG_ROWS, 0, 0, 1},
                               {QD_MSG_ROWS, 0, 0, 30}, {QD_MSG_ROWS, 0, 0, 1001}};
    pair t = pair_of(QD_CODE_LARGE, SHORTEST + 5, 0.06);
    t.p.sample = 1 << 14;
    t.p.errors = (uint64_t)(0.047 * (double)t.p.sample);
    t.p.rounds = 8;
    t.p.max_iterations = 4; /* it fails at once */
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        pair_start(&t);
        qd_status st = pump(&t, NULL, tell, (void *)(uintptr_t)&lies[i]);
        ck_assert_msg(st == QD_E_INPUT, "lie %zu: status %d", i, (int)st);
        pair_stop(&t);
    }
    pair_free(&t);
}
END_TEST

/* ---- The choice ---------------------------------------------------------------------------------------------------------- */

static qd_reconcile_plan plan_of(uint32_t code, double q, uint64_t sample, uint64_t bits, double drift) {
    const qd_reconcile_params p = {
        .code = code, .errors = (uint64_t)(q * (double)sample), .sample = sample, .drift = drift, .rounds = 8, .eps_cor = 1e-15};
    qd_reconcile_plan plan;
    ck_ok(qd_reconcile_plan_make(&p, bits, &plan, &err));
    return plan;
}

/* auto takes what is expected to leave most, and that hangs on the length, the rate and how well it is known. */
START_TEST(auto_takes_what_leaves_most) {
    static const struct {
        double q, drift;
        uint64_t sample, bits;
        int large;
    } at[] = {{0.0166, 0, 1 << 16, 1200000, 1},   {0.0166, 0, 1 << 14, 1200000, 0},  {0.0166, 0.02, 1200000, 1200000, 1}, {0.0166, 0, 1 << 30, 200000, 0},
              {0.0166, 0.3, 1200000, 1200000, 0}, {0.05, 0, 50, 1200000, 0},           {0.05, 0, 1 << 20, 300000, 1},
              {0.1, 0, 1 << 20, 5000000, 1},      {0.125, 0, 1 << 20, 1200000, 1},     {0.14, 0, 1 << 20, 1200000, 0},     {0.002, 0, 1 << 20, 1200000, 1}};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        const qd_reconcile_plan p = plan_of(QD_CODE_AUTO, at[i].q, at[i].sample, at[i].bits, at[i].drift);
        ck_assert_msg((p.code == QD_CODE_LARGE) == at[i].large, "case %zu: %s", i, qd_code_name(p.code));
        const double left = (double)p.frames * p.frame_bits * p.net_yield;
        for (int k = 0; k < 6; k++) {
            static const uint32_t codes[] = {QD_CODE_NR_BG1, QD_CODE_NR_BG2, QD_CODE_LARGE, QD_CODE_QD_BG1, QD_CODE_QD_K22, QD_CODE_QD_K33};
            static const double undetected[] = {5e-5, 0.01, 5e-4, 1e-3, 0.06, 7e-3}; /* of a frame, at most: rate.c, large_rate.c */
            if (codes[k] == QD_CODE_LARGE && (at[i].q > 0.13 || at[i].bits < SHORTEST)) continue;
            const qd_reconcile_plan other = plan_of(codes[k], at[i].q, at[i].sample, at[i].bits, at[i].drift);
            /* What errors that only tags find cost it, which its yield leaves out: two more tags, a frame's tag each, the frame. */
            const double frames = (double)other.frames,
                         lost = fmin(1, frames * undetected[k]) * (130 + 65 * frames + other.frame_bits);
            ck_assert_msg(left + lost + 1 >= (double)other.frames * other.frame_bits * other.net_yield,
                          "case %zu: %s leaves %.0f, %s %.0f", i, qd_code_name(p.code), left, qd_code_name(codes[k]),
                          (double)other.frames * other.frame_bits * other.net_yield);
        }
    }
    const qd_reconcile_plan rejected = plan_of(QD_CODE_LARGE, 0.128, 1 << 20, 1200000, 0),
                            small = plan_of(QD_CODE_LARGE, 0.05, 1 << 20, SHORTEST - 1, 0);
    ck_assert_uint_eq(rejected.reject, QD_REJECT_QBER);
    ck_assert_uint_eq(small.reject, QD_REJECT_SHORT);
    qd_reconcile_params blind = {.code = QD_CODE_LARGE, .rounds = 8, .eps_cor = 1e-15};
    qd_reconcile_plan plan;
    ck_status(qd_reconcile_plan_make(&blind, 1200000, &plan, &err), QD_E_USAGE);
    double least, most;
    qd_code_leaks(QD_CODE_LARGE, &least, &most);
    const double leaks[] = {least, 0.3, most - 1e-4, most};
    for (size_t i = 0; i < sizeof leaks / sizeof *leaks; i++) {
        blind.leak = leaks[i];
        ck_ok(qd_reconcile_plan_make(&blind, 1200000, &plan, &err));
        ck_assert_uint_eq(plan.reject, QD_REJECT_NONE);
        const double more = (double)plan.m / plan.frame_bits - leaks[i];
        ck_assert_msg(more > -1e-8 && more < 1.0 / QD_LARGE_COLS_LEAST, "leak %g: %g more", leaks[i], more);
    }
}
END_TEST

/* Sizes are chosen so that frames fill the string, as far as there are sizes: from 576000 bits on they are without gaps, a
 * multiple of 64 times any number of columns, so that each frame lacks less than a column, of QD_LARGE_Z_MOST bits
 * at most; a little more just above the longest frame. */
START_TEST(frames_fill_the_string) {
    qd_random r = {.rehearsal = 1, .seed = 3, .stream = QD_STREAM_TEST};
    for (int i = 0; i < 40; i++) {
        const uint64_t bits = 576000 + qd_random_below(&r, 6000000);
        const qd_reconcile_plan p = plan_of(QD_CODE_LARGE, 0.01 + 0.002 * i, 1 << 20, bits, 0);
        ck_assert_uint_eq(p.code, QD_CODE_LARGE);
        ck_assert_uint_eq(p.frames, bits / p.frame_bits);
        ck_assert_uint_lt(bits % p.frame_bits, p.frames * QD_LARGE_Z_MOST);
        qd_large_design d;
        ck_ok(qd_large_sized(p.m / p.z, p.frame_bits / p.z, p.z, &d, &err));
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("large_frames");
    TCase *c = tcase_create("large_frames");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, a_frame_is_corrected_and_its_syndrome_charged, 0, 3);
    tcase_add_test(c, a_frame_that_fails_is_charged_whole);
    tcase_add_test(c, a_frame_that_fails_is_told_more);
    tcase_add_loop_test(c, of_two_frames_one_is_lost, 0, 2);
    tcase_add_test(c, two_processes_give_the_bytes_of_one);
    tcase_add_test(c, messages_that_lie_are_refused);
    tcase_add_test(c, tellings_that_lie_are_refused);
    tcase_add_test(c, auto_takes_what_leaves_most);
    tcase_add_test(c, frames_fill_the_string);
    suite_add_tcase(s, c);
    return run_all(s);
}
