/* SPDX-License-Identifier: Apache-2.0 */
/* Large-block codes: how often their frames fail, and which of them a string should have. */
#include <math.h>
#include "qdistill/reconcile/large.h"
#include "reconcile/rate.h"

enum { STEPS = 24, FIRSTS = 16, COUNTED = 100 };

/* Efficiency that rows joined in pairs cost, by the share of all rows that they are: less than is seen up to an eightieth, then half of the share or
 * more, for a code serves the leak it was designed for (bench/NOTES.md). */
static double joint_cost(double share) {
    static const double at[] = {0, 0.0125, 0.05, 0.13, 0.5}, cost[] = {0, 0.001, 0.045, 0.08, 0.3};
    size_t i = 0;
    while (i + 2 < sizeof at / sizeof *at && share > at[i + 1]) i++;
    return cost[i] + (share - at[i]) / (at[i + 1] - at[i]) * (cost[i + 1] - cost[i]);
}

/* As of rate.c's curves: efficiency at which half the frames of Z = 1024 fail, how much more that is for each half of the lifting
 * size, width in units of the binomial spread; and a floor: frames that a few bits are wrong in to the end. By maximum likelihood
 * from frames at two to nineteen points a row, 80 to 2008 a row, of Z = 256 to 1472 (bench/NOTES.md, between the stations;
 * tests/test_large_frames_full.c). Of long codes, which are others, that efficiency from two points of 24 frames a row at Z = 2048, and the same width; their
 * floor is above twice what light_words counts, as much as was found of short ones, at every leak. Of the rows of .522 and .565 there is no design: codes drawn
 * between .52 and .57 differ by .002 of f (standard deviation), and this is about the mean of twelve, with that in the width. */
typedef struct curve {
    double leak, f50, more, s, floor, f50_long;
} curve;
static const curve measured[] = {
    {0.05, 1.043, 0, 1.9, 0.004, 1.047},       {0.066, 1.043, 0.006, 1.5, 0.002, 1.042}, {0.086, 1.036, 0.006, 1.4, 0.004, 1.036},
    {0.11, 1.037, 0.006, 1, 0.002, 1.035},     {0.148, 1.036, 0.004, 1, 0.004, 1.033},   {0.175, 1.04, 0.004, 1.05, 0.003, 1.037},
    {0.203, 1.038, 0.003, 1.05, 0.002, 1.038}, {0.25, 1.038, 0.003, 1.1, 0.002, 1.037},  {0.3, 1.035, 0.003, 1.1, 0.002, 1.0355},
    {0.36, 1.0355, 0.003, 1.1, 0.002, 1.0345}, {0.42, 1.032, 0.001, 1.3, 0.001, 1.031},  {0.47, 1.029, 0.002, 1.3, 0.001, 1.028},
    {0.52, 1.025, 0.001, 1.3, 0.001, 1.0245},   {0.522, 1.0265, 0.001, 1.9, 0.001, 1.026},
    {0.565, 1.026, 0.001, 1.9, 0.001, 1.0265}, {0.57, 1.02, 0.0005, 1.3, 0.001, 1.0205},
};
static const double floor_long = 0.0005;

static double cut(double x, double lo, double hi) {
    return x < lo ? lo : x > hi ? hi : x;
}

static curve curve_of(double leak, double z) {
    size_t i = 0;
    while (i + 2 < sizeof measured / sizeof *measured && leak > measured[i + 1].leak) i++;
    const curve *a = &measured[i], *b = a + 1;
    const double t = cut((leak - a->leak) / (b->leak - a->leak), 0, 1), shorter = cut(log2(1024 / z), -0.5, 2);
    const bool is_long = z >= QD_LARGE_Z_LONG;
    return (curve){.leak = leak,
                   .f50 = is_long ? a->f50_long + t * (b->f50_long - a->f50_long)
                                  : a->f50 + t * (b->f50 - a->f50) + shorter * (a->more + t * (b->more - a->more)),
                   .s = a->s + t * (b->s - a->s),
                   .floor = is_long ? floor_long : a->floor + t * (b->floor - a->floor)};
}

