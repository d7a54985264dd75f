/* SPDX-License-Identifier: Apache-2.0 */
/* From a scenario to the integers that the simulation draws with. Logarithms and quantiles are taken here, once, in double; the
 * tables' digest goes into the manifest, so that a run can be repeated where a mathematics library rounds differently. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "link/simulate.h"

static const double two32 = 4294967296.0;

uint64_t qd_link_threshold(double p) {
    if (!(p > 0)) return 0;
    if (p >= 1) return (uint64_t)1 << 32;
    return (uint64_t)llround(p * two32);
}

static uint64_t ticks_of_ps(double ps) {
    return (uint64_t)llround(ps * 32 / 125);
}

/* Integral of -ln u. */
static double log_integral(double u) {
    return u > 0 ? u - u * log(u) : 0;
}

/* Means above 2^50 ticks (less than an event in an hour) count as never: gaps of three looks stay below 2^60. */
static void gap_table(double rate_hz, qd_gap_table *g) {
    const int n = 1 << QD_GAP_BITS;
    memset(g, 0, sizeof *g);
    double mean = rate_hz > 0 ? QD_LINK_TICKS_PER_S / rate_hz : INFINITY;
    if (mean > 0x1p50) {
        for (int i = 0; i < n; i++) g->a[i] = (uint32_t)1 << (QD_LINK_CELL_BITS + QD_GAP_FRACTION);
        return;
    }
    double unit = mean * (1 << QD_GAP_FRACTION); /* one mean in 1/8 ticks */
    double top = unit * (log(n) + 2);            /* above every entry, half a slope included */
    while (ldexp(top, -(int)g->shift) >= two32) g->shift++;
    double scale = ldexp(unit, -(int)g->shift);
    for (int i = 0; i < n; i++) {
        double lo = (double)i / n, hi = (double)(i + 1) / n;
        double mid = (log_integral(hi) - log_integral(lo)) * n; /* mean of -ln u in the bin */
        double slope = i > 0 ? log(hi / lo) : 0;
        g->s[i] = (uint32_t)llround(scale * slope);
        /* near U = 1 the mean lies a hair below half the slope: no gap may be negative */
        g->a[i] = (uint32_t)llround(fmax(scale * mid + (double)g->s[i] / 2, (double)g->s[i]));
    }
    g->zoom = (uint64_t)llround(unit * log((double)n / QD_GAP_ZOOM));
}

/* Standard normal quantile by bisection on erfc: slow, obvious, good to the last bits. */
static double normal_quantile(double p) {
    double lo = -10, hi = 10;
    for (int i = 0; i < 80; i++) {
        double mid = (lo + hi) / 2;
        if (erfc(-mid * M_SQRT1_2) / 2 < p)
            lo = mid;
        else
            hi = mid;
    }
    return (lo + hi) / 2;
}

/* Quantiles of 4096 equal parts, scaled to a variance of exactly 1. */
static void unit_jitter(double z[1 << QD_JITTER_BITS]) {
    const int n = 1 << QD_JITTER_BITS;
    double sum = 0;
    for (int i = 0; i < n; i++) {
        z[i] = normal_quantile((i + 0.5) / n);
        sum += z[i] * z[i];
    }
    for (int i = 0; i < n; i++) z[i] /= sqrt(sum / n);
}

static void jitter_table(double sigma, double centre, const double z[1 << QD_JITTER_BITS], uint16_t *table) {
    for (int i = 0; i < 1 << QD_JITTER_BITS; i++) table[i] = (uint16_t)llround(fmax(0, centre + sigma * z[i]));
}

static void arm_thresholds(const qd_scenario *s, const qd_link_model *m, int k, qd_link_arm *a) {
    const qd_arm *arm = &s->arm[k];
    a->split = qd_link_threshold(arm->basis_split);
    a->dark = qd_link_threshold(m->dark[k] > 0 ? m->dark[k] / m->stream[1 + k] : 0);
    double photon = 0, dark = 0;
    for (int d = 0; d < 4; d++) {
        double accept = m->best[k] > 0 ? arm->efficiency[d] / m->best[k] : 0;
        double split = d & 1 ? 1 - arm->basis_split : arm->basis_split;
        photon += split / 2 * accept;
        dark += m->dark[k] > 0 ? arm->dark_hz[d] / m->dark[k] : 0.25;
        a->accept[d] = qd_link_threshold(accept);
        a->photon_cut[d] = qd_link_threshold(photon);
        a->dark_cut[d] = qd_link_threshold(dark);
        a->delay[d] = ticks_of_ps(arm->delay_ps[d]);
    }
    bool lossless = true;
    for (int d = 0; d < 4; d++) lossless = lossless && (arm->efficiency[d] == m->best[k]);
    if (lossless) a->photon_cut[3] = (uint64_t)1 << 32; /* sums of doubles may end short of 1 */
    a->dark_cut[3] = (uint64_t)1 << 32;
    a->dead = ticks_of_ps(arm->dead_ps);
}

