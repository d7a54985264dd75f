/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of what still grows: the same events as of the whole file, however the bytes come in; ends, halves, and what is refused.
 */
#include "tag_file.h"

#include <fcntl.h>
#include "qdistill/core/rng.h"
#include "qdistill/timetag/stream.h"

enum { EVENTS = 12000, MOST = 1 << 20 };

static uint8_t bytes[MOST];
static size_t n_bytes;

static uint32_t draw(uint64_t i, uint32_t which) {
    uint32_t w[4];
    qd_philox(77, QD_STREAM_TEST, i, which, w);
    return w[0];
}

static void load(void) {
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    n_bytes = fread(bytes, 1, MOST, f);
    ck_assert(n_bytes > 0 && n_bytes < MOST);
    (void)fclose(f);
}

/* A file of a format: events in whole ns, a click of one detector each; now and then one that a neighbour overtook. */
static void make(const char *format) {
    qd_tags t = {.tick = {1000, 1}};
    ck_assert_int_eq(qd_tags_reserve(&t, EVENTS, NULL), QD_OK);
    for (t.n = 0; t.n < EVENTS; t.n++) {
        t.t[t.n] = (t.n ? t.t[t.n - 1] : 100) + 2 + draw(t.n, 0) % 5000;
        t.mask[t.n] = (uint8_t)(1 << draw(t.n, 1) % 4);
    }
    bool quad = strcmp(format, "qutag") == 0;
    write_tags(path, quad ? "qutag-raw" : format, &t, NULL);
    load();
    if (quad) {
        memmove(bytes + 40, bytes, n_bytes);
        memcpy(bytes,
               "\x87\xb3\x91\xfa"
               "it is not known what the rest says..",
               40);
        n_bytes += 40;
        write_file(bytes, n_bytes);
    }
    if (strncmp(format, "a1-54", 5) == 0 && !strstr(format, "text"))
        for (size_t i = 8000; i + 16 <= n_bytes; i += 8000) {
            uint8_t swap[8];
            memcpy(swap, bytes + i, 8);
            memcpy(bytes + i, bytes + i + 8, 8);
            memcpy(bytes + i + 8, swap, 8);
        }
    write_file(bytes, n_bytes);
    qd_tags_destroy(&t);
}

static void put(size_t *n, uint64_t v, int k) {
    for (int i = 0; i < k; i++) bytes[(*n)++] = (uint8_t)(v >> (8 * i));
}
static void ptu_tag(size_t *n, const char *name, uint32_t type, uint64_t value) {
    memset(bytes + *n, 0, 32);
    memcpy(bytes + *n, name, strlen(name));
    *n += 32;
    put(n, UINT32_MAX, 4);
    put(n, type, 4);
    put(n, value, 8);
}

/* T2 records of a HydraHarp behind a header with a text in it. */
static void make_ptu(void) {
    size_t n = 0;
    double unit = 1e-12;
    uint64_t u;
    memcpy(&u, &unit, 8);
    memcpy(bytes,
           "PQTTTR\0\0"
           "1.0.00\0\0",
           16);
    n = 16;
    ptu_tag(&n, "File_Comment", 0x4001ffff, 24);
    memset(bytes + n, 'c', 24);
    n += 24;
    ptu_tag(&n, "TTResultFormat_TTTRRecType", 0x10000008, 0x01010204);
    ptu_tag(&n, "TTResultFormat_BitsPerRecord", 0x10000008, 32);
    ptu_tag(&n, "TTResult_NumberOfRecords", 0x10000008, 0);
    ptu_tag(&n, "MeasDesc_GlobalResolution", 0x20000008, u);
    ptu_tag(&n, "Header_End", 0xffff0008, 0);
    for (uint64_t i = 0; i < EVENTS; i++) {
        if (i % 100 == 99) put(&n, 0xfe000001, 4); /* overflow */
        put(&n, (draw(i, 1) % 4) << 25 | (uint32_t)(i % 100) * 100000, 4);
    }
    n_bytes = n;
    write_file(bytes, n);
}

