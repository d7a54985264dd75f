/* SPDX-License-Identifier: Apache-2.0 */
/* Device path of the coincidences: batches of A with the part of B that can meet them. On CPU devices kernels read the caller's times and
 * write the caller's pairs where they lie. */
#include <stdlib.h>
#include "compute/cl.h"
#include "timetag/coincide.h"

/* Events of A at a time: on a CPU enough chunks for all cores, few enough that what a batch writes stays in the cache. */
enum { CPU_CHUNKS = 128, CHUNKS_A_UNIT = 16, GPU_BATCH = 1 << 22, GROUP = 256 };

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
    bool cpu, lanes;
    uint32_t chunk;
    cl_kernel find, pack;
    qd_buf a, b, out, count, offset, window, pa, pb;
    uint32_t *n; /* [chunks] counts, then places; behind them [2 each] pairs in displaced windows */
    size_t n_cap;
} work;

static void release(work *w) {
    qd_buf *all[] = {&w->a, &w->b, &w->out, &w->count, &w->offset, &w->window, &w->pa, &w->pb};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) qd_cl_free(all[i]);
    free(w->n);
}

static qd_status room(work *w, qd_buf *b, size_t bytes, qd_error *err) {
    if (b->mem && b->bytes >= bytes) return QD_OK;
    qd_cl_free(b);
    return qd_cl_alloc(w->dev, b, bytes + bytes / 4, err); /* the next batch may need a little more */
}

static qd_status upload(work *w, qd_buf *b, const int64_t *t, size_t n, qd_error *err) {
    if (w->cpu) {
        qd_cl_free(b);
        return qd_cl_lend(w->dev, b, t, n * sizeof *t, err);
    }
    QD_TRY(room(w, b, n * sizeof *t, err));
    return qd_cl_write(w->dev, b, 0, t, n * sizeof *t, err);
}

/* Where the kernel writes @p n indices that end at @p p, and what it wrote. */
static qd_status output(work *w, qd_buf *b, uint64_t *p, size_t n, qd_error *err) {
    if (!w->cpu) return room(w, b, n * sizeof *p, err);
    qd_cl_free(b);
    return qd_cl_lend(w->dev, b, p, n * sizeof *p, err);
}
static qd_status download(work *w, const qd_buf *b, uint64_t *p, size_t n, qd_error *err) {
    return w->cpu ? qd_cl_returned(w->dev, b, err) : qd_cl_read(w->dev, b, 0, p, n * sizeof *p, err);
}

/* The chunks' pairs, total of them, one after the other onto @p pairs; w->n: places. */
static qd_status pack(work *w, const qd_coincide_case *c, uint32_t chunks, uint32_t total, uint64_t a0, uint64_t b0, qd_pairs *pairs,
                      qd_error *err) {
    if (total == 0) return QD_OK;
    if (c->room && pairs->n + total > c->room)
        return qd_fail(err, QD_E_DEVICE, "the device finds more coincidences than there are events near each other|||--device ref");
    QD_TRY(qd_pairs_reserve(pairs, pairs->n + total, err));
    QD_TRY(room(w, &w->offset, chunks * sizeof(uint32_t), err));
    QD_TRY(qd_cl_write(w->dev, &w->offset, 0, w->n, chunks * sizeof(uint32_t), err));
    QD_TRY(output(w, &w->pa, pairs->a + pairs->n, total, err));
    QD_TRY(output(w, &w->pb, pairs->b + pairs->n, total, err));
    cl_ulong first_a = a0, first_b = b0;
    const qd_arg args[] = {QD_ARG_BUF(w->out), QD_ARG_BUF(w->count), QD_ARG_BUF(w->offset), QD_ARG(chunks),  QD_ARG(w->chunk),
                           QD_ARG(first_a),    QD_ARG(first_b),      QD_ARG_BUF(w->pa),     QD_ARG_BUF(w->pb)};
    QD_TRY(qd_cl_run(w->dev, w->pack, args, 9, chunks, w->lanes ? 1 : 64, err));
    QD_TRY(download(w, &w->pa, pairs->a + pairs->n, total, err));
    QD_TRY(download(w, &w->pb, pairs->b + pairs->n, total, err));
    pairs->n += total;
    return QD_OK;
}

