/* SPDX-License-Identifier: Apache-2.0 */
/* The field GF(2^64), the basis of its subspaces, the additive transform from its definition, and middle products from theirs. */
#include "arith/afft.h"

#define NAME "afft"
#define OF(what) qd_afft_##what
typedef qd_afft plan_of;
typedef uint64_t part;
enum { SHORTEST = QD_AFFT_MIN_LOG2, LONGEST = QD_AFFT_MAX_LOG2, AUTO = QD_AFFT_AUTO, FIRST = QD_AFFT_PORTABLE, VARIANTS = QD_AFFT_VARIANTS };
static unsigned shortest_of(int way) {
    (void)way;
    return QD_AFFT_MIN_LOG2;
}
#include "middle_suite.h"

static uint64_t element(qd_random *r) {
    uint64_t v;
    qd_random_bytes(r, &v, sizeof v);
    return v;
}

/* a^(2^k). */
static uint64_t power2(uint64_t a, unsigned k) {
    while (k--) a = qd_gf64_mul_ref(a, a);
    return a;
}

START_TEST(field) {
    qd_random r = {.rehearsal = 1, .seed = 1, .stream = QD_STREAM_TEST};
    const uint64_t top = (uint64_t)1 << 63;
    ck_assert_uint_eq(qd_gf64_mul_ref(top, 2), 0x1b); /* z^64 = z^4 + z^3 + z + 1 */
    ck_assert_uint_eq(qd_gf64_mul_ref(0x0123456789abcdef, 1), 0x0123456789abcdef);
    /* (z + 1)(z^2 + 1) = z^3 + z^2 + z + 1; z^32 z^35 = z^67 = z^7 + z^6 + z^4 + z^3 */
    ck_assert_uint_eq(qd_gf64_mul_ref(3, 5), 15);
    ck_assert_uint_eq(qd_gf64_mul_ref((uint64_t)1 << 32, (uint64_t)1 << 35), 0xd8);
    /* z^126 = z^62 (z^4 + z^3 + z + 1) = z^66 + z^65 + z^63 + z^62, and again z^64 = z^4 + z^3 + z + 1 */
    ck_assert_uint_eq(qd_gf64_mul_ref(top, top), (uint64_t)3 << 62 ^ 0x1b << 2 ^ 0x1b << 1);
    for (int i = 0; i < 200; i++) {
        uint64_t a = element(&r), b = element(&r), c = element(&r);
        ck_assert_uint_eq(qd_gf64_mul_ref(a, b), qd_gf64_mul_ref(b, a));
        ck_assert_uint_eq(qd_gf64_mul_ref(a, b ^ c), qd_gf64_mul_ref(a, b) ^ qd_gf64_mul_ref(a, c));
        ck_assert_uint_eq(qd_gf64_mul_ref(qd_gf64_mul_ref(a, b), c), qd_gf64_mul_ref(a, qd_gf64_mul_ref(b, c)));
        ck_assert_uint_eq(power2(a, 64), a);
    }
    /* The modulus is irreducible (Rabin): z^(2^64) = z, and z^(2^32) - z has an inverse, e^(2^64 - 2). */
    uint64_t e = power2(2, 32) ^ 2, all = 1;
    for (unsigned k = 0; k < 64; k++) all = qd_gf64_mul_ref(all, power2(e, k));
    ck_assert_uint_eq(power2(2, 64), 2);
    ck_assert_uint_eq(all, 1);
}
END_TEST

START_TEST(basis_of_the_subspaces) {
    ck_assert_uint_eq(qd_gf64_basis(0), 1);
    for (unsigned i = 1; i < QD_GF64_BASIS; i++) {
        uint64_t v = qd_gf64_basis(i);
        ck_assert_uint_eq(qd_gf64_mul_ref(v, v) ^ v, qd_gf64_basis(i - 1));
    }
}
END_TEST

/* ---- Tests on a device ------------------------------------------------------------------------------------------- */

