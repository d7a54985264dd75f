/* SPDX-License-Identifier: Apache-2.0 */
/* A line fitted on, block by block: information about it adds up, and memory does not. */
#include "qdistill/timetag/extend.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include "timetag/sync.h"

/* Times are A's. Lines are the reference less theta[0] + theta[1] x, in 1/256 ticks, x = (t - origin) / unit. */
struct qd_extend {
    qd_fine reference, now;                /* the line as given; along which the block is summed */
    double theta[2];                       /* of `now` */
    int64_t origin, begin, at, end, taken; /* at: summed up to; end: of the block; taken: end of the last block taken */
    double sigma, pairs, background;
    qd_weighed block;
    qd_clock whole;                 /* `now` in whole ticks, over the block */
    double h[3], y[2], b[3], found; /* of the blocks taken: y = h theta */
    int64_t seen[2];                /* last event of A, of B */
    bool done;
};

static const double one = 1 << QD_FINE_BITS;

/* Where a clock ends. */
static int64_t limit(const qd_extend *x) {
    return x->reference.clock.base + x->reference.clock.offset + qd_longest;
}

static void start_block(qd_extend *x, int64_t length) {
    double unit = x->block.unit;
    x->block = qd_weigh(&x->now, x->sigma, x->pairs, x->background);
    x->block.origin = x->origin;
    x->block.unit = unit;
    x->end = length < limit(x) - x->at ? x->at + length : limit(x);
    x->whole = qd_fine_clock(&x->now, x->at - x->now.clock.offset, x->end - x->now.clock.offset);
}

qd_status qd_extend_create(const qd_clock *clock, const qd_sync_report *r, qd_extend **out, qd_error *err) {
    *out = NULL;
    double ps = clock->tick.den ? (double)clock->tick.num / (double)clock->tick.den : 0, span = r->span_s * 1e12 / ps;
    if (!clock->locked || !r->locked || !(ps > 0) || !(r->sigma_ps > 0) || r->pairs == 0 || !(span >= 2 && span < 0x1p53))
        return qd_fail(err, QD_E_USAGE,
                       "a line to be fitted on|it is not locked, or has no pairs|it must be one that was just found|"
                       "search first");
    qd_extend *x = calloc(1, sizeof *x);
    if (!x) return qd_fail(err, QD_E_INTERNAL, "no memory for a line");
    x->reference = qd_fine_of(clock);
    int64_t middle = llround(r->mid_ps / ps);
    qd_fine_rebase(&x->reference, middle);
    x->now = x->reference;
    x->origin = middle + x->reference.clock.offset;
    x->begin = x->at = x->taken = x->origin - (int64_t)(span / 2);
    x->seen[0] = x->seen[1] = INT64_MIN;
    x->sigma = r->sigma_ps / ps;
    x->pairs = (double)r->pairs;
    x->background = r->rate_a * r->rate_b * r->span_s * ps * 1e-12;
    x->block.unit = span / 2;
    start_block(x, (int64_t)span);
    *out = x;
    return QD_OK;
}

void qd_extend_destroy(qd_extend *x) {
    free(x);
}

/* Sums of x^k, k = 0, 1, 2, about another origin. */
static void about(const double m[3], double x, double out[3]) {
    out[0] = m[0];
    out[1] = m[1] - x * m[0];
    out[2] = m[2] - 2 * x * m[1] + x * x * m[0];
}

/* Whether a block lies on the line that all before it make: in the middle of its pairs, and by its slope. */
static bool on_line(const qd_extend *x) {
    const double most = 5;
    double middle = x->block.h[1] / x->block.h[0], h[3], b[3], all_h[3], all_b[3], of_line[2], own[2], d[2];
    double g[2] = {x->block.g[0], x->block.g[1] - middle * x->block.g[0]};
    about(x->block.h, middle, h);
    about(x->block.b, middle, b);
    about(x->h, middle, all_h);
    about(x->b, middle, all_b);
    if (!qd_weighed_solve(h, g, d)) return true;
    qd_weighed_variances(h, b, own);
    qd_weighed_variances(all_h, all_b, of_line);
    for (int k = 0; k < 2; k++)
        if (d[k] * d[k] > most * most * (own[k] + of_line[k])) return false;
    return true;
}

/* The line that all blocks taken make, in whole parts of a tick; *theta is what it is. */
static void set_line(qd_extend *x) {
    double t[2];
    if (!qd_weighed_solve(x->h, x->y, t)) return;
    int64_t offset = llround(t[0]), turn = llround(ldexp(t[1] / one / x->block.unit, QD_CLOCK_SHIFT));
    x->now = x->reference;
    qd_fine_shift(&x->now, -offset);
    x->now.clock.freq -= turn;
    x->theta[0] = (double)offset;
    x->theta[1] = ldexp((double)turn, -QD_CLOCK_SHIFT) * one * x->block.unit;
}

