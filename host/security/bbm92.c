/* SPDX-License-Identifier: Apache-2.0 */
/* Lengths of the two keys of a BBM92 block, and the two bounds of the literature that are shown or offered beside ours. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "qdistill/security.h"

/* Below this 2 ln(eps) and powers of eps stay far from underflow. */
#define EPS_MIN 1e-100

double qd_binary_entropy(double x) {
    if (x <= 0 || x >= 1) return 0;
    return -x * log2(x) - (1 - x) * log1p(-x) / M_LN2;
}

/* n (1 - h(rate)), 0 from one half on. */
static double entropy_left(double n, double rate) {
    return rate < 0.5 ? n * (1 - qd_binary_entropy(rate)) : 0;
}

double qd_closed_form_phase_error(uint64_t n, uint64_t k, uint64_t m, double eps) {
    if (n == 0 || k == 0) return 0.5;
    double dn = (double)n, dk = (double)k, q = (double)m / dk, v = q * (1 - q);
    if (v <= 0) return fmin(0.5, q);
    double arg = log2((dn + dk) / (dn * dk * v)) - 2 * log2(eps);
    return fmin(0.5, q + sqrt((dn + dk) / (dn * dk) * v / M_LN2 * fmax(0, arg)));
}

double qd_tomamichel_mu(uint64_t n, uint64_t k, double eps_sec) {
    double dn = (double)n, dk = (double)k;
    return sqrt((dn + dk) / (dn * dk) * (dk + 1) / dk * log(4 / eps_sec));
}

double qd_tomamichel_length(uint64_t n, uint64_t k, double q_tol, double leak, double eps_sec, double eps_cor) {
    double rate = fmin(0.5, q_tol + qd_tomamichel_mu(n, k, eps_sec));
    return entropy_left((double)n, rate) - leak - (1 - 2 * log2(eps_sec) - log2(eps_cor));
}

qd_bbm92_terms qd_security_random_sampling(uint64_t n, uint64_t k, uint64_t m, double eps_sec) {
    qd_bbm92_terms t = {.bound = QD_BOUND_RANDOM_SAMPLING, .n = n, .k = k, .m = m, .eps = eps_sec / 2};
    t.eps_pa = t.eps / 2;
    t.eps_s = t.eps / 4;
    t.exact_tail = n + k <= QD_RANDOM_SAMPLING_EXACT_MAX;
    t.phase_error = 1;
    if (n > 0 && k > 0) {
        t.errors_bound = qd_random_sampling_errors(n, k, m, t.eps_s);
        t.phase_error = fmin(1, (double)t.errors_bound / (double)n);
    }
    t.hash_bits = -2 * log2(2 * t.eps_pa) * (1 + 4 * DBL_EPSILON);
    /* phi, h and the products round by less than 2^-50 together, relative to n */
    t.entropy_bits = fmax(0, entropy_left((double)n, t.phase_error) - (double)n * 0x1p-49);
    t.before_charges = t.entropy_bits - t.hash_bits;
    t.closed_form_phase_error = qd_closed_form_phase_error(n, k, m, eps_sec);
    t.closed_form_bits = entropy_left((double)n, t.closed_form_phase_error);
    return t;
}

qd_bbm92_terms qd_security_tomamichel(uint64_t n, uint64_t k, uint64_t m, double q_tol, double eps_sec, double eps_cor) {
    qd_bbm92_terms t = {.bound = QD_BOUND_TOMAMICHEL, .n = n, .k = k, .m = m, .eps = eps_sec / 2, .q_tol = q_tol, .phase_error = 1};
    if (n > 0 && k > 0) t.mu = qd_tomamichel_mu(n, k, t.eps) * (1 + 16 * DBL_EPSILON);
    if (n > 0 && k > 0 && (double)m <= q_tol * (double)k) t.phase_error = fmin(1, q_tol + t.mu);
    /* log2(2/(eps^2 eps_cor')), eps_cor' = eps_cor/2 for this key; its part log2(2/eps_cor') is the tag's */
    t.contained.tag_bits = 2 - log2(eps_cor);
    t.hash_bits = (t.contained.tag_bits - 2 * log2(t.eps)) * (1 + 8 * DBL_EPSILON);
    t.entropy_bits = fmax(0, entropy_left((double)n, t.phase_error) - (double)n * 0x1p-49);
    t.before_charges = t.entropy_bits - t.hash_bits;
    t.closed_form_phase_error = qd_closed_form_phase_error(n, k, m, eps_sec);
    t.closed_form_bits = entropy_left((double)n, t.closed_form_phase_error);
    return t;
}

const char *qd_bound_name(qd_bound b) {
    static const char *const names[] = {"random-sampling", "tomamichel"};
    return (unsigned)b < sizeof names / sizeof *names ? names[b] : "unknown";
}