static void pair_thresholds(const qd_scenario *s, qd_link *link) {
    double two = 2 * s->misalignment_deg * M_PI / 180;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            link->equal[i][j] = qd_link_threshold((1 - s->visibility * qd_link_cos2(s, two, i, j)) / 2);
            link->eve_equal[i][j] = qd_link_threshold((1 - s->visibility * qd_link_cos2_alice_eve(s, i, j)) / 2);
            link->eve_flip[i][j] = qd_link_threshold((1 - qd_link_cos2_eve_bob(s, two, i, j)) / 2);
        }
    link->eve = qd_link_threshold(s->intercept_resend);
}

/* The members from `gap` to before `clock` are integers without padding. */
static void digest(qd_link *link) {
    qd_sha256_hex((const char *)link + offsetof(qd_link, gap), offsetof(qd_link, clock) - offsetof(qd_link, gap), link->sha256);
    if (!link->node) return;
    char both[2][65]; /* of the thresholds and of the delays */
    memcpy(both[0], link->sha256, sizeof both[0]);
    qd_sha256_hex((const char *)link->node, link->n_nodes * sizeof *link->node, both[1]);
    qd_sha256_hex(both[0], sizeof both, link->sha256);
}

static void make_clock(const qd_scenario *s, qd_clock *c) {
    /* offset_ps is at most 5e11, so the product fits; rounded to the nearest tick, halves away from zero */
    int64_t n = s->clock_offset_ps * 32;
    c->tick = (qd_tick){125, 32};
    c->offset = (n + (n >= 0 ? 62 : -62)) / 125;
    c->freq = (int64_t)llround(s->clock_frequency_ppm * 1e-6 * 0x1p44);
    c->base = QD_LINK_START - c->offset;
    c->locked = true;
}

qd_status qd_link_create(const qd_scenario *s, uint64_t seed, qd_link **out, qd_error *err) {
    *out = NULL;
    QD_TRY(qd_scenario_check(s->name[0] ? s->name : "scenario", s, err));
    qd_link *link = calloc(1, sizeof *link);
    if (!link) return qd_fail(err, QD_E_INTERNAL, "no memory for the tables of a link|||close other programs");
    link->scenario = *s;
    link->seed = seed;
    qd_link_model m;
    qd_link_model_of(s, &m);
    double sigma[2], widest = 0, z[1 << QD_JITTER_BITS];
    for (int k = 0; k < 2; k++) {
        sigma[k] = s->arm[k].jitter_fwhm_ps * 32 / 125 / (2 * sqrt(2 * M_LN2));
        widest = fmax(widest, sigma[k]);
    }
    /* Both stations get the same mean delay, so that the clock alone separates their times; 3.8 sd is past the last entry. */
    double centre = ceil(3.8 * widest);
    unit_jitter(z);
    for (int k = 0; k < 2; k++) {
        arm_thresholds(s, &m, k, &link->arm[k]);
        jitter_table(sigma[k], centre, z, link->arm[k].jitter);
    }
    for (int k = 0; k < QD_STREAMS; k++) {
        double mean = m.stream[k] * qd_link_seconds(1);
        gap_table(m.stream[k], &link->gap[k]);
        link->cap[k] = (uint64_t)ceil(mean + 8 * sqrt(mean) + 64);
    }
    pair_thresholds(s, link);
    make_clock(s, &link->clock);
    qd_status st = qd_link_delay_create(link, err);
    if (st != QD_OK) {
        qd_link_destroy(link);
        return st;
    }
    digest(link);
    *out = link;
    return QD_OK;
}

void qd_link_destroy(qd_link *link) {
    if (link) free(link->node);
    free(link);
}
const qd_scenario *qd_link_scenario(const qd_link *link) {
    return &link->scenario;
}
uint64_t qd_link_seed(const qd_link *link) {
    return link->seed;
}
const char *qd_link_tables_sha256(const qd_link *link) {
    return link->sha256;
}
qd_clock qd_link_clock(const qd_link *link) {
    return qd_link_clock_at(link, 0);
}

double qd_link_seconds(uint64_t cells) {
    return (double)cells * ((uint64_t)1 << QD_LINK_CELL_BITS) / QD_LINK_TICKS_PER_S;
}

uint64_t qd_link_cells(double seconds) {
    double n = ceil(seconds / qd_link_seconds(1));
    if (!(n > 1)) return 1;
    return n < (double)QD_LINK_MAX_CELLS ? (uint64_t)n : QD_LINK_MAX_CELLS;
}

uint64_t qd_link_batch(const qd_link *link) {
    uint64_t events = 2 * link->cap[0] + link->cap[1] + link->cap[2], n = ((uint64_t)1 << 21) / events;
    return n < 16 ? 16 : n > 16384 ? 16384 : n;
}
