/* SPDX-License-Identifier: Apache-2.0 */
/* Alice: announces times, settles bases, samples a first block, leads reconciliation, decides lengths, draws hash seeds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "station.h"

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for a message");
}

/* ---- times and pairs --------------------------------------------------------------------------------------------- */

static qd_status send_times(qd_station *s, qd_outbox *out, qd_error *err) {
    uint64_t fresh = 0;
    QD_TRY(qd_station_read(s, &fresh, err));
    qd_wire_times w = {
        .first = s->announced, .count = fresh, .end = s->own_end, .t = malloc((fresh ? fresh : 1) * sizeof(int64_t))};
    if (!w.t) return no_memory(err);
    /* drawn now, after these detections: bases that answer this message, and the tags say it, were not announced before them */
    qd_random r = {.rehearsal = s->p.rehearsal, .seed = s->p.seed, .stream = QD_STREAM_AUTH, .entity = (uint64_t)1 << 63 | s->slices++};
    qd_random_bytes(&r, w.nonce, sizeof w.nonce);
    qd_status st = qd_announce(s->own.t + (s->own.n - fresh), fresh, s->p.tick, s->p.announce_ps, w.t, err);
    qd_body b = {0};
    if (st == QD_OK) st = qd_wire_times_put(&b, &w, err);
    free(w.t);
    if (st != QD_OK) {
        qd_body_free(&b);
        return st;
    }
    s->announced += fresh;
    s->totals.announced += fresh;
    s->phase = QD_PHASE_COLLECT;
    return qd_station_send(s, out, QD_MSG_TIMES, true, &b, err);
}

/* The first turn: what both must have agreed on, then times. */
static qd_status begin(qd_station *s, qd_outbox *out, qd_error *err) {
    qd_body b = {0};
    qd_wire_agreed_put(&b, &s->p);
    QD_TRY(qd_station_send(s, out, QD_MSG_PARAMETERS, false, &b, err));
    return send_times(s, out, err);
}

/* With the turn and no block to work on: more times, or the end. */
static qd_status go_on(qd_station *s, qd_outbox *out, qd_error *err) {
    if (!s->own_end) return send_times(s, out, err);
    s->phase = QD_PHASE_OVER;
    return qd_outbox_send(out, QD_MSG_DONE, s->block, QD_ALICE_TO_BOB, true, NULL, 0, err);
}

static qd_status on_pairs(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_wire_pairs w;
    QD_TRY(qd_wire_pairs_get(in, s->settled, s->announced, &w, err));
    s->settled = w.settled;
    s->settled_all = s->own_end && s->settled == s->announced;
    s->totals.pairs += w.count;
    qd_status st = qd_station_measure(s, w.index, w.count, err);
    free(w.index);
    QD_TRY(st);
    qd_station_forget(s, s->settled);
    if (s->own_end && !s->settled_all && in->last) return qd_wire_bad(in, "events left unsettled at the end", err);
    QD_TRY(qd_station_fast_forward(s, err));
    if (qd_station_block_size(s)) {
        s->phase = QD_PHASE_BASES;
        return in->last ? qd_wire_bad(in, "a full block without its bases", err) : QD_OK;
    }
    return in->last ? go_on(s, out, err) : qd_wire_bad(in, "bases announced before the block is full", err);
}

/* ---- bases and sample -------------------------------------------------------------------------------------------- */

/* Choose m of n positions, each set equally likely (Knuth, TAOCP 3.4.2, algorithm S), so that they come out ascending. */
static uint64_t *draw_positions(qd_random *r, uint64_t n, uint64_t m) {
    uint64_t *pos = malloc((m ? m : 1) * sizeof *pos), k = 0;
    if (!pos) return NULL;
    for (uint64_t i = 0; k < m; i++)
        if (qd_random_below(r, n - i) < m - k) pos[k++] = i;
    return pos;
}

/* Positions and bits of one string into the message; the bits are kept to compare with Bob's. */
static qd_status put_sample(qd_station *s, int basis, qd_body *b, qd_error *err) {
    uint64_t n = s->str[basis].n, m = qd_station_sample_size(n);
    qd_random r = qd_station_random(s, QD_STREAM_SAMPLE, basis);
    uint64_t *pos = draw_positions(&r, n, m);
    if (!pos) return no_memory(err);
    qd_wire_positions_put(b, pos, m);
    qd_bits_destroy(&s->sample[basis]);
    qd_status st = qd_station_take_sample(s, basis, pos, m, &s->sample[basis], err);
    if (st == QD_OK) qd_wire_bits_put(b, &s->sample[basis]);
    free(pos);
    return st;
}

