/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include "qdistill/reconcile/large.h"
#include "reconcile/large_frames.h"
#include "reconcile/machine.h"
#include "reconcile/parities.h"

typedef enum state { CODE, PARITIES, SYNDROME, ROWS, REVEAL, TAG, FRAME_TAGS, REVEAL_LOCATED, REVEAL_ALL } state;

struct qd_reconcile_bob {
    qd_machine m;
    state wait;             /* for what */
    uint64_t decoded;       /* frames so far */
    uint64_t *open, n_open; /* frames that failed so far */
    uint8_t *rows;          /* [frames that failed first][stride] what was sent of their syndromes */
    uint64_t cap;           /* of both */
    size_t stride;          /* bytes of a syndrome with all rounds' rows */
};

qd_status qd_reconcile_bob_create(const qd_reconcile_params *p, const qd_bits *key, qd_device *dev, qd_reconcile_bob **out,
                                  qd_error *err) {
    *out = NULL;
    qd_reconcile_bob *self = calloc(1, sizeof *self);
    if (!self) return qd_fail(err, QD_E_INTERNAL, "no memory for the machine");
    qd_status st = qd_machine_init(&self->m, p, key, dev, QD_BOB_TO_ALICE, err);
    if (st != QD_OK) {
        qd_reconcile_bob_destroy(self);
        return st;
    }
    *out = self;
    return QD_OK;
}

void qd_reconcile_bob_destroy(qd_reconcile_bob *self) {
    if (!self) return;
    qd_machine_clear(&self->m);
    free(self->open);
    free(self->rows);
    free(self);
}

const qd_reconcile_result *qd_reconcile_bob_result(const qd_reconcile_bob *self) {
    return &self->m.r;
}

static qd_status take_reject(qd_machine *m, const qd_msg *in, qd_error *err) {
    QD_TRY(qd_machine_expect(m, in, QD_MSG_REJECT, false, err));
    qd_body b = qd_body_of(in);
    uint32_t reason = qd_body_get_u32(&b);
    QD_TRY(qd_body_end(&b, in, err));
    if (reason != QD_REJECT_QBER && reason != QD_REJECT_SHORT) return qd_machine_bad(in, "an unknown reason", err);
    qd_machine_reject(m, reason);
    return QD_OK;
}

static bool constants_ok(uint32_t c, uint32_t a) {
    return c >= 1 && c <= 32 && a >= 2 && a <= 15;
}

static qd_status take_code(qd_reconcile_bob *self, const qd_msg *in, qd_error *err) {
    qd_machine *m = &self->m;
    if (in->type == QD_MSG_REJECT) return take_reject(m, in, err);
    if (in->type == QD_MSG_CASCADE) {
        self->wait = PARITIES;
        return qd_parities_accept(m, in, err);
    }
    if (in->type == QD_MSG_LARGE) {
        self->wait = SYNDROME;
        QD_TRY(qd_large_frames_accept(m, in, err));
        self->stride = qd_large_frames_bytes(m);
        return QD_OK;
    }
    QD_TRY(qd_machine_expect(m, in, QD_MSG_CODE, false, err));
    qd_body b = qd_body_of(in);
    uint8_t version = qd_body_get_u8(&b), basis = qd_body_get_u8(&b);
    uint32_t v[8];
    for (int i = 0; i < 8; i++) v[i] = qd_body_get_u32(&b);
    uint64_t bits = qd_body_get_u64(&b), frames = qd_body_get_u64(&b);
    if (version == QD_CODE_VERSION) m->rounds = qd_body_get_u32(&b);
    if (m->rounds > QD_ADD_ROUNDS) return qd_machine_bad(in, "more rounds of added rows than there may be", err);
    QD_TRY(qd_body_end(&b, in, err));
    if (version != QD_CODE_VERSION) return qd_machine_bad(in, "another version of the protocol", err);
    if (basis != m->p.basis) return qd_machine_bad(in, "the string of the other basis", err);
    if (bits != m->key->n) return qd_machine_bad(in, "her string has another length than his", err);
    QD_TRY(qd_code_make(&m->code, v[0], v[1], v[2], err));
    m->rule = (qd_ldpc_rule){.c = v[3], .a = v[4], .max_iterations = v[5]};
    if (!constants_ok(v[3], v[4]) || v[5] < 1 || v[5] > 1000 || v[6] < 1 || v[6] > 128 || v[7] < 1 || v[7] > QD_BATCH_MAX)
        return qd_machine_bad(in, "a number is out of range", err);
    if (frames == 0 || frames != bits / m->code.n)
        return qd_machine_bad(in, "the frames are not those that the string fills", err);
    /* A tag that a peer may choose short would verify anything. */
    if (v[6] < qd_tag_bits(frames * m->code.n, m->p.eps_cor))
        return qd_machine_bad(in, "the tag is shorter than eps_cor needs", err);
    m->batch = v[7];
    self->wait = SYNDROME;
    self->stride = ((size_t)m->code.graph->rows * m->code.z + 7) / 8;
    return qd_machine_frames(m, frames, v[6], err);
}

