/* SPDX-License-Identifier: Apache-2.0 */
/* study sync: how often the clock search locks, locks wrongly, or refuses, and how far off it is, at rates, losses, jitters and
 * priors. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/link.h"
#include "qdistill/timetag.h"
#include "qcrypto_clock.h"
#include "stop.h"
#include "study.h"
#include "sync_files.h"

/* What a point is made of, in the order in which points are counted: the last varies fastest. */
enum { RATE_A, RATE_B, ETA, JITTER, SECONDS, MAX_OFFSET, MAX_PPM, AXES };
static const struct {
    const char *key, *option;
    double min, max;
    const char *arg, *by_default, *help;
} axes[AXES] = {
    [RATE_A] = {"rate_a", "rate-a", 1, 1e9, "LIST", "1e6", "sync: events of A a second, LIST (default 1e6)"},
    [RATE_B] = {"rate_b", "rate-b", 1, 1e9, "LIST", NULL, "sync: events of B a second, LIST (default: as many as A)"},
    [ETA] = {"eta", "eta", 0, 1, "LIST", "0.03", "sync: pairs over the geometric mean of both rates, LIST (default 0.03)"},
    [JITTER] = {"jitter_ps", "jitter-ps", 0, 1e6, "LIST", "200",
                "sync: standard deviation of a pair's time difference, LIST (default 200)"},
    [SECONDS] = {"seconds", "seconds", 1e-3, 1e4, "LIST", "10",
                 "sync: length of the recordings, LIST (default 10); at most 16777216 events a side are used"},
    [MAX_OFFSET] = {"max_offset_s", "max-offset-s", QD_RANGE_MAX_OFFSET_S, "LIST", "1",
                    "sync: search offsets up to this, LIST (default 1)"},
    [MAX_PPM] = {"max_ppm", "max-ppm", QD_RANGE_MAX_PPM, "LIST", "122.0703125",
                 "sync: search frequencies up to this, LIST (default 122.0703125)"}};

typedef struct sync_args {
    const char *text[AXES], *effort;
    qd_list list[AXES];
    double around_s, around_ppm, p_false;
    bool noise;
    qd_effort level;
    uint64_t runs;
} sync_args;

static size_t options(void *args, qd_opt *o) {
    sync_args *a = args;
    a->effort = "normal";
    a->p_false = 1e-9;
    a->runs = 20;
    size_t n = 0;
    o[n++] = (qd_opt){"runs", QD_OPT_U64, &a->runs, 1, 100000, "N", "sync: runs at each point (default 20)", NULL};
    for (int i = 0; i < AXES; i++)
        o[n++] = (qd_opt){axes[i].option, QD_OPT_TEXT, &a->text[i], 0, 0, axes[i].arg, axes[i].help, NULL};
    o[n++] =
        (qd_opt){"noise", QD_OPT_FLAG, &a->noise, 0, 0, NULL, "sync: no event has a partner: every lock is a false one", NULL};
    o[n++] = (qd_opt){"around-offset-s",
                      QD_OPT_REAL,
                      &a->around_s,
                      0,
                      10,
                      "S",
                      "sync: the search knows where: the middle of its offsets is drawn up to this (default 0)",
                      NULL};
    o[n++] =
        (qd_opt){"around-ppm", QD_OPT_REAL, &a->around_ppm, 0, 200, "P", "sync: the same of its frequencies (default 0)", NULL};
    o[n++] = (qd_opt){"effort", QD_OPT_TEXT, &a->effort, 0, 0, "E", "sync: low, normal or high (default normal)", NULL};
    o[n++] = (qd_opt){
        "p-false", QD_OPT_REAL, &a->p_false, 1e-100, 0.01, "P", "sync: accepted probability of a false lock (default 1e-9)",
        NULL};
    return n;
}

/* ---- Points -------------------------------------------------------------------------------------------------------------- */

static void point_of(const sync_args *a, uint64_t index, double v[AXES]) {
    for (int i = AXES - 1; i >= 0; i--) {
        if (i == RATE_B && !a->list[i].n) continue; /* as A */
        v[i] = a->list[i].v[index % a->list[i].n];
        index /= a->list[i].n;
    }
    if (!a->list[RATE_B].n) v[RATE_B] = v[RATE_A];
}

