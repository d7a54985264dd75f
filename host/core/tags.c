/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/tags.h"

#include <stdlib.h>
#include <string.h>
#include "qdistill/core/secret.h"

/* Capacity to allocate: at least what is asked, and half as much again as before, so that growing one by one stays linear. */
static uint64_t grown(uint64_t old, uint64_t asked) {
    uint64_t more = old + old / 2;
    return asked > more ? asked : more;
}

static qd_status no_memory(uint64_t n, const char *what, qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for %llu %s|||use a machine with more memory, or a shorter recording",
                   (unsigned long long)n, what);
}

qd_status qd_tags_reserve(qd_tags *tags, uint64_t cap, qd_error *err) {
    if (cap <= tags->cap) return QD_OK;
    uint64_t n = grown(tags->cap, cap);
    if (n > SIZE_MAX / 2 / sizeof(int64_t)) return no_memory(cap, "tags", err);
    int64_t *t = malloc(n * sizeof *t);
    uint8_t *mask = malloc(n);
    if (!t || !mask) {
        free(t);
        free(mask);
        return no_memory(cap, "tags", err);
    }
    if (tags->n) {
        memcpy(t, tags->t, tags->n * sizeof *t);
        memcpy(mask, tags->mask, tags->n);
    }
    if (tags->mask) qd_wipe(tags->mask, tags->cap); /* which detector clicked is the raw key */
    free(tags->t);
    free(tags->mask);
    tags->t = t;
    tags->mask = mask;
    tags->cap = n;
    return QD_OK;
}

void qd_tags_destroy(qd_tags *tags) {
    if (!tags) return;
    if (tags->mask) qd_wipe(tags->mask, tags->cap);
    free(tags->t);
    free(tags->mask);
    *tags = (qd_tags){0};
}

uint64_t qd_tags_lower_bound(const qd_tags *tags, int64_t t) {
    uint64_t lo = 0, hi = tags->n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (tags->t[mid] < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

qd_status qd_pairs_reserve(qd_pairs *pairs, uint64_t cap, qd_error *err) {
    if (cap <= pairs->cap) return QD_OK;
    uint64_t n = grown(pairs->cap, cap);
    if (n > SIZE_MAX / 2 / sizeof(uint64_t)) return no_memory(cap, "coincidences", err);
    uint64_t *a = realloc(pairs->a, n * sizeof *a);
    if (a) pairs->a = a;
    uint64_t *b = realloc(pairs->b, n * sizeof *b);
    if (b) pairs->b = b;
    if (!a || !b) return no_memory(cap, "coincidences", err);
    pairs->cap = n;
    return QD_OK;
}

void qd_pairs_destroy(qd_pairs *pairs) {
    if (!pairs) return;
    free(pairs->a);
    free(pairs->b);
    *pairs = (qd_pairs){0};
}
