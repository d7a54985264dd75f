/* SPDX-License-Identifier: Apache-2.0 */
/** @file writer.h  What every format's encoder shares. Private to the room. */
#ifndef QD_TIMETAG_WRITER_H
#define QD_TIMETAG_WRITER_H

#include <stdio.h>
#include "qdistill/timetag.h"

/** An encoder of one format. Events come in order, with masks 1..15 and times >= 0. */
typedef struct qd_encoder {
    qd_status (*open)(qd_tag_writer *w, qd_error *err);
    qd_status (*write)(qd_tag_writer *w, const qd_tags *tags, qd_error *err);
    qd_status (*commit)(qd_tag_writer *w, qd_error *err); /**< on error the encoder has removed what it wrote */
    void (*abandon)(qd_tag_writer *w);
} qd_encoder;

struct qd_tag_writer {
    char *path;
    qd_tag_format format;
    const qd_encoder *encoder;
    void *state;
    qd_out out;
    qd_tag_written info;
    bool any;
    int64_t last;
};

extern const qd_encoder qd_encode_a1, qd_encode_a1_text, qd_encode_epochs, qd_encode_qutag, qd_encode_swabian, qd_encode_csv;

/** Encoders that write one file: open and finish it. */
qd_status qd_writer_file_open(qd_tag_writer *w, qd_error *err);
qd_status qd_writer_file_commit(qd_tag_writer *w, qd_error *err);
void qd_writer_file_abandon(qd_tag_writer *w);

#endif
