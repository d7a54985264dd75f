/* SPDX-License-Identifier: Apache-2.0 */
/* study reconcile --verify: what the tags of key strings found, as JSON and as a table. */
#include <inttypes.h>
#include <string.h>
#include "study.h"
#include "study_reconcile.h"

static const char *const kinds[QD_PLANTED_KINDS] = {
    [QD_PLANTED_BIT] = "bit", [QD_PLANTED_BITS] = "bits", [QD_PLANTED_FRAMES] = "frames"};

static const struct {
    const char *key;
    size_t at;
} counts[] = {{"strings", offsetof(qd_verified, strings)},
              {"wrong", offsetof(qd_verified, wrong)},
              {"caught", offsetof(qd_verified, caught)},
              {"refused", offsetof(qd_verified, refused)},
              {"tag_bits", offsetof(qd_verified, tag_bits)}};
enum { COUNTS = sizeof counts / sizeof *counts };

static uint64_t *count_at(qd_verified *v, size_t i) {
    return (uint64_t *)(void *)((char *)v + counts[i].at);
}

static json_t *planted_json(const qd_verified *v) {
    json_t *j = json_object();
    for (int k = 0; k < QD_PLANTED_KINDS; k++)
        json_object_set_new(j, kinds[k],
                            json_pack("{s:I,s:I}", "planted", (json_int_t)v->planted[k], "caught", (json_int_t)v->planted_caught[k]));
    return j;
}

json_t *qd_verified_json(const qd_verified *v) {
    json_t *j = json_object();
    qd_verified x = *v;
    for (size_t i = 0; i < COUNTS; i++) json_object_set_new(j, counts[i].key, qd_json_from_u64(*count_at(&x, i)));
    json_object_set_new(j, "planted", planted_json(v));
    return j;
}

static uint64_t integer(const json_t *j, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(j, key));
}

qd_verified qd_verified_of(const json_t *j) {
    qd_verified v = {0};
    for (size_t i = 0; i < COUNTS; i++) *count_at(&v, i) = integer(j, counts[i].key);
    for (int k = 0; k < QD_PLANTED_KINDS; k++) {
        const json_t *one = json_object_get(json_object_get(j, "planted"), kinds[k]);
        v.planted[k] = integer(one, "planted");
        v.planted_caught[k] = integer(one, "caught");
    }
    return v;
}

static void put(json_t *to, const char *key, uint64_t k, uint64_t n) {
    json_object_set_new(to, key, qd_interval_json(qd_count95(k, n)));
}

void qd_verified_report(const qd_verified *v, json_t *to) {
    uint64_t planted = 0, caught = 0;
    for (int k = 0; k < QD_PLANTED_KINDS; k++) planted += v->planted[k], caught += v->planted_caught[k];
    json_object_set_new(to, "tag_bits", qd_json_from_u64(v->tag_bits));
    json_object_set_new(to, "strings", qd_json_from_u64(v->strings));
    put(to, "strings_wrong", v->wrong, v->strings);
    put(to, "strings_caught", v->caught, v->wrong);
    put(to, "undetected_after_tag", v->wrong - v->caught, v->strings);
    put(to, "strings_refused", v->refused, v->strings - v->wrong);
    json_object_set_new(to, "planted", qd_json_from_u64(planted));
    put(to, "planted_caught", caught, planted);
    json_object_set_new(to, "planted_kinds", planted_json(v));
}

static double value(const json_t *point, const char *key) {
    const json_t *x = json_object_get(point, key);
    return json_number_value(json_is_object(x) ? json_object_get(x, "value") : x);
}

static void print_kinds(const json_t *point, FILE *to) {
    for (int k = 0; k < QD_PLANTED_KINDS; k++) {
        const json_t *one = json_object_get(json_object_get(point, "planted_kinds"), kinds[k]);
        fprintf(to, " %10" PRIu64 "/%-10" PRIu64, integer(one, "caught"), integer(one, "planted"));
    }
}

void qd_verified_print(const json_t *points, uint64_t each, FILE *to) {
    size_t i;
    const json_t *p;
    fprintf(to, "\nkey strings of %" PRIu64 " frame%s and their verification tags\n\n%7s %6s %5s %10s %10s %10s %10s %10s %8s %21s %21s %21s\n",
            each, each == 1 ? "" : "s", "qber", "leak", "tag", "strings", "wrong", "caught", "left", "most", "refused", "planted: a bit", "2 to 8 bits",
            "two frames swapped");
    json_array_foreach((json_t *)points, i, p) {
        fprintf(to, "%7.4g %6.4f %5.0f %10.0f %10.0f %10.0f %10.0f %10.3g %8.0f", json_number_value(json_object_get(p, "qber")), value(p, "leak"),
                value(p, "tag_bits"), value(p, "strings"), value(p, "strings_wrong"), value(p, "strings_caught"), value(p, "undetected_after_tag"),
                json_number_value(json_object_get(json_object_get(p, "undetected_after_tag"), "high")), value(p, "strings_refused"));
        print_kinds(p, to);
        fprintf(to, "\n");
    }
    fprintf(to, "\nwrong: an error is left in a frame that was taken for corrected; caught: of them, tags that differ; left: those that do not, and\n"
                "the most that 95 %% allow; refused: right strings whose tags differ; planted: errors put into right strings, found/planted\n");
}
