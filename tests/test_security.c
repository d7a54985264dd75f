/* SPDX-License-Identifier: Apache-2.0 */
/* The finite-key bound: known lengths, exact arithmetic on small cases, the theorem itself, roundings, extremes. */
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/security.h"
#include "run_all.h"

/* ---- Known answers ---- */

START_TEST(table_of_lengths) {
    /* n, k, m, charged, E, length before floor; computed elsewhere, E of rows 0, 1, 4, 5 by exact integers */
    static const struct {
        uint64_t n, k, m, charged, errors;
        double length;
    } row[] = {{1552, 1552, 70, 543, 227, 8.7273},
               {10000, 10000, 0, 57, 73, 9251.4842},
               {100000, 100000, 1000, 9432, 1480, 79384.4284},
               {1000000, 1000000, 50000, 343743, 53032, 357048.9008},
               {3000, 5000, 200, 0, 285, NAN},
               {2000, 1000, 0, 0, 121, NAN}};
    qd_bbm92_terms t = qd_security_random_sampling(row[_i].n, row[_i].k, row[_i].m, 1e-10);
    ck_assert_uint_eq(t.errors_bound, row[_i].errors);
    ck_assert_double_eq(t.phase_error, (double)row[_i].errors / (double)row[_i].n);
    ck_assert(t.exact_tail && t.contained.kinds == 0 && t.contained.tag_bits == 0);
    /* half of the last printed digit */
    if (!isnan(row[_i].length)) ck_assert_double_eq_tol(t.before_charges - (double)row[_i].charged, row[_i].length, 5e-5);
}
END_TEST

START_TEST(table_of_tomamichel) {
    static const struct {
        uint64_t n;
        double q, mu, length;
    } row[] = {{100000, .01, .02209633, 70030.9000}, {1000000, .05, .00698744, 352294.0149}, {1552, .0451, .17742384, -229.6133}};
    double n = (double)row[_i].n, leak = 1.16 * n * qd_binary_entropy(row[_i].q);
    ck_assert_double_eq_tol(qd_tomamichel_mu(row[_i].n, row[_i].n, 1e-10), row[_i].mu, 5e-9);
    ck_assert_double_eq_tol(qd_tomamichel_length(row[_i].n, row[_i].n, row[_i].q, leak, 1e-10, 1e-15), row[_i].length, 5e-5);
}
END_TEST

START_TEST(tomamichel_with_both_bases) {
    double leak = 1.16 * 1e5 * qd_binary_entropy(.01);
    ck_assert_double_eq_tol(qd_tomamichel_length(100000, 100000, .01, leak, 5e-11, 5e-16), 69875.04, 5e-3);
}
END_TEST

START_TEST(closed_form) {
    /* delta = .07010 at n = k = 1552, Q = 4.51 % (70 of 1552 is 4.5103 %: the difference is below the last digit) */
    ck_assert_double_eq_tol(qd_closed_form_phase_error(1552, 1552, 70, 1e-10) - 70.0 / 1552, .07010, 5e-6);
    /* one error in 10^4: .0015, where 1e-10 needs .0038; none: zero, which is wrong */
    ck_assert_double_eq_tol(qd_closed_form_phase_error(10000, 10000, 1, 1e-10), .0015, 5e-5);
    ck_assert_double_eq_tol((double)qd_random_sampling_errors(10000, 10000, 1, 1e-5) / 1e4, .0038, 5e-5);
    ck_assert_double_eq(qd_closed_form_phase_error(10000, 10000, 0, 1e-10), 0);
    ck_assert_double_eq(qd_closed_form_phase_error(0, 5, 1, 1e-10), .5);
}
END_TEST

