/* SPDX-License-Identifier: Apache-2.0 */
/* The verification hash from its definition, bit by bit. */
#include <string.h>
#include "qdistill/arith.h"

qd_gf128 qd_gf128_mul_ref(qd_gf128 a, qd_gf128 b) {
    qd_gf128 sum = {{0, 0}};
    for (int i = 0; i < 128; i++) {
        if (b.w[i / 64] >> (i % 64) & 1) sum.w[0] ^= a.w[0], sum.w[1] ^= a.w[1];
        uint64_t carry = a.w[1] >> 63; /* a <- a z */
        a.w[1] = a.w[1] << 1 | a.w[0] >> 63;
        a.w[0] = a.w[0] << 1 ^ (carry ? 0x87 : 0); /* z^128 = z^7 + z^2 + z + 1 */
    }
    return sum;
}

qd_status qd_gf128_hash_ref(const qd_bits *m, const uint8_t key[16], unsigned t, uint8_t tag[16], qd_error *err) {
    qd_gf128 k = {{0, 0}}, sum = {{0, 0}};
    memset(tag, 0, 16);
    if (t < 1 || t > 128) return qd_fail(err, QD_E_USAGE, "verification hash|a tag of %u bits||tags have 1 to 128 bits", t);
    for (int i = 0; i < 128; i++) k.w[i / 64] |= (uint64_t)(key[i / 8] >> i % 8 & 1) << i % 64;
    qd_gf128 power = k;
    uint64_t blocks = m->n / 128 + (m->n % 128 != 0);
    for (uint64_t i = 0; i <= blocks; i++) {
        qd_gf128 block = {{0, 0}};
        if (i == blocks) block.w[0] = m->n;
        for (uint64_t bit = 128 * i; i < blocks && bit < 128 * (i + 1) && bit < m->n; bit++)
            block.w[bit % 128 / 64] |= (uint64_t)qd_bits_get(m, bit) << (bit % 64);
        qd_gf128 term = qd_gf128_mul_ref(block, power);
        sum.w[0] ^= term.w[0];
        sum.w[1] ^= term.w[1];
        power = qd_gf128_mul_ref(power, k);
    }
    for (unsigned i = 0; i < t; i++) tag[i / 8] |= (uint8_t)((sum.w[i / 64] >> i % 64 & 1) << i % 8);
    return QD_OK;
}
