/* SPDX-License-Identifier: Apache-2.0 */
/* Where time goes: device, transfers, reference and tuned C loop of each operation, against the measured limits of the device. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "harness.h"
#include "problems.h"
#include "verbs.h"

enum { ARGS_MAX = 256 };

typedef struct options {
    uint64_t repeat;
    const char *compare;
    double threshold;
    bool has_threshold;
} options;

static json_t *spread_json(const qd_spread *s) {
    return json_pack("{s:f,s:f,s:f,s:i}", "min", s->min, "median", s->median, "mad", s->mad, "n", (int)s->n);
}

static json_t *real_or_null(double v, bool known) {
    return known ? json_real(v) : json_null();
}

static json_t *bench_json(const qd_bench *b, const char *problem, const char *device) {
    json_t *o = json_pack("{s:s,s:s}", "problem", problem, "device", device);
    bool loop = b->c_loop.n > 0;
    json_object_set_new(o, "seconds", spread_json(&b->seconds));
    json_object_set_new(o, "kernel_seconds", json_real(b->kernel_seconds));
    json_object_set_new(o, "upload_seconds", json_real(b->upload_seconds));
    json_object_set_new(o, "download_seconds", json_real(b->download_seconds));
    json_object_set_new(o, "host_seconds", json_real(b->host_seconds));
    json_object_set_new(o, "first_seconds", json_real(b->first_seconds));
    json_object_set_new(o, "reference_seconds", json_real(b->reference_seconds));
    json_object_set_new(o, "c_loop_seconds", real_or_null(b->c_loop.median, loop));
    json_object_set_new(o, "c_loop", loop ? spread_json(&b->c_loop) : json_null());
    json_object_set_new(o, "c_loop_threads", loop ? json_integer(b->c_loop_threads) : json_null());
    json_object_set_new(o, "ratio_to_c_loop", real_or_null(b->c_loop.median / b->seconds.median, loop));
    json_object_set_new(o, "rate", json_real(b->rate));
    json_object_set_new(o, "unit", json_string(b->cost.unit));
    json_object_set_new(o, "units", json_real(b->cost.units));
    json_object_set_new(o, "bytes", json_real(b->cost.bytes));
    json_object_set_new(o, "ops", json_real(b->cost.ops));
    json_object_set_new(o, "limit", real_or_null(b->limit, b->limit_kind != NULL));
    json_object_set_new(o, "limit_kind", b->limit_kind ? json_string(b->limit_kind) : json_null());
    json_object_set_new(o, "fraction_of_limit", real_or_null(b->fraction_of_limit, b->limit_kind != NULL));
    json_object_set_new(o, "kernel_fraction_of_limit",
                        real_or_null(b->kernel_fraction, b->limit_kind != NULL && b->kernel_seconds > 0));
    return o;
}

/* "12.3 M" of a rate. */
static void scaled(double v, char *out, size_t cap) {
    static const char *const prefix[] = {"", " k", " M", " G", " T"};
    size_t i = 0;
    while (v >= 1000 && i + 1 < sizeof prefix / sizeof *prefix) {
        v /= 1000;
        i++;
    }
    snprintf(out, cap, "%.3g%s%s", v, i ? "" : " ", prefix[i]);
}

static void print_limits(FILE *text, const qd_device *dev, const qd_limits *l) {
    if (!dev) {
        fprintf(text, "reference path: no device, no limits\n");
        return;
    }
    const qd_device_info *d = qd_device_about(dev);
    fprintf(text, "device %s: %s, driver %s\n", d->id, d->name, d->driver);
    fprintf(text, "limits: copy %.1f GB/s, 32-bit integers %.1f G/s\n", 1e-9 * l->copy_bytes_per_s, 1e-9 * l->int_ops_per_s);
}

static void print_head(FILE *text) {
    fprintf(text,
            "times in ms; 'device' is median and deviation of what a caller sees, of which kernels, up, down and host in the "
            "fastest run\n");
    fprintf(text, "%10s %8s %9s %8s %8s %8s %10s %9s %7s  %-18s %s\n", "device", "+-", "kernels", "up", "down", "host",
            "reference", "C loop", "loop/d", "rate", "of the limit");
}

