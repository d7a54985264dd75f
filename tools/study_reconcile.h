/* SPDX-License-Identifier: Apache-2.0 */
/** @file study_reconcile.h  What `study reconcile` can look at: families of codes. A new one is a file with a row of the table in
 *  study_reconcile.c. */
#ifndef QD_TOOLS_STUDY_RECONCILE_H
#define QD_TOOLS_STUDY_RECONCILE_H

#include <jansson.h>
#include <stdio.h>
#include "qdistill/reconcile/truth.h"

/** A point of the grid. */
typedef struct qd_code_point {
    const char *code; /**< the whole name, as given */
    double qber;
    double leak; /**< wanted; 0: what the family takes for this qber */
    uint64_t iterations;
    bool exact; /**< errors in exact number */
    const char *combine; /**< file of pairs of rows to add up, or NULL; of imported codes, as the next */
    bool layered;
    qd_strings *strings; /**< takes every frame of a run as it was left; NULL: none does */
} qd_code_point;

typedef struct qd_code_family {
    const char *prefixes[3]; /**< its codes' names begin so; NULL: no more */
    const char *names;       /**< what the names are, for errors */
    bool rated;              /**< --leak and --efficiency mean something */
    uint64_t batch;          /**< frames of a run */
    uint64_t batch_more;     /**< and where attempts go on (more=); 0: as many */
    uint64_t iterations;     /**< most of them where none are given */
    /** Check a point, and say in an object of numbers what code it means (lifting size, bits of a frame, ..). QD_E_USAGE. */
    qd_status (*about)(const qd_code_point *p, json_t **about, qd_error *err);
    /** What the runs follow from besides the command line: added to @p to. NULL: nothing. */
    qd_status (*parameters)(const qd_code_point *p, json_t *to, qd_error *err);
    /** Frames first..first + frames - 1 of those that belong to the seed: added to @p t. No result depends on how they are cut.
     */
    qd_status (*run)(const qd_code_point *p, qd_device *dev, uint64_t seed, uint64_t first, uint64_t frames, qd_frame_tally *t,
                     qd_error *err);
} qd_code_family;

/** What --verify counts: of runs as JSON, and summed up for a point, added to @p to (study_strings.c). */
json_t *qd_verified_json(const qd_verified *v);
qd_verified qd_verified_of(const json_t *j);
void qd_verified_report(const qd_verified *v, json_t *to);
/** The same of all points as a table for people; @p each frames a string. */
void qd_verified_print(const json_t *points, uint64_t each, FILE *to);

extern const qd_code_family qd_family_nr, qd_family_large, qd_family_cascade, qd_family_file;

#endif
