/* SPDX-License-Identifier: Apache-2.0 */
/* Sifting: the table of bases and values, coins, selection, statistics and warnings. Equality of device and reference over many
 * inputs is the registry's loop; here the device is only asked for what its public functions promise. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/sift.h"
#include "sift/sift.h"
#include "run_all.h"

/* A device where there is one: several tests run on the reference and on it. */
static qd_device *open_device(int which) {
    qd_device *dev = NULL;
    if (which == 1 && qd_device_open("cpu", &dev, NULL) != QD_OK) dev = NULL;
    return dev;
}

/* ---- One event ---- */

/* By mask 0..15: basis and value of Alice without coins, with the value coin, with the basis coin, with both. Typed from the
 * rule: V 1, - 2, H 4, + 8; Alice's H and + are 1; two clicks of a basis give the value coin, clicks in both bases both coins. */
static const char *const alice_table[16] = {
    "z0 z1 z0 z1" /* none: refused, but the two paths agree */,
    "z0 z0 z0 z0" /* V */,
    "x0 x0 x0 x0" /* - */,
    "z0 z1 x0 x1" /* V- */,
    "z1 z1 z1 z1" /* H */,
    "z0 z1 z0 z1" /* VH */,
    "z0 z1 x0 x1" /* -H */,
    "z0 z1 x0 x1" /* V-H */,
    "x1 x1 x1 x1" /* + */,
    "z0 z1 x0 x1" /* V+ */,
    "x0 x1 x0 x1" /* -+ */,
    "z0 z1 x0 x1" /* V-+ */,
    "z0 z1 x0 x1" /* H+ */,
    "z0 z1 x0 x1" /* VH+ */,
    "z0 z1 x0 x1" /* -H+ */,
    "z0 z1 x0 x1" /* all */,
};

START_TEST(every_mask_and_coin) {
    qd_device *dev = open_device(_i);
    uint8_t event[60];
    for (int mask = 1; mask < 16; mask++)
        for (int coin = 0; coin < 4; coin++) event[4 * (mask - 1) + coin] = (uint8_t)(mask | coin << 4);
    for (int side = 0; side < 2; side++)
        for (int same = 0; same < 2; same++) {
            qd_bits basis, value;
            qd_sift_counts counts;
            ck_assert_int_eq(qd_sift_measure(dev, (qd_side)side, (qd_correlation)same, event, 60, &basis, &value, &counts, NULL),
                             QD_OK);
            ck_assert(qd_bits_clean(&basis) && qd_bits_clean(&value));
            for (int i = 0; i < 60; i++) {
                int mask = event[i] & 15, single = (mask & (mask - 1)) == 0;
                const char *want = alice_table[mask] + 3 * (i % 4);
                unsigned flip = single && side == QD_BOB && !same; /* Bob's V and - are 1; equal polarisations: as Alice */
                ck_assert_msg(qd_bits_get(&basis, (uint64_t)i) == (want[0] == 'x'), "basis of mask %d coin %d", mask, i % 4);
                ck_assert_msg(qd_bits_get(&value, (uint64_t)i) == ((unsigned)(want[1] - '0') ^ flip), "value of mask %d coin %d",
                              mask, i % 4);
            }
            for (int mask = 1; mask < 16; mask++) { /* four events of each mask */
                int both = (mask & QD_DET_Z) && (mask & QD_DET_X);
                ck_assert_uint_eq(counts.mask[QD_Z][mask], both ? 2 : (mask & QD_DET_Z) ? 4 : 0);
                ck_assert_uint_eq(counts.mask[QD_Z][mask] + counts.mask[QD_X][mask], 4);
            }
            qd_click_classes c = qd_sift_classes(&counts);
            ck_assert(c.single == 16 && c.one_basis == 8 && c.both_bases == 36);
            qd_bits_destroy(&basis);
            qd_bits_destroy(&value);
        }
    qd_device_close(dev);
}
END_TEST

