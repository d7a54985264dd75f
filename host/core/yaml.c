/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/yaml_check.h"
#include "qdistill/core/files.h"

enum { SIZE_LIMIT = 1 << 20, LOG_MAX = 512 };

/* What libcyaml logs about a failure: the reason, then one line a level with line and column, innermost first. */
typedef struct log_text {
    char text[LOG_MAX];
    size_t n;
} log_text;

__attribute__((format(printf, 3, 0))) static void keep_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args) {
    (void)level;
    log_text *l = ctx;
    int n = vsnprintf(l->text + l->n, sizeof l->text - l->n, fmt, args);
    if (n < 0) return;
    l->n += (size_t)n;
    if (l->n >= sizeof l->text) l->n = sizeof l->text - 1;
    while (l->n && l->text[l->n - 1] == '\n') l->text[--l->n] = 0;
    if (l->n + 2 < sizeof l->text) {
        memcpy(l->text + l->n, "; ", 3);
        l->n += 2;
    }
}

/* ---- Places ---- */

static qd_yaml_places *places_of(const char *name) {
    qd_yaml_places *p = calloc(1, sizeof *p);
    if (p && !(p->name = strdup(name))) {
        free(p);
        return NULL;
    }
    return p;
}

void qd_yaml_places_free(qd_yaml_places *p) {
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) free(p->at[i].key);
    free(p->at);
    free(p->name);
    free(p);
}

const char *qd_yaml_place(const qd_yaml_places *p, const char *key, char out[QD_YAML_PLACE]) {
    enum { NUMBERS = 48 };
    const char *name = strlen(p->name) > QD_YAML_PLACE - NUMBERS ? p->name + strlen(p->name) - (QD_YAML_PLACE - NUMBERS) : p->name;
    for (size_t n = strlen(key); n > 0; n--) { /* the key, then the mappings around it */
        if (key[n] && key[n] != '.') continue;
        for (size_t i = 0; i < p->n; i++) {
            if (strncmp(p->at[i].key, key, n) != 0 || p->at[i].key[n]) continue;
            snprintf(out, QD_YAML_PLACE, "%s:%zu:%zu", name, p->at[i].line, p->at[i].column);
            return out;
        }
    }
    snprintf(out, QD_YAML_PLACE, "%s", name);
    return out;
}

/* ---- Loading ---- */

static qd_status load_text(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits,
                           void **data, qd_yaml_places *places, qd_error *err) {
    *data = NULL;
    if (bytes > SIZE_LIMIT) return qd_fail(err, QD_E_INPUT, "%s is larger than 1 MiB|||this is not a job or scenario", name);
    QD_TRY(qd_yaml_check(name, text, bytes, schema, limits, places, err));
    log_text log = {.n = 0};
    const cyaml_config_t config = {
        .log_fn = keep_log, .log_ctx = &log, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_WARNING, .flags = CYAML_CFG_NO_ALIAS};
    cyaml_err_t e = cyaml_load_data((const uint8_t *)text, bytes, &config, schema, data, NULL);
    if (e == CYAML_OK && *data) return QD_OK;
    *data = NULL;
    if (e == CYAML_ERR_OOM) return qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory", name);
    return qd_fail(err, QD_E_INPUT, "cannot read %s|%s|%s|correct that place", name, cyaml_strerror(e), log.text);
}

static qd_status load_file(const char *path, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits, void **data, qd_yaml_places *places,
                           qd_error *err) {
    *data = NULL;
    FILE *f = NULL;
    uint64_t bytes = 0;
    QD_TRY(qd_file_open(path, false, &f, &bytes, err));
    qd_status st = QD_OK;
    size_t take = bytes > SIZE_LIMIT ? 0 : (size_t)bytes; /* too large: not read at all */
    char *text = malloc(take + 1);
    if (!text) {
        st = qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory", path);
    } else if (fread(text, 1, take, f) != take) {
        st = qd_fail(err, QD_E_INPUT, "cannot read %s|%s|the file is being changed, or its disk is failing|copy it first, then read the copy", path,
                     ferror(f) ? strerror(errno) : "it became shorter while being read");
    } else {
        st = load_text(path, text, (size_t)bytes, schema, limits, data, places, err);
    }
    free(text);
    fclose(f);
    return st;
}

qd_status qd_yaml_load_text(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits,
                            void **data, qd_error *err) {
    return load_text(name, text, bytes, schema, limits, data, NULL, err);
}

qd_status qd_yaml_load(const char *path, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits, void **data, qd_error *err) {
    return load_file(path, schema, limits, data, NULL, err);
}

/* Give *places when loading went well. */
static qd_status deliver(qd_status st, qd_yaml_places *made, qd_yaml_places **places) {
    if (st == QD_OK) *places = made;
    else qd_yaml_places_free(made);
    return st;
}

qd_status qd_yaml_load_placed(const char *path, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits, void **data, qd_yaml_places **places,
                              qd_error *err) {
    qd_yaml_places *p = places_of(path);
    *data = *places = NULL;
    return p ? deliver(load_file(path, schema, limits, data, p, err), p, places) : qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory", path);
}

qd_status qd_yaml_load_text_placed(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits,
                                   void **data, qd_yaml_places **places, qd_error *err) {
    qd_yaml_places *p = places_of(name);
    *data = *places = NULL;
    return p ? deliver(load_text(name, text, bytes, schema, limits, data, p, err), p, places) : qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory", name);
}

void qd_yaml_free(const cyaml_schema_value_t *schema, void *data) {
    const cyaml_config_t config = {.mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS};
    if (data) (void)cyaml_free(&config, schema, data, 0);
}
