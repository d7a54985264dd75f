/* SPDX-License-Identifier: Apache-2.0 */
/* Imported codes: both formats by hand, hostile texts, rows added up, and the decoder against exact sums and against itself in
 * doubles. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core_suite.h"
#include "qdistill/reconcile/truth.h"
#include "run_all.h"

static qd_error err;

static qd_sparse_code *code_of(const char *text) {
    qd_sparse_code *c;
    qd_status st = qd_sparse_parse("code", text, strlen(text), &c, &err);
    ck_assert_msg(st == QD_OK, "%s", err.what);
    return c;
}

static void is_alist(const qd_sparse_code *c, const char *want) {
    size_t bytes;
    char *text = qd_sparse_alist(c, &bytes);
    ck_assert_uint_eq(bytes, strlen(want));
    ck_assert_mem_eq(text, want, bytes);
    free(text);
}

/* ---- Formats --------------------------------------------------------------------------------------------------------------- */

/* Hamming's (7,4): column j is j + 1 in binary. */
static const char hamming[] = "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 3\n1 3 5 7\n2 3 6 7\n4 5 6 7\n";

START_TEST(alist_is_read_padded_or_not) {
    static const char padded[] =
        "# by hand\r\n7 3\r\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1 0 0\n2 0 0\n2 1 0\n3 0 0\n1 3 0\n2 3 0\n1 2 3\n7 5 3 1\n2 3 6 7\n4 5 6 "
        "7";
    static const char *const texts[] = {hamming, padded};
    for (int i = 0; i < 2; i++) {
        qd_sparse_code *c = code_of(texts[i]);
        ck_assert(c->n == 7 && c->m == 3 && c->edges == 12 && c->z == 1);
        is_alist(c, hamming);
        qd_sparse_free(c);
    }
}
END_TEST

/* Row r of a block touches column (r + s) mod z: by hand for z = 3, exponents 1 (a shift by 1), 3 (none) and 2. */
START_TEST(qccsc_is_lifted_as_stated) {
    qd_sparse_code *c = code_of(
        "{\"n_rows\":1,\"n_columns\":3,\"colptr\":[0,1,2,3],\"rowval\":[0,0,0],\"nzval\":[1,3,2],"
        "\"n_stored_entries\":3,\"qc_expansion_factor\":3,\"format\":\"COMPRESSED_SPARSE_COLUMN\",\"more\":\"text\"}");
    is_alist(c, "9 3\n1 3\n1 1 1 1 1 1 1 1 1\n3 3 3\n3\n1\n2\n1\n2\n3\n2\n3\n1\n2 4 9\n3 5 7\n1 6 8\n");
    qd_sparse_free(c);
    c = code_of(
        " {\"n_rows\":3,\"n_columns\":7,\"colptr\":[0,1,2,4,5,7,9,12],\"rowval\":[0,1,0,1,2,0,2,1,2,0,1,2],\"format\":"
        "\"BINCSCJSON\"}");
    is_alist(c, hamming);
    qd_sparse_free(c);
}
END_TEST

