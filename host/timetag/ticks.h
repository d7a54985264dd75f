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

/** floor(t from / to), both ticks in picoseconds. */
static inline int64_t qd_ticks_floor(int64_t t, qd_tick from, qd_tick to) {
    if (from.num == to.num && from.den == to.den) return t;
    return (int64_t)qd_floor_div((__int128)t * (__int128)(from.num * to.den), (__int128)(from.den * to.num));
}

#endif
