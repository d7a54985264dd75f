/* SPDX-License-Identifier: Apache-2.0 */
#include "station.h"

#include <stdlib.h>
#include <string.h>

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for a station");
}

double qd_station_device_seconds(const qd_station *s) {
    if (!s->dev) return 0;
    qd_device_time t = qd_device_time_read(s->dev);
    return t.kernel_seconds + t.upload_seconds + t.download_seconds;
}

void qd_station_spent(qd_station *s, qd_stage stage, double t0, double d0, uint64_t items) {
    s->totals.stage[stage].seconds += qd_now() - t0;
    s->totals.stage[stage].device_seconds += qd_station_device_seconds(s) - d0;
    s->totals.stage[stage].items += items;
}

const char *qd_stage_name(qd_stage stage) {
    static const char *const names[QD_STAGES] = {"source", "sync", "coincide", "sift", "reconcile", "estimate", "amplify", "authenticate"};
    return (unsigned)stage < QD_STAGES ? names[stage] : "unknown";
}

qd_status qd_station_create(qd_direction role, const qd_station_params *params, qd_source source, qd_device *dev,
                            qd_station **out, qd_error *err) {
    qd_station *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return no_memory(err);
    s->role = role;
    s->p = *params;
    s->source = source;
    s->dev = dev;
    s->own.tick = s->theirs.tick = params->tick;
    s->last_step = INT64_MIN / 4;
    s->next_try = 1;
    s->need.until = INT64_MIN;
    for (int b = 0; b < 2; b++) {
        s->last[b] = (qd_estimate){params->start_n[b] > 0, params->start_errors[b], params->start_n[b]};
        s->estimate[b] = s->last[b];
        if (!params->start_n[QD_Z]) s->estimate[b].known = false; /* as at the close of such a block: nothing of it was verified */
        s->before[b] = (qd_estimate){params->before_n[b] > 0, params->before_errors[b], params->before_n[b]};
    }
    qd_status st = qd_station_open_auth(s, err);
    if (st == QD_OK)
        *out = s;
    else
        qd_station_destroy(s);
    return st;
}

void qd_block_destroy(qd_block *b) {
    if (!b) return;
    qd_bits_destroy(&b->key);
    for (int i = 0; i < 2; i++) {
        qd_bits_destroy(&b->raw[i]);
        qd_bits_destroy(&b->outcome[i]);
    }
    json_decref(b->terms);
    *b = (qd_block){0};
}

void qd_station_destroy(qd_station *s) {
    if (!s) return;
    qd_tags_destroy(&s->own);
    qd_tags_destroy(&s->theirs);
    qd_tags_destroy(&s->held);
    free(s->delta);
    free(s->on_a.t);
    qd_follow_destroy(s->follow);
    qd_bits_destroy(&s->basis);
    qd_bits_destroy(&s->value);
    for (int i = 0; i < 2; i++) {
        qd_bits_destroy(&s->str[i]);
        qd_bits_destroy(&s->sample[i]);
    }
    qd_block_destroy(&s->cur);
    for (size_t i = 0; i < s->n_done; i++) qd_block_destroy(&s->done_blocks[i]);
    free(s->done_blocks);
    qd_reconcile_alice_destroy(s->ra);
    qd_reconcile_bob_destroy(s->rb);
    qd_auth_destroy(s->auth);
    free(s->seeds);
    free(s);
}

qd_status qd_station_step(qd_station *s, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err) {
    *done = false;
    if (s->broken)
        return in ? qd_station_unexpected(s, in, err) : qd_fail(err, QD_E_INTERNAL, "a station was stepped after its end");
    qd_status st;
    if (in && in->from == (uint8_t)s->role)
        st = qd_wire_bad(in, "a station's own message came back to it", err);
    else if (in && in->block != s->block)
        st = qd_wire_bad(in, "another block's number", err);
    else {
        s->seen = out->n - out->head;
        if (s->auth && in && in->type != QD_MSG_AUTH) qd_station_absorb(s, in); /* a tag goes in once it is checked */
        st = s->role == QD_ALICE_TO_BOB ? qd_alice_step(s, in, out, done, err) : qd_bob_step(s, in, out, done, err);
        if (st == QD_OK) qd_station_hash_sent(s, out);
    }
    s->broken = st != QD_OK || *done; /* what a refused message changed must not be built on */
    return st;
}

