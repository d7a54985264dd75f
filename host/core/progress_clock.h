/* SPDX-License-Identifier: Apache-2.0 */
/** @file progress_clock.h  A clock for tests of the progress display. Not installed. */
#ifndef QD_CORE_PROGRESS_CLOCK_H
#define QD_CORE_PROGRESS_CLOCK_H

#include "qdistill/core/progress.h"

/** Take the time from @p now(ctx), in seconds, instead of the monotonic clock. Call before qd_progress_begin. */
void qd_progress_set_clock(qd_progress *p, double (*now)(void *ctx), void *ctx);

#endif
