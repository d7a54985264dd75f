/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/large.h"
#include "reconcile/large_frames.h"
#include "reconcile/machine.h"
#include "reconcile/parities.h"
#include "reconcile/rate.h"
#include "reconcile/syndrome.h"

typedef enum state { START, PARITIES, ANSWER, READY, TAG_ANSWER, FRAME_ANSWER, ERRORS } state;

struct qd_reconcile_alice {
    qd_machine m;
    qd_random private_bits, verify;
    state wait;         /* for what */
    uint64_t *hidden;   /* [frames][private words] private bits, while rows may be added */
    uint8_t *open;      /* [frames] 1: failed so far */
    qd_history history; /* how many were solved */
    qd_large_history large; /* the same of large-block codes */
};

qd_status qd_reconcile_alice_create(const qd_reconcile_params *p, const qd_bits *key, qd_random private_bits, qd_random verify,
                                    qd_device *dev, qd_reconcile_alice **out, qd_error *err) {
    *out = NULL;
    if (!(p->eps_cor > 0 && p->eps_cor < 1)) return qd_fail(err, QD_E_USAGE, "eps_cor %g is not between 0 and 1", p->eps_cor);
    QD_TRY(qd_rate_estimate_check(p, err));
    qd_reconcile_alice *self = calloc(1, sizeof *self);
    if (!self) return qd_fail(err, QD_E_INTERNAL, "no memory for the machine");
    self->private_bits = private_bits;
    self->verify = verify;
    qd_status st = qd_machine_init(&self->m, p, key, dev, QD_ALICE_TO_BOB, err);
    if (st != QD_OK) {
        qd_reconcile_alice_destroy(self);
        return st;
    }
    *out = self;
    return QD_OK;
}

void qd_reconcile_alice_destroy(qd_reconcile_alice *self) {
    if (!self) return;
    qd_machine_clear(&self->m);
    qd_secret_free(self->hidden);
    free(self->open);
    qd_wipe(&self->private_bits, sizeof self->private_bits);
    free(self);
}

const qd_reconcile_result *qd_reconcile_alice_result(const qd_reconcile_alice *self) {
    return &self->m.r;
}

static qd_status send_code(qd_machine *m, qd_outbox *out, qd_error *err) {
    qd_body b = {0};
    qd_body_u8(&b, QD_CODE_VERSION);
    qd_body_u8(&b, (uint8_t)m->p.basis);
    const uint32_t numbers[] = {m->r.code, m->r.z, m->r.m, m->rule.c, m->rule.a, m->rule.max_iterations, m->r.tag_bits, m->batch};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) qd_body_u32(&b, numbers[i]);
    qd_body_u64(&b, m->r.n + m->r.dropped);
    qd_body_u64(&b, m->r.frames);
    qd_body_u32(&b, m->rounds);
    return qd_machine_send(m, out, QD_MSG_CODE, false, &b, err);
}

/* Frames [first, first + n): load, add private bits, make and send their syndromes. */
static qd_status send_batch(qd_reconcile_alice *self, uint64_t first, uint32_t n, uint64_t *frames, uint64_t *syndromes,
                            qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    uint8_t bytes[QD_GRAPH_ROWS_MAX * QD_Z_MAX / 8];
    for (uint32_t f = 0; f < n; f++) {
        qd_frame_load(&m->code, m->key, (first + f) * m->code.n, frames + f * qd_frame_words(&m->code));
        qd_frame_private(&m->code, &self->private_bits, frames + f * qd_frame_words(&m->code));
        if (self->hidden)
            memcpy(self->hidden + (first + f) * qd_hidden_words(m), frames + f * qd_frame_words(&m->code), qd_hidden_words(m) * 8);
    }
    QD_TRY(qd_syndrome_run(&m->code, QD_SYNDROME_AUTO, n, frames, syndromes, m->dev, err));
    qd_body b = {0};
    qd_body_u64(&b, first);
    qd_body_u32(&b, n);
    for (uint32_t f = 0; f < n; f++) {
        qd_syndrome_pack(&m->code, syndromes + f * qd_syndrome_words(&m->code), bytes);
        qd_body_put(&b, bytes, qd_syndrome_bytes(&m->code));
    }
    return qd_machine_send(m, out, QD_MSG_SYNDROME, first + n == m->r.frames, &b, err);
}

