/* SPDX-License-Identifier: Apache-2.0 */
/** @file pipeline.h  The registry of all operations, and jobs. */
#ifndef QDISTILL_PIPELINE_H
#define QDISTILL_PIPELINE_H

#include "qdistill/compute.h"
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Rows of all rooms. Static storage. */
const qd_registry *qd_registry_all(void);

#ifdef __cplusplus
}
#endif
#endif
