/* SPDX-License-Identifier: Apache-2.0 */
/* study reconcile: how many frames a code corrects, what it discloses for that and how fast, at error rates and rates of the
 * code. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "stop.h"
#include "study.h"
#include "study_reconcile.h"

static const qd_code_family *const families[] = {&qd_family_nr, &qd_family_large, &qd_family_cascade, &qd_family_file};
enum { FAMILIES = sizeof families / sizeof *families };
#define EPS_COR 1e-15 /* as of reconcile */

typedef struct reconcile_args {
    const char *code, *text_qber, *text_leak, *text_efficiency, *combine, *schedule;
    qd_list qber, rate; /* rate: leaks or efficiencies; none: the family's own */
    bool by_efficiency, exact;
    uint64_t frames, iterations, verify; /* verify: frames of a key string; 0: no strings */
    double eps_cor; /* of their tags; 0: EPS_COR */
    const qd_code_family *family;
} reconcile_args;

static size_t options(void *args, qd_opt *o) {
    reconcile_args *a = args;
    a->frames = 1000;
    const qd_opt all[] = {
        {"code", QD_OPT_TEXT, &a->code, 0, 0, "C",
         "reconcile: nr-bg1, nr-bg2, qd-bg1, qd-k22 or qd-k33, or nr-bg1:z=96,c=8,a=5 (lifting size, channel LLR, check-node constant), drop=N, grow=N or "
         "add=N (rows added to a frame that failed), more=N (iterations of an attempt that goes on from the one before) and anew=N "
         "(one of so many starts anew); large, large:z=1024 (lifting size), large:c=33, large:joined=N,tell=N (rows in pairs, told apart until a frame is solved) or large-300 (rows of its base matrix, then a leak is no choice); "
         "cascade-original, -biconf, -yanetal, -option3, -opt4, -opt7, -opt8, -qd, or cascade-opt8:n=16384,order=pass,together=64 "
         "(bits of a frame, order of the search, frames that share permutations); file:PATH, a code as qccsc.json or alist",
         NULL},
        {"qber", QD_OPT_TEXT, &a->text_qber, 0, 0, "LIST", "reconcile: error rates, LIST", NULL},
        {"leak", QD_OPT_TEXT, &a->text_leak, 0, 0, "LIST",
         "reconcile: shares of a frame to disclose, LIST (default: that of the rate's rule)", NULL},
        {"efficiency", QD_OPT_TEXT, &a->text_efficiency, 0, 0, "LIST",
         "reconcile: the same as leak over the entropy of the error rate, LIST", NULL},
        {"frames", QD_OPT_U64, &a->frames, 1, 5e7, "N", "reconcile: frames at each point (default 1000)", NULL},
        {"iterations", QD_OPT_U64, &a->iterations, 1, 1000, "N",
         "reconcile: most iterations of a decoder (default 50, of large codes 200, of files 100)", NULL},
        {"combine", QD_OPT_TEXT, &a->combine, 0, 0, "FILE",
         "reconcile: of a code's file, pairs of its rows to add up for a lower leak", NULL},
        {"schedule", QD_OPT_TEXT, &a->schedule, 0, 0, "S", "reconcile: of a code's file, flooding or layered (default flooding)", NULL},
        {"exact-errors", QD_OPT_FLAG, &a->exact, 0, 0, NULL,
         "reconcile: round(qber n) errors in every frame, in place of independent ones", NULL},
        {"verify", QD_OPT_U64, &a->verify, 1, QD_STRINGS_FRAMES, "T",
         "reconcile: make key strings of T frames each, and count which errors their verification tags find", NULL},
        {"eps-cor", QD_OPT_REAL, &a->eps_cor, QD_RANGE_EPS_COR, "E", "reconcile: correctness that the tags are for (default 1e-15)",
         NULL}};
    memcpy(o, all, sizeof all);
    return sizeof all / sizeof *all;
}

/* ---- Points --------------------------------------------------------------------------------------------------------------- */

static double entropy(double q) {
    return q > 0 && q < 1 ? -(q * log2(q) + (1 - q) * log2(1 - q)) : 0;
}

