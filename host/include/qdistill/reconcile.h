/* SPDX-License-Identifier: Apache-2.0 */
/** @file reconcile.h */
#ifndef QDISTILL_RECONCILE_H
#define QDISTILL_RECONCILE_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_reconcile_ops[];

#ifdef __cplusplus
}
#endif
#endif
