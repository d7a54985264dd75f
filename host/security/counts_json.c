/* SPDX-License-Identifier: Apache-2.0 */
/* Counts for the bound, out of JSON. */
#include <stdio.h>
#include <string.h>
#include "qdistill/core/limits.h"
#include "qdistill/security.h"

static const char *const basis_name[] = {"z", "x", NULL};

/* {"z": N, "x": N} under @p key. */
static qd_status read_pair(const json_t *o, const char *where, const char *key, uint64_t out[2], qd_error *err) {
    char inner[256];
    snprintf(inner, sizeof inner, "%.200s: '%s'", where, key);
    const json_t *pair = json_object_get(o, key);
    if (!pair && json_object_get(o, "coincidences"))
        return qd_fail(err, QD_E_INPUT,
                       "%s: '%s' is missing: these are the counts of sift||they were taken before error correction, which decides what is "
                       "charged|run reconcile on each basis and give its records: qdistill estimate --record-z FILE --record-x FILE",
                       where, key);
    if (!pair)
        return qd_fail(err, QD_E_INPUT,
                       "%s: '%s' is missing||the bound needs n, errors and charged of both bases|add \"%s\":{\"z\":N,\"x\":N}",
                       where, key, key);
    QD_TRY(qd_json_only(pair, inner, basis_name, err));
    for (int b = 0; b < 2; b++) QD_TRY(qd_json_u64(pair, inner, basis_name[b], QD_SECURITY_MAX, &out[b], err));
    return QD_OK;
}

static qd_status read_eps(const json_t *o, const char *where, const char *key, double min, double max, bool need, double *out, qd_error *err) {
    if (!need && json_is_object(o) && !json_object_get(o, key)) return QD_OK;
    return qd_json_real(o, where, key, min, max, out, err);
}

/* errors <= n of a basis. */
static qd_status check_errors(const qd_bbm92_input *in, const char *where, int basis, qd_error *err) {
    if (in->errors[basis] <= in->n[basis]) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "%s: %llu errors in %llu bits of %s||the counts contradict each other|correct them", where,
                   (unsigned long long)in->errors[basis], (unsigned long long)in->n[basis], basis_name[basis]);
}

/* A record of the program in the place of something else: its verb, or NULL. */
static const char *verb_of(const json_t *o) {
    return json_string_value(json_object_get(o, "verb"));
}

static qd_status no_counts(const char *where, const char *verb, qd_error *err) {
    if (strcmp(verb, "reconcile") == 0)
        return qd_fail(err, QD_E_INPUT,
                       "%s is a record of reconcile, no counts||a record is of one basis, and the bound needs both|give the records of "
                       "both: qdistill estimate --record-z FILE --record-x FILE",
                       where);
    return qd_fail(err, QD_E_INPUT,
                   "%s is a record of %s, no counts||counts of both bases are an object of n, errors, charged, eps_sec and eps_cor; they are "
                   "known after error correction|run reconcile on the bits of each basis and give its records: qdistill estimate "
                   "--record-z FILE --record-x FILE",
                   where, verb);
}

/* QD_OK: the record of a reconcile that came to an end, or an object that does not say what it is. */
static qd_status check_record(const json_t *o, const char *where, int basis, qd_error *err) {
    const char *verb = verb_of(o), *status = json_string_value(json_object_get(o, "status"));
    if (verb && strcmp(verb, "reconcile") != 0)
        return qd_fail(err, QD_E_INPUT,
                       "%s is a record of %s||--record-%s takes what reconcile wrote for the bits of basis %s; only error correction tells "
                       "the errors and what was disclosed|qdistill reconcile alice.%s.bits bob.%s.bits --out DIR, then give DIR/record.json",
                       where, verb, basis_name[basis], basis_name[basis], basis_name[basis], basis_name[basis]);
    if (verb && status && strcmp(status, "failed") == 0)
        return qd_fail(err, QD_E_INPUT, "%s is the record of a reconcile that failed||it counted nothing|run reconcile again; the record's error says what was wrong", where);
    return QD_OK;
}

static qd_status read_counts(const json_t *o, const char *where, bool need_eps, qd_bbm92_input *in, qd_error *err) {
    static const char *const allowed[] = {
        "n",           "errors", "charged", "eps_sec",      "eps_cor", "schema", "coincidences", "basis_mismatch",
        "accidentals", "multi",  "clicks",  "dead_dropped", "singles", "masks",  "pairs",        NULL};
    if (verb_of(o)) return no_counts(where, verb_of(o), err);
    QD_TRY(qd_json_only(o, where, allowed, err));
    QD_TRY(read_pair(o, where, "n", in->n, err));
    QD_TRY(read_pair(o, where, "errors", in->errors, err));
    QD_TRY(read_pair(o, where, "charged", in->charged, err));
    QD_TRY(read_eps(o, where, "eps_sec", QD_RANGE_EPS_SEC, need_eps, &in->eps_sec, err));
    QD_TRY(read_eps(o, where, "eps_cor", QD_RANGE_EPS_COR, need_eps, &in->eps_cor, err));
    for (int b = 0; b < 2; b++) QD_TRY(check_errors(in, where, b, err));
    return QD_OK;
}

qd_status qd_bbm92_input_json(const json_t *o, const char *where, bool need_eps, qd_bbm92_input *in, qd_error *err) {
    qd_status st = read_counts(o, where, need_eps, in, err);
    if (st != QD_OK) *in = (qd_bbm92_input){0};
    return st;
}

qd_status qd_bbm92_record_json(const json_t *o, const char *where, int basis, qd_bbm92_input *in, qd_error *err) {
    qd_status st;
    QD_TRY_OUT(st, check_record(o, where, basis, err));
    QD_TRY_OUT(st, qd_json_u64(o, where, "n", QD_SECURITY_MAX, &in->n[basis], err));
    QD_TRY_OUT(st, qd_json_u64(o, where, "errors", QD_SECURITY_MAX, &in->errors[basis], err));
    QD_TRY_OUT(st, qd_json_u64(o, where, "charged", QD_SECURITY_MAX, &in->charged[basis], err));
    QD_TRY_OUT(st, check_errors(in, where, basis, err));
    double eps_cor = 0; /* that the string was verified with: the block's cannot be less */
    QD_TRY_OUT(st, read_eps(o, where, "eps_cor", QD_RANGE_EPS_COR, false, &eps_cor, err));
    if (eps_cor > in->eps_cor) in->eps_cor = eps_cor;
out:
    if (st != QD_OK) *in = (qd_bbm92_input){0};
    return st;
}
