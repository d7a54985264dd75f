/* SPDX-License-Identifier: Apache-2.0 */
/* The field GF(2^64), the basis of its subspaces, the additive transform from its definition, and middle products from theirs. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arith/afft.h"
#include "run_all.h"

static qd_device *open_device(void) {
    qd_device *dev;
    qd_error err;
    if (qd_device_open("cpu", &dev, &err) == QD_OK) return dev;
    fprintf(stderr, "test_afft: no OpenCL CPU device (%s): device half skipped\n", err.what);
    return NULL;
}

static uint64_t element(qd_random *r) {
    uint64_t v;
    qd_random_bytes(r, &v, sizeof v);
    return v;
}

static void random_bits(qd_bits *b, uint64_t n, uint64_t seed) {
    ck_assert_int_eq(qd_bits_create(b, n, NULL), QD_OK);
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    qd_random_bytes(&r, b->w, (size_t)qd_bits_words(n) * 8);
    if (n % 64) b->w[n / 64] &= ((uint64_t)1 << n % 64) - 1;
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

/* ---- A plan with its buffers ------------------------------------------------------------------------------------- */

typedef struct work {
    qd_device *dev;
    qd_afft *plan;
    unsigned log2n;
    size_t words; /* of a spectrum */
    qd_buf bits, x[3];
} work;

static void work_open(work *w, qd_device *dev, unsigned log2n, qd_afft_variant variant) {
    *w = (work){.dev = dev, .log2n = log2n, .words = qd_afft_spectrum_bytes(log2n) / 8};
    ck_assert_int_eq(qd_afft_open(dev, log2n, variant, &w->plan, NULL), QD_OK);
    ck_assert_int_eq(qd_cl_alloc(dev, &w->bits, ((size_t)1 << log2n) / 8, NULL), QD_OK);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(qd_cl_alloc(dev, &w->x[i], 8 * w->words, NULL), QD_OK);
}
static void work_close(work *w) {
    qd_cl_free(&w->bits);
    for (int i = 0; i < 3; i++) qd_cl_free(&w->x[i]);
    qd_afft_close(w->plan);
}

/* Spectrum of a key, or of a window, in buffer i. */
static void key_to(work *w, const qd_bits *key, int i) {
    qd_bits all;
    ck_assert_int_eq(qd_bits_create(&all, (uint64_t)1 << w->log2n, NULL), QD_OK);
    memcpy(all.w, key->w, (size_t)qd_bits_words(key->n) * 8);
    ck_assert_int_eq(qd_cl_write(w->dev, &w->bits, 0, all.w, w->bits.bytes, NULL), QD_OK);
    ck_assert_int_eq(qd_afft_key(w->plan, &w->bits, &w->x[i], NULL), QD_OK);
    ck_assert_int_eq(qd_cl_finish(w->dev, NULL), QD_OK);
    qd_bits_destroy(&all);
}
static void window_to(work *w, const qd_bits *window, int i, uint64_t rubbish) {
    qd_bits all;
    random_bits(&all, (uint64_t)1 << w->log2n, rubbish); /* what lies before the window counts for nothing */
    for (uint64_t k = 0; k < window->n; k++) qd_bits_set(&all, all.n - window->n + k, qd_bits_get(window, k));
    ck_assert_int_eq(qd_cl_write(w->dev, &w->bits, 0, all.w, w->bits.bytes, NULL), QD_OK);
    ck_assert_int_eq(qd_afft_window(w->plan, &w->bits, &w->x[i], NULL), QD_OK);
    ck_assert_int_eq(qd_cl_finish(w->dev, NULL), QD_OK);
    qd_bits_destroy(&all);
}
static void back_from(work *w, int i, qd_bits *y, uint64_t rows) {
    qd_bits all;
    ck_assert_int_eq(qd_bits_create(&all, (uint64_t)1 << w->log2n, NULL), QD_OK);
    ck_assert_int_eq(qd_afft_back(w->plan, &w->x[i], &w->bits, NULL), QD_OK);
    ck_assert_int_eq(qd_cl_read(w->dev, &w->bits, 0, all.w, w->bits.bytes, NULL), QD_OK);
    ck_assert_int_eq(qd_bits_slice(y, &all, all.n - rows, rows, NULL), QD_OK);
    qd_bits_destroy(&all);
}