/* Whatever has come, as far as it goes. */
static void read_all(qd_tag_reader *r, qd_tags *t, bool *end) {
    qd_error err = {0};
    uint64_t before;
    do {
        before = t->n;
        ck_assert_msg(qd_tag_reader_read(r, 777, t, end, &err) == QD_OK, "%s | %s", err.what, err.cause);
        ck_assert_uint_le(t->n - before, 777);
    } while (t->n - before == 777 && !*end);
}

static void same(const qd_tag_reader *r, const qd_tags *t, const qd_tags *want, const qd_tag_info *info) {
    ck_assert_uint_eq(t->n, want->n);
    ck_assert_int_eq(memcmp(t->t, want->t, t->n * sizeof *t->t), 0);
    ck_assert_int_eq(memcmp(t->mask, want->mask, t->n), 0);
    ck_assert_int_eq(memcmp(qd_tag_reader_info(r), info, sizeof *info), 0);
    ck_assert_uint_eq(qd_tag_reader_tick(r).num, want->tick.num);
    ck_assert_uint_eq(qd_tag_reader_tick(r).den, want->tick.den);
}

/* In pieces: at first a byte at a time, through the header and some records, then of any size. */
static void stream(const char *format, bool fifo, const qd_tags *want, const qd_tag_info *info) {
    char where[80];
    (void)snprintf(where, sizeof where, "%s/grows", dir);
    (void)unlink(where);
    if (fifo)
        ck_assert_int_eq(mkfifo(where, 0600), 0);
    else
        write_at(where, "", 0);
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    qd_tags t = {0};
    bool end = false;
    uint64_t came = 0, got;
    ck_assert_msg(qd_tag_stream_open(where, format_of(format), &r, &err) == QD_OK, "%s | %s", err.what, err.cause);
    ck_assert_int_eq(qd_tag_stream_is_fifo(r), fifo);
    ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_OK); /* no writer yet: no end */
    ck_assert_uint_eq(got, 0);
    read_all(r, &t, &end);
    ck_assert(!end && t.n == 0);
    int fd = open(where, O_WRONLY | O_APPEND);
    ck_assert_int_ge(fd, 0);
    for (size_t i = 0, piece; i < n_bytes; i += piece) {
        piece = i < 600 ? 1 : 1 + draw(i, 2) % 30000;
        if (piece > n_bytes - i) piece = n_bytes - i;
        ck_assert_int_eq(write(fd, bytes + i, piece), (ssize_t)piece);
        ck_assert_msg(qd_tag_stream_fill(r, &got, &err) == QD_OK, "%s", err.what);
        came += got;
        read_all(r, &t, &end);
        ck_assert(!end);
        /* all but what waits for order is out as soon as its bytes are there */
        if (t.n) ck_assert_uint_le(qd_tag_reader_info(r)->events, t.n + QD_TAG_REORDER);
    }
    ck_assert_uint_eq(came, n_bytes);
    close(fd);
    ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_OK);
    read_all(r, &t, &end);
    ck_assert_int_eq(end, fifo); /* its writers are gone; a file may grow on */
    if (!fifo) qd_tag_stream_finish(r);
    read_all(r, &t, &end);
    ck_assert(end);
    ck_assert_uint_eq(qd_tag_stream_left(r), 0);
    same(r, &t, want, info);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}

static const char *const formats[] = {"a1-49", "a1-54",     "a1-49-swapped", "a1-54-swapped", "a1-49-text",  "a1-54-text",
                                      "qutag", "qutag-raw", "swabian",       "csv",           "csv:unit=ns", "ptu"};

START_TEST(as_the_whole_file) {
    qd_tags want = {0};
    qd_tag_info info;
    if (strcmp(formats[_i], "ptu") == 0)
        make_ptu();
    else
        make(formats[_i]);
    reads(formats[_i], &want, &info);
    ck_assert_uint_eq(want.n, EVENTS);
    stream(formats[_i], false, &want, &info);
    stream(formats[_i], true, &want, &info);
    qd_tags_destroy(&want);
}
END_TEST

