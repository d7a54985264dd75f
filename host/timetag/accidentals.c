/* SPDX-License-Identifier: Apache-2.0 */
/* From displaced windows to the chance pairs among the coincidences. */
#include <math.h>
#include "qdistill/timetag.h"

/* Detectors whose dead time nobody declared: tens of nanoseconds. */
enum { UNDECLARED_PS = 250000 };

int64_t qd_accidental_step(int64_t reach, uint64_t dead_ps, qd_tick tick) {
    uint64_t clear = 2 * dead_ps > UNDECLARED_PS ? 2 * dead_ps : UNDECLARED_PS;
    return 16 * (2 * reach + 1) + (int64_t)(clear / tick.num * tick.den + tick.den);
}

double qd_accidentals_among(const qd_accidental_facts *f) {
    double w = (double)f->window_ps, ruled = fmin(1, 2 * (double)f->dead_ps / w) / 2, u = fmin(1, fmax(ruled, 2 * f->distance_ps / w));
    double found = f->displaced, before = -1;
    if (!f->kept[0] || !f->kept[1]) return 0;
    for (int i = 0; i < 100 && fabs(found - before) > 1e-9 * f->displaced; i++) { /* each step leaves less than the share of pairs of the error */
        double real = fmax(0, (double)f->pairs - found), p[2];
        for (int s = 0; s < 2; s++) p[s] = fmin(1, real / (double)f->kept[s]);
        before = found;
        found = f->displaced * ((1 - p[0]) * (1 - p[1]) + u * (p[0] * (1 - p[1]) + p[1] * (1 - p[0])));
    }
    return found;
}
