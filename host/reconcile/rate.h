/* SPDX-License-Identifier: Apache-2.0 */
/** @file rate.h  The rate policy: frame error rates of a code as fitted curves, and the decoder constants that belong to a leak.
 *  */
#ifndef QD_RECONCILE_RATE_H
#define QD_RECONCILE_RATE_H

#include "reconcile/ldpc.h"

/** Smallest lifting size that is used: below it codewords of low weight make undetected errors common. */
enum { QD_Z_LEAST = 32 };

/** Largest estimated QBER that the code serves. */
#define QD_QBER_SERVED 0.13

/** The rule of the rate of a single syndrome (no rounds of added rows): of all codes and rates the one with the greatest expected net yield (1 - FER)(1 - leak), FER averaged over the
 *  posterior of the error rate given its estimate (k errors among n, uniform prior: Beta(k+1, n-k+1)), and that posterior moved up by a
 *  quarter of its standard deviation.
 *
 *  Averaging alone makes the expected yield greatest, but an estimate that came out low by chance then fails many frames: for the largest
 *  sample, 2^14, at 1.66 % QBER, one string in 73 loses above 5 % of its frames and one in 370 above 10 %. The expected yield is flat where
 *  it is greatest, so a margin costs it in second order and lightens that tail in first: a quarter makes the two one in 145 and one in
 *  830, for 0.0004 of the yield and 0.9 % of f (at 1 %, 1.1 %; at 3 %, 0.7 %; at 8 %, 0.4 %). Twice the margin would cost 1.8 %.
 *  tests/test_rate prints these figures. Estimates of a block before, of 1e6 bits and more, have an eighth of that deviation. */

/** Share of frames that fail at error rate @p q (0 <= q < 1/2) under code @p c with the constants of qd_rate_rule, i.i.d. errors,
 *  50
 *  iterations: Phi((h(q) - leak/f50) / (s sqrt(V(q)/n))), V = q(1-q) log2^2((1-q)/q) the dispersion (normal approximation,
 *  Polyanskiy, Poor,
 *  Verdu 2010), f50 and s interpolated in leak and log2 Z between fits to measured frames. tests/test_rate_full.c measures them
 *  again. */
double qd_rate_fer(const qd_code *c, double q);

/** The code of lifting size @p z that discloses @p leak of a frame (in its range: qd_code_leaks), or where that is 0 has the greatest expected
 *  net yield at a known error rate @p q. @p id and @p z must be a code's. */
void qd_rate_code(qd_code *c, uint32_t id, uint32_t z, double leak, double q);

/** The posterior of an error rate as weighted points: entropy and sqrt of the dispersion at each. */
enum { QD_RATE_POINTS = 33 };
typedef struct qd_posterior {
    double weight[QD_RATE_POINTS], h[QD_RATE_POINTS], v[QD_RATE_POINTS];
} qd_posterior;
/** After @p errors among @p sample bits, uniform prior; every point moved up by @p margin standard deviations. */
qd_posterior qd_rate_posterior(uint64_t errors, uint64_t sample, double margin);
/** Share of frames that @p rows rows in all leave unsolved at one point of @p p, and expected over it: code @p first, further rows without
 *  extension columns. The same curves with the leak (rows - 2 z) / n: frames with added rows fail as those of a code that discloses that
 *  share at once, but for the efficiency that the missing columns cost, 1 + .75 d^2 with d the share that is added (from the means of
 *  `drop` against those of `grow` in bench/NOTES.md: .5 % at d = .09, 1.2 at .15, 4.5 at .24, 9.4 at .35, 16 at .45). @{ */
double qd_rate_unsolved_at(const qd_code *first, uint32_t rows, const qd_posterior *p, int point);
double qd_rate_unsolved(const qd_code *first, uint32_t rows, const qd_posterior *p);
/** @} */

/** What is known of an error rate: a sample (none: @p sample 0, any rate from .3 to 15 %, each factor as likely as another), and how many
 *  frames were solved in each attempt. */
typedef struct qd_history {
    uint64_t errors, sample;
    qd_code first;
    uint32_t n; /**< attempts */
    uint32_t rows[QD_ADD_ROUNDS + 1];
    uint64_t tried[QD_ADD_ROUNDS + 1], solved[QD_ADD_ROUNDS + 1];
} qd_history;
/** The posterior after that. Attempts count as of 100 frames at most, for the curves are not exact. */
qd_posterior qd_rate_posterior_after(const qd_history *h);

