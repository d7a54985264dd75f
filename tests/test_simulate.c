/* SPDX-License-Identifier: Apache-2.0 */
/* The link simulation: tables against their definitions, properties that hold event by event, ranges put together, scenarios
 * read. Statistics against the model: test_simulate_full.c. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "link/simulate.h"
#include "run_all.h"

static qd_scenario plain(void) {
    qd_scenario s = {.name = "test", .pair_rate_hz = 5e6, .visibility = 0.95};
    for (int k = 0; k < 2; k++) {
        qd_arm *a = &s.arm[k];
        a->loss_db = 5;
        a->basis_split = 0.5;
        a->jitter_fwhm_ps = 200;
        a->dead_ps = 40000;
        for (int d = 0; d < 4; d++) {
            a->efficiency[d] = 0.6;
            a->dark_hz[d] = 1000;
        }
    }
    return s;
}

static qd_link *link_of(const qd_scenario *s, uint64_t seed) {
    qd_link *l = NULL;
    qd_error err = {0};
    ck_assert_msg(qd_link_create(s, seed, &l, &err) == QD_OK, "%s (%s)", err.what, err.cause);
    return l;
}

typedef struct run {
    qd_tags alice, bob;
    qd_truth truth;
} run;

static void simulate(const qd_link *l, qd_device *dev, uint64_t first, uint64_t cells, run *r) {
    qd_error err = {0};
    ck_assert_msg(qd_simulate(l, dev, first, cells, &r->alice, &r->bob, &r->truth, &err) == QD_OK, "%s (%s)", err.what,
                  err.cause);
}

static void drop(run *r) {
    qd_tags_destroy(&r->alice);
    qd_tags_destroy(&r->bob);
    qd_truth_destroy(&r->truth);
}

static bool same_tags(const qd_tags *a, const qd_tags *b) {
    return a->n == b->n && memcmp(a->t, b->t, a->n * sizeof *a->t) == 0 && memcmp(a->mask, b->mask, a->n) == 0;
}

static bool same_run(const run *a, const run *b) {
    bool same = same_tags(&a->alice, &b->alice) && same_tags(&a->bob, &b->bob);
    for (int k = 0; k < 2; k++) {
        const qd_truth *x = &a->truth, *y = &b->truth;
        same = same && x->n[k] == y->n[k] && memcmp(x->id[k], y->id[k], x->n[k] * sizeof *x->id[k]) == 0;
        same = same && x->dead_dropped[k] == y->dead_dropped[k] && x->darks[k] == y->darks[k] &&
               x->pair_tags[k] == y->pair_tags[k] && x->eve_tags[k] == y->eve_tags[k];
    }
    return same;
}

static qd_device *open_device(void) {
    qd_device *dev = NULL;
    qd_error err;
    if (qd_device_open("cpu", &dev, &err) != QD_OK) {
        fprintf(stderr, "test_simulate: no OpenCL CPU device (%s): device half skipped\n", err.what);
        return NULL;
    }
    return dev;
}

START_TEST(thresholds_are_exact_at_the_ends) {
    ck_assert_uint_eq(qd_link_threshold(0), 0);
    ck_assert_uint_eq(qd_link_threshold(-1), 0);
    ck_assert_uint_eq(qd_link_threshold(NAN), 0);
    ck_assert_uint_eq(qd_link_threshold(1), (uint64_t)1 << 32);
    ck_assert_uint_eq(qd_link_threshold(0.5), (uint64_t)1 << 31);
    ck_assert_uint_eq(qd_link_threshold(0x1p-32), 1);
}
END_TEST

/* The gap of word u must be the quantile -ln(U) of the mean, U = (u + 1/2)/2^32. Above U = 1/64 a bin's line differs from the
 * curve by at most w^2/8 + w^2/12 with w = ln((i+1)/i) <= ln(17/16) = .0606 (chord, plus the shift that keeps the bin's mean), so
 * 8e-4 of a mean, and by one rounding of the table and one of the product: 2 units of 2^shift/8 ticks. A zoomed word repeats
 * that, and the last look, at U below 2^-18, takes wide bins: left out here, bounded by its mean in the next test. */
