/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of the bit-sliced transform on a device, and the device path of the operation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arith/sliced.h"

/* As in the kernels. */
enum { KEY, WINDOW, BACK };
enum { CHUNKS = 1, MULTIPLY = 2 };

enum {
    PASS = 4,        /* layers of a launch on tiles */
    PASSES = 48,     /* at most */
    RUN = 4096,      /* chunks of a work-item in a level of the change of basis, on CPUs */
    BLOCK_LOG2 = 16, /* index bits whose change of basis one work-item does, on CPUs */
    TWIDDLES = 3 * 256
};

/* A range of bits of the group's index: its layers, before or after the turn. */
typedef struct pass {
    cl_uint low, log2, turned;
} pass;

struct qd_sliced {
    qd_device *dev;
    bool tiles;               /* PASS layers a launch; else one */
    bool by_block;            /* all passes from n_top on in one launch */
    unsigned k, l;            /* N = 2^k elements, 2^l lanes */
    unsigned n_passes, n_top; /* n_top: those above bit l of the group's index */
    pass passes[PASSES];      /* in the order of KEY and WINDOW */
    cl_kernel order, level, rows, change, block, multiply, layers;
    qd_buf twiddles, of_lanes, chunks; /* chunks: two strings of 2^k */
};

static const uint32_t basis[QD_GF32_BASIS] = {0x00000001, 0x00000002, 0x00000004, 0x0000000a, 0x00000014, 0x00000020, 0x0000004c, 0x000000ae,
                                              0x00000152, 0x0000022e, 0x00000480, 0x00000a4c, 0x000014fa, 0x00002002, 0x00004c32, 0x0000ae98,
                                              0x00015214, 0x00022e7a, 0x00048066, 0x000a4cc0, 0x0014fa06, 0x002002ba, 0x004c3284, 0x00ae98d4};

uint32_t qd_gf32_basis(unsigned i) { return basis[i]; }
unsigned qd_sliced_lanes(const qd_sliced *plan) { return 1u << plan->l; }

/* ---- Layout, as in the kernels --------------------------------------------------------------------------------------------- */

/* Before the turn lane bit j is this bit of the index. */
static unsigned bit_of_lane(unsigned l, unsigned j) { return j < 4 ? l - 4 + j : j - 4; }

void qd_sliced_place(const qd_sliced *plan, uint64_t p, size_t *word, unsigned *bit) {
    unsigned l = plan->l, lane = 0;
    for (unsigned j = 0; j < l; j++) lane |= (unsigned)(p >> (l + bit_of_lane(l, j)) & 1) << j; /* after it, l bits on */
    size_t g = (size_t)(p >> (2 * l) << l | (p & ((1u << l) - 1)));
    g += (g >> 4) + (g >> 8) + (g >> 12) + (g >> 16);
    *word = g << l; /* a group is 32 vectors of 2^l bits */
    *word += lane / 32;
    *bit = lane % 32;
}

/* ---- Plans ------------------------------------------------------------------------------------------------------------------ */

/* Twiddle of block q of any layer. */
static uint32_t twiddle(uint32_t q) {
    uint32_t sum = 0;
    for (unsigned i = 0; q >> i; i++)
        if (q >> i & 1) sum ^= basis[i + 1];
    return sum;
}

static qd_status make_twiddles(qd_sliced *plan, qd_error *err) {
    uint32_t t[TWIDDLES];
    for (uint32_t i = 0; i < 256; i++) {
        t[i] = twiddle(i);
        t[256 + i] = twiddle(i << 8);
        t[512 + i] = i < 128 ? twiddle(i << 16) : 0; /* q has at most 23 bits */
    }
    QD_TRY(qd_cl_alloc(plan->dev, &plan->twiddles, sizeof t, err));
    return qd_cl_write(plan->dev, &plan->twiddles, 0, t, sizeof t, err);
}