/* Half a record waits for its rest; at the end it is left, and what came before it is not lost. */
START_TEST(half_a_record_at_the_end) {
    static const struct {
        const char *format;
        size_t cut, left; /* bytes; 0: some */
    } cases[] = {{"a1-54", 5, 3},
                 {"swabian", 1, 15},
                 {"csv", 1, 0} /* a channel may be cut as well as a line's end */,
                 {"a1-54-text", 1, 16}};
    make(cases[_i].format);
    write_file(bytes, n_bytes - cases[_i].cut);
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    qd_tags t = {0};
    bool end;
    uint64_t got;
    ck_assert_int_eq(qd_tag_stream_open(path, format_of(cases[_i].format), &r, &err), QD_OK);
    ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_OK);
    qd_tag_stream_finish(r);
    read_all(r, &t, &end);
    ck_assert(end);
    ck_assert_uint_eq(t.n, EVENTS - 1);
    if (cases[_i].left) ck_assert_uint_eq(qd_tag_stream_left(r), cases[_i].left);
    ck_assert_uint_gt(qd_tag_stream_left(r), 0);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

START_TEST(ends_without_an_event) {
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    qd_tags t = {0};
    bool end = false;
    uint64_t got;
    char where[80];
    (void)snprintf(where, sizeof where, "%s/fifo", dir);
    ck_assert_int_eq(mkfifo(where, 0600), 0);
    ck_assert_int_eq(qd_tag_stream_open(where, format_of("qutag"), &r, &err), QD_OK);
    int fd = open(where, O_WRONLY);
    ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_OK);
    ck_assert_int_eq(qd_tag_reader_read(r, 100, &t, &end, &err), QD_OK);
    ck_assert(!end);
    close(fd);
    ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_OK);
    ck_assert_int_eq(qd_tag_reader_read(r, 100, &t, &end, &err), QD_OK);
    ck_assert(end && t.n == 0);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

/* Errors name the file and the place as those of a file do. */
START_TEST(bad_bytes) {
    static const struct {
        const char *format, *text, *message;
        bool opens;
    } cases[] = {{"a1-54-text", "0000000000000401\nno digits\n", "line 2", true},
                 {"csv", "time_ps,channel\n1,1\n2\n", "line 3", true},
                 {"csv", "# a table\ntime,channel\n", "no column", true},
                 {"qutag", "0123456789012345678901234567890123456789", "no header", true},
                 {"ptu", "no such header as of a file of PicoQuant", "PQTTTR", true},
                 {"csv:unit=ticks", "", "length of a tick", false}};
    write_text(cases[_i].text);
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    qd_tags t = {0};
    bool end;
    uint64_t got;
    qd_status st = qd_tag_stream_open(path, format_of(cases[_i].format), &r, &err);
    ck_assert_int_eq(st, cases[_i].opens ? QD_OK : QD_E_USAGE);
    if (st == QD_OK) {
        ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_OK);
        ck_assert_int_eq(qd_tag_reader_read(r, 100, &t, &end, &err), QD_E_INPUT);
        ck_assert_msg(strstr(err.what, path) != NULL, "%s", err.what);
    }
    ck_assert_msg(strstr(err.what, cases[_i].message) || strstr(err.cause, cases[_i].message), "%s | %s", err.what, err.cause);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

/* What has come is read; then whether that was refused, and by what. */
static qd_status fill_and_read(qd_tag_reader *r, qd_tags *t, bool *end, qd_error *err) {
    uint64_t got;
    qd_status st = qd_tag_stream_fill(r, &got, err);
    return st == QD_OK ? qd_tag_reader_read(r, 1 << 20, t, end, err) : st;
}

