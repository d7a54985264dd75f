/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/syndrome.h"
#include "reconcile/tables.h"

enum { CHUNK = 16384 }; /* frames in a launch: at most 16384 x 68 x 12 words = 107 MB */

typedef struct job {
    const qd_code *c;
    qd_device *dev;
    qd_buf frames, syndromes;
    qd_code_tables tables;
    cl_kernel kernel;
    qd_syndrome_form form;
} job;

static qd_status launch(job *j, uint64_t n, const uint64_t *frames, uint64_t *syndromes, qd_error *err) {
    const qd_code *c = j->c;
    cl_int n_frames = (cl_int)n, z = (cl_int)c->z, rows = (cl_int)c->rows, cols = (cl_int)c->cols, last = (cl_int)c->last;
    const qd_arg args[] = {QD_ARG_BUF(j->frames),
                           QD_ARG_BUF(j->syndromes),
                           QD_ARG_BUF(j->tables.rows),
                           QD_ARG_BUF(j->tables.edges),
                           QD_ARG(n_frames),
                           QD_ARG(z),
                           QD_ARG(rows),
                           QD_ARG(cols),
                           QD_ARG(last)};
    QD_TRY(qd_cl_write(j->dev, &j->frames, 0, frames, n * qd_frame_words(c) * 8, err));
    const bool rows_each = j->form == QD_SYNDROME_ROWS;
    QD_TRY(qd_cl_run(j->dev, j->kernel, args, sizeof args / sizeof *args, rows_each ? n * c->rows : n, rows_each ? 64 : 1, err));
    return qd_cl_read(j->dev, &j->syndromes, 0, syndromes, n * qd_syndrome_words(c) * 8, err);
}

qd_status qd_syndrome_run(const qd_code *c, qd_syndrome_form form, uint64_t n, const uint64_t *frames, uint64_t *syndrome,
                          qd_device *dev, qd_error *err) {
    if (!dev) {
        qd_syndrome_ref(c, n, frames, syndrome);
        return QD_OK;
    }
    if (form == QD_SYNDROME_AUTO) form = qd_cl_is_cpu(dev) ? QD_SYNDROME_FRAMES : QD_SYNDROME_ROWS;
    job j = {.c = c, .dev = dev, .form = form};
    uint64_t chunk = n < CHUNK ? n : CHUNK;
    qd_status st;
    QD_TRY_OUT(st, qd_cl_kernel(dev, "syndrome", form == QD_SYNDROME_FRAMES ? "-DFRAMES" : "", "syndrome", &j.kernel, err));
    QD_TRY_OUT(st, qd_code_tables_make(&j.tables, c, 0, dev, err));
    QD_TRY_OUT(st, qd_cl_alloc(dev, &j.frames, chunk * qd_frame_words(c) * 8, err));
    QD_TRY_OUT(st, qd_cl_alloc(dev, &j.syndromes, chunk * qd_syndrome_words(c) * 8, err));
    for (uint64_t at = 0; at < n; at += chunk)
        QD_TRY_OUT(st, launch(&j, n - at < chunk ? n - at : chunk, frames + at * qd_frame_words(c),
                              syndrome + at * qd_syndrome_words(c), err));
out:
    qd_buf_wipe(dev, &j.frames);
    qd_buf_wipe(dev, &j.syndromes);
    qd_code_tables_free(&j.tables);
    return st;
}
