/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/limits.h"
#include "qdistill/core/yaml.h"
#include "qdistill/pipeline.h"

/* The YAML as it stands; NULL members are keys left out. */
typedef struct {
    char *file, *format;
    uint64_t *skew_ps;
} y_station;
typedef struct {
    char *scenario;
    double *duration_s;
    y_station *alice, *bob;
} y_input;
typedef struct {
    char *alice, *bob;
    uint64_t *refill_bits;
} y_auth;
typedef struct {
    double *eps_sec, *eps_cor, *eps_total;
    char *bound;
    y_auth *auth;
} y_security;
typedef struct {
    uint64_t *window_ps, *dead_ps, *announce_ps;
    char *correlation;
} y_sift;
typedef struct {
    double *max_offset_s, *max_ppm, *offset_s, *ppm, *p_false;
    char *effort;
} y_sync;
typedef struct {
    char *code;
    uint64_t *rounds;
    bool *blind;
    double *rtt_ms, *wait_ms;
} y_reconcile;
typedef struct {
    char *name, *protocol;
    y_input *input;
    uint64_t *block_coincidences;
    int64_t *seed;
    y_security *security;
    y_sift *sift;
    y_sync *sync;
    y_reconcile *reconcile;
} y_job;

#define TEXT(T, m) CYAML_FIELD_STRING_PTR(#m, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, T, m, 1, 4096)
#define UINT(T, m) CYAML_FIELD_UINT_PTR(#m, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, T, m)
#define REAL(T, m) CYAML_FIELD_FLOAT_PTR(#m, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, T, m)
#define MAP(T, m, f) CYAML_FIELD_MAPPING_PTR(#m, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, T, m, f)

static const cyaml_schema_value_t one_skew = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint64_t)};
static const cyaml_schema_field_t f_station[] = {
    CYAML_FIELD_SEQUENCE_FIXED("skew_ps", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, y_station, skew_ps, &one_skew, 4),
    CYAML_FIELD_STRING_PTR("file", CYAML_FLAG_POINTER, y_station, file, 1, 4096),
    CYAML_FIELD_STRING_PTR("format", CYAML_FLAG_POINTER, y_station, format, 1, 512), CYAML_FIELD_END};
static const cyaml_schema_field_t f_input[] = {TEXT(y_input, scenario), REAL(y_input, duration_s), MAP(y_input, alice, f_station),
                                               MAP(y_input, bob, f_station), CYAML_FIELD_END};
static const cyaml_schema_field_t f_auth[] = {TEXT(y_auth, alice), TEXT(y_auth, bob), UINT(y_auth, refill_bits), CYAML_FIELD_END};
static const cyaml_schema_field_t f_security[] = {REAL(y_security, eps_sec),   REAL(y_security, eps_cor),
                                                  REAL(y_security, eps_total), TEXT(y_security, bound),
                                                  MAP(y_security, auth, f_auth), CYAML_FIELD_END};
static const cyaml_schema_field_t f_sift[] = {UINT(y_sift, window_ps), UINT(y_sift, dead_ps), UINT(y_sift, announce_ps),
                                              TEXT(y_sift, correlation), CYAML_FIELD_END};
static const cyaml_schema_field_t f_sync[] = {REAL(y_sync, max_offset_s), REAL(y_sync, max_ppm), REAL(y_sync, offset_s),
                                              REAL(y_sync, ppm),          REAL(y_sync, p_false), TEXT(y_sync, effort),
                                              CYAML_FIELD_END};
static const cyaml_schema_field_t f_reconcile[] = {
    TEXT(y_reconcile, code),
    UINT(y_reconcile, rounds),
    CYAML_FIELD_BOOL_PTR("blind", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, y_reconcile, blind),
    REAL(y_reconcile, rtt_ms),
    REAL(y_reconcile, wait_ms),
    CYAML_FIELD_END};
static const cyaml_schema_field_t f_job[] = {TEXT(y_job, name),
                                             TEXT(y_job, protocol),
                                             CYAML_FIELD_MAPPING_PTR("input", CYAML_FLAG_POINTER, y_job, input, f_input),
                                             UINT(y_job, block_coincidences),
                                             CYAML_FIELD_INT_PTR("seed", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, y_job, seed),
                                             MAP(y_job, security, f_security),
                                             MAP(y_job, sift, f_sift),
                                             MAP(y_job, sync, f_sync),
                                             MAP(y_job, reconcile, f_reconcile),
                                             CYAML_FIELD_END};
