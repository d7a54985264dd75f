/* SPDX-License-Identifier: Apache-2.0 */
/* A line that is fitted on: to the end of the recordings, however they are cut, as exactly as all their pairs allow; and no
 * further than it holds. */
#include <check.h>
#include "qdistill/timetag/extend.h"
#include "run_all.h"
#include "tag_source.h"

static const qd_tick fine = {125, 32};
static const double tick = 3.90625;
/* 8 s, 4 % of 2e5 events a second in pairs of 400 ps */
static const tag_source known = {8, 8e3, 192e3, 192e3, 400, 0.0031, -7.3, 3};
enum { FIRST_S = 1 };

static double per_s(void) {
    return 1e12 / tick;
}

static void stations(const tag_source *s, qd_tags *a, qd_tags *b) {
    *a = (qd_tags){.tick = fine};
    *b = (qd_tags){.tick = fine};
    tag_source_run(s, a, b);
}

/* The events up to `seconds` of A's time, and of B's clock, nearly. */
static qd_tags beginning(const qd_tags *x, double seconds) {
    qd_tags part = *x;
    part.n = qd_tags_lower_bound(x, (int64_t)(seconds * per_s()));
    return part;
}

/* Not what is tested here: with a prior, so that it is short. */
static void find(const qd_tags *a, const qd_tags *b, qd_clock *clock, qd_sync_report *r) {
    const qd_sync_params prior = {.offset_s = 0.003, .max_offset_s = 2e-4, .ppm = -7, .max_ppm = 0.5};
    qd_tags part[2] = {beginning(a, FIRST_S), beginning(b, FIRST_S)};
    qd_error err = {0};
    ck_assert_msg(qd_correlate(NULL, &part[0], &part[1], &prior, clock, r, &err) == QD_OK, "%s", err.what);
}

/* Feed pieces of so many events of each. */
static void extend(const qd_tags *a, const qd_tags *b, uint64_t piece, qd_clock *clock, qd_sync_report *r) {
    qd_extend *x;
    qd_error err = {0};
    ck_assert_int_eq(qd_extend_create(clock, r, &x, &err), QD_OK);
    uint64_t gone[2] = {0, 0};
    bool done = false;
    for (uint64_t to = piece; !done; to += piece) {
        qd_tags part[2] = {*a, *b};
        int64_t from[2];
        for (int k = 0; k < 2; k++) {
            if (part[k].n > to) part[k].n = to;
            part[k].t += gone[k];
            part[k].n -= gone[k];
        }
        ck_assert_msg(qd_extend_add(x, &part[0], to >= a->n, &part[1], to >= b->n, from, &done, &err) == QD_OK, "%s", err.what);
        for (int k = 0; k < 2; k++) gone[k] += qd_tags_lower_bound(&part[k], from[k]);
        ck_assert(done || to < a->n || to < b->n);
    }
    qd_extend_end(x, clock, r);
    qd_extend_destroy(x);
}

/* Within four stated deviations, and rounding of times: both are cut to ticks, by half of one in the mean each. */
static void right(const qd_sync_report *r) {
    double truth = known.offset_s * 1e12 + known.ppm * 1e-6 * r->mid_ps;
    ck_assert_double_le(fabs(r->mid_offset_ps - truth), 4 * r->mid_offset_sd_ps + tick);
    ck_assert_double_le(fabs(r->frequency_ppm - known.ppm), 4 * r->frequency_sd_ppm + tick / r->span_s * 1e-6);
}

/* sigma / sqrt(n) and sigma sqrt(12) / (T sqrt(n)) of all pairs; strangers at the middle of the peak are 1/50 of it (4e-2 /
 * (sqrt(2 pi) 4e-10 s 2e5/s) = 200 pairs a stranger) and cost less than 1 %; 4 % for sigma, which is stated from 8,000 pairs of
 * the beginning. */
static void exact(const qd_sync_report *r) {
    double n = known.pairs * known.seconds, offset = known.sigma_ps / sqrt(n), frequency = offset * sqrt(12) / known.seconds * 1e-6;
    ck_assert_double_eq_tol(r->mid_offset_sd_ps, offset, 0.05 * offset);
    ck_assert_double_eq_tol(r->frequency_sd_ppm, frequency, 0.05 * frequency);
    ck_assert_double_eq_tol(r->span_s, known.seconds, 0.01);
    ck_assert_double_le(fabs((double)r->pairs - n), 4 * sqrt(n * 1.1));
}

