/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/parities.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "reconcile/rate.h"

enum { VERSION = 1 };

void qd_parities_frames(uint64_t bits, uint32_t *n, uint64_t *frames) {
    *frames = bits / QD_PARITIES_BITS ? bits / QD_PARITIES_BITS : bits >= QD_PARITIES_LEAST;
    uint64_t each = *frames ? bits / *frames : 0; /* the tail is shorter than the number of frames */
    *n = (uint32_t)each;
}

qd_status qd_parities_plan(uint64_t bits, double q, qd_cascade_plan *plan, qd_error *err) {
    uint32_t n;
    uint64_t frames;
    qd_parities_frames(bits, &n, &frames);
    return qd_cascade_plan_make(QD_CASCADE_QD, fmin(fmax(q, 1e-5), 0.4), n, plan, err);
}

/* f of QD_CASCADE_QD is 1.04 to 1.06 from 1 to 11 % (bench/NOTES.md), and where it is less than a parity a first block is that. */
double qd_parities_charge(double q, double bits) {
    return 2 * (1.05 * qd_rate_entropy(q) * bits + 16);
}

/* Own keys by frames, and the search. */
static qd_status begin(qd_machine *m, const qd_cascade_plan *plan, uint64_t seed, uint64_t frames, uint32_t tag_bits,
                       qd_error *err) {
    const uint64_t n = plan->n, words = qd_bits_words(n), all = qd_bits_words(m->key->n);
    m->code = (qd_code){.n = plan->n};
    QD_TRY(qd_machine_frames(m, frames, tag_bits, err));
    memset(m->kept, 1, frames);
    m->told = calloc(frames, sizeof *m->told);
    uint64_t *keys = qd_secret_alloc(frames * words * 8);
    if (!keys || !m->told) {
        qd_secret_free(keys);
        return qd_fail(err, QD_E_INTERNAL, "no memory for %llu frames", (unsigned long long)frames);
    }
    for (uint64_t f = 0; f < frames; f++)
        for (uint64_t w = 0; w < words; w++) {
            uint64_t left = n - 64 * w, v = qd_words_get(m->key->w, all, f * n + 64 * w);
            keys[f * words + w] = left < 64 ? v & (((uint64_t)1 << left) - 1) : v;
        }
    qd_status st = qd_cascade_batch_create(plan, seed, m->p.block, keys, frames, m->dev, &m->search, err);
    qd_secret_free(keys);
    return st;
}

/* The own parities of this round, kept until the other's are here. */
static qd_status tell(qd_machine *m, qd_outbox *out, bool last, qd_error *err) {
    const uint64_t count = qd_cascade_batch_questions(m->search);
    qd_secret_free(m->mine);
    m->mine = qd_secret_alloc(qd_bits_words(count) * 8);
    uint8_t *bytes = qd_secret_alloc(qd_bits_bytes(count));
    qd_status st =
        m->mine && bytes ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for %llu parities", (unsigned long long)count);
    if (st == QD_OK) {
        qd_body b = {0};
        qd_cascade_batch_message(m->search, m->mine);
        const qd_bits bits = {.n = count, .w = m->mine};
        qd_bits_to_bytes(&bits, QD_LSB_FIRST, bytes);
        qd_body_u32(&b, m->parity_round);
        qd_body_u64(&b, count);
        qd_body_put(&b, bytes, qd_bits_bytes(count));
        st = qd_machine_send(m, out, QD_MSG_PARITIES, last, &b, err);
    }
    qd_secret_free(bytes);
    return st;
}

qd_status qd_parities_start(qd_machine *m, const qd_cascade_plan *plan, uint64_t seed, uint64_t frames, uint32_t tag_bits,
                            qd_outbox *out, qd_error *err) {
    qd_body b = {0};
    QD_TRY(begin(m, plan, seed, frames, tag_bits, err));
    qd_body_u8(&b, VERSION);
    qd_body_u8(&b, (uint8_t)m->p.basis);
    qd_body_u32(&b, plan->n);
    qd_body_u32(&b, plan->passes);
    for (uint32_t i = 0; i < plan->passes; i++) qd_body_u32(&b, plan->block[i]);
    qd_body_u32(&b, plan->order);
    qd_body_u32(&b, tag_bits);
    qd_body_u8(&b, plan->infer);
    qd_body_u64(&b, seed);
    qd_body_u64(&b, m->key->n);
    qd_body_u64(&b, frames);
    QD_TRY(qd_machine_send(m, out, QD_MSG_CASCADE, false, &b, err));
    return tell(m, out, true, err);
}

