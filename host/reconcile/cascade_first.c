/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass of a frame in a batch whose blocks are halved within a word: what is asked, told and answered is words, 64 positions at a time. No
 * other pass can interfere, so all odd leaves are of one length, and are asked in order of position. A shorter block at the end is the last question
 * of each round, as everywhere else: `asked` has its part, and `of[0]` its odd leaf. */
#include "reconcile/cascade_cells.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(QD_CASCADE_PLAIN) /* a test's */
#include <immintrin.h>
#define BMI2 __attribute__((target("bmi2,popcnt")))
BMI2 static inline uint64_t take_bmi2(uint64_t x, uint64_t mask) { return _pext_u64(x, mask); }
BMI2 static inline uint64_t put_bmi2(uint64_t x, uint64_t mask) { return _pdep_u64(x, mask); }
static bool has_bmi2(void) { /* the first two Zens have it in name: bit by bit, in microcode */
    return __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") && !__builtin_cpu_is("znver1") && !__builtin_cpu_is("znver2");
}
#else
#define BMI2
#define take_bmi2 take
#define put_bmi2 put
static bool has_bmi2(void) { return false; }
#endif

#define INLINE __attribute__((always_inline)) static inline

/** Of @p x the bits of the mask, packed; and back. */
typedef uint64_t pick(uint64_t x, uint64_t mask);

static uint64_t take(uint64_t x, uint64_t mask) {
    uint64_t y = 0;
    for (uint32_t i = 0; mask; mask &= mask - 1, i++) y |= (x >> qd_cascade_lowest(mask) & 1) << i;
    return y;
}

static uint64_t put(uint64_t x, uint64_t mask) {
    uint64_t y = 0;
    for (; mask; mask &= mask - 1, x >>= 1) y |= (x & 1) << qd_cascade_lowest(mask);
    return y;
}

INLINE uint32_t count(uint64_t mask) {
    return (uint32_t)__builtin_popcountll(mask);
}

/* Positions of whole blocks. */
static uint32_t full(const qd_cascade *s) {
    return s->plan.n - s->plan.n % s->plan.block[0];
}

static uint32_t words(const qd_cascade *s) {
    return (full(s) + 63) / 64;
}

static uint64_t of_full(const qd_cascade *s, uint32_t i) {
    return i < full(s) / 64 ? ~(uint64_t)0 : qd_cascade_bit(full(s)) - 1;
}

/* Where what is asked begins, the end apart. */
static uint64_t asked(const qd_cascade *s, const qd_cascade_cell *c, uint32_t i) {
    return (s->begins ? c[i].start : c[i].odd) & of_full(s, i);
}

/* ---- Telling --------------------------------------------------------------------------------------------------------------- */

/* Bits behind the first @p at of a message. Two words are written in any case, and no branch guesses whether they are wanted. */
static void append(uint64_t *told, uint64_t at, uint64_t bits) {
    told[at / 64] |= bits << (at % 64);
    told[at / 64 + 1] = (bits >> 1) >> (63 - at % 64);
}

INLINE void tell(const qd_cascade *s, uint64_t *told, uint64_t at, pick *take_of) {
    const qd_cascade_cell *c = s->leaves.cell[0];
    const uint64_t *own = qd_cascade_prefix_of(s, 0);
    const uint32_t shift = s->dense;
    if (at % 64 == 0) told[at / 64] = 0;
    for (uint32_t i = 0; i < words(s); i++) {
        const uint64_t mask = asked(s, c, i), next = i < s->plan.n / 64 ? own[i + 1] : 0;
        const uint64_t behind = shift < 64 ? own[i] >> shift | next << (64 - shift) : next;
        append(told, at, take_of(own[i] ^ behind, mask));
        at += count(mask);
    }
}

BMI2 static void tell_quick(const qd_cascade *s, uint64_t *told, uint64_t at) { tell(s, told, at, take_bmi2); }
static void tell_any(const qd_cascade *s, uint64_t *told, uint64_t at) { tell(s, told, at, take); }

uint64_t qd_cascade_first_tell(const qd_cascade *s, uint64_t *told, uint64_t at) {
    (has_bmi2() ? tell_quick : tell_any)(s, told, at);
    return s->asked.n - s->end;
}

/* ---- Answers --------------------------------------------------------------------------------------------------------------- */

/* 64 answers from the one of number @p at on; behind word @p last there is nothing to be read. */
static uint64_t heard(const uint64_t *alice, const uint64_t *bob, uint64_t at, uint64_t last) {
    const uint64_t i = at / 64, j = i < last ? i + 1 : last;
    return (alice[i] ^ bob[i]) >> (at % 64) | (alice[j] ^ bob[j]) << 1 << (63 - at % 64);
}

