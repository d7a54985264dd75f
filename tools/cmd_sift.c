/* SPDX-License-Identifier: Apache-2.0 */
/* sift: two tag files and a clock to sifted keys, one a basis, and counts. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"
#include "qcrypto.h"
#include "qdistill/sift_files.h"
#include "recordings.h"
#include "sift_bell.h"
#include "stop.h"
#include "verbs.h"

enum { CHUNK = 1 << 19, WARNINGS_MAX = 16, TEXT = 400 };

static const char *const side_name[2] = {"alice", "bob"}, *const basis_name[2] = {"z", "x"};

typedef struct warnings {
    char text[WARNINGS_MAX][TEXT];
    size_t n;
} warnings;

static char *next_warning(warnings *w) {
    return w->text[w->n < WARNINGS_MAX ? w->n : WARNINGS_MAX - 1];
}
static void keep_warning(warnings *w) {
    w->n += w->n < WARNINGS_MAX;
}

/* ---- What the bound assumes, against what was counted ---- */

static void warn_times(const qd_sift_times *t, warnings *w) {
    for (int s = 0; s < 2; s++)
        for (int b = 0; b < 2; b++) {
            qd_time_information info;
            qd_time_bit_information((const uint64_t(*)[2])t->count[s][b], t->bins, &info);
            if (info.bits <= QD_TIME_INFORMATION_WARN || info.bits <= 4 * info.sigma) continue; /* of few events: chance */
            snprintf(next_warning(w), TEXT,
                     "announced times tell %.2g bit (sd %.1g) of each of %s's bits in %s, above %g: detectors' delays differ; "
                     "the bound does not cover it",
                     info.bits, info.sigma, s ? "Bob" : "Alice", basis_name[b], QD_TIME_INFORMATION_WARN);
            keep_warning(w);
        }
}

/* More errors than bits that agree. --correlation inverts both bases: it is no way out where one is right as it is. */
static void warn_inverted(const qd_sift_options *o, const qd_qber *q, warnings *w) {
    static const char *const pair[2] = {"V and H", "- and +"}, *const map[2] = {"V=3,-=2,H=1,+=4", "V=1,-=4,H=3,+=2"};
    for (int b = 0; b < 2; b++) {
        if (!(q->rate[b] > 0.5)) continue;
        const double other = q->rate[!b]; /* NAN where it makes no key */
        if (q->rate[b] > 0.75 && other < 0.25)
            snprintf(next_warning(w), TEXT,
                     "QBER in %s is %.1f %%, in %s %.1f %%: %s alone is inverted. %s are interchanged at one station, or the source's Bell state is "
                     "another. Interchange them in one file: --channels %s of qdistill tags convert, where 1, 2, 3, 4 are V, -, H, + "
                     "(in --format: channels=%s)",
                     basis_name[b], 100 * q->rate[b], basis_name[!b], 100 * other, basis_name[b], pair[b], map[b], map[b]);
        else if (other <= 0.5)
            snprintf(next_warning(w), TEXT, "QBER in %s is %.1f %%: more errors than bits that agree; in %s it is %.1f %%", basis_name[b],
                     100 * q->rate[b], basis_name[!b], 100 * other);
        else
            snprintf(next_warning(w), TEXT,
                     "QBER in %s is %.1f %%: more errors than bits that agree. A source of %s polarisations? Try --correlation %s",
                     basis_name[b], 100 * q->rate[b], o->correlation == QD_ANTI ? "equal" : "opposite",
                     o->correlation == QD_ANTI ? "same" : "anti");
        keep_warning(w);
    }
}

static void collect_warnings(const qd_sift_options *o, const qd_sift_result *r, const qd_qber *q, const qd_bell *bell, warnings *w) {
    for (int s = 0; s < 2; s++) {
        if (qd_sift_warn_singles((qd_side)s, r->station[s].singles, QD_SINGLES_FACTOR, next_warning(w), TEXT)) keep_warning(w);
        if (qd_sift_warn_split((qd_side)s, &r->station[s].counts, next_warning(w), TEXT)) keep_warning(w);
        if (qd_sift_warn_interchanged_truth((qd_side)s, &r->pairs, next_warning(w), TEXT)) keep_warning(w);
    }
    if (o->dead_ps == 0) {
        snprintf(next_warning(w), TEXT,
                 "no dead time was declared (--dead-ps): within it a bit is predictable from the one before, and the bound, "
                 "which is written for detectors without memory, does not cover that");
        keep_warning(w);
    }
    if (r->clock.locked && 20 * r->clock.unfitted > r->clock.stretches) {
        snprintf(next_warning(w), TEXT,
                 "no pairs stood out in %" PRIu64 " of %" PRIu64 " stretches of 67 ms: the clock went on as it was, and what was paired there may be chance",
                 r->clock.unfitted, r->clock.stretches);
        keep_warning(w);
    }
    if (qd_bell_warn(bell, o, next_warning(w), TEXT)) keep_warning(w);
    warn_times(&r->times, w);
    warn_inverted(o, q, w);
}

