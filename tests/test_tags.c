/* SPDX-License-Identifier: Apache-2.0 */
/* Raw event files: round trips of the four formats, and every trap of their reading. */
#include <math.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "qdistill/timetag.h"
#include "run_all.h"

static char path[] = "test_tags.XXXXXX", path2[] = "test_tags2.XXXXXX";
static const char *const names[] = {"a1-49", "a1-54", "a1-49-swapped", "a1-54-swapped"};

static qd_tag_format format_of(const char *name) {
    qd_tag_format f;
    qd_error err = {0};
    ck_assert_int_eq(qd_tag_format_parse(name, &f, &err), QD_OK);
    return f;
}

static void write_bytes(const void *p, size_t n) {
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

/* Values as the card counts them, stored in the order of the format: 49: high word first, 54: low word first, unless swapped. */
static void write_words(const uint64_t *w, size_t n, const char *format) {
    uint8_t *b = malloc(8 * n + 1);
    int high_first = (strncmp(format, "a1-49", 5) == 0) != (strstr(format, "swapped") != NULL);
    for (size_t i = 0; i < n; i++) {
        uint32_t half[2] = {(uint32_t)(w[i] >> 32), (uint32_t)w[i]};
        for (int k = 0; k < 8; k++) b[8 * i + (size_t)k] = (uint8_t)(half[high_first ? k / 4 : 1 - k / 4] >> (8 * (k % 4)));
    }
    write_bytes(b, 8 * n);
    free(b);
}

static qd_status read_all(const char *format, uint64_t piece, qd_tags *t, qd_tag_info *info, qd_error *err) {
    qd_tag_reader *r = NULL;
    qd_status st = qd_tag_reader_open(path, format_of(format), &r, err);
    bool end = false;
    while (st == QD_OK && !end) {
        uint64_t before = t->n;
        st = qd_tag_reader_read(r, piece, t, &end, err);
        ck_assert_uint_le(t->n - before, piece);
    }
    if (r && info) *info = *qd_tag_reader_info(r);
    qd_tag_reader_close(r);
    return st;
}

START_TEST(names_and_ticks) {
    for (size_t i = 0; i < 4; i++) {
        qd_tag_format f = format_of(names[i]);
        ck_assert_str_eq(qd_tag_format_name(&f), names[i]);
        qd_tick tick = qd_tag_format_tick(&f);
        ck_assert_uint_eq(tick.num, 125);
        ck_assert_uint_eq(tick.den, f.bits == 54 ? 32 : 1);
    }
    qd_tag_format f;
    qd_error err = {0};
    ck_assert_int_eq(qd_tag_format_parse("a1-50", &f, &err), QD_E_USAGE);
    ck_assert_ptr_nonnull(strstr(err.next, "a1-54-swapped"));
}
END_TEST

/* Bytes of one record by hand: mask 5, time 0x123456789abcd in 54-bit ticks is w = time << 10 | 5. */
START_TEST(byte_order) {
    const uint64_t w = (uint64_t)0x123456789abcd << 10 | 5;
    static const uint8_t low_first[8] = {0x05, 0x34, 0xaf, 0x26, 0x9e, 0x15, 0x8d, 0x04};
    write_bytes(low_first, 8);
    for (int k = 0; k < 8; k++) ck_assert_uint_eq(low_first[k], (uint8_t)(w >> (8 * k)));
    qd_tags t = {0};
    qd_error err = {0};
    ck_assert_int_eq(read_all("a1-54", 10, &t, NULL, &err), QD_OK);
    ck_assert_int_eq(t.t[0], 0x123456789abcd);
    ck_assert_uint_eq(t.mask[0], 5);
    t.n = 0;
    ck_assert_int_eq(read_all("a1-49-swapped", 10, &t, NULL, &err), QD_OK); /* the same order, five bits fewer */
    ck_assert_int_eq(t.t[0], 0x123456789abcd >> 5);
    static const uint8_t high_first[8] = {0x9e, 0x15, 0x8d, 0x04, 0x05, 0x34, 0xaf, 0x26};
    write_bytes(high_first, 8);
    t.n = 0;
    ck_assert_int_eq(read_all("a1-54-swapped", 10, &t, NULL, &err), QD_OK);
    ck_assert_int_eq(t.t[0], 0x123456789abcd);
    t.n = 0;
    ck_assert_int_eq(read_all("a1-49", 10, &t, NULL, &err), QD_OK);
    ck_assert_int_eq(t.t[0], 0x123456789abcd >> 5);
    qd_tags_destroy(&t);
}
END_TEST

/* 20,000 events through writer and reader in pieces of any size; the writer's chunks do not matter either. */
START_TEST(round_trip) {
    const char *name = names[_i];
    qd_tag_format f = format_of(name);
    qd_tags in = {.tick = qd_tag_format_tick(&f)}, out = {0};
    qd_error err = {0};
    ck_assert_int_eq(qd_tags_reserve(&in, 20000, &err), QD_OK);
    int64_t at = 17;
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t w[4];
        qd_philox(3, QD_STREAM_TEST, i, 0, w);
        at += w[0] % 7 == 0 ? 0 : (int64_t)(w[1] >> 2);
        in.t[i] = at;
        in.mask[i] = (uint8_t)(1 + w[2] % 15);
    }
    in.n = 20000;
    qd_tag_writer *w = NULL;
    ck_assert_int_eq(qd_tag_writer_open(path, f, &w, &err), QD_OK);
    for (uint64_t i = 0; i < in.n; i += 7777) {
        qd_tags part = {.n = in.n - i < 7777 ? in.n - i : 7777, .t = in.t + i, .mask = in.mask + i, .tick = in.tick};
        ck_assert_int_eq(qd_tag_writer_write(w, &part, &err), QD_OK);
    }
    ck_assert_int_eq(qd_tag_writer_commit(w, &err), QD_OK);
    static const uint64_t pieces[] = {1, 999, 4096, 100000};
    for (int p = 0; p < 4; p++) {
        qd_tag_info info;
        out.n = 0;
        ck_assert_int_eq(read_all(name, pieces[p], &out, &info, &err), QD_OK);
        ck_assert_uint_eq(out.n, in.n);
        ck_assert_mem_eq(out.t, in.t, in.n * sizeof *in.t);
        ck_assert_mem_eq(out.mask, in.mask, in.n);
        ck_assert_uint_eq(info.events, in.n);
        ck_assert_uint_eq(info.records, in.n);
        ck_assert_uint_eq(info.backward + info.wraps + info.padding + info.dummies + info.empty, 0);
        uint64_t equal = 0, same = 0, by_mask[16] = {0};
        for (uint64_t i = 0; i < in.n; i++) {
            by_mask[in.mask[i]]++;
            if (i && in.t[i] == in.t[i - 1]) equal++, same += in.mask[i] == in.mask[i - 1];
        }
        ck_assert_uint_gt(same, 0);
        ck_assert_uint_eq(info.equal_times, equal);
        ck_assert_uint_eq(info.duplicates, same);
        ck_assert_mem_eq(info.mask, by_mask, sizeof by_mask);
        ck_assert_int_eq(info.first, in.t[0]);
        ck_assert_int_eq(info.last, in.t[in.n - 1]);
    }
    qd_tags_destroy(&in);
    qd_tags_destroy(&out);
}
END_TEST

