/* SPDX-License-Identifier: Apache-2.0 */
/* Epoch files that come into a directory: the same events as of the whole directory, however the files come; gaps, halves, late
 * and wrong files.
 */
#include "tag_file.h"

#include <time.h>
#include "qdistill/core/epoch.h"
#include "qdistill/core/rng.h"
#include "qdistill/timetag/stream.h"

enum { EVENTS = 9000, MOST = 1 << 18, FIRST = 0x1a2b, LAST = 0x1a30 };

static char from[80], into[80];
static uint8_t bytes[MOST];

static uint32_t draw(uint64_t i, uint32_t which) {
    uint32_t w[4];
    qd_philox(79, QD_STREAM_TEST, i, which, w);
    return w[0];
}

static const char *in_folder(const char *folder, uint32_t epoch) {
    static char where[128];
    char name[QD_EPOCH_NAME];
    qd_epoch_name(epoch, name);
    (void)snprintf(where, sizeof where, "%s/%s", folder, name);
    return where;
}

static size_t load(uint32_t epoch) {
    FILE *f = fopen(in_folder(from, epoch), "rb");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(bytes, 1, MOST, f);
    ck_assert(n > 20 && n < MOST);
    (void)fclose(f);
    return n;
}

/* A recording of five epochs, 1a2b to 1a30 without 1a2e, where nothing happens: single clicks in units of 125 ps. */
static void record(const char *format) {
    const int64_t epoch = (int64_t)1 << 32;
    qd_tags t = {.tick = {125, 1}};
    remove_all(from);
    ck_assert_int_eq(qd_tags_reserve(&t, EVENTS, NULL), QD_OK);
    int64_t at = FIRST * epoch;
    for (; t.n < EVENTS; t.n++) {
        at += 1000 + draw(t.n, 0) % (6 * (epoch / EVENTS) * 2 - 2000);
        if (at >> 32 == 0x1a2e) at += epoch;
        if (at >> 32 > LAST) break;
        t.t[t.n] = at;
        t.mask[t.n] = (uint8_t)(1 << draw(t.n, 1) % 4);
    }
    ck_assert_int_eq(at >> 32, LAST + (t.n < EVENTS));
    write_tags(from, format, &t, NULL);
    qd_tags_destroy(&t);
}

static qd_tag_reader *begin(const char *format) {
    qd_tag_reader *r = NULL;
    qd_error err = {0};
    remove_all(into);
    ck_assert_int_eq(mkdir(into, 0700), 0);
    ck_assert_msg(qd_tag_stream_open(into, format_of(format), &r, &err) == QD_OK, "%s | %s", err.what, err.cause);
    ck_assert(!qd_tag_stream_is_fifo(r));
    return r;
}

/* What is there; bytes that were read. */
static uint64_t take(qd_tag_reader *r, qd_tags *t, bool *end) {
    qd_error err = {0};
    uint64_t all = 0, got, before;
    do {
        ck_assert_msg(qd_tag_stream_fill(r, &got, &err) == QD_OK, "%s | %s", err.what, err.cause);
        all += got;
        before = t->n;
        ck_assert_msg(qd_tag_reader_read(r, UINT64_MAX, t, end, &err) == QD_OK, "%s | %s", err.what, err.cause);
    } while (got || t->n > before);
    return all;
}

static void rest(qd_tag_reader *r, qd_tags *t) {
    const struct timespec nap = {0, 20000000};
    bool end;
    take(r, t, &end);
    ck_assert(!end);
    (void)nanosleep(&nap, NULL);
}

/* The same until a note comes: for gaps and halves time must pass. */
static qd_stream_note note_after(qd_tag_reader *r, qd_tags *t) {
    qd_stream_note note = {.epochs = 0};
    for (int i = 0; i < 3000; i++) {
        rest(r, t);
        if (qd_tag_stream_note(r, &note)) return note;
    }
    ck_abort_msg("no note came");
}

