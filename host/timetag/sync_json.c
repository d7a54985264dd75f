/* SPDX-License-Identifier: Apache-2.0 */
/* What a clock search was asked for and what it found, as members of a record. */
#include "qdistill/timetag.h"

const char *qd_effort_name(qd_effort effort) {
    static const char *const names[QD_EFFORTS] = {
        [QD_EFFORT_NORMAL] = "normal", [QD_EFFORT_HIGH] = "high", [QD_EFFORT_LOW] = "low"};
    return (unsigned)effort < QD_EFFORTS ? names[effort] : "unknown";
}

/* What would see a weaker link; null where the search stays as it was. */
static json_t *remedies(const qd_sync_params *p, const qd_sync_report *r) {
    json_t *all = json_array();
    for (uint32_t i = 0; i < r->remedies; i++) {
        const qd_remedy *x = &r->remedy[i];
        json_t *j = json_pack("{s:f}", "eta", x->eta);
        json_object_set_new(j, "max_ppm", x->max_ppm > 0 ? json_real(x->max_ppm) : json_null());
        json_object_set_new(j, "max_offset_s", x->max_offset_s > 0 ? json_real(x->max_offset_s) : json_null());
        json_object_set_new(j, "times", x->times > 0 ? json_real(x->times) : json_null());
        json_object_set_new(j, "effort", x->effort != p->effort ? json_string(qd_effort_name(x->effort)) : json_null());
        json_array_append_new(all, j);
    }
    return all;
}

void qd_sync_report_json(json_t *to, const qd_sync_params *p, const qd_sync_report *r) {
    const struct {
        const char *key;
        double value;
        bool known;
    } reals[] = {{"offset_ps", r->offset_ps, r->locked},
                 {"offset_sd_ps", r->offset_sd_ps, true},
                 {"frequency_ppm", r->frequency_ppm, r->locked},
                 {"frequency_sd_ppm", r->frequency_sd_ppm, true},
                 {"base_ps", r->base_ps, r->locked},
                 {"significance", r->significance, true},
                 {"significance_needed", r->needed, true},
                 {"s_max", r->s_max, r->s_max > 0},
                 {"p_false", r->p_false, true},
                 {"max_p_false", p->p_false, true},
                 {"max_offset_s", p->max_offset_s, true},
                 {"max_ppm", p->max_ppm, true},
                 {"prior_offset_s", p->offset_s, true},
                 {"prior_ppm", p->ppm, true},
                 {"sees_eta", r->weakest, r->weakest > 0},
                 {"lambda", r->lambda, true},
                 {"search_s", r->search_s, true},
                 {"confirm_lambda", r->confirm_lambda, true},
                 {"confirm_p", r->confirm_p, true},
                 {"sigma_ps", r->sigma_ps, true},
                 {"span_s", r->span_s, true},
                 {"followed_s", r->followed_s, true},
                 {"drift_ppm_s", r->drift_ppm_s, true},
                 {"mid_ps", r->mid_ps, true},
                 {"mid_offset_ps", r->mid_offset_ps, true},
                 {"mid_offset_sd_ps", r->mid_offset_sd_ps, true}};
    json_object_set_new(to, "locked", json_boolean(r->locked));
    bool refused = !r->locked && r->cause != QD_LOCKED; /* neither: it was stopped, or failed */
    json_object_set_new(to, "reason", refused ? json_string(r->reason) : json_null());
    json_object_set_new(to, "refusal", refused ? json_string(qd_no_lock_name(r->cause)) : json_null());
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        json_object_set_new(to, reals[i].key, reals[i].known ? qd_json_from_real(reals[i].value) : json_null());
    json_object_set_new(to, "effort", json_string(qd_effort_name(p->effort)));
    json_object_set_new(to, "remedies", remedies(p, r));
    json_object_set_new(to, "hypotheses", qd_json_from_u64(r->hypotheses));
    json_object_set_new(to, "peak", qd_json_from_u64(r->peak));
    json_object_set_new(to, "rates", json_pack("[f,f]", r->rate_a, r->rate_b));
    json_object_set_new(to, "confirmed", qd_json_from_u64(r->confirmed));
    json_object_set_new(to, "pairs", qd_json_from_u64(r->pairs));
}
