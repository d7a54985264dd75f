/* SPDX-License-Identifier: Apache-2.0 */
/** @file seen.h  What is wrong with a recording, by what its reader counted. */
#ifndef QDISTILL_TIMETAG_SEEN_H
#define QDISTILL_TIMETAG_SEEN_H

#include "qdistill/timetag.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A recording as it was read. */
typedef struct qd_tag_seen {
    qd_tag_info info;
    qd_tag_format format;
    qd_tick tick;
    bool whole; /**< to its end; false: what follows was not needed, or has not come */
} qd_tag_seen;

/** What no sound recording shows. */
typedef enum qd_tag_finding {
    QD_FOUND_NOTHING,    /**< no record is a detector's click; while there is more to read, padding says nothing */
    QD_FOUND_STRAY,      /**< timestamp3: bits 13 or 14 are set; timestamp7: more than a quarter are dummies that name a detector */
    QD_FOUND_DISORDER,   /**< more than one event in a thousand stood before the one ahead of it */
    QD_FOUND_JUMPS,      /**< time goes back by a millisecond or more */
    QD_FOUND_GAPS,       /**< times without events that no steady rate explains (qd_tag_gaps) */
    QD_FOUND_DUPLICATES, /**< more events at the time and of the detectors of the one before than chance explains */
    QD_FOUND_EQUAL,      /**< more than half of the events at the time of the one before, where they are not told as duplicates */
    QD_FOUND_LOST,       /**< the device says that it lost tags */
    QD_FOUND_FAULTS,     /**< records of no kind that their type knows */
    QD_FOUND_CLAIM,      /**< read to the end: the header claims another number of records than there are, or less than none */
    QD_FOUND_EPOCHS,     /**< epochs are missing */
    QD_FOUND_OUTSIDE,    /**< events lie in the epoch beside that of their file */
    QD_FINDINGS
} qd_tag_finding;

/** Copy what @p reader has counted so far. */
void qd_tag_see(const qd_tag_reader *reader, qd_tag_seen *seen);
/** Whether @p seen shows that. Shares are compared by Poisson statistics: fewer than 1e-9 of recordings at the stated share, or of duplicates
 *  by chance, have so many, whether all of a recording has been read or its beginning. */
bool qd_tag_found(const qd_tag_seen *seen, qd_tag_finding finding);
/** The same in a few words, with its figures; for a finding that it shows. Returns @p text; 240 bytes are enough. */
const char *qd_tag_found_text(const qd_tag_seen *seen, qd_tag_finding finding, char *text, size_t cap);
/** All that it shows of the set @p findings (1 << finding, ...), as a list of such texts. NULL: no memory. */
json_t *qd_tag_found_json(const qd_tag_seen *seen, unsigned findings);
/** The set of all that it shows. */
unsigned qd_tag_findings(const qd_tag_seen *seen);
/** The gaps of qd_tag_gaps: after_s (from the first event on), seconds. */
json_t *qd_tag_gaps_json(const qd_tag_seen *seen);
/** A recording in a record: file and format as given, whole, tick, what was counted that can be wrong, found (a list of texts, empty where
 *  all is well). NULL: no memory. */
json_t *qd_tag_seen_json(const qd_tag_seen *seen, const char *file, const char *format);

#ifdef __cplusplus
}
#endif
#endif
