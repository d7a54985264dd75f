/* SPDX-License-Identifier: Apache-2.0 */
/* sync: two tag files to a clock. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include "cli.h"
#include "qcrypto_clock.h"
#include "qcrypto.h"
#include "recordings.h"
#include "stop.h"
#include "sync_files.h"
#include "sync_follow.h"
#include "sync_report.h"
#include "verbs.h"

enum { WARNINGS = 4, TEXT = 320, FOLLOWS = 5 };

typedef struct warnings {
    char text[WARNINGS][TEXT];
    size_t n;
} warnings;

__attribute__((format(printf, 2, 3))) static void warn(warnings *w, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->text[w->n++], TEXT, fmt, ap);
    va_end(ap);
}

/* What a lock, or the lack of one, leaves unsaid. */
static void collect_warnings(const qd_sync_args *a, const qd_sync_files *f, const qd_sync_report *r, warnings *w) {
    double least = r->span_s * fmin(r->rate_a, r->rate_b);
    double tick = f->tags[0].tick.den ? (double)f->tags[0].tick.num / (double)f->tags[0].tick.den : 0;
    if (qd_sync_same(f))
        warn(w, "A and B are the same file: a recording always fits itself; give one file of each station");
    else if (r->locked && r->sigma_ps <= tick && (double)r->pairs > 0.9 * least)
        warn(w, "nearly all events have a partner at the same tick: the files are copies of one recording");
    if (r->locked && fabs(r->offset_ps * 1e-12 - a->offset_s) > 0.9 * a->max_offset_s)
        warn(w, "the offset lies at the edge of the search: the next recording may need more than --max-offset-s %.9g",
             a->max_offset_s);
    if (r->locked && fabs(r->frequency_ppm - a->ppm) > 0.9 * a->max_ppm)
        warn(w, "the frequency lies at the edge of the search: the next recording may need more than --max-ppm %.9g", a->max_ppm);
}

static json_t *record(const qd_cli *cli, const qd_device *dev, const qd_sync_args *a, const qd_sync_files *f,
                      const qd_clock *clock, const qd_sync_report *r, const warnings *w) {
    const char *said[WARNINGS];
    const qd_sync_loaded loaded = {{f->held[0], f->held[1]}, {f->loaded_s[0], f->loaded_s[1]}};
    json_t *j = qd_cli_record(cli, dev);
    for (size_t i = 0; i < w->n; i++) said[i] = w->text[i];
    qd_sync_json(j, a, &loaded, clock, r, said, w->n);
    qd_tag_seen seen[2];
    for (int k = 0; k < 2; k++) qd_tag_see(f->side[k].reader, &seen[k]);
    qd_sync_recordings(j, a, seen);
    return j;
}

/* On standard error: the recordings first, as what is wrong with them explains the rest. */
static void tell(const qd_cli *cli, const qd_sync_args *a, const warnings *w, const json_t *recordings) {
    for (int k = 0; k < 2; k++)
        qd_recordings_tell(cli, a->file[k], qd_sync_format(a, k), json_object_get(json_array_get(recordings, (size_t)k), "found"));
    for (size_t i = 0; i < w->n && !cli->quiet; i++) fprintf(stderr, "qdistill sync: warning: %s\n", w->text[i]);
}

/* What the texts mean, and what goes with what. */
static qd_status understand(qd_sync_args *a, const bool given[FOLLOWS], bool span, qd_error *err) {
    static const char *const name[FOLLOWS] = {"every-s", "wait-s", "idle-s", "lost-s", "hold-events"};
    if (!a->format)
        return qd_fail(
            err, QD_E_USAGE,
            "sync needs --format F||a format is never guessed: a file looks well in the wrong one|see qdistill sync --help");
    for (int i = 0; i < FOLLOWS && !a->follow; i++)
        if (given[i]) return qd_fail(err, QD_E_USAGE, "--%s goes with --follow|||give that too, or leave this out", name[i]);
    if (a->follow && span)
        return qd_fail(err, QD_E_USAGE,
                       "--span-s does not go with --follow||what is searched grows as the tags come|limit it by --wait-s");
    QD_TRY(qd_tag_format_parse(a->format, &a->tags[0], err));
    QD_TRY(qd_tag_format_parse(qd_sync_format(a, 1), &a->tags[1], err));
    return qd_clock_effort(a->effort, &a->level, err);
}

static qd_status run(qd_cli *cli, const qd_sync_args *a, qd_sync_files *f, qd_device **dev, qd_clock *clock,
                     qd_sync_report *report, const volatile sig_atomic_t *stop, qd_error *err) {
    qd_sync_params p = {.max_offset_s = a->max_offset_s,
                        .max_ppm = a->max_ppm,
                        .offset_s = a->offset_s,
                        .ppm = a->ppm,
                        .effort = a->level,
                        .p_false = a->p_false,
                        .follows = true,
                        .stop = stop};
    *f = (qd_sync_files){.path = {a->file[0], a->file[1]},
                         .format = {a->tags[0], a->tags[1]},
                         .span_s = a->span_s,
                         .offset_s = a->offset_s,
                         .max_offset_s = a->max_offset_s};
    QD_TRY(qd_sync_load(f, err));
    QD_TRY(qd_cli_device(cli, dev, err));
    QD_TRY(qd_correlate(*dev, &f->tags[0], &f->tags[1], &p, clock, report, err));
    if (report->followed_s > 0) return QD_OK; /* a line that touches the clock goes on nowhere */
    return qd_sync_extend(f, clock, report, err);
}