/* The refusal of a stream in the words of that of a whole file of the same bytes, all four parts. */
static void refused_as_the_file(const char *format, const qd_error *err) {
    qd_error of_file = {0};
    qd_tags t = {0};
    ck_assert_int_eq(read_at(path, format, &t, NULL, &of_file), QD_E_INPUT);
    ck_assert_int_eq(err->status, QD_E_INPUT);
    ck_assert_str_eq(err->what, of_file.what);
    ck_assert_str_eq(err->cause, of_file.cause);
    ck_assert_str_eq(err->likely, of_file.likely);
    ck_assert_str_eq(err->next, of_file.next);
    ck_assert(*err->cause && *err->likely && *err->next);
    qd_tags_destroy(&t);
}

/* The last tag of a header may be one with data: it has not ended before these have come, however many it claims. */
START_TEST(header_that_ends_in_data) {
    qd_tags want = {0}, t = {0};
    qd_tag_info info;
    qd_error err = {0};
    bool end = false;
    make_ptu();
    const size_t records = (EVENTS + EVENTS / 100) * sizeof(uint32_t), head = n_bytes - records, text = 100;
    uint8_t *last = bytes + head - 12; /* its type and value */
    memcpy(last, "\xff\xff\x01\x40\x64\0\0\0\0\0\0", 12);
    memmove(bytes + head + text, bytes + head, records);
    memset(bytes + head, 0xa5, text);
    n_bytes += text;
    write_file(bytes, n_bytes);
    reads("ptu", &want, &info);
    ck_assert_uint_eq(want.n, EVENTS);
    stream("ptu", false, &want, &info);
    for (int cut = 0; cut < 2; cut++) { /* the end comes first; it claims more than any stream's header has */
        qd_tag_reader *r = NULL;
        if (cut)
            last[6] = 0x7f, write_file(bytes, n_bytes);
        else
            write_file(bytes, head + text - 1);
        ck_assert_int_eq(qd_tag_stream_open(path, format_of("ptu"), &r, &err), QD_OK);
        if (!cut) ck_assert_int_eq(fill_and_read(r, &t, &end, &err), QD_OK);
        if (!cut) qd_tag_stream_finish(r);
        ck_assert_int_eq(fill_and_read(r, &t, &end, &err), QD_E_INPUT);
        ck_assert_msg(strstr(err.what, path) && strstr(err.what, "header"), "%s", err.what);
        ck_assert_uint_eq(t.n, 0);
        qd_tag_reader_close(r);
    }
    qd_tags_destroy(&want);
    qd_tags_destroy(&t);
}
END_TEST

