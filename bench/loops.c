/* SPDX-License-Identifier: Apache-2.0 */
#include "loops.h"

const qd_loop *const qd_loops[] = {
    NULL, /* last */
};
