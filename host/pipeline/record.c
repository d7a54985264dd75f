/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <math.h>
#include <string.h>
#include "compute/kernels.h"
#include "qdistill/core/secret.h"
#include "qdistill/reconcile.h"
#include "qdistill/security.h"
#include "qdistill/timetag.h"

static json_t *zx(const uint64_t v[2]) {
    return json_pack("{s:o,s:o}", "z", qd_json_from_u64(v[QD_Z]), "x", qd_json_from_u64(v[QD_X]));
}

/* ---- manifest ---------------------------------------------------------------------------------------------------- */

static json_t *kernels(void) {
    json_t *o = json_object();
    for (const qd_kernel_source *k = qd_kernel_sources; k->name; k++) {
        char hex[65];
        qd_sha256_hex(k->text, k->bytes, hex);
        json_object_set_new(o, k->name, json_string(hex));
    }
    return o;
}

static json_t *options(const qd_job *job, const qd_station_params *p) {
    json_t *o = json_object();
    json_object_set_new(o, "protocol", json_string("bbm92"));
    json_object_set_new(o, "block_coincidences", qd_json_from_u64(p->block_coincidences));
    json_object_set_new(o, "eps_sec", qd_json_from_real(p->eps_sec));
    json_object_set_new(o, "eps_cor", qd_json_from_real(p->eps_cor));
    json_object_set_new(o, "eps_total", p->eps_total > 0 ? qd_json_from_real(p->eps_total) : json_null());
    json_object_set_new(o, "bound", json_string("random-sampling"));
    json_object_set_new(o, "authentication", json_string(job->auth_file[0] ? "secret" : job->rehearsal ? "rehearsal" : "none"));
    json_object_set_new(o, "refill_bits", qd_json_from_u64(p->refill_bits));
    json_object_set_new(o, "window_ps", qd_json_from_u64(p->window_ps));
    json_object_set_new(o, "dead_ps", qd_json_from_u64(p->dead_ps));
    json_object_set_new(o, "announce_ps", qd_json_from_u64(p->announce_ps));
    json_object_set_new(o, "correlation", json_string(p->correlation_same ? "same" : "anti"));
    json_object_set_new(o, "max_offset_s", qd_json_from_real(p->max_offset_s));
    json_object_set_new(o, "max_ppm", qd_json_from_real(p->max_ppm));
    json_object_set_new(o, "offset_s", qd_json_from_real(p->offset_s));
    json_object_set_new(o, "ppm", qd_json_from_real(p->ppm));
    json_object_set_new(o, "p_false", qd_json_from_real(p->p_false));
    json_object_set_new(o, "effort", json_string(qd_effort_name(p->effort)));
    json_object_set_new(o, "code", json_string(job->code));
    json_object_set_new(o, "rounds", json_integer(job->rounds));
    json_object_set_new(o, "blind", json_boolean(job->blind));
    json_object_set_new(o, "rtt_ms", qd_json_from_real(job->rtt_ms));
    json_object_set_new(o, "wait_ms", qd_json_from_real(job->wait_ms));
    if (!job->rehearsal) {
        json_t *skew = json_array();
        for (int i = 0; i < 2; i++)
            json_array_append_new(
                skew, json_pack("[o,o,o,o]", qd_json_from_u64(job->skew_ps[i][0]), qd_json_from_u64(job->skew_ps[i][1]),
                                qd_json_from_u64(job->skew_ps[i][2]), qd_json_from_u64(job->skew_ps[i][3])));
        json_object_set_new(o, "skew_ps", skew);
    }
    if (job->rehearsal) {
        json_object_set_new(o, "seed", qd_json_from_u64(job->seed));
        json_object_set_new(o, "duration_s", qd_json_from_real(job->duration_s));
    }
    return o;
}

