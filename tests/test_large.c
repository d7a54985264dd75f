/* SPDX-License-Identifier: Apache-2.0 */
/* Large-block codes: what is drawn is what the design says, and the decoder against exhaustive search and independent errors. */
#include "large_loop.h"
#include "large_cycles_suite.h"
#include "large_suite.h"

enum { CODES = 14, LEAST = 0, MIDDLE = 8, LAST = 13, ALL = 17, DENSE = ALL };

/* The built-in ones, long ones between them, and a short one that is drawn as those are: of few shifts many words are light. */
static qd_large_design design_of(int i) {
    static const char *const longer[] = {"large-66-980-1536", "large-86-1000-2048", "large-300-930-1536", "large-110-1000-384"};
    size_t n;
    const qd_large_design *d = qd_large_designs(&n);
    qd_large_design out;
    if (i < (int)n) return d[i];
    ck_ok(qd_large_named(longer[i - CODES], &out, &err));
    if (i == DENSE) out.even = 1, out.cycle = 10, out.word = 12;
    return out;
}

static qd_large_code *code_of(int i) {
    qd_large_code *c;
    const qd_large_design d = design_of(i);
    ck_ok(qd_large_make(&d, &c, &err));
    return c;
}

/* ---- What is drawn --------------------------------------------------------------------------------------------------------- */

START_TEST(codes_are_the_pinned_ones) {
    size_t n;
    const qd_large_design *d = qd_large_designs(&n);
    qd_large_design found;
    ck_assert_uint_eq(n, CODES);
    for (size_t i = 0; i < n; i++) {
        char hex[65];
        qd_large_code *c = code_of((int)i);
        qd_large_sha256(c, hex);
        ck_assert_str_eq(hex, qd_large_pinned(&d[i]));
        qd_large_free(c);
        ck_ok(qd_large_named(d[i].name, &found, &err));
        ck_assert_uint_eq(found.cycle, d[i].cycle);
        ck_assert_mem_eq(found.share, d[i].share, sizeof found.share);
    }
    static const char *const longer[] = {"15ce1503bd66d5ca3c596945032aa1fcf21a49c2b71843b0e32decc976255088",
                                         "b865e5f746f4c12ea40624e2dbac4f11f50928941f10871844f7a7a6c49cd50e",
                                         "03e8aa4d3978f2334e0724999f58559a240582c0488e096a55c206b550fd9114"};
    for (int i = CODES; i < ALL; i++) {
        char hex[65];
        qd_large_code *c = code_of(i);
        qd_large_sha256(c, hex);
        ck_assert_str_eq(hex, longer[i - CODES]);
        qd_large_free(c);
    }
}
END_TEST

