/* SPDX-License-Identifier: Apache-2.0 */
/* qcrypto's pairing: forward only, both events consumed, the offset pulled along. */
#include <inttypes.h>
#include <stdlib.h>
#include "qdistill/timetag.h"

enum {
    SCALE = 4096,              /* fixed point of the tracking */
    PER_US = 8000,             /* units of 1/8 ns a microsecond */
    LONGEST = 100 * 8000000,   /* 100 ms */
    FILTER_US_MAX = 100000000, /* tau of 100 s: what is multiplied stays in 64 bits */
    FIRST_MEETINGS = 4096
};
static const int64_t window_most = (int64_t)1 << 30;

qd_status qd_greedy_start(qd_greedy *g, const qd_greedy_params *p, int64_t from, qd_error *err) {
    if (p->window < 0 || p->window > window_most || p->track < 0 || p->track > window_most || p->far < 0 || p->far > window_most)
        return qd_fail(err, QD_E_USAGE,
                       "windows of %" PRId64 ", %" PRId64 " and %" PRId64
                       " units of 1/8 ns||each is 0 to 2^30 (134 ms)|give windows of a few jitters",
                       p->window, p->track, p->far);
    if (p->filter < -FILTER_US_MAX || p->offset > (int64_t)1 << 60 || p->offset < -((int64_t)1 << 60))
        return qd_fail(err, QD_E_USAGE, "offset %" PRId64 ", tracking constant %" PRId32 "||limits are 2^60 units and 100 s",
                       p->offset, p->filter);
    *g = (qd_greedy){.p = *p, .offset = p->offset, .longest = LONGEST, .t1 = from, .t2 = from, .next1 = true, .next2 = true};
    if (p->filter > 0) g->per = SCALE / p->filter;
    if (p->filter < 0) {
        int64_t tau = -(int64_t)p->filter * PER_US;
        g->per = tau / SCALE;
        if (tau < LONGEST) g->longest = tau;
    }
    return QD_OK;
}

void qd_greedy_meetings_free(qd_greedy_meetings *m) {
    if (!m) return;
    free(m->m);
    *m = (qd_greedy_meetings){.n = 0};
}

qd_status qd_greedy_meetings_add(qd_greedy_meetings *m, uint32_t index, int32_t d, uint8_t mask1, qd_error *err) {
    if (m->n == m->cap) {
        uint64_t cap = m->cap ? 2 * m->cap : FIRST_MEETINGS;
        qd_greedy_meeting *more = realloc(m->m, cap * sizeof *more);
        if (!more) return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu64 " coincidences", cap);
        m->m = more;
        m->cap = cap;
    }
    m->m[m->n++] = (qd_greedy_meeting){.index = index, .d = d, .mask1 = mask1};
    return QD_OK;
}

void qd_greedy_pull(qd_greedy *g, int64_t d, int64_t t1) {
    if (!g->p.filter || d >= g->p.track || d < -g->p.track) return;
    if (g->p.filter > 0) {
        g->pulled += d * g->per;
    } else {
        int64_t since = t1 - g->last;
        if (g->pulled_once && since < g->longest) g->pulled += 2 * d * since / g->per;
        g->last = t1;
        g->pulled_once = true;
    }
    g->offset = g->p.offset - g->pulled / SCALE;
}

qd_status qd_greedy_run(qd_greedy *g, const int64_t *t1, const uint8_t *mask1, uint64_t n1, uint64_t *i1, const int64_t *t2,
                        uint64_t n2, uint64_t *i2, qd_greedy_meetings *meetings, qd_greedy_wants *wants, qd_error *err) {
    for (;;) {
        int64_t d = g->t1 - g->t2 + g->offset;
        if (g->next1 || d < -g->p.track) {
            if (*i1 == n1) {
                *wants = QD_GREEDY_T1;
                return QD_OK;
            }
            int64_t t = t1[*i1];
            g->next1 = t <= g->t1; /* out of order: dropped */
            if (!g->next1) {
                g->t1 = t;
                g->mask1 = mask1[*i1];
            }
            ++*i1;
        } else if (g->next2 || d > g->p.far) {
            if (*i2 == n2) {
                *wants = QD_GREEDY_T2;
                return QD_OK;
            }
            g->t2 = t2[(*i2)++];
            g->next2 = false;
        } else {
            QD_TRY(qd_greedy_meetings_add(meetings, (uint32_t)(*i2 - 1), (int32_t)d, g->mask1, err));
            qd_greedy_pull(g, d, g->t1);
            g->next1 = g->next2 = true;
        }
    }
}
