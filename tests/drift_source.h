/* SPDX-License-Identifier: Apache-2.0 */
/** @file drift_source.h  Two stations' times under a clock that drifts, with the times that a perfect clock would give. */
#ifndef QD_TESTS_DRIFT_SOURCE_H
#define QD_TESTS_DRIFT_SOURCE_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/timetag.h"

/** Counts a second of chance at A and B, pairs a second, their jitter (sd of the difference), seconds from 1 s on; tA - tB as
 *  offset + frequency t + drift t^2/2 about `middle`, or, where `pass` is set, as light takes from a satellite that culminates overhead at
 *  `middle`: circular orbit 500 km up, no rotation of the Earth, up to 23 ppm and 0.36 ppm a second. No pairs in [dark, light). */
typedef struct drift_case {
    double a, b, pairs, sigma_ps, seconds, offset_s, ppm, drift_ppm_s, middle;
    bool pass;
    double dark, light;
} drift_case;

typedef struct drift_events {
    qd_tags a, b;
    uint32_t *id[2];  /* number of the pair, 0: none */
    int64_t *true_b;  /* B's events on A's clock */
    uint64_t n_pairs;
} drift_events;

enum { DRIFT_TICKS = 256 }; /* a nanosecond */

static inline double drift_uniform(uint64_t *seed) {
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static inline double drift_gauss(uint64_t *seed) {
    double r = sqrt(-2 * log(drift_uniform(seed)));
    return r * cos(2 * M_PI * drift_uniform(seed));
}

/** tA - tB in seconds at A's time t. */
static inline double drift_delay(const drift_case *c, double t) {
    const double radius = 6371e3, height = 500e3, gm = 398600.4418e9, light = 299792458, orbit = radius + height;
    double s = t - c->middle;
    if (!c->pass) return c->offset_s + c->ppm * 1e-6 * s + c->drift_ppm_s * 1e-6 * s * s / 2;
    return sqrt(radius * radius + orbit * orbit - 2 * radius * orbit * cos(sqrt(gm / pow(orbit, 3)) * s)) / light;
}

/* Event of a side into its place: jitter moves few, and not far. */
static inline void drift_put(qd_tags *x, uint32_t *id, int64_t *other, int64_t t, uint32_t i, int64_t o) {
    uint64_t k = x->n++;
    for (; k > 0 && x->t[k - 1] > t; k--) {
        x->t[k] = x->t[k - 1];
        id[k] = id[k - 1];
        if (other) other[k] = other[k - 1];
    }
    x->t[k] = t;
    id[k] = i;
    if (other) other[k] = o;
}

static inline drift_events drift_make(const drift_case *c, uint64_t seed) {
    drift_events e = {.a.tick = {125, 32}, .b.tick = {125, 32}};
    double most[2], next[3], rate[3] = {c->a, c->b, c->pairs};
    for (int k = 0; k < 2; k++) {
        most[k] = (rate[k] + c->pairs) * c->seconds;
        qd_tags *x = k ? &e.b : &e.a;
        ck_assert_int_eq(qd_tags_reserve(x, (uint64_t)(most[k] + 10 * sqrt(most[k]) + 100), NULL), QD_OK);
        memset(x->mask, 1, x->cap);
        e.id[k] = malloc(x->cap * sizeof *e.id[k]);
    }
    e.true_b = malloc(e.b.cap * sizeof *e.true_b);
    for (int i = 0; i < 3; i++) next[i] = 1 - log(drift_uniform(&seed)) / rate[i];
    for (;;) {
        int i = next[0] < next[1] ? (next[0] < next[2] ? 0 : 2) : next[1] < next[2] ? 1 : 2;
        double t = next[i], both[2] = {t, t};
        if (!(t < 1 + c->seconds)) break;
        next[i] -= log(drift_uniform(&seed)) / rate[i];
        bool pair = i == 2;
        if (pair && t >= 1 + c->dark && t < 1 + c->light) continue;
        for (int k = 0; k < 2; k++)
            if (pair) both[k] += c->sigma_ps * 1e-12 / M_SQRT2 * drift_gauss(&seed);
        e.n_pairs += pair;
        uint32_t id = pair ? (uint32_t)e.n_pairs : 0;
        /* announced: 125 ps */
        if (i != 1) drift_put(&e.a, e.id[0], NULL, llrint(both[0] * DRIFT_TICKS * 1e9 / 32) * 32, id, 0);
        if (i != 0)
            drift_put(&e.b, e.id[1], e.true_b, (int64_t)floor((both[1] - drift_delay(c, both[1])) * DRIFT_TICKS * 1e9), id,
                      llrint(both[1] * DRIFT_TICKS * 1e9));
    }
    return e;
}

static inline void drift_free(drift_events *e) {
    qd_tags_destroy(&e->a);
    qd_tags_destroy(&e->b);
    free(e->id[0]);
    free(e->id[1]);
    free(e->true_b);
}

/** The line that the clock follows at B's event @p i, but for what it is made wrong by. */
static inline qd_clock drift_line(const drift_case *c, const drift_events *e, uint64_t i, double wrong_ps, double wrong_ppm) {
    qd_clock clock;
    double t = (double)e->true_b[i] / (DRIFT_TICKS * 1e9), part = (drift_delay(c, t + 1e-3) - drift_delay(c, t - 1e-3)) / 2e-3;
    double ppm = part / (1 - part) * 1e6 + wrong_ppm;
    ck_assert_int_eq(qd_clock_from_figures(e->b.tick, e->b.t[i], drift_delay(c, t) * 1e12 + wrong_ps, ppm, &clock, NULL), QD_OK);
    return clock;
}

/** True pairs among the coincidences, B's times on A's clock as given. */
static inline uint64_t drift_true_pairs(const drift_events *e, const int64_t *on_a, int64_t reach) {
    qd_pairs p = {0};
    uint64_t n = 0;
    ck_assert_int_eq(qd_coincide(NULL, e->a.t, e->a.n, on_a, e->b.n, NULL, reach, 0, e->a.n, &p, NULL), QD_OK);
    for (uint64_t i = 0; i < p.n; i++) n += e->id[0][p.a[i]] && e->id[0][p.a[i]] == e->id[1][p.b[i]];
    qd_pairs_destroy(&p);
    return n;
}

#endif
