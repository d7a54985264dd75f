/* SPDX-License-Identifier: Apache-2.0 */
/** @file kernels.h  Kernel sources embedded at build time, includes flattened. */
#ifndef QD_COMPUTE_KERNELS_H
#define QD_COMPUTE_KERNELS_H

#include <stddef.h>

typedef struct qd_kernel_source {
    const char *name; /**< file name without .cl */
    const char *text; /**< zero-terminated */
    size_t bytes;
} qd_kernel_source;

/** Ends with a row of zeros. */
extern const qd_kernel_source qd_kernel_sources[];

#endif
