/* SPDX-License-Identifier: Apache-2.0 */
/* Toeplitz hashing at full length, where the reference would take hours: single output bits from the definition (one parity of a
 * masked window a bit), linearity, and equality of shapes that cut the product differently. */
#include "toeplitz_suite.h"

static qd_device *device;

static void setup(void) {
    qd_error err;
    if (qd_device_open("cpu", &device, &err) != QD_OK) fprintf(stderr, "test_toeplitz_full: no OpenCL CPU device (%s): skipped\n", err.what);
}
static void teardown(void) { qd_device_close(device); }

/* 4,096 seeded output bits, the first and last 64, and those around every seam of the shape in use. */
static void check_bits(qd_hash kind, const qd_bits *x, const qd_bits *seed, const qd_bits *y) {
    uint64_t r = y->n, checked = 0, m = qd_toeplitz_columns(kind, x->n, r);
    const qd_toeplitz_choice by_device = {.route = qd_toeplitz_route_of(device, m, r)};
    const qd_toeplitz_room room = qd_toeplitz_room_of(device);
    qd_toeplitz_shape shape;
    ck_assert_int_eq(qd_toeplitz_plan(&by_device, m, r, &room, &shape, NULL), QD_OK);
    qd_bits back;
    backwards(&back, seed);
    qd_random draw = {.rehearsal = 1, .seed = x->n, .stream = QD_STREAM_TEST};
    for (int k = 0; k < 4096; k++) {
        uint64_t i = qd_random_below(&draw, r);
        ck_assert_msg(qd_bits_get(y, i) == output_bit(kind, x, r, &back, i), "bit %llu", (unsigned long long)i);
    }
    for (uint64_t a = 0; a <= shape.n_rows; a++)
        for (uint64_t d = 0; d < 128; d++) {
            uint64_t i = a * shape.rows + d - 64;
            if (a == shape.n_rows) i = r - 64 + d;
            if (i >= r) continue;
            checked++;
            ck_assert_msg(qd_bits_get(y, i) == output_bit(kind, x, r, &back, i), "bit %llu", (unsigned long long)i);
        }
    ck_assert_uint_ge(checked, 128);
    qd_bits_destroy(&back);
}

static void hash_and_check(qd_hash kind, uint64_t n, uint64_t r) {
    qd_bits x, seed, y, z;
    random_bits(&x, n, n);
    random_bits(&seed, qd_toeplitz_seed_bits(kind, n, r), n + 1);
    qd_error err = {0};
    ck_assert_msg(qd_toeplitz(device, kind, &x, r, &seed, &y, &err) == QD_OK, "%s: %s", err.what, err.cause);
    check_bits(kind, &x, &seed, &y);
    /* The last bit of the key and of the seed still count. */
    qd_bits_set(&x, n - 1, !qd_bits_get(&x, n - 1));
    ck_assert_int_eq(qd_toeplitz(device, kind, &x, r, &seed, &z, NULL), QD_OK);
    for (uint64_t i = 0; i < r; i++) {
        unsigned change = kind == QD_HASH_MODIFIED_TOEPLITZ ? i == r - 1 : qd_bits_get(&seed, i);
        ck_assert_uint_eq(qd_bits_get(&y, i) ^ qd_bits_get(&z, i), change);
    }
    qd_bits *all[] = {&x, &seed, &y, &z};
    for (size_t i = 0; i < 4; i++) qd_bits_destroy(all[i]);
}

START_TEST(length_2_24) {
    if (!device) return;
    hash_and_check(QD_HASH_MODIFIED_TOEPLITZ, (uint64_t)1 << 24, (uint64_t)3 << 21);
    hash_and_check(QD_HASH_MODIFIED_TOEPLITZ, ((uint64_t)1 << 24) + 1, 1000003);
    hash_and_check(QD_HASH_TOEPLITZ, ((uint64_t)1 << 23) + 12345, (uint64_t)1 << 22);
}
END_TEST

START_TEST(length_2_27) {
    if (!device) return;
    hash_and_check(QD_HASH_MODIFIED_TOEPLITZ, (uint64_t)1 << 27, (uint64_t)3 << 24);
}
END_TEST

