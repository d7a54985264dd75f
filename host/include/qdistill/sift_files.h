/* SPDX-License-Identifier: Apache-2.0 */
/** @file sift_files.h  Two tag files to two pairs of key strings, in memory that does not depend on the size of the files (but for one
 *  bit a sifted event). It sees both stations: for files that one person holds, not for two hosts. */
#ifndef QDISTILL_SIFT_FILES_H
#define QDISTILL_SIFT_FILES_H

#include <signal.h>
#include "qdistill/sift.h"
#include "qdistill/timetag.h"
#include "qdistill/timetag/seen.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qd_sift_options {
    const char *path[2]; /**< Alice's file, Bob's file */
    qd_tag_format format[2]; /**< of either file; their ticks must be of one length */
    const char *clock_file; /**< of B's clock on A's; NULL: offset_ps and ppm, holding at Bob's first tag */
    double offset_ps, ppm;
    bool one_line; /**< the clock is this straight line for all of the data; false: it is followed from there (qd_follow) */
    uint64_t window_ps;   /**< full width: a pair needs 2|d| < window_ps */
    uint64_t dead_ps;     /**< of the dead-time rule; 0: none */
    uint64_t announce_ps; /**< rounding of Alice's times before pairing, at least 1 */
    qd_correlation correlation;
    bool no_key[2]; /**< by basis: its pairs make no key (settings not aligned, qd_keys_aligned): they are paired and counted, its strings stay empty */
    bool rehearsal; /**< coins from seed, else from the operating system */
    uint64_t seed;
    uint64_t chunk; /**< Alice's events at a time, at least 1; nothing in the result depends on it */
    uint64_t back;  /**< events of a side in memory where a clock is followed backward from its base, 0: 2^24; nothing depends on it either */
    const volatile sig_atomic_t *stop; /**< NULL, or non-zero: end with QD_STOPPED before the next chunk */
} qd_sift_options;

/** What a station comes to. */
typedef struct qd_sift_station {
    qd_bits key[2];        /**< by basis, event order; key material */
    uint64_t tags;         /**< events in the file */
    uint64_t singles[4];   /**< clicks of V,-,H,+ in them */
    uint64_t dead_dropped; /**< events that the dead-time rule removed */
    qd_sift_counts counts; /**< of paired events */
} qd_sift_station;

/** Alice's announced time less Bob's own, against the bits of matching bases: count[station][basis] is a table [bins][2], bit fastest. */
typedef struct qd_sift_times {
    uint64_t bins;
    int64_t width; /**< of a bin, ticks: the announce unit or a multiple; the first bin begins at -reach */
    uint64_t (*count[2][2])[2];
} qd_sift_times;

typedef struct qd_sift_result {
    qd_sift_station station[2];
    uint64_t coincidences;
    uint64_t windows, in_windows; /**< displaced windows, and pairs in all of them: accidentals are their quotient */
    qd_pair_matrix pairs;
    qd_sift_times times;
    qd_follow_report clock; /**< what following it came to */
    qd_tag_seen seen[2];    /**< the files as their readers saw them; {0} where they were not opened */
} qd_sift_result;

/** Look at what qd_sift_files_truth will read, without a device: both files open, and the clock file is a clock of their ticks.
 *  QD_E_INPUT otherwise. */
qd_status qd_sift_files_check(const qd_sift_options *o, qd_error *err);

/** Read both files, apply each station's rules, pair, throw coins, sift. Each station's values come from its own events and the other's
 *  bases alone.
 *  @param dev device, or NULL for the reference; the same result in every bit  @param progress may be NULL
 *  @param out overwritten; whatever the status, the caller frees it with qd_sift_result_free
 *  @return QD_E_INPUT: files or clock; QD_E_USAGE: options out of range; else as the stages. No policy is applied: zero coincidences are QD_OK. */
qd_status qd_sift_files_truth(const qd_sift_options *o, qd_device *dev, qd_progress *progress, qd_sift_result *out, qd_error *err);
/** Wipe and free; leaves {0}. */
void qd_sift_result_free(qd_sift_result *r);

#ifdef __cplusplus
}
#endif
#endif
