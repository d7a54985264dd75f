/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/pipeline.h"

static void print_option(const char *name, const char *arg, const char *help) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", name, arg ? " " : "", arg ? arg : "");
    printf("  %-28s %s\n", left, help);
}

static const qd_verb *verb_named(const char *name) {
    for (const qd_verb *v = qd_verbs; v->name; v++)
        if (strcmp(v->name, name) == 0) return v;
    return NULL;
}

static void print_help(const char *verb, const qd_opt *opts, const qd_opt *common) {
    const qd_verb *v = verb_named(verb);
    printf("usage: qdistill %s %s\n", verb, v ? v->synopsis : "");
    if (v) printf("%s\n", v->summary);
    printf("\noptions:\n");
    for (const qd_opt *o = opts; o && o->name; o++) print_option(o->name, o->arg, o->help);
    for (const qd_opt *o = common; o->name; o++) print_option(o->name, o->arg, o->help);
}

static qd_status bad_value(const qd_opt *o, const char *value, const char *why, qd_error *err) {
    return qd_fail(err, QD_E_USAGE, "--%s: '%s' %s||expected %s|see qdistill VERB --help", o->name, value, why,
                   o->arg ? o->arg : "no value");
}

static bool out_of_range(const qd_opt *o, double v) {
    return (o->min != 0 || o->max != 0) && (v < o->min || v > o->max);
}

static qd_status set_number(const qd_opt *o, const char *value, qd_error *err) {
    char *end = NULL;
    errno = 0;
    double v;
    if (o->kind == QD_OPT_REAL) {
        v = strtod(value, &end);
        if (isfinite(v)) *(double *)o->target = v;
        else errno = ERANGE;
    } else if (o->kind == QD_OPT_I64) {
        int64_t i = strtoll(value, &end, 10);
        v = (double)i;
        *(int64_t *)o->target = i;
    } else {
        if (value[0] < '0' || value[0] > '9') return bad_value(o, value, "is not a non-negative integer", err);
        uint64_t u = strtoull(value, &end, 10);
        v = (double)u;
        *(uint64_t *)o->target = u;
    }
    if (end == value || *end) return bad_value(o, value, "is not a number", err);
    if (errno || out_of_range(o, v)) return bad_value(o, value, "is out of range", err);
    return QD_OK;
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
        if (eq) return bad_value(o, eq + 1, "given to an option without a value", err);
        *(bool *)o->target = true;
        return QD_OK;
    }
    const char *value = eq ? eq + 1 : NULL;
    if (!value) {
        if (*i + 1 >= argc) return qd_fail(err, QD_E_USAGE, "--%s needs a value (%s)|||see qdistill %s --help", o->name, o->arg, argv[0]);
        value = argv[++*i];
    }
    if (o->kind == QD_OPT_TEXT) {
        *(const char **)o->target = value;
        return QD_OK;
    }
    return set_number(o, value, err);
}

qd_status qd_cli_parse(qd_cli *cli, const qd_opt *opts, int argc, char **argv, const char **pos, size_t min_pos, size_t max_pos,
                       size_t *n_pos, qd_error *err) {
    const qd_opt common[] = {
        {"device", QD_OPT_TEXT, &cli->device, 0, 0, "auto|ref|cpu|gpu|P:D|name=TEXT|pci=ADDRESS", "where to compute", NULL},
        {"no-fallback", QD_OPT_FLAG, &cli->no_fallback, 0, 0, NULL, "fail rather than use another device than the first choice", NULL},
        {"json", QD_OPT_TEXT, &cli->json, 0, 0, "FILE|-", "write the final record as JSON", NULL},
        {"progress", QD_OPT_TEXT, &cli->progress, 0, 0, "tty|plain|json|none", "how to show progress", NULL},
        {"seed", QD_OPT_U64, &cli->seed, 0, 0, "N", "rehearsal: derive all randomness from N", &cli->has_seed},
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
    if (n < min_pos) return qd_fail(err, QD_E_USAGE, "%s needs at least %zu argument%s, %zu given|||see qdistill %s --help", argv[0], min_pos,
                       min_pos == 1 ? "" : "s", n, argv[0]);
    if (!cli->device) cli->device = getenv("QD_DEVICE");
    if (cli->device && !*cli->device) cli->device = NULL;
    return QD_OK;
}

qd_status qd_cli_device(const qd_cli *cli, qd_device **dev, qd_error *err) {
    char said[1024] = "";
    QD_TRY(qd_device_choose(qd_registry_all(), cli->device, cli->no_fallback, dev, said, err));
    if (said[0] && !cli->quiet) fprintf(stderr, "qdistill: %s\n", said);
    return QD_OK;
}

json_t *qd_cli_record(const qd_cli *cli, const char *status, const qd_device *dev) {
    json_t *device;
    if (dev) {
        const qd_device_info *d = qd_device_about(dev);
        device = json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", d->id, "name", d->name, "type", d->type, "driver", d->driver, "platform", d->platform);
    } else {
        device = json_pack("{s:s,s:s,s:s}", "id", "ref", "name", "reference path", "type", "ref");
    }
    return json_pack("{s:i,s:s,s:s,s:s,s:s,s:o}", "schema", 1, "tool", "qdistill", "version", QD_VERSION, "verb", cli->verb,
                     "status", status, "device", device);
}

int qd_cli_fail(const qd_cli *cli, const qd_error *err) {
    fprintf(stderr, "qdistill %s: %s", cli->verb ? cli->verb : "", err->what);
    if (err->cause[0]) fprintf(stderr, " (%s)", err->cause);
    fputc('\n', stderr);
    if (err->likely[0]) fprintf(stderr, "  %s\n", err->likely);
    if (err->next[0]) fprintf(stderr, "  Next: %s\n", err->next);
    if (cli->json && err->status != QD_E_USAGE) {
        json_t *r = qd_cli_record(cli, err->status == QD_E_POLICY ? "aborted" : "failed", NULL);
        json_object_del(r, "device");
        json_object_set_new(r, "error", json_pack("{s:s,s:s,s:s,s:s}", "what", err->what, "cause", err->cause, "likely", err->likely, "next", err->next));
        json_object_set_new(r, "exit_status", json_integer(qd_exit_status(err->status)));
        (void)qd_json_write(r, cli->json, NULL);
        json_decref(r);
    }
    return qd_exit_status(err->status);
}

int qd_cli_done(const qd_cli *cli, json_t *record, int exit_status) {
    qd_error err = {0};
    if (cli->json && qd_json_write(record, cli->json, &err) != QD_OK) {
        json_decref(record);
        qd_cli plain = *cli;
        plain.json = NULL; /* the record is what could not be written */
        return qd_cli_fail(&plain, &err);
    }
    json_decref(record);
    return exit_status;
}
