/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/timetag.h"
#include "record.h"

/* Sum of a member over all block records; key NULL: the member is a number, else a member of it. */
static uint64_t sum(const json_t *blocks, const char *member, const char *key) {
    uint64_t total = 0;
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *v = json_object_get(json_array_get(blocks, i), member);
        if (key) v = json_object_get(v, key);
        total += (uint64_t)json_integer_value(v);
    }
    return total;
}

static double sum_real(const json_t *blocks, const char *member) {
    double total = 0;
    for (size_t i = 0; i < json_array_size(blocks); i++)
        total += json_number_value(json_object_get(json_array_get(blocks, i), member));
    return total;
}

static double term_sum(const json_t *blocks, const char *term) {
    double total = 0;
    static const char *const basis[2] = {"z", "x"};
    for (size_t i = 0; i < json_array_size(blocks); i++)
        for (int b = 0; b < 2; b++) {
            const json_t *t = json_object_get(json_object_get(json_array_get(blocks, i), "terms"), basis[b]);
            /* the record's length, not the bound's: a string that was not verified has a length by the bound, and no key */
            if (json_integer_value(json_object_get(json_object_get(json_array_get(blocks, i), "ell"), basis[b])))
                total += json_number_value(json_object_get(t, term));
        }
    return total;
}

/* Error rate of a basis: of verified strings; where no block got so far, of the samples. */
static double rate(const json_t *blocks, const char *basis, bool *sampled) {
    uint64_t n = sum(blocks, "n_by_basis", basis), e = sum(blocks, "errors", basis);
    if (!n) {
        n = sum(blocks, "sampled", basis);
        e = sum(blocks, "sample_errors", basis);
        if (n) *sampled = true;
    }
    return n ? (double)e / (double)n : NAN;
}

static double truth_rate(const json_t *blocks, const char *basis) {
    uint64_t n = 0, e = 0;
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        const json_t *t = json_object_get(json_array_get(blocks, i), "truth");
        n += (uint64_t)json_integer_value(json_object_get(json_object_get(t, "n"), basis));
        e += (uint64_t)json_integer_value(json_object_get(json_object_get(t, "errors"), basis));
    }
    return n ? (double)e / (double)n : NAN;
}

static void step(json_t *waterfall, const char *what, double bits) {
    json_array_append_new(
        waterfall, json_pack("{s:s,s:o}", "what", what, "bits",
                             bits == floor(bits) && bits < 9e15 ? qd_json_from_u64((uint64_t)bits) : qd_json_from_real(bits)));
}

static json_t *waterfall(const qd_run_facts *f) {
    const json_t *b = f->blocks;
    json_t *w = json_array();
    step(w, "tags of Alice", (double)f->alice->tags);
    step(w, "tags of Bob", (double)f->bob->tags);
    step(w, "of Alice, after the dead-time rule", (double)f->alice->kept);
    step(w, "of Bob, after the dead-time rule", (double)f->bob->kept);
    step(w, "coincidences", (double)sum(b, "coincidences", NULL));
    step(w, "sifted: same basis", (double)(sum(b, "sifted", "z") + sum(b, "sifted", "x")));
    step(w, "less sample, disclosed", (double)(sum(b, "sampled", "z") + sum(b, "sampled", "x")));
    step(w, "less tails that fill no frame", (double)(sum(b, "dropped_tail", "z") + sum(b, "dropped_tail", "x")));
    uint64_t left = sum(b, "sifted", "z") + sum(b, "sifted", "x") - sum(b, "sampled", "z") - sum(b, "sampled", "x") -
                    sum(b, "dropped_tail", "z") - sum(b, "dropped_tail", "x");
    if (left != sum(b, "n", NULL)) step(w, "less refused: no key from these blocks", (double)left - (double)sum(b, "n", NULL));
    step(w, "verified", (double)sum(b, "n", NULL));
    step(w, "unknown to Eve by the bound", term_sum(b, "entropy_bits"));
    step(w, "less charged for what was announced", term_sum(b, "charged"));
    step(w, "less hashing term", term_sum(b, "hash_bits"));
    double aside = (double)sum(b, "authentication", "set_aside_bits"),
           rounding = term_sum(b, "entropy_bits") - term_sum(b, "charged") - term_sum(b, "hash_bits") - aside -
                      (double)sum(b, "key_bits", NULL);
    if (fabs(rounding) > 1e-6) step(w, "less rounding down", rounding);
    if (f->budget.rounds) step(w, "less authentication: set aside for tags", aside);
    step(w, "secret", (double)sum(b, "key_bits", NULL));
    return w;
}

