/* SPDX-License-Identifier: Apache-2.0 */
/* The registry row of bit-sliced middle products. */
#include "arith/sliced.h"

static const qd_key keys[QD_MIDDLE_KEYS] = {
    QD_MIDDLE_KEYS_OF(QD_SLICED_MIN_LOG2, QD_SLICED_MAX_LOG2, QD_SLICED_VARIANTS,
                      "0 by device, 1 tiles in local memory (GPUs), 2 to 4 tiles of 128, 256, 512 lanes")};

static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) {
    return qd_middle_device(qd_sliced_cl, state, dev, out, err);
}

static void cost(const void *state, qd_cost *cost) {
    const unsigned log2n = ((const qd_middle_case *)state)->log2n;
    const double points = (double)((uint64_t)1 << (log2n - 4));
    qd_middle_cost(state, 3 * (points / 2) * (log2n - 4) * 15, cost); /* three transforms; a butterfly: some 480 operations on a bit of a 32-bit word */
}

/* Widths begin at log2n = 14, 18, 20, 22; passes change their number at 14 to 17, 18, 20, 22 and every fourth from there; the change of basis goes beyond a
 * block from 21 on. In local memory it has levels of their own launch from 18, such of single chunks from 21, and of eights among these from 24 on. */
static const char *const quick[] = {
    "sliced:cols=1", "sliced:cols=16384", "sliced:cols=16,rows=1", "sliced:cols=17,rows=16", "sliced:cols=32,rows=16353", "sliced:cols=2,rows=2",
    "sliced:cols=6145,variant=1", "sliced:cols=6145,content=1", "sliced:cols=6145,content=2", "sliced:cols=6145,content=3", "sliced:cols=6145,content=4",
    "sliced:log2n=15,cols=9999", "sliced:log2n=16,cols=24577,variant=1", "sliced:log2n=17,cols=65537,rows=65536", "sliced:log2n=18,cols=77777,rows=90",
    "sliced:log2n=18,cols=77,variant=2", "sliced:log2n=19,cols=1000", "sliced:log2n=20,cols=100,seed=3", "sliced:log2n=20,cols=1048000,rows=100",
    "sliced:log2n=21,cols=100,seed=4", "sliced:log2n=21,cols=2000001,rows=33,variant=1", "sliced:log2n=21,cols=70,variant=1",
    "sliced:log2n=24,cols=33,variant=1", "sliced:log2n=22,cols=4194301,rows=3",
    "sliced:log2n=22,cols=40,rows=4194000,variant=4", "sliced:log2n=23,cols=30", NULL};
static const char *const full[] = {
    "sliced:log2n=17,cols=65537,content=2", "sliced:log2n=18,cols=100001,variant=1", "sliced:log2n=19,cols=262144,variant=2", "sliced:log2n=20,cols=500000",
    "sliced:log2n=21,cols=30001,variant=1", "sliced:log2n=22,cols=20000,variant=2", "sliced:log2n=23,cols=8000,variant=4", "sliced:log2n=24,cols=4000",
    "sliced:log2n=24,cols=4000,variant=1", "sliced:log2n=25,cols=1000", "sliced:log2n=26,cols=500", "sliced:log2n=27,cols=200", "sliced:log2n=28,cols=100",
    "sliced:log2n=28,cols=100,variant=4", NULL};
static const char *const profile[] = {"sliced:log2n=16,cols=40960", "sliced:log2n=20,cols=655360,rows=393216", NULL};

const qd_op qd_sliced_op = {
    .name = "sliced",
    .summary = "middle product of polynomials over GF(2), bit-sliced",
    .keys = keys,
    .n_keys = QD_MIDDLE_KEYS,
    .selftest = "sliced:log2n=18,cols=3001,rows=60001,seed=7",
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
