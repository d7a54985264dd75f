/* SPDX-License-Identifier: Apache-2.0 */
/* Registry row of the simulation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "link/simulate.h"

enum { RATE, ETA_A, ETA_B, UNEVEN, DARK, JITTER, DEAD, VISIBILITY, EVE, SPLIT, ANGLE, OFFSET, DRIFT, CELLS, FIRST, SEED, TURN, PASS, BELL };

static const qd_key keys[] = {{"rate", 12000000, 0, 1000000000, "pairs per second"},
                              {"eta_a", 200000, 0, 1000000, "Alice's efficiency, ppm"},
                              {"eta_b", 200000, 0, 1000000, "Bob's efficiency, ppm"},
                              {"uneven", 0, 0, 1000000, "detector d has an efficiency smaller by d/3 of this, ppm"},
                              {"dark", 200, 0, 100000000, "dark counts per second and detector"},
                              {"jitter", 120, 0, 10000, "FWHM, ps; Bob's is half as much again"},
                              {"dead", 30000, 0, 10000000, "dead time, ps"},
                              {"visibility", 970000, 0, 1000000, "ppm"},
                              {"eve", 0, 0, 1000000, "pairs measured and resent, ppm"},
                              {"split", 500000, 0, 1000000, "probability of z at both stations, ppm"},
                              {"angle", 0, 0, 45000, "misalignment, thousandths of a degree"},
                              {"offset", 1234567, 0, 500000000000, "clock offset, ps"},
                              {"drift", 203210, 0, 400000, "clock frequency, ppb above -200000"},
                              {"cells", 3, 1, 100000, "cells of 2^28 ticks"},
                              {"first", 0, 0, 33000000, "first cell"},
                              {"seed", 1, 0, UINT64_MAX, "seed"},
                              {"turn", 1000000, 0, 2000000, "growth of the clock frequency, 1e-12 a second above -1000000"},
                              {"pass", 0, 0, 50000, "altitude of a satellite that culminates overhead as the link starts, km; 0: none"},
                              {"bell", 0, 0, 100000, "Bob's settings at once and three times so many thousandths of a degree, Alice's at 0 and 45; 0: not declared"}};

/* Small enough for a simulator of devices, and each path of the kernels once. */
static const char *const tiny[] = {"simulate:pass=400,rate=1000000,cells=2,first=7",
                                   "simulate:cells=2,rate=3000000,eve=100000,uneven=100000,first=1",
                                   "simulate:rate=1000000,cells=1,dead=0",
                                   "simulate:rate=1000000,cells=1,first=1,drift=0",
                                   "simulate:rate=300000,cells=12,first=1,dead=1000000",
                                   "simulate:rate=0,dark=0,cells=1",
                                   NULL};

static const char *const quick[] = {"simulate:cells=1",
                                    "simulate:cells=2,first=1,seed=2",
                                    "simulate:cells=7,seed=3",
                                    "simulate:cells=65,rate=2000000,first=77",
                                    "simulate:rate=0,dark=0,cells=5",
                                    "simulate:rate=0,dark=300000,cells=5",
                                    "simulate:rate=1,cells=64,dark=0",
                                    "simulate:rate=40,eta_a=1000000,eta_b=1000000,cells=257,dark=3",
                                    "simulate:rate=400000000,cells=1,first=5,dead=10000",
                                    "simulate:rate=200000000,eta_a=1000000,eta_b=1000000,cells=2,first=3,dead=0,jitter=10000",
                                    "simulate:eta_a=0,cells=2",
                                    "simulate:eta_a=1000000,eta_b=1000000,cells=2,dark=0",
                                    "simulate:eta_a=1000000,eta_b=1000000,uneven=1000000,cells=2",
                                    "simulate:uneven=300000,cells=3,eve=300000,angle=7000",
                                    "simulate:dead=0,cells=2",
                                    "simulate:dead=1,cells=2,rate=100000000",
                                    "simulate:dead=10000000,rate=80000,cells=20,first=3",
                                    "simulate:dead=1000000,rate=40000000,cells=4,first=9",
                                    "simulate:dead=100000,rate=150000000,eta_a=500000,cells=1,first=2",
                                    "simulate:visibility=0,cells=2",
                                    "simulate:visibility=1000000,dark=0,cells=2",
                                    "simulate:eve=1000000,cells=2",
                                    "simulate:eve=1000000,visibility=1000000,angle=45000,cells=2",
                                    "simulate:split=0,cells=2",
                                    "simulate:split=1000000,cells=2",
                                    "simulate:jitter=0,cells=3",
                                    "simulate:jitter=10000,rate=50000000,dead=0,cells=2,first=1",
                                    "simulate:dark=100000000,dead=0,rate=0,jitter=10000,cells=2,first=1",
                                    "simulate:drift=0,offset=500000000000,cells=3",
                                    "simulate:drift=400000,cells=3,first=33000000",
                                    "simulate:drift=200000,offset=0,cells=3",
                                    "simulate:seed=18446744073709551615,cells=3",
                                    "simulate:turn=1400000,cells=7,first=2000",
                                    "simulate:turn=0,drift=400000,cells=3,first=12345",
                                    "simulate:bell=22500,cells=2",
                                    "simulate:bell=17123,cells=2,eve=400000,uneven=100000,angle=1000",
                                    "simulate:pass=500,cells=9",
                                    "simulate:pass=500,cells=3,first=1023",
                                    "simulate:pass=36000,turn=1100000,cells=3,first=222",
                                    NULL};
