/* SPDX-License-Identifier: Apache-2.0 */
/** @file sync_report.h  What sync is asked for, and what it says of a clock it found or did not find. */
#ifndef QD_TOOLS_SYNC_REPORT_H
#define QD_TOOLS_SYNC_REPORT_H

#include <stdio.h>
#include "qdistill/timetag.h"
#include "qdistill/timetag/seen.h"

typedef struct qd_sync_args {
    const char *file[2], *format, *format_b, *effort; /**< format_b NULL: as format */
    double max_offset_s, max_ppm, offset_s, ppm, span_s, p_false;
    bool follow;
    double every_s, wait_s, idle_s, lost_s; /**< of --follow, as the events of one side that are held */
    uint64_t hold_events;
    qd_tag_format tags[2]; /**< `format` and `format_b`, once parsed */
    qd_effort level;    /**< `effort`, once parsed */
} qd_sync_args;

static inline const char *qd_sync_format(const qd_sync_args *a, int side) {
    return side && a->format_b ? a->format_b : a->format;
}

/** What was in use: events, and seconds from the first to the last of them. */
typedef struct qd_sync_loaded {
    uint64_t events[2];
    double seconds[2];
} qd_sync_loaded;

/** For people, in four lines. */
void qd_sync_print(FILE *to, const qd_sync_args *a, const qd_sync_report *r);
/** Add what every record of sync has; of @p warnings the first @p n. @p clock may be NULL. */
void qd_sync_json(json_t *j, const qd_sync_args *a, const qd_sync_loaded *loaded, const qd_clock *clock, const qd_sync_report *r,
                  const char *const *warnings, size_t n);
/** Add `recordings`, of A and B as read. */
void qd_sync_recordings(json_t *j, const qd_sync_args *a, const qd_tag_seen seen[2]);

#endif
