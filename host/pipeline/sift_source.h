/* SPDX-License-Identifier: Apache-2.0 */
/** @file sift_source.h  A station's file as `sift` reads it: its own rules applied, and the stretch of it that is in memory. Private to the
 *  pipeline. */
#ifndef QD_PIPELINE_SIFT_SOURCE_H
#define QD_PIPELINE_SIFT_SOURCE_H

#include "qdistill/sift_files.h"

typedef struct qd_sift_source {
    qd_tag_reader *reader;
    qd_tags kept; /**< waiting (Alice: announced times, in ticks) */
    uint64_t tags, singles[4]; /**< events read, and clicks of V, -, H, + in them */
    qd_dead dead;
    uint64_t first_id; /**< number of kept.t[0] among the station's events */
    bool end;
} qd_sift_source;

/** Read up to o->chunk events more: the dead-time rule, announced times for Alice, then onto the waiting ones. */
qd_status qd_sift_source_read(qd_sift_source *s, const qd_sift_options *o, int side, qd_error *err);
/** Forget the first @p n waiting events. */
void qd_sift_source_drop(qd_sift_source *s, uint64_t n);
void qd_sift_source_close(qd_sift_source *s);

/** The clock to follow, ready for events from the first on. Reads the files by itself where the clock's base lies within them. The caller
 *  destroys *out, also on error. */
qd_status qd_sift_clock(const qd_sift_options *o, const qd_clock *clock, int64_t reach, qd_follow **out, qd_error *err);

#endif