static qd_status send_sample(qd_station *s, qd_outbox *out, qd_error *err) {
    qd_body b = {0};
    qd_status st = put_sample(s, QD_Z, &b, err);
    if (st == QD_OK) st = put_sample(s, QD_X, &b, err);
    if (st != QD_OK) {
        qd_body_free(&b);
        return st;
    }
    s->phase = QD_PHASE_SAMPLE;
    return qd_station_send(s, out, QD_MSG_SAMPLE, true, &b, err);
}

static qd_status begin_reconcile(qd_station *s, qd_outbox *out, qd_error *err);

/* Bob ends the job in place of a full block, because of what both stations agreed on. */
static qd_status on_stop(qd_station *s, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err) {
    QD_TRY(qd_station_no_body(in, err));
    if (qd_station_may_begin(s)) return qd_wire_bad(in, "the end of the job in place of a block that may begin", err);
    *done = true;
    return qd_outbox_send(out, QD_MSG_DONE, s->block, QD_ALICE_TO_BOB, true, NULL, 0, err);
}

static qd_status on_bases(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    uint64_t n = qd_station_block_size(s);
    if (!qd_station_may_begin(s)) return qd_station_cannot_begin(s, in, err); /* before her bases are given away for nothing */
    qd_bits theirs, mine = {0};
    qd_body b = qd_body_of(in), body = {0};
    QD_TRY(qd_wire_bits_get(&b, in, n, &theirs, err));
    qd_status st = qd_body_end(&b, in, err);
    if (st == QD_OK) st = qd_station_bases(s, n, &mine, err);
    if (st == QD_OK) st = qd_station_sift(s, &theirs, err);
    if (st == QD_OK) {
        qd_wire_bits_put(&body, &mine);
        st = qd_station_send(s, out, QD_MSG_BASES_ALICE, false, &body, err);
    }
    qd_bits_destroy(&theirs);
    qd_bits_destroy(&mine);
    QD_TRY(st);
    return qd_station_needs_sample(s) ? send_sample(s, out, err) : begin_reconcile(s, out, err);
}

static qd_status on_sample_bits(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_body b = qd_body_of(in);
    for (int i = 0; i < 2; i++) {
        uint64_t m = s->sample[i].n, errors;
        qd_bits theirs;
        QD_TRY(qd_wire_bits_get(&b, in, m, &theirs, err));
        errors = qd_bits_distance(&s->sample[i], &theirs);
        qd_bits_destroy(&theirs);
        s->cur.sample_errors[i] = errors;
        s->estimate[i] = (qd_estimate){m > 0, errors, m};
    }
    QD_TRY(qd_body_end(&b, in, err));
    return begin_reconcile(s, out, err);
}

/* ---- reconciliation ---------------------------------------------------------------------------------------------- */

/* Say that the block yields no key; Bob closes it. */
static qd_status reject(qd_station *s, qd_outbox *out, qd_hopeless why, qd_error *err) {
    const uint8_t reason = (uint8_t)why;
    qd_station_hopeless(s, why);
    s->phase = QD_PHASE_CLOSE;
    return qd_outbox_send(out, QD_MSG_REJECT, s->block, QD_ALICE_TO_BOB, true, &reason, sizeof reason, err);
}

/* By how much, as a share of it, the rate is thought to have moved since the block before: by as much as it did from the one before
 * that, but for what counting alone moves it; at least by 2 % (an assumption; what it costs a large-block code is in bench/NOTES.md). A
 * sample is of the block itself. */
static double drift_of(const qd_station *s, int basis) {
    const double least = 0.02;
    const qd_estimate *a = &s->before[basis], *b = &s->last[basis];
    if (s->cur.sampled[basis]) return 0;
    if (!a->known || !b->known || !a->errors || !b->errors) return least;
    double moved = ((double)b->errors / (double)b->n) / ((double)a->errors / (double)a->n) - 1,
           counting = 1 / (double)a->errors + 1 / (double)b->errors, square = moved * moved - counting;
    return fmin(1, fmax(least, square > 0 ? sqrt(square) : 0));
}

/* What the strings of the block are planned with; QBER estimates are counts, never rounded rates. */
static qd_reconcile_params params_of(const qd_station *s, int basis) {
    return (qd_reconcile_params){.block = s->block,
                                 .basis = basis,
                                 .code = s->p.code,
                                 .rounds = s->p.rounds,
                                 .errors = s->estimate[basis].errors,
                                 .sample = s->estimate[basis].n,
                                 .drift = drift_of(s, basis),
                                 .eps_cor = s->p.eps_cor};
}

/* Of a blind block's x a guess, once z is corrected: that its rate is like z's, as if from so many bits. Where frames for that
 * rate are longer than the string nothing is guessed. */
