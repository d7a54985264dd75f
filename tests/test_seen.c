/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a recording: each finding by itself, at either side of its limit; none in sound recordings; the same in a record. */
#include "tag_file.h"

#include <math.h>
#include "qdistill/core/rng.h"
#include "qdistill/timetag/seen.h"

enum { EVENTS = 12000 };

/* A million events of four detectors in a second of 125/32 ps, 1,000 records more than events. */
static qd_tag_seen sound(void) {
    qd_tag_seen s = {.tick = {125, 32}, .whole = true, .format = {.kind = QD_TAG_A1, .bits = 54, .card = QD_CARD_TIMESTAMP7}};
    s.info = (qd_tag_info){.records = 1001000, .padding = 1000, .events = 1000000, .first = 5, .last = 256000000004};
    for (int d = 0; d < 4; d++) s.info.mask[1 << d] = 250000;
    return s;
}

/* Only @p finding, or nothing (QD_FINDINGS); its text has @p text. */
static void shows(const qd_tag_seen *s, qd_tag_finding finding, const char *text) {
    char said[240];
    unsigned want = finding == QD_FINDINGS ? 0 : 1U << finding;
    ck_assert_uint_eq(qd_tag_findings(s), want);
    json_t *j = qd_tag_seen_json(s, "a file", "a1-54:card=timestamp7"), *found = json_object_get(j, "found");
    ck_assert_uint_eq(json_array_size(found), finding != QD_FINDINGS);
    if (want) {
        ck_assert_ptr_nonnull(strstr(qd_tag_found_text(s, finding, said, sizeof said), text));
        ck_assert_uint_lt(strlen(said), sizeof said - 40);
        ck_assert_str_eq(json_string_value(json_array_get(found, 0)), said);
    }
    ck_assert_str_eq(json_string_value(json_object_get(j, "file")), "a file");
    ck_assert_str_eq(json_string_value(json_object_get(j, "format")), "a1-54:card=timestamp7");
    ck_assert(json_is_boolean(json_object_get(j, "whole")));
    ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(j, "records")), s->info.records);
    ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(j, "backward")), s->info.backward);
    ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(j, "faults")), s->info.faults);
    json_decref(j);
}

START_TEST(each_by_itself) {
    qd_tag_seen s = sound();
    shows(&s, QD_FINDINGS, NULL);
    s.info.mask[1] = s.info.mask[2] = s.info.mask[4] = s.info.mask[8] = s.info.events = 0;
    shows(&s, QD_FOUND_NOTHING, "none of 1001000 records");
    s.info.padding = s.info.records;
    shows(&s, QD_FOUND_NOTHING, "none of 1001000 records");
    s.whole = false; /* there may be more to come */
    shows(&s, QD_FINDINGS, NULL);
    s.info.padding--;
    shows(&s, QD_FOUND_NOTHING, "none of 1001000 records");
    s.info.records = s.info.padding = 0;
    shows(&s, QD_FINDINGS, NULL);
    s.whole = true;
    shows(&s, QD_FOUND_NOTHING, "no record");
    s.info.records = s.info.unmapped = 7; /* clicks, of no detector that is named */
    shows(&s, QD_FINDINGS, NULL);
    s = sound();
    s.info.lost = 3;
    shows(&s, QD_FOUND_LOST, "lost tags in 3 places");
    s = sound();
    s.info.faults = 12, s.info.fault_record = 77, s.info.fault_word = 0xa0000001;
    shows(&s, QD_FOUND_FAULTS, "12 records are of no kind that their type knows, the first, 0xa0000001, at record 77");
    s = sound();
    s.info.epoch_gaps = 1, s.info.epochs_missing = 9, s.info.epoch_gap = 0xabcd;
    shows(&s, QD_FOUND_EPOCHS, "9 epochs are missing in 1 place, the first at 0000abcd");
    s = sound();
    s.info.outside = 12, s.info.epoch_outside = 0xabcd;
    shows(&s, QD_FOUND_OUTSIDE, "12 events lie in the epoch beside that of the file's header, first in the file of epoch 0000abcd");
    s = sound();
    s.info.jumps = s.info.backward = 1, s.info.jump_event = 30, s.info.largest_backward = 1280000000000;
    shows(&s, QD_FOUND_JUMPS, "1 times, by up to 5 s, first before event 30");
    s = sound();
    s.info.gaps = 2, s.info.gap[0] = 25600000000 * 2, s.info.gap_at[0] = 2560000005, s.info.gap[1] = 25600000000, s.info.gap_at[1] = 3;
    shows(&s, QD_FOUND_GAPS, "no event for 0.2 s, from 0.01 s after the first on, the longest of 2 such gaps");
}
END_TEST

/* A sound timestamp7 has no dummies that name a detector, but a quarter of them may be the phase of an older card; a timestamp3 leaves bits 13, 14 zero. */
START_TEST(stray_bits) {
    qd_tag_seen s = sound();
    s.info.stray = s.info.records / 4;
    shows(&s, QD_FINDINGS, NULL);
    s.info.stray++;
    shows(&s, QD_FOUND_STRAY, "250251 of 1001000 records have bits set that a timestamp7");
    s.format.card = QD_CARD_TIMESTAMP3;
    s.info.stray = 1;
    shows(&s, QD_FOUND_STRAY, "1 of 1001000 records");
}
END_TEST

