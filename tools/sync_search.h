/* SPDX-License-Identifier: Apache-2.0 */
/** @file sync_search.h  Search for a clock in recordings that still grow: again and again on more of them, in a thread of its
 * own, so that FIFOs are read meanwhile. What is searched is cut by time of the tags alone: how they came in changes nothing. */
#ifndef QD_TOOLS_SYNC_SEARCH_H
#define QD_TOOLS_SYNC_SEARCH_H

#include "sync_streams.h"

/** What is known of the clock at one of B's times. */
typedef struct qd_sync_prior {
    int64_t base;
    double offset_s, ppm, max_offset_s;
} qd_sync_prior;

typedef struct qd_sync_search {
    const qd_sync_args *a;
    qd_sync_streams *io;
    qd_device *dev;
    const volatile sig_atomic_t *stop; /**< ends an attempt that is under way with QD_STOPPED */
    bool has_prior; /**< prior.base is set: at first that is B's first event, once it has come */
    qd_sync_prior prior;
    uint64_t attempts; /**< in all: the k-th may be wrong by chance with probability p_false / (k (k+1)) */
    bool again;        /**< a lock was lost: no limit on how long this takes */
    double span_s;     /**< of the next attempt */
    bool half;         /**< it takes the later half of that */
    unsigned slides;   /**< attempts since a lock was lost */
    bool begun;
    int64_t began;           /**< A's time at which the two first had something in common */
    int64_t from, to;        /**< A's time of the latest attempt */
    bool cut, all;           /**< it: shorter than span_s, for lack of memory or of more tags; of all that there will be */
    struct qd_sync_job *job; /**< NULL: no attempt is under way */
    qd_sync_loaded loaded;   /**< of the latest attempt */
    qd_clock clock;
    qd_sync_report report;
} qd_sync_search;

void qd_sync_search_start(qd_sync_search *s, const qd_sync_args *a, qd_sync_streams *io, qd_device *dev, const volatile sig_atomic_t *stop);
/** After a lock was lost: near the clock that it had, and wherever the first search looked. */
void qd_sync_search_again(qd_sync_search *s, const qd_clock *last);
/** Begin an attempt when there is enough, or see what came of it; never waits. *locked: clock and report are set.
 *  QD_E_POLICY: no lock, and nothing more to try. QD_STOPPED: it was. Other errors as of qd_correlate. */
qd_status qd_sync_search_step(qd_sync_search *s, bool *locked, qd_error *err);
/** Waits for an attempt that is under way; *locked as above. */
qd_status qd_sync_search_end(qd_sync_search *s, bool *locked, qd_error *err);

#endif
