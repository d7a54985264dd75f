/* SPDX-License-Identifier: Apache-2.0 */
/* Large-block codes with joined rows: what is joined, what telling changes, and frames that get more until they are solved. */
#include "large_cycles_suite.h"
#include "large_suite.h"
#include "qdistill/reconcile/truth.h"
#include "reconcile/large_run.h"
#include "run_all.h"

static qd_large_code *code_named(const char *name) {
    qd_large_design d;
    qd_large_code *c;
    ck_ok(qd_large_named(name, &d, &err));
    ck_ok(qd_large_make(&d, &c, &err));
    return c;
}

static qd_large_code *joined(const qd_large_code *c, uint32_t n) {
    qd_large_code *out;
    ck_ok(qd_large_joined(c, n, &out, &err));
    return out;
}

static const qd_large_edge *last_edge(const qd_large_code *c, uint32_t row) {
    return &c->edge[c->row_start[row + 1] - 1];
}

/* The code itself stays; each further column is in two block rows, no row in two of them; and pairs of more begin with those of fewer. */
START_TEST(rows_are_joined_in_pairs) {
    qd_large_code *apart = code_named("large-66"), *all = joined(apart, 33 * 1024), *some = joined(apart, 5000), *none = joined(apart, 0);
    ck_assert_uint_eq(all->cols, apart->cols + 33);
    ck_assert_uint_eq(all->hidden, 33);
    ck_assert_uint_eq(some->hidden, 5); /* 4.9 columns */
    ck_assert_uint_eq(some->unknown, 5000);
    ck_assert_uint_eq(none->hidden + none->unknown, 0);
    uint32_t in[33] = {0};
    for (uint32_t i = 0; i < apart->rows; i++) {
        const uint32_t degree = apart->row_start[i + 1] - apart->row_start[i];
        ck_assert_mem_eq(all->edge + all->row_start[i], apart->edge + apart->row_start[i], degree * sizeof *apart->edge);
        ck_assert_mem_eq(none->edge + none->row_start[i], apart->edge + apart->row_start[i], degree * sizeof *apart->edge);
        ck_assert_uint_eq(all->row_start[i + 1] - all->row_start[i], degree + 1);
        const qd_large_edge own = *last_edge(all, i), less = *last_edge(some, i);
        in[own.col - apart->cols]++;
        ck_assert_int_eq(less.col >= apart->cols, own.col < apart->cols + 5);
        if (less.col >= apart->cols) ck_assert_mem_eq(&own, &less, sizeof own);
    }
    for (int k = 0; k < 33; k++) ck_assert_uint_eq(in[k], 2);
    qd_large_code *bad;
    ck_status(qd_large_joined(apart, 33 * 1024 + 1, &bad, &err), QD_E_USAGE);
    ck_status(qd_large_joined(some, 1, &bad, &err), QD_E_USAGE);
    ck_assert_ptr_null(bad);
    qd_large_free(apart), qd_large_free(all), qd_large_free(some), qd_large_free(none);
}
END_TEST

/* The two rows of a further column have no other column in common at the same difference of shifts, be there 60 columns and 64 shifts. */
START_TEST(pairs_close_no_cycle_of_four_edges) {
    enum { ROWS = 20, COLS = 60, COPIES = 64 };
    qd_large_edge edge[ROWS * COLS];
    uint32_t start[ROWS + 1] = {0};
    qd_large_code *apart;
    qd_random r = {.rehearsal = 1, .seed = 8, .stream = QD_STREAM_TEST};
    for (uint32_t i = 0; i < ROWS; i++) {
        start[i + 1] = start[i] + COLS;
        for (uint32_t j = 0; j < COLS; j++) edge[i * COLS + j] = (qd_large_edge){(uint16_t)j, (uint16_t)qd_random_below(&r, COPIES)};
    }
    ck_ok(qd_large_from(ROWS, COLS, COPIES, start, edge, &apart, &err));
    qd_large_code *c = joined(apart, ROWS / 2 * COPIES);
    int pairs = 0;
    for (uint32_t i = 0; i < ROWS; i++)
        for (uint32_t k = i + 1; k < ROWS; k++) {
            const qd_large_edge *a = last_edge(c, i), *b = last_edge(c, k);
            if (a->col != b->col) continue;
            pairs++;
            for (uint32_t j = 0; j < COLS; j++)
                ck_assert_uint_ne((edge[i * COLS + j].shift + COPIES - edge[k * COLS + j].shift) % COPIES, (a->shift + COPIES - b->shift) % COPIES);
        }
    ck_assert_int_eq(pairs, ROWS / 2);
    qd_large_free(apart), qd_large_free(c);
}
END_TEST