/* A pair of opposite (or equal) polarisations gives both stations the same bit, in either basis. */
START_TEST(pairs_give_equal_bits) {
    static const uint8_t det[4] = {QD_DET_V, QD_DET_MINUS, QD_DET_H, QD_DET_PLUS},
                         opposite[4] = {QD_DET_H, QD_DET_PLUS, QD_DET_V, QD_DET_MINUS};
    for (int same = 0; same < 2; same++) {
        qd_bits basis[2], value[2];
        const uint8_t *bob = same ? det : opposite;
        ck_assert_int_eq(qd_sift_measure(NULL, QD_ALICE, (qd_correlation)same, det, 4, &basis[0], &value[0], NULL, NULL), QD_OK);
        ck_assert_int_eq(qd_sift_measure(NULL, QD_BOB, (qd_correlation)same, bob, 4, &basis[1], &value[1], NULL, NULL), QD_OK);
        ck_assert(qd_bits_equal(&basis[0], &basis[1]) && qd_bits_equal(&value[0], &value[1]));
        ck_assert_uint_eq(value[0].w[0], 0xc); /* H and + are 1 */
        for (int s = 0; s < 2; s++) {
            qd_bits_destroy(&basis[s]);
            qd_bits_destroy(&value[s]);
        }
    }
}
END_TEST

START_TEST(an_event_without_click_is_refused) {
    qd_device *dev = open_device(_i);
    uint8_t event[200];
    memset(event, QD_DET_H, sizeof event);
    event[150] = 0x30; /* coins, no click */
    qd_bits basis = {9, NULL}, value = {9, NULL};
    qd_sift_counts counts;
    qd_error err = {0};
    ck_assert_int_eq(qd_sift_measure(dev, QD_ALICE, QD_ANTI, event, 200, &basis, &value, &counts, &err), QD_E_INPUT);
    ck_assert(basis.n == 0 && !basis.w && value.n == 0 && !value.w && counts.mask[0][QD_DET_H] == 0);
    ck_assert_ptr_nonnull(strstr(err.what, "1 events"));
    qd_device_close(dev);
}
END_TEST

START_TEST(no_events_give_empty_strings) {
    qd_device *dev = open_device(_i);
    qd_bits basis, value, z, x;
    ck_assert_int_eq(qd_sift_measure(dev, QD_ALICE, QD_ANTI, NULL, 0, &basis, &value, NULL, NULL), QD_OK);
    ck_assert_int_eq(qd_sift_select(dev, &basis, &basis, &value, &z, &x, NULL), QD_OK);
    ck_assert(basis.n == 0 && value.n == 0 && z.n == 0 && x.n == 0);
    qd_bits_destroy(&basis);
    qd_bits_destroy(&value);
    qd_bits_destroy(&z);
    qd_bits_destroy(&x);
    qd_device_close(dev);
}
END_TEST

/* ---- Coins ---- */

enum { EVENTS = 40000 };

/* Coins by event number, whatever the chunk; nothing for single clicks. */
START_TEST(coins_do_not_depend_on_chunks) {
    static uint8_t mask[EVENTS], whole[EVENTS], parts[EVENTS];
    static uint64_t id[EVENTS];
    for (uint64_t i = 0; i < EVENTS; i++) {
        mask[i] = (uint8_t)(1 + i % 15);
        id[i] = 3 * i + ((uint64_t)1 << 40);
    }
    qd_random rnd = {.rehearsal = 1, .seed = 42, .stream = QD_STREAM_MULTI_BOB};
    qd_sift_coins(&rnd, mask, id, EVENTS, whole);
    for (uint64_t at = 0, step = 1; at < EVENTS; at += step, step = step * 3 + 1) {
        uint64_t n = step < EVENTS - at ? step : EVENTS - at;
        memcpy(parts + at, mask + at, n);
        qd_sift_coins(&rnd, parts + at, id + at, n, parts + at); /* in place */
    }
    ck_assert_mem_eq(whole, parts, EVENTS);
    for (uint64_t i = 0; i < EVENTS; i++) {
        ck_assert_uint_eq(whole[i] & 15, mask[i]);
        if ((mask[i] & (mask[i] - 1)) == 0) ck_assert_uint_eq(whole[i], mask[i]);
    }
    uint32_t word[4]; /* the definition, spelled out for one event */
    qd_philox(42, QD_STREAM_MULTI_BOB, id[14], 0, word);
    ck_assert_uint_eq(whole[14], 15u | (word[0] & 3) << 4);
    rnd.stream = QD_STREAM_MULTI_ALICE;
    qd_sift_coins(&rnd, mask, id, EVENTS, parts);
    ck_assert_int_ne(memcmp(whole, parts, EVENTS), 0);
}
END_TEST

