/* SPDX-License-Identifier: Apache-2.0 */
/** @file files.h  Files that are whole or absent, and directories of a run. */
#ifndef QDISTILL_CORE_FILES_H
#define QDISTILL_CORE_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Open a regular file for reading. QD_E_INPUT: missing, a directory, a pipe or device (unless @p stream_ok), unreadable; *f is
 *  NULL then. @p bytes (may be NULL) gets its size, 0 for a stream. The caller closes *f. */
qd_status qd_file_open(const char *path, bool stream_ok, FILE **f, uint64_t *bytes, qd_error *err);

/** A file being written under a temporary name beside its own. */
typedef struct qd_out {
    FILE *f;
    char *path, *tmp;
} qd_out;
/** Start writing @p path with permission bits @p mode (less the umask). Write to out->f; errors of single writes need no check:
 *  commit reports them. A link is written through; a character device or pipe (/dev/stdout) is written in place. QD_E_INPUT when
 *  it cannot be created; @p out is {0} then. Key material: setvbuf(out->f, NULL, _IONBF, 0), or it stays in the stream's buffer. */
qd_status qd_out_open(qd_out *out, const char *path, unsigned mode, qd_error *err);
/** Start writing to standard output, in place, as qd_out_open does to a pipe. QD_E_INPUT: it is closed. */
qd_status qd_out_stdout(qd_out *out, qd_error *err);
/** Flush, fsync and close without the rename: to have several files safely on disk before the first gets its name. On error the
 *  temporary file is removed, @p out is {0} and QD_E_INPUT is returned. */
qd_status qd_out_settle(qd_out *out, qd_error *err);
/** Flush, fsync, rename into place (settles first where that was not done); @p out is {0} afterwards. On error (a full disk) the temporary file is removed and QD_E_INPUT returned. */
qd_status qd_out_commit(qd_out *out, qd_error *err);
/** Remove the temporary file. Safe after commit and on {0}. */
void qd_out_abandon(qd_out *out);

/** Whole buffer to a file, atomically. */
qd_status qd_file_write(const char *path, unsigned mode, const void *p, uint64_t bytes, qd_error *err);

/** Create directory @p path (parents must exist; @p parents creates them; those that were created stay when the last step fails).
 *  QD_E_INPUT when @p path exists already or cannot be made. */
qd_status qd_dir_create(const char *path, bool parents, qd_error *err);
/** Path made of two parts, the second kept when absolute. The caller frees. NULL: no memory. */
char *qd_path_join(const char *dir, const char *name);
/** Directory part of @p path ("." when there is none). The caller frees. NULL: no memory. */
char *qd_path_dir(const char *path);

#ifdef __cplusplus
}
#endif
#endif
