/* SPDX-License-Identifier: Apache-2.0 */
/* The secret of authentication: what it takes, what it refuses, that its pads are counted, wiped, and used once through crashes and kills. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core_suite.h"
#include "qdistill/amplify/auth.h"

static qd_error err;
static char *dir;
static char path[2][160], state[2][168];

enum { ROUNDS = 3, BYTES = 16 + 32 * ROUNDS };

static uint8_t any(size_t i) {
    return (uint8_t)(i * i * 5 + i / 2 + 77);
}

static void write_secret(int who, size_t bytes) {
    uint8_t *p = malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++) p[i] = any(i);
    ck_ok(qd_file_write(path[who], 0600, p, bytes, &err));
    free(p);
}

static void setup(void) {
    dir = folder_make();
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", dir, i ? "bob" : "alice");
        snprintf(state[i], sizeof state[i], "%s/%s.state", dir, i ? "bob" : "alice");
        write_secret(i, BYTES);
    }
}

static void teardown(void) {
    folder_remove(dir);
}

static qd_auth_secret *open_one(int who) {
    qd_auth_secret *s = NULL;
    ck_assert_msg(qd_auth_secret_open(path[who], (qd_direction)who, &s, &err) == QD_OK, "%s (%s)", err.what, err.cause);
    return s;
}

static void opens_not(int who, const char *says) {
    qd_auth_secret *s = NULL;
    ck_status(qd_auth_secret_open(path[who], (qd_direction)who, &s, &err), QD_E_INPUT);
    ck_assert_ptr_null(s);
    ck_assert_msg(strstr(err.what, says) || strstr(err.cause, says), "'%s' (%s) does not say '%s'", err.what, err.cause, says);
    ck_assert(err.what[0] && err.cause[0] && err.likely[0] && err.next[0]);
}

static char *text_of(const char *name) {
    char *p = calloc(1, 1024);
    int fd = open(name, O_RDONLY);
    ck_assert(fd >= 0 && read(fd, p, 1023) > 0);
    close(fd);
    return p;
}

static void take(qd_auth *a, uint32_t block) {
    uint8_t body[4] = {1, 2, 3, (uint8_t)block};
    const qd_msg m = {.type = QD_MSG_LENGTH, .block = block, .bytes = sizeof body, .body = body};
    qd_auth_absorb(a, &m);
}

/* One block between two ends on the files. */
static qd_status block(qd_auth *auth[2], uint32_t n) {
    uint8_t body[2][QD_AUTH_BODY];
    for (int i = 0; i < 2; i++) take(auth[i], n);
    qd_msg a = {.type = QD_MSG_AUTH, .block = n, .from = 0, .last = 1, .bytes = QD_AUTH_BODY, .body = body[0]},
           b = {.type = QD_MSG_AUTH, .block = n, .from = 1, .bytes = QD_AUTH_BODY, .body = body[1]};
    QD_TRY(qd_auth_tag(auth[0], body[0], &err));
    qd_auth_absorb(auth[0], &a);
    QD_TRY(qd_auth_check(auth[1], &a, &err));
    QD_TRY(qd_auth_tag(auth[1], body[1], &err));
    QD_TRY(qd_auth_check(auth[0], &b, &err));
    qd_auth_absorb(auth[1], &b);
    return QD_OK;
}

typedef struct two {
    qd_auth_secret *secret[2];
    qd_auth *auth[2];
} two;

static two open_both(void) {
    two t;
    for (int i = 0; i < 2; i++) {
        t.secret[i] = open_one(i);
        ck_ok(qd_auth_create(t.secret[i], (qd_direction)i, "", 0, &t.auth[i], &err));
    }
    return t;
}

static void close_both(two *t) {
    for (int i = 0; i < 2; i++) {
        qd_auth_destroy(t->auth[i]);
        qd_auth_secret_close(t->secret[i]);
    }
}

static uint64_t read_bytes(int who, uint8_t out[BYTES + 64]) {
    int fd = open(path[who], O_RDONLY);
    ssize_t n = read(fd, out, BYTES + 64);
    close(fd);
    ck_assert(n >= 0);
    return (uint64_t)n;
}

/* The file after `used` rounds: key as it was, pads that are used zero, the others as they were. */
static void expect_file(int who, uint64_t used) {
    uint8_t now[BYTES + 64];
    ck_assert_uint_eq(read_bytes(who, now), BYTES);
    for (size_t i = 0; i < BYTES; i++) ck_assert_uint_eq(now[i], i >= 16 && i < 16 + 32 * used ? 0 : any(i));
}

