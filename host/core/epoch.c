/* SPDX-License-Identifier: Apache-2.0 */
#include "qdistill/core/epoch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/secret.h"

enum { ANCHORED = 0x100, T1_BITS = 49, T1_BASE = 4, ENTRY_BITS_MAX = 8, END = 1 };

/* ---- Headers ----------------------------------------------------------------------------------------------------- */

size_t qd_epoch_head_bytes(unsigned type) {
    static const size_t bytes[8] = {0, 20, 24, 16, 20, 0, 0, 16};
    return type < 8 ? bytes[type] : 0;
}

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static void put32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static qd_status bad_widths(const qd_epoch_head *h, qd_error *err) {
    return qd_fail(err, QD_E_INPUT,
                   "byte 12: widths of %" PRIu32 ", %" PRIu32
                   " bits are none of a T%u file||the header is damaged, or "
                   "the file is of another kind",
                   h->type == 1 ? h->bits : h->order, h->type == 1 ? h->base : h->bits, h->type);
}

qd_status qd_epoch_head_read(const uint8_t *p, size_t n, unsigned type, qd_epoch_head *h, qd_error *err) {
    size_t want = qd_epoch_head_bytes(type);
    *h = (qd_epoch_head){.type = type};
    if (want == 0) return qd_fail(err, QD_E_USAGE, "there are no T%u files", type);
    if (n < want)
        return qd_fail(err, QD_E_INPUT,
                       "the header is cut off at byte %zu of %zu||the file was truncated, or is still being written", n, want);
    uint32_t tag = get32(p);
    if (tag != type && tag != (type | ANCHORED))
        return qd_fail(err, QD_E_INPUT, "byte 0: tag 0x%" PRIx32 ", where a T%u file has %u or 0x%x||a file of another kind", tag,
                       type, type, type | ANCHORED);
    h->anchored = tag != type;
    h->epoch = get32(p + 4);
    h->length = get32(p + 8);
    switch (type) {
        case 1:
            h->bits = get32(p + 12);
            h->base = get32(p + 16);
            return h->bits == T1_BITS && h->base == T1_BASE ? QD_OK : bad_widths(h, err);
        case 2:
        case 4:
            h->order = get32(p + 12);
            h->bits = get32(p + 16);
            if (type == 2) h->protocol = get32(p + 20);
            return h->order >= 1 && h->order < 32 && h->bits <= ENTRY_BITS_MAX && h->order + h->bits < 32 ? QD_OK
                                                                                                          : bad_widths(h, err);
        case 3:
            h->bits = get32(p + 12);
            if (h->bits >= 1 && h->bits <= ENTRY_BITS_MAX) return QD_OK;
            return qd_fail(err, QD_E_INPUT, "byte 12: entries of %" PRIu32 " bits; a T3 file has 1 to %d||the header is damaged",
                           h->bits, ENTRY_BITS_MAX);
        default:
            h->epochs = h->length;
            h->length = get32(p + 12);
            return QD_OK;
    }
}

void qd_epoch_head_write(const qd_epoch_head *h, uint8_t *p) {
    put32(p, h->type | (h->anchored ? ANCHORED : 0));
    put32(p + 4, h->epoch);
    put32(p + 8, h->type == 7 ? h->epochs : h->length);
    put32(p + 12, h->type == 7 ? h->length : h->type == 1 || h->type == 3 ? h->bits : h->order);
    if (h->type == 1) put32(p + 16, h->base);
    if (h->type == 2 || h->type == 4) put32(p + 16, h->bits);
    if (h->type == 2) put32(p + 20, h->protocol);
}

static uint64_t packed_bytes(uint64_t bits) {
    return 4 * (bits / 32 + (bits % 32 != 0));
}

