/* SPDX-License-Identifier: Apache-2.0 */
/** @file sift.h */
#ifndef QDISTILL_SIFT_H
#define QDISTILL_SIFT_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_sift_ops[];

#ifdef __cplusplus
}
#endif
#endif
