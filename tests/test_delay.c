/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that drift and satellites that pass: the geometry against vectors and known answers, Bob's times against the delay. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "qdistill/link.h"
#include "run_all.h"

static const double light = 299792458, radius = 6371e3;

static qd_scenario scenario(double altitude_km, double elevation, double start, double drift) {
    qd_scenario s = {.name = "delay", .pair_rate_hz = 2e5, .visibility = 0.97, .clock_offset_ps = 1234567890, .clock_frequency_ppm = 2.5,
                     .clock_drift_ppm_s = drift, .pass = {altitude_km, elevation, start}};
    for (int k = 0; k < 2; k++) {
        s.arm[k].basis_split = 0.5;
        s.arm[k].jitter_fwhm_ps = 300;
        for (int d = 0; d < 4; d++) s.arm[k].efficiency[d] = 0.5;
    }
    return s;
}

static qd_link *link_of(const qd_scenario *s) {
    qd_link *l = NULL;
    qd_error err = {0};
    ck_assert_msg(qd_link_create(s, 1, &l, &err) == QD_OK, "%s (%s)", err.what, err.cause);
    return l;
}

/* The same from positions in space: the orbit in the plane z = 0, the station `angle` beside it. */
static double elevation_of(double r, double angle, double phase, double *range) {
    double station[3] = {radius * cos(angle), 0, radius * sin(angle)}, sat[3] = {r * cos(phase), r * sin(phase), 0}, dot = 0, square = 0;
    for (int i = 0; i < 3; i++) {
        dot += (sat[i] - station[i]) * station[i] / radius;
        square += (sat[i] - station[i]) * (sat[i] - station[i]);
    }
    *range = sqrt(square);
    return asin(dot / *range) * 180 / M_PI;
}

START_TEST(the_geometry_is_that_of_positions_in_space) {
    static const qd_pass passes[] = {{500, 90, 0}, {500, 90, -346}, {500, 30, -100}, {1200, 60, 77}, {36000, 5, -1000}, {160, 1, 3}};
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        const qd_pass *p = &passes[i];
        double r = radius + p->altitude_km * 1e3, w = sqrt(398600.4418e9 / pow(r, 3)), low = 0, high = acos(radius / r), range, back, range_m, rate, degrees;
        for (int k = 0; k < 100; k++) { /* the angle at which it culminates in that elevation */
            double mid = (low + high) / 2;
            *(elevation_of(r, mid, 0, &range) > p->max_elevation_deg ? &low : &high) = mid;
        }
        for (double t = -200; t <= 200; t += 50) {
            double want = elevation_of(r, high, w * (p->start_s + t), &range);
            qd_pass_at(p, t, &range_m, &rate, &degrees);
            ck_assert_double_le(fabs(range_m - range), 1e-2); /* 1e-16 of the squares of 1e7 m, and the root of that at 90 degrees */
            ck_assert_double_le(fabs(degrees - want), 1e-5);
            elevation_of(r, high, w * (p->start_s + t + 1e-3), &range);
            elevation_of(r, high, w * (p->start_s + t - 1e-3), &back);
            ck_assert_double_le(fabs(rate - (range - back) / 2e-3), 0.1); /* of two differences of 1e-9 m to 1e-7 each, and of t^3 */
        }
    }
}
END_TEST

/* H = 500 km, overhead: slant range and elevation so long after culmination; half a unit of the last digit, and of the time's. */
START_TEST(known_answers) {
    static const double rows[][3] = {{0, 90, 500.0}, {37.5, 60, 570.5}, {63.5, 45, 683.1}, {103.6, 30, 909.4}, {147.8, 20, 1192.8}, {221.3, 10, 1694.6}, {346.3, 0, 2573.1}};
    const qd_pass p = {500, 90, 0};
    double range, rate, elevation, later;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qd_pass_at(&p, rows[i][0], &range, &rate, &elevation);
        ck_assert_double_le(fabs(range * 1e-3 - rows[i][2]), 0.05 + 0.05 * 7.1);
        ck_assert_double_le(fabs(elevation - rows[i][1]), 0.05);
    }
    qd_pass_at(&p, 346, &range, &rate, &elevation);
    ck_assert_double_le(fabs(rate / light * 1e6 - 23), 1); /* ppm */
    qd_pass_at(&p, 0, &range, &rate, &elevation);
    qd_pass_at(&p, 0.01, &range, &later, &elevation);
    ck_assert_double_le(fabs((later - rate) / 0.01 / light * 1e6 - 0.36), 0.005); /* ppm a second */
}
END_TEST

/* tA - tB by the scenario, ticks, at t seconds. */
static double delay(const qd_scenario *s, double t) {
    double range = 0, rate, elevation, freq = s->clock_frequency_ppm * 1e-6;
    if (s->pass.altitude_km > 0) qd_pass_at(&s->pass, t, &range, &rate, &elevation);
    return ((double)s->clock_offset_ps * 1e-12 + freq / (1 + freq) * t + s->clock_drift_ppm_s * 1e-6 * t * t / 2 - range / light) * 256e9;
}

