/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cl.h"
#include "reconcile/cascade_prefix.h"
#include "reconcile/tables.h"

enum { LOCAL = 256 /* as in the kernel */, CHUNK_BYTES = 256 << 20 /* of prefixes in a launch, at least one group */ };

typedef struct job {
    const qd_prefix_ask *a;
    qd_device *dev;
    qd_buf keys, sliced, order, prefix;
    cl_kernel slice, scan;
    bool item, lend;
} job;

static qd_status kernels(job *j, uint64_t groups, uint64_t frames, qd_error *err) {
    const qd_prefix_ask *a = j->a;
    uint64_t words = qd_bits_words(a->n);
    cl_ulong n_frames = frames;
    cl_uint n = a->n, n_words = (cl_uint)words, passes = a->passes, n_groups = (cl_uint)groups;
    const qd_arg slice[] = {QD_ARG_BUF(j->keys), QD_ARG_BUF(j->sliced), QD_ARG(n_frames), QD_ARG(n_words), QD_ARG(n_groups)};
    const qd_arg scan[] = {QD_ARG_BUF(j->sliced), QD_ARG_BUF(j->order), QD_ARG_BUF(j->prefix), QD_ARG(n),
                           QD_ARG(n_words),       QD_ARG(passes),       QD_ARG(n_groups)};
    size_t items = j->item ? groups * ((passes + 3) / 4) : groups * passes * LOCAL, slices = j->item ? (words + 7) / 8 : words;
    QD_TRY(qd_cl_run(j->dev, j->slice, slice, sizeof slice / sizeof *slice, groups * slices, j->item ? 1 : 64, err));
    return qd_cl_run(j->dev, j->scan, scan, sizeof scan / sizeof *scan, items, j->item ? 1 : LOCAL, err);
}

/* Some groups of frames. A CPU device reads and writes the caller's memory: a copy of the prefixes takes as long as they do. */
static qd_status launch(job *j, uint64_t first, uint64_t groups, uint64_t *prefix, qd_error *err) {
    const qd_prefix_ask *a = j->a;
    uint64_t words = qd_bits_words(a->n), left = a->frames - 64 * first, frames = left < 64 * groups ? left : 64 * groups;
    uint64_t bytes = groups * a->passes * (a->n + (uint64_t)1) * 8, key_bytes = frames * words * 8;
    const uint64_t *keys = a->keys + 64 * first * words;
    if (!j->lend) {
        QD_TRY(qd_cl_write(j->dev, &j->keys, 0, keys, key_bytes, err));
        QD_TRY(kernels(j, groups, frames, err));
        return qd_cl_read(j->dev, &j->prefix, 0, prefix, bytes, err);
    }
    qd_status st = qd_cl_lend(j->dev, &j->keys, keys, key_bytes, err);
    if (st == QD_OK) st = qd_cl_lend(j->dev, &j->prefix, prefix, bytes, err);
    if (st == QD_OK) st = kernels(j, groups, frames, err);
    if (st == QD_OK) st = qd_cl_returned(j->dev, &j->prefix, err);
    qd_cl_free(&j->prefix);
    qd_cl_free(&j->keys);
    return st;
}

/* What is held while groups are launched, @p chunk at a time. */
static qd_status buffers(job *j, uint64_t chunk, qd_error *err) {
    const qd_prefix_ask *a = j->a;
    const uint64_t key_bytes = chunk * 64 * qd_bits_words(a->n) * 8, order_bytes = (uint64_t)a->passes * a->n * sizeof *a->order;
    QD_TRY(qd_cl_alloc(j->dev, &j->sliced, key_bytes, err));
    if (j->lend) return qd_cl_lend(j->dev, &j->order, a->order, order_bytes, err);
    QD_TRY(qd_cl_alloc(j->dev, &j->keys, key_bytes, err));
    QD_TRY(qd_cl_alloc(j->dev, &j->prefix, chunk * a->passes * (a->n + (uint64_t)1) * 8, err));
    QD_TRY(qd_cl_alloc(j->dev, &j->order, order_bytes, err));
    return qd_cl_write(j->dev, &j->order, 0, a->order, order_bytes, err);
}

qd_status qd_cascade_prefix_run(const qd_prefix_ask *a, qd_prefix_form form, uint64_t *prefix, qd_device *dev, qd_error *err) {
    if (!dev) {
        qd_cascade_prefix_ref(a, prefix);
        return QD_OK;
    }
    job j = {.a = a, .dev = dev, .lend = qd_cl_is_cpu(dev)};
    j.item = form == QD_PREFIX_ITEM || (form == QD_PREFIX_AUTO && j.lend);
    uint64_t groups = (a->frames + 63) / 64, each = a->passes * (a->n + (uint64_t)1), chunk = CHUNK_BYTES / 8 / each;
    if (chunk < 1) chunk = 1;
    if (chunk > groups) chunk = groups;
    qd_status st;
    QD_TRY_OUT(st, qd_cl_kernel(dev, "cascade_prefix", "", j.item ? "slice_eight" : "slice", &j.slice, err));
    QD_TRY_OUT(st, qd_cl_kernel(dev, "cascade_prefix", "", j.item ? "prefix_item" : "prefix_group", &j.scan, err));
    QD_TRY_OUT(st, buffers(&j, chunk, err));
    for (uint64_t at = 0; at < groups; at += chunk)
        QD_TRY_OUT(st, launch(&j, at, groups - at < chunk ? groups - at : chunk, prefix + at * each, err));
out:
    qd_buf_wipe(dev, &j.keys);
    qd_buf_wipe(dev, &j.sliced);
    qd_buf_wipe(dev, &j.prefix);
    qd_cl_free(&j.order);
    return st;
}