static json_t *stages(const qd_run_facts *f) {
    static const char *const unit[QD_STAGES] = {"tag", "tag", "tag", "pair", "bit", "block", "bit", "byte"};
    json_t *a = json_array();
    for (int i = 0; i < QD_STAGES; i++) {
        const qd_stage_time *x = &f->alice->stage[i], *y = &f->bob->stage[i];
        double s = x->seconds + y->seconds, d = x->device_seconds + y->device_seconds;
        /* Both stations work through the same bits: count them once. */
        uint64_t items = i == QD_STAGE_SOURCE ? x->items + y->items : x->items > y->items ? x->items : y->items;
        json_array_append_new(a, json_pack("{s:s,s:f,s:f,s:o,s:o,s:s}", "name", qd_stage_name((qd_stage)i), "seconds", s,
                                           "device_seconds", d, "items", qd_json_from_u64(items), "rate",
                                           s > 0 ? qd_json_from_real((double)items / s) : json_null(), "unit", unit[i]));
    }
    return a;
}

static json_t *eve(const qd_eve *e) {
    json_t *a = json_array();
    for (uint32_t t = 0; t < 40; t++)
        for (int d = 0; d < 2; d++)
            if (e->messages[d][t])
                json_array_append_new(
                    a, json_pack("{s:s,s:s,s:o,s:o}", "type", qd_msg_name(t), "from", d ? "bob" : "alice", "messages",
                                 qd_json_from_u64(e->messages[d][t]), "bits", qd_json_from_u64(8 * e->bytes[d][t])));
    return a;
}

static json_t *warnings(const qd_run_facts *f) {
    json_t *a = json_array();
    const qd_station_totals *t[2] = {f->alice, f->bob};
    char text[320];
    for (int s = 0; s < 2; s++) {
        if (qd_sift_warn_singles(s ? QD_BOB : QD_ALICE, t[s]->singles, QD_SINGLES_FACTOR, text, sizeof text))
            json_array_append_new(a, json_string(text));
        if (qd_sift_warn_split(s ? QD_BOB : QD_ALICE, &t[s]->classes, text, sizeof text))
            json_array_append_new(a, json_string(text));
    }
    if (!f->job->rehearsal && !f->job->dead_given)
        json_array_append_new(
            a, json_string("sift.dead_ps is not declared: memoryless detection, which the bound assumes, is not met"));
    if (f->link && f->params->dead_ps < qd_scenario_dead_ps(qd_link_scenario(f->link)))
        json_array_append_new(a, json_string("sift.dead_ps is shorter than the detectors' dead time: memoryless detection, which "
                                             "the bound assumes, is not met"));
    for (int b = 0; b < 2; b++) {
        qd_time_information tell;
        qd_time_bit_information((const uint64_t(*)[2])f->bob->times[b], QD_TIME_BINS, &tell);
        if (tell.bits <= QD_TIME_INFORMATION_WARN || tell.bits <= 4 * tell.sigma) continue;
        snprintf(text, sizeof text,
                 "announced times tell %.2g bit (sd %.1g) of each bit in %s, above %g: detectors' delays differ (declare them: "
                 "skew_ps); the bound does not cover it",
                 tell.bits, tell.sigma, b ? "x" : "z", QD_TIME_INFORMATION_WARN);
        json_array_append_new(a, json_string(text));
    }
    const qd_follow_report *track = &f->bob->track;
    if (track->unfitted * 20 > track->stretches) {
        snprintf(text, sizeof text,
                 "in %llu of %llu stretches of 67 ms too few pairs stood out to follow the clock: it went on as before them, and "
                 "a clock that drifts loses pairs there",
                 (unsigned long long)track->unfitted, (unsigned long long)track->stretches);
        json_array_append_new(a, json_string(text));
    }
    if (track->wide * 20 > track->stretches) {
        snprintf(text, sizeof text,
                 "in %llu of %llu stretches of the clock the pairs' times spread over more than the window takes: widen "
                 "sift.window_ps, or the clock drifts faster than so few pairs let it be followed",
                 (unsigned long long)track->wide, (unsigned long long)track->stretches);
        json_array_append_new(a, json_string(text));
    }
    qd_record_bell_warnings(f, a);
    return a;
}