/* Events of 54 bits written as 49 are what a 49-bit reader makes of the 54-bit record; back, the lost bits are zero. */
START_TEST(widths) {
    qd_tag_format f49 = format_of("a1-49"), f54 = format_of("a1-54");
    int64_t times[3] = {31, 32, 1000001};
    uint8_t masks[3] = {1, 2, 8};
    qd_tags in = {.n = 3, .cap = 3, .t = times, .mask = masks, .tick = {125, 32}}, out = {0};
    qd_error err = {0};
    qd_tag_writer *w = NULL;
    ck_assert_int_eq(qd_tag_writer_open(path, f49, &w, &err), QD_OK);
    ck_assert_int_eq(qd_tag_writer_write(w, &in, &err), QD_OK);
    ck_assert_int_eq(qd_tag_writer_commit(w, &err), QD_OK);
    ck_assert_int_eq(read_all("a1-49", 9, &out, NULL, &err), QD_OK);
    ck_assert_int_eq(out.t[0], 0);
    ck_assert_int_eq(out.t[1], 1);
    ck_assert_int_eq(out.t[2], 31250);
    ck_assert_uint_eq(out.tick.den, 1);
    ck_assert_int_eq(qd_tag_writer_open(path, f54, &w, &err), QD_OK);
    ck_assert_int_eq(qd_tag_writer_write(w, &out, &err), QD_OK);
    ck_assert_int_eq(qd_tag_writer_commit(w, &err), QD_OK);
    out.n = 0;
    ck_assert_int_eq(read_all("a1-54", 9, &out, NULL, &err), QD_OK);
    ck_assert_int_eq(out.t[2], 31250 * 32);
    qd_tags_destroy(&out);
}
END_TEST

