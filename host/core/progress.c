/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/progress.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "core/progress_clock.h"
#include "qdistill/core/report.h"

enum { SAMPLES = 32, NAME_BYTES = 96, LINE_BYTES = 400 };

/* Seconds between samples of the window (32 of them: rate and ETA look back 32 s), and between prints. */
static const double sample_every = 1.0,
                    print_every[] = {
                        [QD_PROGRESS_NONE] = 0, [QD_PROGRESS_PLAIN] = 30, [QD_PROGRESS_TTY] = 0.1, [QD_PROGRESS_JSON] = 1};

typedef struct sample {
    double time, done;
} sample;

struct qd_progress {
    qd_progress_mode mode;
    FILE *f;
    double (*now)(void *);
    void *ctx;
    char job[NAME_BYTES], unit[24], stage[NAME_BYTES];
    double total, done, started, printed;
    bool running, line_open;
    sample window[SAMPLES]; /* a ring; `oldest` is overwritten next */
    unsigned n, oldest;
};

static double monotonic(void *ctx) {
    (void)ctx;
    return qd_now();
}

qd_status qd_progress_create(const char *mode, FILE *f, qd_progress **p, qd_error *err) {
    static const char *const names[] = {"none", "plain", "tty", "json"};
    int kind = isatty(fileno(f)) ? QD_PROGRESS_TTY : QD_PROGRESS_PLAIN;
    *p = NULL;
    if (mode) {
        for (kind = 0; kind < 4 && strcmp(names[kind], mode) != 0; kind++) continue;
        if (kind == 4)
            return qd_fail(err, QD_E_USAGE, "no way to show progress is called '%s'|||use tty, plain, json or none", mode);
    }
    *p = calloc(1, sizeof **p);
    if (!*p) return qd_fail(err, QD_E_INTERNAL, "no memory to show progress");
    (*p)->mode = (qd_progress_mode)kind;
    (*p)->f = f;
    (*p)->now = monotonic;
    return QD_OK;
}

void qd_progress_set_clock(qd_progress *p, double (*now)(void *ctx), void *ctx) {
    p->now = now;
    p->ctx = ctx;
}

static void restart_window(qd_progress *p, double now, double done) {
    p->window[0] = (sample){now, done};
    p->n = 1;
    p->oldest = 0;
}

void qd_progress_begin(qd_progress *p, const char *job, double total, const char *unit) {
    if (!p) return;
    snprintf(p->job, sizeof p->job, "%s", job);
    snprintf(p->unit, sizeof p->unit, "%s", unit ? unit : "");
    p->stage[0] = 0;
    p->total = total;
    p->done = 0;
    p->started = p->now(p->ctx);
    p->printed = p->started;
    p->running = true;
    restart_window(p, p->started, 0);
}

static void take_sample(qd_progress *p, double now) {
    unsigned newest = p->n < SAMPLES ? p->n - 1 : (p->oldest + SAMPLES - 1) % SAMPLES;
    if (p->done < p->window[newest].done)
        restart_window(p, now, p->done); /* counting began anew */
    else if (now - p->window[newest].time >= sample_every) {
        if (p->n < SAMPLES) {
            p->window[p->n++] = (sample){now, p->done};
        } else {
            p->window[p->oldest] = (sample){now, p->done};
            p->oldest = (p->oldest + 1) % SAMPLES;
        }
    }
}

/* Units a second over the window; 0 while nothing is known. */
static double rate(const qd_progress *p, double now) {
    const sample *old = &p->window[p->oldest];
    double seconds = now - old->time;
    return seconds > 0 ? (p->done - old->done) / seconds : 0;
}

/* Seconds to go, or -1: unknown. */
static double eta(const qd_progress *p, double now) {
    double r = rate(p, now);
    if (p->total <= 0 || r <= 0) return -1;
    return p->done < p->total ? (p->total - p->done) / r : 0;
}

/* "12.3 M": a number with at most four digits and its SI prefix. */
static void print_si(char *out, size_t cap, double v) {
    static const char *const prefix[] = {"", " k", " M", " G", " T"};
    int i = 0;
    for (; i < 4 && v >= 9999.5; i++) v /= 1000;
    snprintf(out, cap, "%.4g%s", v, prefix[i]);
}