static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, y_job, f_job)};

/* @p key is where the fault is seen: the place of the key, or of the mapping that lacks it. */
static qd_status bad(const qd_yaml_places *places, const char *key, const char *why, qd_error *err) {
    char at[QD_YAML_PLACE];
    return qd_fail(err, QD_E_INPUT, "%s: %s %s|||qdistill's manual page lists every key of a job with its range",
                   qd_yaml_place(places, key, at), key, why);
}

/* The name goes into a path: keep it to characters that need no quoting anywhere. */
static bool name_ok(const char *s) {
    if (!*s || *s == '.' || strlen(s) > 100) return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(s);
}

static const char *const protocols[] = {"bbm92", NULL}, *const bounds[] = {"random-sampling", NULL},
                         *const correlations[] = {"anti", "same", NULL},
                         *const efforts[] = {"low", "normal", "high", NULL},
                         *const codes[] = {"auto", "nr-bg1", "nr-bg2", "qd-bg1", "qd-k22", "qd-k33", "large", "cascade", NULL};
#define SKEW_PS 0, 100000

static const qd_yaml_limit limits[] = {
    {.key = "name", .text = name_ok, .must = "must be letters, digits, '.', '_' or '-', at most 100, not beginning with '.'"},
    {.key = "protocol", .words = protocols},
    {.key = "block_coincidences", 100, 200000000},
    {.key = "seed", 0, (double)QD_SEED_MAX},
    {.key = "input.duration_s", 1e-3, 86400},
    {.key = "input.alice.skew_ps", SKEW_PS},
    {.key = "input.bob.skew_ps", SKEW_PS},
    {.key = "security.eps_sec", QD_RANGE_EPS_SEC},
    {.key = "security.eps_cor", QD_RANGE_EPS_COR},
    {.key = "security.eps_total", QD_RANGE_EPS_TOTAL},
    {.key = "security.bound", .words = bounds},
    {.key = "security.auth.refill_bits", 0, 65536},
    {.key = "sift.window_ps", QD_RANGE_WINDOW_PS},
    {.key = "sift.dead_ps", QD_RANGE_DEAD_PS},
    {.key = "sift.announce_ps", QD_RANGE_ANNOUNCE_PS},
    {.key = "sift.correlation", .words = correlations},
    {.key = "sync.max_offset_s", QD_RANGE_MAX_OFFSET_S},
    {.key = "sync.max_ppm", QD_RANGE_MAX_PPM},
    {.key = "sync.offset_s", QD_RANGE_OFFSET_S},
    {.key = "sync.ppm", QD_RANGE_FREQUENCY_PPM},
    {.key = "sync.p_false", QD_RANGE_P_FALSE},
    {.key = "sync.effort", .words = efforts},
    {.key = "reconcile.code", .words = codes},
    {.key = "reconcile.rounds", QD_RANGE_ROUNDS},
    {.key = "reconcile.rtt_ms", 0, 10000},
    {.key = "reconcile.wait_ms", 0, 1000000},
    {0}};

static qd_status take_name(const y_job *y, const qd_yaml_places *places, qd_job *job, qd_error *err) {
    if (y->name) {
        job->name = strdup(y->name);
    } else {
        const char *base = strrchr(job->path, '/');
        base = base ? base + 1 : job->path;
        const char *dot = strrchr(base, '.');
        job->name = strndup(base, dot && dot != base ? (size_t)(dot - base) : strlen(base));
        if (job->name && !name_ok(job->name)) return bad(places, "name", "is missing, and the file's own name cannot serve", err);
    }
    return job->name ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for a job");
}