static uint64_t events(const qd_tag_reader *r) {
    return qd_tag_reader_info(r)->events;
}

static const char *const formats[] = {"t1", "t1:bits=54", "t2", "t2:protocol=1"};

/* Files in pieces; one that was taken may go at once. */
START_TEST(as_the_whole_directory) {
    const char *format = formats[_i];
    qd_tags want = {0}, t = {0};
    qd_tag_info info;
    qd_error err = {0};
    qd_stream_note note;
    bool end = false;
    record(format);
    ck_assert_int_eq(read_at(from, format, &want, &info, &err), QD_OK);
    ck_assert(want.n > 1000 && info.epochs == 5 && info.epoch_gaps == 1 && info.epochs_missing == 1);
    qd_tag_reader *r = begin(format);
    ck_assert_uint_eq(take(r, &t, &end), 0);
    for (uint32_t epoch = FIRST; epoch <= LAST; epoch++) {
        if (epoch == 0x1a2e) continue;
        size_t n = load(epoch);
        uint64_t before = events(r);
        FILE *f = fopen(in_folder(into, epoch), "wb");
        ck_assert_ptr_nonnull(f);
        for (size_t i = 0, piece; i < n; i += piece) {
            ck_assert_uint_eq(events(r), before);
            piece = i < 40 ? 5 : 1 + draw(i, 2) % 2000;
            if (piece > n - i) piece = n - i;
            ck_assert_uint_eq(fwrite(bytes + i, 1, piece, f), piece);
            ck_assert_int_eq(fflush(f), 0);
            /* the first is seen when the directory is listed, which is now and then; behind a gap another file may still come */
            bool listed = epoch == FIRST, waits = epoch == 0x1a2f;
            uint64_t got = take(r, &t, &end);
            ck_assert(listed || waits || got >= i + piece);
            ck_assert(!end);
        }
        (void)fclose(f);
        for (int i = 0; epoch == FIRST && events(r) == before && i < 3000; i++) rest(r, &t);
        if (epoch == 0x1a2f) {
            note = note_after(r, &t);
            ck_assert(note.kind == QD_STREAM_GAP && note.epoch == 0x1a2e && note.epochs == 1);
        }
        ck_assert_uint_gt(events(r), before);
        if (epoch % 2) ck_assert_int_eq(unlink(in_folder(into, epoch)), 0);
    }
    ck_assert(!qd_tag_stream_note(r, &note));
    qd_tag_stream_finish(r);
    take(r, &t, &end);
    ck_assert(end && qd_tag_stream_left(r) == 0);
    ck_assert_uint_eq(t.n, want.n);
    ck_assert_int_eq(memcmp(t.t, want.t, t.n * sizeof *t.t), 0);
    ck_assert_int_eq(memcmp(t.mask, want.mask, t.n), 0);
    ck_assert_int_eq(memcmp(qd_tag_reader_info(r), &info, sizeof info), 0);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
    qd_tags_destroy(&want);
}
END_TEST

