/* SPDX-License-Identifier: Apache-2.0 */
/* The total of every bound from its definition, by hand: each term once, none twice, nothing left out. The ledgers are made here, account by
 * account, so that a term that is forgotten or taken twice shows in the bit. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/security.h"
#include "run_all.h"

static qd_error err;

/* ---- by hand ----------------------------------------------------------------------------------------------------- */

static long double h(long double x) {
    return x <= 0 || x >= 1 ? 0 : -(x * log2l(x) + (1 - x) * log2l(1 - x));
}

/* Pr[at most m wrong among k tested | w wrong among n + k], summed from its definition, each term by logarithms of factorials. */
static long double log_choose(uint64_t a, uint64_t b) {
    return lgammal((long double)a + 1) - lgammal((long double)b + 1) - lgammal((long double)(a - b) + 1);
}

static long double tail(uint64_t n, uint64_t k, uint64_t m, uint64_t w) {
    long double sum = 0;
    for (uint64_t j = w > n ? w - n : 0; j <= m && j <= w; j++) sum += expl(log_choose(w, j) + log_choose(n + k - w, k - j) - log_choose(n + k, k));
    return sum;
}

/* The least e with a tail of at most eps_s^2. */
static uint64_t errors_by_hand(uint64_t n, uint64_t k, uint64_t m, long double eps_s) {
    for (uint64_t e = 0; e <= n; e++)
        if (tail(n, k, m, m + e) <= eps_s * eps_s) return e;
    return n + 1;
}

/* What was announced about a string, in both directions: as the rules of charging have it. */
typedef struct announced {
    uint64_t syndrome, private_bits, failed, answers, tag, error_count, bobs_parities;
} announced;

static void book(qd_ledger *l, int b, const announced *a) {
    const struct {
        qd_direction d;
        qd_leak k;
        uint64_t bits;
    } e[] = {{QD_ALICE_TO_BOB, QD_LEAK_SYNDROME, a->syndrome}, {QD_ALICE_TO_BOB, QD_LEAK_PRIVATE, a->private_bits},
             {QD_ALICE_TO_BOB, QD_LEAK_FAILED, a->failed},     {QD_BOB_TO_ALICE, QD_LEAK_ANSWER, a->answers},
             {QD_ALICE_TO_BOB, QD_LEAK_TAG, a->tag},           {QD_BOB_TO_ALICE, QD_LEAK_ERROR_COUNT, a->error_count},
             {QD_BOB_TO_ALICE, QD_LEAK_SYNDROME, a->bobs_parities}};
    for (size_t i = 0; i < sizeof e / sizeof *e; i++) ck_assert(qd_ledger_add(l, b, e[i].d, e[i].k, e[i].bits, &err) == QD_OK);
}

static long double without_tag(const announced *a) {
    return (long double)(a->syndrome + a->bobs_parities - a->private_bits + a->failed + a->answers + a->error_count);
}

typedef struct block {
    uint64_t n[2], m[2];
    announced a[2];
    double eps_sec, eps_cor, q_tol;
} block;

/* n (1 - h(E/n)) - everything announced, the tag whole - 2 log2(1/(2 eps_PA)), eps_PA = eps_sec/4, eps_s = eps_sec/8. */
static long double random_sampling(const block *x, int b) {
    uint64_t n = x->n[b], k = x->n[1 - b], m = x->m[1 - b], e = errors_by_hand(n, k, m, (long double)x->eps_sec / 8);
    return (long double)n * (1 - h((long double)e / (long double)n)) - without_tag(&x->a[b]) - (long double)x->a[b].tag -
           2 * log2l(1 / (2 * (long double)x->eps_sec / 4));
}

/* n (1 - h(q_tol + mu)) - leak - log2(2/(eps^2 eps_cor)) with half of both epsilons; the last term holds log2(2/eps_cor) bits of the tag,
 * so of t bits t - log2(2/eps_cor) are left, if more than none. */
