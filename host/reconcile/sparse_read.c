/* SPDX-License-Identifier: Apache-2.0 */
/* Files of codes: qccsc.json, alist, and pairs of rows to add up. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/files.h"
#include "qdistill/core/json.h"
#include "reconcile/sparse.h"

enum { FILE_MAX = 1 << 30 };

/* ---- qccsc.json ----------------------------------------------------------------------------------------------------------- */

/* Element i of a list of whole numbers, least..most. */
static qd_status element(const char *name, const json_t *list, const char *key, size_t i, int64_t least, int64_t most,
                         uint32_t *to, qd_error *err) {
    const json_t *x = json_array_get(list, i);
    const int64_t v = json_is_integer(x) ? json_integer_value(x) : least - 1;
    if (!json_is_integer(x) || v < least || v > most)
        return qd_fail(err, QD_E_INPUT,
                       "%s: %s[%zu] is no whole number of %" PRId64 " to %" PRId64
                       "||the file is no qccsc.json, or damaged|mend it",
                       name, key, i, least, most);
    *to = (uint32_t)v;
    return QD_OK;
}

static qd_status list_of(const char *name, const json_t *j, const char *key, uint64_t length, const json_t **out, qd_error *err) {
    *out = json_object_get(j, key);
    if (json_is_array(*out) && json_array_size(*out) == length) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "%s: '%s' is no list of %" PRIu64 " numbers|it has %zu|the file is no qccsc.json, or damaged|mend it", name,
                   key, length, json_array_size(*out));
}

typedef struct lists {
    const json_t *start, *row, *shift; /* shift: NULL where the file holds the matrix itself */
} lists;

static qd_status lists_of(const char *name, const json_t *j, bool plain, uint64_t cols, uint64_t n, lists *l, qd_error *err) {
    l->shift = NULL;
    QD_TRY(list_of(name, j, "colptr", cols + 1, &l->start, err));
    QD_TRY(list_of(name, j, "rowval", n, &l->row, err));
    return plain ? QD_OK : list_of(name, j, "nzval", n, &l->shift, err);
}

static qd_status entries(const char *name, const lists *l, qd_sparse_base *b, qd_error *err) {
    for (uint32_t c = 0; c <= b->cols; c++)
        QD_TRY(element(name, l->start, "colptr", c,
                       c == 0         ? 0
                       : c == b->cols ? b->entries
                                      : b->start[c - 1],
                       c == 0 ? 0 : b->entries, &b->start[c], err));
    for (uint32_t e = 0; e < b->entries; e++) {
        QD_TRY(element(name, l->row, "rowval", e, 0, (int64_t)b->rows - 1, &b->row[e], err));
        if (l->shift) QD_TRY(element(name, l->shift, "nzval", e, 1, b->z, &b->shift[e], err));
    }
    return QD_OK;
}

static qd_status from_json(const char *name, const json_t *j, qd_sparse_base *b, qd_error *err) {
    uint64_t rows, cols, z = 1, n;
    lists l;
    const char *format = json_string_value(json_object_get(j, "format"));
    const bool plain = format && strcmp(format, "BINCSCJSON") == 0;
    if (!plain && (!format || strcmp(format, "COMPRESSED_SPARSE_COLUMN") != 0))
        return qd_fail(err, QD_E_INPUT,
                       "%s: 'format' is %s%.40s||codes are COMPRESSED_SPARSE_COLUMN or BINCSCJSON|give a qccsc.json or an alist",
                       name, format ? "" : "missing", format ? format : "");
    QD_TRY(qd_json_u64(j, name, "n_rows", QD_SPARSE_BITS_MAX, &rows, err));
    QD_TRY(qd_json_u64(j, name, "n_columns", QD_SPARSE_BITS_MAX, &cols, err));
    if (!plain && json_object_get(j, "qc_expansion_factor"))
        QD_TRY(qd_json_u64(j, name, "qc_expansion_factor", QD_SPARSE_BITS_MAX, &z, err));
    if (plain && !json_object_get(j, "n_stored_entries"))
        n = json_array_size(json_object_get(j, "rowval"));
    else
        QD_TRY(qd_json_u64(j, name, "n_stored_entries", QD_SPARSE_EDGES_MAX, &n, err));
    if (rows == 0 || cols == 0 || z == 0 || n == 0 || rows * z > QD_SPARSE_BITS_MAX || cols * z > QD_SPARSE_BITS_MAX ||
        n * z > QD_SPARSE_EDGES_MAX)
        return qd_fail(err, QD_E_INPUT,
                       "%s: %" PRIu64 " by %" PRIu64 " with %" PRIu64 " entries, lifted by %" PRIu64
                       ", is no size||lifted, a code has 1 to %d rows and columns and 1 to %d edges|give another code",
                       name, rows, cols, n, z, QD_SPARSE_BITS_MAX, QD_SPARSE_EDGES_MAX);
    b->rows = (uint32_t)rows;
    b->z = (uint32_t)z;
    QD_TRY(lists_of(name, j, plain, cols, n, &l, err)); /* before memory is taken for what is not there */
    if (!qd_sparse_base_alloc(b, (uint32_t)cols, (uint32_t)n)) return qd_fail(err, QD_E_INTERNAL, "%s: no memory", name);
    return entries(name, &l, b, err);
}

