/* SPDX-License-Identifier: Apache-2.0 */
/* study: statistics of an operation over a grid of points, run after run; the runs are kept, so that a long study can be stopped.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/journal.h"
#include "stop.h"
#include "study.h"
#include "verbs.h"

static const qd_study_what *const whats[] = {&qd_study_sync, &qd_study_reconcile};
enum { WHATS = sizeof whats / sizeof *whats, SHARED = 1 };
enum { RUNS_MAX = 100000 }; /* of all points: a journal of so many can be read again */

/* ---- Lists and intervals ------------------------------------------------------------------------------------------------ */

qd_status qd_list_parse(const char *option, const char *text, double min, double max, qd_list *out, qd_error *err) {
    *out = (qd_list){0};
    for (const char *at = text;;) {
        char *end = NULL;
        errno = 0;
        double v = strtod(at, &end);
        int len = (int)strcspn(at, ",");
        if (end == at || (*end != ',' && *end))
            return qd_fail(err, QD_E_USAGE,
                           "--%s: '%.*s' is not a number||values are separated by commas: 0.01,0.003|see qdistill study --help",
                           option, len, at);
        if (!(v >= min && v <= max))
            return qd_fail(err, QD_E_USAGE, "--%s: '%.*s' is out of range: %.9g to %.9g|||see qdistill study --help", option, len,
                           at, min, max);
        if (out->n == QD_STUDY_LIST)
            return qd_fail(err, QD_E_USAGE, "--%s: more than %d values|||study some of them at a time", option, QD_STUDY_LIST);
        for (size_t i = 0; i < out->n; i++)
            if (out->v[i] == v)
                return qd_fail(err, QD_E_USAGE, "--%s: '%.*s' stands there twice|||name each value once", option, len, at);
        out->v[out->n++] = v;
        if (!*end) return QD_OK;
        at = end + 1;
    }
}

json_t *qd_list_json(const qd_list *l) {
    json_t *j = json_array();
    for (size_t i = 0; i < l->n; i++) json_array_append_new(j, json_real(l->v[i]));
    return j;
}

json_t *qd_interval_json(qd_interval x) {
    return json_pack("{s:o,s:o,s:o}", "value", qd_json_from_real(x.value), "low", qd_json_from_real(x.low), "high",
                     qd_json_from_real(x.high));
}

/* ---- The command line ---------------------------------------------------------------------------------------------------- */

/* All options of all WHATs, with what was given of them. */
typedef struct table {
    const char *state;
    void *args[WHATS];
    qd_opt opts[SHARED + WHATS * QD_STUDY_OPTIONS + 1];
    bool given[SHARED + WHATS * QD_STUDY_OPTIONS];
    size_t first[WHATS + 1]; /* of a WHAT's own options */
} table;

static qd_status table_make(table *t, qd_error *err) {
    *t = (table){0};
    t->opts[0] = (qd_opt){
        "state", QD_OPT_TEXT, &t->state, 0, 0, "FILE", "keep each run there, and go on from there after an interruption", NULL};
    t->first[0] = SHARED;
    for (size_t i = 0; i < WHATS; i++) {
        t->args[i] = calloc(1, whats[i]->size);
        if (!t->args[i]) return qd_fail(err, QD_E_INTERNAL, "no memory");
        t->first[i + 1] = t->first[i] + whats[i]->options(t->args[i], t->opts + t->first[i]);
    }
    for (size_t i = 0; i < t->first[WHATS]; i++) t->opts[i].given = &t->given[i];
    return QD_OK;
}

static void table_free(table *t) {
    for (size_t i = 0; i < WHATS; i++) free(t->args[i]);
}

/* Whether one of the options [from, to) has this name. */
static bool has(const table *t, size_t from, size_t to, const char *name) {
    for (size_t i = from; i < to; i++)
        if (strcmp(t->opts[i].name, name) == 0) return true;
    return false;
}

static qd_status choose(const table *t, const char *name, size_t *what, qd_error *err) {
    for (*what = 0; *what < WHATS && strcmp(whats[*what]->name, name) != 0;) ++*what;
    if (*what == WHATS) {
        char list[160] = "";
        for (size_t i = 0; i < WHATS; i++) {
            size_t n = strlen(list);
            snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", whats[i]->name);
        }
        return qd_fail(err, QD_E_USAGE, "'%s' is nothing that can be studied||there is: %s|see qdistill study --help",
                       name, list);
    }
    for (size_t i = SHARED; i < t->first[WHATS]; i++)
        if (t->given[i] && !has(t, t->first[*what], t->first[*what + 1], t->opts[i].name))
            return qd_fail(err, QD_E_USAGE, "study %s: --%s belongs to another study|||see qdistill study --help", name,
                           t->opts[i].name);
    return QD_OK;
}