qd_status qd_station_send(const qd_station *s, qd_outbox *out, uint32_t type, bool last, qd_body *b, qd_error *err) {
    qd_status st = b->bad ? no_memory(err) : qd_outbox_send(out, type, s->block, s->role, last, b->p, b->n, err);
    qd_body_free(b);
    return st;
}

qd_status qd_station_no_body(const qd_msg *m, qd_error *err) {
    return m->bytes ? qd_wire_bad(m, "a body where none belongs", err) : QD_OK;
}

qd_status qd_station_unexpected(const qd_station *s, const qd_msg *m, qd_error *err) {
    return qd_fail(err, QD_E_INPUT,
                   "message '%s' of block %u came out of order to %s||the other station runs another version, or messages were "
                   "lost, replayed or inserted|stop and compare both stations' versions",
                   qd_msg_name(m->type), m->block, s->role ? "Bob" : "Alice");
}

bool qd_station_take_block(qd_station *s, qd_block *b) {
    if (!s->n_done) return false;
    *b = s->done_blocks[0];
    s->n_done--;
    memmove(s->done_blocks, s->done_blocks + 1, s->n_done * sizeof *s->done_blocks);
    return true;
}

const qd_station_totals *qd_station_about(const qd_station *s) {
    return &s->totals;
}
const qd_clock *qd_station_clock(const qd_station *s) {
    return &s->clock;
}
const qd_station_search *qd_station_searched(const qd_station *s) {
    return &s->search;
}

