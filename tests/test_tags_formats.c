/* SPDX-License-Identifier: Apache-2.0 */
/* Formats of other makers: byte vectors and texts by hand, round trips of what is written, options, channel maps, numbers. */
#include "tag_file.h"
#include "timetag/number.h"

/* 40 bytes that begin with the mark; input 1 at 0x0102030405, input 4 at 0x0102030409 */
static const uint8_t qutag_file[60] = {0x87, 0xb3, 0x91, 0xfa, [40] = 0x05, 0x04, 0x03, 0x02, 0x01, 0, 0, 0,
                                       1,    0,    0x09, 0x04, 0x03,        0x02, 0x01, 0,    0,    0, 4, 0};
static const int64_t qutag_times[2] = {0x0102030405, 0x0102030409};
static const uint8_t one_eight[2] = {1, 8};

START_TEST(qutag) {
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_file(qutag_file, sizeof qutag_file);
    reads("qutag", &t, &info);
    expect_tags(&t, 2, qutag_times, one_eight);
    ck_assert_uint_eq(t.tick.num, 1);
    ck_assert_uint_eq(t.tick.den, 1);
    reads("auto", &t, &info);
    expect_tags(&t, 2, qutag_times, one_eight);
    reads("qutag:tick-ps=81", &t, &info); /* a quTAU */
    ck_assert_int_eq(t.t[0], qutag_times[0]);
    ck_assert_uint_eq(t.tick.num, 81);
    refuses(path, "qutag-raw", "--format qutag"); /* the header read as tags */
    write_file(qutag_file + 40, 20);
    reads("qutag-raw", &t, &info);
    expect_tags(&t, 2, qutag_times, one_eight);
    refuses(path, "qutag", "cut off at byte 20 of 40");
    refuses(path, "auto", "names its own format");
    write_file(qutag_file, 59);
    refuses(path, "qutag", "byte 50 is cut off after 9 of 10");
    uint8_t b[60];
    memcpy(b, qutag_file, 60);
    b[0] = 0;
    write_file(b, 60);
    refuses(path, "qutag", "qutag-raw");
    memcpy(b, qutag_file, 60);
    b[49] = 0x12; /* records of another length give channels that no device has */
    write_file(b, 60);
    refuses(path, "qutag", "compressed");
    b[49] = 0, b[48] = 0; /* the start input is no detector without a map */
    write_file(b, 60);
    refuses(path, "qutag", "byte 40 (record 0): an event of channel 0");
    reads("qutag:channels=V=0,+=4", &t, &info);
    expect_tags(&t, 2, qutag_times, one_eight);
    qd_tags_destroy(&t);
}
END_TEST

/* kind i32, channel i32, time u64 */
START_TEST(swabian) {
    static const uint8_t f[64] = {0, 0, 0, 0, 2,    0,    0,    0,    0x10, 0, 0, 0, 1, 0, 0, 0,
                                  2, 0, 0, 0, 0,    0,    0,    0,    0x11, 0, 0, 0, 1, 0, 0, 0, /* tags were lost */
                                  0, 0, 0, 0, 0xfd, 0xff, 0xff, 0xff, 0x12, 0, 0, 0, 1, 0, 0, 0, /* channel -3 */
                                  0, 0, 0, 0, 3,    0,    0,    0,    0x13, 0, 0, 0, 1, 0, 0, 0};
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_file(f, sizeof f);
    refuses(path, "swabian", "byte 32 (record 2): an event of channel -3");
    reads("swabian:channels=V=-3,-=2,H=3", &t, &info);
    expect_tags(&t, 3, (const int64_t[]){0x100000010, 0x100000012, 0x100000013}, (const uint8_t[]){2, 1, 4});
    ck_assert_uint_eq(info.lost, 1);
    ck_assert_uint_eq(info.records, 4);
    write_file(f, 63);
    refuses(path, "swabian", "byte 48 is cut off after 15 of 16");
    uint8_t bad[16] = {0, 1};
    write_file(bad, 16);
    refuses(path, "swabian", "kind 256");
    memset(bad, 0xff, 16);
    bad[0] = bad[1] = bad[2] = bad[3] = 0;
    write_file(bad, 16);
    refuses(path, "swabian", "18446744073709551615 ps");
    qd_tags_destroy(&t);
}
END_TEST

