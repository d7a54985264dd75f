/* SPDX-License-Identifier: Apache-2.0 */
/* Files are whole or absent: on a full disk, over an old file, through a link; and what is no regular file is refused. */
#include "core_suite.h"

#include <sys/stat.h>
#include <unistd.h>

START_TEST(only_regular_files_are_read) {
    qd_error err = {0};
    FILE *f;
    uint64_t bytes = 77;
    char *folder = folder_make(), *file = file_make(folder, "file", "12345", 5), *pipe_path = qd_path_join(folder, "pipe");
    ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
    ck_ok(qd_file_open(file, false, &f, &bytes, &err));
    ck_assert_uint_eq(bytes, 5);
    fclose(f);
    static const char *const names[] = {"missing", "pipe", "", "file/below"};
    static const char *const says[] = {"No such file", "a pipe", "a directory", "Not a directory"};
    for (int i = 0; i < 4; i++) {
        char *path = qd_path_join(folder, names[i]);
        ck_status(qd_file_open(path, false, &f, &bytes, &err), QD_E_INPUT);
        ck_assert_ptr_null(f);
        ck_says(err.what, path);
        ck_assert_msg(strstr(err.what, says[i]) || strstr(err.cause, says[i]), "%s: %s (%s)", path, err.what, err.cause);
        free(path);
    }
    ck_status(qd_file_open("/dev/zero", false, &f, NULL, &err), QD_E_INPUT);
    ck_status(qd_file_open(folder, true, &f, NULL, &err), QD_E_INPUT);
    ck_ok(qd_file_open("/dev/zero", true, &f, &bytes, &err));
    ck_assert_uint_eq(bytes, 0);
    fclose(f);
    free(file);
    free(pipe_path);
    folder_remove(folder);
}
END_TEST

START_TEST(a_file_appears_when_it_is_complete) {
    qd_error err = {0};
    qd_out out;
    char *folder = folder_make(), *path = qd_path_join(folder, "out");
    struct stat s;
    ck_ok(qd_out_open(&out, path, 0600, &err));
    fputs("abc", out.f);
    ck_assert_int_ne(stat(path, &s), 0);
    ck_ok(qd_out_settle(&out, &err));
    ck_assert_int_ne(stat(path, &s), 0);
    ck_ok(qd_out_commit(&out, &err));
    ck_assert_ptr_null(out.path);
    ck_assert_int_eq(stat(path, &s), 0);
    ck_assert_uint_eq(s.st_mode & 0777, 0600);
    ck_assert_int_eq(s.st_size, 3);
    ck_assert_int_eq(folder_count(folder), 1);
    qd_out_abandon(&out);
    ck_assert_int_eq(folder_count(folder), 1);

    ck_ok(qd_out_open(&out, path, 0600, &err));
    fputs("never seen", out.f);
    qd_out_abandon(&out);
    ck_assert_int_eq(folder_count(folder), 1);
    char *text = file_text(path, NULL);
    ck_assert_str_eq(text, "abc");
    free(text);
    free(path);
    folder_remove(folder);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_file) {
    qd_error err = {0};
    char *folder = folder_make(), *path = qd_path_join(folder, "out"), *big = calloc(1, 100000);
    ck_ok(qd_file_write(path, 0644, "old", 3, &err));
    limit_file_size(50000);
    ck_status(qd_file_write(path, 0644, big, 100000, &err), QD_E_INPUT);
    ck_says(err.what, path);
    ck_says(err.cause, "File too large");
    ck_assert_int_eq(folder_count(folder), 1);
    char *text = file_text(path, NULL);
    ck_assert_str_eq(text, "old");
    free(text);
    /* a failure in the midst of many writes, long before the end */
    qd_out out;
    ck_ok(qd_out_open(&out, path, 0644, &err));
    for (int i = 0; i < 20; i++) (void)fwrite(big, 1, 5000, out.f);
    rewind(out.f); /* which clears the stream's error, as a careless writer might */
    (void)fwrite(big, 1, 10, out.f);
    qd_out_abandon(&out);
    ck_assert_int_eq(folder_count(folder), 1);
    free(big);
    free(path);
    folder_remove(folder);
}
END_TEST

