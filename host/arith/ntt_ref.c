/* SPDX-License-Identifier: Apache-2.0 */
/* The reference: X_k = sum over j of x_j w^(jk) by the textbook recursion, one remainder a product (Cooley, Tukey 1965, over Z/p). */
#include <stdlib.h>
#include "arith/ntt.h"

enum { P = QD_NTT_PRIME };

/* Element i goes to the place whose index has the bits of i reversed. */
static void reverse_bits(uint32_t *x, unsigned log2n) {
    uint32_t n = (uint32_t)1 << log2n;
    for (uint32_t i = 0, j = 0; i < n; i++) {
        if (i < j) {
            uint32_t t = x[i];
            x[i] = x[j];
            x[j] = t;
        }
        uint32_t bit = n >> 1;
        for (; j & bit; bit >>= 1) j ^= bit;
        j |= bit;
    }
}

/* In place, natural order in and out; w is a root of unity of order 2^log2n. */
static void transform(uint32_t *x, unsigned log2n, uint32_t w, uint32_t *power) {
    uint32_t n = (uint32_t)1 << log2n;
    power[0] = 1;
    for (uint32_t i = 1; i < n / 2; i++) power[i] = qd_ntt_mul(power[i - 1], w);
    reverse_bits(x, log2n);
    for (uint32_t half = 1; half < n; half *= 2)
        for (uint32_t at = 0; at < n; at += 2 * half)
            for (uint32_t i = 0; i < half; i++) {
                uint64_t u = x[at + i], v = qd_ntt_mul(x[at + half + i], power[i * (n / (2 * half))]);
                x[at + i] = (uint32_t)((u + v) % P);
                x[at + half + i] = (uint32_t)((u + P - v) % P);
            }
}

qd_status qd_ntt_ref_convolve(const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out, qd_error *err) {
    size_t n = (size_t)1 << log2n;
    uint32_t *x = qd_secret_alloc(n * sizeof *x), *y = qd_secret_alloc(n * sizeof *y), *power = malloc(n * sizeof *power);
    qd_status st = QD_OK;
    if (!x || !y || !power) {
        st = qd_fail(err, QD_E_INTERNAL, "transform of 2^%u words|no memory|the transform needs 12 bytes a word|use a shorter length", log2n);
        goto out;
    }
    for (size_t i = 0; i < n; i++) x[i] = a[i], y[i] = b[i];
    uint32_t w = qd_ntt_pow(31, (uint64_t)(P - 1) >> log2n);
    transform(x, log2n, w, power);
    transform(y, log2n, w, power);
    for (size_t i = 0; i < n; i++) x[i] = qd_ntt_mul(x[i], y[i]);
    transform(x, log2n, qd_ntt_pow(w, P - 2), power);
    uint32_t scale = qd_ntt_pow((uint32_t)n, P - 2);
    for (size_t i = 0; i < n; i++) out[i] = qd_ntt_mul(x[i], scale);
out:
    qd_secret_free(x);
    qd_secret_free(y);
    free(power);
    return st;
}
