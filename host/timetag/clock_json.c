/* SPDX-License-Identifier: Apache-2.0 */
/* The clock as JSON: exact integers. */
#include <math.h>
#include <stdio.h>
#include "qdistill/timetag.h"

json_t *qd_clock_json(const qd_clock *c) {
    return json_pack("{s:I,s:I,s:I,s:[I,I],s:f,s:f,s:b}", "base", (json_int_t)c->base, "offset", (json_int_t)c->offset, "freq",
                     (json_int_t)c->freq, "tick", (json_int_t)c->tick.num, (json_int_t)c->tick.den, "significance",
                     c->significance, "p_false", c->p_false, "locked", c->locked);
}

json_t *qd_follow_json(const qd_follow_report *r) {
    return json_pack("{s:b,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "followed", (int)r->locked, "stretches", (json_int_t)r->stretches, "unfitted",
                     (json_int_t)r->unfitted, "lost", (json_int_t)r->lost, "departure_ps", qd_json_from_real(r->departure_ps), "drift_ppm_s",
                     qd_json_from_real(r->drift_ppm_s), "sigma_ps", qd_json_from_real(r->sigma_ps), "pairs_per_s", qd_json_from_real(r->pairs_per_s));
}

qd_status qd_clock_write(const qd_clock *clock, const char *path, qd_error *err) {
    json_t *j = json_pack("{s:i,s:o}", "schema", 1, "clock", qd_clock_json(clock));
    if (!j) return qd_fail(err, QD_E_INTERNAL, "no memory to write %s", path);
    qd_status st = qd_json_write(j, path, err);
    json_decref(j);
    return st;
}

static qd_status bad(const char *where, const char *key, const char *why, qd_error *err) {
    return qd_fail(
        err, QD_E_INPUT,
        "%s: member '%s' %s||the file is damaged, was edited by hand, or is no clock|recover the clock with `qdistill sync`",
        where, key, why);
}

static qd_status get_int(const json_t *o, const char *where, const char *key, int64_t most, int64_t *out, qd_error *err) {
    const json_t *v = json_object_get(o, key);
    if (!v) return bad(where, key, "is missing", err);
    if (!json_is_integer(v)) return bad(where, key, "is not an integer", err);
    json_int_t i = json_integer_value(v);
    if (i > most || i < -most) return bad(where, key, "is out of range", err);
    *out = i;
    return QD_OK;
}

static qd_status get_tick(const json_t *o, const char *where, qd_tick *tick, qd_error *err) {
    const json_t *v = json_object_get(o, "tick");
    if (!v) return bad(where, "tick", "is missing", err);
    if (!json_is_array(v) || json_array_size(v) != 2) return bad(where, "tick", "is not a pair of integers", err);
    uint64_t x[2];
    for (size_t i = 0; i < 2; i++) {
        const json_t *e = json_array_get(v, i);
        if (!json_is_integer(e)) return bad(where, "tick", "is not a pair of integers", err);
        if (json_integer_value(e) < 1 || json_integer_value(e) >> 31) return bad(where, "tick", "is out of range", err);
        x[i] = (uint64_t)json_integer_value(e);
    }
    for (uint64_t p = x[0], q = x[1]; q;) { /* lowest terms: ticks are compared by their parts */
        uint64_t r = p % q;
        p = q;
        q = r;
        if (q == 0 && p != 1) return bad(where, "tick", "is not in lowest terms", err);
    }
    *tick = (qd_tick){x[0], x[1]};
    return QD_OK;
}

static qd_status parse(const json_t *root, const char *name, qd_clock *clock, qd_error *err) {
    static const char *const keys[] = {"base", "offset", "freq", "tick", "significance", "p_false", "locked", NULL};
    const json_t *o = json_object_get(root, "clock");
    if (!json_is_object(o))
        return qd_fail(
            err, QD_E_INPUT,
            "%s has no clock||it is no record of `qdistill sync`, or that found no lock|recover the clock with `qdistill sync`",
            name);
    char where[320];
    snprintf(where, sizeof where, "%s: clock", name);
    QD_TRY(qd_json_only(o, where, keys, err));
    qd_clock c = {0};
    const int64_t most = (int64_t)1 << 61;
    QD_TRY(get_int(o, where, "base", most, &c.base, err));
    QD_TRY(get_int(o, where, "offset", most, &c.offset, err));
    QD_TRY(get_int(o, where, "freq", ((int64_t)1 << 32) - 1, &c.freq, err));
    QD_TRY(get_tick(o, where, &c.tick, err));
    QD_TRY(qd_json_real(o, where, "significance", 0, HUGE_VAL, &c.significance, err));
    QD_TRY(qd_json_real(o, where, "p_false", 0, 1, &c.p_false, err));
    const json_t *locked = json_object_get(o, "locked");
    if (!json_is_boolean(locked)) return bad(where, "locked", locked ? "is not true or false" : "is missing", err);
    if (!json_is_true(locked)) return bad(where, "locked", "is false: no clock was found", err);
    c.locked = true;
    *clock = c;
    return QD_OK;
}

qd_status qd_clock_read(const char *path, qd_clock *clock, qd_error *err) {
    json_t *root = NULL;
    QD_TRY(qd_json_read(path, &root, err));
    qd_status st = parse(root, path, clock, err);
    json_decref(root);
    return st;
}

qd_status qd_clock_read_text(const char *name, const char *text, size_t bytes, qd_clock *clock, qd_error *err) {
    json_t *root = NULL;
    QD_TRY(qd_json_parse(name, text, bytes, &root, err));
    qd_status st = parse(root, name, clock, err);
    json_decref(root);
    return st;
}
