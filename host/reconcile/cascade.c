/* SPDX-License-Identifier: Apache-2.0 */
/* A frame's passes and rounds. What is asked within a pass, and what the answers say: cascade_tree.c and cascade_leaves.c. */
#include <stdlib.h>
#include <string.h>
#include "reconcile/cascade_search.h"

enum { NONE = UINT32_MAX };

qd_status qd_cascade_no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for the search of a frame|||close other programs");
}

qd_status qd_cascade_parts_room(qd_cascade_parts *l, size_t more, qd_error *err) {
    if (l->n + more <= l->cap) return QD_OK;
    size_t cap = l->cap ? 2 * l->cap : 64;
    while (cap < l->n + more) cap *= 2;
    qd_cascade_part *v = realloc(l->v, cap * sizeof *v);
    if (!v) return qd_cascade_no_memory(err);
    l->v = v;
    l->cap = cap;
    return QD_OK;
}

void qd_cascade_turn(qd_cascade *s) {
    for (unsigned i = 0; i < s->pending; i++) s->errors.w[s->corrected[i] / 64] ^= (uint64_t)1 << (s->corrected[i] % 64);
    s->pending = 0;
}

qd_status qd_cascade_correct(qd_cascade *s, uint32_t bit, qd_error *err) {
    if (s->counts.corrected == s->tables->plan.n)
        return qd_fail(err, QD_E_INPUT,
                       "the parities of a frame contradict each other|more bits would be corrected than it has"
                       "|the other side does not answer for one key|do not use this frame");
    s->counts.corrected++;
    s->frame_odd ^= 1;
    if (s->pending == QD_CASCADE_PENDING) qd_cascade_turn(s);
    s->corrected[s->pending++] = bit;
    return QD_OK;
}

/* ---- The tree or the leaves ------------------------------------------------------------------------------------------------ */

static bool has_tree(const qd_cascade *s) {
    return s->plan.order == QD_CASCADE_FROM_TOP;
}

static qd_status whole(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    return has_tree(s) ? qd_cascade_tree_whole(s, alice, bob, at, err) : qd_cascade_leaves_whole(s, alice, bob, at, err);
}

static qd_status halves(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    return has_tree(s) ? qd_cascade_tree_halves(s, alice, bob, at, err) : qd_cascade_leaves_halves(s, alice, bob, at, err);
}

/* ---- Passes and rounds ----------------------------------------------------------------------------------------------------- */

/* The permutation of a pass is in the tables, that of a round of both halves is made now. */
static qd_status permute(qd_cascade *s, uint32_t at, qd_cascade_pass *p, qd_error *err) {
    const qd_cascade_tables *t = s->tables;
    uint32_t n = s->plan.n;
    if (at < s->plan.passes) {
        p->order = t->order + (size_t)at * n;
        p->place = t->place + (size_t)at * n;
        return QD_OK;
    }
    if (!s->halves && !(s->halves = malloc(2 * (size_t)n * sizeof *s->halves))) return qd_cascade_no_memory(err);
    qd_cascade_permutation(t->seed, t->frame, p->number, n, s->halves);
    for (uint32_t i = 0; i < n; i++) s->halves[n + s->halves[i]] = i;
    p->order = s->halves;
    p->place = s->halves + n;
    return QD_OK;
}

/* @p most: blocks at most, the last one takes what is left. */
static qd_status pass_begin(qd_cascade *s, uint32_t at, uint32_t k, uint32_t most, qd_error *err) {
    qd_cascade_pass *p = &s->pass[at];
    uint32_t blocks = (s->plan.n - 1) / k + 1;
    qd_cascade_turn(s);
    p->number = (uint32_t)s->counts.passes++;
    QD_TRY(permute(s, at, p, err));
    p->k = k;
    p->blocks = blocks < most ? blocks : most;
    s->passes = at + 1;
    s->begins = true;
    qd_cascade_pass_trim(s); /* nothing is odd */
    if (at == 0 && qd_cascade_first_fits(s)) return qd_cascade_first_begin(s, err);
    uint32_t ask_of = p->blocks - (s->plan.infer && at > 0);
    QD_TRY(qd_cascade_parts_room(&s->asked, ask_of, err));
    for (uint32_t i = 0; i < ask_of; i++)
        s->asked.v[i] = (qd_cascade_part){.from = i * k, .length = qd_cascade_block_length(s, p, i), .pass = at};
    s->asked.n = ask_of;
    QD_TRY(has_tree(s) ? qd_cascade_tree_begin(s, err) : qd_cascade_leaves_begin(s, err));
    return ask_of ? QD_OK : whole(s, NULL, NULL, 0, err);
}

/* The next pass or round of both halves, if there is one. */
static qd_status next_pass(qd_cascade *s, bool *done, qd_error *err) {
    const qd_cascade_plan *plan = &s->plan;
    if (s->passes < plan->passes) return pass_begin(s, s->passes, plan->block[s->passes], NONE, err);
    if (s->passes > plan->passes) s->quiet = s->counts.corrected > s->before ? 0 : s->quiet + 1;
    *done = s->quiet >= plan->quiet;
    s->before = s->counts.corrected;
    return *done ? QD_OK : pass_begin(s, plan->passes, plan->n / 2, 2, err);
}

qd_status qd_cascade_go_on(qd_cascade *s, qd_error *err) {
    for (bool done = false; s->asked.n == 0 && !done;) {
        s->begins = false;
        if (s->dense) {
            QD_TRY(qd_cascade_first_go_on(s, err));
            continue;
        }
        QD_TRY(has_tree(s) ? qd_cascade_tree_go_on(s, err) : qd_cascade_leaves_go_on(s, err));
        if (s->asked.n == 0) QD_TRY(next_pass(s, &done, err));
    }
    return QD_OK;
}

