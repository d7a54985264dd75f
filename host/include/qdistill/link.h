/* SPDX-License-Identifier: Apache-2.0 */
/** @file link.h */
#ifndef QDISTILL_LINK_H
#define QDISTILL_LINK_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_link_ops[];

#ifdef __cplusplus
}
#endif
#endif