/* Products of elements, by every variant: corners and random ones, alone and added to what is there. */
START_TEST(products_of_elements) {
    qd_device *dev = open_device();
    if (!dev) return;
    static const uint64_t corners[] = {0, 1, 2, 0x1b, 0x8000000000000000, 0xf000000000000000, 0xffffffffffffffff, 0x1000000000000000, 0x00000000ffffffff};
    enum { CORNERS = sizeof corners / sizeof *corners };
    for (int variant = QD_AFFT_PORTABLE; variant < QD_AFFT_VARIANTS; variant++) {
        work w;
        work_open(&w, dev, QD_AFFT_MIN_LOG2, (unsigned)variant);
        ck_assert_int_le((int)qd_afft_chosen(w.plan), variant);
        ck_assert_int_ge((int)qd_afft_chosen(w.plan), QD_AFFT_PORTABLE);
        uint64_t *v = malloc(3 * 8 * w.words), *a = v, *b = v + w.words, *got = v + 2 * w.words;
        qd_random r = {.rehearsal = 1, .seed = 2, .stream = QD_STREAM_TEST};
        for (size_t i = 0; i < w.words; i++) {
            a[i] = i < CORNERS * CORNERS ? corners[i / CORNERS] : element(&r);
            b[i] = i < CORNERS * CORNERS ? corners[i % CORNERS] : element(&r);
        }
        ck_assert_int_eq(qd_cl_write(dev, &w.x[0], 0, a, 8 * w.words, NULL), QD_OK);
        ck_assert_int_eq(qd_cl_write(dev, &w.x[1], 0, b, 8 * w.words, NULL), QD_OK);
        ck_assert_int_eq(qd_afft_multiply(w.plan, &w.x[2], &w.x[0], &w.x[1], 0, NULL), QD_OK);
        ck_assert_int_eq(qd_cl_read(dev, &w.x[2], 0, got, 8 * w.words, NULL), QD_OK);
        for (size_t i = 0; i < w.words; i++) ck_assert_msg(got[i] == qd_gf64_mul_ref(a[i], b[i]), "variant %d, element %zu", variant, i);
        ck_assert_int_eq(qd_afft_multiply(w.plan, &w.x[2], &w.x[0], &w.x[0], 1, NULL), QD_OK);
        ck_assert_int_eq(qd_afft_multiply(w.plan, &w.x[0], &w.x[0], &w.x[1], 0, NULL), QD_OK); /* in place */
        ck_assert_int_eq(qd_cl_read(dev, &w.x[2], 0, got, 8 * w.words, NULL), QD_OK);
        for (size_t i = 0; i < w.words; i++) ck_assert_uint_eq(got[i], qd_gf64_mul_ref(a[i], b[i] ^ a[i]));
        ck_assert_int_eq(qd_cl_read(dev, &w.x[0], 0, got, 8 * w.words, NULL), QD_OK);
        for (size_t i = 0; i < w.words; i++) ck_assert_uint_eq(got[i], qd_gf64_mul_ref(a[i], b[i]));
        free(v);
        work_close(&w);
    }
    qd_device_close(dev);
}
END_TEST

/* The polynomial whose coefficients are the chunks of 32 bits of @p key, at the point that is the sum of v_i over the bits i of k. */
static uint64_t value_at(const qd_bits *key, uint64_t k) {
    uint64_t point = 0, sum = 0;
    for (unsigned i = 0; k >> i; i++)
        if (k >> i & 1) point ^= qd_gf64_basis(i);
    for (uint64_t j = key->n / 32; j-- > 0;) sum = qd_gf64_mul_ref(sum, point) ^ (key->w[j / 2] >> (j % 2 ? 32 : 0) & 0xffffffff);
    return sum;
}

/* Where a plan keeps the value at point k: rows of 256 points, as many as a vector has lanes side by side. */
static uint64_t place(const work *w, uint64_t k) {
    uint64_t lanes = qd_afft_chosen(w->plan) == QD_AFFT_CLMUL512 ? 8 : 4, row = k / 256, column = k % 256;
    return (row / lanes * 256 + column) * lanes + row % lanes;
}

/* The transform of a key from its definition: all points of the shortest, some of others: one block of each height, two blocks, four. */
START_TEST(key_is_evaluated) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (unsigned log2n = QD_AFFT_MIN_LOG2; log2n <= 23; log2n++) {
        work w;
        qd_bits key;
        work_open(&w, dev, log2n, QD_AFFT_AUTO);
        random_bits(&key, (uint64_t)1 << log2n, log2n);
        key_to(&w, &key, 0);
        uint64_t *got = malloc(8 * w.words), points = (uint64_t)1 << (log2n - 5);
        ck_assert_int_eq(qd_cl_read(dev, &w.x[0], 0, got, 8 * w.words, NULL), QD_OK);
        for (uint64_t i = 0; i < 4; i++) ck_assert_uint_eq(got[place(&w, i)], value_at(&key, i));
        for (uint64_t i = 1; i < points; i = 5 * i + 3) {
            ck_assert_msg(got[place(&w, i)] == value_at(&key, i), "2^%u bits, point %d", log2n, (int)i);
            ck_assert_msg(got[place(&w, points - i)] == value_at(&key, points - i), "2^%u bits, point -%d", log2n, (int)i);
        }
        for (uint64_t i = 0; log2n == QD_AFFT_MIN_LOG2 && i < points; i += 3) ck_assert_uint_eq(got[place(&w, i)], value_at(&key, i));
        free(got);
        qd_bits_destroy(&key);
        work_close(&w);
    }
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("afft");
    TCase *t = tcase_create("afft");
    tcase_set_timeout(t, 300); /* kernels are compiled in the first run */
    tcase_add_test(t, field);
    tcase_add_test(t, basis_of_the_subspaces);
    tcase_add_test(t, products_of_elements);
    tcase_add_test(t, key_is_evaluated);
    tcase_add_test(t, single_ones);
    tcase_add_test(t, all_ones);
    tcase_add_test(t, sums_of_products);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return run_all(s);
}
