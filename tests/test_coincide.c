/* SPDX-License-Identifier: Apache-2.0 */
/* Coincidences: the rule against brute force, ties, chunks, windows, the loss against the truth of a simulation, accidentals.
 * Equality of device and reference over many inputs is the registry's loop. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "run_all.h"
#include "tag_source.h"

static qd_device *open_device(int which) {
    qd_device *dev = NULL;
    if (which == 1 && qd_device_open("cpu", &dev, NULL) != QD_OK) dev = NULL;
    return dev;
}

/* Nearest of x to t by looking at all: of equal distances the earlier time, of equal times the first. */
static uint64_t nearest_of_all(const int64_t *x, uint64_t n, int64_t t) {
    uint64_t best = 0;
    for (uint64_t i = 1; i < n; i++)
        if (llabs(x[i] - t) < llabs(x[best] - t) || (llabs(x[i] - t) == llabs(x[best] - t) && x[i] < x[best])) best = i;
    return best;
}

static qd_pairs brute(const int64_t *a, uint64_t na, const int64_t *b, uint64_t nb, int64_t reach) {
    qd_pairs p = {0};
    for (uint64_t i = 0; i < na && nb; i++) {
        uint64_t j = nearest_of_all(b, nb, a[i]);
        if (llabs(a[i] - b[j]) > reach || nearest_of_all(a, na, b[j]) != i) continue;
        ck_assert_int_eq(qd_pairs_reserve(&p, p.n + 1, NULL), QD_OK);
        p.a[p.n] = i;
        p.b[p.n++] = j;
    }
    return p;
}

static void check_equal(const qd_pairs *x, const qd_pairs *y) {
    ck_assert_uint_eq(x->n, y->n);
    if (!x->n) return;
    ck_assert_mem_eq(x->a, y->a, x->n * sizeof *x->a);
    ck_assert_mem_eq(x->b, y->b, x->n * sizeof *x->b);
}

/* 500 small cases, crowded so that ties and equal times abound; also the roles exchanged. */
START_TEST(brute_force) {
    qd_device *dev = open_device(_i);
    uint64_t ties = 0, found = 0;
    for (uint64_t c = 0; c < 500; c++) {
        int64_t a[40], b[40];
        uint32_t w[4];
        qd_philox(c, QD_STREAM_TEST, 0, 0, w);
        uint64_t na = w[0] % 40, nb = w[1] % 40, range = 1 + w[2] % 300;
        int64_t reach = w[3] % 12;
        for (uint64_t i = 0; i < 40; i++) {
            qd_philox(c, QD_STREAM_TEST, i, 1, w);
            a[i] = w[0] % range;
            b[i] = w[1] % range;
        }
        qsort(a, na, sizeof *a, tag_order);
        qsort(b, nb, sizeof *b, tag_order);
        for (uint64_t i = 1; i < na; i++) ties += a[i] == a[i - 1];
        qd_pairs want = brute(a, na, b, nb, reach), got = {0}, back = {0};
        qd_error err = {0};
        ck_assert_int_eq(qd_coincide(dev, a, na, b, nb, NULL, reach, 0, na, &got, &err), QD_OK);
        check_equal(&got, &want);
        ck_assert_int_eq(qd_coincide(dev, b, nb, a, na, NULL, reach, 0, nb, &back, &err), QD_OK);
        ck_assert_uint_eq(back.n, want.n); /* symmetric: the same pairs */
        for (uint64_t i = 0; i < want.n; i++) ck_assert(back.a[i] == want.b[i] && back.b[i] == want.a[i]);
        found += want.n;
        qd_pairs_destroy(&want);
        qd_pairs_destroy(&got);
        qd_pairs_destroy(&back);
    }
    ck_assert_uint_gt(ties, 100);
    ck_assert_uint_gt(found, 1000);
    qd_device_close(dev);
}
END_TEST