/* All ones at 2^27: counts as large as they get, 2^27 - r. */
START_TEST(largest_counts) {
    if (!device) return;
    uint64_t n = (uint64_t)1 << 27, r = 1001;
    qd_bits x, seed, y;
    ck_assert_int_eq(qd_bits_create(&x, n, NULL), QD_OK);
    ck_assert_int_eq(qd_bits_create(&seed, n - 1, NULL), QD_OK);
    for (uint64_t i = 0; i < n / 64; i++) x.w[i] = seed.w[i] = UINT64_MAX;
    seed.w[n / 64 - 1] >>= 1;
    qd_error err = {0};
    ck_assert_msg(qd_toeplitz(device, QD_HASH_MODIFIED_TOEPLITZ, &x, r, &seed, &y, &err) == QD_OK, "%s: %s", err.what, err.cause);
    for (uint64_t i = 0; i < r; i++) ck_assert_uint_eq(qd_bits_get(&y, i), (n - r + 1) % 2);
    qd_bits_destroy(&x);
    qd_bits_destroy(&seed);
    qd_bits_destroy(&y);
}
END_TEST

/* Two ways to cut one product, and the sum of two keys. */
START_TEST(shapes_and_sums_agree) {
    if (!device) return;
    uint64_t n = 5000011, r = 1900003;
    qd_bits a, b, seed, ya, yb, chunked, sum;
    random_bits(&a, n, 1);
    random_bits(&b, n, 2);
    random_bits(&seed, n - 1, 3);
    ck_assert_int_eq(qd_toeplitz(device, QD_HASH_MODIFIED_TOEPLITZ, &a, r, &seed, &ya, NULL), QD_OK);
    ck_assert_int_eq(qd_toeplitz(device, QD_HASH_MODIFIED_TOEPLITZ, &b, r, &seed, &yb, NULL), QD_OK);
    for (int route = QD_TOEPLITZ_NTT; route < QD_TOEPLITZ_ROUTES; route++) {
        const qd_toeplitz_choice cut = {.route = (qd_toeplitz_route)route, .chunk = (uint64_t)1 << 19, .group = 2}, whole = {.route = (qd_toeplitz_route)route};
        ck_assert_int_eq(qd_toeplitz_with(device, QD_HASH_MODIFIED_TOEPLITZ, &cut, &a, r, &seed, &chunked, NULL), QD_OK);
        ck_assert(qd_bits_equal(&ya, &chunked));
        qd_bits_destroy(&chunked);
        ck_assert_int_eq(qd_toeplitz_with(device, QD_HASH_MODIFIED_TOEPLITZ, &whole, &a, r, &seed, &chunked, NULL), QD_OK);
        ck_assert(qd_bits_equal(&ya, &chunked));
        if (route + 1 < QD_TOEPLITZ_ROUTES) qd_bits_destroy(&chunked);
    }
    for (uint64_t i = 0; i < qd_bits_words(n); i++) a.w[i] ^= b.w[i];
    for (uint64_t i = 0; i < qd_bits_words(r); i++) ya.w[i] ^= yb.w[i];
    ck_assert_int_eq(qd_toeplitz(device, QD_HASH_MODIFIED_TOEPLITZ, &a, r, &seed, &sum, NULL), QD_OK);
    ck_assert(qd_bits_equal(&sum, &ya));
    ck_assert_uint_gt(qd_bits_weight(&sum), r / 3);
    qd_bits *all[] = {&a, &b, &seed, &ya, &yb, &chunked, &sum};
    for (size_t i = 0; i < 7; i++) qd_bits_destroy(all[i]);
}
END_TEST

/* 1,000 shapes of up to 2^20 bits. */
START_TEST(thousand_shapes) {
    if (device) random_shapes(device, 1000, 20);
}
END_TEST

START_TEST(universal2_exhaustively) {
    count_collisions(NULL, 6, 11);
    for (int route = QD_TOEPLITZ_NTT; device && route < QD_TOEPLITZ_ROUTES; route++) {
        way w = {device, {.route = (qd_toeplitz_route)route}};
        count_collisions(&w, 5, 6);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("toeplitz at full length");
    TCase *t = tcase_create("toeplitz");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 3600);
    tcase_add_test(t, thousand_shapes);
    tcase_add_test(t, universal2_exhaustively);
    tcase_add_test(t, shapes_and_sums_agree);
    tcase_add_test(t, length_2_24);
    tcase_add_test(t, length_2_27);
    tcase_add_test(t, largest_counts);
    suite_add_tcase(s, t);
    return run_all(s);
}
