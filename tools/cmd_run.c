/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "cli.h"
#include "qdistill/link.h"
#include "qdistill/pipeline.h"
#include "qdistill/timetag.h"
#include "recordings.h"
#include "stop.h"
#include "verbs.h"

/* A job of the batch: what it will do, and what came of it. */
typedef struct outcome {
    const char *path;
    qd_job job;
    bool ready; /* nothing is wrong with it that can be known before it starts */
    char name[128], dir[512], note[256];
    int exit_status;
    json_t *record;
} outcome;

static void note_error(outcome *o, const qd_error *err, const qd_cli *cli) {
    o->exit_status = qd_exit_status(err->status);
    snprintf(o->note, sizeof o->note, "%.255s", err->what);
    qd_cli_print_error(cli, err);
    if (!o->record) {
        o->record = qd_cli_record_unused(cli);
        json_object_set_new(o->record, "job", json_string(o->path));
    }
    qd_cli_set_error(cli, o->record, err);
}

typedef struct batch {
    qd_cli *cli;
    const char *out, *resume;
    const volatile sig_atomic_t *stop;
    bool has_seed; /* resume: the seed that the run was started with */
    uint64_t seed;
    qd_device *dev;
    bool opened; /* a device, or the reference, was chosen */
    qd_progress *progress;
} batch;

