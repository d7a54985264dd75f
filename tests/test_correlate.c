/* SPDX-License-Identifier: Apache-2.0 */
/* Clock recovery: known clocks found to the jitter's precision, refusals with their reasons, noise that never locks. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "drifts_suite.h"
#include "run_all.h"
#include "tag_source.h"

static qd_device *open_device(int which) {
    qd_device *dev = NULL;
    if (which == 1 && qd_device_open("cpu", &dev, NULL) != QD_OK) dev = NULL;
    return dev;
}

static void stations(const tag_source *s, qd_tick tick, qd_tags *a, qd_tags *b) {
    *a = (qd_tags){.tick = tick};
    *b = (qd_tags){.tick = tick};
    tag_source_run(s, a, b);
}

static const qd_tick fine = {125, 32}, coarse = {125, 1};

/* rate a side, share of it that has a partner, seconds, offset, ppm, sigma */
static const struct {
    double rate, share, seconds, offset_s, ppm, sigma_ps;
} known[] = {
    {1e5, 0.05, 2, 0.0031, -7.3, 300},    {1e5, 0.05, 2, -0.0099, 9.9, 300}, {1e5, 0.2, 0.3, 0, 0, 300},
    {1e6, 0.05, 0.5, 0.00123, -9.9, 300}, {1e6, 0.1, 1, -0.0071, 0.013, 50}, {1e6, 0.02, 1.5, 0.0031, -7.3, 1000},
    {4e6, 0.05, 0.3, 0.0042, 3, 300},     {2e4, 0.3, 3, -0.002, -5, 300},    {4e6, 0.02, 0.8, 0.0042, 3, 1000},
};
enum { KNOWN = sizeof known / sizeof *known };

/* What n pairs of jitter sigma on a background of strangers can tell of their middle, as a part of what they tell without one (n
 * / sigma^2): Fisher's information of a Gaussian of contrast k = peak over background, integral of u^2 phi(u) k e / (1 + k e), e
 * = exp(-u^2/2). */
static double told(double k) {
    double sum = 0, step = 0.01;
    for (double u = -8 + step / 2; u < 8; u += step) {
        double e = exp(-u * u / 2);
        sum += u * u * e / sqrt(2 * M_PI) * k * e / (1 + k * e) * step;
    }
    return sum;
}

/* The fit's standard deviations (Ho et al.): offset at mid-time sigma / sqrt(n), frequency sigma sqrt(12) / (T sqrt(n)), over the
 * root of what strangers leave of the information. Four of them, and a tick and a half for the whole ticks of times, offset and
 * drift. */
