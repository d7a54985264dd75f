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

uint64_t qd_ledger_charged(const qd_ledger *l, int basis, uint32_t contained) {
    uint64_t code = 0, credit = 0, rest = 0;
    for (int dir = 0; dir < 2; dir++) {
        for (int kind = 0; kind < QD_LEAK_KINDS; kind++) {
            if (contained >> kind & 1) continue;
            uint64_t *sum = kind == QD_LEAK_SYNDROME ? &code : kind == QD_LEAK_PRIVATE ? &credit : &rest;
            *sum = saturating_add(*sum, l->bits[basis][dir][kind]);
        }
    }
    /* Private bits hide code bits and nothing else: a credit beyond them must not pay for tags or revealed frames. */
    return saturating_add(code > credit ? code - credit : 0, rest);
}
