/* SPDX-License-Identifier: Apache-2.0 */
/* The code's table and shape, syndromes, the decoder. Equality of device and reference over many inputs is the registry's loop; here the
 * algebra is tested, on the reference and on a CPU device where there is one. */
#include "core_suite.h"
#include "reconcile/ldpc.h"
#include "reconcile/syndrome.h"

static qd_error err;

/* 0: the reference; 1: a CPU device in the chosen form; 2: in the portable form. */
static qd_device *open_device(int which) {
    qd_device *dev = NULL;
    if (which && qd_device_open("cpu", &dev, NULL) != QD_OK) fprintf(stderr, "no CPU device: this loop runs on the reference\n");
    return dev;
}

static qd_ldpc_form form_of(int which) { return which == 2 ? QD_LDPC_GROUP : QD_LDPC_AUTO; }

static qd_code code_of(uint32_t z, uint32_t m) {
    qd_code c;
    ck_ok(qd_code_make(&c, QD_CODE_NR_BG1, z, m, &err));
    return c;
}

/* ---- Table and shape ---- */

/* One line `set row col shift` an edge, by set, row, col: the text whose SHA-256 four public codings of the standard's table share. */
START_TEST(the_table_is_the_standard_s) {
    const qd_graph *g = &qd_graph_nr_bg1;
    char *text = malloc(1 << 20), hex[65];
    size_t at = 0;
    for (uint32_t s = 0; s < QD_SETS; s++)
        for (uint32_t i = 0; i < g->rows; i++)
            for (uint32_t e = g->row_start[i]; e < g->row_start[i + 1]; e++)
                at += (size_t)sprintf(text + at, "%u %u %u %u\n", s, i, g->edges[e].col, g->edges[e].shift[s]);
    qd_sha256_hex(text, at, hex);
    ck_assert_str_eq(hex, "21c96e402361bffeea57bbfc093935f434edfb8a173ea24de1a33013d8a5917b");
    free(text);
}
END_TEST

/* What decoder, frames and leak rest on. */
START_TEST(the_graph_has_the_shape_that_the_code_relies_on) {
    const qd_graph *g = &qd_graph_nr_bg1;
    uint32_t degree[QD_GRAPH_COLS_MAX] = {0};
    ck_assert_uint_eq(g->rows, 46);
    ck_assert_uint_eq(g->cols, g->kb + g->rows);
    ck_assert_uint_eq(g->row_start[g->rows], QD_GRAPH_EDGES_MAX);
    for (uint32_t i = 0; i < g->rows; i++) {
        ck_assert_uint_le(g->row_start[i + 1] - g->row_start[i], QD_DEGREE_MAX);
        for (uint32_t e = g->row_start[i]; e < g->row_start[i + 1]; e++) {
            const qd_edge *edge = &g->edges[e];
            degree[edge->col]++;
            ck_assert(e == g->row_start[i] || edge->col > edge[-1].col);
            if (edge->col >= g->kb + QD_CORE_ROWS) {
                ck_assert_uint_eq(edge->col, g->kb + i);
                for (int s = 0; s < QD_SETS; s++) ck_assert_uint_eq(edge->shift[s], 0);
            }
        }
    }
    for (uint32_t j = 0; j < g->cols; j++) ck_assert(j < g->kb + QD_CORE_ROWS ? degree[j] > 1 : degree[j] == 1);
}
END_TEST

/* Rank over GF(2) of the punctured columns in the four rows that every frame has. */
static uint32_t punctured_rank(const qd_code *c) {
    enum { WORDS = 2 * QD_Z_MAX / 64 };
    uint32_t rows = QD_CORE_ROWS * c->z, cols = c->graph->punctured * c->z, rank = 0;
    uint64_t(*h)[WORDS] = calloc(rows, sizeof *h);
    for (uint32_t i = 0; i < QD_CORE_ROWS; i++)
        for (uint32_t e = c->graph->row_start[i]; e < c->graph->row_start[i + 1]; e++)
            for (uint32_t r = 0; r < c->z && c->graph->edges[e].col < c->graph->punctured; r++) {
                uint32_t bit = c->graph->edges[e].col * c->z + (r + qd_code_shift(c, &c->graph->edges[e])) % c->z;
                h[i * c->z + r][bit / 64] ^= (uint64_t)1 << (bit % 64);
            }
    for (uint32_t bit = 0; bit < cols; bit++) {
        uint32_t p = rank;
        while (p < rows && !(h[p][bit / 64] >> (bit % 64) & 1)) p++;
        if (p == rows) continue;
        for (int w = 0; w < WORDS; w++) {
            uint64_t swap = h[p][w];
            h[p][w] = h[rank][w];
            h[rank][w] = swap;
        }
        for (uint32_t r = rank + 1; r < rows; r++)
            if (h[r][bit / 64] >> (bit % 64) & 1)
                for (int w = 0; w < WORDS; w++) h[r][w] ^= h[rank][w];
        rank++;
    }
    free(h);
    return rank;
}