/* Padding, rollover dummy, self-test, no detector; the low bits belong to the card, not to the width. */
START_TEST(dropped_records) {
    const uint64_t w[] = {(uint64_t)10 << 15 | 1,
                          0,
                          (uint64_t)11 << 15 | 16,
                          (uint64_t)12 << 15 | 16 | 2,
                          (uint64_t)13 << 15 | 32 | 4,
                          (uint64_t)14 << 15,
                          (uint64_t)15 << 15 | 64,
                          (uint64_t)16 << 15 | 0x1fc8,
                          0,
                          (uint64_t)17 << 15 | 0x6001};
    qd_tags t = {0};
    qd_tag_info info;
    qd_error err = {0};
    for (int card = 0; card < 2; card++) {
        qd_tag_format f = format_of("a1-49");
        f.card = card ? QD_CARD_TIMESTAMP7 : QD_CARD_TIMESTAMP3;
        write_words(w, 10, "a1-49");
        qd_tag_reader *r = NULL;
        bool end = false;
        t.n = 0;
        ck_assert_int_eq(qd_tag_reader_open(path, f, &r, &err), QD_OK);
        ck_assert_int_eq(qd_tag_reader_read(r, 100, &t, &end, &err), QD_OK);
        ck_assert(end);
        info = *qd_tag_reader_info(r);
        qd_tag_reader_close(r);
        ck_assert_uint_eq(info.records, 10);
        ck_assert_uint_eq(info.padding, 2);
        ck_assert_uint_eq(info.dummies, card ? 2 : 0);
        ck_assert_uint_eq(info.selftests, card ? 1 : 0);
        ck_assert_uint_eq(info.empty, card ? 2 : 3); /* on a timestamp3 bit 4 is phase: the record 11 has no detector */
        ck_assert_uint_eq(info.stray, 1); /* bits 13 and 14 in the one case, a dummy of a detector in the other */
        ck_assert_uint_eq(t.n, card ? 3 : 5);
        ck_assert_uint_eq(info.events, t.n);
        ck_assert_uint_eq(info.records, info.events + info.padding + info.dummies + info.selftests + info.empty);
        ck_assert_int_eq(t.t[t.n - 2], 16);
        ck_assert_uint_eq(t.mask[t.n - 2], 8);
    }
    qd_tags_destroy(&t);
}
END_TEST

