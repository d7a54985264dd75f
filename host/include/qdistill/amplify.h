/* SPDX-License-Identifier: Apache-2.0 */
/** @file amplify.h */
#ifndef QDISTILL_AMPLIFY_H
#define QDISTILL_AMPLIFY_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_amplify_ops[];

#ifdef __cplusplus
}
#endif
#endif