/* The largest time that the cell's clock maps to or before the event, in order through all cells; off the delay by the tick that is cut off and
 * the one in which a cell's line is stated, a fifth of a tick for the cubic (1.07^4 / 384 of 2e-10 a second^3) and doubles of 1e12 ticks. */
START_TEST(bobs_times_follow_the_delay) {
    const qd_scenario cases[] = {scenario(500, 90, -5, 0), scenario(500, 40, -250, 0.1), scenario(0, 0, 0, -0.3), scenario(2000, 90, 0, 0)};
    const qd_scenario *s = &cases[_i];
    qd_link *l = link_of(s);
    uint64_t bad = 0, off = 0;
    int64_t last = INT64_MIN, at = QD_LINK_START;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t cell = (uint64_t)(at - QD_LINK_START) >> QD_LINK_CELL_BITS;
        qd_clock c = qd_link_clock_at(l, cell);
        int64_t tb = qd_link_bob_time(l, at), exact = tb;
        while (qd_clock_apply(&c, exact + 1) <= at) exact++;
        bad += qd_clock_apply(&c, tb) > at || exact - tb > 1 || tb < last;
        double want = delay(s, (double)(at - QD_LINK_START) / 256e9);
        off += fabs((double)(at - tb) - want) > 2.3;
        last = tb;
        /* on from tick to tick where a cell ends, else through the pass */
        int64_t end = QD_LINK_START + (int64_t)((cell + 1) << QD_LINK_CELL_BITS);
        at = at < end - 3 ? (end - 3 - at > 1 << 30 ? at + (1 << 29) + 12345 : end - 3) : at < end + 3 ? at + 1 : at + (1 << 29) + 777;
    }
    ck_assert_uint_eq(bad, 0);
    ck_assert_uint_eq(off, 0);
    qd_link_destroy(l);
}
END_TEST

START_TEST(frequency_and_drift_are_those_asked_for) {
    qd_scenario s = scenario(0, 0, 0, 0.1);
    qd_link *l = link_of(&s);
    qd_clock from = qd_link_clock(l), to = qd_link_clock_at(l, qd_link_cells(100) - 1);
    /* 2^-44 is 6e-8 ppm; the line of a cell is its middle's, 0.5 ms on. */
    ck_assert_double_le(fabs(ldexp((double)from.freq, -44) * 1e6 - 2.5), 1e-4);
    ck_assert_double_le(fabs(ldexp((double)to.freq, -44) * 1e6 - 12.5), 1e-3); /* and 12.5e-6^2 that tA's and tB's seconds differ */
    ck_assert_int_eq(qd_link_cells_most(l), (int64_t)floor(1975 / qd_link_seconds(1) - 0.5)); /* (200 - 2.5) / 0.1 s */
    qd_link_destroy(l);
}
END_TEST

/* Cells alone or together, and no further than the link holds. */
START_TEST(a_pass_ends_at_the_horizon) {
    qd_scenario s = scenario(500, 90, 340, 0);
    qd_link *l = link_of(&s);
    qd_error err = {0};
    qd_tags one[2] = {{0}, {0}}, parts[2] = {{0}, {0}};
    uint64_t most = qd_link_cells_most(l);
    ck_assert_double_le(fabs(qd_link_seconds(most) - 6.27), 0.05);
    ck_assert_int_eq(qd_link_covers(l, most, &err), QD_OK);
    ck_assert_int_eq(qd_link_covers(l, most + 1, &err), QD_E_INPUT);
    ck_assert_int_eq(qd_simulate(l, NULL, most - 1, 2, &one[0], &one[1], NULL, &err), QD_E_INPUT);
    ck_assert_int_eq(qd_simulate(l, NULL, most - 40, 40, &one[0], &one[1], NULL, &err), QD_OK);
    for (uint64_t i = most - 40; i < most; i++) ck_assert_int_eq(qd_simulate(l, NULL, i, 1, &parts[0], &parts[1], NULL, &err), QD_OK);
    for (int k = 0; k < 2; k++) {
        ck_assert_uint_eq(one[k].n, parts[k].n);
        ck_assert_uint_gt(one[k].n, 100);
        ck_assert_mem_eq(one[k].t, parts[k].t, one[k].n * sizeof *one[k].t);
        uint64_t back = 0;
        for (uint64_t i = 1; i < one[k].n; i++) back += one[k].t[i] < one[k].t[i - 1];
        ck_assert_uint_eq(back, 0);
        qd_tags_destroy(&one[k]);
        qd_tags_destroy(&parts[k]);
    }
    qd_link_destroy(l);
}
END_TEST

int main(void) {
    Suite *s = suite_create("delay");
    TCase *t = tcase_create("delay");
    tcase_add_test(t, the_geometry_is_that_of_positions_in_space);
    tcase_add_test(t, known_answers);
    tcase_add_loop_test(t, bobs_times_follow_the_delay, 0, 4);
    tcase_add_test(t, frequency_and_drift_are_those_asked_for);
    tcase_add_test(t, a_pass_ends_at_the_horizon);
    suite_add_tcase(s, t);
    return run_all(s);
}
