/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "qdistill/core/files.h"

struct qd_transcript {
    FILE *f; /* NULL: sums and digest only */
    char *path;
    int failed; /* errno of the first write that failed: no later success mends the gap */
    uint64_t bytes;
    qd_eve eve;
    crypto_hash_sha256_state hash;
};

static qd_status cannot_write(qd_transcript *t, int number, qd_error *err) {
    if (!t->failed) t->failed = number;
    return qd_fail(err, QD_E_INPUT, "cannot write the transcript %s|%s|%s|make room and resume the run", t->path,
                   strerror(number), number == ENOSPC ? "the disk is full" : "");
}

/* A message enters the sums and the digest. Types beyond the table are counted at 0, where there is no type. */
static void account(qd_transcript *t, const qd_msg *m) {
    uint8_t head[QD_MSG_HEADER];
    qd_msg_header(m, head);
    crypto_hash_sha256_update(&t->hash, head, sizeof head);
    if (m->bytes) crypto_hash_sha256_update(&t->hash, m->body, m->bytes);
    unsigned type = m->type < sizeof t->eve.messages[0] / sizeof t->eve.messages[0][0] ? m->type : 0;
    t->eve.messages[m->from & 1][type]++;
    t->eve.bytes[m->from & 1][type] += m->bytes;
    t->bytes += QD_MSG_HEADER + m->bytes;
}

/* Run over the first `at` bytes of the file: sums and digest go on where the interrupted run stood. */
static qd_status replay(qd_transcript *t, uint64_t at, qd_error *err) {
    while (t->bytes < at) {
        qd_msg m = {0};
        bool end = false;
        uint64_t left = at - t->bytes;
        if (left < QD_MSG_HEADER) break;
        if (at == QD_TRANSCRIPT_ALL) {
            if (qd_msg_read(t->f, (uint64_t)1 << 40, &m, &end, NULL) != QD_OK || end) return QD_OK;
        } else {
            QD_TRY(qd_msg_read(t->f, left - QD_MSG_HEADER, &m, &end, err));
        }
        if (end) break;
        account(t, &m);
        free(m.body);
    }
    if (t->bytes != at)
        return qd_fail(err, QD_E_INPUT, "%s: no message ends at byte %llu|||the run cannot be resumed: start it anew", t->path,
                       (unsigned long long)at);
    return QD_OK;
}

static qd_status open_file(qd_transcript *t, bool append, uint64_t at, qd_error *err) {
    int flags = O_RDWR | O_CLOEXEC | (append && at ? 0 : O_CREAT) | (append ? 0 : O_EXCL);
    int fd = open(t->path, flags, 0666);
    if (fd >= 0) t->f = fdopen(fd, "r+b");
    if (!t->f) {
        qd_status st = cannot_write(t, errno, err);
        if (fd >= 0) close(fd);
        return st;
    }
    QD_TRY(replay(t, at, err));
    at = t->bytes;
    if (fflush(t->f) != 0 || ftruncate(fd, (off_t)at) != 0 || fseeko(t->f, (off_t)at, SEEK_SET) != 0)
        return cannot_write(t, errno, err);
    return QD_OK;
}

qd_status qd_transcript_open(const char *path, bool append, uint64_t at, qd_transcript **t, qd_error *err) {
    *t = NULL;
    if (!append) at = 0;
    qd_transcript *n = calloc(1, sizeof *n);
    if (n && path) n->path = strdup(path);
    if (!n || (path && !n->path)) {
        free(n);
        return qd_fail(err, QD_E_INTERNAL, "cannot start a transcript|no memory");
    }
    crypto_hash_sha256_init(&n->hash);
    qd_status st = path ? open_file(n, append, at, err) : QD_OK;
    if (st != QD_OK) {
        if (n->f) fclose(n->f);
        free(n->path);
        free(n);
        return st;
    }
    *t = n;
    return QD_OK;
}

qd_status qd_transcript_add(qd_transcript *t, const qd_msg *m, qd_error *err) {
    if (t->failed) return cannot_write(t, t->failed, err);
    if (t->f) {
        uint8_t head[QD_MSG_HEADER];
        qd_msg_header(m, head);
        if (fwrite(head, 1, sizeof head, t->f) != sizeof head || fwrite(m->body, 1, m->bytes, t->f) != m->bytes)
            return cannot_write(t, errno, err);
    }
    account(t, m);
    return QD_OK;
}

qd_status qd_transcript_sync(qd_transcript *t, uint64_t *bytes, qd_error *err) {
    if (t->failed) return cannot_write(t, t->failed, err);
    if (t->f && (fflush(t->f) != 0 || fsync(fileno(t->f)) != 0)) return cannot_write(t, errno, err);
    *bytes = t->bytes;
    return QD_OK;
}

const qd_eve *qd_transcript_eve(const qd_transcript *t) {
    return &t->eve;
}

void qd_transcript_sha256(const qd_transcript *t, char hex[65]) {
    crypto_hash_sha256_state so_far = t->hash;
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&so_far, digest);
    sodium_bin2hex(hex, 65, digest, sizeof digest);
}

qd_status qd_transcript_close(qd_transcript *t, qd_error *err) {
    if (!t) return QD_OK;
    uint64_t bytes;
    qd_status st = qd_transcript_sync(t, &bytes, err);
    if (t->f && fclose(t->f) != 0 && st == QD_OK) st = cannot_write(t, errno, err);
    free(t->path);
    free(t);
    return st;
}
