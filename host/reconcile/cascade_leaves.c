/* SPDX-License-Identifier: Apache-2.0 */
/* Sub-block reuse (QD_CASCADE_SMALLEST, _APART, _ONE): of the blocks and their halves only leaves matter, known parts that are not
 * halved. They cut a pass without gaps, so a leaf is a bit where it begins, and the leaf of a position begins at the last such bit
 * before it. */
#include <stdlib.h>
#include <string.h>
#include "reconcile/cascade_search.h"

typedef qd_cascade_cell cell;
typedef qd_cascade_part part;
typedef qd_cascade_parts parts;

static uint64_t bit_of(uint32_t at) {
    return (uint64_t)1 << (at % 64);
}

/* ---- Where leaves begin ---------------------------------------------------------------------------------------------------- */

static uint32_t highest(uint64_t w) {
    return 63 - (uint32_t)__builtin_clzll(w);
}

static uint32_t lowest(uint64_t w) {
    return (uint32_t)__builtin_ctzll(w);
}

/* A pass: its cells, and the words of a level over them. */
typedef struct pass {
    const qd_cascade_tables *t;
    cell *cell;
} pass;

static pass pass_of(const qd_cascade *s, uint32_t of) {
    return (pass){s->tables, s->leaves.cell[of]};
}

static const uint32_t *order_of(const qd_cascade *s, uint32_t of) {
    return s->tables->order + of * (size_t)s->tables->plan.n;
}

static const uint32_t *place_of(const qd_cascade *s, uint32_t of) {
    return s->tables->place + of * (size_t)s->tables->plan.n;
}

static uint64_t *level(pass p, unsigned l) {
    return (uint64_t *)p.cell + p.t->up[l];
}

static void start_at(pass p, uint32_t at) {
    uint64_t *w = &p.cell[at / 64].start;
    bool first = *w == 0;
    *w |= bit_of(at);
    for (unsigned l = 0; first && l < QD_CASCADE_LEVELS; l++) {
        at /= 64;
        w = level(p, l) + at / 64;
        first = *w == 0;
        *w |= bit_of(at);
    }
}

/* The cell before or after cell @p i that has a start; there is one: 0 and n are starts. */
static uint32_t cell_before(pass p, uint32_t i) {
    unsigned l = 0;
    uint64_t w;
    while (!(w = level(p, l)[i / 64] & (bit_of(i) - 1))) i /= 64, l++;
    for (i = i / 64 * 64 + highest(w); l > 0; i = i * 64 + highest(w)) w = level(p, --l)[i];
    return i;
}

static uint32_t cell_after(pass p, uint32_t i) {
    unsigned l = 0;
    uint64_t w;
    while (!(w = level(p, l)[i / 64] & ~(bit_of(i) | (bit_of(i) - 1)))) i /= 64, l++;
    for (i = i / 64 * 64 + lowest(w); l > 0; i = i * 64 + lowest(w)) w = level(p, --l)[i];
    return i;
}

/* Where the leaf of position @p at begins, and where it ends. */
static uint32_t from_of(pass p, uint32_t at) {
    uint32_t i = at / 64;
    uint64_t w = p.cell[i].start & (bit_of(at) | (bit_of(at) - 1));
    if (w == 0) w = p.cell[i = cell_before(p, i)].start;
    return i * 64 + highest(w);
}

static uint32_t to_of(pass p, uint32_t at) {
    uint32_t i = at / 64;
    uint64_t w = p.cell[i].start & ~(bit_of(at) | (bit_of(at) - 1));
    if (w == 0) w = p.cell[i = cell_after(p, i)].start;
    return i * 64 + lowest(w);
}

/* Parity of the errors found in [from, to), which is not empty. */
static bool found_in(const cell *c, uint32_t from, uint32_t to) {
    uint32_t first = from / 64, last = (to - 1) / 64;
    uint64_t head = ~(uint64_t)0 << (from % 64), tail = ~(uint64_t)0 >> (63 - (to - 1) % 64), x;
    if (first == last) return __builtin_parityll(c[first].found & head & tail);
    x = (c[first].found & head) ^ (c[last].found & tail);
    for (uint32_t i = first + 1; i < last; i++) x ^= c[i].found;
    return __builtin_parityll(x);
}

/* ---- Passes ---------------------------------------------------------------------------------------------------------------- */