/* ---- The runs ------------------------------------------------------------------------------------------------------------ */

typedef struct work {
    const qd_cli *cli;
    const char *what;
    void *args;
    const qd_study *s;
    const char *state;
    qd_device *dev;
    qd_journal *journal;
    qd_progress *progress;
} work;

/* What a state must have been made with. The seconds of runs on another device, or of another version, are other ones. */
static json_t *head(const work *w) {
    const qd_device_info *d = w->dev ? qd_device_about(w->dev) : NULL;
    return json_pack("{s:i,s:s,s:s,s:s,s:O,s:o,s:o,s:s}", "schema", 1, "tool", "qdistill", "version", QD_VERSION, "study",
                     w->what, "parameters", w->s->parameters, "runs", qd_json_from_u64(w->s->runs), "seed",
                     qd_json_from_u64(w->cli->seed), "device", d ? d->name : "reference path");
}

/* The steps of a state are the runs, in order. */
static qd_status check_steps(const work *w, qd_error *err) {
    uint64_t n = qd_journal_steps(w->journal), point, run;
    for (uint64_t i = 0; i < n; i++) {
        const json_t *step = qd_journal_step(w->journal, i);
        char where[320];
        snprintf(where, sizeof where, "%.280s, line %" PRIu64, w->state, i + 2);
        QD_TRY(qd_json_u64(step, where, "point", RUNS_MAX, &point, err));
        QD_TRY(qd_json_u64(step, where, "run", RUNS_MAX, &run, err));
        if (point * w->s->runs + run != i || run >= w->s->runs || point >= w->s->points)
            return qd_fail(err, QD_E_INPUT,
                           "%s: run %" PRIu64 " of point %" PRIu64 " does not belong here||the file was edited|remove it", where,
                           run, point);
        if (!json_is_object(json_object_get(step, "result")))
            return qd_fail(err, QD_E_INPUT, "%s has no result||the file was edited|remove it", where);
    }
    return QD_OK;
}

static qd_status stopped(const work *w, uint64_t done, qd_error *err) {
    if (qd_stop_check(NULL) == QD_OK) return QD_OK;
    uint64_t all = w->s->points * w->s->runs;
    if (!done) return qd_fail(err, QD_STOPPED, "stopped on request before a run was done|a signal came||run it again");
    if (w->state)
        return qd_fail(err, QD_STOPPED,
                       "stopped on request after %" PRIu64 " of %" PRIu64
                       " runs|a signal came|%s holds them|the same command goes on",
                       done, all, w->state);
    return qd_fail(err, QD_STOPPED,
                   "stopped on request after %" PRIu64 " of %" PRIu64
                   " runs|a signal came|the table has them, nothing keeps them to go on from|run it again, with --state",
                   done, all);
}

static qd_status all_runs(work *w, qd_error *err) {
    uint64_t n = w->s->points * w->s->runs;
    json_t *h = head(w);
    qd_status st = h ? qd_journal_open(w->state, h, &w->journal, err) : qd_fail(err, QD_E_INTERNAL, "no memory");
    json_decref(h);
    QD_TRY(st);
    QD_TRY(check_steps(w, err));
    qd_progress_begin(w->progress, w->what, (double)n, "runs");
    for (uint64_t i = qd_journal_steps(w->journal); i < n; i++) {
        qd_progress_at(w->progress, w->what, (double)i);
        QD_TRY(stopped(w, i, err));
        json_t *result = NULL;
        uint64_t point = i / w->s->runs, run = i % w->s->runs;
        st = w->s->run(w->args, w->dev, w->cli->seed, point, run, &result, err);
        QD_TRY(st == QD_STOPPED ? stopped(w, i, err) : st);
        QD_TRY(qd_journal_add(
            w->journal,
            json_pack("{s:o,s:o,s:o}", "point", qd_json_from_u64(point), "run", qd_json_from_u64(run), "result", result), err));
    }
    qd_progress_at(w->progress, w->what, (double)n);
    return QD_OK;
}

/* The points that have a run, of a study that was stopped the last of them maybe not all; each says how many. */
static qd_status sum_up(const work *w, json_t **points, qd_error *err) {
    const json_t **result = malloc(w->s->runs * sizeof *result);
    *points = json_array();
    if (!result || !*points) {
        free(result);
        return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu64 " runs", w->s->runs);
    }
    uint64_t done = qd_journal_steps(w->journal);
    for (uint64_t p = 0; p * w->s->runs < done; p++) {
        uint64_t left = done - p * w->s->runs, n = left < w->s->runs ? left : w->s->runs;
        for (uint64_t k = 0; k < n; k++)
            result[k] = json_object_get(qd_journal_step(w->journal, p * w->s->runs + k), "result");
        json_t *point = w->s->sum(w->args, p, result, n);
        json_object_set_new(point, "runs", qd_json_from_u64(n));
        json_array_append_new(*points, point);
    }
    free(result);
    return QD_OK;
}

