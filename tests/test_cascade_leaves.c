/* SPDX-License-Identifier: Apache-2.0 */
/* Sub-block reuse, question by question, against a search that keeps a plain list of parts and looks through all of it. Answers of no
 * key as well: both sides of a session must take the same way there too, to the same end. */
#include "cascade_suite.h"

enum { LONGEST = 600, MOST = 40000 };

/* A known part of a pass that is not halved. */
typedef struct part {
    uint32_t pass, from, to;
    bool odd, listed, halved;
} part;

typedef struct plain {
    qd_cascade_plan plan;
    uint32_t order[QD_CASCADE_PASSES][LONGEST], passes;
    bool error[LONGEST], frame_odd, whole;
    uint64_t corrected, inferred;
    part part[MOST];
    uint32_t parts, list[MOST], lists, asked[MOST], questions, /* asked: whole blocks, or parts whose left half it is */
        one[MOST], ones;                                       /* parts of one position that became odd, as often as they did */
} plain;

static uint32_t length(const plain *m, uint32_t i) {
    return m->part[i].to - m->part[i].from;
}

static void list_if_odd(plain *m, uint32_t i) {
    if (!m->part[i].odd) return;
    if (length(m, i) == 1) {
        ck_assert_uint_lt(m->ones, MOST);
        m->one[m->ones++] = i;
        return;
    }
    if (m->part[i].listed) return;
    m->part[i].listed = true;
    m->list[m->lists++] = i;
}

static uint32_t add(plain *m, uint32_t pass, uint32_t from, uint32_t to, bool odd) {
    ck_assert_uint_lt(m->parts, MOST);
    m->part[m->parts] = (part){.pass = pass, .from = from, .to = to, .odd = odd};
    return m->parts++;
}

static bool found_in(const plain *m, uint32_t pass, uint32_t from, uint32_t to) {
    bool odd = false;
    for (uint32_t i = from; i < to; i++) odd ^= m->error[m->order[pass][i]];
    return odd;
}

static bool correct(plain *m, uint32_t bit) {
    if (m->corrected == m->plan.n) return false;
    m->corrected++;
    m->frame_odd ^= 1;
    m->error[bit] ^= 1;
    for (uint32_t pass = 0; pass < m->passes; pass++)
        for (uint32_t i = 0; i < m->parts; i++) {
            part *p = &m->part[i];
            bool around = false;
            for (uint32_t at = p->from; at < p->to && p->pass == pass && !p->halved; at++) around |= m->order[pass][at] == bit;
            p->odd ^= around;
            if (around) list_if_odd(m, i);
        }
    return true;
}

static bool settle(plain *m) {
    for (uint32_t i = 0; i < m->ones; i++) {
        const part *p = &m->part[m->one[i]];
        if (p->odd && !correct(m, m->order[p->pass][p->from])) return false;
    }
    m->ones = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->lists; i++) {
        part *p = &m->part[m->list[i]];
        p->listed = p->odd && !p->halved;
        if (p->listed) m->list[n++] = m->list[i];
    }
    m->lists = n;
    for (uint32_t i = 1; i < n && m->plan.order != QD_CASCADE_PASS; i++) /* exchange neighbours: equal ones stay */
        for (uint32_t j = i; j > 0 && length(m, m->list[j - 1]) > length(m, m->list[j]); j--) {
            uint32_t x = m->list[j];
            m->list[j] = m->list[j - 1];
            m->list[j - 1] = x;
        }
    return true;
}

/* The pass with the shortest, and of several the first. */
static uint32_t pass_of_shortest(const plain *m) {
    uint32_t pass = 0, shortest = UINT32_MAX;
    for (uint32_t i = 0; i < m->lists; i++) {
        const part *p = &m->part[m->list[i]];
        if (length(m, m->list[i]) > shortest || (length(m, m->list[i]) == shortest && p->pass > pass)) continue;
        shortest = length(m, m->list[i]);
        pass = p->pass;
    }
    return pass;
}

static void ask(plain *m) {
    bool taken[LONGEST] = {false};
    const uint32_t pass = pass_of_shortest(m);
    m->questions = 0;
    for (uint32_t i = 0; i < m->lists; i++) {
        const part *p = &m->part[m->list[i]];
        bool free = true;
        for (uint32_t at = p->from; at < p->to; at++) free &= !taken[m->order[p->pass][at]];
        if (m->plan.order == QD_CASCADE_ONE && i > 0) free = false;
        if (m->plan.order == QD_CASCADE_SMALLEST) free = length(m, m->list[i]) == length(m, m->list[0]);
        if (m->plan.order == QD_CASCADE_PASS) free = p->pass == pass;
        for (uint32_t at = p->from; at < p->to && free; at++) taken[m->order[p->pass][at]] = true;
        if (free) m->asked[m->questions++] = m->list[i];
    }
    m->whole = false;
}

/* Ask for the whole blocks of the next pass; the parts are there, the parity of the last one stands if it is not asked. */
static void whole_blocks(plain *m) {
    const uint32_t pass = m->passes++, k = m->plan.block[pass], n = m->plan.n;
    m->questions = 0;
    m->whole = true;
    for (uint32_t from = 0; from < n; from += k) m->asked[m->questions++] = add(m, pass, from, n - from > k ? from + k : n, false);
    if (m->plan.infer && pass > 0) m->questions--;
}

