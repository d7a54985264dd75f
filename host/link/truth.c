/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "link/simulate.h"

void qd_truth_destroy(qd_truth *t) {
    if (!t) return;
    free(t->id[0]);
    free(t->id[1]);
    *t = (qd_truth){0};
}

qd_status qd_truth_reserve(qd_truth *t, int station, uint64_t n, qd_error *err) {
    uint64_t need = t->n[station] + n;
    if (need <= t->cap[station]) return QD_OK;
    uint64_t cap = need + t->n[station] / 2; /* one id at a time must not copy each time */
    if (cap < 1024) cap = 1024;
    uint64_t *p = cap > SIZE_MAX / sizeof *p ? NULL : realloc(t->id[station], cap * sizeof *p);
    if (!p)
        return qd_fail(err, QD_E_INTERNAL, "no memory for the truth of %llu tags|||simulate fewer cells at once",
                       (unsigned long long)need);
    t->id[station] = p;
    t->cap[station] = cap;
    return QD_OK;
}

void qd_truth_count(qd_truth *t, int station, uint64_t from) {
    for (uint64_t i = from; i < t->n[station]; i++) {
        uint64_t id = t->id[station][i];
        t->darks[station] += (id & QD_TRUTH_DARK) != 0;
        t->pair_tags[station] += (id & QD_TRUTH_PAIR) != 0;
        t->eve_tags[station] += (id & QD_TRUTH_EVE) != 0;
    }
}

/* The pair ids of a station, ascending. Tags stand in order of time and ids in order of emission, so few are out of place and
 * insertion is cheap. */
static uint64_t pair_ids(const qd_truth *t, int station, uint64_t *out) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < t->n[station]; i++) {
        uint64_t id = t->id[station][i], pair = id & QD_TRUTH_PAIR, j = n;
        if (pair == 0) continue;
        for (; j > 0 && (out[j - 1] & QD_TRUTH_PAIR) > pair; j--) out[j] = out[j - 1];
        out[j] = id;
        n++;
    }
    return n;
}

qd_status qd_truth_join(const qd_truth *t, qd_truth_pairs *out, qd_error *err) {
    *out = (qd_truth_pairs){0};
    uint64_t *a = malloc((t->n[0] + 1) * sizeof *a), *b = malloc((t->n[1] + 1) * sizeof *b);
    if (!a || !b) {
        free(a);
        free(b);
        return qd_fail(err, QD_E_INTERNAL, "no memory to join the truth of two stations|||simulate fewer cells at once");
    }
    uint64_t na = pair_ids(t, 0, a), nb = pair_ids(t, 1, b);
    for (uint64_t i = 0, j = 0; i < na && j < nb;) {
        uint64_t x = a[i] & QD_TRUTH_PAIR, y = b[j] & QD_TRUTH_PAIR;
        if (x == y) {
            out->pairs++;
            out->touched += (a[i] & QD_TRUTH_EVE) != 0;
        }
        i += x <= y;
        j += y <= x;
    }
    free(a);
    free(b);
    return QD_OK;
}
