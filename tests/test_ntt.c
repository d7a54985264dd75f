/* SPDX-License-Identifier: Apache-2.0 */
/* The transform: the reference against the definition, and every variant of the device path against the reference. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arith/ntt.h"
#include "run_all.h"

static void fill(uint32_t *x, size_t n, uint64_t seed, uint64_t below) {
    for (size_t i = 0; i < n; i++) {
        uint32_t d[4];
        qd_philox(seed, QD_STREAM_TEST, i, 0, d);
        x[i] = (uint32_t)((uint64_t)d[0] * below >> 32);
    }
}

static void direct(const uint32_t *a, const uint32_t *b, size_t n, uint32_t *out) {
    for (size_t k = 0; k < n; k++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++) sum = (sum + (uint64_t)a[i] * b[(k - i) & (n - 1)]) % QD_NTT_PRIME;
        out[k] = (uint32_t)sum;
    }
}

/* The constants that the definition rests on. */
START_TEST(prime_and_roots) {
    ck_assert_uint_eq(QD_NTT_PRIME, 15u * (1u << 27) + 1);
    for (uint64_t d = 2; d * d <= QD_NTT_PRIME; d++) ck_assert_uint_ne(QD_NTT_PRIME % d, 0);
    uint32_t w = qd_ntt_pow(31, 15);
    ck_assert_uint_eq(w, 440564289);
    ck_assert_uint_eq(qd_ntt_pow(w, 1u << 26), QD_NTT_PRIME - 1); /* order 2^27 exactly */
}
END_TEST

START_TEST(reference_is_the_definition) {
    for (unsigned log2n = 0; log2n <= 9; log2n++) {
        size_t n = (size_t)1 << log2n;
        uint32_t a[512], b[512], want[512], got[512];
        for (uint64_t seed = 0; seed < 3; seed++) {
            fill(a, n, 2 * seed, seed == 2 ? 2 : QD_NTT_PRIME);
            fill(b, n, 2 * seed + 1, QD_NTT_PRIME);
            direct(a, b, n, want);
            ck_assert_int_eq(qd_ntt_convolve(NULL, a, b, log2n, got, NULL), QD_OK);
            ck_assert_mem_eq(got, want, n * sizeof *got);
        }
    }
}
END_TEST

static qd_device *open_device(void) {
    qd_device *dev = NULL;
    qd_error err;
    if (qd_device_open("cpu", &dev, &err) != QD_OK) {
        fprintf(stderr, "test_ntt: no OpenCL CPU device (%s): device half skipped\n", err.what);
        return NULL;
    }
    return dev;
}

START_TEST(device_equals_definition) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (int variant = 0; variant < QD_NTT_VARIANTS; variant++)
        for (unsigned log2n = QD_NTT_MIN_LOG2; log2n <= 11; log2n++) {
            size_t n = (size_t)1 << log2n;
            static uint32_t a[2048], b[2048], want[2048], got[2048];
            for (uint64_t content = 0; content < 3; content++) {
                fill(a, n, log2n, QD_NTT_PRIME);
                fill(b, n, log2n + 100, content ? 2 : QD_NTT_PRIME);
                if (content == 2)
                    for (size_t i = 0; i < n; i++) a[i] = b[i] = QD_NTT_PRIME - 1;
                direct(a, b, n, want);
                qd_error err = {0};
                ck_assert_msg(qd_ntt_cl_convolve(dev, (qd_ntt_variant)variant, a, b, log2n, got, &err) == QD_OK, "%s: %s", err.what, err.cause);
                for (size_t i = 0; i < n; i++)
                    ck_assert_msg(got[i] == want[i], "variant %d, 2^%u, content %d, word %zu: %u instead of %u", variant, log2n, (int)content, i,
                                  got[i], want[i]);
            }
        }
    qd_device_close(dev);
}
END_TEST

/* A delayed copy correlates at its delay, with the exact count. */
START_TEST(correlation_finds_the_delay) {
    qd_device *dev = open_device();
    enum { LOG2N = 14, N = 1 << LOG2N, DELAY = 12345 };
    static uint32_t a[N], b[N], out[N];
    uint32_t ones = 0;
    fill(a, N, 9, 2);
    for (size_t i = 0; i < N; i++) b[(i + DELAY) % N] = a[i], ones += a[i];
    for (int pass = 0; pass < (dev ? 2 : 1); pass++) {
        ck_assert_int_eq(qd_ntt_correlate(pass ? dev : NULL, a, b, LOG2N, out, NULL), QD_OK);
        ck_assert_uint_eq(out[DELAY], ones);
        for (size_t d = 0; d < N; d++) ck_assert(d == DELAY || out[d] < ones);
    }
    /* Not symmetric: the other order gives the other sign. */
    ck_assert_int_eq(qd_ntt_correlate(dev, b, a, LOG2N, out, NULL), QD_OK);
    ck_assert_uint_eq(out[N - DELAY], ones);
    qd_device_close(dev);
}
END_TEST

