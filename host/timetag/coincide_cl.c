/* SPDX-License-Identifier: Apache-2.0 */
/* Device path of the coincidences: batches of A with the part of B that can meet them. */
#include <stdlib.h>
#include "compute/cl.h"
#include "timetag/coincide.h"

/* Events of A at a time: on a CPU few enough that a batch and its buffers stay in the cache, and enough chunks for all cores. */
enum { CPU_CHUNKS = 64, CHUNKS_A_UNIT = 8, GPU_BATCH = 1 << 22, GROUP = 256 };

/* First event of B whose time on A's clock is at least @p t. */
static uint64_t first_b(const qd_coincide_case *c, int64_t t) {
    uint64_t lo = 0, hi = c->nb;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (qd_clock_apply(&c->clock, c->b[mid]) < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static uint64_t first_a(const qd_coincide_case *c, int64_t t) {
    const qd_tags a = {.n = c->na, .t = (int64_t *)c->a};
    return qd_tags_lower_bound(&a, t);
}

typedef struct work {
    qd_device *dev;
    bool lanes;
    uint32_t chunk;
    cl_kernel find, pack;
    qd_buf a, b, out, count, offset, packed;
    uint32_t *n, *host; /* counts and places; pairs */
    size_t n_cap, host_cap;
} work;

static void release(work *w) {
    qd_buf *all[] = {&w->a, &w->b, &w->out, &w->count, &w->offset, &w->packed};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) qd_cl_free(all[i]);
    free(w->n);
    free(w->host);
}

static qd_status room(work *w, qd_buf *b, size_t bytes, qd_error *err) {
    if (b->mem && b->bytes >= bytes) return QD_OK;
    qd_cl_free(b);
    return qd_cl_alloc(w->dev, b, bytes + bytes / 4, err); /* the next batch may need a little more */
}

static qd_status host_room(uint32_t **p, size_t *cap, size_t words, qd_error *err) {
    if (words <= *cap) return QD_OK;
    uint32_t *q = realloc(*p, words * sizeof *q);
    if (!q) return qd_fail(err, QD_E_INTERNAL, "no memory for %zu coincidences", words / 2);
    *p = q;
    *cap = words;
    return QD_OK;
}

/* Pairs of the events [from, to) of A. */
static qd_status batch(work *w, const qd_coincide_case *c, uint64_t from, uint64_t to, qd_pairs *pairs, qd_error *err) {
    int64_t t0 = c->a[from], t1 = c->a[to - 1];
    uint64_t b0 = first_b(c, t0 - c->reach), b1 = first_b(c, t1 + c->reach + 1);
    uint64_t a0 = first_a(c, t0 - 2 * c->reach), a1 = first_a(c, t1 + 2 * c->reach + 1);
    uint64_t wide = a1 - a0 > b1 - b0 ? a1 - a0 : b1 - b0;
    if (wide >> 31)
        return qd_fail(err, QD_E_USAGE, "coincidences: %llu events near one batch||the times do not move on",
                       (unsigned long long)wide);
    if (b0 == b1) return QD_OK;
    uint32_t na = (uint32_t)(a1 - a0), nb = (uint32_t)(b1 - b0), lo = (uint32_t)(from - a0), hi = (uint32_t)(to - a0);
    uint32_t chunks = (hi - lo + w->chunk - 1) / w->chunk;
    QD_TRY(room(w, &w->a, na * sizeof(int64_t), err));
    QD_TRY(room(w, &w->b, nb * sizeof(int64_t), err));
    QD_TRY(room(w, &w->out, (size_t)chunks * w->chunk * 8, err));
    QD_TRY(room(w, &w->count, chunks * sizeof(uint32_t), err));
    QD_TRY(room(w, &w->offset, chunks * sizeof(uint32_t), err));
    QD_TRY(host_room(&w->n, &w->n_cap, chunks, err));
    QD_TRY(qd_cl_write(w->dev, &w->a, 0, c->a + a0, na * sizeof(int64_t), err));
    QD_TRY(qd_cl_write(w->dev, &w->b, 0, c->b + b0, nb * sizeof(int64_t), err));
    cl_long base = c->clock.base, offset = c->clock.offset, freq = c->clock.freq, reach = c->reach;
    const qd_arg args[] = {QD_ARG_BUF(w->a),     QD_ARG_BUF(w->b),
                           QD_ARG(na),           QD_ARG(nb),
                           QD_ARG(lo),           QD_ARG(hi),
                           QD_ARG(base),         QD_ARG(offset),
                           QD_ARG(freq),         QD_ARG(reach),
                           QD_ARG(w->chunk),     QD_ARG_BUF(w->out),
                           QD_ARG_BUF(w->count), QD_ARG_LOCAL(GROUP * sizeof(uint32_t))};
    QD_TRY(qd_cl_run(w->dev, w->find, args, w->lanes ? 13 : 14, w->lanes ? chunks : (size_t)chunks * GROUP, w->lanes ? 1 : GROUP,
                     err));
    QD_TRY(qd_cl_read(w->dev, &w->count, 0, w->n, chunks * sizeof(uint32_t), err));
    uint32_t total = 0;
    for (uint32_t i = 0; i < chunks; i++) {
        uint32_t n = w->n[i];
        w->n[i] = total;
        total += n;
    }
    if (total == 0) return QD_OK;
    QD_TRY(room(w, &w->packed, (size_t)total * 8, err));
    QD_TRY(qd_cl_write(w->dev, &w->offset, 0, w->n, chunks * sizeof(uint32_t), err));
    const qd_arg pack[] = {QD_ARG_BUF(w->out), QD_ARG_BUF(w->count), QD_ARG_BUF(w->offset),
                           QD_ARG(chunks),     QD_ARG(w->chunk),     QD_ARG_BUF(w->packed)};
    QD_TRY(qd_cl_run(w->dev, w->pack, pack, 6, chunks, w->lanes ? 1 : 64, err));
    QD_TRY(host_room(&w->host, &w->host_cap, (size_t)total * 2, err));
    QD_TRY(qd_cl_read(w->dev, &w->packed, 0, w->host, (size_t)total * 8, err));
    QD_TRY(qd_pairs_reserve(pairs, pairs->n + total, err));
    for (uint32_t i = 0; i < total; i++) {
        pairs->a[pairs->n + i] = a0 + w->host[2 * i];
        pairs->b[pairs->n + i] = b0 + w->host[2 * i + 1];
    }
    pairs->n += total;
    return QD_OK;
}

qd_status qd_coincide_cl(const qd_coincide_case *c, qd_device *dev, qd_pairs *pairs, qd_error *err) {
    uint64_t start = pairs->n;
    bool slow_clock = c->clock.freq < INT32_MAX && c->clock.freq > -INT32_MAX; /* what one 32-bit product takes */
    work w = {.dev = dev,
              .lanes = slow_clock && (c->variant == QD_COINCIDE_AUTO ? qd_cl_is_cpu(dev) : c->variant != QD_COINCIDE_EVENTS)};
    const char *options = c->variant == QD_COINCIDE_PORTABLE ? "-DCOINCIDE_PORTABLE" : "";
    w.chunk = w.lanes ? QD_COINCIDE_CHUNK : GROUP;
    qd_status st;
    QD_TRY_OUT(st, qd_cl_kernel(dev, "coincide", options, w.lanes ? "coincide_lanes" : "coincide_events", &w.find, err));
    QD_TRY_OUT(st, qd_cl_kernel(dev, "coincide", options, "coincide_pack", &w.pack, err));
    uint64_t units = qd_device_about(dev)->compute_units * CHUNKS_A_UNIT;
    uint64_t size = qd_cl_is_cpu(dev) ? QD_COINCIDE_CHUNK * (units > CPU_CHUNKS ? units : CPU_CHUNKS) : GPU_BATCH;
    for (uint64_t i = c->from; i < c->to; i += size)
        QD_TRY_OUT(st, batch(&w, c, i, c->to - i > size ? i + size : c->to, pairs, err));
out:
    release(&w);
    if (st != QD_OK) pairs->n = start;
    return st;
}
