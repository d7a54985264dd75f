/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "qdistill/pipeline.h"

static void print_option(const char *name, const char *arg, const char *help) {
    char left[96];
    snprintf(left, sizeof left, "--%s%s%s", name, arg ? " " : "", arg ? arg : "");
    enum { COLUMN = 30 };
    if (strlen(left) < COLUMN) printf("  %-*s %s\n", COLUMN, left, help);
    else printf("  %s\n  %*s %s\n", left, COLUMN, "", help);
}

/* ---- Where the record goes ---- */

/* A record of an earlier run may be written over, as scripts do; nothing else. */
static bool is_record(const char *path) {
    json_t *j = NULL;
    bool is = qd_json_read(path, &j, NULL) == QD_OK && json_is_object(j) && json_is_string(json_object_get(j, "verb"));
    const char *tool = json_string_value(json_object_get(j, "tool"));
    is = is && tool && strcmp(tool, "qdistill") == 0;
    json_decref(j);
    return is;
}

/* QD_E_INPUT unless --json names what may be created, an empty file, a device or pipe, or an earlier record. */
static qd_status json_free(const char *path, qd_error *err) {
    struct stat st;
    if (strcmp(path, "-") == 0) return QD_OK;
    if (stat(path, &st) != 0) {
        char *dir = qd_path_dir(path);
        int bad = dir && access(*dir ? dir : ".", W_OK | X_OK) != 0 ? errno : 0;
        free(dir);
        return bad ? qd_fail(err, QD_E_INPUT, "--json: cannot write %s|%s|its folder does not exist or may not be written to|choose another file", path, strerror(bad)) : QD_OK;
    }
    if (S_ISDIR(st.st_mode)) return qd_fail(err, QD_E_INPUT, "--json: cannot write %s|it is a directory||name a file", path);
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || is_record(path)) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "--json: %s exists already, and is no record|File exists|only a record of an earlier run is written over|choose another file, or remove it", path);
}

/* What the command reads may be a record as well. */
static qd_status json_is_no_input(const char *json, const char *input, qd_error *err) {
    struct stat a, b;
    if (!input || strcmp(json, "-") == 0 || stat(json, &a) != 0 || !S_ISREG(a.st_mode) || stat(input, &b) != 0) return QD_OK;
    if (a.st_dev != b.st_dev || a.st_ino != b.st_ino) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "--json: %s is an input of this command|the record would be written over it||choose another file", json);
}

/* Nor one of the files that `amplify --out KEY` makes. */
static qd_status json_is_no_key(const qd_cli *cli, const char *out, qd_error *err) {
    static const char *const made[] = {"", ".json", ".seed", ".seed.json"};
    const size_t n = out ? strlen(out) : 0;
    if (!n || strcmp(cli->verb, "amplify") != 0 || strncmp(cli->json, out, n) != 0) return QD_OK;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        if (strcmp(cli->json + n, made[i]) == 0)
            return qd_fail(err, QD_E_USAGE, "--json: %s is a file that --out %s makes|||choose another file", cli->json, out);
    return QD_OK;
}

static qd_status check_json(qd_cli *cli, const qd_opt *opts, const char **pos, size_t n_pos, qd_error *err) {
    if (!cli->json) return QD_OK;
    qd_status st = json_free(cli->json, err);
    for (size_t i = 0; st == QD_OK && i < n_pos; i++) st = json_is_no_input(cli->json, pos[i], err);
    for (const qd_opt *o = opts; st == QD_OK && o && o->name; o++)
        if (o->kind == QD_OPT_TEXT) {
            const char *value = *(const char *const *)o->target;
            st = strcmp(o->name, "out") == 0 ? json_is_no_key(cli, value, err) : QD_OK;
            if (st == QD_OK) st = json_is_no_input(cli->json, value, err);
        }
    if (st != QD_OK) cli->json = NULL; /* or the refusal would be written where it must not */
    return st;
}

static const qd_verb *verb_named(const char *name) {
    for (const qd_verb *v = qd_verbs; v->name; v++)
        if (strcmp(v->name, name) == 0) return v;
    return NULL;
}

static void print_help(const char *verb, const qd_opt *opts, const qd_opt *common) {
    const qd_verb *v = verb_named(verb);
    printf("usage: qdistill %s %s\n", verb, v ? v->synopsis : "");
    if (v) printf("%s\n%s", v->summary, v->more);
    printf("\noptions:\n");
    for (const qd_opt *o = opts; o && o->name; o++) print_option(o->name, o->arg, o->help);
    for (const qd_opt *o = common; o->name; o++) print_option(o->name, o->arg, o->help);
}