int qd_cmd_sync(int argc, char **argv) {
    int other;
    if (qd_qcrypto_mode(argc, argv, &other)) return other;
    bool stands_in = false; /* seen by the line above; here for --help */
    qd_cli cli = {0};
    qd_error err = {0};
    bool given[FOLLOWS] = {false}, span = false;
    qd_sync_args a = {.effort = "normal",
                      .max_offset_s = 1,
                      .max_ppm = 0x1p-13 * 1e6,
                      .p_false = 1e-9,
                      .every_s = 1,
                      .wait_s = 60,
                      .idle_s = 10,
                      .lost_s = 10,
                      .hold_events = QD_SYNC_EVENTS};
    const qd_opt opts[] = {
        {"format", QD_OPT_TEXT, &a.format, 0, 0, "F",
         "of both files, as for tags: a1-54, t1, ptu, swabian, csv:time=t:unit=ns, ...", NULL},
        {"format-b", QD_OPT_TEXT, &a.format_b, 0, 0, "F", "of B, where it is another: --format t2 --format-b t1 (default: as A)",
         NULL},
        {"max-offset-s", QD_OPT_REAL, &a.max_offset_s, QD_RANGE_MAX_OFFSET_S, "S",
         "search offsets up to this, either way of --offset-s (default 1)", NULL},
        {"max-ppm", QD_OPT_REAL, &a.max_ppm, QD_RANGE_MAX_PPM, "P",
         "search frequencies up to this, either way of --ppm (default 122.0703125)", NULL},
        {"offset-s", QD_OPT_REAL, &a.offset_s, QD_RANGE_OFFSET_S, "S",
         "what is known of the offset at B's first event: middle of the search (default 0)", NULL},
        {"ppm", QD_OPT_REAL, &a.ppm, QD_RANGE_FREQUENCY_PPM, "P",
         "what is known of the frequency: middle of the search (default 0)", NULL},
        {"effort", QD_OPT_TEXT, &a.effort, 0, 0, "E", "low, normal or high: how long to search before refusing (default normal)",
         NULL},
        {"p-false", QD_OPT_REAL, &a.p_false, QD_RANGE_P_FALSE, "P",
         "accepted probability of a false lock over the whole search (default 1e-9)", NULL},
        {"span-s", QD_OPT_REAL, &a.span_s, 1e-6, 1e6, "S",
         "use the first S seconds that both have (default: all; for the search up to 16777216 events a side)", &span},
        {"follow", QD_OPT_FLAG, &a.follow, 0, 0, NULL,
         "A and B still grow, are FIFOs, or directories that epoch files come into: lock as soon as enough is there, then follow "
         "the clock as tags come",
         NULL},
        {"every-s", QD_OPT_REAL, &a.every_s, 0.01, 1e6, "S", "with --follow: a line every S seconds of A's time (default 1)",
         &given[0]},
        {"wait-s", QD_OPT_REAL, &a.wait_s, 0.01, 1e6, "S",
         "with --follow: give up after S seconds of tags without a lock (default 60)", &given[1]},
        {"idle-s", QD_OPT_REAL, &a.idle_s, 0, 1e6, "S",
         "with --follow: a file or directory that has not grown for S seconds has ended (default 10)", &given[2]},
        {"lost-s", QD_OPT_REAL, &a.lost_s, 0.1, 1e6, "S",
         "with --follow: search anew after S seconds of tags without pairs (default 10)", &given[3]},
        {"hold-events", QD_OPT_U64, &a.hold_events, 1 << 16, 1 << 28, "N",
         "with --follow: events a side in memory at most, 8 bytes each (default 16777216)", &given[4]},
        {"qcrypto", QD_OPT_FLAG, &stands_in, 0, 0, NULL, "with pfind's options and output: see qdistill sync --qcrypto --help",
         NULL},
        {"fpfind", QD_OPT_FLAG, &stands_in, 0, 0, NULL, "with fpfind's options and output: see qdistill sync --fpfind --help",
         NULL},
        {0}};
    size_t n_pos = 0;
    if (qd_cli_parse(&cli, opts, argc, argv, a.file, 2, 2, &n_pos, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    if (understand(&a, given, span, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (a.follow) return qd_sync_follow(&cli, &a);
    const volatile sig_atomic_t *stop = qd_stop_watch();
    qd_sync_files f = {0};
    qd_device *dev = NULL;
    qd_clock clock = {0};
    qd_sync_report report = {0};
    warnings w = {.n = 0};
    json_t *said = NULL;
    int status;
    qd_status st = run(&cli, &a, &f, &dev, &clock, &report, stop, &err);
    if (st == QD_OK || st == QD_E_POLICY) {
        collect_warnings(&a, &f, &report, &w);
        said = record(&cli, dev, &a, &f, &clock, &report, &w);
        tell(&cli, &a, &w, json_object_get(said, "recordings"));
    }
    if (st == QD_OK) {
        FILE *text = qd_cli_text(&cli);
        if (text) qd_sync_print(text, &a, &report);
        status = qd_cli_done(&cli, said);
    } else if (st == QD_E_POLICY) {
        status = qd_cli_refuse(&cli, said, &err);
    } else {
        status = qd_cli_fail(&cli, &err);
    }
    qd_sync_close(&f);
    qd_device_close(dev);
    return status;
}