START_TEST(ties_by_hand) {
    qd_device *dev = open_device(_i);
    qd_error err = {0};
    const struct {
        int64_t a[4], b[4], reach;
        uint64_t na, nb, n, pa[2], pb[2];
    } c[] = {
        {{100}, {95, 105}, 5, 1, 2, 1, {0}, {0}},       /* equal distances: the earlier event of B */
        {{95, 105}, {100}, 5, 2, 1, 1, {0}, {0}},       /* and of A */
        {{100}, {95, 105}, 4, 1, 2, 0, {0}, {0}},       /* outside by one tick on both ends */
        {{100, 100}, {100, 100}, 0, 2, 2, 1, {0}, {0}}, /* equal times: the first of each */
        {{100, 103}, {102}, 9, 2, 1, 1, {1}, {0}},      /* the nearer takes it; the other goes without */
        {{100, 103}, {102, 106}, 9, 2, 2, 1, {1}, {0}}, /* and does not fall back on the next */
        {{0, 10, 20}, {1, 11, 19}, 3, 3, 3, 3, {0, 1}, {0, 1}},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        qd_pairs p = {0};
        ck_assert_int_eq(qd_coincide(dev, c[k].a, c[k].na, c[k].b, c[k].nb, NULL, c[k].reach, 0, c[k].na, &p, &err), QD_OK);
        ck_assert_uint_eq(p.n, c[k].n);
        for (uint64_t i = 0; i < p.n && i < 2; i++) ck_assert(p.a[i] == c[k].pa[i] && p.b[i] == c[k].pb[i]);
        qd_pairs_destroy(&p);
    }
    qd_device_close(dev);
}
END_TEST

/* 2 |d| tick < window, in exact ticks: 1000 ps in ticks of 3.90625 ps: 128 ticks are 500 ps, not inside. */
START_TEST(window) {
    ck_assert_int_eq(qd_window_reach(1000, (qd_tick){125, 32}), 127);
    ck_assert_int_eq(qd_window_reach(1001, (qd_tick){125, 32}), 128);
    ck_assert_int_eq(qd_window_reach(1000, (qd_tick){125, 1}), 3);
    ck_assert_int_eq(qd_window_reach(250, (qd_tick){125, 1}), 0);
    ck_assert_int_eq(qd_window_reach(251, (qd_tick){125, 1}), 1);
    ck_assert_int_eq(qd_window_reach(1, (qd_tick){125, 32}), 0);
    ck_assert_int_eq(qd_window_reach(0, (qd_tick){125, 32}), -1);
    const int64_t t = 5;
    qd_pairs p = {0};
    ck_assert_int_eq(qd_coincide(NULL, &t, 1, &t, 1, NULL, -1, 0, 1, &p, NULL), QD_OK);
    ck_assert_uint_eq(p.n, 0); /* no window, no pair, not even at distance 0 */
}
END_TEST

/* The trap of a large base: the product (t - base) freq passes 2^63 at 2^31 ticks already for 122 ppm; times of a clock that
 * counts from 1970 are near 2^54. The pairs must be those of the same times near 0. */
START_TEST(clock_far_from_zero) {
    qd_device *dev = open_device(_i);
    enum { N = 3000 };
    static int64_t a[N], b[N], a2[N], b2[N];
    qd_clock near = {.base = 0, .offset = -5000, .freq = (int64_t)122 << 24, .tick = {125, 32}}, far = near;
    const int64_t shift = ((int64_t)1 << 54) - 12345;
    far.base = shift;
    far.offset = -5000 - shift / 3;
    for (int i = 0; i < N; i++) {
        b[i] = (int64_t)i * 12000000000; /* half a minute in all */
        a[i] = qd_clock_apply(&near, b[i]) + i % 7 - 3;
        b2[i] = b[i] + shift;
        a2[i] = a[i] + shift - shift / 3;
    }
    qd_pairs p = {0}, q = {0};
    qd_error err = {0};
    ck_assert_int_eq(qd_coincide(dev, a, N, b, N, &near, 2, 0, N, &p, &err), QD_OK);
    ck_assert_int_eq(qd_coincide(dev, a2, N, b2, N, &far, 2, 0, N, &q, &err), QD_OK);
    ck_assert_uint_eq(p.n, N - 2 * (N / 7) - 1); /* i % 7 = 0 and 6 are 3 away; N = 7 * 428 + 4 */
    check_equal(&p, &q);
    qd_pairs_destroy(&p);
    qd_pairs_destroy(&q);
    qd_device_close(dev);
}
END_TEST

static void two_stations(qd_tags *a, qd_tags *b, qd_clock *clock, double rate, double share, double seconds) {
    tag_source s = {seconds, rate * share, rate * (1 - share), rate * (1 - share), 300, 0.002, 7, 11};
    *a = (qd_tags){.tick = {125, 32}};
    *b = (qd_tags){.tick = {125, 32}};
    tag_source_run(&s, a, b);
    ck_assert_int_eq(qd_clock_from_figures(a->tick, 0, 0.002e12, 7, clock, NULL), QD_OK);
}