/* Pairs of the events [from, to) of A. */
static qd_status batch(work *w, const qd_coincide_case *c, uint64_t from, uint64_t to, qd_pairs *pairs, uint64_t *in_window, qd_error *err) {
    int64_t t0 = c->a[from], t1 = c->a[to - 1], wide = c->reach + c->each * c->step;
    uint64_t b0 = first_b(c, t0 - wide), b1 = first_b(c, t1 + wide + 1);
    uint64_t a0 = first_a(c, t0 - 2 * c->reach), a1 = first_a(c, t1 + 2 * c->reach + 1);
    uint64_t most = a1 - a0 > b1 - b0 ? a1 - a0 : b1 - b0;
    if (most >> 31)
        return qd_fail(err, QD_E_USAGE, "coincidences: %llu events near one batch||the times do not move on",
                       (unsigned long long)most);
    if (b0 == b1) return QD_OK;
    uint32_t na = (uint32_t)(a1 - a0), nb = (uint32_t)(b1 - b0), lo = (uint32_t)(from - a0), hi = (uint32_t)(to - a0);
    uint32_t chunks = (hi - lo + w->chunk - 1) / w->chunk, each = c->each;
    size_t window_bytes = (2 * (size_t)each + 1) * sizeof(uint32_t); /* one more, so that there is a buffer */
    QD_TRY(upload(w, &w->a, c->a + a0, na, err));
    QD_TRY(upload(w, &w->b, c->b + b0, nb, err));
    QD_TRY(room(w, &w->out, (size_t)chunks * w->chunk * 8, err));
    QD_TRY(room(w, &w->count, chunks * sizeof(uint32_t), err));
    QD_TRY(room(w, &w->window, window_bytes, err));
    QD_TRY(qd_cl_zero(w->dev, &w->window, 0, window_bytes, err));
    cl_long base = c->clock.base, offset = c->clock.offset, freq = c->clock.freq, reach = c->reach, step = c->step;
    const qd_arg args[] = {QD_ARG_BUF(w->a), QD_ARG_BUF(w->b), QD_ARG(na), QD_ARG(nb), QD_ARG(lo), QD_ARG(hi), QD_ARG(base), QD_ARG(offset),
                           QD_ARG(freq), QD_ARG(reach), QD_ARG(step), QD_ARG(each), QD_ARG(w->chunk), QD_ARG_BUF(w->out),
                           QD_ARG_BUF(w->count), QD_ARG_BUF(w->window), QD_ARG_LOCAL(GROUP * sizeof(uint32_t))};
    QD_TRY(qd_cl_run(w->dev, w->find, args, w->lanes ? 16 : 17, w->lanes ? chunks : (size_t)chunks * GROUP, w->lanes ? 1 : GROUP, err));
    QD_TRY(qd_cl_read(w->dev, &w->count, 0, w->n, chunks * sizeof(uint32_t), err));
    uint32_t total = 0;
    for (uint32_t i = 0; i < chunks; i++) {
        uint32_t n = w->n[i];
        w->n[i] = total;
        total += n;
    }
    QD_TRY(pack(w, c, chunks, total, a0, b0, pairs, err));
    if (each) QD_TRY(qd_cl_read(w->dev, &w->window, 0, w->n, 2 * each * sizeof(uint32_t), err));
    for (uint32_t i = 0; i < 2 * each; i++) in_window[i] += w->n[i];
    return QD_OK;
}

static qd_status search(work *w, const qd_coincide_case *c, qd_pairs *pairs, uint64_t *in_window, qd_error *err) {
    uint64_t units = (uint64_t)qd_device_about(w->dev)->compute_units * CHUNKS_A_UNIT, least = CPU_CHUNKS;
    uint64_t size = w->cpu ? QD_COINCIDE_CHUNK * (units > least ? units : least) : GPU_BATCH;
    size_t words = size / w->chunk > 2 * (size_t)c->each ? size / w->chunk : 2 * (size_t)c->each;
    if (words > w->n_cap) {
        free(w->n);
        w->n = malloc(words * sizeof *w->n);
        w->n_cap = w->n ? words : 0;
    }
    if (!w->n) return qd_fail(err, QD_E_INTERNAL, "no memory for the numbers of coincidences");
    for (uint64_t i = c->from; i < c->to; i += size)
        QD_TRY(batch(w, c, i, c->to - i > size ? i + size : c->to, pairs, in_window, err));
    return QD_OK;
}

/* Window by window, where lanes of 32 bits do not hold all of them. */
static qd_status search_apart(work *w, const qd_coincide_case *c, qd_pairs *pairs, uint64_t *in_window, qd_error *err) {
    qd_coincide_case one = *c;
    qd_pairs displaced = {0};
    one.each = 0;
    qd_status st = search(w, &one, pairs, NULL, err);
    one.room = 0;
    for (unsigned k = 1; k <= 2 * c->each && st == QD_OK; k++) {
        one.clock.offset = c->clock.offset + qd_coincide_displacement(c, k);
        displaced.n = 0;
        st = search(w, &one, &displaced, NULL, err);
        in_window[k - 1] += displaced.n;
    }
    qd_pairs_destroy(&displaced);
    return st;
}

qd_status qd_coincide_cl(const qd_coincide_case *c, qd_device *dev, qd_pairs *pairs, uint64_t *in_window, qd_error *err) {
    uint64_t start = pairs->n;
    bool slow_clock = c->clock.freq < INT32_MAX && c->clock.freq > -INT32_MAX; /* what one 32-bit product takes */
    work w = {.dev = dev, .cpu = qd_cl_is_cpu(dev)};
    w.lanes = slow_clock && c->reach <= QD_COINCIDE_LANES_MAX &&
              (c->variant == QD_COINCIDE_AUTO ? w.cpu : c->variant != QD_COINCIDE_EVENTS);
    bool apart = w.lanes && c->each && c->step > (QD_COINCIDE_LANES_MAX - c->reach) / c->each;
    const char *options = !w.lanes ? "" : c->variant == QD_COINCIDE_PORTABLE ? "-DCOINCIDE_LANES -DCOINCIDE_PORTABLE" : "-DCOINCIDE_LANES";
    w.chunk = w.lanes ? QD_COINCIDE_CHUNK : GROUP;
    qd_status st;
    QD_TRY_OUT(st, qd_cl_kernel(dev, "coincide", options, w.lanes ? "coincide_lanes" : "coincide_events", &w.find, err));
    QD_TRY_OUT(st, qd_cl_kernel(dev, "coincide", options, "coincide_pack", &w.pack, err));
    QD_TRY_OUT(st, apart ? search_apart(&w, c, pairs, in_window, err) : search(&w, c, pairs, in_window, err));
out:
    release(&w);
    if (st != QD_OK) pairs->n = start;
    return st;
}
