/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of the additive transform on a device, and the device path of the operation. */
#include <stdio.h>
#include <stdlib.h>
#include "arith/afft.h"

enum {
    ROW_LOG2 = 8,    /* words of a row, as in the kernel */
    BLOCK_LOG2 = 16, /* at most, of a block */
    COLUMNS = 8,     /* of a tile of columns */
    SUMS = 16,       /* vectors of each spectrum that a work-item multiplies */
    SPAN = 16,       /* tiles of a work-item from words of several blocks to bits */
    TWIDDLES = 3 * 256 + 8 * 8
};

/* As in the kernel. */
enum { KEY, WINDOW, BACK, DIRECTIONS };

struct qd_afft {
    qd_device *dev;
    qd_afft_variant variant;
    unsigned lanes, log2words, rows_log2, top_log2; /* words = 2^(top_log2 + rows_log2 + ROW_LOG2) */
    cl_kernel between, layers, sums, top[DIRECTIONS]; /* top: of several blocks */
    qd_buf twiddles; /* the device's */
};

static const uint64_t basis[QD_GF64_BASIS] = {
    0x0000000000000001, 0x19c9369f278adc02, 0xa181e7d66f5ff794, 0x5db84357ce785d08, 0xb973d466f5c9d0ca,
    0x521ac889831a075e, 0x033ce8beddc8a656, 0xb5846c4e07b91010, 0x4087b8cbb37a32ec, 0x00d0d3888c0ae17c,
    0xafd5ac70237f2222, 0xe3f5af99cc3aaaf8, 0x5a1db3b16a0b58b8, 0x09947c54fe7ee248, 0x0e8eaf0e0068f544,
    0xa2a113500b4b4f5a, 0xe96f9805d6ce0bb0, 0x53496f8b5c9edd4c, 0xad325cb6f4ac2a9e, 0x4a8dcf8bd7ede826,
    0xa3e9c552b6434210, 0x5fa92ad9c9bc7ed0, 0xa389f910cd7734de, 0xe916f3dfca4609d8, 0xf89578714bd28f96,
};

uint64_t qd_gf64_basis(unsigned i) { return basis[i]; }

/* Twiddle of block q of any layer. */
static uint64_t twiddle(uint32_t q) {
    uint64_t sum = 0;
    for (unsigned i = 0; q >> i; i++)
        if (q >> i & 1) sum ^= basis[i + 1];
    return sum;
}

/* Three tables of one byte of q each; then, for each layer of a row, those of the lanes. */
static void make_twiddles(void *p) {
    uint64_t *t = p;
    for (uint32_t i = 0; i < 256; i++)
        for (unsigned k = 0; k < 3; k++) t[256 * k + i] = twiddle(i << 8 * k);
    for (unsigned s = 0; s < 8; s++)
        for (uint32_t lane = 0; lane < 8; lane++) t[768 + 8 * s + lane] = twiddle(lane << s);
}

static qd_status make_kernels(qd_afft *plan, qd_afft_variant variant, qd_error *err) {
    static const char *const of_several[DIRECTIONS] = {"afft_top_key", "afft_top_window", "afft_top_back"};
    char options[48], of_top[96];
    unsigned clmul = variant == QD_AFFT_PORTABLE ? 0 : 64u << (variant - QD_AFFT_PORTABLE);
    plan->variant = variant;
    plan->lanes = clmul == 512 ? 8 : 4;
    snprintf(options, sizeof options, "-DLANES=%u -DCLMUL=%u", plan->lanes, clmul);
    QD_TRY(qd_cl_kernel(plan->dev, "afft", options, "afft_between", &plan->between, err));
    QD_TRY(qd_cl_kernel(plan->dev, "afft", options, "afft_layers", &plan->layers, err));
    QD_TRY(qd_cl_kernel(plan->dev, "afft", options, "afft_sums", &plan->sums, err));
    if (!plan->top_log2) return QD_OK;
    snprintf(of_top, sizeof of_top, "%s -DTOP_LOG2=%u", options, plan->top_log2);
    for (int d = 0; d < DIRECTIONS; d++) QD_TRY(qd_cl_kernel(plan->dev, "afft", of_top, of_several[d], &plan->top[d], err));
    return QD_OK;
}

