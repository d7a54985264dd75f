/* SPDX-License-Identifier: Apache-2.0 */
/* What a string cost, and its figures. */
#include <math.h>
#include "qdistill/reconcile.h"
#include "reconcile/machine.h"
#include "reconcile/rate.h"

const char *qd_reject_text(uint32_t reason) {
    switch (reason) {
        case QD_REJECT_NONE:
            return "verified";
        case QD_REJECT_QBER:
            return "the estimated error rate is above what the code or the bound can use";
        case QD_REJECT_SHORT:
            return "the string does not fill one frame of the smallest code of that leak";
        case QD_REJECT_UNVERIFIED:
            return "the second verification tag differed too: the string was revealed whole";
        case QD_REJECT_NO_FRAME:
            return "no frame was kept: all were revealed";
    }
    return "unknown reason";
}

/* ceil(log2(n + 1)): the bits that a number from 0 to n takes. */
static uint64_t width(uint64_t n) {
    uint64_t w = 0;
    for (; n; n >>= 1) w++;
    return w;
}

qd_status qd_reconcile_charge(const qd_reconcile_result *r, int basis, qd_ledger *ledger, qd_error *err) {
    if (r->n == 0) return QD_OK;
    uint64_t kept = r->frames - r->frames_failed;
    const struct {
        qd_direction dir;
        qd_leak kind;
        uint64_t bits;
    } entry[] = {
        {QD_ALICE_TO_BOB, QD_LEAK_SYNDROME, r->kept_bits},
        {QD_ALICE_TO_BOB, QD_LEAK_PRIVATE, kept * qd_private_bits(r)},
        {QD_ALICE_TO_BOB, QD_LEAK_FAILED, r->frames_failed * r->frame_bits},
        {QD_ALICE_TO_BOB, QD_LEAK_TAG, (uint64_t)r->tags * r->tag_bits + r->frame_tags * QD_FRAME_TAG_BITS},
        {QD_BOB_TO_ALICE, QD_LEAK_SYNDROME, r->bob_bits},
        {QD_BOB_TO_ALICE, QD_LEAK_ANSWER,
         (r->code == QD_CODE_CASCADE ? 0 : r->frames) + r->added_answers + r->tags + r->frame_tags},
        {QD_BOB_TO_ALICE, QD_LEAK_ERROR_COUNT, width(r->n)},
    };
    qd_ledger after = *ledger;
    for (size_t i = 0; i < sizeof entry / sizeof *entry; i++)
        QD_TRY(qd_ledger_add(&after, basis, entry[i].dir, entry[i].kind, entry[i].bits, err));
    *ledger = after;
    return QD_OK;
}

qd_reconcile_figures qd_reconcile_figures_of(const qd_reconcile_result *r) {
    qd_reconcile_figures f = {NAN, NAN, NAN, NAN, NAN};
    qd_ledger l = {0};
    if (r->n == 0 || qd_reconcile_charge(r, 0, &l, NULL) != QD_OK) return f;
    double n = (double)r->n, charged = (double)qd_ledger_charged(&l, 0, 0);
    f.qber = (double)r->errors / n;
    double h = qd_rate_entropy(f.qber);
    if (h > 0) {
        f.efficiency = (double)r->code_bits / (n * h);
        f.efficiency_charged = charged / (n * h);
    }
    f.net_yield = 1 - charged / n;
    f.iterations_mean = r->iterations / (double)r->frames;
    return f;
}
