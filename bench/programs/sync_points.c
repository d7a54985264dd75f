/* SPDX-License-Identifier: Apache-2.0 */
/* Clock search at a point of its range, seed after seed: locks, right ones, and what they cost.
 *
 *   sync_points [rate HZ] [eta H] [s SECONDS] [sigma PS] [effort low|normal|high] [max-offset S] [max-ppm P] [prior 0|1] [seeds
 * N] [first N]
 *
 * Links with `rate` events a side and second of which the share `eta` has a partner, offsets and frequencies spread over the
 * limits. prior 1: the frequency is known to max-ppm, wherever within 122 ppm it is. At most 2^24 events a side, as the verb sync
 * holds. The last line counts; exit status 1 where a lock was wrong or missing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "qdistill/timetag.h"
#include "two_stations.h"

typedef struct point {
    double rate, eta, seconds, sigma, max_offset, max_ppm, prior, seeds, first;
    qd_effort effort;
} point;

static double wall(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double processor(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + 1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static bool take(point *p, const char *name, const char *value) {
    const struct {
        const char *name;
        double *to;
    } real[] = {{"rate", &p->rate},
                {"eta", &p->eta},
                {"s", &p->seconds},
                {"sigma", &p->sigma},
                {"max-offset", &p->max_offset},
                {"max-ppm", &p->max_ppm},
                {"prior", &p->prior},
                {"seeds", &p->seeds},
                {"first", &p->first}};
    static const char *const efforts[] = {[QD_EFFORT_NORMAL] = "normal", [QD_EFFORT_HIGH] = "high", [QD_EFFORT_LOW] = "low"};
    for (size_t i = 0; i < sizeof real / sizeof *real; i++)
        if (!strcmp(name, real[i].name)) {
            *real[i].to = atof(value);
            return true;
        }
    for (int i = 0; i < QD_EFFORTS; i++)
        if (!strcmp(name, "effort") && !strcmp(value, efforts[i])) {
            p->effort = (qd_effort)i;
            return true;
        }
    return false;
}

/* Offsets and frequencies that fill their ranges evenly: multiples of the two-dimensional golden ratio. */
static void place(const point *p, uint64_t seed, qd_two_stations *s, qd_sync_params *q) {
    double u = 2 * fmod((double)seed * 0.7548776662, 1) - 1, v = 2 * fmod((double)seed * 0.5698402909, 1) - 1,
           w = 2 * fmod((double)seed * 0.618034, 1) - 1;
    *q = (qd_sync_params){.max_offset_s = p->max_offset, .max_ppm = p->max_ppm, .effort = p->effort};
    if (p->prior > 0) q->ppm = 122 * w;
    *s = (qd_two_stations){.rate_a = p->rate,
                           .rate_b = p->rate,
                           .pairs = p->rate * p->eta,
                           .seconds = p->seconds,
                           .sigma_ps = p->sigma,
                           .offset_s = 0.95 * p->max_offset * u,
                           .ppm = q->ppm + 0.95 * p->max_ppm * v,
                           .most = 1 << 24,
                           .seed = seed};
}

/* Errors against the jitter over the root of the number of pairs, the best that can be, and against what the report states. */
static bool judge(const qd_two_stations *s, const qd_sync_report *r, double ideal[2], double stated[2]) {
    double truth = s->offset_s * 1e12 + s->ppm * (r->mid_ps * 1e-6 - s->seconds / 2 * 1e6), n = r->span_s * s->pairs;
    double off = r->mid_offset_ps - truth, freq = r->frequency_ppm - s->ppm;
    ideal[0] = off / (s->sigma_ps / sqrt(n));
    ideal[1] = freq / (1e-6 * s->sigma_ps * sqrt(12) / (r->span_s * sqrt(n)));
    stated[0] = off / r->mid_offset_sd_ps;
    stated[1] = freq / r->frequency_sd_ppm;
    return fabs(stated[0]) < 4 && fabs(stated[1]) < 4;
}

static int run(const point *p, qd_device *dev) {
    int locks = 0, right = 0, close = 0, seeds = (int)p->seeds;
    double most_wall = 0, sum_wall = 0, sum_cpu = 0;
    for (int k = 0; k < seeds; k++) {
        qd_two_stations s;
        qd_sync_params q;
        qd_tags a = {.tick = {125, 32}}, b = {.tick = {125, 32}};
        qd_clock c;
        qd_sync_report r;
        qd_error err = {0};
        struct rusage use;
        double ideal[2] = {0, 0}, stated[2] = {0, 0};
        place(p, (uint64_t)p->first + (uint64_t)k, &s, &q);
        if (qd_two_stations_run(&s, &a, &b, &err) != QD_OK) return 1;
        double w = wall(), u = processor();
        qd_status st = qd_correlate(dev, &a, &b, &q, &c, &r, &err);
        w = wall() - w;
        u = processor() - u;
        if (st == QD_OK) {
            locks++;
            right += judge(&s, &r, ideal, stated);
            close += fabs(ideal[0]) < 3 && fabs(ideal[1]) < 3;
        }
        if (w > most_wall) most_wall = w;
        sum_wall += w;
        sum_cpu += u;
        getrusage(RUSAGE_SELF, &use);
        printf(
            "seed %3llu: %s %6.2f s (%6.2f of processors), bin %9.3f ns, S %5.1f, off by %+.2f and %+.2f sigma/sqrt(n), stated "
            "%+.2f and %+.2f sd, "
            "%ld MB%s%s\n",
            (unsigned long long)s.seed, st == QD_OK ? "lock" : "none", w, u, r.bin_ps * 1e-3, r.significance, ideal[0], ideal[1],
            stated[0], stated[1], use.ru_maxrss / 1024, st == QD_OK ? "" : ": ", st == QD_OK ? "" : err.what);
        fflush(stdout);
        qd_tags_destroy(&a);
        qd_tags_destroy(&b);
    }
    printf(
        "rate %g, eta %g, %g s, sigma %g ps: %d of %d lock, %d within 4 stated sd, %d within 3 sigma/sqrt(n); %.2f s (%.2f of "
        "processors), longest %.2f\n",
        p->rate, p->eta, p->seconds, p->sigma, locks, seeds, right, close, sum_wall / seeds, sum_cpu / seeds, most_wall);
    return locks == seeds && right == seeds ? 0 : 1;
}

int main(int argc, char **argv) {
    point p = {
        .rate = 1e6, .eta = 0.03, .seconds = 10, .sigma = 200, .max_offset = 1, .max_ppm = 0x1p-13 * 1e6, .seeds = 1, .first = 1};
    qd_device *dev = NULL;
    qd_error err = {0};
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !take(&p, argv[i], argv[i + 1])) {
            fprintf(stderr, "sync_points: what is '%s'?\n", argv[i]);
            return 2;
        }
    if (qd_device_open("cpu", &dev, &err) != QD_OK) fprintf(stderr, "%s: the reference computes\n", err.what);
    int status = run(&p, dev);
    qd_device_close(dev);
    return status;
}
