/* SPDX-License-Identifier: Apache-2.0 */
#include "amplify/toeplitz.h"

const qd_op *const qd_amplify_ops[] = {&qd_toeplitz_op, NULL};