static qd_status send_syndromes(qd_reconcile_alice *self, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    uint64_t most = m->r.frames < m->batch ? m->r.frames : m->batch;
    uint64_t *frames = qd_secret_alloc(most * qd_frame_words(&m->code) * 8),
             *syndromes = calloc(most * qd_syndrome_words(&m->code), 8);
    qd_status st = frames && syndromes
                       ? QD_OK
                       : qd_fail(err, QD_E_INTERNAL, "no memory for a batch of %llu frames", (unsigned long long)most);
    for (uint64_t f = 0; f < m->r.frames && st == QD_OK; f += most)
        st = send_batch(self, f, (uint32_t)(m->r.frames - f < most ? m->r.frames - f : most), frames, syndromes, out, err);
    qd_secret_free(frames);
    free(syndromes);
    return st;
}

/* Private bits of joined rows. */
static void draw_hidden(qd_reconcile_alice *self) {
    const size_t words = qd_hidden_words(&self->m), bits = self->m.joined;
    qd_random_bytes(&self->private_bits, self->hidden, self->m.r.frames * words * 8);
    for (uint64_t f = 0; f < self->m.r.frames; f++)
        for (size_t i = bits; i < words * 64; i++) self->hidden[f * words + i / 64] &= ~((uint64_t)1 << i % 64);
}

static qd_status start(qd_reconcile_alice *self, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    qd_reconcile_plan plan;
    QD_TRY(qd_reconcile_plan_make(&m->p, m->key->n, &plan, err));
    if (plan.reject) {
        qd_body b = {0};
        qd_body_u32(&b, plan.reject);
        qd_machine_reject(m, plan.reject);
        return qd_machine_send(m, out, QD_MSG_REJECT, false, &b, err);
    }
    if (plan.code == QD_CODE_CASCADE) {
        uint64_t seed;
        qd_cascade_plan cascade;
        qd_random_bytes(&self->verify, &seed, sizeof seed); /* public, like the hash keys */
        QD_TRY(qd_parities_plan(m->key->n, plan.qber, &cascade, err));
        self->wait = PARITIES;
        return qd_parities_start(m, &cascade, seed, plan.frames, plan.tag_bits, out, err);
    }
    m->rule.c = plan.c;
    m->rule.a = plan.a;
    if (plan.code == QD_CODE_LARGE) {
        QD_TRY(qd_large_frames_start(m, &plan, out, err));
    } else {
        QD_TRY(qd_code_make(&m->code, plan.code, plan.z, plan.m, err));
        QD_TRY(qd_machine_frames(m, plan.frames, plan.tag_bits, err));
        m->rounds = m->p.rounds;
    }
    memset(m->kept, 1, m->r.frames);
    self->history = (qd_history){.errors = m->p.errors, .sample = m->p.sample, .first = m->code};
    if (m->large) self->large = (qd_large_history){.p = &m->p, .rows = m->apart->rows, .cols = m->apart->cols, .z = m->apart->z, .joined = m->joined};
    self->open = malloc(m->r.frames);
    if (m->rounds) self->hidden = qd_secret_alloc(m->r.frames * qd_hidden_words(m) * 8);
    if (!self->open || (m->rounds && !self->hidden))
        return qd_fail(err, QD_E_INTERNAL, "no memory for the states of %llu frames", (unsigned long long)m->r.frames);
    memset(self->open, 1, m->r.frames);
    self->wait = ANSWER;
    if (m->large) {
        if (self->hidden) draw_hidden(self);
        return qd_large_frames_send(m, self->hidden, out, err);
    }
    QD_TRY(send_code(m, out, err));
    return send_syndromes(self, out, err);
}

static qd_status take_parities(qd_reconcile_alice *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    bool over;
    QD_TRY(qd_parities_step(&self->m, in, out, &over, err));
    if (over) self->wait = READY;
    return QD_OK;
}

