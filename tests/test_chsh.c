/* SPDX-License-Identifier: Apache-2.0 */
/* Angles; E, S and their deviations of matrices computed by hand; what makes a test impossible; the spread of S against its sd.
 */
#include <check.h>
#include <math.h>
#include <string.h>
#include "qdistill/sift.h"
#include "run_all.h"

static qd_analysers angles(double v, double minus, double h, double plus) {
    return (qd_analysers){.given = true, .deg = {v, minus, h, plus}};
}

/* Alice at 0 and 45, Bob at 22.5 and 67.5: a - b is -22.5, -67.5, 22.5, -22.5. */
static const qd_analysers bell[2] = {{true, {90, 135, 0, 45}}, {true, {112.5, 157.5, 22.5, 67.5}}};

/* ---- Angles ---- */

START_TEST(angles_are_read) {
    const struct {
        const char *text;
        qd_status status;
    } cases[] = {{"90,135,0,45", QD_OK},
                 {"0,-45,90,45", QD_OK},
                 {"112.5,157.5,2.25e1,67.5", QD_OK},
                 {"450,135,0,45", QD_E_INPUT},
                 {"0,90,45,135", QD_E_INPUT},
                 {"90,135,0,45.02", QD_E_INPUT},
                 {"90,135,0,45.009", QD_OK},
                 {"90,135,0", QD_E_USAGE},
                 {"90,135,0,45,", QD_E_USAGE},
                 {"90,135,0,45,0", QD_E_USAGE},
                 {"", QD_E_USAGE},
                 {"90, 135, 0, 45", QD_E_USAGE},
                 {"0x5a,135,0,45", QD_E_USAGE},
                 {"nan,135,0,45", QD_E_USAGE},
                 {"inf,135,0,45", QD_E_USAGE},
                 {"1e999,135,0,45", QD_E_USAGE},
                 {"90,135,,45", QD_E_USAGE},
                 {"90;135;0;45", QD_E_USAGE},
                 {"--90,135,0,45", QD_E_USAGE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        qd_analysers a;
        qd_error err = {0};
        ck_assert_msg(qd_analysers_parse("--angles-a", cases[i].text, &a, &err) == cases[i].status, "'%s'", cases[i].text);
        ck_assert_msg(a.given == (cases[i].status == QD_OK) && (a.given || (err.what[0] && a.deg[0] == 0)), "'%s'",
                      cases[i].text);
    }
}
END_TEST

START_TEST(settings_are_those_of_h_and_plus) {
    qd_analysers a = angles(0, -45, -90, 405), b = qd_analysers_bbm92();
    ck_assert_double_eq(qd_analyser_setting(&a, QD_Z), 90);
    ck_assert_double_eq(qd_analyser_setting(&a, QD_X), 45);
    ck_assert_double_eq(qd_analyser_setting(&b, QD_Z), 0);
    ck_assert_double_eq(qd_analyser_setting(&b, QD_X), 45);
    for (int d = -360; d <= 360; d += 45) { /* 1, 0, -1, 0 every 45 degrees, exactly */
        static const double at[4] = {1, 0, -1, 0};
        ck_assert_double_eq(qd_cos2_deg(d), at[(d + 360) / 45 % 4]);
    }
    ck_assert_double_eq_tol(qd_cos2_deg(22.5), M_SQRT1_2, 1e-15);
    ck_assert_double_eq_tol(qd_cos2_deg(30), .5, 1e-15);
}
END_TEST

/* ---- Signs ---- */

START_TEST(signs_come_from_the_angles) {
    int sign[2][2];
    /* equal polarisations: cos 45, cos 135, cos 45, cos 45 */
    ck_assert_double_eq_tol(qd_chsh_signs(bell, QD_SAME, sign), 2 * M_SQRT2, 1e-14);
    ck_assert(sign[0][0] == 1 && sign[0][1] == -1 && sign[1][0] == 1 && sign[1][1] == 1);
    ck_assert_double_eq_tol(qd_chsh_signs(bell, QD_ANTI, sign), 2 * M_SQRT2, 1e-14);
    ck_assert(sign[0][0] == -1 && sign[0][1] == 1 && sign[1][0] == -1 && sign[1][1] == -1);
    /* Bob's settings exchanged: the signs follow */
    const qd_analysers swapped[2] = {bell[0], angles(157.5, 112.5, 67.5, 22.5)};
    ck_assert_double_eq_tol(qd_chsh_signs(swapped, QD_SAME, sign), 2 * M_SQRT2, 1e-14);
    ck_assert(sign[0][0] == -1 && sign[0][1] == 1 && sign[1][0] == 1 && sign[1][1] == 1);
    /* one aligned setting, for key, and one between: 1 + cos 45 + cos 90 + cos 45 */
    const qd_analysers mixed[2] = {angles(90, 135, 0, 45), angles(90, 112.5, 0, 22.5)};
    bool key[2];
    double rate[2];
    ck_assert_double_eq_tol(qd_chsh_signs(mixed, QD_SAME, sign), 1 + M_SQRT2, 1e-14);
    qd_keys_aligned(mixed, key, rate);
    ck_assert(key[QD_Z] && !key[QD_X] && rate[QD_Z] == 0);
    ck_assert_double_eq_tol(rate[QD_X], (1 - M_SQRT1_2) / 2, 1e-15);                  /* sin^2 22.5 */
    const qd_analysers apart[2] = {angles(90, 135, 0, 45), angles(109, 155, 19, 65)}; /* sin^2 19 = .1060, sin^2 20 = .1170 */
    qd_keys_aligned(apart, key, NULL);
    ck_assert(key[QD_Z] && !key[QD_X]);
}
END_TEST

/* ---- E and S by hand ---- */

/* Counts of one pair of settings: [Alice's outcome][Bob's] as pp, mm, pm, mp. */
static void put(qd_pair_matrix *m, int i, int j, uint64_t pp, uint64_t mm, uint64_t pm, uint64_t mp) {
    m->pair[i + 2][j + 2] = pp; /* H and + stand two after V and - */
    m->pair[i][j] = mm;
    m->pair[i + 2][j] = pm;
    m->pair[i][j + 2] = mp;
}

START_TEST(e_and_s_by_hand) {
    qd_pair_matrix m = {{{0}}};
    qd_chsh c;
    put(&m, 0, 0, 40, 45, 8, 7);   /* E = (85 - 15)/100 = .7,   variance .51/100 */
    put(&m, 0, 1, 10, 20, 90, 80); /* E = (30 - 170)/200 = -.7, variance .51/200 */
    put(&m, 1, 0, 30, 20, 0, 0);   /* E = 1,                    variance 0 */
    put(&m, 1, 1, 25, 20, 30, 25); /* E = (45 - 55)/100 = -.1,  variance .99/100 */
    qd_chsh_of(&m, bell, QD_SAME, NULL, &c);
    ck_assert(c.tested && !c.reason[0] && !c.corrected && isnan(c.S_corrected));
    const double e[4] = {.7, -.7, 1, -.1}, n[4] = {100, 200, 50, 100}, v[4] = {.0051, .00255, 0, .0099};
    for (int k = 0; k < 4; k++) {
        const qd_setting_pair *p = &c.pair[k / 2][k % 2];
        ck_assert_double_eq_tol(p->E, e[k], 1e-15);
        ck_assert_double_eq_tol(p->sigma, sqrt(v[k]), 1e-15);
        ck_assert_double_eq((double)p->n, n[k]);
        ck_assert_double_eq(p->deg[0], k / 2 * 45);
        ck_assert_double_eq(p->deg[1], k % 2 * 45 + 22.5);
    }
    ck_assert(c.pair[0][1].count[1][1] == 10 && c.pair[0][1].count[0][0] == 20 && c.pair[0][1].count[1][0] == 90 &&
              c.pair[0][1].count[0][1] == 80);
    ck_assert_double_eq_tol(c.S, .7 + .7 + 1 - .1, 1e-14);
    ck_assert_double_eq_tol(c.sigma, sqrt(.0051 + .00255 + .0099), 1e-15);
    ck_assert_double_eq_tol(c.above_2_sd, .3 / sqrt(.01755), 1e-12);
    /* opposite polarisations were declared for the same counts: the signs are not turned to please the data */
    qd_chsh_of(&m, bell, QD_ANTI, NULL, &c);
    ck_assert_double_eq_tol(c.S, -2.3, 1e-14);
}
END_TEST

/* 100 chance pairs, a third of Alice's singles at V: counts of which they are taken off, by hand. */
START_TEST(chance_is_taken_off) {
    qd_pair_matrix m = {{{0}}};
    qd_chsh c;
    qd_chance_pairs chance = {.pairs = 120, .relative_sd = .1, .singles = {{2, 1, 2, 1}, {1, 1, 1, 1}}};
    /* of 120: V and H of Alice get 1/3 each, - and + 1/6; each of Bob's a quarter of that: 10 and 5 */
    put(&m, 0, 0, 90, 90, 10, 10); /* less 10 each: E = 1, d = 160, t = 160 */
    put(&m, 0, 1, 30, 30, 70, 70); /* 20 20 60 60: E = -.5, t = 160 */
    put(&m, 1, 0, 85, 85, 25, 25); /* less 5: 80 80 20 20: E = .6, t = 200 */
    put(&m, 1, 1, 55, 55, 15, 15); /* 50 50 10 10: E = 2/3, t = 120 */
    qd_chsh_of(&m, bell, QD_SAME, &chance, &c);
    ck_assert(c.tested && c.corrected);
    ck_assert_double_eq_tol(c.S, .8 + .4 + 120. / 220 + 80. / 140, 1e-14);
    ck_assert_double_eq_tol(c.S_corrected, 1 + .5 + .6 + 2. / 3, 1e-14);
    /* sum of n (sign - E)^2 / t^2: 20 counts at distance 2 | 60 at 1.5 and 140 at .5 | 170 at .4 and 50 at 1.6 | 110 at 1/3 and
     * 30 at 5/3; chance moves E by E x 4/t, 40 a pair of z settings and 20 of x: 40/160, -.5 40/160, .6 20/200, 2/3 20/120 */
    double v =
        80. / 25600 + (60 * 2.25 + 140 * .25) / 25600 + (170 * .16 + 50 * 2.56) / 40000 + (110. / 9 + 30 * 25. / 9) / 14400;
    double by_chance = .25 + .125 + .06 + 1. / 9;
    ck_assert_double_eq_tol(c.sigma_corrected, sqrt(v + pow(.1 * by_chance, 2)), 1e-14);
    chance.pairs = 700; /* more chance than counts: nothing is said of the source, S stands */
    qd_chsh_of(&m, bell, QD_SAME, &chance, &c);
    ck_assert(c.tested && !c.corrected && isnan(c.S_corrected));
}
END_TEST

/* Events of one click: the matrix of what they were made into is that of their masks. */
START_TEST(bits_give_the_matrix_of_masks) {
    enum { N = 1000 };
    uint8_t mask[2][N];
    for (uint64_t i = 0; i < N; i++) {
        uint32_t w[4];
        qd_philox(3, QD_STREAM_TEST, i, 0, w);
        for (int s = 0; s < 2; s++) mask[s][i] = (uint8_t)(1 << (w[s] & 3));
    }
    for (int same = 0; same < 2; same++) {
        qd_bits bits[2][2];
        qd_pair_matrix m = {{{0}}}, want = {{{0}}};
        for (int s = 0; s < 2; s++)
            ck_assert_int_eq(
                qd_sift_measure(NULL, (qd_side)s, (qd_correlation)same, mask[s], N, &bits[s][0], &bits[s][1], NULL, NULL), QD_OK);
        qd_pair_matrix_add_truth(&want, mask[0], mask[1], N);
        ck_assert_int_eq(qd_pair_matrix_add_bits_truth(&m, (qd_correlation)same, bits[0], bits[1]), QD_OK);
        ck_assert_mem_eq(&m, &want, sizeof m);
        bits[1][1].n--;
        ck_assert_int_eq(qd_pair_matrix_add_bits_truth(&m, (qd_correlation)same, bits[0], bits[1]), QD_E_USAGE);
        ck_assert_mem_eq(&m, &want, sizeof m);
        for (int s = 0; s < 4; s++) qd_bits_destroy(&bits[s / 2][s % 2]);
    }
}
END_TEST

/* ---- No test ---- */

START_TEST(no_test) {
    qd_pair_matrix m;
    qd_chsh c;
    for (int i = 0; i < 16; i++) m.pair[i / 4][i % 4] = 10;
    const qd_analysers bbm92[2] = {qd_analysers_bbm92(), qd_analysers_bbm92()};
    qd_chsh_of(&m, bbm92, QD_ANTI, NULL, &c);
    ck_assert(!c.tested && isnan(c.S) && isnan(c.sigma) && isnan(c.above_2_sd));
    ck_assert_ptr_nonnull(strstr(c.reason, "allow no test"));
    ck_assert_double_eq_tol(c.ideal, 2, 1e-14);
    ck_assert_double_eq(c.pair[1][1].E, 0); /* correlations are given nevertheless */
    const qd_analysers one[2] = {angles(90, 90, 0, 0),
                                 bell[1]}; /* both of Alice's settings are one: 2 cos 22.5 sin 22.5 ... at most 2 */
    qd_chsh_of(&m, one, QD_ANTI, NULL, &c);
    ck_assert(!c.tested && strstr(c.reason, "allow no test"));
    for (int k = 0; k < 4; k++) { /* a pair of settings without counts, each in turn */
        qd_pair_matrix hole = m;
        put(&hole, k / 2, k % 2, 0, 0, 0, 0);
        qd_chsh_of(&hole, bell, QD_ANTI, NULL, &c);
        ck_assert(!c.tested && isnan(c.S) && isnan(c.pair[k / 2][k % 2].E));
        ck_assert_msg(strstr(c.reason, "no coincidences with Alice at") != NULL, "%s", c.reason);
        ck_assert_double_eq(c.pair[k / 2][1 - k % 2].E, 0);
    }
}
END_TEST

/* ---- Statistics ---- */

/* A uniform word decides each of N pairs: settings evenly, outcomes by E = V cos 2(a-b). */
static void draw(uint64_t seed, unsigned n, double v, qd_pair_matrix *m) {
    memset(m, 0, sizeof *m);
    for (uint64_t k = 0; k < n; k++) {
        uint32_t w[4];
        qd_philox(seed, QD_STREAM_TEST, k, 0, w);
        int i = (int)(w[0] & 1), j = (int)(w[0] >> 1 & 1), a = (int)(w[1] & 1);
        double e = v * (i == 0 && j == 1 ? -M_SQRT1_2 : M_SQRT1_2);
        int equal = w[2] < (1 + e) / 2 * 4294967296.0;
        m->pair[i + 2 * a][j + 2 * (equal ? a : !a)]++;
    }
}

/* Q = 8.1 % (V = .838), N = 1167: S = 2.37 with a spread of .094 (a Bell test from orbit, Yin et al., Science 356:1140 (2017)).
 * Over R seeds the mean is known to spread / sqrt R and the spread to spread / sqrt(2 R), each taken four times. */
START_TEST(spread_of_s) {
    enum { R = 1000, N = 1167 };
    const double v = .838, want = 2 * M_SQRT2 * v, spread = 4 * sqrt((1 - v * v / 2) / N);
    ck_assert_double_eq_tol(spread, .094, .001);
    double sum = 0, squares = 0, claimed = 0;
    for (uint64_t seed = 1; seed <= R; seed++) {
        qd_pair_matrix m;
        qd_chsh c;
        draw(seed, N, v, &m);
        qd_chsh_of(&m, bell, QD_SAME, NULL, &c);
        ck_assert(c.tested);
        sum += c.S;
        squares += (c.S - want) * (c.S - want);
        claimed += c.sigma * c.sigma;
    }
    ck_assert_double_eq_tol(sum / R, want, 4 * spread / sqrt(R));
    ck_assert_double_eq_tol(sqrt(squares / R) / sqrt(claimed / R), 1, 4 / sqrt(2 * R));
}
END_TEST

/* No correlation at all: the mean of S is 0, not the mean of a greatest sum (which for four independent E lies at about 2 sd of
 * S). */
START_TEST(signs_are_not_chosen_by_the_data) {
    enum { R = 400, N = 400 };
    double sum = 0, spread = 4 / sqrt(N);
    for (uint64_t seed = 1; seed <= R; seed++) {
        qd_pair_matrix m;
        qd_chsh c;
        draw(seed + 5000, N, 0, &m);
        qd_chsh_of(&m, bell, QD_SAME, NULL, &c);
        sum += c.S;
    }
    ck_assert_double_eq_tol(sum / R, 0, 4 * spread / sqrt(R));
}
END_TEST

int main(void) {
    Suite *s = suite_create("chsh");
    TCase *t = tcase_create("all");
    tcase_add_test(t, angles_are_read);
    tcase_add_test(t, settings_are_those_of_h_and_plus);
    tcase_add_test(t, signs_come_from_the_angles);
    tcase_add_test(t, e_and_s_by_hand);
    tcase_add_test(t, chance_is_taken_off);
    tcase_add_test(t, bits_give_the_matrix_of_masks);
    tcase_add_test(t, no_test);
    tcase_add_test(t, spread_of_s);
    tcase_add_test(t, signs_are_not_chosen_by_the_data);
    suite_add_tcase(s, t);
    return run_all(s);
}