/* What the lanes add to the twiddle of each layer after the turn, as far as they have changed places: for layer i the 32 coordinates, a vector each. */
static qd_status make_of_lanes(qd_sliced *plan, qd_error *err) {
    unsigned l = plan->l, words = (1u << l) / 32;
    size_t n = (size_t)l * 32 * words;
    uint32_t *t = calloc(n, sizeof *t);
    if (!t) return qd_fail(err, QD_E_INTERNAL, "plan of a transform|no memory");
    unsigned step = plan->tiles ? PASS : 1;
    for (unsigned i = 0; i < l; i++)
        for (unsigned lane = 0; lane < 1u << l; lane++) {
            uint32_t w = 0;
            for (unsigned j = 0; j < l; j++)
                if (lane >> j & 1 && bit_of_lane(l, j) >= i / step * step) w ^= basis[l + bit_of_lane(l, j) - i];
            for (unsigned c = 0; c < 32; c++) t[((size_t)i * 32 + c) * words + lane / 32] |= (w >> c & 1) << lane % 32;
        }
    qd_status st = qd_cl_alloc(plan->dev, &plan->of_lanes, n * sizeof *t, err);
    if (st == QD_OK) st = qd_cl_write(plan->dev, &plan->of_lanes, 0, t, n * sizeof *t, err);
    free(t);
    return st;
}

/* Bits from .. to-1 of the group's index, from the highest down. */
static void add_passes(qd_sliced *plan, unsigned from, unsigned to, bool turned) {
    unsigned step = plan->tiles ? PASS : 1;
    for (unsigned n = (to - from + step - 1) / step; n-- > 0;) {
        unsigned low = from + n * step, log2 = to - low < step ? to - low : step;
        plan->passes[plan->n_passes++] = (pass){low, log2, turned};
    }
}

static qd_status make_kernels(qd_sliced *plan, qd_error *err) {
    char options[32];
    snprintf(options, sizeof options, "-DWIDTH=%u", (1u << plan->l) / 32);
    QD_TRY(qd_cl_kernel(plan->dev, "sliced", "-DCHANGE", "sliced_order", &plan->order, err));
    QD_TRY(qd_cl_kernel(plan->dev, "sliced", "-DCHANGE", "sliced_level", &plan->level, err));
    QD_TRY(qd_cl_kernel(plan->dev, "sliced", "-DCHANGE", "sliced_rows", &plan->rows, err));
    QD_TRY(qd_cl_kernel(plan->dev, "sliced", "-DCHANGE", "sliced_change", &plan->change, err));
    QD_TRY(qd_cl_kernel(plan->dev, "sliced", options, "sliced_block", &plan->block, err));
    QD_TRY(qd_cl_kernel(plan->dev, "sliced", options, "sliced_multiply", &plan->multiply, err));
    return qd_cl_kernel(plan->dev, "sliced", options, "sliced_pass", &plan->layers, err);
}

/* Bits of a lane's index: 32 lanes always fit. */
static unsigned lanes_log2(const qd_device *dev, qd_sliced_variant variant, unsigned k) {
    unsigned bytes = qd_cl_is_cpu(dev) ? qd_cl_byte_lanes(dev) : 4;
    unsigned l = variant == QD_SLICED_AUTO ? (bytes >= 64 ? 9 : bytes >= 32 ? 8 : bytes >= 16 ? 7 : 5) : variant == QD_SLICED_LAYERS ? 5 : 5 + (unsigned)variant;
    while (l > 5 && 2 * l > k) l--;
    return l == 6 ? 5 : l;
}

qd_status qd_sliced_open(qd_device *dev, unsigned log2n, qd_sliced_variant variant, qd_sliced **out, qd_error *err) {
    *out = NULL;
    if (log2n < QD_SLICED_MIN_LOG2 || log2n > QD_SLICED_MAX_LOG2)
        return qd_fail(err, QD_E_USAGE, "transform of 2^%u bits|lengths go from 2^%d to 2^%d||split or pad the string", log2n, QD_SLICED_MIN_LOG2,
                       QD_SLICED_MAX_LOG2);
    qd_sliced *plan = calloc(1, sizeof *plan);
    if (!plan) return qd_fail(err, QD_E_INTERNAL, "plan of a transform|no memory");
    plan->dev = dev;
    plan->k = log2n - 4;
    plan->l = lanes_log2(dev, variant, plan->k);
    plan->tiles = variant == QD_SLICED_AUTO ? qd_cl_is_cpu(dev) : variant != QD_SLICED_LAYERS;
    add_passes(plan, plan->l, plan->k - plan->l, false);
    plan->n_top = plan->n_passes;
    add_passes(plan, 0, plan->l, false);
    add_passes(plan, 0, plan->l, true);
    /* A launch costs as much as some percent of a block; a block a compute unit is enough to do. */
    plan->by_block = plan->tiles && (plan->k <= BLOCK_LOG2 || (uint64_t)1 << (plan->k - 2 * plan->l) >= qd_device_about(dev)->compute_units);
    qd_status st = make_kernels(plan, err);
    if (st == QD_OK) st = make_twiddles(plan, err);
    if (st == QD_OK) st = make_of_lanes(plan, err);
    if (st == QD_OK) st = qd_cl_alloc(dev, &plan->chunks, (size_t)4 << plan->k, err);
    if (st != QD_OK) {
        qd_sliced_close(plan);
        return st;
    }
    *out = plan;
    return QD_OK;
}

