/* SPDX-License-Identifier: Apache-2.0 */
/* The simulation on a device: buffers for a batch of cells, five launches a batch, results read where the caller's tags end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "compute/cl.h"
#include "link/simulate.h"

/* Events that the slots of a batch hold together, about 20 bytes each in the kernels' lists. On a CPU fewer launches weigh more
 * than a working set that fits the cache, up to about 2^20 (measured on Zen 3 with 32 MiB). */
enum { CPU_BATCH_EVENTS = 1 << 20, GPU_BATCH_EVENTS = 1 << 24, CLOCK = 6 };

typedef struct work {
    const qd_link *link;
    qd_device *dev;
    size_t local;
    cl_kernel pairs, singles, settle, pack;
    uint32_t batch;              /* cells a batch makes; it emits one more */
    uint32_t stride[QD_STREAMS]; /* keys a cell's slot holds, sentinels included */
    uint32_t out_stride[2];
    qd_buf gap[QD_STREAMS], params[QD_STREAMS], jitter[2];
    qd_buf list[4], count[4]; /* emitted: pairs at Alice, pairs at Bob, singles of Alice, of Bob */
    qd_buf out[2], out_n[2], dropped[2], offset[2], clock[2];
    qd_buf times, masks, ids;
    qd_buf fault;
    uint32_t *n, *n_dropped, *at; /* host copies for one station */
    int64_t *cell_clock;
} work;

static void release(work *w) {
    qd_buf *all[] = {&w->gap[0],    &w->gap[1],    &w->gap[2],     &w->params[0],  &w->params[1], &w->params[2],
                     &w->jitter[0], &w->jitter[1], &w->list[0],    &w->list[1],    &w->list[2],   &w->list[3],
                     &w->count[0],  &w->count[1],  &w->count[2],   &w->count[3],   &w->out[0],    &w->out[1],
                     &w->out_n[0],  &w->out_n[1],  &w->dropped[0], &w->dropped[1], &w->offset[0], &w->offset[1],
                     &w->clock[0],  &w->clock[1],  &w->times,      &w->masks,      &w->ids,       &w->fault};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) qd_cl_free(all[i]);
    free(w->n);
    free(w->n_dropped);
    free(w->at);
    free(w->cell_clock);
}

static qd_status upload(work *w, qd_buf *b, const void *p, size_t bytes, qd_error *err) {
    QD_TRY(qd_cl_alloc(w->dev, b, bytes, err));
    return qd_cl_write(w->dev, b, 0, p, bytes, err);
}

/* In the order of the enums P_ and S_ of simulate.cl. */
static qd_status upload_params(work *w, qd_error *err) {
    const qd_link *l = w->link;
    const qd_link_arm *a = &l->arm[0], *b = &l->arm[1];
    uint64_t p[64];
    size_t n = 0;
#define PUT(x) (memcpy(p + n, &(x), sizeof(x)), n += sizeof(x) / sizeof *p)
    PUT(l->gap[0].zoom), PUT(l->gap[0].shift), PUT(a->split), PUT(b->split), PUT(l->equal), PUT(l->eve), PUT(l->eve_equal),
        PUT(l->eve_flip);
    PUT(a->accept), PUT(b->accept), PUT(a->delay), PUT(b->delay);
    QD_TRY(upload(w, &w->params[0], p, n * sizeof *p, err));
    for (int k = 0; k < 2; k++) {
        n = 0;
        PUT(l->gap[1 + k].zoom), PUT(l->gap[1 + k].shift), PUT(l->arm[k].dark), PUT(l->arm[k].photon_cut),
            PUT(l->arm[k].dark_cut);
        PUT(l->arm[k].delay);
        QD_TRY(upload(w, &w->params[1 + k], p, n * sizeof *p, err));
        QD_TRY(upload(w, &w->jitter[k], l->arm[k].jitter, sizeof l->arm[k].jitter, err));
    }
#undef PUT
    for (int s = 0; s < QD_STREAMS; s++) QD_TRY(upload(w, &w->gap[s], &l->gap[s], sizeof l->gap[s].a + sizeof l->gap[s].s, err));
    return QD_OK;
}

static bool extra_draw(const qd_link *l) {
    bool extra = l->eve != 0;
    for (int k = 0; k < 2; k++)
        for (int d = 0; d < 4; d++) extra = extra || l->arm[k].accept[d] != (uint64_t)1 << 32;
    return extra;
}