static long double tomamichel(const block *x, int b) {
    long double n = (long double)x->n[b], k = (long double)x->n[1 - b], eps = (long double)x->eps_sec / 2, cor = (long double)x->eps_cor / 2;
    long double mu = sqrtl((n + k) / (n * k) * (k + 1) / k * logl(4 / eps)), rest = (long double)x->a[b].tag - floorl(log2l(2 / cor));
    return n * (1 - h((long double)x->q_tol + mu)) - without_tag(&x->a[b]) - (rest > 0 ? rest : 0) - log2l(2 / (eps * eps * cor));
}

/* ---- against the library ----------------------------------------------------------------------------------------- */

static const block blocks[] = {
    {{4000, 3500}, {40, 38}, {{900, 120, 0, 7, 63, 12, 0}, {800, 100, 0, 6, 62, 12, 0}}, 1e-10, 1e-15, .03},
    {{4000, 3500}, {40, 38}, {{900, 120, 300, 7, 126, 12, 0}, {800, 100, 0, 6, 62 + 64 * 3, 12, 0}}, 1e-10, 1e-15, .03}, /* tagged twice */
    {{9000, 9000}, {0, 1}, {{200, 0, 0, 20, 20, 14, 180}, {200, 0, 0, 20, 64, 14, 180}}, 1e-9, 1e-12, .01},              /* Cascade; a tag shorter than what is held */
    {{2500, 9000}, {20, 100}, {{300, 0, 0, 3, 70, 12, 0}, {900, 400, 0, 3, 70, 14, 0}}, 1e-6, 1e-9, .05},
    {{100, 100}, {0, 0}, {{10, 0, 0, 1, 50, 7, 0}, {10, 0, 0, 1, 50, 7, 0}}, 1e-10, 1e-15, .01}, /* no key */
};

START_TEST(totals_are_those_of_the_definition) {
    const block *x = &blocks[_i];
    qd_ledger l = {0};
    for (int b = 0; b < 2; b++) book(&l, b, &x->a[b]);
    for (int which = 0; which < 2; which++) {
        qd_bbm92_input in = {.ledger = &l, .eps_sec = x->eps_sec, .eps_cor = x->eps_cor, .bound = (qd_bound)which, .q_tol = x->q_tol};
        qd_bbm92_result r;
        memcpy(in.n, x->n, sizeof in.n);
        memcpy(in.errors, x->m, sizeof in.errors);
        ck_assert_msg(qd_estimate_bbm92(&in, &r, &err) == QD_OK, "%s", err.what);
        uint64_t total = 0;
        for (int b = 0; b < 2; b++) {
            const qd_bbm92_terms *t = &r.terms[b];
            long double hand = which ? tomamichel(x, b) : random_sampling(x, b);
            uint64_t want = hand >= 1 ? (uint64_t)floorl(hand) : 0;
            ck_assert_msg(r.key_bits[b] == want, "%s, %c: %llu, by hand %Lf", qd_bound_name(in.bound), "zx"[b],
                          (unsigned long long)r.key_bits[b], hand);
            total += want;
            /* what the result says of its parts is what was subtracted */
            uint64_t parts = 0;
            for (int k = 0; k < QD_LEAK_KINDS; k++) parts += r.charge[b][k];
            ck_assert_uint_eq(parts, r.charged[b]);
            ck_assert_double_eq(t->before_charges, t->entropy_bits - t->hash_bits);
            if (want) ck_assert_double_eq_tol((double)want, t->before_charges - (double)parts, 1);
            ck_assert_uint_eq(r.charge[b][QD_LEAK_PRIVATE], 0);
            ck_assert_uint_eq(r.charge[b][QD_LEAK_SYNDROME], x->a[b].syndrome + x->a[b].bobs_parities - x->a[b].private_bits);
            ck_assert_uint_eq(t->contained.kinds, 0);
            ck_assert_double_eq_tol(t->contained.tag_bits, which ? log2(4 / x->eps_cor) : 0, 1e-12);
        }
        ck_assert_uint_eq(r.total, total);
        ck_assert(total > 0 || r.abort_reason[0]);
    }
}
END_TEST