void qd_sliced_close(qd_sliced *plan) {
    if (!plan) return;
    if (plan->chunks.mem) {
        (void)qd_cl_zero(plan->dev, &plan->chunks, 0, plan->chunks.bytes, NULL);
        (void)qd_cl_finish(plan->dev, NULL);
    }
    qd_cl_free(&plan->chunks);
    qd_cl_free(&plan->of_lanes);
    qd_cl_free(&plan->twiddles);
    free(plan);
}

/* ---- Strings of chunks ------------------------------------------------------------------------------------------------------ */

static qd_status run_order(const qd_sliced *plan, cl_uint which, const qd_buf *in, const qd_buf *out, qd_error *err) {
    cl_uint words = (cl_uint)1 << (plan->k - 1);
    const qd_arg args[] = {QD_ARG_BUF(*in), QD_ARG_BUF(*out), QD_ARG(which), QD_ARG(words)};
    return qd_cl_run(plan->dev, plan->order, args, 4, words / 8, 0, err);
}

/* In every block of 2^log2 chunks `count` from `from` on are added to those from `to` on. */
static qd_status run_add(const qd_sliced *plan, cl_uint strings, cl_uint log2, cl_uint to, cl_uint from, cl_uint count, qd_error *err) {
    cl_uint run = qd_cl_is_cpu(plan->dev) ? RUN : 1, items = (strings << (plan->k - log2)) * ((count + run - 1) / run);
    const qd_arg args[] = {QD_ARG_BUF(plan->chunks), QD_ARG(log2), QD_ARG(to), QD_ARG(from), QD_ARG(count), QD_ARG(run), QD_ARG(items)};
    return qd_cl_run(plan->dev, plan->level, args, 7, items, 0, err);
}

/* With y = z^(2^h) + z in units, z^(2^(h+j)) = y^(2^j) + z^(2^j) on the upper half of a block of 2^(h+j+1) units of 2^unit chunks. */
static qd_status run_level(const qd_sliced *plan, cl_uint which, unsigned unit, unsigned h, unsigned j, qd_error *err) {
    cl_uint strings = which == WINDOW ? 2 : 1, log2 = unit + h + j + 1, half = (cl_uint)1 << (log2 - 1), shift = (cl_uint)1 << (unit + j), last = 2 * half - shift;
    if (which == KEY) {
        QD_TRY(run_add(plan, strings, log2, half, last, shift, err));
        return run_add(plan, strings, log2, shift, half, half - shift, err);
    }
    if (which == WINDOW) {
        QD_TRY(run_add(plan, strings, log2, last, half, shift, err));
        return run_add(plan, strings, log2, half, shift, half - shift, err);
    }
    QD_TRY(run_add(plan, strings, log2, half, shift, half - shift, err));
    return run_add(plan, strings, log2, last, half, shift, err);
}

