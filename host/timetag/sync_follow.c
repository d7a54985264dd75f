/* SPDX-License-Identifier: Apache-2.0 */
/* Confirmation of a clock that drifts: followed through the data of the search, then counted in data kept back, where each
 * stretch is looked at along the curve that all before it made. So the windows do not depend on the events in them, and chance
 * fills them as any others. */
#include <math.h>
#include <stdlib.h>
#include "timetag/follow.h"

enum { MOST_DIFFERENCES = 1 << 25, SCALE = 64 };

static int64_t cell_of_piece(const qd_follow *f, size_t i) {
    return qd_cell_of(f->tick, f->piece[i].to) - 1;
}

/* A piece as a strip, without what lies before @p from. */
static qd_strip strip_of(const qd_follow *f, size_t i, const qd_strip *s) {
    qd_strip cell = *s;
    cell.from = qd_cell_start(f->tick, cell_of_piece(f, i));
    cell.to = f->piece[i].to;
    if (cell.from < s->from) cell.from = s->from;
    return cell;
}

/* Stretch after stretch as long as they lie within the strip, or until there are pairs. false: no pairs, or none for half a
 * second. */
static qd_status through(qd_follow *f, const qd_strip *s, bool find, bool *followed, qd_error *err) {
    for (;;) {
        int64_t from, to;
        qd_follow_range(f, &from, &to);
        *followed = f->locked && !f->report.lost;
        if (f->over || to > s->to || (find && f->locked) || (f->locked ? f->report.lost > 0 : f->level < 0)) return QD_OK;
        QD_TRY(qd_follow_step(f, s->a, s->b, err));
    }
}

static qd_status count_kept(qd_follow *f, const qd_strip *kept, int64_t reach, qd_bent *out, qd_error *err) {
    uint64_t count[32] = {0};
    while (!f->over && f->level < 0) {
        int64_t from, to;
        qd_follow_range(f, &from, &to);
        if (to > kept->to) break;
        for (int i = 0; from >= kept->from && i < QD_STRETCH; i++) {
            int64_t k = f->next * QD_STRETCH + i;
            qd_strip cell = *kept;
            cell.from = qd_cell_start(f->tick, k);
            cell.to = qd_cell_start(f->tick, k + 1);
            qd_clock line = qd_follow_clock(f, k);
            qd_beside(&cell, &line, reach, count);
        }
        QD_TRY(qd_follow_step(f, kept->a, kept->b, err));
    }
    out->events = count[16];
    out->background = qd_beside_mean(count);
    return QD_OK;
}

/* Another peak beside the curve, in cells of @p width, over as many of the first @p n pieces as are dense enough, in the middle.
 */
static double beside_curve(const qd_follow *f, size_t n, const qd_strip *s, int64_t width) {
    uint64_t sum[2 * QD_LOOK_HALF] = {0}, count[2 * QD_LOOK_HALF];
    double of_b = (double)s->b->n / (double)(s->b->t[s->b->n - 1] - s->b->t[0] + 1),
           many = (double)qd_events_between(s->a, s->from, s->to) * of_b * 2 * QD_LOOK_HALF * (double)width;
    size_t some = many > MOST_DIFFERENCES ? (size_t)((double)n * MOST_DIFFERENCES / many) + 1 : n, first = (n - some) / 2;
    for (size_t i = first; i < first + some; i++) {
        qd_strip cell = strip_of(f, i, s);
        qd_clock line = f->piece[i].clock;
        line.offset += width / 2;
        qd_strip_histogram(&cell, &line, width, QD_LOOK_HALF, count);
        for (int q = 0; q < 2 * QD_LOOK_HALF; q++) sum[q] += count[q];
    }
    return qd_second_peak(sum, width, s->a->tick);
}

typedef struct straightening {
    const qd_clock *is, *as; /* line of the cell, and the one that all are brought to */
    qd_near *near;
    uint64_t room;
} straightening;

static void straighten(void *self, int64_t ta, int64_t tb, int64_t e) {
    const straightening *x = self;
    (void)e;
    if (x->near->n == x->room) return;
    x->near->pair[x->near->n][0] = ta;
    x->near->pair[x->near->n++][1] = tb + qd_clock_apply(x->is, tb) - qd_clock_apply(x->as, tb);
}

