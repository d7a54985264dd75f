/* SPDX-License-Identifier: Apache-2.0 */
/* tA - tB where it is no straight line: a clock whose frequency drifts, a satellite that passes. Logarithms of nothing, but sines and roots
 * are taken here, once, in double, for a table of values and slopes every 1024 cells (1.07 s); between them a cubic in integers. A cell has
 * the straight line through the cubic at its ends.
 *
 * Geometry: circular orbit of radius r = R + H about a spherical Earth that does not rotate; the angle at its centre between station and
 * satellite is cos g(t) = cos g0 cos(w t), w = sqrt(GM/r^3), with g0 = 90 deg - e - asin(R cos e / r) at culmination in elevation e (spherical
 * trigonometry: Montenbruck, Gill, Satellite Orbits (2000), 5.2); range^2 = R^2 + r^2 - 2 R r cos g. R = 6371 km is the mean radius, GM =
 * 398600.4418 km^3/s^2 that of WGS 84, c exact. Alice is at the source, on the satellite, and Bob's photon arrives range/c later: the time that
 * the light takes is counted from Alice's time, at which it left. */
#include <math.h>
#include <stdlib.h>
#include "link/simulate.h"

static const double radius_m = 6371e3, gm = 398600.4418e9, light = 299792458, ticks_per_s = QD_LINK_TICKS_PER_S;
enum { NODE_BITS = 10, NODE = 1 << NODE_BITS, PART_BITS = 16 };
static const double most_rate = 200e-6;

typedef struct orbit {
    double r, w, cos0; /* metres, radians a second, cosine of the least angle */
} orbit;

static orbit orbit_of(const qd_pass *p) {
    double r = radius_m + p->altitude_km * 1e3, e = p->max_elevation_deg * M_PI / 180;
    return (orbit){r, sqrt(gm / (r * r * r)), cos(M_PI / 2 - e - asin(radius_m * cos(e) / r))};
}

void qd_pass_at(const qd_pass *p, double t, double *range_m, double *rate_m_s, double *elevation_deg) {
    orbit o = orbit_of(p);
    double phase = o.w * (p->start_s + t), cosine = o.cos0 * cos(phase), range = sqrt(radius_m * radius_m + o.r * o.r - 2 * radius_m * o.r * cosine);
    *range_m = range;
    *rate_m_s = radius_m * o.r * o.w * o.cos0 * sin(phase) / range;
    *elevation_deg = asin((o.r * cosine - radius_m) / range) * 180 / M_PI;
}

/* Seconds from culmination to the horizon. */
static double half_pass(const qd_pass *p) {
    orbit o = orbit_of(p);
    double c = radius_m / o.r / o.cos0;
    return c < 1 ? acos(c) / o.w : 0;
}

static bool moves(const qd_scenario *s) { return s->clock_drift_ppm_s != 0 || s->pass.altitude_km > 0; }

/* Seconds for which the line of sight and the clock hold; *why it ends, and whether by the satellite. */
static double holds_s(const qd_scenario *s, const char **why, bool *sets) {
    double t = HUGE_VAL, part = s->clock_frequency_ppm * 1e-6, drift = s->clock_drift_ppm_s * 1e-6;
    *why = "the simulation's cells end";
    *sets = false;
    if (drift != 0) {
        t = (copysign(most_rate, drift) - part) / drift;
        *why = "the clock's frequency leaves 200 ppm";
    }
    if (s->pass.altitude_km > 0) {
        double half = half_pass(&s->pass), set = half - s->pass.start_s;
        if (s->pass.start_s < -half) set = 0;
        if (set < t) {
            t = set;
            *sets = true;
            *why = "the satellite is below the horizon";
        }
    }
    return t;
}

qd_status qd_link_delay_check(const char *const name[2], const qd_scenario *s, qd_error *err) {
    const char *why;
    bool sets;
    if (!moves(s) || holds_s(s, &why, &sets) >= qd_link_seconds(1)) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "%s: %s from the start on|pass.start_s %g s, max_elevation_deg %g, altitude_km %g; clock.frequency_ppm %g||choose another start", name[sets],
                   why, s->pass.start_s, s->pass.max_elevation_deg, s->pass.altitude_km, s->clock_frequency_ppm);
}

/* tA - tB in ticks less the scenario's offset, and its growth a second, t seconds after the start. */
static void delay_at(const qd_scenario *s, double t, double *value, double *slope) {
    double freq = s->clock_frequency_ppm * 1e-6, part = freq / (1 + freq), drift = s->clock_drift_ppm_s * 1e-6, range = 0, rate = 0, elevation;
    if (s->pass.altitude_km > 0) qd_pass_at(&s->pass, t, &range, &rate, &elevation);
    *value = (part * t + drift * t * t / 2 - range / light) * ticks_per_s;
    *slope = (part + drift * t - rate / light) * ticks_per_s;
}

