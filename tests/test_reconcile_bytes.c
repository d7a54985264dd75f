/* SPDX-License-Identifier: Apache-2.0 */
/* The two machines: the same bytes in batches of any size, on device and reference, in one process and in two. */
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "reconcile_pair.h"
#include "run_all.h"

static wire recorded(pair *t) {
    wire w = {0};
    run(t, &w, NULL, NULL);
    (void)agreed(t);
    if (t->p.rounds) ck_assert_int_gt(w.count[QD_MSG_ROWS], 1);
    if (t->p.code == QD_CODE_CASCADE) ck_assert_int_gt(w.count[QD_MSG_PARITIES], 20);
    return w;
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

/* A single syndrome, added rows, Cascade. */
static void method(pair *t, int i) {
    t->p.rounds = i == 1 ? 8 : 0;
    t->p.code = i == 2 ? QD_CODE_CASCADE : QD_CODE_AUTO;
}

START_TEST(device_and_reference_exchange_the_same_bytes) {
    pair t = pair_make(60000, 0.03);
    method(&t, _i);
    wire ref = recorded(&t);
    qd_reconcile_result a = *qd_reconcile_bob_result(t.bob);
    pair_stop(&t);
    if (qd_device_open("cpu", &t.dev, &err) == QD_OK) {
        wire dev = recorded(&t);
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

static void transfer(int fd, void *p, size_t n, bool out) {
    for (uint8_t *b = p; n;) {
        ssize_t k = out ? write(fd, b, n) : read(fd, b, n);
        ck_assert_int_gt(k, 0);
        b += k;
        n -= (size_t)k;
    }
}

static void send_all(int fd, qd_outbox *box, wire *w) {
    qd_msg m;
    while (qd_outbox_take(box, &m)) {
        uint8_t header[QD_MSG_HEADER];
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
static void be_bob(pair *t, int fd) {
    qd_outbox out = {0};
    bool done = false;
    pair_start(t);
    while (!done) {
        qd_msg m = receive(fd);
        if (qd_reconcile_bob_step(t->bob, &m, &out, &done, &err) != QD_OK) _exit(1);
        free(m.body);
        send_all(fd, &out, NULL);
    }
    const qd_reconcile_result *r = qd_reconcile_bob_result(t->bob);
    transfer(fd, r->key->w, qd_bits_words(r->n) * 8, true);
    _exit(r->reject == QD_REJECT_NONE ? 0 : 2);
}

START_TEST(two_processes_exchange_the_same_bytes_as_one) {
    pair t = pair_make(60000, 0.03);
    method(&t, _i);
    wire one = recorded(&t), two = {0};
    pair_stop(&t);
    int fd[2], status;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    pid_t child = fork();
    if (child == 0) be_bob(&t, fd[1]);
    close(fd[1]);
    pair_start(&t);
    qd_outbox out = {0};
    bool done = false;
    ck_ok(qd_reconcile_alice_step(t.alice, NULL, &out, &done, &err));
    send_all(fd[0], &out, &two);
    while (!done) {
        qd_msg m = receive(fd[0]);
        wire_add(&two, &m);
        ck_ok(qd_reconcile_alice_step(t.alice, &m, &out, &done, &err));
        free(m.body);
        send_all(fd[0], &out, &two);
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
    tcase_add_loop_test(t, device_and_reference_exchange_the_same_bytes, 0, 3);
    tcase_add_loop_test(t, two_processes_exchange_the_same_bytes_as_one, 0, 3);
    suite_add_tcase(s, t);
    return run_all(s);
}
