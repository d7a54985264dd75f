/* SPDX-License-Identifier: Apache-2.0 */
/* The device path: chunks, transforms and sums as toeplitz.h describes. */
#include <stdlib.h>
#include <string.h>
#include "amplify/toeplitz.h"

static uint64_t ceil_div(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }

/* Butterfly layers' worth of work: transforms (the first layers, packing and memory traffic count as two more), and
 * products, each worth about two layers. */
static double work(const qd_toeplitz_shape *s) {
    double transforms = 0;
    for (uint64_t a = 0; a < s->n_rows; a += s->group) {
        double g = (double)(s->n_rows - a < s->group ? s->n_rows - a : s->group);
        transforms += (double)s->n_cols + ((double)s->n_cols + g - 1) + g;
    }
    double products = (double)s->n_rows * (double)s->n_cols;
    return (double)((uint64_t)1 << s->log2l) * (transforms * (s->log2l - 1.0) + 2 * products);
}

static uint64_t spectrum_bytes(const qd_toeplitz_shape *s) {
    if (s->route == QD_TOEPLITZ_SLICED) return qd_sliced_spectrum_bytes(s->log2l);
    return s->route == QD_TOEPLITZ_NTT ? (uint64_t)4 << s->log2l : qd_afft_spectrum_bytes(s->log2l);
}

/* Complete a shape from L, rows and cols; false when it does not fit. */
static bool complete(qd_toeplitz_shape *s, uint64_t m, uint64_t r, uint64_t group, uint64_t max_alloc, uint64_t memory) {
    uint64_t spectrum = spectrum_bytes(s);
    s->n_rows = ceil_div(r, s->rows);
    s->n_cols = ceil_div(m, s->cols);
    if (spectrum > max_alloc || memory < 3 * spectrum) return false;
    uint64_t most = (memory / spectrum - 1) / 2;
    s->group = group && group < most ? group : most;
    if (s->group > s->n_rows) s->group = s->n_rows;
    return s->group > 0;
}

/* What a plan is asked for. */
typedef struct wish {
    uint64_t m, r, group, max_alloc, memory;
    qd_toeplitz_shape *best;
    double least;
} wish;

static void consider(wish *w, qd_toeplitz_route route, unsigned log2l, uint64_t rows, uint64_t cols) {
    qd_toeplitz_shape s = {.route = route, .log2l = log2l, .rows = rows, .cols = cols};
    if (!complete(&s, w->m, w->r, w->group, w->max_alloc, w->memory)) return;
    if (s.n_rows > 1 && s.n_cols > 1 && rows != cols) return;
    double least = work(&s);
    if (least < w->least) *w->best = s, w->least = least;
}

qd_status qd_toeplitz_plan(qd_toeplitz_route route, uint64_t m, uint64_t r, uint64_t chunk, uint64_t group, uint64_t max_alloc, uint64_t memory,
                           qd_toeplitz_shape *shape, qd_error *err) {
    wish w = {m, r, group, max_alloc, memory, shape, 1e300};
    static const unsigned shortest_of[QD_TOEPLITZ_ROUTES] = {0, QD_NTT_MIN_LOG2, QD_AFFT_MIN_LOG2, QD_SLICED_MIN_LOG2};
    static const unsigned longest_of[QD_TOEPLITZ_ROUTES] = {0, QD_NTT_MAX_LOG2, QD_AFFT_MAX_LOG2, QD_SLICED_MAX_LOG2};
    const unsigned shortest = shortest_of[route], longest = longest_of[route];
    bool power = chunk >= 16 && (chunk & (chunk - 1)) == 0;
    for (unsigned log2l = shortest; log2l <= longest; log2l++) {
        uint64_t l = (uint64_t)1 << log2l;
        if (chunk) {
            if (power && (l == 2 * chunk || (log2l == shortest && l > 2 * chunk))) consider(&w, route, log2l, chunk, chunk);
            continue;
        }
        if (l >= r + m - 1) consider(&w, route, log2l, r, m);
        if (l > r) consider(&w, route, log2l, r, l + 1 - r);
        if (l > m) consider(&w, route, log2l, l + 1 - m, m);
        consider(&w, route, log2l, l / 2, l / 2);
    }
    double least = w.least;
    if (least < 1e300) return QD_OK;
    if (chunk)
        return qd_fail(err, QD_E_USAGE, "hashing in chunks of %llu bits|the chunk is not a power of two from 16 to 2^26, or its transform exceeds the device's memory",
                       (unsigned long long)chunk);
    return qd_fail(err, QD_E_DEVICE, "hashing on this device|not even three small spectra fit its memory||--device ref");
}

/* ---- Bits, at any position --------------------------------------------------------------------------------------- */

/* Bits at .. at+63 of b, zeros where there are none. */
static uint64_t word_at(const qd_bits *b, int64_t at) {
    if (at <= -64 || at >= (int64_t)b->n) return 0;
    if (at < 0) return b->w[0] << -at;
    uint64_t i = (uint64_t)at / 64, shift = (uint64_t)at % 64, w = b->w[i] >> shift;
    if (shift && i + 1 < qd_bits_words(b->n)) w |= b->w[i + 1] << (64 - shift);
    return w;
}

