/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of the transform on a device, and the device path of the operation. */
#include <stdio.h>
#include <stdlib.h>
#include "arith/ntt.h"

enum {
    PASSES = 3,     /* 24 layers at most, 8 to a pass */
    MAX_LAYERS = 8, /* a tile of 256 rows by 16 columns: 16 KiB of private or local memory */
    GROUP_SIZE = 256,
    BLOCKS_EACH = 64 /* products to a work-item with vectors, as in the kernel */
};

typedef struct pass {
    unsigned layers, log_stride, tile;
    cl_kernel forward, inverse;
} pass;

struct qd_ntt {
    qd_device *dev;
    unsigned log2n, tail; /* blocks of 2^tail coefficients are not split */
    bool lanes;           /* one work-item a tile */
    size_t group;         /* work-items of a group otherwise */
    unsigned n_passes;
    pass passes[PASSES]; /* in the order of the forward transform */
    cl_kernel forward_bits, inverse_parity, multiply;
    qd_buf tw, tw_inverse;
    uint32_t scale[2];
};

/* floor(w 2^32 / p): the companion of a constant. */
static uint32_t companion(uint32_t w) { return (uint32_t)(((uint64_t)w << 32) / QD_NTT_PRIME); }

/* Twiddle of block b in bit-reversed order, 2^log_count of them, each with its companion: t[0] = 1, t[2^j + i] = t[2^j] t[i] with
 * t[2^j] = root^(2^(25-j)) a primitive root of unity of order 2^(j+2). So t[b]^2 is what block b's modulus z^(2h) - t[b]^2 holds. */
static void fill_twiddles(uint32_t *t, unsigned log_count, uint32_t root) {
    t[0] = 1;
    t[1] = companion(1);
    for (unsigned j = 0; j < log_count; j++) {
        uint32_t w = qd_ntt_pow(root, (uint64_t)1 << (QD_NTT_MAX_LOG2 - 2 - j));
        for (size_t i = 0; i < (size_t)1 << j; i++) {
            size_t at = ((size_t)1 << j) + i;
            t[2 * at] = qd_ntt_mul(t[2 * i], w);
            t[2 * at + 1] = companion(t[2 * at]);
        }
    }
}

static qd_status make_twiddles(qd_ntt *plan, qd_error *err) {
    unsigned log_count = plan->log2n - plan->tail - 1; /* blocks of the last layer */
    size_t bytes = (size_t)8 << log_count;
    uint32_t root = qd_ntt_pow(31, 15);
    uint32_t *t = malloc(bytes);
    if (!t) return qd_fail(err, QD_E_INTERNAL, "twiddles of a transform of 2^%u words|no memory||use a shorter length", plan->log2n);
    qd_status st;
    QD_TRY_OUT(st, qd_cl_alloc(plan->dev, &plan->tw, bytes, err));
    fill_twiddles(t, log_count, root);
    QD_TRY_OUT(st, qd_cl_write(plan->dev, &plan->tw, 0, t, bytes, err));
    QD_TRY_OUT(st, qd_cl_alloc(plan->dev, &plan->tw_inverse, bytes, err));
    fill_twiddles(t, log_count, qd_ntt_pow(root, QD_NTT_PRIME - 2));
    QD_TRY_OUT(st, qd_cl_write(plan->dev, &plan->tw_inverse, 0, t, bytes, err));
out:
    free(t);
    return st;
}

static qd_status make_pass(qd_ntt *plan, pass *p, bool first, qd_error *err) {
    char options[96];
    int at = snprintf(options, sizeof options, "-DLAYERS=%u -DTILE=%u -DTAIL=%u", p->layers, p->tile, plan->tail);
    if (plan->lanes) snprintf(options + at, sizeof options - (size_t)at, " -DW=%u", 1u << plan->tail);
    QD_TRY(qd_cl_kernel(plan->dev, "ntt", options, "ntt_forward", &p->forward, err));
    QD_TRY(qd_cl_kernel(plan->dev, "ntt", options, "ntt_inverse", &p->inverse, err));
    if (first) {
        QD_TRY(qd_cl_kernel(plan->dev, "ntt", options, "ntt_forward_bits", &plan->forward_bits, err));
        QD_TRY(qd_cl_kernel(plan->dev, "ntt", options, "ntt_inverse_parity", &plan->inverse_parity, err));
    }
    if (p->tile == 1u << plan->tail) QD_TRY(qd_cl_kernel(plan->dev, "ntt", options, "ntt_multiply", &plan->multiply, err));
    return QD_OK;
}

