/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/link.h"

const qd_op *const qd_link_ops[] = {NULL};
