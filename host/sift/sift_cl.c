/* SPDX-License-Identifier: Apache-2.0 */
/* Device path of sifting: kernels/sift.cl over chunks. A chunk's strings are appended at the bit where the last one ended. On CPU devices
 * kernels read and write the caller's memory where it lies: no copies of values, and none to wipe. */
#include "sift/sift.h"

#include <string.h>
#include "compute/cl.h"

/* Offsets inside a chunk are 32-bit words on the device. */
enum { CHUNK_MAX = 1 << 28, CHUNK_CPU = 1 << 26, GPU_LOCAL = 64, SCAN = 64 };

/* What a launch looks like on the device at hand. */
typedef struct shape {
    uint64_t chunk, slice; /* events whose results, and that, are on the device at once */
    bool lend;             /* memory of the caller's, in place of copies; a plan with slices asks for copies */
    cl_uint words;         /* a work-item takes */
    size_t local;          /* work-items that share a local histogram */
    const char *options;
} shape;

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static shape shape_for(const qd_device *dev, const qd_sift_plan *plan) {
    bool cpu = qd_cl_is_cpu(dev);
    shape s = {.chunk = plan->chunk,
               .slice = plan->slice,
               .lend = cpu && !plan->slice,
               .words = plan->words,
               .local = cpu ? 1 : GPU_LOCAL,
               .options = plan->portable ? "-DSIFT_PORTABLE" : ""};
    if (!s.words) s.words = cpu ? 256 : 8;
    if (!s.chunk) {
        uint64_t limit = qd_device_about(dev)->max_alloc_bytes / 2;
        s.chunk = least(limit, cpu ? CHUNK_CPU : CHUNK_MAX);
    }
    if (!s.slice) s.slice = s.chunk;
    s.chunk = s.chunk < 64 ? 64 : s.chunk / 64 * 64;
    s.slice = s.slice < 64 ? 64 : least(s.slice, s.chunk) / 64 * 64;
    return s;
}

static void wipe_and_free(qd_device *dev, qd_buf *b) {
    if (b->mem) (void)qd_cl_zero(dev, b, 0, b->bytes, NULL);
    qd_cl_free(b);
}

/* Lend @p words words in place of what @p b is. */
static qd_status lend(qd_device *dev, qd_buf *b, const uint64_t *w, uint64_t words, qd_error *err) {
    qd_cl_free(b);
    return qd_cl_lend(dev, b, w, 8 * words, err);
}

/* Work-items that cover @p words at @p per each. */
static uint64_t blocks_of(uint64_t words, uint32_t per) {
    return words / per + (words % per != 0);
}

/* ---- Events to basis and value ---- */

typedef struct measure_bufs {
    qd_buf event, basis, value, count;
} measure_bufs;

/* Launch the kernel on @p n events whose results begin at word @p at of the chunk's. */
static qd_status measure_run(qd_device *dev, const shape *s, cl_kernel k, cl_uint invert, const measure_bufs *b, const qd_buf *event,
                             cl_ulong n, cl_ulong at, qd_error *err) {
    const qd_arg args[] = {QD_ARG_BUF(*event), QD_ARG(n), QD_ARG(s->words), QD_ARG(invert), QD_ARG(at), QD_ARG_BUF(b->basis),
                           QD_ARG_BUF(b->value), QD_ARG_BUF(b->count)};
    return qd_cl_run(dev, k, args, 8, blocks_of(qd_bits_words(n), s->words), s->local, err);
}
static qd_status measure_slice(qd_device *dev, const shape *s, cl_kernel k, cl_uint invert, measure_bufs *b, const uint8_t *event,
                               cl_ulong n, cl_ulong at, qd_error *err) {
    if (n % 64) QD_TRY(qd_cl_zero(dev, &b->event, n / 64 * 64, 64, err));
    QD_TRY(qd_cl_write(dev, &b->event, 0, event, n, err));
    return measure_run(dev, s, k, invert, b, &b->event, n, at, err);
}