static qd_status make_passes(qd_ntt *plan, qd_error *err) {
    unsigned layers = plan->log2n - plan->tail, left = plan->log2n;
    plan->n_passes = (layers + MAX_LAYERS - 1) / MAX_LAYERS;
    for (unsigned i = 0; i < plan->n_passes; i++) {
        pass *p = &plan->passes[i];
        p->layers = (layers + plan->n_passes - 1 - i) / plan->n_passes; /* as even as they go, longer ones first */
        left -= p->layers;
        p->log_stride = left;
        p->tile = left > plan->tail ? 16 : 1u << plan->tail; /* 16 words are a cache line */
        QD_TRY(make_pass(plan, p, i == 0, err));
    }
    return QD_OK;
}

qd_status qd_ntt_open(qd_device *dev, unsigned log2n, qd_ntt_variant variant, qd_ntt **out, qd_error *err) {
    *out = NULL;
    if (log2n < QD_NTT_MIN_LOG2 || log2n > QD_NTT_MAX_LOG2)
        return qd_fail(err, QD_E_USAGE, "transform of 2^%u words|lengths on a device go from 2^%d to 2^%d||split or pad the sequence", log2n,
                       QD_NTT_MIN_LOG2, QD_NTT_MAX_LOG2);
    if (variant == QD_NTT_AUTO)
        variant = !qd_cl_is_cpu(dev) ? QD_NTT_GROUP : qd_cl_byte_lanes(dev) >= 64 ? QD_NTT_LANES16 : QD_NTT_LANES8;
    qd_ntt *plan = calloc(1, sizeof *plan);
    if (!plan) return qd_fail(err, QD_E_INTERNAL, "plan of a transform|no memory");
    plan->dev = dev;
    plan->log2n = log2n;
    plan->tail = variant == QD_NTT_LANES16 ? 4 : 3;
    plan->lanes = variant != QD_NTT_GROUP;
    plan->group = qd_device_about(dev)->max_work_group < GROUP_SIZE ? qd_device_about(dev)->max_work_group : GROUP_SIZE;
    /* 2^32 undoes the kernel's 2^-32, 2^-layers the factor 2 of each layer of the inverse. */
    unsigned layers = log2n - plan->tail;
    plan->scale[0] = qd_ntt_mul(qd_ntt_pow(2, 32), qd_ntt_pow(qd_ntt_pow(2, layers), QD_NTT_PRIME - 2));
    plan->scale[1] = companion(plan->scale[0]);
    qd_status st;
    QD_TRY_OUT(st, make_passes(plan, err));
    QD_TRY_OUT(st, make_twiddles(plan, err));
    *out = plan;
    return QD_OK;
out:
    qd_ntt_close(plan);
    return st;
}

void qd_ntt_close(qd_ntt *plan) {
    if (!plan) return;
    qd_cl_free(&plan->tw);
    qd_cl_free(&plan->tw_inverse);
    free(plan);
}

/* Launch a pass's kernel. @p other is the buffer of bits that the first and last kernels have besides. */
static qd_status launch(qd_ntt *plan, const pass *p, cl_kernel kernel, const qd_buf *x, const qd_buf *other, const qd_buf *tw, qd_error *err) {
    cl_uint log_stride = p->log_stride, tiles = (cl_uint)(((size_t)1 << (plan->log2n - p->layers)) / p->tile);
    qd_arg args[5];
    unsigned n = 0;
    args[n++] = QD_ARG_BUF(*x);
    if (other) args[n++] = QD_ARG_BUF(*other);
    args[n++] = QD_ARG_BUF(*tw);
    args[n++] = QD_ARG(log_stride);
    args[n++] = QD_ARG(tiles);
    if (plan->lanes) return qd_cl_run(plan->dev, kernel, args, n, tiles, 1, err);
    return qd_cl_run(plan->dev, kernel, args, n, tiles * plan->group, plan->group, err);
}

