/* SPDX-License-Identifier: Apache-2.0 */
/* Bob: finds Alice's clock on his own, pairs her announced times with his events, follows her through the block. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "station.h"

/* After this many slices without a lock the search is given up: memory would grow without end. */
enum { LOCK_SLICES = 128 };

/* What the search may be left with: a line that the frequency leaves by so much a second. Bob follows it from there. */
static const double max_drift_ppm_s = 0.1;

static qd_status no_memory(qd_error *err) { return qd_fail(err, QD_E_INTERNAL, "no memory for Bob's station"); }

/* ---- Alice's times ----------------------------------------------------------------------------------------------- */

static qd_status keep_times(qd_station *s, const qd_msg *in, qd_error *err) {
    qd_wire_times w;
    QD_TRY(qd_wire_times_get(in, s->theirs_base + s->theirs.n, s->last_step, &w, err));
    qd_status st = qd_tags_reserve(&s->theirs, s->theirs.n + w.count, err);
    if (st == QD_OK) st = qd_announced_ticks(w.t, w.count, s->p.tick, s->p.announce_ps, s->theirs.t + s->theirs.n, err);
    if (st == QD_OK) {
        if (w.count) memset(s->theirs.mask + s->theirs.n, 0, w.count); /* which detector it was is Alice's secret */
        if (w.count) s->last_step = w.t[w.count - 1];
        s->theirs.n += w.count;
        s->theirs_end = w.end;
    }
    free(w.t);
    return st;
}

static int64_t ps_to_ticks(const qd_station *s, double ps) {
    return (int64_t)(ps * (double)s->p.tick.den / (double)s->p.tick.num) + 1;
}

/* Displaced windows on each side. */
enum { DISPLACED = QD_DISPLACED_WINDOWS / 2 };
static int64_t displacement(const qd_station *s) { return qd_accidental_step(qd_window_reach(s->p.window_ps, s->p.tick), s->p.dead_ps, s->p.tick); }

/* Events this far apart have nothing to do with each other, displaced windows included. */
static int64_t context(const qd_station *s) { return DISPLACED * displacement(s) + 4 * ps_to_ticks(s, (double)s->p.window_ps); }

/* Before the clock is known: read own events until they cover every partner that Alice's announced events could have by the limits of the
 * search. */
static qd_status cover(qd_station *s, qd_error *err) {
    uint64_t fresh = 0;
    if (!s->theirs.n) return QD_OK;
    /* an offset is tA - tB at the first of B's events: the frequency moves it from there on */
    double tick_ps = (double)s->p.tick.num / (double)s->p.tick.den, rate = fabs(s->p.ppm) + s->p.max_ppm;
    for (;;) {
        int64_t last = s->theirs.t[s->theirs.n - 1], from = s->own.n && s->own.t[0] < s->theirs.t[0] ? s->own.t[0] : s->theirs.t[0];
        double drift_ps = rate * 1e-6 * (double)(last - from) * tick_ps;
        int64_t reach = last + context(s) + ps_to_ticks(s, (s->p.max_offset_s - s->p.offset_s) * 1e12 + drift_ps);
        if (s->own_end || (s->own.n && s->own.t[s->own.n - 1] >= reach)) return QD_OK;
        QD_TRY(qd_station_read(s, &fresh, err));
    }
}

/* ---- clock ------------------------------------------------------------------------------------------------------- */

static double seconds_of(const qd_tags *t) {
    return t->n ? (double)(t->t[t->n - 1] - t->t[0]) * (double)t->tick.num / (double)t->tick.den * 1e-12 : 0;
}

static qd_status find_clock(qd_station *s, qd_error *err) {
    bool last_chance = s->theirs_end || s->slices >= LOCK_SLICES;
    if (s->slices < s->next_try && !last_chance) return QD_OK;
    s->next_try = 2 * s->slices;
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    qd_station_search *now = &s->search;
    *now = (qd_station_search){.attempts = now->attempts + 1,
                               .params = {.max_offset_s = s->p.max_offset_s,
                                          .max_ppm = s->p.max_ppm,
                                          .offset_s = s->p.offset_s,
                                          .ppm = s->p.ppm,
                                          .p_false = s->p.p_false > 0 ? s->p.p_false : 1e-9,
                                          .effort = s->p.effort,
                                          .stop = s->p.stop,
                                          .max_drift_ppm_s = max_drift_ppm_s},
                               .events = {s->theirs.n, s->own.n},
                               .seconds = {seconds_of(&s->theirs), seconds_of(&s->own)}};
    qd_status st = qd_correlate(s->dev, &s->theirs, &s->own, &now->params, &s->clock, &now->report, err);
    qd_station_spent(s, QD_STAGE_SYNC, t0, d0, s->theirs.n + s->own.n);
    if (st == QD_E_POLICY && !last_chance) return QD_OK; /* longer data may do what this could not */
    QD_TRY(st);
    return qd_follow_create(&s->clock, qd_window_reach(s->p.window_ps, s->p.tick), false, &s->follow, err);
}

