/* SPDX-License-Identifier: Apache-2.0 */
/* Device path of `lines`: spectra of all slices once, or, of more than memory is for, where they are used; then, some blocks of
 * lags at a time, the leaves and the passes of the tree, one of the uppermost branches after the other. */
#include <stdlib.h>
#include <string.h>
#include "compute/cl.h"
#include "timetag/lines.h"

enum {
    LOG2N = 12,
    N = 1 << LOG2N,
    GROUP = 256,
    PAD = 8192,        /* words around the rows, as in the kernel */
    LANES = 16,        /* of a vector */
    CHUNK = 16,        /* vectors of a row that a work-item adds at a time */
    TALL_BLOCKS = 256, /* after the layers between vectors */
    WIDE = 16,
    WIDE_PAIRS = 15,
    SHARED = 2 * QD_LINES_MARGIN / QD_LINES_SLICE, /* blocks that one stretch of lags has from the one before */
    PASSES = 6,
    ROOT = 11, /* cubed, of order 4096 */
    TOP_BYTES =
        64 << 20, /* of the uppermost branches' sums; an eighth of it are leaves, which stay in a cache between the passes */
    TOP_MOST = 256 << 20, /* where spectra are not kept */
    PIECE = 512           /* segments that are read at a time */
};

/* Where spectra are made again and again, as many blocks of lags are looked at together as memory is for: bins and branches'
 * sums. */
static const size_t with_bins = (size_t)360 << 20;

/* A pass: `parts` branches of `old` rows each become one of `slopes` rows. */
typedef struct pass {
    uint32_t branches, parts, old, slopes;
    qd_buf at;
} pass;

/* Some blocks of lags at a time. */
struct qd_lines_run {
    const qd_lines_case *c;
    qd_device *dev;
    bool lanes, kept;       /* vectors; all spectra are kept */
    uint32_t wide, width;   /* blocks at a time; columns of a row */
    uint32_t trees, leaves; /* uppermost branches, one after the other, and leaves of each */
    cl_kernel forward, lags, move, sum, best;
    qd_buf tw, lane_tw, tw_inverse, lane_tw_inverse, in, spectrum_a, spectrum_b, rows, shared, branch[2], top, slope, out;
    int8_t *piece; /* [PIECE][N] */
    pass passes[PASSES];
    unsigned n_passes;
    uint32_t most; /* blocks of a call */
    size_t spectra;
    uint32_t next; /* the block that the columns go on with, 0: nothing yet */
};
typedef struct qd_lines_run work;

static void release(work *w) {
    qd_buf *all[] = {&w->tw,   &w->lane_tw, &w->tw_inverse, &w->lane_tw_inverse, &w->in,  &w->spectrum_a, &w->spectrum_b,
                     &w->rows, &w->shared,  &w->branch[0],  &w->branch[1],       &w->top, &w->slope,      &w->out};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) qd_cl_free(all[i]);
    for (unsigned i = 0; i < PASSES; i++) qd_cl_free(&w->passes[i].at);
    free(w->piece);
}

static qd_status upload(work *w, qd_buf *b, const void *p, size_t bytes, qd_error *err) {
    QD_TRY(qd_cl_alloc(w->dev, b, bytes, err));
    return qd_cl_write(w->dev, b, 0, p, bytes, err);
}

/* ---- Twiddles ---------------------------------------------------------------------------------------------------- */

static uint32_t power(uint32_t x, uint32_t e) {
    uint32_t r = 1;
    for (; e; e /= 2, x = x * x % QD_LINES_PRIME)
        if (e & 1) r = r * x % QD_LINES_PRIME;
    return r;
}

/* Block b's modulus z^(2h) - s^2 has s = t[b]: t[0] = 1, t[2^j + i] = t[2^j] t[i], t[2^j] of order 2^(j+2); each with its
 * companion. */
