/* SPDX-License-Identifier: Apache-2.0 */
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static qd_status cannot(const char *verb, const char *path, qd_error *err) {
    return qd_fail(err, QD_E_INPUT, "cannot %s %s|%s|the disk is full, or the folder is not writable|free space or choose another --out, then go on with --resume",
                   verb, path, strerror(errno));
}

/* ---- key files --------------------------------------------------------------------------------------------------- */

static qd_status reopen_at(qd_keyfile *k, uint64_t bits, qd_error *err) {
    uint64_t whole = bits / 8;
    struct stat st;
    if (fstat(fileno(k->f), &st) != 0) return cannot("read", k->partial, err);
    if ((uint64_t)st.st_size < qd_bits_bytes(bits))
        return qd_fail(err, QD_E_INPUT, "key file %s is shorter than the run's state says|%llu bytes, %llu needed|the file was changed since the run stopped|run the job anew", k->partial,
                       (unsigned long long)st.st_size, (unsigned long long)qd_bits_bytes(bits));
    if (bits % 8) {
        if (fseeko(k->f, (off_t)whole, SEEK_SET) != 0 || fread(&k->tail, 1, 1, k->f) != 1) return cannot("read", k->partial, err);
        k->tail &= (uint8_t)((1u << (bits % 8)) - 1);
    }
    if (ftruncate(fileno(k->f), (off_t)whole) != 0 || fseeko(k->f, (off_t)whole, SEEK_SET) != 0) return cannot("cut", k->partial, err);
    k->bits = bits;
    return QD_OK;
}

qd_status qd_keyfile_open(qd_keyfile *k, const char *dir, const char *name, uint64_t bits, qd_error *err) {
    *k = (qd_keyfile){0};
    k->final = qd_path_join(dir, name);
    if (k->final && (k->partial = malloc(strlen(k->final) + 9))) sprintf(k->partial, "%s.partial", k->final);
    if (!k->partial) return qd_fail(err, QD_E_INTERNAL, "no memory for a file name");
    int fd = open(k->partial, O_RDWR | O_CLOEXEC | (bits ? 0 : O_CREAT | O_TRUNC), 0600);
    if (fd < 0) return cannot("open", k->partial, err);
    (void)fchmod(fd, 0600); /* also one that was made readable meanwhile */
    k->f = fdopen(fd, "r+b");
    if (!k->f) {
        close(fd);
        return cannot("create", k->partial, err);
    }
    setvbuf(k->f, NULL, _IONBF, 0); /* no copy of key bits in a stream's buffer */
    return bits ? reopen_at(k, bits, err) : QD_OK;
}

qd_status qd_keyfile_append(qd_keyfile *k, const qd_bits *key, qd_error *err) {
    if (!key->n) return QD_OK;
    unsigned have = (unsigned)(k->bits % 8);
    uint64_t total = have + key->n, bytes = qd_bits_bytes(total);
    uint8_t *buf = qd_secret_alloc(bytes);
    if (!buf) return qd_fail(err, QD_E_INTERNAL, "no memory for key material");
    qd_bits_to_bytes(key, QD_LSB_FIRST, buf);
    if (have) { /* shift up by the bits already in the last byte */
        for (uint64_t i = bytes; i-- > 0;) buf[i] = (uint8_t)(buf[i] << have | (i ? buf[i - 1] >> (8 - have) : 0));
        buf[0] |= k->tail;
    }
    bool ok = fseeko(k->f, (off_t)(k->bits / 8), SEEK_SET) == 0 && fwrite(buf, 1, bytes, k->f) == bytes;
    k->tail = total % 8 ? buf[bytes - 1] : 0;
    k->bits += key->n;
    qd_secret_free(buf);
    return ok ? QD_OK : cannot("write", k->partial, err);
}

qd_status qd_keyfile_sync(qd_keyfile *k, qd_error *err) {
    return fflush(k->f) == 0 && fsync(fileno(k->f)) == 0 ? QD_OK : cannot("write", k->partial, err);
}

void qd_keyfile_leave(qd_keyfile *k) {
    if (k->f) fclose(k->f);
    free(k->partial);
    free(k->final);
    *k = (qd_keyfile){0};
}

static qd_status write_length(const qd_keyfile *k, qd_error *err) {
    char *name = malloc(strlen(k->final) + 6);
    if (!name) return qd_fail(err, QD_E_INTERNAL, "no memory for a file name");
    sprintf(name, "%s.json", k->final);
    json_t *j = json_pack("{s:I}", "bits", (json_int_t)k->bits);
    qd_status st = qd_json_write(j, name, err);
    json_decref(j);
    free(name);
    return st;
}