/** Rounds of added rows, and what they come to. */
typedef struct qd_rounds {
    uint32_t n, add[QD_ADD_ROUNDS];
    double charged; /**< expected a frame: rows less private bits, an answer for each attempt, all of a frame that fails in the end */
    double fer;     /**< share of frames that do */
} qd_rounds;
/** What is disclosed of a frame at so many levels, ascending, and which share is unsolved there. */
enum { QD_GRID_LEVELS = 48 };
typedef struct qd_grid {
    uint32_t n, bits[QD_GRID_LEVELS];
    double unsolved[QD_GRID_LEVELS];
} qd_grid;
/** Of all ways to go up the levels of @p g, from the first, in at most @p most rounds the one that charges least. n = 0: giving up charges less
 *  than any. */
qd_rounds qd_rounds_on(const qd_grid *g, uint32_t frame_bits, uint32_t most);
/** Of all ways to add rows to frames of @p first, of which @p rows are sent, in at most @p most rounds the one that charges least, over
 *  steps of a grid. n = 0: giving up charges less than any. */
qd_rounds qd_rounds_best(const qd_code *first, uint32_t rows, uint32_t most, const qd_posterior *p);
/** The code of lifting size @p z whose frames, with added rows in at most @p most rounds, charge the smallest share. @p blind:
 *  first syndromes down to the shortest are looked at, for rates that may be anything. */
void qd_rounds_code(qd_code *first, uint32_t id, uint32_t z, uint32_t most, bool blind, const qd_posterior *p, qd_rounds *rounds);
/** The code of lifting size @p z with the greatest expected yield (1 - FER)(1 - leak) of one syndrome. */
void qd_rate_best(qd_code *best, uint32_t id, uint32_t z, const qd_posterior *p);

/** Share of frames of a large-block code that fail at error rate @p q: the form of qd_rate_fer and a floor, fitted likewise. */
double qd_large_fer(uint32_t rows, uint32_t cols, uint32_t z, double q);
/** What is known of the error rate of frames with joined rows, and what became of their attempts so far. */
typedef struct qd_large_history {
    const qd_reconcile_params *p; /**< borrowed: the estimate */
    uint32_t rows, cols, z, joined, told; /**< block rows and columns; pairs of lifted rows */
    uint32_t n; /**< attempts */
    uint32_t at[QD_ADD_ROUNDS + 1]; /**< told before each */
    uint64_t tried[QD_ADD_ROUNDS + 1], solved[QD_ADD_ROUNDS + 1];
} qd_large_history;
/** An attempt at @p tried frames left @p open: how many pairs of lifted rows to tell apart now, with at most @p rounds rounds left, that one included; 0: giving up charges
 *  less. It is noted, and taken for done. */
uint32_t qd_large_tell(qd_large_history *h, uint64_t tried, uint64_t open, uint32_t rounds);
/** Of all large-block codes and frames that fill @p bits the one with the greatest expected yield, failed frames charged whole, if that is worth
 *  more than @p most bits: then true, and @p most and the code's part of @p plan are set (qber is read). One syndrome has to cover all doubt about
 *  the rate: what the sample leaves, and drift. With rounds, and no leak given, the first one need not: rows are joined (plan->joined), as many as
 *  there is doubt. */
bool qd_large_plan(const qd_reconcile_params *p, uint64_t bits, double *most, qd_reconcile_plan *plan);
/** Largest estimated QBER that large-block codes serve: their largest leak is 1.038 of its entropy. */
#define QD_QBER_LARGE 0.127

/** QD_E_USAGE: errors among sample bits that cannot be; no sample, and neither a leak nor rounds in which the rate is found out. */
qd_status qd_rate_estimate_check(const qd_reconcile_params *p, qd_error *err);

/** Binary entropy, 0 at 0 and 1 (and beyond). */
double qd_rate_entropy(double q);

/** Channel LLR and check-node constant that decode best at this leak (m - 2 z)/n; they belong to the code, not to the error rate:
 *  with a
 *  constant made for lower rates the long rows of a high-rate code round every message to nothing. */
void qd_rate_rule(const qd_code *c, qd_ldpc_rule *rule);
/** The same of a leak. */
void qd_rate_constants(double leak, qd_ldpc_rule *rule);

#endif
