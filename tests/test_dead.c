/* SPDX-License-Identifier: Apache-2.0 */
/* What a station does to its events before anything leaves it: merge, dead-time rule, rounding. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/timetag.h"
#include "run_all.h"

static const qd_tick fine = {125, 32}, coarse = {125, 1};

static qd_tags tags_of(const int64_t *t, const uint8_t *mask, uint64_t n, qd_tick tick) {
    qd_tags x = {.tick = tick};
    ck_assert_int_eq(qd_tags_reserve(&x, n + 1, NULL), QD_OK);
    if (n) memcpy(x.t, t, n * sizeof *t);
    if (n) memcpy(x.mask, mask, n);
    x.n = n;
    return x;
}

/* 50 ns are 12,800 ticks of 125/32 ps exactly: one tick less is dropped, exactly so much is kept. A dropped click still counts.
 */
START_TEST(dead_by_hand) {
    const int64_t t[] = {100, 100 + 12799, 100 + 12799 + 12799, 100 + 2 * 12799 + 12800, 100 + 2 * 12799 + 12800, 1000000};
    static const uint8_t m[] = {1, 2, 4, 8, 1, 2};
    qd_tags x = tags_of(t, m, 6, fine);
    qd_dead d = {0};
    qd_dead_filter(&d, 50000, &x);
    const int64_t want[] = {100, 100 + 2 * 12799 + 12800, 1000000};
    static const uint8_t masks[] = {1, 8, 2};
    ck_assert_uint_eq(x.n, 3);
    ck_assert_mem_eq(x.t, want, sizeof want);
    ck_assert_mem_eq(x.mask, masks, 3);
    ck_assert_uint_eq(d.dropped, 3);
    qd_tags_destroy(&x);
    /* 50,001 ps are 12,800.256 ticks: a gap of 12,800 is shorter. */
    const int64_t near[] = {0, 12800, 25601};
    x = tags_of(near, m, 3, fine);
    d = (qd_dead){0};
    qd_dead_filter(&d, 50001, &x);
    ck_assert_uint_eq(x.n, 2);
    ck_assert_int_eq(x.t[1], 25601);
    qd_tags_destroy(&x);
    x = tags_of(near, m, 3, coarse);
    d = (qd_dead){0};
    qd_dead_filter(&d, 0, &x);
    ck_assert_uint_eq(x.n, 3);
    ck_assert_uint_eq(d.dropped, 0);
    qd_tags_destroy(&x);
}
END_TEST

/* A station of four detectors with dead times of their own; events a second, seconds. */
static qd_tags station(double rate, double seconds, int64_t dead_ticks, uint64_t seed) {
    qd_tags x = {.tick = fine};
    double at = 0;
    int64_t last[4] = {-dead_ticks, -dead_ticks, -dead_ticks, -dead_ticks};
    for (uint64_t i = 0;; i++) {
        uint32_t w[4];
        qd_philox(seed, QD_STREAM_TEST, i, 0, w);
        at -= log(((double)w[0] + 0.5) * 0x1p-32) / rate;
        if (at >= seconds) return x;
        int64_t t = (int64_t)(at * 256e9);
        unsigned k = w[1] % 4;
        if (t - last[k] < dead_ticks) continue;
        last[k] = t;
        ck_assert_int_eq(qd_tags_reserve(&x, x.n + 1, NULL), QD_OK);
        x.t[x.n] = t;
        x.mask[x.n++] = (uint8_t)(1 << k);
    }
}

START_TEST(dead_chunks) {
    qd_tags whole = station(2e6, 0.02, 0, 5), cut = station(2e6, 0.02, 0, 5), out = {.tick = fine};
    qd_dead one = {0}, many = {0};
    qd_dead_filter(&one, 300000, &whole);
    ck_assert_uint_gt(one.dropped, 1000);
    for (uint64_t i = 0, step = 1; i < cut.n; i += step, step = step % 97 + 1) {
        uint64_t n = cut.n - i < step ? cut.n - i : step;
        qd_tags part = tags_of(cut.t + i, cut.mask + i, n, fine);
        qd_dead_filter(&many, 300000, &part);
        ck_assert_int_eq(qd_tags_reserve(&out, out.n + part.n, NULL), QD_OK);
        memcpy(out.t + out.n, part.t, part.n * sizeof *part.t);
        memcpy(out.mask + out.n, part.mask, part.n);
        out.n += part.n;
        qd_tags_destroy(&part);
    }
    ck_assert_uint_eq(out.n, whole.n);
    ck_assert_mem_eq(out.t, whole.t, whole.n * sizeof *whole.t);
    ck_assert_mem_eq(out.mask, whole.mask, whole.n);
    ck_assert_uint_eq(many.dropped, one.dropped);
    qd_tags_destroy(&whole);
    qd_tags_destroy(&cut);
    qd_tags_destroy(&out);
}
END_TEST

