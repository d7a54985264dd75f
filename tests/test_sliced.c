/* SPDX-License-Identifier: Apache-2.0 */
/* The tower GF(2^32), the basis of its subspaces, the bit-sliced additive transform from its definition, and middle products from theirs. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arith/sliced.h"
#include "run_all.h"

static qd_device *open_device(void) {
    qd_device *dev;
    qd_error err;
    if (qd_device_open("cpu", &dev, &err) == QD_OK) return dev;
    fprintf(stderr, "test_sliced: no OpenCL CPU device (%s): device half skipped\n", err.what);
    return NULL;
}

static uint32_t element(qd_random *r) {
    uint32_t v;
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
static uint32_t power2(uint32_t a, unsigned k) {
    while (k--) a = qd_gf32_mul_ref(a, a);
    return a;
}

START_TEST(field) {
    qd_random r = {.rehearsal = 1, .seed = 1, .stream = QD_STREAM_TEST};
    /* X^2 + X + b of each floor of the tower: X has bit 2^j, all earlier X together bit 2^j - 1. */
    for (unsigned j = 0; j < 5; j++) {
        uint32_t x = (uint32_t)1 << (1u << j), earlier = (uint32_t)1 << ((1u << j) - 1);
        ck_assert_uint_eq(qd_gf32_mul_ref(x, x), x ^ earlier);
        ck_assert_uint_eq(qd_gf32_mul_ref(x, earlier), x << ((1u << j) - 1));
    }
    for (int i = 0; i < 300; i++) {
        uint32_t a = element(&r), b = element(&r), c = element(&r);
        ck_assert_uint_eq(qd_gf32_mul_ref(a, 1), a);
        ck_assert_uint_eq(qd_gf32_mul_ref(a, b), qd_gf32_mul_ref(b, a));
        ck_assert_uint_eq(qd_gf32_mul_ref(a, b ^ c), qd_gf32_mul_ref(a, b) ^ qd_gf32_mul_ref(a, c));
        ck_assert_uint_eq(qd_gf32_mul_ref(qd_gf32_mul_ref(a, b), c), qd_gf32_mul_ref(a, qd_gf32_mul_ref(b, c)));
        ck_assert_uint_eq(power2(a, 32), a);
        /* A field: a^(2^32 - 2) a = 1. */
        uint32_t inverse = 1;
        for (unsigned k = 1; k < 32; k++) inverse = qd_gf32_mul_ref(inverse, power2(a, k));
        if (a) ck_assert_uint_eq(qd_gf32_mul_ref(a, inverse), 1);
    }
}
END_TEST

/* Also: the first 2, 4, 8, 16 span subfields, which is what the kernel's shorter products rest on. */
START_TEST(basis_of_the_subspaces) {
    ck_assert_uint_eq(qd_gf32_basis(0), 1);
    for (unsigned i = 1; i < QD_GF32_BASIS; i++) {
        uint32_t v = qd_gf32_basis(i);
        ck_assert_uint_eq(qd_gf32_mul_ref(v, v) ^ v, qd_gf32_basis(i - 1));
        for (unsigned m = 2; m <= 16; m *= 2)
            if (i < m) ck_assert_uint_eq(v >> m, 0);
    }
}
END_TEST

/* ---- A plan with its buffers ------------------------------------------------------------------------------------- */

typedef struct work {
    qd_device *dev;
    qd_sliced *plan;
    unsigned log2n;
    size_t words; /* of a spectrum */
    qd_buf bits, x[3];
} work;

static void work_open(work *w, qd_device *dev, unsigned log2n, qd_sliced_variant variant) {
    *w = (work){.dev = dev, .log2n = log2n, .words = qd_sliced_spectrum_bytes(log2n) / 4};
    ck_assert_int_eq(qd_sliced_open(dev, log2n, variant, &w->plan, NULL), QD_OK);
    ck_assert_int_eq(qd_cl_alloc(dev, &w->bits, ((size_t)1 << log2n) / 8, NULL), QD_OK);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(qd_cl_alloc(dev, &w->x[i], 4 * w->words, NULL), QD_OK);
}
static void work_close(work *w) {
    qd_cl_free(&w->bits);
    for (int i = 0; i < 3; i++) qd_cl_free(&w->x[i]);
    qd_sliced_close(w->plan);
}

