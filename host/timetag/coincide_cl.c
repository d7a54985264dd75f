/* SPDX-License-Identifier: Apache-2.0 */
#include "timetag/coincide.h"
qd_status qd_coincide_cl(const qd_coincide_case *c, qd_device *dev, qd_pairs *pairs, qd_error *err) {
    (void)dev;
    return qd_coincide_ref(c, pairs, err);
}
