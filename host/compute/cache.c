/* SPDX-License-Identifier: Apache-2.0 */
/* Program binaries on disk. A cache: whatever goes wrong here, the program is built from its source. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compute/internal.h"
#include "qdistill/core/secret.h"

enum { FORMAT = 1, BINARY_MAX = 256 << 20, PATH_CAP = 1024 };

/* Head of an entry; the binary follows. */
typedef struct head {
    char magic[8];
    uint32_t format, reserved;
    uint64_t bytes;
    char sha256[64]; /* of the binary: a torn or damaged entry is not handed to a driver */
} head;

static const char magic[8] = "QDPROG\r\n";

static bool cache_dir(char out[PATH_CAP]) {
    const char *own = getenv("QD_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (own && *own)
        n = snprintf(out, PATH_CAP, "%s", own);
    else if (xdg && *xdg)
        n = snprintf(out, PATH_CAP, "%s/qdistill", xdg);
    else if (home && *home)
        n = snprintf(out, PATH_CAP, "%s/.cache/qdistill", home);
    return n > 0 && n < PATH_CAP - 80;
}

static bool make_dirs(char *path) {
    for (char *c = path + 1; *c; c++) {
        if (*c != '/') continue;
        *c = '\0';
        int rc = mkdir(path, 0700);
        *c = '/';
        if (rc != 0 && errno != EEXIST) return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* A binary runs with our rights: take only what this user wrote and nobody else can change. */
static bool trusted(int fd, uint64_t *bytes) {
    struct stat s;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_uid != geteuid() || (s.st_mode & (S_IWGRP | S_IWOTH))) return false;
    *bytes = (uint64_t)s.st_size;
    return true;
}

static bool good(const head *h, uint64_t file_bytes) {
    return memcmp(h->magic, magic, sizeof magic) == 0 && h->format == FORMAT && h->bytes > 0 && h->bytes <= BINARY_MAX &&
           file_bytes == sizeof *h + h->bytes;
}

static bool sha_is(const void *p, size_t bytes, const char sha256[64]) {
    char hex[65];
    qd_sha256_hex(p, bytes, hex);
    return memcmp(hex, sha256, 64) == 0;
}

void *qd_cache_load(const char *key, size_t *bytes) {
    char dir[PATH_CAP], path[PATH_CAP + 80];
    if (!cache_dir(dir)) return NULL;
    snprintf(path, sizeof path, "%s/%s.bin", dir, key);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return NULL;
    uint64_t file_bytes = 0;
    FILE *f = trusted(fd, &file_bytes) ? fdopen(fd, "rb") : NULL;
    if (!f) {
        close(fd);
        return NULL;
    }
    head h;
    void *binary = NULL;
    if (fread(&h, sizeof h, 1, f) == 1 && good(&h, file_bytes)) binary = malloc(h.bytes);
    if (binary && (fread(binary, 1, h.bytes, f) != h.bytes || !sha_is(binary, h.bytes, h.sha256))) {
        free(binary);
        binary = NULL;
    }
    fclose(f);
    if (binary) *bytes = h.bytes;
    return binary;
}

void qd_cache_store(const char *key, const void *p, size_t bytes) {
    char dir[PATH_CAP], path[PATH_CAP + 80], tmp[PATH_CAP + 120];
    if (bytes > BINARY_MAX || !cache_dir(dir) || !make_dirs(dir)) return;
    snprintf(path, sizeof path, "%s/%s.bin", dir, key);
    snprintf(tmp, sizeof tmp, "%s.XXXXXX", path);
    int fd = mkstemp(tmp);
    if (fd < 0) return;
    head h = {.format = FORMAT, .bytes = bytes};
    char hex[65];
    memcpy(h.magic, magic, sizeof magic);
    qd_sha256_hex(p, bytes, hex);
    memcpy(h.sha256, hex, sizeof h.sha256);
    FILE *f = fdopen(fd, "wb");
    bool ok = f && fwrite(&h, sizeof h, 1, f) == 1 && fwrite(p, 1, bytes, f) == bytes;
    if (f)
        ok = fclose(f) == 0 && ok;
    else
        close(fd);
    if (!ok || rename(tmp, path) != 0) (void)unlink(tmp);
}

void qd_cache_key(const qd_device_info *info, const char *text, size_t bytes, const char *options, char key[65]) {
    char sha[65], all[1024 + 1024];
    qd_sha256_hex(text, bytes, sha);
    int n = snprintf(all, sizeof all, "%d\n%s\n%s\n%s\n%s\n%s\n%s\n", FORMAT, sha, options, info->name, info->version,
                     info->driver, info->platform);
    qd_sha256_hex(all, n > 0 && n < (int)sizeof all ? (size_t)n : sizeof all, key);
}
