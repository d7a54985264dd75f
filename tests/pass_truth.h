/* SPDX-License-Identifier: Apache-2.0 */
/** @file pass_truth.h  A simulated link whose clock moves, from tags to pairs: the clock is followed, and compared with the true one. */
#ifndef QD_TESTS_PASS_TRUTH_H
#define QD_TESTS_PASS_TRUTH_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "qdistill/link.h"
#include "qdistill/timetag.h"

typedef struct pass_case {
    const char *name;
    double pair_rate, loss_db, dark_hz, drift_ppm_s;
    qd_pass pass;
    double seconds;
} pass_case;

enum { PASS_WINDOW_PS = 1200 };

static inline qd_link *pass_link(const pass_case *c) {
    qd_scenario s = {.name = "pass", .pair_rate_hz = c->pair_rate, .visibility = 0.97, .clock_offset_ps = 3000000000, .clock_frequency_ppm = 0.5,
                     .clock_drift_ppm_s = c->drift_ppm_s, .pass = c->pass};
    for (int k = 0; k < 2; k++) {
        s.arm[k].loss_db = k ? c->loss_db : 0;
        s.arm[k].basis_split = 0.5;
        s.arm[k].jitter_fwhm_ps = 350;
        s.arm[k].dead_ps = 45000;
        for (int d = 0; d < 4; d++) {
            s.arm[k].efficiency[d] = 0.25;
            s.arm[k].dark_hz[d] = k ? c->dark_hz : 0;
        }
    }
    qd_link *l = NULL;
    qd_error err = {0};
    ck_assert_msg(qd_link_create(&s, 17, &l, &err) == QD_OK, "%s (%s)", err.what, err.cause);
    return l;
}

/* B's time on A's clock by the truth. */
static inline int64_t pass_true_time(const qd_link *l, int64_t tb, uint64_t *cell) {
    for (;;) {
        qd_clock c = qd_link_clock_at(l, *cell);
        int64_t ta = qd_clock_apply(&c, tb);
        uint64_t in = ta < QD_LINK_START ? 0 : (uint64_t)(ta - QD_LINK_START) >> QD_LINK_CELL_BITS;
        if (in == *cell || in + 1 == *cell) return ta; /* lines of neighbours meet: either will do at a cell's end */
        *cell = in;
    }
}

/* Coincidences that are true pairs, and all. */
static inline uint64_t pass_pairs(qd_device *dev, const qd_tags *a, const int64_t *b, uint64_t nb, const qd_truth *t, uint64_t *all) {
    qd_pairs p = {0};
    uint64_t n = 0;
    ck_assert_int_eq(qd_coincide(dev, a->t, a->n, b, nb, NULL, qd_window_reach(PASS_WINDOW_PS, a->tick), 0, a->n, &p, NULL), QD_OK);
    for (uint64_t i = 0; i < p.n; i++) {
        uint64_t id = t->id[0][p.a[i]] & QD_TRUTH_PAIR;
        n += id && id == (t->id[1][p.b[i]] & QD_TRUTH_PAIR);
    }
    *all = p.n;
    qd_pairs_destroy(&p);
    return n;
}

/* The line with which the pass begins, but for 0.7 ns: finding a clock is another test's. */
static inline qd_clock pass_clock(const qd_link *l) {
    qd_clock clock = qd_link_clock(l);
    clock.offset += 180;
    return clock;
}

/** Simulate, follow the clock from the line with which it begins: at least 99 % of the true pairs and of the coincidences that the true clock has. */
static inline void check_pass(const pass_case *c) {
    qd_device *dev = NULL;
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) dev = NULL;
    qd_link *l = pass_link(c);
    qd_tags a = {0}, b = {0};
    qd_truth truth = {0};
    qd_error err = {0};
    uint64_t cells = qd_link_cells(c->seconds), batch = qd_link_batch(l), ideal, ideal_all, got, got_all, cell = 0;
    for (uint64_t at = 0; at < cells; at += batch)
        ck_assert_msg(qd_simulate(l, dev, at, cells - at < batch ? cells - at : batch, &a, &b, &truth, &err) == QD_OK, "%s", err.what);
    int64_t *exact = malloc((b.n + 1) * sizeof *exact);
    ck_assert_ptr_nonnull(exact);
    for (uint64_t i = 0; i < b.n; i++) {
        exact[i] = pass_true_time(l, b.t[i], &cell);
        if (i && exact[i] < exact[i - 1]) exact[i] = exact[i - 1];
    }
    ideal = pass_pairs(dev, &a, exact, b.n, &truth, &ideal_all);
    qd_follow_need need;
    qd_follow *f = NULL;
    qd_times on_a = {0};
    qd_clock clock = pass_clock(l);
    ck_assert_int_eq(qd_follow_create(&clock, qd_window_reach(PASS_WINDOW_PS, a.tick), false, &f, &err), QD_OK);
    ck_assert_msg(qd_follow_advance(f, &a, true, &b, true, &on_a, &need, &err) == QD_OK, "%s", err.what);
    got = pass_pairs(dev, &a, on_a.t, b.n, &truth, &got_all);
    const qd_follow_report *t = qd_follow_about(f);
    printf("%s: %.3g and %.3g tags, %.0f pairs/s; departed %.3g us, drift up to %.3f ppm/s; true pairs %llu of %llu (%.2f %% lost), coincidences "
           "%llu of %llu; %llu of %llu stretches unfitted\n",
           c->name, (double)a.n, (double)b.n, (double)ideal / c->seconds, t->departure_ps * 1e-6, t->drift_ppm_s, (unsigned long long)got,
           (unsigned long long)ideal, 100 * (1 - (double)got / (double)ideal), (unsigned long long)got_all, (unsigned long long)ideal_all,
           (unsigned long long)t->unfitted, (unsigned long long)t->stretches);
    ck_assert(t->locked && t->lost == 0);
    ck_assert_uint_gt(ideal, 1000);
    ck_assert_uint_ge(100 * got, 99 * ideal);
    ck_assert_uint_ge(100 * got_all, 99 * ideal_all);
    ck_assert_double_ge(t->departure_ps, 1e6); /* no straight line would have done */
    qd_follow_destroy(f);
    free(on_a.t);
    free(exact);
    qd_truth_destroy(&truth);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_link_destroy(l);
    qd_device_close(dev);
}

#endif
