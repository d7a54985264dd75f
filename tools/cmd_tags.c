/* SPDX-License-Identifier: Apache-2.0 */
/* tags: look into a file of time tags, or convert it. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"
#include "qdistill/timetag.h"
#include "qdistill/timetag/stream.h"
#include "tags_cor.h"
#include "tags_report.h"
#include "stop.h"
#include "verbs.h"

enum { CHUNK = 1 << 20, FLAGS = 10 };

/* Options of a format that are flags of this verb. */
typedef struct flag {
    const char *name, *option;
} flag;
static const flag flags[FLAGS] = {{"card", "card"},       {"channels", "channels"},   {"tick-ps", "tick-ps"},
                                  {"csv-time", "time"},   {"csv-channel", "channel"}, {"csv-unit", "unit"},
                                  {"sync-hz", "sync-hz"}, {"t1-bits", "bits"},        {"epoch0", "epoch0"},
                                  {"csv-start", "start"}};

typedef struct arguments {
    const char *action, *file, *format, *from, *to, *out, *flag[FLAGS];
    uint64_t merge_ps;
} arguments;

static qd_status check_arguments(const arguments *a, bool convert, qd_error *err) {
    if (!convert && strcmp(a->action, "info") != 0)
        return qd_fail(err, QD_E_USAGE, "there is no action '%s'||the actions are: info, convert|see qdistill tags --help",
                       a->action);
    if (convert && (!a->from || !a->to || !a->out || a->format))
        return qd_fail(err, QD_E_USAGE,
                       "convert needs --from F, --to F and --out FILE, and takes no --format||what is read and what is written are named apart|see qdistill tags --help");
    if (!convert && (!a->format || a->from || a->to || a->out || a->merge_ps))
        return qd_fail(err, QD_E_USAGE,
                       "info needs --format F, and takes no --from, --to, --out or --merge-ps||a format is never guessed: "
                       "a file looks well in the wrong one|see qdistill tags --help");
    return QD_OK;
}

/* A flag speaks of the file read, if its format has such an option, else of the file written; the width of T1 of both. */
static qd_status apply_flags(const arguments *a, bool convert, qd_tag_format *in, qd_tag_format *out, qd_error *err) {
    for (int i = 0; i < FLAGS; i++) {
        const char *option = flags[i].option;
        if (!a->flag[i]) continue;
        bool reads = qd_tag_format_takes(in, option), writes = convert && qd_tag_format_takes(out, option);
        if (!reads && !writes)
            return qd_fail(err, QD_E_USAGE, "--%s says nothing of %s%s%s|||leave it out; see qdistill tags --help", flags[i].name,
                           qd_tag_format_name(in), convert ? " or " : "", convert ? qd_tag_format_name(out) : "");
        if (reads) QD_TRY(qd_tag_format_set(in, option, a->flag[i], err));
        if (writes && (!reads || strcmp(option, "bits") == 0)) QD_TRY(qd_tag_format_set(out, option, a->flag[i], err));
    }
    return QD_OK;
}

