/* SPDX-License-Identifier: Apache-2.0 */
/* The device path: chunks, transforms and sums as toeplitz.h describes. */
#include <stdlib.h>
#include <string.h>
#include "amplify/pieces.h"
#include "amplify/toeplitz.h"

/* Spectra in one buffer. */
typedef struct ring {
    qd_buf whole, *part;
    uint64_t n;
} ring;

typedef struct work_state {
    qd_device *dev;
    qd_ntt *ntt;       /* of one route */
    qd_afft *afft;     /* or of another */
    qd_sliced *sliced; /* or of the third */
    const qd_toeplitz_shape *shape;
    const qd_toeplitz_job *job;
    qd_toeplitz_stats *stats;
    uint64_t m, r, todo, done;  /* transforms */
    bool in_place;              /* one key chunk: a product replaces its window */
    bool side_by_side;          /* one product, additive */
    qd_bits staging, scratch;   /* L bits: a piece, or sums; for pieces of what is not in memory */
    qd_buf bits[2];             /* L bits each; the second for a window beside its key */
    qd_bits y;                  /* output of a group, and before it what is left of the last word of the group before; or the caller's, of all */
    uint64_t y_from;            /* its first bit's place in all of the output, at a whole word */
    ring acc, windows, keys;    /* window d lies in slot d mod windows.n */
} work_state;

static qd_status step(work_state *s, uint64_t *count, qd_error *err) {
    ++*count;
    s->done++;
    if (!s->job->progress || s->done == s->todo) return QD_OK;
    return s->job->progress(s->job->self, (double)s->done / (double)s->todo, err);
}

/* Staging goes to the device; it is free again afterwards. */
static qd_status upload(work_state *s, qd_buf *bits, qd_error *err) { return qd_cl_write(s->dev, bits, 0, s->staging.w, (size_t)(s->staging.n / 8), err); }

static qd_status cut_key(work_state *s, uint64_t b, qd_error *err) {
    uint64_t at = b * s->shape->cols, count = s->m - at < s->shape->cols ? s->m - at : s->shape->cols;
    return qd_piece_cut(&s->staging, &s->job->x, (int64_t)at, count, s->scratch.w, err);
}

/* The transforms of a key and of a window, from bits. */
static qd_status transform_key(work_state *s, const qd_buf *bits, qd_buf *to, qd_error *err) {
    if (s->ntt) return qd_ntt_forward_bits(s->ntt, bits, to, err);
    return s->sliced ? qd_sliced_key(s->sliced, bits, to, err) : qd_afft_key(s->afft, bits, to, err);
}

static qd_status transform_window(work_state *s, const qd_buf *bits, qd_buf *to, qd_error *err) {
    if (s->ntt) return qd_ntt_forward_bits(s->ntt, bits, to, err);
    return s->sliced ? qd_sliced_window(s->sliced, bits, to, err) : qd_afft_window(s->afft, bits, to, err);
}

/* The seed bits that output chunk a and key chunk b with a - b = d share. */
static qd_status cut_window(work_state *s, int64_t d, qd_error *err) {
    const qd_toeplitz_shape *h = s->shape;
    const int64_t by = (int64_t)(h->n_cols > 1 ? h->cols : h->rows); /* equal, or d counts the one of which there are several */
    int64_t from = d * by + (int64_t)s->m - (int64_t)h->cols;
    uint64_t count = h->rows + h->cols - 1;
    if (!s->ntt) from -= (int64_t)(s->staging.n - count), count = s->staging.n; /* bits before the window's count for nothing */
    return qd_piece_cut(&s->staging, &s->job->seed, from, count, s->scratch.w, err);
}

static uint64_t slot(const work_state *s, int64_t d) {
    int64_t g = (int64_t)s->windows.n, i = d % g;
    return (uint64_t)(i < 0 ? i + g : i);
}

static qd_status key(work_state *s, uint64_t b, qd_buf *to, qd_error *err) {
    qd_buf *bits = &s->bits[0];
    QD_TRY(cut_key(s, b, err));
    QD_TRY(upload(s, bits, err));
    QD_TRY(transform_key(s, bits, to, err));
    return step(s, &s->stats->keys, err);
}