/* The syndrome leaks M - 2 Z bits because the private part has full column rank; more rows cannot lower it. */
START_TEST(private_bits_hide_as_many_syndrome_bits_at_every_lifting_size) {
    uint32_t n;
    const uint16_t *z = qd_lifting_sizes(&n);
    ck_assert_uint_eq(n, 51);
    for (uint32_t i = 0; i < n; i++) {
        qd_code c = code_of(z[i], QD_CORE_ROWS * z[i]);
        ck_assert_uint_eq(punctured_rank(&c), 2 * c.z);
        ck_assert_uint_eq(c.leak, c.m - 2 * c.z);
    }
}
END_TEST

START_TEST(codes_out_of_range_are_refused) {
    static const uint32_t bad[][3] = {{0, 384, 5376}, {2, 384, 5376}, {1, 383, 5376}, {1, 0, 0}, {1, 17, 100}, {1, 384, 1535}, {1, 384, 17665}, {1, UINT32_MAX, 5}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        qd_code c;
        ck_status(qd_code_make(&c, bad[i][0], bad[i][1], bad[i][2], &err), QD_E_INPUT);
    }
    ck_assert_uint_eq(code_of(384, 5476).n, 22 * 384 + 5476 - 768);
    ck_assert_uint_eq(code_of(384, 5476).rows, 15);
    ck_assert_uint_eq(code_of(384, 5476).last, 100);
    ck_assert_uint_eq(code_of(384, 5376).rows, 14);
    ck_assert_uint_eq(code_of(384, 5376).last, 384);
}
END_TEST

/* ---- Frames in memory ---- */

static void random_bits(uint64_t seed, qd_bits *b, uint64_t n) {
    qd_random r = {.rehearsal = 1, .seed = seed, .stream = QD_STREAM_TEST};
    ck_ok(qd_bits_create(b, n, &err));
    for (uint64_t i = 0; i < n; i += 64) {
        uint64_t w;
        qd_random_bytes(&r, &w, sizeof w);
        for (uint64_t j = i; j < i + 64 && j < n; j++) qd_bits_set(b, j, w >> (j - i) & 1);
    }
}

START_TEST(a_frame_is_loaded_and_stored_bit_by_bit_at_any_offset) {
    static const uint32_t sizes[][2] = {{384, 5476}, {384, 1536}, {36, 365}, {2, 91}, {72, 1001}, {64, 700}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        qd_code c = code_of(sizes[i][0], sizes[i][1]);
        qd_bits key, copy;
        random_bits(i, &key, c.n + 131);
        ck_ok(qd_bits_create(&copy, c.n + 131, &err));
        uint64_t *frame = calloc(qd_frame_words(&c), 8);
        for (uint64_t from = 0; from < 131; from += 13) {
            qd_frame_load(&c, &key, from, frame);
            for (uint32_t b = 0; b < c.n; b++) { /* by the definition: columns from the first key column on, z bits each */
                uint32_t j = 2 + b / c.z, p = b % c.z;
                ck_assert_uint_eq(frame[j * c.words + p / 64] >> (p % 64) & 1, qd_bits_get(&key, from + b));
            }
            memset(copy.w, 0xff, qd_bits_words(c.n + 131) * 8);
            qd_frame_store(&c, frame, &copy, from);
            for (uint64_t b = 0; b < c.n + 131; b++)
                ck_assert_uint_eq(qd_bits_get(&copy, b), b >= from && b < from + c.n ? qd_bits_get(&key, b) : 1);
        }
        free(frame);
        qd_bits_destroy(&key);
        qd_bits_destroy(&copy);
    }
}
END_TEST

