/* SPDX-License-Identifier: Apache-2.0 */
/* The simulation from its definition in simulate.h: one event after the other, a sort for each cell, then the dead time. */
#include <stdlib.h>
#include <string.h>
#include "link/simulate.h"

/* A click before dead time. */
typedef struct event {
    int64_t t;     /* Alice's clock */
    uint32_t cell; /* that emitted it */
    uint32_t low;  /* see simulate.h */
    uint32_t detector;
} event;

typedef struct events {
    event *e;
    uint64_t n, cap;
    bool failed;
} events;

static void push(events *l, event e) {
    if (l->failed) return;
    if (l->n == l->cap) {
        uint64_t cap = l->cap ? 2 * l->cap : 256;
        event *p = realloc(l->e, cap * sizeof *p);
        if (!p) {
            l->failed = true;
            return;
        }
        l->e = p;
        l->cap = cap;
    }
    l->e[l->n++] = e;
}

static int by_time(const void *pa, const void *pb) {
    const event *a = pa, *b = pb;
    if (a->t != b->t) return a->t < b->t ? -1 : 1;
    if (a->detector != b->detector) return a->detector < b->detector ? -1 : 1;
    if (a->cell != b->cell) return a->cell < b->cell ? -1 : 1;
    return (a->low > b->low) - (a->low < b->low);
}

/* An exponential gap in 1/8 ticks from one uniform word. */
static uint64_t gap_of(const qd_gap_table *g, uint32_t u) {
    uint64_t sum = 0;
    for (int level = 1;; level++) {
        uint32_t i = u >> (32 - QD_GAP_BITS);
        uint64_t f = u & (((uint32_t)1 << (32 - QD_GAP_BITS)) - 1);
        if (i >= QD_GAP_ZOOM || level == QD_GAP_LEVELS)
            return sum + ((uint64_t)(g->a[i] - (uint32_t)((g->s[i] * f + (1 << 21)) >> 22)) << g->shift);
        sum += g->zoom;
        u <<= 6;
    }
}

static void click(const qd_link *link, int station, uint64_t cell, uint64_t time, uint32_t jitter_word, uint32_t detector,
                  uint32_t low, events *out) {
    const qd_link_arm *a = &link->arm[station];
    uint64_t t = time + a->jitter[jitter_word >> (32 - QD_JITTER_BITS)] + a->delay[detector];
    push(&out[station], (event){QD_LINK_START + (int64_t)((cell << QD_LINK_CELL_BITS) + t), (uint32_t)cell, low, detector});
}

static void pair(const qd_link *link, uint64_t cell, uint64_t index, uint64_t time, const uint32_t w[4], events *out) {
    uint32_t v[4], x[4];
    qd_philox(link->seed, QD_STREAM_PAIR_BOTH, cell << 32 | index, 1, v);
    qd_philox(link->seed, QD_STREAM_PAIR_BOTH, cell << 32 | index, 2, x);
    unsigned basis_a = w[1] < link->arm[0].split ? QD_Z : QD_X;
    unsigned basis_b = w[2] < link->arm[1].split ? QD_Z : QD_X;
    unsigned outcome_a = v[3] >> 31, outcome_b;
    bool eve = v[2] < link->eve;
    if (eve) {
        unsigned basis_e = v[3] >> 30 & 1;
        unsigned outcome_e = w[3] < link->eve_equal[basis_a][basis_e] ? outcome_a : !outcome_a;
        outcome_b = x[2] < link->eve_flip[basis_e][basis_b] ? !outcome_e : outcome_e;
    } else {
        outcome_b = w[3] < link->equal[basis_a][basis_b] ? outcome_a : !outcome_a;
    }
    uint32_t det_a = basis_a + 2 * outcome_a, det_b = basis_b + 2 * outcome_b;
    uint32_t low = (uint32_t)(index + 1) | (uint32_t)eve << 31;
    if (x[0] < link->arm[0].accept[det_a]) click(link, 0, cell, time, v[0], det_a, low, out);
    if (x[1] < link->arm[1].accept[det_b]) click(link, 1, cell, time, v[1], det_b, low, out);
}

static void single(const qd_link *link, int station, uint64_t cell, uint64_t time, const uint32_t w[4], events *out) {
    const qd_link_arm *a = &link->arm[station];
    bool dark = w[1] < a->dark;
    const uint64_t *cut = dark ? a->dark_cut : a->photon_cut;
    for (uint32_t d = 0; d < 4; d++)
        if (w[2] < cut[d]) {
            click(link, station, cell, time, w[3], d, (uint32_t)dark << 31, out);
            return;
        }
}

/* Everything that cell @p cell emits; out[station]. */
static qd_status emit(const qd_link *link, uint64_t cell, events out[2], qd_error *err) {
    static const uint32_t stream[QD_STREAMS] = {QD_STREAM_PAIR_BOTH, QD_STREAM_PAIR_A, QD_STREAM_PAIR_B};
    for (int s = 0; s < QD_STREAMS; s++) {
        uint64_t at = 0;
        for (uint64_t index = 0;; index++) {
            uint32_t w[4];
            qd_philox(link->seed, stream[s], cell << 32 | index, 0, w);
            at += gap_of(&link->gap[s], w[0]);
            uint64_t time = at >> QD_GAP_FRACTION;
            if (time >= (uint64_t)1 << QD_LINK_CELL_BITS) break;
            if (index >= link->cap[s]) return qd_link_overflow(cell, err);
            if (s == 0)
                pair(link, cell, index, time, w, out);
            else
                single(link, s - 1, cell, time, w, out);
        }
    }
    if (out[0].failed || out[1].failed)
        return qd_fail(err, QD_E_INTERNAL, "no memory for the events of a cell|||close other programs");
    return QD_OK;
}

