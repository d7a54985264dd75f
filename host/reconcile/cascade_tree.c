/* SPDX-License-Identifier: Apache-2.0 */
/* QD_CASCADE_FROM_TOP: blocks and their halves as trees, gone down from whole blocks. */
#include <stdlib.h>
#include "reconcile/cascade_search.h"

enum { NONE = UINT32_MAX };

/* A block or part of one. `odd` is the parity of the errors that are left in it, once both sides told theirs; of a whole block
 * whose parity is asked, that of the errors found in it before. */
typedef struct qd_cascade_block {
    uint32_t from, to,
        left; /* left: its left half, NONE until it is halved; the right one follows it. The left one is the shorter */
    uint8_t pass;
    bool known, odd;
} block;

static qd_status add(qd_cascade_ids *l, uint32_t x, qd_error *err) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 256;
        uint32_t *v = realloc(l->v, cap * sizeof *v);
        if (!v) return qd_cascade_no_memory(err);
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = x;
    return QD_OK;
}

static qd_status add_block(qd_cascade *s, uint32_t of, uint32_t from, uint32_t to, qd_error *err) {
    if (s->tree.blocks == s->tree.cap) {
        size_t cap = s->tree.cap ? 2 * s->tree.cap : 1024;
        block *b = realloc(s->tree.block, cap * sizeof *b);
        if (!b) return qd_cascade_no_memory(err);
        s->tree.block = b;
        s->tree.cap = cap;
    }
    s->tree.block[s->tree.blocks++] = (block){.from = from, .to = to, .left = NONE, .pass = (uint8_t)of};
    return QD_OK;
}

static uint32_t length(const block *b) {
    return b->to - b->from;
}

/* ---- What is known ------------------------------------------------------------------------------------------------------- */

/* Errors found in a block so far: of the bits that were corrected, where the block has more. */
static bool found_in(const qd_cascade *s, const block *b) {
    const qd_cascade_pass *p = &s->pass[b->pass];
    const qd_cascade_ids *found = &s->tree.found;
    bool odd = false;
    if (length(b) < found->n)
        for (uint32_t i = b->from; i < b->to; i++) odd ^= qd_bits_get(&s->errors, p->order[i]);
    else
        for (size_t i = 0; i < found->n; i++) odd ^= p->place[found->v[i]] - b->from < length(b);
    return odd;
}

static void learn(qd_cascade *s, uint32_t id, bool odd) {
    s->tree.block[id].known = true;
    s->tree.block[id].odd = odd;
}

/* The parity of one half tells that of the other. */
static void learn_halves(qd_cascade *s, uint32_t whole, bool left_odd) {
    const block w = s->tree.block[whole];
    if (s->tree.block[w.left].known) return;
    s->counts.inferred++;
    learn(s, w.left, left_odd);
    learn(s, w.left + 1, w.odd ^ left_odd);
}

static qd_status halve(qd_cascade *s, uint32_t id, qd_error *err) {
    const block b = s->tree.block[id];
    if (b.left != NONE) return QD_OK;
    uint32_t mid = b.from + length(&b) / 2;
    s->tree.block[id].left = (uint32_t)s->tree.blocks;
    QD_TRY(add_block(s, b.pass, b.from, mid, err));
    return add_block(s, b.pass, mid, b.to, err);
}

static uint32_t whole_block_of(const qd_cascade *s, uint32_t pass, uint32_t bit) {
    const qd_cascade_pass *p = &s->pass[pass];
    uint32_t at = p->place[bit] / p->k, last = p->blocks - 1; /* the second half of an odd frame is longer than k */
    return p->first + (at < last ? at : last);
}

/* A bit is wrong: every known part around it changes its parity. */
static qd_status correct(qd_cascade *s, uint32_t bit, qd_error *err) {
    QD_TRY(qd_cascade_correct(s, bit, err));
    QD_TRY(add(&s->tree.found, bit, err));
    for (uint32_t p = 0; p < s->passes; p++) {
        uint32_t at = s->pass[p].place[bit];
        for (uint32_t id = whole_block_of(s, p, bit); id != NONE && s->tree.block[id].known;) {
            block *b = &s->tree.block[id];
            b->odd = !b->odd;
            id = b->left == NONE || at < s->tree.block[b->left].to ? b->left : b->left + 1;
        }
    }
    return QD_OK;
}

