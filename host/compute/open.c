/* SPDX-License-Identifier: Apache-2.0 */
/* From a selector to an open device. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "compute/internal.h"

static bool contains(const char *text, const char *part) {
    size_t n = strlen(part);
    for (; *text; text++)
        if (strncasecmp(text, part, n) == 0) return true;
    return false;
}

static bool is_id(const char *s) {
    size_t a = strspn(s, "0123456789");
    if (a == 0 || a > 4 || s[a] != ':') return false;
    size_t b = strspn(s + a + 1, "0123456789");
    return b > 0 && b <= 4 && s[a + 1 + b] == '\0';
}

/* "21:00.0" means domain 0000. */
static bool same_pci(const char *have, const char *want) {
    unsigned a[4] = {0}, b[4] = {0};
    char end;
    if (sscanf(have, "%x:%x:%x.%x", &a[0], &a[1], &a[2], &a[3]) != 4) return false;
    if (sscanf(want, "%x:%x:%x.%x%c", &b[0], &b[1], &b[2], &b[3], &end) != 4) {
        b[0] = 0;
        if (sscanf(want, "%x:%x.%x%c", &b[1], &b[2], &b[3], &end) != 3) return false;
    }
    return memcmp(a, b, sizeof a) == 0;
}

static bool is_selector(const char *s) {
    return strcmp(s, "gpu") == 0 || strcmp(s, "cpu") == 0 || is_id(s) || (strncmp(s, "name=", 5) == 0 && s[5]) ||
           (strncmp(s, "pci=", 4) == 0 && s[4]);
}

static qd_status check_selector(const char *s, qd_error *err) {
    if (is_selector(s)) return QD_OK;
    return qd_fail(err, QD_E_USAGE,
                   "'%s' is not a device||devices are auto, ref, gpu, cpu, P:D, name=TEXT, pci=ADDRESS|list them: qdistill devices", s);
}

static bool matches(const qd_device_info *d, const char *s) {
    if (strncmp(s, "name=", 5) == 0) return contains(d->name, s + 5);
    if (strncmp(s, "pci=", 4) == 0) return same_pci(d->pci, s + 4);
    if (is_id(s)) {
        unsigned a[2], b[2];
        return sscanf(d->id, "%u:%u", &a[0], &a[1]) == 2 && sscanf(s, "%u:%u", &b[0], &b[1]) == 2 && a[0] == b[0] && a[1] == b[1];
    }
    return strcmp(d->type, s) == 0;
}

qd_status qd_device_matches(const qd_device_info *list, size_t n, const char *selector, bool *match, qd_error *err) {
    QD_TRY(check_selector(selector, err));
    bool any = false;
    for (size_t i = 0; i < n; i++) any |= match[i] = matches(&list[i], selector);
    if (any) return QD_OK;
    return qd_fail(err, QD_E_NODEVICE, "no device matches '%s'|%zu device%s found||list what is there: qdistill devices -v", selector, n, n == 1 ? "" : "s");
}

static qd_status start(const qd_device_info *info, qd_device **out, qd_error *err) {
    unsigned p = 0, d = 0;
    (void)sscanf(info->id, "%u:%u", &p, &d);
    qd_device *dev = calloc(1, sizeof *dev);
    if (!dev) return qd_fail(err, QD_E_INTERNAL, "no memory for a device");
    dev->info = *info;
    qd_status st = qd_devices_handle(p, d, &dev->id, err);
    cl_int code = CL_SUCCESS;
    if (st == QD_OK) {
        dev->context = clCreateContext(NULL, 1, &dev->id, NULL, NULL, &code);
        if (code != CL_SUCCESS) st = qd_cl_fail(dev, err, "clCreateContext", code);
    }
    if (st == QD_OK) {
        dev->queue = clCreateCommandQueue(dev->context, dev->id, CL_QUEUE_PROFILING_ENABLE, &code);
        if (code != CL_SUCCESS) st = qd_cl_fail(dev, err, "clCreateCommandQueue", code);
    }
    if (st != QD_OK) {
        qd_device_close(dev);
        return st;
    }
    qd_probe(dev);
    *out = dev;
    return QD_OK;
}

qd_status qd_device_open(const char *selector, qd_device **out, qd_error *err) {
    *out = NULL;
    if (strcmp(selector, "ref") == 0) return QD_OK;
    QD_TRY(check_selector(selector, err));
    qd_device_info *list;
    size_t n, at = 0;
    char note[QD_ERROR_PART], skipped[QD_ERROR_PART] = "";
    QD_TRY(qd_devices_list(&list, &n, note, err));
    for (size_t i = 0; i < n; i++) {
        if (!matches(&list[i], selector)) continue;
        if (list[i].usable) {
            qd_status st = start(&list[i], out, err);
            free(list);
            return st;
        }
        if (at < sizeof skipped)
            at += (size_t)snprintf(skipped + at, sizeof skipped - at, "%s%s (%s): %s", at ? "; " : "", list[i].id, list[i].name,
                                   list[i].reason);
    }
    free(list);
    return qd_fail(err, QD_E_NODEVICE, "no usable device matches '%s'|%s|%s|list what is there: qdistill devices -v", selector,
                   note, skipped);
}

void qd_device_close(qd_device *dev) {
    if (!dev) return;
    if (dev->queue) (void)clFinish(dev->queue);
    for (size_t i = 0; i < dev->n_pending; i++) (void)clReleaseEvent(dev->pending[i].event);
    qd_tables_free(dev);
    qd_programs_free(dev);
    if (dev->queue) (void)clReleaseCommandQueue(dev->queue);
    if (dev->context) (void)clReleaseContext(dev->context);
#ifdef __SANITIZE_ADDRESS__
    /* The leak check does not look at what the OpenCL library allocates: a forgotten buffer shows as its device left unfreed. */
    if (dev->live_buffers) return;
#endif
    free(dev);
}

const qd_device_info *qd_device_about(const qd_device *dev) {
    return &dev->info;
}
