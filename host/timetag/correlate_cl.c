/* SPDX-License-Identifier: Apache-2.0 */
/* Device path of the correlation: slice after slice through the exact transform, then all lines. */
#include <stdlib.h>
#include <string.h>
#include "arith/ntt_cl.h"
#include "compute/cl.h"
#include "timetag/correlate.h"

typedef struct work {
    const qd_correlate_case *c;
    qd_device *dev;
    unsigned log2n;
    size_t local;
    qd_ntt *ntt;
    cl_kernel bins, fill, take, lines;
    qd_buf a, b, x, y, lags, slope, at, out;
} work;

static void release(work *w) {
    qd_buf *all[] = {&w->a, &w->b, &w->x, &w->y, &w->lags, &w->slope, &w->at, &w->out};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) qd_cl_free(all[i]);
    qd_ntt_close(w->ntt);
}

static qd_status upload(work *w, qd_buf *b, const void *p, size_t bytes, qd_error *err) {
    QD_TRY(qd_cl_alloc(w->dev, b, bytes, err));
    return bytes ? qd_cl_write(w->dev, b, 0, p, bytes, err) : QD_OK;
}

/* Slopes in the order of ties, and where each begins in each row. */
static qd_status upload_slopes(work *w, qd_error *err) {
    const qd_correlate_case *c = w->c;
    uint32_t slopes = 2 * c->slopes + 1, margin = qd_correlate_margin(c);
    int32_t *j = malloc(slopes * sizeof *j);
    uint32_t *at = malloc((size_t)slopes * c->slices * sizeof *at);
    qd_status st = j && at ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for %u slopes of %u slices", slopes, c->slices);
    for (uint32_t s = 0; st == QD_OK && s < slopes; s++) {
        j[s] = qd_correlate_slope(s);
        for (uint32_t k = 0; k < c->slices; k++)
            at[(size_t)s * c->slices + k] = (uint32_t)((int32_t)margin + qd_correlate_shift(j[s], k, c->slices));
    }
    if (st == QD_OK) st = upload(w, &w->slope, j, slopes * sizeof *j, err);
    if (st == QD_OK) st = upload(w, &w->at, at, (size_t)slopes * c->slices * sizeof *at, err);
    free(j);
    free(at);
    return st;
}

static qd_status prepare(work *w, qd_error *err) {
    const qd_correlate_case *c = w->c;
    w->log2n = QD_NTT_MIN_LOG2;
    while (((uint64_t)1 << w->log2n) < qd_correlate_span(c)) w->log2n++;
    if (w->log2n > QD_NTT_MAX_LOG2)
        return qd_fail(err, QD_E_USAGE, "correlation over %u bins||a slice and its lags must stay below 2^27 bins|use wider bins",
                       qd_correlate_span(c));
    size_t bytes = sizeof(uint32_t) << w->log2n;
    w->local = qd_cl_is_cpu(w->dev) ? 16 : 64;
    QD_TRY(qd_ntt_open(w->dev, w->log2n, QD_NTT_AUTO, &w->ntt, err));
    QD_TRY(qd_cl_kernel(w->dev, "correlate", "", "correlate_bins", &w->bins, err));
    QD_TRY(qd_cl_kernel(w->dev, "correlate", "", "correlate_fill", &w->fill, err));
    QD_TRY(qd_cl_kernel(w->dev, "correlate", "", "correlate_take", &w->take, err));
    QD_TRY(qd_cl_kernel(w->dev, "correlate", "", "correlate_lines", &w->lines, err));
    QD_TRY(qd_cl_alloc(w->dev, &w->x, bytes, err));
    QD_TRY(qd_cl_alloc(w->dev, &w->y, bytes, err));
    QD_TRY(qd_cl_alloc(w->dev, &w->lags, ((size_t)c->slices * qd_correlate_row(c) + 16) * sizeof(uint32_t), err));
    QD_TRY(upload(w, &w->a, c->a, c->na * sizeof *c->a, err));
    QD_TRY(upload(w, &w->b, c->b, c->nb * sizeof *c->b, err));
    return upload_slopes(w, err);
}

