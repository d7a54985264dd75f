/* SPDX-License-Identifier: Apache-2.0 */
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static qd_status cannot(const char *verb, const char *path, qd_error *err) {
    return qd_fail(err, QD_E_INPUT, "cannot %s %s|%s|the disk is full, or the folder is not writable|free space or choose another --out, then go on with --resume if the run directory is still there",
                   verb, path, strerror(errno));
}

/* ---- key files --------------------------------------------------------------------------------------------------- */

static qd_status shorter(const qd_keyfile *k, const char *path, uint64_t have, uint64_t bits, qd_error *err) {
    return qd_fail(err, QD_E_INPUT, "key file %s is %s than the run's state says|%llu bytes, %llu needed|the file was changed since the run stopped|%s", path,
                   k->named ? "of another length" : "shorter", (unsigned long long)have, (unsigned long long)qd_bits_bytes(bits), "put the file back as it was, or run the job anew");
}

/* Read the bits that the state counts; only reading, so that a refusal leaves all as it was. */
static qd_status verify(qd_keyfile *k, const char *path, uint64_t bits, const uint8_t *check, qd_error *err) {
    enum { CHUNK = 1 << 16 };
    struct stat st;
    if (fstat(fileno(k->f), &st) != 0) return cannot("read", path, err);
    uint64_t size = (uint64_t)st.st_size, left = bits / 8;
    if (size < qd_bits_bytes(bits) || (k->named && size != qd_bits_bytes(bits))) return shorter(k, path, size, bits, err);
    uint8_t *chunk = qd_secret_alloc(CHUNK), now[QD_CHECK_BYTES];
    if (!chunk) return qd_fail(err, QD_E_INTERNAL, "no memory for key material");
    bool ok = true;
    for (size_t n; left && ok; left -= n) {
        n = left < CHUNK ? (size_t)left : CHUNK;
        ok = fread(chunk, 1, n, k->f) == n;
        crypto_generichash_update(&k->check, chunk, n);
    }
    qd_secret_free(chunk);
    if (ok && bits % 8) ok = fread(&k->tail, 1, 1, k->f) == 1;
    if (!ok) return cannot("read", path, err);
    k->tail &= (uint8_t)((1u << (bits % 8)) - 1);
    k->bits = bits;
    qd_keyfile_check(k, now);
    if (check ? sodium_memcmp(now, check, sizeof now) == 0 : k->named) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "key file %s does not agree with the run's state|%s|the file or state.json was changed since the run stopped|put the file back as it was, or run the job anew",
                   path, check ? "its check differs" : "state.json holds no check of it");
}

qd_status qd_keyfile_open(qd_keyfile *k, const char *dir, const char *name, uint64_t bits, const uint8_t secret[QD_CHECK_BYTES],
                          const uint8_t *check, qd_error *err) {
    *k = (qd_keyfile){0};
    crypto_generichash_init(&k->check, secret, QD_CHECK_BYTES, QD_CHECK_BYTES);
    k->final = qd_path_join(dir, name);
    if (k->final && (k->partial = malloc(strlen(k->final) + 9))) sprintf(k->partial, "%s.partial", k->final);
    if (!k->partial) return qd_fail(err, QD_E_INTERNAL, "no memory for a file name");
    int fd = open(k->partial, O_RDWR | O_CLOEXEC | (bits ? 0 : O_CREAT), 0600);
    if (fd < 0 && errno == ENOENT && (fd = open(k->final, O_RDWR | O_CLOEXEC)) >= 0) k->named = true;
    if (fd < 0) return cannot("open", k->partial, err);
    (void)fchmod(fd, 0600); /* also one that was made readable meanwhile */
    k->f = fdopen(fd, "r+b");
    if (!k->f) {
        close(fd);
        return cannot("create", k->partial, err);
    }
    setvbuf(k->f, NULL, _IONBF, 0); /* no copy of key bits in a stream's buffer */
    return bits ? verify(k, k->named ? k->final : k->partial, bits, check, err) : QD_OK;
}

qd_status qd_keyfile_cut(qd_keyfile *k, qd_error *err) {
    if (k->named && rename(k->final, k->partial) != 0) return cannot("rename", k->final, err);
    k->named = false;
    /* The last byte stays: whatever goes wrong from here on, the run can be resumed once more. */
    bool ok = ftruncate(fileno(k->f), (off_t)qd_bits_bytes(k->bits)) == 0 && fseeko(k->f, (off_t)(k->bits / 8), SEEK_SET) == 0;
    if (ok && k->bits % 8) ok = fwrite(&k->tail, 1, 1, k->f) == 1;
    return ok ? QD_OK : cannot("cut", k->partial, err);
}

