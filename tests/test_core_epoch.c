/* SPDX-License-Identifier: Apache-2.0 */
/* Epochs, packing, and the epoch files that carry bits. Byte vectors were laid out by hand from the description of the files. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core.h"
#include "run_all.h"

START_TEST(epochs) {
    ck_assert_uint_eq(qd_epoch_of_unix_ns(0), 0);
    ck_assert_uint_eq(qd_epoch_of_unix_ns((uint64_t)1 << 29), 1);
    ck_assert_uint_eq(qd_epoch_of_unix_ns(((uint64_t)1 << 29) - 1), 0);
    /* (unix_s 1953125) >> 20 for whole seconds, here 2026-11-24 00:00:00 UTC */
    ck_assert_uint_eq(qd_epoch_of_unix_ns((uint64_t)1795478400 * 1000000000), (uint32_t)(((uint64_t)1795478400 * 1953125) >> 20));
    /* the count begins anew at 2043-01-24 23:56:49 UTC */
    ck_assert_uint_eq(qd_epoch_of_unix_ns((uint64_t)2305843009 * 1000000000), 0xffffffff);
    ck_assert_uint_eq(qd_epoch_of_unix_ns((uint64_t)2305843010 * 1000000000), 1);
    char name[QD_EPOCH_NAME];
    uint32_t e = 0;
    qd_epoch_name(0xc740a1b2, name);
    ck_assert_str_eq(name, "c740a1b2");
    ck_assert(qd_epoch_from_name("0000ffff", &e));
    ck_assert_uint_eq(e, 0xffff);
    ck_assert(!qd_epoch_from_name("0000FFFF", &e));
    ck_assert(!qd_epoch_from_name("0000fff", &e));
    ck_assert(!qd_epoch_from_name("0000ffff.tmp", &e));
}
END_TEST

/* 17 bits from the card, the rest from the host. Bit pairs 16..15 of (card, host): only (0,3) carries up, (2,0), (3,0), (3,1)
 * down. */
START_TEST(epoch_from_card_and_host) {
    for (uint32_t t = 0; t < 4; t++)
        for (uint32_t a = 0; a < 4; a++) {
            uint32_t te = t << 15 | 0x123, now = 0xc7400000 | a << 15 | 0x456;
            int64_t c = t == 0 && a == 3                                                 ? 0x20000
                        : (t == 2 && a == 0) || (t == 3 && a == 0) || (t == 3 && a == 1) ? -0x20000
                                                                                         : 0;
            ck_assert_uint_eq(qd_epoch_complete(te, now), (uint32_t)((int64_t)0xc7400000 + te + c));
        }
    /* any tag from three quarters of the range behind the host's clock to a quarter ahead */
    const uint32_t now = 0xc7438000;
    for (int64_t d = -0x18000 + 0x8000; d < 0x8000; d += 0x101) {
        uint32_t tag = (uint32_t)(now + d);
        ck_assert_uint_eq(qd_epoch_complete(tag & 0x1ffff, now), tag);
    }
    ck_assert_uint_eq(qd_epoch_complete(0, 0xffffffff), 0); /* over the end of the count */
}
END_TEST

