/* SPDX-License-Identifier: Apache-2.0 */
/* Device against reference, byte for byte, over the registry's cases. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "problems.h"
#include "verbs.h"

enum { ARGS_MAX = 256 };

typedef struct options {
    double budget;
    bool has_budget, full, tiny;
} options;

/* The outcome of the loop. */
typedef struct tally {
    json_t *results;
    size_t passed, failed, left_out;
    qd_error worst;  /* of the cases that could not be run; status QD_OK: none */
    bool differs;
    char problem[1024], id[16]; /* of the first case that differs */
} tally;

static const char *id_of(const qd_device *dev) {
    return dev ? qd_device_about(dev)->id : "ref";
}

static void tell_difference(const char *problem, const char *id, const qd_compare *c) {
    if (c->first_difference == c->compared_bytes)
        fprintf(stderr, "FAIL %s on %s: a byte outside the output was overwritten\n", problem, id);
    else
        fprintf(stderr, "FAIL %s on %s: byte %" PRIu64 " of %" PRIu64 " is 0x%02x, expected 0x%02x\n", problem, id,
                c->first_difference, c->compared_bytes, c->got, c->expected);
    fprintf(stderr, "  Reproduce: qdistill validate --device %s '%s'\n", id, problem);
}

/* One problem on one device. */
static void one(const qd_cli *cli, FILE *text, const qd_problem *p, qd_device *dev, tally *t) {
    char problem[1024];
    qd_problem_print(p, problem, sizeof problem);
    qd_compare c = {0};
    qd_error e = {0};
    qd_status st = qd_validate_problem(p, dev, &c, &e);
    bool ok = st == QD_OK && c.ok;
    json_t *r = json_pack("{s:s,s:s,s:b}", "problem", problem, "device", id_of(dev), "ok", ok);
    json_object_set_new(r, "compared_bytes", qd_json_from_u64(c.compared_bytes));
    json_object_set_new(r, "first_difference", st == QD_OK && !c.ok ? qd_json_from_u64(c.first_difference) : json_null());
    if (st == QD_OK && !c.ok && c.first_difference < c.compared_bytes) {
        json_object_set_new(r, "expected", json_integer(c.expected));
        json_object_set_new(r, "got", json_integer(c.got));
    }
    if (st != QD_OK)
        json_object_set_new(r, "error", json_pack("{s:s,s:s,s:s,s:s}", "what", e.what, "cause", e.cause, "likely", e.likely, "next", e.next));
    json_object_set_new(r, "device_seconds", json_real(c.device_seconds));
    json_object_set_new(r, "reference_seconds", json_real(c.reference_seconds));
    json_array_append_new(t->results, r);
    if (ok) {
        t->passed++;
        if (cli->verbose && text)
            fprintf(text, "ok   %s on %s: %" PRIu64 " bytes, device %.4f s, reference %.4f s\n", problem, id_of(dev),
                    c.compared_bytes, c.device_seconds, c.reference_seconds);
        return;
    }
    t->failed++;
    if (st == QD_OK) {
        if (!t->differs) {
            snprintf(t->problem, sizeof t->problem, "%s", problem);
            snprintf(t->id, sizeof t->id, "%s", id_of(dev));
        }
        t->differs = true;
        tell_difference(problem, id_of(dev), &c);
    } else {
        if (qd_cli_badness(qd_exit_status(st)) > qd_cli_badness(qd_exit_status(t->worst.status)))
            (void)qd_fail(&t->worst, st, "%s on %s: %s|%s|%s|%s", problem, id_of(dev), e.what, e.cause, e.likely, e.next);
        fprintf(stderr, "FAIL %s on %s: %s (%s)\n  %s\n", problem, id_of(dev), e.what, e.cause, e.likely);
    }
}