static qd_status add_input(json_t *inputs, const char *who, const char *path, const char *format, qd_error *err) {
    char hex[65];
    QD_TRY(format ? qd_tag_sha256(path, hex, err) : qd_sha256_file(path, hex, err));
    json_object_set_new(inputs, who,
                        format ? json_pack("{s:s,s:s,s:s}", "path", path, "format", format, "sha256", hex)
                               : json_pack("{s:s,s:s}", "path", path, "sha256", hex));
    return QD_OK;
}

json_t *qd_record_device(const qd_device *dev, const char *fallback) {
    json_t *o;
    if (dev) {
        const qd_device_info *d = qd_device_about(dev);
        o = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "id", d->id, "name", d->name, "type", d->type, "driver", d->driver,
                      "platform", d->platform, "version", d->version, "used", 1);
    } else {
        o = json_pack("{s:s,s:s,s:s,s:b}", "id", "ref", "name", "reference path", "type", "ref", "used", 1);
    }
    if (fallback && *fallback) json_object_set_new(o, "fallback", json_string(fallback));
    return o;
}

qd_status qd_record_manifest(const qd_job *job, const qd_station_params *p, const qd_link *link, qd_device *dev,
                             const char *fallback, json_t **out, qd_error *err) {
    json_t *inputs = json_object();
    static const char *const who[2] = {"alice", "bob"};
    qd_status st = QD_OK;
    *out = NULL;
    if (job->rehearsal) st = add_input(inputs, "scenario", job->scenario, NULL, err);
    for (int i = 0; i < 2 && st == QD_OK && !job->rehearsal; i++)
        st = add_input(inputs, who[i], job->file[i], job->format[i], err);
    if (st != QD_OK) {
        json_decref(inputs);
        return st;
    }
    json_t *tables = json_object();
    char code[65];
    static const uint32_t ids[] = {QD_CODE_NR_BG1, QD_CODE_NR_BG2, QD_CODE_QD_BG1, QD_CODE_QD_K22, QD_CODE_QD_K33};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        qd_code_table_sha256(ids[i], code);
        json_object_set_new(tables, qd_code_name(ids[i]), json_string(code));
    }
    if (link) json_object_set_new(tables, "link", json_string(qd_link_tables_sha256(link)));
    *out = json_pack("{s:i,s:s,s:s,s:s,s:s,s:b,s:o,s:o,s:o,s:o,s:o}", "schema", 1, "tool", "qdistill", "version", QD_VERSION,
                     "name", job->name, "job", job->path, "rehearsal", (int)job->rehearsal, "options", options(job, p), "inputs",
                     inputs, "tables", tables, "kernels", kernels(), "device", qd_record_device(dev, fallback));
    return *out ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the manifest");
}

qd_status qd_record_same_run(const json_t *old, const json_t *now, qd_error *err) {
    static const char *const parts[] = {"version", "rehearsal", "options", "inputs", "tables", "kernels"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const json_t *a = json_object_get(old, parts[i]), *b = json_object_get(now, parts[i]), *v;
        if (json_equal(a, b)) continue;
        const char *key, *field = "";
        json_object_foreach((json_t *)b, key, v) if (!json_equal(json_object_get(a, key), v)) {
            field = key;
            break;
        }
        return qd_fail(err, QD_E_INPUT,
                       "--resume refused: %s%s%s differs from the run that was stopped||going on would mix two runs in one "
                       "key|run the job anew with another --out",
                       parts[i], *field ? "." : "", field);
    }
    return QD_OK;
}

/* ---- block ------------------------------------------------------------------------------------------------------- */

static json_t *ledger_record(const qd_ledger *l) {
    json_t *o = json_object();
    static const char *const dir[2] = {"alice_to_bob", "bob_to_alice"};
    for (int d = 0; d < 2; d++) {
        json_t *side = json_object();
        for (int k = 0; k < QD_LEAK_KINDS; k++) {
            const uint64_t bits[2] = {l->bits[QD_Z][d][k], l->bits[QD_X][d][k]};
            if (bits[0] || bits[1]) json_object_set_new(side, qd_leak_name((qd_leak)k), zx(bits));
        }
        json_object_set_new(o, dir[d], side);
    }
    return o;
}

