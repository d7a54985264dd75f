/* SPDX-License-Identifier: Apache-2.0 */
/* The search of a frame: blocks of known parity, which of them are halved next, and what the answers say. */
#include "qdistill/reconcile/cascade.h"

#include <stdlib.h>
#include <string.h>
#include "reconcile/cascade_search.h"

enum { NONE = UINT32_MAX };

/* A block or part of one. `odd` is the parity of the errors that are left in it, once both sides told theirs; of a whole block
 * whose parity is asked, that of the errors found in it before. */
typedef struct block {
    uint32_t from, to,
        left; /* left: its left half, NONE until it is halved; the right one follows it. The left one is the shorter */
    uint8_t pass;
    bool known, odd, listed;
} block;

typedef struct pass {
    uint32_t number, k, first, blocks; /* its whole blocks are first..first+blocks-1 */
    const uint32_t *order, *place;     /* the permutation and its inverse */
} pass;

typedef struct list {
    uint32_t *v;
    size_t n, cap;
} list;

struct qd_cascade {
    qd_cascade_plan plan;
    qd_cascade_tables *tables, *own;  /* own: not shared with other frames, NULL where it is */
    uint32_t *halves;                 /* order and place of the present round of both halves */
    pass pass[QD_CASCADE_PASSES + 1]; /* the last: the present round of both halves */
    uint32_t passes;
    block *block;
    size_t blocks, cap;
    list asked,      /* blocks whose parity is asked in this round */
        split,       /* the same in number: the block whose left half that is; NONE: a whole block */
        ready,       /* FROM_TOP: blocks to search from, first come first served */
        odd,         /* else: blocks that were odd when they came here */
        found;       /* the bits that were corrected */
    uint32_t quiet;  /* rounds of both halves without correction so far */
    uint64_t before; /* corrected before this round of both halves */
    bool frame_odd;  /* parity of all errors that are left, known from the first pass on */
    qd_bits errors;
    qd_cascade_counts counts;
};

/* ---- Memory -------------------------------------------------------------------------------------------------------------- */

static qd_status no_memory(qd_error *err) {
    return qd_fail(err, QD_E_INTERNAL, "no memory for the search of a frame|||close other programs");
}

static qd_status add(list *l, uint32_t x, qd_error *err) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 256;
        uint32_t *v = realloc(l->v, cap * sizeof *v);
        if (!v) return no_memory(err);
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = x;
    return QD_OK;
}

static qd_status add_block(qd_cascade *s, uint32_t of, uint32_t from, uint32_t to, qd_error *err) {
    if (s->blocks == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 1024;
        block *b = realloc(s->block, cap * sizeof *b);
        if (!b) return no_memory(err);
        s->block = b;
        s->cap = cap;
    }
    s->block[s->blocks++] = (block){.from = from, .to = to, .left = NONE, .pass = (uint8_t)of};
    return QD_OK;
}

/* ---- What is known ------------------------------------------------------------------------------------------------------- */

static uint32_t length(const block *b) {
    return b->to - b->from;
}

/* Errors found in a block so far: of the bits that were corrected, where the block has more. */
static unsigned found_in(const qd_cascade *s, const block *b) {
    const pass *p = &s->pass[b->pass];
    unsigned odd = 0;
    if (length(b) < s->found.n)
        for (uint32_t i = b->from; i < b->to; i++) odd ^= qd_bits_get(&s->errors, p->order[i]);
    else
        for (size_t i = 0; i < s->found.n; i++) odd ^= p->place[s->found.v[i]] - b->from < length(b);
    return odd;
}

static unsigned parity(const qd_cascade *s, const block *b, const qd_bits *bits) {
    unsigned p = 0;
    for (uint32_t i = b->from; i < b->to; i++) p ^= qd_bits_get(bits, s->pass[b->pass].order[i]);
    return p;
}

static qd_status learn(qd_cascade *s, uint32_t id, bool odd, qd_error *err) {
    block *b = &s->block[id];
    b->known = true;
    b->odd = odd;
    if (!odd || b->listed || s->plan.order == QD_CASCADE_FROM_TOP) return QD_OK;
    b->listed = true;
    return add(&s->odd, id, err);
}

/* The parity of one half tells that of the other. */
static qd_status learn_halves(qd_cascade *s, uint32_t whole, bool left_odd, qd_error *err) {
    block w = s->block[whole];
    if (s->block[w.left].known) return QD_OK;
    s->counts.inferred++;
    QD_TRY(learn(s, w.left, left_odd, err));
    return learn(s, w.left + 1, w.odd ^ left_odd, err);
}

