/* SPDX-License-Identifier: Apache-2.0 */
/** @file clock_truth.h  A clock found in a simulated link against the one that the link was made with, in standard deviations. */
#ifndef QD_TESTS_CLOCK_TRUTH_H
#define QD_TESTS_CLOCK_TRUTH_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include "qdistill/link.h"
#include "qdistill/timetag.h"

typedef struct truth_case {
    const char *name;
    double rate, eta, fwhm_ps, dead_ps, delay_ps, dark_hz, ppm, seconds;
    int64_t offset_ps;
} truth_case;

/* Frequencies of either sign, none, and one that drifts by a fifth of a tick; jitter from a few ticks to many; accidentals from none to
 * one for two pairs in the fit's window; dead times and delays; offsets of either sign. */
static const truth_case truth_cases[] = {
    {"metro", 12e6, 0.2, 240, 30000, 0, 300, 2.5, 0.1, 3141592653},
    {"slow clock", 2e6, 0.2, 240, 30000, 500, 300, -7.3, 0.3, -3141592653},
    {"one clock", 2e6, 0.2, 300, 50000, 0, 300, 0, 0.3, 1234567},
    {"nearly one clock", 2e6, 0.2, 300, 50000, 0, 300, 2e-6, 0.3, -1234567},
    {"sharp", 1e6, 0.2, 20, 100000, 1000, 300, 9, 0.3, 77},
    {"wide", 2e6, 0.2, 1500, 0, 0, 300, -0.8, 0.3, 4711000000},
    {"dark", 6e6, 0.1, 1000, 45000, 0, 6e5, 4.2, 0.2, -4711000000},
};
enum { TRUTH_CASES = sizeof truth_cases / sizeof *truth_cases };

/** What the test watches, each in standard deviations. */
enum { Z_MID, Z_BASE, Z_FREQUENCY, Z_CLOCK, Z_COUNT };
static const char *const z_name[Z_COUNT] = {"offset at mid-time", "offset at base", "frequency", "clock in whole ticks"};

typedef struct z_sums {
    double n, sum[Z_COUNT], square[Z_COUNT];
} z_sums;

static inline void truth_scenario(const truth_case *c, uint64_t seed, qd_scenario *s) {
    *s = (qd_scenario){.name = "truth", .pair_rate_hz = c->rate, .visibility = 0.97};
    for (int k = 0; k < 2; k++) {
        s->arm[k].basis_split = 0.5;
        s->arm[k].jitter_fwhm_ps = c->fwhm_ps;
        s->arm[k].dead_ps = c->dead_ps;
        for (int d = 0; d < 4; d++) {
            s->arm[k].efficiency[d] = c->eta;
            s->arm[k].dark_hz[d] = c->dark_hz;
            s->arm[k].delay_ps[d] = c->delay_ps;
        }
    }
    s->clock_offset_ps = c->offset_ps + 1237 * (int64_t)seed; /* another part of a tick each time */
    s->clock_frequency_ppm = c->ppm;
}

/* The true line: least squares over all of Bob's times, in ticks; what a floor did to a drift of less than a tick is in it. */
typedef struct true_line {
    double middle, offset, freq; /* offset at the mean time, ticks a tick */
} true_line;

static inline true_line true_line_of(const qd_clock *truth, const qd_tags *b) {
    double n = (double)b->n, t = 0, y = 0, tt = 0, ty = 0;
    for (uint64_t i = 0; i < b->n; i++) t += (double)(b->t[i] - truth->base) / n;
    for (uint64_t i = 0; i < b->n; i++) {
        double x = (double)(b->t[i] - truth->base) - t, v = (double)(qd_clock_apply(truth, b->t[i]) - b->t[i] - truth->offset);
        y += v / n;
        tt += x * x;
        ty += x * v;
    }
    return (true_line){(double)truth->base + t, (double)truth->offset + y, ty / tt};
}