/* Events whose predecessor in the same basis is within the dead time, and how many of these bits are its complement. */
static uint64_t predictable(const qd_tags *x, int64_t dead, uint64_t *complement) {
    uint64_t n = 0;
    *complement = 0;
    for (uint64_t i = 1; i < x->n; i++)
        for (uint64_t k = i; k-- > 0 && x->t[i] - x->t[k] < dead;) {
            bool same_basis = ((x->mask[i] | x->mask[k]) & QD_DET_Z) == 0 || ((x->mask[i] | x->mask[k]) & QD_DET_X) == 0;
            if (!same_basis) continue;
            n++;
            *complement += x->mask[i] != x->mask[k];
            break;
        }
    return n;
}

/* The leak: with 50 ns of dead time at 5 Mcount/s every bit that follows one of its basis within 50 ns is its complement. The
 * rule leaves no such event. The share without the rule, to first order: two of four detectors share a basis, so that an event
 * has a rate of r/4 for the other detector of its basis: 1 - exp(-r/4 tau) = 6 % of events; a simulation here counts them. */
START_TEST(dead_leak) {
    const int64_t dead = 12800;
    qd_tags x = station(5e6, 0.1, dead, 9);
    uint64_t complement, n = predictable(&x, dead, &complement);
    double share = (double)n / (double)x.n;
    printf(
        "dead time 50 ns, %.3g events a second: %.2f %% of the bits follow one of their basis within it; %.1f %% of these are "
        "its complement\n",
        (double)x.n / 0.1, 100 * share, 100 * (double)complement / (double)n);
    ck_assert_uint_gt(n, 10000);
    ck_assert_uint_eq(complement, n);
    qd_dead d = {0};
    uint64_t before = x.n;
    qd_dead_filter(&d, 50000, &x);
    ck_assert_uint_eq(x.n + d.dropped, before);
    ck_assert_uint_gt(x.n, before / 2);
    ck_assert_uint_eq(predictable(&x, dead, &complement), 0);
    for (uint64_t i = 1; i < x.n; i++) ck_assert_int_ge(x.t[i] - x.t[i - 1], dead);
    qd_tags_destroy(&x);
}
END_TEST

/* Groups within 2 ns (512 ticks) of their first click are one event with all masks; the last group waits for what may still come.
 */
START_TEST(merge) {
    const int64_t t[] = {0, 511, 512, 600, 2000, 2000};
    static const uint8_t m[] = {1, 2, 4, 4, 8, 1};
    for (uint64_t cut = 0; cut <= 6; cut++) {
        qd_merge s = {0};
        qd_tags a = tags_of(t, m, cut, fine), b = tags_of(t + cut, m + cut, 6 - cut, fine);
        ck_assert_int_eq(qd_merge_clicks(&s, 2000, false, &a, NULL), QD_OK);
        ck_assert_int_eq(qd_merge_clicks(&s, 2000, true, &b, NULL), QD_OK);
        ck_assert_int_eq(qd_tags_reserve(&a, a.n + b.n, NULL), QD_OK);
        memcpy(a.t + a.n, b.t, b.n * sizeof *b.t);
        memcpy(a.mask + a.n, b.mask, b.n);
        a.n += b.n;
        const int64_t want[] = {0, 512, 2000};
        static const uint8_t masks[] = {3, 4, 9};
        ck_assert_uint_eq(a.n, 3);
        ck_assert_mem_eq(a.t, want, sizeof want);
        ck_assert_mem_eq(a.mask, masks, 3);
        ck_assert_uint_eq(s.merged, 3);
        qd_tags_destroy(&a);
        qd_tags_destroy(&b);
    }
    qd_merge s = {0};
    qd_tags a = tags_of(t, m, 6, fine);
    ck_assert_int_eq(qd_merge_clicks(&s, 0, true, &a, NULL), QD_OK);
    ck_assert_uint_eq(a.n, 6);
    qd_tags_destroy(&a);
}
END_TEST

