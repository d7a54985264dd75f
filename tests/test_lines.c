/* SPDX-License-Identifier: Apache-2.0 */
/* Lines through slices' lags: where a tree puts them, single events, a planted clock; on the reference, and on a device where
 * there is one. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/lines.h"
#include "run_all.h"

static int32_t shift_of(int32_t j, uint32_t k, uint32_t leaves) {
    return qd_lines_branch(&j, k, leaves);
}

/* A line of slope j starts at 0, ends at j, never goes back, and stays within log2(leaves) bins of the straight one: each level
 * of the tree rounds by half a bin at most on either side. */
START_TEST(branches_make_lines) {
    for (uint32_t leaves = 2, levels = 1; leaves <= 512; leaves *= 2, levels++)
        for (int32_t j = -qd_lines_slopes(leaves); j <= qd_lines_slopes(leaves); j++) {
            ck_assert_int_eq(shift_of(j, 0, leaves), 0);
            for (uint32_t k = 0, sign = j < 0; k < leaves; k++) {
                int32_t at = shift_of(j, k, leaves), next = k + 1 < leaves ? shift_of(j, k + 1, leaves) : at;
                ck_assert(sign ? next <= at && next >= at - 1 : next >= at && next <= at + 1);
                double straight = (double)j * k / (leaves - 1);
                ck_assert(at - straight <= levels && straight - at <= levels);
            }
            ck_assert_int_eq(shift_of(j, leaves - 1, leaves), j);
        }
}
END_TEST

/* Counted from its middle a line, and its neighbour, stay within the margin on either side. */
START_TEST(lines_stay_within_the_margin) {
    for (uint32_t leaves = 1; leaves <= QD_LINES_LEAVES_MAX; leaves *= 2)
        for (int32_t sign = -1; sign <= 1; sign += 2) {
            const int32_t j = sign * qd_lines_slopes(leaves), begin = -qd_lines_ahead(j), end = shift_of(j, leaves - 1, leaves) + begin,
                          low = begin < end ? begin : end, high = begin < end ? end : begin;
            ck_assert_int_ge(low, -(int32_t)QD_LINES_MARGIN);
            ck_assert_int_lt(high, (int32_t)QD_LINES_MARGIN); /* its neighbour is one further */
            ck_assert_int_le(abs(begin + end), 1);
        }
}
END_TEST

/* Of equal lines the first in this order. */
START_TEST(slopes_by_size) {
    static const int32_t want[] = {0, -1, 1, -2, 2};
    for (uint32_t i = 0; i < 5; i++) ck_assert_int_eq(qd_lines_slope(i), want[i]);
}
END_TEST

typedef struct sums {
    int8_t *a, *b;
    qd_lines_case c;
    int32_t *out;
    size_t n;
} sums;

static sums make(uint32_t leaves, uint32_t group, uint32_t blocks) {
    sums s = {.c = {.leaves = leaves, .group = group, .blocks = blocks}};
    s.n = qd_lines_lags(&s.c);
    s.a = calloc(qd_lines_a(&s.c), sizeof *s.a);
    s.b = calloc(qd_lines_b(&s.c), sizeof *s.b);
    s.out = malloc(qd_lines_words(&s.c) * sizeof *s.out);
    ck_assert(s.a && s.b && s.out);
    s.c.a = s.a;
    s.c.b = s.b;
    return s;
}

static void run(sums *s, qd_device *dev) {
    qd_error err = {0};
    memset(s->out, 0x55, qd_lines_words(&s->c) * sizeof *s->out);
    ck_assert_msg((dev ? qd_lines_cl(&s->c, dev, s->out, &err) : qd_lines_ref(&s->c, s->out, &err)) == QD_OK, "%s", err.what);
}

static void drop(sums *s) {
    free(s->a);
    free(s->b);
    free(s->out);
}

static qd_device *open_device(int which) {
    qd_device *dev = NULL;
    if (which && qd_device_open("cpu", &dev, NULL) != QD_OK) dev = NULL;
    return dev;
}

/* One event a side, 700 bins apart, in the first leaf: one lag has 1 at every slope, its left neighbour pairs with it. */
START_TEST(one_pair) {
    qd_device *dev = open_device(_i);
    sums s = make(2, 1, 1);
    s.a[100] = 1;
    s.b[100 + 700 + QD_LINES_MARGIN] = 1;
    run(&s, dev);
    for (size_t l = 0; l < s.n; l++) {
        ck_assert_int_eq(s.out[QD_LINES_FLAT * s.n + l], l == 700);
        ck_assert_int_eq(s.out[QD_LINES_ONE * s.n + l], l == 700);
        ck_assert_int_eq(s.out[QD_LINES_TWO * s.n + l], l == 700 || l == 699);
        ck_assert_int_eq(s.out[QD_LINES_ONE_SLOPE * s.n + l], 0);
    }
    drop(&s);
    qd_device_close(dev);
}
END_TEST

