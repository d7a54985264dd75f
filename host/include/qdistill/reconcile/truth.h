/* SPDX-License-Identifier: Apache-2.0 */
/** @file truth.h  Statistics of error correction: frames of random keys with simulated errors, corrected, and compared with what
 * was sent. Both stations' strings are in one hand here, so nothing of it is used to make key. */
#ifndef QDISTILL_RECONCILE_TRUTH_H
#define QDISTILL_RECONCILE_TRUTH_H

#include <signal.h>
#include "qdistill/reconcile.h"
#include "qdistill/reconcile/cascade.h"
#include "qdistill/reconcile/large.h"
#include "qdistill/reconcile/sparse.h"
#include "qdistill/reconcile/strings.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What became of one frame. */
typedef struct qd_frame_outcome {
    bool solved;        /**< the frame was taken for corrected */
    bool right;         /**< it equals Alice's */
    uint64_t bits;      /**< key bits */
    uint64_t errors;    /**< of them flipped */
    uint64_t code_bits; /**< Alice's code bits: syndrome less private bits, added rows, parities */
    uint64_t charged; /**< all that counts against the key: code bits, or the whole frame where it was revealed; Bob's answers */
    uint64_t rounds;  /**< messages of Bob */
    uint64_t iterations; /**< of the decoder; 0 where a code has none */
} qd_frame_outcome;

/** Sum of x over frames, of x^2, and of x times the frame's errors: mean, deviation, and how it goes with the errors. */
typedef struct qd_frame_sum {
    double sum, squares, by_errors;
} qd_frame_sum;

/** What became of many. */
typedef struct qd_frame_tally {
    uint64_t frames, bits;
    uint64_t failed;     /**< frames not recovered: unsolved or wrong */
    uint64_t undetected; /**< of them solved but wrong: only a verification tag tells */
    qd_frame_sum errors, code_bits, charged, rounds, iterations;
    double updates; /**< edges updated: one for each edge of the lifted rows in use and iteration; 0 where a code has none */
    double decode_seconds; /**< of decoding alone: the kernel, everything resident; on the reference the call */
    bool grows;            /**< a frame has as many bits more as it has code bits more */
    double seconds;        /**< of syndromes or parities, decoding, transfers and comparison, by the wall; not of making frames */
} qd_frame_tally;

/** Add a frame to a tally (the seconds and updates are the caller's). */
void qd_frame_tally_add(qd_frame_tally *t, const qd_frame_outcome *f);
/** Add a tally to another, seconds and all. */
void qd_frame_tally_join(qd_frame_tally *t, const qd_frame_tally *more);

/** Alice's and Bob's strings of a simulated frame: @p n uniform bits, and the same with errors, each bit with probability @p q
 * (as an integer threshold of 2^-32), or @p exact: round(q n) at random places. Both were created with n bits. They follow from
 * seed and frame number alone. Returns the number of errors. */
uint64_t qd_frame_draw_truth(uint64_t seed, uint64_t frame, double q, bool exact, qd_bits *alice, qd_bits *bob);

/** What more is sent of a frame that failed. A block row i >= 4 of a base graph touches its own extension column alone but for
 * the core's. */
typedef enum qd_frames_more {
    QD_MORE_NONE = 0,
    QD_MORE_DROP = 1, /**< further rows without their extension columns: one code bit a row, and the frame stays what it is, (K_b
                         + 2) z bits: the core's. Extension columns are zeros that both know. */
    QD_MORE_GROW = 2, /**< further rows with theirs: each takes one more bit of key into the frame, and one code bit */
    QD_MORE_ADD = 3   /**< as the machines do: the first attempt's rows have their extension columns, further ones have not, so that
                         the frame stays what it is */
} qd_frames_more;

enum { QD_ANEW_ITERATIONS = 50 };

/** Frames of a lifted code: one syndrome each, or rows after rows until the decoder is done. */
typedef struct qd_frames_ask {
    uint32_t code, z; /**< qd_code_id; lifting size */
    double leak; /**< share of a frame to disclose, in the code's range (qd_code_leaks); 0: what the rate's rule takes where qber
                    is known */
    uint32_t c, a;                /**< channel LLR 1..32 and check-node constant 2..15; 0: those that belong to the leak */
    uint32_t max_iterations;      /**< 1..1000, of an attempt that starts anew */
    uint32_t go_on;               /**< 0: every attempt starts anew; else those after the first take the decoder up where it was left, for
                                       1..1000 iterations, and with the constants of the first */
    uint32_t anew; /**< with go_on: of every so many attempts one starts anew, for max_iterations and at least QD_ANEW_ITERATIONS: the
                        decoder of a frame in a thousand has settled on a wrong word, and further rows alone do not move it. 0: none
                        does, but the first */
    qd_frames_more more;          /**< leak is then that of the first attempt */
    uint32_t step;                /**< lifted rows that another attempt adds; with QD_MORE_NONE not read, else >= 1 */
    double qber;                  /**< 0 <= qber <= 1/2 */
    bool exact_errors;            /**< as of qd_frame_draw_truth */
    uint64_t seed, first, frames; /**< frames first..first + frames - 1 of those that belong to the seed */
    qd_strings *strings; /**< takes every frame as it was left; NULL: none does */
} qd_frames_ask;