static qd_status bad_value(const char *verb, const qd_opt *o, const char *value, const char *why, qd_error *err) {
    if (!o->arg) return qd_fail(err, QD_E_USAGE, "--%s: '%s' %s||it is given or not|see qdistill %s --help", o->name, value, why, verb);
    return qd_fail(err, QD_E_USAGE, "--%s: '%s' %s||%s: %s|see qdistill %s --help", o->name, value, why, o->arg, o->help, verb);
}

/* "100", "1e-36", and "2^27" where a power of two is easier to read than its digits. */
static void print_limit(double v, char out[32]) {
    int e;
    if (v >= 65536 && frexp(v, &e) == 0.5) snprintf(out, 32, "2^%d", e - 1);
    else if (fabs(v) < 1e7) snprintf(out, 32, "%.9g", v);
    else snprintf(out, 32, "%g", v);
}

static qd_status out_of_range(const char *verb, const qd_opt *o, const char *value, qd_error *err) {
    char why[128], low[32], high[32];
    print_limit(o->min, low);
    print_limit(o->max, high);
    if (o->min != 0 || o->max != 0) snprintf(why, sizeof why, "is out of range: %s to %s", low, high);
    else if (o->kind == QD_OPT_REAL) snprintf(why, sizeof why, "is out of range: a number must be finite");
    else snprintf(why, sizeof why, "is out of range: %s", o->kind == QD_OPT_I64 ? "-2^63 to 2^63 - 1" : o->kind == QD_OPT_SEED ? "0 to 2^63 - 1" : "0 to 2^64 - 1");
    return bad_value(verb, o, value, why, err);
}

/* "1000.5" and "1e3" are numbers, where an integer is wanted as well. */
static const char *not_a_number(const qd_opt *o, const char *value, char why[96]) {
    size_t n = strlen(o->name);
    char *end = NULL;
    (void)strtod(value, &end);
    if (o->kind == QD_OPT_REAL || end == value || *end) return "is not a number";
    snprintf(why, 96, "must be a whole number%s, in digits", n > 3 && strcmp(o->name + n - 3, "-ps") == 0 ? " of ps" : "");
    return why;
}

static qd_status set_number(const char *verb, const qd_opt *o, const char *value, qd_error *err) {
    char *end = NULL, why[96];
    errno = 0;
    double v;
    if (o->kind == QD_OPT_REAL) {
        v = strtod(value, &end);
        if (isfinite(v)) *(double *)o->target = v;
        errno = isfinite(v) ? 0 : ERANGE; /* a number too small for all digits is one all the same */
    } else if (o->kind == QD_OPT_I64) {
        int64_t i = strtoll(value, &end, 10);
        v = (double)i;
        *(int64_t *)o->target = i;
    } else {
        if (value[0] < '0' || value[0] > '9') return bad_value(verb, o, value, "is not a non-negative integer", err);
        uint64_t u = strtoull(value, &end, 10);
        v = (double)u;
        *(uint64_t *)o->target = u;
        if (o->kind == QD_OPT_SEED && u > QD_SEED_MAX) errno = ERANGE;
    }
    if (end == value || *end) return bad_value(verb, o, value, not_a_number(o, value, why), err);
    bool outside = (o->min != 0 || o->max != 0) && (v < o->min || v > o->max);
    return errno || outside ? out_of_range(verb, o, value, err) : QD_OK;
}

static const qd_opt *find(const qd_opt *opts, const char *name, size_t len) {
    for (const qd_opt *o = opts; o && o->name; o++)
        if (strlen(o->name) == len && strncmp(o->name, name, len) == 0) return o;
    return NULL;
}

/* One long option, with "=VALUE" or the next argument as its value. */
static qd_status take_option(const qd_opt *opts, const qd_opt *common, int argc, char **argv, int *i, qd_error *err) {
    const char *name = argv[*i] + 2, *eq = strchr(name, '=');
    size_t len = eq ? (size_t)(eq - name) : strlen(name);
    const qd_opt *o = find(opts, name, len);
    if (!o) o = find(common, name, len);
    if (!o)
        return qd_fail(err, QD_E_USAGE, "unknown option '%s'|||see qdistill %s --help", argv[*i], argv[0]);
    if (o->given) *o->given = true;
    if (o->kind == QD_OPT_FLAG) {
        if (eq) return bad_value(argv[0], o, eq + 1, "given to an option without a value", err);
        *(bool *)o->target = true;
        return QD_OK;
    }
    const char *value = eq ? eq + 1 : NULL;
    if (!value) {
        if (*i + 1 >= argc) return qd_fail(err, QD_E_USAGE, "--%s needs a value (%s)|||see qdistill %s --help", o->name, o->arg, argv[0]);
        value = argv[++*i];
    }
    if (o->kind == QD_OPT_TEXT) {
        if (!*value && (strncmp(o->arg, "FILE", 4) == 0 || strcmp(o->arg, "DIR") == 0)) /* a path made of nothing leads anywhere */
            return qd_fail(err, QD_E_USAGE, "--%s: the name is empty||a variable of a script without a value?|give a %s", o->name, o->arg);
        *(const char **)o->target = value;
        return QD_OK;
    }
    return set_number(argv[0], o, value, err);
}

