/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/sift.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Detector of a basis and an outcome: V, - are outcome 0, H, + outcome 1. */
static int detector_of(int basis, int outcome) {
    return basis + 2 * outcome;
}

qd_status qd_pair_matrix_add_bits_truth(qd_pair_matrix *m, qd_correlation correlation, const qd_bits *alice, const qd_bits *bob) {
    const uint64_t n = alice[0].n;
    if (alice[1].n != n || bob[0].n != n || bob[1].n != n) return QD_E_USAGE;
    const unsigned flip = correlation == QD_ANTI; /* Bob's V and - are 1 */
    for (uint64_t i = 0; i < n; i++) {
        const int a = detector_of((int)qd_bits_get(&alice[0], i), (int)qd_bits_get(&alice[1], i));
        const int b = detector_of((int)qd_bits_get(&bob[0], i), (int)(qd_bits_get(&bob[1], i) ^ flip));
        m->pair[a][b]++;
    }
    return QD_OK;
}

static double expected(const qd_analysers station[2], qd_correlation correlation, int i, int j) {
    double c = qd_cos2_deg(qd_analyser_setting(&station[QD_ALICE], i) - qd_analyser_setting(&station[QD_BOB], j));
    return correlation == QD_SAME ? c : -c;
}

double qd_chsh_signs(const qd_analysers station[2], qd_correlation correlation, int sign[2][2]) {
    double best = -INFINITY;
    for (unsigned minus = 1; minus < 16; minus++) { /* which of the four are negative */
        if (__builtin_popcount(minus) % 2 == 0) continue;
        double s = 0;
        for (int k = 0; k < 4; k++) s += (minus >> k & 1 ? -1 : 1) * expected(station, correlation, k / 2, k % 2);
        if (s <= best) continue;
        best = s;
        for (int k = 0; k < 4; k++) sign[k / 2][k % 2] = minus >> k & 1 ? -1 : 1;
    }
    return best;
}

void qd_keys_aligned(const qd_analysers station[2], bool key[2], double rate[2]) {
    for (int b = 0; b < 2; b++) {
        double apart = qd_analyser_setting(&station[QD_ALICE], b) - qd_analyser_setting(&station[QD_BOB], b);
        double q = (1 - qd_cos2_deg(apart)) / 2; /* sin^2 */
        key[b] = q < 0.110028;                   /* the root of h(Q) = 1/2 */
        if (rate) rate[b] = q;
    }
}

static void correlations(const qd_pair_matrix *m, const qd_analysers station[2], qd_chsh *c) {
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            qd_setting_pair *p = &c->pair[i][j];
            p->deg[QD_ALICE] = qd_analyser_setting(&station[QD_ALICE], i);
            p->deg[QD_BOB] = qd_analyser_setting(&station[QD_BOB], j);
            for (int k = 0; k < 4; k++) p->n += p->count[k / 2][k % 2] = m->pair[detector_of(i, k / 2)][detector_of(j, k % 2)];
            double n = (double)p->n, equal = (double)(p->count[0][0] + p->count[1][1]);
            p->E = p->n ? (2 * equal - n) / n : NAN;
            p->sigma = p->n ? sqrt((1 - p->E * p->E) / n) : NAN;
        }
}

/* S less chance: E' = D/T with D and T the sums of sign and of 1 times (count - chance). Counts are Poisson, so that a count
 * moves E' by (sign - E')/T; chance, known to a relative error, moves all four E' together. */
static void correct(const qd_chance_pairs *chance, qd_chsh *c) {
    double all[2] = {0, 0}, s = 0, variance = 0, by_chance = 0;
    for (int d = 0; d < 8; d++) all[d / 4] += chance->singles[d / 4][d % 4];
    if (!(all[0] > 0 && all[1] > 0)) return;
    for (int k = 0; k < 4; k++) {
        const int i = k / 2, j = k % 2;
        double d = 0, t = 0, chance_d = 0, chance_t = 0, squares = 0;
        for (int o = 0; o < 4; o++) {
            const int a = o / 2, b = o % 2, sign = a == b ? 1 : -1;
            double x =
                chance->pairs * chance->singles[0][detector_of(i, a)] / all[0] * chance->singles[1][detector_of(j, b)] / all[1];
            d += sign * ((double)c->pair[i][j].count[a][b] - x);
            t += (double)c->pair[i][j].count[a][b] - x;
            chance_d += sign * x;
            chance_t += x;
        }
        if (!(t > 0)) return;
        const double e = d / t;
        for (int o = 0; o < 4; o++) squares += (double)c->pair[i][j].count[o / 2][o % 2] * pow((o / 2 == o % 2 ? 1 : -1) - e, 2);
        s += c->sign[i][j] * e;
        variance += squares / (t * t);
        by_chance += c->sign[i][j] * (e * chance_t - chance_d) / t;
    }
    c->corrected = true;
    c->S_corrected = s;
    c->sigma_corrected = sqrt(variance + pow(by_chance * chance->relative_sd, 2));
}

void qd_chsh_of(const qd_pair_matrix *m, const qd_analysers station[2], qd_correlation correlation, const qd_chance_pairs *chance,
                qd_chsh *out) {
    *out = (qd_chsh){.S = NAN, .sigma = NAN, .above_2_sd = NAN, .S_corrected = NAN, .sigma_corrected = NAN};
    correlations(m, station, out);
    out->ideal = qd_chsh_signs(station, correlation, out->sign);
    if (out->ideal <= 2 + 1e-9) { /* the rounding of four cosines is far less, and no angle is set so well */
        snprintf(out->reason, sizeof out->reason,
                 "the angles allow no test: a perfect source gives S = %.3f at most, and 2 needs no entanglement", out->ideal);
        return;
    }
    double s = 0, variance = 0;
    for (int k = 0; k < 4; k++) {
        const qd_setting_pair *p = &out->pair[k / 2][k % 2];
        if (!p->n) {
            snprintf(out->reason, sizeof out->reason, "no coincidences with Alice at %g and Bob at %g degrees", p->deg[QD_ALICE],
                     p->deg[QD_BOB]);
            return;
        }
        s += out->sign[k / 2][k % 2] * p->E;
        variance += p->sigma * p->sigma;
    }
    out->tested = true;
    out->S = s;
    out->sigma = sqrt(variance);
    if (variance > 0) out->above_2_sd = (s - 2) / out->sigma;
    if (chance) correct(chance, out);
}