/* ---- budget ------------------------------------------------------------------------------------------------------ */

/* Three rounds are three blocks, to the bit; a fourth is refused, in this session and in the next. */
START_TEST(pads_are_counted_and_run_out) {
    two t = open_both();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        ck_assert_msg(block(t.auth, i) == QD_OK, "block %u: %s", i, err.what);
        for (int k = 0; k < 2; k++) {
            qd_auth_budget b = qd_auth_secret_budget(t.secret[k]);
            ck_assert(b.next == i + 1 && b.rounds == ROUNDS && b.tags == 2 * (i + 1) && !b.rehearsal);
            expect_file(k, i + 1);
        }
    }
    for (int again = 0; again < 2; again++) {
        ck_status(block(t.auth, ROUNDS + (uint32_t)again), QD_E_POLICY);
        ck_says(err.what, "no pads of authentication are left: all 3 rounds");
        ck_assert(err.likely[0] && err.next[0]);
        close_both(&t);
        t = open_both();
    }
    close_both(&t);
}
END_TEST

/* The key of 16 bytes, whole rounds, and a rest that is no round. */
START_TEST(only_whole_rounds_count) {
    write_secret(0, 16 + 32 + 31);
    qd_auth_secret *s = open_one(0);
    ck_assert_uint_eq(qd_auth_secret_budget(s).rounds, 1);
    qd_auth_secret_close(s);
}
END_TEST

/* ---- once, whatever happens -------------------------------------------------------------------------------------- */

/* Alice's tag in a process that is killed as soon as it has it: nothing but the tag gets out. */
static void killed_with_a_tag(uint8_t body[QD_AUTH_BODY]) {
    int fd[2], status;
    ck_assert(pipe(fd) == 0);
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0) {
        qd_auth_secret *s = NULL;
        qd_auth *a = NULL;
        if (qd_auth_secret_open(path[0], QD_ALICE_TO_BOB, &s, NULL) != QD_OK || qd_auth_create(s, QD_ALICE_TO_BOB, "", 0, &a, NULL) != QD_OK) _exit(1);
        take(a, 0);
        if (qd_auth_tag(a, body, NULL) != QD_OK || write(fd[1], body, QD_AUTH_BODY) != QD_AUTH_BODY) _exit(1);
        raise(SIGKILL);
    }
    ck_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    ck_assert_int_eq(read(fd[0], body, QD_AUTH_BODY), QD_AUTH_BODY);
    close(fd[0]);
    close(fd[1]);
}

/* The same messages each time, so that equal pads would give tags that differ by the round's share of the hash alone, and equal rounds
 * equal tags. */
START_TEST(a_kill_costs_a_round_and_gives_none_back) {
    uint8_t body[ROUNDS][QD_AUTH_BODY];
    for (unsigned i = 0; i < ROUNDS; i++) {
        killed_with_a_tag(body[i]);
        ck_assert_uint_eq(body[i][0], i);
        expect_file(0, i + 1);
        for (unsigned k = 0; k < i; k++) ck_assert_mem_ne(body[k] + 16, body[i] + 16, 16);
    }
    qd_auth_secret *s = open_one(0);
    ck_assert_uint_eq(qd_auth_secret_budget(s).next, ROUNDS);
    qd_auth_secret_close(s);
    /* Bob, who saw none of them, takes the next that comes and is past all before it */
    write_secret(0, BYTES + 32);
    unlink(state[0]);
    write_secret(1, BYTES + 32);
    killed_with_a_tag(body[0]);
    killed_with_a_tag(body[1]);
    two t = open_both();
    ck_assert_msg(block(t.auth, 5) == QD_OK, "%s", err.what);
    ck_assert_uint_eq(qd_auth_secret_budget(t.secret[1]).next, 3);
    close_both(&t);
}
END_TEST

/* Nothing leaves a station whose record of use could not be written. */
START_TEST(no_tag_without_the_record) {
    qd_auth_secret *s = open_one(0);
    qd_auth *a = NULL;
    uint8_t body[QD_AUTH_BODY], zero[QD_AUTH_BODY] = {0};
    ck_ok(qd_auth_create(s, QD_ALICE_TO_BOB, "", 0, &a, &err));
    take(a, 0);
    unlink(state[0]);
    ck_assert_int_eq(mkdir(state[0], 0700), 0); /* where the state goes */
    qd_auth *late = NULL;
    ck_status(qd_auth_create(s, QD_ALICE_TO_BOB, "", 0, &late, &err), QD_E_INPUT); /* known before there is a message */
    ck_assert_ptr_null(late);
    ck_status(qd_auth_tag(a, body, &err), QD_E_INPUT);
    ck_assert_mem_eq(body, zero, sizeof zero);
    ck_assert_uint_eq(qd_auth_secret_budget(s).next, 0);
    qd_auth_destroy(a);
    qd_auth_secret_close(s);
    rmdir(state[0]);
}
END_TEST