/* Alice's events that have seen all their rivals: the clock is known around them, and she announced the next ones. */
static uint64_t settled_upto(const qd_station *s, bool by_clock) {
    int64_t upto = s->theirs_end ? INT64_MAX : s->theirs.n ? s->theirs.t[s->theirs.n - 1] : INT64_MIN;
    if (by_clock && s->need.until < upto) upto = s->need.until;
    if (upto == INT64_MIN) return 0;
    return upto == INT64_MAX ? s->theirs.n : qd_tags_lower_bound(&s->theirs, upto - context(s));
}

/* Follow the clock as far as Alice's announced events allow, reading own events for it. */
static qd_status follow(qd_station *s, qd_error *err) {
    uint64_t fresh = 0;
    for (;;) {
        double t0 = qd_now();
        QD_TRY(qd_follow_advance(s->follow, &s->theirs, s->theirs_end, &s->own, s->own_end, &s->on_a, &s->need, err));
        s->totals.stage[QD_STAGE_SYNC].seconds += qd_now() - t0;
        bool wanted = !s->own.n || s->own.t[s->own.n - 1] < s->need.b;
        if (s->own_end || !wanted || settled_upto(s, true) == settled_upto(s, false)) break;
        QD_TRY(qd_station_read(s, &fresh, err));
    }
    s->totals.track = *qd_follow_about(s->follow);
    return QD_OK;
}

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

static void forget(qd_station *s, uint64_t settled) {
    if (!s->theirs.n || s->need.until == INT64_MIN) return;
    int64_t t = s->theirs.t[settled < s->theirs.n ? settled : s->theirs.n - 1], w = context(s), margin = qd_follow_margin(s->follow);
    if (s->need.until < t) t = s->need.until;
    t -= margin > w ? margin : w;
    uint64_t k = qd_tags_lower_bound(&s->theirs, t), own = qd_times_lower_bound(&s->on_a, t);
    memmove(s->theirs.t, s->theirs.t + k, (s->theirs.n - k) * sizeof *s->theirs.t);
    s->theirs.n -= k;
    s->theirs_base += k;
    qd_station_forget(s, s->own_base + own);
    qd_times_drop(&s->on_a, own);
}

/* Where Alice's announced time stands against the own, for the table that says what it tells of the bit. */
static qd_status note_times(qd_station *s, const qd_pairs *pairs, qd_error *err) {
    uint64_t step = s->p.announce_ps > s->p.window_ps / (QD_TIME_BINS - 4) ? s->p.announce_ps : s->p.window_ps / (QD_TIME_BINS - 4);
    int64_t width = ps_to_ticks(s, (double)step) - 1;
    if (width < 1) width = 1;
    uint64_t n = s->n_delta + pairs->n;
    if (n > s->cap_delta) {
        uint64_t cap = n + n / 2;
        int16_t *p = realloc(s->delta, cap * sizeof *p);
        if (!p) return no_memory(err);
        s->delta = p;
        s->cap_delta = cap;
    }
    for (uint64_t i = 0; i < pairs->n; i++) {
        int64_t d = s->theirs.t[pairs->a[i]] - s->on_a.t[pairs->b[i]];
        int64_t bin = (d + QD_TIME_BINS / 2 * width + width / 2) / width;
        s->delta[s->n_delta++] = (int16_t)(bin < 0 ? 0 : bin >= QD_TIME_BINS ? QD_TIME_BINS - 1 : bin);
    }
    return QD_OK;
}

