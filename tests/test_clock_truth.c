/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks found in simulated links lie about the true ones as their standard deviations say. Seeds are fixed, so a run that passes passes
 * again. More seeds, each kind of link by itself: test_clock_truth_full.c. */
#include "clock_truth.h"
#include "run_all.h"
#include "tag_source.h"

static qd_device *device_or_reference(void) {
    qd_device *dev = NULL;
    return qd_device_open("cpu", &dev, NULL) == QD_OK ? dev : NULL;
}

START_TEST(found_clocks_lie_about_the_true_ones) {
    qd_device *dev = device_or_reference();
    z_sums sums = {0};
    for (int c = 0; c < TRUTH_CASES; c++)
        for (uint64_t seed = 1; seed <= 4; seed++) check_clock(&truth_cases[c], 10 * (uint64_t)(c + 1) + seed, dev, &sums);
    check_distribution("all links", &sums, 3);
    qd_device_close(dev);
}
END_TEST

/* Times of a plain source, cut off to ticks on both sides. First in ticks as long as half the jitter: the line of tA - tB still comes out to
 * a small part of a tick. Then with more accidentals than pairs in the fit's window (5e6^2 / 3e4 in 6 sigma of 250 ps: 1.25 a pair), which
 * hold the mean back and widen its deviation. */
static const struct {
    double seconds, pairs, singles, tick_ps;
    qd_tick tick;
} source[] = {{0.3, 3e4, 3e4, 125, {125, 1}}, {0.04, 3e4, 5e6, 3.90625, {125, 32}}};

START_TEST(coarse_ticks_and_accidentals) {
    double sum = 0, square = 0, sum_f = 0, square_f = 0;
    const int runs = 20;
    for (int k = 0; k < runs; k++) {
        tag_source s = {source[_i].seconds, source[_i].pairs, source[_i].singles, source[_i].singles, 250, 0.001 + 7.3e-12 * k,
                        k % 2 ? 4 : -6,     900 + (uint64_t)k};
        qd_tags a = {.tick = source[_i].tick}, b = {.tick = source[_i].tick};
        qd_clock c;
        qd_sync_report r;
        qd_error err = {0};
        tag_source_run(&s, &a, &b);
        ck_assert_int_eq(qd_clock_from_figures(a.tick, 0, s.offset_s * 1e12 + 400, s.ppm + 1e-4, &c, &err), QD_OK);
        ck_assert_msg(qd_clock_refine(&a, &b, (int64_t)(4000 / source[_i].tick_ps), &c, &r, &err) == QD_OK, "%s", err.what);
        double z = (r.mid_offset_ps - s.offset_s * 1e12 - s.ppm * 1e-6 * r.mid_ps) / r.mid_offset_sd_ps,
               f = (r.frequency_ppm - s.ppm) / r.frequency_sd_ppm;
        ck_assert_msg(fabs(z) < 4 && fabs(f) < 4, "run %d: offset %.2f, frequency %.2f sd off", k, z, f);
        sum += z;
        sum_f += f;
        square += z * z;
        square_f += f * f;
        qd_tags_destroy(&a);
        qd_tags_destroy(&b);
    }
    printf("ticks of %g ps: z mean %+.2f, rms %.2f; frequency %+.2f, %.2f\n", source[_i].tick_ps, sum / runs, sqrt(square / runs), sum_f / runs,
           sqrt(square_f / runs));
    ck_assert_double_le(fabs(sum), 3 * sqrt(runs));
    ck_assert_double_le(fabs(sum_f), 3 * sqrt(runs));
    double low, high; /* the lower one keeps the stated deviation from being a safe, large number */
    rms_limits(runs, &low, &high);
    ck_assert(square > low * low * runs && square < high * high * runs);
    ck_assert(square_f > low * low * runs && square_f < high * high * runs);
}
END_TEST

/* A clock from figures follows their line within half a tick, and gives them back. */
START_TEST(figures_and_clock) {
    static const double ppm[] = {-7.3, 0, 2.5};
    qd_tick tick = {125, 32};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 20; i++) {
            double offset_ps = -5e6 + 0.37 * i, sum = 0;
            const int n = 100000;
            qd_clock c, again;
            ck_assert_int_eq(qd_clock_from_figures(tick, 1000, offset_ps, ppm[k], &c, NULL), QD_OK);
            for (int j = 0; j < n; j++) {
                int64_t tb = 1000 + 7919 * (int64_t)j;
                sum += (double)(qd_clock_apply(&c, tb) - tb) - ldexp((double)c.freq, -QD_CLOCK_SHIFT) * (double)(tb - 1000);
            }
            ck_assert_double_le(fabs(sum / n * 125 / 32 - offset_ps), 125.0 / 64 + 0.01);
            ck_assert_double_le(fabs(sum / n * 125 / 32 - qd_clock_offset_ps(&c)), 0.01);
            ck_assert_int_eq(qd_clock_from_figures(tick, 1000, qd_clock_offset_ps(&c), qd_clock_ppm(&c), &again, NULL), QD_OK);
            ck_assert(again.offset == c.offset && again.freq == c.freq);
        }
}
END_TEST

int main(void) {
    Suite *s = suite_create("clock and truth");
    TCase *tc = tcase_create("sd");
    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, found_clocks_lie_about_the_true_ones);
    tcase_add_loop_test(tc, coarse_ticks_and_accidentals, 0, 2);
    tcase_add_test(tc, figures_and_clock);
    suite_add_tcase(s, tc);
    return run_all(s);
}