static qd_status check_points(const sync_args *a, uint64_t points, qd_error *err) {
    for (uint64_t p = 0; p < points; p++) {
        double v[AXES], most;
        point_of(a, p, v);
        most = sqrt(fmin(v[RATE_A], v[RATE_B]) / fmax(v[RATE_A], v[RATE_B]));
        if (v[ETA] > most)
            return qd_fail(err, QD_E_USAGE,
                           "study sync: of %g and %g events a second, pairs cannot be the share %g of the geometric mean||the "
                           "weaker side has not as "
                           "many events|give --eta %.3g at most",
                           v[RATE_A], v[RATE_B], v[ETA], most);
        if (a->around_ppm + v[MAX_PPM] > 240)
            return qd_fail(err, QD_E_USAGE,
                           "study sync: --around-ppm %g and --max-ppm %g||both together are limited to 240|stay within",
                           a->around_ppm, v[MAX_PPM]);
    }
    return QD_OK;
}

/* ---- One run ------------------------------------------------------------------------------------------------------------- */

static double unit(const uint32_t w[2]) {
    return ldexp((double)((uint64_t)w[1] << 21 | w[0] >> 11), -53);
}

/* Truth and prior of a run. The search states its limits at B's first event, the generator its offset at B's time seconds / 2. */
static void place(const sync_args *a, const double v[AXES], uint64_t seed, uint64_t entity, qd_two_stations *s,
                  qd_sync_params *q) {
    uint32_t w[3][4];
    for (uint32_t i = 0; i < 3; i++) qd_philox(seed, QD_STREAM_STUDY, entity, i, w[i]);
    *q = (qd_sync_params){.max_offset_s = v[MAX_OFFSET], .max_ppm = v[MAX_PPM], .effort = a->level, .p_false = a->p_false, .stop = qd_stop_flag()};
    q->offset_s = a->around_s * (2 * unit(w[2]) - 1);
    q->ppm = a->around_ppm * (2 * unit(w[2] + 2) - 1);
    double first = q->offset_s + v[MAX_OFFSET] * (2 * unit(w[1]) - 1), ppm = q->ppm + v[MAX_PPM] * (2 * unit(w[1] + 2) - 1);
    *s = (qd_two_stations){.rate_a = v[RATE_A],
                           .rate_b = v[RATE_B],
                           .pairs = v[ETA] * sqrt(v[RATE_A] * v[RATE_B]),
                           .seconds = v[SECONDS],
                           .sigma_ps = v[JITTER],
                           .ppm = ppm,
                           .offset_s = first + ppm * 1e-6 * (first + v[SECONDS] / 2), /* B's first event is at -first */
                           .most = QD_SYNC_EVENTS,
                           .seed = ((uint64_t)w[0][1] << 32 | w[0][0]) >> 1};
}

/* A lock is right when its line runs through the pairs from end to end: nowhere farther from the truth than they scatter, and a
 * tick. */
static json_t *judge(const qd_two_stations *s, qd_tick tick, const qd_sync_report *r, double seconds) {
    double tick_ps = (double)tick.num / (double)tick.den,
           sigma = hypot(s->sigma_ps, tick_ps / sqrt(6)) /* both sides round down */;
    double truth = s->offset_s * 1e12 + s->ppm * (r->mid_ps * 1e-6 - s->seconds / 2 * 1e6), n = r->span_s * s->pairs;
    double off = r->mid_offset_ps - truth, freq = r->frequency_ppm - s->ppm, ends = fabs(off) + fabs(freq) * r->span_s / 2 * 1e6;
    bool right = r->locked && s->pairs > 0 && ends <= sigma + tick_ps;
    bool within = right && fabs(off) < 3 * sigma / sqrt(n) && fabs(freq) * r->span_s * 1e6 < 3 * sqrt(12) * sigma / sqrt(n);
    json_t *j = json_pack("{s:o,s:f,s:f,s:b,s:b,s:b,s:s,s:f,s:f}", "seed", qd_json_from_u64(s->seed), "offset_s", s->offset_s,
                          "ppm", s->ppm, "locked", r->locked, "right", right, "within", within, "refusal",
                          qd_no_lock_name(r->cause), "significance", r->significance, "bin_ps", r->bin_ps);
    json_object_set_new(j, "offset_error_sd", right ? qd_json_from_real(off / r->mid_offset_sd_ps) : json_null());
    json_object_set_new(j, "frequency_error_sd", right ? qd_json_from_real(freq / r->frequency_sd_ppm) : json_null());
    json_object_set_new(j, "seconds", json_real(seconds));
    return j;
}

static double built(const qd_device *dev) {
    return dev ? qd_device_time_read(dev).build_seconds : 0;
}

/* Search, and how long that takes. What built a program is timed once more: some drivers compile on until it first runs. */
static qd_status search(qd_device *dev, const qd_tags tags[2], const qd_sync_params *q, qd_sync_report *r, double *seconds,
                        qd_error *err) {
    qd_status st = QD_OK;
    double before = 0;
    for (int i = 0; i == 0 || (i == 1 && built(dev) > before); i++) {
        qd_clock clock;
        double start = qd_now();
        before = built(dev);
        st = qd_correlate(dev, &tags[0], &tags[1], q, &clock, r, err);
        *seconds = qd_now() - start;
        if (st != QD_OK && st != QD_E_POLICY) return st;
    }
    return st;
}