/* The rate varies fastest. */
static qd_code_point point_of(const reconcile_args *a, uint64_t index) {
    qd_code_point p = {.code = a->code,
                       .iterations = a->iterations,
                       .exact = a->exact,
                       .combine = a->combine,
                       .layered = a->schedule && strcmp(a->schedule, "layered") == 0};
    uint64_t rates = a->rate.n ? a->rate.n : 1;
    p.qber = a->qber.v[index / rates];
    if (a->rate.n) p.leak = a->rate.v[index % rates] * (a->by_efficiency ? entropy(p.qber) : 1);
    return p;
}

/* An attempt has a cost of its own, whoever is still open: with attempts that go on there are many, so more frames share them. */
static uint64_t batch_of(const reconcile_args *a) {
    return a->family->batch_more && strstr(a->code, "more=") ? a->family->batch_more : a->family->batch;
}

/* Whole strings. */
static uint64_t frames_of_run(const reconcile_args *a) {
    const uint64_t batch = batch_of(a);
    if (!a->verify) return batch;
    return a->verify > batch ? a->verify : batch / a->verify * a->verify;
}

static uint64_t runs_of(const reconcile_args *a) {
    const uint64_t each = frames_of_run(a);
    return (a->frames + each - 1) / each;
}

static uint64_t point_seed(uint64_t seed, uint64_t point) {
    uint32_t w[4];
    qd_philox(seed, QD_STREAM_STUDY, point << 32, 0, w);
    return ((uint64_t)w[1] << 32 | w[0]) >> 1;
}

enum { STRING_BITS = 1 << 30 };

static qd_status check_string(const reconcile_args *a, const json_t *about, qd_error *err) {
    const double bits = (double)a->verify * json_number_value(json_object_get(about, "frame_bits"));
    if (bits <= STRING_BITS) return QD_OK;
    return qd_fail(err, QD_E_USAGE, "a key string of %.0f bits is too long||the longest of a study has %d|take fewer frames for --verify", bits,
                   STRING_BITS);
}

static qd_status check_points(const reconcile_args *a, uint64_t points, qd_error *err) {
    for (uint64_t i = 0; i < points; i++) {
        qd_code_point p = point_of(a, i);
        json_t *about = NULL;
        qd_error why = {0};
        qd_status st = a->family->about(&p, &about, &why);
        if (st == QD_OK) st = check_string(a, about, &why);
        json_decref(about);
        if (st == QD_OK && a->by_efficiency && p.qber == 0)
            st = qd_fail(&why, QD_E_USAGE, "no errors have no entropy||an efficiency is over it|give --leak");
        if (st != QD_OK)
            return qd_fail(err, st, "study reconcile, at --qber %g: %s|%s|%s|%s", p.qber, why.what, why.cause, why.likely,
                           why.next);
    }
    return QD_OK;
}

/* ---- A run, and its tally as JSON ------------------------------------------------------------------------------------------ */

static const struct {
    const char *key;
    size_t at;
} sums[] = {{"errors", offsetof(qd_frame_tally, errors)},
            {"code_bits", offsetof(qd_frame_tally, code_bits)},
            {"charged", offsetof(qd_frame_tally, charged)},
            {"rounds", offsetof(qd_frame_tally, rounds)},
            {"iterations", offsetof(qd_frame_tally, iterations)}};
enum { SUMS = sizeof sums / sizeof *sums };

static qd_frame_sum *sum_at(qd_frame_tally *t, size_t i) {
    return (qd_frame_sum *)(void *)((char *)t + sums[i].at);
}

static json_t *tally_json(qd_frame_tally *t, uint64_t seed) {
    json_t *j =
        json_pack("{s:o,s:I,s:I,s:I,s:I,s:b,s:f,s:f,s:f}", "seed", qd_json_from_u64(seed), "frames", (json_int_t)t->frames,
                  "bits", (json_int_t)t->bits, "failed", (json_int_t)t->failed, "undetected", (json_int_t)t->undetected, "grows",
                  (int)t->grows, "updates", t->updates, "decode_seconds", t->decode_seconds, "seconds", t->seconds);
    for (size_t i = 0; j && i < SUMS; i++) {
        const qd_frame_sum *s = sum_at(t, i);
        json_object_set_new(j, sums[i].key, json_pack("[f,f,f]", s->sum, s->squares, s->by_errors));
    }
    return j;
}

