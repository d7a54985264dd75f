/* SPDX-License-Identifier: Apache-2.0 */
/* sync: two tag files to a clock. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "qcrypto_clock.h"
#include "qcrypto.h"
#include "qdistill/timetag.h"
#include "verbs.h"

/* Events a side that are held: enough for any lock that can be had, and a bound on the memory whatever the files. */
enum { CHUNK = 1 << 18, EVENTS_MAX = 1 << 24 };

typedef struct arguments {
    const char *file[2], *format;
    const char *effort;
    double max_offset_s, max_ppm, span_s, p_false;
} arguments;

/* Events of the first span_s seconds, at most EVENTS_MAX. */
static qd_status load(const char *path, qd_tag_format format, double span_s, qd_tags *tags, qd_error *err) {
    qd_tag_reader *reader = NULL;
    QD_TRY(qd_tag_reader_open(path, format, &reader, err));
    qd_tick tick = qd_tag_reader_tick(reader);
    double span = span_s * 1e12 * (double)tick.den / (double)tick.num;
    bool end = false;
    qd_status st = QD_OK;
    while (!end && st == QD_OK && tags->n < EVENTS_MAX) {
        st = qd_tag_reader_read(reader, EVENTS_MAX - tags->n < CHUNK ? EVENTS_MAX - tags->n : CHUNK, tags, &end, err);
        if (span_s > 0 && tags->n && (double)(tags->t[tags->n - 1] - tags->t[0]) > span) {
            tags->n = qd_tags_lower_bound(tags, tags->t[0] + (int64_t)span);
            break;
        }
    }
    qd_tag_reader_close(reader);
    return st;
}

static void print_clock(FILE *to, const qd_sync_report *r) {
    fprintf(to, "locked: offset %.3f ps (sd %.2g) at B's time %.6f s, frequency %.9f ppm (sd %.1g)\n", r->offset_ps,
           r->offset_sd_ps, r->base_ps * 1e-12, r->frequency_ppm, r->frequency_sd_ppm);
    fprintf(to, "significance %.1f (needed %.1f), probability of a false lock below %.2g among %" PRIu64 " hypotheses\n",
           r->significance, r->needed, r->p_false > 1e-300 ? r->p_false : 1e-300 /* smaller ones vanish in a double */,
           r->hypotheses);
    fprintf(to, "found again in data kept back: %" PRIu64 " events, %.4g by chance\n", r->confirmed, r->confirm_lambda);
    fprintf(to, "%" PRIu64 " pairs over %.6g s, jitter %.4g ps, rates %.6g and %.6g a second\n", r->pairs, r->span_s, r->sigma_ps,
           r->rate_a, r->rate_b);
}

static json_t *record(const qd_cli *cli, const qd_device *dev, const arguments *a, const qd_clock *clock,
                      const qd_sync_report *r) {
    json_t *j = qd_cli_record(cli, dev);
    json_object_set_new(j, "format", json_string(a->format));
    json_object_set_new(j, "offset_ps", r->locked ? json_real(r->offset_ps) : json_null());
    json_object_set_new(j, "frequency_ppm", r->locked ? json_real(r->frequency_ppm) : json_null());
    json_object_set_new(j, "base_ps", r->locked ? json_real(r->base_ps) : json_null());
    json_object_set_new(j, "significance", json_real(r->significance));
    json_object_set_new(j, "significance_needed", json_real(r->needed));
    json_object_set_new(j, "p_false", json_real(r->p_false));
    json_object_set_new(j, "max_offset_s", json_real(a->max_offset_s));
    json_object_set_new(j, "max_ppm", json_real(a->max_ppm));
    json_object_set_new(j, "max_p_false", json_real(a->p_false));
    json_object_set_new(j, "effort", json_string(a->effort));
    json_object_set_new(j, "locked", json_boolean(r->locked));
    json_object_set_new(j, "reason", r->locked ? json_null() : json_string(r->reason));
    if (r->locked) json_object_set_new(j, "clock", qd_clock_json(clock));
    json_object_set_new(j, "hypotheses", qd_json_from_u64(r->hypotheses));
    json_object_set_new(j, "peak", qd_json_from_u64(r->peak));
    json_object_set_new(j, "lambda", json_real(r->lambda));
    json_object_set_new(j, "dispersion", json_null());
    json_object_set_new(j, "rates", json_pack("[f,f]", r->rate_a, r->rate_b));
    json_object_set_new(j, "search_s", json_real(r->search_s));
    json_object_set_new(j, "confirmed", qd_json_from_u64(r->confirmed));
    json_object_set_new(j, "confirm_lambda", json_real(r->confirm_lambda));
    json_object_set_new(j, "confirm_p", json_real(r->confirm_p));
    json_object_set_new(j, "pairs", qd_json_from_u64(r->pairs));
    json_object_set_new(j, "sigma_ps", json_real(r->sigma_ps));
    json_object_set_new(j, "span_s", json_real(r->span_s));
    json_object_set_new(j, "offset_sd_ps", json_real(r->offset_sd_ps));
    json_object_set_new(j, "frequency_sd_ppm", json_real(r->frequency_sd_ppm));
    json_object_set_new(j, "mid_ps", json_real(r->mid_ps));
    json_object_set_new(j, "mid_offset_ps", json_real(r->mid_offset_ps));
    json_object_set_new(j, "mid_offset_sd_ps", json_real(r->mid_offset_sd_ps));
    return j;
}