/* Of a tag: all for the exact bound; for the closed form nothing up to what it holds, each bit beyond. */
START_TEST(tags_are_subtracted_beyond_what_is_held) {
    const double held = 2 - log2(1e-15); /* 51.8 */
    for (uint64_t t = 0; t < 200; t++) {
        qd_ledger l = {0};
        ck_assert(qd_ledger_add(&l, 1, QD_ALICE_TO_BOB, QD_LEAK_TAG, t, &err) == QD_OK);
        qd_contained exact = {0}, closed = qd_security_tomamichel(10, 10, 0, .01, 1e-10, 1e-15).contained, whole = {.kinds = 1u << QD_LEAK_TAG};
        ck_assert_double_eq_tol(closed.tag_bits, held, 1e-12);
        ck_assert_uint_eq(qd_ledger_charge(&l, 1, QD_LEAK_TAG, &exact), t);
        ck_assert_uint_eq(qd_ledger_charge(&l, 1, QD_LEAK_TAG, &closed), t > 51 ? t - 51 : 0);
        ck_assert_uint_eq(qd_ledger_charge(&l, 1, QD_LEAK_TAG, &whole), 0);
        ck_assert_uint_eq(qd_ledger_charge(&l, 0, QD_LEAK_TAG, &exact), 0);
    }
    qd_ledger l = {0};
    ck_assert(qd_ledger_add(&l, 0, QD_ALICE_TO_BOB, QD_LEAK_TAG, UINT64_MAX, &err) == QD_OK);
    const qd_contained huge = {.tag_bits = 1e300}, nothing = {.tag_bits = -1}, odd = {.tag_bits = NAN};
    ck_assert_uint_eq(qd_ledger_charge(&l, 0, QD_LEAK_TAG, &huge), 0);
    ck_assert_uint_eq(qd_ledger_charge(&l, 0, QD_LEAK_TAG, &nothing), UINT64_MAX);
    ck_assert_uint_eq(qd_ledger_charge(&l, 0, QD_LEAK_TAG, &odd), UINT64_MAX);
}
END_TEST

/* The tolerated rate decides before the data: one error more and there is no key, however small the rate is. */
START_TEST(above_the_tolerated_rate_there_is_no_key) {
    qd_bbm92_terms at = qd_security_tomamichel(100000, 100000, 1000, .01, 1e-10, 1e-15), above = qd_security_tomamichel(100000, 100000, 1001, .01, 1e-10, 1e-15),
                   none = qd_security_tomamichel(0, 5, 0, .01, 1e-10, 1e-15);
    const double leak = 1.16 * 100000 * qd_binary_entropy(.01);
    ck_assert_double_eq_tol(at.before_charges - leak, 69875.04, 5e-3); /* both bases as keys, each with half of both epsilons */
    ck_assert_double_eq(above.phase_error, 1);
    ck_assert_double_eq(above.entropy_bits, 0);
    ck_assert_double_eq(none.phase_error, 1);
    qd_bbm92_input in = {.n = {1000, 1000}, .eps_sec = 1e-10, .eps_cor = 1e-15, .bound = QD_BOUND_TOMAMICHEL, .q_tol = .51};
    qd_bbm92_result r;
    ck_assert_int_eq(qd_estimate_bbm92(&in, &r, &err), QD_E_INPUT);
    in.q_tol = .01;
    in.errors[0] = in.errors[1] = 11;
    ck_assert_int_eq(qd_estimate_bbm92(&in, &r, &err), QD_OK);
    ck_assert(r.total == 0 && strstr(r.abort_reason, "above the tolerated rate"));
    ck_assert_str_eq(qd_bound_name(QD_BOUND_TOMAMICHEL), "tomamichel");
    ck_assert_str_eq(qd_bound_name((qd_bound)2), "unknown");
}
END_TEST

int main(void) {
    Suite *s = suite_create("bound_totals");
    TCase *c = tcase_create("bound_totals");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, totals_are_those_of_the_definition, 0, (int)(sizeof blocks / sizeof *blocks));
    tcase_add_test(c, tags_are_subtracted_beyond_what_is_held);
    tcase_add_test(c, above_the_tolerated_rate_there_is_no_key);
    suite_add_tcase(s, c);
    return run_all(s);
}