/* Send the frames whose @p ask is set, whole, and stop keeping them. */
static qd_status reveal(qd_machine *m, const uint8_t *ask, qd_outbox *out, qd_error *err) {
    qd_body b = {0};
    uint64_t count = 0;
    for (uint64_t f = 0; f < m->r.frames; f++) count += ask[f];
    qd_body_u64(&b, count);
    for (uint64_t f = 0; f < m->r.frames; f++) {
        if (!ask[f]) continue;
        for (uint32_t at = 0; at < m->code.n; at += 8) {
            uint64_t byte = qd_words_get(m->string.w, qd_bits_words(m->string.n), f * m->code.n + at);
            qd_body_u8(&b, (uint8_t)(m->code.n - at < 8 ? byte & ((1u << (m->code.n - at)) - 1) : byte));
        }
        m->kept[f] = 0;
    }
    return qd_machine_send(m, out, QD_MSG_REVEAL, true, &b, err);
}

/* Added rows of frames id[0..n) into the message: the last rows of code @p c, @p add of them. */
static qd_status put_rows(qd_reconcile_alice *self, const qd_code *c, uint32_t add, const uint64_t *id, uint64_t n,
                          uint64_t *frames, uint64_t *syndromes, qd_body *b, qd_error *err) {
    const size_t words = qd_frame_words(c), hidden = qd_hidden_words(&self->m);
    uint8_t all[QD_GRAPH_ROWS_MAX * QD_Z_MAX / 8], rows[QD_GRAPH_ROWS_MAX * QD_Z_MAX / 8];
    qd_rows_load(&self->m, c, self->m.key, id, n, frames);
    for (uint64_t i = 0; i < n; i++) memcpy(frames + i * words, self->hidden + id[i] * hidden, hidden * 8);
    QD_TRY(qd_syndrome_run(c, QD_SYNDROME_AUTO, n, frames, syndromes, self->m.dev, err));
    for (uint64_t i = 0; i < n; i++) {
        qd_syndrome_pack(c, syndromes + i * qd_syndrome_words(c), all);
        memset(rows, 0, (add + 7) / 8);
        qd_rows_copy(rows, 0, all, c->m - add, add);
        qd_body_put(b, rows, (add + 7) / 8);
    }
    return QD_OK;
}

/* Joined rows are told apart: the last of their private bits. */
static qd_status put_told(qd_reconcile_alice *self, uint32_t add, uint64_t open, qd_body *b, qd_error *err) {
    qd_machine *m = &self->m;
    const uint32_t head[] = {m->round, add, m->rule.c, 0}, left = m->large->unknown - add;
    const size_t words = qd_hidden_words(m);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) qd_body_u32(b, head[i]);
    qd_body_u64(b, open);
    for (uint64_t f = 0; f < m->r.frames; f++) {
        if (!self->open[f]) continue;
        m->level[f] = (uint8_t)m->round;
        for (uint32_t i = 0; i < add; i += 8) {
            const uint64_t byte = qd_words_get(self->hidden + f * words, words, left + i);
            qd_body_u8(b, (uint8_t)(add - i < 8 ? byte & ((1u << (add - i)) - 1) : byte));
        }
    }
    return qd_large_frames_tell(m, add, err);
}

static qd_status put_all_rows(qd_reconcile_alice *self, uint32_t add, uint64_t open, qd_body *b, qd_error *err) {
    qd_machine *m = &self->m;
    const qd_code c = qd_machine_code(m, m->round);
    const uint64_t most = open < m->batch ? open : m->batch;
    uint64_t *frames = qd_secret_alloc(most * qd_frame_words(&c) * 8), *syndromes = calloc(most * qd_syndrome_words(&c), 8),
             *id = calloc(most, sizeof *id), n = 0, left = open;
    qd_status st = frames && syndromes && id
                       ? QD_OK
                       : qd_fail(err, QD_E_INTERNAL, "no memory for a batch of %llu frames", (unsigned long long)most);
    qd_ldpc_rule rule = m->rule;
    qd_rate_constants((double)(c.m - qd_private_bits(&m->r)) / m->code.n, &rule);
    const uint32_t head[] = {m->round, add, rule.c, rule.a};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) qd_body_u32(b, head[i]);
    qd_body_u64(b, open);
    for (uint64_t f = 0; f < m->r.frames && st == QD_OK; f++) {
        if (!self->open[f]) continue;
        m->level[f] = (uint8_t)m->round;
        id[n++] = f;
        if (n < most && n < left) continue;
        st = put_rows(self, &c, add, id, n, frames, syndromes, b, err);
        left -= n;
        n = 0;
    }
    qd_secret_free(frames);
    free(syndromes);
    free(id);
    return st;
}

