/* SPDX-License-Identifier: Apache-2.0 */
/** @file security.h  How much secret key the counts of a block allow: finite-key bounds. Host only, all in double.
 *
 *  A bound takes n, k, m and its epsilons and gives the length before charges, together with the names of what its formula already
 *  contains. What the ledger charges is subtracted, and the result floored, in one place: qd_estimate_bbm92. */
#ifndef QDISTILL_SECURITY_H
#define QDISTILL_SECURITY_H

#include <stdbool.h>
#include <stdint.h>
#include "qdistill/compute.h"
#include "qdistill/core.h"
#include "qdistill/core/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Counts above this are refused: the bounds form products of two of them in 128 bits. */
#define QD_SECURITY_MAX ((uint64_t)1 << 62)
/** Key plus test bits up to which the exact tail is summed; above, Chvatal's bound. */
#define QD_RANDOM_SAMPLING_EXACT_MAX ((uint64_t)1 << 32)

/** Binary entropy -x log2 x - (1-x) log2(1-x), 0 at 0 and 1. x in 0..1. */
double qd_binary_entropy(double x);

/** Upper bound on ln Pr[test errors <= m | m + e errors in all n + k], k of the n + k tested at random, never below the true value:
 *  the hypergeometric tail for n + k <= QD_RANDOM_SAMPLING_EXACT_MAX, else Chvatal's -k D(m/k || (m+e)/(n+k))
 *  (Discrete Math. 25:285 (1979)). Needs m <= k, e <= n, n and k >= 1 and at most QD_SECURITY_MAX. */
double qd_random_sampling_log_tail(uint64_t n, uint64_t k, uint64_t m, uint64_t e);

/** The least e with qd_random_sampling_log_tail(n, k, m, e) <= 2 ln(eps_s): the key of n bits has fewer than e errors, but for a
 *  probability eps_s^2. n + 1 when no e up to n will do. Same requirements; 0 < eps_s < 1. */
uint64_t qd_random_sampling_errors(uint64_t n, uint64_t k, uint64_t m, double eps_s);

/** Bounds for BBM92. Numbers are part of records: append only. */
typedef enum qd_bound {
    QD_BOUND_RANDOM_SAMPLING = 0, /**< the exact tail; holds the hashing term and nothing that is announced */
    QD_BOUND_TOMAMICHEL = 1       /**< closed form with a tolerated error rate; holds the hashing term and a tag of log2(2/eps_cor) bits */
} qd_bound;
/** "random-sampling", "tomamichel"; "unknown" otherwise. Static storage. */
const char *qd_bound_name(qd_bound b);

/** Every term of the length of one basis's key:
 *  before_charges = n (1 - h(phi)) - hash_bits.
 *  Random sampling: hash_bits = 2 log2(1/(2 eps_pa)),  phi = errors_bound / n,  eps_pa = eps/2, eps_s = eps/4.
 *  Tomamichel: hash_bits = log2(2/(eps^2 eps_cor/2)), phi = q_tol + mu; eps_pa, eps_s, errors_bound have no meaning and are 0. */
typedef struct qd_bbm92_terms {
    qd_bound bound;
    uint64_t n, k, m;       /**< key bits, test bits, test errors */
    double eps;             /**< secrecy of this key: half of the block's */
    double eps_pa, eps_s;   /**< of hashing, of the phase error estimate (smoothing) */
    uint64_t errors_bound;  /**< E: phase errors, but for a probability eps_s^2 */
    double phase_error;     /**< phi = E/n, rounded up; at least 1/2 means no key; 1 when nothing can be said (n or k is 0) */
    double entropy_bits;    /**< n (1 - h(phi)), rounded down; 0 for phi >= 1/2 */
    double hash_bits;       /**< 2 log2(1/(2 eps_pa)), rounded up */
    double before_charges;  /**< entropy_bits - hash_bits; may be negative */
    qd_contained contained; /**< what the formula holds already of what the ledger has */
    double q_tol, mu;       /**< Tomamichel: the tolerated error rate and its deviation */
    bool exact_tail;        /**< false: Chvatal's bound was used */
    double closed_form_phase_error; /**< of qd_closed_form_phase_error at eps = eps of the block; for comparison only */
    double closed_form_bits;        /**< n (1 - h) at that rate; for comparison only */
} qd_bbm92_terms;

/** The random-sampling bound for a key of n bits tested by k bits with m errors. Never fails: n = 0, k = 0 gives phase_error 1.
 *  Needs m <= k; counts at most QD_SECURITY_MAX; @p eps_sec is that of the block (both bases together), 0 < eps_sec < 1.
 *  Derivation: variable length, decided after the test; for any true number of errors the tail is at most eps_s^2 and monotone. */