/* dst = bits from .. from+count-1 of src (zeros outside it), then zeros. */
static void cut(qd_bits *dst, const qd_bits *src, int64_t from, uint64_t count) {
    uint64_t words = qd_bits_words(dst->n), i = 0;
    if (from >= 0 && (uint64_t)from < src->n) { /* whole words first */
        uint64_t at = (uint64_t)from / 64, shift = (uint64_t)from % 64, there = src->n / 64 - at, whole = count / 64;
        if (shift && there) there--;
        for (; i < whole && i < there && i < words; i++) dst->w[i] = shift ? src->w[at + i] >> shift | src->w[at + i + 1] << (64 - shift) : src->w[at + i];
    }
    for (; i < words; i++) {
        uint64_t left = count > 64 * i ? count - 64 * i : 0;
        uint64_t mask = left >= 64 ? UINT64_MAX : ((uint64_t)1 << left) - 1;
        dst->w[i] = mask ? word_at(src, from + (int64_t)(64 * i)) & mask : 0;
    }
}

/* dst[to .. to+count-1] ^= src[from .. from+count-1]. */
static void add(qd_bits *dst, uint64_t to, const qd_bits *src, uint64_t from, uint64_t count) {
    while (count) {
        uint64_t room = 64 - to % 64, some = count < room ? count : room;
        uint64_t mask = some == 64 ? UINT64_MAX : ((uint64_t)1 << some) - 1;
        dst->w[to / 64] ^= (word_at(src, (int64_t)from) & mask) << (to % 64);
        to += some, from += some, count -= some;
    }
}

/* ---- One hash ---------------------------------------------------------------------------------------------------- */

typedef struct work_state {
    qd_device *dev;
    qd_ntt *ntt;       /* of one route */
    qd_afft *afft;     /* or of another */
    qd_sliced *sliced; /* or of the third */
    const qd_toeplitz_shape *shape;
    const qd_bits *x, *seed;
    uint64_t m, r;
    qd_bits staging;        /* L bits: a segment, or sums */
    qd_buf bits, key;       /* L bits; spectrum of a key chunk */
    qd_buf *acc, *segments; /* group each; segment d lies in slot d mod group */
    bool in_place;          /* one product in all: it replaces the segment's spectrum */
} work_state;

/* The string of L bits in staging goes to the device, and its transform to @p x. */
static qd_status transform(work_state *s, bool is_key, qd_buf *x, qd_error *err) {
    QD_TRY(qd_cl_write(s->dev, &s->bits, 0, s->staging.w, (size_t)(s->staging.n / 8), err));
    if (s->ntt) return qd_ntt_forward_bits(s->ntt, &s->bits, x, err);
    if (s->sliced) return (is_key ? qd_sliced_key : qd_sliced_window)(s->sliced, &s->bits, x, err);
    return (is_key ? qd_afft_key : qd_afft_window)(s->afft, &s->bits, x, err);
}

static qd_status multiply(work_state *s, qd_buf *acc, const qd_buf *part, int sum, qd_error *err) {
    if (s->ntt) return qd_ntt_multiply(s->ntt, acc, part, &s->key, sum, err);
    if (s->in_place) return QD_OK; /* it is done on the way back */
    return s->sliced ? qd_sliced_multiply(s->sliced, acc, part, &s->key, sum, err) : qd_afft_multiply(s->afft, acc, part, &s->key, sum, err);
}

/* Sums of output chunk a, whose spectrum is @p x, into y. */
static qd_status finish(work_state *s, qd_buf *x, uint64_t a, qd_bits *y, qd_error *err) {
    const qd_toeplitz_shape *h = s->shape;
    if (s->ntt) QD_TRY(qd_ntt_inverse_parity(s->ntt, x, &s->bits, err));
    else if (s->sliced && s->in_place) QD_TRY(qd_sliced_back_of(s->sliced, x, &s->key, &s->bits, err));
    else if (s->sliced) QD_TRY(qd_sliced_back(s->sliced, x, &s->bits, err));
    else if (s->in_place) QD_TRY(qd_afft_back_of(s->afft, x, &s->key, &s->bits, err));
    else QD_TRY(qd_afft_back(s->afft, x, &s->bits, err));
    QD_TRY(qd_cl_read(s->dev, &s->bits, 0, s->staging.w, (size_t)(s->staging.n / 8), err));
    uint64_t at = a * h->rows, count = s->r - at < h->rows ? s->r - at : h->rows;
    add(y, at, &s->staging, s->ntt ? h->cols - 1 : s->staging.n - h->rows, count);
    return QD_OK;
}

static qd_buf *slot(const work_state *s, qd_buf *ring, int64_t d) {
    int64_t g = (int64_t)s->shape->group, i = d % g;
    return &ring[i < 0 ? i + g : i];
}