static void hear_whole(plain *m, const uint64_t *told) {
    bool all = false;
    for (uint32_t i = 0; i < m->questions; i++) {
        part *p = &m->part[m->asked[i]];
        p->odd = (told[i / 64] >> (i % 64) & 1) ^ found_in(m, p->pass, p->from, p->to);
        all ^= p->odd;
        list_if_odd(m, m->asked[i]);
    }
    if (m->plan.infer && m->passes > 1) {
        m->inferred++;
        m->part[m->parts - 1].odd = m->frame_odd ^ all;
        list_if_odd(m, m->parts - 1);
    } else if (m->passes == 1)
        m->frame_odd = all;
}

static void hear_halves(plain *m, const uint64_t *told) {
    for (uint32_t i = 0; i < m->questions; i++) {
        part *p = &m->part[m->asked[i]];
        const uint32_t mid = p->from + (p->to - p->from) / 2;
        const bool odd = (told[i / 64] >> (i % 64) & 1) ^ found_in(m, p->pass, p->from, mid);
        p->halved = true;
        list_if_odd(m, add(m, p->pass, p->from, mid, odd));
        list_if_odd(m, add(m, p->pass, mid, p->to, !odd));
        m->inferred++;
    }
}

/* To the next questions; none: it is done. False: contradiction. */
static bool go_on(plain *m) {
    while (settle(m)) {
        ask(m);
        if (m->questions || m->passes == m->plan.passes) return true;
        whole_blocks(m);
        if (m->questions) return true;
        hear_whole(m, NULL);
    }
    return false;
}

/* @p noise: chance of a wrong answer, of 1024. */
static void compare(const qd_cascade_plan *plan, uint64_t frame, uint64_t errors, uint64_t noise) {
    static plain m;
    qd_cascade *s;
    cascade_pair p = pair_make(41, frame, plan->n, errors);
    qd_random r = {.rehearsal = 1, .seed = 42, .stream = QD_STREAM_TEST, .entity = frame};
    static uint64_t told[MOST / 64], zero[MOST / 64];
    memset(&m, 0, sizeof m);
    m.plan = *plan;
    for (uint32_t i = 0; i < plan->passes; i++) qd_cascade_permutation(43, frame, i, plan->n, m.order[i]);
    for (uint64_t i = 0; i < qd_bits_words(plan->n); i++) p.bob.w[i] ^= p.alice.w[i];
    ck_ok(qd_cascade_create(plan, 43, frame, &s, &err));
    bool fine = go_on(&m);
    while (fine && qd_cascade_questions(s)) {
        ck_assert_uint_eq(qd_cascade_questions(s), m.questions);
        for (uint32_t i = 0; i < m.questions; i++) {
            const qd_cascade_question q = qd_cascade_question_at(s, i);
            const part *x = &m.part[m.asked[i]];
            ck_assert(q.pass == x->pass && q.from == x->from);
            ck_assert_uint_eq(q.to, m.whole ? x->to : x->from + (x->to - x->from) / 2);
        }
        qd_cascade_parities(s, &p.bob, told);
        for (uint32_t i = 0; i < m.questions; i++)
            if (qd_random_below(&r, 1024) < noise) told[i / 64] ^= (uint64_t)1 << (i % 64);
        m.whole ? hear_whole(&m, told) : hear_halves(&m, told);
        fine = go_on(&m);
        ck_status(qd_cascade_answer(s, told, zero, &err), fine ? QD_OK : QD_E_INPUT);
    }
    if (fine) ck_assert_uint_eq(m.questions, 0);
    for (uint32_t i = 0; i < plan->n; i++) ck_assert_uint_eq(qd_bits_get(qd_cascade_errors(s), i), m.error[i]);
    ck_assert_uint_eq(qd_cascade_counts_of(s).corrected, m.corrected);
    ck_assert_uint_eq(qd_cascade_counts_of(s).inferred, m.inferred);
    qd_cascade_destroy(s);
    pair_free(&p);
}

static void compare_all(uint64_t noise, uint64_t frames) {
    static const uint32_t lengths[] = {2, 3, 64, 65, 127, 300, LONGEST};
    for (uint32_t order = QD_CASCADE_SMALLEST; order < QD_CASCADE_ORDERS; order++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (uint64_t f = 0; f < frames; f++) {
                const uint32_t n = lengths[l];
                static const qd_cascade_variant of[] = {QD_CASCADE_OPT7, QD_CASCADE_OPT4, QD_CASCADE_QD};
                qd_cascade_plan plan = plan_of(of[(f + l) % 3], .03 + .05 * (double)f, n);
                plan.order = order;
                plan.infer = f % 3 != 2;
                if (f % 4 == 3) plan.block[0] = 1, plan.block[1] = n;
                compare(&plan, f, f * n / 20, noise);
            }
}

START_TEST(questions_are_those_of_a_plain_search) {
    compare_all(0, 5);
}
END_TEST

START_TEST(answers_of_no_key_lead_the_same_way) {
    compare_all(3, 3);
    compare_all(512, 3);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {questions_are_those_of_a_plain_search, answers_of_no_key_lead_the_same_way};
    return run_tests("cascade_leaves", tests, sizeof tests / sizeof *tests, 300);
}