static qd_status halve(qd_cascade *s, uint32_t id, qd_error *err) {
    block b = s->block[id];
    if (b.left != NONE) return QD_OK;
    uint32_t mid = b.from + length(&b) / 2;
    s->block[id].left = (uint32_t)s->blocks;

    QD_TRY(add_block(s, b.pass, b.from, mid, err));
    return add_block(s, b.pass, mid, b.to, err);
}

static uint32_t whole_block_of(const qd_cascade *s, uint32_t p, uint32_t bit) {
    uint32_t at = s->pass[p].place[bit] / s->pass[p].k,
             last = s->pass[p].blocks - 1; /* the second half of an odd frame is longer than k */
    return s->pass[p].first + (at < last ? at : last);
}

/* A bit is wrong: every known part around it changes its parity. */
static qd_status correct(qd_cascade *s, uint32_t bit, qd_error *err) {
    if (s->counts.corrected == s->plan.n)
        return qd_fail(err, QD_E_INPUT,
                       "the parities of a frame contradict each other|more bits would be corrected than it has"
                       "|the other side does not answer for one key|do not use this frame");
    s->counts.corrected++;
    s->frame_odd ^= 1;
    qd_bits_set(&s->errors, bit, !qd_bits_get(&s->errors, bit));
    QD_TRY(add(&s->found, bit, err));
    for (uint32_t p = 0; p < s->passes; p++) {
        uint32_t at = s->pass[p].place[bit];
        for (uint32_t id = whole_block_of(s, p, bit); id != NONE && s->block[id].known;) {
            QD_TRY(learn(s, id, !s->block[id].odd, err));
            const block *b = &s->block[id];
            id = b->left == NONE || at < s->block[b->left].to ? b->left : b->left + 1;
        }
    }
    return QD_OK;
}

/* ---- FROM_TOP: searches ---------------------------------------------------------------------------------------------------- */

static qd_status ask(qd_cascade *s, uint32_t id, uint32_t split, qd_error *err) {
    QD_TRY(add(&s->asked, id, err));
    return add(&s->split, split, err);
}

/* Go down the odd halves until a bit is found or a parity is missing. */
static qd_status search(qd_cascade *s, uint32_t id, bool cascade, qd_error *err) {
    while (s->block[id].odd && length(&s->block[id]) > 1) {
        QD_TRY(halve(s, id, err));
        uint32_t left = s->block[id].left;
        if (!s->block[left].known) return ask(s, left, id, err);
        id = s->block[left].odd ? left : left + 1;
    }
    if (!s->block[id].odd) return QD_OK;
    uint32_t of = s->block[id].pass, bit = s->pass[of].order[s->block[id].from];
    QD_TRY(correct(s, bit, err));
    for (uint32_t p = 0; cascade && p < s->passes; p++)
        if (p != of) QD_TRY(add(&s->ready, whole_block_of(s, p, bit), err));
    return QD_OK;
}

/* `ready` holds whole blocks, and after a round, with the last bit set, blocks whose left half has become known. */
#define HALVED (1u << 31)

static qd_status search_all(qd_cascade *s, qd_error *err) {
    bool cascade = s->passes <= s->plan.passes;
    for (size_t i = 0; i < s->ready.n; i++) {
        uint32_t id = s->ready.v[i];
        if (id & HALVED) {
            const block *w = &s->block[id & ~HALVED];
            id = s->block[w->left].odd ? w->left : w->left + 1;
        }
        QD_TRY(search(s, id, cascade, err));
    }
    s->ready.n = 0;
    return QD_OK;
}

/* ---- Sub-block reuse: odd parts ------------------------------------------------------------------------------------------ */

static bool open_part(const block *b) {
    return b->odd && b->left == NONE;
}

/* Correct the odd parts of one bit, and keep in the list what is odd and not halved. */
static qd_status settle(qd_cascade *s, qd_error *err) {
    uint64_t before;
    do { /* parities that contradict each other can make a bit odd again: until none is, or the count of corrections ends it */
        before = s->counts.corrected;
        for (size_t i = 0; i < s->odd.n; i++) { /* correcting adds to the list */
            const block *b = &s->block[s->odd.v[i]];
            if (open_part(b) && length(b) == 1) QD_TRY(correct(s, s->pass[b->pass].order[b->from], err));
        }
    } while (s->counts.corrected > before);
    size_t n = 0;
    for (size_t i = 0; i < s->odd.n; i++) {
        block *b = &s->block[s->odd.v[i]];
        b->listed = open_part(b);
        if (b->listed) s->odd.v[n++] = s->odd.v[i];
    }
    s->odd.n = n;
    return QD_OK;
}

