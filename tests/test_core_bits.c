/* SPDX-License-Identifier: Apache-2.0 */
/* Bit strings in memory, against arrays with one byte a bit. */
#include "core_suite.h"

static const uint64_t sizes[] = {0, 1, 2, 63, 64, 65, 127, 128, 129, 1000};
enum { N_SIZES = sizeof sizes / sizeof *sizes, MOST = 2048 };

/* A string of n random bits, and the same as an array. */
static qd_bits draw(uint64_t n, uint64_t seed, uint8_t *bit) {
    qd_error err = {0};
    qd_bits b;
    ck_ok(qd_bits_create(&b, n, &err));
    for (uint64_t i = 0; i < n; i++) {
        uint32_t d[4];
        qd_philox(seed, QD_STREAM_TEST, i, 0, d);
        bit[i] = d[0] & 1;
        qd_bits_set(&b, i, bit[i]);
    }
    return b;
}

static void is(const qd_bits *b, const uint8_t *bit, uint64_t n) {
    ck_assert_uint_eq(b->n, n);
    ck_assert(qd_bits_clean(b));
    for (uint64_t i = 0; i < n; i++)
        ck_assert_msg(qd_bits_get(b, i) == bit[i], "bit %llu of %llu", (unsigned long long)i, (unsigned long long)n);
}

START_TEST(bit_positions_are_as_documented) {
    qd_error err = {0};
    qd_bits b;
    ck_ok(qd_bits_create(&b, 130, &err));
    qd_bits_set(&b, 0, 1);
    qd_bits_set(&b, 67, 1);
    qd_bits_set(&b, 129, 1);
    ck_assert_uint_eq(b.w[0], 1);
    ck_assert_uint_eq(b.w[1], 8);
    ck_assert_uint_eq(b.w[2], 2);
    qd_bits_set(&b, 67, 0);
    ck_assert_uint_eq(b.w[1], 0);
    uint8_t lsb[17], msb[17];
    qd_bits_to_bytes(&b, QD_LSB_FIRST, lsb);
    qd_bits_to_bytes(&b, QD_MSB_FIRST, msb);
    ck_assert_uint_eq(lsb[0], 0x01);
    ck_assert_uint_eq(msb[0], 0x80);
    ck_assert_uint_eq(lsb[16], 0x02);
    ck_assert_uint_eq(msb[16], 0x40);
    qd_bits_destroy(&b);
}
END_TEST

START_TEST(every_slice) {
    qd_error err = {0};
    uint8_t bit[MOST];
    qd_bits b = draw(201, 1, bit), s;
    for (uint64_t from = 0; from <= b.n; from++) {
        for (uint64_t n = 0; n <= b.n - from; n++) {
            ck_ok(qd_bits_slice(&s, &b, from, n, &err));
            is(&s, bit + from, n);
            qd_bits_destroy(&s);
        }
    }
    ck_status(qd_bits_slice(&s, &b, 200, 2, &err), QD_E_USAGE);
    ck_assert_ptr_null(s.w);
    ck_status(qd_bits_slice(&s, &b, 202, 0, &err), QD_E_USAGE);
    ck_status(qd_bits_slice(&s, &b, 1, UINT64_MAX, &err), QD_E_USAGE);
    qd_bits_destroy(&b);
}
END_TEST

START_TEST(append_weight_distance_parity) {
    qd_error err = {0};
    for (int i = 0; i < N_SIZES; i++) {
        for (int j = 0; j < N_SIZES; j++) {
            uint8_t bit[MOST], other[MOST];
            qd_bits a = draw(sizes[i], 2, bit), b = draw(sizes[j], 3, bit + sizes[i]);
            ck_ok(qd_bits_append(&a, &b, &err));
            uint64_t n = sizes[i] + sizes[j];
            is(&a, bit, n);
            qd_bits c = draw(n, 4, other);
            uint64_t ones = 0, differ = 0;
            for (uint64_t k = 0; k < n; k++) ones += bit[k], differ += bit[k] != other[k];
            ck_assert_uint_eq(qd_bits_weight(&a), ones);
            ck_assert_uint_eq(qd_bits_distance_truth(&a, &c), differ);
            ck_assert(qd_bits_equal(&a, &a));
            ck_assert_int_eq(qd_bits_equal(&a, &c), differ == 0);
            for (uint64_t from = 0; from <= n; from += 1 + n / 9) {
                unsigned parity = 0;
                for (uint64_t to = from; to <= n; to++) {
                    ck_assert_uint_eq(qd_bits_parity(&a, from, to), parity);
                    if (to < n) parity ^= bit[to];
                }
            }
            qd_bits_destroy(&a);
            qd_bits_destroy(&b);
            qd_bits_destroy(&c);
        }
    }
}
END_TEST

