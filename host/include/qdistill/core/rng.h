/* SPDX-License-Identifier: Apache-2.0 */
/** @file rng.h  The counter generator: Philox4x32-10 of Random123 (Salmon, Moraes, Dror, Shaw, SC11), one source for host and device.
 *
 *  A draw is philox4x32-10(counter = {entity low, entity high, draw, stream}, key = {seed low, seed high}): it depends on what is
 *  drawn for, never on who draws it. */
#ifndef QDISTILL_CORE_RNG_H
#define QDISTILL_CORE_RNG_H

#include <stddef.h>
#include <stdint.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Stream ids. Append only; a number is never reused: it is part of what makes a run repeatable. */
typedef enum qd_stream {
    QD_STREAM_TEST = 1,          /**< inputs of fixed-seed cases */
    QD_STREAM_PAIR_BOTH = 2,     /**< link: emissions detected by both sides, gaps */
    QD_STREAM_PAIR_A = 3,        /**< link: emissions only A detects, gaps */
    QD_STREAM_PAIR_B = 4,        /**< link: emissions only B detects, gaps */
    QD_STREAM_OUTCOME = 5,       /**< link: bases, bits, errors, attack */
    QD_STREAM_JITTER_A = 6,
    QD_STREAM_JITTER_B = 7,
    QD_STREAM_DARK_A = 8,
    QD_STREAM_DARK_B = 9,
    QD_STREAM_MULTI_ALICE = 16,  /**< multi-click choices of a station (rehearsal) */
    QD_STREAM_MULTI_BOB = 17,
    QD_STREAM_SAMPLE = 18,       /**< sample positions of the first block (rehearsal) */
    QD_STREAM_PRIVATE = 19,      /**< Alice's private bits in punctured columns (rehearsal) */
    QD_STREAM_VERIFY = 20,       /**< key of the verification hash (rehearsal) */
    QD_STREAM_HASH_SEED = 21,    /**< seed of privacy amplification (rehearsal) */
    QD_STREAM_FLIP = 22,         /**< simulated errors of studies and tests */
    QD_STREAM_ROUND = 24,        /**< clock search: rounding of bins */
    QD_STREAM_TWO_STATIONS = 25, /**< events of two stations for studies of the clock search; entity: which events, draw: gap by gap */
    QD_STREAM_STUDY = 26,        /**< what a study draws for a run: entity point << 32 | run */
    QD_STREAM_CASCADE = 27,      /**< permutations of Cascade; entity: frame << 32 | pass */
    QD_STREAM_CODE = 28,         /**< matrices of large-block codes; entity: attempt */
    QD_STREAM_PLANT = 29,        /**< errors that a study plants behind correction; entity: string */
    QD_STREAM_AUTH = 23          /**< authentication: key and pads of a rehearsal's secret (entity: 16 bytes each), nonces (2^63 + message) */
} qd_stream;

/** One draw: four 32-bit words, each uniform. Pinned by the known answers Random123 publishes. */
void qd_philox(uint64_t seed, uint32_t stream, uint64_t entity, uint32_t draw, uint32_t out[4]);
/** @p count draws, the first of number @p draw (modulo 2^32), the same as that many calls: several at once where the processor can.
 *  @p out 4 @p count words */
void qd_philox_row(uint64_t seed, uint32_t stream, uint64_t entity, uint32_t draw, size_t count, uint32_t *out);

/** Where a machine takes its private randomness from: the operating system (rehearsal = 0) or (seed, stream, entity). */
typedef struct qd_random {
    int rehearsal;
    uint64_t seed;
    uint32_t stream;
    uint64_t entity; /**< e.g. block number * 2 + basis */
    uint32_t draw;   /**< next draw; advanced by qd_random_bytes */
} qd_random;

/** Fill @p p with @p bytes bytes and advance. Rehearsal: draws in order, words little-endian; the rest of a last draw is discarded. */
void qd_random_bytes(qd_random *r, void *p, size_t bytes);
/** Uniform integer in [0, n), n >= 1, by rejection. */
uint64_t qd_random_below(qd_random *r, uint64_t n);

#ifdef __cplusplus
}
#endif
#endif
