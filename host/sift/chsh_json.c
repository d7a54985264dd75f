/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/sift.h"

json_t *qd_chsh_json(const qd_chsh *c) {
    if (!c->tested) return json_null();
    json_t *signs = json_pack("[[i,i],[i,i]]", c->sign[0][0], c->sign[0][1], c->sign[1][0], c->sign[1][1]);
    json_t *corrected = c->corrected ? json_pack("{s:o,s:o}", "S", qd_json_from_real(c->S_corrected), "sigma",
                                                 qd_json_from_real(c->sigma_corrected))
                                     : json_null();
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "S", qd_json_from_real(c->S), "sigma", qd_json_from_real(c->sigma),
                     "above_2_sd", qd_json_from_real(c->above_2_sd), "ideal", qd_json_from_real(c->ideal), "signs", signs,
                     "without_accidentals", corrected);
}

json_t *qd_correlations_json(const qd_chsh *c) {
    json_t *list = json_array();
    for (int k = 0; k < 4; k++) {
        const qd_setting_pair *p = &c->pair[k / 2][k % 2];
        json_t *counts =
            json_pack("{s:o,s:o,s:o,s:o}", "++", qd_json_from_u64(p->count[1][1]), "--", qd_json_from_u64(p->count[0][0]), "+-",
                      qd_json_from_u64(p->count[1][0]), "-+", qd_json_from_u64(p->count[0][1]));
        json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "alice_deg", qd_json_from_real(p->deg[QD_ALICE]),
                                              "bob_deg", qd_json_from_real(p->deg[QD_BOB]), "n", qd_json_from_u64(p->n), "counts",
                                              counts, "E", qd_json_from_real(p->E), "sigma", qd_json_from_real(p->sigma)));
    }
    return list;
}
