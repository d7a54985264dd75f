/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/report.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

double qd_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *qd_percent(double share, char out[16]) {
    snprintf(out, 16, isfinite(share) ? "%.3f %%" : "unknown", 100 * share);
    return out;
}