/* The block's pairs of matched bases into the table, by the own bit; then they are no longer pending. */
static void tally_times(qd_station *s, const qd_bits *theirs) {
    for (uint64_t i = 0; i < theirs->n; i++) {
        unsigned basis = qd_bits_get(&s->basis, i);
        if (basis == qd_bits_get(theirs, i)) s->totals.times[basis][s->delta[i]][qd_bits_get(&s->value, i)]++;
    }
}

static void forget_times(qd_station *s, uint64_t n) {
    memmove(s->delta, s->delta + n, (s->n_delta - n) * sizeof *s->delta);
    s->n_delta -= n;
}

/* All that can be paired now. */
static qd_status pair_up(qd_station *s, qd_pairs *pairs, uint64_t from, uint64_t to, qd_error *err) {
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    qd_accidentals acc = {0};
    int64_t reach = qd_window_reach(s->p.window_ps, s->p.tick);
    const qd_tags *a = &s->theirs;
    const qd_times *b = &s->on_a;
    QD_TRY(qd_coincide_windows(s->dev, a->t, a->n, b->t, b->n, NULL, reach, displacement(s), DISPLACED, from, to, pairs, &acc, err));
    s->totals.accidentals += acc.mean;
    s->totals.accidentals_known = true;
    qd_station_spent(s, QD_STAGE_COINCIDE, t0, d0, to - from);
    return note_times(s, pairs, err);
}

/* The pairs' indices in the message count all announced events, in own bookkeeping all kept ones. */
static qd_status settle(qd_station *s, qd_pairs *pairs, uint64_t from, uint64_t to, qd_body *b, qd_error *err) {
    uint64_t base = s->theirs_base;
    for (uint64_t i = 0; i < pairs->n; i++) {
        pairs->a[i] += base;
        pairs->b[i] += s->own_base;
    }
    QD_TRY(qd_station_measure(s, pairs->b, pairs->n, err));
    s->totals.pairs += pairs->n;
    qd_wire_pairs w = {.settled = base + to, .count = pairs->n, .index = pairs->a};
    return qd_wire_pairs_put(b, base + from, &w, err);
}

/* Announce the bases of a full block, or hand the turn back. */
static qd_status end_turn(qd_station *s, qd_outbox *out, qd_error *err) {
    QD_TRY(qd_station_fast_forward(s, err));
    if (s->n_delta > s->basis.n) forget_times(s, s->n_delta - s->basis.n); /* finished before the run was stopped */
    uint64_t n = qd_station_block_size(s);
    if (!n) return qd_outbox_turn(out, err);
    if (!qd_station_may_begin(s)) {
        s->phase = QD_PHASE_OVER;
        return qd_outbox_send(out, QD_MSG_DONE, s->block, QD_BOB_TO_ALICE, true, NULL, 0, err);
    }
    qd_bits basis = {0};
    QD_TRY(qd_station_bases(s, n, &basis, err));
    qd_body b = {0};
    qd_wire_bits_put(&b, &basis);
    qd_bits_destroy(&basis);
    s->phase = QD_PHASE_BASES;
    return qd_station_send(s, out, QD_MSG_BASES_BOB, true, &b, err);
}

static qd_status on_parameters(qd_station *s, const qd_msg *in, qd_error *err) {
    QD_TRY(qd_wire_agreed_check(in, &s->p, err));
    s->agreed = true;
    return QD_OK;
}

static qd_status on_times(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    QD_TRY(keep_times(s, in, err));
    s->slices++;
    if (!s->follow) {
        QD_TRY(cover(s, err));
        QD_TRY(find_clock(s, err));
    }
    if (s->follow) QD_TRY(follow(s, err));
    qd_pairs pairs = {0};
    qd_body b = {0};
    uint64_t from = s->settled - s->theirs_base, to = s->follow ? settled_upto(s, true) : from;
    if (to < from) to = from;
    qd_status st = QD_OK;
    if (to > from) st = pair_up(s, &pairs, from, to, err);
    if (st == QD_OK) st = settle(s, &pairs, from, to, &b, err);
    if (st == QD_OK) {
        s->settled = s->theirs_base + to;
        s->settled_all = s->theirs_end && to == s->theirs.n;
        if (s->follow) forget(s, to);
        st = qd_station_send(s, out, QD_MSG_PAIRS, false, &b, err);
    }
    qd_body_free(&b);
    qd_pairs_destroy(&pairs);
    QD_TRY(st);
    return end_turn(s, out, err);
}

/* ---- the block --------------------------------------------------------------------------------------------------- */

