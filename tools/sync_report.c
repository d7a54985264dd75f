/* SPDX-License-Identifier: Apache-2.0 */
#include "sync_report.h"

#include <inttypes.h>

void qd_sync_print(FILE *to, const qd_sync_args *a, const qd_sync_report *r) {
    fprintf(to, "locked: offset %.3f ps (sd %.2g) at B's time %.6f s, frequency %.9f ppm (sd %.1g)\n", r->offset_ps,
            r->offset_sd_ps, r->base_ps * 1e-12, r->frequency_ppm, r->frequency_sd_ppm);
    /* smaller ones vanish in a double */
    char chance[32] = "< 1e-300";
    if (r->p_false > 1e-300) (void)snprintf(chance, sizeof chance, "below %.2g", r->p_false);
    fprintf(to, "significance %.1f (needed %.1f%s; S_max of one window %.3g within %.4g ppm), probability of a false lock %s among %" PRIu64 " hypotheses\n",
            r->significance, r->needed, r->significance < r->needed ? " by itself: here a candidate, which the data kept back decided" : "", r->s_max,
            a->max_ppm, chance, r->hypotheses);
    fprintf(to, "confirmed by %" PRIu64 " events where %.4g are chance, in data kept back\n", r->confirmed, r->confirm_lambda);
    if (r->followed_s > 0)
        fprintf(to,
                "the frequency drifts, by %.3g ppm a second: the line touches the clock there; sift follows it, as was done here "
                "for %.6g s\n",
                r->drift_ppm_s, r->followed_s);
    fprintf(to, "%" PRIu64 " pairs over %.6g s, jitter %.4g ps, rates %.6g and %.6g a second\n", r->pairs, r->span_s, r->sigma_ps,
            r->rate_a, r->rate_b);
}

void qd_sync_json(json_t *j, const qd_sync_args *a, const qd_sync_loaded *loaded, const qd_clock *clock, const qd_sync_report *r,
                  const char *const *warnings, size_t n) {
    const qd_sync_params p = {.max_offset_s = a->max_offset_s,
                              .max_ppm = a->max_ppm,
                              .offset_s = a->offset_s,
                              .ppm = a->ppm,
                              .effort = a->level,
                              .p_false = a->p_false};
    json_object_set_new(j, "format", json_string(a->format));
    json_object_set_new(j, "format_b", json_string(qd_sync_format(a, 1)));
    qd_sync_report_json(j, &p, r);
    json_object_set_new(j, "loaded_s", json_pack("[f,f]", loaded->seconds[0], loaded->seconds[1]));
    json_object_set_new(j, "loaded_events", json_pack("[I,I]", (json_int_t)loaded->events[0], (json_int_t)loaded->events[1]));
    if (r->locked && clock) json_object_set_new(j, "clock", qd_clock_json(clock));
    json_object_set_new(j, "dispersion", json_null());
    json_t *said = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(said, json_string(warnings[i]));
    json_object_set_new(j, "warnings", said);
}

void qd_sync_recordings(json_t *j, const qd_sync_args *a, const qd_tag_seen seen[2]) {
    json_t *both = json_array();
    for (int k = 0; k < 2; k++) json_array_append_new(both, qd_tag_seen_json(&seen[k], a->file[k], qd_sync_format(a, k)));
    json_object_set_new(j, "recordings", both);
}