static double real(const json_t *j, const char *key) {
    return json_number_value(json_object_get(j, key));
}

static qd_frame_tally tally_of(const json_t *j) {
    qd_frame_tally t = {.frames = (uint64_t)real(j, "frames"),
                        .bits = (uint64_t)real(j, "bits"),
                        .failed = (uint64_t)real(j, "failed"),
                        .undetected = (uint64_t)real(j, "undetected"),
                        .grows = json_is_true(json_object_get(j, "grows")),
                        .updates = real(j, "updates"),
                        .decode_seconds = real(j, "decode_seconds"),
                        .seconds = real(j, "seconds")};
    for (size_t i = 0; i < SUMS; i++) {
        const json_t *s = json_object_get(j, sums[i].key);
        *sum_at(&t, i) = (qd_frame_sum){json_number_value(json_array_get(s, 0)), json_number_value(json_array_get(s, 1)),
                                        json_number_value(json_array_get(s, 2))};
    }
    return t;
}

/* A run's frames, a batch at a time; a signal between two of them ends it. */
static qd_status run_frames(const reconcile_args *a, const qd_code_point *p, qd_device *dev, uint64_t seed, uint64_t first, uint64_t frames,
                            qd_frame_tally *t, qd_error *err) {
    for (uint64_t done = 0, n; done < frames; done += n) {
        n = frames - done < batch_of(a) ? frames - done : batch_of(a);
        if (done) QD_TRY(qd_stop_check(err));
        QD_TRY(a->family->run(p, dev, seed, first + done, n, t, err));
    }
    return QD_OK;
}

static qd_status run(void *args, qd_device *dev, uint64_t seed, uint64_t point, uint64_t run, json_t **result, qd_error *err) {
    const reconcile_args *a = args;
    qd_code_point p = point_of(a, point);
    qd_frame_tally t = {0};
    qd_verified v = {0};
    uint64_t frames = frames_of_run(a), first = run * frames, left = a->frames - first;
    qd_status st = QD_OK;
    if (left < frames) frames = left;
    seed = point_seed(seed, point);
    if (a->verify) {
        const qd_strings_ask ask = {.each = a->verify, .eps_cor = a->eps_cor, .seed = seed, .first = first, .frames = frames};
        QD_TRY(qd_strings_create(&ask, &p.strings, err));
    }
    st = run_frames(a, &p, dev, seed, first, frames, &t, err);
    if (st == QD_OK && p.strings) st = qd_strings_verify_truth(p.strings, &v, err);
    qd_strings_destroy(p.strings);
    QD_TRY(st);
    *result = tally_json(&t, seed);
    if (*result && a->verify) json_object_set_new(*result, "verified", qd_verified_json(&v));
    return *result ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory");
}

/* ---- What the runs come to ------------------------------------------------------------------------------------------------ */

static qd_interval around(double value, double sd, double n) {
    double d = n > 1 ? 1.96 * sd / sqrt(n) : NAN;
    return (qd_interval){value, value - d, value + d};
}

static double mean(const qd_frame_sum *s, double n) {
    return s->sum / n;
}
/* Rounding may leave a variance of zero below it. */
static double variance(const qd_frame_sum *s, double n) {
    return n > 1 ? fmax(0, (s->squares - s->sum * s->sum / n) / (n - 1)) : NAN;
}

static qd_interval mean95(const qd_frame_sum *s, double n) {
    return around(mean(s, n), sqrt(variance(s, n)), n);
}

/* Mean x a frame over mean bits h(e), e the realised error rate. To first order its relative error is that of the mean over
 * frames of x/mean(x) - bits/mean(bits) - k (errors - e bits), k = h'(e)/(h(e) mean(bits)), where a frame's bits are a constant,
 * or (grows) x and a constant: alpha x - k errors but for constants. h(e) = 1 and k = 0 give the interval of x over bits itself.
 */
static qd_interval over_bits(const qd_frame_tally *t, const qd_frame_sum *x, double e, double h) {
    double n = (double)t->frames, bits = (double)t->bits / n, m = mean(x, n), f = m / (bits * h);
    double k = h == 1 ? 0 : log2((1 - e) / e) / (h * bits), alpha = 1 / m - (t->grows ? 1 / bits - k * e : 0);
    double with = (x->by_errors - x->sum * t->errors.sum / n) / (n - 1);
    double v = alpha * alpha * variance(x, n) + k * k * variance(&t->errors, n) - 2 * k * alpha * with;
    return around(f, f * sqrt(fmax(0, v)), n);
}

