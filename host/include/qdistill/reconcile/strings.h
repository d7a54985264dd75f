/* SPDX-License-Identifier: Apache-2.0 */
/** @file strings.h  Statistics of verification: simulated frames, as correction left them, make up key strings, which get the tag that
 * the machines give theirs; it must tell every string in which an error is left. Both stations' strings are in one hand here, so
 * nothing of it is used to make key. */
#ifndef QDISTILL_RECONCILE_STRINGS_H
#define QDISTILL_RECONCILE_STRINGS_H

#include <stdint.h>
#include "qdistill/core.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { QD_STRINGS_FRAMES = 1 << 16 /**< of a string */ };

/** String s is frames s * each .. (s + 1) * each - 1 of those that belong to the seed, so that it does not depend on what is decoded
 * beside it. */
typedef struct qd_strings_ask {
    uint64_t each;   /**< frames of a string, 1..QD_STRINGS_FRAMES */
    double eps_cor;  /**< 0 < eps_cor < 1: a tag has as many bits as the machines take for it and the string's length */
    uint64_t seed;   /**< hash keys and planted errors follow from it and the strings' numbers */
    uint64_t first;  /**< a multiple of each */
    uint64_t frames; /**< frames first..first + frames - 1; the last string may be shorter */
} qd_strings_ask;

/** What is planted behind correction in a string that is right. */
typedef enum qd_planted {
    QD_PLANTED_BIT,    /**< one bit is turned */
    QD_PLANTED_BITS,   /**< 2 to 8 bits are */
    QD_PLANTED_FRAMES, /**< two frames change places */
    QD_PLANTED_KINDS
} qd_planted;

/** What was found. */
typedef struct qd_verified {
    uint64_t strings;  /**< that got a tag: all but those in which no frame was taken for corrected */
    uint64_t wrong;    /**< of them with an error left in a frame that was taken for corrected */
    uint64_t caught;   /**< of these, tags that differ */
    uint64_t refused;  /**< strings that are right, and yet their tags differ: of a sound hash none */
    uint64_t tag_bits; /**< of the longest tag */
    uint64_t planted[QD_PLANTED_KINDS], planted_caught[QD_PLANTED_KINDS]; /**< in strings that are right, one error each */
} qd_verified;

/** Add @p more to @p v. */
void qd_verified_join(qd_verified *v, const qd_verified *more);

/** Frames that wait for their string's tag. */
typedef struct qd_strings qd_strings;

/** QD_E_USAGE: a figure out of range. QD_E_INTERNAL: no memory. */
qd_status qd_strings_create(const qd_strings_ask *ask, qd_strings **out, qd_error *err);
/** NULL is accepted. */
void qd_strings_destroy(qd_strings *s);

/** A frame of the ask, each once, in any order, different ones by any threads.
 *  @param frame     its number among those of the seed
 *  @param bits      its key bits
 *  @param alice     her bits, as those of qd_bits; past the end may stand anything
 *  @param corrected Bob's likewise; NULL: the frame was not taken for corrected. Alice reveals it, and then both have it.
 *  Where there is no memory, qd_strings_verify_truth says so. */
void qd_strings_take_truth(qd_strings *s, uint64_t frame, uint64_t bits, const uint64_t *alice, const uint64_t *corrected);

/** Once every frame was taken: tag Alice's and Bob's strings, compare, plant an error in each string that is right, and tag that too;
 * all of it is added to @p v. QD_E_USAGE: a string so long has no tag for eps_cor. QD_E_INTERNAL: no memory, or a frame is missing.
 * @p v is then unchanged. */
qd_status qd_strings_verify_truth(const qd_strings *s, qd_verified *v, qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