START_TEST(bad_codes_are_refused) {
    static const char *const bad[] = {
        "",
        "x",
        "7",
        "7 3",
        "-7 3\n",
        "7 3\n3 4\n1 1 2 1 2 2 4\n",
        "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 3\n",
        "99999999999 3\n3 4\n",
        "16777217 3\n3 4\n",
        "16777216 16777215\n3 3\n1 1 1\n",
        "3 7\n4 3\n4 4 4\n1 1 2 1 2 2 3\n1 3 5 7\n2 3 6 7\n4 5 6 7\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 3\n" /* exchanged */,
        "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 3\n1 3 5 7\n2 3 6 7\n4 5 6\n" /* ends */,
        "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 3\n1 3 5 7\n2 3 6 7\n4 5 6 6\n" /* twice */,
        "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 3\n1 3 5 7\n2 3 6 7\n4 5 6 7\n8\n" /* more */,
        "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 1\n3\n1 3\n2 3\n1 2 3\n1 3 5 7\n2 3 6 7\n4 5 6 7\n" /* row 1 of column 3 twice */
        ,
        "7 3\n3 4\n1 1 2 1 2 2 3\n4 4 4\n1\n2\n1 2\n3\n1 3\n2 3\n1 2 4\n1 3 5 7\n2 3 6 7\n4 5 6 7\n" /* no such row */,
        "{",
        "{}",
        "{\"format\":\"BINCSCJSON\"}",
        "{\"format\":\"CSV\",\"n_rows\":1}",
        "{\"n_rows\":1,\"n_columns\":2,\"colptr\":[0,1,2],\"rowval\":[0,0],\"nzval\":[1,4],\"n_stored_entries\":2,\"qc_expansion_"
        "factor\":3,\"format\":"
        "\"COMPRESSED_SPARSE_COLUMN\"}" /* exponent */,
        "{\"n_rows\":1,\"n_columns\":2,\"colptr\":[0,1,2],\"rowval\":[0,0],\"nzval\":[1,0],\"n_stored_entries\":2,\"qc_expansion_"
        "factor\":3,\"format\":"
        "\"COMPRESSED_SPARSE_COLUMN\"}",
        "{\"n_rows\":1,\"n_columns\":2,\"colptr\":[0,2,1],\"rowval\":[0,0],\"format\":\"BINCSCJSON\"}",
        "{\"n_rows\":1,\"n_columns\":2,\"colptr\":[0,1,2],\"rowval\":[0,1],\"format\":\"BINCSCJSON\"}",
        "{\"n_rows\":1,\"n_columns\":2,\"colptr\":[0,1,2],\"rowval\":[0,0.5],\"format\":\"BINCSCJSON\"}",
        "{\"n_rows\":1,\"n_columns\":2,\"colptr\":[0,1],\"rowval\":[0,0],\"format\":\"BINCSCJSON\"}",
        "{\"n_rows\":2,\"n_columns\":3,\"colptr\":[0,2,2,3],\"rowval\":[0,0,1],\"format\":\"BINCSCJSON\"}" /* twice */,
        "{\"n_rows\":1,\"n_columns\":16777216,\"colptr\":[0,1],\"rowval\":[0],\"format\":\"BINCSCJSON\"}",
        "{\"n_rows\":1,\"n_columns\":2,\"colptr\":[0,1,2],\"rowval\":[0,0],\"nzval\":[1,1],\"n_stored_entries\":2,\"qc_expansion_"
        "factor\":16777216,"
        "\"format\":\"COMPRESSED_SPARSE_COLUMN\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        qd_sparse_code *c = (qd_sparse_code *)(void *)&err;
        err = (qd_error){0};
        qd_status st = qd_sparse_parse("bad", bad[i], strlen(bad[i]), &c, &err);
        ck_assert_msg(st == QD_E_INPUT && c == NULL && strstr(err.what, "bad") && err.next[0], "%s: %d %s", bad[i], st, err.what);
    }
}
END_TEST

/* ---- Rows added up --------------------------------------------------------------------------------------------------------- */

START_TEST(combined_rows_are_sums) {
    static const char *const bad[] = {"", "0", "0,", "0,3", "0,0", "0,1,2", "0 1", "0,1\n1,2", "0\n,1", "a,b", "0,1 2,3"};
    qd_sparse_code *c = code_of(hamming), *d;
    qd_sparse_pairs p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_eq(qd_sparse_pairs_parse("pairs", bad[i], strlen(bad[i]), c, &p, &err), QD_E_INPUT);
        ck_assert(p.n == 0 && p.row == NULL);
    }
    ck_ok(qd_sparse_pairs_parse("pairs", "0,2\r\n", 5, c, &p, &err));
    ck_assert_uint_eq(p.n, 1);
    ck_assert_int_eq(qd_sparse_combine(c, &p, 2, &d, &err), QD_E_USAGE);
    ck_ok(qd_sparse_combine(c, &p, 1, &d, &err));
    ck_assert(d->m == 2 && d->n == 7 && d->edges == 8 && d->combined == 1); /* 5 and 7 are in both rows */
    for (uint64_t word = 0; word < 128; word++) {
        qd_bits frame = {7, &word}, of_c = {3, &(uint64_t){0}}, of_d = {2, &(uint64_t){0}};
        qd_sparse_syndrome(c, &frame, &of_c);
        qd_sparse_syndrome(d, &frame, &of_d);
        const uint64_t s = *of_c.w;
        ck_assert_uint_eq(*of_d.w, (s >> 1 & 1) | ((s ^ s >> 2) & 1) << 1);
    }
    qd_sparse_free(d);
    qd_sparse_pairs_free(&p);
    qd_sparse_free(c);
}
END_TEST

/* ---- The decoder ----------------------------------------------------------------------------------------------------------- */

static float uniform(uint32_t draw, float most) {
    uint32_t w[4];
    qd_philox(5, QD_STREAM_TEST, 1, draw, w);
    return most * ((float)w[0] / 2147483648.0f - 1);
}

