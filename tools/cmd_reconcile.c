/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile: both machines in one process, over two bit files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"
#include "key_files.h"
#include "qdistill/reconcile.h"
#include "stop.h"
#include "verbs.h"

enum { SAMPLE_MOST = 1 << 14, SAMPLE_SHARE = 8 };

typedef struct options {
    const char *file[2], *out, *code, *order;
    uint64_t in_bits, rounds;
    double qber, leak, eps_cor;
    bool has_bits, has_qber, has_leak, has_rounds, blind;
    qd_key_files files;
} options;

typedef struct session {
    qd_cli cli;
    options o;
    qd_bit_order order;
    qd_device *dev;
    qd_bits key[2];
    json_t *epochs; /* of T3 files */
    uint64_t in_bits, sampled, sample_errors;
    qd_reconcile_params p;
    qd_reconcile_alice *alice;
    qd_reconcile_bob *bob;
    qd_transcript *transcript;
    json_t *record;
    double seconds;
} session;

static qd_status parse(session *s, int argc, char **argv, qd_error *err) {
    options *o = &s->o;
    o->code = "auto";
    o->order = "lsb";
    o->eps_cor = 1e-15;
    const qd_opt opts[] = {
        {"in-bits", QD_OPT_U64, &o->in_bits, 1, 9e15, "N",
         "length of both strings (default: what NAME.json beside a file says, else 8 times its size)", &o->has_bits},
        {"code", QD_OPT_TEXT, &o->code, 0, 0, "auto|nr-bg1|nr-bg2|qd-bg1|qd-k22|qd-k33|large|cascade",
         "code (default auto: of all but cascade the one that leaves most)", NULL},
        {"qber", QD_OPT_REAL, &o->qber, 0, 1, "Q", "error rate that the rate is made for (default: from a disclosed sample)",
         &o->has_qber},
        {"blind", QD_OPT_FLAG, &o->blind, 0, 0, NULL, "disclose no sample: the error rate is found out by added rows", NULL},
        {"leak", QD_OPT_REAL, &o->leak, 0, 0, "L",
         "share of a frame to disclose, 0.0834 to 0.6666 (nr-bg2: 0.1667 to 0.8; qd-k22: 0.0834 to 0.607; qd-k33: 0.0572 to 0.3265; "
         "large: 0.05 to 0.57), in place of the one the error rate asks for",
         &o->has_leak},
        {"rounds", QD_OPT_U64, &o->rounds, QD_RANGE_ROUNDS, "N",
         "rounds of added rows for frames that fail, at most (default 8, of a blind start 20; 0: they are revealed at once)",
         &o->has_rounds},
        {"eps-cor", QD_OPT_REAL, &o->eps_cor, QD_RANGE_EPS_COR, "E", "chance that an error stays undetected (default 1e-15)",
         NULL},
        {"bit-order", QD_OPT_TEXT, &o->order, 0, 0, "lsb|msb", "bit order in the bytes of all files (default lsb)", NULL},
        {"out", QD_OPT_TEXT, &o->out, 0, 0, "DIR", "directory to make for the results", NULL},
        QD_KEY_FILES_OPTS(o->files),
        {0}};
    QD_TRY(qd_cli_parse(&s->cli, opts, argc, argv, o->file, 2, 2, NULL, err));
    if (s->cli.help) return QD_OK;
    if (!o->has_rounds) o->rounds = o->blind ? QD_ROUNDS_BLIND : QD_ROUNDS_DEFAULT;
    if (!o->out) return qd_fail(err, QD_E_USAGE, "reconcile needs --out DIR|||see qdistill reconcile --help");
    if (o->blind && (o->has_qber || o->rounds == 0))
        return qd_fail(
            err, QD_E_USAGE,
            o->has_qber
                ? "--blind and --qber exclude each other|||see qdistill reconcile --help"
                : "--blind needs --rounds above 0||added rows are how the error rate is found out|see qdistill reconcile --help");
    if (strcmp(o->order, "lsb") != 0 && strcmp(o->order, "msb") != 0)
        return qd_fail(err, QD_E_USAGE, "--bit-order: '%s' is neither lsb nor msb|||see qdistill reconcile --help", o->order);
    QD_TRY(qd_key_files_check(&o->files, s->cli.verb, false, err));
    if (o->files.t3 && o->has_bits)
        return qd_fail(err, QD_E_USAGE, "--in-bits says nothing of T3 files||they state their lengths|leave it out");
    s->order = strcmp(o->order, "msb") == 0 ? QD_MSB_FIRST : QD_LSB_FIRST;
    QD_TRY(qd_code_named(o->code, &s->p.code, err));
    double least, most;
    if (s->p.code == QD_CODE_CASCADE && (o->has_leak || o->blind))
        return qd_fail(err, QD_E_USAGE,
                       "--code cascade goes without --leak and --blind||Cascade takes its block sizes from the error rate, and "
                       "has no rate of its own|see qdistill reconcile --help");
    if (s->p.code == QD_CODE_LARGE && o->blind)
        return qd_fail(err, QD_E_USAGE,
                       "--code large goes without --blind||its one syndrome needs an error rate, or a leak|see qdistill reconcile --help");
    qd_code_leaks(s->p.code == QD_CODE_CASCADE ? QD_CODE_AUTO : s->p.code, &least, &most);
    if (o->has_leak && !(o->leak >= least && o->leak <= most))
        return qd_fail(err, QD_E_USAGE,
                       "--leak: %g is out of range: %.4f to %.4f||that is what frames of this code can disclose|see qdistill "
                       "reconcile --help",
                       o->leak, ceil(1e4 * least) / 1e4, floor(1e4 * most) / 1e4);
    return QD_OK;
}

