/* SPDX-License-Identifier: Apache-2.0 */
/** @file limits.h  Ranges of what verbs, jobs and scenarios take alike. Each expands to "least, greatest", ends included. */
#ifndef QDISTILL_CORE_LIMITS_H
#define QDISTILL_CORE_LIMITS_H

/** Clock search: offsets and frequencies either way. @{ */
#define QD_RANGE_MAX_OFFSET_S 1e-9, 10
#define QD_RANGE_MAX_PPM 1e-6, 200
/** @} */
/** Frequency of one clock against the other. */
#define QD_RANGE_FREQUENCY_PPM -200, 200
/** What is known of an offset, and the accepted probability of a false lock. @{ */
#define QD_RANGE_OFFSET_S -1e6, 1e6
#define QD_RANGE_P_FALSE 1e-100, 0.01
/** @} */

/** Full width of the coincidence window, declared dead time, unit of announced times; all far beyond what a detector does. @{ */
#define QD_RANGE_WINDOW_PS 1, 1000000
#define QD_RANGE_DEAD_PS 0, 1000000000
#define QD_RANGE_ANNOUNCE_PS 1, 100000
/** @} */

/** Secrecy of a key block: below 1e-100 its square vanishes among doubles; a tenth promises next to nothing. */
#define QD_RANGE_EPS_SEC 1e-100, 0.1
/** Correctness of a key block: the 128 bits of a verification tag reach 1e-30 for strings of 2^33 bits. */
#define QD_RANGE_EPS_COR 1e-30, 0.1
/** All key blocks of a job together. */
#define QD_RANGE_EPS_TOTAL 1e-100, 1

/** Rounds of added rows of a string: QD_ADD_ROUNDS of them are a message's most. */
#define QD_RANGE_ROUNDS 0, 32
enum {
    QD_ROUNDS_DEFAULT = 8, /**< with 16 f is .01 lower at most, with 4 .01 to .03 higher (the plan's, 1 to 5 % and 1.2e6 bits) */
    QD_ROUNDS_BLIND = 20   /**< a blind start goes through rates that differ by a factor of 50 */
};

/** Seeds of rehearsals: records hold them as signed integers. */
#define QD_SEED_MAX INT64_MAX

#endif
