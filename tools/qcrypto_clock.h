/* SPDX-License-Identifier: Apache-2.0 */
/** @file qcrypto_clock.h  What the two modes that find a clock share. */
#ifndef QD_TOOLS_QCRYPTO_CLOCK_H
#define QD_TOOLS_QCRYPTO_CLOCK_H

#include "letters.h"
#include "qdistill/timetag.h"

/** Largest frequency difference of fpfind and freqcd: 2^-13. */
#define QD_CLOCK_PPM 122.0703125

typedef struct qd_clock_options {
    double max_offset_s, max_ppm;
    bool has_max_offset, no_fallback, quiet;
    const char *device, *effort;
    const char *range, *frequency, *more, *where; /* options of the mode: range of offsets, of frequencies, how much is read, from where on */
} qd_clock_options;

/* clang-format off */
/** Rows of a table of options. */
#define QD_CLOCK_LETTERS(o)                                                                                                                  \
    {0, "max-offset-s", QD_LETTER_REAL, &(o).max_offset_s, 1e-9, 10, "S", "search offsets up to S, either way, whatever else says", &(o).has_max_offset}, \
    {0, "max-ppm", QD_LETTER_REAL, &(o).max_ppm, 1e-6, 200, "P", "search frequencies up to P in 1e-6, either way (122)", NULL},               \
    {0, "effort", QD_LETTER_TEXT, &(o).effort, 0, 0, "E", "low, normal or high: how long to search before refusing (normal)", NULL},         \
    {0, "device", QD_LETTER_TEXT, &(o).device, 0, 0, "D", "where to compute, as for every verb (QD_DEVICE, else auto)", NULL},               \
    {0, "no-fallback", QD_LETTER_FLAG, &(o).no_fallback, 0, 0, NULL, "fail rather than use another device than the first choice", NULL},      \
    {0, "quiet", QD_LETTER_FLAG, &(o).quiet, 0, 0, NULL, "say only errors on standard error", NULL}
/* clang-format on */

/** What was found, stated at one moment of the T1 side's clock. */
typedef struct qd_clock_found {
    double offset_ps; /**< t(T2 side) - t(T1 side) */
    double freq;      /**< of that difference */
    double fine;      /**< pairs over the root of the accidentals within 3 sd of the line */
    qd_sync_report report;
} qd_clock_found;

/** low, normal or high; NULL: normal. QD_E_USAGE. */
qd_status qd_clock_effort(const char *name, qd_effort *effort, qd_error *err);
qd_cli qd_clock_cli(const qd_mode *mode, const qd_clock_options *o);
/** Search on tags[0] (T2 side) and tags[1] (T1 side); the offset at time @p at_ps on the T1 side's clock. */
qd_status qd_clock_find(qd_cli *cli, const qd_tags tags[2], const qd_clock_options *o, double at_ps, qd_clock_found *found,
                        qd_error *err);
/** What to do after a refusal, in the mode's options, in place of those of sync; @p seconds of data were searched. */
void qd_clock_advise(const qd_clock_options *o, const qd_sync_report *r, double seconds, qd_error *err);
/** The frequency in freqcd's unit of 2^-34. */
int64_t qd_clock_freqcd(const qd_clock_found *found);
/** Say on standard error when the difference changes faster than costream follows. */
void qd_clock_warn(const qd_mode *mode, const qd_clock_found *found);
/** Remove one file, or those of some epochs in a directory. */
qd_status qd_epoch_remove_range(const char *dir, const char *file, uint32_t first, uint32_t epochs, qd_error *err);

#endif