/* A sixth of the rows, as many as are ever joined. */
START_TEST(pairs_close_no_short_cycle_of_columns_of_two_edges) {
    enum { LEAST = 8 };
    static const char *const names[] = {"large-50", "large-300"};
    qd_large_code *apart = code_named(names[_i]), *c = joined(apart, apart->rows / 6 * apart->z);
    graph g = pairs_of(c);
    uint32_t *depth = calloc(g.n, sizeof *depth), *by = calloc(g.n, sizeof *by), *queue = calloc(g.n, sizeof *queue), least = LEAST + 9;
    for (uint32_t r = 0; r < c->rows; r += 3) { /* a cycle passes many rows; each in one of its shifted copies */
        const uint32_t cycle = shortest(&g, r * c->z, LEAST + 8, depth, by, queue);
        least = cycle < least ? cycle : least;
    }
    printf("%s: shortest cycle %u\n", names[_i], least);
    ck_assert_uint_gt(least, LEAST);
    free(depth), free(by), free(queue), free(g.start), free(g.to), free(g.col);
    qd_large_free(apart), qd_large_free(c);
}
END_TEST

/* Keep the first @p unknown private bits of a frame. */
static void forget(const qd_large_code *c, uint64_t *frame, uint32_t unknown) {
    for (size_t i = (size_t)(c->cols - c->hidden) * c->z + unknown; i < (size_t)c->cols * c->z; i++) frame[i / 64] &= ~(1ull << i % 64);
}

/* The sum of two joined rows does not tell the private bit; told, the syndrome is the one of the frame without it. Steps of one bit, of
 * several columns, and to the end. */
START_TEST(what_is_told_leaves_the_syndrome_of_fewer_pairs) {
    static const uint32_t steps[] = {1, 63, 64, 1000, 2500, 500};
    qd_large_code *apart = code_named("large-66"), *c = joined(apart, 4128);
    const size_t words = qd_large_frame_words(c), rows = qd_large_syndrome_words(c);
    uint64_t *frame = calloc(words, 8), *s = calloc(rows, 8), *want = calloc(rows, 8), *told = calloc(words, 8);
    qd_random r = {.rehearsal = 1, .seed = 5, .stream = QD_STREAM_TEST};
    qd_random_bytes(&r, frame, words * 8);
    uint32_t left = c->unknown;
    forget(c, frame, left);
    qd_large_syndrome(c, frame, s);
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        const uint32_t n = steps[k];
        qd_large_code *less = joined(apart, left - n);
        const size_t first = (size_t)apart->cols * c->z + left - n;
        memset(told, 0, words * 8);
        for (uint32_t i = 0; i < n; i++) told[i / 64] |= (frame[(first + i) / 64] >> ((first + i) % 64) & 1) << (i % 64);
        qd_large_told(c, n, told, s);
        forget(c, frame, left -= n);
        qd_large_syndrome(less, frame, want); /* the columns of pairs that are apart lie behind, and are zeros */
        ck_assert_mem_eq(s, want, rows * 8);
        qd_large_free(c);
        c = less;
    }
    ck_assert_uint_eq(left, 0);
    free(frame), free(s), free(want), free(told);
    qd_large_free(apart), qd_large_free(c);
}
END_TEST

/* With every private bit told the decoder does what it does without the pairs, iteration for iteration: certain bits take no part. Its
 * code has columns for them still, where one bit of the last is unknown. */
