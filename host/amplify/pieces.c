/* SPDX-License-Identifier: Apache-2.0 */
#include "amplify/pieces.h"

#include <string.h>

/* Bits at .. at+63 of b, zeros where there are none. */
static uint64_t word_at(const qd_bits *b, int64_t at) {
    if (at <= -64 || at >= (int64_t)b->n) return 0;
    if (at < 0) return b->w[0] << -at;
    uint64_t i = (uint64_t)at / 64, shift = (uint64_t)at % 64, w = b->w[i] >> shift;
    if (shift && i + 1 < qd_bits_words(b->n)) w |= b->w[i + 1] << (64 - shift);
    return w;
}

/* As qd_piece_cut, from memory. */
static void cut(qd_bits *dst, const qd_bits *src, int64_t from, uint64_t count) {
    uint64_t words = qd_bits_words(dst->n), used = qd_bits_words(count), i = 0;
    const uint64_t before = from < 0 ? (uint64_t)(-from + 63) / 64 : 0; /* words of which the first bits are none */
    for (; i < before && i < count / 64; i++) dst->w[i] = word_at(src, from + (int64_t)(64 * i));
    if (i == before && from + (int64_t)(64 * i) < (int64_t)src->n) { /* whole words */
        uint64_t at = (uint64_t)(from + (int64_t)(64 * i)), shift = at % 64, there = i + src->n / 64 - at / 64, whole = count / 64;
        const uint64_t *w = src->w + at / 64 - i;
        if (shift && there > i) there--;
        if (whole > there) whole = there;
        if (!shift && whole > i) memcpy(dst->w + i, w + i, (size_t)(whole - i) * 8), i = whole;
        for (; i < whole; i++) dst->w[i] = w[i] >> shift | w[i + 1] << (64 - shift);
    }
    for (; i < used; i++) {
        uint64_t left = count - 64 * i, mask = left >= 64 ? UINT64_MAX : ((uint64_t)1 << left) - 1;
        dst->w[i] = word_at(src, from + (int64_t)(64 * i)) & mask;
    }
    memset(dst->w + used, 0, (size_t)(words - used) * 8);
}

qd_status qd_piece_cut(qd_bits *dst, const qd_bit_source *src, int64_t from, uint64_t count, uint64_t *scratch, qd_error *err) {
    qd_bits there = {src->n, (uint64_t *)src->w};
    if (!src->w) {
        int64_t end = from + (int64_t)count, first = from > 0 ? from / 64 : 0;
        if (end > (int64_t)src->n) end = (int64_t)src->n;
        int64_t words = end > 64 * first ? (end + 63) / 64 - first : 0;
        if (words) QD_TRY(src->read(src->self, (uint64_t)first, (uint64_t)words, scratch, err));
        there = (qd_bits){(uint64_t)(words ? end - 64 * first : 0), scratch};
        from -= 64 * first;
    }
    cut(dst, &there, from, count);
    return QD_OK;
}

void qd_piece_add(qd_bits *dst, uint64_t to, const qd_bits *src, uint64_t from, uint64_t count) {
    while (count) {
        uint64_t room = 64 - to % 64, some = count < room ? count : room;
        if (room == 64 && count >= 128) { /* whole words, but for the last, behind which there may be none */
            const uint64_t words = count / 64 - 1, shift = from % 64, *w = src->w + from / 64;
            uint64_t *y = dst->w + to / 64;
            if (shift) for (uint64_t i = 0; i < words; i++) y[i] ^= w[i] >> shift | w[i + 1] << (64 - shift);
            else for (uint64_t i = 0; i < words; i++) y[i] ^= w[i];
            some = 64 * words;
        } else {
            uint64_t mask = some == 64 ? UINT64_MAX : ((uint64_t)1 << some) - 1;
            dst->w[to / 64] ^= (word_at(src, (int64_t)from) & mask) << (to % 64);
        }
        to += some, from += some, count -= some;
    }
}
