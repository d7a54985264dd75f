/* SPDX-License-Identifier: Apache-2.0 */
/** @file c_afft.h  Middle products over GF(2) in tuned C, for the loops of `afft` and `toeplitz`: the method of arith/afft_cl.h, depth first so that
 *  blocks stay in cache, with carry-less multiply where this processor has it. */
#ifndef QD_BENCH_C_AFFT_H
#define QD_BENCH_C_AFFT_H

#include "qdistill/core.h"

/** True when this build multiplies by carry-less multiply instructions; else the loop is slow. */
bool qd_c_afft_is_fast(void);

/** y_i = sum over j < key_bits of window[i + key_bits - 1 - j] key[j] for i < rows: bits in 64-bit words, window of rows + key_bits - 1 bits with no
 *  ones after them, of which at most 2^28; @p y has whole words and is overwritten. QD_E_INTERNAL: no memory. */
qd_status qd_c_afft_middle(const uint64_t *window, const uint64_t *key, uint64_t key_bits, uint64_t *y, uint64_t rows, unsigned threads, qd_error *err);

#endif