static qd_afft_variant widest(const qd_device *dev) {
    switch (qd_cl_clmul_bits(dev)) {
        case 512: return QD_AFFT_CLMUL512;
        case 256: return QD_AFFT_CLMUL256;
        case 128: return QD_AFFT_CLMUL128;
        default: return QD_AFFT_PORTABLE;
    }
}

bool qd_afft_is_fast(const qd_device *dev) { return widest(dev) != QD_AFFT_PORTABLE; }

qd_status qd_afft_open(qd_device *dev, unsigned log2n, qd_afft_variant variant, qd_afft **out, qd_error *err) {
    *out = NULL;
    if (log2n < QD_AFFT_MIN_LOG2 || log2n > QD_AFFT_MAX_LOG2)
        return qd_fail(err, QD_E_USAGE, "transform of 2^%u bits|lengths go from 2^%d to 2^%d||split or pad the string", log2n, QD_AFFT_MIN_LOG2,
                       QD_AFFT_MAX_LOG2);
    qd_afft *plan = calloc(1, sizeof *plan);
    if (!plan) return qd_fail(err, QD_E_INTERNAL, "plan of a transform|no memory");
    plan->dev = dev;
    plan->log2words = log2n - 5;
    plan->top_log2 = plan->log2words > BLOCK_LOG2 ? plan->log2words - BLOCK_LOG2 : 0;
    plan->rows_log2 = plan->log2words - plan->top_log2 - ROW_LOG2;
    const qd_afft_variant most = widest(dev);
    if (variant == QD_AFFT_AUTO || variant > most) variant = most;
    /* What the processor has and the compiler will not take is done without. */
    qd_status st = make_kernels(plan, variant, err);
    while (st == QD_E_BUILD && variant > QD_AFFT_PORTABLE) st = make_kernels(plan, --variant, err);
    if (st == QD_OK) st = qd_cl_table(dev, "afft twiddles", 8 * TWIDDLES, make_twiddles, &plan->twiddles, err);
    if (st != QD_OK) {
        qd_afft_close(plan);
        return st;
    }
    *out = plan;
    return QD_OK;
}

void qd_afft_close(qd_afft *plan) { free(plan); }

qd_afft_variant qd_afft_chosen(const qd_afft *plan) { return plan->variant; }

/* ---- Passes ------------------------------------------------------------------------------------------------------ */

/* A transform, or two side by side: each pass is one launch of both. */
typedef struct side {
    cl_uint direction;
    qd_buf x, bits;
} side;
typedef struct sides {
    side of[2];
    unsigned n;
} sides;

/* The level between rows; of one block, the way from or to bits too. */
static qd_status run_between(const qd_afft *plan, const sides *s, qd_error *err) {
    cl_uint rows_log2 = plan->rows_log2, blocks = (cl_uint)1 << plan->top_log2;
    const side *a = &s->of[0], *b = &s->of[s->n - 1];
    const qd_arg args[] = {QD_ARG_BUF(a->x), QD_ARG_BUF(a->bits), QD_ARG(a->direction), QD_ARG(rows_log2), QD_ARG(blocks), QD_ARG_BUF(b->x), QD_ARG_BUF(b->bits), QD_ARG(b->direction)};
    return qd_cl_run(plan->dev, plan->between, args, sizeof args / sizeof *args, (size_t)blocks * s->n, 1, err);
}

/* Columns, or rows when @p rows_log2 is 0. @p y: what is multiplied with first, or NULL. */
static qd_status run_layers(const qd_afft *plan, const sides *s, cl_uint rows_log2, cl_uint tiles, const qd_buf *y, qd_error *err) {
    const side *a = &s->of[0], *b = &s->of[s->n - 1];
    cl_uint first = rows_log2 && plan->top_log2 == 0, times = y != NULL;
    if (!y) y = &a->x;
    const qd_arg args[] = {QD_ARG_BUF(a->x), QD_ARG_BUF(*y), QD_ARG_BUF(plan->twiddles), QD_ARG(a->direction), QD_ARG(rows_log2), QD_ARG(tiles), QD_ARG(first), QD_ARG(times), QD_ARG_BUF(b->x), QD_ARG(b->direction)};
    return qd_cl_run(plan->dev, plan->layers, args, sizeof args / sizeof *args, (size_t)tiles * s->n, 1, err);
}

