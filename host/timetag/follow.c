/* SPDX-License-Identifier: Apache-2.0 */
/* The public calls of a clock that is followed: which stretch is next, what it needs, its lines, B's times by them. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "timetag/follow.h"

/* Without pairs a search is made after 8 stretches (0.5 s), then every 4, later every 128; the rarer, the longer: what one looks at ends where
 * the next begins, so that pairs are found from where they come again. */
enum { AGAIN = 8, AGAIN_MOST = 128 };
static const int64_t forever = INT64_MAX;

static qd_status no_memory(qd_error *err) { return qd_fail(err, QD_E_INTERNAL, "no memory to follow a clock"); }

qd_status qd_follow_create(const qd_clock *line, int64_t reach, bool hold, qd_follow **out, qd_error *err) {
    *out = NULL;
    const int64_t fast = (int64_t)1 << 32, far = (int64_t)1 << 61;
    qd_tick tick = line->tick;
    if (line->freq >= fast || line->freq <= -fast || line->offset > far || line->offset < -far || tick.num == 0 || tick.den == 0 ||
        tick.num >> 31 || tick.den >> 31 || reach < 0 || reach >> 29)
        return qd_fail(err, QD_E_USAGE, "a clock out of range, or a window of +-%" PRId64 " ticks, to follow", reach);
    qd_follow *f = calloc(1, sizeof *f);
    if (!f) return no_memory(err);
    f->given = *line;
    f->tick = tick;
    f->reach = reach;
    /* a cell of too few ticks has no slope to speak of */
    f->hold = hold || qd_cell_start(tick, 1) < 1 << 16;
    f->dir = 1;
    f->last = f->until = INT64_MIN;
    f->tail = *line;
    *out = f;
    return QD_OK;
}

void qd_follow_destroy(qd_follow *f) {
    if (!f) return;
    free(f->sample);
    free(f->piece);
    free(f);
}

const qd_follow_report *qd_follow_about(const qd_follow *f) { return &f->report; }

int64_t qd_follow_margin(const qd_follow *f) {
    return (int64_t)(1000000000 / f->tick.num * f->tick.den) + 4096 * (f->reach + 1);
}

uint64_t qd_times_lower_bound(const qd_times *x, int64_t t) {
    const qd_tags as_tags = {.n = x->n, .t = x->t};
    return qd_tags_lower_bound(&as_tags, t);
}