/* Spectrum of a key, or of a window, in buffer i. */
static void key_to(work *w, const qd_bits *key, int i) {
    qd_bits all;
    ck_assert_int_eq(qd_bits_create(&all, (uint64_t)1 << w->log2n, NULL), QD_OK);
    memcpy(all.w, key->w, (size_t)qd_bits_words(key->n) * 8);
    ck_assert_int_eq(qd_cl_write(w->dev, &w->bits, 0, all.w, w->bits.bytes, NULL), QD_OK);
    ck_assert_int_eq(qd_sliced_key(w->plan, &w->bits, &w->x[i], NULL), QD_OK);
    ck_assert_int_eq(qd_cl_finish(w->dev, NULL), QD_OK);
    qd_bits_destroy(&all);
}
static void window_to(work *w, const qd_bits *window, int i, uint64_t rubbish) {
    qd_bits all;
    random_bits(&all, (uint64_t)1 << w->log2n, rubbish); /* what lies before the window counts for nothing */
    for (uint64_t k = 0; k < window->n; k++) qd_bits_set(&all, all.n - window->n + k, qd_bits_get(window, k));
    ck_assert_int_eq(qd_cl_write(w->dev, &w->bits, 0, all.w, w->bits.bytes, NULL), QD_OK);
    ck_assert_int_eq(qd_sliced_window(w->plan, &w->bits, &w->x[i], NULL), QD_OK);
    ck_assert_int_eq(qd_cl_finish(w->dev, NULL), QD_OK);
    qd_bits_destroy(&all);
}
static void back_from(work *w, int i, qd_bits *y, uint64_t rows) {
    qd_bits all;
    ck_assert_int_eq(qd_bits_create(&all, (uint64_t)1 << w->log2n, NULL), QD_OK);
    ck_assert_int_eq(qd_sliced_back(w->plan, &w->x[i], &w->bits, NULL), QD_OK);
    ck_assert_int_eq(qd_cl_read(w->dev, &w->bits, 0, all.w, w->bits.bytes, NULL), QD_OK);
    ck_assert_int_eq(qd_bits_slice(y, &all, all.n - rows, rows, NULL), QD_OK);
    qd_bits_destroy(&all);
}

/* The element at point p of a spectrum, read or written. */
static uint32_t get(const work *w, const uint32_t *spectrum, uint64_t p) {
    size_t word, step = qd_sliced_lanes(w->plan) / 32;
    unsigned bit;
    uint32_t v = 0;
    qd_sliced_place(w->plan, p, &word, &bit);
    for (unsigned i = 0; i < 32; i++) v |= (spectrum[word + step * i] >> bit & 1) << i;
    return v;
}
static void set(const work *w, uint32_t *spectrum, uint64_t p, uint32_t v) {
    size_t word, step = qd_sliced_lanes(w->plan) / 32;
    unsigned bit;
    qd_sliced_place(w->plan, p, &word, &bit);
    for (unsigned i = 0; i < 32; i++) {
        uint32_t *at = &spectrum[word + step * i];
        *at = (*at & ~((uint32_t)1 << bit)) | (v >> i & 1) << bit;
    }
}

/* Strings from which on a plan has the width of its name. */
static const unsigned shortest[QD_SLICED_VARIANTS] = {16, 16, 18, 20, 22};

/* ---- Tests on a device ------------------------------------------------------------------------------------------- */