/* Odd leaves after the answers, and how many there are. Of whole blocks: the odd ones. Of left halves: these, or else the right ones. */
INLINE void hear(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, pick *put_of) {
    qd_cascade_cell *c = s->leaves.cell[0];
    const uint64_t last = (at + s->asked.n - 1) / 64;
    const uint32_t half = s->begins ? 0 : s->dense;
    s->odds = 0;
    for (uint32_t i = 0; i < words(s); i++) {
        const uint64_t mask = asked(s, c, i);
        const uint64_t told = mask ? put_of(heard(alice, bob, at, last), mask) : 0;
        const uint64_t odd = s->begins ? told : told | (mask ^ told) << half;
        c[i].odd = odd | (c[i].odd & ~of_full(s, i));
        c[i].start |= mask << half;
        at += count(mask);
        s->odds += count(odd);
    }
}

BMI2 static void hear_quick(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at) { hear(s, alice, bob, at, put_bmi2); }
static void hear_any(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at) { hear(s, alice, bob, at, put); }

/* The block at the end. */
static qd_status hear_end(qd_cascade *s, bool told, qd_error *err) {
    const qd_cascade_part x = s->asked.v[0];
    if (!s->begins) return qd_cascade_leaves_list(s, qd_cascade_halve(qd_cascade_cells_of(s, 0), x, told), err);
    s->frame_odd ^= told;
    return told ? qd_cascade_leaves_list(s, x, err) : QD_OK;
}

qd_status qd_cascade_first_hear(qd_cascade *s, const uint64_t *alice, const uint64_t *bob, uint64_t at, qd_error *err) {
    (has_bmi2() ? hear_quick : hear_any)(s, alice, bob, at);
    if (s->begins)
        s->frame_odd = s->odds % 2;
    else
        s->counts.inferred += s->asked.n;
    return s->end ? hear_end(s, qd_cascade_told(alice, bob, at + s->asked.n - 1), err) : QD_OK;
}

/* ---- What follows ---------------------------------------------------------------------------------------------------------- */

static qd_status correct(qd_cascade *s, qd_error *err) {
    qd_cascade_cell *c = s->leaves.cell[0];
    const uint32_t *order = qd_cascade_order_of(s, 0);
    for (uint32_t i = 0; i < words(s); i++) {
        const uint64_t odd = c[i].odd & of_full(s, i);
        for (uint64_t w = odd; w; w &= w - 1) QD_TRY(qd_cascade_correct(s, order[64 * i + qd_cascade_lowest(w)], err));
        c[i].found ^= odd;
        c[i].odd ^= odd;
    }
    return QD_OK;
}

/* By its odd leaf, the last question. */
static qd_status ask_end(qd_cascade *s, qd_error *err) {
    qd_cascade_parts *leaf = &s->leaves.of[0].leaf;
    s->end = leaf->n > 0;
    if (leaf->n == 0) return QD_OK;
    QD_TRY(qd_cascade_parts_room(&s->asked, 1, err));
    s->asked.v[0] = qd_cascade_left_half(s, leaf->v[0]);
    leaf->n = 0;
    return QD_OK;
}

/* Nothing is odd once no more can be halved: the block at the end is shorter than the others. */
qd_status qd_cascade_first_go_on(qd_cascade *s, qd_error *err) {
    QD_TRY(qd_cascade_leaves_correct(s, err));
    QD_TRY(ask_end(s, err));
    s->dense /= 2;
    if (s->dense == 0) return correct(s, err);
    s->asked.n = s->odds + s->end;
    if (s->asked.n == 0) s->dense = 0;
    return QD_OK;
}

bool qd_cascade_first_fits(const qd_cascade *s) {
    const uint32_t k = s->plan.block[0];
    return s->prefix && s->plan.order == QD_CASCADE_PASS && k > 1 && k <= 64 && (k & (k - 1)) == 0;
}

qd_status qd_cascade_first_begin(qd_cascade *s, qd_error *err) {
    const uint32_t n = s->plan.n, k = s->pass[0].k;
    QD_TRY(qd_cascade_parts_room(&s->asked, 1, err));
    s->asked.v[0] = (qd_cascade_part){.from = full(s), .length = n % k, .pass = 0};
    s->asked.n = s->pass[0].blocks;
    s->end = n % k > 0;
    s->dense = (uint8_t)k;
    return qd_cascade_leaves_open(s, 0, err);
}
