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
 *  BOX(x, y) = lo -. G(hi - lo), lo and hi the smaller and larger, -. subtraction that stops at 0; G is 2 below `two`, 1 below `one`, else 0: the box-plus with its
 *  logarithm cut to steps (A-min*: Jones, Valles, Smith, Villasenor, MILCOM 2003; the cut: ours). The constant a names the steps: two = 1 and one = a up to 7, for messages
 *  in units of .35 of a natural logarithm or more; two = 2 and one = a - 3 from 8 on, for units of about .3. After each iteration bit = (APP < 0) is decided; when all M rows match the syndrome the frame is done and is not
 *  touched again. A frame that has not matched after max_iterations has failed.
 *
 *  Going on. A frame that failed can be taken up with more rows where it was left (qd_ldpc_go_on): lifted rows, counted as i z + r, that
 *  it had keep their messages; core columns, and the extension columns of those rows, their APPs. The others start as above, and
 *  max_iterations counts anew. */
#ifndef QD_RECONCILE_LDPC_H
#define QD_RECONCILE_LDPC_H

#include "reconcile/code.h"

typedef struct qd_ldpc_rule {
    uint32_t c;              /**< channel LLR, 1..32 */
    uint32_t a;              /**< check-node constant, 2..15: steps of G */
    uint32_t max_iterations; /**< 1..1000 */
    uint32_t known;          /**< lifted rows from this one on have zeros that both stations know for extension bits, so that they are
                                  checks without noise; at least 4 z, 0: no row has */
} qd_ldpc_rule;

enum { QD_LDPC_CLIP = 31 }; /* largest message */

/** @param frames     in  uint64 [n][cols][words]: Bob's bits; punctured columns are ignored
 *  @param syndrome   in  uint64 [n][rows][words]
 *  @param bits       out uint64 [n][cols][words]: decisions of all columns, punctured ones too; of a failed frame those after the
 *                    last iteration
 *  @param iterations out uint32 [n]: iterations used, 0 = failed
 *  The reference cannot fail but for memory (QD_E_INTERNAL, outputs undefined). */
qd_status qd_ldpc_ref(const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint64_t *frames, const uint64_t *syndrome,
                      uint64_t *bits, uint32_t *iterations, qd_error *err);

/** How a device decodes; never changes results. AUTO: LANES on CPU devices, else GROUP. A device that is no CPU, or whose
 *  compiler does not know the vectors, decodes in the form GROUP or GROUP_FAR whatever else is asked. */
typedef enum qd_ldpc_form {
    QD_LDPC_AUTO = 0,
    QD_LDPC_LANES = 1,     /**< one work-item a frame, the byte lanes of the processor's vectors inside (clang extensions) */
    QD_LDPC_GROUP = 2,     /**< one work-group a frame, one work-item a lifted row (plain OpenCL C 1.2) */
    QD_LDPC_GROUP_FAR = 3, /**< the same with APPs in global memory: taken in place of GROUP where they do not fit into local memory */
    QD_LDPC_LANES_16 = 16, /**< lanes of a given number */
    QD_LDPC_LANES_32 = 32,
    QD_LDPC_LANES_64 = 64
} qd_ldpc_form;

/** GROUP_FAR for GROUP where @p dev has less local memory than the columns of @p c and an int need; else @p form. */
qd_ldpc_form qd_ldpc_form_taken(qd_device *dev, const qd_code *c, qd_ldpc_form form);

/** The same on a device (kernels/ldpc.cl); @p dev NULL: the reference. Device copies are wiped. QD_E_BUILD, QD_E_DEVICE: outputs
 *  undefined. */
qd_status qd_ldpc_run(const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint64_t *frames, const uint64_t *syndrome,
                      uint64_t *bits, uint32_t *iterations, qd_ldpc_form form, qd_device *dev, qd_error *err);

/** Where decoders of frames stand, kept on the device between calls: secret. */
typedef struct qd_ldpc_state qd_ldpc_state;

/** Places for @p frames frames, all of them unknown, of codes of the graph and lifting size of @p longest with no more rows. @p dev NULL:
 *  for the reference; else borrowed until qd_ldpc_close. (cols + edges) 64 words bytes a frame. QD_E_INTERNAL, QD_E_DEVICE: no memory,
 *  *s is NULL. */
qd_status qd_ldpc_open(qd_ldpc_state **s, const qd_code *longest, uint64_t frames, qd_device *dev, qd_error *err);
/** Every frame is unknown again. */
qd_status qd_ldpc_forget(qd_ldpc_state *s, qd_error *err);
/** Wipe and free; NULL is accepted. */
void qd_ldpc_close(qd_ldpc_state *s);

/** As qd_ldpc_run, but frame k is the one at place @p place[k] of @p s: no place twice, each below the state's frames. A place that is
 *  unknown starts; a known one goes on, with a code @p c of no fewer rows than it had and the same frame bits and syndromes as far as they
 *  went. A frame that matches is unknown afterwards. Forms may change between calls. After an error the state is undefined. */
qd_status qd_ldpc_go_on(qd_ldpc_state *s, const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint32_t *place,
                        const uint64_t *frames, const uint64_t *syndrome, uint64_t *bits, uint32_t *iterations, qd_ldpc_form form,
                        qd_error *err);

/** For the reference: a state in host memory. int8 [frames][cols + edges][pitch], APPs by column and position, messages by edge and lifted
 *  row; seen [frames]: rows that a frame has, 0: unknown. */
typedef struct qd_ldpc_kept {
    uint32_t cols, edges, pitch;
    int8_t *at;
    uint32_t *seen;
} qd_ldpc_kept;

/** qd_ldpc_ref on frames with a state. */
qd_status qd_ldpc_go_on_ref(qd_ldpc_kept *kept, const qd_code *c, const qd_ldpc_rule *rule, uint64_t n, const uint32_t *place,
                            const uint64_t *frames, const uint64_t *syndrome, uint64_t *bits, uint32_t *iterations, qd_error *err);

#endif