/* Between designs: the shares are means, the leak is the one asked for, and a code is drawn. */
START_TEST(there_is_a_code_for_every_leak) {
    qd_large_design d;
    ck_ok(qd_large_named("large-360", &d, &err));
    uint32_t two = d.share[0].edges;
    ck_ok(qd_large_named("large-420", &d, &err));
    two += d.share[0].edges;
    ck_ok(qd_large_named("large-390", &d, &err));
    ck_assert_uint_eq(d.share[0].degree, 2);
    ck_assert_uint_eq(d.share[0].edges, two / 2);
    static const char *const names[] = {"large-51",  "large-57-993", "large-75",     "large-130-991",
                                        "large-225", "large-390",    "large-495-960", "large-300-1000-256",
                                        "large-60-930-704", "large-521",     "large-545-991"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        qd_large_code *c;
        ck_ok(qd_large_named(names[i], &d, &err));
        ck_assert_str_eq(d.name, names[i]);
        ck_ok(qd_large_make(&d, &c, &err));
        qd_large_free(c);
    }
    static const char *const bad[] = {"large-",     "large-49",   "large-571",  "large-300-899", "large-300-1001",
                                      "large-300x", "large-300-", "large--300", "LARGE-300",     "large-300-1000-255",
                                      "large-300-1000-192", "large-300-1000-2112", "large-100-1000-256", "large-300-1000-256-1",
                                      "large-300-1000-"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert_int_eq(qd_large_named(bad[i], &d, &err), QD_E_USAGE);
}
END_TEST

/* Least of all fractions with 900 to 1000 columns that are not below: found again by trying them all. */
START_TEST(a_leak_has_the_code_next_above) {
    qd_large_design d;
    for (double leak = 0.05; leak <= 0.57; leak += 0.0173) {
        double least = 1;
        for (uint32_t c = 900; c <= 1000; c++)
            for (uint32_t r = 1; r < c; r++)
                if ((double)r / c >= leak - 1e-9 && (double)r / c < least) least = (double)r / c;
        ck_ok(qd_large_for_leak(leak, 1024, &d, &err));
        ck_assert_double_eq((double)d.rows / d.cols, least);
        ck_assert_double_lt(least - leak, 0.001);
    }
    ck_ok(qd_large_for_leak(0.3, 1024, &d, &err));
    ck_assert_str_eq(d.name, "large-300");
    ck_assert_int_eq(qd_large_for_leak(0.0499, 1024, &d, &err), QD_E_USAGE);
    ck_assert_int_eq(qd_large_for_leak(0.5701, 1024, &d, &err), QD_E_USAGE);
    ck_assert_double_eq_tol(qd_large_leak_of(0.05), (1.04 + 0.006) * 0.286396957, 1e-8); /* h(.05) */
    ck_assert_double_eq(qd_large_leak_of(0.001), 0.05);
    ck_assert_double_eq(qd_large_leak_of(0.2), 0.57);
}
END_TEST

/* By largest remainders the columns of a degree are their share of all columns, a fraction, rounded down, or that and one: what
 * is left over is less than a column a degree. So they are within 1 of it (in fixed point of 32 bits, which is as good here). */
START_TEST(degrees_follow_the_design) {
    const qd_large_design of = design_of(_i), *d = &of;
    qd_large_code *c = code_of(_i);
    uint32_t degree[QD_LARGE_COLS_MAX] = {0}, count[QD_LARGE_DEGREE_MAX + 1] = {0}, least = UINT32_MAX, most = 0;
    for (uint32_t r = 0; r < c->rows; r++) {
        uint32_t k = c->row_start[r + 1] - c->row_start[r];
        least = k < least ? k : least;
        most = k > most ? k : most;
        for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++) {
            ck_assert(e == c->row_start[r] || c->edge[e].col > c->edge[e - 1].col); /* in order, no double edge */
            ck_assert_uint_lt(c->edge[e].shift, c->z);
            degree[c->edge[e].col]++;
        }
    }
    ck_assert_uint_le(most - least, 1);
    ck_assert_uint_eq(most, c->degree_max);
    for (uint32_t j = 0; j < c->cols; j++) count[degree[j]]++;
    double nodes = 0, sum = 0;
    for (int i = 0; i < QD_LARGE_SHARES && d->share[i].degree; i++) nodes += (double)d->share[i].edges / d->share[i].degree;
    for (int i = 0; i < QD_LARGE_SHARES && d->share[i].degree; i++) {
        ck_assert_double_le(fabs(count[d->share[i].degree] - c->cols * d->share[i].edges / d->share[i].degree / nodes), 1);
        sum += count[d->share[i].degree];
    }
    ck_assert_double_eq(sum, c->cols);
    qd_large_free(c);
}
END_TEST

