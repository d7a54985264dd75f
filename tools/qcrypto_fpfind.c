/* SPDX-License-Identifier: Apache-2.0 */
/* sync --fpfind: in fpfind's place. Its reference is the T2 side, its target the T1 side, and what it prints by default is to be
 * taken off the target: (target - dt) / (1 + df) is the reference's time. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "letters.h"
#include "qcrypto.h"
#include "qcrypto_clock.h"
#include "qdistill/qcrypto.h"
#include "stop.h"

enum { INVERT = 1, UNITS_2_34 = 2, NO_TIME = 4, EIGHTHS = 8, WITH_EPOCH = 16, CHUNK = 1 << 18 };

typedef struct options {
    const char *dir2, *dir1, *file2, *file1, *first_name;
    uint32_t first;
    int64_t wraps, order, bin_ns, output, skip_epochs, mask2, mask1;
    double separation, skip_s, max_dt_ns, max_df;
    bool high_first, has_max_df, help;
    qd_clock_options clock;
} options;

static const qd_mode mode = {
    "sync --fpfind", "(-d DIR -D DIR [-e NAME] | -t FILE -T FILE [-X]) [-V BITS] ...",
    "Find offset and frequency, and print them as fpfind does: df, a tab, dt in ns, both to be taken off the T1 side (see -V).\n"
    "Without a lock nothing is printed on standard output, the reason on standard error, and the status is 6.\n"};

static qd_status take_limits(options *o, qd_error *err) {
    char *end;
    if (!o->clock.has_max_offset) o->clock.max_offset_s = o->max_dt_ns * 1e-9;
    if (o->has_max_df) o->clock.max_ppm = fmin(o->max_df * 1e6, 200);
    if (o->first_name) { /* as files are called; 0x before it does no harm */
        o->first = (uint32_t)strtoul(o->first_name, &end, 16);
        if (*end || strlen(o->first_name) > 10)
            return qd_fail(err, QD_E_USAGE,
                           "-e: '%s' is no epoch||epochs are called by 8 hexadecimal digits|see qdistill %s --help",
                           o->first_name, mode.name);
    }
    return QD_OK;
}

