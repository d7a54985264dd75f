/* SPDX-License-Identifier: Apache-2.0 */
/* Sifting from its definition, one event at a time. */
#include "sift/sift.h"

#include <string.h>

static int single_click(unsigned mask) {
    return mask == QD_DET_V || mask == QD_DET_MINUS || mask == QD_DET_H || mask == QD_DET_PLUS;
}

/* Basis of an event: that of its clicks, or that of the coin when both bases clicked. */
static unsigned basis_of(unsigned event) {
    unsigned mask = event & QD_EVENT_MASK;
    int in_z = (mask & QD_DET_Z) != 0, in_x = (mask & QD_DET_X) != 0;
    if (in_z && in_x) return (event & QD_EVENT_COIN_BASIS) ? 1 : 0;
    return in_x ? 1 : 0;
}

/* Alice: H, + = 1. Bob: V, - = 1; for a source of equal polarisations his values are inverted. Several clicks: the coin. */
static unsigned value_of(unsigned event, qd_side side, qd_correlation correlation) {
    unsigned mask = event & QD_EVENT_MASK;
    if (!single_click(mask)) return (event & QD_EVENT_COIN_VALUE) ? 1 : 0;
    unsigned high = mask == QD_DET_H || mask == QD_DET_PLUS;
    if (side == QD_ALICE) return high;
    return correlation == QD_ANTI ? !high : high;
}

qd_status qd_sift_measure_ref(qd_side side, qd_correlation correlation, const uint8_t *event, uint64_t n, qd_bits *basis,
                              qd_bits *value, qd_sift_counts *counts, qd_error *err) {
    memset(counts, 0, sizeof *counts);
    *value = (qd_bits){0};
    QD_TRY(qd_bits_create(basis, n, err));
    qd_status st = qd_bits_create(value, n, err);
    if (st != QD_OK) {
        qd_bits_destroy(basis);
        return st;
    }
    for (uint64_t i = 0; i < n; i++) {
        unsigned b = basis_of(event[i]);
        qd_bits_set(basis, i, b);
        qd_bits_set(value, i, value_of(event[i], side, correlation));
        counts->mask[b][event[i] & QD_EVENT_MASK]++;
    }
    return QD_OK;
}

qd_status qd_sift_select_ref(const qd_bits *mine, const qd_bits *theirs, const qd_bits *value, qd_bits *z, qd_bits *x,
                             qd_error *err) {
    uint64_t n[2] = {0, 0};
    for (uint64_t i = 0; i < mine->n; i++)
        if (qd_bits_get(mine, i) == qd_bits_get(theirs, i)) n[qd_bits_get(mine, i)]++;
    *x = (qd_bits){0};
    QD_TRY(qd_bits_create(z, n[QD_Z], err));
    qd_status st = qd_bits_create(x, n[QD_X], err);
    if (st != QD_OK) {
        qd_bits_destroy(z);
        return st;
    }
    uint64_t at[2] = {0, 0};
    for (uint64_t i = 0; i < mine->n; i++) {
        unsigned b = qd_bits_get(mine, i);
        if (b == qd_bits_get(theirs, i)) qd_bits_set(b == QD_X ? x : z, at[b]++, qd_bits_get(value, i));
    }
    return QD_OK;
}