qd_status qd_keyfile_finish(qd_keyfile *k, qd_error *err) {
    qd_status st = QD_OK;
    if (k->bits) {
        st = qd_keyfile_sync(k, err);
        if (st == QD_OK) st = write_length(k, err);
        if (st == QD_OK && rename(k->partial, k->final) != 0) st = cannot("rename", k->partial, err);
    } else if (k->partial) {
        unlink(k->partial);
    }
    qd_keyfile_leave(k);
    return st;
}

/* ---- state ------------------------------------------------------------------------------------------------------- */

static char *state_path(const char *dir) { return qd_path_join(dir, "state.json"); }

qd_status qd_run_state_write(const char *dir, const qd_run_state *s, qd_error *err) {
    char *path = state_path(dir);
    json_t *j = json_pack("{s:i,s:b,s:I,s:b,s:I,s:I,s:[I,I],s:[I,I],s:O}", "schema", 1, "finished", (int)s->finished, "next_block", (json_int_t)s->next_block, "announced",
                          (int)s->announced, "transcript_bytes", (json_int_t)s->transcript_bytes, "key_bits", (json_int_t)s->key_bits, "errors",
                          (json_int_t)s->errors[0], (json_int_t)s->errors[1], "n", (json_int_t)s->n[0], (json_int_t)s->n[1], "blocks", s->blocks);
    qd_status st = path && j ? qd_json_write(j, path, err) : qd_fail(err, QD_E_INTERNAL, "no memory for the run's state");
    json_decref(j);
    free(path);
    return st;
}

static qd_status read_pair(const json_t *j, const char *path, const char *key, uint64_t out[2], qd_error *err) {
    const json_t *a = json_object_get(j, key);
    for (size_t i = 0; i < 2; i++) {
        const json_t *v = json_array_get(a, i);
        if (json_array_size(a) != 2 || !json_is_integer(v) || json_integer_value(v) < 0)
            return qd_fail(err, QD_E_INPUT, "%s: '%s' must be two non-negative integers|||run the job anew", path, key);
        out[i] = (uint64_t)json_integer_value(v);
    }
    return QD_OK;
}

static qd_status parse_state(const json_t *j, const char *path, qd_run_state *s, qd_error *err) {
    uint64_t schema = 0, next = 0;
    QD_TRY(qd_json_u64(j, path, "schema", 1, &schema, err));
    QD_TRY(qd_json_u64(j, path, "next_block", UINT32_MAX - 1, &next, err));
    QD_TRY(qd_json_u64(j, path, "transcript_bytes", INT64_MAX, &s->transcript_bytes, err));
    QD_TRY(qd_json_u64(j, path, "key_bits", INT64_MAX, &s->key_bits, err));
    QD_TRY(read_pair(j, path, "errors", s->errors, err));
    QD_TRY(read_pair(j, path, "n", s->n, err));
    s->next_block = (uint32_t)next;
    s->finished = json_is_true(json_object_get(j, "finished"));
    s->announced = json_is_true(json_object_get(j, "announced"));
    s->blocks = json_incref(json_object_get(j, "blocks"));
    if (schema != 1 || !json_is_array(s->blocks) || json_array_size(s->blocks) != s->next_block)
        return qd_fail(err, QD_E_INPUT, "%s is not the state of a run|||run the job anew", path);
    return QD_OK;
}

qd_status qd_run_state_read(const char *dir, qd_run_state *s, qd_error *err) {
    *s = (qd_run_state){0};
    char *path = state_path(dir);
    json_t *j = NULL;
    qd_status st = path ? qd_json_read(path, &j, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a file name");
    if (st == QD_OK) st = parse_state(j, path, s, err);
    if (st != QD_OK) {
        json_decref(s->blocks);
        s->blocks = NULL;
    }
    json_decref(j);
    free(path);
    return st;
}

qd_status qd_run_event(const char *dir, json_t *event, qd_error *err) {
    char *path = qd_path_join(dir, "events.jsonl"), *line = json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(event);
    qd_status st = QD_OK;
    FILE *f = path && line ? fopen(path, "ab") : NULL;
    if (!f || fprintf(f, "%s\n", line) < 0 || fflush(f) != 0) st = cannot("write", path ? path : "events.jsonl", err);
    if (f) fclose(f);
    free(path);
    free(line);
    return st;
}
