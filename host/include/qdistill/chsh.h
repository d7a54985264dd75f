/* SPDX-License-Identifier: Apache-2.0 */
/** @file chsh.h  Correlations of the stations' settings, and the CHSH test of them (Clauser, Horne, Shimony, Holt, PRL 23:880 (1969)).
 *
 *  Each station has two settings (core/analysers.h); H and + are the outcome +1, V and - are -1. For a pair of settings (a, b)
 *
 *      E = (N++ + N-- - N+- - N-+) / N,   sd of E = sqrt((1 - E^2) / N),
 *
 *  of coincidences in which each station had one click. A source of visibility V gives E = c V cos 2(a - b), c = +1 for equal
 *  polarisations (phi+), -1 for opposite ones (psi-). For the two other Bell states, E = -+V cos 2(a + b), declare one station's angles with
 *  the other sign.
 *
 *      S = sum of s_ij E_ij,   sd of S = sqrt(sum of (1 - E_ij^2) / N_ij),
 *
 *  with signs of which an odd number is negative; whatever is decided locally beforehand has |S| <= 2, quantum mechanics 2 sqrt2. The
 *  signs are those that make S greatest for the declared angles and correlation: fixed before a count is looked at. The greatest of eight
 *  sums of the data would be biased upwards by their scatter, and a source without any correlation would show S > 0. At most one choice of
 *  signs has S > 2 (two of them share two terms with one sign or are opposite, so they sum to at most 4), hence nothing is left to choose.
 *
 *  Accidentals are part of S: a statement about local models must take the data as they are. S without them tells of the source. Where
 *  the window is wide or detectors are far from perfect, S also rests on fair sampling and on settings that were chosen freely: neither can
 *  be seen in the tags. */
#ifndef QDISTILL_CHSH_H
#define QDISTILL_CHSH_H

#include "qdistill/sift.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One pair of settings. */
typedef struct qd_setting_pair {
    double deg[2];         /**< Alice's setting, Bob's */
    uint64_t count[2][2];  /**< [Alice's outcome][Bob's], 1: H or + */
    uint64_t n;            /**< their sum */
    double E, sigma;       /**< NAN without counts */
} qd_setting_pair;

/** What chance pairs are among the counts. */
typedef struct qd_chance_pairs {
    double pairs;          /**< expected among the coincidences of a single click each */
    double relative_sd;    /**< of that expectation */
    double singles[2][4];  /**< clicks of each station's detectors V, -, H, +: chance falls on detectors as they do */
} qd_chance_pairs;

typedef struct qd_chsh {
    qd_setting_pair pair[2][2]; /**< [Alice's basis][Bob's] */
    int sign[2][2];             /**< of each E in S */
    double ideal;               /**< S of a perfect source with these signs */
    bool tested;
    char reason[200];           /**< why not; "" when tested */
    double S, sigma;            /**< NAN when not tested; positive when the data are as the declared correlation has them */
    double above_2_sd;          /**< (S - 2)/sigma; NAN when not tested or sigma is 0 */
    bool corrected;             /**< chance was known, and is not all of the counts of a pair of settings */
    double S_corrected, sigma_corrected; /**< less chance pairs; NAN unless corrected */
} qd_chsh;

/** S of a perfect source (visibility 1) at these angles, and the signs that give it. Both must be good (qd_analysers_good). */
double qd_chsh_signs(const qd_analysers station[2], qd_correlation correlation, int sign[2][2]);

/** Test a matrix of detector pairs. There is no test where the angles let no state exceed 2 (aligned bases: S = 2), nor where a
 *  pair of settings has no counts; the correlations are there all the same.
 *  @param station Alice's angles and Bob's, good ones      @param chance NULL: unknown */
void qd_chsh_of(const qd_pair_matrix *m, const qd_analysers station[2], qd_correlation correlation, const qd_chance_pairs *chance, qd_chsh *out);

/** Which bases make key: those whose two settings are aligned. Angles d apart cause an error rate of sin^2 d by themselves; from 11.0 % on,
 *  where 1 - 2 h(Q) = 0 (Shor, Preskill, PRL 85:441 (2000)), d = 19.4 degrees, no key can come of a basis, and its pairs are for the test alone.
 *  @param rate NULL or out [basis]: sin^2 d (for either correlation; angles 90 degrees apart give 1: the declared correlation is wrong) */
void qd_keys_aligned(const qd_analysers station[2], bool key[2], double rate[2]);

#ifdef __cplusplus
}
#endif
#endif