/* A state that was lost, or is an old copy: the pads are gone, and it is said before anything is built on them; nothing is cut by it. */
START_TEST(an_old_state_does_not_bring_pads_back) {
    char *old[2];
    uint8_t now[BYTES + 64];
    two t = open_both();
    for (int i = 0; i < 2; i++) old[i] = text_of(state[i]);
    ck_ok(block(t.auth, 0));
    close_both(&t);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(unlink(state[i]), 0);
        opens_not(i, "they were used and wiped");
        ck_ok(qd_file_write(state[i], 0600, old[i], strlen(old[i]), &err));
        opens_not(i, "they were used and wiped");
        ck_assert_uint_eq(read_bytes(i, now), BYTES);
        free(old[i]);
    }
}
END_TEST

/* A tag of Alice's that was lost on its way has used a pad that in Bob's copy is not. As Alice's it would go under another message. */
START_TEST(a_copy_stays_its_stations) {
    uint8_t body[QD_AUTH_BODY];
    two t = open_both();
    take(t.auth[0], 0);
    ck_ok(qd_auth_tag(t.auth[0], body, &err));
    close_both(&t);
    for (int i = 0; i < 2; i++) {
        qd_auth_secret *s = NULL;
        ck_status(qd_auth_secret_open(path[i], (qd_direction)(1 - i), &s, &err), QD_E_INPUT);
        ck_assert_ptr_null(s);
        ck_says(err.cause, "the other station's copy");
        ck_assert(err.what[0] && err.likely[0] && err.next[0]);
    }
    expect_file(0, 1);
    expect_file(1, 0);
    qd_auth *a = NULL;
    qd_auth_secret *s = open_one(1);
    ck_status(qd_auth_create(s, QD_ALICE_TO_BOB, "", 0, &a, &err), QD_E_USAGE);
    ck_assert_ptr_null(a);
    qd_auth_secret_close(s);
}
END_TEST

/* Bob's record of a round far behind his last one is on disk and the process dies in the middle of wiping: the next run wipes the rest. A limit on
 * the file's size ends it there. */
START_TEST(a_death_in_the_middle_of_wiping) {
    enum { MANY = 40, LIMIT = 600 /* a state is shorter */ };
    uint8_t body[QD_AUTH_BODY], *now = malloc(16 + 32 * MANY);
    int status;
    for (int i = 0; i < 2; i++) write_secret(i, 16 + 32 * MANY);
    two t = open_both();
    for (uint32_t i = 0; i < MANY - 1; i++) {
        take(t.auth[0], i);
        ck_ok(qd_auth_tag(t.auth[0], body, &err));
    }
    take(t.auth[1], MANY - 2);
    const qd_msg m = {.type = QD_MSG_AUTH, .block = MANY - 2, .from = 0, .last = 1, .bytes = QD_AUTH_BODY, .body = body};
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0) {
        const struct rlimit limit = {LIMIT, LIMIT};
        setrlimit(RLIMIT_FSIZE, &limit);
        (void)qd_auth_check(t.auth[1], &m, NULL);
        _exit(1);
    }
    ck_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
    close_both(&t);
    for (int again = 0; again < 2; again++) {
        qd_auth_secret *s = open_one(1);
        ck_assert_uint_eq(qd_auth_secret_budget(s).next, MANY - 1);
        qd_auth_secret_close(s);
        int fd = open(path[1], O_RDONLY);
        ck_assert_int_eq(read(fd, now, 16 + 32 * MANY), 16 + 32 * MANY);
        close(fd);
        for (size_t i = 0; i < 16 + 32 * MANY; i++) ck_assert_uint_eq(now[i], i >= 16 && i < 16 + 32 * (MANY - 1) ? 0 : any(i));
    }
    free(now);
}
END_TEST

/* ---- files that are not taken ------------------------------------------------------------------------------------ */