/* A round of @p add added rows, for the frames that failed so far: `open` of them. */
static qd_status send_rows(qd_reconcile_alice *self, uint32_t add, uint64_t open, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    qd_body b = {0};
    qd_machine_round(m, add, open);
    qd_status st = m->large ? put_told(self, add, open, &b, err) : put_all_rows(self, add, open, &b, err);
    if (st == QD_OK) return qd_machine_send(m, out, QD_MSG_ROWS, true, &b, err);
    qd_body_free(&b);
    return st;
}

/* How many rows the frames get that failed so far, @p open of the @p asked that were tried; 0: they are given up. */
static uint32_t rows_to_add(qd_reconcile_alice *self, uint64_t asked, uint64_t open) {
    qd_machine *m = &self->m;
    qd_history *h = &self->history;
    if (open == 0 || m->round == m->rounds) return 0;
    if (m->large) return qd_large_tell(&self->large, asked, open, m->rounds - m->round);
    h->rows[h->n] = qd_machine_code(m, m->round).m;
    h->tried[h->n] = asked;
    h->solved[h->n] = asked - open;
    h->n++;
    const qd_posterior p = qd_rate_posterior_after(h);
    const qd_rounds next = qd_rounds_best(&m->code, h->rows[h->n - 1], m->rounds - m->round, &p);
    return next.n ? next.add[0] : 0;
}

static qd_status take_answer(qd_reconcile_alice *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    uint64_t asked = 0, open = 0;
    QD_TRY(qd_machine_expect(m, in, QD_MSG_ANSWER, true, err));
    for (uint64_t f = 0; f < m->r.frames; f++) asked += self->open[f];
    uint8_t *solved = malloc(asked);
    if (!solved) return qd_fail(err, QD_E_INTERNAL, "no memory for the answers");
    qd_status st = qd_answer_read(in, solved, asked, err);
    for (uint64_t f = 0, i = 0; f < m->r.frames && st == QD_OK; f++)
        if (self->open[f]) open += self->open[f] = !solved[i++];
    free(solved);
    QD_TRY(st);
    const uint32_t add = rows_to_add(self, asked, open);
    if (add) return send_rows(self, add, open, out, err);
    self->wait = READY;
    return reveal(m, self->open, out, err);
}

/* The hash key is drawn here and no earlier: Bob's string stands. */
static qd_status take_ready(qd_reconcile_alice *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    bool none = qd_machine_kept(m) == 0;
    QD_TRY(qd_machine_expect(m, in, QD_MSG_READY, !none, err));
    qd_body read = qd_body_of(in);
    QD_TRY(qd_body_end(&read, in, err));
    self->wait = none ? ERRORS : TAG_ANSWER;
    if (none) return QD_OK;
    qd_verify_tag hers;
    QD_TRY(qd_verify_tell(m->dev, &self->verify, &m->string, m->r.tag_bits, &hers, err));
    m->r.tags++;
    qd_body b = {0};
    qd_body_put(&b, hers.key, sizeof hers.key);
    qd_body_put(&b, hers.tag, sizeof hers.tag);
    return qd_machine_send(m, out, QD_MSG_TAG, true, &b, err);
}

static qd_status send_frame_tags(qd_reconcile_alice *self, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    uint8_t key[16];
    qd_body b = {0};
    qd_random_bytes(&self->verify, key, sizeof key);
    qd_body_put(&b, key, sizeof key);
    m->r.frame_tags = qd_machine_kept(m);
    qd_body_u64(&b, m->r.frame_tags);
    for (uint64_t f = 0; f < m->r.frames; f++) {
        uint64_t tag;
        if (!m->kept[f]) continue;
        qd_status st = qd_frame_tag(m, f, key, &tag, err);
        if (st != QD_OK) {
            qd_body_free(&b);
            return st;
        }
        qd_body_u64(&b, tag);
    }
    return qd_machine_send(m, out, QD_MSG_FRAME_TAGS, true, &b, err);
}