START_TEST(a1_text) {
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_text("048d159e26af3401\n0000000000000000\n048d159e26af3802\r\n048D159E26AF3C14");
    reads("a1-54-text", &t, &info); /* 0x048d159e26af3401 = 0x123456789abcd << 10 | 1 */
    expect_tags(&t, 2, (const int64_t[]){0x123456789abcd, 0x123456789abce}, (const uint8_t[]){1, 2});
    ck_assert_uint_eq(info.padding, 1);
    ck_assert_uint_eq(info.dummies, 1);
    reads("a1-49-text", &t, &info);
    ck_assert_int_eq(t.t[0], 0x123456789abcd >> 5);
    ck_assert_uint_eq(t.n, 3);
    write_text("048d159e26af3401\n048d159e26af340\n");
    refuses(path, "a1-54-text", "line 2");
    write_text("048d159e26af34011\n");
    refuses(path, "a1-54-text", "line 1");
    write_text("048d159e26af3401\n\n");
    refuses(path, "a1-54-text", "line 2");
    write_file("048d159e26af3401\n\0", 18);
    refuses(path, "a1-54-text", "zero byte");
    qd_tag_format f;
    qd_error err = {0};
    ck_assert_int_eq(qd_tag_format_parse("a1-text", &f, &err), QD_E_USAGE);
    ck_assert_ptr_nonnull(strstr(err.next, "a1-54-text"));
    qd_tags_destroy(&t);
}
END_TEST

START_TEST(csv) {
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_text("# a comment\ntime_ps,channel\n10,1\n# another\n\n12.5,2\n+20.4999,4\n");
    reads("csv", &t, &info);
    expect_tags(&t, 3, (const int64_t[]){10, 13, 20}, (const uint8_t[]){1, 2, 8});
    write_text("\xef\xbb\xbf\"Channel no\"; x ;\"t / ns\"\r\n 3 ;;  1.0015\r\n\"2\";\"a;b\";\"1.5e3\"\r\n");
    reads("csv:time=t / ns:channel=Channel no:unit=ns", &t, &info);
    expect_tags(&t, 2, (const int64_t[]){1002, 1500000}, (const uint8_t[]){4, 2});
    write_text("t\tc\n1.000000000000000000e-06\t7\n2.5e-6\t1\n");
    reads("csv:time=t:channel=c:unit=s:channels=V=7", &t, &info);
    expect_tags(&t, 1, (const int64_t[]){1000000}, (const uint8_t[]){1});
    ck_assert_uint_eq(info.unmapped, 1);
    write_text("t,c\n-4,1\n0,1\n4,1\n1e1,2\n5.00,3\n");
    reads("csv:time=t:channel=c:unit=ticks:tick-ps=125/32", &t, &info);
    expect_tags(&t, 5, (const int64_t[]){-4, 0, 4, 5, 10}, (const uint8_t[]){1, 1, 1, 4, 2});
    ck_assert_uint_eq(t.tick.den, 32);
    reads("csv:time=t:channel=c:tick-ps=125/32", &t, &info); /* ps in ticks of 3.90625 ps: nearest */
    ck_assert_int_eq(t.t[0], -1);
    ck_assert_int_eq(t.t[2], 1);
    refuses(path, "csv", "no column 'time_ps'");
    refuses(path, "csv:time=t", "the columns are: t,c");
    write_text("time_ps,channel\n1,1\n2\n");
    refuses(path, "csv", "line 3: too few columns");
    write_text("time_ps,channel\n1,1\n2,V\n");
    refuses(path, "csv", "line 3: 'V' is no channel");
    write_text("time_ps,channel\n1 000,1\n");
    refuses(path, "csv", "line 2: '1 000' is no time");
    write_text("t,channel\n1.5,1\n");
    refuses(path, "csv:time=t:unit=ticks:tick-ps=1", "whole ticks");
    write_text("time_ps,channel\n5,1.000e+00\n6,20e-1\n7,1.5\n"); /* numbers as some programs write all of them */
    refuses(path, "csv", "line 4: '1.5' is no channel");
    refuses(path, "csv", "number the channels");
    write_text("time_ps,x,channel,x\n1,1,1,1\n"); /* twice, but not wanted */
    reads("csv", &t, &info);
    write_text("time_ps,time_ps,channel\n1,1,1\n");
    refuses(path, "csv", "'time_ps' is that of two columns");
    write_text("channel,time_ps,channel\n1,1,1\n");
    refuses(path, "csv", "'channel' is that of two columns");
    write_text("");
    refuses(path, "csv", "is empty");
    write_text("time_ps,channel\n1,9\n");
    refuses(path, "csv", "line 2: an event of channel 9");
    char *longer = malloc(5001);
    memset(longer, 'x', 5000);
    longer[5000] = 0;
    write_text(longer);
    free(longer);
    refuses(path, "csv", "line 1: longer than");
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    ck_assert_int_eq(qd_tag_reader_open(path, format_of("csv:unit=ticks"), &r, &err), QD_E_USAGE);
    qd_tags_destroy(&t);
}
END_TEST

