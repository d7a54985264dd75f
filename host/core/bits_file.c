/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
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
                   "check the number of bits, also in %s.json where there is one",
                   path, (unsigned long long)bytes, (unsigned long long)bits, (unsigned long long)want,
                   bytes < want ? "cut short" : "longer than it should be", path);
}

/* The length of a file of @p bytes: as given, as the sidecar says, or eight times its bytes; it must fit. */
static qd_status length_of(const char *path, uint64_t bytes, uint64_t in_bits, uint64_t *bits, qd_error *err) {
    *bits = in_bits;
    if (*bits == UINT64_MAX) QD_TRY(sidecar_bits(path, bits, err));
    if (*bits == UINT64_MAX) *bits = 8 * bytes;
    return qd_bits_bytes(*bits) == bytes ? QD_OK : wrong_size(path, bytes, *bits, err);
}

static qd_status cannot_read(const char *path, const char *cause, qd_error *err) {
    return qd_fail(err, QD_E_INPUT, "cannot read %s|%s|the file is being changed, or its disk is failing|copy it first, then read the copy", path, cause);
}

qd_status qd_bits_read_file(qd_bits *b, const char *path, uint64_t in_bits, qd_bit_order order, qd_error *err) {
    *b = (qd_bits){0};
    FILE *f = NULL;
    uint64_t bytes = 0, bits = 0;
    uint8_t *raw = NULL;
    qd_status st = qd_file_open(path, false, &f, &bytes, err);
    if (st != QD_OK) return st;
    QD_TRY_OUT(st, length_of(path, bytes, in_bits, &bits, err));
    raw = qd_secret_alloc(bytes);
    if (!raw) {
        st = qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory for %llu bytes", path, (unsigned long long)bytes);
        goto out;
    }
    setvbuf(f, NULL, _IONBF, 0); /* key bits must not stay behind in a stream buffer */
    if (fread(raw, 1, bytes, f) != bytes) {
        st = cannot_read(path, ferror(f) ? strerror(errno) : "it became shorter while being read", err);
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

/* ---- In pieces ---------------------------------------------------------------------------------------------------- */

/* Bytes of a file, which lie in @p w, as words; and back. */
static void bytes_to_words(uint64_t *w, uint64_t words, qd_bit_order order) {
    uint8_t *b = (uint8_t *)w;
    for (uint64_t i = 0; i < words; i++) {
        uint64_t v = 0;
        for (unsigned k = 0; k < 8; k++) v |= (uint64_t)b[8 * i + k] << 8 * k;
        w[i] = order == QD_MSB_FIRST ? qd_bits_mirrored(v) : v;
    }
}
static void words_to_bytes(const uint64_t *w, uint64_t words, qd_bit_order order, uint8_t *b) {
    for (uint64_t i = 0; i < words; i++) {
        const uint64_t v = order == QD_MSB_FIRST ? qd_bits_mirrored(w[i]) : w[i];
        for (unsigned k = 0; k < 8; k++) b[8 * i + k] = (uint8_t)(v >> 8 * k);
    }
}

struct qd_bits_reader {
    FILE *f;
    char *path;
    uint64_t bits;
    qd_bit_order order;
};

static qd_status read_words(void *self, uint64_t at, uint64_t words, uint64_t *w, qd_error *err) {
    const qd_bits_reader *r = self;
    const uint64_t all = qd_bits_bytes(r->bits), from = 8 * at, end = from + 8 * words < all ? from + 8 * words : all;
    if (from > all || words > qd_bits_words(r->bits) - at) return qd_fail(err, QD_E_INTERNAL, "a piece of %s beyond its end", r->path);
    uint8_t *to = (uint8_t *)w;
    for (uint64_t done = from; done < end;) {
        ssize_t got = pread(fileno(r->f), to + (done - from), (size_t)(end - done), (off_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return cannot_read(r->path, got < 0 ? strerror(errno) : "it became shorter while being read", err);
        done += (uint64_t)got;
    }
    memset(to + (end - from), 0, (size_t)(8 * words - (end - from)));
    bytes_to_words(w, words, r->order);
    if (r->bits % 64 && at + words == qd_bits_words(r->bits)) w[words - 1] &= ((uint64_t)1 << (r->bits % 64)) - 1;
    return QD_OK;
}

/* Bits past the length are none. */
static qd_status check_end(const qd_bits_reader *r, qd_error *err) {
    if (r->bits % 8 == 0) return QD_OK;
    uint8_t last = 0;
    uint64_t at = qd_bits_bytes(r->bits) - 1;
    if (pread(fileno(r->f), &last, 1, (off_t)at) != 1) return cannot_read(r->path, strerror(errno), err);
    const unsigned used = (unsigned)(r->bits % 8), past = r->order == QD_MSB_FIRST ? 0xffu >> used : 0xffu << used & 0xffu;
    if (!(last & past)) return QD_OK;
    return qd_fail(err, QD_E_INPUT, "%s: byte %llu: a bit past the length of %llu bits is set|bits of the last byte that belong to nothing are 0|wrong length or bit order, or bytes that were drawn at random|check the number of bits, try the other bit order, or set those bits to 0",
                   r->path, (unsigned long long)at, (unsigned long long)r->bits);
}

qd_status qd_bits_reader_open(qd_bits_reader **out, const char *path, uint64_t in_bits, qd_bit_order order, qd_error *err) {
    *out = NULL;
    uint64_t bytes = 0;
    qd_bits_reader *r = calloc(1, sizeof *r);
    if (r) r->path = strdup(path);
    if (!r || !r->path) {
        qd_bits_reader_close(r);
        return qd_fail(err, QD_E_INTERNAL, "cannot read %s|no memory", path);
    }
    r->order = order;
    qd_status st;
    QD_TRY_OUT(st, qd_file_open(path, false, &r->f, &bytes, err));
    QD_TRY_OUT(st, length_of(path, bytes, in_bits, &r->bits, err));
    QD_TRY_OUT(st, check_end(r, err));
    *out = r;
    return QD_OK;
out:
    qd_bits_reader_close(r);
    return st;
}

qd_bit_source qd_bits_reader_source(qd_bits_reader *r) { return (qd_bit_source){r->bits, NULL, read_words, r}; }

void qd_bits_reader_close(qd_bits_reader *r) {
    if (!r) return;
    if (r->f) fclose(r->f);
    free(r->path);
    free(r);
}

enum { WRITTEN_WORDS = 1 << 13 }; /* at a time */

struct qd_bits_writer {
    qd_out data, side;
    char *side_path;
    uint64_t bits, words; /* taken so far */
    qd_bit_order order;
    uint8_t *bytes; /* 8 * WRITTEN_WORDS */
};

static qd_status write_words(void *self, const uint64_t *w, uint64_t words, qd_error *err) {
    qd_bits_writer *to = self;
    if (!to->data.f || words > qd_bits_words(to->bits) - to->words)
        return qd_fail(err, QD_E_INTERNAL, "more than the %llu bits that %s has", (unsigned long long)to->bits, to->data.path ? to->data.path : "a file");
    while (words) {
        uint64_t some = words < WRITTEN_WORDS ? words : WRITTEN_WORDS, left = qd_bits_bytes(to->bits) - 8 * to->words;
        words_to_bytes(w, some, to->order, to->bytes);
        (void)fwrite(to->bytes, 1, (size_t)(left < 8 * some ? left : 8 * some), to->data.f); /* a failure is kept by the stream; settle reports it */
        w += some, words -= some, to->words += some;
        if (ferror(to->data.f)) return qd_out_settle(&to->data, err); /* a full disk ends it at once */
    }
    return QD_OK;
}

qd_status qd_bits_writer_open(qd_bits_writer **out, const char *path, uint64_t bits, qd_bit_order order, unsigned mode, qd_error *err) {
    *out = NULL;
    qd_bits_writer *w = calloc(1, sizeof *w);
    if (w) *w = (qd_bits_writer){.bits = bits, .order = order, .bytes = qd_secret_alloc(8 * WRITTEN_WORDS), .side_path = sidecar_of(path)};
    if (!w || !w->bytes || !w->side_path) {
        qd_bits_writer_close(w);
        return qd_fail(err, QD_E_INTERNAL, "cannot write %s|no memory", path);
    }
    qd_status st;
    QD_TRY_OUT(st, qd_out_open(&w->data, path, mode, err));
    QD_TRY_OUT(st, qd_out_open(&w->side, w->side_path, mode, err));
    setvbuf(w->data.f, NULL, _IONBF, 0); /* key bits must not stay behind in a stream buffer */
    fprintf(w->side.f, "{\"bits\":%llu}\n", (unsigned long long)bits);
    *out = w;
    return QD_OK;
out:
    qd_bits_writer_close(w);
    return st;
}

qd_bit_sink qd_bits_writer_sink(qd_bits_writer *w) { return (qd_bit_sink){NULL, write_words, w}; }
const char *qd_bits_writer_where(const qd_bits_writer *w) { return w->data.tmp; }

qd_status qd_bits_writer_settle(qd_bits_writer *w, qd_error *err) {
    if (w->words != qd_bits_words(w->bits)) return qd_fail(err, QD_E_INTERNAL, "%llu bits were to be written|some are missing", (unsigned long long)w->bits);
    QD_TRY(qd_out_settle(&w->data, err));
    return qd_out_settle(&w->side, err);
}

/* The length comes first: data without it would be read at full bytes. */
qd_status qd_bits_writer_commit(qd_bits_writer *w, qd_error *err) {
    QD_TRY(qd_bits_writer_settle(w, err));
    QD_TRY(qd_out_commit(&w->side, err));
    qd_status st = qd_out_commit(&w->data, err);
    if (st != QD_OK) (void)unlink(w->side_path);
    return st;
}

void qd_bits_writer_close(qd_bits_writer *w) {
    if (!w) return;
    qd_out_abandon(&w->data);
    qd_out_abandon(&w->side);
    qd_secret_free(w->bytes);
    free(w->side_path);
    free(w);
}

qd_status qd_bits_write_file(const qd_bits *b, const char *path, qd_bit_order order, unsigned mode, qd_error *err) {
    qd_bits_writer *w;
    QD_TRY(qd_bits_writer_open(&w, path, b->n, order, mode, err));
    qd_status st = write_words(w, b->w, qd_bits_words(b->n), err);
    if (st == QD_OK) st = qd_bits_writer_commit(w, err);
    qd_bits_writer_close(w);
    return st;
}
