/* SPDX-License-Identifier: Apache-2.0 */
/* YAML by schema: what is accepted arrives exactly; what is not names file, line, column and key. */
#include "core_suite.h"

#include "core_yaml_schema.h"

static everything *load(const char *text) {
    qd_error err = {0};
    void *data;
    ck_ok(qd_yaml_load_text("job.yaml", text, strlen(text), &schema, NULL, &data, &err));
    return data;
}

START_TEST(every_kind_of_value_arrives) {
    everything *e = load(
        "# comment\n"
        "count: 18446744073709551615\n"
        "change: -2147483648\n"
        "rate: 1.5e-3\n"
        "name: 'a: b'\n"
        "on: true\n"
        "paint: green\n"
        "paints: [red, green]\n"
        "in: {small: 255, ratio: .5}\n"
        "maybe: {small: 0}\n"
        "list:\n  - 1\n  - -2.5\n"
        "pair: [65535, 0]\n"
        "comment: [any, {thing: [1, 2]}]\n");
    ck_assert_uint_eq(e->count, UINT64_MAX);
    ck_assert_int_eq(e->change, INT32_MIN);
    ck_assert_double_eq(e->rate, 1.5e-3);
    ck_assert_str_eq(e->name, "a: b");
    ck_assert(e->on);
    ck_assert_int_eq(e->paint, GREEN);
    ck_assert_uint_eq(e->paints, RED | GREEN);
    ck_assert_uint_eq(e->in.small, 255);
    ck_assert_double_eq(e->in.ratio, 0.5);
    ck_assert_uint_eq(e->maybe->small, 0);
    ck_assert_uint_eq(e->list_count, 2);
    ck_assert_double_eq(e->list[1], -2.5);
    ck_assert_uint_eq(e->pair[0], 65535);
    qd_yaml_free(&schema, e);
    e = load("{count: 0, on: no, maybe: ~}");
    ck_assert_uint_eq(e->count, 0);
    ck_assert(!e->on);
    ck_assert_ptr_null(e->maybe);
    ck_assert_ptr_null(e->name);
    qd_yaml_free(&schema, e);
    qd_yaml_free(&schema, NULL);
}
END_TEST

