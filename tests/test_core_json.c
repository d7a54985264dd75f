/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON in, whole JSON out. */
#include "core_suite.h"

#include <math.h>
#include "qdistill/core/json.h"

START_TEST(bad_documents_name_their_place) {
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "is empty"},
        {"{\"a\":1,\n \"a\":2}", "t.json:2:"},
        {"{\"a\":1} x", "t.json:1:"},
        {"{\"a\":1}{", "t.json:1:"},
        {"{\n\n\"a\":01}", "t.json:3:"},
        {"{\"a\":nan}", "t.json:1:"},
        {"{\"a\":1e999}", "t.json:1:"},
        {"{\"a\":99999999999999999999}", "t.json:1:"},
        {"{\"a\":\"\xff\"}", "t.json:1:"},
        {"{\"a\":\"\\u0000\"}", "t.json:1:"},
        {"7", "t.json:1:"},
        {"{'a':1}", "t.json:1:"},
        {"\xef\xbb\xbf{}", "t.json:1:"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qd_error err = {0};
        json_t *j;
        ck_status(qd_json_parse("t.json", rows[i].text, strlen(rows[i].text), &j, &err), QD_E_INPUT);
        ck_assert_ptr_null(j);
        ck_says(err.what, rows[i].says);
    }
    qd_error err = {0};
    json_t *j;
    ck_status(qd_json_parse("t.json", "{\"a\":1}\0", 8, &j, &err), QD_E_INPUT); /* a zero byte is trailing text too */
}
END_TEST

START_TEST(nesting_is_bounded) {
    for (int depth = 63; depth <= 66; depth++) {
        char text[512] = "";
        for (int i = 0; i < depth; i++) strcat(text, i % 2 ? "{\"a\":" : "[1,");
        strcat(text, "1");
        for (int i = depth; i-- > 0;) strcat(text, i % 2 ? "}" : "]");
        qd_error err = {0};
        json_t *j;
        qd_status st = qd_json_parse("t.json", text, strlen(text), &j, &err);
        ck_status(st, depth <= 64 ? QD_OK : QD_E_INPUT);
        if (st != QD_OK) ck_says(err.what, "nested more than 64");
        json_decref(j);
    }
    /* brackets inside a string do not nest, and an escaped quote does not end it */
    char text[200] = "[\"\\\"";
    memset(text + strlen(text), '[', 100);
    strcat(text, "\"]");
    qd_error err = {0};
    json_t *j;
    ck_ok(qd_json_parse("t.json", text, strlen(text), &j, &err));
    json_decref(j);
}
END_TEST

START_TEST(members) {
    static const char *const allowed[] = {"u", "big", "neg", "r", "s", NULL}, *const fewer[] = {"u", "big", "neg", "r", NULL};
    const char *text = "{\"u\":42,\"big\":\"18446744073709551615\",\"neg\":-1,\"r\":0.5,\"s\":\"12\"}";
    qd_error err = {0};
    json_t *j;
    uint64_t u = 0;
    double r = 0;
    ck_ok(qd_json_parse("t", text, strlen(text), &j, &err));
    ck_ok(qd_json_u64(j, "t", "u", 42, &u, &err));
    ck_assert_uint_eq(u, 42);
    ck_status(qd_json_u64(j, "t", "u", 41, &u, &err), QD_E_INPUT);
    ck_says(err.likely, "between 0 and 41");
    ck_status(qd_json_u64(j, "t", "neg", UINT64_MAX, &u, &err), QD_E_INPUT);
    ck_status(qd_json_u64(j, "t", "r", UINT64_MAX, &u, &err), QD_E_INPUT);
    ck_status(qd_json_u64(j, "t", "s", UINT64_MAX, &u, &err), QD_E_INPUT); /* a string only where an integer could not be */
    ck_status(qd_json_u64(j, "t", "none", UINT64_MAX, &u, &err), QD_E_INPUT);
    ck_says(err.what, "'none' is missing");
    ck_assert_uint_eq(u, 42);
    ck_ok(qd_json_u64(j, "t", "big", UINT64_MAX, &u, &err));
    ck_assert_uint_eq(u, UINT64_MAX);
    ck_status(qd_json_u64(j, "t", "big", UINT64_MAX - 1, &u, &err), QD_E_INPUT);
    ck_ok(qd_json_real(j, "t", "r", 0.5, 0.5, &r, &err));
    ck_assert_double_eq(r, 0.5);
    ck_ok(qd_json_real(j, "t", "u", 0, 100, &r, &err));
    ck_assert_double_eq(r, 42);
    ck_status(qd_json_real(j, "t", "r", 0.6, 1, &r, &err), QD_E_INPUT);
    ck_status(qd_json_real(j, "t", "s", 0, 1, &r, &err), QD_E_INPUT);
    ck_ok(qd_json_only(j, "t", allowed, &err));
    ck_status(qd_json_only(j, "t", fewer, &err), QD_E_INPUT);
    ck_says(err.what, "unknown key 's'");
    json_t *list = json_array();
    ck_status(qd_json_only(list, "t", allowed, &err), QD_E_INPUT);
    ck_status(qd_json_u64(list, "t", "u", 1, &u, &err), QD_E_INPUT);
    json_decref(list);
    json_decref(j);
}
END_TEST