qd_status qd_parities_accept(qd_machine *m, const qd_msg *in, qd_error *err) {
    QD_TRY(qd_machine_expect(m, in, QD_MSG_CASCADE, false, err));
    qd_body b = qd_body_of(in);
    const uint8_t version = qd_body_get_u8(&b), basis = qd_body_get_u8(&b);
    qd_cascade_plan plan = {.n = qd_body_get_u32(&b)};
    plan.passes = qd_body_get_u32(&b);
    if (plan.passes > QD_CASCADE_PASSES) return qd_machine_bad(in, "more passes than there may be", err);
    for (uint32_t i = 0; i < plan.passes; i++) plan.block[i] = qd_body_get_u32(&b);
    plan.order = qd_body_get_u32(&b);
    const uint32_t tag_bits = qd_body_get_u32(&b);
    const uint8_t infer = qd_body_get_u8(&b);
    const uint64_t seed = qd_body_get_u64(&b), bits = qd_body_get_u64(&b), frames = qd_body_get_u64(&b);
    QD_TRY(qd_body_end(&b, in, err));
    plan.infer = infer != 0;
    if (version != VERSION) return qd_machine_bad(in, "another version of the protocol", err);
    if (basis != m->p.basis) return qd_machine_bad(in, "the string of the other basis", err);
    if (bits != m->key->n) return qd_machine_bad(in, "her string has another length than his", err);
    /* The frames follow from the length alone, so that their tables are no larger than the string asks for. */
    uint32_t n;
    uint64_t due;
    qd_parities_frames(bits, &n, &due);
    if (due == 0 || due > QD_PARITIES_FRAMES || frames != due || plan.n != n || infer > 1)
        return qd_machine_bad(in, "the frames are not those that the string fills", err);
    if (tag_bits > 128 || tag_bits < qd_tag_bits(frames * n, m->p.eps_cor))
        return qd_machine_bad(in, "the tag is shorter than eps_cor needs", err);
    qd_status st = begin(m, &plan, seed, frames, tag_bits, err);
    return st == QD_E_USAGE ? qd_machine_bad(in, "no plan of Cascade", err) : st;
}

/* Read the other's parities of this round. */
static qd_status hear(qd_machine *m, const qd_msg *in, uint64_t **theirs, qd_error *err) {
    qd_body b = qd_body_of(in);
    const uint64_t count = qd_cascade_batch_questions(m->search), bytes = qd_bits_bytes(count);
    if (qd_body_get_u32(&b) != m->parity_round) return qd_machine_bad(in, "parities of another round", err);
    if (qd_body_get_u64(&b) != count || b.n - b.at != bytes)
        return qd_machine_bad(in, "answers another number of questions than there are", err);
    qd_bits bits;
    qd_status st = qd_bits_from_bytes(&bits, b.p + b.at, count, QD_LSB_FIRST, err);
    if (st == QD_E_INPUT) return qd_machine_bad(in, "bits past the last parity are set", err);
    QD_TRY(st);
    *theirs = qd_secret_alloc(qd_bits_words(count) * 8);
    if (*theirs) memcpy(*theirs, bits.w, qd_bits_words(count) * 8);
    qd_bits_destroy(&bits);
    return *theirs ? QD_OK : qd_fail(err, QD_E_INTERNAL, "no memory for %llu parities", (unsigned long long)count);
}

/* The search is over: its errors leave Bob's string. */
static void end(qd_machine *m) {
    for (uint64_t f = 0; f < m->r.frames; f++) {
        const qd_cascade *s = qd_cascade_batch_frame(m->search, f);
        const qd_bits *errors = qd_cascade_errors(s);
        m->told[f] = qd_cascade_counts_of(s).alice_bits;
        for (uint64_t at = 0; m->me == QD_BOB_TO_ALICE && at < m->code.n; at += 64) {
            uint32_t n = m->code.n - at < 64 ? (uint32_t)(m->code.n - at) : 64;
            uint64_t v = qd_words_get(m->string.w, qd_bits_words(m->string.n), f * m->code.n + at) ^ errors->w[at / 64];
            qd_words_put(m->string.w, f * m->code.n + at, v, n);
        }
    }
    qd_cascade_batch_destroy(m->search);
    qd_secret_free(m->mine);
    m->search = NULL;
    m->mine = NULL;
}

qd_status qd_parities_step(qd_machine *m, const qd_msg *in, qd_outbox *out, bool *over, qd_error *err) {
    *over = false;
    QD_TRY(qd_machine_expect(m, in, QD_MSG_PARITIES, in->last != 0, err));
    const bool asked = m->mine != NULL, alice = m->me == QD_ALICE_TO_BOB; /* asked: own parities of this round are told */
    if (!asked && !in->last) return qd_machine_bad(in, "keeps the turn", err);
    uint64_t *theirs = NULL, *mine;
    QD_TRY(hear(m, in, &theirs, err));
    qd_status st = QD_OK;
    if (!asked) st = tell(m, out, false, err);
    mine = m->mine;
    m->mine = NULL;
    if (st == QD_OK) st = qd_cascade_batch_answer(m->search, alice ? mine : theirs, alice ? theirs : mine, err);
    qd_secret_free(theirs);
    qd_secret_free(mine);
    QD_TRY(st);
    m->parity_round++;
    *over = qd_cascade_batch_questions(m->search) == 0;
    const bool due = !asked || (*over && !alice); /* hers to hand over */
    if ((in->last != 0) != due) return qd_machine_bad(in, in->last ? "hands the turn over too early" : "keeps the turn", err);
    if (*over) {
        end(m);
        return !asked && alice ? qd_outbox_turn(out, err) : QD_OK;
    }
    return asked ? QD_OK : tell(m, out, true, err);
}