static qd_status kernels(work *w, qd_error *err) {
    QD_TRY(qd_cl_kernel(w->dev, "simulate", "", extra_draw(w->link) ? "pairs_extra" : "pairs", &w->pairs, err));
    QD_TRY(qd_cl_kernel(w->dev, "simulate", "", "singles", &w->singles, err));
    QD_TRY(qd_cl_kernel(w->dev, "simulate", "", "settle", &w->settle, err));
    return qd_cl_kernel(w->dev, "simulate", "", "pack", &w->pack, err);
}

/* Cells of a batch: by the events that a cell's slots hold, at least 64 a compute unit on a GPU, and no list above an allocation.
 */
static uint32_t batch_cells(const work *w, uint64_t n_cells) {
    const uint64_t *cap = w->link->cap;
    uint64_t events = 2 * cap[0] + cap[1] + cap[2], most = cap[0] + (cap[1] > cap[2] ? cap[1] : cap[2]) + 128;
    uint64_t n = (qd_cl_is_cpu(w->dev) ? CPU_BATCH_EVENTS : GPU_BATCH_EVENTS) / events;
    uint64_t units = qd_device_about(w->dev)->compute_units, limit = qd_device_about(w->dev)->max_alloc_bytes / (16 * most);
    uint64_t least = qd_cl_is_cpu(w->dev) ? 8 * units : 64 * units;
    if (n < least) n = least;
    if (n > limit) n = limit;
    if (n > n_cells) n = n_cells;
    return n < 1 ? 1 : (uint32_t)n;
}

/* The clock model inverted: g - (g f' >> 44) undoes g + (g f >> 44) but for rounding; f' = f 2^44 / (2^44 + f). */
static int64_t inverse_frequency(int64_t freq) {
    __int128 den = ((__int128)1 << QD_CLOCK_SHIFT) + freq, num = (__int128)freq * ((int64_t)1 << QD_CLOCK_SHIFT);
    __int128 q = (2 * (num < 0 ? -num : num) + den) / (2 * den);
    return (int64_t)(num < 0 ? -q : q);
}

static qd_status prepare(work *w, uint64_t n_cells, bool ids, qd_error *err) {
    const uint64_t *cap = w->link->cap;
    QD_TRY(kernels(w, err));
    QD_TRY(upload_params(w, err));
    w->local = qd_cl_is_cpu(w->dev) ? 1 : 64;
    w->batch = batch_cells(w, n_cells);
    size_t cells = (size_t)w->batch + 1, most = 0;
    for (int s = 0; s < QD_STREAMS; s++) w->stride[s] = (uint32_t)((cap[s] + 10 + 7) / 8 * 8);
    for (int k = 0; k < 2; k++) {
        uint64_t n = cap[0] + cap[1 + k];
        w->out_stride[k] = (uint32_t)((n + n / 16 + 64 + 7) / 8 * 8);
        if (w->out_stride[k] > most) most = w->out_stride[k];
    }
    for (int i = 0; i < 4; i++) {
        QD_TRY(qd_cl_alloc(w->dev, &w->list[i], cells * w->stride[i < 2 ? 0 : i - 1] * sizeof(uint64_t), err));
        QD_TRY(qd_cl_alloc(w->dev, &w->count[i], cells * sizeof(uint32_t), err));
    }
    for (int k = 0; k < 2; k++) {
        QD_TRY(qd_cl_alloc(w->dev, &w->out[k], (size_t)w->batch * w->out_stride[k] * sizeof(uint64_t), err));
        QD_TRY(qd_cl_alloc(w->dev, &w->out_n[k], w->batch * sizeof(uint32_t), err));
        QD_TRY(qd_cl_alloc(w->dev, &w->dropped[k], w->batch * sizeof(uint32_t), err));
        QD_TRY(qd_cl_alloc(w->dev, &w->offset[k], w->batch * sizeof(uint32_t), err));
        QD_TRY(qd_cl_alloc(w->dev, &w->clock[k], w->batch * CLOCK * sizeof(int64_t), err));
    }
    QD_TRY(qd_cl_alloc(w->dev, &w->times, (size_t)w->batch * most * sizeof(int64_t), err));
    QD_TRY(qd_cl_alloc(w->dev, &w->masks, (size_t)w->batch * most, err));
    QD_TRY(qd_cl_alloc(w->dev, &w->ids, ids ? (size_t)w->batch * most * sizeof(uint64_t) : 64, err));
    QD_TRY(qd_cl_alloc(w->dev, &w->fault, sizeof(uint32_t), err));
    w->n = malloc(w->batch * sizeof *w->n);
    w->n_dropped = malloc(w->batch * sizeof *w->n_dropped);
    w->at = malloc(w->batch * sizeof *w->at);
    w->cell_clock = malloc(w->batch * CLOCK * sizeof *w->cell_clock);
    if (!w->n || !w->n_dropped || !w->at || !w->cell_clock)
        return qd_fail(err, QD_E_INTERNAL, "no memory to simulate a batch of cells|||close other programs");
    return QD_OK;
}