/* ln P(bit = 0)/P(bit = 1) given the syndrome, by summing over all words. */
static double marginal(const qd_sparse_code *c, const float *llr, uint64_t syndrome, uint32_t bit) {
    double p[2] = {0, 0};
    for (uint64_t word = 0; word >> c->n == 0; word++) {
        uint64_t got = 0;
        double weight = 0;
        qd_bits frame = {c->n, &word}, s = {c->m, &got};
        qd_sparse_syndrome(c, &frame, &s);
        if (got != syndrome) continue;
        for (uint32_t i = 0; i < c->n; i++) weight += (word >> i & 1 ? -0.5 : 0.5) * (double)llr[i];
        p[word >> bit & 1] += exp(weight);
    }
    return log(p[0] / p[1]);
}

/* On a tree sum-product is exact after as many iterations as the tree is deep. Rows 1 2 3 4, 4 5 6, 6 7 8 of bits: 3 suffice;
 * what stopped earlier is left out. |LLR| is below 10 here: an exponential is then right to 10 log2(e) 2^-23 = 2e-6, a row of 4
 * to some 3e-6, three of them to 1e-5. */
START_TEST(a_tree_is_decoded_exactly) {
    qd_sparse_code *c = code_of("8 3\n2 4\n1 1 1 2 1 2 1 1\n4 3 3\n1\n1\n1\n1 2\n2\n2 3\n3\n3\n1 2 3 4\n4 5 6\n6 7 8\n");
    int compared = 0;
    for (uint32_t t = 0; t < 400; t++) {
        float llr[8], app[8];
        uint32_t used;
        uint64_t s = t % 8;
        qd_bits syndrome = {3, &s};
        for (uint32_t i = 0; i < 8; i++) llr[i] = uniform(8 * t + i, t % 3 ? 1 : 6);
        if (t % 5 == 0) llr[t % 8] = 0; /* nothing known */
        ck_ok(qd_sparse_decode(c, (qd_sparse_schedule)(t / 8 % 2), 6, llr, &syndrome, app, &used, &err));
        if (used == 1 || used == 2) continue;
        compared++;
        for (uint32_t i = 0; i < 8; i++) ck_assert_double_le(fabs((double)app[i] - marginal(c, llr, s, i)), 1e-5);
    }
    ck_assert_int_gt(compared, 20);
    qd_sparse_free(c);
}
END_TEST

/* One long row: what each bit learns is the product of the others' tanh. A syndrome that no decision meets is not needed: one
 * iteration.
 *
 * An error of -ln u is the relative error of u. With e = 2^-24, half a step of single precision, relative errors are at most:
 * - u = exp(-x): 2 e x from x log2(e), and 4 e from all else; x <= 40, beyond which it is clipped.
 * - A sum (a + b)/(1 + a b) hands on less than the larger one of a and b: the derivatives of its logarithm by theirs sum up to
 *   (1 - a b)/(1 + a b). It adds 3 e: each of the two additions rounds once, and the two products that go into them weigh
 *   a/(a + b) + a b/(1 + a b) <= 1 together. There are N - 1 of them, and 6 divisions on the way (every 32nd). The one
 *   where both sides meet has two products more, and a division: 2 e.
 * - The logarithm, of messages that are below 1 here: e. The sum with the bit's own LLR: e |LLR|. */
START_TEST(a_long_row_is_exact) {
    enum { N = 200, CLIP = (int)QD_SPARSE_CLIP };
    const double row = 3 * (N - 1) + 6 + 2 + 2 * CLIP + 4 + 1, e = 0x1p-24;
    char text[8 * N] = "", *at = text + sprintf(text, "%d 1\n1 %d\n", N, N);
    for (int i = 0; i < N; i++) at += sprintf(at, "1 ");
    at += sprintf(at, "%d ", N);
    for (int i = 0; i < N; i++) at += sprintf(at, "1 ");
    for (int i = 0; i < N; i++) at += sprintf(at, "%d ", i + 1);
    qd_sparse_code *c = code_of(text);
    for (int syndrome = 0; syndrome < 2; syndrome++)
        for (uint32_t t = 0; t < 4; t++) {
            float llr[N], app[N];
            uint32_t used;
            qd_bits s = {1, &(uint64_t){(uint64_t)syndrome}};
            for (uint32_t i = 0; i < N; i++)
                llr[i] =
                    t == 3 ? uniform(i, 0.1f) : (i % 7 ? 4 : -4) + uniform(i, t == 2 ? 3.9f : 1) + (t == 1 && i < 2 ? 50 : 0);
            ck_ok(qd_sparse_decode(c, QD_FLOODING, 1, llr, &s, app, &used, &err));
            for (uint32_t i = 0; i < N; i++) {
                double product = syndrome ? -1 : 1;
                for (uint32_t k = 0; k < N; k++)
                    if (k != i) product *= tanh((double)llr[k] / 2);
                ck_assert_double_le(fabs((double)app[i] - (double)llr[i] - 2 * atanh(product)), (row + fabs((double)app[i])) * e);
            }
        }
    qd_sparse_free(c);
}
END_TEST