/* At an entropy @p h, whose own doubt has the variance @p doubt. */
static double failing(const curve *c, double n, double h, double v, double doubt) {
    double width = sqrt(c->s * c->s * v * v / n + doubt);
    double share = width > 0 ? 0.5 * erfc((c->leak / c->f50 - h) / width / sqrt(2.0)) : h > c->leak / c->f50;
    return share + (1 - share) * c->floor;
}

double qd_large_fer(uint32_t rows, uint32_t cols, uint32_t z, double q) {
    const curve c = curve_of((double)rows / cols, z);
    return failing(&c, (double)cols * z, qd_rate_entropy(q), q > 0 ? sqrt(q * (1 - q)) * fabs(log2((1 - q) / q)) : 0, 0);
}

/* Expected over the posterior. A point stands for all rates halfway to its neighbours, which are further apart than the width of
 * such a curve: of a uniform density of that width, a twelfth of its square. */
static double expected(double leak, uint32_t z, double n, const qd_posterior *p) {
    const curve c = curve_of(leak, z);
    double sum = 0;
    for (int i = 0; i < QD_RATE_POINTS; i++) {
        double below = p->h[i > 0 ? i - 1 : 0], above = p->h[i + 1 < QD_RATE_POINTS ? i + 1 : i], step = (above - below) / 2;
        sum += p->weight[i] * failing(&c, n, p->h[i], p->v[i], step * step / 12);
    }
    return sum;
}

/* What is known of the rate, when it may have moved since by a standard deviation of drift times itself: as from a shorter
 * sample. */
static qd_posterior known(const qd_reconcile_params *p) {
    const double n = (double)p->sample, q = ((double)p->errors + 1) / (n + 2), moved = p->drift * p->drift * q / (1 - q),
                 sample = n / (1 + n * moved);
    return qd_rate_posterior((uint64_t)round((double)p->errors * (sample / n)), (uint64_t)ceil(sample), 0);
}

/* The leak that leaves most of frames of about @p n bits: a coarse walk over all, then a fine one around its best. */
static double best_leak(uint32_t z, double n, const qd_posterior *p, double least, double most) {
    double lo = least, hi = most, best = most;
    while (hi - lo > 1e-5) {
        double step = (hi - lo) / STEPS, top = -1;
        for (int i = 0; i <= STEPS; i++) {
            double leak = lo + i * step, left = (1 - expected(leak, z, n, p)) * (1 - leak);
            if (left > top) top = left, best = leak;
        }
        lo = fmax(least, best - step);
        hi = fmin(most, best + step);
    }
    return best;
}

/* Bits that are left. Errors that only tags find: a second tag and answer, a tag and answer of every frame, and the frame. None in 2000 frames. */
static double worth_of(double frames, double n, double yield) {
    const double undetected = 5e-4;
    return fmax(frames * n * yield - fmin(1, frames * undetected) * (130 + 65 * frames + n), frames * n * 1e-9);
}

/* Of codes of @p cols columns the one whose leak is @p leak or a little more, or less where that leaves more. */
static void try_columns(const qd_reconcile_params *p, const qd_posterior *at, uint64_t bits, uint32_t cols, uint32_t z,
                        double leak, double *most, qd_reconcile_plan *plan) {
    const double n = (double)cols * z, frames = floor((double)bits / n);
    for (uint32_t rows = (uint32_t)ceil(leak * cols - 1e-6), less = 0; less < 2; rows--, less++) {
        if (p->leak > 0 && less) return; /* a leak given is the least that is disclosed */
        qd_large_design d;
        if (qd_large_sized(rows, cols, z, &d, NULL) != QD_OK) continue;
        const double share = (double)rows / cols, fer = p->sample ? expected(share, z, n, at) : 0,
                     yield = (1 - fer) * (1 - share),
                     worth = worth_of(frames, n, yield);
        if (worth > *most) {
            *most = worth;
            plan->code = QD_CODE_LARGE;
            plan->z = z;
            plan->m = rows * z;
            plan->frame_bits = cols * z;
            plan->frames = (uint64_t)frames;
            plan->fer = fer;
            plan->net_yield = yield;
            plan->rounds = 0;
            plan->joined = 0;
        }
    }
}