/* The counter begins anew after 2^49/8 ns = 2^54/256 ns = 70,368.744177664 s; times go on, and are written modulo the range. */
START_TEST(wrap) {
    const char *name = names[_i];
    qd_tag_format f = format_of(name);
    int64_t range = (int64_t)1 << f.bits;
    unsigned low = 64 - f.bits;
    const uint64_t w[] = {(uint64_t)(range - 5) << low | 1, (uint64_t)(range - 1) << low | 2, (uint64_t)3 << low | 4,
                          (uint64_t)(range - 2) << low | 8, /* late: from before the wrap */ (uint64_t)9 << low | 1};
    write_words(w, 5, name);
    qd_tags t = {0};
    qd_tag_info info;
    qd_error err = {0};
    ck_assert_int_eq(read_all(name, 3, &t, &info, &err), QD_OK);
    const int64_t want[5] = {range - 5, range - 2, range - 1, range + 3, range + 9};
    static const uint8_t masks[5] = {1, 8, 2, 4, 1};
    ck_assert_uint_eq(t.n, 5);
    ck_assert_mem_eq(t.t, want, sizeof want);
    ck_assert_mem_eq(t.mask, masks, sizeof masks);
    ck_assert_uint_eq(info.wraps, 1);
    ck_assert_uint_eq(info.backward, 1);
    ck_assert_int_eq(info.largest_backward, 5);
    qd_tag_writer *out = NULL;
    ck_assert_int_eq(qd_tag_writer_open(path, f, &out, &err), QD_OK);
    ck_assert_int_eq(qd_tag_writer_write(out, &t, &err), QD_OK);
    ck_assert_int_eq(qd_tag_writer_commit(out, &err), QD_OK);
    t.n = 0;
    ck_assert_int_eq(read_all(name, 100, &t, &info, &err), QD_OK);
    ck_assert_mem_eq(t.t, want, sizeof want);
    ck_assert_uint_eq(info.wraps, 1);
    qd_tags_destroy(&t);
}
END_TEST

/* Small steps back are put in order, among 4096 events; the largest is told; equal times keep the order of the file. */
START_TEST(small_steps_back) {
    enum { N = 30000 };
    uint64_t *w = malloc(N * sizeof *w);
    for (uint64_t i = 0; i < N; i++) w[i] = (1000 + 10 * i) << 10 | 1;
    w[100] = (uint64_t)1000 << 10 | 2;                           /* 990 before its predecessor, at the time of the first */
    w[20000] = (uint64_t)(1000 + 10 * (20000 - 4000)) << 10 | 4; /* 4000 events late */
    write_words(w, N, "a1-54");
    free(w);
    qd_tags t = {0};
    qd_tag_info info;
    qd_error err = {0};
    ck_assert_int_eq(read_all("a1-54", 1000, &t, &info, &err), QD_OK);
    ck_assert_uint_eq(t.n, N);
    for (uint64_t i = 1; i < N; i++) ck_assert_int_le(t.t[i - 1], t.t[i]);
    ck_assert_uint_eq(t.mask[0], 1);
    ck_assert_uint_eq(t.mask[1], 2);
    ck_assert_uint_eq(info.backward, 2);
    ck_assert_int_eq(info.largest_backward, 10 * 3999);
    ck_assert_uint_eq(info.equal_times, 2);
    ck_assert_uint_eq(info.duplicates, 0);
    qd_tags_destroy(&t);
}
END_TEST

START_TEST(beyond_repair) {
    enum { N = 30000 };
    uint64_t *w = malloc(N * sizeof *w);
    for (uint64_t i = 0; i < N; i++) w[i] = (1000 + 10 * i) << 10 | 1;
    w[25000] = (uint64_t)1000 << 10 | 2;
    write_words(w, N, "a1-54");
    free(w);
    qd_tags t = {0};
    qd_error err = {0};
    ck_assert_int_eq(read_all("a1-54", 1000, &t, NULL, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "byte 200000 (record 25000)"));
    ck_assert_ptr_nonnull(strstr(err.cause, "out of order"));
    ck_assert_ptr_nonnull(strstr(err.what, path));
    qd_tags_destroy(&t);
}
END_TEST

/* Another format makes noise of the time: the reader must end, with an error, and not run out of range. */
START_TEST(wrong_format) {
    enum { N = 100000 };
    uint64_t *w = malloc(N * sizeof *w);
    for (uint64_t i = 0; i < N; i++) w[i] = (1000 + 2560123 * i) << 10 | 1;
    write_words(w, N, "a1-54");
    free(w);
    qd_tags t = {0};
    qd_error err = {0};
    ck_assert_int_eq(read_all("a1-54-swapped", 1000, &t, NULL, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.next, "read it as a1-54"));
    qd_tags_destroy(&t);
}
END_TEST

