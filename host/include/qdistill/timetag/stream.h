/* SPDX-License-Identifier: Apache-2.0 */
/** @file stream.h  Tags of files that still grow, and of FIFOs. */
#ifndef QDISTILL_TIMETAG_STREAM_H
#define QDISTILL_TIMETAG_STREAM_H

#include "qdistill/timetag.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Open what still grows for reading without ever waiting: a file, or a FIFO, which may have no writer yet (a writer that waits
 * for its reader goes on). What is there is fetched by qd_tag_stream_fill and read by qd_tag_reader_read, which then returns
 * fewer events than it was asked for when there are no more whole records, with *end false; the last QD_TAG_REORDER events wait
 * for later ones until the end. Half a record, half a line, half a header wait for their rest. Events do not depend on how the
 * bytes came in. Memory: a megabyte. Until the header has come, the tick of formats that state it there is {0, 0}. What a whole
 * file is refused for by its records (a1: the order of halves; ptu: more than half are of no known kind) is refused by qd_tag_reader_read
 * when 64 such records have come, or at the end. QD_E_INPUT: missing, unreadable, a directory or device. QD_E_USAGE: a format
 * that cannot be read so: t1 and t2 (files of an epoch are whole), chronoxea (its rows are not in order of time), auto. */
qd_status qd_tag_stream_open(const char *path, qd_tag_format format, qd_tag_reader **reader, qd_error *err);
/** Take the bytes that are there, as far as there is room; *bytes of them. A FIFO that all its writers closed has ended.
 *  QD_E_INPUT: read error, or the file became shorter. */
qd_status qd_tag_stream_fill(qd_tag_reader *reader, uint64_t *bytes, qd_error *err);
/** No more will come: what is there is all. */
void qd_tag_stream_finish(qd_tag_reader *reader);
/** The descriptor, to poll. */
int qd_tag_stream_fd(const qd_tag_reader *reader);
bool qd_tag_stream_is_fifo(const qd_tag_reader *reader);
/** Bytes that are there and were not read; after the end: of a record or line without its end. */
uint64_t qd_tag_stream_left(const qd_tag_reader *reader);

#ifdef __cplusplus
}
#endif
#endif
