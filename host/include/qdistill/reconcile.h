/* SPDX-License-Identifier: Apache-2.0 */
/** @file reconcile.h  Error correction of one key string by a syndrome code, its verification, and what both cost.
 *
 *  Slepian-Wolf coding with a raptor-like LDPC code (5G NR base graphs, ETSI TS 138 212, tables 5.3.2-2 and 5.3.2-3): a frame is a word of
 *  the
 *  lifted graph's columns. Block columns 0 and 1 carry 2 Z private uniform bits of Alice, all others key bits; Alice sends the
 *  M-bit syndrome. A frame takes n = K_b Z + M - 2 Z key bits and leaks M - 2 Z of them (the punctured part has full column
 *  rank).
 *
 *  Two machines exchange the messages of core/transcript.h: a basis string of a block is one run of them.
 *
 *      Alice  CODE, SYNDROME...       frames by position from bit 0; a tail that fills no frame is dropped unseen
 *      Bob    ANSWER                  one bit a frame
 *      Alice  ROWS, Bob ANSWER        while frames fail, rounds are left, and more rows are worth it: the next rows of their
 *                                     syndromes, as many as the shares solved so far advise; one bit each
 *      Alice  REVEAL                  the failed frames, whole (none: an empty list)
 *      Bob    READY                   his string stands
 *      Alice  TAG                     hash key drawn now, and the tag of the whole string
 *      Bob    TAG_ANSWER, ERRORS      equal: and how many errors the string had
 *   or Bob    TAG_ANSWER              different, the first time:
 *      Alice  FRAME_TAGS              fresh key, a 64-bit tag for every kept frame
 *      Bob    FRAME_ANSWER
 *      Alice  REVEAL                  the frames that differ; then READY, TAG, TAG_ANSWER once more
 *      Alice  REVEAL                  different the second time: every kept frame; then ERRORS. No key, still a test.
 *
 *  Added rows (raptor-like codes: 5G NR's incremental redundancy) carry zeros in their extension columns, not key bits: a frame stays as
 *  long as it was, each row leaks one bit, and the private bits of its first syndrome stay in use, so M - 2 Z holds with M all rows sent.
 *
 *  With a large-block code the first message is LARGE in place of CODE. Without rounds a frame has no private bits, leaks its whole syndrome and is
 *  revealed if it fails. With rounds, private bits join pairs of its rows (qd_large_joined), and ROWS tells some of them: each tells two rows apart, so
 *  M less the private bits holds with M the syndrome's bits and those told. Then on as above.
 *
 *  With Cascade in place of a code:
 *
 *      Alice  CASCADE                 the plan
 *      both   PARITIES...             two rounds a round trip (host/reconcile/parities.h)
 *      Bob    READY, and on as above  no frame has failed yet: the tags find what is wrong
 *
 *  Or Alice sends REJECT and no syndrome. When both machines are done Alice has the turn. */
#ifndef QDISTILL_RECONCILE_H
#define QDISTILL_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>
#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_reconcile_ops[];

/** Codes. Numbers stand in messages: append only. */
typedef enum qd_code_id {
    QD_CODE_AUTO = 0,  /**< parameters only, never in a message */
    QD_CODE_NR_BG1 = 1, /**< 5G NR base graph 1: K_b = 22, leaks from 1/12 to 2/3 */
    QD_CODE_CASCADE = 3, /**< Cascade: no code, but parities of blocks, told by both sides (reconcile/cascade.h) */
    QD_CODE_LARGE = 4,   /**< large-block codes: one syndrome of a frame of 230400 to 2048000 bits, leaks from .05 to .57 (reconcile/large.h) */
    QD_CODE_QD_BG1 = 5,  /**< base graph 1 with its rows in another order: as QD_CODE_NR_BG1, but small leaks do more (host/reconcile/bg1.c). This one and the two of our own
                              have lifting sizes to 768, the standard's graphs to 384 */
    QD_CODE_QD_K22 = 6,  /**< base graph of our own, K_b = 22, leaks from 1/12 to .607: it discloses less than the standard's graph at leaks of
                              .15 to .6, error rates of 2 to 10 %, and more below (host/reconcile/qd_k22.c) */
    QD_CODE_QD_K33 = 7,  /**< base graph of our own, K_b = 33, leaks from .0572 to .3265, frames half as long again: for small error rates, .6 to 3 %
                              (host/reconcile/qd_k33.c) */
    QD_CODE_NR_BG2 = 2  /**< 5G NR base graph 2: K_b = 10, leaks from 1/6 to 4/5, frames of half the length */
} qd_code_id;

/** Code called @p name ("auto", "nr-bg1", "nr-bg2", "qd-bg1", "qd-k22", "qd-k33", "large", "cascade"). QD_E_USAGE lists the names. */
qd_status qd_code_named(const char *name, uint32_t *code, qd_error *err);
/** Name of a code; "unknown" otherwise. Static storage. */
const char *qd_code_name(uint32_t code);