START_TEST(to_the_end) {
    qd_tags a, b;
    qd_clock c[3];
    qd_sync_report r[3];
    stations(&known, &a, &b);
    find(&a, &b, &c[0], &r[0]);
    c[1] = c[2] = c[0];
    r[1] = r[2] = r[0];
    extend(&a, &b, UINT64_MAX / 2, &c[0], &r[0]);
    right(&r[0]);
    exact(&r[0]);
    extend(&a, &b, 10007, &c[1], &r[1]);
    extend(&a, &b, 3001, &c[2], &r[2]);
    for (int i = 1; i < 3; i++) {
        ck_assert(c[i].base == c[0].base && c[i].offset == c[0].offset && c[i].freq == c[0].freq);
        ck_assert(r[i].offset_ps == r[0].offset_ps && r[i].frequency_ppm == r[0].frequency_ppm && r[i].pairs == r[0].pairs);
        ck_assert(r[i].offset_sd_ps == r[0].offset_sd_ps && r[i].span_s == r[0].span_s);
    }
    /* the clock is the line to half a tick and 2^-45 of the time since its base */
    double ahead = known.seconds * per_s(), at_end = qd_clock_offset_ps(&c[0]) + qd_clock_ppm(&c[0]) * 1e-6 * ahead * tick,
           line = r[0].offset_ps + r[0].frequency_ppm * 1e-6 * ahead * tick;
    ck_assert_double_le(fabs(at_end - line), tick / 2 + ldexp(ahead, -45) * tick + 0.01);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
}
END_TEST

/* From 4 s on B's clock is 0.01 ppm off: blocks end at 1, 1.5, 2.25, 3.375 s, and the next one has left the line by 10 ns a
 * second. */
START_TEST(no_further_than_it_holds) {
    qd_tags a, b;
    qd_clock c;
    qd_sync_report r;
    stations(&known, &a, &b);
    int64_t bend = (int64_t)(4 * per_s());
    for (uint64_t i = 0; i < b.n; i++)
        if (b.t[i] > bend) b.t[i] += (b.t[i] - bend) / 100000000;
    find(&a, &b, &c, &r);
    extend(&a, &b, 5000, &c, &r);
    ck_assert_double_eq_tol(r.span_s, 3.375, 0.02);
    right(&r);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
}
END_TEST

/* Two seconds without B: the line goes on behind. It was given 40 ps, a tenth of the jitter, off: Newton's step over the first
 * second mends that to a cube of it, and what follows must not undo it. */
START_TEST(over_a_gap) {
    qd_tags a, b;
    qd_clock c;
    qd_sync_report r;
    stations(&known, &a, &b);
    uint64_t from = qd_tags_lower_bound(&b, (int64_t)(3.4 * per_s())), to = qd_tags_lower_bound(&b, (int64_t)(5.4 * per_s()));
    for (uint64_t i = to; i < b.n; i++) b.t[from + i - to] = b.t[i];
    b.n -= to - from;
    find(&a, &b, &c, &r);
    c.offset += 10;
    extend(&a, &b, 5000, &c, &r);
    ck_assert_double_eq_tol(r.span_s, known.seconds, 0.01);
    right(&r);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
}
END_TEST

START_TEST(refused) {
    qd_tags a, b;
    qd_clock c, none = {.tick = fine};
    qd_sync_report r;
    qd_error err = {0};
    qd_extend *x = NULL;
    int64_t from[2];
    bool done;
    tag_source brief = known;
    brief.seconds = 3;
    stations(&brief, &a, &b);
    find(&a, &b, &c, &r);
    ck_assert_int_eq(qd_extend_create(&none, &r, &x, &err), QD_E_USAGE);
    ck_assert_ptr_null(x);
    ck_assert_int_eq(qd_extend_create(&c, &r, &x, &err), QD_OK);
    qd_tags part = beginning(&b, 2);
    ck_assert_int_eq(qd_extend_add(x, &a, true, &part, false, from, &done, &err), QD_OK);
    ck_assert(!done);
    part.tick.num = 126;
    ck_assert_int_eq(qd_extend_add(x, &a, true, &part, false, from, &done, &err), QD_E_USAGE);
    int64_t kept = b.t[part.n + 5];
    b.t[part.n + 5] = b.t[part.n + 4] - 1; /* among events that are new */
    ck_assert_int_eq(qd_extend_add(x, &a, true, &b, true, from, &done, &err), QD_E_INPUT);
    b.t[part.n + 5] = kept;
    b.t[b.n - 1] = b.t[0]; /* far back */
    ck_assert_int_eq(qd_extend_add(x, &a, true, &b, true, from, &done, &err), QD_E_INPUT);
    qd_extend_destroy(x);
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("extend");
    TCase *t = tcase_create("line");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, to_the_end);
    tcase_add_test(t, no_further_than_it_holds);
    tcase_add_test(t, over_a_gap);
    tcase_add_test(t, refused);
    suite_add_tcase(s, t);
    return run_all(s);
}
