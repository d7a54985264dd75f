/* SPDX-License-Identifier: Apache-2.0 */
/* From a scenario to rates. Double precision; only tables and expectations read them. */
#include <math.h>
#include "link/simulate.h"

static const double degree = 0.017453292519943295;

/* Joint probability of the outcomes of a pair by basis, attack included: P(equal) for Alice's basis i and Bob's j. */
static double p_equal(const qd_scenario *s, int i, int j) {
    double two = 2 * s->misalignment_deg * degree;
    /* correlation of matched bases -V cos 2a; of crossed ones -V cos(90 deg +- 2a) */
    double c = i == j ? cos(two) : i == 0 ? -sin(two) : sin(two);
    double honest = (1 - s->visibility * c) / 2;
    /* Eve in Alice's basis (half of the cases): her outcome has correlation -V, her copy goes on with cos of her angle to Bob's;
     * in the other basis she knows nothing of Alice's outcome and neither does her copy. */
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
