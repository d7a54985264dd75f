/* SPDX-License-Identifier: Apache-2.0 */
/* The reference of the field: a product down the tower. That of the middle product is qd_middle_ref. */
#include "arith/sliced.h"

/* In the field of @p bits bits: (a0 + a1 X)(b0 + b1 X) with X^2 = X + b. */
static uint32_t product(uint32_t a, uint32_t b, unsigned bits) {
    if (bits == 1) return a & b;
    unsigned half = bits / 2;
    uint32_t mask = ((uint32_t)1 << half) - 1, all_x = (uint32_t)1 << (half - 1); /* the product of all earlier X has the last bit */
    uint32_t a0 = a & mask, a1 = a >> half, b0 = b & mask, b1 = b >> half;
    uint32_t x2 = product(a1, b1, half);
    uint32_t low = product(a0, b0, half) ^ product(x2, all_x, half);
    uint32_t high = product(a0, b1, half) ^ product(a1, b0, half) ^ x2;
    return low | high << half;
}
uint32_t qd_gf32_mul_ref(uint32_t a, uint32_t b) { return product(a, b, 32); }