static void shortest_first(const qd_cascade *s, list *l) {
    for (size_t i = 1; i < l->n; i++) { /* stable; most of it is in order from the round before */
        uint32_t x = l->v[i];
        size_t j = i;
        for (; j > 0 && length(&s->block[l->v[j - 1]]) > length(&s->block[x]); j--) l->v[j] = l->v[j - 1];
        l->v[j] = x;
    }
}

/* Whether no bit of the part is taken in this round; then all are. */
static bool take(qd_cascade *s, const block *b) {
    const uint32_t *order = s->pass[b->pass].order;
    qd_cascade_tables *t = s->tables;
    for (uint32_t i = b->from; i < b->to; i++)
        if (t->taken[order[i]] == t->stamp) return false;
    for (uint32_t i = b->from; i < b->to; i++) t->taken[order[i]] = t->stamp;
    return true;
}

static void new_stamp(qd_cascade_tables *t) {
    if (++t->stamp) return;
    memset(t->taken, 0, t->plan.n * sizeof *t->taken); /* all stamps were used */
    t->stamp = 1;
}

static qd_status ask_parts(qd_cascade *s, qd_error *err) {
    QD_TRY(settle(s, err));
    shortest_first(s, &s->odd);
    new_stamp(s->tables);
    for (size_t i = 0; i < s->odd.n; i++) {
        uint32_t id = s->odd.v[i];
        if (s->plan.order == QD_CASCADE_APART && !take(s, &s->block[id])) continue;
        if (s->plan.order == QD_CASCADE_SMALLEST && length(&s->block[id]) > length(&s->block[s->odd.v[0]])) break;
        if (s->plan.order == QD_CASCADE_ONE && i > 0) break;
        QD_TRY(halve(s, id, err));
        QD_TRY(ask(s, s->block[id].left, id, err));
    }
    return QD_OK;
}

/* ---- Passes and rounds ----------------------------------------------------------------------------------------------------- */

/* The whole blocks of the newest pass are known, but perhaps for the last. */
static qd_status whole_blocks(qd_cascade *s, qd_error *err) {
    const pass *p = &s->pass[s->passes - 1];
    bool odd = false;
    for (uint32_t i = 0; i < p->blocks; i++) {
        const block *b = &s->block[p->first + i];
        if (!b->known) {
            s->counts.inferred++;
            QD_TRY(learn(s, p->first + i, s->frame_odd ^ odd, err));
        }
        odd ^= b->odd;
    }
    if (s->passes == 1) s->frame_odd = odd;
    return QD_OK;
}

/* The permutation of a pass is in the tables, that of a round of both halves is made now. */
static qd_status permute(qd_cascade *s, uint32_t at, pass *p, qd_error *err) {
    const qd_cascade_tables *t = s->tables;
    uint32_t n = s->plan.n;
    if (at < s->plan.passes) {
        p->order = t->order + (size_t)at * n;
        p->place = t->place + (size_t)at * n;
        return QD_OK;
    }
    if (!s->halves && !(s->halves = malloc(2 * (size_t)n * sizeof *s->halves))) return no_memory(err);
    qd_cascade_permutation(t->seed, t->frame, p->number, n, s->halves);
    for (uint32_t i = 0; i < n; i++) s->halves[n + s->halves[i]] = i;
    p->order = s->halves;
    p->place = s->halves + n;
    return QD_OK;
}