/* Histogram of the events in [start, start + bins bin) into a buffer of zeros. */
static qd_status count(work *w, const qd_buf *t, const int64_t *host, uint64_t n, int64_t start, uint32_t bins,
                       uint32_t backwards, qd_buf *h, qd_error *err) {
    const qd_tags tags = {.n = n, .t = (int64_t *)host};
    cl_ulong first = qd_tags_lower_bound(&tags, start), end = qd_tags_lower_bound(&tags, start + (int64_t)bins * w->c->bin);
    cl_long from = start, bin = w->c->bin;
    uint32_t length = (uint32_t)1 << w->log2n;
    QD_TRY(qd_cl_zero(w->dev, h, 0, sizeof(uint32_t) << w->log2n, err));
    if (first == end) return QD_OK;
    const qd_arg args[] = {QD_ARG_BUF(*t), QD_ARG(first),  QD_ARG(end),       QD_ARG(from),  QD_ARG(bin),
                           QD_ARG(bins),   QD_ARG(length), QD_ARG(backwards), QD_ARG_BUF(*h)};
    return qd_cl_run(w->dev, w->bins, args, 9, (size_t)(end - first), w->local, err);
}

static qd_status slice(work *w, uint32_t k, qd_error *err) {
    const qd_correlate_case *c = w->c;
    uint32_t row = qd_correlate_row(c), span = qd_correlate_span(c), most = QD_CORRELATE_BIN_MAX;
    int64_t first = (int64_t)k * c->slice_bins, first_b = first - (int64_t)(row / 2);
    QD_TRY(count(w, &w->a, c->a, c->na, c->start + first * c->bin, c->slice_bins, 1, &w->x, err));
    QD_TRY(count(w, &w->b, c->b, c->nb, c->start + first_b * c->bin, span, 0, &w->y, err));
    cl_long from = c->data_from - first_b, to = c->data_to - first_b;
    const qd_arg fill[] = {QD_ARG_BUF(w->y), QD_ARG(span),        QD_ARG(most),       QD_ARG(from),
                           QD_ARG(to),       QD_ARG(c->fill_num), QD_ARG(c->fill_den)};
    QD_TRY(qd_cl_run(w->dev, w->fill, fill, 7, span, w->local, err));
    QD_TRY(qd_ntt_forward(w->ntt, &w->x, err));
    QD_TRY(qd_ntt_forward(w->ntt, &w->y, err));
    QD_TRY(qd_ntt_multiply(w->ntt, &w->x, &w->x, &w->y, 0, err));
    QD_TRY(qd_ntt_inverse(w->ntt, &w->x, err));
    const qd_arg take[] = {QD_ARG_BUF(w->x), QD_ARG(row), QD_ARG(k), QD_ARG_BUF(w->lags)};
    return qd_cl_run(w->dev, w->take, take, 4, row, w->local, err);
}

static qd_status lines(work *w, uint32_t *out, qd_error *err) {
    const qd_correlate_case *c = w->c;
    uint32_t n = qd_correlate_n(c), stride = (n + 7) / 8 * 8, row = qd_correlate_row(c), slopes = 2 * c->slopes + 1;
    QD_TRY(qd_cl_alloc(w->dev, &w->out, 5 * (size_t)stride * sizeof(uint32_t), err));
    const qd_arg args[] = {QD_ARG_BUF(w->lags), QD_ARG(row), QD_ARG(c->slices), QD_ARG(slopes),    QD_ARG_BUF(w->slope),
                           QD_ARG_BUF(w->at),   QD_ARG(n),   QD_ARG(stride),    QD_ARG_BUF(w->out)};
    QD_TRY(qd_cl_run(w->dev, w->lines, args, 9, stride / 8, w->local, err));
    for (size_t i = 0; i < 5; i++)
        QD_TRY(qd_cl_read(w->dev, &w->out, i * stride * sizeof(uint32_t), out + i * n, n * sizeof(uint32_t), err));
    /* Of equal counts the lag nearest to the middle, then the negative one. */
    uint32_t *best = out + 5 * (size_t)n;
    memset(best, 0, 4 * sizeof *best);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t l = (uint32_t)((int32_t)c->half + qd_correlate_slope(i));
        if (i && out[n + l] <= best[0]) continue;
        best[0] = out[n + l];
        best[1] = l - c->half;
        best[2] = out[2 * (size_t)n + l];
    }
    return QD_OK;
}

qd_status qd_correlate_cl(const qd_correlate_case *c, bool want_lags, qd_device *dev, uint32_t *out, qd_error *err) {
    work w = {.c = c, .dev = dev};
    qd_status st;
    QD_TRY_OUT(st, prepare(&w, err));
    for (uint32_t k = 0; k < c->slices; k++) QD_TRY_OUT(st, slice(&w, k, err));
    QD_TRY_OUT(st, lines(&w, out, err));
    if (want_lags)
        QD_TRY_OUT(st, qd_cl_read(dev, &w.lags, 0, out + qd_correlate_words(c, false),
                                  (size_t)c->slices * qd_correlate_row(c) * sizeof(uint32_t), err));
out:
    release(&w);
    return st;
}
