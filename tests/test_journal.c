/* SPDX-License-Identifier: Apache-2.0 */
/* A journal goes on where it ended, and with nothing else. */
#include "core_suite.h"

#include <unistd.h>
#include "qdistill/core/journal.h"
#include "qdistill/core/json.h"

static json_t *head_of(double x) {
    return json_pack("{s:i,s:{s:f,s:s}}", "schema", 1, "parameters", "x", x, "name", "n");
}

static void add(qd_journal *j, int i) {
    qd_error err = {0};
    ck_ok(qd_journal_add(j, json_pack("{s:i}", "i", i), &err));
}

START_TEST(goes_on) {
    qd_error err = {0};
    char *folder = folder_make(), *path = qd_path_join(folder, "j"), *other = qd_path_join(folder, "whole");
    json_t *head = head_of(0.1);
    qd_journal *j;
    ck_ok(qd_journal_open(path, head, &j, &err));
    ck_assert_uint_eq(qd_journal_steps(j), 0);
    add(j, 0);
    add(j, 1);
    qd_journal *second;
    ck_status(qd_journal_open(path, head, &second, &err), QD_E_INPUT);
    ck_says(err.what, "in use");
    qd_journal_close(j);
    FILE *f = fopen(path, "ab"); /* a step that was cut off by an interruption */
    fputs("{\"i\":", f);
    fclose(f);
    ck_ok(qd_journal_open(path, head, &j, &err));
    ck_assert_uint_eq(qd_journal_steps(j), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(qd_journal_step(j, 1), "i")), 1);
    ck_assert_ptr_null(qd_journal_step(j, 2));
    add(j, 2);
    qd_journal_close(j);
    ck_ok(qd_journal_open(other, head, &j, &err)); /* the same without an interruption */
    for (int i = 0; i < 3; i++) add(j, i);
    qd_journal_close(j);
    size_t n[2];
    char *text[2] = {file_text(path, &n[0]), file_text(other, &n[1])};
    ck_assert_uint_eq(n[0], n[1]);
    ck_assert_mem_eq(text[0], text[1], n[0]);
    free(text[0]);
    free(text[1]);
    json_decref(head);
    free(path);
    free(other);
    folder_remove(folder);
}
END_TEST

START_TEST(nothing_else) {
    static const struct {
        const char *text, *says;
    } cases[] = {{"{\"schema\":1,\"parameters\":{\"x\":0.25,\"name\":\"n\"}}\n", "parameters.x is 0.25 there, 0.5 here"},
                 {"{\"schema\":1,\"parameters\":{\"x\":0.5}}\n", "parameters.name is nothing there"},
                 {"{\"schema\":1,\"parameters\":{\"x\":0.5,\"name\":\"n\"},\"more\":1}\n", "more is 1 there, nothing here"},
                 {"{\"schema\":1,\"parameters\":{\"x\":0.5,\"name\":\"n\"}}", "within its first line"},
                 {"{\"schema\":1,\"parameters\":{\"x\":0.5,\"name\":\"n\"}}\n{\"i\":1}\n[]\n{}\n", "line 3 is no object"},
                 {"{\"schema\":1,\"parameters\":{\"x\":0.5,\"name\":\"n\"}}\n{\"i\":1\n", "line 2:1:"},
                 {"some text\n", "line 1"},
                 {"\n", "line 1"}};
    qd_error err = {0};
    char *folder = folder_make();
    json_t *head = head_of(0.5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = file_make(folder, "j", cases[i].text, strlen(cases[i].text));
        qd_journal *j;
        ck_status(qd_journal_open(path, head, &j, &err), QD_E_INPUT);
        ck_assert_ptr_null(j);
        ck_says(err.what, cases[i].says);
        size_t n;
        char *now = file_text(path, &n);
        ck_assert_str_eq(now, cases[i].text);
        free(now);
        free(path);
    }
    qd_journal *j;
    ck_status(qd_journal_open(folder, head, &j, &err), QD_E_INPUT);
    ck_ok(qd_journal_open(NULL, head, &j, &err)); /* in memory */
    add(j, 7);
    ck_assert_uint_eq(qd_journal_steps(j), 1);
    qd_journal_close(j);
    json_decref(head);
    folder_remove(folder);
}
END_TEST

START_TEST(full_disk) {
    qd_error err = {0};
    char *folder = folder_make(), *path = qd_path_join(folder, "j");
    json_t *head = head_of(0.5);
    qd_journal *j;
    ck_ok(qd_journal_open(path, head, &j, &err));
    limit_file_size(50000); /* far below that Check has no room for its own file */
    qd_status st = QD_OK;
    for (int i = 0; i < 10000 && st == QD_OK; i++) st = qd_journal_add(j, json_pack("{s:i}", "i", i), &err);
    ck_status(st, QD_E_INPUT);
    ck_says(err.what, path);
    qd_journal_close(j);
    ck_ok(qd_journal_open(path, head, &j, &err)); /* whole steps alone are there */
    ck_assert_uint_gt(qd_journal_steps(j), 3);
    qd_journal_close(j);
    json_decref(head);
    free(path);
    folder_remove(folder);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {goes_on, nothing_else, full_disk};
    return run_tests("journal", tests, sizeof tests / sizeof *tests, 0);
}