/* The same where all lies, but for the last events: a kernel reads 64 at a time. */
static qd_status measure_lent(qd_device *dev, const shape *s, cl_kernel k, cl_uint invert, measure_bufs *b, const uint8_t *event,
                              uint64_t n, uint64_t *basis, uint64_t *value, qd_error *err) {
    const uint64_t words = qd_bits_words(n), whole = n / 64 * 64;
    qd_buf lent = {0};
    qd_status st;
    QD_TRY_OUT(st, lend(dev, &b->basis, basis, words, err));
    QD_TRY_OUT(st, lend(dev, &b->value, value, words, err));
    if (whole) {
        QD_TRY_OUT(st, qd_cl_lend(dev, &lent, event, whole, err));
        QD_TRY_OUT(st, measure_run(dev, s, k, invert, b, &lent, whole, 0, err));
    }
    if (n > whole) QD_TRY_OUT(st, measure_slice(dev, s, k, invert, b, event + whole, n - whole, whole / 64, err));
    QD_TRY_OUT(st, qd_cl_returned(dev, &b->basis, err));
    QD_TRY_OUT(st, qd_cl_returned(dev, &b->value, err));
out:
    qd_cl_free(&lent);
    qd_cl_free(&b->basis); /* also after an error: what is lent must not be wiped */
    qd_cl_free(&b->value);
    return st;
}

static qd_status measure_chunk(qd_device *dev, const shape *s, cl_kernel k, cl_uint invert, measure_bufs *b, const uint8_t *event,
                               uint64_t n, uint64_t *basis, uint64_t *value, qd_sift_counts *counts, qd_error *err) {
    uint64_t bytes = 8 * qd_bits_words(n);
    cl_uint count[32];
    QD_TRY(qd_cl_zero(dev, &b->count, 0, sizeof count, err));
    if (s->lend) {
        QD_TRY(measure_lent(dev, s, k, invert, b, event, n, basis, value, err));
    } else {
        for (uint64_t at = 0; at < n; at += s->slice)
            QD_TRY(measure_slice(dev, s, k, invert, b, event + at, least(s->slice, n - at), at / 64, err));
        QD_TRY(qd_cl_read(dev, &b->basis, 0, basis, bytes, err));
        QD_TRY(qd_cl_read(dev, &b->value, 0, value, bytes, err));
    }
    QD_TRY(qd_cl_read(dev, &b->count, 0, count, sizeof count, err));
    for (int i = 0; i < 32; i++) counts->mask[i / 16][i % 16] += count[i];
    return QD_OK;
}

qd_status qd_sift_measure_cl(qd_device *dev, const qd_sift_plan *plan, qd_side side, qd_correlation correlation,
                             const uint8_t *event, uint64_t n, qd_bits *basis, qd_bits *value, qd_sift_counts *counts,
                             qd_error *err) {
    qd_status st;
    measure_bufs b = {0};
    shape s = shape_for(dev, plan);
    cl_kernel k;
    memset(counts, 0, sizeof *counts);
    *basis = *value = (qd_bits){0};
    QD_TRY_OUT(st, qd_bits_create(basis, n, err));
    QD_TRY_OUT(st, qd_bits_create(value, n, err));
    uint64_t words = qd_bits_words(least(n, s.chunk));
    QD_TRY_OUT(st, qd_cl_kernel(dev, "sift", s.options, "sift_measure", &k, err));
    QD_TRY_OUT(st, qd_cl_alloc(dev, &b.event, s.lend ? 64 : 64 * qd_bits_words(least(n, s.slice)), err));
    if (!s.lend) {
        QD_TRY_OUT(st, qd_cl_alloc(dev, &b.basis, 8 * words, err));
        QD_TRY_OUT(st, qd_cl_alloc(dev, &b.value, 8 * words, err));
    }
    QD_TRY_OUT(st, qd_cl_alloc(dev, &b.count, 32 * sizeof(cl_uint), err));
    cl_uint invert = side == QD_BOB && correlation == QD_ANTI;
    for (uint64_t at = 0; at < n; at += s.chunk)
        QD_TRY_OUT(st, measure_chunk(dev, &s, k, invert, &b, event + at, least(s.chunk, n - at), basis->w + at / 64,
                                     value->w + at / 64, counts, err));
out:
    wipe_and_free(dev, &b.event);
    wipe_and_free(dev, &b.value);
    qd_cl_free(&b.basis);
    qd_cl_free(&b.count);
    if (st != QD_OK) {
        qd_bits_destroy(basis);
        qd_bits_destroy(value);
    }
    return st;
}