START_TEST(dev_full_is_a_full_disk) {
    qd_error err = {0};
    ck_status(qd_file_write("/dev/full", 0644, "abc", 3, &err), QD_E_INPUT);
    ck_says(err.what, "/dev/full");
    ck_says(err.cause, "No space left");
    ck_says(err.likely, "full");
    struct stat s;
    ck_assert_int_eq(stat("/dev/full", &s), 0);
    ck_assert(S_ISCHR(s.st_mode)); /* written in place, not replaced */
}
END_TEST

START_TEST(bad_places_are_refused_at_once) {
    qd_error err = {0};
    qd_out out;
    char *folder = folder_make(), *below = qd_path_join(folder, "no/such/place");
    ck_status(qd_out_open(&out, folder, 0644, &err), QD_E_INPUT);
    ck_says(err.what, "a directory");
    ck_assert_ptr_null(out.f);
    ck_status(qd_out_open(&out, below, 0644, &err), QD_E_INPUT);
    ck_says(err.likely, "directory does not exist");
    ck_assert_ptr_null(out.path);
    ck_assert_int_eq(folder_count(folder), 0);
    free(below);
    folder_remove(folder);
}
END_TEST

START_TEST(a_link_is_written_through) {
    qd_error err = {0};
    char *folder = folder_make(), *file = file_make(folder, "file", "old", 3), *link_path = qd_path_join(folder, "link");
    ck_assert_int_eq(symlink(file, link_path), 0);
    ck_ok(qd_file_write(link_path, 0644, "new", 3, &err));
    struct stat s;
    ck_assert_int_eq(lstat(link_path, &s), 0);
    ck_assert(S_ISLNK(s.st_mode));
    char *text = file_text(file, NULL);
    ck_assert_str_eq(text, "new");
    free(text);
    free(file);
    free(link_path);
    folder_remove(folder);
}
END_TEST

START_TEST(bit_files_and_their_length) {
    qd_error err = {0};
    char *folder = folder_make(), *path = qd_path_join(folder, "k.bits"), *side = qd_path_join(folder, "k.bits.json");
    for (uint64_t n = 0; n < 20; n++) {
        for (int order = 0; order < 2; order++) {
            qd_bits b, c;
            ck_ok(qd_bits_create(&b, n, &err));
            for (uint64_t i = 0; i < n; i += 3) qd_bits_set(&b, i, 1);
            ck_ok(qd_bits_write_file(&b, path, (qd_bit_order)order, 0600, &err));
            ck_assert_int_eq(folder_count(folder), 2);
            struct stat s;
            ck_assert_int_eq(stat(path, &s), 0);
            ck_assert_uint_eq(s.st_mode & 0777, 0600);
            ck_assert_uint_eq((uint64_t)s.st_size, qd_bits_bytes(n));
            ck_ok(qd_bits_read_file(&c, path, UINT64_MAX, (qd_bit_order)order, &err)); /* by the sidecar */
            ck_assert(qd_bits_equal(&b, &c));
            qd_bits_destroy(&c);
            ck_ok(qd_bits_read_file(&c, path, n, (qd_bit_order)order, &err)); /* by the caller */
            ck_assert(qd_bits_equal(&b, &c));
            qd_bits_destroy(&c);
            ck_assert_int_eq(unlink(side), 0);
            ck_ok(qd_bits_read_file(&c, path, UINT64_MAX, (qd_bit_order)order, &err)); /* by the size */
            ck_assert_uint_eq(c.n, 8 * qd_bits_bytes(n));
            qd_bits_destroy(&b);
            qd_bits_destroy(&c);
        }
    }
    free(path);
    free(side);
    folder_remove(folder);
}
END_TEST