static void fill_twiddles(uint16_t *t, uint32_t root) {
    t[0] = 1;
    t[1] = (1 << 16) / QD_LINES_PRIME;
    for (unsigned j = 0; j < LOG2N - 1; j++) {
        uint32_t w = power(root, 1u << (LOG2N - 2 - j));
        for (uint32_t i = 0; i < 1u << j; i++) {
            uint32_t at = (1u << j) + i, v = t[2 * i] * w % QD_LINES_PRIME;
            t[2 * at] = (uint16_t)v;
            t[2 * at + 1] = (uint16_t)((v << 16) / QD_LINES_PRIME);
        }
    }
}

/* The layers within vectors, by lane: of 16 neighbouring blocks, 15 vectors of twiddles and of companions. */
static void fill_lanes(const uint16_t *t, uint16_t *lane) {
    for (uint32_t g = 0; g < TALL_BLOCKS / WIDE; g++)
        for (uint32_t layer = 0, at = 0; layer < 4; layer++)
            for (uint32_t j = 0; j < 1u << layer; j++, at++)
                for (uint32_t i = 0; i < WIDE; i++) {
                    uint32_t block = ((WIDE * g + i) << layer) + j;
                    uint16_t *to = lane + (g * WIDE_PAIRS + at) * 2 * WIDE + i;
                    to[0] = t[2 * block];
                    to[WIDE] = t[2 * block + 1];
                }
}

static qd_status make_twiddles(work *w, qd_error *err) {
    enum { WORDS = N, LANE_WORDS = TALL_BLOCKS / WIDE * WIDE_PAIRS * 2 * WIDE };
    uint16_t *t = malloc((WORDS + LANE_WORDS) * sizeof *t), *lane = t + WORDS;
    if (!t) return qd_fail(err, QD_E_INTERNAL, "no memory for twiddles");
    uint32_t root = power(ROOT, 3);
    qd_status st;
    for (int inverse = 0; inverse < 2; inverse++) {
        fill_twiddles(t, inverse ? power(root, QD_LINES_PRIME - 2) : root);
        fill_lanes(t, lane);
        QD_TRY_OUT(st, upload(w, inverse ? &w->tw_inverse : &w->tw, t, WORDS * sizeof *t, err));
        QD_TRY_OUT(st, upload(w, inverse ? &w->lane_tw_inverse : &w->lane_tw, lane, LANE_WORDS * sizeof *lane, err));
    }
out:
    free(t);
    return st;
}

/* ---- Tree -------------------------------------------------------------------------------------------------------- */

static uint32_t rows_of(uint32_t size) {
    return 2 * (size / 2) + 1;
}

/* Where branch i of each slope lies: row of its own slope, moved by its shift. Slopes from -size/2 to size/2, or in the order of
 * ties. */
static qd_status pass_table(work *w, pass *p, bool last, qd_error *err) {
    int32_t *at = malloc((size_t)p->slopes * p->parts * sizeof *at), *slope = malloc(p->slopes * sizeof *slope);
    qd_status st = at && slope ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for %u slopes", p->slopes);
    int32_t old_half = (int32_t)(p->old / 2);
    for (uint32_t jj = 0; st == QD_OK && jj < p->slopes; jj++) {
        slope[jj] = last ? qd_lines_slope(jj) : (int32_t)jj - (int32_t)(p->slopes / 2);
        for (uint32_t i = 0; i < p->parts; i++) {
            int32_t j = slope[jj], ahead = last ? qd_lines_ahead(j) : 0, shift = qd_lines_branch(&j, i, p->parts) - ahead;
            at[jj * p->parts + i] = (j + old_half) * (int32_t)w->width + shift;
        }
    }
    if (st == QD_OK) st = upload(w, &p->at, at, (size_t)p->slopes * p->parts * sizeof *at, err);
    if (st == QD_OK && last) st = upload(w, &w->slope, slope, p->slopes * sizeof *slope, err);
    free(at);
    free(slope);
    return st;
}

/* Rows, and what vectors read around them without using it. */
static qd_status make_rows(work *w, qd_buf *b, size_t rows, qd_error *err) {
    size_t bytes = (rows * w->width + 2 * PAD) * sizeof(uint16_t);
    QD_TRY(qd_cl_alloc(w->dev, b, bytes, err));
    return qd_cl_zero(w->dev, b, 0, bytes, err);
}

