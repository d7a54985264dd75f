/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "reconcile/tables.h"

enum { LANES_LEAST = 16, PLACES_MOST = 2 * QD_GRAPH_EDGES_MAX * (QD_Z_MAX / LANES_LEAST + 1), STRIDE = QD_Z_MAX + 64 /* of kernels/ldpc.cl */ };

typedef struct tables {
    uint16_t edges[2 * QD_GRAPH_EDGES_MAX], cols[QD_GRAPH_COLS_MAX];
    uint32_t places[PLACES_MOST];
} tables;

static void fill_plain(const qd_code *c, tables *t) {
    for (uint32_t e = 0; e < c->edges; e++) {
        t->edges[2 * e] = c->graph->edges[e].col;
        t->edges[2 * e + 1] = (uint16_t)qd_code_shift(c, &c->graph->edges[e]);
    }
}

static uint32_t chunks_of(const qd_code *c, uint32_t lanes) { return (c->z + lanes - 1) / lanes; }

/* A column stands rotated by the shift of the row that wrote it last; before the first row, as after the last one. */
static void fill_rotated(const qd_code *c, tables *t) {
    const qd_graph *g = c->graph;
    for (uint32_t e = 0; e < c->edges; e++)
        t->cols[g->edges[e].col] = (uint16_t)qd_code_shift(c, &g->edges[e]); /* the last one stays */
    for (uint32_t e = 0; e < c->edges; e++) {
        t->edges[2 * e] = g->edges[e].col;
        t->edges[2 * e + 1] = (uint16_t)((qd_code_shift(c, &g->edges[e]) + c->z - t->cols[g->edges[e].col]) % c->z);
    }
}

/* Where the column has its two buffers, side 0 or 1; an extension column has one. */
static uint32_t home(const qd_code *c, uint32_t col, uint32_t side) {
    const uint32_t core = c->graph->kb + QD_CORE_ROWS;
    return (col < core ? 2 * col + side : core + col) * STRIDE;
}

/* Two iterations, after which each column is in the buffer in which it began. */
static void fill_places(const qd_code *c, uint32_t lanes, tables *t) {
    const qd_graph *g = c->graph;
    const uint32_t chunks = chunks_of(c, lanes);
    uint16_t former[QD_GRAPH_COLS_MAX];
    uint32_t *place = t->places;
    uint8_t side[QD_GRAPH_COLS_MAX] = {0};
    memcpy(former, t->cols, sizeof former);
    for (uint32_t i = 0; i < 2 * c->rows; i++) {
        const uint32_t row = i % c->rows, first = g->row_start[row], degree = g->row_start[row + 1] - first;
        for (uint32_t e = 0; e < degree; e++) {
            const uint32_t j = g->edges[first + e].col, shift = qd_code_shift(c, &g->edges[first + e]);
            for (uint32_t k = 0; k < chunks; k++)
                place[k * degree + e] = home(c, j, side[j]) + (k * lanes + shift + c->z - former[j]) % c->z;
            side[j] ^= 1;
            place[chunks * degree + e] = home(c, j, side[j]);
            former[j] = (uint16_t)shift;
        }
        place += (chunks + 1) * degree;
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
        fill_rotated(c, &here);
        fill_places(c, lanes, &here);
        QD_TRY(upload(&t->cols, here.cols, c->cols * sizeof(uint16_t), dev, err));
        QD_TRY(upload(&t->places, here.places, 2 * c->edges * (chunks_of(c, lanes) + 1) * sizeof(uint32_t), dev, err));
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
