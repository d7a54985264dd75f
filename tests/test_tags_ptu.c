/* SPDX-License-Identifier: Apache-2.0 */
/* PTU: records of every type by hand, headers that lie, and a recording whose answers are known. */
#include <math.h>
#include "tag_file.h"

enum { EMPTY = 0xffff0008, INTEGER = 0x10000008, REAL = 0x20000008, STRING = 0x4001ffff };

typedef struct image {
    uint8_t b[8192];
    size_t n;
} image;

static void put(image *m, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) m->b[m->n++] = (uint8_t)(v >> (8 * i));
}
static void tag(image *m, const char *name, uint32_t type, uint64_t value) {
    memset(m->b + m->n, 0, 32);
    memcpy(m->b + m->n, name, strlen(name));
    m->n += 32;
    put(m, 0xffffffff, 4);
    put(m, type, 4);
    put(m, value, 8);
}
static uint64_t real(double d) {
    uint64_t v;
    memcpy(&v, &d, 8);
    return v;
}

static void start(image *m) {
    m->n = 0;
    memcpy(m->b,
           "PQTTTR\0\0"
           "1.0.00\0\0",
           16);
    m->n = 16;
}
static void common_header(image *m, uint32_t type, double global, double resolution) {
    start(m);
    tag(m, "File_Comment", STRING, 8);
    memcpy(m->b + m->n, "Header_E", 8);
    m->n += 8;
    tag(m, "TTResultFormat_TTTRRecType", INTEGER, type);
    tag(m, "TTResultFormat_BitsPerRecord", INTEGER, 32);
    tag(m, "MeasDesc_GlobalResolution", REAL, real(global));
    if (resolution != 0) tag(m, "MeasDesc_Resolution", REAL, real(resolution));
    tag(m, "TTResult_NumberOfRecords", INTEGER, 99);
    tag(m, "Header_End", EMPTY, 0);
}
static void write_records(uint32_t type, double global, double resolution, const uint32_t *w, size_t n) {
    image m;
    common_header(&m, type, global, resolution);
    for (size_t i = 0; i < n; i++) put(&m, w[i], 4);
    write_file(m.b, m.n);
}

/* special 1, channel 6, timetag 25 */
static const uint32_t t2_records[] = {0x00000064 /* input 1 */,
                                      0xfe000002 /* overflow of 2 */,
                                      0x02000005 /* input 2 */,
                                      0xfe000000 /* an overflow of 0 is one */,
                                      0x80000007 /* sync */,
                                      0x82000009 /* marker */,
                                      0x9e000009 /* marker 15 */,
                                      0x06000001 /* input 4 */,
                                      0x07ffffff /* input 4, the last time */};
enum { T2_RECORDS = sizeof t2_records / 4 };

START_TEST(t2_types) {
    static const struct {
        uint32_t type;
        int64_t period, first, second; /* ticks that the two overflow records add */
    } cases[] = {{0x01010204, 33554432, 2, 1},
                 {0x00010205, 33554432, 2, 1},
                 {0x00010206, 33554432, 2, 1},
                 {0x00010207, 33554432, 2, 1},
                 {0x00010204, 33552000, 1, 1}};
    qd_tags t = {0};
    qd_tag_info info = {0};
    int64_t a = cases[_i].period * cases[_i].first, b = a + cases[_i].period * cases[_i].second;
    write_records(cases[_i].type, 1e-12, 0, t2_records, T2_RECORDS);
    reads("ptu", &t, &info);
    expect_tags(&t, 4, (const int64_t[]){100, a + 5, b + 1, b + 0x1ffffff}, (const uint8_t[]){1, 2, 8, 8});
    ck_assert_uint_eq(t.tick.num, 1);
    ck_assert_uint_eq(t.tick.den, 1);
    ck_assert_uint_eq(info.records, T2_RECORDS);
    ck_assert_uint_eq(info.overflows, 2);
    ck_assert_uint_eq(info.overflow_sum, (uint64_t)(cases[_i].first + cases[_i].second));
    ck_assert_uint_eq(info.syncs, 1);
    ck_assert_uint_eq(info.markers, 2);
    ck_assert_int_eq(info.claimed, 99);
    ck_assert_uint_eq(info.records, info.events + info.overflows + info.syncs + info.markers);
    reads("ptu:channels=V=0,-=4", &t, &info); /* the sync input is a detector when the map says so */
    expect_tags(&t, 3, (const int64_t[]){b + 1, b + 7, b + 0x1ffffff}, (const uint8_t[]){2, 1, 2});
    ck_assert_uint_eq(info.unmapped, 2);
    ck_assert_uint_eq(info.syncs, 0);
    reads("auto", &t, &info);
    ck_assert_uint_eq(t.n, 4);
    static const uint32_t bad[4] = {0x00000064, 0xa0000001 /* special channel 16 */, 0xfc000002 /* 62 */, 0x02000065};
    write_records(cases[_i].type, 1e-12, 0, bad, 4);
    reads("ptu", &t, &info);
    expect_tags(&t, 2, (const int64_t[]){100, 101}, (const uint8_t[]){1, 2});
    ck_assert_uint_eq(info.faults, 2);
    ck_assert_uint_eq(info.fault_record, 1);
    ck_assert_uint_eq(info.fault_word, 0xa0000001);
    ck_assert_uint_eq(info.records, info.events + info.faults);
    qd_tags_destroy(&t);
}
END_TEST

