/* SPDX-License-Identifier: Apache-2.0 */
/** @file tags_cor.h  Statistics of a key file: bits, not tags. */
#ifndef QD_TOOLS_TAGS_COR_H
#define QD_TOOLS_TAGS_COR_H

#include "cli.h"

/** What the bits of a file look like. */
typedef struct cor_stats {
    uint64_t bytes, ones;
    double share, sd;     /**< of ones; standard deviation that a hash output of this length has */
    double chi2, chi2_sd; /**< of the 256 byte values, and how many standard deviations it is from its mean of 255 */
    bool hashed;          /**< both within 5 standard deviations: nothing speaks against the output of a hash */
} cor_stats;

/** Read the file, streamed. QD_E_INPUT: missing, unreadable, empty. */
qd_status cor_read(const char *path, cor_stats *s, qd_error *err);
void cor_print(FILE *to, const char *path, const cor_stats *s);
/** A warning to standard error, when it is due. */
void cor_warn(const char *path, const cor_stats *s);
void cor_json(json_t *record, const char *path, const cor_stats *s);

#endif
