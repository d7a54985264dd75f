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

int main(void) {
    return run_cases("gaps", found, CASES, 300);
}
