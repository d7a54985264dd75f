/* SPDX-License-Identifier: Apache-2.0 */
/* What is printed, and when, on a clock of the test's own. */
#include "core_suite.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <unistd.h>
#include "core/progress_clock.h"

static double clock_of(void *ctx) {
    return *(double *)ctx;
}

typedef struct screen {
    FILE *f;
    double time;
    qd_progress *p;
} screen;

static void screen_open(screen *s, const char *mode) {
    qd_error err = {0};
    s->f = tmpfile();
    s->time = 1000;
    ck_ok(qd_progress_create(mode, s->f, &s->p, &err));
    qd_progress_set_clock(s->p, clock_of, &s->time);
}

/* All that was printed so far. The caller frees. */
static char *screen_text(screen *s) {
    long n = ftell(s->f);
    char *text = calloc(1, (size_t)n + 1);
    rewind(s->f);
    ck_assert_uint_eq(fread(text, 1, (size_t)n, s->f), (size_t)n);
    fseek(s->f, 0, SEEK_END);
    return text;
}

static void screen_close(screen *s) {
    qd_progress_destroy(s->p);
    fclose(s->f);
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (const char *p = text; (p = strstr(p, part)); p++) n++;
    return n;
}

START_TEST(plain_lines_come_every_30_seconds) {
    screen s;
    screen_open(&s, "plain");
    qd_progress_begin(s.p, "job", 1000, "blocks");
    for (int i = 0; i <= 95; i++, s.time += 1) qd_progress_at(s.p, "reconcile", 2 * i);
    qd_progress_end(s.p);
    char *text = screen_text(&s);
    ck_assert_int_eq(count(text, "\n"), 3);
    /* at 30 s: 60 of 1000 at 2 a second, 470 s to go */
    ck_assert_int_eq(strncmp(text, "job: 60 / 1000 blocks (6 %), 2 blocks/s, ETA 7:50, reconcile\n", 61), 0);
    free(text);
    screen_close(&s);
}
END_TEST

START_TEST(eta_looks_back_over_a_window) {
    screen s;
    screen_open(&s, "plain");
    qd_progress_begin(s.p, "job", 1e6, "bit");
    double done = 0;
    for (int i = 0; i < 300; i++, s.time += 1) qd_progress_at(s.p, "", done += 1); /* slow for five minutes */
    for (int i = 0; i < 60; i++, s.time += 1) qd_progress_at(s.p, "", done += 100);
    char *text = screen_text(&s), *last = strrchr(text, 'E');
    ck_assert_ptr_nonnull(last);
    /* the last line is that of t = 330 s or later: the window of 32 s holds the fast part (almost) alone, where a mean over the
     * whole run would be below 30 a second */
    ck_says(last - 18, "100 bit/s");
    free(text);
    screen_close(&s);
}
END_TEST

START_TEST(terminal_line_is_rewritten) {
    screen s;
    screen_open(&s, "tty");
    qd_progress_begin(s.p, "a job whose name is long enough that the line does not fit into eighty columns of a terminal", 0,
                      "tags");
    for (int i = 0; i < 100; i++, s.time += 0.02) qd_progress_at(s.p, "sync", i);
    qd_progress_end(s.p);
    qd_progress_end(s.p);
    char *text = screen_text(&s);
    int lines = count(text, "\r");
    ck_assert_int_ge(lines, 17); /* 2 s, at most ten a second, and the last state */
    ck_assert_int_le(lines, 21);
    ck_assert_int_eq(count(text, "\n"), 1);
    ck_assert_int_eq(text[strlen(text) - 1], '\n');
    for (char *line = strtok(text, "\r"); line; line = strtok(NULL, "\r")) {
        char *end = strstr(line, "\x1b[K");
        ck_assert_ptr_nonnull(end);
        ck_assert_int_le(end - line, 79);
    }
    free(text);
    screen_close(&s);
}
END_TEST