/* 1,000 in a million are allowed: 1,150 are 4.7 sd more (chance 1.5e-6), 2,000 are 31. */
START_TEST(disorder) {
    qd_tag_seen s = sound();
    s.info.backward = 1150, s.info.largest_backward = 256;
    shows(&s, QD_FINDINGS, NULL);
    s.info.backward = 2000;
    shows(&s, QD_FOUND_DISORDER, "2000 of 1000000 events stood before the one ahead of them, by up to 1e-09 s");
    s.info.events = s.info.records = 6, s.info.backward = 1; /* of few, one is chance */
    shows(&s, QD_FINDINGS, NULL);
}
END_TEST

/* Chance makes (4 * 250,000^2) / (2 * 2.56e11) = 0.49 of them, four times that where the rate varies: 1.95; 8 then come in 1e-3 of
 * recordings, 30 in 1e-24. */
START_TEST(duplicates) {
    qd_tag_seen s = sound();
    s.info.equal_times = 500;
    s.info.duplicates = 8;
    shows(&s, QD_FINDINGS, NULL);
    s.info.duplicates = 30;
    shows(&s, QD_FOUND_DUPLICATES, "30 events are duplicates");
}
END_TEST

/* Half of them may be: pairs of clicks that stand apart. Where duplicates are told, they are told once. */
START_TEST(equal_times) {
    qd_tag_seen s = sound();
    s.info.equal_times = 500000;
    shows(&s, QD_FINDINGS, NULL);
    s.info.equal_times = 500001;
    shows(&s, QD_FOUND_EQUAL, "500001 of 1000000 events are at the time of the one before");
    s.info.duplicates = 500001;
    shows(&s, QD_FOUND_DUPLICATES, "500001 events");
    s.info.last = s.info.first, s.info.equal_times = s.info.duplicates = 999999; /* one time: as many as chance would have there */
    shows(&s, QD_FOUND_EQUAL, "999999 of 1000000");
    s.info.events = 15, s.info.equal_times = s.info.duplicates = 14; /* few say nothing */
    shows(&s, QD_FINDINGS, NULL);
}
END_TEST

START_TEST(claims) {
    qd_tag_seen s = sound();
    s.format = (qd_tag_format){.kind = QD_TAG_PTU};
    s.info.claimed = 0; /* it did not know yet */
    shows(&s, QD_FINDINGS, NULL);
    s.info.claimed = 1001000;
    shows(&s, QD_FINDINGS, NULL);
    s.info.claimed = 1001001;
    shows(&s, QD_FOUND_CLAIM, "claims 1001001 records, 1001000 are there: cut off");
    s.whole = false; /* the rest was not read */
    shows(&s, QD_FINDINGS, NULL);
    s.info.claimed = -1;
    shows(&s, QD_FOUND_CLAIM, "claims -1 records");
    s.whole = true;
    s.info.claimed = 7;
    shows(&s, QD_FOUND_CLAIM, "claims 7 records, 1001000 are there");
}
END_TEST

static double uniform(uint64_t i, uint32_t which) {
    uint32_t w[4];
    qd_philox(78, QD_STREAM_TEST, i, which, w);
    return (w[0] + 0.5) * 0x1p-32;
}

static void see(const qd_tags *t, uint64_t most, qd_tag_seen *s) {
    qd_tag_reader *r = NULL;
    qd_tags got = {0};
    bool end = false;
    write_tags(path, "a1-49", t, NULL);
    ck_assert_int_eq(qd_tag_reader_open(path, format_of("a1-49"), &r, NULL), QD_OK);
    while (!end && got.n < most) ck_assert_int_eq(qd_tag_reader_read(r, 1000, &got, &end, NULL), QD_OK);
    qd_tag_see(r, s);
    ck_assert_int_eq(s->whole, end);
    qd_tag_reader_close(r);
    qd_tags_destroy(&got);
}

/* Poisson events without dead time, eight ticks apart in the mean: hundreds are at the time of the one before, by chance; doubled they are not. */
START_TEST(of_files) {
    qd_tags t = {.tick = {125, 1}};
    qd_tag_seen s;
    double at = 100;
    ck_assert_int_eq(qd_tags_reserve(&t, 2 * EVENTS, NULL), QD_OK);
    for (t.n = 0; t.n < EVENTS; t.n++) {
        at -= 8 * log(uniform(t.n, 0));
        t.t[t.n] = (int64_t)at;
        t.mask[t.n] = (uint8_t)(1 << (int)(4 * uniform(t.n, 1)));
    }
    see(&t, UINT64_MAX, &s);
    ck_assert_uint_gt(s.info.duplicates, 100);
    ck_assert_uint_eq(qd_tag_findings(&s), 0);
    see(&t, 1000, &s);
    ck_assert(!s.whole);
    for (uint64_t i = 2 * EVENTS; i-- > 0;) t.t[i] = t.t[i / 2], t.mask[i] = t.mask[i / 2];
    t.n = 2 * EVENTS;
    see(&t, UINT64_MAX, &s);
    ck_assert_uint_eq(qd_tag_findings(&s), 1U << QD_FOUND_DUPLICATES);
    qd_tags_destroy(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("seen");
    TCase *tc = tcase_create("seen");
    tcase_add_test(tc, each_by_itself);
    tcase_add_test(tc, stray_bits);
    tcase_add_test(tc, disorder);
    tcase_add_test(tc, duplicates);
    tcase_add_test(tc, equal_times);
    tcase_add_test(tc, claims);
    tcase_add_test(tc, of_files);
    suite_add_tcase(s, tc);
    return run_in_folder(s);
}