static json_t *time_information(const qd_station_totals *bob) {
    json_t *o = json_object();
    for (int b = 0; b < 2; b++) {
        qd_time_information t;
        qd_time_bit_information((const uint64_t(*)[2])bob->times[b], QD_TIME_BINS, &t);
        json_object_set_new(o, b ? "x" : "z",
                            json_pack("{s:o,s:f,s:f}", "pairs", qd_json_from_u64(t.n), "bits", t.bits, "sigma", t.sigma));
    }
    return o;
}

static json_t *clock_record(const qd_clock *c) {
    if (!c->locked) return json_null();
    double ps = (double)c->tick.num / (double)c->tick.den;
    return json_pack("{s:f,s:f,s:f,s:f,s:f}", "base_ps", (double)c->base * ps, "offset_ps", qd_clock_offset_ps(c),
                     "frequency_ppm", qd_clock_ppm(c), "significance", c->significance, "p_false", c->p_false);
}

/* The recordings as far as they were read; null in a rehearsal. */
static json_t *recordings(const qd_run_facts *f) {
    const qd_job *j = f->job;
    if (!f->seen) return json_null();
    return json_pack("{s:o,s:o}", "alice", qd_tag_seen_json(&f->seen[0], j->file[0], j->format[0]), "bob",
                     qd_tag_seen_json(&f->seen[1], j->file[1], j->format[1]));
}

/* What one-to-one pairing shows without the rule, about: chance pairs only of events whose own partner was lost, and true pairs
 * of which a stranger, closer than the partner, takes one; each is an error with probability 1/2. */
static double qber_without_rule(const qd_run_facts *f, const qd_link_rates *r, double pure) {
    const qd_scenario *s = qd_link_scenario(f->link);
    double lone[2] = {-r->coincidences, -r->coincidences},
           variance = (double)(f->params->announce_ps * f->params->announce_ps) / 12;
    for (int i = 0; i < 2; i++) {
        for (int d = 0; d < 4; d++) lone[i] += r->single[i][d];
        variance += pow(s->arm[i].jitter_fwhm_ps / 2.3548, 2);
    }
    double distance = sqrt(variance * 2 / acos(-1.0)) * 1e-12; /* mean |d| of a Gaussian */
    double chance = lone[0] * lone[1] * (double)f->params->window_ps * 1e-12,
           stolen = r->coincidences * (lone[0] + lone[1]) * 2 * distance;
    return ((r->coincidences - stolen) * pure + (chance + stolen) / 2) / (r->coincidences + chance);
}

static json_t *expected(const qd_run_facts *f) {
    qd_link_rates r;
    if (!f->link || qd_link_expect(f->link, (double)f->params->window_ps, &r, NULL) != QD_OK) return NULL;
    uint64_t dead = qd_scenario_dead_ps(qd_link_scenario(f->link));
    bool rule = f->params->dead_ps >= dead && f->params->dead_ps >= f->params->window_ps;
    double q[2], pure[2];
    for (int b = 0; b < 2; b++) {
        /* without the rule dead times, correlated through the pairs, favour right outcomes: the model of the link counts that */
        pure[b] = rule ? r.qber_kept_true[b] : r.qber_true[b];
        q[b] = rule ? r.qber_kept[b] : qber_without_rule(f, &r, pure[b]);
    }
    return json_pack("{s:{s:o,s:o},s:{s:o,s:o}}", "qber", "z", qd_json_from_real(q[QD_Z]), "x", qd_json_from_real(q[QD_X]),
                     "qber_without_accidentals", "z", qd_json_from_real(pure[QD_Z]), "x", qd_json_from_real(pure[QD_X]));
}

