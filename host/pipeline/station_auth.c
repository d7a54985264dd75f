/* SPDX-License-Identifier: Apache-2.0 */
/* A station's authentication: what goes into its hash, its tag and the other's, what refills the secret, and whether another block may
 * begin. */
#include "station.h"

qd_status qd_station_open_auth(qd_station *s, qd_error *err) {
    if (!s->p.secret) return QD_OK;
    qd_body context = {0};
    qd_wire_context_put(&context, &s->p);
    qd_status st = context.bad ? qd_fail(err, QD_E_INTERNAL, "no memory for authentication")
                               : qd_auth_create(s->p.secret, s->role, context.p, context.n, &s->auth, err);
    qd_body_free(&context);
    return st;
}

void qd_station_absorb(qd_station *s, const qd_msg *m) {
    const double t0 = qd_now();
    qd_auth_absorb(s->auth, m);
    qd_station_spent(s, QD_STAGE_AUTHENTICATE, t0, qd_station_device_seconds(s), m->bytes);
}

void qd_station_hash_sent(qd_station *s, const qd_outbox *out) {
    if (!s->auth) return;
    for (size_t i = out->head + s->seen; i < out->n; i++) qd_station_absorb(s, &out->m[i]);
    s->seen = out->n - out->head;
}

qd_status qd_station_send_tag(qd_station *s, qd_outbox *out, bool last, qd_error *err) {
    uint8_t body[QD_AUTH_BODY];
    qd_station_hash_sent(s, out);
    const double t0 = qd_now();
    qd_status st = qd_auth_tag(s->auth, body, err);
    qd_station_spent(s, QD_STAGE_AUTHENTICATE, t0, qd_station_device_seconds(s), 0);
    s->own_fault = st != QD_OK;
    QD_TRY(st);
    return qd_outbox_send(out, QD_MSG_AUTH, s->block, s->role, last, body, sizeof body, err);
}

qd_status qd_station_check_tag(qd_station *s, const qd_msg *m, qd_error *err) {
    const double t0 = qd_now();
    qd_status st = qd_auth_check(s->auth, m, err);
    qd_station_spent(s, QD_STAGE_AUTHENTICATE, t0, qd_station_device_seconds(s), 0);
    s->own_fault = st != QD_OK && st != QD_E_POLICY && m->bytes == QD_AUTH_BODY;
    return st;
}

qd_status qd_station_authenticated(qd_station *s, qd_error *err) {
    qd_block *c = &s->cur;
    uint64_t most = c->key.n ? (c->key.n - 1) / QD_AUTH_ROUND_BITS * QD_AUTH_ROUND_BITS : 0, n = s->p.refill_bits < most ? s->p.refill_bits : most;
    qd_bits aside = {0}, rest = {0};
    /* a rehearsal's key follows from its seed, so anybody has it: it must not become pads of a secret that others rely on */
    if (s->p.rehearsal && !qd_auth_secret_budget(s->p.secret).rehearsal) n = 0;
    c->authenticated = true;
    c->auth = qd_auth_about(s->auth);
    c->ledger.eps_auth = c->auth.eps;
    if (!n) return QD_OK;
    qd_status st = qd_bits_slice(&aside, &c->key, 0, n, err);
    if (st == QD_OK) st = qd_bits_slice(&rest, &c->key, n, c->key.n - n, err);
    if (st == QD_OK) st = qd_auth_secret_refill(s->p.secret, &aside, s->p.eps_sec + s->p.eps_cor + c->auth.eps, err);
    qd_bits_destroy(&aside);
    s->own_fault = st != QD_OK;
    if (st != QD_OK) {
        qd_bits_destroy(&rest);
        return st;
    }
    qd_bits_destroy(&c->key);
    c->key = rest;
    c->aside_bits = n;
    return QD_OK;
}

/* Of all blocks with the next one: every block that began counts, also one that gave no key: it might have. */
static double epsilons(const qd_station *s) {
    return (s->block + 1.0) * (s->p.eps_sec + s->p.eps_cor + (s->auth ? QD_AUTH_EPS_MOST : 0));
}

static bool too_many(const qd_station *s) {
    return s->p.eps_total > 0 && epsilons(s) > s->p.eps_total * (1 + 1e-12); /* what the sum of written numbers rounds by */
}

bool qd_station_may_begin(qd_station *s) {
    if (too_many(s)) {
        snprintf(s->stopped, sizeof s->stopped,
                 "with block %u the epsilons of all blocks would sum to %.6g, above security.eps_total %.6g", s->block, epsilons(s),
                 s->p.eps_total);
        return false;
    }
    if (!s->auth) return true;
    const qd_auth_budget b = qd_auth_secret_budget(s->p.secret);
    if (b.next < b.rounds) return true;
    snprintf(s->stopped, sizeof s->stopped,
             "no pads of authentication are left for block %u: all %llu rounds of the secret are used, and none is used twice",
             s->block, (unsigned long long)b.rounds);
    return false;
}

qd_status qd_station_cannot_begin(qd_station *s, const qd_msg *in, qd_error *err) {
    if (too_many(s)) return qd_wire_bad(in, "bases of a block with which all epsilons would be too many", err);
    s->own_fault = true; /* no message of Bob's is wrong */
    return qd_fail(err, QD_E_POLICY,
                   "%s||Bob's copy has pads left, because he did not take a tag of Alice's, or Alice did not come to a refill that he has|share a new "
                   "secret, or have more set aside of each key: security.auth.refill_bits",
                   s->stopped);
}

const char *qd_station_stopped(const qd_station *s) {
    return s->stopped;
}

bool qd_station_refused(const qd_station *s) {
    return s->broken && !s->own_fault;
}
