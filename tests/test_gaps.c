/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings that do not begin and end together, and such with gaps: the clock of what both have is found all the same. */
#include <math.h>
#include "run_all.h"
#include "stations_suite.h"

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

START_TEST(found) {
    stations s;
    stations_open(&s, &(qd_two_stations){.rate_a = rate,
                                         .rate_b = rate,
                                         .pairs = 0.08 * rate,
                                         .seconds = seconds,
                                         .sigma_ps = sigma_ps,
                                         .ppm = ppm,
                                         .offset_s = cases[_i].offset_s,
                                         .seed = 40 + (uint64_t)_i});
    take_out(&s.a, cases[_i].a, 0);
    take_out(&s.b, cases[_i].b, -s.is.offset_s);
    stations_found(&s, cases[_i].about_s, cases[_i].what);
    ck_assert(s.r.rate_b > rate / 2 && s.r.rate_b < rate * 1.1); /* 1.2 of 5 s are missing at most, and A's and B's ends */
    stations_close(&s);
}
END_TEST

/* An event of B minutes before all others: limits hold there, and the frequency, which is known to 20 ppm only, has moved the offset by more
 * than they leave when the rest comes. */
START_TEST(limits_hold_at_the_first_event) {
    const double before_s = 600, per_s = 256e9;
    stations s;
    stations_open(&s, &(qd_two_stations){.rate_a = rate,
                                         .rate_b = rate,
                                         .pairs = 0.08 * rate,
                                         .seconds = seconds,
                                         .sigma_ps = sigma_ps,
                                         .ppm = ppm,
                                         .offset_s = 0.1,
                                         .seed = 60});
    s.b.t[0] -= (int64_t)(before_s * per_s);
    const double there = s.is.offset_s + ppm * 1e-6 * ((double)s.b.t[0] / per_s - seconds / 2);
    const qd_sync_params p = {.max_offset_s = 0.001, .max_ppm = 20, .offset_s = there};
    ck_assert_double_gt(ppm * 1e-6 * before_s, 2 * p.max_offset_s);
    ck_assert_msg(qd_correlate(s.dev, &s.a, &s.b, &p, &s.clock, &s.r, &s.err) == QD_OK, "%s (%s)", s.err.what, s.err.cause);
    ck_assert_double_le(fabs(stations_off(&s)), 4 * s.r.mid_offset_sd_ps + 1.5 * 3.90625);
    stations_close(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("gaps");
    TCase *c = tcase_create("gaps");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, found, 0, CASES);
    tcase_add_test(c, limits_hold_at_the_first_event);
    suite_add_tcase(s, c);
    return run_all(s);
}
