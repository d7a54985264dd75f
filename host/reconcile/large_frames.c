/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/large_frames.h"

#include <stdlib.h>
#include <string.h>
#include "reconcile/large_run.h"

enum {
    VERSION = 3,
    SHA = 64,
    ITERATIONS = 200,
    BATCH = 64 /* of 22 MB each at work at most, and 133 KB in a message */
};

/* Sizes of the code and states of the frames. */
static qd_status begin(qd_machine *m, qd_large_design *d, uint64_t frames, uint32_t tag_bits, char hex[SHA + 1],
                       qd_error *err) {
    QD_TRY(qd_large_drawn(d, &m->apart, err));
    QD_TRY(qd_large_joined(m->apart, m->joined, &m->large, err));
    qd_large_sha256(m->large, hex);
    if (!hex[0])
        return qd_fail(err, QD_E_INTERNAL,
                       "no memory for a code's text|the system refused it|the machine is short of memory|close other programs, or "
                       "take a base graph");
    const qd_large_code *c = m->apart;
    m->code = (qd_code){.z = c->z,
                        .m = c->rows * c->z,
                        .leak = c->rows * c->z - m->joined,
                        .rows = c->rows,
                        .cols = c->cols,
                        .words = c->words,
                        .edges = c->edges,
                        .n = c->cols * c->z};
    return qd_machine_frames(m, frames, tag_bits, err);
}

qd_status qd_large_frames_start(qd_machine *m, const qd_reconcile_plan *plan, qd_outbox *out, qd_error *err) {
    qd_large_design d;
    char hex[SHA + 1];
    QD_TRY(qd_large_sized(plan->m / plan->z, plan->frame_bits / plan->z, plan->z, &d, err));
    m->batch = m->p.batch ? m->p.batch : BATCH;
    m->rule.max_iterations = m->p.max_iterations ? m->p.max_iterations : ITERATIONS;
    m->joined = plan->joined;
    m->rounds = plan->joined ? m->p.rounds : 0;
    QD_TRY(begin(m, &d, plan->frames, plan->tag_bits, hex, err));
    qd_body b = {0};
    qd_body_u8(&b, VERSION);
    qd_body_u8(&b, (uint8_t)m->p.basis);
    const uint32_t numbers[] = {d.rows, d.cols, d.z, m->rule.c, m->rule.max_iterations, m->r.tag_bits, m->batch};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) qd_body_u32(&b, numbers[i]);
    qd_body_u64(&b, m->r.n + m->r.dropped);
    qd_body_u64(&b, m->r.frames);
    qd_body_u32(&b, m->joined);
    qd_body_u32(&b, m->rounds);
    qd_body_put(&b, hex, SHA);
    return qd_machine_send(m, out, QD_MSG_LARGE, false, &b, err);
}

qd_status qd_large_frames_accept(qd_machine *m, const qd_msg *in, qd_error *err) {
    QD_TRY(qd_machine_expect(m, in, QD_MSG_LARGE, false, err));
    qd_body b = qd_body_of(in);
    char hers[SHA], his[SHA + 1];
    uint32_t v[7]; /* rows, columns, z, c, iterations, tag bits, batch */
    const uint8_t version = qd_body_get_u8(&b), basis = qd_body_get_u8(&b);
    for (int i = 0; i < 7; i++) v[i] = qd_body_get_u32(&b);
    const uint64_t bits = qd_body_get_u64(&b), frames = qd_body_get_u64(&b);
    const uint32_t joined = version == VERSION ? qd_body_get_u32(&b) : 0, rounds = version == VERSION ? qd_body_get_u32(&b) : 0;
    qd_body_get(&b, hers, SHA);
    QD_TRY(qd_body_end(&b, in, err));
    if (version != VERSION) return qd_machine_bad(in, "another version of the protocol", err);
    if (basis != m->p.basis) return qd_machine_bad(in, "the string of the other basis", err);
    if (bits != m->key->n) return qd_machine_bad(in, "her string has another length than his", err);
    qd_large_design d;
    if (qd_large_sized(v[0], v[1], v[2], &d, NULL) != QD_OK) return qd_machine_bad(in, "no large-block code", err);
    const uint64_t n = (uint64_t)d.cols * d.z;
    if (joined > d.rows / 2 * d.z || rounds > QD_ADD_ROUNDS || (rounds == 0) != (joined == 0))
        return qd_machine_bad(in, "joined rows or rounds that cannot be", err);
    if (v[3] < 1 || v[3] > QD_LARGE_CLIP || v[4] < 1 || v[4] > 1000 || v[5] < 1 || v[5] > 128 || v[6] < 1 || v[6] > QD_BATCH_MAX)
        return qd_machine_bad(in, "a number is out of range", err);
    if (frames == 0 || frames != bits / n) return qd_machine_bad(in, "the frames are not those that the string fills", err);
    if (v[5] < qd_tag_bits(frames * n, m->p.eps_cor)) return qd_machine_bad(in, "the tag is shorter than eps_cor needs", err);
    m->rule = (qd_ldpc_rule){.c = v[3], .max_iterations = v[4]};
    m->batch = v[6];
    m->joined = joined;
    m->rounds = rounds;
    QD_TRY(begin(m, &d, frames, v[5], his, err));
    return memcmp(hers, his, SHA) == 0
               ? QD_OK
               : qd_machine_bad(in, "the code of these sizes is another here: run one version on both sides", err);
}

