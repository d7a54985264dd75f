/* SPDX-License-Identifier: Apache-2.0 */
/** @file qcrypto.h  Modes that fill the place of another program: same options, same output. argv[0] is not looked at; the exit
 * status is returned. */
#ifndef QD_TOOLS_QCRYPTO_H
#define QD_TOOLS_QCRYPTO_H

#include <stdbool.h>

int qd_qcrypto_pfind(int argc, char **argv);
int qd_qcrypto_fpfind(int argc, char **argv);
int qd_qcrypto_costream(int argc, char **argv);
int qd_qcrypto_splicer(int argc, char **argv);

/** The mode that @p argv asks for by --qcrypto, --fpfind or --splicer; *status is its exit status. false: none of the verb's. */
bool qd_qcrypto_mode(int argc, char **argv, int *status);
/** The mode that the program's own name asks for: a link named pfind, fpfind, costream or splicer. */
bool qd_qcrypto_name(int argc, char **argv, int *status);

#endif
