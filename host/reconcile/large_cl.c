/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compute/cl.h"
#include "reconcile/large_run.h"
#include "reconcile/tables.h"

enum {
    CHUNK = 256 /* frames in a launch */,
    TABLES = 2 * QD_LARGE_CLASSES + 3 * QD_LARGE_SUMS,
    AHEAD_BYTES = 2560 /* edges in lanes, as in the kernel */
};

typedef struct job {
    const qd_large_code *c;
    const qd_large_rule *rule; /* NULL: syndromes */
    qd_device *dev;
    qd_buf frames, syndromes, bits, iterations, rows, edges, places, tables, scratch, messages, taken;
    cl_kernel kernel;
    uint32_t lanes; /* 0 in the portable form */
    uint64_t chunk, workers;
    cl_ulong scratch_bytes; /* of a frame at work */
} job;

/* A form is a wish: where the compiler does not know wide vectors, the program built with LANES has the other kernels in it, or
 * is none. */
static qd_status choose(job *j, qd_large_form form, qd_error *err) {
    const char *lanes = j->rule ? "large_lanes" : "large_syndrome_lanes",
               *group = j->rule ? "large_group" : "large_syndrome_group";
    char options[64] = "";
    if (form == QD_LARGE_GROUP || !qd_cl_is_cpu(j->dev)) return qd_cl_kernel(j->dev, "large", "", group, &j->kernel, err);
    j->lanes = form == QD_LARGE_LANES_32 || form == QD_LARGE_LANES_64 ? (uint32_t)form : qd_cl_byte_lanes(j->dev) < 64 ? 32 : 64;
    if (form != QD_LARGE_LANES_32 && form != QD_LARGE_LANES_64 && qd_cl_has_permute(j->dev)) {
        snprintf(options, sizeof options, "-DLANES=64 -DPERMUTE");
        if (qd_cl_kernel(j->dev, "large", options, lanes, &j->kernel, NULL) == QD_OK) return QD_OK;
    }
    snprintf(options, sizeof options, "-DLANES=%u", j->lanes);
    if (qd_cl_kernel(j->dev, "large", options, lanes, &j->kernel, NULL) == QD_OK) return QD_OK;
    j->lanes = 0;
    return qd_cl_kernel(j->dev, "large", "", group, &j->kernel, err);
}

static qd_status upload(job *j, qd_buf *b, const void *p, size_t bytes, qd_error *err) {
    QD_TRY(qd_cl_alloc(j->dev, b, bytes, err));
    return qd_cl_write(j->dev, b, 0, p, bytes, err);
}

/* Where each vector of lanes begins in the APPs, in the order of use. */
static qd_status upload_places(job *j, qd_error *err) {
    const qd_large_code *c = j->c;
    const size_t n = (size_t)c->edges * (c->z / j->lanes) + AHEAD_BYTES / j->lanes;
    uint32_t *places = calloc(n, sizeof *places), *p = places;
    if (!places) return qd_fail(err, QD_E_INTERNAL, "no memory for the tables of a code|||close other programs");
    for (uint32_t i = 0; i < c->rows; i++)
        for (uint32_t r = 0; r < c->z; r += j->lanes)
            for (uint32_t e = c->row_start[i]; e < c->row_start[i + 1]; e++)
                *p++ = c->edge[e].col * (c->z + j->lanes) + (r + c->edge[e].shift) % c->z;
    qd_status st = upload(j, &j->places, places, n * sizeof *places, err);
    free(places);
    return st;
}

static qd_status upload_tables(job *j, qd_error *err) {
    uint8_t t[2][TABLES];
    for (int h = 0; h < 2 && j->rule; h++) {
        for (int k = 0; k < QD_LARGE_CLASSES; k++) {
            t[h][k] = (uint8_t)j->rule->phi[h][k];
            t[h][QD_LARGE_CLASSES + k] = (uint8_t)(j->rule->phi[h][k] >> 8);
        }
        memcpy(t[h] + 2 * QD_LARGE_CLASSES, j->rule->inverse[h], sizeof j->rule->inverse[h]);
    }
    if (j->rule) QD_TRY(upload(j, &j->tables, t, sizeof t, err));
    if (j->rule && j->lanes) QD_TRY(upload_places(j, err));
    QD_TRY(upload(j, &j->rows, j->c->row_start, (j->c->rows + 1) * sizeof(uint32_t), err));
    return upload(j, &j->edges, j->c->edge, j->c->edges * sizeof(qd_large_edge), err);
}

