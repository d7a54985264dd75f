/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing of 2^28 to 2^31 bits: single output bits from the definition (drawn ones, the first and the last, and both sides of every seam of the shape in
 * use), linearity, and sums of just as many ones as are exact. */
#include "toeplitz_suite.h"

static qd_device *device;

static void setup(void) {
    qd_error err;
    if (qd_device_open("cpu", &device, &err) != QD_OK) fprintf(stderr, "SKIPPED: test_toeplitz_long_full, no OpenCL CPU device (%s)\n", err.what);
}
static void teardown(void) { qd_device_close(device); }

/* y_i for i in from .. to-1, those within. */
static void check_range(qd_hash kind, const qd_bits *x, const qd_bits *back, const qd_bits *y, uint64_t from, uint64_t to) {
    for (uint64_t i = from > y->n ? 0 : from; i < to && i < y->n; i++)
        ck_assert_msg(qd_bits_get(y, i) == output_bit(kind, x, y->n, back, i), "n=%llu, r=%llu: bit %llu", (unsigned long long)x->n, (unsigned long long)y->n,
                      (unsigned long long)i);
}

static void hash_and_check(qd_hash kind, const qd_toeplitz_choice *c, uint64_t n, uint64_t r, int drawn) {
    qd_bits x, seed, y, back;
    qd_toeplitz_stats stats;
    qd_error err = {0};
    random_bits(&x, n, n);
    random_bits(&seed, qd_toeplitz_seed_bits(kind, n, r), n + 1);
    ck_assert_msg(hash_pieces(device, kind, c, &x, r, &seed, &y, &stats, &err) == QD_OK, "%s: %s", err.what, err.cause);
    ck_assert(qd_bits_clean(&y));
    const uint64_t m = qd_toeplitz_columns(kind, n, r), rows = (r + stats.rows - 1) / stats.rows, cols = (m + stats.columns - 1) / stats.columns;
    ck_assert_uint_eq(stats.back, rows * (c->route == QD_TOEPLITZ_NTT ? (cols * stats.columns + QD_NTT_PRIME - 2) / (QD_NTT_PRIME - 1) : 1));
    backwards(&back, &seed);
    check_range(kind, &x, &back, &y, 0, 4);
    check_range(kind, &x, &back, &y, r - 4, r);
    for (uint64_t a = 1; a < rows; a++) check_range(kind, &x, &back, &y, a * stats.rows - 2, a * stats.rows + 2);
    qd_random draw = {.rehearsal = 1, .seed = n + r, .stream = QD_STREAM_TEST};
    for (int k = 0; k < drawn; k++) {
        uint64_t i = qd_random_below(&draw, r);
        check_range(kind, &x, &back, &y, i, i + 1);
    }
    qd_bits *all[] = {&x, &seed, &y, &back};
    for (size_t i = 0; i < 4; i++) qd_bits_destroy(all[i]);
}

static const qd_toeplitz_choice additive = {.route = QD_TOEPLITZ_ADDITIVE}, ntt = {.route = QD_TOEPLITZ_NTT};
static const qd_hash MODIFIED = QD_HASH_MODIFIED_TOEPLITZ, PLAIN = QD_HASH_TOEPLITZ;

START_TEST(length_2_28) {
    if (!device) return;
    const uint64_t n = (uint64_t)1 << 28;
    hash_and_check(MODIFIED, &additive, n, 3 * (n / 8), 256);
    hash_and_check(MODIFIED, &additive, n, n - 3, 256);
    hash_and_check(PLAIN, &additive, n, n, 64);
    hash_and_check(MODIFIED, &ntt, n + 77, n / 3, 64);
}
END_TEST