uint64_t qd_epoch_file_bytes(const qd_epoch_head *h) {
    if (h->type == 1) return 20 + 8 * ((uint64_t)h->length + 1);
    if (h->type == 3) return 16 + packed_bytes((uint64_t)h->length * h->bits);
    return h->type == 7 ? 16 + packed_bytes(h->length) : 0;
}

/* ---- Epochs ------------------------------------------------------------------------------------------------------ */

uint32_t qd_epoch_of_unix_ns(uint64_t unix_ns) {
    return (uint32_t)(unix_ns >> 29);
}

uint32_t qd_epoch_complete(uint32_t te, uint32_t now) {
    const uint32_t range = 0x20000;
    te &= range - 1;
    unsigned t = te >> 15, a = now >> 15 & 3;
    uint32_t carry = t == 0 && a == 3 ? range : (t >= 2 && a == 0) || (t == 3 && a == 1) ? -range : 0;
    return (now & ~(range - 1)) + te + carry;
}

void qd_epoch_name(uint32_t epoch, char name[QD_EPOCH_NAME]) {
    (void)snprintf(name, QD_EPOCH_NAME, "%08" PRIx32, epoch);
}

bool qd_epoch_from_name(const char *name, uint32_t *epoch) {
    if (strlen(name) != 8 || strspn(name, "0123456789abcdef") != 8) return false;
    *epoch = (uint32_t)strtoul(name, NULL, 16);
    return true;
}

/* ---- Packing ----------------------------------------------------------------------------------------------------- */

bool qd_pack(qd_packer *p, uint32_t v, unsigned bits, uint8_t word[4]) {
    p->acc = p->acc << bits | (v & (((uint64_t)1 << bits) - 1));
    p->have += bits;
    if (p->have < 32) return false;
    p->have -= 32;
    put32(word, (uint32_t)(p->acc >> p->have));
    p->acc &= ((uint64_t)1 << p->have) - 1;
    return true;
}

bool qd_pack_end(qd_packer *p, uint8_t word[4]) {
    bool rest = p->have != 0;
    if (rest) put32(word, (uint32_t)(p->acc << (32 - p->have)));
    *p = (qd_packer){0, 0};
    return rest;
}

void qd_unpack_feed(qd_unpacker *u, const uint8_t word[4]) {
    u->acc = u->acc << 32 | get32(word);
    u->have += 32;
}

uint32_t qd_unpack(qd_unpacker *u, unsigned bits) {
    u->have -= bits;
    uint32_t v = (uint32_t)(u->acc >> u->have & (((uint64_t)1 << bits) - 1));
    u->acc &= ((uint64_t)1 << u->have) - 1;
    return v;
}

bool qd_packed_take(qd_packed *s, unsigned bits, uint32_t *v) {
    if (s->u.have < bits) {
        if (s->end - s->p < 4) return false;
        qd_unpack_feed(&s->u, s->p);
        s->p += 4;
    }
    *v = qd_unpack(&s->u, bits);
    return true;
}

/* ---- T3 ---------------------------------------------------------------------------------------------------------- */

void qd_t3_encode(const qd_epoch_head *h, const uint8_t *entries, uint8_t *bytes) {
    qd_packer p = {0, 0};
    qd_epoch_head_write(h, bytes);
    bytes += qd_epoch_head_bytes(3);
    for (uint32_t i = 0; i < h->length; i++)
        if (qd_pack(&p, entries[i], h->bits, bytes)) bytes += 4;
    (void)qd_pack_end(&p, bytes);
}

static qd_status wrong_size(const qd_epoch_head *h, size_t n, uint64_t want, qd_error *err) {
    return qd_fail(
        err, QD_E_INPUT, "byte 8: length %" PRIu32 " makes a file of %" PRIu64 " bytes, but there are %zu||%s", h->length, want,
        n, n < want ? "the file was truncated, or is still being written" : "the length is not stated, or the header is damaged");
}

static qd_status padding(size_t at, qd_error *err) {
    return qd_fail(err, QD_E_INPUT,
                   "byte %zu: bits behind the last entry are not zero||the file is damaged, or its length is wrong", at);
}