/* A bright pulse that fires all detectors steers neither basis nor value: each of the four outcomes has a quarter, 4 sd = 4
 * sqrt(n 3/16). */
START_TEST(bright_pulses_steer_nothing) {
    static uint8_t event[EVENTS];
    static uint64_t id[EVENTS];
    for (uint64_t i = 0; i < EVENTS; i++) id[i] = i;
    memset(event, QD_DET_ALL, EVENTS);
    qd_random rnd = {.rehearsal = _i, .seed = 5, .stream = QD_STREAM_MULTI_ALICE}; /* _i 0: the operating system */
    qd_sift_coins(&rnd, event, id, EVENTS, event);
    qd_bits basis, value;
    qd_sift_counts counts;
    ck_assert_int_eq(qd_sift_measure(NULL, QD_ALICE, QD_ANTI, event, EVENTS, &basis, &value, &counts, NULL), QD_OK);
    double outcome[4] = {0};
    for (uint64_t i = 0; i < EVENTS; i++) outcome[2 * qd_bits_get(&basis, i) + qd_bits_get(&value, i)]++;
    for (int k = 0; k < 4; k++) ck_assert_double_eq_tol(outcome[k], EVENTS / 4.0, 4 * sqrt(EVENTS * 3.0 / 16));
    ck_assert_uint_eq(counts.mask[0][15] + counts.mask[1][15], EVENTS);
    qd_bits_destroy(&basis);
    qd_bits_destroy(&value);
}
END_TEST

/* ---- Selection ---- */

static qd_bits bits_of(const char *text) {
    qd_bits b;
    ck_assert_int_eq(qd_bits_create(&b, strlen(text), NULL), QD_OK);
    for (uint64_t i = 0; i < b.n; i++) qd_bits_set(&b, i, text[i] == '1');
    return b;
}

START_TEST(selection_by_hand) {
    qd_device *dev = open_device(_i);
    /*                  match   z  .  x  .  x  z  z  x */
    qd_bits mine = bits_of("00111001"), theirs = bits_of("01101001"), value = bits_of("10110101"), z, x;
    ck_assert_int_eq(qd_sift_select(dev, &mine, &theirs, &value, &z, &x, NULL), QD_OK);
    qd_bits want_z = bits_of("110"), want_x = bits_of("101");
    ck_assert(qd_bits_equal(&z, &want_z));
    ck_assert(qd_bits_equal(&x, &want_x));
    qd_bits *all[] = {&mine, &theirs, &value, &z, &x, &want_z, &want_x};
    for (int i = 0; i < 7; i++) qd_bits_destroy(all[i]);
    qd_device_close(dev);
}
END_TEST

/* Both stations select the same positions, so identical values stay identical, and nothing is lost or made up. */
START_TEST(selection_is_symmetric) {
    qd_device *dev = open_device(_i);
    enum { N = 100003 };
    qd_bits basis[2], value;
    for (int s = 0; s < 2; s++) ck_assert_int_eq(qd_bits_create(&basis[s], N, NULL), QD_OK);
    ck_assert_int_eq(qd_bits_create(&value, N, NULL), QD_OK);
    uint64_t match[2] = {0, 0};
    for (uint64_t i = 0; i < N; i++) {
        uint32_t r[4];
        qd_philox(3, QD_STREAM_TEST, i, 0, r);
        qd_bits_set(&basis[0], i, r[0] & 1);
        qd_bits_set(&basis[1], i, r[0] >> 1 & 1);
        qd_bits_set(&value, i, r[0] >> 2 & 1);
        if ((r[0] & 1) == (r[0] >> 1 & 1)) match[r[0] & 1]++;
    }
    qd_bits a[2], b[2];
    ck_assert_int_eq(qd_sift_select(dev, &basis[0], &basis[1], &value, &a[0], &a[1], NULL), QD_OK);
    ck_assert_int_eq(qd_sift_select(dev, &basis[1], &basis[0], &value, &b[0], &b[1], NULL), QD_OK);
    qd_bits ref[2];
    ck_assert_int_eq(qd_sift_select(NULL, &basis[0], &basis[1], &value, &ref[0], &ref[1], NULL), QD_OK);
    for (int k = 0; k < 2; k++) {
        ck_assert_uint_eq(a[k].n, match[k]);
        ck_assert(qd_bits_equal(&a[k], &b[k]) && qd_bits_equal(&a[k], &ref[k]) && qd_bits_clean(&a[k]));
        qd_bits_destroy(&a[k]);
        qd_bits_destroy(&ref[k]);
        qd_bits_destroy(&b[k]);
        qd_bits_destroy(&basis[k]);
    }
    qd_bits_destroy(&value);
    qd_device_close(dev);
}
END_TEST

