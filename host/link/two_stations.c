/* SPDX-License-Identifier: Apache-2.0 */
/* Poisson events of two stations, some with a partner at the other one. */
#include <math.h>
#include "qdistill/link.h"

/* Events of one kind, their gaps drawn one by one; or the draws alone. */
typedef struct stream {
    uint64_t seed, which;
    uint32_t draw, word[4]; /* the generator's last answer: two uniforms, the second one next where draw is odd */
    double rate, at;
} stream;

static double uniform(stream *s) {
    if (s->draw % 2 == 0) qd_philox(s->seed, QD_STREAM_TWO_STATIONS, s->which, s->draw / 2, s->word);
    const uint32_t *w = s->word + 2 * (s->draw++ % 2);
    uint64_t z = (uint64_t)w[1] << 32 | w[0];
    return ((double)(z >> 11) + 0.5) * 0x1p-53;
}

static stream stream_of(uint64_t seed, uint64_t which, double rate) {
    stream s = {.seed = seed, .which = which, .rate = rate};
    s.at = rate > 0 ? -log(uniform(&s)) / rate : INFINITY;
    return s;
}

static double next_of(stream *s) {
    double at = s->at;
    s->at -= log(uniform(s)) / s->rate;
    return at;
}

static double gauss(stream *s) {
    double r = sqrt(-2 * log(uniform(s)));
    return r * cos(2 * acos(-1.0) * uniform(s));
}

/* Append in order: jitter moves an event past few others. */
static void put(qd_tags *t, int64_t at) {
    uint64_t i = t->n++;
    for (; i > 0 && t->t[i - 1] > at; i--) t->t[i] = t->t[i - 1];
    t->t[i] = at;
    t->mask[t->n - 1] = 1;
}

double qd_two_stations_heralding(const qd_two_stations *s) {
    return s->pairs / sqrt(s->rate_a * s->rate_b);
}

static qd_status reserve(const qd_two_stations *s, double rate, qd_tags *t, qd_error *err) {
    double n = rate * s->seconds;
    n += 8 * sqrt(n) + 100;
    if (s->most && n > (double)s->most) n = (double)s->most;
    return qd_tags_reserve(t, (uint64_t)n, err);
}

qd_status qd_two_stations_run(const qd_two_stations *s, qd_tags *a, qd_tags *b, qd_error *err) {
    stream pair = stream_of(s->seed, 1, s->pairs),
           only[2] = {stream_of(s->seed, 2, s->rate_a - s->pairs), stream_of(s->seed, 3, s->rate_b - s->pairs)},
           jitter = stream_of(s->seed, 4, 1);
    qd_tags *side[2] = {a, b};
    double per_s = 1e12 * (double)a->tick.den / (double)a->tick.num, mid = s->seconds / 2, scale = 1 + s->ppm * 1e-6;
    QD_TRY(reserve(s, s->rate_a, a, err));
    QD_TRY(reserve(s, s->rate_b, b, err));
    uint64_t most[2];
    for (int k = 0; k < 2; k++) most[k] = s->most && s->most < side[k]->cap ? s->most : side[k]->cap;
    while (a->n < most[0] || b->n < most[1]) {
        int alone = only[0].at < only[1].at ? 0 : 1, from = alone, to = alone;
        stream *first = &only[alone];
        if (pair.at < first->at) first = &pair, from = 0, to = 1;
        double at = next_of(first), moved = first == &pair ? at + s->sigma_ps * 1e-12 * gauss(&jitter) : at;
        if (at >= s->seconds) break;
        for (int k = from; k <= to; k++) {
            if (side[k]->n >= most[k]) continue;
            /* tA - tB = offset + ppm (tB - mid) */
            double t = k ? (moved - s->offset_s + s->ppm * 1e-6 * mid) / scale : at;
            put(side[k], (int64_t)floor(t * per_s));
        }
    }
    return QD_OK;
}
