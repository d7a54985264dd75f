/* SPDX-License-Identifier: Apache-2.0 */
/* GF(2^128) without carry-less multiply, as C says it. */
#define LANES 2
#define TARGET
#define MUL32(a, b) (((a) & 0xffffffffu) * ((b) & 0xffffffffu))
#include "arith/gf128_lanes.h"

qd_gf128 qd_gf128_horner_plain(qd_gf128 h, const uint64_t *words, uint64_t blocks, qd_gf128 x) {
    return horner(h, words, blocks, x);
}
