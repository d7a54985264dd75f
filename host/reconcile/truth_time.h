/* SPDX-License-Identifier: Apache-2.0 */
/* What statistics of all codes share: how long a batch takes, and what a frame costs. */
#ifndef QD_RECONCILE_TRUTH_TIME_H
#define QD_RECONCILE_TRUTH_TIME_H

#include "qdistill/reconcile/truth.h"

typedef qd_status qd_truth_step(void *batch, qd_error *err);

/* Kernels' seconds on a device, by the wall on the reference. */
static inline double qd_truth_device_seconds(qd_device *dev) {
    return dev ? qd_device_time_read(dev).kernel_seconds : qd_now();
}

static inline double qd_truth_built(qd_device *dev) {
    return dev ? qd_device_time_read(dev).build_seconds : 0;
}

/* Syndromes and decoding of a batch, their seconds added to @p t. Drivers may compile on until a kernel first runs: what built one is
 * timed once more, if it may be done @p twice. */
static inline qd_status qd_truth_timed(qd_device *dev, bool twice, qd_truth_step *syndromes, qd_truth_step *decode, void *batch,
                                       qd_frame_tally *t, qd_error *err) {
    double before = 0, decoding = 0, all = 0;
    for (int i = 0; i == 0 || (i == 1 && twice && qd_truth_built(dev) > before); i++) {
        double start = qd_now(), decode_start;
        before = qd_truth_built(dev);
        QD_TRY(syndromes(batch, err));
        decode_start = qd_truth_device_seconds(dev);
        QD_TRY(decode(batch, err));
        decoding = qd_truth_device_seconds(dev) - decode_start;
        all = qd_now() - start;
    }
    t->decode_seconds += decoding;
    t->seconds += all;
    return QD_OK;
}

/* A kept frame costs its code bits, one that tags or decoder found wrong all of it; and Bob's yes or no to every attempt. */
static inline uint64_t qd_truth_charge(bool kept, uint64_t code_bits, uint64_t frame_bits, uint64_t attempts) {
    return (kept ? code_bits : frame_bits) + attempts;
}

#endif