qd_status qd_t3_decode(const uint8_t *bytes, size_t n, qd_epoch_head *h, uint8_t **entries, qd_error *err) {
    *entries = NULL;
    QD_TRY(qd_epoch_head_read(bytes, n, 3, h, err));
    if (qd_epoch_file_bytes(h) != n) return wrong_size(h, n, qd_epoch_file_bytes(h), err);
    uint8_t *e = qd_secret_alloc(h->length);
    if (!e) return qd_fail(err, QD_E_INTERNAL, "no memory for %" PRIu32 " entries", h->length);
    qd_packed s = {bytes + qd_epoch_head_bytes(3), bytes + n, {0, 0}};
    for (uint32_t i = 0; i < h->length; i++) {
        uint32_t v = 0;
        (void)qd_packed_take(&s, h->bits, &v); /* the size says that it is there */
        e[i] = (uint8_t)v;
    }
    if (s.u.acc) {
        qd_secret_free(e);
        return padding(n - 4, err);
    }
    *entries = e;
    return QD_OK;
}

/* ---- T4 ---------------------------------------------------------------------------------------------------------- */

qd_status qd_t4_encode(const qd_epoch_head *h, const uint32_t *index, const uint8_t *pattern, uint8_t **bytes, size_t *n,
                       qd_error *err) {
    *bytes = NULL;
    *n = 0;
    if (h->order < 1 || h->bits > ENTRY_BITS_MAX || h->order + h->bits >= 32)
        return qd_fail(err, QD_E_USAGE, "a T4 file has no widths of %" PRIu32 " and %" PRIu32 " bits", h->order, h->bits);
    size_t head = qd_epoch_head_bytes(4);
    uint64_t most = head + 4 + packed_bytes(((uint64_t)h->length + 1) * (32 + h->order + h->bits));
    uint8_t *out = malloc(most), *at = out + head;
    if (!out) return qd_fail(err, QD_E_INTERNAL, "no memory for a T4 file");
    qd_epoch_head_write(h, out);
    qd_packer p = {0, 0};
    for (uint64_t i = 0; i <= h->length; i++) {
        bool last = i == h->length;
        uint64_t d = last ? END : i ? (uint64_t)index[i] - index[i - 1] + 2 : (uint64_t)index[0] + 2;
        uint8_t pat = last || !pattern ? 0 : pattern[i];
        if (!last && ((i && index[i] <= index[i - 1]) || d > UINT32_MAX || pat >> h->bits)) {
            free(out);
            return qd_fail(err, QD_E_USAGE,
                           "entry %" PRIu64 " of a T4 file: positions ascend, and patterns have %" PRIu32 " bits", i, h->bits);
        }
        if (d >> h->order) {
            if (qd_pack(&p, 0, h->order, at)) at += 4;
            if (qd_pack(&p, (uint32_t)d, 32, at)) at += 4;
        } else if (qd_pack(&p, (uint32_t)d, h->order, at)) {
            at += 4;
        }
        if (qd_pack(&p, pat, h->bits, at)) at += 4;
    }
    if (qd_pack_end(&p, at)) at += 4;
    *bytes = out;
    *n = (size_t)(at - out);
    return QD_OK;
}

