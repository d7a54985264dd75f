/* SPDX-License-Identifier: Apache-2.0 */
/** @file problems.h  Lists of problems and devices that validate and profile loop over. */
#ifndef QD_TOOLS_PROBLEMS_H
#define QD_TOOLS_PROBLEMS_H

#include "cli.h"

/** Which cases of a row. */
typedef enum qd_cases { QD_CASES_QUICK, QD_CASES_FULL, QD_CASES_TINY, QD_CASES_PROFILE } qd_cases;

typedef struct qd_problems {
    qd_problem *p;
    size_t n;
} qd_problems;

/** The problems named by @p pos: a problem string, or an operation's name for all its cases of @p kind; none given: those of
 * every row. FULL is QUICK and then the large ones; TINY falls back on the self-test problem. *out is freed with
 * qd_problems_free. QD_E_USAGE: not a problem. QD_E_INTERNAL: a row's own case does not parse. */
qd_status qd_problems_collect(qd_cases kind, const char *const *pos, size_t n_pos, qd_problems *out, qd_error *err);
void qd_problems_free(qd_problems *ps);

/** Open devices. */
typedef struct qd_devices {
    qd_device **dev; /**< NULL entries stand for the reference */
    size_t n;
} qd_devices;

/** The device that --device names, without a self-test (the caller compares anyway); not given: every usable one. Each that
 *  cannot be opened is told on standard error. QD_E_NODEVICE: none. Freed with qd_devices_close. */
qd_status qd_devices_open(qd_cli *cli, qd_devices *out, qd_error *err);
void qd_devices_close(qd_devices *ds);

#endif
