/* SPDX-License-Identifier: Apache-2.0 */
/* What every suite's main ends with. */
#ifndef QD_TESTS_RUN_ALL_H
#define QD_TESTS_RUN_ALL_H

#include <check.h>
#include <stdlib.h>

/* Check notes each assertion that holds, by a message to the process that waits: thousands of times as long as comparing two
 * bits, more under the sanitizers, and suites compare millions. Here only what fails is told; of a test that a signal ends, Check
 * names the first line. */
#undef ck_assert_msg
#define ck_assert_msg(expr, ...) \
    ((expr) ? (void)0 : _ck_assert_failed(__FILE__, __LINE__, "Assertion '" #expr "' failed", ##__VA_ARGS__))

/* Run it, as loudly as CK_VERBOSITY says; the exit status. */
static inline int run_all(Suite *s) {
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The same of one case of so many tests; @p seconds for each, 0: Check's default. */
static inline int run_tests(const char *name, const TTest *const *tests, size_t n, double seconds) {
    Suite *s = suite_create(name);
    TCase *c = tcase_create(name);
    if (seconds > 0) tcase_set_timeout(c, seconds);
    for (size_t i = 0; i < n; i++) tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return run_all(s);
}

/* One test for each of so many cases. */
static inline int run_cases(const char *name, const TTest *test, int cases, double seconds) {
    Suite *s = suite_create(name);
    TCase *c = tcase_create(name);
    tcase_set_timeout(c, seconds);
    tcase_add_loop_test(c, test, 0, cases);
    suite_add_tcase(s, c);
    return run_all(s);
}

#endif