START_TEST(gaps_are_exponential_quantiles) {
    const double rates[] = {1e9, 2.5e6, 1e3, 0.5};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        qd_scenario s = plain();
        s.pair_rate_hz = rates[r];
        s.arm[0].loss_db = s.arm[1].loss_db = 0;
        for (int k = 0; k < 2; k++)
            for (int d = 0; d < 4; d++) {
                s.arm[k].efficiency[d] = 1;
                s.arm[k].dead_ps = 0;
            }
        qd_link *l = link_of(&s, 1);
        const qd_gap_table *g = &l->gap[0];
        double unit = 256e9 / rates[r] * 8, worst = 0, round = 2 * ldexp(1, (int)g->shift) + 2;
        for (uint64_t u = 1 << 15; u < (uint64_t)1 << 32; u += 65521) {
            uint32_t w = (uint32_t)u;
            double sum = 0;
            while (w >> 22 < QD_GAP_ZOOM) {
                sum += (double)g->zoom;
                w <<= 6;
            }
            uint32_t i = w >> 22;
            uint64_t f = w & 0x3fffff;
            double got = sum + ldexp((double)(g->a[i] - (uint32_t)((g->s[i] * f + (1 << 21)) >> 22)), (int)g->shift);
            double want = -log(((double)u + 0.5) / 4294967296.0) * unit;
            worst = fmax(worst, fabs(got - want) - round);
        }
        ck_assert_double_le(worst / unit, 8e-4);
        qd_link_destroy(l);
    }
}
END_TEST

/* Mean over all words, exactly: each look's bins keep their means, so the table's mean is E[-ln U | U >= 1/64] below the first
 * look and so on; with the last look whole it is exactly 1. Rounding of entries: at most a unit each way. */
START_TEST(gaps_have_the_exact_mean) {
    const double rates[] = {1e9, 2.5e6, 1e3};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        qd_scenario s = plain();
        s.pair_rate_hz = rates[r];
        for (int k = 0; k < 2; k++) {
            s.arm[k].loss_db = s.arm[k].dead_ps = 0;
            for (int d = 0; d < 4; d++) s.arm[k].efficiency[d] = 1;
        }
        qd_link *l = link_of(&s, 1);
        const qd_gap_table *g = &l->gap[0];
        double whole = 0, upper = 0, unit = 256e9 / rates[r] * 8;
        for (int i = 0; i < 1 << QD_GAP_BITS; i++) {
            double mean = ldexp(g->a[i] - g->s[i] / 2.0, (int)g->shift) / (1 << QD_GAP_BITS);
            whole += mean;
            if (i >= QD_GAP_ZOOM) upper += mean;
        }
        double last = whole, middle = upper + ((double)g->zoom + last) / 64, mean = upper + ((double)g->zoom + middle) / 64;
        ck_assert_double_le(fabs(mean / unit - 1), 1e-9 + ldexp(1, (int)g->shift) / unit);
        qd_link_destroy(l);
    }
}
END_TEST

/* Rounding to whole ticks adds at most half a tick anywhere, so the standard deviation is right to a tick over sqrt(12) in
 * quadrature and half a tick in the mean; the table is symmetric about its centre. */
START_TEST(jitter_has_the_width_asked_for) {
    const double fwhm[] = {0, 50, 350, 10000};
    for (size_t f = 0; f < sizeof fwhm / sizeof *fwhm; f++) {
        qd_scenario s = plain();
        s.arm[0].jitter_fwhm_ps = fwhm[f];
        s.arm[1].jitter_fwhm_ps = 300;
        qd_link *l = link_of(&s, 1);
        double sum[2] = {0}, square = 0, sigma = fwhm[f] / 2.3548200450309493 * 32 / 125;
        const int n = 1 << QD_JITTER_BITS;
        for (int i = 0; i < n; i++)
            for (int k = 0; k < 2; k++) sum[k] += l->arm[k].jitter[i];
        for (int i = 0; i < n; i++) square += pow(l->arm[0].jitter[i] - sum[0] / n, 2);
        ck_assert_double_le(fabs(sum[0] - sum[1]) / n, 0.51); /* equal mean delay at both stations */
        ck_assert_double_le(fabs(square / n - sigma * sigma), 1.0 / 12 + sigma * 0.02);
        qd_link_destroy(l);
    }
}
END_TEST