/* ---- Values of matching bases to strings ---- */

/* What is lent must stay as it is; a copy of values goes. */
static void discard(qd_device *dev, const shape *s, qd_buf *b) {
    if (s->lend)
        qd_cl_free(b);
    else
        wipe_and_free(dev, b);
}

typedef struct select_bufs {
    qd_buf mine, theirs, value, count, total, z, x;
} select_bufs;

typedef struct select_kernels {
    cl_kernel count, scan, pack;
} select_kernels;

/* A buffer of zeros for a string, and the string out of it. */
static qd_status string_buf(qd_device *dev, const shape *s, qd_buf *b, const qd_bits *string, qd_error *err) {
    if (s->lend && string->n) return qd_cl_lend(dev, b, string->w, 8 * qd_bits_words(string->n), err);
    QD_TRY(qd_cl_alloc(dev, b, 8 * qd_bits_words(string->n), err));
    return qd_cl_zero(dev, b, 0, b->bytes, err);
}
static qd_status download(qd_device *dev, const shape *s, const qd_buf *b, qd_bits *string, qd_error *err) {
    if (s->lend && string->n) return qd_cl_returned(dev, b, err);
    return qd_cl_read(dev, b, 0, string->w, 8 * qd_bits_words(string->n), err);
}

/* Sort the @p n events that stand in the buffers into two strings. */
static qd_status select_on_device(qd_device *dev, const shape *s, const select_kernels *k, select_bufs *b, cl_ulong n, qd_bits part[2],
                                  qd_error *err) {
    cl_uint total[2];
    cl_uint blocks = (cl_uint)blocks_of(qd_bits_words(n), s->words);
    const qd_arg count[] = {QD_ARG_BUF(b->mine), QD_ARG_BUF(b->theirs), QD_ARG(n),
                            QD_ARG(s->words),    QD_ARG(blocks),        QD_ARG_BUF(b->count)};
    QD_TRY(qd_cl_run(dev, k->count, count, 6, blocks, s->local, err));
    const qd_arg scan[] = {QD_ARG_BUF(b->count), QD_ARG(blocks), QD_ARG_BUF(b->total)};
    QD_TRY(qd_cl_run(dev, k->scan, scan, 3, SCAN, SCAN, err));
    QD_TRY(qd_cl_read(dev, &b->total, 0, total, 2 * sizeof *total, err));
    for (int i = 0; i < 2; i++) QD_TRY(qd_bits_create(&part[i], total[i], err));
    QD_TRY(string_buf(dev, s, &b->z, &part[QD_Z], err));
    QD_TRY(string_buf(dev, s, &b->x, &part[QD_X], err));
    const qd_arg pack[] = {QD_ARG_BUF(b->mine), QD_ARG_BUF(b->theirs), QD_ARG_BUF(b->value), QD_ARG(n),       QD_ARG(s->words),
                           QD_ARG(blocks),      QD_ARG_BUF(b->count),  QD_ARG_BUF(b->z),     QD_ARG_BUF(b->x)};
    QD_TRY(qd_cl_run(dev, k->pack, pack, 9, blocks, s->local, err));
    QD_TRY(download(dev, s, &b->z, &part[QD_Z], err));
    return download(dev, s, &b->x, &part[QD_X], err);
}

