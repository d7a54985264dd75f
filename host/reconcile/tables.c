/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/tables.h"

enum { LANES_LEAST = 16, PLACES_MOST = QD_GRAPH_EDGES_MAX * (QD_Z_MAX / LANES_LEAST) };

typedef struct tables {
    uint16_t edges[2 * QD_GRAPH_EDGES_MAX], cols[QD_GRAPH_COLS_MAX], places[PLACES_MOST];
} tables;

static void fill_plain(const qd_code *c, tables *t) {
    for (uint32_t e = 0; e < c->edges; e++) {
        t->edges[2 * e] = c->graph->edges[e].col;
        t->edges[2 * e + 1] = (uint16_t)qd_code_shift(c, &c->graph->edges[e]);
    }
}

/* A column stands rotated by the shift of the row that wrote it last; before the first row, as after the last one. */
static void fill_rotated(const qd_code *c, uint32_t lanes, tables *t) {
    const qd_graph *g = c->graph;
    uint32_t chunks = (c->z + lanes - 1) / lanes;
    uint16_t former[QD_GRAPH_COLS_MAX];
    for (uint32_t e = 0; e < c->edges; e++)
        t->cols[g->edges[e].col] = (uint16_t)qd_code_shift(c, &g->edges[e]); /* the last one stays */
    for (uint32_t j = 0; j < c->cols; j++) former[j] = t->cols[j];
    for (uint32_t i = 0; i < c->rows; i++)
        for (uint32_t first = g->row_start[i], degree = g->row_start[i + 1] - first, e = first; e < first + degree; e++) {
            uint32_t j = g->edges[e].col, shift = qd_code_shift(c, &g->edges[e]);
            t->edges[2 * e] = (uint16_t)j;
            t->edges[2 * e + 1] = (uint16_t)((shift + c->z - t->cols[j]) % c->z);
            for (uint32_t k = 0; k < chunks; k++)
                t->places[first * chunks + k * degree + e - first] = (uint16_t)((k * lanes + shift + c->z - former[j]) % c->z);
            former[j] = (uint16_t)shift;
        }
}

static qd_status upload(qd_buf *b, const void *p, size_t bytes, qd_device *dev, qd_error *err) {
    QD_TRY(qd_cl_alloc(dev, b, bytes, err));
    return qd_cl_write(dev, b, 0, p, bytes, err);
}

qd_status qd_code_tables_make(qd_code_tables *t, const qd_code *c, uint32_t lanes, qd_device *dev, qd_error *err) {
    tables here = {0};
    QD_TRY(upload(&t->rows, c->graph->row_start, (c->rows + 1) * sizeof(uint16_t), dev, err));
    if (lanes) {
        fill_rotated(c, lanes, &here);
        QD_TRY(upload(&t->cols, here.cols, c->cols * sizeof(uint16_t), dev, err));
        QD_TRY(upload(&t->places, here.places, c->edges * ((c->z + lanes - 1) / lanes) * sizeof(uint16_t), dev, err));
    } else {
        fill_plain(c, &here);
    }
    return upload(&t->edges, here.edges, 2 * c->edges * sizeof(uint16_t), dev, err);
}

void qd_code_tables_free(qd_code_tables *t) {
    qd_cl_free(&t->rows);
    qd_cl_free(&t->edges);
    qd_cl_free(&t->cols);
    qd_cl_free(&t->places);
}

void qd_buf_wipe(qd_device *dev, qd_buf *b) {
    if (b->mem) (void)qd_cl_zero(dev, b, 0, b->bytes, NULL); /* a device that fails here has lost its memory anyway */
    qd_cl_free(b);
}
