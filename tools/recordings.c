/* SPDX-License-Identifier: Apache-2.0 */
#include "recordings.h"

#include <stdio.h>

void qd_recordings_tell(const qd_cli *cli, const char *file, const char *format, const json_t *found) {
    char word[2][QD_ERROR_PART];
    const json_t *text;
    size_t k;
    if (cli->quiet || json_array_size(found) == 0) return;
    fprintf(stderr, "qdistill %s: warning: %s: ", cli->verb, file);
    json_array_foreach((json_t *)(uintptr_t)found, k, text) fprintf(stderr, "%s%s", k ? "; " : "", json_string_value(text));
    fprintf(stderr, "; see qdistill tags info %s --format %s\n", qd_cli_quoted(file, word[0], sizeof word[0]),
            qd_cli_quoted(format, word[1], sizeof word[1]));
}
