/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "qdistill/core/bits.h"
#include "qdistill/core/files.h"
#include "qdistill/core/json.h"
#include "qdistill/core/secret.h"

static char *sidecar_of(const char *path) {
    char *name = NULL;
    return asprintf(&name, "%s.json", path) < 0 ? NULL : name;
}

/* {"bits":N} beside the file, if it exists. Other keys are the writer's own business. */
static qd_status sidecar_bits(const char *path, uint64_t *bits, qd_error *err) {
    char *name = sidecar_of(path);
    if (!name) return qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory", path);
    qd_status st = QD_OK;
    json_t *j = NULL;
    if (access(name, F_OK) == 0) {
        QD_TRY_OUT(st, qd_json_read(name, &j, err));
        QD_TRY_OUT(st, qd_json_u64(j, name, "bits", INT64_MAX, bits, err));
    }
out:
    json_decref(j);
    free(name);
    return st;
}

static qd_status wrong_size(const char *path, uint64_t bytes, uint64_t bits, qd_error *err) {
    uint64_t want = qd_bits_bytes(bits);
    return qd_fail(err, QD_E_INPUT,
                   "%s has %llu bytes, but %llu bits are %llu bytes||the file is %s, or the number of bits is wrong|"
                   "check --in-bits and %s.json",
                   path, (unsigned long long)bytes, (unsigned long long)bits, (unsigned long long)want,
                   bytes < want ? "cut short" : "longer than it should be", path);
}

qd_status qd_bits_read_file(qd_bits *b, const char *path, uint64_t in_bits, qd_bit_order order, qd_error *err) {
    *b = (qd_bits){0};
    FILE *f = NULL;
    uint64_t bytes = 0, bits = in_bits;
    uint8_t *raw = NULL;
    qd_status st = qd_file_open(path, false, &f, &bytes, err);
    if (st != QD_OK) return st;
    if (bits == UINT64_MAX) QD_TRY_OUT(st, sidecar_bits(path, &bits, err));
    if (bits == UINT64_MAX) bits = 8 * bytes;
    if (qd_bits_bytes(bits) != bytes) {
        st = wrong_size(path, bytes, bits, err);
        goto out;
    }
    raw = qd_secret_alloc(bytes);
    if (!raw) {
        st = qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory for %llu bytes", path, (unsigned long long)bytes);
        goto out;
    }
    setvbuf(f, NULL, _IONBF, 0); /* key bits must not stay behind in a stream buffer */
    if (fread(raw, 1, bytes, f) != bytes) {
        st = qd_fail(err, QD_E_INPUT, "cannot read %s|%s|the file is being changed, or its disk is failing|copy it first, then read the copy", path,
                     ferror(f) ? strerror(errno) : "it became shorter while being read");
        goto out;
    }
    qd_error why = {0};
    st = qd_bits_from_bytes(b, raw, bits, order, &why);
    if (st != QD_OK) st = qd_fail(err, st, "%s: %s|%s|%s|%s", path, why.what, why.cause, why.likely, why.next);
out:
    qd_secret_free(raw);
    fclose(f);
    return st;
}

qd_status qd_bits_write_file(const qd_bits *b, const char *path, qd_bit_order order, unsigned mode, qd_error *err) {
    qd_status st = QD_OK;
    qd_out data = {0}, side = {0};
    uint64_t bytes = qd_bits_bytes(b->n);
    char *name = sidecar_of(path);
    uint8_t *raw = qd_secret_alloc(bytes);
    if (!name || !raw) {
        st = qd_fail(err, QD_E_INTERNAL, "cannot write %s|no memory for %llu bytes", path, (unsigned long long)bytes);
        goto out;
    }
    qd_bits_to_bytes(b, order, raw);
    QD_TRY_OUT(st, qd_out_open(&data, path, mode, err));
    QD_TRY_OUT(st, qd_out_open(&side, name, mode, err));
    setvbuf(data.f, NULL, _IONBF, 0);
    (void)fwrite(raw, 1, bytes, data.f); /* a failure is kept by the stream; settle reports it */
    fprintf(side.f, "{\"bits\":%llu}\n", (unsigned long long)b->n);
    /* Both are on the disk before either gets its name. The length comes first: data without it would be read at full bytes. */
    QD_TRY_OUT(st, qd_out_settle(&data, err));
    QD_TRY_OUT(st, qd_out_settle(&side, err));
    QD_TRY_OUT(st, qd_out_commit(&side, err));
    st = qd_out_commit(&data, err);
    if (st != QD_OK) (void)unlink(name);
out:
    qd_out_abandon(&data);
    qd_out_abandon(&side);
    qd_secret_free(raw);
    free(name);
    return st;
}