START_TEST(a_syndrome_survives_its_message_and_stray_bits_are_refused) {
    qd_code c = code_of(36, 365);
    uint64_t *frame = calloc(qd_frame_words(&c), 8), *s = calloc(qd_syndrome_words(&c), 8), *t = calloc(qd_syndrome_words(&c), 8);
    uint8_t bytes[QD_GRAPH_ROWS_MAX * QD_Z_MAX / 8];
    qd_bits key;
    random_bits(5, &key, c.n);
    qd_frame_load(&c, &key, 0, frame);
    qd_syndrome_ref(&c, 1, frame, s);
    qd_syndrome_pack(&c, s, bytes);
    ck_ok(qd_syndrome_unpack(&c, bytes, t, &err));
    ck_assert_mem_eq(s, t, qd_syndrome_words(&c) * 8);
    bytes[365 / 8] |= 1 << 365 % 8;
    ck_status(qd_syndrome_unpack(&c, bytes, t, &err), QD_E_INPUT);
    qd_bits_destroy(&key);
    free(frame);
    free(s);
    free(t);
}
END_TEST

/* ---- Syndromes ---- */

/* Lifted bit number j is popcount(j) mod 2 in all columns; the hash was derived by two independent programs. */
START_TEST(known_answer) {
    qd_code c = code_of(384, 5476);
    uint64_t *frame = calloc(qd_frame_words(&c), 8), *s = calloc(qd_syndrome_words(&c), 8);
    char text[5477] = "", hex[65];
    qd_device *dev = open_device(_i);
    for (uint32_t j = 0; j < c.cols; j++)
        for (uint32_t p = 0; p < qd_code_col_bits(&c, j); p++)
            frame[j * c.words + p / 64] |= (uint64_t)(__builtin_popcount(j * 384 + p) & 1) << (p % 64);
    ck_ok(qd_syndrome_run(&c, 1, frame, s, dev, &err));
    uint32_t ones = 0;
    for (uint32_t k = 0; k < c.m; k++) {
        unsigned bit = s[k / 384 * c.words + k % 384 / 64] >> (k % 64) & 1;
        text[k] = (char)('0' + bit);
        ones += bit;
    }
    ck_assert(strncmp(text, "1011000101", 10) == 0);
    ck_assert_uint_eq(ones, 2730);
    qd_sha256_hex(text, c.m, hex);
    ck_assert_str_eq(hex, "72bb2104f45eefda01f4fe536b6c7db1c03650ec659a04fd88b10ea0e89dc2a0");
    free(frame);
    free(s);
    qd_device_close(dev);
}
END_TEST

START_TEST(syndromes_are_linear_and_of_zero_are_zero) {
    qd_code c = code_of(88, 1001);
    size_t fw = qd_frame_words(&c), sw = qd_syndrome_words(&c);
    uint64_t *x = calloc(4 * fw, 8), *s = calloc(4 * sw, 8);
    qd_device *dev = open_device(_i);
    for (uint64_t f = 0; f < 2; f++) {
        qd_bits key;
        qd_random r = {.rehearsal = 1, .seed = f, .stream = QD_STREAM_PRIVATE};
        random_bits(f, &key, c.n);
        qd_frame_load(&c, &key, 0, x + f * fw);
        qd_frame_private(&c, &r, x + f * fw);
        qd_bits_destroy(&key);
    }
    for (size_t i = 0; i < fw; i++) x[2 * fw + i] = x[i] ^ x[fw + i];
    ck_ok(qd_syndrome_run(&c, 4, x, s, dev, &err));
    for (size_t i = 0; i < sw; i++) {
        ck_assert_uint_eq(s[2 * sw + i], s[i] ^ s[sw + i]);
        ck_assert_uint_eq(s[3 * sw + i], 0);
    }
    free(x);
    free(s);
    qd_device_close(dev);
}
END_TEST

/* ---- Decoder ---- */

typedef struct trial {
    qd_code c;
    uint64_t *truth, *bob, *syndrome, *got;
    uint32_t *iterations;
    uint64_t n, flips;
} trial;