/* A regular code of array form, z = 31: exponent i j mod z of block row i, column j. */
static qd_sparse_code *array_code(void) {
    char text[2048], *at = text;
    at += sprintf(at,
                  "{\"n_rows\":3,\"n_columns\":6,\"colptr\":[0,3,6,9,12,15,18],\"n_stored_entries\":18,\"qc_expansion_factor\":"
                  "31,\"format\":"
                  "\"COMPRESSED_SPARSE_COLUMN\",\"rowval\":[");
    for (int e = 0; e < 18; e++) at += sprintf(at, "%s%d", e ? "," : "", e % 3);
    at += sprintf(at, "],\"nzval\":[");
    for (int e = 0; e < 18; e++) at += sprintf(at, "%s%d", e ? "," : "", e / 3 * (e % 3) % 31 + 31 * (e / 3 * (e % 3) % 31 == 0));
    sprintf(at, "]}");
    return code_of(text);
}

/* Flooding, written from the definition, in doubles. Iterations, 0: never. */
static uint32_t slow(const qd_sparse_code *c, const float *llr, const qd_bits *syndrome, uint32_t most) {
    double *msg = calloc(c->edges, sizeof *msg), *app = malloc(c->n * sizeof *app);
    uint32_t used = 0;
    for (uint32_t i = 0; i < c->n; i++) app[i] = (double)llr[i];
    for (uint32_t t = 1; t <= most && !used; t++) {
        double *sum = malloc(c->n * sizeof *sum);
        for (uint32_t i = 0; i < c->n; i++) sum[i] = (double)llr[i];
        for (uint32_t r = 0; r < c->m; r++) {
            double out[8];
            for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) {
                double product = qd_bits_get(syndrome, r) ? -1 : 1;
                for (uint32_t f = c->row_start[r]; f < c->row_start[r + 1]; f++)
                    if (f != e) product *= tanh((app[c->col[f]] - msg[f]) / 2);
                out[e - c->row_start[r]] = fmax(-40, fmin(40, 2 * atanh(product)));
            }
            for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) sum[c->col[e]] += msg[e] = out[e - c->row_start[r]];
        }
        memcpy(app, sum, c->n * sizeof *app);
        free(sum);
        used = t;
        for (uint32_t r = 0; r < c->m; r++) {
            unsigned parity = qd_bits_get(syndrome, r);
            for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) parity ^= app[c->col[e]] < 0;
            if (parity) used = 0;
        }
    }
    free(msg);
    free(app);
    return used;
}

/* Frames that are solved at once: no message has time to grow out of its rounding, so the iterations are the same. */
START_TEST(iterations_are_those_of_doubles) {
    qd_sparse_code *c = array_code();
    qd_bits key[2], s;
    float llr[186];
    uint32_t used, solved = 0;
    for (int i = 0; i < 2; i++) ck_ok(qd_bits_create(&key[i], c->n, &err));
    ck_ok(qd_bits_create(&s, c->m, &err));
    for (uint64_t f = 0; f < 60; f++) {
        qd_frame_draw_truth(3, f, 0.06, false, &key[0], &key[1]);
        qd_sparse_syndrome(c, &key[0], &s);
        for (uint32_t i = 0; i < c->n; i++) llr[i] = qd_bits_get(&key[1], i) ? -2.75f : 2.75f;
        ck_ok(qd_sparse_decode(c, QD_FLOODING, 12, llr, &s, NULL, &used, &err));
        ck_assert_uint_eq(used, slow(c, llr, &s, 12));
        solved += used > 0;
    }
    ck_assert_uint_gt(solved, 30);
    for (int i = 0; i < 2; i++) qd_bits_destroy(&key[i]);
    qd_bits_destroy(&s);
    qd_sparse_free(c);
}
END_TEST

/* ---- Statistics ------------------------------------------------------------------------------------------------------------ */

/* However frames are cut, the same comes out; layers need fewer iterations; punctuation of the tally is that of one syndrome a
 * frame. */
