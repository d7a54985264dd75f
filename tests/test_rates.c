/* SPDX-License-Identifier: Apache-2.0 */
/* A rate that is not steady, a lamp's, correlates with itself at every lag; the pairs' peak is found all the same, and alone. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "qdistill/compute.h"
#include "qdistill/link.h"
#include "qdistill/timetag.h"
#include "run_all.h"

/* Modulation of both sides' rates: hertz, depth; the part of the events that afterpulses follow. */
static const struct {
    double hz, depth, after;
} cases[] = {{100, 0.5, 0}, {100, 1, 0}, {50, 0.2, 0.03}, {1000, 0.5, 0}, {0.7, 0.6, 0}, {100, 0.5, 0.05}};
enum { CASES = sizeof cases / sizeof *cases };
static const double per_s = 256e9; /* ticks */

static int by_time(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return a < b ? -1 : a > b;
}

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
    qsort(out, n, sizeof *out, by_time);
    if (n > t->n) n = t->n;
    for (uint64_t i = 0; i < n; i++) t->t[i] = out[i];
    t->n = n;
    free(out);
}

START_TEST(locks_where_rates_move) {
    qd_device *dev = NULL;
    (void)qd_device_open("cpu", &dev, NULL);
    const qd_two_stations s = {.rate_a = 3e5,
                               .rate_b = 3e5,
                               .pairs = 0.1 * 3e5,
                               .seconds = 4,
                               .sigma_ps = 150,
                               .ppm = -20,
                               .offset_s = 0.3,
                               .seed = 80 + (uint64_t)_i};
    qd_tags a = {.tick = {125, 32}}, b = a;
    qd_error err = {0};
    qd_clock clock;
    qd_sync_report r;
    const qd_sync_params p = {.max_offset_s = 1, .max_ppm = 0x1p-13 * 1e6};
    ck_assert_int_eq(qd_two_stations_run(&s, &a, &b, &err), QD_OK);
    modulate(&a, 2 * s.seed, cases[_i].hz, cases[_i].depth, cases[_i].after);
    modulate(&b, 2 * s.seed + 1, cases[_i].hz, cases[_i].depth, cases[_i].after);
    qd_status st = qd_correlate(dev, &a, &b, &p, &clock, &r, &err);
    ck_assert_msg(st == QD_OK, "%g Hz, %g: %s (%s)", cases[_i].hz, cases[_i].depth, err.what, err.cause);
    /* some 10,000 pairs of 150 ps: the fit's deviation is picoseconds; a wrong lock is off by far more than a bin of 1 ns */
    ck_assert_double_eq_tol(r.frequency_ppm, s.ppm, 1e-3);
    ck_assert_double_lt(r.sigma_ps, 2 * s.sigma_ps);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("rates");
    TCase *c = tcase_create("rates");
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, locks_where_rates_move, 0, CASES);
    suite_add_tcase(s, c);
    return run_all(s);
}
