/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls: checks, device or reference, displaced windows. */
#include <inttypes.h>
#include "timetag/coincide.h"
#include "timetag/ticks.h"

int64_t qd_window_reach(uint64_t window_ps, qd_tick tick) {
    if (window_ps == 0) return -1;
    return (int64_t)(((__int128)window_ps * (__int128)tick.den - 1) / (2 * (__int128)tick.num));
}

static qd_status check(const qd_coincide_case *c, qd_error *err) {
    if (c->from > c->to || c->to > c->na)
        return qd_fail(err, QD_E_USAGE, "coincidences of events %" PRIu64 " to %" PRIu64 " of %" PRIu64, c->from, c->to, c->na);
    if (c->reach > QD_COINCIDE_REACH_MAX)
        return qd_fail(err, QD_E_USAGE,
                       "coincidence window of +-%" PRId64
                       " ticks||windows are below 2^30 ticks (2 to 130 ms)|"
                       "give a window of a few jitters",
                       c->reach);
    const qd_clock *k = &c->clock;
    const int64_t far = (int64_t)1 << 54, most = (int64_t)1 << 61;
    bool bad = k->freq >= (int64_t)1 << 32 || k->freq <= -((int64_t)1 << 32) || k->offset > most || k->offset < -most;
    /* The base can be anywhere in int64: compare without a difference that could overflow. */
    if (c->nb) {
        __int128 first = (__int128)c->b[0] - k->base, last = (__int128)c->b[c->nb - 1] - k->base;
        bad |= first <= -far || last >= far || first >= far || last <= -far || c->b[0] < -most || c->b[c->nb - 1] > most;
    }
    if (c->na) bad |= c->a[0] < -most || c->a[c->na - 1] > most;
    if (bad)
        return qd_fail(err, QD_E_USAGE,
                       "times or clock out of range||a clock holds within 2^54 ticks of its base and 244 ppm|"
                       "recover the clock on this recording");
    return QD_OK;
}

qd_status qd_coincide_windows(qd_device *dev, const int64_t *a, uint64_t na, const int64_t *b, uint64_t nb, const qd_clock *clock,
                              int64_t reach, int64_t step, unsigned each, uint64_t a_from, uint64_t a_to, qd_pairs *pairs,
                              qd_accidentals *out, qd_error *err) {
    *out = (qd_accidentals){0};
    if (each && (step <= 0 || step >> 40 || each > QD_COINCIDE_EACH_MAX))
        return qd_fail(err, QD_E_USAGE, "%u displaced windows at steps of %" PRId64 " ticks||a step is 1 to 2^40 ticks, %d windows at most",
                       each, step, QD_COINCIDE_EACH_MAX);
    qd_coincide_case c = {.a = a, .b = b, .na = na, .nb = nb, .clock = clock ? *clock : (qd_clock){0}, .reach = reach,
                          .step = step, .each = each, .from = a_from, .to = a_to};
    if (!clock && nb) c.clock.base = b[0];
    QD_TRY(check(&c, err));
    qd_accidentals sum = {.windows = 2 * (uint64_t)each};
    uint64_t in_window[2 * QD_COINCIDE_EACH_MAX] = {0};
    if (reach >= 0 && a_from < a_to && nb)
        QD_TRY(dev ? qd_coincide_cl(&c, dev, pairs, in_window, err) : qd_coincide_ref(&c, pairs, in_window, err));
    for (uint64_t w = 0; w < sum.windows; w++) {
        sum.sum += in_window[w];
        sum.sum2 += in_window[w] * in_window[w];
    }
    double n = (double)sum.windows, s = (double)sum.sum;
    sum.mean = n > 0 ? s / n : 0;
    sum.variance = n > 1 ? ((double)sum.sum2 - s * s / n) / (n - 1) : 0;
    *out = sum;
    return QD_OK;
}

qd_status qd_coincide(qd_device *dev, const int64_t *a, uint64_t na, const int64_t *b, uint64_t nb, const qd_clock *clock,
                      int64_t reach, uint64_t a_from, uint64_t a_to, qd_pairs *pairs, qd_error *err) {
    qd_accidentals none;
    return qd_coincide_windows(dev, a, na, b, nb, clock, reach, 0, 0, a_from, a_to, pairs, &none, err);
}

qd_status qd_coincide_accidentals(qd_device *dev, const int64_t *a, uint64_t na, const int64_t *b, uint64_t nb,
                                  const qd_clock *clock, int64_t reach, int64_t step, unsigned each, uint64_t a_from,
                                  uint64_t a_to, qd_accidentals *out, qd_error *err) {
    qd_pairs pairs = {0};
    qd_status st = qd_coincide_windows(dev, a, na, b, nb, clock, reach, step, each, a_from, a_to, &pairs, out, err);
    qd_pairs_destroy(&pairs);
    return st;
}
