/* SPDX-License-Identifier: Apache-2.0 */
/* The last step of a fit: every pair counts by the chance that it is one, and not two strangers. */
#include <math.h>
#include "compute/parts.h"
#include "timetag/sync.h"

void qd_weigh_pair(void *self, int64_t ta, int64_t tb, int64_t rough) {
    qd_weighed *s = self;
    (void)rough;
    double e = (double)qd_fine_difference(s->line, ta, tb), x = (double)(ta - s->origin) / s->unit, u = e * e / s->variance,
           peak = s->contrast * exp(-u / 2), w = peak / (1 + peak), psi = e * w, slope = w * (1 - (1 - w) * u);
    double power = 1;
    s->pairs += w;
    for (int k = 0; k < 3; k++, power *= x) {
        if (k < 2) s->g[k] += psi * power;
        s->h[k] += slope * power;
        s->b[k] += psi * psi * power;
    }
}

bool qd_weighed_solve(const double h[3], const double g[2], double d[2]) {
    double det = h[0] * h[2] - h[1] * h[1];
    if (!(h[0] > 0 && det > 1e-9 * h[0] * h[2])) return false;
    d[0] = (h[2] * g[0] - h[1] * g[1]) / det;
    d[1] = (h[0] * g[1] - h[1] * g[0]) / det;
    return true;
}

void qd_weighed_variances(const double h[3], const double b[3], double v[2]) {
    double det = h[0] * h[2] - h[1] * h[1];
    v[0] = (h[2] * h[2] * b[0] - 2 * h[2] * h[1] * b[1] + h[1] * h[1] * b[2]) / (det * det);
    v[1] = (h[1] * h[1] * b[0] - 2 * h[0] * h[1] * b[1] + h[0] * h[0] * b[2]) / (det * det);
}

enum { STEPS = 16 };

typedef struct weighing {
    const qd_strip *strip;
    const qd_clock *line;
    uint32_t parts;
    qd_weighed of[QD_STRIP_PARTS];
} weighing;

static void weigh_part(void *self, uint32_t k) {
    weighing *x = self;
    qd_strip part = qd_strip_part(x->strip, k, x->parts);
    qd_strip_walk(&part, x->line, x->of[k].reach, qd_weigh_pair, &x->of[k]);
}

/* Sums over a strip: those of its parts in their order, as long as they are so many by the events alone, are the same anywhere. */
static void weigh_all(const qd_strip *s, const qd_clock *line, qd_weighed *x) {
    weighing all = {.strip = s, .line = line, .parts = qd_strip_parts(s)};
    for (uint32_t k = 0; k < all.parts; k++) all.of[k] = *x;
    qd_in_parts(all.parts, weigh_part, &all);
    for (uint32_t k = 0; k < all.parts; k++) {
        const qd_weighed *y = &all.of[k];
        x->pairs += y->pairs;
        for (int i = 0; i < 2; i++) x->g[i] += y->g[i];
        for (int i = 0; i < 3; i++) {
            x->h[i] += y->h[i];
            x->b[i] += y->b[i];
        }
    }
}

qd_weighed qd_weigh(const qd_fine *line, double sigma, double pairs, double background) {
    const double one = 1 << QD_FINE_BITS, sharpest = 1; /* tick: a peak within one has no shape */
    sigma = fmax(sigma, sharpest);
    return (qd_weighed){.line = line,
                        .reach = (int64_t)ceil(6 * sigma) + 2, /* beyond, even a bare peak has no pairs */
                        .variance = sigma * sigma * one * one,
                        .contrast = pairs / (sigma * 2.5066282746310002 /* sqrt(2 pi) */ * fmax(background, 1e-9))};
}

void qd_fit_weigh(const qd_strip *s, qd_fine *line, double background, qd_fit *fit) {
    const double one = 1 << QD_FINE_BITS, half = (double)(s->to - s->from) / 2, limit = fmax(fit->sigma, 1) * one,
                 step = ldexp(one * half, -QD_CLOCK_SHIFT); /* of the frequency, at the ends of the strip */
    /* What a last step leaves is its square over sigma, and of the frequency the line holds whole steps only. */
    const double near = fmax(1, 1e-3 * limit);
    qd_fine at = *line;
    for (int i = 0; i < STEPS; i++) {
        qd_weighed x = qd_weigh(&at, fit->sigma, fit->pairs, background);
        x.origin = s->from + (s->to - s->from) / 2;
        x.unit = half;
        qd_clock whole = qd_strip_clock(s, &at);
        weigh_all(s, &whole, &x);
        double d[2], v[2];
        if (!qd_weighed_solve(x.h, x.g, d)) return;
        if (fabs(d[0]) > limit || fabs(d[1]) > fmax(limit, step)) return; /* a step beyond where the sums hold: no better line */
        if (i + 1 == STEPS || (fabs(d[0]) <= near && fabs(d[1]) <= fmax(near, step))) {
            qd_weighed_variances(x.h, x.b, v);
            *line = at;
            fit->offset = -d[0] / one;
            fit->freq = ldexp((double)at.clock.freq, -QD_CLOCK_SHIFT) - d[1] / one / half;
            fit->offset_sd = sqrt(v[0]) / one;
            fit->freq_sd = sqrt(v[1]) / one / half;
            return;
        }
        qd_fine_shift(&at, -llround(d[0]));
        at.clock.freq -= (int64_t)llround(ldexp(d[1] / one / half, QD_CLOCK_SHIFT));
    }
}
