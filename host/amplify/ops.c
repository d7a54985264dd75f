/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/amplify.h"

const qd_op *const qd_amplify_ops[] = {NULL};
