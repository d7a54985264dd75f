/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "qdistill/core/transcript.h"

enum { VERSION = 1 };

static void put_le(uint8_t *p, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, int bytes) {
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* ---- Outbox ---- */

static qd_status outbox_room(qd_outbox *o, qd_error *err) {
    if (o->head == o->n) o->head = o->n = 0;
    if (o->n < o->cap) return QD_OK;
    if (o->head) { /* close the gap in front before asking for memory */
        memmove(o->m, o->m + o->head, (o->n - o->head) * sizeof *o->m);
        o->n -= o->head;
        o->head = 0;
        return QD_OK;
    }
    size_t cap = o->cap ? 2 * o->cap : 8;
    qd_msg *m = realloc(o->m, cap * sizeof *m);
    if (!m) return qd_fail(err, QD_E_INTERNAL, "no memory for a message");
    o->m = m;
    o->cap = cap;
    return QD_OK;
}

qd_status qd_outbox_send(qd_outbox *o, uint32_t type, uint32_t block, qd_direction from, bool last, const void *body,
                         uint64_t bytes, qd_error *err) {
    QD_TRY(outbox_room(o, err));
    uint8_t *copy = bytes < SIZE_MAX ? malloc(bytes ? bytes : 1) : NULL;
    if (!copy) return qd_fail(err, QD_E_INTERNAL, "no memory for a message of %llu bytes", (unsigned long long)bytes);
    if (bytes) memcpy(copy, body, bytes);
    o->m[o->n++] = (qd_msg){.type = type, .block = block, .from = (uint8_t)from, .last = last, .bytes = bytes, .body = copy};
    return QD_OK;
}

bool qd_outbox_take(qd_outbox *o, qd_msg *m) {
    if (o->head == o->n) return false;
    *m = o->m[o->head++];
    return true;
}

qd_status qd_outbox_turn(qd_outbox *o, qd_error *err) {
    if (o->head == o->n) return qd_fail(err, QD_E_INTERNAL, "a station hands the turn over without a message to say it with");
    o->m[o->n - 1].last = 1;
    return QD_OK;
}

void qd_outbox_destroy(qd_outbox *o) {
    if (!o) return;
    for (size_t i = o->head; i < o->n; i++) free(o->m[i].body);
    free(o->m);
    *o = (qd_outbox){0};
}

/* ---- Messages ---- */

void qd_msg_header(const qd_msg *m, uint8_t out[QD_MSG_HEADER]) {
    memcpy(out, "QM", 2);
    put_le(out + 2, VERSION, 2);
    put_le(out + 4, m->type, 4);
    put_le(out + 8, m->block, 4);
    out[12] = m->from;
    out[13] = m->last;
    put_le(out + 14, 0, 2);
    put_le(out + 16, m->bytes, 8);
}

static qd_status not_a_message(const char *cause, qd_error *err) {
    return qd_fail(err, QD_E_INPUT,
                   "not a message|%s|the file is no transcript or is damaged, or the peer is another program|give the transcript "
                   "of a run, or run it anew",
                   cause);
}

qd_status qd_msg_parse(const uint8_t in[QD_MSG_HEADER], uint64_t max_bytes, qd_msg *m, qd_error *err) {
    *m = (qd_msg){0};
    if (memcmp(in, "QM", 2) != 0) return not_a_message("no 'QM' at its beginning", err);
    if (get_le(in + 2, 2) != VERSION) return not_a_message("another version of the format", err);
    if (in[12] > 1 || in[13] > 1 || get_le(in + 14, 2) != 0) return not_a_message("a flag has a value that it cannot have", err);
    uint64_t bytes = get_le(in + 16, 8);
    if (bytes > max_bytes) return not_a_message("its body is longer than what can follow", err);
    *m = (qd_msg){.type = (uint32_t)get_le(in + 4, 4),
                  .block = (uint32_t)get_le(in + 8, 4),
                  .from = in[12],
                  .last = in[13],
                  .bytes = bytes};
    return QD_OK;
}

/* Read the body in steps, so that a length that lies costs no more memory than there are bytes. */
static qd_status read_body(FILE *f, qd_msg *m, qd_error *err) {
    enum { STEP = 1 << 20 };
    uint64_t got = 0;
    while (got < m->bytes || !m->body) {
        uint64_t step = m->bytes - got < STEP + got ? m->bytes - got : STEP + got;
        uint8_t *p = realloc(m->body, got + step + (got + step == 0));
        if (!p) return qd_fail(err, QD_E_INTERNAL, "no memory for a message of %llu bytes", (unsigned long long)m->bytes);
        m->body = p;
        if (fread(p + got, 1, step, f) != step)
            return qd_fail(err, QD_E_INPUT,
                           "message '%s' of block %u is cut short|%s|the file is truncated, or the peer went away|run it anew",
                           qd_msg_name(m->type), m->block, ferror(f) ? strerror(errno) : "end of file");
        got += step;
    }
    return QD_OK;
}

qd_status qd_msg_read(FILE *f, uint64_t max_bytes, qd_msg *m, bool *end, qd_error *err) {
    uint8_t head[QD_MSG_HEADER];
    *m = (qd_msg){0};
    size_t n = fread(head, 1, sizeof head, f);
    *end = n == 0 && !ferror(f);
    if (*end) return QD_OK;
    if (n != sizeof head)
        return qd_fail(err, QD_E_INPUT, "message cut short|%s|the file is truncated, or the peer went away|run it anew",
                       ferror(f) ? strerror(errno) : "end of file");
    QD_TRY(qd_msg_parse(head, max_bytes, m, err));
    qd_status st = read_body(f, m, err);
    if (st == QD_OK) return QD_OK;
    free(m->body);
    *m = (qd_msg){0};
    return st;
}

const char *qd_msg_name(uint32_t type) {
    switch ((qd_msg_type)type) {
        case QD_MSG_TIMES:
            return "times";
        case QD_MSG_PAIRS:
            return "pairs";
        case QD_MSG_BASES_BOB:
            return "bases_bob";
        case QD_MSG_BASES_ALICE:
            return "bases_alice";
        case QD_MSG_SAMPLE:
            return "sample";
        case QD_MSG_SAMPLE_BITS:
            return "sample_bits";
        case QD_MSG_PARAMETERS:
            return "parameters";
        case QD_MSG_CODE:
            return "code";
        case QD_MSG_SYNDROME:
            return "syndrome";
        case QD_MSG_ANSWER:
            return "answer";
        case QD_MSG_REVEAL:
            return "reveal";
        case QD_MSG_READY:
            return "ready";
        case QD_MSG_TAG:
            return "tag";
        case QD_MSG_TAG_ANSWER:
            return "tag_answer";
        case QD_MSG_FRAME_TAGS:
            return "frame_tags";
        case QD_MSG_FRAME_ANSWER:
            return "frame_answer";
        case QD_MSG_ERRORS:
            return "errors";
        case QD_MSG_REJECT:
            return "reject";
        case QD_MSG_ROWS:
            return "rows";
        case QD_MSG_CASCADE:
            return "cascade";
        case QD_MSG_PARITIES:
            return "parities";
        case QD_MSG_LARGE:
            return "large";
        case QD_MSG_LENGTH:
            return "length";
        case QD_MSG_HASH_SEED:
            return "hash_seed";
        case QD_MSG_DONE:
            return "done";
        case QD_MSG_AUTH:
            return "auth";
    }
    return "unknown";
}

/* ---- Bodies ---- */

void qd_body_put(qd_body *b, const void *p, uint64_t bytes) {
    if (b->p && !b->cap) b->bad = true; /* a reader: the memory belongs to the message */
    if (b->bad || bytes == 0) return;
    if (bytes > b->cap - b->n) {
        uint64_t cap = b->cap + b->cap / 2 + 64;
        if (cap - b->n < bytes) cap = b->n + bytes;
        uint8_t *grown = bytes < SIZE_MAX / 2 - b->n ? realloc(b->p, cap) : NULL;
        if (!grown) {
            b->bad = true;
            return;
        }
        b->p = grown;
        b->cap = cap;
    }
    memcpy(b->p + b->n, p, bytes);
    b->n += bytes;
}

void qd_body_u8(qd_body *b, uint8_t v) {
    qd_body_put(b, &v, 1);
}

void qd_body_u32(qd_body *b, uint32_t v) {
    uint8_t le[4];
    put_le(le, v, sizeof le);
    qd_body_put(b, le, sizeof le);
}

void qd_body_u64(qd_body *b, uint64_t v) {
    uint8_t le[8];
    put_le(le, v, sizeof le);
    qd_body_put(b, le, sizeof le);
}

qd_body qd_body_of(const qd_msg *m) {
    return (qd_body){.p = m->body, .n = m->body ? m->bytes : 0, .bad = !m->body && m->bytes};
}

void qd_body_get(qd_body *b, void *out, uint64_t bytes) {
    if (bytes > b->n - b->at) b->bad = true;
    if (b->bad) {
        memset(out, 0, bytes);
        return;
    }
    if (bytes) memcpy(out, b->p + b->at, bytes);
    b->at += bytes;
}

uint8_t qd_body_get_u8(qd_body *b) {
    uint8_t v;
    qd_body_get(b, &v, 1);
    return v;
}

uint32_t qd_body_get_u32(qd_body *b) {
    uint8_t le[4];
    qd_body_get(b, le, sizeof le);
    return (uint32_t)get_le(le, sizeof le);
}

uint64_t qd_body_get_u64(qd_body *b) {
    uint8_t le[8];
    qd_body_get(b, le, sizeof le);
    return get_le(le, sizeof le);
}

qd_status qd_body_end(const qd_body *b, const qd_msg *m, qd_error *err) {
    if (!b->bad && b->at == b->n) return QD_OK;
    return qd_fail(err, QD_E_INPUT,
                   "malformed message '%s' of block %u|%s|the peer runs another version, or the file is damaged|run one version "
                   "on both sides",
                   qd_msg_name(m->type), m->block, b->bad ? "it ends too early" : "bytes are left over");
}

void qd_body_free(qd_body *b) {
    if (!b) return;
    if (b->cap) free(b->p);
    *b = (qd_body){0};
}