static qd_interval per_entropy(const qd_frame_tally *t, const qd_frame_sum *x) {
    double e = t->errors.sum / (double)t->bits, h = entropy(e);
    return h > 0 ? over_bits(t, x, e, h) : (qd_interval){NAN, NAN, NAN};
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median of runs' rates, and an interval that holds the distribution's median at least 95 times in 100 whatever the distribution
 * is: the k-th from each end, where k or fewer heads in as many throws have probability 1/40 at most. Fewer than six runs have
 * none. */
static qd_interval median95(double *x, uint64_t n) {
    qsort(x, n, sizeof *x, ascending);
    qd_interval r = {n ? (x[(n - 1) / 2] + x[n / 2]) / 2 : NAN, NAN, NAN};
    double term = exp2(-(double)n), below = 0;
    for (uint64_t k = 0; k < n / 2; k++) {
        below += term;
        if (!(below <= 0.025)) break;
        r.low = x[k];
        r.high = x[n - 1 - k];
        term *= (double)(n - k) / (double)(k + 1);
    }
    return r;
}

static qd_interval scaled(qd_interval x, double by) {
    return (qd_interval){x.value * by, x.low * by, x.high * by};
}

typedef struct runs {
    const json_t *const *result;
    uint64_t n;
    double *x;
} runs;

/* The last run may be a shorter one: rates all the same. */
static qd_interval speed(const runs *r, const char *of, const char *seconds) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < r->n; i++) {
        double v = real(r->result[i], of) / real(r->result[i], seconds);
        if (isfinite(v) && v > 0) r->x[n++] = v;
    }
    return median95(r->x, n);
}

static void put(json_t *j, const char *key, qd_interval x) {
    json_object_set_new(j, key, qd_interval_json(x));
}

static json_t *sum(const void *args, uint64_t point, const json_t *const *result, uint64_t n_runs) {
    const reconcile_args *a = args;
    qd_code_point p = point_of(a, point);
    qd_frame_tally t = {0};
    qd_verified v = {0};
    json_t *j = json_object(), *about = NULL;
    runs r = {result, n_runs, malloc(n_runs * sizeof(double))};
    if (!r.x) r.n = 0;
    for (uint64_t i = 0; i < n_runs; i++) {
        qd_frame_tally one = tally_of(result[i]);
        const qd_verified tags = qd_verified_of(json_object_get(result[i], "verified"));
        qd_frame_tally_join(&t, &one);
        qd_verified_join(&v, &tags);
    }
    double n = (double)t.frames, bits = (double)t.bits / n;
    qd_interval fer = qd_interval95(t.failed, t.frames), leak = over_bits(&t, &t.code_bits, 0, 1);
    json_object_set_new(j, "qber", json_real(p.qber));
    if (a->family->about(&p, &about, NULL) == QD_OK) json_object_update(j, about);
    json_decref(about);
    json_object_set_new(j, "seed", json_incref(json_object_get(result[0], "seed")));
    json_object_set_new(j, "frames", qd_json_from_u64(t.frames));
    put(j, "qber_realised",
        a->exact ? (qd_interval){t.errors.sum / (n * bits), t.errors.sum / (n * bits), t.errors.sum / (n * bits)}
                 : qd_interval95((uint64_t)t.errors.sum, t.bits));
    put(j, "failed", qd_count95(t.failed, t.frames));
    put(j, "fer", fer);
    put(j, "undetected", qd_count95(t.undetected, t.frames));
    put(j, "undetected_rate", qd_interval95(t.undetected, t.frames));
    if (a->verify) qd_verified_report(&v, j);
    put(j, "leak", leak);
    put(j, "efficiency", per_entropy(&t, &t.code_bits));
    put(j, "efficiency_charged", per_entropy(&t, &t.charged));
    put(j, "net_yield",
        (qd_interval){(1 - fer.value) * (1 - leak.value), (1 - fer.high) * (1 - leak.value), (1 - fer.low) * (1 - leak.value)});
    put(j, "rounds_mean", mean95(&t.rounds, n));
    put(j, "iterations_mean", t.iterations.sum > 0 ? mean95(&t.iterations, n) : (qd_interval){NAN, NAN, NAN});
    put(j, "mbit_per_s", scaled(speed(&r, "bits", "decode_seconds"), 1e-6));
    put(j, "mbit_per_s_whole", scaled(speed(&r, "bits", "seconds"), 1e-6));
    put(j, "edges_per_s", speed(&r, "updates", "decode_seconds"));
    free(r.x);
    return j;
}

