/* SPDX-License-Identifier: Apache-2.0 */
/** @file arith.h */
#ifndef QDISTILL_ARITH_H
#define QDISTILL_ARITH_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_arith_ops[];

#ifdef __cplusplus
}
#endif
#endif
