/* SPDX-License-Identifier: Apache-2.0 */
/** @file syndrome.h  Syndromes of a batch of frames: s = H x over GF(2), Slepian-Wolf (Wyner 1974; Liveris, Xiong, Georghiades
 *  2002). */
#ifndef QD_RECONCILE_SYNDROME_H
#define QD_RECONCILE_SYNDROME_H

#include "reconcile/code.h"

/** @param frames   in  uint64 [n][cols][words], layout of code.h
 *  @param syndrome out uint64 [n][rows][words]; bits past a row's length zero. Lifted row r of block row i is the xor over its
 *  edges
 *                  (block column j) of bit (r + shift) mod Z of block column j (shift: code.h).
 *  The reference cannot fail. */
void qd_syndrome_ref(const qd_code *c, uint64_t n, const uint64_t *frames, uint64_t *syndrome);

/** How a device does it; never changes results. AUTO: FRAMES on CPU devices, else ROWS. */
typedef enum qd_syndrome_form {
    QD_SYNDROME_AUTO = 0,
    QD_SYNDROME_FRAMES = 1, /**< a work-item a frame */
    QD_SYNDROME_ROWS = 2,   /**< a work-item a block row of a frame */
    QD_SYNDROME_FORMS
} qd_syndrome_form;

/** The same on a device (kernels/syndrome.cl), bit for bit; @p dev NULL: the reference. Device copies are wiped. QD_E_BUILD,
 *  QD_E_DEVICE: output undefined. */
qd_status qd_syndrome_run(const qd_code *c, qd_syndrome_form form, uint64_t n, const uint64_t *frames, uint64_t *syndrome,
                          qd_device *dev, qd_error *err);

#endif