static void print_seconds(char *out, size_t cap, double s) {
    unsigned long t = s < 1e9 ? (unsigned long)(s + 0.5) : 1000000000ul;
    if (t >= 3600)
        snprintf(out, cap, "%lu:%02lu:%02lu", t / 3600, t / 60 % 60, t % 60);
    else
        snprintf(out, cap, "%lu:%02lu", t / 60, t % 60);
}

/* job: 12 / 40 blocks (30 %), 1.5 blocks/s, ETA 0:19, reconcile */
static void make_line(const qd_progress *p, double now, char *out, size_t cap) {
    char done[24], total[24], per[24], left[24];
    print_si(done, sizeof done, p->done);
    print_si(total, sizeof total, p->total);
    print_si(per, sizeof per, rate(p, now));
    size_t n = (size_t)snprintf(out, cap, "%s: %s", p->job, done);
    if (p->total > 0)
        n += (size_t)snprintf(out + n, cap - n, " / %s %s (%.0f %%)", total, p->unit, 100 * p->done / p->total);
    else
        n += (size_t)snprintf(out + n, cap - n, " %s", p->unit);
    n += (size_t)snprintf(out + n, cap - n, ", %s %s/s", per, p->unit);
    double seconds = eta(p, now);
    if (seconds >= 0) {
        print_seconds(left, sizeof left, seconds);
        n += (size_t)snprintf(out + n, cap - n, ", ETA %s", left);
    }
    if (p->stage[0]) snprintf(out + n, cap - n, ", %s", p->stage);
}

static void print_json(const qd_progress *p, double now) {
    json_t *j = json_object();
    double seconds = eta(p, now);
    json_object_set_new(j, "event", json_string("progress"));
    json_object_set_new(j, "job", json_string(p->job));
    json_object_set_new(j, "stage", json_string(p->stage));
    json_object_set_new(j, "done", json_real(p->done));
    json_object_set_new(j, "total", p->total > 0 ? json_real(p->total) : json_null());
    json_object_set_new(j, "unit", json_string(p->unit));
    json_object_set_new(j, "seconds", json_real(now - p->started));
    json_object_set_new(j, "rate", json_real(rate(p, now)));
    json_object_set_new(j, "eta_s", seconds >= 0 ? json_real(seconds) : json_null());
    char *text = json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (text) fprintf(p->f, "%s\n", text);
    free(text);
    json_decref(j);
}

static size_t columns(FILE *f) {
    struct winsize w;
    return ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
}

static void print(qd_progress *p, double now) {
    char line[LINE_BYTES];
    p->printed = now;
    if (p->mode == QD_PROGRESS_JSON) {
        print_json(p, now);
    } else {
        make_line(p, now, line, sizeof line);
        /* A line that wraps could not be rewritten. */
        if (p->mode == QD_PROGRESS_TTY)
            fprintf(p->f, "\r%.*s\x1b[K", (int)columns(p->f) - 1, line);
        else
            fprintf(p->f, "%s\n", line);
    }
    p->line_open = true;
    fflush(p->f);
}

void qd_progress_at(qd_progress *p, const char *stage, double done) {
    if (!p || !p->running || p->mode == QD_PROGRESS_NONE) return;
    double now = p->now(p->ctx);
    p->done = done;
    snprintf(p->stage, sizeof p->stage, "%s", stage ? stage : "");
    take_sample(p, now);
    if (now - p->printed >= print_every[p->mode]) print(p, now);
}

void qd_progress_end(qd_progress *p) {
    if (!p || !p->running) return;
    p->running = false;
    if (p->line_open && p->mode == QD_PROGRESS_TTY) {
        print(p, p->now(p->ctx)); /* the last state, not that of a tenth of a second ago */
        fputc('\n', p->f);
        fflush(p->f);
    }
    p->line_open = false;
}

void qd_progress_destroy(qd_progress *p) {
    qd_progress_end(p);
    free(p);
}

qd_progress_mode qd_progress_kind(const qd_progress *p) {
    return p ? p->mode : QD_PROGRESS_NONE;
}