static qd_status t4_entries(qd_packed *s, const qd_epoch_head *h, uint32_t *index, uint8_t *pattern, const uint8_t *bytes,
                            qd_error *err) {
    uint64_t next = 0; /* smallest position that may come */
    for (uint64_t i = 0;; i++) {
        uint32_t d, pat;
        size_t at = (size_t)(s->p - bytes);
        if (!qd_packed_take(s, h->order, &d) || (d == 0 && !qd_packed_take(s, 32, &d)) || !qd_packed_take(s, h->bits, &pat))
            return qd_fail(err, QD_E_INPUT,
                           "byte %zu: the entries end without terminator||the file was truncated, or is still being written", at);
        if (d == END && pat == 0) {
            if (i == h->length) return QD_OK;
            return qd_fail(err, QD_E_INPUT,
                           "byte %zu: %" PRIu64 " entries, but the header says %" PRIu32
                           "||length and terminator disagree: the file is "
                           "inconsistent",
                           at, i, h->length);
        }
        if (i == h->length)
            return qd_fail(err, QD_E_INPUT,
                           "byte %zu: more entries than the %" PRIu32
                           " of the header||length and terminator disagree: the file "
                           "is inconsistent",
                           at, h->length);
        uint64_t position = (i ? next - 1 : 0) + d - 2;
        if (d < 2 || position < next || position > UINT32_MAX)
            return qd_fail(err, QD_E_INPUT, "byte %zu: entry %" PRIu64 " does not ascend||the file is damaged", at, i);
        index[i] = (uint32_t)position;
        pattern[i] = (uint8_t)pat;
        next = position + 1;
    }
}

qd_status qd_t4_decode(const uint8_t *bytes, size_t n, qd_epoch_head *h, uint32_t **index, uint8_t **pattern, qd_error *err) {
    *index = NULL;
    *pattern = NULL;
    QD_TRY(qd_epoch_head_read(bytes, n, 4, h, err));
    size_t head = qd_epoch_head_bytes(4);
    /* before memory is asked for: so many entries cannot be in so few bytes */
    if (((uint64_t)h->length + 1) * (h->order + h->bits) > 8 * (uint64_t)(n - head))
        return qd_fail(err, QD_E_INPUT,
                       "byte 8: %" PRIu32 " entries do not fit in %zu bytes||the file was truncated, or the header is damaged",
                       h->length, n);
    uint32_t *ix = malloc(((size_t)h->length + 1) * sizeof *ix);
    uint8_t *pat = malloc((size_t)h->length + 1);
    qd_packed s = {bytes + head, bytes + n, {0, 0}};
    qd_status st = ix && pat ? t4_entries(&s, h, ix, pat, bytes, err) : qd_fail(err, QD_E_INTERNAL, "no memory for a T4 file");
    if (st == QD_OK && (s.p != s.end || s.u.acc)) st = padding((size_t)(s.p - bytes), err);
    if (st != QD_OK) {
        free(ix);
        free(pat);
        return st;
    }
    *index = ix;
    *pattern = pat;
    return QD_OK;
}

/* ---- T7 ---------------------------------------------------------------------------------------------------------- */

void qd_t7_encode(const qd_epoch_head *h, const qd_bits *key, uint8_t *bytes) {
    qd_packer p = {0, 0};
    qd_epoch_head_write(h, bytes);
    bytes += qd_epoch_head_bytes(7);
    for (uint32_t i = 0; i < h->length; i++)
        if (qd_pack(&p, qd_bits_get(key, i), 1, bytes)) bytes += 4;
    (void)qd_pack_end(&p, bytes);
}

qd_status qd_t7_decode(const uint8_t *bytes, size_t n, qd_epoch_head *h, qd_bits *key, qd_error *err) {
    *key = (qd_bits){0, NULL};
    QD_TRY(qd_epoch_head_read(bytes, n, 7, h, err));
    if (qd_epoch_file_bytes(h) != n) return wrong_size(h, n, qd_epoch_file_bytes(h), err);
    QD_TRY(qd_bits_create(key, h->length, err));
    qd_packed s = {bytes + qd_epoch_head_bytes(7), bytes + n, {0, 0}};
    for (uint32_t i = 0; i < h->length; i++) {
        uint32_t v = 0;
        (void)qd_packed_take(&s, 1, &v);
        qd_bits_set(key, i, v);
    }
    if (!s.u.acc) return QD_OK;
    qd_bits_destroy(key);
    return padding(n - 4, err);
}
