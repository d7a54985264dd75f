/* SPDX-License-Identifier: Apache-2.0 */
/** @file verify.h  The tag of a key string: what both machines do with it, and studies of what it finds. */
#ifndef QD_RECONCILE_VERIFY_H
#define QD_RECONCILE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>
#include "qdistill/compute.h"
#include "qdistill/core.h"

/** Tag length for a string of @p n bits (privacy amplification's page: ceil(log2(4 S/eps_cor)), S = ceil(n/128) + 1): the least t with
 *  2^t eps_cor >= 4 S, compared exactly, so that it is the same on every host. Above 128: impossible. */
uint32_t qd_tag_bits(uint64_t n, double eps_cor);

/** As message TAG carries it: qd_polyhash of a string under a key that is drawn for it alone and public then. */
typedef struct qd_verify_tag {
    uint8_t key[16], tag[16];
} qd_verify_tag;

/** Alice: draw the key from @p r, and the tag of @p bits bits of her string under it. Once Bob's string stands, and no earlier.
 *  @p dev computes it where the string is long; NULL: the host. QD_E_USAGE: no tag has so many bits; and the device's errors. */
qd_status qd_verify_tell(qd_device *dev, qd_random *r, const qd_bits *string, uint32_t bits, qd_verify_tag *out, qd_error *err);
/** Bob: whether his string has it too. @p dev and errors as above. */
qd_status qd_verify_same(qd_device *dev, const qd_verify_tag *hers, const qd_bits *string, uint32_t bits, bool *same, qd_error *err);

#endif