static qd_status emit(work *w, uint64_t first, uint32_t cells, qd_error *err) {
    const qd_link *l = w->link;
    const uint32_t emitted = cells + 1, streams[2] = {QD_STREAM_PAIR_A, QD_STREAM_PAIR_B};
    uint32_t cap = (uint32_t)l->cap[0];
    qd_arg p[] = {QD_ARG(l->seed),          QD_ARG(first),
                  QD_ARG(emitted),          QD_ARG(cap),
                  QD_ARG(w->stride[0]),     QD_ARG_BUF(w->params[0]),
                  QD_ARG_BUF(w->gap[0]),    QD_ARG_BUF(w->jitter[0]),
                  QD_ARG_BUF(w->jitter[1]), QD_ARG_BUF(w->list[0]),
                  QD_ARG_BUF(w->list[1]),   QD_ARG_BUF(w->count[0]),
                  QD_ARG_BUF(w->count[1]),  QD_ARG_BUF(w->fault)};
    QD_TRY(qd_cl_run(w->dev, w->pairs, p, sizeof p / sizeof *p, emitted, w->local, err));
    for (int k = 0; k < 2; k++) {
        cap = (uint32_t)l->cap[1 + k];
        qd_arg s[] = {QD_ARG(l->seed),
                      QD_ARG(streams[k]),
                      QD_ARG(first),
                      QD_ARG(emitted),
                      QD_ARG(cap),
                      QD_ARG(w->stride[1 + k]),
                      QD_ARG_BUF(w->params[1 + k]),
                      QD_ARG_BUF(w->gap[1 + k]),
                      QD_ARG_BUF(w->jitter[k]),
                      QD_ARG_BUF(w->list[2 + k]),
                      QD_ARG_BUF(w->count[2 + k]),
                      QD_ARG_BUF(w->fault)};
        QD_TRY(qd_cl_run(w->dev, w->singles, s, sizeof s / sizeof *s, emitted, w->local, err));
    }
    return QD_OK;
}

static qd_status settle(work *w, uint32_t cells, qd_error *err) {
    for (int k = 0; k < 2; k++) {
        qd_arg a[] = {QD_ARG(w->link->arm[k].dead), QD_ARG(cells),
                      QD_ARG_BUF(w->list[k]),       QD_ARG(w->stride[0]),
                      QD_ARG_BUF(w->count[k]),      QD_ARG_BUF(w->list[2 + k]),
                      QD_ARG(w->stride[1 + k]),     QD_ARG_BUF(w->count[2 + k]),
                      QD_ARG_BUF(w->out[k]),        QD_ARG(w->out_stride[k]),
                      QD_ARG_BUF(w->out_n[k]),      QD_ARG_BUF(w->dropped[k]),
                      QD_ARG_BUF(w->fault)};
        QD_TRY(qd_cl_run(w->dev, w->settle, a, sizeof a / sizeof *a, cells, w->local, err));
    }
    return QD_OK;
}

/* The station's clock in each cell: see CLOCK in simulate.cl. */
static void cell_clocks(const work *w, int station, uint64_t first, uint32_t cells) {
    for (uint32_t i = 0; i < cells; i++) {
        int64_t *to = w->cell_clock + CLOCK * (size_t)i, start = QD_LINK_START + (int64_t)((first + i) << QD_LINK_CELL_BITS);
        memset(to, 0, CLOCK * sizeof *to);
        to[0] = start;
        to[5] = INT64_MAX;
        if (station == 0) continue;
        qd_clock c = qd_link_clock_at(w->link, first + i);
        to[0] = qd_link_bob_time(w->link, start);
        __int128 drift = (__int128)(to[0] - c.base) * c.freq;
        to[1] = (int64_t)(drift & (((__int128)1 << QD_CLOCK_SHIFT) - 1));
        to[2] = start - qd_clock_apply(&c, to[0]);
        to[3] = c.freq;
        to[4] = inverse_frequency(c.freq);
        to[5] = qd_link_cell_end(w->link, first + i);
    }
}

