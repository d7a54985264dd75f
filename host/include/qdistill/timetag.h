/* SPDX-License-Identifier: Apache-2.0 */
/** @file timetag.h */
#ifndef QDISTILL_TIMETAG_H
#define QDISTILL_TIMETAG_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_timetag_ops[];

#ifdef __cplusplus
}
#endif
#endif
