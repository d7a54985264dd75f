/* SPDX-License-Identifier: Apache-2.0 */
/* qdistill simulate: a scenario to the two stations' tag files and the truth about them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "cli.h"
#include "qdistill/link.h"
#include "qdistill/sift.h"
#include "qdistill/timetag.h"
#include "stop.h"
#include "verbs.h"

enum { FILES = 3 };
static const char *const file_name[FILES] = {"alice.a1", "bob.a1", "truth.json"};
static const char *const who[2] = {"alice", "bob"};
static const char *const detector[4] = {"V", "-", "H", "+"};

typedef struct job {
    const char *scenario_path, *out;
    double duration_s;
    uint64_t seed, cells;
    char scenario_sha256[65];
    qd_link *link;
    char *partial, *path[FILES]; /* in the partial directory */
    bool created;
    uint64_t clicks[2][4], tags[2];
    qd_truth total; /* counts only */
} job;

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory|||close other programs");
}

static char *with_suffix(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    while (n > 1 && path[n - 1] == '/') n--;
    char *p = malloc(n + m + 1);
    if (!p) return NULL;
    memcpy(p, path, n);
    memcpy(p + n, suffix, m + 1);
    return p;
}

/* Twice 8 bytes a click, and what the file system says is free; a file system that does not know reports nothing. */
static qd_status room_for(const job *j, qd_error *err) {
    qd_link_rates r;
    QD_TRY(qd_link_expect(j->link, 0, &r, err));
    double bytes = 1 << 16;
    for (int k = 0; k < 2; k++)
        for (int d = 0; d < 4; d++) bytes += 8 * r.single[k][d] * qd_link_seconds(j->cells);
    struct statvfs fs;
    if (statvfs(j->partial, &fs) != 0 || fs.f_blocks == 0) return QD_OK;
    double free_bytes = (double)fs.f_bavail * (double)fs.f_frsize;
    if (bytes <= free_bytes) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "%s: the tags need %.0f MB, %.0f MB are free|||free space, choose another disk, or simulate less time", j->out,
                   bytes * 1e-6, free_bytes * 1e-6);
}

static qd_status prepare(job *j, qd_error *err) {
    j->partial = with_suffix(j->out, ".partial");
    if (!j->partial) return no_memory(err);
    QD_TRY(qd_cli_free_path(j->out, NULL, err));
    QD_TRY(qd_cli_free_path(j->partial, "a run that was killed left it behind, or one is at work", err));
    qd_scenario s;
    QD_TRY(qd_scenario_load(j->scenario_path, &s, err));
    QD_TRY(qd_sha256_file(j->scenario_path, j->scenario_sha256, err));
    QD_TRY(qd_link_create(&s, j->seed, &j->link, err));
    j->cells = qd_link_cells(j->duration_s);
    return qd_link_covers(j->link, j->cells, err);
}

static qd_status make_directory(job *j, qd_error *err) {
    QD_TRY(qd_dir_create(j->partial, true, err));
    j->created = true;
    for (int i = 0; i < FILES; i++) {
        j->path[i] = qd_path_join(j->partial, file_name[i]);
        if (!j->path[i]) return no_memory(err);
    }
    return room_for(j, err);
}

static void count(job *j, const qd_tags tags[2], const qd_truth *t) {
    for (int k = 0; k < 2; k++) {
        j->tags[k] += tags[k].n;
        for (uint64_t i = 0; i < tags[k].n; i++)
            for (int d = 0; d < 4; d++) j->clicks[k][d] += tags[k].mask[i] >> d & 1;
        j->total.dead_dropped[k] = t->dead_dropped[k];
        j->total.darks[k] = t->darks[k];
        j->total.pair_tags[k] = t->pair_tags[k];
        j->total.eve_tags[k] = t->eve_tags[k];
    }
}

