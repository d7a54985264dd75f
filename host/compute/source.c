/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel sources: embedded when qdistill was built, or read from QD_KERNEL_DIR. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compute/internal.h"
#include "compute/kernels.h"
#include "qdistill/core/files.h"

enum { SOURCE_MAX = 16 << 20, FILES_MAX = 64, PATH_CAP = 1024 };

/* The flattened text so far, and the files in it. */
typedef struct flat {
    const char *dir;
    char *text;
    size_t bytes, cap;
    char *seen[FILES_MAX];
    size_t n_seen;
} flat;

static qd_status append(flat *f, const char *p, size_t n, qd_error *err) {
    if (f->bytes + n + 1 > SOURCE_MAX)
        return qd_fail(err, QD_E_INPUT, "kernel source from %s exceeds %d bytes||QD_KERNEL_DIR is for work on kernels|unset QD_KERNEL_DIR, or point it at a copy of kernels/", f->dir, SOURCE_MAX);
    if (f->bytes + n + 1 > f->cap) {
        size_t cap = 2 * (f->bytes + n + 1);
        char *more = realloc(f->text, cap);
        if (!more) return qd_fail(err, QD_E_INTERNAL, "no memory for a kernel source");
        f->text = more;
        f->cap = cap;
    }
    memcpy(f->text + f->bytes, p, n);
    f->bytes += n;
    f->text[f->bytes] = '\0';
    return QD_OK;
}

static qd_status slurp(const char *path, char **text, qd_error *err) {
    FILE *file;
    uint64_t bytes = 0;
    QD_TRY(qd_file_open(path, false, &file, &bytes, err));
    qd_status st = QD_OK;
    if (bytes > SOURCE_MAX) st = qd_fail(err, QD_E_INPUT, "%s exceeds %d bytes||QD_KERNEL_DIR is for work on kernels|unset QD_KERNEL_DIR, or point it at a copy of kernels/", path, SOURCE_MAX);
    char *p = st == QD_OK ? calloc(1, bytes + 1) : NULL;
    if (st == QD_OK && !p) st = qd_fail(err, QD_E_INTERNAL, "no memory for %s", path);
    if (st == QD_OK && fread(p, 1, bytes, file) != bytes) st = qd_fail(err, QD_E_INPUT, "%s cannot be read|%s|QD_KERNEL_DIR is for work on kernels|unset QD_KERNEL_DIR, or point it at a copy of kernels/", path, ferror(file) ? strerror(errno) : "it became shorter while being read");
    fclose(file);
    if (st != QD_OK) {
        free(p);
        return st;
    }
    *text = p;
    return QD_OK;
}

/* The name in `#include "NAME"`, or false. */
static bool quoted_include(const char *line, size_t n, char *name, size_t cap) {
    const char *end = line + n;
    while (line < end && (*line == ' ' || *line == '\t')) line++;
    if (line == end || *line++ != '#') return false;
    while (line < end && (*line == ' ' || *line == '\t')) line++;
    if ((size_t)(end - line) < 7 || memcmp(line, "include", 7) != 0) return false;
    line += 7;
    while (line < end && (*line == ' ' || *line == '\t')) line++;
    if (line == end || *line++ != '"') return false;
    const char *close = memchr(line, '"', (size_t)(end - line));
    if (!close || (size_t)(close - line) >= cap || close == line) return false;
    memcpy(name, line, (size_t)(close - line));
    name[close - line] = '\0';
    return true;
}

static bool is_file(const char *path) {
    FILE *f = NULL;
    if (qd_file_open(path, false, &f, NULL, NULL) != QD_OK) return false;
    fclose(f);
    return true;
}

