/* SPDX-License-Identifier: Apache-2.0 */
/* Middle products by a plan's transforms, for the suites of those that compute them. Before it is included stand
 *   NAME                       the operation's name, in quotes
 *   OF(what)                   what of the operation: qd_afft_open of open
 *   plan_of, part              a plan's type, and what spectra are made of
 *   SHORTEST, LONGEST          log2 of the bits of a transform
 *   AUTO, FIRST, VARIANTS      ways: by device, the first by name, one behind the last
 *   shortest_of(way)           log2 of the bits from which on a plan goes that way */
#ifndef QD_TESTS_MIDDLE_SUITE_H
#define QD_TESTS_MIDDLE_SUITE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arith/middle.h"
#include "run_all.h"

static inline qd_device *open_device(void) {
    qd_device *dev;
    qd_error err;
    if (qd_device_open("cpu", &dev, &err) == QD_OK) return dev;
    fprintf(stderr, "test_" NAME ": no OpenCL CPU device (%s): device half skipped\n", err.what);
    return NULL;
}

static void random_bits(qd_bits *b, uint64_t n, uint64_t seed) {
    ck_assert_int_eq(qd_bits_create(b, n, NULL), QD_OK);
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    qd_random_bytes(&r, b->w, (size_t)qd_bits_words(n) * 8);
    if (n % 64) b->w[n / 64] &= ((uint64_t)1 << n % 64) - 1;
}

/* ---- A plan with its buffers ------------------------------------------------------------------------------------- */

typedef struct work {
    qd_device *dev;
    plan_of *plan;
    unsigned log2n;
    size_t words; /* of a spectrum */
    qd_buf bits, x[3];
} work;

static void work_open(work *w, qd_device *dev, unsigned log2n, unsigned variant) {
    *w = (work){.dev = dev, .log2n = log2n, .words = OF(spectrum_bytes)(log2n) / sizeof(part)};
    ck_assert_int_eq(OF(open)(dev, log2n, (OF(variant))variant, &w->plan, NULL), QD_OK);
    ck_assert_int_eq(qd_cl_alloc(dev, &w->bits, ((size_t)1 << log2n) / 8, NULL), QD_OK);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(qd_cl_alloc(dev, &w->x[i], sizeof(part) * w->words, NULL), QD_OK);
}
static void work_close(work *w) {
    qd_cl_free(&w->bits);
    for (int i = 0; i < 3; i++) qd_cl_free(&w->x[i]);
    OF(close)(w->plan);
}

/* Spectrum of a key, or of a window, in buffer i. */
static void key_to(work *w, const qd_bits *key, int i) {
    qd_bits all;
    ck_assert_int_eq(qd_bits_create(&all, (uint64_t)1 << w->log2n, NULL), QD_OK);
    memcpy(all.w, key->w, (size_t)qd_bits_words(key->n) * 8);
    ck_assert_int_eq(qd_cl_write(w->dev, &w->bits, 0, all.w, w->bits.bytes, NULL), QD_OK);
    ck_assert_int_eq(OF(key)(w->plan, &w->bits, &w->x[i], NULL), QD_OK);
    ck_assert_int_eq(qd_cl_finish(w->dev, NULL), QD_OK);
    qd_bits_destroy(&all);
}
static void window_to(work *w, const qd_bits *window, int i, uint64_t rubbish) {
    qd_bits all;
    random_bits(&all, (uint64_t)1 << w->log2n, rubbish); /* what lies before the window counts for nothing */
    for (uint64_t k = 0; k < window->n; k++) qd_bits_set(&all, all.n - window->n + k, qd_bits_get(window, k));
    ck_assert_int_eq(qd_cl_write(w->dev, &w->bits, 0, all.w, w->bits.bytes, NULL), QD_OK);
    ck_assert_int_eq(OF(window)(w->plan, &w->bits, &w->x[i], NULL), QD_OK);
    ck_assert_int_eq(qd_cl_finish(w->dev, NULL), QD_OK);
    qd_bits_destroy(&all);
}
static void back_from(work *w, int i, qd_bits *y, uint64_t rows) {
    qd_bits all;
    ck_assert_int_eq(qd_bits_create(&all, (uint64_t)1 << w->log2n, NULL), QD_OK);
    ck_assert_int_eq(OF(back)(w->plan, &w->x[i], &w->bits, NULL), QD_OK);
    ck_assert_int_eq(qd_cl_read(w->dev, &w->bits, 0, all.w, w->bits.bytes, NULL), QD_OK);
    ck_assert_int_eq(qd_bits_slice(y, &all, all.n - rows, rows, NULL), QD_OK);
    qd_bits_destroy(&all);
}

static void middle(work *w, const qd_bits *window, const qd_bits *key, qd_bits *y) {
    window_to(w, window, 0, window->n);
    key_to(w, key, 1);
    ck_assert_int_eq(OF(multiply)(w->plan, &w->x[2], &w->x[0], &w->x[1], 0, NULL), QD_OK);
    back_from(w, 2, y, window->n + 1 - key->n);
}

/* One 1 in the key moves the window, one 1 in the window shows the key backwards: positions at both ends and around those where a chunk, a vector, a
 * row or a block begins. */
START_TEST(single_ones) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (unsigned log2n = SHORTEST; log2n <= 22; log2n += 2) {
        const uint64_t n = (uint64_t)1 << log2n, cols = n / 2 + 1, rows = n - cols + 1;
        work w;
        qd_bits key, window, one, y;
        work_open(&w, dev, log2n, AUTO);
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
    for (unsigned log2n = SHORTEST; log2n <= 23; log2n++)
        for (uint64_t cols = ((uint64_t)1 << (log2n - 1)) - 1; cols <= (uint64_t)1 << (log2n - 1); cols++) {
            work w;
            qd_bits key, window, y;
            work_open(&w, dev, log2n, AUTO);
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
    for (int variant = FIRST; variant < VARIANTS; variant++) {
        work w;
        work_open(&w, dev, shortest_of(variant), (unsigned)variant);
        for (int i = 0; i < 2; i++) {
            window_to(&w, &window[i], 0, 99);
            key_to(&w, &key[i], 1);
            ck_assert_int_eq(OF(multiply)(w.plan, &w.x[2], &w.x[0], &w.x[1], i, NULL), QD_OK);
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
    plan_of *plan;
    qd_error err;
    ck_assert_int_eq(OF(open)(dev, SHORTEST - 1, (OF(variant))AUTO, &plan, &err), QD_E_USAGE);
    ck_assert_ptr_null(plan);
    ck_assert_int_eq(OF(open)(dev, LONGEST + 1, (OF(variant))AUTO, &plan, &err), QD_E_USAGE);
    ck_assert_ptr_null(plan);
    OF(close)(NULL);
    qd_device_close(dev);
}
END_TEST

#endif
