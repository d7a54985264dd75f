/* SPDX-License-Identifier: Apache-2.0 */
/** @file security.h */
#ifndef QDISTILL_SECURITY_H
#define QDISTILL_SECURITY_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Registry rows of this room, NULL-terminated. */
extern const qd_op *const qd_security_ops[];

#ifdef __cplusplus
}
#endif
#endif
