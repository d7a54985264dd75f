/* SPDX-License-Identifier: Apache-2.0 */
/** @file analysers.h  Which linear polarisation each detector of a station clicks for. */
#ifndef QDISTILL_CORE_ANALYSERS_H
#define QDISTILL_CORE_ANALYSERS_H

#include <stdbool.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Angles of a station's detectors, in the order V, -, H, + (QD_DET_V and so on), degrees, -360..360. A station has two
 * analysers, a setting each: V and H are the outcomes of z, - and + those of x, and the two outcomes of a setting are 90 degrees
 * apart. {0}: not declared. */
typedef struct qd_analysers {
    bool given;
    double deg[4];
} qd_analysers;

#define QD_RANGE_ANALYSER_DEG (-360), 360
/** How far two outcomes of a setting may be from 90 degrees apart. */
#define QD_ANALYSER_TOLERANCE_DEG 0.01

/** What detectors are called after: V 90, - 135, H 0, + 45. */
qd_analysers qd_analysers_bbm92(void);

/** True when all angles are in range and both settings have outcomes 90 degrees apart (modulo 180). Else @p err, which may be
 * NULL, is QD_E_INPUT with @p name ("alice.angles_deg") and the two detectors that are not. */
bool qd_analysers_good(const char *name, const double deg[4], qd_error *err);

/** Read "90,135,0,45": four decimal numbers with commas between. @return QD_E_USAGE: not four numbers; QD_E_INPUT: as
 *  qd_analysers_good. *out is {0} then. */
qd_status qd_analysers_parse(const char *name, const char *text, qd_analysers *out, qd_error *err);

/** Setting of basis 0 (z): the angle of H; of basis 1 (x): of +. In [0, 180). */
double qd_analyser_setting(const qd_analysers *a, int basis);

/** cos(2 d), d in degrees; exact at multiples of 45. */
double qd_cos2_deg(double d);

#ifdef __cplusplus
}
#endif
#endif