/* Change of basis of bits unit .. unit+n-1 of the index: by the greatest power of two h below n, then above and below it. */
static qd_status run_change(const qd_sliced *plan, cl_uint which, unsigned unit, unsigned n, qd_error *err) {
    if (n < 2) return QD_OK;
    if (plan->tiles && unit == 0 && n <= BLOCK_LOG2) {
        cl_uint log2 = n, blocks = (which == WINDOW ? 2u : 1u) << (plan->k - n);
        const qd_arg args[] = {QD_ARG_BUF(plan->chunks), QD_ARG(log2), QD_ARG(which), QD_ARG(blocks)};
        return qd_cl_run(plan->dev, plan->change, args, 4, blocks, 1, err);
    }
    if (plan->tiles && unit == BLOCK_LOG2) {
        cl_uint low = unit, bits = n, items = (which == WINDOW ? 2u : 1u) << (unit - 5); /* 32 chunks of each row a work-item */
        const qd_arg args[] = {QD_ARG_BUF(plan->chunks), QD_ARG(low), QD_ARG(bits), QD_ARG(which), QD_ARG(items)};
        return qd_cl_run(plan->dev, plan->rows, args, 5, items, 1, err);
    }
    unsigned h = 1;
    while (2 * h < n) h *= 2;
    if (which == BACK) {
        QD_TRY(run_change(plan, which, unit, h, err));
        QD_TRY(run_change(plan, which, unit + h, n - h, err));
    }
    for (unsigned i = 0; i < n - h; i++) QD_TRY(run_level(plan, which, unit, h, which == BACK ? i : n - h - 1 - i, err));
    if (which == BACK) return QD_OK;
    QD_TRY(run_change(plan, which, unit + h, n - h, err));
    return run_change(plan, which, unit, h, err);
}

/* ---- Transforms ------------------------------------------------------------------------------------------------------------- */

static cl_uint groups_of(const qd_sliced *plan) { return (cl_uint)1 << (plan->k - plan->l); }

/* @p y: what is multiplied with before, or NULL; @p besides: as in the kernel. */
static qd_status run_pass(const qd_sliced *plan, cl_uint which, const pass *p, const qd_buf *x, const qd_buf *y, cl_uint besides, qd_error *err) {
    cl_uint k = plan->k, behind = (cl_uint)1 << (plan->k + 4 - plan->l), tiles = groups_of(plan) >> p->log2;
    const qd_arg args[] = {QD_ARG_BUF(*x), QD_ARG_BUF(*y), QD_ARG_BUF(plan->chunks), QD_ARG_BUF(plan->twiddles), QD_ARG_BUF(plan->of_lanes), QD_ARG(which), QD_ARG(k),
                           QD_ARG(behind), QD_ARG(p->low), QD_ARG(p->log2), QD_ARG(p->turned), QD_ARG(besides), QD_ARG(tiles)};
    return qd_cl_run(plan->dev, plan->layers, args, 13, tiles, 1, err);
}

/* All passes of blocks, from the pass on that begins them. */
static qd_status run_blocks(const qd_sliced *plan, cl_uint which, const qd_buf *x, const qd_buf *y, cl_uint besides, qd_error *err) {
    cl_uint k = plan->k, behind = (cl_uint)1 << (plan->k + 4 - plan->l), blocks = groups_of(plan) >> plan->l;
    const qd_arg args[] = {QD_ARG_BUF(*x), QD_ARG_BUF(*y), QD_ARG_BUF(plan->chunks), QD_ARG_BUF(plan->twiddles), QD_ARG_BUF(plan->of_lanes), QD_ARG(which), QD_ARG(k),
                           QD_ARG(behind), QD_ARG(besides), QD_ARG(blocks)};
    return qd_cl_run(plan->dev, plan->block, args, 10, blocks, 1, err);
}

static qd_status forward(qd_sliced *plan, cl_uint which, const qd_buf *bits, qd_buf *x, qd_error *err) {
    QD_TRY(run_order(plan, which, bits, &plan->chunks, err));
    QD_TRY(run_change(plan, which, 0, plan->k, err));
    unsigned n = plan->by_block ? plan->n_top : plan->n_passes;
    for (unsigned i = 0; i < n; i++) QD_TRY(run_pass(plan, which, &plan->passes[i], x, x, i ? 0 : CHUNKS, err));
    return plan->by_block ? run_blocks(plan, which, x, x, n ? 0 : CHUNKS, err) : QD_OK;
}

qd_status qd_sliced_key(qd_sliced *plan, const qd_buf *bits, qd_buf *x, qd_error *err) { return forward(plan, KEY, bits, x, err); }
qd_status qd_sliced_window(qd_sliced *plan, const qd_buf *bits, qd_buf *x, qd_error *err) { return forward(plan, WINDOW, bits, x, err); }

qd_status qd_sliced_multiply(qd_sliced *plan, qd_buf *acc, const qd_buf *x, const qd_buf *y, int add, qd_error *err) {
    cl_uint groups = groups_of(plan), adds = add != 0;
    const qd_arg args[] = {QD_ARG_BUF(*acc), QD_ARG_BUF(*x), QD_ARG_BUF(*y), QD_ARG(groups), QD_ARG(adds)};
    return qd_cl_run(plan->dev, plan->multiply, args, 5, groups, 0, err);
}

