/* SPDX-License-Identifier: Apache-2.0 */
/** @file ticks.h  Changes of unit between rational ticks, exact. Private to the room. */
#ifndef QD_TIMETAG_TICKS_H
#define QD_TIMETAG_TICKS_H

#include "qdistill/core.h"

/** floor(x / y) for y > 0. */
static inline __int128 qd_floor_div(__int128 x, __int128 y) {
    __int128 q = x / y;
    return q - (x % y < 0);
}

/** num 2^bits / den to the nearest integer, by long division, den > 0 and below 2^126: the product itself would not fit. */
static inline int64_t qd_shifted_quotient(__int128 num, unsigned bits, __int128 den) {
    __int128 q = qd_floor_div(num, den), r = num - q * den;
    for (unsigned i = 0; i < bits; i++) {
        r *= 2;
        q = 2 * q + (r >= den);
        if (r >= den) r -= den;
    }
    return (int64_t)(q + (2 * r >= den));
}

/** floor(t from / to), both ticks in picoseconds. */
static inline int64_t qd_ticks_floor(int64_t t, qd_tick from, qd_tick to) {
    if (from.num == to.num && from.den == to.den) return t;
    return (int64_t)qd_floor_div((__int128)t * (__int128)(from.num * to.den), (__int128)(from.den * to.num));
}

#endif