static qd_status write_summary(const char *dir, const json_t *record, qd_error *err) {
    char *path = qd_path_join(dir, "summary.json");
    qd_status st = path ? qd_json_write(record, path, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a file name");
    free(path);
    return st;
}

/* ---- Before any job starts ---------------------------------------------------------------------------------------------- */

static qd_status check_inputs(const qd_job *job, qd_error *err) {
    qd_scenario s;
    for (int i = 0; i < 2 && job->auth_file[i]; i++) {
        qd_auth_secret *secret = NULL;
        QD_TRY(qd_auth_secret_open(job->auth_file[i], (qd_direction)i, &secret, err));
        qd_auth_secret_close(secret);
    }
    if (job->rehearsal) return qd_scenario_load(job->scenario, &s, err);
    for (int i = 0; i < 2; i++) {
        qd_tag_format format;
        qd_tag_reader *reader;
        QD_TRY(qd_tag_format_parse(job->format[i], &format, err));
        QD_TRY(qd_tag_reader_open(job->file[i], format, &reader, err));
        qd_tag_reader_close(reader);
    }
    return QD_OK;
}

/* The job among the first @p n that will write to @p dir; NULL: none. */
static const outcome *owner(const outcome *o, size_t n, const char *dir) {
    for (size_t i = 0; i < n; i++)
        if (o[i].ready && strcmp(o[i].dir, dir) == 0) return &o[i];
    return NULL;
}

/* The run directory of job @p k. */
static qd_status choose_dir(const batch *b, outcome *o, size_t k, qd_error *err) {
    enum { TRIES = 100000 };
    struct stat st;
    char *dir = o[k].dir;
    int n = 0;
    if (b->resume) n = snprintf(dir, sizeof o->dir, "%s", b->resume);
    else if (b->out) n = snprintf(dir, sizeof o->dir, "%s/%s", b->out, o[k].job.name);
    else
        for (unsigned i = 1; i < TRIES; i++) {
            n = snprintf(dir, sizeof o->dir, "runs/%s-%u", o[k].job.name, i);
            if (lstat(dir, &st) != 0 && !owner(o, k, dir)) break;
        }
    if (n < 0 || (size_t)n >= sizeof o->dir)
        return qd_fail(err, QD_E_INPUT, "the name of the run directory is too long|%s|a path has at most 511 bytes|choose a shorter --out", strerror(ENAMETOOLONG));
    if (b->resume) return QD_OK;
    const outcome *other = owner(o, k, dir);
    if (other)
        return qd_fail(err, QD_E_INPUT, "job %s: %s is the run directory of job %s too||both jobs have the name %s|give one of them another 'name', or run it with another --out",
                       o[k].path, dir, other->path, o[k].job.name);
    return qd_cli_free_path(dir, NULL, err);
}

static qd_status prepare(const batch *b, outcome *o, size_t k, qd_error *err) {
    qd_job *job = &o[k].job;
    QD_TRY(qd_job_load(o[k].path, job, err));
    snprintf(o[k].name, sizeof o->name, "%s", job->name);
    if (b->cli->has_seed) {
        if (!job->rehearsal)
            return qd_fail(err, QD_E_USAGE, "job %s: --seed with recordings||a real key never comes from a seed|leave --seed out", job->path);
        job->seed = b->cli->seed;
    } else if (b->has_seed && job->rehearsal) {
        job->seed = b->seed;
    }
    QD_TRY(choose_dir(b, o, k, err));
    return check_inputs(job, err);
}

/* How many of the jobs can start. The others have failed: their errors stand in their records. */
static size_t prepare_all(const batch *b, outcome *o, size_t n) {
    size_t ready = 0;
    for (size_t k = 0; k < n; k++) {
        qd_error err = {0};
        o[k].ready = prepare(b, o, k, &err) == QD_OK;
        if (o[k].ready) {
            ready++;
            continue;
        }
        /* Of several jobs one that cannot be so is bad input: the command, which has done the others, writes its record. */
        if (n > 1 && err.status == QD_E_USAGE) err.status = QD_E_INPUT;
        /* "cannot open x.yaml": whose? */
        if (!strstr(err.what, o[k].path)) (void)qd_fail(&err, err.status, "job %s: %s|%s|%s|%s", o[k].path, err.what, err.cause, err.likely, err.next);
        note_error(&o[k], &err, b->cli);
    }
    return ready;
}

/* ---- Running ---------------------------------------------------------------------------------------------------------------- */

/* The run's final record: what every record has, then the summary. */
static json_t *final_record(const batch *b, qd_status st, const qd_error *err, const json_t *summary) {
    json_t *r = qd_cli_record(b->cli, b->dev);
    json_object_update(r, (json_t *)(uintptr_t)summary);
    if (st != QD_OK) qd_cli_set_error(b->cli, r, err);
    return r;
}

static void tell_recordings(const batch *b, const outcome *o) {
    const json_t *both = json_object_get(o->record, "recordings");
    for (int i = 0; i < 2; i++)
        qd_recordings_tell(b->cli, o->job.file[i], o->job.format[i], json_object_get(json_object_get(both, i ? "bob" : "alice"), "found"));
}

/* Keys were made, so the exit status is 0: that a message was forged, or that pads or epsilons ran out, must be heard all the same. */
static void tell_stop(const outcome *o) {
    const char *why = json_string_value(json_object_get(o->record, "stop_reason"));
    if (why) fprintf(stderr, "qdistill run: warning: %s ended before its data: %s\n", o->path, why);
}

static qd_status run_job(const batch *b, outcome *o, qd_error *err) {
    qd_run_options opt = {.dir = o->dir, .resume = b->resume != NULL, .dev = b->dev, .fallback = b->cli->fallback, .progress = b->progress, .stop = b->stop};
    json_t *summary = NULL;
    FILE *text = qd_cli_text(b->cli);
    qd_status st = qd_job_run(&o->job, &opt, &summary, text, err);
    if (st == QD_STOPPED) {
        char dir[QD_ERROR_PART];
        (void)qd_fail(err, QD_STOPPED, "stopped on request; what was finished stands in %s|||qdistill run --resume %s", o->dir, qd_cli_quoted(o->dir, dir, sizeof dir));
    }
    if (summary) {
        o->record = final_record(b, st, err, summary);
        json_decref(summary);
        tell_recordings(b, o);
        qd_error why = {0};
        if (write_summary(o->dir, o->record, &why) != QD_OK) {
            *err = why;
            st = why.status;
        }
    }
    if (st == QD_OK && o->record) tell_stop(o);
    if (st == QD_OK && text) fprintf(text, "\n  written to %s\n", o->dir);
    return st;
}

static void one_job(const batch *b, outcome *o) {
    qd_error err = {0};
    if (run_job(b, o, &err) != QD_OK) note_error(o, &err, b->cli);
}

static double rate_of(const json_t *rate) { return json_is_number(rate) ? json_number_value(rate) : NAN; }

static void print_table(FILE *to, const outcome *o, size_t n) {
    fprintf(to, "\n%-24s %-8s %14s %9s %9s %10s  %s\n", "job", "status", "secret bits", "QBER z", "QBER x", "seconds", "directory or reason");
    for (size_t i = 0; i < n; i++) {
        const json_t *r = o[i].record, *q = json_object_get(r, "qber");
        char z[16], x[16];
        fprintf(to, "%-24s %-8s %14.0f %9s %9s %10.2f  %s\n", *o[i].name ? o[i].name : o[i].path, json_string_value(json_object_get(r, "status")),
               json_number_value(json_object_get(r, "final_bits")), qd_percent(rate_of(json_object_get(q, "z")), z), qd_percent(rate_of(json_object_get(q, "x")), x),
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

/* One record: of the only job, or of the batch, with the error of its worst job. */
static int finish_batch(const batch *b, outcome *o, size_t n) {
    const outcome *worst = &o[0];
    for (size_t i = 1; i < n; i++)
        if (qd_cli_badness(o[i].exit_status) > qd_cli_badness(worst->exit_status)) worst = &o[i];
    if (n == 1) return qd_cli_done(b->cli, json_incref(o[0].record));
    json_t *record = b->opened ? qd_cli_record(b->cli, b->dev) : qd_cli_record_unused(b->cli);
    json_t *jobs = json_array(), *error = json_object_get(worst->record, "error");
    for (size_t i = 0; i < n; i++) json_array_append(jobs, o[i].record);
    json_object_set_new(record, "jobs", jobs);
    json_object_set(record, "status", json_object_get(worst->record, "status"));
    json_object_set_new(record, "exit_status", json_integer(worst->exit_status));
    if (error) json_object_set(record, "error", error);
    FILE *text = qd_cli_text(b->cli);
    if (text) print_table(text, o, n);
    return qd_cli_done(b->cli, record);
}

/* The command that runs this job alone; @p device in place of --device, or NULL. */
static void command_of(const batch *b, const outcome *o, const char *device, char *out, size_t cap) {
    char word[QD_ERROR_PART], seed[32] = "";
    size_t n = (size_t)snprintf(out, cap, "qdistill run %s", qd_cli_quoted(o->path, word, sizeof word));
    const char *dir = b->resume ? b->resume : b->out;
    if (!device && b->cli->device_given) device = b->cli->device;
    if (b->cli->has_seed) snprintf(seed, sizeof seed, " --seed %llu", (unsigned long long)b->cli->seed);
    if (dir && n < cap) n += (size_t)snprintf(out + n, cap - n, " --%s %s", b->resume ? "resume" : "out", qd_cli_quoted(dir, word, sizeof word));
    if (device && n < cap) n += (size_t)snprintf(out + n, cap - n, " --device %s", qd_cli_quoted(device, word, sizeof word));
    if (n < cap) (void)snprintf(out + n, cap - n, "%s", seed);
}

/* A job that was ready and did not begin, and why. */
static void not_started(const batch *b, outcome *o, const qd_error *why, const char *device) {
    qd_error err = {0};
    char next[QD_ERROR_PART];
    command_of(b, o, device, next, sizeof next);
    (void)qd_fail(&err, why->status, "job %s was not started: %s|%s|%s|%s", o->path, why->what, why->cause, why->likely, next);
    note_error(o, &err, b->cli);
}

static void run_ready(batch *b, outcome *o, size_t n) {
    for (size_t i = 0; i < n; i++) {
        qd_error err = {0};
        if (!o[i].ready) continue;
        if (*b->stop) {
            (void)qd_fail(&err, QD_STOPPED, "the batch was stopped");
            not_started(b, &o[i], &err, NULL);
            continue;
        }
        if (n > 1 && !b->cli->quiet) fprintf(stderr, "job %zu of %zu: %s\n", i + 1, n, o[i].path);
        one_job(b, &o[i]);
    }
}

static int run_batch(batch *b, const char **jobs, size_t n) {
    outcome *o = calloc(n, sizeof *o);
    qd_error err = {0};
    if (!o) {
        (void)qd_fail(&err, QD_E_INTERNAL, "no memory for %zu jobs", n);
        return qd_cli_fail(b->cli, &err);
    }
    for (size_t i = 0; i < n; i++) o[i].path = jobs[i];
    size_t ready = prepare_all(b, o, n);
    b->opened = ready && qd_cli_device(b->cli, &b->dev, &err) == QD_OK;
    bool usage = err.status == QD_E_USAGE; /* no selector of a device: whatever else is wrong, the command is */
    if (b->opened) run_ready(b, o, n);
    else if (usage) qd_cli_print_error(b->cli, &err);
    else if (n == 1 && ready) note_error(&o[0], &err, b->cli);
    for (size_t i = 0; i < n && n > 1 && !b->opened && !usage; i++)
        if (o[i].ready) not_started(b, &o[i], &err, "auto");
    int status = usage ? qd_exit_status(QD_E_USAGE) : finish_batch(b, o, n);
    for (size_t i = 0; i < n; i++) {
        json_decref(o[i].record);
        qd_job_free(&o[i].job);
    }
    free(o);
    return status;
}

enum { MAX_JOBS = 4096 };

int qd_cmd_run(int argc, char **argv) {
    qd_cli cli = {0};
    qd_error err = {0};
    batch b = {.cli = &cli};
    const qd_opt opts[] = {{"out", QD_OPT_TEXT, &b.out, 0, 0, "DIR", "make each run directory DIR/NAME, NAME as in the job (default: runs/NAME-N, N the first free number)", NULL},
                           {"resume", QD_OPT_TEXT, &b.resume, 0, 0, "DIR", "go on with the run in DIR that was stopped; its job need not be given", NULL},
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
    if (st == QD_OK && !n) st = qd_fail(&err, QD_E_USAGE, "run needs a job||a job is a YAML file: examples/quickstart.yaml is one|see qdistill run --help");
    if (st == QD_OK) st = qd_run_stop_at_check(&err);
    if (st == QD_OK) st = qd_cli_progress(&cli, &b.progress, &err);
    int status;
    if (st == QD_OK) {
        b.stop = qd_stop_watch();
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