START_TEST(entropy_values) {
    ck_assert_double_eq(qd_binary_entropy(0), 0);
    ck_assert_double_eq(qd_binary_entropy(1), 0);
    ck_assert_double_eq_tol(qd_binary_entropy(.5), 1, 2 * DBL_EPSILON);
    ck_assert_double_eq_tol(qd_binary_entropy(.11002786443835955), .5, 4 * DBL_EPSILON); /* the one-way threshold, 11.00 % */
    ck_assert_double_eq_tol(qd_binary_entropy(.3), qd_binary_entropy(.7), 4 * DBL_EPSILON);
}
END_TEST

/* ---- Exact arithmetic ---- */

/* Binomial coefficient, exact: at most C(60, 30) < 2^57. */
static uint64_t binomial(unsigned n, unsigned k) {
    if (k > n) return 0;
    uint64_t c = 1;
    for (unsigned i = 1; i <= k; i++) c = (uint64_t)((unsigned __int128)c * (n - k + i) / i);
    return c;
}

/* Ways to choose k of n + k places so that at most m of `wrong` wrong ones are among them. */
static uint64_t ways(unsigned n, unsigned k, unsigned m, unsigned wrong) {
    uint64_t sum = 0;
    for (unsigned j = 0; j <= m; j++)
        if (j <= k) sum += binomial(wrong, j) * binomial(n + k - wrong, k - j);
    return sum;
}

/* Least e whose tail is at most 2^-2s, in integers; *tie says that it is equal there. */
static unsigned exact_errors(unsigned n, unsigned k, unsigned m, unsigned s, int *tie) {
    unsigned __int128 all = binomial(n + k, k);
    for (unsigned e = 0; e <= n; e++) {
        unsigned __int128 scaled = (unsigned __int128)ways(n, k, m, m + e) << 2 * s;
        *tie = scaled == all;
        if (scaled <= all) return e;
    }
    *tie = 0;
    return n + 1;
}

START_TEST(equals_exact_integers) {
    static const unsigned size[] = {1, 2, 3, 7, 12, 20, 29, 30};
    unsigned checked = 0;
    for (unsigned a = 0; a < 8; a++)
        for (unsigned b = 0; b < 8; b++)
            for (unsigned m = 0; m <= size[b]; m++)
                for (unsigned s = 1; s <= 12; s += 1) {
                    int tie;
                    unsigned n = size[a], k = size[b], want = exact_errors(n, k, m, s, &tie);
                    uint64_t got = qd_random_sampling_errors(n, k, m, ldexp(1, -(int)s));
                    /* where the tail equals the target, rounding up may cost one error; nowhere else */
                    ck_assert_msg(got == want || (tie && got == want + 1), "n=%u k=%u m=%u s=%u: %llu, exact %u", n, k, m, s,
                                  (unsigned long long)got, want);
                    checked++;
                }
    ck_assert_uint_gt(checked, 8000);
}
END_TEST

/* ln of the tail by the definition, in long double: Pr[0] as a product, then the ratios upwards. Relative error below 2^-60 a
 * step. */
static long double log_tail_long(uint64_t n, uint64_t k, uint64_t m, uint64_t e) {
    uint64_t all = n + k, wrong = m + e, from = wrong > n ? wrong - n : 0; /* fewest wrong ones a test can see */
    long double log_first = 0;
    /* Pr[from]: C(wrong, from) C(all-wrong, k-from) / C(all, k) */
    for (uint64_t i = 0; i < from; i++) log_first += logl((long double)(wrong - i)) - logl((long double)(from - i));
    for (uint64_t i = 0; i < k - from; i++) log_first += logl((long double)(all - wrong - i)) - logl((long double)(k - from - i));
    for (uint64_t i = 0; i < k; i++) log_first -= logl((long double)(all - i)) - logl((long double)(k - i));
    long double term = 1, sum = 1;
    for (uint64_t j = from; j < m; j++) {
        term *= (long double)(wrong - j) / (long double)(j + 1) * ((long double)(k - j) / (long double)(n + j + 1 - wrong));
        sum += term;
    }
    return log_first + logl(sum);
}

