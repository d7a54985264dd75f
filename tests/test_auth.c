/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of authentication against their definition, computed here bit by bit; every change of a transcript is refused; a pad is used once,
 * whatever happens. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core_suite.h"
#include "qdistill/amplify/auth.h"

static char dir[64];
static qd_error err;
static const char context[] = "what both agreed on";

static void setup(void) {
    strcpy(dir, "/tmp/qd_auth_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    ck_assert(system(command) == 0);
}

static const char *in_dir(const char *name) {
    static char path[4][160];
    static int at;
    char *p = path[at++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

/* ---- the definition ---------------------------------------------------------------------------------------------- */

typedef struct element {
    uint8_t bit[128];
} element;

static element from_bytes(const uint8_t *p) {
    element e;
    for (int i = 0; i < 128; i++) e.bit[i] = p[i / 8] >> (i % 8) & 1;
    return e;
}

/* Schoolbook product, then z^(128+i) = z^(7+i) + z^(2+i) + z^(1+i) + z^i from the top. */
static element times(const element *a, const element *b) {
    uint8_t c[256] = {0};
    element r;
    for (int i = 0; i < 128; i++)
        for (int j = 0; j < 128 && a->bit[i]; j++) c[i + j] ^= b->bit[j];
    for (int i = 127; i >= 0; i--)
        if (c[128 + i]) c[i] ^= 1, c[i + 1] ^= 1, c[i + 2] ^= 1, c[i + 7] ^= 1;
    memcpy(r.bit, c, sizeof r.bit);
    return r;
}

typedef struct text {
    uint8_t *p;
    size_t n;
} text;

static void put(text *t, const void *p, size_t n) {
    t->p = realloc(t->p, t->n + n + 1);
    ck_assert_ptr_nonnull(t->p);
    if (n) memcpy(t->p + t->n, p, n);
    t->n += n;
}

static void number(text *t, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) {
        uint8_t b = (uint8_t)(v >> (8 * i));
        put(t, &b, 1);
    }
}

static void pad(text *t) {
    while (t->n % 16) number(t, 0, 1);
}

static void header(text *t, const qd_msg *m, uint32_t block, int last) {
    put(t, "QM\1\0", 4);
    number(t, m->type, 4);
    number(t, block, 4);
    number(t, m->from, 1);
    number(t, (uint64_t)last, 1);
    number(t, 0, 2);
    number(t, m->bytes, 8);
}

/* The hash of what auth.h says a tag covers; *blocks is S. */
static void defined_hash(const uint8_t key[16], int role, uint32_t block, uint64_t round, uint64_t rounds, const qd_msg *m, int n,
                         uint8_t out[16], uint64_t *blocks) {
    text all = {0}, of_block = {0}, of_times = {0};
    uint64_t messages = 0, times_messages = 0;
    for (int i = 0; i < n; i++) {
        bool timing = m[i].type == QD_MSG_TIMES || m[i].type == QD_MSG_PAIRS;
        if (m[i].block == block) {
            header(&of_block, &m[i], block, m[i].last);
            if (!timing) put(&of_block, m[i].body, m[i].bytes);
            messages++;
        }
        if (!timing) continue;
        header(&of_times, &m[i], 0, 0);
        put(&of_times, m[i].body, m[i].bytes);
        times_messages++;
    }
    put(&all, "qdistill auth 1", 16);
    number(&all, (uint64_t)role, 4);
    number(&all, block, 4);
    const uint64_t v[] = {round, rounds, of_block.n, messages, of_times.n, times_messages, sizeof context};
    for (int i = 0; i < 7; i++) number(&all, v[i], 8);
    put(&all, context, sizeof context);
    pad(&all);
    put(&all, of_block.p, of_block.n);
    pad(&all);
    put(&all, of_times.p, of_times.n);
    pad(&all);
    number(&all, 8 * all.n, 8);
    pad(&all);
    *blocks = all.n / 16;
    element k = from_bytes(key), power = k, sum = {{0}};
    for (size_t i = 0; i < all.n; i += 16) {
        element b = from_bytes(all.p + i), term = times(&b, &power);
        for (int j = 0; j < 128; j++) sum.bit[j] ^= term.bit[j];
        power = times(&power, &k);
    }
    memset(out, 0, 16);
    for (int i = 0; i < 128; i++) out[i / 8] |= (uint8_t)(sum.bit[i] << (i % 8));
    free(all.p);
    free(of_block.p);
    free(of_times.p);
}

/* ---- material ---------------------------------------------------------------------------------------------------- */

/* A secret of `rounds` rounds, byte i of it any() of i, in a file. */
static uint8_t any(size_t i) {
    return (uint8_t)(i * i * 7 + i / 3 + 41);
}

static void write_secret(const char *name, size_t bytes, mode_t mode) {
    uint8_t *p = malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++) p[i] = any(i);
    ck_ok(qd_file_write(in_dir(name), 0600, p, bytes, &err));
    ck_assert(chmod(in_dir(name), mode) == 0);
    free(p);
}

static qd_auth_secret *open_secret(const char *name, qd_direction role) {
    qd_auth_secret *s = NULL;
    ck_assert_msg(qd_auth_secret_open(in_dir(name), role, &s, &err) == QD_OK, "%s (%s)", err.what, err.cause);
    return s;
}

/* Two ends on rehearsal secrets. */
typedef struct two {
    qd_auth_secret *secret[2];
    qd_auth *auth[2];
} two;

static two ends_at(uint64_t rounds, uint64_t used) {
    two t;
    for (int i = 0; i < 2; i++) {
        ck_ok(qd_auth_secret_rehearse(7, rounds, used, &t.secret[i], &err));
        ck_ok(qd_auth_create(t.secret[i], (qd_direction)i, context, sizeof context, &t.auth[i], &err));
    }
    return t;
}

static void close_ends(two *t) {
    for (int i = 0; i < 2; i++) {
        qd_auth_destroy(t->auth[i]);
        qd_auth_secret_close(t->secret[i]);
    }
}

enum { SHORT = 7 };
static uint8_t bodies[SHORT][64];

/* A transcript of the form that the stations make, with bodies of odd lengths. */
static void short_transcript(qd_msg m[SHORT]) {
    static const struct {
        uint32_t type;
        uint8_t from, last;
        uint64_t bytes;
    } is[SHORT] = {{QD_MSG_PARAMETERS, 0, 0, 16}, {QD_MSG_TIMES, 0, 1, 33},       {QD_MSG_PAIRS, 1, 0, 17},
                   {QD_MSG_BASES_BOB, 1, 1, 9},   {QD_MSG_BASES_ALICE, 0, 0, 9},  {QD_MSG_READY, 1, 1, 0},
                   {QD_MSG_HASH_SEED, 0, 0, 31}};
    for (int i = 0; i < SHORT; i++) {
        for (size_t b = 0; b < sizeof bodies[i]; b++) bodies[i][b] = any(100 * (size_t)i + b);
        m[i] = (qd_msg){.type = is[i].type, .block = 3, .from = is[i].from, .last = is[i].last, .bytes = is[i].bytes, .body = bodies[i]};
    }
}

static void absorb(qd_auth *a, const qd_msg *m, int n) {
    for (int i = 0; i < n; i++) qd_auth_absorb(a, &m[i]);
}

static qd_msg tag_message(qd_auth *a, int from, uint32_t block, uint8_t body[QD_AUTH_BODY]) {
    ck_assert_msg(qd_auth_tag(a, body, &err) == QD_OK, "%s", err.what);
    return (qd_msg){.type = QD_MSG_AUTH, .block = block, .from = (uint8_t)from, .last = from == 0, .bytes = QD_AUTH_BODY, .body = body};
}

/* ---- known answers ----------------------------------------------------------------------------------------------- */

/* Both tags of two blocks, with bodies up to and across what is hashed at once (65536 bytes). */
START_TEST(tags_are_what_the_definition_says) {
    static const uint64_t sizes[] = {0, 1, 16, 40, 65536 - 80, 65536, 70001};
    enum { N = 7 };
    qd_msg m[2 * N + 4];
    uint8_t key[16], body[4][QD_AUTH_BODY], hash[16];
    int n = 0;
    two t = {{NULL}, {NULL}};
    write_secret("a", 16 + 3 * 32 + 5, 0600);
    write_secret("b", 16 + 3 * 32 + 5, 0600);
    for (int i = 0; i < 2; i++) {
        t.secret[i] = open_secret(i ? "b" : "a", (qd_direction)i);
        ck_ok(qd_auth_create(t.secret[i], (qd_direction)i, context, sizeof context, &t.auth[i], &err));
    }
    for (size_t i = 0; i < sizeof key; i++) key[i] = any(i);
    for (uint32_t block = 8; block < 10; block++) {
        for (int i = 0; i < N; i++, n++) {
            m[n] = (qd_msg){.type = i == 1 || i == 6 ? QD_MSG_TIMES : i == 3 ? QD_MSG_PAIRS : QD_MSG_SYNDROME,
                            .block = block, .from = i == 3, .last = i % 2, .bytes = sizes[i], .body = malloc(sizes[i] + 1)};
            for (uint64_t b = 0; b < sizes[i]; b++) m[n].body[b] = any(b + 31 * (size_t)n);
        }
        const uint64_t round = block - 8;
        absorb(t.auth[0], m + n - N, N);
        absorb(t.auth[1], m + n - N, N);
        for (int role = 0; role < 2; role++, n++) {
            uint8_t *of = body[2 * round + (unsigned)role];
            uint64_t blocks;
            m[n] = tag_message(t.auth[role], role, block, of);
            defined_hash(key, role, block, round, 3, m, n, hash, &blocks);
            for (int i = 0; i < 16; i++) ck_assert_uint_eq(of[16 + i], hash[i] ^ any(16 + 32 * round + 16 * (unsigned)role + (unsigned)i));
            ck_assert(of[0] == round && of[8] == 3);
            if (role == 0) qd_auth_absorb(t.auth[0], &m[n]);
            ck_assert_msg(qd_auth_check(t.auth[1 - role], &m[n], &err) == QD_OK, "%s", err.what);
            qd_auth_figures f = qd_auth_about(t.auth[role]);
            ck_assert_uint_eq(f.hashed[role], blocks);
            ck_assert_uint_eq(f.round, round);
        }
        qd_auth_figures f = qd_auth_about(t.auth[0]);
        ck_assert_double_eq(f.eps, ((double)f.hashed[0] + (double)f.hashed[1] + 2.0 * (double)(round + 1)) * 0x1p-128);
        qd_auth_absorb(t.auth[1], &m[n - 1]);
    }
    ck_assert_uint_eq(qd_auth_secret_budget(t.secret[0]).next, 2);
    ck_assert_uint_eq(qd_auth_secret_budget(t.secret[0]).tags, 4);
    ck_assert_uint_eq(qd_auth_secret_budget(t.secret[0]).hashed, qd_auth_secret_budget(t.secret[1]).hashed);
    close_ends(&t);
    for (int i = 0; i < n; i++)
        if (m[i].type != QD_MSG_AUTH) free(m[i].body);
}
END_TEST

/* ---- what is not what was sent ----------------------------------------------------------------------------------- */

/* Alice has sent and received `sent`; the other has `got`. Both tags must be refused, hers by Bob, and his, had he not looked, by her. */
static void refused(const qd_msg *sent, int n, const qd_msg *got, int k, const char *what, int i) {
    for (int direction = 0; direction < 2; direction++) {
        two t = ends_at(4, 0);
        uint8_t body[2][QD_AUTH_BODY];
        absorb(t.auth[0], direction ? got : sent, direction ? k : n);
        absorb(t.auth[1], direction ? sent : got, direction ? n : k);
        qd_msg a = tag_message(t.auth[0], 0, direction ? got[k - 1].block : sent[n - 1].block, body[0]);
        qd_status st = qd_auth_check(t.auth[1], &a, &err);
        ck_assert_msg(st == QD_E_POLICY, "%s %d, direction %d: %s", what, i, direction, qd_status_name(st));
        ck_assert(err.what[0] && err.likely[0] && err.next[0] && strstr(err.what, "authentication of block"));
        close_ends(&t);
    }
}

START_TEST(every_flipped_bit_is_refused) {
    qd_msg m[SHORT], bad[SHORT];
    for (int i = 0; i < SHORT; i++) {
        short_transcript(m);
        for (uint64_t bit = 0; bit < 8 * m[i].bytes; bit++) {
            uint8_t changed[64];
            memcpy(bad, m, sizeof m);
            memcpy(changed, m[i].body, sizeof changed);
            changed[bit / 8] ^= (uint8_t)(1 << (bit % 8));
            bad[i].body = changed;
            refused(m, SHORT, bad, SHORT, "body bit", (int)bit);
        }
        for (int bit = 0; bit < 32 + 32 + 1 + 1; bit++) {
            memcpy(bad, m, sizeof m);
            if (bit < 32) bad[i].type ^= 1u << bit;
            else if (bit < 64) bad[i].block ^= 1u << (bit - 32);
            else if (bit == 64) bad[i].from ^= 1;
            else bad[i].last ^= 1;
            refused(m, SHORT, bad, SHORT, "header bit", bit);
        }
    }
}
END_TEST

START_TEST(other_lists_of_messages_are_refused) {
    qd_msg m[SHORT], bad[SHORT + 1];
    short_transcript(m);
    for (int i = 0; i < SHORT; i++) {
        memcpy(bad, m, sizeof m);
        memmove(bad + i, bad + i + 1, (size_t)(SHORT - i - 1) * sizeof *bad);
        refused(m, SHORT, bad, SHORT - 1, "one missing", i);
        memcpy(bad, m, (size_t)(i + 1) * sizeof *m);
        memcpy(bad + i + 1, m + i, (size_t)(SHORT - i) * sizeof *m);
        refused(m, SHORT, bad, SHORT + 1, "one repeated", i);
        for (int k = 0; k < i; k++) {
            memcpy(bad, m, sizeof m);
            bad[i] = m[k];
            bad[k] = m[i];
            refused(m, SHORT, bad, SHORT, "two swapped", 10 * i + k);
        }
        if (i) refused(m, SHORT, m, i, "cut short", i);
        memcpy(bad, m, sizeof m);
        bad[i].bytes++; /* with a byte more, also a zero as padding has it */
        bodies[i][m[i].bytes] = 0;
        refused(m, SHORT, bad, SHORT, "longer", i);
        if (!m[i].bytes) continue;
        bad[i].bytes -= 2;
        refused(m, SHORT, bad, SHORT, "shorter", i);
    }
    memcpy(bad, m, sizeof m); /* a byte from one message to its neighbour */
    uint8_t longer[64];
    bad[4].bytes--;
    longer[0] = m[4].body[m[4].bytes - 1];
    memcpy(longer + 1, m[5].body, m[5].bytes);
    bad[5].body = longer;
    bad[5].bytes++;
    refused(m, SHORT, bad, SHORT, "a byte moved", 0);
}
END_TEST

/* Two ends that took the same messages, and Alice's tag over them. */
static two with_tag(qd_msg m[SHORT], qd_msg *a, uint8_t body[QD_AUTH_BODY]) {
    two t = ends_at(4, 0);
    absorb(t.auth[0], m, SHORT);
    absorb(t.auth[1], m, SHORT);
    *a = tag_message(t.auth[0], 0, 3, body);
    return t;
}

/* The same with Alice's tag checked, and Bob's. */
static two with_both(qd_msg m[SHORT], qd_msg *a, uint8_t body[QD_AUTH_BODY], qd_msg *b, uint8_t bobs[QD_AUTH_BODY]) {
    two t = with_tag(m, a, body);
    qd_auth_absorb(t.auth[0], a);
    ck_ok(qd_auth_check(t.auth[1], a, &err));
    *b = tag_message(t.auth[1], 1, 3, bobs);
    return t;
}

/* Tags themselves: each bit changed, the own tag back, an old one again, one for another block, Bob's for Alice's, another context. Each in a session of its
 * own, for an error ends it. */
START_TEST(tags_of_other_places_are_refused) {
    qd_msg m[SHORT], a, b;
    short_transcript(m);
    uint8_t body[QD_AUTH_BODY], again[QD_AUTH_BODY], bobs[QD_AUTH_BODY];
    for (int bit = 0; bit < 8 * QD_AUTH_BODY; bit++) {
        two t = with_both(m, &a, body, &b, bobs);
        bobs[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        ck_status(qd_auth_check(t.auth[0], &b, &err), QD_E_POLICY);
        close_ends(&t);
        t = with_tag(m, &a, body);
        body[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        ck_status(qd_auth_check(t.auth[1], &a, &err), QD_E_POLICY);
        close_ends(&t);
    }
    enum { OWN, REFLECTED, CUT, ONCE_MORE, CASES };
    for (int k = 0; k < CASES; k++) {
        two t = with_tag(m, &a, body);
        qd_auth_absorb(t.auth[0], &a);
        if (k == ONCE_MORE) ck_ok(qd_auth_check(t.auth[1], &a, &err));
        if (k == REFLECTED) a.from = 1;
        if (k == CUT) a.bytes--;
        ck_status(qd_auth_check(t.auth[k == CUT || k == ONCE_MORE], &a, &err), k == CUT ? QD_E_INPUT : QD_E_POLICY);
        close_ends(&t);
    }
    for (int old = 0; old < 2; old++) { /* the tag of the block before, and the next one */
        two t = with_both(m, &a, body, &b, bobs);
        ck_ok(qd_auth_check(t.auth[0], &b, &err));
        for (int i = 0; i < SHORT; i++) m[i].block = 4;
        absorb(t.auth[0], m, SHORT);
        absorb(t.auth[1], m, SHORT);
        a.block = 4;
        if (old) {
            ck_status(qd_auth_check(t.auth[1], &a, &err), QD_E_POLICY);
            ck_says(err.what, "used before");
        } else {
            qd_msg next = tag_message(t.auth[0], 0, 4, again);
            ck_ok(qd_auth_check(t.auth[1], &next, &err));
        }
        close_ends(&t);
        short_transcript(m);
    }
    two t = ends_at(4, 0);
    qd_auth *other = NULL;
    ck_ok(qd_auth_create(t.secret[1], QD_BOB_TO_ALICE, context, sizeof context - 1, &other, &err));
    absorb(t.auth[0], m, SHORT);
    absorb(other, m, SHORT);
    a = tag_message(t.auth[0], 0, 3, body);
    ck_status(qd_auth_check(other, &a, &err), QD_E_POLICY);
    qd_auth_destroy(other);
    close_ends(&t);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {tags_are_what_the_definition_says, every_flipped_bit_is_refused, other_lists_of_messages_are_refused,
                                  tags_of_other_places_are_refused};
    Suite *s = suite_create("auth");
    TCase *c = tcase_create("auth");
    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return run_all(s);
}