static qd_status write_tags(job *j, qd_device *dev, qd_progress *progress, qd_tag_writer *writer[2], qd_error *err) {
    qd_tags tags[2] = {{0}, {0}};
    qd_truth truth = {0};
    uint64_t batch = qd_link_batch(j->link);
    qd_status st = QD_OK;
    for (uint64_t cell = 0; cell < j->cells; cell += batch) {
        uint64_t n = j->cells - cell < batch ? j->cells - cell : batch;
        tags[0].n = tags[1].n = truth.n[0] = truth.n[1] = 0;
        QD_TRY_OUT(st, qd_stop_check(err));
        QD_TRY_OUT(st, qd_simulate(j->link, dev, cell, n, &tags[0], &tags[1], &truth, err));
        for (int k = 0; k < 2; k++) QD_TRY_OUT(st, qd_tag_writer_write(writer[k], &tags[k], err));
        count(j, tags, &truth);
        qd_progress_at(progress, "simulate", qd_link_seconds(cell + n));
    }
out:
    qd_tags_destroy(&tags[0]);
    qd_tags_destroy(&tags[1]);
    qd_truth_destroy(&truth);
    return st;
}

static json_t *station_json(const job *j, int k, const qd_link_rates *r) {
    json_t *o = json_object(), *clicks = json_object(), *expected = json_object();
    for (int d = 0; d < 4; d++) {
        json_object_set_new(clicks, detector[d], qd_json_from_u64(j->clicks[k][d]));
        json_object_set_new(expected, detector[d], json_real(r->single[k][d] * qd_link_seconds(j->cells)));
    }
    json_object_set_new(o, "tags", qd_json_from_u64(j->tags[k]));
    json_object_set_new(o, "clicks", clicks);
    json_object_set_new(o, "clicks_expected", expected);
    json_object_set_new(o, "dark_counts", qd_json_from_u64(j->total.darks[k]));
    json_object_set_new(o, "dead_dropped", qd_json_from_u64(j->total.dead_dropped[k]));
    json_object_set_new(o, "pair_tags", qd_json_from_u64(j->total.pair_tags[k]));
    json_object_set_new(o, "eve_tags", qd_json_from_u64(j->total.eve_tags[k]));
    return o;
}

/* The clock where it is no straight line: every 1024 cells, and at the end. */
static json_t *motion_json(const job *j) {
    const qd_scenario *s = qd_link_scenario(j->link);
    const qd_pass *p = &s->pass;
    enum { STEP = 1024 };
    if (s->clock_drift_ppm_s == 0 && p->altitude_km == 0) return json_null();
    json_t *t = json_array(), *offset = json_array(), *ppm = json_array(), *range = json_array(), *elevation = json_array();
    for (uint64_t cell = 0;; cell = cell + STEP < j->cells ? cell + STEP : j->cells) {
        qd_clock c = qd_link_clock_at(j->link, cell);
        double at = qd_link_seconds(cell), m, rate, degrees;
        json_array_append_new(t, json_real(at));
        json_array_append_new(offset, json_real(qd_clock_offset_ps(&c)));
        json_array_append_new(ppm, json_real(qd_clock_ppm(&c)));
        if (p->altitude_km > 0) {
            qd_pass_at(p, at, &m, &rate, &degrees);
            json_array_append_new(range, json_real(m * 1e-3));
            json_array_append_new(elevation, json_real(degrees));
        }
        if (cell == j->cells) break;
    }
    json_t *pass = p->altitude_km > 0 ? json_pack("{s:f,s:f,s:f,s:o,s:o}", "altitude_km", p->altitude_km, "max_elevation_deg", p->max_elevation_deg,
                                                  "start_s", p->start_s, "range_km", range, "elevation_deg", elevation)
                                      : json_null();
    if (json_is_null(pass)) {
        json_decref(range);
        json_decref(elevation);
    }
    return json_pack("{s:f,s:o,s:o,s:o,s:o}", "drift_ppm_s", s->clock_drift_ppm_s, "t_s", t, "offset_ps", offset, "frequency_ppm", ppm, "pass", pass);
}

