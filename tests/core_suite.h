/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites of the ground floor share: a runner, and a folder that is gone afterwards. */
#ifndef QD_TESTS_CORE_SUITE_H
#define QD_TESTS_CORE_SUITE_H

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "qdistill/core.h"
#include "run_all.h"

/* A new folder; folder_remove deletes it with what it holds. */
static inline char *folder_make(void) {
    char *path = strdup("/tmp/qdistill-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static inline int folder_remove_one(const char *path, const struct stat *s, int flag, struct FTW *ftw) {
    (void)s;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void folder_remove(char *path) {
    ck_assert_int_eq(nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(path);
}

/* Number of files in a folder: what a failed write must not leave behind. */
static inline int folder_count(const char *path) {
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* A file with these bytes in a folder. The caller frees the path. */
static inline char *file_make(const char *folder, const char *name, const void *bytes, size_t n) {
    char *path = qd_path_join(folder, name);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

/* All of a file, with a zero behind it. The caller frees. */
static inline char *file_text(const char *path, size_t *bytes) {
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s cannot be read", path);
    enum { MOST = 1 << 20 };
    char *text = calloc(1, MOST + 1);
    size_t n = fread(text, 1, MOST, f);
    fclose(f);
    if (bytes) *bytes = n;
    return text;
}

/* Files end at this size: a full disk for tests. */
static inline void limit_file_size(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN); /* then a write beyond the limit fails as on a full disk */
    struct rlimit l = {bytes, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &l), 0);
}

#define ck_ok(call)                                                                                                             \
    do {                                                                                                                        \
        qd_status ck_ok_st_ = (call);                                                                                           \
        ck_assert_msg(ck_ok_st_ == QD_OK, "%s: status %d: %s (%s) %s", #call, (int)ck_ok_st_, err.what, err.cause, err.likely); \
    } while (0)
#define ck_status(call, status) ck_assert_int_eq((int)(call), (int)(status))
#define ck_says(text, part) ck_assert_msg(strstr((text), (part)) != NULL, "'%s' does not say '%s'", (text), (part))

#endif
