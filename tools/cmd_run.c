/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cli.h"
#include "qdistill/pipeline.h"
#include "verbs.h"

/* A signal handler can reach nothing but static storage. */
static volatile sig_atomic_t stop_requested;

static void on_signal(int sig) {
    (void)sig;
    stop_requested = 1;
}

static void watch_signals(void) {
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND}; /* a second Ctrl-C ends at once */
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

/* How bad an exit status is for a batch: 1, 4, 7, 3, 5, 75, 6, 0; a usage error is as bad as bad input. */
static int badness(int status) {
    static const int order[] = {0, 6, 75, 5, 2, 3, 7, 4, 1};
    for (int i = 0; i < (int)(sizeof order / sizeof order[0]); i++)
        if (order[i] == status) return i;
    return 100;
}

typedef struct outcome {
    const char *path;
    char name[128], dir[512], note[256];
    int exit_status;
    json_t *record;
} outcome;

static void note_error(outcome *o, const qd_error *err, const qd_cli *cli) {
    o->exit_status = qd_exit_status(err->status);
    snprintf(o->note, sizeof o->note, "%.255s", err->what);
    qd_cli quiet = *cli;
    quiet.json = NULL; /* the batch writes one record at its end */
    qd_cli_fail(&quiet, err);
    if (o->record) return;
    o->record = qd_cli_record(cli, err->status == QD_E_POLICY ? "aborted" : "failed", NULL);
    json_object_set_new(o->record, "error", json_pack("{s:s,s:s,s:s,s:s}", "what", err->what, "cause", err->cause, "likely", err->likely, "next", err->next));
    json_object_set_new(o->record, "exit_status", json_integer(o->exit_status));
}

static qd_status choose_dir(const char *out, const char *resume, const qd_job *job, char *dir, size_t cap, qd_error *err) {
    int n;
    if (resume) n = snprintf(dir, cap, "%s", resume);
    else if (out) n = snprintf(dir, cap, "%s/%s", out, job->name);
    else {
        struct stat st;
        unsigned i = 1;
        do n = snprintf(dir, cap, "runs/%s-%u", job->name, i++);
        while (stat(dir, &st) == 0 && i < 100000);
    }
    return n > 0 && (size_t)n < cap ? QD_OK : qd_fail(err, QD_E_INPUT, "the name of the run directory is too long|||choose a shorter --out");
}

static const char *status_word(qd_status st) { return st == QD_OK ? "ok" : st == QD_E_POLICY ? "aborted" : "failed"; }

/* Final record of a run: what every record has, then the summary. */
static json_t *final_record(const qd_cli *cli, qd_status st, const qd_device *dev, const char *fallback, json_t *summary) {
    json_t *r = qd_cli_record(cli, status_word(st), dev);
    if (*fallback) json_object_set_new(json_object_get(r, "device"), "fallback", json_string(fallback));
    json_object_update(r, summary);
    json_object_set_new(r, "exit_status", json_integer(qd_exit_status(st)));
    return r;
}

typedef struct batch {
    const qd_cli *cli;
    const char *out, *resume;
    bool has_seed; /* resume: the seed that the run was started with */
    uint64_t seed;
    qd_device *dev;
    char fallback[1024];
    qd_progress *progress;
} batch;

