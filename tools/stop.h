/* SPDX-License-Identifier: Apache-2.0 */
/** @file stop.h  Ctrl-C and SIGTERM: a verb that watches them ends by its own clean-up, so that nothing half-written stays. */
#ifndef QD_TOOLS_STOP_H
#define QD_TOOLS_STOP_H

#include <signal.h>
#include "qdistill/core/status.h"

/** From now on the first SIGINT or SIGTERM only sets the flag that is returned; a second one ends the program at once. */
const volatile sig_atomic_t *qd_stop_watch(void);
/** The same flag; handlers stay as they are. */
const volatile sig_atomic_t *qd_stop_flag(void);
/** QD_STOPPED, with the error of a verb that was stopped before it had written anything for good, once the flag is set. */
qd_status qd_stop_check(qd_error *err);

#endif
