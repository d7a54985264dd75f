/* SPDX-License-Identifier: Apache-2.0 */
/* sift --qcrypto: in costream's place. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "letters.h"
#include "notice.h"
#include "qcrypto.h"
#include "qdistill/qcrypto.h"
#include "stop.h"

enum { GENERAL, T1_USED, T2_USED, T3_WRITTEN, T4_WRITTEN, NOTICES };

typedef struct session {
    qd_cli cli;
    qd_costream c;
    const char *notice_name[NOTICES], *histogram, *skew, *pairing, *device;
    qd_notice notice[NOTICES];
    int64_t epochs, verbosity, filter, protocol, order, order_filter, empty, histogram_epochs;
    double wait_s;
    bool has_first, has_offset, help;
} session;

static const qd_mode mode = {
    "sift --qcrypto", "-d DIR -D DIR -f DIR -F DIR -t OFFSET [-e EPOCH] [-q EPOCHS] ...",
    "Pair T1 and T2 files epoch by epoch as costream does, and write T3 and T4 files. Times and windows are in units of 1/8 ns.\n"
    "Pairs are costream's, bit for bit, unless --pairing one-to-one says otherwise.\n"};

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static const char stream_help[] = "files of one epoch come from and go to directories only: -d, -D, -f, -F";

static qd_status read_letters(session *s, int argc, char **argv, qd_error *err) {
    qd_costream *c = &s->c;
    qd_greedy_params *p = &c->pairing;
    const qd_letter letters[] = {
        {'d', NULL, QD_LETTER_TEXT, &c->t2, 0, 0, "DIR", "directory of T2 files, from the other station", NULL},
        {'D', NULL, QD_LETTER_TEXT, &c->t1, 0, 0, "DIR", "directory of T1 files, own", NULL},
        {'f', NULL, QD_LETTER_TEXT, &c->t3, 0, 0, "DIR", "directory for T3 files: own sifted bits", NULL},
        {'F', NULL, QD_LETTER_TEXT, &c->t4, 0, 0, "DIR", "directory for T4 files: the reply", NULL},
        {'t', NULL, QD_LETTER_INT, &p->offset, 0, 0, "OFFSET", "t(T2 side) - t(T1 side), as sync --qcrypto prints it",
         &s->has_offset},
        {'e', NULL, QD_LETTER_EPOCH, &c->first, 0, 0, "EPOCH",
         "first epoch, 0x... or decimal (default: the first that both have)", &s->has_first},
        {'q', NULL, QD_LETTER_INT, &s->epochs, 0, INT32_MAX, "EPOCHS", "epochs to do; 0: as long as files come (0)", NULL},
        {'w', NULL, QD_LETTER_INT, &p->window, 0, 1 << 30, "W", "a coincidence has |d| < W (8)", NULL},
        {'u', NULL, QD_LETTER_INT, &p->track, 0, 1 << 30, "U",
         "differences from -U on are met, those below U pull the offset (40)", NULL},
        {'a', NULL, QD_LETTER_INT, &p->far, 0, 1 << 30, "A",
         "differences up to A are met; accidentals are counted in the last 2 W of them (160)", NULL},
        {'Q', NULL, QD_LETTER_INT, &s->filter, -1e8, INT32_MAX, "Q",
         "tracking: constant in events, or -Q in microseconds; 0: none (0)", NULL},
        {'p', NULL, QD_LETTER_INT, &s->protocol, 0, 1 << 20, "P", "protocol: 0 service (masks), 1 BBM92 (1)", NULL},
        {'r', NULL, QD_LETTER_INT, &s->order, 3, 20, "BITS", "width of T4's differences at first (8)", NULL},
        {'R', NULL, QD_LETTER_INT, &s->order_filter, 0, INT32_MAX, "EPOCHS",
         "memory with which that width follows; 0: it stays (0)", NULL},
        {'T', NULL, QD_LETTER_INT, &s->empty, 0, 2, "T", "an epoch without events writes 0: nothing, 1: T4, 2: T3 and T4 (1)",
         NULL},
        {'S', NULL, QD_LETTER_TEXT, &s->skew, 0, 0, "V,-,H,+", "added to the times of single clicks of each T1 detector", NULL},
        {'k', NULL, QD_LETTER_FLAG, &c->remove2, 0, 0, NULL, "remove T2 files that are used up", NULL},
        {'K', NULL, QD_LETTER_FLAG, &c->remove1, 0, 0, NULL, "remove T1 files that are used up", NULL},
        {'l', NULL, QD_LETTER_TEXT, &s->notice_name[T1_USED], 0, 0, "FILE",
         "notice of an epoch whose T1 file was used, a line each", NULL},
        {'L', NULL, QD_LETTER_TEXT, &s->notice_name[T2_USED], 0, 0, "FILE", "the same of T2", NULL},
        {'m', NULL, QD_LETTER_TEXT, &s->notice_name[T3_WRITTEN], 0, 0, "FILE", "notice of an epoch whose T3 file was written",
         NULL},
        {'M', NULL, QD_LETTER_TEXT, &s->notice_name[T4_WRITTEN], 0, 0, "FILE", "the same of T4", NULL},
        {'n', NULL, QD_LETTER_TEXT, &s->notice_name[GENERAL], 0, 0, "FILE",
         "the log, as -V says (-: standard output, the default)", NULL},
        {'V', NULL, QD_LETTER_INT, &s->verbosity, 0, 0, "LEVEL",
         "log: below 0 none, 0 epoch, 1 and 2 with events, 3 and 4 in words, 5 numbers alone (0)", NULL},
        {'H', NULL, QD_LETTER_TEXT, &s->histogram, 0, 0, "NAME", "write histograms of differences to files NAMEeeeeeeee", NULL},
        {'h', NULL, QD_LETTER_INT, &s->histogram_epochs, 1, 1 << 30, "EPOCHS", "epochs in each of them (10)", NULL},
        {'G', NULL, QD_LETTER_IGNORED, NULL, 0, 0, "MODE", "taken, and not needed: every line is handed on at once", NULL},
        {'i', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "FILE", stream_help, NULL},
        {'I', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "FILE", stream_help, NULL},
        {'o', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "FILE", stream_help, NULL},
        {'O', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "FILE", stream_help, NULL},
        {'b', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "FILE", "Bell tests belong to protocols 3 and 4", NULL},
        {'B', NULL, QD_LETTER_REFUSED, NULL, 0, 0, "DIR", "Bell tests belong to protocols 3 and 4", NULL},
        {0, "pairing", QD_LETTER_TEXT, &s->pairing, 0, 0, "RULE",
         "costream, or one-to-one: mutual nearest neighbours in the same windows", NULL},
        {0, "wait-s", QD_LETTER_REAL, &s->wait_s, 0, 1e9, "S",
         "how long to wait for a file that other programs have not written yet (22)", NULL},
        {0, "device", QD_LETTER_TEXT, &s->device, 0, 0, "D", "with one-to-one: where to compute, as for every verb (ref)", NULL},
        {0, "quiet", QD_LETTER_FLAG, &s->cli.quiet, 0, 0, NULL, "say only errors on standard error", NULL},
        {0, "qcrypto", QD_LETTER_FLAG, NULL, 0, 0, NULL, "this mode", NULL},
        {0}};
    return qd_letters_parse(&mode, letters, argc, argv, &s->help, err);
}

static qd_status parse(session *s, int argc, char **argv, qd_error *err) {
    qd_costream *c = &s->c;
    *s = (session){.cli = {.verb = mode.name},
                   .protocol = 1,
                   .order = 8,
                   .empty = 1,
                   .histogram_epochs = 10,
                   .wait_s = 22,
                   .pairing = "costream"};
    c->pairing = (qd_greedy_params){.window = 8, .track = 40, .far = 160};
    QD_TRY(read_letters(s, argc, argv, err));
    if (s->help) return QD_OK;
    if (!c->t2 || !c->t1 || !c->t3 || !c->t4)
        return qd_fail(err, QD_E_USAGE, "give the four directories -d, -D, -f and -F|||see qdistill %s --help", mode.name);
    if (!s->has_offset)
        return qd_fail(err, QD_E_USAGE, "give the offset -t||sync --qcrypto finds it|see qdistill %s --help", mode.name);
    if (s->skew &&
        sscanf(s->skew, "%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64, &c->skew[0], &c->skew[1], &c->skew[2], &c->skew[3]) != 4)
        return qd_fail(err, QD_E_USAGE, "-S: '%s' is not four integers with commas|||see qdistill %s --help", s->skew, mode.name);
    c->one_to_one = strcmp(s->pairing, "one-to-one") == 0;
    if (!c->one_to_one && strcmp(s->pairing, "costream") != 0)
        return qd_fail(err, QD_E_USAGE,
                       "--pairing: there is no rule '%s'||the rules are: costream, one-to-one|see qdistill %s --help", s->pairing,
                       mode.name);
    c->epochs = (uint32_t)s->epochs;
    c->pairing.filter = (int32_t)s->filter;
    c->protocol = (unsigned)s->protocol;
    c->order = (unsigned)s->order;
    c->order_filter = (int32_t)s->order_filter;
    c->empty = (qd_epoch_empty)s->empty;
    c->histogram_epochs = s->histogram ? (unsigned)s->histogram_epochs : 0;
    if (!s->notice_name[GENERAL]) s->notice_name[GENERAL] = "-";
    s->cli.device = s->device;
    s->cli.device_given = s->device != NULL;
    return QD_OK;
}

/* ---- Notices ----------------------------------------------------------------------------------------------------- */

