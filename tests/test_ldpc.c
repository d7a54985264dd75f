/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder. Equality of device and reference over many inputs is the registry's loop; here the algebra is tested, on the
 * reference and on a
 * CPU device where there is one, in both forms. */
#include "compute/internal.h"
#include "ldpc_suite.h"
#include "run_all.h"

/* 0: the reference; 1: the device's own choice; 2: the portable form. */
static qd_ldpc_form form_of(int which) {
    return which == 2 ? QD_LDPC_GROUP : QD_LDPC_AUTO;
}

typedef struct trial {
    qd_code c;
    uint64_t *truth, *bob, *syndrome, *got;
    uint32_t *iterations;
    uint64_t n, flips;
} trial;

/* @p n frames of random keys (or zeros), each key bit flipped with probability @p q. */
static trial trial_by(uint32_t id, uint32_t z, uint32_t m, uint64_t n, double q, bool zeros) {
    trial t = {.c = code_by(id, z, m), .n = n};
    size_t fw = qd_frame_words(&t.c);
    t.truth = calloc(n * fw, 8);
    t.bob = calloc(n * fw, 8);
    t.got = calloc(n * fw, 8);
    t.syndrome = calloc(n * qd_syndrome_words(&t.c), 8);
    t.iterations = calloc(n, sizeof *t.iterations);
    qd_random r = {.rehearsal = 1, .seed = z + m, .stream = QD_STREAM_PRIVATE},
              flip = {.rehearsal = 1, .seed = z + m, .stream = QD_STREAM_FLIP};
    for (uint64_t f = 0; f < n; f++) {
        qd_bits key;
        random_bits(f + 77, &key, t.c.n);
        if (zeros) memset(key.w, 0, qd_bits_words(key.n) * 8);
        qd_frame_load(&t.c, &key, 0, t.truth + f * fw);
        if (!zeros) qd_frame_private(&t.c, &r, t.truth + f * fw);
        for (uint64_t i = 0; i < key.n; i++) {
            uint32_t draw;
            qd_random_bytes(&flip, &draw, sizeof draw);
            if (draw < (uint32_t)(q * 4294967296.0)) {
                qd_bits_set(&key, i, !qd_bits_get(&key, i));
                t.flips++;
            }
        }
        qd_frame_load(&t.c, &key, 0, t.bob + f * fw);
        qd_bits_destroy(&key);
    }
    qd_syndrome_ref(&t.c, n, t.truth, t.syndrome);
    return t;
}

static trial trial_make(uint32_t z, uint32_t m, uint64_t n, double q, bool zeros) {
    return trial_by(QD_CODE_NR_BG1, z, m, n, q, zeros);
}

static void trial_free(trial *t) {
    free(t->truth);
    free(t->bob);
    free(t->got);
    free(t->syndrome);
    free(t->iterations);
}

/* Private bits and all: everything that Alice put in comes out. */
START_TEST(errors_are_corrected_exactly) {
    qd_device *dev = open_device(_i);
    for (int k = 0; k < 10; k++) {
        /* base graph 1: leak .343 at 4 %, f = 1.42; base graph 2: .480 at 5 %, f = 1.68; base graph 1 in the other order, .214 at 2 %, f = 1.51;
         * qd-k22 the same; qd-k33, .252 at 2 %, f = 1.78: far from the waterfall, so that every frame must decode */
        bool zeros = k % 2;
        trial t = k < 2   ? trial_make(384, 5186, 4, 0.04, zeros)
                  : k < 4 ? trial_by(QD_CODE_NR_BG2, 352, 3961, 8, 0.05, zeros)
                  : k < 6 ? trial_by(QD_CODE_QD_BG1, 384, 3068, 6, 0.02, zeros)
                  : k < 8 ? trial_by(QD_CODE_QD_K22, 384, 3068, 6, 0.02, zeros)
                          : trial_by(QD_CODE_QD_K33, 384, 5040, 6, 0.02, zeros);
        qd_ldpc_rule rule = {k < 4 ? 8 : 9, k < 4 ? 5 : 4, 50, 0};
        ck_assert_uint_gt(t.flips, 1000);
        ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, t.got, t.iterations, form_of(_i), dev, &err));
        for (uint64_t f = 0; f < t.n; f++) ck_assert_uint_gt(t.iterations[f], 0);
        ck_assert_mem_eq(t.got, t.truth, t.n * qd_frame_words(&t.c) * 8);
        trial_free(&t);
    }
    qd_device_close(dev);
}
END_TEST