static qd_status on_bases(qd_station *s, const qd_msg *in, qd_error *err) {
    qd_body b = qd_body_of(in);
    qd_bits theirs;
    QD_TRY(qd_wire_bits_get(&b, in, qd_station_block_size(s), &theirs, err));
    qd_status st = qd_body_end(&b, in, err);
    if (st == QD_OK) {
        tally_times(s, &theirs);
        forget_times(s, theirs.n);
        st = qd_station_sift(s, &theirs, err);
    }
    qd_bits_destroy(&theirs);
    s->phase = qd_station_needs_sample(s) ? QD_PHASE_SAMPLE : QD_PHASE_RECONCILE;
    s->at = QD_Z;
    return st;
}

static qd_status on_sample(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_body b = qd_body_of(in), reply = {0};
    qd_status st = QD_OK;
    for (int i = 0; i < 2 && st == QD_OK; i++) {
        uint64_t *pos = NULL, m = 0;
        qd_bits theirs = {0}, mine = {0};
        st = qd_wire_positions_get(&b, in, s->str[i].n, &pos, &m, err);
        if (st == QD_OK && m != qd_station_sample_size(s->str[i].n)) st = qd_wire_bad(in, "a sample of another size than agreed", err);
        if (st == QD_OK) st = qd_wire_bits_get(&b, in, m, &theirs, err);
        if (st == QD_OK) st = qd_station_take_sample(s, i, pos, m, &mine, err);
        if (st == QD_OK) {
            s->cur.sample_errors[i] = qd_bits_distance(&mine, &theirs);
            s->estimate[i] = (qd_estimate){m > 0, s->cur.sample_errors[i], m};
            qd_wire_bits_put(&reply, &mine);
        }
        free(pos);
        qd_bits_destroy(&theirs);
        qd_bits_destroy(&mine);
    }
    if (st == QD_OK) st = qd_body_end(&b, in, err);
    if (st != QD_OK) {
        qd_body_free(&reply);
        return st;
    }
    s->phase = QD_PHASE_RECONCILE;
    return qd_station_send(s, out, QD_MSG_SAMPLE_BITS, true, &reply, err);
}

/* The block is over for Bob: say so, and go on with the next one in the same turn. */
static qd_status close_block(qd_station *s, qd_outbox *out, qd_error *err) {
    QD_TRY(qd_outbox_send(out, QD_MSG_DONE, s->block, QD_BOB_TO_ALICE, false, NULL, 0, err));
    QD_TRY(qd_station_close(s, s->cur.counts.n[QD_Z] > 0, err));
    return end_turn(s, out, err);
}

static qd_status on_reject(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_body b = qd_body_of(in);
    uint8_t why = qd_body_get_u8(&b);
    QD_TRY(qd_body_end(&b, in, err));
    if (!in->last || why == QD_HOPELESS_NOT || why >= QD_HOPELESS_END) return qd_wire_bad(in, "a reason that there is not", err);
    qd_station_hopeless(s, (qd_hopeless)why);
    return close_block(s, out, err);
}

static qd_status on_reconcile(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    double t0 = qd_now(), d0 = qd_station_device_seconds(s);
    if (!s->rb) {
        if (in->type == QD_MSG_REJECT && s->at == QD_Z) return on_reject(s, in, out, err);
        qd_reconcile_params p = {.block = s->block, .basis = s->at, .errors = 0, .sample = 1, .eps_cor = s->p.eps_cor};
        QD_TRY(qd_reconcile_bob_create(&p, &s->str[s->at], s->dev, &s->rb, err));
    }
    bool done = false;
    QD_TRY(qd_reconcile_bob_step(s->rb, in, out, &done, err));
    qd_station_spent(s, QD_STAGE_RECONCILE, t0, d0, 0);
    if (!done) return QD_OK;
    const qd_reconcile_result *r = qd_reconcile_bob_result(s->rb);
    QD_TRY(qd_station_book(s, r, err));
    qd_reconcile_bob_destroy(s->rb);
    s->rb = NULL;
    if (s->at == QD_Z) s->at = QD_X;
    else s->phase = QD_PHASE_LENGTH;
    return QD_OK;
}

