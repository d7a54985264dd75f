/* SPDX-License-Identifier: Apache-2.0 */
/* sift --splicer: in splicer's place. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "letters.h"
#include "notice.h"
#include "qcrypto.h"
#include "qdistill/qcrypto.h"
#include "stop.h"

enum { T3_USED, T4_USED, WRITTEN, NOTICES };

typedef struct session {
    qd_cli cli;
    qd_splicer s;
    const char *notice_name[NOTICES], *commands;
    qd_notice notice[NOTICES];
    uint32_t first;
    int64_t epochs, protocol, verbosity;
    double wait_s;
    bool has_first, help;
    uint64_t done, kept, passed;
} session;

static const qd_mode mode = {"sift --splicer", "-d DIR -D DIR -f DIR (-E FIFO | [-e EPOCH] [-q EPOCHS]) ...",
                             "Keep of own T3 files what the other station's T4 files name, as splicer does.\n"};

static qd_status parse(session *s, int argc, char **argv, qd_error *err) {
    static const char stream_help[] = "files of one epoch come from and go to directories only: -d, -D, -f";
    *s = (session){.cli = {.verb = mode.name}, .protocol = 1, .wait_s = 22};
    const qd_letter letters[] = {
        {'d', NULL, QD_LETTER_TEXT, &s->s.t3, 0, 0, "DIR", "directory of T3 files, own", NULL},
        {'D', NULL, QD_LETTER_TEXT, &s->s.t4, 0, 0, "DIR", "directory of T4 files, from the other station", NULL},
        {'f', NULL, QD_LETTER_TEXT, &s->s.out, 0, 0, "DIR", "directory for T3 files of what is kept", NULL},
        {'E', NULL, QD_LETTER_TEXT, &s->commands, 0, 0, "FIFO",
         "do the epochs whose names come from a FIFO (or a file), a line each", NULL},
        {'e', NULL, QD_LETTER_EPOCH, &s->first, 0, 0, "EPOCH",
         "without -E: first epoch, 0x... or decimal (default: the first that both have)", &s->has_first},
        {'q', NULL, QD_LETTER_INT, &s->epochs, 0, INT32_MAX, "EPOCHS", "epochs to do; 0: as long as they come (0)", NULL},
        {'p', NULL, QD_LETTER_INT, &s->protocol, 0, 1 << 20, "P", "protocol: 0 service (masks), 1 BBM92 (1)", NULL},
        {'k', NULL, QD_LETTER_FLAG, &s->s.remove3, 0, 0, NULL, "remove T3 files that were used", NULL},
        {'K', NULL, QD_LETTER_FLAG, &s->s.remove4, 0, 0, NULL, "remove T4 files that were used", NULL},
        {'l', NULL, QD_LETTER_TEXT, &s->notice_name[T3_USED], 0, 0, "FILE",
         "notice of an epoch whose own T3 file was used, a line each", NULL},
        {'L', NULL, QD_LETTER_TEXT, &s->notice_name[T4_USED], 0, 0, "FILE", "the same of T4", NULL},
        {'m', NULL, QD_LETTER_TEXT, &s->notice_name[WRITTEN], 0, 0, "FILE", "notice of an epoch that is done", NULL},
        {'V', NULL, QD_LETTER_INT, &s->verbosity, 0, 0, "LEVEL", "below 0: no notices for -m (0)", NULL},
        {'i', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "FILE", stream_help, NULL},
        {'I', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "FILE", stream_help, NULL},
        {'o', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "FILE", stream_help, NULL},
        {'b', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "FILE", "Bell tests belong to protocols 3 and 4", NULL},
        {'B', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "DIR", "Bell tests belong to protocols 3 and 4", NULL},
        {0, "wait-s", QD_LETTER_REAL, &s->wait_s, 0, 1e9, "S",
         "how long to wait for a file that other programs have not written yet (22)", NULL},
        {0, "quiet", QD_LETTER_FLAG, &s->cli.quiet, 0, 0, NULL, "say only errors on standard error", NULL},
        {0, "splicer", QD_LETTER_FLAG, NULL, 0, 0, NULL, "this mode", NULL},
        {0}};
    QD_TRY(qd_letters_parse(&mode, letters, argc, argv, &s->help, err));
    if (s->help) return QD_OK;
    if (!s->s.t3 || !s->s.t4 || !s->s.out)
        return qd_fail(err, QD_E_USAGE, "give the three directories -d, -D and -f|||see qdistill %s --help", mode.name);
    if (s->commands && s->has_first)
        return qd_fail(err, QD_E_USAGE, "-E and -e exclude each other|||see qdistill %s --help", mode.name);
    s->s.protocol = (unsigned)s->protocol;
    return QD_OK;
}

static qd_status one(session *s, uint32_t epoch, const qd_epoch_wait *wait, bool *done, qd_error *err) {
    uint64_t kept;
    QD_TRY(qd_splicer_epoch(&s->s, epoch, wait, &kept, done, err));
    s->passed += !*done;
    if (!*done) return QD_OK;
    s->done++;
    s->kept += kept;
    for (int i = 0; i < NOTICES; i++) QD_TRY(qd_notice_line(&s->notice[i], err, "%08" PRIx32, epoch));
    return QD_OK;
}

/* Epochs one after the other; where one is missing, the next that is there. */
static qd_status in_order(session *s, const qd_epoch_wait *wait, qd_error *err) {
    if (!s->has_first) QD_TRY(qd_epoch_first(s->s.t4, s->s.t3, &s->first, err));
    for (uint32_t epoch = s->first; !s->epochs || epoch - s->first < (uint32_t)s->epochs;) {
        bool done, any;
        QD_TRY(one(s, epoch, wait, &done, err));
        uint32_t next = ++epoch;
        if (done) continue;
        QD_TRY(qd_epoch_next(s->s.t4, epoch, &next, &any, err));
        if (!any) break;
        epoch = next;
    }
    return QD_OK;
}