START_TEST(lengths_below_the_shortest_transform) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (unsigned log2n = 0; log2n < QD_NTT_MIN_LOG2; log2n++) {
        uint32_t a[16], b[16], want[16], got[16];
        size_t n = (size_t)1 << log2n;
        fill(a, n, 1, QD_NTT_PRIME);
        fill(b, n, 2, QD_NTT_PRIME);
        direct(a, b, n, want);
        ck_assert_int_eq(qd_ntt_convolve(dev, a, b, log2n, got, NULL), QD_OK);
        ck_assert_mem_eq(got, want, n * sizeof *got);
        ck_assert_int_eq(qd_ntt_convolve(dev, a, b, log2n, a, NULL), QD_OK); /* in place */
        ck_assert_mem_eq(a, want, n * sizeof *got);
    }
    qd_device_close(dev);
}
END_TEST

/* Bits in, parities out, and sums in the transform domain, at every number of passes' boundary that is quick. */
START_TEST(bits_parities_and_sums) {
    qd_device *dev = open_device();
    if (!dev) return;
    for (int variant = 1; variant < QD_NTT_VARIANTS; variant++)
        for (unsigned log2n = QD_NTT_MIN_LOG2; log2n <= 13; log2n++) {
            size_t n = (size_t)1 << log2n;
            uint32_t *w = malloc(6 * n * sizeof *w);
            ck_assert_ptr_nonnull(w);
            uint8_t *bits = calloc(4, n / 8), *parity = malloc(n / 8);
            for (int s = 0; s < 4; s++) {
                fill(w + (size_t)s * n, n, 7 * log2n + (unsigned)s, 2);
                for (size_t i = 0; i < n; i++) bits[(size_t)s * n / 8 + i / 8] |= (uint8_t)(w[(size_t)s * n + i] << (i % 8));
            }
            ck_assert_int_eq(qd_ntt_ref_convolve(w, w + n, log2n, w + 4 * n, NULL), QD_OK);
            ck_assert_int_eq(qd_ntt_ref_convolve(w + 2 * n, w + 3 * n, log2n, w + 5 * n, NULL), QD_OK);
            qd_ntt *plan;
            qd_buf in, out, x[4], acc;
            ck_assert_int_eq(qd_ntt_open(dev, log2n, (qd_ntt_variant)variant, &plan, NULL), QD_OK);
            ck_assert_int_eq(qd_cl_alloc(dev, &in, n / 8, NULL), QD_OK);
            ck_assert_int_eq(qd_cl_alloc(dev, &out, n / 8, NULL), QD_OK);
            ck_assert_int_eq(qd_cl_alloc(dev, &acc, 4 * n, NULL), QD_OK);
            for (int s = 0; s < 4; s++) {
                ck_assert_int_eq(qd_cl_alloc(dev, &x[s], 4 * n, NULL), QD_OK);
                ck_assert_int_eq(qd_cl_write(dev, &in, 0, bits + (size_t)s * n / 8, n / 8, NULL), QD_OK);
                ck_assert_int_eq(qd_ntt_forward_bits(plan, &in, &x[s], NULL), QD_OK);
                ck_assert_int_eq(qd_cl_finish(dev, NULL), QD_OK);
            }
            ck_assert_int_eq(qd_ntt_multiply(plan, &acc, &x[0], &x[1], 0, NULL), QD_OK);
            ck_assert_int_eq(qd_ntt_multiply(plan, &acc, &x[2], &x[3], 1, NULL), QD_OK);
            ck_assert_int_eq(qd_ntt_inverse_parity(plan, &acc, &out, NULL), QD_OK);
            ck_assert_int_eq(qd_cl_read(dev, &out, 0, parity, n / 8, NULL), QD_OK);
            for (size_t i = 0; i < n; i++)
                ck_assert_msg((parity[i / 8] >> (i % 8) & 1u) == ((w[4 * n + i] + w[5 * n + i]) & 1u), "variant %d, 2^%u, bit %zu", variant, log2n, i);
            qd_buf *all[] = {&in, &out, &acc, &x[0], &x[1], &x[2], &x[3]};
            for (size_t i = 0; i < sizeof all / sizeof *all; i++) qd_cl_free(all[i]);
            qd_ntt_close(plan);
            free(w);
            free(bits);
            free(parity);
        }
    qd_device_close(dev);
}
END_TEST

START_TEST(refusals) {
    uint32_t a[2] = {0, QD_NTT_PRIME}, b[2] = {1, 1}, out[2];
    qd_error err;
    ck_assert_int_eq(qd_ntt_convolve(NULL, a, b, 1, out, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_ntt_convolve(NULL, b, a, 1, out, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_ntt_convolve(NULL, a, b, QD_NTT_MAX_LOG2 + 1, out, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_ntt_correlate(NULL, a, b, 1, out, &err), QD_E_USAGE);
    a[1]--;
    ck_assert_int_eq(qd_ntt_convolve(NULL, a, b, 1, out, &err), QD_OK);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ntt");
    TCase *t = tcase_create("ntt");
    tcase_add_test(t, prime_and_roots);
    tcase_add_test(t, reference_is_the_definition);
    tcase_add_test(t, device_equals_definition);
    tcase_add_test(t, correlation_finds_the_delay);
    tcase_add_test(t, lengths_below_the_shortest_transform);
    tcase_add_test(t, bits_parities_and_sums);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return run_all(s);
}