START_TEST(no_errors_take_one_or_two_iterations) {
    qd_device *dev = open_device(_i);
    trial t = trial_make(384, 1536, 3, 0, false);
    qd_ldpc_rule rule = {12, 4, 50, 0};
    ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, t.got, t.iterations, form_of(_i), dev, &err));
    for (uint64_t f = 0; f < t.n; f++) ck_assert(t.iterations[f] == 1 || t.iterations[f] == 2);
    ck_assert_mem_eq(t.got, t.truth, t.n * qd_frame_words(&t.c) * 8);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

/* A frame stops at its first match and is not touched again: a cap at the iterations it used changes nothing, a cap one below
 * fails it, and
 * it does so whatever its neighbours in the batch do. */
START_TEST(a_frame_stops_when_it_matches) {
    qd_device *dev = open_device(_i);
    trial t = trial_make(192, 2600, 3, 0.045, false);
    qd_ldpc_rule rule = {8, 5, 50, 0};
    size_t fw = qd_frame_words(&t.c);
    uint64_t *again = calloc(t.n * fw, 8);
    uint32_t iterations[3];
    ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, t.got, t.iterations, form_of(_i), dev, &err));
    for (uint64_t f = 0; f < t.n; f++) {
        ck_assert_uint_gt(t.iterations[f], 1);
        rule.max_iterations = t.iterations[f];
        ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, again, iterations, form_of(_i), dev, &err));
        ck_assert_uint_eq(iterations[f], t.iterations[f]);
        ck_assert_mem_eq(again + f * fw, t.got + f * fw, fw * 8);
        rule.max_iterations = t.iterations[f] - 1;
        ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, again, iterations, form_of(_i), dev, &err));
        ck_assert_uint_eq(iterations[f], 0);
    }
    free(again);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

/* Ask for another word, Alice's with a few bits turned: the decoder follows the syndrome, private bits too. With a single
 * syndrome bit turned
 * no word nearby solves it: the frame must not be taken for done. */
START_TEST(the_syndrome_is_obeyed) {
    qd_device *dev = open_device(_i);
    trial t = trial_make(64, 900, 2, 0.03, false);
    qd_ldpc_rule rule = {8, 5, 50, 0};
    size_t words = qd_frame_words(&t.c);
    t.truth[0] ^= 4; /* a private bit */
    t.truth[2 * t.c.words] ^= 1;
    t.truth[words - 1] ^= 1;
    qd_syndrome_ref(&t.c, t.n, t.truth, t.syndrome);
    ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, t.got, t.iterations, form_of(_i), dev, &err));
    ck_assert_mem_eq(t.got, t.truth, t.n * words * 8);
    t.syndrome[0] ^= 1;
    ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, t.got, t.iterations, form_of(_i), dev, &err));
    ck_assert_uint_eq(t.iterations[0], 0);
    ck_assert_uint_gt(t.iterations[1], 0);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

/* Contents that drive every magnitude to its limit: no frame converges, nothing overflows, decisions stay those of the reference.
 * */
START_TEST(extremes_do_not_overflow) {
    static const qd_ldpc_rule rules[] = {{32, 2, 60, 0}, {32, 15, 60, 0}, {1, 2, 60, 0}, {1, 15, 60, 0}};
    qd_device *dev = open_device(_i);
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++) {
        trial t = trial_make(96, 1300, 2, 0.5, false);
        uint64_t *ref = calloc(t.n * qd_frame_words(&t.c), 8);
        uint32_t iterations[2];
        ck_ok(qd_ldpc_ref(&t.c, &rules[k], t.n, t.bob, t.syndrome, ref, iterations, &err));
        ck_ok(qd_ldpc_run(&t.c, &rules[k], t.n, t.bob, t.syndrome, t.got, t.iterations, form_of(_i), dev, &err));
        ck_assert_mem_eq(ref, t.got, t.n * qd_frame_words(&t.c) * 8);
        for (uint64_t f = 0; f < t.n; f++) ck_assert_uint_eq(t.iterations[f], 0);
        ck_assert_mem_eq(iterations, t.iterations, sizeof iterations);
        free(ref);
        trial_free(&t);
    }
    qd_device_close(dev);
}
END_TEST