/* Cut anywhere, with context of twice the reach on A and what lies within the reach on B: the same pairs. */
START_TEST(chunks) {
    qd_device *dev = open_device(_i);
    qd_tags a, b;
    qd_clock clock;
    qd_error err = {0};
    two_stations(&a, &b, &clock, 5e6, 0.3, 0.01);
    const int64_t reach = 20000; /* 78 ns: the windows of neighbours overlap */
    qd_pairs whole = {0}, cut = {0};
    ck_assert_int_eq(qd_coincide(dev, a.t, a.n, b.t, b.n, &clock, reach, 0, a.n, &whole, &err), QD_OK);
    ck_assert_uint_gt(whole.n, 1000);
    uint64_t step = 1;
    for (uint64_t from = 0; from < a.n; from += step, step = step * 3 % 1999 + 1) {
        uint64_t to = a.n - from < step ? a.n : from + step;
        uint64_t a0 = qd_tags_lower_bound(&a, a.t[from] - 2 * reach), a1 = qd_tags_lower_bound(&a, a.t[to - 1] + 2 * reach + 1),
                 b0 = 0, b1 = b.n;
        while (b0 < b.n && qd_clock_apply(&clock, b.t[b0]) < a.t[from] - reach) b0++;
        while (b1 > b0 && qd_clock_apply(&clock, b.t[b1 - 1]) > a.t[to - 1] + reach) b1--;
        uint64_t at = cut.n;
        ck_assert_int_eq(qd_coincide(dev, a.t + a0, a1 - a0, b.t + b0, b1 - b0, &clock, reach, from - a0, to - a0, &cut, &err),
                         QD_OK);
        for (; at < cut.n; at++) {
            cut.a[at] += a0;
            cut.b[at] += b0;
        }
    }
    check_equal(&cut, &whole);
    qd_pairs_destroy(&whole);
    qd_pairs_destroy(&cut);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

/* Against the truth: of the pairs within the window, how many are found, and the accidentals against their rate. 1 Mcount/s a
 * side, 10 % pairs, sigma 300 ps, window 2 ns: captured erf(1000 / (300 sqrt 2)) = 0.99914 (physics: erf(w / (sqrt 2 sigma))). A
 * true pair is lost to a nearer stranger with probability about r_a E|d| + r_b E|d| < 2 1e6 2 300e-12 = 0.05 %. Accidentals:
 * strangers within the window, r_a r_b W, less those whose partner is nearer (10 %): at most r_a r_b W T, and at least that times
 * 0.9 * 0.9. */
START_TEST(truth_and_accidentals) {
    qd_device *dev = open_device(_i);
    qd_tags a, b;
    qd_clock clock;
    qd_error err = {0};
    const double rate = 1e6, share = 0.1, seconds = 1;
    two_stations(&a, &b, &clock, rate, share, seconds);
    int64_t reach = qd_window_reach(2000, a.tick);
    qd_pairs p = {0};
    ck_assert_int_eq(qd_coincide(dev, a.t, a.n, b.t, b.n, &clock, reach, 0, a.n, &p, &err), QD_OK);
    double pairs = rate * share * seconds, accidental = (double)a.n * (double)b.n * (2 * (double)reach + 1) / (seconds * 256e9);
    double most = pairs * 0.99914 + accidental, least = pairs * (0.99914 - 0.0005 - 0.0005) + 0.81 * accidental;
    /* The number of pairs itself is Poisson. */
    double sd = sqrt(pairs + accidental);
    printf("%.0f true pairs expected, %llu found, of them %.0f accidental expected\n", pairs, (unsigned long long)p.n,
           accidental);
    ck_assert_double_le((double)p.n, most + 4 * sd);
    ck_assert_double_ge((double)p.n, least - 4 * sd);
    qd_accidentals acc;
    ck_assert_int_eq(qd_coincide_accidentals(dev, a.t, a.n, b.t, b.n, &clock, reach, 50000, 8, 0, a.n, &acc, &err), QD_OK);
    ck_assert_uint_eq(acc.windows, 16);
    double each = sqrt(accidental / 16);
    ck_assert_double_le(acc.mean, accidental + 4 * each);
    /* In a displaced window a stranger's rival is another stranger in the same window: r W = 0.2 % either side. */
    ck_assert_double_ge(acc.mean, accidental * 0.995 - 4 * each);
    /* Variance of Poisson counts; its own sd over 16 windows is mean sqrt(2/15). */
    ck_assert_double_le(fabs(acc.variance - acc.mean), 4 * acc.mean * sqrt(2.0 / 15));
    ck_assert_double_eq_tol(acc.mean, (double)acc.sum / 16, 1e-9);
    qd_pairs_destroy(&p);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

/* Displaced windows by brute force: B moved by each displacement; and the pairs are those of the real window alone. 300 crowded cases. */
START_TEST(displaced) {
    qd_device *dev = open_device(_i);
    uint64_t found = 0;
    for (uint64_t c = 0; c < 300; c++) {
        int64_t a[60], b[60], moved[60];
        uint32_t w[4];
        qd_philox(c, QD_STREAM_TEST, 7, 0, w);
        uint64_t na = 1 + w[0] % 60, nb = 1 + w[1] % 60, range = 1 + w[2] % 2000;
        int64_t reach = w[3] % 12;
        for (uint64_t i = 0; i < 60; i++) {
            qd_philox(c, QD_STREAM_TEST, i, 8, w);
            a[i] = w[0] % range;
            b[i] = w[1] % range;
        }
        qsort(a, na, sizeof *a, tag_order);
        qsort(b, nb, sizeof *b, tag_order);
        int64_t step = 1 + w[2] % 100;
        unsigned each = 1 + (unsigned)(c % 4);
        uint64_t sum = 0, sum2 = 0;
        for (unsigned k = 1; k <= 2 * each; k++) {
            for (uint64_t j = 0; j < nb; j++) moved[j] = b[j] + (k % 2 ? -1 : 1) * (int64_t)((k + 1) / 2) * step;
            qd_pairs p = brute(a, na, moved, nb, reach);
            sum += p.n;
            sum2 += p.n * p.n;
            qd_pairs_destroy(&p);
        }
        qd_pairs want = brute(a, na, b, nb, reach), got = {0};
        qd_accidentals acc, alone;
        ck_assert_int_eq(qd_coincide_windows(dev, a, na, b, nb, NULL, reach, step, each, 0, na, &got, &acc, NULL), QD_OK);
        check_equal(&got, &want);
        ck_assert_uint_eq(acc.windows, 2 * each);
        ck_assert_uint_eq(acc.sum, sum);
        ck_assert_uint_eq(acc.sum2, sum2);
        ck_assert_int_eq(qd_coincide_accidentals(dev, a, na, b, nb, NULL, reach, step, each, 0, na, &alone, NULL), QD_OK);
        ck_assert(alone.sum == sum && alone.sum2 == sum2);
        found += sum;
        qd_pairs_destroy(&want);
        qd_pairs_destroy(&got);
    }
    ck_assert_uint_gt(found, 1000);
    qd_device_close(dev);
}
END_TEST

START_TEST(bad_calls) {
    const int64_t t[2] = {1, 2}, far[2] = {1, ((int64_t)1 << 54) + 2};
    qd_pairs p = {0};
    qd_error err = {0};
    qd_clock fast = {.freq = (int64_t)1 << 32, .tick = {1, 1}}, unit = {.tick = {1, 1}};
    qd_accidentals acc;
    ck_assert_int_eq(qd_coincide(NULL, t, 2, t, 2, NULL, 1, 0, 3, &p, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_coincide(NULL, t, 2, t, 2, NULL, 1, 2, 1, &p, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_coincide(NULL, t, 2, t, 2, NULL, (int64_t)1 << 40, 0, 2, &p, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_coincide(NULL, t, 2, t, 2, &fast, 1, 0, 2, &p, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_coincide(NULL, t, 2, far, 2, &unit, 1, 0, 2, &p, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_coincide_accidentals(NULL, t, 2, t, 2, NULL, 1, 0, 2, 0, 2, &acc, &err), QD_E_USAGE);
    ck_assert_uint_eq(p.n, 0);
    ck_assert_int_eq(qd_coincide(NULL, t, 0, t, 2, NULL, 1, 0, 0, &p, &err), QD_OK);
    ck_assert_int_eq(qd_coincide(NULL, t, 2, t, 0, NULL, 1, 0, 2, &p, &err), QD_OK);
    ck_assert_uint_eq(p.n, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("coincide");
    TCase *tc = tcase_create("pairs");
    tcase_set_timeout(tc, 600); /* the first launch on a device compiles */
    tcase_add_loop_test(tc, brute_force, 0, 2);
    tcase_add_loop_test(tc, ties_by_hand, 0, 2);
    tcase_add_test(tc, window);
    tcase_add_loop_test(tc, clock_far_from_zero, 0, 2);
    tcase_add_loop_test(tc, chunks, 0, 2);
    tcase_add_loop_test(tc, truth_and_accidentals, 0, 2);
    tcase_add_loop_test(tc, displaced, 0, 2);
    tcase_add_test(tc, bad_calls);
    suite_add_tcase(s, tc);
    return run_all(s);
}
