/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "reconcile/ldpc.h"
#include "reconcile/tables.h"

enum {
    CHUNK_LANES = 16384, /* frames in a launch */
    CHUNK_GROUP = 2048   /* the portable form keeps its messages in global memory, up to 276 kB a frame */
};

struct qd_ldpc_state {
    uint32_t cols, edges, pitch; /* of the longest code */
    uint64_t frames;
    qd_device *dev;    /* NULL: the reference */
    qd_buf at, seen;   /* as kernels/ldpc.cl says */
    qd_ldpc_kept here; /* the reference's */
};

typedef struct job {
    const qd_code *c;
    const qd_ldpc_rule *rule;
    qd_device *dev;
    const qd_ldpc_state *state; /* NULL: none is kept */
    qd_buf frames, syndromes, bits, iterations, messages, apps, slots;
    qd_code_tables tables;
    cl_kernel kernel;
    qd_ldpc_form form;
    uint32_t lanes; /* 0 in the portable form */
    uint64_t chunk;
} job;

/* Bit d: the graph has block rows of d edges. Of all of them, not of the rows in use, so that a graph has one program. */
static uint32_t degrees_of(const qd_graph *g) {
    uint32_t mask = 0;
    for (uint32_t i = 0; i < g->rows; i++) mask |= 1u << (g->row_start[i + 1] - g->row_start[i]);
    return mask;
}

static size_t apps_of(const qd_code *c) { return (size_t)c->cols * c->z; }

qd_ldpc_form qd_ldpc_form_taken(qd_device *dev, const qd_code *c, qd_ldpc_form form) {
    return form == QD_LDPC_GROUP && apps_of(c) + sizeof(cl_int) > qd_device_about(dev)->local_mem_bytes ? QD_LDPC_GROUP_FAR : form;
}

static qd_status choose_group(job *j, qd_ldpc_form form, qd_error *err) {
    char options[64];
    const bool far = qd_ldpc_form_taken(j->dev, j->c, form == QD_LDPC_GROUP_FAR ? form : QD_LDPC_GROUP) == QD_LDPC_GROUP_FAR;
    snprintf(options, sizeof options, "-DCLIP=%d%s", QD_LDPC_CLIP, far ? " -DFAR" : "");
    j->form = far ? QD_LDPC_GROUP_FAR : QD_LDPC_GROUP;
    return qd_cl_kernel(j->dev, "ldpc", options, "ldpc_group", &j->kernel, err);
}

/* A form is a wish: where the compiler does not know wide vectors, there is no kernel in lanes. */
static qd_status choose(job *j, qd_ldpc_form form, qd_error *err) {
    char options[64];
    if (form == QD_LDPC_GROUP || form == QD_LDPC_GROUP_FAR || !qd_cl_is_cpu(j->dev)) return choose_group(j, form, err);
    uint32_t lanes = form >= QD_LDPC_LANES_16 ? (uint32_t)form : qd_cl_byte_lanes(j->dev);
    lanes = lanes < 16 ? 16 : lanes > 64 ? 64 : lanes;
    snprintf(options, sizeof options, "-DCLIP=%d -DLANES=%u -DDEGREES=0x%xu", QD_LDPC_CLIP, lanes, degrees_of(j->c->graph));
    if (qd_cl_kernel(j->dev, "ldpc", options, "ldpc_lanes", &j->kernel, NULL) == QD_OK) {
        j->form = QD_LDPC_LANES;
        j->lanes = lanes;
        return QD_OK;
    }
    return choose_group(j, form, err);
}

/* First lifted row whose extension bit is known; where none is, one behind the last. */
static cl_int known_from(const job *j) {
    return (cl_int)(j->rule->known ? j->rule->known : j->c->rows * j->c->z);
}

static qd_status run_lanes(job *j, uint64_t n, qd_error *err) {
    static const qd_ldpc_state none = {0};
    const qd_ldpc_state *kept = j->state ? j->state : &none;
    const qd_code *c = j->c;
    cl_int n_frames = (cl_int)n, z = (cl_int)c->z, rows = (cl_int)c->rows, cols = (cl_int)c->cols,
           punctured = (cl_int)c->graph->punctured, core = (cl_int)(c->graph->kb + QD_CORE_ROWS), last = (cl_int)c->last,
           llr = (cl_int)j->rule->c, known = known_from(j), a = (cl_int)j->rule->a, most = (cl_int)j->rule->max_iterations,
           kept_cols = (cl_int)kept->cols, kept_edges = (cl_int)kept->edges;
    const qd_arg args[] = {QD_ARG_BUF(j->frames),
                           QD_ARG_BUF(j->syndromes),
                           QD_ARG_BUF(j->bits),
                           QD_ARG_BUF(j->iterations),
                           QD_ARG_BUF(j->tables.rows),
                           QD_ARG_BUF(j->tables.edges),
                           QD_ARG_BUF(j->tables.cols),
                           QD_ARG_BUF(j->tables.places),
                           QD_ARG_BUF(kept->at),
                           QD_ARG_BUF(kept->seen),
                           QD_ARG_BUF(j->slots),
                           QD_ARG(kept_cols),
                           QD_ARG(kept_edges),
                           QD_ARG(n_frames),
                           QD_ARG(z),
                           QD_ARG(rows),
                           QD_ARG(cols),
                           QD_ARG(punctured),
                           QD_ARG(core),
                           QD_ARG(last),
                           QD_ARG(llr),
                           QD_ARG(known),
                           QD_ARG(a),
                           QD_ARG(most)};
    return qd_cl_run(j->dev, j->kernel, args, sizeof args / sizeof *args, n, 1, err);
}