START_TEST(lengths_must_agree) {
    qd_bits a = bits_of("0101"), b = bits_of("01011"), z, x;
    ck_assert_int_eq(qd_sift_select(NULL, &a, &b, &a, &z, &x, NULL), QD_E_USAGE);
    ck_assert(!z.w && !x.w);
    ck_assert_int_eq(qd_sift_select(NULL, &a, &a, &b, &z, &x, NULL), QD_E_USAGE);
    qd_bits_destroy(&a);
    qd_bits_destroy(&b);
}
END_TEST

/* ---- Statistics ---- */

START_TEST(counts_of_a_block) {
    qd_sift_counts c = {{{0}}};
    c.mask[QD_Z][QD_DET_V] = 1;
    c.mask[QD_X][QD_DET_MINUS] = 2;
    c.mask[QD_Z][QD_DET_H] = 3;
    c.mask[QD_X][QD_DET_PLUS] = 4;
    c.mask[QD_Z][QD_DET_Z] = 10;
    c.mask[QD_X][QD_DET_X] = 20;
    c.mask[QD_Z][15] = 100;
    c.mask[QD_X][QD_DET_V | QD_DET_PLUS] = 200;
    qd_counts counts = {0};
    counts.clicks[QD_BOB][0] = 1000;
    qd_sift_counts_into(&counts, QD_BOB, &c);
    ck_assert(counts.clicks[QD_BOB][0] == 1001 && counts.clicks[QD_BOB][1] == 2 && counts.clicks[QD_BOB][2] == 3 &&
              counts.clicks[QD_BOB][3] == 4);
    ck_assert(counts.multi[QD_BOB][0] == 30 && counts.multi[QD_BOB][1] == 300);
    ck_assert(counts.clicks[QD_ALICE][0] == 0 && counts.multi[QD_ALICE][0] == 0);
}
END_TEST

START_TEST(error_rates) {
    qd_bits a[2] = {bits_of("10110011"), bits_of("01")}, b[2] = {bits_of("10010011"), bits_of("01")};
    qd_qber q;
    ck_assert_int_eq(qd_qber_truth(a, b, &q, NULL), QD_OK);
    ck_assert(q.n[0] == 8 && q.errors[0] == 1 && q.n[1] == 2 && q.errors[1] == 0);
    ck_assert_double_eq(q.rate[0], .125);
    ck_assert_double_eq(q.rate[1], 0);
    ck_assert_double_eq_tol(q.chsh_implied, 2 * sqrt(2) * .8, 1e-15); /* Q = 1/10 */
    qd_bits short_x = bits_of("0"), with[2] = {b[0], short_x};
    ck_assert_int_eq(qd_qber_truth(a, with, &q, NULL), QD_E_USAGE);
    qd_bits none[2] = {{0, NULL}, {0, NULL}};
    ck_assert_int_eq(qd_qber_truth(none, none, &q, NULL), QD_OK);
    ck_assert(isnan(q.rate[0]) && isnan(q.rate[1]) && isnan(q.chsh_implied));
    for (int i = 0; i < 2; i++) {
        qd_bits_destroy(&a[i]);
        qd_bits_destroy(&b[i]);
    }
    qd_bits_destroy(&short_x);
}
END_TEST

START_TEST(pair_matrix) {
    static const uint8_t a[] = {QD_DET_V, QD_DET_V, QD_DET_PLUS, QD_DET_Z, QD_DET_H},
                         b[] = {QD_DET_H, QD_DET_H, QD_DET_MINUS, QD_DET_V, QD_DET_ALL};
    qd_pair_matrix m = {{{0}}};
    qd_pair_matrix_add_truth(&m, a, b, 5);
    uint64_t sum = 0;
    for (int i = 0; i < 16; i++) sum += m.pair[i / 4][i % 4];
    ck_assert(sum == 3 && m.pair[0][2] == 2 && m.pair[3][1] == 1); /* several clicks belong to no pair of detectors */
}
END_TEST

