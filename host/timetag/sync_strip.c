/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of the two sides' times along a line. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "compute/parts.h"
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

qd_clock qd_strip_clock(const qd_strip *s, const qd_fine *line) {
    int64_t half = (s->to - s->from) / 2;
    return qd_fine_clock(line, line->clock.base - half, line->clock.base + half);
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

uint64_t qd_events_of_b(const qd_strip *s, const qd_clock *clock) {
    return qd_tags_from(s->b, clock, s->to) - qd_tags_from(s->b, clock, s->from);
}

uint64_t qd_tags_from(const qd_tags *x, const qd_clock *clock, int64_t at) {
    uint64_t low = 0, high = x->n;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (qd_clock_apply(clock, x->t[mid]) < at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int64_t qd_clock_invert(const qd_clock *clock, int64_t ta) {
    int64_t tb = ta - clock->offset;
    for (int i = 0; i < 8; i++) tb -= qd_clock_apply(clock, tb) - ta; /* what is left shrinks to 1/4096 each time */
    return tb;
}

typedef void visit(void *self, int64_t ta, int64_t tb, int64_t e);

static void walk_near(const qd_strip *s, const qd_clock *line, int64_t reach, visit *each, void *self) {
    uint64_t low = 0, high = s->near->n;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (s->near->pair[mid][0] < s->from)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < s->near->n; low++) {
        int64_t ta = s->near->pair[low][0], tb = s->near->pair[low][1];
        if (ta >= s->to) return;
        int64_t e = qd_clock_apply(line, tb) - ta;
        if (e >= -reach && e <= reach) each(self, ta, tb, e);
    }
}

void qd_strip_walk(const qd_strip *s, const qd_clock *line, int64_t reach, visit *each, void *self) {
    if (s->near) {
        walk_near(s, line, reach, each, self);
        return;
    }
    uint64_t i = qd_tags_lower_bound(s->a, s->from), end = qd_tags_lower_bound(s->a, s->to), nb = s->b->n;
    if (i == end || nb == 0) return;
    const int64_t *a = s->a->t, *b = s->b->t;
    uint64_t low = qd_tags_from(s->b, line, a[i] - reach);
    int64_t at = low < nb ? qd_clock_apply(line, b[low]) : INT64_MAX;
    for (; i < end; i++) {
        int64_t ta = a[i];
        while (at < ta - reach) at = ++low < nb ? qd_clock_apply(line, b[low]) : INT64_MAX;
        if (at > ta + reach) continue;
        each(self, ta, b[low], at - ta);
        for (uint64_t j = low + 1; j < nb; j++) {
            int64_t e = qd_clock_apply(line, b[j]) - ta;
            if (e > reach) break;
            each(self, ta, b[j], e);
        }
    }
}

uint32_t qd_strip_parts(const qd_strip *s) {
    const uint64_t few = 1 << 15; /* a thread takes as long to start as some thousand events */
    uint64_t n = s->near ? s->near->n : qd_events_between(s->a, s->from, s->to);
    return n < few ? 1 : QD_STRIP_PARTS;
}

/* Rounded up: the border is the first tick whose place k / parts of the span has been reached. */
qd_strip qd_strip_part(const qd_strip *s, uint32_t k, uint32_t parts) {
    qd_strip part = *s;
    __int128 span = s->to - s->from;
    part.from = s->from + (int64_t)((span * k + parts - 1) / parts);
    part.to = s->from + (int64_t)((span * (k + 1) + parts - 1) / parts);
    return part;
}

static bool append(qd_near *near, int64_t ta, int64_t tb) {
    if (near->n == near->cap) {
        uint64_t cap = near->cap ? 2 * near->cap : 1 << 14;
        void *more = realloc(near->pair, cap * sizeof *near->pair);
        if (!more) return false;
        near->pair = more;
        near->cap = cap;
    }
    near->pair[near->n][0] = ta;
    near->pair[near->n++][1] = tb;
    return true;
}

/* @return false: no memory. Ends early once all parts have more than QD_NEAR_MOST in @p all. */
static bool collect(const qd_strip *s, const qd_clock *line, int64_t reach, atomic_uint_fast64_t *all, qd_near *near) {
    enum { PIECE = 1 << 12 };
    uint64_t i = qd_tags_lower_bound(s->a, s->from), end = qd_tags_lower_bound(s->a, s->to), nb = s->b->n;
    uint64_t low = i < end ? qd_tags_from(s->b, line, s->a->t[i] - reach) : 0;
    int64_t at = low < nb ? qd_clock_apply(line, s->b->t[low]) : INT64_MAX;
    for (; i < end; i++) {
        int64_t ta = s->a->t[i];
        while (at < ta - reach) at = ++low < nb ? qd_clock_apply(line, s->b->t[low]) : INT64_MAX;
        for (uint64_t j = low; at <= ta + reach && j < nb; j++) {
            if (qd_clock_apply(line, s->b->t[j]) - ta > reach) break;
            if (!append(near, ta, s->b->t[j])) return false;
            if (near->n % PIECE == 0 && atomic_fetch_add(all, PIECE) + PIECE > QD_NEAR_MOST) return true;
        }
    }
    return true;
}

typedef struct collecting {
    const qd_strip *strip;
    const qd_clock *line;
    int64_t reach;
    uint32_t parts;
    atomic_uint_fast64_t all; /* pairs, in whole pieces */
    qd_near near[QD_STRIP_PARTS];
    bool ok[QD_STRIP_PARTS];
} collecting;

static void collect_part(void *self, uint32_t k) {
    collecting *c = self;
    qd_strip part = qd_strip_part(c->strip, k, c->parts);
    c->ok[k] = collect(&part, c->line, c->reach, &c->all, &c->near[k]);
}

/* A list of all parts; their own are freed. false: no memory. */
static bool join(collecting *c, uint64_t n, qd_near *near) {
    *near = (qd_near){.cap = n, .pair = malloc((n + 1) * sizeof *near->pair)};
    for (uint32_t k = 0; near->pair && k < c->parts; k++) {
        if (c->near[k].n) memcpy(near->pair + near->n, c->near[k].pair, c->near[k].n * sizeof *near->pair);
        near->n += c->near[k].n;
        qd_near_free(&c->near[k]);
    }
    return near->pair;
}

qd_status qd_strip_collect(const qd_strip *s, const qd_clock *line, int64_t reach, qd_near *near, bool *fits, qd_error *err) {
    collecting c = {.strip = s, .line = line, .reach = reach, .parts = qd_strip_parts(s)};
    atomic_init(&c.all, 0);
    *near = (qd_near){0};
    qd_in_parts(c.parts, collect_part, &c);
    uint64_t n = 0;
    bool ok = true;
    for (uint32_t k = 0; k < c.parts; k++) {
        n += c.near[k].n;
        ok = ok && c.ok[k];
    }
    *fits = n <= QD_NEAR_MOST && atomic_load(&c.all) <= QD_NEAR_MOST;
    ok = ok && (!*fits || join(&c, n, near));
    for (uint32_t k = 0; k < c.parts; k++) qd_near_free(&c.near[k]);
    return ok ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for %llu pairs", (unsigned long long)n);
}

void qd_near_free(qd_near *near) {
    free(near->pair);
    *near = (qd_near){0};
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