static qd_status take_tag_answer(qd_reconcile_alice *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    if (in->type != QD_MSG_TAG_ANSWER) return qd_machine_expect(m, in, QD_MSG_TAG_ANSWER, true, err);
    qd_body b = qd_body_of(in);
    uint8_t equal = qd_body_get_u8(&b);
    QD_TRY(qd_body_end(&b, in, err));
    if (equal > 1) return qd_machine_bad(in, "is neither yes nor no", err);
    QD_TRY(qd_machine_expect(m, in, QD_MSG_TAG_ANSWER, !equal, err));
    self->wait = ERRORS;
    if (equal) return QD_OK;
    if (m->r.tags == 1) {
        self->wait = FRAME_ANSWER;
        return send_frame_tags(self, out, err);
    }
    m->r.reject = QD_REJECT_UNVERIFIED;
    uint8_t *ask = malloc(m->r.frames);
    if (!ask) return qd_fail(err, QD_E_INTERNAL, "no memory for a list of frames");
    memcpy(ask, m->kept, m->r.frames);
    qd_status st = reveal(m, ask, out, err);
    free(ask);
    return st;
}

static qd_status take_frame_answer(qd_reconcile_alice *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    QD_TRY(qd_machine_expect(m, in, QD_MSG_FRAME_ANSWER, true, err));
    uint8_t *equal = calloc(m->r.frame_tags + 1, 1), *ask = calloc(m->r.frames, 1);
    qd_status st =
        equal && ask ? qd_answer_read(in, equal, m->r.frame_tags, err) : qd_fail(err, QD_E_INTERNAL, "no memory for the answers");
    if (st == QD_OK) {
        for (uint64_t f = 0, i = 0; f < m->r.frames; f++)
            if (m->kept[f]) m->r.located += ask[f] = !equal[i++];
        st = reveal(m, ask, out, err);
    }
    free(equal);
    free(ask);
    self->wait = READY;
    return st;
}

static qd_status take_errors(qd_machine *m, const qd_msg *in, qd_error *err) {
    QD_TRY(qd_machine_expect(m, in, QD_MSG_ERRORS, true, err));
    qd_body b = qd_body_of(in);
    m->r.errors = qd_body_get_u64(&b);
    QD_TRY(qd_body_end(&b, in, err));
    if (m->r.errors > m->r.n) return qd_machine_bad(in, "more errors than bits", err);
    qd_machine_finish(m, m->r.reject);
    return QD_OK;
}

static qd_status step(qd_reconcile_alice *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    if (self->m.done || (self->wait == START) != (in == NULL))
        return qd_fail(err, QD_E_USAGE, "Alice's machine was stepped %s",
                       self->m.done ? "after its end"
                       : in         ? "before its start"
                                    : "without a message");
    if (in && in->last) self->m.r.rounds++;
    if (in) self->m.r.bytes[QD_BOB_TO_ALICE] += in->bytes;
    switch (self->wait) {
        case START:
            return start(self, out, err);
        case PARITIES:
            return take_parities(self, in, out, err);
        case ANSWER:
            return take_answer(self, in, out, err);
        case READY:
            return take_ready(self, in, out, err);
        case TAG_ANSWER:
            return take_tag_answer(self, in, out, err);
        case FRAME_ANSWER:
            return take_frame_answer(self, in, out, err);
        case ERRORS:
            return take_errors(&self->m, in, err);
    }
    return qd_fail(err, QD_E_INTERNAL, "Alice's machine is in no state");
}

qd_status qd_reconcile_alice_step(qd_reconcile_alice *self, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err) {
    if (self->m.broken) return qd_fail(err, QD_E_USAGE, "Alice's machine was stepped after an error");
    qd_status st = step(self, in, out, err);
    self->m.broken = st != QD_OK;
    *done = st == QD_OK && self->m.done;
    return st;
}
