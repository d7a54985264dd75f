/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/ldpc.h"

#include <stdlib.h>
#include <string.h>

typedef struct decoder {
    const qd_code *c;
    const qd_ldpc_rule *rule;
    int8_t *app; /* [cols][z] */
    int8_t *msg; /* [edges][z] */
} decoder;

static int sat(int x) {
    return x > 127 ? 127 : x < -128 ? -128 : x;
}
static int less(int x, int by) {
    return x > by ? x - by : 0;
}
static int smaller(int x, int y) {
    return x < y ? x : y;
}
static int larger(int x, int y) {
    return x > y ? x : y;
}

static int box(int x, int y, int a) {
    const int lo = smaller(x, y), apart = larger(x, y) - lo, two = a < 8 ? 1 : 2, one = a < 8 ? a : a - 3;
    return less(lo, apart < two ? 2 : apart < one ? 1 : 0);
}

/* One lifted row. */
static void row(decoder *d, uint32_t i, uint32_t r, unsigned syndrome_bit) {
    const qd_graph *g = d->c->graph;
    uint32_t first = g->row_start[i], degree = g->row_start[i + 1] - first;
    int v[QD_DEGREE_MAX], m[2] = {255, 255}, l[2] = {255, 255}, a = (int)d->rule->a;
    unsigned parity = syndrome_bit;
    int8_t *app[QD_DEGREE_MAX], *msg[QD_DEGREE_MAX];
    for (uint32_t e = 0; e < degree; e++) {
        const qd_edge *edge = &g->edges[first + e];
        app[e] = d->app + (size_t)edge->col * d->c->z + (r + qd_code_shift(d->c, edge)) % d->c->z;
        msg[e] = d->msg + (size_t)(first + e) * d->c->z + r;
        v[e] = sat(*app[e] - *msg[e]);
        parity ^= v[e] < 0;
        l[e % 2] = box(l[e % 2], larger(m[e % 2], abs(v[e])), a);
        m[e % 2] = smaller(m[e % 2], abs(v[e]));
    }
    int least = smaller(m[0], m[1]), others = smaller(QD_LDPC_CLIP, box(box(l[0], l[1], a), larger(m[0], m[1]), a)),
        all = box(others, least, a);
    for (uint32_t e = 0; e < degree; e++) {
        int size = abs(v[e]) == least ? others : all;
        *msg[e] = (int8_t)((parity ^ (v[e] < 0)) ? -size : size);
        *app[e] = (int8_t)sat(v[e] + *msg[e]);
    }
}

static unsigned get(const uint64_t *w, uint32_t p) {
    return (unsigned)(w[p / 64] >> (p % 64)) & 1u;
}

static int matches(const decoder *d, const uint64_t *syndrome) {
    const qd_code *c = d->c;
    for (uint32_t i = 0; i < c->rows; i++)
        for (uint32_t r = 0; r < qd_code_row_bits(c, i); r++) {
            unsigned parity = get(syndrome + (size_t)i * c->words, r);
            for (uint32_t e = c->graph->row_start[i]; e < c->graph->row_start[i + 1]; e++) {
                const qd_edge *edge = &c->graph->edges[e];
                parity ^= d->app[(size_t)edge->col * c->z + (r + qd_code_shift(c, edge)) % c->z] < 0;
            }
            if (parity) return 0;
        }
    return 1;
}

/* The decoder's beginning. */
static void start(decoder *d, const uint64_t *frame) {
    const qd_code *c = d->c;
    memset(d->app, 0, (size_t)c->cols * c->z);
    memset(d->msg, 0, (size_t)c->edges * c->z);
    for (uint32_t j = c->graph->punctured; j < c->cols; j++) {
        for (uint32_t p = 0; p < qd_code_col_bits(c, j); p++) {
            bool extension = j >= c->graph->kb + QD_CORE_ROWS, known = d->rule->known && (j - c->graph->kb) * c->z + p >= d->rule->known;
            int llr = extension && known ? 127 : (int)d->rule->c;
            d->app[(size_t)j * c->z + p] = (int8_t)(get(frame + (size_t)j * c->words, p) ? -llr : llr);
        }
    }
}

