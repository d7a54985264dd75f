/* SPDX-License-Identifier: Apache-2.0 */
/* T1 and T2 files entry by entry, and the pairing that answers as costream does: against the rule written down with two indices.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/timetag.h"
#include "run_all.h"

/* ---- Decoders ---------------------------------------------------------------------------------------------------- */

static void put(uint8_t **p, uint32_t v) {
    for (int i = 0; i < 4; i++) *(*p)++ = (uint8_t)(v >> (8 * i));
}

/* Epoch 0x12345 of a card whose count stands two wraps of 2^15 elsewhere: the low 15 bits of the epoch are the card's. */
START_TEST(t1_entries) {
    uint8_t b[64], *p = b;
    qd_epoch_events e;
    qd_error err = {0};
    put(&p, 0x101), put(&p, 0x12345), put(&p, 3), put(&p, 49), put(&p, 4);
    const uint64_t te = 0x1a345, at[3] = {16, 17, 0x89abcdef};
    const uint64_t low[3] = {1, 0, 0x7c0f}; /* a detector; none; all of them and what a timestamp7 leaves there */
    for (int i = 0; i < 3; i++) {
        uint64_t w = (te << 32 | at[i]) << 15 | low[i];
        put(&p, (uint32_t)(w >> 32)), put(&p, (uint32_t)w);
    }
    put(&p, 0), put(&p, 0);
    ck_assert_msg(qd_t1_decode(b, (size_t)(p - b), &e, &err) == QD_OK, "%s", err.what);
    ck_assert_uint_eq(e.n, 3);
    ck_assert(e.head.anchored);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(e.t[i], (int64_t)at[i]);
    ck_assert_uint_eq(e.pattern[0], 1);
    ck_assert_uint_eq(e.pattern[1], 0);
    ck_assert_uint_eq(e.pattern[2], 15);
    qd_epoch_events_free(&e);
    for (size_t n = 0; n < (size_t)(p - b); n++) ck_assert_int_eq(qd_t1_decode(b, n, &e, &err), QD_E_INPUT);
    b[8] = 2; /* length and size, length and terminator */
    ck_assert_int_eq(qd_t1_decode(b, (size_t)(p - b), &e, &err), QD_E_INPUT);
    ck_assert_int_eq(qd_t1_decode(b, (size_t)(p - b) - 8, &e, &err), QD_E_INPUT);
    ck_assert_ptr_null(e.t);
}
END_TEST

/* o = 4, b = 1, by hand: 3 and basis 1, 2 and 0, 20 in the long form and 1, the end: 0011 1 0010 0 0000 (20 in 32 bits) 1 0001 0.
 */
START_TEST(t2_entries) {
    uint8_t b[64], *p = b;
    qd_epoch_events e;
    qd_error err = {0};
    put(&p, 2), put(&p, 9), put(&p, 3), put(&p, 4), put(&p, 1), put(&p, 1);
    put(&p, 0x39000000);                               /* 00111 00100 0000 and the first 18 bits of 20 in 32 */
    put(&p, (uint32_t)20 << 18 | 1u << 17 | 2u << 12); /* the other 14, 1, 00010 */
    ck_assert_msg(qd_t2_decode(b, (size_t)(p - b), &e, &err) == QD_OK, "%s", err.what);
    ck_assert_uint_eq(e.n, 3);
    const int64_t t[3] = {3, 5, 25};
    const uint8_t basis[3] = {1, 0, 1};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(e.t[i], t[i]);
        ck_assert_uint_eq(e.pattern[i], basis[i]);
    }
    qd_epoch_events_free(&e);
    for (size_t n = 0; n < (size_t)(p - b); n++) ck_assert_int_eq(qd_t2_decode(b, n, &e, &err), QD_E_INPUT);
    for (uint8_t length = 0; length < 6; length++) {
        b[8] = length;
        ck_assert_int_eq(qd_t2_decode(b, (size_t)(p - b), &e, &err), length == 3 ? QD_OK : QD_E_INPUT);
        qd_epoch_events_free(&e);
    }
    b[8] = 3;
    put(&p, 0); /* data behind the end */
    ck_assert_int_eq(qd_t2_decode(b, (size_t)(p - b), &e, &err), QD_E_INPUT);
}
END_TEST

/* ---- Pairing ----------------------------------------------------------------------------------------------------- */

