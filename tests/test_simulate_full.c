/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of the simulated link against the model of Neumann et al., PRA 104:022406 (2021), with dead time: each count within
 * 4 standard deviations. Seeds are fixed, so a passing run passes again; a gate fails by chance once in 16,000.
 *
 * Standard deviations. Clicks of a detector with dead time t and rate r form a renewal process: variance of the count n in a long
 * time is n/(1 + r t)^2. Pairs kept at both stations are a Poisson process thinned by dead times, which only take from its
 * variance: at most n. Tag pairs at displaced delays, mean u over windows of W seconds together: every tag enters several, so the
 * variance is u (1 + W (S_A + S_B)). A share p of n independent trials: p(1-p)/n. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "link/simulate.h"
#include "run_all.h"

/* Full window 1 ns = 256 ticks; 2|d| < 256 in whole ticks admits 255 differences. */
static const int64_t window = 256;
static const double window_ps = 255 * 125.0 / 32;

static qd_scenario base(double rate, double eta_a, double eta_b) {
    qd_scenario s = {.name = "grid", .pair_rate_hz = rate, .visibility = 0.97};
    for (int k = 0; k < 2; k++) {
        s.arm[k].basis_split = 0.5;
        s.arm[k].jitter_fwhm_ps = 250;
        s.arm[k].dead_ps = 30000;
        for (int d = 0; d < 4; d++) {
            s.arm[k].efficiency[d] = k ? eta_b : eta_a;
            s.arm[k].dark_hz[d] = 500;
        }
    }
    return s;
}

/* One pair with a tag on both sides. */
typedef struct joined {
    uint64_t id, a, b; /* index of the tags */
} joined;

typedef struct sample {
    qd_link *link;
    double seconds;
    qd_tags tag[2]; /* Bob's times on Alice's clock */
    qd_truth truth;
    joined *pair;
    uint64_t pairs;
} sample;

typedef struct numbered {
    uint64_t id, index;
} numbered;

static uint64_t sorted_ids(const qd_truth *t, int k, numbered *out) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < t->n[k]; i++) {
        uint64_t id = t->id[k][i] & QD_TRUTH_PAIR, j = n;
        if (!id) continue;
        for (; j > 0 && out[j - 1].id > id; j--) out[j] = out[j - 1];
        out[j] = (numbered){id, i};
        n++;
    }
    return n;
}

static void take(const qd_scenario *s, double seconds, uint64_t seed, qd_device *dev, sample *out) {
    qd_error err = {0};
    *out = (sample){0};
    ck_assert_msg(qd_link_create(s, seed, &out->link, &err) == QD_OK, "%s (%s)", err.what, err.cause);
    uint64_t cells = qd_link_cells(seconds), batch = qd_link_batch(out->link);
    out->seconds = qd_link_seconds(cells);
    for (uint64_t c = 0; c < cells; c += batch)
        ck_assert_msg(qd_simulate(out->link, dev, c, cells - c < batch ? cells - c : batch, &out->tag[0], &out->tag[1],
                                  &out->truth, &err) == QD_OK,
                      "%s (%s)", err.what, err.cause);
    qd_clock clock = qd_link_clock(out->link);
    for (uint64_t i = 0; i < out->tag[1].n; i++) out->tag[1].t[i] = qd_clock_apply(&clock, out->tag[1].t[i]);
    numbered *a = malloc((out->truth.n[0] + 1) * sizeof *a), *b = malloc((out->truth.n[1] + 1) * sizeof *b);
    uint64_t na = sorted_ids(&out->truth, 0, a), nb = sorted_ids(&out->truth, 1, b);
    out->pair = malloc((na + 1) * sizeof *out->pair);
    for (uint64_t i = 0, j = 0; i < na && j < nb;) {
        uint64_t x = a[i].id, y = b[j].id;
        if (x == y) out->pair[out->pairs++] = (joined){x, a[i].index, b[j].index};
        i += x <= y;
        j += y <= x;
    }
    free(a);
    free(b);
}

static void drop(sample *s) {
    qd_link_destroy(s->link);
    qd_tags_destroy(&s->tag[0]);
    qd_tags_destroy(&s->tag[1]);
    qd_truth_destroy(&s->truth);
    free(s->pair);
}

