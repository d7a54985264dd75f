/* SPDX-License-Identifier: Apache-2.0 */
/* Seeds of privacy amplification: n-1 fresh bits for each string, announced after the block's last detection, never one twice. */
#include <stdlib.h>
#include <string.h>
#include "station.h"

/* Compared are the first bits, so that a fixed seed is known in every length. Two honest ones agree in them with a probability of 2^-128; no
 * key comes of strings as short. */
enum { COMPARED_BITS = 128, COMPARED_WORDS = COMPARED_BITS / 64 };

/* Note a seed; *again: it served before. */
static qd_status note(qd_station *s, const qd_bits *seed, bool *again, qd_error *err) {
    *again = false;
    if (seed->n < COMPARED_BITS) return QD_OK;
    for (size_t i = 0; i < s->n_seeds; i++) *again |= memcmp(s->seeds[i], seed->w, sizeof *s->seeds) == 0;
    if (*again) return QD_OK;
    uint64_t(*grown)[COMPARED_WORDS] = realloc(s->seeds, (s->n_seeds + 1) * sizeof *grown);
    if (!grown) return qd_fail(err, QD_E_INTERNAL, "no memory for a hash seed");
    memcpy(grown[s->n_seeds++], seed->w, sizeof *grown);
    s->seeds = grown;
    return QD_OK;
}

qd_status qd_station_draw_seed(qd_station *s, int basis, qd_bits *seed, qd_error *err) {
    bool again = false;
    uint64_t n = qd_toeplitz_seed_bits(QD_HASH_MODIFIED_TOEPLITZ, s->str[basis].n, s->cur.ell[basis]);
    qd_random r = qd_station_random(s, QD_STREAM_HASH_SEED, basis);
    QD_TRY(qd_bits_create(seed, n, err));
    qd_random_bytes(&r, seed->w, qd_bits_words(n) * sizeof(uint64_t));
    if (n % 64) seed->w[n / 64] &= ((uint64_t)1 << (n % 64)) - 1;
    QD_TRY(note(s, seed, &again, err));
    if (!again) return QD_OK;
    return qd_fail(err, QD_E_INTERNAL,
                   "the seed of privacy amplification of block %u was drawn before||the operating system's randomness repeats itself, and then no "
                   "key is secret|do not use the keys of this machine until that is understood",
                   s->block);
}

qd_status qd_station_take_seed(qd_station *s, const qd_msg *in, const qd_bits *seed, qd_error *err) {
    bool again = false;
    QD_TRY(note(s, seed, &again, err));
    return again ? qd_wire_bad(in, "a hash seed that served before: its hash was known while these signals were sent", err) : QD_OK;
}