START_TEST(headers) {
    static const uint8_t t2[24] = {2, 1, 0, 0, 4, 3, 2, 0xc1, 9, 0, 0, 0, 17, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
    qd_epoch_head h;
    qd_error err = {0};
    ck_assert_int_eq(qd_epoch_head_read(t2, 24, 2, &h, &err), QD_OK);
    ck_assert(h.anchored);
    ck_assert_uint_eq(h.epoch, 0xc1020304);
    ck_assert_uint_eq(h.length, 9);
    ck_assert_uint_eq(h.order, 17);
    ck_assert_uint_eq(h.bits, 1);
    ck_assert_uint_eq(h.protocol, 1);
    uint8_t back[24] = {0};
    qd_epoch_head_write(&h, back);
    ck_assert_mem_eq(back, t2, 24);
    ck_assert_int_eq(qd_epoch_head_read(t2, 23, 2, &h, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "23 of 24"));
    ck_assert_int_eq(qd_epoch_head_read(t2, 24, 1, &h, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "tag 0x102"));
    uint8_t wide[24];
    memcpy(wide, t2, 24);
    wide[12] = 31; /* order and pattern together stay below 32 */
    ck_assert_int_eq(qd_epoch_head_read(wide, 24, 2, &h, &err), QD_E_INPUT);
    wide[12] = 0;
    ck_assert_int_eq(qd_epoch_head_read(wide, 24, 2, &h, &err), QD_E_INPUT);
    static const uint8_t t1[20] = {1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 54, 0, 0, 0, 4, 0, 0, 0};
    ck_assert_int_eq(qd_epoch_head_read(t1, 20, 1, &h, &err), QD_E_INPUT); /* the header says 49, whatever the events hold */
    ck_assert_int_eq(qd_epoch_head_read(t1, 20, 5, &h, &err), QD_E_USAGE);
}
END_TEST

/* 11, 22, 33, 44, 55: within each word the bytes stand in the other order on disk. */
static const uint8_t t3_service[24] = {3, 0, 0, 0, 7, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0x55};

START_TEST(t3) {
    qd_epoch_head h;
    qd_error err = {0};
    uint8_t *e = NULL, back[24];
    ck_assert_int_eq(qd_t3_decode(t3_service, 24, &h, &e, &err), QD_OK);
    static const uint8_t want[5] = {0x11, 0x22, 0x33, 0x44, 0x55};
    ck_assert_uint_eq(h.length, 5);
    ck_assert_uint_eq(h.bits, 8);
    ck_assert(!h.anchored);
    ck_assert_mem_eq(e, want, 5);
    ck_assert_uint_eq(qd_epoch_file_bytes(&h), 24);
    qd_t3_encode(&h, e, back);
    ck_assert_mem_eq(back, t3_service, 24);
    qd_secret_free(e);
    /* 35 bits: 11010010 0...01, 101 */
    static const uint8_t bits[24] = {3, 1, 0, 0, 7, 0, 0, 0, 35, 0, 0, 0, 1, 0, 0, 0, 0x01, 0, 0, 0xd2, 0, 0, 0, 0xa0};
    ck_assert_int_eq(qd_t3_decode(bits, 24, &h, &e, &err), QD_OK);
    ck_assert(h.anchored);
    for (int i = 0; i < 35; i++) ck_assert_uint_eq(e[i], i == 0 || i == 1 || i == 3 || i == 6 || i == 31 || i == 32 || i == 34);
    qd_t3_encode(&h, e, back);
    ck_assert_mem_eq(back, bits, 24);
    qd_secret_free(e);
    /* no entries: nothing but the header */
    uint8_t none[16] = {3, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1};
    ck_assert_int_eq(qd_t3_decode(none, 16, &h, &e, &err), QD_OK);
    qd_secret_free(e);
}
END_TEST

START_TEST(t3_refused) {
    uint8_t f[28];
    qd_epoch_head h;
    qd_error err = {0};
    uint8_t *e = NULL;
    memcpy(f, t3_service, 24);
    f[8] = 0; /* a length that is not stated, with entries behind it */
    ck_assert_int_eq(qd_t3_decode(f, 24, &h, &e, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "byte 8"));
    ck_assert_ptr_nonnull(strstr(err.likely, "not stated"));
    ck_assert_ptr_null(e);
    f[8] = 4; /* one entry more than stated, in the padding; four fill a word, so the size is wrong */
    ck_assert_int_eq(qd_t3_decode(f, 24, &h, &e, &err), QD_E_INPUT);
    f[8] = 6; /* 6 or 7 fit the size, and 5 do: the padding decides */
    ck_assert_int_eq(qd_t3_decode(f, 24, &h, &e, &err), QD_OK);
    qd_secret_free(e);
    f[8] = 5;
    f[21] = 1;
    ck_assert_int_eq(qd_t3_decode(f, 24, &h, &e, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "not zero"));
    f[21] = 0;
    ck_assert_int_eq(qd_t3_decode(f, 23, &h, &e, &err), QD_E_INPUT);
    ck_assert_int_eq(qd_t3_decode(f, 28, &h, &e, &err), QD_E_INPUT);
    f[12] = 9;
    ck_assert_int_eq(qd_t3_decode(f, 24, &h, &e, &err), QD_E_INPUT);
    f[12] = 8;
    memset(f + 8, 0xff, 4); /* 4 billion entries claimed: refused before memory is asked for */
    ck_assert_int_eq(qd_t3_decode(f, 24, &h, &e, &err), QD_E_INPUT);
}
END_TEST

/* Positions 0, 1, 5, 100 in 4 bits: 2, 3, 6, then zeros and 97 in 32 bits, then 1. */
static const uint8_t t4_file[28] = {4, 0, 0, 0, 9, 0, 0,    0,    4,    0,    0,    0,    4,    0,
                                    0, 0, 0, 0, 0, 0, 0x00, 0x00, 0x60, 0x23, 0x00, 0x10, 0x61, 0x00};

START_TEST(t4) {
    qd_epoch_head h;
    qd_error err = {0};
    uint32_t *ix = NULL;
    uint8_t *pat = NULL, *bytes = NULL;
    size_t n;
    ck_assert_msg(qd_t4_decode(t4_file, 28, &h, &ix, &pat, &err) == QD_OK, "%s", err.what);
    static const uint32_t want[4] = {0, 1, 5, 100};
    ck_assert_uint_eq(h.length, 4);
    ck_assert_mem_eq(ix, want, sizeof want);
    ck_assert_int_eq(qd_t4_encode(&h, ix, pat, &bytes, &n, &err), QD_OK);
    ck_assert_uint_eq(n, 28);
    ck_assert_mem_eq(bytes, t4_file, 28);
    free(bytes);
    free(ix);
    free(pat);
    /* all widths, with patterns, there and back; the largest position that has a code */
    uint32_t index[200];
    uint8_t pattern[200];
    for (uint32_t i = 0; i < 200; i++) {
        index[i] = i < 100 ? i : i < 199 ? i * i * 97 : 0xfffffff0;
        pattern[i] = (uint8_t)(i * 7 & 15);
    }
    for (uint32_t o = 1; o < 28; o++) {
        h = (qd_epoch_head){.type = 4, .anchored = true, .epoch = 5, .length = 200, .order = o, .bits = 4};
        qd_epoch_head g;
        ck_assert_int_eq(qd_t4_encode(&h, index, pattern, &bytes, &n, &err), QD_OK);
        ck_assert_msg(qd_t4_decode(bytes, n, &g, &ix, &pat, &err) == QD_OK, "%s", err.what);
        ck_assert_uint_eq(g.length, 200);
        ck_assert_uint_eq(g.order, o);
        ck_assert_mem_eq(ix, index, sizeof index);
        ck_assert_mem_eq(pat, pattern, sizeof pattern);
        free(bytes);
        free(ix);
        free(pat);
    }
    index[3] = 2; /* does not ascend */
    ck_assert_int_eq(qd_t4_encode(&h, index, pattern, &bytes, &n, &err), QD_E_USAGE);
    ck_assert_ptr_null(bytes);
    h.order = 28;
    ck_assert_int_eq(qd_t4_encode(&h, index, pattern, &bytes, &n, &err), QD_E_USAGE);
}
END_TEST

START_TEST(t4_refused) {
    uint8_t f[32] = {0};
    qd_epoch_head h;
    qd_error err = {0};
    uint32_t *ix;
    uint8_t *pat;
    memcpy(f, t4_file, 28);
    for (unsigned length = 0; length < 256; length++) { /* length and terminator disagree */
        f[8] = (uint8_t)length;
        ck_assert_int_eq(qd_t4_decode(f, 28, &h, &ix, &pat, &err), length == 4 ? QD_OK : QD_E_INPUT);
        free(ix);
        free(pat);
    }
    memset(f + 8, 0xff, 4);
    ck_assert_int_eq(qd_t4_decode(f, 28, &h, &ix, &pat, &err), QD_E_INPUT);
    memcpy(f, t4_file, 28);
    ck_assert_int_eq(qd_t4_decode(f, 32, &h, &ix, &pat, &err), QD_E_INPUT); /* a word more */
    ck_assert_int_eq(qd_t4_decode(f, 24, &h, &ix, &pat, &err), QD_E_INPUT); /* no terminator */
    ck_assert_ptr_nonnull(strstr(err.what, "without terminator"));
    f[24] = 1; /* behind it */
    ck_assert_int_eq(qd_t4_decode(f, 28, &h, &ix, &pat, &err), QD_E_INPUT);
    memcpy(f, t4_file, 28);
    f[23] = 0x22; /* the second position is the first again */
    ck_assert_int_eq(qd_t4_decode(f, 28, &h, &ix, &pat, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "does not ascend"));
}
END_TEST

START_TEST(t7) {
    /* 33 bits of three epochs: 1 0...0 1 0, 1 */
    static const uint8_t f[24] = {7, 1, 0, 0, 0x10, 0, 0, 0, 3, 0, 0, 0, 33, 0, 0, 0, 2, 0, 0, 0x80, 0, 0, 0, 0x80};
    qd_epoch_head h;
    qd_error err = {0};
    qd_bits key = {0};
    uint8_t back[24];
    ck_assert_int_eq(qd_t7_decode(f, 24, &h, &key, &err), QD_OK);
    ck_assert_uint_eq(h.epochs, 3);
    ck_assert_uint_eq(h.epoch, 0x10);
    ck_assert_uint_eq(key.n, 33);
    for (uint64_t i = 0; i < 33; i++) ck_assert_uint_eq(qd_bits_get(&key, i), i == 0 || i == 30 || i == 32);
    ck_assert(h.anchored); /* anchored epochs are written back as 0x107 */
    qd_t7_encode(&h, &key, back);
    ck_assert_mem_eq(back, f, 24);
    qd_bits_destroy(&key);
    memcpy(back, f, 24);
    back[1] = 0; /* tag 7 whatever the input was */
    ck_assert_int_eq(qd_t7_decode(back, 24, &h, &key, &err), QD_OK);
    ck_assert(!h.anchored);
    qd_bits_destroy(&key);
    back[20] = 1;
    ck_assert_int_eq(qd_t7_decode(back, 24, &h, &key, &err), QD_E_INPUT);
    ck_assert_ptr_null(key.w);
    back[12] = 32;
    ck_assert_int_eq(qd_t7_decode(back, 24, &h, &key, &err), QD_E_INPUT);
    back[0] = 6; /* packets of another dialogue */
    ck_assert_int_eq(qd_t7_decode(back, 24, &h, &key, &err), QD_E_INPUT);
}
END_TEST

int main(void) {
    Suite *s = suite_create("epoch");
    TCase *tc = tcase_create("epoch");
    tcase_add_test(tc, epochs);
    tcase_add_test(tc, epoch_from_card_and_host);
    tcase_add_test(tc, headers);
    tcase_add_test(tc, t3);
    tcase_add_test(tc, t3_refused);
    tcase_add_test(tc, t4);
    tcase_add_test(tc, t4_refused);
    tcase_add_test(tc, t7);
    suite_add_tcase(s, tc);
    return run_all(s);
}
