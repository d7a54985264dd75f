/* SPDX-License-Identifier: Apache-2.0 */
/** @file costream.h  Parts of qd_costream_run. Private to the room. */
#ifndef QD_PIPELINE_COSTREAM_H
#define QD_PIPELINE_COSTREAM_H

#include "pipeline/epoch_files.h"

/** T1 events that are waiting, and the files they are from. Times: 1/8 ns since the first epoch of the run. */
typedef struct qd_t1_stream {
    int64_t *t;
    uint8_t *mask;
    uint64_t n, cap, next; /**< [next, n) wait */
    uint64_t forgotten;    /**< events before t[0] */
    uint32_t epoch;        /**< of the next file */
    bool ended;            /**< no more files */
    uint64_t file_events;  /**< of the file read last */
    struct {
        uint32_t epoch;
        uint64_t end; /**< first event behind it */
    } * file;         /**< read, not removed */
    size_t n_files, cap_files;
} qd_t1_stream;

typedef struct qd_costream_work {
    const qd_costream *c;
    const qd_epoch_wait *wait;
    qd_device *dev;
    qd_costream_result *result;
    qd_t1_stream t1;
    qd_greedy pairing;
    qd_greedy_meetings meetings; /**< of the epoch in hand */
    uint64_t accidentals;
    uint64_t used1; /**< mutual pairs: T1 events before this one are used */
    unsigned order;
    int32_t order_256; /**< the servo's state: width in 1/256 bit */
    uint32_t (*histogram)[128];
    unsigned histogram_left;
} qd_costream_work;

/** Time 0 of an epoch. QD_E_INPUT: four years from the first. */
qd_status qd_costream_base(const qd_costream *c, uint32_t epoch, int64_t *base, qd_error *err);

/** Wait for more T1 events; t1.ended when none come. */
qd_status qd_t1_more(qd_costream_work *w, qd_error *err);
/** Remove files all of whose events were used. */
qd_status qd_t1_tidy(qd_costream_work *w, qd_error *err);
void qd_t1_free(qd_t1_stream *s);

/** Meetings and accidentals of one T2 file, times @p t2 [n2] on the run's base. */
qd_status qd_costream_pair_greedy(qd_costream_work *w, const int64_t *t2, uint64_t n2, qd_error *err);
qd_status qd_costream_pair_mutual(qd_costream_work *w, const int64_t *t2, uint64_t n2, qd_error *err);

/** Sift the meetings, write T3 and T4, report. */
qd_status qd_costream_close(qd_costream_work *w, const qd_epoch_file *t2, qd_error *err);

#endif