/* A half is passed over once the next file is there and it rests, or at the end; what is behind it is not lost. */
START_TEST(half_a_file) {
    const char *format = formats[_i % 4];
    const bool at_end = _i >= 4;
    qd_tags t = {0};
    qd_stream_note note;
    bool end = false;
    record(format);
    qd_tag_reader *r = begin(format);
    for (uint32_t epoch = FIRST; epoch < FIRST + 3; epoch++) {
        size_t n = load(epoch);
        write_at(in_folder(into, epoch), bytes, epoch == FIRST + 1 ? n - 4 : n);
    }
    if (at_end) {
        take(r, &t, &end);
        qd_tag_stream_finish(r);
        take(r, &t, &end);
        ck_assert(end);
        ck_assert(qd_tag_stream_note(r, &note));
    } else {
        note = note_after(r, &t);
        take(r, &t, &end);
    }
    ck_assert(note.kind == QD_STREAM_DAMAGED && note.epoch == FIRST + 1 && note.epochs == 1);
    ck_assert_msg(strstr(note.why, "truncated, or is still being written") != NULL, "%s", note.why);
    ck_assert(!qd_tag_stream_note(r, &note));
    ck_assert_uint_eq(qd_tag_reader_info(r)->epochs, 2);
    ck_assert_uint_eq(qd_tag_reader_info(r)->epochs_missing, 1);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

/* A file that comes after a later one, but soon, is in its place. */
START_TEST(out_of_order) {
    static const uint32_t order[3] = {FIRST, FIRST + 2, FIRST + 1};
    qd_tags t = {0}, want = {0};
    qd_stream_note note;
    bool end = false;
    record("t2");
    qd_tag_reader *r = begin("t2");
    for (int i = 0; i < 3; i++) {
        size_t n = load(order[i]);
        write_at(in_folder(into, order[i]), bytes, n);
        uint64_t got = take(r, &t, &end);
        ck_assert(i == 1 || got >= n);
    }
    qd_tag_stream_finish(r);
    take(r, &t, &end);
    ck_assert(end && !qd_tag_stream_note(r, &note));
    ck_assert_int_eq(read_at(into, "t2", &want, NULL, NULL), QD_OK);
    ck_assert(t.n == want.n && memcmp(t.t, want.t, t.n * sizeof *t.t) == 0);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
    qd_tags_destroy(&want);
}
END_TEST

/* A T1 file of one event, the i-th tick of 1/256 of 125 ps after the epoch's beginning. */
static void write_one(uint32_t epoch, unsigned i) {
    const qd_epoch_head h = {.type = 1, .epoch = epoch, .length = 1, .bits = 49, .base = 4};
    uint64_t w = ((uint64_t)(epoch & 0x1ffff) << 47) | (uint64_t)i << 15 | 2;
    memset(bytes, 0, 36);
    qd_epoch_head_write(&h, bytes);
    for (int k = 0; k < 8; k++) bytes[20 + (k + 4) % 8] = (uint8_t)(w >> (8 * k));
    write_at(in_folder(into, epoch), bytes, 36);
}

/* Epochs count on behind 2^32 - 1; what is no name of an epoch is not looked at. */
START_TEST(count_begins_anew) {
    static const uint32_t epochs[3] = {0xfffffffe, 0xffffffff, 0};
    qd_tags t = {0};
    qd_stream_note note;
    bool end = false;
    qd_tag_reader *r = begin("t1");
    char other[128];
    (void)snprintf(other, sizeof other, "%s/0000000A", into);
    write_at(other, "no epoch", 8);
    for (int i = 0; i < 3; i++) {
        write_one(epochs[i], (unsigned)i + 1);
        take(r, &t, &end);
        ck_assert_uint_eq(events(r), i + 1);
    }
    qd_tag_stream_finish(r);
    take(r, &t, &end);
    ck_assert(end && t.n == 3 && !qd_tag_stream_note(r, &note));
    for (int i = 0; i < 3; i++) ck_assert_int_eq(t.t[i], (((int64_t)0xfffffe + i) << 32) + i + 1);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

/* A file of a far later epoch that lay there before is not what comes next, however long that takes; at the end it is read. */
START_TEST(what_lay_there_before) {
    const struct timespec while_it_settles = {1, 300000000};
    qd_tags t = {0};
    qd_stream_note note;
    bool end = false;
    qd_tag_reader *r = begin("t1");
    write_one(FIRST + 1000, 9);
    (void)nanosleep(&while_it_settles, NULL);
    write_one(FIRST, 1);
    for (int i = 0; events(r) == 0 && i < 3000; i++) rest(r, &t);
    for (int i = 0; i < 2; i++) { /* listed, and again once it has been there for long */
        ck_assert_uint_eq(events(r), 1);
        (void)nanosleep(&while_it_settles, NULL);
        rest(r, &t);
    }
    ck_assert_uint_eq(events(r), 1);
    write_one(FIRST + 1, 2);
    take(r, &t, &end);
    ck_assert_uint_eq(events(r), 2);
    qd_tag_stream_finish(r);
    take(r, &t, &end);
    ck_assert(end && t.n == 3);
    ck_assert(qd_tag_stream_note(r, &note) && note.kind == QD_STREAM_GAP && note.epoch == FIRST + 2 && note.epochs == 998);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
}
END_TEST

/* Until it is refused, or the end. */
static qd_status ends_with(const char *format, uint32_t epoch, uint32_t name, size_t cut, qd_error *err) {
    qd_tags t = {0};
    bool end = false;
    uint64_t got;
    qd_tag_reader *r = begin(format);
    size_t n = load(epoch);
    write_at(in_folder(into, name), bytes, n - cut);
    qd_status st = qd_tag_stream_fill(r, &got, err);
    if (st == QD_OK) st = qd_tag_reader_read(r, UINT64_MAX, &t, &end, err);
    qd_tag_stream_finish(r);
    while (st == QD_OK && !end) st = qd_tag_reader_read(r, UINT64_MAX, &t, &end, err);
    qd_tag_reader_close(r);
    qd_tags_destroy(&t);
    return st;
}

static void four_parts(const qd_error *err, const char *where, const char *text) {
    ck_assert_int_eq(err->status, QD_E_INPUT);
    ck_assert_msg(strstr(err->what, where) && strstr(err->what, text), "no '%s', '%s' in: %s", where, text, err->what);
    ck_assert_msg(err->what[0] && err->likely[0] && err->next[0], "%s | %s | %s | %s", err->what, err->cause, err->likely,
                  err->next);
}

START_TEST(refusals) {
    qd_error err = {0};
    qd_tag_reader *r = NULL;
    record("t2");
    ck_assert_int_eq(ends_with("t1", FIRST, FIRST, 0, &err), QD_E_INPUT); /* of the other type */
    four_parts(&err, in_folder(into, FIRST), "tag 0x2");
    ck_assert_msg(err.cause[0] != 0, "%s", err.what);
    ck_assert_int_eq(ends_with("t2", FIRST, FIRST + 1, 0, &err), QD_E_INPUT); /* renamed */
    four_parts(&err, in_folder(into, FIRST + 1), "the header says epoch 00001a2b");
    ck_assert_int_eq(ends_with("t2", FIRST, FIRST, 8, &err), QD_OK); /* nothing but a half: no events */
    write_text("x");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(qd_tag_stream_open(path, format_of(i ? "t2" : "t1"), &r, &err), QD_E_INPUT);
        four_parts(&err, path, "is no directory");
        ck_assert_ptr_null(r);
    }
    ck_assert_int_eq(qd_tag_stream_open("/no/such/folder", format_of("t1"), &r, &err), QD_E_INPUT);
    four_parts(&err, "/no/such/folder", "cannot open");
    /* the directory goes away */
    uint64_t got;
    r = begin("t1");
    remove_all(into);
    ck_assert_int_eq(qd_tag_stream_fill(r, &got, &err), QD_E_INPUT);
    four_parts(&err, into, "cannot list");
    qd_tag_reader_close(r);
}
END_TEST

int main(void) {
    Suite *s = suite_create("epoch stream");
    TCase *c = tcase_create("all");
    (void)snprintf(from, sizeof from, "%s", "/tmp/qd_epochs_from.XXXXXX");
    (void)snprintf(into, sizeof into, "%s", "/tmp/qd_epochs_into.XXXXXX");
    if (!mkdtemp(from) || !mkdtemp(into)) return 1;
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, as_the_whole_directory, 0, 4);
    tcase_add_loop_test(c, half_a_file, 0, 8);
    tcase_add_test(c, out_of_order);
    tcase_add_test(c, count_begins_anew);
    tcase_add_test(c, what_lay_there_before);
    tcase_add_test(c, refusals);
    suite_add_tcase(s, c);
    int failed = run_in_folder(s);
    remove_all(from);
    remove_all(into);
    return failed;
}
