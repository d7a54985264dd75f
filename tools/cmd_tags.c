/* SPDX-License-Identifier: Apache-2.0 */
/* tags: look into a file of raw events, or convert it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "qdistill/timetag.h"
#include "verbs.h"

enum { CHUNK = 1 << 20 };

typedef struct arguments {
    const char *action, *file, *format, *from, *to, *out, *card;
} arguments;

static qd_status set_card(const arguments *a, qd_tag_format *f, qd_error *err) {
    if (!a->card) return QD_OK;
    if (strcmp(a->card, "timestamp3") == 0)
        f->card = QD_CARD_TIMESTAMP3;
    else if (strcmp(a->card, "timestamp7") == 0)
        f->card = QD_CARD_TIMESTAMP7;
    else
        return qd_fail(err, QD_E_USAGE,
                       "--card: there is no card '%s'||the cards are: timestamp3, timestamp7|see qdistill tags --help", a->card);
    return QD_OK;
}

static qd_status check_arguments(const arguments *a, bool convert, qd_tag_format *in, qd_tag_format *out, qd_error *err) {
    if (!convert && strcmp(a->action, "info") != 0)
        return qd_fail(err, QD_E_USAGE, "tags: there is no action '%s'||the actions are: info, convert|see qdistill tags --help",
                       a->action);
    if (convert && (!a->from || !a->to || !a->out || a->format))
        return qd_fail(err, QD_E_USAGE,
                       "tags convert needs --from F, --to F and --out FILE, and takes no --format|||see qdistill tags --help");
    if (!convert && (!a->format || a->from || a->to || a->out))
        return qd_fail(err, QD_E_USAGE,
                       "tags info needs --format F, and takes no --from, --to or --out||a format is never guessed: "
                       "a file looks well in the wrong one|see qdistill tags --help");
    QD_TRY(qd_tag_format_parse(convert ? a->from : a->format, in, err));
    if (convert) QD_TRY(qd_tag_format_parse(a->to, out, err));
    return set_card(a, in, err);
}

/* Read the file to its end; what is read goes to the writer, if there is one. */
static qd_status stream(qd_tag_reader *reader, qd_tag_writer *writer, qd_error *err) {
    qd_tags t = {0};
    bool end = false;
    qd_status st = QD_OK;
    while (!end && st == QD_OK) {
        t.n = 0;
        st = qd_tag_reader_read(reader, CHUNK, &t, &end, err);
        if (st == QD_OK && writer) st = qd_tag_writer_write(writer, &t, err);
    }
    qd_tags_destroy(&t);
    return st;
}

static const char *const detector[4] = {"V", "-", "H", "+"};

static uint64_t singles(const qd_tag_info *i, int d) {
    return i->mask[1 << d];
}
static uint64_t several(const qd_tag_info *i) {
    uint64_t n = 0;
    for (unsigned m = 1; m < 16; m++)
        if (m & (m - 1)) n += i->mask[m];
    return n;
}
static double seconds_of(const qd_tag_info *i, qd_tick tick) {
    return (double)(i->last - i->first) * (double)tick.num / (double)tick.den * 1e-12;
}

static void print_info(FILE *to, const arguments *a, const qd_tag_format *f, const qd_tag_info *i) {
    qd_tick tick = qd_tag_format_tick(f);
    double s = seconds_of(i, tick), rate = s > 0 ? (double)i->events / s : 0;
    fprintf(to, "%s: %s (card timestamp%d), ticks of %.9g ps\n", a->file, qd_tag_format_name(f), (int)f->card,
           (double)tick.num / (double)tick.den);
    fprintf(to, "%" PRIu64 " records: %" PRIu64 " events, %" PRIu64 " padding, %" PRIu64 " rollover dummies, %" PRIu64
           " self-tests, %" PRIu64 " without detector\n",
           i->records, i->events, i->padding, i->dummies, i->selftests, i->empty);
    fprintf(to, "%.9g s, %.6g events a second\n", s, rate);
    for (int d = 0; d < 4; d++)
        fprintf(to, "detector %s: %" PRIu64 " alone, %.6g a second\n", detector[d], singles(i, d),
               s > 0 ? (double)singles(i, d) / s : 0);
    fprintf(to, "several detectors: %" PRIu64 "\n", several(i));
    fprintf(to, "order: %" PRIu64 " steps back, the largest %.9g ps; %" PRIu64 " wraps; %" PRIu64
           " events at the time of the one before, %" PRIu64 " of them duplicates\n",
           i->backward, (double)i->largest_backward * (double)tick.num / (double)tick.den, i->wraps, i->equal_times,
           i->duplicates);
}

static void warn_stray(const qd_tag_info *i) {
    if (i->stray)
        fprintf(stderr,
                "qdistill tags: warning: bits 13 and 14 are set in %" PRIu64
                " events; a timestamp3 leaves them zero. Is this another card\n"
                "  (--card timestamp7) or a file of 54 bits read as 49?\n",
                i->stray);
}

