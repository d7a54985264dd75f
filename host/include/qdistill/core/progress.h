/* SPDX-License-Identifier: Apache-2.0 */
/** @file progress.h  Progress of a job: one rewritten terminal line with ETA, plain lines every 30 s, JSON lines, or nothing. */
#ifndef QDISTILL_CORE_PROGRESS_H
#define QDISTILL_CORE_PROGRESS_H

#include <stdint.h>
#include <stdio.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qd_progress_mode { QD_PROGRESS_NONE, QD_PROGRESS_PLAIN, QD_PROGRESS_TTY, QD_PROGRESS_JSON } qd_progress_mode;
typedef struct qd_progress qd_progress;

/** @p mode as the option names it ("tty", "plain", "json", "none"); NULL: tty when @p f is a terminal, else plain. QD_E_USAGE otherwise.
 *  @p f is borrowed until qd_progress_destroy, which frees *p. */
qd_status qd_progress_create(const char *mode, FILE *f, qd_progress **p, qd_error *err);
/** Name of the job and its total (0: unknown) in @p unit. */
void qd_progress_begin(qd_progress *p, const char *job, double total, const char *unit);
/** @p done of the total, in stage @p stage; prints when it is time: tty 10 times a second, plain every 30 s, JSON every second, an
 *  object {"event":"progress","job","stage","done","total","unit","seconds","rate","eta_s"}. Rate and ETA look back 32 s; total and
 *  ETA are null while unknown. NULL @p p is accepted here and below. */
void qd_progress_at(qd_progress *p, const char *stage, double done);
/** Close the line; in JSON mode nothing (the caller writes the final record). */
void qd_progress_end(qd_progress *p);
void qd_progress_destroy(qd_progress *p);
qd_progress_mode qd_progress_kind(const qd_progress *p);

#ifdef __cplusplus
}
#endif
#endif