START_TEST(bobs_time_inverts_the_clock) {
    const double ppm[] = {-200, -3.21, 0, 1e-6, 11.1, 200};
    const int64_t offset[] = {-500000000000, -17, 0, 1, 500000000000};
    for (size_t i = 0; i < sizeof ppm / sizeof *ppm; i++)
        for (size_t j = 0; j < sizeof offset / sizeof *offset; j++) {
            qd_scenario s = plain();
            s.clock_frequency_ppm = ppm[i];
            s.clock_offset_ps = offset[j];
            qd_link *l = link_of(&s, 1);
            qd_clock c = qd_link_clock(l);
            /* the offset holds at the start; with a negative frequency the tick after it maps to the start too */
            ck_assert_int_eq(qd_link_bob_time(l, QD_LINK_START), QD_LINK_START - c.offset + (c.freq < 0));
            ck_assert(llabs(c.offset * 125 - offset[j] * 32) <= 62);
            for (uint64_t e = 0; e < 200; e++) {
                uint32_t w[4];
                qd_philox(e, QD_STREAM_TEST, i, (uint32_t)j, w);
                int64_t ta = QD_LINK_START + (int64_t)(((uint64_t)w[0] << 32 | w[1]) >> (11 + e % 50)),
                        tb = qd_link_bob_time(l, ta);
                ck_assert(qd_clock_apply(&c, tb) <= ta && qd_clock_apply(&c, tb + 1) > ta);
            }
            qd_link_destroy(l);
        }
}
END_TEST

static void check_station(const qd_link *l, int station, const qd_tags *tags, uint64_t first, uint64_t cells) {
    int64_t from = QD_LINK_START + ((int64_t)first << 28), to = from + ((int64_t)cells << 28);
    int64_t last[4] = {INT64_MIN / 2, INT64_MIN / 2, INT64_MIN / 2, INT64_MIN / 2};
    qd_clock clock = qd_link_clock(l);
    for (uint64_t i = 0; i < tags->n; i++) {
        int d = tags->mask[i] == 1 ? 0 : tags->mask[i] == 2 ? 1 : tags->mask[i] == 4 ? 2 : 3;
        ck_assert_int_eq(tags->mask[i], 1 << d);
        if (i) ck_assert(tags->t[i] >= tags->t[i - 1]);
        int64_t t = station == 0 ? tags->t[i] : qd_clock_apply(&clock, tags->t[i]);
        /* a time on Bob's clock is the largest that maps to or before the event: a tick of rounding, and 200 ppm of it */
        ck_assert(t >= from - station && t < to);
        ck_assert(t - last[d] >= (int64_t)l->arm[station].dead - 2 * station);
        last[d] = t;
    }
}

START_TEST(tags_are_sorted_single_and_respect_dead_time) {
    qd_scenario s = plain();
    s.clock_frequency_ppm = -150;
    s.clock_offset_ps = -1000000;
    qd_link *l = link_of(&s, 3);
    run r = {0};
    simulate(l, NULL, 5, 20, &r);
    ck_assert_uint_gt(r.alice.n, 10000);
    check_station(l, 0, &r.alice, 5, 20);
    check_station(l, 1, &r.bob, 5, 20);
    ck_assert_uint_gt(r.truth.dead_dropped[0], 100);
    ck_assert_uint_gt(r.truth.darks[1], 10);
    drop(&r);
    qd_link_destroy(l);
}
END_TEST

static void pieces_equal_whole(qd_device *dev, const qd_scenario *s) {
    const uint64_t first = 40, cut[] = {0, 1, 2, 5, 13, 30};
    qd_link *l = link_of(s, 9);
    run whole = {0}, pieces = {0};
    simulate(l, NULL, first, 30, &whole);
    for (int i = 0; i < 5; i++) simulate(l, dev, first + cut[i], cut[i + 1] - cut[i], &pieces);
    ck_assert(whole.alice.n > 1000 && same_run(&whole, &pieces));
    drop(&whole);
    drop(&pieces);
    qd_link_destroy(l);
}

/* Detectors busy most of the time, jitter that disorders neighbours, unequal efficiencies and delays, an attack: whatever one
 * cell hands to the next. */
START_TEST(ranges_put_together_equal_one) {
    qd_scenario busy = plain(), odd = plain();
    busy.pair_rate_hz = 2e7;
    busy.arm[0].dead_ps = 1e6;
    busy.arm[1].dead_ps = 3e6;
    busy.arm[0].jitter_fwhm_ps = 10000;
    odd.pair_rate_hz = 6e7;
    odd.intercept_resend = 0.5;
    odd.clock_frequency_ppm = 77;
    odd.arm[1].dead_ps = 0;
    for (int d = 0; d < 4; d++) {
        odd.arm[0].efficiency[d] = 0.2 + 0.2 * d;
        odd.arm[1].delay_ps[d] = 20000 * (3 - d);
    }
    qd_device *dev = open_device();
    pieces_equal_whole(NULL, &busy);
    pieces_equal_whole(NULL, &odd);
    if (dev) {
        pieces_equal_whole(dev, &busy);
        pieces_equal_whole(dev, &odd);
    }
    qd_device_close(dev);
}
END_TEST

