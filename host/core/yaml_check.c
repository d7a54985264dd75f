/* SPDX-License-Identifier: Apache-2.0 */
#include "core/yaml_check.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 32, KEY_PATH_MAX = 256, LIST_MAX = 400 };

/* A walk over the events of a document, with the keys that lead to the present one ("security.eps_sec"). */
typedef struct walk {
    yaml_parser_t parser;
    const char *name;
    char path[KEY_PATH_MAX];
    const qd_yaml_limit *limits;
    qd_yaml_places *places; /* NULL: nobody asks */
    int depth;
    qd_error *err;
} walk;

static qd_status check_value(walk *w, const cyaml_schema_value_t *schema, const yaml_event_t *ev);

/* Report at the event; `text` says what is wrong with the key, `likely` what would be right. */
static qd_status bad(walk *w, const yaml_event_t *ev, const char *text, const char *likely) {
    return qd_fail(w->err, QD_E_INPUT, "%s:%zu:%zu: %s%s%s||%s|correct that place", w->name, ev->start_mark.line + 1,
                   ev->start_mark.column + 1, w->path, *w->path ? " " : "", text, likely);
}

static qd_status bad_scalar(walk *w, const yaml_event_t *ev, const char *must) {
    char likely[LIST_MAX];
    snprintf(likely, sizeof likely, "found '%.100s'", (const char *)ev->data.scalar.value);
    return bad(w, ev, must, likely);
}

/* The next event, to be deleted by the caller. Aliases are refused here: they can grow a small file without bound. */
static qd_status next(walk *w, yaml_event_t *ev) {
    if (!yaml_parser_parse(&w->parser, ev)) {
        const yaml_parser_t *p = &w->parser;
        memset(ev, 0, sizeof *ev);
        if (p->error == YAML_MEMORY_ERROR) return qd_fail(w->err, QD_E_INTERNAL, "cannot read %s|no memory", w->name);
        if (p->error == YAML_READER_ERROR)
            return qd_fail(w->err, QD_E_INPUT,
                           "%s: not a text file (byte %zu)|%s|it is binary, or not in UTF-8|give the path of a YAML file",
                           w->name, p->problem_offset, p->problem);
        return qd_fail(w->err, QD_E_INPUT,
                       "%s:%zu:%zu: not valid YAML|%s%s%s|a bracket, quote or indentation is wrong|correct that place", w->name,
                       p->problem_mark.line + 1, p->problem_mark.column + 1, p->context ? p->context : "", p->context ? ": " : "",
                       p->problem ? p->problem : "");
    }
    if (ev->type != YAML_ALIAS_EVENT) return QD_OK;
    qd_status st = bad(w, ev, "uses an alias (*)", "aliases are not supported here: write the value out");
    yaml_event_delete(ev);
    memset(ev, 0, sizeof *ev);
    return st;
}

static const char *scalar_text(const yaml_event_t *ev) {
    return (const char *)ev->data.scalar.value;
}

static bool is_plain(const yaml_event_t *ev) {
    return ev->type == YAML_SCALAR_EVENT && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* ---- Limits ---- */

/* '*' in the pattern stands for one key. */
static bool path_is(const char *path, const char *pattern) {
    while (*pattern) {
        if (*pattern == '*') {
            path += strcspn(path, ".");
            pattern++;
        } else if (*path++ != *pattern++) {
            return false;
        }
    }
    return *path == 0;
}

static const qd_yaml_limit *limit_of(const walk *w) {
    const qd_yaml_limit *l = w->limits;
    while (l && l->key && !path_is(w->path, l->key)) l++;
    return l && l->key ? l : NULL;
}

static void print_limit(double v, char out[32]) {
    if (v == 9223372036854775808.0) snprintf(out, 32, "2^63 - 1");
    else snprintf(out, 32, fabs(v) < 1e12 && v == floor(v) ? "%.0f" : "%g", v);
}

static qd_status check_range(walk *w, double v, const yaml_event_t *ev) {
    const qd_yaml_limit *l = limit_of(w);
    if (!l || (v >= l->min && v <= l->max)) return QD_OK;
    char text[128], low[32], high[32];
    print_limit(l->min, low);
    print_limit(l->max, high);
    snprintf(text, sizeof text, "is out of range: it must lie in %s to %s", low, high);
    return bad_scalar(w, ev, text);
}

/* ---- Scalars ---- */

/* Digits without a leading zero, which libcyaml would read as octal. */
static bool is_decimal(const char *s) {
    size_t digits = strspn(s, "0123456789");
    return digits && !s[digits] && (s[0] != '0' || digits == 1);
}

static qd_status check_integer(walk *w, const cyaml_schema_value_t *schema, const yaml_event_t *ev) {
    bool is_signed = schema->type == CYAML_INT;
    const char *s = scalar_text(ev);
    bool negative = s[0] == '-';
    if (!is_plain(ev) || !is_decimal(s + negative)) return bad_scalar(w, ev, "must be an integer in decimal digits");
    if (negative && !is_signed) return bad_scalar(w, ev, "must not be negative");
    unsigned bits = 8 * schema->data_size;
    uint64_t all = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    uint64_t max = is_signed ? all / 2 + negative : all;
    errno = 0;
    unsigned long long v = strtoull(s + negative, NULL, 10);
    /* as a double: only above 2^53 is it rounded, and what is limited there is limited by its type */
    if (errno == 0 && v <= max) return check_range(w, negative ? -(double)v : (double)v, ev);
    char text[96];
    snprintf(text, sizeof text, "is out of range (the limit is %s%llu)", negative ? "-" : "", (unsigned long long)max);
    return bad_scalar(w, ev, text);
}

/* [sign] digits [. digits] [e [sign] digits], or the same without digits before the point: no hexadecimal, nan, infinity. */
static bool is_real(const char *s) {
    s += *s == '-' || *s == '+';
    size_t whole = strspn(s, "0123456789"), part = 0;
    s += whole;
    if (*s == '.') {
        part = strspn(s + 1, "0123456789");
        s += 1 + part;
    }
    if (whole + part == 0) return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        size_t digits = strspn(s, "0123456789");
        if (!digits) return false;
        s += digits;
    }
    return *s == 0;
}

