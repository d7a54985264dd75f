/* SPDX-License-Identifier: Apache-2.0 */
/* sync --qcrypto: in pfind's place. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "letters.h"
#include "qcrypto.h"
#include "qcrypto_clock.h"
#include "qdistill/qcrypto.h"
#include "stop.h"

typedef struct options {
    const char *dir2, *dir1, *file2, *file1, *log;
    uint32_t first;
    int64_t epochs, order, fine, coarse, verbosity;
    bool has_first, remove2, remove1, help;
    qd_clock_options clock;
} options;

static const qd_mode mode = {
    "sync --qcrypto", "(-d DIR | -i FILE) (-D DIR | -I FILE) [-e EPOCH] [-n EPOCHS] ...",
    "Find t(T2 side) - t(T1 side), in units of 1/8 ns, at the beginning of the first epoch, and print it as pfind does.\n"
    "Without a lock nothing is printed on standard output, the reason on standard error, and the status is 6.\n"};

static qd_status parse(options *o, int argc, char **argv, qd_error *err) {
    *o = (options){.epochs = 1, .order = 17, .fine = 2, .coarse = 2048,
                   .clock = {.max_ppm = QD_CLOCK_PPM, .range = "-q with -R, or --max-offset-s", .frequency = "--max-ppm", .more = "-n", .where = "-e"}};
    const qd_letter letters[] = {
        {'d', NULL, QD_LETTER_TEXT, &o->dir2, 0, 0, "DIR", "directory of T2 files", NULL},
        {'D', NULL, QD_LETTER_TEXT, &o->dir1, 0, 0, "DIR", "directory of T1 files", NULL},
        {'i', NULL, QD_LETTER_TEXT, &o->file2, 0, 0, "FILE", "one T2 file in place of -d", NULL},
        {'I', NULL, QD_LETTER_TEXT, &o->file1, 0, 0, "FILE", "one T1 file in place of -D", NULL},
        {'e', NULL, QD_LETTER_EPOCH, &o->first, 0, 0, "EPOCH",
         "first epoch, 0x... or decimal (default: the first that both have)", &o->has_first},
        {'n', NULL, QD_LETTER_INT, &o->epochs, 1, 65536, "EPOCHS", "epochs to correlate (1)", NULL},
        {'q', NULL, QD_LETTER_INT, &o->order, 12, 30, "BITS",
         "with -R: offsets up to 2^(BITS-1) bins of -R are searched, either way (17)", NULL},
        {'R', NULL, QD_LETTER_INT, &o->coarse, 1, 1 << 20, "NS", "see -q (2048)", NULL},
        {'r', NULL, QD_LETTER_INT, &o->fine, 1, 1 << 20, "NS", "taken, and not needed: the offset is refined to the jitter (2)",
         NULL},
        {'k', NULL, QD_LETTER_FLAG, &o->remove2, 0, 0, NULL, "remove the T2 files after a lock", NULL},
        {'K', NULL, QD_LETTER_FLAG, &o->remove1, 0, 0, NULL, "remove the T1 files after a lock", NULL},
        {'l', NULL, QD_LETTER_TEXT, &o->log, 0, 0, "FILE", "append the result to FILE instead of printing it", NULL},
        {'V', NULL, QD_LETTER_INT, &o->verbosity, 0, 0, "LEVEL",
         "0: offset (default); 1: offset, fine and coarse significance, with tabs; 2, 3: in words; below 0: nothing", NULL},
        QD_CLOCK_LETTERS(o->clock),
        {0, "qcrypto", QD_LETTER_FLAG, NULL, 0, 0, NULL, "this mode", NULL},
        {0}};
    QD_TRY(qd_letters_parse(&mode, letters, argc, argv, &o->help, err));
    if (o->help) return QD_OK;
    if (!o->dir2 == !o->file2 || !o->dir1 == !o->file1)
        return qd_fail(err, QD_E_USAGE, "give -d or -i for the T2 side, and -D or -I for the T1 side|||see qdistill %s --help",
                       mode.name);
    double range = ldexp((double)o->coarse * 1e-9, (int)o->order - 1);
    if (!o->clock.has_max_offset) o->clock.max_offset_s = range < 10 ? range : 10;
    return QD_OK;
}

static qd_status first_epoch(options *o, qd_error *err) {
    if (o->has_first) return QD_OK;
    if (o->file2) return qd_epoch_of_file(o->file2, 2, &o->first, err);
    if (o->file1) return qd_epoch_of_file(o->file1, 1, &o->first, err);
    return qd_epoch_first(o->dir2, o->dir1, &o->first, err);
}

static void print_to(FILE *to, const options *o, const qd_clock_found *c) {
    int64_t offset = llround(c->offset_ps / 125);
    switch (o->verbosity) {
        case 0:
            fprintf(to, "%" PRId64 "\n", offset);
            break;
        case 1:
            fprintf(to, "%" PRId64 "\t%f\t%f\n", offset, c->fine, c->report.significance);
            break;
        case 2:
            fprintf(to, "difference: %" PRId64 ", sig_f: %f, sig_c: %f\n", offset, c->fine, c->report.significance);
            break;
        case 3:
            fprintf(to, "difference: %" PRId64 " units of 1/8 ns, %.12f s, at the beginning of epoch %08" PRIx32 "\n", offset,
                    c->offset_ps * 1e-12, o->first);
            fprintf(to, "frequency: %.9f ppm (freqcd -f %" PRId64 ")\n", c->report.frequency_ppm, qd_clock_freqcd(c));
            fprintf(to, "significance: fine %.2f, coarse %.2f; chance of a false lock ", c->fine, c->report.significance);
            if (c->report.p_false > 1e-300)
                fprintf(to, "below %.2g\n", c->report.p_false);
            else
                fprintf(to, "< 1e-300\n");
            fprintf(to, "events a second: %.6g (T2), %.6g (T1)\n", c->report.rate_a, c->report.rate_b);
            break;
        default:
            break;
    }
}

static qd_status print(const options *o, const qd_clock_found *c, qd_error *err) {
    if (!o->log) {
        print_to(stdout, o, c);
        return qd_mode_flush(err);
    }
    errno = 0;
    FILE *f = fopen(o->log, "a");
    if (f) print_to(f, o, c);
    bool ok = f && fflush(f) == 0 && !ferror(f);
    int number = errno;
    if (f && fclose(f) != 0 && ok) ok = false, number = errno;
    return ok ? QD_OK
              : qd_fail(err, QD_E_INPUT, "cannot write %s|%s|its directory is not there or may not be written to, or the disk is full|choose another -l, or make room",
                        o->log, strerror(number ? number : EIO));
}

static qd_status remove_used(const options *o, qd_error *err) {
    if (o->remove2) QD_TRY(qd_epoch_remove_range(o->dir2, o->file2, o->first, (uint32_t)o->epochs, err));
    return o->remove1 ? qd_epoch_remove_range(o->dir1, o->file1, o->first, (uint32_t)o->epochs, err) : QD_OK;
}

static qd_status run(options *o, qd_cli *cli, qd_error *err) {
    const qd_epoch_source source[2] = {{2, o->file2 ? o->file2 : o->dir2, o->file2 != NULL},
                                       {1, o->file1 ? o->file1 : o->dir1, o->file1 != NULL}};
    const qd_epoch_wait wait = {.seconds = 0.5, .stop = qd_stop_watch(), .note = qd_mode_note, .self = (void *)&mode};
    qd_tags tags[2] = {{0}, {0}};
    qd_clock_found found = {.freq = 0};
    uint32_t read;
    qd_status st = first_epoch(o, err);
    for (int s = 0; s < 2 && st == QD_OK; s++)
        st = qd_epoch_load(&source[s], o->first, (uint32_t)o->epochs, &wait, &tags[s], &read, err);
    if (st == QD_OK) st = qd_clock_find(cli, tags, &o->clock, 0, &found, err);
    if (st == QD_OK) st = print(o, &found, err);
    if (st == QD_OK) st = remove_used(o, err);
    if (st == QD_OK) qd_clock_warn(&mode, &found);
    for (int s = 0; s < 2; s++) qd_tags_destroy(&tags[s]);
    return st;
}

int qd_qcrypto_pfind(int argc, char **argv) {
    options o;
    qd_error err = {0};
    qd_status st = parse(&o, argc, argv, &err);
    qd_cli cli = qd_clock_cli(&mode, &o.clock);
    if (st == QD_OK && !o.help) st = run(&o, &cli, &err);
    return qd_mode_end(&cli, st, &err);
}
