/* SPDX-License-Identifier: Apache-2.0 */
/* study reconcile: Cascade. A name is cascade-opt8, or cascade-opt8:n=10000,order=pass,together=64. */
#include <stdlib.h>
#include <string.h>
#include "study_reconcile.h"

enum { BATCH = 64 };

static const char *const orders[QD_CASCADE_ORDERS] = {
    [QD_CASCADE_FROM_TOP] = "top", [QD_CASCADE_SMALLEST] = "smallest", [QD_CASCADE_APART] = "apart", [QD_CASCADE_ONE] = "one",
    [QD_CASCADE_PASS] = "pass"};

static qd_status name_error(const char *name, qd_error *err) {
    return qd_fail(
        err, QD_E_USAGE,
        "'%s' is no code||behind the variant may stand n (bits of a frame, 2 to %d), order (top, smallest, apart, "
        "one or pass) and together (frames that share their permutations, 1 to %d): cascade-opt8:n=10000,order=pass|see qdistill study --help",
        name, QD_CASCADE_BITS, BATCH);
}

/* What stands behind the variant. */
typedef struct choices {
    uint64_t n, together;
    uint32_t order; /* QD_CASCADE_ORDERS: none was chosen */
} choices;

static bool number(const char *at, size_t length, const char *key, uint64_t min, uint64_t max, uint64_t *to) {
    const size_t k = strlen(key);
    char *end;
    if (strncmp(at, key, k) != 0 || at[k] < '0' || at[k] > '9') return false;
    *to = strtoull(at + k, &end, 10);
    return end == at + length && *to >= min && *to <= max;
}

/* One of n=N, order=NAME and together=N, up to the comma or the end. */
static qd_status parameter(const char *name, const char *at, size_t length, choices *c, qd_error *err) {
    if (number(at, length, "n=", 2, QD_CASCADE_BITS, &c->n)) return QD_OK;
    if (number(at, length, "together=", 1, BATCH, &c->together)) return QD_OK;
    for (uint32_t o = 0; strncmp(at, "order=", 6) == 0 && o < QD_CASCADE_ORDERS; o++)
        if (strlen(orders[o]) == length - 6 && strncmp(at + 6, orders[o], length - 6) == 0) {
            c->order = o;
            return QD_OK;
        }
    return name_error(name, err);
}

/* The published lengths: 2^14 of opt. (8), and of ours, 10000 of all others. */
static qd_status parse(const qd_code_point *p, qd_cascade_plan *plan, uint64_t *together, qd_error *err) {
    const char *code = p->code + strlen("cascade-");
    size_t length = strcspn(code, ":");
    char name[32];
    qd_cascade_variant variant;
    if (length >= sizeof name) return name_error(p->code, err);
    memcpy(name, code, length);
    name[length] = 0;
    QD_TRY(qd_cascade_named(name, &variant, err));
    choices c = {.n = variant >= QD_CASCADE_OPT8 ? 16384 : 10000, .together = 1, .order = QD_CASCADE_ORDERS};
    for (const char *at = code + length; *at; at += length) {
        at++; /* the colon or comma */
        length = strcspn(at, ",");
        QD_TRY(parameter(p->code, at, length, &c, err));
    }
    QD_TRY(qd_cascade_plan_make(variant, p->qber, c.n, plan, err));
    *together = c.together;
    if (plan->quiet > 0 && c.together > 1)
        return qd_fail(err, QD_E_USAGE, "biconf's frames do not go together||each draws further permutations for its own rounds|leave it out");
    if (c.order == QD_CASCADE_ORDERS) return QD_OK;
    if (plan->quiet > 0 && c.order != QD_CASCADE_FROM_TOP)
        return qd_fail(err, QD_E_USAGE,
                       "biconf goes with order=top only||it does not go back to known halves|leave the order out");
    plan->order = c.order;
    plan->infer = c.order != QD_CASCADE_FROM_TOP;
    return QD_OK;
}

static qd_status about(const qd_code_point *p, json_t **out, qd_error *err) {
    qd_cascade_plan plan;
    uint64_t together;
    QD_TRY(parse(p, &plan, &together, err));
    json_t *blocks = json_array();
    for (uint32_t i = 0; i < plan.passes; i++) json_array_append_new(blocks, json_integer(plan.block[i]));
    *out = json_pack("{s:i,s:o,s:s,s:i}", "frame_bits", (int)plan.n, "blocks", blocks, "order", orders[plan.order], "together", (int)together);
    return *out ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory");
}

static qd_status run(const qd_code_point *p, qd_device *dev, uint64_t seed, uint64_t first, uint64_t frames, qd_frame_tally *t,
                     qd_error *err) {
    qd_cascade_ask ask = {.qber = p->qber, .exact_errors = p->exact, .seed = seed, .first = first, .frames = frames, .strings = p->strings};
    QD_TRY(parse(p, &ask.plan, &ask.together, err));
    return qd_cascade_truth(&ask, dev, t, err);
}

const qd_code_family qd_family_cascade = {.prefixes = {"cascade-"},
                                          .names = "cascade-original, -biconf, -yanetal, -option3, -opt4, -opt7, -opt8, -qd",
                                          .rated = false,
                                          .batch = BATCH,
                                          .iterations = 50,
                                          .about = about,
                                          .run = run};