static void loop(const qd_cli *cli, FILE *text, const options *o, const qd_problems *ps, const qd_devices *ds,
                 qd_progress *progress, tally *t) {
    double began = qd_now();
    qd_progress_begin(progress, "validate", (double)(ps->n * ds->n), "cases");
    for (size_t i = 0; i < ps->n; i++)
        for (size_t d = 0; d < ds->n; d++) {
            if (o->has_budget && qd_now() - began >= o->budget) {
                t->left_out++;
                continue;
            }
            one(cli, text, &ps->p[i], ds->dev[d], t);
            qd_progress_at(progress, ps->p[i].op->name, (double)(i * ds->n + d + 1));
        }
    qd_progress_end(progress);
}

static int finish(const qd_cli *cli, FILE *text, const qd_devices *ds, const tally *t) {
    if (text) {
        fprintf(text, "%zu passed, %zu failed", t->passed, t->failed);
        if (t->left_out) fprintf(text, ", %zu left out (the budget was spent)", t->left_out);
        fprintf(text, "; device%s", ds->n == 1 ? "" : "s");
        for (size_t d = 0; d < ds->n; d++) fprintf(text, " %s", id_of(ds->dev[d]));
        fputc('\n', text);
    }
    json_t *r = qd_cli_record(cli, ds->dev[0]);
    json_object_set(r, "results", t->results);
    json_object_set_new(r, "passed", json_integer((json_int_t)t->passed));
    json_object_set_new(r, "failed", json_integer((json_int_t)t->failed));
    json_object_set_new(r, "left_out", json_integer((json_int_t)t->left_out));
    if (!t->failed) return qd_cli_done(cli, r);
    qd_error err = t->worst;
    if (t->differs && qd_cli_badness(qd_exit_status(QD_E_DIFFER)) > qd_cli_badness(qd_exit_status(err.status)))
        (void)qd_fail(&err, QD_E_DIFFER, "%zu of %zu cases failed, the first that differs on %s||the device, its driver or a kernel computes wrongly|reproduce it: qdistill validate --device %s '%s'",
                      t->failed, t->failed + t->passed, t->id, t->id, t->problem);
    return qd_cli_refuse(cli, r, &err);
}

int qd_cmd_validate(int argc, char **argv) {
    qd_cli cli = {0};
    options o = {0};
    const char *pos[ARGS_MAX];
    size_t n_pos = 0;
    qd_error err = {0};
    const qd_opt opts[] = {{"budget", QD_OPT_REAL, &o.budget, 0, 1e9, "S", "start no new case after S seconds", &o.has_budget},
                           {"full", QD_OPT_FLAG, &o.full, 0, 0, NULL, "the large cases too", NULL},
                           {"tiny", QD_OPT_FLAG, &o.tiny, 0, 0, NULL, "only cases small enough for a simulator of devices", NULL},
                           {0}};
    if (qd_cli_parse(&cli, opts, argc, argv, pos, 0, ARGS_MAX, &n_pos, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    FILE *text = qd_cli_text(&cli);
    qd_problems ps = {0};
    qd_devices ds = {0};
    qd_progress *progress = NULL;
    tally t = {.results = json_array()};
    qd_status st;
    if (o.full && o.tiny)
        QD_TRY_OUT(st, qd_fail(&err, QD_E_USAGE, "--full and --tiny exclude each other|||see qdistill validate --help"));
    QD_TRY_OUT(st, qd_problems_collect(o.tiny ? QD_CASES_TINY : o.full ? QD_CASES_FULL : QD_CASES_QUICK, pos, n_pos, &ps, &err));
    if (ps.n == 0) QD_TRY_OUT(st, qd_fail(&err, QD_E_INTERNAL, "there is nothing to validate: the registry is empty"));
    QD_TRY_OUT(st, qd_cli_progress(&cli, &progress, &err));
    QD_TRY_OUT(st, qd_devices_open(&cli, &ds, &err));
    loop(&cli, text, &o, &ps, &ds, progress, &t);
out:;
    int status = st == QD_OK ? finish(&cli, text, &ds, &t) : qd_cli_fail(&cli, &err);
    json_decref(t.results);
    qd_progress_destroy(progress);
    qd_devices_close(&ds);
    qd_problems_free(&ps);
    return status;
}