static int detector_of(uint8_t mask) {
    return mask == 1 ? 0 : mask == 2 ? 1 : mask == 4 ? 2 : 3;
}
static int at(const sample *s, int k, uint64_t i) {
    return detector_of(s->tag[k].mask[i]);
}
static bool inside(const sample *s, const joined *p) {
    return 2 * llabs(s->tag[0].t[p->a] - s->tag[1].t[p->b]) < window;
}

static void gate(const char *what, double got, double want, double sd) {
    ck_assert_msg(fabs(got - want) <= 4 * sd, "%s: %.8g, expected %.8g, which is %.2f sd away", what, got, want,
                  (got - want) / sd);
}

static void check_singles(const sample *s, const qd_link_rates *r) {
    for (int k = 0; k < 2; k++) {
        uint64_t n[4] = {0};
        for (uint64_t i = 0; i < s->tag[k].n; i++) n[at(s, k, i)]++;
        for (int d = 0; d < 4; d++) {
            double want = r->single[k][d] * s->seconds, tau = s->link->scenario.arm[k].dead_ps * 1e-12;
            double raw = r->single[k][d] / (1 - r->single[k][d] * tau);
            gate("singles", (double)n[d], want,
                 sqrt(want) / (1 + raw * tau) + 1); /* + 1: the count starts with a free detector */
        }
    }
}

static void check_pairs(const sample *s, const qd_link_rates *r) {
    double n[4][4] = {{0}}, in = 0, errors[2] = {0}, matched[2] = {0};
    for (uint64_t i = 0; i < s->pairs; i++) {
        int a = at(s, 0, s->pair[i].a), b = at(s, 1, s->pair[i].b);
        n[a][b]++;
        if (!inside(s, &s->pair[i])) continue;
        in++;
        if ((a & 1) == (b & 1)) {
            matched[a & 1]++;
            errors[a & 1] += a == b;
        }
    }
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) {
            double want = r->pair[a][b] * s->seconds;
            gate("pairs", n[a][b], want, sqrt(want + 1));
        }
    gate("window capture", in / (double)s->pairs, r->capture, sqrt(r->capture * (1 - r->capture) / (double)s->pairs + 1e-12));
    double want = r->coincidences * s->seconds;
    gate("true coincidences in the window", in, want, sqrt(want));
    for (int k = 0; k < 2; k++)
        gate("QBER of true pairs", errors[k] / matched[k], r->qber_true[k],
             sqrt(r->qber_true[k] * (1 - r->qber_true[k]) / matched[k]));
}

/* Tag pairs with 2|tA - tB - lag| < window; errors among matched bases are counted by basis when asked for. */
static double tag_pairs(const sample *s, int64_t lag, double matched[2], double errors[2]) {
    const qd_tags *a = &s->tag[0], *b = &s->tag[1];
    uint64_t from = 0;
    double n = 0;
    for (uint64_t i = 0; i < a->n; i++) {
        int64_t t = a->t[i] - lag;
        while (from < b->n && 2 * (t - b->t[from]) >= window) from++;
        for (uint64_t j = from; j < b->n && 2 * (b->t[j] - t) < window; j++) {
            int x = at(s, 0, i), y = at(s, 1, j);
            n++;
            if (!matched || (x & 1) != (y & 1)) continue;
            matched[x & 1]++;
            errors[x & 1] += x == y;
        }
    }
    return n;
}

static void check_accidentals(const sample *s, const qd_link_rates *r) {
    enum { WINDOWS = 40 }; /* 2 us apart: beyond dead times and jitter */
    double n = 0, total[2] = {0};
    for (int k = 1; k <= WINDOWS / 2; k++) n += tag_pairs(s, k * 512000, NULL, NULL) + tag_pairs(s, -k * 512000, NULL, NULL);
    for (int k = 0; k < 2; k++)
        for (int d = 0; d < 4; d++) total[k] += r->single[k][d];
    double want = r->accidentals * s->seconds * WINDOWS;
    gate("accidentals", n, want, sqrt(want * (1 + WINDOWS * window_ps * 1e-12 * (total[0] + total[1]))));
}

/* Everything inside the window around zero, as a coincidence finder sees it. The model's accidentals are S_A S_B t_CC; two pairs
 * whose photons meet in the window lose some of their cross combinations, since two clicks of one detector are never both kept:
 * at most a share g = (CC/S_A)(CC/S_B) of them, which moves the QBER by at most g/2 times their share of all. */