static qd_status log_line(session *s, const qd_costream_epoch *e, qd_error *err) {
    qd_notice *n = &s->notice[GENERAL];
    switch (s->verbosity) {
        case 0:
            return qd_notice_line(n, err, "%08" PRIx32, e->epoch);
        case 1:
            return qd_notice_line(n, err, "%08" PRIx32 "\t%" PRIu64, e->epoch, e->kept);
        case 2:
            return qd_notice_line(n, err, "epoch: %08" PRIx32 "\t survived raw entries: %" PRIu64, e->epoch, e->kept);
        case 3:
            return qd_notice_line(
                n, err, "epoch: %08" PRIx32 ", stream2 evnts: %" PRIu64 ", stream4 evnts: %" PRIu64 ", new bitwidth4: %u",
                e->epoch, e->events2, e->kept, e->order);
        case 4:
            return qd_notice_line(n, err,
                                  "epoch: %08" PRIx32 ", 2-evnts: %" PRIu64 ", 4-evnts: %" PRIu64 ", new bw4: %u, ft: %" PRId64
                                  ", acc: %" PRIu64 ", true: %" PRIu64 ", 1-events: %" PRIu64,
                                  e->epoch, e->events2, e->kept, e->order, e->shift, e->accidentals, e->coincidences, e->events1);
        case 5:
            return qd_notice_line(n, err,
                                  "%08" PRIx32 "\t%" PRIu64 "\t%" PRIu64 "\t%u\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64,
                                  e->epoch, e->events2, e->kept, e->order, e->shift, e->accidentals, e->coincidences, e->events1);
        default:
            return QD_OK;
    }
}

