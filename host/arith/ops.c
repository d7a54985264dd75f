/* SPDX-License-Identifier: Apache-2.0 */
#include "arith/afft.h"
#include "arith/ntt.h"
#include "arith/polyhash.h"
#include "arith/sliced.h"

const qd_op *const qd_arith_ops[] = {&qd_ntt_op, &qd_afft_op, &qd_sliced_op, &qd_polyhash_op, NULL};
