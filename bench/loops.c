/* SPDX-License-Identifier: Apache-2.0 */
#include "loops.h"

extern const qd_loop qd_loop_afft;
extern const qd_loop qd_loop_cascade_prefix;
extern const qd_loop qd_loop_coincide;
extern const qd_loop qd_loop_large;
extern const qd_loop qd_loop_ldpc;
extern const qd_loop qd_loop_lines;
extern const qd_loop qd_loop_ntt;
extern const qd_loop qd_loop_polyhash;
extern const qd_loop qd_loop_sift;
extern const qd_loop qd_loop_simulate;
extern const qd_loop qd_loop_sliced;
extern const qd_loop qd_loop_syndrome;
extern const qd_loop qd_loop_toeplitz;

const qd_loop *const qd_loops[] = {
    &qd_loop_afft,
    &qd_loop_cascade_prefix,
    &qd_loop_coincide,
    &qd_loop_large,
    &qd_loop_ldpc,
    &qd_loop_lines,
    &qd_loop_ntt,
    &qd_loop_polyhash,
    &qd_loop_sift,
    &qd_loop_simulate,
    &qd_loop_sliced,
    &qd_loop_syndrome,
    &qd_loop_toeplitz,
    NULL, /* last */
};