START_TEST(told_pairs_decode_as_no_pairs) {
    qd_device *dev = NULL;
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) fprintf(stderr, "no CPU device: this runs on the reference\n");
    qd_large_code *apart = code_named("large-300"), *c = joined(apart, 1);
    trial t = trial_make(apart, 1.15, 11, 1);
    const size_t words = qd_large_frame_words(apart), more = qd_large_frame_words(c);
    uint64_t *key = calloc(more, 8), *bob = calloc(more, 8), *got = calloc(more, 8);
    uint32_t with;
    ck_ok(qd_large_syndrome_run(apart, 1, t.key, t.syndrome, QD_LARGE_AUTO, dev, &err));
    ck_ok(qd_large_run(apart, &t.rule, 1, t.bob, t.syndrome, t.got, t.iterations, QD_LARGE_AUTO, dev, &err));
    ck_assert_mem_eq(t.got, t.key, words * 8);
    memcpy(key, t.key, words * 8);
    memcpy(bob, t.bob, words * 8);
    for (int know = 0; know < 2; know++) { /* nothing told of one lifted pair; all of it */
        key[words] = !know;
        c->unknown = !know;
        ck_ok(qd_large_syndrome_run(c, 1, key, t.syndrome, QD_LARGE_AUTO, dev, &err));
        ck_ok(qd_large_run(c, &t.rule, 1, bob, t.syndrome, got, &with, QD_LARGE_AUTO, dev, &err));
        ck_assert_mem_eq(got, key, more * 8);
        if (know) ck_assert_uint_eq(with, t.iterations[0]);
    }
    free(key), free(bob), free(got);
    qd_large_free(c);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

static qd_frame_tally told_until_solved(const qd_large_code *c, uint32_t pairs, uint32_t tell, double q, uint64_t frames, qd_device *dev) {
    const qd_large_ask ask = {.code = c, .joined = pairs, .tell = tell, .rule = qd_large_rule_of(c, q), .qber = q, .seed = 3, .frames = frames};
    qd_frame_tally t = {0};
    ck_ok(qd_large_truth(&ask, dev, &t, &err));
    return t;
}

/* Begun below capacity every frame is solved on the way, none wrong, with what it was told and no more. The bound on f is that of one syndrome
 * (half of the frames of large-300 fail at 1.035), of a step, and of what rows cost that are joined still by then: .016 for the fortieth of
 * them that remains (joint_cost in host/reconcile/large_rate.c). */
START_TEST(frames_are_told_until_they_are_solved) {
    enum { PAIRS = 24 * 1024, TELL = 3 * 1024, FRAMES = 2 };
    qd_device *dev = NULL;
    if (qd_device_open("cpu", &dev, NULL) != QD_OK) {
        fprintf(stderr, "test_large_joined: no OpenCL CPU device: frames told until they are solved skipped, the reference takes long\n");
        return;
    }
    qd_large_code *c = code_named("large-300");
    const double q = 0.049, n = (double)c->cols * c->z;
    const qd_frame_tally t = told_until_solved(c, PAIRS, TELL, q, FRAMES, dev);
    const double f = t.code_bits.sum / (FRAMES * n * entropy(t.errors.sum / (FRAMES * n)));
    printf("f %.4f in %.1f attempts\n", f, t.rounds.sum / FRAMES);
    ck_assert_uint_eq(t.frames, FRAMES);
    ck_assert_uint_eq(t.failed, 0);
    ck_assert_double_eq(t.code_bits.sum, FRAMES * (300. * 1024 - PAIRS) + TELL * (t.rounds.sum - FRAMES));
    ck_assert_double_eq(t.charged.sum, t.code_bits.sum + t.rounds.sum); /* an answer each */
    ck_assert_double_gt(f, 1);
    ck_assert_double_lt(f, 1.035 + TELL / (n * entropy(q)) + 0.016);
    ck_assert_double_gt(t.rounds.sum, FRAMES * 2); /* at first the leak is .98 of the entropy */
    qd_large_free(c);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("large_joined");
    TCase *c = tcase_create("large_joined");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, rows_are_joined_in_pairs);
    tcase_add_test(c, pairs_close_no_cycle_of_four_edges);
    tcase_add_loop_test(c, pairs_close_no_short_cycle_of_columns_of_two_edges, 0, 2);
    tcase_add_test(c, what_is_told_leaves_the_syndrome_of_fewer_pairs);
    tcase_add_test(c, told_pairs_decode_as_no_pairs);
    tcase_add_test(c, frames_are_told_until_they_are_solved);
    suite_add_tcase(s, c);
    return run_all(s);
}