/* A cell's line has its pairs on either side of it as the parabola bends: drift length^2 / 24 beside the one that touches it. */
static int64_t beside_touching(const qd_follow *f, size_t first, size_t n) {
    const qd_clock *from = &f->piece[first].clock, *to = &f->piece[n - 1].clock;
    double cell = (double)(qd_cell_start(f->tick, 1) - qd_cell_start(f->tick, 0)), span = (double)(to->base - from->base);
    return span > 0 ? llround(ldexp((double)(to->freq - from->freq), QD_FINE_BITS - QD_CLOCK_SHIFT) / span * cell * cell / 24) : 0;
}

/* Nearly all cells that one parabola was fitted to first, and the line that touches it in their middle: pairs moved by what lies
 * between the two are on a line. Its offset is as uncertain as the parabola's there, half as much again as a line's. false: too
 * few pairs. */
static qd_status touching(const qd_follow *f, size_t n, const qd_strip *s, qd_bent *out, bool *fits, qd_error *err) {
    enum { ROOM = 24 };
    int64_t h = f->window / 3 / (1 << QD_FINE_BITS) + 1;
    size_t first = QD_STRETCH + 1,
           middle = first + (n - first) / 2; /* before these the parabola was not fitted; odd: one is the middle */
    out->line = f->piece[middle].clock;
    out->start = *s;
    out->start.from = qd_cell_start(f->tick, cell_of_piece(f, first));
    out->start.to = f->piece[n - 1].to;
    uint64_t count[2], room = 0;
    for (size_t i = first; i < n; i++) {
        qd_strip cell = strip_of(f, i, s);
        qd_strip_histogram(&cell, &f->piece[i].clock, ROOM * h + 1, 1, count);
        room += count[0] + count[1];
    }
    qd_near near = {.pair = malloc((room + 1) * sizeof *near.pair)};
    if (!near.pair) return qd_fail(err, QD_E_INTERNAL, "no memory for %llu pairs", (unsigned long long)room);
    for (size_t i = first; i < n; i++) {
        qd_strip cell = strip_of(f, i, s);
        straightening x = {&f->piece[i].clock, &out->line, &near, room};
        qd_strip_walk(&cell, x.is, ROOM * h, straighten, &x);
    }
    out->start.near = &near;
    *fits = qd_fit_line(&out->start, &out->line, h, &out->fit);
    out->fit.offset_sd *= 1.5;
    qd_fine_shift(&out->fit.line, -beside_touching(f, first, n));
    out->start.near = NULL;
    qd_near_free(&near);
    return QD_OK;
}

qd_status qd_bent_follow(const qd_strip *used, const qd_strip *kept, const qd_clock *line, int64_t h, int64_t widest,
                         qd_bent *out, qd_error *err) {
    qd_follow *f = NULL;
    bool on = false;
    const int64_t fast = (int64_t)1 << 32, wide = (int64_t)1 << 29;
    *out = (qd_bent){.followed = false};
    if (line->freq >= fast || line->freq <= -fast || h >= wide) return QD_OK; /* what a clock can be */
    QD_TRY(qd_follow_create(line, h, false, &f, err));
    qd_status s = QD_OK;
    if (!qd_follow_start(f, used->from)) goto out;
    f->fresh = true;
    QD_TRY_OUT(s, through(f, used, true, &on, err));
    size_t first = f->n_pieces;
    if (on) QD_TRY_OUT(s, through(f, used, false, &on, err));
    size_t n = f->n_pieces;
    if (!on || n <= first) goto out;
    QD_TRY_OUT(s, touching(f, first, used, out, &on, err));
    if (!on) goto out;
    int64_t reach = f->window / (1 << QD_FINE_BITS) + 1;
    double span = (double)(f->piece[n - 1].clock.base - f->piece[0].clock.base);
    out->drift = ldexp((double)(f->piece[n - 1].clock.freq - f->piece[0].clock.freq), -QD_CLOCK_SHIFT) / span;
    for (int64_t width = reach;; width = width > widest / SCALE ? widest : width * SCALE) {
        out->second = fmax(out->second, beside_curve(f, n, used, width));
        if (width >= widest) break;
    }
    QD_TRY_OUT(s, count_kept(f, kept, reach, out, err));
    out->end = f->piece[f->n_pieces - 1].to;
    out->followed = true;
out:
    qd_follow_destroy(f);
    return s;
}