static qd_status closed(void *self, const qd_costream_epoch *e, qd_error *err) {
    session *s = self;
    if (e->wrote4) QD_TRY(qd_notice_line(&s->notice[T4_WRITTEN], err, "%08" PRIx32, e->epoch));
    if (e->wrote3) QD_TRY(qd_notice_line(&s->notice[T3_WRITTEN], err, "%08" PRIx32, e->epoch));
    QD_TRY(log_line(s, e, err));
    QD_TRY(qd_notice_line(&s->notice[T1_USED], err, "%08" PRIx32, e->epoch));
    return qd_notice_line(&s->notice[T2_USED], err, "%08" PRIx32, e->epoch);
}

/* One line a difference: it, then the 25 columns. */
static qd_status histogram(void *self, uint32_t epoch, uint32_t count[25][128], qd_error *err) {
    session *s = self;
    char *name = NULL;
    qd_out out;
    if (asprintf(&name, "%s%08" PRIx32, s->histogram, epoch) < 0) return qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    qd_status st = qd_out_open(&out, name, 0644, err);
    free(name);
    QD_TRY(st);
    fprintf(out.f, "# differences d = t1 - t2 + offset in 1/8 ns, of %" PRId64 " epochs up to %08" PRIx32 "\n",
            s->histogram_epochs, epoch);
    fprintf(out.f, "# d; 16 columns VV V- ... ++ (T2 side's detector, T1 side's); 8 of two clicks against one; others\n");
    for (int i = 0; i < 128; i++) {
        fprintf(out.f, "%d", i - 64);
        for (int c = 0; c < 25; c++) fprintf(out.f, " %" PRIu32, count[c][i]);
        fputc('\n', out.f);
    }
    return qd_out_commit(&out, err);
}

