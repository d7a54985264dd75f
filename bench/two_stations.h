/* SPDX-License-Identifier: Apache-2.0 */
/** @file two_stations.h  Tags of two stations at a given rate, made fast: for benches and tests of the clock search at any size.
 * The link simulator is the model of a link; this is Poisson events, some with a partner at the other station. */
#ifndef QD_BENCH_TWO_STATIONS_H
#define QD_BENCH_TWO_STATIONS_H

#include "qdistill/core.h"

typedef struct qd_two_stations {
    double rate_a, rate_b; /**< events a second of A and B, pairs included */
    double pairs;          /**< of them, with a partner: a second */
    double seconds;
    double sigma_ps;      /**< standard deviation of a pair's time difference */
    double offset_s, ppm; /**< tA - tB at mid-time, and its growth with tB */
    uint64_t most;        /**< events a side at most; 0: as many as there are. The earliest are kept */
    uint64_t seed;
} qd_two_stations;

/** Share of the events that have a partner, as a search sees it: pairs / sqrt(rate_a rate_b). */
double qd_two_stations_heralding(const qd_two_stations *s);
/** Fill a and b (empty, ticks set), sorted, all masks 1. QD_E_INTERNAL: no memory. */
qd_status qd_two_stations_run(const qd_two_stations *s, qd_tags *a, qd_tags *b, qd_error *err);

#endif
