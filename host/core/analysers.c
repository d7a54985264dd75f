/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/analysers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const detector[4] = {"V", "-", "H", "+"};

qd_analysers qd_analysers_bbm92(void) {
    return (qd_analysers){.given = true, .deg = {90, 135, 0, 45}};
}

bool qd_analysers_good(const char *name, const double deg[4], qd_error *err) {
    const double range[2] = {QD_RANGE_ANALYSER_DEG};
    for (int d = 0; d < 4; d++)
        if (!(deg[d] >= range[0] && deg[d] <= range[1])) { /* true of NaN */
            (void)qd_fail(err, QD_E_INPUT, "%s: the angle of %s, %g, is out of range|%g to %g degrees||correct it", name,
                          detector[d], deg[d], range[0], range[1]);
            return false;
        }
    for (int d = 0; d < 2; d++) {
        double apart = fabs(remainder(deg[d] - deg[d + 2], 180));
        if (fabs(apart - 90) <= QD_ANALYSER_TOLERANCE_DEG) continue;
        (void)qd_fail(err, QD_E_INPUT,
                      "%s: detectors %s and %s, at %g and %g degrees, are not 90 degrees apart||they are the two outcomes of one "
                      "setting; the order of the angles is V, -, H, +, bits 1, 2, 4, 8 of the mask|give the angles in that order",
                      name, detector[d], detector[d + 2], deg[d], deg[d + 2]);
        return false;
    }
    return true;
}

/* One decimal number; NULL where there is none. strtod alone would take hexadecimal, "inf" and blanks. */
static const char *number(const char *s, double *v) {
    if (!strchr("+-.0123456789", *s) || !*s) return NULL;
    size_t n = strspn(s, "+-.0123456789eE");
    char *end;
    *v = strtod(s, &end);
    return end == s + n && isfinite(*v) ? end : NULL;
}

qd_status qd_analysers_parse(const char *name, const char *text, qd_analysers *out, qd_error *err) {
    const char *s = text;
    *out = (qd_analysers){0};
    double deg[4];
    for (int d = 0; d < 4; d++) {
        s = number(s, &deg[d]);
        if (!s || *s != (d < 3 ? ',' : 0))
            return qd_fail(err, QD_E_USAGE,
                           "%s: '%.60s' is not four numbers||it is the angles of V, -, H, + in degrees|for example 90,135,0,45",
                           name, text);
        s++;
    }
    if (!qd_analysers_good(name, deg, err)) return QD_E_INPUT;
    out->given = true;
    memcpy(out->deg, deg, sizeof deg);
    return QD_OK;
}

double qd_analyser_setting(const qd_analysers *a, int basis) {
    double d = fmod(a->deg[2 + basis], 180);
    if (d < 0) d += 180;
    return d >= 180 ? 0 : d; /* of the least negative numbers 180 is the nearest sum */
}

double qd_cos2_deg(double d) {
    double two = remainder(2 * d, 360); /* exact */
    if (fabs(two) == 90) return 0;
    if (fabs(two) == 180) return -1;
    return cos(two * M_PI / 180);
}
