/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/report.h"

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of_sorted(const double *t, unsigned n) {
    return n % 2 ? t[n / 2] : 0.5 * (t[n / 2 - 1] + t[n / 2]);
}

qd_spread qd_spread_of(double *t, unsigned n) {
    qd_spread s = {.n = n};
    double away[QD_BENCH_REPEAT_MAX];
    qsort(t, n, sizeof *t, ascending);
    s.min = t[0];
    s.median = median_of_sorted(t, n);
    for (unsigned i = 0; i < n; i++) away[i] = fabs(t[i] - s.median);
    qsort(away, n, sizeof *away, ascending);
    s.mad = median_of_sorted(away, n);
    return s;
}

unsigned qd_bench_threads(const qd_device *dev) {
    if (dev && strcmp(qd_device_about(dev)->type, "cpu") == 0) return qd_device_about(dev)->compute_units;
    qd_topology t;
    return qd_topology_read(&t, NULL) == QD_OK && t.threads ? t.threads : 1;
}

const qd_loop *qd_loop_find(const char *op) {
    for (const qd_loop *const *l = qd_loops; *l; l++)
        if (strcmp((*l)->op, op) == 0) return *l;
    return NULL;
}

/* States and outputs of the three ways, on the same inputs made three times: none can lean on another's work. */
typedef struct work {
    const qd_op *op;
    qd_device *dev;
    const qd_loop *loop;
    void *of_reference, *of_device, *of_loop;
    size_t bytes;
    unsigned char *want, *got, *looped;
} work;

static qd_status work_create(const qd_problem *p, qd_device *dev, const qd_loop *loop, work *w, qd_error *err) {
    *w = (work){.op = p->op, .dev = dev, .loop = loop};
    QD_TRY(p->op->create(p, &w->of_reference, err));
    QD_TRY(p->op->create(p, &w->of_device, err));
    if (w->loop) QD_TRY(p->op->create(p, &w->of_loop, err));
    w->bytes = p->op->output_bytes(w->of_reference);
    w->want = calloc(3, w->bytes + 64);
    if (!w->want) return qd_fail(err, QD_E_INTERNAL, "no memory for three outputs of %zu bytes", w->bytes);
    w->got = w->want + w->bytes + 64;
    w->looped = w->got + w->bytes + 64;
    return QD_OK;
}

static void work_destroy(work *w) {
    if (w->of_reference) w->op->destroy(w->of_reference);
    if (w->of_device) w->op->destroy(w->of_device);
    if (w->of_loop) w->op->destroy(w->of_loop);
    free(w->want);
}

static qd_status check(const work *w, const unsigned char *out, const char *who, qd_status status, qd_error *err) {
    if (memcmp(w->want, out, w->bytes) == 0) return QD_OK;
    size_t i = 0;
    while (w->want[i] == out[i]) i++;
    return qd_fail(err, status,
                   "%s of %s differs from the reference at byte %zu of %zu, expected 0x%02x, got 0x%02x|||qdistill validate %s",
                   who, w->op->name, i, w->bytes, w->want[i], out[i], w->op->name);
}

/* One run of the device path: its wall time, and its parts in @p b when it is the fastest so far. */
static qd_status run_device(work *w, double *seconds, double fastest, qd_bench *b, qd_error *err) {
    if (w->dev) qd_device_time_reset(w->dev);
    memset(w->got, 0xA5, w->bytes);
    double began = qd_now();
    if (w->dev)
        QD_TRY(w->op->device(w->of_device, w->dev, w->got, err));
    else
        QD_TRY(w->op->reference(w->of_device, w->got, err));
    *seconds = qd_now() - began;
    QD_TRY(check(w, w->got, "the device path", QD_E_DIFFER, err));
    if (*seconds >= fastest) return QD_OK;
    qd_device_time t = {0};
    if (w->dev) t = qd_device_time_read(w->dev);
    b->kernel_seconds = t.kernel_seconds;
    b->upload_seconds = t.upload_seconds;
    b->download_seconds = t.download_seconds;
    b->host_seconds = *seconds - t.kernel_seconds - t.upload_seconds - t.download_seconds;
    return QD_OK;
}

static qd_status run_loop(work *w, unsigned threads, double *seconds, qd_error *err) {
    memset(w->looped, 0xA5, w->bytes);
    double began = qd_now();
    QD_TRY(w->loop->run(w->of_loop, threads, w->looped, err));
    *seconds = qd_now() - began;
    return check(w, w->looped, "the tuned C loop", QD_E_INTERNAL, err);
}

static void against_limits(qd_bench *b, const qd_limits *limits) {
    b->rate = b->cost.units / b->seconds.median;
    if (!limits || limits->copy_bytes_per_s <= 0 || limits->int_ops_per_s <= 0) return;
    double memory = b->cost.bytes / limits->copy_bytes_per_s, integer = b->cost.ops / limits->int_ops_per_s;
    double least = memory > integer ? memory : integer;
    if (least <= 0) return;
    b->limit_kind = memory > integer ? "memory" : "integer";
    b->limit = b->cost.units / least;
    b->fraction_of_limit = b->rate / b->limit;
    if (b->kernel_seconds > 0) b->kernel_fraction = least / b->kernel_seconds;
}

static qd_status measure(work *w, unsigned repeat, qd_bench *b, qd_error *err) {
    double device[QD_BENCH_REPEAT_MAX], loop[QD_BENCH_REPEAT_MAX], fastest = HUGE_VAL, ignored;
    double began = qd_now();
    QD_TRY(w->op->reference(w->of_reference, w->want, err));
    b->reference_seconds = qd_now() - began;
    QD_TRY(run_device(w, &b->first_seconds, 0, b, err));
    if (w->loop) QD_TRY(run_loop(w, b->c_loop_threads, &ignored, err));
    for (unsigned i = 0; i < repeat; i++) {
        QD_TRY(run_device(w, &device[i], fastest, b, err));
        if (device[i] < fastest) fastest = device[i];
        if (w->loop) QD_TRY(run_loop(w, b->c_loop_threads, &loop[i], err));
    }
    b->seconds = qd_spread_of(device, repeat);
    if (w->loop) b->c_loop = qd_spread_of(loop, repeat);
    return QD_OK;
}

qd_status qd_bench_run(const qd_problem *p, qd_device *dev, const qd_loop *loop, const qd_limits *limits, unsigned repeat,
                       qd_bench *b, qd_error *err) {
    *b = (qd_bench){.problem = *p, .reference_seconds = -1};
    if (repeat < 1 || repeat > QD_BENCH_REPEAT_MAX)
        return qd_fail(err, QD_E_USAGE, "a bench runs 1 to %d times", QD_BENCH_REPEAT_MAX);
    b->c_loop_threads = qd_bench_threads(dev);
    work w;
    qd_status st = work_create(p, dev, loop, &w, err);
    if (st == QD_OK) st = measure(&w, repeat, b, err);
    if (st == QD_OK) {
        w.op->cost(w.of_reference, &b->cost);
        against_limits(b, limits);
    }
    work_destroy(&w);
    return st;
}
