/* SPDX-License-Identifier: Apache-2.0 */
/** @file ledger.h  Every bit that crossed the public channel, by basis, direction and kind, and every epsilon spent.
 *  Only the ledger subtracts; a bound names the kinds that its formula already contains. */
#ifndef QDISTILL_CORE_LEDGER_H
#define QDISTILL_CORE_LEDGER_H

#include <stdint.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qd_direction { QD_ALICE_TO_BOB = 0, QD_BOB_TO_ALICE = 1 } qd_direction;

/** Kinds of public information about a key string. Bits are counted as they are charged. */
typedef enum qd_leak {
    QD_LEAK_SYNDROME = 0, /**< code bits of kept frames: syndromes, added rows, parities; from Bob his parities, of all frames */
    QD_LEAK_PRIVATE,      /**< credit: private uniform bits mixed into them (subtracted) */
    QD_LEAK_FAILED,       /**< full length of failed frames, which are revealed; their code bits are not charged again */
    QD_LEAK_ANSWER,       /**< one bit for each public yes or no: of every frame kept or failed, added-row round, tag */
    QD_LEAK_TAG,          /**< verification tags */
    QD_LEAK_ERROR_COUNT,  /**< ceil(log2(n+1)) for the announced error count of a string */
    QD_LEAK_KINDS
} qd_leak;

typedef struct qd_ledger {
    uint64_t bits[2][2][QD_LEAK_KINDS]; /**< [basis][direction][kind] */
    double eps_sec, eps_cor, eps_auth;  /**< spent by the block, upper bounds */
} qd_ledger;

/** Add @p bits to one account. QD_E_INTERNAL on overflow, or when there is no such account (nothing changed). */
qd_status qd_ledger_add(qd_ledger *l, int basis, qd_direction dir, qd_leak kind, uint64_t bits, qd_error *err);

/** What the formula of a bound holds already of what the ledger has: that is not subtracted once more. */
typedef struct qd_contained {
    uint32_t kinds;  /**< whole accounts, 1u << kind */
    double tag_bits; /**< so many bits of the verification tags of a string */
} qd_contained;

/** Bits to subtract for one kind in @p basis (0 or 1), both directions together: 0 for a kind that is contained; code bits less the credit of
 *  private bits (none where that is contained), never below zero; 0 for the credit itself; of tags what is beyond tag_bits, rounded up. */
uint64_t qd_ledger_charge(const qd_ledger *l, int basis, qd_leak kind, const qd_contained *contained);

/** The sum of qd_ledger_charge over all kinds, with tags contained whole or not at all. Bits to subtract for @p basis: all accounts except the kinds whose bit is set in @p contained (1u << kind: the bound's
 *  formula holds them already). Both directions count (arXiv:2307.00576). The credit of private bits is taken off the code bits,
 *  never below zero and off nothing else; with the code bits contained it is not taken. A sum beyond 64 bits is UINT64_MAX. */
uint64_t qd_ledger_charged(const qd_ledger *l, int basis, uint32_t contained);

/** Name of a kind: "syndrome", "private", ... Static storage. */
const char *qd_leak_name(qd_leak kind);

#ifdef __cplusplus
}
#endif
#endif
