/* SPDX-License-Identifier: Apache-2.0 */
/* study reconcile: large-block codes. A name is large (the code follows from the leak), large-300 or large-300-995 or large-300-995-512 (that
 * code). Behind it may stand c=33, a channel LLR, z=1024, the lifting size of large, and joined=20000 with tell=500, perhaps patience=24: so many pairs of lifted rows of that code are joined at first, and
 * 500 at a time told apart until a frame is solved, attempts being given up after 24 iterations without fewer odd rows; the leak of large is then the first attempt's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/large.h"
#include "stop.h"
#include "study_reconcile.h"

enum { BATCH = 32, ITERATIONS = 200 };

static qd_status name_error(const char *name, qd_error *err) {
    return qd_fail(err, QD_E_USAGE,
                   "'%s' is no code||it is large, or large-ROWS, large-ROWS-COLUMNS or large-ROWS-COLUMNS-Z of the base matrix; behind it may stand "
                   "c, the channel LLR, 1 to %d, behind large z, the lifting size, and pairs of lifted rows joined at first with how many a time are told, and with the patience of attempts: large-300:c=33,joined=20000,tell=500,patience=24|see qdistill "
                   "study --help",
                   name, QD_LARGE_CLIP);
}

typedef struct code {
    qd_large_design design;
    uint32_t c; /* 0: that of the error rate */
    uint32_t z; /* 0: the largest, and of a name its own */
    uint32_t joined, tell, patience;
} code;

/* c=N, z=N, joined=N, tell=N and patience=N, in any order, each at most once. */
static bool parse_more(const char *more, code *out) {
    static const char *const name[] = {"c=", "joined=", "tell=", "patience=", "z="};
    uint32_t *const to[] = {&out->c, &out->joined, &out->tell, &out->patience, &out->z};
    const unsigned long most[] = {QD_LARGE_CLIP, QD_LARGE_ROWS_MAX / 2 * QD_LARGE_Z_MAX, QD_LARGE_ROWS_MAX / 2 * QD_LARGE_Z_MAX, 1000, QD_LARGE_Z_MAX};
    enum { NAMES = sizeof name / sizeof *name };
    while (*more) {
        size_t i = 0;
        char *end;
        while (i < NAMES && strncmp(more, name[i], strlen(name[i])) != 0) i++;
        if (i == NAMES) return false;
        more += strlen(name[i]);
        if (*to[i] || *more < '1' || *more > '9') return false;
        const unsigned long v = strtoul(more, &end, 10);
        if (v > most[i] || (*end && (*end != ',' || !end[1]))) return false;
        *to[i] = (uint32_t)v;
        more = end + (*end == ',');
    }
    if (out->joined && !out->patience) out->patience = QD_LARGE_PATIENCE;
    return !out->joined == !out->tell && !out->joined == !out->patience;
}

/* Of the codes of lifting size @p z the one that discloses least, but at least @p leak, with so many pairs joined. */
static qd_status for_leak(double leak, uint32_t z, uint32_t joined, qd_large_design *out, qd_error *err) {
    qd_large_design d;
    double best = 2;
    if (!joined) return qd_large_for_leak(leak, z, out, err);
    QD_TRY(qd_large_for_leak(0.3, z, &d, err)); /* a lifting size that serves no leak is said to be none */
    for (uint32_t cols = QD_LARGE_COLS_MOST; cols >= QD_LARGE_COLS_LEAST; cols--) {
        const double n = (double)cols * z, rows = ceil((leak * n + joined) / z - 1e-6), is = (rows * z - joined) / n;
        if (is >= best || qd_large_sized((uint32_t)rows, cols, z, &d, NULL) != QD_OK || joined > d.rows / 2 * d.z) continue;
        best = is;
        *out = d;
    }
    return best < 2 ? QD_OK
                    : qd_fail(err, QD_E_USAGE,
                              "no large code of leak %.4f with %u joined rows||the codes' own leaks go from .05 to .57, and each row is in one pair at most|take "
                              "another rate, or fewer of them",
                              leak, joined);
}

static qd_status parse(const qd_code_point *p, code *out, qd_error *err) {
    const size_t length = strcspn(p->code, ":");
    char name[32];
    *out = (code){.c = 0};
    if (length >= sizeof name) return name_error(p->code, err);
    memcpy(name, p->code, length);
    name[length] = 0;
    if (p->code[length] && (!p->code[length + 1] || !parse_more(p->code + length + 1, out))) return name_error(p->code, err);
    if (strcmp(name, "large") == 0)
        return for_leak(p->leak > 0 ? p->leak : qd_large_leak_of(fmax(p->qber, 1e-6)), out->z ? out->z : QD_LARGE_Z_MOST, out->joined, &out->design, err);
    if (out->z) return name_error(p->code, err);
    if (p->leak > 0)
        return qd_fail(err, QD_E_USAGE, "%s has no leak to choose||its rows are its leak|leave it out, or give --code large",
                       name);
    QD_TRY(qd_large_named(name, &out->design, err));
    if (out->joined > out->design.rows / 2 * out->design.z) return name_error(p->code, err);
    return QD_OK;
}

/* What the decoder computes with follows from sizes and error rate alone, so that the code need not be drawn for it. */
static qd_large_rule rule_of(const qd_code_point *p, const code *c) {
    const qd_large_code sizes = {.rows = c->design.rows, .cols = c->design.cols, .z = c->design.z};
    qd_large_rule rule = qd_large_rule_of(&sizes, fmin(0.4999, fmax(p->qber, 1e-6)));
    if (c->c) rule.c = c->c;
    rule.max_iterations = (uint32_t)p->iterations;
    rule.patience = c->patience;
    return rule;
}

static qd_status about(const qd_code_point *p, json_t **out, qd_error *err) {
    code c;
    QD_TRY(parse(p, &c, err));
    const qd_large_design *d = &c.design;
    *out = json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "z", (int)d->z, "rows", (int)d->rows, "columns", (int)d->cols, "m",
                     (int)(d->rows * d->z), "frame_bits", (int)(d->cols * d->z), "c", (int)rule_of(p, &c).c, "joined", (int)c.joined, "tell",
                     (int)c.tell, "patience", (int)c.patience);
    return *out ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory");
}

static qd_status run(const qd_code_point *p, qd_device *dev, uint64_t seed, uint64_t first, uint64_t frames, qd_frame_tally *t,
                     qd_error *err) {
    code c;
    qd_large_code *drawn;
    QD_TRY(parse(p, &c, err));
    QD_TRY(qd_large_drawn(&c.design, &drawn, err));
    const qd_large_ask ask = {.code = drawn,
                              .joined = c.joined,
                              .tell = c.tell,
                              .rule = rule_of(p, &c),
                              .qber = p->qber,
                              .exact_errors = p->exact,
                              .seed = seed,
                              .first = first,
                              .frames = frames,
                              .strings = p->strings,
                              .stop = qd_stop_flag()};
    qd_status st = qd_large_truth(&ask, dev, t, err);
    qd_large_free(drawn);
    return st;
}

const qd_code_family qd_family_large = {.prefixes = {"large"},
                                        .names = "large, large-ROWS",
                                        .rated = true,
                                        .batch = BATCH,
                                        .iterations = ITERATIONS,
                                        .about = about,
                                        .run = run};
