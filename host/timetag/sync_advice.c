/* SPDX-License-Identifier: Apache-2.0 */
/* How weak a link a search sees, by its own plan of stages, and what would make it see a weaker one. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "timetag/sync.h"

/* Sums of a leaf and a lag, and leaves: some milliseconds; a few seconds; minutes on two cores. */
static const struct {
    double work;
    uint32_t leaves;
} efforts[] = {[QD_EFFORT_NORMAL] = {0x1p34, 1024}, [QD_EFFORT_HIGH] = {0x1p37, 8192}, [QD_EFFORT_LOW] = {0x1p24, 8192}};

/* The first rung is coarse: it costs next to nothing and is enough for a bright link. */
static const uint32_t ladder[] = {8, 8, 32, 128, 512, 1024, 2048, 4096, 8192};
enum { STEPS = sizeof ladder / sizeof *ladder };

/* With as many slices a leaf as the frequency and the effort allow. */
static bool plan(const qd_strip *used, const qd_search *search, qd_effort effort, uint32_t rung, qd_stage *stage) {
    if (rung >= STEPS || ladder[rung] > efforts[effort].leaves) return false;
    for (uint32_t most = rung ? UINT32_MAX : 1; qd_stage_plan(used, search, ladder[rung], most, stage); most = stage->group / 2)
        if (!rung || stage->work <= efforts[effort].work)
            return true;
        else if (stage->group == 1)
            return false;
    return false;
}

static double bins_of_stage(const qd_stage *st) {
    return (double)st->leaves * st->group * QD_LINES_SLICE;
}

/* Where the frequency is known, leaves of many slices have all bins that there can be early. Once more with shorter leaves, which
 * smear less; then nothing is to be gained. */
bool qd_stage_rung(const qd_strip *used, const qd_search *search, qd_effort effort, uint32_t rung, qd_stage *stage) {
    if (!plan(used, search, effort, rung, stage)) return false;
    qd_stage before;
    if (rung < 2 || !plan(used, search, effort, rung - 1, &before)) return true;
    if (bins_of_stage(stage) < bins_of_stage(&before)) return false;
    return rung < 3 || !plan(used, search, effort, rung - 2, &before) || bins_of_stage(stage) > bins_of_stage(&before);
}

bool qd_stage_most(const qd_strip *used, const qd_search *search, qd_effort effort, double bins, qd_stage *stage, bool *more) {
    *more = false;
    for (uint32_t rung = STEPS - 1; rung > 0; rung--) {
        bool planned = plan(used, search, effort, rung, stage);
        while (planned && bins_of_stage(stage) > bins) {
            *more = true;
            planned = stage->group > 1 && qd_stage_plan(used, search, ladder[rung], stage->group / 2, stage);
        }
        if (planned) return true;
    }
    return false;
}

/* A line of pairs has S = eta sqrt(bins), eta the share of events with a partner, less what straddles bins and slopes; and a sum
 * varies by one. It must be the best of its lag's slopes, and is looked at when it is among the highest of its stage: 16 of
 * chance may be higher. What comes of this estimate is measured in tests/test_prior_full.c. */
static const double share_kept = 0.6, spread = 1.5;
enum { HIGHER = 16 };

static double weakest_of(const qd_stage *st) {
    double slopes = 2.0 * qd_lines_slopes(st->leaves) + 1, lags = 2.0 * (double)st->lags;
    double z = fmax(qd_score_least(slopes * lags / (2 * HIGHER), log(0.5)), qd_score_least(slopes, log(0.1)));
    return (z + spread) / (share_kept * sqrt(bins_of_stage(st)));
}

double qd_search_weakest(const qd_strip *used, const qd_search *search, qd_effort effort) {
    double least = INFINITY;
    qd_stage st;
    for (uint32_t rung = 0; qd_stage_rung(used, search, effort, rung, &st); rung++) least = fmin(least, weakest_of(&st));
    return least;
}

/* ---- What would see a weaker link ----------------------------------------------------------------------------------------- */

/* The k-th of 1000, 500, 200, 100, 50, ... */
static double step(int k) {
    static const double of[] = {10, 5, 2};
    return of[k % 3] * pow(10, 2 - k / 3);
}

typedef struct wish {
    const qd_strip *used;
    const qd_search *search;
    const qd_sync_params *p;
    double eta;
} wish;

static bool suffices(const wish *w, const qd_remedy *r) {
    qd_search s = *w->search;
    qd_strip used = *w->used;
    double per_s = 1e12 * (double)used.a->tick.den / (double)used.a->tick.num;
    if (r->max_ppm > 0) s.max_rate = r->max_ppm * 1e-6;
    if (r->max_offset_s > 0) s.max_offset = (int64_t)ceil(r->max_offset_s * per_s);
    if (r->times > 0) used.to = used.from + (int64_t)((double)(used.to - used.from) * r->times);
    return used.to - used.from < qd_longest && qd_search_weakest(&used, &s, r->effort) <= w->eta;
}