/* Decode frames id[0..n) with the rows of all rounds so far, whose syndromes stand in @p syndromes; what is recovered replaces
 * his bits. */
static qd_status decode(qd_machine *m, const uint64_t *id, uint64_t n, const uint64_t *syndromes, qd_error *err) {
    if (m->large) return qd_large_frames_decode(m, id, n, syndromes, err);
    const qd_code c = qd_machine_code(m, m->round);
    const qd_ldpc_rule rule = {
        .c = m->rule.c, .a = m->rule.a, .max_iterations = m->rule.max_iterations, .known = m->round ? m->code.m : 0};
    size_t words = qd_frame_words(&c);
    uint64_t *frames = qd_secret_alloc(n * words * 8), *bits = qd_secret_alloc(n * words * 8);
    uint32_t *iterations = calloc(n, sizeof *iterations);
    qd_status st = frames && bits && iterations
                       ? QD_OK
                       : qd_fail(err, QD_E_INTERNAL, "no memory for a batch of %llu frames", (unsigned long long)n);
    if (st == QD_OK) {
        qd_rows_load(m, &c, m->key, id, n, frames);
        st = qd_ldpc_run(&c, &rule, n, frames, syndromes, bits, iterations, QD_LDPC_AUTO, m->dev, err);
    }
    for (uint64_t f = 0; f < n && st == QD_OK; f++) {
        m->kept[id[f]] = iterations[f] != 0;
        m->r.iterations += iterations[f] ? iterations[f] : rule.max_iterations;
        if (iterations[f]) qd_frame_store(&m->code, bits + f * words, &m->string, id[f] * m->code.n);
    }
    qd_secret_free(frames);
    qd_secret_free(bits);
    free(iterations);
    return st;
}

static qd_status read_syndromes(qd_machine *m, qd_body *b, uint32_t n, uint64_t *syndromes, qd_error *err) {
    uint8_t bytes[QD_GRAPH_ROWS_MAX * QD_Z_MAX / 8];
    for (uint64_t i = 0; m->large && i < n * qd_syndrome_words(&m->code); i++) syndromes[i] = qd_body_get_u64(b);
    for (uint32_t f = 0; !m->large && f < n; f++) {
        qd_body_get(b, bytes, qd_syndrome_bytes(&m->code));
        QD_TRY(qd_syndrome_unpack(&m->code, bytes, syndromes + f * qd_syndrome_words(&m->code), err));
    }
    return QD_OK;
}

static size_t syndrome_bytes(const qd_machine *m) {
    return m->large ? qd_large_frames_bytes(m) : qd_syndrome_bytes(&m->code);
}

/* Keep the syndrome of a frame that failed, in case rows are added to it. */
static qd_status keep_open(qd_reconcile_bob *self, uint64_t f, const uint8_t *syndrome, qd_error *err) {
    if (self->n_open == self->cap) {
        uint64_t cap = self->cap ? 2 * self->cap : 64;
        uint64_t *open = realloc(self->open, cap * sizeof *open);
        if (open) self->open = open;
        uint8_t *rows = open ? realloc(self->rows, cap * self->stride) : NULL;
        if (!rows)
            return qd_fail(err, QD_E_INTERNAL, "no memory for the syndromes of %llu failed frames", (unsigned long long)cap);
        self->rows = rows;
        self->cap = cap;
    }
    uint8_t *row = self->rows + self->n_open * self->stride;
    memset(row, 0, self->stride);
    memcpy(row, syndrome, syndrome_bytes(&self->m));
    self->open[self->n_open++] = f;
    return QD_OK;
}

