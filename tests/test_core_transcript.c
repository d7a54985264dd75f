/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, bodies, the outbox, and the transcript that holds them all. */
#include "core_suite.h"

#include <unistd.h>

START_TEST(header_bytes_are_as_documented) {
    static const uint8_t want[QD_MSG_HEADER] = {'Q', 'M', 1, 0, 17, 0, 0, 0, 4, 3, 2, 1, 1, 1, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1};
    qd_msg m = {.type = QD_MSG_SYNDROME, .block = 0x01020304, .from = 1, .last = 1, .bytes = 0x0102030405060708}, back;
    uint8_t head[QD_MSG_HEADER];
    qd_error err = {0};
    qd_msg_header(&m, head);
    ck_assert_mem_eq(head, want, sizeof want);
    ck_ok(qd_msg_parse(head, m.bytes, &back, &err));
    ck_assert_uint_eq(back.type, m.type);
    ck_assert_uint_eq(back.block, m.block);
    ck_assert_uint_eq(back.from, 1);
    ck_assert_uint_eq(back.last, 1);
    ck_assert_uint_eq(back.bytes, m.bytes);
    ck_assert_ptr_null(back.body);
    ck_status(qd_msg_parse(head, m.bytes - 1, &back, &err), QD_E_INPUT);
    static const int strict[] = {0, 1, 2, 3, 12, 13, 14, 15}; /* bytes that allow no other value than those of 0 and 1 */
    for (size_t i = 0; i < sizeof strict / sizeof *strict; i++) {
        uint8_t bad[QD_MSG_HEADER];
        memcpy(bad, head, sizeof bad);
        bad[strict[i]] ^= 0x40;
        ck_status(qd_msg_parse(bad, UINT64_MAX, &back, &err), QD_E_INPUT);
    }
}
END_TEST

START_TEST(outbox_keeps_the_order) {
    qd_error err = {0};
    qd_outbox o = {0};
    qd_msg m;
    unsigned sent = 0, taken = 0;
    ck_assert(!qd_outbox_take(&o, &m));
    ck_status(qd_outbox_turn(&o, &err), QD_E_INTERNAL);
    for (int round = 0; round < 50; round++) { /* more in than out, then more out than in */
        for (int i = 0; i < (round < 25 ? 5 : 1); i++, sent++)
            ck_ok(qd_outbox_send(&o, QD_MSG_TAG, sent, QD_BOB_TO_ALICE, false, &sent, sizeof sent, &err));
        for (int i = 0; i < (round < 25 ? 3 : 5) && taken < sent; i++, taken++) {
            ck_assert(qd_outbox_take(&o, &m));
            ck_assert_uint_eq(m.block, taken);
            ck_assert_uint_eq(m.from, 1);
            ck_assert_mem_eq(m.body, &taken, sizeof taken);
            free(m.body);
        }
    }
    while (qd_outbox_take(&o, &m)) free(m.body), taken++;
    ck_assert_uint_eq(sent, taken);
    ck_status(qd_outbox_turn(&o, &err), QD_E_INTERNAL);
    ck_ok(qd_outbox_send(&o, QD_MSG_READY, 0, QD_ALICE_TO_BOB, false, NULL, 0, &err));
    ck_ok(qd_outbox_send(&o, QD_MSG_DONE, 0, QD_ALICE_TO_BOB, false, NULL, 0, &err));
    ck_ok(qd_outbox_turn(&o, &err));
    ck_assert(qd_outbox_take(&o, &m));
    ck_assert_uint_eq(m.last, 0);
    free(m.body);
    ck_assert(qd_outbox_take(&o, &m));
    ck_assert_uint_eq(m.last, 1);
    ck_assert_uint_eq(m.bytes, 0);
    free(m.body);
    ck_ok(qd_outbox_send(&o, QD_MSG_DONE, 0, QD_ALICE_TO_BOB, true, "left behind", 11, &err));
    qd_outbox_destroy(&o);
    qd_outbox_destroy(NULL);
}
END_TEST

