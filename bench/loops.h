/* SPDX-License-Identifier: Apache-2.0 */
/** @file loops.h  The tuned C loop of each operation: plain C on the same inputs, what a kernel has to beat. */
#ifndef QD_BENCH_LOOPS_H
#define QD_BENCH_LOOPS_H

#include "qdistill/compute.h"

/** A tuned C loop. It takes the state that the row's create() made and writes the same output bytes as the reference. */
typedef struct qd_loop {
    const char *op; /**< name of the registry row */
    qd_status (*run)(void *state, unsigned threads, void *out, qd_error *err);
} qd_loop;

/** All loops, NULL-terminated; an operation without a loop is reported as such. */
extern const qd_loop *const qd_loops[];

#endif
