/* SPDX-License-Identifier: Apache-2.0 */
/** @file extend.h  A clock that was found on the beginning of two recordings, fitted to as much of them as one line holds for. */
#ifndef QDISTILL_TIMETAG_EXTEND_H
#define QDISTILL_TIMETAG_EXTEND_H

#include "qdistill/timetag.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The fit of a clock that goes on while events are read, in memory that does not depend on how many there are.
 *
 *  The pairs are weighed as in qd_correlate's last fit (maximum likelihood of a Gaussian of report->sigma_ps on a flat
 * background). A block's sums are taken along the line known before it, one Newton step each, and are added up as information
 * (theta, H): which is the fit over all of them as long as the line before was right to a part of the jitter, and it is: each
 * block is as long as half of what came before. A block whose own offset or frequency leaves that line by more than 5 standard
 * deviations of both is not taken: the clock has left its line, and the fit ends before the block. Blocks with too few pairs to
 * tell are passed over. */
typedef struct qd_extend qd_extend;

/** @param clock, report  as of qd_correlate, locked  @return QD_E_USAGE: not locked, or without jitter or pairs. QD_E_INTERNAL:
 * no memory */
qd_status qd_extend_create(const qd_clock *clock, const qd_sync_report *report, qd_extend **out, qd_error *err);
void qd_extend_destroy(qd_extend *extend);
/** Go on as far as the events in memory allow.
 *  @param a, b   events in memory, in order, the same tick as the clock: at first from the first ones of report's data on, then
 * at least from the times on that the call before gave. Only n, t and tick are read
 *  @param a_end, b_end  no more will come
 *  @param from   out: A's and B's times, each on his own clock, before which events are not needed again
 *  @param done   out: what follows is not used: both have ended, or the clock has left its line
 *  @return QD_E_INPUT: times not in order. QD_E_USAGE: another tick */
qd_status qd_extend_add(qd_extend *extend, const qd_tags *a, bool a_end, const qd_tags *b, bool b_end, int64_t from[2],
                        bool *done, qd_error *err);
/** The line over all blocks that were taken. Of @p clock the figures of the line are replaced, at the same base; of @p report
 * offset_ps to mid_offset_sd_ps, pairs and span_s. The rest, and all of it when no block was taken, stays. */
void qd_extend_end(const qd_extend *extend, qd_clock *clock, qd_sync_report *report);

#ifdef __cplusplus
}
#endif
#endif
