/* SPDX-License-Identifier: Apache-2.0 */
/* From a scenario to rates. Double precision; only tables and expectations read them. */
#include <math.h>
#include "link/simulate.h"

static const double degree = 0.017453292519943295;

/* Angle of a station's setting; Eve's are those of an undeclared station. */
static double setting(const qd_analysers *a, int basis) {
    return a->given ? qd_analyser_setting(a, basis) : 45 * basis;
}

double qd_link_cos2(const qd_scenario *s, double two, int i, int j) {
    /* of matched bases cos 2a; of crossed ones cos(90 deg +- 2a) */
    if (!s->arm[0].analysers.given && !s->arm[1].analysers.given) return i == j ? cos(two) : i == 0 ? -sin(two) : sin(two);
    return qd_cos2_deg(setting(&s->arm[0].analysers, i) - setting(&s->arm[1].analysers, j) - s->misalignment_deg);
}

double qd_link_cos2_alice_eve(const qd_scenario *s, int i, int e) {
    return qd_cos2_deg(setting(&s->arm[0].analysers, i) - 45 * e);
}

double qd_link_cos2_eve_bob(const qd_scenario *s, double two, int e, int j) {
    if (!s->arm[1].analysers.given) return e == j ? cos(two) : e == 0 ? -sin(two) : sin(two);
    return qd_cos2_deg(45 * e - setting(&s->arm[1].analysers, j) - s->misalignment_deg);
}

/* Joint probability of the outcomes of a pair by basis, attack included: P(equal) for Alice's basis i and Bob's j. */
static double p_equal(const qd_scenario *s, int i, int j) {
    double c = qd_link_cos2(s, 2 * s->misalignment_deg * degree, i, j);
    double honest = (1 - s->visibility * c) / 2;
    /* Eve halves every correlation (link.h). With settings at her own bases: in Alice's (half of the cases) her outcome has correlation -V
     * and her copy goes on with cos of her angle to Bob's; in the other she knows nothing of Alice's outcome and neither does her copy. */
    double eve = 0.5 * (1 - s->visibility * c) / 2 + 0.5 * 0.5;
    return (1 - s->intercept_resend) * honest + s->intercept_resend * eve;
}

void qd_link_model_of(const qd_scenario *s, qd_link_model *m) {
    double through[2], split[2][2];
    for (int k = 0; k < 2; k++) {
        const qd_arm *a = &s->arm[k];
        through[k] = pow(10, -a->loss_db / 10);
        split[k][0] = a->basis_split;
        split[k][1] = 1 - a->basis_split;
        m->best[k] = 0;
        m->dark[k] = 0;
        for (int d = 0; d < 4; d++) {
            m->best[k] = fmax(m->best[k], a->efficiency[d]);
            m->dark[k] += a->dark_hz[d];
            m->detector[k][d] = s->pair_rate_hz * through[k] * split[k][d & 1] / 2 * a->efficiency[d] + a->dark_hz[d];
        }
        m->eta[k] = through[k] * m->best[k];
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            double e = p_equal(s, i & 1, j & 1);
            double p = split[0][i & 1] * split[1][j & 1] * 0.5 * ((i >> 1) == (j >> 1) ? e : 1 - e);
            m->pair[i][j] = s->pair_rate_hz * through[0] * s->arm[0].efficiency[i] * through[1] * s->arm[1].efficiency[j] * p;
        }
    m->stream[0] = s->pair_rate_hz * m->eta[0] * m->eta[1];
    m->stream[1] = s->pair_rate_hz * m->eta[0] * (1 - m->eta[1]) + m->dark[0];
    m->stream[2] = s->pair_rate_hz * (1 - m->eta[0]) * m->eta[1] + m->dark[1];
}
