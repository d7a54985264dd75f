/* SPDX-License-Identifier: Apache-2.0 */
/** @file qcrypto.h  The places of qcrypto's pfind, costream and splicer, filled: directories of epoch files that other programs
 * write while we read them. Every call sees the files of both stations that its namesake sees.
 *
 *  T2 side: the station of chopper, Alice. T1 side: that of costream, Bob. Times are in units of 1/8 ns.
 *  A file is taken when it is whole (its length fits its header, its entries end in a terminator), not when its name appears. An
 * epoch without files is passed over and reported when files of later epochs are there; files appear under their own name when
 * complete. */
#ifndef QDISTILL_QCRYPTO_H
#define QDISTILL_QCRYPTO_H

#include <signal.h>
#include "qdistill/timetag.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Said to a person while the work goes on: gaps, damaged files, what a peer may be unable to read. One line without newline. */
typedef void (*qd_epoch_note)(void *self, const char *text);

/** How files are waited for. */
typedef struct qd_epoch_wait {
    double seconds;                    /**< for a file, or the next part of one; costream waits 22 */
    const volatile sig_atomic_t *stop; /**< NULL, or non-zero: end with QD_STOPPED */
    qd_epoch_note note;                /**< may be NULL */
    void *self;                        /**< handed to note */
} qd_epoch_wait;

/** First epoch that both directories have a file of. QD_E_INPUT: a directory cannot be read, or there is none. */
qd_status qd_epoch_first(const char *dir_a, const char *dir_b, uint32_t *epoch, qd_error *err);

/** The nearest epoch from @p epoch on, as epochs count modulo 2^32, that a directory has a file of; *any false: none. */
qd_status qd_epoch_next(const char *dir, uint32_t epoch, uint32_t *next, bool *any, qd_error *err);
/** Epoch in the header of one file of type @p type. QD_E_INPUT: no such file, or no such header. */
qd_status qd_epoch_of_file(const char *path, unsigned type, uint32_t *epoch, qd_error *err);

/* ---- pfind ------------------------------------------------------------------------------------------------------- */

/** Events of one side, for a search of the clock. */
typedef struct qd_epoch_source {
    unsigned type;    /**< 1 or 2 */
    const char *path; /**< a directory, or with @p single one file of one epoch */
    bool single;
} qd_epoch_source;

/** Read the epochs first .. first + epochs - 1. Events without detector are left out, as are T1 events that go back in time.
 *  @param tags out: appended; times in 1/8 ns since @p first began  @param read out: epochs that were there
 *  @return QD_E_INPUT: none of them is there, or a file is damaged; QD_E_USAGE: another type. */
qd_status qd_epoch_load(const qd_epoch_source *source, uint32_t first, uint32_t epochs, const qd_epoch_wait *wait, qd_tags *tags,
                        uint32_t *read, qd_error *err);

/* ---- costream ---------------------------------------------------------------------------------------------------- */

/** What to do with an epoch without any kept event. */
typedef enum qd_epoch_empty { QD_EMPTY_NOTHING, QD_EMPTY_T4, QD_EMPTY_BOTH } qd_epoch_empty;

/** An epoch that is done. */
typedef struct qd_costream_epoch {
    uint32_t epoch;
    uint64_t events2, events1; /**< entries of the T2 file; of the T1 file read last */
    uint64_t kept;             /**< entries of the T3 and T4 files */
    uint64_t accidentals, coincidences;
    unsigned order; /**< width of the next T4 file's differences */
    int64_t shift;  /**< offset at the start less offset now */
    bool wrote3, wrote4;
} qd_costream_epoch;

typedef struct qd_costream {
    const char *t2, *t1, *t3, *t4; /**< directories */
    uint32_t first, epochs;        /**< epochs: 0: as long as files come */
    qd_greedy_params pairing;
    bool one_to_one;      /**< pairs are mutual nearest neighbours (qd_coincide) within the same windows */
    unsigned protocol;    /**< 0: masks of both sides, 1: BBM92 */
    unsigned order;       /**< width of the first T4 file's differences, 3..20 */
    int32_t order_filter; /**< memory of the servo of that width, in epochs; 0: the width stays */
    qd_epoch_empty empty;
    bool remove2, remove1;     /**< remove T2 and T1 files once what came of them is on disk */
    int64_t skew[4];           /**< added to the times of T1 events of one detector: V, -, H, + */
    unsigned histogram_epochs; /**< epochs a histogram of time differences; 0: none */
    void *self;                /**< handed to closed and histogram */
    /** Every epoch, after its files are on disk. Another status than QD_OK ends the work. */
    qd_status (*closed)(void *self, const qd_costream_epoch *epoch, qd_error *err);
    /** Every histogram_epochs epochs: count[c][i] differences d = i - 64; column 4 r + l: detector r of the T2 side and l of the
     * T1 side alone; 16..23: two clicks of one side against one of the other; 24: anything else. */
    qd_status (*histogram)(void *self, uint32_t epoch, uint32_t count[25][128], qd_error *err);
} qd_costream;

