/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/security.h"

const qd_op *const qd_security_ops[] = {NULL};