/* ---- Tests on a device ------------------------------------------------------------------------------------------- */

/* Products of elements, by every variant: corners and random ones, alone and added to what is there. */
START_TEST(products_of_elements) {
    qd_device *dev = open_device();
    if (!dev) return;
    static const uint64_t corners[] = {0, 1, 2, 0x1b, 0x8000000000000000, 0xf000000000000000, 0xffffffffffffffff, 0x1000000000000000, 0x00000000ffffffff};
    enum { CORNERS = sizeof corners / sizeof *corners };
    for (int variant = QD_AFFT_PORTABLE; variant < QD_AFFT_VARIANTS; variant++) {
        work w;
        work_open(&w, dev, QD_AFFT_MIN_LOG2, (qd_afft_variant)variant);
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

static void middle(work *w, const qd_bits *window, const qd_bits *key, qd_bits *y) {
    window_to(w, window, 0, window->n);
    key_to(w, key, 1);
    ck_assert_int_eq(qd_afft_multiply(w->plan, &w->x[2], &w->x[0], &w->x[1], 0, NULL), QD_OK);
    back_from(w, 2, y, window->n + 1 - key->n);
}

/* One 1 in the key moves the window, one 1 in the window shows the key backwards: positions at both ends and around those where a chunk, a vector, a
 * row or a block begins. */
START_TEST(single_ones) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (unsigned log2n = QD_AFFT_MIN_LOG2; log2n <= 22; log2n += 2) {
        const uint64_t n = (uint64_t)1 << log2n, cols = n / 2 + 1, rows = n - cols + 1;
        work w;
        qd_bits key, window, one, y;
        work_open(&w, dev, log2n, QD_AFFT_AUTO);
        random_bits(&key, cols, 3);
        random_bits(&window, n, 4);
        for (uint64_t step = 1; step < n; step *= step == 1 ? 32 : 16)
            for (int k = -1; k <= 1; k++) {
                uint64_t at = step + (uint64_t)k;
                ck_assert_int_eq(qd_bits_create(&one, cols, NULL), QD_OK);
                uint64_t j = at < cols ? at : cols - 1;
                qd_bits_set(&one, j, 1);
                middle(&w, &window, &one, &y);
                for (uint64_t i = 0; i < rows; i++)
                    if (qd_bits_get(&y, i) != qd_bits_get(&window, i + cols - 1 - j)) ck_abort_msg("2^%u bits, key bit %d, product bit %d", log2n, (int)j, (int)i);
                qd_bits_destroy(&y);
                qd_bits_destroy(&one);
                ck_assert_int_eq(qd_bits_create(&one, n, NULL), QD_OK);
                qd_bits_set(&one, at, 1);
                middle(&w, &one, &key, &y);
                for (uint64_t i = 0; i < rows; i++) { /* i + cols - 1 - j = at */
                    unsigned want = i + cols - 1 >= at && i + cols - 1 - at < cols ? qd_bits_get(&key, i + cols - 1 - at) : 0;
                    if (qd_bits_get(&y, i) != want) ck_abort_msg("2^%u bits, window bit %d, product bit %d", log2n, (int)at, (int)i);
                }
                qd_bits_destroy(&y);
                qd_bits_destroy(&one);
            }
        qd_bits_destroy(&key);
        qd_bits_destroy(&window);
        work_close(&w);
    }
    qd_device_close(dev);
}
END_TEST

/* All ones: every product bit is the parity of cols. */
START_TEST(all_ones) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (unsigned log2n = QD_AFFT_MIN_LOG2; log2n <= 23; log2n++)
        for (uint64_t cols = ((uint64_t)1 << (log2n - 1)) - 1; cols <= (uint64_t)1 << (log2n - 1); cols++) {
            work w;
            qd_bits key, window, y;
            work_open(&w, dev, log2n, QD_AFFT_AUTO);
            ck_assert_int_eq(qd_bits_create(&key, cols, NULL), QD_OK);
            ck_assert_int_eq(qd_bits_create(&window, (uint64_t)1 << log2n, NULL), QD_OK);
            for (uint64_t i = 0; i < window.n; i++) qd_bits_set(&window, i, 1);
            for (uint64_t i = 0; i < cols; i++) qd_bits_set(&key, i, 1);
            middle(&w, &window, &key, &y);
            ck_assert_uint_eq(qd_bits_weight(&y), cols % 2 ? y.n : 0);
            qd_bits *all[] = {&key, &window, &y};
            for (int i = 0; i < 3; i++) qd_bits_destroy(all[i]);
            work_close(&w);
        }
    qd_device_close(dev);
}
END_TEST