/* Epochs as they are named. A FIFO that is opened for writing too never ends when its writers do. */
static qd_status as_told(session *s, const qd_epoch_wait *wait, qd_error *err) {
    struct stat st;
    char word[32];
    bool fifo = stat(s->commands, &st) == 0 && S_ISFIFO(st.st_mode);
    FILE *f = strcmp(s->commands, "-") == 0 ? stdin : fopen(s->commands, fifo ? "r+" : "r");
    if (!f) return qd_fail(err, QD_E_INPUT, "cannot read epochs from %s|%s||check -E", s->commands, strerror(errno));
    qd_status status = QD_OK;
    while (status == QD_OK && (!s->epochs || s->done + s->passed < (uint64_t)s->epochs)) {
        char *end;
        bool done;
        if (*wait->stop || fscanf(f, "%31s", word) != 1) break;
        unsigned long epoch = strtoul(word, &end, 16);
        if (*end || epoch > UINT32_MAX) {
            if (wait->note) wait->note(wait->self, "a line of -E is no epoch of 8 hexadecimal digits: passed over");
            s->passed++;
            continue;
        }
        status = one(s, (uint32_t)epoch, wait, &done, err);
    }
    if (f != stdin) fclose(f);
    if (status == QD_OK && *wait->stop)
        return qd_fail(err, QD_STOPPED, "stopped on request|a signal came|epochs that were done are on disk|start it again");
    return status;
}

static qd_status run(session *s, qd_error *err) {
    const qd_epoch_wait wait = {.seconds = s->wait_s, .stop = qd_stop_watch(), .note = s->cli.quiet ? NULL : qd_mode_note, .self = (void *)&mode};
    signal(SIGPIPE, SIG_IGN); /* a reader that ended shows where its line is written */
    qd_status st = QD_OK;
    if (s->verbosity < 0) s->notice_name[WRITTEN] = NULL;
    for (int i = 0; i < NOTICES && st == QD_OK; i++) st = qd_notice_open(&s->notice[i], s->notice_name[i], true, err);
    if (st == QD_OK) st = s->commands ? as_told(s, &wait, err) : in_order(s, &wait, err);
    for (int i = 0; i < NOTICES; i++) qd_notice_close(&s->notice[i]);
    QD_TRY(st);
    if (!s->cli.quiet)
        fprintf(stderr, "qdistill %s: %" PRIu64 " epochs, %" PRIu64 " entries kept; passed over: %" PRIu64 "\n", mode.name,
                s->done, s->kept, s->passed);
    if (s->done == 0 || (s->epochs && s->passed))
        return qd_fail(err, QD_E_INPUT,
                       "%" PRIu64
                       " epochs could not be done||their files are missing or damaged (said above)|see what the directories hold",
                       s->passed);
    return QD_OK;
}

int qd_qcrypto_splicer(int argc, char **argv) {
    session s;
    qd_error err = {0};
    qd_status st = parse(&s, argc, argv, &err);
    if (st == QD_OK && !s.help) st = run(&s, &err);
    return qd_mode_end(&s.cli, st, &err);
}
