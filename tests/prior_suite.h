/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal of the clock search names must suffice: a link is refused, the search is made again as it says, and locks. */
#ifndef QD_TESTS_PRIOR_SUITE_H
#define QD_TESTS_PRIOR_SUITE_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "qdistill/compute.h"
#include "qdistill/link.h"
#include "qdistill/timetag.h"
#include "run_all.h"

typedef struct weak_link {
    double rate, eta, seconds, max_offset_s, max_ppm;
    qd_effort effort;
} weak_link;

/* Search one recording of the link: truth within the limits of the prior, anywhere in them; priors anywhere within the limits of
 * a search without. QD_OK only of the right clock: a line through the pairs, 200 ps about it, from end to end. */
static inline qd_status search_once(const weak_link *w, const qd_remedy *x, uint64_t seed, qd_device *dev, qd_sync_report *r) {
    uint32_t d[2][4];
    qd_error err = {0};
    qd_tags a = {.tick = {125, 32}}, b = a;
    qd_clock clock;
    for (uint32_t i = 0; i < 2; i++) qd_philox(seed, QD_STREAM_TEST, 0, i, d[i]);
#define WITHIN(i, k) (2 * ldexp((double)d[i][k] + 0.5, -32) - 1)
    qd_sync_params p = {.max_offset_s = x->max_offset_s > 0 ? x->max_offset_s : w->max_offset_s,
                        .max_ppm = x->max_ppm > 0 ? x->max_ppm : w->max_ppm,
                        .effort = x->effort};
    if (x->max_offset_s > 0) p.offset_s = w->max_offset_s * WITHIN(0, 0);
    if (x->max_ppm > 0) p.ppm = w->max_ppm * WITHIN(0, 1);
    double first = p.offset_s + 0.99 * p.max_offset_s * WITHIN(0, 2), ppm = p.ppm + 0.99 * p.max_ppm * WITHIN(0, 3),
           seconds = w->seconds * (x->times > 0 ? x->times : 1);
#undef WITHIN
    /* the limits hold at B's first event, which is at -first on his clock; the generator's offset at seconds / 2 */
    qd_two_stations s = {.rate_a = w->rate,
                         .rate_b = w->rate,
                         .pairs = w->rate * w->eta,
                         .seconds = seconds,
                         .sigma_ps = 200,
                         .ppm = ppm,
                         .offset_s = first + ppm * 1e-6 * (first + seconds / 2),
                         .most = QD_SYNC_EVENTS,
                         .seed = seed};
    ck_assert_int_eq(qd_two_stations_run(&s, &a, &b, &err), QD_OK);
    qd_status st = qd_correlate(dev, &a, &b, &p, &clock, r, &err);
    ck_assert_msg(st == QD_OK || st == QD_E_POLICY, "%s (%s)", err.what, err.cause);
    if (st == QD_OK) {
        double truth = s.offset_s * 1e12 + s.ppm * (r->mid_ps * 1e-6 - s.seconds / 2 * 1e6),
               off = fabs(r->mid_offset_ps - truth) + fabs(r->frequency_ppm - s.ppm) * r->span_s / 2 * 1e6;
        ck_assert_msg(off < 200, "a false lock, %g ps off", off);
    }
    qd_tags_destroy(&a);
    qd_tags_destroy(&b);
    return st;
}

/* Each remedy that is named for the link's heralding must lock in nearly all of @p seeds (20 at most): that is taken as 19 in 20,
 * so that fewer than 16 of 20, or 6 of 8, have probability 0.3 and 0.6 %. Returns how many remedies there were. */
static inline int remedies_suffice(const weak_link *w, int seeds, bool with_high, qd_device *dev) {
    qd_sync_report refused, r;
    const qd_remedy none = {.effort = w->effort};
    uint64_t seed = 1;
    while (search_once(w, &none, seed, dev, &refused) == QD_OK) ck_assert_msg(++seed < 10, "the link is not weak");
    ck_assert_int_eq(refused.cause, QD_LOCK_NO_PEAK);
    ck_assert_msg(refused.weakest > w->eta, "it claims to see %g", refused.weakest);
    int named = 0;
    for (uint32_t i = 0; i < refused.remedies; i++) {
        const qd_remedy *x = &refused.remedy[i];
        if (fabs(x->eta / w->eta - 1) > 1e-9 || (x->effort != w->effort && !with_high)) continue;
        named++;
        int locks = 0;
        for (int k = 0; k < seeds; k++) locks += search_once(w, x, 100 + (uint64_t)k, dev, &r) == QD_OK;
        printf("eta %g: +-%g ppm, +-%g s, %g times as long, effort %d: %d of %d lock\n", w->eta, x->max_ppm, x->max_offset_s,
               x->times, (int)x->effort, locks, seeds);
        fflush(stdout);
        ck_assert_int_ge(locks, seeds - (seeds + 4) / 5);
    }
    return named;
}

/* The processor, or the reference. */
static inline qd_device *open_cpu(void) {
    qd_device *dev = NULL;
    (void)qd_device_open("cpu", &dev, NULL);
    return dev;
}

#endif