static void check_qber(const sample *s, const qd_link_rates *r) {
    double matched[2] = {0}, errors[2] = {0}, total[2] = {0}, all = 0;
    (void)tag_pairs(s, 0, matched, errors);
    for (int k = 0; k < 2; k++)
        for (int d = 0; d < 4; d++) total[k] += r->single[k][d];
    for (int i = 0; i < 16; i++) all += r->pair[i / 4][i % 4];
    double bias = all / total[0] * all / total[1] / 2 * r->accidentals / (r->accidentals + r->coincidences);
    for (int k = 0; k < 2; k++)
        gate("QBER with accidentals", errors[k] / matched[k], r->qber[k],
             sqrt(r->qber[k] * (1 - r->qber[k]) / matched[k]) + bias / 4);
}

static void check_point(const char *name, const qd_scenario *s, double seconds, uint64_t seed, qd_device *dev) {
    sample x;
    qd_link_rates r;
    take(s, seconds, seed, dev, &x);
    ck_assert_int_eq(qd_link_expect(x.link, window_ps, &r, NULL), QD_OK);
    check_singles(&x, &r);
    check_pairs(&x, &r);
    check_accidentals(&x, &r);
    check_qber(&x, &r);
    printf("%-12s %8llu + %8llu tags, %7llu pairs, QBER expected %.4f %.4f\n", name, (unsigned long long)x.tag[0].n,
           (unsigned long long)x.tag[1].n, (unsigned long long)x.pairs, r.qber[0], r.qber[1]);
    drop(&x);
}

static qd_device *device_or_reference(void) {
    qd_device *dev = NULL;
    if (qd_device_open("cpu", &dev, NULL) != QD_OK)
        fprintf(stderr, "test_simulate_full: no OpenCL CPU device: on the reference\n");
    return dev;
}

START_TEST(counts_follow_the_model_over_a_grid) {
    qd_device *dev = device_or_reference();
    qd_scenario s = base(1e6, 0.2, 0.2);
    check_point("slow", &s, 3, 1, dev);
    s = base(12e6, 0.2, 0.2);
    check_point("metro", &s, 0.6, 2, dev);
    s = base(5e6, 0.05, 0.02);
    for (int d = 0; d < 4; d++) s.arm[0].dark_hz[d] = 2e5;
    s.arm[0].dead_ps = s.arm[1].dead_ps = 0;
    s.arm[0].jitter_fwhm_ps = 600;
    s.arm[1].jitter_fwhm_ps = 400;
    check_point("dark, wide", &s, 3, 3, dev);
    s = base(2e7, 0.3, 0.1);
    s.arm[0].dead_ps = 200000;
    s.arm[1].dead_ps = 50000;
    check_point("dead times", &s, 0.4, 4, dev);
    s = base(2e7, 0.4, 0.4);
    s.arm[0].dead_ps = s.arm[1].dead_ps = 500000;
    check_point("very dead", &s, 0.6, 5, dev);
    s = base(1e7, 0.15, 0.25);
    s.visibility = 0.8;
    s.misalignment_deg = 6;
    s.arm[0].basis_split = 0.7;
    s.arm[1].basis_split = 0.4;
    check_point("turned", &s, 0.6, 6, dev);
    s = base(1e7, 0, 0);
    for (int d = 0; d < 4; d++) {
        s.arm[0].efficiency[d] = 0.1 + 0.1 * d;
        s.arm[1].efficiency[d] = 0.35 - 0.1 * d;
        s.arm[1].dark_hz[d] = 3e4 * d;
    }
    s.intercept_resend = 0.3;
    s.misalignment_deg = -4;
    check_point("uneven", &s, 0.8, 7, dev);
    s = base(3e5, 1, 1);
    s.visibility = 0;
    s.clock_offset_ps = -987654321;
    s.clock_frequency_ppm = 0; /* with a drift Bob's times are rounded once more */
    check_point("no loss", &s, 3, 8, dev);
    qd_device_close(dev);
}
END_TEST

/* Intercept-resend of a share p of pairs of visibility V: p (1/4 + (1-V)/4) + (1-p) (1-V)/2, written out here, not taken from the
 * model. With accidentals counted in at 1/2. */