void qd_keyfile_check(const qd_keyfile *k, uint8_t check[QD_CHECK_BYTES]) {
    crypto_generichash_state so_far = k->check;
    if (k->bits % 8) crypto_generichash_update(&so_far, &k->tail, 1);
    crypto_generichash_final(&so_far, check, QD_CHECK_BYTES);
    qd_wipe(&so_far, sizeof so_far);
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
    crypto_generichash_update(&k->check, buf, total / 8);
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
    qd_wipe(k, sizeof *k);
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

static void put_check(json_t *j, const qd_run_state *s) {
    char hex[3][2 * QD_CHECK_BYTES + 1];
    sodium_bin2hex(hex[0], sizeof hex[0], s->secret, QD_CHECK_BYTES);
    for (int i = 0; i < 2; i++) sodium_bin2hex(hex[1 + i], sizeof hex[0], s->check[i], QD_CHECK_BYTES);
    json_object_set_new(j, "check", json_pack("[s,s,s]", hex[0], hex[1], hex[2]));
    qd_wipe(hex, sizeof hex);
}

/* Absent once the keys have their names. */
static qd_status read_check(const json_t *j, const char *path, qd_run_state *s, qd_error *err) {
    const json_t *a = json_object_get(j, "check");
    uint8_t *out[3] = {s->secret, s->check[0], s->check[1]};
    if (!a) return QD_OK;
    for (size_t i = 0; i < 3; i++) {
        const char *hex = json_string_value(json_array_get(a, i));
        size_t n = 0;
        if (!hex || strlen(hex) != 2 * QD_CHECK_BYTES || sodium_hex2bin(out[i], QD_CHECK_BYTES, hex, strlen(hex), NULL, &n, NULL) != 0 || n != QD_CHECK_BYTES)
            return qd_fail(err, QD_E_INPUT, "%s: 'check' must be three texts of %d hexadecimal digits||it was edited by hand|run the job anew", path, 2 * QD_CHECK_BYTES);
    }
    s->checked = true;
    return QD_OK;
}

qd_status qd_run_state_write(const char *dir, const qd_run_state *s, qd_error *err) {
    char *path = state_path(dir);
    json_t *j = json_pack("{s:i,s:b,s:I,s:b,s:I,s:I,s:[I,I],s:[I,I],s:O}", "schema", 1, "finished", (int)s->finished, "next_block", (json_int_t)s->next_block, "announced",
                          (int)s->announced, "transcript_bytes", (json_int_t)s->transcript_bytes, "key_bits", (json_int_t)s->key_bits, "errors",
                          (json_int_t)s->errors[0], (json_int_t)s->errors[1], "n", (json_int_t)s->n[0], (json_int_t)s->n[1], "blocks", s->blocks);
    if (j && !s->finished) put_check(j, s);
    if (j && s->summary) json_object_set(j, "summary", s->summary);
    char *text = j ? json_dumps(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    qd_status st = path && text ? qd_file_write(path, 0600, text, strlen(text), err) : qd_fail(err, QD_E_INTERNAL, "no memory for the run's state");
    if (text) qd_wipe(text, strlen(text));
    free(text);
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
    QD_TRY(read_check(j, path, s, err));
    s->next_block = (uint32_t)next;
    s->finished = json_is_true(json_object_get(j, "finished"));
    s->announced = json_is_true(json_object_get(j, "announced"));
    s->blocks = json_incref(json_object_get(j, "blocks"));
    s->summary = json_incref(json_object_get(j, "summary"));
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
        json_decref(s->summary);
        s->blocks = s->summary = NULL;
    }
    json_decref(j);
    free(path);
    return st;
}

void qd_run_dir_remove(const char *dir) {
    static const char *const names[] = {"manifest.json", "state.json", "events.jsonl", "transcript.bin", "alice.key.partial", "bob.key.partial",
                                        "alice.rehearsal.key.partial", "bob.rehearsal.key.partial"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = qd_path_join(dir, names[i]);
        if (path) (void)unlink(path);
        free(path);
    }
    (void)rmdir(dir);
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
