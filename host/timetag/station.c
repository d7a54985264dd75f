/* SPDX-License-Identifier: Apache-2.0 */
/* What a station does to its events before anything leaves it: merge, dead-time rule, rounding. */
#include <inttypes.h>
#include "timetag/ticks.h"
#include "qdistill/timetag.h"

/* a ticks < ps picoseconds, exact. */
static bool shorter(int64_t a, qd_tick tick, uint64_t ps) {
    return (__int128)a * (__int128)tick.num < (__int128)ps * (__int128)tick.den;
}

qd_status qd_merge_clicks(qd_merge *state, uint64_t merge_ps, bool last, qd_tags *tags, qd_error *err) {
    if (merge_ps == 0) return QD_OK;
    if (state->pending && last) QD_TRY(qd_tags_reserve(tags, tags->n + 1, err));
    uint64_t out = 0; /* never ahead of the event being read */
    for (uint64_t i = 0; i < tags->n; i++) {
        int64_t t = tags->t[i];
        uint8_t mask = tags->mask[i];
        if (state->pending && shorter(t - state->t, tags->tick, merge_ps)) {
            state->mask |= mask;
            state->merged++;
            continue;
        }
        if (state->pending) {
            tags->t[out] = state->t;
            tags->mask[out++] = state->mask;
        }
        state->pending = true;
        state->t = t;
        state->mask = mask;
    }
    if (last && state->pending) {
        tags->t[out] = state->t;
        tags->mask[out++] = state->mask;
        state->pending = false;
    }
    tags->n = out;
    return QD_OK;
}

void qd_dead_filter(qd_dead *state, uint64_t dead_ps, qd_tags *tags) {
    uint64_t out = 0;
    for (uint64_t i = 0; i < tags->n; i++) {
        int64_t t = tags->t[i];
        bool drop = state->any && shorter(t - state->last, tags->tick, dead_ps);
        state->any = true;
        state->last = t;
        if (drop) {
            state->dropped++;
        } else {
            tags->t[out] = t;
            tags->mask[out++] = tags->mask[i];
        }
    }
    tags->n = out;
}

/* out = round(in num / den), halves up. */
static qd_status scale(const int64_t *in, uint64_t n, __int128 num, __int128 den, int64_t *out, qd_error *err) {
    for (uint64_t i = 0; i < n; i++) {
        __int128 x = qd_floor_div(2 * (__int128)in[i] * num + den, 2 * den);
        if (x > INT64_MAX || x < INT64_MIN)
            return qd_fail(err, QD_E_USAGE, "time %" PRId64 " leaves 64 bits in the new unit", in[i]);
        out[i] = (int64_t)x;
    }
    return QD_OK;
}

/* Products of three factors stay below 2^126 when both sides of a tick and the announced unit are below 2^31. */
static qd_status check_unit(qd_tick tick, uint64_t announce_ps, qd_error *err) {
    if (announce_ps == 0 || announce_ps >> 31 || tick.num == 0 || tick.den == 0 || tick.num >> 31 || tick.den >> 31)
        return qd_fail(err, QD_E_USAGE, "announced unit of %" PRIu64 " ps||it must be from 1 ps to 2 ms|use 125", announce_ps);
    return QD_OK;
}

qd_status qd_announce(const int64_t *t, uint64_t n, qd_tick tick, uint64_t announce_ps, int64_t *out, qd_error *err) {
    QD_TRY(check_unit(tick, announce_ps, err));
    return scale(t, n, (__int128)tick.num, (__int128)tick.den * announce_ps, out, err);
}

qd_status qd_announced_ticks(const int64_t *u, uint64_t n, qd_tick tick, uint64_t announce_ps, int64_t *out, qd_error *err) {
    QD_TRY(check_unit(tick, announce_ps, err));
    return scale(u, n, (__int128)tick.den * announce_ps, (__int128)tick.num, out, err);
}
