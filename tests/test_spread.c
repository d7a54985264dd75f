/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which strings fill frames: against the definition, back again, and what it is for, strings whose error rate moves. */
#include <stdlib.h>
#include <string.h>
#include "reconcile/spread.h"
#include "reconcile_pair.h"
#include "run_all.h"

static const struct {
    uint64_t n, runs;
} sizes[] = {{1, 64}, {63, 64}, {64, 64}, {200, 64}, {64 * 64, 64}, {128 * 63, 128}, {192 * 65 + 191, 192}, {64 * 1000 + 1, 64}, {320 * 130 + 64, 320}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static unsigned bit(const uint64_t *w, uint64_t i) {
    return (unsigned)(w[i / 64] >> (i % 64)) & 1u;
}

START_TEST(many_places_are_read_in_turn) {
    const uint64_t n = sizes[_i].n, runs = sizes[_i].runs, length = n / runs, words = (n + 63) / 64;
    uint64_t *in = malloc(words * 8), *out = malloc((words + 1) * 8), *back = malloc((words + 1) * 8);
    qd_random r = random_of(QD_STREAM_TEST);
    qd_random_bytes(&r, in, words * 8);
    memset(out, 0xa5, (words + 1) * 8);
    memset(back, 0xa5, (words + 1) * 8);
    qd_spread(in, n, runs, out);
    for (uint64_t i = 0; i < n; i++) ck_assert_uint_eq(bit(out, i < length * runs ? i % length * runs + i / length : i), bit(in, i));
    qd_gather(out, n, runs, back);
    for (uint64_t i = 0; i < n; i++) ck_assert_uint_eq(bit(back, i), bit(in, i));
    ck_assert(out[words] == 0xa5a5a5a5a5a5a5a5u && back[words] == out[words]);
    free(in), free(out), free(back);
}
END_TEST

/* A string of @p n bits with the error rate of each bit's place, whose mean the parameters know. */
static pair moving(uint32_t code, uint64_t n, double (*rate)(double at)) {
    pair t = pair_make(n, 0);
    qd_random flip = random_of(QD_STREAM_FLIP);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t draw;
        qd_random_bytes(&flip, &draw, sizeof draw);
        if (draw >= (uint32_t)(rate((double)i / (double)n) * 4294967296.0)) continue;
        qd_bits_set(&t.key[1], i, !qd_bits_get(&t.key[1], i));
        t.flips++;
    }
    t.p.code = code;
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

/* Cut as it came, a long frame has other rates in its columns of few edges than in those of many, and is lost; of a base graph's 13 the half with the
 * most errors. */
START_TEST(a_rate_that_moves_costs_no_frame) {
    static double (*const rate[])(double) = {burst, rising, falling};
    static const struct {
        uint32_t code, bits;
    } of[] = {{QD_CODE_LARGE, 300000}, {QD_CODE_QD_BG1, 150000}};
    pair t = moving(of[_i / 3].code, of[_i / 3].bits, rate[_i % 3]);
    run(&t, NULL, NULL, NULL);
    const qd_reconcile_result *r = agreed(&t); /* and the strings are Alice's, in her order */
    ck_assert_uint_eq(r->reject, QD_REJECT_NONE);
    ck_assert_uint_eq(r->code, of[_i / 3].code);
    ck_assert_uint_eq(r->frames_failed, 0);
    ck_assert_uint_eq(r->errors, differing(&t, r->n));
    pair_free(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("spread");
    TCase *c = tcase_create("spread");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, many_places_are_read_in_turn, 0, SIZES);
    tcase_add_loop_test(c, a_rate_that_moves_costs_no_frame, 0, 6);
    suite_add_tcase(s, c);
    return run_all(s);
}