START_TEST(tail_is_never_understated) {
    srand(7);
    int small = 0;
    for (int i = 0; i < 2000; i++) {
        uint64_t n = 1 + (uint64_t)rand() % 4000, k = 1 + (uint64_t)rand() % 4000;
        uint64_t m = (uint64_t)rand() % (k + 1) / (1 + (uint64_t)rand() % 50), e = (uint64_t)rand() % (n + 1);
        if (m + e > n + k) continue;
        double got = qd_random_sampling_log_tail(n, k, m, e);
        long double want = log_tail_long(n, k, m, e);
        ck_assert_msg(got >= (double)want - 1e-12, "n=%llu k=%llu m=%llu e=%llu: %.15g < %.15Lg", (unsigned long long)n,
                      (unsigned long long)k, (unsigned long long)m, (unsigned long long)e, got, want);
        /* Not a tail: the most likely outcome lies in it. Else overstated by no more than twice the margin: nine log-gamma values
         * of at most 8000 ln 8000 = 72,000 each, times 64 u, is 5e-9. */
        if (got == 0)
            ck_assert(want > logl(.1L));
        else
            ck_assert_double_le(got - (double)want, 1e-8);
        small += got < -20;
    }
    ck_assert_int_gt(small, 500);
}
END_TEST

/* The theorem that the bound rests on: whatever the true number of errors, the errors of the key reach the bound with a
 * probability of at most eps_s^2. Exact integers; the bound itself is what qd_random_sampling_errors says. */
START_TEST(holds_for_every_number_of_errors) {
    static const unsigned sizes[][2] = {{30, 30}, {20, 40}, {40, 20}, {7, 50}};
    unsigned n = sizes[_i][0], k = sizes[_i][1];
    for (unsigned s = 1; s <= 10; s++) {
        unsigned bound[64];
        for (unsigned m = 0; m <= k; m++) bound[m] = (unsigned)qd_random_sampling_errors(n, k, m, ldexp(1, -(int)s));
        int bites = 0;
        for (unsigned wrong = 0; wrong <= n + k; wrong++) {
            unsigned __int128 fail = 0, all = binomial(n + k, k);
            for (unsigned m = 0; m <= k && m <= wrong; m++)
                if (wrong - m <= n && wrong - m >= bound[m])
                    fail += (unsigned __int128)binomial(wrong, m) * binomial(n + k - wrong, k - m);
            ck_assert_msg(fail << 2 * s <= all, "n=%u k=%u errors=%u s=%u", n, k, wrong, s);
            bites |= fail > 0;
        }
        ck_assert(bites || s > 5); /* the bound is not merely large */
    }
}
END_TEST

/* ---- Above 2^32 ---- */

START_TEST(chvatal_is_never_below) {
    /* m = 0 has the closed value sum ln((N-k-i)/(N-i)) over the wrong ones */
    static const uint64_t key[] = {(uint64_t)1 << 33, ((uint64_t)1 << 32) + 7, (uint64_t)1 << 40};
    static const uint64_t test[] = {(uint64_t)1 << 33, 1000000, 99};
    uint64_t n = key[_i], k = test[_i];
    ck_assert_uint_gt(n + k, QD_RANDOM_SAMPLING_EXACT_MAX);
    for (uint64_t e = 1; e <= 100000; e *= 10) {
        long double exact = 0;
        for (uint64_t i = 0; i < e; i++) exact += log1pl(-(long double)k / (long double)(n + k - i));
        double got = qd_random_sampling_log_tail(n, k, 0, e);
        ck_assert_double_ge(got, (double)exact);
        /* k D(0 || e/N) = -k ln(1 - e/N) = (k e/N)(1 + e/2N + ...), e/N below 2^-15 */
        double kd = (double)k * (double)e / (double)(n + k);
        ck_assert_double_eq_tol(got, -kd, 1e-4 * kd);
    }
}
END_TEST

