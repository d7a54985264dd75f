/* SPDX-License-Identifier: Apache-2.0 */
/** @file yaml.h  Strict YAML by schema (libcyaml underneath); every error has line and column. */
#ifndef QDISTILL_CORE_YAML_H
#define QDISTILL_CORE_YAML_H

#include <cyaml/cyaml.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Load @p path by @p schema into *data (allocated by libcyaml; free with qd_yaml_free). Unknown keys, duplicates, wrong types
 *  and values out of range are QD_E_INPUT with file, line, column and key; *data is NULL then. Files above 1 MiB are refused. */
qd_status qd_yaml_load(const char *path, const cyaml_schema_value_t *schema, void **data, qd_error *err);
/** The same from memory (@p name stands for the path in errors). */
qd_status qd_yaml_load_text(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema, void **data,
                            qd_error *err);
void qd_yaml_free(const cyaml_schema_value_t *schema, void *data);

#ifdef __cplusplus
}
#endif
#endif
