/* SPDX-License-Identifier: Apache-2.0 */
/* The two machines: the same bytes in batches of any size, on device and reference, in one process and in two. */
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "left_errors.h"
#include "qdistill/arith.h"
#include "run_all.h"

/* With errors left in two frames where @p left is set. */
static wire recorded_with(pair *t, bool left) {
    wire w = {0};
    left_errors e = {.t = t, .frames = {0, 2}, .count = left ? 2 : 0, .bits = 1};
    run(t, &w, leave_errors, &e);
    ck_assert_uint_eq(agreed(t)->located, (uint64_t)e.count);
    if (t->p.rounds) ck_assert_int_gt(w.count[QD_MSG_ROWS], 1);
    if (t->p.code == QD_CODE_CASCADE) ck_assert_int_gt(w.count[QD_MSG_PARITIES], 20);
    return w;
}
static wire recorded(pair *t) {
    return recorded_with(t, false);
}

/* Batches change how syndromes are cut into messages, nothing else. */
START_TEST(the_batch_changes_only_the_messages) {
    pair t = pair_make(60000, 0.05);
    t.p.rounds = _i ? 8 : 0;
    wire one = recorded(&t);
    qd_reconcile_result a = *qd_reconcile_bob_result(t.bob);
    pair_stop(&t);
    t.p.batch = 1;
    wire many = recorded(&t);
    qd_reconcile_result b = *qd_reconcile_bob_result(t.bob);
    ck_assert_int_eq(many.count[QD_MSG_SYNDROME], (int)a.frames);
    a.key = b.key = NULL;
    ck_assert_uint_eq(b.bytes[1], a.bytes[1]);
    ck_assert_uint_eq(b.bytes[0], a.bytes[0] + 12 * (a.frames - 1)); /* a head for each syndrome */
    a.bytes[0] = b.bytes[0];
    ck_assert_mem_eq(&a, &b, sizeof a);
    free(one.p);
    free(many.p);
    pair_free(&t);
}
END_TEST

/* A single syndrome, added rows, Cascade; from METHODS on the same with errors left. */
static void method(pair *t, int i) {
    t->p.rounds = i % METHODS == 1 ? 8 : 0;
    t->p.code = i % METHODS == 2 ? QD_CODE_CASCADE : QD_CODE_AUTO;
}

START_TEST(device_and_reference_exchange_the_same_bytes) {
    const bool left = _i >= METHODS;
    pair t = pair_make(60000, 0.03);
    method(&t, _i);
    wire ref = recorded_with(&t, left);
    qd_reconcile_result a = *qd_reconcile_bob_result(t.bob);
    pair_stop(&t);
    if (qd_device_open("cpu", &t.dev, &err) == QD_OK) {
        wire dev = recorded_with(&t, left);
        ck_assert_uint_eq(dev.n, ref.n);
        ck_assert_mem_eq(dev.p, ref.p, ref.n);
        ck_assert(qd_reconcile_bob_result(t.bob)->iterations == a.iterations);
        free(dev.p);
    } else {
        fprintf(stderr, "no CPU device: not compared\n");
    }
    free(ref.p);
    pair_free(&t);
    qd_device_close(t.dev);
}
END_TEST

typedef struct launches {
    const qd_device *dev;
    uint64_t at[3]; /* when READY, TAG and TAG_ANSWER come by */
    qd_verify_tag tag;
} launches;

static void count_launches(void *with, qd_msg *m, int nth) {
    launches *l = with;
    (void)nth;
    const int which = m->type == QD_MSG_READY ? 0 : m->type == QD_MSG_TAG ? 1 : m->type == QD_MSG_TAG_ANSWER ? 2 : -1;
    if (which >= 0) l->at[which] = qd_device_time_read(l->dev).launches;
    if (which == 1) memcpy(&l->tag, m->body, sizeof l->tag);
}

/* The tag of a long string: both stations have their device make it, and it is the definition's. */
START_TEST(a_long_string_is_tagged_on_the_device) {
    pair t = pair_make((1 << 23) + 100000, 0.01);
    if (qd_device_open("cpu", &t.dev, &err) == QD_OK) {
        launches l = {.dev = t.dev};
        uint8_t want[16];
        run(&t, NULL, count_launches, &l);
        const qd_reconcile_result *r = qd_reconcile_bob_result(t.bob);
        ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
        ck_assert_uint_ge(r->n, 1 << 23);
        qd_bits sent = in_frames(r->key, r);
        ck_ok(qd_gf128_hash_ref(&sent, l.tag.key, r->tag_bits, want, &err));
        qd_bits_destroy(&sent);
        ck_assert_mem_eq(l.tag.tag, want, 16);
        ck_assert_uint_gt(l.at[1], l.at[0]);
        ck_assert_uint_gt(l.at[2], l.at[1]);
    } else {
        fprintf(stderr, "no CPU device: not compared\n");
    }
    qd_device *dev = t.dev;
    pair_free(&t);
    qd_device_close(dev);
}
END_TEST

