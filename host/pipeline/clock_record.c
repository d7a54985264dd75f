/* SPDX-License-Identifier: Apache-2.0 */
/* What a run says of its clock search: the same as `sync` does. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "record.h"

json_t *qd_record_search(const qd_station_search *s) {
    if (!s->attempts) return json_null();
    json_t *o = json_object();
    qd_sync_report_json(o, &s->params, &s->report);
    json_object_set_new(o, "loaded_s", json_pack("[f,f]", s->seconds[0], s->seconds[1]));
    json_object_set_new(o, "loaded_events", json_pack("[o,o]", qd_json_from_u64(s->events[0]), qd_json_from_u64(s->events[1])));
    json_object_set_new(o, "attempts", json_integer(s->attempts));
    return o;
}

/* Options of `sync` that a refusal names, and what a job has for them: the longer ones before those that they contain. */
static const struct {
    const char *option, *key;
} words[] = {{" (--span-s)", ""},
             {"--effort high", "sync.effort: high"},
             {"--max-offset-s", "sync.max_offset_s:"},
             {"--max-ppm", "sync.max_ppm:"},
             {"--offset-s", "sync.offset_s:"},
             {"--ppm", "sync.ppm:"}};

void qd_job_words(const char *text, char *out, size_t cap) {
    size_t n = 0;
    while (*text && n + 1 < cap) {
        size_t i = 0, known = sizeof words / sizeof *words;
        while (i < known && strncmp(text, words[i].option, strlen(words[i].option)) != 0) i++;
        if (i == known) {
            out[n++] = *text++;
            continue;
        }
        text += strlen(words[i].option);
        const char *key = words[i].key;
        size_t length = strlen(key);
        bool value = text[0] == ' ' && text[1] && strchr("0123456789.-", text[1]);
        if (!value && length && key[length - 1] == ':') length--; /* the key alone is named */
        n += (size_t)snprintf(out + n, cap - n, "%.*s", (int)length, key);
        if (n >= cap) n = cap - 1;
    }
    out[n] = 0;
}

static double num(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static double rate_of(const json_t *o, size_t side) {
    return json_number_value(json_array_get(json_object_get(o, "rates"), side));
}

void qd_record_search_text(const json_t *summary, FILE *out) {
    const json_t *s = json_object_get(summary, "sync");
    if (!json_is_object(s)) return;
    bool locked = json_is_true(json_object_get(s, "locked"));
    double p = num(s, "p_false");
    if (locked)
        fprintf(out, "\n  clock: offset %.3f ps (sd %.2g) at Bob's time %.6f s, frequency %.9f ppm (sd %.1g)\n",
                num(s, "offset_ps"), num(s, "offset_sd_ps"), num(s, "base_ps") * 1e-12, num(s, "frequency_ppm"),
                num(s, "frequency_sd_ppm"));
    else
        fprintf(out, "\n  clock: none found, %s\n",
                json_is_string(json_object_get(s, "refusal")) ? json_string_value(json_object_get(s, "refusal")) : "the search was stopped");
    if (num(s, "search_s") > 0) {
        fprintf(out, "    significance %.2f, needed %.2f", num(s, "significance"), num(s, "significance_needed"));
        if (num(s, "s_max") > 0)
            fprintf(out, "; S_max %s %.3g within %.4g ppm", locked ? "of one window" : "of the weakest link that is seen",
                    num(s, "s_max"), num(s, "max_ppm"));
        fprintf(out, "\n    probability of a false lock %s%.2g among %.0f hypotheses, accepted %.2g\n", locked ? "below " : "",
                p > 1e-300 ? p : 1e-300 /* smaller ones vanish in a double */, num(s, "hypotheses"), num(s, "max_p_false"));
    }
    if (locked)
        fprintf(out, "    %.0f pairs over %.6g s, jitter %.4g ps\n", num(s, "pairs"), num(s, "span_s"), num(s, "sigma_ps"));
    if (rate_of(s, 0) > 0) fprintf(out, "    rates %.6g and %.6g a second\n", rate_of(s, 0), rate_of(s, 1));
}
