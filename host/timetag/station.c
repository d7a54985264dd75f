/* SPDX-License-Identifier: Apache-2.0 */
/* What a station does to its events before anything leaves it: merge, dead-time rule, rounding. */
#include <inttypes.h>
#include "timetag/ticks.h"
#include "qdistill/timetag.h"

/* The least number of ticks that is not less than ps picoseconds. */
static int64_t ticks_of(uint64_t ps, qd_tick tick) {
    __int128 t = ((__int128)ps * (__int128)tick.den + (__int128)tick.num - 1) / (__int128)tick.num;
    return t > INT64_MAX ? INT64_MAX : (int64_t)t;
}

qd_status qd_merge_clicks(qd_merge *state, uint64_t merge_ps, bool last, qd_tags *tags, qd_error *err) {
    if (merge_ps == 0) return QD_OK;
    if (state->pending && last) QD_TRY(qd_tags_reserve(tags, tags->n + 1, err));
    const int64_t enough = ticks_of(merge_ps, tags->tick);
    uint64_t out = 0; /* never ahead of the event being read */
    for (uint64_t i = 0; i < tags->n; i++) {
        int64_t t = tags->t[i];
        uint8_t mask = tags->mask[i];
        if (state->pending && t - state->t < enough) {
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
    if (tags->n == 0) return;
    const int64_t enough = ticks_of(dead_ps, tags->tick);
    int64_t last = state->last;
    uint64_t out = 0, first = state->any ? 0 : 1; /* the first event of all has none before it */
    if (first) last = tags->t[out++];
    for (uint64_t i = first; i < tags->n; i++) { /* without a branch: the event after one that is dropped overwrites it */
        int64_t t = tags->t[i];
        tags->t[out] = t;
        tags->mask[out] = tags->mask[i];
        out += t - last >= enough;
        last = t;
    }
    state->any = true;
    state->last = last;
    state->dropped += tags->n - out;
    tags->n = out;
}

static uint64_t common(uint64_t x, uint64_t y) {
    while (y) {
        uint64_t rest = x % y;
        x = y;
        y = rest;
    }
    return x;
}

/* The same for n > 0 times, where no product leaves 64 bits. Divisors that are powers of two are common: shifts. */
static bool scale_small(const int64_t *in, uint64_t n, uint64_t num, uint64_t den, int64_t *out) {
    uint64_t bits = 0;
    for (uint64_t i = 0; i < n; i++) bits |= (uint64_t)(in[i] ^ in[i] >> 63);
    if ((__int128)(bits + 1) * 2 * (__int128)num + (__int128)den > INT64_MAX) return false;
    const int64_t factor = 2 * (int64_t)num, half = (int64_t)den, divisor = 2 * (int64_t)den;
    if ((den & (den - 1)) == 0) {
        const int shift = __builtin_ctzll((uint64_t)divisor);
        for (uint64_t i = 0; i < n; i++) out[i] = (in[i] * factor + half) >> shift;
        return true;
    }
    for (uint64_t i = 0; i < n; i++) {
        int64_t x = in[i] * factor + half, q = x / divisor;
        out[i] = q - (x % divisor < 0);
    }
    return true;
}

/* out = round(in num / den), halves up; both below 2^62. */
static qd_status scale(const int64_t *in, uint64_t n, uint64_t p, uint64_t q, int64_t *out, qd_error *err) {
    const uint64_t both = common(p, q);
    if (n && scale_small(in, n, p / both, q / both, out)) return QD_OK;
    const __int128 num = p, den = q;
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
    return scale(t, n, tick.num, tick.den * announce_ps, out, err);
}

qd_status qd_announced_ticks(const int64_t *u, uint64_t n, qd_tick tick, uint64_t announce_ps, int64_t *out, qd_error *err) {
    QD_TRY(check_unit(tick, announce_ps, err));
    return scale(u, n, tick.den * announce_ps, tick.num, out, err);
}
