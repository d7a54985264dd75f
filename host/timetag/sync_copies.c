/* SPDX-License-Identifier: Apache-2.0 */
/* A clock was found; whether there is another one, as far from it as the search goes. A stage that locks a bright link is coarse, and a
 * second peak of the same height may be lost in its noise. Once the frequency is known no slopes need be searched, and bins may be
 * fine: a copy of the recording runs as fast as its original. */
#include <math.h>
#include <stdlib.h>
#include "timetag/sync.h"

enum { LEAVES = 32, GROUP = 16, REFERENCE_LEAVES = 8, LOOKS = 4 };
static const double most_work = 0x1p26; /* a fifth of a second */
static const double log_chance = -4.6; /* ln .01: what stands out no more is not worth a look, which costs as much as the stage */

/* Offsets as far from the clock as any of the search's; bins as fine as work and the peak's height in a leaf allow. */
static bool plan(const qd_strip *used, const qd_search *search, const qd_clock *clock, double pairs, bool reference, qd_stage *st) {
    qd_search at = *search;
    at.prior = *clock;
    at.max_rate = 0;
    at.max_offset += llabs(clock->offset - search->prior.offset);
    for (uint32_t group = reference ? 1 : GROUP; group > 0; group /= 2)
        if (!qd_stage_plan(used, &at, reference ? REFERENCE_LEAVES : LEAVES, group, st)) return false;
        else if (st->work <= most_work && qd_stage_holds(st, pairs)) return true;
    return false;
}

/* The clock's own line: the stage counts lags from it. */
static bool own(const qd_stage *st, const qd_peak *p) {
    return llabs(p->lag) <= 2 + (int64_t)st->leaves / 2;
}

static qd_status judge(const qd_stage *st, const qd_strip *all, const qd_strip *kept, const qd_search *search, const qd_sync_params *p,
                       double *tried, qd_sync_report *r, qd_error *err) {
    double excess = 0;
    for (uint32_t i = 0; i < st->n_peaks; i++)
        if (own(st, &st->peak[i]) && st->peak[i].excess > excess) excess = st->peak[i].excess;
    if (excess <= 0) return QD_OK;
    for (uint32_t i = 0, looks = 0; i < st->n_peaks && looks < LOOKS; i++) {
        const qd_peak *peak = &st->peak[i];
        if (own(st, peak) || peak->excess < qd_satellite * excess || qd_peak_log(st, peak) > log_chance) continue;
        looks++;
        qd_sync_report other = *r;
        qd_clock clock;
        qd_status s = qd_try_peak(st, peak, all, kept, search, p, tried, &clock, &other, NULL);
        if (s == QD_OK && qd_clocks_apart(&other, r) > 10 * (other.sigma_ps + r->sigma_ps))
            return qd_two_candidates((double)other.pairs / (double)r->pairs, r, err);
        if (s != QD_OK && s != QD_E_POLICY) return qd_fail(err, s, "the search for a second clock failed");
    }
    return QD_OK;
}

qd_status qd_look_for_copies(qd_device *dev, const qd_strip *all, const qd_strip *kept, const qd_search *search, const qd_sync_params *p,
                             const qd_clock *clock, double *tried, qd_sync_report *r, qd_error *err) {
    qd_strip used = *all;
    used.to = kept->from;
    qd_stage *st = malloc(sizeof *st);
    if (!st) return qd_fail(err, QD_E_INTERNAL, "no memory for a search");
    qd_status s = QD_OK;
    const double part = (double)(used.to - used.from) / (double)(all->to - all->from);
    if (plan(&used, search, clock, part * (double)r->pairs, !dev, st)) {
        s = qd_search_stage(dev, st, err);
        if (s == QD_OK) s = judge(st, all, kept, search, p, tried, r, err);
    }
    free(st);
    return s;
}