/* Spectrum of the seed bits that output chunk a and key chunk b with a - b = d share. */
static qd_status segment(work_state *s, int64_t a, int64_t b, qd_error *err) {
    const qd_toeplitz_shape *h = s->shape;
    int64_t from = a * (int64_t)h->rows - b * (int64_t)h->cols + (int64_t)s->m - (int64_t)h->cols;
    uint64_t count = h->rows + h->cols - 1;
    if (s->ntt) cut(&s->staging, s->seed, from, count);
    else cut(&s->staging, s->seed, from - (int64_t)(s->staging.n - count), s->staging.n); /* bits before the segment's count for nothing */
    return transform(s, false, slot(s, s->segments, a - b), err);
}

/* Output chunks first .. first+g-1, into y. */
static qd_status group(work_state *s, uint64_t first, uint64_t g, qd_bits *y, qd_error *err) {
    const qd_toeplitz_shape *h = s->shape;
    for (uint64_t b = 0; b < h->n_cols; b++) {
        uint64_t at = b * h->cols, count = s->m - at < h->cols ? s->m - at : h->cols;
        cut(&s->staging, s->x, (int64_t)at, count);
        QD_TRY(transform(s, true, &s->key, err));
        /* Each step of b shifts the differences a - b by one: one new segment, the others are in their slots already. */
        for (uint64_t a = first; a < first + (b ? 1 : g); a++) QD_TRY(segment(s, (int64_t)a, (int64_t)b, err));
        for (uint64_t a = first; a < first + g; a++) {
            const qd_buf *part = slot(s, s->segments, (int64_t)a - (int64_t)b);
            qd_buf *acc = s->in_place ? &s->segments[0] : &s->acc[a - first];
            QD_TRY(multiply(s, acc, part, b > 0, err));
        }
    }
    for (uint64_t a = first; a < first + g; a++) QD_TRY(finish(s, s->in_place ? &s->segments[0] : &s->acc[a - first], a, y, err));
    return QD_OK;
}

static qd_status allocate(work_state *s, qd_error *err) {
    const qd_toeplitz_shape *h = s->shape;
    size_t bytes = (size_t)spectrum_bytes(h);
    s->in_place = h->n_rows == 1 && h->n_cols == 1;
    s->acc = calloc(2 * h->group, sizeof *s->acc);
    if (!s->acc) return qd_fail(err, QD_E_INTERNAL, "hashing of %llu bits|no memory", (unsigned long long)s->x->n);
    s->segments = s->acc + h->group;
    QD_TRY(qd_bits_create(&s->staging, (uint64_t)1 << h->log2l, err));
    QD_TRY(qd_cl_alloc(s->dev, &s->bits, (size_t)(s->staging.n / 8), err));
    QD_TRY(qd_cl_alloc(s->dev, &s->key, bytes, err));
    for (uint64_t i = 0; i < h->group; i++) {
        QD_TRY(qd_cl_alloc(s->dev, &s->segments[i], bytes, err));
        if (!s->in_place) QD_TRY(qd_cl_alloc(s->dev, &s->acc[i], bytes, err));
    }
    return QD_OK;
}

/* Everything here held key, or what gives it away. */
static void wipe(work_state *s, qd_buf *b) {
    if (b->mem) (void)qd_cl_zero(s->dev, b, 0, b->bytes, NULL);
    qd_cl_free(b);
}

static void release(work_state *s) {
    wipe(s, &s->bits);
    wipe(s, &s->key);
    for (uint64_t i = 0; s->acc && i < 2 * s->shape->group; i++) wipe(s, &s->acc[i]);
    free(s->acc);
    (void)qd_cl_finish(s->dev, NULL);
    qd_bits_destroy(&s->staging);
    qd_ntt_close(s->ntt);
    qd_afft_close(s->afft);
    qd_sliced_close(s->sliced);
}

qd_toeplitz_route qd_toeplitz_route_of(const qd_device *dev) { return qd_afft_is_fast(dev) ? QD_TOEPLITZ_ADDITIVE : QD_TOEPLITZ_NTT; }

qd_status qd_toeplitz_cl(qd_device *dev, unsigned variant, const qd_toeplitz_shape *shape, const qd_bits *x, uint64_t m,
                         const qd_bits *seed, qd_bits *y, qd_error *err) {
    work_state s = {.dev = dev, .shape = shape, .x = x, .seed = seed, .m = m, .r = y->n};
    if (shape->route == QD_TOEPLITZ_NTT) QD_TRY(qd_ntt_open(dev, shape->log2l, (qd_ntt_variant)variant, &s.ntt, err));
    else if (shape->route == QD_TOEPLITZ_SLICED) QD_TRY(qd_sliced_open(dev, shape->log2l, (qd_sliced_variant)variant, &s.sliced, err));
    else QD_TRY(qd_afft_open(dev, shape->log2l, (qd_afft_variant)variant, &s.afft, err));
    qd_status st = allocate(&s, err);
    for (uint64_t a = 0; a < shape->n_rows && st == QD_OK; a += shape->group)
        st = group(&s, a, shape->n_rows - a < shape->group ? shape->n_rows - a : shape->group, y, err);
    release(&s);
    return st;
}
