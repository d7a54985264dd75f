/* SPDX-License-Identifier: Apache-2.0 */
/* No accelerated operation: a bound is a few thousand operations a block, in double, on the host (no float decides on a device).
 */
#include "qdistill/security.h"

const qd_op *const qd_security_ops[] = {NULL};
