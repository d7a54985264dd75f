/* SPDX-License-Identifier: Apache-2.0 */
/* Sub-block reuse: of the blocks and their halves only leaves matter, known parts that are not halved. Whole blocks, halves and corrections, and
 * the lists of SMALLEST, APART and ONE; those of PASS are in cascade_pass.c. */
#include <stdlib.h>
#include <string.h>
#include "reconcile/cascade_cells.h"

typedef qd_cascade_cell cell;
typedef qd_cascade_part part;
typedef qd_cascade_parts parts;

/* ---- Passes ---------------------------------------------------------------------------------------------------------------- */

qd_status qd_cascade_leaves_open(qd_cascade *s, uint32_t of, qd_error *err) {
    const uint32_t n = s->tables->plan.n, *place = qd_cascade_place_of(s, of);
    cell *c = (cell *)qd_cascade_tables_cells(s->tables);
    if (!c) return qd_cascade_no_memory(err);
    s->leaves.cell[of] = c;
    for (uint32_t i = 0; i < s->pass[of].blocks; i++) qd_cascade_start_at(qd_cascade_cells_of(s, of), i * s->pass[of].k);
    qd_cascade_start_at(qd_cascade_cells_of(s, of), n);
    qd_cascade_turn(s);
    for (uint32_t i = 0; i < qd_bits_words(n); i++)
        for (uint64_t w = s->errors.w[i]; w; w &= w - 1) {
            const uint32_t at = place[64 * i + qd_cascade_lowest(w)];
            c[at / 64].found ^= qd_cascade_bit(at);
        }
    return QD_OK;
}

qd_status qd_cascade_leaves_list(qd_cascade *s, part x, qd_error *err) {
    parts *l = x.length > 1 ? &s->leaves.fresh : &s->leaves.ones;
    s->leaves.cell[x.pass][x.from / 64].odd |= qd_cascade_bit(x.from);
    if (x.length > 1 && s->plan.order == QD_CASCADE_PASS) return qd_cascade_pass_list(s, x, err);
    QD_TRY(qd_cascade_parts_room(l, 1, err));
    l->v[l->n++] = x;
    return QD_OK;
}

/* Parity of the errors found in the first of two blocks. */
static bool found_first(const qd_cascade *s, uint32_t of) {
    const size_t words = qd_bits_words(s->plan.n);
    uint64_t sum = 0;
    if (s->tables->first) {
        const uint64_t *first = s->tables->first + of * words;
        for (size_t i = 0; i < words; i++) sum ^= s->errors.w[i] & first[i];
        return __builtin_parityll(sum);
    }
    for (size_t i = 0; i < words; i++)
        for (uint64_t w = s->errors.w[i]; w; w &= w - 1) sum ^= qd_cascade_place_of(s, of)[64 * i + qd_cascade_lowest(w)] < s->pass[of].k;
    return sum;
}

/* The errors found before the pass count for its blocks. Many blocks need cells for it. */
qd_status qd_cascade_leaves_begin(qd_cascade *s, qd_error *err) {
    const uint32_t of = s->passes - 1, blocks = s->pass[of].blocks;
    s->leaves.odd_before = false;
    if (s->counts.corrected == 0) return QD_OK;
    if (blocks > 2) return qd_cascade_leaves_open(s, of, err);
    s->leaves.odd_before = blocks == 2 ? found_first(s, of) : s->counts.corrected % 2;
    return QD_OK;
}

static bool odd_before(const qd_cascade *s, uint32_t of, uint32_t i) {
    const qd_cascade_pass *p = &s->pass[of];
    const cell *c = s->leaves.cell[of];
    if (c) return qd_cascade_found_in(c, i * p->k, i * p->k + qd_cascade_block_length(s, p, i));
    return s->leaves.odd_before ^ (i > 0 && s->counts.corrected % 2); /* each correction turns a bit */
}

static qd_status learn_whole(qd_cascade *s, uint32_t of, uint32_t i, bool odd, qd_error *err) {
    const qd_cascade_pass *p = &s->pass[of];
    if (!odd) return QD_OK;
    if (!s->leaves.cell[of]) QD_TRY(qd_cascade_leaves_open(s, of, err));
    return qd_cascade_leaves_list(s, (part){.from = i * p->k, .length = qd_cascade_block_length(s, p, i), .pass = of}, err);
}

qd_status qd_cascade_leaves_whole(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    const uint32_t of = s->passes - 1, blocks = s->pass[of].blocks;
    bool all = false;
    for (uint32_t i = 0; i < s->asked.n; i++) {
        const bool odd = qd_cascade_told(alice, bob, at + i) ^ odd_before(s, of, i);
        all ^= odd;
        QD_TRY(learn_whole(s, of, i, odd, err));
    }
    if (s->asked.n < blocks) {
        s->counts.inferred++;
        QD_TRY(learn_whole(s, of, blocks - 1, s->frame_odd ^ all, err));
        all = s->frame_odd;
    }
    if (of == 0) s->frame_odd = all;
    return QD_OK;
}

