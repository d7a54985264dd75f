/* SPDX-License-Identifier: Apache-2.0 */
/** @file rundir.h  What a run leaves on disk: key files, event log, and the state from which it resumes. Private to the pipeline. */
#ifndef QD_PIPELINE_RUNDIR_H
#define QD_PIPELINE_RUNDIR_H

#include "qdistill/pipeline.h"

/** A key being written block by block under a temporary name, mode 0600. */
typedef struct qd_keyfile {
    FILE *f;
    char *partial, *final;
    uint64_t bits;
    uint8_t tail; /**< bits of the last byte, if it is not full */
} qd_keyfile;
/** Open DIR/NAME.partial; with @p bits > 0 an existing one is cut to that many bits. QD_E_INPUT: cannot be created, or is shorter. */
qd_status qd_keyfile_open(qd_keyfile *k, const char *dir, const char *name, uint64_t bits, qd_error *err);
qd_status qd_keyfile_append(qd_keyfile *k, const qd_bits *key, qd_error *err);
/** Make what was appended durable. */
qd_status qd_keyfile_sync(qd_keyfile *k, qd_error *err);
/** End: with bits the file gets its name and a NAME.json with the length beside it; without, it is removed. */
qd_status qd_keyfile_finish(qd_keyfile *k, qd_error *err);
/** Close and leave the partial file as it is: a stopped run. */
void qd_keyfile_leave(qd_keyfile *k);

/** State after a block: where to go on. */
typedef struct qd_run_state {
    uint32_t next_block;
    bool finished;             /**< the keys have their names */
    bool announced;            /**< recordings: bases of next_block were announced; it is lost */
    uint64_t transcript_bytes;
    uint64_t key_bits;
    uint64_t errors[2], n[2];  /**< of the last verified block: its rate is the next one's */
    json_t *blocks;            /**< records of the finished blocks, owned */
} qd_run_state;
qd_status qd_run_state_write(const char *dir, const qd_run_state *s, qd_error *err);
/** QD_E_INPUT: absent, malformed, another schema. The caller frees s->blocks. */
qd_status qd_run_state_read(const char *dir, qd_run_state *s, qd_error *err);

/** Append one JSON object as a line to DIR/events.jsonl. Takes ownership of @p event. */
qd_status qd_run_event(const char *dir, json_t *event, qd_error *err);

#endif
