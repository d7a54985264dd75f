/* SPDX-License-Identifier: Apache-2.0 */
/** @file yaml_check.h  The strict half of YAML by schema. Not installed. */
#ifndef QD_CORE_YAML_CHECK_H
#define QD_CORE_YAML_CHECK_H

#include <cyaml/cyaml.h>
#include <stddef.h>
#include "qdistill/core/status.h"
#include "qdistill/core/yaml.h"

/** Keys and their places, in the order of the document. */
struct qd_yaml_places {
    char *name;
    struct {
        char *key;
        size_t line, column; /* from 1 */
    } *at;
    size_t n, cap;
};

/** Check @p text against @p schema more strictly than libcyaml does: it takes "1.5" for the integer 1, "010" for 8, any word for
 *  true, "nan" for a number, and expands aliases; and against @p limits (may be NULL). QD_E_INPUT names line, column and key.
 *  @p places NULL, or empty but for its name: gets every key. */
qd_status qd_yaml_check(const char *name, const char *text, size_t bytes, const cyaml_schema_value_t *schema, const qd_yaml_limit *limits,
                        qd_yaml_places *places, qd_error *err);

#endif