/* Give a pass cells: whole blocks, all of them even, and the errors found so far. */
static qd_status open_pass(qd_cascade *s, uint32_t of, qd_error *err) {
    const uint32_t n = s->tables->plan.n, *place = place_of(s, of);
    cell *c = (cell *)qd_cascade_tables_cells(s->tables);
    if (!c) return qd_cascade_no_memory(err);
    s->leaves.cell[of] = c;
    for (uint32_t i = 0; i < s->pass[of].blocks; i++) start_at(pass_of(s, of), i * s->pass[of].k);
    start_at(pass_of(s, of), n);
    qd_cascade_turn(s);
    for (uint32_t i = 0; i < qd_bits_words(n); i++)
        for (uint64_t w = s->errors.w[i]; w; w &= w - 1) {
            const uint32_t at = place[64 * i + lowest(w)];
            c[at / 64].found ^= bit_of(at);
        }
    return QD_OK;
}

/* A leaf is odd, and in no list: into one. There is room. */
static void list_leaf(qd_cascade *s, part x) {
    cell *c = &s->leaves.cell[x.pass][x.from / 64];
    c->odd |= bit_of(x.from);
    c->listed |= bit_of(x.from);
    parts *l = x.length > 1 ? &s->tables->fresh : &s->tables->ones;
    l->v[l->n++] = x;
}

static qd_status room(qd_cascade *s, size_t more, qd_error *err) {
    QD_TRY(qd_cascade_parts_room(&s->tables->fresh, more, err));
    return qd_cascade_parts_room(&s->tables->ones, more, err);
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
        for (uint64_t w = s->errors.w[i]; w; w &= w - 1) sum ^= place_of(s, of)[64 * i + lowest(w)] < s->pass[of].k;
    return sum;
}

/* The errors found before the pass count for its blocks. Many blocks need cells for it. */
qd_status qd_cascade_leaves_begin(qd_cascade *s, qd_error *err) {
    const uint32_t of = s->passes - 1, blocks = s->pass[of].blocks;
    s->leaves.odd_before = false;
    if (s->counts.corrected == 0) return QD_OK;
    if (blocks > 2) return open_pass(s, of, err);
    s->leaves.odd_before = blocks == 2 ? found_first(s, of) : s->counts.corrected % 2;
    return QD_OK;
}

static bool odd_before(const qd_cascade *s, uint32_t of, uint32_t i) {
    const qd_cascade_pass *p = &s->pass[of];
    const cell *c = s->leaves.cell[of];
    if (c) return found_in(c, i * p->k, i * p->k + qd_cascade_block_length(s, p, i));
    return s->leaves.odd_before ^ (i > 0 && s->counts.corrected % 2); /* each correction turns a bit */
}

static qd_status learn_whole(qd_cascade *s, uint32_t of, uint32_t i, bool odd, qd_error *err) {
    const qd_cascade_pass *p = &s->pass[of];
    if (!odd) return QD_OK;
    if (!s->leaves.cell[of]) QD_TRY(open_pass(s, of, err));
    list_leaf(s, (part){.from = i * p->k, .length = qd_cascade_block_length(s, p, i), .pass = of});
    return QD_OK;
}

