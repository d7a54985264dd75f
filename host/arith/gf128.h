/* SPDX-License-Identifier: Apache-2.0 */
/** @file gf128.h  The two ways of multiplying in GF(2^128), for tests that compare them. */
#ifndef QD_ARITH_GF128_H
#define QD_ARITH_GF128_H

#include "qdistill/arith.h"

/** h <- (h + block) x for the blocks from the last to the first; block i is words 2i and 2i+1. */
typedef qd_gf128 qd_gf128_horner(qd_gf128 h, const uint64_t *words, uint64_t blocks, qd_gf128 x);

qd_gf128_horner qd_gf128_horner_portable;
/** By carry-less multiply instructions; NULL where the processor has none. */
qd_gf128_horner *qd_gf128_horner_clmul(void);

#endif