static inline void judge_clock(const qd_clock *truth, const qd_clock *found, const qd_sync_report *r, const qd_tags *b,
                               double z[Z_COUNT]) {
    double tick = 125.0 / 32, unit = ldexp(1, -QD_CLOCK_SHIFT), apart = 0;
    true_line t = true_line_of(truth, b);
    z[Z_MID] = (r->mid_offset_ps - tick * t.offset - t.freq * (r->mid_ps - tick * t.middle)) / r->mid_offset_sd_ps;
    z[Z_BASE] = (r->offset_ps - tick * t.offset - t.freq * (r->base_ps - tick * t.middle)) / r->offset_sd_ps;
    z[Z_FREQUENCY] = (r->frequency_ppm - 1e6 * t.freq) / r->frequency_sd_ppm;
    /* The clock itself: what the header says that whole ticks and 2^-44 add. */
    for (uint64_t i = 0; i < b->n; i++) apart += (double)(qd_clock_apply(found, b->t[i]) - qd_clock_apply(truth, b->t[i]));
    double rounding = tick * hypot(1, unit * (r->mid_ps - r->base_ps) / tick) / sqrt(12);
    z[Z_CLOCK] = tick * apart / (double)b->n / hypot(r->mid_offset_sd_ps, rounding);
}

/** Simulate, find the clock, and judge it: nothing beyond 4 standard deviations. */
static inline void check_clock(const truth_case *c, uint64_t seed, qd_device *dev, z_sums *sums) {
    qd_scenario s;
    qd_link *link = NULL;
    qd_tags a = {0}, b = {0};
    qd_clock clock = {0};
    qd_sync_report r;
    qd_error err = {0};
    double z[Z_COUNT];
    truth_scenario(c, seed, &s);
    ck_assert_msg(qd_link_create(&s, seed, &link, &err) == QD_OK, "%s (%s)", err.what, err.cause);
    uint64_t cells = qd_link_cells(c->seconds), batch = qd_link_batch(link);
    for (uint64_t at = 0; at < cells; at += batch)
        ck_assert_msg(qd_simulate(link, dev, at, cells - at < batch ? cells - at : batch, &a, &b, NULL, &err) == QD_OK, "%s", err.what);
    ck_assert_msg(qd_correlate(dev, &a, &b, NULL, &clock, &r, &err) == QD_OK, "%s, seed %d: %s", c->name, (int)seed, err.what);
    qd_clock truth = qd_link_clock(link);
    judge_clock(&truth, &clock, &r, &b, z);
    sums->n++;
    for (int i = 0; i < Z_COUNT; i++) {
        ck_assert_msg(fabs(z[i]) < 4, "%s, seed %d: %s is %.2f standard deviations off (mid-time %.3f ps, frequency %.2g ppm)", c->name,
                      (int)seed, z_name[i], z[i], r.mid_offset_sd_ps, r.frequency_sd_ppm);
        sums->sum[i] += z[i];
        sums->square[i] += z[i] * z[i];
    }
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_link_destroy(link);
}

/** Limits of the root mean square of n standard normals that chance exceeds, either way, once in 1,000 times: chi-square with n degrees of
 *  freedom by its cube root, which is nearly normal (Wilson, Hilferty, PNAS 17:684 (1931)); 3.29 is that normal's limit. Exact for n = 20
 *  and 40: 0.520 to 1.541, 0.650 to 1.379. */
static inline void rms_limits(double n, double *low, double *high) {
    double mean = 1 - 2 / (9 * n), sd = sqrt(2 / (9 * n));
    *low = pow(mean - 3.29 * sd, 1.5);
    *high = pow(mean + 3.29 * sd, 1.5);
}

/** Over many runs: mean 0 within @p sds of its own deviation, root mean square 1 as far as chance goes. The clock's has no lower limit: the
 *  truth is in whole ticks too, and where neither drifts rounding finds it exactly. */
static inline void check_distribution(const char *name, const z_sums *s, double sds) {
    printf("%-16s %3.0f runs, z mean and rms:", name, s->n);
    for (int i = 0; i < Z_COUNT; i++) printf("  %+.2f %.2f", s->sum[i] / s->n, sqrt(s->square[i] / s->n));
    printf("  (mean of nothing: 0 within %.2f)\n", 1 / sqrt(s->n));
    for (int i = 0; i < Z_COUNT; i++) {
        double mean = s->sum[i] / s->n, rms = sqrt(s->square[i] / s->n);
        ck_assert_msg(fabs(mean) <= sds / sqrt(s->n), "%s: %s has a mean of %.2f sd over %.0f runs", name, z_name[i], mean, s->n);
        double low, high;
        rms_limits(s->n, &low, &high);
        ck_assert_msg((i == Z_CLOCK || rms > low) && rms < high, "%s: %s has %.2f times its stated sd over %.0f runs", name,
                      z_name[i], rms, s->n);
    }
}

#endif
