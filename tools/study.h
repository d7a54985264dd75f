/* SPDX-License-Identifier: Apache-2.0 */
/** @file study.h  What the verb study can look at, and what all of it shares: lists of values, points of a grid, runs that are
 * kept. */
#ifndef QD_TOOLS_STUDY_H
#define QD_TOOLS_STUDY_H

#include "cli.h"

enum { QD_STUDY_OPTIONS = 24, QD_STUDY_LIST = 64 };

/** Values of one option: "0.01,0.003". */
typedef struct qd_list {
    size_t n;
    double v[QD_STUDY_LIST];
} qd_list;
/** Numbers between min and max, ends included, separated by commas. QD_E_USAGE names the option and the value. */
qd_status qd_list_parse(const char *option, const char *text, double min, double max, qd_list *out, qd_error *err);
json_t *qd_list_json(const qd_list *l);

/** {"value":..,"low":..,"high":..}; a value that is not finite is null. */
json_t *qd_interval_json(qd_interval x);

/** A study that was asked for: points of a grid, runs at each. */
typedef struct qd_study {
    uint64_t points, runs; /**< runs of a point */
    json_t
        *parameters; /**< all that the runs follow from but the seed; owned by who starts the study until qd_study_do frees it */
    /** One run. @p result: an object, whatever the study counts; the caller owns it. @p seed is that of the command line.
     *  QD_STOPPED: a signal came before it was done. */
    qd_status (*run)(void *args, qd_device *dev, uint64_t seed, uint64_t point, uint64_t run, json_t **result, qd_error *err);
    /** What the runs of a point come to: result[0..runs). */
    json_t *(*sum)(const void *args, uint64_t point, const json_t *const *result, uint64_t runs);
    /** The points as a table for people. */
    void (*print)(const void *args, const json_t *points, FILE *to);
} qd_study;

/** A WHAT of `study WHAT`. Its options stand in one table with those of the others; an option of another WHAT is refused. */
typedef struct qd_study_what {
    const char *name;
    size_t size; /**< of its arguments, which begin as zeros */
    /** Set defaults, and fill @p opts; returns how many, at most QD_STUDY_OPTIONS. */
    size_t (*options)(void *args, qd_opt *opts);
    /** After the command line was parsed: check it, fill @p s (zeros before). */
    qd_status (*start)(void *args, qd_study *s, qd_error *err);
} qd_study_what;

extern const qd_study_what qd_study_sync, qd_study_reconcile;

#endif
