/* SPDX-License-Identifier: Apache-2.0 */
/* A rate that is not steady, a lamp's, correlates with itself at every lag; the pairs' peak is found all the same, and alone. */
#include <math.h>
#include <stdio.h>
#include "run_all.h"
#include "stations_suite.h"
#include "timetag/sync.h"

/* Modulation of both sides' rates: hertz, depth; the part of the events that afterpulses follow. */
static const struct {
    double hz, depth, after;
} cases[] = {{100, 0.5, 0}, {100, 1, 0}, {50, 0.2, 0.03}, {1000, 0.5, 0}, {0.7, 0.6, 0}, {100, 0.5, 0.05}};
enum { CASES = sizeof cases / sizeof *cases };
static const double per_s = 256e9; /* ticks */

static double draw(uint64_t seed, uint64_t i, uint32_t which) {
    uint32_t w[4];
    qd_philox(seed, QD_STREAM_TEST, i, which, w);
    return w[0] * 0x1p-32;
}

/* Keep what the modulation lets through, and let some be followed by another event within 10 us; pairs are lost on either side.
 */
static void modulate(qd_tags *t, uint64_t seed, double hz, double depth, double after) {
    const double pi = acos(-1.0);
    uint64_t n = 0;
    int64_t *out = malloc(2 * t->n * sizeof *out);
    ck_assert_ptr_nonnull(out);
    for (uint64_t i = 0; i < t->n; i++) {
        double rate = (1 + depth * sin(2 * pi * hz * (double)t->t[i] / per_s)) / (1 + depth);
        if (draw(seed, i, 0) >= rate) continue;
        out[n++] = t->t[i];
        if (draw(seed, i, 1) < after) out[n++] = t->t[i] + (int64_t)(draw(seed, i, 2) * 10e-6 * per_s);
    }
    qsort(out, n, sizeof *out, stations_by_time);
    if (n > t->n) n = t->n;
    for (uint64_t i = 0; i < n; i++) t->t[i] = out[i];
    t->n = n;
    free(out);
}

START_TEST(locks_where_rates_move) {
    stations s;
    char what[40];
    (void)snprintf(what, sizeof what, "%g Hz, %g", cases[_i].hz, cases[_i].depth);
    stations_open(&s, &(qd_two_stations){.rate_a = 3e5,
                                         .rate_b = 3e5,
                                         .pairs = 0.1 * 3e5,
                                         .seconds = 4,
                                         .sigma_ps = 150,
                                         .ppm = -20,
                                         .offset_s = 0.3,
                                         .seed = 80 + (uint64_t)_i});
    modulate(&s.a, 2 * s.is.seed, cases[_i].hz, cases[_i].depth, cases[_i].after);
    modulate(&s.b, 2 * s.is.seed + 1, cases[_i].hz, cases[_i].depth, cases[_i].after);
    stations_found(&s, 0, what);
    stations_close(&s);
}
END_TEST

/* Of a steady rate the spread of some 600 counts is within 5 of its deviations of a Poisson count's: sums of so many squares are beyond in one
 * of half a million (chi-square). Some files end in the middle of a millisecond, some have a pause. */
START_TEST(a_steady_rate_is_no_moving_one) {
    stations s;
    stations_open(&s, &(qd_two_stations){.rate_a = 4e5,
                                         .rate_b = 4e5,
                                         .pairs = 4e3,
                                         .seconds = 0.6 + 0.00013 * _i,
                                         .sigma_ps = 150,
                                         .ppm = -20,
                                         .offset_s = 0.3,
                                         .seed = 180 + (uint64_t)_i});
    ck_assert_int_eq(qd_bins_smooth(&s.a), 0);
    for (uint64_t i = s.b.n / 3; i < s.b.n; i++) s.b.t[i] += (int64_t)(0.0411 * per_s);
    ck_assert_int_eq(qd_bins_smooth(&s.b), 0);
    modulate(&s.a, s.is.seed, 100, 0.5, 0);
    ck_assert_int_eq(qd_bins_smooth(&s.a), (int64_t)(1e-3 * per_s));
    stations_close(&s);
}
END_TEST

/* Flashes that both stations see, at times of their own: every event of one meets all of the other's. The clock is found beside
 * them, or refused; their pairs are no clock's. */
static void flash(qd_tags *t, uint64_t seed, uint32_t side, uint32_t events, double width_s, const qd_two_stations *is) {
    enum { FLASHES = 30 };
    int64_t *out = malloc((t->n + FLASHES * events) * sizeof *out);
    ck_assert_ptr_nonnull(out);
    uint64_t n = 0;
    for (; n < t->n; n++) out[n] = t->t[n];
    for (uint32_t k = 0; k < FLASHES; k++) {
        double at = draw(seed, k, 4) * is->seconds;
        for (uint32_t i = 0; i < events; i++)
            out[n++] = t->t[0] + (int64_t)((at + width_s * draw(seed, k * events + i, 5 + side)) * per_s);
    }
    qsort(out, n, sizeof *out, stations_by_time);
    qd_tags_destroy(t);
    *t = (qd_tags){.tick = {125, 32}, .t = out, .n = n, .cap = n};
}

static const struct {
    uint32_t events;
    double width_s, pairs;
    bool locks; /* at any rate */
} flashes[] = {{300, 20e-6, 0, false},  {300, 20e-6, 0.1, true}, {100, 2e-6, 0.1, false},
               {1000, 1e-3, 0.1, true}, {20, 20e-6, 0.1, true},  {100, 1e-3, 0.05, true}};

START_TEST(flashes_are_no_pairs) {
    stations s;
    stations_open(&s, &(qd_two_stations){.rate_a = 2e5,
                                         .rate_b = 2e5,
                                         .pairs = flashes[_i].pairs * 2e5,
                                         .seconds = 3,
                                         .sigma_ps = 150,
                                         .ppm = 12,
                                         .offset_s = 0.2,
                                         .seed = 280 + (uint64_t)_i});
    flash(&s.a, s.is.seed, 0, flashes[_i].events, flashes[_i].width_s, &s.is);
    flash(&s.b, s.is.seed, 1, flashes[_i].events, flashes[_i].width_s, &s.is);
    char what[40];
    (void)snprintf(what, sizeof what, "%u in %g s", flashes[_i].events, flashes[_i].width_s);
    stations_never_wrong(&s, 0, what);
    ck_assert_msg(s.r.locked || !flashes[_i].locks, "%s: %s", what, s.r.reason);
    stations_close(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("rates");
    TCase *c = tcase_create("rates");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, locks_where_rates_move, 0, CASES);
    tcase_add_loop_test(c, flashes_are_no_pairs, 0, sizeof flashes / sizeof *flashes);
    tcase_add_loop_test(c, a_steady_rate_is_no_moving_one, 0, 8);
    suite_add_tcase(s, c);
    return run_all(s);
}