/* Both stations' T3 files, of the same epochs. */
static qd_status read_t3(session *s, qd_error *err) {
    qd_t3_key key[2] = {{.n = 0}, {.n = 0}};
    qd_status st = QD_OK;
    for (int i = 0; i < 2; i++) QD_TRY_OUT(st, qd_t3_key_read(s->o.file[i], &s->o.files.choice, &key[i], err));
    QD_TRY_OUT(st, qd_t3_keys_fit(s->o.file[0], &key[0], s->o.file[1], &key[1], err));
    s->epochs = qd_key_files_json(&key[0]);
    for (int i = 0; i < 2; i++) {
        s->key[i] = key[i].bits;
        key[i].bits = (qd_bits){0, NULL};
    }
out:
    for (int i = 0; i < 2; i++) qd_t3_key_free(&key[i]);
    return st;
}

static qd_status read_keys(session *s, qd_error *err) {
    QD_TRY(qd_cli_free_path(s->o.out, NULL, err));
    if (s->o.files.t3) QD_TRY(read_t3(s, err));
    for (int i = 0; i < 2 && !s->o.files.t3; i++)
        QD_TRY(qd_bits_read_file(&s->key[i], s->o.file[i], s->o.has_bits ? s->o.in_bits : UINT64_MAX, s->order, err));
    s->in_bits = s->key[0].n;
    if (s->key[0].n != s->key[1].n)
        return qd_fail(
            err, QD_E_INPUT,
            "%s has %llu bits, %s has %llu||both stations' strings must have one length|check the files, or give --in-bits",
            s->o.file[0], (unsigned long long)s->key[0].n, s->o.file[1], (unsigned long long)s->key[1].n);
    if (s->in_bits == 0)
        return qd_fail(err, QD_E_INPUT, "%s is empty||there is nothing to reconcile|check the step before", s->o.file[0]);
    return QD_OK;
}

static qd_random random_of(const session *s, qd_stream stream) {
    return (qd_random){.rehearsal = s->cli.has_seed, .seed = s->cli.seed, .stream = (uint32_t)stream};
}

static qd_status record_message(session *s, uint32_t type, qd_direction from, qd_body *body, qd_error *err) {
    qd_msg m = {.type = type, .from = (uint8_t)from, .last = 1, .bytes = body->n, .body = body->p};
    qd_status st = body->bad ? qd_fail(err, QD_E_INTERNAL, "no memory for message '%s'", qd_msg_name(type))
                             : qd_transcript_add(s->transcript, &m, err);
    qd_body_free(body);
    return st;
}