/* Where @p name is: beside the including file, in the folder of kernels, where the build found Random123. */
static bool find_include(const flat *f, const char *from, const char *name, char path[PATH_CAP]) {
    const char *slash = strrchr(from, '/');
    int n = snprintf(path, PATH_CAP, "%.*s%s", slash ? (int)(slash - from + 1) : 0, from, name);
    if (n > 0 && n < PATH_CAP && is_file(path)) return true;
    n = snprintf(path, PATH_CAP, "%s/%s", f->dir, name);
    if (n > 0 && n < PATH_CAP && is_file(path)) return true;
    n = snprintf(path, PATH_CAP, "%s/%s", QD_KERNEL_INCLUDE, name);
    return n > 0 && n < PATH_CAP && is_file(path);
}

static qd_status add_file(flat *f, const char *path, qd_error *err);

/* A line with its newline: as it is, or the file that it includes. */
static qd_status add_line(flat *f, const char *from, const char *line, size_t n, qd_error *err) {
    char name[256], found[PATH_CAP];
    if (!quoted_include(line, n, name, sizeof name) || !find_include(f, from, name, found))
        return append(f, line, n, err); /* an include that is not there is inside an #if for another compiler */
    size_t before = f->bytes;
    QD_TRY(add_file(f, found, err));
    return f->bytes > before && line[n - 1] == '\n' ? append(f, "\n", 1, err) : QD_OK;
}

static qd_status add_file(flat *f, const char *path, qd_error *err) {
    char *real = realpath(path, NULL), *text = NULL;
    if (!real)
        return qd_fail(err, QD_E_INPUT,
                       "%s cannot be read||QD_KERNEL_DIR is set|unset QD_KERNEL_DIR to use the kernels of this build", path);
    for (size_t i = 0; i < f->n_seen; i++)
        if (strcmp(f->seen[i], real) == 0) {
            free(real);
            return QD_OK;
        }
    if (f->n_seen == FILES_MAX) {
        free(real);
        return qd_fail(err, QD_E_INPUT, "%s includes more than %d files||QD_KERNEL_DIR is for work on kernels|unset QD_KERNEL_DIR, or point it at a copy of kernels/", f->dir, FILES_MAX);
    }
    f->seen[f->n_seen++] = real;
    qd_status st = slurp(real, &text, err);
    for (const char *line = text; st == QD_OK && line && *line;) {
        const char *newline = strchr(line, '\n');
        size_t n = newline ? (size_t)(newline - line) + 1 : strlen(line);
        st = add_line(f, real, line, n, err);
        line += n;
    }
    free(text);
    return st;
}

qd_status qd_source_flatten(const char *dir, const char *name, char **text, size_t *bytes, qd_error *err) {
    char path[PATH_CAP];
    flat f = {.dir = dir};
    *text = NULL;
    if (snprintf(path, sizeof path, "%s/%s.cl", dir, name) >= (int)sizeof path)
        return qd_fail(err, QD_E_INPUT, "path of kernel %s is too long||QD_KERNEL_DIR is for work on kernels|unset QD_KERNEL_DIR, or point it at a copy of kernels/", name);
    qd_status st = add_file(&f, path, err);
    if (st == QD_OK) st = append(&f, "", 0, err);
    for (size_t i = 0; i < f.n_seen; i++) free(f.seen[i]);
    if (st != QD_OK) {
        free(f.text);
        return st;
    }
    *text = f.text;
    *bytes = f.bytes;
    return QD_OK;
}

qd_status qd_source_get(const char *program, char **text, size_t *bytes, bool *from_disk, qd_error *err) {
    const char *dir = getenv("QD_KERNEL_DIR");
    *from_disk = dir && *dir;
    if (*from_disk) return qd_source_flatten(dir, program, text, bytes, err);
    for (const qd_kernel_source *s = qd_kernel_sources; s->name; s++) {
        if (strcmp(s->name, program) != 0) continue;
        *text = malloc(s->bytes + 1);
        if (!*text) return qd_fail(err, QD_E_INTERNAL, "no memory for a kernel source");
        memcpy(*text, s->text, s->bytes);
        (*text)[s->bytes] = '\0';
        *bytes = s->bytes;
        return QD_OK;
    }
    return qd_fail(err, QD_E_INTERNAL, "there is no kernel source called %s in this build", program);
}