static void close_block(qd_extend *x) {
    const qd_weighed *n = &x->block;
    bool tells =
        n->h[0] > 0 && sqrt(n->b[0]) / n->h[0] < x->sigma * one / 3; /* nine pairs or so, and more where strangers are many */
    if (tells && x->taken > x->begin && !on_line(x)) {
        x->done = true;
        return;
    }
    if (tells) {
        for (int k = 0; k < 3; k++) x->h[k] += n->h[k], x->b[k] += n->b[k];
        for (int k = 0; k < 2; k++) x->y[k] += n->g[k] + n->h[k] * x->theta[0] + n->h[k + 1] * x->theta[1];
        x->found += n->pairs;
        x->taken = x->at;
        set_line(x);
    }
    start_block(x, (x->at - x->begin) / 2 + 1);
}

/* New events, from the last one back to what was there before. */
static qd_status check(qd_extend *x, const qd_tags *a, const qd_tags *b, qd_error *err) {
    const qd_tags *side[2] = {a, b};
    qd_tick tick = x->reference.clock.tick;
    for (int s = 0; s < 2; s++) {
        const int64_t *t = side[s]->t;
        uint64_t n = side[s]->n;
        if (n == 0) continue;
        if (side[s]->tick.num != tick.num || side[s]->tick.den != tick.den)
            return qd_fail(err, QD_E_USAGE,
                           "tags with another tick than the clock's||all must count in the same unit|convert them");
        bool sorted = t[n - 1] >= x->seen[s];
        for (uint64_t i = n - 1; sorted && i > 0 && t[i] > x->seen[s]; i--) sorted = t[i] >= t[i - 1];
        if (!sorted)
            return qd_fail(err, QD_E_INPUT,
                           "events of station %c after tick %" PRId64
                           " are not in order||each must be at or after the one before",
                           s ? 'B' : 'A', x->seen[s]);
        x->seen[s] = t[n - 1];
    }
    return QD_OK;
}

/* A's time up to which all pairs are in memory; *last: there are no more. */
static int64_t known(const qd_extend *x, const qd_tags *a, bool a_end, const qd_tags *b, bool b_end, bool *last) {
    int64_t of_a = a->n ? a->t[a->n - 1] + a_end : x->at,
            of_b = b->n ? qd_clock_apply_near(&x->now.clock, b->t[b->n - 1]) + (b_end ? x->block.reach + 1 : -x->block.reach)
                        : x->at,
            until = of_a < of_b ? of_a : of_b;
    if (until > limit(x)) until = limit(x);
    *last = (a_end && until == of_a) || (b_end && until == of_b) || until == limit(x);
    return until;
}

qd_status qd_extend_add(qd_extend *x, const qd_tags *a, bool a_end, const qd_tags *b, bool b_end, int64_t from[2], bool *done,
                        qd_error *err) {
    QD_TRY(check(x, a, b, err));
    bool last;
    int64_t until = known(x, a, a_end, b, b_end, &last);
    while (!x->done && x->at < until) {
        qd_strip part = {.a = a, .b = b, .from = x->at, .to = until < x->end ? until : x->end};
        qd_strip_walk(&part, &x->whole, x->block.reach, qd_weigh_pair, &x->block);
        x->at = part.to;
        if (x->at == x->end) close_block(x);
    }
    if (last && !x->done) {
        close_block(x);
        x->done = true;
    }
    from[0] = x->at;
    from[1] = qd_clock_invert(&x->now.clock, x->at - x->block.reach) - 2;
    *done = x->done;
    return QD_OK;
}

void qd_extend_end(const qd_extend *x, qd_clock *clock, qd_sync_report *report) {
    double t[2], h[3], b[3], v[2], per = 1 / one;
    if (x->taken == x->begin || !qd_weighed_solve(x->h, x->y, t)) return;
    int64_t middle = x->begin + (x->taken - x->begin) / 2;
    double at = (double)(middle - x->origin) / x->block.unit;
    about(x->h, at, h);
    about(x->b, at, b);
    qd_weighed_variances(h, b, v);
    qd_fit fit = {.sigma = x->sigma, .pairs = x->found, .line = x->now};
    qd_fine_rebase(&fit.line, qd_clock_invert(&x->now.clock, middle));
    fit.offset = -(t[0] - x->theta[0] + (t[1] - x->theta[1]) * at) * per;
    fit.freq = ldexp((double)x->now.clock.freq, -QD_CLOCK_SHIFT) - (t[1] - x->theta[1]) * per / x->block.unit;
    fit.offset_sd = sqrt(v[0]) * per;
    fit.freq_sd = sqrt(v[1]) * per / x->block.unit;
    const qd_strip all = {.from = x->begin, .to = x->taken};
    qd_clock line = qd_report_clock(&fit, clock->base, &all, report);
    clock->offset = line.offset;
    clock->freq = line.freq;
}