/* Counts by basis and agreement of the pairs with a tag on both sides. */
typedef struct agreement {
    uint64_t n[2][2], equal[2][2], one_sided;
} agreement;

static int detector_of(uint8_t mask) {
    return mask == 1 ? 0 : mask == 2 ? 1 : mask == 4 ? 2 : 3;
}

static agreement agree(const run *r) {
    agreement a = {0};
    const qd_truth *t = &r->truth;
    uint64_t j = 0;
    for (uint64_t i = 0; i < t->n[0]; i++) {
        uint64_t id = t->id[0][i] & QD_TRUTH_PAIR;
        if (id == 0) continue;
        uint64_t k = j > 64 ? j - 64 : 0, end = j + 4096 < t->n[1] ? j + 4096 : t->n[1];
        while (k < end && (t->id[1][k] & QD_TRUTH_PAIR) != id) k++;
        if (k == end) {
            a.one_sided++;
            continue;
        }
        j = k;
        int da = detector_of(r->alice.mask[i]), db = detector_of(r->bob.mask[k]);
        a.n[da & 1][db & 1]++;
        a.equal[da & 1][db & 1] += da >> 1 == db >> 1;
    }
    return a;
}

START_TEST(perfect_source_never_gives_equal_outcomes) {
    qd_scenario s = plain();
    s.visibility = 1;
    qd_link *l = link_of(&s, 4);
    run r = {0};
    simulate(l, NULL, 0, 60, &r);
    agreement a = agree(&r);
    ck_assert_uint_gt(a.n[0][0], 1000);
    ck_assert_uint_gt(a.n[1][1], 1000);
    ck_assert_uint_eq(a.equal[0][0], 0);
    ck_assert_uint_eq(a.equal[1][1], 0);
    /* crossed bases: a fair coin, sd sqrt(n)/2 */
    double n = (double)(a.n[0][1] + a.n[1][0]), e = (double)(a.equal[0][1] + a.equal[1][0]);
    ck_assert_double_le(fabs(e - n / 2), 2 * sqrt(n));
    ck_assert_uint_eq(r.truth.eve_tags[0] + r.truth.eve_tags[1], 0);
    qd_truth_pairs p;
    ck_assert_int_eq(qd_truth_join(&r.truth, &p, NULL), QD_OK);
    ck_assert_uint_eq(p.pairs, a.n[0][0] + a.n[0][1] + a.n[1][0] + a.n[1][1]);
    ck_assert_uint_eq(p.touched, 0);
    drop(&r);
    qd_link_destroy(l);
}
END_TEST

START_TEST(one_basis_only_and_nothing_at_all) {
    qd_scenario s = plain();
    s.arm[0].basis_split = 1;
    s.arm[1].basis_split = 0;
    for (int d = 0; d < 4; d++) s.arm[0].dark_hz[d] = s.arm[1].dark_hz[d] = 0;
    qd_link *l = link_of(&s, 4);
    run r = {0};
    simulate(l, NULL, 0, 10, &r);
    ck_assert(r.alice.n > 1000 && r.bob.n > 1000);
    for (uint64_t i = 0; i < r.alice.n; i++) ck_assert(r.alice.mask[i] & QD_DET_Z);
    for (uint64_t i = 0; i < r.bob.n; i++) ck_assert(r.bob.mask[i] & QD_DET_X);
    drop(&r);
    qd_link_destroy(l);
    for (int d = 0; d < 4; d++) s.arm[0].efficiency[d] = 0;
    l = link_of(&s, 4);
    run none = {0};
    simulate(l, NULL, 0, 10, &none);
    ck_assert_uint_eq(none.alice.n, 0);
    ck_assert_uint_gt(none.bob.n, 1000);
    ck_assert_uint_eq(none.truth.pair_tags[1], 0);
    drop(&none);
    qd_link_destroy(l);
}
END_TEST

