/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of the bit-sliced transform on a device, and the device path of the operation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arith/sliced.h"

/* As in the kernels. */
enum { KEY, WINDOW, BACK };
enum { CHUNKS = 1, MULTIPLY = 2, TURNS = 4 };

enum {
    PASS = 4,        /* layers of a launch, a tile a work-item */
    PASSES = 16,     /* at most */
    RUN = 4096,      /* chunks of a work-item in a level of the change of basis, on CPUs */
    BLOCK_LOG2 = 16, /* index bits whose change of basis one work-item does, on CPUs */
    TWIDDLES = 3 * 256,
    TILE_LOG2 = 7,    /* groups in local memory; also work-items */
    CHANGE_LOG2 = 13, /* chunks in local memory */
    LOCAL_BYTES = 16512 /* of either */
};

/* A range of bits of the group's index: its layers, before or after the turn. */
typedef struct pass {
    cl_uint low, log2, turned; /* in local memory: turned is whether the turn and the layers after it belong to the pass */
} pass;

struct qd_sliced {
    qd_device *dev;
    bool local;               /* tiles in local memory, a work-group each; else a work-item each */
    bool by_block;            /* all passes from n_top on in one launch */
    unsigned k, l;            /* N = 2^k elements, 2^l lanes */
    unsigned n_passes, n_top; /* n_top: those above bit l of the group's index */
    pass passes[PASSES];      /* in the order of KEY and WINDOW */
    cl_kernel order, level, rows, change, block, multiply, layers; /* local: no rows, no block, but */
    cl_kernel level_8;
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

/* a times the coordinate of all X, in the field of @p bits bits, where it is c X with c that of the field below: c X (a0 + a1 X) = c^2 a1 + c (a0 + a1) X. */
static uint32_t by_all_x(uint32_t a, unsigned bits) {
    if (bits == 1) return a;
    const unsigned m = bits / 2;
    const uint32_t a0 = a & (((uint32_t)1 << m) - 1), a1 = a >> m;
    return by_all_x(by_all_x(a1, m), m) | by_all_x(a0 ^ a1, m) << m;
}

/* A factor w0 + w1 X as half h of a product takes it (kernels/sliced_local.clh): A | B << 16. */
static uint32_t for_half(uint32_t w, unsigned h) {
    const uint32_t w0 = w & 0xffff, w1 = w >> 16;
    return h ? w1 | (w0 ^ w1) << 16 : w0 | by_all_x(w1, 16) << 16;
}

static qd_status make_twiddles(qd_sliced *plan, qd_error *err) {
    uint32_t t[2 * TWIDDLES];
    const unsigned n = plan->local ? 2 : 1;
    for (uint32_t i = 0; i < TWIDDLES; i++) {
        const uint32_t w = i < 512 + 128 ? twiddle((i & 255) << 8 * (i >> 8)) : 0; /* q has at most 23 bits */
        t[i] = plan->local ? for_half(w, 0) : w;
        t[TWIDDLES + i] = for_half(w, 1);
    }
    QD_TRY(qd_cl_alloc(plan->dev, &plan->twiddles, n * TWIDDLES * sizeof *t, err));
    return qd_cl_write(plan->dev, &plan->twiddles, 0, t, n * TWIDDLES * sizeof *t, err);
}

/* What the lanes add to the twiddle of layer i after the turn, as far as they have changed places. */
static uint32_t of_lane(const qd_sliced *plan, unsigned i, unsigned lane) {
    const unsigned l = plan->l, step = plan->local ? l : PASS;
    uint32_t w = 0;
    for (unsigned j = 0; j < l; j++)
        if (lane >> j & 1 && bit_of_lane(l, j) >= i / step * step) w ^= basis[l + bit_of_lane(l, j) - i];
    return w;
}

/* That for all lanes: its 32 coordinates, a vector each, for every layer. In local memory, nothing for the layers before the turn, and then for either half of each. */
static qd_status make_of_lanes(qd_sliced *plan, qd_error *err) {
    const unsigned l = plan->l, words = (1u << l) / 32, sets = plan->local ? 2 * l + 1 : l;
    const size_t n = (size_t)sets * 32 * words;
    uint32_t *t = calloc(n, sizeof *t);
    if (!t) return qd_fail(err, QD_E_INTERNAL, "plan of a transform|no memory");
    for (unsigned set = plan->local; set < sets; set++)
        for (unsigned lane = 0; lane < 1u << l; lane++) {
            const uint32_t w = plan->local ? for_half(of_lane(plan, (set - 1) / 2, lane), (set - 1) % 2) : of_lane(plan, set, lane);
            for (unsigned c = 0; c < 32; c++) t[((size_t)set * 32 + c) * words + lane / 32] |= (w >> c & 1) << lane % 32;
        }
    qd_status st = qd_cl_alloc(plan->dev, &plan->of_lanes, n * sizeof *t, err);
    if (st == QD_OK) st = qd_cl_write(plan->dev, &plan->of_lanes, 0, t, n * sizeof *t, err);
    free(t);
    return st;
}

/* Bits from .. to-1 of the group's index, from the highest down, at most @p most a pass and as evenly as may be. */
static void add_passes(qd_sliced *plan, unsigned from, unsigned to, unsigned most, bool even, bool turned) {
    const unsigned n = (to - from + most - 1) / most, step = even && n ? (to - from + n - 1) / n : most;
    for (unsigned i = n; i-- > 0;) {
        unsigned low = from + i * step, log2 = to - low < step ? to - low : step;
        plan->passes[plan->n_passes++] = (pass){low, log2, turned};
    }
}

static void make_passes(qd_sliced *plan) {
    const unsigned bits = plan->k - plan->l; /* of the group's index */
    if (plan->local) {
        const unsigned tile = bits < TILE_LOG2 ? bits : TILE_LOG2;
        add_passes(plan, tile, bits, TILE_LOG2, true, false);
        add_passes(plan, 0, tile, TILE_LOG2, false, true);
        return;
    }
    add_passes(plan, plan->l, bits, PASS, false, false);
    plan->n_top = plan->n_passes;
    add_passes(plan, 0, plan->l, PASS, false, false);
    add_passes(plan, 0, plan->l, PASS, false, true);
    /* A launch costs as much as some percent of a block; a block a compute unit is enough to do. */
    plan->by_block = plan->k <= BLOCK_LOG2 || (uint64_t)1 << (bits - plan->l) >= qd_device_about(plan->dev)->compute_units;
}

static qd_status make_kernels(qd_sliced *plan, qd_error *err) {
    char options[32];
    snprintf(options, sizeof options, "-DWIDTH=%u%s", (1u << plan->l) / 32, plan->local ? " -DLOCAL" : "");
    const struct {
        const char *options, *name;
        cl_kernel *to;
    } all[] = {{"-DCHANGE", "sliced_order", &plan->order},
               {options, plan->local ? "sliced_local_multiply" : "sliced_multiply", &plan->multiply},
               {options, plan->local ? "sliced_local_pass" : "sliced_pass", &plan->layers},
               {plan->local ? options : "-DCHANGE", plan->local ? "sliced_local_level" : "sliced_level", &plan->level},
               {plan->local ? options : "-DCHANGE", plan->local ? "sliced_local_change" : "sliced_change", &plan->change},
               {plan->local ? options : "-DCHANGE", plan->local ? "sliced_local_level_8" : "sliced_rows", plan->local ? &plan->level_8 : &plan->rows},
               {options, "sliced_block", &plan->block}};
    const size_t n = sizeof all / sizeof *all - plan->local; /* without the last */
    for (size_t i = 0; i < n; i++) QD_TRY(qd_cl_kernel(plan->dev, "sliced", all[i].options, all[i].name, all[i].to, err));
    return QD_OK;
}

/* Local memory and work-groups as the tiles need them: any GPU of the last ten years. */
static bool holds_tiles(const qd_device *dev) {
    const qd_device_info *about = qd_device_about(dev);
    return about->local_mem_bytes >= LOCAL_BYTES && about->max_work_group >= 1u << TILE_LOG2;
}

/* Bits of a lane's index: 32 lanes always fit. */
static unsigned lanes_log2(const qd_device *dev, qd_sliced_variant variant, unsigned k) {
    const unsigned bytes = qd_cl_byte_lanes(dev);
    unsigned l = variant == QD_SLICED_AUTO ? (bytes >= 64 ? 9 : bytes >= 32 ? 8 : bytes >= 16 ? 7 : 5) : 5 + (unsigned)variant;
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
    plan->local = (variant == QD_SLICED_LOCAL || (variant == QD_SLICED_AUTO && !qd_cl_is_cpu(dev))) && holds_tiles(dev);
    plan->l = plan->local ? 5 : lanes_log2(dev, variant == QD_SLICED_LOCAL ? QD_SLICED_AUTO : variant, plan->k);
    make_passes(plan);
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

/* With y = z^(2^h) + z, z^(2^(h+j)) = y^(2^j) + z^(2^j) on the upper half of a block of 2^(h+j+1) chunks. */
static qd_status run_level(const qd_sliced *plan, cl_uint which, unsigned h, unsigned j, qd_error *err) {
    const cl_uint strings = which == WINDOW ? 2 : 1;
    if (plan->local) {
        const unsigned eights = j < 3 ? 0 : 3; /* log2 of the chunks that a work-item takes */
        cl_uint mid_log2 = h + j - eights, shift = (cl_uint)1 << (j - eights), items = strings << (plan->k - 1 - eights);
        const qd_arg args[] = {QD_ARG_BUF(plan->chunks), QD_ARG(mid_log2), QD_ARG(shift), QD_ARG(which), QD_ARG(items)};
        return qd_cl_run(plan->dev, eights ? plan->level_8 : plan->level, args, 5, items, 0, err);
    }
    const cl_uint half = (cl_uint)1 << (h + j), shift = (cl_uint)1 << j;
    cl_uint log2 = h + j + 1, run = RUN, items = (strings << (plan->k - log2)) * ((half - shift + RUN - 1) / RUN);
    const qd_arg args[] = {QD_ARG_BUF(plan->chunks), QD_ARG(log2), QD_ARG(shift), QD_ARG(which), QD_ARG(run), QD_ARG(items)};
    return qd_cl_run(plan->dev, plan->level, args, 6, items, 0, err);
}

static qd_status run_levels(const qd_sliced *plan, cl_uint which, unsigned h, unsigned from, unsigned to, qd_error *err) {
    for (unsigned i = from; i < to; i++) QD_TRY(run_level(plan, which, h, which == BACK ? i : from + to - 1 - i, err));
    return QD_OK;
}

/* Bits unit .. unit+n-1, in blocks of 2^(unit+n) chunks: one a work-item, or (from BLOCK_LOG2 on) the rows of some columns. */
static qd_status run_change(const qd_sliced *plan, cl_uint which, unsigned unit, unsigned n, qd_error *err) {
    if (n < 2) return QD_OK;
    const cl_uint strings = which == WINDOW ? 2 : 1;
    if (!unit) {
        cl_uint log2 = n, blocks = strings << (plan->k - n);
        const qd_arg args[] = {QD_ARG_BUF(plan->chunks), QD_ARG(log2), QD_ARG(which), QD_ARG(blocks)};
        return qd_cl_run(plan->dev, plan->change, args, 4, blocks, 1, err);
    }
    cl_uint low = unit, bits = n, items = strings << (unit - 5); /* 32 chunks of each row a work-item */
    const qd_arg args[] = {QD_ARG_BUF(plan->chunks), QD_ARG(low), QD_ARG(bits), QD_ARG(which), QD_ARG(items)};
    return qd_cl_run(plan->dev, plan->rows, args, 5, items, 1, err);
}

/* The same in tiles of local memory; with levels of h = 1, 2, 4 on bits below @p below alone. */
static qd_status run_change_local(const qd_sliced *plan, cl_uint which, cl_uint unit, cl_uint n, cl_uint below, qd_error *err) {
    if (n < 2) return QD_OK;
    const cl_uint strings = which == WINDOW ? 2 : 1, log2 = unit ? CHANGE_LOG2 : n;
    const qd_arg args[] = {QD_ARG_BUF(plan->chunks), QD_ARG(unit), QD_ARG(n), QD_ARG(below), QD_ARG(which)};
    return qd_cl_run(plan->dev, plan->change, args, 5, (size_t)(strings << (plan->k - log2)) << TILE_LOG2, 1u << TILE_LOG2, err);
}

/* Index bits 0 .. n-1, n at most 16, in local memory: what is in blocks of 2^CHANGE_LOG2 in those, and bits 8 and up in rows. */
static qd_status change_16_local(const qd_sliced *plan, cl_uint which, unsigned n, qd_error *err) {
    if (n <= CHANGE_LOG2) return run_change_local(plan, which, 0, n, n, err);
    const unsigned inside = CHANGE_LOG2 - 8; /* levels of h = 8 */
    if (which == BACK) QD_TRY(run_change_local(plan, which, 8, n - 8, n - 8, err));
    else QD_TRY(run_levels(plan, which, 8, inside, n - 8, err));
    QD_TRY(run_change_local(plan, which, 0, CHANGE_LOG2, 8, err));
    return which == BACK ? run_levels(plan, which, 8, inside, n - 8, err) : run_change_local(plan, which, 8, n - 8, n - 8, err);
}

/* The change of basis: by h = BLOCK_LOG2 where the index has more bits, then above and below it. */
static qd_status change_basis(const qd_sliced *plan, cl_uint which, qd_error *err) {
    const unsigned low = plan->k < BLOCK_LOG2 ? plan->k : BLOCK_LOG2, high = plan->k - low;
    if (which != BACK) QD_TRY(run_levels(plan, which, BLOCK_LOG2, 0, high, err));
    QD_TRY(plan->local ? change_16_local(plan, which, low, err) : run_change(plan, which, 0, low, err));
    QD_TRY(plan->local ? run_change_local(plan, which, BLOCK_LOG2, high, high, err) : run_change(plan, which, BLOCK_LOG2, high, err));
    return which == BACK ? run_levels(plan, which, BLOCK_LOG2, 0, high, err) : QD_OK;
}

/* ---- Transforms ------------------------------------------------------------------------------------------------------------- */

static cl_uint groups_of(const qd_sliced *plan) { return (cl_uint)1 << (plan->k - plan->l); }

static qd_status run_pass_local(const qd_sliced *plan, cl_uint which, const pass *p, const qd_buf *x, cl_uint besides, qd_error *err) {
    cl_uint k = plan->k, behind = (cl_uint)1 << (plan->k + 4 - plan->l), skip = p->turned ? 0 : TILE_LOG2 - p->log2;
    const size_t tiles = groups_of(plan) >> (p->log2 + skip);
    besides |= p->turned ? TURNS : 0;
    const qd_arg args[] = {QD_ARG_BUF(*x), QD_ARG_BUF(plan->chunks), QD_ARG_BUF(plan->twiddles), QD_ARG_BUF(plan->of_lanes), QD_ARG(which), QD_ARG(k),
                           QD_ARG(behind), QD_ARG(p->low), QD_ARG(p->log2), QD_ARG(skip), QD_ARG(besides)};
    return qd_cl_run(plan->dev, plan->layers, args, 11, tiles << TILE_LOG2, 1u << TILE_LOG2, err);
}

/* @p y: what is multiplied with before, a tile a work-item; @p besides: as in the kernels. */
static qd_status run_pass(const qd_sliced *plan, cl_uint which, const pass *p, const qd_buf *x, const qd_buf *y, cl_uint besides, qd_error *err) {
    if (plan->local) return run_pass_local(plan, which, p, x, besides, err);
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
    QD_TRY(change_basis(plan, which, err));
    unsigned n = plan->by_block ? plan->n_top : plan->n_passes;
    for (unsigned i = 0; i < n; i++) QD_TRY(run_pass(plan, which, &plan->passes[i], x, x, i ? 0 : CHUNKS, err));
    return plan->by_block ? run_blocks(plan, which, x, x, n ? 0 : CHUNKS, err) : QD_OK;
}

qd_status qd_sliced_key(qd_sliced *plan, const qd_buf *bits, qd_buf *x, qd_error *err) { return forward(plan, KEY, bits, x, err); }
qd_status qd_sliced_window(qd_sliced *plan, const qd_buf *bits, qd_buf *x, qd_error *err) { return forward(plan, WINDOW, bits, x, err); }

qd_status qd_sliced_multiply(qd_sliced *plan, qd_buf *acc, const qd_buf *x, const qd_buf *y, int add, qd_error *err) {
    cl_uint groups = groups_of(plan), adds = add != 0;
    const qd_arg args[] = {QD_ARG_BUF(*acc), QD_ARG_BUF(*x), QD_ARG_BUF(*y), QD_ARG(groups), QD_ARG(adds)};
    return qd_cl_run(plan->dev, plan->multiply, args, 5, groups, plan->local ? 1u << TILE_LOG2 : 0, err);
}

static qd_status back(qd_sliced *plan, qd_buf *x, const qd_buf *y, qd_buf *bits, qd_error *err) {
    if (y && plan->local) {
        QD_TRY(qd_sliced_multiply(plan, x, x, y, 0, err));
        y = NULL;
    }
    const cl_uint multiplies = y ? MULTIPLY : 0;
    const unsigned n = plan->by_block ? plan->n_top : plan->n_passes;
    if (!y) y = x;
    if (plan->by_block) QD_TRY(run_blocks(plan, BACK, x, y, multiplies | (n ? 0 : CHUNKS), err));
    for (unsigned i = n; i-- > 0;)
        QD_TRY(run_pass(plan, BACK, &plan->passes[i], x, y, (i + 1 == plan->n_passes ? multiplies : 0) | (i ? 0 : CHUNKS), err));
    QD_TRY(change_basis(plan, BACK, err));
    return run_order(plan, BACK, &plan->chunks, bits, err);
}

qd_status qd_sliced_back(qd_sliced *plan, qd_buf *x, qd_buf *bits, qd_error *err) { return back(plan, x, NULL, bits, err); }
qd_status qd_sliced_back_of(qd_sliced *plan, qd_buf *x, const qd_buf *y, qd_buf *bits, qd_error *err) { return back(plan, x, y, bits, err); }

/* ---- The operation ---------------------------------------------------------------------------------------------------------- */

static qd_status product(qd_sliced *plan, qd_buf b[3], qd_bits *staging, const qd_bits *window, const qd_bits *key, qd_bits *y, qd_error *err) {
    size_t bytes = (size_t)staging->n / 8, spectrum = qd_sliced_spectrum_bytes(plan->k + 4);
    QD_TRY(qd_cl_alloc(plan->dev, &b[0], bytes, err));
    QD_TRY(qd_cl_alloc(plan->dev, &b[1], spectrum, err));
    QD_TRY(qd_cl_alloc(plan->dev, &b[2], spectrum, err));
    qd_middle_put(staging, staging->n - window->n, window);
    QD_TRY(qd_cl_write(plan->dev, &b[0], 0, staging->w, bytes, err));
    QD_TRY(qd_sliced_window(plan, &b[0], &b[1], err));
    qd_middle_put(staging, 0, key);
    QD_TRY(qd_cl_write(plan->dev, &b[0], 0, staging->w, bytes, err));
    QD_TRY(qd_sliced_key(plan, &b[0], &b[2], err));
    QD_TRY(qd_sliced_back_of(plan, &b[1], &b[2], &b[0], err));
    QD_TRY(qd_cl_read(plan->dev, &b[0], 0, staging->w, bytes, err));
    qd_middle_take(y, staging, staging->n - y->n);
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