START_TEST(time_tells_everything_or_something) {
    static const uint64_t all[3][2] = {{500, 0}, {0, 0}, {0, 500}};
    qd_time_information t;
    qd_time_bit_information(all, 3, &t);
    ck_assert(t.n == 1000 && t.bins == 2);
    ck_assert_double_eq_tol(t.bits, 1 - 1 / (2000 * log(2)), 1e-12); /* one bit, less the bias of one degree of freedom */
    /* A binary symmetric channel of 1/4 wrong: 1 - h(1/4) = 0.188722 */
    static const uint64_t some[2][2] = {{750000, 250000}, {250000, 750000}};
    qd_time_bit_information(some, 2, &t);
    ck_assert_double_eq_tol(t.bits + t.bias, 0.18872187554086717, 1e-12);
    static const uint64_t nothing[2][2] = {{0, 0}, {0, 0}};
    qd_time_bit_information(nothing, 2, &t);
    ck_assert(t.n == 0 && t.bits == 0 && t.bias == 0);
    static const uint64_t one_bit[3][2] = {{5, 0}, {7, 0}, {9, 0}};
    qd_time_bit_information(one_bit, 3, &t);
    ck_assert(t.bits == 0 && t.bias == 0 && t.sigma == 0);
}
END_TEST

/* Independent bits: the plug-in estimate is its bias within 4 sigma, and the estimate stays below 4 sigma. */
START_TEST(time_that_tells_nothing) {
    static uint64_t count[16][2];
    memset(count, 0, sizeof count);
    for (uint64_t i = 0; i < 200000; i++) {
        uint32_t r[4];
        qd_philox(11 + (uint64_t)_i, QD_STREAM_TEST, i, 0, r);
        count[r[0] % 16][r[1] & 1]++;
    }
    qd_time_information t;
    qd_time_bit_information(count, 16, &t);
    ck_assert(t.n == 200000 && t.bins == 16);
    ck_assert_double_eq_tol(t.bias, 15 / (400000 * log(2)), 1e-12);
    ck_assert_double_le(t.bits, 4 * t.sigma);
    ck_assert_double_lt(t.bits, QD_TIME_INFORMATION_WARN);
}
END_TEST