/* @p n frames of random keys (or zeros), each key bit flipped with probability @p q. */
static trial trial_make(uint32_t z, uint32_t m, uint64_t n, double q, bool zeros) {
    trial t = {.c = code_of(z, m), .n = n};
    size_t fw = qd_frame_words(&t.c);
    t.truth = calloc(n * fw, 8);
    t.bob = calloc(n * fw, 8);
    t.got = calloc(n * fw, 8);
    t.syndrome = calloc(n * qd_syndrome_words(&t.c), 8);
    t.iterations = calloc(n, sizeof *t.iterations);
    qd_random r = {.rehearsal = 1, .seed = z + m, .stream = QD_STREAM_PRIVATE}, flip = {.rehearsal = 1, .seed = z + m, .stream = QD_STREAM_FLIP};
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
    for (int zeros = 0; zeros < 2; zeros++) {
        /* leak .343 at 4 %: f = 1.42, far from the waterfall, so that every frame must decode */
        trial t = trial_make(384, 5186, 4, 0.04, zeros);
        qd_ldpc_rule rule = {8, 5, 50};
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
    qd_ldpc_rule rule = {12, 4, 50};
    ck_ok(qd_ldpc_run(&t.c, &rule, t.n, t.bob, t.syndrome, t.got, t.iterations, form_of(_i), dev, &err));
    for (uint64_t f = 0; f < t.n; f++) ck_assert(t.iterations[f] == 1 || t.iterations[f] == 2);
    ck_assert_mem_eq(t.got, t.truth, t.n * qd_frame_words(&t.c) * 8);
    trial_free(&t);
    qd_device_close(dev);
}
END_TEST

/* A frame stops at its first match and is not touched again: a cap at the iterations it used changes nothing, a cap one below fails it, and
 * it does so whatever its neighbours in the batch do. */
START_TEST(a_frame_stops_when_it_matches) {
    qd_device *dev = open_device(_i);
    trial t = trial_make(192, 2600, 3, 0.045, false);
    qd_ldpc_rule rule = {8, 5, 50};
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

/* Ask for another word, Alice's with a few bits turned: the decoder follows the syndrome, private bits too. With a single syndrome bit turned
 * no word nearby solves it: the frame must not be taken for done. */
START_TEST(the_syndrome_is_obeyed) {
    qd_device *dev = open_device(_i);
    trial t = trial_make(64, 900, 2, 0.03, false);
    qd_ldpc_rule rule = {8, 5, 50};
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

/* Contents that drive every magnitude to its limit: no frame converges, nothing overflows, decisions stay those of the reference. */
START_TEST(extremes_do_not_overflow) {
    static const qd_ldpc_rule rules[] = {{32, 2, 60}, {32, 15, 60}, {1, 2, 60}, {1, 15, 60}};
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

int main(void) {
    Suite *s = suite_create("ldpc");
    TCase *t = tcase_create("ldpc");
    tcase_set_timeout(t, 600); /* the first launch on a device compiles */
    tcase_add_test(t, the_table_is_the_standard_s);
    tcase_add_test(t, the_graph_has_the_shape_that_the_code_relies_on);
    tcase_add_test(t, private_bits_hide_as_many_syndrome_bits_at_every_lifting_size);
    tcase_add_test(t, codes_out_of_range_are_refused);
    tcase_add_test(t, a_frame_is_loaded_and_stored_bit_by_bit_at_any_offset);
    tcase_add_test(t, a_syndrome_survives_its_message_and_stray_bits_are_refused);
    tcase_add_loop_test(t, known_answer, 0, 2);
    tcase_add_loop_test(t, syndromes_are_linear_and_of_zero_are_zero, 0, 2);
    tcase_add_loop_test(t, errors_are_corrected_exactly, 0, 3);
    tcase_add_loop_test(t, no_errors_take_one_or_two_iterations, 0, 3);
    tcase_add_loop_test(t, a_frame_stops_when_it_matches, 0, 3);
    tcase_add_loop_test(t, the_syndrome_is_obeyed, 0, 3);
    tcase_add_loop_test(t, extremes_do_not_overflow, 0, 3);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