static void print_bench(FILE *text, const qd_bench *b, const char *problem) {
    char rate[32], loop[32] = "-", ratio[32] = "-";
    scaled(b->rate, rate, sizeof rate);
    if (b->c_loop.n) {
        snprintf(loop, sizeof loop, "%.3f", 1e3 * b->c_loop.median);
        snprintf(ratio, sizeof ratio, "%.2f", b->c_loop.median / b->seconds.median);
    }
    char with_unit[96];
    snprintf(with_unit, sizeof with_unit, "%s%s/s", rate, b->cost.unit);
    fprintf(text, "%s\n", problem);
    fprintf(text, "%10.3f %8.3f %9.3f %8.3f %8.3f %8.3f %10.3f %9s %7s  %-18s ", 1e3 * b->seconds.median, 1e3 * b->seconds.mad,
            1e3 * b->kernel_seconds, 1e3 * b->upload_seconds, 1e3 * b->download_seconds, 1e3 * b->host_seconds,
            1e3 * b->reference_seconds, loop, ratio, with_unit);
    if (b->limit_kind)
        fprintf(text, "%.1f %% of %s, kernels alone %.1f %%\n", 100 * b->fraction_of_limit, b->limit_kind,
                100 * b->kernel_fraction);
    else
        fprintf(text, "unknown\n");
}

/* ---- Comparison with a baseline -------------------------------------------------------------------------------------- */

static const json_t *op_in(const json_t *baseline, const char *problem) {
    size_t i;
    json_t *o;
    json_array_foreach(json_object_get(baseline, "ops"), i, o) {
        const char *p = json_string_value(json_object_get(o, "problem"));
        if (p && strcmp(p, problem) == 0) return o;
    }
    return NULL;
}

static qd_status read_baseline(const char *path, const qd_device *dev, json_t **out, qd_error *err) {
    const char *name = dev ? qd_device_about(dev)->name : "reference path";
    QD_TRY(qd_json_read(path, out, err));
    const char *theirs = json_string_value(json_object_get(json_object_get(*out, "device"), "name"));
    if (!json_is_array(json_object_get(*out, "ops")) || !theirs)
        return qd_fail(err, QD_E_INPUT, "%s is not a record of qdistill profile|||make one: qdistill profile --json FILE", path);
    if (strcmp(theirs, name) != 0)
        return qd_fail(err, QD_E_INPUT,
                       "%s was measured on '%s', this device is '%s'||times of different devices say nothing about a "
                       "regression|choose that device, or another baseline",
                       path, theirs, name);
    return QD_OK;
}

/* The best times are compared: a noisy neighbour only ever adds. */
static qd_status compare_one(FILE *text, const json_t *baseline, const char *path, double threshold, const qd_bench *b,
                             const char *problem, size_t *compared, size_t *regressed, json_t *record, qd_error *err) {
    const json_t *old = op_in(baseline, problem);
    if (!old) {
        if (text) fprintf(text, "%s: not in the baseline\n", problem);
        return QD_OK;
    }
    double before;
    QD_TRY(qd_json_real(json_object_get(old, "seconds"), path, "min", 1e-12, 1e12, &before, err));
    double ratio = b->seconds.min / before;
    bool slower = ratio > 1 + threshold;
    ++*compared;
    if (slower) ++*regressed;
    if (text) fprintf(text, "%s %s: %.3f ms, baseline %.3f ms, ratio %.2f\n", slower ? "SLOWER" : "ok    ", problem, 1e3 * b->seconds.min,
            1e3 * before, ratio);
    json_object_set_new(record, "baseline_seconds", json_real(before));
    json_object_set_new(record, "regression", json_boolean(slower));
    return QD_OK;
}

/* ---- The verb -------------------------------------------------------------------------------------------------------- */