/* What a reader that only looks says of a file: the formats that fit, "" where the named one may. */
static void fits(const char *format, const char *want, uint64_t records) {
    qd_tag_format f = format_of(format);
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    char got[64] = "";
    f.any_channel = true;
    ck_assert_int_eq(qd_tag_reader_open(path, f, &r, &err), QD_OK);
    const qd_tag_info *i = qd_tag_reader_info(r);
    for (unsigned k = 0; k < i->fits; k++) {
        (void)strcat(got, k ? " " : "");
        (void)strcat(got, i->fit[k]);
    }
    qd_tag_reader_close(r);
    ck_assert_msg(strcmp(got, want) == 0, "%s of %d records: '%s', not '%s'", format, (int)records, got, want);
    f.any_channel = false;
    r = NULL;
    qd_status st = qd_tag_reader_open(path, f, &r, &err);
    qd_tag_reader_close(r);
    ck_assert_int_eq(st, *want ? QD_E_INPUT : QD_OK);
    if (*want) ck_assert_ptr_nonnull(strstr(err.next, strtok(got, " ")));
}

/* Poisson events of 0.1, 1 and 10 Mcount/s, in each order and width: the named order or the other one, never both, and of the other the width
 * that the low bits leave. 54: fine time; 49: 3: a phase in bits 4..12, 2: none. */
START_TEST(order_of_words) {
    static const double mean_ps[3] = {1e7, 1e6, 1e5};
    enum { N = 3000 };
    static uint64_t w[N];
    for (int rate = 0; rate < 3; rate++)
        for (int kind = 0; kind < 3; kind++) {
            double ps = 1e12 + rate * 7e15;
            for (uint64_t i = 0; i < N; i++) {
                uint32_t d[4];
                qd_philox(11, QD_STREAM_TEST, i, (uint32_t)(rate * 3 + kind), d);
                ps += -log(((double)d[0] + 0.5) / 4294967296.0) * mean_ps[rate];
                uint64_t t = (uint64_t)(ps * 32 / 125);
                w[i] = (kind == 0 ? t << 10 : t >> 5 << 15) | 1u << (d[1] >> 30);
                if (kind == 1) w[i] |= d[2] & 0x1ff0;
            }
            static const char *const others[3] = {"a1-54", "a1-49-swapped", "a1-49-swapped a1-54"};
            static const char *const swapped[3] = {"a1-54-swapped", "a1-49", "a1-49 a1-54-swapped"};
            for (int n = N; n >= 16; n = n > 100 ? 40 : n - 24) {
                write_words(w, (size_t)n, "a1-54"); /* low half first */
                fits("a1-54", "", (uint64_t)n);
                fits("a1-49-swapped", "", (uint64_t)n);
                fits("a1-49", others[kind], (uint64_t)n);
                fits("a1-54-swapped", others[kind], (uint64_t)n);
                write_words(w, (size_t)n, "a1-49");
                fits("a1-49", "", (uint64_t)n);
                fits("a1-54-swapped", "", (uint64_t)n);
                fits("a1-54", swapped[kind], (uint64_t)n);
            }
        }
}
END_TEST

/* Where nothing is certain nothing is said: random records, a recording with an event every few seconds, equal times, few records. */
START_TEST(order_unknown) {
    enum { N = 5000 };
    static uint64_t w[N];
    for (int kind = 0; kind < 4; kind++) {
        for (uint64_t i = 0; i < N; i++) {
            uint32_t d[4];
            qd_philox(12, QD_STREAM_TEST, i, (uint32_t)kind, d);
            uint64_t random = (uint64_t)d[0] << 32 | d[1], slow = ((i * 3000000000000 + d[0] * 300) * 32 / 125) << 10 | 1;
            w[i] = kind == 0 ? random : kind == 1 ? slow : kind == 2 ? 0x123456789abcd << 10 | 1 : 0;
        }
        write_words(w, N, "a1-54");
        for (size_t k = 0; k < 4; k++) {
            qd_tag_format f = format_of(names[k]);
            qd_tag_reader *r = NULL;
            ck_assert_int_eq(qd_tag_reader_open(path, f, &r, NULL), QD_OK);
            ck_assert_uint_eq(qd_tag_reader_info(r)->fits, 0);
            qd_tag_reader_close(r);
        }
    }
}
END_TEST