/* Mean of the displaced windows. */
static double displaced_of(const qd_sift_result *r) {
    return r->windows ? (double)r->in_windows / (double)r->windows : 0;
}

/* Chance pairs among the coincidences. */
static double accidentals_of(const qd_sift_options *o, const qd_sift_result *r) {
    const qd_sift_times *t = &r->times;
    double sum = 0, n = 0;
    for (uint64_t k = 0; k < 2 * t->bins; k++) {
        const uint64_t *count = t->count[QD_ALICE][k / t->bins][k % t->bins];
        n += (double)(count[0] + count[1]);
        sum += (double)(count[0] + count[1]) * fabs(((double)(k % t->bins) + 0.5) / (double)t->bins - 0.5) * (double)o->window_ps;
    }
    qd_accidental_facts f = {.displaced = displaced_of(r), .pairs = r->coincidences, .window_ps = o->window_ps, .dead_ps = o->dead_ps,
                             .distance_ps = n > 0 ? sum / n : 0};
    for (int s = 0; s < 2; s++) f.kept[s] = r->station[s].tags - r->station[s].dead_dropped;
    return qd_accidentals_among(&f);
}

/* Pairs that chance explains: no more than 3 standard deviations above the mean of the displaced windows (Poisson; the mean
 * itself is known to 1/windows of its variance). With the right clock even a hundred tags a side stand far above. */
static bool by_chance(const qd_sift_result *r) {
    double mean = displaced_of(r), variance = r->windows ? mean * (1 + 1 / (double)r->windows) : 0;
    return (double)r->coincidences - mean <= 3 * sqrt(variance);
}

/* Nothing to distil: QD_E_POLICY says why, and gives the command that looks further. */
static qd_status check_result(const qd_sift_options *o, const char *const format[2], const qd_sift_result *r, qd_error *err) {
    static const char *const detector[4] = {"V", "-", "H", "+"};
    char path[2][QD_ERROR_PART], tags[2][QD_ERROR_PART];
    for (int s = 0; s < 2; s++) {
        qd_cli_quoted(o->path[s], path[s], sizeof path[s]);
        qd_cli_quoted(format[s], tags[s], sizeof tags[s]);
    }
    const bool alike = strcmp(format[0], format[1]) == 0;
    for (int s = 0; s < 2; s++) {
        int firing = 0, last = 0;
        for (int d = 0; d < 4; d++)
            if (r->station[s].singles[d]) firing++, last = d;
        if (firing == 1)
            return qd_fail(err, QD_E_POLICY,
                           "%s: all %" PRIu64
                           " tags are of one detector, %s||a key needs two bases of two detectors each: three detectors are "
                           "dark, or the file is not of a four-detector station|see what the file holds: qdistill tags info %s "
                           "--format %s",
                           o->path[s], r->station[s].tags, detector[last], path[s], tags[s]);
    }
    if (by_chance(r))
        return qd_fail(err, QD_E_POLICY,
                       "no coincidences but by chance (%" PRIu64 "; by chance %.1f) among %" PRIu64 " and %" PRIu64
                       " tags||the clock is wrong, the window too narrow, or the files are of different runs|find the clock, then "
                       "give it by --clock clock.json: qdistill sync %s %s --format %s%s%s --json clock.json",
                       r->coincidences, displaced_of(r), r->station[0].tags, r->station[1].tags, path[0], path[1], tags[0],
                       alike ? "" : " --format-b ", alike ? "" : tags[1]);
    return QD_OK;
}

/* ---- Record ---- */


static json_t *by_basis(json_t *z, json_t *x) {
    return json_pack("{s:o,s:o}", "z", z, "x", x);
}
static json_t *by_side(json_t *a, json_t *b) {
    return json_pack("{s:o,s:o}", "alice", a, "bob", b);
}

