/* SPDX-License-Identifier: Apache-2.0 */
/** @file pipeline.h  The registry of all operations; jobs; the two stations; a run. */
#ifndef QDISTILL_PIPELINE_H
#define QDISTILL_PIPELINE_H

#include <signal.h>
#include "qdistill/amplify/auth.h"
#include "qdistill/compute.h"
#include "qdistill/core.h"
#include "qdistill/core/json.h"
#include "qdistill/sift.h"
#include "qdistill/timetag.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Rows of all rooms. Static storage. */
const qd_registry *qd_registry_all(void);

/* ---- Jobs -------------------------------------------------------------------------------------------------------- */

/** A job as its YAML says, defaults filled in, paths resolved against the job's folder. Strings are owned by the job. */
typedef struct qd_job {
    char *path, *name;
    bool rehearsal;                /**< input is a scenario */
    char *scenario;                /**< rehearsal: path */
    double duration_s;             /**< rehearsal */
    char *file[2], *format[2];     /**< recordings: Alice's and Bob's */
    uint64_t block_coincidences;
    double eps_sec, eps_cor;       /**< per key block */
    double eps_total;              /**< of all blocks together, at most; 0: no limit */
    char *auth_file[2];            /**< Alice's and Bob's copy of the authentication secret; NULL: none (a rehearsal draws one from its seed) */
    uint64_t refill_bits;          /**< set aside of each block's key for authentication: a multiple of QD_AUTH_ROUND_BITS */
    uint64_t window_ps;            /**< full width of the coincidence window */
    uint64_t dead_ps;              /**< dead-time rule; rehearsal default: the scenario's longest */
    bool dead_given;
    uint64_t announce_ps;
    char *announce_at;             /**< "FILE:LINE:COLUMN" of that key, or "FILE": whether it fits the tags is known when they are opened */
    uint64_t skew_ps[2][4];        /**< [Alice, Bob][V,-,H,+] delay of each detector, taken off before times are used; rehearsal: the scenario's */
    bool correlation_same;
    double max_offset_s, max_ppm, offset_s, ppm, p_false; /**< of the clock search: as in qd_sync_params */
    qd_effort effort;
    char *code;                    /**< "auto", "nr-bg1", "nr-bg2", "qd-bg1", "qd-k22", "qd-k33", "large" or "cascade" */
    uint32_t rounds;               /**< of added rows for frames that fail, at most */
    bool blind;                    /**< the first block's rates are found out by added rows, not from a disclosed sample */
    double rtt_ms, wait_ms;        /**< round trip (declared, never measured), and how long a string may wait for added rows */
    uint64_t seed;                 /**< rehearsal */
} qd_job;

/** Read a job. QD_E_INPUT: not readable, unknown key, wrong type, value out of range or contradicting another, with line and
 *  column where YAML gives them; @p job is {0} then. */
qd_status qd_job_load(const char *path, qd_job *job, qd_error *err);
void qd_job_free(qd_job *job);

/* ---- Stations ---------------------------------------------------------------------------------------------------- */

/** What both stations agree on before data are seen. */
typedef struct qd_station_params {
    uint64_t block_coincidences;
    qd_tick tick;                 /**< of both stations' tags */
    uint64_t window_ps, announce_ps, dead_ps;
    uint64_t skew_ps[4];          /**< delay of each of the station's own detectors, V,-,H,+; at most 100000 */
    bool correlation_same;
    double max_offset_s, max_ppm, offset_s, ppm, p_false; /**< Bob's clock search: as in qd_sync_params */
    qd_effort effort;
    const volatile sig_atomic_t *stop; /**< the same */
    double eps_sec, eps_cor;
    double eps_total;             /**< no block begins that would take the job's sum of epsilons beyond it; 0: no limit */
    qd_auth_secret *secret;       /**< the station's own, borrowed; NULL: messages are not authenticated */
    uint64_t refill_bits;         /**< with a secret: set aside of each block's key to refill it */
    uint32_t code;                /**< qd_code_id */
    uint32_t rounds;              /**< of added rows, at most; Alice's */
    bool blind;                   /**< no sample is disclosed */
    bool rehearsal;
    uint64_t seed;
    bool keep_outcomes;           /**< rehearsal: a block keeps its pairs' bases and values, for statistics whose names end in _truth */
    uint32_t first_block;         /**< resume: blocks before it are paired and dropped, nothing about them is sent */
    uint64_t start_errors[2], start_n[2]; /**< resume: counts of the block before first_block; n = 0: none, or it had none */
    uint64_t before_errors[2], before_n[2]; /**< and of the block before that one */
    bool abandon_first;           /**< resume of a recording: first_block's bases were announced before the interruption; it yields no key */
} qd_station_params;

/** Where a station's detector events come from: slice after slice, in time order. */
typedef struct qd_source {
    void *self;
    /** Append the next slice. *end: no more after this one. */
    qd_status (*read)(void *self, qd_tags *append, bool *end, qd_error *err);
} qd_source;

/** Stages whose time a station keeps. */
typedef enum qd_stage { QD_STAGE_SOURCE, QD_STAGE_SYNC, QD_STAGE_COINCIDE, QD_STAGE_SIFT, QD_STAGE_RECONCILE, QD_STAGE_ESTIMATE, QD_STAGE_AMPLIFY, QD_STAGE_AUTHENTICATE, QD_STAGES } qd_stage;
const char *qd_stage_name(qd_stage s);

typedef struct qd_stage_time {
    double seconds, device_seconds;
    uint64_t items;
} qd_stage_time;