enum { EVENTS = 4000 };

typedef struct stream {
    int64_t t[EVENTS];
    uint8_t mask[EVENTS];
    uint64_t n;
} stream;

static uint64_t state;
static uint64_t draw(uint64_t below) { /* xorshift64*, Vigna 2016 */
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (state * 0x2545f4914f6cdd1d >> 33) % below;
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Two sides at a mean distance of @p gap; a third of the events have a partner @p offset away that drifts and jitters. Some T1
 * events go back in time or repeat. */
static void make(uint64_t seed, uint64_t gap, int64_t offset, int64_t drift_ppb, stream *one, stream *two) {
    state = seed * 0x9e3779b97f4a7c15 + 1;
    one->n = two->n = EVENTS;
    for (int i = 0; i < EVENTS; i++) {
        one->t[i] = (int64_t)draw(gap * EVENTS);
        int64_t there = one->t[i] + offset + one->t[i] / 1000000 * drift_ppb / 1000 + (int64_t)draw(7) - 3;
        two->t[i] = draw(3) ? (int64_t)draw(gap * EVENTS) + offset : there;
        one->mask[i] = (uint8_t)draw(16);
    }
    qsort(one->t, EVENTS, sizeof *one->t, ascending);
    qsort(two->t, EVENTS, sizeof *two->t, ascending);
    for (int i = 1; i < EVENTS; i += 97) one->t[i] = one->t[i - 1] - (int64_t)draw(50);
    uint64_t n = 1; /* times in a T2 file ascend by 2 at least */
    for (uint64_t i = 1; i < two->n; i++)
        if (two->t[i] >= two->t[n - 1] + 2) two->t[n++] = two->t[i];
    two->n = n;
}

typedef struct meeting {
    uint64_t i, j;
    int64_t d, offset;
} meeting;

/* The rule, as it is told: two indices into the whole of both streams. Returns the number of meetings. */
static uint64_t oracle(const stream *one, const stream *two, const qd_greedy_params *p, meeting *m) {
    static int64_t t1[EVENTS];
    static uint64_t who[EVENTS];
    uint64_t n1 = 0, n = 0;
    for (uint64_t i = 0; i < one->n; i++)
        if (n1 == 0 || one->t[i] > t1[n1 - 1]) t1[n1] = one->t[i], who[n1++] = i;
    int64_t sum = 0, last = INT64_MIN, offset = p->offset;
    for (uint64_t i = 0, j = 0; i < n1 && j < two->n;) {
        int64_t d = t1[i] - two->t[j] + offset;
        if (d < -p->track) {
            i++;
        } else if (d > p->far) {
            j++;
        } else {
            m[n++] = (meeting){who[i], j, d, 0};
            if (d < p->track && p->filter > 0) sum += d * (4096 / p->filter);
            if (d < p->track && p->filter < 0) {
                int64_t tau = 8000 * -(int64_t)p->filter, limit = tau < 800000000 ? tau : 800000000; /* 1/8 ns; 100 ms */
                if (last != INT64_MIN && t1[i] - last < limit) sum += 2 * d * (t1[i] - last) / (tau / 4096);
                last = t1[i];
            }
            offset = p->offset - sum / 4096;
            m[n - 1].offset = offset;
            i++, j++;
        }
    }
    return n;
}

/* The same in pieces of all sizes. */
static void compare(const stream *one, const stream *two, const qd_greedy_params *p, uint64_t seed) {
    static meeting m[EVENTS];
    uint64_t n = oracle(one, two, p, m), i1 = 0, i2 = 0, end1 = 0, end2 = 0;
    int64_t offset = p->offset;
    qd_greedy g;
    qd_greedy_meetings got = {.n = 0};
    qd_error err = {0};
    qd_greedy_wants wants;
    state = seed;
    ck_assert_int_eq(qd_greedy_start(&g, p, INT64_MIN / 4, &err), QD_OK);
    for (;;) {
        ck_assert_int_eq(qd_greedy_run(&g, one->t, one->mask, end1, &i1, two->t, end2, &i2, &got, &wants, &err), QD_OK);
        if (wants == QD_GREEDY_T1 && end1 == one->n) break;
        if (wants == QD_GREEDY_T2 && end2 == two->n) break;
        uint64_t *end = wants == QD_GREEDY_T1 ? &end1 : &end2, most = wants == QD_GREEDY_T1 ? one->n : two->n;
        *end += 1 + draw(200);
        if (*end > most) *end = most;
    }
    ck_assert_uint_eq(got.n, n);
    for (uint64_t i = 0; i < n; i++) {
        ck_assert_uint_eq(got.m[i].index, m[i].j);
        ck_assert_int_eq(got.m[i].d, m[i].d);
        ck_assert_uint_eq(got.m[i].mask1, one->mask[m[i].i]);
        offset = m[i].offset;
    }
    ck_assert_int_eq(g.offset, offset);
    ck_assert_int_eq(g.p.offset - g.offset, g.pulled / 4096);
    qd_greedy_meetings_free(&got);
}

START_TEST(greedy_is_the_rule) {
    static stream one, two;
    /* sparse and dense sides, windows of costream and wider, all three kinds of tracking, zero windows */
    static const qd_greedy_params params[] = {
        {0, 8, 40, 160, 0},     {0, 8, 40, 160, -200000}, {0, 6, 30, 160, -1000}, {0, 8, 40, 160, 100},  {0, 8, 40, 160, 5000},
        {0, 20, 300, 100, -50}, {0, 8, 0, 0, -1},         {0, 0, 0, 0, 0},        {0, 8, 1 << 30, 8, 7}, {0, 8, 40, 1 << 30, 3}};
    static const uint64_t gaps[] = {60, 700, 80000};
    for (uint64_t s = 0; s < sizeof params / sizeof *params; s++)
        for (int k = 0; k < 3; k++)
            for (int64_t offset = -1000003; offset <= 1000003; offset += 1000003) {
                qd_greedy_params p = params[s];
                make(s + 1, gaps[k], offset, k == 2 ? 40 : 0, &one, &two);
                p.offset = offset + (int64_t)s % 3 - 1;
                compare(&one, &two, &p, s + 77);
            }
}
END_TEST

/* What must hold whatever the events: no event twice, both indices ascend, d in [-u, a]. And true pairs at low rates are found.
 */
START_TEST(greedy_invariants) {
    static stream one, two;
    make(9, 200000, 12345, 0, &one, &two);
    qd_greedy g;
    qd_greedy_params p = {12345, 8, 40, 160, 0};
    qd_greedy_meetings got = {.n = 0};
    qd_greedy_wants wants;
    uint64_t i1 = 0, i2 = 0, pairs = 0;
    ck_assert_int_eq(qd_greedy_start(&g, &p, INT64_MIN / 4, NULL), QD_OK);
    ck_assert_int_eq(qd_greedy_run(&g, one.t, one.mask, one.n, &i1, two.t, two.n, &i2, &got, &wants, NULL), QD_OK);
    for (uint64_t i = 0; i < got.n; i++) {
        ck_assert(got.m[i].d >= -40 && got.m[i].d <= 160);
        if (i) ck_assert_uint_gt(got.m[i].index, got.m[i - 1].index);
        pairs += got.m[i].d > -8 && got.m[i].d < 8;
    }
    /* A third of 4000 has a partner: a binomial of mean 1333, sd 29.8; 41 of them have a T1 event that was moved back. Losses at
     * this rate are 4000 x 200 / 200000 = 4. So at least 1333 - 4 x 30 - 41 - 4. */
    ck_assert_uint_ge(pairs, 1168);
    qd_greedy_meetings_free(&got);
}
END_TEST

START_TEST(greedy_limits) {
    qd_greedy g;
    static const qd_greedy_params bad[] = {{0, -1, 1, 1, 0},        {0, 1, -1, 1, 0},
                                           {0, 1, 1, -1, 0},        {0, ((int64_t)1 << 30) + 1, 1, 1, 0},
                                           {INT64_MAX, 1, 1, 1, 0}, {0, 1, 1, 1, INT32_MIN}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert_int_eq(qd_greedy_start(&g, &bad[i], 0, NULL), QD_E_USAGE);
}
END_TEST

int main(void) {
    Suite *s = suite_create("greedy");
    TCase *c = tcase_create("greedy");
    tcase_add_test(c, t1_entries);
    tcase_add_test(c, t2_entries);
    tcase_add_test(c, greedy_is_the_rule);
    tcase_add_test(c, greedy_invariants);
    tcase_add_test(c, greedy_limits);
    suite_add_tcase(s, c);
    return run_all(s);
}