static json_t *list(const uint64_t *v, size_t n) {
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(a, qd_json_from_u64(v[i]));
    return a;
}

/* What `estimate` reads (once charged is added), and what else was counted; detectors in the order V, -, H, +. */
static json_t *counts_json(const qd_sift_options *o, const qd_sift_result *r, const qd_qber *q) {
    json_t *multi[2], *clicks[2], *masks[2], *singles[2];
    qd_counts c = {0};
    for (int s = 0; s < 2; s++) {
        const qd_sift_station *t = &r->station[s];
        qd_sift_counts_into(&c, (qd_side)s, &t->counts);
        multi[s] = json_pack("{s:o,s:o}", "one_basis", qd_json_from_u64(c.multi[s][0]), "both_bases", qd_json_from_u64(c.multi[s][1]));
        clicks[s] = list(c.clicks[s], 4);
        masks[s] = by_basis(list(t->counts.mask[QD_Z], 16), list(t->counts.mask[QD_X], 16));
        singles[s] = list(t->singles, 4);
    }
    json_t *pairs = json_array();
    for (int d = 0; d < 4; d++) json_array_append_new(pairs, list(r->pairs.pair[d], 4));
    return json_pack("{s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "schema", 1, "n", by_basis(qd_json_from_u64(q->n[0]), qd_json_from_u64(q->n[1])),
                     "errors", by_basis(qd_json_from_u64(q->errors[0]), qd_json_from_u64(q->errors[1])), "coincidences", qd_json_from_u64(r->coincidences),
                     "basis_mismatch", qd_json_from_u64(r->coincidences - q->n[0] - q->n[1]), "accidentals",
                     qd_json_from_u64((uint64_t)llround(accidentals_of(o, r))), "multi", by_side(multi[0], multi[1]), "clicks",
                     by_side(clicks[0], clicks[1]), "dead_dropped",
                     by_side(qd_json_from_u64(r->station[0].dead_dropped), qd_json_from_u64(r->station[1].dead_dropped)), "singles",
                     by_side(singles[0], singles[1]), "masks", by_side(masks[0], masks[1]), "pairs", pairs);
}

static json_t *times_json(const qd_sift_times *t) {
    json_t *j = json_object();
    for (int s = 0; s < 2; s++) {
        json_t *of_side = json_object();
        for (int b = 0; b < 2; b++) {
            qd_time_information i;
            qd_time_bit_information((const uint64_t(*)[2])t->count[s][b], t->bins, &i);
            json_object_set_new(of_side, basis_name[b], json_pack("{s:f,s:f}", "bits", i.bits, "sigma", i.sigma));
        }
        json_object_set_new(j, side_name[s], of_side);
    }
    return j;
}

static json_t *recordings_json(const char *const format[2], const qd_sift_options *o, const qd_sift_result *r) {
    return by_side(qd_tag_seen_json(&r->seen[0], o->path[0], format[0]), qd_tag_seen_json(&r->seen[1], o->path[1], format[1]));
}

static json_t *record_of(const qd_cli *cli, const qd_device *dev, const char *const format[2], const qd_sift_options *o, const qd_sift_result *r,
                         const qd_qber *q, const qd_bell *bell, const warnings *w) {
    json_t *j = qd_cli_record(cli, dev), *said = json_array();
    for (size_t i = 0; i < w->n; i++) json_array_append_new(said, json_string(w->text[i]));
    json_object_set_new(j, "rehearsal", json_boolean(o->rehearsal));
    json_object_set_new(j, "correlation", json_string(o->correlation == QD_ANTI ? "anti" : "same"));
    json_object_set_new(j, "tags", by_side(qd_json_from_u64(r->station[0].tags), qd_json_from_u64(r->station[1].tags)));
    json_object_set_new(j, "coincidences", qd_json_from_u64(r->coincidences));
    json_object_set_new(j, "accidentals", json_real(accidentals_of(o, r)));
    json_object_set_new(j, "displaced_mean", json_real(displaced_of(r)));
    json_object_set_new(j, "accidental_windows", qd_json_from_u64(r->windows));
    json_object_set_new(j, "sifted_bits", qd_json_from_u64(q->n[0] + q->n[1]));
    json_object_set_new(j, "qber", by_basis(qd_json_from_real(q->rate[0]), qd_json_from_real(q->rate[1])));
    qd_bell_record(bell, o, j);
    json_object_set_new(j, "chsh_implied", qd_json_from_real(q->chsh_implied));
    json_object_set_new(j, "track", o->one_line ? json_null() : qd_follow_json(&r->clock));
    json_object_set_new(j, "time_information", times_json(&r->times));
    json_object_set_new(j, "counts", counts_json(o, r, q));
    json_object_set_new(j, "recordings", recordings_json(format, o, r));
    json_object_set_new(j, "warnings", said);
    return j;
}