/* Up to 8 leaves are added at once. Of more, passes make a row for each slope of one uppermost branch after the other; the last
 * pass adds those. */
static qd_status plan_passes(work *w, qd_error *err) {
    uint32_t size = 1, most[2] = {0, 0};
    while (w->trees > 1 && size < w->leaves) {
        uint32_t left = w->leaves / size;
        unsigned log2 = 0;
        while (left >> log2 > 1) log2++;
        pass *p = &w->passes[w->n_passes];
        p->parts = log2 % 3 ? 1u << log2 % 3 : QD_LINES_TOP; /* the odd ones first, then eights */
        p->old = rows_of(size);
        size *= p->parts;
        p->branches = w->leaves / size;
        p->slopes = rows_of(size);
        uint32_t *rows = &most[w->n_passes++ % 2];
        if (size < w->leaves && p->branches * p->slopes > *rows) *rows = p->branches * p->slopes;
        QD_TRY(pass_table(w, p, false, err));
    }
    pass *p = &w->passes[w->n_passes++];
    *p = (pass){.branches = 1, .parts = qd_lines_top(w->c), .old = rows_of(size), .slopes = 2 * (uint32_t)qd_lines_slopes(w->c->leaves) + 1};
    QD_TRY(pass_table(w, p, true, err));
    for (int i = 0; i < 2; i++)
        if (most[i]) QD_TRY(make_rows(w, &w->branch[i], most[i], err));
    QD_TRY(make_rows(w, &w->rows, w->leaves, err));
    if (w->trees > 1) QD_TRY(make_rows(w, &w->top, (size_t)w->trees * rows_of(size), err));
    return qd_cl_alloc(w->dev, &w->shared, (size_t)w->c->leaves * SHARED * QD_LINES_SLICE * sizeof(uint16_t), err);
}

/* ---- Spectra ----------------------------------------------------------------------------------------------------- */

static qd_status launch(work *w, cl_kernel k, const qd_arg *args, size_t n, size_t items, qd_error *err) {
    return w->lanes ? qd_cl_run(w->dev, k, args, n, items, 1, err) : qd_cl_run(w->dev, k, args, n, items * GROUP, GROUP, err);
}

/* A's slices backwards and filled up with zeros: the product is then the correlation. */
static void backwards(const qd_lines_case *c, uint32_t first, uint32_t n, int8_t *x) {
    memset(x, 0, (size_t)n * N * sizeof *x);
    for (uint32_t s = 0; s < n; s++)
        for (uint32_t i = 0; i < QD_LINES_SLICE; i++)
            x[(size_t)s * N + ((N - i) & (N - 1))] = c->a[(size_t)(first + s) * QD_LINES_SLICE + i];
}

static void as_they_are(const qd_lines_case *c, uint32_t first, uint32_t n, int8_t *x) {
    memcpy(x, c->b + (size_t)first * QD_LINES_SLICE, ((size_t)(n - 1) * QD_LINES_SLICE + N) * sizeof *x);
}

/* Spectra of segments [from, from + segments) of N bins, `stride` apart in what @p fill writes, times factor / 2^16 in
 * Montgomery's sense. Pieces of segments at a time, so that no second copy of all bins is needed. */
static qd_status spectra(work *w, void (*fill)(const qd_lines_case *c, uint32_t first, uint32_t n, int8_t *x), uint32_t stride,
                         uint32_t from, uint32_t segments, uint32_t factor, const qd_buf *out, qd_error *err) {
    cl_ushort scale = (cl_ushort)factor, scale_q = (cl_ushort)((factor << 16) / QD_LINES_PRIME);
    for (uint32_t at = 0; at < segments; at += PIECE) {
        uint32_t n = segments - at < PIECE ? segments - at : PIECE;
        const qd_arg args[] = {QD_ARG_BUF(w->in), QD_ARG(stride),         QD_ARG(n),
                               QD_ARG(at),        QD_ARG(scale),          QD_ARG(scale_q),
                               QD_ARG_BUF(w->tw), QD_ARG_BUF(w->lane_tw), QD_ARG_BUF(*out)};
        QD_TRY(qd_search_stopped(w->c->stop, err));
        fill(w->c, from + at, n, w->piece);
        QD_TRY(qd_cl_write(w->dev, &w->in, 0, w->piece, (size_t)(n - 1) * stride + N, err));
        QD_TRY(launch(w, w->forward, args, 9, n, err));
        QD_TRY(qd_cl_finish(w->dev, err));
    }
    return QD_OK;
}

