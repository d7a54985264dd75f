/* SPDX-License-Identifier: Apache-2.0 */
/* The reference: each event's nearest neighbour on the other side, from the definition. */
#include <stdlib.h>
#include "timetag/coincide.h"

static uint64_t first_not_before(const int64_t *x, uint64_t n, int64_t t) {
    uint64_t lo = 0, hi = n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (x[mid] < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Index of the element nearest to @p t: of two at equal distance the earlier, of equal times the first. n > 0. */
static uint64_t nearest(const int64_t *x, uint64_t n, int64_t t) {
    uint64_t after = first_not_before(x, n, t);
    if (after == 0) return 0;
    int64_t before = x[after - 1];
    if (after < n && x[after] - t < t - before) return after;
    return first_not_before(x, n, before);
}

/* The pairs in one window; @p b: B's times on A's clock, room for them. */
static qd_status search(const qd_coincide_case *c, const qd_clock *clock, int64_t *b, qd_pairs *pairs, qd_error *err) {
    for (uint64_t j = 0; j < c->nb; j++) b[j] = qd_clock_apply(clock, c->b[j]);
    for (uint64_t i = c->from; i < c->to; i++) {
        uint64_t j = nearest(b, c->nb, c->a[i]);
        int64_t d = c->a[i] - b[j];
        if (d > c->reach || d < -c->reach || nearest(c->a, c->na, b[j]) != i) continue;
        QD_TRY(qd_pairs_reserve(pairs, pairs->n + 1, err));
        pairs->a[pairs->n] = i;
        pairs->b[pairs->n++] = j;
    }
    return QD_OK;
}

qd_status qd_coincide_ref(const qd_coincide_case *c, qd_pairs *pairs, uint64_t *in_window, qd_error *err) {
    uint64_t start = pairs->n;
    qd_pairs displaced = {0};
    qd_status st = QD_OK;
    if (c->nb == 0) return QD_OK;
    int64_t *b = malloc(c->nb * sizeof *b);
    if (!b) return qd_fail(err, QD_E_INTERNAL, "no memory for the times of %llu events", (unsigned long long)c->nb);
    QD_TRY_OUT(st, search(c, &c->clock, b, pairs, err));
    for (unsigned w = 1; w <= 2 * c->each; w++) {
        qd_clock clock = c->clock;
        clock.offset += qd_coincide_displacement(c, w);
        displaced.n = 0;
        QD_TRY_OUT(st, search(c, &clock, b, &displaced, err));
        in_window[w - 1] += displaced.n;
    }
out:
    free(b);
    qd_pairs_destroy(&displaced);
    if (st != QD_OK) pairs->n = start;
    return st;
}
