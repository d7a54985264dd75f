/* SPDX-License-Identifier: Apache-2.0 */
/* GF(2^128) without carry-less multiply, by vectors of 256 bits. */
#include "arith/gf128.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define LANES 4
#define TARGET __attribute__((target("avx2")))
#define MUL32(a, b) ((V)_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#include "arith/gf128_lanes.h"

qd_gf128_horner *qd_gf128_horner_avx2(void) { return __builtin_cpu_supports("avx2") ? horner : NULL; }
#else
qd_gf128_horner *qd_gf128_horner_avx2(void) { return NULL; }
#endif
