/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/journal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "qdistill/core/files.h"
#include "qdistill/core/json.h"

struct qd_journal {
    FILE *f; /* NULL: memory alone */
    char *path;
    json_t *steps;
};

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for a journal");
}

/* ---- Reading ----------------------------------------------------------------------------------------------------------- */

/* The first member in which two objects differ, with both values for people; inner objects are looked into. */
static void difference(const json_t *is, const json_t *want, char *key, size_t key_cap, char value[2][80]) {
    const char *k;
    json_t *v;
    const json_t *side[2] = {is, want};
    for (int s = 0; s < 2; s++) json_object_foreach((json_t *)side[s], k, v) {
            const json_t *other = json_object_get(side[!s], k);
            if (other && json_equal(v, other)) continue;
            size_t n = strlen(key);
            snprintf(key + n, key_cap - n, "%s%s", n ? "." : "", k);
            if (json_is_object(v) && json_is_object(other)) {
                difference(json_object_get(is, k), json_object_get(want, k), key, key_cap, value);
                return;
            }
            for (int i = 0; i < 2; i++) {
                const json_t *x = i == s ? v : other;
                char *text = x ? json_dumps(x, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
                snprintf(value[i], 80, "%.70s", text ? text : "nothing");
                free(text);
            }
            return;
        }
}

static qd_status compare(const char *name, const json_t *is, const json_t *head, qd_error *err) {
    if (json_equal(is, head)) return QD_OK;
    char key[80] = "", value[2][80] = {"", ""};
    difference(is, head, key, sizeof key, value);
    return qd_fail(
        err, QD_E_INPUT,
        "%s was begun with other parameters: %s is %s there, %s here||its steps are no part of this work|go on with the "
        "parameters that it was begun with, or name another file",
        name, key, value[0], value[1]);
}

/* One line as an object. */
static qd_status parse_line(const char *name, size_t number, const char *text, size_t bytes, json_t **out, qd_error *err) {
    char where[320];
    snprintf(where, sizeof where, "%.280s, line %zu", name, number);
    QD_TRY(qd_json_parse(where, text, bytes, out, err));
    if (json_is_object(*out)) return QD_OK;
    json_decref(*out);
    *out = NULL;
    return qd_fail(err, QD_E_INPUT, "%s is no object||this is no journal of qdistill|name another file", where);
}

qd_status qd_journal_parse(const char *name, const char *text, size_t bytes, const json_t *head, json_t **steps, size_t *whole,
                           qd_error *err) {
    *whole = 0;
    *steps = json_array();
    if (!*steps) return no_memory(err);
    qd_status st = QD_OK;
    for (size_t number = 1; *whole < bytes; number++) {
        const char *line = text + *whole, *end = memchr(line, '\n', bytes - *whole);
        if (!end && number > 1) break; /* an interrupted write */
        json_t *j = NULL;
        QD_TRY_OUT(st, parse_line(name, number, line, end ? (size_t)(end - line) : bytes, &j, err));
        if (number == 1) {
            st = compare(name, j, head, err);
            json_decref(j);
            if (st == QD_OK && !end)
                st = qd_fail(err, QD_E_INPUT, "%s ends within its first line||it was cut short|remove it", name);
            if (st != QD_OK) goto out;
        } else if (json_array_append_new(*steps, j) != 0) {
            QD_TRY_OUT(st, no_memory(err));
        }
        *whole += (size_t)(end - line) + 1;
    }
out:
    if (st == QD_OK) return QD_OK;
    json_decref(*steps);
    *steps = NULL;
    return st;
}

/* The whole of a file that exists; *text NULL: there is none. */
static qd_status read_text(const char *path, char **text, size_t *bytes, qd_error *err) {
    struct stat s;
    *text = NULL;
    *bytes = 0;
    if (stat(path, &s) != 0 && errno == ENOENT) return QD_OK;
    FILE *f;
    uint64_t size;
    const uint64_t most = 64u << 20;
    QD_TRY(qd_file_open(path, false, &f, &size, err));
    qd_status st = QD_OK;
    if (size > most) QD_TRY_OUT(st, qd_fail(err, QD_E_INPUT, "%s is larger than 64 MiB|||this is no journal of qdistill", path));
    *text = malloc(size + 1);
    if (!*text) QD_TRY_OUT(st, no_memory(err));
    *bytes = fread(*text, 1, size, f);
    if (*bytes != size)
        st = qd_fail(err, QD_E_INPUT, "cannot read %s|%s", path, ferror(f) ? strerror(errno) : "it became shorter");
out:
    fclose(f);
    return st;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------------- */

static qd_status write_line(qd_journal *j, const json_t *line, qd_error *err) {
    if (!j->f) return QD_OK;
    char *text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (!text) return no_memory(err);
    bool ok = fputs(text, j->f) >= 0 && fputc('\n', j->f) != EOF && fflush(j->f) == 0;
    free(text);
    if (ok) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "cannot write to %s|%s|the disk is full|make room and run it again: it goes on from here",
                   j->path, strerror(errno));
}

static qd_status open_file(qd_journal *j, size_t bytes, qd_error *err) {
    j->f = fopen(j->path, "a");
    if (!j->f)
        return qd_fail(err, QD_E_INPUT,
                       "cannot write to %s|%s|its folder does not exist or may not be written to|name another file", j->path,
                       strerror(errno));
    if (flock(fileno(j->f), LOCK_EX | LOCK_NB) != 0)
        return qd_fail(err, QD_E_INPUT, "%s is in use|%s|another command goes on with it|wait for it, or name another file",
                       j->path, strerror(errno));
    struct stat s;
    if (fstat(fileno(j->f), &s) != 0 || (size_t)s.st_size != bytes)
        return qd_fail(err, QD_E_INPUT,
                       "%s changed while it was read||another command goes on with it|wait for it, or name another file",
                       j->path);
    return QD_OK;
}

static qd_status load(qd_journal *j, const json_t *head, qd_error *err) {
    char *text = NULL;
    size_t bytes, whole = 0;
    json_t *steps = NULL;
    qd_status st = read_text(j->path, &text, &bytes, err); /* first, so that an error leaves no file behind */
    if (st == QD_OK && bytes) st = qd_journal_parse(j->path, text, bytes, head, &steps, &whole, err);
    if (st == QD_OK) st = open_file(j, bytes, err);
    if (st == QD_OK && whole < bytes && ftruncate(fileno(j->f), (off_t)whole) != 0)
        st = qd_fail(err, QD_E_INPUT, "cannot write to %s|%s", j->path, strerror(errno));
    if (st == QD_OK && !bytes) st = write_line(j, head, err);
    if (st == QD_OK && steps) {
        json_decref(j->steps);
        j->steps = steps;
        steps = NULL;
    }
    json_decref(steps);
    free(text);
    return st;
}

qd_status qd_journal_open(const char *path, const json_t *head, qd_journal **journal, qd_error *err) {
    *journal = NULL;
    qd_journal *j = calloc(1, sizeof *j);
    if (!j) return no_memory(err);
    j->steps = json_array();
    j->path = path ? strdup(path) : NULL;
    qd_status st = !j->steps || (path && !j->path) ? no_memory(err) : path ? load(j, head, err) : QD_OK;
    if (st == QD_OK)
        *journal = j;
    else
        qd_journal_close(j);
    return st;
}

size_t qd_journal_steps(const qd_journal *j) {
    return json_array_size(j->steps);
}

const json_t *qd_journal_step(const qd_journal *j, size_t i) {
    return json_array_get(j->steps, i);
}

qd_status qd_journal_add(qd_journal *j, json_t *step, qd_error *err) {
    if (!step) return no_memory(err);
    qd_status st = write_line(j, step, err);
    if (json_array_append_new(j->steps, step) != 0 && st == QD_OK) st = no_memory(err);
    return st;
}

void qd_journal_close(qd_journal *j) {
    if (!j) return;
    if (j->f) (void)fclose(j->f); /* every line was flushed */
    json_decref(j->steps);
    free(j->path);
    free(j);
}