/* Of the leaves from `leaf` on, as many as a branch has or all, at n blocks of lags from `first` on. */
static qd_status both_spectra(work *w, uint32_t leaf, uint32_t leaves, uint32_t first, uint32_t n, qd_error *err) {
    uint32_t slices = leaves * w->c->group, from = leaf * w->c->group;
    /* Products lose 2^16 and gain 2^12: times 2^4. */
    QD_TRY(spectra(w, backwards, N, from, slices, 16, &w->spectrum_a, err));
    return spectra(w, as_they_are, QD_LINES_SLICE, from + first, slices + n - 1, 1, &w->spectrum_b, err);
}

/* What is kept, and how many blocks of lags are looked at together. */
static void plan(work *w) {
    const qd_lines_case *c = w->c;
    size_t bins = qd_lines_a(c) + qd_lines_b(c), top = TOP_BYTES;
    w->trees = c->leaves > QD_LINES_TOP ? QD_LINES_TOP : 1;
    w->leaves = c->leaves / w->trees;
    w->kept = bins / QD_LINES_SLICE * N * sizeof(uint16_t) <= w->spectra;
    if (!w->kept && bins + top < with_bins) top = with_bins - bins;
    if (top > TOP_MOST) top = TOP_MOST;
    size_t blocks = top / (sizeof(uint16_t) * QD_LINES_SLICE * c->leaves);
    /* Of fewer blocks at a time, those that are shared would be most of the work; of most leaves they take a fifth of a GB. */
    const uint32_t least = c->leaves < QD_LINES_LEAVES_MAX ? 4 : 3;
    w->wide = blocks > least + SHARED ? (uint32_t)(blocks - SHARED) : least;
    if (w->wide > w->most) w->wide = w->most > least ? w->most : least;
    w->width = (w->wide + SHARED) * QD_LINES_SLICE;
}

static qd_status make_spectra(work *w, qd_error *err) {
    const qd_lines_case *c = w->c;
    uint32_t slices = (w->kept ? c->leaves : w->leaves) * c->group, blocks = (w->kept ? c->blocks : w->wide) + SHARED;
    size_t each = N * sizeof(uint16_t);
    if (!(w->piece = malloc((size_t)PIECE * N))) return qd_fail(err, QD_E_INTERNAL, "no memory for %d segments", PIECE);
    QD_TRY(qd_cl_alloc(w->dev, &w->in, (size_t)PIECE * N, err));
    QD_TRY(qd_cl_alloc(w->dev, &w->spectrum_a, slices * each, err));
    QD_TRY(qd_cl_alloc(w->dev, &w->spectrum_b, (slices + blocks - 1) * each, err));
    return w->kept ? both_spectra(w, 0, c->leaves, 0, blocks, err) : QD_OK;
}

static qd_status prepare(work *w, qd_error *err) {
    w->lanes = qd_cl_is_cpu(w->dev);
    plan(w);
    const char *options = w->lanes ? "-DCHUNK=16" : "-DGROUP=256 -DCHUNK=1";
    QD_TRY(qd_cl_kernel(w->dev, "lines", options, "lines_forward", &w->forward, err));
    QD_TRY(qd_cl_kernel(w->dev, "lines", options, "lines_lags", &w->lags, err));
    QD_TRY(qd_cl_kernel(w->dev, "lines", options, "lines_move", &w->move, err));
    QD_TRY(qd_cl_kernel(w->dev, "lines", options, "lines_sum", &w->sum, err));
    QD_TRY(qd_cl_kernel(w->dev, "lines", options, "lines_best", &w->best, err));
    QD_TRY(make_twiddles(w, err));
    QD_TRY(make_spectra(w, err));
    QD_TRY(qd_cl_alloc(w->dev, &w->out, QD_LINES_ARRAYS * (size_t)w->most * QD_LINES_SLICE * sizeof(int32_t), err));
    return plan_passes(w, err);
}