/* Products of elements, of every width: single coordinates, all ones and random ones, alone and added to what is there. */
START_TEST(products_of_elements) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (int variant = QD_SLICED_LAYERS; variant < QD_SLICED_VARIANTS; variant++) {
        work w;
        work_open(&w, dev, shortest[variant], (qd_sliced_variant)variant);
        ck_assert_uint_eq(qd_sliced_lanes(w.plan), variant == QD_SLICED_LAYERS ? 32 : 64u << (variant - 1));
        enum { SOME = 4096 };
        static uint32_t a[SOME], b[SOME];
        uint32_t *v = calloc(3 * w.words, 4), *va = v, *vb = v + w.words, *got = v + 2 * w.words;
        qd_random r = {.rehearsal = 1, .seed = 2, .stream = QD_STREAM_TEST};
        for (unsigned i = 0; i < SOME; i++) {
            a[i] = i < 1024 ? (uint32_t)1 << i / 32 : i < 1060 ? UINT32_MAX : element(&r);
            b[i] = i < 1024 ? (uint32_t)1 << i % 32 : i % 5 ? element(&r) : UINT32_MAX;
            set(&w, va, i, a[i]);
            set(&w, vb, i, b[i]);
        }
        ck_assert_int_eq(qd_cl_write(dev, &w.x[0], 0, va, 4 * w.words, NULL), QD_OK);
        ck_assert_int_eq(qd_cl_write(dev, &w.x[1], 0, vb, 4 * w.words, NULL), QD_OK);
        ck_assert_int_eq(qd_sliced_multiply(w.plan, &w.x[2], &w.x[0], &w.x[1], 0, NULL), QD_OK);
        ck_assert_int_eq(qd_cl_read(dev, &w.x[2], 0, got, 4 * w.words, NULL), QD_OK);
        for (unsigned i = 0; i < SOME; i++) ck_assert_msg(get(&w, got, i) == qd_gf32_mul_ref(a[i], b[i]), "variant %d, element %u", variant, i);
        ck_assert_int_eq(qd_sliced_multiply(w.plan, &w.x[2], &w.x[0], &w.x[0], 1, NULL), QD_OK);
        ck_assert_int_eq(qd_sliced_multiply(w.plan, &w.x[0], &w.x[0], &w.x[1], 0, NULL), QD_OK); /* in place */
        ck_assert_int_eq(qd_cl_read(dev, &w.x[2], 0, got, 4 * w.words, NULL), QD_OK);
        for (unsigned i = 0; i < SOME; i++) ck_assert_uint_eq(get(&w, got, i), qd_gf32_mul_ref(a[i], b[i] ^ a[i]));
        ck_assert_int_eq(qd_cl_read(dev, &w.x[0], 0, got, 4 * w.words, NULL), QD_OK);
        for (unsigned i = 0; i < SOME; i++) ck_assert_uint_eq(get(&w, got, i), qd_gf32_mul_ref(a[i], b[i]));
        free(v);
        work_close(&w);
    }
    qd_device_close(dev);
}
END_TEST

/* The polynomial whose coefficients are the chunks of 16 bits of @p key, at the point that is the sum of v_i over the bits i of p. */
static uint32_t value_at(const qd_bits *key, uint64_t p) {
    uint32_t point = 0, sum = 0, z[16];
    for (unsigned i = 0; p >> i; i++)
        if (p >> i & 1) point ^= qd_gf32_basis(i);
    for (unsigned t = 0; t < 16; t++) z[t] = t ? qd_gf32_mul_ref(z[t - 1], QD_GF32_Z) : 1;
    /* Bits of each nibble of the sum times the point: the product is linear. */
    uint32_t table[8][16];
    for (unsigned i = 0; i < 8; i++)
        for (uint32_t c = 0; c < 16; c++) table[i][c] = qd_gf32_mul_ref(point, c << 4 * i);
    for (uint64_t j = key->n / 16; j-- > 0;) {
        uint32_t chunk = (uint32_t)(key->w[j / 4] >> 16 * (j % 4)) & 0xffff, next = 0;
        for (unsigned i = 0; i < 8; i++) next ^= table[i][sum >> 4 * i & 15];
        for (unsigned t = 0; t < 16; t++)
            if (chunk >> t & 1) next ^= z[t];
        sum = next;
    }
    return sum;
}