static void reads_one(const char *text, const char *format, int64_t time) {
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_text(text);
    reads(format, &t, &info);
    ck_assert_uint_eq(t.n, 1);
    ck_assert_int_eq(t.t[0], time);
    qd_tags_destroy(&t);
}

/* Times that do not fit the tick: a start taken off, a coarser tick, or a damaged line. */
START_TEST(csv_far) {
    qd_tags t = {0};
    qd_tag_info info = {0};
    qd_error err = {0};
    write_text("t,channel\n1732862400.123456789012,1\n1732862400.123456789013,2\n1732862401,3\n");
    refuses(path, "csv:time=t:unit=s", "line 2: the time '1732862400.123456789012' s is beyond 2^61 ticks of 1 ps");
    refuses(path, "csv:time=t:unit=s", "csv:start=1732862400)");
    refuses(path, "csv:time=t:unit=s", "csv:tick-ps=1000)");
    refuses(path, "csv:time=t:unit=s", "since 1970");
    reads("csv:time=t:unit=s:start=1732862400", &t, &info);
    expect_tags(&t, 3, (const int64_t[]){123456789012, 123456789013, 1000000000000}, (const uint8_t[]){1, 2, 4});
    reads("csv:time=t:unit=s:start=1732862400.5", &t, &info);
    ck_assert_int_eq(t.t[0], 123456789012 - 500000000000);
    reads("csv:time=t:unit=s:start=1732862400:tick-ps=1000", &t, &info);
    ck_assert_int_eq(t.t[0], 123456789);
    reads("csv:time=t:unit=s:tick-ps=1000", &t, &info);
    ck_assert_int_eq(t.t[1], 1732862400123456789);
    refuses(path, "csv:time=t:unit=s:start=-1e9", "from the start on");
    write_text("t,channel\n1732862400123456789012,1\n"); /* the same in ps, and the start that the error names */
    refuses(path, "csv:time=t", "csv:start=1732862400000000000000)");
    reads("csv:time=t:start=1732862400000000000000", &t, &info);
    ck_assert_int_eq(t.t[0], 123456789012);
    write_text("t,channel\n1e30,1\n");
    refuses(path, "csv:time=t:unit=s", "beyond 2^61 ticks");
    refuses(path, "csv:time=t:unit=s", "correct or remove the line");
    refuses(path, "csv:time=t:unit=s:start=1e-30", "between the digits of both there are more than 36");
    reads_one("t,channel\n1e-40,1\n", "csv:time=t:unit=s:start=-1", 1000000000000); /* what no time is kept to does not count */
    reads_one("t,channel\n3,1\n", "csv:time=t:unit=s:start=1e-60", 3000000000000);
    reads_one("t,channel\n7.0,1\n", "csv:time=t:unit=ticks:tick-ps=4:start=5.00", 2);
    write_text("t,channel\n1e-40,1\n");
    refuses(path, "csv:time=t:unit=ticks:tick-ps=4:start=5", "no time in whole ticks");
    qd_tag_reader *r = NULL;
    ck_assert_int_eq(qd_tag_reader_open(path, format_of("csv:time=t:unit=ticks:tick-ps=4:start=5.5"), &r, &err), QD_E_USAGE);
    ck_assert_ptr_nonnull(strstr(err.what, "no whole number of ticks"));
    write_text("time_ps,channel\n5,1\n99999999999999999999999,1\n"); /* others fitted */
    refuses(path, "csv", "line 3: the time '99999999999999999999999' ps is beyond");
    refuses(path, "csv", "the line is damaged");
    char edge[64]; /* 2^61 - 1 ticks fit, 2^61 do not */
    (void)snprintf(edge, sizeof edge, "time_ps,channel\n%lld,1\n", (1LL << 61) - 1);
    write_text(edge);
    reads("csv", &t, &info);
    ck_assert_int_eq(t.t[0], (1LL << 61) - 1);
    (void)snprintf(edge, sizeof edge, "time_ps,channel\n%lld,1\n", 1LL << 61);
    write_text(edge);
    refuses(path, "csv", "beyond 2^61 ticks of 1 ps");
    qd_tag_writer *w = NULL;
    ck_assert_int_eq(qd_tag_writer_open(path, format_of("csv:start=5"), &w, &err), QD_E_USAGE);
    qd_tags_destroy(&t);
}
END_TEST

