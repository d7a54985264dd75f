/* SPDX-License-Identifier: Apache-2.0 */
/** @file notice.h  Lines for other programs: to a file, a FIFO or standard output, each handed on at once. */
#ifndef QD_TOOLS_NOTICE_H
#define QD_TOOLS_NOTICE_H

#include <stdio.h>
#include "qdistill/core.h"

/** {0}: goes nowhere. */
typedef struct qd_notice {
    FILE *f;
    const char *name;
} qd_notice;

/** NULL: nowhere; "-": standard output; else opened to append, or with @p anew emptied first. A FIFO waits for its reader, as
 * other programs' do. QD_E_INPUT: cannot be opened; QD_STOPPED: a signal came meanwhile. */
qd_status qd_notice_open(qd_notice *n, const char *name, bool anew, qd_error *err);
/** A line, its newline added. QD_E_INPUT: nobody takes it. */
__attribute__((format(printf, 3, 4))) qd_status qd_notice_line(qd_notice *n, qd_error *err, const char *fmt, ...);
void qd_notice_close(qd_notice *n);

#endif
