/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `toeplitz`: one product of the whole length, over GF(2) where there are carry-less multiply instructions, else cyclic and of
 * integers. */
#include <stdlib.h>
#include <string.h>
#include "amplify/toeplitz.h"
#include "c_afft.h"
#include "c_ntt.h"
#include "loops.h"

typedef struct spread_job {
    const qd_bits *b;
    uint64_t count; /* bits taken; zeros follow */
    uint32_t *x;
    size_t n;
    unsigned threads;
} spread_job;

/* Bits to words. */
static void spread_share(void *p, unsigned share) {
    const spread_job *j = p;
    size_t words = j->n / 32, from = words * share / j->threads, to = words * (share + 1) / j->threads;
    for (size_t w = from; w < to; w++) {
        uint64_t at = 32 * w, left = j->count > at ? j->count - at : 0;
        uint32_t bits = left ? (uint32_t)(j->b->w[at / 64] >> (at % 64)) : 0;
        if (left < 32) bits &= ((uint32_t)1 << left) - 1;
        for (unsigned i = 0; i < 32; i++) j->x[at + i] = bits >> i & 1;
    }
}

static void spread(const qd_bits *b, uint64_t count, uint32_t *x, size_t n, unsigned threads) {
    spread_job j = {b, count, x, n, threads};
    qd_c_parallel(threads, spread_share, &j);
}

static qd_status matrix_part(const qd_toeplitz_case *c, uint64_t m, unsigned threads, uint64_t *y, qd_error *err) {
    if (qd_c_afft_is_fast()) return qd_c_afft_middle(c->seed.w, c->x.w, m, y, c->r, threads, err);
    unsigned log2l = 5;
    while ((uint64_t)1 << log2l < m + c->r - 1) log2l++;
    if (log2l > QD_NTT_MAX_LOG2) return qd_fail(err, QD_E_USAGE, "the C loop of toeplitz goes up to 2^27 coefficients");
    size_t l = (size_t)1 << log2l;
    uint32_t *x = aligned_alloc(64, 4 * l), *s = aligned_alloc(64, 4 * l);
    qd_c_ntt t = {0};
    qd_status st = x && s ? qd_c_ntt_make(&t, log2l, threads, err) : qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of toeplitz");
    if (st == QD_OK) {
        spread(&c->x, m, x, l, t.threads);
        spread(&c->seed, m + c->r - 1, s, l, t.threads);
        qd_c_ntt_convolve(&t, x, s);
        for (uint64_t i = 0; i < c->r; i += 64) {
            uint64_t w = 0;
            for (uint64_t k = 0; k < 64 && i + k < c->r; k++) w |= (uint64_t)(x[m - 1 + i + k] & 1) << k;
            y[i / 64] = w;
        }
        qd_c_ntt_free(&t);
    }
    free(x);
    free(s);
    return st;
}

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_toeplitz_case *c = state;
    uint64_t m = qd_toeplitz_columns(c->kind, c->x.n, c->r), words = qd_bits_words(c->r), *y = out;
    memset(out, 0, (size_t)(words ? words : 1) * 8);
    if (m > 0 && c->r > 0) QD_TRY(matrix_part(c, m, threads, y, err));
    if (c->kind != QD_HASH_MODIFIED_TOEPLITZ) return QD_OK;
    for (uint64_t i = 0; i < c->r; i++) y[i / 64] ^= (uint64_t)qd_bits_get(&c->x, m + i) << (i % 64);
    return QD_OK;
}

const qd_loop qd_loop_toeplitz = {"toeplitz", run};