qd_status qd_cascade_leaves_whole(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    const uint32_t of = s->passes - 1, blocks = s->pass[of].blocks;
    bool all = false;
    QD_TRY(room(s, blocks, err));
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

/* The odd half of a leaf, and that in the cells: one half is, as the leaf was. Both ways are taken at once: which one is a matter of
 * chance. */
static part odd_half(cell *cells, part x, bool left) {
    const uint32_t mid = x.from + x.length;
    const uint64_t keep = ~((uint64_t)!left << (x.from % 64)), put = (uint64_t)!left << (mid % 64);
    cell *c = &cells[x.from / 64], *d = &cells[mid / 64];
    c->odd &= keep;
    c->listed &= keep;
    d->odd |= put;
    d->listed |= put;
    return (part){.from = left ? x.from : mid, .length = x.length + (x.more & !left), .pass = x.pass};
}

qd_status qd_cascade_leaves_halves(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    QD_TRY(room(s, s->asked.n, err));
    parts *fresh = &s->tables->fresh, *ones = &s->tables->ones;
    s->counts.inferred += s->asked.n;
    for (size_t i = 0; i < s->asked.n; i++) {
        const part x = s->asked.v[i];
        const pass p = pass_of(s, x.pass);
        start_at(p, x.from + x.length);
        const part h = odd_half(p.cell, x, qd_cascade_told(alice, bob, at + i) ^ found_in(p.cell, x.from, x.from + x.length));
        fresh->v[fresh->n] = ones->v[ones->n] = h;
        fresh->n += h.length > 1;
        ones->n += h.length == 1;
    }
    return QD_OK;
}

/* ---- Corrections ----------------------------------------------------------------------------------------------------------- */

/* The leaf around a position changes its parity. */
static void turn(qd_cascade *s, uint32_t of, uint32_t at) {
    const pass p = pass_of(s, of);
    const uint32_t from = from_of(p, at);
    cell *c = &p.cell[from / 64];
    const uint64_t bit = bit_of(from);
    c->odd ^= bit;
    if (!(c->odd & bit))
        s->leaves.stale = true;
    else if (!(c->listed & bit))
        list_leaf(s, (part){.from = from, .length = to_of(p, at) - from, .pass = of});
}

static qd_status correct(qd_cascade *s, uint32_t bit, qd_error *err) {
    QD_TRY(qd_cascade_correct(s, bit, err));
    QD_TRY(room(s, s->passes, err));
    for (uint32_t of = 0; of < s->passes; of++) {
        const uint32_t at = place_of(s, of)[bit];
        if (s->leaves.cell[of])
            s->leaves.cell[of][at / 64].found ^= bit_of(at);
        else
            QD_TRY(open_pass(s, of, err)); /* the error is among the found ones */
        turn(s, of, at);
    }
    return QD_OK;
}

static bool is_odd(const qd_cascade *s, part x) {
    return s->leaves.cell[x.pass][x.from / 64].odd & bit_of(x.from);
}

static void unlist(qd_cascade *s, part x) {
    s->leaves.cell[x.pass][x.from / 64].listed &= ~bit_of(x.from);
}

static qd_status correct_ones(qd_cascade *s, qd_error *err) {
    parts *ones = &s->tables->ones;
    uint64_t before;
    do { /* parities that contradict each other can make a bit odd again: until none is, or the count of corrections ends it */
        before = s->counts.corrected;
        for (size_t i = 0; i < ones->n; i++) { /* correcting may add to the list */
            const part x = ones->v[i];
            if (is_odd(s, x)) QD_TRY(correct(s, order_of(s, x.pass)[x.from], err));
        }
    } while (s->counts.corrected > before);
    for (size_t i = 0; i < ones->n; i++) unlist(s, ones->v[i]);
    ones->n = 0;
    return QD_OK;
}

/* ---- Lists ----------------------------------------------------------------------------------------------------------------- */

static void keep_odd(qd_cascade *s, parts *l) {
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (is_odd(s, l->v[i]))
            l->v[n++] = l->v[i];
        else
            unlist(s, l->v[i]);
    l->n = n;
}

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
    parts *odd = &s->leaves.odd, *fresh = &s->tables->fresh;
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
    s->leaves.stale = false;
    QD_TRY(correct_ones(s, err));
    if (s->leaves.stale) {
        keep_odd(s, &s->leaves.odd);
        keep_odd(s, &s->tables->fresh);
    }
    return merge(s, err);
}

/* ---- Questions ------------------------------------------------------------------------------------------------------------- */

static void ask(qd_cascade *s, part x) {
    x.more = x.length % 2;
    x.length /= 2;
    s->asked.v[s->asked.n++] = x;
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
        const uint32_t *order = order_of(s, x.pass) + x.from;
        for (uint32_t i = 0; i < asked_length(x); i++) t->taken[order[i]] = t->stamp;
    }
}

/* Whether the leaf shares no position with those taken. Leaves of one pass never do. Looked at from the side of fewer positions. */
static bool apart(qd_cascade *s, choice *c, part x) {
    const uint32_t others = c->bits - c->of_pass[x.pass];
    if (others > x.length) {
        const uint32_t *order = order_of(s, x.pass) + x.from;
        mark(s, c);
        for (uint32_t i = 0; i < x.length; i++)
            if (s->tables->taken[order[i]] == s->tables->stamp) return false;
        return true;
    }
    const uint32_t *place = place_of(s, x.pass);
    for (size_t j = 0; others && j < s->asked.n; j++) {
        const part y = s->asked.v[j];
        const uint32_t *order = order_of(s, y.pass) + y.from;
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

void qd_cascade_leaves_fetch(const qd_cascade *s) {
    for (size_t i = 0; i < s->asked.n && i < QD_CASCADE_FETCHED; i++) {
        const part x = s->asked.v[i];
        const cell *c = s->leaves.cell[x.pass];
        if (c) __builtin_prefetch(c + (x.from + x.length) / 64);
    }
}

void qd_cascade_leaves_end(qd_cascade *s) {
    free(s->leaves.odd.v);
}
