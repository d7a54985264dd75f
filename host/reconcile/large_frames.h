/* SPDX-License-Identifier: Apache-2.0 */
/** @file large_frames.h  A string in frames of a large-block code: what both machines do in place of CODE, SYNDROME and their decoding. A frame is
 *  the next n bits of the string; its syndrome, rows z bits, stands in messages as words of 64 bits. */
#ifndef QD_RECONCILE_LARGE_FRAMES_H
#define QD_RECONCILE_LARGE_FRAMES_H

#include "reconcile/machine.h"

/** Bytes of a frame's syndrome. */
static inline size_t qd_large_frames_bytes(const qd_machine *m) {
    return qd_syndrome_words(&m->code) * 8;
}

/** Alice: draw the code of @p plan, set up its frames, send LARGE. QD_E_INTERNAL: no memory. */
qd_status qd_large_frames_start(qd_machine *m, const qd_reconcile_plan *plan, qd_outbox *out, qd_error *err);
/** Alice: the syndromes of all frames. @p hidden: their private bits, uint64 [frames][hidden columns][words], zeros behind the joined ones; NULL where no rows are joined. */
qd_status qd_large_frames_send(qd_machine *m, const uint64_t *hidden, qd_outbox *out, qd_error *err);
/** Bob: take LARGE. QD_E_INPUT: sizes out of range, frames that are not those that the string fills, a short tag, another code
 *  than hers under these sizes. Nothing is allocated before sizes are in range; then as the string's length asks for. */
qd_status qd_large_frames_accept(qd_machine *m, const qd_msg *in, qd_error *err);
/** Bob: decode frames @p id[0..n) with the rows that are joined still; what is recovered replaces his bits. */
qd_status qd_large_frames_decode(qd_machine *m, const uint64_t *id, uint64_t n, const uint64_t *syndromes, qd_error *err);
/** Both: @p n more are told, fewer than are unknown or as many. QD_E_INTERNAL: no memory. */
qd_status qd_large_frames_tell(qd_machine *m, uint32_t n, qd_error *err);

#endif