static qd_status parse(options *o, int argc, char **argv, qd_error *err) {
    *o = (options){.wraps = 1,
                   .order = 26,
                   .bin_ns = 16,
                   .mask2 = 15,
                   .mask1 = 15,
                   .separation = 6,
                   .max_dt_ns = 2e8,
                   .clock = {.max_ppm = QD_CLOCK_PPM, .range = "--max-dt", .frequency = "--max-df", .more = "-k", .where = "-e or -Z"}};
    const qd_letter letters[] = {
        {'d', "sendfiles", QD_LETTER_TEXT, &o->dir2, 0, 0, "DIR", "directory of T2 files, the reference", NULL},
        {'D', "t1files", QD_LETTER_TEXT, &o->dir1, 0, 0, "DIR", "directory of T1 files, the target", NULL},
        {'t', "reference", QD_LETTER_TEXT, &o->file2, 0, 0, "FILE", "raw events of the reference, in place of -d", NULL},
        {'T', "target", QD_LETTER_TEXT, &o->file1, 0, 0, "FILE", "raw events of the target, in place of -D", NULL},
        {'X', "legacy", QD_LETTER_FLAG, &o->high_first, 0, 0, NULL, "raw events have the high word first (a1-54-swapped)", NULL},
        {'e', "first-epoch", QD_LETTER_TEXT, &o->first_name, 0, 0, "NAME",
         "first epoch as its file is called (default: the first that both have)", NULL},
        {'z', "skip-epochs", QD_LETTER_INT, &o->skip_epochs, 0, 1 << 20, "N", "epochs to leave out first", NULL},
        {'Z', "skip-duration", QD_LETTER_REAL, &o->skip_s, 0, 1e6, "S", "seconds of raw events to leave out first", NULL},
        {'m', "reference-pattern", QD_LETTER_INT, &o->mask2, 1, 15, "MASK",
         "only events of the reference with a detector in MASK", NULL},
        {'M', "target-pattern", QD_LETTER_INT, &o->mask1, 1, 15, "MASK", "the same of the target", NULL},
        {'k', "num-wraps", QD_LETTER_INT, &o->wraps, 1, 1 << 16, "K", "data are read for (S + 3) K windows of 2^Q bins (1)",
         NULL},
        {'q', "buffer-order", QD_LETTER_INT, &o->order, 12, 32, "Q", "see -k (26)", NULL},
        {'R', "initial-res", QD_LETTER_INT, &o->bin_ns, 1, 1 << 20, "NS", "length of such a bin (16)", NULL},
        {'s', "separation", QD_LETTER_REAL, &o->separation, 0, 1000, "S", "see -k (6)", NULL},
        {'V', "output", QD_LETTER_INT, &o->output, 0, 31, "BITS",
         "1: to be added to the T1 side instead; 2: df in 2^-34; 4: df alone; 8: dt in 1/8 ns; 16: the first epoch behind them",
         NULL},
        {0, "max-dt", QD_LETTER_REAL, &o->max_dt_ns, 1, 1e10, "NS", "largest dt (2e8)", NULL},
        {0, "max-df", QD_LETTER_REAL, &o->max_df, 1e-12, 1, "DF", "largest df (2^-13)", &o->has_max_df},
        {'r', "final-res", QD_LETTER_IGNORED, NULL, 0, 0, "NS", "taken, and not needed, as the next ones: the search sees to it",
         NULL},
        {'S', "peak-threshold", QD_LETTER_IGNORED, NULL, 0, 0, "S", "not needed", NULL},
        {'Q', "convergence-order", QD_LETTER_IGNORED, NULL, 0, 0, "X", "not needed", NULL},
        {'P', "precomp-enable", QD_LETTER_IGNORED, NULL, 0, 0, NULL, "not needed: all of --max-df is searched at once", NULL},
        {0, "df", QD_LETTER_IGNORED, NULL, 0, 0, "DF", "not needed", NULL},
        {0, "precomp-start", QD_LETTER_IGNORED, NULL, 0, 0, "DF", "not needed", NULL},
        {0, "precomp-step", QD_LETTER_IGNORED, NULL, 0, 0, "DF", "not needed", NULL},
        {0, "precomp-stop", QD_LETTER_IGNORED, NULL, 0, 0, "DF", "not needed", NULL},
        {0, "precomp-ordered", QD_LETTER_IGNORED, NULL, 0, 0, NULL, "not needed", NULL},
        {0, "precomp-fullscan", QD_LETTER_IGNORED, NULL, 0, 0, NULL, "not needed", NULL},
        {0, "freq-threshold", QD_LETTER_IGNORED, NULL, 0, 0, "PPB", "not needed", NULL},
        {0, "convergence-rate", QD_LETTER_IGNORED, NULL, 0, 0, "X", "not needed", NULL},
        {0, "disable-doubling", QD_LETTER_IGNORED, NULL, 0, 0, NULL, "not needed", NULL},
        {0, "force-comp", QD_LETTER_IGNORED, NULL, 0, 0, NULL, "not needed", NULL},
        {'f', "quick", QD_LETTER_IGNORED, NULL, 0, 0, NULL, "not needed", NULL},
        {'I', "interruptible", QD_LETTER_IGNORED, NULL, 0, 0, NULL, "not needed", NULL},
        {'L', "logging", QD_LETTER_IGNORED, NULL, 0, 0, "FILE", "no effect: what is said goes to standard error", NULL},
        {'v', "verbosity", QD_LETTER_IGNORED, NULL, 0, 0, NULL, "no effect", NULL},
        {'p', NULL, QD_LETTER_FLAG, &o->clock.quiet, 0, 0, NULL, "say only errors on standard error", NULL},
        {0, "disable-comp", QD_LETTER_REFUSED, NULL, 0, 0, NULL, "the frequency is always searched; --max-ppm narrows it", NULL},
        {0, "dt", QD_LETTER_REFUSED, NULL, 0, 0, "NS", "no times are shifted beforehand: all of --max-dt is searched at once",
         NULL},
        {0, "config", QD_LETTER_REFUSED, NULL, 0, 0, "FILE", "options come from the command line alone", NULL},
        QD_CLOCK_LETTERS(o->clock),
        {0, "fpfind", QD_LETTER_FLAG, NULL, 0, 0, NULL, "this mode", NULL},
        {0}};
    QD_TRY(qd_letters_parse(&mode, letters, argc, argv, &o->help, err));
    if (o->help) return QD_OK;
    bool folders = o->dir2 && o->dir1, files = o->file2 && o->file1;
    if (folders == files || !o->dir2 != !o->dir1 || !o->file2 != !o->file1)
        return qd_fail(err, QD_E_USAGE, "give -d and -D, or -t and -T|||see qdistill %s --help", mode.name);
    return take_limits(o, err);
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static double seconds_needed(const options *o) {
    return (o->separation + 3) * ldexp((double)(o->bin_ns * o->wraps) * 1e-9, (int)o->order);
}

static qd_status load_epochs(options *o, qd_tags tags[2], qd_error *err) {
    const qd_epoch_source source[2] = {{2, o->dir2, false}, {1, o->dir1, false}};
    const qd_epoch_wait wait = {
        .seconds = 0, .stop = qd_stop_watch(), .note = o->clock.quiet ? NULL : qd_mode_note, .self = (void *)&mode};
    if (!o->first_name) QD_TRY(qd_epoch_first(o->dir2, o->dir1, &o->first, err));
    uint32_t epochs = (uint32_t)ceil(seconds_needed(o) / 0.536870912), read;
    for (int s = 0; s < 2; s++) {
        /* what is not there yet is no gap: no more epochs than there are */
        uint32_t from = o->first + (uint32_t)o->skip_epochs, n = 0, next = from;
        bool any = true;
        while (n < epochs && any) {
            QD_TRY(qd_epoch_next(source[s].path, from + n, &next, &any, err));
            if (any) n = next - from + 1;
        }
        QD_TRY(qd_epoch_load(&source[s], from, n < epochs ? n : epochs, &wait, &tags[s], &read, err));
    }
    return QD_OK;
}

static qd_status load_raw(const char *path, bool high_first, double seconds, qd_tags *tags, qd_error *err) {
    qd_tag_format format;
    qd_tag_reader *reader;
    bool end = false;
    QD_TRY(qd_tag_format_parse(high_first ? "a1-54-swapped" : "a1-54", &format, err));
    QD_TRY(qd_tag_reader_open(path, format, &reader, err));
    qd_tick tick = qd_tag_reader_tick(reader);
    double span = seconds * 1e12 * (double)tick.den / (double)tick.num;
    qd_status st = QD_OK;
    while (!end && st == QD_OK && (tags->n == 0 || (double)(tags->t[tags->n - 1] - tags->t[0]) < span))
        st = qd_tag_reader_read(reader, CHUNK, tags, &end, err);
    qd_tag_reader_close(reader);
    return st;
}

/* Keep events of the wanted detectors from a time on. */
static void select_events(qd_tags *t, int64_t mask, int64_t from) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < t->n; i++) {
        if (!(t->mask[i] & mask) || t->t[i] < from) continue;
        t->t[n] = t->t[i];
        t->mask[n++] = t->mask[i];
    }
    t->n = n;
}