START_TEST(tallies_do_not_depend_on_the_cut) {
    qd_sparse_code *c = array_code();
    qd_sparse_ask ask = {.code = c, .max_iterations = 50, .qber = 0.065, .seed = 4, .frames = 300};
    qd_frame_tally whole = {0}, cut = {0}, layered = {0};
    ck_ok(qd_sparse_truth(&ask, &whole, &err));
    for (ask.first = 0, ask.frames = 1; ask.first < 300; ask.first += ask.frames, ask.frames = ask.frames * 3 % 101) {
        if (ask.first + ask.frames > 300) ask.frames = 300 - ask.first;
        ck_ok(qd_sparse_truth(&ask, &cut, &err));
    }
    ck_assert_uint_eq(whole.frames, cut.frames);
    ck_assert_uint_eq(whole.failed, cut.failed);
    ck_assert_double_eq(whole.iterations.squares, cut.iterations.squares);
    ck_assert_double_eq(whole.charged.sum, cut.charged.sum);
    ck_assert(whole.failed > 3 && whole.failed < 150);
    ck_assert_double_eq(whole.code_bits.sum, 93 * 300);
    ask = (qd_sparse_ask){.code = c, .schedule = QD_LAYERED, .max_iterations = 50, .qber = 0.065, .seed = 4, .frames = 300};
    ck_ok(qd_sparse_truth(&ask, &layered, &err));
    ck_assert_double_lt(layered.iterations.sum, whole.iterations.sum);
    ask = (qd_sparse_ask){.code = c, .max_iterations = 5, .qber = 0, .seed = 4, .frames = 9};
    whole = (qd_frame_tally){0};
    ck_ok(qd_sparse_truth(&ask, &whole, &err));
    ck_assert(whole.failed == 0 && whole.iterations.sum == 9);
    qd_sparse_free(c);
}
END_TEST

/* ---- Known answers --------------------------------------------------------------------------------------------------------- */

/* The sample codes' alist, as their files state it, and the syndrome of bit j = popcount(j) mod 2. */
START_TEST(sample_codes_have_the_known_hashes) {
    static const struct {
        const char *file, *alist, *syndrome;
    } known[] = {{"lrate_0.1_block_819k.qccsc.json", "d1f3a91a24bf72a2946de44b582bb846a74e180a22a6f38fe1ce99462a4a268f",
                  "986fe9c3b123adb7d83f38a58b616ac789d0c05b71c3335a57e208aa99b70dc8"},
                 {"lrate_0.25_block_819k.qccsc.json", "03ea702290fd2e1e22d2d45cdf0400ef0ab90380543c5e5d63f9b7a0de1c0030",
                  "5cc9ee49b2a666773a9e9409376f7826e94a0e660900c3cdd55a40bfd0214df9"}};
    for (int i = 0; i < 2; i++) {
        char path[512], hex[65];
        qd_sparse_code *c, *again;
        size_t bytes;
        qd_bits frame, s;
        snprintf(path, sizeof path, "%s/data/ldpc/%s", getenv("QD_SHARED") ? getenv("QD_SHARED") : "../shared", known[i].file);
        if (qd_sparse_read(path, &c, &err) != QD_OK) {
            fprintf(stderr, "%s: skipped\n", err.what);
            continue;
        }
        char *text = qd_sparse_alist(c, &bytes);
        qd_sha256_hex(text, bytes, hex);
        ck_assert_str_eq(hex, known[i].alist);
        ck_ok(qd_sparse_parse("alist", text, bytes, &again, &err));
        ck_assert_uint_eq(again->edges, c->edges);
        ck_assert_mem_eq(again->col, c->col, c->edges * sizeof *c->col);
        ck_assert_mem_eq(again->row_start, c->row_start, (c->m + 1) * sizeof *c->col);
        free(text);
        ck_ok(qd_bits_create(&frame, c->n, &err));
        ck_ok(qd_bits_create(&s, c->m, &err));
        for (uint32_t j = 0; j < c->n; j++) qd_bits_set(&frame, j, (unsigned)__builtin_popcount(j) & 1u);
        qd_sparse_syndrome(again, &frame, &s);
        text = malloc(c->m);
        for (uint32_t r = 0; r < c->m; r++) text[r] = (char)('0' + qd_bits_get(&s, r));
        qd_sha256_hex(text, c->m, hex);
        ck_assert_str_eq(hex, known[i].syndrome);
        free(text);
        qd_bits_destroy(&frame);
        qd_bits_destroy(&s);
        qd_sparse_free(c);
        qd_sparse_free(again);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        alist_is_read_padded_or_not,     qccsc_is_lifted_as_stated,        bad_codes_are_refused,
        combined_rows_are_sums,          a_tree_is_decoded_exactly,        a_long_row_is_exact,
        iterations_are_those_of_doubles, tallies_do_not_depend_on_the_cut, sample_codes_have_the_known_hashes};
    return run_tests("sparse", tests, sizeof tests / sizeof *tests, 0);
}