/* A string that grows again and again, also after it was made shorter: what its memory held before does not come back. */
START_TEST(append_many) {
    enum { PIECES = 300 };
    qd_error err = {0};
    uint8_t bit[PIECES * 131], piece[131];
    qd_bits a = {0};
    uint64_t n = 0;
    for (uint64_t k = 0; k < PIECES; k++) {
        if (k % 50 == 49) {
            a.n = n -= n / 3;
            if (n % 64) a.w[n / 64] &= ((uint64_t)1 << (n % 64)) - 1;
        }
        qd_bits b = draw(k * 37 % 131, k + 10, piece);
        memcpy(bit + n, piece, b.n);
        n += b.n;
        ck_ok(qd_bits_append(&a, &b, &err));
        ck_assert(qd_bits_clean(&a));
        is(&a, bit, n);
        qd_bits_destroy(&b);
    }
    qd_bits_destroy(&a);
}
END_TEST

START_TEST(strings_of_different_length_are_not_equal) {
    qd_error err = {0};
    qd_bits a, b;
    ck_ok(qd_bits_create(&a, 64, &err));
    ck_ok(qd_bits_create(&b, 65, &err));
    ck_assert(!qd_bits_equal(&a, &b));
    qd_bits_destroy(&a);
    qd_bits_destroy(&b);
}
END_TEST

START_TEST(bytes_and_back) {
    qd_error err = {0};
    for (int i = 0; i < N_SIZES; i++) {
        for (int order = 0; order < 2; order++) {
            uint8_t bit[MOST], bytes[MOST / 8 + 1];
            memset(bytes, 0xee, sizeof bytes);
            qd_bits a = draw(sizes[i], 5, bit), b;
            uint64_t n = qd_bits_bytes(sizes[i]);
            qd_bits_to_bytes(&a, (qd_bit_order)order, bytes);
            ck_assert_uint_eq(bytes[n], 0xee);
            for (uint64_t k = 0; k < sizes[i]; k++) ck_assert_uint_eq(bytes[k / 8] >> (order ? 7 - k % 8 : k % 8) & 1, bit[k]);
            ck_ok(qd_bits_from_bytes(&b, bytes, sizes[i], (qd_bit_order)order, &err));
            is(&b, bit, sizes[i]);
            qd_bits_destroy(&a);
            qd_bits_destroy(&b);
        }
    }
}
END_TEST

START_TEST(bits_past_the_length_are_refused) {
    for (uint64_t n = 1; n < 140; n++) {
        for (int order = 0; order < 2; order++) {
            for (uint64_t past = n; past < 8 * qd_bits_bytes(n); past++) {
                uint8_t bytes[18] = {0};
                bytes[past / 8] = (uint8_t)(order ? 0x80 >> past % 8 : 1 << past % 8);
                qd_error err = {0};
                qd_bits b;
                ck_status(qd_bits_from_bytes(&b, bytes, n, (qd_bit_order)order, &err), QD_E_INPUT);
                ck_assert_ptr_null(b.w);
                char where[32];
                snprintf(where, sizeof where, "byte %llu:", (unsigned long long)past / 8);
                ck_says(err.what, where);
            }
        }
    }
    qd_bits dirty = {0};
    qd_error err = {0};
    ck_ok(qd_bits_create(&dirty, 3, &err));
    dirty.w[0] = 8;
    ck_assert(!qd_bits_clean(&dirty));
    qd_bits_destroy(&dirty);
}
END_TEST

START_TEST(impossible_sizes_are_reported) {
    qd_error err = {0};
    qd_bits b;
    ck_status(qd_bits_create(&b, UINT64_MAX, &err), QD_E_INTERNAL);
    ck_assert_ptr_null(b.w);
    ck_assert_uint_eq(b.n, 0);
    qd_bits_destroy(&b);
    qd_bits_destroy(NULL);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {bit_positions_are_as_documented,
                                  every_slice,
                                  append_weight_distance_parity,
                                  append_many,
                                  strings_of_different_length_are_not_equal,
                                  bytes_and_back,
                                  bits_past_the_length_are_refused,
                                  impossible_sizes_are_reported};
    return run_tests("bits", tests, sizeof tests / sizeof *tests, 0);
}