/** Shares of a frame that a code can disclose (AUTO: that of qd-bg1, which is that of nr-bg1): from @p least to @p most. @p code must be one, and not CASCADE. */
void qd_code_leaks(uint32_t code, double *least, double *most);

/** SHA-256, in hexadecimal, of the table of a code: a line `set row col shift` for each edge, by set, row and column. "" when unknown. */
void qd_code_table_sha256(uint32_t code, char hex[65]);

/** Why a string gave no key. Numbers stand in messages: append only. */
typedef enum qd_reject {
    QD_REJECT_NONE = 0,
    QD_REJECT_QBER = 1,       /**< the estimated QBER is above what the code serves, or above max_qber */
    QD_REJECT_SHORT = 2,      /**< the string does not fill one frame of the smallest code */
    QD_REJECT_UNVERIFIED = 3, /**< the second tag differed too: revealed whole (a result, not a message) */
    QD_REJECT_NO_FRAME = 4    /**< no frame was kept (a result, not a message) */
} qd_reject;
/** A sentence about the reason, without newline. Static storage. */
const char *qd_reject_text(uint32_t reason);

enum { QD_ADD_ROUNDS = 32 /**< of added rows, at most */ };

/** What a machine needs to know of its string. Bob uses block, basis and eps_cor only: Alice announces the rest as integers. */
typedef struct qd_reconcile_params {
    uint32_t block; /**< key block, stands in every message */
    int basis;      /**< 0 or 1: stands in CODE */
    uint32_t code;  /**< qd_code_id; AUTO chooses */
    uint64_t errors, sample; /**< QBER estimate: errors among sample bits (disclosed sample, or the block before); errors <= sample.
                                  sample = 0: unknown, a blind start; then rounds or leak > 0. The rate maximises the expected net yield
                                  over its posterior, with a margin of a quarter of its standard deviation (5G: host/reconcile/rate.h),
                                  or without one, but for `drift` (large-block codes: host/reconcile/large_rate.c). */
    double drift;    /**< standard deviation, as a share of the rate, by which it may have moved since the estimate: 0..1. Only large-block codes ask,
                          whose syndrome has to cover it, but for what rounds may tell; 5G codes add rows. */
    double leak;     /**< 0: from the estimate; else leak of a frame, in the code's range (qd_code_leaks) */
    double max_qber; /**< estimates above it reject the string; 0: what the code serves */
    double eps_cor;  /**< of the block, 0 < eps_cor < 1; the tag has ceil(log2(4 S/eps_cor)) bits, S = ceil(n/128)+1 */
    uint32_t batch;  /**< frames in a SYNDROME message and in a launch; 0: chosen. Never changes results, only messages. */
    uint32_t max_iterations; /**< 0: 50, of large-block codes 200; at most 1000. Of each attempt: a frame with added rows begins anew. */
    uint32_t rounds; /**< of added rows for frames that fail, at most (large-block codes: of rows told apart); 0: they are revealed at once. The first syndrome is shorter the
                          more rounds there may be. At most QD_ADD_ROUNDS. */
} qd_reconcile_params;

/** What a string came to. All counts are the same on both sides but for `iterations`. */
typedef struct qd_reconcile_result {
    uint32_t reject;         /**< qd_reject; QD_REJECT_NONE: `key` is verified */
    const qd_bits *key;      /**< borrowed from the machine, n bits: kept and revealed frames in order. The input of privacy
                                   amplification. NULL unless reject is NONE or NO_FRAME. */
    uint64_t n;              /**< bits that entered: frames x frame_bits. 0 when rejected before a syndrome */
    uint64_t dropped;        /**< tail that filled no frame: counted nowhere */
    uint64_t errors;         /**< exact number of errors among the n bits (n > 0) */
    uint32_t code, z, m;     /**< code, lifting size, syndrome bits of a frame */
    uint32_t c, a;           /**< channel LLR and check-node constant of the decoder */
    uint32_t frame_bits;     /**< key bits of a frame */
    uint32_t frame_leak;     /**< m - 2 z */
    uint64_t frames;         /**< frames sent */
    uint64_t frames_failed;  /**< of them revealed, for whatever reason */
    uint64_t located;        /**< of those, by frame tags after a mismatch */
    uint32_t tag_bits, tags; /**< bits of a tag of the string, and how many were sent (0, 1 or 2) */
    uint64_t frame_tags;     /**< 64-bit tags of single frames sent */
    uint32_t added_rounds;   /**< rounds of added rows that it came to */
    uint64_t added_bits;     /**< rows sent in them, over all frames */
    uint64_t added_answers;  /**< Bob's answers to them */
    uint64_t code_bits;      /**< Alice's code bits of all frames, failed ones' included, all rows less the private bits */
    uint64_t bob_bits;       /**< Cascade: Bob's parities of all frames, failed ones' included; code_bits are then Alice's */
    uint64_t kept_bits;      /**< syndrome bits of kept frames, all rows */
    uint64_t bytes[2];       /**< of messages' bodies, Alice's and Bob's */
    uint32_t rounds;         /**< turns of Bob */
    double iterations;       /**< sum over frames and attempts, failed ones at the cap; Bob's side only, else 0 */
} qd_reconcile_result;

