/* SPDX-License-Identifier: Apache-2.0 */
/* Device against reference, byte for byte. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compute/internal.h"

/* Poison differs between the two sides: a byte that neither path writes is a difference. */
enum { GUARD = 256, POISON_REFERENCE = 0x5A, POISON_DEVICE = 0xA5 };

typedef qd_status (*path_fn)(const qd_op *op, void *state, qd_device *dev, void *out, qd_error *err);

static qd_status run_reference(const qd_op *op, void *state, qd_device *dev, void *out, qd_error *err) {
    (void)dev;
    return op->reference(state, out, err);
}

static qd_status run_device(const qd_op *op, void *state, qd_device *dev, void *out, qd_error *err) {
    return op->device(state, dev, out, err);
}

/* An output between two guards. */
typedef struct guarded {
    unsigned char *block;
    size_t bytes;
    double seconds;
} guarded;

static unsigned char *body(const guarded *g) {
    return g->block + GUARD;
}

static bool guards_hold(const guarded *g, int poison) {
    for (size_t i = 0; i < GUARD; i++)
        if (g->block[i] != poison || g->block[GUARD + g->bytes + i] != poison) return false;
    return true;
}

/* One path on inputs of its own, made anew: a path that changes its inputs is seen. */
static qd_status run_path(const qd_problem *p, path_fn path, qd_device *dev, int poison, guarded *g, qd_error *err) {
    void *state = NULL;
    *g = (guarded){0};
    QD_TRY(p->op->create(p, &state, err));
    qd_status st = QD_OK;
    g->bytes = p->op->output_bytes(state);
    g->block = aligned_alloc(64, (g->bytes + 2 * GUARD + 63) / 64 * 64);
    if (!g->block) st = qd_fail(err, QD_E_INTERNAL, "no memory for %zu bytes of output", g->bytes);
    if (st == QD_OK) {
        memset(g->block, poison, g->bytes + 2 * GUARD);
        double began = qd_now();
        st = path(p->op, state, dev, body(g), err);
        g->seconds = qd_now() - began;
    }
    p->op->destroy(state);
    return st;
}

static void compare(const guarded *want, const guarded *got, qd_compare *c) {
    c->compared_bytes = want->bytes;
    c->first_difference = UINT64_MAX;
    c->reference_seconds = want->seconds;
    c->device_seconds = got->seconds;
    if (memcmp(body(want), body(got), want->bytes) != 0) {
        size_t i = 0;
        while (body(want)[i] == body(got)[i]) i++;
        c->first_difference = i;
        c->expected = body(want)[i];
        c->got = body(got)[i];
    } else if (!guards_hold(got, POISON_DEVICE)) {
        c->first_difference = want->bytes;
    }
    c->ok = c->first_difference == UINT64_MAX;
}

/* @p fault flips one bit of the device's result, to see that the comparison notices. */
static qd_status run_both(const qd_problem *p, qd_device *dev, bool fault, qd_compare *result, qd_error *err) {
    memset(result, 0, sizeof *result);
    guarded want = {0}, got = {0};
    qd_status st;
    QD_TRY_OUT(st, run_path(p, run_reference, NULL, POISON_REFERENCE, &want, err));
    if (!guards_hold(&want, POISON_REFERENCE)) {
        st = qd_fail(err, QD_E_INTERNAL, "the reference of %s wrote outside its output", p->op->name);
        goto out;
    }
    QD_TRY_OUT(st, dev ? run_path(p, run_device, dev, POISON_DEVICE, &got, err)
                       : run_path(p, run_reference, NULL, POISON_DEVICE, &got, err));
    if (got.bytes != want.bytes) {
        st = qd_fail(err, QD_E_INTERNAL, "the inputs of %s are not repeatable: %zu and %zu bytes of output", p->op->name,
                     want.bytes, got.bytes);
        goto out;
    }
    if (fault && got.bytes) body(&got)[0] ^= 1;
    compare(&want, &got, result);
out:
    free(want.block);
    free(got.block);
    return st;
}

qd_status qd_validate_problem(const qd_problem *p, qd_device *dev, qd_compare *result, qd_error *err) {
    return run_both(p, dev, false, result, err);
}

static bool is_faulty(const qd_device *dev) {
    const char *id = getenv("QD_FAULT_DEVICE");
    return id && dev && strcmp(id, dev->info.id) == 0;
}

qd_status qd_selftest(const qd_registry *r, qd_device *dev, qd_error *err) {
    bool fault = is_faulty(dev);
    const qd_op *op;
    for (size_t i = 0; (op = qd_registry_op(r, i)) != NULL; i++) {
        qd_problem p;
        qd_compare c;
        QD_TRY(qd_problem_parse(r, op->selftest, &p, err));
        QD_TRY(run_both(&p, dev, fault, &c, err));
        fault = false;
        if (c.ok) continue;
        const char *id = dev ? dev->info.id : "ref", *name = dev ? dev->info.name : "reference path",
                   *driver = dev ? dev->info.driver : "";
        if (c.first_difference == c.compared_bytes)
            return qd_fail(err, QD_E_DIFFER,
                           "self-test failed on %s (%s): %s writes past its output|||qdistill validate --device %s '%s'", id,
                           name, op->name, id, op->selftest);
        return qd_fail(err, QD_E_DIFFER,
                       "self-test failed on %s (%s): %s differs from the reference at byte %" PRIu64
                       ", expected 0x%02x, got 0x%02x||driver %s may "
                       "miscompile it|reproduce: qdistill validate --device %s '%s'; go on without it: --device ref",
                       id, name, op->name, c.first_difference, c.expected, c.got, driver, id, op->selftest);
    }
    return QD_OK;
}
