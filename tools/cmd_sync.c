/* SPDX-License-Identifier: Apache-2.0 */
/* sync: two tag files to a clock. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include "cli.h"
#include "qcrypto_clock.h"
#include "qcrypto.h"
#include "stop.h"
#include "sync_files.h"
#include "verbs.h"

enum { WARNINGS = 4, TEXT = 320 };

typedef struct arguments {
    const char *file[2], *format, *effort;
    double max_offset_s, max_ppm, offset_s, ppm, span_s, p_false;
} arguments;

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
static void collect_warnings(const arguments *a, const qd_sync_files *f, const qd_sync_report *r, warnings *w) {
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

static void print_clock(FILE *to, const qd_sync_report *r) {
    fprintf(to, "locked: offset %.3f ps (sd %.2g) at B's time %.6f s, frequency %.9f ppm (sd %.1g)\n", r->offset_ps,
            r->offset_sd_ps, r->base_ps * 1e-12, r->frequency_ppm, r->frequency_sd_ppm);
    fprintf(to, "significance %.1f (needed %.1f), probability of a false lock below %.2g among %" PRIu64 " hypotheses\n",
            r->significance, r->needed, r->p_false > 1e-300 ? r->p_false : 1e-300 /* smaller ones vanish in a double */,
            r->hypotheses);
    fprintf(to, "found again in data kept back: %" PRIu64 " events, %.4g by chance\n", r->confirmed, r->confirm_lambda);
    if (r->followed_s > 0)
        fprintf(to, "the frequency drifts, by %.3g ppm a second: the line touches the clock there; sift follows it, as was done here for %.6g s\n",
                r->drift_ppm_s, r->followed_s);
    fprintf(to, "%" PRIu64 " pairs over %.6g s, jitter %.4g ps, rates %.6g and %.6g a second\n", r->pairs, r->span_s, r->sigma_ps,
            r->rate_a, r->rate_b);
}

static json_t *record(const qd_cli *cli, const qd_device *dev, const arguments *a, const qd_sync_files *f, const qd_clock *clock,
                      const qd_sync_report *r, const warnings *w) {
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
    json_object_set_new(j, "prior_offset_s", json_real(a->offset_s));
    json_object_set_new(j, "prior_ppm", json_real(a->ppm));
    json_object_set_new(j, "loaded_s", json_pack("[f,f]", f->loaded_s[0], f->loaded_s[1]));
    json_object_set_new(j, "loaded_events", json_pack("[I,I]", (json_int_t)f->held[0], (json_int_t)f->held[1]));
    json_object_set_new(j, "max_p_false", json_real(a->p_false));
    json_object_set_new(j, "effort", json_string(a->effort));
    json_object_set_new(j, "locked", json_boolean(r->locked));
    json_object_set_new(j, "reason", r->locked ? json_null() : json_string(r->reason));
    json_object_set_new(j, "refusal", r->locked ? json_null() : json_string(qd_no_lock_name(r->cause)));
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
    json_object_set_new(j, "followed_s", json_real(r->followed_s));
    json_object_set_new(j, "drift_ppm_s", json_real(r->drift_ppm_s));
    json_object_set_new(j, "offset_sd_ps", json_real(r->offset_sd_ps));
    json_object_set_new(j, "frequency_sd_ppm", json_real(r->frequency_sd_ppm));
    json_object_set_new(j, "mid_ps", json_real(r->mid_ps));
    json_object_set_new(j, "mid_offset_ps", json_real(r->mid_offset_ps));
    json_object_set_new(j, "mid_offset_sd_ps", json_real(r->mid_offset_sd_ps));
    json_t *said = json_array();
    for (size_t i = 0; i < w->n; i++) json_array_append_new(said, json_string(w->text[i]));
    json_object_set_new(j, "warnings", said);
    return j;
}

