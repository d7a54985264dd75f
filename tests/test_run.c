/* SPDX-License-Identifier: Apache-2.0 */
/* Whole runs on the reference path: what an eavesdropper costs, what is charged, what stands on disk. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "qdistill/pipeline.h"
#include "qdistill/security.h"
#include "ledger_replay.h"
#include "run_all.h"

static char dir[64];
static const char *code = "auto";
static qd_device *device; /* NULL: the reference */

static void path_in(char out[160], const char *name) {
    snprintf(out, 160, "%s/%s", dir, name);
}

static void write_text(const char *name, const char *text) {
    char path[160];
    path_in(path, name);
    ck_assert(qd_file_write(path, 0600, text, strlen(text), NULL) == QD_OK);
}

static void setup(void) {
    strcpy(dir, "/tmp/qd_run_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    ck_assert(system(command) == 0);
}

/* A job on a link of visibility .97 with a share of its pairs intercepted. */
static qd_status run(double intercepted, double seconds, uint64_t block, json_t **summary, qd_error *err) {
    char text[900], path[160], out[160];
    snprintf(text, sizeof text,
             "pair_rate_hz: 2.0e6\nvisibility: 0.97\narms:\n"
             "  alice: {detectors: {efficiency: 0.4, dark_hz: 300, jitter_fwhm_ps: 100, dead_ps: 30000}}\n"
             "  bob: {detectors: {efficiency: 0.4, dark_hz: 300, jitter_fwhm_ps: 100, dead_ps: 30000}}\n"
             "clock: {offset_ps: -2500000, frequency_ppm: 1.5}\neve: {intercept_resend: %g}\n",
             intercepted);
    write_text("link.yaml", text);
    snprintf(text, sizeof text,
             "name: job\ninput: {scenario: link.yaml, duration_s: %g}\nprotocol: bbm92\nblock_coincidences: %llu\n"
             "security: {eps_sec: 1e-10, eps_cor: 1e-15, bound: random-sampling}\nsync: {max_offset_s: 1e-4}\nreconcile: {code: "
             "%s}\nseed: 11\n",
             seconds, (unsigned long long)block, code);
    write_text("job.yaml", text);
    path_in(path, "job.yaml");
    snprintf(out, sizeof out, "%s/out-%g", dir, intercepted);
    qd_job job;
    ck_assert_msg(qd_job_load(path, &job, err) == QD_OK, "%s", err->what);
    qd_run_options opt = {.dir = out, .dev = device};
    qd_status st = qd_job_run(&job, &opt, summary, NULL, err);
    qd_job_free(&job);
    return st;
}

static uint64_t u(const json_t *o, const char *a, const char *b) {
    const json_t *v = json_object_get(o, a);
    if (b) v = json_object_get(v, b);
    ck_assert_msg(json_is_integer(v), "no integer %s %s", a, b ? b : "");
    return (uint64_t)json_integer_value(v);
}

static double d(const json_t *o, const char *a, const char *b) {
    const json_t *v = json_object_get(o, a);
    if (b) v = json_object_get(v, b);
    ck_assert_msg(json_is_number(v), "no number %s %s", a, b ? b : "");
    return json_number_value(v);
}

static const char *const basis[2] = {"z", "x"};

/* The length of a block's keys from its counts alone, by the formula of the bound. */
static uint64_t length_by_hand(const json_t *block, double eps_sec) {
    uint64_t total = 0;
    for (int b = 0; b < 2; b++) {
        double n = (double)u(block, "n_by_basis", basis[b]);
        uint64_t e = qd_random_sampling_errors((uint64_t)n, u(block, "n_by_basis", basis[1 - b]),
                                               u(block, "errors", basis[1 - b]), eps_sec / 2 / 4);
        double phi = (double)e / n, eps_pa = eps_sec / 2 / 2;
        double h = -phi * log2(phi) - (1 - phi) * log2(1 - phi);
        double ell = floor(n * (1 - h) - (double)u(block, "charged", basis[b]) - 2 * log2(1 / (2 * eps_pa)));
        if (phi < 0.5 && ell > 0) total += (uint64_t)ell;
    }
    return total;
}

/* What a block's hashes gave: its key, and what was set aside of it for tags. */
static uint64_t hashed_bits(const json_t *block) {
    return u(block, "key_bits", NULL) +
           (uint64_t)json_integer_value(json_object_get(json_object_get(block, "authentication"), "set_aside_bits"));
}

static double step_of(const json_t *summary, const char *what) {
    json_t *v;
    size_t i;
    json_array_foreach(json_object_get(summary, "waterfall"), i,
                       v) if (strcmp(json_string_value(json_object_get(v, "what")), what) == 0) return d(v, "bits", NULL);
    return 0;
}

/* What goes down the waterfall arrives, also where a block is refused. */
static void expect_balance(const json_t *s) {
    ck_assert_double_eq(step_of(s, "sifted: same basis") - step_of(s, "less sample, disclosed") -
                            step_of(s, "less tails that fill no frame") - step_of(s, "less refused: no key from these blocks"),
                        step_of(s, "verified"));
    ck_assert_double_eq_tol(step_of(s, "unknown to Eve by the bound") - step_of(s, "less charged for what was announced") -
                                step_of(s, "less hashing term") - step_of(s, "less rounding down") -
                                step_of(s, "less authentication: set aside for tags"),
                            step_of(s, "secret"), 1e-5);
    double down = step_of(s, "less rounding down"), strings = 2.0 * (double)json_array_size(json_object_get(s, "blocks"));
    ck_assert_msg(down >= 0 && down <= strings, "rounding down takes %g bits of at most %g strings", down, strings);
}

START_TEST(intercepting_a_share_costs_key_as_the_bound_says) {
    static const double share[3] = {0, 0.05, 0.1};
    uint64_t key[3];
    for (int i = 0; i < 3; i++) {
        qd_error err = {0};
        json_t *s = NULL;
        ck_assert_msg(run(share[i], 0.5, 5000000, &s, &err) == QD_OK, "share %g: %s", share[i], err.what);
        key[i] = u(s, "final_bits", NULL);
        expect_balance(s);
        ck_assert(json_is_true(json_object_get(s, "match")));
        const json_t *block = json_array_get(json_object_get(s, "blocks"), 0);
        ck_assert_uint_eq(length_by_hand(block, 1e-10), key[i] + 256);
        for (int b = 0; b < 2; b++) {
            /* sd of an error rate of n independent bits */
            double n = (double)u(block, "n_by_basis", basis[b]), q = (double)u(block, "errors", basis[b]) / n;
            double expect = d(json_object_get(s, "expected"), "qber", basis[b]), sd = sqrt(expect * (1 - expect) / n);
            ck_assert_msg(fabs(q - expect) < 4 * sd, "share %g, %s: QBER %g, expected %g +- %g", share[i], basis[b], q, expect,
                          sd);
        }
        json_decref(s);
    }
    ck_assert_uint_gt(key[0], key[1]);
    ck_assert_uint_gt(key[1], key[2]);
}
END_TEST

START_TEST(a_full_attack_gives_no_key_and_is_seen) {
    qd_error err = {0};
    json_t *s = NULL;
    ck_assert_int_eq(run(1, 0.3, 5000000, &s, &err), QD_E_POLICY);
    ck_assert_ptr_nonnull(s);
    ck_assert_uint_eq(u(s, "final_bits", NULL), 0);
    ck_assert(json_is_string(json_object_get(s, "abort_reason")));
    expect_balance(s);
    ck_assert_double_gt(step_of(s, "less refused: no key from these blocks"), 0);
    const json_t *block = json_array_get(json_object_get(s, "blocks"), 0), *truth = json_object_get(block, "truth");
    for (int b = 0; b < 2; b++) {
        double n = (double)u(truth, "n", basis[b]), q = (double)u(truth, "errors", basis[b]) / n;
        double pure = 0.25 + (1 - 0.97) / 4, model = d(json_object_get(s, "expected"), "qber", basis[b]),
               sd = sqrt(model * (1 - model) / n);
        printf("full attack, %s: QBER %.5f of %.0f bits; 1/4 + (1-V)/4 = %.5f, with accidentals at 1/2 %.5f\n", basis[b], q, n,
               pure, model);
        ck_assert_msg(fabs(q - model) < 4 * sd, "%s: %g, expected %g +- %g", basis[b], q, model, sd);
        ck_assert_double_eq_tol(d(json_object_get(s, "expected"), "qber_without_accidentals", basis[b]), pure, 1e-12);
    }
    static const char *const names[] = {"alice.rehearsal.key", "bob.rehearsal.key", "alice.rehearsal.key.partial",
                                        "bob.rehearsal.key.partial"};
    for (int i = 0; i < 4; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/out-1/%s", dir, names[i]);
        ck_assert_msg(access(path, F_OK) != 0, "%s exists", names[i]);
    }
    json_decref(s);
}
END_TEST

static uint64_t ledger(const json_t *block, const char *direction, const char *kind, int b) {
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(json_object_get(json_object_get(block, "ledger"), direction), kind), basis[b]));
}