/* Frames [first, first + n) of a message whose body has their syndromes from byte 12 on. */
static qd_status decode_batch(qd_reconcile_bob *self, const qd_msg *in, uint64_t first, uint32_t n, const uint64_t *syndromes,
                              qd_error *err) {
    const size_t bytes = syndrome_bytes(&self->m);
    const uint8_t *sent = self->m.large ? (const uint8_t *)syndromes : in->body + in->bytes - n * bytes;
    uint64_t *id = malloc(n * sizeof *id);
    if (!id) return qd_fail(err, QD_E_INTERNAL, "no memory for a list of frames");
    for (uint32_t f = 0; f < n; f++) id[f] = first + f;
    qd_status st = decode(&self->m, id, n, syndromes, err);
    for (uint32_t f = 0; f < n && st == QD_OK; f++)
        if (self->m.rounds && !self->m.kept[id[f]]) st = keep_open(self, id[f], sent + f * bytes, err);
    free(id);
    return st;
}

/* Frames solved of the n_open that were tried, and what is due next. */
static qd_status send_answer(qd_reconcile_bob *self, const uint8_t *solved, uint64_t asked, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    qd_body answer = {0};
    qd_answer_write(&answer, solved, asked);
    self->wait = self->n_open && m->round < m->rounds ? ROWS : REVEAL;
    return qd_machine_send(m, out, QD_MSG_ANSWER, true, &answer, err);
}

static qd_status take_syndrome(qd_reconcile_bob *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    uint64_t left = m->r.frames - self->decoded;
    uint32_t due = (uint32_t)(left < m->batch ? left : m->batch);
    QD_TRY(qd_machine_expect(m, in, QD_MSG_SYNDROME, due == left, err));
    qd_body b = qd_body_of(in);
    uint64_t first = qd_body_get_u64(&b);
    uint32_t n = qd_body_get_u32(&b);
    if (first != self->decoded || n != due) return qd_machine_bad(in, "not the frames that were due", err);
    if (m->large && b.n - b.at != n * qd_large_frames_bytes(m)) return qd_machine_bad(in, "not the length of its syndromes", err);
    uint64_t *syndromes = calloc(n * qd_syndrome_words(&m->code), 8);
    qd_status st =
        syndromes ? read_syndromes(m, &b, n, syndromes, err) : qd_fail(err, QD_E_INTERNAL, "no memory for the syndromes");
    if (st == QD_OK) st = qd_body_end(&b, in, err);
    if (st == QD_OK) st = decode_batch(self, in, first, n, syndromes, err);
    free(syndromes);
    self->decoded += n;
    if (st != QD_OK || self->decoded < m->r.frames) return st;
    return send_answer(self, m->kept, m->r.frames, out, err);
}

/* Decode open frames [from, from + n) again. */
static qd_status decode_again(qd_reconcile_bob *self, uint64_t from, uint64_t n, qd_error *err) {
    qd_machine *m = &self->m;
    const qd_code c = qd_machine_code(m, m->round);
    uint64_t *syndromes = calloc(n * qd_syndrome_words(&c), 8);
    qd_status st = syndromes ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for the syndromes");
    if (st == QD_OK && m->large) memcpy(syndromes, self->rows + from * self->stride, n * self->stride);
    for (uint64_t i = 0; i < n && st == QD_OK && !m->large; i++)
        st = qd_syndrome_unpack(&c, self->rows + (from + i) * self->stride, syndromes + i * qd_syndrome_words(&c), err);
    if (st == QD_OK) st = decode(m, self->open + from, n, syndromes, err);
    free(syndromes);
    return st;
}