START_TEST(both_tails_meet) {
    uint64_t half = (uint64_t)1 << 31;
    for (uint64_t m = 0; m <= half / 10; m = m ? m * 100 : 1) {
        uint64_t exact = qd_random_sampling_errors(half, half, m, 1e-10),
                 above = qd_random_sampling_errors(half + 2, half, m, 1e-10);
        ck_assert_uint_ge(above, exact);
        ck_assert_double_le((double)(above - m), 3.0 * (double)(exact > m ? exact - m : 1) + 10);
    }
}
END_TEST

START_TEST(extremes) {
    static const uint64_t size[] = {1, 2, (uint64_t)1 << 31, (uint64_t)1 << 32, (uint64_t)1 << 33, QD_SECURITY_MAX};
    for (int a = 0; a < 6; a++)
        for (int b = 0; b < 6; b++)
            for (int c = 0; c < 4; c++) {
                uint64_t n = size[a], k = size[b], m = c == 0 ? 0 : c == 1 ? k : c == 2 ? k / 2 : k / 100;
                qd_bbm92_terms t = qd_security_random_sampling(n, k, m, 1e-10);
                ck_assert(isfinite(t.before_charges) && t.phase_error > 0 && t.phase_error <= 1);
                ck_assert(t.entropy_bits >= 0 && t.entropy_bits <= (double)n && t.errors_bound >= 1 && t.errors_bound <= n + 1);
                ck_assert(isfinite(t.closed_form_phase_error) && isfinite(t.closed_form_bits));
                if (m >= k / 2 && m > 0) ck_assert_double_eq(t.entropy_bits, 0);
            }
    /* the smallest epsilons do not underflow */
    ck_assert(isfinite(qd_security_random_sampling(1000000, 1000000, 1000, 1e-100).before_charges));
}
END_TEST

/* ---- Order ---- */

START_TEST(monotone) {
    uint64_t last = 0;
    for (uint64_t m = 0; m <= 5000; m += 50) {
        uint64_t e = qd_random_sampling_errors(10000, 10000, m, 1e-11);
        ck_assert_uint_gt(e, last);
        last = e;
    }
    double phi = 1;
    for (uint64_t k = 1000; k < (uint64_t)1 << 31; k *= 3) { /* a longer test of the same result */
        double now = qd_security_random_sampling(1000000, k, 10, 1e-10).phase_error;
        ck_assert_double_lt(now, phi);
        phi = now;
    }
    last = 0;
    for (double eps = .1; eps > 1e-90; eps *= 1e-3) {
        uint64_t e = qd_random_sampling_errors(100000, 50000, 500, eps);
        ck_assert_uint_gt(e, last);
        last = e;
    }
    for (double eps = .1, length = INFINITY; eps > 1e-90; eps *= 1e-3) {
        double now = qd_security_random_sampling(100000, 50000, 500, eps).before_charges;
        ck_assert_double_lt(now, length);
        length = now;
    }
}
END_TEST

/* ---- The estimate of a block ---- */

static const qd_bbm92_input block = {
    .n = {100000, 80000}, .errors = {500, 2000}, .charged = {9000, 20000}, .eps_sec = 1e-10, .eps_cor = 1e-15};

START_TEST(each_basis_is_tested_by_the_other) {
    qd_bbm92_result r;
    ck_assert_int_eq(qd_estimate_bbm92(&block, &r, NULL), QD_OK);
    for (int b = 0; b < 2; b++) {
        qd_bbm92_terms t = qd_security_random_sampling(block.n[b], block.n[1 - b], block.errors[1 - b], 1e-10);
        ck_assert_uint_eq(r.terms[b].k, block.n[1 - b]);
        ck_assert_uint_eq(r.terms[b].m, block.errors[1 - b]);
        ck_assert_double_eq(r.phi[b], t.phase_error);
        ck_assert_uint_eq(r.key_bits[b], (uint64_t)floor(t.before_charges - (double)block.charged[b]));
        ck_assert_double_eq(t.eps, 5e-11);
        ck_assert_double_eq(t.eps_pa, 2.5e-11);
        ck_assert_double_eq(t.eps_s, 1.25e-11);
    }
    ck_assert_uint_eq(r.total, r.key_bits[0] + r.key_bits[1]);
    ck_assert_uint_gt(r.key_bits[0], 0);
    ck_assert_uint_gt(r.key_bits[1], 0);
    ck_assert_str_eq(r.abort_reason, "");
}
END_TEST