static void transfer(int fd, void *p, size_t n, bool out) {
    for (uint8_t *b = p; n;) {
        ssize_t k = out ? write(fd, b, n) : read(fd, b, n);
        ck_assert_int_gt(k, 0);
        b += k;
        n -= (size_t)k;
    }
}

/* @p left (may be NULL): errors are left when a READY of the first goes out. */
static void send_all(int fd, qd_outbox *box, wire *w, left_errors *left) {
    qd_msg m;
    while (qd_outbox_take(box, &m)) {
        uint8_t header[QD_MSG_HEADER];
        if (left && m.type == QD_MSG_READY) leave_errors(left, &m, left->kept != 0);
        qd_msg_header(&m, header);
        transfer(fd, header, sizeof header, true);
        if (m.bytes) transfer(fd, m.body, m.bytes, true);
        if (w) wire_add(w, &m);
        free(m.body);
    }
}

static qd_msg receive(int fd) {
    uint8_t header[QD_MSG_HEADER];
    qd_msg m;
    transfer(fd, header, sizeof header, false);
    ck_ok(qd_msg_parse(header, 1 << 24, &m, &err));
    m.body = malloc(m.bytes + 1);
    if (m.bytes) transfer(fd, m.body, m.bytes, false);
    return m;
}

/* Bob in a process of his own; exits with 0 when he has a key. */
static void be_bob(pair *t, int fd, bool wrong) {
    left_errors e = {.t = t, .frames = {0, 2}, .count = wrong ? 2 : 0, .bits = 1};
    qd_outbox out = {0};
    bool done = false;
    pair_start(t);
    while (!done) {
        qd_msg m = receive(fd);
        if (qd_reconcile_bob_step(t->bob, &m, &out, &done, &err) != QD_OK) _exit(1);
        free(m.body);
        send_all(fd, &out, NULL, &e);
    }
    const qd_reconcile_result *r = qd_reconcile_bob_result(t->bob);
    transfer(fd, r->key->w, qd_bits_words(r->n) * 8, true);
    _exit(r->reject == QD_REJECT_NONE ? 0 : 2);
}

START_TEST(two_processes_exchange_the_same_bytes_as_one) {
    pair t = pair_make(60000, 0.03);
    method(&t, _i);
    wire one = recorded_with(&t, _i >= METHODS), two = {0};
    pair_stop(&t);
    int fd[2], status;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    pid_t child = fork();
    if (child == 0) be_bob(&t, fd[1], _i >= METHODS);
    close(fd[1]);
    pair_start(&t);
    qd_outbox out = {0};
    bool done = false;
    ck_ok(qd_reconcile_alice_step(t.alice, NULL, &out, &done, &err));
    send_all(fd[0], &out, &two, NULL);
    while (!done) {
        qd_msg m = receive(fd[0]);
        wire_add(&two, &m);
        ck_ok(qd_reconcile_alice_step(t.alice, &m, &out, &done, &err));
        free(m.body);
        send_all(fd[0], &out, &two, NULL);
    }
    const qd_bits *key = qd_reconcile_alice_result(t.alice)->key;
    uint64_t *his = malloc(qd_bits_words(key->n) * 8);
    transfer(fd[0], his, qd_bits_words(key->n) * 8, false);
    ck_assert_mem_eq(his, key->w, qd_bits_words(key->n) * 8);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_uint_eq(one.n, two.n);
    ck_assert_mem_eq(one.p, two.p, one.n);
    qd_outbox_destroy(&out);
    free(his);
    free(one.p);
    free(two.p);
    close(fd[0]);
    pair_free(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("reconcile_bytes");
    TCase *t = tcase_create("reconcile_bytes");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, the_batch_changes_only_the_messages, 0, 2);
    tcase_add_loop_test(t, device_and_reference_exchange_the_same_bytes, 0, 2 * METHODS);
    tcase_add_test(t, a_long_string_is_tagged_on_the_device);
    tcase_add_loop_test(t, two_processes_exchange_the_same_bytes_as_one, 0, 2 * METHODS);
    suite_add_tcase(s, t);
    return run_all(s);
}
