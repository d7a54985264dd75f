/* SPDX-License-Identifier: Apache-2.0 */
#include "sync_report.h"

#include <inttypes.h>
#include <string.h>

void qd_sync_print(FILE *to, const qd_sync_report *r) {
    fprintf(to, "locked: offset %.3f ps (sd %.2g) at B's time %.6f s, frequency %.9f ppm (sd %.1g)\n", r->offset_ps,
            r->offset_sd_ps, r->base_ps * 1e-12, r->frequency_ppm, r->frequency_sd_ppm);
    fprintf(to, "significance %.1f (needed %.1f), probability of a false lock below %.2g among %" PRIu64 " hypotheses\n",
            r->significance, r->needed, r->p_false > 1e-300 ? r->p_false : 1e-300 /* smaller ones vanish in a double */,
            r->hypotheses);
    fprintf(to, "found again in data kept back: %" PRIu64 " events, %.4g by chance\n", r->confirmed, r->confirm_lambda);
    if (r->followed_s > 0)
        fprintf(to,
                "the frequency drifts, by %.3g ppm a second: the line touches the clock there; sift follows it, as was done here "
                "for %.6g s\n",
                r->drift_ppm_s, r->followed_s);
    fprintf(to, "%" PRIu64 " pairs over %.6g s, jitter %.4g ps, rates %.6g and %.6g a second\n", r->pairs, r->span_s, r->sigma_ps,
            r->rate_a, r->rate_b);
}

/* What would see a weaker link; null where the search stays as it was. */
static json_t *remedies_json(const qd_sync_args *a, const qd_sync_report *r) {
    json_t *all = json_array();
    for (uint32_t i = 0; i < r->remedies; i++) {
        const qd_remedy *x = &r->remedy[i];
        bool high = x->effort == QD_EFFORT_HIGH && strcmp(a->effort, "high") != 0;
        json_t *j = json_pack("{s:f}", "eta", x->eta);
        json_object_set_new(j, "max_ppm", x->max_ppm > 0 ? json_real(x->max_ppm) : json_null());
        json_object_set_new(j, "max_offset_s", x->max_offset_s > 0 ? json_real(x->max_offset_s) : json_null());
        json_object_set_new(j, "times", x->times > 0 ? json_real(x->times) : json_null());
        json_object_set_new(j, "effort", high ? json_string("high") : json_null());
        json_array_append_new(all, j);
    }
    return all;
}

void qd_sync_json(json_t *j, const qd_sync_args *a, const qd_sync_loaded *loaded, const qd_clock *clock, const qd_sync_report *r,
                  const char *const *warnings, size_t n) {
    json_object_set_new(j, "format", json_string(a->format));
    json_object_set_new(j, "offset_ps", r->locked ? json_real(r->offset_ps) : json_null());
    json_object_set_new(j, "frequency_ppm", r->locked ? json_real(r->frequency_ppm) : json_null());
    json_object_set_new(j, "base_ps", r->locked ? json_real(r->base_ps) : json_null());
    json_object_set_new(j, "significance", json_real(r->significance));
    json_object_set_new(j, "significance_needed", json_real(r->needed));
    json_object_set_new(j, "p_false", json_real(r->p_false));
    json_object_set_new(j, "max_offset_s", json_real(a->max_offset_s));
    json_object_set_new(j, "max_ppm", json_real(a->max_ppm));
    json_object_set_new(j, "prior_offset_s", json_real(a->offset_s));
    json_object_set_new(j, "prior_ppm", json_real(a->ppm));
    json_object_set_new(j, "loaded_s", json_pack("[f,f]", loaded->seconds[0], loaded->seconds[1]));
    json_object_set_new(j, "loaded_events", json_pack("[I,I]", (json_int_t)loaded->events[0], (json_int_t)loaded->events[1]));
    json_object_set_new(j, "max_p_false", json_real(a->p_false));
    json_object_set_new(j, "effort", json_string(a->effort));
    json_object_set_new(j, "locked", json_boolean(r->locked));
    json_object_set_new(j, "reason", r->locked ? json_null() : json_string(r->reason));
    json_object_set_new(j, "refusal", r->locked ? json_null() : json_string(qd_no_lock_name(r->cause)));
    if (r->locked && clock) json_object_set_new(j, "clock", qd_clock_json(clock));
    json_object_set_new(j, "sees_eta", r->weakest > 0 ? qd_json_from_real(r->weakest) : json_null());
    json_object_set_new(j, "remedies", remedies_json(a, r));
    json_object_set_new(j, "hypotheses", qd_json_from_u64(r->hypotheses));
    json_object_set_new(j, "peak", qd_json_from_u64(r->peak));
    json_object_set_new(j, "lambda", json_real(r->lambda));
    json_object_set_new(j, "dispersion", json_null());
    json_object_set_new(j, "rates", json_pack("[f,f]", r->rate_a, r->rate_b));
    json_object_set_new(j, "search_s", json_real(r->search_s));
    json_object_set_new(j, "confirmed", qd_json_from_u64(r->confirmed));
    json_object_set_new(j, "confirm_lambda", json_real(r->confirm_lambda));
    json_object_set_new(j, "confirm_p", json_real(r->confirm_p));
    json_object_set_new(j, "pairs", qd_json_from_u64(r->pairs));
    json_object_set_new(j, "sigma_ps", json_real(r->sigma_ps));
    json_object_set_new(j, "span_s", json_real(r->span_s));
    json_object_set_new(j, "followed_s", json_real(r->followed_s));
    json_object_set_new(j, "drift_ppm_s", json_real(r->drift_ppm_s));
    json_object_set_new(j, "offset_sd_ps", json_real(r->offset_sd_ps));
    json_object_set_new(j, "frequency_sd_ppm", json_real(r->frequency_sd_ppm));
    json_object_set_new(j, "mid_ps", json_real(r->mid_ps));
    json_object_set_new(j, "mid_offset_ps", json_real(r->mid_offset_ps));
    json_object_set_new(j, "mid_offset_sd_ps", json_real(r->mid_offset_sd_ps));
    json_t *said = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(said, json_string(warnings[i]));
    json_object_set_new(j, "warnings", said);
}
