/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks whose frequency drifts are found: the first cases are quick, the last searches a minute of tags. */
#ifndef QD_TESTS_DRIFTS_SUITE_H
#define QD_TESTS_DRIFTS_SUITE_H

#include <check.h>
#include <stdio.h>
#include "run_all.h"
#include "tag_source.h"

/* What a clock whose frequency grows by so much a second leaves of B's times: tA - tB falls short by growth/2 t^2. */
static inline void bend(qd_tags *b, double ppm_s) {
    for (uint64_t i = 0; i < b->n; i++) {
        double t = (double)b->t[i] / 256e9;
        b->t[i] -= (int64_t)(256e9 * ppm_s * 1e-6 / 2 * t * t);
    }
}


/* pairs and singles a second, seconds, drift in ppm a second */
static const struct {
    double pairs, a, b, seconds, ppm_s;
} bent[] = {{1e4, 1e5, 1e5, 2, 0.4},
            {1e4, 1e5, 1e5, 2, -0.05},
            {700, 3e5, 7e3, 4, 0.36},
            {300, 3e4, 8e3, 40, 0.3},
            {160, 1e5, 2e4, 60, 0.6}};
enum { BENT = sizeof bent / sizeof *bent };

/* A clock that drifts: the line found touches it where it is stated, to 4.5 standard deviations and four ticks: of times, of the
 * curve, of the line, and of pairs moved onto it. The drift is off by the slopes at both ends, each of 96 pairs in 0.27 s at
 * least or as good: 6.9 sigma / sqrt(n) / half of it for a parabola's end, 1.6e-3 ppm. The last is found in a part of the data:
 * over all of it a drift of 0.6 ppm a second leaves any line by a T^2 / 16, 76 us, where the finest bins are 10 us. */
START_TEST(drifts) {
    qd_device *dev = NULL;
    tag_source s = {bent[_i].seconds, bent[_i].pairs, bent[_i].a, bent[_i].b, 300, 0.003, 3, 51};
    double growth = bent[_i].ppm_s * 1e-6, whole = s.seconds;
    qd_tags a = {.tick = {125, 32}}, b = a;
    qd_clock c;
    qd_sync_report r;
    qd_error err = {0};
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) dev = NULL;
    tag_source_run(&s, &a, &b);
    bend(&b, bent[_i].ppm_s);
    qsort(b.t, b.n, sizeof *b.t, tag_order);
    ck_assert_int_eq(qd_correlate(dev, &a, &b, &(qd_sync_params){.effort = QD_EFFORT_LOW}, &c, &r, &err), QD_E_POLICY);
    printf("%g ppm a second: %s\n", bent[_i].ppm_s, r.reason);
    ck_assert_msg(qd_correlate(dev, &a, &b, &(qd_sync_params){.follows = true}, &c, &r, &err) == QD_OK, "%s", err.what);
    /* tA of B's event at t, before the bend: t + 3 ms + 3e-6 t; t from B's time as it is now */
    double at = r.mid_ps * 1e-12, t = at;
    for (int i = 0; i < 20; i++) t = at + growth / 2 * t * t;
    double off = r.mid_offset_ps - ((1 + 3e-6) * t + 0.003 - at) * 1e12, ppm = ((1 + 3e-6) * (1 + growth * t) - 1) * 1e6;
    printf(
        "followed over %g of %g s, drift %g; %llu pairs in %g s: off by %.1f ps (sd %.1f), %.2g ppm (sd %.2g), jitter %.0f ps, S "
        "%.1f, %g s "
        "searched\n",
        r.followed_s, whole, r.drift_ppm_s, (unsigned long long)r.pairs, r.span_s, off, r.mid_offset_sd_ps, r.frequency_ppm - ppm,
        r.frequency_sd_ppm, r.sigma_ps, r.significance, r.search_s);
    ck_assert(r.locked && c.locked && r.reason[0] == 0);
    ck_assert_double_le(fabs(off), 4.5 * r.mid_offset_sd_ps + 4 * 3.90625);
    ck_assert_double_le(fabs(r.frequency_ppm - ppm), 4.5 * r.frequency_sd_ppm + 1e-6);
    ck_assert_double_le(fabs(qd_clock_offset_ps(&c) - r.offset_ps), 1.5 * 3.90625);
    ck_assert_double_le(fabs(r.base_ps - r.mid_ps), 2 * 3.90625);
    ck_assert_double_le(fabs(r.drift_ppm_s - bent[_i].ppm_s), 4.5 * sqrt(2) * 1.6e-3 / (0.5 * r.followed_s));
    ck_assert(r.followed_s > 0.75 * r.search_s && r.followed_s <= whole);
    if (_i == BENT - 1) ck_assert_double_lt(r.search_s, 0.25 * whole);
    ck_assert_double_le(r.confirm_p, 1e-9);
    ck_assert_double_le(r.p_false, 1e-9);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

#endif