/* ---- The table ------------------------------------------------------------------------------------------------------------ */

static const char *cell(const json_t *point, const char *key, const char *format, char out[48]) {
    const json_t *x = json_object_get(json_object_get(point, key), "value");
    snprintf(out, 48, "-");
    if (json_is_number(x)) snprintf(out, 48, format, json_number_value(x));
    return out;
}

static const char *range(const json_t *point, const char *key, const char *format, char out[48]) {
    const json_t *x = json_object_get(point, key), *low = json_object_get(x, "low");
    snprintf(out, 48, "-");
    if (json_is_number(low)) snprintf(out, 48, format, json_number_value(low), json_number_value(json_object_get(x, "high")));
    return out;
}

static void print(const void *args, const json_t *points, FILE *to) {
    const reconcile_args *a = args;
    fprintf(to, "code %s, %" PRIu64 " frames a point, %s errors", a->code, a->frames, a->exact ? "an exact number of" : "independent");
    if (strncmp(a->code, "cascade-", strlen("cascade-")) != 0) fprintf(to, ", at most %" PRIu64 " iterations", a->iterations);
    fprintf(to, "\n\n");
    fprintf(to, "%7s %6s %7s %15s %7s %9s %20s %10s %9s %7s %7s %8s %8s %8s\n", "qber", "leak", "f", "", "charged", "FER", "",
            "undetected", "net yield", "rounds", "iter.", "Mb/s", "whole", "Gedge/s");
    size_t i;
    const json_t *p;
    json_array_foreach((json_t *)points, i, p) {
        char c[13][48], g[48];
        const json_t *e = json_object_get(json_object_get(p, "edges_per_s"), "value");
        snprintf(g, sizeof g, "-");
        if (json_is_number(e)) snprintf(g, sizeof g, "%.2f", json_number_value(e) * 1e-9);
        fprintf(to, "%7.4g %6s %7s %15s %7s %9s %20s %10s %9s %7s %7s %8s %8s %8s\n",
                json_number_value(json_object_get(p, "qber")), cell(p, "leak", "%.4f", c[0]), cell(p, "efficiency", "%.4f", c[1]),
                range(p, "efficiency", "%.4f..%.4f", c[2]), cell(p, "efficiency_charged", "%.4f", c[3]),
                cell(p, "fer", "%.3g", c[4]), range(p, "fer", "%.3g..%.3g", c[5]), cell(p, "undetected", "%.0f", c[6]),
                cell(p, "net_yield", "%.4f", c[7]), cell(p, "rounds_mean", "%.4g", c[8]),
                cell(p, "iterations_mean", "%.2f", c[9]), cell(p, "mbit_per_s", "%.4g", c[10]),
                cell(p, "mbit_per_s_whole", "%.4g", c[11]), g);
    }
    fprintf(
        to,
        "\nf: code bits over n h(realised error rate); charged: all that counts against the key, failed frames whole, likewise\n"
        "net yield: (1 - FER)(1 - leak), of Alice's code bits alone\n"
        "Mb/s: key bits a second of decoding alone, everything resident; whole: with syndromes, transfers and comparison\n");
    if (a->verify) qd_verified_print(points, a->verify, to);
}

/* ---- Start ---------------------------------------------------------------------------------------------------------------- */

static bool is_of(const qd_code_family *f, const char *code) {
    for (size_t k = 0; k < sizeof f->prefixes / sizeof *f->prefixes; k++)
        if (f->prefixes[k] && strncmp(code, f->prefixes[k], strlen(f->prefixes[k])) == 0) return true;
    return false;
}

