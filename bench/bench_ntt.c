/* SPDX-License-Identifier: Apache-2.0 */
/* Tuned C loop of `ntt`. */
#include <stdlib.h>
#include <string.h>
#include "arith/ntt.h"
#include "c_ntt.h"
#include "loops.h"

static qd_status run(void *state, unsigned threads, void *out, qd_error *err) {
    const qd_ntt_case *c = state;
    size_t n = (size_t)1 << c->log2n;
    if (c->log2n < 5) return qd_ntt_ref_convolve(c->a, c->b, c->log2n, out, err); /* too short for a loop */
    uint32_t *x = aligned_alloc(64, n * sizeof *x), *y = aligned_alloc(64, n * sizeof *y);
    qd_c_ntt t = {0};
    qd_status st = x && y ? qd_c_ntt_make(&t, c->log2n, threads, err) : qd_fail(err, QD_E_INTERNAL, "no memory for the C loop of ntt");
    if (st == QD_OK) {
        if (c->correlate)
            for (size_t i = 0; i < n; i++) x[(n - i) & (n - 1)] = c->a[i];
        else memcpy(x, c->a, n * sizeof *x);
        memcpy(y, c->b, n * sizeof *y);
        qd_c_ntt_convolve(&t, x, y);
        memcpy(out, x, n * sizeof *x);
        qd_c_ntt_free(&t);
    }
    free(x);
    free(y);
    return st;
}

const qd_loop qd_loop_ntt = {"ntt", run};
