/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/reconcile/large.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The rule ------------------------------------------------------------------------------------------------------------ */

static double phi(double x) {
    return -log(tanh(x / 2));
}

static void fill(uint16_t table[QD_LARGE_CLASSES], uint8_t inverse[3][QD_LARGE_SUMS], double step) {
    const double unit = 8192, cap = 3.9;
    table[0] = (uint16_t)lrint(unit * cap);
    for (int k = 1; k < QD_LARGE_CLASSES; k++)
        table[k] = (uint16_t)lrint(unit / 2 * (fmin(phi((2 * k - 1) * step), cap) + fmin(phi(2 * k * step), cap)));
    for (int w = 0; w < 3; w++)
        for (int i = 0; i < QD_LARGE_SUMS; i++) {
            double width = exp2(4 * w), middle = i * width + (width - 1) / 2; /* sums i width .. (i + 1) width - 1 */
            inverse[w][i] = middle == 0 ? QD_LARGE_CLIP : (uint8_t)fmin(QD_LARGE_CLIP, rint(phi(middle / unit) / step));
        }
}

qd_large_rule qd_large_rule_of(const qd_large_code *code, double q) {
    const double step = 7.0 / 80;
    qd_large_rule r = {.max_iterations = 200, .halve = code->rows * code->z / 8};
    r.c = (uint32_t)fmax(1, fmin(QD_LARGE_CLIP, nearbyint(log((1 - q) / q) / step)));
    fill(r.phi[0], r.inverse[0], step);
    fill(r.phi[1], r.inverse[1], 2 * step);
    return r;
}

/* ---- Syndrome ------------------------------------------------------------------------------------------------------------ */

static unsigned get(const uint64_t *w, uint32_t p) {
    return (unsigned)(w[p / 64] >> (p % 64)) & 1u;
}

void qd_large_syndrome(const qd_large_code *c, const uint64_t *frame, uint64_t *syndrome) {
    memset(syndrome, 0, (size_t)c->rows * c->words * sizeof *syndrome);
    for (uint32_t i = 0; i < c->rows; i++)
        for (uint32_t e = c->row_start[i]; e < c->row_start[i + 1]; e++)
            for (uint32_t r = 0; r < c->z; r++)
                syndrome[(size_t)i * c->words + r / 64] ^=
                    (uint64_t)get(frame + (size_t)c->edge[e].col * c->words, (r + c->edge[e].shift) % c->z) << (r % 64);
}

/* ---- Decoder ------------------------------------------------------------------------------------------------------------- */

typedef struct decoder {
    const qd_large_code *c;
    const qd_large_rule *rule;
    int16_t *app; /* [cols][z] */
    int8_t *msg;  /* [edges][z] */
    int *v;       /* [degree_max]: of one row */
    int halved;
} decoder;

static int16_t *app_of(const decoder *d, uint32_t e, uint32_t r) {
    return d->app + (size_t)d->c->edge[e].col * d->c->z + (r + d->c->edge[e].shift) % d->c->z;
}

static int class_of(int v) {
    int k = (abs(v) + 1) / 2;
    return k < QD_LARGE_CLASSES ? k : QD_LARGE_CLASSES - 1;
}

static int smaller(int x, int y) {
    return x < y ? x : y;
}

static int inverse(const decoder *d, uint32_t sum) {
    const uint8_t(*table)[QD_LARGE_SUMS] = d->rule->inverse[d->halved];
    return sum < 128 ? table[0][sum] : sum < 2048 ? table[1][sum / 16] : table[2][(sum < 32768 ? sum : 32767) / 256];
}

/* One lifted row; 1 when it was odd. */
static unsigned row(decoder *d, uint32_t i, uint32_t r, unsigned syndrome_bit) {
    const uint16_t *phi_of = d->rule->phi[d->halved];
    uint32_t first = d->c->row_start[i], end = d->c->row_start[i + 1], sum = 0;
    int k1 = QD_LARGE_CLASSES, k2 = k1, second = k1; /* none */
    unsigned parity = syndrome_bit;
    for (uint32_t e = first; e < end; e++) {
        int v = *app_of(d, e, r) - d->msg[(size_t)e * d->c->z + r], k = class_of(v);
        d->v[e - first] = v;
        parity ^= v < 0;
        sum = sum + phi_of[k] < UINT16_MAX ? sum + phi_of[k] : UINT16_MAX;
        second = k < k1 ? k1 : k < second ? k : second;
        if (k < k1)
            k2 = k1, k1 = k;
        else if (k > k1 && k < k2)
            k2 = k;
    }
    uint32_t phi1 = phi_of[k1], phi2 = k2 < QD_LARGE_CLASSES ? phi_of[k2] : 0, rest = sum - phi1 > phi2 ? sum - phi1 - phi2 : 0;
    uint32_t mean = rest * (65536 / (end - first)) >> 16; /* of the other edges */
    int others = smaller(2 * k1, inverse(d, sum - mean)), one = smaller(2 * second, inverse(d, sum - phi1)),
        two = smaller(2 * k1, inverse(d, sum - phi2));
    for (uint32_t e = first; e < end; e++) {
        int v = d->v[e - first], k = class_of(v), size = k == k1 ? one : k == k2 ? two : others;
        int m = (parity ^ (v < 0)) ? -size : size;
        d->msg[(size_t)e * d->c->z + r] = (int8_t)m;
        *app_of(d, e, r) = (int16_t)(v + m);
    }
    return parity;
}

