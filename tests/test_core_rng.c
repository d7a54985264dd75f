/* SPDX-License-Identifier: Apache-2.0 */
/* The counter generator: the known answers that Random123 1.14.0 publishes for philox4x32-10 (tests/kat_vectors of its source),
 * the documented place of each field, and the helpers on top. */
#include "core_suite.h"

START_TEST(published_known_answers) {
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < 3; i++) {
        const uint32_t *c = rows[i].counter, *k = rows[i].key;
        uint32_t got[4];
        qd_philox((uint64_t)k[1] << 32 | k[0], c[3], (uint64_t)c[1] << 32 | c[0], c[2], got);
        ck_assert_mem_eq(got, rows[i].want, sizeof got);
    }
}
END_TEST

/* Whole vectors, a rest, and draws whose number turns over. */
START_TEST(a_row_is_its_draws) {
    static const uint32_t begin[] = {0, 1, 12345, 0xfffffff0};
    for (size_t b = 0; b < sizeof begin / sizeof *begin; b++)
        for (size_t n = 0; n < 40; n++) {
            const uint64_t seed = 0x9e3779b97f4a7c15 * (n + 1), entity = 0xc2b2ae3d27d4eb4f * (b + 3);
            uint32_t got[4 * 40 + 1], want[4];
            memset(got, 0xee, sizeof got);
            qd_philox_row(seed, 0xfedcba98, entity, begin[b], n, got);
            for (size_t i = 0; i < n; i++) {
                qd_philox(seed, 0xfedcba98, entity, begin[b] + (uint32_t)i, want);
                ck_assert_mem_eq(got + 4 * i, want, sizeof want);
            }
            ck_assert_uint_eq(got[4 * n], 0xeeeeeeee);
        }
}
END_TEST

START_TEST(every_field_matters) {
    uint32_t base[4], other[4];
    qd_philox(1, 2, 3, 4, base);
    for (int bit = 0; bit < 64; bit++) {
        uint64_t one = (uint64_t)1 << bit;
        qd_philox(1 ^ one, 2, 3, 4, other);
        ck_assert_int_ne(memcmp(base, other, sizeof base), 0);
        qd_philox(1, 2, 3 ^ one, 4, other);
        ck_assert_int_ne(memcmp(base, other, sizeof base), 0);
        if (bit >= 32) continue;
        qd_philox(1, 2 ^ (uint32_t)one, 3, 4, other);
        ck_assert_int_ne(memcmp(base, other, sizeof base), 0);
        qd_philox(1, 2, 3, 4 ^ (uint32_t)one, other);
        ck_assert_int_ne(memcmp(base, other, sizeof base), 0);
    }
}
END_TEST

START_TEST(rehearsal_bytes_are_the_draws_in_order) {
    for (size_t n = 0; n < 70; n++) {
        qd_random r = {.rehearsal = 1, .seed = 9, .stream = QD_STREAM_PRIVATE, .entity = 5};
        uint8_t got[72];
        memset(got, 0xee, sizeof got);
        qd_random_bytes(&r, got, n);
        ck_assert_uint_eq(r.draw, (n + 15) / 16);
        ck_assert_uint_eq(got[n], 0xee);
        for (size_t i = 0; i < n; i++) {
            uint32_t d[4];
            qd_philox(9, QD_STREAM_PRIVATE, 5, (uint32_t)(i / 16), d);
            ck_assert_uint_eq(got[i], d[i / 4 % 4] >> 8 * (i % 4) & 255);
        }
    }
}
END_TEST

START_TEST(two_calls_do_not_overlap) {
    qd_random r = {.rehearsal = 1, .seed = 9, .stream = QD_STREAM_SAMPLE};
    uint8_t a[16], b[16];
    qd_random_bytes(&r, a, sizeof a);
    qd_random_bytes(&r, b, sizeof b);
    ck_assert_int_ne(memcmp(a, b, sizeof a), 0);
}
END_TEST

START_TEST(system_randomness_ignores_the_seed) {
    qd_random r = {.rehearsal = 0, .seed = 9, .stream = QD_STREAM_PRIVATE}, s = r;
    uint8_t a[32], b[32];
    qd_random_bytes(&r, a, sizeof a);
    qd_random_bytes(&s, b, sizeof b);
    ck_assert_int_ne(memcmp(a, b, sizeof a), 0);
}
END_TEST

START_TEST(below_is_uniform) {
    enum { N = 6, DRAWS = 60000 };
    qd_random r = {.rehearsal = 1, .seed = 11, .stream = QD_STREAM_TEST};
    unsigned count[N] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t v = qd_random_below(&r, N);
        ck_assert_uint_lt(v, N);
        count[v]++;
    }
    /* binomial: mean 10000, variance DRAWS * 1/6 * 5/6 = 8333, 4 sd = 365 */
    for (int v = 0; v < N; v++) ck_assert_uint_le(count[v] > 10000 ? count[v] - 10000 : 10000 - count[v], 365);
    for (int i = 0; i < 100; i++) ck_assert_uint_eq(qd_random_below(&r, 1), 0);
}
END_TEST

START_TEST(below_rejects_what_would_bias) {
    /* n = 3 * 2^62: without rejection results below 2^62 would come twice as often, half of all instead of a third. 20000 draws:
     * mean 6667, sd sqrt(20000 * 2/9) = 66.7, 4 sd = 267; the biased mean would be 10000. */
    qd_random r = {.rehearsal = 1, .seed = 12, .stream = QD_STREAM_TEST};
    unsigned low = 0;
    for (int i = 0; i < 20000; i++) low += qd_random_below(&r, (uint64_t)3 << 62) < (uint64_t)1 << 62;
    ck_assert_uint_ge(low, 6400);
    ck_assert_uint_le(low, 6934);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {published_known_answers, a_row_is_its_draws,
                                  every_field_matters,
                                  rehearsal_bytes_are_the_draws_in_order,
                                  two_calls_do_not_overlap,
                                  system_randomness_ignores_the_seed,
                                  below_is_uniform,
                                  below_rejects_what_would_bias};
    return run_tests("rng", tests, sizeof tests / sizeof *tests, 0);
}
