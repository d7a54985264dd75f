/* SPDX-License-Identifier: Apache-2.0 */
/* A clock whose base lies within the data: found there, followed backward to the first event, then forward from where it was found. */
#include <math.h>
#include <stdlib.h>
#include "timetag/follow.h"

qd_status qd_follow_seek(qd_follow *f, const qd_tags *a, bool a_end, const qd_tags *b, bool b_end, int64_t t, qd_follow_need *need, bool *done,
                         qd_error *err) {
    *need = (qd_follow_need){.until = INT64_MIN, .a = INT64_MIN, .b = INT64_MIN};
    QD_TRY(qd_follow_in_range(f, b, err));
    *done = f->hold || (!f->begun && !qd_follow_start(f, t));
    while (!*done && f->level >= 0) {
        int64_t from, to;
        qd_follow_range(f, &from, &to);
        int64_t to_b = qd_follow_b_time(f, to + qd_follow_margin(f));
        if ((!a_end && (!a->n || a->t[a->n - 1] < to)) || (!b_end && (!b->n || b->t[b->n - 1] < to_b))) {
            need->a = to;
            need->b = to_b;
            return QD_OK;
        }
        if (a->n) QD_TRY(qd_follow_step(f, a, b, err));
        if (!a->n || f->over) break;
    }
    *done = true;
    return QD_OK;
}

bool qd_follow_found(const qd_follow *f) { return f->locked; }

qd_status qd_follow_turn(const qd_follow *f, qd_follow **out, qd_error *err) {
    qd_follow *back = malloc(sizeof *back);
    *out = NULL;
    if (!back) return qd_fail(err, QD_E_INTERNAL, "no memory to follow a clock");
    *back = *f;
    back->sample = NULL;
    back->piece = NULL;
    back->n_samples = back->cap_samples = back->n_pieces = back->cap_pieces = 0;
    back->dir = -1;
    back->next = f->found_at - 1;
    back->report = (qd_follow_report){.locked = true};
    back->sum_pairs = back->sum_square = back->sum_seconds = 0;
    *out = back;
    return QD_OK;
}

qd_status qd_follow_retreat(qd_follow *f, const qd_tags *a, bool a_first, const qd_tags *b, bool b_first, qd_follow_need *need, bool *done,
                            qd_error *err) {
    int64_t from, to;
    while (!f->over) {
        qd_follow_range(f, &from, &to);
        int64_t from_b = qd_follow_b_time(f, from - qd_follow_margin(f));
        if ((!a_first && (!a->n || a->t[0] >= from)) || (!b_first && (!b->n || b->t[0] > from_b))) break;
        QD_TRY(qd_follow_step(f, a, b, err));
    }
    *done = f->over;
    qd_follow_range(f, &from, &to);
    *need = (qd_follow_need){.until = from, .a = to, .b = qd_follow_b_time(f, to + qd_follow_margin(f))};
    return QD_OK;
}

qd_status qd_follow_join(qd_follow *f, const qd_follow *back, qd_error *err) {
    size_t n = f->n_pieces + back->n_pieces;
    qd_piece *p = malloc((n + 1) * sizeof *p);
    if (!p) return qd_fail(err, QD_E_INTERNAL, "no memory to follow a clock");
    for (size_t i = 0; i < back->n_pieces; i++) p[i] = back->piece[back->n_pieces - 1 - i];
    for (size_t i = 0; i < f->n_pieces; i++) p[back->n_pieces + i] = f->piece[i];
    free(f->piece);
    f->piece = p;
    f->n_pieces = n;
    f->cap_pieces = n + 1;
    qd_follow_report *r = &f->report;
    const qd_follow_report *s = &back->report;
    r->stretches += s->stretches;
    r->unfitted += s->unfitted;
    r->lost += s->lost;
    r->wide += s->wide;
    r->departure_ps = fmax(r->departure_ps, s->departure_ps);
    r->drift_ppm_s = fmax(r->drift_ppm_s, s->drift_ppm_s);
    f->sum_pairs += back->sum_pairs;
    f->sum_square += back->sum_square;
    f->sum_seconds += back->sum_seconds;
    return QD_OK;
}