/** The code that @p ask means, in the first attempt. */
typedef struct qd_frames_code {
    uint32_t m;                      /**< syndrome bits */
    uint32_t frame_bits, frame_leak; /**< key bits of a frame, and of them disclosed */
    uint32_t c, a;
    uint64_t edges; /**< of the lifted rows in use */
} qd_frames_code;

/** QD_E_USAGE: unknown code, not a lifting size, a leak out of range; an exact number of errors in frames that grow. */
qd_status qd_frames_code_of(const qd_frames_ask *ask, qd_frames_code *code, qd_error *err);

/** Draw, encode, decode and compare, and add all of it to @p t. What is counted, but not the seconds, is the same on every device
 * and however frames are cut into calls. A device that had to build its kernels decodes once more, so that the seconds are not of
 * that. QD_E_USAGE as above; QD_E_BUILD, QD_E_DEVICE, QD_E_INTERNAL: @p t is unchanged. */
qd_status qd_frames_truth(const qd_frames_ask *ask, qd_device *dev, qd_frame_tally *t, qd_error *err);

/** Frames of a large-block code: one syndrome each, or one with rows in pairs, of which more and more are told apart until the decoder is
 * done. */
typedef struct qd_large_ask {
    const qd_large_code *code;    /**< borrowed; without pairs */
    uint32_t joined;              /**< pairs of lifted rows joined at first, as of qd_large_joined; 0: one syndrome, once */
    uint32_t tell;                /**< of them told apart where a frame fails, until none is left; at least 1 where there are any */
    qd_large_rule rule;           /**< qd_large_rule_of, or with other constants */
    double qber;                  /**< 0 <= qber <= 1/2 */
    bool exact_errors;            /**< as of qd_frame_draw_truth */
    uint64_t seed, first, frames; /**< frames first..first + frames - 1 of those that belong to the seed */
    qd_strings *strings; /**< takes every frame as it was left; NULL: none does */
    const volatile sig_atomic_t *stop; /**< NULL, or non-zero: end with QD_STOPPED before the next attempt; @p t is as it was */
} qd_large_ask;

/** Draw, make the syndromes, decode and compare, and add all of it to @p t; as qd_frames_truth. */
qd_status qd_large_truth(const qd_large_ask *ask, qd_device *dev, qd_frame_tally *t, qd_error *err);

/** Frames of Cascade. */
typedef struct qd_cascade_ask {
    qd_cascade_plan plan;
    uint64_t together; /**< 1: each frame has the permutations of its own number. More: so many share them, those of their first's number
                          over it, as a string's do between the machines, and go in lock-step, which is several times as fast; up to 2^20,
                          and not with halves rounds */
    double qber;       /**< 0 <= qber <= 1/2 */
    bool exact_errors; /**< as of qd_frame_draw_truth */
    uint64_t seed, first, frames; /**< frames first..first + frames - 1 of those that belong to the seed */
    qd_strings *strings; /**< takes every frame as it was left; NULL: none does */
} qd_cascade_ask;

/** Draw, search and compare, and add all of it to @p t; as qd_frames_truth. Nobody knows that an error is left before the string's tag,
 * so every frame is taken for corrected. Rounds are a frame's own, however long others go on. QD_E_USAGE: not a plan, or not for frames
 * together. */
qd_status qd_cascade_truth(const qd_cascade_ask *ask, qd_device *dev, qd_frame_tally *t, qd_error *err);

/** Frames of an imported code, one syndrome each, decoded in floating point. */
typedef struct qd_sparse_ask {
    const qd_sparse_code *code; /**< borrowed */
    qd_sparse_schedule schedule;
    uint32_t max_iterations; /**< 1..1000 */
    double qber;             /**< 0 <= qber <= 1/2; the decoder knows it */
    bool exact_errors;       /**< as of qd_frame_draw_truth */
    uint64_t seed, first, frames; /**< frames first..first + frames - 1 of those that belong to the seed */
    qd_strings *strings; /**< takes every frame as it was left; NULL: none does */
} qd_sparse_ask;

/** The same on all processors of this process, as many as 4 GiB of decoders allow. A frame comes out the same whatever is decoded beside
 * it. decode_seconds are the wall's, less what the threads spent on all else. QD_E_INTERNAL: no memory; @p t is unchanged. */
qd_status qd_sparse_truth(const qd_sparse_ask *ask, qd_frame_tally *t, qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