/* What the data cannot go to standard output for: a folder, a record that goes there too, the recording that is read. */
static qd_status check_stdout(const qd_cli *cli, const arguments *a, const qd_tag_format *to, qd_error *err) {
    struct stat in, out;
    if (to->kind == QD_TAG_T1 || to->kind == QD_TAG_T2 || to->kind == QD_TAG_T3)
        return qd_fail(err, QD_E_USAGE, "--out %s: %s is a folder of files|standard output is one file||name a folder", a->out, qd_tag_format_name(to));
    const bool lines = cli->progress && strcmp(cli->progress, "json") == 0;
    if (lines || (cli->json && qd_cli_names_stdout(cli->json)))
        return qd_fail(err, QD_E_USAGE, "--out %s and %s: both write to standard output||they would be mixed|send one of them to a file", a->out,
                       lines ? "--progress json" : "--json -");
    if (fstat(STDOUT_FILENO, &out) != 0)
        return qd_fail(err, QD_E_INPUT, "cannot write to standard output|%s|it is closed|name a file: --out FILE", strerror(errno));
    if (stat(a->file, &in) == 0 && S_ISREG(in.st_mode) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return qd_fail(err, QD_E_INPUT, "%s is read and is standard output too|it would be written into while it is read||send the output to another file", a->file);
    return QD_OK;
}

static bool is_fifo(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISFIFO(s.st_mode);
}

/* What has come through a FIFO, added to *all; waits for more where nothing has, and now and then to see whether to stop. */
static qd_status fetch(qd_tag_reader *reader, uint64_t *all, qd_error *err) {
    enum { WAIT_MS = 200 };
    uint64_t bytes;
    QD_TRY(qd_tag_stream_fill(reader, &bytes, err));
    *all += bytes;
    struct pollfd p = {.fd = qd_tag_stream_fd(reader), .events = POLLIN};
    if (!bytes) (void)poll(&p, 1, WAIT_MS);
    return QD_OK;
}

/* As a file would be refused for it. */
static qd_status whole(const qd_tag_reader *reader, const char *name, uint64_t bytes, qd_error *err) {
    uint64_t left = qd_tag_stream_left(reader);
    if (bytes && !left) return QD_OK;
    if (!bytes)
        return qd_fail(err, QD_E_INPUT, "%s is empty|its writer closed it and had written nothing|the writer failed|see what it says", name);
    return qd_fail(err, QD_E_INPUT,
                   "%s is cut off: of %" PRIu64 " bytes the last %" PRIu64 " are no whole record|its writer closed it there|the writer was "
                   "stopped, or the format is another|see what it says, or name another format",
                   name, bytes, left);
}

/* Read the file to its end; what is read goes to the writer, if there is one. */
static qd_status stream(qd_tag_reader *reader, bool fifo, qd_tag_writer *writer, tags_report *r, qd_error *err) {
    qd_tags t = {0};
    qd_merge merge = {0};
    bool end = false;
    uint64_t bytes = 0;
    qd_status st = QD_OK;
    while (!end && st == QD_OK) {
        t.n = 0;
        st = qd_stop_check(err);
        if (st == QD_OK && fifo) st = fetch(reader, &bytes, err);
        if (st == QD_OK) st = qd_tag_reader_read(reader, CHUNK, &t, &end, err);
        if (st == QD_OK && r->merge_ps) st = qd_merge_clicks(&merge, r->merge_ps, end, &t, err);
        if (st == QD_OK && writer && (t.n || !fifo)) st = qd_tag_writer_write(writer, &t, err); /* a header may be to come */
    }
    if (st == QD_OK && fifo) st = whole(reader, r->file, bytes, err);
    r->merged = merge.merged;
    qd_tags_destroy(&t);
    return st;
}

/* Epochs keep their numbers from folder to folder. */
static void inherit_epochs(const qd_tag_reader *reader, qd_tag_format *out) {
    const qd_tag_info *i = qd_tag_reader_info(reader);
    if (i->epochs && !out->has_epoch0) {
        out->has_epoch0 = true;
        out->epoch0 = i->epoch0;
        out->unix_epochs = out->unix_epochs || i->unix_epochs;
    }
}

static qd_status run(const arguments *a, bool convert, tags_report *r, qd_error *err) {
    qd_tag_reader *reader = NULL;
    qd_tag_writer *writer = NULL;
    /* Above all not over the recording that is read; a device or a pipe holds nothing to lose. */
    const bool piped = convert && qd_cli_names_stdout(a->out);
    if (convert && !piped && !qd_cli_stream(a->out)) QD_TRY(qd_cli_free_path(a->out, NULL, err));
    const bool fifo = is_fifo(a->file);
    QD_TRY(fifo ? qd_tag_stream_open(a->file, r->format, &reader, err) : qd_tag_reader_open(a->file, r->format, &reader, err));
    qd_status st = QD_OK;
    if (convert && r->out_format.kind == QD_TAG_T3) st = qd_tag_reader_need_outcomes(reader, err);
    if (convert && st == QD_OK) {
        inherit_epochs(reader, &r->out_format);
        st = qd_tag_writer_open(piped ? "-" : a->out, r->out_format, &writer, err);
    }
    if (st == QD_OK) st = stream(reader, fifo, writer, r, err);
    r->info = *qd_tag_reader_info(reader);
    r->format = *qd_tag_reader_format(reader);
    r->tick = qd_tag_reader_tick(reader);
    if (st == QD_OK && convert) {
        r->written = *qd_tag_writer_info(writer);
        st = qd_tag_writer_commit(writer, err);
        writer = NULL;
    }
    qd_tag_writer_abandon(writer);
    qd_tag_reader_close(reader);
    return st;
}

static int info_cor(const qd_cli *cli, const arguments *a) {
    qd_error err = {0};
    cor_stats s;
    if (cor_read(a->file, &s, &err) != QD_OK) return qd_cli_fail(cli, &err);
    FILE *text = qd_cli_text(cli);
    if (text) cor_print(text, a->file, &s);
    cor_warn(a->file, &s);
    json_t *j = qd_cli_record_unused(cli);
    json_object_set_new(j, "action", json_string(a->action));
    cor_json(j, a->file, &s);
    return qd_cli_done(cli, j);
}

int qd_cmd_tags(int argc, char **argv) {
    qd_cli cli = {0};
    qd_error err = {0};
    arguments a = {0};
    const qd_opt opts[] = {
        {"format", QD_OPT_TEXT, &a.format, 0, 0, "F",
         "info: format of FILE: a1-49, a1-54, a1-49-swapped, a1-54-swapped, a1-49-text, a1-54-text, t1, t2, ptu, qutag, "
         "qutag-raw, "
         "swabian, chronoxea, csv; auto (ptu and qutag only); cor (key bits)",
         NULL},
        {"from", QD_OPT_TEXT, &a.from, 0, 0, "F", "convert: format of FILE, as for --format", NULL},
        {"to", QD_OPT_TEXT, &a.to, 0, 0, "F",
         "convert: format to write: an a1 format, t1, t2, t3 (bits of the events in t2), qutag-raw, swabian or csv; times are cut to its ticks", NULL},
        {"out", QD_OPT_TEXT, &a.out, 0, 0, "FILE", "convert: file to write, or - for standard output; t1, t2, t3: folder", NULL},
        {"merge-ps", QD_OPT_U64, &a.merge_ps, 1, 1e9, "M", "convert: make one event of all clicks less than M after the first",
         NULL},
        {"channels", QD_OPT_TEXT, &a.flag[1], 0, 0, "MAP",
         "V=1,-=2,H=3,+=4: channel numbers of the detectors (this is the default)", NULL},
        {"tick-ps", QD_OPT_TEXT, &a.flag[2], 0, 0, "P", "length of a tick: 1 for quTAG, 81 for quTAU; a decimal or a fraction",
         NULL},
        {"csv-time", QD_OPT_TEXT, &a.flag[3], 0, 0, "COLUMN", "name of the column of times (time_ps)", NULL},
        {"csv-channel", QD_OPT_TEXT, &a.flag[4], 0, 0, "COLUMN", "name of the column of channels (channel)", NULL},
        {"csv-unit", QD_OPT_TEXT, &a.flag[5], 0, 0, "U", "ps, ns, us, ms, s, or ticks of --tick-ps (ps)", NULL},
        {"csv-start", QD_OPT_TEXT, &a.flag[9], 0, 0, "T", "taken off every time of the table, in its unit: Unix times do not fit ps; the same at both stations", NULL},
        {"sync-hz", QD_OPT_TEXT, &a.flag[6], 0, 0, "F", "chronoxea: the sync frequency, in place of the header's", NULL},
        {"card", QD_OPT_TEXT, &a.flag[0], 0, 0, "timestamp3|timestamp7",
         "card that wrote FILE: decides what the low bits mean (default by width)", NULL},
        {"t1-bits", QD_OPT_TEXT, &a.flag[7], 0, 0, "49|54", "t1: width of a time; 54 keeps a timestamp7's fine bits (49)", NULL},
        {"epoch0", QD_OPT_TEXT, &a.flag[8], 0, 0, "E", "t1, t2, t3: the epoch at time 0, decimal or 0x...", NULL},
        {0}};
    const char *pos[2] = {NULL, NULL};
    size_t n_pos = 0;
    if (qd_cli_parse(&cli, opts, argc, argv, pos, 2, 2, &n_pos, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    (void)qd_stop_watch();
    a.action = pos[0];
    a.file = pos[1];
    bool convert = strcmp(a.action, "convert") == 0;
    tags_report r = {.file = a.file, .out = convert ? a.out : NULL, .merge_ps = a.merge_ps};
    if (check_arguments(&a, convert, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (!convert && strcmp(a.format, "cor") == 0) return info_cor(&cli, &a);
    if (qd_tag_format_parse(convert ? a.from : a.format, &r.format, &err) != QD_OK ||
        (convert && qd_tag_format_parse(a.to, &r.out_format, &err) != QD_OK) ||
        apply_flags(&a, convert, &r.format, &r.out_format, &err) != QD_OK)
        return qd_cli_fail(&cli, &err);
    r.format.any_channel = !convert;
    if (convert && qd_cli_names_stdout(a.out) && check_stdout(&cli, &a, &r.out_format, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    FILE *text = qd_cli_text(&cli);
    if (text && convert && qd_cli_is_stdout(a.out)) text = stderr; /* not among the data */
    if (run(&a, convert, &r, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    tags_warn(&r);
    if (text) tags_print(text, &r);
    json_t *j = qd_cli_record_unused(&cli);
    json_object_set_new(j, "action", json_string(a.action));
    tags_json(j, &r);
    return qd_cli_done(&cli, j);
}