static int matches(const decoder *d, const uint64_t *syndrome) {
    for (uint32_t i = 0; i < d->c->rows; i++)
        for (uint32_t r = 0; r < d->c->z; r++) {
            unsigned parity = get(syndrome + (size_t)i * d->c->words, r);
            for (uint32_t e = d->c->row_start[i]; e < d->c->row_start[i + 1]; e++) parity ^= *app_of(d, e, r) < 0;
            if (parity) return 0;
        }
    return 1;
}

static void load(decoder *d, const uint64_t *frame, int llr) {
    const uint32_t key = (d->c->cols - d->c->hidden) * d->c->z;
    for (uint32_t i = 0; i < d->c->cols * d->c->z; i++) {
        const int sure = i < key + d->c->unknown ? 0 : QD_LARGE_KNOWN, bit = get(frame, i) ? -llr : llr;
        d->app[i] = (int16_t)(i < key ? bit : sure);
    }
}

static void halve(decoder *d, const uint64_t *frame) {
    d->halved = 1;
    load(d, frame, (int)d->rule->c / 2);
    for (uint32_t i = 0; i < d->c->rows; i++)
        for (uint32_t e = d->c->row_start[i]; e < d->c->row_start[i + 1]; e++)
            for (uint32_t r = 0; r < d->c->z; r++) {
                int8_t *m = &d->msg[(size_t)e * d->c->z + r];
                *m = (int8_t)(*m / 2);
                *app_of(d, e, r) = (int16_t)(*app_of(d, e, r) + *m);
            }
}

static uint32_t decode(decoder *d, const uint64_t *frame, const uint64_t *syndrome, uint64_t *bits) {
    const qd_large_code *c = d->c;
    uint32_t used = 0, spent = 0, mark = UINT32_MAX, since = 0;
    load(d, frame, (int)d->rule->c);
    for (uint32_t t = 1, last = 0; !last && !used; t++) {
        uint32_t odd = 0;
        for (uint32_t i = 0; i < c->rows; i++)
            for (uint32_t r = 0; r < c->z; r++) odd += row(d, i, r, get(syndrome + (size_t)i * c->words, r));
        if (odd < mark - mark / QD_LARGE_LESS) mark = odd, since = t;
        const int few = odd <= d->rule->halve;
        last = t == d->rule->max_iterations || (d->rule->patience && t - since == d->rule->patience);
        spent = t;
        if ((few || last || t % QD_LARGE_LOOK == 0) && matches(d, syndrome))
            used = t;
        else if (few && !d->halved && !last)
            halve(d, frame);
    }
    memset(bits, 0, (size_t)c->cols * c->words * sizeof *bits);
    for (uint32_t j = 0; j < c->cols; j++)
        for (uint32_t p = 0; p < c->z; p++)
            bits[(size_t)j * c->words + p / 64] |= (uint64_t)(d->app[(size_t)j * c->z + p] < 0) << (p % 64);
    return used ? used : QD_LARGE_FAILED | spent;
}

qd_status qd_large_decode(const qd_large_code *c, const qd_large_rule *rule, const uint64_t *frame, const uint64_t *syndrome,
                          uint64_t *bits, uint32_t *iterations, qd_error *err) {
    decoder d = {.c = c,
                 .rule = rule,
                 .app = qd_secret_alloc((size_t)c->cols * c->z * sizeof(int16_t)),
                 .msg = qd_secret_alloc((size_t)c->edges * c->z),
                 .v = qd_secret_alloc(c->degree_max * sizeof(int))};
    qd_status st =
        d.app && d.msg && d.v ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the decoder|||close other programs");
    if (st == QD_OK) *iterations = decode(&d, frame, syndrome, bits);
    qd_secret_free(d.app);
    qd_secret_free(d.msg);
    qd_secret_free(d.v);
    return st;
}