static qd_status check_real(walk *w, const cyaml_schema_value_t *schema, const yaml_event_t *ev) {
    if (!is_plain(ev) || !is_real(scalar_text(ev))) return bad_scalar(w, ev, "must be a number");
    double v = strtod(scalar_text(ev), NULL);
    if (!isfinite(v) || (schema->data_size == sizeof(float) && !isfinite((float)v))) return bad_scalar(w, ev, "is out of range");
    return check_range(w, v, ev);
}

static qd_status check_bool(walk *w, const yaml_event_t *ev) {
    const char *s = scalar_text(ev);
    if (is_plain(ev) && (!strcmp(s, "true") || !strcmp(s, "false") || !strcmp(s, "yes") || !strcmp(s, "no"))) return QD_OK;
    return bad_scalar(w, ev, "must be true or false");
}

static void add_to_list(char list[LIST_MAX], const char *word) {
    size_t n = strlen(list);
    snprintf(list + n, LIST_MAX - n, "%s%s", n && list[n - 1] != ' ' ? ", " : "", word);
}

static qd_status check_word(walk *w, const cyaml_schema_value_t *schema, const yaml_event_t *ev) {
    char list[LIST_MAX] = "allowed: ";
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        if (strcmp(scalar_text(ev), schema->enumeration.strings[i].str) == 0) return QD_OK;
        add_to_list(list, schema->enumeration.strings[i].str);
    }
    char text[160];
    snprintf(text, sizeof text, "cannot be '%.100s'", scalar_text(ev));
    return bad(w, ev, text, list);
}

static qd_status check_text(walk *w, const yaml_event_t *ev) {
    const qd_yaml_limit *l = limit_of(w);
    const char *s = scalar_text(ev);
    if (l && l->words) {
        char list[LIST_MAX] = "allowed: ", text[160];
        for (size_t i = 0; l->words[i]; i++) {
            if (strcmp(s, l->words[i]) == 0) return QD_OK;
            add_to_list(list, l->words[i]);
        }
        snprintf(text, sizeof text, "cannot be '%.100s'", s);
        return bad(w, ev, text, list);
    }
    return l && l->text && !l->text(s) ? bad_scalar(w, ev, l->must) : QD_OK;
}

static qd_status check_string(walk *w, const cyaml_schema_value_t *schema, const yaml_event_t *ev) {
    size_t n = ev->data.scalar.length;
    if (n < schema->string.min) return bad(w, ev, n ? "is too short" : "is empty", "give a text");
    if (n > schema->string.max) return bad(w, ev, "is too long", "give a shorter text");
    return check_text(w, ev);
}

static qd_status check_scalar(walk *w, const cyaml_schema_value_t *schema, const yaml_event_t *ev) {
    static const char *const expected[CYAML__TYPE_COUNT] = {
        [CYAML_INT] = "must be an integer", [CYAML_UINT] = "must be an integer", [CYAML_BOOL] = "must be true or false",
        [CYAML_ENUM] = "must be a word",    [CYAML_FLOAT] = "must be a number",  [CYAML_STRING] = "must be a text"};
    if (ev->type != YAML_SCALAR_EVENT) return bad(w, ev, expected[schema->type], "found a list or a mapping");
    if (strlen(scalar_text(ev)) != ev->data.scalar.length) return bad(w, ev, "contains a zero byte", "remove it");
    switch (schema->type) {
        case CYAML_INT:
        case CYAML_UINT:
            return check_integer(w, schema, ev);
        case CYAML_FLOAT:
            return check_real(w, schema, ev);
        case CYAML_BOOL:
            return check_bool(w, ev);
        case CYAML_ENUM:
            return check_word(w, schema, ev);
        default:
            return check_string(w, schema, ev);
    }
}

