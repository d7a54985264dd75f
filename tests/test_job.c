/* SPDX-License-Identifier: Apache-2.0 */
/* A job's values: the ends of each range are taken, what lies beyond is refused with file, line, column and key. */
#include "core_suite.h"
#include "qdistill/core/limits.h"
#include "qdistill/pipeline.h"
#include "qdistill/timetag.h"

static char *folder;

/* The job with `line` as its second line: what loading it says. */
static qd_status load(const char *line, qd_error *err) {
    char text[512];
    snprintf(text, sizeof text, "name: n\n%s\ninput: {scenario: s.yaml, duration_s: 1}\n", line);
    if (strncmp(line, "input", 5) == 0) snprintf(text, sizeof text, "protocol: bbm92\n%s\n", line);
    if (strncmp(line, "name", 4) == 0) snprintf(text, sizeof text, "protocol: bbm92\n%s\ninput: {scenario: s.yaml, duration_s: 1}\n", line);
    char *path = file_make(folder, "j.yaml", text, strlen(text));
    qd_job job;
    *err = (qd_error){0};
    qd_status st = qd_job_load(path, &job, err);
    qd_job_free(&job);
    free(path);
    return st;
}

/* %s is the value; it stands in the column. */
static const struct {
    const char *line, *key;
    int column;
    const char *good[3], *bad[4];
} rows[] = {
    {"block_coincidences: %s", "block_coincidences", 21, {"100", "200000000"}, {"99", "200000001", "-1", "1e5"}},
    {"seed: %s", "seed", 7, {"0", "9223372036854775807"}, {"9223372036854775808", "-1", "18446744073709551615"}},
    {"input: {scenario: s.yaml, duration_s: %s}", "input.duration_s", 39, {"0.001", "86400"}, {"0.00099", "86400.1", "-1"}},
    {"security: {eps_sec: %s}", "security.eps_sec", 21, {"1e-100", "0.1"}, {"9e-101", "0.11", "0", "-1e-10"}},
    {"security: {eps_cor: %s}", "security.eps_cor", 21, {"1e-30", "0.1"}, {"9e-31", "0.11", "0", "1"}},
    {"security: {bound: %s}", "security.bound", 19, {"random-sampling"}, {"serfling"}},
    {"sift: {window_ps: %s}", "sift.window_ps", 19, {"1", "1000000"}, {"0", "1000001", "1.5"}},
    {"sift: {dead_ps: %s}", "sift.dead_ps", 17, {"0", "1000000000"}, {"1000000001", "-1"}},
    {"sift: {announce_ps: %s}", "sift.announce_ps", 21, {"1", "100000"}, {"0", "100001"}},
    {"sift: {correlation: %s}", "sift.correlation", 21, {"anti", "same"}, {"other"}},
    {"sync: {max_offset_s: %s}", "sync.max_offset_s", 22, {"1e-9", "10"}, {"9e-10", "10.01", "0"}},
    {"sync: {max_ppm: %s}", "sync.max_ppm", 17, {"1e-6", "200"}, {"0", "201", "-5"}},
    {"sync: {offset_s: %s}", "sync.offset_s", 18, {"-1e6", "1e6"}, {"-1000001", "1000001"}},
    {"sync: {ppm: %s}", "sync.ppm", 13, {"-200", "200"}, {"-201", "201"}},
    {"sync: {max_ppm: 41, ppm: %s}", "sync.ppm", 21, {"-199", "199"}, {"-199.5", "200"}},
    {"sync: {p_false: %s}", "sync.p_false", 17, {"1e-100", "0.01"}, {"0", "0.02"}},
    {"sync: {effort: %s}", "sync.effort", 16, {"low", "normal", "high"}, {"some", "3"}},
    {"reconcile: {rtt_ms: %s}", "reconcile.rtt_ms", 21, {"0", "10000"}, {"-1", "10001"}},
    {"reconcile: {rounds: %s}", "reconcile.rounds", 21, {"0", "32"}, {"33", "-1", "1.5"}},
    {"reconcile: {wait_ms: %s}", "reconcile.wait_ms", 22, {"0", "1000000"}, {"-1", "1000001"}},
    {"reconcile: {blind: %s}", "reconcile.blind", 20, {"true", "false"}, {"perhaps"}},
    {"reconcile: {rounds: 0, blind: %s}", "reconcile.blind", 24, {"false"}, {"true"}},
    {"reconcile: {rtt_ms: 600, wait_ms: 500, blind: %s}", "reconcile.blind", 40, {"false"}, {"true"}},
    {"reconcile: {code: cascade, blind: %s}", "reconcile.blind", 28, {"false"}, {"true"}},
    {"reconcile: {code: large, blind: %s}", "reconcile.blind", 26, {"false"}, {"true"}},
    {"reconcile: {code: %s}", "reconcile.code", 19, {"qd-k22", "qd-k33", "qd-bg1"}, {"turbo"}},
    {"protocol: %s", "protocol", 11, {"bbm92"}, {"b92"}},
    {"name: %s", "name", 7, {"a-Z_0.9"}, {"a/b", ".a", "'a b'"}},
    {"input: {alice: {file: a, format: a1-54, skew_ps: [0, 1, 2, %s]}, bob: {file: b, format: a1-54}}", "input.alice.skew_ps", 60,
     {"0", "100000"}, {"100001", "-1"}},
    {"input: {bob: {file: a, format: a1-54, skew_ps: [%s, 1, 2, 3]}, alice: {file: b, format: a1-54}}", "input.bob.skew_ps", 49,
     {"100000"}, {"100001"}},
};

