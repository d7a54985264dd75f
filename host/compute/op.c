/* SPDX-License-Identifier: Apache-2.0 */
/* The registry, and problem strings. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "qdistill/compute.h"

const qd_op *qd_registry_op(const qd_registry *r, size_t i) {
    for (const qd_op *const *const *room = r->rooms; *room; room++)
        for (const qd_op *const *op = *room; *op; op++)
            if (i-- == 0) return *op;
    return NULL;
}

static const qd_op *find(const qd_registry *r, const char *name, size_t n) {
    const qd_op *op;
    for (size_t i = 0; (op = qd_registry_op(r, i)) != NULL; i++)
        if (strlen(op->name) == n && memcmp(op->name, name, n) == 0) return op;
    return NULL;
}

const qd_op *qd_registry_find(const qd_registry *r, const char *name) {
    return find(r, name, strlen(name));
}

static qd_status unknown_op(const qd_registry *r, const char *text, qd_error *err) {
    char names[512] = "";
    size_t at = 0;
    const qd_op *op;
    for (size_t i = 0; (op = qd_registry_op(r, i)) != NULL && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "", op->name);
    return qd_fail(err, QD_E_USAGE, "problem '%.200s': no such operation||operations are %s|qdistill validate --help", text,
                   names);
}

/* The grammar of an operation, for an error. */
static qd_status bad(const qd_op *op, const char *text, const char *part, size_t n, const char *why, qd_error *err) {
    char grammar[QD_ERROR_PART];
    size_t at = (size_t)snprintf(grammar, sizeof grammar, "%s:", op->name);
    for (size_t i = 0; i < op->n_keys && at < sizeof grammar; i++)
        at += (size_t)snprintf(grammar + at, sizeof grammar - at, "%s%s=%" PRIu64 "..%" PRIu64, i ? "," : "", op->keys[i].name,
                               op->keys[i].min, op->keys[i].max);
    return qd_fail(err, QD_E_USAGE, "problem '%.200s': '%.*s' %s||the grammar is %s|keys left out take their default", text,
                   n > 80 ? 80 : (int)n, part, why, grammar);
}

static bool number(const char *p, size_t n, uint64_t *v) {
    *v = 0;
    if (n == 0) return false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return false;
        uint64_t digit = (uint64_t)(p[i] - '0');
        if (*v > (UINT64_MAX - digit) / 10) return false;
        *v = *v * 10 + digit;
    }
    return true;
}

static qd_status take(const qd_op *op, const char *text, const char *part, size_t n, bool *given, qd_problem *p, qd_error *err) {
    const char *eq = memchr(part, '=', n);
    if (!eq) return bad(op, text, part, n, "is not key=value", err);
    size_t len = (size_t)(eq - part), i = 0;
    while (i < op->n_keys && !(strlen(op->keys[i].name) == len && memcmp(op->keys[i].name, part, len) == 0)) i++;
    if (i == op->n_keys) return bad(op, text, part, n, "has an unknown key", err);
    if (given[i]) return bad(op, text, part, n, "gives a key twice", err);
    given[i] = true;
    if (!number(eq + 1, n - len - 1, &p->v[i])) return bad(op, text, part, n, "is not an unsigned integer", err);
    if (p->v[i] < op->keys[i].min || p->v[i] > op->keys[i].max) return bad(op, text, part, n, "is out of range", err);
    return QD_OK;
}

qd_status qd_problem_parse(const qd_registry *r, const char *text, qd_problem *out, qd_error *err) {
    size_t n = strcspn(text, ":");
    const qd_op *op = find(r, text, n);
    if (!op) return unknown_op(r, text, err);
    if (op->n_keys > QD_PROBLEM_KEYS)
        return qd_fail(err, QD_E_INTERNAL, "operation %s has more than %d keys", op->name, QD_PROBLEM_KEYS);
    qd_problem p = {.op = op};
    bool given[QD_PROBLEM_KEYS] = {false};
    for (size_t i = 0; i < op->n_keys; i++) p.v[i] = op->keys[i].def;
    const char *part = text + n;
    if (strcmp(part, ":") == 0) part++;
    while (*part) { /* at ':' or ',' */
        part++;
        size_t len = strcspn(part, ",");
        QD_TRY(take(op, text, part, len, given, &p, err));
        part += len;
    }
    *out = p;
    return QD_OK;
}

void qd_problem_print(const qd_problem *p, char *out, size_t cap) {
    size_t at = (size_t)snprintf(out, cap, "%s", p->op->name);
    for (size_t i = 0; i < p->op->n_keys && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%c%s=%" PRIu64, i ? ',' : ':', p->op->keys[i].name, p->v[i]);
}