static qd_status loop(FILE *text, const options *o, const qd_problems *ps, qd_device *dev,
                      const json_t *baseline, json_t *record, size_t *regressed, qd_error *err) {
    qd_limits limits = {0};
    size_t compared = 0;
    json_t *ops = json_array();
    json_object_set_new(record, "ops", ops);
    if (dev) QD_TRY(qd_limits_measure(dev, &limits, err));
    json_object_set_new(
        record, "limits",
        dev ? json_pack("{s:f,s:f}", "copy_bytes_per_s", limits.copy_bytes_per_s, "int_ops_per_s", limits.int_ops_per_s)
            : json_null());
    if (text) {
        print_limits(text, dev, &limits);
        print_head(text);
    }
    for (size_t i = 0; i < ps->n; i++) {
        char problem[1024];
        qd_bench b;
        qd_problem_print(&ps->p[i], problem, sizeof problem);
        QD_TRY(qd_bench_run(&ps->p[i], dev, qd_loop_find(ps->p[i].op->name), dev ? &limits : NULL, (unsigned)o->repeat, &b, err));
        json_t *j = bench_json(&b, problem, dev ? qd_device_about(dev)->id : "ref");
        json_array_append_new(ops, j);
        if (text) {
            print_bench(text, &b, problem);
            fflush(text);
        }
        if (baseline) QD_TRY(compare_one(text, baseline, o->compare, o->threshold, &b, problem, &compared, regressed, j, err));
    }
    if (baseline && compared == 0)
        return qd_fail(err, QD_E_INPUT, "%s has none of these problems||nothing was compared|name a problem that it has",
                       o->compare);
    return QD_OK;
}

int qd_cmd_profile(int argc, char **argv) {
    qd_cli cli = {0};
    options o = {.repeat = 5, .threshold = 0.25};
    const char *pos[ARGS_MAX];
    size_t n_pos = 0, regressed = 0;
    qd_error err = {0};
    const qd_opt opts[] = {{"repeat", QD_OPT_U64, &o.repeat, 1, QD_BENCH_REPEAT_MAX, "N", "measure N times (default 5)", NULL},
                           {"compare", QD_OPT_TEXT, &o.compare, 0, 0, "BASELINE.json",
                            "exit 1 where an operation is slower than in this record of profile", NULL},
                           {"threshold", QD_OPT_REAL, &o.threshold, 0, 100, "F",
                            "slower means by more than this fraction (default 0.25)", &o.has_threshold},
                           {0}};
    if (qd_cli_parse(&cli, opts, argc, argv, pos, 0, ARGS_MAX, &n_pos, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    FILE *text = qd_cli_text(&cli);
    qd_problems ps = {0};
    qd_device *dev = NULL;
    json_t *baseline = NULL, *record = NULL;
    qd_status st;
    if (o.has_threshold && !o.compare)
        QD_TRY_OUT(st, qd_fail(&err, QD_E_USAGE, "--threshold goes with --compare|||see qdistill profile --help"));
    QD_TRY_OUT(st, qd_problems_collect(QD_CASES_PROFILE, pos, n_pos, &ps, &err));
    QD_TRY_OUT(st, qd_cli_device(&cli, &dev, &err));
    if (o.compare) QD_TRY_OUT(st, read_baseline(o.compare, dev, &baseline, &err));
    record = qd_cli_record(&cli, dev);
    QD_TRY_OUT(st, loop(text, &o, &ps, dev, baseline, record, &regressed, &err));
out:;
    int status;
    if (st != QD_OK) {
        status = qd_cli_fail(&cli, &err);
    } else if (regressed) {
        (void)qd_fail(&err, QD_E_INTERNAL, "%zu operation%s slower than %s by more than %.0f %%||a change of qdistill or of the driver, or a machine that is busy with other work|"
                      "measure again on an idle machine, with a larger --repeat", regressed, regressed == 1 ? " is" : "s are", o.compare, 100 * o.threshold);
        status = qd_cli_refuse(&cli, json_incref(record), &err);
    } else {
        status = qd_cli_done(&cli, json_incref(record));
    }
    json_decref(record);
    json_decref(baseline);
    qd_device_close(dev);
    qd_problems_free(&ps);
    return status;
}