/* A block's ledger as its record has it against the sum of its messages: every account of both strings. */
static void expect_ledger(const json_t *block, const qd_ledger *sent) {
    static const char *const directions[] = {"alice_to_bob", "bob_to_alice"};
    for (int b = 0; b < 2; b++)
        for (int dir_i = 0; dir_i < 2; dir_i++)
            for (int k = 0; k < QD_LEAK_KINDS; k++) {
                uint64_t booked = ledger(block, directions[dir_i], qd_leak_name((qd_leak)k), b), was = sent->bits[b][dir_i][k];
                ck_assert_msg(booked == was, "%s %s %s: booked %llu, sent %llu", basis[b], directions[dir_i],
                              qd_leak_name((qd_leak)k), (unsigned long long)booked, (unsigned long long)was);
            }
}

/* Of every block the ledger that its messages in the transcript come to; returns how many messages carried added rows or
 * parities. */
static uint64_t expect_transcript(const char *path, const json_t *blocks) {
    qd_error err = {0};
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    replay r = {0};
    qd_ledger sum[16] = {0};
    uint64_t rows = 0, bytes[16][2] = {{0}};
    for (bool end = false;;) {
        qd_msg m;
        ck_assert(qd_msg_read(f, 1 << 28, &m, &end, &err) == QD_OK);
        if (end) break;
        ck_assert_uint_lt(m.block, 16);
        replay_message(&r, &m);
        rows += m.type == QD_MSG_ROWS || m.type == QD_MSG_PARITIES || m.type == QD_MSG_LARGE;
        if (m.type == QD_MSG_ERRORS) {
            ck_assert(
                !r.mixed); /* kept and revealed frames of Cascade have parities of their own, which messages do not tell apart */
            memcpy(sum[m.block].bits[r.basis], r.ledger.bits[r.basis], sizeof sum->bits[0]);
            for (int i = 0; i < 2; i++) bytes[m.block][i] += r.bytes[i];
        }
        free(m.body);
    }
    fclose(f);
    replay_free(&r);
    json_t *block;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)blocks, i, block) {
        expect_ledger(block, &sum[i]);
        ck_assert_uint_eq(u(block, "message_bytes", "alice"), bytes[i][0]);
        ck_assert_uint_eq(u(block, "message_bytes", "bob"), bytes[i][1]);
    }
    return rows;
}

