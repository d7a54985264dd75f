/* SPDX-License-Identifier: Apache-2.0 */
/* study reconcile: Cascade. A name is cascade-opt8, or cascade-opt8:n=10000,order=apart. */
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/cascade.h"
#include "study_reconcile.h"

enum { BATCH = 64 };

static const char *const orders[QD_CASCADE_ORDERS] = {
    [QD_CASCADE_FROM_TOP] = "top", [QD_CASCADE_SMALLEST] = "smallest", [QD_CASCADE_APART] = "apart", [QD_CASCADE_ONE] = "one"};

static qd_status name_error(const char *name, qd_error *err) {
    return qd_fail(
        err, QD_E_USAGE,
        "'%s' is no code||behind the variant may stand n (bits of a frame, 2 to %d) and order (top, smallest, apart or "
        "one): cascade-opt8:n=10000,order=apart|see qdistill study --help",
        name, QD_CASCADE_BITS);
}

/* One of n=N and order=NAME, up to the comma or the end. */
static qd_status parameter(const char *name, const char *at, size_t length, uint64_t *n, uint32_t *order, qd_error *err) {
    char *end;
    if (strncmp(at, "n=", 2) == 0 && at[2] >= '0' && at[2] <= '9') {
        *n = strtoull(at + 2, &end, 10);
        if (end == at + length && *n >= 2 && *n <= QD_CASCADE_BITS) return QD_OK;
    }
    for (uint32_t o = 0; strncmp(at, "order=", 6) == 0 && o < QD_CASCADE_ORDERS; o++)
        if (strlen(orders[o]) == length - 6 && strncmp(at + 6, orders[o], length - 6) == 0) {
            *order = o;
            return QD_OK;
        }
    return name_error(name, err);
}

/* The published lengths: 2^14 of opt. (8), 10000 of all others. */
static qd_status parse(const qd_code_point *p, qd_cascade_plan *plan, qd_error *err) {
    const char *code = p->code + strlen("cascade-");
    size_t length = strcspn(code, ":");
    char name[32];
    qd_cascade_variant variant;
    uint32_t order = QD_CASCADE_ORDERS;
    if (length >= sizeof name) return name_error(p->code, err);
    memcpy(name, code, length);
    name[length] = 0;
    QD_TRY(qd_cascade_named(name, &variant, err));
    uint64_t n = variant == QD_CASCADE_OPT8 ? 16384 : 10000;
    for (const char *at = code + length; *at; at += length) {
        at++; /* the colon or comma */
        length = strcspn(at, ",");
        QD_TRY(parameter(p->code, at, length, &n, &order, err));
    }
    QD_TRY(qd_cascade_plan_make(variant, p->qber, n, plan, err));
    if (order == QD_CASCADE_ORDERS) return QD_OK;
    if (plan->quiet > 0 && order != QD_CASCADE_FROM_TOP)
        return qd_fail(err, QD_E_USAGE,
                       "biconf goes with order=top only||it does not go back to known halves|leave the order out");
    plan->order = order;
    plan->infer = order != QD_CASCADE_FROM_TOP;
    return QD_OK;
}

static qd_status about(const qd_code_point *p, json_t **out, qd_error *err) {
    qd_cascade_plan plan;
    QD_TRY(parse(p, &plan, err));
    json_t *blocks = json_array();
    for (uint32_t i = 0; i < plan.passes; i++) json_array_append_new(blocks, json_integer(plan.block[i]));
    *out = json_pack("{s:i,s:o,s:s}", "frame_bits", (int)plan.n, "blocks", blocks, "order", orders[plan.order]);
    return *out ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory");
}

/* Nobody knows that an error is left before the string's tag, so a wrong frame is an undetected one; it is revealed then. */
static qd_status one(const qd_cascade_plan *plan, const qd_code_point *p, uint64_t seed, uint64_t frame, qd_bits key[2],
                     qd_frame_tally *t, qd_error *err) {
    qd_cascade_counts c;
    uint64_t errors = qd_frame_draw_truth(seed, frame, p->qber, p->exact, &key[0], &key[1]);
    double start = qd_now();
    QD_TRY(qd_cascade_frame_truth(plan, seed, frame, &key[0], &key[1], &c, err));
    double seconds = qd_now() - start;
    bool right = qd_bits_equal(&key[0], &key[1]);
    qd_frame_tally_add(t, &(qd_frame_outcome){.solved = true,
                                              .right = right,
                                              .bits = plan->n,
                                              .errors = errors,
                                              .code_bits = c.alice_bits,
                                              .charged = right ? c.alice_bits + c.bob_bits : plan->n,
                                              .rounds = c.rounds});
    t->decode_seconds += seconds;
    t->seconds += seconds;
    return QD_OK;
}

static qd_status run(const qd_code_point *p, qd_device *dev, uint64_t seed, uint64_t first, uint64_t frames, qd_frame_tally *t,
                     qd_error *err) {
    (void)dev; /* the search has no device path */
    qd_cascade_plan plan;
    qd_bits key[2] = {0};
    QD_TRY(parse(p, &plan, err));
    qd_status st = QD_OK;
    for (int i = 0; i < 2 && st == QD_OK; i++) st = qd_bits_create(&key[i], plan.n, err);
    for (uint64_t f = 0; f < frames && st == QD_OK; f++) st = one(&plan, p, seed, first + f, key, t, err);
    for (int i = 0; i < 2; i++) qd_bits_destroy(&key[i]);
    return st;
}

const qd_code_family qd_family_cascade = {.prefixes = {"cascade-"},
                                          .names = "cascade-original, -biconf, -yanetal, -option3, -opt4, -opt7, -opt8",
                                          .rated = false,
                                          .batch = BATCH,
                                          .iterations = 50,
                                          .about = about,
                                          .run = run};
