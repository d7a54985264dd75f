/* SPDX-License-Identifier: Apache-2.0 */
/** @file left_errors.h  Errors that correction leaves in Bob's string, unnoticed: what the tags are for. Rare by nature, so bits are turned in his
 *  machine (which begins with what both have) when he says that his string stands. */
#ifndef QD_TESTS_LEFT_ERRORS_H
#define QD_TESTS_LEFT_ERRORS_H

#include "reconcile_pair.h"

enum { LEFT_FRAMES = 64 };

typedef struct left_errors {
    const pair *t;
    int frames[LEFT_FRAMES], count; /* which of the kept frames, by rank; below 0: from the last */
    uint64_t bits;      /* turned in each, from its first on, 37 apart */
    bool other_tag[2];  /* the first, or the second, tag arrives changed */
    bool hit[1024];     /* out: by frame */
    uint64_t kept;      /* out: frames before */
} left_errors;

static inline qd_machine *machine_of_bob(const pair *t) {
    return (qd_machine *)(void *)t->bob;
}

static inline void leave_in_frames(left_errors *e) {
    qd_machine *m = machine_of_bob(e->t);
    e->kept = qd_machine_kept(m);
    for (int i = 0; i < e->count; i++) {
        int64_t rank = e->frames[i] < 0 ? (int64_t)e->kept + e->frames[i] : e->frames[i];
        ck_assert(rank >= 0 && rank < (int64_t)e->kept);
        uint64_t f = 0;
        for (; !m->kept[f] || rank-- > 0; f++) {}
        ck_assert(m->kept[f] == 1 && !e->hit[f]);
        e->hit[f] = true;
        for (uint64_t b = 0; b < e->bits; b++) {
            const uint64_t at = f * m->code.n + 37 * b % m->code.n;
            qd_bits_set(&m->string, at, !qd_bits_get(&m->string, at));
        }
    }
}

/* A tamper_fn on a left_errors. */
static inline void leave_errors(void *with, qd_msg *m, int nth) {
    left_errors *e = with;
    if (m->type == QD_MSG_READY && nth == 0) leave_in_frames(e);
    if (m->type == QD_MSG_TAG && nth < 2 && e->other_tag[nth]) m->body[16] ^= 1;
}

/* One syndrome; added rows; Cascade. */
enum { METHODS = 3 };
static inline pair pair_by_method(int method, uint64_t n, double q) {
    pair t = pair_of(method == 2 ? QD_CODE_CASCADE : QD_CODE_AUTO, n, q);
    t.p.rounds = method == 1 ? 8 : 0;
    return t;
}

#endif
