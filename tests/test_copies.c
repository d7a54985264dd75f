/* SPDX-License-Identifier: Apache-2.0 */
/* A recording that holds its pairs twice, at two offsets, has no one clock: refused, however bright it is and however far apart
 * they are. */
#include <math.h>
#include "run_all.h"
#include "stations_suite.h"

/* Share of B's events that is later, in sixteenths, and by how much; share of the events with a partner. */
static const struct {
    double eta, later_s;
    unsigned of16;
} cases[] = {{0.08, 0.05, 8},
             {0.08, 0.2, 10},
             {0.08, -0.5, 8},
             {0.2, 0.9, 6},
             {0.03, 0.05, 8},
             {0.08, 3.3e-3, 8},
             /* below every bin of the search; nearer than 20 ns they are delays of detectors */
             {0.08, 200e-9, 8},
             {0.08, 37e-9, 5},
             {0.08, 37e-9, 8},
             {0.08, 5e-9, 8},
             {0.08, 0, 0}};
enum { CASES = sizeof cases / sizeof *cases };

START_TEST(no_one_clock) {
    const bool one = cases[_i].of16 == 0 || fabs(cases[_i].later_s) < 20e-9;
    stations s;
    stations_open(&s, &(qd_two_stations){.rate_a = 2e5,
                                         .rate_b = 2e5,
                                         .pairs = cases[_i].eta * 2e5,
                                         .seconds = 5,
                                         .sigma_ps = 200,
                                         .ppm = 12,
                                         .offset_s = 0.05,
                                         .seed = 60 + (uint64_t)_i});
    for (uint64_t i = 0; i < s.b.n; i++) {
        uint32_t w[4];
        qd_philox(s.is.seed, QD_STREAM_TEST, i, 0, w);
        if (w[0] % 16 < cases[_i].of16) s.b.t[i] += (int64_t)(cases[_i].later_s * 256e9);
    }
    qsort(s.b.t, s.b.n, sizeof *s.b.t, stations_by_time);
    qd_status st = stations_search(&s, 0);
    ck_assert_msg(st == (one ? QD_OK : QD_E_POLICY), "copy %g s later: %s (%s), %g s", cases[_i].later_s, s.err.what, s.err.cause,
                  s.r.offset_ps * 1e-12);
    if (st != QD_OK) ck_assert_int_eq(s.r.cause, QD_LOCK_TWO_CANDIDATES);
    stations_close(&s);
}
END_TEST

int main(void) {
    return run_cases("copies", no_one_clock, CASES, 300);
}