/* Distinct positions below n, as ones of a mask (Floyd's method: one draw a position). */
static void draw_positions(qd_random *r, uint64_t n, uint64_t count, qd_bits *mask) {
    for (uint64_t j = n - count; j < n; j++) {
        uint64_t t = qd_random_below(r, j + 1);
        qd_bits_set(mask, qd_bits_get(mask, t) ? j : t, 1);
    }
}

/* Disclose the bits under the mask and take them out of both strings. */
static qd_status disclose(session *s, const qd_bits *mask, qd_error *err) {
    qd_bits kept[2] = {{0}};
    qd_body body[2] = {{0}};
    qd_status st;
    qd_body_u64(&body[0], s->sampled);
    qd_body_u64(&body[1], s->sampled);
    for (int i = 0; i < 2; i++) QD_TRY_OUT(st, qd_bits_create(&kept[i], s->in_bits - s->sampled, err));
    for (uint64_t i = 0, k = 0; i < s->in_bits; i++) {
        unsigned a = qd_bits_get(&s->key[0], i), b = qd_bits_get(&s->key[1], i);
        if (qd_bits_get(mask, i)) {
            qd_body_u64(&body[0], i);
            qd_body_u8(&body[0], (uint8_t)a);
            qd_body_u8(&body[1], (uint8_t)b);
            s->sample_errors += a != b;
        } else {
            qd_bits_set(&kept[0], k, a);
            qd_bits_set(&kept[1], k++, b);
        }
    }
    QD_TRY_OUT(st, record_message(s, QD_MSG_SAMPLE, QD_ALICE_TO_BOB, &body[0], err));
    QD_TRY_OUT(st, record_message(s, QD_MSG_SAMPLE_BITS, QD_BOB_TO_ALICE, &body[1], err));
    for (int i = 0; i < 2; i++) {
        qd_bits swap = s->key[i];
        s->key[i] = kept[i];
        kept[i] = swap;
    }
out:
    for (int i = 0; i < 2; i++) {
        qd_bits_destroy(&kept[i]);
        qd_body_free(&body[i]);
    }
    return st;
}

static qd_status estimate(session *s, qd_error *err) {
    if (s->o.has_qber) { /* as if known from very many bits */
        s->p.sample = (uint64_t)1 << 30;
        s->p.errors = (uint64_t)llround(s->o.qber * (double)s->p.sample);
        return QD_OK;
    }
    if (s->o.blind) return QD_OK;
    qd_bits mask = {0};
    qd_random r = random_of(s, QD_STREAM_SAMPLE);
    s->sampled = s->in_bits / SAMPLE_SHARE < SAMPLE_MOST ? s->in_bits / SAMPLE_SHARE : SAMPLE_MOST;
    if (s->sampled == 0) { /* fewer than 8 bits: too short for any frame, whatever the rate */
        s->p.sample = 1;
        return QD_OK;
    }
    QD_TRY(qd_bits_create(&mask, s->in_bits, err));
    draw_positions(&r, s->in_bits, s->sampled, &mask);
    qd_status st = disclose(s, &mask, err);
    qd_bits_destroy(&mask);
    s->p.sample = s->sampled;
    s->p.errors = s->sample_errors;
    return st;
}

/* Carry messages between the machines until both are done. */
static qd_status pump(session *s, qd_error *err) {
    qd_outbox to_bob = {0}, to_alice = {0};
    bool alice_done = false, bob_done = false;
    qd_msg m;
    qd_status st = qd_reconcile_alice_step(s->alice, NULL, &to_bob, &alice_done, err);
    while (st == QD_OK && (!alice_done || !bob_done)) {
        bool from_alice = qd_outbox_take(&to_bob, &m);
        if (!from_alice && !qd_outbox_take(&to_alice, &m)) {
            st = qd_fail(err, QD_E_INTERNAL,
                         "the two machines wait for each other||a defect of qdistill|report it with this message and what "
                         "qdistill --version prints");
            break;
        }
        st = qd_stop_check(err);
        if (st == QD_OK) st = qd_transcript_add(s->transcript, &m, err);
        if (st == QD_OK)
            st = from_alice ? qd_reconcile_bob_step(s->bob, &m, &to_alice, &bob_done, err)
                            : qd_reconcile_alice_step(s->alice, &m, &to_bob, &alice_done, err);
        free(m.body);
    }
    qd_outbox_destroy(&to_bob);
    qd_outbox_destroy(&to_alice);
    return st;
}