static qd_status back(qd_sliced *plan, qd_buf *x, const qd_buf *y, qd_buf *bits, qd_error *err) {
    cl_uint multiplies = y ? MULTIPLY : 0;
    unsigned n = plan->by_block ? plan->n_top : plan->n_passes;
    if (!y) y = x;
    if (plan->by_block) QD_TRY(run_blocks(plan, BACK, x, y, multiplies | (n ? 0 : CHUNKS), err));
    for (unsigned i = n; i-- > 0;)
        QD_TRY(run_pass(plan, BACK, &plan->passes[i], x, y, (i + 1 == plan->n_passes ? multiplies : 0) | (i ? 0 : CHUNKS), err));
    QD_TRY(run_change(plan, BACK, 0, plan->k, err));
    return run_order(plan, BACK, &plan->chunks, bits, err);
}

qd_status qd_sliced_back(qd_sliced *plan, qd_buf *x, qd_buf *bits, qd_error *err) { return back(plan, x, NULL, bits, err); }
qd_status qd_sliced_back_of(qd_sliced *plan, qd_buf *x, const qd_buf *y, qd_buf *bits, qd_error *err) { return back(plan, x, y, bits, err); }

/* ---- The operation ---------------------------------------------------------------------------------------------------------- */

/* dst[to ..] = src; zeros elsewhere. */
static void put(qd_bits *dst, uint64_t to, const qd_bits *src) {
    uint64_t shift = to % 64, words = qd_bits_words(src->n), all = qd_bits_words(dst->n);
    memset(dst->w, 0, (size_t)all * 8);
    for (uint64_t i = 0; i < words; i++) {
        dst->w[to / 64 + i] |= src->w[i] << shift;
        if (shift && to / 64 + i + 1 < all) dst->w[to / 64 + i + 1] |= src->w[i] >> (64 - shift);
    }
}

static qd_status product(qd_sliced *plan, qd_buf b[3], qd_bits *staging, const qd_bits *window, const qd_bits *key, qd_bits *y, qd_error *err) {
    size_t bytes = (size_t)staging->n / 8, spectrum = qd_sliced_spectrum_bytes(plan->k + 4);
    QD_TRY(qd_cl_alloc(plan->dev, &b[0], bytes, err));
    QD_TRY(qd_cl_alloc(plan->dev, &b[1], spectrum, err));
    QD_TRY(qd_cl_alloc(plan->dev, &b[2], spectrum, err));
    put(staging, staging->n - window->n, window);
    QD_TRY(qd_cl_write(plan->dev, &b[0], 0, staging->w, bytes, err));
    QD_TRY(qd_sliced_window(plan, &b[0], &b[1], err));
    put(staging, 0, key);
    QD_TRY(qd_cl_write(plan->dev, &b[0], 0, staging->w, bytes, err));
    QD_TRY(qd_sliced_key(plan, &b[0], &b[2], err));
    QD_TRY(qd_sliced_back_of(plan, &b[1], &b[2], &b[0], err));
    QD_TRY(qd_cl_read(plan->dev, &b[0], 0, staging->w, bytes, err));
    for (uint64_t i = 0; i < qd_bits_words(y->n); i++) y->w[i] = 0;
    for (uint64_t i = 0; i < y->n; i++) qd_bits_set(y, i, qd_bits_get(staging, staging->n - y->n + i));
    return QD_OK;
}

qd_status qd_sliced_cl(qd_device *dev, unsigned variant, unsigned log2n, const qd_bits *window, const qd_bits *key, qd_bits *y, qd_error *err) {
    qd_sliced *plan;
    qd_bits staging;
    qd_buf b[3] = {{0}, {0}, {0}};
    QD_TRY(qd_sliced_open(dev, log2n, (qd_sliced_variant)variant, &plan, err));
    qd_status st = qd_bits_create(&staging, (uint64_t)1 << log2n, err);
    if (st == QD_OK) st = product(plan, b, &staging, window, key, y, err);
    for (int i = 0; i < 3; i++) qd_cl_free(&b[i]);
    qd_bits_destroy(&staging);
    qd_sliced_close(plan);
    return st;
}