static json_t *info_json(json_t *j, const arguments *a, const qd_tag_format *f, const qd_tag_info *i) {
    qd_tick tick = qd_tag_format_tick(f);
    double s = seconds_of(i, tick);
    json_object_set_new(j, "file", json_string(a->file));
    json_object_set_new(j, "format", json_string(qd_tag_format_name(f)));
    json_object_set_new(j, "card", json_string(f->card == QD_CARD_TIMESTAMP7 ? "timestamp7" : "timestamp3"));
    json_object_set_new(j, "tick", json_pack("[I,I]", (json_int_t)tick.num, (json_int_t)tick.den));
    const struct {
        const char *name;
        uint64_t n;
    } counts[] = {{"records", i->records},       {"events", i->events},       {"padding", i->padding},
                  {"dummies", i->dummies},       {"selftests", i->selftests}, {"empty", i->empty},
                  {"wraps", i->wraps},           {"backward", i->backward},   {"equal_times", i->equal_times},
                  {"duplicates", i->duplicates}, {"stray", i->stray},         {"multi", several(i)}};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        json_object_set_new(j, counts[k].name, qd_json_from_u64(counts[k].n));
    json_object_set_new(j, "largest_backward", json_integer(i->largest_backward));
    json_object_set_new(j, "first", json_integer(i->first));
    json_object_set_new(j, "last", json_integer(i->last));
    json_object_set_new(j, "duration_s", json_real(s));
    json_object_set_new(j, "rate", json_real(s > 0 ? (double)i->events / s : 0));
    json_t *d = json_object();
    for (int k = 0; k < 4; k++) json_object_set_new(d, detector[k], qd_json_from_u64(singles(i, k)));
    json_object_set_new(j, "detectors", d);
    return j;
}

static qd_status run(const arguments *a, bool convert, const qd_tag_format *in, const qd_tag_format *out, qd_tag_info *info,
                     qd_error *err) {
    qd_tag_reader *reader = NULL;
    qd_tag_writer *writer = NULL;
    QD_TRY(qd_tag_reader_open(a->file, *in, &reader, err));
    qd_status st = convert ? qd_tag_writer_open(a->out, *out, &writer, err) : QD_OK;
    if (st == QD_OK) st = stream(reader, writer, err);
    *info = *qd_tag_reader_info(reader);
    if (st == QD_OK && convert) {
        st = qd_tag_writer_commit(writer, err);
        writer = NULL;
    }
    qd_tag_writer_abandon(writer);
    qd_tag_reader_close(reader);
    return st;
}

int qd_cmd_tags(int argc, char **argv) {
    qd_cli cli = {0};
    qd_error err = {0};
    arguments a = {0};
    const qd_opt opts[] = {
        {"format", QD_OPT_TEXT, &a.format, 0, 0, "F", "info: a1-49, a1-54, a1-49-swapped or a1-54-swapped", NULL},
        {"from", QD_OPT_TEXT, &a.from, 0, 0, "F", "convert: format of FILE", NULL},
        {"to", QD_OPT_TEXT, &a.to, 0, 0, "F", "convert: format to write; to 49 bits, times are cut to 125 ps", NULL},
        {"out", QD_OPT_TEXT, &a.out, 0, 0, "FILE", "convert: file to write", NULL},
        {"card", QD_OPT_TEXT, &a.card, 0, 0, "timestamp3|timestamp7",
         "card that wrote FILE: decides what the low bits mean (default by width)", NULL},
        {0}};
    const char *pos[2] = {NULL, NULL};
    size_t n_pos = 0;
    if (qd_cli_parse(&cli, opts, argc, argv, pos, 2, 2, &n_pos, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    a.action = pos[0];
    a.file = pos[1];
    bool convert = strcmp(a.action, "convert") == 0;
    qd_tag_format in, out;
    qd_tag_info info;
    if (check_arguments(&a, convert, &in, &out, &err) != QD_OK || run(&a, convert, &in, &out, &info, &err) != QD_OK)
        return qd_cli_fail(&cli, &err);
    warn_stray(&info);
    FILE *text = qd_cli_text(&cli);
    if (text) {
        print_info(text, &a, &in, &info);
        if (convert) fprintf(text, "written: %s, %s, %" PRIu64 " events\n", a.out, qd_tag_format_name(&out), info.events);
    }
    json_t *j = info_json(qd_cli_record(&cli, NULL), &a, &in, &info);
    json_object_set_new(j, "action", json_string(a.action));
    if (convert) {
        json_object_set_new(j, "out", json_string(a.out));
        json_object_set_new(j, "out_format", json_string(qd_tag_format_name(&out)));
    }
    return qd_cli_done(&cli, j);
}
