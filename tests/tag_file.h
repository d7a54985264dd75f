/* SPDX-License-Identifier: Apache-2.0 */
/** @file tag_file.h  What the tests of tag formats share: files of given bytes, and reading one to its end. */
#ifndef QD_TESTS_TAG_FILE_H
#define QD_TESTS_TAG_FILE_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "qdistill/timetag.h"
#include "run_all.h"

static char dir[] = "/tmp/qd_tags.XXXXXX", path[64];

static inline qd_tag_format format_of(const char *name) {
    qd_tag_format f;
    qd_error err = {0};
    ck_assert_msg(qd_tag_format_parse(name, &f, &err) == QD_OK, "%s: %s | %s", name, err.what, err.next);
    return f;
}

static inline void write_at(const char *where, const void *p, size_t n) {
    FILE *f = fopen(where, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}
static inline void write_file(const void *p, size_t n) {
    write_at(path, p, n);
}
static inline void write_text(const char *text) {
    write_file(text, strlen(text));
}

/* In pieces of a size that divides nothing. */
static inline qd_status read_at(const char *where, const char *format, qd_tags *t, qd_tag_info *info, qd_error *err) {
    qd_tag_reader *r = NULL;
    bool end = false;
    t->n = 0;
    qd_status st = qd_tag_reader_open(where, format_of(format), &r, err);
    while (st == QD_OK && !end) st = qd_tag_reader_read(r, 777, t, &end, err);
    if (r && info) *info = *qd_tag_reader_info(r);
    if (st == QD_OK) {
        ck_assert_uint_eq(t->tick.num, qd_tag_reader_tick(r).num);
        ck_assert_uint_eq(t->tick.den, qd_tag_reader_tick(r).den);
    }
    qd_tag_reader_close(r);
    return st;
}

static inline void reads(const char *format, qd_tags *t, qd_tag_info *info) {
    qd_error err = {0};
    ck_assert_msg(read_at(path, format, t, info, &err) == QD_OK, "%s: %s | %s | %s", format, err.what, err.cause, err.likely);
}

/* QD_E_INPUT, an error that names the file, has a piece of text in one of its parts, and says what to do. */
static inline void refuses(const char *where, const char *format, const char *text) {
    qd_error err = {0};
    qd_tags t = {0};
    ck_assert_int_eq(read_at(where, format, &t, NULL, &err), QD_E_INPUT);
    ck_assert_msg(strstr(err.what, where) != NULL, "'%s' does not name %s", err.what, where);
    ck_assert_msg(strstr(err.what, text) || strstr(err.cause, text) || strstr(err.likely, text) || strstr(err.next, text),
                  "no '%s' in: %s | %s | %s | %s", text, err.what, err.cause, err.likely, err.next);
    ck_assert_msg(err.next[0] != 0, "'%s' does not say what to do", err.what);
    qd_tags_destroy(&t);
}

static inline void expect_tags(const qd_tags *t, size_t n, const int64_t *times, const uint8_t *masks) {
    ck_assert_uint_eq(t->n, n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(t->t[i], times[i]);
        ck_assert_uint_eq(t->mask[i], masks[i]);
    }
}

static inline void write_tags(const char *where, const char *format, const qd_tags *t, qd_tag_written *info) {
    qd_tag_writer *w = NULL;
    qd_error err = {0};
    ck_assert_msg(qd_tag_writer_open(where, format_of(format), &w, &err) == QD_OK, "%s", err.what);
    for (uint64_t i = 0; i < t->n; i += 1234) {
        qd_tags part = {.n = t->n - i < 1234 ? t->n - i : 1234, .t = t->t + i, .mask = t->mask + i, .tick = t->tick};
        ck_assert_msg(qd_tag_writer_write(w, &part, &err) == QD_OK, "%s", err.what);
    }
    if (info) *info = *qd_tag_writer_info(w);
    ck_assert_msg(qd_tag_writer_commit(w, &err) == QD_OK, "%s", err.what);
}

/* Remove a file, or a folder of files. */
static inline void remove_all(const char *where) {
    DIR *d = opendir(where);
    struct dirent *e;
    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.') (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    if (rmdir(where) != 0) (void)unlink(where);
}

static inline int run_in_folder(Suite *s) {
    if (!mkdtemp(dir)) return 1;
    (void)snprintf(path, sizeof path, "%s/x", dir);
    int failed = run_all(s);
    char cmd[80];
    (void)snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    if (system(cmd) != 0) return 1;
    return failed;
}

#endif
