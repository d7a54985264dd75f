/* SPDX-License-Identifier: Apache-2.0 */
/** @file tags_report.h  What the verb tags says of a file. */
#ifndef QD_TOOLS_TAGS_REPORT_H
#define QD_TOOLS_TAGS_REPORT_H

#include "cli.h"
#include "qdistill/timetag.h"

/** A file as read, and what was made of it. */
typedef struct tags_report {
    const char *file;
    qd_tag_format format;
    qd_tick tick;
    qd_tag_info info;
    const char *out; /**< convert: path and format; else NULL */
    qd_tag_format out_format;
    qd_tag_written written;
    uint64_t merge_ps, merged;
} tags_report;

void tags_print(FILE *to, const tags_report *r);
/** Warnings go to standard error. */
void tags_warn(const tags_report *r);
void tags_json(json_t *record, const tags_report *r);

#endif