static void print_clock(FILE *to, const qd_sift_options *o, const qd_follow_report *c) {
    if (o->one_line)
        fprintf(to, "clock           one straight line\n");
    else if (!c->locked)
        fprintf(to, "clock           as given: too few pairs, or too short a time, to follow it\n");
    else
        fprintf(to,
                "clock           followed up to %.4g ns from the line, drift up to %.2g ppm/s; pairs scatter by %.0f ps; %" PRIu64 " of %" PRIu64
                " stretches without a fit, lost %" PRIu64 " times\n",
                c->departure_ps * 1e-3, c->drift_ppm_s, c->sigma_ps, c->unfitted, c->stretches, c->lost);
}

static void print_text(FILE *to, const qd_sift_options *o, const qd_sift_result *r, const qd_qber *q, const qd_bell *bell) {
    static const char *const detector[4] = {"V", "-", "H", "+"};
    fprintf(to, "tags            %" PRIu64 " (Alice), %" PRIu64 " (Bob); dead time removed %" PRIu64 " and %" PRIu64 "\n",
           r->station[0].tags, r->station[1].tags, r->station[0].dead_dropped, r->station[1].dead_dropped);
    print_clock(to, o, &r->clock);
    fprintf(to, "coincidences    %" PRIu64 ", of them by chance %.1f\n", r->coincidences, accidentals_of(o, r));
    for (int b = 0; b < 2; b++)
        if (o->no_key[b]) fprintf(to, "sifted %s        none: the settings are not aligned, its pairs are for the Bell test\n", basis_name[b]);
        else
            fprintf(to, "sifted %s        %" PRIu64 " bits, %" PRIu64 " errors, QBER %.3f %%\n", basis_name[b], q->n[b], q->errors[b],
                    q->n[b] ? 100 * q->rate[b] : 0.0);
    if (isfinite(q->chsh_implied)) fprintf(to, "S implied       %.3f (of the QBER, white noise%s)\n", q->chsh_implied, bell->station[0].given ? "" : "; no Bell settings recorded");
    qd_bell_print(bell, to);
    fprintf(to, "detector pairs  (rows Alice, columns Bob)\n             V          -          H          +\n");
    for (int d = 0; d < 4; d++)
        fprintf(to, "  %s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n", detector[d], r->pairs.pair[d][0],
               r->pairs.pair[d][1], r->pairs.pair[d][2], r->pairs.pair[d][3]);
}

/* ---- Output folder: complete, or gone ---- */

static char *name_in(const char *dir, int side, int basis) {
    char file[32];
    snprintf(file, sizeof file, "%s.%s.bits", side_name[side], basis_name[basis]);
    return qd_path_join(dir, file);
}

static void remove_outputs(const char *dir) {
    for (int i = 0; i < 5; i++) {
        char *path = i < 4 ? name_in(dir, i / 2, i % 2) : qd_path_join(dir, "counts.json");
        if (!path) continue;
        (void)unlink(path);
        char *side = malloc(strlen(path) + 6);
        if (side && sprintf(side, "%s.json", path) > 0) (void)unlink(side);
        free(side);
        free(path);
    }
    (void)rmdir(dir);
}