/* Every leaf has its pairs one bin further on every second leaf: the line of slope leaves/2 - 1 or so holds all of them, the flat
 * one few. */
START_TEST(planted_line) {
    enum { LEAVES = 16, PAIRS = 40, LAG = 1000 };
    qd_device *dev = open_device(_i);
    const int32_t slope = -7;
    sums s = make(LEAVES, 2, 1);
    size_t leaf = 2 * QD_LINES_SLICE;
    for (uint32_t k = 0; k < LEAVES; k++)
        for (size_t p = 0; p < PAIRS; p++) {
            size_t at = k * leaf + 97 * p;
            s.a[at] = 1;
            s.b[at + QD_LINES_MARGIN + LAG + (size_t)(ptrdiff_t)(shift_of(slope, k, LEAVES) - qd_lines_ahead(slope))] += 1;
        }
    s.c.mean = 3;
    run(&s, dev);
    ck_assert_int_eq(s.out[QD_LINES_ONE * s.n + LAG], LEAVES * (PAIRS - 3));
    ck_assert_int_eq(s.out[QD_LINES_ONE_SLOPE * s.n + LAG], slope);
    int32_t most = 0;
    for (size_t l = 0; l < s.n; l++)
        if (l != LAG && s.out[QD_LINES_ONE * s.n + l] > most) most = s.out[QD_LINES_ONE * s.n + l];
    ck_assert_int_lt(most, LEAVES * (PAIRS - 3));
    drop(&s);
    qd_device_close(dev);
}
END_TEST

/* The last lag has no neighbour: what stands behind it belongs to the margin. */
START_TEST(last_lag_alone) {
    qd_device *dev = open_device(_i);
    sums s = make(1, 1, 1);
    s.a[0] = 1;
    s.b[QD_LINES_MARGIN + s.n] = 5;
    s.b[QD_LINES_MARGIN + s.n - 1] = 2;
    run(&s, dev);
    ck_assert_int_eq(s.out[QD_LINES_TWO * s.n + s.n - 1], 2);
    ck_assert_int_eq(s.out[QD_LINES_TWO * s.n + s.n - 2], 2);
    drop(&s);
    qd_device_close(dev);
}
END_TEST

/* Stretch by stretch, with spectra kept or made again, and not in order: the words of all at once. */
START_TEST(stretches) {
    enum { BLOCKS = 9, MOST = 4 };
    static const uint32_t order[][2] = {{0, 4}, {4, 4}, {8, 1}, {2, 3}}, leaves[] = {4, 32, 128};
    qd_device *dev = open_device(1);
    if (!dev) return;
    for (size_t x = 0; x < sizeof leaves / sizeof *leaves; x++) {
        sums s = make(leaves[x], 2, BLOCKS);
        for (size_t i = 0; i < qd_lines_a(&s.c); i++) s.a[i] = (int8_t)(i * i % 31 == 3);
        for (size_t i = 0; i < qd_lines_b(&s.c); i++) s.b[i] = (int8_t)(i * i % 37 % 5 - 2);
        run(&s, dev);
        qd_error err = {0};
        qd_lines_run *some;
        int32_t *part = malloc(QD_LINES_ARRAYS * MOST * QD_LINES_SLICE * sizeof *part);
        ck_assert_ptr_nonnull(part);
        ck_assert_msg(qd_lines_open(&s.c, dev, MOST, _i ? qd_lines_spectra : 0, &some, &err) == QD_OK, "%s", err.what);
        ck_assert(qd_lines_reads_on(some) == !_i);
        for (size_t o = 0; o < sizeof order / sizeof *order; o++) {
            size_t n = order[o][1] * QD_LINES_SLICE, at = order[o][0] * QD_LINES_SLICE;
            ck_assert_msg(qd_lines_some(some, order[o][0], order[o][1], part, &err) == QD_OK, "%s", err.what);
            for (size_t k = 0; k < QD_LINES_ARRAYS; k++) /* a stretch's last lag has no neighbour */
                ck_assert_mem_eq(part + k * n, s.out + k * s.n + at, (n - 1) * sizeof *part);
        }
        qd_lines_close(some);
        free(part);
        drop(&s);
    }
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("lines");
    TCase *c = tcase_create("lines");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, branches_make_lines);
    tcase_add_test(c, lines_stay_within_the_margin);
    tcase_add_test(c, slopes_by_size);
    tcase_add_loop_test(c, one_pair, 0, 2);
    tcase_add_loop_test(c, planted_line, 0, 2);
    tcase_add_loop_test(c, last_lag_alone, 0, 2);
    tcase_add_loop_test(c, stretches, 0, 2);
    suite_add_tcase(s, c);
    return run_all(s);
}
