/* SPDX-License-Identifier: Apache-2.0 */
/* The reference of the field: a product bit by bit. That of the product is qd_middle_ref. */
#include "arith/afft.h"

uint64_t qd_gf64_mul_ref(uint64_t a, uint64_t b) {
    uint64_t sum = 0;
    for (; b; b >>= 1) {
        if (b & 1) sum ^= a;
        a = a << 1 ^ (a >> 63 ? 0x1b : 0); /* z^64 = z^4 + z^3 + z + 1 */
    }
    return sum;
}