/* ---- Rows in pairs ------------------------------------------------------------------------------------------------------- */

/* Share that is unsolved with @p left pairs of lifted rows still joined, at one point. */
static double unsolved_at(const qd_large_history *h, uint32_t left, const qd_posterior *p, int i) {
    curve c = curve_of((double)h->rows / h->cols, h->z);
    const double rows = (double)h->rows * h->z;
    c.leak *= 1 - left / rows;
    c.f50 *= 1 + joint_cost(left / rows);
    const double below = p->h[i > 0 ? i - 1 : 0], above = p->h[i + 1 < QD_RATE_POINTS ? i + 1 : i], step = (above - below) / 2;
    return failing(&c, (double)h->cols * h->z, p->h[i], p->v[i], step * step / 12);
}

/* Share that is unsolved with @p left pairs still joined; of those that are unsolved with @p from of them, where it is not UINT32_MAX. At one
 * rate: what the failures so far say of the rate is in the weights already. */
static double unsolved(const qd_large_history *h, uint32_t left, uint32_t from, const qd_posterior *p) {
    double sum = 0;
    for (int i = 0; i < QD_RATE_POINTS; i++) {
        if (p->weight[i] <= 1e-9) continue;
        const double of = from == UINT32_MAX ? 1 : fmax(unsolved_at(h, from, p, i), 1e-12);
        sum += p->weight[i] * fmin(1, unsolved_at(h, left, p, i) / of);
    }
    return sum;
}

/* What the attempts say of the rate goes into the weights. Frames are as good as one another, so of many no more than a hundred count. */
static qd_posterior after(const qd_large_history *h) {
    qd_posterior p = known(h->p);
    double most = -INFINITY, log_weight[QD_RATE_POINTS], sum = 0;
    const double each = h->n && h->tried[0] > COUNTED ? COUNTED / (double)h->tried[0] : 1;
    for (int i = 0; i < QD_RATE_POINTS; i++) {
        double before = 1;
        log_weight[i] = log(fmax(p.weight[i], 1e-300));
        for (uint32_t k = 0; k < h->n; k++) {
            const double left = unsolved_at(h, h->joined - h->at[k], &p, i), share = cut(left / before, 1e-9, 1 - 1e-9);
            log_weight[i] += each * ((double)(h->tried[k] - h->solved[k]) * log(share) + (double)h->solved[k] * log1p(-share));
            before = fmax(left, 1e-12);
        }
        most = fmax(most, log_weight[i]);
    }
    for (int i = 0; i < QD_RATE_POINTS; i++) sum += p.weight[i] = exp(log_weight[i] - most);
    for (int i = 0; i < QD_RATE_POINTS; i++) p.weight[i] /= sum;
    return p;
}

/* The way up from @p told. Once begun, shares are of the frames that are unsolved there. */
static qd_rounds rounds_from(const qd_large_history *h, uint32_t told, uint32_t most, bool begun, const qd_posterior *p) {
    qd_grid g = {0};
    for (uint32_t i = 0; i < QD_GRID_LEVELS; i++) {
        const uint32_t at = told + (uint32_t)((uint64_t)(h->joined - told) * i / (QD_GRID_LEVELS - 1)),
                       bits = h->rows * h->z - h->joined + at;
        if (g.n && bits == g.bits[g.n - 1]) continue;
        g.bits[g.n] = bits;
        g.unsolved[g.n++] = unsolved(h, h->joined - at, begun ? h->joined - told : UINT32_MAX, p);
    }
    return qd_rounds_on(&g, h->cols * h->z, most);
}

uint32_t qd_large_tell(qd_large_history *h, uint64_t tried, uint64_t open, uint32_t rounds) {
    h->at[h->n] = h->told;
    h->tried[h->n] = tried;
    h->solved[h->n++] = tried - open;
    const qd_posterior p = after(h);
    const qd_rounds next = rounds_from(h, h->told, rounds, true, &p);
    const uint32_t more = next.n ? next.add[0] : 0;
    h->told += more;
    return more;
}

