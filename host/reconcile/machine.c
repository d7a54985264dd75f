/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/machine.h"
#include "reconcile/spread.h"
#include "qdistill/reconcile/cascade.h"
#include "qdistill/reconcile/large.h"

#include <stdlib.h>
#include <string.h>
#include "qdistill/arith.h"

enum { ITERATIONS = 50, BATCH = 1024 };

qd_status qd_machine_init(qd_machine *m, const qd_reconcile_params *p, const qd_bits *key, qd_device *dev, qd_direction me,
                          qd_error *err) {
    if (p->basis < 0 || p->basis > 1) return qd_fail(err, QD_E_USAGE, "basis %d is not 0 or 1", p->basis);
    if (p->batch > QD_BATCH_MAX) return qd_fail(err, QD_E_USAGE, "a batch of %u frames is above %d", p->batch, QD_BATCH_MAX);
    if (p->max_iterations > 1000) return qd_fail(err, QD_E_USAGE, "%u iterations are above 1000", p->max_iterations);
    if (p->rounds > QD_ADD_ROUNDS)
        return qd_fail(err, QD_E_USAGE, "%u rounds of added rows are above %d", p->rounds, QD_ADD_ROUNDS);
    *m = (qd_machine){.p = *p, .key = key, .dev = dev, .me = me};
    m->batch = p->batch ? p->batch : BATCH;
    m->rule.max_iterations = p->max_iterations ? p->max_iterations : ITERATIONS;
    return QD_OK;
}

void qd_machine_clear(qd_machine *m) {
    qd_bits_destroy(&m->string);
    qd_bits_destroy(&m->spread);
    free(m->kept);
    free(m->level);
    free(m->told);
    qd_secret_free(m->mine);
    qd_large_free(m->large);
    qd_large_free(m->apart);
    qd_cascade_batch_destroy(m->search);
    *m = (qd_machine){0};
}

/* Parts of the string that neighbours in a frame come from: all columns of a long frame have the same places of it. */
static uint64_t runs(const qd_machine *m) {
    return m->large ? m->code.z : 64;
}

qd_status qd_machine_frames(qd_machine *m, uint64_t frames, uint32_t tag_bits, qd_error *err) {
    const qd_code *c = &m->code;
    m->r = (qd_reconcile_result){.bytes = {m->r.bytes[0], m->r.bytes[1]},
                                 .n = frames * c->n,
                                 .dropped = m->key->n - frames * c->n,
                                 .code = c->graph ? c->graph->id : m->large ? QD_CODE_LARGE : QD_CODE_CASCADE,
                                 .z = c->z,
                                 .m = c->m,
                                 .c = m->rule.c,
                                 .a = m->rule.a,
                                 .frame_bits = c->n,
                                 .frame_leak = c->leak,
                                 .frames = frames,
                                 .tag_bits = tag_bits};
    m->kept = calloc(frames, 1);
    m->level = calloc(frames, 1);
    if (!m->kept || !m->level)
        return qd_fail(err, QD_E_INTERNAL, "no memory for the states of %llu frames", (unsigned long long)frames);
    if (c->graph || m->large) { /* Cascade permutes its frames itself */
        QD_TRY(qd_bits_create(&m->spread, m->r.n, err));
        qd_spread(m->key->w, m->r.n, runs(m), m->spread.w);
        m->key = &m->spread;
    }
    return qd_bits_slice(&m->string, m->key, 0, m->r.n, err);
}

void qd_machine_reject(qd_machine *m, uint32_t reject) {
    m->r = (qd_reconcile_result){.reject = reject, .dropped = m->key->n, .bytes = {m->r.bytes[0], m->r.bytes[1]}};
    m->done = true;
}

void qd_machine_finish(qd_machine *m, uint32_t reject) {
    m->r.reject = reject;
    m->r.frames_failed = m->r.frames - qd_machine_kept(m);
    for (uint64_t f = 0; f < m->r.frames; f++) {
        const uint64_t sent = m->told ? m->told[f] : qd_machine_code(m, m->level[f]).m;
        m->r.code_bits += sent - qd_private_bits(&m->r);
        m->r.bob_bits += m->told ? sent : 0;
        m->r.kept_bits += m->kept[f] ? sent : 0;
    }
    if (reject == QD_REJECT_NONE && m->r.frames_failed == m->r.frames) m->r.reject = QD_REJECT_NO_FRAME;
    if (m->spread.n) { /* in the order in which it came */
        const qd_bits spread = m->string;
        qd_gather(spread.w, m->r.n, runs(m), m->spread.w);
        m->string = m->spread;
        m->spread = spread;
    }
    m->r.key = reject == QD_REJECT_NONE ? &m->string : NULL;
    m->done = true;
}