/* ---- Some blocks of lags ----------------------------------------------------------------------------------------- */

/* Blocks [first, first + n) of one branch's leaves into the columns from block `column`. */
static qd_status leaves(work *w, uint32_t tree, uint32_t first, uint32_t n, uint32_t column, qd_error *err) {
    cl_short mean = (cl_short)w->c->mean;
    uint32_t a = tree * w->leaves * w->c->group, b = a + first;
    if (!w->kept) {
        QD_TRY(both_spectra(w, tree * w->leaves, w->leaves, first, n, err));
        a = b = 0;
    }
    const qd_arg args[] = {QD_ARG_BUF(w->spectrum_a),
                           QD_ARG_BUF(w->spectrum_b),
                           QD_ARG(w->leaves),
                           QD_ARG(w->c->group),
                           QD_ARG(a),
                           QD_ARG(b),
                           QD_ARG(n),
                           QD_ARG(mean),
                           QD_ARG_BUF(w->tw_inverse),
                           QD_ARG_BUF(w->lane_tw_inverse),
                           QD_ARG_BUF(w->rows),
                           QD_ARG(w->width),
                           QD_ARG(column)};
    return launch(w, w->lags, args, 13, (size_t)w->leaves * n, err);
}

/* The blocks that neighbouring stretches share, of one branch's rows: kept, or back to the first columns. */
static qd_status move(work *w, uint32_t tree, uint32_t column, bool keep, qd_error *err) {
    const uint32_t words = SHARED * QD_LINES_SLICE, each = w->lanes ? LANES : 1;
    uint32_t row = PAD + column * QD_LINES_SLICE, all = tree * w->leaves * words;
    const qd_arg out[] = {QD_ARG_BUF(w->rows),   QD_ARG(row), QD_ARG(w->width), QD_ARG(w->leaves),
                          QD_ARG_BUF(w->shared), QD_ARG(all), QD_ARG(words)};
    const qd_arg back[] = {QD_ARG_BUF(w->shared), QD_ARG(all), QD_ARG(words),   QD_ARG(w->leaves),
                           QD_ARG_BUF(w->rows),   QD_ARG(row), QD_ARG(w->width)};
    return qd_cl_run(w->dev, w->move, keep ? out : back, 7, w->leaves * (words / each), w->lanes ? 16 : 64, err);
}

/* Columns of one branch's leaves: those that the stretch before has left, and those that are new. */
static qd_status columns(work *w, uint32_t tree, uint32_t first, uint32_t n, bool goes_on, qd_error *err) {
    if (goes_on) {
        QD_TRY(move(w, tree, 0, false, err));
        QD_TRY(leaves(w, tree, first + SHARED, n, SHARED, err));
    } else {
        QD_TRY(leaves(w, tree, first, n + SHARED, 0, err));
    }
    return move(w, tree, n, true, err);
}

/* One branch of n blocks of columns, leaves to slopes. */
static qd_status branch(work *w, uint32_t tree, uint32_t n, qd_error *err) {
    qd_buf *in = &w->rows;
    size_t each = w->lanes ? CHUNK * LANES : 1, local = w->lanes ? 1 : 64;
    /* A line leaves its lag by at most leaves/4, rounded up. */
    uint32_t margin = w->c->leaves / 4 + CHUNK * LANES, from = margin < QD_LINES_MARGIN ? QD_LINES_MARGIN - margin : 0,
             to = (n + SHARED) * QD_LINES_SLICE - from;
    for (unsigned i = 0; i + 1 < w->n_passes; i++) {
        pass *p = &w->passes[i];
        bool last = i + 2 == w->n_passes;
        qd_buf *out = last ? &w->top : &w->branch[i % 2];
        uint32_t row = last ? tree * p->slopes : 0;
        const qd_arg args[] = {QD_ARG_BUF(*in),   QD_ARG(p->branches), QD_ARG(p->parts), QD_ARG(p->old),
                               QD_ARG(p->slopes), QD_ARG_BUF(p->at),   QD_ARG(w->width), QD_ARG(from),
                               QD_ARG(to),        QD_ARG(row),         QD_ARG_BUF(*out)};
        QD_TRY(qd_cl_run(w->dev, w->sum, args, 11, p->branches * ((to - from + each - 1) / each), local, err));
        in = out;
    }
    return QD_OK;
}