/* Work-items of the lanes have their scratch, as kernels/large.cl lays it out; work-groups have theirs in two buffers. */
static qd_status allocate(job *j, uint64_t n, qd_error *err) {
    const qd_large_code *c = j->c;
    const qd_device_info *about = qd_device_about(j->dev);
    const uint64_t messages = (uint64_t)c->edges * c->z, apps = (uint64_t)c->cols * (c->z + j->lanes) * 2;
    j->chunk = n < CHUNK ? n : CHUNK;
    if (j->lanes) {
        j->scratch_bytes =
            apps + messages + (uint64_t)c->rows * c->z + c->degree_max * j->lanes + (uint64_t)c->cols * (2 * c->words + 1) * 8;
        j->scratch_bytes = (j->scratch_bytes + 63) / 64 * 64;
        const uint64_t fit = about->max_alloc_bytes / j->scratch_bytes;
        j->workers = about->compute_units < j->chunk ? about->compute_units : j->chunk;
        if (fit < j->workers) j->workers = fit ? fit : 1;
        QD_TRY(qd_cl_alloc(j->dev, &j->scratch, j->workers * j->scratch_bytes, err));
        QD_TRY(qd_cl_alloc(j->dev, &j->taken, sizeof(cl_int), err));
    } else if (j->rule) {
        const uint64_t fit = about->max_alloc_bytes / messages;
        if (fit < j->chunk) j->chunk = fit ? fit : 1;
        QD_TRY(qd_cl_alloc(j->dev, &j->scratch, j->chunk * apps, err));
        QD_TRY(qd_cl_alloc(j->dev, &j->messages, j->chunk * messages, err));
    }
    QD_TRY(qd_cl_alloc(j->dev, &j->frames, j->chunk * qd_large_frame_words(c) * 8, err));
    QD_TRY(qd_cl_alloc(j->dev, &j->syndromes, j->chunk * qd_large_syndrome_words(c) * 8, err));
    if (!j->rule) return QD_OK;
    QD_TRY(qd_cl_alloc(j->dev, &j->bits, j->chunk * qd_large_frame_words(c) * 8, err));
    return qd_cl_alloc(j->dev, &j->iterations, j->chunk * sizeof(cl_uint), err);
}

static size_t group_size(const job *j) {
    size_t most = qd_device_about(j->dev)->max_work_group, size = j->c->z;
    if (size > 512) size = 512; /* registers for more are not certain */
    if (size > 128 && qd_cl_is_cpu(j->dev)) size = 128;
    return size < most ? size : most;
}

/* Workers, a work-item each, take @p n frames one after another. */
static qd_status run_in_lanes(job *j, const qd_arg *args, size_t n_args, uint64_t n, qd_error *err) {
    const uint64_t workers = j->workers < n ? j->workers : n;
    QD_TRY(qd_cl_zero(j->dev, &j->taken, 0, sizeof(cl_int), err));
    return qd_cl_run(j->dev, j->kernel, args, n_args, workers, 1, err);
}

static qd_status run_decoder(job *j, uint64_t n, qd_error *err) {
    const qd_large_code *c = j->c;
    cl_int n_frames = (cl_int)n, z = (cl_int)c->z, rows = (cl_int)c->rows, cols = (cl_int)c->cols,
           degree_max = (cl_int)c->degree_max, known = (cl_int)(c->cols - c->hidden), unknown = (cl_int)c->unknown, llr = (cl_int)j->rule->c, patience = (cl_int)j->rule->patience,
           most = (cl_int)j->rule->max_iterations;
    cl_uint few = j->rule->halve;
    const qd_arg lanes[] = {QD_ARG_BUF(j->frames),
                            QD_ARG_BUF(j->syndromes),
                            QD_ARG_BUF(j->bits),
                            QD_ARG_BUF(j->iterations),
                            QD_ARG_BUF(j->rows),
                            QD_ARG_BUF(j->edges),
                            QD_ARG_BUF(j->places),
                            QD_ARG_BUF(j->tables),
                            QD_ARG_BUF(j->scratch),
                            QD_ARG_BUF(j->taken),
                            QD_ARG(j->scratch_bytes),
                            QD_ARG(n_frames),
                            QD_ARG(z),
                            QD_ARG(rows),
                            QD_ARG(cols),
                            QD_ARG(degree_max),
                            QD_ARG(known),
                            QD_ARG(unknown),
                            QD_ARG(llr),
                            QD_ARG(few),
                            QD_ARG(patience),
                            QD_ARG(most)},
                 group[] = {QD_ARG_BUF(j->frames),
                            QD_ARG_BUF(j->syndromes),
                            QD_ARG_BUF(j->bits),
                            QD_ARG_BUF(j->iterations),
                            QD_ARG_BUF(j->rows),
                            QD_ARG_BUF(j->edges),
                            QD_ARG_BUF(j->tables),
                            QD_ARG_BUF(j->scratch),
                            QD_ARG_BUF(j->messages),
                            QD_ARG(n_frames),
                            QD_ARG(z),
                            QD_ARG(rows),
                            QD_ARG(cols),
                            QD_ARG(known),
                            QD_ARG(unknown),
                            QD_ARG(llr),
                            QD_ARG(few),
                            QD_ARG(patience),
                            QD_ARG(most),
                            QD_ARG_LOCAL(TABLES),
                            QD_ARG_LOCAL(sizeof(cl_uint))};
    if (j->lanes) return run_in_lanes(j, lanes, sizeof lanes / sizeof *lanes, n, err);
    return qd_cl_run(j->dev, j->kernel, group, sizeof group / sizeof *group, n * group_size(j), group_size(j), err);
}