qd_status qd_cascade_leaves_halves(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    s->counts.inferred += s->asked.n;
    if (s->plan.order == QD_CASCADE_PASS) return qd_cascade_pass_halves(s, alice, bob, at, err);
    for (size_t i = 0; i < s->asked.n; i++) {
        const part x = s->asked.v[i];
        QD_TRY(qd_cascade_leaves_list(s, qd_cascade_halve(qd_cascade_cells_of(s, x.pass), x, qd_cascade_told(alice, bob, at + i)), err));
    }
    return QD_OK;
}

/* ---- Corrections ----------------------------------------------------------------------------------------------------------- */

/* The leaf around a position changes its parity. */
static qd_status turn(qd_cascade *s, uint32_t of, uint32_t at, qd_error *err) {
    const qd_cascade_cells p = qd_cascade_cells_of(s, of);
    const uint32_t from = qd_cascade_from_of(p, at);
    uint64_t *odd = &p.cell[from / 64].odd;
    *odd ^= qd_cascade_bit(from);
    if (*odd & qd_cascade_bit(from)) return qd_cascade_leaves_list(s, (part){.from = from, .length = qd_cascade_to_of(p, at) - from, .pass = of}, err);
    s->leaves.stale |= 1u << of;
    return QD_OK;
}

static qd_status correct(qd_cascade *s, part x, qd_error *err) {
    const uint32_t bit = qd_cascade_order_of(s, x.pass)[x.from];
    cell *c = &s->leaves.cell[x.pass][x.from / 64];
    QD_TRY(qd_cascade_correct(s, bit, err));
    c->found ^= qd_cascade_bit(x.from);
    c->odd ^= qd_cascade_bit(x.from);
    for (uint32_t of = 0; of < s->passes; of++) {
        if (of == x.pass) continue;
        const uint32_t at = qd_cascade_place_of(s, of)[bit];
        if (s->leaves.cell[of])
            s->leaves.cell[of][at / 64].found ^= qd_cascade_bit(at);
        else
            QD_TRY(qd_cascade_leaves_open(s, of, err)); /* the error is among the found ones */
        QD_TRY(turn(s, of, at, err));
    }
    return QD_OK;
}

/* Parities that contradict each other can make a bit odd again, which lists it again: until none is, or the count of corrections ends it. */
qd_status qd_cascade_leaves_correct(qd_cascade *s, qd_error *err) {
    parts *ones = &s->leaves.ones;
    for (size_t i = 0; i < ones->n; i++) {
        const part x = ones->v[i];
        if (s->leaves.cell[x.pass][x.from / 64].odd & qd_cascade_bit(x.from)) QD_TRY(correct(s, x, err));
    }
    ones->n = 0;
    return QD_OK;
}

void qd_cascade_leaves_reach(const qd_cascade *s) {
    for (size_t i = 0; i < s->leaves.ones.n; i++) {
        const part x = s->leaves.ones.v[i];
        const uint32_t bit = qd_cascade_order_of(s, x.pass)[x.from];
        for (uint32_t of = 0; of < s->passes; of++) __builtin_prefetch(qd_cascade_place_of(s, of) + bit);
    }
}

void qd_cascade_leaves_touch(const qd_cascade *s) {
    for (size_t i = 0; i < s->leaves.ones.n; i++) {
        const part x = s->leaves.ones.v[i];
        const uint32_t bit = qd_cascade_order_of(s, x.pass)[x.from];
        for (uint32_t of = 0; of < s->passes; of++)
            if (s->leaves.cell[of]) __builtin_prefetch(s->leaves.cell[of] + qd_cascade_place_of(s, of)[bit] / 64);
    }
}

/* ---- Lists ----------------------------------------------------------------------------------------------------------------- */

static void insertion_sort(part *v, size_t n) {
    for (size_t i = 1; i < n; i++) {
        const part x = v[i];
        size_t j = i;
        for (; j > 0 && v[j - 1].length > x.length; j--) v[j] = v[j - 1];
        v[j] = x;
    }
}

/* Shortest first, stable; @p by room for n more. */
static void sort(part *v, size_t n, part *by) {
    if (n <= 32) {
        insertion_sort(v, n);
        return;
    }
    const size_t half = n / 2;
    size_t i = 0, j = half, to = 0;
    sort(v, half, by);
    sort(v + half, n - half, by);
    if (v[half - 1].length <= v[half].length) return;
    memcpy(by, v, half * sizeof *v);
    while (i < half && j < n) v[to++] = by[i].length <= v[j].length ? by[i++] : v[j++];
    memcpy(v + to, by + i, (half - i) * sizeof *v);
}

/* How many of the list are no longer than that. */
static size_t as_short(const part *v, size_t n, uint32_t length) {
    size_t from = 0;
    while (n > 0) {
        const size_t half = n / 2;
        if (v[from + half].length <= length)
            from += half + 1, n -= half + 1;
        else
            n = half;
    }
    return from;
}

