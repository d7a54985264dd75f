/* SPDX-License-Identifier: Apache-2.0 */
/* estimate: counts to key length. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "cli.h"
#include "qdistill/security.h"
#include "verbs.h"

typedef struct arguments {
    const char *counts, *record[2], *bound;
    double eps_sec, eps_cor;
    bool has_eps_sec, has_eps_cor;
} arguments;

static const char *const basis_name[2] = {"z", "x"};

static qd_status check_arguments(const arguments *a, qd_error *err) {
    bool records = a->record[QD_Z] || a->record[QD_X];
    if (strcmp(a->bound, "random-sampling") != 0)
        return qd_fail(err, QD_E_USAGE,
                       "--bound: there is no bound '%s'||the bounds are: random-sampling|see qdistill estimate --help", a->bound);
    if (a->counts && records)
        return qd_fail(err, QD_E_USAGE, "--counts and --record-z, --record-x exclude each other|||see qdistill estimate --help");
    if (!a->counts && !(a->record[QD_Z] && a->record[QD_X]))
        return qd_fail(err, QD_E_USAGE,
                       "estimate needs --counts FILE, or --record-z FILE and --record-x FILE||each basis is tested by the other, "
                       "so both are needed|see qdistill estimate --help");
    return QD_OK;
}

/* One record for both bases would let a string test itself. */
static qd_status two_records(const arguments *a, qd_error *err) {
    struct stat z, x;
    if (a->counts || stat(a->record[QD_Z], &z) != 0 || stat(a->record[QD_X], &x) != 0) return QD_OK; /* reading will say why */
    if (z.st_dev != x.st_dev || z.st_ino != x.st_ino) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "--record-z and --record-x are one file, %s||each string is tested by the errors of the other; its own say nothing of its phase|give the record of each basis",
                   a->record[QD_Z]);
}

static qd_status read_input(const arguments *a, qd_bbm92_input *in, qd_error *err) {
    json_t *j = NULL;
    *in = (qd_bbm92_input){.eps_sec = a->eps_sec, .eps_cor = a->eps_cor};
    QD_TRY(two_records(a, err));
    qd_status st = QD_OK;
    if (a->counts) {
        QD_TRY(qd_json_read(a->counts, &j, err));
        st = qd_bbm92_input_json(j, a->counts, !(a->has_eps_sec && a->has_eps_cor), in, err);
        json_decref(j);
    }
    for (int b = 0; !a->counts && st == QD_OK && b < 2; b++) {
        QD_TRY(qd_json_read(a->record[b], &j, err));
        st = qd_bbm92_record_json(j, a->record[b], b, in, err);
        json_decref(j);
    }
    if (a->has_eps_sec) in->eps_sec = a->eps_sec;
    if (st == QD_OK && a->has_eps_cor && a->eps_cor < in->eps_cor)
        return qd_fail(err, QD_E_INPUT, "--eps-cor %g is below %g|the strings were verified to that|a claim cannot be better than the tag that was sent|leave --eps-cor out, or reconcile again with it", a->eps_cor, in->eps_cor);
    if (a->has_eps_cor) in->eps_cor = a->eps_cor;
    return st;
}

static json_t *terms_json(const qd_bbm92_result *r, int b) {
    const qd_bbm92_terms *t = &r->terms[b];
    json_t *contained = json_array();
    for (int k = 0; k < QD_LEAK_KINDS; k++)
        if (t->contained.kinds >> k & 1) json_array_append_new(contained, json_string(qd_leak_name((qd_leak)k)));
    return json_pack("{s:I,s:I,s:I,s:f,s:f,s:f,s:s,s:I,s:f,s:f,s:f,s:f,s:I,s:o,s:f,s:I}", "n", (json_int_t)t->n, "k",
                     (json_int_t)t->k, "m", (json_int_t)t->m, "eps", t->eps, "eps_pa", t->eps_pa, "eps_s", t->eps_s, "tail",
                     t->exact_tail ? "hypergeometric" : "chvatal", "errors_bound", (json_int_t)t->errors_bound, "phase_error",
                     t->phase_error, "entropy_bits", t->entropy_bits, "hash_bits", t->hash_bits, "before_charges",
                     t->before_charges, "charged", (json_int_t)r->charged[b], "contained", contained, "contained_tag_bits",
                     t->contained.tag_bits, "key_bits", (json_int_t)r->key_bits[b]);
}

/* The closed form, with a label that cannot be overlooked. */
static json_t *closed_json(const qd_bbm92_result *r) {
    json_t *j = json_pack("{s:s}", "note",
                          "Fung, Ma, Chau 2010, second order, not valid for few errors: for comparison, decides nothing");
    for (int b = 0; b < 2; b++)
        json_object_set_new(j, basis_name[b],
                            json_pack("{s:f,s:f}", "phase_error", r->terms[b].closed_form_phase_error, "entropy_bits",
                                      r->terms[b].closed_form_bits));
    return j;
}