static qd_status pass_begin(qd_cascade *s, uint32_t at, uint32_t k, uint32_t most, qd_error *err) {
    pass *p = &s->pass[at];
    uint32_t n = s->plan.n;
    p->number = (uint32_t)s->counts.passes++;
    QD_TRY(permute(s, at, p, err));
    p->k = k;
    p->first = (uint32_t)s->blocks;
    for (uint32_t from = 0, i = 0; from < n; i++) {
        uint32_t to = n - from > k && i + 1 < most ? from + k : n;
        QD_TRY(add_block(s, at, from, to, err));
        from = to;
    }
    p->blocks = (uint32_t)s->blocks - p->first;
    s->passes = at + 1;
    for (size_t i = 0; i < s->found.n; i++) s->block[whole_block_of(s, at, s->found.v[i])].odd ^= 1;
    uint32_t ask_of = p->blocks - (s->plan.infer && at > 0);
    for (uint32_t i = 0; i < ask_of; i++) QD_TRY(ask(s, p->first + i, NONE, err));
    return ask_of ? QD_OK : whole_blocks(s, err);
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

/* Until there are questions, or nothing is left to do. */
static qd_status go_on(qd_cascade *s, qd_error *err) {
    for (bool done = false; s->asked.n == 0 && !done;) {
        if (s->plan.order == QD_CASCADE_FROM_TOP)
            QD_TRY(search_all(s, err));
        else
            QD_TRY(ask_parts(s, err));
        if (s->asked.n == 0) QD_TRY(next_pass(s, &done, err));
    }
    return QD_OK;
}

static unsigned told(const uint64_t *w, size_t i) {
    return (unsigned)(w[i / 64] >> (i % 64)) & 1u;
}

qd_status qd_cascade_answer_at(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    size_t n = s->asked.n;
    if (n == 0) return QD_OK;
    bool begins = s->split.v[0] == NONE;
    for (size_t i = 0; i < n; i++) {
        uint32_t id = s->asked.v[i], split = s->split.v[i];
        bool before = split == NONE ? s->block[id].odd : found_in(s, &s->block[id]);
        bool odd = told(alice, at + i) ^ told(bob, at + i) ^ before;
        QD_TRY(split == NONE ? learn(s, id, odd, err) : learn_halves(s, split, odd, err));
        if (s->plan.order == QD_CASCADE_FROM_TOP) QD_TRY(add(&s->ready, split == NONE ? id : split | HALVED, err));
    }
    s->counts.rounds++;
    s->counts.alice_bits += n;
    s->counts.bob_bits += n;
    s->counts.alice_bytes += qd_bits_bytes(n);
    s->counts.bob_bytes += qd_bits_bytes(n);
    s->asked.n = s->split.n = 0;
    if (begins) QD_TRY(whole_blocks(s, err));
    return go_on(s, err);
}

qd_status qd_cascade_answer(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, qd_error *err) {
    return qd_cascade_answer_at(s, alice, bob, 0, err);
}

uint64_t qd_cascade_questions(const qd_cascade *s) {
    return s->asked.n;
}

qd_cascade_question qd_cascade_question_at(const qd_cascade *s, uint64_t i) {
    const block *b = &s->block[s->asked.v[i]];
    return (qd_cascade_question){s->pass[b->pass].number, b->from, b->to};
}

void qd_cascade_parities(const qd_cascade *s, const qd_bits *key, uint64_t *out) {
    memset(out, 0, qd_bits_words(s->asked.n) * sizeof *out);
    for (size_t i = 0; i < s->asked.n; i++) out[i / 64] |= (uint64_t)parity(s, &s->block[s->asked.v[i]], key) << (i % 64);
}

const qd_bits *qd_cascade_errors(const qd_cascade *s) {
    return &s->errors;
}

qd_cascade_counts qd_cascade_counts_of(const qd_cascade *s) {
    return s->counts;
}

/* ---- Begin and end --------------------------------------------------------------------------------------------------------- */

qd_status qd_cascade_create_over(qd_cascade_tables *t, qd_cascade **out, qd_error *err) {
    *out = NULL;
    qd_cascade *s = calloc(1, sizeof *s);
    if (!s) return no_memory(err);
    s->plan = t->plan;
    s->tables = t;
    qd_status st = qd_bits_create(&s->errors, s->plan.n, err);
    if (st == QD_OK) st = go_on(s, err);
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
    qd_status st = qd_cascade_create_over(t, out, err);
    if (st == QD_OK)
        (*out)->own = t;
    else
        qd_cascade_tables_free(t);
    return st;
}

void qd_cascade_destroy(qd_cascade *s) {
    if (!s) return;
    qd_cascade_tables_free(s->own);
    free(s->halves);
    free(s->asked.v);
    free(s->split.v);
    free(s->ready.v);
    free(s->odd.v);
    free(s->found.v);
    free(s->block);

    qd_bits_destroy(&s->errors);
    free(s);
}

/* Room for two messages of n questions. */
static qd_status messages(uint64_t **w, size_t *words, uint64_t n, qd_error *err) {
    if (qd_bits_words(n) <= *words) return QD_OK;
    qd_secret_free(*w);
    *words = qd_bits_words(n);
    *w = qd_secret_alloc(2 * *words * sizeof **w);
    return *w ? QD_OK : no_memory(err);
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
        for (uint64_t i = 0; i < qd_bits_words(plan->n); i++) bob->w[i] ^= s->errors.w[i];
        *counts = s->counts;
    }
    qd_cascade_destroy(s);
    qd_secret_free(w);
    return st;
}
