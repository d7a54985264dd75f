/* SPDX-License-Identifier: Apache-2.0 */
/** @file pieces.h  Pieces of bit strings, at any position. */
#ifndef QD_AMPLIFY_PIECES_H
#define QD_AMPLIFY_PIECES_H

#include "qdistill/core.h"

/** Words that qd_piece_cut wants for a piece of @p bits that is read from elsewhere. */
static inline uint64_t qd_piece_scratch(uint64_t bits) { return qd_bits_words(bits) + 1; }

/** @p dst = bits from .. from+count-1 of @p src, zeros where it has none, then zeros to its end; count <= dst->n. @p scratch: qd_piece_scratch(count)
 *  words, used when @p src is not in memory. Errors of the source. */
qd_status qd_piece_cut(qd_bits *dst, const qd_bit_source *src, int64_t from, uint64_t count, uint64_t *scratch, qd_error *err);

/** dst[to .. to+count-1] ^= src[from .. from+count-1], all of them within. */
void qd_piece_add(qd_bits *dst, uint64_t to, const qd_bits *src, uint64_t from, uint64_t count);

#endif