/* ---- Containers ---- */

static qd_status deeper(walk *w, const yaml_event_t *ev) {
    if (++w->depth <= DEPTH_MAX) return QD_OK;
    return bad(w, ev, "is nested too deep", "this is not a job or scenario");
}

/* Run over a value that the schema ignores. */
static qd_status skip(walk *w, const yaml_event_t *ev) {
    bool mapping = ev->type == YAML_MAPPING_START_EVENT;
    if (!mapping && ev->type != YAML_SEQUENCE_START_EVENT) return QD_OK;
    QD_TRY(deeper(w, ev));
    for (bool end = false; !end;) {
        yaml_event_t item;
        QD_TRY(next(w, &item));
        end = item.type == (mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT);
        qd_status st = end ? QD_OK : skip(w, &item);
        yaml_event_delete(&item);
        QD_TRY(st);
    }
    w->depth--;
    return QD_OK;
}

static qd_status check_sequence(walk *w, const cyaml_schema_value_t *schema, const yaml_event_t *ev) {
    if (ev->type != YAML_SEQUENCE_START_EVENT) return bad(w, ev, "must be a list", "write [a, b] or one item a line after '- '");
    QD_TRY(deeper(w, ev));
    const bool flags = schema->type == CYAML_FLAGS;
    cyaml_schema_value_t word = *schema; /* an item of a list of flags is one word of the enumeration */
    word.type = CYAML_ENUM;
    word.flags = CYAML_FLAG_STRICT;
    uint64_t count = 0, max = flags ? UINT32_MAX : schema->sequence.max, min = flags ? 0 : schema->sequence.min;
    for (bool end = false; !end;) {
        yaml_event_t item;
        QD_TRY(next(w, &item));
        qd_status st = QD_OK;
        end = item.type == YAML_SEQUENCE_END_EVENT;
        if (!end && ++count > max)
            st = bad(w, &item, "has too many items", "shorten the list");
        else if (!end)
            st = check_value(w, flags ? &word : schema->sequence.entry, &item);
        else if (count < min)
            st = bad(w, &item, "has too few items", "lengthen the list");
        yaml_event_delete(&item);
        QD_TRY(st);
    }
    w->depth--;
    return QD_OK;
}

static qd_status unknown_key(walk *w, const cyaml_schema_field_t *fields, const yaml_event_t *ev) {
    char list[LIST_MAX] = "keys allowed here: ", text[160];
    for (const cyaml_schema_field_t *f = fields; f->key; f++) add_to_list(list, f->key);
    snprintf(text, sizeof text, "%sunknown key '%.100s'", *w->path ? "has the " : "", scalar_text(ev));
    return bad(w, ev, text, list);
}

static qd_status note_place(const walk *w, const yaml_event_t *key) {
    qd_yaml_places *p = w->places;
    if (!p) return QD_OK;
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 32;
        void *more = realloc(p->at, cap * sizeof *p->at);
        if (!more) return qd_fail(w->err, QD_E_INTERNAL, "cannot read %s|no memory", w->name);
        p->at = more;
        p->cap = cap;
    }
    p->at[p->n].key = strdup(w->path);
    p->at[p->n].line = key->start_mark.line + 1;
    p->at[p->n].column = key->start_mark.column + 1;
    return p->at[p->n++].key ? QD_OK : qd_fail(w->err, QD_E_INTERNAL, "cannot read %s|no memory", w->name);
}

/* One key and its value. */
static qd_status check_field(walk *w, const cyaml_schema_field_t *fields, bool *seen, const yaml_event_t *key) {
    if (key->type != YAML_SCALAR_EVENT) return bad(w, key, "has a list or mapping for a key", "a key is a word");
    const cyaml_schema_field_t *f = fields;
    while (f->key && (strlen(f->key) != key->data.scalar.length || strcmp(f->key, scalar_text(key)) != 0)) f++;
    if (!f->key) return unknown_key(w, fields, key);
    size_t n = strlen(w->path);
    snprintf(w->path + n, sizeof w->path - n, "%s%s", n ? "." : "", f->key);
    if (seen[f - fields]) return bad(w, key, "stands twice", "remove one of the two");
    seen[f - fields] = true;
    QD_TRY(note_place(w, key));
    yaml_event_t value;
    QD_TRY(next(w, &value));
    qd_status st = check_value(w, &f->value, &value);
    yaml_event_delete(&value);
    w->path[n] = 0;
    return st;
}