static qd_status reconcile(session *s, qd_error *err) {
    s->p.leak = s->o.has_leak ? s->o.leak : 0;
    s->p.eps_cor = s->o.eps_cor;
    s->p.rounds = (uint32_t)s->o.rounds;
    QD_TRY(qd_reconcile_alice_create(&s->p, &s->key[0], random_of(s, QD_STREAM_PRIVATE), random_of(s, QD_STREAM_VERIFY), s->dev,
                                     &s->alice, err));
    QD_TRY(qd_reconcile_bob_create(&s->p, &s->key[1], s->dev, &s->bob, err));
    double began = qd_now();
    QD_TRY(pump(s, err));
    s->seconds = qd_now() - began;
    return QD_OK;
}

static json_t *record_of(const session *s) {
    const qd_reconcile_result *r = qd_reconcile_bob_result(s->bob);
    qd_reconcile_figures f = qd_reconcile_figures_of(r);
    qd_ledger l = {0};
    (void)qd_reconcile_charge(r, 0, &l, NULL); /* cannot overflow: the string is in memory */
    const uint64_t *alice = l.bits[0][QD_ALICE_TO_BOB], *bob = l.bits[0][QD_BOB_TO_ALICE];
    json_t *j = qd_cli_record(&s->cli, s->dev);
    json_object_set_new(j, "rehearsal", json_boolean(s->cli.has_seed));
    json_object_set_new(j, "in_bits", qd_json_from_u64(s->in_bits));
    if (s->epochs) json_object_set(j, "epochs", s->epochs);
    if (s->o.files.basis) json_object_set_new(j, "basis", json_string(s->o.files.basis));
    json_object_set_new(
        j, "sample", json_pack("{s:o,s:o}", "bits", qd_json_from_u64(s->sampled), "errors", qd_json_from_u64(s->sample_errors)));
    json_object_set_new(j, "n", qd_json_from_u64(r->n));
    json_object_set_new(j, "errors", qd_json_from_u64(r->errors));
    json_object_set_new(j, "charged", qd_json_from_u64(qd_ledger_charged(&l, 0, 0)));
    json_object_set_new(j, "dropped", qd_json_from_u64(r->dropped));
    json_object_set_new(j, "qber", qd_json_from_real(f.qber));
    json_object_set_new(j, "eps_cor", json_real(s->p.eps_cor));
    json_object_set_new(j, "frames", qd_json_from_u64(r->frames));
    json_object_set_new(j, "frames_failed", qd_json_from_u64(r->frames_failed));
    json_object_set_new(j, "frames_located", qd_json_from_u64(r->located));
    json_object_set_new(
        j, "leak_bits",
        json_pack("{s:o,s:o}", "alice",
                  qd_json_from_u64(alice[QD_LEAK_SYNDROME] - alice[QD_LEAK_PRIVATE] + alice[QD_LEAK_FAILED]), "bob",
                  qd_json_from_u64(bob[QD_LEAK_SYNDROME] + bob[QD_LEAK_ANSWER] + bob[QD_LEAK_ERROR_COUNT])));
    json_object_set_new(j, "verify_bits", qd_json_from_u64(alice[QD_LEAK_TAG]));
    json_object_set_new(j, "efficiency", qd_json_from_real(f.efficiency));
    json_object_set_new(j, "efficiency_charged", qd_json_from_real(f.efficiency_charged));
    json_object_set_new(j, "net_yield", qd_json_from_real(f.net_yield));
    json_object_set_new(j, "rounds", json_integer(r->rounds));
    json_object_set_new(j, "added_rounds", json_integer(r->added_rounds));
    json_object_set_new(j, "added_bits", qd_json_from_u64(r->added_bits));
    json_object_set_new(j, "message_bytes",
                        json_pack("{s:o,s:o}", "alice", qd_json_from_u64(r->bytes[QD_ALICE_TO_BOB]), "bob",
                                  qd_json_from_u64(r->bytes[QD_BOB_TO_ALICE])));
    json_object_set_new(j, "iterations_mean", qd_json_from_real(f.iterations_mean));
    json_object_set_new(j, "mbit_per_s", json_real(s->seconds > 0 ? (double)r->n / s->seconds / 1e6 : 0));
    json_object_set_new(
        j, "code",
        json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i}", "name", qd_code_name(r->code), "z", (int)r->z, "m", (int)r->m, "frame_bits",
                  (int)r->frame_bits, "frame_leak", (int)r->frame_leak, "llr", (int)r->c, "constant", (int)r->a));
    if (r->reject) json_object_set_new(j, "abort_reason", json_string(qd_reject_text(r->reject)));
    return j;
}

