/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls: a device or the reference. */
#include <string.h>
#include "amplify/pieces.h"
#include "amplify/toeplitz.h"

uint64_t qd_toeplitz_seed_bits(qd_hash kind, uint64_t n, uint64_t r) {
    uint64_t bits = kind == QD_HASH_MODIFIED_TOEPLITZ ? n : n + r;
    return bits ? bits - 1 : 0;
}

static qd_status check(const qd_toeplitz_job *j, qd_error *err) {
    const uint64_t n = j->x.n, r = j->r, due = qd_toeplitz_seed_bits(j->kind, n, r);
    if (j->kind != QD_HASH_MODIFIED_TOEPLITZ && j->kind != QD_HASH_TOEPLITZ)
        return qd_fail(err, QD_E_USAGE, "hashing|%d is no family of hash functions", (int)j->kind);
    if (n < 1 || n > QD_AMPLIFY_MAX_BITS)
        return qd_fail(err, QD_E_USAGE, "hashing of %llu bits|lengths go from 1 to 2^32", (unsigned long long)n);
    if (r > n)
        return qd_fail(err, QD_E_USAGE, "hashing of %llu bits to %llu|the output is longer than the input|hashing cannot make key",
                       (unsigned long long)n, (unsigned long long)r);
    if (j->seed.n != due)
        return qd_fail(err, QD_E_USAGE, "hashing of %llu bits to %llu|the seed has %llu bits and must have %llu", (unsigned long long)n,
                       (unsigned long long)r, (unsigned long long)j->seed.n, (unsigned long long)due);
    return QD_OK;
}

/* ---- The reference ------------------------------------------------------------------------------------------------ */

/* All of a source. @p own: what the caller destroys, when it does not lie in memory. */
static qd_status load(const qd_bit_source *src, qd_bits *all, qd_bits *own, qd_error *err) {
    *all = (qd_bits){src->n, (uint64_t *)src->w};
    if (src->w || !src->n) return QD_OK;
    QD_TRY(qd_bits_create(own, src->n, err));
    *all = *own;
    return src->read(src->self, 0, qd_bits_words(src->n), own->w, err);
}

static qd_status by_reference(const qd_toeplitz_job *j, uint64_t m, qd_error *err) {
    qd_bits x, seed, y = {j->r, j->y.w}, own[3] = {{0, NULL}, {0, NULL}, {0, NULL}};
    qd_status st;
    QD_TRY_OUT(st, load(&j->x, &x, &own[0], err));
    QD_TRY_OUT(st, load(&j->seed, &seed, &own[1], err));
    if (!y.w) {
        QD_TRY_OUT(st, qd_bits_create(&own[2], j->r, err));
        y = own[2];
    }
    if (m > 0) QD_TRY_OUT(st, qd_toeplitz_ref(&x, m, &seed, &y, err));
    if (j->kind == QD_HASH_MODIFIED_TOEPLITZ) qd_piece_add(&y, 0, &x, m, j->r);
    if (!j->y.w) st = j->y.write(j->y.self, y.w, qd_bits_words(y.n), err);
out:
    for (int i = 0; i < 3; i++) qd_bits_destroy(&own[i]);
    return st;
}

/* ---- On a device -------------------------------------------------------------------------------------------------- */

/* No columns: the output is the input. */
static qd_status identity(const qd_toeplitz_job *j, qd_error *err) {
    enum { WORDS = 1 << 16 };
    qd_bits piece;
    QD_TRY(qd_bits_create(&piece, 64 * (WORDS + 1), err)); /* one for qd_piece_cut */
    qd_status st = QD_OK;
    for (uint64_t at = 0, words = qd_bits_words(j->r); at < words && st == QD_OK; at += WORDS) {
        uint64_t some = words - at < WORDS ? words - at : WORDS;
        if (j->x.w) memcpy(piece.w, j->x.w + at, (size_t)some * 8);
        else st = j->x.read(j->x.self, at, some, piece.w, err);
        if (st == QD_OK && j->y.w) memcpy(j->y.w + at, piece.w, (size_t)some * 8);
        else if (st == QD_OK) st = j->y.write(j->y.self, piece.w, some, err);
    }
    qd_bits_destroy(&piece);
    return st;
}

qd_status qd_toeplitz_stream_with(qd_device *dev, const qd_toeplitz_choice *choice, const qd_toeplitz_job *job, qd_toeplitz_stats *stats, qd_error *err) {
    qd_toeplitz_stats unseen;
    if (!stats) stats = &unseen;
    *stats = (qd_toeplitz_stats){0};
    QD_TRY(check(job, err));
    const uint64_t m = qd_toeplitz_columns(job->kind, job->x.n, job->r);
    if (job->r == 0) return QD_OK;
    if (!dev) return by_reference(job, m, err);
    if (m == 0) return identity(job, err);
    qd_toeplitz_choice c = *choice;
    if (c.route == QD_TOEPLITZ_AUTO) c.route = qd_toeplitz_route_of(dev, m, job->r);
    const qd_toeplitz_room room = qd_toeplitz_room_of(dev);
    qd_toeplitz_shape shape;
    QD_TRY(qd_toeplitz_plan(&c, m, job->r, &room, &shape, err));
    return qd_toeplitz_cl(dev, c.variant, &shape, job, stats, err);
}

qd_status qd_toeplitz_stream(qd_device *dev, const qd_toeplitz_job *job, qd_toeplitz_stats *stats, qd_error *err) {
    const qd_toeplitz_choice by_device = {0};
    return qd_toeplitz_stream_with(dev, &by_device, job, stats, err);
}

/* ---- In memory ---------------------------------------------------------------------------------------------------- */

qd_status qd_toeplitz_with(qd_device *dev, qd_hash kind, const qd_toeplitz_choice *choice, const qd_bits *x, uint64_t r, const qd_bits *seed,
                           qd_bits *y, qd_error *err) {
    qd_toeplitz_job job = {.kind = kind, .r = r, .x = qd_bits_as_source(x), .seed = qd_bits_as_source(seed)};
    *y = (qd_bits){0};
    QD_TRY(check(&job, err));
    QD_TRY(qd_bits_create(y, r, err));
    job.y.w = y->w;
    qd_status st = qd_toeplitz_stream_with(dev, choice, &job, NULL, err);
    if (st != QD_OK) qd_bits_destroy(y);
    return st;
}

qd_status qd_toeplitz(qd_device *dev, qd_hash kind, const qd_bits *x, uint64_t r, const qd_bits *seed, qd_bits *y, qd_error *err) {
    const qd_toeplitz_choice by_device = {0};
    return qd_toeplitz_with(dev, kind, &by_device, x, r, seed, y, err);
}