/* The transform of a key from its definition, at some points, of every width. */
START_TEST(key_is_evaluated) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (unsigned log2n = QD_SLICED_MIN_LOG2; log2n <= 23; log2n++)
        for (int variant = QD_SLICED_AUTO; variant <= QD_SLICED_LAYERS; variant++) {
            work w;
            qd_bits key;
            work_open(&w, dev, log2n, (qd_sliced_variant)variant);
            random_bits(&key, (uint64_t)1 << log2n, log2n);
            key_to(&w, &key, 0);
            uint32_t *got = malloc(4 * w.words);
            uint64_t points = (uint64_t)1 << (log2n - 4);
            ck_assert_int_eq(qd_cl_read(dev, &w.x[0], 0, got, 4 * w.words, NULL), QD_OK);
            for (uint64_t i = 0; i < 4; i++) ck_assert_uint_eq(get(&w, got, i), value_at(&key, i));
            for (uint64_t i = 1; i < points; i = 5 * i + 3) {
                ck_assert_msg(get(&w, got, i) == value_at(&key, i), "2^%u bits, variant %d, point %d", log2n, variant, (int)i);
                ck_assert_msg(get(&w, got, points - i) == value_at(&key, points - i), "2^%u bits, variant %d, point -%d", log2n, variant, (int)i);
            }
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
    ck_assert_int_eq(qd_sliced_multiply(w->plan, &w->x[2], &w->x[0], &w->x[1], 0, NULL), QD_OK);
    back_from(w, 2, y, window->n + 1 - key->n);
}

/* One 1 in the key moves the window, one 1 in the window shows the key backwards: positions at both ends and around those where a chunk, a vector, a
 * row or a block begins. */
START_TEST(single_ones) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (unsigned log2n = QD_SLICED_MIN_LOG2; log2n <= 22; log2n += 2) {
        const uint64_t n = (uint64_t)1 << log2n, cols = n / 2 + 1, rows = n - cols + 1;
        work w;
        qd_bits key, window, one, y;
        work_open(&w, dev, log2n, QD_SLICED_AUTO);
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
    for (unsigned log2n = QD_SLICED_MIN_LOG2; log2n <= 23; log2n++)
        for (uint64_t cols = ((uint64_t)1 << (log2n - 1)) - 1; cols <= (uint64_t)1 << (log2n - 1); cols++) {
            work w;
            qd_bits key, window, y;
            work_open(&w, dev, log2n, QD_SLICED_AUTO);
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
    for (int variant = QD_SLICED_LAYERS; variant < QD_SLICED_VARIANTS; variant++) {
        work w;
        work_open(&w, dev, shortest[variant], (qd_sliced_variant)variant);
        for (int i = 0; i < 2; i++) {
            window_to(&w, &window[i], 0, 99);
            key_to(&w, &key[i], 1);
            ck_assert_int_eq(qd_sliced_multiply(w.plan, &w.x[2], &w.x[0], &w.x[1], i, NULL), QD_OK);
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
    qd_sliced *plan;
    qd_error err;
    ck_assert_int_eq(qd_sliced_open(dev, QD_SLICED_MIN_LOG2 - 1, QD_SLICED_AUTO, &plan, &err), QD_E_USAGE);
    ck_assert_ptr_null(plan);
    ck_assert_int_eq(qd_sliced_open(dev, QD_SLICED_MAX_LOG2 + 1, QD_SLICED_AUTO, &plan, &err), QD_E_USAGE);
    ck_assert_ptr_null(plan);
    qd_sliced_close(NULL);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sliced");
    TCase *t = tcase_create("sliced");
    tcase_set_timeout(t, 600); /* kernels are compiled in the first run */
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