/* channel 4, timetag 28; 15 is special, told apart by the low four bits */
START_TEST(t2_picoharp) {
    static const uint32_t w[] = {0x10000064, 0xf0000000, 0x20000005, 0xf0000010, 0x00000007 /* sync */, 0xf0000003 /* markers */,
                                 0x40000001};
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_records(0x00010203, 4e-12, 0, w, 7);
    reads("ptu", &t, &info);
    expect_tags(&t, 3, (const int64_t[]){100, 210698240 + 5, 2 * 210698240 + 1}, (const uint8_t[]){1, 2, 8});
    ck_assert_uint_eq(t.tick.num, 4);
    ck_assert_uint_eq(info.overflows, 2);
    ck_assert_uint_eq(info.markers, 1);
    ck_assert_uint_eq(info.syncs, 1);
    reads("ptu:tick-ps=1", &t, &info);
    ck_assert_int_eq(t.t[1], 4 * (210698240 + 5));
    static const uint32_t bad[] = {0x10000064, 0x50000064};
    write_records(0x00010203, 4e-12, 0, bad, 2);
    reads("ptu", &t, &info);
    ck_assert_uint_eq(info.events, 1);
    ck_assert_uint_eq(info.faults, 1);
    ck_assert_uint_eq(info.fault_word, 0x50000064);
    qd_tags_destroy(&t);
}
END_TEST

/* special 1, channel 6, dtime 15, nsync 10: a sync of 80 MHz, dtime of 4 ps: 3125 ticks a period */
START_TEST(t3_types) {
    static const uint32_t types[] = {0x01010304, 0x00010305, 0x00010306, 0x00010307, 0x00010304};
    static const uint32_t w[] = {100 << 10 | 3,
                                 0xfe000002,
                                 0x02000000 | 0x7fff << 10 | 0x3ff,
                                 0xfe000000,
                                 0x82000000 | 5 << 10 | 1,
                                 0x06000000 | 1 << 10 | 20};
    int64_t a = types[_i] == 0x00010304 ? 1024 : 2048, b = a + 1024;
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_records(types[_i], 12.5e-9, 4e-12, w, 6);
    reads("ptu", &t, &info);
    /* dtime may exceed a period, when the sync is divided: the second event is 32767 dtime units behind its sync */
    expect_tags(&t, 3, (const int64_t[]){3 * 3125 + 100, (a + 1023) * 3125 + 32767, (b + 20) * 3125 + 1},
                (const uint8_t[]){1, 2, 8});
    ck_assert_uint_eq(t.tick.num, 4);
    ck_assert_uint_eq(t.tick.den, 1);
    ck_assert_uint_eq(info.markers, 1);
    ck_assert_uint_eq(info.overflows, 2);
    static const uint32_t bad[] = {0x80000001 /* T3 has no sync events */, 100 << 10 | 3};
    write_records(types[_i], 12.5e-9, 4e-12, bad, 2);
    reads("ptu", &t, &info);
    ck_assert_uint_eq(info.faults, 1);
    ck_assert_uint_eq(info.events, 1);
    qd_tags_destroy(&t);
}
END_TEST

