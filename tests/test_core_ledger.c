/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger alone subtracts: each kind once, credit only against code bits, never more than there is. And tags, the other plain
 * data. */
#include "core_suite.h"

START_TEST(every_account_is_charged_once) {
    qd_error err = {0};
    qd_ledger l = {0};
    uint64_t unit = 1;
    for (int basis = 0; basis < 2; basis++)
        for (int dir = 0; dir < 2; dir++)
            for (int kind = 0; kind < QD_LEAK_KINDS; kind++, unit *= 2)
                if (kind != QD_LEAK_PRIVATE) ck_ok(qd_ledger_add(&l, basis, (qd_direction)dir, (qd_leak)kind, unit, &err));
    /* accounts are powers of two, in the order above: bits 0..11 basis z, 12..23 basis x; PRIVATE is kind 1 */
    uint64_t z = 0xfff & ~(uint64_t)0x082;
    ck_assert_uint_eq(qd_ledger_charged(&l, 0, 0), z);
    ck_assert_uint_eq(qd_ledger_charged(&l, 1, 0), z << 12);
    for (int kind = 0; kind < QD_LEAK_KINDS; kind++) {
        uint64_t accounts = (uint64_t)0x041 << kind; /* of both directions */
        ck_assert_uint_eq(qd_ledger_charged(&l, 0, 1u << kind), z & ~accounts);
    }
    ck_assert_uint_eq(qd_ledger_charged(&l, 0, (1u << QD_LEAK_KINDS) - 1), 0);
}
END_TEST

START_TEST(private_bits_pay_for_code_bits_only) {
    qd_error err = {0};
    qd_ledger l = {0};
    ck_ok(qd_ledger_add(&l, 0, QD_ALICE_TO_BOB, QD_LEAK_SYNDROME, 1000, &err));
    ck_ok(qd_ledger_add(&l, 0, QD_BOB_TO_ALICE, QD_LEAK_ANSWER, 10, &err));
    ck_ok(qd_ledger_add(&l, 0, QD_ALICE_TO_BOB, QD_LEAK_PRIVATE, 300, &err));
    ck_assert_uint_eq(qd_ledger_charged(&l, 0, 0), 710);
    ck_ok(qd_ledger_add(&l, 0, QD_ALICE_TO_BOB, QD_LEAK_PRIVATE, 2000, &err));
    ck_assert_uint_eq(qd_ledger_charged(&l, 0, 0), 10);
    ck_assert_uint_eq(qd_ledger_charged(&l, 0, 1u << QD_LEAK_SYNDROME), 10);
    ck_assert_uint_eq(qd_ledger_charged(&l, 0, 1u << QD_LEAK_PRIVATE), 1010);
}
END_TEST

START_TEST(overflow_never_charges_less) {
    qd_error err = {0};
    qd_ledger l = {0};
    ck_ok(qd_ledger_add(&l, 1, QD_ALICE_TO_BOB, QD_LEAK_TAG, UINT64_MAX - 5, &err));
    ck_status(qd_ledger_add(&l, 1, QD_ALICE_TO_BOB, QD_LEAK_TAG, 6, &err), QD_E_INTERNAL);
    ck_says(err.what, "tag");
    ck_assert_uint_eq(l.bits[1][QD_ALICE_TO_BOB][QD_LEAK_TAG], UINT64_MAX - 5);
    ck_ok(qd_ledger_add(&l, 1, QD_BOB_TO_ALICE, QD_LEAK_TAG, 100, &err));
    ck_assert_uint_eq(qd_ledger_charged(&l, 1, 0), UINT64_MAX);
    ck_ok(qd_ledger_add(&l, 1, QD_BOB_TO_ALICE, QD_LEAK_SYNDROME, 100, &err));
    ck_assert_uint_eq(qd_ledger_charged(&l, 1, 0), UINT64_MAX);
}
END_TEST