static qd_status run(qd_cli *cli, const arguments *a, qd_tags tags[2], qd_device **dev, qd_clock *clock,
                     qd_sync_report *report, qd_error *err) {
    qd_tag_format format;
    if (!a->format)
        return qd_fail(
            err, QD_E_USAGE,
            "sync needs --format F||a format is never guessed: a file looks well in the wrong one|see qdistill sync --help");
    qd_sync_params p = {.max_offset_s = a->max_offset_s, .max_ppm = a->max_ppm, .p_false = a->p_false};
    QD_TRY(qd_tag_format_parse(a->format, &format, err));
    QD_TRY(qd_clock_effort(a->effort, &p.effort, err));
    for (int s = 0; s < 2; s++) QD_TRY(load(a->file[s], format, a->span_s, &tags[s], err));
    QD_TRY(qd_cli_device(cli, dev, err));
    return qd_correlate(*dev, &tags[0], &tags[1], &p, clock, report, err);
}

int qd_cmd_sync(int argc, char **argv) {
    int other;
    if (qd_qcrypto_mode(argc, argv, &other)) return other;
    bool stands_in = false; /* seen by the line above; here for --help */
    qd_cli cli = {0};
    qd_error err = {0};
    arguments a = {.effort = "normal", .max_offset_s = 0.01, .max_ppm = 10, .p_false = 1e-9};
    const qd_opt opts[] = {
        {"format", QD_OPT_TEXT, &a.format, 0, 0, "F", "of both files, as for tags: a1-54, t1, ptu, swabian, csv:time=t:unit=ns, ...", NULL},
        {"max-offset-s", QD_OPT_REAL, &a.max_offset_s, QD_RANGE_MAX_OFFSET_S, "S", "search offsets up to this, either way (default 0.01)",
         NULL},
        {"max-ppm", QD_OPT_REAL, &a.max_ppm, QD_RANGE_MAX_PPM, "P", "search frequencies up to this, either way (default 10)", NULL},
        {"effort", QD_OPT_TEXT, &a.effort, 0, 0, "E", "low, normal or high: how long to search before refusing (default normal)", NULL},
        {"p-false", QD_OPT_REAL, &a.p_false, 1e-100, 0.01, "P", "accepted probability of a false lock over the whole search (default 1e-9)", NULL},
        {"span-s", QD_OPT_REAL, &a.span_s, 1e-6, 1e6, "S", "use the first S seconds only (default: up to 16777216 events a side)",
         NULL},
        {"qcrypto", QD_OPT_FLAG, &stands_in, 0, 0, NULL, "with pfind's options and output: see qdistill sync --qcrypto --help", NULL},
        {"fpfind", QD_OPT_FLAG, &stands_in, 0, 0, NULL, "with fpfind's options and output: see qdistill sync --fpfind --help", NULL},
        {0}};
    size_t n_pos = 0;
    if (qd_cli_parse(&cli, opts, argc, argv, a.file, 2, 2, &n_pos, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    qd_tags tags[2] = {{0}, {0}};
    qd_device *dev = NULL;
    qd_clock clock = {0};
    qd_sync_report report = {0};
    int status;
    qd_status st = run(&cli, &a, tags, &dev, &clock, &report, &err);
    if (st == QD_OK) {
        FILE *text = qd_cli_text(&cli);
        if (text) print_clock(text, &report);
        status = qd_cli_done(&cli, record(&cli, dev, &a, &clock, &report));
    } else if (st == QD_E_POLICY) {
        status = qd_cli_refuse(&cli, record(&cli, dev, &a, &clock, &report), &err);
    } else {
        status = qd_cli_fail(&cli, &err);
    }
    for (int s = 0; s < 2; s++) qd_tags_destroy(&tags[s]);
    qd_device_close(dev);
    return status;
}
