/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a line that was found has another one beside it, within the reach where the search could not tell them apart. */
#include <math.h>
#include <stdlib.h>
#include "timetag/sync.h"

enum { HALF = QD_LOOK_HALF, CELLS = 2 * HALF, AROUND = 64 };

/* Mean of the cells around one, less its own peak's and the first one's; *of: how many. */
static double local_mean(const uint64_t *count, int32_t at, int32_t first, int32_t near, int32_t *of) {
    int32_t reach = AROUND + (at == first ? near : 0), from = at - reach > 0 ? at - reach : 0,
            to = at + reach < CELLS - 1 ? at + reach : CELLS - 1;
    double sum = 0;
    *of = 0;
    for (int32_t q = from; q <= to; q++)
        if (abs(q - at) > 2 && abs(q - first) > near) {
            sum += (double)count[q];
            ++*of;
        }
    return *of ? sum / *of : 0;
}

double qd_second_peak(const uint64_t count[CELLS], int64_t width, qd_tick tick) {
    double apart = (double)QD_APART_PS * (double)tick.den / (double)tick.num / (double)width;
    const int32_t near = apart < HALF ? (int32_t)fmax(2, ceil(apart)) : HALF;
    int32_t first = HALF, of;
    for (int32_t q = HALF - 2; q <= HALF + 2; q++)
        if (count[q] > count[first]) first = q;
    double excess = (double)count[first] - local_mean(count, first, first, near, &of), second = 0;
    for (int32_t q = 0; excess > 0 && q < CELLS; q++) {
        if (abs(q - first) <= near) continue;
        double mean = local_mean(count, q, first, near, &of), lambda = mean + 5 * sqrt((mean + 1) / of);
        double share = ((double)count[q] - mean) / excess;
        if (of >= AROUND / 2 && share > second && qd_false_log(CELLS, lambda, 1, (double)count[q]) <= log(qd_default_p))
            second = share;
    }
    return second;
}

/* What a look at cells beside a line needs: part of the strip, in its middle, for at the ends one side's events may be missing. A
 * second candidate's share of the pairs must stand ten deviations of a cell's strangers above them, and be more than a few. Its
 * cost: pairs and strangers in all cells. */
static double part_of(double pairs, double strangers, double *cost) {
    double seen = qd_satellite * pairs, part = fmin(1, fmax(100 * strangers / (seen * seen), 100 / seen));
    *cost = part * (CELLS * strangers + pairs);
    return part;
}

static double beside(const qd_strip *strip, const qd_clock *line, int64_t width, double part) {
    uint64_t count[CELLS];
    qd_clock shifted = *line;
    shifted.offset += width / 2;
    qd_strip some = *strip;
    int64_t span = some.to - some.from, less = (int64_t)((double)span * part);
    some.from += (span - less) / 2;
    some.to = some.from + less;
    qd_strip_histogram(&some, &shifted, width, HALF, count);
    return qd_second_peak(count, width, strip->a->tick);
}

/* A fit that covers two sharp peaks, or one on a pedestal, is as wide as they are apart, and its middle is on neither. Two bins
 * of an eighth of its width hold 10 % of a Gaussian, 13 % of what falls exponentially. */
static qd_status sharpest(const qd_strip *all, const qd_fit *fit, qd_clock *line, double *sigma, qd_error *err) {
    const double whole = 0.3;
    qd_fit now = *fit;
    for (qd_round r = {.h = (int64_t)(now.sigma / 8)}; r.h > 0; r.h = (int64_t)(now.sigma / 8)) {
        qd_clock at = *line;
        QD_TRY(qd_sharpen_round(all, &at, &r, err));
        if (r.log_false > log(qd_default_p) || r.excess < whole * now.pairs || !qd_fit_line(all, &at, r.h / 4 + 1, &now) ||
            now.sigma > *sigma / 2)
            break;
        *line = at;
        *sigma = now.sigma;
    }
    return QD_OK;
}

/* Width of the next cells, at most @p widest, and the part of the strip: what they need, within some hundredths of a second. The
 * first are as wide as the peak and stay so; those after them become narrower. Farther away the search for copies sees as well.
 * *last: no wider ones. */
static double afford(double pairs, double met, double first, double widest, double *width, bool *last) {
    const double most = 0x1p21;
    double cost, part = part_of(pairs, met * *width, &cost);
    *last = *width >= widest || cost > most;
    if (cost > most && *width > first) { /* the cost goes by the width's square, but where all of the strip is needed */
        *width = fmax(first, *width * (part < 1 ? sqrt(most / cost) : most / cost));
        part = part_of(pairs, met * *width, &cost);
    }
    return cost > most ? part * most / cost : part;
}

qd_status qd_beside_fit(const qd_strip *all, int64_t to, const qd_clock *line, const qd_fit *fit, int64_t widest, double *second,
                        qd_error *err) {
    enum { FURTHER = 32, FINEST = 256 };
    const double apart = (double)QD_APART_PS * (double)line->tick.den / (double)line->tick.num;
    double sigma = fit->sigma;
    qd_clock at = *line;
    qd_strip used = *all;
    used.to = to;
    used.near = NULL;
    QD_TRY(sharpest(all, fit, &at, &sigma, err));
    const double span = (double)(used.to - used.from), pairs = fit->pairs * span / (double)(all->to - all->from),
                 met = (double)qd_events_between(used.a, used.from, used.to) / span * (double)qd_events_of_b(&used, &at),
                 first = fmax(4 * sigma, apart / FINEST) + 1;
    bool last = false;
    *second = 0;
    for (double width = first; !last; width = fmin(width * FURTHER, (double)widest)) {
        double part = afford(pairs, met, first, (double)widest, &width, &last);
        *second = fmax(*second, beside(&used, &at, (int64_t)width, part));
    }
    return QD_OK;
}