/* Extension bits that both know to be zero: told so, the decoder solves more frames than when it takes them for bits with errors.
 * At 8 % and 1163 rows over 24 x 96 bits the one is half of its waterfall beyond the middle, the other as much below: 20 frames
 * part by far. */
START_TEST(known_extension_bits_are_worth_knowing) {
    qd_device *dev = open_device(_i);
    trial t = trial_make(96, 2 * 96 + 1163, 20, 0.08, false);
    qd_ldpc_rule rule = {7, 5, 50, 0};
    uint32_t solved[2] = {0};
    const size_t fw = qd_frame_words(&t.c), core = 26 * (size_t)t.c.words;
    for (uint64_t f = 0; f < t.n; f++) {
        memset(t.truth + f * fw + core, 0, (fw - core) * 8);
        memset(t.bob + f * fw + core, 0, (fw - core) * 8);
    }
    qd_syndrome_ref(&t.c, t.n, t.truth, t.syndrome);
    for (int k = 0; k < 2; k++) {
        rule.known = k ? 4 * 96 : 0;
        ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, t.got, t.iterations, form_of(_i), dev, &err));
        for (uint64_t f = 0; f < t.n; f++) solved[k] += t.iterations[f] > 0;
    }
    ck_assert_uint_gt(solved[1], solved[0] + 5);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

static qd_ldpc_state *open_state(const qd_code *longest, uint64_t frames, qd_device *dev) {
    qd_ldpc_state *s;
    ck_ok(qd_ldpc_open(&s, longest, frames, dev, &err));
    return s;
}

/* Without new rows, seven iterations and then up to forty more are up to forty-seven: nothing of the decoder is lost in between, in
 * whatever place it is kept. */
START_TEST(going_on_is_not_having_stopped) {
    static const uint32_t place[4] = {5, 0, 3, 4};
    qd_device *dev = open_device(_i);
    trial t = trial_make(96, 1240, 4, 0.045, false);
    qd_ldpc_rule rule = {8, 5, 47, 0};
    const size_t bytes = t.n * qd_frame_words(&t.c) * 8;
    uint64_t *whole = malloc(bytes);
    uint32_t want[4], got[4];
    ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, whole, want, form_of(_i), dev, &err));
    qd_ldpc_state *s = open_state(&t.c, 6, dev);
    for (int turn = 0; turn < 2; turn++) { /* all are solved or, in the second turn, forgotten */
        rule.max_iterations = 7;
        ck_ok(qd_ldpc_go_on(s, &t.c, &rule, t.n, place, t.bob, t.syndrome, t.got, got, form_of(_i), &err));
        for (uint64_t f = 0; f < t.n; f++) ck_assert_uint_eq(got[f], 0);
        if (turn == 0) ck_ok(qd_ldpc_forget(s, &err));
    }
    rule.max_iterations = 40;
    ck_ok(qd_ldpc_go_on(s, &t.c, &rule, t.n, place, t.bob, t.syndrome, t.got, got, form_of(_i), &err));
    for (uint64_t f = 0; f < t.n; f++) {
        ck_assert_uint_gt(want[f], 7); /* so that something was left to do */
        ck_assert_uint_eq(got[f] + 7, want[f]);
    }
    ck_assert_mem_eq(t.got, whole, bytes);
    qd_ldpc_close(s);
    free(whole);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

/* Rows are added again and again, some frames sit a round out, and the device changes its form from one to the next: the same as the
 * reference in every bit, also of frames that never match. */