static qd_status run(void *args, qd_device *dev, uint64_t seed, uint64_t point, uint64_t run, json_t **result, qd_error *err) {
    const sync_args *a = args;
    double v[AXES];
    qd_two_stations s;
    qd_sync_params q;
    qd_tags tags[2] = {{.tick = {125, 32}}, {.tick = {125, 32}}};
    qd_sync_report r = {0};
    point_of(a, point, v);
    place(a, v, seed, point << 32 | run, &s, &q);
    qd_status st = qd_two_stations_run(&s, &tags[0], &tags[1], err);
    double seconds = 0;
    if (st == QD_OK) st = search(dev, tags, &q, &r, &seconds, err);
    if (st == QD_OK || st == QD_E_POLICY) {
        *result = judge(&s, tags[0].tick, &r, seconds);
        st = *result ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory");
    }
    for (int k = 0; k < 2; k++) qd_tags_destroy(&tags[k]);
    return st;
}

/* ---- What the runs come to ----------------------------------------------------------------------------------------------- */

static uint64_t count(const json_t *const *result, uint64_t n, const char *key, const char *text) {
    uint64_t k = 0;
    for (uint64_t i = 0; i < n; i++) {
        const json_t *x = json_object_get(result[i], key);
        const char *is = json_string_value(x);
        k += text ? is && strcmp(is, text) == 0 : json_is_true(x);
    }
    return k;
}