qd_status qd_ntt_forward(qd_ntt *plan, qd_buf *x, qd_error *err) {
    for (unsigned i = 0; i < plan->n_passes; i++)
        QD_TRY(launch(plan, &plan->passes[i], plan->passes[i].forward, x, NULL, &plan->tw, err));
    return QD_OK;
}

qd_status qd_ntt_forward_bits(qd_ntt *plan, const qd_buf *bits, qd_buf *x, qd_error *err) {
    QD_TRY(launch(plan, &plan->passes[0], plan->forward_bits, bits, x, &plan->tw, err));
    for (unsigned i = 1; i < plan->n_passes; i++)
        QD_TRY(launch(plan, &plan->passes[i], plan->passes[i].forward, x, NULL, &plan->tw, err));
    return QD_OK;
}

qd_status qd_ntt_multiply(qd_ntt *plan, qd_buf *acc, const qd_buf *x, const qd_buf *y, int add, qd_error *err) {
    cl_uint blocks = (cl_uint)1 << (plan->log2n - plan->tail), adds = add != 0;
    cl_uint2 scale = {.s = {plan->scale[0], plan->scale[1]}};
    qd_arg args[] = {QD_ARG_BUF(*acc), QD_ARG_BUF(*x), QD_ARG_BUF(*y), QD_ARG_BUF(plan->tw), QD_ARG(scale), QD_ARG(blocks), QD_ARG(adds)};
    size_t n_args = sizeof args / sizeof *args;
    if (plan->lanes) return qd_cl_run(plan->dev, plan->multiply, args, n_args, (blocks + BLOCKS_EACH - 1) / BLOCKS_EACH, 1, err);
    return qd_cl_run(plan->dev, plan->multiply, args, n_args, blocks, blocks < 64 ? 1 : 64, err);
}

qd_status qd_ntt_inverse(qd_ntt *plan, qd_buf *x, qd_error *err) {
    for (unsigned i = plan->n_passes; i-- > 0;)
        QD_TRY(launch(plan, &plan->passes[i], plan->passes[i].inverse, x, NULL, &plan->tw_inverse, err));
    return QD_OK;
}

qd_status qd_ntt_inverse_parity(qd_ntt *plan, qd_buf *x, qd_buf *bits, qd_error *err) {
    for (unsigned i = plan->n_passes; i-- > 1;)
        QD_TRY(launch(plan, &plan->passes[i], plan->passes[i].inverse, x, NULL, &plan->tw_inverse, err));
    return launch(plan, &plan->passes[0], plan->inverse_parity, x, bits, &plan->tw_inverse, err);
}

/* ---- The operation ----------------------------------------------------------------------------------------------- */

static qd_status convolve(qd_ntt *plan, qd_buf *x, qd_buf *y, const uint32_t *a, const uint32_t *b, uint32_t *out, qd_error *err) {
    size_t bytes = sizeof *a << plan->log2n;
    QD_TRY(qd_cl_alloc(plan->dev, x, bytes, err));
    QD_TRY(qd_cl_write(plan->dev, x, 0, a, bytes, err));
    QD_TRY(qd_ntt_forward(plan, x, err));
    if (b != a) {
        QD_TRY(qd_cl_alloc(plan->dev, y, bytes, err));
        QD_TRY(qd_cl_write(plan->dev, y, 0, b, bytes, err));
        QD_TRY(qd_ntt_forward(plan, y, err));
    }
    QD_TRY(qd_ntt_multiply(plan, x, x, b != a ? y : x, 0, err));
    QD_TRY(qd_ntt_inverse(plan, x, err));
    return qd_cl_read(plan->dev, x, 0, out, bytes, err);
}

qd_status qd_ntt_cl_convolve(qd_device *dev, qd_ntt_variant variant, const uint32_t *a, const uint32_t *b, unsigned log2n, uint32_t *out,
                             qd_error *err) {
    qd_ntt *plan;
    qd_buf x = {0}, y = {0};
    QD_TRY(qd_ntt_open(dev, log2n, variant, &plan, err));
    qd_status st = convolve(plan, &x, &y, a, b, out, err);
    qd_cl_free(&x);
    qd_cl_free(&y);
    qd_ntt_close(plan);
    return st;
}