/* Halves in the other order, 3 us apart: seen at the 64th record, while the writer goes on, or at an earlier end; whoever looks into it is told. */
START_TEST(other_order_of_halves) {
    enum { EARLY = 64 };
    const char *format = _i ? "a1-49" : "a1-54-swapped";
    qd_tags t = {0};
    qd_error err = {0};
    bool end = false;
    n_bytes = 0;
    for (uint64_t i = 0; i < EARLY; i++) put(&n_bytes, (256000000 + 768003 * i) << 10 | 1, 8);
    for (size_t upto = 15; upto <= EARLY; upto += upto == 15 ? 1 : 48) { /* 15, 16, 64 */
        write_file(bytes, upto == EARLY ? n_bytes - 8 : 8 * upto);
        qd_tag_reader *r = NULL;
        t.n = 0;
        ck_assert_int_eq(qd_tag_stream_open(path, format_of(format), &r, &err), QD_OK);
        ck_assert_int_eq(fill_and_read(r, &t, &end, &err), QD_OK); /* more may come */
        if (upto == EARLY)
            write_file(bytes, n_bytes);
        else
            qd_tag_stream_finish(r);
        qd_status st = fill_and_read(r, &t, &end, &err);
        ck_assert_int_eq(st, upto < 16 ? QD_OK : QD_E_INPUT); /* a few may lie so by chance */
        if (st != QD_OK) refused_as_the_file(format, &err);
        ck_assert_uint_eq(st == QD_OK ? qd_tag_reader_info(r)->records : t.n, st == QD_OK ? upto : 0);
        qd_tag_reader_close(r);
    }
    qd_tag_format look = format_of(format);
    qd_tag_reader *r = NULL;
    look.any_channel = true;
    t.n = 0;
    ck_assert_int_eq(qd_tag_stream_open(path, look, &r, &err), QD_OK);
    ck_assert_int_eq(fill_and_read(r, &t, &end, &err), QD_OK);
    ck_assert_uint_eq(qd_tag_reader_info(r)->fits, 1);
    ck_assert_str_eq(qd_tag_reader_info(r)->fit[0], "a1-54");
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

/* Records that are none of the type alone: refused at the 64th, and however few they are at the end. */
START_TEST(nothing_but_faults) {
    const size_t n = _i ? 64 : 3;
    qd_tags t = {0};
    qd_error err = {0};
    bool end = false;
    make_ptu();
    n_bytes -= (EVENTS + EVENTS / 100) * sizeof(uint32_t); /* the header */
    for (size_t i = 0; i < n; i++) put(&n_bytes, 0xa0000000 + i, 4);
    write_file(bytes, n_bytes);
    qd_tag_reader *r = NULL;
    ck_assert_int_eq(qd_tag_stream_open(path, format_of("ptu"), &r, &err), QD_OK);
    if (_i == 0) {
        ck_assert_int_eq(fill_and_read(r, &t, &end, &err), QD_OK);
        qd_tag_stream_finish(r);
    }
    ck_assert_int_eq(fill_and_read(r, &t, &end, &err), QD_E_INPUT);
    refused_as_the_file("ptu", &err);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

/* A header that never ends is no header. */
START_TEST(endless_header) {
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    qd_tags t = {0};
    bool end;
    uint64_t got;
    char *text = malloc(MOST + 1);
    for (size_t i = 0; i < MOST; i++) text[i] = i % 64 == 63 ? '\n' : '#';
    text[MOST] = 0;
    write_text(text);
    ck_assert_int_eq(qd_tag_stream_open(path, format_of("csv"), &r, &err), QD_OK);
    ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_OK);
    ck_assert_int_eq(qd_tag_reader_read(r, 100, &t, &end, &err), QD_E_INPUT);
    qd_tag_reader_close(r);
    free(text);
}
END_TEST

START_TEST(refusals) {
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    static const char *const no[] = {"chronoxea", "auto"};
    write_text("x");
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(qd_tag_stream_open(path, format_of(no[i]), &r, &err), QD_E_USAGE);
        ck_assert_ptr_null(r);
    }
    ck_assert_int_eq(qd_tag_stream_open(dir, format_of("a1-54"), &r, &err), QD_E_INPUT);
    ck_assert_int_eq(qd_tag_stream_open("/dev/zero", format_of("a1-54"), &r, &err), QD_E_INPUT);
    ck_assert_int_eq(qd_tag_stream_open("/no/such/file", format_of("a1-54"), &r, &err), QD_E_INPUT);
    /* a file that became shorter was begun anew */
    uint64_t got;
    make("a1-54");
    ck_assert_int_eq(qd_tag_stream_open(path, format_of("a1-54"), &r, &err), QD_OK);
    ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_OK);
    ck_assert_uint_eq(got, n_bytes);
    ck_assert_int_eq(truncate(path, 8), 0);
    ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_E_INPUT);
    ck_assert_ptr_nonnull(strstr(err.what, path));
    qd_tag_reader_close(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("tag_stream");
    TCase *tc = tcase_create("stream");
    tcase_add_loop_test(tc, as_the_whole_file, 0, sizeof formats / sizeof *formats);
    tcase_add_loop_test(tc, half_a_record_at_the_end, 0, 4);
    tcase_add_test(tc, ends_without_an_event);
    tcase_add_loop_test(tc, bad_bytes, 0, 6);
    tcase_add_test(tc, header_that_ends_in_data);
    tcase_add_loop_test(tc, other_order_of_halves, 0, 2);
    tcase_add_loop_test(tc, nothing_but_faults, 0, 2);
    tcase_add_test(tc, endless_header);
    tcase_add_test(tc, refusals);
    suite_add_tcase(s, tc);
    return run_in_folder(s);
}
