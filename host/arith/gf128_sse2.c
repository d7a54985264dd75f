/* SPDX-License-Identifier: Apache-2.0 */
/* GF(2^128) without carry-less multiply, by vectors of 128 bits. The multiplication is named: gcc makes three of what plain C says. */
#include "arith/gf128.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <emmintrin.h>
#define LANES 2
#define TARGET
#define MUL32(a, b) ((V)_mm_mul_epu32((__m128i)(a), (__m128i)(b)))
#include "arith/gf128_lanes.h"

qd_gf128_horner *qd_gf128_horner_sse2(void) { return horner; }
#else
qd_gf128_horner *qd_gf128_horner_sse2(void) { return NULL; }
#endif
