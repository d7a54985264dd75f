/* SPDX-License-Identifier: Apache-2.0 */
/** @file epochs.h  A directory of epoch files as one stream, or one such file. Private to the room. */
#ifndef QD_TIMETAG_EPOCHS_H
#define QD_TIMETAG_EPOCHS_H

#include "timetag/reader.h"

/** Epochs that a base is aligned to: 104 days. Both stations then count from the same moment without knowing of each other. */
enum { QD_EPOCH_ALIGN = 1 << 24 };

typedef struct qd_epochs {
    uint32_t *list; /* [n] in order of time; a single file: NULL */
    uint64_t n, next;
    char name[QD_EPOCH_NAME];
    qd_epoch_head head; /* of the open file */
    int64_t from_base;  /* its epoch, counted from the one at time 0 */
    uint64_t done;      /* entries read of it */
    bool fresh;         /* nothing was read of it */
    bool first_known;   /* t1: */
    uint32_t first, te; /* t1: the upper 17 bits of the first event's count, and of the latest's */
    int32_t away;       /* t1: from the header's epoch to that */
    uint64_t time;      /* t2: of the entry before, since the epoch began */
    qd_unpacker bits;   /* t2 */
} qd_epochs;

/** Find the files and open the first. */
qd_status qd_epochs_open(qd_tag_reader *r, unsigned type, qd_error *err);
/** A file of epoch @p epoch whose bytes are in r->f, r->size of them: its header. Errors name @p path. */
qd_status qd_epochs_begin(qd_tag_reader *r, const char *path, uint32_t epoch, unsigned type, qd_error *err);
/** Close the open file and open the next; r->ended when there is none. Where files still come, r->f is NULL until the next was taken. */
qd_status qd_epochs_next(qd_tag_reader *r, unsigned type, qd_error *err);
/** Count an event that lies in the epoch beside that of its file. */
void qd_epochs_outside(qd_tag_reader *r);
void qd_epochs_close(qd_tag_reader *r);

#endif
