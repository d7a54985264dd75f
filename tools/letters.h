/* SPDX-License-Identifier: Apache-2.0 */
/** @file letters.h  Options by letter, as the programs take them whose places some modes fill. The table is parsed and printed as
 * help, as in cli.h. */
#ifndef QD_TOOLS_LETTERS_H
#define QD_TOOLS_LETTERS_H

#include <stdbool.h>
#include <stdint.h>
#include "cli.h"

typedef enum qd_letter_kind {
    QD_LETTER_FLAG,    /**< bool */
    QD_LETTER_TEXT,    /**< const char * */
    QD_LETTER_INT,     /**< int64_t, min..max; a fraction behind it is cut off (Python's floats) */
    QD_LETTER_EPOCH,   /**< uint32_t: 0x and hexadecimal, or decimal */
    QD_LETTER_REAL,    /**< double, min..max */
    QD_LETTER_IGNORED, /**< taken (with a value where arg is not NULL) and without effect */
    QD_LETTER_REFUSED  /**< known, and not to be had here; help says why */
} qd_letter_kind;

/** One option. A table ends with letter and name 0. */
typedef struct qd_letter {
    char letter;      /**< 0: a long option only */
    const char *name; /**< long name without dashes, or NULL */
    qd_letter_kind kind;
    void *target;
    double min, max; /**< inclusive; both 0: any */
    const char *arg; /**< name of the value; NULL: none */
    const char *help;
    bool *given; /**< may be NULL */
} qd_letter;

/** A mode for its help and errors. */
typedef struct qd_mode {
    const char *name;     /**< "sync --qcrypto" */
    const char *synopsis; /**< behind the name */
    const char *about;    /**< lines, each with its newline */
} qd_mode;

/** Parse argv from 1 on. As getopt does, letters may stand together ("-kK"), a value may follow its letter at once; blanks and
 * further dashes between letters, blanks before a value and empty arguments are passed over, because scripts hand on "-k -K" or
 * "" as one argument. --help prints and sets *help. QD_E_USAGE: unknown option, no or a bad value, an argument that is no option.
 */
qd_status qd_letters_parse(const qd_mode *mode, const qd_letter *letters, int argc, char **argv, bool *help, qd_error *err);
/** Exit status of a mode that ended so; an error is printed. */
int qd_mode_end(const qd_cli *cli, qd_status st, const qd_error *err);
/** All that was printed is out, or QD_E_INPUT: standard output is closed or full. */
qd_status qd_mode_flush(qd_error *err);
/** A line on standard error under the mode's name; @p mode is a qd_mode, for callbacks. */
void qd_mode_note(void *mode, const char *text);

#endif