START_TEST(values_beyond_their_range_name_their_place) {
    folder = folder_make();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qd_error err;
        char line[256], where[64];
        for (int k = 0; k < 3 && rows[i].good[k]; k++) {
            snprintf(line, sizeof line, rows[i].line, rows[i].good[k]);
            ck_assert_msg(load(line, &err) == QD_OK, "%s: %s", line, err.what);
        }
        snprintf(where, sizeof where, "j.yaml:2:%d: %s ", rows[i].column, rows[i].key);
        for (int k = 0; k < 4 && rows[i].bad[k]; k++) {
            snprintf(line, sizeof line, rows[i].line, rows[i].bad[k]);
            ck_assert_msg(load(line, &err) == QD_E_INPUT, "'%s' was taken", line);
            ck_assert_msg(strstr(err.what, where) != NULL, "'%s': no '%s' in: %s", line, where, err.what);
        }
    }
    folder_remove(folder);
}
END_TEST

/* Values that are good each by itself: the place is that of the key, or of the mapping that lacks one. */
START_TEST(contradictions_name_their_place) {
    static const struct {
        const char *text, *what;
        qd_status status;
    } jobs[] = {
        {"name: n\ninput:\n  scenario: s.yaml\n", "j.yaml:2:1: input.duration_s is missing", QD_E_INPUT},
        {"name: n\n\ninput: {scenario: s, duration_s: 1, alice: {file: a, format: t1}}\n", "j.yaml:3:1: input has a scenario and recordings", QD_E_INPUT},
        {"name: n\ninput:\n  alice: {file: a, format: t1}\n", "j.yaml:2:1: input needs a scenario, or alice and bob", QD_E_INPUT},
        {"name: n\ninput:\n  alice: {file: a, format: t1}\n  bob: {file: b, format: t1}\n  duration_s: 3\n",
         "j.yaml:5:3: input.duration_s belongs to a scenario", QD_E_INPUT},
        {"input: {alice: {file: a, format: t1}, bob: {file: b, format: t1}}\nname: n\nseed: 4\n", "j.yaml:3:1: seed with recordings", QD_E_USAGE},
    };
    folder = folder_make();
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        char *path = file_make(folder, "j.yaml", jobs[i].text, strlen(jobs[i].text));
        qd_job job;
        qd_error err = {0};
        ck_status(qd_job_load(path, &job, &err), jobs[i].status);
        ck_assert_msg(strstr(err.what, jobs[i].what) != NULL, "no '%s' in: %s", jobs[i].what, err.what);
        free(path);
    }
    folder_remove(folder);
}
END_TEST

/* What a verb and a job may ask of the clock search is what it takes, and not less than it takes. */
START_TEST(the_clock_search_takes_the_range) {
    const double offset[2] = {QD_RANGE_MAX_OFFSET_S}, ppm[2] = {QD_RANGE_MAX_PPM};
    int64_t t = 0;
    uint8_t mask = 1;
    const qd_tags one = {.tick = {125, 32}, .t = &t, .mask = &mask, .n = 1};
    qd_clock clock;
    qd_sync_report report;
    qd_error err = {0};
    for (int i = 0; i < 2; i++) {
        const qd_sync_params p = {.max_offset_s = offset[i], .max_ppm = ppm[i]};
        ck_status(qd_correlate(NULL, &one, &one, &p, &clock, &report, &err), QD_E_POLICY); /* one event is no lock, but no usage error */
    }
    const qd_sync_params far = {.max_offset_s = offset[1] * 1.001, .max_ppm = 1}, fast = {.max_offset_s = 1, .max_ppm = ppm[1] * 1.001};
    ck_status(qd_correlate(NULL, &one, &one, &far, &clock, &report, &err), QD_E_USAGE);
    ck_status(qd_correlate(NULL, &one, &one, &fast, &clock, &report, &err), QD_E_USAGE);
}
END_TEST

/* Rounds that a string cannot wait for are none; a blind start has more of them where none are named. */
START_TEST(round_trips_limit_the_rounds) {
    static const struct {
        const char *keys;
        uint32_t rounds;
    } at[] = {{"{code: auto}", 8},
              {"{rounds: 20}", 20},
              {"{blind: true}", 20},
              {"{rtt_ms: 0, wait_ms: 0}", 8},
              {"{rtt_ms: 300}", 3},
              {"{rtt_ms: 300, wait_ms: 299}", 0},
              {"{rtt_ms: 2600}", 0},
              {"{rtt_ms: 0.1, wait_ms: 0.25, rounds: 5}", 2}};
    folder = folder_make();
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        char text[256];
        qd_error err = {0};
        qd_job job;
        snprintf(text, sizeof text, "name: n\ninput: {scenario: s.yaml, duration_s: 1}\nreconcile: %s\n", at[i].keys);
        char *path = file_make(folder, "j.yaml", text, strlen(text));
        ck_assert_msg(qd_job_load(path, &job, &err) == QD_OK, "%s: %s", at[i].keys, err.what);
        ck_assert_msg(job.rounds == at[i].rounds, "%s: %u rounds", at[i].keys, job.rounds);
        qd_job_free(&job);
        free(path);
    }
    folder_remove(folder);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {values_beyond_their_range_name_their_place, contradictions_name_their_place, the_clock_search_takes_the_range, round_trips_limit_the_rounds};
    return run_tests("job", tests, sizeof tests / sizeof *tests, 0);
}
