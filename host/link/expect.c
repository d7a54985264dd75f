/* SPDX-License-Identifier: Apache-2.0 */
/* What the model predicts. Neumann et al., PRA 104:022406 (2021): S = B eta + d, CC = B etaA etaB erf(sqrt(ln 2) t_CC/t_FWHM),
 * CC_acc = S_A S_B t_CC, E = (CC e + CC_acc/2)/(CC + CC_acc); here detector by detector, with dead time.
 *
 * Both detectors alive. Detector A clicks at rate a without and c with detector B, B at b without and c with A; rA = a + c, rB =
 * b + c. The state (alive, alive) renews the process, so the probability of finding it is its mean stay 1/(a+b+c) over the mean
 * cycle: P = 1 / (1 + a W_A(tA) + b W_B(tB) + c W_AB) W_A(y): mean time to (alive, alive) when A is dead for y more and B alive.
 * B is hit at u with density rB exp(-rB u); if u > y A is back first. If B's dead time outlasts A's rest: y + W_B(tB - (y-u));
 * else u + tB + W_A(y - u - tB). W_B alike. After a common click the shorter dead time passes and then the longer one's rest:
 * W_AB = min + W_longer(difference). With c = 0 P is the product of 1/(1 + r t). The integrals are solved by iteration on a grid
 * (they contract: hits within y have a probability below 1). The statistics test compares with the simulation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "link/simulate.h"

enum { GRID = 128 };

/* W on [0, t], GRID + 1 points. */
typedef struct waits {
    double t, w[GRID + 1];
} waits;

static double at(const waits *f, double y) {
    if (f->t <= 0 || y <= 0) return f->w[0];
    double x = y / f->t * GRID;
    int i = x >= GRID ? GRID - 1 : (int)x;
    return f->w[i] + (x - i) * (f->w[i + 1] - f->w[i]);
}

/* One round: self from itself and the other; r is the other detector's rate. Midpoint rule on steps of y/GRID, exact in the
 * weights. */
static double improve(waits *self, const waits *other, double r) {
    double change = 0;
    for (int i = GRID; i >= 1; i--) {
        double y = self->t * i / GRID, step = y / GRID, sum = y * exp(-r * y);
        for (int j = 0; j < GRID; j++) {
            double u = (j + 0.5) * step, weight = exp(-r * j * step) - exp(-r * (j + 1) * step);
            double rest = y - u;
            sum += weight * (other->t >= rest ? y + at(other, other->t - rest) : u + other->t + at(self, rest - other->t));
        }
        change = fmax(change, fabs(sum - self->w[i]));
        self->w[i] = sum;
    }
    return change;
}

static double both_alive(double ra, double rb, double c, double ta, double tb) {
    waits a = {.t = ta}, b = {.t = tb};
    if (ta <= 0 || tb <= 0) return 1 / ((1 + ra * ta) * (1 + rb * tb));
    for (int i = 0; i <= GRID; i++) {
        a.w[i] = ta * i / GRID;
        b.w[i] = tb * i / GRID;
    }
    for (int round = 0; round < 1000; round++) {
        double change = improve(&a, &b, rb) / ta;
        change = fmax(change, improve(&b, &a, ra) / tb);
        if (change < 1e-10) break;
    }
    double common = ta > tb ? tb + at(&a, ta - tb) : ta + at(&b, tb - ta);
    return 1 / (1 + (ra - c) * a.w[GRID] + (rb - c) * b.w[GRID] + c * common);
}

/* Events that pass the dead-time rule: no click of the station in the dead time before, so all detectors were alive and no two kept
 * events stand closer than it. A window holds at most one of a station, and nothing competes. Pairs of different origin, i at Alice
 * and j at Bob, |u| < t_CC/2 apart: their own partners must not have clicked just before them, which would have removed one of the
 * two. With heralding hA of Alice's detector (the share of its clicks whose partner clicks) and hB, that leaves 1 - hA/2 - hB/2 of them:
 * j's partner comes first at u > 0, i's at u < 0. All else that removes an event removes true pairs alike and cancels. Left out: both
 * partners before by jitter, hA hB 0.56 sigma/t_CC of the accidentals. */
static void expect_kept(const qd_link_model *m, double window_ps, qd_link_rates *r) {
    double partner[2][4] = {{0}}, wrong[2] = {0}, all[2] = {0}, wrong_true[2] = {0}, all_true[2] = {0};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            if (m->detector[0][i] > 0) partner[0][i] += m->pair[i][j] / m->detector[0][i];
            if (m->detector[1][j] > 0) partner[1][j] += m->pair[i][j] / m->detector[1][j];
        }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            if ((i & 1) != (j & 1)) continue;
            double cross = m->detector[0][i] * m->detector[1][j] * window_ps * 1e-12 * (1 - (partner[0][i] + partner[1][j]) / 2);
            double rate = m->pair[i][j] * r->capture + cross;
            all[i & 1] += rate;
            all_true[i & 1] += m->pair[i][j];
            if (i != j) continue;
            wrong[i & 1] += rate;
            wrong_true[i & 1] += m->pair[i][j];
        }
    for (int b = 0; b < 2; b++) {
        r->qber_kept[b] = all[b] > 0 ? wrong[b] / all[b] : 0;
        r->qber_kept_true[b] = all_true[b] > 0 ? wrong_true[b] / all_true[b] : 0;
    }
}

qd_status qd_link_expect(const qd_link *link, double window_ps, qd_link_rates *r, qd_error *err) {
    (void)err;
    const qd_scenario *s = &link->scenario;
    qd_link_model m;
    qd_link_model_of(s, &m);
    *r = (qd_link_rates){0};
    double tau[2], total[2] = {0}, fwhm = hypot(s->arm[0].jitter_fwhm_ps, s->arm[1].jitter_fwhm_ps);
    for (int k = 0; k < 2; k++) {
        tau[k] = s->arm[k].dead_ps * 1e-12;
        for (int d = 0; d < 4; d++) {
            r->single[k][d] = m.detector[k][d] / (1 + m.detector[k][d] * tau[k]);
            total[k] += r->single[k][d];
        }
    }
    r->capture = fwhm > 0 ? erf(sqrt(M_LN2) * window_ps / fwhm) : window_ps > 0;
    r->accidentals = total[0] * total[1] * window_ps * 1e-12;
    double wrong[2] = {0}, all[2] = {0}, wrong_true[2] = {0}, all_true[2] = {0};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            double c = m.pair[i][j];
            r->pair[i][j] = c > 0 ? c * both_alive(m.detector[0][i], m.detector[1][j], c, tau[0], tau[1]) : 0;
            r->coincidences += r->pair[i][j] * r->capture;
            if ((i & 1) != (j & 1)) continue;
            double accidental = r->single[0][i] * r->single[1][j] * window_ps * 1e-12, pair = r->pair[i][j] * r->capture;
            all[i & 1] += pair + accidental;
            all_true[i & 1] += r->pair[i][j]; /* of all true pairs: the window takes none by its outcome */
            if (i != j) continue;
            wrong[i & 1] += pair + accidental;
            wrong_true[i & 1] += r->pair[i][j];
        }
    for (int basis = 0; basis < 2; basis++) {
        r->matched[basis] = all[basis];
        r->qber[basis] = all[basis] > 0 ? wrong[basis] / all[basis] : 0;
        r->qber_true[basis] = all_true[basis] > 0 ? wrong_true[basis] / all_true[basis] : 0;
    }
    expect_kept(&m, window_ps, r);
    return QD_OK;
}
