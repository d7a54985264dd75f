/* SPDX-License-Identifier: Apache-2.0 */
/* Where a clock that is followed is now, for reports. */
#include <math.h>
#include "timetag/follow.h"

/* The curve at the beginning of cell k: the parabola whose means over cells it states. */
static void curve_at(const qd_follow *f, int64_t k, double *x, double *slope) {
    const qd_curve *c = &f->curve;
    double u = (double)(k - c->k0) - 0.5, c1 = (double)c->c1, c2 = (double)c->c2;
    *x = (double)c->c0 + c1 * u + c2 * (u * u - 1.0 / 12);
    *slope = c1 + 2 * c2 * u;
}

void qd_follow_state(const qd_follow *f, qd_follow_now *now) {
    const double unit = ldexp((double)f->tick.num / (double)f->tick.den, -QD_FINE_BITS); /* ps */
    *now = (qd_follow_now){.at = INT64_MIN,
                           .held = f->hold,
                           .locked = f->locked,
                           .over = f->over,
                           .coasted_s = (double)(f->coasted * QD_STRETCH) * ldexp(1e-9, QD_CELL_BITS),
                           .pairs = f->sum_pairs,
                           .residual_sum_ps = f->sum_e * unit,
                           .square_sum_ps2 = f->sum_square * unit * unit,
                           .clock = f->given};
    if (!f->begun || f->hold) return;
    int64_t k = f->next * QD_STRETCH;
    double x, slope;
    curve_at(f, k, &x, &slope);
    double cell_ps = ldexp(1000, QD_CELL_BITS), part = ldexp(slope, -QD_CURVE_BITS) * unit / cell_ps;
    now->at = qd_cell_start(f->tick, k);
    now->offset_ps = (double)f->reference * ldexp(unit, QD_FINE_BITS) + ldexp(x, -QD_CURVE_BITS) * unit;
    now->offset_sd_ps = f->sd_end * unit;
    now->frequency_ppm = part / (1 - part) * 1e6;
    now->drift_ppm_s = 2 * ldexp((double)f->curve.c2, -QD_CURVE_BITS) * unit / (cell_ps * cell_ps) * 1e18;
    if (f->locked) now->clock = qd_follow_clock(f, k - f->dir);
}