/* Chance pairs among the coincidences. How far pairs are apart is in Bob's table of times, of pairs of matched bases. */
static double accidentals(const qd_run_facts *f) {
    uint64_t step = f->params->window_ps / (QD_TIME_BINS - 4);
    double width = (double)(f->params->announce_ps > step ? f->params->announce_ps : step), sum = 0, n = 0;
    for (int i = 0; i < 2 * QD_TIME_BINS; i++) {
        const uint64_t *count = f->bob->times[i / QD_TIME_BINS][i % QD_TIME_BINS];
        n += (double)(count[0] + count[1]);
        sum += (double)(count[0] + count[1]) * width * abs(i % QD_TIME_BINS - QD_TIME_BINS / 2);
    }
    const qd_accidental_facts a = {.displaced = f->bob->accidentals,
                                   .pairs = f->bob->pairs,
                                   .kept = {f->alice->kept, f->bob->kept},
                                   .window_ps = f->params->window_ps,
                                   .dead_ps = f->params->dead_ps,
                                   .distance_ps = n > 0 ? sum / n : 0};
    return qd_accidentals_among(&a);
}

json_t *qd_record_summary(const qd_run_facts *f) {
    const json_t *b = f->blocks;
    bool sampled = false;
    double q[2] = {rate(b, "z", &sampled), rate(b, "x", &sampled)}, truth[2] = {truth_rate(b, "z"), truth_rate(b, "x")};
    uint64_t n[2] = {sum(b, "n_by_basis", "z"), sum(b, "n_by_basis", "x")}, code = sum(b, "code_bits", NULL);
    double entropy = sum_real(b, "entropy_bits"), charged = (double)(sum(b, "charged", "z") + sum(b, "charged", "x"));
    double mean = n[0] + n[1] ? (q[QD_Z] * (double)n[0] + q[QD_X] * (double)n[1]) / (double)(n[0] + n[1]) : NAN;
    json_t *o = json_object();
    json_object_set_new(o, "name", json_string(f->job->name));
    json_object_set_new(o, "rehearsal", json_boolean(f->job->rehearsal));
    json_t *warned = warnings(f);
    qd_record_security(f, o, warned);
    json_object_set_new(o, "sifted_bits", qd_json_from_u64(sum(b, "sifted", "z") + sum(b, "sifted", "x")));
    json_object_set_new(o, "qber", json_pack("{s:o,s:o}", "z", qd_json_from_real(q[QD_Z]), "x", qd_json_from_real(q[QD_X])));
    json_object_set_new(o, "qber_sampled", json_boolean(sampled));
    if (isfinite(truth[QD_Z]) || isfinite(truth[QD_X]))
        json_object_set_new(o, "qber_truth",
                            json_pack("{s:o,s:o}", "z", qd_json_from_real(truth[QD_Z]), "x", qd_json_from_real(truth[QD_X])));
    json_t *model = expected(f);
    if (model) json_object_set_new(o, "expected", model);
    qd_record_bell(f, f->bob->accidentals_known ? accidentals(f) : 0, o);
    json_object_set_new(o, "chsh_implied",
                        qd_json_from_real(2 * sqrt(2) * (1 - 2 * (isfinite(mean) ? mean : (q[0] + q[1]) / 2))));
    json_object_set_new(o, "leak_ec_bits", qd_json_from_u64(code));
    json_object_set_new(o, "efficiency", entropy > 0 ? qd_json_from_real((double)code / entropy) : json_null());
    json_object_set_new(o, "efficiency_charged", entropy > 0 ? qd_json_from_real(charged / entropy) : json_null());
    json_object_set_new(o, "net_yield", n[0] + n[1] ? qd_json_from_real(1 - charged / (double)(n[0] + n[1])) : json_null());
    json_object_set_new(o, "frames", qd_json_from_u64(sum(b, "frames", NULL)));
    json_object_set_new(o, "frames_failed", qd_json_from_u64(sum(b, "frames_failed", NULL)));
    json_object_set_new(o, "added_rounds", qd_json_from_u64(sum(b, "added_rounds", "z") + sum(b, "added_rounds", "x")));
    json_object_set_new(o, "message_bytes",
                        json_pack("{s:o,s:o}", "alice", qd_json_from_u64(sum(b, "message_bytes", "alice")), "bob",
                                  qd_json_from_u64(sum(b, "message_bytes", "bob"))));
    json_object_set_new(o, "final_bits", qd_json_from_u64(sum(b, "key_bits", NULL)));
    json_object_set_new(o, "blocks", json_deep_copy(b));
    json_object_set_new(o, "abort_reason", *f->abort_reason ? json_string(f->abort_reason) : json_null());
    json_object_set_new(o, "match", f->match_known ? json_boolean(f->match) : json_null());
    json_object_set_new(o, "alice_key_sha256", f->digest[0] ? json_string(f->digest[0]) : json_null());
    json_object_set_new(o, "bob_key_sha256", f->digest[1] ? json_string(f->digest[1]) : json_null());
    json_object_set_new(o, "clock", clock_record(f->clock));
    json_object_set_new(o, "sync", qd_record_search(f->search));
    json_object_set_new(o, "track", f->clock->locked ? qd_follow_json(&f->bob->track) : json_null());
    json_object_set_new(o, "accidentals_expected", f->bob->accidentals_known ? qd_json_from_real(accidentals(f)) : json_null());
    json_object_set_new(o, "time_information", time_information(f->bob));
    json_object_set_new(o, "waterfall", waterfall(f));
    json_object_set_new(o, "stages", stages(f));
    json_object_set_new(o, "eve_saw", eve(f->eve));
    json_object_set_new(o, "recordings", recordings(f));
    json_object_set_new(o, "warnings", warned);
    json_object_set_new(o, "seconds", qd_json_from_real(f->seconds));
    return o;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static double num(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void group(double v, char out[32]) {
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%.0f", v), at = 0;
    for (int i = 0; i < n && at < 30; i++) {
        if (i && (n - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

static void print_waterfall(const json_t *s, FILE *out) {
    const json_t *w = json_object_get(s, "waterfall"), *v;
    size_t i;
    fprintf(out, "\n  from tags to key\n");
    json_array_foreach((json_t *)w, i, v) {
        char text[32];
        group(num(v, "bits"), text);
        fprintf(out, "    %-38s %16s\n", json_string_value(json_object_get(v, "what")), text);
    }
}

static void print_rates(const json_t *s, FILE *out) {
    const json_t *q = json_object_get(s, "qber"), *t = json_object_get(s, "qber_truth");
    const char *how = json_is_true(json_object_get(s, "qber_sampled")) ? " (of the disclosed sample)" : "";
    char z[16], x[16];
    fprintf(out, "\n  QBER%s: z %s, x %s", how, qd_percent(num(q, "z"), z), qd_percent(num(q, "x"), x));
    if (t) fprintf(out, "; truth of the rehearsal: z %s, x %s", qd_percent(num(t, "z"), z), qd_percent(num(t, "x"), x));
    fprintf(out, "\n");
    const json_t *bell = json_object_get(s, "chsh");
    if (json_is_object(bell))
        fprintf(out, "  Bell test by the truth of the rehearsal: S = %.4f, sd %.4f (2 at most without entanglement)\n",
                num(bell, "S"), num(bell, "sigma"));
    const json_t *model = json_object_get(s, "expected"), *e = json_object_get(model, "qber"),
                 *pure = json_object_get(model, "qber_without_accidentals");
    if (e)
        fprintf(out, "  the model of the link expects about z %s, x %s", qd_percent(num(e, "z"), z), qd_percent(num(e, "x"), x));
    if (e) fprintf(out, " (without accidentals z %s, x %s)\n", qd_percent(num(pure, "z"), z), qd_percent(num(pure, "x"), x));
    if (json_is_number(json_object_get(s, "efficiency")))
        fprintf(out,
                "  reconciliation: efficiency %.4f (charged %.4f), %.0f frames, %.0f failed, rows added in %.0f rounds, net "
                "yield %.4f\n",
                num(s, "efficiency"), num(s, "efficiency_charged"), num(s, "frames"), num(s, "frames_failed"),
                num(s, "added_rounds"), num(s, "net_yield"));
}

static void print_blocks(const json_t *s, FILE *out) {
    const json_t *b = json_object_get(s, "blocks"), *v;
    size_t i, shown = 0;
    fprintf(out, "\n  key blocks: %zu\n", json_array_size(b));
    json_array_foreach((json_t *)b, i, v) {
        if (shown++ == 12) {
            fprintf(out, "    ... the rest is in summary.json\n");
            break;
        }
        const json_t *e = json_object_get(v, "epsilon");
        char text[32];
        group(num(v, "key_bits"), text);
        fprintf(out, "    %4zu: %14s bits, epsilon %.3g (secrecy %.3g, correctness %.3g", i, text, num(e, "total"),
                num(e, "sec"), num(e, "cor"));
        if (json_is_number(json_object_get(e, "auth"))) fprintf(out, ", authentication %.2g", num(e, "auth"));
        fprintf(out, ")");
        if (json_object_get(v, "reason")) fprintf(out, "; %s", json_string_value(json_object_get(v, "reason")));
        fprintf(out, "\n");
    }
}

static void print_stages(const json_t *s, const char *device, FILE *out) {
    const json_t *w = json_object_get(s, "stages"), *v;
    size_t i;
    fprintf(out, "\n  time by stage on %s        seconds   on device        rate\n", device);
    json_array_foreach((json_t *)w, i, v) {
        double r = num(v, "rate");
        fprintf(out, "    %-30s %12.3f %11.3f", json_string_value(json_object_get(v, "name")), num(v, "seconds"),
                num(v, "device_seconds"));
        if (isfinite(r) && num(v, "items") > 1)
            fprintf(out, " %9.3g M%s/s", r / 1e6, json_string_value(json_object_get(v, "unit")));
        fprintf(out, "\n");
    }
    fprintf(out, "    %-30s %12.3f\n", "whole run", num(s, "seconds"));
}

static void print_eve(const json_t *s, FILE *out) {
    const json_t *w = json_object_get(s, "eve_saw"), *v;
    size_t i;
    fprintf(out, "\n  what Eve saw (public channel)\n");
    json_array_foreach((json_t *)w, i, v) {
        char bits[32];
        group(num(v, "bits"), bits);
        fprintf(out, "    %-14s from %-6s %8.0f messages %18s bits\n", json_string_value(json_object_get(v, "type")),
                json_string_value(json_object_get(v, "from")), num(v, "messages"), bits);
    }
}

void qd_record_text(const json_t *s, const char *device, FILE *out) {
    const json_t *reason = json_object_get(s, "abort_reason"), *v;
    char bits[32];
    size_t i;
    group(num(s, "final_bits"), bits);
    fprintf(out, "%s%s: ", json_string_value(json_object_get(s, "name")),
            json_is_true(json_object_get(s, "rehearsal")) ? " (rehearsal)" : "");
    if (json_is_string(reason))
        fprintf(out, "no key. %s\n", json_string_value(reason));
    else
        fprintf(out, "%s secret bits\n", bits);
    print_waterfall(s, out);
    qd_record_search_text(s, out);
    print_rates(s, out);
    print_blocks(s, out);
    qd_record_security_text(s, out);
    qd_record_terms_text(s, out);
    print_stages(s, device, out);
    print_eve(s, out);
    const json_t *warned = json_object_get(s, "warnings");
    if (json_array_size(warned)) fprintf(out, "\n");
    json_array_foreach((json_t *)warned, i, v) fprintf(out, "  warning: %s\n", json_string_value(v));
    v = json_object_get(s, "match");
    if (json_is_boolean(v) && num(s, "final_bits") > 0)
        fprintf(out, "\n  keys of Alice and Bob: %s (SHA-256 %.16s...)\n", json_is_true(v) ? "equal" : "DIFFERENT",
                json_string_value(json_object_get(s, "alice_key_sha256")));
    fflush(out); /* before an error is told beside it */
}
