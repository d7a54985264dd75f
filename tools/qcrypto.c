/* SPDX-License-Identifier: Apache-2.0 */
/* Which mode stands in for another program. */
#include "qcrypto.h"

#include <string.h>

typedef struct mode {
    const char *verb, *option, *program;
    int (*run)(int argc, char **argv);
} mode;

static const mode modes[] = {{"sync", "--qcrypto", "pfind", qd_qcrypto_pfind},
                             {"sync", "--fpfind", "fpfind", qd_qcrypto_fpfind},
                             {"sift", "--qcrypto", "costream", qd_qcrypto_costream},
                             {"sift", "--splicer", "splicer", qd_qcrypto_splicer}};
enum { MODES = sizeof modes / sizeof *modes };

bool qd_qcrypto_mode(int argc, char **argv, int *status) {
    for (int m = 0; m < MODES; m++)
        for (int i = 1; i < argc && strcmp(modes[m].verb, argv[0]) == 0; i++)
            if (strcmp(argv[i], modes[m].option) == 0) {
                *status = modes[m].run(argc, argv);
                return true;
            }
    return false;
}

bool qd_qcrypto_name(int argc, char **argv, int *status) {
    const char *slash = argc ? strrchr(argv[0], '/') : NULL, *name = slash ? slash + 1 : argc ? argv[0] : "";
    for (int m = 0; m < MODES; m++)
        if (strcmp(name, modes[m].program) == 0) {
            *status = modes[m].run(argc, argv);
            return true;
        }
    return false;
}
