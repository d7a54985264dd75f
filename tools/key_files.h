/* SPDX-License-Identifier: Apache-2.0 */
/** @file key_files.h  Strings of the key stages from qcrypto's files: options that reconcile and amplify share. */
#ifndef QD_TOOLS_KEY_FILES_H
#define QD_TOOLS_KEY_FILES_H

#include "cli.h"
#include "qdistill/qcrypto.h"

typedef struct qd_key_files {
    const char *in_format, *epochs, *basis; /**< as given; NULL: not */
    bool t3;                                /**< in_format */
    qd_t3_choice choice;
} qd_key_files;

/* clang-format off */
/** Rows of a table of options. */
#define QD_KEY_FILES_OPTS(k)                                                                                                                 \
    {"in-format", QD_OPT_TEXT, &(k).in_format, 0, 0, "bits|t3", "what is read: bit files (default), or qcrypto's T3 files, one or a directory", NULL}, \
    {"epochs", QD_OPT_TEXT, &(k).epochs, 0, 0, "FIRST[+N]", "t3: only N epochs from FIRST (0x... or 8 hexadecimal digits) on", NULL},          \
    {"basis", QD_OPT_TEXT, &(k).basis, 0, 0, "z|x", "t3: only bits of one basis, as --t2 and --t4 tell it", NULL},                            \
    {"t2", QD_OPT_TEXT, &(k).choice.t2, 0, 0, "DIR", "t3: the T2 files of the same epochs", NULL},                                            \
    {"t4", QD_OPT_TEXT, &(k).choice.t4, 0, 0, "DIR", "t3: the T4 files of the same epochs", NULL}
/* clang-format on */

/** What the options mean. QD_E_USAGE: they contradict each other. @p epochs_alone: --epochs has a use without T3 files. */
qd_status qd_key_files_check(qd_key_files *k, const char *verb, bool epochs_alone, qd_error *err);
/** {"first":"0000abcd","n":3,"files":3,"unix_epochs":false} */
json_t *qd_key_files_json(const qd_t3_key *key);

#endif
