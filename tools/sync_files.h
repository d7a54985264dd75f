/* SPDX-License-Identifier: Apache-2.0 */
/** @file sync_files.h  What sync holds of two recordings: the first events of the time that they have in common. */
#ifndef QD_TOOLS_SYNC_FILES_H
#define QD_TOOLS_SYNC_FILES_H

#include "qdistill/timetag.h"

/** Events a side that are held: enough for any lock that can be had, and a bound on the memory whatever the files. */
enum { QD_SYNC_EVENTS = 1 << 24 };

typedef struct qd_sync_files {
    const char *path[2];
    qd_tag_format format;
    double span_s;                 /**< of the common time; 0: up to QD_SYNC_EVENTS a side */
    double offset_s, max_offset_s; /**< where the search will look: what cannot have a partner is not held */
    qd_tags tags[2];               /**< out: times alone, mask is NULL */
    double loaded_s[2];            /**< out: from the first to the last event held */
    bool whole[2];                 /**< out: the recording ends with what is held */
} qd_sync_files;

/** Read both, what is behind in time first. The caller frees tags. Errors as of qd_tag_reader_open and qd_tag_reader_read;
 * QD_STOPPED: a signal came. */
qd_status qd_sync_load(qd_sync_files *f, qd_error *err);
/** Both names lead to the same file. */
bool qd_sync_same(const qd_sync_files *f);

#endif
