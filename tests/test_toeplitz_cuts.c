/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing in chunks: every seam of small ones against the reference, strings in memory and in pieces, and how many transforms that takes. */
#include "compute/internal.h"
#include "toeplitz_suite.h"

static qd_device *device;

static void setup(void) {
    qd_error err;
    if (qd_device_open("cpu", &device, &err) != QD_OK) fprintf(stderr, "SKIPPED: test_toeplitz_cuts, no OpenCL CPU device (%s)\n", err.what);
}
static void teardown(void) { qd_device_close(device); }

static uint64_t ceil_div(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

/* Of R output and C key chunks: C + (R + C - 1) + R transforms when all outputs go at a time; each group of outputs takes the keys again and its own
 * windows; each sum that is closed goes back. Never one a pair. */
static void check_count(const qd_toeplitz_stats *s, const qd_toeplitz_choice *c, uint64_t m, uint64_t r) {
    if (m == 0 || r == 0) {
        ck_assert(s->keys == 0 && s->windows == 0 && s->back == 0 && s->products == 0);
        return;
    }
    const uint64_t R = ceil_div(r, c->chunk), C = ceil_div(m, c->chunk), sums = c->route == QD_TOEPLITZ_NTT && c->sum ? ceil_div(C, c->sum) : 1;
    ck_assert(s->rows == c->chunk && s->columns == c->chunk);
    ck_assert_uint_eq(s->products, R * C);
    ck_assert_uint_eq(s->back, R * sums);
    uint64_t groups = c->group ? ceil_div(R, c->group < R ? c->group : R) : s->keys / C; /* left open, a plan may take several where that costs next to nothing */
    ck_assert_uint_eq(s->keys, groups * C);
    ck_assert_uint_eq(s->windows, groups * (C - 1) + R);
    if (!c->group && C > 2) ck_assert_uint_eq(groups, 1);
}

static void compare(qd_hash kind, const qd_toeplitz_choice *c, uint64_t n, uint64_t r, bool pieces, uint64_t seed) {
    qd_bits x, s, want, got;
    qd_toeplitz_stats stats;
    qd_error err = {0};
    random_bits(&x, n, 2 * seed);
    random_bits(&s, qd_toeplitz_seed_bits(kind, n, r), 2 * seed + 1);
    ck_assert_int_eq(qd_toeplitz(NULL, kind, &x, r, &s, &want, NULL), QD_OK);
    if (pieces) {
        ck_assert_msg(hash_pieces(device, kind, c, &x, r, &s, &got, &stats, &err) == QD_OK, "%s|%s", err.what, err.cause);
        check_count(&stats, c, qd_toeplitz_columns(kind, n, r), r);
    } else {
        ck_assert_msg(qd_toeplitz_with(device, kind, c, &x, r, &s, &got, &err) == QD_OK, "%s|%s", err.what, err.cause);
    }
    ck_assert_msg(qd_bits_equal(&want, &got), "toeplitz:kind=%d,n=%d,r=%d,chunk=%d,group=%d,route=%d,sum=%d, in pieces: %d", (int)kind, (int)n, (int)r, (int)c->chunk,
                  (int)c->group, (int)c->route, (int)c->sum, pieces);
    qd_bits *all[] = {&x, &s, &want, &got};
    for (size_t i = 0; i < 4; i++) qd_bits_destroy(all[i]);
}

/* Chunks of 16: rows and columns that end before, at and behind seams, last chunks of one bit. */
START_TEST(every_seam) {
    static const uint64_t length[] = {0, 1, 16, 17, 33, 48, 127, 129, 163};
    enum { LENGTHS = sizeof length / sizeof *length };
    if (!device) return;
    for (int i = 0; i < LENGTHS * LENGTHS * 6; i++) {
        const uint64_t m = length[i / 6 % LENGTHS], r = length[i / 6 / LENGTHS];
        const qd_hash kind = (qd_hash)(i % 2);
        const uint64_t n = kind == QD_HASH_MODIFIED_TOEPLITZ ? m + r : m;
        if (n == 0 || r > n) continue;
        const qd_toeplitz_choice c = {.route = (qd_toeplitz_route)(QD_TOEPLITZ_NTT + i / 2 % 3), .chunk = 16, .group = (uint64_t)i / 7 % 4, .sum = (uint64_t)i / 5 % 4};
        compare(kind, &c, n, r, i / 3 % 2, (uint64_t)i);
    }
}
END_TEST

static void random_cuts(int shapes, uint64_t longest, uint64_t seed) {
    qd_random draw = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    for (int i = 0; i < shapes; i++) {
        const qd_hash kind = (qd_hash)qd_random_below(&draw, 2);
        const uint64_t n = 1 + qd_random_below(&draw, longest), r = qd_random_below(&draw, n + 1);
        qd_toeplitz_choice c = {.route = QD_TOEPLITZ_NTT + (int)qd_random_below(&draw, 2), .chunk = 16, .group = qd_random_below(&draw, 6), .sum = qd_random_below(&draw, 6)};
        while (c.chunk * 40 < n || qd_random_below(&draw, 2)) c.chunk *= 2;
        compare(kind, &c, n, r, qd_random_below(&draw, 2), seed + (uint64_t)i);
    }
}

START_TEST(cuts_at_random) {
    if (device) random_cuts(60, 1500, 1000); /* 1,000 shapes in test_toeplitz_full */
}
END_TEST

/* One output chunk or one key chunk that covers all, rows and columns of any length: what plans make when they are left alone. */
START_TEST(uneven_shapes) {
    if (!device) return;
    static const struct {
        uint64_t n, r;
    } of[] = {{100000, 1001}, {70001, 69000}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (int route = QD_TOEPLITZ_NTT; route < QD_TOEPLITZ_ROUTES; route++) {
            const qd_toeplitz_choice c = {.route = (qd_toeplitz_route)route};
            const uint64_t m = of[i].n - of[i].r;
            qd_toeplitz_room room = {1 << 20, 3 << 19}; /* of 2^17 words at most, of 2^18 bits */
            qd_toeplitz_shape s;
            ck_assert_int_eq(qd_toeplitz_plan(&c, m, of[i].r, &room, &s, NULL), QD_OK);
            qd_bits x, seed, want, got;
            qd_toeplitz_stats stats = {0};
            random_bits(&x, of[i].n, 1);
            random_bits(&seed, of[i].n - 1, 2);
            collected y = {0};
            ck_assert_int_eq(qd_bits_create(&y.y, of[i].r, NULL), QD_OK);
            const qd_toeplitz_job job = {.r = of[i].r, .x = {x.n, NULL, piece_of, &x}, .seed = qd_bits_as_source(&seed), .y = {NULL, collect, &y}};
            ck_assert_int_eq(qd_toeplitz_cl(device, 0, &s, &job, &stats, NULL), QD_OK);
            got = y.y;
            ck_assert_int_eq(qd_toeplitz(NULL, QD_HASH_MODIFIED_TOEPLITZ, &x, of[i].r, &seed, &want, NULL), QD_OK);
            ck_assert_msg(qd_bits_equal(&want, &got), "n=%d r=%d route %d: %d x %d", (int)of[i].n, (int)of[i].r, route, (int)s.n_rows, (int)s.n_cols);
            ck_assert_uint_eq(stats.back, s.n_rows);
            qd_bits *all[] = {&x, &seed, &want, &got};
            for (size_t k = 0; k < 4; k++) qd_bits_destroy(all[k]);
        }
}
END_TEST

/* Transforms of long strings, r = 3n/8, in chunks of 2^26: the numbers of R + C - 1 windows, C keys and R back, and where sums are closed. */
START_TEST(counts_of_long_strings) {
    static const struct {
        unsigned log2n;
        uint64_t forward, back, back_ntt;
    } want[] = {{28, 7, 2, 2}, {30, 25, 6, 6}, {32, 103, 24, 48}};
    const qd_toeplitz_room room = {UINT64_MAX / 2, UINT64_MAX / 2};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        for (int route = QD_TOEPLITZ_NTT; route < QD_TOEPLITZ_ROUTES; route++) {
            const uint64_t n = (uint64_t)1 << want[i].log2n, r = 3 * (n / 8);
            const qd_toeplitz_choice c = {.route = (qd_toeplitz_route)route, .chunk = (uint64_t)1 << 26};
            qd_toeplitz_shape s;
            uint64_t keys, windows, back;
            ck_assert_int_eq(qd_toeplitz_plan(&c, n - r, r, &room, &s, NULL), QD_OK);
            qd_toeplitz_count(&s, &keys, &windows, &back);
            ck_assert_uint_eq(keys + windows, want[i].forward);
            ck_assert_uint_eq(back, route == QD_TOEPLITZ_NTT ? want[i].back_ntt : want[i].back);
            if (route == QD_TOEPLITZ_NTT) ck_assert_uint_eq(s.sum * s.cols, QD_NTT_PRIME - 1); /* not one count more is exact */
        }
    /* Eight gigabytes, of which half are for spectra: 2^32 bits find a place, on every route. */
    const qd_toeplitz_room small = {(uint64_t)2 << 30, (uint64_t)4 << 30};
    for (int route = QD_TOEPLITZ_NTT; route < QD_TOEPLITZ_ROUTES; route++)
        for (uint64_t tenth = 0; tenth <= 10; tenth++) {
            const qd_toeplitz_choice c = {.route = (qd_toeplitz_route)route};
            const uint64_t n = (uint64_t)1 << 32, r = tenth == 10 ? n : 1 + n * tenth / 10;
            qd_toeplitz_shape s;
            ck_assert_int_eq(qd_toeplitz_plan(&c, n, r, &small, &s, NULL), QD_OK);
            ck_assert_uint_le(qd_toeplitz_spectra(&s) * qd_toeplitz_stride(&s), small.memory);
            ck_assert_uint_le(qd_toeplitz_ring(&s) * qd_toeplitz_stride(&s), small.max_alloc);
        }
}
END_TEST

/* ---- Sources and sinks that fail, and a caller who stops --------------------------------------------------------------- */

static qd_status no_piece(void *self, uint64_t at, uint64_t words, uint64_t *w, qd_error *err) {
    (void)self, (void)at, (void)words, (void)w;
    return qd_fail(err, QD_E_INPUT, "no piece");
}
static qd_status no_room(void *self, const uint64_t *w, uint64_t words, qd_error *err) {
    (void)self, (void)w, (void)words;
    return qd_fail(err, QD_E_INPUT, "no room");
}
static qd_status stop_half_way(void *self, double done, qd_error *err) {
    (void)self;
    return done < .5 ? QD_OK : qd_fail(err, QD_STOPPED, "stopped");
}

START_TEST(failures_are_handed_on) {
    qd_bits x, seed;
    random_bits(&x, 300, 1);
    random_bits(&seed, 299, 2);
    for (int route = 0; route < 3; route++) {
        qd_device *dev = route ? device : NULL;
        if (route && !dev) continue;
        const qd_toeplitz_choice c = {.route = (qd_toeplitz_route)route, .chunk = 16};
        collected y = {0};
        ck_assert_int_eq(qd_bits_create(&y.y, 100, NULL), QD_OK);
        const qd_toeplitz_job good = {.r = 100, .x = {300, NULL, piece_of, &x}, .seed = {299, NULL, piece_of, &seed}, .y = {NULL, collect, &y}};
        qd_toeplitz_job job = good;
        qd_error err = {0};
        job.x.read = no_piece;
        ck_assert_int_eq(qd_toeplitz_stream_with(dev, &c, &job, NULL, &err), QD_E_INPUT);
        ck_assert_str_eq(err.what, "no piece");
        job = good, job.seed.read = no_piece;
        ck_assert_int_eq(qd_toeplitz_stream_with(dev, &c, &job, NULL, &err), QD_E_INPUT);
        job = good, job.y.write = no_room;
        ck_assert_int_eq(qd_toeplitz_stream_with(dev, &c, &job, NULL, &err), QD_E_INPUT);
        ck_assert_str_eq(err.what, "no room");
        job = good, job.progress = stop_half_way;
        if (dev) ck_assert_int_eq(qd_toeplitz_stream_with(dev, &c, &job, NULL, &err), QD_STOPPED);
        job = good, job.seed.n = 298;
        ck_assert_int_eq(qd_toeplitz_stream_with(dev, &c, &job, NULL, &err), QD_E_USAGE);
        y.words = 0;
        ck_assert_int_eq(qd_toeplitz_stream_with(dev, &c, &good, NULL, &err), QD_OK);
        ck_assert_uint_eq(y.words, 2);
        qd_bits_destroy(&y.y);
    }
    qd_bits_destroy(&x);
    qd_bits_destroy(&seed);
}
END_TEST

/* The route that is left open, on this device and as if it were others: carry-less multiply before everything, AND and XOR on other CPU devices from the length on
 * that fills a transform. The bits are the same. */
START_TEST(routes_by_device) {
    if (!device) return;
    const uint64_t m = 9001, r = ((uint64_t)1 << QD_SLICED_MIN_LOG2) + 1 - m;
    const unsigned clmul_bits = device->clmul_bits;
    device->clmul_bits = 128;
    ck_assert_int_eq(qd_toeplitz_route_of(device, m, r), QD_TOEPLITZ_ADDITIVE);
    ck_assert_int_eq(qd_toeplitz_route_of(device, 1, 1), QD_TOEPLITZ_ADDITIVE);
    device->clmul_bits = 0;
    ck_assert_int_eq(qd_toeplitz_route_of(device, m, r), QD_TOEPLITZ_SLICED);
    ck_assert_int_eq(qd_toeplitz_route_of(device, (uint64_t)1 << 32, 1), QD_TOEPLITZ_SLICED);
    ck_assert_int_eq(qd_toeplitz_route_of(device, m, r - 1), QD_TOEPLITZ_NTT);
    ck_assert_int_eq(qd_toeplitz_route_of(device, 1, 1), QD_TOEPLITZ_NTT);
    for (int kind = 0; kind <= 1; kind++)
        for (uint64_t shorter = 0; shorter <= 1; shorter++) {
            const qd_toeplitz_choice open = {.route = QD_TOEPLITZ_AUTO};
            compare((qd_hash)kind, &open, kind ? m : m + r, r - shorter, false, 70 + shorter);
        }
    strcpy(device->info.type, "gpu");
    ck_assert_int_eq(qd_toeplitz_route_of(device, m, r), QD_TOEPLITZ_NTT);
    strcpy(device->info.type, "cpu");
    device->clmul_bits = clmul_bits;
}
END_TEST

int main(void) {
    Suite *s = suite_create("toeplitz in chunks");
    TCase *t = tcase_create("toeplitz in chunks");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300); /* kernels are compiled in the first run */
    tcase_add_test(t, every_seam);
    tcase_add_test(t, cuts_at_random);
    tcase_add_test(t, uneven_shapes);
    tcase_add_test(t, counts_of_long_strings);
    tcase_add_test(t, failures_are_handed_on);
    tcase_add_test(t, routes_by_device);
    suite_add_tcase(s, t);
    return run_all(s);
}