static qd_status run_columns(const qd_afft *plan, const sides *s, qd_error *err) {
    return run_layers(plan, s, plan->rows_log2, ((cl_uint)1 << (plan->log2words - plan->rows_log2)) / COLUMNS, NULL, err);
}

static qd_status run_rows(const qd_afft *plan, const sides *s, const qd_buf *y, qd_error *err) {
    return run_layers(plan, s, 0, ((cl_uint)1 << (plan->log2words - ROW_LOG2)) / plan->lanes, y, err);
}

/* Of several blocks the layers between them, from or to bits; @p in and @p out in the kernel's order. */
static qd_status run_top(const qd_afft *plan, unsigned direction, const qd_buf *in, const qd_buf *out, qd_error *err) {
    if (!plan->top_log2) return QD_OK;
    cl_uint tile = plan->top_log2 < 6 ? 64 : 1u << plan->top_log2, tiles = (1u << BLOCK_LOG2) / tile;
    const qd_arg args[] = {QD_ARG_BUF(*in), QD_ARG_BUF(*out), QD_ARG_BUF(plan->twiddles)};
    return qd_cl_run(plan->dev, plan->top[direction], args, 3, direction == BACK ? tiles / SPAN : tiles, 1, err);
}

static qd_status forward(const qd_afft *plan, const sides *s, qd_error *err) {
    for (unsigned i = 0; i < s->n; i++) QD_TRY(run_top(plan, s->of[i].direction, &s->of[i].bits, &s->of[i].x, err));
    QD_TRY(run_between(plan, s, err));
    QD_TRY(run_columns(plan, s, err));
    return run_rows(plan, s, NULL, err);
}

qd_status qd_afft_key(qd_afft *plan, const qd_buf *bits, qd_buf *x, qd_error *err) { return forward(plan, &(sides){{{KEY, *x, *bits}}, 1}, err); }
qd_status qd_afft_window(qd_afft *plan, const qd_buf *bits, qd_buf *x, qd_error *err) { return forward(plan, &(sides){{{WINDOW, *x, *bits}}, 1}, err); }
qd_status qd_afft_both(qd_afft *plan, const qd_buf *key_bits, qd_buf *key, const qd_buf *window_bits, qd_buf *window, qd_error *err) {
    return forward(plan, &(sides){{{KEY, *key, *key_bits}, {WINDOW, *window, *window_bits}}, 2}, err);
}

static qd_status run_sums(const qd_afft *plan, qd_buf *acc, const qd_buf *windows, const qd_buf *keys, const qd_afft_sum *sum, qd_error *err) {
    const cl_uint words = (cl_uint)1 << plan->log2words, columns = words / plan->lanes / SUMS;
    const cl_ulong stride = (sum->stride ? sum->stride : qd_afft_spectrum_bytes(plan->log2words + 5)) / 8 / plan->lanes;
    const cl_uint n_acc = sum->n_acc, n_keys = sum->n_keys, ring = sum->ring, slot = sum->slot, add = sum->add;
    const qd_arg args[] = {QD_ARG_BUF(*acc), QD_ARG_BUF(*windows), QD_ARG_BUF(*keys), QD_ARG(stride), QD_ARG(columns), QD_ARG(n_acc),
                           QD_ARG(n_keys),   QD_ARG(ring),         QD_ARG(slot),      QD_ARG(add)};
    return qd_cl_run(plan->dev, plan->sums, args, sizeof args / sizeof *args, columns, 1, err);
}