START_TEST(rows_are_added_to_what_was_left) {
    enum { N = 5, ROUNDS = 5 };
    static const uint32_t rows[ROUNDS] = {1100, 1101, 1152, 1153, 1330};
    static const qd_ldpc_form forms[ROUNDS] = {QD_LDPC_AUTO, QD_LDPC_GROUP, QD_LDPC_LANES_16, QD_LDPC_LANES_64, QD_LDPC_GROUP};
    qd_device *dev = open_device(1);
    for (int known = 0; known < 2; known++) {
        trial t = trial_make(96, 1330, N, 0.06, false);
        qd_ldpc_state *s[2] = {open_state(&t.c, N, NULL), open_state(&t.c, N, dev)};
        for (int k = 0; k < ROUNDS; k++) {
            qd_ldpc_rule rule = {7, 5, 3, known ? rows[0] : 0};
            qd_code c = code_of(96, rows[k]);
            const size_t fw = qd_frame_words(&c), sw = qd_syndrome_words(&c);
            uint64_t *bob = calloc(N * fw, 8), *syndrome = calloc(N * sw, 8), *got[2] = {calloc(N * fw, 8), calloc(N * fw, 8)};
            uint32_t place[N], iterations[2][N] = {{0}}, n = 0;
            for (uint32_t f = 0; f < N; f++) {
                if (f % 2 == 1 && k == 2) continue;
                place[n] = f;
                memcpy(bob + n * fw, t.bob + f * qd_frame_words(&t.c), fw * 8);
                memcpy(syndrome + n * sw, t.syndrome + f * qd_syndrome_words(&t.c), sw * 8);
                for (uint32_t r = c.last; r < 64 * c.words; r++) {
                    bob[(n + 1) * fw - c.words + r / 64] &= ~((uint64_t)1 << r % 64);
                    syndrome[(n + 1) * sw - c.words + r / 64] &= ~((uint64_t)1 << r % 64);
                }
                n++;
            }
            for (int d = 0; d < 2; d++)
                ck_ok(qd_ldpc_go_on(s[d], &c, &rule, n, place, bob, syndrome, got[d], iterations[d], forms[k], &err));
            ck_assert_mem_eq(got[0], got[1], n * fw * 8);
            ck_assert_mem_eq(iterations[0], iterations[1], sizeof iterations[0]);
            free(bob);
            free(syndrome);
            free(got[0]);
            free(got[1]);
        }
        for (int d = 0; d < 2; d++) qd_ldpc_close(s[d]);
        trial_free(&t);
    }
    qd_device_close(dev);
}
END_TEST

/* A graph with a row of each of 14 degrees from @p least on, its columns spread over a core of the largest size. */
enum { LADDER = 14, LADDER_KB = QD_GRAPH_CORE_MAX - QD_CORE_ROWS };
typedef struct ladder {
    qd_edge edges[QD_GRAPH_EDGES_MAX];
    uint16_t row_start[LADDER + 1];
    qd_graph graph;
} ladder;

static void ladder_make(ladder *l, uint32_t least) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < LADDER; i++) {
        const uint32_t degree = least + (i * 5) % LADDER, in_core = i < QD_CORE_ROWS ? degree : degree - 1;
        for (uint32_t e = 0; e < in_core; e++) {
            l->edges[n] = (qd_edge){.col = (uint16_t)(e * QD_GRAPH_CORE_MAX / in_core)};
            for (uint32_t s = 0; s < QD_SETS; s++) l->edges[n].shift[s] = (uint16_t)((37 * i + 101 * e + 13 * s) % QD_Z_MAX);
            n++;
        }
        if (i >= QD_CORE_ROWS) l->edges[n++] = (qd_edge){.col = (uint16_t)(LADDER_KB + i)};
        l->row_start[i + 1] = (uint16_t)n;
    }
    ck_assert_uint_le(n, QD_GRAPH_EDGES_MAX);
    l->graph = (qd_graph){.name = "ladder", .rows = LADDER, .cols = LADDER_KB + LADDER, .kb = LADDER_KB, .punctured = 2, .row_start = l->row_start, .edges = l->edges};
}

/* @p n random bits. */
static void draw(uint64_t seed, uint64_t entity, uint32_t n, uint64_t *w) {
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST, .entity = entity};
    qd_random_bytes(&r, w, (n + 63) / 64 * 8);
    if (n % 64) w[n / 64] &= ((uint64_t)1 << n % 64) - 1;
}

