/* SPDX-License-Identifier: Apache-2.0 */
/* Least squares on the remembered cells.
 *
 *  The cells that a fit of level m reaches back to, 2^m of them, are put together to at most 64 bins of S = 2^(m-6) or one cell. With delta
 *  cells back from the last one, v = (2 delta + 1)/S - bins runs over the odd numbers from 1 - bins (the latest bin) to bins - 1. A
 *  cell counts by its events in the window, accidentals too: those scatter about the window's middle, wherever it is, so that they pull
 *  every mean towards zero by the share of true pairs, which the events beside the window tell; the mean is taken by that share.
 *
 *  How far back: further means less noise, and more of what a parabola cannot follow. Of the fits over 2^2, 2^3, ... 2^10 cells the
 *  longest is taken whose value at the end agrees with all shorter ones within 2 standard deviations (intersection of confidence intervals:
 *  Goldenshluger, Nemirovski, Math. Methods of Statistics 6:135 (1997)). */
#include <math.h>
#include "timetag/follow.h"

enum { BINS_LEVEL = 6, BINS = 1 << BINS_LEVEL, WEIGHT_BITS = 15, SMALLEST = 2, LEAST_PAIRS = 36 };
static const int64_t most_residual = (int64_t)1 << 24; /* products below 2^126: see solve() */
static const double cut = 0.9733;                      /* what a window of +-3 sigma shows of a Gaussian's displacement: 1 - 6 phi(3) / 0.9973 */
static const double agree_sd = 2, least_sd = 6;

typedef struct bins {
    int n, shift; /* bins; logarithm of their cells */
    int64_t weight[BINS], e[BINS];
    __int128 rest[BINS]; /* events times (remembered line less curve) */
    int64_t events, side, recent, recent_side; /* recent: of the latest half */
    double ee;
} bins;

/* false: the curve is far from what is remembered, which is then of no use. */
static bool gather(const qd_follow *f, int64_t lead, int level, bins *b) {
    *b = (bins){.shift = level > BINS_LEVEL ? level - BINS_LEVEL : 0};
    b->n = 1 << (level - b->shift);
    for (int64_t d = 0; d < (int64_t)1 << level; d++) {
        int64_t k = lead - f->dir * d;
        const qd_cell *c = &f->memory[k & (QD_MEMORY - 1)];
        if (!c->used || c->k != k) continue;
        int64_t r = c->y - qd_curve_units(&f->curve, k);
        if (c->n && (r > most_residual || r < -most_residual)) return false;
        int at = (int)(d >> b->shift);
        b->weight[at] += c->n;
        b->e[at] += c->e;
        b->rest[at] += (__int128)r * c->n;
        b->events += c->n;
        b->side += c->side;
        b->ee += (double)c->ee;
        if (d < (int64_t)1 << (level - 1)) b->recent += c->n, b->recent_side += c->side;
    }
    return true;
}

/* Normal equations: |v| < 64, weights below 2^15, |mean| <= 2^25: s[4] < 2^42, and products of three stay below 2^124. */
typedef struct normal {
    __int128 s[5], y[3];
    int thinned; /* weights were divided by 2^thinned */
} normal;

static void sums(const bins *b, double share, normal *q) {
    int64_t most = 0, part = llround(share * 65536); /* share >= 1/64 or so: a fit stands out */
    *q = (normal){.thinned = 0};
    for (int i = 0; i < b->n; i++)
        if (b->weight[i] > most) most = b->weight[i];
    while (most >> q->thinned >> WEIGHT_BITS) q->thinned++;
    for (int i = 0; i < b->n; i++) {
        __int128 v = 2 * i + 1 - b->n, w = b->weight[i] >> q->thinned;
        if (w == 0) continue;
        __int128 y = (b->rest[i] - qd_floor_div((__int128)b->e[i] * 65536, part > 0 ? part : 1)) >> q->thinned;
        for (int j = 0; j < 5; j++, w *= v) q->s[j] += w;
        for (int j = 0; j < 3; j++, y *= v) q->y[j] += y;
    }
}