/** Book the charges of @p r under @p basis (design: what is charged): kept frames' syndromes with all added rows (Cascade: Alice's
 *  parities of kept frames, Bob's of all: both directions, arXiv:2307.00576), the private credit 2 Z each, the
 *  full
 *  length of revealed frames, an answer for each frame, each frame of an added round and each tag, tags, and ceil(log2(n+1)) for the
 *  error count.
 *  Does nothing when n = 0. QD_E_INTERNAL on overflow. */
qd_status qd_reconcile_charge(const qd_reconcile_result *r, int basis, qd_ledger *ledger, qd_error *err);

/** Statistics of a result. Fields are NaN where they have no value (zero errors, n = 0). */
typedef struct qd_reconcile_figures {
    double qber;               /**< errors / n */
    double efficiency;         /**< code bits of all frames, added rows with them, over n h(qber) */
    double efficiency_charged; /**< everything charged over n h(qber) */
    double net_yield;          /**< 1 - charged / n */
    double iterations_mean;    /**< iterations / frames; 0 on Alice's side */
} qd_reconcile_figures;
qd_reconcile_figures qd_reconcile_figures_of(const qd_reconcile_result *r);

/** Alice's machine. Deterministic given its arguments. */
typedef struct qd_reconcile_alice qd_reconcile_alice;

/** @param p       copied
 *  @param key     her string, borrowed until the machine is destroyed
 *  @param private_bits where the private bits of the frames come from (stream QD_STREAM_PRIVATE), copied
 *  @param verify  where the hash keys come from (stream QD_STREAM_VERIFY), copied
 *  @param dev     borrowed; NULL: the reference
 *  QD_E_USAGE: parameters out of range. */
qd_status qd_reconcile_alice_create(const qd_reconcile_params *p, const qd_bits *key, qd_random private_bits, qd_random verify,
                                    qd_device *dev, qd_reconcile_alice **out, qd_error *err);
/** Take one message of Bob (NULL to start) and append what she sends. *done: nothing more to do, the result stands.
 *  QD_E_INPUT: a message that is malformed or out of turn; the machine is then unusable and can only be destroyed.
 *  QD_E_DEVICE, QD_E_INTERNAL likewise. */
qd_status qd_reconcile_alice_step(qd_reconcile_alice *self, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err);
/** The result once done; borrowed from the machine. */
const qd_reconcile_result *qd_reconcile_alice_result(const qd_reconcile_alice *self);
void qd_reconcile_alice_destroy(qd_reconcile_alice *self);

/** Bob's machine. */
typedef struct qd_reconcile_bob qd_reconcile_bob;
/** As Alice's, with his string of the same length. He draws no randomness. His first step takes her first message. */
qd_status qd_reconcile_bob_create(const qd_reconcile_params *p, const qd_bits *key, qd_device *dev, qd_reconcile_bob **out,
                                  qd_error *err);
qd_status qd_reconcile_bob_step(qd_reconcile_bob *self, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err);
const qd_reconcile_result *qd_reconcile_bob_result(const qd_reconcile_bob *self);
void qd_reconcile_bob_destroy(qd_reconcile_bob *self);

/** What Alice would announce for a string of @p bits bits: the plan of the rate's rule (host/reconcile/rate.h). Floating point, so never
 *  computed on both sides. @p p as for the machine. reject tells why there is no plan (then the rest is 0). */
typedef struct qd_reconcile_plan {
    uint32_t reject, code, z, m, c, a, tag_bits;
    uint32_t frame_bits; /**< key bits of a frame; a large-block code has frame_bits / z block columns */
    uint32_t joined;     /**< pairs of lifted rows joined at first, of a large-block code: m counts both rows of each, and a private bit is in them */
    uint64_t frames;
    double qber;      /**< mean of the posterior; 1/2 where nothing is known */
    double fer;       /**< expected share of failed frames, from the fitted curves of host/reconcile/rate.c (5G codes) or large_rate.c */
    uint32_t rounds; /**< of added rows, expected at most; how many rows each adds goes with what the rounds before solved */
    double net_yield; /**< expected, of n: (1 - fer)(1 - leak) without added rows, else less answers and rows too */
} qd_reconcile_plan;
qd_status qd_reconcile_plan_make(const qd_reconcile_params *p, uint64_t bits, qd_reconcile_plan *plan, qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