/* The fresh leaves go behind those of the list that are as short. */
static qd_status merge(qd_cascade *s, qd_error *err) {
    parts *odd = &s->leaves.odd, *fresh = &s->leaves.fresh;
    if (fresh->n == 0) return QD_OK; /* nor is there room for any, at first */
    QD_TRY(qd_cascade_parts_room(odd, fresh->n, err));
    QD_TRY(qd_cascade_parts_room(fresh, fresh->n, err));
    sort(fresh->v, fresh->n, fresh->v + fresh->n);
    size_t left = odd->n, j = fresh->n;
    for (; j > 0 && left > 0; j--) {
        const size_t at = as_short(odd->v, left, fresh->v[j - 1].length);
        memmove(odd->v + at + j, odd->v + at, (left - at) * sizeof *odd->v);
        odd->v[at + j - 1] = fresh->v[j - 1];
        left = at;
    }
    if (j > 0) memcpy(odd->v, fresh->v, j * sizeof *odd->v);
    odd->n += fresh->n;
    fresh->n = 0;
    return QD_OK;
}

/* Correct the odd leaves of one bit, and keep in the list what is odd and longer. */
static qd_status settle(qd_cascade *s, qd_error *err) {
    parts *odd = &s->leaves.odd, *fresh = &s->leaves.fresh;
    QD_TRY(qd_cascade_leaves_correct(s, err));
    if (s->leaves.stale) {
        qd_cascade_take_odd(s, odd);
        qd_cascade_take_odd(s, fresh);
        qd_cascade_mark_odd(s, odd);
        qd_cascade_mark_odd(s, fresh);
    }
    s->leaves.stale = 0;
    return merge(s, err);
}

/* ---- Questions ------------------------------------------------------------------------------------------------------------- */

static void ask(qd_cascade *s, part x) {
    s->asked.v[s->asked.n++] = qd_cascade_left_half(s, x);
}

/* What was asked so far in a round of QD_CASCADE_APART. */
typedef struct choice {
    uint32_t bits, of_pass[QD_CASCADE_PASSES]; /* positions, all and by pass */
    size_t marked;                             /* so many of `asked` are in the table of bits taken */
} choice;

static uint32_t asked_length(part x) {
    return 2 * x.length + x.more;
}

static void new_stamp(qd_cascade_tables *t) {
    if (++t->stamp) return;
    memset(t->taken, 0, t->plan.n); /* all stamps were used */
    t->stamp = 1;
}

static void mark(qd_cascade *s, choice *c) {
    qd_cascade_tables *t = s->tables;
    if (c->marked == 0) new_stamp(t);
    for (; c->marked < s->asked.n; c->marked++) {
        const part x = s->asked.v[c->marked];
        const uint32_t *order = qd_cascade_order_of(s, x.pass) + x.from;
        for (uint32_t i = 0; i < asked_length(x); i++) t->taken[order[i]] = t->stamp;
    }
}

/* Whether the leaf shares no position with those taken. Leaves of one pass never do. Looked at from the side of fewer positions. */
static bool apart(qd_cascade *s, choice *c, part x) {
    const uint32_t others = c->bits - c->of_pass[x.pass];
    if (others > x.length) {
        const uint32_t *order = qd_cascade_order_of(s, x.pass) + x.from;
        mark(s, c);
        for (uint32_t i = 0; i < x.length; i++)
            if (s->tables->taken[order[i]] == s->tables->stamp) return false;
        return true;
    }
    const uint32_t *place = qd_cascade_place_of(s, x.pass);
    for (size_t j = 0; others && j < s->asked.n; j++) {
        const part y = s->asked.v[j];
        const uint32_t *order = qd_cascade_order_of(s, y.pass) + y.from;
        if (y.pass == x.pass) continue;
        for (uint32_t i = 0; i < asked_length(y); i++)
            if (place[order[i]] - x.from < x.length) return false;
    }
    return true;
}

static void ask_apart(qd_cascade *s) {
    parts *odd = &s->leaves.odd;
    choice c = {0};
    size_t n = 0;
    for (size_t i = 0; i < odd->n; i++) {
        const part x = odd->v[i];
        if (!apart(s, &c, x)) {
            odd->v[n++] = x;
            continue;
        }
        ask(s, x);
        c.bits += x.length;
        c.of_pass[x.pass] += x.length;
    }
    odd->n = n;
}

qd_status qd_cascade_leaves_go_on(qd_cascade *s, qd_error *err) {
    parts *odd = &s->leaves.odd;
    if (s->plan.order == QD_CASCADE_PASS) return qd_cascade_pass_go_on(s, err);
    QD_TRY(settle(s, err));
    QD_TRY(qd_cascade_parts_room(&s->asked, odd->n, err));
    if (odd->n == 0) return QD_OK;
    if (s->plan.order == QD_CASCADE_APART) {
        ask_apart(s);
        return QD_OK;
    }
    const size_t n = s->plan.order == QD_CASCADE_ONE ? 1 : as_short(odd->v, odd->n, odd->v[0].length);
    for (size_t i = 0; i < n; i++) ask(s, odd->v[i]);
    odd->n -= n;
    memmove(odd->v, odd->v + n, odd->n * sizeof *odd->v);
    return QD_OK;
}

void qd_cascade_leaves_end(qd_cascade *s) {
    free(s->leaves.ones.v);
    free(s->leaves.odd.v);
    free(s->leaves.fresh.v);
    qd_cascade_pass_end(s);
}
