/* SPDX-License-Identifier: Apache-2.0 */
/* Sum-product in single precision, four frames side by side in the lanes of a vector: any code, and no lane waits for another. */
#include <stdlib.h>
#include <string.h>
#include "reconcile/sparse.h"

enum { SOON = 128 }; /* edges ahead of which bits are fetched: of a large code they are far from each other in memory */

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));

struct qd_lanes {
    const qd_sparse_code *c;
    qd_sparse_schedule schedule;
    vf *channel, *app, *next; /* [n]; next: of flooding alone */
    vf *msg;                  /* [edges] */
    vi *syndrome;             /* [m]: sign bits */
    vf *v, *u, *back;         /* [largest degree], back twice that, of one row */
};

/* ---- Functions ------------------------------------------------------------------------------------------------------------ */

static vf all(float x) {
    return (vf){x, x, x, x};
}

static vi signs(vf x) {
    return (vi)x & INT32_MIN;
}

static vf magnitude(vf x) {
    return (vf)((vi)x & INT32_MAX);
}

static vf choose(vi mask, vf a, vf b) {
    return (vf)(((vi)a & mask) | ((vi)b & ~mask));
}

/* exp(-x), 0 <= x <= 40: 2^k exp(t), |t| <= ln 2 / 2, by its Taylor series; the rest of it is below .347^8 / 8! = 5e-9. */
static vf exp_minus(vf x) {
    const vf y = x * -1.44269504f;
    const vi k = __builtin_convertvector(y - 0.5f, vi); /* toward zero: the nearest, y being negative */
    const vf t = (y - __builtin_convertvector(k, vf)) * 0.69314718f;
    vf p = all(1.0f / 5040);
    p = p * t + 1.0f / 720;
    p = p * t + 1.0f / 120;
    p = p * t + 1.0f / 24;
    p = p * t + 1.0f / 6;
    p = p * t + 0.5f;
    p = p * t + 1.0f;
    p = p * t + 1.0f;
    return p * (vf)((k + 127) * (1 << 23));
}

/* -ln u, 1e-30 < u <= 1: u = 2^e m, sqrt(1/2) <= m < sqrt(2), ln m = 2 artanh t with t = (m - 1)/(m + 1), |t| < .1716, by its
 * series; the rest of it is below 2 t^11 / 11 = 7e-10. */
static vf minus_log(vf u) {
    const vi bits = (vi)u, e = (bits - 0x3f3504f3) >> 23;
    const vf m = (vf)(bits - e * (1 << 23)), t = (m - 1.0f) / (m + 1.0f), s = t * t;
    vf p = all(2.0f / 9);
    p = p * s + 2.0f / 7;
    p = p * s + 2.0f / 5;
    p = p * s + 2.0f / 3;
    p = p * s + 2.0f;
    return -(p * t + __builtin_convertvector(e, vf) * 0.69314718f);
}

/* tanh(x/2) = (1 - u)/(1 + u) of u = exp(-x) turns a product of tanh into (a + b)/(1 + a b) of two u. As a fraction over/under it
 * needs no division until the end: `with` takes one u more in. Both at most double, so every 32nd is brought back to under = 1.
 */
typedef struct fraction {
    vf over, under;
} fraction;

static fraction with(fraction f, vf u, uint32_t k) {
    const fraction g = {f.over + f.under * u, f.under + f.over * u};
    return k % 32 == 31 ? (fraction){g.over / g.under, all(1)} : g;
}

static vf both(fraction f, fraction g) {
    return (f.over * g.under + f.under * g.over) / (f.under * g.under + f.over * g.over);
}

/* ---- An iteration --------------------------------------------------------------------------------------------------------- */

static void row(qd_lanes *l, uint32_t r) {
    const uint32_t first = l->c->row_start[r], degree = l->c->row_start[r + 1] - first, *col = l->c->col + first;
    const vf clip = all(QD_SPARSE_CLIP), least = all(4.3e-18f); /* exp(-40) */
    vf *msg = l->msg + first, *to = l->schedule == QD_LAYERED ? l->app : l->next;
    fraction ahead = {all(0), all(1)}, behind = ahead;
    vi sign = l->syndrome[r];
    for (uint32_t k = 0; k < degree; k++) {
        const uint32_t soon = first + k + SOON < l->c->edges ? col[k + SOON] : 0;
        __builtin_prefetch(&l->app[soon]);
        __builtin_prefetch(&to[soon]);
        const vf v = l->app[col[k]] - msg[k], x = magnitude(v);
        l->v[k] = v;
        sign ^= signs(v);
        l->u[k] = exp_minus(choose(x < clip, x, clip));
    }
    for (uint32_t k = degree; k-- > 0;) {
        l->back[2 * k] = behind.over;
        l->back[2 * k + 1] = behind.under;
        behind = with(behind, l->u[k], k);
    }
    for (uint32_t k = 0; k < degree; k++) {
        const vf u = both(ahead, (fraction){l->back[2 * k], l->back[2 * k + 1]});
        ahead = with(ahead, l->u[k], k);
        msg[k] = (vf)((vi)minus_log(choose(u > least, u, least)) ^ sign ^ signs(l->v[k]));
        to[col[k]] = msg[k] + (l->schedule == QD_LAYERED ? l->v[k] : to[col[k]]);
    }
}