/* Of what is a number; rms null of none. */
static json_t *rms(const json_t *const *result, uint64_t n, const char *key) {
    double sum = 0, of = 0;
    for (uint64_t i = 0; i < n; i++) {
        const json_t *x = json_object_get(result[i], key);
        if (json_is_number(x)) sum += json_number_value(x) * json_number_value(x), of++;
    }
    return qd_json_from_real(sqrt(sum / of));
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median and greatest of a number that every result has; NaN: no memory. */
static void middle(const json_t *const *result, uint64_t n, const char *key, double *median, double *most) {
    double *x = malloc(n * sizeof *x);
    *median = *most = NAN;
    if (!x) return;
    for (uint64_t i = 0; i < n; i++) x[i] = json_number_value(json_object_get(result[i], key));
    qsort(x, n, sizeof *x, ascending);
    *median = (x[(n - 1) / 2] + x[n / 2]) / 2;
    *most = x[n - 1];
    free(x);
}

static json_t *sum(const void *args, uint64_t point, const json_t *const *result, uint64_t runs) {
    double v[AXES], significance, seconds, most;
    point_of(args, point, v);
    json_t *j = json_object(), *refused = json_object();
    for (int i = 0; i < AXES; i++) json_object_set_new(j, axes[i].key, json_real(v[i]));
    json_object_set_new(j, "s_max", json_real(v[ETA] / sqrt(v[MAX_PPM] * 1e-6)));
    uint64_t locks = count(result, runs, "locked", NULL), right = count(result, runs, "right", NULL), wrong = locks - right;
    const struct {
        const char *count, *rate;
        uint64_t k;
    } kinds[] = {{"locks", "lock_rate", locks}, {"false_locks", "false_lock_rate", wrong}, {"misses", "miss_rate", runs - locks}};
    for (int i = 0; i < 3; i++) json_object_set_new(j, kinds[i].count, qd_interval_json(qd_count95(kinds[i].k, runs)));
    for (int i = 0; i < 3; i++) json_object_set_new(j, kinds[i].rate, qd_interval_json(qd_interval95(kinds[i].k, runs)));
    for (int c = QD_LOCKED + 1; c < QD_NO_LOCKS; c++) {
        uint64_t k = count(result, runs, "refusal", qd_no_lock_name((qd_no_lock)c));
        if (k) json_object_set_new(refused, qd_no_lock_name((qd_no_lock)c), qd_interval_json(qd_count95(k, runs)));
    }
    json_object_set_new(j, "refusals", refused);
    json_object_set_new(j, "offset_rms_sd", rms(result, runs, "offset_error_sd"));
    json_object_set_new(j, "frequency_rms_sd", rms(result, runs, "frequency_error_sd"));
    json_object_set_new(j, "within", qd_interval_json(qd_interval95(count(result, runs, "within", NULL), right)));
    middle(result, runs, "significance", &significance, &most);
    middle(result, runs, "seconds", &seconds, &most);
    json_object_set_new(j, "significance_median", qd_json_from_real(significance));
    json_object_set_new(j, "seconds_median", qd_json_from_real(seconds));
    json_object_set_new(j, "seconds_most", qd_json_from_real(most));
    return j;
}

/* "20 (0.832 to 1)": a count, and the interval of its rate. */
static const char *cell(const json_t *point, const char *counts, const char *rate, char out[48]) {
    const json_t *c = json_object_get(point, counts), *r = json_object_get(point, rate);
    snprintf(out, 48, "%.0f (%.3g to %.3g)", json_number_value(json_object_get(c, "value")),
             json_number_value(json_object_get(r, "low")), json_number_value(json_object_get(r, "high")));
    return out;
}

static const char *number(const json_t *point, const char *key, char out[16]) {
    const json_t *x = json_object_get(point, key);
    if (json_is_object(x)) x = json_object_get(x, "value");
    if (json_is_number(x))
        snprintf(out, 16, "%.3g", json_number_value(x));
    else
        snprintf(out, 16, "-");
    return out;
}

static void print(const void *args, const json_t *points, FILE *to) {
    const sync_args *a = args;
    fprintf(to, "effort %s, accepted false locks %g a search; priors within %g s and %g ppm\n\n", a->effort, a->p_false,
            a->around_s, a->around_ppm);
    fprintf(to, "%8s %8s %7s %7s %6s %8s %8s  %-20s %-18s %-20s %11s %6s %9s\n", "A, 1/s", "B, 1/s", "eta", "ps", "s", "+-s",
            "+-ppm", "locks", "false", "refused", "rms error", "< 3 sd", "median s");
    size_t i;
    const json_t *p, *k;
    json_array_foreach((json_t *)points, i, p) {
        char c[3][48], n[4][16], both[40];
        for (int x = 0; x < AXES; x++) {
            static const int width[AXES] = {8, 8, 7, 7, 6, 8, 8};
            fprintf(to, "%*.5g ", width[x], json_number_value(json_object_get(p, axes[x].key)));
        }
        snprintf(both, sizeof both, "%s, %s", number(p, "offset_rms_sd", n[0]), number(p, "frequency_rms_sd", n[1]));
        fprintf(to, " %-20s %-18s %-20s %11s %6s %9s\n", cell(p, "locks", "lock_rate", c[0]),
                cell(p, "false_locks", "false_lock_rate", c[1]), cell(p, "misses", "miss_rate", c[2]), both,
                number(p, "within", n[2]), number(p, "seconds_median", n[3]));
        const char *refusal;
        json_object_foreach(json_object_get(p, "refusals"), refusal, k)
            fprintf(to, "%*s refused, %s: %.0f\n", 61, "", refusal, json_number_value(json_object_get(k, "value")));
    }
    fprintf(to,
            "\nrms error: of offset and frequency, over the deviation that was stated; < 3 sd: share of the right locks within\n"
            "3 sigma/sqrt(n) of the truth in both, n pairs\n");
}

static qd_status start(void *args, qd_study *s, qd_error *err) {
    sync_args *a = args;
    if (a->noise && a->text[ETA])
        return qd_fail(err, QD_E_USAGE,
                       "study sync: --noise and --eta exclude each other||noise has no pairs: eta 0|give one of them");
    QD_TRY(qd_clock_effort(a->effort, &a->level, err));
    json_t *p = json_object();
    uint64_t points = 1;
    qd_status st = QD_OK;
    for (int i = 0; i < AXES && st == QD_OK; i++) {
        const char *text = i == ETA && a->noise ? "0" : a->text[i] ? a->text[i] : axes[i].by_default;
        if (text) st = qd_list_parse(axes[i].option, text, axes[i].min, axes[i].max, &a->list[i], err);
        if (a->list[i].n) points = points > 1000000 ? points : points * a->list[i].n;
        json_object_set_new(p, axes[i].key, a->list[i].n ? qd_list_json(&a->list[i]) : json_null());
    }
    json_object_set_new(p, "around_offset_s", json_real(a->around_s));
    json_object_set_new(p, "around_ppm", json_real(a->around_ppm));
    json_object_set_new(p, "effort", json_string(a->effort));
    json_object_set_new(p, "p_false", json_real(a->p_false));
    *s = (qd_study){.points = points, .runs = a->runs, .parameters = p, .run = run, .sum = sum, .print = print};
    if (st == QD_OK && points > 100000)
        st = qd_fail(err, QD_E_USAGE, "study sync: more than 100000 points|||study a part at a time");
    return st == QD_OK ? check_points(a, points, err) : st;
}

const qd_study_what qd_study_sync = {.name = "sync", .size = sizeof(sync_args), .options = options, .start = start};