static qd_status write_key(const session *s, const char *name, const qd_bits *key, qd_error *err) {
    char *path = qd_path_join(s->o.out, name);
    qd_status st =
        path ? qd_bits_write_file(key, path, s->order, 0600, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    free(path);
    return st;
}

/* Everything of the directory; the strings only when they are verified. */
static qd_status write_results(session *s, json_t *record, qd_error *err) {
    const qd_reconcile_result *a = qd_reconcile_alice_result(s->alice), *b = qd_reconcile_bob_result(s->bob);
    if (b->reject == QD_REJECT_NONE) {
        QD_TRY(write_key(s, "alice.bits", a->key, err));
        QD_TRY(write_key(s, "bob.bits", b->key, err));
    }
    char *path = qd_path_join(s->o.out, "record.json");
    qd_status st = path ? qd_json_write(record, path, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    free(path);
    QD_TRY(st);
    qd_transcript *t = s->transcript;
    s->transcript = NULL;
    return qd_transcript_close(t, err);
}

static const char *const names[] = {"alice.bits", "alice.bits.json", "bob.bits", "bob.bits.json", "record.json", "transcript.qm"};

/* After an error: nothing half-written stays. */
static void remove_results(const session *s) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = qd_path_join(s->o.out, names[i]);
        if (path) (void)unlink(path);
        free(path);
    }
    (void)rmdir(s->o.out);
}

