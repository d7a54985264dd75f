/* SPDX-License-Identifier: Apache-2.0 */
/** @file cascade.h  Interactive error correction by parities of blocks: Cascade (Brassard, Salvail, EUROCRYPT '93) and the
 * variants that Martinez-Mateo, Pacher, Peev, Ciurana and Martin compare (arXiv:1407.3257).
 *
 *  Pass i permutes the frame and cuts it into blocks of k_i positions, the last one shorter. Both sides tell the parity of each;
 * where they differ, halving finds a wrong bit. Correcting it makes the blocks of other passes around it odd, where the next
 * error is found.
 *
 *  The search is public: which parity is asked next follows from the seed of the permutations and from the parities told so far.
 * Each side runs one search and adds the parities of its own key, so that no position is ever sent: a message is one bit for each
 * question. Every round asks all that can be asked of the frame at once, one message each way. A search holds no bit of a key,
 * only the error pattern, and whoever hears both directions knows that as well: both are charged (arXiv:2307.00576). */
#ifndef QDISTILL_RECONCILE_CASCADE_H
#define QDISTILL_RECONCILE_CASCADE_H

#include <stdbool.h>
#include <stdint.h>
#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Variants, the first seven by their number in table 1 of arXiv:1407.3257. */
typedef enum qd_cascade_variant {
    QD_CASCADE_ORIGINAL, /**< k_1 = ceil(.73/q), then twice the one before; 4 passes */
    QD_CASCADE_BICONF,   /**< mod. (1): ceil(.92/q), 3 k_1; then rounds of both halves of a permutation, halved where odd, without
                            going back to earlier passes, until 10 in succession corrected nothing */
    QD_CASCADE_YANETAL,  /**< opt. (2): ceil(.80/q), 5 k_1, then floor(n/2); 10 passes */
    QD_CASCADE_OPTION3,  /**< opt. (3): ceil(1/q), 2 k_1, then floor(n/2); 16 passes */
    QD_CASCADE_OPT4,     /**< opt. (4): blocks of opt. (3), every known sub-block is used again */
    QD_CASCADE_OPT7,     /**< opt. (7): 2^ceil(log2(1/q)), 4 k_1, then floor(n/2); 14 passes; sub-blocks as (4) */
    QD_CASCADE_OPT8,     /**< opt. (8), made for n = 2^14: 2^ceil(a) with a = log2(1/q) - 1/2, 2^ceil((a+12)/2), 4096, then
                            floor(n/2); 14 passes; sub-blocks as (4) */
    QD_CASCADE_QD,       /**< ours, not in that table: 2^round(log2(1/q)), 2^round(log2(40/sqrt(q))), then ceil(n/2); 15 passes;
                            sub-blocks as (4), in the order PASS, for which the blocks were sought (bench/NOTES.md, "Cascade") */
    QD_CASCADE_VARIANTS
} qd_cascade_variant;

/** Variant called @p name: "original", "biconf", "yanetal", "option3", "opt4", "opt7", "opt8", "qd". QD_E_USAGE lists them. */
qd_status qd_cascade_named(const char *name, qd_cascade_variant *variant, qd_error *err);
/** Its name; "unknown" otherwise. Static storage. */
const char *qd_cascade_name(qd_cascade_variant variant);

/** Which blocks a round halves. An order that waits finds errors with fewer parities, for more rounds. */
typedef enum qd_cascade_order {
    QD_CASCADE_FROM_TOP, /**< every odd block of a pass, and for each corrected bit the whole blocks around it in the other
                            passes, all at once. Halves that are known are not asked again; a half that two searches come to
                            before it is answered is asked by both, and counted twice. A block with an even number of errors is
                            left alone though a known part of it be odd. That is what the published counts without sub-block reuse
                            are of. */
    QD_CASCADE_SMALLEST, /**< sub-block reuse: of all known odd parts that are not halved yet the smallest, those of one size at
                            once */
    QD_CASCADE_APART,    /**< sub-block reuse: smallest first, and with it all that share no position with one already taken: an
                            error is searched for in one block at a time */
    QD_CASCADE_ONE,      /**< sub-block reuse: the first one of the smallest alone. Fewest parities, a round for each */
    QD_CASCADE_PASS,     /**< sub-block reuse: all of one pass, which share no position; the pass that has the smallest, the first of
                            several. Few rounds, and the quickest search */
    QD_CASCADE_ORDERS
} qd_cascade_order;

enum { QD_CASCADE_PASSES = 16, QD_CASCADE_BITS = 1 << 24 /**< the longest frame */ };

/** What one side announces before the first parity; integers, so that two hosts never round apart. */
typedef struct qd_cascade_plan {
    uint32_t n;                        /**< bits of a frame, 2 to QD_CASCADE_BITS */
    uint32_t passes;                   /**< 1 to QD_CASCADE_PASSES */
    uint32_t block[QD_CASCADE_PASSES]; /**< k of each pass, 1 to n */
    uint32_t quiet; /**< after the passes: rounds of both halves that must correct nothing in succession; 0: no such */
    uint32_t order; /**< qd_cascade_order; halves rounds (quiet > 0) go with FROM_TOP only */
    bool infer;     /**< the last block of a pass after the first is not asked: the first pass gave the parity of the frame */
} qd_cascade_plan;

/** Plan of a variant for frames of @p n bits at error rate @p q, 0 < q < 1/2: FROM_TOP without sub-block reuse, else
 *  SMALLEST, as published, or PASS, and infer. No block is longer than the frame. Floating point, so never made on both sides.
 *  QD_E_USAGE: n or q out of range. */
