/* SPDX-License-Identifier: Apache-2.0 */
/** @file secret.h  Memory for key material: kept out of core dumps, locked where the system allows, wiped when freed. */
#ifndef QDISTILL_CORE_SECRET_H
#define QDISTILL_CORE_SECRET_H

#include <stddef.h>
#include "qdistill/core/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Allocate @p bytes zeroed bytes, 64-byte aligned. Locking is tried and may silently fail (RLIMIT_MEMLOCK);
 *  core dumps exclude the pages. @return the block, freed with qd_secret_free; NULL: no memory. bytes = 0 gives a valid block. */
void *qd_secret_alloc(size_t bytes);

/** Bytes that a block of qd_secret_alloc has, at least as many as were asked for. */
size_t qd_secret_size(const void *block);

/** Wipe and free a block of qd_secret_alloc. NULL is accepted. */
void qd_secret_free(void *block);

/** Wipe @p bytes bytes at @p p in a way that the compiler keeps. */
void qd_wipe(void *p, size_t bytes);

/** Fill @p p with @p bytes bytes of operating-system randomness. Cannot fail (the process ends if the system has none). */
void qd_os_random(void *p, size_t bytes);

/** SHA-256 of @p bytes bytes at @p p, as 64 lower-case hexadecimal digits and a terminating zero in @p hex. */
void qd_sha256_hex(const void *p, size_t bytes, char hex[65]);

/** SHA-256 of a whole regular file, streamed. @return QD_E_INPUT with @p err when it cannot be read; hex then is "". */
qd_status qd_sha256_file(const char *path, char hex[65], qd_error *err);

#ifdef __cplusplus
}
#endif
#endif