static const char *const full[] = {"simulate:cells=1000", "simulate:cells=2000,eve=500000,uneven=200000,first=1000",
                                   "simulate:cells=20000,rate=100000,first=12345", "simulate:rate=1000000000,cells=2,dead=5000",
                                   NULL};
static const char *const profile[] = {"simulate:cells=500", "simulate:cells=5000,rate=1000000",
                                      "simulate:cells=500,eve=1000000,uneven=200000", NULL};

static qd_status create(const qd_problem *p, void **state, qd_error *err) {
    const uint64_t *v = p->v;
    qd_scenario s = {.name = "problem",
                     .pair_rate_hz = (double)v[RATE],
                     .visibility = (double)v[VISIBILITY] * 1e-6,
                     .misalignment_deg = (double)v[ANGLE] * 1e-3,
                     .clock_offset_ps = (int64_t)v[OFFSET],
                     .clock_frequency_ppm = ((double)v[DRIFT] - 200000) * 1e-3,
                     .clock_drift_ppm_s = ((double)v[TURN] - 1000000) * 1e-6,
                     .pass = {.altitude_km = (double)v[PASS], .max_elevation_deg = 90},
                     .intercept_resend = (double)v[EVE] * 1e-6};
    for (int k = 0; k < 2; k++) {
        qd_arm *a = &s.arm[k];
        a->basis_split = (double)v[SPLIT] * 1e-6;
        a->jitter_fwhm_ps = k ? (double)v[JITTER] * 1.5 : (double)v[JITTER];
        if (a->jitter_fwhm_ps > 10000) a->jitter_fwhm_ps = 10000;
        a->dead_ps = (double)v[DEAD];
        for (int d = 0; d < 4; d++) {
            a->efficiency[d] = (double)v[k ? ETA_B : ETA_A] * 1e-6 * (1 - (double)v[UNEVEN] * 1e-6 * d / 3);
            a->dark_hz[d] = (double)v[DARK];
            a->delay_ps[d] = v[UNEVEN] ? 100 * d : 0;
        }
    }
    const double z = (double)v[BELL] * 1e-3;
    if (v[BELL]) s.arm[1].analysers = (qd_analysers){true, {z + 90, 3 * z + 90, z, 3 * z}};
    qd_simulate_case *c = calloc(1, sizeof *c);
    if (!c) return qd_fail(err, QD_E_INTERNAL, "no memory for a case of simulate|||close other programs");
    c->first = v[FIRST];
    c->cells = v[CELLS];
    qd_status st = qd_link_create(&s, v[SEED], &c->link, err);
    if (st != QD_OK) {
        free(c);
        if (err) err->status = QD_E_USAGE;
        return st == QD_E_INPUT ? QD_E_USAGE : st;
    }
    qd_link_model m;
    qd_link_model_of(&s, &m);
    double most = (m.stream[0] + (m.stream[1] > m.stream[2] ? m.stream[1] : m.stream[2])) * qd_link_seconds(c->cells);
    c->room = (uint64_t)(most + 10 * sqrt(most) + 64 + most / 16 / (double)c->cells);
    *state = c;
    return QD_OK;
}