/* ---- The mode ---------------------------------------------------------------------------------------------------- */

static qd_status judge(const session *s, const qd_costream_result *r, qd_error *err) {
    if (!s->cli.quiet)
        fprintf(stderr,
                "qdistill %s: %" PRIu64 " epochs, %" PRIu64 " coincidences, %" PRIu64 " kept, %" PRIu64
                " accidentals; missing: %" PRIu64 " T2, %" PRIu64 " T1\n",
                mode.name, r->epochs, r->coincidences, r->kept, r->accidentals, r->missing2, r->missing1);
    if (r->ended && (r->epochs == 0 || s->c.epochs))
        return qd_fail(err, QD_E_INPUT,
                       "files ended after %" PRIu64 " epochs from %08" PRIx32
                       "|waited %g s for more|another program stopped, or -e is wrong|see what the directories hold, and raise "
                       "--wait-s where files come slowly",
                       r->epochs, s->c.first, s->wait_s);
    if (r->damaged)
        return qd_fail(err, QD_E_INPUT,
                       "%" PRIu64
                       " files were passed over (named above)||they are damaged, or of another protocol|all other epochs are "
                       "done: copy those files again, and do their epochs by -e and -q 1",
                       r->damaged);
    return QD_OK;
}

static qd_status run(session *s, qd_error *err) {
    const qd_epoch_wait wait = {.seconds = s->wait_s, .stop = qd_stop_watch(), .note = s->cli.quiet ? NULL : qd_mode_note, .self = (void *)&mode};
    qd_device *dev = NULL;
    qd_costream_result r;
    signal(SIGPIPE, SIG_IGN); /* a reader that ended shows where its line is written */
    if (!s->has_first) QD_TRY(qd_epoch_first(s->c.t2, s->c.t1, &s->c.first, err));
    if (s->c.one_to_one && s->device) QD_TRY(qd_cli_device(&s->cli, &dev, err));
    s->c.self = s;
    s->c.closed = closed;
    s->c.histogram = histogram;
    qd_status st = QD_OK;
    for (int i = 0; i < NOTICES && st == QD_OK; i++) st = qd_notice_open(&s->notice[i], s->notice_name[i], false, err);
    if (st == QD_OK) st = qd_costream_run(dev, &s->c, &wait, &r, err);
    if (st == QD_OK) st = judge(s, &r, err);
    for (int i = 0; i < NOTICES; i++) qd_notice_close(&s->notice[i]);
    qd_device_close(dev);
    return st;
}

int qd_qcrypto_costream(int argc, char **argv) {
    session s;
    qd_error err = {0};
    qd_status st = parse(&s, argc, argv, &err);
    if (st == QD_OK && !s.help) st = run(&s, &err);
    return qd_mode_end(&s.cli, st, &err);
}