/* Two columns that share two rows at the same difference of shifts. */
START_TEST(there_is_no_cycle_of_four_edges) {
    qd_large_code *c = code_of(_i);
    uint8_t *seen = calloc(c->z, 1);
    for (uint32_t r = 0; r < c->rows; r++)
        for (uint32_t s = 0; s < r; s++) {
            memset(seen, 0, c->z);
            for (uint32_t e = c->row_start[r], f = c->row_start[s]; e < c->row_start[r + 1] && f < c->row_start[s + 1];) {
                if (c->edge[e].col == c->edge[f].col) {
                    uint32_t d = (c->edge[e++].shift + c->z - c->edge[f++].shift) % c->z;
                    ck_assert(!seen[d]);
                    seen[d] = 1;
                } else if (c->edge[e].col < c->edge[f].col) {
                    e++;
                } else {
                    f++;
                }
            }
        }
    free(seen);
    qd_large_free(c);
}
END_TEST

START_TEST(degree_two_columns_close_no_short_cycle) {
    const qd_large_design of = design_of(_i), *d = &of;
    qd_large_code *c = code_of(_i);
    graph g = pairs_of(c);
    uint32_t *depth = calloc(g.n, sizeof *depth), *by = calloc(g.n, sizeof *by), *queue = calloc(g.n, sizeof *queue);
    for (uint32_t r = 0; r < c->rows; r += 3) /* a cycle passes many rows; each in one of its shifted copies */
        ck_assert_uint_gt(shortest(&g, r * c->z, d->cycle, depth, by, queue), d->cycle);
    free(depth), free(by), free(queue), free(g.start), free(g.to), free(g.col);
    qd_large_free(c);
}
END_TEST

/* What long codes have besides: rows with equally many edges of degree-2 columns, or one more, where the leak is below an eighth; and no light
 * words with columns of degree 3. Those of a few columns are looked for, by the distances of all checks from their three: any column of degree 3
 * that lies near all of them, and distances between their own. */