static qd_status write_outputs(const char *dir, const qd_sift_options *o, const qd_sift_result *r, const qd_qber *q, qd_error *err) {
    qd_status st = QD_OK;
    for (int i = 0; i < 4 && st == QD_OK; i++) {
        char *path = name_in(dir, i / 2, i % 2);
        st = path ? qd_bits_write_file(&r->station[i / 2].key[i % 2], path, QD_LSB_FIRST, 0600, err)
                  : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
        free(path);
    }
    if (st != QD_OK) return st;
    char *path = qd_path_join(dir, "counts.json");
    json_t *j = counts_json(o, r, q);
    st = path ? qd_json_write(j, path, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a path");
    json_decref(j);
    free(path);
    return st;
}

/* ---- The verb ---- */

typedef struct arguments {
    const char *format[2], *correlation, *track, *out;
    bool has_offset, has_ppm, has_window;
    int64_t offset_ps;
    qd_sift_options o;
    qd_bell bell;
} arguments;

static qd_status check_arguments(const qd_cli *cli, arguments *a, const char *const pos[2], qd_error *err) {
    qd_sift_options *o = &a->o;
    if (!a->format[0])
        return qd_fail(err, QD_E_USAGE,
                       "sift needs --format||width and order of tags come from an explicit name, never from a guess|see qdistill "
                       "sift --help");
    if (!a->format[1]) a->format[1] = a->format[0];
    for (int s = 0; s < 2; s++) QD_TRY(qd_tag_format_parse(a->format[s], &o->format[s], err));
    if (!a->out) return qd_fail(err, QD_E_USAGE, "sift needs --out DIR|||see qdistill sift --help");
    if (!a->has_window)
        return qd_fail(err, QD_E_USAGE,
                       "sift needs --window-ps, the full width of the coincidence window|||see qdistill sift --help");
    if (!o->clock_file && !a->has_offset)
        return qd_fail(
            err, QD_E_USAGE,
            "sift needs --clock FILE, or --offset-ps and --ppm||the clock comes from qdistill sync|see qdistill sift --help");
    if (o->clock_file && (a->has_offset || a->has_ppm))
        return qd_fail(err, QD_E_USAGE, "--clock excludes --offset-ps and --ppm|||see qdistill sift --help");
    if (strcmp(a->correlation, "anti") == 0)
        o->correlation = QD_ANTI;
    else if (strcmp(a->correlation, "same") == 0)
        o->correlation = QD_SAME;
    else
        return qd_fail(err, QD_E_USAGE, "--correlation: '%s' is neither anti nor same|||see qdistill sift --help",
                       a->correlation);
    o->one_line = strcmp(a->track, "off") == 0;
    if (!o->one_line && strcmp(a->track, "on") != 0)
        return qd_fail(err, QD_E_USAGE, "--track: '%s' is neither on nor off|||see qdistill sift --help", a->track);
    QD_TRY(qd_bell_options(&a->bell, o, err));
    for (int s = 0; s < 2; s++) o->path[s] = pos[s];
    o->offset_ps = (double)a->offset_ps;
    o->rehearsal = cli->has_seed;
    o->seed = cli->seed;
    return QD_OK;
}

static void tell_recordings(const qd_cli *cli, const arguments *a, const qd_sift_result *r) {
    for (int s = 0; s < 2; s++) {
        json_t *found = qd_tag_found_json(&r->seen[s], ~0U);
        qd_recordings_tell(cli, a->o.path[s], a->format[s], found);
        json_decref(found);
    }
}

/* From files to the written folder and the record; of a refusal the record has what the files are like. */
static qd_status work(const qd_cli *cli, arguments *a, qd_device *dev, qd_sift_result *r, json_t **record, qd_error *err) {
    qd_progress *progress = NULL;
    qd_qber q;
    warnings w = {.n = 0};
    QD_TRY(qd_cli_progress(cli, &progress, err));
    qd_status st = qd_sift_files_truth(&a->o, dev, progress, r, err);
    qd_progress_destroy(progress);
    QD_TRY(st);
    tell_recordings(cli, a, r);
    QD_TRY(check_result(&a->o, a->format, r, err));
    QD_TRY(qd_qber_truth(r->station[0].key, r->station[1].key, &q, err));
    qd_bell_test(&a->bell, &a->o, r, accidentals_of(&a->o, r));
    collect_warnings(&a->o, r, &q, &a->bell, &w);
    QD_TRY(write_outputs(a->out, &a->o, r, &q, err));
    for (size_t i = 0; i < w.n && !cli->quiet; i++) fprintf(stderr, "qdistill sift: warning: %s\n", w.text[i]);
    FILE *text = qd_cli_text(cli);
    if (text) print_text(text, &a->o, r, &q, &a->bell);
    *record = record_of(cli, dev, a->format, &a->o, r, &q, &a->bell, &w);
    return QD_OK;
}

int qd_cmd_sift(int argc, char **argv) {
    int other;
    if (qd_qcrypto_mode(argc, argv, &other)) return other;
    bool stands_in = false; /* seen by the line above; here for --help */
    qd_cli cli = {0};
    qd_error err = {0};
    arguments a = {.correlation = "anti", .track = "on", .o = {.announce_ps = 125, .chunk = CHUNK}};
    const qd_opt opts[] = {
        {"format", QD_OPT_TEXT, &a.format[0], 0, 0, "F", "of both files, as for tags: a1-54, t1, ptu, swabian, csv:time=t:unit=ns, ...", NULL},
        {"format-b", QD_OPT_TEXT, &a.format[1], 0, 0, "F", "of B, where it is another: --format swabian --format-b csv (default: as A)", NULL},
        {"clock", QD_OPT_TEXT, &a.o.clock_file, 0, 0, "FILE", "clock of B on A's, as sync writes it", NULL},
        {"offset-ps", QD_OPT_I64, &a.offset_ps, 0, 0, "N", "in place of --clock: time of A less time of B, at B's first tag",
         &a.has_offset},
        {"ppm", QD_OPT_REAL, &a.o.ppm, QD_RANGE_FREQUENCY_PPM, "X", "in place of --clock: frequency of A's clock against B's in 1e-6 (default 0)", &a.has_ppm},
        {"track", QD_OPT_TEXT, &a.track, 0, 0, "on|off", "follow the clock from there as its frequency drifts (default), or hold its straight line", NULL},
        {"window-ps", QD_OPT_U64, &a.o.window_ps, QD_RANGE_WINDOW_PS, "W", "full width of the coincidence window: a pair needs 2|d| < W",
         &a.has_window},
        {"dead-ps", QD_OPT_U64, &a.o.dead_ps, QD_RANGE_DEAD_PS, "D", "longest dead time of the detectors: an event is dropped if one of its station clicked in the D before it",
         NULL},
        {"announce-ps", QD_OPT_U64, &a.o.announce_ps, QD_RANGE_ANNOUNCE_PS, "P",
         "rounding of Alice's times before they leave her station (default 125)", NULL},
        {"correlation", QD_OPT_TEXT, &a.correlation, 0, 0, "anti|same", "polarisations of a pair: opposite (default) or equal",
         NULL},
        {"angles-a", QD_OPT_TEXT, &a.bell.text[0], 0, 0, "V,M,H,P", "degrees of Alice's detectors V, -, H, +, for correlations and the Bell test", NULL},
        {"angles-b", QD_OPT_TEXT, &a.bell.text[1], 0, 0, "V,M,H,P", "the same of Bob's; bases whose settings are not aligned then make no key", NULL},
        {"out", QD_OPT_TEXT, &a.out, 0, 0, "DIR", "directory to make with alice.z.bits alice.x.bits bob.z.bits bob.x.bits counts.json",
         NULL},
        {"qcrypto", QD_OPT_FLAG, &stands_in, 0, 0, NULL, "with costream's options and output: see qdistill sift --qcrypto --help", NULL},
        {"splicer", QD_OPT_FLAG, &stands_in, 0, 0, NULL, "with splicer's options and output: see qdistill sift --splicer --help", NULL},
        {0}};
    const char *pos[2] = {NULL, NULL};
    if (qd_cli_parse(&cli, opts, argc, argv, pos, 2, 2, NULL, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    a.o.stop = qd_stop_watch();
    qd_device *dev = NULL;
    json_t *record = NULL;
    qd_sift_result r = {0};
    /* What can be wrong is looked at before a device is set up, which takes seconds. */
    if (check_arguments(&cli, &a, pos, &err) != QD_OK || qd_cli_free_path(a.out, NULL, &err) != QD_OK ||
        qd_sift_files_check(&a.o, &err) != QD_OK || qd_dir_create(a.out, false, &err) != QD_OK)
        return qd_cli_fail(&cli, &err);
    qd_status st = qd_cli_device(&cli, &dev, &err);
    if (st == QD_OK) st = work(&cli, &a, dev, &r, &record, &err);
    if (st == QD_E_POLICY) {
        record = qd_cli_record(&cli, dev);
        json_object_set_new(record, "recordings", recordings_json(a.format, &a.o, &r));
    }
    qd_sift_result_free(&r);
    if (st != QD_OK) remove_outputs(a.out);
    int status = st == QD_OK ? qd_cli_done(&cli, record) : st == QD_E_POLICY ? qd_cli_refuse(&cli, record, &err) : qd_cli_fail(&cli, &err);
    qd_device_close(dev);
    return status;
}