/* The head of ROWS, and that its length is the one of so many rows of all open frames. */
static qd_status read_rows_head(qd_reconcile_bob *self, const qd_msg *in, qd_body *b, uint32_t most, uint32_t head[4], qd_error *err) {
    for (int i = 0; i < 4; i++) head[i] = qd_body_get_u32(b);
    if (head[0] != self->m.round + 1) return qd_machine_bad(in, "rows of another round", err);
    if (head[1] == 0 || head[1] > most) return qd_machine_bad(in, "no rows, or more than the code has", err);
    if (qd_body_get_u64(b) != self->n_open || b->n - b->at != self->n_open * (((size_t)head[1] + 7) / 8))
        return qd_machine_bad(in, "rows of another number of frames than failed", err);
    return QD_OK;
}

/* Private bits of joined rows, which go into the syndromes. */
static qd_status read_told(qd_reconcile_bob *self, const qd_msg *in, qd_error *err) {
    qd_machine *m = &self->m;
    qd_body b = qd_body_of(in);
    uint32_t head[4];
    QD_TRY(read_rows_head(self, in, &b, m->large->unknown, head, err));
    const uint32_t add = head[1];
    if (head[2] != m->rule.c || head[3]) return qd_machine_bad(in, "a number is out of range", err);
    uint64_t *told = calloc(add / 64 + 1, 8);
    if (!told) return qd_fail(err, QD_E_INTERNAL, "no memory for what is told of a frame");
    bool beyond = false;
    for (uint64_t f = 0; f < self->n_open; f++) {
        memset(told, 0, (add / 64 + 1) * 8);
        for (uint32_t i = 0; i < add; i += 8) told[i / 64] |= (uint64_t)qd_body_get_u8(&b) << i % 64;
        beyond = beyond || (add % 64 && told[add / 64] >> (add % 64));
        qd_large_told(m->large, add, told, (uint64_t *)(void *)(self->rows + f * self->stride)); /* a multiple of 8 bytes each */
    }
    free(told);
    if (beyond) return qd_machine_bad(in, "bits past the last row are set", err);
    QD_TRY(qd_body_end(&b, in, err));
    qd_machine_round(m, add, self->n_open);
    return qd_large_frames_tell(m, add, err);
}

/* The new rows behind those that are known. */
static qd_status read_rows(qd_reconcile_bob *self, const qd_msg *in, qd_error *err) {
    qd_machine *m = &self->m;
    if (m->large) return read_told(self, in, err);
    const uint32_t before = qd_machine_code(m, m->round).m;
    uint8_t rows[QD_GRAPH_ROWS_MAX * QD_Z_MAX / 8];
    qd_body b = qd_body_of(in);
    uint32_t head[4];
    QD_TRY(read_rows_head(self, in, &b, m->code.graph->rows * m->code.z - before, head, err));
    const uint32_t add = head[1], c = head[2], a = head[3];
    const size_t bytes = ((size_t)add + 7) / 8;
    if (!constants_ok(c, a)) return qd_machine_bad(in, "a number is out of range", err);
    for (uint64_t i = 0; i < self->n_open; i++) {
        qd_body_get(&b, rows, bytes);
        if (add % 8 && rows[bytes - 1] >> (add % 8)) return qd_machine_bad(in, "bits past the last row are set", err);
        qd_rows_copy(self->rows + i * self->stride, before, rows, 0, add);
    }
    QD_TRY(qd_body_end(&b, in, err));
    m->rule.c = c;
    m->rule.a = a;
    qd_machine_round(m, add, self->n_open);
    return QD_OK;
}

/* Those that are solved leave the list. */
static void close_solved(qd_reconcile_bob *self, uint8_t *solved) {
    const qd_machine *m = &self->m;
    uint64_t left = 0;
    for (uint64_t i = 0; i < self->n_open; i++) {
        solved[i] = m->kept[self->open[i]];
        if (solved[i]) continue;
        self->open[left] = self->open[i];
        if (left != i) memcpy(self->rows + left * self->stride, self->rows + i * self->stride, self->stride);
        left++;
    }
    self->n_open = left;
}

