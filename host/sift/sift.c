/* SPDX-License-Identifier: Apache-2.0 */
/* Coins, and the choice between the reference and the device path. */
#include "sift/sift.h"

#include <inttypes.h>
#include <string.h>

static int several(unsigned mask) {
    return (mask & (mask - 1)) != 0;
}

/* Coins of the operating system, drawn in small batches. */
typedef struct os_coins {
    uint8_t byte[256];
    unsigned left;
} os_coins;

static uint8_t os_coin(os_coins *c) {
    if (c->left == 0) {
        qd_os_random(c->byte, sizeof c->byte);
        c->left = sizeof c->byte;
    }
    return c->byte[--c->left];
}

void qd_sift_coins(const qd_random *random, const uint8_t *mask, const uint64_t *event_id, uint64_t n, uint8_t *event) {
    os_coins os = {.left = 0};
    for (uint64_t i = 0; i < n; i++) {
        unsigned m = mask[i] & QD_EVENT_MASK, coin = 0;
        if (several(m)) {
            if (random->rehearsal) {
                uint32_t word[4];
                qd_philox(random->seed, random->stream, event_id[i], 0, word);
                coin = word[0] & 3;
            } else {
                coin = os_coin(&os) & 3;
            }
        }
        event[i] = (uint8_t)(m | coin << 4);
    }
    qd_wipe(&os, sizeof os);
}

qd_status qd_sift_measure(qd_device *dev, qd_side side, qd_correlation correlation, const uint8_t *event, uint64_t n,
                          qd_bits *basis, qd_bits *value, qd_sift_counts *counts, qd_error *err) {
    static const qd_sift_plan plan = {0, 0, 0, false};
    qd_sift_counts mine;
    *basis = *value = (qd_bits){0};
    qd_status st = dev ? qd_sift_measure_cl(dev, &plan, side, correlation, event, n, basis, value, &mine, err)
                       : qd_sift_measure_ref(side, correlation, event, n, basis, value, &mine, err);
    if (st == QD_OK && mine.mask[0][0] + mine.mask[1][0] > 0)
        st = qd_fail(err, QD_E_INPUT,
                     "%" PRIu64
                     " events in which no detector clicked||events to be sifted have a mask of 1 to 15|drop "
                     "events with mask 0 when reading the tags",
                     mine.mask[0][0] + mine.mask[1][0]);
    if (st != QD_OK) {
        qd_bits_destroy(basis);
        qd_bits_destroy(value);
        memset(&mine, 0, sizeof mine);
    }
    if (counts) *counts = mine;
    return st;
}

qd_status qd_sift_select(qd_device *dev, const qd_bits *mine, const qd_bits *theirs, const qd_bits *value, qd_bits *z, qd_bits *x,
                         qd_error *err) {
    static const qd_sift_plan plan = {0, 0, 0, false};
    *z = *x = (qd_bits){0};
    if (mine->n != theirs->n || mine->n != value->n)
        return qd_fail(err, QD_E_USAGE, "sifting needs strings of one length, got %" PRIu64 ", %" PRIu64 " and %" PRIu64, mine->n,
                       theirs->n, value->n);
    return dev ? qd_sift_select_cl(dev, &plan, mine, theirs, value, z, x, err)
               : qd_sift_select_ref(mine, theirs, value, z, x, err);
}

void qd_sift_counts_into(qd_counts *counts, qd_side side, const qd_sift_counts *from) {
    static const unsigned detector[4] = {QD_DET_V, QD_DET_MINUS, QD_DET_H, QD_DET_PLUS};
    qd_click_classes c = qd_sift_classes(from);
    for (int d = 0; d < 4; d++) counts->clicks[side][d] += from->mask[0][detector[d]] + from->mask[1][detector[d]];
    counts->multi[side][0] += c.one_basis;
    counts->multi[side][1] += c.both_bases;
}

qd_click_classes qd_sift_classes(const qd_sift_counts *from) {
    qd_click_classes c = {0};
    for (unsigned mask = 1; mask < 16; mask++) {
        uint64_t n = from->mask[0][mask] + from->mask[1][mask];
        if (!several(mask))
            c.single += n;
        else if ((mask & QD_DET_Z) && (mask & QD_DET_X))
            c.both_bases += n;
        else
            c.one_basis += n;
    }
    return c;
}