static qd_status load(options *o, qd_tags tags[2], int64_t *start, qd_error *err) {
    if (o->dir2) {
        QD_TRY(load_epochs(o, tags, err));
    } else {
        double seconds = seconds_needed(o) + o->skip_s + o->clock.max_offset_s;
        QD_TRY(load_raw(o->file2, o->high_first, seconds, &tags[0], err));
        QD_TRY(load_raw(o->file1, o->high_first, seconds, &tags[1], err));
    }
    select_events(&tags[0], o->mask2, INT64_MIN);
    select_events(&tags[1], o->mask1, INT64_MIN);
    if (!tags[0].n || !tags[1].n) return QD_OK; /* the search says what is missing */
    /* time 0 of what is printed: the later of both beginnings */
    *start = tags[0].t[0] > tags[1].t[0] ? tags[0].t[0] : tags[1].t[0];
    if (!o->dir2) *start += (int64_t)(o->skip_s * 1e12 * (double)tags[0].tick.den / (double)tags[0].tick.num);
    for (int s = 0; s < 2; s++) select_events(&tags[s], 15, *start);
    return QD_OK;
}

/* ---- Output ------------------------------------------------------------------------------------------------------ */

/* Found: t2 = t1 + D + f t1. Added to the T1 side that is D and f; taken off it, dt = -D / (1 + f) and 1 + df = 1 / (1 + f). */
static void print(const options *o, const qd_clock_found *c) {
    bool added = o->output & INVERT;
    double df = added ? c->freq : 1 / (1 + c->freq) - 1, dt_ns = (added ? c->offset_ps : -c->offset_ps / (1 + c->freq)) * 1e-3;
    if (o->output & UNITS_2_34)
        printf("%lld", llround(ldexp(df, 34)));
    else
        printf("%.15g", df);
    if (!(o->output & NO_TIME)) printf("\t%lld", llround(o->output & EIGHTHS ? 8 * dt_ns : dt_ns));
    if (o->output & WITH_EPOCH && o->dir2) printf("\t%08" PRIx32, o->first);
    printf("\n");
}

static qd_status run(options *o, qd_cli *cli, qd_error *err) {
    qd_tags tags[2] = {{0}, {0}};
    qd_clock_found found = {.freq = 0};
    int64_t start = 0;
    qd_status st = load(o, tags, &start, err);
    double at_ps = st == QD_OK ? (double)start * (double)tags[1].tick.num / (double)tags[1].tick.den : 0;
    if (st == QD_OK) st = qd_clock_find(cli, tags, &o->clock, at_ps, &found, err);
    if (st == QD_OK) {
        print(o, &found);
        st = qd_mode_flush(err);
    }
    for (int s = 0; s < 2; s++) qd_tags_destroy(&tags[s]);
    return st;
}

int qd_qcrypto_fpfind(int argc, char **argv) {
    options o;
    qd_error err = {0};
    qd_status st = parse(&o, argc, argv, &err);
    qd_cli cli = qd_clock_cli(&mode, &o.clock);
    if (st == QD_OK && !o.help) st = run(&o, &cli, &err);
    return qd_mode_end(&cli, st, &err);
}
