/* SPDX-License-Identifier: Apache-2.0 */
/* Bell tests of simulated links, from tags to S: what the source gives, accidentals counted in; what an eavesdropper leaves; the
 * spread over seeds. The tolerance is 4 standard deviations of counting statistics. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "qdistill/link.h"
#include "qdistill/sift.h"
#include "qdistill/timetag.h"
#include "run_all.h"

static qd_analysers settings(double z, double x) {
    return (qd_analysers){.given = true, .deg = {z + 90, x + 90, z, x}};
}

/* No jitter and no dead time: all partners are at distance 0, and the expectation is exact. */
static qd_scenario bell(double pairs_hz, double dark_hz, double v) {
    qd_scenario s = {
        .name = "bell",
        .pair_rate_hz = pairs_hz,
        .visibility = v,
        .arm = {{.basis_split = .5, .analysers = settings(0, 45)}, {.basis_split = .5, .analysers = settings(22.5, 67.5)}}};
    for (int d = 0; d < 8; d++) {
        s.arm[d / 4].efficiency[d % 4] = .1;
        s.arm[d / 4].dark_hz[d % 4] = dark_hz;
    }
    return s;
}

/* Simulate, pair, count. @p expected, if not NULL: pairs of each two detectors by the model. */
static void measure(const qd_scenario *s, uint64_t seed, double seconds, uint64_t window_ps, qd_pair_matrix *m,
                    double expected[4][4]) {
    qd_link *link;
    qd_error err = {0};
    qd_tags a = {0}, b = {0};
    qd_pairs pairs = {0};
    ck_assert_msg(qd_link_create(s, seed, &link, &err) == QD_OK, "%s", err.what);
    const uint64_t cells = qd_link_cells(seconds);
    ck_assert_int_eq(qd_simulate(link, NULL, 0, cells, &a, &b, NULL, &err), QD_OK);
    qd_clock clock = qd_link_clock(link);
    const int64_t reach = qd_window_reach(window_ps, a.tick);
    ck_assert_int_eq(qd_coincide(NULL, a.t, a.n, b.t, b.n, &clock, reach, 0, a.n, &pairs, &err), QD_OK);
    uint8_t *mask[2] = {malloc(pairs.n + 1), malloc(pairs.n + 1)};
    for (uint64_t i = 0; i < pairs.n; i++) {
        mask[0][i] = a.mask[pairs.a[i]];
        mask[1][i] = b.mask[pairs.b[i]];
    }
    *m = (qd_pair_matrix){{{0}}};
    qd_pair_matrix_add_truth(m, mask[0], mask[1], pairs.n);
    if (expected) {
        /* Chance pairs only events without a partner, which is nearer than any stranger: those are a share 1 - p of a station's.
         */
        qd_link_rates r;
        ck_assert_int_eq(qd_link_expect(link, (double)window_ps, &r, &err), QD_OK);
        double all[2] = {0, 0}, true_pairs = 0;
        for (int d = 0; d < 8; d++) all[d / 4] += r.single[d / 4][d % 4];
        for (int k = 0; k < 16; k++) true_pairs += r.pair[k / 4][k % 4];
        /* 2 reach + 1 ticks of time differences are taken */
        const double width = (double)(2 * reach + 1) * (double)a.tick.num / (double)a.tick.den * 1e-12,
                     alone = (1 - true_pairs / all[0]) * (1 - true_pairs / all[1]);
        for (int k = 0; k < 16; k++)
            expected[k / 4][k % 4] =
                (r.pair[k / 4][k % 4] + r.single[0][k / 4] * r.single[1][k % 4] * width * alone) * qd_link_seconds(cells);
    }
    for (int k = 0; k < 2; k++) free(mask[k]);
    qd_pairs_destroy(&pairs);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_link_destroy(link);
}

static void stations(const qd_scenario *s, qd_analysers to[2]) {
    for (int k = 0; k < 2; k++) to[k] = s->arm[k].analysers;
}

static double s_of(const qd_chsh *c, double n[4][4]) {
    double s = 0;
    for (int k = 0; k < 4; k++) {
        const int i = k / 2, j = k % 2;
        double equal = n[i][j] + n[i + 2][j + 2], other = n[i][j + 2] + n[i + 2][j];
        s += c->sign[i][j] * (equal - other) / (equal + other);
    }
    return s;
}

/* ---- The source ---- */

START_TEST(s_is_two_root_two_v) {
    static const double v[3] = {1, .9, .7};
    qd_scenario s = bell(1e6, 0, v[_i]);
    qd_analysers at[2];
    qd_pair_matrix m;
    qd_chsh c;
    double expected[4][4];
    stations(&s, at);
    measure(&s, 11, 3, 1000, &m, expected);
    qd_chsh_of(&m, at, QD_ANTI, NULL, &c);
    ck_assert(c.tested && c.pair[0][0].n > 5000);
    /* chance is 1e5 1e5 1e-9 = 10 a second of 10000: S is lower by a thousandth, which the model has */
    ck_assert_double_eq_tol(s_of(&c, expected), 2 * M_SQRT2 * v[_i], .005);
    ck_assert_msg(fabs(c.S - s_of(&c, expected)) <= 4 * c.sigma, "S %.4f sd %.4f, expected %.4f", c.S, c.sigma,
                  s_of(&c, expected));
    for (int k = 0; k < 4; k++) {
        const qd_setting_pair *p = &c.pair[k / 2][k % 2];
        ck_assert_double_eq_tol(p->E, (k == 1 ? 1 : -1) * v[_i] * M_SQRT1_2, 4 * p->sigma + .0015);
    }
}
END_TEST

