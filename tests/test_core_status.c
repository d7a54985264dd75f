/* SPDX-License-Identifier: Apache-2.0 */
/* Four-part errors: what a user reads must be whole, clean and valid UTF-8 whatever the arguments hold. */
#include "core_suite.h"

#include <jansson.h>

START_TEST(parts_are_split_in_the_format_only) {
    qd_error err = {0};
    ck_status(qd_fail(&err, QD_E_INPUT, "cannot read %s|%s|line %d|try %s|again", "a|b", "c|d", 7, "this"), QD_E_INPUT);
    ck_assert_int_eq(err.status, QD_E_INPUT);
    ck_assert_str_eq(err.what, "cannot read a|b");
    ck_assert_str_eq(err.cause, "c|d");
    ck_assert_str_eq(err.likely, "line 7");
    ck_assert_str_eq(err.next, "try this|again"); /* a fourth bar separates nothing */
}
END_TEST

START_TEST(missing_parts_are_empty) {
    qd_error err;
    memset(&err, 'x', sizeof err);
    qd_fail(&err, QD_E_USAGE, "%d %%", 5);
    ck_assert_str_eq(err.what, "5 %");
    ck_assert_str_eq(err.cause, "");
    ck_assert_str_eq(err.likely, "");
    ck_assert_str_eq(err.next, "");
    qd_fail(&err, QD_E_USAGE, "|||%s", "last");
    ck_assert_str_eq(err.what, "");
    ck_assert_str_eq(err.next, "last");
    ck_status(qd_fail(NULL, QD_E_DEVICE, "nobody listens"), QD_E_DEVICE);
}
END_TEST

START_TEST(an_error_can_be_extended_by_itself) {
    qd_error err;
    qd_fail(&err, QD_E_INPUT, "byte 7|cause|likely|next");
    qd_fail(&err, err.status, "%s: %s|%s|%s|%s", "file.bits", err.what, err.cause, err.likely, err.next);
    ck_assert_str_eq(err.what, "file.bits: byte 7");
    ck_assert_str_eq(err.cause, "cause");
    ck_assert_str_eq(err.next, "next");
}
END_TEST

START_TEST(control_characters_and_broken_text_are_masked) {
    qd_error err;
    qd_fail(&err, QD_E_INPUT, "%s",
            "a\nb\x1b[31m\x7f \xc2\x9b \xff\xc0\xaf\xed\xa0\x80 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91 \xe2\x82");
    ck_assert_str_eq(err.what, "a?b?[31m? ? ?????? \xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91 ??");
    json_t *j = json_string(err.what); /* jansson checks UTF-8 by itself */
    ck_assert_ptr_nonnull(j);
    json_decref(j);
}
END_TEST

START_TEST(long_texts_are_cut_at_a_character) {
    char text[2 * QD_ERROR_PART + 1], euros[2 * QD_ERROR_PART + 4] = "x";
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = 0;
    while (strlen(euros) + 4 < sizeof euros) strcat(euros, "\xe2\x82\xac");
    qd_error err;
    qd_fail(&err, QD_E_INPUT, "%s|%s|after|end", euros, text);
    ck_assert_uint_eq(strlen(err.what), 1 + (QD_ERROR_PART - 2) / 3 * 3); /* no part of a character at the end */
    ck_assert_uint_eq(strlen(err.cause), QD_ERROR_PART - 1);
    ck_assert_str_eq(err.likely, "after");
    ck_assert_str_eq(err.next, "end");
}
END_TEST

START_TEST(exit_statuses_are_the_documented_ones) {
    static const struct {
        qd_status st;
        int exit;
    } rows[] = {{QD_OK, 0},      {QD_E_INTERNAL, 1}, {QD_E_USAGE, 2}, {QD_E_NODEVICE, 3}, {QD_E_DIFFER, 4},
                {QD_E_INPUT, 5}, {QD_E_POLICY, 6},   {QD_E_BUILD, 7}, {QD_E_DEVICE, 1},   {QD_STOPPED, 75}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_int_eq(qd_exit_status(rows[i].st), rows[i].exit);
        for (size_t j = 0; j < i; j++) ck_assert_str_ne(qd_status_name(rows[i].st), qd_status_name(rows[j].st));
    }
    ck_assert_str_eq(qd_status_name((qd_status)99), "unknown status");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {parts_are_split_in_the_format_only, missing_parts_are_empty,
                                  an_error_can_be_extended_by_itself, control_characters_and_broken_text_are_masked,
                                  long_texts_are_cut_at_a_character,  exit_statuses_are_the_documented_ones};
    return run_tests("status", tests, sizeof tests / sizeof *tests, 0);
}