START_TEST(accounts_that_do_not_exist) {
    qd_error err = {0};
    qd_ledger l = {0}, zero = {0};
    ck_status(qd_ledger_add(&l, 2, QD_ALICE_TO_BOB, QD_LEAK_TAG, 1, &err), QD_E_INTERNAL);
    ck_status(qd_ledger_add(&l, -1, QD_ALICE_TO_BOB, QD_LEAK_TAG, 1, &err), QD_E_INTERNAL);
    ck_status(qd_ledger_add(&l, 0, (qd_direction)2, QD_LEAK_TAG, 1, &err), QD_E_INTERNAL);
    ck_status(qd_ledger_add(&l, 0, QD_ALICE_TO_BOB, QD_LEAK_KINDS, 1, &err), QD_E_INTERNAL);
    ck_assert_mem_eq(&l, &zero, sizeof l);
    ck_assert_str_eq(qd_leak_name(QD_LEAK_KINDS), "unknown");
    ck_assert_str_eq(qd_leak_name(QD_LEAK_FAILED), "failed");
}
END_TEST

START_TEST(tags_grow_and_are_found) {
    qd_error err = {0};
    qd_tags t = {0};
    for (int i = 0; i < 1000; i++) {
        ck_ok(qd_tags_reserve(&t, t.n + 1, &err));
        t.t[t.n] = 10 * (i / 2) - 100; /* pairs of equal times */
        t.mask[t.n++] = (uint8_t)(1 << i % 4);
    }
    ck_assert_uint_ge(t.cap, 1000);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(t.t[i], 10 * (i / 2) - 100);
        ck_assert_uint_eq(t.mask[i], 1 << i % 4);
    }
    for (int64_t at = -110; at < 5000; at += 5) {
        uint64_t want = 0;
        while (want < t.n && t.t[want] < at) want++;
        ck_assert_uint_eq(qd_tags_lower_bound(&t, at), want);
    }
    ck_status(qd_tags_reserve(&t, UINT64_MAX / 2, &err), QD_E_INTERNAL);
    ck_assert_int_eq(t.t[999], 4890);
    qd_tags_destroy(&t);
    ck_assert_ptr_null(t.t);
    ck_assert_uint_eq(qd_tags_lower_bound(&t, 0), 0);
    qd_tags_destroy(NULL);
}
END_TEST

START_TEST(pairs_grow) {
    qd_error err = {0};
    qd_pairs p = {0};
    for (uint64_t i = 0; i < 1000; i++) {
        ck_ok(qd_pairs_reserve(&p, p.n + 1, &err));
        p.a[p.n] = i;
        p.b[p.n++] = 2 * i;
    }
    for (uint64_t i = 0; i < 1000; i++) {
        ck_assert_uint_eq(p.a[i], i);
        ck_assert_uint_eq(p.b[i], 2 * i);
    }
    ck_status(qd_pairs_reserve(&p, UINT64_MAX / 2, &err), QD_E_INTERNAL);
    ck_assert_uint_eq(p.b[999], 1998);
    qd_pairs_destroy(&p);
    qd_pairs_destroy(NULL);
}
END_TEST

START_TEST(clock_drift_is_the_exact_floor) {
    static const int64_t x[] = {
        0, 1, -1, 12345678901, -12345678901, ((int64_t)1 << 54) - 1, -(((int64_t)1 << 54) - 1), 1 << 24, -(1 << 24)};
    static const int64_t f[] = {0, 1, -1, 175921860, -175921860, ((int64_t)1 << 32) - 1, -(((int64_t)1 << 32) - 1)};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        for (size_t j = 0; j < sizeof f / sizeof *f; j++) {
            __int128 exact = ((__int128)x[i] * f[j]) >> QD_CLOCK_SHIFT;
            ck_assert_int_eq(qd_clock_drift(x[i], f[j]), (int64_t)exact);
            qd_clock c = {.base = 1000, .offset = -77, .freq = f[j]};
            ck_assert_int_eq(qd_clock_apply(&c, x[i] + 1000), x[i] + 1000 - 77 + (int64_t)exact);
        }
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {every_account_is_charged_once, private_bits_pay_for_code_bits_only,
                                  overflow_never_charges_less,   accounts_that_do_not_exist,
                                  tags_grow_and_are_found,       pairs_grow,
                                  clock_drift_is_the_exact_floor};
    return run_tests("ledger", tests, sizeof tests / sizeof *tests, 0);
}