static json_t *record_of(const qd_cli *cli, const char *bound, const qd_bbm92_input *in, const qd_bbm92_result *r) {
    json_t *j = qd_cli_record_unused(cli), *terms = json_object(), *phase = json_object();
    for (int b = 0; b < 2; b++) {
        json_object_set_new(terms, basis_name[b], terms_json(r, b));
        json_object_set_new(phase, basis_name[b], json_real(r->phi[b]));
    }
    json_object_set_new(j, "bound", json_string(bound));
    json_object_set_new(j, "key_bits", json_integer((json_int_t)r->total));
    json_object_set_new(j, "epsilon", json_pack("{s:f,s:f}", "sec", in->eps_sec, "cor", in->eps_cor));
    json_object_set_new(j, "phase_error", phase);
    json_object_set_new(j, "terms", terms);
    json_object_set_new(j, "closed_form", closed_json(r));
    json_object_set_new(j, "abort_reason", r->total ? json_null() : json_string(r->abort_reason));
    return j;
}

static void print_text(FILE *to, const char *bound, const qd_bbm92_input *in, const qd_bbm92_result *r) {
    fprintf(to, "bound %s, eps_sec %g, eps_cor %g (of the block; each basis has half)\n", bound, in->eps_sec, in->eps_cor);
    for (int b = 0; b < 2; b++) {
        const qd_bbm92_terms *t = &r->terms[b];
        fprintf(to, "%s  %" PRIu64 " key bits, tested by %" PRIu64 " bits with %" PRIu64 " errors\n", basis_name[b], t->n, t->k, t->m);
        fprintf(to, "   phase error             %.6f   (at most %" PRIu64 " errors, %s tail, eps_s %.3g)\n", t->phase_error,
               t->errors_bound, t->exact_tail ? "exact hypergeometric" : "Chvatal's", t->eps_s);
        fprintf(to, "   n (1 - h(phase error))  %.4f\n", t->entropy_bits);
        fprintf(to, "   2 log2(1/(2 eps_pa))   -%.4f   (hashing, eps_pa %.3g)\n", t->hash_bits, t->eps_pa);
        fprintf(to, "   charged                -%" PRIu64 "\n", r->charged[b]);
        fprintf(to, "   key                     %" PRIu64 "\n", r->key_bits[b]);
        fprintf(to, "   (closed form of Fung, Ma, Chau 2010, for comparison only: phase error %.6f, n (1 - h) = %.4f)\n",
               t->closed_form_phase_error, t->closed_form_bits);
    }
    fprintf(to, "key bits: %" PRIu64 "\n", r->total);
    for (int b = 0; b < 2; b++)
        if (r->key_bits[b]) fprintf(to, "  %s: qdistill amplify ... --out-bits %" PRIu64 "\n", basis_name[b], r->key_bits[b]);
}

int qd_cmd_estimate(int argc, char **argv) {
    qd_cli cli = {0};
    qd_error err = {0};
    arguments a = {.bound = "random-sampling", .eps_sec = 1e-10, .eps_cor = 1e-15};
    const qd_opt opts[] = {{"counts", QD_OPT_TEXT, &a.counts, 0, 0, "FILE",
                            "in place of records: n, errors and charged, each {z,x}, eps_sec and eps_cor as JSON", NULL},
                           {"record-z", QD_OPT_TEXT, &a.record[QD_Z], 0, 0, "FILE", "record of reconcile for the z string (its record.json)", NULL},
                           {"record-x", QD_OPT_TEXT, &a.record[QD_X], 0, 0, "FILE", "record of reconcile for the x string", NULL},
                           {"bound", QD_OPT_TEXT, &a.bound, 0, 0, "random-sampling", "the bound (default, and the only one)", NULL},
                           {"eps-sec", QD_OPT_REAL, &a.eps_sec, QD_RANGE_EPS_SEC, "E",
                            "secrecy of the block, in place of the file's (records: 1e-10)", &a.has_eps_sec},
                           {"eps-cor", QD_OPT_REAL, &a.eps_cor, QD_RANGE_EPS_COR, "E",
                            "correctness of the block, in place of the file's (records: 1e-15)", &a.has_eps_cor},
                           {0}};
    qd_bbm92_input in;
    qd_bbm92_result r;
    if (qd_cli_parse(&cli, opts, argc, argv, NULL, 0, 0, NULL, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    if (check_arguments(&a, &err) != QD_OK || read_input(&a, &in, &err) != QD_OK || qd_estimate_bbm92(&in, &r, &err) != QD_OK)
        return qd_cli_fail(&cli, &err);
    FILE *text = qd_cli_text(&cli);
    if (text) print_text(text, a.bound, &in, &r);
    json_t *record = record_of(&cli, a.bound, &in, &r);
    if (r.total) return qd_cli_done(&cli, record);
    (void)qd_fail(&err, QD_E_POLICY, "no key: %s||what cannot be bounded counts as known to an eavesdropper|a longer block, or a link with fewer errors", r.abort_reason);
    return qd_cli_refuse(&cli, record, &err);
}