static unsigned matching(const qd_lanes *l) {
    vi bad = {0, 0, 0, 0};
    for (uint32_t r = 0; r < l->c->m; r++) {
        vi parity = l->syndrome[r];
        for (uint32_t e = l->c->row_start[r]; e < l->c->row_start[r + 1]; e++) parity ^= (vi)l->app[l->c->col[e]];
        bad |= parity;
    }
    unsigned good = 0;
    for (unsigned k = 0; k < QD_LANES; k++) good |= (bad[k] >= 0 ? 1u : 0u) << k;
    return good;
}

unsigned qd_lanes_step(qd_lanes *l) {
    if (l->schedule == QD_FLOODING) memcpy(l->next, l->channel, l->c->n * sizeof *l->next);
    for (uint32_t r = 0; r < l->c->m; r++) row(l, r);
    if (l->schedule == QD_FLOODING) {
        vf *swap = l->app;
        l->app = l->next;
        l->next = swap;
    }
    return matching(l);
}

/* ---- Lanes ---------------------------------------------------------------------------------------------------------------- */

static uint32_t largest_degree(const qd_sparse_code *c) {
    uint32_t d = 1;
    for (uint32_t r = 0; r < c->m; r++)
        if (c->row_start[r + 1] - c->row_start[r] > d) d = c->row_start[r + 1] - c->row_start[r];
    return d;
}

uint64_t qd_lanes_bytes(const qd_sparse_code *c) {
    return sizeof(vf) * (3ull * c->n + c->edges + c->m + 4ull * largest_degree(c));
}

/* Vectors want 16 bytes, which is what malloc and calloc give. */
qd_lanes *qd_lanes_create(const qd_sparse_code *c, qd_sparse_schedule schedule) {
    qd_lanes *l = calloc(1, sizeof *l);
    const size_t d = largest_degree(c);
    if (!l) return NULL;
    *l = (qd_lanes){.c = c,
                    .schedule = schedule,
                    .channel = calloc(c->n, sizeof(vf)),
                    .app = calloc(c->n, sizeof(vf)),
                    .next = schedule == QD_FLOODING ? calloc(c->n, sizeof(vf)) : NULL,
                    .msg = calloc((size_t)c->edges + 1, sizeof(vf)),
                    .syndrome = calloc(c->m, sizeof(vi)),
                    .v = calloc(d, sizeof(vf)),
                    .u = calloc(d, sizeof(vf)),
                    .back = calloc(2 * d, sizeof(vf))};
    if (l->channel && l->app && (l->next || schedule == QD_LAYERED) && l->msg && l->syndrome && l->v && l->u && l->back) return l;
    qd_lanes_destroy(l);
    return NULL;
}

void qd_lanes_destroy(qd_lanes *l) {
    if (!l) return;
    free(l->channel);
    free(l->app);
    free(l->next);
    free(l->msg);
    free(l->syndrome);
    free(l->v);
    free(l->u);
    free(l->back);
    free(l);
}

void qd_lanes_channel(qd_lanes *l, uint32_t lane, uint32_t i, float llr) {
    l->channel[i][lane] = llr;
}

void qd_lanes_start(qd_lanes *l, uint32_t lane, const qd_bits *syndrome) {
    for (uint32_t i = 0; i < l->c->n; i++) l->app[i][lane] = l->channel[i][lane];
    for (uint32_t e = 0; e < l->c->edges; e++) l->msg[e][lane] = 0;
    for (uint32_t r = 0; r < l->c->m; r++) l->syndrome[r][lane] = qd_bits_get(syndrome, r) ? INT32_MIN : 0;
}

float qd_lanes_app(const qd_lanes *l, uint32_t lane, uint32_t i) {
    return l->app[i][lane];
}

qd_status qd_sparse_decode(const qd_sparse_code *c, qd_sparse_schedule schedule, uint32_t max_iterations, const float *llr,
                           const qd_bits *syndrome, float *app, uint32_t *iterations, qd_error *err) {
    qd_lanes *l = qd_lanes_create(c, schedule);
    if (!l) return qd_fail(err, QD_E_INTERNAL, "no memory for the decoder|||close other programs");
    for (uint32_t i = 0; i < c->n; i++) qd_lanes_channel(l, 0, i, llr[i]);
    qd_lanes_start(l, 0, syndrome);
    *iterations = 0;
    for (uint32_t t = 1; t <= max_iterations && *iterations == 0; t++)
        if (qd_lanes_step(l) & 1) *iterations = t;
    for (uint32_t i = 0; app && i < c->n; i++) app[i] = qd_lanes_app(l, 0, i);
    qd_lanes_destroy(l);
    return QD_OK;
}