/* 125 ps are 32 fine ticks: halves go up; back in ticks the result is the nearest multiple. 100 ps are 25.6. */
START_TEST(announce) {
    const int64_t t[] = {0, 15, 16, 47, 48, (int64_t)1 << 60, -16, -17};
    int64_t u[8], back[8];
    qd_error err = {0};
    ck_assert_int_eq(qd_announce(t, 8, fine, 125, u, &err), QD_OK);
    const int64_t want[] = {0, 0, 1, 1, 2, (int64_t)1 << 55, 0, -1};
    ck_assert_mem_eq(u, want, sizeof want);
    ck_assert_int_eq(qd_announced_ticks(u, 8, fine, 125, back, &err), QD_OK);
    for (int i = 0; i < 8; i++) ck_assert_int_eq(back[i], 32 * want[i]);
    ck_assert_int_eq(qd_announce(t, 8, coarse, 125, u, &err), QD_OK);
    ck_assert_mem_eq(u, t, sizeof t);
    for (int64_t x = 0; x < 5000; x++) {
        int64_t one, again;
        ck_assert_int_eq(qd_announce(&x, 1, fine, 100, &one, &err), QD_OK);
        ck_assert_int_eq(one, (2 * x * 125 + 3200) / 6400);
        ck_assert_int_eq(qd_announced_ticks(&one, 1, fine, 100, &again, &err), QD_OK);
        ck_assert_int_eq(again, (2 * one * 3200 + 125) / 250);
        ck_assert_int_le(llabs(again - x), 13); /* half a unit is 12.8 ticks, and one rounding */
    }
    ck_assert_int_eq(qd_announce(t, 1, fine, 0, u, &err), QD_E_USAGE);
    const int64_t huge = INT64_MAX;
    ck_assert_int_eq(qd_announced_ticks(&huge, 1, fine, 125, u, &err), QD_E_USAGE);
}
END_TEST

/* floor((2 t num + den) / (2 den)) from its definition in 128 bits: ticks with and without common factors of the unit, times small, negative,
 * and beyond what 64 bits of a product hold. */
START_TEST(announce_any) {
    static const qd_tick ticks[] = {{125, 32}, {125, 1}, {1, 1}, {81, 1}, {1000, 7}, {2147483647, 3}};
    static const uint64_t units[] = {1, 100, 125, 128, 1000, 2147483647};
    for (int k = 0; k < 6 * 6 * 20; k++) {
        qd_tick tick = ticks[k % 6];
        uint64_t unit = units[k / 6 % 6];
        int64_t t[50], u[50], back[50];
        for (uint64_t i = 0; i < 50; i++) {
            uint32_t w[4];
            qd_philox(5, QD_STREAM_TEST, i, (uint32_t)k, w);
            t[i] = (int64_t)((uint64_t)w[0] << 32 | w[1]) >> (3 + 3 * (k / 36));
        }
        __int128 num = tick.num, den = (__int128)tick.den * (__int128)unit;
        bool fits = true;
        for (int i = 0; i < 50; i++) {
            __int128 x = 2 * (__int128)t[i] * num + den, q = x / (2 * den);
            q -= q * 2 * den > x;
            fits = fits && q <= INT64_MAX && q >= INT64_MIN;
            back[i] = (int64_t)q;
        }
        ck_assert_int_eq(qd_announce(t, 50, tick, unit, u, NULL), fits ? QD_OK : QD_E_USAGE);
        if (fits) ck_assert_mem_eq(u, back, sizeof u);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("dead");
    TCase *tc = tcase_create("station");
    tcase_add_test(tc, dead_by_hand);
    tcase_add_test(tc, dead_chunks);
    tcase_add_test(tc, dead_leak);
    tcase_add_test(tc, merge);
    tcase_add_test(tc, announce);
    tcase_add_test(tc, announce_any);
    suite_add_tcase(s, tc);
    return run_all(s);
}