/* The ledger's subtraction and the floor: the only place. */
static uint64_t length_after(const qd_bbm92_terms *t, uint64_t charged) {
    if (t->phase_error >= 0.5) return 0;
    double left = t->before_charges - (double)charged * (1 + DBL_EPSILON);
    left = floor(left - fabs(t->before_charges) * DBL_EPSILON);
    return left >= 1 ? (uint64_t)left : 0;
}

static qd_status check(const qd_bbm92_input *in, qd_error *err) {
    for (int b = 0; b < 2; b++) {
        char name = b == QD_Z ? 'z' : 'x';
        if (in->n[b] > QD_SECURITY_MAX || (!in->ledger && in->charged[b] > QD_SECURITY_MAX))
            return qd_fail(err, QD_E_INPUT, "a count of %c lies above 2^62||no recording is that long|correct the counts", name);
        if (in->errors[b] > in->n[b])
            return qd_fail(err, QD_E_INPUT,
                           "%" PRIu64 " errors in the %" PRIu64
                           " bits of %c||the counts contradict each other|correct the counts",
                           in->errors[b], in->n[b], name);
    }
    if ((unsigned)in->bound > QD_BOUND_TOMAMICHEL || (in->bound == QD_BOUND_TOMAMICHEL && !(in->q_tol >= 0 && in->q_tol <= 0.5)))
        return qd_fail(err, QD_E_INPUT, "the tolerated error rate is %g||it is fixed before the data, from 0 to 1/2|give a rate that the link "
                       "stays below", in->q_tol);
    if (!(in->eps_sec >= EPS_MIN && in->eps_sec < 1) || !(in->eps_cor >= EPS_MIN && in->eps_cor < 1))
        return qd_fail(
            err, QD_E_INPUT,
            "eps_sec is %g and eps_cor %g||each must be at least 1e-100 and less than 1|a usual choice is 1e-10 and 1e-15",
            in->eps_sec, in->eps_cor);
    return QD_OK;
}

/* Why a basis gives nothing. */
static void reason_for(const qd_bbm92_terms *t, uint64_t charged, char name, char *out, size_t cap) {
    if (t->n == 0)
        snprintf(out, cap, "%c: no bits", name);
    else if (t->k == 0)
        snprintf(out, cap, "%c: the other basis has no bits to test it", name);
    else if (t->bound == QD_BOUND_TOMAMICHEL && t->phase_error == 1)
        snprintf(out, cap, "%c: %" PRIu64 " errors in %" PRIu64 " test bits are above the tolerated rate %g", name, t->m, t->k, t->q_tol);
    else if (t->phase_error >= 0.5)
        snprintf(out, cap, "%c: its phase error may be 1/2 or more (%" PRIu64 " errors in %" PRIu64 " test bits)", name, t->m,
                 t->k);
    else
        snprintf(out, cap,
                 "%c: %.1f bits unknown to an eavesdropper (phase error up to %.4f), %" PRIu64 " charged, %.1f for hashing", name,
                 t->entropy_bits, t->phase_error, charged, t->hash_bits);
}

qd_status qd_estimate_bbm92(const qd_bbm92_input *in, qd_bbm92_result *out, qd_error *err) {
    char reason[2][150];
    memset(out, 0, sizeof *out);
    QD_TRY(check(in, err));
    for (int b = 0; b < 2; b++) {
        qd_bbm92_terms *t = &out->terms[b];
        uint64_t n = in->n[b], k = in->n[1 - b], m = in->errors[1 - b];
        *t = in->bound == QD_BOUND_TOMAMICHEL ? qd_security_tomamichel(n, k, m, in->q_tol, in->eps_sec, in->eps_cor)
                                              : qd_security_random_sampling(n, k, m, in->eps_sec);
        out->phi[b] = t->phase_error;
        out->charged[b] = in->ledger ? 0 : in->charged[b];
        for (int kind = 0; in->ledger && kind < QD_LEAK_KINDS; kind++) {
            uint64_t part = out->charge[b][kind] = qd_ledger_charge(in->ledger, b, (qd_leak)kind, &t->contained);
            out->charged[b] = part > UINT64_MAX - out->charged[b] ? UINT64_MAX : out->charged[b] + part;
        }
        out->key_bits[b] = length_after(t, out->charged[b]);
        reason_for(t, out->charged[b], b == QD_Z ? 'z' : 'x', reason[b], sizeof reason[b]);
    }
    out->total = out->key_bits[QD_Z] + out->key_bits[QD_X];
    if (out->total == 0) snprintf(out->abort_reason, sizeof out->abort_reason, "%s; %s", reason[QD_Z], reason[QD_X]);
    return QD_OK;
}