static void destroy(void *state) {
    qd_simulate_case *c = state;
    if (!c) return;
    qd_link_destroy(c->link);
    free(c);
}

enum { HEADER_WORDS = 10 };

static size_t output_bytes(const void *state) {
    const qd_simulate_case *c = state;
    return HEADER_WORDS * sizeof(uint64_t) + 2 * c->room * (2 * sizeof(uint64_t) + 1);
}

/* Copy and fill up to @p room bytes with zeros. */
static unsigned char *put(unsigned char *at, const void *from, size_t bytes, size_t room) {
    if (bytes) memcpy(at, from, bytes);
    memset(at + bytes, 0, room - bytes);
    return at + room;
}

qd_status qd_simulate_output(const qd_simulate_case *c, const qd_tags *alice, const qd_tags *bob, const qd_truth *truth,
                             void *out, qd_error *err) {
    const qd_tags *tags[2] = {alice, bob};
    unsigned char *at = out;
    for (int k = 0; k < 2; k++) {
        uint64_t head[HEADER_WORDS / 2] = {tags[k]->n, truth->dead_dropped[k], truth->darks[k], truth->pair_tags[k],
                                           truth->eve_tags[k]};
        memcpy(at, head, sizeof head);
        at += sizeof head;
    }
    for (int k = 0; k < 2; k++) {
        uint64_t n = tags[k]->n;
        if (n > c->room || truth->n[k] != n)
            return qd_fail(err, QD_E_INTERNAL,
                           "a case of simulate made more tags than it has room for, or ids that do not match its tags");
        at = put(at, tags[k]->t, n * 8, c->room * 8);
        at = put(at, truth->id[k], n * 8, c->room * 8);
        at = put(at, tags[k]->mask, n, c->room);
    }
    return QD_OK;
}

static qd_status run(void *state, qd_device *dev, void *out, qd_error *err) {
    qd_simulate_case *c = state;
    qd_tags alice = {0}, bob = {0};
    qd_truth truth = {0};
    qd_status st = qd_simulate(c->link, dev, c->first, c->cells, &alice, &bob, &truth, err);
    if (st == QD_OK) st = qd_simulate_output(c, &alice, &bob, &truth, out, err);
    qd_tags_destroy(&alice);
    qd_tags_destroy(&bob);
    qd_truth_destroy(&truth);
    return st;
}

static qd_status reference(void *state, void *out, qd_error *err) {
    return run(state, NULL, out, err);
}
static qd_status device(void *state, qd_device *dev, void *out, qd_error *err) {
    return run(state, dev, out, err);
}

/* Least work: a tag leaves with 17 bytes (time, mask, id) and needs one philox draw, two for the half of a pair: ten rounds of
 * two multiplications and four exclusive-ors, and about 20 operations for gap, outcome, order and dead time. */
static void cost(const void *state, qd_cost *cost) {
    const qd_simulate_case *c = state;
    qd_link_model m;
    qd_link_model_of(&c->link->scenario, &m);
    double seconds = qd_link_seconds(c->cells);
    cost->units = (2 * m.stream[0] + m.stream[1] + m.stream[2]) * seconds;
    cost->unit = "tag";
    cost->bytes = 17 * cost->units;
    cost->ops = ((2 * m.stream[0] + m.stream[1] + m.stream[2]) * (60 + 20)) * seconds;
}

static const qd_op simulate = {.name = "simulate",
                               .summary = "a link event by event: both stations' tags and the truth",
                               .keys = keys,
                               .n_keys = sizeof keys / sizeof *keys,
                               .selftest = "simulate:cells=2,rate=3000000,eve=100000,uneven=100000,first=1",
                               .cases_tiny = tiny,
                               .cases_quick = quick,
                               .cases_full = full,
                               .cases_profile = profile,
                               .create = create,
                               .destroy = destroy,
                               .output_bytes = output_bytes,
                               .reference = reference,
                               .device = device,
                               .cost = cost};

const qd_op *const qd_link_ops[] = {&simulate, NULL};
