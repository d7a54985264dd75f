/* SPDX-License-Identifier: Apache-2.0 */
/* The registry row of middle products. */
#include "arith/afft.h"

static const qd_key keys[QD_MIDDLE_KEYS] = {
    QD_MIDDLE_KEYS_OF(QD_AFFT_MIN_LOG2, QD_AFFT_MAX_LOG2, QD_AFFT_VARIANTS,
                      "0 by device, 1 portable, 2 to 4 carry-less multiply of 128, 256, 512 bits")};

static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) {
    return qd_middle_device(qd_afft_cl, state, dev, out, err);
}

static void cost(const void *state, qd_cost *cost) {
    const unsigned log2n = ((const qd_middle_case *)state)->log2n;
    const double words = (double)((uint64_t)1 << (log2n - 5));
    qd_middle_cost(state, 3 * (words / 2) * (log2n - 5) * 28, cost); /* three transforms; a butterfly: 14 operations on 64 bits */
}

/* Words are 2^(log2n - 5): rows of a block double up to log2n = 21, then blocks. */
static const char *const quick[] = {
    "afft:cols=1", "afft:cols=65536", "afft:cols=32,rows=1", "afft:cols=33,rows=32", "afft:cols=64,rows=65473", "afft:cols=2,rows=2", "afft:cols=24577,variant=1",
    "afft:cols=24577,variant=2", "afft:cols=24577,variant=3", "afft:cols=9999,content=1", "afft:cols=9999,content=2",
    "afft:cols=9999,content=3", "afft:cols=9999,content=4", "afft:log2n=17,cols=77", "afft:log2n=18,cols=77777,rows=90", "afft:log2n=19,cols=1000",
    "afft:log2n=20,cols=100,seed=3", "afft:log2n=21,cols=100,seed=4", "afft:log2n=22,cols=40,rows=4194000", "afft:log2n=23,cols=30",
    "afft:log2n=20,cols=1048000,rows=100", "afft:log2n=21,cols=2000001,rows=33", "afft:log2n=22,cols=4194301,rows=3", "afft:log2n=23,cols=8388577,rows=31", NULL};
static const char *const full[] = {"afft:cols=24577,variant=4", "afft:log2n=17,cols=65537,content=2", "afft:log2n=18,cols=100001,variant=1", "afft:log2n=19,cols=262144,variant=2", "afft:log2n=20,cols=500000",
                                   "afft:log2n=21,cols=30001,variant=1", "afft:log2n=22,cols=20000,variant=1", "afft:log2n=23,cols=8000", "afft:log2n=24,cols=4000",
                                   "afft:log2n=25,cols=1000", "afft:log2n=26,cols=500", "afft:log2n=27,cols=200", "afft:log2n=28,cols=100", NULL};
static const char *const profile[] = {"afft:log2n=16,cols=40960", "afft:log2n=20,cols=655360,rows=393216", NULL};

const qd_op qd_afft_op = {
    .name = "afft",
    .summary = "middle product of polynomials over GF(2)",
    .keys = keys,
    .n_keys = QD_MIDDLE_KEYS,
    .selftest = "afft:cols=3001,rows=60001,seed=7",
    .cases_quick = quick,
    .cases_full = full,
    .cases_profile = profile,
    .create = qd_middle_create,
    .destroy = qd_middle_destroy,
    .output_bytes = qd_middle_output_bytes,
    .reference = qd_middle_reference,
    .device = device,
    .cost = cost,
};
