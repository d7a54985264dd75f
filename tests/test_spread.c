/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which strings fill long frames: against the definition, back again, and what it is for, strings whose error rate moves. */
#include <stdlib.h>
#include <string.h>
#include "reconcile/spread.h"
#include "reconcile_pair.h"
#include "run_all.h"

static const struct {
    uint64_t rows, columns;
} sizes[] = {{64, 1}, {64, 64}, {128, 63}, {192, 65}, {64, 1000}, {320, 130}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static unsigned bit(const uint64_t *w, uint64_t i) {
    return (unsigned)(w[i / 64] >> (i % 64)) & 1u;
}

START_TEST(neighbours_are_dealt_to_the_columns_in_turn) {
    const uint64_t rows = sizes[_i].rows, columns = sizes[_i].columns, words = rows * columns / 64;
    uint64_t *in = malloc(words * 8), *out = malloc(words * 8), *back = malloc((words + 1) * 8);
    qd_random r = random_of(QD_STREAM_TEST);
    qd_random_bytes(&r, in, words * 8);
    memset(out, 0xa5, words * 8);
    memset(back, 0xa5, (words + 1) * 8);
    qd_spread(in, rows, columns, out);
    for (uint64_t i = 0; i < rows * columns; i++) ck_assert_uint_eq(bit(out, i % columns * rows + i / columns), bit(in, i));
    qd_gather(out, rows, columns, back);
    ck_assert_mem_eq(back, in, words * 8);
    ck_assert_uint_eq(back[words], 0xa5a5a5a5a5a5a5a5u);
    free(in), free(out), free(back);
}
END_TEST

/* A string of @p n bits with the error rate of each bit's place, whose mean the parameters know. */
static pair moving(uint64_t n, double (*rate)(double at)) {
    pair t = pair_make(n, 0);
    qd_random flip = random_of(QD_STREAM_FLIP);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t draw;
        qd_random_bytes(&flip, &draw, sizeof draw);
        if (draw >= (uint32_t)(rate((double)i / (double)n) * 4294967296.0)) continue;
        qd_bits_set(&t.key[1], i, !qd_bits_get(&t.key[1], i));
        t.flips++;
    }
    t.p.code = QD_CODE_LARGE;
    t.p.rounds = 8;
    t.p.errors = (uint64_t)((double)t.flips / (double)n * (double)t.p.sample);
    return t;
}

static double burst(double at) {
    return at < 0.1 ? 0.22 : 0.03;
}
static double rising(double at) {
    return 0.01 + 0.04 * at;
}
static double falling(double at) {
    return 0.05 - 0.04 * at;
}

/* Cut as it came, a frame has other rates in its columns of few edges than in those of many, and is lost. */
START_TEST(a_rate_that_moves_costs_no_frame) {
    static double (*const rate[])(double) = {burst, rising, falling};
    pair t = moving(300000, rate[_i]);
    run(&t, NULL, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t); /* and the strings are Alice's, in her order */
    ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    ck_assert_uint_eq(r->code, QD_CODE_LARGE);
    ck_assert_uint_eq(r->frames_failed, 0);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    pair_free(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("spread");
    TCase *c = tcase_create("spread");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, neighbours_are_dealt_to_the_columns_in_turn, 0, SIZES);
    tcase_add_loop_test(c, a_rate_that_moves_costs_no_frame, 0, 3);
    suite_add_tcase(s, c);
    return run_all(s);
}