START_TEST(attack_raises_the_qber_in_proportion) {
    qd_device *dev = device_or_reference();
    const double shares[] = {0, 0.25, 0.5, 0.75, 1}, visibilities[] = {1, 0.95};
    for (int v = 0; v < 2; v++)
        for (int i = 0; i < 5; i++) {
            double p = shares[i], V = visibilities[v];
            qd_scenario s = base(5e6, 0.3, 0.3);
            s.visibility = V;
            s.intercept_resend = p;
            sample x;
            take(&s, 0.5, 20 + (uint64_t)(5 * v + i), dev, &x);
            double n = 0, errors = 0, touched = 0, matched[2] = {0}, wrong[2] = {0};
            for (uint64_t k = 0; k < x.pairs; k++) {
                int a = at(&x, 0, x.pair[k].a), b = at(&x, 1, x.pair[k].b);
                bool eve_a = (x.truth.id[0][x.pair[k].a] & QD_TRUTH_EVE) != 0,
                     eve_b = (x.truth.id[1][x.pair[k].b] & QD_TRUTH_EVE) != 0;
                ck_assert(eve_a == eve_b);
                touched += eve_a;
                if ((a & 1) != (b & 1)) continue;
                n++;
                errors += a == b;
            }
            double q = p * (0.25 + (1 - V) / 4) + (1 - p) * (1 - V) / 2;
            gate("QBER under attack", errors / n, q, sqrt(q * (1 - q) / n));
            gate("pairs Eve touched", touched / (double)x.pairs, p, sqrt(p * (1 - p) / (double)x.pairs));
            (void)tag_pairs(&x, 0, matched, wrong);
            double acc = (double)x.tag[0].n * (double)x.tag[1].n / x.seconds * window_ps * 1e-12 / 2,
                   all = matched[0] + matched[1];
            double with = (q * (all - acc) + acc / 2) / all;
            gate("QBER under attack with accidentals", (wrong[0] + wrong[1]) / all, with, sqrt(with * (1 - with) / all));
            printf("attack on %3.0f %%, V = %.2f: QBER %.4f, expected %.4f; with accidentals %.4f, expected %.4f\n", 100 * p, V,
                   errors / n, q, (wrong[0] + wrong[1]) / all, with);
            drop(&x);
        }
    qd_device_close(dev);
}
END_TEST

/* Intervals between clicks of one detector are the dead time plus an exponential: 50 classes of equal probability, chi-square
 * with 49 degrees of freedom (mean 49, sd sqrt(98)). Times are whole ticks, mean interval above 2e5 ticks: class edges move by
 * less than 1e-5 of a class. */
START_TEST(intervals_are_dead_time_plus_exponential) {
    qd_device *dev = device_or_reference();
    qd_scenario s = base(8e6, 0.4, 0.4);
    s.arm[0].dead_ps = 100000;
    sample x;
    take(&s, 1.5, 31, dev, &x);
    enum { CLASSES = 50 };
    qd_link_model m;
    qd_link_model_of(&s, &m);
    for (int d = 0; d < 4; d++) {
        double count[CLASSES] = {0}, n = 0, chi = 0, rate = m.detector[0][d] / 256e9;
        int64_t last = -1, dead = 25600 /* 100 ns */, least = INT64_MAX;
        for (uint64_t i = 0; i < x.tag[0].n; i++) {
            if (at(&x, 0, i) != d) continue;
            if (last >= 0) {
                int64_t gap = x.tag[0].t[i] - last;
                if (gap < least) least = gap;
                ck_assert(gap >= dead);
                int c = (int)(CLASSES * (1 - exp(-rate * ((double)(gap - dead) + 0.5))));
                count[c < CLASSES ? c : CLASSES - 1]++;
                n++;
            }
            last = x.tag[0].t[i];
        }
        for (int c = 0; c < CLASSES; c++) chi += pow(count[c] - n / CLASSES, 2) / (n / CLASSES);
        gate("chi-square of intervals", chi, CLASSES - 1, sqrt(2 * (CLASSES - 1)));
        ck_assert_int_lt(least, dead + 20); /* about 1e6 intervals reach down to the dead time itself */
    }
    drop(&x);
    qd_device_close(dev);
}
END_TEST

/* Time differences of true pairs: mean of the delays, sd of both jitters; sd of a mean sigma/sqrt(n), of a variance sigma^2
 * sqrt(2/n). Rounding of both tables adds 2/12 of a tick squared at most. */