qd_status qd_cli_parse(qd_cli *cli, const qd_opt *opts, int argc, char **argv, const char **pos, size_t min_pos, size_t max_pos,
                       size_t *n_pos, qd_error *err) {
    const qd_opt common[] = {
        {"device", QD_OPT_TEXT, &cli->device, 0, 0, "auto|ref|cpu|gpu|P:D|name=TEXT|pci=ADDRESS", "where to compute (default: QD_DEVICE, else auto)", &cli->device_given},
        {"no-fallback", QD_OPT_FLAG, &cli->no_fallback, 0, 0, NULL, "fail rather than use another device than the first choice", NULL},
        {"json", QD_OPT_TEXT, &cli->json, 0, 0, "FILE|-", "write the final record as JSON to FILE, or (-) to standard output", NULL},
        {"progress", QD_OPT_TEXT, &cli->progress, 0, 0, "tty|plain|json|none", "how to show progress (default: tty on a terminal, else plain); json ends with the final record", NULL},
        {"seed", QD_OPT_SEED, &cli->seed, 0, 0, "N", "a rehearsal: all randomness derives from N, below 2^63", &cli->has_seed},
        {"quiet", QD_OPT_FLAG, &cli->quiet, 0, 0, NULL, "-q: print errors only", NULL},
        {"verbose", QD_OPT_FLAG, &cli->verbose, 0, 0, NULL, "-v: say more", NULL},
        {"help", QD_OPT_FLAG, &cli->help, 0, 0, NULL, "print this and exit", NULL},
        {0}};
    size_t n = 0;
    cli->verb = argv[0];
    bool only_positional = false;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (only_positional || a[0] != '-' || strcmp(a, "-") == 0) {
            if (n == max_pos)
                return qd_fail(err, QD_E_USAGE, "one argument too many: '%s'|||see qdistill %s --help", a, argv[0]);
            pos[n++] = a;
        } else if (strcmp(a, "--") == 0) {
            only_positional = true;
        } else if (strcmp(a, "-q") == 0) {
            cli->quiet = true;
        } else if (strcmp(a, "-v") == 0) {
            cli->verbose = true;
        } else if (strcmp(a, "-h") == 0) {
            cli->help = true;
        } else if (a[1] == '-') {
            QD_TRY(take_option(opts, common, argc, argv, &i, err));
        } else {
            return qd_fail(err, QD_E_USAGE, "unknown option '%s'|||see qdistill %s --help", a, argv[0]);
        }
    }
    if (n_pos) *n_pos = n;
    if (cli->help) {
        print_help(argv[0], opts, common);
        return QD_OK;
    }
    static const char *const modes[] = {"tty", "plain", "json", "none"};
    size_t mode = 0;
    while (cli->progress && mode < 4 && strcmp(cli->progress, modes[mode]) != 0) mode++;
    if (mode == 4)
        return qd_fail(err, QD_E_USAGE, "--progress: '%s' is no way to show progress||the ways are: tty, plain, json, none|see qdistill %s --help", cli->progress, argv[0]);
    if (n < min_pos) return qd_fail(err, QD_E_USAGE, "%s needs at least %zu argument%s, %zu given|||see qdistill %s --help", argv[0], min_pos,
                       min_pos == 1 ? "" : "s", n, argv[0]);
    if (!cli->device) cli->device = getenv("QD_DEVICE");
    if (cli->device && !*cli->device) cli->device = NULL;
    return check_json(cli, opts, pos, n, err);
}

qd_status qd_cli_device_error(const qd_cli *cli, qd_status st, qd_error *err) {
    if (st == QD_OK || !cli->device || cli->device_given) return st;
    return qd_fail(err, st, "QD_DEVICE=%s in the environment: %s|%s|%s|%s", cli->device, err->what, err->cause, err->likely, err->next);
}

