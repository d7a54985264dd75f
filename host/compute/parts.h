/* SPDX-License-Identifier: Apache-2.0 */
/** @file parts.h  Work of the host on all of its cores: loops that no device is asked for, over events that lie in memory. */
#ifndef QD_COMPUTE_PARTS_H
#define QD_COMPUTE_PARTS_H

#include <stdint.h>

/** Call part(self, k) once for each k below @p parts and return when all are done: in any order, several at a time, as many as
 *  there are processors online, 64 at most; where no thread is to be had, one after the other. A result must not depend on that: so many parts are
 *  for the caller to choose by the data alone, and each writes where no other one reads. */
void qd_in_parts(uint32_t parts, void (*part)(void *self, uint32_t k), void *self);

#endif
