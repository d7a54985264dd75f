/* SPDX-License-Identifier: Apache-2.0 */
/** @file sync_streams.h  Two recordings that still grow: what sync --follow holds of them, and how it reads both without waiting
 * for one. */
#ifndef QD_TOOLS_SYNC_STREAMS_H
#define QD_TOOLS_SYNC_STREAMS_H

#include "qdistill/timetag.h"
#include "qdistill/timetag/stream.h"
#include "sync_report.h"

typedef struct qd_sync_stream {
    qd_tag_reader *reader;
    bool fifo;
    bool ended;          /**< nothing follows what is held */
    qd_tags held;        /**< times alone, mask is NULL */
    qd_tags fresh;       /**< as they are read */
    uint64_t events;     /**< read so far */
    uint64_t dropped;    /**< of these, given up because the other side lagged behind */
    int64_t first, last; /**< of the events read */
    double moved;        /**< qd_now() when bytes came last, or none were asked for */
} qd_sync_stream;

typedef struct qd_sync_streams {
    qd_sync_stream s[2];
    uint64_t hold;
    double idle_s;
} qd_sync_streams;

/** QD_E_INPUT, QD_E_USAGE as of qd_tag_stream_open; the same FIFO twice is a usage error. The caller closes, also after an error.
 */
qd_status qd_sync_streams_open(qd_sync_streams *io, const qd_sync_args *a, qd_error *err);
void qd_sync_streams_close(qd_sync_streams *io);
/** Take what is there of both, up to `hold` events a side. Where nothing is, wait for some, at most @p wait_ms or until a signal
 * comes. A FIFO without writers has ended, and a file that has not grown for idle_s; a FIFO that is silent so long, when the
 * other has ended. */
qd_status qd_sync_streams_pump(qd_sync_streams *io, int wait_ms, qd_error *err);
bool qd_sync_full(const qd_sync_streams *io, int side);
/** A side that is full and whose writer waits for us, while the other has brought nothing for a second: half of what it holds
 * must go, or a writer that writes first one, then the other would wait for ever. -1: none. */
int qd_sync_stalled(const qd_sync_streams *io);
/** Forget the first @p k events held. */
void qd_sync_drop(qd_sync_stream *s, uint64_t k);
/** Nothing to be had of this side beyond @p t: false while an event at or after it may come. */
bool qd_sync_has(const qd_sync_stream *s, int64_t t);

#endif
