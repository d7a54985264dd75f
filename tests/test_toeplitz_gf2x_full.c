/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing against another library's products of polynomials over GF(2): coefficient i+m-1 of s(z) x(z) is output bit i of the matrix part. Where CMake
 * finds no gf2x (libgf2x-dev) the suite is skipped; only this program is linked with it. */
#include "toeplitz_suite.h"

#if defined(QD_HAVE_GF2X)
#include <gf2x.h>

static qd_device *device;

static void setup(void) {
    qd_error err;
    if (qd_device_open("cpu", &device, &err) != QD_OK) fprintf(stderr, "test_toeplitz_gf2x_full: no OpenCL CPU device (%s): the reference alone\n", err.what);
}
static void teardown(void) { qd_device_close(device); }

static void expected(qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y) {
    const uint64_t m = qd_toeplitz_columns(kind, x->n, r), xw = qd_bits_words(m), sw = qd_bits_words(seed->n);
    qd_bits part, c;
    ck_assert_int_eq(qd_bits_slice(&part, x, 0, m, NULL), QD_OK);
    ck_assert_int_eq(qd_bits_create(&c, 64 * (xw + sw), NULL), QD_OK);
    _Static_assert(sizeof(unsigned long) == 8, "gf2x counts in words of 64 bits");
    ck_assert_int_eq(gf2x_mul((unsigned long *)c.w, (const unsigned long *)seed->w, (long)sw, (const unsigned long *)part.w, (long)xw), 0);
    ck_assert_int_eq(qd_bits_slice(y, &c, m - 1, r, NULL), QD_OK);
    if (kind == QD_HASH_MODIFIED_TOEPLITZ)
        for (uint64_t i = 0; i < r; i++) qd_bits_set(y, i, qd_bits_get(y, i) ^ qd_bits_get(x, m + i));
    qd_bits_destroy(&part);
    qd_bits_destroy(&c);
}

static void compare(qd_hash kind, uint64_t n, uint64_t r, bool reference) {
    qd_bits x, seed, want, got;
    random_bits(&x, n, n);
    random_bits(&seed, qd_toeplitz_seed_bits(kind, n, r), n + 1);
    expected(kind, &x, r, &seed, &want);
    for (int route = reference ? 0 : QD_TOEPLITZ_NTT; route < QD_TOEPLITZ_ROUTES; route++) {
        const qd_toeplitz_choice c = {.route = (qd_toeplitz_route)route};
        if (route && !device) continue;
        ck_assert_int_eq(qd_toeplitz_with(route ? device : NULL, kind, &c, &x, r, &seed, &got, NULL), QD_OK);
        ck_assert_msg(qd_bits_equal(&want, &got), "kind %d, n=%llu, r=%llu, route %d", (int)kind, (unsigned long long)n, (unsigned long long)r, route);
        qd_bits_destroy(&got);
    }
    qd_bits_destroy(&x);
    qd_bits_destroy(&seed);
    qd_bits_destroy(&want);
}

START_TEST(short_strings) {
    qd_random draw = {.rehearsal = 1, .seed = 5, .stream = QD_STREAM_TEST};
    for (int i = 0; i < 100; i++) {
        const uint64_t n = 2 + qd_random_below(&draw, 5000), r = 1 + qd_random_below(&draw, n - 1);
        compare((qd_hash)(i % 2), n, r, true);
    }
}
END_TEST

START_TEST(long_strings) {
    compare(QD_HASH_TOEPLITZ, ((uint64_t)1 << 20) - 1, 300001, false);
    compare(QD_HASH_MODIFIED_TOEPLITZ, ((uint64_t)1 << 24) + 3, 5000001, false);
    compare(QD_HASH_MODIFIED_TOEPLITZ, (uint64_t)1 << 27, (uint64_t)3 << 24, false);
}
END_TEST

int main(void) {
    Suite *s = suite_create("toeplitz against gf2x");
    TCase *t = tcase_create("toeplitz against gf2x");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 1800);
    tcase_add_test(t, short_strings);
    tcase_add_test(t, long_strings);
    suite_add_tcase(s, t);
    return run_all(s);
}

#else
int main(void) {
    fprintf(stderr, "SKIPPED: hashing against gf2x (libgf2x-dev was not found)\n");
    return 77;
}
#endif
