/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs along a line, in parts on all cores: the same as all events with all, one after the other. */
#include <math.h>
#include <stdlib.h>
#include "run_all.h"
#include "stations_suite.h"
#include "timetag/sync.h"

enum { EVENTS = 40000 }; /* enough for several parts */

typedef struct sides {
    qd_tags a, b;
    qd_strip strip;
    qd_clock line;
} sides;

/* Mean distance `apart` ticks, 0: all at one time; a line with an offset and a frequency. */
static void sides_open(sides *s, uint64_t seed, uint64_t n, uint32_t apart) {
    qd_tags *side[2] = {&s->a, &s->b};
    for (int k = 0; k < 2; k++) {
        *side[k] = (qd_tags){.tick = {1, 1}, .t = malloc(n * sizeof(int64_t)), .n = n, .cap = n};
        ck_assert_ptr_nonnull(side[k]->t);
        int64_t at = 1000;
        for (uint64_t i = 0; i < n; i++) {
            uint32_t w[4];
            qd_philox(seed, QD_STREAM_TEST, i, (uint32_t)k, w);
            side[k]->t[i] = at += apart ? w[0] % (2 * apart) : 0;
        }
    }
    s->line = (qd_clock){.base = s->b.t[0], .offset = 17, .freq = (int64_t)(20e-6 * (double)((int64_t)1 << QD_CLOCK_SHIFT)), .tick = {1, 1}};
    s->strip = (qd_strip){.a = &s->a, .b = &s->b, .from = s->a.t[n / 20], .to = s->a.t[n - n / 30]};
}

static void sides_close(sides *s) {
    free(s->a.t);
    free(s->b.t);
}

/* Each event of the strip with all of B, narrowed down only by times that are in order. */
static uint64_t definition(const sides *s, int64_t reach, int64_t h, const qd_near *near, qd_grid *g) {
    uint64_t n = 0, low = 0;
    const int64_t span = s->strip.to - s->strip.from;
    for (uint64_t i = 0; i < s->a.n; i++) {
        if (s->a.t[i] < s->strip.from || s->a.t[i] >= s->strip.to) continue;
        while (low < s->b.n && qd_clock_apply(&s->line, s->b.t[low]) < s->a.t[i] - reach) low++;
        for (uint64_t j = low; j < s->b.n; j++) {
            int64_t e = qd_clock_apply(&s->line, s->b.t[j]) - s->a.t[i];
            if (e > reach) break;
            if (near) ck_assert(n < near->n && near->pair[n][0] == s->a.t[i] && near->pair[n][1] == s->b.t[j]);
            if (g && e < reach) g->count[(s->a.t[i] - s->strip.from) * QD_GRID_SLICES / span][(e + reach) / h]++;
            n++;
        }
    }
    return n;
}

START_TEST(pairs_are_collected_in_order) {
    static const uint64_t n[] = {EVENTS, EVENTS / 10};
    sides s;
    qd_near near;
    bool fits;
    sides_open(&s, 5 + (uint64_t)_i, n[_i], 300);
    ck_assert_uint_eq(qd_strip_parts(&s.strip), _i ? 1 : QD_STRIP_PARTS);
    ck_assert_int_eq(qd_strip_collect(&s.strip, &s.line, 1500, &near, &fits, NULL), QD_OK);
    ck_assert(fits);
    ck_assert_uint_gt(near.n, n[_i]);
    ck_assert_uint_eq(definition(&s, 1500, 1, &near, NULL), near.n);
    qd_near_free(&near);
    sides_close(&s);
}
END_TEST

START_TEST(a_grid_counts_what_the_definition_does) {
    enum { H = 2 }; /* few pairs: they are counted one by one */
    sides s;
    qd_grid g;
    qd_grid *want = calloc(1, sizeof *want);
    ck_assert_ptr_nonnull(want);
    sides_open(&s, 9, EVENTS, 300);
    ck_assert_int_eq(qd_strip_grid(&s.strip, &s.line, H, &g, NULL), QD_OK);
    (void)definition(&s, QD_GRID_BINS / 2 * H, H, NULL, want);
    uint64_t total = 0;
    for (int k = 0; k < QD_GRID_SLICES; k++)
        for (int q = 0; q < QD_GRID_BINS; q++) {
            ck_assert_uint_eq(g.count[k][q], want->count[k][q]);
            total += want->count[k][q];
        }
    ck_assert_uint_eq(g.total, total);
    free(want);
    sides_close(&s);
}
END_TEST

/* Pairs that were collected are counted one by one, however many there are. */
START_TEST(a_grid_of_collected_pairs) {
    enum { H = 49 };
    sides s;
    qd_near near;
    bool fits;
    qd_grid g, *want = calloc(1, sizeof *want);
    ck_assert_ptr_nonnull(want);
    sides_open(&s, 12, EVENTS, 300);
    ck_assert_int_eq(qd_strip_collect(&s.strip, &s.line, QD_GRID_BINS / 2 * H, &near, &fits, NULL), QD_OK);
    ck_assert(fits);
    (void)definition(&s, QD_GRID_BINS / 2 * H, H, NULL, want);
    s.strip.near = &near;
    ck_assert_int_eq(qd_strip_grid(&s.strip, &s.line, H, &g, NULL), QD_OK);
    for (int k = 0; k < QD_GRID_SLICES; k++)
        for (int q = 0; q < QD_GRID_BINS; q++) ck_assert_uint_eq(g.count[k][q], want->count[k][q]);
    qd_near_free(&near);
    free(want);
    sides_close(&s);
}
END_TEST