static qd_status take_input(const y_job *y, const qd_yaml_places *places, qd_job *job, qd_error *err) {
    const y_input *in = y->input;
    char *dir = qd_path_dir(job->path);
    if (!dir) return qd_fail(err, QD_E_INTERNAL, "no memory for a job");
    qd_status st = QD_OK;
    job->rehearsal = in->scenario != NULL;
    if (in->scenario && (in->alice || in->bob))
        st = bad(places, "input", "has a scenario and recordings: give one of them", err);
    else if (in->scenario) {
        job->scenario = qd_path_join(dir, in->scenario);
        if (!job->scenario)
            st = qd_fail(err, QD_E_INTERNAL, "no memory for a job");
        else if (!in->duration_s)
            st = bad(places, "input.duration_s", "is missing: how much link time to simulate", err);
        else
            job->duration_s = *in->duration_s;
    } else if (!in->alice || !in->bob) {
        st = bad(places, "input", "needs a scenario, or alice and bob", err);
    } else if (in->duration_s) {
        st = bad(places, "input.duration_s", "belongs to a scenario; recordings run to their end", err);
    } else if (y->seed) {
        char at[QD_YAML_PLACE];
        st = qd_fail(err, QD_E_USAGE,
                     "%s: seed with recordings||a real key never comes from a seed; seeds are for rehearsals on a "
                     "scenario|remove the key 'seed'",
                     qd_yaml_place(places, "seed", at));
    } else {
        const y_station *s[2] = {in->alice, in->bob};
        for (int i = 0; i < 2; i++) {
            job->file[i] = qd_path_join(dir, s[i]->file);
            job->format[i] = strdup(s[i]->format);
            if (!job->file[i] || !job->format[i]) st = qd_fail(err, QD_E_INTERNAL, "no memory for a job");
            if (s[i]->skew_ps) memcpy(job->skew_ps[i], s[i]->skew_ps, sizeof job->skew_ps[i]);
        }
    }
    free(dir);
    return st;
}

static double real_or(const double *v, double def) {
    return v ? *v : def;
}
static uint64_t uint_or(const uint64_t *v, uint64_t def) {
    return v ? *v : def;
}

/* What is there is in its range. */
static qd_status take_numbers(const y_job *y, qd_job *job, qd_error *err) {
    static const y_security no_security;
    static const y_sift no_sift;
    static const y_sync no_sync;
    static const y_reconcile no_reconcile;
    const y_security *se = y->security ? y->security : &no_security;
    const y_sift *si = y->sift ? y->sift : &no_sift;
    const y_sync *sy = y->sync ? y->sync : &no_sync;
    const y_reconcile *re = y->reconcile ? y->reconcile : &no_reconcile;
    job->block_coincidences = uint_or(y->block_coincidences, 5000000);
    job->seed = y->seed ? (uint64_t)*y->seed : 1;
    job->eps_sec = real_or(se->eps_sec, 1e-10);
    job->eps_cor = real_or(se->eps_cor, 1e-15);
    job->eps_total = real_or(se->eps_total, 0);
    job->refill_bits = uint_or(se->auth ? se->auth->refill_bits : NULL, QD_AUTH_ROUND_BITS);
    job->window_ps = uint_or(si->window_ps, 1000);
    job->dead_ps = uint_or(si->dead_ps, 0);
    job->announce_ps = uint_or(si->announce_ps, 125);
    job->max_offset_s = real_or(sy->max_offset_s, 0.01);
    job->max_ppm = real_or(sy->max_ppm, 10);
    job->offset_s = real_or(sy->offset_s, 0);
    job->ppm = real_or(sy->ppm, 0);
    job->p_false = real_or(sy->p_false, 1e-9);
    for (int i = 0; sy->effort && i < QD_EFFORTS; i++)
        if (strcmp(sy->effort, qd_effort_name((qd_effort)i)) == 0) job->effort = (qd_effort)i;
    job->blind = re->blind && *re->blind;
    job->rounds = (uint32_t)uint_or(re->rounds, job->blind ? QD_ROUNDS_BLIND : QD_ROUNDS_DEFAULT);
    job->rtt_ms = real_or(re->rtt_ms, 1);
    job->wait_ms = real_or(re->wait_ms, 1000);
    if (job->rounds * job->rtt_ms > job->wait_ms) job->rounds = (uint32_t)(job->wait_ms / job->rtt_ms);
    job->dead_given = si->dead_ps != NULL;
    job->correlation_same = si->correlation && strcmp(si->correlation, "same") == 0;
    job->code = strdup(re->code ? re->code : "auto");
    return job->code ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for a job");
}