/* @p done: one at least. */
static void print_head(const work *w, uint64_t done, FILE *to) {
    uint64_t points = w->s->points, runs = w->s->runs, begun = (done + runs - 1) / runs, last = done - (begun - 1) * runs;
    if (done == points * runs) {
        fprintf(to, "study %s: %" PRIu64 " point%s, %" PRIu64 " runs each", w->what, points, points == 1 ? "" : "s", runs);
    } else {
        fprintf(to, "study %s, stopped after %" PRIu64 " of %" PRIu64 " runs: %" PRIu64 " of %" PRIu64 " point%s", w->what, done,
                points * runs, begun, points, points == 1 ? "" : "s");
        if (begun > 1) fprintf(to, ", %" PRIu64 " runs each", runs);
        if (last < runs) fprintf(to, ", %s%" PRIu64 " of %" PRIu64 " runs", begun > 1 ? "the last " : "", last, runs);
    }
    fprintf(to, ", seed %" PRIu64 "; intervals are of 95 %%\n", w->cli->seed);
}

/* @p why NULL: all runs are done. Of a study that was stopped, the table of what is done comes before the error. */
static int finish(work *w, json_t *points, const qd_error *why) {
    FILE *text = qd_cli_text(w->cli);
    uint64_t done = qd_journal_steps(w->journal);
    if (text && done) {
        print_head(w, done, text);
        w->s->print(w->args, points, text);
    }
    json_t *r = qd_cli_record(w->cli, w->dev);
    json_object_set_new(r, "rehearsal", json_true());
    json_object_set_new(r, "study", json_string(w->what));
    json_object_set_new(r, "seed", qd_json_from_u64(w->cli->seed));
    json_object_set_new(r, "runs", qd_json_from_u64(w->s->runs));
    json_object_set_new(r, "runs_done", qd_json_from_u64(done));
    json_object_set(r, "parameters", w->s->parameters);
    json_object_set(r, "points", points);
    if (!why) return qd_cli_done(w->cli, r);
    (void)fflush(stdout); /* a table that cannot be printed is told of by the record's writer */
    return qd_cli_refuse(w->cli, r, why);
}

static int study(qd_cli *cli, table *t, const char *name) {
    qd_error err = {0};
    qd_study s = {0};
    work w = {.cli = cli, .what = name, .s = &s, .state = t->state};
    json_t *points = NULL;
    size_t what;
    qd_status st;
    QD_TRY_OUT(st, choose(t, name, &what, &err));
    w.args = t->args[what];
    QD_TRY_OUT(st, whats[what]->start(w.args, &s, &err));
    if (s.points > RUNS_MAX / s.runs)
        QD_TRY_OUT(st, qd_fail(&err, QD_E_USAGE, "%" PRIu64 " points with %" PRIu64 " runs are too many||a study has %d runs at most, each of some frames|study a part at a time",
                               s.points, s.runs, RUNS_MAX));
    QD_TRY_OUT(st, qd_cli_progress(cli, &w.progress, &err));
    QD_TRY_OUT(st, qd_cli_device(cli, &w.dev, &err));
    st = all_runs(&w, &err);
    if (st == QD_OK || st == QD_STOPPED) {
        qd_status summed = sum_up(&w, &points, &err);
        if (summed != QD_OK) st = summed;
    }
out:
    qd_progress_end(w.progress);
    qd_progress_destroy(w.progress);
    bool any = st == QD_OK || (st == QD_STOPPED && points);
    int status = any ? finish(&w, points, st == QD_OK ? NULL : &err) : qd_cli_fail(cli, &err);
    json_decref(points);
    json_decref(s.parameters);
    qd_journal_close(w.journal);
    qd_device_close(w.dev);
    return status;
}

int qd_cmd_study(int argc, char **argv) {
    qd_cli cli = {.seed = 1};
    qd_error err = {0};
    table t;
    const char *what = NULL;
    qd_status st = table_make(&t, &err);
    if (st == QD_OK) st = qd_cli_parse(&cli, t.opts, argc, argv, &what, 1, 1, NULL, &err);
    int status = 0;
    if (st != QD_OK) {
        cli.verb = argv[0];
        status = qd_cli_fail(&cli, &err);
    } else if (!cli.help) {
        (void)qd_stop_watch();
        status = study(&cli, &t, what);
    }
    table_free(&t);
    return status;
}