/* Frame @p f of the own string as it is spread, then @p hidden private bits (NULL: zeros). */
static void load(const qd_machine *m, uint64_t f, const uint64_t *hidden, uint64_t *frame) {
    const uint64_t key = qd_frame_words(&m->code), more = qd_large_frame_words(m->large) - key, all = qd_bits_words(m->key->n);
    for (uint64_t i = 0; i < key; i++) frame[i] = qd_words_get(m->key->w, all, f * m->code.n + 64 * i);
    for (uint64_t i = 0; i < more; i++) frame[key + i] = hidden ? hidden[i] : 0;
}

static qd_status no_batch(uint64_t frames, qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL,
                   "no memory for a batch of %llu frames|the system refused it|the machine is short of memory|close other programs, or "
                   "take shorter key blocks",
                   (unsigned long long)frames);
}

static qd_status send_batch(qd_machine *m, uint64_t first, uint32_t n, const uint64_t *hidden, uint64_t *frames, uint64_t *syndromes,
                            qd_outbox *out, qd_error *err) {
    for (uint32_t f = 0; f < n; f++)
        load(m, first + f, hidden ? hidden + (first + f) * qd_hidden_words(m) : NULL, frames + f * qd_large_frame_words(m->large));
    QD_TRY(qd_large_syndrome_run(m->large, n, frames, syndromes, QD_LARGE_AUTO, m->dev, err));
    qd_body b = {0};
    qd_body_u64(&b, first);
    qd_body_u32(&b, n);
    for (uint64_t i = 0; i < n * qd_syndrome_words(&m->code); i++) qd_body_u64(&b, syndromes[i]);
    return qd_machine_send(m, out, QD_MSG_SYNDROME, first + n == m->r.frames, &b, err);
}

qd_status qd_large_frames_send(qd_machine *m, const uint64_t *hidden, qd_outbox *out, qd_error *err) {
    const uint64_t most = m->r.frames < m->batch ? m->r.frames : m->batch;
    uint64_t *frames = qd_secret_alloc(most * qd_large_frame_words(m->large) * 8),
             *syndromes = calloc(most * qd_syndrome_words(&m->code), 8);
    qd_status st = frames && syndromes ? QD_OK : no_batch(most, err);
    for (uint64_t f = 0; f < m->r.frames && st == QD_OK; f += most)
        st = send_batch(m, f, (uint32_t)(m->r.frames - f < most ? m->r.frames - f : most), hidden, frames, syndromes, out, err);
    qd_secret_free(frames);
    free(syndromes);
    return st;
}

qd_status qd_large_frames_decode(qd_machine *m, const uint64_t *id, uint64_t n, const uint64_t *syndromes, qd_error *err) {
    const size_t words = qd_large_frame_words(m->large), key = qd_frame_words(&m->code);
    qd_large_rule rule = qd_large_rule_of(m->large, 0.05); /* its tables are the same at every rate */
    rule.c = m->rule.c;
    rule.max_iterations = m->rule.max_iterations;
    if (m->round < m->rounds) rule.patience = QD_LARGE_PATIENCE;
    uint64_t *frames = qd_secret_alloc(n * words * 8), *bits = qd_secret_alloc(n * words * 8);
    uint32_t *iterations = calloc(n, sizeof *iterations);
    qd_status st = frames && bits && iterations ? QD_OK : no_batch(n, err);
    if (st == QD_OK) {
        for (uint64_t f = 0; f < n; f++) load(m, id[f], NULL, frames + f * words);
        st = qd_large_run(m->large, &rule, n, frames, syndromes, bits, iterations, QD_LARGE_AUTO, m->dev, err);
    }
    for (uint64_t f = 0; f < n && st == QD_OK; f++) {
        m->kept[id[f]] = qd_large_solved(iterations[f]);
        m->r.iterations += qd_large_spent(iterations[f]);
        for (size_t i = 0; qd_large_solved(iterations[f]) && i < key; i++) qd_words_put(m->string.w, id[f] * m->code.n + 64 * i, bits[f * words + i], 64);
    }
    qd_secret_free(frames);
    qd_secret_free(bits);
    free(iterations);
    return st;
}

qd_status qd_large_frames_tell(qd_machine *m, uint32_t n, qd_error *err) {
    const uint32_t left = m->large->unknown - n;
    qd_large_free(m->large);
    m->large = NULL;
    return qd_large_joined(m->apart, left, &m->large, err);
}
