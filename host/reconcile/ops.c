/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/reconcile.h"

const qd_op *const qd_reconcile_ops[] = {NULL};