static qd_status check_missing(walk *w, const cyaml_schema_field_t *fields, const bool *seen, const yaml_event_t *ev) {
    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        if (seen[f - fields] || f->value.flags & CYAML_FLAG_OPTIONAL) continue;
        char text[160];
        snprintf(text, sizeof text, "%skey '%s' is missing", *w->path ? "is incomplete: " : "", f->key);
        return bad(w, ev, text, "the mapping that begins here needs it");
    }
    return QD_OK;
}

static qd_status check_mapping(walk *w, const cyaml_schema_value_t *schema, const yaml_event_t *ev) {
    if (ev->type != YAML_MAPPING_START_EVENT)
        return bad(w, ev, *w->path ? "must be a mapping" : "not a mapping", "write key: value pairs");
    QD_TRY(deeper(w, ev));
    const cyaml_schema_field_t *fields = schema->mapping.fields;
    size_t n = 0;
    while (fields[n].key) n++;
    bool *seen = calloc(n + 1, sizeof *seen);
    if (!seen) return qd_fail(w->err, QD_E_INTERNAL, "cannot read %s|no memory", w->name);
    qd_status st = QD_OK;
    for (bool end = false; !end && st == QD_OK;) {
        yaml_event_t key;
        st = next(w, &key);
        if (st != QD_OK) break;
        end = key.type == YAML_MAPPING_END_EVENT;
        if (!end) st = check_field(w, fields, seen, &key);
        yaml_event_delete(&key);
    }
    if (st == QD_OK) st = check_missing(w, fields, seen, ev);
    free(seen);
    w->depth--;
    return st;
}

static bool is_null(const cyaml_schema_value_t *schema, const yaml_event_t *ev) {
    unsigned null = CYAML_FLAG_POINTER_NULL & ~(unsigned)CYAML_FLAG_POINTER;
    unsigned word = CYAML_FLAG_POINTER_NULL_STR & ~(unsigned)CYAML_FLAG_POINTER_NULL;
    if (!(schema->flags & null) || !is_plain(ev)) return false;
    const char *s = scalar_text(ev);
    return !*s || (schema->flags & word && (!strcmp(s, "null") || !strcmp(s, "Null") || !strcmp(s, "NULL") || !strcmp(s, "~")));
}

static qd_status check_value(walk *w, const cyaml_schema_value_t *schema, const yaml_event_t *ev) {
    if (is_null(schema, ev)) return QD_OK;
    switch (schema->type) {
        case CYAML_MAPPING:
            return check_mapping(w, schema, ev);
        case CYAML_FLAGS:
        case CYAML_SEQUENCE:
        case CYAML_SEQUENCE_FIXED:
            return check_sequence(w, schema, ev);
        case CYAML_IGNORE:
            return skip(w, ev);
        case CYAML_BITFIELD:
        case CYAML__TYPE_COUNT:
            return qd_fail(w->err, QD_E_INTERNAL, "%s: this schema type is not supported", w->path);
        default:
            return check_scalar(w, schema, ev);
    }
}

/* The next event must be of this type; it is dropped. */
static qd_status expect(walk *w, yaml_event_type_t type, const char *otherwise, const char *likely) {
    yaml_event_t ev;
    QD_TRY(next(w, &ev));
    qd_status st = ev.type == type ? QD_OK
                                   : qd_fail(w->err, QD_E_INPUT, "%s:%zu: %s||%s|give one document", w->name,
                                             ev.start_mark.line + 1, otherwise, likely);
    yaml_event_delete(&ev);
    return st;
}

static qd_status check_document(walk *w, const cyaml_schema_value_t *schema) {
    QD_TRY(expect(w, YAML_STREAM_START_EVENT, "not YAML", ""));
    QD_TRY(expect(w, YAML_DOCUMENT_START_EVENT, "the file is empty", "it was cut short, or holds nothing but comments"));
    yaml_event_t ev;
    QD_TRY(next(w, &ev));
    qd_status st = check_value(w, schema, &ev);
    yaml_event_delete(&ev);
    QD_TRY(st);
    QD_TRY(expect(w, YAML_DOCUMENT_END_EVENT, "the document does not end", ""));
    return expect(w, YAML_STREAM_END_EVENT, "a second document begins", "'---' separates documents");
}

qd_status qd_yaml_check(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits,
                        qd_yaml_places *places, qd_error *err) {
    walk w = {.name = name, .limits = limits, .places = places, .err = err};
    if (!yaml_parser_initialize(&w.parser)) return qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory", name);
    yaml_parser_set_input_string(&w.parser, (const unsigned char *)text, bytes);
    qd_status st = check_document(&w, schema);
    yaml_parser_delete(&w.parser);
    return st;
}