/* The uppermost branches together, to lags `place` and on of `total`. */
static qd_status lines(work *w, uint32_t n, uint32_t place, uint32_t total, qd_error *err) {
    size_t each = w->lanes ? CHUNK * LANES : 1, local = w->lanes ? 1 : 64;
    const qd_buf *in = w->trees > 1 ? &w->top : &w->rows;
    pass *p = &w->passes[w->n_passes - 1];
    uint32_t start = QD_LINES_MARGIN, lags = n * QD_LINES_SLICE;
    const qd_arg args[] = {QD_ARG_BUF(*in),      QD_ARG(p->parts),  QD_ARG(p->old),   QD_ARG(p->slopes),
                           QD_ARG_BUF(w->slope), QD_ARG_BUF(p->at), QD_ARG(w->width), QD_ARG(start),
                           QD_ARG(lags),         QD_ARG(place),     QD_ARG(total),    QD_ARG_BUF(w->out)};
    return qd_cl_run(w->dev, w->best, args, 12, lags / each, local, err);
}

/* What was launched is waited for: a device that works on through a queue would not be asked until its end. */
static qd_status stopped(work *w, qd_error *err) {
    if (!w->c->stop) return QD_OK;
    QD_TRY(qd_cl_finish(w->dev, err));
    return qd_search_stopped(w->c->stop, err);
}

qd_status qd_lines_some(qd_lines_run *w, uint32_t first, uint32_t blocks, int32_t *out, qd_error *err) {
    uint32_t total = blocks * QD_LINES_SLICE;
    for (uint32_t at = 0; at < blocks; at += w->wide) {
        uint32_t n = blocks - at < w->wide ? blocks - at : w->wide;
        bool goes_on = w->next > 0 && first + at == w->next;
        for (uint32_t tree = 0; tree < w->trees; tree++) {
            QD_TRY(columns(w, tree, first + at, n, goes_on, err));
            QD_TRY(branch(w, tree, n, err));
            QD_TRY(stopped(w, err));
        }
        QD_TRY(lines(w, n, at * QD_LINES_SLICE, total, err));
        w->next = first + at + n;
    }
    QD_TRY(qd_cl_finish(w->dev, err));
    return qd_cl_read(w->dev, &w->out, 0, out, QD_LINES_ARRAYS * (size_t)total * sizeof *out, err);
}

qd_status qd_lines_open(const qd_lines_case *c, qd_device *dev, uint32_t most, size_t spectra, qd_lines_run **run,
                        qd_error *err) {
    work *w = *run = calloc(1, sizeof *w);
    if (!w) return qd_fail(err, QD_E_INTERNAL, "no memory for a search");
    *w = (work){.c = c, .dev = dev, .most = most, .spectra = spectra};
    qd_status st = prepare(w, err);
    if (st == QD_OK) return QD_OK;
    qd_lines_close(w);
    *run = NULL;
    return st;
}

bool qd_lines_reads_on(const qd_lines_run *w) {
    return !w->kept;
}

void qd_lines_close(qd_lines_run *w) {
    if (!w) return;
    release(w);
    free(w);
}

qd_status qd_lines_cl(const qd_lines_case *c, qd_device *dev, int32_t *out, qd_error *err) {
    qd_lines_run *run;
    QD_TRY(qd_lines_open(c, dev, c->blocks, qd_lines_spectra, &run, err));
    qd_status st = qd_lines_some(run, 0, c->blocks, out, err);
    qd_lines_close(run);
    return st;
}