static qd_status guess(const qd_station *s, qd_reconcile_params *p, qd_error *err) {
    const uint64_t hint = 1024, n = s->cur.counts.n[QD_Z], errors = s->cur.counts.errors[QD_Z];
    if (!s->p.blind || s->estimate[p->basis].known || p->basis != QD_X || n < hint || errors >= n / 10) return QD_OK;
    qd_reconcile_params guessed = *p;
    qd_reconcile_plan plan;
    guessed.errors = (uint64_t)((double)errors / (double)n * (double)hint);
    guessed.sample = hint;
    QD_TRY(qd_reconcile_plan_make(&guessed, s->str[p->basis].n, &plan, err));
    if (plan.reject == QD_REJECT_NONE) *p = guessed;
    return QD_OK;
}

/* Before any syndrome: can the code serve the estimates, and can the bound make key of them? */
static qd_status hopeless(qd_station *s, qd_hopeless *why, qd_error *err) {
    double rate[2] = {0}, expected = 0;
    const uint64_t n[2] = {s->str[QD_Z].n, s->str[QD_X].n};
    uint32_t refused = QD_REJECT_NONE;
    for (int i = 0; i < 2; i++) {
        const qd_estimate *e = &s->estimate[i], *other = &s->estimate[1 - i];
        const bool unknown = !e->known || !other->known;
        if (unknown && !s->p.blind) {
            refused = QD_REJECT_SHORT;
            continue;
        }
        if (!unknown) rate[i] = (double)e->errors / (double)e->n;
        qd_reconcile_params p = params_of(s, i);
        qd_reconcile_plan plan;
        QD_TRY(qd_reconcile_plan_make(&p, n[i], &plan, err));
        if (plan.reject != QD_REJECT_NONE) refused = refused ? refused : plan.reject;
        if (unknown) { /* nothing to judge by */
            expected += 1;
            continue;
        }
        /* m as the estimate has it: a length that is expected, not one that is claimed */
        uint64_t m = (uint64_t)ceil((double)other->errors / (double)other->n * (double)n[1 - i]);
        double left =
            qd_security_random_sampling(n[i], n[1 - i], m, s->p.eps_sec).before_charges - (1 - plan.net_yield) * (double)n[i];
        if (left > 0) expected += left;
    }
    if (refused == QD_REJECT_SHORT)
        *why = QD_HOPELESS_FRAME;
    else if (!refused && expected > 0)
        *why = QD_HOPELESS_NOT;
    else
        *why = !refused && rate[QD_Z] < 0.05 && rate[QD_X] < 0.05 ? QD_HOPELESS_SHORT : QD_HOPELESS_QBER;
    return QD_OK;
}

static qd_status start_string(qd_station *s, qd_outbox *out, qd_error *err) {
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    qd_reconcile_params p = params_of(s, s->at);
    bool done = false;
    QD_TRY(guess(s, &p, err));
    QD_TRY(qd_reconcile_alice_create(&p, &s->str[s->at], qd_station_random(s, QD_STREAM_PRIVATE, s->at),
                                     qd_station_random(s, QD_STREAM_VERIFY, s->at), s->dev, &s->ra, err));
    QD_TRY(qd_reconcile_alice_step(s->ra, NULL, out, &done, err));
    qd_station_spent(s, QD_STAGE_RECONCILE, t0, d0, s->str[s->at].n);
    return done ? qd_fail(err, QD_E_INTERNAL, "reconciliation refused what its own plan accepted") : QD_OK;
}

static qd_status begin_reconcile(qd_station *s, qd_outbox *out, qd_error *err) {
    qd_hopeless why = QD_HOPELESS_NOT;
    QD_TRY(hopeless(s, &why, err));
    if (why != QD_HOPELESS_NOT) return reject(s, out, why, err);
    s->phase = QD_PHASE_RECONCILE;
    s->at = QD_Z;
    return start_string(s, out, err);
}

/* A verified string: book it, keep its bits for hashing. */
static qd_status take_result(qd_station *s, qd_error *err) {
    const qd_reconcile_result *r = qd_reconcile_alice_result(s->ra);
    QD_TRY(qd_station_book(s, r, err));
    qd_reconcile_alice_destroy(s->ra);
    s->ra = NULL;
    return QD_OK;
}

/* ---- length and seeds -------------------------------------------------------------------------------------------- */