static qd_status find_family(reconcile_args *a, qd_error *err) {
    char names[240] = "";
    for (size_t i = 0; i < FAMILIES; i++) {
        if (a->code && is_of(families[i], a->code)) a->family = families[i];
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", families[i]->names);
    }
    if (a->code && !a->family && strpbrk(a->code, "./")) a->family = &qd_family_file;
    if (!a->code) return qd_fail(err, QD_E_USAGE, "study reconcile needs --code||there is: %s|see qdistill study --help", names);
    return a->family ? QD_OK
                     : qd_fail(err, QD_E_USAGE, "study reconcile: there is no code '%s'||there is: %s|see qdistill study --help",
                               a->code, names);
}

static qd_status check_options(reconcile_args *a, qd_error *err) {
    QD_TRY(find_family(a, err));
    if ((a->combine || a->schedule) && a->family != &qd_family_file)
        return qd_fail(err, QD_E_USAGE, "study reconcile: --%s goes with a code's file||%s has one way of its own|leave it out",
                       a->combine ? "combine" : "schedule", a->code);
    if (a->schedule && strcmp(a->schedule, "flooding") != 0 && strcmp(a->schedule, "layered") != 0)
        return qd_fail(err, QD_E_USAGE, "study reconcile: --schedule is flooding or layered, not '%s'|||see qdistill study --help",
                       a->schedule);
    if (!a->iterations) a->iterations = a->family->iterations;
    if (!a->text_qber) return qd_fail(err, QD_E_USAGE, "study reconcile needs --qber LIST|||see qdistill study --help");
    if (a->text_leak && a->text_efficiency)
        return qd_fail(
            err, QD_E_USAGE,
            "study reconcile: --leak and --efficiency exclude each other||both set the rate of the code|give one of them");
    if ((a->text_leak || a->text_efficiency) && !a->family->rated)
        return qd_fail(err, QD_E_USAGE,
                       "study reconcile: %s has no rate to choose||what it discloses follows from the errors|leave out --%s",
                       a->code, a->text_leak ? "leak" : "efficiency");
    if (a->eps_cor > 0 && !a->verify)
        return qd_fail(err, QD_E_USAGE, "study reconcile: --eps-cor goes with --verify||it says how long the tags of key strings are|give both");
    if (!(a->eps_cor > 0)) a->eps_cor = EPS_COR;
    a->by_efficiency = a->text_efficiency != NULL;
    QD_TRY(qd_list_parse("qber", a->text_qber, 0, 0.5, &a->qber, err));
    if (a->by_efficiency) return qd_list_parse("efficiency", a->text_efficiency, 0.5, 100, &a->rate, err);
    return a->text_leak ? qd_list_parse("leak", a->text_leak, 0, 1, &a->rate, err) : QD_OK;
}

static qd_status start(void *args, qd_study *s, qd_error *err) {
    reconcile_args *a = args;
    QD_TRY(check_options(a, err));
    uint64_t points = a->qber.n * (a->rate.n ? a->rate.n : 1);
    json_t *none = json_null();
    *s = (qd_study){.points = points,
                    .runs = runs_of(a),
                    .parameters = json_pack("{s:s,s:o,s:o,s:o,s:I,s:I,s:b}", "code", a->code, "qber", qd_list_json(&a->qber),
                                            "leak", a->text_leak ? qd_list_json(&a->rate) : none, "efficiency",
                                            a->by_efficiency ? qd_list_json(&a->rate) : none, "frames", (json_int_t)a->frames,
                                            "iterations", (json_int_t)a->iterations, "exact_errors", a->exact),
                    .run = run,
                    .sum = sum,
                    .print = print};
    if (!s->parameters) return qd_fail(err, QD_E_INTERNAL, "no memory");
    if (a->verify) {
        json_object_set_new(s->parameters, "verify", qd_json_from_u64(a->verify));
        json_object_set_new(s->parameters, "eps_cor", json_real(a->eps_cor));
    }
    const qd_code_point p = point_of(a, 0);
    if (a->family->parameters) QD_TRY(a->family->parameters(&p, s->parameters, err));
    return check_points(a, points, err);
}

const qd_study_what qd_study_reconcile = {
    .name = "reconcile", .size = sizeof(reconcile_args), .options = options, .start = start};
