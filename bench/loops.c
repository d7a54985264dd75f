/* SPDX-License-Identifier: Apache-2.0 */
#include "loops.h"

extern const qd_loop qd_loop_sift;

const qd_loop *const qd_loops[] = {
    &qd_loop_sift,
    NULL, /* last */
};
