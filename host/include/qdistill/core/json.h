/* SPDX-License-Identifier: Apache-2.0 */
/** @file json.h  Strict JSON in, atomic JSON out (jansson underneath). */
#ifndef QDISTILL_CORE_JSON_H
#define QDISTILL_CORE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Parse a file: duplicate keys, trailing text, nesting beyond 64 and files above 64 MiB are errors.
 *  QD_E_INPUT names file, line and column. The caller owns *out. */
qd_status qd_json_read(const char *path, json_t **out, qd_error *err);
/** The same from memory (@p name stands for the path in errors). @p text needs no terminating zero. */
qd_status qd_json_parse(const char *name, const char *text, size_t bytes, json_t **out, qd_error *err);
/** Write atomically, two-space indent, keys in insertion order, a final newline. "-" is standard output. */
qd_status qd_json_write(const json_t *j, const char *path, qd_error *err);

/** Members of an object by name and type; @p where names the object in errors (QD_E_INPUT: missing, wrong type, out of range;
 *  *out is unchanged then). */
qd_status qd_json_u64(const json_t *o, const char *where, const char *key, uint64_t max, uint64_t *out, qd_error *err);
qd_status qd_json_real(const json_t *o, const char *where, const char *key, double min, double max, double *out, qd_error *err);
/** QD_E_INPUT when @p o has a key that is not in @p allowed (NULL-terminated). */
qd_status qd_json_only(const json_t *o, const char *where, const char *const *allowed, qd_error *err);
/** A new integer; above INT64_MAX, which the library's integers do not reach, a string of its decimal digits;
 *  qd_json_u64 reads both. NULL: no memory. */
json_t *qd_json_from_u64(uint64_t v);
/** A new number; null when it is not finite. */
json_t *qd_json_from_real(double v);

#ifdef __cplusplus
}
#endif
#endif