qd_random qd_station_random(const qd_station *s, uint32_t stream, int basis) {
    return (qd_random){
        .rehearsal = s->p.rehearsal, .seed = s->p.seed, .stream = stream, .entity = (uint64_t)s->block * 2 + (unsigned)basis};
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

/* Take each detector's delay off, so that a time does not tell which one it was. Events of several detectors keep the least of
 * their delays. Then order is restored; what an event still to come may overtake waits. */
static qd_status remove_skew(qd_station *s, qd_tags *raw, qd_error *err) {
    uint64_t most = 0;
    int64_t ticks[4], last = raw->n ? raw->t[raw->n - 1] : INT64_MIN;
    for (int d = 0; d < 4; d++) {
        ticks[d] = (int64_t)((s->p.skew_ps[d] * s->p.tick.den + s->p.tick.num / 2) / s->p.tick.num);
        if ((uint64_t)ticks[d] > most) most = (uint64_t)ticks[d];
    }
    if (!most) return QD_OK;
    for (uint64_t i = 0; i < raw->n; i++) {
        int64_t delay = INT64_MAX;
        for (int d = 0; d < 4; d++)
            if (raw->mask[i] >> d & 1 && ticks[d] < delay) delay = ticks[d];
        raw->t[i] -= delay;
    }
    uint64_t n = s->held.n + raw->n;
    s->held.tick = raw->tick;
    QD_TRY(qd_tags_reserve(&s->held, n, err));
    for (uint64_t i = 0; i < raw->n; i++) { /* only neighbours within the largest delay change places */
        uint64_t at = s->held.n++;
        for (; at > 0 && s->held.t[at - 1] > raw->t[i]; at--) {
            s->held.t[at] = s->held.t[at - 1];
            s->held.mask[at] = s->held.mask[at - 1];
        }
        s->held.t[at] = raw->t[i];
        s->held.mask[at] = raw->mask[i];
    }
    uint64_t ready = s->own_end ? n : raw->n ? qd_tags_lower_bound(&s->held, last - (int64_t)most) : 0;
    QD_TRY(qd_tags_reserve(raw, ready, err));
    raw->n = ready;
    if (ready) {
        memcpy(raw->t, s->held.t, ready * sizeof *raw->t);
        memcpy(raw->mask, s->held.mask, ready);
        memmove(s->held.t, s->held.t + ready, (n - ready) * sizeof *raw->t);
        memmove(s->held.mask, s->held.mask + ready, n - ready);
        qd_wipe(s->held.mask + (n - ready), ready); /* they are key bits */
        s->held.n = n - ready;
    }
    return QD_OK;
}

qd_status qd_station_read(qd_station *s, uint64_t *fresh, qd_error *err) {
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    qd_tags raw = {.tick = s->p.tick};
    qd_status st = s->source.read(s->source.self, &raw, &s->own_end, err);
    s->own_fault = st != QD_OK;
    uint64_t n = raw.n;
    if (st == QD_OK) {
        qd_dead_filter(&s->dead, s->p.dead_ps, &raw); /* as the detectors saw them: dead time knows no skew */
        st = remove_skew(s, &raw, err);
    }
    if (st == QD_OK) {
        qd_sift_singles_add(s->totals.singles, raw.mask, raw.n);
        st = qd_tags_reserve(&s->own, s->own.n + raw.n, err);
    }
    if (st == QD_OK && raw.n) {
        memcpy(s->own.t + s->own.n, raw.t, raw.n * sizeof *raw.t);
        memcpy(s->own.mask + s->own.n, raw.mask, raw.n);
        s->own.n += raw.n;
    }
    *fresh = raw.n;
    s->totals.tags += n;
    s->totals.kept += raw.n;
    s->totals.dead_dropped = s->dead.dropped;
    qd_tags_destroy(&raw);
    qd_station_spent(s, QD_STAGE_SOURCE, t0, d0, n);
    return st;
}

void qd_station_forget(qd_station *s, uint64_t upto) {
    if (upto <= s->own_base || !s->own.n) return;
    uint64_t k = upto - s->own_base;
    if (k > s->own.n) k = s->own.n;
    memmove(s->own.t, s->own.t + k, (s->own.n - k) * sizeof *s->own.t);
    memmove(s->own.mask, s->own.mask + k, (s->own.n - k) * sizeof *s->own.mask);
    qd_wipe(s->own.mask + (s->own.n - k), k); /* they are key bits */
    s->own.n -= k;
    s->own_base += k;
}

qd_status qd_station_measure(qd_station *s, const uint64_t *index, uint64_t n, qd_error *err) {
    if (!n) return QD_OK;
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    qd_status st = QD_OK;
    qd_bits basis = {0}, value = {0};
    qd_sift_counts counts;
    uint8_t *event = qd_secret_alloc(n);
    if (!event) return no_memory(err);
    for (uint64_t i = 0; i < n; i++) event[i] = s->own.mask[index[i] - s->own_base];
    qd_random r = {
        .rehearsal = s->p.rehearsal, .seed = s->p.seed, .stream = s->role ? QD_STREAM_MULTI_BOB : QD_STREAM_MULTI_ALICE};
    qd_sift_coins(&r, event, index, n, event);
    QD_TRY_OUT(st, qd_sift_measure(s->dev, s->role ? QD_BOB : QD_ALICE, s->p.correlation_same ? QD_SAME : QD_ANTI, event, n,
                                   &basis, &value, &counts, err));
    QD_TRY_OUT(st, qd_bits_append(&s->basis, &basis, err));
    QD_TRY_OUT(st, qd_bits_append(&s->value, &value, err));
    for (int b = 0; b < 2; b++)
        for (int m = 0; m < 16; m++) s->totals.classes.mask[b][m] += counts.mask[b][m];
    qd_station_spent(s, QD_STAGE_SIFT, t0, d0, n);
out:
    s->own_fault = st != QD_OK; /* of its own events, not of a message */
    qd_bits_destroy(&basis);
    qd_bits_destroy(&value);
    qd_secret_free(event);
    return st;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

uint64_t qd_station_block_size(const qd_station *s) {
    if (s->basis.n >= s->p.block_coincidences) return s->p.block_coincidences;
    return s->settled_all ? s->basis.n : 0;
}

/* Drop the first n pending pairs. */
static qd_status drop_pairs(qd_station *s, uint64_t n, qd_error *err) {
    qd_bits *b[2] = {&s->basis, &s->value};
    for (int i = 0; i < 2; i++) {
        qd_bits rest;
        QD_TRY(qd_bits_slice(&rest, b[i], n, b[i]->n - n, err));
        qd_bits_destroy(b[i]);
        *b[i] = rest;
    }
    return QD_OK;
}

qd_status qd_station_fast_forward(qd_station *s, qd_error *err) {
    uint64_t n;
    while (s->block < s->p.first_block + (s->p.abandon_first ? 1u : 0u) && (n = qd_station_block_size(s)) > 0) {
        QD_TRY(drop_pairs(s, n, err));
        if (s->block == s->p.first_block) {
            s->cur.abandoned = true;
            s->cur.coincidences = n;
            qd_station_reject(s, "interrupted after its bases were announced");
            QD_TRY(qd_station_close(s, false, err));
        } else {
            s->block++;
        }
    }
    return QD_OK;
}

qd_status qd_station_bases(const qd_station *s, uint64_t n, qd_bits *basis, qd_error *err) {
    return qd_bits_slice(basis, &s->basis, 0, n, err);
}

qd_status qd_station_sift(qd_station *s, const qd_bits *their_basis, qd_error *err) {
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    uint64_t n = their_basis->n;
    qd_bits basis = {0}, value = {0};
    qd_status st;
    QD_TRY_OUT(st, qd_bits_slice(&basis, &s->basis, 0, n, err));
    QD_TRY_OUT(st, qd_bits_slice(&value, &s->value, 0, n, err));
    QD_TRY_OUT(st, drop_pairs(s, n, err));
    for (int i = 0; i < 2; i++) qd_bits_destroy(&s->str[i]);
    QD_TRY_OUT(st, qd_sift_select(s->dev, &basis, their_basis, &value, &s->str[QD_Z], &s->str[QD_X], err));
    s->cur.coincidences = n;
    for (int i = 0; i < 2; i++) s->cur.sifted[i] = s->str[i].n;
    qd_station_spent(s, QD_STAGE_SIFT, t0, d0, 0);
    if (s->p.rehearsal && s->p.keep_outcomes) {
        s->cur.outcome[0] = basis;
        s->cur.outcome[1] = value;
        return QD_OK;
    }
out:
    qd_bits_destroy(&basis);
    qd_bits_destroy(&value);
    return st;
}

uint64_t qd_station_sample_size(uint64_t n) {
    return n / 8 < 16384 ? n / 8 : 16384;
}

qd_status qd_station_take_sample(qd_station *s, int basis, const uint64_t *pos, uint64_t n, qd_bits *out, qd_error *err) {
    qd_bits *str = &s->str[basis], rest;
    QD_TRY(qd_bits_create(out, n, err));
    qd_status st = qd_bits_create(&rest, str->n - n, err);
    if (st != QD_OK) {
        qd_bits_destroy(out);
        return st;
    }
    uint64_t k = 0, at = 0;
    for (uint64_t i = 0; i < str->n; i++) {
        if (k < n && pos[k] == i)
            qd_bits_set(out, k++, qd_bits_get(str, i));
        else
            qd_bits_set(&rest, at++, qd_bits_get(str, i));
    }
    qd_bits_destroy(str);
    *str = rest;
    s->cur.sampled[basis] = n;
    return QD_OK;
}

bool qd_station_needs_sample(const qd_station *s) {
    return !s->p.blind && (!s->estimate[QD_Z].known || !s->estimate[QD_X].known);
}

void qd_station_reject(qd_station *s, const char *why) {
    s->cur.rejected = true;
    snprintf(s->cur.reason, sizeof s->cur.reason, "%s", why);
}

void qd_station_hopeless(qd_station *s, qd_hopeless why) {
    char text[sizeof s->cur.reason];
    const unsigned long long n[2] = {s->str[QD_Z].n, s->str[QD_X].n};
    double percent[2];
    for (int i = 0; i < 2; i++) {
        percent[i] = s->estimate[i].n ? 100 * (double)s->estimate[i].errors / (double)s->estimate[i].n : 0;
        if (s->cur.sampled[i]) s->cur.sample_qber = true;
    }
    if (why == QD_HOPELESS_FRAME)
        snprintf(text, sizeof text, "too few sifted bits for a frame: %llu in z, %llu in x", n[QD_Z], n[QD_X]);
    else if (why == QD_HOPELESS_SHORT)
        snprintf(text, sizeof text, "too few sifted bits for a key at QBER %.2f %% (z), %.2f %% (x): %llu in z, %llu in x",
                 percent[QD_Z], percent[QD_X], n[QD_Z], n[QD_X]);
    else
        snprintf(text, sizeof text, "QBER %.2f %% (z), %.2f %% (x): more than the code and the bound can turn into key; %s", percent[QD_Z],
                 percent[QD_X],
                 s->p.code == QD_CODE_CASCADE ? "Cascade, charged for both sides, ends below 6 %, code: auto goes on" : "treat it as an eavesdropper");
    qd_station_reject(s, text);
}

qd_status qd_station_close(qd_station *s, bool verified, qd_error *err) {
    if (s->n_done == s->cap_done) {
        size_t cap = s->cap_done ? 2 * s->cap_done : 4;
        qd_block *p = realloc(s->done_blocks, cap * sizeof *p);
        if (!p) return no_memory(err);
        s->done_blocks = p;
        s->cap_done = cap;
    }
    for (int b = 0; b < 2; b++) {
        s->estimate[b] = (qd_estimate){verified, s->cur.counts.errors[b], s->cur.counts.n[b]};
        if (!s->cur.counts.n[b]) s->estimate[b].known = false;
        s->before[b] = s->last[b];
        s->last[b] = (qd_estimate){s->cur.counts.n[b] > 0, s->cur.counts.errors[b], s->cur.counts.n[b]};
        /* What the truth of a rejected block is printed from; a real block's strings are wiped at once. */
        if (s->p.rehearsal && s->cur.rejected) {
            s->cur.raw[b] = s->str[b];
            s->str[b] = (qd_bits){0};
        }
        qd_bits_destroy(&s->str[b]);
        qd_bits_destroy(&s->sample[b]);
    }
    s->cur.block = s->block;
    s->done_blocks[s->n_done++] = s->cur;
    s->cur = (qd_block){0};
    s->block++;
    s->phase = QD_PHASE_COLLECT;
    return QD_OK;
}

/* ---- from strings to key ----------------------------------------------------------------------------------------- */

qd_status qd_station_book(qd_station *s, const qd_reconcile_result *r, qd_error *err) {
    int b = s->at;
    qd_block *c = &s->cur;
    QD_TRY(qd_reconcile_charge(r, b, &c->ledger, err));
    c->counts.n[b] = r->n;
    c->counts.errors[b] = r->errors;
    c->dropped[b] = r->dropped;
    c->frames += r->frames;
    c->frames_failed += r->frames_failed;
    c->code_bits += r->code_bits;
    c->tag_bits += (uint64_t)r->tag_bits * r->tags + r->frame_tags * 64; /* a frame's tag has 64 bits */
    c->iterations += r->iterations;
    c->rounds[b] = r->rounds;
    c->added_rounds[b] = r->added_rounds;
    c->added_bits[b] = r->added_bits;
    for (int i = 0; i < 2; i++) c->message_bytes[i] += r->bytes[i];
    c->no_key[b] = r->reject;
    qd_bits kept = {0};
    if (r->key) QD_TRY(qd_bits_slice(&kept, r->key, 0, r->key->n, err));
    qd_bits_destroy(&s->str[b]);
    s->str[b] = kept;
    return QD_OK;
}

qd_status qd_station_hash(qd_station *s, int basis, const qd_bits *seed, qd_error *err) {
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    qd_bits y = {0};
    QD_TRY(qd_toeplitz(s->dev, QD_HASH_MODIFIED_TOEPLITZ, &s->str[basis], s->cur.ell[basis], seed, &y, err));
    qd_status st = qd_bits_append(&s->cur.key, &y, err);
    qd_bits_destroy(&y);
    qd_station_spent(s, QD_STAGE_AMPLIFY, t0, d0, s->str[basis].n);
    return st;
}