static size_t group_size(const job *j) {
    size_t most = qd_device_about(j->dev)->max_work_group, size = j->c->z < QD_Z_STANDARD ? j->c->z : QD_Z_STANDARD;
    if (size > 128 && qd_cl_is_cpu(j->dev)) size = 128;
    return size < most ? size : most;
}

static qd_status run_group(job *j, uint64_t n, qd_error *err) {
    static const qd_ldpc_state none = {0};
    const qd_ldpc_state *kept = j->state ? j->state : &none;
    const qd_code *c = j->c;
    cl_int n_frames = (cl_int)n, z = (cl_int)c->z, rows = (cl_int)c->rows, cols = (cl_int)c->cols,
           punctured = (cl_int)c->graph->punctured, core = (cl_int)(c->graph->kb + QD_CORE_ROWS), last = (cl_int)c->last,
           llr = (cl_int)j->rule->c, known = known_from(j), a = (cl_int)j->rule->a, most = (cl_int)j->rule->max_iterations,
           kept_cols = (cl_int)kept->cols, kept_edges = (cl_int)kept->edges;
    size_t size = group_size(j);
    const qd_arg args[] = {QD_ARG_BUF(j->frames),
                           QD_ARG_BUF(j->syndromes),
                           QD_ARG_BUF(j->bits),
                           QD_ARG_BUF(j->iterations),
                           QD_ARG_BUF(j->tables.rows),
                           QD_ARG_BUF(j->tables.edges),
                           QD_ARG_BUF(j->messages),
                           QD_ARG_BUF(kept->at),
                           QD_ARG_BUF(kept->seen),
                           QD_ARG_BUF(j->slots),
                           QD_ARG(kept_cols),
                           QD_ARG(kept_edges),
                           QD_ARG(n_frames),
                           QD_ARG(z),
                           QD_ARG(rows),
                           QD_ARG(cols),
                           QD_ARG(punctured),
                           QD_ARG(core),
                           QD_ARG(last),
                           QD_ARG(llr),
                           QD_ARG(known),
                           QD_ARG(a),
                           QD_ARG(most),
                           j->form == QD_LDPC_GROUP_FAR ? QD_ARG_BUF(j->apps) : QD_ARG_LOCAL(apps_of(c)),
                           QD_ARG_LOCAL(sizeof(cl_int))};
    return qd_cl_run(j->dev, j->kernel, args, sizeof args / sizeof *args, n * size, size, err);
}

static qd_status allocate(job *j, uint64_t n, qd_error *err) {
    const qd_code *c = j->c;
    const uint64_t fit = qd_device_about(j->dev)->max_alloc_bytes / (c->edges * 64ull * c->words);
    uint64_t most = j->form == QD_LDPC_LANES ? CHUNK_LANES : fit == 0 ? 1 : fit < CHUNK_GROUP ? fit : CHUNK_GROUP;
    j->chunk = n < most ? n : most;
    QD_TRY(qd_cl_alloc(j->dev, &j->frames, j->chunk * qd_frame_words(c) * 8, err));
    QD_TRY(qd_cl_alloc(j->dev, &j->syndromes, j->chunk * qd_syndrome_words(c) * 8, err));
    QD_TRY(qd_cl_alloc(j->dev, &j->bits, j->chunk * qd_frame_words(c) * 8, err));
    QD_TRY(qd_cl_alloc(j->dev, &j->iterations, j->chunk * sizeof(cl_uint), err));
    if (j->form == QD_LDPC_GROUP_FAR) QD_TRY(qd_cl_alloc(j->dev, &j->apps, j->chunk * apps_of(c), err));
    if (j->state) return qd_cl_alloc(j->dev, &j->slots, j->chunk * sizeof(cl_uint), err);
    return j->form == QD_LDPC_LANES ? QD_OK : qd_cl_alloc(j->dev, &j->messages, j->chunk * c->edges * 64 * c->words, err);
}

