/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/json.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/files.h"

enum { DEPTH_MAX = 64, SIZE_MAX_MIB = 64 };

/* Line of the first bracket that nests too deep, or 0. Runs before the parser, whose own limit is far higher. */
static unsigned long too_deep(const char *text, size_t bytes) {
    unsigned long line = 1;
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (c == '\n') line++;
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > DEPTH_MAX) return line;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return 0;
}

qd_status qd_json_parse(const char *name, const char *text, size_t bytes, json_t **out, qd_error *err) {
    *out = NULL;
    if (bytes == 0) return qd_fail(err, QD_E_INPUT, "%s is empty||it was cut short or never written|write it again", name);
    unsigned long line = too_deep(text, bytes);
    if (line)
        return qd_fail(err, QD_E_INPUT, "%s:%lu: nested more than %d deep|||this is not a file of qdistill", name, line,
                       DEPTH_MAX);
    json_error_t e;
    *out = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &e);
    if (*out) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "%s:%d:%d: not valid JSON|%s|the file is damaged or was edited by hand|correct that place",
                   name, e.line, e.column, e.text);
}

qd_status qd_json_read(const char *path, json_t **out, qd_error *err) {
    *out = NULL;
    FILE *f = NULL;
    uint64_t bytes = 0;
    char *text = NULL;
    QD_TRY(qd_file_open(path, false, &f, &bytes, err));
    qd_status st = QD_OK;
    if (bytes > (uint64_t)SIZE_MAX_MIB << 20) {
        st = qd_fail(err, QD_E_INPUT, "%s is larger than %d MiB|||this is not a JSON file of qdistill", path, SIZE_MAX_MIB);
        goto out;
    }
    text = malloc(bytes + 1);
    if (!text) {
        st = qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory", path);
        goto out;
    }
    if (fread(text, 1, bytes, f) != bytes) {
        st = qd_fail(err, QD_E_INPUT, "cannot read %s|%s|the file is being changed, or its disk is failing|copy it first, then read the copy", path,
                     ferror(f) ? strerror(errno) : "it became shorter while being read");
        goto out;
    }
    st = qd_json_parse(path, text, bytes, out, err);
out:
    free(text);
    fclose(f);
    return st;
}

qd_status qd_json_write(const json_t *j, const char *path, qd_error *err) {
    char *text = j ? json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    if (!text) return qd_fail(err, QD_E_INTERNAL, "cannot make JSON for %s|no memory, or a text that is not UTF-8", path);
    qd_status st = QD_OK;
    if (strcmp(path, "-") == 0) {
        if (puts(text) < 0 || fflush(stdout) != 0)
            st =
                qd_fail(err, QD_E_INPUT, "cannot write to standard output|%s|it is closed or its disk is full|make room, or write to a file", strerror(errno));
    } else {
        qd_out out;
        st = qd_out_open(&out, path, 0666, err);
        if (st == QD_OK) {
            fprintf(out.f, "%s\n", text);
            st = qd_out_commit(&out, err);
        }
    }
    free(text);
    return st;
}

/* The member, or the error that it is missing. */
static qd_status member(const json_t *o, const char *where, const char *key, json_t **out, qd_error *err) {
    if (!json_is_object(o))
        return qd_fail(err, QD_E_INPUT, "%s: expected an object {...}|||see the manual for this file's fields", where);
    *out = json_object_get(o, key);
    if (*out) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "%s: '%s' is missing|||add it; the manual lists this file's fields", where, key);
}

/* A number above INT64_MAX, as qd_json_from_u64 writes it: its decimal digits as a string. */
static bool big_number(const json_t *j, uint64_t *v) {
    const char *s = json_string_value(j);
    if (!s || !*s || s[strspn(s, "0123456789")]) return false;
    errno = 0;
    *v = strtoull(s, NULL, 10);
    return errno == 0 && *v > INT64_MAX;
}

qd_status qd_json_u64(const json_t *o, const char *where, const char *key, uint64_t max, uint64_t *out, qd_error *err) {
    json_t *j = NULL;
    QD_TRY(member(o, where, key, &j, err));
    uint64_t big;
    if (big_number(j, &big) && big <= max) {
        *out = big;
        return QD_OK;
    }
    if (!json_is_integer(j)) return qd_fail(err, QD_E_INPUT, "%s: '%s' must be an integer|||correct it", where, key);
    json_int_t v = json_integer_value(j);
    if (v < 0 || (uint64_t)v > max)
        return qd_fail(err, QD_E_INPUT, "%s: '%s' is %" JSON_INTEGER_FORMAT "||it must lie between 0 and %llu|correct it", where,
                       key, v, (unsigned long long)max);
    *out = (uint64_t)v;
    return QD_OK;
}

qd_status qd_json_real(const json_t *o, const char *where, const char *key, double min, double max, double *out, qd_error *err) {
    json_t *j = NULL;
    QD_TRY(member(o, where, key, &j, err));
    if (!json_is_number(j)) return qd_fail(err, QD_E_INPUT, "%s: '%s' must be a number|||correct it", where, key);
    double v = json_number_value(j);
    if (!isfinite(v) || v < min || v > max)
        return qd_fail(err, QD_E_INPUT, "%s: '%s' is %g||it must lie between %g and %g|correct it", where, key, v, min, max);
    *out = v;
    return QD_OK;
}

qd_status qd_json_only(const json_t *o, const char *where, const char *const *allowed, qd_error *err) {
    if (!json_is_object(o))
        return qd_fail(err, QD_E_INPUT, "%s: expected an object {...}|||see the manual for this file's fields", where);
    for (void *it = json_object_iter((json_t *)(uintptr_t)o); it; it = json_object_iter_next((json_t *)(uintptr_t)o, it)) {
        const char *const *a = allowed;
        while (*a && strcmp(*a, json_object_iter_key(it)) != 0) a++;
        if (!*a)
            return qd_fail(err, QD_E_INPUT, "%s: unknown key '%s'||a misspelling?|remove it", where, json_object_iter_key(it));
    }
    return QD_OK;
}

json_t *qd_json_from_u64(uint64_t v) {
    if (v <= INT64_MAX) return json_integer((json_int_t)v);
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    return json_string(digits);
}

json_t *qd_json_from_real(double v) {
    return isfinite(v) ? json_real(v) : json_null();
}