START_TEST(files_that_are_not_taken) {
    static const mode_t modes[] = {0644, 0640, 0604, 0660, 0700, 0400};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        ck_assert_int_eq(chmod(path[0], modes[i]), 0);
        char mode[16];
        snprintf(mode, sizeof mode, "%04o, not 0600", (unsigned)modes[i]);
        opens_not(0, geteuid() == 0 || modes[i] & 0200 ? mode : "denied");
    }
    ck_assert_int_eq(chmod(path[0], 0600), 0);
    qd_auth_secret *s = open_one(0);
    opens_not(0, "in use");
    qd_auth_secret_close(s);
    write_secret(0, 47);
    opens_not(0, "48 bytes");
    write_secret(0, 0);
    opens_not(0, "48 bytes");
    uint8_t zero_key[64] = {[20] = 1};
    ck_ok(qd_file_write(path[0], 0600, zero_key, sizeof zero_key, &err));
    opens_not(0, "zero");
    unlink(path[0]);
    opens_not(0, "cannot open");
    ck_assert_int_eq(mkdir(path[0], 0700), 0);
    opens_not(0, "cannot open");
    rmdir(path[0]);
}
END_TEST

START_TEST(states_that_are_not_taken) {
    /* one that is taken, and what stands in place of a part of it in those that are not */
    static const char good[] =
        "{\"schema\":1,\"station\":\"alice\",\"rounds\":3,\"next_round\":0,\"wiped_rounds\":0,\"tags\":0,\"hashed_blocks\":0,\"refilled_bits\":0,\"refill_epsilon\":0}";
    static const char *const bad[][2] = {{good, ""}, {good, "{}"}, {good, "[1]"}, {"\"rounds\":3", "\"rounds\":4"}, {"\"rounds\":3", "\"rounds\":2"},
                                         {"\"rounds\":3", "\"rounds\":0"}, {"next_round\":0", "next_round\":4"}, {"next_round\":0", "next_round\":-1"},
                                         {"wiped_rounds\":0", "wiped_rounds\":1"}, {"schema\":1", "schema\":0"}, {"epsilon\":0", "epsilon\":0,\"more\":1"},
                                         {"epsilon\":0", "epsilon\":-1"}, {"\"alice\"", "\"eve\""}, {"\"alice\"", "1"}, {"\"alice\"", "\"bob\""}};
    for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) { /* the last is the good one */
        char text[512];
        const char *out = i < sizeof bad / sizeof *bad ? bad[i][0] : "", *in = i < sizeof bad / sizeof *bad ? bad[i][1] : "", *at = strstr(good, out);
        ck_assert_ptr_nonnull(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, in, at + strlen(out));
        qd_auth_secret *s = NULL;
        ck_ok(qd_file_write(state[0], 0600, text, strlen(text), &err));
        qd_status st = qd_auth_secret_open(path[0], QD_ALICE_TO_BOB, &s, &err);
        ck_assert_msg(st == (*out ? QD_E_INPUT : QD_OK), "%s: %s", qd_status_name(st), text);
        qd_auth_secret_close(s);
        if (*out) ck_assert_msg(strstr(err.what, "alice.state") || strstr(err.cause, ".state"), "%s (%s)", err.what, err.cause);
        expect_file(0, 0);
    }
}
END_TEST

/* A new secret, longer or shorter, beside the old one's state: by it the new one would be cut and wiped. Nor is a file changed that has no state. */
START_TEST(the_state_of_another_secret_harms_none) {
    for (uint32_t used = 0; used < 3; used++)
        for (int longer = 0; longer < 2; longer++) {
            const size_t bytes = longer ? BYTES + 37 : BYTES - 32;
            two t = open_both();
            for (uint32_t i = 0; i < used; i++) ck_ok(block(t.auth, i));
            close_both(&t);
            write_secret(0, bytes);
            opens_not(0, "another secret");
            uint8_t now[BYTES + 64];
            for (int k = 0; k < 2; k++) {
                ck_assert_uint_eq(read_bytes(0, now), bytes);
                for (size_t i = 0; i < bytes; i++) ck_assert_uint_eq(now[i], any(i));
                unlink(state[0]);
                qd_auth_secret_close(open_one(0));
            }
            teardown();
            setup();
        }
}
END_TEST