qd_status qd_sparse_parse_json(const char *name, const char *text, size_t bytes, qd_sparse_base *b, qd_error *err) {
    json_t *j = NULL;
    QD_TRY(qd_json_parse(name, text, bytes, &j, err));
    qd_status st = from_json(name, j, b, err);
    json_decref(j);
    return st;
}

/* ---- alist ---------------------------------------------------------------------------------------------------------------- */

typedef struct reader {
    const char *name, *at, *end;
    uint64_t line;
    bool comments;
} reader;

static void skip(reader *r) {
    for (; r->at < r->end; r->at++) {
        if (*r->at == '\n')
            r->line++;
        else if (r->comments && *r->at == '#')
            while (r->at + 1 < r->end && r->at[1] != '\n') r->at++;
        else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
            return;
    }
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* The next number: of @p what, least..most. */
static qd_status number(reader *r, const char *what, uint32_t least, uint32_t most, uint32_t *to, qd_error *err) {
    uint64_t v = 0;
    skip(r);
    const char *from = r->at;
    for (; r->at < r->end && is_digit(*r->at) && r->at - from < 10; r->at++) v = 10 * v + (uint64_t)(*r->at - '0');
    const bool whole = r->at > from && (r->at == r->end || strchr(" \t\r\n,#", *r->at));
    if (whole && v >= least && v <= most) {
        *to = (uint32_t)v;
        return QD_OK;
    }
    return qd_fail(err, QD_E_INPUT, "%s, line %" PRIu64 ": %s is no whole number of %u to %u|%s|%s|mend it", r->name, r->line,
                   what, least, most, r->at == r->end && r->at == from ? "the file ends" : "",
                   least > most ? "more of them than the numbers before allow" : "the file is damaged, or of another format");
}

/* Padding of one list, at most so many zeros: no index is 0. */
static void padding(reader *r, uint32_t most) {
    for (; most > 0; most--) {
        skip(r);
        if (r->at == r->end || *r->at != '0' || (r->at + 1 < r->end && is_digit(r->at[1]))) return;
        r->at++;
    }
}

static qd_status degrees(reader *r, const char *what, uint32_t n, uint32_t most, uint32_t *start, qd_error *err) {
    uint64_t sum = 0;
    start[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t d = 0;
        QD_TRY(number(r, what, 0, most, &d, err));
        sum += d;
        if (sum > QD_SPARSE_EDGES_MAX)
            return qd_fail(err, QD_E_INPUT, "%s, line %" PRIu64 ": more than %d entries|||give a smaller code", r->name, r->line,
                           QD_SPARSE_EDGES_MAX);
        start[i + 1] = (uint32_t)sum;
    }
    return QD_OK;
}

/* The second half of the file says the same as the first, row by row, in any order. */
static qd_status same_by_rows(reader *r, const qd_sparse_base *b, const uint32_t *row_start, uint32_t most, qd_error *err) {
    uint32_t *at = malloc(b->rows * sizeof *at), *seen = calloc(b->cols, sizeof *seen),
             *col = malloc(((size_t)b->entries + 1) * sizeof *col);
    qd_status st = at && seen && col ? QD_OK : qd_fail(err, QD_E_INTERNAL, "%s: no memory", r->name);
    if (st == QD_OK) {
        memcpy(at, row_start, b->rows * sizeof *at);
        for (uint32_t j = 0; j < b->cols && st == QD_OK; j++)
            for (uint32_t e = b->start[j]; e < b->start[j + 1] && st == QD_OK; e++) {
                const uint32_t i = b->row[e];
                if (at[i] == row_start[i + 1])
                    st = qd_fail(err, QD_E_INPUT,
                                 "%s: row %u has more columns than its degree||rows and columns of the file disagree|mend it",
                                 r->name, i + 1);
                else
                    col[at[i]++] = j;
            }
    }
    for (uint32_t i = 0; i < b->rows && st == QD_OK; i++) {
        const uint32_t degree = row_start[i + 1] - row_start[i];
        for (uint32_t k = row_start[i]; k < row_start[i + 1]; k++) seen[col[k]] = i + 1;
        for (uint32_t k = 0; k < degree && st == QD_OK; k++) {
            uint32_t j = 0;
            st = number(r, "a column of a row", 1, b->cols, &j, err);
            if (st != QD_OK) break;
            if (seen[j - 1] != i + 1)
                st = qd_fail(err, QD_E_INPUT,
                             "%s, line %" PRIu64
                             ": row %u has no column %u, or has it twice||rows and columns of the file disagree|mend it",
                             r->name, r->line, i + 1, j);
            seen[j - 1] = 0;
        }
        if (st == QD_OK) padding(r, most - degree);
    }
    free(at);
    free(seen);
    free(col);
    return st;
}

static qd_status alist(reader *r, qd_sparse_base *b, uint32_t **row_start, qd_error *err) {
    uint32_t cols, rows, most_col, most_row, *start;
    QD_TRY(number(r, "the number of columns", 1, QD_SPARSE_BITS_MAX, &cols, err));
    QD_TRY(number(r, "the number of rows", 1, QD_SPARSE_BITS_MAX, &rows, err));
    QD_TRY(number(r, "the largest degree of a column", 1, rows, &most_col, err));
    QD_TRY(number(r, "the largest degree of a row", 1, cols, &most_row, err));
    if ((uint64_t)(r->end - r->at) < ((uint64_t)cols + rows) * 2) /* before memory is taken for what is not there */
        return qd_fail(err, QD_E_INPUT, "%s ends before the degrees of %u columns and %u rows||it was cut|fetch it anew", r->name,
                       cols, rows);
    start = calloc((size_t)cols + 1, sizeof *start);
    *row_start = calloc((size_t)rows + 1, sizeof **row_start);
    qd_status st = start && *row_start ? QD_OK : qd_fail(err, QD_E_INTERNAL, "%s: no memory", r->name);
    if (st == QD_OK) st = degrees(r, "a column's degree", cols, most_col, start, err);
    if (st == QD_OK) st = degrees(r, "a row's degree", rows, most_row, *row_start, err);
    if (st == QD_OK && (start[cols] != (*row_start)[rows] || start[cols] == 0))
        st = qd_fail(err, QD_E_INPUT, "%s: the columns have %u entries, the rows %u||the file is damaged|mend it", r->name,
                     start[cols], (*row_start)[rows]);
    if (st == QD_OK && (uint64_t)(r->end - r->at) < (uint64_t)start[cols] * 2)
        st = qd_fail(err, QD_E_INPUT, "%s ends before its %u entries||it was cut|fetch it anew", r->name, start[cols]);
    if (st == QD_OK && !qd_sparse_base_alloc(b, cols, start[cols])) st = qd_fail(err, QD_E_INTERNAL, "%s: no memory", r->name);
    if (st == QD_OK) {
        memcpy(b->start, start, ((size_t)cols + 1) * sizeof *start);
        b->rows = rows, b->z = 1;
    }
    free(start);
    QD_TRY(st);
    for (uint32_t j = 0; j < cols; j++) {
        for (uint32_t e = b->start[j]; e < b->start[j + 1]; e++) {
            QD_TRY(number(r, "a row of a column", 1, rows, &b->row[e], err));
            b->row[e]--;
        }
        padding(r, most_col - (b->start[j + 1] - b->start[j]));
    }
    QD_TRY(same_by_rows(r, b, *row_start, most_row, err));
    skip(r);
    return r->at == r->end
               ? QD_OK
               : qd_fail(err, QD_E_INPUT, "%s, line %" PRIu64 ": text behind the last row||the file is damaged|mend it", r->name,
                         r->line);
}

qd_status qd_sparse_parse_alist(const char *name, const char *text, size_t bytes, qd_sparse_base *b, qd_error *err) {
    reader r = {name, text, text + bytes, 1, true};
    uint32_t *row_start = NULL;
    qd_status st = alist(&r, b, &row_start, err);
    free(row_start);
    return st;
}

/* ---- Files ---------------------------------------------------------------------------------------------------------------- */

qd_status qd_sparse_parse(const char *name, const char *text, size_t bytes, qd_sparse_code **out, qd_error *err) {
    qd_sparse_base b = {0};
    size_t i = 0;
    *out = NULL;
    while (i < bytes && strchr(" \t\r\n", text[i]) && text[i]) i++;
    qd_status st = i < bytes && text[i] == '{' ? qd_sparse_parse_json(name, text, bytes, &b, err)
                                               : qd_sparse_parse_alist(name, text, bytes, &b, err);
    if (st == QD_OK) st = qd_sparse_lift(name, &b, out, err);
    qd_sparse_base_free(&b);
    return st;
}

static qd_status whole_file(const char *path, char **text, size_t *bytes, qd_error *err) {
    FILE *f;
    uint64_t size;
    QD_TRY(qd_file_open(path, false, &f, &size, err));
    if (size > FILE_MAX) {
        fclose(f);
        return qd_fail(err, QD_E_INPUT, "%s has %" PRIu64 " bytes||codes have %d at most|give another file", path, size,
                       FILE_MAX);
    }
    *text = malloc(size + 1);
    *bytes = *text ? fread(*text, 1, size, f) : 0;
    const bool read = *text && *bytes == size && !ferror(f);
    fclose(f);
    if (read) return QD_OK;
    const bool memory = *text != NULL;
    free(*text);
    *text = NULL;
    return memory ? qd_fail(err, QD_E_INPUT, "%s cannot be read to its end|||look at the disk", path)
                  : qd_fail(err, QD_E_INTERNAL, "%s: no memory", path);
}

qd_status qd_sparse_read(const char *path, qd_sparse_code **out, qd_error *err) {
    char *text = NULL;
    size_t bytes = 0;
    *out = NULL;
    QD_TRY(whole_file(path, &text, &bytes, err));
    qd_status st = qd_sparse_parse(path, text, bytes, out, err);
    free(text);
    return st;
}

/* ---- Pairs of rows -------------------------------------------------------------------------------------------------------- */

static qd_status pairs(reader *r, const qd_sparse_code *c, uint8_t *taken, qd_sparse_pairs *out, qd_error *err) {
    for (skip(r); r->at < r->end; skip(r)) {
        const uint64_t line = r->line;
        for (int k = 0; k < 2; k++) {
            uint32_t row = 0;
            if (k == 1 && (r->at == r->end || *r->at++ != ','))
                return qd_fail(err, QD_E_INPUT,
                               "%s, line %" PRIu64 ": no comma behind a row||lines are pairs of rows: 12,34|mend it", r->name,
                               line);
            QD_TRY(number(r, "a row", 0, c->m - 1, &row, err));
            if (r->line != line)
                return qd_fail(err, QD_E_INPUT, "%s, line %" PRIu64 ": one row alone||lines are pairs of rows: 12,34|mend it",
                               r->name, line);
            if (taken[row]++)
                return qd_fail(err, QD_E_INPUT,
                               "%s, line %" PRIu64 ": row %u stands there twice||each row can be added to one other|mend it",
                               r->name, line, row);
            out->row[2 * out->n + (uint32_t)k] = row;
        }
        out->n++;
        skip(r);
        if (r->at < r->end && r->line == line)
            return qd_fail(err, QD_E_INPUT, "%s, line %" PRIu64 ": text behind a pair||lines are pairs of rows: 12,34|mend it",
                           r->name, line);
    }
    return out->n ? QD_OK : qd_fail(err, QD_E_INPUT, "%s has no pairs of rows||it is empty|give another file", r->name);
}

qd_status qd_sparse_pairs_parse(const char *name, const char *text, size_t bytes, const qd_sparse_code *c, qd_sparse_pairs *out,
                                qd_error *err) {
    reader r = {name, text, text + bytes, 1, false};
    uint8_t *taken = calloc(c->m, 1);
    *out = (qd_sparse_pairs){0, calloc((size_t)c->m + 2, sizeof *out->row)};
    qd_status st = taken && out->row ? pairs(&r, c, taken, out, err) : qd_fail(err, QD_E_INTERNAL, "%s: no memory", name);
    free(taken);
    if (st != QD_OK) qd_sparse_pairs_free(out);
    return st;
}

qd_status qd_sparse_pairs_read(const char *path, const qd_sparse_code *c, qd_sparse_pairs *out, qd_error *err) {
    char *text = NULL;
    size_t bytes = 0;
    *out = (qd_sparse_pairs){0};
    QD_TRY(whole_file(path, &text, &bytes, err));
    qd_status st = qd_sparse_pairs_parse(path, text, bytes, c, out, err);
    free(text);
    return st;
}
