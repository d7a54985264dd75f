/* SPDX-License-Identifier: Apache-2.0 */
/** @file ldpc.h  Layered syndrome decoding in 8-bit integers with the A-min* check rule.
 *
 *  Definition, the same for reference and device, bit for bit. sat(x) clips to -128..127.
 *
 *  APP of a bit: 0 in punctured columns, else +c for a 0 and -c for a 1; 127 in place of c for the extension bits of lifted rows from
 *  `known` on. Messages start at 0. An iteration takes the block rows
 *  in order; a lifted row with edges e = 0, 1, .. (ascending column) does
 *      v_e = sat(APP_e - msg_e);   a_e = |v_e|
 *      two chains, of the edges with even and with odd e:
 *               from m = L = 255, for each edge  L = BOX(L, max(m, a_e)),  m = min(m, a_e)
 *      joined:  m = min(m0, m1),  L = min(clip, BOX(BOX(L0, L1), max(m0, m1)))
 *      |msg_e| = L if a_e == m, else BOX(L, m)
 *      sign of msg_e: parity of the signs of the other v (negative counts), and of the syndrome bit (1 counts)
 *      APP_e = sat(v_e + msg_e)
 *  BOX(x, y) = min(min(lo, hi -. 2), max(lo -. 1, hi -. a)), lo and hi the smaller and larger, -. subtraction that stops at 0: the
 *  box-plus min(x, y) - G[|x - y|] with G cut to steps of 2, 1 and 0 (A-min*: Jones, Valles, Smith, Villasenor, MILCOM 2003; the
 *  cut: ours). After each iteration bit = (APP < 0) is decided; when all M rows match the syndrome the frame is done and is not
 *  touched again. A frame that has not matched after max_iterations has failed. */
#ifndef QD_RECONCILE_LDPC_H
#define QD_RECONCILE_LDPC_H

#include "reconcile/code.h"

typedef struct qd_ldpc_rule {
    uint32_t c;              /**< channel LLR, 1..32 */
    uint32_t a;              /**< check-node constant, 2..15 */
    uint32_t max_iterations; /**< 1..1000 */
    uint32_t known;          /**< lifted rows from this one on have zeros that both stations know for extension bits, so that they are
                                  checks without noise; at least 4 z, 0: no row has */
} qd_ldpc_rule;

enum { QD_LDPC_CLIP = 31 }; /* largest message */

/** @param frames     in  uint64 [n][cols][words]: Bob's bits; punctured columns are ignored
 *  @param syndrome   in  uint64 [n][rows][words]
 *  @param bits       out uint64 [n][cols][words]: decisions of all columns, punctured ones too; of a failed frame those after the
 *  last iteration
 *  @param iterations out uint32 [n]: iterations used, 0 = failed
 *  The reference cannot fail but for memory (QD_E_INTERNAL, outputs undefined). */
qd_status qd_ldpc_ref(const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint64_t *frames, const uint64_t *syndrome,
                      uint64_t *bits, uint32_t *iterations, qd_error *err);

/** How a device decodes; never changes results. AUTO: LANES on CPU devices, else GROUP. A device that is no CPU, or whose
 *  compiler
 *  does not know the vectors, decodes in the form GROUP whatever is asked. */
typedef enum qd_ldpc_form {
    QD_LDPC_AUTO = 0,
    QD_LDPC_LANES = 1,     /**< one work-item a frame, the byte lanes of the processor's vectors inside (clang extensions) */
    QD_LDPC_GROUP = 2,     /**< one work-group a frame, one work-item a lifted row (plain OpenCL C 1.2) */
    QD_LDPC_LANES_16 = 16, /**< lanes of a given number */
    QD_LDPC_LANES_32 = 32,
    QD_LDPC_LANES_64 = 64
} qd_ldpc_form;

/** The same on a device (kernels/ldpc.cl); @p dev NULL: the reference. Device copies are wiped. QD_E_BUILD, QD_E_DEVICE: outputs
 *  undefined. */
qd_status qd_ldpc_run(const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint64_t *frames, const uint64_t *syndrome,
                      uint64_t *bits, uint32_t *iterations, qd_ldpc_form form, qd_device *dev, qd_error *err);

#endif