/** A finished block, as one station knows it. */
typedef struct qd_block {
    uint32_t block;
    bool rejected, abandoned;
    char reason[192];             /**< why no key; "" when there is one */
    uint64_t coincidences, sifted[2], sampled[2], dropped[2]; /**< dropped: tail that fills no frame */
    qd_counts counts;             /**< n, errors, charged as they entered the bound */
    uint64_t sample_errors[2];
    bool sample_qber;             /**< errors are the sample's: no verified count */
    qd_ledger ledger;             /**< Alice's */
    uint64_t frames, frames_failed;
    uint64_t code_bits, tag_bits;
    uint64_t rounds[2], added_rounds[2], added_bits[2]; /**< turns of Bob; those with added rows; the rows */
    uint64_t message_bytes[2];    /**< of reconciliation, Alice's and Bob's */
    double iterations;            /**< sum over frames and attempts */
    uint32_t no_key[2];           /**< qd_reject: why the string is a test and no key; 0: it is one */
    uint64_t ell[2];              /**< announced key lengths */
    double phi[2];                /**< Alice's */
    bool authenticated;           /**< both tags are right; there is no key without, where there is a secret */
    qd_auth_figures auth;
    uint64_t aside_bits;          /**< of the key, taken off its front and put to the secret: not in `key` */
    json_t *terms;                /**< Alice's: every term of the bound; owned */
    qd_bits key;                  /**< z's key followed by x's; owned, wiped */
    qd_bits raw[2];               /**< rehearsal, rejected blocks: the station's sifted strings, for the truth printed beside; owned */
    qd_bits outcome[2];           /**< keep_outcomes: bases and values of all its pairs; owned */
} qd_block;
void qd_block_destroy(qd_block *b);

/** Bins of a table of announced times. */
enum { QD_TIME_BINS = 64 };

/** Displaced windows of a run, from which accidentals are estimated. */
enum { QD_DISPLACED_WINDOWS = 4 };

/** Totals of a station over the job. */
typedef struct qd_station_totals {
    uint64_t tags, dead_dropped, kept, announced, pairs;
    uint64_t singles[4];          /**< kept events by detector, V,-,H,+ */
    qd_sift_counts classes;       /**< paired events by what clicked */
    double accidentals;           /**< Bob: mean of the displaced windows */
    bool accidentals_known;
    qd_follow_report track;       /**< Bob: how the clock was followed */
    /** Bob: pairs of matched bases by where Alice's announced time stands against his own, and by his bit; [z, x]. Nothing of Alice's
     *  is needed: her bit is his but for errors. */
    uint64_t times[2][QD_TIME_BINS][2];
    qd_stage_time stage[QD_STAGES];
} qd_station_totals;

typedef struct qd_station qd_station;

/** A station's machine. Borrowed: params are copied, source and device are the caller's. */
qd_status qd_station_create(qd_direction role, const qd_station_params *params, qd_source source, qd_device *dev, qd_station **out,
                            qd_error *err);
void qd_station_destroy(qd_station *s);
/** Advance by one message; Alice's first call has in = NULL. Messages to send are appended to @p out; the last one of a turn is
 *  marked. *done: the job is over for this station. QD_E_POLICY: no lock, or a tag of authentication that is wrong (the error says
 *  why). After an error, or once done, the
 *  station takes no further message (QD_E_INPUT) and can only be destroyed. */
qd_status qd_station_step(qd_station *s, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err);
/** Take the next finished block; false: none waits. The caller destroys it. */
bool qd_station_take_block(qd_station *s, qd_block *b);
const qd_station_totals *qd_station_about(const qd_station *s);
/** Why the station ended the job before its data did: epsilons or pads that the next block would need; "": it did not. */
const char *qd_station_stopped(const qd_station *s);
/** Whether the station's last step failed because of the message that it was given, not because of its own events. */
bool qd_station_refused(const qd_station *s);
/** Bob's clock model as the search found it (locked once found); what follows a drift is not in it. */
const qd_clock *qd_station_clock(const qd_station *s);
/** Bob's latest clock search. */
typedef struct qd_station_search {
    uint32_t attempts;     /**< 0: none yet, and nothing else here means anything */
    qd_sync_params params; /**< no zeros for defaults */
    qd_sync_report report;
    uint64_t events[2];    /**< that it held, Alice's and Bob's */
    double seconds[2];     /**< from the first to the last of them */
} qd_station_search;
const qd_station_search *qd_station_searched(const qd_station *s);

/* ---- Runs -------------------------------------------------------------------------------------------------------- */

typedef struct qd_run_options {
    const char *dir;              /**< run directory: created, must not exist; with resume: must exist */
    bool resume;
    qd_device *dev;               /**< NULL: reference */
    const char *fallback;         /**< why another device than the first choice computes; NULL: none */
    qd_progress *progress;
    const volatile sig_atomic_t *stop; /**< non-zero: stop, resumable */
} qd_run_options;

/** Run a job to its end. *summary (owned by the caller) is the final record without tool, version, verb and device, also for
 *  QD_E_POLICY and QD_STOPPED, and where keys differ or could not be named; NULL after other errors. @p text (may be NULL) gets the report for people.
 *  QD_OK: at least one block gave key. QD_E_POLICY: no key, @p err says why. QD_STOPPED: state saved, resume continues.
 *  Resume of a run that is complete: QD_E_INPUT; but where its summary.json is missing, *summary is what it was, with "device" then,
 *  and the status as of that run. */
qd_status qd_job_run(const qd_job *job, const qd_run_options *opt, json_t **summary, FILE *text, qd_error *err);

/** QD_E_USAGE when QD_STOP_AT in the environment, at which runs stop for tests, is neither "publish" nor TYPE:BLOCK with TYPE the name of
 *  a message (qd_msg_name). */
qd_status qd_run_stop_at_check(qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