START_TEST(charges_are_subtracted_once) {
    qd_bbm92_input in = block;
    qd_bbm92_result with, without;
    ck_assert_int_eq(qd_estimate_bbm92(&in, &without, NULL), QD_OK);
    in.charged[QD_Z] += 1234;
    ck_assert_int_eq(qd_estimate_bbm92(&in, &with, NULL), QD_OK);
    ck_assert_uint_eq(with.key_bits[QD_Z] + 1234, without.key_bits[QD_Z]);
    ck_assert_uint_eq(with.key_bits[QD_X], without.key_bits[QD_X]);
    /* the same from a ledger, both directions, credit taken off */
    qd_ledger l = {0};
    ck_assert_int_eq(qd_ledger_add(&l, QD_Z, QD_ALICE_TO_BOB, QD_LEAK_SYNDROME, 9000 + 1234 + 500 - 77 - 64, NULL), QD_OK);
    ck_assert_int_eq(qd_ledger_add(&l, QD_Z, QD_ALICE_TO_BOB, QD_LEAK_PRIVATE, 500, NULL), QD_OK);
    ck_assert_int_eq(qd_ledger_add(&l, QD_Z, QD_BOB_TO_ALICE, QD_LEAK_ANSWER, 77, NULL), QD_OK);
    ck_assert_int_eq(qd_ledger_add(&l, QD_Z, QD_ALICE_TO_BOB, QD_LEAK_TAG, 64, NULL), QD_OK);
    ck_assert_int_eq(qd_ledger_add(&l, QD_X, QD_ALICE_TO_BOB, QD_LEAK_FAILED, 20000, NULL), QD_OK);
    qd_bbm92_result ledger;
    in.ledger = &l;
    in.charged[QD_Z] = in.charged[QD_X] = 0; /* not read */
    ck_assert_int_eq(qd_estimate_bbm92(&in, &ledger, NULL), QD_OK);
    ck_assert_uint_eq(ledger.charged[QD_Z], 9000 + 1234);
    ck_assert_uint_eq(ledger.key_bits[QD_Z], with.key_bits[QD_Z]);
    ck_assert_uint_eq(ledger.key_bits[QD_X], with.key_bits[QD_X]);
}
END_TEST

START_TEST(no_error_still_has_a_phase_error) {
    qd_bbm92_input in = {.n = {50000, 50000}, .eps_sec = 1e-10, .eps_cor = 1e-15};
    qd_bbm92_result r;
    ck_assert_int_eq(qd_estimate_bbm92(&in, &r, NULL), QD_OK);
    ck_assert_double_gt(r.phi[QD_Z], 0);
    ck_assert_uint_gt(r.total, 0);
    ck_assert_uint_lt(r.total, 100000);
}
END_TEST

