/* SPDX-License-Identifier: Apache-2.0 */
/** @file recordings.h  What verbs that read recordings say of them beside their results. */
#ifndef QD_TOOLS_RECORDINGS_H
#define QD_TOOLS_RECORDINGS_H

#include "cli.h"

/** One line on standard error of what @p found, a list of texts as of qd_tag_found_json, tells of a file, and the command that tells more.
 *  None where that is empty, NULL or null, or with -q. */
void qd_recordings_tell(const qd_cli *cli, const char *file, const char *format, const json_t *found);

#endif
