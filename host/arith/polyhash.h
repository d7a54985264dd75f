/* SPDX-License-Identifier: Apache-2.0 */
/** @file polyhash.h  The verification hash of qd_gf128_hash: the operation `polyhash`. */
#ifndef QD_ARITH_POLYHASH_H
#define QD_ARITH_POLYHASH_H

#include "compute/cl.h"
#include "qdistill/arith.h"

/** Ways to multiply on a device. Results are equal; only speed differs. No branch or address depends on message or key in any of them. */
typedef enum qd_polyhash_variant {
    QD_POLYHASH_AUTO = 0,     /**< by device: the widest that builds */
    QD_POLYHASH_PORTABLE = 1, /**< integer multiplication of 32 bits: any device */
    QD_POLYHASH_CLMUL128 = 2, /**< the compiler's carry-less multiply */
    QD_POLYHASH_CLMUL256 = 3, /**< VPCLMULQDQ on 256 bits */
    QD_POLYHASH_CLMUL512 = 4, /**< VPCLMULQDQ on 512 bits */
    QD_POLYHASH_VARIANTS = 5
} qd_polyhash_variant;

/** What qd_polyhash_cl goes by; {0} is the device's own. */
typedef struct qd_polyhash_way {
    qd_polyhash_variant variant; /**< that the device has not: the next narrower one */
    unsigned items; /**< work-items of a chunk, rounded down to a power of two: 0 by device; above 1, as on GPUs, they multiply by the portable variant and the
                         message is copied to them */
    unsigned piece; /**< log2 of the blocks on the device at once, at least those of a step; 0 by device */
} qd_polyhash_way;

/** The device path, of any length: whole chunks on the device, what is left and the length on the host. Arguments and errors as qd_polyhash;
 *  @p dev not NULL. QD_E_BUILD: not even the portable variant builds. */
qd_status qd_polyhash_cl(qd_device *dev, qd_polyhash_way way, const qd_bits *m, const uint8_t key[16], unsigned t, uint8_t tag[16], qd_error *err);

/** How qd_polyhash_cl cuts a message of @p blocks whole blocks on @p dev: blocks of a chunk, and of the least one (a chunk has a power of two of them). */
qd_status qd_polyhash_chunk(qd_device *dev, qd_polyhash_way way, uint64_t blocks, uint64_t *chunk, uint64_t *step, qd_error *err);

/** Inputs of the registry row. */
typedef struct qd_polyhash_case {
    qd_polyhash_way way;
    qd_bits message;
    uint8_t key[16];
} qd_polyhash_case;

extern const qd_op qd_polyhash_op;

#endif
