/* SPDX-License-Identifier: Apache-2.0 */
/** @file sift_bell.h  The Bell test of sift: options, warnings, text and record. */
#ifndef QD_TOOLS_SIFT_BELL_H
#define QD_TOOLS_SIFT_BELL_H

#include <stdio.h>
#include "qdistill/sift_files.h"

typedef struct qd_bell {
    const char *text[2]; /**< --angles-a, --angles-b; NULL: not given */
    qd_analysers station[2];
    qd_chsh chsh; /**< of what was sifted, once qd_bell_test ran */
} qd_bell;

/** Read the options; @p o learns which bases make key. QD_E_USAGE: one of two, or not angles; QD_E_INPUT: outcomes not 90 degrees
 * apart. */
qd_status qd_bell_options(qd_bell *b, qd_sift_options *o, qd_error *err);
/** @p accidentals: chance pairs among the coincidences. */
void qd_bell_test(qd_bell *b, const qd_sift_options *o, const qd_sift_result *r, double accidentals);
/** True, with a sentence in @p out, when the correlations are the opposite of the declared ones. */
bool qd_bell_warn(const qd_bell *b, const qd_sift_options *o, char *out, size_t cap);
void qd_bell_print(const qd_bell *b, FILE *to);
/** Set chsh, chsh_reason, correlations and settings_aligned of a record. */
void qd_bell_record(const qd_bell *b, const qd_sift_options *o, json_t *record);

#endif