START_TEST(no_key_says_why) {
    qd_bbm92_result r;
    qd_bbm92_input in = {.n = {0, 1000}, .eps_sec = 1e-10, .eps_cor = 1e-15};
    ck_assert_int_eq(qd_estimate_bbm92(&in, &r, NULL), QD_OK);
    ck_assert_uint_eq(r.total, 0);
    ck_assert_str_eq(r.abort_reason, "z: no bits; x: the other basis has no bits to test it");
    ck_assert_double_eq(r.phi[QD_Z], 1);
    ck_assert_double_eq(r.phi[QD_X], 1);
    static const double rate[] = {.11, .25, .5, 1};
    static const uint64_t charged[] = {500000, 811278, 0, 0}; /* an ideal code's n h(rate) at 11 and 25 % */
    for (int i = 0; i < 4; i++) {
        uint64_t m = (uint64_t)(rate[i] * 1e6);
        in = (qd_bbm92_input){
            .n = {1000000, 1000000}, .errors = {m, m}, .charged = {charged[i], charged[i]}, .eps_sec = 1e-10, .eps_cor = 1e-15};
        ck_assert_int_eq(qd_estimate_bbm92(&in, &r, NULL), QD_OK);
        ck_assert_uint_eq(r.total, 0);
        ck_assert_ptr_nonnull(strstr(r.abort_reason, i < 2 ? "charged" : "1/2 or more"));
    }
    /* charges beyond everything do not wrap around */
    in = block;
    in.charged[0] = in.charged[1] = QD_SECURITY_MAX;
    ck_assert_int_eq(qd_estimate_bbm92(&in, &r, NULL), QD_OK);
    ck_assert_uint_eq(r.total, 0);
}
END_TEST

START_TEST(bad_counts_are_refused) {
    static const struct {
        qd_bbm92_input in;
    } bad[] = {
        {{.n = {10, 10}, .errors = {11, 0}, .eps_sec = 1e-10, .eps_cor = 1e-15}},
        {{.n = {10, 10}, .errors = {0, 11}, .eps_sec = 1e-10, .eps_cor = 1e-15}},
        {{.n = {QD_SECURITY_MAX + 1, 10}, .eps_sec = 1e-10, .eps_cor = 1e-15}},
        {{.n = {10, 10}, .charged = {UINT64_MAX, 0}, .eps_sec = 1e-10, .eps_cor = 1e-15}},
        {{.n = {10, 10}, .eps_sec = 0, .eps_cor = 1e-15}},
        {{.n = {10, 10}, .eps_sec = 1, .eps_cor = 1e-15}},
        {{.n = {10, 10}, .eps_sec = -1, .eps_cor = 1e-15}},
        {{.n = {10, 10}, .eps_sec = NAN, .eps_cor = 1e-15}},
        {{.n = {10, 10}, .eps_sec = 1e-10, .eps_cor = INFINITY}},
    };
    qd_bbm92_result r;
    qd_error err = {0};
    r.total = 1;
    ck_assert_int_eq(qd_estimate_bbm92(&bad[_i].in, &r, &err), QD_E_INPUT);
    ck_assert_uint_eq(r.total, 0);
    ck_assert(err.what[0] && err.likely[0] && err.next[0]);
}
END_TEST

int main(void) {
    Suite *s = suite_create("security");
    TCase *t = tcase_create("known answers");
    tcase_add_loop_test(t, table_of_lengths, 0, 6);
    tcase_add_loop_test(t, table_of_tomamichel, 0, 3);
    tcase_add_test(t, tomamichel_with_both_bases);
    tcase_add_test(t, closed_form);
    tcase_add_test(t, entropy_values);
    suite_add_tcase(s, t);
    t = tcase_create("exact");
    tcase_add_test(t, equals_exact_integers);
    tcase_add_test(t, tail_is_never_understated);
    tcase_add_loop_test(t, holds_for_every_number_of_errors, 0, 4);
    tcase_add_loop_test(t, chvatal_is_never_below, 0, 3);
    tcase_add_test(t, both_tails_meet);
    tcase_add_test(t, extremes);
    tcase_add_test(t, monotone);
    suite_add_tcase(s, t);
    t = tcase_create("block");
    tcase_add_test(t, each_basis_is_tested_by_the_other);
    tcase_add_test(t, charges_are_subtracted_once);
    tcase_add_test(t, no_error_still_has_a_phase_error);
    tcase_add_test(t, no_key_says_why);
    tcase_add_loop_test(t, bad_counts_are_refused, 0, 9);
    suite_add_tcase(s, t);
    return run_all(s);
}
