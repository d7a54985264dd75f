/* SPDX-License-Identifier: Apache-2.0 */
/* Which device a run takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compute/internal.h"

enum { SAID = 1024 };

static void say(char *said, const char *text) {
    size_t at = strlen(said);
    if (at + 1 < SAID) snprintf(said + at, SAID - at, "%s%s", at ? "; " : "", text);
}

/* Open and self-test. */
static qd_status try_device(const qd_registry *r, const char *selector, qd_device **dev, qd_error *err) {
    QD_TRY(qd_device_open(selector, dev, err));
    qd_status st = qd_selftest(r, *dev, err);
    if (st != QD_OK) {
        qd_device_close(*dev);
        *dev = NULL;
    }
    return st;
}

static void skipped(char *said, const qd_device_info *d, const char *why) {
    char text[QD_ERROR_PART + 256];
    snprintf(text, sizeof text, "device %s (%s) is skipped: %s", d->id, d->name, why);
    say(said, text);
}

/* The usable devices of one type in order; true when one was taken or the search must end with *st. */
static bool try_type(const qd_registry *r, const qd_device_info *list, size_t n, const char *type, bool no_fallback,
                     qd_device **dev, char *said, qd_status *st, qd_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].type, type) != 0) continue;
        if (!list[i].usable) {
            skipped(said, &list[i], list[i].reason);
            continue;
        }
        qd_error e = {0};
        *st = try_device(r, list[i].id, dev, &e);
        if (*st == QD_OK) return true;
        if (no_fallback) {
            if (err) *err = e;
            return true;
        }
        skipped(said, &list[i], e.what);
    }
    return false;
}

static qd_status choose_auto(const qd_registry *r, bool no_fallback, qd_device **dev, char *said, qd_error *err) {
    qd_device_info *list;
    size_t n;
    char note[QD_ERROR_PART];
    QD_TRY(qd_devices_list(&list, &n, note, err));
    if (note[0]) say(said, note);
    static const char *const order[] = {"gpu", "accelerator", "cpu"};
    qd_status st = QD_OK;
    bool done = false;
    for (size_t i = 0; i < sizeof order / sizeof *order && !done; i++)
        done = try_type(r, list, n, order[i], no_fallback, dev, said, &st, err);
    free(list);
    if (done) {
        if (*dev && said[0]) {
            char text[256];
            snprintf(text, sizeof text, "using device %s (%s)", (*dev)->info.id, (*dev)->info.name);
            say(said, text);
        }
        return st;
    }
    if (no_fallback)
        return qd_fail(err, QD_E_NODEVICE, "no usable device, and --no-fallback is given|%s||qdistill devices -v", said);
    say(said, "continuing on the reference path (slow)");
    return QD_OK;
}

qd_status qd_device_choose(const qd_registry *r, const char *selector, bool no_fallback, qd_device **dev, char *said,
                           qd_error *err) {
    char text[SAID] = "";
    *dev = NULL;
    qd_status st = selector && strcmp(selector, "auto") != 0 ? try_device(r, selector, dev, err)
                                                             : choose_auto(r, no_fallback, dev, text, err);
    if (said) memcpy(said, text, sizeof text);
    return st;
}
