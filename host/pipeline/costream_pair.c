/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of one T2 file: by costream's rule, or by ours within the same windows and with the same tracking. */
#include <math.h>
#include "pipeline/costream.h"

/* Mutual pairs are found with the offset as it stands at the beginning of a slice; an eighth of an epoch is below the tracking
 * constants in use. ACCIDENTAL_WINDOWS a side, displaced by a. */
enum { SLICES = 8, ACCIDENTAL_WINDOWS = 2 };

qd_status qd_costream_pair_greedy(qd_costream_work *w, const int64_t *t2, uint64_t n2, qd_error *err) {
    qd_t1_stream *s = &w->t1;
    const qd_greedy_params *p = &w->c->pairing;
    uint64_t i2 = 0;
    for (;;) {
        qd_greedy_wants wants;
        QD_TRY(qd_greedy_run(&w->pairing, s->t, s->mask, s->n, &s->next, t2, n2, &i2, &w->meetings, &wants, err));
        if (wants == QD_GREEDY_T2 || s->ended) break;
        QD_TRY(qd_t1_more(w, err));
    }
    w->accidentals = 0;
    for (uint64_t i = 0; i < w->meetings.n; i++) w->accidentals += w->meetings.m[i].d > p->far - 2 * p->window;
    return QD_OK;
}

/* T1 events out of order are what costream drops. */
static void in_order(qd_t1_stream *s, uint64_t from) {
    uint64_t kept = from;
    for (uint64_t i = from; i < s->n; i++) {
        if (kept && s->t[i] <= s->t[kept - 1]) continue;
        s->t[kept] = s->t[i];
        s->mask[kept++] = s->mask[i];
    }
    for (size_t i = 0; i < s->n_files; i++)
        if (s->file[i].end > s->forgotten + kept) s->file[i].end = s->forgotten + kept;
    s->n = kept;
}

/* First T1 event not before @p t. */
static uint64_t waiting_from(const qd_t1_stream *s, int64_t t) {
    const qd_tags tags = {.n = s->n, .t = s->t};
    return qd_tags_lower_bound(&tags, t);
}

/* T1 events until beyond @p to; those before @p from are not needed any more. */
static qd_status t1_span(qd_costream_work *w, int64_t from, int64_t to, qd_error *err) {
    qd_t1_stream *s = &w->t1;
    while (!s->ended && (s->n == 0 || s->t[s->n - 1] <= to)) {
        s->next = waiting_from(s, from);
        uint64_t waiting = s->n - s->next;
        QD_TRY(qd_t1_more(w, err));
        in_order(s, waiting); /* what was used is gone from the front */
    }
    s->next = waiting_from(s, from);
    return QD_OK;
}

typedef struct slice {
    const int64_t *t2;
    uint64_t n2, from, to; /* T2 entries */
    int64_t reach;
    uint64_t used; /* number, among all T1 events, behind the last one used */
} slice;

static qd_status pair_slice(qd_costream_work *w, slice *k, double *accidentals, qd_error *err) {
    const qd_greedy_params *p = &w->c->pairing;
    qd_t1_stream *s = &w->t1;
    uint64_t n1 = s->n - s->next;
    const int64_t *t1 = s->t + s->next;
    if (n1 == 0 || k->from == k->to) return QD_OK;
    const qd_clock clock = {.base = t1[0], .offset = w->pairing.offset, .tick = {125, 1}, .p_false = 1, .locked = true};
    qd_pairs pairs = {.n = 0};
    qd_status st = QD_OK;
    qd_accidentals acc = {.windows = 0};
    if (p->far > 0 && p->window > 0)
        QD_TRY_OUT(st, qd_coincide_accidentals(w->dev, k->t2, k->n2, t1, n1, &clock, p->window - 1, p->far, ACCIDENTAL_WINDOWS,
                                               k->from, k->to, &acc, err));
    *accidentals += acc.mean;
    QD_TRY_OUT(st, qd_coincide(w->dev, k->t2, k->n2, t1, n1, &clock, k->reach, k->from, k->to, &pairs, err));
    for (uint64_t i = 0; i < pairs.n; i++) {
        uint64_t number = s->forgotten + s->next + pairs.b[i];
        if (number < k->used) continue; /* the offset moved from slice to slice */
        k->used = number + 1;
        int64_t d = t1[pairs.b[i]] - k->t2[pairs.a[i]] + w->pairing.offset;
        if (d > INT32_MAX || d < INT32_MIN) continue;
        QD_TRY_OUT(st,
                   qd_greedy_meetings_add(&w->meetings, (uint32_t)pairs.a[i], (int32_t)d, s->mask[s->next + pairs.b[i]], err));
        qd_greedy_pull(&w->pairing, d, t1[pairs.b[i]]);
    }
out:
    qd_pairs_destroy(&pairs);
    return st;
}

qd_status qd_costream_pair_mutual(qd_costream_work *w, const int64_t *t2, uint64_t n2, qd_error *err) {
    const qd_greedy_params *p = &w->c->pairing;
    double accidentals = 0;
    w->accidentals = 0;
    if (n2 == 0) return QD_OK;
    slice k = {.t2 = t2, .n2 = n2, .reach = p->window - 1 > p->track ? p->window - 1 : p->track, .used = w->used1};
    int64_t margin = 2 * k.reach + ACCIDENTAL_WINDOWS * p->far + (1 << 13); /* a microsecond for what the offset may move */
    QD_TRY(t1_span(w, t2[0] - w->pairing.offset - margin, t2[n2 - 1] - w->pairing.offset + margin, err));
    const int64_t length = ((int64_t)1 << 32) / SLICES;
    for (int64_t end = t2[0] + length; k.to < n2; end += length) {
        k.from = k.to;
        while (k.to < n2 && t2[k.to] < end) k.to++;
        QD_TRY(pair_slice(w, &k, &accidentals, err));
    }
    w->used1 = k.used;
    w->accidentals = (uint64_t)llround(accidentals);
    return QD_OK;
}
