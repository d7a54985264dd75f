/* SPDX-License-Identifier: Apache-2.0 */
/** @file report.h  What reports of all rooms share: seconds, and figures for people. */
#ifndef QDISTILL_CORE_REPORT_H
#define QDISTILL_CORE_REPORT_H

#ifdef __cplusplus
extern "C" {
#endif

/** Seconds of a clock that never goes back; only differences mean something. */
double qd_now(void);
/** Seconds since 1970 began, as times of files have them; may be set, and then go back. */
double qd_calendar(void);

/** A share as people read it: "1.656 %"; "unknown" when it is not finite. Returns @p out. */
const char *qd_percent(double share, char out[16]);

#ifdef __cplusplus
}
#endif
#endif