/* Every account of the ledger against what the block's record says happened, and their sum against what was subtracted. */
START_TEST(the_ledger_closes) {
    qd_error err = {0};
    json_t *s = NULL, *block;
    size_t i;
    static const char *const codes[] = {"auto", "cascade", "large"};
    const bool large = _i == 2, both = _i == 1; /* of both sides as many bits */
    code = codes[_i];
    if (large && qd_device_open("cpu", &device, NULL) != QD_OK) {
        fprintf(stderr, "no CPU device: large-block codes are skipped, for their strings are long\n");
        return;
    }
    ck_assert_msg(run(0.02, large ? 7 : 0.6, large ? 1050000 : 60000, &s, &err) == QD_OK, "%s", err.what);
    const json_t *blocks = json_object_get(s, "blocks");
    ck_assert_uint_ge(json_array_size(blocks), 2);
    uint64_t total = 0;
    char path[160];
    json_array_foreach((json_t *)blocks, i, block) {
        uint64_t answers = 0, tags = 0, net = 0;
        if (large && u(block, "frames", NULL) == 0) continue; /* the last block: too short for a frame, refused */
        for (int b = 0; b < 2; b++) {
            uint64_t sum = 0;
            static const char *const kinds[] = {"syndrome", "failed", "answer", "tag", "error_count"};
            static const char *const directions[] = {"alice_to_bob", "bob_to_alice"};
            for (int k = 0; k < 5; k++)
                for (int dir_i = 0; dir_i < 2; dir_i++) sum += ledger(block, directions[dir_i], kinds[k], b);
            uint64_t private_bits = ledger(block, "alice_to_bob", "private", b) + ledger(block, "bob_to_alice", "private", b);
            ck_assert_uint_eq(sum - private_bits, u(block, "charged", basis[b]));
            const json_t *terms = json_object_get(json_object_get(block, "terms"), basis[b]);
            for (int k = 0; k < 5; k++)
                ck_assert_uint_eq(u(terms, "charges", kinds[k]), ledger(block, directions[0], kinds[k], b) +
                                                                     ledger(block, directions[1], kinds[k], b) - (k ? 0 : private_bits));
            ck_assert_uint_eq(u(terms, "charged", NULL), u(block, "charged", basis[b]));
            ck_assert_double_eq(d(terms, "contained_tag_bits", NULL), 0);
            uint64_t n = u(block, "n_by_basis", basis[b]), width = 0;
            while (width < 63 && ((uint64_t)1 << width) < n + 1) width++;
            ck_assert_uint_eq(ledger(block, "bob_to_alice", "error_count", b), width); /* ceil(log2(n+1)) */
            answers += ledger(block, "bob_to_alice", "answer", b);
            tags += ledger(block, "alice_to_bob", "tag", b);
            net += ledger(block, "alice_to_bob", "syndrome", b) + ledger(block, "bob_to_alice", "syndrome", b) - private_bits;
        }
        uint64_t frames = u(block, "frames", NULL), failed = u(block, "frames_failed", NULL);
        ck_assert_uint_ge(answers, (both ? 0 : frames) + 2); /* one a frame, one a tag */
        ck_assert_uint_eq(tags, u(block, "tag_bits", NULL));
        if (!failed) ck_assert_uint_eq(net, (both ? 2 : 1) * u(block, "code_bits", NULL)); /* Bob tells as many parities */
        total += u(block, "key_bits", NULL);
        ck_assert_uint_eq(hashed_bits(block), length_by_hand(block, 1e-10));
    }
    ck_assert_uint_eq(total, u(s, "final_bits", NULL));
    path_in(path, "out-0.02/transcript.bin");
    ck_assert_uint_gt(expect_transcript(path, blocks), 0); /* they are in the sums */
    json_decref(s);
    qd_device_close(device);
}
END_TEST

int main(void) {
    Suite *s = suite_create("run");
    TCase *c = tcase_create("run");
    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, intercepting_a_share_costs_key_as_the_bound_says);
    tcase_add_test(c, a_full_attack_gives_no_key_and_is_seen);
    tcase_add_loop_test(c, the_ledger_closes, 0, 3);
    suite_add_tcase(s, c);
    return run_all(s);
}
