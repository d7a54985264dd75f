/* SPDX-License-Identifier: Apache-2.0 */
/** @file live.h  A directory that epoch files are still written to, as a stream of events. Private to the room. */
#ifndef QD_TIMETAG_LIVE_H
#define QD_TIMETAG_LIVE_H

#include "qdistill/timetag/stream.h"
#include "timetag/reader.h"

/** Sets r->live of a reader of format t1 or t2; r->path is a directory, which may hold nothing yet. */
qd_status qd_live_open(qd_tag_reader *r, qd_error *err);
/** Take the next file in hand, if it is there and whole; *bytes that were read, also of one that is not. */
qd_status qd_live_fill(qd_tag_reader *r, uint64_t *bytes, qd_error *err);
/** The decoder's turn; *dry: there is no file in hand. */
qd_status qd_live_more(qd_tag_reader *r, bool *dry, qd_error *err);
/** The file in hand was read to its end. */
void qd_live_done(qd_tag_reader *r);
void qd_live_finish(qd_tag_reader *r);
bool qd_live_note(qd_tag_reader *r, qd_stream_note *note);
void qd_live_close(qd_tag_reader *r);

#endif