static qd_status on_length(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_body b = qd_body_of(in);
    uint64_t ell[2];
    for (int i = 0; i < 2; i++) ell[i] = qd_body_get_u64(&b);
    QD_TRY(qd_body_end(&b, in, err));
    for (int i = 0; i < 2; i++) {
        /* Integers both stations have: no bound leaves more than the string less what is charged for it. */
        uint64_t charged = qd_ledger_charged(&s->cur.ledger, i, 0), n = s->str[i].n;
        if (ell[i] && (s->cur.no_key[i] || charged > n || ell[i] > n - charged)) return qd_wire_bad(in, "a key longer than its string less what is charged", err);
        s->cur.ell[i] = ell[i];
    }
    bool none = ell[QD_Z] == 0 && ell[QD_X] == 0;
    if (none != (bool)in->last) return qd_wire_bad(in, "key lengths and hash seeds that do not belong together", err);
    if (none) {
        qd_station_reject(s, "Alice announced that the bound leaves no key");
        return close_block(s, out, err);
    }
    s->at = ell[QD_Z] ? QD_Z : QD_X;
    s->phase = QD_PHASE_SEEDS;
    return QD_OK;
}

static qd_status on_seed(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_body b = qd_body_of(in);
    int basis = qd_body_get_u8(&b);
    if (b.bad || basis != s->at || !s->cur.ell[basis]) return qd_wire_bad(in, "hash seed of the wrong string", err);
    qd_bits seed;
    QD_TRY(qd_wire_bits_get(&b, in, qd_toeplitz_seed_bits(QD_HASH_MODIFIED_TOEPLITZ, s->str[basis].n, s->cur.ell[basis]), &seed, err));
    qd_status st = qd_body_end(&b, in, err);
    if (st == QD_OK) st = qd_station_take_seed(s, in, &seed, err);
    if (st == QD_OK) st = qd_station_hash(s, basis, &seed, err);
    qd_bits_destroy(&seed);
    QD_TRY(st);
    bool more = basis == QD_Z && s->cur.ell[QD_X];
    if ((more || s->auth) == (bool)in->last) return qd_wire_bad(in, "turn handed over in the middle of the hash seeds", err);
    if (more) {
        s->at = QD_X;
        return QD_OK;
    }
    if (!s->auth) return close_block(s, out, err);
    s->phase = QD_PHASE_AUTH;
    return QD_OK;
}

/* Alice's tag is right: so is all that she and Bob said of this block, in the order in which he knows it. */
static qd_status on_tag(qd_station *s, const qd_msg *in, qd_outbox *out, qd_error *err) {
    QD_TRY(qd_station_check_tag(s, in, err));
    QD_TRY(qd_station_send_tag(s, out, false, err));
    QD_TRY(qd_station_authenticated(s, err));
    return close_block(s, out, err);
}

/* ---- the machine ------------------------------------------------------------------------------------------------- */

qd_status qd_bob_step(qd_station *s, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err) {
    if (!in) return qd_fail(err, QD_E_INTERNAL, "Bob has not the first turn");
    switch (s->phase) {
    case QD_PHASE_COLLECT:
        if (in->type == QD_MSG_PARAMETERS && !in->last && !s->agreed) return on_parameters(s, in, err);
        if (in->type == QD_MSG_TIMES && in->last && s->agreed && !s->theirs_end) return on_times(s, in, out, err);
        if (in->type == QD_MSG_DONE && in->last && s->settled_all) {
            QD_TRY(qd_station_no_body(in, err));
            *done = true;
            return qd_outbox_send(out, QD_MSG_DONE, s->block, QD_BOB_TO_ALICE, true, NULL, 0, err);
        }
        break;
    case QD_PHASE_BASES:
        if (in->type == QD_MSG_BASES_ALICE && !in->last) return on_bases(s, in, err);
        break;
    case QD_PHASE_SAMPLE:
        if (in->type == QD_MSG_SAMPLE && in->last) return on_sample(s, in, out, err);
        break;
    case QD_PHASE_RECONCILE:
        return on_reconcile(s, in, out, err);
    case QD_PHASE_LENGTH:
        if (in->type == QD_MSG_LENGTH) return on_length(s, in, out, err);
        break;
    case QD_PHASE_SEEDS:
        if (in->type == QD_MSG_HASH_SEED) return on_seed(s, in, out, err);
        break;
    case QD_PHASE_AUTH:
        if (in->type == QD_MSG_AUTH && in->last) return on_tag(s, in, out, err);
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