/* Dark counts until a tenth of the pairs is chance: S as it is follows the model, S less chance is the source's. */
START_TEST(accidentals_lower_s) {
    qd_scenario s = bell(1e6, 5e4, .9);
    qd_analysers at[2];
    qd_pair_matrix m;
    qd_chsh c;
    double expected[4][4], n = 0, all = 0;
    qd_chance_pairs chance = {.singles = {{1, 1, 1, 1}, {1, 1, 1, 1}}};
    stations(&s, at);
    measure(&s, 12, 3, 10000, &m, expected);
    for (int k = 0; k < 16; k++) all += (double)m.pair[k / 4][k % 4], n += expected[k / 4][k % 4];
    chance.pairs = all - 1e4 * qd_link_seconds(qd_link_cells(3)); /* true pairs are 1e6 x .1 x .1 */
    ck_assert_double_eq_tol(all, n, 4 * sqrt(n));
    ck_assert(chance.pairs > .07 * all);
    qd_chsh_of(&m, at, QD_ANTI, &chance, &c);
    ck_assert_double_eq_tol(c.S, s_of(&c, expected), 4 * c.sigma);
    ck_assert_double_eq_tol(c.S_corrected, 2 * M_SQRT2 * .9, 4 * c.sigma_corrected);
    ck_assert_double_ge(fabs(c.S - c.S_corrected), 8 * c.sigma); /* that the test sees chance at all */
}
END_TEST

/* Other angles, and analysers that stand elsewhere than declared: correlations follow the cosine of where they are. */
START_TEST(correlations_follow_the_cosine) {
    qd_scenario s = bell(1e6, 0, .95);
    s.arm[0].analysers = settings(10, 71);
    s.arm[1].analysers = settings(-33, 128);
    s.misalignment_deg = 7;
    qd_analysers at[2];
    qd_pair_matrix m;
    qd_chsh c;
    stations(&s, at);
    measure(&s, 13, 3, 1000, &m, NULL);
    qd_chsh_of(&m, at, QD_ANTI, NULL, &c);
    static const double a[2] = {10, 71}, b[2] = {-33 + 7, 128 + 7};
    for (int k = 0; k < 4; k++) {
        const qd_setting_pair *p = &c.pair[k / 2][k % 2];
        ck_assert_double_eq_tol(p->E, -.95 * cos(2 * (a[k / 2] - b[k % 2]) * M_PI / 180), 4 * p->sigma + .0015);
    }
}
END_TEST

/* ---- The eavesdropper ---- */

/* Of settings that are Eve's bases and of settings that are not, S falls by half of her share: below 2 when she takes all. */
START_TEST(intercept_resend) {
    static const struct { double share, turn; } cases[] = {{1, 0}, {1, 22.5}, {1, 13}, {.3, 13}, {.8, 0}};
    const double share = cases[_i].share, turn = cases[_i].turn;
    qd_scenario s = bell(1e6, 0, 1);
    s.arm[0].analysers = settings(turn, turn + 45);
    s.arm[1].analysers = settings(turn + 22.5, turn + 67.5);
    s.intercept_resend = share;
    qd_analysers at[2];
    qd_pair_matrix m;
    qd_chsh c;
    double expected[4][4];
    stations(&s, at);
    measure(&s, 14, 3, 1000, &m, expected);
    qd_chsh_of(&m, at, QD_ANTI, NULL, &c);
    ck_assert_double_eq_tol(s_of(&c, expected), 2 * M_SQRT2 * (1 - share / 2), .005);
    ck_assert_double_eq_tol(c.S, s_of(&c, expected), 4 * c.sigma);
    if (share > .7)
        ck_assert_double_le(c.S, 2 - 4 * c.sigma);
    else
        ck_assert_double_ge(c.above_2_sd, 4);
}
END_TEST

/* ---- Spread ---- */

/* Over R seeds a spread is known to 1 part in sqrt(2 R), and a mean to spread/sqrt R. */
START_TEST(spread_over_seeds) {
    enum { R = 150 };
    qd_scenario s = bell(4e5, 0, .838);
    qd_analysers at[2];
    double sum = 0, squares = 0, claimed = 0;
    stations(&s, at);
    for (uint64_t seed = 1; seed <= R; seed++) {
        qd_pair_matrix m;
        qd_chsh c;
        double expected[4][4];
        measure(&s, seed, .1, 1000, &m, expected);
        qd_chsh_of(&m, at, QD_ANTI, NULL, &c);
        ck_assert(c.tested);
        const double d = c.S - s_of(&c, expected);
        sum += d;
        squares += d * d;
        claimed += c.sigma * c.sigma;
    }
    ck_assert_double_eq_tol(sum / R, 0, 4 * sqrt(claimed / R) / sqrt(R));
    ck_assert_double_eq_tol(sqrt(squares / claimed), 1, 4 / sqrt(2 * R));
}
END_TEST

int main(void) {
    Suite *s = suite_create("bell");
    TCase *t = tcase_create("links");
    tcase_add_loop_test(t, s_is_two_root_two_v, 0, 3);
    tcase_add_test(t, accidentals_lower_s);
    tcase_add_test(t, correlations_follow_the_cosine);
    tcase_add_loop_test(t, intercept_resend, 0, 5);
    tcase_add_test(t, spread_over_seeds);
    suite_add_tcase(s, t);
    return run_all(s);
}