/* ---- Searches -------------------------------------------------------------------------------------------------------------- */

static qd_status ask(qd_cascade *s, uint32_t id, uint32_t split, qd_error *err) {
    const block *b = &s->tree.block[id];
    QD_TRY(qd_cascade_parts_room(&s->asked, 1, err));
    s->asked.v[s->asked.n++] = (qd_cascade_part){.from = b->from, .length = length(b), .pass = b->pass};
    QD_TRY(add(&s->tree.asked, id, err));
    return add(&s->tree.split, split, err);
}

/* Go down the odd halves until a bit is found or a parity is missing. */
static qd_status search(qd_cascade *s, uint32_t id, bool cascade, qd_error *err) {
    while (s->tree.block[id].odd && length(&s->tree.block[id]) > 1) {
        QD_TRY(halve(s, id, err));
        uint32_t left = s->tree.block[id].left;
        if (!s->tree.block[left].known) return ask(s, left, id, err);
        id = s->tree.block[left].odd ? left : left + 1;
    }
    if (!s->tree.block[id].odd) return QD_OK;
    uint32_t of = s->tree.block[id].pass, bit = s->pass[of].order[s->tree.block[id].from];
    QD_TRY(correct(s, bit, err));
    for (uint32_t p = 0; cascade && p < s->passes; p++)
        if (p != of) QD_TRY(add(&s->tree.ready, whole_block_of(s, p, bit), err));
    return QD_OK;
}

/* `ready` holds whole blocks, and after a round, with the last bit set, blocks whose left half has become known. */
#define HALVED (1u << 31)

qd_status qd_cascade_tree_go_on(qd_cascade *s, qd_error *err) {
    bool cascade = s->passes <= s->plan.passes;
    for (size_t i = 0; i < s->tree.ready.n; i++) {
        uint32_t id = s->tree.ready.v[i];
        if (id & HALVED) {
            const block *w = &s->tree.block[id & ~HALVED];
            id = s->tree.block[w->left].odd ? w->left : w->left + 1;
        }
        QD_TRY(search(s, id, cascade, err));
    }
    s->tree.ready.n = 0;
    return QD_OK;
}

/* ---- Answers --------------------------------------------------------------------------------------------------------------- */

qd_status qd_cascade_tree_halves(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    qd_cascade_turn(s);
    for (size_t i = 0; i < s->tree.asked.n; i++) {
        uint32_t split = s->tree.split.v[i];
        bool before = found_in(s, &s->tree.block[s->tree.asked.v[i]]);
        learn_halves(s, split, qd_cascade_told(alice, bob, at + i) ^ before);
        QD_TRY(add(&s->tree.ready, split | HALVED, err));
    }
    s->tree.asked.n = s->tree.split.n = 0;
    return QD_OK;
}

qd_status qd_cascade_tree_begin(qd_cascade *s, qd_error *err) {
    uint32_t at = s->passes - 1;
    qd_cascade_pass *p = &s->pass[at];
    p->first = (uint32_t)s->tree.blocks;
    for (uint32_t i = 0; i < p->blocks; i++)
        QD_TRY(add_block(s, at, i * p->k, i * p->k + qd_cascade_block_length(s, p, i), err));
    for (size_t i = 0; i < s->tree.found.n; i++) s->tree.block[whole_block_of(s, at, s->tree.found.v[i])].odd ^= 1;
    return QD_OK;
}

/* All whole blocks are asked: to infer the last one goes with sub-block reuse. */
qd_status qd_cascade_tree_whole(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    const qd_cascade_pass *p = &s->pass[s->passes - 1];
    bool odd = false;
    for (uint32_t i = 0; i < p->blocks; i++) {
        block *b = &s->tree.block[p->first + i];
        learn(s, p->first + i, qd_cascade_told(alice, bob, at + i) ^ b->odd);
        odd ^= b->odd;
        QD_TRY(add(&s->tree.ready, p->first + i, err));
    }
    if (s->passes == 1) s->frame_odd = odd;
    return QD_OK;
}

void qd_cascade_tree_end(qd_cascade *s) {
    free(s->tree.block);
    free(s->tree.asked.v);
    free(s->tree.split.v);
    free(s->tree.ready.v);
    free(s->tree.found.v);
}