/* Rows of every degree, of any syndrome: the device has the reference's bits in both forms. */
START_TEST(rows_of_every_degree_are_the_reference_s) {
    enum { N = 3 };
    static const uint32_t sizes[] = {384, 88, 768};
    qd_device *dev = open_device(1);
    ladder *l = calloc(1, sizeof *l);
    ladder_make(l, _i ? QD_DEGREE_MAX - LADDER + 1 : QD_DEGREE_MIN);
    for (int k = 0; k < 3; k++) {
        qd_code c = code_by(QD_CODE_QD_BG1, sizes[k], LADDER * sizes[k] - 5);
        c.graph = &l->graph;
        c.cols = LADDER_KB + LADDER;
        c.edges = l->row_start[LADDER];
        const size_t fw = qd_frame_words(&c), sw = qd_syndrome_words(&c);
        uint64_t *bob = calloc(N * fw, 8), *syndrome = calloc(N * sw, 8), *got[2] = {calloc(N * fw, 8), calloc(N * fw, 8)};
        for (uint32_t f = 0; f < N; f++) {
            for (uint32_t j = 0; j < c.cols; j++) draw(f, j, qd_code_col_bits(&c, j), bob + f * fw + (size_t)j * c.words);
            for (uint32_t i = 0; i < c.rows; i++) draw(f, c.cols + i, qd_code_row_bits(&c, i), syndrome + f * sw + (size_t)i * c.words);
        }
        for (int form = 0; form < 3; form++) {
            static const qd_ldpc_form forms[] = {QD_LDPC_LANES, QD_LDPC_GROUP, QD_LDPC_GROUP_FAR};
            qd_ldpc_rule rule = {9, 4, 7, 0};
            uint32_t iterations[2][N];
            ck_ok(qd_ldpc_ref(&c, &rule, N, bob, syndrome, got[0], iterations[0], &err));
            ck_ok(qd_ldpc_run(&c, &rule, N, bob, syndrome, got[1], iterations[1], forms[form], dev, &err));
            ck_assert_mem_eq(got[0], got[1], N * fw * 8);
            ck_assert_mem_eq(iterations[0], iterations[1], sizeof iterations[0]);
        }
        free(bob);
        free(syndrome);
        free(got[0]);
        free(got[1]);
    }
    free(l);
    qd_device_close(dev);
}
END_TEST

/* A device whose local memory does not hold a frame's columns decodes with them in global memory, and gives the same. */
START_TEST(columns_leave_small_local_memory) {
    qd_device *dev = open_device(1);
    if (!dev) return;
    const uint64_t local = dev->info.local_mem_bytes;
    trial t = trial_by(QD_CODE_QD_K22, 480, 4000, 3, 0.01, false);
    uint32_t iterations[3];
    const qd_ldpc_rule rule = {9, 4, 20, 0};
    for (int small = 0; small < 2; small++) {
        dev->info.local_mem_bytes = (uint64_t)t.c.cols * t.c.z + (small ? 3 : 4);
        memset(t.got, 0, t.n * qd_frame_words(&t.c) * 8);
        ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, t.got, iterations, QD_LDPC_GROUP, dev, &err));
        ck_assert_mem_eq(t.got, t.truth, t.n * qd_frame_words(&t.c) * 8);
        ck_assert(qd_ldpc_form_taken(dev, &t.c, QD_LDPC_GROUP) == (small ? QD_LDPC_GROUP_FAR : QD_LDPC_GROUP));
    }
    dev->info.local_mem_bytes = local;
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ldpc");
    TCase *t = tcase_create("ldpc");
    tcase_set_timeout(t, 600); /* the first launch on a device compiles */
    tcase_add_loop_test(t, errors_are_corrected_exactly, 0, 3);
    tcase_add_loop_test(t, no_errors_take_one_or_two_iterations, 0, 3);
    tcase_add_loop_test(t, a_frame_stops_when_it_matches, 0, 3);
    tcase_add_loop_test(t, the_syndrome_is_obeyed, 0, 3);
    tcase_add_loop_test(t, known_extension_bits_are_worth_knowing, 0, 3);
    tcase_add_loop_test(t, extremes_do_not_overflow, 0, 3);
    tcase_add_loop_test(t, going_on_is_not_having_stopped, 0, 3);
    tcase_add_test(t, rows_are_added_to_what_was_left);
    tcase_add_loop_test(t, rows_of_every_degree_are_the_reference_s, 0, 2);
    tcase_add_test(t, columns_leave_small_local_memory);
    suite_add_tcase(s, t);
    return run_all(s);
}
