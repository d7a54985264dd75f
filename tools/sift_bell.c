/* SPDX-License-Identifier: Apache-2.0 */
#include "sift_bell.h"

#include <inttypes.h>
#include <math.h>

static const char no_angles[] = "the stations' analysers were not declared";

qd_status qd_bell_options(qd_bell *b, qd_sift_options *o, qd_error *err) {
    if (!b->text[0] && !b->text[1]) return QD_OK;
    if (!b->text[0] || !b->text[1])
        return qd_fail(err, QD_E_USAGE,
                       "--angles-%c is missing||a correlation needs the angles of both stations|see qdistill sift --help",
                       b->text[0] ? 'b' : 'a');
    QD_TRY(qd_analysers_parse("--angles-a", b->text[0], &b->station[0], err));
    QD_TRY(qd_analysers_parse("--angles-b", b->text[1], &b->station[1], err));
    bool key[2];
    qd_keys_aligned(b->station, key, NULL);
    for (int i = 0; i < 2; i++) o->no_key[i] = !key[i];
    return QD_OK;
}

void qd_bell_test(qd_bell *b, const qd_sift_options *o, const qd_sift_result *r, double accidentals) {
    if (!b->station[0].given) return;
    double single = 0;
    for (int k = 0; k < 16; k++) single += (double)r->pairs.pair[k / 4][k % 4];
    qd_chance_pairs chance = {.pairs = r->coincidences ? accidentals * single / (double)r->coincidences : 0,
                              .relative_sd = r->in_windows ? 1 / sqrt((double)r->in_windows) : 0};
    for (int s = 0; s < 2; s++)
        for (int d = 0; d < 4; d++) chance.singles[s][d] = (double)r->station[s].singles[d];
    qd_chsh_of(&r->pairs, b->station, o->correlation, &chance, &b->chsh);
}

bool qd_bell_warn(const qd_bell *b, const qd_sift_options *o, char *out, size_t cap) {
    if (!b->chsh.tested || b->chsh.S > -4 * b->chsh.sigma) return false;
    snprintf(
        out, cap,
        "S is %.3f: the correlations are the opposite of what the angles and the source say. A source of %s polarisations? Try "
        "--correlation %s",
        b->chsh.S, o->correlation == QD_ANTI ? "equal" : "opposite", o->correlation == QD_ANTI ? "same" : "anti");
    return true;
}

void qd_bell_print(const qd_bell *b, FILE *to) {
    const qd_chsh *c = &b->chsh;
    if (!b->station[0].given) return;
    if (!c->tested) fprintf(to, "S               none: %s\n", c->reason);
    if (c->tested) fprintf(to, "S               %.4f, sd %.4f", c->S, c->sigma);
    if (c->tested && isfinite(c->above_2_sd)) fprintf(to, "; %.1f sd %s 2", fabs(c->above_2_sd), c->S > 2 ? "above" : "below");
    if (c->tested) fprintf(to, "; a perfect source %.3f at these angles\n", c->ideal);
    if (c->corrected)
        fprintf(to, "  less chance   %.4f, sd %.4f: of the source; the statement is the line above\n", c->S_corrected,
                c->sigma_corrected);
    fprintf(to, "correlations   Alice      Bob       ++       --       +-       -+         E       sd  in S\n");
    for (int k = 0; k < 4; k++) {
        const qd_setting_pair *p = &c->pair[k / 2][k % 2];
        fprintf(to, "            %8g %8g %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64, p->deg[0], p->deg[1], p->count[1][1],
                p->count[0][0], p->count[1][0], p->count[0][1]);
        if (p->n)
            fprintf(to, " %9.4f %8.4f  %c\n", p->E, p->sigma, !c->tested ? ' ' : c->sign[k / 2][k % 2] > 0 ? '+' : '-');
        else
            fprintf(to, "\n");
    }
}

void qd_bell_record(const qd_bell *b, const qd_sift_options *o, json_t *record) {
    bool given = b->station[0].given;
    const char *reason = given ? b->chsh.reason : no_angles;
    json_object_set_new(record, "chsh", given ? qd_chsh_json(&b->chsh) : json_null());
    json_object_set_new(record, "chsh_reason", *reason ? json_string(reason) : json_null());
    json_object_set_new(record, "correlations", given ? qd_correlations_json(&b->chsh) : json_null());
    json_object_set_new(record, "settings_aligned",
                        given ? json_pack("{s:b,s:b}", "z", !o->no_key[QD_Z], "x", !o->no_key[QD_X]) : json_null());
}