/* What a state has of it, taken or put back. */
static void take(decoder *d, const qd_ldpc_kept *k, const int8_t *at, uint32_t seen) {
    const qd_code *c = d->c;
    for (uint32_t j = 0; seen && j < c->cols; j++)
        for (uint32_t p = 0; p < c->z; p++)
            if (j < c->graph->kb + QD_CORE_ROWS || (j - c->graph->kb) * c->z + p < seen)
                d->app[j * c->z + p] = at[(size_t)j * k->pitch + p];
    for (uint32_t i = 0; i < c->rows; i++)
        for (uint32_t r = 0; r < c->z && i * c->z + r < seen; r++)
            for (uint32_t e = c->graph->row_start[i]; e < c->graph->row_start[i + 1]; e++)
                d->msg[e * c->z + r] = at[(size_t)(k->cols + e) * k->pitch + r];
}
static void put(const decoder *d, const qd_ldpc_kept *k, int8_t *at) {
    for (uint32_t j = 0; j < d->c->cols; j++) memcpy(at + (size_t)j * k->pitch, d->app + (size_t)j * d->c->z, d->c->z);
    for (uint32_t e = 0; e < d->c->edges; e++)
        memcpy(at + (size_t)(k->cols + e) * k->pitch, d->msg + (size_t)e * d->c->z, d->c->z);
}

static uint32_t decode(decoder *d, const uint64_t *syndrome, uint64_t *bits) {
    const qd_code *c = d->c;
    uint32_t used = 0;
    memset(bits, 0, qd_frame_words(c) * sizeof *bits);
    for (uint32_t t = 1; t <= d->rule->max_iterations && !used; t++) {
        for (uint32_t i = 0; i < c->rows; i++)
            for (uint32_t r = 0; r < qd_code_row_bits(c, i); r++) row(d, i, r, get(syndrome + (size_t)i * c->words, r));
        if (matches(d, syndrome)) used = t;
    }
    for (uint32_t j = 0; j < c->cols; j++)
        for (uint32_t p = 0; p < qd_code_col_bits(c, j); p++)
            bits[(size_t)j * c->words + p / 64] |= (uint64_t)(d->app[(size_t)j * c->z + p] < 0) << (p % 64);
    return used;
}

/* kept: NULL where nothing is. */
static qd_status decode_all(qd_ldpc_kept *kept, const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint32_t *place,
                            const uint64_t *frames, const uint64_t *syndrome, uint64_t *bits, uint32_t *iterations, qd_error *err) {
    decoder d = {c, rule, qd_secret_alloc((size_t)c->cols * c->z), qd_secret_alloc((size_t)c->edges * c->z)};
    qd_status st = d.app && d.msg ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the decoder|||close other programs");
    for (uint64_t f = 0; f < n && st == QD_OK; f++) {
        int8_t *at = kept ? kept->at + (size_t)place[f] * (kept->cols + kept->edges) * kept->pitch : NULL;
        start(&d, frames + f * qd_frame_words(c));
        if (kept) take(&d, kept, at, kept->seen[place[f]]);
        iterations[f] = decode(&d, syndrome + f * qd_syndrome_words(c), bits + f * qd_frame_words(c));
        if (!kept) continue;
        put(&d, kept, at);
        kept->seen[place[f]] = iterations[f] ? 0 : c->m;
    }
    qd_secret_free(d.app);
    qd_secret_free(d.msg);
    return st;
}

qd_status qd_ldpc_ref(const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint64_t *frames, const uint64_t *syndrome,
                      uint64_t *bits, uint32_t *iterations, qd_error *err) {
    return decode_all(NULL, c, rule, n, NULL, frames, syndrome, bits, iterations, err);
}

qd_status qd_ldpc_go_on_ref(qd_ldpc_kept *kept, const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint32_t *place,
                            const uint64_t *frames, const uint64_t *syndrome, uint64_t *bits, uint32_t *iterations, qd_error *err) {
    return decode_all(kept, c, rule, n, place, frames, syndrome, bits, iterations, err);
}
