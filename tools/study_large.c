/* SPDX-License-Identifier: Apache-2.0 */
/* study reconcile: large-block codes, one syndrome a frame. A name is large (the code follows from the leak), large-300 or
 * large-300-995 or large-300-995-512 (that code), or one of them with a channel LLR: large:c=33. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/large.h"
#include "study_reconcile.h"

enum { BATCH = 32, ITERATIONS = 200 };

static qd_status name_error(const char *name, qd_error *err) {
    return qd_fail(err, QD_E_USAGE,
                   "'%s' is no code||it is large, or large-ROWS, large-ROWS-COLUMNS or large-ROWS-COLUMNS-Z of the base matrix; behind it may stand "
                   "c, the channel LLR, 1 to %d: large-300:c=33|see qdistill study --help",
                   name, QD_LARGE_CLIP);
}

typedef struct code {
    qd_large_design design;
    uint32_t c; /* 0: that of the error rate */
} code;

static qd_status parse(const qd_code_point *p, code *out, qd_error *err) {
    const size_t length = strcspn(p->code, ":");
    const char *more = p->code + length;
    char name[32], *end;
    *out = (code){.c = 0};
    if (length >= sizeof name) return name_error(p->code, err);
    memcpy(name, p->code, length);
    name[length] = 0;
    if (*more) {
        if (strncmp(more, ":c=", 3) != 0 || more[3] < '0' || more[3] > '9') return name_error(p->code, err);
        unsigned long c = strtoul(more + 3, &end, 10);
        if (*end || c < 1 || c > QD_LARGE_CLIP) return name_error(p->code, err);
        out->c = (uint32_t)c;
    }
    if (strcmp(name, "large") == 0)
        return qd_large_for_leak(p->leak > 0 ? p->leak : qd_large_leak_of(fmax(p->qber, 1e-6)), &out->design, err);
    if (p->leak > 0)
        return qd_fail(err, QD_E_USAGE, "%s has no leak to choose||its rows are its leak|leave it out, or give --code large",
                       name);
    return qd_large_named(name, &out->design, err);
}

/* What the decoder computes with follows from sizes and error rate alone, so that the code need not be drawn for it. */
static qd_large_rule rule_of(const qd_code_point *p, const code *c) {
    const qd_large_code sizes = {.rows = c->design.rows, .cols = c->design.cols, .z = c->design.z};
    qd_large_rule rule = qd_large_rule_of(&sizes, fmin(0.4999, fmax(p->qber, 1e-6)));
    if (c->c) rule.c = c->c;
    rule.max_iterations = (uint32_t)p->iterations;
    return rule;
}

static qd_status about(const qd_code_point *p, json_t **out, qd_error *err) {
    code c;
    QD_TRY(parse(p, &c, err));
    const qd_large_design *d = &c.design;
    *out = json_pack("{s:i,s:i,s:i,s:i,s:i,s:i}", "z", (int)d->z, "rows", (int)d->rows, "columns", (int)d->cols, "m",
                     (int)(d->rows * d->z), "frame_bits", (int)(d->cols * d->z), "c", (int)rule_of(p, &c).c);
    return *out ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory");
}

static qd_status run(const qd_code_point *p, qd_device *dev, uint64_t seed, uint64_t first, uint64_t frames, qd_frame_tally *t,
                     qd_error *err) {
    code c;
    qd_large_code *drawn;
    QD_TRY(parse(p, &c, err));
    QD_TRY(qd_large_drawn(&c.design, &drawn, err));
    const qd_large_ask ask = {.code = drawn,
                              .rule = rule_of(p, &c),
                              .qber = p->qber,
                              .exact_errors = p->exact,
                              .seed = seed,
                              .first = first,
                              .frames = frames,
                              .strings = p->strings};
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