START_TEST(numbers_survive_a_file) {
    static const uint64_t values[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    static const double reals[] = {0.1, 1e-300, 1.0 / 3, 123456789.123456789, -0.0};
    qd_error err = {0};
    char *folder = folder_make(), *path = qd_path_join(folder, "r.json"), key[8];
    json_t *j = json_object(), *back;
    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "u%d", i);
        json_object_set_new(j, key, qd_json_from_u64(values[i]));
        snprintf(key, sizeof key, "r%d", i);
        json_object_set_new(j, key, json_real(reals[i]));
    }
    ck_ok(qd_json_write(j, path, &err));
    ck_assert_int_eq(folder_count(folder), 1);
    ck_ok(qd_json_read(path, &back, &err));
    ck_assert(json_equal(j, back));
    for (int i = 0; i < 5; i++) {
        uint64_t u = 7;
        double r = 7;
        snprintf(key, sizeof key, "u%d", i);
        ck_ok(qd_json_u64(back, "t", key, UINT64_MAX, &u, &err));
        ck_assert_uint_eq(u, values[i]);
        snprintf(key, sizeof key, "r%d", i);
        ck_ok(qd_json_real(back, "t", key, -1e300, 1e300, &r, &err));
        ck_assert(r == reals[i] && signbit(r) == signbit(reals[i])); /* 17 digits: exactly the same double */
    }
    char *text = file_text(path, NULL);
    ck_assert_int_eq(strncmp(text, "{\n  \"u0\": 0,\n", 13), 0); /* insertion order, two spaces */
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    free(text);
    json_decref(j);
    json_decref(back);
    free(path);
    folder_remove(folder);
}
END_TEST

START_TEST(files_that_are_none) {
    qd_error err = {0};
    json_t *j;
    char *folder = folder_make(), *path = file_make(folder, "empty", "", 0), *huge = file_make(folder, "huge", "{", 1);
    ck_status(qd_json_read(folder, &j, &err), QD_E_INPUT);
    ck_status(qd_json_read(path, &j, &err), QD_E_INPUT);
    ck_says(err.what, "is empty");
    FILE *f = fopen(huge, "r+");
    ck_assert_int_eq(fseek(f, 65l << 20, SEEK_SET), 0); /* sparse */
    fputc('}', f);
    fclose(f);
    ck_status(qd_json_read(huge, &j, &err), QD_E_INPUT);
    ck_says(err.what, "larger than 64 MiB");
    ck_status(qd_json_write(NULL, path, &err), QD_E_INTERNAL);
    json_t *some = json_object();
    ck_status(qd_json_write(some, "/dev/full", &err), QD_E_INPUT);
    json_decref(some);
    free(path);
    free(huge);
    folder_remove(folder);
}
END_TEST

START_TEST(numbers_that_are_not_finite_are_null_and_unknown) {
    json_t *j = json_pack("[o,o,o,o]", qd_json_from_real(0.25), qd_json_from_real(NAN), qd_json_from_real(INFINITY), qd_json_from_real(-INFINITY));
    ck_assert_double_eq(json_real_value(json_array_get(j, 0)), 0.25);
    for (size_t i = 1; i < 4; i++) ck_assert(json_is_null(json_array_get(j, i)));
    json_decref(j);
    char text[16];
    ck_assert_str_eq(qd_percent(0.01656, text), "1.656 %");
    ck_assert_str_eq(qd_percent(1, text), "100.000 %");
    ck_assert_str_eq(qd_percent(NAN, text), "unknown");
    double then = qd_now();
    ck_assert(qd_now() >= then);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {bad_documents_name_their_place, nesting_is_bounded, members, numbers_survive_a_file,
                                  files_that_are_none, numbers_that_are_not_finite_are_null_and_unknown};
    return run_tests("json", tests, sizeof tests / sizeof *tests, 0);
}