/* One station's detectors. */
typedef struct detectors {
    int64_t free_at[4]; /* earliest time of the next kept click */
    int64_t seen[4];    /* last click, kept or not */
    bool sure[4]; /* a click at least the dead time after its predecessor has been met: free_at no longer depends on where we
                     began */
} detectors;

static int64_t start_of(uint64_t cell) {
    return QD_LINK_START + (int64_t)(cell << QD_LINK_CELL_BITS);
}

static uint64_t id_of(const event *e) {
    uint32_t number = e->low & 0x7fffffff, flag = e->low >> 31;
    if (number == 0) return flag ? QD_TRUTH_DARK : 0;
    return ((uint64_t)e->cell << 32) + number + (flag ? QD_TRUTH_EVE : 0);
}

static qd_status keep(const qd_link *link, int station, const event *e, qd_tags *tags, qd_truth *truth, qd_error *err) {
    if (tags->n == tags->cap) QD_TRY(qd_tags_reserve(tags, tags->cap ? 2 * tags->cap : 1024, err));
    tags->t[tags->n] = station == 0 ? e->t : qd_link_bob_time(link, e->t);
    tags->mask[tags->n] = (uint8_t)(1 << e->detector);
    tags->n++;
    if (truth) {
        QD_TRY(qd_truth_reserve(truth, station, 1, err));
        truth->id[station][truth->n[station]++] = id_of(e);
    }
    return QD_OK;
}

/* Clicks of one cell, sorted, through the dead time. @p tags NULL: only the state (the guard cell). */
static qd_status settle(const qd_link *link, int station, const events *sorted, detectors *d, qd_tags *tags, qd_truth *truth,
                        qd_error *err) {
    int64_t dead = (int64_t)link->arm[station].dead;
    for (uint64_t i = 0; i < sorted->n; i++) {
        const event *e = &sorted->e[i];
        if (e->t - d->seen[e->detector] >= dead) d->sure[e->detector] = true;
        if (e->t > d->seen[e->detector]) d->seen[e->detector] = e->t;
        bool kept = e->t >= d->free_at[e->detector];
        if (kept) d->free_at[e->detector] = e->t + dead;
        if (kept && tags) QD_TRY(keep(link, station, e, tags, truth, err));
        if (!kept && truth) truth->dead_dropped[station]++;
    }
    return QD_OK;
}

/* The clicks of @p station that fall into cell @p cell: those of the cell before that came late, and its own but the late ones.
 */
static void gather(const events *before, const events *own, uint64_t cell, events *out) {
    out->n = 0;
    for (uint64_t i = 0; i < before->n; i++)
        if (before->e[i].t >= start_of(cell)) push(out, before->e[i]);
    for (uint64_t i = 0; i < own->n; i++)
        if (own->e[i].t < start_of(cell + 1)) push(out, own->e[i]);
    if (out->n) qsort(out->e, out->n, sizeof *out->e, by_time);
}

static qd_status pass(const qd_link *link, uint64_t first, uint64_t cells, events now[2], events before[2], events *sorted,
                      qd_tags *tags[2], qd_truth *truth, qd_error *err) {
    detectors state[2];
    uint64_t guard = first > 0 ? first - 1 : 0;
    for (int k = 0; k < 2; k++)
        for (int d = 0; d < 4; d++) {
            state[k].free_at[d] = 0;
            state[k].seen[d] = first > 0 ? start_of(guard) + ((int64_t)1 << QD_GUARD_BITS) : 0;
            state[k].sure[d] = first == 0;
        }
    if (guard > 0) QD_TRY(emit(link, guard - 1, before, err));
    for (uint64_t cell = guard; cell < first + cells; cell++) {
        now[0].n = now[1].n = 0;
        QD_TRY(emit(link, cell, now, err));
        for (int k = 0; k < 2; k++) {
            gather(&before[k], &now[k], cell, sorted);
            if (sorted->failed) return qd_fail(err, QD_E_INTERNAL, "no memory for the events of a cell|||close other programs");
            bool out = cell >= first;
            if (out && cell == first)
                for (int d = 0; d < 4; d++)
                    if (!state[k].sure[d] && start_of(first) - state[k].seen[d] < (int64_t)link->arm[k].dead)
                        return qd_link_no_pause(cell, k, err);
            QD_TRY(settle(link, k, sorted, &state[k], out ? tags[k] : NULL, out ? truth : NULL, err));
            events swap = before[k];
            before[k] = now[k];
            now[k] = swap;
        }
    }
    return QD_OK;
}

qd_status qd_simulate_ref(const qd_link *link, uint64_t first_cell, uint64_t n_cells, qd_tags *alice, qd_tags *bob,
                          qd_truth *truth, qd_error *err) {
    events now[2] = {{0}}, before[2] = {{0}}, sorted = {0};
    qd_tags *tags[2] = {alice, bob};
    qd_status st = n_cells ? pass(link, first_cell, n_cells, now, before, &sorted, tags, truth, err) : QD_OK;
    for (int k = 0; k < 2; k++) {
        free(now[k].e);
        free(before[k].e);
    }
    free(sorted.e);
    return st;
}