/* The stations' copies of the secret, and what of each key refills them. */
static qd_status take_auth(const y_job *y, const qd_yaml_places *places, qd_job *job, qd_error *err) {
    const y_auth *a = y->security ? y->security->auth : NULL;
    const double tags = job->rehearsal || (a && a->alice) ? QD_AUTH_EPS_MOST : 0;
    if (job->eps_total > 0 && job->eps_total * (1 + 1e-12) < job->eps_sec + job->eps_cor + tags) /* as qd_station_may_begin */
        return bad(places, "security.eps_total", "is less than eps_sec, eps_cor and the tags (1e-26) of one block", err);
    if (job->refill_bits % QD_AUTH_ROUND_BITS)
        return bad(places, "security.auth.refill_bits", "must be a multiple of 256, the pads of one block", err);
    if (!a || (!a->alice && !a->bob))
        return a && !job->rehearsal ? bad(places, "security.auth", "needs alice and bob: each station's copy of the secret", err) : QD_OK;
    if (!a->alice || !a->bob) return bad(places, "security.auth", "has one station's secret: each has its own copy", err);
    char *dir = qd_path_dir(job->path);
    job->auth_file[0] = dir ? qd_path_join(dir, a->alice) : NULL;
    job->auth_file[1] = dir ? qd_path_join(dir, a->bob) : NULL;
    free(dir);
    if (!job->auth_file[0] || !job->auth_file[1]) return qd_fail(err, QD_E_INTERNAL, "no memory for a job");
    if (strcmp(job->auth_file[0], job->auth_file[1]) == 0)
        return bad(places, "security.auth", "gives both stations one file: each has its own copy, and counts in it what it used", err);
    return QD_OK;
}

qd_status qd_job_load(const char *path, qd_job *job, qd_error *err) {
    *job = (qd_job){0};
    void *data = NULL;
    qd_yaml_places *places = NULL;
    QD_TRY(qd_yaml_load_placed(path, &schema, limits, &data, &places, err));
    y_job *y = data;
    qd_status st = QD_OK;
    job->path = realpath(path, NULL); /* a run is resumed from anywhere */
    if (!job->path) st = qd_fail(err, QD_E_INTERNAL, "no memory for a job");
    if (st == QD_OK) st = take_name(y, places, job, err);
    if (st == QD_OK) st = take_input(y, places, job, err);
    if (st == QD_OK) st = take_numbers(y, job, err);
    if (st == QD_OK) st = take_auth(y, places, job, err);
    if (st == QD_OK && job->blind && job->rounds == 0)
        st = bad(
            places, "reconcile.blind",
            "needs rounds of added rows, in which the error rate is found out: reconcile.rounds, and wait_ms of rtt_ms at least",
            err);
    if (st == QD_OK && job->blind && (strcmp(job->code, "cascade") == 0 || strcmp(job->code, "large") == 0))
        st = bad(places, "reconcile.blind",
                 "goes with base graphs only: Cascade takes its block sizes from the error rate, a large-block code its one syndrome", err);
    if (st == QD_OK && fabs(job->ppm) + job->max_ppm > QD_SYNC_MOST_PPM)
        st = bad(places, "sync.ppm", "and sync.max_ppm reach beyond 240 together: narrow the search", err);
    char at[QD_YAML_PLACE];
    if (st == QD_OK && !(job->announce_at = strdup(qd_yaml_place(places, "sift.announce_ps", at))))
        st = qd_fail(err, QD_E_INTERNAL, "no memory for a job");
    qd_yaml_free(&schema, data);
    qd_yaml_places_free(places);
    if (st != QD_OK) qd_job_free(job);
    return st;
}

void qd_job_free(qd_job *job) {
    if (!job) return;
    free(job->path);
    free(job->name);
    free(job->scenario);
    free(job->code);
    free(job->announce_at);
    for (int i = 0; i < 2; i++) {
        free(job->file[i]);
        free(job->format[i]);
        free(job->auth_file[i]);
    }
    *job = (qd_job){0};
}
