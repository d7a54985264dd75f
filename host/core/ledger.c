/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/ledger.h"

#include <stdbool.h>

static const char *const names[QD_LEAK_KINDS] = {"syndrome", "private", "failed", "answer", "tag", "error_count"};

const char *qd_leak_name(qd_leak kind) {
    return (unsigned)kind < QD_LEAK_KINDS ? names[kind] : "unknown";
}

qd_status qd_ledger_add(qd_ledger *l, int basis, qd_direction dir, qd_leak kind, uint64_t bits, qd_error *err) {
    if ((unsigned)basis > 1 || (unsigned)dir > 1 || (unsigned)kind >= QD_LEAK_KINDS)
        return qd_fail(err, QD_E_INTERNAL, "the ledger has no account for basis %d, direction %d, kind %d", basis, (int)dir,
                       (int)kind);
    uint64_t *account = &l->bits[basis][dir][kind];
    if (bits > UINT64_MAX - *account)
        return qd_fail(err, QD_E_INTERNAL, "the ledger's account '%s' overflows||a size went negative", qd_leak_name(kind));
    *account += bits;
    return QD_OK;
}

static uint64_t saturating_add(uint64_t a, uint64_t b) {
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static uint64_t both_ways(const qd_ledger *l, int basis, qd_leak kind) {
    return saturating_add(l->bits[basis][QD_ALICE_TO_BOB][kind], l->bits[basis][QD_BOB_TO_ALICE][kind]);
}

uint64_t qd_ledger_charge(const qd_ledger *l, int basis, qd_leak kind, const qd_contained *contained) {
    uint64_t bits = both_ways(l, basis, kind), credit;
    if (contained->kinds >> kind & 1 || kind == QD_LEAK_PRIVATE) return 0;
    switch (kind) {
        case QD_LEAK_SYNDROME:
            /* Private bits hide code bits and nothing else: a credit beyond them must not pay for tags or revealed frames. */
            credit = contained->kinds >> QD_LEAK_PRIVATE & 1 ? 0 : both_ways(l, basis, QD_LEAK_PRIVATE);
            return bits > credit ? bits - credit : 0;
        case QD_LEAK_TAG:
            if (!(contained->tag_bits >= 1)) return bits;
            return contained->tag_bits < (double)bits ? bits - (uint64_t)contained->tag_bits : 0;
        default:
            return bits;
    }
}

uint64_t qd_ledger_charged(const qd_ledger *l, int basis, uint32_t contained) {
    const qd_contained c = {.kinds = contained};
    uint64_t sum = 0;
    for (int kind = 0; kind < QD_LEAK_KINDS; kind++) sum = saturating_add(sum, qd_ledger_charge(l, basis, (qd_leak)kind, &c));
    return sum;
}