/* Many pairs are counted as sums of B's bins around A's events: a slice's bins begin half a bin after 48 bins before it. */
START_TEST(a_grid_of_many_sums_bins) {
    enum { H = 49 * 41, BINS = QD_GRID_BINS }; /* multiples of 49 by its reciprocal come out one too low */
    sides s;
    qd_grid g;
    sides_open(&s, 11, EVENTS, 300);
    const int64_t span = s.strip.to - s.strip.from;
    ck_assert_int_eq(qd_strip_grid(&s.strip, &s.line, H, &g, NULL), QD_OK);
    uint64_t total = 0;
    for (int64_t k = 0; k < QD_GRID_SLICES; k++) {
        const int64_t from = s.strip.from + (span * k + QD_GRID_SLICES - 1) / QD_GRID_SLICES,
                      to = s.strip.from + (span * (k + 1) + QD_GRID_SLICES - 1) / QD_GRID_SLICES, start = from - BINS / 2 * H + H / 2,
                      bins = (to - from) / H + BINS + 3;
        uint32_t *bin = calloc((size_t)bins, sizeof *bin), want[QD_GRID_BINS] = {0};
        ck_assert_ptr_nonnull(bin);
        for (uint64_t i = 0; i < s.b.n; i++) {
            int64_t e = qd_clock_apply(&s.line, s.b.t[i]) - start;
            if (e >= 0 && e < bins * H) bin[e / H]++;
        }
        for (uint64_t i = 0; i < s.a.n; i++)
            if (s.a.t[i] >= from && s.a.t[i] < to)
                for (int q = 0; q < QD_GRID_BINS; q++) want[q] += bin[(s.a.t[i] - from) / H + q];
        for (int q = 0; q < QD_GRID_BINS; q++) {
            ck_assert_uint_eq(g.count[k][q], want[q]);
            total += want[q];
        }
        free(bin);
    }
    ck_assert_uint_eq(g.total, total);
    sides_close(&s);
}
END_TEST

/* Where an eighth of the data leaves it unclear whether there is a peak, the first look takes more of them, and finds it: one event of A
 * in twenty has a partner at e = 0. */
START_TEST(an_unclear_look_goes_on) {
    enum { H = 400, N = 20000 };
    int unclear = 0;
    for (uint64_t seed = 100; seed < 140; seed++) {
        sides s;
        sides_open(&s, seed, N, 3000);
        s.line.freq = 0;
        s.line.offset = 0;
        for (uint64_t i = 0; i < N; i += 20) s.b.t[i] = s.a.t[i];
        qsort(s.b.t, N, sizeof *s.b.t, stations_by_time);
        qd_strip first = s.strip;
        first.to = first.from + (first.to - first.from) / 8;
        qd_round alone = {.h = H};
        qd_clock line = s.line;
        ck_assert_int_eq(qd_sharpen_round(&first, &line, &alone, NULL), QD_OK);
        if (alone.log_false > log(1e-3) && alone.log_false < log(0.1)) {
            int64_t h = H;
            double second;
            qd_round r;
            qd_sharp sharp;
            unclear++;
            line = s.line;
            ck_assert_int_eq(qd_sharpen(&first, s.strip.to, &line, &h, &second, &r, &sharp, NULL), QD_OK);
            ck_assert(sharp.first);
        }
        sides_close(&s);
    }
    ck_assert_int_ge(unclear, 3);
}
END_TEST

/* All of 2 x n events at one time are n^2 pairs: of 2^26 none is kept; of 2^24 all are, though they are of one part. */
START_TEST(too_many_pairs_are_not_kept) {
    const uint64_t n = _i ? 4096 : 8192;
    sides s;
    qd_near near;
    bool fits;
    sides_open(&s, 0, n, 0);
    s.line.freq = 0;
    s.strip.from = 0;
    s.strip.to = 2000;
    ck_assert_int_eq(qd_strip_collect(&s.strip, &s.line, 100, &near, &fits, NULL), QD_OK);
    ck_assert(fits == (n * n <= QD_NEAR_MOST));
    ck_assert_uint_eq(near.n, fits ? n * n : 0);
    qd_near_free(&near);
    sides_close(&s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("strip");
    TCase *c = tcase_create("strip");
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, pairs_are_collected_in_order, 0, 2);
    tcase_add_test(c, a_grid_counts_what_the_definition_does);
    tcase_add_test(c, a_grid_of_many_sums_bins);
    tcase_add_test(c, a_grid_of_collected_pairs);
    tcase_add_test(c, an_unclear_look_goes_on);
    tcase_add_loop_test(c, too_many_pairs_are_not_kept, 0, 2);
    suite_add_tcase(s, c);
    return run_all(s);
}