qd_status qd_cli_device(qd_cli *cli, qd_device **dev, qd_error *err) {
    qd_status st = qd_device_choose(qd_registry_all(), cli->device, cli->no_fallback, dev, cli->fallback, err);
    QD_TRY(qd_cli_device_error(cli, st, err));
    if (*cli->fallback && !cli->quiet) fprintf(stderr, "qdistill %s: warning: %s\n", cli->verb, cli->fallback);
    return QD_OK;
}

/* ---- Standard output, progress, files that exist ------------------------------------------------------------------- */

static bool json_lines(const qd_cli *cli) {
    return cli->progress && strcmp(cli->progress, "json") == 0;
}

static bool to_stdout(const qd_cli *cli) {
    return cli->json && strcmp(cli->json, "-") == 0;
}

FILE *qd_cli_text(const qd_cli *cli) {
    if (cli->quiet) return NULL;
    return json_lines(cli) || to_stdout(cli) ? stderr : stdout;
}

qd_status qd_cli_progress(const qd_cli *cli, qd_progress **p, qd_error *err) {
    return qd_progress_create(cli->progress ? cli->progress : cli->quiet ? "none" : NULL, json_lines(cli) ? stdout : stderr, p, err);
}

qd_status qd_cli_flush(qd_error *err) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "cannot write to standard output|%s|its disk is full, or the program that reads it has ended|make room, or send it to a file elsewhere",
                   errno ? strerror(errno) : "an earlier write failed");
}

qd_status qd_cli_free_path(const char *path, const char *likely, qd_error *err) {
    struct stat st;
    if (lstat(path, &st) != 0) return QD_OK; /* whether it can be made shows when it is */
    return qd_fail(err, QD_E_INPUT, "%s exists already|%s|%s|choose another --out, or remove it", path, strerror(EEXIST),
                   likely ? likely : "an earlier run wrote there");
}

bool qd_cli_stream(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

bool qd_cli_names_stdout(const char *path) {
    static const char *const names[] = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strcmp(path, names[k]) == 0) return true;
    return false;
}

bool qd_cli_is_stdout(const char *path) {
    struct stat a, b;
    return qd_cli_names_stdout(path) || (stat(path, &a) == 0 && fstat(STDOUT_FILENO, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

const char *qd_cli_quoted(const char *arg, char *out, size_t cap) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,=+@%-";
    if (*arg && strspn(arg, plain) == strlen(arg)) {
        snprintf(out, cap, "%s", arg);
        return out;
    }
    size_t n = 0;
    out[n++] = '\'';
    for (; *arg && n + 6 < cap; arg++) {
        if (*arg == '\'') n += (size_t)snprintf(out + n, cap - n, "'\\''");
        else out[n++] = *arg;
    }
    out[n++] = '\'';
    out[n] = 0;
    return out;
}

/* ---- The final record ------------------------------------------------------------------------------------------------ */

json_t *qd_cli_device_json(const qd_device_info *d, bool used) {
    if (!d) return json_pack("{s:s,s:s,s:s,s:b}", "id", "ref", "name", "reference path", "type", "ref", "used", used);
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b}", "id", d->id, "name", d->name, "type", d->type, "driver", d->driver, "platform", d->platform,
                     "version", d->version, "used", used);
}

static json_t *record_with(const qd_cli *cli, json_t *device) {
    return json_pack("{s:i,s:s,s:s,s:s,s:s,s:o,s:i}", "schema", 1, "tool", "qdistill", "version", QD_VERSION, "verb", cli->verb, "status",
                     "ok", "device", device, "exit_status", 0);
}

json_t *qd_cli_record(const qd_cli *cli, const qd_device *dev) {
    json_t *device = qd_cli_device_json(dev ? qd_device_about(dev) : NULL, true);
    if (*cli->fallback) json_object_set_new(device, "fallback", json_string(cli->fallback));
    return record_with(cli, device);
}

json_t *qd_cli_record_unused(const qd_cli *cli) {
    return record_with(cli, json_pack("{s:n,s:n,s:n,s:b}", "id", "name", "type", "used", 0));
}

int qd_cli_badness(int exit_status) {
    static const int order[] = {0, 2, 6, 75, 5, 3, 7, 4, 1};
    for (int i = 0; i < (int)(sizeof order / sizeof order[0]); i++)
        if (order[i] == exit_status) return i;
    return 100;
}

