/* SPDX-License-Identifier: Apache-2.0 */
/** @file large_loop.h  The decoder of large-block codes as a tuned C loop: what a kernel has to beat, and what error rates are
 * measured with.
 *
 *  AVX-512 VBMI; on other processors, or built without it, the reference does the work. Results are those of qd_large_decode. */
#ifndef QD_BENCH_LARGE_LOOP_H
#define QD_BENCH_LARGE_LOOP_H

#include <stdbool.h>
#include "qdistill/reconcile/large.h"

typedef struct qd_large_loop qd_large_loop;
/** For one thread. @p code borrowed. NULL: no memory. */
qd_large_loop *qd_large_loop_create(const qd_large_code *code);
void qd_large_loop_destroy(qd_large_loop *l);
/** Whether it is the fast one. */
bool qd_large_loop_fast(void);
/** As qd_large_syndrome, 64 rows at a time. */
void qd_large_loop_syndrome(qd_large_loop *l, const uint64_t *frame, uint64_t *syndrome);
/** As qd_large_decode. */
qd_status qd_large_loop_decode(qd_large_loop *l, const qd_large_rule *rule, const uint64_t *frame, const uint64_t *syndrome,
                               uint64_t *bits, uint32_t *iterations, qd_error *err);

#endif