qd_status qd_afft_sums(qd_afft *plan, qd_buf *acc, const qd_buf *windows, const qd_buf *keys, const qd_afft_sum *sum, qd_error *err) {
    const size_t bytes = qd_afft_spectrum_bytes(plan->log2words + 5), last = sum->stride >= bytes && sum->n_acc ? sum->stride : 0;
    if (!last || !sum->n_keys || sum->n_keys > QD_AFFT_KEYS || sum->slot >= sum->ring || sum->ring < sum->n_acc + sum->n_keys - 1 ||
        (sum->n_acc - 1) * last + bytes > acc->bytes || (sum->ring - 1) * last + bytes > windows->bytes || (sum->n_keys - 1) * last + bytes > keys->bytes)
        return qd_fail(err, QD_E_INTERNAL, "sums of products|they leave their buffers");
    return run_sums(plan, acc, windows, keys, sum, err);
}

qd_status qd_afft_multiply(qd_afft *plan, qd_buf *acc, const qd_buf *x, const qd_buf *y, int add, qd_error *err) {
    return run_sums(plan, acc, x, y, &(qd_afft_sum){.n_acc = 1, .n_keys = 1, .ring = 1, .add = add != 0}, err);
}

static qd_status back(const qd_afft *plan, qd_buf *x, const qd_buf *y, qd_buf *bits, qd_error *err) {
    const sides s = {{{BACK, *x, *bits}}, 1};
    QD_TRY(run_rows(plan, &s, y, err));
    QD_TRY(run_columns(plan, &s, err));
    QD_TRY(run_between(plan, &s, err));
    return run_top(plan, BACK, x, bits, err);
}

qd_status qd_afft_back(qd_afft *plan, qd_buf *x, qd_buf *bits, qd_error *err) { return back(plan, x, NULL, bits, err); }
qd_status qd_afft_back_of(qd_afft *plan, qd_buf *x, const qd_buf *y, qd_buf *bits, qd_error *err) { return back(plan, x, y, bits, err); }

/* ---- The operation ----------------------------------------------------------------------------------------------- */

static qd_status product(qd_afft *plan, qd_buf b[3], qd_bits *staging, const qd_bits *window, const qd_bits *key, qd_bits *y, qd_error *err) {
    size_t bytes = (size_t)staging->n / 8, spectrum = qd_afft_spectrum_bytes(plan->log2words + 5);
    QD_TRY(qd_cl_alloc(plan->dev, &b[0], bytes, err));
    QD_TRY(qd_cl_alloc(plan->dev, &b[1], spectrum, err));
    QD_TRY(qd_cl_alloc(plan->dev, &b[2], spectrum, err));
    qd_middle_put(staging, staging->n - window->n, window);
    QD_TRY(qd_cl_write(plan->dev, &b[0], 0, staging->w, bytes, err));
    QD_TRY(qd_afft_window(plan, &b[0], &b[1], err));
    qd_middle_put(staging, 0, key);
    QD_TRY(qd_cl_write(plan->dev, &b[0], 0, staging->w, bytes, err));
    QD_TRY(qd_afft_key(plan, &b[0], &b[2], err));
    QD_TRY(qd_afft_back_of(plan, &b[1], &b[2], &b[0], err));
    QD_TRY(qd_cl_read(plan->dev, &b[0], 0, staging->w, bytes, err));
    qd_middle_take(y, staging, staging->n - y->n);
    return QD_OK;
}

qd_status qd_afft_cl(qd_device *dev, unsigned variant, unsigned log2n, const qd_bits *window, const qd_bits *key, qd_bits *y, qd_error *err) {
    qd_afft *plan;
    qd_bits staging;
    qd_buf b[3] = {{0}, {0}, {0}};
    QD_TRY(qd_afft_open(dev, log2n, (qd_afft_variant)variant, &plan, err));
    qd_status st = qd_bits_create(&staging, (uint64_t)1 << log2n, err);
    if (st == QD_OK) st = product(plan, b, &staging, window, key, y, err);
    for (int i = 0; i < 3; i++) qd_cl_free(&b[i]);
    qd_bits_destroy(&staging);
    qd_afft_close(plan);
    return st;
}
