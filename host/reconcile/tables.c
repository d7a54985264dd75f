/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/tables.h"

static void fill(const qd_code *c, qd_edge_form form, uint16_t *edges, uint16_t *cols) {
    const qd_graph *g = c->graph;
    uint32_t width = form == QD_EDGES_PLAIN ? 2 : 3;
    uint16_t former[QD_GRAPH_COLS_MAX];
    for (uint32_t e = 0; e < c->edges; e++) cols[g->edges[e].col] = (uint16_t)qd_code_shift(c, &g->edges[e]); /* the last one stays */
    for (uint32_t j = 0; j < c->cols; j++) former[j] = cols[j]; /* before the first row a column stands as after the last */
    for (uint32_t e = 0; e < c->edges; e++) {
        uint32_t j = g->edges[e].col, shift = qd_code_shift(c, &g->edges[e]);
        edges[width * e] = (uint16_t)j;
        edges[width * e + 1] = (uint16_t)(form == QD_EDGES_RELATIVE ? (shift + c->z - former[j]) % c->z : shift);
        if (width == 3) edges[width * e + 2] = (uint16_t)(form == QD_EDGES_RELATIVE ? (shift + c->z - cols[j]) % c->z : 0);
        former[j] = (uint16_t)shift;
    }
}

static qd_status upload(qd_buf *b, const void *p, size_t bytes, qd_device *dev, qd_error *err) {
    QD_TRY(qd_cl_alloc(dev, b, bytes, err));
    return qd_cl_write(dev, b, 0, p, bytes, err);
}

qd_status qd_code_tables_make(qd_code_tables *t, const qd_code *c, qd_edge_form form, qd_device *dev, qd_error *err) {
    uint16_t edges[3 * QD_GRAPH_EDGES_MAX] = {0}, cols[QD_GRAPH_COLS_MAX] = {0};
    fill(c, form, edges, cols);
    QD_TRY(upload(&t->rows, c->graph->row_start, (c->rows + 1) * sizeof(uint16_t), dev, err));
    QD_TRY(upload(&t->edges, edges, (form == QD_EDGES_PLAIN ? 2 : 3) * c->edges * sizeof(uint16_t), dev, err));
    return upload(&t->cols, cols, c->cols * sizeof(uint16_t), dev, err);
}

void qd_code_tables_free(qd_code_tables *t) {
    qd_cl_free(&t->rows);
    qd_cl_free(&t->edges);
    qd_cl_free(&t->cols);
}

void qd_buf_wipe(qd_device *dev, qd_buf *b) {
    if (b->mem) (void)qd_cl_zero(dev, b, 0, b->bytes, NULL); /* a device that fails here has lost its memory anyway */
    qd_cl_free(b);
}
