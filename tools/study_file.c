/* SPDX-License-Identifier: Apache-2.0 */
/* study reconcile: codes read from files, decoded in floating point. A name is the file's: file:PATH, or PATH where it has a
 * slash or a dot in it. The rate is that of the file, or lower by rows that a file of pairs adds up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/sparse.h"
#include "study_reconcile.h"

enum { BATCH = 64, ITERATIONS = 100 };

static const char *path_of(const qd_code_point *p) {
    return strncmp(p->code, "file:", 5) == 0 ? p->code + 5 : p->code;
}

/* How many pairs come closest to the leak. */
static qd_status pairs_for(const qd_code_point *p, const qd_sparse_code *c, const qd_sparse_pairs *pairs, uint32_t *n,
                           qd_error *err) {
    const double want = p->leak > 0 ? round((double)c->m - p->leak * c->n) : 0;
    if (!(want >= 0 && want <= pairs->n))
        return qd_fail(err, QD_E_USAGE,
                       "a leak of %.4f is out of range||with the pairs of %s the code discloses %.6f to %.6f|take another leak",
                       p->leak, p->combine, (double)(c->m - pairs->n) / c->n, (double)c->m / c->n);
    *n = (uint32_t)want;
    return QD_OK;
}

static qd_status code_of(const qd_code_point *p, qd_sparse_code **out, qd_error *err) {
    qd_sparse_code *c;
    qd_sparse_pairs pairs = {0};
    uint32_t n = 0;
    *out = NULL;
    if (!p->combine && p->leak > 0)
        return qd_fail(
            err, QD_E_USAGE,
            "%s has no leak to choose||its rows are its leak, unless --combine names pairs of them to add up|leave the leak out",
            path_of(p));
    QD_TRY(qd_sparse_read(path_of(p), &c, err));
    if (!p->combine) {
        *out = c;
        return QD_OK;
    }
    qd_status st = qd_sparse_pairs_read(p->combine, c, &pairs, err);
    if (st == QD_OK) st = pairs_for(p, c, &pairs, &n, err);
    if (st == QD_OK) st = qd_sparse_combine(c, &pairs, n, out, err);
    qd_sparse_pairs_free(&pairs);
    qd_sparse_free(c);
    return st;
}

static qd_status about(const qd_code_point *p, json_t **out, qd_error *err) {
    qd_sparse_code *c;
    QD_TRY(code_of(p, &c, err));
    *out = json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "z", (int)c->z, "rows", (int)c->rows, "columns", (int)c->cols, "m",
                     (int)c->m, "frame_bits", (int)c->n, "edges", (int)c->edges, "combined", (int)c->combined);
    qd_sparse_free(c);
    return *out ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory");
}

/* A state must not go on with another content of the same file. */
static qd_status parameters(const qd_code_point *p, json_t *to, qd_error *err) {
    char code[65], combine[65] = "", alist[65];
    qd_sparse_code *c;
    size_t bytes;
    QD_TRY(qd_sha256_file(path_of(p), code, err));
    if (p->combine) QD_TRY(qd_sha256_file(p->combine, combine, err));
    QD_TRY(qd_sparse_read(path_of(p), &c, err));
    char *text = qd_sparse_alist(c, &bytes);
    qd_sparse_free(c);
    if (!text) return qd_fail(err, QD_E_INTERNAL, "no memory");
    qd_sha256_hex(text, bytes, alist);
    free(text);
    json_t *more =
        json_pack("{s:s,s:s,s:s,s:s*,s:s*}", "file_sha256", code, "alist_sha256", alist, "schedule",
                  p->layered ? "layered" : "flooding", "combine", p->combine, "combine_sha256", p->combine ? combine : NULL);
    if (!more || json_object_update(to, more) != 0) {
        json_decref(more);
        return qd_fail(err, QD_E_INTERNAL, "no memory");
    }
    json_decref(more);
    return QD_OK;
}

static qd_status run(const qd_code_point *p, qd_device *dev, uint64_t seed, uint64_t first, uint64_t frames, qd_frame_tally *t,
                     qd_error *err) {
    (void)dev; /* floating point has no device path */
    qd_sparse_code *c;
    QD_TRY(code_of(p, &c, err));
    const qd_sparse_ask ask = {.code = c,
                               .schedule = p->layered ? QD_LAYERED : QD_FLOODING,
                               .max_iterations = (uint32_t)p->iterations,
                               .qber = p->qber,
                               .exact_errors = p->exact,
                               .seed = seed,
                               .first = first,
                               .frames = frames,
                               .strings = p->strings};
    qd_status st = qd_sparse_truth(&ask, t, err);
    qd_sparse_free(c);
    return st;
}

const qd_code_family qd_family_file = {.prefixes = {"file:"},
                                       .names = "file:PATH",
                                       .rated = true,
                                       .batch = BATCH,
                                       .iterations = ITERATIONS,
                                       .about = about,
                                       .parameters = parameters,
                                       .run = run};