/* channel 4, dtime 12, nsync 16 */
START_TEST(t3_picoharp) {
    static const uint32_t w[] = {0x10640003, 0xf0000000, 0x20000005, 0xf0010007, 0x4fff0009};
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_records(0x00010303, 100e-9, 4e-12, w, 5);
    reads("ptu", &t, &info);
    expect_tags(&t, 3, (const int64_t[]){3 * 25000 + 100, 65541LL * 25000, 65545LL * 25000 + 0xfff}, (const uint8_t[]){1, 2, 8});
    ck_assert_uint_eq(info.markers, 1);
    ck_assert_uint_eq(info.overflow_sum, 1);
    qd_tags_destroy(&t);
}
END_TEST

/* The tick is the largest that divides both; where that is too fine it is refused, or times are exact and then rounded to one that is named. */
START_TEST(t3_tick) {
    static const uint32_t w[] = {100 << 10 | 3};
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_records(0x00010307, 12.5e-9, 8e-12, w, 1);
    reads("ptu", &t, &info); /* 12500 ps and 8 ps: 4 ps */
    ck_assert_uint_eq(t.tick.num, 4);
    ck_assert_uint_eq(t.tick.den, 1);
    ck_assert_int_eq(t.t[0], 3 * 3125 + 100 * 2);
    reads("ptu:tick-ps=1", &t, &info);
    ck_assert_int_eq(t.t[0], 3 * 12500 + 800);
    reads("ptu:tick-ps=3", &t, &info); /* 12766.67 */
    ck_assert_int_eq(t.t[0], 12767);
    reads("ptu:tick-ps=8", &t, &info); /* 4787.5 */
    ck_assert_int_eq(t.t[0], 4788);
    write_records(0x00010307, 12.49873e-9, 25e-12, w, 1); /* 12498.73 ps and 25 ps: 1/100 ps */
    reads("ptu", &t, &info);
    ck_assert_uint_eq(t.tick.num, 1);
    ck_assert_uint_eq(t.tick.den, 100);
    ck_assert_int_eq(t.t[0], 3 * 1249873 + 100 * 2500);
    write_records(0x00010307, 12.498731e-9, 25e-12, w, 1); /* 1/1000 ps reaches 38 minutes */
    refuses(path, "ptu", "the sync period is 12498.731 ps, the fine time counts 25 ps");
    refuses(path, "ptu", "--tick-ps 1");
    reads("ptu:tick-ps=1/1000", &t, &info);
    ck_assert_int_eq(t.t[0], 3 * 12498731 + 100 * 25000);
    /* a measured period, 12345.6789012345 ps, after 1047553 syncs */
    static const uint32_t far[] = {0xfe0003ff, 77 << 10 | 1};
    write_records(0x00010307, 1.23456789012345e-8, 4e-12, far, 2);
    refuses(path, "ptu", "--tick-ps");
    reads("ptu:tick-ps=1", &t, &info);
    ck_assert_int_eq(t.t[0], 12932753278);
    reads("ptu:tick-ps=125/32", &t, &info);
    ck_assert_int_eq(t.t[0], 3310784839);
    qd_tags_destroy(&t);
}
END_TEST

