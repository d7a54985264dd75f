/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 4, FORMAT_MAX = 2048 };

/* Length of the well-formed UTF-8 sequence at p (1 to 4), or 0. Error texts end up in JSON, which accepts nothing else. */
static size_t utf8_length(const unsigned char *p, size_t left) {
    if (p[0] < 0x80) return 1;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    /* overlong forms, surrogates, beyond U+10FFFF */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)) return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) return 0;
    return n;
}

static bool is_control(const unsigned char *p, size_t len) {
    return p[0] < 0x20 || p[0] == 0x7f || (len == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

/* Copy what fits, whole characters only; control characters and broken UTF-8 become '?'. */
static void put_part(char out[QD_ERROR_PART], const char *text, size_t bytes) {
    size_t n = 0;
    for (size_t i = 0; i < bytes;) {
        const unsigned char *p = (const unsigned char *)text + i;
        size_t len = utf8_length(p, bytes - i);
        bool keep = len && !is_control(p, len);
        if (n + (keep ? len : 1) >= QD_ERROR_PART) break;
        if (keep)
            memcpy(out + n, p, len);
        else
            out[n] = '?';
        n += keep ? len : 1;
        i += len ? len : 1;
    }
    out[n] = 0;
}

qd_status qd_fail(qd_error *err, qd_status status, const char *fmt, ...) {
    if (!err) return status;
    char *parts[PARTS] = {err->what, err->cause, err->likely, err->next};
    /* The format is split, not the result, so that a '|' in an argument stays text: the length of the first i parts printed
     * together tells where part i ends. */
    char joined[FORMAT_MAX];
    size_t end[PARTS] = {0}, n = 0;
    va_list args, copy;
    va_start(args, fmt);
    int part = 0;
    for (const char *p = fmt;; p++) {
        bool bar = *p == '|' && part < PARTS - 1;
        if ((!*p || bar) || n + 1 >= sizeof joined) {
            joined[n] = 0;
            va_copy(copy, args);
            int len = vsnprintf(NULL, 0, joined, copy);
            va_end(copy);
            end[part++] = len > 0 ? (size_t)len : 0;
            if (!bar) break;
            continue;
        }
        joined[n++] = *p;
    }
    for (; part < PARTS; part++) end[part] = end[part - 1];
    char *text = NULL;
    if (vasprintf(&text, joined, args) < 0) text = NULL;
    va_end(args);
    /* Written only now: the arguments may be parts of this very structure, when a caller adds to an error. */
    err->status = status;
    for (int i = 0; i < PARTS; i++) {
        size_t from = i ? end[i - 1] : 0;
        put_part(parts[i], text ? text + from : "", text ? end[i] - from : 0);
    }
    if (!text) snprintf(err->what, QD_ERROR_PART, "out of memory while reporting an error (%s)", qd_status_name(status));
    free(text);
    return status;
}

const char *qd_status_name(qd_status status) {
    switch (status) {
        case QD_OK:
            return "ok";
        case QD_E_INTERNAL:
            return "internal error";
        case QD_E_USAGE:
            return "usage";
        case QD_E_NODEVICE:
            return "no usable device";
        case QD_E_DIFFER:
            return "device and reference differ";
        case QD_E_INPUT:
            return "bad input";
        case QD_E_POLICY:
            return "refused by policy";
        case QD_E_BUILD:
            return "kernel build failed";
        case QD_E_DEVICE:
            return "device error";
        case QD_STOPPED:
            return "stopped";
    }
    return "unknown status";
}

int qd_exit_status(qd_status status) {
    return status == QD_E_DEVICE ? QD_E_INTERNAL : (int)status;
}