/* What fails once fails for good, also when the right tag comes then. */
START_TEST(a_session_that_failed_is_over) {
    two t = open_both();
    uint8_t body[QD_AUTH_BODY];
    for (int i = 0; i < 2; i++) take(t.auth[i], 0);
    qd_msg m = {.type = QD_MSG_AUTH, .block = 0, .from = 0, .last = 1, .bytes = QD_AUTH_BODY, .body = body};
    ck_ok(qd_auth_tag(t.auth[0], body, &err));
    body[20] ^= 1;
    ck_status(qd_auth_check(t.auth[1], &m, &err), QD_E_POLICY);
    body[20] ^= 1;
    ck_status(qd_auth_check(t.auth[1], &m, &err), QD_E_POLICY);
    ck_says(err.what, "failed before");
    ck_status(qd_auth_tag(t.auth[1], body, &err), QD_E_POLICY);
    ck_assert_uint_eq(body[0] | body[31], 0);
    close_both(&t);
}
END_TEST

/* ---- refills ----------------------------------------------------------------------------------------------------- */

static qd_bits key_of(uint64_t n, uint64_t seed) {
    qd_bits b;
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    ck_ok(qd_bits_create(&b, n, &err));
    qd_random_bytes(&r, b.w, (size_t)n / 8);
    return b;
}

START_TEST(refills_are_further_rounds) {
    two t = open_both();
    qd_bits key = key_of(512, 3), odd = key_of(264, 3);
    for (int i = 0; i < 2; i++) {
        ck_ok(qd_auth_secret_refill(t.secret[i], &key, 1e-10, &err));
        ck_status(qd_auth_secret_refill(t.secret[i], &odd, 1, &err), QD_E_USAGE);
        ck_assert_uint_eq(qd_auth_secret_budget(t.secret[i]).rounds, ROUNDS + 2);
        ck_assert_uint_eq(qd_auth_secret_budget(t.secret[i]).refilled_bits, 512);
    }
    for (uint32_t i = 0; i < ROUNDS + 1; i++) ck_assert_msg(block(t.auth, i) == QD_OK, "block %u: %s", i, err.what);
    close_both(&t);
    uint8_t now[BYTES + 64], last[64];
    qd_bits_to_bytes(&key, QD_LSB_FIRST, last);
    ck_assert_uint_eq(read_bytes(0, now), BYTES + 64);
    ck_assert_mem_eq(now + BYTES + 32, last + 32, 32);
    t = open_both();
    ck_assert_double_eq(qd_auth_secret_budget(t.secret[0]).refill_eps, 1e-10); /* remembered, of the one that counted */
    ck_ok(block(t.auth, 9));
    ck_status(block(t.auth, 10), QD_E_POLICY);
    close_both(&t);
    qd_bits_destroy(&key);
    qd_bits_destroy(&odd);
}
END_TEST

/* A refill that reached one station only: both are cut to what both have, and later refills fit again. Bytes that a crash left behind the
 * counted ones are no pads. */
START_TEST(a_refill_of_one_side_is_given_up) {
    for (int lonely = 0; lonely < 2; lonely++) {
        two t = open_both();
        qd_bits first = key_of(256, 4), second = key_of(256, 5);
        ck_ok(qd_auth_secret_refill(t.secret[lonely], &first, 0, &err));
        ck_ok(block(t.auth, 0));
        for (int i = 0; i < 2; i++) {
            ck_assert_uint_eq(qd_auth_secret_budget(t.secret[i]).rounds, ROUNDS);
            ck_ok(qd_auth_secret_refill(t.secret[i], &second, 0, &err));
        }
        for (uint32_t i = 1; i < ROUNDS + 1; i++) ck_assert_msg(block(t.auth, i) == QD_OK, "block %u: %s", i, err.what);
        close_both(&t);
        qd_bits_destroy(&first);
        qd_bits_destroy(&second);
        teardown();
        setup();
    }
    two t = open_both();
    ck_ok(block(t.auth, 0));
    close_both(&t);
    int fd = open(path[0], O_WRONLY | O_APPEND);
    uint8_t more[40] = {1};
    ck_assert_int_eq(write(fd, more, sizeof more), sizeof more);
    close(fd);
    t = open_both();
    ck_assert_uint_eq(qd_auth_secret_budget(t.secret[0]).rounds, ROUNDS);
    close_both(&t);
    expect_file(0, 1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {pads_are_counted_and_run_out, only_whole_rounds_count, a_kill_costs_a_round_and_gives_none_back,
                                  no_tag_without_the_record, an_old_state_does_not_bring_pads_back, a_copy_stays_its_stations,
                                  a_death_in_the_middle_of_wiping, files_that_are_not_taken,
                                  states_that_are_not_taken, the_state_of_another_secret_harms_none, a_session_that_failed_is_over, refills_are_further_rounds, a_refill_of_one_side_is_given_up};
    Suite *s = suite_create("auth_secret");
    TCase *c = tcase_create("auth_secret");
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return run_all(s);
}