/* Where nobody nearer to the error said what to do: what helps with errors of its kind. */
static const char *next_of(const qd_cli *cli, const qd_error *err, char *out, size_t cap) {
    if (err->next[0]) return err->next;
    switch (err->status) {
        case QD_E_USAGE:
            snprintf(out, cap, "see qdistill %s --help", cli->verb ? cli->verb : "");
            break;
        case QD_E_NODEVICE:
            snprintf(out, cap, "list what is there: qdistill devices -v");
            break;
        case QD_E_DEVICE:
        case QD_E_BUILD:
        case QD_E_DIFFER:
            snprintf(out, cap, "go on without this device: --device ref; report it with what qdistill devices -v prints");
            break;
        case QD_STOPPED:
            snprintf(out, cap, "run it again");
            break;
        case QD_E_INPUT:
        case QD_E_POLICY:
            snprintf(out, cap, "correct what is named there, and run it again");
            break;
        default:
            if (strstr(err->what, "no memory") || strstr(err->cause, "no memory")) snprintf(out, cap, "close other programs, or work on shorter inputs");
            else snprintf(out, cap, "a defect of qdistill: report it with this message and what qdistill --version prints");
    }
    return out;
}

static json_t *error_json(const qd_cli *cli, const qd_error *err) {
    char next[QD_ERROR_PART];
    return json_pack("{s:s,s:s,s:s,s:s}", "what", err->what, "cause", err->cause, "likely", err->likely, "next", next_of(cli, err, next, sizeof next));
}

void qd_cli_set_error(const qd_cli *cli, json_t *record, const qd_error *err) {
    json_object_set_new(record, "status", json_string(err->status == QD_E_POLICY ? "aborted" : "failed"));
    json_object_set_new(record, "exit_status", json_integer(qd_exit_status(err->status)));
    json_object_set_new(record, "error", error_json(cli, err));
}

void qd_cli_print_error(const qd_cli *cli, const qd_error *err) {
    char next[QD_ERROR_PART];
    fprintf(stderr, "qdistill %s: %s", cli->verb ? cli->verb : "", err->what);
    if (err->cause[0]) fprintf(stderr, " (%s)", err->cause);
    fputc('\n', stderr);
    if (err->likely[0]) fprintf(stderr, "  %s\n", err->likely);
    fprintf(stderr, "  Next: %s\n", next_of(cli, err, next, sizeof next));
}

static qd_status write_line(const json_t *record, qd_error *err) {
    char *line = json_dumps(record, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (!line) return qd_fail(err, QD_E_INTERNAL, "no memory for the record");
    (void)puts(line); /* flushing tells */
    free(line);
    return qd_cli_flush(err);
}

/* To a file first: where that fails, the last line on standard output tells so. A usage error writes nothing. */
static qd_status write_record(const qd_cli *cli, const json_t *record, qd_error *err) {
    if (json_integer_value(json_object_get(record, "exit_status")) == qd_exit_status(QD_E_USAGE)) return QD_OK;
    if (cli->json && !(json_lines(cli) && to_stdout(cli))) {
        QD_TRY(json_free(cli->json, err)); /* once more: an output of this command may be called so */
        QD_TRY(qd_json_write(record, cli->json, err));
    }
    return json_lines(cli) ? write_line(record, err) : QD_OK;
}

int qd_cli_fail(const qd_cli *cli, const qd_error *err) {
    qd_cli_print_error(cli, err);
    json_t *r = qd_cli_record_unused(cli);
    qd_cli_set_error(cli, r, err);
    (void)write_record(cli, r, NULL); /* it failed for a better reason */
    json_decref(r);
    return qd_exit_status(err->status);
}

int qd_cli_refuse(const qd_cli *cli, json_t *record, const qd_error *err) {
    qd_cli_print_error(cli, err);
    qd_cli_set_error(cli, record, err);
    return qd_cli_done(cli, record);
}

int qd_cli_done(const qd_cli *cli, json_t *record) {
    qd_error err = {0}, unprinted = {0};
    if (qd_cli_flush(&unprinted) != QD_OK && json_integer_value(json_object_get(record, "exit_status")) == 0) {
        qd_cli_print_error(cli, &unprinted);
        qd_cli_set_error(cli, record, &unprinted);
    }
    int status = (int)json_integer_value(json_object_get(record, "exit_status"));
    qd_status st = write_record(cli, record, &err);
    json_decref(record);
    if (st == QD_OK) return status;
    qd_cli plain = *cli;
    plain.json = NULL; /* the record is what could not be written */
    int failed = qd_cli_fail(&plain, &err);
    return status ? status : failed; /* what the work came to is the more important */
}
