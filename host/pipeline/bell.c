/* SPDX-License-Identifier: Apache-2.0 */
/* What a rehearsal knows of correlations: both stations' outcomes are in one process. On recordings the stations exchange no
 * outcomes but those of the sample, and nothing here is called. */
#include <math.h>
#include "record.h"

bool qd_link_declares_analysers(const qd_scenario *s) {
    return s->arm[0].analysers.given || s->arm[1].analysers.given;
}

json_t *qd_record_pairs_truth(const qd_block *alice, const qd_block *bob, qd_correlation correlation) {
    qd_pair_matrix m = {{{0}}};
    if (!alice->outcome[0].n || qd_pair_matrix_add_bits_truth(&m, correlation, alice->outcome, bob->outcome) != QD_OK)
        return NULL;
    json_t *rows = json_array();
    for (int i = 0; i < 4; i++)
        json_array_append_new(rows, json_pack("[o,o,o,o]", qd_json_from_u64(m.pair[i][0]), qd_json_from_u64(m.pair[i][1]),
                                              qd_json_from_u64(m.pair[i][2]), qd_json_from_u64(m.pair[i][3])));
    return rows;
}

static void sum_pairs(const json_t *blocks, qd_pair_matrix *m) {
    for (size_t i = 0; i < json_array_size(blocks); i++)
        for (size_t k = 0; k < 16; k++)
            m->pair[k / 4][k % 4] += (uint64_t)json_integer_value(
                json_array_get(json_array_get(json_object_get(json_array_get(blocks, i), "pairs_truth"), k / 4), k % 4));
}

static void stations_of(const qd_scenario *s, qd_analysers station[2]) {
    for (int k = 0; k < 2; k++) station[k] = s->arm[k].analysers.given ? s->arm[k].analysers : qd_analysers_bbm92();
}

void qd_record_bell_warnings(const qd_run_facts *f, json_t *warnings) {
    const qd_scenario *s = f->link ? qd_link_scenario(f->link) : NULL;
    qd_analysers station[2];
    bool key[2];
    double rate[2];
    char text[200];
    if (!s || !qd_link_declares_analysers(s)) return;
    stations_of(s, station);
    qd_keys_aligned(station, key, rate);
    for (int b = 0; b < 2; b++) {
        if (key[b]) continue;
        snprintf(text, sizeof text,
                 "the stations' settings in %s are not aligned: at %g and %g degrees they make %.1f %% errors by themselves, and "
                 "no key",
                 b ? "x" : "z", qd_analyser_setting(&station[0], b), qd_analyser_setting(&station[1], b), 100 * rate[b]);
        json_array_append_new(warnings, json_string(text));
    }
}

void qd_record_bell(const qd_run_facts *f, double accidentals, json_t *summary) {
    const qd_scenario *s = f->link ? qd_link_scenario(f->link) : NULL;
    const char *reason = !s ? "stations with recordings exchange no outcomes for it: qdistill sift tests both files together"
                            : "the scenario declares no analysers";
    qd_chsh c = {.tested = false};
    bool given = s && qd_link_declares_analysers(s);
    if (given) {
        qd_pair_matrix m = {{{0}}};
        const qd_station_totals *t[2] = {f->alice, f->bob};
        qd_analysers station[2];
        qd_chance_pairs chance = {
            .pairs = accidentals,
            .relative_sd = f->bob->accidentals > 0 ? 1 / sqrt(QD_DISPLACED_WINDOWS * f->bob->accidentals) : 0};
        stations_of(s, station);
        for (int k = 0; k < 8; k++) chance.singles[k / 4][k % 4] = (double)t[k / 4]->singles[k % 4];
        sum_pairs(f->blocks, &m);
        qd_chsh_of(&m, station, f->params->correlation_same ? QD_SAME : QD_ANTI, f->bob->accidentals_known ? &chance : NULL, &c);
        reason = c.reason;
    }
    json_object_set_new(summary, "chsh", given ? qd_chsh_json(&c) : json_null());
    json_object_set_new(summary, "chsh_reason", *reason ? json_string(reason) : json_null());
    json_object_set_new(summary, "correlations", given ? qd_correlations_json(&c) : json_null());
}
