/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/sift.h"

const qd_op *const qd_sift_ops[] = {NULL};