static int longer_first(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* 300 recordings of 100 gaps of pure chance: fewer than 1e-9 of each are named, so none; the same with one gap of 40 mean ones. Of the longest
 * of n gaps, 40 means are beyond the bound of ln n + 20.7 = 25.3 of the mean of the others, whatever these come to within 4 sd (40 %). */
START_TEST(gaps_of_chance) {
    enum { N = 100 };
    const double mean = 1e9;
    for (uint64_t run = 0; run < 300; run++)
        for (int pause = 0; pause < 2; pause++) {
            int64_t gap[N];
            qd_tag_info info = {.events = N + 1, .gaps = N};
            for (uint64_t i = 0; i < N; i++) {
                uint32_t d[4];
                qd_philox(14, QD_STREAM_TEST, i, (uint32_t)run, d);
                gap[i] = (int64_t)(-log(((double)d[0] + 0.5) / 4294967296.0) * mean) + 1;
            }
            if (pause) gap[7] = (int64_t)(40 * mean);
            for (int i = 0; i < N; i++) info.last += gap[i];
            qsort(gap, N, sizeof *gap, longer_first);
            memcpy(info.gap, gap, sizeof info.gap);
            ck_assert_uint_eq(qd_tag_gaps(&info), pause);
        }
}
END_TEST

/* Resets and pauses: steps back by their length, gaps by what the rate explains. */
START_TEST(steps_of_time) {
    enum { N = 400 };
    static uint64_t w[N];
    const uint64_t ms = 256000000; /* ticks */
    qd_tag_info info = {0};
    qd_tags t = {0};
    qd_error err = {0};
    for (int kind = 0; kind < 5; kind++) {
        uint64_t at = 10000 * ms;
        for (uint64_t i = 0; i < N; i++) {
            uint32_t d[4];
            qd_philox(13, QD_STREAM_TEST, i, 0, d);
            /* kind 4: 5 events a second, whose gaps of seconds are chance */
            at += (uint64_t)(-log(((double)d[0] + 0.5) / 4294967296.0) * (kind == 4 ? 200 : 0.001) * (double)ms) + 1;
            if (kind == 1 && i == 200) at = 1000 * ms;  /* a reset */
            if (kind == 2 && i == 300) at += 5000 * ms; /* a pause */
            if (kind == 2 && i == 100) at += 2000 * ms;
            w[i] = (kind == 3 && i % 7 == 3 ? at - ms / 1000 : at) << 10 | 1; /* disorder of a microsecond */
        }
        write_words(w, N, "a1-54");
        t.n = 0;
        ck_assert_int_eq(read_all("a1-54", 100, &t, &info, &err), QD_OK);
        unsigned gaps = qd_tag_gaps(&info);
        ck_assert_uint_eq(info.jumps, kind == 1);
        if (kind == 1) {
            ck_assert_uint_eq(info.jump_event, 200);
            ck_assert_int_ge(info.largest_backward, (int64_t)(9000 * ms));
            ck_assert_uint_eq(gaps, 1); /* between the two parts, sorted */
            ck_assert_int_ge(info.gap[0], (int64_t)(8999 * ms));
        } else if (kind == 2) {
            ck_assert_uint_eq(gaps, 2);
            ck_assert_int_eq(info.gap[0], t.t[300] - t.t[299]);
            ck_assert_int_eq(info.gap_at[0], t.t[299]);
            ck_assert_int_eq(info.gap[1], t.t[100] - t.t[99]);
        } else {
            ck_assert_uint_eq(gaps, 0);
            if (kind == 3) ck_assert_uint_gt(info.backward, 0);
            if (kind == 4) ck_assert_uint_gt(info.gaps, QD_TAG_GAPS);
        }
        for (unsigned k = 1; k < QD_TAG_GAPS && k < info.gaps; k++) ck_assert_int_ge(info.gap[k - 1], info.gap[k]);
    }
    qd_tags_destroy(&t);
}
END_TEST

START_TEST(bad_files) {
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    qd_tag_format f = format_of("a1-54");
    uint8_t bytes[20] = {1};
    write_bytes(bytes, 20);
    ck_assert_int_eq(qd_tag_reader_open(path, f, &r, &err), QD_E_INPUT);
    ck_assert_ptr_null(r);
    ck_assert_ptr_nonnull(strstr(err.what, "byte 16 is cut off after 4 of 8"));
    write_bytes(bytes, 0);
    ck_assert_int_eq(qd_tag_reader_open(path, f, &r, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "empty"));
    ck_assert_int_eq(qd_tag_reader_open("no/such/file", f, &r, &err), QD_E_INPUT);
    ck_assert_int_eq(qd_tag_reader_open("/", f, &r, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "directory"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(qd_tag_reader_open(path, f, &r, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "pipe"));
    ck_assert_int_eq(unlink(path), 0);
    write_bytes(bytes, 8); /* shorter while it is read */
    uint8_t many[80000];
    memset(many, 1, sizeof many);
    write_bytes(many, sizeof many);
    ck_assert_int_eq(qd_tag_reader_open(path, f, &r, &err), QD_OK);
    ck_assert_int_eq(truncate(path, 40000), 0);
    qd_tags t = {0};
    bool end = false;
    ck_assert_int_eq(qd_tag_reader_read(r, 100000, &t, &end, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "ends at byte 40000 of 80000"));
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

/* Bad events, and nothing under the file's name until commit. */
START_TEST(bad_writes) {
    qd_tag_writer *w = NULL;
    qd_error err = {0};
    qd_tag_format f = format_of("a1-54");
    int64_t times[2] = {5, 4};
    uint8_t masks[2] = {1, 1};
    qd_tags t = {.n = 2, .cap = 2, .t = times, .mask = masks, .tick = {125, 32}};
    (void)unlink(path2);
    ck_assert_int_eq(qd_tag_writer_open(path2, f, &w, &err), QD_OK);
    ck_assert_int_eq(qd_tag_writer_write(w, &t, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, "event 1 is earlier"));
    t.n = 1;
    ck_assert_int_eq(qd_tag_writer_write(w, &t, &err), QD_OK);
    times[0] = 3;
    ck_assert_int_eq(qd_tag_writer_write(w, &t, &err), QD_E_INPUT); /* across calls */
    times[0] = 6;
    masks[0] = 16;
    ck_assert_int_eq(qd_tag_writer_write(w, &t, &err), QD_E_INPUT);
    masks[0] = 0;
    ck_assert_int_eq(qd_tag_writer_write(w, &t, &err), QD_E_INPUT);
    qd_tag_writer_abandon(w);
    ck_assert_int_ne(access(path2, F_OK), 0);
    ck_assert_int_eq(qd_tag_writer_open("no/such/dir/file", f, &w, &err), QD_E_INPUT);
    ck_assert_ptr_null(w);
}
END_TEST

int main(void) {
    int fd = mkstemp(path), fd2 = mkstemp(path2);
    if (fd < 0 || fd2 < 0) return 1;
    close(fd);
    close(fd2);
    Suite *s = suite_create("tags");
    TCase *tc = tcase_create("a1");
    tcase_add_test(tc, names_and_ticks);
    tcase_add_test(tc, byte_order);
    tcase_add_loop_test(tc, round_trip, 0, 4);
    tcase_add_test(tc, widths);
    tcase_add_test(tc, dropped_records);
    tcase_add_loop_test(tc, wrap, 0, 4);
    tcase_add_test(tc, small_steps_back);
    tcase_add_test(tc, beyond_repair);
    tcase_add_test(tc, wrong_format);
    tcase_add_test(tc, order_of_words);
    tcase_add_test(tc, order_unknown);
    tcase_add_test(tc, gaps_of_chance);
    tcase_add_test(tc, steps_of_time);
    tcase_add_test(tc, bad_files);
    tcase_add_test(tc, bad_writes);
    suite_add_tcase(s, tc);
    int failed = run_all(s);
    (void)unlink(path);
    (void)unlink(path2);
    return failed != 0;
}
