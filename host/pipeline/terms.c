/* SPDX-License-Identifier: Apache-2.0 */
/* Every term of a key's length: in a block's record, and summed over the strings that gave key in the report for people. */
#include <math.h>
#include <string.h>
#include "record.h"
#include "station.h"

static json_t *contained(const qd_contained *c) {
    json_t *a = json_array();
    for (int k = 0; k < QD_LEAK_KINDS; k++)
        if (c->kinds >> k & 1) json_array_append_new(a, json_string(qd_leak_name((qd_leak)k)));
    return a;
}

static json_t *charges(const qd_bbm92_result *r, int b) {
    json_t *o = json_object();
    for (int k = 0; k < QD_LEAK_KINDS; k++)
        if (k != QD_LEAK_PRIVATE) json_object_set_new(o, qd_leak_name((qd_leak)k), qd_json_from_u64(r->charge[b][k]));
    return o;
}

static json_t *basis_terms(const qd_bbm92_result *r, int b) {
    const qd_bbm92_terms *t = &r->terms[b];
    json_t *o = json_pack("{s:s,s:I,s:I,s:I,s:f,s:f,s:f,s:I,s:f,s:f,s:f,s:f,s:I,s:I,s:b,s:{s:f,s:f}}", "bound", qd_bound_name(t->bound), "n",
                     (json_int_t)t->n, "k", (json_int_t)t->k, "m", (json_int_t)t->m, "eps", t->eps, "eps_pa", t->eps_pa, "eps_s", t->eps_s,
                     "errors_bound", (json_int_t)t->errors_bound, "phase_error", t->phase_error, "entropy_bits", t->entropy_bits,
                     "hash_bits", t->hash_bits, "before_charges", t->before_charges, "charged", (json_int_t)r->charged[b],
                     "key_bits", (json_int_t)r->key_bits[b], "exact_tail", (int)t->exact_tail, "closed_form_for_comparison_only",
                     "phase_error", t->closed_form_phase_error, "bits", t->closed_form_bits);
    json_object_set_new(o, "charges", charges(r, b));
    json_object_set_new(o, "contained", contained(&t->contained));
    json_object_set_new(o, "contained_tag_bits", json_real(t->contained.tag_bits));
    return o;
}

json_t *qd_station_terms(const qd_bbm92_result *r) {
    return json_pack("{s:o,s:o}", "z", basis_terms(r, QD_Z), "x", basis_terms(r, QD_X));
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static const char *const basis[2] = {"z", "x"};

/* The terms of a string that gave key; NULL: it did not. */
static const json_t *terms_of(const json_t *block, int b) {
    if (!json_integer_value(json_object_get(json_object_get(block, "ell"), basis[b]))) return NULL;
    return json_object_get(json_object_get(block, "terms"), basis[b]);
}

static double sum(const json_t *blocks, int b, const char *part, const char *key) {
    double total = 0;
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *t = terms_of(json_array_get(blocks, i), b);
        total += json_number_value(json_object_get(part ? json_object_get(t, part) : t, key));
    }
    return total;
}

static void row(const json_t *blocks, const char *what, const char *part, const char *key, const char *sign, FILE *out) {
    fprintf(out, "    %-38s %s%15.1f %s%15.1f\n", what, sign, sum(blocks, QD_Z, part, key), sign, sum(blocks, QD_X, part, key));
}

void qd_record_terms_text(const json_t *s, FILE *out) {
    const json_t *blocks = json_object_get(s, "blocks"), *t = NULL;
    for (size_t i = 0; !t && i < 2 * json_array_size(blocks); i++) t = terms_of(json_array_get(blocks, i / 2), (int)(i % 2));
    if (!t) return;
    double tags = json_number_value(json_object_get(t, "contained_tag_bits"));
    fprintf(out, "\n  length of the keys, term by term             %15s  %15s\n", "z", "x");
    row(blocks, "bits n, of strings that gave key", NULL, "n", " ", out);
    row(blocks, "n (1 - h(phase error))", NULL, "entropy_bits", " ", out);
    row(blocks, "syndromes, less private bits in them", "charges", "syndrome", "-", out);
    row(blocks, "frames that failed, revealed", "charges", "failed", "-", out);
    row(blocks, "answers yes or no", "charges", "answer", "-", out);
    row(blocks, "verification tags", "charges", "tag", "-", out);
    row(blocks, "numbers of errors", "charges", "error_count", "-", out);
    row(blocks, "hashing, in the bound", NULL, "hash_bits", "-", out);
    row(blocks, "key, each string's rounded down", NULL, "key_bits", " ", out);
    fprintf(out, "    the bound, %s, holds the hashing term and ", json_string_value(json_object_get(t, "bound")));
    if (tags > 0)
        fprintf(out, "%.1f bits of each string's tags\n", tags);
    else
        fprintf(out, "nothing of what was announced\n");
}