qd_status qd_link_delay_create(qd_link *link, qd_error *err) {
    const qd_scenario *s = &link->scenario;
    const char *why;
    bool sets;
    link->cells = QD_LINK_MAX_CELLS;
    if (!moves(s)) return QD_OK;
    double most = floor(holds_s(s, &why, &sets) / qd_link_seconds(1));
    if (most < (double)link->cells) link->cells = (uint64_t)most;
    link->n_nodes = link->cells / NODE + 3; /* the line of a cell ends where the next begins, and it is needed once beyond */
    link->node = malloc(link->n_nodes * sizeof *link->node);
    if (!link->node) return qd_fail(err, QD_E_INTERNAL, "no memory for the tables of a link|||close other programs");
    for (uint64_t i = 0; i < link->n_nodes; i++) {
        double t = qd_link_seconds(i << NODE_BITS), value, slope;
        delay_at(s, t, &value, &slope);
        link->node[i].value = link->clock.offset * (1 << PART_BITS) + llround(ldexp(value, PART_BITS));
        link->node[i].slope = llround(ldexp(slope * qd_link_seconds(NODE), PART_BITS));
    }
    return QD_OK;
}

/* Hermite's cubic at the start of a cell, 2^-16 ticks. */
static int64_t delay_of(const qd_link *link, uint64_t cell) {
    const qd_delay_node *a = &link->node[cell >> NODE_BITS], *b = a + 1;
    __int128 i = cell & (NODE - 1), n = NODE, cube = i * i * i, square = i * i * n;
    __int128 sum = (2 * cube - 3 * square + n * n * n) * a->value + (3 * square - 2 * cube) * b->value + (cube - 2 * square + i * n * n) * a->slope +
                   (cube - square) * b->slope;
    return (int64_t)(sum >> (3 * NODE_BITS));
}

qd_clock qd_link_clock_at(const qd_link *link, uint64_t cell) {
    qd_clock c = link->clock;
    if (!link->node) return c;
    if (cell > link->cells) cell = link->cells;
    int64_t x = delay_of(link, cell), part = delay_of(link, cell + 1) - x, one = (int64_t)1 << QD_CLOCK_SHIFT;
    /* 2^-16 ticks in 2^28 are 2^-44 a tick of Alice's; a tick of Bob's is shorter by as much */
    __int128 num = (__int128)part * one, den = one - part;
    c.offset = x >> PART_BITS;
    c.base = QD_LINK_START + (int64_t)(cell << QD_LINK_CELL_BITS) - c.offset;
    c.freq = (int64_t)((num < 0 ? num - den / 2 : num + den / 2) / den);
    return c;
}

static int64_t by_line(const qd_clock *c, int64_t ta) {
    int64_t tb = ta - c->offset;
    /* Each round leaves 2.4e-4 of the error; four from below 2^43 leave less than a tick, then the exact rule decides. */
    for (int i = 0; i < 4; i++) tb += ta - qd_clock_apply(c, tb);
    while (qd_clock_apply(c, tb) > ta) tb--;
    while (qd_clock_apply(c, tb + 1) <= ta) tb++;
    return tb;
}

int64_t qd_link_cell_end(const qd_link *link, uint64_t cell) {
    if (!link->node) return INT64_MAX;
    qd_clock next = qd_link_clock_at(link, cell + 1);
    return by_line(&next, QD_LINK_START + (int64_t)((cell + 1) << QD_LINK_CELL_BITS));
}

int64_t qd_link_bob_time(const qd_link *link, int64_t ta) {
    if (!link->node) return by_line(&link->clock, ta);
    uint64_t cell = ta < QD_LINK_START ? 0 : (uint64_t)(ta - QD_LINK_START) >> QD_LINK_CELL_BITS;
    qd_clock c = qd_link_clock_at(link, cell);
    int64_t tb = by_line(&c, ta), end = qd_link_cell_end(link, cell);
    return tb < end ? tb : end; /* lines of neighbours meet to within a tick: none overtakes the next */
}

uint64_t qd_link_cells_most(const qd_link *link) { return link->cells; }

qd_status qd_link_covers(const qd_link *link, uint64_t cells, qd_error *err) {
    const char *why;
    bool sets;
    if (cells <= link->cells) return QD_OK;
    (void)holds_s(&link->scenario, &why, &sets);
    return qd_fail(err, QD_E_INPUT, "%s: %.3f s are longer than the link holds: %s after %.3f s|||simulate at most so long",
                   link->scenario.name[0] ? link->scenario.name : "scenario", qd_link_seconds(cells), why, qd_link_seconds(link->cells));
}