/* First step below a limit, and how far steps go: frequencies to a thousandth of a ppm, offsets to 10 ns. */
static void steps_below(const wish *w, int from[2], int to[2]) {
    const double limit[2] = {w->p->max_ppm, w->p->max_offset_s}, end[2] = {0.9e-3, 0.9e-8};
    for (int x = 0; x < 2; x++) {
        from[x] = 0;
        while (step(from[x]) >= limit[x]) from[x]++;
        to[x] = from[x];
        while (step(to[x]) > end[x]) to[x]++;
    }
}

/* The widest limit of one kind that suffices; the offset's is the second. */
static bool narrower(const wish *w, int kind, qd_remedy *r) {
    int from[2], to[2];
    steps_below(w, from, to);
    for (int k = from[kind]; k < to[kind]; k++) {
        *r = (qd_remedy){.eta = w->eta, .effort = w->p->effort};
        *(kind ? &r->max_offset_s : &r->max_ppm) = step(k);
        if (suffices(w, r)) return true;
    }
    return false;
}

/* Both: as few steps as can be in sum, the wider frequency of those. */
static bool narrower_both(const wish *w, qd_remedy *r) {
    int from[2], to[2];
    steps_below(w, from, to);
    for (int sum = 0; sum < to[0] - from[0] + to[1] - from[1]; sum++)
        for (int k = 0; k <= sum; k++) {
            if (from[0] + k >= to[0] || from[1] + sum - k >= to[1]) continue;
            *r = (qd_remedy){
                .eta = w->eta, .effort = w->p->effort, .max_ppm = step(from[0] + k), .max_offset_s = step(from[1] + sum - k)};
            if (suffices(w, r)) return true;
        }
    return false;
}

static bool longer(const wish *w, qd_remedy *r) {
    static const double times[] = {2, 5, 10};
    for (int i = 0; i < 3; i++) {
        *r = (qd_remedy){.eta = w->eta, .effort = w->p->effort, .times = times[i]};
        double n = times[i] * (double)(w->used->a->n > w->used->b->n ? w->used->a->n : w->used->b->n);
        if (n <= QD_SYNC_EVENTS && suffices(w, r)) return true;
    }
    return false;
}

static void add(qd_sync_report *r, const qd_remedy *remedy) {
    if (r->remedies < QD_REMEDIES) r->remedy[r->remedies++] = *remedy;
}

void qd_search_remedies(const qd_strip *used, const qd_search *search, const qd_sync_params *p, qd_sync_report *r) {
    static const double shares[] = {0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001};
    enum { TARGETS = 2 };
    r->weakest = qd_search_weakest(used, search, p->effort);
    r->remedies = 0;
    for (size_t i = 0, n = 0; i < sizeof shares / sizeof *shares && n < TARGETS; i++) {
        if (shares[i] > 0.95 * r->weakest) continue;
        wish w = {used, search, p, shares[i]};
        qd_remedy x;
        uint32_t before = r->remedies;
        if (narrower(&w, 0, &x)) add(r, &x);
        if (narrower(&w, 1, &x)) add(r, &x);
        if (r->remedies == before && narrower_both(&w, &x)) add(r, &x);
        if (longer(&w, &x)) add(r, &x);
        x = (qd_remedy){.eta = shares[i], .effort = QD_EFFORT_HIGH};
        if (p->effort == QD_EFFORT_NORMAL && suffices(&w, &x)) add(r, &x);
        n++;
    }
}

void qd_remedies_text(const qd_sync_report *r, const qd_sync_params *p, double seconds, char *out, size_t cap) {
    size_t n = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < r->remedies && n < cap; i++) {
        const qd_remedy *x = &r->remedy[i];
        bool same = i > 0 && r->remedy[i - 1].eta == x->eta;
        n += (size_t)snprintf(out + n, cap - n, same ? " or " : "%s%.3g %%: ", i ? "; " : "", 100 * x->eta);
        if (x->max_ppm > 0 && n < cap) n += (size_t)snprintf(out + n, cap - n, "--max-ppm %.3g", x->max_ppm);
        if (x->max_offset_s > 0 && n < cap)
            n += (size_t)snprintf(out + n, cap - n, "%s--max-offset-s %.3g", x->max_ppm > 0 ? " with " : "", x->max_offset_s);
        if (x->times > 0 && n < cap) n += (size_t)snprintf(out + n, cap - n, "%.3g s", x->times * seconds);
        if (x->effort != p->effort && n < cap) n += (size_t)snprintf(out + n, cap - n, "--effort high");
    }
}