START_TEST(bodies_are_little_endian_and_bounded) {
    static const uint8_t want[] = {0xab, 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1, 'x', 'y'};
    qd_error err = {0};
    qd_body w = {0};
    qd_body_u8(&w, 0xab);
    qd_body_u32(&w, 0x01020304);
    qd_body_u64(&w, 0x0102030405060708);
    qd_body_put(&w, "xy", 2);
    qd_body_put(&w, NULL, 0);
    ck_assert(!w.bad);
    ck_assert_uint_eq(w.n, sizeof want);
    ck_assert_mem_eq(w.p, want, sizeof want);

    qd_msg m = {.type = QD_MSG_CODE, .block = 3, .bytes = w.n, .body = w.p};
    qd_body r = qd_body_of(&m);
    char xy[2];
    ck_assert_uint_eq(qd_body_get_u8(&r), 0xab);
    ck_assert_uint_eq(qd_body_get_u32(&r), 0x01020304);
    ck_assert_uint_eq(qd_body_get_u64(&r), 0x0102030405060708);
    ck_status(qd_body_end(&r, &m, &err), QD_E_INPUT);
    ck_says(err.what, "'code' of block 3");
    ck_says(err.cause, "left over");
    qd_body_get(&r, xy, 2);
    ck_ok(qd_body_end(&r, &m, &err));
    ck_assert_uint_eq(qd_body_get_u8(&r), 0);
    ck_status(qd_body_end(&r, &m, &err), QD_E_INPUT);
    ck_says(err.cause, "too early");

    r = qd_body_of(&m); /* once bad, always bad, even where there would be enough */
    uint8_t big[16];
    memset(big, 0xee, sizeof big);
    qd_body_get(&r, big, sizeof big);
    for (size_t i = 0; i < sizeof big; i++) ck_assert_uint_eq(big[i], 0);
    ck_assert_uint_eq(qd_body_get_u8(&r), 0);
    ck_assert(r.bad);
    r = qd_body_of(&m);
    qd_body_u8(&r, 1); /* a reader cannot be written to: the bytes belong to the message */
    ck_assert(r.bad);
    qd_body_free(&r);
    ck_assert_uint_eq(m.body[0], 0xab);
    m.body = NULL; /* as qd_msg_parse leaves it */
    r = qd_body_of(&m);
    ck_assert_uint_eq(qd_body_get_u8(&r), 0);
    ck_status(qd_body_end(&r, &m, &err), QD_E_INPUT);
    qd_body_free(&w);
    qd_body_put(&w, want, SIZE_MAX); /* no memory for that */
    ck_assert(w.bad);
    qd_body_free(&w);
}
END_TEST

/* Three messages, in a file and as sums. */
static void say(qd_transcript *t, int from, int to) {
    qd_error err = {0};
    for (int i = from; i < to; i++) {
        uint8_t body[100];
        memset(body, i, sizeof body);
        qd_msg m = {.type = i % 2 ? QD_MSG_ANSWER : QD_MSG_SYNDROME,
                    .block = (uint32_t)i,
                    .from = i % 2,
                    .bytes = 10 * (uint64_t)i,
                    .body = body};
        ck_ok(qd_transcript_add(t, &m, &err));
    }
}

START_TEST(transcript_file_sums_and_digest) {
    qd_error err = {0};
    char *folder = folder_make(), *path = qd_path_join(folder, "transcript"), file_hex[65], hex[65], none_hex[65];
    qd_transcript *t, *none;
    uint64_t bytes;
    ck_ok(qd_transcript_open(path, false, 0, &t, &err));
    ck_ok(qd_transcript_open(NULL, false, 0, &none, &err));
    say(t, 0, 5);
    say(none, 0, 5);
    ck_ok(qd_transcript_sync(t, &bytes, &err));
    ck_assert_uint_eq(bytes, 5 * QD_MSG_HEADER + 100);
    ck_ok(qd_sha256_file(path, file_hex, &err));
    qd_transcript_sha256(t, hex);
    qd_transcript_sha256(none, none_hex);
    ck_assert_str_eq(file_hex, hex);
    ck_assert_str_eq(none_hex, hex);
    const qd_eve *eve = qd_transcript_eve(t);
    ck_assert_uint_eq(eve->messages[0][QD_MSG_SYNDROME], 3);
    ck_assert_uint_eq(eve->bytes[0][QD_MSG_SYNDROME], 60);
    ck_assert_uint_eq(eve->messages[1][QD_MSG_ANSWER], 2);
    ck_assert_uint_eq(eve->bytes[1][QD_MSG_ANSWER], 40);
    ck_assert_mem_eq(eve, qd_transcript_eve(none), sizeof *eve);
    qd_msg odd = {.type = 1000000, .from = 1};
    ck_ok(qd_transcript_add(none, &odd, &err));
    ck_assert_uint_eq(qd_transcript_eve(none)->messages[1][0], 1);
    ck_ok(qd_transcript_close(none, &err));
    ck_ok(qd_transcript_close(t, &err));
    ck_ok(qd_transcript_close(NULL, &err));

    FILE *f = fopen(path, "rb");
    bool end = false;
    for (unsigned i = 0; i < 5; i++) {
        qd_msg m;
        ck_ok(qd_msg_read(f, 1000, &m, &end, &err));
        ck_assert(!end);
        ck_assert_uint_eq(m.block, i);
        ck_assert_uint_eq(m.bytes, 10 * i);
        for (unsigned k = 0; k < 10 * i; k++) ck_assert_uint_eq(m.body[k], i);
        free(m.body);
    }
    qd_msg m;
    ck_ok(qd_msg_read(f, 1000, &m, &end, &err));
    ck_assert(end);
    fclose(f);
    free(path);
    folder_remove(folder);
}
END_TEST