static qd_status open_results(session *s, qd_error *err) {
    QD_TRY(qd_dir_create(s->o.out, false, err));
    char *path = qd_path_join(s->o.out, "transcript.qm");
    qd_status st =
        path ? qd_transcript_open(path, false, 0, &s->transcript, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    free(path);
    if (st != QD_OK) remove_results(s);
    return st;
}

/* A figure, or "none" where it has no value (an efficiency at zero errors). */
static const char *figure(double v, char text[16]) {
    if (isfinite(v))
        snprintf(text, 16, "%.4f", v);
    else
        snprintf(text, 16, "none");
    return text;
}

static void say(const session *s) {
    char efficiency[16], charged[16];
    const qd_reconcile_result *r = qd_reconcile_bob_result(s->bob);
    qd_reconcile_figures f = qd_reconcile_figures_of(r);
    FILE *to = qd_cli_text(&s->cli);
    if (!to) return;
    if (r->code == QD_CODE_CASCADE)
        fprintf(to,
                "%llu bits in %llu frames of %u (cascade, %llu parities of each side in %u turns of Bob), %llu dropped, %llu "
                "disclosed as a sample\n",
                (unsigned long long)r->n, (unsigned long long)r->frames, r->frame_bits, (unsigned long long)r->bob_bits,
                r->rounds, (unsigned long long)r->dropped, (unsigned long long)s->sampled);
    else
        fprintf(to,
                "%llu bits in %llu frames of %u (%s, Z = %u, %u syndrome bits, leak %.4f), %llu dropped, %llu disclosed as a "
                "sample\n",
                (unsigned long long)r->n, (unsigned long long)r->frames, r->frame_bits, qd_code_name(r->code), r->z, r->m,
                (double)r->frame_leak / r->frame_bits, (unsigned long long)r->dropped, (unsigned long long)s->sampled);
    fprintf(to,
            "errors %llu (QBER %.4f %%), frames failed %llu, rows added in %u rounds, efficiency %s, with all charges %s, net "
            "yield %.4f, %.1f "
            "iterations a frame, %.1f Mbit/s\n",
            (unsigned long long)r->errors, 100 * f.qber, (unsigned long long)r->frames_failed, r->added_rounds,
            figure(f.efficiency, efficiency), figure(f.efficiency_charged, charged), f.net_yield, f.iterations_mean,
            (double)r->n / s->seconds / 1e6);
}

static void release(session *s) {
    qd_reconcile_alice_destroy(s->alice);
    qd_reconcile_bob_destroy(s->bob);
    (void)qd_transcript_close(s->transcript, NULL);
    for (int i = 0; i < 2; i++) qd_bits_destroy(&s->key[i]);
    json_decref(s->record);
    json_decref(s->epochs);
    qd_device_close(s->dev);
}

/* Strings of which no bound leaves a key. */
static void say_hopeless(const session *s) {
    const qd_reconcile_result *r = qd_reconcile_bob_result(s->bob);
    if (r->reject || qd_reconcile_figures_of(r).net_yield > 0 || !qd_cli_text(&s->cli)) return;
    fprintf(qd_cli_text(&s->cli), "more is charged than the string has bits: no key is left%s\n",
            r->code == QD_CODE_CASCADE ? " (Cascade is charged for both sides; --code auto is not)" : "");
}

/* What most likely helps. */
static const char *next_step(const session *s, uint32_t reject) {
    const double rate = s->sampled ? (double)s->sample_errors / (double)s->sampled : 0;
    if (reject == QD_REJECT_QBER && rate > 0.75) return "most bits differ: invert one of the strings";
    if (reject == QD_REJECT_QBER && rate > 0.25)
        return "strings of one recording hardly differ so much: see that they belong together, begin at the same event and have one --bit-order";
    if (reject == QD_REJECT_SHORT && s->p.code == QD_CODE_CASCADE) return "a longer string: Cascade's frames have 256 bits, besides the sample";
    if (reject == QD_REJECT_SHORT) return s->o.has_leak ? "a longer string, a larger --leak or --code auto" : "a longer string, or --code auto";
    if (reject != QD_REJECT_NO_FRAME) return "a longer string, or a link with fewer errors";
    if (s->o.has_qber || s->o.has_leak) return "leave --qber and --leak out, so that the rate is estimated";
    return "more --rounds, or --code qd-bg1, whose frames are short and fail one by one";
}

/* No key; QD_OK: there is one. */
static qd_status refusal(const session *s, qd_error *err) {
    uint32_t reject = qd_reconcile_bob_result(s->bob)->reject;
    if (!reject) return QD_OK;
    char rate[96];
    if (s->o.has_qber)
        snprintf(rate, sizeof rate, "the error rate was given: --qber %g", s->o.qber);
    else if (s->o.blind)
        snprintf(rate, sizeof rate, "the error rate was not known before");
    else
        snprintf(rate, sizeof rate, "estimated error rate %.4f (%llu errors in %llu bits)",
                 s->sampled ? (double)s->sample_errors / (double)s->sampled : 0, (unsigned long long)s->sample_errors,
                 (unsigned long long)s->sampled);
    return qd_fail(err, QD_E_POLICY, "no key|%s|%s|%s; %s holds the record", qd_reject_text(reject), rate, next_step(s, reject), s->o.out);
}

static qd_status work(session *s, qd_error *err) {
    QD_TRY(read_keys(s, err));
    QD_TRY(qd_cli_device(&s->cli, &s->dev, err));
    QD_TRY(open_results(s, err));
    qd_status st = estimate(s, err);
    if (st == QD_OK) st = reconcile(s, err);
    if (st == QD_OK) {
        qd_error no_key = {0};
        s->record = record_of(s);
        if (refusal(s, &no_key) != QD_OK) qd_cli_set_error(&s->cli, s->record, &no_key);
        st = write_results(s, s->record, err);
    }
    if (st != QD_OK) remove_results(s);
    return st;
}

int qd_cmd_reconcile(int argc, char **argv) {
    session s = {0};
    qd_error err = {0};
    int code;
    qd_status st = parse(&s, argc, argv, &err);
    if (st == QD_OK && s.cli.help) return 0;
    (void)qd_stop_watch();
    if (st == QD_OK) st = work(&s, &err);
    if (st != QD_OK) {
        code = qd_cli_fail(&s.cli, &err);
    } else if (refusal(&s, &err) != QD_OK) {
        code = qd_cli_refuse(&s.cli, json_incref(s.record), &err);
    } else {
        say(&s), say_hopeless(&s);
        code = qd_cli_done(&s.cli, json_incref(s.record));
    }
    release(&s);
    return code;
}