qd_bbm92_terms qd_security_random_sampling(uint64_t n, uint64_t k, uint64_t m, double eps_sec);

/** The bound of Tomamichel, Lim, Gisin, Renner (below) for one of two keys, each with half of both epsilons of the block, and k test bits
 *  with m errors: no key (phase_error 1) where m > q_tol k. q_tol, 0 to 1/2, must be fixed before the data. */
qd_bbm92_terms qd_security_tomamichel(uint64_t n, uint64_t k, uint64_t m, double q_tol, double eps_sec, double eps_cor);

/** Fung, Ma, Chau, PRA 81:012318 (2010): Q + sqrt((n+k)(1-Q)Q/(n k ln 2) log2[(n+k)/(n k (1-Q) Q eps^2)]), Q = m/k, at most 1/2.
 *  A second-order approximation that is not valid for few errors (0 at m = 0): printed beside the bound, never decides a length.
 *  n or k = 0 gives 1/2. */
double qd_closed_form_phase_error(uint64_t n, uint64_t k, uint64_t m, double eps);

/** Tomamichel, Lim, Gisin, Renner, Nat. Commun. 3:634 (2012): deviation mu = sqrt((n+k)/(n k) (k+1)/k ln(4/eps_sec)), and the length
 *  n [1 - h(q_tol + mu)] - leak - log2(2/(eps_sec^2 eps_cor)) before floor, q_tol + mu clamped at 1/2. q_tol is fixed before the data.
 *  The last term holds log2(2/eps_cor) bits of the verification tag. n, k >= 1. */
double qd_tomamichel_mu(uint64_t n, uint64_t k, double eps_sec);
double qd_tomamichel_length(uint64_t n, uint64_t k, double q_tol, double leak, double eps_sec, double eps_cor);

/** What the length of a block's key is computed from; index [basis]. Each basis is a key; the other, whole, is its test. */
typedef struct qd_bbm92_input {
    uint64_t n[2];          /**< bits that entered reconciliation */
    uint64_t errors[2];     /**< errors among them */
    const qd_ledger *ledger;/**< charges are read from it; NULL: from charged */
    uint64_t charged[2];
    double eps_sec, eps_cor;/**< of the block, both bases together */
    qd_bound bound;
    double q_tol;           /**< QD_BOUND_TOMAMICHEL */
} qd_bbm92_input;

typedef struct qd_bbm92_result {
    uint64_t key_bits[2]; /**< floor(before_charges - charged), 0 when negative or phi >= 1/2 */
    uint64_t total;       /**< their sum */
    uint64_t charged[2];  /**< as subtracted */
    uint64_t charge[2][QD_LEAK_KINDS]; /**< its parts, by kind; all 0 where the input has a sum only */
    double phi[2];
    qd_bbm92_terms terms[2];
    char abort_reason[320]; /**< why total is 0; "" otherwise */
} qd_bbm92_result;

/** Lengths of both keys of a block. QD_OK also when they are 0 (abort_reason says why). QD_E_INPUT: errors > n, a count above
 *  QD_SECURITY_MAX, an epsilon outside (0, 1), q_tol outside [0, 1/2]; the result is zero then. */
qd_status qd_estimate_bbm92(const qd_bbm92_input *in, qd_bbm92_result *out, qd_error *err);

/** Read {"n":{"z":..,"x":..},"errors":{..},"charged":{..},"eps_sec":..,"eps_cor":..} from a parsed object; @p where names it in errors.
 *  Strict: missing or unknown keys, wrong types, negative numbers, errors > n, epsilons outside
 *  QD_RANGE_EPS_SEC and QD_RANGE_EPS_COR are QD_E_INPUT, @p in is zero then.
 *  @p need_eps false: absent epsilons leave what @p in had. Descriptive keys that `sift` writes beside them are allowed. */
qd_status qd_bbm92_input_json(const json_t *o, const char *where, bool need_eps, qd_bbm92_input *in, qd_error *err);

/** Read n, errors and charged of one basis from a record of `reconcile`; its eps_cor, when there, raises that of @p in; other fields are
 *  ignored. QD_E_INPUT as above, and for a record of another verb. */
qd_status qd_bbm92_record_json(const json_t *o, const char *where, int basis, qd_bbm92_input *in, qd_error *err);

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_security_ops[];

#ifdef __cplusplus
}
#endif
#endif