static qd_status estimate(qd_station *s, qd_error *err) {
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    qd_bbm92_input in = {.ledger = &s->cur.ledger, .eps_sec = s->p.eps_sec, .eps_cor = s->p.eps_cor};
    qd_bbm92_result r = {0};
    for (int i = 0; i < 2; i++) {
        in.n[i] = s->cur.counts.n[i];
        in.errors[i] = s->cur.counts.errors[i];
    }
    s->cur.ledger.eps_sec = s->p.eps_sec;
    s->cur.ledger.eps_cor = s->p.eps_cor;
    QD_TRY(qd_estimate_bbm92(&in, &r, err));
    for (int i = 0; i < 2; i++) {
        /* A string that was not verified is a test, never a key. */
        s->cur.ell[i] = s->cur.no_key[i] ? 0 : r.key_bits[i];
        s->cur.phi[i] = r.phi[i];
        s->cur.counts.charged[i] = r.charged[i];
    }
    s->cur.terms = qd_station_terms(&r);
    if (s->cur.ell[QD_Z] + s->cur.ell[QD_X] == 0) {
        uint32_t no_key = s->cur.no_key[QD_Z] ? s->cur.no_key[QD_Z] : s->cur.no_key[QD_X];
        qd_station_reject(s, no_key ? qd_reject_text(no_key) : r.abort_reason);
    }
    qd_station_spent(s, QD_STAGE_ESTIMATE, t0, d0, 1);
    return QD_OK;
}

static qd_status send_seed(qd_station *s, int basis, qd_bits *seed, qd_outbox *out, qd_error *err) {
    QD_TRY(qd_station_draw_seed(s, basis, seed, err));
    qd_body b = {0};
    qd_body_u8(&b, (uint8_t)basis);
    qd_wire_bits_put(&b, seed);
    return qd_station_send(s, out, QD_MSG_HASH_SEED, false, &b, err);
}

static qd_status send_length(qd_station *s, qd_outbox *out, qd_error *err) {
    QD_TRY(estimate(s, err));
    qd_body b = {0};
    for (int i = 0; i < 2; i++) qd_body_u64(&b, s->cur.ell[i]);
    QD_TRY(qd_station_send(s, out, QD_MSG_LENGTH, false, &b, err));
    for (int i = 0; i < 2; i++) {
        if (!s->cur.ell[i]) continue;
        qd_bits seed = {0};
        qd_status st = send_seed(s, i, &seed, out, err);
        if (st == QD_OK) st = qd_station_hash(s, i, &seed, err);
        qd_bits_destroy(&seed);
        QD_TRY(st);
    }
    const bool key = s->cur.ell[QD_Z] + s->cur.ell[QD_X] > 0;
    s->phase = s->auth && key ? QD_PHASE_AUTH : QD_PHASE_CLOSE;
    return s->auth && key ? qd_station_send_tag(s, out, true, err) : qd_outbox_turn(out, err);
}

static qd_status on_tag(qd_station *s, const qd_msg *in, qd_error *err) {
    QD_TRY(qd_station_check_tag(s, in, err));
    s->phase = QD_PHASE_CLOSE;
    return qd_station_authenticated(s, err);
}

static qd_status on_reconcile(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    bool done = false;
    QD_TRY(qd_reconcile_alice_step(s->ra, in, out, &done, err));
    qd_station_spent(s, QD_STAGE_RECONCILE, t0, d0, 0);
    if (!done) return QD_OK;
    QD_TRY(take_result(s, err));
    if (s->at == QD_Z) {
        s->at = QD_X;
        return start_string(s, out, err);
    }
    return send_length(s, out, err);
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

static qd_status on_done(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    QD_TRY(qd_station_no_body(in, err));
    QD_TRY(qd_station_close(s, s->cur.counts.n[QD_Z] > 0, err));
    if (qd_station_block_size(s)) {
        s->phase = QD_PHASE_BASES;
        return in->last ? qd_wire_bad(in, "a full block without its bases", err) : QD_OK;
    }
    return in->last ? go_on(s, out, err) : qd_wire_bad(in, "bases announced before the block is full", err);
}

qd_status qd_alice_step(qd_station *s, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err) {
    if (!in) return s->announced || s->own_end ? qd_fail(err, QD_E_INTERNAL, "Alice was started twice") : begin(s, out, err);
    switch (s->phase) {
        case QD_PHASE_COLLECT:
            if (in->type == QD_MSG_PAIRS) return on_pairs(s, in, out, err);
            break;
        case QD_PHASE_BASES:
            if (in->type == QD_MSG_BASES_BOB && in->last) return on_bases(s, in, out, err);
            if (in->type == QD_MSG_DONE && in->last) return on_stop(s, in, out, done, err);
            break;
        case QD_PHASE_SAMPLE:
            if (in->type == QD_MSG_SAMPLE_BITS && in->last) return on_sample_bits(s, in, out, err);
            break;
        case QD_PHASE_RECONCILE:
            return on_reconcile(s, in, out, err);
        case QD_PHASE_AUTH:
            if (in->type == QD_MSG_AUTH && !in->last) return on_tag(s, in, err);
            break;
        case QD_PHASE_CLOSE:
            if (in->type == QD_MSG_DONE) return on_done(s, in, out, err);
            break;
        case QD_PHASE_OVER:
            if (in->type == QD_MSG_DONE && in->last) {
                *done = true;
                return qd_station_no_body(in, err);
            }
            break;
        default:
            break;
    }
    return qd_station_unexpected(s, in, err);
}
