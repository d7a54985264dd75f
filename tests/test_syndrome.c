/* SPDX-License-Identifier: Apache-2.0 */
/* The code's table and shape, frames in memory, syndromes. Equality of device and reference over many inputs is the registry's
 * loop; here the
 * algebra is tested, on the reference and on a CPU device where there is one. */
#include "ldpc_suite.h"
#include "reconcile/cases.h"
#include "run_all.h"

static const uint32_t codes[] = {QD_CODE_NR_BG1, QD_CODE_NR_BG2, QD_CODE_QD_BG1, QD_CODE_QD_K22, QD_CODE_QD_K33};
enum { CODES = sizeof codes / sizeof *codes };

/* ---- Table and shape ---- */

/* One line `set row col shift` an edge, by set, row, col: the text whose SHA-256 four public codings of the standard's table
 * share. */
START_TEST(the_table_is_the_standard_s) {
    char hex[65];
    qd_code_table_sha256(QD_CODE_NR_BG1, hex);
    ck_assert_str_eq(hex, "21c96e402361bffeea57bbfc093935f434edfb8a173ea24de1a33013d8a5917b");
    qd_code_table_sha256(QD_CODE_NR_BG2, hex);
    ck_assert_str_eq(hex, "806c17efb6eb07929784ba9336cdd20df1ee66aa77236c49bab4114f9832a931");
    qd_code_table_sha256(77, hex);
    ck_assert_str_eq(hex, "");
}
END_TEST

/* Block rows of qd-bg1, by their numbers in the standard; from 13 on they are the same. */
static uint32_t row_of(uint32_t i) {
    static const uint32_t order[] = {0, 1, 2, 3, 5, 8, 12, 9, 7, 4, 6, 10, 11};
    return i < sizeof order / sizeof *order ? order[i] : i;
}

/* The standard's rows, each with an extension column of its new place, and nothing else changed. The hash is of the text that a program of its
 * own made of the standard's table. */
START_TEST(the_other_order_has_the_standard_s_rows) {
    const qd_graph *g = qd_graph_of(QD_CODE_QD_BG1), *of = &qd_graph_nr_bg1;
    char hex[65];
    ck_assert_uint_eq(g->row_start[0], 0);
    for (uint32_t i = 0; i < g->rows; i++) {
        const uint32_t k = row_of(i), degree = of->row_start[k + 1] - of->row_start[k];
        ck_assert_uint_eq(g->row_start[i + 1] - g->row_start[i], degree);
        for (uint32_t e = 0; e < degree; e++) {
            const qd_edge *here = &g->edges[g->row_start[i] + e], *there = &of->edges[of->row_start[k] + e];
            const bool own = k >= QD_CORE_ROWS && there->col == 22 + k;
            ck_assert_uint_eq(here->col, own ? 22 + i : there->col);
            ck_assert_mem_eq(here->shift, there->shift, sizeof here->shift);
        }
    }
    qd_code_table_sha256(QD_CODE_QD_BG1, hex);
    ck_assert_str_eq(hex, "ab3c64f34f00133768064c347d427b0a1e938a6367b7e179e1c97d1116f0f1ba");
}
END_TEST

/* Messages and records name a code, whose table must stay what it is. */
START_TEST(our_own_tables_are_pinned) {
    char hex[65];
    qd_code_table_sha256(QD_CODE_QD_K22, hex);
    ck_assert_str_eq(hex, "cb797869241a5cff71ffba9453679b070f6a8478ae3fa2a281822229ac4781f7");
    qd_code_table_sha256(QD_CODE_QD_K33, hex);
    ck_assert_str_eq(hex, "af4221831ba1d4a51fcef5e07ba9a4b4e7ee43b938b53494f842b27888b95bb3");
}
END_TEST