/* Columns are channels; row k is the k-th tag of each, so that rows are not in order of time. */
START_TEST(chronoxea) {
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_text(
        "% Recording of today\n% Sync frequency: 10 kHz\n% Channel A: 3 tags\n% Channel B: 0 tags\n% Channel C: 2 tags\n"
        "0\t1.300\t5\t0.013\n1\t99999.900\t7\t2.6\n9\t0\t\t\n");
    reads("chronoxea", &t, &info);
    /* 10 kHz: 100,000,000 ps a period */
    expect_tags(&t, 5, (const int64_t[]){1300, 199999900, 500000013, 700002600, 900000000}, (const uint8_t[]){1, 1, 4, 4, 1});
    ck_assert_uint_eq(info.records, 5);
    ck_assert_uint_eq(info.backward, 0);
    ck_assert_uint_eq(info.unnamed, 0);
    reads("chronoxea:sync-hz=20e3", &t, &info); /* the true frequency, when the typed one is wrong */
    ck_assert_int_eq(t.t[1], 150000000 - 100 + 0 * 5);
    /* a time beyond the stated period: the header is wrong */
    write_text("% Sync frequency 10 MHz\n0 1.3\n1 99.9\n2 100.013\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "line 4");
    refuses(path, "chronoxea:channels=V=1,-=2", "--sync-hz");
    reads("chronoxea:sync-hz=1000000:channels=V=1", &t, &info);
    expect_tags(&t, 3, (const int64_t[]){1300, 1099900, 2100013}, (const uint8_t[]){1, 1, 1});
    write_text("% no frequency here\n0 1.3\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "no sync frequency");
    write_text("% sync 3 Hz\n0 1.3\n"); /* a third of a second is no whole number of ps */
    refuses(path, "chronoxea:channels=V=1,-=2", "no whole number of ticks");
    write_text("% sync 10 kHz\n% Channel A: 5 tags\n0;1;2;3\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "4 columns of numbers, but 1 channels");
    write_text("% sync 10 kHz\n0;1;2\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "3 columns");
    write_text("% sync 10 kHz\n0;1;2;3\n1;2;3\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "line 3: half a pair");
    write_text("% sync 10 kHz\n0 1 2 3\n1 2\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "line 3: fewer columns");
    write_text("% sync 10 kHz\n0;1;2;3\n1;2;3;4;5\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "line 3: more columns");
    write_text("% sync 10 kHz\n0;x\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "line 2");
    write_text("% sync 10 kHz\n0;-1\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "line 2");
    write_text("% sync 10 kHz\n");
    refuses(path, "chronoxea:channels=V=1,-=2", "no row of numbers");
    /* no channels in the header: the third and the fourth with tags would pass for the first and the second */
    write_text("% sync 10 kHz\n% tags per channel: 0 0 2 1\n0;1;2;3\n1;2;;\n");
    refuses(path, "chronoxea", "whose the 2 pairs of columns are");
    refuses(path, "chronoxea", "--channels V=1,-=2");
    reads("chronoxea:channels=H=1,+=2", &t, &info);
    expect_tags(&t, 3, (const int64_t[]){1000, 100002000, 200003000}, (const uint8_t[]){4, 4, 8});
    ck_assert_uint_eq(info.unnamed, 2);
    qd_tags_destroy(&t);
}
END_TEST

/* What is written is read back; clicks of several detectors become records of one time, which merging makes one event again. */
START_TEST(round_trip) {
    static const struct {
        const char *write, *read;
        qd_tick tick;
        bool masks; /* events with several detectors stay one record */
    } cases[] = {
        {"a1-49-text", "a1-49-text", {125, 1}, true},
        {"a1-54-text", "a1-54-text", {125, 32}, true},
        {"qutag-raw", "qutag-raw", {1, 1}, false},
        {"qutag-raw:tick-ps=81:channels=V=8,-=7,H=6,+=5", "qutag-raw:tick-ps=81:channels=V=8,-=7,H=6,+=5", {81, 1}, false},
        {"swabian", "swabian", {1, 1}, false},
        {"swabian:channels=V=-1,-=-2,H=-3,+=-4", "swabian:channels=V=-1,-=-2,H=-3,+=-4", {1, 1}, false},
        {"csv", "csv", {1, 1}, false},
        {"csv", "csv:tick-ps=125/32", {125, 32}, false},
        {"csv:unit=s", "csv:unit=s:tick-ps=125/32", {125, 32}, false},
        {"csv:unit=ns:time=t:channel=c", "csv:unit=ns:time=t:channel=c:tick-ps=0.25", {1, 4}, false},
        {"csv:unit=ticks:tick-ps=2", "csv:unit=ticks:tick-ps=2", {2, 1}, false}};
    qd_tags in = {.tick = cases[_i].tick}, t = {0};
    qd_tag_written written;
    qd_tag_info info = {0};
    qd_error err = {0};
    ck_assert_int_eq(qd_tags_reserve(&in, 20000, &err), QD_OK);
    int64_t at = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t w[4];
        qd_philox(7, QD_STREAM_TEST, i, 0, w);
        at += 1 + (int64_t)(w[0] >> 6);
        in.t[i] = at;
        in.mask[i] = (uint8_t)(1 + w[1] % 15);
    }
    in.n = 20000;
    write_tags(path, cases[_i].write, &in, &written);
    ck_assert_uint_eq(written.events, in.n);
    reads(cases[_i].read, &t, &info);
    ck_assert_uint_eq(t.tick.num, in.tick.num);
    ck_assert_uint_eq(t.tick.den, in.tick.den);
    ck_assert_uint_eq(written.records, t.n);
    if (!cases[_i].masks) {
        ck_assert_uint_gt(t.n, in.n);
        qd_merge merge = {0};
        ck_assert_int_eq(qd_merge_clicks(&merge, 1, true, &t, &err), QD_OK);
    }
    ck_assert_uint_eq(t.n, in.n);
    ck_assert_mem_eq(t.t, in.t, in.n * sizeof *in.t);
    ck_assert_mem_eq(t.mask, in.mask, in.n);
    qd_tags_destroy(&in);
    qd_tags_destroy(&t);
}
END_TEST

static void expect_written(const char *format, const qd_tags *in, const void *want, size_t n) {
    uint8_t got[256];
    write_tags(path, format, in, NULL);
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    size_t bytes = fread(got, 1, sizeof got, f);
    fclose(f);
    ck_assert_uint_eq(bytes, n);
    ck_assert_mem_eq(got, want, n);
}

START_TEST(written_bytes) {
    int64_t times[2] = {0x0102030405, 0x0102030409};
    uint8_t masks[2] = {1, 8};
    qd_tags in = {.n = 2, .t = times, .mask = masks, .tick = {1, 1}};
    expect_written("qutag-raw", &in, qutag_file + 40, 20);
    static const uint8_t swabian_bytes[32] = {0, 0, 0, 0, 1, 0, 0, 0, 5, 4, 3, 2, 1, 0, 0, 0,
                                              0, 0, 0, 0, 9, 0, 0, 0, 9, 4, 3, 2, 1, 0, 0, 0};
    expect_written("swabian:channels=V=1,+=9", &in, swabian_bytes, 32);
    times[0] = 33, times[1] = 256000000000000; /* 128.90625 ps, 1000 s */
    masks[0] = 5;
    in.tick = (qd_tick){125, 32};
    const char *ps = "time_ps,channel\n128.90625,1\n128.90625,3\n1000000000000000,4\n";
    expect_written("csv", &in, ps, strlen(ps));
    const char *s = "time_ps,channel\n0.00000000012890625,1\n0.00000000012890625,3\n1000,4\n";
    expect_written("csv:unit=s", &in, s, strlen(s));
    const char *cut = "time_ps,channel\n0.128,1\n0.128,3\n1000000000000,4\n";
    expect_written("csv:unit=ns:tick-ps=1", &in, cut, strlen(cut));
    times[0] = 0;
    const char *ticks = "time_ps,channel\n0,1\n0,3\n500000000000000,4\n";
    expect_written("csv:unit=ticks:tick-ps=2", &in, ticks, strlen(ticks));
}
END_TEST

START_TEST(names_and_options) {
    static const char *const names[] = {"a1-49-text", "a1-54-text", "t1",        "t2",  "ptu", "qutag",
                                        "qutag-raw",  "swabian",    "chronoxea", "csv", "auto"};
    qd_tag_format f;
    qd_error err = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        f = format_of(names[i]);
        ck_assert_str_eq(qd_tag_format_name(&f), names[i]);
        /* without an option nothing changes; auto, ptu and chronoxea learn their tick from the file */
        bool from_file = f.kind == QD_TAG_PTU || f.kind == QD_TAG_AUTO || f.kind == QD_TAG_CHRONOXEA;
        ck_assert_uint_eq(qd_tag_format_tick(&f).num != 0, !from_file);
    }
    static const char *const bad[] = {"ptu:card=timestamp3",
                                      "a1-54:channels=V=1",
                                      "ptu:channels=",
                                      "ptu:channels=V",
                                      "ptu:channels=Q=1",
                                      "ptu:channels=V=1,-=1",
                                      "ptu:channels=V=x",
                                      "ptu:channels=V=99999999999",
                                      "ptu:channels=VV=1",
                                      "csv:unit=fs",
                                      "csv:time=",
                                      "csv:tick-ps=0",
                                      "csv:start=soon",
                                      "swabian:start=1",
                                      "csv:tick-ps=-1",
                                      "csv:tick-ps=1/0",
                                      "csv:tick-ps=1e99",
                                      "t1:bits=50",
                                      "t1:epoch0=4294967296",
                                      "t1:epoch0=-1",
                                      "t1:unix=maybe",
                                      "t2:order=3",
                                      "t2:order=28",
                                      "t2:protocol=2",
                                      "t2:bits=54",
                                      "ptu:nothing",
                                      "cor",
                                      "PTU",
                                      "",
                                      "a1-54:card=timestamp9",
                                      "swabian:tick-ps=2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        qd_tag_format before = f = format_of("a1-49");
        ck_assert_msg(qd_tag_format_parse(bad[i], &f, &err) == QD_E_USAGE, "%s is accepted", bad[i]);
        ck_assert(f.kind == before.kind && f.bits == before.bits);
        ck_assert(err.what[0] && (err.next[0] || err.likely[0]));
    }
    f = format_of("qutag:tick-ps=81.0:channels=V=1,V=5,+=0");
    ck_assert_uint_eq(f.tick.num, 81);
    ck_assert_uint_eq(f.tick.den, 1);
    ck_assert_uint_eq(f.channels.n, 3);
    f = format_of("csv:tick-ps=3.90625");
    ck_assert_uint_eq(f.tick.num, 125);
    ck_assert_uint_eq(f.tick.den, 32);
    ck_assert_int_eq(qd_tag_format_parse("nothing", &f, &err), QD_E_USAGE);
    ck_assert_ptr_nonnull(strstr(err.next, "chronoxea"));
}
END_TEST

START_TEST(numbers) {
    static const struct {
        const char *text;
        int power;
        qd_tick tick;
        int64_t want;
    } good[] = {{"0", 0, {1, 1}, 0},
                {"0.5", 0, {1, 1}, 1},
                {"-0.5", 0, {1, 1}, 0}, /* halves up */
                {"-1.5", 0, {1, 1}, -1},
                {"1.4999999999999999", 0, {1, 1}, 1},
                {"4.6e18", 0, {1, 1}, 4600000000000000000},
                {"4611686.018427387903", 12, {1, 1}, 4611686018427387903},
                {"0.000000000000000000000000000000000000000000001", 12, {1, 1}, 0},
                {"1000000000000000000000000000000e-30", 12, {125, 32}, 256000000000},
                {"1.953125", 0, {125, 32}, 1},
                {"1.953124999999999999", 0, {125, 32}, 0},
                {"  7\t", 3, {1000, 3}, 21},
                {"1e-400", 0, {1, 1}, 0}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        qd_decimal d;
        int64_t t = 77;
        ck_assert_msg(qd_parse_decimal(good[i].text, &d), "%s", good[i].text);
        ck_assert_msg(qd_decimal_ticks(d, good[i].power, good[i].tick, &t), "%s", good[i].text);
        ck_assert_msg(t == good[i].want, "%s: %lld", good[i].text, (long long)t);
    }
    static const char *const bad[] = {"", "-", ".", "1,5", "0x10", "1e", "1e+", "nan", "inf", "1 2", "--1", "1e99999", "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        qd_decimal d;
        ck_assert_msg(!qd_parse_decimal(bad[i], &d), "'%s' is accepted", bad[i]);
    }
    static const char *const far[] = {"4611686018427387904", "-4611686018427387904", "1e30", "1e1000",
                                      "999999999999999999999999999999999999e5"};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        qd_decimal d;
        int64_t t;
        ck_assert(qd_parse_decimal(far[i], &d));
        ck_assert_msg(!qd_decimal_ticks(d, 0, (qd_tick){1, 1}, &t), "%s has a time", far[i]);
    }
}
END_TEST

/* To look into a file every channel is counted, and none is an error. */
START_TEST(any_channel) {
    qd_tag_format f = format_of("csv");
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    qd_tags t = {0};
    bool end = false;
    write_text("time_ps,channel\n1,1\n2,17\n3,17\n4,-5\n");
    f.any_channel = true;
    ck_assert_int_eq(qd_tag_reader_open(path, f, &r, &err), QD_OK);
    ck_assert_int_eq(qd_tag_reader_read(r, 100, &t, &end, &err), QD_OK);
    const qd_tag_info *i = qd_tag_reader_info(r);
    ck_assert_uint_eq(t.n, 1);
    ck_assert_uint_eq(i->unmapped, 3);
    ck_assert_uint_eq(i->channels, 3);
    ck_assert_int_eq(i->channel[1], 17);
    ck_assert_uint_eq(i->clicks[1], 2);
    ck_assert_int_eq(i->seen_first, 1);
    ck_assert_int_eq(i->seen_last, 4);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("tags_formats");
    TCase *tc = tcase_create("formats");
    tcase_add_test(tc, qutag);
    tcase_add_test(tc, swabian);
    tcase_add_test(tc, a1_text);
    tcase_add_test(tc, csv);
    tcase_add_test(tc, csv_far);
    tcase_add_test(tc, chronoxea);
    tcase_add_loop_test(tc, round_trip, 0, 11);
    tcase_add_test(tc, written_bytes);
    tcase_add_test(tc, names_and_options);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, any_channel);
    suite_add_tcase(s, tc);
    return run_in_folder(s);
}