/* Of a link with declared analysers: what true coincidences (dead time and detectors' efficiencies counted in) come to. */
static void bell_json(const job *j, const qd_link_rates *r, json_t *truth) {
    const qd_scenario *s = qd_link_scenario(j->link);
    if (!s->arm[0].analysers.given && !s->arm[1].analysers.given) return;
    qd_analysers station[2];
    json_t *deg[2], *list = json_array();
    for (int k = 0; k < 2; k++) {
        station[k] = s->arm[k].analysers.given ? s->arm[k].analysers : qd_analysers_bbm92();
        deg[k] = json_pack("[f,f,f,f]", station[k].deg[0], station[k].deg[1], station[k].deg[2], station[k].deg[3]);
    }
    int sign[2][2];
    double ideal = qd_chsh_signs(station, QD_ANTI, sign), sum = 0;
    for (int k = 0; k < 4; k++) {
        const int a = k / 2, b = k % 2;
        double equal = r->pair[a][b] + r->pair[a + 2][b + 2], other = r->pair[a][b + 2] + r->pair[a + 2][b], e = (equal - other) / (equal + other);
        sum += sign[a][b] * e;
        json_array_append_new(list, json_pack("{s:f,s:f,s:o}", "alice_deg", qd_analyser_setting(&station[0], a), "bob_deg", qd_analyser_setting(&station[1], b), "E", qd_json_from_real(e)));
    }
    json_object_set_new(truth, "angles_deg", json_pack("{s:o,s:o}", who[0], deg[0], who[1], deg[1]));
    json_object_set_new(truth, "correlations_true_expected", list);
    json_object_set_new(truth, "chsh_true_expected", ideal > 2 + 1e-9 ? qd_json_from_real(sum) : json_null());
}

static qd_status truth_json(const job *j, json_t **out, qd_error *err) {
    qd_link_rates r;
    QD_TRY(qd_link_expect(j->link, 0, &r, err));
    const qd_scenario *s = qd_link_scenario(j->link);
    double pairs = 0;
    for (int i = 0; i < 16; i++) pairs += r.pair[i / 4][i % 4];
    qd_clock clock = qd_link_clock(j->link);
    json_t *o = json_pack("{s:i,s:s,s:{s:s,s:s},s:o,s:o,s:f,s:I,s:s}", "schema", 1, "tool", "qdistill", "scenario", "name",
                          s->name, "sha256", j->scenario_sha256, "seed", qd_json_from_u64(j->seed), "cells",
                          qd_json_from_u64(j->cells), "duration_s", qd_link_seconds(j->cells), "start", (json_int_t)QD_LINK_START,
                          "tables_sha256", qd_link_tables_sha256(j->link));
    json_t *c = qd_clock_json(&clock);
    if (!o || !c || json_object_set_new(o, "clock", c) != 0) {
        json_decref(o);
        return no_memory(err);
    }
    /* The straight line of tA - tB as it was made: the scenario's figures in whole ticks, Bob's times rounded down. */
    json_object_set_new(o, "offset_ps", json_real(qd_clock_offset_ps(&clock)));
    json_object_set_new(o, "frequency_ppm", json_real(qd_clock_ppm(&clock)));
    json_object_set_new(o, "motion", motion_json(j));
    json_object_set_new(o, "intercept_resend", json_real(s->intercept_resend));
    json_object_set_new(o, "dead_ps", qd_json_from_u64(qd_scenario_dead_ps(s)));
    for (int k = 0; k < 2; k++) json_object_set_new(o, who[k], station_json(j, k, &r));
    json_object_set_new(o, "true_coincidences_expected", json_real(pairs * qd_link_seconds(j->cells)));
    json_object_set_new(o, "qber_true_expected", json_pack("{s:f,s:f}", "z", r.qber_true[QD_Z], "x", r.qber_true[QD_X]));
    bell_json(j, &r, o);
    *out = o;
    return QD_OK;
}

static qd_status write_all(job *j, qd_device *dev, qd_progress *progress, json_t **truth, qd_error *err) {
    const qd_tag_format a1 = {.bits = 54, .swapped = false, .card = QD_CARD_TIMESTAMP7};
    qd_tag_writer *writer[2] = {NULL, NULL};
    qd_status st = QD_OK;
    QD_TRY_OUT(st, make_directory(j, err));
    for (int k = 0; k < 2; k++) QD_TRY_OUT(st, qd_tag_writer_open(j->path[k], a1, &writer[k], err));
    QD_TRY_OUT(st, write_tags(j, dev, progress, writer, err));
    for (int k = 0; k < 2; k++) {
        qd_tag_writer *w = writer[k];
        writer[k] = NULL;
        QD_TRY_OUT(st, qd_tag_writer_commit(w, err));
    }
    QD_TRY_OUT(st, truth_json(j, truth, err));
    QD_TRY_OUT(st, qd_json_write(*truth, j->path[2], err));
    if (rename(j->partial, j->out) != 0) {
        st = qd_fail(err, QD_E_INPUT, "cannot rename %s to %s|%s||choose another directory", j->partial, j->out, strerror(errno));
        goto out;
    }
    j->created = false;
out:
    for (int k = 0; k < 2; k++) qd_tag_writer_abandon(writer[k]);
    return st;
}