void qd_times_drop(qd_times *x, uint64_t k) {
    if (k > x->n) k = x->n;
    if (k) memmove(x->t, x->t + k, (x->n - k) * sizeof *x->t);
    x->n -= k;
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

static double tick_ps(const qd_follow *f) { return (double)f->tick.num / (double)f->tick.den; }

static qd_status add_piece(qd_follow *f, int64_t to, const qd_clock *clock, qd_error *err) {
    if (f->n_pieces == f->cap_pieces) {
        size_t cap = f->cap_pieces ? 2 * f->cap_pieces : 64;
        qd_piece *p = realloc(f->piece, cap * sizeof *p);
        if (!p) return no_memory(err);
        f->piece = p;
        f->cap_pieces = cap;
    }
    f->piece[f->n_pieces++] = (qd_piece){to, *clock};
    f->tail = *clock;
    int64_t away = qd_clock_apply(clock, clock->base) - qd_clock_apply(&f->given, clock->base);
    f->report.departure_ps = fmax(f->report.departure_ps, fabs((double)away) * tick_ps(f));
    return QD_OK;
}

/* The lines of @p n cells from @p lo on, in the order of the way. */
static qd_status add_cells(qd_follow *f, int64_t lo, int n, qd_error *err) {
    for (int i = 0; i < n; i++) {
        int64_t k = f->dir > 0 ? lo + i : lo + n - 1 - i;
        qd_clock clock = f->locked ? qd_follow_clock(f, k) : f->given;
        QD_TRY(add_piece(f, qd_cell_start(f->tick, k + 1), &clock, err));
    }
    return QD_OK;
}

/* B's times by the pieces there are, up to the first that the last of them does not take. */
static qd_status convert(qd_follow *f, const qd_tags *b, qd_times *on_a, qd_error *err) {
    if (on_a->cap < b->n) {
        int64_t *t = realloc(on_a->t, b->cap * sizeof *t);
        if (!t) return no_memory(err);
        on_a->t = t;
        on_a->cap = b->cap;
    }
    size_t at = 0;
    while (at < f->n_pieces) {
        const qd_piece *p = &f->piece[at];
        int64_t last = f->last;
        uint64_t i = on_a->n;
        for (; i < b->n; i++) {
            int64_t t = qd_clock_apply(&p->clock, b->t[i]);
            if (t >= p->to) break;
            if (t > last) last = t; /* where lines meet they are ticks apart at most: order stays */
            on_a->t[i] = last;
        }
        f->last = last;
        on_a->n = i;
        if (i == b->n) break;
        at++;
    }
    /* what is used up goes, but for the last: it tells how far B's times are known */
    if (at > 0) f->until = f->piece[at - 1].to;
    f->n_pieces -= at;
    for (size_t i = 0; at && i < f->n_pieces; i++) f->piece[i] = f->piece[i + at];
    return QD_OK;
}

/* ---- Stretches --------------------------------------------------------------------------------------------------- */

static void note_fit(qd_follow *f, int64_t lead, const qd_follow_fit *fit, unsigned stretches, double pairs) {
    qd_follow_report *r = &f->report;
    f->sd_end = fit->sd_end;
    for (int64_t i = 0; i < (int64_t)stretches * QD_STRETCH && i < QD_MEMORY; i++) {
        const qd_cell *c = &f->memory[(lead - f->dir * i) & (QD_MEMORY - 1)];
        if (c->used && c->k == lead - f->dir * i) f->sum_e += (double)c->e;
    }
    double cell_s = qd_seconds(qd_cell_start(f->tick, lead + 1) - qd_cell_start(f->tick, lead), f->tick);
    double unit_s = tick_ps(f) * 1e-12 / (1 << QD_FINE_BITS);
    double drift = 2 * ldexp((double)f->curve.c2, -QD_CURVE_BITS) * unit_s / (cell_s * cell_s) * 1e6;
    r->drift_ppm_s = fmax(r->drift_ppm_s, fabs(drift));
    f->sum_pairs += pairs;
    f->sum_square += pairs * fmax(fit->variance, 0);
    f->sum_seconds += stretches * QD_STRETCH * cell_s;
    r->pairs_per_s = f->sum_pairs / f->sum_seconds;
    r->sigma_ps = sqrt(f->sum_square / (f->sum_pairs + 1e-9)) * unit_s * 1e12;
    if (3 * sqrt(fmax(fit->variance, 0)) > (double)(2 * f->reach + 1) * (1 << QD_FINE_BITS)) r->wide += stretches;
}

/* Pairs above the background in the cells at hand. */
static double pairs_in(const qd_follow *f, int64_t lo, int n) {
    double pairs = 0;
    for (int i = 0; i < n; i++) {
        const qd_cell *c = &f->memory[(lo + i) & (QD_MEMORY - 1)];
        pairs += (double)c->n - (double)c->side / 2;
    }
    return pairs;
}

/* The window follows the jitter where that is known well. */
static void widen(qd_follow *f, const qd_follow_fit *fit) {
    if (fit->pairs < 30 * sqrt(fit->events) || !(fit->variance > 0)) return;
    f->window += ((int64_t)(3 * sqrt(fit->variance)) - f->window) / 8;
    if (f->window < f->found_window / 2) f->window = f->found_window / 2;
    if (f->window > 2 * f->found_window) f->window = 2 * f->found_window;
    if (f->window < 2 << QD_FINE_BITS) f->window = 2 << QD_FINE_BITS;
}

/* A fit needs no longer memory than lately: else what it rests on is past. What is usual changes slowly, as rates do. */
static bool usual(qd_follow *f, int least) {
    enum { MARGIN = 3, UP = 8 };
    int step = (least > f->usual) - (least < f->usual);
    if (step * f->tending <= 0) f->tending = 0;
    f->tending += step * QD_STRETCH;
    if (f->tending <= -(1 << f->usual)) f->usual--, f->tending = 0;
    if (f->tending >= UP << f->usual) f->usual++, f->tending = 0;
    return least <= f->usual + MARGIN;
}

/* Where the curve is at the outer ends of the cells at hand. */
static int64_t moved(const qd_curve *before, const qd_curve *after, int64_t lo, int n) {
    int64_t most = 0;
    for (int i = 0; i < 2; i++) {
        int64_t k = i ? lo + n - 1 : lo, d = qd_curve_units(after, k) - qd_curve_units(before, k);
        if (d < 0) d = -d;
        if (d > most) most = d;
    }
    return most;
}

/* One stretch along the curve: samples, least squares until it stands. */
static qd_status fit_stretch(qd_follow *f, const qd_tags *a, const qd_tags *b, int64_t lo, bool *fitted, qd_error *err) {
    enum { STEPS = 12 };
    int64_t lead = f->dir > 0 ? lo + QD_STRETCH - 1 : lo, shifted = 0;
    const qd_curve start = f->curve;
    qd_follow_fit fit;
    int least = 0;
    *fitted = false;
    QD_TRY(qd_follow_collect(f, a, b, lo, QD_STRETCH, 3 * f->window + f->window / 2, err));
    for (int step = 0; step < STEPS; step++) {
        qd_follow_measure(f, lo, QD_STRETCH);
        qd_curve before = f->curve;
        *fitted = qd_follow_choose(f, lead, &fit, &least) && qd_follow_correct(f, lead, &fit);
        if (!*fitted) break;
        int64_t by = moved(&before, &f->curve, lo, QD_STRETCH);
        shifted += by;
        if (by <= 4) break;
        if (shifted > f->window / 2) {
            shifted = 0;
            QD_TRY(qd_follow_collect(f, a, b, lo, QD_STRETCH, 3 * f->window + f->window / 2, err));
        }
    }
    if (!*fitted) f->curve = start;
    qd_follow_measure(f, lo, QD_STRETCH);
    *fitted = *fitted && usual(f, least); /* else the curve is made of what is past, and the better for it */
    if (*fitted) {
        note_fit(f, lead, &fit, 1, pairs_in(f, lo, QD_STRETCH));
        widen(f, &fit);
    }
    return QD_OK;
}

/* A parabola says nothing of times far from what it was fitted to: past the longest memory without pairs the curve goes on straight. */
static void straighten(qd_follow *f, int64_t skip) {
    const int64_t most = QD_MEMORY / QD_STRETCH;
    if (f->curve.c2 == 0 || (skip < most && f->coasted < (uint64_t)most)) return;
    qd_curve_move(&f->curve, f->next * QD_STRETCH);
    f->curve.c2 = 0;
}

static void due(qd_follow *f) {
    uint64_t again = AGAIN;
    int levels = 1;
    for (; again < AGAIN_MOST && 8 * again <= f->coasted; again *= 2) levels++;
    const uint64_t every = again == AGAIN_MOST ? again : again / 2; /* the longest look: 4 stretches, 8, ... */
    f->level = -1;
    if (f->coasted < AGAIN || (f->coasted % every && !f->after_gap)) return;
    if (f->locked && !f->sought) f->report.lost++;
    f->sought = true;
    f->level = 0;
    f->level_end = again == AGAIN_MOST ? QD_FIND_LEVELS : levels;
}

static qd_status one_stretch(qd_follow *f, const qd_tags *a, const qd_tags *b, qd_error *err) {
    int64_t lo = f->next * QD_STRETCH;
    bool fitted = false;
    if (f->locked) QD_TRY(fit_stretch(f, a, b, lo, &fitted, err));
    if (!fitted && f->after_gap) {
        due(f);
        f->after_gap = false;
        if (f->level >= 0) return QD_OK;
    }
    f->after_gap = false;
    QD_TRY(add_cells(f, lo, QD_STRETCH, err));
    f->report.stretches++;
    f->report.unfitted += !fitted;
    f->coasted = fitted ? 0 : f->coasted + 1;
    f->sought = f->sought && !fitted;
    f->next += f->dir;
    straighten(f, 0);
    due(f);
    return QD_OK;
}

/* The cells that a search of the level that is due looks at. The first stretch of all may be short of events: it comes after it. */
static int64_t look_at(const qd_follow *f, int *n) {
    *n = 16 << f->level;
    int64_t first = f->next + (f->fresh ? f->dir : 0);
    return (f->dir > 0 ? first : first - *n / QD_STRETCH + 1) * QD_STRETCH;
}

static qd_status look(qd_follow *f, const qd_tags *a, const qd_tags *b, qd_error *err) {
    int n, level = 4 + f->level;
    int64_t lo = look_at(f, &n), lead = f->dir > 0 ? lo + n - 1 : lo;
    bool found = false;
    QD_TRY(qd_follow_find(f, a, b, lo, n, &found, err));
    if (!found) {
        int64_t from = qd_cell_start(f->tick, lo), to = qd_cell_start(f->tick, lo + n);
        bool more = f->dir > 0 ? a->t[a->n - 1] >= to : a->t[0] < from;
        uint64_t events = qd_events_between(a, from, to);
        if (++f->level >= f->level_end || !more || 2 * events > QD_FOLLOW_EVENTS) f->level = -1;
        if (f->level < 0) f->fresh = false;
        return QD_OK;
    }
    if (!f->locked) f->found_at = lo / QD_STRETCH;
    f->locked = f->report.locked = true;
    f->found_window = f->window;
    f->usual = level;
    f->tending = 0;
    f->coasted = 0;
    f->sought = false;
    f->level = -1;
    if (f->fresh) n += QD_STRETCH, lo -= f->dir > 0 ? QD_STRETCH : 0;
    f->fresh = false;
    qd_follow_fit fit;
    if (qd_follow_fit_level(f, lead, level, &fit)) note_fit(f, lead, &fit, (unsigned)(n / QD_STRETCH), fit.pairs);
    QD_TRY(add_cells(f, lo, n, err));
    f->report.stretches += (uint64_t)(n / QD_STRETCH);
    f->next += f->dir * (n / QD_STRETCH);
    return QD_OK;
}

/* ---- The way ----------------------------------------------------------------------------------------------------- */

int64_t qd_stretch_of(const qd_follow *f, int64_t t) { return qd_cell_of(f->tick, t) >> 2; }

bool qd_follow_start(qd_follow *f, int64_t t) {
    const __int128 far = (__int128)1 << 54;
    __int128 x = (__int128)t - f->given.offset - f->given.base;
    f->hold = f->hold || x >= far || x <= -far;
    if (f->hold) return false;
    f->next = qd_stretch_of(f, t);
    qd_follow_line(f, f->next * QD_STRETCH);
    f->level = 0;
    f->level_end = QD_FIND_LEVELS;
    return f->begun = true;
}

/* Start where both sides have events. Where one has none, or A's are nowhere near the clock, there is nothing to follow. */
static qd_status begin(qd_follow *f, const qd_tags *a, const qd_tags *b, qd_error *err) {
    f->hold = !a->n || !b->n;
    if (f->hold) return QD_OK;
    int64_t tb = qd_clock_apply(&f->given, b->t[0]);
    if (!qd_follow_start(f, a->t[0] > tb ? a->t[0] : tb)) return QD_OK;
    f->fresh = true;
    return add_piece(f, qd_cell_start(f->tick, f->next * QD_STRETCH), &f->given, err);
}

int64_t qd_follow_b_time(const qd_follow *f, int64_t t) {
    qd_curve c = f->curve;
    int64_t k = qd_cell_of(f->tick, t), x = qd_curve_units(&c, k) >> QD_FINE_BITS;
    return t - f->reference - x;
}

static bool has(const qd_tags *x, bool end, int64_t t) { return end || (x->n && x->t[x->n - 1] >= t); }

qd_status qd_follow_in_range(const qd_follow *f, const qd_tags *b, qd_error *err) {
    const __int128 far = (__int128)1 << 54;
    for (int i = 0; i < 2 && b->n; i++) {
        __int128 x = (__int128)b->t[i ? b->n - 1 : 0] - f->given.base;
        if (x >= far || x <= -far)
            return qd_fail(err, QD_E_USAGE,
                           "times or clock out of range||a clock holds within 2^54 ticks of its base and 244 ppm|recover the clock on "
                           "this recording");
    }
    return QD_OK;
}

/* Ask for the side that is behind. */
static qd_status held(qd_follow *f, const qd_tags *a, const qd_tags *b, bool b_end, qd_times *on_a, qd_follow_need *need, qd_error *err) {
    if (!f->begun) QD_TRY(add_piece(f, forever, &f->given, err));
    f->begun = true;
    QD_TRY(convert(f, b, on_a, err));
    f->until = b_end ? forever : b->n ? on_a->t[b->n - 1] : INT64_MIN;
    need->until = f->until;
    need->a = b->n ? on_a->t[b->n - 1] : forever;
    need->b = forever;
    if (a->n) {
        __int128 t = (__int128)a->t[a->n - 1] - f->given.offset;
        t -= ((t - f->given.base) * f->given.freq) >> QD_CLOCK_SHIFT;
        need->b = t + qd_follow_margin(f) > forever ? forever : (int64_t)(t + qd_follow_margin(f));
    }
    return QD_OK;
}

/* Stretch of the next event of A's on the way; false: there is none. */
static bool with_events(const qd_follow *f, const qd_tags *a, int64_t *next) {
    uint64_t i = qd_tags_lower_bound(a, qd_cell_start(f->tick, (f->dir > 0 ? f->next : f->next + 1) * QD_STRETCH));
    if (f->dir > 0 ? i == a->n : i == 0) return false;
    *next = qd_stretch_of(f, a->t[f->dir > 0 ? i : i - 1]);
    return true;
}

qd_status qd_follow_step(qd_follow *f, const qd_tags *a, const qd_tags *b, qd_error *err) {
    int64_t next;
    if (!with_events(f, a, &next)) { /* A has ended */
        f->over = true;
        if (f->dir < 0) return QD_OK;
        if (f->n_pieces == 0) return add_piece(f, forever, &f->tail, err);
        f->piece[f->n_pieces - 1].to = forever;
        return QD_OK;
    }
    int64_t skip = (next - f->next) * f->dir;
    if (skip > 0) { /* nothing of A's in between */
        if (f->level < 0) f->coasted += (uint64_t)skip;
        f->after_gap = f->level < 0;
        straighten(f, skip);
        f->next = next;
        return QD_OK;
    }
    return f->level >= 0 ? look(f, a, b, err) : one_stretch(f, a, b, err);
}

void qd_follow_range(const qd_follow *f, int64_t *from, int64_t *to) {
    int n = QD_STRETCH;
    int64_t lo = f->level >= 0 ? look_at(f, &n) : f->next * QD_STRETCH;
    *from = qd_cell_start(f->tick, lo);
    *to = qd_cell_start(f->tick, lo + n);
}

qd_status qd_follow_advance(qd_follow *f, const qd_tags *a, bool a_end, const qd_tags *b, bool b_end, qd_times *on_a, qd_follow_need *need,
                            qd_error *err) {
    *need = (qd_follow_need){.until = f->until, .a = INT64_MIN, .b = INT64_MIN};
    QD_TRY(qd_follow_in_range(f, b, err));
    if (!f->begun && !f->hold) {
        if (!a->n && !a_end) need->a = forever;
        if (!b->n && !b_end) need->b = forever;
        if (need->a == forever || need->b == forever) return QD_OK;
        QD_TRY(begin(f, a, b, err));
    }
    if (f->hold) return held(f, a, b, b_end, on_a, need, err);
    while (!f->over) {
        int64_t from, to;
        qd_follow_range(f, &from, &to);
        int64_t to_b = qd_follow_b_time(f, to + qd_follow_margin(f));
        if (!has(a, a_end, to) || !has(b, b_end, to_b)) {
            need->a = to;
            need->b = to_b;
            break;
        }
        QD_TRY(qd_follow_step(f, a, b, err));
    }
    QD_TRY(convert(f, b, on_a, err));
    if (f->over && b_end) f->until = forever;
    need->until = f->until > f->last ? f->until : f->last; /* B's next times are not before the last */
    if (f->over && !b_end) need->b = forever;
    return QD_OK;
}