static qd_status send_errors(qd_machine *m, qd_outbox *out, uint32_t reject, qd_error *err) {
    qd_bits mine = {0};
    QD_TRY(qd_bits_slice(&mine, m->key, 0, m->r.n, err));
    m->r.errors = qd_bits_distance(&mine, &m->string);
    qd_bits_destroy(&mine);
    qd_body b = {0};
    qd_body_u64(&b, m->r.errors);
    qd_machine_finish(m, reject);
    return qd_machine_send(m, out, QD_MSG_ERRORS, true, &b, err);
}

/* Put the revealed frames, those whose @p asked is set, in place; they are kept no more. */
static qd_status put_revealed(qd_machine *m, const qd_msg *in, const uint8_t *asked, qd_error *err) {
    qd_body b = qd_body_of(in);
    uint64_t count = 0;
    for (uint64_t f = 0; f < m->r.frames; f++) count += asked[f];
    if (qd_body_get_u64(&b) != count) return qd_machine_bad(in, "another number of frames than was asked", err);
    if (b.n - b.at != count * ((m->code.n + 7) / 8)) return qd_machine_bad(in, "not the length of its frames", err);
    for (uint64_t f = 0; f < m->r.frames; f++) {
        if (!asked[f]) continue;
        for (uint32_t at = 0; at < m->code.n; at += 8) {
            uint8_t byte = qd_body_get_u8(&b);
            uint32_t n = m->code.n - at < 8 ? m->code.n - at : 8;
            if (byte >> n) return qd_machine_bad(in, "bits past a frame are set", err);
            qd_words_put(m->string.w, f * m->code.n + at, byte, n);
        }
        m->kept[f] = 0;
    }
    return qd_body_end(&b, in, err);
}

static qd_status take_reveal(qd_reconcile_bob *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    QD_TRY(qd_machine_expect(m, in, QD_MSG_REVEAL, true, err));
    uint8_t *asked = malloc(m->r.frames);
    if (!asked) return qd_fail(err, QD_E_INTERNAL, "no memory for a list of frames");
    for (uint64_t f = 0; f < m->r.frames; f++) /* 2 marks a frame that a frame tag located */
        asked[f] = self->wait == REVEAL ? !m->kept[f] : self->wait == REVEAL_LOCATED ? m->kept[f] == 2 : m->kept[f] != 0;
    qd_status st = put_revealed(m, in, asked, err);
    free(asked);
    QD_TRY(st);
    if (self->wait == REVEAL_ALL) return send_errors(m, out, QD_REJECT_UNVERIFIED, err);
    bool none = qd_machine_kept(m) == 0;
    qd_body b = {0};
    self->wait = TAG;
    QD_TRY(qd_machine_send(m, out, QD_MSG_READY, !none, &b, err));
    return none ? send_errors(m, out, QD_REJECT_NONE, err) : QD_OK;
}

static qd_status take_rows(qd_reconcile_bob *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    const uint64_t asked = self->n_open;
    if (in->type == QD_MSG_REVEAL) { /* she gives the rest up */
        self->wait = REVEAL;
        return take_reveal(self, in, out, err);
    }
    QD_TRY(qd_machine_expect(m, in, QD_MSG_ROWS, true, err));
    QD_TRY(read_rows(self, in, err));
    for (uint64_t i = 0; i < asked; i++) m->level[self->open[i]] = (uint8_t)m->round;
    for (uint64_t i = 0; i < asked; i += m->batch)
        QD_TRY(decode_again(self, i, asked - i < m->batch ? asked - i : m->batch, err));
    uint8_t *solved = malloc(asked);
    if (!solved) return qd_fail(err, QD_E_INTERNAL, "no memory for the answers");
    close_solved(self, solved);
    qd_status st = send_answer(self, solved, asked, out, err);
    free(solved);
    return st;
}

/* Cascade knows of no failed frame: errors that are left are the tag's to find. */
static qd_status take_parities(qd_reconcile_bob *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    bool over;
    qd_body b = {0};
    QD_TRY(qd_parities_step(&self->m, in, out, &over, err));
    if (!over) return QD_OK;
    self->wait = TAG;
    return qd_machine_send(&self->m, out, QD_MSG_READY, true, &b, err);
}

