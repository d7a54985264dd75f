/* SPDX-License-Identifier: Apache-2.0 */
/* The timing harness: its statistics, and that a wrong loop or device never gets a time. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "harness.h"
#include "run_all.h"

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    uint64_t *n = malloc(sizeof *n);
    if (!n) return qd_fail(err, QD_E_INTERNAL, "no memory");
    *n = p->v[0];
    *state = n;
    return QD_OK;
}
static size_t bytes_of(const void *state) {
    return (size_t) * (const uint64_t *)state;
}
static qd_status fill(void *state, void *out, qd_error *err) {
    (void)err;
    for (size_t i = 0; i < bytes_of(state); i++) ((unsigned char *)out)[i] = (unsigned char)(i * 5 + 1);
    return QD_OK;
}
static qd_status unused(void *state, qd_device *dev, void *out, qd_error *err) {
    (void)state, (void)dev, (void)out;
    return qd_fail(err, QD_E_INTERNAL, "no device here");
}
static void cost_of(const void *state, qd_cost *c) {
    *c = (qd_cost){(double)bytes_of(state), 4.0 * (double)bytes_of(state), 2.0 * (double)bytes_of(state), "byte"};
}

static qd_status right(void *state, unsigned threads, void *out, qd_error *err) {
    if (threads < 1) return qd_fail(err, QD_E_INTERNAL, "no threads");
    return fill(state, out, err);
}
static qd_status wrong(void *state, unsigned threads, void *out, qd_error *err) {
    QD_TRY(right(state, threads, out, err));
    ((unsigned char *)out)[41] ^= 4;
    return QD_OK;
}
static qd_status lazy(void *state, unsigned threads, void *out, qd_error *err) {
    (void)state, (void)threads, (void)out, (void)err;
    return QD_OK; /* writes nothing */
}

static const qd_key keys[] = {{"n", 1000, 100, 2000, "bytes"}};
static const char *const cases[] = {"fill", NULL};
static const qd_op op = {.name = "fill",
                         .summary = "fill",
                         .keys = keys,
                         .n_keys = 1,
                         .selftest = "fill",
                         .cases_quick = cases,
                         .cases_full = cases,
                         .cases_profile = cases,
                         .create = create,
                         .destroy = free,
                         .output_bytes = bytes_of,
                         .reference = fill,
                         .device = unused,
                         .cost = cost_of};
static const qd_loop loop_right = {"fill", right}, loop_wrong = {"fill", wrong}, loop_lazy = {"fill", lazy};

START_TEST(spread) {
    double odd[] = {5, 1, 9, 2, 4}, even[] = {4, 1, 3, 10}, one[] = {7};
    qd_spread s = qd_spread_of(odd, 5); /* 1 2 4 5 9; deviations 3 2 0 1 5 */
    ck_assert(s.n == 5 && s.min == 1 && s.median == 4 && s.mad == 2);
    s = qd_spread_of(even, 4); /* 1 3 4 10: median 3.5; deviations 2.5 0.5 0.5 6.5 */
    ck_assert(s.min == 1 && s.median == 3.5 && s.mad == 1.5);
    s = qd_spread_of(one, 1);
    ck_assert(s.min == 7 && s.median == 7 && s.mad == 0);
}
END_TEST

START_TEST(figures_hang_together) {
    qd_problem p = {.op = &op, .v = {1000}};
    qd_limits limits = {1e3, 1e3};
    qd_bench b;
    qd_error e = {0};
    ck_assert_int_eq(qd_bench_run(&p, NULL, &loop_right, &limits, 7, &b, &e), QD_OK);
    ck_assert_uint_eq(b.seconds.n, 7);
    ck_assert_uint_eq(b.c_loop.n, 7);
    ck_assert(b.seconds.min > 0 && b.seconds.min <= b.seconds.median && b.reference_seconds > 0 && b.c_loop.min > 0);
    ck_assert(b.rate == 2000 / b.seconds.median);
    /* 4000 operations at 1000 a second bind, not 1000 bytes: 2000 units in 4 s. */
    ck_assert_str_eq(b.limit_kind, "integer");
    ck_assert(b.limit == 500);
    ck_assert(b.fraction_of_limit == b.rate / 500);
    limits = (qd_limits){1e3, 1e9};
    ck_assert_int_eq(qd_bench_run(&p, NULL, NULL, &limits, 1, &b, &e), QD_OK);
    ck_assert_uint_eq(b.c_loop.n, 0);
    ck_assert_str_eq(b.limit_kind, "memory");
    ck_assert(b.limit == 2000);
    ck_assert_int_eq(qd_bench_run(&p, NULL, NULL, NULL, 1, &b, &e), QD_OK);
    ck_assert_ptr_null(b.limit_kind);
}
END_TEST

START_TEST(wrong_loop_is_an_error) {
    qd_problem p = {.op = &op, .v = {1000}};
    qd_bench b;
    qd_error e = {0};
    ck_assert_int_eq(qd_bench_run(&p, NULL, &loop_wrong, NULL, 1, &b, &e), QD_E_INTERNAL);
    ck_assert_ptr_nonnull(
        strstr(e.what, "tuned C loop of fill differs from the reference at byte 41 of 1000, expected 0xce, got 0xca"));
    ck_assert_int_eq(qd_bench_run(&p, NULL, &loop_lazy, NULL, 1, &b, &e), QD_E_INTERNAL);
    ck_assert_int_eq(qd_bench_run(&p, NULL, NULL, NULL, 0, &b, &e), QD_E_USAGE);
}
END_TEST

START_TEST(loops_are_found) {
    for (const qd_loop *const *l = qd_loops; *l; l++) {
        ck_assert_ptr_nonnull((*l)->run);
        ck_assert_msg(qd_loop_find((*l)->op) == *l, "two loops are for %s", (*l)->op);
    }
    ck_assert_ptr_null(qd_loop_find("no such operation"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("bench");
    TCase *t = tcase_create("bench");
    tcase_add_test(t, spread);
    tcase_add_test(t, figures_hang_together);
    tcase_add_test(t, wrong_loop_is_an_error);
    tcase_add_test(t, loops_are_found);
    suite_add_tcase(s, t);
    return run_all(s);
}