START_TEST(warnings) {
    char text[300];
    static const uint8_t mask[] = {QD_DET_V, QD_DET_ALL, QD_DET_X, QD_DET_H, QD_DET_H};
    uint64_t singles[4] = {0};
    qd_sift_singles_add(singles, mask, 5);
    ck_assert(singles[0] == 2 && singles[1] == 2 && singles[2] == 3 && singles[3] == 2);
    ck_assert(qd_sift_warn_singles(QD_BOB, singles, 1.2, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(text, "Bob's detectors H and V"));
    ck_assert(!qd_sift_warn_singles(QD_BOB, singles, 1.5, text, sizeof text));
    ck_assert_str_eq(text, "");
    singles[3] = 0; /* a dead detector */
    ck_assert(qd_sift_warn_singles(QD_ALICE, singles, 1e9, text, sizeof text));
    qd_sift_counts c = {{{0}}};
    ck_assert(!qd_sift_warn_split(QD_ALICE, &c, text, sizeof text));
    c.mask[QD_Z][QD_DET_V] = 260;
    c.mask[QD_Z][QD_DET_H] = 260;
    c.mask[QD_X][QD_DET_PLUS] = 480;
    c.mask[QD_Z][15] = 100000;                                       /* not single: counts for nothing */
    ck_assert(!qd_sift_warn_split(QD_ALICE, &c, text, sizeof text)); /* .52 exactly */
    c.mask[QD_Z][QD_DET_V] = 262;
    ck_assert(qd_sift_warn_split(QD_ALICE, &c, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(text, "0.52"));
}
END_TEST

/* Pairs of opposite polarisations, half of them in different bases; labels a and b of a station are interchanged. */
static qd_pair_matrix interchanged(int side, int a, int b, uint64_t errors) {
    qd_pair_matrix m = {{{0}}};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            int own = side == QD_ALICE ? i : j;
            own = own == a ? b : own == b ? a : own;
            const int k = side == QD_ALICE ? own : i, l = side == QD_ALICE ? j : own;
            m.pair[i][j] = k % 2 != l % 2 ? 500 : k == l ? errors : 1000 - errors;
        }
    return m;
}

START_TEST(interchanged_detectors_are_found_where_it_is_certain) {
    static const char *const name[2] = {"Alice", "Bob"}, *const detector[4] = {"V", "-", "H", "+"};
    char text[400], want[80];
    for (int s = 0; s < 2; s++)
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < 4; b++) {
                qd_pair_matrix m = interchanged(s, a, b, 100);
                const bool told = a % 2 != b % 2;
                ck_assert(qd_sift_warn_interchanged_truth((qd_side)s, &m, text, sizeof text) == told);
                ck_assert(!qd_sift_warn_interchanged_truth((qd_side)(1 - s), &m, want, sizeof want)); /* the other station is right */
                if (!told) continue;
                snprintf(want, sizeof want, "%s's detectors %s and %s are interchanged", name[s], detector[a % 2 ? b : a], detector[a % 2 ? a : b]);
                ck_assert_ptr_eq(strstr(text, want), text);
            }
    qd_pair_matrix m = interchanged(QD_BOB, 0, 3, 0);
    ck_assert(qd_sift_warn_interchanged_truth(QD_BOB, &m, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(text, "V=4,-=2,H=3,+=1"));
    for (int i = 0; i < 16; i++) m.pair[i / 4][i % 4] /= 12; /* 83 pairs: too few */
    ck_assert(!qd_sift_warn_interchanged_truth(QD_BOB, &m, text, sizeof text));
    ck_assert_str_eq(text, "");
    m = interchanged(QD_BOB, 0, 3, 300); /* too mixed */
    ck_assert(!qd_sift_warn_interchanged_truth(QD_BOB, &m, text, sizeof text));
    m = interchanged(QD_BOB, 0, 3, 0);
    for (int i = 0; i < 16; i++) m.pair[i / 4][i % 4] = m.pair[i / 4][i % 4] ? 1000 : 0; /* few pairs of equal bases: it may be either station */
    for (int s = 0; s < 2; s++) ck_assert(!qd_sift_warn_interchanged_truth((qd_side)s, &m, text, sizeof text));
    m = interchanged(QD_BOB, 0, 0, 0);
    for (int i = 0; i < 4; i++) m.pair[i][0] = m.pair[i][3]; /* Bob's V is a second +: nothing to interchange it with */
    ck_assert(!qd_sift_warn_interchanged_truth(QD_BOB, &m, text, sizeof text));
    m = interchanged(QD_BOB, 0, 1, 0); /* z and x as a whole: so do turned polarisations */
    for (int i = 0; i < 4; i++) {
        uint64_t v = m.pair[i][2];
        m.pair[i][2] = m.pair[i][3];
        m.pair[i][3] = v;
    }
    ck_assert(!qd_sift_warn_interchanged_truth(QD_BOB, &m, text, sizeof text));
}
END_TEST

int main(void) {
    Suite *s = suite_create("sift");
    TCase *t = tcase_create("events");
    tcase_set_timeout(t, 600); /* the first launch on a device compiles */
    tcase_add_loop_test(t, every_mask_and_coin, 0, 2);
    tcase_add_test(t, pairs_give_equal_bits);
    tcase_add_loop_test(t, an_event_without_click_is_refused, 0, 2);
    tcase_add_loop_test(t, no_events_give_empty_strings, 0, 2);
    tcase_add_test(t, coins_do_not_depend_on_chunks);
    tcase_add_loop_test(t, bright_pulses_steer_nothing, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("selection");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, selection_by_hand, 0, 2);
    tcase_add_loop_test(t, selection_is_symmetric, 0, 2);
    tcase_add_test(t, lengths_must_agree);
    suite_add_tcase(s, t);
    t = tcase_create("statistics");
    tcase_add_test(t, counts_of_a_block);
    tcase_add_test(t, error_rates);
    tcase_add_test(t, pair_matrix);
    tcase_add_test(t, time_tells_everything_or_something);
    tcase_add_loop_test(t, time_that_tells_nothing, 0, 5);
    tcase_add_test(t, interchanged_detectors_are_found_where_it_is_certain);
    tcase_add_test(t, warnings);
    suite_add_tcase(s, t);
    return run_all(s);
}