START_TEST(known_clocks) {
    qd_device *dev = open_device(1);
    double rate = known[_i].rate, sigma = known[_i].sigma_ps, tick = 3.90625;
    tag_source s = {known[_i].seconds,  rate * known[_i].share, rate * (1 - known[_i].share), rate * (1 - known[_i].share), sigma,
                    known[_i].offset_s, known[_i].ppm,          (uint64_t)(100 + _i)};
    qd_tags a, b;
    qd_clock c = {0};
    qd_sync_report r;
    qd_error err = {0};
    stations(&s, fine, &a, &b);
    ck_assert_msg(qd_correlate(dev, &a, &b, NULL, &c, &r, &err) == QD_OK, "%s (%s)", err.what, err.cause);
    ck_assert(r.locked && c.locked);
    double n = s.seconds * s.pairs, base_s = (double)c.base * tick * 1e-12, middle = s.seconds / 2;
    double found = qd_clock_offset_ps(&c) + qd_clock_ppm(&c) * (middle - base_s) * 1e6,
           truth = s.offset_s * 1e12 + s.ppm * middle * 1e6;
    double accidental = rate * rate * 6 * sigma * 1e-12 / s.pairs,
           contrast = s.pairs / (sqrt(2 * M_PI) * sigma * 1e-12 * rate * rate), factor = 4 / sqrt(told(contrast));
    printf("%g/s, %g %%, %g s: offset off by %.2f ps (sigma/sqrt(n) %.2f), frequency by %.2g ppm, S %.1f\n", rate,
           100 * known[_i].share, s.seconds, found - truth, sigma / sqrt(n), qd_clock_ppm(&c) - s.ppm, r.significance);
    ck_assert_double_le(fabs(found - truth), factor * sigma / sqrt(n) + 1.5 * tick);
    ck_assert_double_le(fabs(qd_clock_ppm(&c) - s.ppm) * s.seconds * 1e6, factor * sigma * sqrt(12) / sqrt(n) + 1.5 * tick);
    /* The stated deviations are those: to 5 % for the square root of a sum of n / 10 squares or more, and for sigma, which is
     * stated to 20 % and better and bends the bound by less. */
    ck_assert_double_eq_tol(r.mid_offset_sd_ps, sigma / sqrt(n * told(contrast)),
                            0.05 * sigma / sqrt(n * told(contrast)) + 1 / sqrt(n) * tick);
    ck_assert_double_le(r.p_false, 1e-9);
    ck_assert_double_le(r.confirm_p, 1e-9);
    /* The narrowest interval that holds 68 % of a sample is a little narrower than sigma; bins are sigma/16 to sigma/4. */
    ck_assert_double_le(fabs(r.sigma_ps - sigma), 0.3 * sigma + tick);
    ck_assert_double_le(fabs((double)r.pairs - 0.9973 * n), 4 * sqrt(n * (1 + 2 * accidental)) + 0.02 * n);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

/* Announced times, rounded to 125 ps, against B's own; and ticks of 125 ps throughout. */
START_TEST(rounded_times) {
    qd_device *dev = open_device(1);
    tag_source s = {1, 2e4, 2e5, 2e5, 300, 0.004, 5, 7};
    for (int k = 0; k < 2; k++) {
        qd_tags a, b;
        qd_clock c;
        qd_error err = {0};
        stations(&s, k ? coarse : fine, &a, &b);
        if (!k) {
            ck_assert_int_eq(qd_announce(a.t, a.n, fine, 125, a.t, &err), QD_OK);
            ck_assert_int_eq(qd_announced_ticks(a.t, a.n, fine, 125, a.t, &err), QD_OK);
        }
        ck_assert_msg(qd_correlate(dev, &a, &b, NULL, &c, NULL, &err) == QD_OK, "%s (%s)", err.what, err.cause);
        double tick = k ? 125 : 3.90625, base_s = (double)c.base * tick * 1e-12;
        /* Rounding to 125 ps adds 36 ps to the jitter and, where ticks are 125 ps, a tick and a half to the offset. */
        double sd = sqrt(300.0 * 300 + 36 * 36 * (k ? 2 : 1)) / sqrt(20000) * 2; /* twice: at the beginning, not at mid-time */
        ck_assert_double_le(fabs(qd_clock_offset_ps(&c) - s.offset_s * 1e12 - s.ppm * base_s * 1e6), 4.5 * sd + 1.5 * tick);
        qd_tags_destroy(&a);
        qd_tags_destroy(&b);
    }
    qd_device_close(dev);
}
END_TEST

/* Device and reference find the same clock, to the bit. */
START_TEST(device_is_reference) {
    qd_device *dev = open_device(1);
    if (!dev) return;
    tag_source s = {0.2, 1e4, 1e5, 1e5, 300, 0.0004, -8, 3};
    qd_sync_params p = {.max_offset_s = 0.001};
    qd_tags a, b;
    qd_clock c[2] = {{0}, {0}};
    qd_error err = {0};
    stations(&s, fine, &a, &b);
    ck_assert_int_eq(qd_correlate(dev, &a, &b, &p, &c[0], NULL, &err), QD_OK);
    ck_assert_int_eq(qd_correlate(NULL, &a, &b, &p, &c[1], NULL, &err), QD_OK);
    /* member by member: what lies between them is nobody's */
    ck_assert_int_eq(c[0].base, c[1].base);
    ck_assert_int_eq(c[0].offset, c[1].offset);
    ck_assert_int_eq(c[0].freq, c[1].freq);
    ck_assert(c[0].locked && c[1].locked && c[0].tick.num == c[1].tick.num && c[0].tick.den == c[1].tick.den);
    ck_assert(c[0].significance == c[1].significance && c[0].p_false == c[1].p_false);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

static void add(qd_tags *t, int64_t at) {
    ck_assert_int_eq(qd_tags_reserve(t, t->n + 1, NULL), QD_OK);
    t->mask[t->n] = 1;
    t->t[t->n++] = at;
}
static void sort(qd_tags *t) {
    qsort(t->t, t->n, sizeof *t->t, tag_order);
}

/* Two stations, and all that a search of them takes. */
typedef struct pair {
    qd_device *dev;
    qd_tags a, b;
    qd_clock c;
    qd_sync_report r;
    qd_error err;
} pair;

static void pair_open(pair *p, const tag_source *s) {
    *p = (pair){.dev = open_device(1)};
    stations(s, fine, &p->a, &p->b);
}

static void pair_close(pair *p) {
    qd_tags_destroy(&p->a);
    qd_tags_destroy(&p->b);
    qd_device_close(p->dev);
}

static qd_status search(pair *p, const qd_sync_params *params) {
    return qd_correlate(p->dev, &p->a, &p->b, params, &p->c, &p->r, &p->err);
}

static void refused(qd_device *dev, const tag_source *s, const qd_sync_params *p, const char *why) {
    qd_tags a, b;
    qd_clock c = {.offset = 77};
    qd_sync_report r;
    qd_error err = {0};
    qd_sync_params params = p ? *p : (qd_sync_params){0};
    params.follows = true;         /* refused also where a line through a part would do */
    params.effort = QD_EFFORT_LOW; /* what is refused would be searched for to the end of the effort */
    stations(s, fine, &a, &b);
    ck_assert_int_eq(qd_correlate(dev, &a, &b, &params, &c, &r, &err), QD_E_POLICY);
    ck_assert_msg(strstr(r.reason, why) != NULL, "'%s' instead of '%s'", r.reason, why);
    ck_assert_ptr_nonnull(strstr(err.what, r.reason));
    ck_assert(err.next[0] != 0);
    ck_assert(!r.locked && !c.locked && c.offset == 77);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
}

/* A channel that holds a clock's ticks, jitter of a thousandth included, is no detector; events by chance, and those of a
 * detector that is dead nine tenths of the time (they vary by a tenth), are. */
START_TEST(no_detector) {
    static const struct {
        double jitter;
        bool is;
    } cases[] = {{0, true}, {1e-3, true}, {0.1, false}, {0.5, false}};
    const qd_sync_params params = {.effort = QD_EFFORT_LOW, .max_offset_s = 1e-4};
    pair p;
    pair_open(&p, &(tag_source){0.5, 0, 1e4, 1e4, 300, 0, 0, 12});
    const qd_tags a = p.a, b = p.b;
    qd_tags tick = {.tick = fine};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int side = 0; side < 2; side++) {
            tick.n = 0;
            for (uint64_t k = 0; k < 4000; k++) {
                uint32_t w[4];
                qd_philox(13, QD_STREAM_TEST, k, 0, w);
                add(&tick, (int64_t)k * 25600000 + (int64_t)(cases[i].jitter * (w[0] * 0x1p-32) * 25600000));
            }
            p.a = side ? a : tick;
            p.b = side ? tick : b;
            ck_assert_int_eq(search(&p, &params), QD_E_POLICY);
            ck_assert_int_eq(p.r.cause == QD_LOCK_NO_EVENTS, cases[i].is);
            const char *says = side ? "station B has an event every 100" : "station A has an event every 100";
            ck_assert_int_eq(strstr(p.r.reason, says) != NULL, cases[i].is);
        }
    p.a = a;
    p.b = b;
    qd_tags_destroy(&tick);
    pair_close(&p);
}
END_TEST

/* One event of B long before the others, as of a counter that was set, does no harm, for B's file may begin when it likes: what
 * is looked at goes by events, not by the time between them, and no time is beyond what a clock can say of it. Of both sides
 * there is a time in common, in which there is nothing. */
START_TEST(one_event_long_before) {
    const qd_sync_params params = {.effort = QD_EFFORT_LOW};
    pair p;
    pair_open(&p, &(tag_source){0.5, 1e4, 5e4, 5e4, 300, 0, 3, 15});
    p.b.t[0] -= (int64_t)1 << 60;
    ck_assert_int_eq(search(&p, &params), QD_OK);
    ck_assert_double_eq_tol(p.r.frequency_ppm, 3, 1e-3);
    p.a.t[0] -= (int64_t)1 << 60;
    ck_assert_int_eq(search(&p, &params), QD_E_POLICY);
    pair_close(&p);
}
END_TEST

/* Recordings apart: both their times, and the offset that would bring them together, which does. Where nothing stands out the
 * greatest significance of the weakest link seen is told: its share over the root of the frequencies' range. */
START_TEST(what_a_refusal_tells) {
    pair p;
    pair_open(&p, &(tag_source){1, 1e4, 5e4, 5e4, 300, 20, 3, 14});
    ck_assert_int_eq(search(&p, NULL), QD_E_POLICY);
    ck_assert_int_eq(p.r.cause, QD_LOCK_NO_OVERLAP);
    const char *advice = strstr(p.err.next, "--offset-s ");
    ck_assert_msg(advice != NULL, "%s", p.err.next);
    qd_sync_params params = {.offset_s = strtod(advice + strlen("--offset-s "), NULL)};
    ck_assert_int_eq(search(&p, &params), QD_OK);
    params = (qd_sync_params){.offset_s = 19.9, .max_offset_s = 1e-4, .max_ppm = 5, .effort = QD_EFFORT_LOW};
    ck_assert_int_eq(search(&p, &params), QD_E_POLICY);
    ck_assert_double_eq_tol(p.r.s_max, p.r.weakest / sqrt(5e-6), 1e-9 * p.r.s_max);
    ck_assert_ptr_nonnull(strstr(p.err.next, "S_max"));
    pair_close(&p);
}
END_TEST

START_TEST(refusals) {
    qd_device *dev = open_device(1);
    refused(dev, &(tag_source){0.3, 0, 1e5, 1e5, 300, 0.003, 3, 1}, NULL, "no peak stands out");
    refused(dev, &(tag_source){0.5, 60, 1e5, 1e5, 300, 0.003, 3, 2}, NULL,
            "no peak stands out"); /* 30 pairs: below what 0.5 s can show */
    refused(dev, &(tag_source){0.3, 1e4, 1e5, 1e5, 300, 0.013, 3, 3}, NULL, "no peak stands out"); /* offset beyond 10 ms */
    refused(dev, &(tag_source){1, 1e4, 1e5, 1e5, 300, 0.003, 40, 4}, NULL,
            "outside the search"); /* 40 ppm searched within 10: seen all the same */
    refused(dev, &(tag_source){1, 1e4, 1e5, 1e5, 300, 0.003, 10.2, 5}, NULL,
            "outside the search"); /* just beyond the limit: seen, refused */
    refused(dev, &(tag_source){1, 1e4, 1e5, 1e5, 300, 0.0010001, 3, 6}, &(qd_sync_params){.max_offset_s = 0.001},
            "outside the search");
    refused(dev, &(tag_source){0.001, 1e4, 1e5, 1e5, 300, 0.0001, 3, 7}, NULL, "no peak stands out"); /* a millisecond */
    refused(dev, &(tag_source){0.5, 1e4, 1e5, 1e5, 300, 3, 3, 8}, NULL, "do not overlap");
    refused(dev, &(tag_source){0.5, 0, 1e5, 0, 300, 0, 0, 9}, NULL, "station B has no events");
    refused(dev, &(tag_source){0.5, 0, 0, 1e5, 300, 0, 0, 10}, NULL, "station A has no events");
    qd_device_close(dev);
}
END_TEST

START_TEST(bad_input) {
    int64_t same[3] = {5, 5, 5}, mess[3] = {5, 9, 8}, good[3] = {1, 7, 9};
    qd_tags x = {.n = 3, .t = same, .tick = fine}, y = {.n = 3, .t = good, .tick = fine};
    qd_clock c;
    qd_sync_report r;
    qd_error err = {0};
    ck_assert_int_eq(qd_correlate(NULL, &x, &y, NULL, &c, &r, &err), QD_E_POLICY);
    ck_assert_ptr_nonnull(strstr(r.reason, "all events at one time"));
    x.t = mess;
    ck_assert_int_eq(qd_correlate(NULL, &x, &y, NULL, &c, &r, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "event 2 of station A"));
    ck_assert_int_eq(qd_correlate(NULL, &y, &x, NULL, &c, &r, &err), QD_E_INPUT);
    x.t = good;
    x.tick = coarse;
    ck_assert_int_eq(qd_correlate(NULL, &x, &y, NULL, &c, &r, &err), QD_E_USAGE);
    x.tick = fine;
    ck_assert_int_eq(qd_correlate(NULL, &x, &y, &(qd_sync_params){.max_offset_s = 11}, &c, &r, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_correlate(NULL, &x, &y, &(qd_sync_params){.max_ppm = 300}, &c, &r, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_correlate(NULL, &x, &y, &(qd_sync_params){.p_false = 0.5}, &c, &r, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_correlate(NULL, &x, &y, &(qd_sync_params){.max_offset_s = -1}, &c, &r, &err), QD_E_USAGE);
}
END_TEST

/* Each event of B comes again after 2 ms, 50 us, 1 us, 100 ns: two candidates, whatever the distance; on a straight line, also
 * where a clock that drifts would do, and on one that does. Near ones are refused at every stage: low effort has few. */
START_TEST(ambiguous) {
    static const double distance_s[] = {2e-3, 50e-6, 1e-6, 100e-9};
    qd_device *dev = open_device(1);
    tag_source s = {1, 1e4, 1e5, 1e5, 300, 0.003, 3, 21};
    qd_tags a, b;
    qd_clock c;
    qd_sync_report r;
    qd_error err = {0};
    stations(&s, fine, &a, &b);
    if (_i / 4 == 2) bend(&b, 0.3);
    uint64_t n = b.n;
    for (uint64_t i = 0; i < n; i++) add(&b, b.t[i] + (int64_t)(distance_s[_i % 4] * 256e9));
    sort(&b);
    ck_assert_int_eq(
        qd_correlate(dev, &a, &b, &(qd_sync_params){.follows = _i >= 4, .effort = _i >= 2 ? QD_EFFORT_LOW : 0}, &c, &r, &err),
        QD_E_POLICY);
    ck_assert_msg(strstr(r.reason, "two candidates") != NULL, "%s", r.reason);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

/* The jitter of n pairs is half the interval that holds 68.3 % of them, which is known to sqrt(p (1 - p) / n) / (2 phi(1)), .96 /
 * sqrt(n) of itself; the mean of several links to 4.5 of that. It is no wider, and half a percent narrower: of all intervals the
 * one that chance has made narrowest is taken. */
START_TEST(jitter_is_not_read_in_steps) {
    enum { LINKS = 8 };
    const double jitter_ps = 212.13;
    qd_device *dev = open_device(1);
    double sum = 0, n = 0;
    for (uint64_t k = 0; k < LINKS; k++) {
        tag_source s = {2, 15000, 35000, 35000, jitter_ps, 0.003, 3, 61 + k};
        qd_tags a, b;
        qd_clock c;
        qd_sync_report r;
        qd_error err = {0};
        stations(&s, fine, &a, &b);
        ck_assert_msg(qd_correlate(dev, &a, &b, NULL, &c, &r, &err) == QD_OK, "%s", err.what);
        sum += r.sigma_ps;
        n += (double)r.pairs;
        qd_tags_destroy(&a);
        qd_tags_destroy(&b);
    }
    printf("jitter %.2f ps: %.2f from %.0f pairs\n", jitter_ps, sum / LINKS, n);
    const double off = sum / LINKS / jitter_ps - 1, sd = 0.96 / sqrt(n);
    ck_assert_double_le(off, 4.5 * sd);
    ck_assert_double_ge(off, -4.5 * sd - 0.005);
    qd_device_close(dev);
}
END_TEST

/* Of many links that drift by 0.9 ppm a second the mean error of the line is no more than 4.5 of its deviations: a line through
 * the pairs of a cell of 2^24 ns lies 10.6 ps beside the one that touches the clock in its middle (drift length^2 / 24). */
START_TEST(a_line_touches_without_bias) {
    enum { LINKS = 6 };
    const double ppm_s = 0.9;
    qd_device *dev = open_device(1);
    double sum = 0, variance = 0;
    for (uint64_t k = 0; k < LINKS; k++) {
        tag_source s = {1.2, 6e4, 4e4, 4e4, 212, 0.003, 3, 71 + k};
        qd_tags a, b;
        qd_clock c;
        qd_sync_report r;
        qd_error err = {0};
        stations(&s, fine, &a, &b);
        bend(&b, ppm_s);
        sort(&b);
        ck_assert_msg(qd_correlate(dev, &a, &b, &(qd_sync_params){.follows = true}, &c, &r, &err) == QD_OK, "%s", err.what);
        ck_assert_double_gt(r.followed_s, 0);
        double at = r.mid_ps * 1e-12, t = at;
        for (int i = 0; i < 20; i++) t = at + ppm_s * 1e-6 / 2 * t * t;
        sum += r.mid_offset_ps - ((1 + 3e-6) * t + 0.003 - at) * 1e12;
        variance += r.mid_offset_sd_ps * r.mid_offset_sd_ps;
        qd_tags_destroy(&a);
        qd_tags_destroy(&b);
    }
    printf("mean error %.2f ps, deviation %.2f\n", sum / LINKS, sqrt(variance) / LINKS);
    ck_assert_double_le(4.5 * sqrt(variance) / LINKS, 8); /* or it would not see them */
    ck_assert_double_le(fabs(sum / LINKS), 4.5 * sqrt(variance) / LINKS);
    qd_device_close(dev);
}
END_TEST

/* Afterpulses of 5 % some 100 ns behind on either side are no second candidate, and do not pull the clock. */
START_TEST(afterpulses) {
    qd_device *dev = open_device(1);
    tag_source s = {1, 3e4, 3e5, 3e5, 300, -0.003, 3, 22};
    qd_tags side[2];
    qd_clock c;
    qd_sync_report r;
    qd_error err = {0};
    stations(&s, fine, &side[0], &side[1]);
    for (int k = 0; k < 2; k++) {
        uint64_t n = side[k].n;
        for (uint64_t i = 0; i < n; i++)
            if (tag_uniform(5, (uint32_t)(40 + k), i) < 0.05)
                add(&side[k], side[k].t[i] + (int64_t)(256 * (50 - 100 * log(tag_uniform(5, (uint32_t)(50 + k), i)))));
        sort(&side[k]);
    }
    ck_assert_msg(qd_correlate(dev, &side[0], &side[1], NULL, &c, &r, &err) == QD_OK, "%s", err.what);
    ck_assert_double_le(fabs(qd_clock_offset_ps(&c) + 0.003e12 - 3 * (double)c.base * 3.90625e-6), 4.5 * 2 * 300 / sqrt(3e4) + 6);
    qd_tags_destroy(&side[0]);
    qd_tags_destroy(&side[1]);
    qd_device_close(dev);
}
END_TEST

/* Rates that both rise and fall with the same rhythm, without a single pair: peaks of S far above 6, and no lock. */
START_TEST(common_rhythm) {
    static const double hertz[] = {50, 1e3, 2e4, 1e6};
    qd_device *dev = open_device(1);
    qd_tags side[2] = {{.tick = fine}, {.tick = fine}};
    qd_clock c;
    qd_sync_report r;
    qd_error err = {0};
    for (int k = 0; k < 2; k++) {
        double at = 0;
        for (uint64_t i = 0;; i++) {
            at -= log(tag_uniform((uint64_t)(60 + k), 1, i)) / 4e5;
            if (at >= 1) break;
            if (tag_uniform((uint64_t)(60 + k), 2, i) < 0.5 + 0.5 * sin(2 * M_PI * hertz[_i] * at))
                add(&side[k], (int64_t)(at * 256e9));
        }
    }
    ck_assert_int_eq(
        qd_correlate(dev, &side[0], &side[1], &(qd_sync_params){.effort = QD_EFFORT_LOW, .follows = true}, &c, &r, &err),
        QD_E_POLICY);
    printf("%g Hz: S %.1f, %s\n", hertz[_i], r.significance, r.reason);
    qd_tags_destroy(&side[0]);
    qd_tags_destroy(&side[1]);
    qd_device_close(dev);
}
END_TEST

/* Pairs that end before the last quarter, on a straight line or not, and a clock whose frequency drifts by 0.2 ppm a second where
 * a line must hold: found by the search, and refused. */
START_TEST(not_confirmed) {
    static const char *const reason[] = {"not confirmed", "drifts", ""};
    qd_device *dev = open_device(1);
    for (int k = 0; k < 3; k++) {
        tag_source s = {1, 2e4, 1e5, 1e5, 300, 0.003, 3, 41};
        qd_tags a, b;
        qd_clock c;
        qd_sync_report r;
        qd_error err = {0};
        stations(&s, fine, &a, &b);
        if (k > 0) bend(&b, 0.2);
        for (uint64_t i = 0; i < b.n; i++)
            if (k != 1 && b.t[i] > 0.7 * 256e9) b.t[i] += (int64_t)(256e9 * 1e-5 * tag_uniform(8, 90, i));
        sort(&b);
        ck_assert_int_eq(qd_correlate(dev, &a, &b, &(qd_sync_params){.effort = QD_EFFORT_LOW, .follows = k != 1}, &c, &r, &err),
                         QD_E_POLICY);
        printf("%d: %s\n", k, r.reason);
        ck_assert_ptr_nonnull(strstr(r.reason, reason[k]));
        ck_assert_double_gt(r.significance, 10);
        qd_tags_destroy(&a);
        qd_tags_destroy(&b);
    }
    qd_device_close(dev);
}
END_TEST

/* A clock that a fit has moved by less than the window is found again by the fit on later data, and a strange one refused. */
START_TEST(refine) {
    tag_source s = {2, 1e4, 1e5, 1e5, 300, 0.003, 3, 31};
    qd_tags a, b;
    qd_clock c, off;
    qd_sync_report r;
    qd_error err = {0};
    stations(&s, fine, &a, &b);
    ck_assert_int_eq(qd_clock_from_figures(fine, 0, 0.003e12 + 700, 3.0005, &c, &err), QD_OK); /* 1 ns in 2 s, and 0.7 ns */
    ck_assert_int_eq(qd_clock_refine(&a, &b, 2000, &c, &r, &err), QD_OK);
    ck_assert_double_le(fabs(qd_clock_offset_ps(&c) - 0.003e12 - 3 * (double)c.base * 3.90625e-6), 4.5 * 2 * 300 / sqrt(2e4) + 6);
    ck_assert_double_le(fabs(qd_clock_ppm(&c) - 3) * 2e6, 4.5 * 300 * sqrt(12) / sqrt(2e4) + 6);
    ck_assert_int_eq(qd_clock_from_figures(fine, 0, 0.004e12, 3, &off, &err), QD_OK);
    c = off;
    ck_assert_int_eq(qd_clock_refine(&a, &b, 2000, &c, &r, &err), QD_E_POLICY);
    ck_assert_int_eq(c.offset, off.offset);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
}
END_TEST

/* No lock, and no line that stands out more than chance lets it: of 6 searches of at most 8 stages each, one below 1e-5 has a
 * chance of 5e-4. */
START_TEST(noise) {
    for (uint64_t k = 0; k < 6; k++) {
        const qd_sync_params params = {.max_offset_s = 0.002, .effort = QD_EFFORT_LOW, .follows = true};
        pair p;
        pair_open(&p, &(tag_source){0.1, 0, 1e5, 1e5, 300, 0, 0, 1000 + k});
        ck_assert_int_eq(search(&p, &params), QD_E_POLICY);
        ck_assert_msg(p.r.p_false > 1e-5, "seed %llu: %g", (unsigned long long)(1000 + k), p.r.p_false);
        pair_close(&p);
    }
}
END_TEST

/* Noise whose two sides have the same mean to 1e-5 in the first stage: how the mean is taken off the bins and rounded must not
 * look like pairs. Of at most 8 stages a false peak below 1e-6 has a chance of 1e-5. */
START_TEST(equal_means) {
    qd_device *dev = open_device(1);
    tag_source s = {0.1, 0, 3e4, 3e4, 300, 0, 0, 5243};
    qd_sync_params p = {.max_offset_s = 0.0005, .max_ppm = 50, .effort = QD_EFFORT_LOW};
    qd_tags a, b;
    qd_sync_report r;
    qd_clock c;
    qd_error err = {0};
    stations(&s, fine, &a, &b);
    ck_assert_int_eq(qd_correlate(dev, &a, &b, &p, &c, &r, &err), QD_E_POLICY);
    ck_assert_double_gt(r.p_false, 1e-6);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("correlate");
    TCase *tc = tcase_create("clock");
    tcase_set_timeout(tc, 600);
    tcase_add_loop_test(tc, known_clocks, 0, KNOWN);
    tcase_add_test(tc, rounded_times);
    tcase_add_test(tc, device_is_reference);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, no_detector);
    tcase_add_test(tc, one_event_long_before);
    tcase_add_test(tc, what_a_refusal_tells);
    tcase_add_test(tc, bad_input);
    tcase_add_loop_test(tc, ambiguous, 0, 12);
    tcase_add_loop_test(tc, drifts, 0, BENT - 1);
    tcase_add_test(tc, jitter_is_not_read_in_steps);
    tcase_add_test(tc, a_line_touches_without_bias);
    tcase_add_test(tc, afterpulses);
    tcase_add_loop_test(tc, common_rhythm, 0, 4);
    tcase_add_test(tc, not_confirmed);
    tcase_add_test(tc, refine);
    tcase_add_test(tc, noise);
    tcase_add_test(tc, equal_means);
    suite_add_tcase(s, tc);
    return run_all(s);
}
