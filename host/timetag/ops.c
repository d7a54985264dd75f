/* SPDX-License-Identifier: Apache-2.0 */
#include "timetag/coincide.h"
#include "timetag/lines.h"

const qd_op *const qd_timetag_ops[] = {&qd_lines_op, &qd_coincide_op, NULL};
