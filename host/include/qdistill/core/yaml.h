/* SPDX-License-Identifier: Apache-2.0 */
/** @file yaml.h  Strict YAML by schema (libcyaml underneath); every error has line and column. */
#ifndef QDISTILL_CORE_YAML_H
#define QDISTILL_CORE_YAML_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the value of a key must be beyond its type. A table ends with key NULL. */
typedef struct qd_yaml_limit {
    const char *key;               /**< "sift.window_ps"; '*' stands for any one key; items of a list have the list's key */
    double min, max;               /**< of a number, ends included; 2^63 is printed as 2^63 - 1, which is what a signed integer holds */
    const char *const *words;      /**< of a text: what it can be, ends with NULL; NULL: see text */
    bool (*text)(const char *);    /**< of a text: whether it is good; NULL: any is */
    const char *must;              /**< what a text that is not good must be: "must be ..." */
} qd_yaml_limit;

/** Load @p path by @p schema and @p limits (NULL: none) into *data (allocated by libcyaml; free with qd_yaml_free). Unknown keys,
 *  duplicates, wrong types and values out of range are QD_E_INPUT with file, line, column and key; *data is NULL then. Files above 1 MiB
 *  are refused. */
qd_status qd_yaml_load(const char *path, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits, void **data, qd_error *err);
/** The same from memory (@p name stands for the path in errors). */
qd_status qd_yaml_load_text(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits,
                            void **data, qd_error *err);
/** Where the keys of a document stand, for what is found wrong with values that were good each by itself. */
typedef struct qd_yaml_places qd_yaml_places;
enum { QD_YAML_PLACE = 512 };
/** As the two above, and *places (NULL on error) is to be freed with qd_yaml_places_free. */
qd_status qd_yaml_load_placed(const char *path, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits, void **data, qd_yaml_places **places,
                              qd_error *err);
qd_status qd_yaml_load_text_placed(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits,
                                   void **data, qd_yaml_places **places, qd_error *err);
/** "FILE:LINE:COLUMN" of @p key ("sift.window_ps") in @p out, which is returned. A key that is not there: of the innermost mapping around it
 *  that is; "FILE" where there is none. A FILE too long for @p out is cut at its front. */
const char *qd_yaml_place(const qd_yaml_places *places, const char *key, char out[QD_YAML_PLACE]);
void qd_yaml_places_free(qd_yaml_places *places);

void qd_yaml_free(const cyaml_schema_value_t *schema, void *data);

#ifdef __cplusplus
}
#endif
#endif
