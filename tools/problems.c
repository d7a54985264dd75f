/* SPDX-License-Identifier: Apache-2.0 */
#include "problems.h"

#include <stdlib.h>
#include <string.h>
#include "qdistill/pipeline.h"

static qd_status add(qd_problems *ps, const qd_problem *p, qd_error *err) {
    qd_problem *more = realloc(ps->p, (ps->n + 1) * sizeof *more);
    if (!more) return qd_fail(err, QD_E_INTERNAL, "no memory for the list of problems");
    ps->p = more;
    ps->p[ps->n++] = *p;
    return QD_OK;
}

static qd_status add_texts(qd_problems *ps, const char *const *texts, qd_error *err) {
    for (; texts && *texts; texts++) {
        qd_problem p;
        qd_error why = {0};
        if (qd_problem_parse(qd_registry_all(), *texts, &p, &why) != QD_OK)
            return qd_fail(err, QD_E_INTERNAL, "a case of the registry is no problem: %s|%s|%s", why.what, why.cause, why.likely);
        QD_TRY(add(ps, &p, err));
    }
    return QD_OK;
}

static qd_status add_cases(qd_problems *ps, const qd_op *op, qd_cases kind, qd_error *err) {
    const char *const one[] = {op->selftest, NULL};
    switch (kind) {
        case QD_CASES_TINY:
            return add_texts(ps, op->cases_tiny ? op->cases_tiny : one, err);
        case QD_CASES_PROFILE:
            return add_texts(ps, op->cases_profile, err);
        case QD_CASES_FULL:
            QD_TRY(add_texts(ps, op->cases_quick, err));
            return add_texts(ps, op->cases_full, err);
        case QD_CASES_QUICK:
            break;
    }
    return add_texts(ps, op->cases_quick, err);
}

static qd_status collect(qd_cases kind, const char *const *pos, size_t n_pos, qd_problems *ps, qd_error *err) {
    const qd_registry *r = qd_registry_all();
    const qd_op *op;
    for (size_t i = 0; n_pos == 0 && (op = qd_registry_op(r, i)) != NULL; i++) QD_TRY(add_cases(ps, op, kind, err));
    for (size_t i = 0; i < n_pos; i++) {
        qd_problem p;
        op = qd_registry_find(r, pos[i]);
        if (op) {
            QD_TRY(add_cases(ps, op, kind, err));
        } else {
            QD_TRY(qd_problem_parse(r, pos[i], &p, err));
            QD_TRY(add(ps, &p, err));
        }
    }
    return QD_OK;
}

qd_status qd_problems_collect(qd_cases kind, const char *const *pos, size_t n_pos, qd_problems *out, qd_error *err) {
    *out = (qd_problems){0};
    qd_status st = collect(kind, pos, n_pos, out, err);
    if (st != QD_OK) qd_problems_free(out);
    return st;
}

void qd_problems_free(qd_problems *ps) {
    free(ps->p);
    *ps = (qd_problems){0};
}

static qd_status open_named(qd_cli *cli, qd_devices *out, qd_error *err) {
    if (strcmp(cli->device, "auto") == 0)
        QD_TRY(qd_cli_device(cli, &out->dev[0], err));
    else
        QD_TRY(qd_cli_device_error(cli, qd_device_open(cli->device, &out->dev[0], err), err));
    out->n = 1;
    return QD_OK;
}

static qd_status open_all(const qd_device_info *list, size_t n, const char *note, qd_devices *out, qd_error *err) {
    qd_error e = {0};
    for (size_t i = 0; i < n; i++) {
        if (!list[i].usable) {
            fprintf(stderr, "qdistill: device %s (%s) is skipped: %s\n", list[i].id, list[i].name, list[i].reason);
        } else if (qd_device_open(list[i].id, &out->dev[out->n], &e) == QD_OK) {
            out->n++;
        } else {
            fprintf(stderr, "qdistill: device %s (%s) is skipped: %s (%s)\n", list[i].id, list[i].name, e.what, e.cause);
        }
    }
    if (out->n == 0) return qd_fail(err, QD_E_NODEVICE, "there is no usable device|%s||qdistill devices -v", note);
    return QD_OK;
}

qd_status qd_devices_open(qd_cli *cli, qd_devices *out, qd_error *err) {
    *out = (qd_devices){0};
    qd_device_info *list = NULL;
    size_t n = 0;
    char note[QD_ERROR_PART] = "";
    if (!cli->device) QD_TRY(qd_devices_list(&list, &n, note, err));
    out->dev = calloc(n + 1, sizeof *out->dev);
    qd_status st = !out->dev     ? qd_fail(err, QD_E_INTERNAL, "no memory for the devices")
                   : cli->device ? open_named(cli, out, err)
                                 : open_all(list, n, note, out, err);
    free(list);
    if (st != QD_OK) qd_devices_close(out);
    return st;
}

void qd_devices_close(qd_devices *ds) {
    for (size_t i = 0; i < ds->n; i++) qd_device_close(ds->dev[i]);
    free(ds->dev);
    *ds = (qd_devices){0};
}
