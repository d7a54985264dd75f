/* SPDX-License-Identifier: Apache-2.0 */
/* A clock was found; whether there is another one, as far from it as the search goes. A stage that locks a bright link is coarse,
 * and a second peak of the same height may be lost in its noise. Once the frequency is known no slopes need be searched, and bins
 * may be fine: a copy of the recording runs as fast as its original. */
#include <math.h>
#include <stdlib.h>
#include "timetag/sync.h"

enum { LEAVES = 32, GROUP = 16, REFERENCE_LEAVES = 8, LOOKS = 4 };
static const double most_work = 0x1p26; /* a fifth of a second */
/* ln .01: a look at a line costs as much as the stage, so that chance's are left out. */
static const double log_chance = -4.6;

/* Distance of two clocks, ps, where both hold: one that drifts does so at its own middle. */
static double apart(const qd_sync_report *x, const qd_sync_report *y) {
    double at = x->followed_s > 0 ? x->mid_ps : y->mid_ps;
    return fabs(x->mid_offset_ps + x->frequency_ppm * 1e-6 * (at - x->mid_ps) - y->mid_offset_ps -
                y->frequency_ppm * 1e-6 * (at - y->mid_ps));
}

qd_status qd_other_clock(const qd_stage *st, uint32_t found, double most_log, const qd_strip *all, const qd_strip *kept,
                         const qd_search *search, const qd_sync_params *p, qd_tries *tries, const qd_sync_report *r, double *twin,
                         qd_error *err) {
    const qd_peak *first = &st->peak[found];
    for (uint32_t i = 0, looks = 0; i < st->n_peaks && looks < LOOKS; i++) {
        const qd_peak *peak = &st->peak[i];
        if (i == found || qd_peaks_meet(peak, first) || peak->excess < qd_satellite * first->excess ||
            qd_peak_log(st, peak) > most_log)
            continue;
        QD_TRY(qd_search_stopped(p->stop, err));
        looks++;
        qd_sync_report other = *r;
        qd_tries own = {.tried = tries->tried, .twins = false};
        qd_clock clock;
        qd_error why = {0};
        qd_status s = qd_try_peak(st, peak, all, kept, search, p, &own, &clock, &other, &why);
        tries->tried = own.tried;
        if (s == QD_OK && apart(&other, r) > 10 * (other.sigma_ps + r->sigma_ps)) *twin = (double)other.pairs / (double)r->pairs;
        if (s == QD_OK || s == QD_E_POLICY) continue;
        if (err) *err = why;
        return s;
    }
    return QD_OK;
}

/* Offsets as far from the clock as any of the search's; bins as fine as work and the peak's height in a leaf allow. */
static bool plan(const qd_strip *used, const qd_search *search, const qd_clock *clock, double pairs, bool reference,
                 qd_stage *st) {
    qd_search at = *search;
    at.prior = *clock;
    at.max_rate = 0;
    at.max_offset += llabs(clock->offset - search->prior.offset);
    for (uint32_t group = reference ? 1 : GROUP; group > 0; group /= 2)
        if (!qd_stage_plan(used, &at, reference ? REFERENCE_LEAVES : LEAVES, group, st))
            return false;
        else if (st->work <= most_work && qd_stage_holds(st, pairs))
            return true;
    return false;
}

/* The highest line at the clock's own place, from which the stage counts lags. false: none stands there. */
static bool own_line(const qd_stage *st, uint32_t *found) {
    const qd_peak here = {0};
    for (*found = 0; *found < st->n_peaks; ++*found)
        if (qd_peaks_meet(&st->peak[*found], &here)) return st->peak[*found].excess > 0;
    return false;
}

qd_status qd_look_for_copies(qd_device *dev, const qd_strip *all, const qd_strip *kept, const qd_search *search,
                             const qd_sync_params *p, const qd_clock *clock, qd_tries *tries, qd_sync_report *r, qd_error *err) {
    qd_strip used = *all;
    used.to = kept->from;
    qd_stage st;
    const double part = (double)(used.to - used.from) / (double)(all->to - all->from);
    double twin = 0;
    uint32_t found;
    qd_status s = QD_OK;
    if (plan(&used, search, clock, part * (double)r->pairs, !dev, &st)) {
        s = qd_search_stage(dev, &st, err);
        if (s == QD_OK && own_line(&st, &found))
            s = qd_other_clock(&st, found, log_chance, all, kept, search, p, tries, r, &twin, err);
        qd_stage_free(&st);
    }
    return s == QD_OK && twin > qd_satellite ? qd_two_candidates(twin, r, err) : s;
}