START_TEST(length_2_30) {
    if (!device) return;
    const uint64_t n = ((uint64_t)1 << 30) + 12345;
    hash_and_check(MODIFIED, &additive, n, 3 * (n / 8) + 1, 128);
    hash_and_check(MODIFIED, &additive, n, 5, 5);
    hash_and_check(MODIFIED, &additive, n, n - 1000003, 64);
    const qd_toeplitz_choice small = {.route = QD_TOEPLITZ_ADDITIVE, .chunk = (uint64_t)1 << 24, .group = 5};
    hash_and_check(PLAIN, &small, n, n / 16, 64);
}
END_TEST

/* f(x) + f(x') = f(x + x'), in every bit. */
START_TEST(linear_at_2_29) {
    if (!device) return;
    const uint64_t n = ((uint64_t)1 << 29) - 11, r = n / 3;
    qd_bits a, b, seed, ya, yb, y;
    random_bits(&a, n, 1);
    random_bits(&b, n, 2);
    random_bits(&seed, n - 1, 3);
    ck_assert_int_eq(qd_toeplitz(device, MODIFIED, &a, r, &seed, &ya, NULL), QD_OK);
    ck_assert_int_eq(qd_toeplitz(device, MODIFIED, &b, r, &seed, &yb, NULL), QD_OK);
    for (uint64_t i = 0; i < qd_bits_words(n); i++) a.w[i] ^= b.w[i];
    for (uint64_t i = 0; i < qd_bits_words(r); i++) ya.w[i] ^= yb.w[i];
    ck_assert_int_eq(qd_toeplitz(device, MODIFIED, &a, r, &seed, &y, NULL), QD_OK);
    ck_assert(qd_bits_equal(&y, &ya));
    ck_assert_uint_gt(qd_bits_weight(&y), r / 3);
    qd_bits *all[] = {&a, &b, &seed, &ya, &yb, &y};
    for (size_t i = 0; i < 6; i++) qd_bits_destroy(all[i]);
}
END_TEST

/* Ones alone, p - 1 columns by the number-theoretic transform, and one more chunk: a sum that took the chunk in would reach p. */
static qd_status ones(void *self, uint64_t at, uint64_t words, uint64_t *w, qd_error *err) {
    const uint64_t n = *(const uint64_t *)self;
    (void)err;
    memset(w, 0xff, (size_t)words * 8);
    if (n % 64 && at + words == qd_bits_words(n)) w[words - 1] = ((uint64_t)1 << n % 64) - 1;
    return QD_OK;
}

START_TEST(as_many_ones_as_are_exact) {
    if (!device) return;
    const uint64_t chunk = (uint64_t)1 << 26, r = 100;
    for (uint64_t chunks = 30; chunks <= 31; chunks++) {
        uint64_t m = chunks * chunk, n = m + r, seed_bits = n - 1;
        collected c = {0};
        ck_assert_int_eq(qd_bits_create(&c.y, r, NULL), QD_OK);
        const qd_toeplitz_choice choice = {.route = QD_TOEPLITZ_NTT, .chunk = chunk};
        const qd_toeplitz_job job = {.r = r, .x = {n, NULL, ones, &n}, .seed = {seed_bits, NULL, ones, &seed_bits}, .y = {NULL, collect, &c}};
        qd_toeplitz_stats stats;
        qd_error err = {0};
        ck_assert_msg(qd_toeplitz_stream_with(device, &choice, &job, &stats, &err) == QD_OK, "%s: %s", err.what, err.cause);
        ck_assert_uint_eq(stats.back, chunks == 30 ? 1 : 2);
        for (uint64_t i = 0; i < r; i++) ck_assert_uint_eq(qd_bits_get(&c.y, i), (m + 1) % 2);
        qd_bits_destroy(&c.y);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("toeplitz of long strings");
    TCase *t = tcase_create("toeplitz of long strings");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 3600);
    tcase_add_test(t, length_2_28);
    tcase_add_test(t, length_2_30);
    tcase_add_test(t, linear_at_2_29);
    tcase_add_test(t, as_many_ones_as_are_exact);
    suite_add_tcase(s, t);
    return run_all(s);
}