START_TEST(a_transcript_resumes_with_the_same_bytes) {
    qd_error err = {0};
    char *folder = folder_make(), *path = qd_path_join(folder, "t"), once[65], twice[65];
    qd_transcript *t;
    uint64_t at;
    ck_ok(qd_transcript_open(path, false, 0, &t, &err));
    say(t, 0, 3);
    ck_ok(qd_transcript_sync(t, &at, &err));
    say(t, 7, 9); /* of a block that is done over */
    ck_ok(qd_transcript_close(t, &err));
    ck_ok(qd_transcript_open(path, true, at, &t, &err));
    ck_assert_uint_eq(qd_transcript_eve(t)->messages[0][QD_MSG_SYNDROME], 2);
    say(t, 3, 6);
    qd_transcript_sha256(t, twice);
    ck_ok(qd_transcript_close(t, &err));
    ck_ok(qd_transcript_open(NULL, false, 0, &t, &err));
    say(t, 0, 6);
    qd_transcript_sha256(t, once);
    ck_ok(qd_transcript_close(t, &err));
    ck_assert_str_eq(once, twice);
    ck_ok(qd_sha256_file(path, twice, &err));
    ck_assert_str_eq(once, twice);

    /* not at a message's end; past the end; over an existing file without append */
    ck_status(qd_transcript_open(path, true, at - 1, &t, &err), QD_E_INPUT);
    ck_assert_ptr_null(t);
    ck_status(qd_transcript_open(path, true, at + 1000000, &t, &err), QD_E_INPUT);
    ck_status(qd_transcript_open(path, false, 0, &t, &err), QD_E_INPUT);
    ck_ok(qd_sha256_file(path, twice, &err));
    ck_assert_str_eq(once, twice);
    free(path);
    folder_remove(folder);
}
END_TEST

START_TEST(a_full_disk_is_reported) {
    qd_error err = {0};
    char *folder = folder_make(), *path = qd_path_join(folder, "t");
    qd_transcript *t;
    uint64_t bytes;
    uint8_t body[1000] = {0};
    qd_msg m = {.type = QD_MSG_TIMES, .bytes = sizeof body, .body = body};
    ck_ok(qd_transcript_open(path, false, 0, &t, &err));
    limit_file_size(20000);
    qd_status st = QD_OK;
    for (int i = 0; i < 100 && st == QD_OK; i++) st = qd_transcript_add(t, &m, &err);
    ck_status(st, QD_E_INPUT);
    ck_says(err.what, path);
    ck_says(err.cause, "File too large");
    ck_status(qd_transcript_sync(t, &bytes, &err), QD_E_INPUT);
    ck_status(qd_transcript_close(t, &err), QD_E_INPUT);
    limit_file_size(RLIM_INFINITY);
    ck_ok(
        qd_transcript_open(path, true, 3 * (QD_MSG_HEADER + sizeof body), &t, &err)); /* the part of a message at the end goes */
    ck_assert_uint_eq(qd_transcript_eve(t)->messages[0][QD_MSG_TIMES], 3);
    ck_ok(qd_transcript_close(t, &err));
    free(path);
    folder_remove(folder);
}
END_TEST

START_TEST(lying_lengths_and_truncation) {
    qd_error err = {0};
    qd_msg m = {.type = QD_MSG_REVEAL, .block = 1, .bytes = (uint64_t)1 << 60}, got;
    uint8_t head[QD_MSG_HEADER];
    bool end;
    qd_msg_header(&m, head);
    FILE *f = tmpfile();
    ck_assert_uint_eq(fwrite(head, 1, sizeof head, f), sizeof head);
    fputs("short", f);
    rewind(f);
    ck_status(qd_msg_read(f, UINT64_MAX, &got, &end, &err), QD_E_INPUT);
    ck_says(err.what, "'reveal' of block 1 is cut short");
    ck_assert_ptr_null(got.body);
    rewind(f);
    ck_status(qd_msg_read(f, 1000, &got, &end, &err), QD_E_INPUT);
    ck_assert_int_eq(ftruncate(fileno(f), 10), 0);
    rewind(f);
    ck_status(qd_msg_read(f, 1000, &got, &end, &err), QD_E_INPUT);
    fclose(f);
}
END_TEST

START_TEST(names_are_distinct) {
    for (uint32_t a = 0; a < 40; a++)
        for (uint32_t b = 0; b < a; b++)
            ck_assert(strcmp(qd_msg_name(a), qd_msg_name(b)) != 0 || strcmp(qd_msg_name(a), "unknown") == 0);
    ck_assert_str_eq(qd_msg_name(QD_MSG_HASH_SEED), "hash_seed");
    ck_assert_str_eq(qd_msg_name(8), "unknown");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {header_bytes_are_as_documented,
                                  outbox_keeps_the_order,
                                  bodies_are_little_endian_and_bounded,
                                  transcript_file_sums_and_digest,
                                  a_transcript_resumes_with_the_same_bytes,
                                  a_full_disk_is_reported,
                                  lying_lengths_and_truncation,
                                  names_are_distinct};
    return run_tests("transcript", tests, sizeof tests / sizeof *tests, 0);
}
