/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/verify.h"

#include <math.h>
#include <string.h>
#include "qdistill/arith.h"

uint32_t qd_tag_bits(uint64_t n, double eps_cor) {
    double s = (double)(n / 128 + (n % 128 != 0) + 1);
    uint32_t t = 1;
    while (t < 1000 && !(ldexp(eps_cor, (int)t) >= 4 * s)) t++; /* both sides are exact */
    return t;
}

qd_status qd_verify_tell(qd_device *dev, qd_random *r, const qd_bits *string, uint32_t bits, qd_verify_tag *out, qd_error *err) {
    qd_random_bytes(r, out->key, sizeof out->key);
    return qd_polyhash(dev, string, out->key, bits, out->tag, err);
}

qd_status qd_verify_same(qd_device *dev, const qd_verify_tag *hers, const qd_bits *string, uint32_t bits, bool *same, qd_error *err) {
    uint8_t his[sizeof hers->tag];
    *same = false;
    QD_TRY(qd_polyhash(dev, string, hers->key, bits, his, err));
    *same = memcmp(hers->tag, his, sizeof his) == 0;
    return QD_OK;
}