static qd_status launch(job *j, uint64_t at, uint64_t n, const uint32_t *place, const uint64_t *frames, const uint64_t *syndrome,
                        uint64_t *bits, uint32_t *iterations, qd_error *err) {
    size_t fw = qd_frame_words(j->c), sw = qd_syndrome_words(j->c);
    if (j->state) QD_TRY(qd_cl_write(j->dev, &j->slots, 0, place + at, n * sizeof(cl_uint), err));
    QD_TRY(qd_cl_write(j->dev, &j->frames, 0, frames + at * fw, n * fw * 8, err));
    QD_TRY(qd_cl_write(j->dev, &j->syndromes, 0, syndrome + at * sw, n * sw * 8, err));
    QD_TRY(j->form == QD_LDPC_LANES ? run_lanes(j, n, err) : run_group(j, n, err));
    QD_TRY(qd_cl_read(j->dev, &j->bits, 0, bits + at * fw, n * fw * 8, err));
    return qd_cl_read(j->dev, &j->iterations, 0, iterations + at, n * sizeof(cl_uint), err);
}

static qd_status decode(const qd_ldpc_state *s, const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint32_t *place,
                        const uint64_t *frames, const uint64_t *syndrome, uint64_t *bits, uint32_t *iterations, qd_ldpc_form form,
                        qd_device *dev, qd_error *err) {
    job j = {.c = c, .rule = rule, .dev = dev, .state = s};
    qd_status st;
    QD_TRY_OUT(st, choose(&j, form, err));
    QD_TRY_OUT(st, qd_code_tables_make(&j.tables, c, j.lanes, dev, err));
    QD_TRY_OUT(st, allocate(&j, n, err));
    for (uint64_t at = 0; at < n; at += j.chunk)
        QD_TRY_OUT(st, launch(&j, at, n - at < j.chunk ? n - at : j.chunk, place, frames, syndrome, bits, iterations, err));
out:
    qd_buf_wipe(dev, &j.frames);
    qd_buf_wipe(dev, &j.syndromes);
    qd_buf_wipe(dev, &j.bits);
    qd_buf_wipe(dev, &j.messages);
    qd_buf_wipe(dev, &j.apps);
    qd_cl_free(&j.iterations);
    qd_cl_free(&j.slots);
    qd_code_tables_free(&j.tables);
    return st;
}

qd_status qd_ldpc_run(const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint64_t *frames, const uint64_t *syndrome,
                      uint64_t *bits, uint32_t *iterations, qd_ldpc_form form, qd_device *dev, qd_error *err) {
    if (!dev) return qd_ldpc_ref(c, rule, n, frames, syndrome, bits, iterations, err);
    return decode(NULL, c, rule, n, NULL, frames, syndrome, bits, iterations, form, dev, err);
}

/* ---- States ---------------------------------------------------------------------------------------------------------------- */

static qd_status open_here(qd_ldpc_state *s, qd_error *err) {
    s->here = (qd_ldpc_kept){s->cols, s->edges, s->pitch, qd_secret_alloc(s->frames * (s->cols + s->edges) * s->pitch),
                             calloc(s->frames, sizeof(uint32_t))};
    return s->here.at && s->here.seen ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the decoders|||take fewer frames at once");
}

qd_status qd_ldpc_open(qd_ldpc_state **out, const qd_code *longest, uint64_t frames, qd_device *dev, qd_error *err) {
    qd_status st;
    qd_ldpc_state *s = *out = calloc(1, sizeof *s);
    if (!s) return qd_fail(err, QD_E_INTERNAL, "no memory");
    *s = (qd_ldpc_state){.cols = longest->cols, .edges = longest->edges, .pitch = 64 * longest->words, .frames = frames, .dev = dev};
    if (!dev) {
        QD_TRY_OUT(st, open_here(s, err));
        return QD_OK;
    }
    QD_TRY_OUT(st, qd_cl_alloc(dev, &s->at, frames * (s->cols + s->edges) * s->pitch, err));
    QD_TRY_OUT(st, qd_cl_alloc(dev, &s->seen, frames * sizeof(cl_uint), err));
    QD_TRY_OUT(st, qd_cl_zero(dev, &s->at, 0, s->at.bytes, err));
    QD_TRY_OUT(st, qd_ldpc_forget(s, err));
    return QD_OK;
out:
    qd_ldpc_close(s);
    *out = NULL;
    return st;
}

qd_status qd_ldpc_forget(qd_ldpc_state *s, qd_error *err) {
    if (s->dev) return qd_cl_zero(s->dev, &s->seen, 0, s->seen.bytes, err);
    memset(s->here.seen, 0, s->frames * sizeof *s->here.seen);
    return QD_OK;
}

void qd_ldpc_close(qd_ldpc_state *s) {
    if (!s) return;
    qd_secret_free(s->here.at);
    free(s->here.seen);
    if (s->dev) qd_buf_wipe(s->dev, &s->at);
    qd_cl_free(&s->seen);
    free(s);
}

qd_status qd_ldpc_go_on(qd_ldpc_state *s, const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint32_t *place,
                        const uint64_t *frames, const uint64_t *syndrome, uint64_t *bits, uint32_t *iterations, qd_ldpc_form form,
                        qd_error *err) {
    if (!s->dev) return qd_ldpc_go_on_ref(&s->here, c, rule, n, place, frames, syndrome, bits, iterations, err);
    return decode(s, c, rule, n, place, frames, syndrome, bits, iterations, form, s->dev, err);
}
