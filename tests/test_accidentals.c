/* SPDX-License-Identifier: Apache-2.0 */
/* Chance pairs among the coincidences against the truth of a simulated link, which knows each tag's pair. */
#include <math.h>
#include "core_suite.h"
#include "qdistill/link.h"
#include "qdistill/timetag.h"
#include "run_all.h"

enum { WINDOWS = 4 };
static const qd_tick tick = {125, 32};
static qd_error err;

static const struct {
    double rate, efficiency, jitter_ps, seconds;
    uint64_t window_ps, detectors_dead_ps, rule_ps;
} rows[] = {
    {2e6, 0.4, 100, 2, 1000, 30000, 30000},  {12e6, 0.2, 100, 0.4, 1000, 30000, 30000}, {12e6, 0.5, 100, 0.15, 1000, 30000, 30000},
    {12e6, 0.2, 400, 0.3, 2000, 30000, 30000}, {12e6, 0.2, 100, 0.4, 1000, 0, 0},       {12e6, 0.2, 300, 0.3, 2000, 0, 0},
};

/* Keep what the rule keeps, of tags and ids. */
static void rule(uint64_t dead_ps, qd_tags *t, uint64_t *id) {
    uint64_t n = 0;
    int64_t last = INT64_MIN / 2, dead = (int64_t)(dead_ps * tick.den / tick.num);
    for (uint64_t i = 0; i < t->n; i++) {
        int64_t at = t->t[i];
        if (at - last >= dead) {
            t->t[n] = at;
            id[n++] = id[i];
        }
        last = at;
    }
    t->n = n;
}

/* Four standard deviations of counting: of the truth's chance pairs, and of the displaced windows' mean. */
START_TEST(chance_pairs_are_as_many_as_the_truth_has) {
    char text[512];
    int n = snprintf(text, sizeof text, "pair_rate_hz: %g\nvisibility: 0.97\narms:\n", rows[_i].rate);
    for (int s = 0; s < 2; s++)
        n += snprintf(text + n, sizeof text - (size_t)n, "  %s: {detectors: {efficiency: %g, dark_hz: 300, jitter_fwhm_ps: %g, dead_ps: %llu}}\n",
                      s ? "bob" : "alice", rows[_i].efficiency, rows[_i].jitter_ps, (unsigned long long)rows[_i].detectors_dead_ps);
    qd_scenario scenario;
    qd_link *link;
    qd_tags t[2] = {{0}, {0}};
    qd_truth truth = {0};
    ck_ok(qd_scenario_load_text("text", text, strlen(text), &scenario, &err));
    ck_ok(qd_link_create(&scenario, 5, &link, &err));
    ck_ok(qd_simulate(link, NULL, 0, qd_link_cells(rows[_i].seconds), &t[0], &t[1], &truth, &err));
    for (int s = 0; s < 2; s++) rule(rows[_i].rule_ps, &t[s], truth.id[s]);
    ck_ok(qd_announce(t[0].t, t[0].n, tick, 125, t[0].t, &err));
    ck_ok(qd_announced_ticks(t[0].t, t[0].n, tick, 125, t[0].t, &err));

    qd_clock clock = qd_link_clock(link);
    int64_t reach = qd_window_reach(rows[_i].window_ps, tick);
    qd_pairs p = {0};
    qd_accidentals far;
    ck_ok(qd_coincide(NULL, t[0].t, t[0].n, t[1].t, t[1].n, &clock, reach, 0, t[0].n, &p, &err));
    ck_ok(qd_coincide_accidentals(NULL, t[0].t, t[0].n, t[1].t, t[1].n, &clock, reach, qd_accidental_step(reach, rows[_i].rule_ps, tick),
                                  WINDOWS / 2, 0, t[0].n, &far, &err));
    double chance = 0, distance = 0;
    for (uint64_t i = 0; i < p.n; i++) {
        uint64_t a = truth.id[0][p.a[i]] & QD_TRUTH_PAIR, b = truth.id[1][p.b[i]] & QD_TRUTH_PAIR;
        chance += a == 0 || a != b;
        distance += fabs((double)(t[0].t[p.a[i]] - qd_clock_apply(&clock, t[1].t[p.b[i]])));
    }
    const qd_accidental_facts f = {.displaced = far.mean, .pairs = p.n, .kept = {t[0].n, t[1].n}, .window_ps = rows[_i].window_ps,
                                   .dead_ps = rows[_i].rule_ps, .distance_ps = distance / (double)p.n * tick.num / tick.den};
    double found = qd_accidentals_among(&f), sd = sqrt(chance + found / far.mean * found / WINDOWS);
    /* All events against all, in so many ticks: (2 reach + 1) of them, each 125/32 ps. One-to-one pairing loses the second of two rivals:
     * a share of the events in a window, on either side. */
    double seconds = qd_link_seconds(qd_link_cells(rows[_i].seconds)), w = (2 * (double)reach + 1) * tick.num / tick.den * 1e-12,
           all = (double)t[0].n * (double)t[1].n * w / seconds, rivals = all * w * (double)(t[0].n + t[1].n) / seconds;
    printf("rate %g, efficiency %g, rule %llu ps: displaced %.0f (S_A S_B w T %.0f), estimate %.0f, truth %.0f, sd %.0f\n", rows[_i].rate,
           rows[_i].efficiency, (unsigned long long)rows[_i].rule_ps, far.mean, all, found, chance, sd);
    ck_assert_double_le(fabs(found - chance), 4 * sd);
    ck_assert_double_gt(far.mean, chance + 4 * sd); /* it is no estimate of them */
    ck_assert_double_le(far.mean, all + 4 * sqrt(all / WINDOWS));
    ck_assert_double_ge(far.mean, all - rivals - 4 * sqrt(all / WINDOWS));
    qd_pairs_destroy(&p);
    qd_truth_destroy(&truth);
    for (int s = 0; s < 2; s++) qd_tags_destroy(&t[s]);
    qd_link_destroy(link);
}
END_TEST

START_TEST(the_ends_of_the_formula) {
    const qd_accidental_facts none = {.displaced = 100, .pairs = 100, .kept = {1000, 1000}, .window_ps = 1000}, nobody = {.displaced = 5},
                              all = {.displaced = 100, .pairs = 1000, .kept = {1000, 1000}, .window_ps = 1000, .dead_ps = 30000};
    ck_assert_double_eq_tol(qd_accidentals_among(&none), 100, 1e-6); /* nothing but chance */
    ck_assert_double_eq(qd_accidentals_among(&nobody), 0);
    /* p = (1000 - x)/1000 and x = 100 (1 - p), that is x = x / 10 */
    ck_assert_double_lt(qd_accidentals_among(&all), 1e-5);
    /* 16 windows of 2 reach + 1 ticks, and 250 ns of 125/32 ps, or twice the rule */
    ck_assert_int_eq(qd_accidental_step(127, 0, tick), 16 * 255 + 64000 + 32);
    ck_assert_int_eq(qd_accidental_step(127, 1000000, tick), 16 * 255 + 512000 + 32);
}
END_TEST

int main(void) {
    Suite *s = suite_create("accidentals");
    TCase *t = tcase_create("truth");
    tcase_add_loop_test(t, chance_pairs_are_as_many_as_the_truth_has, 0, sizeof rows / sizeof *rows);
    tcase_add_test(t, the_ends_of_the_formula);
    suite_add_tcase(s, t);
    return run_all(s);
}