static qd_status window(work_state *s, int64_t d, qd_error *err) {
    qd_buf *bits = &s->bits[0], *to = &s->windows.part[slot(s, d)];
    QD_TRY(cut_window(s, d, err));
    QD_TRY(upload(s, bits, err));
    QD_TRY(transform_window(s, bits, to, err));
    return step(s, &s->stats->windows, err);
}

/* Of one product: both at once. */
static qd_status both(work_state *s, qd_error *err) {
    QD_TRY(cut_key(s, 0, err));
    QD_TRY(upload(s, &s->bits[0], err));
    QD_TRY(cut_window(s, 0, err));
    QD_TRY(upload(s, &s->bits[1], err));
    QD_TRY(qd_afft_both(s->afft, &s->bits[0], &s->keys.part[0], &s->bits[1], &s->windows.part[0], err));
    QD_TRY(step(s, &s->stats->keys, err));
    return step(s, &s->stats->windows, err);
}

/* The g outputs from @p first on meet the n keys from @p b on, whose spectra are there; @p begins: a sum does. */
static qd_status multiply(work_state *s, uint64_t first, uint64_t g, uint64_t b, uint64_t n, bool begins, qd_error *err) {
    s->stats->products += g * n;
    const int64_t d = (int64_t)first - (int64_t)b;
    if (!s->ntt && s->in_place) return QD_OK; /* it is done on the way back */
    if (s->afft) {
        const qd_afft_sum sum = {qd_toeplitz_stride(s->shape), (uint32_t)g, (uint32_t)n, (uint32_t)s->windows.n, (uint32_t)slot(s, d), !begins};
        return qd_afft_sums(s->afft, &s->acc.whole, &s->windows.whole, &s->keys.whole, &sum, err);
    }
    for (uint64_t a = 0; a < g; a++) {
        qd_buf *x = &s->windows.part[slot(s, d + (int64_t)a)];
        QD_TRY(s->ntt ? qd_ntt_multiply(s->ntt, s->in_place ? x : &s->acc.part[a], x, &s->keys.part[0], !begins, err)
                      : qd_sliced_multiply(s->sliced, &s->acc.part[a], x, &s->keys.part[0], !begins, err));
    }
    return QD_OK;
}

/* Sums of output chunk a, the i-th of the group, are added to y. */
static qd_status finish(work_state *s, uint64_t i, uint64_t a, qd_error *err) {
    const qd_toeplitz_shape *h = s->shape;
    qd_buf *x = s->in_place ? &s->windows.part[slot(s, (int64_t)a)] : &s->acc.part[i];
    qd_buf *bits = &s->bits[0];
    if (s->ntt) QD_TRY(qd_ntt_inverse_parity(s->ntt, x, bits, err));
    else if (s->sliced && s->in_place) QD_TRY(qd_sliced_back_of(s->sliced, x, &s->keys.part[0], bits, err));
    else if (s->sliced) QD_TRY(qd_sliced_back(s->sliced, x, bits, err));
    else if (s->in_place) QD_TRY(qd_afft_back_of(s->afft, x, &s->keys.part[0], bits, err));
    else QD_TRY(qd_afft_back(s->afft, x, bits, err));
    QD_TRY(qd_cl_read(s->dev, bits, 0, s->staging.w, (size_t)(s->staging.n / 8), err));
    uint64_t at = a * h->rows, count = s->r - at < h->rows ? s->r - at : h->rows;
    qd_piece_add(&s->y, at - s->y_from, &s->staging, s->ntt ? h->cols - 1 : s->staging.n - h->rows, count);
    return step(s, &s->stats->back, err);
}

