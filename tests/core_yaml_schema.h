/* SPDX-License-Identifier: Apache-2.0 */
/* A schema with every kind of value, for the suite and the fuzzer of YAML. */
#ifndef QD_TESTS_CORE_YAML_SCHEMA_H
#define QD_TESTS_CORE_YAML_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>
#include "qdistill/core/yaml.h"

typedef enum colour { RED = 1, GREEN = 2 } colour;

typedef struct inner {
    uint8_t small;
    double ratio;
} inner;

typedef struct everything {
    uint64_t count;
    int32_t change;
    double rate;
    char *name;
    bool on;
    colour paint;
    uint32_t paints; /* flags */
    inner in;
    inner *maybe;
    double *list;
    unsigned list_count;
    uint16_t pair[2];
} everything;

static const cyaml_strval_t colours[] = {{"red", RED}, {"green", GREEN}};
static const cyaml_schema_value_t list_item = {CYAML_VALUE_FLOAT(CYAML_FLAG_DEFAULT, double)};
static const cyaml_schema_value_t pair_item = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint16_t)};
static const cyaml_schema_field_t inner_fields[] = {CYAML_FIELD_UINT("small", CYAML_FLAG_DEFAULT, inner, small),
                                                    CYAML_FIELD_FLOAT("ratio", CYAML_FLAG_OPTIONAL, inner, ratio),
                                                    CYAML_FIELD_END};
static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_UINT("count", CYAML_FLAG_DEFAULT, everything, count),
    CYAML_FIELD_INT("change", CYAML_FLAG_OPTIONAL, everything, change),
    CYAML_FIELD_FLOAT("rate", CYAML_FLAG_OPTIONAL, everything, rate),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, everything, name, 1, 8),
    CYAML_FIELD_BOOL("on", CYAML_FLAG_OPTIONAL, everything, on),
    CYAML_FIELD_ENUM("paint", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, everything, paint, colours, 2),
    CYAML_FIELD_FLAGS("paints", CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, everything, paints, colours, 2),
    CYAML_FIELD_MAPPING("in", CYAML_FLAG_OPTIONAL, everything, in, inner_fields),
    CYAML_FIELD_MAPPING_PTR("maybe", CYAML_FLAG_POINTER_NULL_STR | CYAML_FLAG_OPTIONAL, everything, maybe, inner_fields),
    CYAML_FIELD_SEQUENCE("list", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, everything, list, &list_item, 1, 3),
    CYAML_FIELD_SEQUENCE_FIXED("pair", CYAML_FLAG_OPTIONAL, everything, pair, &pair_item, 2),
    CYAML_FIELD_IGNORE("comment", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END};
static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, everything, fields)};

#endif
