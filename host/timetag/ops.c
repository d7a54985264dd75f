/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/timetag.h"

const qd_op *const qd_timetag_ops[] = {NULL};
