/* SPDX-License-Identifier: Apache-2.0 */
/* What a run says of its epsilons and of authentication: in a block's record, in the summary, in the report for people. */
#include <math.h>
#include <string.h>
#include "record.h"

/* ---- a block ----------------------------------------------------------------------------------------------------- */

void qd_record_block_security(const qd_block *a, const qd_station_params *p, json_t *record) {
    double auth = a->authenticated ? a->auth.eps : 0;
    json_object_set_new(record, "epsilon",
                        json_pack("{s:f,s:f,s:o,s:f}", "sec", p->eps_sec, "cor", p->eps_cor, "auth",
                                  a->authenticated ? json_real(auth) : json_null(), "total", p->eps_sec + p->eps_cor + auth));
    json_object_set_new(record, "authentication",
                        a->authenticated
                            ? json_pack("{s:o,s:i,s:[o,o],s:i,s:o}", "round", qd_json_from_u64(a->auth.round), "tags", 2,
                                        "hashed_blocks", qd_json_from_u64(a->auth.hashed[0]),
                                        qd_json_from_u64(a->auth.hashed[1]), "pad_bits", QD_AUTH_ROUND_BITS, "set_aside_bits",
                                        qd_json_from_u64(a->aside_bits))
                            : json_null());
}

static uint64_t integer(const json_t *o, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

void qd_record_secret_so_far(const json_t *blocks, uint64_t *used, uint64_t *refilled) {
    *used = *refilled = 0;
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *a = json_object_get(json_array_get(blocks, i), "authentication");
        *used += json_is_object(a);
        *refilled += integer(a, "set_aside_bits");
    }
}

/* ---- the summary ------------------------------------------------------------------------------------------------- */

/* Every bit of key was made of messages that both tags cover. Without key nothing was. */
static bool authenticated(const json_t *blocks) {
    bool any = false;
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *b = json_array_get(blocks, i), *a = json_object_get(b, "authentication");
        if (integer(b, "key_bits") && !json_is_object(a)) return false;
        any |= json_is_object(a);
    }
    return any;
}

static json_t *epsilons(const qd_run_facts *f) {
    double sum[4] = {0};
    static const char *const keys[4] = {"sec", "cor", "auth", "total"};
    size_t n = json_array_size(f->blocks);
    /* of a block that was not finished it is not known whether it was tagged: what tags can cost at most */
    const double tags = f->budget.rounds ? QD_AUTH_EPS_MOST : 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *block = json_array_get(f->blocks, i);
        for (int k = 0; k < 4; k++) sum[k] += json_number_value(json_object_get(json_object_get(block, "epsilon"), keys[k]));
        for (int k = 2; k < 4 && json_is_true(json_object_get(block, "abandoned")); k++) sum[k] += tags;
    }
    if (f->begun || *f->auth_failed) { /* a block that has no record */
        const double cost[4] = {f->params->eps_sec, f->params->eps_cor, tags, f->params->eps_sec + f->params->eps_cor + tags};
        for (int k = 0; k < 4; k++) sum[k] += cost[k];
        n++;
    }
    return json_pack("{s:I,s:f,s:f,s:o,s:f,s:o}", "blocks", (json_int_t)n, keys[0], sum[0], keys[1], sum[1], keys[2],
                     f->budget.rounds ? json_real(sum[2]) : json_null(), keys[3], sum[3], "limit",
                     f->params->eps_total > 0 ? json_real(f->params->eps_total) : json_null());
}

static json_t *authentication(const qd_run_facts *f) {
    const qd_auth_budget *b = &f->budget;
    uint64_t used, aside;
    if (!b->rounds) return json_null();
    qd_record_secret_so_far(f->blocks, &used, &aside);
    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:f,s:o}", "secret", b->rehearsal ? "rehearsal" : "file", "tags",
                     qd_json_from_u64(2 * used), "pad_bits", qd_json_from_u64(QD_AUTH_ROUND_BITS * used), "set_aside_bits",
                     qd_json_from_u64(aside), "rounds", qd_json_from_u64(b->rounds), "rounds_left",
                     qd_json_from_u64(b->rounds - b->next), "epsilon_of_secret", (double)b->hashed * 0x1p-128 + b->refill_eps, "failed",
                     *f->auth_failed ? json_string(f->auth_failed) : json_null());
}

void qd_record_security(const qd_run_facts *f, json_t *summary, json_t *warnings) {
    json_object_set_new(summary, "authenticated", json_boolean(authenticated(f->blocks)));
    json_object_set_new(summary, "authentication", authentication(f));
    json_object_set_new(summary, "epsilon", epsilons(f));
    json_object_set_new(summary, "stop_reason", *f->stop_reason ? json_string(f->stop_reason) : json_null());
    if (!f->budget.rounds)
        json_array_append_new(warnings, json_string("the classical channel was not authenticated, for the job gives no secret "
                                                    "(security.auth): a key is secret only if the messages were"));
    if (*f->auth_failed) json_array_append_new(warnings, json_string("messages of the last block were refused: what there is of key is of the blocks before"));
    if (f->budget.rounds && f->budget.rounds - f->budget.next < 16 && !f->budget.rehearsal) {
        char text[160];
        snprintf(text, sizeof text, "pads of authentication are left for %llu key blocks: share a new secret in time",
                 (unsigned long long)(f->budget.rounds - f->budget.next));
        json_array_append_new(warnings, json_string(text));
    }
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static double num(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

void qd_record_security_text(const json_t *s, FILE *out) {
    const json_t *e = json_object_get(s, "epsilon"), *a = json_object_get(s, "authentication"),
                 *stop = json_object_get(s, "stop_reason");
    fprintf(out, "    all blocks: epsilon %.6g (secrecy %.6g, correctness %.6g", num(e, "total"), num(e, "sec"), num(e, "cor"));
    if (json_is_object(a)) fprintf(out, ", authentication %.2g", num(e, "auth"));
    fprintf(out, ")");
    if (json_is_number(json_object_get(e, "limit"))) fprintf(out, ", limit %.6g", num(e, "limit"));
    fprintf(out, "\n");
    if (json_is_object(a)) {
        bool drawn = strcmp(json_string_value(json_object_get(a, "secret")), "rehearsal") == 0;
        fprintf(out,
                "\n  authentication: %.0f tags, %.0f bits of the %s secret used, %.0f of the key set aside for it; it has pads for %.0f "
                "blocks more\n",
                num(a, "tags"), num(a, "pad_bits"), drawn ? "rehearsal's" : "shared", num(a, "set_aside_bits"), num(a, "rounds_left"));
    }
    if (json_is_string(stop)) fprintf(out, "\n  the job ended before its data: %s\n", json_string_value(stop));
}
