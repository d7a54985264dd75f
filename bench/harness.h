/* SPDX-License-Identifier: Apache-2.0 */
/** @file harness.h  Timing of one operation: device, tuned C loop and reference on the same problem, outputs compared. */
#ifndef QD_BENCH_HARNESS_H
#define QD_BENCH_HARNESS_H

#include "loops.h"

enum { QD_BENCH_REPEAT_MAX = 1000 };

/** Wall times of n runs, in seconds. mad: median of the absolute deviations from the median. */
typedef struct qd_spread {
    double min, median, mad;
    unsigned n;
} qd_spread;

/** Spread of @p n >= 1 times. @p t is sorted. */
qd_spread qd_spread_of(double *t, unsigned n);

/** What was measured of one problem. Seconds below zero: not measured. */
typedef struct qd_bench {
    qd_problem problem;
    qd_spread seconds; /**< of the device path as a caller sees it: upload, kernels, download, host work */
    /** The fastest run, taken apart by event profiling; host is what is left, so that the four add up to seconds.min. */
    double kernel_seconds, upload_seconds, download_seconds, host_seconds;
    double first_seconds;     /**< of the warm-up run, which builds programs and generates code: in no other figure */
    double reference_seconds; /**< one run */
    qd_spread c_loop;         /**< n = 0: the operation has no tuned loop */
    unsigned c_loop_threads;
    qd_cost cost;
    double rate;              /**< cost.units / seconds.median */
    double limit;             /**< units per second that the measured limits of the device allow; 0: unknown */
    const char *limit_kind;   /**< "memory" or "integer", whichever binds; NULL: unknown */
    double fraction_of_limit; /**< rate / limit */
    double kernel_fraction;   /**< the same by kernel time alone */
} qd_bench;

/** Threads that the tuned loop gets: as many as a CPU device has compute units, else as many as the machine has. */
unsigned qd_bench_threads(const qd_device *dev);

/** The tuned loop of operation @p op, or NULL. */
const qd_loop *qd_loop_find(const char *op);

/** Measure @p p on @p dev (NULL: the reference stands for the device) and @p loop (may be NULL) @p repeat times, device and loop
 * in turn so that a noisy neighbour hits both; each is run once before. @p limits may be NULL. QD_E_DIFFER: the device's output
 * is not the reference's. QD_E_INTERNAL: the loop's is not. */
qd_status qd_bench_run(const qd_problem *p, qd_device *dev, const qd_loop *loop, const qd_limits *limits, unsigned repeat,
                       qd_bench *b, qd_error *err);

#endif