START_TEST(pair_jitter_has_both_widths) {
    qd_device *dev = device_or_reference();
    qd_scenario s = base(3e6, 0.3, 0.3);
    s.arm[0].jitter_fwhm_ps = 80;
    s.arm[1].jitter_fwhm_ps = 500;
    for (int d = 0; d < 4; d++) s.arm[1].delay_ps[d] = 1000; /* 256 ticks */
    sample x;
    take(&s, 1, 41, dev, &x);
    double sum = 0, square = 0, n = (double)x.pairs, sigma2 = 0;
    for (int k = 0; k < 2; k++) sigma2 += pow(s.arm[k].jitter_fwhm_ps / 2.3548200450309493 * 32 / 125, 2);
    for (uint64_t i = 0; i < x.pairs; i++) {
        double d = (double)(x.tag[1].t[x.pair[i].b] - x.tag[0].t[x.pair[i].a]) - 256;
        sum += d;
        square += d * d;
    }
    gate("mean time difference", sum / n, 0, sqrt(sigma2 / n));
    gate("variance of time differences", square / n, sigma2 + 1.0 / 12, sigma2 * sqrt(2 / n) + 1.0 / 48);
    drop(&x);
    qd_device_close(dev);
}
END_TEST

/* ---- Dead time as a leak. Everybody learns times and bases of the pairs. A detector that clicked cannot click again within its
 * dead time, so a second pair in the same basis within it must have the other value: a key bit that follows from the one before.
 * ---- */

/* Keep events only if no detector of the station clicked in the `dead` ticks before. */
static void apply_rule(qd_tags *tags, qd_truth *truth, int k, int64_t dead) {
    uint64_t n = 0;
    int64_t last = INT64_MIN / 2;
    for (uint64_t i = 0; i < tags->n; i++) {
        bool kept = tags->t[i] - last >= dead;
        last = tags->t[i];
        if (!kept) continue;
        tags->t[n] = tags->t[i];
        tags->mask[n] = tags->mask[i];
        truth->id[k][n++] = truth->id[k][i];
    }
    tags->n = truth->n[k] = n;
}

/* Pairs of events that passed the rule, as a run makes them. The share left out by the model, hA hB 0.56 sigma/t_CC of the accidentals,
 * is added to 4 standard deviations. */
static void check_kept(const char *name, const qd_scenario *s, double seconds, uint64_t seed, qd_device *dev) {
    sample x;
    qd_link_rates r;
    double matched[2] = {0}, errors[2] = {0}, all = 0, total[2] = {0}, sigma2 = 0;
    take(s, seconds, seed, dev, &x);
    ck_assert_int_eq(qd_link_expect(x.link, window_ps, &r, NULL), QD_OK);
    for (int k = 0; k < 2; k++) {
        apply_rule(&x.tag[k], &x.truth, k, (int64_t)(s->arm[k].dead_ps * 32 / 125));
        for (int d = 0; d < 4; d++) total[k] += r.single[k][d];
        sigma2 += pow(s->arm[k].jitter_fwhm_ps / 2.3548200450309493, 2);
    }
    (void)tag_pairs(&x, 0, matched, errors);
    for (int i = 0; i < 16; i++) all += r.pair[i / 4][i % 4];
    double share = r.accidentals / (r.accidentals + r.coincidences);
    double bias = all / total[0] * all / total[1] * 0.56 * sqrt(sigma2) / window_ps * share / 2;
    for (int b = 0; b < 2; b++) {
        printf("%-12s QBER of kept pairs %.5f, expected %.5f; by rates alone %.5f\n", name, errors[b] / matched[b], r.qber_kept[b], r.qber[b]);
        gate("QBER of pairs under the dead-time rule", errors[b] / matched[b], r.qber_kept[b],
             sqrt(r.qber_kept[b] * (1 - r.qber_kept[b]) / matched[b]) + bias / 4);
    }
    drop(&x);
}

START_TEST(kept_pairs_follow_the_model) {
    qd_device *dev = device_or_reference();
    qd_scenario s = base(12e6, 0.2, 0.2);
    s.visibility = 0.976;
    check_kept("metro", &s, 6, 61, dev);
    s = base(2e7, 0.4, 0.3);
    s.visibility = 1;
    check_kept("bright", &s, 1, 62, dev);
    s.intercept_resend = 1;
    check_kept("attacked", &s, 1, 63, dev);
    s = base(8e6, 0, 0);
    for (int d = 0; d < 4; d++) {
        s.arm[0].efficiency[d] = 0.1 + 0.1 * d;
        s.arm[1].efficiency[d] = 0.5 - 0.1 * d;
        s.arm[1].dark_hz[d] = 1e5 * d;
    }
    s.arm[0].basis_split = 0.7;
    check_kept("uneven", &s, 2, 64, dev);
    qd_device_close(dev);
}
END_TEST

