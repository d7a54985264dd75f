/* SPDX-License-Identifier: Apache-2.0 */
/** @file replayed.h  The results of both machines against the sum of their messages. */
#ifndef QD_TESTS_REPLAYED_H
#define QD_TESTS_REPLAYED_H

#include "ledger_replay.h"
#include "reconcile_pair.h"

/* The messages of a run once more, and the ledger of both machines against their sum. */
static inline replay replayed(const wire *w, const qd_reconcile_result *r) {
    replay sum = {0};
    FILE *f = fmemopen(w->p, w->n, "rb");
    bool end = false;
    qd_ledger l = {0};
    while (!end) {
        qd_msg m;
        ck_ok(qd_msg_read(f, w->n, &m, &end, &err));
        if (!end) replay_message(&sum, &m);
        free(m.body);
    }
    fclose(f);
    ck_assert(sum.over);
    ck_ok(qd_reconcile_charge(r, (int)sum.basis, &l, &err));
    for (int d = 0; d < 2; d++)
        for (int k = 0; k < QD_LEAK_KINDS; k++) {
            if (sum.mixed && d == QD_ALICE_TO_BOB && k == QD_LEAK_SYNDROME) {
                ck_assert(l.bits[sum.basis][d][k] > 0 && l.bits[sum.basis][d][k] < sum.told[0]);
                continue;
            }
            ck_assert_msg(l.bits[sum.basis][d][k] == sum.ledger.bits[sum.basis][d][k], "%s from %s: charged %llu, sent %llu",
                          qd_leak_name((qd_leak)k), d ? "Bob" : "Alice", (unsigned long long)l.bits[sum.basis][d][k],
                          (unsigned long long)sum.ledger.bits[sum.basis][d][k]);
        }
    ck_assert_uint_eq(r->bytes[0], sum.bytes[0]);
    ck_assert_uint_eq(r->bytes[1], sum.bytes[1]);
    ck_assert_uint_eq(r->rounds, sum.turns);
    ck_assert_uint_eq(r->added_rounds, sum.added_rounds);
    ck_assert_uint_eq(r->code_bits,
                      sum.cascade ? sum.told[0] : sum.sent - r->frames * replay_private(&sum)); /* rows of all frames, failed ones' too */
    return sum;
}

#endif