/* Cramer's rule. adj: the adjugate. */
static bool solve(const normal *q, __int128 adj[3][3], __int128 *det, int64_t d[3]) {
    const __int128 *s = q->s;
    adj[0][0] = s[2] * s[4] - s[3] * s[3];
    adj[0][1] = adj[1][0] = s[2] * s[3] - s[1] * s[4];
    adj[0][2] = adj[2][0] = s[1] * s[3] - s[2] * s[2];
    adj[1][1] = s[0] * s[4] - s[2] * s[2];
    adj[1][2] = adj[2][1] = s[1] * s[2] - s[0] * s[3];
    adj[2][2] = s[0] * s[2] - s[1] * s[1];
    *det = s[0] * adj[0][0] + s[1] * adj[0][1] + s[2] * adj[0][2];
    if (*det <= 0) return false;
    for (int i = 0; i < 3; i++) {
        __int128 num = 0;
        for (int j = 0; j < 3; j++) num += adj[i][j] * q->y[j];
        d[i] = qd_shifted_quotient(num, QD_CURVE_BITS, *det);
    }
    return true;
}

/* Variance of the fitted parabola at v, for events of variance 1. */
static double spread(const __int128 adj[3][3], __int128 det, int thinned, double v) {
    double phi[3] = {1, v, v * v}, sum = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) sum += phi[i] * (double)adj[i][j] * phi[j];
    return ldexp(sum / (double)det, -thinned);
}

bool qd_follow_fit_level(const qd_follow *f, int64_t lead, int level, qd_follow_fit *fit) {
    bins b;
    normal q;
    __int128 adj[3][3], det;
    *fit = (qd_follow_fit){.level = level};
    if (!gather(f, lead, level, &b)) return false;
    double background = (double)b.side / 2;
    fit->events = (double)b.events;
    fit->pairs = fit->events - background;
    if (fit->pairs < LEAST_PAIRS || fit->pairs < least_sd * sqrt(fit->events + background / 2)) return true;
    /* Pairs that ended a while ago say less and less of now. */
    if ((double)b.recent - (double)b.recent_side / 2 < fit->pairs / 8) return true;
    double share = cut * fit->pairs / fit->events, w = (double)f->window;
    sums(&b, share, &q);
    if (!solve(&q, adj, &det, fit->d)) return true;
    fit->stands = true;
    fit->bins = b.n;
    fit->shift = b.shift;
    fit->variance = (b.ee - background * w * w / 3) / fit->pairs;
    double one = b.ee / fit->events / (share * share), cell = ldexp(2, -b.shift), n = b.n;
    fit->at_end = ldexp((double)fit->d[0] - n * (double)fit->d[1] + n * n * (double)fit->d[2], -QD_CURVE_BITS);
    fit->sd_end = sqrt(one * spread(adj, det, q.thinned, -n));
    fit->sd_start = sqrt(one * spread(adj, det, q.thinned, n));
    /* Far enough to find the next stretch's pairs well within the window. */
    fit->enough = one * spread(adj, det, q.thinned, -n - QD_STRETCH / 2 * cell) <= w * w / 9;
    return true;
}

bool qd_follow_choose(const qd_follow *f, int64_t lead, qd_follow_fit *fit, int *least) {
    double low = -HUGE_VAL, high = HUGE_VAL;
    *least = -1;
    for (int level = SMALLEST; level <= QD_MEMORY_LEVEL; level++) {
        qd_follow_fit one;
        if (!qd_follow_fit_level(f, lead, level, &one)) break;
        if (!one.enough) {
            if (*least >= 0) break;
            continue;
        }
        low = fmax(low, one.at_end - agree_sd * one.sd_end);
        high = fmin(high, one.at_end + agree_sd * one.sd_end);
        if (low > high) break;
        if (*least < 0) *least = level;
        *fit = one;
    }
    return *least >= 0;
}

/* v = alpha (k - lead) + beta, alpha = -2 dir / S, beta = (1 - S bins) / S. */
bool qd_follow_correct(qd_follow *f, int64_t lead, const qd_follow_fit *fit) {
    qd_curve c = f->curve;
    __int128 s = (__int128)1 << fit->shift, beta = 1 - s * fit->bins, d1 = fit->d[1], d2 = fit->d[2];
    qd_curve_move(&c, lead);
    c.c0 += fit->d[0] + qd_floor_div(d1 * beta * s + d2 * beta * beta, s * s);
    c.c1 += (int64_t)qd_floor_div(-2 * f->dir * (d1 * s + 2 * d2 * beta), s * s);
    c.c2 += (int64_t)qd_floor_div(4 * d2, s * s);
    for (int i = 0; i < 2; i++) { /* 244 ppm, here and a stretch on */
        int64_t part = qd_curve_slope(&c, lead + i * f->dir * QD_STRETCH);
        __int128 most = qd_floor_div((((__int128)1 << 32) - 1) * 4096000 * (__int128)f->tick.den, (__int128)f->tick.num);
        if (part > most || part < -most) return false;
    }
    f->curve = c;
    return true;
}
