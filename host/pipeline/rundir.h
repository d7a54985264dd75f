/* SPDX-License-Identifier: Apache-2.0 */
/** @file rundir.h  What a run leaves on disk: key files, event log, and the state from which it resumes. Private to the pipeline. */
#ifndef QD_PIPELINE_RUNDIR_H
#define QD_PIPELINE_RUNDIR_H

#include <sodium.h>
#include "qdistill/pipeline.h"

/** A check of an unfinished key: BLAKE2b under a key drawn at the start of the run. No public digest: without that key it says nothing
 *  about the bits, and that key stands only in state.json, 0600 like the key files beside it, and only until the run is finished. */
enum { QD_CHECK_BYTES = 32 };

/** A key being written block by block under a temporary name, mode 0600. */
typedef struct qd_keyfile {
    FILE *f;
    char *partial, *final;
    uint64_t bits;
    uint8_t tail; /**< bits of the last byte, if it is not full */
    bool named;   /**< found under its final name: the run was interrupted between naming the keys and saying so */
    crypto_generichash_state check; /**< over the whole bytes so far */
} qd_keyfile;
/** Open DIR/NAME.partial, and change nothing in it. @p bits > 0: it must hold them and agree with @p check (NULL: the state has none, and
 *  only a key that has its final name is accepted). QD_E_INPUT: cannot be created, is shorter, or was changed. */
qd_status qd_keyfile_open(qd_keyfile *k, const char *dir, const char *name, uint64_t bits, const uint8_t secret[QD_CHECK_BYTES],
                          const uint8_t *check, qd_error *err);
/** Make an opened one end after its bits: what was written of a block that was not finished goes. */
qd_status qd_keyfile_cut(qd_keyfile *k, qd_error *err);
void qd_keyfile_check(const qd_keyfile *k, uint8_t check[QD_CHECK_BYTES]);
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
    bool checked;              /**< secret and check are there: as long as the run is not finished */
    uint8_t secret[QD_CHECK_BYTES], check[2][QD_CHECK_BYTES];
    json_t *blocks;            /**< records of the finished blocks, owned */
    json_t *summary;           /**< of a finished run: its summary with "device", owned; else NULL */
} qd_run_state;
qd_status qd_run_state_write(const char *dir, const qd_run_state *s, qd_error *err);
/** QD_E_INPUT: absent, malformed, another schema. The caller frees s->blocks and s->summary. */
qd_status qd_run_state_read(const char *dir, qd_run_state *s, qd_error *err);

/** Remove what a run that came to nothing left in @p dir, and the directory if nothing else is in it. */
void qd_run_dir_remove(const char *dir);

/** Append one JSON object as a line to DIR/events.jsonl. Takes ownership of @p event. */
qd_status qd_run_event(const char *dir, json_t *event, qd_error *err);

#endif