START_TEST(long_codes_have_no_light_words) {
    enum { LOOKED_AT = 6, NEAR = 7 };
    const qd_large_design d = design_of(_i);
    qd_large_code *c = code_of(_i);
    graph g = pairs_of(c);
    uint32_t least = UINT32_MAX, most = 0, *distance[3], *queue = calloc(g.n, sizeof *queue), looked = 0;
    for (int k = 0; k < 3; k++) distance[k] = calloc(g.n, sizeof **distance);
    for (uint32_t r = 0; r < c->rows; r++) {
        const uint32_t n = g.start[r * c->z + 1] - g.start[r * c->z];
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    ck_assert(d.even == (8 * d.rows < d.cols) && d.word >= 9);
    if (d.even) ck_assert_uint_le(most - least, 1);
    triples t = triples_of(c);
    for (uint32_t j = 0; j < t.n; j += _i == DENSE ? 1 : t.n / LOOKED_AT, looked++) {
        for (uint32_t k = 0; k < 3; k++) distances(&g, triple_check(c, &t, j, k, 0), NEAR, distance[k], queue);
        for (uint32_t k = 0; k < 3; k++) {
            const uint32_t apart = distance[k][triple_check(c, &t, j, (k + 1) % 3, 0)];
            ck_assert(apart == UINT32_MAX || apart >= d.word / 2);
        }
        for (uint32_t i = 0; i < t.n; i++)
            for (uint32_t p = i == j; p < c->z; p++) ck_assert_uint_gt(word_of(c, &t, i, p, distance), d.word);
    }
    ck_assert_uint_ge(looked, LOOKED_AT);
    for (int k = 0; k < 3; k++) free(distance[k]);
    free(queue), free(g.start), free(g.to), free(g.col), free(t.row), free(t.shift);
    qd_large_free(c);
}
END_TEST

START_TEST(bad_designs_are_refused) {
    size_t n;
    qd_large_code *c;
    for (int i = 0; i < 7; i++) {
        qd_large_design d = qd_large_designs(&n)[LAST];
        if (i == 0) d.z = 1000;
        if (i == 1) d.rows = 39; /* below the largest degree */
        if (i == 2) d.share[1].degree = 2;
        if (i == 3) d.share[1].edges += 1000;
        if (i == 4) d.cycle = 65;
        if (i == 5) d.cols = d.rows;
        if (i == 6) d.word = 65;
        ck_assert_int_eq(qd_large_make(&d, &c, &err), QD_E_USAGE);
        ck_assert_ptr_null(c);
    }
    qd_large_design d = qd_large_designs(&n)[LEAST];
    d.cycle = 40; /* 2944 lifted rows of 8 neighbours: there is no room */
    d.rows = 46;
    d.z = 64;
    ck_assert_int_eq(qd_large_make(&d, &c, &err), QD_E_INTERNAL);
    const qd_large_edge twice[] = {{0, 1}, {0, 2}};
    ck_assert_int_eq(qd_large_from(1, 2, 64, (const uint32_t[]){0, 2}, twice, &c, &err), QD_E_USAGE);
}
END_TEST

/* ---- Frames ---------------------------------------------------------------------------------------------------------------- */

/* One frame, its syndrome from the loop. */
static trial with_loop(qd_large_code *c, double f, uint64_t seed, qd_large_loop **loop) {
    trial t = trial_make(c, f, seed, 1);
    *loop = qd_large_loop_create(c);
    qd_large_loop_syndrome(*loop, t.key, t.syndrome);
    return t;
}

static void free_both(trial *t, qd_large_loop *loop) {
    qd_large_loop_destroy(loop);
    trial_free(t);
}

/* From the definition: row r touches bit r + shift. */
START_TEST(one_bit_changes_the_checks_that_touch_it) {
    qd_large_code *c = code_of(MIDDLE);
    size_t words = (size_t)c->cols * c->words, rows = (size_t)c->rows * c->words;
    uint64_t *frame = calloc(words, 8), *s = calloc(rows, 8), *fast = calloc(rows, 8);
    qd_large_loop *loop = qd_large_loop_create(c);
    for (uint32_t j = 0; j < c->cols; j += 111) {
        uint32_t p = j * 7 % c->z;
        memset(frame, 0, words * 8);
        frame[(size_t)j * c->words + p / 64] = 1ull << (p % 64);
        qd_large_syndrome(c, frame, s);
        qd_large_loop_syndrome(loop, frame, fast);
        ck_assert_mem_eq(s, fast, rows * 8);
        for (uint32_t r = 0; r < c->rows; r++)
            for (uint32_t e = c->row_start[r]; e < c->row_start[r + 1]; e++)
                if (c->edge[e].col == j) {
                    uint32_t at = (p + c->z - c->edge[e].shift) % c->z;
                    s[(size_t)r * c->words + at / 64] ^= 1ull << (at % 64);
                }
        for (size_t i = 0; i < rows; i++) ck_assert_uint_eq(s[i], 0);
    }
    qd_large_loop_destroy(loop);
    qd_large_free(c);
    free(frame), free(s), free(fast);
}
END_TEST

/* 64 copies of the repetition code of 7 bits, a chain of 6 checks, with each of the 64 patterns of at most 3 errors in one of
 * them. A chain has no cycles, so what the decoder sums is exact but for rounding: at most a step a check on the way, against 20
 * that a bit weighs. The search over all words finds the one of the right syndrome next to Bob's, and so must the decoder. */
START_TEST(a_small_code_decodes_as_exhaustive_search_says) {
    enum { BITS = 7, CHECKS = 6, COPIES = 64 };
    uint32_t start[CHECKS + 1];
    qd_large_edge edge[2 * CHECKS]; /* copy x: bit x + 5 j of column j */
    for (uint32_t r = 0; r <= CHECKS; r++) start[r] = 2 * r;
    for (uint32_t e = 0; e < 2 * CHECKS; e++) edge[e] = (qd_large_edge){(uint16_t)((e + 1) / 2), (uint16_t)(5 * ((e + 1) / 2))};
    qd_large_code *c;
    ck_ok(qd_large_from(CHECKS, BITS, COPIES, start, edge, &c, &err));
    uint64_t key[BITS], bob[BITS], got[BITS], syndrome[CHECKS];
    uint32_t copies = 0, used;
    qd_random r = {.rehearsal = 1, .seed = 3, .stream = QD_STREAM_TEST};
    qd_random_bytes(&r, key, sizeof key);
    memcpy(bob, key, sizeof bob);
    for (uint32_t errors = 0; errors < 1 << BITS; errors++)
        if (__builtin_popcount(errors) <= 3) {
            for (uint32_t j = 0; j < BITS; j++) bob[j] ^= (uint64_t)(errors >> j & 1) << ((copies + 5 * j) % COPIES);
            copies++;
        }
    ck_assert_uint_eq(copies, COPIES);
    qd_large_syndrome(c, key, syndrome);
    qd_large_rule rule = qd_large_rule_of(c, 0.15);
    ck_assert_uint_eq(rule.c, 20);
    ck_ok(qd_large_decode(c, &rule, bob, syndrome, got, &used, &err));
    ck_assert(qd_large_solved(used));
    for (uint32_t x = 0; x < COPIES; x++) {
        int best = BITS + 1;
        uint32_t nearest = 0, decided = 0;
        for (uint32_t word = 0; word < 1 << BITS; word++) {
            int distance = 0, fits = 1;
            for (uint32_t i = 0; i < CHECKS; i++) fits &= ((word >> i ^ word >> (i + 1)) & 1) == (syndrome[i] >> x & 1);
            for (uint32_t j = 0; j < BITS; j++) distance += (int)((bob[j] >> ((x + 5 * j) % COPIES) ^ word >> j) & 1);
            if (fits && distance < best) best = distance, nearest = word;
        }
        for (uint32_t j = 0; j < BITS; j++) decided |= (uint32_t)(got[j] >> ((x + 5 * j) % COPIES) & 1) << j;
        ck_assert_uint_eq(decided, nearest);
    }
    qd_large_free(c);
}
END_TEST

/* f 1.10 is 3 to 6 % above where these codes begin to fail. Without the fast loop a frame takes seconds: one code only. */
START_TEST(independent_errors_are_corrected) {
    uint32_t used;
    qd_large_loop *loop;
    if (!qd_large_loop_fast() && _i != MIDDLE) return;
    trial t = with_loop(code_of(_i), 1.10, 100 + (uint64_t)_i, &loop);
    ck_ok(qd_large_loop_decode(loop, &t.rule, t.bob, t.syndrome, t.got, &used, &err));
    ck_assert(qd_large_solved(used));
    ck_assert_mem_eq(t.got, t.key, t.words * 8);
    free_both(&t, loop);
}
END_TEST

/* Of one frame that decodes, over the doubling of steps, and of the first iterations of others. */
START_TEST(the_loop_is_the_reference) {
    uint64_t *again;
    uint32_t used, expected;
    qd_large_loop *loop;
    if (!qd_large_loop_fast()) {
        if (_i == 0)
            fprintf(stderr, "no fast loop in this build: its decoder is the reference, and is not compared with itself\n");
        return;
    }
    trial t = with_loop(code_of(_i), 1.12, 7, &loop);
    again = calloc(t.words, 8);
    if (_i != LAST) t.rule.max_iterations = 2, t.rule.halve = UINT32_MAX; /* halved after the first */
    ck_ok(qd_large_loop_decode(loop, &t.rule, t.bob, t.syndrome, t.got, &used, &err));
    ck_ok(qd_large_decode(t.c, &t.rule, t.bob, t.syndrome, again, &expected, &err));
    ck_assert_uint_eq(used, expected);
    ck_assert_mem_eq(t.got, again, t.words * 8);
    free(again);
    free_both(&t, loop);
}
END_TEST

/* Above capacity (f .95) no frame can decode but by chance; and one wrong syndrome bit spoils one that does, far above (f 1.5) in
 * a few iterations. */
START_TEST(failures_are_seen) {
    for (int i = 0; i < 3; i++) {
        uint32_t used = 1;
        qd_large_loop *loop;
        trial t = with_loop(code_of(LAST), i ? 1.5 : 0.95, 9, &loop);
        t.rule.max_iterations = i ? 20 : 8;
        if (i == 2) t.syndrome[5] ^= 1;
        ck_ok(qd_large_loop_decode(loop, &t.rule, t.bob, t.syndrome, t.got, &used, &err));
        ck_assert_int_eq(qd_large_solved(used), i == 1);
        if (i < 2) ck_assert_int_eq(memcmp(t.got, t.key, t.words * 8) == 0, i);
        uint64_t *s = calloc((size_t)t.c->rows * t.c->words, 8);
        qd_large_syndrome(t.c, t.got, s);
        ck_assert_int_eq(memcmp(s, t.syndrome, (size_t)t.c->rows * t.c->words * 8) == 0, i == 1);
        free(s);
        free_both(&t, loop);
    }
}
END_TEST

static int inverse(const qd_large_rule *r, int halved, uint32_t sum) {
    return sum < 128    ? r->inverse[halved][0][sum]
           : sum < 2048 ? r->inverse[halved][1][sum / 16]
                        : r->inverse[halved][2][sum / 256];
}

/* phi is its own inverse: one other input comes out as it went in, to half a class and to what the sums of one entry differ by.
 * They lie within 1/16 of their middle (8 of 128, 128 of 2048); phi falls at least as fast as e^-x, so that is .0625/.0875 = .7
 * of a step: one more. And more inputs never come out surer. */
START_TEST(tables_invert_each_other) {
    qd_large_code *c = code_of(LAST);
    qd_large_rule r = qd_large_rule_of(c, 0.11);
    ck_assert_uint_eq(r.c, (uint32_t)lrint(log(0.89 / 0.11) / 0.0875));
    for (int t = 0; t < 2; t++) {
        ck_assert_uint_eq(r.phi[t][0], 31949); /* 3.9 x 8192 */
        ck_assert_int_eq(inverse(&r, t, 0), QD_LARGE_CLIP);
        ck_assert_int_eq(inverse(&r, t, 32767), 0);
        for (uint32_t sum = 1; sum < 32768; sum++) ck_assert_int_le(inverse(&r, t, sum), inverse(&r, t, sum - 1));
        for (int k = 1; k < QD_LARGE_CLASSES && r.phi[t][k] > 40; k++) { /* below, rounding of phi moves a magnitude by a step */
            int m = inverse(&r, t, r.phi[t][k]);
            ck_assert_int_ge(m, 2 * k - 2);
            ck_assert_int_le(m, 2 * k + 1);
        }
    }
    qd_large_free(c);
}
END_TEST

int main(void) {
    Suite *s = suite_create("large");
    TCase *c = tcase_create("large");
    tcase_set_timeout(c, 600); /* on a busy machine the reference takes its time */
    tcase_add_test(c, codes_are_the_pinned_ones);
    tcase_add_test(c, there_is_a_code_for_every_leak);
    tcase_add_test(c, a_leak_has_the_code_next_above);
    tcase_add_loop_test(c, degrees_follow_the_design, 0, ALL);
    tcase_add_loop_test(c, there_is_no_cycle_of_four_edges, 0, ALL);
    tcase_add_loop_test(c, degree_two_columns_close_no_short_cycle, 0, ALL);
    tcase_add_loop_test(c, long_codes_have_no_light_words, CODES, DENSE + 1);
    tcase_add_test(c, bad_designs_are_refused);
    tcase_add_test(c, one_bit_changes_the_checks_that_touch_it);
    tcase_add_test(c, a_small_code_decodes_as_exhaustive_search_says);
    tcase_add_loop_test(c, independent_errors_are_corrected, 0, CODES);
    tcase_add_loop_test(c, the_loop_is_the_reference, 0, CODES);
    tcase_add_test(c, failures_are_seen);
    tcase_add_test(c, tables_invert_each_other);
    suite_add_tcase(s, c);
    return run_all(s);
}