/* Output chunks first .. first+g-1, into y. Each step of b shifts the differences a - b by one: one new window a key, the others are in their slots. */
static qd_status group(work_state *s, uint64_t first, uint64_t g, qd_error *err) {
    const qd_toeplitz_shape *h = s->shape;
    for (uint64_t b = 0; b < h->n_cols; b += h->keys) {
        uint64_t n = h->n_cols - b < h->keys ? h->n_cols - b : h->keys, after = b + n;
        int64_t d = (int64_t)first - (int64_t)b;
        if (s->side_by_side) QD_TRY(both(s, err));
        for (uint64_t k = 0; !s->side_by_side && k < n; k++) QD_TRY(key(s, b + k, &s->keys.part[k], err));
        for (int64_t i = 1 - (int64_t)n; !s->side_by_side && i < (b ? 1 : (int64_t)g); i++) QD_TRY(window(s, d + i, err));
        QD_TRY(multiply(s, first, g, b, n, b % h->sum == 0, err));
        if (after % h->sum && after < h->n_cols) continue;
        for (uint64_t i = 0; i < g; i++) QD_TRY(finish(s, i, first + i, err));
    }
    return QD_OK;
}

/* y[at .. end-1] ^= x[m+at ..] of all of the output. */
static qd_status add_identity(work_state *s, uint64_t at, uint64_t end, qd_error *err) {
    while (at < end) {
        uint64_t some = end - at;
        if (some > s->staging.n) some = s->staging.n;
        if (s->job->x.w) {
            const qd_bits x = {s->job->x.n, (uint64_t *)s->job->x.w};
            qd_piece_add(&s->y, at - s->y_from, &x, s->m + at, some);
        } else {
            QD_TRY(qd_piece_cut(&s->staging, &s->job->x, (int64_t)(s->m + at), some, s->scratch.w, err));
            qd_piece_add(&s->y, at - s->y_from, &s->staging, 0, some);
        }
        at += some;
    }
    return QD_OK;
}

/* Whole words of what is finished go out, and what is left of a word goes to the front. */
static qd_status put_out(work_state *s, uint64_t end, qd_error *err) {
    const uint64_t count = end - s->y_from, words = end == s->r ? qd_bits_words(count) : count / 64;
    if (s->job->y.w && end < s->r) return QD_OK;
    if (s->job->kind == QD_HASH_MODIFIED_TOEPLITZ) QD_TRY(add_identity(s, s->y_from, s->y_from + (64 * words < count ? 64 * words : count), err));
    if (s->job->y.w) return QD_OK;
    if (words) QD_TRY(s->job->y.write(s->job->y.self, s->y.w, words, err));
    uint64_t kept = words < qd_bits_words(count) ? s->y.w[words] : 0;
    memset(s->y.w, 0, (size_t)qd_bits_words(s->y.n) * 8);
    s->y.w[0] = kept;
    s->y_from += 64 * words;
    return QD_OK;
}

static qd_status make_ring(work_state *s, ring *r, uint64_t n, qd_error *err) {
    const size_t bytes = (size_t)qd_toeplitz_spectrum_bytes(s->shape), stride = (size_t)qd_toeplitz_stride(s->shape);
    r->part = calloc(n, sizeof *r->part);
    if (!r->part) return qd_fail(err, QD_E_INTERNAL, "hashing of %llu bits|no memory", (unsigned long long)s->job->x.n);
    r->n = n;
    QD_TRY(qd_cl_alloc(s->dev, &r->whole, stride * (size_t)(n - 1) + bytes, err));
    if (n == 1) r->part[0] = r->whole;
    for (uint64_t i = 0; n > 1 && i < n; i++) QD_TRY(qd_cl_part(s->dev, &r->part[i], &r->whole, (size_t)i * stride, bytes, err));
    s->stats->spectra_bytes += n * bytes;
    return QD_OK;
}

static qd_status allocate(work_state *s, qd_error *err) {
    const qd_toeplitz_shape *h = s->shape;
    bool in_memory = s->job->x.w && s->job->seed.w;
    const uint64_t l = (uint64_t)1 << h->log2l;
    QD_TRY(qd_bits_create(&s->staging, l, err));
    for (int i = 0; i < (s->side_by_side ? 2 : 1); i++) QD_TRY(qd_cl_alloc(s->dev, &s->bits[i], (size_t)(l / 8), err));
    if (!in_memory) QD_TRY(qd_bits_create(&s->scratch, 64 * qd_piece_scratch(l), err));
    if (s->job->y.w) s->y = (qd_bits){s->r, s->job->y.w};
    else QD_TRY(qd_bits_create(&s->y, (h->n_rows == 1 ? s->r : h->group * h->rows) + 64, err));
    QD_TRY(make_ring(s, &s->keys, h->keys, err));
    QD_TRY(make_ring(s, &s->windows, qd_toeplitz_ring(h), err));
    return s->in_place ? QD_OK : make_ring(s, &s->acc, h->group, err);
}

