/* SPDX-License-Identifier: Apache-2.0 */
/** @file cli.h  What the verbs share: one option table that is parsed and printed as help, and the final record. */
#ifndef QD_TOOLS_CLI_H
#define QD_TOOLS_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "qdistill/compute.h"
#include "qdistill/core.h"
#include "qdistill/core/json.h"
#include "qdistill/core/limits.h"
#include "qdistill/core/progress.h"

/** Options that every verb has. */
typedef struct qd_cli {
    const char *verb;
    const char *device; /**< --device or QD_DEVICE; NULL: auto */
    bool device_given;  /**< it stands on the command line */
    bool no_fallback;
    char fallback[1024]; /**< why another device than the first choice computes; "": it is the first choice, or none was chosen yet */
    const char *json;     /**< --json FILE or "-"; NULL: none */
    const char *progress; /**< --progress MODE; NULL: by terminal */
    bool has_seed;
    uint64_t seed;
    bool quiet;
    bool verbose;
    bool help;
} qd_cli;

typedef enum qd_opt_kind {
    QD_OPT_FLAG, /**< bool */
    QD_OPT_TEXT, /**< const char * */
    QD_OPT_U64,  /**< uint64_t, decimal, min..max as doubles up to 2^53 */
    QD_OPT_I64,  /**< int64_t */
    QD_OPT_SEED, /**< uint64_t up to QD_SEED_MAX */
    QD_OPT_REAL  /**< double, finite */
} qd_opt_kind;

/** One option of a verb. A table ends with name NULL. */
typedef struct qd_opt {
    const char *name; /**< without dashes */
    qd_opt_kind kind;
    void *target;
    double min, max;  /**< inclusive; both 0: any */
    const char *arg;  /**< name of the value in the help; NULL for flags */
    const char *help;
    bool *given;      /**< may be NULL; set when the option stands on the command line */
} qd_opt;

/** A verb for the help text. */
typedef struct qd_verb {
    const char *name;
    int (*run)(int argc, char **argv); /**< argv[0] is the verb; returns the exit status */
    const char *synopsis; /**< after the verb: "A B --format F [...]" */
    const char *summary;  /**< one line */
    const char *more;     /**< lines for --help of the verb, each with its newline; may be "" */
} qd_verb;

extern const qd_verb qd_verbs[]; /**< main.c; ends with name NULL */

/** Parse argv by @p opts (may be NULL) and the common options. Positional arguments end up in pos[0..*n_pos), of which there
 *  must be min_pos..max_pos. --help prints and sets cli->help (the verb returns 0). QD_E_USAGE otherwise names the argument. */
qd_status qd_cli_parse(qd_cli *cli, const qd_opt *opts, int argc, char **argv, const char **pos, size_t min_pos, size_t max_pos,
                       size_t *n_pos, qd_error *err);

/** Where text for people goes: standard output, standard error when that holds JSON (--json -, --progress json), NULL when quiet. */
FILE *qd_cli_text(const qd_cli *cli);

/** Progress as --progress says: its JSON lines go to standard output, before the final record, everything else to standard error. */
qd_status qd_cli_progress(const qd_cli *cli, qd_progress **p, qd_error *err);

/** QD_E_INPUT when something is called @p path already. @p likely: what that may mean (NULL: an earlier run wrote there). */
qd_status qd_cli_free_path(const char *path, const char *likely, qd_error *err);

/** What was printed so far has reached standard output. QD_E_INPUT otherwise: full, or closed. */
qd_status qd_cli_flush(qd_error *err);
/** @p path is a device or a pipe: writing there destroys nothing. */
bool qd_cli_stream(const char *path);

/** @p path names standard output: "-", or as /dev/stdout does. */
bool qd_cli_names_stdout(const char *path);
/** What is written to @p path comes out of standard output: named so, or the same pipe or device. */
bool qd_cli_is_stdout(const char *path);

/** @p arg as a word that a shell takes back: itself, or in quotes. Returns @p out. */
const char *qd_cli_quoted(const char *arg, char *out, size_t cap);

/** Choose the device as --device, QD_DEVICE and --no-fallback say. A fallback is kept for the record, and warned of unless quiet. */
qd_status qd_cli_device(qd_cli *cli, qd_device **dev, qd_error *err);

/** An error about a device that the environment named says so. Returns @p st, which was @p err's. */
qd_status qd_cli_device_error(const qd_cli *cli, qd_status st, qd_error *err);

/** A device in a record; @p dev NULL is {"id":"ref",...}. @p used: something was computed on it. */
json_t *qd_cli_device_json(const qd_device_info *dev, bool used);

/** {"schema":1,"tool":"qdistill","version":..,"verb":..,"status":"ok","device":{..},"exit_status":0}; @p dev NULL is the reference. */
json_t *qd_cli_record(const qd_cli *cli, const qd_device *dev);

/** The same where no device was used: "device" has null for id, name and type, and "used" false. */
json_t *qd_cli_record_unused(const qd_cli *cli);

/** How bad an exit status is, of several things done by one command: 1, 4, 7, 3, 5, 75, 6, 2, 0; the worst is the greatest. */
int qd_cli_badness(int exit_status);

/** Make @p record that of a failure: status "failed" or "aborted", "error" with four parts, "exit_status". */
void qd_cli_set_error(const qd_cli *cli, json_t *record, const qd_error *err);

/** Print the four parts to standard error. What the caller left out of `next` is filled in by kind. */
void qd_cli_print_error(const qd_cli *cli, const qd_error *err);

/** A failure without results: print it, write its record (no device used), return the exit status. */
int qd_cli_fail(const qd_cli *cli, const qd_error *err);

/** A failure with results: print it, add it to @p record and write that; returns the exit status. Takes ownership of @p record. */
int qd_cli_refuse(const qd_cli *cli, json_t *record, const qd_error *err);

/** Write the final record: where --json says, and with --progress json as the last line of standard output, once; nowhere when its
 *  exit_status is 2: a usage error writes nothing. Returns the record's exit_status (5 when it cannot be written). Takes ownership of
 *  @p record. */
int qd_cli_done(const qd_cli *cli, json_t *record);

#endif