START_TEST(what_is_refused_names_its_place) {
    static const struct {
        const char *text, *where, *says;
    } rows[] = {
        /* structure */
        {"", "job.yaml:1: ", "is empty"},
        {"# nothing\n", "job.yaml:2: ", "is empty"},
        {"- 1\n", "job.yaml:1:1: ", "not a mapping"},
        {"count: 1\n---\ncount: 2\n", "job.yaml:2: ", "second document"},
        {"count: [1\n", "job.yaml:1:8: ", "count must be an integer"},
        {"count: 1\nname: \"x\n", "job.yaml:3:1: ", "not valid YAML"},
        {"count: 1\n\tname: x\n", "job.yaml:2:", "not valid YAML"},
        {"\x01\x02\x03", "job.yaml: ", "not a text file"},
        {"count: \xff\xff", "job.yaml: ", "not a text file"},
        {"count: &a 1\nchange: *a\n", "job.yaml:2:9: ", "alias"},
        {"count: 1\ncount: 2\n", "job.yaml:2:1: ", "count stands twice"},
        {"count: 1\nin: {small: 1, small: 2}\n", "job.yaml:2:16: ", "in.small stands twice"},
        {"count: 1\nlenght: 3\n", "job.yaml:2:1: ", "unknown key 'lenght'"},
        {"count: 1\nin: {small: 1, x: 2}\n", "job.yaml:2:16: ", "in has the unknown key 'x'"},
        {"count: 1\n? [a]\n: b\n", "job.yaml:2:3: ", "list or mapping for a key"},
        {"change: 1\n", "job.yaml:1:1: ", "key 'count' is missing"},
        {"count: 1\nin: {ratio: 1}\n", "job.yaml:2:5: ", "in is incomplete: key 'small' is missing"},
        {"count: 1\nin:\n", "job.yaml:2:4: ", "in must be a mapping"},
        {"count: 1\nin: 3\n", "job.yaml:2:5: ", "in must be a mapping"},
        /* integers */
        {"count: -1\n", "job.yaml:1:8: ", "count must not be negative"},
        {"count: 18446744073709551616\n", "job.yaml:1:8: ", "out of range"},
        {"count: 99999999999999999999999999\n", "job.yaml:1:8: ", "out of range"},
        {"count: 1.5\n", "job.yaml:1:8: ", "integer in decimal digits"},
        {"count: 1e3\n", "job.yaml:1:8: ", "integer in decimal digits"},
        {"count: 0x10\n", "job.yaml:1:8: ", "integer in decimal digits"},
        {"count: 010\n", "job.yaml:1:8: ", "integer in decimal digits"},
        {"count: '7'\n", "job.yaml:1:8: ", "integer in decimal digits"},
        {"count:\n", "job.yaml:1:7: ", "integer in decimal digits"},
        {"count: ten\n", "job.yaml:1:8: ", "integer in decimal digits"},
        {"count: {}\n", "job.yaml:1:8: ", "count must be an integer"},
        {"count: 1\nchange: 2147483648\n", "job.yaml:2:9: ", "out of range"},
        {"count: 1\nchange: -2147483649\n", "job.yaml:2:9: ", "out of range"},
        {"count: 1\nin: {small: 256}\n", "job.yaml:2:13: ", "in.small is out of range (the limit is 255)"},
        {"count: 1\npair: [1, 65536]\n", "job.yaml:2:11: ", "pair is out of range"},
        /* reals */
        {"count: 1\nrate: 1.5x\n", "job.yaml:2:7: ", "rate must be a number"},
        {"count: 1\nrate: nan\n", "job.yaml:2:7: ", "rate must be a number"},
        {"count: 1\nrate: .inf\n", "job.yaml:2:7: ", "rate must be a number"},
        {"count: 1\nrate: 0x1p3\n", "job.yaml:2:7: ", "rate must be a number"},
        {"count: 1\nrate: .\n", "job.yaml:2:7: ", "rate must be a number"},
        {"count: 1\nrate: 1e\n", "job.yaml:2:7: ", "rate must be a number"},
        {"count: 1\nrate: 1e999\n", "job.yaml:2:7: ", "rate is out of range"},
        /* the rest */
        {"count: 1\non: maybe\n", "job.yaml:2:5: ", "on must be true or false"},
        {"count: 1\non: 1\n", "job.yaml:2:5: ", "on must be true or false"},
        {"count: 1\npaint: blue\n", "job.yaml:2:8: ", "paint cannot be 'blue'"},
        {"count: 1\npaint: 1\n", "job.yaml:2:8: ", "paint cannot be '1'"},
        {"count: 1\npaints: [red, blue]\n", "job.yaml:2:15: ", "paints cannot be 'blue'"},
        {"count: 1\npaints: red\n", "job.yaml:2:9: ", "paints must be a list"},
        {"count: 1\nname: ''\n", "job.yaml:2:7: ", "name is empty"},
        {"count: 1\nname: 123456789\n", "job.yaml:2:7: ", "name is too long"},
        {"count: 1\nname: \"a\\0b\"\n", "job.yaml:2:7: ", "zero byte"},
        {"count: 1\nname: [a]\n", "job.yaml:2:7: ", "name must be a text"},
        {"count: 1\nlist: []\n", "job.yaml:2:8: ", "list has too few items"},
        {"count: 1\nlist: [1, 2, 3, 4]\n", "job.yaml:2:17: ", "list has too many items"},
        {"count: 1\nlist: [1, x]\n", "job.yaml:2:11: ", "list must be a number"},
        {"count: 1\npair: [1]\n", "job.yaml:2:9: ", "pair has too few items"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qd_error err = {0};
        void *data = &err;
        qd_status st = qd_yaml_load_text("job.yaml", rows[i].text, strlen(rows[i].text), &schema, NULL, &data, &err);
        ck_assert_msg(st == QD_E_INPUT, "row %zu: '%s' gave status %d", i, rows[i].text, (int)st);
        ck_assert_ptr_null(data);
        ck_assert_msg(strncmp(err.what, rows[i].where, strlen(rows[i].where)) == 0, "row %zu: '%s' is not at '%s'", i, err.what,
                      rows[i].where);
        ck_says(err.what, rows[i].says);
    }
}
END_TEST

static bool is_short(const char *s) { return strlen(s) < 4; }

/* Limits beyond the type: the ends belong to the range, a star stands for one key, items of a list have the list's. */
START_TEST(limits_are_held_and_name_the_place) {
    static const char *const words[] = {"one", "two", NULL};
    static const qd_yaml_limit named[] = {{.key = "count", 2, 9},     {.key = "change", -3, 3},  {.key = "rate", 0.5, 1e13}, {.key = "name", .words = words},
                                          {.key = "*.ratio", 0, 1}, {.key = "list", -1, 1}, {0}};
    static const qd_yaml_limit checked[] = {{.key = "name", .text = is_short, .must = "must be short"}, {.key = "count", 0, 9223372036854775808.0}, {0}};
    static const struct {
        const qd_yaml_limit *limits;
        const char *text, *where;
    } rows[] = {
        {named, "count: 2\n", NULL},
        {named, "count: 9\nchange: -3\nrate: 0.5\nname: two\nin: {small: 1, ratio: 1}\nlist: [-1, 1, 0.5]\n", NULL},
        {named, "count: 1\n", "job.yaml:1:8: count is out of range: it must lie in 2 to 9"},
        {named, "count: 10\n", "job.yaml:1:8: count is out of range"},
        {named, "count: 2\nchange: -4\n", "job.yaml:2:9: change is out of range: it must lie in -3 to 3"},
        {named, "count: 2\nrate: 0.49\n", "job.yaml:2:7: rate is out of range: it must lie in 0.5 to 1e+13"},
        {named, "count: 2\nname: three\n", "job.yaml:2:7: name cannot be 'three'"},
        {named, "count: 2\nin: {small: 1, ratio: 1.1}\n", "job.yaml:2:23: in.ratio is out of range: it must lie in 0 to 1"},
        {named, "count: 2\nmaybe: {small: 1, ratio: -1}\n", "job.yaml:2:26: maybe.ratio is out of range"},
        {named, "count: 2\nlist: [0, 2]\n", "job.yaml:2:11: list is out of range: it must lie in -1 to 1"},
        {checked, "count: 7\nname: abc\n", NULL},
        {checked, "count: 7\nname: abcd\n", "job.yaml:2:7: name must be short"},
        {checked, "count: 18446744073709551615\n", "job.yaml:1:8: count is out of range: it must lie in 0 to 2^63 - 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        qd_error err = {0};
        void *data = &err;
        qd_status st = qd_yaml_load_text("job.yaml", rows[i].text, strlen(rows[i].text), &schema, rows[i].limits, &data, &err);
        ck_assert_msg(st == (rows[i].where ? QD_E_INPUT : QD_OK), "row %zu gave status %d: %s", i, (int)st, err.what);
        if (rows[i].where) ck_assert_msg(strncmp(err.what, rows[i].where, strlen(rows[i].where)) == 0, "row %zu: '%s' is not '%s'", i, err.what, rows[i].where);
        qd_yaml_free(&schema, data);
    }
}
END_TEST

START_TEST(what_would_be_right_is_said) {
    qd_error err = {0};
    void *data;
    const char *text = "count: 1\npaint: blue\n", *key = "count: 1\nin: {y: 1}\n";
    ck_status(qd_yaml_load_text("j", text, strlen(text), &schema, NULL, &data, &err), QD_E_INPUT);
    ck_assert_str_eq(err.likely, "allowed: red, green");
    ck_status(qd_yaml_load_text("j", key, strlen(key), &schema, NULL, &data, &err), QD_E_INPUT);
    ck_assert_str_eq(err.likely, "keys allowed here: small, ratio");
}
END_TEST

START_TEST(deep_nesting_is_refused) {
    for (int depth = 20; depth <= 100000; depth *= 10) {
        char *text = malloc((size_t)depth + 40);
        strcpy(text, "count: 1\ncomment: ");
        memset(text + 18, '[', (size_t)depth);
        text[18 + depth] = 0;
        qd_error err = {0};
        void *data;
        ck_status(qd_yaml_load_text("job.yaml", text, strlen(text), &schema, NULL, &data, &err), QD_E_INPUT);
        ck_says(err.what, depth > 32 ? "nested too deep" : "not valid YAML");
        free(text);
    }
}
END_TEST

START_TEST(places_of_keys) {
    static const char text[] = "# comment\ncount: 1\nin: {small: 255, ratio: .5}\nmaybe:\n  small: 0\nlist:\n  - 1\n";
    static const struct {
        const char *key, *place;
    } rows[] = {{"count", "job.yaml:2:1"},         {"in", "job.yaml:3:1"},     {"in.small", "job.yaml:3:6"}, {"in.ratio", "job.yaml:3:18"},
                {"maybe.small", "job.yaml:5:3"},   {"list", "job.yaml:6:1"},   {"maybe.ratio", "job.yaml:4:1"}, {"in.ratio.more", "job.yaml:3:18"},
                {"maybe.small.a.b", "job.yaml:5:3"}, {"rate", "job.yaml"},     {"coun", "job.yaml"},         {"counts", "job.yaml"},
                {"co.unt", "job.yaml"},            {"", "job.yaml"},           {"small", "job.yaml"}};
    qd_error err = {0};
    void *data;
    qd_yaml_places *places;
    char out[QD_YAML_PLACE];
    ck_ok(qd_yaml_load_text_placed("job.yaml", text, strlen(text), &schema, NULL, &data, &places, &err));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) ck_assert_str_eq(qd_yaml_place(places, rows[i].key, out), rows[i].place);
    qd_yaml_free(&schema, data);
    qd_yaml_places_free(places);
    /* a long path loses its front, not its end */
    char name[2000];
    memset(name, 'a', sizeof name);
    strcpy(name + sizeof name - 7, "z.yaml");
    ck_ok(qd_yaml_load_text_placed(name, text, strlen(text), &schema, NULL, &data, &places, &err));
    ck_assert_uint_lt(strlen(qd_yaml_place(places, "in.ratio", out)), QD_YAML_PLACE);
    ck_says(out, "aaz.yaml:3:18");
    ck_assert_uint_lt(strlen(qd_yaml_place(places, "rate", out)), QD_YAML_PLACE);
    ck_says(out, "aaz.yaml");
    qd_yaml_free(&schema, data);
    qd_yaml_places_free(places);
    ck_status(qd_yaml_load_text_placed("job.yaml", "count: x\n", 9, &schema, NULL, &data, &places, &err), QD_E_INPUT);
    ck_assert(!data && !places);
    ck_status(qd_yaml_load_placed("no such file.yaml", &schema, NULL, &data, &places, &err), QD_E_INPUT);
    ck_assert(!data && !places);
}
END_TEST

START_TEST(files) {
    qd_error err = {0};
    void *data;
    char *folder = folder_make(), *good = file_make(folder, "good.yaml", "count: 3\n", 9),
         *bad = file_make(folder, "bad.yaml", "count: x\n", 9);
    char *big = calloc(1, (1 << 20) + 1);
    memset(big, '#', 1 << 20);
    memcpy(big, "count: 4 ", 9);
    char *largest = file_make(folder, "largest.yaml", big, 1 << 20),
         *larger = file_make(folder, "larger.yaml", big, (1 << 20) + 1);
    ck_ok(qd_yaml_load(good, &schema, NULL, &data, &err));
    ck_assert_uint_eq(((everything *)data)->count, 3);
    qd_yaml_free(&schema, data);
    ck_ok(qd_yaml_load(largest, &schema, NULL, &data, &err));
    ck_assert_uint_eq(((everything *)data)->count, 4);
    qd_yaml_free(&schema, data);
    ck_status(qd_yaml_load(larger, &schema, NULL, &data, &err), QD_E_INPUT);
    ck_says(err.what, "larger than 1 MiB");
    ck_status(qd_yaml_load(bad, &schema, NULL, &data, &err), QD_E_INPUT);
    ck_says(err.what, bad);
    ck_status(qd_yaml_load(folder, &schema, NULL, &data, &err), QD_E_INPUT);
    ck_says(err.what, "a directory");
    free(big);
    free(good);
    free(bad);
    free(largest);
    free(larger);
    folder_remove(folder);
}
END_TEST

/* What the checks before it let through and libcyaml refuses: here a schema that contradicts itself. Its log reaches the error.
 */
START_TEST(the_log_of_the_library_is_kept) {
    static const cyaml_schema_field_t odd_fields[] = {
        {.key = "count", .value = {.type = CYAML_UINT, .data_size = 9}, .data_offset = 0}, CYAML_FIELD_END};
    static const cyaml_schema_value_t odd = {
        .type = CYAML_MAPPING, .flags = CYAML_FLAG_POINTER, .data_size = 8, .mapping.fields = odd_fields};
    qd_error err = {0};
    void *data;
    ck_status(qd_yaml_load_text("job.yaml", "count: 1\n", 9, &odd, NULL, &data, &err), QD_E_INPUT);
    ck_says(err.what, "job.yaml");
    ck_says(err.cause, "Data size");
    ck_says(err.likely, "'count' (line: 1");
}
END_TEST

int main(void) {
    const TTest *const tests[] = {every_kind_of_value_arrives,
                                  what_is_refused_names_its_place,
                                  limits_are_held_and_name_the_place,
                                  what_would_be_right_is_said,
                                  deep_nesting_is_refused,
                                  places_of_keys,
                                  files,
                                  the_log_of_the_library_is_kept};
    return run_tests("yaml", tests, sizeof tests / sizeof *tests, 0);
}
