/* SPDX-License-Identifier: Apache-2.0 */
/** @file sift.h  The two paths of sifting, and the state of the registry row. Private to the room, its tests and its bench. */
#ifndef QD_SIFT_SIFT_H
#define QD_SIFT_SIFT_H

#include "qdistill/sift.h"

/** What shapes the device path, and nothing of the result. */
typedef struct qd_sift_plan {
    uint64_t chunk; /**< events whose results are on the device at once, rounded to 64; 0: chosen for the device */
    uint64_t slice; /**< events copied to the device at once, rounded to 64; 0: chosen for the device */
    uint32_t words; /**< words of 64 events a work-item takes; 0: chosen for the device */
    bool portable;  /**< without the instructions that some processors have: what other devices run */
} qd_sift_plan;

/** The references; arguments as in qdistill/sift.h. */
qd_status qd_sift_measure_ref(qd_side side, qd_correlation correlation, const uint8_t *event, uint64_t n, qd_bits *basis,
                              qd_bits *value, qd_sift_counts *counts, qd_error *err);
qd_status qd_sift_select_ref(const qd_bits *mine, const qd_bits *theirs, const qd_bits *value, qd_bits *z, qd_bits *x,
                             qd_error *err);

/** The device paths. @p counts is not NULL. */
qd_status qd_sift_measure_cl(qd_device *dev, const qd_sift_plan *plan, qd_side side, qd_correlation correlation,
                             const uint8_t *event, uint64_t n, qd_bits *basis, qd_bits *value, qd_sift_counts *counts,
                             qd_error *err);
qd_status qd_sift_select_cl(qd_device *dev, const qd_sift_plan *plan, const qd_bits *mine, const qd_bits *theirs,
                            const qd_bits *value, qd_bits *z, qd_bits *x, qd_error *err);

/** State of the row `sift`: a station's events and the other's bases. */
typedef struct qd_sift_case {
    qd_side side;
    qd_correlation correlation;
    qd_sift_plan plan;
    uint64_t n;
    uint8_t *event;
    qd_bits theirs;
} qd_sift_case;

/** Output of the row: the counts, the lengths of both strings, then qd_bits_words(n) words for each, zero past its length. */
enum { QD_SIFT_OUT_HEAD = 34 };

#endif
