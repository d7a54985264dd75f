/* SPDX-License-Identifier: Apache-2.0 */
#include "notice.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

qd_status qd_notice_open(qd_notice *n, const char *name, bool anew, qd_error *err) {
    *n = (qd_notice){.name = name};
    if (!name) return QD_OK;
    n->f = strcmp(name, "-") == 0 ? stdout : fopen(name, anew ? "w" : "a");
    if (n->f) return QD_OK;
    if (errno == EINTR) return qd_fail(err, QD_STOPPED, "stopped on request|a signal came while %s waited for its reader", name);
    return qd_fail(err, QD_E_INPUT, "cannot write to %s|%s||choose another place for notices", name, strerror(errno));
}

qd_status qd_notice_line(qd_notice *n, qd_error *err, const char *fmt, ...) {
    va_list ap;
    if (!n->f) return QD_OK;
    va_start(ap, fmt);
    bool ok = vfprintf(n->f, fmt, ap) >= 0;
    va_end(ap);
    ok = ok && fputc('\n', n->f) != EOF && fflush(n->f) == 0;
    if (ok) return QD_OK;
    return qd_fail(
        err, QD_E_INPUT,
        "cannot write to %s|%s|its reader ended, or the disk is full|start the reader again, then this program at the next epoch",
        n->name, strerror(errno));
}

void qd_notice_close(qd_notice *n) {
    if (n->f && n->f != stdout) fclose(n->f);
    n->f = NULL;
}
