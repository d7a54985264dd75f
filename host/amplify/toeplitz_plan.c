/* SPDX-License-Identifier: Apache-2.0 */
/* How a product is cut. */
#include "amplify/toeplitz.h"

static uint64_t ceil_div(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }

uint64_t qd_toeplitz_spectrum_bytes(const qd_toeplitz_shape *s) {
    if (s->route == QD_TOEPLITZ_SLICED) return qd_sliced_spectrum_bytes(s->log2l);
    return s->route == QD_TOEPLITZ_NTT ? (uint64_t)4 << s->log2l : qd_afft_spectrum_bytes(s->log2l);
}

/* A page and the lines of one column of qd_afft_sums. */
uint64_t qd_toeplitz_stride(const qd_toeplitz_shape *s) { return qd_toeplitz_spectrum_bytes(s) + 4096 + QD_CL_ALIGN; }

void qd_toeplitz_count(const qd_toeplitz_shape *s, uint64_t *keys, uint64_t *windows, uint64_t *back) {
    uint64_t groups = ceil_div(s->n_rows, s->group);
    *keys = groups * s->n_cols;
    *windows = groups * (s->n_cols - 1) + s->n_rows;
    *back = s->n_rows * ceil_div(s->n_cols, s->sum);
}

/* Nanoseconds that a word of a transform of 2^log2l bits takes, and one of a product, by the additive route as it was measured on one core of a Zen 3
 * (bench/NOTES.md). By the others, in layers of a word: the first layers, packing and memory traffic count as two more, a product as two. */
static double of_transform(const qd_toeplitz_shape *s) {
    static const double word[] = {6.7, 6.9, 7.2, 8.4, 8.5, 8.9, 10.2, 11.5, 12.5, 13.0}; /* from 2^19 to 2^28 */
    if (s->route != QD_TOEPLITZ_ADDITIVE) return s->log2l - 1.0;
    return s->log2l < 19 ? 6.7 : word[s->log2l - 19];
}
static double of_product(const qd_toeplitz_shape *s) { return s->route != QD_TOEPLITZ_ADDITIVE ? 2 : s->log2l > 26 ? .85 : .65; }

static double work(const qd_toeplitz_shape *s) {
    uint64_t keys, windows, back;
    qd_toeplitz_count(s, &keys, &windows, &back);
    double transforms = (double)(keys + windows + back), products = (double)s->n_rows * (double)s->n_cols;
    return (double)((uint64_t)1 << s->log2l) * (transforms * of_transform(s) + products * of_product(s));
}

/* Groups of outputs of equal size, at most @p most. */
static uint64_t even_group(uint64_t n_rows, uint64_t most) { return ceil_div(n_rows, ceil_div(n_rows, most)); }

/* Complete a shape from L, rows and cols; false when it does not fit. */
static bool complete(qd_toeplitz_shape *s, const qd_toeplitz_choice *c, uint64_t m, uint64_t r, const qd_toeplitz_room *room) {
    uint64_t stride = qd_toeplitz_stride(s), slots = room->memory / stride;
    bool additive = s->route == QD_TOEPLITZ_ADDITIVE;
    s->n_rows = ceil_div(r, s->rows);
    s->n_cols = ceil_div(m, s->cols);
    if (s->n_rows > 1 && s->n_cols > 1 && s->rows != s->cols) return false;
    s->keys = additive && s->n_cols < QD_AFFT_KEYS ? s->n_cols : additive ? QD_AFFT_KEYS : 1;
    s->sum = s->route != QD_TOEPLITZ_NTT ? UINT64_MAX : (QD_NTT_PRIME - 1) / s->cols;
    if (c->sum && c->sum < s->sum && s->route == QD_TOEPLITZ_NTT) s->sum = c->sum;
    if (slots < 2 * s->keys + 1 || room->max_alloc / stride < s->keys) return false; /* of one output */
    uint64_t most = qd_toeplitz_in_place(s) ? slots - s->keys : (slots + 1 - 2 * s->keys) / 2, longest = room->max_alloc / stride + 1 - s->keys;
    if (most > longest) most = longest;
    if (most > s->n_rows) most = s->n_rows;
    if (c->group && c->group < most) s->group = c->group;
    else s->group = even_group(s->n_rows, most);
    return true;
}

/* What a plan is asked for. */
typedef struct wish {
    const qd_toeplitz_choice *choice;
    uint64_t m, r;
    const qd_toeplitz_room *room;
    qd_toeplitz_shape *best;
    double least;
} wish;

static void consider(wish *w, unsigned log2l, uint64_t rows, uint64_t cols) {
    qd_toeplitz_shape s = {.route = w->choice->route, .log2l = log2l, .rows = rows, .cols = cols};
    if (!complete(&s, w->choice, w->m, w->r, w->room)) return;
    double least = work(&s);
    if (least < .99 * w->least) *w->best = s, w->least = least; /* longer transforms must be worth their memory */
}

/* Fewer outputs at a time, while that costs next to nothing: with few key chunks they share little. */
static void spare(qd_toeplitz_shape *s, double least) {
    qd_toeplitz_shape less = *s;
    for (uint64_t parts = 2; parts <= s->n_rows; parts *= 2) {
        less.group = ceil_div(s->n_rows, parts);
        if (less.group < s->group && work(&less) <= 1.01 * least) s->group = less.group;
    }
}

qd_status qd_toeplitz_plan(const qd_toeplitz_choice *choice, uint64_t m, uint64_t r, const qd_toeplitz_room *room, qd_toeplitz_shape *shape, qd_error *err) {
    wish w = {choice, m, r, room, shape, 1e300};
    static const unsigned shortest_of[QD_TOEPLITZ_ROUTES] = {0, QD_NTT_MIN_LOG2, QD_AFFT_MIN_LOG2, QD_SLICED_MIN_LOG2};
    static const unsigned longest_of[QD_TOEPLITZ_ROUTES] = {0, QD_NTT_MAX_LOG2, QD_AFFT_MAX_LOG2, QD_SLICED_MAX_LOG2};
    const unsigned shortest = shortest_of[choice->route], longest = longest_of[choice->route];
    uint64_t chunk = choice->chunk;
    bool power = chunk >= 16 && (chunk & (chunk - 1)) == 0;
    for (unsigned log2l = shortest; log2l <= longest; log2l++) {
        uint64_t l = (uint64_t)1 << log2l;
        if (chunk) {
            if (power && (l == 2 * chunk || (log2l == shortest && l > 2 * chunk))) consider(&w, log2l, chunk, chunk);
            continue;
        }
        if (l >= r + m - 1) consider(&w, log2l, r, m);
        if (l > r) consider(&w, log2l, r, l + 1 - r);
        if (l > m) consider(&w, log2l, l + 1 - m, m);
        consider(&w, log2l, l / 2, l / 2);
    }
    if (w.least < 1e300) {
        if (!choice->group) spare(shape, w.least);
        return QD_OK;
    }
    if (chunk)
        return qd_fail(err, QD_E_USAGE, "hashing in chunks of %llu bits|the chunk is not a power of two from 16 to 2^%u, or its transform exceeds the device's memory",
                       (unsigned long long)chunk, longest - 1);
    return qd_fail(err, QD_E_DEVICE, "hashing on this device|not even three small spectra fit its memory||--device ref");
}
