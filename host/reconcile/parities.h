/* SPDX-License-Identifier: Apache-2.0 */
/** @file parities.h  Cascade between the two machines: one search of the string's frames on each side, in lock-step, and messages
 * that carry the parities of one round.
 *
 *  Both sides tell theirs of every round. Who has heard the other's of a round tells the own, knows the next round's questions,
 * and tells those parities too before handing the turn over: a round trip carries two rounds.
 *
 *  CASCADE: u8 version 1, u8 basis, u32 bits of a frame, passes, block of each pass, order, tag_bits, u8 infer, u64 seed, u64 bits
 *  of the string, u64 frames.
 *
 *  PARITIES: u32 round, from 0, u64 count, then one bit each, as ANSWER has them. */
#ifndef QD_RECONCILE_PARITIES_H
#define QD_RECONCILE_PARITIES_H

#include "qdistill/reconcile/cascade.h"
#include "reconcile/machine.h"

enum {
    QD_PARITIES_FRAMES = 1 << 14, /**< of a string at most: 2.7e8 bits */
    QD_PARITIES_BITS = 1 << 14,   /**< of a frame, where the string has as many */
    QD_PARITIES_LEAST = 256       /**< bits of a frame */
};

/** Length of a frame and number of frames of a string of @p bits bits; 0 frames: too short. */
void qd_parities_frames(uint64_t bits, uint32_t *n, uint64_t *frames);
/** The plan of such frames at error rate @p q (clipped to what block sizes can be made of): QD_CASCADE_QD. QD_E_USAGE: frames of so few bits have no plan. */
qd_status qd_parities_plan(uint64_t bits, double q, qd_cascade_plan *plan, qd_error *err);

/** Bits that the string is expected to disclose at error rate @p q, both directions. */
double qd_parities_charge(double q, double bits);

/** Alice: announce plan and frames, and her parities of the first round. The machine owns the search, its parities and their counts
 *  (qd_machine_clear), here and below. QD_E_INTERNAL: no memory; QD_E_BUILD, QD_E_DEVICE, here and below. */
qd_status qd_parities_start(qd_machine *m, const qd_cascade_plan *plan, uint64_t seed, uint64_t frames, uint32_t tag_bits,
                            qd_outbox *out, qd_error *err);
/** Bob: read that announcement. QD_E_INPUT: it is of another string, or no plan. */
qd_status qd_parities_accept(qd_machine *m, const qd_msg *in, qd_error *err);
/** Take the other side's parities and tell own ones. *over: the search has ended, the errors it found are out of Bob's string,
 * and each frame's parities are counted. QD_E_INPUT: of another round, not as many as there are questions, or the turn is not
 * handed over where it must be. */
qd_status qd_parities_step(qd_machine *m, const qd_msg *in, qd_outbox *out, bool *over, qd_error *err);

#endif
