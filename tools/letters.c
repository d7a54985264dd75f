/* SPDX-License-Identifier: Apache-2.0 */
#include "letters.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const qd_mode *mode, const qd_letter *letters) {
    enum { COLUMN = 26 };
    printf("usage: qdistill %s %s\n%s\noptions:\n", mode->name, mode->synopsis, mode->about);
    for (const qd_letter *o = letters; o->letter || o->name; o++) {
        char left[96];
        if (o->kind == QD_LETTER_REFUSED) continue;
        int n = o->letter ? snprintf(left, sizeof left, "-%c%s", o->letter, o->name ? ", " : "") : 0;
        if (o->name) n += snprintf(left + n, sizeof left - (size_t)n, "--%s", o->name);
        if (o->arg) (void)snprintf(left + n, sizeof left - (size_t)n, " %s", o->arg);
        if (strlen(left) < COLUMN)
            printf("  %-*s %s\n", COLUMN, left, o->help);
        else
            printf("  %s\n  %*s %s\n", left, COLUMN, "", o->help);
    }
    printf("  %-*s print this and exit\n", COLUMN, "--help");
}

static const char *label(const qd_letter *o, char out[64]) {
    if (o->letter)
        (void)snprintf(out, 64, "-%c", o->letter);
    else
        (void)snprintf(out, 64, "--%s", o->name);
    return out;
}

static qd_status bad(const qd_mode *mode, const qd_letter *o, const char *value, const char *why, qd_error *err) {
    char name[64];
    return qd_fail(err, QD_E_USAGE, "%s: '%s' %s||%s: %s|see qdistill %s --help", label(o, name), value, why, o->arg, o->help,
                   mode->name);
}

static qd_status set(const qd_mode *mode, const qd_letter *o, const char *value, qd_error *err) {
    char *end = NULL, why[96];
    double v = 0;
    while (isspace((unsigned char)*value)) value++;
    if (!*value) return bad(mode, o, value, "is empty", err);
    if (o->kind == QD_LETTER_TEXT) {
        *(const char **)o->target = value;
        return QD_OK;
    }
    errno = 0;
    if (o->kind == QD_LETTER_REAL) {
        v = strtod(value, &end);
        if (isfinite(v))
            *(double *)o->target = v;
        else
            errno = ERANGE;
    } else if (o->kind == QD_LETTER_EPOCH) {
        unsigned long long e = strtoull(value, &end, value[0] == '0' && (value[1] | 32) == 'x' ? 16 : 10);
        if (*value == '-' || e > UINT32_MAX)
            errno = ERANGE;
        else
            *(uint32_t *)o->target = (uint32_t)e;
    } else {
        long long i = strtoll(value, &end, value[0] == '0' && (value[1] | 32) == 'x' ? 16 : 10);
        if (end != value && *end == '.') end += 1 + strspn(end + 1, "0123456789");
        v = (double)i;
        *(int64_t *)o->target = i;
    }
    if (end == value || *end) return bad(mode, o, value, "is not a number", err);
    if (!errno && ((o->min == 0 && o->max == 0) || (v >= o->min && v <= o->max))) return QD_OK;
    if (o->min == 0 && o->max == 0)
        (void)snprintf(why, sizeof why, "is out of range");
    else
        (void)snprintf(why, sizeof why, "is out of range: %.10g to %.10g", o->min, o->max);
    return bad(mode, o, value, why, err);
}

/* An option was met; its value is behind it, or the next argument. */
static qd_status take(const qd_mode *mode, const qd_letter *o, const char *value, int argc, char **argv, int *i, qd_error *err) {
    char name[64];
    if (o->kind == QD_LETTER_REFUSED)
        return qd_fail(err, QD_E_USAGE, "%s is not to be had here||%s|see qdistill %s --help", label(o, name), o->help,
                       mode->name);
    if (o->given) *o->given = true;
    if (!o->arg) {
        if (o->kind == QD_LETTER_FLAG && o->target) *(bool *)o->target = true;
        return QD_OK;
    }
    if (!value && *i + 1 >= argc)
        return qd_fail(err, QD_E_USAGE, "%s needs a value (%s)|||see qdistill %s --help", label(o, name), o->arg, mode->name);
    if (!value) value = argv[++*i];
    return o->kind == QD_LETTER_IGNORED ? QD_OK : set(mode, o, value, err);
}

static qd_status unknown(const qd_mode *mode, const char *arg, qd_error *err) {
    return qd_fail(err, QD_E_USAGE, "unknown option '%s'|||see qdistill %s --help", arg, mode->name);
}

static qd_status take_long(const qd_mode *mode, const qd_letter *letters, int argc, char **argv, int *i, qd_error *err) {
    const char *name = argv[*i] + 2, *eq = strchr(name, '=');
    size_t len = eq ? (size_t)(eq - name) : strlen(name);
    for (const qd_letter *o = letters; o->letter || o->name; o++) {
        if (!o->name || strlen(o->name) != len || strncmp(o->name, name, len) != 0) continue;
        if (eq && !o->arg) return qd_fail(err, QD_E_USAGE, "--%s takes no value|||see qdistill %s --help", o->name, mode->name);
        return take(mode, o, eq ? eq + 1 : NULL, argc, argv, i, err);
    }
    return unknown(mode, argv[*i], err);
}

static qd_status take_letters(const qd_mode *mode, const qd_letter *letters, int argc, char **argv, int *i, qd_error *err) {
    const char *arg = argv[*i];
    for (const char *p = arg + 1; *p; p++) {
        if (*p == ' ' || *p == '\t' || *p == '-') continue;
        const qd_letter *o = letters;
        while ((o->letter || o->name) && o->letter != *p) o++;
        if (!o->letter && !o->name) return unknown(mode, arg, err);
        QD_TRY(take(mode, o, p[1] ? p + 1 : NULL, argc, argv, i, err));
        if (o->arg) break; /* the rest was its value */
    }
    return QD_OK;
}

qd_status qd_letters_parse(const qd_mode *mode, const qd_letter *letters, int argc, char **argv, bool *help, qd_error *err) {
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (a[strspn(a, " \t")] == 0) continue;
        if (strcmp(a, "--help") == 0) {
            print_help(mode, letters);
            *help = true;
            return QD_OK;
        }
        if (a[0] != '-' || !a[1]) return qd_fail(err, QD_E_USAGE, "'%s' is no option|||see qdistill %s --help", a, mode->name);
        if (a[1] == '-')
            QD_TRY(take_long(mode, letters, argc, argv, &i, err));
        else
            QD_TRY(take_letters(mode, letters, argc, argv, &i, err));
    }
    return QD_OK;
}

int qd_mode_end(const qd_cli *cli, qd_status st, const qd_error *err) {
    if (st == QD_OK) return 0;
    qd_cli_print_error(cli, err);
    return qd_exit_status(st);
}

qd_status qd_mode_flush(qd_error *err) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "cannot write to standard output|%s|it is closed or its disk is full|make room, and start again",
                   strerror(errno));
}

void qd_mode_note(void *mode, const char *text) {
    fprintf(stderr, "qdistill %s: %s\n", ((const qd_mode *)mode)->name, text);
}