uint64_t qd_machine_kept(const qd_machine *m) {
    uint64_t n = 0;
    for (uint64_t f = 0; f < m->r.frames; f++) n += m->kept[f] != 0;
    return n;
}

qd_code qd_machine_code(const qd_machine *m, uint32_t round) {
    qd_code c = m->code;
    uint32_t rows = c.m;
    for (uint32_t i = 0; i < round; i++) rows += m->add[i];
    if (m->large) c.m = rows;
    else if (rows > c.m) (void)qd_code_make(&c, c.graph->id, c.z, rows, NULL); /* in range: checked before the round */
    return c;
}

void qd_machine_round(qd_machine *m, uint32_t add, uint64_t open) {
    m->add[m->round++] = add;
    m->r.added_bits += open * add;
    m->r.added_answers += open;
    m->r.added_rounds = m->round;
}

void qd_rows_copy(uint8_t *dst, size_t to, const uint8_t *src, size_t from, size_t n) {
    for (size_t i = 0; i < n; i++)
        dst[(to + i) / 8] |= (uint8_t)((src[(from + i) / 8] >> ((from + i) % 8) & 1) << ((to + i) % 8));
}

void qd_rows_load(const qd_machine *m, const qd_code *c, const qd_bits *key, const uint64_t *id, uint64_t n, uint64_t *frames) {
    const size_t words = qd_frame_words(c);
    memset(frames, 0, n * words * 8);
    for (uint64_t i = 0; i < n; i++) qd_frame_load(&m->code, key, id[i] * m->code.n, frames + i * words);
}

qd_status qd_machine_expect(const qd_machine *m, const qd_msg *in, uint32_t type, bool last, qd_error *err) {
    if (in->type != type)
        return qd_fail(err, QD_E_INPUT, "message '%s' where '%s' was due|||the stations are out of step: start the block again",
                       qd_msg_name(in->type), qd_msg_name(type));
    if (in->block != m->p.block)
        return qd_fail(
            err, QD_E_INPUT,
            "message '%s' of block %u within block %u||the other side runs another version|run one version on both sides",
            qd_msg_name(type), in->block, m->p.block);
    if (in->from == (uint8_t)m->me)
        return qd_fail(err, QD_E_INPUT, "message '%s' comes from this very station|||a reflected message", qd_msg_name(type));
    if ((in->last != 0) != last) return qd_machine_bad(in, last ? "keeps the turn" : "hands the turn over too early", err);
    return QD_OK;
}

qd_status qd_machine_bad(const qd_msg *in, const char *what, qd_error *err) {
    return qd_fail(err, QD_E_INPUT, "message '%s' of block %u: %s|||the message is damaged or from another version",
                   qd_msg_name(in->type), in->block, what);
}

qd_status qd_machine_send(qd_machine *m, qd_outbox *out, uint32_t type, bool last, qd_body *body, qd_error *err) {
    m->r.bytes[m->me] += body->n;
    qd_status st = body->bad ? qd_fail(err, QD_E_INTERNAL, "no memory for message '%s'", qd_msg_name(type))
                             : qd_outbox_send(out, type, m->p.block, m->me, last, body->p, body->n, err);
    qd_body_free(body);
    return st;
}

void qd_answer_write(qd_body *b, const uint8_t *bit, uint64_t count) {
    qd_body_u64(b, count);
    for (uint64_t i = 0; i < count; i += 8) {
        uint8_t byte = 0;
        for (uint64_t j = i; j < i + 8 && j < count; j++) byte |= (uint8_t)(bit[j] << (j - i));
        qd_body_u8(b, byte);
    }
}

qd_status qd_answer_read(const qd_msg *in, uint8_t *bit, uint64_t count, qd_error *err) {
    qd_body b = qd_body_of(in);
    uint8_t byte = 0;
    if (qd_body_get_u64(&b) != count) return qd_machine_bad(in, "answers another number of frames than was asked", err);
    for (uint64_t i = 0; i < count; i++) {
        if (i % 8 == 0) byte = qd_body_get_u8(&b);
        bit[i] = byte >> (i % 8) & 1;
    }
    if (count % 8 && byte >> (count % 8)) return qd_machine_bad(in, "bits past the last answer are set", err);
    return qd_body_end(&b, in, err);
}

qd_status qd_frame_tag(const qd_machine *m, uint64_t f, const uint8_t key[16], uint64_t *tag, qd_error *err) {
    qd_bits frame = {0};
    uint8_t bytes[16];
    QD_TRY(qd_bits_slice(&frame, &m->string, f * m->code.n, m->code.n, err));
    qd_status st = qd_gf128_hash(&frame, key, QD_FRAME_TAG_BITS, bytes, err);
    qd_bits_destroy(&frame);
    *tag = 0;
    for (int i = 0; i < QD_FRAME_TAG_BITS / 8; i++) *tag |= (uint64_t)bytes[i] << (8 * i);
    return st;
}