typedef struct leak {
    double bits, predicted, right;
} leak;

static leak leak_of(const sample *s, const joined *pair, uint64_t pairs, int64_t dead) {
    leak l = {0};
    int64_t last[2] = {INT64_MIN / 2, INT64_MIN / 2};
    int value[2] = {0};
    for (uint64_t i = 0; i < pairs; i++) {
        int a = at(s, 0, pair[i].a), b = at(s, 1, pair[i].b), basis = a & 1;
        if ((a & 1) != (b & 1)) continue;
        int64_t t = s->tag[0].t[pair[i].a];
        l.bits++;
        if (t - last[basis] < dead) {
            l.predicted++;
            l.right += a >> 1 != value[basis];
        }
        last[basis] = t;
        value[basis] = a >> 1;
    }
    return l;
}

/* Alice's dead time 50 ns, 5 million clicks a second. A sifted bit is predicted when a sifted pair of its basis and the other
 * value came within the dead time t before: the rate of those at one detector is R/4 with the rate R of sifted bits in both
 * bases, so about R t/4 of the bits. The estimate leaves out how dead times thin neighbours (r t = 6 % each at the detectors of
 * both stations, and that neighbours may not share a detector of Bob's): within a quarter. */
START_TEST(dead_time_leak_shows_and_the_rule_removes_it) {
    qd_device *dev = device_or_reference();
    qd_scenario s = base(1e7, 0.5, 0.5);
    s.visibility = 0.98;
    s.arm[0].dead_ps = s.arm[1].dead_ps = 50000;
    sample x;
    take(&s, 0.5, 51, dev, &x);
    int64_t dead = 12800; /* 50 ns */
    leak before = leak_of(&x, x.pair, x.pairs, dead);
    double share = before.predicted / before.bits, want = before.bits / x.seconds * 50e-9 / 4;
    ck_assert_double_ge(before.predicted, 1000);
    ck_assert_double_eq(before.right, before.predicted); /* never wrong: a certainty, not a tendency */
    ck_assert_msg(share > 0.75 * want && share < 1.25 * want, "share %.5f, estimate %.5f", share, want);

    for (int k = 0; k < 2; k++) apply_rule(&x.tag[k], &x.truth, k, dead);
    numbered *a = malloc((x.truth.n[0] + 1) * sizeof *a), *b = malloc((x.truth.n[1] + 1) * sizeof *b);
    joined *pair = malloc((x.truth.n[0] + 1) * sizeof *pair);
    uint64_t na = sorted_ids(&x.truth, 0, a), nb = sorted_ids(&x.truth, 1, b), pairs = 0;
    for (uint64_t i = 0, j = 0; i < na && j < nb;) {
        uint64_t p = a[i].id, q = b[j].id;
        if (p == q) pair[pairs++] = (joined){p, a[i].index, b[j].index};
        i += p <= q;
        j += q <= p;
    }
    leak after = leak_of(&x, pair, pairs, dead), wide = leak_of(&x, pair, pairs, 4 * dead);
    printf("dead-time leak: without the rule %.0f of %.0f key bits (%.2f %%) follow from the one before; with it %.0f of %.0f\n",
           before.predicted, before.bits, 100 * share, after.predicted, after.bits);
    ck_assert_double_ge(after.bits, 0.3 * before.bits);
    ck_assert_double_eq(after.predicted, 0);
    /* what is left close by is a fair coin */
    gate("neighbours of other value", wide.right / wide.predicted, 0.5, 0.5 / sqrt(wide.predicted));
    free(a);
    free(b);
    free(pair);
    drop(&x);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("simulate (statistics)");
    TCase *model = tcase_create("model");
    tcase_set_timeout(model, 600);
    tcase_add_test(model, counts_follow_the_model_over_a_grid);
    tcase_add_test(model, attack_raises_the_qber_in_proportion);
    tcase_add_test(model, intervals_are_dead_time_plus_exponential);
    tcase_add_test(model, pair_jitter_has_both_widths);
    tcase_add_test(model, kept_pairs_follow_the_model);
    tcase_add_test(model, dead_time_leak_shows_and_the_rule_removes_it);
    suite_add_tcase(suite, model);
    return run_all(suite);
}