static qd_status write_summary(const char *dir, const json_t *record, qd_error *err) {
    char *path = qd_path_join(dir, "summary.json");
    qd_status st = path ? qd_json_write(record, path, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a file name");
    free(path);
    return st;
}

static qd_status run_job(const batch *b, qd_job *job, outcome *o, qd_error *err) {
    if (b->cli->has_seed) {
        if (!job->rehearsal)
            return qd_fail(err, QD_E_USAGE, "job %s: --seed with recordings||a real key never comes from a seed|leave --seed out", job->path);
        job->seed = b->cli->seed;
    } else if (b->has_seed && job->rehearsal) {
        job->seed = b->seed;
    }
    QD_TRY(choose_dir(b->out, b->resume, job, o->dir, sizeof o->dir, err));
    qd_run_options opt = {.dir = o->dir, .resume = b->resume != NULL, .dev = b->dev, .fallback = b->fallback, .progress = b->progress, .stop = &stop_requested};
    json_t *summary = NULL;
    bool text = !b->cli->quiet && qd_progress_kind(b->progress) != QD_PROGRESS_JSON && !(b->cli->json && strcmp(b->cli->json, "-") == 0);
    qd_status st = qd_job_run(job, &opt, &summary, text ? stdout : NULL, err);
    if (summary) {
        o->record = final_record(b->cli, st, b->dev, b->fallback, summary);
        json_decref(summary);
        qd_status wrote = write_summary(o->dir, o->record, err);
        if (wrote != QD_OK) st = wrote;
    }
    if (st == QD_OK && text) printf("\n  written to %s\n", o->dir);
    if (st == QD_STOPPED)
        (void)qd_fail(err, QD_STOPPED, "stopped on request; what was finished stands in %s|||qdistill run --resume %s", o->dir, o->dir);
    return st;
}

static void one_job(const batch *b, const char *path, outcome *o) {
    qd_error err = {0};
    qd_job job;
    o->path = path;
    qd_status st = qd_job_load(path, &job, &err);
    if (st == QD_OK) {
        snprintf(o->name, sizeof o->name, "%s", job.name);
        st = run_job(b, &job, o, &err);
        qd_job_free(&job);
    }
    if (st != QD_OK) note_error(o, &err, b->cli);
}

static const char *percent(const json_t *rate, char out[16]) {
    if (json_is_number(rate)) snprintf(out, 16, "%.3f%%", 100 * json_number_value(rate));
    else snprintf(out, 16, "-");
    return out;
}

static void print_table(const outcome *o, size_t n) {
    printf("\n%-24s %-8s %14s %9s %9s %10s  %s\n", "job", "status", "secret bits", "QBER z", "QBER x", "seconds", "directory or reason");
    for (size_t i = 0; i < n; i++) {
        const json_t *r = o[i].record, *q = json_object_get(r, "qber");
        char z[16], x[16];
        printf("%-24s %-8s %14.0f %9s %9s %10.2f  %s\n", *o[i].name ? o[i].name : o[i].path, json_string_value(json_object_get(r, "status")),
               json_number_value(json_object_get(r, "final_bits")), percent(json_object_get(q, "z"), z), percent(json_object_get(q, "x"), x),
               json_number_value(json_object_get(r, "seconds")), o[i].exit_status ? o[i].note : o[i].dir);
    }
}

/* The job and the seed of a run that is resumed stand in its manifest. */
static qd_status job_of_run(batch *b, char **path, qd_error *err) {
    char *manifest = qd_path_join(b->resume, "manifest.json");
    json_t *j = NULL;
    qd_status st = manifest ? qd_json_read(manifest, &j, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a file name");
    const char *job = json_string_value(json_object_get(j, "job"));
    const json_t *seed = json_object_get(json_object_get(j, "options"), "seed");
    b->has_seed = json_is_integer(seed);
    b->seed = (uint64_t)json_integer_value(seed);
    if (st == QD_OK && !job) st = qd_fail(err, QD_E_INPUT, "%s does not name a job|||give the job: qdistill run JOB --resume %s", manifest, b->resume);
    if (st == QD_OK) *path = strdup(job);
    json_decref(j);
    free(manifest);
    return st;
}

static int finish_batch(const batch *b, outcome *o, size_t n) {
    int worst = 0;
    const char *word = "ok";
    for (size_t i = 0; i < n; i++)
        if (badness(o[i].exit_status) > badness(worst)) {
            worst = o[i].exit_status;
            word = json_string_value(json_object_get(o[i].record, "status"));
        }
    json_t *record;
    if (n == 1) record = json_incref(o[0].record);
    else {
        record = qd_cli_record(b->cli, word, b->dev);
        json_t *jobs = json_array();
        for (size_t i = 0; i < n; i++) json_array_append(jobs, o[i].record);
        json_object_set_new(record, "jobs", jobs);
        json_object_set_new(record, "exit_status", json_integer(worst));
        if (!b->cli->quiet && qd_progress_kind(b->progress) != QD_PROGRESS_JSON && !(b->cli->json && strcmp(b->cli->json, "-") == 0)) print_table(o, n);
    }
    if (qd_progress_kind(b->progress) == QD_PROGRESS_JSON) {
        char *line = json_dumps(record, JSON_COMPACT);
        if (line) printf("%s\n", line);
        free(line);
    }
    return qd_cli_done(b->cli, record, worst);
}

static int run_batch(batch *b, const char **jobs, size_t n) {
    outcome *o = calloc(n, sizeof *o);
    if (!o) return 1;
    size_t done = 0;
    for (; done < n && !stop_requested; done++) {
        if (n > 1 && !b->cli->quiet) fprintf(stderr, "job %zu of %zu: %s\n", done + 1, n, jobs[done]);
        one_job(b, jobs[done], &o[done]);
    }
    for (size_t i = done; i < n; i++) { /* jobs that a stop kept from starting */
        qd_error err = {0};
        (void)qd_fail(&err, QD_STOPPED, "not started: the batch was stopped|||run it again");
        o[i].path = jobs[i];
        note_error(&o[i], &err, b->cli);
    }
    int status = finish_batch(b, o, n);
    for (size_t i = 0; i < n; i++) json_decref(o[i].record);
    free(o);
    return status;
}

enum { MAX_JOBS = 4096 };

int qd_cmd_run(int argc, char **argv) {
    qd_cli cli = {0};
    qd_error err = {0};
    batch b = {.cli = &cli};
    const qd_opt opts[] = {{"out", QD_OPT_TEXT, &b.out, 0, 0, "DIR", "run directories go to DIR/NAME (default runs/NAME-N)", NULL},
                           {"resume", QD_OPT_TEXT, &b.resume, 0, 0, "DIR", "go on with the stopped run in DIR", NULL},
                           {0}};
    const char **pos = calloc(MAX_JOBS, sizeof *pos);
    char *found = NULL;
    size_t n = 0;
    if (!pos) return 1;
    qd_status st = qd_cli_parse(&cli, opts, argc, argv, pos, 0, MAX_JOBS, &n, &err);
    if (st == QD_OK && cli.help) {
        free(pos);
        return 0;
    }
    if (st == QD_OK && b.resume && (n > 1 || b.out)) st = qd_fail(&err, QD_E_USAGE, "--resume takes one job and no --out|||see qdistill run --help");
    if (st == QD_OK && b.resume) {
        st = job_of_run(&b, &found, &err);
        if (!n) pos[n++] = found;
    }
    if (st == QD_OK && cli.has_seed && cli.seed > INT64_MAX)
        st = qd_fail(&err, QD_E_USAGE, "--seed: %llu is out of range||seeds go up to 2^63 - 1|choose a smaller one", (unsigned long long)cli.seed);
    if (st == QD_OK && !n) st = qd_fail(&err, QD_E_USAGE, "run needs a job|||see qdistill run --help");
    if (st == QD_OK) st = qd_progress_create(cli.progress, cli.progress && strcmp(cli.progress, "json") == 0 ? stdout : stderr, &b.progress, &err);
    if (st == QD_OK) st = qd_device_choose(qd_registry_all(), cli.device, cli.no_fallback, &b.dev, b.fallback, &err);
    int status;
    if (st == QD_OK) {
        if (*b.fallback && !cli.quiet) fprintf(stderr, "qdistill: %s\n", b.fallback);
        watch_signals();
        status = run_batch(&b, pos, n);
    } else {
        status = qd_cli_fail(&cli, &err);
    }
    qd_device_close(b.dev);
    qd_progress_destroy(b.progress);
    free(found);
    free(pos);
    return status;
}
