/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/secret.h"

#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "qdistill/core/files.h"

/* In front of each block. A block starts on a page of its own, so that locking and dump exclusion, which work on whole pages,
 * never touch another secret's; ordinary memory that shares the last page is only locked for a while, which harms nothing. */
typedef struct head {
    size_t bytes; /* of the user's part */
    size_t spare[7];
} head;
_Static_assert(sizeof(head) == 64, "blocks are 64-byte aligned");

void *qd_secret_alloc(size_t bytes) {
    if (bytes > SIZE_MAX / 2) return NULL;
    void *page = NULL;
    size_t whole = sizeof(head) + bytes;
    if (posix_memalign(&page, (size_t)sysconf(_SC_PAGESIZE), whole) != 0) return NULL;
    (void)madvise(page, whole, MADV_DONTDUMP); /* best effort, as is the lock: limits are often a few MiB */
    (void)mlock(page, whole);
    memset(page, 0, whole);
    head *h = page;
    h->bytes = bytes;
    return h + 1;
}

size_t qd_secret_size(const void *block) {
    return ((const head *)block - 1)->bytes;
}

void qd_secret_free(void *block) {
    if (!block) return;
    head *h = (head *)block - 1;
    size_t whole = sizeof(head) + h->bytes;
    qd_wipe(block, h->bytes);
    (void)munlock(h, whole);
    (void)madvise(h, whole, MADV_DODUMP);
    free(h);
}

void qd_wipe(void *p, size_t bytes) {
    if (bytes) sodium_memzero(p, bytes);
}

void qd_os_random(void *p, size_t bytes) {
    if (sodium_init() < 0) abort(); /* without randomness there is nothing safe to do */
    if (bytes) randombytes_buf(p, bytes);
}

static void to_hex(const unsigned char digest[crypto_hash_sha256_BYTES], char hex[65]) {
    sodium_bin2hex(hex, 65, digest, crypto_hash_sha256_BYTES);
}

void qd_sha256_hex(const void *p, size_t bytes, char hex[65]) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, p, bytes);
    to_hex(digest, hex);
}

qd_status qd_sha256_file(const char *path, char hex[65], qd_error *err) {
    FILE *f = NULL;
    hex[0] = 0;
    QD_TRY(qd_file_open(path, false, &f, NULL, err));
    qd_status st = QD_OK;
    enum { CHUNK = 1 << 16 };
    unsigned char *chunk = malloc(CHUNK), digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    if (!chunk) {
        st = qd_fail(err, QD_E_INTERNAL, "cannot hash %s|no memory", path);
        goto out;
    }
    for (size_t n; (n = fread(chunk, 1, CHUNK, f)) > 0;) crypto_hash_sha256_update(&state, chunk, n);
    if (ferror(f)) {
        st = qd_fail(err, QD_E_INPUT, "cannot read %s|read error|the medium is damaged or the file is being changed|copy it first, then read the copy", path);
        goto out;
    }
    crypto_hash_sha256_final(&state, digest);
    to_hex(digest, hex);
out:
    free(chunk);
    fclose(f);
    return st;
}
