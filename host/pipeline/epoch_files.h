/* SPDX-License-Identifier: Apache-2.0 */
/** @file epoch_files.h  Epoch files that other programs write at the same time. Private to the room. */
#ifndef QD_PIPELINE_EPOCH_FILES_H
#define QD_PIPELINE_EPOCH_FILES_H

#include "qdistill/qcrypto.h"

/** A file of any of the types 1 to 4, decoded. {0} is empty. */
typedef struct qd_epoch_file {
    qd_epoch_head head;
    qd_epoch_events events; /**< types 1 and 2 */
    uint8_t *entries;       /**< type 3: key material */
    uint32_t *index;        /**< type 4 */
    uint8_t *pattern;       /**< type 4 */
} qd_epoch_file;
void qd_epoch_file_free(qd_epoch_file *f);

/** Read and decode a file. QD_E_INPUT names it; *missing says that there is none. */
qd_status qd_epoch_file_read(const char *path, unsigned type, qd_epoch_file *f, bool *missing, qd_error *err);

typedef enum qd_epoch_found {
    QD_EPOCH_HERE,
    QD_EPOCH_GAP,     /**< no file, but one of a later epoch */
    QD_EPOCH_DAMAGED, /**< a file that does not become whole; noted */
    QD_EPOCH_NONE     /**< no file, nor any later one, in the time to wait */
} qd_epoch_found;

/** Wait for the file of an epoch in a directory. QD_E_INPUT: the directory cannot be read; QD_STOPPED. */
qd_status qd_epoch_await(const char *dir, unsigned type, uint32_t epoch, const qd_epoch_wait *wait, qd_epoch_file *f,
                         qd_epoch_found *found, qd_error *err);

/** Epochs that a directory has files of, in order of time: they count modulo 2^32, so the first is behind the widest gap of the
 * circle.
 *  @param epochs out: freed with free(); NULL where there are none. QD_E_INPUT: cannot be listed. */
qd_status qd_epoch_list(const char *dir, uint32_t **epochs, size_t *n, qd_error *err);

__attribute__((format(printf, 2, 3))) void qd_epoch_say(const qd_epoch_wait *wait, const char *fmt, ...);
/** Say it where events of a T1 or T2 file lie in the epoch beside its own. */
void qd_epoch_tell_outside(const qd_epoch_wait *wait, const char *path, const qd_epoch_file *f);

/** Whole file under its name in a directory, mode 0600 for key material (@p secret), else 0644. */
qd_status qd_epoch_write(const char *dir, uint32_t epoch, const void *bytes, size_t n, bool secret, qd_error *err);
qd_status qd_epoch_remove(const char *dir, uint32_t epoch, qd_error *err);

/** A T3 file of @p n entries of @p bits bits. */
qd_status qd_epoch_write_t3(const char *dir, uint32_t epoch, bool anchored, unsigned bits, const uint8_t *entries, uint32_t n,
                            qd_error *err);

#endif