static qd_status take(work *w, int k, uint64_t first, uint32_t cells, qd_tags *tags, qd_truth *truth, qd_error *err) {
    uint64_t total = 0;
    QD_TRY(qd_cl_read(w->dev, &w->out_n[k], 0, w->n, cells * sizeof *w->n, err));
    QD_TRY(qd_cl_read(w->dev, &w->dropped[k], 0, w->n_dropped, cells * sizeof *w->n_dropped, err));
    for (uint32_t i = 0; i < cells; i++) {
        w->at[i] = (uint32_t)total;
        total += w->n[i];
        if (truth) truth->dead_dropped[k] += w->n_dropped[i];
    }
    if (total == 0) return QD_OK;
    if (tags->n + total > tags->cap) QD_TRY(qd_tags_reserve(tags, tags->n + total + tags->n / 8, err));
    cell_clocks(w, k, first, cells);
    QD_TRY(qd_cl_write(w->dev, &w->offset[k], 0, w->at, cells * sizeof *w->at, err));
    QD_TRY(qd_cl_write(w->dev, &w->clock[k], 0, w->cell_clock, cells * CLOCK * sizeof *w->cell_clock, err));
    uint32_t with_ids = truth != NULL;
    qd_arg a[] = {QD_ARG(first),           QD_ARG(cells),
                  QD_ARG_BUF(w->out[k]),   QD_ARG(w->out_stride[k]),
                  QD_ARG_BUF(w->out_n[k]), QD_ARG_BUF(w->offset[k]),
                  QD_ARG_BUF(w->clock[k]), QD_ARG_BUF(w->times),
                  QD_ARG_BUF(w->masks),    QD_ARG(with_ids),
                  QD_ARG_BUF(w->ids)};
    QD_TRY(qd_cl_run(w->dev, w->pack, a, sizeof a / sizeof *a, cells, w->local, err));
    QD_TRY(qd_cl_read(w->dev, &w->times, 0, tags->t + tags->n, total * sizeof *tags->t, err));
    QD_TRY(qd_cl_read(w->dev, &w->masks, 0, tags->mask + tags->n, total, err));
    tags->n += total;
    if (!truth) return QD_OK;
    QD_TRY(qd_truth_reserve(truth, k, total, err));
    QD_TRY(qd_cl_read(w->dev, &w->ids, 0, truth->id[k] + truth->n[k], total * sizeof *truth->id[k], err));
    truth->n[k] += total;
    return QD_OK;
}

/* Room for what is to be expected, once: growing step by step would touch new pages again and again. */
static qd_status reserve(const qd_link *link, uint64_t n_cells, qd_tags *tags[2], qd_truth *truth, qd_error *err) {
    qd_link_model m;
    qd_link_model_of(&link->scenario, &m);
    for (int k = 0; k < 2; k++) {
        double mean = (m.stream[0] + m.stream[1 + k]) * qd_link_seconds(n_cells);
        uint64_t n = (uint64_t)(mean + 5 * sqrt(mean) + 64);
        if (tags[k]->n + n > tags[k]->cap) QD_TRY(qd_tags_reserve(tags[k], tags[k]->n + n, err));
        if (truth) QD_TRY(qd_truth_reserve(truth, k, n, err));
    }
    return QD_OK;
}

static qd_status check_fault(work *w, uint64_t first, qd_error *err) {
    uint32_t fault = 0;
    QD_TRY(qd_cl_read(w->dev, &w->fault, 0, &fault, sizeof fault, err));
    if (fault & 1) return qd_link_overflow(first, err);
    if (fault & 2) return qd_link_no_pause(first, 0, err);
    return QD_OK;
}

qd_status qd_simulate_cl(const qd_link *link, qd_device *dev, uint64_t first_cell, uint64_t n_cells, qd_tags *alice, qd_tags *bob,
                         qd_truth *truth, qd_error *err) {
    work w = {.link = link, .dev = dev};
    qd_tags *tags[2] = {alice, bob};
    qd_status st = QD_OK;
    if (n_cells == 0) return QD_OK;
    QD_TRY_OUT(st, reserve(link, n_cells, tags, truth, err));
    QD_TRY_OUT(st, prepare(&w, n_cells, truth != NULL, err));
    QD_TRY_OUT(st, qd_cl_zero(dev, &w.fault, 0, sizeof(uint32_t), err));
    for (uint64_t done = 0; done < n_cells;) {
        uint64_t first = first_cell + done;
        uint32_t cells = n_cells - done < w.batch ? (uint32_t)(n_cells - done) : w.batch;
        QD_TRY_OUT(st, emit(&w, first, cells, err));
        QD_TRY_OUT(st, settle(&w, cells, err));
        QD_TRY_OUT(st, check_fault(&w, first, err));
        for (int k = 0; k < 2; k++) QD_TRY_OUT(st, take(&w, k, first, cells, tags[k], truth, err));
        done += cells;
    }
out:
    if (st == QD_E_DEVICE) (void)qd_cl_finish(dev, NULL); /* nothing may run on buffers that are going */
    release(&w);
    return st;
}