/* Codes of more rows than @p plan has, and of each the number of joined rows that charges least. */
static void join_rows(const qd_reconcile_params *p, const qd_posterior *at, qd_reconcile_plan *plan) {
    const uint32_t most = p->rounds < QD_ADD_ROUNDS ? p->rounds : QD_ADD_ROUNDS, single = plan->m / plan->z;
    qd_large_history h = {.p = p, .cols = plan->frame_bits / plan->z, .z = plan->z};
    const double hardly = 2e-4; /* is no reason to join more */
    qd_large_design d;
    double least = 1 - plan->net_yield;
    for (uint32_t k = 0; k < FIRSTS * FIRSTS; k++) {
        const uint32_t step = single / (4 * FIRSTS) + 1, first = single - k % FIRSTS * step; /* down to three quarters of the single syndrome, */
        h.rows = single + (k / FIRSTS) * step - FIRSTS / 2 * step;                            /* and up an eighth */
        h.joined = (h.rows - first) * h.z;
        if (h.rows <= first || h.joined > h.rows / 6 * h.z /* as far as it was measured */ || qd_large_sized(h.rows, h.cols, h.z, &d, NULL) != QD_OK) continue;
        const qd_rounds r = rounds_from(&h, 0, most, false, at);
        const double charged = r.charged / ((double)h.cols * h.z);
        if (charged >= least - hardly) continue;
        least = charged;
        plan->m = h.rows * h.z;
        plan->joined = h.joined;
        plan->rounds = r.n;
        plan->fer = r.fer;
        plan->net_yield = 1 - charged;
    }
}

bool qd_large_plan(const qd_reconcile_params *p, uint64_t bits, double *most, qd_reconcile_plan *plan) {
    double single = 0, least, largest;
    qd_reconcile_plan best = *plan;
    qd_code_leaks(QD_CODE_LARGE, &least, &largest);
    if (bits < (uint64_t)QD_LARGE_COLS_LEAST * QD_LARGE_Z_LEAST || (p->sample == 0 && p->leak == 0)) return false;
    const qd_posterior at = p->sample ? known(p) : (qd_posterior){.weight = {0}};
    for (uint32_t z = QD_LARGE_Z_LEAST; z <= QD_LARGE_Z_MOST; z += 64) {
        const double shortest = fmax(least, (double)QD_LARGE_LEAK_Z / z);
        if ((uint64_t)QD_LARGE_COLS_LEAST * z > bits) break;
        const double leak = p->leak > 0 ? p->leak : best_leak(z, fmin((double)bits, 950.0 * z), &at, shortest, largest);
        for (uint32_t cols = QD_LARGE_COLS_LEAST; cols <= QD_LARGE_COLS_MOST; cols++) {
            const uint64_t n = (uint64_t)cols * z, used = bits / n * n;
            if (used + used / 32 < bits && (double)used * (1 - leak) < single)
                continue; /* more is left over than a better fit would save */
            if (used) try_columns(p, &at, bits, cols, z, leak, &single, &best);
        }
    }
    if (single == 0) return false;
    if (p->rounds && p->leak == 0) join_rows(p, &at, &best);
    const double frames = (double)best.frames, worth = best.joined ? fmax(worth_of(frames, best.frame_bits, best.net_yield), single) : single;
    if (worth <= *most) return false;
    *most = worth;
    *plan = best;
    qd_large_code sizes = {.rows = plan->m / plan->z, .cols = plan->frame_bits / plan->z, .z = plan->z};
    /* The channel's LLR: of the estimate, or of the rate that a leak given suits (bench/NOTES.md: f about 1.06). */
    double q = cut(plan->qber, 1e-6, 0.2);
    if (p->sample == 0)
        for (double lo = q = 1e-6, hi = 0.2; hi - lo > 1e-7; q = (lo + hi) / 2)
            *(qd_rate_entropy((lo + hi) / 2) * 1.06 < p->leak ? &lo : &hi) = (lo + hi) / 2;
    plan->c = qd_large_rule_of(&sizes, q).c;
    plan->a = 0;
    return true;
}