qd_status qd_cascade_plan_make(qd_cascade_variant variant, double q, uint64_t n, qd_cascade_plan *plan, qd_error *err);

/** Permutation of a pass: position i of the pass is bit order[i] of the frame. Fisher-Yates from above (i = n-1 to 1, exchange
 * with floor(w (i+1) / 2^64)), w the 64-bit word i of philox(seed, QD_STREAM_CASCADE, frame << 32 | pass): draw i/2, words 2(i%2)
 * low and 2(i%2)+1 high. No position is likelier than another by more than n/2^64. @p order n entries, @p frame below 2^32. */
void qd_cascade_permutation(uint64_t seed, uint64_t frame, uint32_t pass, uint32_t n, uint32_t *order);

/** A parity to be told: XOR of the key bits order[from..to) of a pass. Passes count from 0; halves rounds go on counting. */
typedef struct qd_cascade_question {
    uint32_t pass, from, to;
} qd_cascade_question;

/** What a frame cost so far. */
typedef struct qd_cascade_counts {
    uint64_t alice_bits, bob_bits;   /**< parities that each side told */
    uint64_t alice_bytes, bob_bytes; /**< of the messages, each rounded up to whole bytes, without framing */
    uint64_t rounds;                 /**< messages of each side: a round trip each */
    uint64_t inferred;               /**< parities that follow from told ones: second halves, and last blocks under `infer` */
    uint64_t corrected;              /**< errors found */
    uint64_t passes;                 /**< begun, rounds of both halves included */
} qd_cascade_counts;

/** The search of one frame. Two searches with equal arguments and answers are equal. */
typedef struct qd_cascade qd_cascade;

/** Begin: the questions of the first round stand. @p plan copied. QD_E_USAGE: the plan or the frame's number is out of range. */
qd_status qd_cascade_create(const qd_cascade_plan *plan, uint64_t seed, uint64_t frame, qd_cascade **out, qd_error *err);
void qd_cascade_destroy(qd_cascade *self);

/** How many questions this round has; 0: the frame is done. */
uint64_t qd_cascade_questions(const qd_cascade *self);
/** Question @p i of them. */
qd_cascade_question qd_cascade_question_at(const qd_cascade *self, uint64_t i);
/** One side's message: the parities of @p key (as it was at the beginning, n bits), packed as in qd_bits.
 *  @p parity qd_bits_words(questions) words, written whole. */
void qd_cascade_parities(const qd_cascade *self, const qd_bits *key, uint64_t *parity);
/** Both sides' messages of this round; then the questions of the next one stand. QD_E_INPUT: the parities contradict each other
 * (more bits would be corrected than the frame has): no key has them. The search can then only be destroyed. */
qd_status qd_cascade_answer(qd_cascade *self, const uint64_t *alice, const uint64_t *bob, qd_error *err);

/** The errors found so far, n bits: Bob adds them to his key in the end. Borrowed. The last few are put in here, so not from two threads at once. */
const qd_bits *qd_cascade_errors(const qd_cascade *self);
qd_cascade_counts qd_cascade_counts_of(const qd_cascade *self);

/** One side of many frames in lock-step: every round carries the questions of all frames that are not done, in order of the
 * frames. The frames share their permutations, those of frame number @p batch. Used by one thread. */
typedef struct qd_cascade_batch qd_cascade_batch;

/** Begin: the questions of the first round stand.
 *  @param keys    this side's keys, [frames][qd_bits_words(n)], as qd_bits; read here, then no more
 *  @param frames  1 to 2^20; of each passes (n/64 + 1) words of prefixes stay, and of 1024 at a time as many again while they are made
 *  @param dev     makes the prefix parities (operation cascade_prefix); NULL: the reference
 *  QD_E_USAGE: as qd_cascade_create; plans with halves rounds (quiet > 0) are not for batches. QD_E_BUILD, QD_E_DEVICE,
 * QD_E_INTERNAL. */
qd_status qd_cascade_batch_create(const qd_cascade_plan *plan, uint64_t seed, uint64_t batch, const uint64_t *keys,
                                  uint64_t frames, qd_device *dev, qd_cascade_batch **out, qd_error *err);
/** Wipes the prefix parities. NULL is accepted. */
void qd_cascade_batch_destroy(qd_cascade_batch *self);
/** Questions of this round, which are bits of a message; 0: all frames are done. */
uint64_t qd_cascade_batch_questions(const qd_cascade_batch *self);
/** This side's message. @p parity qd_bits_words(questions) words, written whole. */
void qd_cascade_batch_message(const qd_cascade_batch *self, uint64_t *parity);
/** As qd_cascade_answer, of all frames. */
qd_status qd_cascade_batch_answer(qd_cascade_batch *self, const uint64_t *alice, const uint64_t *bob, qd_error *err);
/** The search of a frame, for qd_cascade_errors and qd_cascade_counts_of alone: its questions are the batch's. Borrowed. */
const qd_cascade *qd_cascade_batch_frame(const qd_cascade_batch *self, uint64_t frame);
/** Sums over the frames; rounds and bytes are those of the batch's messages. */
qd_cascade_counts qd_cascade_batch_counts_of(const qd_cascade_batch *self);

/** Statistics: a whole frame with both keys at hand. @p bob is corrected in place; errors may be left, which no parity showed.
 *  Errors as of create; QD_E_USAGE also when a key has not n bits. */
qd_status qd_cascade_frame_truth(const qd_cascade_plan *plan, uint64_t seed, uint64_t frame, const qd_bits *alice, qd_bits *bob,
                                 qd_cascade_counts *counts, qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