START_TEST(json_lines_parse) {
    screen s;
    screen_open(&s, "json");
    qd_progress_begin(s.p, "a \"job\"\n", 0, "frames");
    for (int i = 0; i <= 10; i++, s.time += 0.5) qd_progress_at(s.p, "x", 10 * i);
    qd_progress_begin(s.p, "b", 100, "frames");
    for (int i = 0; i <= 4; i++, s.time += 0.5) qd_progress_at(s.p, "y", 10 * i);
    qd_progress_end(s.p);
    char *text = screen_text(&s);
    int n = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), n++) {
        json_t *j = json_loads(line, 0, NULL);
        ck_assert_msg(j != NULL, "not JSON: %s", line);
        ck_assert_str_eq(json_string_value(json_object_get(j, "event")), "progress");
        ck_assert_double_eq(json_number_value(json_object_get(j, "rate")), 20);
        if (n < 5) {
            ck_assert_str_eq(json_string_value(json_object_get(j, "job")), "a \"job\"\n");
            ck_assert_double_eq(json_number_value(json_object_get(j, "done")), 20 * (n + 1));
            ck_assert(json_is_null(json_object_get(j, "total")));
            ck_assert(json_is_null(json_object_get(j, "eta_s")));
        } else {
            double done = json_number_value(json_object_get(j, "done"));
            ck_assert_double_eq(done, 20 * (n - 4));
            ck_assert_double_eq(json_number_value(json_object_get(j, "eta_s")), (100 - done) / 20);
        }
        json_decref(j);
    }
    ck_assert_int_eq(n, 7);
    free(text);
    screen_close(&s);
}
END_TEST

START_TEST(none_and_null_print_nothing) {
    screen s;
    screen_open(&s, "none");
    qd_progress_begin(s.p, "job", 10, "bit");
    for (int i = 0; i < 10; i++, s.time += 60) qd_progress_at(s.p, "x", i);
    qd_progress_end(s.p);
    ck_assert_int_eq(ftell(s.f), 0);
    screen_close(&s);
    qd_progress_begin(NULL, "job", 10, "bit");
    qd_progress_at(NULL, "x", 1);
    qd_progress_end(NULL);
    qd_progress_destroy(NULL);
    ck_assert_int_eq(qd_progress_kind(NULL), QD_PROGRESS_NONE);
}
END_TEST

START_TEST(the_default_asks_the_terminal) {
    qd_error err = {0};
    qd_progress *p;
    FILE *f = tmpfile();
    ck_ok(qd_progress_create(NULL, f, &p, &err));
    ck_assert_int_eq(qd_progress_kind(p), QD_PROGRESS_PLAIN);
    qd_progress_destroy(p);
    ck_status(qd_progress_create("loud", f, &p, &err), QD_E_USAGE);
    ck_says(err.what, "'loud'");
    ck_assert_ptr_null(p);
    fclose(f);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0) return; /* no pseudo terminals here */
    f = fdopen(terminal, "r+");
    ck_ok(qd_progress_create(NULL, f, &p, &err));
    ck_assert_int_eq(qd_progress_kind(p), QD_PROGRESS_TTY);
    qd_progress_destroy(p);
    fclose(f);
}
END_TEST

START_TEST(counting_anew_does_not_confuse) {
    screen s;
    screen_open(&s, "json");
    qd_progress_begin(s.p, "job", 1000, "bit");
    for (int i = 0; i < 60; i++, s.time += 1) qd_progress_at(s.p, "first", 15 * i);
    for (int i = 0; i < 20; i++, s.time += 1) qd_progress_at(s.p, "second", i);
    char *text = screen_text(&s);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        json_t *j = json_loads(line, 0, NULL), *eta = json_object_get(j, "eta_s");
        ck_assert_double_ge(json_number_value(json_object_get(j, "rate")), 0);
        ck_assert(json_is_null(eta) || (json_number_value(eta) >= 0 && isfinite(json_number_value(eta))));
        json_decref(j);
    }
    free(text);
    screen_close(&s);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        plain_lines_come_every_30_seconds, eta_looks_back_over_a_window,  terminal_line_is_rewritten,    json_lines_parse,
        none_and_null_print_nothing,       the_default_asks_the_terminal, counting_anew_does_not_confuse};
    return run_tests("progress", tests, sizeof tests / sizeof *tests, 0);
}