START_TEST(tables_digest_follows_the_scenario) {
    qd_scenario s = plain();
    qd_link *a = link_of(&s, 1), *b = link_of(&s, 2);
    s.visibility = 0.96;
    qd_link *c = link_of(&s, 1);
    ck_assert_uint_eq(strlen(qd_link_tables_sha256(a)), 64);
    ck_assert_str_eq(qd_link_tables_sha256(a), qd_link_tables_sha256(b)); /* the seed is stated by itself */
    ck_assert_str_ne(qd_link_tables_sha256(a), qd_link_tables_sha256(c));
    qd_link_destroy(a);
    qd_link_destroy(b);
    qd_link_destroy(c);
}
END_TEST

START_TEST(ranges_and_ticks_are_checked) {
    qd_scenario s = plain();
    qd_link *l = link_of(&s, 1);
    run r = {0};
    qd_error err = {0};
    ck_assert_int_eq(qd_simulate(l, NULL, QD_LINK_MAX_CELLS, 1, &r.alice, &r.bob, NULL, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_simulate(l, NULL, 1, UINT64_MAX, &r.alice, &r.bob, NULL, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_simulate(l, NULL, 0, 1, &r.alice, &r.bob, NULL, &err), QD_OK);
    uint64_t n = r.alice.n;
    r.alice.tick = (qd_tick){125, 1};
    ck_assert_int_eq(qd_simulate(l, NULL, 1, 1, &r.alice, &r.bob, NULL, &err), QD_E_USAGE);
    ck_assert_uint_eq(r.alice.n, n);
    ck_assert_uint_eq(qd_link_cells(0), 1);
    ck_assert_uint_eq(qd_link_cells(0.001048576), 1);
    ck_assert_uint_eq(qd_link_cells(0.0010486), 2);
    ck_assert_uint_eq(qd_link_cells(1e300), QD_LINK_MAX_CELLS);
    drop(&r);
    qd_link_destroy(l);
}
END_TEST

/* The worked example of the model: B 5e6, eta .05/.02, d 500/800, window 1 ns, pair jitter 600 ps, e_pol .01, no dead time. */
START_TEST(expectation_of_the_worked_example) {
    qd_scenario s = {.pair_rate_hz = 5e6, .visibility = 0.98};
    for (int k = 0; k < 2; k++) {
        s.arm[k].basis_split = 0.5;
        s.arm[k].jitter_fwhm_ps = 600 / sqrt(2);
        for (int d = 0; d < 4; d++) {
            s.arm[k].efficiency[d] = k ? 0.02 : 0.05;
            s.arm[k].dark_hz[d] = k ? 200 : 125;
        }
    }
    qd_link *l = link_of(&s, 1);
    qd_link_rates r;
    ck_assert_int_eq(qd_link_expect(l, 1000, &r, NULL), QD_OK);
    double single[2] = {0};
    for (int k = 0; k < 2; k++)
        for (int d = 0; d < 4; d++) single[k] += r.single[k][d];
    ck_assert_double_le(fabs(single[0] - 250500), 1e-6);
    ck_assert_double_le(fabs(single[1] - 100800), 1e-6);
    ck_assert_double_le(fabs(r.coincidences - 4751.3913), 5e-5);
    ck_assert_double_le(fabs(r.accidentals - 25.2504), 1e-9);
    ck_assert_double_le(fabs(r.qber[QD_Z] - 0.0125902), 5e-8);
    ck_assert_double_le(fabs(r.qber[QD_X] - 0.0125902), 5e-8);
    qd_link_destroy(l);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("simulate");
    TCase *tables = tcase_create("tables"), *events = tcase_create("events");
    tcase_add_test(tables, thresholds_are_exact_at_the_ends);
    tcase_add_test(tables, gaps_are_exponential_quantiles);
    tcase_add_test(tables, gaps_have_the_exact_mean);
    tcase_add_test(tables, jitter_has_the_width_asked_for);
    tcase_add_test(tables, bobs_time_inverts_the_clock);
    tcase_add_test(tables, tables_digest_follows_the_scenario);
    tcase_add_test(tables, expectation_of_the_worked_example);
    tcase_add_test(events, tags_are_sorted_single_and_respect_dead_time);
    tcase_add_test(events, ranges_put_together_equal_one);
    tcase_add_test(events, perfect_source_never_gives_equal_outcomes);
    tcase_add_test(events, one_basis_only_and_nothing_at_all);
    tcase_add_test(events, ranges_and_ticks_are_checked);
    suite_add_tcase(suite, tables);
    suite_add_tcase(suite, events);
    return run_all(suite);
}