static qd_status upload(qd_device *dev, const shape *s, qd_buf *b, const uint64_t *w, uint64_t n, qd_error *err) {
    if (s->lend) return lend(dev, b, w, qd_bits_words(n), err);
    return qd_cl_write(dev, b, 0, w, 8 * qd_bits_words(n), err);
}

static qd_status select_chunk(qd_device *dev, const shape *s, const select_kernels *k, select_bufs *b, const uint64_t *mine,
                              const uint64_t *theirs, const uint64_t *value, uint64_t n, qd_bits *z, qd_bits *x, qd_error *err) {
    qd_bits part[2] = {{0}, {0}};
    qd_status st;
    QD_TRY_OUT(st, upload(dev, s, &b->mine, mine, n, err));
    QD_TRY_OUT(st, upload(dev, s, &b->theirs, theirs, n, err));
    QD_TRY_OUT(st, upload(dev, s, &b->value, value, n, err));
    QD_TRY_OUT(st, select_on_device(dev, s, k, b, n, part, err));
    if (!z->w) { /* the first chunk, most often the only one */
        *z = part[QD_Z];
        *x = part[QD_X];
        part[QD_Z] = part[QD_X] = (qd_bits){0};
    } else {
        QD_TRY_OUT(st, qd_bits_append(z, &part[QD_Z], err));
        QD_TRY_OUT(st, qd_bits_append(x, &part[QD_X], err));
    }
out:
    discard(dev, s, &b->z);
    discard(dev, s, &b->x);
    qd_bits_destroy(&part[QD_Z]);
    qd_bits_destroy(&part[QD_X]);
    return st;
}

qd_status qd_sift_select_cl(qd_device *dev, const qd_sift_plan *plan, const qd_bits *mine, const qd_bits *theirs,
                            const qd_bits *value, qd_bits *z, qd_bits *x, qd_error *err) {
    qd_status st;
    select_bufs b = {0};
    select_kernels k;
    shape s = shape_for(dev, plan);
    uint64_t n = mine->n, bytes = 8 * qd_bits_words(least(n, s.chunk));
    *z = *x = (qd_bits){0};
    QD_TRY_OUT(st, qd_cl_kernel(dev, "sift", s.options, "sift_count", &k.count, err));
    QD_TRY_OUT(st, qd_cl_kernel(dev, "sift", s.options, "sift_scan", &k.scan, err));
    QD_TRY_OUT(st, qd_cl_kernel(dev, "sift", s.options, "sift_pack", &k.pack, err));
    if (!s.lend) {
        QD_TRY_OUT(st, qd_cl_alloc(dev, &b.mine, bytes, err));
        QD_TRY_OUT(st, qd_cl_alloc(dev, &b.theirs, bytes, err));
        QD_TRY_OUT(st, qd_cl_alloc(dev, &b.value, bytes, err));
    }
    QD_TRY_OUT(st, qd_cl_alloc(dev, &b.count, 2 * sizeof(cl_uint) * blocks_of(bytes / 8, s.words), err));
    QD_TRY_OUT(st, qd_cl_alloc(dev, &b.total, 2 * sizeof(cl_uint), err));
    for (uint64_t at = 0; at < n; at += s.chunk)
        QD_TRY_OUT(st, select_chunk(dev, &s, &k, &b, mine->w + at / 64, theirs->w + at / 64, value->w + at / 64,
                                    least(s.chunk, n - at), z, x, err));
    if (n == 0) {
        QD_TRY_OUT(st, qd_bits_create(z, 0, err));
        QD_TRY_OUT(st, qd_bits_create(x, 0, err));
    }
out:
    discard(dev, &s, &b.value);
    qd_cl_free(&b.mine);
    qd_cl_free(&b.theirs);
    qd_cl_free(&b.count);
    qd_cl_free(&b.total);
    if (st != QD_OK) {
        qd_bits_destroy(z);
        qd_bits_destroy(x);
    }
    return st;
}