/* Everything here held key, or what gives it away. */
static void wipe(work_state *s, qd_buf *b) {
    if (b->mem) (void)qd_cl_zero(s->dev, b, 0, b->bytes, NULL);
    qd_cl_free(b);
}

static void wipe_ring(work_state *s, ring *r) {
    for (uint64_t i = 0; r->n > 1 && i < r->n; i++) qd_cl_free(&r->part[i]);
    free(r->part);
    wipe(s, &r->whole);
}

static void release(work_state *s) {
    for (int i = 0; i < 2; i++) wipe(s, &s->bits[i]);
    wipe_ring(s, &s->keys);
    wipe_ring(s, &s->windows);
    wipe_ring(s, &s->acc);
    (void)qd_cl_finish(s->dev, NULL);
    qd_bits_destroy(&s->staging);
    qd_bits_destroy(&s->scratch);
    if (!s->job->y.w) qd_bits_destroy(&s->y);
    qd_ntt_close(s->ntt);
    qd_afft_close(s->afft);
    qd_sliced_close(s->sliced);
}

qd_toeplitz_route qd_toeplitz_route_of(const qd_device *dev, uint64_t m, uint64_t r) {
    if (qd_afft_is_fast(dev)) return QD_TOEPLITZ_ADDITIVE;
    return qd_cl_is_cpu(dev) && m + r - 1 >= (uint64_t)1 << QD_SLICED_MIN_LOG2 ? QD_TOEPLITZ_SLICED : QD_TOEPLITZ_NTT;
}

qd_toeplitz_room qd_toeplitz_room_of(const qd_device *dev) {
    const qd_device_info *about = qd_device_about(dev);
    return (qd_toeplitz_room){about->max_alloc_bytes, about->global_mem_bytes / 2};
}

qd_status qd_toeplitz_cl(qd_device *dev, unsigned variant, const qd_toeplitz_shape *shape, const qd_toeplitz_job *job, qd_toeplitz_stats *stats, qd_error *err) {
    work_state s = {.dev = dev, .shape = shape, .job = job, .stats = stats, .m = qd_toeplitz_columns(job->kind, job->x.n, job->r), .r = job->r,
                    .in_place = qd_toeplitz_in_place(shape),
                    .side_by_side = shape->route == QD_TOEPLITZ_ADDITIVE && shape->n_rows == 1 && shape->n_cols == 1};
    uint64_t keys, windows, back;
    qd_toeplitz_count(shape, &keys, &windows, &back);
    s.todo = keys + windows + back;
    stats->transform_bits = (uint64_t)1 << shape->log2l;
    stats->rows = shape->rows;
    stats->columns = shape->cols;
    if (shape->route == QD_TOEPLITZ_NTT) QD_TRY(qd_ntt_open(dev, shape->log2l, (qd_ntt_variant)variant, &s.ntt, err));
    else if (shape->route == QD_TOEPLITZ_SLICED) QD_TRY(qd_sliced_open(dev, shape->log2l, (qd_sliced_variant)variant, &s.sliced, err));
    else QD_TRY(qd_afft_open(dev, shape->log2l, (qd_afft_variant)variant, &s.afft, err));
    qd_status st = allocate(&s, err);
    for (uint64_t a = 0; a < shape->n_rows && st == QD_OK; a += shape->group) {
        uint64_t g = shape->n_rows - a < shape->group ? shape->n_rows - a : shape->group, end = (a + g) * shape->rows;
        st = group(&s, a, g, err);
        if (st == QD_OK) st = put_out(&s, end < s.r ? end : s.r, err);
    }
    release(&s);
    return st;
}
