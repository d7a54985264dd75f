/* SPDX-License-Identifier: Apache-2.0 */
/** @file stations_suite.h  Two stations whose clocks are known, and the search between them without priors. */
#ifndef QD_TESTS_STATIONS_SUITE_H
#define QD_TESTS_STATIONS_SUITE_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "qdistill/compute.h"
#include "qdistill/link.h"
#include "qdistill/timetag.h"

typedef struct stations {
    qd_two_stations is;
    qd_device *dev; /**< NULL: there is none but the reference */
    qd_tags a, b;   /**< ticks of 125/32 ps */
    qd_clock clock;
    qd_sync_report r;
    qd_error err;
} stations;

static inline void stations_open(stations *s, const qd_two_stations *is) {
    *s = (stations){.is = *is, .a = {.tick = {125, 32}}, .b = {.tick = {125, 32}}};
    (void)qd_device_open("cpu", &s->dev, NULL);
    ck_assert_int_eq(qd_two_stations_run(is, &s->a, &s->b, &s->err), QD_OK);
}

static inline void stations_close(stations *s) {
    qd_tags_destroy(&s->a);
    qd_tags_destroy(&s->b);
    qd_device_close(s->dev);
}

/** Within 1 s of @p about_s, and 2^-13. */
static inline qd_status stations_search(stations *s, double about_s) {
    const qd_sync_params p = {.max_offset_s = 1, .max_ppm = 0x1p-13 * 1e6, .offset_s = about_s};
    return qd_correlate(s->dev, &s->a, &s->b, &p, &s->clock, &s->r, &s->err);
}

/** How far the clock that was found is off at mid-time, ps. */
static inline double stations_off(const stations *s) {
    return s->r.mid_offset_ps - s->is.offset_s * 1e12 - s->is.ppm * (s->r.mid_ps * 1e-6 - s->is.seconds / 2 * 1e6);
}

/** It locks, and of the clock at mid-time it is right to four standard deviations as stated, and a tick and a half for whole ticks of
 *  times and drift. */
static inline void stations_found(stations *s, double about_s, const char *what) {
    ck_assert_msg(stations_search(s, about_s) == QD_OK, "%s: %s (%s)", what, s->err.what, s->err.cause);
    double off = stations_off(s);
    ck_assert_msg(fabs(off) < 4 * s->r.mid_offset_sd_ps + 1.5 * 3.90625, "%s: %g ps off, stated %g", what, off,
                  s->r.mid_offset_sd_ps);
}

/** It refuses, or it is right in the same way. */
static inline void stations_never_wrong(stations *s, double about_s, const char *what) {
    qd_status st = stations_search(s, about_s);
    ck_assert_msg(st == QD_E_POLICY || (st == QD_OK && fabs(stations_off(s)) < 4 * s->r.mid_offset_sd_ps + 1.5 * 3.90625),
                  "%s: status %d, %g ps off, stated %g, sigma %g ps", what, (int)st, stations_off(s), s->r.mid_offset_sd_ps,
                  s->r.sigma_ps);
}

static inline int stations_by_time(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return a < b ? -1 : a > b;
}

#endif