static qd_status take_tag(qd_reconcile_bob *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    QD_TRY(qd_machine_expect(m, in, QD_MSG_TAG, true, err));
    qd_verify_tag hers;
    bool equal;
    qd_body b = qd_body_of(in);
    qd_body_get(&b, hers.key, sizeof hers.key);
    qd_body_get(&b, hers.tag, sizeof hers.tag);
    QD_TRY(qd_body_end(&b, in, err));
    QD_TRY(qd_verify_same(m->dev, &hers, &m->string, m->r.tag_bits, &equal, err));
    m->r.tags++;
    qd_body answer = {0};
    qd_body_u8(&answer, equal);
    QD_TRY(qd_machine_send(m, out, QD_MSG_TAG_ANSWER, !equal, &answer, err));
    if (equal) return send_errors(m, out, QD_REJECT_NONE, err);
    self->wait = m->r.tags == 1 ? FRAME_TAGS : REVEAL_ALL;
    return QD_OK;
}

static qd_status take_frame_tags(qd_reconcile_bob *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    qd_machine *m = &self->m;
    QD_TRY(qd_machine_expect(m, in, QD_MSG_FRAME_TAGS, true, err));
    uint8_t key[16];
    qd_body b = qd_body_of(in);
    qd_body_get(&b, key, sizeof key);
    uint64_t count = qd_machine_kept(m);
    if (qd_body_get_u64(&b) != count || b.n - b.at != 8 * count)
        return qd_machine_bad(in, "another number of tags than kept frames", err);
    uint8_t *equal = calloc(count + 1, 1);
    if (!equal) return qd_fail(err, QD_E_INTERNAL, "no memory for the answers");
    qd_status st = QD_OK;
    for (uint64_t f = 0, i = 0; f < m->r.frames && st == QD_OK; f++) {
        uint64_t his = 0;
        if (!m->kept[f]) continue;
        st = qd_frame_tag(m, f, key, &his, err);
        equal[i] = his == qd_body_get_u64(&b);
        m->r.located += !equal[i];
        m->kept[f] = equal[i++] ? 1 : 2;
    }
    if (st == QD_OK) st = qd_body_end(&b, in, err);
    m->r.frame_tags = count;
    qd_body answer = {0};
    qd_answer_write(&answer, equal, count);
    free(equal);
    self->wait = REVEAL_LOCATED;
    if (st == QD_OK) return qd_machine_send(m, out, QD_MSG_FRAME_ANSWER, true, &answer, err);
    qd_body_free(&answer);
    return st;
}

static qd_status step(qd_reconcile_bob *self, const qd_msg *in, qd_outbox *out, qd_error *err) {
    if (self->m.done || !in)
        return qd_fail(err, QD_E_USAGE, "Bob's machine was stepped %s", in ? "after its end" : "without a message");
    self->m.r.bytes[QD_ALICE_TO_BOB] += in->bytes;
    switch (self->wait) {
        case CODE:
            return take_code(self, in, err);
        case PARITIES:
            return take_parities(self, in, out, err);
        case SYNDROME:
            return take_syndrome(self, in, out, err);
        case ROWS:
            return take_rows(self, in, out, err);
        case REVEAL:
        case REVEAL_LOCATED:
        case REVEAL_ALL:
            return take_reveal(self, in, out, err);
        case TAG:
            return take_tag(self, in, out, err);
        case FRAME_TAGS:
            return take_frame_tags(self, in, out, err);
    }
    return qd_fail(err, QD_E_INTERNAL, "Bob's machine is in no state");
}

qd_status qd_reconcile_bob_step(qd_reconcile_bob *self, const qd_msg *in, qd_outbox *out, bool *done, qd_error *err) {
    if (self->m.broken) return qd_fail(err, QD_E_USAGE, "Bob's machine was stepped after an error");
    qd_status st = step(self, in, out, err);
    self->m.broken = st != QD_OK;
    if (st == QD_OK && in->last) self->m.r.rounds++;
    *done = st == QD_OK && self->m.done;
    return st;
}