static double entropy_bits(const qd_counts *c) {
    double sum = 0;
    for (int b = 0; b < 2; b++)
        if (c->n[b]) sum += (double)c->n[b] * qd_binary_entropy((double)c->errors[b] / (double)c->n[b]);
    return sum;
}

json_t *qd_record_block(const qd_block *a, const qd_block *bob, const qd_station_params *p) {
    json_t *o = json_object();
    json_object_set_new(o, "block", qd_json_from_u64(a->block));
    json_object_set_new(o, "n", qd_json_from_u64(a->counts.n[QD_Z] + a->counts.n[QD_X]));
    json_object_set_new(o, "key_bits", qd_json_from_u64(a->key.n));
    qd_record_block_security(a, p, o);
    json_object_set_new(o, "coincidences", qd_json_from_u64(a->coincidences));
    json_object_set_new(o, "sifted", zx(a->sifted));
    json_object_set_new(o, "sampled", zx(a->sampled));
    json_object_set_new(o, "sample_errors", zx(a->sample_errors));
    json_object_set_new(o, "dropped_tail", zx(a->dropped));
    json_object_set_new(o, "n_by_basis", zx(a->counts.n));
    json_object_set_new(o, "errors", zx(a->counts.errors));
    json_object_set_new(o, "ell", zx(a->ell));
    json_object_set_new(o, "charged", zx(a->counts.charged));
    json_object_set_new(o, "frames", qd_json_from_u64(a->frames));
    json_object_set_new(o, "frames_failed", qd_json_from_u64(a->frames_failed));
    json_object_set_new(o, "code_bits", qd_json_from_u64(a->code_bits));
    json_object_set_new(o, "tag_bits", qd_json_from_u64(a->tag_bits));
    json_object_set_new(o, "rounds", zx(a->rounds));
    json_object_set_new(o, "added_rounds", zx(a->added_rounds));
    json_object_set_new(o, "added_bits", zx(a->added_bits));
    json_object_set_new(
        o, "message_bytes",
        json_pack("{s:o,s:o}", "alice", qd_json_from_u64(a->message_bytes[0]), "bob", qd_json_from_u64(a->message_bytes[1])));
    json_object_set_new(o, "entropy_bits", qd_json_from_real(entropy_bits(&a->counts)));
    if (bob && a->frames) json_object_set_new(o, "iterations_mean", qd_json_from_real(bob->iterations / (double)a->frames));
    json_object_set_new(o, "ledger", ledger_record(&a->ledger));
    if (a->terms) json_object_set(o, "terms", a->terms);
    if (a->rejected) json_object_set_new(o, "reason", json_string(a->reason));
    if (a->abandoned) json_object_set_new(o, "abandoned", json_true());
    if (a->sample_qber) json_object_set_new(o, "qber_sampled", json_true());
    if (p->rehearsal && bob && a->sample_qber && a->raw[QD_Z].n == bob->raw[QD_Z].n && a->raw[QD_X].n == bob->raw[QD_X].n) {
        const uint64_t errors[2] = {qd_bits_distance_truth(&a->raw[QD_Z], &bob->raw[QD_Z]),
                                    qd_bits_distance_truth(&a->raw[QD_X], &bob->raw[QD_X])};
        const uint64_t n[2] = {a->raw[QD_Z].n, a->raw[QD_X].n};
        json_object_set_new(o, "truth", json_pack("{s:o,s:o}", "n", zx(n), "errors", zx(errors)));
    }
    json_t *pairs = p->rehearsal && bob ? qd_record_pairs_truth(a, bob, p->correlation_same ? QD_SAME : QD_ANTI) : NULL;
    if (pairs) json_object_set_new(o, "pairs_truth", pairs);
    return o;
}