static qd_status run(qd_cli *cli, const arguments *a, qd_sync_files *f, qd_device **dev, qd_clock *clock, qd_sync_report *report,
                     qd_error *err) {
    if (!a->format)
        return qd_fail(
            err, QD_E_USAGE,
            "sync needs --format F||a format is never guessed: a file looks well in the wrong one|see qdistill sync --help");
    qd_sync_params p = {.max_offset_s = a->max_offset_s,
                        .max_ppm = a->max_ppm,
                        .offset_s = a->offset_s,
                        .ppm = a->ppm,
                        .p_false = a->p_false,
                        .follows = true};
    *f = (qd_sync_files){
        .path = {a->file[0], a->file[1]}, .span_s = a->span_s, .offset_s = a->offset_s, .max_offset_s = a->max_offset_s};
    QD_TRY(qd_tag_format_parse(a->format, &f->format, err));
    QD_TRY(qd_clock_effort(a->effort, &p.effort, err));
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
    arguments a = {.effort = "normal", .max_offset_s = 1, .max_ppm = 0x1p-13 * 1e6, .p_false = 1e-9};
    const qd_opt opts[] = {{"format", QD_OPT_TEXT, &a.format, 0, 0, "F",
                            "of both files, as for tags: a1-54, t1, ptu, swabian, csv:time=t:unit=ns, ...", NULL},
                           {"max-offset-s", QD_OPT_REAL, &a.max_offset_s, QD_RANGE_MAX_OFFSET_S, "S",
                            "search offsets up to this, either way of --offset-s (default 1)", NULL},
                           {"max-ppm", QD_OPT_REAL, &a.max_ppm, QD_RANGE_MAX_PPM, "P",
                            "search frequencies up to this, either way of --ppm (default 122.0703125)", NULL},
                           {"offset-s", QD_OPT_REAL, &a.offset_s, -1e6, 1e6, "S",
                            "what is known of the offset at B's first event: middle of the search (default 0)", NULL},
                           {"ppm", QD_OPT_REAL, &a.ppm, QD_RANGE_FREQUENCY_PPM, "P",
                            "what is known of the frequency: middle of the search (default 0)", NULL},
                           {"effort", QD_OPT_TEXT, &a.effort, 0, 0, "E",
                            "low, normal or high: how long to search before refusing (default normal)", NULL},
                           {"p-false", QD_OPT_REAL, &a.p_false, 1e-100, 0.01, "P",
                            "accepted probability of a false lock over the whole search (default 1e-9)", NULL},
                           {"span-s", QD_OPT_REAL, &a.span_s, 1e-6, 1e6, "S",
                            "use the first S seconds that both have (default: all; for the search up to 16777216 events a side)", NULL},
                           {"qcrypto", QD_OPT_FLAG, &stands_in, 0, 0, NULL,
                            "with pfind's options and output: see qdistill sync --qcrypto --help", NULL},
                           {"fpfind", QD_OPT_FLAG, &stands_in, 0, 0, NULL,
                            "with fpfind's options and output: see qdistill sync --fpfind --help", NULL},
                           {0}};
    size_t n_pos = 0;
    if (qd_cli_parse(&cli, opts, argc, argv, a.file, 2, 2, &n_pos, &err) != QD_OK) return qd_cli_fail(&cli, &err);
    if (cli.help) return 0;
    (void)qd_stop_watch();
    qd_sync_files f = {0};
    qd_device *dev = NULL;
    qd_clock clock = {0};
    qd_sync_report report = {0};
    warnings w = {.n = 0};
    int status;
    qd_status st = run(&cli, &a, &f, &dev, &clock, &report, &err);
    if (st == QD_OK || st == QD_E_POLICY) collect_warnings(&a, &f, &report, &w);
    for (size_t i = 0; i < w.n && !cli.quiet; i++) fprintf(stderr, "qdistill sync: warning: %s\n", w.text[i]);
    if (st == QD_OK) {
        FILE *text = qd_cli_text(&cli);
        if (text) print_clock(text, &report);
        status = qd_cli_done(&cli, record(&cli, dev, &a, &f, &clock, &report, &w));
    } else if (st == QD_E_POLICY) {
        status = qd_cli_refuse(&cli, record(&cli, dev, &a, &f, &clock, &report, &w), &err);
    } else {
        status = qd_cli_fail(&cli, &err);
    }
    qd_sync_close(&f);
    qd_device_close(dev);
    return status;
}