/* Sums in the transform domain, by every variant, against the definition. */
START_TEST(sums_of_products) {
    qd_device *dev = open_device();
    if (!dev) return;
    const uint64_t cols = 20011, rows = 40009;
    qd_bits key[2], window[2], want[2], y;
    for (int i = 0; i < 2; i++) {
        random_bits(&key[i], cols, 10 + (uint64_t)i);
        random_bits(&window[i], rows + cols - 1, 20 + (uint64_t)i);
        ck_assert_int_eq(qd_bits_create(&want[i], rows, NULL), QD_OK);
        qd_middle_ref(&window[i], &key[i], &want[i]);
    }
    /* The reference itself, on some bits. */
    for (uint64_t i = 0; i < rows; i += 977) {
        unsigned bit = 0;
        for (uint64_t j = 0; j < cols; j++) bit ^= qd_bits_get(&window[0], i + cols - 1 - j) & qd_bits_get(&key[0], j);
        ck_assert_uint_eq(qd_bits_get(&want[0], i), bit);
    }
    for (uint64_t i = 0; i < qd_bits_words(rows); i++) want[0].w[i] ^= want[1].w[i];
    for (int variant = QD_AFFT_PORTABLE; variant < QD_AFFT_VARIANTS; variant++) {
        work w;
        work_open(&w, dev, QD_AFFT_MIN_LOG2, (qd_afft_variant)variant);
        for (int i = 0; i < 2; i++) {
            window_to(&w, &window[i], 0, 99);
            key_to(&w, &key[i], 1);
            ck_assert_int_eq(qd_afft_multiply(w.plan, &w.x[2], &w.x[0], &w.x[1], i, NULL), QD_OK);
        }
        back_from(&w, 2, &y, rows);
        ck_assert_msg(qd_bits_equal(&y, &want[0]), "variant %d", variant);
        qd_bits_destroy(&y);
        work_close(&w);
    }
    for (int i = 0; i < 2; i++) {
        qd_bits *all[] = {&key[i], &window[i], &want[i]};
        for (int k = 0; k < 3; k++) qd_bits_destroy(all[k]);
    }
    qd_device_close(dev);
}
END_TEST

START_TEST(refusals) {
    qd_device *dev = open_device();
    if (!dev) return;
    qd_afft *plan;
    qd_error err;
    ck_assert_int_eq(qd_afft_open(dev, QD_AFFT_MIN_LOG2 - 1, QD_AFFT_AUTO, &plan, &err), QD_E_USAGE);
    ck_assert_ptr_null(plan);
    ck_assert_int_eq(qd_afft_open(dev, QD_AFFT_MAX_LOG2 + 1, QD_AFFT_AUTO, &plan, &err), QD_E_USAGE);
    ck_assert_ptr_null(plan);
    qd_afft_close(NULL);
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