START_TEST(bad_bit_files_are_refused) {
    static const struct {
        const char *data, *side;
        uint64_t in_bits;
        const char *says;
    } rows[] = {
        {"\x01\x02", NULL, 7, "7 bits are 1 bytes"},
        {"\x01\x02", NULL, 17, "17 bits are 3 bytes"},
        {"\x01\x80", NULL, 15, "byte 1: a bit past the length"},
        {"\x01\x80", "{\"bits\":15}", UINT64_MAX, "byte 1: a bit past the length"},
        {"\x01\x02", "{\"bits\":25}", UINT64_MAX, "25 bits are 4 bytes"},
        {"\x01\x02", "{\"bits\":-1}", UINT64_MAX, "'bits' is -1"},
        {"\x01\x02", "{\"bits\":\"16\"}", UINT64_MAX, "must be an integer"},
        {"\x01\x02", "{}", UINT64_MAX, "'bits' is missing"},
        {"\x01\x02", "[16]", UINT64_MAX, "expected an object"},
        {"\x01\x02", "{\"bits\":16", UINT64_MAX, "not valid JSON"},
        {"\x01\x02", "", UINT64_MAX, "is empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qd_error err = {0};
        qd_bits b;
        char *folder = folder_make(), *path = file_make(folder, "k", rows[i].data, strlen(rows[i].data)), *side = NULL;
        if (rows[i].side) side = file_make(folder, "k.json", rows[i].side, strlen(rows[i].side));
        ck_status(qd_bits_read_file(&b, path, rows[i].in_bits, QD_LSB_FIRST, &err), QD_E_INPUT);
        ck_assert_ptr_null(b.w);
        ck_says(err.what, path);
        ck_says(err.what, rows[i].says);
        free(path);
        free(side);
        folder_remove(folder);
    }
}
END_TEST

START_TEST(a_bit_file_that_does_not_fit_leaves_nothing) {
    qd_error err = {0};
    qd_bits b;
    char *folder = folder_make(), *path = qd_path_join(folder, "k");
    ck_ok(qd_bits_create(&b, 800000, &err));
    limit_file_size(50000);
    ck_status(qd_bits_write_file(&b, path, QD_LSB_FIRST, 0600, &err), QD_E_INPUT);
    ck_says(err.what, path);
    ck_assert_int_eq(folder_count(folder), 0);
    ck_status(qd_bits_write_file(&b, folder, QD_LSB_FIRST, 0600, &err), QD_E_INPUT); /* a directory stands there */
    ck_assert_int_eq(folder_count(folder), 0);
    qd_bits_destroy(&b);
    free(path);
    folder_remove(folder);
}
END_TEST

START_TEST(directories) {
    qd_error err = {0};
    char *folder = folder_make(), *deep = qd_path_join(folder, "a/b/c//"), *flat = qd_path_join(folder, "a");
    struct stat s;
    ck_status(qd_dir_create(deep, false, &err), QD_E_INPUT);
    ck_ok(qd_dir_create(deep, true, &err));
    ck_assert_int_eq(stat(deep, &s), 0);
    ck_assert(S_ISDIR(s.st_mode));
    ck_status(qd_dir_create(deep, true, &err), QD_E_INPUT);
    ck_says(err.what, "exists already");
    ck_status(qd_dir_create(flat, false, &err), QD_E_INPUT);
    ck_says(err.what, "exists already");
    ck_status(qd_dir_create("", true, &err), QD_E_INPUT);
    free(deep);
    free(flat);
    folder_remove(folder);
}
END_TEST

START_TEST(paths) {
    static const char *const rows[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *p = qd_path_join(rows[i][0], rows[i][1]);
        ck_assert_str_eq(p, rows[i][2]);
        free(p);
    }
    static const char *const dirs[][2] = {{"a", "."}, {"/a", "/"}, {"a/b", "a"}, {"/a/b/c", "/a/b"}, {"a/", "a"}};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        char *p = qd_path_dir(dirs[i][0]);
        ck_assert_str_eq(p, dirs[i][1]);
        free(p);
    }
}
END_TEST

int main(void) {
    const TTest *const tests[] = {only_regular_files_are_read,
                                  a_file_appears_when_it_is_complete,
                                  a_full_disk_leaves_the_old_file,
                                  dev_full_is_a_full_disk,
                                  bad_places_are_refused_at_once,
                                  a_link_is_written_through,
                                  bit_files_and_their_length,
                                  bad_bit_files_are_refused,
                                  a_bit_file_that_does_not_fit_leaves_nothing,
                                  directories,
                                  paths};
    return run_tests("files", tests, sizeof tests / sizeof *tests, 0);
}
