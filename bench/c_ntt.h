/* SPDX-License-Identifier: Apache-2.0 */
/** @file c_ntt.h  The transform in tuned C, for the loops of `ntt` and `toeplitz`: eight residues a vector, two layers a sweep, depth
 *  first so that blocks stay in cache, columns and blocks shared among threads. */
#ifndef QD_BENCH_C_NTT_H
#define QD_BENCH_C_NTT_H

#include "qdistill/core.h"

typedef struct qd_c_ntt {
    unsigned log2n, threads;
    uint32_t *tw[2], *companion[2]; /* forward, inverse */
    uint32_t scale, scale_companion;
} qd_c_ntt;

/** log2n from 5 to 27. Freed by qd_c_ntt_free. */
qd_status qd_c_ntt_make(qd_c_ntt *t, unsigned log2n, unsigned threads, qd_error *err);
void qd_c_ntt_free(qd_c_ntt *t);
/** In place: x becomes the cyclic product of x and y, residues in [0, p); y is destroyed. Both have 2^log2n residues
 *  and start at a multiple of 32 bytes. */
void qd_c_ntt_convolve(const qd_c_ntt *t, uint32_t *x, uint32_t *y);

/** Call work(context, share) for share = 0..shares-1, from so many threads. */
void qd_c_parallel(unsigned shares, void (*work)(void *context, unsigned share), void *context);

#endif
