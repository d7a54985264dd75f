/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/report.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static double read_clock(clockid_t which) {
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double qd_now(void) {
    return read_clock(CLOCK_MONOTONIC);
}

double qd_calendar(void) {
    return read_clock(CLOCK_REALTIME);
}

const char *qd_percent(double share, char out[16]) {
    snprintf(out, 16, isfinite(share) ? "%.3f %%" : "unknown", 100 * share);
    return out;
}