/* Records that are mostly none of the type: the type is wrong, and nothing is made of them; info counts on. */
START_TEST(faults) {
    enum { N = 200 };
    static uint32_t w[N];
    for (int i = 0; i < N; i++) w[i] = i % 3 ? 0xa0000000 + (uint32_t)i : (uint32_t)i;
    write_records(0x00010207, 1e-12, 0, w, N);
    refuses(path, "ptu", "are none of this type");
    refuses(path, "ptu", "record type is wrong");
    qd_tag_format f = format_of("ptu");
    f.any_channel = true;
    qd_tag_reader *r = NULL;
    qd_tags t = {0};
    qd_error err = {0};
    bool end = false;
    ck_assert_int_eq(qd_tag_reader_open(path, f, &r, &err), QD_OK);
    while (!end) ck_assert_int_eq(qd_tag_reader_read(r, 100, &t, &end, &err), QD_OK);
    ck_assert_uint_eq(qd_tag_reader_info(r)->faults, N - (N + 2) / 3);
    ck_assert_uint_eq(t.n, (N + 2) / 3);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

/* However few they are: a file of them alone holds nothing. */
START_TEST(nothing_but_faults) {
    static const uint32_t w[] = {0xa0000001, 0xa0000002, 5};
    qd_tags t = {0};
    qd_tag_info info = {0};
    for (uint64_t n = 1; n <= 3; n++) {
        write_records(0x00010207, 1e-12, 0, w, n);
        refuses(path, "ptu", "are none of this type");
    }
    write_records(0x00010207, 1e-12, 0, w + 1, 2); /* half of them */
    reads("ptu", &t, &info);
    ck_assert_uint_eq(info.faults, 1);
    qd_tags_destroy(&t);
}
END_TEST

START_TEST(channels) {
    static const uint32_t w[] = {0x00000001, 0x08000002, 0x10000003};
    qd_tags t = {0};
    qd_tag_info info = {0};
    write_records(0x00010207, 1e-12, 0, w, 3);
    refuses(path, "ptu", "an event of channel 5");
    refuses(path, "ptu", "--channels");
    reads("ptu:channels=V=5,-=1,H=9,+=2", &t, &info);
    expect_tags(&t, 3, (const int64_t[]){1, 2, 3}, (const uint8_t[]){2, 1, 4});
    reads("ptu:channels=V=5,V=1", &t, &info);
    expect_tags(&t, 2, (const int64_t[]){1, 2}, (const uint8_t[]){1, 1});
    ck_assert_uint_eq(info.unmapped, 1);
    ck_assert_uint_eq(info.channels, 3);
    ck_assert_int_eq(info.channel[2], 9);
    ck_assert_uint_eq(info.clicks[2], 1);
    qd_tags_destroy(&t);
}
END_TEST

START_TEST(bad_headers) {
    image m;
    static const uint32_t w[] = {0x00000001};
    write_records(0x00010999, 1e-12, 0, w, 1);
    refuses(path, "ptu", "0x00010999 is not known");
    write_records(0x00010207, NAN, 0, w, 1);
    refuses(path, "ptu", "GlobalResolution");
    write_records(0x00010207, -1e-12, 0, w, 1);
    refuses(path, "ptu", "GlobalResolution");
    write_records(0x00010207, 1e300, 0, w, 1);
    refuses(path, "ptu", "GlobalResolution");
    write_records(0x00010307, 12.5e-9, 0, w, 1);
    refuses(path, "ptu", "MeasDesc_Resolution");
    write_records(0x00010307, 12.5e-9, INFINITY, w, 1);
    refuses(path, "ptu", "MeasDesc_Resolution");
    common_header(&m, 0x00010207, 1e-12, 0);
    put(&m, 0x123456, 3);
    write_file(m.b, m.n);
    refuses(path, "ptu", "is cut off after 3 of 4 bytes");
    for (size_t n = 1; n < m.n - 3; n += 7) { /* cut anywhere in the header */
        write_file(m.b, n);
        refuses(path, "ptu", "");
    }
    start(&m);
    tag(&m, "TTResultFormat_TTTRRecType", INTEGER, 0x00010207);
    size_t at = m.n;
    tag(&m, "File_Comment", STRING, (uint64_t)1 << 62);
    tag(&m, "Header_End", EMPTY, 0);
    write_file(m.b, m.n);
    refuses(path, "ptu", "beyond the end");
    memset(m.b + at + 40, 0xff, 8);
    write_file(m.b, m.n);
    refuses(path, "ptu", "a header tag claims -1 bytes");
    m.b[at + 36] = 1, m.b[at + 37] = 0; /* a type that does not exist */
    write_file(m.b, m.n);
    refuses(path, "ptu", "unknown type");
    start(&m);
    tag(&m, "Header_End", EMPTY, 0);
    write_file(m.b, m.n);
    refuses(path, "ptu", "record type");
    start(&m);
    tag(&m, "TTResultFormat_TTTRRecType", INTEGER, 0x00010207);
    tag(&m, "TTResultFormat_BitsPerRecord", INTEGER, 64);
    tag(&m, "Header_End", EMPTY, 0);
    write_file(m.b, m.n);
    refuses(path, "ptu", "records of 64 bits");
    start(&m);
    tag(&m, "TTResultFormat_TTTRRecType", INTEGER, 0x00010207);
    tag(&m, "TTResultFormat_BitsPerRecord", INTEGER, (uint64_t)-32);
    tag(&m, "Header_End", EMPTY, 0);
    write_file(m.b, m.n);
    refuses(path, "ptu", "records of -32 bits");
    m.b[3] = 'x';
    write_file(m.b, m.n);
    refuses(path, "ptu", "PQTTTR");
    refuses(path, "auto", "names its own format");
    qd_tag_writer *wr = NULL;
    qd_error err = {0};
    ck_assert_int_eq(qd_tag_writer_open(path, format_of("ptu"), &wr, &err), QD_E_USAGE);
}
END_TEST

/* Overflows without end: the time's range is guarded. */
START_TEST(overflow_flood) {
    enum { N = 5000 };
    image m;
    common_header(&m, 0x00010207, 1e-12, 0);
    uint8_t *b = malloc(m.n + 4 * N);
    memcpy(b, m.b, m.n);
    for (size_t i = 0; i < N; i++) memcpy(b + m.n + 4 * i, "\xff\xff\xff\xff", 4);
    write_file(b, m.n + 4 * N);
    free(b);
    refuses(path, "ptu", "beyond 2^61 ticks");
}
END_TEST

/* A HydraHarp recording of 5 s; two independent decoders agreed on these numbers. */
START_TEST(recording) {
    const char *shared = getenv("QD_SHARED");
    char where[512], hex[65];
    (void)snprintf(where, sizeof where, "%s/data/timetags/v30_t2.ptu", shared ? shared : "/nonexistent");
    if (access(where, R_OK) != 0) {
        printf("SKIPPED: no recording at %s (QD_SHARED)\n", where);
        return;
    }
    qd_tags t = {0};
    qd_tag_info info = {0};
    qd_error err = {0};
    ck_assert_msg(read_at(where, "ptu", &t, &info, &err) == QD_OK, "%s", err.what);
    ck_assert_uint_eq(t.n, 305565);
    ck_assert_uint_eq(info.records, 435319);
    ck_assert_int_eq(info.claimed, 435319);
    ck_assert_uint_eq(info.overflows, 129754);
    ck_assert_uint_eq(info.overflow_sum, 149011);
    ck_assert_uint_eq(info.syncs + info.markers + info.unmapped + info.backward + info.equal_times, 0);
    ck_assert_uint_eq(info.mask[QD_DET_V], 305565);
    ck_assert_int_eq(t.t[0], 24433765);
    ck_assert_int_eq(t.t[1], 42010976);
    ck_assert_int_eq(t.t[2], 42303858);
    ck_assert_int_eq(t.t[t.n - 1], 4999964931763);
    int64_t least = INT64_MAX;
    for (uint64_t i = 1; i < t.n; i++) least = t.t[i] - t.t[i - 1] < least ? t.t[i] - t.t[i - 1] : least;
    ck_assert_int_eq(least, 81134);
    uint8_t *le = malloc(8 * t.n);
    for (uint64_t i = 0; i < 8 * t.n; i++) le[i] = (uint8_t)(t.t[i / 8] >> (8 * (i % 8)));
    qd_sha256_hex(le, 8 * t.n, hex);
    free(le);
    ck_assert_str_eq(hex, "ce3acb92281109888ba86f5a4aca432e4d86d560b6439673519e4b70296df8f3");
    qd_tags_destroy(&t);
}
END_TEST

int main(void) {
    Suite *s = suite_create("tags_ptu");
    TCase *tc = tcase_create("ptu");
    tcase_add_loop_test(tc, t2_types, 0, 5);
    tcase_add_test(tc, t2_picoharp);
    tcase_add_loop_test(tc, t3_types, 0, 5);
    tcase_add_test(tc, t3_picoharp);
    tcase_add_test(tc, t3_tick);
    tcase_add_test(tc, faults);
    tcase_add_test(tc, nothing_but_faults);
    tcase_add_test(tc, channels);
    tcase_add_test(tc, bad_headers);
    tcase_add_test(tc, overflow_flood);
    tcase_add_test(tc, recording);
    suite_add_tcase(s, tc);
    return run_in_folder(s);
}
