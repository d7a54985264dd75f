/* SPDX-License-Identifier: Apache-2.0 */
/** @file journal.h  Long work kept step by step: a file of JSON lines that says at its top what the work is, and goes on where it
 * ended. */
#ifndef QDISTILL_CORE_JOURNAL_H
#define QDISTILL_CORE_JOURNAL_H

#include <jansson.h>
#include <stddef.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qd_journal qd_journal;

/** Begin, or go on. The first line of the file is @p head (an object, borrowed); each further line is a step. A file that is
 * missing or empty is begun. One that was begun with an equal head is read; what an interruption left of a last line is cut off.
 *  @param path NULL: kept in memory alone
 *  @return QD_E_INPUT: no journal; begun with another head (the first member that differs is named); a line that is no object;
 * above 64 MiB; in use by another process; not to be written. The file is unchanged then. QD_E_INTERNAL: no memory. */
qd_status qd_journal_open(const char *path, const json_t *head, qd_journal **journal, qd_error *err);
size_t qd_journal_steps(const qd_journal *j);
/** Step @p i, borrowed; NULL: there is none. */
const json_t *qd_journal_step(const qd_journal *j, size_t i);
/** Add a step, an object, and write it out. Takes ownership also on error. QD_E_INPUT: cannot be written. QD_E_INTERNAL: no
 * memory. */
qd_status qd_journal_add(qd_journal *j, json_t *step, qd_error *err);
/** NULL accepted. */
void qd_journal_close(qd_journal *j);

/** What qd_journal_open reads: the steps in @p text (@p name stands for the file in errors), and of its bytes how many are whole
 * lines. The caller owns *steps, an array. */
qd_status qd_journal_parse(const char *name, const char *text, size_t bytes, const json_t *head, json_t **steps, size_t *whole,
                           qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
