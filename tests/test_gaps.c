/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings that do not begin and end together, and such with gaps: the clock of what both have is found all the same. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "qdistill/compute.h"
#include "qdistill/link.h"
#include "qdistill/timetag.h"
#include "run_all.h"

enum { CUTS = 3 };
typedef struct cut {
    double from, to; /* seconds of the link that are missing */
} cut;

static const struct {
    const char *what;
    double offset_s, about_s; /* of the link; what is known of it */
    cut a[CUTS], b[CUTS];
} cases[] = {
    {"B begins later", 0.25, 0, {{0, 0}}, {{0, 0.2}}},
    {"B begins earlier", 0.25, 0, {{0, 0.3}}, {{0, 0}}},
    {"A ends earlier", -0.4, 0, {{4.6, 5}}, {{0, 0}}},
    {"B ends earlier, far from A's clock", 50.25, 50, {{0, 0}}, {{0, 0.2}, {4.7, 5}}},
    {"B begins later, far from A's clock", -49.75, -50, {{0, 0}}, {{0, 0.4}}},
    {"a gap of both", -0.3, 0, {{2, 2.3}}, {{2, 2.3}}},
    {"gaps of one and of both", -0.3, 0, {{0.5, 1.2}, {3, 3.3}}, {{2, 2.9}, {3, 3.3}}},
    {"a gap where the search begins", 0.1, 0, {{0.005, 0.5}}, {{0, 0}}},
    {"a gap of both soon after the beginning", 0.1, 0, {{0.03, 0.9}}, {{0.03, 0.9}}},
};
enum { CASES = sizeof cases / sizeof *cases };

static const double rate = 2e5, seconds = 5, sigma_ps = 200, ppm = 12;

/* Take events out; @p first: where the link begins on that clock. */
static void take_out(qd_tags *t, const cut cuts[CUTS], double first) {
    const double per_s = 1e12 * (double)t->tick.den / (double)t->tick.num;
    uint64_t n = 0;
    for (uint64_t i = 0; i < t->n; i++) {
        double at = (double)t->t[i] / per_s - first;
        bool out = false;
        for (int k = 0; k < CUTS; k++) out |= at >= cuts[k].from && at < cuts[k].to;
        if (!out) t->t[n++] = t->t[i];
    }
    t->n = n;
}

/* Of the clock at mid-time four standard deviations as stated, and a tick and a half for whole ticks of times and drift. */
START_TEST(found) {
    qd_device *dev = NULL;
    (void)qd_device_open("cpu", &dev, NULL);
    const qd_two_stations s = {.rate_a = rate,
                               .rate_b = rate,
                               .pairs = 0.08 * rate,
                               .seconds = seconds,
                               .sigma_ps = sigma_ps,
                               .ppm = ppm,
                               .offset_s = cases[_i].offset_s,
                               .seed = 40 + (uint64_t)_i};
    qd_tags a = {.tick = {125, 32}}, b = a;
    qd_error err = {0};
    qd_clock clock;
    qd_sync_report r;
    const qd_sync_params p = {.max_offset_s = 1, .max_ppm = 0x1p-13 * 1e6, .offset_s = cases[_i].about_s};
    ck_assert_int_eq(qd_two_stations_run(&s, &a, &b, &err), QD_OK);
    take_out(&a, cases[_i].a, 0);
    take_out(&b, cases[_i].b, -s.offset_s);
    ck_assert_msg(qd_correlate(dev, &a, &b, &p, &clock, &r, &err) == QD_OK, "%s: %s (%s)", cases[_i].what, err.what, err.cause);
    double truth = s.offset_s * 1e12 + ppm * (r.mid_ps * 1e-6 - seconds / 2 * 1e6);
    ck_assert_msg(fabs(r.mid_offset_ps - truth) < 4 * r.mid_offset_sd_ps + 1.5 * 3.90625, "%s: %g ps off, stated %g",
                  cases[_i].what, r.mid_offset_ps - truth, r.mid_offset_sd_ps);
    ck_assert(r.rate_b > rate / 2 && r.rate_b < rate * 1.1); /* 1.2 of 5 s are missing at most, and A's and B's ends */
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("gaps");
    TCase *c = tcase_create("gaps");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, found, 0, CASES);
    suite_add_tcase(s, c);
    return run_all(s);
}
