/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "cli.h"
#include "verbs.h"

int qd_cmd_estimate(int argc, char **argv) {
    (void)argc;
    fprintf(stderr, "qdistill %s: not in this build\n", argv[0]);
    return 1;
}