qd_status qd_cascade_hear(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    const size_t n = s->asked.n;
    s->counts.rounds++;
    s->counts.alice_bits += n;
    s->counts.bob_bits += n;
    s->counts.alice_bytes += qd_bits_bytes(n);
    s->counts.bob_bytes += qd_bits_bytes(n);
    QD_TRY(s->dense    ? qd_cascade_first_hear(s, alice, bob, at, err)
           : s->begins ? whole(s, alice, bob, at, err)
                       : halves(s, alice, bob, at, err));
    s->asked.n = 0;
    return QD_OK;
}

qd_status qd_cascade_answer(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, qd_error *err) {
    if (s->asked.n == 0) return QD_OK;
    QD_TRY(qd_cascade_hear(s, alice, bob, 0, err));
    return qd_cascade_go_on(s, err);
}

uint64_t qd_cascade_questions(const qd_cascade *s) {
    return s->asked.n;
}

qd_cascade_question qd_cascade_question_at(const qd_cascade *s, uint64_t i) {
    const qd_cascade_part a = s->asked.v[i];
    return (qd_cascade_question){s->pass[a.pass].number, a.from, a.from + a.length};
}

static unsigned parity(const qd_cascade *s, qd_cascade_part a, const qd_bits *bits) {
    const uint32_t *order = s->pass[a.pass].order + a.from;
    unsigned p = 0;
    for (uint32_t i = 0; i < a.length; i++) p ^= qd_bits_get(bits, order[i]);
    return p;
}

void qd_cascade_parities(const qd_cascade *s, const qd_bits *key, uint64_t *out) {
    memset(out, 0, qd_bits_words(s->asked.n) * sizeof *out);
    for (size_t i = 0; i < s->asked.n; i++) out[i / 64] |= (uint64_t)parity(s, s->asked.v[i], key) << (i % 64);
}

const qd_bits *qd_cascade_errors(const qd_cascade *s) {
    qd_cascade_turn((qd_cascade *)s); /* a search is never a constant object */
    return &s->errors;
}

qd_cascade_counts qd_cascade_counts_of(const qd_cascade *s) {
    return s->counts;
}

/* ---- Begin and end --------------------------------------------------------------------------------------------------------- */

qd_status qd_cascade_create_over(qd_cascade_tables *t, const uint64_t *prefix, qd_cascade **out, qd_error *err) {
    *out = NULL;
    qd_cascade *s = calloc(1, sizeof *s);
    if (!s) return qd_cascade_no_memory(err);
    s->plan = t->plan;
    s->tables = t;
    s->prefix = prefix;
    qd_status st = qd_bits_create(&s->errors, s->plan.n, err);
    if (st == QD_OK) st = qd_cascade_go_on(s, err);
    if (st == QD_OK)
        *out = s;
    else
        qd_cascade_destroy(s);
    return st;
}

qd_status qd_cascade_create(const qd_cascade_plan *plan, uint64_t seed, uint64_t frame, qd_cascade **out, qd_error *err) {
    qd_cascade_tables *t;
    *out = NULL;
    QD_TRY(qd_cascade_tables_make(plan, seed, frame, &t, err));
    qd_status st = qd_cascade_create_over(t, NULL, out, err);
    if (st == QD_OK)
        (*out)->own = t;
    else
        qd_cascade_tables_free(t);
    return st;
}

void qd_cascade_destroy(qd_cascade *s) {
    if (!s) return;
    qd_cascade_tables_free(s->own);
    qd_cascade_tree_end(s);
    qd_cascade_leaves_end(s);
    free(s->halves);
    free(s->asked.v);
    qd_bits_destroy(&s->errors);
    free(s);
}

/* Room for two messages of n questions. */
static qd_status messages(uint64_t **w, size_t *words, uint64_t n, qd_error *err) {
    if (qd_bits_words(n) <= *words) return QD_OK;
    qd_secret_free(*w);
    *words = qd_bits_words(n);
    *w = qd_secret_alloc(2 * *words * sizeof **w);
    return *w ? QD_OK : qd_cascade_no_memory(err);
}

qd_status qd_cascade_frame_truth(const qd_cascade_plan *plan, uint64_t seed, uint64_t frame, const qd_bits *alice, qd_bits *bob,
                                 qd_cascade_counts *counts, qd_error *err) {
    qd_cascade *s = NULL;
    uint64_t *w = NULL, n;
    size_t words = 0;
    if (alice->n != plan->n || bob->n != plan->n) return qd_fail(err, QD_E_USAGE, "a key of another length than the frame's");
    qd_status st = qd_cascade_create(plan, seed, frame, &s, err);
    while (st == QD_OK && (n = qd_cascade_questions(s)) > 0) {
        st = messages(&w, &words, n, err);
        if (st != QD_OK) break;
        qd_cascade_parities(s, alice, w);
        qd_cascade_parities(s, bob, w + words);
        st = qd_cascade_answer(s, w, w + words, err);
    }
    if (st == QD_OK) {
        const qd_bits *errors = qd_cascade_errors(s);
        for (uint64_t i = 0; i < qd_bits_words(plan->n); i++) bob->w[i] ^= errors->w[i];
        *counts = s->counts;
    }
    qd_cascade_destroy(s);
    qd_secret_free(w);
    return st;
}