static qd_status run_syndromes(job *j, uint64_t n, qd_error *err) {
    const qd_large_code *c = j->c;
    cl_int n_frames = (cl_int)n, z = (cl_int)c->z, rows = (cl_int)c->rows, cols = (cl_int)c->cols,
           degree_max = (cl_int)c->degree_max;
    const qd_arg lanes[] = {QD_ARG_BUF(j->frames),
                            QD_ARG_BUF(j->syndromes),
                            QD_ARG_BUF(j->rows),
                            QD_ARG_BUF(j->edges),
                            QD_ARG_BUF(j->scratch),
                            QD_ARG_BUF(j->taken),
                            QD_ARG(j->scratch_bytes),
                            QD_ARG(n_frames),
                            QD_ARG(z),
                            QD_ARG(rows),
                            QD_ARG(cols),
                            QD_ARG(degree_max)},
                 group[] = {QD_ARG_BUF(j->frames), QD_ARG_BUF(j->syndromes),
                            QD_ARG_BUF(j->rows),   QD_ARG_BUF(j->edges),
                            QD_ARG(n_frames),      QD_ARG(z),
                            QD_ARG(rows),          QD_ARG(cols)};
    if (j->lanes) return run_in_lanes(j, lanes, sizeof lanes / sizeof *lanes, n, err);
    return qd_cl_run(j->dev, j->kernel, group, sizeof group / sizeof *group, n * qd_large_syndrome_words(c), 0, err);
}

static qd_status begin(job *j, uint64_t n, qd_large_form form, qd_error *err) {
    QD_TRY(choose(j, form, err));
    QD_TRY(upload_tables(j, err));
    return allocate(j, n, err);
}

static void end(job *j) {
    qd_buf *const secret[] = {&j->frames, &j->syndromes, &j->bits, &j->scratch, &j->messages};
    qd_buf *const open[] = {&j->iterations, &j->rows, &j->edges, &j->places, &j->tables, &j->taken};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++) qd_buf_wipe(j->dev, secret[i]);
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) qd_cl_free(open[i]);
}

qd_status qd_large_syndrome_run(const qd_large_code *c, uint64_t n, const uint64_t *frames, uint64_t *syndromes,
                                qd_large_form form, qd_device *dev, qd_error *err) {
    const size_t fw = qd_large_frame_words(c), sw = qd_large_syndrome_words(c);
    for (uint64_t f = 0; f < n && !dev; f++) qd_large_syndrome(c, frames + f * fw, syndromes + f * sw);
    if (!dev) return QD_OK;
    job j = {.c = c, .dev = dev};
    qd_status st = begin(&j, n, form, err);
    for (uint64_t at = 0; at < n && st == QD_OK; at += j.chunk) {
        const uint64_t m = n - at < j.chunk ? n - at : j.chunk;
        QD_TRY_OUT(st, qd_cl_write(dev, &j.frames, 0, frames + at * fw, m * fw * 8, err));
        QD_TRY_OUT(st, run_syndromes(&j, m, err));
        QD_TRY_OUT(st, qd_cl_read(dev, &j.syndromes, 0, syndromes + at * sw, m * sw * 8, err));
    }
out:
    end(&j);
    return st;
}

static qd_status launch(job *j, uint64_t at, uint64_t n, const uint64_t *frames, const uint64_t *syndromes, uint64_t *bits,
                        uint32_t *iterations, qd_error *err) {
    const size_t fw = qd_large_frame_words(j->c), sw = qd_large_syndrome_words(j->c);
    QD_TRY(qd_cl_write(j->dev, &j->frames, 0, frames + at * fw, n * fw * 8, err));
    QD_TRY(qd_cl_write(j->dev, &j->syndromes, 0, syndromes + at * sw, n * sw * 8, err));
    QD_TRY(run_decoder(j, n, err));
    QD_TRY(qd_cl_read(j->dev, &j->bits, 0, bits + at * fw, n * fw * 8, err));
    return qd_cl_read(j->dev, &j->iterations, 0, iterations + at, n * sizeof(cl_uint), err);
}

qd_status qd_large_run(const qd_large_code *c, const qd_large_rule *rule, uint64_t n, const uint64_t *frames,
                       const uint64_t *syndromes, uint64_t *bits, uint32_t *iterations, qd_large_form form, qd_device *dev,
                       qd_error *err) {
    const size_t fw = qd_large_frame_words(c), sw = qd_large_syndrome_words(c);
    qd_status st = QD_OK;
    for (uint64_t f = 0; f < n && !dev && st == QD_OK; f++)
        st = qd_large_decode(c, rule, frames + f * fw, syndromes + f * sw, bits + f * fw, iterations + f, err);
    if (!dev) return st;
    job j = {.c = c, .rule = rule, .dev = dev};
    st = begin(&j, n, form, err);
    for (uint64_t at = 0; at < n && st == QD_OK; at += j.chunk)
        st = launch(&j, at, n - at < j.chunk ? n - at : j.chunk, frames, syndromes, bits, iterations, err);
    end(&j);
    return st;
}