static void clean(job *j) {
    for (int i = 0; i < FILES; i++) {
        if (j->created && j->path[i]) (void)unlink(j->path[i]);
        free(j->path[i]);
    }
    if (j->created) (void)rmdir(j->partial);
    free(j->partial);
    qd_link_destroy(j->link);
}

static int say(const qd_cli *cli, const job *j, const qd_device *dev, json_t *truth) {
    FILE *text = qd_cli_text(cli);
    if (text) {
        fprintf(text, "%s: %.6f s (%" PRIu64 " cells), seed %" PRIu64 "\n", j->out, qd_link_seconds(j->cells), j->cells, j->seed);
        for (int k = 0; k < 2; k++)
            fprintf(text, "  %-6s %12" PRIu64 " tags   V %" PRIu64 "  - %" PRIu64 "  H %" PRIu64 "  + %" PRIu64
                   "   lost to dead time %" PRIu64 "\n",
                   file_name[k], j->tags[k], j->clicks[k][0], j->clicks[k][1], j->clicks[k][2], j->clicks[k][3],
                   j->total.dead_dropped[k]);
    }
    json_t *r = qd_cli_record(cli, dev);
    json_object_set_new(r, "rehearsal", json_true());
    json_object_set_new(r, "out", json_string(j->out));
    const char *key;
    json_t *value;
    json_object_foreach(truth, key, value) if (!json_object_get(r, key)) json_object_set(r, key, value);
    return qd_cli_done(cli, r);
}

int qd_cmd_simulate(int argc, char **argv) {
    qd_cli cli = {0};
    job j = {0};
    const char *pos[1] = {NULL};
    bool has_duration = false;
    qd_error err = {0};
    const qd_opt opts[] = {
        {"duration-s", QD_OPT_REAL, &j.duration_s, 1e-9, qd_link_seconds(QD_LINK_MAX_CELLS), "S",
         "seconds of link to simulate, rounded up to whole cells of 1.048576 ms", &has_duration},
        {"out", QD_OPT_TEXT, &j.out, 0, 0, "DIR", "directory to make", NULL},
        {0}};
    qd_status st = qd_cli_parse(&cli, opts, argc, argv, pos, 1, 1, NULL, &err);
    if (st == QD_OK && cli.help) return 0;
    (void)qd_stop_watch();
    if (st == QD_OK && (!has_duration || !j.out || !*j.out))
        st = qd_fail(&err, QD_E_USAGE, "simulate needs --%s|||see qdistill simulate --help",
                     has_duration ? "out DIR" : "duration-s S");
    if (st != QD_OK) return qd_cli_fail(&cli, &err);
    qd_device *dev = NULL;
    qd_progress *progress = NULL;
    json_t *truth = NULL;
    j.scenario_path = pos[0];
    j.seed = cli.seed;
    if (!cli.has_seed) {
        qd_os_random(&j.seed, sizeof j.seed);
        j.seed >>= 1;
    }
    QD_TRY_OUT(st, qd_cli_progress(&cli, &progress, &err));
    QD_TRY_OUT(st, prepare(&j, &err));
    QD_TRY_OUT(st, qd_cli_device(&cli, &dev, &err));
    qd_progress_begin(progress, qd_link_scenario(j.link)->name, qd_link_seconds(j.cells), "s of link");
    QD_TRY_OUT(st, write_all(&j, dev, progress, &truth, &err));
out:
    qd_progress_end(progress);
    qd_progress_destroy(progress);
    int status = st == QD_OK ? say(&cli, &j, dev, truth) : qd_cli_fail(&cli, &err);
    json_decref(truth);
    clean(&j);
    qd_device_close(dev);
    return status;
}
