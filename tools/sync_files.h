/* SPDX-License-Identifier: Apache-2.0 */
/** @file sync_files.h  What sync holds of two recordings: the first events of the time that they have in common. */
#ifndef QD_TOOLS_SYNC_FILES_H
#define QD_TOOLS_SYNC_FILES_H

#include "qdistill/timetag.h"

/** One side while it is read. */
typedef struct qd_sync_side {
    qd_tag_reader *reader;
    bool ended, full, dropped;
    int64_t first;       /**< of the recording */
    int64_t start, last; /**< earlier events than start cannot have a partner; the last of those */
    int64_t limit;       /**< later events are not used */
} qd_sync_side;

typedef struct qd_sync_files {
    const char *path[2];
    qd_tag_format format[2];
    double span_s;                 /**< of the common time; 0: up to QD_SYNC_EVENTS a side */
    double offset_s, max_offset_s; /**< where the search will look: what cannot have a partner is not held */
    qd_tags tags[2];               /**< out: times alone, mask is NULL */
    double loaded_s[2];            /**< out: from the first to the last event held */
    uint64_t held[2];              /**< out: events held for the search */
    qd_sync_side side[2];          /**< not for callers */
} qd_sync_files;

/** Read both, what is behind in time first. The caller calls qd_sync_close, also after an error. Errors as of qd_tag_reader_open and qd_tag_reader_read;
 * QD_STOPPED: a signal came. */
qd_status qd_sync_load(qd_sync_files *f, qd_error *err);
/** Fit a clock that was found in what is held to as much of both recordings as one line holds for, up to span_s; memory does not grow.
 *  What is held is let go. @p clock and @p report as of qd_extend_end. Errors as of qd_sync_load. */
qd_status qd_sync_extend(qd_sync_files *f, qd_clock *clock, qd_sync_report *report, qd_error *err);
/** Free. */
void qd_sync_close(qd_sync_files *f);
/** Both names lead to the same file. */
bool qd_sync_same(const qd_sync_files *f);

#endif
