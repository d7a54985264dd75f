/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of two stations for studies: rates, pairs, jitter, offset and frequency are what was asked for. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "qdistill/link.h"
#include "run_all.h"

static void make(const qd_two_stations *s, qd_tags *a, qd_tags *b) {
    qd_error err = {0};
    *a = *b = (qd_tags){.tick = {125, 32}};
    ck_assert_int_eq(qd_two_stations_run(s, a, b, &err), QD_OK);
}

/* Pairs are the events of B that an event of A is within 6 standard deviations of, along the true line; mean and square of what
 * is left. */
START_TEST(as_asked) {
    const qd_two_stations s = {
        .rate_a = 2e5, .rate_b = 1e5, .pairs = 2e4, .seconds = 2, .sigma_ps = 300, .offset_s = 0.3, .ppm = 50, .seed = 5};
    qd_tags a, b;
    make(&s, &a, &b);
    ck_assert_double_eq_tol(qd_two_stations_heralding(&s), 2e4 / sqrt(2e10), 1e-12);
    ck_assert_double_eq_tol((double)a.n, 4e5, 4 * sqrt(4e5));
    ck_assert_double_eq_tol((double)b.n, 2e5, 4 * sqrt(2e5));
    const double per_s = 256e9, reach = 6 * 300 / 3.90625;
    double pairs = 0, sum = 0, square = 0, drift = 0, spread = 0;
    for (uint64_t i = 0; i < b.n; i++) {
        ck_assert(i == 0 || b.t[i] >= b.t[i - 1]);
        ck_assert_uint_eq(b.mask[i], 1);
        double t = (double)b.t[i] + 0.5, mid = s.seconds / 2 * per_s, want = t + s.offset_s * per_s + s.ppm * 1e-6 * (t - mid);
        for (uint64_t k = qd_tags_lower_bound(&a, (int64_t)(want - reach)); k < a.n && (double)a.t[k] + 0.5 <= want + reach;
             k++) {
            double d = ((double)a.t[k] + 0.5 - want) * 3.90625, x = (want - mid) / per_s;
            pairs++, sum += d, square += d * d, drift += d * x, spread += x * x;
        }
    }
    /* chance: 2e5 events of B, each with 2e5 a second of A in 3.6 ns: 144 */
    ck_assert_double_eq_tol(pairs, 4e4 + 144, 4 * sqrt(4e4 + 144));
    /* variance: 300 ps, roundings of both sides tick/sqrt(6), and 144 chance pairs, uniform in +-1800 ps; its own sd sqrt(2/n) of
     * it */
    double var = (4e4 * (300 * 300 + 3.90625 * 3.90625 / 6) + 144 * 1800. * 1800 / 3) / (4e4 + 144);
    ck_assert_double_eq_tol(square / pairs, var,
                            4 * var * sqrt(2 / pairs) * 1.1); /* 1.1: the few chance pairs have heavy tails */
    ck_assert_double_eq_tol(sum / pairs, 0, 4 * sqrt(var / pairs));
    ck_assert_double_eq_tol(drift / spread, 0, 4 * sqrt(var / spread));
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
}
END_TEST

START_TEST(bounds) {
    qd_tags a, b, c, d;
    qd_two_stations s = {.rate_a = 1e5, .rate_b = 1e5, .pairs = 0, .seconds = 1, .seed = 1, .most = 1000};
    make(&s, &a, &b);
    ck_assert(a.n == 1000 && b.n == 1000);
    s.most = 0;
    make(&s, &c, &d);
    ck_assert_mem_eq(a.t, c.t, 1000 * sizeof *a.t); /* the earliest */
    qd_tags_destroy(&c);
    qd_tags_destroy(&d);
    s.seed = 2;
    make(&s, &c, &d);
    ck_assert_mem_ne(a.t, c.t, 1000 * sizeof *a.t);
    qd_tags *all[] = {&a, &b, &c, &d};
    for (int i = 0; i < 4; i++) qd_tags_destroy(all[i]);
}
END_TEST

int main(void) {
    Suite *s = suite_create("two stations");
    TCase *t = tcase_create("tags");
    tcase_add_test(t, as_asked);
    tcase_add_test(t, bounds);
    suite_add_tcase(s, t);
    return run_all(s);
}
