/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/arith.h"

const qd_op *const qd_arith_ops[] = {NULL};