/* What decoder, frames and leak rest on. */
START_TEST(the_graph_has_the_shape_that_the_code_relies_on) {
    static const struct {
        uint32_t rows, kb, edges; /* in the order of codes */
    } shapes[CODES] = {{46, 22, 316}, {42, 10, 197}, {46, 22, 316}, {36, 22, 300}, {18, 33, 257}};
    static const uint16_t largest[QD_SETS] = {256, 384, 320, 224, 288, 352, 208, 240}; /* Z of each set */
    const qd_graph *g = qd_graph_of(codes[_i]);
    uint32_t degree[QD_GRAPH_COLS_MAX] = {0};
    ck_assert_uint_eq(g->rows, shapes[_i].rows);
    ck_assert_uint_eq(g->kb, shapes[_i].kb);
    ck_assert_uint_eq(g->cols, g->kb + g->rows);
    ck_assert_uint_eq(g->punctured, 2);
    ck_assert_uint_eq(g->z_most, _i < 2 ? 384 : 768); /* the standard's come first */
    ck_assert_uint_eq(g->row_start[0], 0);
    ck_assert_uint_eq(g->row_start[g->rows], shapes[_i].edges);
    ck_assert_uint_le(g->rows, QD_GRAPH_ROWS_MAX);
    ck_assert_uint_le(g->cols, QD_GRAPH_COLS_MAX);
    ck_assert_uint_le(g->kb + QD_CORE_ROWS, QD_GRAPH_CORE_MAX);
    ck_assert_uint_le(shapes[_i].edges, QD_GRAPH_EDGES_MAX);
    for (uint32_t i = 0; i < g->rows; i++) {
        ck_assert_uint_ge(g->row_start[i + 1] - g->row_start[i], QD_DEGREE_MIN);
        ck_assert_uint_le(g->row_start[i + 1] - g->row_start[i], QD_DEGREE_MAX);
        for (uint32_t e = g->row_start[i]; e < g->row_start[i + 1]; e++) {
            const qd_edge *edge = &g->edges[e];
            ck_assert_uint_lt(edge->col, g->cols);
            degree[edge->col]++;
            for (int s = 0; s < QD_SETS; s++) ck_assert_uint_lt(edge->shift[s], largest[s]);
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
    const qd_graph *g = qd_graph_of(codes[_i]);
    uint32_t n;
    const uint16_t *z = qd_lifting_sizes(g, &n);
    ck_assert_uint_eq(n, g == &qd_graph_nr_bg1 || g == &qd_graph_nr_bg2 ? 51 : 59);
    for (uint32_t i = 0; i < n; i++) {
        qd_code c = code_by(codes[_i], z[i], QD_CORE_ROWS * z[i]);
        ck_assert_uint_eq(punctured_rank(&c), 2 * c.z);
        ck_assert_uint_eq(c.leak, c.m - 2 * c.z);
    }
}
END_TEST

START_TEST(codes_out_of_range_are_refused) {
    static const uint32_t bad[][3] = {{0, 384, 5376}, {3, 384, 5376}, {2, 384, 16129}, {2, 384, 1535},  {1, 383, 5376},
                                      {1, 0, 0},      {1, 17, 100},   {1, 384, 1535},  {1, 384, 17665}, {1, UINT32_MAX, 5},
                                      {5, 383, 5376}, {5, 384, 1535}, {5, 384, 17665}, {6, 384, 1535},  {6, 384, 13825},
                                      {7, 384, 1535}, {7, 384, 6913}, {8, 384, 5376},  {1, 416, 5376},  {2, 768, 5376},
                                      {5, 400, 5376}, {6, 800, 5376}, {7, 1024, 5376}, {6, 768, 27649}};
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

/* The registry's cases name the graphs 1 to 5. */
START_TEST(cases_are_of_the_graph_they_name) {
    static const char *const ops[] = {"syndrome", "ldpc"};
    static const qd_op *const *const rooms[] = {qd_reconcile_ops, NULL};
    const qd_registry r = {rooms};
    for (int i = 0; i < 2; i++)
        for (uint32_t k = 0; k < CODES; k++) {
            char text[64];
            qd_problem p;
            void *state;
            (void)snprintf(text, sizeof text, "%s:z=36,m=365,frames=1,graph=%u", ops[i], k + 1);
            ck_ok(qd_problem_parse(&r, text, &p, &err));
            ck_ok(p.op->create(&p, &state, &err));
            const qd_graph *g = i ? ((qd_ldpc_case *)state)->code.graph : ((qd_syndrome_case *)state)->code.graph;
            ck_assert_uint_eq(g->id, codes[k]);
            p.op->destroy(state);
        }
}
END_TEST

/* ---- Frames in memory ---- */

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

/* Lifted bit number j is popcount(j) mod 2 in all columns; the hashes of the standard's were derived by two independent programs, those of the
 * other order by one of these, those of our own graphs by a third. */
static const struct {
    uint32_t id, z, m, ones;
    const char *begins, *sha256;
} known[] = {
    {QD_CODE_NR_BG1, 384, 5476, 2730, "1011000101", "72bb2104f45eefda01f4fe536b6c7db1c03650ec659a04fd88b10ea0e89dc2a0"},
    {QD_CODE_NR_BG2, 36, 365, 172, "1000111010", "3c2e6c62acd8ab450ba6b4b2ea5fda43d38113316ea75a0c588e7623f6420cf3"},
    {QD_CODE_QD_BG1, 36, 299, 145, "0110100110", "9e9286d42c6024bcee3ba48b6f3a14f41fdf330313834bb2dbdecc8223a79af7"},
    {QD_CODE_QD_BG1, 384, 2689, 1364, "1011000101", "73629b5e23846a7eaa41bcf635b975eb8cfa8d7d8068bff109b4b12fdf42778b"},
    {QD_CODE_QD_K22, 36, 299, 156, "0011101000", "8ffa584324ef74b3db78fbb976c324a09b820356b46bd6151dedca1db484c779"},
    {QD_CODE_QD_K22, 384, 2689, 1341, "0101011011", "d44a779ee55a379fed50c9279dd0df5809e6aaf48de9fc16672a061a048064c3"},
    {QD_CODE_QD_K33, 36, 299, 149, "1100100100", "a514327be337324fe6658aa6099d3df617a2588a1a88ccf5b135fc7b0ee923e3"},
    {QD_CODE_QD_K33, 384, 2689, 1359, "0111001001", "ebd6f7dce5091a307fc0ad5a4e8a7b46fee1819fc63b4c28994356a8680b0c01"},
    /* above 384, by a program of its own from the standard's and our tables */
    {QD_CODE_QD_BG1, 768, 5453, 2722, "1011000101", "b5ebcd97a62c4672a038aa8269a2fcbba4f2684386404f7a97fe1af69c6f9ce7"},
    {QD_CODE_QD_BG1, 480, 2000, 972, "0001101110", "92f03c3dc0d09f0c2eba9fb2502e4526e560d3bbdb7f9d0db79889b672db351c"},
    {QD_CODE_QD_K22, 768, 5453, 2632, "0101011011", "d259861cf651f533c051bbc40b43a00bcc19d0dbdada71e96eb97fc331731fc0"},
    {QD_CODE_QD_K22, 480, 2000, 943, "0000111100", "df0bec0131c6cdfd6630490ce6761aaaad9a9d3f9f50a3c463cf8714d3145d95"},
    {QD_CODE_QD_K33, 768, 5453, 2766, "1000100110", "0ebb8a6cd3a4768d51c168bb4618e542fc3bb34c50323a641163daac4ded4243"},
    {QD_CODE_QD_K33, 480, 2000, 1010, "0111110100", "5750dca0b83d7641e2e1416a70c010a4fb3c415b7feb9e238a058c8b0443d997"}};
enum { KNOWN = sizeof known / sizeof *known };

START_TEST(known_answer) {
    qd_code c = code_by(known[_i / 2].id, known[_i / 2].z, known[_i / 2].m);
    uint64_t *frame = calloc(qd_frame_words(&c), 8), *s = calloc(qd_syndrome_words(&c), 8);
    char text[5477] = "", hex[65];
    qd_device *dev = open_device(_i % 2);
    for (uint32_t j = 0; j < c.cols; j++)
        for (uint32_t p = 0; p < qd_code_col_bits(&c, j); p++)
            frame[j * c.words + p / 64] |= (uint64_t)(__builtin_popcount(j * c.z + p) & 1) << (p % 64);
    ck_ok(qd_syndrome_run(&c, QD_SYNDROME_AUTO, 1, frame, s, dev, &err));
    uint32_t ones = 0;
    for (uint32_t k = 0; k < c.m; k++) {
        unsigned bit = s[k / c.z * c.words + k % c.z / 64] >> (k % c.z % 64) & 1;
        text[k] = (char)('0' + bit);
        ones += bit;
    }
    ck_assert(strncmp(text, known[_i / 2].begins, 10) == 0);
    ck_assert_uint_eq(ones, known[_i / 2].ones);
    qd_sha256_hex(text, c.m, hex);
    ck_assert_str_eq(hex, known[_i / 2].sha256);
    free(frame);
    free(s);
    qd_device_close(dev);
}
END_TEST

/* With all rows, or 13, both orders are one code: the same frame with its extension columns in their new places has the same syndrome, its rows
 * in theirs. */
START_TEST(the_other_order_permutes_the_syndrome) {
    static const uint32_t rows[] = {46, 13};
    qd_device *dev = open_device(_i);
    for (int k = 0; k < 2; k++) {
        const uint32_t z = 104;
        qd_code c = code_of(z, rows[k] * z), d = code_by(QD_CODE_QD_BG1, z, rows[k] * z);
        const size_t column = c.words * sizeof(uint64_t);
        ck_assert_uint_eq(d.n, c.n);
        ck_assert_uint_eq(d.leak, c.leak);
        ck_assert_uint_eq(d.edges, c.edges);
        uint64_t *x = calloc(qd_frame_words(&c), 8), *y = calloc(qd_frame_words(&d), 8), *s = calloc(qd_syndrome_words(&c), 8),
                 *t = calloc(qd_syndrome_words(&d), 8);
        qd_bits key;
        qd_random r = {.rehearsal = 1, .seed = 9, .stream = QD_STREAM_PRIVATE};
        random_bits(31, &key, c.n);
        qd_frame_load(&c, &key, 0, x);
        qd_frame_private(&c, &r, x);
        for (uint32_t j = 0; j < d.cols; j++)
            memcpy(y + (size_t)j * d.words, x + (size_t)(j < 22 ? j : 22 + row_of(j - 22)) * c.words, column);
        ck_ok(qd_syndrome_run(&c, QD_SYNDROME_AUTO, 1, x, s, dev, &err));
        ck_ok(qd_syndrome_run(&d, QD_SYNDROME_AUTO, 1, y, t, dev, &err));
        for (uint32_t i = 0; i < d.rows; i++)
            ck_assert_mem_eq(t + (size_t)i * d.words, s + (size_t)row_of(i) * c.words, column);
        qd_bits_destroy(&key);
        free(x);
        free(y);
        free(s);
        free(t);
    }
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
    ck_ok(qd_syndrome_run(&c, QD_SYNDROME_AUTO, 4, x, s, dev, &err));
    for (size_t i = 0; i < sw; i++) {
        ck_assert_uint_eq(s[2 * sw + i], s[i] ^ s[sw + i]);
        ck_assert_uint_eq(s[3 * sw + i], 0);
    }
    free(x);
    free(s);
    qd_device_close(dev);
}
END_TEST

int main(void) {
    Suite *s = suite_create("syndrome");
    TCase *t = tcase_create("syndrome");
    tcase_set_timeout(t, 600); /* the first launch on a device compiles */
    tcase_add_test(t, the_table_is_the_standard_s);
    tcase_add_test(t, the_other_order_has_the_standard_s_rows);
    tcase_add_test(t, our_own_tables_are_pinned);
    tcase_add_loop_test(t, the_graph_has_the_shape_that_the_code_relies_on, 0, CODES);
    tcase_add_loop_test(t, private_bits_hide_as_many_syndrome_bits_at_every_lifting_size, 0, CODES);
    tcase_add_test(t, cases_are_of_the_graph_they_name);
    tcase_add_test(t, codes_out_of_range_are_refused);
    tcase_add_test(t, a_frame_is_loaded_and_stored_bit_by_bit_at_any_offset);
    tcase_add_test(t, a_syndrome_survives_its_message_and_stray_bits_are_refused);
    tcase_add_loop_test(t, known_answer, 0, 2 * KNOWN);
    tcase_add_loop_test(t, the_other_order_permutes_the_syndrome, 0, 2);
    tcase_add_loop_test(t, syndromes_are_linear_and_of_zero_are_zero, 0, 2);
    suite_add_tcase(s, t);
    return run_all(s);
}
