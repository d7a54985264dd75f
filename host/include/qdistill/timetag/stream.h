/* SPDX-License-Identifier: Apache-2.0 */
/** @file stream.h  Tags of files that still grow, of FIFOs, and of directories that epoch files are still written to. */
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
 * that cannot be read so: chronoxea (its rows are not in order of time), auto.
 *
 * t1, t2: @p path is a directory, which may hold nothing yet; other files in it are not looked at. The first file is that of the earliest
 * epoch, the next that with the next number. A file is taken when it is whole (its header states its length; a T2 file ends with its
 * terminator), from memory, so that it may be removed at any time from then on. One that is not is read again when it has changed. An epoch
 * without a file is one without events once a later one has been there for a second; a file that is not whole is passed over once a later
 * one is there and it has not changed for a second; qd_tag_stream_note tells of both. QD_E_INPUT of qd_tag_stream_fill or
 * qd_tag_reader_read: a file whose header is not of the type and stays so for a second, an epoch that is not the name's, and what the
 * files of a directory are refused for otherwise. Memory: that of an epoch's file, twice while it is looked through. */
qd_status qd_tag_stream_open(const char *path, qd_tag_format format, qd_tag_reader **reader, qd_error *err);
/** Take the bytes that are there, as far as there is room (of a directory one file at most, none before the one in hand was read to its
 *  end); *bytes of them. A FIFO that all its writers closed has ended.
 *  QD_E_INPUT: read error, or the file became shorter. */
qd_status qd_tag_stream_fill(qd_tag_reader *reader, uint64_t *bytes, qd_error *err);
/** No more will come: what is there is all. */
void qd_tag_stream_finish(qd_tag_reader *reader);
/** The descriptor, to poll; of a directory -1. */
int qd_tag_stream_fd(const qd_tag_reader *reader);
bool qd_tag_stream_is_fifo(const qd_tag_reader *reader);
/** Bytes that are there and were not read; after the end: of a record or line without its end. */
uint64_t qd_tag_stream_left(const qd_tag_reader *reader);

/** What happened in a directory: there is no file of these epochs; or one that does not become whole was passed over. */
typedef struct qd_stream_note {
    enum { QD_STREAM_GAP, QD_STREAM_DAMAGED } kind;
    uint32_t epoch, epochs; /**< the first, and how many */
    char why[256];          /**< damaged: what is wrong with it */
} qd_stream_note;
/** The earliest that was not taken yet; false: none. What was not told is lost when the reader is closed. */
bool qd_tag_stream_note(qd_tag_reader *reader, qd_stream_note *note);

#ifdef __cplusplus
}
#endif
#endif