typedef struct qd_costream_result {
    uint64_t epochs, kept, coincidences, accidentals;
    uint64_t missing2, missing1; /**< epochs without a file between others */
    uint64_t damaged;            /**< files that were passed over */
    bool ended;                  /**< files stopped coming (waited so long as told) before `epochs` were done */
} qd_costream_result;

/** Pair T2 and T1 files epoch by epoch, sift, write T3 and T4 files.
 *  What is kept: protocol 0 everything, as (T2 side's mask << 4 | own mask), own mask in T4; protocol 1 single clicks in the
 * basis of the T2 side, value V, - = 1, H, + = 0, nothing in T4.
 *  @param dev only with one_to_one; NULL: the reference
 *  @return QD_E_USAGE: parameters; QD_E_POLICY: a T2 file of another protocol; QD_E_INPUT: cannot read or write; QD_STOPPED. */
qd_status qd_costream_run(qd_device *dev, const qd_costream *c, const qd_epoch_wait *wait, qd_costream_result *result,
                          qd_error *err);

/* ---- splicer ----------------------------------------------------------------------------------------------------- */

typedef struct qd_splicer {
    const char *t3, *t4, *out; /**< directories: own T3, the reply, what is kept of the first by the second */
    unsigned protocol;         /**< 0 or 1 */
    bool remove3, remove4;
} qd_splicer;

/** Keep what the T4 file of an epoch names in its T3 file. Protocol 0: (own mask << 4 | mask in T4), which makes the same byte as
 * the other station's.
 *  @param kept out: entries written  @param done out: false: no such files, or damaged ones; said by wait->note
 *  @return QD_E_INPUT: cannot write; QD_STOPPED. */
qd_status qd_splicer_epoch(const qd_splicer *s, uint32_t epoch, const qd_epoch_wait *wait, uint64_t *kept, bool *done,
                           qd_error *err);

/* ---- Key stages -------------------------------------------------------------------------------------------------- */

/** Which bits of which T3 files make a string. */
typedef struct qd_t3_choice {
    bool range; /**< only the epochs first .. first + epochs - 1 */
    uint32_t first, epochs;
    bool one_basis;      /**< only entries of one basis, which the T2 file announces of the events that the T4 file names */
    unsigned basis;      /**< QD_Z or QD_X */
    const char *t2, *t4; /**< directories, with one_basis */
} qd_t3_choice;

/** A string and the epochs it is from. */
typedef struct qd_t3_key {
    qd_bits bits;
    size_t n;         /**< files */
    uint32_t *epoch;  /**< [n] in order of time */
    uint32_t *length; /**< [n] bits of each that are in the string */
    bool anchored;    /**< the files' epochs are anchored to Unix time */
} qd_t3_key;

/** Bits of T3 files, one after the other in order of time.
 *  @param path a T3 file, or a directory of them  @param key out: freed with qd_t3_key_free; {0} on error
 *  @return QD_E_INPUT: no such files, damaged ones, entries of more than one bit (service mode), anchored and other epochs mixed,
 * T2 and T4 files that do not fit; QD_E_USAGE: one_basis without directories. */
qd_status qd_t3_key_read(const char *path, const qd_t3_choice *choice, qd_t3_key *key, qd_error *err);
/** QD_E_INPUT unless both stations' strings are from the same epochs, with as many bits of each: names the first that differs. */
qd_status qd_t3_keys_fit(const char *path_a, const qd_t3_key *a, const char *path_b, const qd_t3_key *b, qd_error *err);
/** Wipe and free; leaves {0}. */
void qd_t3_key_free(qd_t3_key *key);

/** A key as a T7 file, mode 0600: tag 7, or 0x107 for epochs anchored to Unix time. QD_E_INPUT: cannot be written. */
qd_status qd_t7_write(const char *path, const qd_bits *key, uint32_t first, uint32_t epochs, bool anchored, qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
