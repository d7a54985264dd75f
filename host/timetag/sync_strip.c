/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of the two sides' times along a line. */
#include <string.h>
#include "timetag/sync.h"

void qd_line_rebase(qd_clock *line, int64_t base) {
    line->offset += qd_clock_drift(base - line->base, line->freq);
    line->base = base;
}

int64_t qd_fine_drift(int64_t x, int64_t freq) {
    int64_t xh = x >> 24, xl = x & 0xffffff;
    return (xh * freq + ((xl * freq) >> 24)) >> (QD_CLOCK_SHIFT - 24 - QD_FINE_BITS);
}

void qd_fine_shift(qd_fine *f, int64_t by) {
    by += f->sub;
    f->clock.offset += by >> QD_FINE_BITS;
    f->sub = by & ((1 << QD_FINE_BITS) - 1);
}

void qd_fine_rebase(qd_fine *f, int64_t base) {
    qd_fine_shift(f, qd_fine_drift(base - f->clock.base, f->clock.freq));
    f->clock.base = base;
}

qd_fine qd_fine_of(const qd_clock *clock) {
    qd_fine f = {*clock, 0};
    if (clock->freq) qd_fine_shift(&f, -(1 << QD_FINE_BITS) / 2);
    return f;
}

/* Integral from 0 to y of the fraction of a tick that a floor drops; y in 1/256, the integral in 1/65536. */
static int64_t dropped(int64_t y) {
    int64_t one = 1 << QD_FINE_BITS, part = y & (one - 1);
    return (y >> QD_FINE_BITS) * (one * one / 2) + part * part / 2;
}

qd_clock qd_fine_clock(const qd_fine *fine, int64_t from, int64_t to) {
    qd_fine f = *fine;
    int64_t one = 1 << QD_FINE_BITS, y0 = qd_fine_drift(from - f.clock.base, f.clock.freq),
            y1 = qd_fine_drift(to - f.clock.base, f.clock.freq);
    int64_t loss = y1 == y0 ? y0 & (one - 1) : (dropped(y1) - dropped(y0)) / (y1 - y0);
    qd_fine_shift(&f, loss + one / 2);
    return f.clock;
}

int64_t qd_fine_difference(const qd_fine *f, int64_t ta, int64_t tb) {
    return (tb + f->clock.offset - ta) * (1 << QD_FINE_BITS) + f->sub + qd_fine_drift(tb - f->clock.base, f->clock.freq);
}

double qd_seconds(int64_t ticks, qd_tick tick) {
    return (double)ticks * (double)tick.num / (double)tick.den * 1e-12;
}

uint64_t qd_events_between(const qd_tags *x, int64_t from, int64_t to) {
    return qd_tags_lower_bound(x, to) - qd_tags_lower_bound(x, from);
}

void qd_strip_walk(const qd_strip *s, const qd_clock *line, int64_t reach,
                   void (*each)(void *self, int64_t ta, int64_t tb, int64_t e), void *self) {
    uint64_t i = qd_tags_lower_bound(s->a, s->from), end = qd_tags_lower_bound(s->a, s->to), nb = s->b->n;
    if (i == end || nb == 0) return;
    const int64_t *b = s->b->t;
    uint64_t low = 0, high = nb; /* first event of B that is not too early for A's first */
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (qd_clock_apply(line, b[mid]) < s->a->t[i] - reach)
            low = mid + 1;
        else
            high = mid;
    }
    for (; i < end; i++) {
        int64_t ta = s->a->t[i];
        while (low < nb && qd_clock_apply(line, b[low]) < ta - reach) low++;
        for (uint64_t j = low; j < nb; j++) {
            int64_t e = qd_clock_apply(line, b[j]) - ta;
            if (e > reach) break;
            each(self, ta, b[j], e);
        }
    }
}

typedef struct histogram {
    int64_t width, half;
    uint64_t *count;
} histogram;

static void count_one(void *self, int64_t ta, int64_t tb, int64_t e) {
    const histogram *h = self;
    (void)ta;
    (void)tb;
    int64_t q = (e + h->half * h->width) / h->width; /* never negative: the walk stays within half width */
    if (q < 2 * h->half) h->count[q]++;
}

void qd_strip_histogram(const qd_strip *s, const qd_clock *line, int64_t width, uint32_t half, uint64_t *count) {
    histogram h = {width, half, count};
    memset(count, 0, 2 * (size_t)half * sizeof *count);
    qd_strip_walk(s, line, width * half, count_one, &h);
}
