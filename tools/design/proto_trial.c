/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "protograph.h"
#include "qdistill/security.h"
#include "reconcile/ldpc.h"
#include "reconcile/rate.h"
#include "reconcile/syndrome.h"

/* A cost for time: all frames running to the cap weigh as much as this share of them failing. */
static const double slowness = 0.03;
/* A wrong word that matches weighs as much as this number of frames that are known to have failed. */
static const double undetected = 20;

qd_status proto_trial_open(proto_trial *t, qd_error *err) {
    const size_t words = (size_t)PROTO_BATCH * QD_GRAPH_COLS_MAX * PROTO_Z / 64;
    *t = (proto_trial){.got = malloc(8 * words), .syndrome = malloc(8 * words), .iterations = malloc(PROTO_BATCH * sizeof(uint32_t))};
    if (!t->got || !t->syndrome || !t->iterations) return qd_fail(err, QD_E_INTERNAL, "no memory");
    return qd_device_open("cpu", &t->dev, err);
}

void proto_trial_close(proto_trial *t) {
    free(t->got);
    free(t->syndrome);
    free(t->iterations);
    qd_device_close(t->dev);
}

/* A graph as the decoder takes it, of its first rows. */
typedef struct lifted {
    qd_graph graph;
    qd_code code;
    qd_edge edges[QD_GRAPH_EDGES_MAX];
    uint16_t row_start[QD_GRAPH_ROWS_MAX + QD_DEGREE_MAX + 1];
} lifted;

static void lift(lifted *l, const proto *g, uint32_t rows) {
    uint16_t e = 0;
    for (uint32_t i = 0; i < rows; i++) {
        l->row_start[i] = e;
        for (uint32_t j = 0; j < g->kb + rows; j++)
            if (g->on[i][j]) {
                l->edges[e].col = (uint16_t)j;
                memcpy(l->edges[e++].shift, g->shift[i][j], sizeof g->shift[i][j]);
            }
    }
    l->row_start[rows] = e;
    const uint32_t others = QD_DEGREE_MAX - 2; /* rows of each degree that is not in use, so that all graphs have one program */
    for (uint32_t k = 0; k < others; k++) l->row_start[rows + k + 1] = (uint16_t)(l->row_start[rows + k] + 3 + k);
    l->graph = (qd_graph){.name = "protograph", .rows = rows + others, .cols = g->kb + rows + others, .kb = g->kb, .punctured = 2, .row_start = l->row_start, .edges = l->edges};
    l->code = (qd_code){.graph = &l->graph,
                        .z = PROTO_Z,
                        .set = PROTO_SET,
                        .m = rows * PROTO_Z,
                        .rows = rows,
                        .last = PROTO_Z,
                        .cols = g->kb + rows,
                        .words = PROTO_Z / 64,
                        .edges = e,
                        .n = (g->kb + rows - 2) * PROTO_Z,
                        .leak = (rows - 2) * PROTO_Z};
}

static double rate_of(double entropy) {
    double lo = 1e-9, hi = 0.5;
    for (int i = 0; i < 60; i++) *(qd_binary_entropy((lo + hi) / 2) < entropy ? &lo : &hi) = (lo + hi) / 2;
    return lo;
}

static double rate_at(const proto *g, const proto_spot *spot) {
    return rate_of((spot->rows - 2.0) / (g->kb + spot->rows - 2.0) / spot->f);
}

static size_t words_of(const proto *g, const proto_spot *spot) {
    return (size_t)(g->kb + spot->rows) * PROTO_Z / 64;
}

qd_status proto_draw(proto_frames *f, const proto *g, const proto_spot *spot, uint64_t seed, uint32_t batches, qd_error *err) {
    const size_t words = words_of(g, spot), n = (size_t)batches * PROTO_BATCH;
    const double q = rate_at(g, spot);
    proto_frames_free(f);
    *f = (proto_frames){batches, malloc(8 * n * words), malloc(8 * n * words)};
    if (!f->alice || !f->bob) {
        proto_frames_free(f);
        return qd_fail(err, QD_E_INTERNAL, "no memory");
    }
    for (size_t i = 0; i < n * words; i++) f->alice[i] = f->bob[i] = proto_random(&seed);
    for (size_t k = 0; k < n; k++)
        for (double at = -1;;) { /* gaps between errors are geometric */
            at += 1 + floor(log(((double)(proto_random(&seed) >> 11) + 0.5) / 9007199254740992.0) / log1p(-q));
            const double bit = at + 2 * PROTO_Z;
            if (bit >= 64.0 * (double)words) break;
            f->bob[k * words + (size_t)bit / 64] ^= (uint64_t)1 << ((size_t)bit % 64);
        }
    return QD_OK;
}

void proto_frames_free(proto_frames *f) {
    free(f->alice);
    free(f->bob);
    *f = (proto_frames){0};
}

qd_status proto_cost(proto_trial *t, const proto *g, const proto_spot *spot, const proto_frames *frames, double most, double *cost, qd_error *err) {
    lifted l;
    lift(&l, g, spot->rows);
    const size_t words = words_of(g, spot);
    qd_ldpc_rule rule = {.max_iterations = spot->iterations};
    qd_rate_rule(&l.code, &rule);
    *cost = 0;
    for (uint32_t b = 0; b < frames->batches && *cost <= most; b++) {
        const uint64_t *alice = frames->alice + b * PROTO_BATCH * words, *bob = frames->bob + b * PROTO_BATCH * words;
        double used = 0;
        QD_TRY(qd_syndrome_run(&l.code, QD_SYNDROME_AUTO, PROTO_BATCH, alice, t->syndrome, t->dev, err));
        QD_TRY(qd_ldpc_run(&l.code, &rule, PROTO_BATCH, bob, t->syndrome, t->got, t->iterations, QD_LDPC_AUTO, t->dev, err));
        for (uint32_t f = 0; f < PROTO_BATCH; f++) {
            if (memcmp(alice + f * words, t->got + f * words, 8 * words) != 0) *cost += t->iterations[f] ? undetected : 1;
            used += t->iterations[f] ? t->iterations[f] : spot->iterations;
        }
        *cost += slowness * used / spot->iterations;
    }
    return QD_OK;
}
