/* SPDX-License-Identifier: Apache-2.0 */
/** @file source.h  Where stations' events come from: a simulated link or recordings. Private to the pipeline. */
#ifndef QD_PIPELINE_SOURCE_H
#define QD_PIPELINE_SOURCE_H

#include "qdistill/link.h"
#include "qdistill/pipeline.h"
#include "qdistill/timetag/seen.h"

/** A link that is simulated slice by slice for whichever station asks first; the other station's half of the slice waits for it. */
typedef struct qd_rehearsal qd_rehearsal;
/** @p link and @p dev are borrowed; @p seconds of link time. */
qd_status qd_rehearsal_create(const qd_link *link, double seconds, qd_device *dev, qd_rehearsal **out, qd_error *err);
void qd_rehearsal_destroy(qd_rehearsal *r);
/** The source of one station; borrowed from @p r. */
qd_source qd_rehearsal_source(qd_rehearsal *r, qd_direction role);
/** Cells simulated so far and in all: progress. */
void qd_rehearsal_progress(const qd_rehearsal *r, uint64_t *done, uint64_t *total);

/** A recording of one station. */
typedef struct qd_recording qd_recording;
qd_status qd_recording_open(const char *path, const char *format, qd_recording **out, qd_error *err);
void qd_recording_close(qd_recording *r);
qd_source qd_recording_source(qd_recording *r);
/** Tick of the recording's format. */
qd_tick qd_recording_tick(const qd_recording *r);
/** The recording as its reader has seen it so far. */
void qd_recording_see(const qd_recording *r, qd_tag_seen *seen);

#endif
